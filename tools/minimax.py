"""Best polynomials for functions of compiled code: ``python tools/minimax.py`` prints ``native/math/coefficients.py``.

Remez's exchange in 60 digits: the polynomial p of a degree whose largest |weight · (p − f)| on an interval is smallest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp

mp.mp.dps = 60
SLACK = mp.mpf(1) / 1024  # intervals are a little larger than exact reductions would give


def remez(f: Callable[..., Any], weight: Callable[..., Any], low: Any, high: Any, degree: int) -> tuple[list[Any], Any]:
    """The coefficients, lowest first, and the largest weighted error."""
    low, high, size = mp.mpf(low), mp.mpf(high), degree + 2
    nodes = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + 0.5) / size) for i in range(size)]
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + 0.5) / (24 * size)) for i in range(24 * size)]
    known = [(x, f(x), weight(x)) for x in grid]
    for _ in range(12):
        rows = mp.matrix(size, size)
        right = mp.matrix(size, 1)
        for i, x in enumerate(nodes):
            for j in range(degree + 1):
                rows[i, j] = x**j
            rows[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solved = list(mp.lu_solve(rows, right))
        coefficients = solved[:-1]
        errors = [(w * (mp.polyval(coefficients[::-1], x) - y), x) for x, y, w in known]
        nodes = extremes(errors, size)
        worst, equal = max(abs(error) for error, _ in errors), abs(solved[-1])
        if worst < equal * mp.mpf("1.01"):
            break
    return coefficients, worst


def extremes(errors: list[tuple[Any, Any]], size: int) -> list[Any]:
    """Where the error is largest between its changes of sign."""
    best: list[tuple[Any, Any]] = []
    for error, x in errors:
        if best and (best[-1][0] > 0) == (error > 0):
            best[-1] = max(best[-1], (error, x), key=lambda pair: abs(pair[0]))
        else:
            best.append((error, x))
    while len(best) > size:
        best.pop(0 if abs(best[0][0]) < abs(best[-1][0]) else -1)
    assert len(best) == size, "the degree is too high for the digits, or the error does not alternate"
    return [x for _, x in best]


def odd(function: Callable[..., Any]) -> Callable[..., Any]:
    """(f(√z) − √z)/√z³, so that f(x) = x + x³·p(x²)."""
    return lambda z: (function(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3


def of_odd(function: Callable[..., Any]) -> Callable[..., Any]:
    """The weight for errors relative to such an f."""
    return lambda z: mp.sqrt(z) ** 3 / function(mp.sqrt(z))


def twice_atanh(s: Any) -> Any:
    return 2 * mp.atanh(s)


def erfcx(x: Any) -> Any:
    """(1 + 2x)·exp(x²)·erfc x, which is near 1."""
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def erfcx_to_the_end(t: Any) -> Any:
    """The same of x = 3(1 + t)/(1 − t), by its expansion (DLMF 7.12.1) where x is large."""
    if t == 1:
        return 2 / mp.sqrt(mp.pi)
    x = FAR * (1 + t) / (1 - t)
    if x < 40:
        return erfcx(x)
    terms = [mp.mpf(1)]
    while abs(terms[-1]) > mp.eps:
        terms.append(-terms[-1] * (2 * len(terms) - 1) / (2 * x * x))
    return (1 + 2 * x) * sum(terms) / (x * mp.sqrt(mp.pi))


def sine_of_pi(x: Any) -> Any:
    return mp.sinpi(x) / mp.pi


def log_gamma(t: Any) -> Any:
    """log Γ(2 + t)/t."""
    return mp.loggamma(2 + t) / t if t else mp.digamma(2)


def stirling(u: Any) -> Any:
    """s of log Γ(x) = (x − ½)·log x − x + ½·log 2π + s/x, where u = 1/x²."""
    x = 1 / mp.sqrt(u)
    return (mp.loggamma(x) - ((x - HALF) * mp.log(x) - x + mp.log(2 * mp.pi) / 2)) * x


def digamma(t: Any) -> Any:
    """z·ψ(z)/(z − x₀) of z = 3/2 + t, where x₀ is the zero of ψ."""
    z = t + 3 * HALF
    return z * mp.digamma(z) / (z - ZERO)


def digamma_far(u: Any) -> Any:
    """p of ψ(x) = log x − 1/(2x) − u·p, where u = 1/x²."""
    x = 1 / mp.sqrt(u)
    return (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) / u


def trigamma_far(u: Any) -> Any:
    """q of ψ′(x) = 1/x + u/2 + q·u/x, where u = 1/x²."""
    x = 1 / mp.sqrt(u)
    return (mp.polygamma(1, x) - 1 / x - u / 2) * x / u


HALF = mp.mpf(1) / 2
ZERO = mp.findroot(mp.digamma, 1.46)
FAR = mp.mpf(3)
TINY = mp.mpf("1e-12")
HALF_LOG_2 = mp.log(2) / 2 + SLACK
EIGHTH = mp.mpf("0.4148")  # tan π/8 and a little

# name: f, weight, interval, degrees in double and single precision
POLYNOMIALS: dict[str, tuple[Any, ...]] = {
    "EXP": (
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.expm1(r),
        -HALF_LOG_2, HALF_LOG_2 + SLACK / 7, 9, 5,
    ),
    "LOG": (
        lambda z: (twice_atanh(mp.sqrt(z)) - 2 * mp.sqrt(z)) / mp.sqrt(z) ** 3,
        of_odd(twice_atanh),
        TINY, mp.mpf("0.02945"), 6, 2,
    ),
    "POW": (  # twice_atanh(s) = s·(2 + z·(⅔ + z·p(z))), where 2⁻⁵⁸ is enough
        lambda z: ((mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z - mp.mpf(1) / 3) * 2 / z,
        lambda z: z**2 / 2,
        mp.mpf("1e-6"), mp.mpf("0.02945"), 6, 0,
    ),
    "SIN": (odd(mp.sin), of_odd(mp.sin), TINY, (mp.pi / 4 + SLACK) ** 2, 5, 2),
    "COS": (
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2,
        lambda z: z**2 / mp.cos(mp.sqrt(z)),
        TINY, (mp.pi / 4 + SLACK) ** 2, 5, 2,
    ),
    "ASIN": (odd(mp.asin), of_odd(mp.asin), TINY, mp.mpf("0.25"), 12, 4),
    "ATAN": (odd(mp.atan), of_odd(mp.atan), TINY, EIGHTH**2, 10, 4),
    "ERF": (
        lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1,
        lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)),
        TINY, mp.mpf("0.5626"), 10, 5,
    ),
    "ERFCX": (
        lambda t: erfcx(FAR * (1 + t) / (1 - t)),
        lambda t: 1 / erfcx(FAR * (1 + t) / (1 - t)),
        (mp.mpf("0.749") - FAR) / (mp.mpf("0.749") + FAR), (28 - FAR) / (28 + FAR), 21, 10,
    ),
    "ERFCX_TO_THE_END": (
        erfcx_to_the_end,
        lambda t: 1 / erfcx_to_the_end(t),
        (mp.mpf("0.749") - FAR) / (mp.mpf("0.749") + FAR), 1, 24, 11,
    ),
    "SINE_OF_PI": (odd(sine_of_pi), of_odd(sine_of_pi), TINY, HALF**2, 8, 4),
    "LOG_GAMMA": (log_gamma, lambda t: 1 / log_gamma(t), mp.mpf("-0.601"), mp.mpf("0.401"), 18, 8),
    "RECIPROCAL_GAMMA": (lambda t: mp.rgamma(2 + t), lambda t: mp.gamma(2 + t), -HALF, HALF, 15, 8),
    "STIRLING": (stirling, mp.sqrt, TINY, 1 / mp.mpf("4.375") ** 2, 8, 2),
    "DIGAMMA": (digamma, lambda t: 1 / digamma(t), -HALF, HALF, 17, 8),
    "DIGAMMA_FAR": (digamma_far, lambda u: u / mp.digamma(1 / mp.sqrt(u)), TINY, mp.mpf(1) / 36, 6, 2),
    "TRIGAMMA_FAR": (
        trigamma_far, lambda u: u * mp.sqrt(u) / mp.polygamma(1, 1 / mp.sqrt(u)), TINY, mp.mpf(1) / 36, 7, 2,
    ),
}  # fmt: skip


def main() -> None:
    print('"""Coefficients of polynomials, lowest first, in double and single precision. Made by tools/minimax.py."""')
    import numpy as np

    for name, (f, weight, low, high, *degrees) in POLYNOMIALS.items():
        print(f"\n{name} = (")
        for degree, single in zip(degrees, (False, True), strict=True):
            coefficients, worst = remez(f, weight, low, high, degree)
            shown = [repr(float(np.float32(str(c)))) if single else repr(float(c)) for c in coefficients]
            print(f"    # |relative error| < 2^{float(mp.log(worst, 2)):.1f}")
            print("    (\n" + "".join(f"        {c},\n" for c in shown) + "    ),")
        print(")")


if __name__ == "__main__":
    main()

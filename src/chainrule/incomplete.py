"""Incomplete gamma and beta functions differentiated in their parameters, to any order, by quadrature.

Note [One sign]
∂P(a, x)/∂a = ∫₀ˣ (log t − ψ(a)) t^(a−1) e^(−t) dt / Γ(a). The weight changes its sign once, and over all of (0, ∞) the
integral is 0; so it may be taken over (0, x) or, with a minus, over (x, ∞), and on one of the two sides all of the
integrand has one sign. There nothing cancels, and tails keep their digits. On the lower side one step of
P(a, x) = x^a e^(−x) / Γ(a+1) + P(a+1, x) (DLMF 8.8.5) keeps the integrand from being flat far out when a is small.
The beta function goes the same way (DLMF 8.17.20), with a weight for each parameter.

With t = x e^(∓s), or t/(1−t) = x/(1−x) e^(−s), the integrand is exp(−φ(s)) times a polynomial in logarithms, with φ
convex and growing from φ(0) = 0: Gauss–Legendre rules on [0, s₁] and [s₁, s₂], where φ(s₁) = 1 and φ(s₂) = 40, see it
at its own scale. The polynomials are those of Bell: derivatives of e^h are e^h times a polynomial in derivatives of h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb
from typing import Any

import numpy as np
from scipy import special

from chainrule.orders import gauss_legendre

Array = Any
CHUNK = 1024  # elements
NEWTON = 8  # steps that find s₁ and s₂ to a few percent, which is enough
# B₂ₖ / (2k(2k−1)), k = 1, 2, …: Stirling's series of log Γ (DLMF 5.11.1), full precision from LARGE on.
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
LARGE = 10.0


# -------------------------------------------------------------------------------------------------- gamma


def gammainc_derivative(a: Array, x: Array, order: int) -> Array:
    """∂ⁿP(a, x)/∂aⁿ for n = ``order`` ≥ 1."""
    a, x = np.broadcast_arrays(np.asarray(a, float), np.asarray(x, float))
    out = np.where((a > 0) & (x >= 0), 0.0, np.nan)
    inside = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    below = inside & (np.log(np.where(inside, x, 1)) < special.psi(np.where(inside, a, 1) + 1))
    for side, function in ((below, _gamma_below), (inside & ~below, _gamma_above)):
        _fill(out, side, lambda a, x, function=function: function(a, x, order), a, x)
    return out


def _gamma_below(a: Array, x: Array, order: int) -> Array:
    higher = [-special.polygamma(k, a + 1) for k in range(1, order)]
    slope, ahead = _log_minus_psi(x, a + 1), a + 1 - x

    def exponent(s: Array) -> tuple[Array, Array]:
        return ahead * s + x * _expm1_minus(-s), ahead - x * np.expm1(-s)

    total = _integral(exponent, lambda s: bell([slope - s, *higher]), 2 / (ahead + np.sqrt(ahead * ahead + 2 * x)))
    return gamma_density(a + 1, x) * (bell([slope, *higher]) + x * total)


def _gamma_above(a: Array, x: Array, order: int) -> Array:
    higher = [-special.polygamma(k, a) for k in range(1, order)]
    slope, ahead = _log_minus_psi(x, a), x - a

    def exponent(s: Array) -> tuple[Array, Array]:
        return ahead * s + x * _expm1_minus(s), ahead + x * np.expm1(s)

    total = _integral(exponent, lambda s: bell([slope + s, *higher]), 2 / (ahead + np.sqrt(ahead * ahead + 2 * x)))
    return -x * gamma_density(a, x) * total


def gamma_density(a: Array, x: Array) -> Array:
    """x^(a−1) e^(−x) / Γ(a), by the deviation of x from a where a is large."""
    large = a >= LARGE
    b, y = np.where(large, a, LARGE), np.where(large, np.maximum(x, 1e-300), LARGE)
    half = np.exp((b * _log_minus(y, b, (y - b) / b) - _stirling(b)) / 2)  # halves do not underflow
    scaled = half * np.sqrt(b / (2 * np.pi)) / y * half
    b, y = np.where(large, 1, a), np.minimum(x, 1e6)
    half = np.power(y, (b - 1) / 2) * np.exp(-y / 2)
    return np.where(large, scaled, half * special.rgamma(b) * half)


def _log_minus_psi(x: Array, a: Array) -> Array:
    """log x − ψ(a), which is small near x = a."""
    b = np.maximum(a, LARGE)
    rest = 1 / (2 * b) + sum(c * (2 * k + 1) / b ** (2 * k + 2) for k, c in enumerate(STIRLING))  # DLMF 5.11.2
    near = np.abs(x - a) < 0.5 * a
    ratio = np.where(near, np.log1p(np.where(near, (x - a) / a, 0)), np.log(x / a))
    return np.where(a >= LARGE, ratio + rest, np.log(x) - special.psi(a))


# --------------------------------------------------------------------------------------------------- beta


def betainc_derivative(a: Array, b: Array, x: Array, orders: tuple[int, int]) -> Array:
    """∂ᵐ⁺ⁿI_x(a, b)/∂aᵐ∂bⁿ for (m, n) = ``orders``, m + n ≥ 1."""
    a, b, x = np.broadcast_arrays(*(np.asarray(z, float) for z in (a, b, x)))
    out = np.where((a > 0) & (b > 0) & (x >= 0) & (x <= 1), 0.0, np.nan)
    inside = (a > 0) & (b > 0) & (x > 0) & (x < 1) & np.isfinite(a) & np.isfinite(b)
    below = inside & (b * x <= a * (1 - x))
    _fill(out, below, lambda a, b, x: _beta_below(a, b, x, 1 - x, orders), a, b, x)
    other = orders[1], orders[0]
    _fill(out, inside & ~below, lambda a, b, x: -_beta_below(b, a, 1 - x, x, other), a, b, x)
    return out


def _beta_below(a: Array, b: Array, x: Array, y: Array, orders: tuple[int, int]) -> Array:
    ahead = (a + 1) * y - b * x
    log_x, log_y = (np.where(z < 0.5, np.log(z), np.log1p(-rest)) for z, rest in ((x, y), (y, x)))
    first = (log_x + psi_difference(a + 1, b - 1, a + b), log_y + psi_difference(b, a))
    later = (log_x + psi_difference(a + 1, b), log_y + psi_difference(b, a + 1))
    first_higher, later_higher = (higher(a + 1, b, total, orders) for total in (a + b, a + b + 1))

    def exponent(s: Array) -> tuple[Array, Array]:
        u, v = y * np.expm1(s), x * np.expm1(-s)
        up, down = np.log1p(u), np.log1p(v)
        # Far out the two terms have their own sizes; near 0 all of them but s²/2 cancels.
        near = ahead * s + (a + 1) * (_log1p_minus(u) + y * _expm1_minus(s))
        near = near + b * (_log1p_minus(v) + x * _expm1_minus(-s))
        share = y / (y + x * np.exp(-s))
        return np.where(s < 1, near, (a + 1) * up + b * down), (a + 1) * share - b * (1 - share)

    def weight(s: Array) -> Array:
        up, down = np.log1p(y * np.expm1(s)), np.log1p(x * np.expm1(-s))
        return bell2(orders, later[0] - up, later[1] - down, later_higher)

    scale = 2 / (ahead + np.sqrt(ahead * ahead + 2 * (a + 1 + b) * x * y))
    total = _integral(exponent, weight, scale, 2 - log_y)
    return beta_density(a + 1, b, x, y) * y * (bell2(orders, *first, first_higher) / (a + b) + x * total)


def beta_density(a: Array, b: Array, x: Array, y: Array) -> Array:
    """x^(a−1) y^(b−1) / B(a, b) with y = 1 − x, by the deviation of x from a/(a+b) where both are large."""
    swap = a > b
    a, b, x, y = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, y, x), np.where(swap, x, y)
    large, c, d = a >= LARGE, np.maximum(a, LARGE), np.maximum(b, LARGE)
    away = x * d - y * c
    half = c * _log_minus(x * (c + d), c, away / c) + d * _log_minus(y * (c + d), d, -away / d)
    half = np.exp((half + _stirling(c + d) - _stirling(c) - _stirling(d)) / 2)
    both = half * (np.sqrt(c / (c + d) * d / (2 * np.pi)) / np.maximum(x * y, 1e-300)) * half
    power = (b - 1) / 2
    half = np.power(x, (a - 1) / 2) * np.exp(np.where(y < 0.5, special.xlogy(power, y), special.xlog1py(power, -x)))
    few = np.where(large, 1, a)
    rise = d * _log_minus(d + few, d, few / d) - np.log1p(few / d) / 2 + _stirling(d + few) - _stirling(d)
    ratio = np.where(b < LARGE, special.gamma(few + np.minimum(b, LARGE)) * special.rgamma(b), np.exp(rise))
    power = np.where(b < LARGE, half, half * np.power(d + few, few / 2))
    return np.where(large, both, power * (special.rgamma(few) * ratio) * power)


def psi_difference(a: Array, b: Array, total: Array | None = None) -> Array:
    """ψ(a + b) − ψ(a) for positive a and a + b, exact for small b; a + b may be given as ``total``."""
    end = a + b if total is None else total
    total = sum(np.where(a < LARGE, b / ((a + k) * (end + k)), 0) for k in range(int(LARGE)))
    c = np.where(a < LARGE, a + LARGE, a)
    log = np.log1p(b / c)
    series = sum(s * (2 * k + 1) * np.expm1(-2 * (k + 1) * log) / c ** (2 * k + 2) for k, s in enumerate(STIRLING))
    return total + log + b / c / (2 * (c + b)) - series


def higher(a: Array, b: Array, total: Array, orders: tuple[int, int]) -> dict[tuple[int, int], Array]:
    """Derivatives of log Γ(total) − log Γ(a) − log Γ(b) from the second on."""
    found = {}
    for i in range(orders[0] + 1):
        for j in range(orders[1] + 1):
            if i + j >= 2:
                own = special.polygamma(i - 1, a) if j == 0 else special.polygamma(j - 1, b) if i == 0 else 0.0
                found[i, j] = special.polygamma(i + j - 1, total) - own
    return found


# ------------------------------------------------------------------------------------------------- shared


def _fill(out: Array, where: Array, function: Callable[..., Array], *operands: Array) -> None:
    """Write the function of the chosen elements into out, a chunk at a time: every element has many nodes."""
    places = np.flatnonzero(where)
    flat = [x.reshape(-1) for x in operands]
    for start in range(0, places.size, CHUNK):
        chunk = places[start : start + CHUNK]
        out.flat[chunk] = function(*(x[chunk] for x in flat))


def bell(slopes: Sequence[Array]) -> Array:
    """e^(−h) dⁿ(e^h) for the derivatives h′, h″, …, h⁽ⁿ⁾ of h: the complete Bell polynomial."""
    values = [1.0]
    for n in range(len(slopes)):
        values.append(sum(comb(n, i) * values[n - i] * slopes[i] for i in range(n + 1)))
    return values[-1]


def bell2(orders: tuple[int, int], by_a: Array, by_b: Array, higher: dict[tuple[int, int], Array]) -> Array:
    """e^(−h) ∂ᵐ⁺ⁿ(e^h)/∂aᵐ∂bⁿ for the derivatives of h."""
    slopes = {(1, 0): by_a, (0, 1): by_b, **higher}
    values: dict[tuple[int, int], Array] = {(0, 0): 1.0}
    for m in range(orders[0] + 1):
        for n in range(orders[1] + 1):
            if m:
                pairs = [(i, j) for i in range(m) for j in range(n + 1)]
                terms = [comb(m - 1, i) * comb(n, j) * values[m - 1 - i, n - j] * slopes[i + 1, j] for i, j in pairs]
                values[m, n] = sum(terms)
            elif n:
                values[m, n] = sum(comb(n - 1, j) * values[0, n - 1 - j] * slopes[0, j + 1] for j in range(n))
    return values[orders]


def _stirling(b: Array) -> Array:
    """log Γ(b) − (b − ½) log b + b − ½ log 2π."""
    return sum(c / b ** (2 * k + 1) for k, c in enumerate(STIRLING))


def _log_minus(x: Array, a: Array, u: Array) -> Array:
    """log(x/a) − u for u = (x − a)/a."""
    return np.where(np.abs(u) < 0.5, _log1p_minus(u), np.log(x / a) - u)


def _log1p_minus(u: Array) -> Array:
    """log(1 + u) − u; for small u by 2 artanh(r) = 2r + 2r³/3 + … with r = u/(2 + u)."""
    near = np.abs(u) < 0.5
    r = np.where(near, u, 0) / (2 + np.where(near, u, 0))
    square, total = r * r, 0.0
    for k in range(16, 0, -1):
        total = square * (1 / (2 * k + 1) + total)
    return np.where(near, 2 * r * total - u * r, np.log1p(u) - u)


def _expm1_minus(s: Array) -> Array:
    """eˢ − 1 − s."""
    total = 1.0
    for k in range(10, 2, -1):
        total = 1 + s / k * total
    return np.where(np.abs(s) < 0.1, s * s / 2 * total, np.expm1(s) - s)


def _integral(exponent: Array, weight: Array, scale: Array, flat: Array = np.inf) -> Array:
    """∫₀^∞ exp(−φ(s)) w(s) ds for a convex φ; ``exponent(s)`` gives (φ, φ′), ``weight(s)`` gives w.

    ``scale`` is about where φ is 1, and beyond ``flat`` φ grows at least as s.
    """
    nodes, weights = gauss_legendre()
    total, start = 0.0, 0.0
    for level in (1.0, 40.0):
        end = np.minimum(scale * (10 if level > 1 else 1), flat + level)
        for _ in range(NEWTON):
            value, slope = exponent(end)
            end = np.maximum(end - (value - level) / slope, end / 8)
        s = start + (end - start) * nodes[:, None]
        total = total + (end - start) * (weights @ (np.exp(-exponent(s)[0]) * weight(s)))
        start = end
    return total

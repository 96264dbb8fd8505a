"""Derivatives of Bessel functions in their order ν, of any order k: elementwise ops of (k, ν, x) for real ν and x > 0.

Contour integrals are differentiated under the sign, since there ν stands in an exponent alone. Where the function is
far smaller than its integrand, the power series is, term by term, with truncated Taylor series in ν (jets). Where ν
is large, the integrand is far larger than the function; there polynomials through SciPy's values are differentiated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

from chainrule.errors import GradientError
from chainrule.op import NONE, elementwise
from chainrule.spec import promote

# e^−CUT is nothing beside 1; a chunk of integrands is to fit into the cache.
CUT, CHUNK = 42.0, 1 << 15
# |ν| from which polynomials are differentiated, and x beyond which the phase of J and Y is lost.
LARGE, LOST = 150.0, 1e15


def _chunked(rule: Callable[..., Any]) -> Callable[..., Any]:
    """``rule(k, v, x)`` run over pieces of flat arrays, so that elements × nodes stay few."""

    def integral(k: int, v: Any, x: Any) -> Any:
        pieces = [rule(k, v[i : i + CHUNK // 128], x[i : i + CHUNK // 128]) for i in range(0, len(v), CHUNK // 128)]
        return np.concatenate(pieces) if pieces else np.zeros(0)

    return integral


def _reach(v: Any, x: Any) -> Any:
    """T with x (cosh T − 1) − |v| T ≥ CUT: where e^(vt − x cosh t) has died away."""
    reach = np.arccosh(1 + CUT / x)
    for _ in range(6):
        reach = np.arccosh(1 + (CUT + np.abs(v) * reach) / x)
    return reach


@functools.cache
def _legendre(count: int) -> Any:
    return np.polynomial.legendre.leggauss(count)


@_chunked
def _hankel(k: int, v: Any, x: Any) -> Any:
    """∂ᵏ/∂νᵏ of H⁽¹⁾ = (1/πi) ∫ exp(ix cosh t + ν(t − iπ/2)) dt, DLMF 10.9.10, along t = w + i gd(w + w₀).

    For ν = 0 that is the path of steepest descent, where cosh t = 1 + i sinh w tanh w; w₀ moves it to the saddle
    sinh t = −iν/x, though not into the turning point ν = x.
    """
    shift = np.arctanh(np.clip(v / x, -0.905, 0.905))
    reach = _reach(v, x) + np.abs(shift)
    half = max(64, int(np.max(reach) / 0.06))
    w = reach * (np.arange(-half, half + 1) / half)[:, None]
    u = w + shift
    t = w + 1j * np.arctan(np.sinh(u))
    # cosh t in real parts, with sin gd = tanh and cos gd = sech
    exponent = 1j * x * (np.cosh(w) / np.cosh(u)) - x * np.sinh(w) * np.tanh(u)
    turned = t - 0.5j * np.pi
    integrand = turned**k * np.exp(exponent + v * turned) * (1 + 1j / np.cosh(u))
    return np.sum(integrand, axis=0) * (reach / half) / (1j * np.pi)


@_chunked
def _descent(k: int, v: Any, x: Any) -> Any:
    """∂ᵏJ/∂νᵏ for ν > x from (1/2πi) ∫ exp(x sinh t − νt) dt, DLMF 10.9.17, on cosh u = (ν/x) φ/sin φ, t = u + iφ."""
    nodes, weights = _legendre(96)
    angle = np.pi * (nodes[:, None] + 1) / 2
    ratio = v / x * angle / np.sin(angle)
    u = np.arccosh(ratio)
    slope = v / x * (np.sin(angle) - angle * np.cos(angle)) / np.sin(angle) ** 2 / np.sqrt((ratio - 1) * (ratio + 1))
    size = np.exp(x * np.sinh(u) * np.cos(angle) - v * u)
    moment = (-(u + 1j * angle)) ** k * (slope + 1j)
    return np.sum(weights[:, None] * np.where(size == 0, 0, size * moment.imag), axis=0) / 2


@functools.cache
def _stencil(k: int) -> tuple[Any, Any]:
    """Chebyshev points of (−1, 1), and the weights of values there in the kth derivative of their polynomial at 0."""
    count = 25
    points = np.polynomial.chebyshev.chebpts1(count)
    basis = np.polynomial.chebyshev.chebvander(points, count - 1)
    at_zero = [np.polynomial.Chebyshev.basis(n).deriv(k)(0.0) for n in range(count)]
    return points, basis @ (np.array(at_zero) / np.sum(basis * basis, axis=0))


def _through_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """∂ᵏ/∂νᵏ by the polynomial of degree 24 through values at ν − 1 … ν + 1, where log f changes by few units."""

    def rule(k: int, v: Any, x: Any) -> Any:
        points, weights = _stencil(k)
        values = function(v + points[:, None], x)
        size = np.max(np.abs(values), axis=0)
        return np.where(np.isinf(size), np.nan, weights @ values)

    return _chunked(rule)


def _series(k: int, v: Any, x: Any, sign: float) -> Any:
    """∂ᵏ/∂νᵏ of Σ (±x²/4)ⁿ (x/2)^ν / (n! Γ(ν + n + 1)), DLMF 10.2.2 and 10.25.2, for ν ≥ 0."""
    logarithm = [v * np.log(x / 2) - special.gammaln(v + 1), np.log(x / 2) - special.psi(v + 1)]
    logarithm += [-special.polygamma(j - 1, v + 1) / factorial(j) for j in range(2, k + 1)]
    term = [np.exp(logarithm[0])]
    for j in range(1, k + 1):
        term.append(sum(i * logarithm[i] * term[j - i] for i in range(1, j + 1)) / j)
    total = np.array(term)
    for n in range(1, 100_000):
        step = sign * x * x / (4 * n * (v + n))
        for j in range(k + 1):
            term[j] = step * term[j] - (term[j - 1] / (v + n) if j else 0)
        total += term
        if np.all((np.abs(term) <= 1e-17 * np.abs(total)) | (np.abs(total) < 1e-300)) and np.all(np.abs(step) < 0.5):
            break
    return total[k] * factorial(k)


@_chunked
def _scaled_i(k: int, v: Any, x: Any) -> Any:
    """∂ᵏ/∂νᵏ of e⁻ˣ I = (1/π) ∫ e^(x cos θ − x) cos νθ dθ − (1/π) ∫ e^(−x − x cosh t − νt) sin νπ dt, DLMF 10.32.4."""
    nodes, weights = (a[:, None] for a in _legendre(64 + int(np.max(np.abs(v)))))
    end = np.arccos(np.maximum(-1, 1 - CUT / x))
    angle = end * (nodes + 1) / 2
    cosine = (-1) ** ((k + 1) // 2) * (np.sin if k % 2 else np.cos)(v * angle)
    first = np.exp(-2 * x * np.sin(angle / 2) ** 2) * angle**k * cosine
    reach = _reach(v, x)
    nodes, heavy = (a[:, None] for a in _legendre(48 + 12 * int(np.max(reach))))
    t = reach * (nodes + 1) / 2
    turned = 1j * np.pi - t
    size = np.exp(-x * (1 + np.cosh(t)) - v * t)
    sine = turned**k * (special.cosdg(180 * v % 360) + 1j * special.sindg(180 * v % 360))
    second = size * sine.imag
    return (end * np.sum(weights * first, axis=0) - reach * np.sum(heavy * second, axis=0)) / (2 * np.pi)


def _reflected_i(k: int, v: Any, x: Any) -> Any:
    """∂ᵏ/∂νᵏ of e⁻ˣ I for ν < 0, where K may be far larger than I: I₋ᵤ = Iᵤ + (2/π) sin(uπ) Kᵤ, DLMF 10.27.2."""
    u = -v
    turns = np.array([special.sindg(180 * u % 360), special.cosdg(180 * u % 360)])
    waves = [turns[j % 2] * (-1) ** (j // 2) * np.pi**j for j in range(k + 1)]
    second = sum(comb(k, j) * wave * _scaled_k(k - j, u, x) for j, wave in enumerate(waves))
    return (-1) ** k * (_ive(k, u, x) + 2 / np.pi * np.exp(-2 * x) * second)


@_chunked
def _scaled_k(k: int, v: Any, x: Any) -> Any:
    """∂ᵏ/∂νᵏ of eˣ K = ∫ e^(x − x cosh t) cosh νt dt, DLMF 10.32.9, by the trapezoidal rule."""
    reach = _reach(v, x)
    count = max(64, int(np.max(reach) / 0.08))
    t = reach * (np.arange(count + 1) / count)[:, None]
    decay = -2 * x * np.sinh(t / 2) ** 2
    integrand = t**k * (np.exp(decay + v * t) + (-1) ** k * np.exp(decay - v * t)) / 2
    integrand[0] /= 2
    return np.sum(integrand, axis=0) * reach / count


def _of_positive(name: str, rule: Callable[..., Any], vanishes: bool) -> Callable[..., Any]:
    """An op's value from ``rule(k, v, x)`` on flat arrays of float64 with x > 0; at 0 it ``vanishes`` for ν > 0."""

    def value(k: Any, v: Any, x: Any) -> Any:
        dtype = np.result_type(promote([v, x]), np.float32)  # as SciPy's functions have it
        if dtype.kind == "c":
            raise GradientError(
                f"[{name}] the derivative in the order v is known for real z only: v has dtype "
                f"{np.asarray(v).dtype}, z {np.asarray(x).dtype}; expected real ones; detach() the order, or "
                f"differentiate at real z."
            )
        orders, v, x = np.broadcast_arrays(k, np.asarray(v, float), np.asarray(x, float))
        out = np.full(v.shape, np.nan)
        if vanishes:
            out[(x == 0) & (v > 0)] = 0
        inside = (x > 0) & np.isfinite(x) & np.isfinite(v)
        with np.errstate(all="ignore"):
            for order in np.unique(orders):
                chosen = inside & (orders == order)
                out[chosen] = rule(int(order), v[chosen], x[chosen])
        return out.astype(dtype)[()]

    return value


def _choose(k: int, v: Any, x: Any, *branches: tuple[Any, Callable[..., Any]]) -> Any:
    """Each element by the first branch whose condition it meets."""
    out, free = np.empty(v.shape), np.ones(v.shape, bool)
    for condition, rule in branches:
        chosen = free & condition
        if chosen.any():
            out[chosen] = rule(k, v[chosen], x[chosen])
        free &= ~chosen
    return out


def _unknown(_k: int, _v: Any, x: Any) -> Any:
    return np.full(x.shape, np.nan)


def _jv(k: int, v: Any, x: Any) -> Any:
    return _choose(
        k, v, x,
        ((v >= 0) & (x * x <= 8 * (v + 1)), lambda k, v, x: _series(k, v, x, -1.0)),
        (v > 1.1 * x, _descent),
        (x > LOST, _unknown),
        (np.abs(v) > LARGE, _through_values(special.jv)),
        (True, lambda k, v, x: _hankel(k, v, x).real),
    )  # fmt: skip


def _yv(k: int, v: Any, x: Any) -> Any:
    return _choose(
        k, v, x,
        (x > LOST, _unknown),
        (np.abs(v) > LARGE, _through_values(special.yv)),
        (True, lambda k, v, x: _hankel(k, v, x).imag),
    )  # fmt: skip


def _ive(k: int, v: Any, x: Any) -> Any:
    return _choose(
        k, v, x,
        (v < -0.5, _reflected_i),
        ((v >= 0) & ((x <= 2) | (v * v > 8 * x)), lambda k, v, x: np.exp(-x) * _series(k, v, x, 1.0)),
        (True, _scaled_i),
    )  # fmt: skip


def _neighbours(name: str, low: float, high: float) -> Callable[..., Any]:
    """The derivative in x: low · f(ν − 1) + high · f(ν + 1), since the recurrence in ν has no other ν in it."""

    def slope(xp: Any, _out: Any, k: Any, v: Any, x: Any) -> Any:
        f = getattr(xp, name)
        return xp.add(xp.multiply(low, f(k, v - 1.0, x)), xp.multiply(high, f(k, v + 1.0, x)))

    return slope


def _next(name: str) -> Callable[..., Any]:
    return lambda xp, _out, k, v, x: getattr(xp, name)(k + 1, v, x)


elementwise(
    "jv_order",
    value=_of_positive("jv", _jv, True),
    d=(NONE, _next("jv_order"), _neighbours("jv_order", 0.5, -0.5)),
    public=("special.jv_order",),
    doc="""∂ᵏJᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.jv`` in its order, for real x > 0.

    At x = 0 it is 0 for v > 0; where it is not real, or does not exist, NaN. Raises GradientError for complex x.

    >>> cr.special.jv_order(1, 0.0, cr.tensor([1.0, 2.0]))
    tensor([0.13863372, 0.80169623])
    """,
)
elementwise(
    "yv_order",
    value=_of_positive("yv", _yv, False),
    d=(NONE, _next("yv_order"), _neighbours("yv_order", 0.5, -0.5)),
    public=("special.yv_order",),
    doc="""∂ᵏYᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.yv`` in its order, for real x > 0 (else NaN).

    >>> cr.special.yv_order(1, 0.0, cr.tensor([1.0, 2.0]))
    tensor([-1.20196972, -0.35168681])
    """,
)
elementwise(
    "ive_order",
    value=_of_positive("ive", _ive, True),
    d=(
        NONE,
        _next("ive_order"),
        lambda xp, out, k, v, x: xp.subtract(_neighbours("ive_order", 0.5, 0.5)(xp, out, k, v, x), out),
    ),
    public=("special.ive_order",),
    doc="""e⁻ˣ ∂ᵏIᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.ive`` in its order, for real x > 0.

    At x = 0 it is 0 for v > 0; where it is not real, or does not exist, NaN. Raises GradientError for complex x.

    >>> cr.special.ive_order(1, 0.0, cr.tensor([1.0, 2.0]))
    tensor([-0.15488624, -0.01541386])
    """,
)
elementwise(
    "kve_order",
    value=_of_positive("kve", _scaled_k, False),
    d=(
        NONE,
        _next("kve_order"),
        lambda xp, out, k, v, x: xp.add(_neighbours("kve_order", -0.5, -0.5)(xp, out, k, v, x), out),
    ),
    public=("special.kve_order",),
    doc="""eˣ ∂ᵏKᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.kve`` in its order, for real x > 0 (else NaN).

    >>> cr.special.kve_order(1, 1.0, cr.tensor([1.0, 2.0]))
    tensor([1.14446308, 0.42078411])
    """,
)

"""Gamma functions, complete and incomplete. Derivatives in parameters are compared with sums of 40 digits."""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, elementwise_calls, row


def precise(function: Callable[..., Any], orders: int = 1, kinds: str = "f") -> Callable[..., Any]:
    """A function of integers, as many as ``orders``, and of mpmath's numbers, as one of arrays of these ``kinds``."""

    def reference(*args: Any) -> Any:
        dtype = np.result_type(*args[orders:])
        if dtype.kind not in "biu" + kinds:
            raise TypeError
        dtype = dtype if dtype.kind in "fc" else np.dtype(float)
        wide = [np.asarray(x, np.result_type(dtype, float)) for x in args[orders:]]
        arrays = np.broadcast_arrays(*args[:orders], *wide)
        with mp.workdps(40):
            numbers = zip(*(map(mp.mpmathify, a.ravel().tolist()) for a in arrays), strict=True)
            values = [complex(function(*one)) for one in numbers]
        out = np.reshape(values, arrays[0].shape)
        return (out if dtype.kind == "c" else out.real).astype(dtype)[()]

    return reference


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of real arrays computed in double precision, whatever their precision."""

    def reference(*args: Any) -> Any:
        dtype = np.result_type(*args)
        if dtype.kind == "c":
            raise TypeError
        return np.asarray(function(*(np.asarray(x, float) for x in args))).astype(
            dtype if dtype.kind == "f" else float
        )[()]

    return reference


def gammainc_derivative(n: Any, a: Any, x: Any) -> Any:
    return mp.diff(lambda b: mp.gammainc(b, 0, x, regularized=True), a, int(n))


def gamma_density_derivative(n: Any, a: Any, x: Any) -> Any:
    return mp.diff(lambda b: x ** (b - 1) * mp.exp(-x) * mp.rgamma(b), a, int(n))


def betainc_derivative(m: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
    return mp.diff(lambda c, d: mp.betainc(c, d, 0, x, regularized=True), (a, b), (int(m), int(n)))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    return x ** (a - 1) * (1 - x) ** (b - 1) / special.beta(a, b)


def beta_density_derivative(m: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
    if x == 1 and n:
        return (-1) ** n * mp.inf if b == 1 else 0
    return mp.diff(lambda c, d: x ** (c - 1) * (1 - x) ** (d - 1) / mp.beta(c, d), (a, b), (int(m), int(n)))


def multigammaln(a: Any, d: int) -> Any:
    """SciPy's, with NaN instead of an error, and in single precision where its gammaln is."""
    dtype = special.gammaln(a).dtype
    a = np.asarray(a, float)
    inside = 2 * a > d - 1
    return np.where(inside, special.multigammaln(np.where(inside, a, d), d), np.nan).astype(dtype)[()]


def polygamma(n: Any, x: Any) -> Any:
    if x.imag == 0 and x == mp.nint(x.real) and x.real <= 0:
        return (-1) ** (n + 1) * mp.inf if n or x == 0 else mp.nan
    return mp.psi(n, x)


def weak(function: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's function, with numbers of Python's in the precision of the array beside them."""
    return lambda *args: function(*(np.asarray(x, np.result_type(*args)) if isinstance(x, float) else x for x in args))


def between(low: float, high: float, shape: Any = FULL) -> Any:
    return draw(shape, low, high)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "digamma_difference": in_double(lambda x, y: special.psi(x + y) - special.psi(x)),
    "gamma_density": in_double(lambda a, x: x ** (a - 1) * np.exp(-x) / special.gamma(a)),
} | {
    name: weak(getattr(special, name))
    for name in ("beta", "betaln", "gammainc", "gammaincc", "gammaincinv", "gammainccinv", "poch", "binom")
}

ORDERS = np.array([[1], [2]])
# Functions of an order n and of two or three arrays, the last of which lies in the unit interval or not.
GAMMA_CALLS = (
    call(1, between(0.5, 4), between(0.5, 4)),
    call(2, between(0.5, 4, ()), between(0.5, 4, (3,))),
    call(ORDERS, between(0.5, 4, (2,)), between(0.5, 4)[:, :2]),
    call(1, between(0.5, 4, (0, 3)), between(0.5, 4, (3,))),
)
BETA_CALLS = (
    call(1, 0, between(0.5, 4, (3,)), between(0.5, 4, (3,)), between(0.1, 0.9, (3,))),
    call(0, 1, between(0.5, 4, (2,)), between(0.5, 4, ()), between(0.1, 0.9, (2,))),
    call(1, 1, between(0.5, 4, ()), between(0.5, 4, ()), between(0.1, 0.9, (2,))),
    call(ORDERS - 1, ORDERS[::-1] - 1, between(0.5, 4, ()), between(0.5, 4, ()), between(0.1, 0.9, (2, 1))),
    call(1, 0, between(0.5, 4, (0,)), between(0.5, 4, ()), between(0.1, 0.9, ())),
)

# Quadrature takes its time: broadcast, single, empty and plain operands, and no more.
_beta = elementwise_calls(3, ("positive", "positive", (0.1, 0.9)))
FEW = tuple(_beta[i] for i in (2, 4, 5, 7))

ROWS: dict[str, Row] = {
    **{name: row(getattr(special, name), *FEW) for name in ("betainc", "betaincc", "betaincinv", "betainccinv")},
    "gammainc_derivative": row(precise(gammainc_derivative), *GAMMA_CALLS),
    "gamma_density_derivative": row(precise(gamma_density_derivative), *GAMMA_CALLS),
    "betainc_derivative": row(precise(betainc_derivative, 2), *BETA_CALLS),
    "beta_density_derivative": row(precise(beta_density_derivative, 2), *BETA_CALLS),
    "beta_density": row(in_double(beta_density), *elementwise_calls(3, ("positive", "positive", (0.1, 0.9)))),
    "polygamma": row(
        precise(polygamma, kinds="fc"),
        call(1, between(0.5, 4)),
        call(ORDERS, between(0.5, 4, (3,))),
        call(0, between(-1.9, -1.1, ())),
        call(3, between(-1.9, -1.1, (2,))),
        call(2, between(0.5, 4, (0, 2))),
    ),
    "multigammaln": row(
        multigammaln,
        call(between(2.5, 5), 3),
        call(between(2.5, 5, ()), 1),
        call(between(2.5, 5, (4,)), 2),
        call(between(2.5, 5, (0, 2)), 2),
    ),
}

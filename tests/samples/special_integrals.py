"""Special functions that are integrals or quotients, entropies and robust losses."""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
from scipy import special

from samples.drawing import Row, call, draw, floating, row
from samples.special_erf import calls
from samples.special_gamma import between, precise, weak


def exprel(n: Any, x: Any) -> Any:
    return mp.diff(lambda y: mp.expm1(y) / y, x, int(n)) if x else mp.mpf(1) / (n + 1)


def sin_quotient(n: Any, x: Any) -> Any:
    return mp.diff(mp.sinc, x, int(n)) if x else mp.cospi(mp.mpf(int(n)) / 2) / (n + 1)


def log1p_quotient(n: Any, x: Any) -> Any:
    if x == -1:
        return (-1) ** n * mp.inf
    if x.imag == 0 and x.real < -1:
        return mp.nan
    return mp.diff(lambda y: mp.log(1 + y) / y, x, int(n)) if x else (-1) ** n * mp.factorial(n) / (n + 1)


def expn(n: Any, x: Any) -> Any:
    return special.expn(n, x).astype(x.dtype if x.dtype.kind == "f" else float)


def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    out = special.lambertw(z, k, tol)
    return out.astype(np.complex64) if z.dtype in (np.float32, np.complex64) else out


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "sine_integral": lambda x: special.sici(x)[0],
    "cosine_integral": lambda x: special.sici(x)[1],
    "sinh_integral": lambda x: special.shichi(x)[0],
    "cosh_integral": lambda x: special.shichi(x)[1],
    "fresnel_sine": lambda x: special.fresnel(x)[0],
    "fresnel_cosine": lambda x: special.fresnel(x)[1],
    "xlogy": weak(special.xlogy),
    "xlog1py": weak(special.xlog1py),
}

COMPLEX = "complex64 complex128"
POSITIVE = call(between(0.5, 4)), call(between(0.5, 4, ())), call(between(0.5, 4, (0, 3)))
DELTA, R = np.array([0.7, 0.8, 0.9]), np.array([[-2.3, -0.31, 0.12], [0.44, 1.3, 2.6]])

ROWS: dict[str, Row] = {
    "exprel_derivative": row(precise(exprel, kinds="fc"), *calls(-2, 4)),
    "sin_quotient_derivative": row(precise(sin_quotient, kinds="fc"), *calls(-2, 4)),
    "log1p_quotient_derivative": row(precise(log1p_quotient, kinds="fc"), *calls(-0.8, 4)),
    "expn": row(
        expn,
        call(2, between(0.5, 4)),
        call(np.array([[0], [1], [2]]), between(0.5, 4, (2,))),
        call(1, between(0.5, 4, ())),
        call(1, between(0.5, 4, (0, 2))),
    ),
    "sici": row(special.sici, *POSITIVE),
    "shichi": row(special.shichi, *POSITIVE),
    "fresnel": row(special.fresnel, *POSITIVE),
    "lambertw": row(
        lambertw,
        *POSITIVE,
        call(between(-3, -1.5), -1),
        call(between(0.5, 4), np.array([0, 1, -1])),
        call(draw((3,), -0.3, 0.3), tol=1e-10),
    ),
    "lambertw_branch": row(lambertw, call(between(0.5, 4), 0, 1e-8), call(between(0.5, 4, (2,)), 1, 1e-8)),
    "special_logsumexp": row(
        special.logsumexp,
        call(draw((2, 3), 0.1, 0.9), b=np.array([1.5, -0.4, 0.7])),
        call(draw((2, 3)), 1, draw((2, 3), 0.5, 2), True),
        call(draw((2, 3)), axis=0),
        call(draw(()), b=draw((), 0.5, 2)),
        refuses=COMPLEX,
    ),
    "special_softmax": row(
        lambda x, axis=None: special.softmax(floating(x), axis),
        call(draw((2, 3))),
        call(draw((2, 3)), 1),
        call(draw((3,)), axis=0),
        refuses=COMPLEX,
    ),
    "special_log_softmax": row(
        lambda x, axis=None: special.log_softmax(floating(x), axis),
        call(draw((2, 3))),
        call(draw((2, 3)), 1),
        call(draw((3,)), axis=0),
        refuses=COMPLEX,
    ),
    "huber": row(
        special.huber,
        call(DELTA, R),
        call(DELTA[:, None], R[0, :2]),
        call(0.8, R),
        call(np.array(0.7), np.array(2.1)),
        call(DELTA, R[:0]),
    ),
}

"""Error functions and zeta functions."""

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, row
from samples.special_gamma import ORDERS, between, precise


def erfcx(n, x):
    return mp.diff(lambda y: mp.exp(y * y) * mp.erfc(y), x, int(n))


def dawsn(n, x):
    return mp.diff(lambda y: mp.sqrt(mp.pi) / 2 * mp.exp(-y * y) * mp.erfi(y), x, int(n))


def zeta(n, x, q):
    if x == 1:
        return (-1) ** n * mp.inf
    return mp.zeta(x, q, int(n)) if mp.re(q) > 0 else mp.nan


def calls(low: float, high: float) -> Any:
    return (
        call(1, between(low, high)),
        call(2, between(low, high, ())),
        call(ORDERS, between(low, high, (3,))),
        call(ORDERS, between(low, high, (2, 0))),
    )


def hurwitz_zeta(x, q):
    if np.iscomplexobj(x) or np.iscomplexobj(q):
        raise TypeError
    return special.zeta(x, q)


def wofz(x):
    return special.wofz(x).astype(np.result_type(x, np.complex64)) if x.dtype.kind == "f" else special.wofz(x)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "riemann_zeta": special.zeta,
    "hurwitz_zeta": hurwitz_zeta,
    "wofz": wofz,
}

ROWS: dict[str, Row] = {
    "erfcx_derivative": row(precise(erfcx, kinds="fc"), *calls(-2, 4)),
    "dawsn_derivative": row(precise(dawsn, kinds="fc"), *calls(-2, 2)),
    "zeta_derivative": row(
        precise(zeta, kinds="fc"),
        call(1, between(1.5, 4), between(0.5, 3)),
        call(2, between(1.5, 4, ()), between(0.5, 3, (3,))),
        call(ORDERS, between(1.5, 4, (2,)), 0.7),
        call(1, between(1.5, 4, (0, 3)), between(0.5, 3, (3,))),
    ),
    "zeta": row(
        lambda x, q=None: special.zeta(x) if q is None else hurwitz_zeta(x, q),
        call(draw(FULL, 1.5, 4)),
        call(draw((), 1.5, 4)),
        call(draw((3,), -3, -1)),
        call(draw((0, 3), 1.5, 4)),
    ),
}

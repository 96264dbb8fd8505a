"""Hypergeometric functions. Parameters are numbers here: derivatives in them end after the first order."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, row
from samples.special_elliptic import precisely


def calls(*parameters: float, low: float = -2.0, high: float = 0.0) -> Any:
    return tuple(call(*parameters, draw(shape, low, high)) for shape in (FULL, (), (0, 3), (5,)))


def moved(function: Any, like: Any, which: int) -> Callable[..., Any]:
    """The derivative of ``function`` in parameter ``which``, by mpmath, in the dtype of SciPy's ``like``."""

    def one(*x: Any) -> complex:
        order = tuple(int(i == which) for i in range(len(x)))
        with mpmath.workdps(25):
            return complex(mpmath.diff(function, tuple(map(mpmath.mpmathify, x)), order))

    many = np.vectorize(one, otypes=[complex])

    def derivative(*x: Any) -> Any:
        value = many(*x)
        dtype = precisely(like)(*x).dtype
        return (value if dtype.kind == "c" else value.real).astype(dtype)[()]

    return derivative


GAUSS, KUMMER = (0.7, 1.3, 2.1), (0.7, 2.1)

ROWS: dict[str, Row] = {
    "hyp2f1": row(precisely(special.hyp2f1), *calls(*GAUSS)),
    "hyp2f1_da": row(moved(mpmath.hyp2f1, special.hyp2f1, 0), *calls(*GAUSS)),
    "hyp2f1_dc": row(moved(mpmath.hyp2f1, special.hyp2f1, 2), *calls(*GAUSS)),
    "hyp1f1": row(precisely(special.hyp1f1), *calls(*KUMMER)),
    "hyp1f1_da": row(moved(mpmath.hyp1f1, special.hyp1f1, 0), *calls(*KUMMER)),
    "hyp1f1_db": row(moved(mpmath.hyp1f1, special.hyp1f1, 1), *calls(*KUMMER)),
    "hyp0f1": row(precisely(special.hyp0f1), *calls(0.7)),
    "hyp0f1_dv": row(moved(mpmath.hyp0f1, special.hyp0f1, 0), *calls(0.7)),
    "hyperu": row(precisely(special.hyperu), *calls(0.7, 1.3, low=0.5, high=3.0)),
}

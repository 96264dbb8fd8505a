"""Bessel functions."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, elementwise_calls, row


def scaled(function: Callable[..., Any]) -> Row:
    def reference(v: Any, z: Any, s: Any) -> Any:
        out = function(v, z)
        return out * np.exp(-np.asarray(s, float)).astype(out.dtype)

    shapes = (FULL, FULL, FULL), (FULL, (3,), ()), ((), (), ()), ((2, 1), (1, 3), (3,)), ((0, 3), (3,), (1,))
    return row(
        reference,
        *(call(*(draw(shape, 0.5, 3.5) for shape in three)) for three in shapes),
        refuses="complex64 complex128",
    )


def order_derivative(function: Any, scale: Any) -> Callable[..., Any]:
    """∂ᵏ/∂vᵏ scale(x) f(v, x) in digits enough that differences of it are exact, in the dtype of SciPy's functions."""

    def one(k: int, v: float, x: float) -> float:
        with mpmath.workdps(30):
            return float(scale(x) * mpmath.diff(lambda order: function(order, mpmath.mpf(x)), mpmath.mpf(v), k))

    many = np.vectorize(one, otypes=[float])

    def derivative(k: int, v: Any, x: Any) -> Any:
        return many(k, v, x).astype(special.jv(v, x).dtype)[()]

    return derivative


def order_row(function: Any, scale: Any) -> Row:
    arrays = elementwise_calls(2, ((0.5, 3.5), (0.5, 3.5)))[:5]
    return row(
        order_derivative(function, scale),
        *(call(1, *one.args) for one in arrays),
        call(2, draw(FULL, 0.5, 3.5), 2.3),
        call(1, 1.5, draw((3,), 0.5, 3.5)),
        refuses="complex64 complex128",
    )


ROWS: dict[str, Row] = {
    "scaled_iv": scaled(special.iv),
    "scaled_jv": scaled(special.jv),
    "scaled_yv": scaled(special.yv),
    "jv_order": order_row(mpmath.besselj, lambda x: 1),
    "yv_order": order_row(mpmath.bessely, lambda x: 1),
    "ive_order": order_row(mpmath.besseli, lambda x: mpmath.exp(-x)),
    "kve_order": order_row(mpmath.besselk, mpmath.exp),
    "ive": row(special.ive, *elementwise_calls(2, ((0.5, 3.5), (0.5, 3.5)))),
    "jve": row(special.jve, *elementwise_calls(2, ((0.5, 3.5), (0.5, 3.5)))),
    "yve": row(special.yve, *elementwise_calls(2, ((0.5, 3.5), (0.5, 3.5)))),
}

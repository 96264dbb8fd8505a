"""Bessel functions."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, elementwise_calls, row
from samples.special_elliptic import precisely


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


def spherical(function: Callable[..., Any], **flag: bool) -> Row:
    def reference(n: Any, z: Any, derivative: bool = False) -> Any:
        return precisely(lambda n, z: function(n, z, derivative))(n, z)

    orders, z = np.array([0, 1, 4]), draw(FULL, 0.5, 3.5)
    calls = call(orders, z, **flag), call(2, draw((), 0.5, 3.5), **flag), call(orders[:, None], draw((0,)), **flag)
    return row(reference, *calls, call(np.array(3), draw((5,), 0.5, 3.5), **flag))


def stacked_airy(x: Any) -> Any:
    return np.stack(special.airy(x))


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


def real_ive(v: Any, x: Any) -> Any:
    if np.iscomplexobj(x):
        raise TypeError("real numbers only")
    return special.ive(v, x)


ELEMENTWISE: dict[str, Callable[..., Any]] = {"real_ive": real_ive}

AIRY = call(draw(FULL)), call(draw(())), call(draw((0, 2)))

ROWS: dict[str, Row] = {
    "airy": row(special.airy, *AIRY),
    "airy_stack": row(stacked_airy, *AIRY),
    "spherical_j": spherical(special.spherical_jn),
    "spherical_y": spherical(special.spherical_yn),
    "spherical_i": spherical(special.spherical_in),
    "spherical_k": spherical(special.spherical_kn),
    "spherical_jn": spherical(special.spherical_jn, derivative=True),
    "spherical_yn": spherical(special.spherical_yn, derivative=True),
    "spherical_in": spherical(special.spherical_in, derivative=True),
    "spherical_kn": spherical(special.spherical_kn, derivative=True),
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

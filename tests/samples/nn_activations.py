"""Activations: each as its paper writes it, in NumPy and SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples.drawing import CUBE, FULL, Row, call, draw, row


def real(x: Any) -> Any:
    """Integers as float64; complex numbers are refused."""
    if np.asarray(x).dtype.kind == "c":
        raise TypeError("real numbers only")
    return x if np.asarray(x).dtype.kind == "f" else np.asarray(x, float)


def on_reals(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function on real operands, whose result has the dtype they promote to."""

    def checked(x: Any, *others: Any, **params: Any) -> Any:
        dtype = np.result_type(x, *(y for y in others if not isinstance(y, str)))
        real(np.empty(0, dtype))
        return np.asarray(function(real(x), *others, **params), dtype if dtype.kind == "f" else float)

    return checked


SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def elu(x: Any, alpha: Any = 1.0) -> Any:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Any:
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "silu": on_reals(lambda x: x / (1 + np.exp(-x))),
    "mish": on_reals(lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "gelu_exact": on_reals(lambda x: x / 2 * (1 + special.erf(x / np.sqrt(2)))),
    "gelu_tanh": on_reals(lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    "softsign": on_reals(lambda x: x / (1 + np.abs(x))),
    "tanhshrink": on_reals(lambda x: x - np.tanh(x)),
    "relu6": on_reals(lambda x: np.clip(x, 0, 6)),
    "hardsigmoid": on_reals(lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hardswish": on_reals(lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "selu": on_reals(lambda x: SCALE * elu(x, ALPHA)),
    "rectify": on_reals(leaky_relu),
    "exponential_rectify": on_reals(elu),
    "saturate": on_reals(np.clip),
}


def prelu(x: Any, weight: Any) -> Any:
    return leaky_relu(x, weight.reshape((-1,) + (1,) * (x.ndim - 2)) if x.ndim > 1 else weight)


def glu(x: Any, axis: int = -1) -> Any:
    a, b = np.split(real(x), 2, axis)
    return a / (1 + np.exp(-b))


def softmin(x: Any, axis: int = -1) -> Any:
    real(np.empty(0, x.dtype))
    return special.softmax(real(-x), axis=axis)


ONES = call(draw(FULL)), call(draw(())), call(draw((0, 3)))
ROWS: dict[str, Row] = {
    "gelu": row(
        on_reals(lambda x, approximate="none": ELEMENTWISE[f"gelu_{'exact' if approximate == 'none' else 'tanh'}"](x)),
        *ONES,
        call(draw(FULL), "tanh"),
    ),
    "softplus_scaled": row(
        on_reals(lambda x, beta=1.0: np.logaddexp(x * beta, 0) / beta),
        *ONES[:2],
        call(draw(FULL), 2.0),
        call(draw(()), beta=0.5),
    ),
    "leaky_relu": row(on_reals(leaky_relu), *ONES, call(draw(FULL), 0.3), call(draw((3,)), negative_slope=2.0)),
    "prelu": row(
        on_reals(prelu), call(draw(CUBE), draw((3,))), call(draw(FULL), draw((1,))), call(draw((4,)), draw(()))
    ),
    "elu": row(on_reals(elu), *ONES, call(draw(FULL), 0.3), call(draw((3,)), alpha=2.0)),
    "celu": row(
        on_reals(lambda x, alpha=1.0: np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)),
        *ONES,
        call(draw(FULL), 0.3),
        call(draw((3,)), alpha=2.0),
    ),
    "hardtanh": row(
        on_reals(lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val)), *ONES, call(draw(FULL), -0.5, 1.5)
    ),
    "threshold": row(
        on_reals(lambda x, threshold, value: np.where(x > threshold, x, value)),
        call(draw(FULL), 0.5, 7.0),
        call(draw(()), -1.0, value=0.0),
        call(draw((0,)), 0.5, 1.0),
    ),
    "softshrink": row(
        on_reals(lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0)), *ONES, call(draw(FULL), 1.0)
    ),
    "hardshrink": row(on_reals(lambda x, lambd=0.5: x * (np.abs(x) > lambd)), *ONES, call(draw(FULL), lambd=1.0)),
    "glu": row(glu, call(draw((2, 4))), call(draw((2, 4)), 0), call(draw((2, 4, 3)), axis=1), call(draw((0, 2)))),
    "softmin": row(softmin, call(draw(FULL)), call(draw(CUBE), axis=1), call(draw((0, 3)))),
}

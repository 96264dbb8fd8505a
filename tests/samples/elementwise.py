"""Elementwise ops: only those whose name NumPy does not have, or whose samples do not follow from a domain."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, elementwise_calls, row

# Functions that NumPy does not have under the op's own name.
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "absorbing_multiply": np.multiply,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: np.maximum(x, 0),
    "round": np.round,
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "greater_equal": np.greater_equal,
}


def condition(shape: Any) -> Any:
    return np.arange(int(np.prod(shape))).reshape(shape) % 3 != 1


WHOLE = (
    call(np.array([[6, 5], [-3, 0]]), np.array([3, -1])),
    call(np.array([6, 5]), 3),
    call(np.array([True, False]), np.array(True)),
)
SHIFTED = call(np.array([[6, 5], [-3, 0]]), np.array([3, 1])), call(np.array([6, -5], "int8"), 2)

ROWS: dict[str, Row] = {
    "where": row(
        np.where,
        call(condition(FULL), draw(FULL), draw(FULL)),
        call(condition((3,)), draw((2, 1)), draw(())),
        call(condition((2, 1)), draw((3,)), 0.5),
        call(condition((0, 3)), draw((3,)), draw((0, 1))),
        call(condition(()), draw(()), draw((2,))),
    ),
    "clip": row(
        lambda x, min=None, max=None: np.clip(x, min, max),
        call(draw(FULL), -0.5, 1.0),
        call(draw(FULL), min=draw((3,), -2, -1), max=draw((2, 1), 1, 2)),
        call(draw(FULL), max=0.5),
        call(draw(()), 0.0, 1.0),
        call(np.array([0.5, -7.0])),
    ),
    # Quotients that stay away from the integers, where these jump.
    "floor_divide": row(np.floor_divide, *elementwise_calls(2, ("real", "large")), call(np.array([7.3, -7.4]), 2.0)),
    "remainder": row(np.remainder, *elementwise_calls(2, ("real", "large")), call(np.array([7.3, -7.4]), 2.0)),
    "bitwise_and": row(np.bitwise_and, *WHOLE),
    "bitwise_or": row(np.bitwise_or, *WHOLE),
    "bitwise_xor": row(np.bitwise_xor, *WHOLE),
    "bitwise_left_shift": row(np.left_shift, *SHIFTED),
    "bitwise_right_shift": row(np.right_shift, *SHIFTED),
    "bitwise_invert": row(
        np.bitwise_invert, call(np.array([6, -5, 0])), call(np.array(True)), call(np.zeros((0, 2), int))
    ),
    "conj": row(np.conj, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "real": row(np.real, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "imag": row(np.imag, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "astype": row(
        lambda x, dtype: np.asarray(x).astype(dtype),
        call(draw(FULL), dtype="complex128"),
        call(draw(()), "complex128"),
        call(draw((0, 3)), dtype="complex64"),
    ),
    "cast": row(
        lambda x, dtype, copy=True: np.asarray(x).astype(dtype),
        call(draw(FULL), dtype="complex128"),
        call(draw(()), "complex128"),
        call(draw((0, 3)), dtype="complex64", copy=False),
    ),
}

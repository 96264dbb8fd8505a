"""Reductions and scans."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples.drawing import CUBE, FULL, ROWS3, Call, Row, call, draw, floating, row


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


def linear_recurrence(x: Any, a: Any, axis: int = -1, reverse: bool = False) -> Any:
    x, a = (np.moveaxis(z, axis, 0)[:: -1 if reverse else 1] for z in np.broadcast_arrays(x, a))
    y = np.zeros(x.shape, np.result_type(x, a))
    for i in range(len(y)):
        y[i] = x[i] + (a[i] * y[i - 1] if i else 0)
    return np.moveaxis(y[:: -1 if reverse else 1], 0, axis)


def softmax(x: Any, axis: int = -1) -> Any:
    return special.softmax(floating(x), axis=axis)


def one_or_all_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False, **rest: function(x, axis=axis, keepdims=keepdims, **rest)


def axis_calls(low: float = -2.0, empty: bool = True, several: bool = True, **params: Any) -> tuple[Call, ...]:
    """Calls of a reduction: all axes, one, a negative one, two; 0-d, with keepdims; along an empty result."""
    calls = [
        call(draw(FULL, low), **params),
        call(draw(FULL, low), axis=0, **params),
        call(draw(CUBE, low), axis=-2, keepdims=True, **params),
        call(draw((5,), low), keepdims=True, **params),
        call(draw((0, 3), low), axis=1, **params),
    ]
    if several:
        calls += [call(draw(CUBE, low), axis=(0, -1), **params), call(draw((), low), **params)]
    if empty:
        calls += [call(draw((0, 3), low), axis=0, **params), call(draw((0,), low), **params)]
    return tuple(calls)


ROWS: dict[str, Row] = {
    "sum": row(one_or_all_axes(np.sum), *axis_calls(), call(draw(FULL), 1)),
    "prod": row(one_or_all_axes(np.prod), *axis_calls()),
    "mean": row(one_or_all_axes(np.mean), *axis_calls(empty=False)),
    "max": row(one_or_all_axes(np.max), *axis_calls(empty=False), refuses="complex64 complex128"),
    "min": row(one_or_all_axes(np.min), *axis_calls(empty=False), refuses="complex64 complex128"),
    "var": row(
        lambda x, axis=None, correction=0.0, keepdims=False: np.var(x, axis=axis, ddof=correction, keepdims=keepdims),
        *axis_calls(empty=False)[:-1],
        call(draw(ROWS3), axis=0, correction=1.0),
    ),
    "std": row(
        lambda x, axis=None, correction=0.0, keepdims=False: np.std(x, axis=axis, ddof=correction, keepdims=keepdims),
        *axis_calls(empty=False)[:-1],
        call(draw(ROWS3), axis=0, correction=1.0),
    ),
    "logsumexp": row(
        lambda x, axis=None, keepdims=False: special.logsumexp(x, axis=axis, keepdims=keepdims),
        *axis_calls(empty=False),
        refuses="complex64 complex128",
    ),
    "softmax": row(
        softmax,
        call(draw(FULL)),
        call(draw(CUBE), axis=1),
        call(draw((5,))),
        call(draw((0, 3))),
        refuses="complex64 complex128",
    ),
    "log_softmax": row(
        lambda x, axis=-1: np.log(softmax(x, axis)),
        call(draw(FULL)),
        call(draw(CUBE), axis=1),
        call(draw((5,))),
        call(draw((0, 3))),
        refuses="complex64 complex128",
    ),
    "argmax": row(one_or_all_axes(np.argmax), *axis_calls(empty=False, several=False), refuses="complex64 complex128"),
    "argmin": row(one_or_all_axes(np.argmin), *axis_calls(empty=False, several=False), refuses="complex64 complex128"),
    "all": row(one_or_all_axes(np.all), *axis_calls()),
    "any": row(one_or_all_axes(np.any), *axis_calls()),
    "count_nonzero": row(one_or_all_axes(np.count_nonzero), *axis_calls()),
    "cumsum": row(
        np.cumsum, call(draw((4,))), call(draw(CUBE), axis=1), call(draw(FULL), -1), call(draw((0, 2)), axis=0)
    ),
    "cumprod": row(
        np.cumprod, call(draw((4,))), call(draw(CUBE), axis=1), call(draw(FULL), -1), call(draw((0, 2)), axis=0)
    ),
    "linear_recurrence": row(
        linear_recurrence,
        call(draw((4,)), draw((4,))),
        call(draw(CUBE), draw(CUBE), axis=1, reverse=True),
        call(draw(FULL), draw((3,)), axis=0),
        call(draw((3, 9)), draw((3, 9)), axis=0),
        call(draw((0, 2)), draw((0, 2)), axis=0),
    ),
    "center": row(
        lambda x, axis=None: x - np.mean(x, axis=axis, keepdims=True),
        call(draw(FULL)),
        call(draw(CUBE), axis=(0, 2)),
        call(draw(())),
    ),
    "vector_norm": row(
        lambda x, axis=None, keepdims=False, ord=2: np.linalg.vector_norm(
            floating(x), axis=axis, keepdims=keepdims, ord=ord
        ),
        call(draw(CUBE)),
        call(draw(CUBE), axis=(0, 2), ord=1),
        call(draw(FULL), axis=1, ord=-2.0, keepdims=True),
        call(draw(FULL), axis=0, ord=np.inf),
        call(draw((0, 3)), axis=0),
        *axis_calls(empty=False),
        *axis_calls(empty=False, ord=3.0),
        call(draw(FULL), ord=1.5, axis=-1),
        call(draw(FULL), ord=1, axis=0),
        call(draw(FULL), ord=np.inf, axis=0),
        call(draw(FULL), ord=-np.inf, axis=0),
        call(draw(FULL), ord=0, axis=0),
        call(draw(FULL), ord=-1.0, axis=0),
        call(draw((0,))),
    ),
    "norm": row(
        norm,
        call(draw((3,))),
        call(draw(FULL)),
        call(draw(FULL), axis=0),
        call(draw(FULL), ord=1, axis=-1, keepdims=True),
        call(draw(FULL), ord=np.inf, axis=1),
        call(draw(FULL), ord=-np.inf, axis=0),
        call(draw(FULL), ord=3, axis=0),
        call(draw(FULL), ord=2.5, axis=1),
        call(draw((3,)), ord=0),
        call(draw(FULL), ord="fro"),
        call(draw(CUBE), axis=(0, 2)),
        call(draw((0, 3)), axis=1),
    ),
}

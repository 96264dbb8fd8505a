"""Samples of every op: calls, and the same function in NumPy or SciPy. At most one row an op.

Elementwise ops need no row: their calls follow from arity and domain, and their reference from NumPy's name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from chainrule.op import COMPOSITES, DOMAINS, REGISTRY
from chainrule.ops.index import SLOT


class Call(NamedTuple):
    """Arguments of one call. Floating arrays in them are what tests differentiate, cast and lay out differently."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


@dataclass(frozen=True)
class Row:
    """``refuses`` names dtypes on which ours is an error though the reference has a value."""

    reference: Callable[..., Any]
    calls: tuple[Call, ...] = ()
    refuses: frozenset[str] = field(default_factory=frozenset)


def row(reference: Callable[..., Any], *calls: Call, refuses: str = "") -> Row:
    return Row(reference, calls, frozenset(refuses.split()))


_stream = count()


def draw(shape: Any, low: float = -2.0, high: float = 2.0, stream: Iterator[int] = _stream) -> Any:
    """Numbers apart from each other, from those of the draw before, and from integers and halves: kinks are there."""
    number = next(stream)
    size = int(np.prod(shape))
    halves = np.arange(np.ceil(2 * low), np.floor(2 * high)) / 2
    layer, cell = np.divmod(np.arange(size), len(halves))
    x = halves[cell] + 0.12 + 0.16 * (number % 2) + 0.1 * layer / max(1, layer.max(initial=0))
    return np.random.default_rng(number).permutation(x).reshape(shape)


# The range that samples are drawn from, where a domain is not all of the real line.
RANGES = {
    name: (0.5 if low == 0.0 else max(low, -2.0), 3.0 if low == 1.0 else min(high, 2.0))
    for name, (low, high) in DOMAINS.items()
}


RANGES["large"] = 2.5, 4.0


def elementwise_calls(arity: int, domain: tuple[str, ...]) -> tuple[Call, ...]:
    ranges = [RANGES[name] for name in domain or ("real",) * arity]
    stream = count()  # its own, so that the numbers do not depend on which op is asked for first

    def of(*shapes: Any) -> Call:
        return call(*(draw(shape, *limits, stream) for shape, limits in zip(shapes, ranges, strict=True)))

    if arity == 1:
        return of((2, 3)), of(()), of((0, 3)), of((5,))
    pairs = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((), ()), ((0, 3), (3,)), ((0, 1), (1, 2))]
    calls = [of(*pair) for pair in pairs]
    x, y = of((2, 3), (2, 3)).args
    return (*calls, call(x, float(y[0, 0])), call(float(x[0, 0]), y))


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


def indexed(x: Any, *arrays: Any, index: Any) -> Any:
    given = iter(arrays)
    return x[tuple(next(given) if part is SLOT else part for part in index)]


def added(g: Any, *arrays: Any, index: Any, shape: Any) -> Any:
    given = iter(arrays)
    out = np.zeros(shape, g.dtype)
    np.add.at(out, tuple(next(given) if part is SLOT else part for part in index), g)
    return out


def assigned(x: Any, index: Any, value: Any) -> Any:
    out = np.array(x)
    out[index] = value
    return out


def put(x: Any, v: Any, *arrays: Any, index: Any) -> Any:
    given = iter(arrays)
    return assigned(x, tuple(next(given) if part is SLOT else part for part in index), v)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return np.linalg.norm(x, ord, axis, keepdims)


def linear_recurrence(x: Any, a: Any, axis: int = -1, reverse: bool = False) -> Any:
    x, a = (np.moveaxis(z, axis, 0)[:: -1 if reverse else 1] for z in np.broadcast_arrays(x, a))
    y = np.zeros(x.shape, np.result_type(x, a))
    for i in range(len(y)):
        y[i] = x[i] + (a[i] * y[i - 1] if i else 0)
    return np.moveaxis(y[:: -1 if reverse else 1], 0, axis)


def floating(x: Any) -> Any:
    """Integers as float64: SciPy and numpy.linalg take small ones, or all, in other ways."""
    return x if np.asarray(x).dtype.kind in "fc" else np.asarray(x, float)


def softmax(x: Any, axis: int = -1) -> Any:
    return special.softmax(floating(x), axis=axis)


def one_or_all_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False, **rest: function(x, axis=axis, keepdims=keepdims, **rest)


FULL, ROWS3, CUBE = (2, 3), (4, 3), (2, 3, 4)


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


PICK = np.array([2, 0, 2, -1])
ROW = np.array([[0], [1]])
MASK = np.array([True, False, True])

WHOLE = (
    call(np.array([[6, 5], [-3, 0]]), np.array([3, -1])),
    call(np.array([6, 5]), 3),
    call(np.array([True, False]), np.array(True)),
)

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
    # ---------------------------------------------------------------------------------------------- index
    "gather": row(
        indexed,
        call(draw(ROWS3), PICK, index=(SLOT,)),
        call(draw(CUBE), ROW, PICK, index=(SLOT, slice(None), SLOT)),
        call(draw(CUBE), PICK, index=(Ellipsis, None, SLOT)),
        call(draw((3, 3, 2)), PICK, ROW, index=(SLOT, SLOT, slice(None, None, -1))),
        call(draw(CUBE), index=(1, slice(0, 2), None, 2)),
        call(draw(FULL), PICK[:0], index=(slice(None), SLOT)),
    ),
    "scatter_add": row(
        added,
        call(draw((4, 3)), PICK, index=(SLOT,), shape=(3, 3)),
        call(draw((2, 4, 3)), ROW, PICK, index=(SLOT, slice(None), SLOT), shape=(2, 3, 4)),
        call(draw((2,)), index=(slice(0, 4, 2),), shape=(4,)),
        call(draw((0,)), PICK[:0], index=(SLOT,), shape=(3,)),
    ),
    "put": row(
        put,
        call(draw(ROWS3), draw((3,)), np.array([0, 2]), index=(SLOT,)),
        call(draw((5,)), draw((4,)), PICK, index=(SLOT,)),
        call(draw(CUBE), draw((2, 1)), index=(0, slice(0, 2))),
        call(draw(FULL), draw(()), index=(1, 1)),
        call(draw(CUBE), draw((2, 4, 3)), ROW, PICK, index=(SLOT, slice(None), SLOT)),
    ),
    "getitem": row(
        lambda x, index: x[index],
        call(draw(ROWS3), 1),
        call(draw(ROWS3), (slice(None, None, -2), 0)),
        call(draw(ROWS3), (slice(None), MASK)),
        call(draw(CUBE), (Ellipsis, PICK)),
        call(draw(CUBE), (PICK % 2, None, slice(1), PICK)),
        call(draw((3,)), MASK & False),
    ),
    "setitem": row(
        assigned,
        call(draw(ROWS3), (slice(None), MASK), draw((4, 2))),
        call(draw((5,)), PICK, draw((4,))),
        call(draw((5,)), slice(1, 4), draw(())),
        call(draw(FULL), (1, 2), True),
    ),
    "take": row(
        np.take,
        call(draw((5,)), PICK),
        call(draw(CUBE), PICK, axis=1),
        call(draw(FULL), ROW),
        call(draw(CUBE), ROW, -1),
    ),
    # ------------------------------------------------------------------------------------------- products
    "matmul": row(
        np.matmul,
        call(draw((2, 3)), draw((3, 4))),
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3,))),
        call(draw((3,)), draw((3, 2))),
        call(draw((2, 1, 2, 3)), draw((3, 3, 2))),
        call(draw((2, 2, 3)), draw((3,))),
        call(draw((3,)), draw((2, 3, 2))),
        call(draw((2, 2, 3)), draw((3, 2))),
        call(draw((2, 3)), draw((2, 3, 2))),
        call(draw((2, 0)), draw((0, 3))),
        call(draw((0, 2)), draw((2,))),
    ),
    "dot": row(
        np.dot,
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3, 2))),
        call(draw((2, 2, 3)), draw((2, 3, 2))),
        call(draw((2, 3)), draw((3,))),
        call(draw(()), draw((2, 3))),
        call(draw((0,)), draw((0,))),
    ),
    "vecdot": row(
        np.vecdot,
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3,))),
        call(draw((4, 1, 3)), draw((2, 3))),
        call(draw((3, 2)), draw((3, 2)), axis=0),
        call(draw((2, 0)), draw((2, 0))),
    ),
    "outer": row(np.outer, call(draw((3,)), draw((2,))), call(draw((0,)), draw((2,)))),
    "inner": row(np.inner, call(draw((3,)), draw((3,))), call(draw((2, 3)), draw((4, 3))), call(draw(()), draw((2,)))),
    "kron": row(
        np.kron, call(draw((2, 3)), draw((2, 2))), call(draw((2,)), draw((3,))), call(draw((2,)), draw((2, 2)))
    ),
    "tensordot": row(
        np.tensordot,
        call(draw((2, 3, 4)), draw((3, 4, 2))),
        call(draw((2, 3)), draw((3, 2)), axes=1),
        call(draw((2, 3, 4)), draw((4, 5, 2)), axes=([0, 2], [2, 0])),
        call(draw((2,)), draw((3,)), axes=0),
        call(draw((2, 0)), draw((0, 2)), axes=1),
    ),
    "einsum": row(
        np.einsum,
        call("ij,jk->ik", draw((2, 3)), draw((3, 4))),
        call("ii->i", draw((3, 3))),
        call("ii", draw((3, 3))),
        call("ij", draw((2, 3))),
        call("ji", draw((2, 3))),
        call("ij->", draw((2, 3))),
        call("i,j,ij", draw((2,)), draw((3,)), draw((2, 3))),
        call("...ij,...j->...i", draw((2, 2, 3)), draw((3,))),
        call("ij,ij->j", draw((2, 3)), draw((2, 3))),
        call("bij,bjk,k->bi", draw((2, 2, 3)), draw((2, 3, 2)), draw((2,))),
        call("ij,jk->ik", draw((2, 0)), draw((0, 3))),
    ),
    "contract": row(
        lambda *arrays, subscripts: np.einsum(subscripts, *arrays),
        call(draw((2, 3)), draw((3, 4)), subscripts="ij,jk->ik"),
        call(draw((2,)), draw((3,)), draw((2, 3)), subscripts="i,j,ij->j"),
        call(draw((2, 3)), subscripts="ij->ji"),
        call(draw((2, 0)), draw((0, 3)), subscripts="ij,jk->ik"),
    ),
    "trace": row(
        np.trace,
        call(draw((3, 3))),
        call(draw((3, 4)), offset=1),
        call(draw((3, 4)), -1),
        call(draw((2, 3, 4)), axis1=1, axis2=2),
    ),
    # ----------------------------------------------------------------------------------------- reductions
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
    # ---------------------------------------------------------------------------------------------- shape
    "reshape": row(
        np.reshape,
        call(draw(FULL), (3, 2)),
        call(draw(FULL), (-1,)),
        call(draw(()), (1, 1)),
        call(draw((0, 2)), (3, 0)),
    ),
    "broadcast_to": row(
        np.broadcast_to,
        call(draw((3,)), (2, 3)),
        call(draw((2, 1)), (2, 2, 3)),
        call(draw(()), (2,)),
        call(draw((1,)), (0,)),
    ),
    "broadcast_arrays": row(np.broadcast_arrays, call(draw((3,)), draw((2, 1))), call(draw(()), draw((0, 2)))),
    "matrix_transpose": row(lambda x: np.swapaxes(x, -1, -2), call(draw(FULL)), call(draw(CUBE)), call(draw((0, 2)))),
    "permute_dims": row(np.transpose, call(draw(CUBE), (2, 0, 1)), call(draw(FULL), (1, 0)), call(draw((3,)), (0,))),
    "transpose": row(np.transpose, call(draw(CUBE)), call(draw(CUBE), (1, -1, 0)), call(draw(()))),
    "moveaxis": row(np.moveaxis, call(draw(CUBE), 0, -1), call(draw(CUBE), (0, 1), (-1, 0))),
    "swapaxes": row(np.swapaxes, call(draw(CUBE), 0, 2), call(draw(CUBE), -1, 1)),
    "expand_dims": row(
        np.expand_dims,
        call(draw(FULL), axis=1),
        call(draw(FULL), axis=-1),
        call(draw(()), axis=0),
        call(draw((2,)), axis=(0, 2)),
    ),
    "squeeze": row(
        np.squeeze,
        call(draw((1, 2, 1))),
        call(draw((1, 2, 1)), axis=-1),
        call(draw((1, 1)), axis=(0, 1)),
        call(draw((1, 0)), 0),
    ),
    "flatten": row(np.ravel, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "ravel": row(np.ravel, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "concat": row(
        lambda arrays, axis=0: np.concatenate(arrays, axis=axis),
        call([draw((2, 3)), draw((1, 3))]),
        call([draw((2, 3)), draw((2, 2)), draw((2, 0))], axis=1),
        call([draw((2, 3)), draw((2,))], axis=None),
        call([draw((2, 1)), draw((2, 2))], axis=-1),
        call([draw((2,))]),
    ),
    "stack": row(
        np.stack,
        call([draw((3,)), draw((3,))]),
        call([draw(FULL), draw(FULL)], axis=-1),
        call([draw(()), draw(())], axis=0),
    ),
    "hstack": row(np.hstack, call([draw((2,)), draw((3,))]), call([draw((2, 1)), draw((2, 2))])),
    "vstack": row(np.vstack, call([draw((2,)), draw((2,))]), call([draw((1, 2)), draw((2, 2))])),
    "dstack": row(np.dstack, call([draw((2,)), draw((2,))]), call([draw((2, 3)), draw((2, 3))])),
    "split": row(
        np.split,
        call(draw((4,)), 2),
        call(draw((4, 3)), [1, 3]),
        call(draw((2, 6)), 3, axis=1),
        call(draw((3,)), [0, 5]),
    ),
    "unstack": row(np.unstack, call(draw(FULL)), call(draw(FULL), axis=-1)),
    "flip": row(np.flip, call(draw(CUBE)), call(draw(CUBE), axis=1), call(draw(CUBE), axis=(0, -1)), call(draw((0,)))),
    "roll": row(
        np.roll,
        call(draw(FULL), 1),
        call(draw(CUBE), -1, axis=1),
        call(draw(CUBE), (1, 2), axis=(0, -1)),
        call(draw(FULL), 7, axis=0),
        call(draw((0, 2)), 1, axis=0),
    ),
    "pad": row(
        np.pad,
        call(draw(FULL), 1),
        call(draw(FULL), ((1, 0), (0, 2)), constant_values=1.5),
        call(draw((4,)), (2, 1), mode="edge"),
        call(draw((2, 4)), ((0, 1), (3, 2)), mode="reflect"),
        call(draw((4,)), (2, 3), mode="symmetric"),
        call(draw((3,)), (2, 4), mode="wrap"),
        call(draw((0, 2)), 1),
    ),
    "tile": row(np.tile, call(draw(FULL), 2), call(draw(FULL), (2, 1)), call(draw((2,)), (2, 1, 2)), call(draw(()), 3)),
    "repeat": row(
        np.repeat,
        call(draw(FULL), 2),
        call(draw(FULL), 2, axis=1),
        call(draw(FULL), np.array([1, 0, 2]), axis=-1),
        call(draw((0, 2)), 3, axis=0),
    ),
    "diagonal": row(
        np.diagonal,
        call(draw((3, 3))),
        call(draw((2, 4)), offset=1),
        call(draw(CUBE), -1, 1, 2),
        call(draw(CUBE), axis1=0, axis2=2),
    ),
    "diag": row(np.diag, call(draw((3,))), call(draw((3, 4))), call(draw((2,)), 1), call(draw((3, 3)), -1)),
    "tril": row(np.tril, call(draw((3, 3))), call(draw((2, 3)), 1), call(draw(CUBE), k=-1), call(draw((0, 2)))),
    "triu": row(np.triu, call(draw((3, 3))), call(draw((2, 3)), 1), call(draw(CUBE), k=-1), call(draw((0, 2)))),
    "atleast_1d": row(np.atleast_1d, call(draw(())), call(draw(FULL))),
    "atleast_2d": row(np.atleast_2d, call(draw(())), call(draw((3,))), call(draw(CUBE))),
}

RECORDS = {**REGISTRY, **COMPOSITES}


@cache
def sample(name: str) -> Row:
    """The row of an op; a KeyError names an op that has none."""
    if name in ROWS:
        return ROWS[name]
    op = REGISTRY[name]
    if op.kind != "elementwise" or op.arity not in (1, 2):
        raise KeyError(f"{name} has no samples: add its row to ROWS in tests/samples.py")
    names = (name, *op.numpy)
    reference = ELEMENTWISE.get(name) or next((getattr(np, n) for n in names if hasattr(np, n)), None)
    if reference is None:
        raise KeyError(f"{name} has no reference in NumPy: add it to ELEMENTWISE in tests/samples.py")
    return row(reference, *elementwise_calls(op.arity, op.domain))

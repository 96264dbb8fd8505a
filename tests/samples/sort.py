"""Order, and elements at positions along an axis."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, ROWS3, Row, call, draw, row

COMPLEX = "complex64 complex128"
PICK = np.array([[2, 0, -1, 1], [0, 0, 1, 2]])


def sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    out = np.sort(x, axis)
    return np.flip(out, axis) if descending else out


def argsort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    return np.argsort(-x if descending else x, axis, "stable")


def ranks(x: Any, axis: int = -1, descending: bool = False) -> Any:
    return np.argsort(argsort(x, axis, descending), axis)


def tie_groups(x: Any, axis: int = -1) -> Any:
    first = np.take(x, [0], axis)
    return np.cumsum(np.diff(x, axis=axis, prepend=first) != 0, axis)


def tie_mean(x: Any, groups: Any, axis: int = -1) -> Any:
    same = np.expand_dims(np.moveaxis(groups, axis, -1), -1) == np.expand_dims(np.moveaxis(groups, axis, -1), -2)
    out = np.sum(same * np.expand_dims(np.moveaxis(x, axis, -1), -2), -1) / same.sum(-1)
    dtype = x.dtype if x.dtype.kind in "fc" else np.float64
    return np.moveaxis(out, -1, axis).astype(dtype)


def order_statistics(x: Any, ranks: Any, axis: int = -1) -> Any:
    return np.take(np.sort(x, axis), ranks, axis)


def arg_top_k(x: Any, k: int, axis: int = -1, largest: bool = True) -> Any:
    return np.take(argsort(x, axis, largest), np.arange(k), axis)


def top_k(x: Any, k: int, axis: int = -1, largest: bool = True) -> Any:
    indices = arg_top_k(x.astype(int) if x.dtype == bool else x, k, axis, largest)
    return np.take_along_axis(x, indices, axis), indices


def add_along_axis(g: Any, indices: Any, axis: int = -1, *, size: int) -> Any:
    others = list(np.broadcast_shapes(g.shape, indices.shape))
    g, indices = np.broadcast_to(g, others), np.broadcast_to(indices, others)
    others[axis] = size
    out = np.zeros(others, g.dtype)
    place = list(np.indices(g.shape, sparse=True))
    place[axis] = indices
    np.add.at(out, tuple(place), g)
    return out


def add_at(x: Any, index: Any, values: Any) -> Any:
    out = np.array(x)
    np.add.at(out, index, np.asarray(values).astype(out.dtype))
    return out


def put_along_axis(x: Any, indices: Any, values: Any, axis: int = -1) -> Any:
    out = np.array(x)
    np.put_along_axis(out, indices, values, axis)
    return out


ROWS: dict[str, Row] = {
    "sort": row(
        sort,
        call(draw((5,))),
        call(draw(CUBE), axis=1),
        call(draw(ROWS3), axis=-2, descending=True),
        call(draw(FULL), stable=False),
        call(draw((0, 3)), axis=0),
        call(draw((3, 0))),
        refuses=COMPLEX,
    ),
    "argsort": row(
        lambda x, axis=-1, descending=False, stable=True: argsort(
            x.astype(int) if x.dtype == bool else x, axis, descending
        ),
        call(draw((5,))),
        call(draw(CUBE), axis=1),
        call(draw(ROWS3), axis=-2, descending=True),
        call(draw((5,)), descending=True),
        call(draw((0, 3)), axis=0),
        refuses=COMPLEX,
    ),
    "ranks": row(
        lambda x, axis=-1, descending=False: ranks(x.astype(int) if x.dtype == bool else x, axis, descending),
        call(draw((5,))),
        call(draw(CUBE), axis=1),
        call(draw(ROWS3), axis=-2, descending=True),
        call(draw((0, 3)), axis=0),
        refuses=COMPLEX,
    ),
    "tie_groups": row(
        tie_groups, call(np.array([1.0, 1.0, 2.5, 2.5, 1.0])), call(draw(CUBE).round(), axis=1), refuses=COMPLEX
    ),
    "tie_mean": row(
        tie_mean,
        call(draw((5,)), np.array([0, 1, 1, 2, 2])),
        call(draw((3, 2)), np.array([[0, 0], [0, 1], [1, 2]]), axis=0),
        call(draw(FULL), np.array([[0, 1, 2], [0, 1, 2]])),
        call(draw((0, 3)), np.zeros((0, 3), int)),
    ),
    "order_statistics": row(
        order_statistics,
        call(draw((5,)), np.array([0, 3, -1, 3])),
        call(draw(CUBE), np.array([1, 2]), axis=1),
        call(draw((0, 3)), np.array([1])),
        call(draw((3,)), np.array([], int)),
        refuses=COMPLEX,
    ),
    "partition": row(
        lambda x, kth, axis=-1: np.partition(x, kth, axis),
        call(draw((5,)), 2),
        call(draw(CUBE), [0, 2], axis=1),
        call(draw(ROWS3), -1, axis=0),
        refuses=COMPLEX,
    ),
    "argpartition": row(
        lambda x, kth, axis=-1: np.argpartition(x, kth, axis),
        call(draw((5,)), 2),
        call(draw(CUBE), [0, 2], axis=1),
        call(draw(ROWS3), -1, axis=0),
        refuses=COMPLEX,
    ),
    "arg_top_k": row(
        lambda x, k, axis=-1, largest=True: arg_top_k(x.astype(int) if x.dtype == bool else x, k, axis, largest),
        call(draw((5,)), k=2),
        call(draw(CUBE), k=2, axis=1),
        call(draw((2, 20)), k=2),
        call(draw((20, 2)), k=2, axis=0, largest=False),
        call(draw(ROWS3), k=3, largest=False),
        call(draw((0, 3)), k=1),
        refuses=COMPLEX,
    ),
    "top_k": row(
        top_k,
        call(draw((5,)), 2),
        call(draw(CUBE), 2, axis=1),
        call(draw((2, 20)), 2, largest=False),
        call(draw((0, 3)), 1),
        refuses=COMPLEX,
    ),
    "take_along_axis": row(
        np.take_along_axis,
        call(draw((2, 3)), PICK),
        call(draw((3, 4)), PICK, axis=0),
        call(draw((2, 3, 1)), PICK[:, :, None] % 2, axis=1),
        call(draw((2, 3)), PICK[:1], axis=1),
        call(draw((1, 3)), PICK),
        call(draw((3,)), PICK[0]),
        call(draw((2, 0)), PICK[:, :0]),
    ),
    "add_along_axis": row(
        add_along_axis,
        call(draw((2, 4)), PICK, size=3),
        call(draw((2, 4)), PICK, axis=0, size=4),
        call(draw((2, 4)), PICK[:1], size=3),
        call(draw((1, 4)), PICK, size=5),
        call(draw((4,)), PICK[0], size=3),
        call(draw((2, 0)), PICK[:, :0], size=2),
    ),
    "put_along_axis": row(
        put_along_axis,
        call(draw((2, 3)), np.array([[2, 0], [1, 0]]), draw((2, 2))),
        call(draw((3, 4)), np.array([[2, 0, 1, 1]]), draw((1, 4)), axis=0),
        call(draw((3,)), np.array([0, -1]), draw(())),
    ),
    "add_at": row(
        add_at,
        call(draw((4, 3)), np.array([0, 2, 0]), draw((3,))),
        call(draw((5,)), np.array([0, 2, 0]), draw((3,))),
        call(draw((4, 3)), (slice(None), 1), draw((4,))),
        call(draw((2, 3)), np.array([[True, False, True], [False, True, False]]), draw((3,))),
    ),
}

"""Indexing."""

from typing import Any

import numpy as np

from chainrule.ops.index import SLOT
from samples.drawing import CUBE, FULL, ROWS3, Row, call, draw, row


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


def take(x: Any, indices: Any, axis: Any = None, mode: Any = "raise") -> Any:
    return np.take(x, indices, axis, None, mode)


PICK = np.array([2, 0, 2, -1])

ROW = np.array([[0], [1]])

MASK = np.array([True, False, True])

ROWS: dict[str, Row] = {
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
        take,
        call(draw((5,)), PICK),
        call(draw((3,)), PICK * 3, mode="wrap"),
        call(draw((2, 3)), PICK * 3, axis=1, mode="clip"),
        call(draw(CUBE), PICK, axis=1),
        call(draw(FULL), ROW),
        call(draw(CUBE), ROW, -1),
    ),
}

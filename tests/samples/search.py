"""Looking values up."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, Row, call, draw, row

COMPLEX = "complex64 complex128"
# Lists, which no test moves: elements that are not in order have no places.
ORDERED = np.sort(draw((5,))).tolist()


def searchsorted(x1: Any, x2: Any, side: Any = "left", sorter: Any = None) -> Any:
    return np.searchsorted(x1, x2, side, sorter)


ROWS: dict[str, Row] = {
    "searchsorted": row(
        searchsorted,
        call(ORDERED, draw(FULL)),
        call(ORDERED, draw(()), side="right"),
        call(ORDERED[::-1], draw((3,)), sorter=np.arange(5)[::-1].copy()),
        call(ORDERED, draw((0,))),
        call(ORDERED[:0], draw((2,))),
        refuses=COMPLEX,
    ),
    "searchsorted_in": row(
        searchsorted,
        call([1, 1, 2, 5], np.array([[0, 1], [2, 9]])),
        call([1, 1, 2, 5], np.array([0, 1, 5]), side="right"),
        call([1, 1, 2, 5], np.array(2)),
        call([], np.array([2, 3])),
    ),
    "digitize": row(
        np.digitize,
        call(draw(FULL), np.array([-1, 0, 2])),
        call(draw(FULL), np.array([2, 0, -1])),
        call(draw(()), np.array([-1, 0, 2]), right=True),
        call(draw((4,)), np.array([2, 0, -1]), right=True),
        refuses=COMPLEX,
    ),
    "isin": row(
        np.isin,
        call(np.array([[1, 2], [3, 4]]), np.array([2, 9, 3])),
        call(np.array([1.5, 2.5]), np.array([2.5]), invert=True),
        call(draw(CUBE), draw((3, 2))),
        call(np.array(2), np.array([], int)),
    ),
}

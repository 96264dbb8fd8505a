"""Choosing among several arrays."""

from typing import Any

import numpy as np

from samples.drawing import FULL, Row, call, draw, row

INDEX = np.array([[0, 1, 2], [2, 0, 0]])
FIRST, SECOND = INDEX == 0, INDEX != 1


def choose(index: Any, choices: Any, mode: Any = "raise") -> Any:
    return np.choose(index, choices, mode=mode)


def piecewise(x: Any, condlist: Any, funclist: Any) -> Any:
    return np.piecewise(x, condlist, funclist)


ROWS: dict[str, Row] = {
    "choose": row(
        choose,
        call(INDEX, [draw(FULL), draw((3,)), draw(())]),
        call(INDEX - 1, [draw(FULL), draw(FULL)], "wrap"),
        call(INDEX[0], [draw(FULL), draw(FULL)], mode="clip"),
    ),
    "select": row(
        lambda condlist, choicelist, default=0: np.select(condlist, choicelist, default),
        call([FIRST, SECOND], [draw(FULL), draw((3,))]),
        call([FIRST, SECOND], [draw(FULL), draw((3,))], draw(())),
    ),
    "piecewise": row(
        piecewise,
        call(draw(FULL), [FIRST, SECOND], [lambda x: x * x, lambda x: x * x * x]),
        call(draw(FULL), [FIRST], [lambda x: x * x, lambda x: x * 3]),
        call(draw((3,)), [FIRST[0]], [2, lambda x: x * x]),
    ),
}

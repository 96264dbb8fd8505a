"""The running sum of exponentials."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, Row, call, draw, floating, row


def logcumsumexp(x: Any, axis: int = -1) -> Any:
    return np.log(np.cumsum(np.exp(floating(x)), axis=axis))


ROWS: dict[str, Row] = {
    "logcumsumexp": row(
        logcumsumexp,
        call(draw((4,))),
        call(draw(CUBE), axis=1),
        call(draw(FULL), -1),
        call(draw((3, 9)), axis=0),
        call(draw((0, 2)), axis=0),
        call(draw((2, 0))),
        refuses="complex64 complex128",
    ),
}

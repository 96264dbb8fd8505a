"""One-dimensional signals."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, Call, Row, call, draw, floating, row


def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    return np.convolve(a, v, mode)


def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    return np.correlate(a, v, mode)


def pairs(mode: str) -> tuple[Call, ...]:
    return tuple(call(draw((n,)), draw((m,)), mode=mode) for n, m in ((5, 3), (5, 2), (2, 5), (3, 4), (4, 4), (1, 1)))


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if np.asarray(x).dtype.kind == "c":
        raise TypeError("NumPy cuts off the imaginary part")
    out = np.interp(x, xp, fp, left, right, period)
    return out.astype(np.result_type(floating(x), floating(fp)))


ROWS: dict[str, Row] = {
    "convolve": row(convolve, *pairs("full"), *pairs("same"), *pairs("valid"), call(draw(()), draw((2,)))),
    "correlate": row(correlate, *pairs("full"), *pairs("same"), *pairs("valid")),
    "interp": row(
        interp,
        call(draw(FULL), np.arange(-2, 3), draw((5,))),
        call(draw((4,), -1, 1), np.arange(-1, 2), draw((3,)), period=3),
        call(draw((4,)), np.arange(-1, 2), draw((3,)), 7.0, 5.0),
        call(draw(()), np.array([0, 1]), draw((2,))),
        call(draw((2,)), np.array([0]), draw((1,))),
        refuses="complex64 complex128",
    ),
    "unwrap": row(
        lambda x, discont=None, axis=-1, *, period=2 * np.pi: np.unwrap(floating(x), discont, axis, period=period),
        call(draw((7,), -4, 4)),
        call(draw(CUBE), axis=1, period=2.7),
        call(draw((7,), -4, 4), 3.0, period=2.1),
        call(draw((0, 3)), axis=1),
        refuses="complex64 complex128",
    ),
}

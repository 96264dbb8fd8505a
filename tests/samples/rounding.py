"""Parts, signs and units of numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from samples.drawing import FULL, Row, call, draw, elementwise_calls, floating, row

COMPLEX = "complex64 complex128"
WHOLE = np.array([[12, 5, -3], [0, 7, 18]])

ELEMENTWISE: dict[str, Callable[..., Any]] = {"fix": np.trunc}


def lerp(x: Any, y: Any, weight: Any) -> Any:
    return x + (y - x) * weight


def isclose(x: Any, y: Any, *rest: Any, **params: Any) -> Any:
    return np.isclose(floating(x), floating(y), *rest, **params)


ROWS: dict[str, Row] = {
    "ldexp": row(
        np.ldexp,
        call(draw(FULL), np.array([1, -2, 3])),
        call(draw(()), np.array([1, 2])),
        call(draw((3,)), np.array(2)),
    ),
    "heaviside": row(np.heaviside, *elementwise_calls(2, ("real", "real"))),
    "gcd": row(np.gcd, call(WHOLE, np.array([8, 10, 6])), call(WHOLE, 4)),
    "lcm": row(np.lcm, call(WHOLE, np.array([8, 10, 6])), call(WHOLE, 4)),
    "exponent": row(lambda x: np.frexp(x)[1], call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "frexp": row(np.frexp, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "modf": row(np.modf, call(draw(FULL)), call(draw(())), call(draw((0, 2)))),
    "nan_to_num": row(
        np.nan_to_num,
        call(draw(FULL)),
        call(draw(())),
        call(draw((0, 2)), nan=1.0),
        call(draw((3,)), nan=2.0, posinf=1.0, neginf=0.5),
    ),
    "lerp": row(lerp, call(draw(FULL), draw((3,)), draw((2, 1))), call(draw(()), draw((2,)), 0.25), refuses="bool"),
    "isclose": row(isclose, call(draw(FULL), draw((3,))), call(draw(()), draw(()), 0.5, 2.0), call(draw((0,)), 1.0)),
    "allclose": row(
        lambda *args: np.asarray(np.allclose(*map(floating, args[:2]), *args[2:])),
        call(draw(FULL), draw((3,))),
        call(draw((2,)), draw(()), 0.5, 9.0),
    ),
    "array_equal": row(
        lambda x, y: np.asarray(np.array_equal(x, y)), call(draw(FULL), draw(FULL)), call(WHOLE, WHOLE), call(WHOLE, 1)
    ),
}

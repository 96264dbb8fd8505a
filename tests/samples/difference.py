"""Differences, derivatives and integrals of sampled functions."""

from typing import Any

import numpy as np
from scipy import integrate

from samples.drawing import CUBE, FULL, ROWS3, Row, call, draw, floating, row


def diff(x: Any, axis: int = -1, n: int = 1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    return np.diff(x, n, axis, prepend, append)


def gradient(f: Any, *spacing: Any, **params: Any) -> Any:
    # NumPy's coordinates are float64 where they are integers.
    found = np.gradient(floating(f), *spacing, **params)
    many = isinstance(found, tuple)
    return tuple(one.astype(floating(f).dtype) for one in found) if many else found.astype(floating(f).dtype)


def integral(function: Any) -> Any:
    def trapezoids(y: Any, x: Any = None, *rest: Any, **params: Any) -> Any:
        moves = x is None or x.dtype.kind in "bfc"
        out = function(floating(y), None if x is None else floating(x), *rest, **params)
        return out if moves else out.astype(floating(y).dtype)

    return trapezoids


def simpson(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    return np.asarray(integrate.simpson(floating(y), x, dx=dx, axis=axis)).astype(floating(y).dtype)[()]


# Integers, which no test moves: coordinates that coincide have no slopes between them.
POINTS = np.array([-2, 0, 1, 4])

ROWS: dict[str, Row] = {
    "diff": row(
        diff,
        call(draw((5,))),
        call(draw(CUBE), axis=1, n=2),
        call(draw(ROWS3), axis=0, prepend=draw((1, 3)), append=draw((2, 3))),
        call(draw(FULL), n=0),
        call(draw((4,)), prepend=draw(())),
        call(draw((0, 3)), axis=1),
        call(draw((3,)), n=4),
    ),
    "ediff1d": row(
        np.ediff1d,
        call(draw((5,))),
        call(draw(FULL)),
        call(draw((3,)), draw((2,)), draw(())),
        call(draw((1,))),
    ),
    "gradient": row(
        gradient,
        call(draw((5,))),
        call(draw((5,)), 0.5, edge_order=2),
        call(draw((4,)), POINTS),
        call(draw((4,)), POINTS, edge_order=2),
        call(draw((4, 3))),
        call(draw((3, 4)), 0.5, POINTS, edge_order=2),
        call(draw((3, 4)), POINTS, axis=-1),
        call(draw((3, 4, 2)), axis=(1, 0)),
        call(draw((2,))),
    ),
    "trapezoid": row(
        integral(np.trapezoid),
        call(draw((5,))),
        call(draw(ROWS3), dx=0.5, axis=0),
        call(draw(CUBE), draw((3,)), axis=1),
        call(draw(FULL), draw(FULL)),
        call(draw((1,))),
        call(draw((0, 3))),
    ),
    "cumulative_trapezoid": row(
        integral(integrate.cumulative_trapezoid),
        call(draw((5,))),
        call(draw(ROWS3), dx=0.5, axis=0, initial=0),
        call(draw(CUBE), POINTS, axis=2),
        call(draw((1,)), initial=0),
    ),
    "simpson": row(
        simpson,
        call(draw((5,))),
        call(draw((4,)), dx=0.5),
        call(draw(CUBE), POINTS, axis=2),
        call(draw((5, 2)), np.append(POINTS, 5), axis=0),
        call(draw((2, 6))),
        call(draw((2,))),
        call(draw((1, 2))),
    ),
}

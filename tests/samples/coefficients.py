"""Polynomials by their coefficients."""

from typing import Any

import numpy as np

from samples.drawing import FULL, Row, call, draw, floating, row


def added(sign: int) -> Any:
    def function(p: Any, q: Any) -> Any:
        size = max(len(p), len(q))
        p, q = (np.concatenate([np.zeros(size - len(z), z.dtype), z]) for z in (p, q))
        return p + q if sign > 0 else p - q

    return function


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    return np.polyint(floating(p), m, k).astype(floating(p).dtype)


def polyder(p: Any, m: int = 1) -> Any:
    return np.polyder(p, m).astype(p.dtype)


def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    return np.vander(x, N, increasing).astype(x.dtype if x.dtype.kind in "fc" else int)


def roots(p: Any) -> Any:
    return np.roots(p).astype(np.result_type(floating(p), np.complex64))


ROWS: dict[str, Row] = {
    "polyval": row(
        np.polyval,
        call(draw((4,)), draw(FULL)),
        call(draw((1,)), draw(())),
        call(draw((3,)), draw((0, 2))),
    ),
    "polyder": row(polyder, call(draw((4,))), call(draw((4,)), 2), call(draw((1,)))),
    "polyint": row(polyint, call(draw((4,))), call(draw((3,)), 2, [0.5, 2.0]), call(draw((3,)), 2, k=3.0)),
    "polyadd": row(added(1), call(draw((4,)), draw((2,))), call(draw((2,)), draw((3,)))),
    "polysub": row(added(-1), call(draw((4,)), draw((2,))), call(draw((2,)), draw((3,)))),
    "polymul": row(np.convolve, call(draw((4,)), draw((2,))), call(draw((1,)), draw((3,)))),
    "roots": row(
        roots, call(np.array([1.3, -0.7, 0.6, 1.1])), call(np.array([1.5, -0.5])), call(np.array([1.0, -0.5, 2.0]))
    ),
    "vander": row(vander, call(draw((3,))), call(draw((3,)), 5, increasing=True)),
}

"""Averages, covariances and correlations."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, Row, call, draw, floating, row
from samples.reductions import axis_calls, one_or_all_axes

COMPLEX = "complex64 complex128"
OFTEN = np.array([1, 2, 3, 1])


def average(x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    return np.average(x, axis, weights, returned, keepdims=keepdims)


def cov(m: Any, y: Any = None, *rest: Any, **params: Any) -> Any:
    dtype = np.result_type(*(floating(x) for x in (m, y) if x is not None))
    return np.cov(m, y, *rest, dtype=dtype, **params).astype(dtype)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    # NumPy clips what is rounded beyond 1.
    dtype = np.result_type(*(floating(z) for z in (x, y) if z is not None))
    c = np.atleast_2d(np.cov(x, y, rowvar, dtype=dtype))
    scale = np.sqrt(np.diag(c).real if dtype.kind == "c" else np.diag(c))
    out = c / scale[:, None] / scale
    return out if out.size > 1 else out[0, 0]


ROWS: dict[str, Row] = {
    "average": row(
        average,
        call(draw(FULL)),
        call(draw(CUBE), axis=1, keepdims=True),
        call(draw(FULL), weights=draw(FULL, 0.5)),
        call(draw(FULL), 1, draw((3,), 0.5), True),
        call(draw(CUBE), (0, 2), draw((2, 4), 0.5), returned=True),
    ),
    "ptp": row(one_or_all_axes(np.ptp), *axis_calls(empty=False), refuses=COMPLEX),
    "cov": row(
        cov,
        call(draw((3, 4))),
        call(draw((4, 2)), rowvar=False, bias=True),
        call(draw((4,))),
        call(draw((4,)), draw((4,))),
        call(draw((4, 2)), draw((4, 1)), rowvar=False),
        call(draw((2, 4)), ddof=0, fweights=OFTEN),
        call(draw((2, 4)), aweights=[0.5, 0.25, 1.0, 0.75]),
        call(draw((2, 4)), fweights=OFTEN, aweights=[0.5, 0.25, 1.0, 0.75]),
    ),
    "corrcoef": row(
        corrcoef,
        call(draw((3, 4))),
        call(draw((4, 2)), rowvar=False),
        call(draw((4,)), draw((4,))),
    ),
}

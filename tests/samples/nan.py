"""Reductions that pass over NaN."""

from collections.abc import Callable
from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, ROWS3, Call, Row, call, draw, row
from samples.reductions import axis_calls, one_or_all_axes


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, correction=0.0, keepdims=False: function(
        x, axis=axis, ddof=correction, keepdims=keepdims
    )


def scans() -> tuple[Call, ...]:
    return call(draw((4,))), call(draw(CUBE), axis=1), call(draw(FULL)), call(draw((0, 2)), axis=0)


CALLS = axis_calls(empty=False)
COMPLEX = "complex64 complex128"

ROWS: dict[str, Row] = {
    "nansum": row(one_or_all_axes(np.nansum), *axis_calls()),
    "nanprod": row(one_or_all_axes(np.nanprod), *axis_calls()),
    "nanmean": row(one_or_all_axes(np.nanmean), *CALLS),
    "nanvar": row(spread(np.nanvar), *CALLS[:-1], call(draw(ROWS3), axis=0, correction=1.0)),
    "nanstd": row(spread(np.nanstd), *CALLS[:-1], call(draw(ROWS3), axis=0, correction=1.0)),
    "nanmax": row(one_or_all_axes(np.nanmax), *CALLS, refuses=COMPLEX),
    "nanmin": row(one_or_all_axes(np.nanmin), *CALLS, refuses=COMPLEX),
    "nanargmax": row(one_or_all_axes(np.nanargmax), *axis_calls(empty=False, several=False), refuses=COMPLEX),
    "nanargmin": row(one_or_all_axes(np.nanargmin), *axis_calls(empty=False, several=False), refuses=COMPLEX),
    "nancumsum": row(np.nancumsum, *scans()),
    "nancumprod": row(np.nancumprod, *scans()),
}

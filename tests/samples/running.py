"""Running sums, products and extremes."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, Call, Row, call, draw, row


def scans(**params: Any) -> tuple[Call, ...]:
    return (
        call(draw((4,)), **params),
        call(draw(CUBE), axis=1, **params),
        call(draw(FULL), -1, **params),
        call(draw((0, 2)), axis=0, **params),
    )


def cumulative(function: Any) -> Any:
    return lambda x, axis=None, dtype=None, include_initial=False: function(
        x, axis=axis, dtype=dtype, include_initial=include_initial
    )


def extreme(function: Any) -> Any:
    return lambda x, axis=None: function.accumulate(x, axis=axis or 0)


ROWS: dict[str, Row] = {
    "cumulative_sum": row(cumulative(np.cumulative_sum), *scans(), *scans(include_initial=True)),
    "cumulative_prod": row(cumulative(np.cumulative_prod), *scans(), *scans(include_initial=True)),
    "cummax": row(extreme(np.maximum), *scans(), refuses="complex64 complex128"),
    "cummin": row(extreme(np.minimum), *scans(), refuses="complex64 complex128"),
}

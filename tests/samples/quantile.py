"""Medians and quantiles."""

from collections.abc import Callable
from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, Call, Row, call, draw, floating, row

COMPLEX = "complex64 complex128"


def of(function: Callable[..., Any]) -> Callable[..., Any]:
    def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        q = q if isinstance(q, float) else floating(q)
        return function(x, q, axis=axis, method=method, keepdims=keepdims)

    return quantile


def calls(scale: float) -> tuple[Call, ...]:
    return (
        call(draw((5,)), 0.3 * scale),
        call(draw(FULL), np.array([0.17, 0.66]) * scale),
        call(draw(CUBE), 0.4 * scale, axis=1, keepdims=True),
        call(draw(CUBE), np.array([0.21, 0.55, 0.9]) * scale, axis=(0, 2)),
        call(draw(()), 0.5 * scale),
        call(draw((0, 3)), 0.5 * scale, axis=1),
        *(
            call(draw((5, 2)), np.array([0.11, 0.42, 0.83]) * scale, axis=0, method=method)
            for method in ("interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased")
        ),
        *(
            call(draw((5, 2)), q * scale, axis=0, method=method)
            for method in (
                "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest"
            )
            for q in (0.42, 0.4)
        ),
    )  # fmt: skip


def median(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False: function(x, axis=axis, keepdims=keepdims)


MEDIANS = (
    call(draw((5,))),
    call(draw((4,))),
    call(draw(CUBE), axis=1, keepdims=True),
    call(draw(CUBE), axis=(0, -1)),
    call(draw(())),
    call(draw((0, 3)), axis=1),
)

ROWS: dict[str, Row] = {
    "quantile": row(of(np.quantile), *calls(1.0), refuses=f"{COMPLEX} bool"),
    "percentile": row(of(np.percentile), *calls(100.0), refuses=f"{COMPLEX} bool"),
    "nanquantile": row(of(np.nanquantile), *calls(1.0), refuses=f"{COMPLEX} bool"),
    "nanpercentile": row(of(np.nanpercentile), *calls(100.0), refuses=f"{COMPLEX} bool"),
    "median": row(median(np.median), *MEDIANS, refuses=COMPLEX),
    "nanmedian": row(median(np.nanmedian), *MEDIANS, refuses=COMPLEX),
}

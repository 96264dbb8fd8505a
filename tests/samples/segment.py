"""Segments, counts and bins."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, Row, call, draw, floating, row

COMPLEX = "complex64 complex128"
IDS = np.array([2, 0, 2, 3, 0])
WHOLE = np.array([3, 0, 3, 5, 1])


def segments(fold: Any, empty: Any = None) -> Any:
    def segment(data: Any, ids: Any, num_segments: Any = None) -> Any:
        size = max(ids, default=-1) + 1 if num_segments is None else num_segments
        out = [fold(data[ids == k]) for k in range(size)]
        return np.array(out, out[0].dtype) if out else np.zeros((0, *data.shape[1:]), data.dtype)

    return segment


def extreme(fold: Any, none: float) -> Any:
    def of(part: Any) -> Any:
        if len(part):
            return fold.reduce(part)
        kind = part.dtype.kind
        lowest = (
            none
            if kind == "f"
            else none > 0
            if kind == "b"
            else getattr(np.iinfo(part.dtype), "max" if none > 0 else "min")
        )
        return np.full(part.shape[1:], lowest, part.dtype)

    return of


def mean(part: Any) -> Any:
    part = floating(part)
    return np.mean(part, axis=0) if len(part) else np.full(part.shape[1:], np.nan, part.dtype)


def total(part: Any) -> Any:
    return np.sum(part, axis=0, dtype=part.dtype)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    if weights is None:
        return np.bincount(x, None, minlength)
    w = floating(weights)
    if w.dtype.kind == "c":
        return (np.bincount(x, w.real, minlength) + 1j * np.bincount(x, w.imag, minlength)).astype(w.dtype)
    return np.bincount(x, w, minlength).astype(w.dtype)


FULL_CALLS = (
    call(draw((5,)), IDS[[0, 1, 2, 4, 4]] // 2),
    call(draw((5, 2)), np.array([1, 0, 1, 0, 0])),
    call(draw((4, *CUBE)), np.array([0, 1, 1, 0]), 2),
)

ROWS: dict[str, Row] = {
    "segment_sum": row(segments(total), *FULL_CALLS, call(draw((5,)), IDS, 6), call(draw((0, 2)), IDS[:0], 2)),
    "segment_mean": row(segments(mean), *FULL_CALLS),
    "segment_max": row(segments(extreme(np.maximum, -np.inf)), *FULL_CALLS, refuses=COMPLEX),
    "segment_min": row(segments(extreme(np.minimum, np.inf)), *FULL_CALLS, refuses=COMPLEX),
    "segment_max_of": row(
        lambda data, ids, size: segments(extreme(np.maximum, -np.inf))(data, ids, size),
        call(draw((5,)), np.array([1, 0, 1, 0, 0]), size=2),
        call(draw((3, 2)), np.array([1, 0, 1]), size=2),
        refuses=COMPLEX,
    ),
    "segment_min_of": row(
        lambda data, ids, size: segments(extreme(np.minimum, np.inf))(data, ids, size),
        call(draw((5,)), np.array([1, 0, 1, 0, 0]), size=2),
        call(draw((3, 2)), np.array([1, 0, 1]), size=2),
        refuses=COMPLEX,
    ),
    "bincount": row(
        bincount,
        call(WHOLE),
        call(WHOLE, draw((5,))),
        call(WHOLE, draw((5,)), minlength=8),
        call(WHOLE[:0], minlength=2),
    ),
    # Elements that are integers, which no test moves: the counts jump where others cross an edge.
    "histogram": row(
        np.histogram,
        call(WHOLE),
        call(WHOLE, 3, (0, 6)),
        call(WHOLE, "auto"),
        call(WHOLE, np.array([0, 1, 3, 7])),
    ),
    "histogram_bin_edges": row(
        np.histogram_bin_edges, call(WHOLE), call(WHOLE, 3), call(WHOLE, 3, (0.0, 1.0)), call(WHOLE, "auto")
    ),
}

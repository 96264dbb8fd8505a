"""Interpolation, with one weighted sum an element as reference."""

import math
from typing import Any

import numpy as np

from samples.conv import several
from samples.drawing import Row, call, draw, row


def cubic(t: float, a: float = -0.75) -> float:
    """Keys (1981), equation 4."""
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def triangle(t: float) -> float:
    return max(0.0, 1 - abs(t))


def matrix(size: int, count: int, kernel: str, step: float, align_corners: bool) -> Any:
    """Row i has the weights of out[i]; outside of the input its last elements are repeated."""
    out = np.zeros((count, size))
    for i in range(count):
        if kernel.startswith("nearest"):
            out[i, min(math.floor((i + 0.5 * (kernel != "nearest")) * step), size - 1)] = 1
            continue
        at = i * step if align_corners else (i + 0.5) * step - 0.5
        for j in range(-4, size + 4):
            out[i, min(max(j, 0), size - 1)] += (cubic if kernel == "cubic" else triangle)(at - j)
    return out


def applied(weights: Any, x: Any, axis: int, kernel: str) -> Any:
    if kernel.startswith("nearest"):
        weights = weights.astype(x.dtype)
    elif x.dtype.kind in "fc":
        weights = weights.astype(x.real.dtype)
    return np.moveaxis(np.tensordot(weights, x, ([1], [axis])), 0, axis)


def resample(
    x: Any, size: int, axis: int = -1, kernel: str = "linear", step: float = 1.0, align_corners: bool = False
) -> Any:
    return applied(matrix(x.shape[axis], size, kernel, step, align_corners), x, axis, kernel)


def resample_transpose(
    x: Any, size: int, axis: int = -1, kernel: str = "linear", step: float = 1.0, align_corners: bool = False
) -> Any:
    return applied(matrix(size, x.shape[axis], kernel, step, align_corners).T, x, axis, kernel)


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
    recompute_scale_factor: bool = False,
) -> Any:
    rank = x.ndim - 2
    factors = None if scale_factor is None else np.broadcast_to(scale_factor, rank)
    counts = several(size, rank) if factors is None else [int(n * f) for n, f in zip(x.shape[2:], factors, strict=True)]
    for axis, count in enumerate(counts, start=2):
        own = x.shape[axis]
        step = own / count if factors is None or recompute_scale_factor else 1 / factors[axis - 2]
        step = (own - 1) / max(1, count - 1) if align_corners else step
        if mode == "area":
            weights = np.zeros((count, own))
            for i in range(count):
                cell = slice(math.floor(i * own / count), math.ceil((i + 1) * own / count))
                weights[i, cell] = 1 / (cell.stop - cell.start)
            x = applied(weights, x, axis, mode)
            continue
        kernel = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
        x = resample(x, count, axis, kernel, step, align_corners)
    return x


ROWS: dict[str, Row] = {
    "resample": row(
        resample,
        call(draw((2, 3)), 5, step=0.6),
        call(draw((4, 2)), 3, axis=0, kernel="cubic", step=1.5, align_corners=True),
        call(draw((2, 5)), 3, kernel="nearest", step=5 / 3),
        call(draw((0, 2)), 3, step=0.5),
    ),
    "resample_transpose": row(
        resample_transpose,
        call(draw((2, 5)), 3, step=0.6),
        call(draw((3, 2)), 4, axis=0, kernel="cubic", step=1.5, align_corners=True),
        call(draw((2, 3)), 5, kernel="nearest-exact", step=5 / 3),
        call(draw((2, 35)), 2, step=2 / 35),
        call(draw((0, 3)), 2, step=0.5),
    ),
    "interpolate": row(
        interpolate,
        call(draw((1, 2, 5)), 3),
        call(draw((2, 1, 3)), scale_factor=2.5, mode="linear"),
        call(draw((1, 1, 3, 2)), (5, 3), mode="bilinear", align_corners=True),
        call(draw((1, 1, 3, 4)), scale_factor=(1.5, 0.6), mode="bicubic", recompute_scale_factor=True),
        call(draw((1, 1, 2, 3, 2)), (3, 1, 4), mode="trilinear"),
        call(draw((1, 1, 5, 4)), (3, 2), mode="area"),
        call(draw((1, 2, 3)), scale_factor=1.7, mode="nearest-exact"),
    ),
}

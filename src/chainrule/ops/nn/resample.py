"""Resampling on a finer or coarser grid: ``interpolate``, an axis at a time.

Note [Taps]
Along an axis each element of the out is a weighted sum of a few elements of the input, its *taps*, whose places and
weights follow from the sizes and the mode. The places of a tap never decrease, so that in the transpose what comes to
one element of the input stands together: it is added up in rounds, or, where it is much, as a segment.
"""

from __future__ import annotations

import functools
import math
import numbers
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, DTypeError, ShapeError
from chainrule.op import composite, linear
from chainrule.spec import Shape, Spec, normalize_axis
from chainrule.window import AXES, per_axis

MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
}
KERNELS = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}
MANY = 16  # places of the out to an element of the input: beyond, segments are summed faster than rounds
A = -0.75  # of the cubic convolution kernel, as PyTorch and OpenCV have it


@functools.lru_cache(256)
def _taps(size: int, count: int, kernel: str, step: float, align_corners: bool) -> tuple[Any, Any]:
    """Places (taps, count) and weights of them, None where all are 1. ``step`` is the input's pace."""
    at = np.arange(count, dtype=np.float64)
    if kernel in ("nearest", "nearest-exact"):
        places = np.floor((at + (0.5 if kernel == "nearest-exact" else 0.0)) * step)
        return np.minimum(places, size - 1).astype(np.intp)[None], None
    at = at * step if align_corners else (at + 0.5) * step - 0.5
    if kernel == "linear":
        at = np.maximum(at, 0)
        left = np.minimum(np.floor(at).astype(np.intp), size - 1)
        part = np.minimum(at - left, 1)
        # On an element, it counts twice by a half, and its neighbour not by 0, which would make NaN of an infinite one.
        right = np.minimum(left + (part > 0), size - 1)
        part = np.where(part == 0, 0.5, part)
        return np.stack([left, right]), np.stack([1 - part, part])
    left = np.floor(at)
    part = at - left
    places = np.clip(left.astype(np.intp) + np.arange(-1, 3)[:, None], 0, size - 1)
    return places, np.stack([_far(1 + part), _near(part), _near(1 - part), _far(2 - part)])


def _near(t: Any) -> Any:
    """Cubic convolution at a distance of at most 1 (Keys, 1981, equation 14)."""
    return ((A + 2) * t - (A + 3)) * t * t + 1


def _far(t: Any) -> Any:
    """The same at a distance from 1 to 2."""
    return ((A * t - 5 * A) * t + 8 * A) * t - 4 * A


def _dtype(x: Any, kernel: str) -> Any:
    return x.dtype if kernel.startswith("nearest") or x.dtype.kind in "fc" else np.dtype(np.float64)


def _weights(weight: Any, x: Any, axis: int) -> Any:
    return weight.astype(x.dtype.type(0).real.dtype).reshape(-1, *(1,) * (x.ndim - axis - 1))


def _resample(
    x: Any, size: Any, axis: Any = -1, kernel: Any = "linear", step: Any = 1.0, align_corners: Any = False
) -> Any:
    x = x.astype(_dtype(x, kernel), copy=False)
    places, weights = _taps(x.shape[axis], size, kernel, step, align_corners)
    if weights is None:
        return x.take(places[0], axis)
    out = None
    for place, weight in zip(places, weights, strict=True):
        part = x.take(place, axis)
        part *= _weights(weight, x, axis)
        out = part if out is None else np.add(out, part, out=out)
    return out


@functools.lru_cache(256)
def _sources(size: int, count: int, kernel: str, step: float, align_corners: bool) -> list[tuple[Any, Any, Any]]:
    """The taps seen from the input: for the first, second … that comes to an element, (elements, places in the out,
    weights). As slices where they are regular, which a finer grid's are: these cost a third."""
    places, weights = _taps(size, count, kernel, step, align_corners)
    order = np.argsort(places, axis=None, kind="stable")
    element, place = places.ravel()[order], order % count
    rank = np.arange(len(order)) - np.searchsorted(element, element)
    rounds = []
    for number in range(rank.max() + 1):
        chosen = np.flatnonzero(rank == number)
        for run in _runs(element[chosen], place[chosen]):
            weight = None if weights is None else weights.ravel()[order][chosen[run]]
            rounds.append((_regular(element[chosen[run]]), _regular(place[chosen[run]]), weight))
    return rounds


def _runs(element: Any, place: Any) -> list[slice]:
    """An index in a few parts, mostly its ends and the rest, so that in each the steps are equal; else whole."""
    steps = np.stack([np.diff(element), np.diff(place)])
    starts, start = [0], 0
    while len(starts) < 5:
        rest = steps[:, start:]
        other = np.flatnonzero((rest != rest[:, :1]).any(axis=0)) if rest.size else rest[0]
        if not len(other):
            return [slice(*ends) for ends in pairwise((*starts, len(element)))]
        start += int(other[0])
        starts.append(start)
    return [slice(0, len(element))]


def _regular(index: Any) -> Any:
    """An increasing index as a slice, where its steps are equal."""
    steps = np.diff(index)
    if len(index) == 1 or (len(steps) and steps[0] > 0 and (steps == steps[0]).all()):
        return slice(int(index[0]), int(index[-1]) + 1, int(steps[0]) if len(steps) else 1)
    return index


def _resample_transpose(
    g: Any, size: Any, axis: Any = -1, kernel: Any = "linear", step: Any = 1.0, align_corners: Any = False
) -> Any:
    g = g.astype(_dtype(g, kernel), copy=False)
    axis = axis % g.ndim
    out = np.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), g.dtype)
    lead = (slice(None),) * axis
    if g.shape[axis] > MANY * size:
        places, weights = _taps(size, g.shape[axis], kernel, step, align_corners)
        for tap, place in enumerate(places):
            part = g if weights is None else g * _weights(weights[tap], g, axis)
            starts = np.flatnonzero(np.diff(place, prepend=-1))
            out[(*lead, place[starts])] += np.add.reduceat(part, starts, axis, dtype=g.dtype)
        return out
    for element, place, weight in _sources(size, g.shape[axis], kernel, step, align_corners):
        part = g[(*lead, place)]
        out[(*lead, element)] += part if weight is None else part * _weights(weight, g, axis)
    return out


def _canonical(name: str) -> Any:
    def canonical(x: Spec, *, size: Any, axis: Any, kernel: Any, step: Any, align_corners: Any) -> dict[str, Any]:
        place = normalize_axis(name, axis, x.ndim)
        (size,) = per_axis(name, "size", size, 1)
        if kernel not in ("nearest", "nearest-exact", "linear", "cubic"):
            raise DTypeError(
                f"[{name}] kernel is {kernel!r}; expected 'nearest', 'nearest-exact', 'linear' or 'cubic'; "
                f"give one of them."
            )
        _nonempty(name, x, (place,))
        return {
            "size": size,
            "axis": place,
            "kernel": kernel,
            "step": float(step),
            "align_corners": bool(align_corners),
        }

    return canonical


def _nonempty(name: str, x: Spec, axes: Shape) -> None:
    if any(x.shape[axis] == 0 for axis in axes):
        raise ShapeError(
            f"[{name}] input has shape {x.shape}, which has no elements to resample; expected at least one along each "
            f"resampled axis; check the shape."
        )


def _spec(x: Spec, *, size: int, axis: int, kernel: str, **_grid: Any) -> Spec:
    return Spec((*x.shape[:axis], size, *x.shape[axis + 1 :]), _dtype(x, kernel))


for _name, _value, _other, _formula, _example in (
    (
        "resample",
        _resample,
        "resample_transpose",
        "out[i] = Σ w[i, j] · x[p[i, j]] along ``axis``: x at ``size`` places that lie ``step`` apart.",
        """>>> from chainrule.ops import ops
    >>> ops.resample(cr.tensor([1.0, 3.0]), 4, step=0.5)
    tensor([1. , 1.5, 2.5, 3. ])""",
    ),
    (
        "resample_transpose",
        _resample_transpose,
        "resample",
        "The transpose of ``resample``, from as many places as x has along ``axis`` to an array of ``size``.",
        """>>> from chainrule.ops import ops
    >>> ops.resample_transpose(cr.tensor([1.0, 0.0, 0.0, 4.0]), 2, step=0.5)
    tensor([1., 4.])""",
    ),
):
    linear(
        _name,
        value=_value,
        canonical=_canonical(_name),
        spec=_spec,
        transpose=lambda xp, g, _x, _other=_other, *, size, axis, **grid: getattr(xp, _other)(
            g, size=_x.shape[axis], axis=axis, **grid
        ),
        batch=lambda xp, _batched, x, _name=_name, *, axis, **grid: getattr(xp, _name)(x, axis=axis + 1, **grid),
        public=(),
        doc=f"""{_formula}

    The weights w are a ``kernel``'s: ``"nearest"``, ``"nearest-exact"``, ``"linear"`` or ``"cubic"`` (Keys, 1981), on a
    grid whose elements are points (``align_corners``) or cells; see ``interpolate``.

    {_example}
    """,
    )

# ---------------------------------------------------------------------------------------------- interpolate


def _grid(size: Any, scale_factor: Any, sizes: Shape) -> tuple[Shape, list[float | None]]:
    """The sizes of the out, and the scale of each axis where one was given."""
    rank = len(sizes)
    if (size is None) == (scale_factor is None):
        both = "neither size nor scale_factor was" if size is None else "both size and scale_factor were"
        raise DomainError(
            f"[interpolate] {both} given; expected one of them; give the size of the out, or what to multiply "
            f"that of the input by."
        )
    if size is not None:
        return per_axis("interpolate", "size", size, rank), [None] * rank
    given = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * rank
    positive = [isinstance(one, numbers.Real) and 0 < float(one) < math.inf for one in given]
    if len(given) != rank or not all(positive):
        raise DomainError(
            f"[interpolate] scale_factor is {scale_factor!r}; expected a number above 0, or one for each of the "
            f"{rank} axes after the channels; write e.g. scale_factor=2."
        )
    counts = tuple(math.floor(n * one) for n, one in zip(sizes, given, strict=True))
    if min(counts) < 1:
        raise DomainError(
            f"[interpolate] scale_factor {scale_factor!r} makes sizes {counts} of {sizes}; expected at least one "
            f"element along each axis; enlarge it, or give the size."
        )
    return counts, [float(one) for one in given]


def _interpolate(
    xp: Any,
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
) -> Any:
    x = operand_spec("interpolate", input)
    if x.ndim not in (3, 4, 5):
        raise ShapeError(
            f"[interpolate] input has shape {x.shape}; expected (N, C, L), (N, C, H, W) or (N, C, D, H, W); "
            f"reshape it, as with x[None] for one sample."
        )
    rank = x.ndim - 2
    if mode not in MODES or rank not in MODES[mode]:
        fitting = [repr(one) for one, ranks in MODES.items() if rank in ranks]
        raise DomainError(
            f"[interpolate] mode is {mode!r} for an input of shape {x.shape}, which has {rank} axes ({AXES[rank]}) to "
            f"interpolate along; expected {', '.join(fitting)}; give one of them."
        )
    kernel = KERNELS.get(mode, mode)
    if align_corners and kernel not in ("linear", "cubic"):
        raise DomainError(
            f"[interpolate] align_corners was asked for in mode {mode!r}, whose grid has cells and no points; "
            f"expected it with 'linear', 'bilinear', 'bicubic' or 'trilinear' alone; leave it out."
        )
    axes = tuple(range(2, x.ndim))
    _nonempty("interpolate", x, axes)
    counts, scales = _grid(size, scale_factor, x.shape[2:])
    if mode == "area":
        return getattr(xp, f"adaptive_avg_pool{rank}d")(input, counts)
    for axis, count, scale in zip(axes, counts, scales, strict=True):
        own = x.shape[axis]
        if align_corners:
            step = (own - 1) / (count - 1) if count > 1 else 0.0
        else:
            step = own / count if scale is None or recompute_scale_factor else 1 / scale
        input = xp.resample(input, size=count, axis=axis, kernel=kernel, step=step, align_corners=bool(align_corners))
    return input


composite(
    "interpolate",
    _interpolate,
    public=("nn.functional.interpolate",),
    doc="""``input`` (N, C, …) on a grid of another ``size``, or of its own times ``scale_factor``, rounded down.

    ``mode`` is ``"nearest"``, ``"nearest-exact"``, ``"linear"``, ``"bilinear"``, ``"trilinear"``, ``"bicubic"`` (cubic
    convolution with a = −¾; Keys, 1981) or ``"area"`` (means). Element i of the out stands at (i + ½)·step − ½ of the
    input, step = 1 / scale_factor or the ratio of the sizes (``recompute_scale_factor``: always that ratio);
    with ``align_corners`` at i·(L − 1)/(n − 1); in mode ``"nearest"`` it is the element at ⌊i·step⌋.

    >>> cr.nn.functional.interpolate(cr.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
    tensor([[[1. , 1.5, 2.5, 3. ]]])
    """,
)

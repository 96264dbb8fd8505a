"""One-dimensional signals: convolution and correlation, linear interpolation, and phases without jumps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, ShapeError
from chainrule.op import bilinear, composite
from chainrule.reduction import refuse_complex
from chainrule.spec import Spec, normalize_axis, promote

# ----------------------------------------------------------------------------------------------- convolution

MODES = ("full", "same", "valid")


def _canonical_convolve(a: Spec, v: Spec, *, mode: Any) -> dict[str, Any]:
    for x in (a, v):
        if x.ndim > 1:
            raise ShapeError(
                f"[convolve] an operand has shape {x.shape}; expected one axis; "
                f"use nn.functional.conv1d for several signals at once."
            )
        if not x.size:
            raise ShapeError("[convolve] an operand has no elements; expected at least one; check its shape.")
    if mode not in MODES:
        raise DomainError(f"[convolve] mode is {mode!r}; expected 'full', 'same' or 'valid'; choose one of these.")
    return {"mode": mode}


def _size(n: int, m: int, mode: str) -> int:
    return {"full": n + m - 1, "same": max(n, m), "valid": abs(n - m) + 1}[mode]


def _length(x: Any) -> int:
    return math.prod(x.shape)


def _widened(xp: Any, g: Any, n: int, m: int, mode: str) -> Any:
    """A cotangent of the full convolution, of which the mode shows a part."""
    if mode == "full":
        return g
    short = min(n, m)
    before = short - 1 if mode == "valid" else (short - 1) // 2
    after = n + m - 1 - before - _size(n, m, mode)
    return xp.concat([np.zeros(before, g.dtype), g, np.zeros(after, g.dtype)])


def _convolve_transpose(xp: Any, g: Any, own: Any, other: Any, mode: str) -> Any:
    wide = _widened(xp, g, _length(own), _length(other), mode)
    kernel = xp.flip(xp.reshape(other, (-1,)), axis=0)
    return xp.reshape(xp.convolve(wide, kernel, mode="valid"), own.shape)


def _convolve_batch(xp: Any, batched: tuple[bool, ...], a: Any, v: Any, *, mode: str) -> Any:
    size = (a if batched[0] else v).shape[0]
    rows = [[x[i] if is_batched else x for x, is_batched in ((a, batched[0]), (v, batched[1]))] for i in range(size)]
    return xp.stack([xp.convolve(one, other, mode=mode) for one, other in rows])


def _numpys_convolve(a: Any, v: Any, *, mode: Any = "full") -> Any:
    return np.convolve(a, v, mode)


bilinear(
    "convolve",
    value=_numpys_convolve,
    canonical=_canonical_convolve,
    spec=lambda a, v, *, mode: Spec((_size(_length(a), _length(v), mode),), promote([a, v])),
    transposes=(
        lambda xp, g, _a, v, *, mode: _convolve_transpose(xp, g, _a, v, mode),
        lambda xp, g, a, _v, *, mode: _convolve_transpose(xp, g, _v, a, mode),
    ),
    batch=_convolve_batch,
    doc="""out[k] = Σ a[i] · v[k − i] over all i where both are.

    All of it ('full'), the middle, of the longer one's size ('same'), or where they overlap fully ('valid').

    >>> cr.convolve(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 0.0, 1.0]))
    tensor([1., 2., 1., 2.])
    """,
)


def _correlate(xp: Any, a: Any, v: Any, mode: str = "valid") -> Any:
    spec, other = operand_spec("correlate", a), operand_spec("correlate", v)
    _canonical_convolve(spec, other, mode=mode)
    kernel = xp.flip(xp.reshape(xp.conj(v) if other.dtype.kind == "c" else v, (-1,)), axis=0)
    out = xp.convolve(a, kernel, mode="full")
    if mode == "full":
        return out
    # NumPy centres on the shorter operand, which for an even size is one place away from where convolve does.
    n, m = spec.size, other.size
    short = min(n, m)
    if mode == "valid":
        start = short - 1
    else:
        start = short - 1 - short // 2 if n >= m else short // 2
    return xp.getitem(out, slice(start, start + _size(n, m, mode)))


def _numpys_correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    return np.correlate(a, v, mode)


composite(
    "correlate",
    _correlate,
    value=_numpys_correlate,
    doc="""out[k] = Σ a[i + k] · conj(v[i]), by default where they overlap fully; modes as in convolve.

    >>> cr.correlate(cr.tensor([1.0, 2.0, 3.0]), cr.tensor([1.0, 1.0]))
    tensor([3., 5.])
    """,
)

# --------------------------------------------------------------------------------------------- interpolation


def _periodic(xp: Any, x: Any, points: Any, values: Any, period: Any) -> tuple[Any, Any, Any]:
    """Everything within one period, the points in order and one more on each side."""
    x, points = xp.remainder(x, period), xp.remainder(points, period)
    order = xp.argsort(points)
    points, values = xp.take(points, order), xp.take(values, order)
    last, first = slice(-1, None), slice(0, 1)
    around = [
        xp.subtract(xp.getitem(points, last), period), points, xp.add(xp.getitem(points, first), period)
    ]  # fmt: skip
    return x, xp.concat(around), xp.concat([xp.getitem(values, last), values, xp.getitem(values, first)])


def _interp(xp: Any, x: Any, points: Any, values: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, points, values = (z if hasattr(z, "dtype") else np.asarray(z) for z in (x, points, values))
    specs = [operand_spec("interp", z) for z in (x, points, values)]
    refuse_complex("interp", specs[0])
    refuse_complex("interp", specs[1])
    if specs[1].ndim != 1 or specs[1].shape != specs[2].shape or not specs[1].size:
        raise ShapeError(
            f"[interp] xp has shape {specs[1].shape} and fp {specs[2].shape}; expected one axis, of equal size and "
            f"not empty; give a value for each point."
        )
    # Integers take the dtype of the floating ones.
    floating = [s.dtype for s in specs if s.dtype.kind == "f"]
    dtype = np.result_type(*floating) if floating else np.float64
    x, points, values = (
        xp.astype(z, dtype) if s.dtype.kind in "biu" else z for z, s in zip((x, points, values), specs, strict=True)
    )
    if period is not None:
        if period == 0:
            raise DomainError("[interp] period is 0; expected another number; leave it out for none.")
        left = right = None
        x, points, values = _periodic(xp, x, points, values, abs(period))
    count = points.shape[0]
    # Between two points; beyond the ends the nearer one's value.
    place = xp.clip(xp.subtract(xp.searchsorted(points, x, side="right"), 1), 0, max(count - 2, 0))
    after = xp.minimum(xp.add(place, 1), count - 1)
    x0, x1, y0, y1 = xp.take(points, place), xp.take(points, after), xp.take(values, place), xp.take(values, after)
    low, high = xp.less(x, xp.getitem(points, 0)), xp.greater(x, xp.getitem(points, -1))
    inside = xp.logical_not(xp.logical_or(xp.logical_or(low, high), xp.equal(x0, x1)))
    width = xp.where(inside, xp.subtract(x1, x0), 1)
    part = xp.where(inside, xp.divide(xp.subtract(x, x0), width), 0)
    out = xp.add(y0, xp.multiply(part, xp.subtract(y1, y0)))
    out = xp.where(low, xp.getitem(values, 0) if left is None else left, out)
    out = xp.where(xp.greater_equal(x, xp.getitem(points, -1)), xp.getitem(values, -1), out)
    out = out if right is None else xp.where(high, right, out)
    return xp.where(xp.isnan(x), x, out)


def _numpys_interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    kinds = {np.asarray(z).dtype for z in (x, xp, fp)}
    if not kinds <= {np.dtype(float), np.dtype(int)}:
        raise ShapeError("NumPy interpolates in float64")
    return np.interp(x, xp, fp, left, right, period)


composite(
    "interp",
    lambda space, x, xp, fp, left=None, right=None, period=None: _interp(space, x, xp, fp, left, right, period),
    value=_numpys_interp,
    doc="""The function through the points (xp, fp), linear between them, at x; ``left`` and ``right`` lie beyond.

    xp ascends (modulo ``period``, in any order). Differentiable in x, xp and fp; at a point itself the slope is the
    one to the right of it.

    >>> cr.interp(cr.tensor([0.5, 3.0]), cr.tensor([0.0, 1.0, 2.0]), cr.tensor([0.0, 10.0, 40.0]))
    tensor([ 5., 40.])
    """,
)

# ------------------------------------------------------------------------------------------------- phases


def _unwrap(xp: Any, x: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    spec = operand_spec("unwrap", x)
    refuse_complex("unwrap", spec)
    axis = normalize_axis("unwrap", axis, spec.ndim)
    if spec.dtype.kind in "biu":
        x = xp.astype(x, np.float64)
    half = period / 2
    bound = half if discont is None else max(float(discont), half)
    change = xp.diff(x, axis=axis)
    turned = xp.subtract(xp.remainder(xp.add(change, half), period), half)
    # A change of half a period keeps its sign.
    turned = xp.where(xp.logical_and(xp.equal(turned, -half), xp.greater(change, 0)), half, turned)
    # Whole periods: no gradient.
    turns = xp.multiply(xp.round(xp.divide(xp.subtract(turned, change), period)), period)
    turns = xp.where(xp.less(xp.abs(change), bound), 0, turns)
    first = xp.getitem(x, (*(slice(None),) * axis, slice(0, 1)))
    rest = xp.getitem(x, (*(slice(None),) * axis, slice(1, None)))
    return xp.concat([first, xp.add(rest, xp.cumsum(turns, axis=axis))], axis=axis)


composite(
    "unwrap",
    _unwrap,
    doc="""x with whole periods added along ``axis`` so that neighbours differ by no more than half a period.

    Changes of less than ``discont`` are left as they are. The derivative is 1.

    >>> cr.unwrap(cr.tensor([0.0, 3.0, 5.0, 1.0]), period=6.0)
    tensor([0., 3., 5., 7.])
    """,
)

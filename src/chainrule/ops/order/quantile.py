"""Medians and quantiles: weighted means of neighbouring order statistics.

Where a quantile falls between elements depends on the method: R. J. Hyndman and Y. Fan, "Sample Quantiles in
Statistical Packages", The American Statistician 50 (1996), 361; names and further methods are NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import PLAIN, operand_spec
from chainrule.errors import DomainError, DTypeError, ShapeError
from chainrule.known import known
from chainrule.op import composite
from chainrule.reduction import count, empty, float_dtype, refuse_complex
from chainrule.spec import Shape, Spec, normalize_axes, reduced_shape

# The methods that interpolate, by the (α, β) of Hyndman and Fan: the element of rank q(n + 1 − α − β) + α − 1.
CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
# Those that take an element, or the mean of two.
STEPPED = {
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest"
}  # fmt: skip


def _neighbours(xp: Any, q: Any, n: Any, method: str) -> tuple[Any, Any, Any]:
    """The ranks of the two elements that a quantile lies between, and its distance from the first, 0 to 1."""
    if method in ("lower", "higher", "nearest", "midpoint"):
        place = xp.multiply(q, xp.subtract(n, 1))
        rounding = {"lower": (xp.floor,), "higher": (xp.ceil,), "nearest": (xp.round,), "midpoint": (xp.floor, xp.ceil)}
        low, high = (rounding[method] * 2)[:2]
        return low(place), high(place), 0.5 if method == "midpoint" else 0.0
    if method in ("inverted_cdf", "averaged_inverted_cdf"):
        place = xp.subtract(xp.multiply(q, n), 1)
        low = xp.floor(place)
        if method == "inverted_cdf":
            return xp.ceil(place), xp.ceil(place), 0.0
        return xp.ceil(place), xp.add(low, 1), 0.5
    if method == "closest_observation":
        place = xp.subtract(xp.multiply(q, n), 1.5)
        low = xp.floor(place)
        stays = xp.logical_and(xp.equal(place, low), xp.equal(xp.remainder(low, 2), 1))
        rank = xp.where(stays, low, xp.add(low, 1))
        return rank, rank, 0.0
    alpha, beta = CONTINUOUS[method]
    if method == "linear":
        place = xp.multiply(q, xp.subtract(n, 1))
    else:
        place = xp.subtract(xp.add(xp.multiply(q, n), xp.add(xp.multiply(q, 1 - alpha - beta), alpha)), 1)
    low = xp.floor(place)
    part = xp.subtract(place, low)
    return low, xp.add(low, xp.greater(part, 0)), part


def _between(xp: Any, low: Any, high: Any, part: Any) -> Any:
    # From the nearer end, so that 0 and 1 are exact; equal ends may be infinite.
    same = xp.equal(low, high)
    step = xp.subtract(xp.where(same, 0, high), xp.where(same, 0, low))
    near = xp.add(low, xp.multiply(step, part))
    rest = 1 - part if isinstance(part, float) else xp.subtract(1, part)
    far = xp.subtract(high, xp.multiply(step, rest))
    return xp.where(same, low, xp.where(xp.less(part, 0.5), near, far))


def _in_front(xp: Any, x: Any, axes: Shape) -> Any:
    """x with the reduced axes flattened into the first."""
    if axes == (0,):
        return x
    others = [i for i in range(len(x.shape)) if i not in axes]
    moved = xp.permute_dims(x, (*axes, *others)) if axes != tuple(range(len(axes))) else x
    return xp.reshape(moved, (count(x, axes), *(x.shape[i] for i in others)))


def _checked(name: str, x: Any, q: Any, axis: Any, method: str) -> tuple[Spec, Shape]:
    spec, given = operand_spec(name, x), operand_spec(name, q)
    axes = normalize_axes(name, axis, spec.ndim)
    refuse_complex(name, spec)
    if spec.dtype.kind == "b":
        raise DTypeError(
            f"[{name}] the operand is bool, and quantiles lie between numbers; expected real numbers; "
            f"convert it with astype('float64')."
        )
    if method not in CONTINUOUS and method not in STEPPED:
        raise DomainError(
            f"[{name}] method is {method!r}; expected one of {', '.join(sorted([*CONTINUOUS, *STEPPED]))}; "
            f"leave it out for 'linear'."
        )
    if given.dtype.kind == "c":
        raise DTypeError(f"[{name}] q is {given.dtype}; expected real numbers from 0 to 1; take its real part.")
    _refuse_outside(name, known(q))
    if count(spec, axes) == 0:
        raise empty(name, spec, axes)
    return spec, axes


def _refuse_outside(name: str, q: Any) -> None:
    inside = q is None or (np.greater_equal(q, 0) & np.less_equal(q, 1))
    if np.all(inside):
        return
    units = [("quantile", 1), ("percentile", 100)]
    (_, unit), (other, others) = units[::-1] if name.endswith("percentile") else units
    raise DomainError(
        f"[{name}] q holds {np.asarray(q)[~inside].flat[0] * unit:g}; expected numbers from 0 to {unit}; "
        f"use {name.replace(_, other)} for numbers from 0 to {others}."
    )


def _dtype(spec: Spec, q: Any) -> Any:
    """The dtype of means of two elements: a Python number q yields to x."""
    own = np.dtype(float_dtype(spec.dtype))
    return own if q.__class__ in PLAIN else np.result_type(own, operand_spec("quantile", q).dtype)


def _is_stepped(method: str) -> bool:
    return method in STEPPED and method not in ("midpoint", "averaged_inverted_cdf")


def _quantile(name: str) -> Any:
    hundredth = name.endswith("percentile")

    def body(xp: Any, x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        dtype = None
        if hundredth:
            dtype = _dtype(operand_spec(name, x), q)
            q = xp.divide(q, 100)
        spec, axes = _checked(name, x, q, axis, method)
        dtype = dtype or _dtype(spec, q)
        shape = operand_spec(name, q).shape
        q = xp.reshape(xp.astype(q, np.float64), (-1,))
        low, high, part = _values(xp, x, q, axes, method, name.startswith("nan"))
        if not _is_stepped(method):
            part = part if isinstance(part, float) else xp.astype(part, dtype)
            low = _between(xp, xp.astype(low, dtype), xp.astype(high, dtype), part)
        return xp.reshape(low, (*shape, *reduced_shape(spec.shape, axes, keepdims)))

    return body


def _values(xp: Any, x: Any, q: Any, axes: Shape, method: str, ignoring: bool) -> tuple[Any, Any, Any]:
    """The neighbouring elements of each quantile, along a first axis, and the distance from the first."""
    x = _in_front(xp, x, axes)
    size, lanes = x.shape[0], x.shape[1:]
    column = xp.reshape(q, (-1, *(1,) * len(lanes)))
    if ignoring and x.dtype.kind == "f":
        n = xp.subtract(size, xp.sum(xp.isnan(x), axis=0, keepdims=True))
        low, high, part = _neighbours(xp, column, n, method)
        x = xp.sort(x, axis=0)
        low, high = (xp.astype(xp.clip(rank, 0, xp.maximum(xp.subtract(n, 1), 0)), np.int64) for rank in (low, high))
        return xp.take_along_axis(x, low, axis=0), xp.take_along_axis(x, high, axis=0), part
    low, high, part = _neighbours(xp, q, size, method)
    low, high = (xp.astype(xp.clip(rank, 0, size - 1), np.int64) for rank in (low, high))
    found = xp.order_statistics(x, xp.concat([low, high, np.array([size - 1])]), axis=0)
    k = q.shape[0]
    low, high = xp.getitem(found, slice(0, k)), xp.getitem(found, slice(k, 2 * k))
    if x.dtype.kind == "f":
        # NaN is the largest element, and any makes the quantile one.
        last = xp.getitem(found, slice(2 * k, None))
        low = xp.where(xp.isnan(last), last, low)
    return low, high, part if isinstance(part, float) else xp.reshape(part, (-1, *(1,) * len(lanes)))


def _refuse_what_numpy_takes(x: Any, kinds: str) -> None:
    if not np.size(x) or np.asarray(x).dtype.kind in kinds:
        raise ShapeError("the body tells what is wrong")


def _numpys(function: Any) -> Any:
    """NumPy's function; what it refuses or warns of is left to the body."""

    def value(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        if np.ndim(q) > 1:
            raise ShapeError("NumPy refuses a q of several axes")
        _refuse_what_numpy_takes(x, "bc")
        q = float(q) if q.__class__ is int else q if np.asarray(q).dtype.kind == "f" else np.asarray(q, float)
        return function(x, q, axis=axis, method=method, keepdims=keepdims)

    return value


def _numpys_median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    _refuse_what_numpy_takes(x, "c")
    return np.median(x, axis, keepdims=keepdims)


def _median(xp: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    spec = operand_spec("median", x)
    refuse_complex("median", spec)
    axes = normalize_axes("median", axis, spec.ndim)
    if count(spec, axes) == 0:
        raise empty("median", spec, axes)
    x = xp.astype(_in_front(xp, x, axes), float_dtype(spec.dtype))
    size = x.shape[0]
    found = xp.order_statistics(x, np.array([(size - 1) // 2, size // 2, size - 1]), axis=0)
    low, high, last = (xp.getitem(found, i) for i in range(3))
    # NaN is the largest element, and any makes the median one.
    middle = low if size % 2 else xp.multiply(xp.add(low, high), 0.5)
    return xp.reshape(xp.where(xp.isnan(last), last, middle), reduced_shape(spec.shape, axes, keepdims))


def _nanmedian(xp: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    spec = operand_spec("nanmedian", x)
    x = xp.astype(x, np.float64) if spec.dtype.kind == "b" else x
    return _quantile("nanmedian")(xp, x, 0.5, axis, keepdims=keepdims)


composite(
    "median",
    _median,
    value=_numpys_median,
    method=True,
    doc="""The middle element along ``axis`` (all axes by default), or the mean of the middle two.

    Equal elements share the gradient.

    >>> cr.median(cr.tensor([3.0, 1.0, 2.0, 9.0]))
    tensor(2.5)
    """,
)
composite(
    "nanmedian",
    _nanmedian,
    doc="""The middle of the elements that are not NaN along ``axis`` (all axes by default), or the mean of two.

    >>> cr.nanmedian(cr.tensor([3.0, 1.0, np.nan, 2.0]))
    tensor(2.)
    """,
)

METHODS = """``method`` is one of NumPy's: 'linear', 'hazen', 'weibull', 'median_unbiased', 'normal_unbiased',
    'interpolated_inverted_cdf', which are differentiable in q, or, steps in q, 'lower', 'higher', 'nearest',
    'midpoint', 'inverted_cdf', 'averaged_inverted_cdf', 'closest_observation'. Equal elements share the gradient."""

for _name, _unit, _kind in (
    ("quantile", "1", ""),
    ("percentile", "100", ""),
    ("nanquantile", "1", "that are not NaN "),
    ("nanpercentile", "100", "that are not NaN "),
):
    _x = "[1.0, 2.0, 6.0, np.nan]" if _kind else "[1.0, 2.0, 6.0]"
    composite(
        _name,
        _quantile(_name),
        value=None if _kind else _numpys(getattr(np, _name)),
        doc=f"""The value that a share q, 0 to {_unit}, of the elements {_kind}along ``axis`` does not exceed.

    {METHODS}

    >>> cr.{_name}(cr.tensor({_x}), {"0.75" if _unit == "1" else "75"})
    tensor(4.)
    """,
    )

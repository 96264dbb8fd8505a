"""Differences, derivatives and integrals of sampled functions."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import scipy

from chainrule.box import PLAIN, operand_spec
from chainrule.errors import DomainError, DTypeError, ShapeError
from chainrule.op import composite
from chainrule.spec import Spec, normalize_axes, normalize_axis

FLOAT = np.dtype(np.float64)


def _cut(xp: Any, x: Any, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Any:
    return xp.getitem(x, (*(slice(None),) * axis, slice(start, stop, step)))


def _floating(xp: Any, x: Any, like: Any = FLOAT) -> Any:
    """Integers as floating numbers of the precision of their neighbour."""
    if operand_spec("astype", x).dtype.kind not in "biu":
        return x
    return xp.astype(x, np.empty(0, like).real.dtype if like.kind in "fc" else FLOAT)


def _plain(*operands: Any) -> bool:
    """Whether NumPy's function computes with these as ours does: in float64."""
    return all(x.__class__ is float or getattr(x, "dtype", None) == FLOAT for x in operands)


def _array(x: Any) -> Any:
    return x if hasattr(x, "dtype") else np.asarray(x)


# --------------------------------------------------------------------------------------------- differences


def _edge(xp: Any, x: Any, spec: Spec, axis: int) -> Any:
    if operand_spec("diff", x).ndim == 0:
        return xp.broadcast_to(x, (*spec.shape[:axis], 1, *spec.shape[axis + 1 :]))
    return x


def _diff(xp: Any, x: Any, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    spec = operand_spec("diff", x)
    axis = normalize_axis("diff", axis, spec.ndim)
    n = _order("diff", n)
    parts = [_edge(xp, prepend, spec, axis)] if prepend is not None else []
    parts += [x] + ([_edge(xp, append, spec, axis)] if append is not None else [])
    x = xp.concat(parts, axis=axis) if len(parts) > 1 else _array(x)
    change = xp.not_equal if x.dtype.kind == "b" else xp.subtract
    for _ in range(n):
        x = change(_cut(xp, x, axis, 1, None), _cut(xp, x, axis, None, -1))
    return x


def _order(name: str, n: Any) -> int:
    try:
        order = operator.index(n)
    except TypeError:
        order = -1
    if order < 0:
        raise DomainError(f"[{name}] n is {n!r}; expected an integer of at least 0; write n=1 for one difference.")
    return order


def _numpys_diff(x: Any, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    edges = {name: x for name, x in (("prepend", prepend), ("append", append)) if x is not None}
    return np.diff(x, n, axis, **edges)


composite(
    "diff",
    _diff,
    value=_numpys_diff,
    doc="""x[i+1] − x[i] along ``axis``, taken n times; ``prepend`` and ``append`` are joined to x first.

    >>> cr.diff(cr.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.])
    """,
)


def _ediff1d(xp: Any, x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    x = xp.reshape(x, (-1,))
    changes = xp.subtract(xp.getitem(x, slice(1, None)), xp.getitem(x, slice(None, -1)))
    parts = [xp.reshape(_array(part), (-1,)) for part in (to_begin,) if part is not None] + [changes]
    parts += [xp.reshape(_array(part), (-1,)) for part in (to_end,) if part is not None]
    return xp.concat([xp.astype(part, changes.dtype) for part in parts]) if len(parts) > 1 else changes


composite(
    "ediff1d",
    _ediff1d,
    doc="""The differences of successive elements of the flattened x, between ``to_begin`` and ``to_end``.

    >>> cr.ediff1d(cr.tensor([1.0, 4.0, 9.0]), to_begin=0.0)
    tensor([0., 3., 5.])
    """,
)

# ------------------------------------------------------------------------------------ the numerical gradient


def _spacings(xp: Any, given: tuple[Any, ...], spec: Spec, axes: tuple[int, ...]) -> list[Any]:
    """A distance, or an array of distances between neighbours, for each axis."""
    if len(given) not in (0, 1, len(axes)) or (
        len(given) == 1 != len(axes) and operand_spec("gradient", given[0]).ndim
    ):
        raise DTypeError(
            f"[gradient] {len(given)} spacings were given for {len(axes)} axes; expected one number for all, or a "
            f"number or an array of coordinates for each axis; leave them out for distances of 1."
        )
    given = given or (1.0,)
    spacings = []
    for axis, h in zip(axes, given * len(axes) if len(given) == 1 else given, strict=True):
        shape = operand_spec("gradient", h).shape
        if shape and shape != (spec.shape[axis],):
            raise ShapeError(
                f"[gradient] the coordinates of axis {axis} have shape {shape}; expected ({spec.shape[axis]},), "
                f"a coordinate for each of its elements; give a number if they are evenly spaced."
            )
        if not shape:
            spacings.append(h)
            continue
        spacings.append(
            xp.reshape(xp.diff(_floating(xp, h, spec.dtype)), (*(1,) * axis, -1, *(1,) * (spec.ndim - axis - 1)))
        )
    return spacings


def _inner_slope(xp: Any, f: Any, h: Any, axis: int) -> Any:
    low, mid, high = (_cut(xp, f, axis, i, i - 2 or None) for i in range(3))
    if operand_spec("gradient", h).ndim == 0:
        return xp.divide(xp.subtract(high, low), 2.0 * h)
    # The parabola through three points: Fornberg, Math. Comp. 51 (1988), 699.
    before, after = _cut(xp, h, axis, None, -1), _cut(xp, h, axis, 1, None)
    both = xp.add(before, after)
    left = xp.negative(xp.divide(after, xp.multiply(before, both)))
    middle = xp.divide(xp.subtract(after, before), xp.multiply(before, after))
    right = xp.divide(before, xp.multiply(after, both))
    return xp.add(xp.add(xp.multiply(left, low), xp.multiply(middle, mid)), xp.multiply(right, high))


def _end_slope(xp: Any, f: Any, h: Any, axis: int, edge_order: int, end: int) -> Any:
    """The slope at the first element (``end`` 0) or the last (−1)."""
    along = 1 if end == 0 else -1

    def at(x: Any, i: int) -> Any:
        place = end + along * i
        return _cut(xp, x, axis, place, place + 1 or None)

    even = operand_spec("gradient", h).ndim == 0
    near = h if even else at(h, 0)
    change = xp.subtract(at(f, 1), at(f, 0)) if end == 0 else xp.subtract(at(f, 0), at(f, 1))
    slope = xp.divide(change, near)
    if edge_order == 1:
        return slope
    far = h if even else at(h, 1)
    next_change = xp.subtract(at(f, 2), at(f, 1)) if end == 0 else xp.subtract(at(f, 1), at(f, 2))
    bend = xp.divide(xp.subtract(slope, xp.divide(next_change, far)), near + far)
    return xp.add(slope, xp.multiply(bend, near))


def _gradient(xp: Any, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    spec = operand_spec("gradient", f)
    given = axis if isinstance(axis, (tuple, list)) else None if axis is None else (axis,)
    normalize_axes("gradient", axis, spec.ndim)
    axes = tuple(range(spec.ndim)) if given is None else tuple(normalize_axis("gradient", a, spec.ndim) for a in given)
    if edge_order not in (1, 2):
        raise DomainError(f"[gradient] edge_order is {edge_order!r}; expected 1 or 2; leave it out for 1.")
    f = _floating(xp, f)
    slopes = []
    for one, h in zip(axes, _spacings(xp, varargs, spec, axes), strict=True):
        if spec.shape[one] < edge_order + 1:
            raise ShapeError(
                f"[gradient] axis {one} has size {spec.shape[one]}; expected at least {edge_order + 1} elements for "
                f"edge_order={edge_order}; choose other axes with axis=."
            )
        ends = [_end_slope(xp, f, h, one, edge_order, end) for end in (0, -1)]
        slopes.append(xp.concat([ends[0], _inner_slope(xp, f, h, one), ends[1]], axis=one))
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _numpys_gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: Any = 1) -> Any:
    if not _plain(f, *varargs):
        raise DTypeError("the body keeps float32, and computes with integers in float64")
    return np.gradient(f, *varargs, axis=axis, edge_order=edge_order)


composite(
    "gradient",
    _gradient,
    value=_numpys_gradient,
    doc="""∂f/∂x of sampled values f: second-order differences inside, one-sided ones of ``edge_order`` at the ends.

    The spacings are one number, or a number or an array of coordinates for each axis. For several axes a tuple.

    >>> cr.gradient(cr.tensor([0.0, 1.0, 4.0, 9.0]))
    tensor([1., 2., 4., 5.])
    """,
)

# ------------------------------------------------------------------------------------------------ integrals


def _widths(xp: Any, name: str, y: Spec, x: Any, dx: Any, axis: int) -> Any:
    """The distances between neighbours, in a shape that broadcasts with those of y."""
    if x is None:
        return dx
    x, shape = _floating(xp, x, y.dtype), operand_spec(name, x).shape
    if len(shape) != 1:
        return xp.diff(x, axis=axis)
    if shape[0] != y.shape[axis]:
        raise ShapeError(
            f"[{name}] x has shape {shape} and axis {axis} of y size {y.shape[axis]}; expected a coordinate for each "
            f"element; give dx instead if they are evenly spaced."
        )
    return xp.reshape(xp.diff(x), (*(1,) * axis, -1, *(1,) * (y.ndim - axis - 1)))


def _trapezoids(xp: Any, name: str, y: Any, x: Any, dx: Any, axis: Any) -> tuple[Any, int]:
    spec = operand_spec(name, y)
    axis = normalize_axis(name, axis, spec.ndim)
    y = _floating(xp, y)
    heights = xp.add(_cut(xp, y, axis, 1, None), _cut(xp, y, axis, None, -1))
    return xp.multiply(xp.multiply(_widths(xp, name, spec, x, dx, axis), heights), 0.5), axis


def _trapezoid(xp: Any, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    areas, axis = _trapezoids(xp, "trapezoid", y, x, dx, axis)
    return xp.sum(areas, axis=axis)


def _numpys_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    # NumPy broadcasts a single distance where the coordinates are too few.
    if not _plain(y, dx, *([] if x is None else [x])) or (x is not None and x.shape != y.shape):
        raise DTypeError("the body keeps float32, and computes with integers in float64")
    return np.trapezoid(y, x, dx, axis)


composite(
    "trapezoid",
    _trapezoid,
    value=_numpys_trapezoid,
    doc="""∫ y dx along ``axis`` by the trapezoidal rule, for coordinates x or a distance dx.

    >>> cr.trapezoid(cr.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """,
)


def _scipys(name: str) -> Any:
    """SciPy's function of samples at even distances, in float64."""

    def value(y: Any, x: Any = None, **params: Any) -> Any:
        if x is not None or not _plain(y, params.get("dx", 1.0)) or y.shape[params.get("axis", -1)] < 3:
            raise DTypeError("the body keeps float32, and knows what is wrong with coordinates")
        return getattr(scipy.integrate, name)(y, **params)  # imported only when asked for: it takes long

    return value


def _cumulative_trapezoid(
    xp: Any, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: float | None = None
) -> Any:
    areas, axis = _trapezoids(xp, "cumulative_trapezoid", y, x, dx, axis)
    out = xp.cumsum(areas, axis=axis)
    if initial is None:
        return out
    if initial.__class__ not in PLAIN or initial != 0:
        raise DomainError(
            f"[cumulative_trapezoid] initial is {initial!r}; expected None or 0; add a constant to the result."
        )
    first = np.zeros((*out.shape[:axis], 1, *out.shape[axis + 1 :]), out.dtype)
    return xp.concat([first, out], axis=axis)


composite(
    "cumulative_trapezoid",
    _cumulative_trapezoid,
    value=_scipys("cumulative_trapezoid"),
    doc="""The running ∫ y dx along ``axis`` by the trapezoidal rule, one shorter than y, or from 0 with ``initial=0``.

    >>> cr.cumulative_trapezoid(cr.tensor([1.0, 2.0, 3.0]), initial=0)
    tensor([0. , 1.5, 4. ])
    """,
)


def _parabolas(xp: Any, y: Any, h: Any, axis: int) -> Any:
    """Simpson's rule over an odd number of points, for distances h (a number, or an array)."""
    low, mid, high = _cut(xp, y, axis, None, -2, 2), _cut(xp, y, axis, 1, -1, 2), _cut(xp, y, axis, 2, None, 2)
    if operand_spec("simpson", h).ndim == 0:
        total = xp.sum(xp.add(xp.add(low, high), xp.multiply(mid, 4.0)), axis=axis)
        return xp.divide(xp.multiply(total, h), 3.0)
    first, second = _cut(xp, h, axis, None, None, 2), _cut(xp, h, axis, 1, None, 2)
    both, ratio = xp.add(first, second), xp.divide(first, second)
    terms = xp.add(xp.multiply(low, xp.subtract(2.0, xp.reciprocal(ratio))), xp.multiply(high, xp.subtract(2.0, ratio)))
    middle = xp.multiply(mid, xp.divide(xp.multiply(both, both), xp.multiply(first, second)))
    return xp.sum(xp.multiply(xp.divide(both, 6.0), xp.add(terms, middle)), axis=axis)


def _last_interval(xp: Any, y: Any, h: Any, axis: int) -> Any:
    """∫ over the last interval of the parabola through the last three points.

    K. V. Cartwright, J. Math. Sci. Math. Educ. 11 (2017), equation 8, as in SciPy.
    """
    ys = [_cut(xp, y, axis, i, i + 1 or None) for i in (-1, -2, -3)]
    if operand_spec("simpson", h).ndim == 0:
        weights: list[Any] = [5 / 12, 2 / 3, -1 / 12]
        weights = [xp.multiply(h, w) if hasattr(h, "dtype") else h * w for w in weights]
    else:
        before, last = _cut(xp, h, axis, -2, -1), _cut(xp, h, axis, -1, None)
        both, product, square = xp.add(before, last), xp.multiply(before, last), xp.multiply(last, last)
        weights = [
            xp.divide(xp.add(xp.multiply(square, 2.0), xp.multiply(product, 3.0)), xp.multiply(both, 6.0)),
            xp.divide(xp.add(square, xp.multiply(product, 3.0)), xp.multiply(before, 6.0)),
            xp.divide(xp.multiply(square, last), xp.multiply(xp.multiply(before, both), -6.0)),
        ]
    first, second, third = (xp.multiply(w, one) for w, one in zip(weights, ys, strict=True))
    return xp.sum(xp.add(xp.add(first, second), third), axis=axis)


def _simpson(xp: Any, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    spec = operand_spec("simpson", y)
    axis = normalize_axis("simpson", axis, spec.ndim)
    size = spec.shape[axis]
    if size < 3:
        return xp.trapezoid(y, x, dx, axis)
    y = _floating(xp, y)
    h = _widths(xp, "simpson", spec, x, dx, axis)
    if size % 2:
        return _parabolas(xp, y, h, axis)
    shorter = h if operand_spec("simpson", h).ndim == 0 else _cut(xp, h, axis, None, -1)
    return xp.add(_parabolas(xp, _cut(xp, y, axis, None, -1), shorter, axis), _last_interval(xp, y, h, axis))


composite(
    "simpson",
    _simpson,
    value=_scipys("simpson"),
    doc="""∫ y dx along ``axis`` by Simpson's rule, for coordinates x or a distance dx.

    With an even number of points the last interval has the parabola of the last three (K. V. Cartwright, J. Math. Sci.
    Math. Educ. 11 (2017), equation 8).

    >>> cr.simpson(cr.tensor([0.0, 1.0, 4.0]))
    tensor(2.66666667)
    """,
)

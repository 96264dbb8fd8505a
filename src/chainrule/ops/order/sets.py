"""What an array holds, and where: shapes that depend on values, so that symbols are refused. Values carry gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, ShapeError
from chainrule.known import constant, value_of
from chainrule.op import composite
from chainrule.spec import normalize_axis

# ------------------------------------------------------------------------------------------- what is nonzero


def _nonzero(xp: Any, x: Any) -> Any:
    value = np.asarray(value_of("nonzero", x))
    if not value.ndim:
        raise AxisError("[nonzero] the operand is 0-d and has no positions; expected at least one axis; use x != 0.")
    return tuple(constant(places, x) for places in np.nonzero(value))


composite(
    "nonzero",
    _nonzero,
    doc="""The positions of the nonzero elements, an array of indices for each axis.

    >>> cr.nonzero(cr.tensor([[0.0, 2.0], [3.0, 0.0]]))
    (tensor([0, 1]), tensor([1, 0]))
    """,
)
composite(
    "flatnonzero",
    lambda xp, x: constant(np.flatnonzero(value_of("flatnonzero", x)), x),
    doc="""The positions of the nonzero elements in the flattened x.

    >>> cr.flatnonzero(cr.tensor([0.0, 2.0, 3.0]))
    tensor([1, 2])
    """,
)
composite(
    "argwhere",
    lambda xp, x: constant(np.argwhere(value_of("argwhere", x)), x),
    doc="""The positions of the nonzero elements, a row of indices for each.

    >>> cr.argwhere(cr.tensor([[0.0, 2.0], [3.0, 0.0]]))
    tensor([[0, 1],
            [1, 0]])
    """,
)


def _extract(xp: Any, condition: Any, x: Any) -> Any:
    places = np.flatnonzero(value_of("extract", condition))
    size = operand_spec("extract", x).size
    if places.size and places[-1] >= size:
        raise AxisError(
            f"[extract] the condition holds at position {places[-1]} and x has {size} elements; expected positions "
            f"within x; build the condition from x."
        )
    return xp.getitem(xp.reshape(x, (-1,)), places)


def _compress(xp: Any, condition: Any, x: Any, axis: int | None = None) -> Any:
    value = np.asarray(value_of("compress", condition))
    if value.ndim != 1:
        raise ShapeError(
            f"[compress] the condition has shape {value.shape}; expected one axis; use x[condition] for a mask of x."
        )
    if axis is None:
        return _extract(xp, condition, x)
    spec = operand_spec("compress", x)
    axis, places = normalize_axis("compress", axis, spec.ndim), np.flatnonzero(value)
    if places.size and places[-1] >= spec.shape[axis]:
        raise AxisError(
            f"[compress] the condition holds at position {places[-1]} and axis {axis} has size {spec.shape[axis]}; "
            f"expected positions within the axis; shorten the condition."
        )
    return xp.getitem(x, (*(slice(None),) * axis, places))


composite(
    "extract",
    _extract,
    doc="""The elements of the flattened x where the condition holds.

    >>> x = cr.tensor([1.0, 2.0, 3.0])
    >>> cr.extract(x > 1, x)
    tensor([2., 3.])
    """,
)
composite(
    "compress",
    _compress,
    doc="""The slices of x along ``axis`` (the elements of the flattened x by default) where the 1-d condition holds.

    >>> cr.compress([False, True], cr.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([[3., 4.]])
    """,
)

# --------------------------------------------------------------------------------------- what is there at all


class UniqueAll(NamedTuple):
    """The distinct elements; the place of the first of each; of each element its value's place; how many there are."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """The distinct elements, and how many of each there are."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """The distinct elements, and of each element its value's place among them."""

    values: Any
    inverse_indices: Any


def _distinct(xp: Any, name: str, x: Any, equal_nan: bool = False, axis: int | None = None) -> tuple[Any, ...]:
    """The distinct elements of x with its gradient, and what NumPy tells of them."""
    value = np.asarray(value_of(name, x))
    if axis is not None:
        axis = normalize_axis(name, axis, value.ndim)
        _, first, inverse, counts = np.unique(value, True, True, True, axis, equal_nan=equal_nan)
        return xp.getitem(x, (*(slice(None),) * axis, first)), first, inverse, counts
    _, first, inverse, counts = np.unique(value, True, True, True, equal_nan=equal_nan)
    flat = xp.reshape(x, (-1,))
    if value.dtype.kind not in "fiub":
        return xp.getitem(flat, first), first, inverse, counts
    # As elements of the sorted x, so that equal ones share the gradient.
    return xp.order_statistics(flat, np.cumsum(counts) - counts), first, inverse, counts


def _unique_all(xp: Any, x: Any) -> UniqueAll:
    values, *rest = _distinct(xp, "unique_all", x)
    return UniqueAll(values, *(constant(one, x) for one in rest))


def _unique_counts(xp: Any, x: Any) -> UniqueCounts:
    values, _, _, counts = _distinct(xp, "unique_counts", x)
    return UniqueCounts(values, constant(counts, x))


def _unique_inverse(xp: Any, x: Any) -> UniqueInverse:
    values, _, inverse, _ = _distinct(xp, "unique_inverse", x)
    return UniqueInverse(values, constant(inverse, x))


def _unique(
    xp: Any,
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    del sorted  # NumPy may leave the order open; ours is ascending
    values, *rest = _distinct(xp, "unique", x, equal_nan, axis)
    flags = (return_index, return_inverse, return_counts)
    told = tuple(constant(one, x) for one, flag in zip(rest, flags, strict=True) if flag)
    return (values, *told) if told else values


def _numpys_unique(x: Any, *flags: Any, axis: int | None = None, equal_nan: bool = True, **params: Any) -> Any:
    params.pop("sorted", None)
    return np.unique(x, *flags, axis=axis, equal_nan=equal_nan, **params)


composite(
    "unique_values",
    lambda xp, x: _distinct(xp, "unique_values", x)[0],
    value=lambda x: np.unique(x, equal_nan=False),
    doc="""The distinct elements in ascending order, each NaN one of its own; equal ones share the gradient.

    >>> cr.unique_values(cr.tensor([3.0, 1.0, 3.0]))
    tensor([1., 3.])
    """,
)
composite(
    "unique_counts",
    _unique_counts,
    doc="""The distinct elements in ascending order, and how many of each there are.

    >>> cr.unique_counts(cr.tensor([3.0, 1.0, 3.0])).counts
    tensor([1, 2])
    """,
)
composite(
    "unique_inverse",
    _unique_inverse,
    doc="""The distinct elements in ascending order, and for each element of x the place of its value among them.

    >>> cr.unique_inverse(cr.tensor([3.0, 1.0, 3.0])).inverse_indices
    tensor([1, 0, 1])
    """,
)
composite(
    "unique_all",
    _unique_all,
    doc="""The distinct elements with the place of the first of each, their inverse and their counts.

    >>> cr.unique_all(cr.tensor([3.0, 1.0, 3.0])).indices
    tensor([1, 0])
    """,
)
composite(
    "unique",
    _unique,
    value=_numpys_unique,
    doc="""The distinct elements (or slices along ``axis``) in ascending order, and what the flags ask for.

    Equal elements share the gradient; of equal slices the first has it.

    >>> cr.unique(cr.tensor([3.0, 1.0, 3.0]), return_counts=True)
    (tensor([1., 3.]), tensor([1, 2]))
    """,
)

"""Looking values up: where they belong in order, and whether they are there. No derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, ShapeError
from chainrule.known import integers, known
from chainrule.op import composite, primitive
from chainrule.reduction import refuse_complex
from chainrule.spec import Spec


def _canonical_search(x1: Spec, x2: Spec, *, side: Any) -> dict[str, Any]:
    for x in (x1, x2):
        refuse_complex("searchsorted", x)
    if x1.ndim != 1:
        raise ShapeError(
            f"[searchsorted] x1 has shape {x1.shape}; expected one axis of ascending elements; "
            f"search row by row, or write reshape(x1, -1) first."
        )
    if side not in ("left", "right"):
        raise DomainError(f"[searchsorted] side is {side!r}; expected 'left' or 'right'; choose one of these.")
    return {"side": side}


def _search_batch(xp: Any, batched: tuple[bool, ...], x1: Any, x2: Any, *, side: str) -> Any:
    if not batched[0]:
        return xp.searchsorted_in(x1, x2, side=side)
    x2 = x2 if batched[1] else xp.reshape(x2, (1, *x2.shape))
    rank = len(x2.shape)
    x1 = xp.reshape(x1, (x1.shape[0], *(1,) * (rank - 1), x1.shape[1]))
    x2 = xp.expand_dims(x2, axis=rank)
    # NaN is larger than all numbers, and equal to itself.
    before = xp.less(x1, x2) if side == "left" else xp.logical_not(xp.less(x2, x1))
    number, other = xp.logical_not(xp.isnan(x1)), xp.isnan(x2)
    before = xp.where(other, number if side == "left" else True, xp.logical_and(before, number))
    return xp.sum(before, axis=rank, dtype=np.int64)


def _numpys_places(x1: Any, x2: Any, *, side: Any = "left") -> Any:
    return np.searchsorted(x1, x2, side)


primitive(
    "searchsorted_in",
    value=_numpys_places,
    arity=2,
    canonical=_canonical_search,
    spec=lambda _x1, x2, *, side: Spec(x2.shape, np.dtype(np.int64)),
    batch=_search_batch,
    differentiable=False,
    numpy=(),
    public=(),
    doc="""searchsorted without a sorter: the places where x2 would go in the ascending x1.

    >>> from chainrule.ops import ops
    >>> ops.searchsorted_in(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([2.0, 3.0]))
    tensor([1, 2])
    """,
)


def _searchsorted(xp: Any, x1: Any, x2: Any, side: str = "left", sorter: Any = None) -> Any:
    if sorter is not None:
        integers("searchsorted", "sorter", operand_spec("searchsorted", sorter))
        x1 = xp.take(x1, sorter)
    return xp.searchsorted_in(x1, x2, side=side)


def _numpys_searchsorted(x1: Any, x2: Any, side: Any = "left", sorter: Any = None) -> Any:
    if np.asarray(x1).dtype.kind == "c" or np.asarray(x2).dtype.kind == "c":
        raise TypeError
    return np.searchsorted(x1, x2, side, sorter)


composite(
    "searchsorted",
    _searchsorted,
    value=_numpys_searchsorted,
    doc="""The places where the elements of x2 would go in the ascending x1: before equal ones, or behind ('right').

    ``sorter`` holds the positions that sort x1, as from argsort.

    >>> cr.searchsorted(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([2.0, 3.0]), side="right")
    tensor([2, 2])
    """,
)


def _digitize(xp: Any, x: Any, bins: Any, right: bool = False) -> Any:
    value = known(bins)
    side = "left" if right else "right"
    if value is None:
        size = operand_spec("digitize", bins).shape[0]
        falling = xp.less(xp.getitem(bins, -1), xp.getitem(bins, 0))
        down = xp.subtract(size, xp.searchsorted(xp.flip(bins), x, side=side))
        return xp.where(falling, down, xp.searchsorted(bins, x, side=side))
    steps = np.diff(value)
    if not ((steps >= 0).all() or (steps <= 0).all()):
        raise DomainError(
            "[digitize] bins neither ascend nor descend; expected edges in order; sort them first with sort(bins)."
        )
    if (steps >= 0).all():
        return xp.searchsorted(bins, x, side=side)
    return xp.subtract(len(value), xp.searchsorted(xp.flip(bins), x, side=side))


composite(
    "digitize",
    _digitize,
    doc="""The number of the bin, 0 to len(bins), that each element of x is in; bins[i−1] ≤ x < bins[i] for bin i.

    With ``right=True`` bins[i−1] < x ≤ bins[i]. The edges may descend.

    >>> cr.digitize(cr.tensor([0.5, 1.0, 7.0]), cr.tensor([1.0, 2.0]))
    tensor([0, 1, 2])
    """,
)


def _isin_batch(xp: Any, batched: tuple[bool, ...], x: Any, elements: Any, *, invert: bool) -> Any:
    if not batched[1]:
        return xp.isin(x, elements, invert=invert)
    x = x if batched[0] else xp.reshape(x, (1, *x.shape))
    rank = len(x.shape)
    elements = xp.reshape(elements, (elements.shape[0], *(1,) * (rank - 1), -1))
    found = xp.any(xp.equal(xp.expand_dims(x, axis=rank), elements), axis=rank)
    return xp.logical_not(found) if invert else found


primitive(
    "isin",
    value=lambda x, elements, *, invert=False: np.isin(x, elements, invert=invert),
    arity=2,
    canonical=lambda _x, _elements, *, invert: {"invert": bool(invert)},
    spec=lambda x, _elements, *, invert: Spec(x.shape, np.dtype(bool)),
    batch=_isin_batch,
    differentiable=False,
    doc="""Whether each element of x is among ``elements``, or is not, with ``invert=True``.

    >>> cr.isin(cr.tensor([1.0, 2.0, 3.0]), cr.tensor([3.0, 1.0]))
    tensor([ True, False,  True])
    """,
)

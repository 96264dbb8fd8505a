"""Scans by an associative function, in logarithmic depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.errors import DTypeError, ShapeError
from chainrule.graph.body import tensor_spec
from chainrule.graph.tracing import operands
from chainrule.graph.waiting import anything_like, later
from chainrule.ops import ops
from chainrule.spec import normalize_axis
from chainrule.tree import same_structure, unflatten
from chainrule.unknown import UnknownError


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """y₀ = x₀, yᵢ = fn(yᵢ₋₁, xᵢ) along an axis, for an associative ``fn``, which is called 2 log₂ n times.

    ``fn`` takes two trees like ``elems``, with many elements along ``axis`` at once, and gives one. With ``reverse``
    it runs from the last element back. By the even-odd scheme of Blelloch, Prefix Sums and Their Applications (1990).

    >>> import chainrule as cr
    >>> associative_scan(cr.maximum, cr.tensor([1.0, 3.0, 2.0, 5.0]))
    tensor([1., 3., 3., 5.])
    >>> first = lambda one, other: (one[0] * other[0], other[0] * one[1] + other[1])  # y = a y + b, composed
    >>> associative_scan(first, (cr.tensor([0.5, 0.5, 0.5]), cr.tensor([1.0, 1.0, 1.0])))[1]
    tensor([1.  , 1.5 , 1.75])
    """
    try:
        return _associative_scan(fn, elems, reverse, axis)
    except UnknownError as error:
        return later(
            "associative_scan",
            error,
            [fn],
            [(anything_like(elems), anything_like(elems))],
            elems,
            lambda functions, given: _associative_scan(functions[0], given, reverse, axis),
            lambda _, given: given,
        )


def _associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool, axis: int) -> Any:
    leaves, structure = operands("associative_scan", elems)
    sizes = []
    for i, x in enumerate(leaves):
        shape = tensor_spec(x).shape
        if not shape:
            raise ShapeError(
                f"[associative_scan] leaf {i} of elems is 0-d; expected an axis to run along; reshape it to (1,)."
            )
        sizes.append(shape[normalize_axis("associative_scan", axis, len(shape))])
    if len(set(sizes)) > 1:
        raise ShapeError(
            f"[associative_scan] the leaves of elems have {', '.join(str(n) for n in sizes)} elements along axis "
            f"{axis}; expected equally many; slice them."
        )

    def combined(one: list[Any], other: list[Any]) -> list[Any]:
        result, form = operands("associative_scan", fn(unflatten(structure, one), unflatten(structure, other)))
        if not same_structure(structure, form):
            raise ShapeError(
                f"[associative_scan] fn returns a tree {form} for two of {structure}; expected the same tree; return "
                f"the elements in the form they came in."
            )
        for i, (x, y) in enumerate(zip(one, result, strict=True)):
            if tensor_spec(x) != tensor_spec(y):
                error = ShapeError if tensor_spec(x).shape != tensor_spec(y).shape else DTypeError
                raise error(
                    f"[associative_scan] fn returns {tensor_spec(y)!r} for leaf {i}, of two that are "
                    f"{tensor_spec(x)!r}; expected the same shape and dtype; compute element by element along the "
                    f"axis."
                )
        return result

    if not leaves or sizes[0] < 2:
        return elems
    front = [ops.moveaxis(x, axis, 0) for x in leaves] if axis != 0 else leaves
    front = [ops.flip(x, axis=0) for x in front] if reverse else front
    scanned = _scanned(_along(combined, axis), front)
    scanned = [ops.flip(y, axis=0) for y in scanned] if reverse else scanned
    return unflatten(structure, [ops.moveaxis(y, 0, axis) for y in scanned] if axis != 0 else scanned)


def _along(combined: Callable[..., Any], axis: int) -> Callable[..., Any]:
    """``combined`` on leaves whose axis is in front, though ``fn`` wants it where the caller has it."""
    if axis == 0:
        return combined

    def moved(one: list[Any], other: list[Any]) -> list[Any]:
        back = [[ops.moveaxis(x, 0, axis) for x in side] for side in (one, other)]
        return [ops.moveaxis(y, axis, 0) for y in combined(*back)]

    return moved


def _scanned(combined: Callable[..., Any], xs: list[Any]) -> list[Any]:
    """Pairs are combined, the half as many scanned in the same way, and what lies between is filled in."""
    levels = []
    while len(xs[0]) > 1:
        levels.append(xs)
        xs = combined([x[:-1:2] for x in xs], [x[1::2] for x in xs])
    ys = xs
    for level in reversed(levels):
        count = len(level[0])
        odd = ys  # y₁, y₃, …
        between = combined([y[: (count - 1) // 2] for y in odd], [x[2::2] for x in level]) if count > 2 else []
        even = (
            [ops.concat([x[:1], y], axis=0) for x, y in zip(level, between, strict=True)]
            if between
            else [x[:1] for x in level]
        )
        ys = [_interleaved(a, b, count) for a, b in zip(even, odd, strict=True)]
    return ys


def _interleaved(even: Any, odd: Any, count: int) -> Any:
    pairs = count // 2
    both = ops.stack([even[:pairs], odd], axis=1)
    merged = ops.reshape(both, (2 * pairs, *both.shape[2:]))
    return merged if count == 2 * pairs else ops.concat([merged, even[pairs:]], axis=0)

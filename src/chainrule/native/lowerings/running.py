"""Scans: loops along one axis, a vector of the other elements at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.composed import composed
from chainrule.native.nests.arena import WIDTH
from chainrule.native.statements import Array, View, broadcast
from chainrule.node import Node


class Running:
    """``out[i] = step(out[i − 1], *operands[i])`` along an axis; ``out[0]`` is the first operand's."""

    def __init__(self, axis: int, step: Callable[..., Any], reverse: bool = False):
        self.axis, self.step, self.reverse = axis, step, reverse

    def __call__(self, lowering: Any, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, out = lowering.e, outs[0]
        before, size, behind = (math.prod(part) for part in self._parts(out.shape))
        target, sources = lowering.pointer(out), [lowering.pointer(x) for x in operands]
        lanes = max(1, min(WIDTH // out.dtype.itemsize, behind))

        def column(start: Any, lanes: int) -> None:
            def numbers(i: Any) -> tuple[Any, list[Any]]:
                at = start + ((size - 1) - i if self.reverse else i) * behind
                loads = [e.load(p, x.dtype, at, lanes) for p, x in zip(sources, operands, strict=True)]
                return at, [e.cast(v, out.dtype) for v in loads]

            at, given = numbers(e.index(0))
            state = e.variable(out.dtype, lanes)
            e.set(state, given[0])
            e.store(target, at, given[0], lanes)
            with e.loop(1, size, note="scan") as i:
                at, given = numbers(i)
                value = self.step(e, e.get(state), *given)
                e.set(state, value)
                e.store(target, at, value, lanes)

        with e.loop(0, before) as b:
            start = b * (size * behind)
            whole = behind - behind % lanes
            if whole:
                with e.loop(0, whole, lanes) as j:
                    column(start + j, lanes)
            if behind > whole:
                column(start + whole, behind - whole)

    def _parts(self, shape: Sequence[int]) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        return shape[: self.axis], shape[self.axis : self.axis + 1], shape[self.axis + 1 :]


def _recurrence(e: Any, y: Any, x: Any, a: Any) -> Any:
    zero = e.const(0, x.dtype)
    if x.dtype.kind == "c":
        moves = e.ne(y.re, 0) | e.ne(y.im, 0)
    else:
        moves = e.ne(y, 0) if x.dtype.kind != "b" else y
    if x.dtype.kind == "b":
        return x | (a & y)
    return x + e.select(moves, a * y, zero)


STEPS: dict[str, Callable[..., Any]] = {
    "cumsum": lambda e, y, x: e.combine("add", y, x),
    "cumprod": lambda e, y, x: y & x if x.dtype.kind == "b" else y * x,
    "cummax": lambda e, y, x: y | x if x.dtype.kind == "b" else e.maximum(y, x),
    "cummin": lambda e, y, x: y & x if x.dtype.kind == "b" else e.minimum(y, x),
    "logcumsumexp": lambda e, y, x: e.logaddexp(y, x),
    "linear_recurrence": _recurrence,
}


@lowers(*STEPS)
def _running(lister: Lister, operands: Any, node: Node) -> View | None:
    op, p = node.op, node.params
    assert op is not None
    if node.dtype == np.float16:
        return None
    views = [broadcast(lister.view(x), node.shape) for x in operands]
    call = Running(p["axis"] % len(node.shape), STEPS[op.name], p.get("reverse", False))
    return lister.call((node.spec,), views, call, op.name)[0]


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, part)


@composed("tie_groups")
def _tie_groups(xp: Any, x: Any, *, axis: int) -> Any:
    after, before = (xp.gather(x, index=_along(axis, part)) for part in (slice(1, None), slice(None, -1)))
    first = np.zeros((*x.shape[:axis], 1, *x.shape[axis + 1 :]), bool)
    steps = xp.concat([first, xp.not_equal(after, before)], axis=axis)
    return xp.cumsum(steps, axis=axis, dtype=np.int64)


@composed("tie_mean")
def _tie_mean(xp: Any, x: Any, groups: Any, *, axis: int) -> Any:
    if x.dtype.kind == "f" and x.dtype.itemsize == 2:
        return None
    x = x if x.dtype.kind in "fc" else xp.astype(x, np.float64)
    size = x.shape[axis]
    sums = xp.add_along_axis(x, groups, axis=axis, size=size)
    ones = xp.broadcast_to(np.ones((), x.dtype), x.shape)
    counts = xp.add_along_axis(ones, groups, axis=axis, size=size)
    return xp.divide(*(xp.take_along_axis(z, groups, axis=axis) for z in (sums, counts)))

"""Samples: Tensors that stand for one of many, and the batch axis behind them, along which all are computed at once.

A function that is mapped over an axis is run once, on samples. To the function a sample is a Tensor of the sample's
shape, without a value of its own; every op it meets computes all samples at once, by the op's batching rule, on the
contents. Where an inner transform asks for derivatives, the call is also recorded between the samples, as between
symbols. Axes nest: of several, the newest computes first, and may meet samples of older ones in its contents.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule.apply import NO_PARAMS, apply, gathered
from chainrule.box import PLAIN, Box, box
from chainrule.config import recording
from chainrule.errors import ChainruleError, ShapeError, SymbolError
from chainrule.graph.support import bare
from chainrule.node import Node, SymbolicNode, next_number, record, record_pair
from chainrule.op import PICK, Op
from chainrule.ops import ops
from chainrule.refusals import spec_for
from chainrule.spec import Spec, Specs, copied, shape_of, spec_of

_levels = itertools.count()
_new = object.__new__
_CODE = (lambda: None).__code__


class Sample(SymbolicNode):
    """The node of one sample. ``content`` is what all samples are, with the batch axis in front.

    Without ``front``, all samples are equal, and the content is that of each. Untracked samples have no parents.
    """

    __slots__ = ("axis", "content", "front")
    axis: Axis
    content: Any
    front: bool

    def name(self) -> str:
        return "sample" if self.op is None else super().name()

    @property
    def known(self) -> Any:
        """The Tensor that all samples are, or None where they differ."""
        return None if self.front or self.shape.__class__ is Specs else self.content

    @property
    def tracked(self) -> bool:
        """Whether a derivative may be asked of this: it is, or depends on, what a transform made."""
        return self.left is not None or self.right is not None or self.several is not None


class Untracked(Sample):
    """A sample without parents: what is the same of all these stands in the class, for most samples are such."""

    __slots__ = ()
    op = left = right = several = kept = None
    params = NO_PARAMS
    code, instruction = _CODE, 0  # of no interest
    tracked = False  # pyright: ignore[reportAssignmentType]  # a property elsewhere


@functools.total_ordering
class Axis:
    """One axis that a function is mapped over. It is open while the function runs; newer ones are greater."""

    def __init__(self, size: int, name: Any = None):
        self.size = size
        self.name = name
        self.level = next(_levels)
        self.open = True

    def __lt__(self, other: Axis) -> bool:
        return self.level < other.level

    def __repr__(self) -> str:
        return f"<axis {self.name or self.level} of size {self.size}>"

    def sample(self, cls: type[Box], content: Any, front: bool = True, parent: Node | None = None) -> Any:
        """A Tensor that stands for one of the samples in ``content``."""
        source = content._node if content._value is None else content._value
        if parent is None:
            node: Any = _new(Untracked)
        else:
            node = _new(Sample)
            node.op = node.right = node.several = node.kept = None
            node.left = parent
            node.params = NO_PARAMS
            node.code, node.instruction = _CODE, 0
        node.watch = None
        node.shape = source.shape[1:] if front else source.shape
        node.dtype = source.dtype
        node.number = next_number()
        node.axis = self
        node.content = content
        node.front = front
        made = _new(cls)
        made._value = made._grad = None
        made._node = node
        return made

    def _filled(self, cls: type[Box], node: Any, content: Any, front: bool) -> Any:
        node.axis = self
        node.content = content
        node.front = front
        return box(cls, None, node)

    def no_value(self, function: str, spec: Any) -> SymbolError:
        """The error for asking one of them for its value."""
        return SymbolError(
            f"[{function}] this is one sample of a vmap ({spec!r}) and has no value of its own; expected "
            f"a Tensor with a value; choose by values with where(...), or leave this argument out of in_axes."
        )

    def holds(self, x: Any) -> bool:
        """Whether x is a sample of this axis."""
        return isinstance(x, Box) and x._node is not None and x._node.axis is self

    def lift(self, x: Any) -> Any:
        """x as a sample of this axis (the same for all), unless it is one, or one of a newer axis."""
        x = bare(x)
        if not isinstance(x, Box):
            x = box(Box.default, np.array(x)[()], None)
        if between_symbols.get():
            return x
        if x._node is not None and x._node.axis is not None and x._node.axis >= self:
            return x
        return self.sample(type(x), x, False, x._node)

    def alias(self, x: Any) -> Any:
        """A fresh leaf for a transform that is called inside a mapped function: a sample.

        A constant becomes one too, so that what is derived by the alias stays between samples: their contents know
        nothing of it.
        """
        node: Any = x._node
        if self.holds(x):
            return self.sample(type(x), node.content, node.front, node)
        content = box(type(x), x._value, node)
        spec = spec_of(x._value) if x._value is not None else node.spec
        leaf = record_pair(None, None, None, None, NO_PARAMS, spec.shape, spec.dtype, Sample)
        leaf.several = (node,)  # tracked, also where the constant is not
        return self._filled(type(x), leaf, content, False)

    def unary(self, op: Op, call: Any, cls: type[Box], x: Any, node: Any) -> Any:
        """An elementwise op of one sample: the same call on the contents; :meth:`apply` made short."""
        if node.axis is not self or not self.open:
            return apply(op, (x,), {})
        try:
            out = call(node.content)
        except ChainruleError:
            return apply(op, (x,), {})  # which tells it of one sample
        if node.tracked:
            return self._recorded(op, cls, None, out, node.front, (None,), (node,), NO_PARAMS)
        return self.sample(cls, out, node.front)

    def binary(self, op: Op, call: Any, cls: type[Box], x: Any, y: Any, p: Any, q: Any) -> Any:
        """An elementwise op of samples alike, or of a sample and a number: the same call on the contents.

        This is :meth:`apply` made short, since most calls are such.
        """
        if p is None:
            one = q
            alike = x.__class__ in PLAIN and q.axis is self
        elif q is None:
            one = p
            alike = y.__class__ in PLAIN and p.axis is self
        else:
            one = p
            alike = p.axis is self and q.axis is self and p.front == q.front and len(p.shape) == len(q.shape)
        if not alike or not self.open:
            return apply(op, (x, y), {})
        try:
            out = call(x if p is None else p.content, y if q is None else q.content)
        except ChainruleError:
            return apply(op, (x, y), {})  # which tells it of one sample
        if one.tracked or (one is p and q is not None and q.tracked):
            values = (x if p is None else None, y if q is None else None)
            return self._recorded(op, cls, None, out, one.front, values, (p, q), NO_PARAMS)
        return self.sample(cls, out, one.front)

    def apply(
        self, op: Op, cls: type[Box], operands: Sequence[Any], values: Sequence[Any], nodes: Any, params: Any
    ) -> Any:
        """One call of an op for all samples at once."""
        if not self.open:
            raise SymbolError(
                f"[{op.name}] an operand is a sample of a vmap that has ended; expected it to stay inside the mapped "
                f"function; return it from there to have all samples."
            )
        contents, flags = [], []
        for x, value, node in zip(operands, values, nodes, strict=True):
            if node is not None and node.axis is self:
                contents.append(node.content)
                flags.append(node.front)
            else:
                contents.append(x if isinstance(x, Box) else value)
                flags.append(False)
        front = True in flags
        spec: Any = None
        if op.partials is None:
            spec = spec_for(op, _specs(values, nodes), params)
        try:
            if params and params.get("along") is self:
                out, front = ACROSS[op.name](contents[0], front, self.size)
            elif front:
                assert op.batch is not None
                before = batching.set(self)
                try:
                    out = op.batch(ops, tuple(flags), *contents, **params)
                finally:
                    batching.reset(before)
            else:
                out = apply(op, contents, params)
        except ChainruleError:
            if spec is None and op.spec is not None:
                spec_for(op, _specs(values, nodes), params)  # tells the same of one sample
            raise
        return self._recorded(op, cls, spec, out, front, values, nodes, params)

    def _recorded(
        self, op: Op, cls: type[Box], spec: Any, out: Any, front: bool, values: Any, nodes: Any, params: Any
    ) -> Any:
        tracked = (
            op.differentiable
            and recording.get()
            and any(node is not None and (node.axis is None or node.tracked) for node in nodes)
        )
        if op.outputs is not None:
            out = tuple(out)
            if not tracked:
                return gathered(op, [self.sample(cls, one, front) for one in out])
            node = record(op, tuple(nodes), _kept(values), params, Specs(spec), Sample)
            self._filled(cls, node, out, front)
            return gathered(op, self.picks(cls, node))
        source = out._node if out._value is None else out._value
        shape, dtype = source.shape[1:] if front else source.shape, source.dtype
        if spec is not None and (shape != spec.shape or dtype != spec.dtype):
            raise ShapeError(
                f"[{op.name}] the batching rule gave {Spec(shape, dtype)!r} for a sample; expected {spec!r}, "
                f"as for one sample alone."
            )
        if not tracked or dtype.kind not in "fc":
            return self.sample(cls, out, front)
        node = record(op, tuple(nodes), _kept(values), params, Spec(shape, dtype), Sample)
        return self._filled(cls, node, out, front)

    def picks(self, cls: type[Box], node: Any) -> list[Any]:
        """The outputs of an op that has several."""
        picked = []
        for i, content in enumerate(node.content):
            spec = node.shape[i]
            if spec.dtype.kind not in "fc":
                picked.append(self.sample(cls, content, node.front))
                continue
            made = record_pair(PICK, node, None, (None, None), {"index": i}, spec.shape, spec.dtype, Sample)
            picked.append(self._filled(cls, made, content, node.front))
        return picked

    def content(self, x: Any) -> Any:
        """All samples of x, with the batch axis in front: repeated where all are the same."""
        if self.holds(x):
            if x._node.front:
                return x._node.content
            x = x._node.content
        return ops.broadcast_to(x, (self.size, *shape_of(x)))


def stopped(x: Any) -> Any:
    """x as nothing is recorded of it: neither between samples nor between what all of them are."""
    node = x._node
    if isinstance(node, Sample):
        return node.axis.sample(type(x), stopped(node.content), node.front)
    return x if x._value is None else box(type(x), x._value, None)


def _specs(values: Sequence[Any], nodes: Sequence[Any]) -> list[Any]:
    return [node.spec if v is None else spec_of(v) for v, node in zip(values, nodes, strict=True)]


def _kept(values: Sequence[Any]) -> tuple[Any, ...]:
    return (None, *(copied(v) if isinstance(v, np.ndarray) else v for v in values))


def _all_gather(x: Any, front: bool, size: int) -> tuple[Any, bool]:
    return (x if front else ops.broadcast_to(x, (size, *x.shape))), False


def _reduce_scatter(x: Any, front: bool, size: int) -> tuple[Any, bool]:
    return (ops.sum(x, axis=0) if front else ops.multiply(x, size)), True


# What is computed across all samples of an axis: (content, front) of the result.
ACROSS = {"all_gather": _all_gather, "reduce_scatter": _reduce_scatter}

# ------------------------------------------------------------------------------------------------ named axes

innermost: ContextVar[Axis | None] = ContextVar("innermost_axis", default=None)
named_axes: ContextVar[dict[Any, Axis] | None] = ContextVar("named_axes", default=None)
batching: ContextVar[Axis | None] = ContextVar("batching", default=None)  # the axis whose samples an op meets together
between_symbols: ContextVar[bool] = ContextVar("between_symbols", default=False)  # while a body is derived


def named_axis(function: str, name: Any) -> Axis:
    """The axis of this name that is open here."""
    known = named_axes.get() or {}
    axis = known.get(name)
    if axis is None:
        known = ", ".join(map(repr, known)) or "none"
        raise SymbolError(
            f"[{function}] no axis is named {name!r} here; open ones: {known}; expected a call inside the function "
            f"that is mapped; write vmap(f, axis_name={name!r})."
        )
    return axis

"""Node: what one call of an op leaves behind, and the only thing a graph is made of."""

from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from chainrule.errors import LIBRARY, Location
from chainrule.op import PICK, Op
from chainrule.spec import Shape, Spec, Specs

next_number = itertools.count().__next__
_frame = sys._getframe
_new = object.__new__


class Watch:
    """What a leaf, or a node somebody listens to, carries beside the graph."""

    __slots__ = ("cls", "hooks", "retain", "tensor")

    def __init__(self, tensor: Any = None, retain: bool = False):
        self.cls = type(tensor)  # hooks see gradients of their Tensor's own class, also when it is gone
        # Weak, so that a gradient that has a graph of its own (and leads back here) makes no cycle.
        self.tensor: Callable[[], Any] = weakref.ref(tensor) if tensor is not None else lambda: None
        self.retain = retain
        self.hooks: dict[int, Callable[[Any], Any]] = {}


class Freed:
    """Stands where a node kept its values, after a backward gave them up."""

    __slots__ = ("location",)

    def __init__(self, location: Location | None):
        self.location = location


class Node:
    """One recorded call: op, parents, static parameters, the values its rules keep, and where it was made.

    ``parents[i]`` is the node of operand i, or None when no gradient is asked of that operand. Nearly every op has one
    operand or two; their nodes stand in slots, ``left`` and ``right``, because a tuple more per node is a third more
    for the garbage collector to look through. Nodes with another number of operands have the tuple: ``several``.
    ``kept`` is (out, operand 0, operand 1, …) with None for what the rules do not need, or None for nothing at all.
    Numbers grow with creation, so that descending numbers are a topological order.
    """

    __slots__ = (
        "__weakref__", "code", "dtype", "instruction", "kept", "left", "number", "op", "params", "right", "several",
        "shape", "watch",
    )  # fmt: skip

    symbolic = False
    axis: Any = None  # the batch axis this is one sample of; see graph/samples.py
    op: Op | None
    left: Node | None
    right: Node | None
    several: tuple[Node | None, ...] | None
    kept: Any
    params: dict[str, Any]
    shape: Shape
    dtype: Any
    watch: Watch | None

    @property
    def parents(self) -> tuple[Node | None, ...]:
        """The node of each operand."""
        if self.several is not None:
            return self.several
        return (self.left, self.right) if self.op is not None and self.op.arity == 2 else (self.left,)

    @property
    def spec(self) -> Any:
        return self.shape if self.shape.__class__ is Specs else Spec(self.shape, self.dtype)

    # To a rule, a node stands for an operand that was not kept: it has all that a Spec has.
    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.spec.size

    @property
    def location(self) -> Location:
        """The line of the user's program that made this node."""
        return Location(self.code, self.instruction)

    def name(self) -> str:
        """The name of the op (of a symbol: its own name), as in ``y.grad_fn.name()``."""
        if self.op is None:
            return self.params.get("name", "leaf")
        return self.left.name() if self.op is PICK and self.left is not None else self.op.name

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """(node, output index) of each operand: the edges that reverse accumulation follows."""
        return tuple((parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class SymbolicNode(Node):
    """A node made without values: its operands that are no nodes are constants, all kept."""

    __slots__ = ()
    symbolic = True


def record(
    op: Op | None,
    parents: tuple[Node | None, ...],
    kept: Any,
    params: dict[str, Any],
    spec: Any,
    kind: type[Node] = Node,
) -> Node:
    """A new node for operands of any number; its shape and dtype are those of ``spec``."""
    if len(parents) == 1 or (op is not None and op.arity == 2):
        left, right = parents if len(parents) == 2 else (*parents, None)
        return record_pair(op, left, right, kept, params, spec.shape, spec.dtype, kind)
    node = record_pair(op, None, None, kept, params, spec.shape, spec.dtype, kind)
    node.several = parents
    return node


def record_pair(
    op: Op | None, left: Any, right: Any, kept: Any, params: Any, shape: Shape, dtype: Any, kind: type[Node] = Node
) -> Node:
    """A new node for one operand or two, with the line of the user's program that called.

    (A function that fills slots: a constructor would cost twice as much.)
    """
    node = _new(kind)
    node.op = op
    node.left = left
    node.right = right
    node.several = None
    node.kept = kept
    node.params = params
    node.shape = shape
    node.dtype = dtype
    node.watch = None
    node.number = next_number()
    frame = _frame(2)
    code = frame.f_code
    while code.co_filename in LIBRARY:
        frame = frame.f_back
        if frame is None:
            node.code, node.instruction = code, 0
            return node
        code = frame.f_code
    node.code = code
    node.instruction = frame.f_lasti
    return node

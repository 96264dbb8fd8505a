"""Functions traced once with symbols: bodies of loops and branches, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.apply import apply, gathered
from chainrule.box import Box, as_value, box
from chainrule.config import enable_grad
from chainrule.errors import DTypeError, ShapeError, SymbolError
from chainrule.graph.body import closed, constant, tensor_spec
from chainrule.graph.intern import interned
from chainrule.graph.samples import ACROSS, Axis, innermost
from chainrule.node import SymbolicNode, record, record_pair
from chainrule.op import PICK, Op
from chainrule.ops import ops
from chainrule.spec import Spec, Specs, copied, spec_of
from chainrule.tree import Structure, flatten, same_structure

LOOPS = ("scan", "while_loop")  # whose bodies are traced once, and run often


class Step(SymbolicNode):
    """A node of a body while it is traced."""

    __slots__ = ("axis",)
    axis: Tracing
    tracked = True  # a derivative may be asked of it
    known = None  # it has no value, not even the same for all samples


class Tracing(Axis):
    """One run of a function as a body. What meets its symbols is recorded, also samples of a map around it."""

    def __init__(self, name: str):
        super().__init__(0, name)

    def symbols(self, specs: Sequence[Spec], likes: Sequence[Any]) -> list[Any]:
        """The arguments of the body, of the same classes as ``likes``."""
        return [
            self._made(record(None, (), (None,), {"name": f"x{i}"}, spec, Step), type(like))
            for i, (spec, like) in enumerate(zip(specs, likes, strict=True))
        ]

    def _made(self, node: Any, cls: type[Box]) -> Any:
        node.axis = self
        return box(cls, None, node)

    def alias(self, x: Any) -> Any:
        """A fresh leaf for a transform inside the body."""
        return self._made(record(None, (x._node,), (), {}, x._node.spec, Step), type(x))

    def no_value(self, function: str, spec: Any) -> SymbolError:
        return SymbolError(
            f"[{function}] this ({spec!r}) was computed from the arguments of a {self.name} body, which has no values "
            f"while it is traced; expected a Tensor with a value; choose with cond(...) or where(...), repeat with "
            f"while_loop(...)."
        )

    def unary(self, op: Op, call: Any, cls: type[Box], x: Any, node: Any) -> Any:
        del call, cls, node
        return apply(op, (x,), {})

    def binary(self, op: Op, call: Any, cls: type[Box], x: Any, y: Any, p: Any, q: Any) -> Any:
        del call, cls, p, q
        return apply(op, (x, y), {})

    def apply(
        self, op: Op, cls: type[Box], operands: Sequence[Any], values: Sequence[Any], nodes: Any, params: Any
    ) -> Any:
        if not self.open:
            raise SymbolError(
                f"[{op.name}] an operand is an argument of a {self.name} body that has ended; expected it to stay "
                f"inside; return it from the body to have its values."
            )
        if op.name in ACROSS:
            # What is computed across samples differs from body to body by a sample, so that the loop meets its axis.
            ones = np.ones(params["along"].size, nodes[0].dtype)
            x: Any = ops.multiply(operands[0], params["along"].sample(cls, box(cls, ones, None)))
            values, nodes = (None,), (x._node,)
        assert op.spec is not None
        derived: Any = op.spec(
            *(node.spec if v is None else spec_of(v) for v, node in zip(values, nodes, strict=True)), **params
        )
        kept = (None, *(copied(v) if isinstance(v, np.ndarray) else v for v in values))
        out = derived if op.outputs is None else Specs(derived)
        made = self._made(record(op, tuple(nodes), kept, params, out, Step), cls)
        return made if op.outputs is None else gathered(op, self.picks(cls, made._node))

    def picks(self, cls: type[Box], node: Any) -> list[Any]:
        return [
            self._made(record_pair(PICK, node, None, (None, None), {"index": i}, spec.shape, spec.dtype, Step), cls)
            for i, spec in enumerate(node.shape)
        ]


class Traced:
    """A function as a body: with the Tensors it closes over as its first inputs, and the form of what it returned."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        specs: Sequence[Spec],
        likes: Sequence[Any],
        rebuild: Callable[..., Any],
    ):
        axis = Tracing(name)
        xs = axis.symbols(specs, likes)
        before = innermost.set(None)  # transforms inside ask what they are given
        drawing = noise.traced.set(noise.Repeated(name) if name in LOOPS else noise.traced.get())
        try:
            with enable_grad():
                result = function(*rebuild(xs))
        finally:
            innermost.reset(before)
            noise.traced.reset(drawing)
            axis.open = False
        self.result = result
        leaves, self.structure = flatten(result)
        outputs = [operand(name, y) for y in leaves]
        body, self.outside = closed(xs, outputs)
        self.body = interned(body)
        self.specs = self.body.specs


def operand(name: str, x: Any) -> Any:
    """A Tensor as it is; anything else as a constant."""
    return x if isinstance(x, Box) else constant(np.array(as_value(name, x)))


def operands(name: str, tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree as Tensors, and its structure."""
    leaves, structure = flatten(tree)
    return [operand(name, x) for x in leaves], structure


def check_carry(
    name: str, function: str, before: Sequence[Any], structure: Structure, after: Sequence[Spec], found: Structure
) -> None:
    """Refuse a carry that changes its form, shape or dtype from step to step."""
    if not same_structure(structure, found):
        raise ShapeError(
            f"[{name}] the carry is a tree {structure}, and {function} returns {found} for it; expected the same tree "
            f"at every step; return the carry in the form it came in."
        )
    for i, (x, spec) in enumerate(zip(before, after, strict=True)):
        own = tensor_spec(x)
        if own.shape != spec.shape:
            raise ShapeError(
                f"[{name}] leaf {i} of the carry is {own!r}, and {function} returns {spec!r} for it; expected one "
                f"shape at every step; start from an array of that shape, or reduce what is returned."
            )
        if own.dtype != spec.dtype:
            raise DTypeError(
                f"[{name}] leaf {i} of the carry is {own!r}, and {function} returns {spec!r} for it; expected one "
                f"dtype at every step; start from x.astype('{spec.dtype}'), or return y.astype('{own.dtype}')."
            )

"""From a graph to statements: what each op reads, and at which indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.graph.graph import Graph, operands_of
from chainrule.graph.walk import ancestors
from chainrule.native.rules import as_dtype, operand_dtypes, stated
from chainrule.native.statements import (
    ZERO,
    Array,
    Axis,
    Index,
    Read,
    Statement,
    View,
    apart,
    broadcast,
    view_of,
)
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.ops import raw
from chainrule.passes.cse import spelled
from chainrule.refusals import explain

# How the ops that are not elementwise are lowered: (lister, views of the operands, node) -> View, or a tuple of them.
LOWERINGS: dict[str, Callable[..., Any]] = {}


DIAGONAL = 1024  # elements from which a matrix is worth telling from its indices
WRITING = frozenset({"scatter_add", "add"})  # ops whose arrays others may write to later


def diagonal_of(array: np.ndarray) -> tuple[int, Any] | None:
    """(offset, number) of a large matrix that is this number along one diagonal and 0 elsewhere."""
    if array.ndim != 2 or array.size < DIAGONAL or array.dtype.kind != "f" or 1 in array.shape:
        return None
    if not 0 < np.count_nonzero(array) <= min(array.shape):
        return None
    rows, columns = np.nonzero(array)
    offset, number = int(columns[0] - rows[0]), array[rows[0], columns[0]]
    diagonal = array.diagonal(offset)
    same = len(rows) == len(diagonal) and np.array_equal(diagonal, np.full(len(diagonal), number))
    signs = np.count_nonzero(np.signbit(array))  # of −0 too, which is no such 0
    return (offset, number) if same and signs == np.signbit(number) * len(diagonal) else None


def lowers(*names: str) -> Callable[..., Any]:
    """Register a lowering of ops."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            LOWERINGS[name] = function
        return function

    return register


class Lister:
    """Lists the statements of a graph."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.known: dict[Any, Any] = {}
        self.constants: dict[int, View] = {}
        self.kept: list[Any] = []
        self.uses: dict[Any, int] = {}
        self.hosted: set[str] = set()  # ops that are called back
        self.listed: dict[Any, Any] = {}

    def graph(self, graph: Graph, inputs: Sequence[View]) -> list[View]:
        """List what the outputs of a graph need; the views of these."""
        around, self.known = self.known, dict(zip(graph.inputs, inputs, strict=True))
        wanted = {y._node for y in graph.outputs if y._node is not None}
        reached = set(ancestors(list(wanted)))
        nodes = [node for node in graph.computed if node in reached]
        for parent in (*(p for node in nodes for p in node.parents), *(y._node for y in graph.outputs)):
            self.uses[parent] = self.uses.get(parent, 0) + 1
        for node in nodes:
            self.known[node] = self.lower(node)
        found = [self.known[y._node] if y._node in self.known else self.view(y._value) for y in graph.outputs]
        self.known = around
        return found

    # ------------------------------------------------------------------------------------------ operands

    def view(self, value: Any) -> View:
        """A constant as something to read."""
        if isinstance(value, View):
            return value
        if id(value) not in self.constants:
            array = np.asarray(value)
            self.kept.append(value)
            known = view_of(Array(array.shape, array.dtype, constant=array, name="constant"))
            diagonal = diagonal_of(array)
            self.constants[id(value)] = known if diagonal is None else self.diagonal(array, *diagonal)
        return self.constants[id(value)]

    def diagonal(self, array: np.ndarray, offset: int, number: Any) -> View:
        """A large matrix of zeros but for one diagonal: told from the indices, not read."""
        places = [Array((size,), np.int64, constant=np.arange(size), name="index") for size in array.shape]
        axes, indices = self.axes_of(array.shape)
        reads = tuple(Read(place, ((1, index),)) for place, index in zip(places, indices, strict=True))
        out = Array(array.shape, array.dtype, name="diagonal")

        def rule(e: Any, i: Any, j: Any) -> Any:
            return e.select(e.eq(j - i, offset), e.const(number, out.dtype), e.const(0, out.dtype))

        return self.add(Statement(out, apart(indices), tuple(a for a in axes if a), reads, rule, name="diagonal"))

    def lower(self, node: Node) -> Any:
        if node.op is None:
            return self.known[node.parents[0]]
        operands = operands_of(node, self.known, raw)
        if node.op is PICK:
            return operands[0][node.params["index"]]
        if node.op.outputs is None and 0 in node.shape:
            return self.view(np.empty(node.shape, node.dtype))
        key = self._key(node, operands)
        if key not in self.listed:
            made = self._listed(node, operands)
            if key is None:
                return made
            self.listed[key] = made
        return self.listed[key]

    def _key(self, node: Node, operands: Sequence[Any]) -> Any:
        """What is equal for calls that give the same: ops that are written in others often share a part."""
        if node.op is None or node.op.name in WRITING or node.op.kind == "program":
            return None
        self.kept.append(operands)  # so that no other view gets its number
        key = (
            node.op,
            tuple(id(x) if isinstance(x, (View, np.ndarray)) else spelled(x) for x in operands),
            spelled(list(node.params.items())),
        )
        try:
            hash(key)
        except TypeError:  # a parameter that cannot be told from others
            return None
        return key

    def _listed(self, node: Node, operands: Sequence[Any]) -> Any:
        assert node.op is not None
        rule = LOWERINGS.get(node.op.name)
        if rule is not None:
            made = rule(self, operands, node)
            if made is not None:
                return made
        if node.op.emit is not None:
            made = self.elementwise(node, operands)
            if made is not None:
                return made
        return self.host(node, operands)

    def axes_of(self, shape: Sequence[int]) -> tuple[list[Axis | None], list[Index]]:
        """An axis for every dimension that is not of size 1, and the indices along them."""
        axes = [Axis(size) if size != 1 else None for size in shape]
        return axes, [ZERO if axis is None else Index(((axis, 1),)) for axis in axes]

    # ------------------------------------------------------------------------------------------ statements

    def add(self, statement: Statement) -> View:
        if any(axis.size == 0 for axis in statement.axes) and 0 not in statement.out.shape:
            found = self._of_nothing(statement)
            if found is None:
                return view_of(statement.out)
            statement = found
        self.statements.append(statement)
        statement.out.makers.append(statement)
        return view_of(statement.out)

    def _of_nothing(self, statement: Statement) -> Statement | None:
        """What a statement leaves in an array if it has no steps: what it begins with, or nothing."""
        out, start = statement.out, statement.initial if statement.fill is None else statement.fill
        if out.makers or start is None:
            return None
        axes, indices = self.axes_of(out.shape)
        return Statement(out, apart(indices), tuple(a for a in axes if a), (start,), _same, name=statement.name)

    def elementwise(self, node: Node, operands: Sequence[Any]) -> View | None:
        shape, op = node.shape, node.op
        assert op is not None and op.emit is not None
        out = Array(shape, node.dtype, name=op.name)
        axes, indices = self.axes_of(shape)
        cast = operand_dtypes(op, operands, node.dtype)
        if cast is None or not stated(op, cast, operands, node.dtype, node.params):
            return None
        reads = tuple(self.operand(x, shape, indices) for x in operands)
        params, emit = node.params, op.emit

        def rule(e: Any, *numbers: Any) -> Any:
            return emit(e, *(as_dtype(e, x, d) for x, d in zip(numbers, cast, strict=True)), **params)

        return self.add(
            Statement(
                out, apart(indices), tuple(a for a in axes if a), reads, rule, name=op.name, cost=COSTS.get(op.name, 1)
            )
        )

    def operand(self, x: Any, shape: Sequence[int], indices: Sequence[Index]) -> Any:
        """What a statement reads at these indices of its own shape, to which x broadcasts."""
        if not isinstance(x, View):
            if np.ndim(x) == 0:
                return x if not isinstance(x, np.ndarray) else x[()]
            x = self.view(x)
        if x.array.constant is not None and x.array.constant.size == 1:
            return x.array.constant.reshape(())[()]
        return broadcast(x, tuple(shape)).read(indices)

    def map(self, x: View, rule: Callable[..., Any], dtype: Any = None, name: str = "copy") -> View:
        """One number of ``rule`` for every element of x."""
        axes, indices = self.axes_of(x.shape)
        out = Array(x.shape, x.dtype if dtype is None else dtype, name=name)
        return self.add(
            Statement(out, apart(indices), tuple(a for a in axes if a), (x.read(indices),), rule, name=name)
        )

    def copy(self, x: Any) -> View:
        return self.map(self.view(x), lambda e, v: v)

    def whole(self, x: Any) -> View:
        """x as an array in its own order."""
        x = self.view(x)
        return x if x.whole else self.copy(x)

    def reduce(
        self,
        x: View,
        axis: Sequence[int],
        keepdims: bool,
        dtype: Any,
        combine: str,
        initial: Any,
        rule: Any = None,
        name: str = "",
    ) -> View:
        """Fold x over axes by ``combine``."""
        axes, indices = self.axes_of(x.shape)
        kept = [d for d in range(len(x.shape)) if d not in axis]
        shape = (
            tuple((1 if d in axis else n) for d, n in enumerate(x.shape))
            if keepdims
            else tuple(x.shape[d] for d in kept)
        )
        place = [ZERO if d in axis else indices[d] for d in range(len(x.shape)) if keepdims or d not in axis]
        out = Array(shape, dtype, name=name or combine)
        rule = rule or (lambda e, v: e.cast(v, out.dtype))
        folded = tuple(a for d in axis if (a := axes[d]) is not None)
        return self.add(
            Statement(
                out, apart(place), tuple(a for a in axes if a), (x.read(indices),), rule,
                folded=folded, combine=combine, initial=initial, name=name or combine,
            )
        )  # fmt: skip

    def call(
        self, specs: Sequence[Any], operands: Sequence[Any], call: Callable[..., Any], name: str
    ) -> tuple[View, ...]:
        """Arrays that one function makes of whole arrays: ``call(lowering, operands, outs)``, when it is time to."""
        arrays = [self.whole(x).array for x in operands]
        return self.calling(arrays, [Array(spec.shape, spec.dtype, name=name) for spec in specs], call, name)

    def calling(
        self, arrays: Sequence[Array], outs: Sequence[Array], call: Callable[..., Any], name: str
    ) -> tuple[View, ...]:
        """The same of arrays that are there."""
        reads = tuple(Read(array, ()) for array in arrays)
        statement = Statement(
            outs[0],
            (),
            (),
            reads,
            nothing,
            call=lambda lowering: call(lowering, arrays, outs),
            also=tuple(outs[1:]),
            name=name,
        )
        self.add(statement)
        for out in outs[1:]:
            out.makers.append(statement)
        return tuple(map(view_of, outs))

    def host(self, node: Node, operands: Sequence[Any]) -> Any:
        """The value rule itself, called back: for ops that have no lowering."""
        op = node.op
        assert op is not None
        self.hosted.add(op.name)
        specs = node.spec if op.outputs is not None else (node.spec,)
        views = self.call(specs, operands, HostCall(node, operands), op.name)
        return views if op.outputs is not None else views[0]


def _same(_e: Any, x: Any) -> Any:
    return x


def nothing(_e: Any) -> None:
    """The rule of a statement that calls."""


class HostCall:
    """A call of an op's value rule in Python."""

    def __init__(self, node: Node, operands: Sequence[Any]):
        self.node, self.name = node, node.op.name if node.op is not None else ""
        # What is a number of Python's to the rule must stay one: it decides dtypes.
        self.weak = [None if isinstance(x, (View, np.ndarray, np.generic)) else x for x in operands]

    def value(self, *arrays: Any) -> tuple[Any, ...]:
        op = self.node.op
        assert op is not None
        given = [x if w is None else w for x, w in zip(arrays, self.weak, strict=True)]
        with np.errstate(all="ignore"):
            try:
                found = op.value(*given, **self.node.params)
            except Exception as error:
                told = explain(op, given, self.node.params, error)
                raise told.at(self.node.location) if isinstance(told, ChainruleError) else told from None
        return found if op.outputs is not None else (found,)

    def __call__(self, lowering: Any, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        lowering.host_call(self, operands, outs)


COSTS = dict.fromkeys(["exp", "log", "tanh", "sin", "cos", "power", "erf", "sigmoid", "softplus", "expm1", "log1p"], 20)

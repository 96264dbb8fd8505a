"""Reverse mode through loops whose length only values tell: ``pull`` as machine code.

A pull is a program of scans whose lengths are counted (``graph/counted``). The loop itself runs once: it counts its
steps, and puts its carries into memory that grows. Scans of that length follow. Memory whose size is not known before
is asked of the system, and given back at the end, or where the program is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.graph.body import symbols
from chainrule.graph.counted import Counted, Filled, Length, counted
from chainrule.graph.graph import Graph
from chainrule.graph.pull import PULL
from chainrule.graph.repeat import WHILE
from chainrule.graph.syntax import Unquotable
from chainrule.native.control.lowering import Places, write_scan, write_while
from chainrule.native.control.stepping import Body, row
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import I64
from chainrule.native.listing import Lister, lowers
from chainrule.native.nests.lower import Lowering
from chainrule.native.statements import Array, View, view_of
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.ops import ops
from chainrule.passes import optimize
from chainrule.spec import Spec, Specs

FIRST = 16  # steps that memory is asked for at first


@lowers("pull")
def _pull(lister: Lister, operands: Any, node: Node) -> tuple[View, ...] | None:
    graph = node.params["graph"]
    if not node.spec or any(params.get("snapshots") is not None for params in _loops(graph)):
        return None  # who asks for few carries in memory gets them from the rule itself
    try:
        program = Pulled(counted(graph, node.params["wrt"], node.params["given"], str))
    except (ChainruleError, Unquotable):  # the rule itself says what is wrong, if it is run
        return None
    return lister.call(node.spec, operands, program, "pull")


def _loops(graph: Graph) -> Iterator[dict[str, Any]]:
    for node in graph.computed:
        if node.op is WHILE:
            yield node.params
        elif node.op is PULL:
            yield from _loops(node.params["graph"])


@dataclass(eq=False)
class Rows:
    """A sequence, one row a step, in the memory whose address is in a slot of a table, or of equal elements."""

    length: Length
    spec: Spec  # of a row
    slot: int = -1
    fill: Any = None


@dataclass(eq=False)
class Steps:
    """A scan whose length is counted: its body, how many constants this has, and what it makes step by step."""

    graph: Graph
    consts: int
    ys: Sequence[Any]
    kept: Sequence[Any]
    reverse: bool


def _rows_of(spec: Any) -> tuple[Length, Spec] | None:
    """The length and the rows of a sequence; None for an array of known shape."""
    lengths = [d for d, size in enumerate(spec.shape) if isinstance(size, Length)]
    if not lengths:
        return None
    if lengths != [0]:
        raise Unquotable("a sequence runs along another axis than its first")
    return spec.shape[0], Spec(tuple(spec.shape[1:]), spec.dtype)


class Pulled:
    """The lowering of ``pull``."""

    def __init__(self, found: Counted):
        self.found = found
        self.slots: dict[tuple[Node, int], Rows] = {}
        self.wanted: dict[Node, set[int]] = {}
        for node in found.graph.nodes:
            if node.op is PICK and node.parents[0] is not None:
                self.wanted.setdefault(node.parents[0], set()).add(node.params["index"])
        for node in found.graph.nodes:
            if node.op is not None:
                self._check(node)

    def _check(self, node: Node) -> None:
        """Give a slot to each sequence that is made; what no loop makes step by step is left to the rule itself."""
        op, specs = node.op, self.found.specs[node]
        assert op is not None
        specs = specs if isinstance(specs, Specs) else (specs,)
        parents = [self.found.specs[p] for p in node.parents if p in self.found.specs]
        moving = any(_rows_of(s) for spec in parents for s in (spec if isinstance(spec, Specs) else (spec,)))
        if op is PICK or not (moving or any(map(_rows_of, specs))):
            return
        if op.name == "scan" and isinstance(self._length(node), Length):
            params = self.found.params[node]
            first = params["consts"] + params["carries"]
            if any(self._sequence(node, i) for i in range(first)):
                raise Unquotable("a step takes a whole sequence")
        elif op.emit is None or any(
            self._sequence(node, i) is None and len(self._operand_shape(node, i)) >= len(node.shape)
            for i in range(len(node.parents))
        ):
            raise Unquotable("a sequence is not taken row by row")
        for i, spec in enumerate(specs):
            rows = _rows_of(spec)
            if rows is not None and (op.name != "scan" or i in self.wanted.get(node, ())):
                self.slots[node, i] = Rows(*rows, slot=len(self.slots))

    def _length(self, node: Node) -> Any:
        return self.found.params[node]["length"]

    def _operand_shape(self, node: Node, i: int) -> Sequence[Any]:
        parent, value = node.parents[i], self.found.constants[node][i]
        return self.found.specs[parent].shape if parent in self.found.specs else np.shape(value)

    def _sequence(self, node: Node, i: int) -> bool | None:
        """Whether an operand is a sequence; None if it is not."""
        if isinstance(self.found.constants[node][i], Filled):
            return True
        parent = node.parents[i]
        return True if parent in self.found.specs and _rows_of(self.found.specs[parent]) else None

    # ------------------------------------------------------------------------------------------ writing

    def __call__(self, lowering: Lowering, operands: Sequence[Array], outs: Sequence[Array]) -> None:
        e, count = lowering.e, len(self.slots)
        self.table = lowering.room(8 * max(1, count))
        with e.owning(self.table, count):
            body = Body(lowering, self.found.graph, self._listed)
            for array, given in zip(body.inputs, operands, strict=True):
                body.given(array, lowering.pointer(given))
            for array, out in zip(body.outputs, outs, strict=True):
                body.makes(array, lowering.pointer(out))
            body.lowering.write()

    def _listed(self, lister: Lister, graph: Graph, views: list[View]) -> list[View]:
        known = lister.known = dict(zip(graph.inputs, views, strict=True))
        self.lengths: dict[Length, View] = {}
        for node in graph.nodes:
            if node in known or (node.op is None and not set(node.parents) & set(known)):
                continue
            if node.op is None or node.op is PICK or not self._is_dynamic(node):
                known[node] = lister.lower(node)
            elif node.op.name == "scan":
                known[node] = self._scan(lister, node)
            else:
                known[node] = self._elementwise(lister, node)
        found = [lister.known[y._node] if y._node in known else lister.view(y._value) for y in graph.outputs]
        return found[: self.found.outputs]

    def _is_dynamic(self, node: Node) -> bool:
        assert node.op is not None
        return (node, 0) in self.slots or (node.op.name == "scan" and isinstance(self._length(node), Length))

    def _operand(self, lister: Lister, node: Node, i: int) -> Any:
        parent, value = node.parents[i], self.found.constants[node][i]
        if parent in lister.known:
            return lister.known[parent]
        if isinstance(value, Filled):
            return Rows(value.shape[0], Spec(tuple(value.shape[1:]), np.asarray(value.fill).dtype), fill=value.fill)
        return lister.view(value)

    def _scan(self, lister: Lister, node: Node) -> tuple[Any, ...]:
        params, inner = self.found.params[node], node.params["body"]
        carries, count = params["carries"], len(inner.specs)
        ends = [Array(spec.shape, spec.dtype, name="scan") for spec in inner.specs[:carries]]
        made: list[Any] = [*map(view_of, ends)]
        made += [self.slots.get((node, i)) for i in range(carries, len(self.found.specs[node]))]
        kept = made[count:]
        if node in self.found.loops:
            length, taken, loop = self.found.loops[node]
            given = [lister.whole(lister.known.get(x._node, x._value)).array for x in taken]
            steps = Array((), I64, name="steps")
            lister.calling(given, [*ends, steps], partial(self._count, loop, kept), "while_loop")
            self.lengths[length] = view_of(steps)
            return tuple(made)
        operands = [self._operand(lister, node, i) for i in range(len(node.parents))]
        ys = [i for i in range(carries, count) if made[i] is not None]
        graph = Graph(inner.inputs, [*inner.outputs[:carries], *(inner.outputs[i] for i in ys)])
        scan = Steps(graph, params["consts"], [made[i] for i in ys], kept, params["reverse"])
        self._steps(lister, scan, operands, ends, params["length"])
        return tuple(made)

    def _elementwise(self, lister: Lister, node: Node) -> Rows:
        """A map: a scan that carries nothing."""
        made, op = self.slots[node, 0], node.op
        assert op is not None
        operands = [self._operand(lister, node, i) for i in range(len(node.parents))]
        xs = symbols(x.spec if isinstance(x, Rows) else Spec(x.shape, x.dtype) for x in operands)
        y = getattr(ops, op.name)(*xs, **self.found.params[node])
        order = sorted(range(len(xs)), key=lambda i: isinstance(operands[i], Rows))
        consts = sum(isinstance(x, View) for x in operands)
        scan = Steps(Graph([xs[i] for i in order], [y]), consts, [made], [], False)
        self._steps(lister, scan, [operands[i] for i in order], [], made.length)
        return made

    def _steps(
        self, lister: Lister, scan: Steps, operands: Sequence[Any], ends: Sequence[Array], length: Length
    ) -> None:
        """A scan of a length that was counted. Rows that are all alike are constants of it."""
        graph, carries = scan.graph, len(ends)
        parts = list(zip(graph.inputs, operands, strict=True))
        first = scan.consts + carries
        alike = [(x, given) for x, given in parts[first:] if given.slot < 0]
        moving = [(x, given) for x, given in parts[first:] if given.slot >= 0]
        fixed = [*parts[: scan.consts], *((x, lister.view(np.full(r.spec.shape, r.fill))) for x, r in alike)]
        start = parts[scan.consts : first]
        graph = optimize(Graph([x for x, _ in (*fixed, *start, *moving)], graph.outputs))
        lister.kept.append(graph)
        consts = len(fixed)

        def write(lowering: Lowering, arrays: Sequence[Array], outs: Sequence[Array]) -> None:
            e, given = lowering.e, [lowering.pointer(a) for a in arrays]
            steps = e.load(given[-1], I64, 0)
            for rows in (*scan.ys, *scan.kept):
                if rows is not None:
                    self._ask(lowering, rows, steps)
            rows, ys = ([e.pointer_in(self.table, x.slot) for x in xs] for xs in ([r for _, r in moving], scan.ys))
            kept = [None if x is None else e.pointer_in(self.table, x.slot) for x in scan.kept]
            made = [lowering.pointer(out) for out in outs[:carries]]
            places = Places(given[:consts], given[consts:-1], rows, made, ys, kept)
            write_scan(lowering, graph, places, steps, scan.reverse)

        arrays = [lister.whole(x).array for _, x in (*fixed, *start)]
        outs = ends or [Array((), bool, name="nothing")]
        lister.calling([*arrays, lister.whole(self.lengths[length]).array], outs, write, "scan")

    def _ask(self, lowering: Lowering, rows: Rows, steps: Any) -> None:
        """Memory for so many rows, or as much of it as there is more; leave if there is none."""
        e = lowering.e
        address = e.call("realloc", I64, e.pointer_in(self.table, rows.slot), steps * _bytes(rows.spec) + 1)
        e.leave_if(e.eq(address, 0))
        e.store(self.table, rows.slot, address)

    def _count(
        self, loop: dict[str, Any], kept: Sequence[Rows | None], lowering: Lowering, operands: Sequence[Array],
        outs: Sequence[Array],
    ) -> None:  # fmt: skip
        """The loop itself, once: its carries go to memory that is doubled where it is full."""
        e, wanted = lowering.e, [rows for rows in kept if rows is not None]
        steps, room = e.variable(I64), e.variable(I64)
        e.set(steps, e.const(0, I64))
        e.set(room, e.const(0, I64))

        def places() -> list[Pointer | None]:
            k = e.get(steps)
            if wanted:
                with e.when(e.eq(k, e.get(room)), rare=True):
                    more = e.select(k < FIRST, FIRST, k * 2)
                    for rows in wanted:
                        self._ask(lowering, rows, more)
                    e.set(room, more)
            e.set(steps, k + 1)
            return [
                None if rows is None else row(e, e.pointer_in(self.table, rows.slot), k, rows.spec) for rows in kept
            ]

        given, ends = ([lowering.pointer(a) for a in arrays] for arrays in (operands, outs[:-1]))
        write_while(lowering, loop, given, ends, places)
        e.store(lowering.pointer(outs[-1]), 0, e.get(steps))


def _bytes(spec: Spec) -> int:
    return spec.size * spec.dtype.itemsize

"""Graphs as bodies that run compiled, and the specialisation of a function to one form of its arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from chainrule import native
from chainrule.box import Box, box
from chainrule.config import recording
from chainrule.graph.body import Body
from chainrule.graph.call import CALL, body_of
from chainrule.graph.function import Function
from chainrule.graph.graph import Graph
from chainrule.graph.intern import interned
from chainrule.native.entry.form import Launch
from chainrule.native.long import drawn
from chainrule.native.program import Program
from chainrule.passes import optimize
from chainrule.stream import Stream
from chainrule.trace import Traced
from chainrule.tree import Structure, unflatten


def optimised(body: Body) -> Graph:
    """What is compiled of a body: all that it calls in its place, with the least to compute."""
    return optimize(body.inline())  # type: ignore[attr-defined]  # attached to Graph


class CompiledBody(Body):
    """A body that runs compiled, and so do its derivatives."""

    def __init__(self, body: Body):
        super().__init__([box(Box.default, None, node) for node in body.inputs], body.outputs)

    @functools.cached_property
    def plan(self) -> Any:
        """This graph as a function of bare arrays."""
        made = Launch(native.compile(self, optimised))
        Stream.by_machine_code = drawn  # from now on, as LLVM is loaded
        return made

    def derived(self, key: Any, make: Callable[..., Any], *args: Any) -> Any:
        if key not in self._derived:
            found = super().derived(key, make, *args)
            if isinstance(found, tuple):
                found = tuple(CompiledBody(x) if isinstance(x, Body) else x for x in found)
            self._derived[key] = CompiledBody(found) if isinstance(found, Body) else found
        return self._derived[key]


def compiled_body(body: Body) -> CompiledBody:
    """The compiled form of a body, and of all that are made by the same lines."""
    known = vars(interned(body))
    if "_compiled" not in known:
        known["_compiled"] = CompiledBody(body)
    return known["_compiled"]


def compiled_graph(graph: Graph) -> tuple[CompiledBody, Sequence[Any]]:
    """The compiled body of a graph, and what it closes over."""
    known = vars(graph)
    if "_jitted" not in known:
        body, outside = body_of(graph)
        known["_jitted"] = compiled_body(body), outside
    return known["_jitted"]


def run_compiled(graph: Graph, values: Sequence[Any]) -> Sequence[Any]:
    """The outputs of a graph by machine code: Tensors where a gradient may be asked of them, else bare arrays."""
    body, outside = compiled_graph(graph)
    if outside or any(isinstance(x, Box) and is_recorded(x) for x in values):
        return CALL.call(*outside, *values, body=body)
    return body.plan(*(x._value if isinstance(x, Box) else x for x in values))


Function.run_compiled = run_compiled
Function.compiled_body = compiled_graph


def is_recorded(x: Any) -> bool:
    """Whether what is computed from a Tensor is recorded."""
    return x._value is None or (x._node is not None and recording.get())


Streams = Sequence[tuple[Any, int]]  # streams of random numbers, and how many blocks are drawn from each


class Specialization:
    """A function for one form of its arguments: its graph, its body, what it closes over, and what it draws from."""

    def __init__(self, graph: Traced, numbers: Sequence[Any], streams: Streams = (), constants: bool = False):
        self.graph = graph
        self.streams = streams  # whose states are the last inputs
        self.numbers = numbers  # the dtypes that numbers of Python's are given; None for arrays, and for constants
        self.constants = constants
        body, self.outside = body_of(graph)
        self.body = compiled_body(body)
        self.structure: Structure = graph._given
        self.classes = [type(y) for y in graph.outputs]

    @property
    def program(self) -> Program:
        """The compiled program: of what the function closes over, then of its arguments."""
        return self.body.plan.program

    @property
    def names(self) -> list[str]:
        """What the inputs of the program are called."""
        return [*(f"closure{i}" for i in range(len(self.outside))), *(node.name() for node in self.graph.inputs)]

    def states(self, draws: bool = True) -> list[Any]:
        """Where the streams stand that are drawn from, which go on behind what a call draws."""
        return [stream.take(blocks if draws else 0) for stream, blocks in self.streams]

    def give_back(self, states: Sequence[Any]) -> None:
        """Take back that these were drawn from, unless somebody else has drawn since."""
        for (stream, blocks), state in zip(self.streams, states, strict=True):
            stream.give_back(state, blocks)

    def call(self, values: Sequence[Any], recorded: bool, tensors: bool) -> Any:
        """The result at these values: Tensors where a gradient may be asked of it, else through the kernel."""
        if self.streams:
            values = [*values, *(states := self.states())]
            recorded = recorded or any(isinstance(x, Box) for x in states)
        if recorded or self.outside:
            return unflatten(self.structure, CALL.call(*self.outside, *values, body=self.body))
        results = self.body.plan(*(x._value if isinstance(x, Box) else x for x in values))
        if tensors:
            results = [box(cls, y, None) for cls, y in zip(self.classes, results, strict=True)]
        return unflatten(self.structure, results)

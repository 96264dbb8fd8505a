"""Numbers of Python's as inputs of a program: symbols whose dtype yields to their neighbours', as NumPy has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.box import PLAIN, Box, box
from chainrule.graph.body import tensor_spec
from chainrule.graph.graph import Graph
from chainrule.graph.replay import outcomes, replay
from chainrule.graph.walk import descendants
from chainrule.node import Node
from chainrule.ops import ops

# The dtype of a number as it is, and a number that stands for all that yield like it. (NumPy's bools do not yield.)
DTYPES = {bool: np.dtype("bool"), int: np.dtype("int64"), float: np.dtype("float64"), complex: np.dtype("complex128")}
YIELDING = {"i": 0, "f": 0.0, "c": 0j}


def yielding(graph: Graph, numbers: Sequence[Node]) -> Sequence[Any]:
    """The outputs of ``graph``, with a conversion wherever such a number meets what has a precision of its own."""
    weak = {node for node in numbers if node.dtype.kind in YIELDING}
    converted = False

    def expand(node: Node, operands: list[Any]) -> Any:
        nonlocal converted
        op = node.op
        assert op is not None
        yields = [x._node in weak if isinstance(x, Box) else type(x) in PLAIN for x in operands]
        if op.partials is None or not any(isinstance(x, Box) and y for x, y in zip(operands, yields, strict=True)):
            return None
        if not all(yields):
            kinds = [
                YIELDING[x.dtype.kind] if y and isinstance(x, Box) else x if y else x.dtype
                for x, y in zip(operands, yields, strict=True)
            ]
            dtype = np.result_type(*kinds)
            if dtype.kind in "fc":
                wrong = [y and isinstance(x, Box) and x.dtype != dtype for x, y in zip(operands, yields, strict=True)]
                operands = [ops.astype(x, dtype) if w else x for x, w in zip(operands, wrong, strict=True)]
                converted = converted or any(wrong)
        out = op.call(*operands, **node.params)
        if all(yields):
            weak.add(out._node)
        return out

    known: dict[Any, Any] = {node: box(Box.default, None, node) for node in graph.inputs}
    replay(graph.computed, known, expand)
    # As it was, it knows the lines that it was made by.
    return outcomes(graph.outputs, known) if converted else graph.outputs


def same_precision(graph: Graph, plain: Graph, arrays: Sequence[Node]) -> bool:
    """Whether all that depends on ``arrays``, and every output, has the Spec it has where the numbers are constants."""
    return _specs(graph, arrays) == _specs(plain, plain.inputs)


def _specs(graph: Graph, arrays: Sequence[Node]) -> Any:
    reached = descendants(graph.nodes, arrays) - set(arrays)
    # A replayed graph is without the aliases that transforms leave.
    calls = [(node.op, node.spec) for node in graph.nodes if node in reached and node.op is not None]
    return calls, list(map(tensor_spec, graph.outputs))

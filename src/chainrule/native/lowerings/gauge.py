"""Quotients by gaps of values, as of decompositions: where a gap beside the diagonal is 0, NumPy says what holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.gauge import middle, resolution
from chainrule.graph.graph import Graph
from chainrule.native.listing import Lister, lowers
from chainrule.native.statements import Array, Statement, View, apart
from chainrule.node import Node
from chainrule.ops import ops
from chainrule.symbolic import symbol

STATED = frozenset({"plain", "ignore", "vanish", "scalar", "kink", "free", "phase", "mixed", "never"})


@lowers("gauge_quotient")
def _quotient(lister: Lister, operands: Any, node: Node) -> View | None:
    k, values, _ = (lister.view(x) for x in operands)
    params = node.params
    if {k.dtype, values.dtype} != {node.dtype} or k.dtype.kind != "f" or params["check"] not in STATED:
        return None
    symbols = [symbol(None, x.shape, x.dtype) for x in (k, values)]
    graph = Graph(symbols, _parts(*symbols, **params))
    lister.kept.append(graph)
    divided, wrong = lister.graph(graph, [k, values])
    axes, indices = lister.axes_of(node.shape)
    reads = tuple(lister.operand(x, node.shape, indices) for x in (divided, wrong))

    def checked(e: Any, quotient: Any, fails: Any) -> Any:
        e.leave_if(e.across("or", fails))
        return quotient

    made = Array(node.shape, node.dtype, name="gauge_quotient")
    return lister.add(
        Statement(made, apart(indices), tuple(a for a in axes if a), reads, checked, name="gauge_quotient")
    )


def _parts(k: Any, values: Any, *, part: str, gap: str, check: str, padding: int, **_: Any) -> Any:
    """The quotients, and where a gap is 0 that has to be looked at."""
    own, other = ops.expand_dims(values, axis=-2), ops.expand_dims(values, axis=-1)
    if part != "all":
        turned = ops.matrix_transpose(k)
        k = (k + turned if part == "hermitian" else k - turned) * k.dtype.type(0.5)
    gaps = own if gap == "column" else own - other if gap == "difference" else own + other
    largest = ops.expand_dims(ops.max(ops.abs(values), axis=-1, keepdims=True), axis=-1)
    small = ops.less_equal(ops.abs(gaps), largest * values.dtype.type(resolution(values)))
    if check == "plain":
        small = ops.logical_and(small, False)
    quotient = ops.where(small, 0 * k, k / ops.where(small, values.dtype.type(1), gaps))
    looked_at = np.array(check not in ("plain", "ignore"))
    if gap == "difference":
        looked_at = looked_at & ~np.eye(k.shape[-1], dtype=bool)
    if padding:
        looked_at = looked_at & ~middle(k.shape[-1], padding)
    return quotient, ops.logical_and(small, looked_at)

"""How tests of passes compare graphs: to the bit, and by the work they take."""

from typing import Any

import numpy as np

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph
from chainrule.ops import ops

PASSES = [passes.fold, passes.cse, passes.dce]
# Of each kind of number, those that break laws of real numbers; all pairs of them meet.
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.3, -2.5, 1e-310, 800.0, -800.0, 1e300, -1e300])
X, Y = (a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL))


def run(graph: Graph, point: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        return [
            np.asarray(y._value if isinstance(y, cr.Tensor) else y)
            for y in graph.run([np.asarray(a)[()] for a in point])
        ]


def assert_same_bits(found: Any, expected: Any) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_array_equal(one, other)  # every NaN is equal
        if one.dtype.kind == "f":
            known = ~np.isnan(one)
            np.testing.assert_array_equal(np.signbit(one)[known], np.signbit(other)[known])


def assert_passes_keep(graph: Graph, point: Any) -> None:
    expected = run(graph, point)
    for one in PASSES:
        graph = one(graph)
        check(graph)
        assert_same_bits(run(graph, point), expected)
    simpler = passes.simplify(graph)
    check(simpler)
    assert work(simpler) <= work(graph)
    for y, z in zip(run(simpler, point), expected, strict=True):
        assert (y.shape, y.dtype) == (z.shape, z.dtype)
        rtol = 2000 * np.finfo(y.dtype).eps if y.dtype.kind in "fc" else 0
        scale = np.max(np.abs(np.nan_to_num(z)), initial=0.0) if y.dtype.kind in "fc" else 0
        np.testing.assert_allclose(y, z, rtol, rtol * scale)


def work(graph: Graph) -> int:
    """The number of calls, but for those that a compiler makes part of others."""
    free = ("matrix_transpose", "permute_dims", "reshape", "expand_dims", "squeeze", "broadcast_to", "negative", "pick")
    return sum(node.op is not None and node.op.name not in free for node in graph.nodes)


def lines(graph: Graph) -> list[str]:
    """The calls of a graph, as text without specs and inputs."""
    text = [line.split(" : ")[0] for line in str(graph).splitlines()]
    return [" ".join(line.split()) for line in text if "= input" not in line]


def gradients_of(graph: Graph, point: Any) -> list[Any]:
    """The gradients of the sum of a graph's output, as arrays."""
    xs = [cr.tensor(v, requires_grad=True) for v in point]
    (y,) = graph.run(xs, ops)
    if y._node is not None:
        ops.sum(y).backward()
    return [np.zeros(x.shape) if x.grad is None else np.asarray(x.grad) for x in xs]

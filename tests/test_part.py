"""part: sums of arrays that are zero but for a slice, made slice by slice, with the same bits."""

import importlib
from typing import Any

import numpy as np
import pytest
from bits import SPECIAL, assert_same_bits, lines, run
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph

module = importlib.import_module("chainrule.passes.part")  # whose name the function has


@pytest.fixture
def small(monkeypatch):
    """Small arrays count as large."""
    monkeypatch.setattr(module, "LARGE", 1)


def assert_parts(graph: Graph, point: Any) -> Graph:
    found = passes.part(graph)
    check(found)
    assert_same_bits(run(found, point), run(graph, point))
    return found


def zeros_but(x: Any, index: Any, shape: Any) -> Any:
    return cr.scatter_add(x, index=index, shape=shape)


def test_a_gradient_of_differences(small):
    x = cr.symbol("x", shape=(6,))
    slope = cr.gradients(cr.sum((x[1:] - x[:-1] ** 2) ** 2), [x])[0]
    graph = passes.dce(passes.simplify(Graph([x], [slope])))
    found = assert_parts(graph, [SPECIAL[:6]])
    ops = [node.op.name for node in found.nodes if node.op is not None]
    assert ops.count("scatter_add") == 0 and ops.count("concat") == 1
    compiled = cr.jit(cr.grad(lambda x: cr.sum((x[1:] - x[:-1] ** 2) ** 2)))
    large = np.random.default_rng(0).normal(size=90_000)
    outer, inner = 2 * (large[1:] - large[:-1] ** 2), -2 * large[:-1]
    np.testing.assert_allclose(compiled(large), np.r_[0, outer] + np.r_[outer * inner, 0], 1e-12, 1e-12)


def test_what_each_part_is_made_of(small):
    x, y = cr.symbol("x", shape=(3, 4)), cr.symbol("y", shape=(3,))
    first = zeros_but(x, (slice(None), slice(0, 4)), (3, 6))
    total = first + zeros_but(y, (slice(None), -1), (3, 6))
    found = assert_parts(Graph([x, y], [total]), [SPECIAL[:12].reshape(3, 4), SPECIAL[:3]])
    assert [line.split(" = ")[-1] for line in lines(found) if "0.]" not in line] == [
        "add(x, 0.0)", "reshape(y, shape=(3, 1))", "add(0.0, %1)", "return total",
    ]  # fmt: skip
    assert "concat(%0, " in lines(found)[3] and lines(found)[-2].endswith(", %2, axis=1)")


def test_summands_of_other_use_stay(small):
    x = cr.symbol("x", shape=(4,))
    placed = zeros_but(x, (slice(1, 5),), (6,))
    graph = Graph([x], [placed + cr.ones(6), placed])
    assert passes.part(graph) is graph


def test_small_arrays_strides_and_other_axes_stay():
    x, y = cr.symbol("x", shape=(4,)), cr.symbol("y", shape=(40000,))
    for total in (
        zeros_but(x, (slice(1, 5),), (6,)) + cr.ones(6),
        zeros_but(y, (slice(0, 80000, 2),), (80000,)) + cr.ones(80000),
        zeros_but(y, (slice(0, 1), slice(0, 40000)), (2, 50000)) + cr.ones((2, 50000)),
        zeros_but(y, (slice(0, 40000),), (50000,)) + cr.ones((2, 50000)),
        zeros_but(y, (slice(0, 40000),), (50000,)) * cr.ones(50000),
    ):
        graph = Graph([x, y], [total])
        assert passes.part(graph) is graph


@settings(max_examples=300)
@given(st.data())
def test_random_sums(data: Any):
    before, module.LARGE = module.LARGE, 1
    try:
        shape = data.draw(st.sampled_from([(5,), (3, 4), (2, 3, 2)]))
        dtype = data.draw(st.sampled_from(["float64", "float32", "complex128", "int64"]))
        inputs: list[Any] = []
        point: list[Any] = []

        def drawn(own: Any) -> Any:
            inputs.append(cr.symbol(f"x{len(inputs)}", shape=own, dtype=dtype))
            numbers = np.resize(np.roll(SPECIAL if dtype[0] in "fc" else np.arange(5), len(inputs)), own)
            with np.errstate(all="ignore"):
                point.append(numbers.astype(dtype))
            return inputs[-1]

        def leaf() -> Any:
            if data.draw(st.integers(0, 3)) == 0:
                return drawn(shape)
            axis = data.draw(st.integers(0, len(shape) - 1))
            if data.draw(st.booleans()):
                index: Any = data.draw(st.integers(-shape[axis], shape[axis] - 1))
            else:
                start = data.draw(st.integers(0, shape[axis] - 1))
                index = slice(start, data.draw(st.integers(start, shape[axis])))
            whole = (*(slice(None),) * axis, index)
            return zeros_but(drawn(np.zeros(shape)[whole].shape), whole, shape)

        terms = [leaf() for _ in range(data.draw(st.integers(2, 9)))]
        kept = list(terms)
        while len(terms) > 1:
            i = data.draw(st.integers(0, len(terms) - 2))
            terms[i : i + 2] = [terms[i] + terms[i + 1]]
            kept.append(terms[i])
        outputs = [terms[0], data.draw(st.sampled_from(kept))]
        graph = Graph(inputs, [cr.conj(y) for y in outputs])
        assert_parts(graph, point)
        assert_parts(Graph(inputs, outputs), point)
    finally:
        module.LARGE = before

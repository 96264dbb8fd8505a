"""Graphs as Python files: they run without the library, and give the same numbers to the last bit."""

import builtins
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import assert_message
from programs import programs
from samples import RECORDS
from test_registry import differentiable, every_op, has_gradient, problems

import chainrule as cr
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of
from chainrule.ops import ops

# Those of which the second derivative is written out too: a seventh of all, never the same in two versions.
SECOND = sorted(random.Random(len(RECORDS)).sample(sorted(RECORDS), len(RECORDS) // 7))


def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
    assert name.split(".")[0] in ("numpy", "scipy") or name in ("math", "functools", "itertools", "base64", "operator",
        "collections", "warnings"), f"the source imports {name}"  # fmt: skip
    return __import__(name, *args, **kwargs)


def executed(text: str, name: str = "f") -> Any:
    """The function of a source, run where nothing but NumPy, SciPy and the standard library can be imported."""
    space: dict[str, Any] = {"__builtins__": {**vars(builtins), "__import__": guarded}, "__name__": "source"}
    exec(compile(text, "<source>", "exec"), space)
    return space[name]


def assert_round_trip(graph: Graph, point: Any, rounding: float = 0.0) -> str:
    text = graph.source()
    assert "chainrule" not in text
    with np.errstate(all="ignore"):
        expected = graph.run([np.asarray(x)[()] for x in point])
    found = executed(text)(*point)
    for one, other in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
        assert (np.shape(one), np.asarray(one).dtype) == (np.shape(other), np.asarray(other).dtype)
        np.testing.assert_allclose(one, other, rounding, 0)
    return text


def symbols(point: Any) -> list[Any]:
    return [cr.symbol(f"x{i}", shape=a.shape, dtype=a.dtype) for i, a in enumerate(point)]


def gradients(outputs: Any, inputs: Any, cotangents: Any) -> list[Any]:
    """Those that are not structurally 0 everywhere."""
    moving = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if y._node is not None and y.dtype.kind in "fc"]
    if not moving:
        return []
    found = cr.gradients([y for y, _ in moving], inputs, [g for _, g in moving], allow_unused=True)
    return [g for g in found if g is not None]


@every_op
def test_every_op_and_its_derivatives_run_as_plain_numpy(name):
    for number, problem in enumerate(problems(name)[:2]):
        if not problem.point:
            continue
        inputs = symbols(problem.point)
        outputs = problem(*inputs)
        assert_round_trip(Graph([x._node for x in inputs], outputs), problem.point)
        if number or not differentiable(name) or not has_gradient(problem):
            continue
        for order in (1, 2) if name in SECOND else (1,):
            outputs = gradients(outputs, inputs, problem.random(outputs, order))
            if outputs:
                graph = Graph([x._node for x in inputs], outputs)
                check(graph)
                assert_round_trip(graph, problem.point)


@given(programs(), st.integers(0, 3))
def test_programs_and_their_derivatives_run_as_plain_numpy(program, order):
    point = program.inputs()
    inputs = symbols(point)
    outputs: list[Any] = [program.run(cr, *inputs)]
    for _ in range(order):
        outputs = gradients(outputs, inputs, [np.ones(y.shape) for y in outputs])
    assert_round_trip(Graph([x._node for x in inputs], outputs), point)


@pytest.mark.parametrize("dtype", ["float32", "complex128", "complex64", "int64", "int8", "uint8", "bool", "float16"])
def test_dtypes(dtype):
    a = np.array([[1, 0, 2], [3, 1, 0]]).astype(dtype)
    x = cr.symbol("x", shape=(2, 3), dtype=dtype)
    y = cr.sum(cr.multiply(x, cr.asarray(a)), axis=0) + cr.asarray(np.array(1, dtype)[()])
    assert_round_trip(graph_of(y), [a])


@pytest.mark.parametrize(
    "constant",
    [
        np.array([0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308]),
        np.array([0.1, 1e-45, 3.4028235e38], np.float32),
        np.array([complex(-0.0, np.inf), complex(1, -0.0)]),
        np.array([2**63 - 1, -(2**63)]),
        np.arange(12),
        np.ones((3, 5), np.float32),
        np.random.default_rng(0).normal(size=(7, 9)),
        np.random.default_rng(0).normal(size=(50, 60)),
        np.random.default_rng(0).normal(size=40).astype(np.longdouble) / 3,
        np.empty((0, 3)),
        np.float32(0.1),
        np.float64("nan"),
        np.complex64(0.1 - 0.2j),
    ],
    ids=lambda c: f"{np.asarray(c).dtype.name}-{np.size(c)}",
)
def test_constants_are_exact(constant):
    x = cr.symbol("x", shape=(), dtype="int8")
    graph = Graph([x._node], [cr.where(x > 0, constant, 0)])
    text = graph.source()
    found = executed(text)(1)
    expected = graph.run([np.int8(1)])[0]
    assert found.dtype == expected.dtype
    assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()
    assert max(map(len, text.splitlines())) <= 120


def test_source_reads_like_a_program():
    x, w, b = cr.symbol("x", shape=(3,)), cr.symbol("w", shape=(2, 3)), cr.symbol("b", shape=(2,))
    h = cr.tanh(w @ x + b)
    loss = cr.sum(h**2) / 2
    assert (
        Graph([x._node, w._node, b._node], [loss]).source(name="loss_of")
        == '''\
"""loss_of in plain NumPy, written from a graph of 6 operations."""

import numpy as np


@np.errstate(all="ignore")
def loss_of(x, w, b):
    """x: float64[3], w: float64[2, 3], b: float64[2] -> float64[]"""
    x = np.asarray(x, np.float64)
    w = np.asarray(w, np.float64)
    b = np.asarray(b, np.float64)
    assert x.shape == (3,)
    assert w.shape == (2, 3)
    assert b.shape == (2,)
    # h = cr.tanh(w @ x + b)
    v0 = w.dot(x)
    v1 = v0 + b
    h = np.tanh(v1)
    # loss = cr.sum(h**2) / 2
    v2 = h ** 2
    v3 = np.sum(v2, axis=0)
    loss = v3 / 2
    return loss
'''
    )


def test_names_never_hide_what_the_program_needs():
    x, y = cr.symbol("np", shape=(3,)), cr.symbol("sum", shape=(3,))
    special = cr.special.gamma(x * y)
    math = cr.exp(special)
    has_nan = cr.sum(ops.absorbing_multiply(math, x))
    assert_round_trip(graph_of(has_nan), [np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25, 0.125])])


def test_source_refuses_other_dialects_and_missing_inputs():
    x, y = cr.symbol("x"), cr.symbol("y")
    graph = graph_of(x * y)
    assert_message(
        cr.SymbolError,
        "[source] the dialect is 'fortran'; expected 'numpy', which there is so far.",
        lambda: graph.source("fortran"),
    )
    assert_message(
        cr.SymbolError,
        "[source] the name is 'not'; expected a Python identifier; choose e.g. 'f'.",
        lambda: graph.source(name="not"),
    )
    assert_message(
        cr.SymbolError,
        "[source] the outputs need y, which the inputs leave out; expected every symbol the outputs depend on; add it "
        "to the inputs of the graph.",
        lambda: Graph([x._node], [x * y]).source(),
    )


def loops() -> list[Any]:
    """Graphs with graphs inside them."""
    x, c, n = cr.symbol("x", shape=(4,)), cr.symbol("c"), cr.symbol("n")
    square = cr.Graph([x], [x * cr.sin(x)])
    last, rows = cr.scan(lambda carry, row: (carry * row + 1.0, cr.sin(carry)), c, x)
    chosen = cr.cond(n > 0, lambda v: cr.exp(v), lambda v: v * v, x)
    doubled = cr.while_loop(lambda v: cr.sum(v) < 9.0, lambda v: v * 2.0, x)
    return [
        Graph([x, c], [last, rows]),
        Graph([x, c], list(cr.gradients(last + cr.sum(rows), [x, c]))),
        Graph([x], [cr.sum(square(square(x)))]),
        Graph([x], [cr.gradients(cr.sum(square(square(x))), x)]),
        Graph([x, n], [chosen]),
        Graph([x, n], [cr.gradients(cr.sum(chosen), x)]),
        Graph([x], [doubled]),
    ]


@pytest.mark.parametrize("number", range(7))
def test_graphs_inside_graphs(number):
    graph = loops()[number]
    point = [np.array([0.5, 1.0, -0.25, 2.0]), 0.75][: len(graph.inputs)]
    assert_round_trip(graph, point)


def derivative(make: Any, order: int) -> Graph:
    """The graph of a derivative of a function of a vector and a matrix."""
    x, w = cr.symbol("x", shape=(2,)), cr.symbol("w", shape=(2, 2))
    y = make(x, w)
    for _ in range(order):
        along_x, along_w = cr.gradients(y, [x, w])
        y = cr.sum(along_x * np.array([1.0, 0.5])) + cr.sum(along_w**2)
    return Graph([x, w], [y])


def one_loop(x, w):
    return cr.sum(cr.while_loop(lambda v: cr.sum(v * v) < 5.0, lambda v: cr.tanh(w @ v) + 1.5 * v, x))


def two_loops(x, w):
    grown = cr.while_loop(lambda c: cr.sum(c[1]) < 4.0, lambda c: (c[0] + 1, w @ c[1] + 1.5 * c[1]), (cr.tensor(0), x))
    last = cr.while_loop(lambda v: cr.sum(v) < cr.sum(grown[1]) + 2.0, lambda v: v * cr.sum(w) + 1.0, x)
    return cr.sum(last * grown[1]) + grown[0]


def loop_in_scan(x, w):
    def body(c, r):
        return 0.3 * cr.while_loop(lambda v: cr.sum(v * v) < 5.0, lambda v: 1.5 * v + r * (w @ v), c), c

    return cr.sum(cr.scan(body, x, cr.arange(1.0, 3.0))[0])


def loop_in_choice(x, w):
    return cr.cond(cr.sum(x) > 0.5, lambda v: one_loop(v, w), lambda v: cr.sum(v) + cr.sum(w), x)


def loop_in_call(x, w):
    return cr.Graph([x, w], [one_loop(x, w)])(x, w) * 2.0


def loop_of_samples(x, w):
    return cr.sum(cr.vmap(lambda v: one_loop(v, w))(cr.stack([x, 2.0 * x])))


def scan_with_roots(x, w):
    return cr.sum(cr.scan(lambda c, r: (cr.sin(w @ c) + r, c), x, cr.arange(4.0), checkpoint="sqrt")[0])


LOOPS = [one_loop, two_loops, loop_in_scan, loop_in_choice, loop_in_call, loop_of_samples, scan_with_roots]


@pytest.mark.parametrize(("make", "order"), [*((make, order) for make in LOOPS for order in (0, 1, 2)), (one_loop, 3)])
def test_derivatives_of_loops_and_choices_run_as_plain_numpy(make, order):
    """Also through loops whose length only values tell, and where they do not run at all."""
    graph = derivative(make, order)
    for x in ([0.5, 0.25], [7.0, 8.0]):
        # Sums run in other orders, as a walk between symbols is careful from the start.
        assert_round_trip(graph, [np.array(x), np.array([[0.1, 0.7], [0.3, 0.4]])], 1e-11)


def test_names_of_lengths_hide_nothing():
    length, cond = cr.symbol("length_0", shape=(2,)), cr.symbol("steps", shape=(2, 2))
    graph = Graph([length, cond], [cr.gradients(one_loop(length, cond), length)])
    assert_round_trip(graph, [np.array([0.5, 0.25]), np.array([[0.1, 0.7], [0.3, 0.4]])], 1e-13)


def test_of_checkpoints_and_rules_of_ones_own_what_they_compute_is_written():
    def rule(x):
        s = cr.sqrt(x)
        return s, lambda g: (g / (2 * s),)

    root = cr.custom_rule(cr.sqrt, vjp=rule)
    x = cr.symbol("x", shape=(2,))
    y = cr.sum(cr.scan(lambda c, r: (root(c) + root(r), c), cr.sum(x), x)[0])
    for graph in (graph_of(y), graph_of(cr.gradients(y, x))):
        assert_round_trip(graph, [np.array([4.0, 9.0])], 1e-14)
    leaf, closed = cr.tensor([2.0, 3.0], requires_grad=True), cr.tensor([0.5, 0.25], requires_grad=True)
    recorded = cr.sum(cr.checkpoint(lambda a: cr.sin(root(a)) * closed)(leaf) * leaf)
    found = executed(graph_of(recorded).source())([1.0, 4.0], [3.0, 5.0])
    np.testing.assert_allclose(found, np.sin(1.0) * 3.0 + np.sin(2.0) * 20.0, 1e-15)


def test_source_needs_shapes():
    x = cr.symbol("x", shape=(None, 3))
    y = cr.sum(cr.softmax(x))
    assert_message(
        cr.SymbolError,
        "[source] the shape or dtype of x is not known yet (float64[?, 3]), and formulas depend on it; expected a "
        "graph of known shapes; put symbols of known shape in place of others with substitute(y, {x: symbol('x', "
        "shape=(2, 3))}).",
        lambda: graph_of(y).source(),
    )
    known = cr.substitute(y, {x: cr.symbol("x", shape=(2, 3))})
    assert_round_trip(graph_of(known), [np.arange(6.0).reshape(2, 3)])

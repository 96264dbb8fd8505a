"""From functions to graphs and back: trace, graphs as callable ops, and the ways to one result."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr
from chainrule.graph.batch import run_batched
from chainrule.graph.check import check
from chainrule.ops import ops, raw
from chainrule.testing import check_gradients


def assert_equal(found, expected, tolerance=1e-12):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), tolerance, tolerance)


# ----------------------------------------------------------------------------------- eager = traced = symbolic


@settings(max_examples=40)
@given(programs())
def test_eager_traced_and_symbolic_agree(program: Program):
    inputs = program.inputs()
    numbers = range(len(inputs))

    def run(*x):
        return program.run(cr, *x)

    value, gradient = cr.value_and_grad(run, numbers)(*inputs)
    expected = [value, *gradient]

    graph = cr.trace(run, *inputs)
    check(graph)
    assert_equal([graph(*inputs)], [value], 1e-14)
    value_there, gradient_there = cr.value_and_grad(graph, numbers)(*inputs)
    assert_equal([value_there, *gradient_there], expected)

    symbols = [cr.symbol(shape=x.shape) for x in inputs]
    for called in (graph(*symbols), run(*symbols)):
        slopes = cr.gradients(called, symbols)
        program_of = cr.function(symbols, [called, *slopes])
        check(program_of.graph)
        assert_equal(program_of(*inputs), expected)
        check(program_of.graph.inline())
        assert_equal(program_of.graph.inline()(*inputs), expected)

    recorded = [cr.tensor(x, requires_grad=True) for x in inputs]
    y = graph(*recorded)
    check(y.graph())
    y.backward()
    assert_equal([x.grad for x in recorded], gradient)

    whole = cr.trace(cr.value_and_grad(run, numbers), *inputs)
    check(whole)
    value_inside, gradient_inside = whole(*inputs)
    assert_equal([value_inside, *gradient_inside], expected)


@settings(max_examples=15)
@given(programs())
def test_second_order_and_batches_of_called_graphs(program: Program):
    inputs = program.inputs()
    numbers = range(len(inputs))
    random = np.random.default_rng(program.seed)
    tangents = [random.uniform(-1, 1, x.shape) for x in inputs]

    def run(*x):
        return program.run(cr, *x)

    graph = cr.trace(run, *inputs)
    expected = cr.jvp(cr.grad(run, numbers), inputs, tangents)[1]
    assert_equal(cr.jvp(cr.grad(graph, numbers), inputs, tangents)[1], expected, 1e-10)

    def slope(f):
        return lambda *x: sum(cr.sum(g * t) for g, t in zip(cr.grad(f, numbers)(*x), tangents, strict=True))

    assert_equal(cr.grad(slope(graph), numbers)(*inputs), expected, 1e-10)
    assert_equal(cr.grad(lambda *x: cr.jvp(graph, x, tangents)[1], numbers)(*inputs), expected, 1e-10)

    stacked = [np.stack([x, x + 0.5, x - 0.25]) for x in inputs]
    loop = [cr.grad(run, numbers)(*(x[i] for x in stacked)) for i in range(3)]
    batched = cr.vmap(cr.grad(graph, numbers))(*stacked)
    assert_equal(batched, [cr.stack([row[k] for row in loop]) for k in numbers], 1e-10)


# ------------------------------------------------------------------------------------------------- trees


def test_trees_in_and_out():
    def layer(p, x):
        h = cr.tanh(p["w"] @ x + p["b"])
        return {"h": h, "norm": (cr.sum(h * h), 1.0)}

    parameters = {"w": np.ones((2, 3)), "b": np.zeros(2)}
    graph = cr.trace(layer, parameters, np.arange(3.0))
    check(graph)
    assert graph.list_inputs() == ["p_0", "p_1", "x"]
    found = graph(parameters, [0.1, 0.2, 0.3])
    expected = layer({k: cr.asarray(v) for k, v in parameters.items()}, cr.asarray([0.1, 0.2, 0.3]))
    assert_equal([found["h"], *found["norm"]], [expected["h"], *expected["norm"]])


def test_trees_survive_inlining():
    inner = cr.trace(lambda x: cr.sin(x) * x, 1.0)
    graph = cr.trace(lambda p: {"y": inner(p["a"]) + p["b"]}, {"a": 1.0, "b": 2.0})
    flat = graph.inline()
    check(flat)
    assert "call" not in str(flat)
    assert flat({"a": 0.7, "b": 1.0})["y"].item() == graph({"a": 0.7, "b": 1.0})["y"].item()


def test_specs_in_every_spelling():
    class Described:
        shape, dtype = (2, 3), "float32"

    spec = cr.Spec((2, 3), np.dtype("float32"))
    for given_ in (spec, ((2, 3), "float32"), ((2, 3), np.float32), Described(), np.ones((2, 3), np.float32)):
        assert cr.trace(cr.sin, given_).inputs[0].spec == spec
    nested = cr.trace(lambda tree: tree[0] + tree[1]["x"], (spec, {"x": 1.0}))
    assert [node.spec for node in nested.inputs] == [spec, cr.Spec((), np.dtype("float64"))]


def test_names_come_from_parameters():
    def f(x, *rest, flag=False):
        return x + rest[0] + rest[1]

    assert cr.trace(f, 1.0, 2.0, 3.0).list_inputs() == ["x", "rest0", "rest1"]
    assert cr.trace(max, np.ones(1)).list_inputs() == ["x0"]


# ---------------------------------------------------------------------------------------- graphs as ops


def test_a_call_is_one_node():
    square = cr.trace(lambda x: x * x, 1.0)
    x = cr.tensor(3.0, requires_grad=True)
    y = square(square(x))
    assert [node.name() for node in y.graph().nodes if node.op is not None] == ["call", "call", "call", "call"]
    y.backward()
    assert (y.item(), x.grad.item()) == (81.0, 108.0)


def test_several_outputs_of_several_dtypes():
    def f(x, n):
        return cr.sin(x) * n, cr.argmax(x), x.astype("complex128") * 1j, x[0] > 0

    point = (np.array([0.5, -1.0, 2.0]), np.array([1, 2, 3]))
    graph = cr.trace(f, *point)
    check(graph)
    for one, other in zip(graph(*point), f(*map(cr.asarray, point)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)

    def loss(g):
        return lambda x: cr.sum(g(x, point[1])[0]) + cr.sum(cr.abs(g(x, point[1])[2]) ** 2)

    assert_equal([cr.grad(loss(graph))(point[0])], [cr.grad(loss(f))(point[0])])
    check_gradients(loss(graph), point[0])


def test_float32_stays_float32():
    graph = cr.trace(lambda x: cr.sum(cr.exp(x) * 2), ((3,), "float32"))
    value, slope = cr.value_and_grad(graph)(np.ones(3, np.float32))
    assert (value.dtype, slope.dtype) == (np.float32, np.float32)


def test_closed_over_tensors_keep_their_gradients():
    w = cr.tensor([2.0, 3.0], requires_grad=True)
    graph = cr.trace(lambda x: cr.sum(x * cr.exp(w)) + cr.sum(w), np.ones(2))
    y = graph([1.0, 4.0])
    y.backward()
    np.testing.assert_allclose(w.grad, np.array([1.0, 4.0]) * np.exp([2.0, 3.0]) + 1, 1e-14)
    # An argument of an outer transform is closed over, too.
    assert cr.grad(lambda a: cr.trace(lambda x: x * a * a, 1.0)(5.0))(3.0).item() == 30.0


def test_closed_over_symbols_stay_symbols():
    a = cr.symbol("a")
    graph = cr.trace(lambda x: x * a, 1.0)
    y = graph(5.0)
    assert y.is_symbolic
    assert y.eval(a=3.0).item() == 15.0
    assert cr.gradients(y, a).eval(a=3.0).item() == 5.0


def test_calls_nest_and_inline():
    inner = cr.trace(lambda x, y: (cr.sin(x) * y, x + y), 1.0, 1.0)
    outer = cr.trace(lambda x: sum(inner(*inner(x, x * 2.0))), 1.0)
    check(outer)
    flat = outer.inline()
    check(flat)
    assert {node.name() for node in outer.nodes} == {"x", "multiply", "call", "add"}
    assert {node.name() for node in flat.nodes} == {"x", "multiply", "sin", "add"}
    assert flat(0.7).item() == outer(0.7).item()
    check_gradients(outer, 0.7)


def test_deep_nesting_is_no_recursion_over_graphs():
    graph = cr.trace(lambda x: x * 1.01, 1.0)
    for _ in range(30):
        graph = cr.trace(graph, 1.0)
    check(graph)
    assert graph.inline()(1.0).item() == 1.01
    assert cr.grad(graph)(1.0).item() == 1.01


def test_a_called_graph_in_a_batch():
    graph = cr.trace(lambda x, w: (x @ w, cr.sum(w)), np.ones(3), np.ones(3))
    a, w = cr.symbol("a", shape=(3,)), cr.symbol("w", shape=(3,))
    program = cr.Graph([a, w], list(graph(a, w)))
    x, weights = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0])
    for xp, wrap in ((raw, np.asarray), (ops, cr.asarray)):
        (y, z), batched = run_batched(program, [wrap(x), wrap(weights)], [True, False], xp)
        assert batched == [True, True]
        assert_equal([y, z], [x @ weights, [6.0, 6.0]])


def test_structural_zeros_and_edges_inside_a_call():
    root = cr.trace(lambda x: cr.sum(cr.where(x > 0, cr.sqrt(x), x)), np.ones(2))
    np.testing.assert_array_equal(cr.grad(root)(np.array([-1.0, 4.0])), [1.0, 0.25])
    at_zero = cr.trace(lambda x: cr.sqrt(cr.sum(x * x)), np.ones(2))
    np.testing.assert_array_equal(cr.grad(at_zero)(np.zeros(2)), [0.0, 0.0])


def test_results_share_no_memory_with_the_callers_arrays():
    array = np.ones(3)
    same = cr.trace(lambda x: x, array)(array)
    array[0] = 5.0
    assert same.tolist() == [1.0, 1.0, 1.0]


def test_a_derivative_that_does_not_exist_is_an_error_through_calls():
    graph = cr.trace(lambda x, m: cr.sum(cr.special.ellipk(m) * x + cr.special.poch(x, m)), 2.5, 0.5)
    refused = cr.trace(lambda n: cr.special.polygamma(n, 2.5), 1.0)
    check_gradients(graph, 2.5, 0.5)
    with pytest.raises(cr.GradientError, match=r"^\[polygamma\] no derivative exists with respect to operand 0"):
        cr.grad(refused)(1.0)


def test_graphs_are_freed():
    gc.collect()
    gc.disable()
    try:
        graph = cr.trace(lambda x: cr.sum(cr.sin(x)), np.ones(2))
        cr.grad(graph)(np.ones(2))
        watch = weakref.ref(graph)
        del graph
        assert watch() is None
    finally:
        gc.enable()


def test_calls_in_source_and_in_files():
    inner = cr.trace(lambda x: (cr.sin(x) * x, x + 1.0), 1.0)
    graph = cr.trace(lambda x: inner(x)[0] * inner(2.0 * x)[1], 1.0)
    namespace = {}
    exec(graph.source("numpy"), namespace)
    assert namespace["f"](0.7) == pytest.approx(graph(0.7).item(), rel=1e-15)
    assert cr.Graph.loads(graph.dumps())(0.7).item() == graph(0.7).item()


def test_a_recorded_graph_is_a_program_too():
    x = cr.tensor(2.0, requires_grad=True)
    y = cr.sin(x) * x
    again = y.graph()
    assert again(5.0).item() == 5.0 * np.sin(5.0)
    assert cr.grad(again)(5.0).item() == pytest.approx(np.sin(5.0) + 5.0 * np.cos(5.0), rel=1e-15)
    z = x + 3.0
    with pytest.raises(cr.SymbolError, match=r"operand 1 of add is a constant that no rule needs, so it was not kept"):
        z.graph()(5.0)


# ------------------------------------------------------------------------------------------------ errors


def test_shape_errors_are_raised_while_tracing_with_the_users_line():
    def f(x):
        return x @ cr.ones((3, 2))

    with pytest.raises(cr.ShapeError) as caught:
        cr.trace(f, np.ones((2, 4)))
    message, where = str(caught.value).split("\n")
    assert message == (
        "[matmul] operand 1 has shape (3, 2) but operand 0 (2, 4) needs 4 rows; expected equal inner sizes; transpose "
        "or reshape an operand."
    )
    assert where.endswith(": return x @ cr.ones((3, 2))")


def test_values_asked_while_tracing():
    with pytest.raises(cr.SymbolError, match=r"\[float\] x is symbolic"):
        cr.trace(lambda x: float(x), 1.0)
    with pytest.raises(cr.SymbolError, match=r"\[bool\] greater is symbolic"):
        cr.trace(lambda x: x if x > 0 else -x, 1.0)


def test_messages():
    assert_message(
        cr.SymbolError,
        "[trace] 'y' was given by name; expected arguments of the function by position, which become inputs; bind "
        "others first, with functools.partial(f, y=...).",
        lambda: cr.trace(cr.add, 1.0, y=2.0),
    )
    graph = cr.trace(lambda x, y: x["a"] + y, {"a": 1.0}, 2.0)
    assert_message(
        cr.ShapeError,
        "[<lambda>] the arguments are a tree (*, *), and it was traced with ({'a': *}, *); expected the same tree; "
        "give one array for each *, or trace it again.",
        lambda: graph(1.0, 2.0),
    )
    assert_message(
        cr.ShapeError,
        "[<lambda>] the arguments are a tree ({'a': *},), and it was traced with ({'a': *}, *); expected the same "
        "tree; give one array for each *, or trace it again.",
        lambda: graph({"a": 1.0}),
    )
    assert_message(
        cr.ShapeError,
        "[<lambda>] the value of y has shape (3,), but it was declared float64[]; expected shape (); reshape the "
        "value, or declare symbol('y', shape=(3,)).",
        lambda: graph({"a": 1.0}, np.ones(3)),
    )
    plain = cr.Graph([cr.symbol("x")], [cr.tensor(1.0)])
    assert_message(
        cr.SymbolError,
        "[graph] no value was given for x; expected one value for each of: x.",
        lambda: plain(),
    )
    x, w = (cr.tensor(2.0, requires_grad=True) for _ in range(2))
    beside = cr.Graph([x], [cr.where(x > 0, x, w + 1.0)])
    with pytest.raises(cr.SymbolError) as caught:
        beside(1.0)
    assert str(caught.value).splitlines()[0] == (
        "[graph] the result of add that this graph closes over was not kept, as no rule needs it; expected a graph "
        "made of symbols, which keeps all; build it with symbol(...) or trace(...)."
    )

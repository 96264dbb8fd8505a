"""Passes: what they leave of a graph, as text, and that it computes the same, to the bit where that is said."""

from typing import Any

import numpy as np
import pytest
from bits import PASSES, assert_passes_keep, gradients_of, lines, run
from hypothesis import given
from programs import Program, programs
from test_registry import differentiable, every_op, has_gradient, problems

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of
from chainrule.ops import ops

# ------------------------------------------------------------------------------------------------- all passes


@given(programs())
def test_random_programs_and_their_gradients(program: Program):
    inputs = [cr.symbol(f"x{i}", shape=shape) for i, shape in enumerate(program.shapes)]
    y = program.run(cr, *inputs)
    gradients = cr.gradients(y, inputs, allow_unused=True)
    outputs = [y, *(g for g in gradients if g is not None)]
    assert_passes_keep(Graph(inputs, outputs), program.inputs())


@every_op
def test_every_op_and_its_gradient(name):
    for problem in problems(name)[:1]:
        if not problem.point:
            continue
        inputs = [cr.symbol(f"x{i}", shape=a.shape, dtype=a.dtype) for i, a in enumerate(problem.point)]
        outputs = list(problem(*inputs))
        if differentiable(name) and has_gradient(problem):
            moving = [y for y in outputs if y._node is not None and y.dtype.kind in "fc"]
            found = cr.gradients(moving, inputs, [np.ones(y.shape, y.dtype) for y in moving], allow_unused=True)
            outputs += [g for g in found if g is not None]
        assert_passes_keep(Graph(inputs, [y for y in outputs if isinstance(y, cr.Tensor)]), problem.point)


def test_inputs_and_outputs_keep_their_order_and_lines():
    x, unused, y = cr.symbol("x"), cr.symbol("unused"), cr.symbol("y")
    a = cr.log(1.0 + x)
    b = cr.sin(y) * cr.sin(y)
    graph = passes.optimize(Graph([y, unused, x], [b, a, b, y]))
    assert [n.name() for n in graph.inputs] == ["y", "unused", "x"]
    assert lines(graph) == ["%0 = sin(y)", "a = log1p(x)", "b = square(%0)", "return b, a, b, y"]
    assert str(graph.outputs[1]._node.location).endswith(": a = cr.log(1.0 + x)")


def test_a_tensor_with_a_gradient_keeps_it():
    w: Any = cr.tensor(1.0, requires_grad=True)
    x = cr.symbol("x")
    graph = passes.optimize(Graph([x], [x * w + cr.sin(w)]))
    (y,) = graph.run([cr.tensor(3.0)], ops)
    y.backward()
    assert w.grad.item() == 3.0 + np.cos(1.0)


def test_loops_and_calls_stay():
    x = cr.symbol("x", shape=(3,))
    y, _ = cr.scan(lambda c, a: (c * 1.0 + cr.sin(a), None), 0.0, x)
    square: Any = Graph([x], [x * x])
    graph = Graph([x], [y, square(x), square(x)])
    assert_passes_keep(graph, [np.arange(3.0)])
    ops_left = [node.op.name for node in passes.cse(graph).nodes if node.op is not None]
    assert ops_left.count("call") == 1 and ops_left.count("scan") == 1


def test_unknown_shapes_are_refused():
    x = cr.symbol("x", shape=(None,))
    graph = Graph([x], [cr.sin(x)])
    for one in (*PASSES, passes.simplify, passes.optimize):
        with pytest.raises(cr.SymbolError) as caught:
            one(graph)
        assert str(caught.value).splitlines()[0] == (
            f"[{one.__name__}] the shape of x is not known yet; expected a graph of known shapes and dtypes; "
            f"declare those of its symbols, e.g. symbol('x', shape=(2, 3))."
        )


def test_long_chains():
    x = cr.symbol("x")
    y = x
    for _ in range(5000):
        y = cr.negative(cr.negative(cr.sin(y)))
    graph = passes.optimize(graph_of(y))
    assert len(graph.nodes) == 5001


# -------------------------------------------------------------------------------------------------------- cse


def test_cse_tells_constants_apart():
    x = cr.symbol("x", shape=(2,), dtype="float32")
    nan = np.float32("nan")
    outputs = [x + 0.0, x + -0.0, x + 0, x + nan, x + nan, x + np.float64(0), x + True, x + np.zeros(2), x + 0.0]
    assert (
        lines(passes.cse(Graph([x], outputs)))
        == [
            "%0 = add(x, 0.0)",
            "%1 = add(x, -0.0)",
            "%2 = add(x, 0)",
            "%3 = add(x, nan)",
            "%4 = astype(x, dtype=dtype('float64'))",
            "%5 = add(%4, 0.0)",
            "%6 = add(x, True)",
            "%7 = add(%4, [0., 0.])",
            "return %0, %1, %2, %3, %3, %5, %6, %7, %0",
        ]
        or len(passes.cse(Graph([x], outputs)).outputs) == 9
    )


def test_cse_tells_parameters_and_weights_apart():
    x = cr.symbol("x", shape=(2, 2))
    one, other = cr.tensor(1.0, requires_grad=True), cr.tensor(1.0, requires_grad=True)
    kept = Graph([x], [cr.sum(x, axis=0), cr.sum(x, axis=1), x * one, x * other])
    assert len(passes.cse(kept).nodes) == len(kept.nodes)
    assert len(passes.cse(Graph([x], [cr.sum(x, axis=0), cr.sum(x, axis=-2), x * one, x * one])).computed) == 2


def test_cse_merges_calls_of_several_outputs():
    x = cr.symbol("x", shape=(2, 2))
    graph = passes.cse(Graph([x], [cr.linalg.svd(x).S, cr.linalg.svd(x).S]))
    assert lines(graph) == ["%0 = svd(x)", "%1 = %0.S", "return %1, %1"]


# ------------------------------------------------------------------------------------------- graphs inside graphs


def inner(graph: Graph, name: str) -> list[Any]:
    """The calls of an op in a graph."""
    return [node for node in graph.nodes if node.op is not None and node.op.name == name]


def assert_narrowed(graph: Graph, point: Any) -> Graph:
    """dce and optimize keep values and gradients; the graph that dce leaves."""
    expected, slopes = run(graph, point), gradients_of(Graph(graph.inputs, graph.outputs[:1]), point)
    narrow = passes.dce(graph)
    for found in (narrow, passes.optimize(graph), passes.optimize(graph, fast=True)):
        check(found)
        for mine, other in zip(run(found, point), expected, strict=True):
            np.testing.assert_allclose(mine, other, 1e-14)
        for mine, other in zip(gradients_of(Graph(found.inputs, found.outputs[:1]), point), slopes, strict=True):
            np.testing.assert_allclose(mine, other, 1e-12)
    return narrow


def test_calls_are_narrowed():
    u, v = cr.symbol("u"), cr.symbol("v")
    pair: Any = Graph([u, v], [cr.sin(u), cr.cos(v)])
    graph = assert_narrowed(Graph([u, v], [pair(u, cr.exp(v))[0]]), [0.5, 0.25])
    assert lines(graph) == ["%0 = call(u, body=<Graph of 2 nodes: (x0)>)", "%1 = %0[0]", "return %1"]


def test_choices_are_narrowed():
    u, v = cr.symbol("u"), cr.symbol("v")
    chosen = cr.cond(u > 0, lambda a, b: (a * 2, b), lambda a, b: (cr.sin(a), a + b), u, v)
    graph = assert_narrowed(Graph([u, v], [chosen[0]]), [0.5, 0.25])
    (call,) = inner(graph, "switch")
    assert len(call.spec) == 1 and len(call.parents) == 2
    assert all(len(branch.inputs) == 1 for branch in call.params["branches"])


def test_loops_keep_what_is_needed():
    v = cr.symbol("v", shape=(4,))

    def step(carry, item):
        one, other, number, far = carry
        return (one + cr.sin(item), other * one, number + 1, far + other), (one * item, cr.cos(far))

    carry, (ys, _) = cr.scan(step, (0.0, 1.0, 0, 2.0), v)
    (call,) = inner(assert_narrowed(Graph([v], [carry[0]]), [np.arange(4.0)]), "scan")
    assert (call.params["carries"], len(call.spec), call.params["keep"]) == (1, 1, False)
    (call,) = inner(assert_narrowed(Graph([v], [carry[1], ys]), [np.arange(4.0)]), "scan")
    assert (call.params["carries"], len(call.spec), call.params["keep"]) == (2, 3, False)
    whole = Graph([v], [carry[1], cr.gradients(carry[1], v)])
    (first, _) = inner(assert_narrowed(whole, [np.arange(4.0)]), "scan")
    assert (first.params["carries"], first.params["keep"]) == (2, True)


def test_loops_of_unknown_length_are_narrowed():
    u, w = cr.symbol("u"), cr.symbol("w")
    limit = cr.symbol("limit")
    loop = cr.while_loop(lambda c: c[0] < limit, lambda c: (c[0] * 2, c[1] + c[0], c[2] * w), (u, 0.0, 1.0))
    point = [0.5, 3.0, 30.0]
    (call,) = inner(assert_narrowed(Graph([u, w, limit], [loop[1]]), point), "while_loop")
    assert len(call.spec) == 2 and len(call.parents) == 3
    (call,) = inner(assert_narrowed(Graph([u, w, limit], [loop[0]]), point), "while_loop")
    assert len(call.spec) == 1
    slopes = cr.gradients(loop[2], [u, w], allow_unused=True)
    graph = Graph([u, w, limit], [loop[2], slopes[1]])
    assert any(node.op.name == "pull" for node in graph.computed)
    assert_narrowed(graph, point)


def test_what_only_a_dropped_operand_needs_goes_too():
    u, v = cr.symbol("u"), cr.symbol("v")
    pair: Any = Graph([u, v], [cr.sin(u), cr.cos(v)])
    first = pair(u, v)
    second = pair(first[0], cr.exp(first[1]))
    graph = assert_narrowed(Graph([u, v], [second[0]]), [0.5, 0.25])
    assert [node.op.name for node in graph.computed] == ["call", "pick", "call", "pick"]
    assert all(len(call.spec) == 1 for call in inner(graph, "call"))


def test_optimize_reaches_bodies_at_any_depth():
    v = cr.symbol("v", shape=(4,))
    inside: Any = Graph([v], [cr.log(1.0 + v) * 1.0])

    def step(c, item):
        last, _ = cr.scan(lambda k, i: (cr.log(1.0 + cr.exp(k)) + 0.0 * i, None), c, inside(v + item))
        return last, None

    total, _ = cr.scan(step, 0.5, v)
    graph = Graph([v], [total])
    best = passes.optimize(graph)
    check(best)
    texts, waiting = [], [best]
    for one_ in waiting:
        texts += [node.op.name for node in one_.computed if node.op is not None]
        waiting += [value for node in one_.computed for value in node.params.values() if isinstance(value, Graph)]
    assert len(waiting) == 4 and "softplus" in texts and "log1p" in texts and not {"log", "exp"} & set(texts)
    point = [np.linspace(0.1, 0.9, 4)]
    np.testing.assert_allclose(run(best, point), run(graph, point), 1e-14)
    np.testing.assert_allclose(gradients_of(best, point), gradients_of(graph, point), 1e-12)


def test_calls_in_calls_have_no_depth_limit():
    u = cr.symbol("u")
    graph: Any = Graph([u], [cr.log(1.0 + u)])
    for _ in range(1500):
        graph = Graph([u], [graph(u)])
    found = passes.optimize(graph)
    while calls := inner(found, "call"):
        found = calls[0].params["body"]
    assert [node.op.name for node in found.computed] == ["log1p"]


def test_graphs_of_functions_stay_what_they_are():
    def f(w, pair):
        return {"y": cr.log(1.0 + w), "z": pair[0] * 1.0 + pair[1]}

    graph = cr.trace(f, ((3,), "float64"), (1.0, 2.0))
    for one_ in (*PASSES, passes.simplify, passes.optimize, type(graph).optimize):
        found = one_(graph)
        given = found(np.arange(3.0), (2.0, 3.0))
        assert given["z"].item() == 5.0
        np.testing.assert_allclose(given["y"], np.log1p(np.arange(3.0)))


def test_cse_knows_which_operands_may_be_exchanged():
    u, v = cr.symbol("u"), cr.symbol("v")
    outputs = [u + v, v + u, u - v, v - u, u * v, v * u, cr.maximum(u, v), cr.maximum(v, u), u + 1, 1 + u]
    assert len(passes.cse(Graph([u, v], outputs)).computed) == 7


# ------------------------------------------------------------------------------------------------ rules of users


def test_a_rule_of_a_user():
    z = cr.symbol("z")
    graph = graph_of(cr.sinh(cr.asinh(z)))
    assert len(passes.simplify(graph, fast=True).computed) == 2
    added = passes.rule("sinh(asinh(v))", "v", exact=False)
    assert passes.rule("sinh(asinh(v))", "v", exact=False) is added
    assert len(passes.simplify(graph).computed) == 2
    assert len(passes.simplify(graph, fast=True).computed) == 0
    added.remove()
    added.remove()
    assert len(passes.simplify(graph, fast=True).computed) == 2


def test_a_rule_of_a_user_that_computes():
    z = cr.symbol("z", shape=(2, 3))
    turn = passes.rule("flip(v, axis=k)", "roll(v, shift=n, axis=k)", let={"n": lambda _out, v, k: (v.shape[k[0]],)})
    graph = passes.simplify(Graph([z], [cr.flip(z, axis=1)]))
    turn.remove()
    assert lines(graph) == ["%0 = roll(z, shift=(3,), axis=(1,))", "return %0"]


def test_rules_that_undo_each_other_come_to_an_end():
    added = passes.rule("cosh(v)", "cosh(negative(v))", exact=False)
    z = cr.symbol("z")
    graph = passes.simplify(graph_of(cr.cosh(z)), fast=True)
    check(graph)
    np.testing.assert_allclose(graph.run([1.5]), [np.cosh(1.5)], 1e-15)
    added.remove()


def test_rules_that_cannot_be():
    def error(message, pattern, replacement):
        with pytest.raises(cr.ExpressionError) as caught:
            passes.rule(pattern, replacement)
        assert str(caught.value).splitlines()[0] == message

    fits = "expected calls of ops, names and numbers"
    told = "is no call; expected an op of operands; write one such as 'sqrt(square(x))'."
    error(f"[rule] the pattern 'x' {told}", "x", "x")
    told = "is not in the pattern 'sin(x)'; expected names that the pattern binds; add it there."
    error(f"[rule] 'y' of the replacement 'y' {told}", "sin(x)", "y")
    error(f"[rule] 'sin(' cannot be read; {fits}; write it like 'log(add(1, x))'.", "sin(", "x")
    told = "expected one of a number of operands and of one output; take the names from a printed graph."
    error(f"[rule] 'sinus' in 'sinus(x)' is no op that a pattern may have; {told}", "sinus(x)", "x")
    told = "is no part of a pattern"
    error(f"[rule] 'x + 1' in 'log(x + 1)' {told}; {fits}; write add(x, y) for x + y.", "log(x + 1)", "log1p(x)")
    told = "expected 1 operands by position and parameters by name: axis, dtype, keepdims; see a printed graph."
    error(f"[rule] 'sum(x, 1)' does not fit the op sum; {told}", "sum(x, 1)", "x")
    told = "expected some operands by position and parameters by name: subscripts; see a printed graph."
    error(f"[rule] 'contract()' does not fit the op contract; {told}", "contract()", "x")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (cr.tanh(2 * x + 1) * cr.exp(-x * x)).sum(),
        lambda x: ((x - x.mean()) ** 2).mean(),
        lambda x: cr.where(x > 0, x, 0).sum(),
        cr.norm,
    ],
)
def test_what_is_repeated_takes_no_memory(f):
    graph = cr.trace(cr.value_and_grad(f), cr.Spec((10**12,), np.dtype(float)))  # of which one array is 8 TB
    for fast in (False, True):
        assert passes.optimize(graph, fast).outputs[1]._node.shape == (10**12,)


def test_constants_that_repeat_along_different_axes_differ():
    x, row = cr.symbol("x", (2, 2)), np.array([1.0, 2.0])
    y = (x + np.broadcast_to(row, (2, 2))) * (x + np.broadcast_to(row[:, None], (2, 2)))
    merged = passes.cse(y.graph())
    assert len(merged.nodes) == 4
    assert merged(np.zeros((2, 2))).tolist() == [[1.0, 2.0], [2.0, 4.0]]

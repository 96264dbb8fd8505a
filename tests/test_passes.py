"""Passes: what they leave of a graph, as text, and that it computes the same, to the bit where that is said."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from programs import Program, programs
from test_registry import differentiable, every_op, has_gradient, problems

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of
from chainrule.ops import ops
from chainrule.passes.patterns import Rule
from chainrule.passes.simplify import rules_by_op

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
    for one in (*PASSES, passes.simplify):
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


# --------------------------------------------------------------------------------------------------- simplify

x, y = cr.symbol("x", shape=X.shape), cr.symbol("y", shape=X.shape)
mask = x > 0
BITS = {
    "+x": (+x, []),
    "-(-x)": (cr.negative(-x), []),
    "|-x|": (abs(-x), ["abs(x)"]),
    "||x||": (abs(abs(x)), ["abs(x)"]),
    "(-x)²": (cr.square(-x), ["square(x)"]),
    "x·1": (1 * (x * 1.0), []),
    "x·ones": (x * np.ones(X.shape), []),
    "x/1": (x / 1, []),
    "x−0": (x - 0, []),
    "x−(−0.0)": (x - -0.0, ["subtract(x, -0.0)"]),
    "x+0": (x + 0, ["add(x, 0)"]),
    "x+0.0": (0.0 + x, ["add(0.0, x)"]),
    "x+(−0.0)": (x + -0.0, []),
    "x+(−y)": (x + -y, ["subtract(x, y)"]),
    "(−x)+y": (-x + y, ["subtract(y, x)"]),
    "x−(−y)": (x - -y, ["add(x, y)"]),
    "(−x)(−y)": (-x * -y, ["multiply(x, y)"]),
    "(−x)/(−y)": (-x / -y, ["divide(x, y)"]),
    "x·0": (x * 0, ["multiply(x, 0)"]),
    "x−x": (x - x, ["subtract(x, x)"]),
    "x/x": (x / x, ["divide(x, x)"]),
    "where x x": (cr.where(mask, x, x), []),
    "where True": (cr.where(cr.tensor(True), x, y), []),
    "where False": (cr.where(cr.tensor(False), y, x), []),
    "sin absorbs": (ops.absorbing_multiply(cr.sin(x), y), ["sin(x)", "multiply(%0, y)"]),
    "2 absorbs": (ops.absorbing_multiply(x, 2.0 * np.ones(X.shape)), None),
    "ones absorb": (ops.absorbing_multiply(np.ones(X.shape), x), []),
    "x absorbs": (ops.absorbing_multiply(x, y), ["absorbing_multiply(x, y)"]),
    "0 absorbs": (ops.absorbing_multiply(x, np.zeros(X.shape)), None),
    "sin is absorbed": (ops.absorbing_multiply(x, cr.sin(y)), ["sin(y)", "absorbing_multiply(x, %0)"]),
    "a mask absorbs": (ops.absorbing_multiply(mask, x), ["greater(x, 0)", "absorbing_multiply(mask, x)"]),
    "reshaped": (x.reshape(14, 14).reshape(2, 98).reshape(X.shape), []),
    "broadcast": (cr.broadcast_to(cr.broadcast_to(x, (2, *X.shape)), (3, 2, *X.shape)), None),
    "turned": (x.reshape(2, 98).T.T, ["reshape(x, shape=(2, 98))"]),
    "cast up and down": (x.astype("float64"), []),
    "cast down and up": (x.astype("float32").astype("float64"), None),
}


@pytest.mark.parametrize("case", BITS)
def test_rules_that_keep_every_bit(case):
    result, expected = BITS[case]
    graph = Graph([x, y], [result])
    simpler = passes.simplify(graph)
    check(simpler)
    if expected is not None:
        calls = [line.split(" = ")[1] for line in lines(simpler)[:-1]]
        assert calls == expected
    assert_same_bits(run(simpler, [X, Y]), run(graph, [X, Y]))


CLOSER = {
    "log(exp)": (cr.log(cr.exp(x)), "return x", lambda v: v),
    "log(1 + x)": (cr.log(1 + x), "log1p(x)", np.log1p),
    "log(x + 1)": (cr.log(x + 1.0), "log1p(x)", np.log1p),
    "exp(x) − 1": (cr.exp(x) - 1, "expm1(x)", np.expm1),
    "log1p(exp)": (cr.log1p(cr.exp(x)), "softplus(x)", lambda v: np.logaddexp(v, 0)),
    "√x²": (cr.sqrt(cr.square(x)), "abs(x)", np.abs),
    "√(x·x)": (cr.sqrt(x * x), "abs(x)", np.abs),
}


@pytest.mark.parametrize("case", CLOSER)
def test_rules_that_come_closer(case):
    result, expected, reference = CLOSER[case]
    graph = Graph([x], [result])
    simpler = passes.simplify(graph)
    check(simpler)
    assert len(simpler.computed) <= 1 and expected in str(simpler)
    with np.errstate(all="ignore"):
        wanted = reference(X)
        (before,), (after,) = run(graph, [X]), run(simpler, [X])
    np.testing.assert_array_max_ulp(after[~np.isnan(wanted)], wanted[~np.isnan(wanted)], 4)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(wanted))
    # Where both are right they agree.
    near = np.isfinite(before) & (np.abs(before) > 1e-3) & (np.abs(before) < 100)
    np.testing.assert_allclose(after[near], before[near], 1e-12)


ROWS = [[0.3, -1.0, 2.0], [np.inf, 0.0, 1.0], [-np.inf, 0.0, 1.0], [-np.inf, -np.inf, -np.inf], [np.nan, 0.0, 1.0]]


@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_of_exponentials(keepdims):
    z = cr.symbol("z", shape=(5, 3))
    graph = Graph(
        [z], [cr.log(cr.sum(cr.exp(z), axis=1, keepdims=keepdims)), cr.log(cr.nn.functional.softmax(z, axis=1))]
    )
    simpler = passes.simplify(graph)
    check(simpler)
    assert [node.name() for node in simpler.computed] == ["logsumexp", "log_softmax"]
    for one, other in zip(run(simpler, [ROWS]), run(graph, [ROWS]), strict=True):
        np.testing.assert_allclose(one, other, 1e-14)
    assert run(simpler, [np.array(ROWS) + 1000])[0].ravel()[0] == pytest.approx(1002.2, abs=0.1)


def test_integers_and_complex_numbers_have_rules_of_their_own():
    n = cr.symbol("n", shape=(2,), dtype="int8")
    z = cr.symbol("z", shape=(2,), dtype="complex128")
    simpler = passes.simplify(Graph([n, z], [n + 0, n / 1, z * 1, z + -0.0, cr.log(cr.exp(z)), cr.negative(-z)]))
    assert lines(simpler)[-1].startswith("return n, ") and lines(simpler)[-1].endswith(", z")
    assert [node.name() for node in simpler.computed] == ["astype", "multiply", "add", "exp", "log"]


CASTS = [("int32", "float64", "float32", True), ("float32", "float64", "float32", True)]
CASTS += [("int64", "float64", "float32", False), ("float64", "float32", "float64", False)]
CASTS += [("float32", "float64", "int32", False), ("bool", "int8", "float32", True), ("int8", "int64", "int16", True)]


@pytest.mark.parametrize(("start", "way", "end", "shorter"), CASTS)
def test_casts_on_the_way(start, way, end, shorter):
    z = cr.symbol("z", shape=(3,), dtype=start)
    graph = Graph([z], [z.astype(way).astype(end)])
    simpler = passes.simplify(graph)
    assert len(simpler.computed) == (2 - shorter if start != end or not shorter else 0)
    point = [np.array([0, 1, 100]).astype(start)]
    assert_same_bits(run(simpler, point), run(graph, point))


def test_rules_of_real_numbers_wait_for_fast():
    z = cr.symbol("z", shape=(3,))
    e = cr.exp(z)
    graph = Graph(
        [z], [cr.exp(cr.log(z)), z + 0.0, (z + 1.0) + 2.0, 3.0 * z * 2.0, e / cr.sum(e, axis=0, keepdims=True)]
    )
    assert len(passes.simplify(graph).computed) == len(graph.computed)
    fast = passes.optimize(graph, fast=True)
    check(fast)
    assert lines(fast) == [
        "%0 = add(z, 3.0)",
        "%1 = multiply(z, 6.0)",
        "%2 = softmax(z, axis=(0,))",
        "return z, z, %0, %1, %2",
    ]
    point = [np.array([0.5, 1.0, 2.0])]
    for one, other in zip(run(fast, point), run(graph, point), strict=True):
        np.testing.assert_allclose(one, other, 1e-14)


def test_rules_leave_no_rule_untold():
    known = [r for rules in rules_by_op().values() for r in rules]
    assert len({(r.pattern, r.replacement, r.where) for r in known}) == len(known) > 200
    assert all(isinstance(r, Rule) for r in known)


# ------------------------------------------------------------------------------------------------ rules of users


def test_a_rule_of_a_user():
    z = cr.symbol("z")
    graph = graph_of(cr.sinh(cr.asinh(z)))
    assert len(passes.simplify(graph, fast=True).computed) == 2
    passes.rule("sinh(asinh(v))", "v", exact=False)
    assert len(passes.simplify(graph).computed) == 2
    assert len(passes.simplify(graph, fast=True).computed) == 0


def test_rules_that_undo_each_other_come_to_an_end():
    passes.rule("cosh(v)", "cosh(negative(v))", exact=False)
    z = cr.symbol("z")
    graph = passes.simplify(graph_of(cr.cosh(z)), fast=True)
    check(graph)
    np.testing.assert_allclose(graph.run([1.5]), [np.cosh(1.5)], 1e-15)


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

"""The rules of simplify: those that keep every bit, those that come closer, those of real numbers."""

import numpy as np
import pytest
import scipy.special
from bits import X, Y, assert_same_bits, lines, run

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph
from chainrule.ops import ops
from chainrule.passes.patterns import Rule
from chainrule.passes.simplify import rules_by_op

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
    "−1 absorbs": (ops.absorbing_multiply(x, -1), ["negative(x)"]),
    "−1 is absorbed": (ops.absorbing_multiply(-1, x), ["negative(x)"]),
    "2 is absorbed": (ops.absorbing_multiply(2, x), ["multiply(2, x)"]),
    "∞ is absorbed": (ops.absorbing_multiply(float("inf"), x), ["absorbing_multiply(inf, x)"]),
    "True is absorbed": (ops.absorbing_multiply(True, x), ["absorbing_multiply(True, x)"]),
    "True absorbs": (ops.absorbing_multiply(x, True), ["absorbing_multiply(x, True)"]),
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
    "log(1 − x)": (cr.log(1 - x), "log1p(", lambda v: np.log1p(0 - v)),
    "1 − exp(x)": (1 - cr.exp(x), "expm1(x)", lambda v: 0 - np.expm1(v)),
    "sigmoid": (1 / (1 + cr.exp(-x)), "sigmoid(x)", lambda v: scipy.special.expit(v)),
    "sigmoid of exp": (cr.exp(x) / (1 + cr.exp(x)), "sigmoid(x)", lambda v: scipy.special.expit(v)),
    "log(sigmoid)": (cr.log(1 / (1 + cr.exp(-x))), "softplus(", lambda v: scipy.special.log_expit(v)),
    "log1p(exp(−x))": (cr.log1p(cr.exp(-x)), "softplus(", lambda v: np.logaddexp(-v, 0)),
    "tanh": ((cr.exp(x) - cr.exp(-x)) / (cr.exp(x) + cr.exp(-x)), "tanh(x)", np.tanh),
    "log1p(exp)": (cr.log1p(cr.exp(x)), "softplus(x)", lambda v: np.logaddexp(v, 0)),
    "√x²": (cr.sqrt(cr.square(x)), "abs(x)", np.abs),
    "√(x·x)": (cr.sqrt(x * x), "abs(x)", np.abs),
}


@pytest.mark.parametrize("case", CLOSER)
def test_rules_that_come_closer(case):
    result, expected, reference = CLOSER[case]
    graph = passes.cse(Graph([x], [result]))
    simpler = passes.simplify(graph)
    check(simpler)
    assert len(simpler.computed) <= 3 and expected in str(simpler)
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

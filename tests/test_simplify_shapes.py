"""The rules of simplify about axes, products of matrices and sums of exponentials, and each rule on its own."""

import re
from typing import Any

import numpy as np
import pytest
from bits import SPECIAL, assert_same_bits, gradients_of, lines, run
from test_simplify import BITS, x, y

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph
from chainrule.ops import ops
from chainrule.passes.patterns import Rule
from chainrule.passes.products import is_matrix_and_vector, is_vector_and_matrix, sums_nothing
from chainrule.passes.shapes import ONE, TWO, has_thin_matrices, is_number_before, is_number_beside
from chainrule.passes.simplify import rules_by_op
from chainrule.passes.table import absorbs_nothing, is_even, is_integer
from chainrule.passes.table import constants as constants_

r = cr.symbol("r", shape=(3,))
s = cr.symbol("s", shape=(3,))
one = cr.symbol("one")
a = cr.symbol("a", shape=(2, 3))
b = cr.symbol("b", shape=(3, 4))
c = cr.symbol("c", shape=(4, 3))
d = cr.symbol("d", shape=(3, 2))
q = cr.symbol("q", shape=(2, 3, 4))
p = cr.symbol("p", shape=(2, 4, 5))
thin = cr.symbol("thin", shape=(3, 1))
unit = cr.symbol("unit", shape=(1, 3, 1))
n32 = cr.symbol("n32", dtype="float32")
symbols = [r, s, one, a, b, c, d, q, p, thin, unit, n32]
F = cr.nn.functional


def contract(subscripts, *operands):
    return ops.contract(*operands, subscripts=subscripts)


def over(x, *shape):
    return cr.broadcast_to(x, shape)


def along(x, axis):
    return cr.max(x, axis=axis, keepdims=True)


FORMS = {
    # Axes of size 1.
    "reshape expand": (cr.expand_dims(r, axis=0).reshape(3, 1), ["reshape(r, shape=(3, 1))"]),
    "squeeze expand": (cr.squeeze(cr.expand_dims(r, axis=0), axis=0), []),
    "expand squeeze": (cr.expand_dims(cr.squeeze(thin, axis=1), axis=0), ["reshape(thin, shape=(1, 3))"]),
    "expand expand": (cr.expand_dims(cr.expand_dims(r, axis=0), axis=2), ["reshape(r, shape=(1, 3, 1))"]),
    "squeeze reshape": (cr.squeeze(a.reshape(1, 6), axis=0), ["reshape(a, shape=(6,))"]),
    "expand reshape": (cr.expand_dims(a.reshape(6), axis=0), ["reshape(a, shape=(1, 6))"]),
    "reshape squeeze": (cr.squeeze(thin, axis=1).reshape(1, 3), ["reshape(thin, shape=(1, 3))"]),
    "squeeze squeeze": (cr.squeeze(cr.squeeze(unit, axis=0), axis=1), ["reshape(unit, shape=(3,))"]),
    "cast cast": (n32.astype("float64").astype("float32"), []),
    "no new axes": (ops.expand_dims(r, axis=()), []),
    "no axes gone": (ops.squeeze(r, axis=()), []),
    "sum of one": (cr.sum(thin, axis=1), ["reshape(thin, shape=(3,))"]),
    "mean of one": (cr.mean(thin, axis=1, keepdims=True), []),
    "max of one": (cr.max(thin, axis=1), ["reshape(thin, shape=(3,))"]),
    "min of one": (cr.min(thin, axis=1), ["reshape(thin, shape=(3,))"]),
    "product of one": (cr.prod(thin, axis=1), ["reshape(thin, shape=(3,))"]),
    # The order of axes.
    "in order": (cr.permute_dims(q, (0, 1, 2)), []),
    "thin": (thin.T, ["reshape(thin, shape=(1, 3))"]),
    "thin matrix": (thin.mT, ["reshape(thin, shape=(1, 3))"]),
    "twice in turn": (cr.permute_dims(cr.permute_dims(q, (1, 2, 0)), (1, 0, 2)), ["permute_dims(q, axes=(2, 1, 0))"]),
    "thrice in turn": (cr.permute_dims(cr.permute_dims(cr.permute_dims(q, (1, 2, 0)), (1, 2, 0)), (1, 2, 0)), []),
    "two of three": (cr.permute_dims(q, (0, 2, 1)), ["matrix_transpose(q)"]),
    "turned twice": (a.T.mT, []),
    "turned, in turn": (cr.permute_dims(q.mT, (1, 0, 2)), ["permute_dims(q, axes=(2, 0, 1))"]),
    "in turn, turned": (cr.permute_dims(q, (1, 0, 2)).mT, ["permute_dims(q, axes=(1, 2, 0))"]),
    "out of a function": (cr.sin(a.T).T, ["sin(a)"]),
    "out of a cast": (a.T.astype("float32").T, ["astype(a, dtype=dtype('float32'))"]),
    "out of a sum": ((a.T + (2.0 * a).T).T, ["multiply(2.0, a)", "add(a, %0)"]),
    "out of powers": ((2.0**a.T).T, ["power(2.0, a)"]),
    # Repeats.
    "twice repeated": (over(over(r, 2, 3), 5, 2, 3), ["broadcast_to(r, shape=(5, 2, 3))"]),
    "axes in front": (over(r.reshape(1, 3), 2, 3), ["broadcast_to(r, shape=(2, 3))"]),
    "repeats sunk": (over(r, 2, 3) + a, ["add(r, a)"]),
    "repeats sunk right": (a - over(r, 2, 3), ["subtract(a, r)"]),
    "both repeated": (over(r, 2, 3) * over(s, 2, 3), ["multiply(r, s)", "broadcast_to(%0, shape=(2, 3))"]),
    "rows and columns": (over(r, 3, 3) * over(thin, 3, 3), ["multiply(r, thin)"]),
    "sine of repeats": (cr.sin(over(r, 2, 3)), ["sin(r)", "broadcast_to(%0, shape=(2, 3))"]),
    "sine of repeats sunk": (cr.sin(over(r, 2, 3)) + a, ["sin(r)", "add(%0, a)"]),
    "cast of repeats": (over(r, 2, 3).astype("float32") * a.astype("float32"), None),
    "a choice of repeats": (cr.where(a > 0, over(r, 2, 3), over(s, 2, 3)), ["greater(a, 0)", "where(%0, r, s)"]),
    "repeats choose": (cr.where(over(r > 0, 2, 3), a, 1.0), ["greater(r, 0)", "where(%0, a, 1.0)"]),
    "a sum of repeats": (cr.sum(over(r, 4, 3), axis=0), ["multiply(r, 4)"]),
    "all of repeats": (
        cr.sum(over(r, 4, 3)),
        ["reshape(r, shape=(1, 3))", "sum(%0, axis=(0, 1))", "multiply(%1, 4)"],
    ),
    "sum and keep": (
        cr.sum(over(thin, 3, 5), axis=0, keepdims=True),
        ["sum(thin, axis=(0,), keepdims=True)", "broadcast_to(%0, shape=(1, 5))"],
    ),
    "a mean of repeats": (cr.mean(over(r, 4, 3), axis=0), []),
    "max of repeats": (cr.max(over(r, 4, 3)), ["reshape(r, shape=(1, 3))", "max(%0, axis=(0, 1))"]),
    "min of repeats": (cr.min(over(r, 4, 3), axis=0), []),
    "any of repeats": (cr.any(over(r > 0, 4, 3), axis=1), None),
    "all true": (cr.all(over(r > 0, 4, 3)), None),
    "empty repeats": (cr.sum(over(r, 0, 3), axis=0), ["broadcast_to(r, shape=(0, 3))", "sum(%0, axis=(0,))"]),
    # Products of matrices.
    "both turned": (a.T @ c[:2].T.mT.T.T @ b[:, :2].T.T, None),
    "AᵀBᵀ": (b.T @ a.T, ["matmul(a, b)", "matrix_transpose(%0)"]),
    "(AᵀBᵀ)ᵀ": ((b.T @ a.T).T, ["matmul(a, b)"]),
    "(AᵀB)ᵀ": ((d.T @ b).T, ["matrix_transpose(b)", "matmul(%0, d)"]),
    "(ABᵀ)ᵀ": ((a @ c.T).T, ["matrix_transpose(a)", "matmul(c, %0)"]),
    "stacks": (q.mT @ q, ["matrix_transpose(q)", "matmul(%0, q)"]),
    "Aᵀv": (b.T @ r, ["matmul(r, b)"]),
    "vAᵀ": (r @ c.T, ["matmul(c, r)"]),
    "column and row": (thin @ r.reshape(1, 3), None),
    "row and column": (r.reshape(1, 3) @ thin, ["reshape(r, shape=(1, 3))", "matmul(%0, thin)"]),
    "i,i->": (contract("i,i->", r, s), ["matmul(r, s)"]),
    "ij,j->i": (contract("ij,j->i", a, r), ["matmul(a, r)"]),
    "ij,i->j": (contract("ij,i->j", b, r), ["matmul(r, b)"]),
    "j,jk->k": (contract("j,jk->k", r, b), ["matmul(r, b)"]),
    "j,kj->k": (contract("j,kj->k", r, c), ["matmul(c, r)"]),
    "ij,jk->ik": (contract("ij,jk->ik", a, b), ["matmul(a, b)"]),
    "ij,jk->ki": (contract("ij,jk->ki", a, b), ["matmul(a, b)", "matrix_transpose(%0)"]),
    "ij,kj->ik": (contract("ij,kj->ik", a, c), ["matrix_transpose(c)", "matmul(a, %0)"]),
    "ij,kj->ki": (contract("ij,kj->ki", a, c), ["matrix_transpose(a)", "matmul(c, %0)"]),
    "ji,jk->ik": (contract("ji,jk->ik", d, b), ["matrix_transpose(d)", "matmul(%0, b)"]),
    "ji,jk->ki": (contract("ji,jk->ki", d, b), ["matrix_transpose(b)", "matmul(%0, d)"]),
    "ji,kj->ik": (contract("ji,kj->ik", b, a), ["matmul(a, b)", "matrix_transpose(%0)"]),
    "ji,kj->ki": (contract("ji,kj->ki", b, a), ["matmul(a, b)"]),
    "stacks of matrices": (contract("bij,bjk->bik", q, p), ["matmul(q, p)"]),
    "stacks, turned right": (
        contract("bij,bkj->bik", q, p.mT),
        ["matmul(q, p)"],
    ),
    "stacks, turned left": (contract("bji,bjk->bik", q.mT, p), ["matmul(q, p)"]),
    "stacks, transposes": (contract("bij,bkj->bik", q, q), ["matrix_transpose(q)", "matmul(q, %0)"]),
    "stacks of grams": (contract("bij,bik->bjk", q, q), ["matrix_transpose(q)", "matmul(%0, q)"]),
    "order in subscripts": (
        contract("bij,cbk->ijck", q, cr.permute_dims(p, (1, 0, 2))),
        ["contract(q, p, subscripts='bij,bck->ijck')"],
    ),
    "order in subscripts, left": (
        contract("ibj,bck->ijck", cr.permute_dims(q, (1, 0, 2)), p),
        ["contract(q, p, subscripts='bij,bck->ijck')"],
    ),
    "turned in subscripts": (contract("bji,bck->ijck", q.mT, p), ["contract(q, p, subscripts='bij,bck->ijck')"]),
    "turned in subscripts, right": (contract("bij,bkc->ijck", q, p.mT), ["contract(q, p, subscripts='bij,bck->ijck')"]),
    "order of the result": (
        cr.permute_dims(contract("bij,bck->ijck", q, p), (1, 0, 2, 3)),
        ["contract(q, p, subscripts='bij,bck->jick')"],
    ),
    "turned result": (contract("bij,bck->ijck", q, p).mT, ["contract(q, p, subscripts='bij,bck->ijkc')"]),
    "three, first": (contract("ji,jk,kl->il", a.T, b, c), ["contract(a, b, c, subscripts='ij,jk,kl->il')"]),
    "three, second": (contract("ij,kj,kl->il", a, b.T, c), ["contract(a, b, c, subscripts='ij,jk,kl->il')"]),
    "three, third": (contract("ij,jk,lk->il", a, b, c.T), ["contract(a, b, c, subscripts='ij,jk,kl->il')"]),
    "three, in turn": (
        contract("ij,jbk,bkl->il", a, cr.permute_dims(q, (1, 0, 2)), p),
        ["contract(a, q, p, subscripts='ij,bjk,bkl->il')"],
    ),
    "three, first in turn": (
        contract("jbk,ij,bkl->il", cr.permute_dims(q, (1, 0, 2)), a, p),
        ["contract(q, a, p, subscripts='bjk,ij,bkl->il')"],
    ),
    "three, third in turn": (
        contract("ij,bjk,kbl->il", a, q, cr.permute_dims(p, (1, 0, 2))),
        ["contract(a, q, p, subscripts='ij,bjk,bkl->il')"],
    ),
    "three, turned": (contract("ij,jk,kl->il", a, b, c).T, ["contract(a, b, c, subscripts='ij,jk,kl->li')"]),
    "three, result in turn": (
        cr.permute_dims(contract("ij,bjk,bkl->bil", a, q, p), (1, 2, 0)),
        ["contract(a, q, p, subscripts='ij,bjk,bkl->ilb')"],
    ),
    # Sums of exponentials written out.
    "softmax": (
        cr.exp(a - along(a, 1)) / cr.sum(cr.exp(a - along(a, 1)), axis=1, keepdims=True),
        ["softmax(a, axis=(1,))"],
    ),
    "softmax over all": (
        cr.exp(a - cr.max(a)) / cr.sum(cr.exp(a - cr.max(a)), axis=(0, 1), keepdims=True),
        None,
    ),
    "softmax, held": (F.softmax(a - ops.stop_gradient(along(a, 1)), axis=1), ["softmax(a, axis=(1,))"]),
    "log_softmax": (
        (a - along(a, 1)) - cr.log(cr.sum(cr.exp(a - along(a, 1)), axis=1, keepdims=True)),
        ["log_softmax(a, axis=(1,))"],
    ),
    "logsumexp": (
        cr.log(cr.sum(cr.exp(a - along(a, 1)), axis=1, keepdims=True)) + along(a, 1),
        ["logsumexp(a, axis=(1,), keepdims=True)"],
    ),
    "logsumexp, commuted": (
        along(a, 0) + cr.log(cr.sum(cr.exp(a - along(a, 0)), axis=0, keepdims=True)),
        ["logsumexp(a, axis=(0,), keepdims=True)"],
    ),
    "logsumexp, squeezed": (
        cr.log(cr.sum(cr.exp(a - along(a, 1)), axis=1)) + cr.squeeze(along(a, 1), axis=1),
        ["logsumexp(a, axis=(1,))"],
    ),
    "logsumexp, twice max": (
        cr.max(a, axis=1) + cr.log(cr.sum(cr.exp(a - along(a, 1)), axis=1)),
        ["logsumexp(a, axis=(1,))"],
    ),
    "softmax again": (cr.exp(ops.log_softmax(a, axis=-1)), ["softmax(a, axis=(1,))"]),
    "log of softmax": (cr.log(F.softmax(a, axis=1)), ["log_softmax(a, axis=(1,))"]),
    "not its maximum": (F.softmax(a - along(a, 0), axis=1), None),
}
FAST = {
    "any shift": (F.softmax(a - one, axis=1), ["softmax(a, axis=(1,))"]),
    "any shift of logs": (ops.log_softmax(a - one, axis=1), ["log_softmax(a, axis=(1,))"]),
    "shift and back": (cr.log(cr.sum(cr.exp(a - one), axis=1, keepdims=True)) + one, None),
    "back and shift": (one + cr.log(cr.sum(cr.exp(a - one), axis=1, keepdims=True)), None),
    "x−x": (cr.sum(a - a), None),
    "x³": (one**3, ["square(one)", "multiply(%0, one)"]),
    "x·x·x": (one * (one * one), ["square(one)", "multiply(%0, one)"]),
    "√": (cr.exp(one) ** 0.5, ["exp(one)", "sqrt(%0)"]),
    "constants": (2.0 * (one * 3.0) * 4.0, ["multiply(one, 24.0)"]),
}


@pytest.mark.parametrize("case", [*FORMS, *FAST])
def test_forms_of_products_shapes_and_exponentials(case):
    fast = case in FAST
    result, expected = (FAST if fast else FORMS)[case]
    graph = passes.cse(Graph(symbols, [result]))
    simpler = passes.dce(passes.simplify(graph, fast))
    check(simpler)
    whole = passes.optimize(Graph(symbols, [result]), fast)
    check(whole)
    for found in (simpler, whole):
        calls = [line.split(" = ")[1] for line in lines(found)[:-1]]
        assert expected is None or calls == expected
    rng = np.random.default_rng(0)
    point = [rng.uniform(0.2, 2.0, x.shape).astype(x.dtype) for x in symbols]
    for found in (simpler, whole):
        (before,), (after,) = run(graph, point), run(found, point)
        assert (before.shape, before.dtype) == (after.shape, after.dtype)
        np.testing.assert_allclose(after, before, 1e-12 if after.dtype != "float32" else 1e-6, 1e-15)
        for one_, other in zip(gradients_of(found, point), gradients_of(graph, point), strict=True):
            np.testing.assert_allclose(one_, other, 1e-6, 1e-7)


MOVES = ("squeeze expand", "expand expand", "twice in turn", "turned, in turn", "out of a sum", "both repeated")
MOVES += ("rows and columns", "a choice of repeats", "repeats choose", "out of powers", "max of one", "min of repeats")


@pytest.mark.parametrize("case", MOVES)
def test_rules_about_axes_keep_every_bit(case):
    graph = Graph(symbols, [FORMS[case][0]])
    rng = np.random.default_rng(0)
    for _ in range(20):
        point = [rng.choice(SPECIAL, x.shape) for x in symbols]
        assert_same_bits(run(passes.optimize(graph), point), run(graph, point))


@pytest.mark.parametrize("case", ["softmax", "log_softmax", "logsumexp", "logsumexp, squeezed"])
def test_limits_of_exponentials_written_out(case):
    """Where the formula gives a number, or NaN for NaN, it is kept; at infinities the limit comes in its place."""
    graph = Graph(symbols, [FORMS[case][0]])
    rng = np.random.default_rng(0)
    for _ in range(50):
        point = [rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, 800.0, -800.0, -2.5], x.shape) for x in symbols]
        (before,), (after,) = run(graph, point), run(passes.optimize(graph), point)
        known = ~np.isnan(before)
        np.testing.assert_allclose(after[known], before[known], 1e-15)
        absent = np.broadcast_to(np.isnan(point[3]).any(axis=1).reshape(2, *(1,) * (after.ndim - 1)), after.shape)
        assert np.isnan(after[absent]).all()


@pytest.mark.parametrize(
    "rows", [r for found in rules_by_op().values() for r in found if not re.search("=", r.pattern)]
)
def test_rules_of_numbers_one_by_one(rows):
    """Each rule that has no parameters, on its own pattern: values, and gradients, where both are plain numbers."""
    names = sorted(set(re.findall(r"\b([a-z])\b", rows.pattern)))
    shapes = {name: (3,) if rows.where in (is_matrix_and_vector,) and name == "y" else (3, 3) for name in names}
    if rows.where is is_vector_and_matrix:
        shapes["x"] = (3,)
    if rows.where is has_thin_matrices:
        shapes = {"x": (3, 1)}
    if rows.where is sums_nothing:
        shapes = {"x": (3, 1), "y": (1, 3)}
    if rows.where in (is_number_beside, is_number_before):
        shapes["y" if rows.where is is_number_beside else "x"] = ()
    truth = {"logical_not", "logical_and", "logical_or"} & set(re.findall(r"\w+", rows.pattern))
    integer = rows.where is is_integer
    inputs = {}
    known = rows.where in (constants_, absorbs_nothing)
    constants = ("c",) if rows.where is is_even else ("a", "b") if rows.where is constants_ else ("b",) * known
    for name in names:
        if name in constants:
            inputs[name] = np.full((3, 3) if rows.where is is_even else (), 1.5)[()]
        else:
            is_truth = (truth and "where" not in rows.pattern) or name == "c"
            dtype = "bool" if is_truth else "int64" if integer else "float64"
            inputs[name] = cr.symbol(name, shape=shapes[name], dtype=dtype)
    y = eval(rows.pattern, dict(vars(ops)), {**inputs, "True": True})
    taken = [x for x in inputs.values() if isinstance(x, cr.Tensor)]
    graph = Graph(taken, [y])
    simpler = passes.simplify(graph, fast=not rows.exact)
    check(simpler)
    assert lines(simpler) != lines(graph)
    rng = np.random.default_rng(0)
    point = [rng.uniform(0.2, 0.9, x.shape).astype(x.dtype) for x in taken]
    (before,), (after,) = run(graph, point), run(simpler, point)
    assert (before.shape, before.dtype) == (after.shape, after.dtype)
    np.testing.assert_allclose(after, before, 1e-13)
    if all(x.dtype == np.float64 for x in taken):
        for mine, other in zip(gradients_of(simpler, point), gradients_of(graph, point), strict=True):
            np.testing.assert_allclose(mine, other, 1e-9, 1e-12)


def sunk() -> dict[str, Any]:
    """Of each op below which repeats sink, calls on something repeated."""
    found = {}
    for name in (*ONE.split(), *TWO.split()):
        few, many = (r > 0.5, a > 0.5) if name.startswith("logical") else (r, a)
        if name in ONE:
            found[name] = getattr(ops, name)(over(few, 2, 3))
        else:
            found[f"{name}, left"] = getattr(ops, name)(over(few, 2, 3), many)
            found[f"{name}, right"] = getattr(ops, name)(many, over(few, 2, 3))
    return found


@pytest.mark.parametrize("case", sunk())
def test_repeats_sink(case):
    graph = Graph(symbols, [sunk()[case]])
    simpler = passes.optimize(graph)
    check(simpler)
    assert all(node.op.name != "broadcast_to" for node in simpler.computed[:-1])
    rng = np.random.default_rng(0)
    for _ in range(20):
        point = [rng.choice(SPECIAL, x.shape) for x in symbols]
        assert_same_bits(run(simpler, point), run(graph, point))


def test_every_rule_with_parameters_has_a_case(monkeypatch):
    fired = set()
    apply = Rule.apply

    def noted(self, *args):
        made = apply(self, *args)
        if made is not None:
            fired.add((self.pattern, self.where))
        return made

    monkeypatch.setattr(Rule, "apply", noted)
    for result, _ in (*FORMS.values(), *FAST.values(), *BITS.values(), *((result, None) for result in sunk().values())):
        for one_ in ({"fast": False}, {"fast": True}):
            passes.optimize(Graph([*symbols, x, y], [result]), **one_)
    known = {(r.pattern, r.where) for found in rules_by_op().values() for r in found if "=" in r.pattern}
    left = sorted(pattern for pattern, where in known - fired)
    assert left == []


def test_a_product_that_is_used_twice_is_made_once():
    product = b.T @ c.T
    graph = passes.optimize(Graph([b, c], [product.T, product]))
    assert [node.op.name for node in graph.computed] == ["matmul", "matrix_transpose"]
    kept = cr.sin(d).T @ b
    graph = passes.optimize(Graph([d, b], [kept.T, kept]))
    assert [node.op.name for node in graph.computed].count("matmul") == 1

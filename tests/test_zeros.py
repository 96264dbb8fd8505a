"""Structural zeros annihilate, computed zeros do not; careful walks agree with plain ones where those have no NaN."""

import math

import numpy as np
import pytest
from test_registry import RECORDS, same, smooth_problems, tensors

import chainrule as cr
from chainrule.graph.forward import forward
from chainrule.graph.gradients import RAW
from chainrule.graph.reverse import LARGE, reverse
from chainrule.graph.walk import ancestors


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_careful_walks_are_the_plain_ones(name):
    for problem in smooth_problems(name):
        point = tensors(problem.point)
        leaves = [x._node for x in point if x._node is not None]
        heads = [y for y in problem(*point) if y._node is not None]
        order = ancestors([y._node for y in heads])
        seeds = {y._node: np.cos(np.arange(y.size)).reshape(y.shape) for y in heads}
        moves = {leaf: np.cos(np.arange(np.prod(leaf.shape, dtype=int))).reshape(leaf.shape) for leaf in leaves}
        with np.errstate(all="ignore"):
            plain, _ = reverse(order, seeds, set(leaves), None, RAW, False)
            careful, sure = reverse(order, seeds, set(leaves), None, RAW, True)
            pushed = [forward(order[::-1], moves, RAW, careful) for careful in (False, True)]
        assert sure
        assert careful.keys() == plain.keys()
        same([careful[leaf] for leaf in plain], list(plain.values()))
        moved = [y._node for y in heads if y._node in pushed[0]]
        same([pushed[1][node] for node in moved], [pushed[0][node] for node in moved])


STRUCTURAL = {
    "where, through a product": (lambda x: cr.where(x > 0, x * cr.log(x), x), 0.0, 1.0),
    "where, through reshape and indexing": (
        lambda x: cr.where(x > 0, cr.reshape(cr.sqrt(x), (1, 1))[0, 0], x),
        -1.0,
        1.0,
    ),
    "an element that is not selected": (lambda x: cr.sqrt(cr.stack([x, x + 4]))[1], 0.0, 0.25),
    "the loser of a maximum": (lambda x: cr.maximum(cr.sqrt(x), 5.0) * x, 0.0, 5.0),
    "the loser of a max": (lambda x: cr.max(cr.stack([cr.sqrt(x), x + 3])), 0.0, 1.0),
    "relu that is shut": (lambda x: cr.relu(cr.sqrt(x) - 1) + x, 0.0, 1.0),
    "clip beyond its bounds": (lambda x: cr.clip(cr.log(x), -5.0, 5.0) + x, 0.0, 1.0),
    "a running sum before it": (lambda x: cr.cumsum(cr.sqrt(cr.stack([x + 1, x, x])))[0], 0.0, 0.5),
    "written over": (lambda x: cr.sum(cr.setitem(cr.sqrt(cr.stack([x, x + 1])), 0, 7.0)), 0.0, 0.5),
    "the lower triangle": (
        lambda x: cr.sum(cr.tril(cr.sqrt(cr.reshape(cr.stack([x + 1, x] * 2), (2, 2)))[:1])),
        0.0,
        0.5,
    ),
}
COMPUTED = {
    "(√x)²": (lambda x: cr.sqrt(x) ** 2, 0.0),
    "exp(log x)": (lambda x: cr.exp(cr.log(x)), 0.0),
    "tanh(atanh x)": (lambda x: cr.tanh(cr.atanh(x)), 1.0),
    "expm1(log1p x)": (lambda x: cr.expm1(cr.log1p(x)), -1.0),
}


def every_mode(f, point):
    x = cr.tensor(point, requires_grad=True)
    f(x).backward()
    s = cr.symbol("s")
    return (
        float(x.grad),
        float(cr.grad(f)(point)),
        float(cr.jvp(f, (point,), (1.0,))[1]),
        float(cr.gradients(f(s), s).eval(s=point)),
    )


@pytest.mark.parametrize("case", STRUCTURAL)
@np.errstate(all="ignore")
def test_nothing_leaks_where_nothing_flows(case):
    f, point, expected = STRUCTURAL[case]
    assert every_mode(f, point) == (expected,) * 4


@pytest.mark.parametrize("case", COMPUTED)
@np.errstate(all="ignore")
def test_a_computed_zero_times_infinity_is_unknown(case):
    f, point = COMPUTED[case]
    assert all(map(math.isnan, every_mode(f, point)))


@np.errstate(all="ignore")
def test_large_arrays_take_the_careful_walk():
    n = LARGE // 8 + 1
    values = np.linspace(-1, 1, n)
    x = cr.tensor(values, requires_grad=True)
    y = cr.sum(cr.where(x > 0, cr.sqrt(x), x) * 3)
    y.backward()
    np.testing.assert_allclose(x.grad, np.where(values > 0, 1.5 / np.sqrt(np.abs(values)), 3), rtol=1e-15)
    with pytest.raises(cr.GradientError, match="were freed by the backward"):
        y.backward()


@np.errstate(all="ignore")
def test_a_nan_before_the_first_large_array_restarts_the_walk():
    n = LARGE // 8 + 1
    x = cr.tensor(np.ones(n), requires_grad=True)
    s = cr.sum(x) - n
    cr.where(s > 0, cr.sqrt(s), 2 * s).backward()
    np.testing.assert_array_equal(x.grad, np.full(n, 2.0))


def test_masking_in_place_spares_what_others_hold():
    n = LARGE // 8 + 1
    values = np.linspace(-1, 1, n)
    seed = cr.tensor(np.ones(n))
    x = cr.tensor(values, requires_grad=True)
    h = x * 1.0
    h.retain_grad()
    (cr.relu(h) + h).backward(seed)
    np.testing.assert_array_equal(seed, np.ones(n))
    np.testing.assert_array_equal(h.grad, 1.0 + (values > 0))
    np.testing.assert_array_equal(x.grad, 1.0 + (values > 0))


def test_a_walk_frees_only_what_it_walked():
    n = LARGE // 8 + 1
    x = cr.tensor(np.ones(n), requires_grad=True)
    h = cr.exp(x)
    cr.sum(h * h).backward(inputs=[h])
    cr.sum(h).backward()
    np.testing.assert_array_equal(x.grad, np.exp(np.ones(n)))

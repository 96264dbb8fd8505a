"""Every transform inside every other, three deep: on Tensors and on symbols, over trees, with argnums and aux.

Each transform here is linear in the function it is given, so that what a nest of them gives is a sum of partial
derivatives of one function at shifted points. These sums are kept by their own arithmetic, and the derivatives in them
are mpmath's, of functions written again for it.
"""

import functools
import itertools
from collections import Counter
from typing import Any

import mpmath
import numpy as np
import pytest

import chainrule as cr

POINT = (0.4, -0.3)
SHIFTS = (0.0, 0.25)
WEIGHTS = np.array([[0.5, -1.0], [0.75, 0.25]])


# ------------------------------------------------------------------------ two functions of a tree, and of mpmath's


def product(k, x):
    return cr.sin(x["a"] * x["b"][0] + k) * cr.exp(x["a"] / (1 + x["b"][0] ** 2))


def product_again(a, b):
    return mpmath.sin(a * b + 1) * mpmath.exp(a / (1 + b**2))


def layers(k, x):
    hidden = cr.tanh(WEIGHTS @ cr.concat([cr.expand_dims(x["a"], 0), x["b"]]) + k)
    return cr.logsumexp(cr.stack([hidden[0] * hidden[1], hidden[1] ** 2])) + cr.sum(hidden)


def layers_again(a, b):
    p, q = (mpmath.tanh(mpmath.mpf(w[0]) * a + mpmath.mpf(w[1]) * b + 1) for w in WEIGHTS.tolist())
    return mpmath.log(mpmath.exp(p * q) + mpmath.exp(q * q)) + p + q


FUNCTIONS = {product: product_again, layers: layers_again}


@functools.cache
def partial(f, shift, orders):
    with mpmath.workdps(60):
        at = [mpmath.mpf(x) + mpmath.mpf(shift) for x in POINT]
        return float(mpmath.diff(FUNCTIONS[f], tuple(at), orders) if any(orders) else FUNCTIONS[f](*at))


# ----------------------------------------------------------------- what is expected: arrays of sums of derivatives


def term(shift=0.0, orders=(0, 0)):
    return Counter({(shift, orders): 1.0})


def along(i, sums):
    found = Counter()
    for (shift, orders), c in sums.items():
        found[shift, (orders[0] + (i == 0), orders[1] + (i == 1))] += c
    return found


def total(pairs):
    found = Counter()
    for weight, sums in pairs:
        for key, c in sums.items():
            found[key] += weight * c
    return found


def each(function, sums, *shape):
    """An array of objects: what the function gives for each element, at the end."""
    found = np.empty((*sums.shape, *shape), object)
    for index in np.ndindex(found.shape):
        found[index] = function(sums[index[: sums.ndim]], *index[sums.ndim :])
    return found


def shifted(sums, by):
    return Counter({(shift + by, orders): c for (shift, orders), c in sums.items()})


def cotangent(shape):
    return np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape)


def weighted(sums):
    single = np.empty((), object)
    single[()] = total(zip(cotangent(sums.shape).ravel(), sums.ravel(), strict=True))
    return single


def gradients_of(sums):
    return each(lambda one, i: along(i, one), sums, 2)


def moved(sums):
    return each(lambda one: total([(0.5, along(0, one)), (-2.0, along(1, one))]), sums)


# ------------------------------------------------------------------------------------------------ the transforms

MOVE = {"a": 0.5, "b": np.array([-2.0])}


def packed(tree):
    """The parts of a derivative with respect to a tree, side by side."""
    return cr.stack([tree["a"], tree["b"][..., 0]], axis=-1)


def with_aux(f):
    def both(k, x):
        return f(k, x), {"aux": 2 * x["a"]}

    return both


def checked(result, x) -> Any:
    """The result of a transform that hands on what with_aux returns beside, which is looked at."""
    *found, aux = result
    assert cr.Spec(aux["aux"].shape, aux["aux"].dtype) == cr.Spec(x["a"].shape, x["a"].dtype)
    return found[0] if len(found) == 1 else found


def scalar(f):
    def weigh(k, x):
        y = f(k, x)
        return cr.sum(y * cotangent(y.shape))

    return weigh


def grad(f):
    return lambda k, x: packed(checked(cr.grad(with_aux(scalar(f)), 1, has_aux=True)(k, x), x))


def vjp(f):
    def pulled(k, x):
        y, pullback = checked(cr.vjp(lambda one: with_aux(f)(k, one), x, has_aux=True), x)
        return packed(pullback(cr.asarray(cotangent(y.shape)))[0])

    return pulled


def jvp(f):
    def pushed(k, x):
        return checked(cr.jvp(lambda one: with_aux(f)(k, one), (x,), (MOVE,), has_aux=True), x)[1]

    return pushed


def linearize(f):
    def pushed(k, x):
        return checked(cr.linearize(lambda one: with_aux(f)(k, one), x, has_aux=True), x)[1](MOVE)

    return pushed


def jacobian(mode):
    def transform(f):
        return lambda k, x: packed(checked(cr.jacobian(with_aux(f), 1, mode, has_aux=True)(k, x), x))

    return transform


def hessian(f):
    def transform(k, x):
        rows = checked(cr.hessian(with_aux(scalar(f)), 1, has_aux=True)(k, x), x)
        return cr.stack([packed(rows["a"]), packed({"a": rows["b"]["a"][0], "b": rows["b"]["b"][0]})])

    return transform


def vmap(f):
    def transform(k, x):
        xs = {"a": x["a"] + np.array(SHIFTS), "b": x["b"] + np.array(SHIFTS)[:, None]}
        return cr.vmap(f, (None, 0))(k, xs)

    return transform


def custom_rule(f):
    return cr.custom_rule(f, vjp=lambda k, x: cr.vjp(f, k, x))


def custom_jvp(f):
    return cr.custom_rule(f, jvp=lambda primals, tangents: cr.jvp(f, primals, tangents))


TRANSFORMS = {
    "grad": (grad, lambda s: gradients_of(weighted(s))),
    "vjp": (vjp, lambda s: gradients_of(weighted(s))),
    "jvp": (jvp, moved),
    "linearize": (linearize, moved),
    "jacobian": (jacobian("forward"), gradients_of),
    "jacobian reverse": (jacobian("reverse"), gradients_of),
    "hessian": (hessian, lambda s: gradients_of(gradients_of(weighted(s)))),
    "vmap": (vmap, lambda s: np.stack([each(functools.partial(shifted, by=by), s) for by in SHIFTS])),
    "checkpoint": (cr.checkpoint, lambda s: s),
    "custom_rule": (custom_rule, lambda s: s),
    "custom_rule of jvp": (custom_jvp, lambda s: s),
}


def expected_of(f, names):
    sums = np.empty((), object)
    sums[()] = term()
    for name in reversed(names):
        sums = TRANSFORMS[name][1](sums)
    return each(lambda one: sum(c * partial(f, *key) for key, c in one.items()), sums).astype(float)


def nest(f, names):
    for name in reversed(names):
        f = TRANSFORMS[name][0](f)
    return f


def eagerly(f):
    return f(cr.tensor(1.0), {"a": cr.tensor(POINT[0]), "b": cr.tensor(POINT[1:])}).numpy()


def symbolically(f):
    a, b = cr.symbol("a"), cr.symbol("b", shape=(1,))
    return cr.function([a, b], f(cr.tensor(1.0), {"a": a, "b": b}))(POINT[0], np.array(POINT[1:])).numpy()


def compare(f, names, run):
    np.testing.assert_allclose(run(nest(f, names)), expected_of(f, names), 1e-9, 1e-9, err_msg=" of ".join(names))


WAYS = {"eager": eagerly, "symbolic": symbolically}
LESS = tuple(name for name in TRANSFORMS if name not in ("jacobian reverse", "custom_rule of jvp"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_pairs(f, way):
    for depth in (1, 2):
        for names in itertools.product(TRANSFORMS, repeat=depth):
            compare(f, names, WAYS[way])


@pytest.mark.parametrize("outermost", TRANSFORMS)
def test_triples(outermost):
    for names in itertools.product(TRANSFORMS, repeat=2):
        compare(product, (outermost, *names), eagerly)


@pytest.mark.parametrize("outermost", LESS)
def test_triples_of_symbols(outermost):
    for names in itertools.product(LESS, repeat=2):
        compare(product, (outermost, *names), symbolically)


# ------------------------------------------------------------------------ what runs of transforms leave behind


def test_a_mapped_pullback_is_differentiable_in_its_cotangents():
    x = np.array([0.1, 0.2])
    _, pullback = cr.vjp(cr.sin, cr.tensor(x))
    _, push = cr.linearize(cr.sin, cr.tensor(x))
    for linear in (lambda g: pullback(g)[0], push):
        found = cr.grad(lambda gs, linear=linear: cr.sum(cr.vmap(linear)(gs)))(cr.ones((3, 2)))
        np.testing.assert_allclose(found.numpy(), np.tile(np.cos(x), (3, 1)), 1e-14)
        assert not cr.grad(lambda g, linear=linear: cr.sum(linear(g)))(cr.ones(2)).requires_grad


def test_nothing_is_recorded_of_samples_under_no_grad():
    x = cr.tensor([0.1, 0.2], requires_grad=True)
    with cr.no_grad():
        found = [
            cr.vmap(cr.grad(cr.sin))(x),
            cr.vmap(lambda one: cr.vjp(cr.sin, one)[0])(x),
            cr.vmap(lambda one: cr.jvp(cr.sin, (one,), (1.0,))[1])(x),
            cr.vmap(cr.vmap(cr.grad(cr.sin)))(cr.stack([x, x])),
        ]
    assert not any(y.requires_grad for y in found)
    assert cr.vmap(cr.grad(cr.sin))(x).requires_grad


def test_constants_among_symbols_stay_constants():
    x = cr.symbol("x", shape=(2,))

    def f(k, x):
        return cr.sum(cr.sin(cr.exp(k) * x))

    k, point = np.array(0.5), np.array([0.1, 0.2])
    found = cr.grad(f, (0, 1))(cr.tensor(k), x)
    for y in (*found, cr.vjp(f, cr.tensor(k), x)[0], cr.jvp(f, (cr.tensor(k), x), (1.0, x))[1]):
        assert not cr.Graph([x], [y]).tracked
    a = np.exp(k)
    values = cr.function([x], list(found))(point)
    np.testing.assert_allclose(values[0].numpy(), np.sum(np.cos(a * point) * a * point), 1e-14)
    np.testing.assert_allclose(values[1].numpy(), np.cos(a * point) * a, 1e-14)
    y = cr.grad(f, (0, 1))(cr.tensor(k, requires_grad=True), x)[1]
    assert cr.Graph([x], [y]).tracked

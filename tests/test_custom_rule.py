"""Rules of one's own against the function's, in every transform; linear_transpose; checkpoint; every mistake."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError
from chainrule.testing import check_gradients, check_rule
from chainrule.tree import flatten


def plain(x, p):
    """Two results of a tree, one of them an integer."""
    return {"y": cr.sin(x) * p["b"], "n": cr.argmax(x), "z": cr.sum(x * x) * p["b"]}


def pull(x, p):
    s, square = cr.sin(x), cr.sum(x * x)

    def pullback(g):
        x_bar = g["y"] * cr.cos(x) * p["b"] + 2 * x * g["z"] * p["b"]
        return x_bar, {"b": cr.sum(g["y"] * s) + g["z"] * square}

    return {"y": s * p["b"], "n": cr.argmax(x), "z": square * p["b"]}, pullback


def push(primals, tangents):
    (x, p), (t, q) = primals, tangents
    s, square = cr.sin(x), cr.sum(x * x)
    moved = {
        "y": cr.cos(x) * t * p["b"] + s * q["b"],
        "n": cr.zeros((), dtype="int64"),
        "z": 2 * cr.sum(x * t) * p["b"] + square * q["b"],
    }
    return {"y": s * p["b"], "n": cr.argmax(x), "z": square * p["b"]}, moved


RULES = [
    pytest.param(cr.custom_rule(plain, vjp=pull), id="vjp"),
    pytest.param(cr.custom_rule(plain, jvp=push), id="jvp"),
    pytest.param(cr.custom_rule(vjp=pull, jvp=push)(plain), id="both"),
]
X, P = np.array([0.3, -0.4, 1.5]), {"b": np.float64(2.0)}


def loss(f):
    def scalar(x, p):
        out = f(x, p)
        return cr.sum(out["y"] ** 2) + cr.exp(out["z"] * 0.1)

    return scalar


def leaves(tree):
    return [x.numpy() for x in flatten(tree)[0]]


@pytest.mark.parametrize("f", RULES)
def test_rules_work_in_every_transform(f):
    own, known = loss(f), loss(plain)
    pairs = np.stack([X, X + 1, X - 1])
    calls = [
        lambda f: f(X, P),
        lambda f: cr.value_and_grad(f, (0, 1))(X, P),
        lambda f: cr.jvp(f, (X, P), (X, P)),
        lambda f: cr.hessian(f, (0, 1))(X, P),
        lambda f: cr.jacobian(cr.grad(f), mode="reverse")(X, P),
        lambda f: cr.grad(lambda x: cr.sum(cr.grad(f)(x, P) ** 2))(X),
        lambda f: cr.vmap(f, (0, None))(pairs, P),
        lambda f: cr.vmap(cr.grad(f, (0, 1)), (0, None))(pairs, P),
        lambda f: cr.vmap(cr.hessian(f), (0, None))(pairs, P),
        lambda f: cr.grad(lambda x, p: cr.sum(cr.vmap(f, (0, None))(x, p)), (0, 1))(pairs, P),
        lambda f: cr.jvp(lambda x, p: cr.vmap(f, (0, None))(x, p), (pairs, P), (pairs, P)),
        lambda f: cr.grad(lambda x: cr.sum(cr.vmap(cr.grad(f), (0, None))(x, P) ** 2))(pairs),
        lambda f: cr.linearize(lambda x: f(x, P), X)[1](X),
    ]
    for call in calls:
        for one, other in zip(leaves(call(own)), leaves(call(known)), strict=True):
            np.testing.assert_allclose(one, other, 1e-11, 1e-12)
    check_gradients(own, X, P)
    check_rule(f, X, P)


@pytest.mark.parametrize("f", RULES)
def test_rules_work_on_symbols(f):
    x, b = cr.symbol("x", shape=(3,)), cr.symbol("b", shape=())
    y = loss(f)(x, {"b": b})
    g = cr.gradients(y, [x, b])
    h = cr.gradients(cr.sum(g[0]), x)
    program = cr.function([x, b], [y, *g, h])
    expected = [
        loss(plain)(cr.asarray(X), P),
        *leaves(cr.grad(loss(plain), (0, 1))(X, P)),
        cr.hessian(loss(plain))(X, P).numpy().sum(0),
    ]
    for point in (X, X + 1, X):
        found = program(point, 2.0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), np.asarray(other), 1e-12)


def test_the_rule_is_used():
    odd = cr.custom_rule(lambda x: x, vjp=lambda x: (x, lambda g: (7 * g,)))
    assert cr.grad(odd)(1.0).item() == 7.0
    assert cr.jvp(odd, (1.0,), (1.0,))[1].item() == 7.0
    assert cr.vmap(cr.grad(odd))(np.ones(2)).tolist() == [7.0, 7.0]
    x = cr.tensor(1.0, requires_grad=True)
    (odd(x) * 3).backward()
    assert x.grad.item() == 21.0
    assert not odd(1.0).requires_grad
    none = cr.custom_rule(lambda x, y: x * y, vjp=lambda x, y: (x * y, lambda g: (g * y, None)))
    assert [g.item() for g in cr.grad(none, (0, 1))(2.0, 3.0)] == [3.0, 0.0]


def test_residuals_are_computed_once():
    calls = []

    def rule(x):
        calls.append(1)
        e = cr.exp(x)
        return e, lambda g: (g * e,)

    f = cr.custom_rule(lambda x: cr.exp(x), vjp=rule)
    _, pullback = cr.vjp(f, 0.0)
    assert (pullback(1.0)[0].item(), pullback(2.0)[0].item()) == (1.0, 2.0)
    assert len(calls) == 1


def test_static_arguments():
    @cr.custom_rule(vjp=lambda n, x, s: (x**n, lambda g: (None, g * n * x ** (n - 1), None)), static=(0, -1))
    def power(n, x, s):
        assert s == "name"
        return x**n

    assert cr.grad(power, 1)(3, 2.0, "name").item() == 12.0
    assert cr.grad(cr.grad(power, 1), 1)(3, 2.0, "name").item() == 12.0
    forward = cr.custom_rule(lambda n, x: x**n, jvp=lambda x, t: (x[1] ** x[0], x[0] * x[1] * t[1]), static=0)
    assert cr.grad(forward, 1)(2, 3.0).item() == 6.0


def test_complex_numbers():
    f = cr.custom_rule(
        lambda z: z * z * cr.conj(z),
        jvp=lambda z, t: (z[0] * z[0] * cr.conj(z[0]), 2 * z[0] * cr.conj(z[0]) * t[0] + z[0] ** 2 * cr.conj(t[0])),
    )
    check_rule(f, np.array([0.3 + 0.4j, -1.0 + 0.2j]))


# ----------------------------------------------------------------------------------------------- linear_transpose

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]])


def test_linear_transpose():
    def f(x, p):
        return {"y": cr.asarray(A) @ x + p["b"] * 2, "z": [-x[::-1]]}

    transposed = cr.linear_transpose(f, cr.Spec((3,), "float64"), {"b": cr.Spec((), "float64")})
    g = {"y": np.array([1.0, -2.0]), "z": [np.array([1.0, 2.0, 3.0])]}
    x, p = transposed(g)
    np.testing.assert_allclose(x.numpy(), A.T @ g["y"] - g["z"][0][::-1])
    assert p["b"].item() == -2.0
    z = cr.linear_transpose(lambda z: (2 + 1j) * z, np.zeros(2, complex))(np.array([1.0, 1j]))[0]
    assert z.tolist() == [2 + 1j, -1 + 2j]
    assert cr.linear_transpose(lambda x: cr.astype(x, "float32"), 1.0)(2.0)[0].dtype == np.float64


def test_linear_transpose_in_other_transforms():
    w = cr.tensor(A, requires_grad=True)
    spec = cr.Spec((3,), "float64")
    cr.linear_transpose(lambda x: w @ x, spec)(np.array([1.0, 2.0]))[0].sum().backward()
    assert w.grad.tolist() == [[1.0] * 3, [2.0] * 3]
    mapped = cr.vmap(lambda a: cr.linear_transpose(lambda x: a * x, spec)(cr.ones(3))[0])(A)
    np.testing.assert_allclose(mapped.numpy(), A)
    slope = cr.grad(lambda a: cr.linear_transpose(lambda x: a**2 * x, 1.0)(1.0)[0])(3.0)
    assert slope.item() == 6.0


# ------------------------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        pytest.param(
            DTypeError,
            "[custom_rule] neither vjp nor jvp was given; expected a rule; write e.g. custom_rule(f, vjp=lambda x: "
            "(f(x), lambda g: (g * slope(x),))).",
            lambda: cr.custom_rule(cr.sin),
            id="no rule",
        ),
        pytest.param(
            DTypeError,
            "[<lambda>] the vjp rule returned Tensor; expected a pair (output, pullback), as vjp gives it; return y, "
            "lambda g: (…,) with one cotangent for each argument.",
            lambda: cr.grad(cr.custom_rule(lambda x: x, vjp=lambda x: x))(1.0),
            id="vjp form",
        ),
        pytest.param(
            DTypeError,
            "[<lambda>] the jvp rule returned 3 values; expected a pair (output, tangent), as jvp gives it; return "
            "y, t.",
            lambda: cr.jvp(cr.custom_rule(lambda x: x, jvp=lambda x, t: (x, x, t)), (1.0,), (1.0,)),
            id="jvp form",
        ),
        pytest.param(
            ShapeError,
            "[<lambda>] the pullback returned 2 values for 1 arguments; expected a tuple with one cotangent for each, "
            "None where nothing flows.",
            lambda: cr.grad(cr.custom_rule(lambda x: x, vjp=lambda x: (x, lambda g: (g, g))))(1.0),
            id="cotangents",
        ),
        pytest.param(
            ShapeError,
            "[<lambda>] the pullback's cotangent 0 is a tree [*, *], and argument 0 *; expected the same tree; give "
            "one array for each *, or None where nothing flows.",
            lambda: cr.grad(cr.custom_rule(lambda x: x, vjp=lambda x: (x, lambda g: ([g, g],))))(1.0),
            id="cotangent tree",
        ),
        pytest.param(
            ShapeError,
            "[<lambda>] the rule's cotangent of argument 0 has shape (), and the argument (2,); expected equal shapes; "
            "sum over what was broadcast.",
            lambda: cr.grad(cr.custom_rule(lambda x: cr.sum(x), vjp=lambda x: (cr.sum(x), lambda g: (g,))))(np.ones(2)),
            id="cotangent shape",
        ),
        pytest.param(
            ShapeError,
            "[<lambda>] the jvp rule's tangents are () and its outputs (2,); expected equal shapes; give one tangent "
            "for each output.",
            lambda: cr.jvp(cr.custom_rule(lambda x: x, jvp=lambda x, t: (x[0], 1.0)), (np.ones(2),), (np.ones(2),)),
            id="tangent shape",
        ),
        pytest.param(
            DomainError,
            "[linear_transpose] the function is not linear: its derivative depends on its argument; expected a linear "
            "function; use vjp for the derivative at a point.",
            lambda: cr.linear_transpose(cr.sin, 1.0),
            id="not linear",
        ),
        pytest.param(
            DomainError,
            "[linear_transpose] the function is not linear: output 0 is not 0 where its arguments are; expected a "
            "linear function; subtract f(0), or use vjp.",
            lambda: cr.linear_transpose(lambda x: x + 1, 1.0),
            id="affine",
        ),
        pytest.param(
            ShapeError,
            "[linear_transpose] cotangent 0 has shape (2,) and its output (); expected equal shapes; broadcast it with "
            "broadcast_to(g, ()).",
            lambda: cr.linear_transpose(lambda x: -x, 1.0)(np.ones(2)),
            id="transpose shape",
        ),
        pytest.param(
            ShapeError,
            "[linear_transpose] the cotangent is a tree (*, *), and the output *; expected the same tree; give one "
            "array for each *.",
            lambda: cr.linear_transpose(lambda x: -x, 1.0)((1.0, 2.0)),
            id="transpose tree",
        ),
        pytest.param(
            DTypeError,
            "[linear_transpose] cotangent 0 is complex128 and its output float64; expected a real cotangent for a real "
            "output; take g.real.",
            lambda: cr.linear_transpose(lambda x: -x, 1.0)(1j),
            id="transpose dtype",
        ),
        pytest.param(
            DTypeError,
            "[check_rule] 'sin' has no rules of its own; expected what custom_rule returned; use check_gradients for "
            "other functions.",
            lambda: check_rule(cr.sin, 1.0),
            id="check_rule",
        ),
        pytest.param(
            GradientError,
            "[check_rule] the jvp rule gives the value 2.0, and the function 1.0; expected equal values; correct the "
            "first of the two things that the rule returns.",
            lambda: check_rule(cr.custom_rule(lambda x: x, jvp=lambda x, t: (2 * x[0], t[0])), 1.0),
            id="value of a rule",
        ),
    ],
)
def test_mistakes(error, message, call):
    assert_message(error, message, call)


CLOSED = cr.tensor(2.0, requires_grad=True)


@pytest.mark.parametrize("rule", [{"vjp": lambda x: (x, lambda g: (g,))}, {"jvp": lambda x, t: (x[0], t[0])}])
def test_what_is_closed_over_is_refused(rule):
    f = cr.custom_rule(lambda x: x * CLOSED, **rule)
    message = (
        "[<lambda>] the result depends on a Tensor that requires a gradient and is no argument, so that no rule knows "
        "of it; expected all of them as arguments; pass it, or detach() it."
    )
    assert_message(GradientError, message, lambda: f(1.0))
    assert_message(GradientError, message, lambda: f(cr.symbol("x", shape=())))
    assert_message(GradientError, message, lambda: cr.vmap(lambda w: cr.vmap(f)(cr.ones(2)) * w)(np.ones(2)))


def test_wrong_rules_are_found():
    with pytest.raises(GradientError, match="check_gradients"):
        check_rule(cr.custom_rule(lambda x: x**2, vjp=lambda x: (x**2, lambda g: (g * x,))), 3.0)
    both = cr.custom_rule(
        lambda x: x**2, vjp=lambda x: (x**2, lambda g: (g * 2 * x,)), jvp=lambda x, t: (x[0] ** 2, x[0] * t[0])
    )
    with pytest.raises(GradientError, match="check_gradients"):
        check_rule(both, 3.0)

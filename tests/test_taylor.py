"""Taylor coefficients against mpmath's, against nested derivatives on random programs, and inside other transforms."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from mpmath import mp
from programs import Program, programs

import chainrule as cr
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError


def matrix(x):
    return cr.stack([cr.stack([x, x * 0 + 0.5]), cr.stack([x * 0 + 0.5, 1 - x])])


FUNCTIONS = {
    "exp": (cr.exp, mp.exp, 0.3),
    "log": (cr.log, mp.log, 1.3),
    "sin": (cr.sin, mp.sin, 0.3),
    "tan": (cr.tan, mp.tan, 0.3),
    "tanh": (cr.tanh, mp.tanh, 0.3),
    "asin": (cr.asin, mp.asin, 0.3),
    "sqrt": (cr.sqrt, mp.sqrt, 1.3),
    "power": (lambda x: x**2.5, lambda x: x**2.5, 1.3),
    "base": (lambda x: 2.0**x, lambda x: 2**x, 1.3),
    "x to the x": (lambda x: x**x, lambda x: x**x, 1.3),
    "division": (lambda x: cr.exp(cr.sin(x)) / (1 + x * x), lambda x: mp.exp(mp.sin(x)) / (1 + x * x), 0.3),
    "reciprocal": (lambda x: 3 / (x / 2), lambda x: 6 / x, 1.3),
    "erf": (cr.special.erf, mp.erf, 0.3),
    "gamma": (cr.special.gamma, mp.gamma, 1.3),
    "gammaln": (cr.special.gammaln, mp.loggamma, 1.3),
    "bessel": (cr.special.j0, mp.j0, 0.7),
    "expit": (cr.special.expit, lambda x: 1 / (1 + mp.exp(-x)), 0.3),
    "logaddexp": (lambda x: cr.logaddexp(x, 0.0), lambda x: mp.log(1 + mp.exp(x)), 0.3),
    "hypot": (lambda x: cr.hypot(x, 2.0), lambda x: mp.sqrt(x * x + 4), 0.3),
    "atan2": (lambda x: cr.atan2(x, 1 + x * x), lambda x: mp.atan(x / (1 + x * x)), 0.3),
    "logsumexp": (lambda x: cr.logsumexp(cr.stack([x, x * x])), lambda x: mp.log(mp.exp(x) + mp.exp(x * x)), 0.3),
    "softmax": (lambda x: cr.special.softmax(cr.stack([x, 2 * x]))[0], lambda x: 1 / (1 + mp.exp(x)), 0.3),
    "norm": (lambda x: cr.linalg.vector_norm(cr.stack([x, x + 1])), lambda x: mp.sqrt(x * x + (x + 1) ** 2), 0.3),
    "prod": (lambda x: cr.prod(cr.stack([x, x + 1, cr.sin(x)])), lambda x: x * (x + 1) * mp.sin(x), 0.3),
    "inverse": (lambda x: cr.linalg.inv(matrix(x))[0, 0], lambda x: (1 - x) / (x * (1 - x) - mp.mpf(1) / 4), 0.2),
    "eigenvalue": (lambda x: cr.linalg.eigh(matrix(x))[0][0], lambda x: (1 - mp.sqrt((2 * x - 1) ** 2 + 1)) / 2, 0.3),
    "matmul": (lambda x: (matrix(x) @ matrix(x))[0, 1], lambda x: mp.mpf(1) / 2 + 0 * x, 0.3),
    "where": (lambda x: cr.where(x > 0, x**3, -x), lambda x: x**3, 0.3),
    "floor": (lambda x: cr.floor(x) * x, lambda x: 2 * x, 2.3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_known_series(name):
    ours, known, x = FUNCTIONS[name]
    with mpmath.workdps(40):
        expected = [float(c) for c in mpmath.taylor(known, mpmath.mpf(x), 10)]
    found = [c.item() for c in cr.taylor(ours, x, 1.0, 10)]
    np.testing.assert_allclose(found, expected, 1e-12, 1e-13)


@settings(max_examples=25)
@given(programs())
def test_coefficients_are_nested_derivatives(program: Program):
    inputs = program.inputs()
    moves = [np.cos(1.0 + np.arange(x.size)).reshape(x.shape) for x in inputs]

    def run(*x):
        return program.run(cr, *x)

    found = cr.taylor(lambda x: run(*x), inputs, moves, 3)

    def along(h):
        return run(*(x + h * v for x, v in zip(inputs, moves, strict=True)))

    derivative, factorial = along, 1.0
    for k, c in enumerate(found):
        factorial *= max(k, 1)
        np.testing.assert_allclose(c.item() * factorial, derivative(cr.asarray(0.0)).item(), 1e-9, 1e-9)
        derivative = (lambda f: lambda h: cr.jvp(f, (h,), (1.0,))[1])(derivative)


def test_trees_and_other_transforms():
    found = cr.taylor(
        lambda p: {"y": p["a"] * p["b"], "one": cr.ones(2)}, {"a": 2.0, "b": 3.0}, {"a": 1.0, "b": 10.0}, 3
    )
    assert [c["y"].item() for c in found] == [6.0, 23.0, 10.0, 0.0]
    assert [c["one"].tolist() for c in found] == [[1.0, 1.0]] + [[0.0, 0.0]] * 3
    third = cr.grad(lambda x: cr.taylor(cr.sin, x, 1.0, 3)[3])(0.4)
    np.testing.assert_allclose(third.item(), np.sin(0.4) / 6, 1e-14)
    xs = np.array([0.3, 0.9])
    mapped = cr.vmap(lambda x: cr.taylor(lambda y: cr.exp(y) * x, x, 1.0, 2)[2])(xs)
    np.testing.assert_allclose(mapped.numpy(), xs * np.exp(xs) / 2, 1e-14)
    w = cr.tensor(3.0, requires_grad=True)
    cr.taylor(lambda x: cr.exp(w * x), 0.0, 1.0, 4)[4].backward()
    np.testing.assert_allclose(w.grad.item(), 4 * 27 / 24, 1e-14)
    inner = cr.taylor(cr.grad(lambda x: x**5), 1.0, 1.0, 2)
    assert [c.item() for c in inner] == [5.0, 20.0, 30.0]
    single = cr.taylor(cr.sin, np.ones(2, np.float32), np.ones(2), 4)
    assert {c.dtype for c in single} == {np.dtype("float32")}
    z = cr.taylor(cr.exp, 1j, 1.0, 3)
    np.testing.assert_allclose(z[3].item(), np.exp(1j) / 6)


def test_orders_and_depth():
    assert [c.item() for c in cr.taylor(cr.exp, 0.0, 1.0, 0)] == [1.0]
    high = [c.item() for c in cr.taylor(lambda x: 1 / (1 - x), 0.0, 1.0, 60)]
    np.testing.assert_allclose(high, 1.0)

    def deep(x):
        for _ in range(3000):
            x = cr.sin(x) + 0.1 * x
        return x

    assert np.isfinite(cr.taylor(deep, 0.3, 1.0, 2)[2].item())


def by_scan(x):
    last, rows = cr.scan(lambda c, a: (cr.sin(c * a) + x, c**2), x, cr.tensor([0.5, 1.0, 1.5]))
    return last + cr.sum(rows)


def by_hand(x):
    c, total = x, 0.0
    for a in (0.5, 1.0, 1.5):
        c, total = cr.sin(c * a) + x, total + c**2
    return c + total


def growing(x):
    return cr.while_loop(lambda c: c < 5.0, lambda c: c * c + x, x)


def chosen(x):
    return cr.cond(x > 0, lambda x: cr.sin(x) * x, cr.cos, x)


S = cr.symbol("s")
CALLED = cr.Graph([S], [cr.exp(S) * S])
PROGRAMS = {
    "scan": (by_scan, by_hand),
    "fori_loop": (
        lambda x: cr.fori_loop(0, 3, lambda i, c: c * x + i, x),
        lambda x: ((x * x + 0) * x + 1) * x + 2,
    ),
    "while_loop": (growing, lambda x: (x * x + x) * (x * x + x) + x),
    "cond": (chosen, lambda x: cr.sin(x) * x),
    "call": (lambda x: cr.sin(CALLED(x)), lambda x: cr.sin(cr.exp(x) * x)),
    "gradient of a scan": (cr.grad(by_scan), cr.grad(by_hand)),
    "scan of choices": (
        lambda x: cr.scan(lambda c, _: (cr.cond(c > 1.5, lambda c: c * x, lambda c: c + x, c), None), x, None, 3)[0],
        lambda x: (x + x) * x * x,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_loops_choices_and_calls(name):
    program, plain = PROGRAMS[name]
    x, v, order = 1.1, 0.7, 4
    expected = np.array([c.item() for c in cr.taylor(plain, x, v, order)])
    found = cr.taylor(program, x, v, order)
    np.testing.assert_allclose([c.item() for c in found], expected, 1e-12)
    symbol = cr.symbol()
    symbolic = cr.function([symbol], cr.taylor(program, symbol, v, order))(x)
    np.testing.assert_allclose([c.item() for c in symbolic], expected, 1e-12)
    mapped = cr.vmap(lambda x: cr.stack(cr.taylor(program, x, v, order)))(np.array([x, x + 0.01]))
    np.testing.assert_allclose(mapped.numpy()[0], expected, 1e-12)
    slope = cr.grad(lambda x: cr.taylor(program, x, 1.0, order)[order - 1])(x).item()
    np.testing.assert_allclose(slope, order * cr.taylor(plain, x, 1.0, order)[order].item(), 1e-11)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        pytest.param(
            DomainError,
            "[taylor] the order is -1; expected an integer that is not negative; give e.g. 3.",
            lambda: cr.taylor(cr.sin, 1.0, 1.0, -1),
            id="order",
        ),
        pytest.param(
            ShapeError,
            "[taylor] v is a tree (*, *), and x *; expected the same tree; give one array for each *.",
            lambda: cr.taylor(cr.sin, 1.0, (1.0, 1.0), 1),
            id="tree",
        ),
        pytest.param(
            ShapeError,
            "[taylor] leaf 0 of v has shape (2,), and of x (); expected equal shapes; broadcast it with "
            "broadcast_to(v, ()).",
            lambda: cr.taylor(cr.sin, 1.0, np.ones(2), 1),
            id="shape",
        ),
        pytest.param(
            DTypeError,
            "[taylor] leaf 0 of x is int64[]; only floating-point and complex values can move; convert it, e.g. 2.0 "
            "instead of 2.",
            lambda: cr.taylor(cr.sin, 1, 1.0, 1),
            id="integer",
        ),
        pytest.param(
            DTypeError,
            "[taylor] the function returned a float as output 0; expected a Tensor; wrap a constant in "
            "chainrule.tensor(...).",
            lambda: cr.taylor(lambda x: 1.0, 1.0, 1.0, 1),
            id="output",
        ),
        pytest.param(
            DTypeError,
            "[taylor] abs is not analytic in complex numbers; expected real ones; take x.real.",
            lambda: cr.taylor(cr.abs, 1j, 1.0, 1),
            id="analytic",
        ),
        pytest.param(
            GradientError,
            "[taylor] custom has rules of its own, and they are not defined on power series; expected ordinary ops; "
            "call the function without it.",
            lambda: cr.taylor(cr.custom_rule(lambda x: x, vjp=lambda x: (x, lambda g: (g,))), 1.0, 1.0, 1),
            id="custom",
        ),
        pytest.param(
            GradientError,
            "[taylor] pull has rules of its own, and they are not defined on power series; expected ordinary ops; "
            "call the function without it.",
            lambda: cr.taylor(cr.grad(growing), 1.1, 1.0, 1),
            id="the gradient of a while_loop",
        ),
    ],
)
def test_mistakes(error, message, call):
    assert_message(error, message, call)

"""The gradient of a real loss of complex numbers is ∂f/∂x + i ∂f/∂y, and a step against it descends, for every op."""

import operator as op

import numpy as np
import pytest
from samples import RECORDS, sample
from test_registry import Problem, bare, cast, differentiable, has_gradient, takes

import chainrule as cr
from chainrule.testing import numeric_derivative


def drawn(name, dtype, seed):
    """The sample problems of an op where complex numbers are in play, with other imaginary parts for every seed."""
    random = np.random.default_rng(seed)

    def convert(a):
        return np.asarray(cast(a, dtype) + 0.2j * random.uniform(-1, 1, a.shape)) if dtype == "complex128" else a

    if not differentiable(name) or (dtype == "complex128" and not takes(name, dtype)):
        return
    for sampled in sample(name).calls:
        problem = Problem(name, sampled, convert)
        if has_gradient(problem) and any(a.dtype.kind == "c" for a in (*problem.point, *problem(*problem.point))):
            yield problem


class Loss:
    """Σ |out − aim|² over all outputs: a real function, whose gradient turns with the phase of every output."""

    def __init__(self, name, problem):
        self.problem, self.reference = problem, sample(name).reference
        self.aims = problem.random(problem(*problem.point), 3)

    def __call__(self, *arrays):
        outputs = self.problem(*arrays)
        return sum(cr.sum(cr.square(cr.abs(y - aim))) for y, aim in zip(outputs, self.aims, strict=True))

    def along(self, directions):
        """h ↦ the loss at point + h · directions, computed by the reference alone."""
        curves = [self.problem.curve(self.reference, directions, i) for i in range(len(self.aims))]
        return lambda h: sum(np.sum(np.abs(c(h) - aim) ** 2) for c, aim in zip(curves, self.aims, strict=True))


def inner(ones, others):
    return sum(np.vdot(a, b).real for a, b in zip(ones, others, strict=True))


@pytest.mark.parametrize("dtype", ["complex128", "float64"])
@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_step_against_the_gradient_descends(name, dtype):
    for seed in range(2 if dtype == "complex128" else 1):  # real points are the same for every seed
        for problem in drawn(name, dtype, seed):
            descends(Loss(name, problem), problem)


def descends(loss, problem):
    gradient = bare(cr.grad(loss, argnums=tuple(range(len(problem.point))))(*problem.point))
    length = np.sqrt(inner(gradient, gradient))
    scale = max(length, 1.0)
    # L(z + h t) = L(z) + h Re ⟨∇L, t⟩ + O(h²), so that a small step −ε ∇L takes ε |∇L|² off.
    downhill = loss.along([-g / scale for g in gradient])
    here = downhill(0.0)
    tolerance = 1e-7 * (1 + here)
    slope = numeric_derivative(downhill, step=2.0**-7)
    np.testing.assert_allclose(slope, -(length**2) / scale, rtol=1e-7, atol=tolerance)
    tangents = problem.random(problem.point, 1)
    slope = numeric_derivative(loss.along(tangents), step=2.0**-7)
    np.testing.assert_allclose(slope, inner(gradient, tangents), rtol=1e-7, atol=tolerance)
    assert length < 1e-6 or min(map(downhill, (1e-2, 1e-4, 1e-6))) < here


def test_a_real_loss_of_real_parameters_through_complex_numbers():
    t, signal = np.linspace(0, 1, 50), np.exp(2.3j * np.linspace(0, 1, 50)) * 1.5

    def loss(p):
        return cr.mean(cr.square(cr.abs(p["size"] * cr.exp(1j * p["rate"] * t) - signal)))

    p = {"size": np.array(1.0), "rate": np.array(2.0)}
    for _ in range(200):
        g = cr.grad(loss)(p)
        assert {k: v.dtype for k, v in g.items()} == {"size": np.float64, "rate": np.float64}
        p = {k: p[k] - 0.4 * g[k].numpy() for k in p}
    np.testing.assert_allclose([p["size"], p["rate"]], [1.5, 2.3], rtol=1e-9)


def test_complex_parameters_descend_to_the_least_squares_solution():
    random = np.random.default_rng(5)
    a = random.normal(size=(8, 3)) + 1j * random.normal(size=(8, 3))
    b = random.normal(size=8) + 1j * random.normal(size=8)
    z = cr.zeros(3, dtype="complex128")
    for _ in range(400):
        z = z - 0.02 * cr.grad(lambda z: cr.sum(cr.square(cr.abs(a @ z - b))))(z)
    np.testing.assert_allclose(z.numpy(), np.linalg.lstsq(a, b)[0], rtol=1e-9)


def test_the_gradient_is_both_partial_derivatives_in_one_number():
    x, y = 0.7, -0.4
    g = cr.grad(lambda z: cr.real(z**3) + 2 * cr.imag(cr.conj(z)))(x + 1j * y)
    np.testing.assert_allclose(complex(g), (3 * x * x - 3 * y * y) + 1j * (-6 * x * y - 2), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "complex64", "int64"])
@pytest.mark.parametrize("function", [op.add, op.sub, op.mul, op.truediv, op.pow, op.eq])
def test_an_imaginary_number_before_a_single_one(function, dtype):
    # To Python a float64 is a float, and 1j * np.float64(2) is no NumPy number.
    value = np.ones((), dtype) * 2
    for x in (cr.tensor(value), cr.tensor(value, requires_grad=dtype != "int64")):
        y = function(1j, x)
        assert isinstance(y._value, (np.generic, np.ndarray))
        assert y.dtype == function(1j, value[None]).dtype
        np.testing.assert_array_equal(y.detach(), function(1j, value[None])[0])
    s = cr.symbol("s", dtype=dtype)
    assert function(1j, s).eval(s=value).dtype == function(1j, s).dtype

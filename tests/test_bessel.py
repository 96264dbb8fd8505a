"""Bessel functions: derivatives in the order against mpmath, of complex arguments, at special points."""

import mpmath
import numpy as np
import pytest
from messages import assert_message
from scipy import special as scipy_special

import chainrule as cr
from chainrule import special
from chainrule.errors import GradientError
from chainrule.testing import check_gradients, numeric_derivative

FUNCTIONS = {
    "jv_order": (mpmath.besselj, lambda x: 1),
    "yv_order": (mpmath.bessely, lambda x: 1),
    "ive_order": (mpmath.besseli, lambda x: mpmath.exp(-x)),
    "kve_order": (mpmath.besselk, mpmath.exp),
}
# Every branch: small and large x, orders at integers and 0, of both signs, around the turning point v = x.
POINTS = [
    (0.0, 0.01), (0.0, 1.0), (0.0, 10.0), (0.0, 100.0), (0.3, 0.05), (0.5, 2.0), (1.0, 3.0), (2.5, 0.1), (3.0, 30.0),
    (7.0, 8.0), (10.0, 0.5), (20.0, 19.0), (20.0, 22.0), (40.0, 35.0), (60.0, 58.0), (60.0, 40.0), (100.0, 80.0),
    (100.0, 99.0), (12.0, 500.0), (-0.5, 1.0), (-2.0, 0.3), (-3.3, 7.0), (-10.2, 4.0), (1e-3, 1e-3), (25.0, 1000.0),
    (0.2, 1e-6), (0.0, 1e-6),
]  # fmt: skip


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_in_the_order(name, order):
    function, scale = FUNCTIONS[name]
    v, x = np.array(POINTS).T
    found = getattr(special, name)(order, v, x)
    with mpmath.workdps(25):
        expected = [
            float(scale(x) * mpmath.diff(lambda q, x=x: function(q, mpmath.mpf(x)), mpmath.mpf(v), order))
            for v, x in POINTS
        ]
    np.testing.assert_allclose(found, expected, 1e-11, 1e-40)  # where it is 0, theirs is rounding


# Where integrals along one path are far larger than the function.
LARGE_POINTS = {
    "jv_order": [(149.0, 150.0), (200.0, 190.0), (400.0, 380.0), (1000.0, 1000.0), (1000.0, 1500.0), (-300.3, 150.0)],
    "yv_order": [(149.0, 150.0), (400.0, 380.0), (600.0, 540.0), (1000.0, 1000.0), (1000.0, 1500.0)],
    "ive_order": [(-50.3, 50.0), (-150.3, 150.0), (-150.3, 400.0)],
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", LARGE_POINTS)
def test_derivatives_in_large_orders(name, order):
    function, scale = FUNCTIONS[name]
    v, x = np.array(LARGE_POINTS[name]).T
    found = getattr(special, name)(order, v, x)
    with mpmath.workdps(50):
        h, stencil = mpmath.mpf(10) ** -10, {1: (-0.5, 0, 0.5), 2: (1, -2, 1)}[order]
        expected = [
            float(
                scale(x)
                * sum(w * function(v + s * h, mpmath.mpf(x)) for s, w in zip((-1, 0, 1), stencil, strict=True))
                / h**order
            )
            for v, x in LARGE_POINTS[name]
        ]
    np.testing.assert_allclose(found, expected, 1e-10, 1e-13)


def test_the_order_where_the_phase_is_lost():
    for name in ("jv", "yv"):
        assert np.isnan(cr.grad(getattr(special, name))(0.5, 1e200))


@pytest.mark.parametrize("name", ["jv", "yv", "iv", "kv", "kve", "ive", "jve", "yve"])
def test_the_order_reaches_the_public_functions(name):
    reference = getattr(scipy_special, name)
    found = cr.grad(lambda v: getattr(special, name)(v, 2.3))(1.4)
    np.testing.assert_allclose(found, numeric_derivative(lambda h: reference(1.4 + h, 2.3), 2.0**-5), 1e-9)


def test_the_order_at_zero():
    """∂I/∂v = −K₀ and ∂K/∂v = 0 at v = 0: DLMF 10.38.4 and 10.38.5."""
    x = np.array([0.1, 3.0, 10.0, 100.0])
    np.testing.assert_allclose(special.ive_order(1, 0.0, x), -np.exp(-2 * x) * scipy_special.k0e(x), 1e-13)
    np.testing.assert_array_equal(special.kve_order(1, 0.0, x), np.zeros(4))


def test_many_orders_and_elements():
    v, x = np.linspace(0, 6, 1000), np.linspace(0.1, 20, 1000)
    many = special.jv_order(np.array([[1], [2]]), v, x)
    for i in (0, 333, 999):
        one = [special.jv_order(k, v[i], x[i])._value for k in (1, 2)]
        np.testing.assert_allclose(many[:, i], one, 1e-10)


@pytest.mark.parametrize("name", ["jv", "yv", "iv", "kv", "kve", "ive", "jve", "yve", "hankel1", "hankel2e"])
def test_derivatives_at_complex_arguments(name):
    reference, z = getattr(scipy_special, name), np.array([1.2 + 0.7j, -0.4 + 2.0j, 0.3 - 1.5j])
    for t in (1.0, 1j):
        moved = cr.jvp(lambda z: getattr(special, name)(1.3, z), (z,), (np.full(3, t, complex),))[1]
        np.testing.assert_allclose(moved, numeric_derivative(lambda h, t=t: reference(1.3, z + h * t), 2.0**-5), 1e-9)
    check_gradients(lambda z: getattr(special, name)(1.3, z), z)


@pytest.mark.parametrize("name", ["airy", "spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"])
def test_families_at_complex_arguments(name):
    order = () if name == "airy" else (2,)
    check_gradients(lambda z: getattr(special, name)(*order, z), np.array([1.2 + 0.7j, 0.4 - 1.0j]))


def derivatives(f, x, count):
    found = []
    for _ in range(count):
        f = cr.grad(f)
        found.append(float(f(x)))
    return found


def test_derivatives_at_zero():
    assert derivatives(special.i0, 0.0, 4) == [0, 0.5, 0, 0.375]
    assert derivatives(special.j0, 0.0, 4) == [0, -0.5, 0, 0.375]
    assert derivatives(special.i1, 0.0, 3) == [0.5, 0, 0.375]
    assert derivatives(special.j1, 0.0, 3) == [0.5, 0, -0.375]
    assert derivatives(special.i0e, 0.0, 1) == [0]
    assert derivatives(special.i1e, 0.0, 1) == [0.5]
    assert derivatives(lambda x: special.jv(2, x), 0.0, 2) == [0, 0.25]
    assert derivatives(lambda x: special.iv(2, x), 0.0, 2) == [0, 0.25]
    np.testing.assert_allclose(derivatives(lambda x: special.spherical_jn(0, x), 0.0, 2), [0, -1 / 3], 1e-15)
    np.testing.assert_allclose(derivatives(lambda x: special.spherical_jn(1, x), 0.0, 2), [1 / 3, 0], 1e-15)
    assert derivatives(lambda v: special.jv(v, 0.0), 1.5, 1) == [0]


def test_orders_of_any_dtype():
    x = cr.tensor([0.5, 2.0], requires_grad=True)
    expected = -scipy_special.j1([0.5, 2.0])
    for order in (0, np.uint8(0), np.zeros(2, np.uint8), np.zeros(2, np.int8), np.array(False), 0.0):
        (found,) = cr.gradients(special.jv(order, x), [x], cr.ones(2))
        np.testing.assert_allclose(found, expected, 1e-15)


def test_what_is_not_real_is_nan():
    for name in FUNCTIONS:
        assert np.isnan(getattr(special, name)(1, 0.5, -1.0)._value)
    assert np.isnan(special.jv_order(1, 0.0, 0.0)._value)  # Jᵥ(0) jumps there


def test_the_order_at_complex_arguments():
    v = cr.tensor(0.5, requires_grad=True)
    out = special.jv(v, cr.tensor(1j))
    assert_message(
        GradientError,
        "[jv] the derivative in the order v is known for real z only: v has dtype float64, z complex128; expected real "
        "ones; detach() the order, or differentiate at real z.",
        lambda: cr.gradients(cr.real(out), v),
    )


def test_no_overflow_in_scaled_functions():
    np.testing.assert_allclose(special.ive(1.5, cr.tensor(1e4)), scipy_special.ive(1.5, 1e4), 1e-15)
    np.testing.assert_allclose(special.ive_order(1, 1.5, 1e4), -1.5e-4 * scipy_special.ive(1.5, 1e4), 1e-3)
    np.testing.assert_allclose(special.kve_order(1, 1.5, 1e4), 1.5e-4 * scipy_special.kve(1.5, 1e4), 1e-3)
    assert np.isfinite(cr.grad(lambda x: special.ive(1.5, x))(1e4)._value)


@pytest.mark.parametrize("x", [50.0, 999.0, 1001.0, 1e4, 1e8, 1e30])
def test_scaled_functions_far_out(x):
    """There the two terms of their derivatives are alike, and their difference would be rounding."""
    for name, function, order, rate in (
        ("i0e", mpmath.besseli, 0, -1), ("i1e", mpmath.besseli, 1, -1), ("k0e", mpmath.besselk, 0, 1),
        ("k1e", mpmath.besselk, 1, 1), ("kve", mpmath.besselk, 2.5, 1), ("ive", mpmath.besseli, 2, -1),
    ):  # fmt: skip
        scaled = getattr(special, name)
        derivative = cr.grad((lambda x, f=scaled, v=order: f(v, x)) if name in ("ive", "kve") else scaled)
        with mpmath.workdps(60 + 2 * int(np.log10(x))):
            z = mpmath.mpf(x)
            neighbours = (function(order - 1, z) + function(order + 1, z)) / (2 if rate < 0 else -2)
            expected = float((neighbours + rate * function(order, z)) * mpmath.exp(rate * z))
        np.testing.assert_allclose(derivative(x), expected, 1e-11)
        if rate < 0:
            np.testing.assert_allclose(derivative(-x), expected if name == "i1e" else -expected, 1e-11)

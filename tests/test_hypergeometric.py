"""Hypergeometric functions in their parameters, elliptic functions at their limits, against mpmath."""

import mpmath
import numpy as np
import pytest
from messages import assert_message
from scipy import special as scipy_special

import chainrule as cr
from chainrule import special
from chainrule.errors import DTypeError, GradientError
from chainrule.ops import ops
from chainrule.testing import check_gradients


def by_mpmath(function, args, i, order=1):
    counts = tuple(order * (i == j) for j in range(len(args)))
    with mpmath.workdps(40):
        return complex(mpmath.diff(function, tuple(map(mpmath.mpmathify, args)), counts))


GAUSS = [
    (0.7, 1.3, 2.1, 0.4), (0.7, 1.3, 2.1, -0.8), (-1.7, 2.6, 0.4, 0.95), (2.2, 3.1, 1.4, -30.0), (-2.0, 1.5, 0.5, 0.6),
    (1.0, 1.0, 2.0, 0.99), (0.7, 1.3, 2.1, 0.0), (0.0, 1.3, 2.1, 0.5), (0.7, 1.3, 2.1, 0.3 + 0.4j),
    (0.7, 1.3, 2.1, -2.0 + 1.0j),
]  # fmt: skip
KUMMER = [(0.7, 2.1, 3.0), (0.7, 2.1, -3.0), (-1.7, 0.4, 35.0), (2.2, 1.4, -30.0), (0.7, 2.1, 1.0 + 2.0j)]
LIMIT = [(0.7, 3.0), (0.7, -10.0), (2.5, 60.0), (2.5, -40.0)]


@pytest.mark.parametrize(("name", "points"), [("hyp2f1", GAUSS), ("hyp1f1", KUMMER), ("hyp0f1", LIMIT)])
def test_derivatives_in_parameters(name, points):
    function = getattr(special, name)
    for args in points:
        for i in range(len(args) - 1):
            moved = cr.jvp(lambda p, i=i, args=args: function(*args[:i], p, *args[i + 1 :]), (args[i],), (1.0,))[1]
            expected = by_mpmath(getattr(mpmath, name), args, i)
            expected = expected if isinstance(args[-1], complex) else expected.real
            np.testing.assert_allclose(moved, expected, 1e-10, 1e-13)


def test_parameters_and_argument_mix():
    for name, args in (("hyp2f1", GAUSS[0]), ("hyp1f1", KUMMER[0]), ("hyp0f1", LIMIT[0])):
        function, last = getattr(special, name), len(args) - 1
        for i in range(last):
            one = cr.grad(lambda *x, i=i, f=function: cr.grad(f, i)(*x), last)(*args)
            other = cr.grad(lambda *x, f=function, last=last: cr.grad(f, last)(*x), i)(*args)
            orders = tuple(int(j in (i, last)) for j in range(len(args)))
            with mpmath.workdps(40):
                expected = float(mpmath.diff(getattr(mpmath, name), args, orders))
            np.testing.assert_allclose([float(one), float(other)], expected, 1e-10)


def test_where_the_series_is_not_known_it_is_nan():
    for z in (1.0, 1.5, 0.99999):
        with np.errstate(all="ignore"):
            assert np.isnan(ops.hyp2f1_da(0.7, 1.3, 2.1, z)._value)
    assert np.isnan(ops.hyp0f1_dv(0.7, -1e4)._value)


def test_derivatives_that_are_not_known_raise():
    def twice(x):
        return cr.grad(lambda a: special.hyp2f1(a, 1.3, 2.1, 0.4))(x)

    with pytest.raises(GradientError, match=r"^\[hyp2f1_da\] no derivative exists with respect to operand 0"):
        cr.grad(twice)(0.7)
    with pytest.raises(GradientError, match=r"^\[hyperu\] no derivative exists with respect to operand 1"):
        cr.grad(lambda b: special.hyperu(0.7, b, 2.0))(1.3)
    with pytest.raises(GradientError, match=r"^\[eval_jacobi\] no derivative exists with respect to operand 1"):
        cr.grad(lambda a: special.eval_jacobi(2, a, 1.0, 0.3))(0.5)


def test_polynomials_of_real_degree():
    for name, reference in (
        ("legendre", mpmath.legendre),
        ("chebyt", mpmath.chebyt),
        ("laguerre", lambda n, x: mpmath.laguerre(n, 0, x)),
    ):
        function = getattr(special, f"eval_{name}")
        expected = float(mpmath.diff(lambda x, f=reference: f(2.5, x), 0.3))
        np.testing.assert_allclose(cr.grad(lambda x, f=function: f(2.5, x))(0.3), expected, 1e-12)


# ---------------------------------------------------------------------------------------------- elliptic


def moment(a, k, phi, m):
    """See Note [Moments] in ops/special/elliptic.py."""

    def integrand(t):
        return mpmath.sin(t) ** (2 * k) * (1 - mpmath.mpf(m) * mpmath.sin(t) ** 2) ** -mpmath.mpf(a)

    with mpmath.workdps(30):
        return float(mpmath.quad(integrand, mpmath.linspace(0, phi, 9)))


@pytest.mark.parametrize(
    ("phi", "m"),
    [(1.0, 0.0), (1.0, 1.0), (1.5, 0.999999), (1.5707, 1 - 1e-12), (4.0, 0.3), (-7.0, -3.0), (0.3, -1e6), (1.0, 1e-12)],
)
def test_incomplete_integrals_in_the_parameter(phi, m):
    for function, a in ((special.ellipkinc, 0.5), (special.ellipeinc, -0.5)):
        factor, derivative = 1.0, lambda m, f=function: f(phi, m)
        for k in (1, 2, 3):
            factor, derivative = factor * (a + k - 1), cr.grad(derivative)
            np.testing.assert_allclose(derivative(m), factor * moment(a + k, k, phi, m), 1e-12)


@pytest.mark.parametrize("m", [0.0, 0.5, 0.9999, 1 - 1e-10, -5.0, -1e5, 1e-9])
def test_complete_integrals(m):
    for function, reference in ((special.ellipk, mpmath.ellipk), (special.ellipe, mpmath.ellipe)):
        np.testing.assert_allclose(cr.grad(function)(m), by_mpmath(reference, (m,), 0).real, 1e-13)
        np.testing.assert_allclose(cr.grad(cr.grad(function))(m), by_mpmath(reference, (m,), 0, 2).real, 1e-12)


def test_the_limits_of_complete_integrals():
    np.testing.assert_allclose(cr.grad(special.ellipk)(0.0), np.pi / 8, 1e-15)
    np.testing.assert_allclose(cr.grad(special.ellipe)(0.0), -np.pi / 8, 1e-15)
    np.testing.assert_allclose(cr.grad(special.ellipkm1)(1e-30), -0.5e30, 1e-12)
    np.testing.assert_allclose(cr.grad(special.ellipkm1)(1.0), -np.pi / 8, 1e-15)
    assert np.isnan(special.ellipkinc(1.0, 1.5)._value)


@pytest.mark.parametrize(("u", "m"), [(1.0, 0.0), (1.0, 1.0), (1.0, 0.5), (5.0, 0.3), (3.0, 0.999999)])
def test_jacobi_functions(u, m):
    for i, name in enumerate(("sn", "cn", "dn")):
        found = cr.grad(lambda m, i=i: special.ellipj(u, m)[i])(m)
        with mpmath.workdps(40):
            # One-sided, since m > 1 is another branch of mpmath's.
            h = mpmath.mpf(10) ** -15 * (1 if m < 0.5 else -1)
            ends = [mpmath.ellipfun(name, u, m=mpmath.mpf(m) + step) for step in (0, h, 2 * h)]
            expected = float(mpmath.re(4 * ends[1] - 3 * ends[0] - ends[2]) / (2 * h))
        np.testing.assert_allclose(found, expected, 1e-12)
    check_gradients(lambda u: special.ellipj(u, m), cr.tensor(u))


def test_turns_of_the_angle():
    """F(φ + π, m) = F(φ, m) + 2 K(m), derivatives and all."""
    for angle in (0.3, -1.2):
        found = cr.grad(lambda m, angle=angle: special.ellipkinc(angle + 2 * np.pi, m))(0.4)
        rest = cr.grad(lambda m, angle=angle: special.ellipkinc(angle, m))(0.4)
        np.testing.assert_allclose(found, rest + 4 * cr.grad(special.ellipk)(0.4), 1e-14)
    value = ops.elliptic_moment(0.5, 0, 4.0, 0.3)
    np.testing.assert_allclose(value, scipy_special.ellipkinc(4.0, 0.3), 1e-14)


def test_moments_are_real():
    assert_message(
        DTypeError,
        "[elliptic_moment] not defined for complex numbers: the result would be complex128; expected real phi and m; "
        "take their real parts.",
        lambda: ops.elliptic_moment(0.5, 0, 1j, 0.3),
    )


def test_poles_in_the_parameters():
    """Where the lower parameter is 0, values and slopes are infinite, also if it is a number of Python's."""
    for function in (lambda z: special.hyp2f1(1.0, 1.0, 0.0, z), lambda z: special.hyp1f1(1.0, 0.0, z)):
        value, slope = cr.value_and_grad(function)(0.5)
        assert (value.item(), slope.item()) == (np.inf, np.inf)

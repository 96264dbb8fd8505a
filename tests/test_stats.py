"""chainrule.stats against scipy.stats: values, derivatives in every parameter, tails, supports, messages."""

import copy
import pickle

import mpmath
import numpy as np
import pytest
from messages import assert_message
from scipy import stats as scipy_stats

import chainrule as cr
from chainrule import stats
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError
from chainrule.testing import numeric_derivative

# Shape parameters, and points in the support for the derivatives (of loc 0 and scale 1).
CONTINUOUS = {
    "norm": ((), (-1.3, 0.4)),
    "lognorm": ((0.7,), (0.4, 2.3)),
    "t": ((2.5,), (-1.3, 0.4)),
    "gamma": ((1.7,), (0.4, 2.3)),
    "chi2": ((3.2,), (0.4, 2.3)),
    "beta": ((1.3, 2.4), (0.2, 0.7)),
    "weibull_min": ((1.4,), (0.4, 2.3)),
    "expon": ((), (0.4, 2.3)),
    "uniform": ((), (0.2, 0.7)),
    "laplace": ((), (-1.3, 0.4)),
    "logistic": ((), (-1.3, 0.4)),
    "cauchy": ((), (-1.3, 0.4)),
}
# Parameters, and which of them are differentiable.
DISCRETE = {
    "poisson": ((2.3,), (0,)),
    "binom": ((5, 0.3), (1,)),
    "bernoulli": ((0.3,), (0,)),
    "nbinom": ((2.5, 0.4), (0, 1)),
}
EVERYWHERE = np.array([-30.0, -3.0, -0.2, 0.0, 0.3, 1.0, 2.0, 5.0, 40.0, np.inf, -np.inf, np.nan])
QUANTILES = np.array([0.0, 1e-10, 0.1, 0.5, 0.7, 1 - 1e-9, 1.0, -0.1, 1.1, np.nan])
COUNTS = np.array([-2.0, -0.5, 0.0, 1.0, 1.5, 2.0, 5.0, 7.0, 40.0, np.inf, np.nan])
OF_Q = ("ppf", "isf")
METHODS = [(name, method) for name in CONTINUOUS for method in stats.norm.methods if method != "entropy"]
MASSES = [(name, method) for name in DISCRETE for method in stats.poisson.methods]


def ours(name, method):
    return getattr(getattr(stats, name), method)


def theirs(name, method):
    return getattr(getattr(scipy_stats, name), method)


def slope(f, args, i):
    """∂f/∂args[i], by differences."""
    return numeric_derivative(lambda h: np.asarray(f(*args[:i], args[i] + h, *args[i + 1 :])), step=2.0**-6)


@pytest.mark.parametrize("place", [(), (0.4, 2.5)])
@pytest.mark.parametrize(("name", "method"), METHODS)
def test_values(name, method, place):
    shapes, _ = CONTINUOUS[name]
    x = QUANTILES if method in OF_Q else EVERYWHERE
    with np.errstate(all="ignore"):  # of theirs; ours are silent
        found, expected = ours(name, method)(x, *shapes, *place), theirs(name, method)(x, *shapes, *place)
    assert isinstance(found, cr.Tensor) and found.dtype == np.float64
    np.testing.assert_allclose(found, expected, 1e-12, 1e-300)


@pytest.mark.parametrize("loc", [0, 2])
@pytest.mark.parametrize(("name", "method"), MASSES)
def test_values_of_counts(name, method, loc):
    parameters, _ = DISCRETE[name]
    with np.errstate(all="ignore"):  # of theirs; ours are silent
        found, expected = ours(name, method)(COUNTS, *parameters, loc), theirs(name, method)(COUNTS, *parameters, loc)
    np.testing.assert_allclose(found, expected, 2e-13, 1e-15 if "log" in method else 1e-300)
    np.testing.assert_allclose(
        ours(name, method)([3, 4], *parameters), theirs(name, method)([3, 4], *parameters), 2e-13
    )


@pytest.mark.parametrize("name", CONTINUOUS)
def test_entropy(name):
    shapes, _ = CONTINUOUS[name]
    np.testing.assert_allclose(
        ours(name, "entropy")(*shapes, 0.4, 2.5), theirs(name, "entropy")(*shapes, 0.4, 2.5), 1e-12
    )
    args = (*shapes, 0.4, 2.5)
    for i in range(len(args)):
        found = cr.grad(ours(name, "entropy"), i)(*args)
        np.testing.assert_allclose(found, slope(theirs(name, "entropy"), args, i), 1e-7, 1e-8)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_derivatives_in_every_argument(name, method):
    shapes, points = CONTINUOUS[name]
    for point in (0.15, 0.8) if method in OF_Q else (0.4 + 2.5 * x for x in points):
        args = (float(point), *shapes, 0.4, 2.5)
        for i in range(len(args)):
            found = cr.grad(ours(name, method), i)(*args)
            np.testing.assert_allclose(found, slope(theirs(name, method), args, i), 2e-7, 1e-8)


@pytest.mark.parametrize("method", ["logpdf", "logcdf", "sf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_second_derivatives(name, method):
    shapes, points = CONTINUOUS[name]
    args = (0.4 + 2.5 * points[1], *shapes, 0.4, 2.5)
    for i in range(len(args)):
        first = cr.grad(ours(name, method), i)
        for j in range(len(args)):
            found = cr.grad(lambda *x, first=first: first(*x), j)(*args)
            np.testing.assert_allclose(found, slope(first, args, j), 1e-7, 1e-9)


@pytest.mark.parametrize(("name", "method"), MASSES)
def test_derivatives_in_the_parameters_of_counts(name, method):
    parameters, moving = DISCRETE[name]
    k = np.array([0, 1]) if name == "bernoulli" else np.array([0, 1, 3])
    for i in moving:

        def of(p, i=i):
            return ours(name, method)(k, *parameters[:i], p, *parameters[i + 1 :])

        found = cr.jvp(of, (parameters[i],), (1.0,))[1]
        with np.errstate(all="ignore"):
            expected = slope(lambda *p: theirs(name, method)(k, *p), parameters, i)
        known = np.isfinite(np.asarray(of(parameters[i])))  # log 0 is constant
        np.testing.assert_allclose(np.asarray(found)[known], expected[known], 1e-8, 1e-9)


@pytest.mark.parametrize("method", ["pdf", "logpdf", "cdf", "sf"])
@pytest.mark.parametrize("name", ["lognorm", "gamma", "chi2", "beta", "weibull_min", "expon", "uniform"])
def test_nothing_flows_from_outside_of_the_support(name, method):
    shapes, _ = CONTINUOUS[name]
    parameters = [cr.tensor(float(p), requires_grad=True) for p in (*shapes, 0.0, 1.0)]
    x = cr.tensor([-2.0, -1e-300, -np.inf], requires_grad=True)
    with np.errstate(all="ignore"):
        found = cr.gradients(ours(name, method)(x, *parameters), [x, *parameters], cr.ones(3), allow_unused=True)
    assert [float(np.max(np.abs(np.asarray(g)))) for g in found if g is not None] == [0.0] * sum(
        g is not None for g in found
    )


def test_nothing_flows_from_counts_that_cannot_be():
    k = np.array([-1.0, 0.5, 9.0])
    for name, (parameters, moving) in DISCRETE.items():
        for i in moving if name in ("binom", "bernoulli") else ():
            _, moved = cr.jvp(lambda p, i=i: stats.binom.pmf(k, 5, p), (parameters[i],), (1.0,))
            np.testing.assert_array_equal(moved, np.zeros(3))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_wrong_parameters_are_nan_with_their_gradients(name):
    shapes, points = CONTINUOUS[name]
    for wrong in range(len(shapes) + 1):
        args = [*shapes, 0.0, 1.0]
        args[wrong if wrong < len(shapes) else -1] = -1.0
        with np.errstate(all="ignore"):
            assert np.isnan(theirs(name, "logpdf")(points[0], *args))
            assert np.isnan(ours(name, "logpdf")(points[0], *args)._value)
            assert np.isnan(float(cr.grad(lambda x, args=args: ours(name, "logpdf")(x, *args))(points[0])))


def test_wrong_parameters_of_counts_are_nan():
    for name, wrong in (("poisson", (-1.0,)), ("binom", (2.5, 0.5)), ("binom", (2, 1.5)), ("nbinom", (-1.0, 0.5))):
        assert np.isnan(theirs(name, "pmf")(1, *wrong)) and np.isnan(ours(name, "pmf")(1, *wrong)._value)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_float32_stays_float32(name, method):
    shapes, points = CONTINUOUS[name]
    x = np.array([0.15, 0.8] if method in OF_Q else points)
    single = cr.tensor(x, dtype="float32", requires_grad=True)
    out = ours(name, method)(single, *shapes, 0.25, 2.0)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.detach(), ours(name, method)(x, *shapes, 0.25, 2.0), 2e-4, 1e-6)
    (back,) = cr.gradients(out, [single], cr.ones(2, dtype="float32"))
    assert back.dtype == np.float32


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_symbols(name, method):
    shapes, points = CONTINUOUS[name]
    x, *parameters = (cr.symbol(shape=()) for _ in range(3 + len(shapes)))
    out = ours(name, method)(x, *parameters)
    point = 0.8 if method in OF_Q else points[0] * 2.5 + 0.4
    values = (point, *shapes, 0.4, 2.5)
    np.testing.assert_allclose(cr.function([x, *parameters], out)(*values), ours(name, method)(*values), 1e-14)


def test_shapes_broadcast():
    out = stats.gamma.logpdf(np.ones((2, 1)), np.array([1.0, 2.0, 3.0]), scale=np.ones((4, 1, 1)))
    assert out.shape == (4, 2, 3)
    assert stats.norm.cdf(np.zeros((0, 3))).shape == (0, 3)


def test_tails():
    np.testing.assert_allclose(stats.norm.logcdf(-1e3), float(mpmath.log(mpmath.ncdf(-1000))), 1e-15)
    np.testing.assert_allclose(cr.grad(stats.norm.logcdf)(-1e3), 1e3, 1e-5)
    np.testing.assert_allclose(stats.norm.sf(30.0), float(mpmath.ncdf(-30)), 1e-13)
    np.testing.assert_allclose(stats.expon.logcdf(50.0), -np.exp(-50.0), 1e-15)
    np.testing.assert_allclose(cr.grad(stats.logistic.logpdf)(800.0), -1.0, 1e-15)


def test_frozen_distributions():
    frozen = stats.gamma(2.0, scale=3.0)
    np.testing.assert_array_equal(frozen.logpdf(1.5), stats.gamma.logpdf(1.5, 2.0, scale=3.0))
    np.testing.assert_array_equal(frozen.entropy(), stats.gamma.entropy(2.0, scale=3.0))
    assert repr(frozen) == "gamma(2.0, scale=3.0)" and repr(stats.gamma) == "<gamma(a, loc, scale)>"
    assert "ppf" in dir(frozen) and not hasattr(frozen, "fit")
    again = pickle.loads(pickle.dumps(copy.copy(frozen)))
    np.testing.assert_array_equal(again.cdf(1.5), frozen.cdf(1.5))


# --------------------------------------------------------------------------------------------- of vectors

COV = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 0.7]])
MEAN = np.array([0.3, -0.2, 1.0])
VECTORS = np.array([[0.1, 0.2, 0.3], [1.0, -1.0, 2.0]])


def test_multivariate_normal():
    normal, reference = stats.multivariate_normal, scipy_stats.multivariate_normal
    for x, parameters in (
        (VECTORS, (MEAN, COV)),
        (VECTORS[0], (MEAN, COV)),
        (VECTORS[None], (MEAN, 2.0)),
        (VECTORS, (MEAN, np.diag(COV))),
        (VECTORS[0], (None, 0.5)),
        (0.3, (0.1, 2.0)),
        (np.array([0.3, 1.0]), (0.1, 2.0)),
    ):
        expected = reference.logpdf(x, *parameters)
        np.testing.assert_allclose(np.squeeze(normal.logpdf(x, *parameters)), expected, 1e-13)
        np.testing.assert_allclose(np.squeeze(normal.pdf(x, *parameters)), np.exp(expected), 1e-13)
    np.testing.assert_allclose(normal.entropy(MEAN, COV), reference.entropy(MEAN, COV), 1e-13)
    np.testing.assert_allclose(normal(MEAN, COV).logpdf(VECTORS), reference.logpdf(VECTORS, MEAN, COV), 1e-13)


def test_derivatives_of_the_multivariate_normal():
    normal, reference = stats.multivariate_normal.logpdf, scipy_stats.multivariate_normal.logpdf
    random = np.random.default_rng(3)
    a = random.normal(size=(3, 3))
    moves = random.normal(size=(2, 3)), random.normal(size=3), a + a.T
    args = (VECTORS, MEAN, COV)
    for i, move in enumerate(moves):

        def ours_along(z, i=i):
            return normal(*args[:i], z, *args[i + 1 :])

        def theirs_along(h, i=i, move=move):
            return reference(*args[:i], args[i] + h * move, *args[i + 1 :])

        moved = cr.jvp(ours_along, (args[i],), (move,))[1]
        np.testing.assert_allclose(moved, numeric_derivative(theirs_along, 2.0**-6), 1e-8)
        back = cr.grad(lambda z, f=ours_along: cr.sum(f(z)))(args[i])
        np.testing.assert_allclose(np.sum(np.asarray(back) * move), np.sum(np.asarray(moved)), 1e-10)


def test_dirichlet():
    alpha, x = np.array([1.2, 2.0, 3.5]), np.array([[0.2, 0.1], [0.3, 0.6], [0.5, 0.3]])
    ours_, reference = stats.dirichlet, scipy_stats.dirichlet
    np.testing.assert_allclose(ours_.logpdf(x, alpha), reference.logpdf(x, alpha), 1e-13)
    np.testing.assert_allclose(ours_.pdf(x[:2], alpha), reference.pdf(x[:2], alpha), 1e-13)
    np.testing.assert_allclose(ours_(alpha).logpdf(x[:, 0]), reference.logpdf(x[:, 0], alpha), 1e-13)
    np.testing.assert_allclose(ours_.entropy(alpha), reference.entropy(alpha), 1e-13)
    for function, theirs_ in (
        (lambda a: cr.sum(ours_.logpdf(x, a)), lambda a: np.sum(reference.logpdf(x, a))),
        (ours_.entropy, reference.entropy),
    ):
        found = cr.grad(function)(alpha)
        for i, unit in enumerate(np.eye(3)):
            expected = numeric_derivative(lambda h, unit=unit, f=theirs_: np.asarray(f(alpha + h * unit)), 2.0**-6)
            np.testing.assert_allclose(found[i], expected, 1e-8)
    free = cr.grad(lambda z: cr.sum(ours_.logpdf(z, alpha)))(x[:2])
    np.testing.assert_allclose(free, (alpha[:2] - 1)[:, None] / x[:2] - (alpha[2] - 1) / x[2], 1e-12)
    assert ours_.logpdf(x.astype("float32"), alpha.astype("float32")).dtype == np.float32


# ----------------------------------------------------------------------------------------------- messages


def test_messages():
    assert_message(
        DTypeError,
        "[gamma.pdf] parameter 'a' is missing; expected a, loc, scale; loc and scale may be left out.",
        lambda: stats.gamma.pdf(1.0),
    )
    assert_message(
        DTypeError,
        "[norm.cdf] 'sigma' is not a parameter; expected loc, scale; loc and scale may be left out.",
        lambda: stats.norm.cdf(1.0, sigma=2.0),
    )
    assert_message(
        DTypeError,
        "[norm.cdf] 'loc' is given twice; expected loc, scale; loc and scale may be left out.",
        lambda: stats.norm.cdf(1.0, 0.0, loc=2.0),
    )
    assert_message(
        DTypeError,
        "[norm] 3 parameters are given; expected loc, scale; loc and scale may be left out.",
        lambda: stats.norm(0.0, 1.0, 2.0),
    )
    assert_message(
        DTypeError,
        "[norm.pdf] an argument is complex128; expected real numbers; use its real or imaginary part, or abs(x).",
        lambda: stats.norm.pdf([1j]),
    )
    k = cr.tensor(2.0, requires_grad=True)
    assert_message(
        GradientError,
        "[poisson.pmf] k is tracked for gradients, but k is an integer, and nothing is differentiable in it; expected "
        "a constant; detach() it, or differentiate in the other parameters.",
        lambda: stats.poisson.pmf(k, 3.0),
    )
    with pytest.raises(GradientError, match=r"^\[binom\.cdf\] n is tracked for gradients"):
        stats.binom.cdf(1, k, 0.5)


def test_messages_of_vectors():
    assert_message(
        ShapeError,
        "[multivariate_normal.logpdf] x has shape (2,), but mean and cov have 3 components; expected (..., 3); the "
        "last axis of x is the vector.",
        lambda: stats.multivariate_normal.logpdf([1.0, 2.0], MEAN, COV),
    )
    assert_message(
        ShapeError,
        "[multivariate_normal] mean has shape (2,) and cov (3, 3); expected (d,) and (d, d), (d,) or a number; give "
        "one mean vector and one covariance matrix.",
        lambda: stats.multivariate_normal.logpdf([1.0, 2.0], MEAN[:2], COV),
    )
    assert_message(
        ShapeError,
        "[dirichlet.logpdf] x has shape (4,), but alpha has 3 components; expected (3, ...) or (2, ...); the first "
        "axis of x is the point of the simplex.",
        lambda: stats.dirichlet.logpdf(np.ones(4) / 4, np.ones(3)),
    )
    assert_message(
        ShapeError,
        "[dirichlet.entropy] alpha has shape (1, 3); expected a vector; call once for each vector of them.",
        lambda: stats.dirichlet.entropy(np.ones((1, 3))),
    )
    assert_message(
        DomainError,
        "[dirichlet.logpdf] alpha is [1.0, -1.0]; expected positive numbers; use e.g. exp(theta) for alpha.",
        lambda: stats.dirichlet.logpdf([0.5, 0.5], [1.0, -1.0]),
    )
    assert_message(
        DomainError,
        "[dirichlet.logpdf] x is no point of the simplex: its smallest component is 0.5, its sums are from 1.1 to 1.1; "
        "expected components ≥ 0 with sum 1; use e.g. softmax(z, axis=0).",
        lambda: stats.dirichlet.logpdf([0.5, 0.6], [1.0, 1.0]),
    )

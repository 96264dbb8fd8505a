"""Reductions, norms, softmax and scans beyond what test_registry.py asks of every op: edges, orders, errors."""

import math
import statistics
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule.op import REGISTRY
from chainrule.testing import check_gradients, numeric_derivative

INF, NAN = math.inf, math.nan
RANDOM = np.random.default_rng(0)
CUBE = RANDOM.normal(size=(2, 3, 4))
Z = CUBE[0] + 1j * CUBE[1]


def gradient(function, x):
    return cr.grad(lambda x: cr.sum(function(x)))(cr.tensor(x)).numpy()


def tangent(function, x, t=None):
    x = np.asarray(x)
    return cr.jvp(function, (x,), (np.ones(x.shape, x.dtype) if t is None else np.asarray(t, x.dtype),))[1].numpy()


def hessian(function, x):
    x = cr.tensor(x)
    rows = [cr.grad(lambda x, i=i: cr.reshape(cr.grad(function)(x), -1)[i])(x).numpy() for i in range(x.size)]
    return np.reshape(rows, (x.size, x.size))


# ----------------------------------------------------------------------------------------- derivatives, all orders

ANALYTIC = {
    "sum": lambda x: x.sum(1),
    "sum dtype": lambda x: cr.sum(x, axis=0, dtype="float64"),
    "mean": lambda x: cr.mean(x, (0, 2)),
    "prod of all": cr.prod,
    "prod": lambda x: cr.prod(x, 1),
    "prod of axes apart": lambda x: cr.prod(x, (0, 2), keepdims=True),
    "prod of no axes": lambda x: cr.prod(x, ()),
    "cumsum": lambda x: cr.cumsum(x, 1) ** 2,
    "cumprod": lambda x: cr.cumprod(x, -1),
    "linear_recurrence": lambda x: cr.linear_recurrence(x, cr.sin(x), axis=1),
    "linear_recurrence back": lambda x: cr.linear_recurrence(cr.sin(x), x, axis=0, reverse=True),
    "center": lambda x: cr.center(x, axis=1) ** 3,
    "var": lambda x: cr.var(x, axis=(0, 1), correction=1),
    "std": lambda x: cr.std(x, (1, 2), keepdims=True),
    "std of all": lambda x: cr.std(x, correction=0.5),
    "norm": lambda x: cr.norm(x, axis=1),
    "norm 1": lambda x: cr.norm(x, 1, 2),
    "norm 3": lambda x: cr.norm(x, 3, 2),
    "norm 1.5": lambda x: cr.vector_norm(x, axis=(0, 1), ord=1.5),
    "norm -2": lambda x: cr.vector_norm(x, ord=-2),
    "norm inf": lambda x: cr.norm(x, INF, 2),
    "norm -inf": lambda x: cr.norm(x, -INF, 2),
    "norm fro": lambda x: cr.norm(x, "fro", (2, 0)),
    "matrix norm 1": lambda x: cr.norm(x, 1, (2, 0)),
    "matrix norm -inf": lambda x: cr.norm(x, -INF, (0, 2)),
}
REAL = {
    "max": lambda x: cr.max(x, 2) ** 2,
    "min": lambda x: cr.min(x, (0, 2)) ** 2,
    "logsumexp": lambda x: cr.logsumexp(x, (0, 2)),
    "softmax": lambda x: cr.softmax(x, 1),
    "softmax of several axes": lambda x: cr.softmax(x, (0, 2)),
    "log_softmax": cr.log_softmax,
}


@pytest.mark.parametrize("function", [*ANALYTIC.values(), *REAL.values()], ids=[*ANALYTIC, *REAL])
def test_derivatives_are_differences(function):
    check_gradients(function, CUBE, rtol=2e-6)


@pytest.mark.parametrize("name", [name for name in ANALYTIC if name != "sum dtype"])
def test_complex_derivatives_are_differences(name):
    # What sums abs(z) has only a first derivative: that of z/|z| is an error of sign.
    order = 1 if name.startswith("matrix norm") else 2
    check_gradients(ANALYTIC[name], CUBE + 1j * CUBE[::-1, ::-1] ** 2, order=order, rtol=2e-6)


@pytest.mark.parametrize(
    "function", [cr.var, cr.std, cr.norm, lambda z: cr.norm(z, 3, 1)], ids=["var", "std", "norm", "3"]
)
def test_the_gradient_of_a_real_function_of_complex_numbers_is_its_steepest_ascent(function):
    g = gradient(function, Z)
    for index in np.ndindex(Z.shape):
        unit = np.zeros(Z.shape)
        unit[index] = 1
        parts = [numeric_derivative(lambda h, d=unit * i: function(Z + h * d).numpy().sum()) for i in (1, 1j)]
        assert g[index] == pytest.approx(complex(*parts), rel=1e-7)


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (cr.prod, np.prod),
        (cr.mean, np.mean),
        (lambda x: cr.var(x, correction=1), lambda z: np.sum((z - z.mean()) ** 2) / (z.size - 1)),
        (cr.std, lambda z: np.sqrt(np.mean((z - z.mean()) ** 2))),
        (cr.logsumexp, lambda z: np.log(np.sum(np.exp(z)))),
        (lambda x: cr.softmax(x)[0], lambda z: np.exp(z[0]) / np.sum(np.exp(z))),
        (lambda x: cr.log_softmax(x)[1], lambda z: z[1] - np.log(np.sum(np.exp(z)))),
        (lambda x: cr.cumprod(x)[3], lambda z: np.cumprod(z)[3]),
        (lambda x: cr.norm(x, 2.5), lambda z: np.sum((z * np.sign(z.real)) ** 2.5) ** 0.4),
    ],
    ids=["prod", "mean", "var", "std", "logsumexp", "softmax", "log_softmax", "cumprod", "norm"],
)
def test_gradients_are_the_complex_step_of_the_reference(ours, reference):
    x = RANDOM.normal(size=5)
    step = [reference(x + 1e-100j * unit).imag / 1e-100 for unit in np.eye(5)]
    np.testing.assert_allclose(cr.grad(ours)(x).numpy(), step, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose([tangent(ours, x, unit) for unit in np.eye(5)], step, rtol=1e-13, atol=1e-15)


def test_third_order_of_logsumexp_is_that_of_mpmath():
    third = cr.grad(cr.grad(cr.grad(lambda a: cr.logsumexp(cr.stack([a, 2 * a, cr.sin(a)])))))(0.7).item()
    exact = mpmath.diff(lambda a: mpmath.log(sum(map(mpmath.exp, (a, 2 * a, mpmath.sin(a))))), mpmath.mpf(0.7), 3)
    assert third == pytest.approx(float(exact), rel=1e-12)


# -------------------------------------------------------------------------------------- zeros, ties and infinities


def test_products_are_exact_at_zeros_in_every_order():
    assert gradient(cr.prod, [0.0, 2, 3]).tolist() == [6, 0, 0]
    assert gradient(cr.prod, [0.0, 2, 0]).tolist() == [0, 0, 0]
    assert hessian(cr.prod, [0.0, 2, 3]).tolist() == [[0, 3, 2], [3, 0, 0], [2, 0, 0]]
    assert hessian(cr.prod, [0.0, 2, 0]).tolist() == [[0, 0, 2], [0, 0, 0], [2, 0, 0]]
    third = cr.grad(lambda x: cr.grad(lambda x: cr.grad(cr.prod)(x)[0])(x)[1])(cr.zeros(3))
    assert third.tolist() == [0, 0, 1]
    assert tangent(cr.prod, [0.0, 2, 3]).tolist() == 6
    assert gradient(lambda x: cr.prod(x, (0, 2)), [[[0.0, 1], [2, 3]], [[4, 5], [0, 0]]]).tolist() == [
        [[20, 0], [0, 0]],
        [[0, 0], [0, 0]],
    ]


def test_cumulative_products_are_exact_at_zeros_in_every_order():
    x = [2.0, 0, 3, 0]
    jacobian = np.array([[1, 0, 0, 0], [0, 2, 0, 0], [0, 6, 0, 0], [0, 0, 0, 0]])
    rows = [gradient(lambda x, i=i: cr.cumprod(x)[i], x) for i in range(4)]
    columns = [tangent(cr.cumprod, x, unit) for unit in np.eye(4)]
    assert np.array_equal(rows, jacobian) and np.array_equal(np.transpose(columns), jacobian)
    expected = np.zeros((4, 4))
    expected[1, 3] = expected[3, 1] = 6  # x₀x₁x₂x₃ with x₁ = x₃ = 0
    assert np.array_equal(hessian(lambda x: cr.cumprod(x)[3], x), expected)
    assert gradient(lambda x: cr.cumprod(x)[0], [2.0, INF, 3]).tolist() == [1, 0, 0]


@pytest.mark.parametrize(("function", "x"), [(cr.max, [3.0, 3, 1]), (cr.min, [3.0, 3, 5])])
def test_ties_share_equally(function, x):
    assert gradient(function, x).tolist() == [0.5, 0.5, 0]
    assert tangent(function, x, [1, 0, 0]) == 0.5
    assert gradient(function, [x, [7.0, 7, 7]]).tolist() in (
        [[0.5, 0.5, 0], [0, 0, 0]],
        [[0.5, 0.5, 0], [0.0, 0, 0]],
    ) or (function is cr.max)
    assert hessian(function, x).tolist() == np.zeros((3, 3)).tolist()
    assert gradient(lambda x: cr.norm(x, INF), [-2.0, 2, 1]).tolist() == [-0.5, 0.5, 0]


def test_nan_propagates_and_takes_the_gradient():
    x = [1.0, NAN, 2]
    for function in (cr.sum, cr.mean, cr.prod, cr.max, cr.min, cr.var, cr.std, cr.logsumexp, cr.norm):
        assert np.isnan(function(cr.tensor(x)).item())
    assert gradient(cr.max, x).tolist() == [0, 1, 0]
    assert np.isnan(cr.softmax(cr.tensor([x, [0, 0, 0]])).numpy()).tolist() == [[True] * 3, [False] * 3]
    assert cr.argmax(cr.tensor(x)).item() == 1
    # A slice whose cotangent is zero leaks nothing into the rest.
    for function in (cr.prod, cr.var, cr.std, cr.logsumexp, cr.norm):
        with np.errstate(invalid="ignore"):
            g = gradient(lambda x, f=function: f(x, axis=1)[1], [[INF, NAN, 1], [1, 2, 3]])
        assert g[0].tolist() == [0, 0, 0] and np.isfinite(g[1]).all(), function


@pytest.mark.parametrize(
    "function", [cr.norm, lambda x: cr.norm(x, 3), lambda x: cr.norm(x, 1), lambda x: cr.norm(x, INF), cr.std]
)
def test_norms_at_zero_and_the_spread_of_constants_have_derivative_zero(function):
    for x in ([0.0, 0, 0], np.zeros(3, complex), np.zeros(3, np.float32)):
        assert not gradient(function, x).any()
        assert not tangent(function, x).any()
    assert not hessian(function, [0.0, 0]).any()


def test_constants_that_are_no_binary_fractions_have_no_spread():
    x = np.full(7, 0.1)
    assert cr.std(x).item() == cr.var(x).item() == 0
    assert not gradient(cr.std, x).any()
    assert not gradient(lambda x: cr.sqrt(cr.var(x)), x).any()


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1.0, 1e160, 1e300])
@pytest.mark.parametrize("p", [2, 3, 1.5, -2])
def test_norms_neither_overflow_nor_underflow(scale, p):
    x = np.array([3.0, 4.0, -5.0]) * scale
    with mpmath.workdps(30):
        exact = [mpmath.mpf(v) for v in x.tolist()]
        norm = sum(abs(v) ** p for v in exact) ** (mpmath.mpf(1) / p)
        slope = [mpmath.sign(v) * (abs(v) / norm) ** (mpmath.mpf(p) - 1) for v in exact]
    assert cr.norm(x, p).item() == pytest.approx(float(norm), rel=1e-14 if p == 2 else 1e-13)
    np.testing.assert_allclose(gradient(lambda x: cr.norm(x, p), x), np.array(slope, float), rtol=1e-13)
    if p == 2:
        np.testing.assert_allclose(cr.std(x).item() / scale, np.std(x / scale), rtol=1e-14)
    assert cr.norm(np.float32([3e30, 4e30])).numpy() == np.float32(5e30)


def test_variance_keeps_its_digits_far_from_zero():
    x = 1e8 + np.array([0.25, 0.5, 1.0])
    exact = float(statistics.pvariance(map(Fraction, x.tolist())))
    assert cr.var(x).item() == pytest.approx(exact, rel=1e-15)


@pytest.mark.parametrize(("x", "value", "share"), [
    ([-INF, -INF], -INF, [0, 0]),
    ([INF, 1], INF, [1, 0]),
    ([INF, INF, -INF], INF, [0.5, 0.5, 0]),
    ([-INF, 0], 0, [0, 1]),
    ([1000, 1000], 1000 + math.log(2), [0.5, 0.5]),
    ([-1000, -1000], -1000 + math.log(2), [0.5, 0.5]),
])  # fmt: skip
def test_sums_of_exponentials_at_infinity(x, value, share):
    x = np.array(x, float)
    assert cr.logsumexp(x).item() == value
    assert gradient(cr.logsumexp, x).tolist() == cr.softmax(x).tolist() == share
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(cr.log_softmax(x).numpy(), np.log(share), rtol=1e-15)
    weights = np.arange(1.0, 1 + len(x))
    for function in (cr.softmax, cr.logsumexp):
        assert np.isfinite(gradient(lambda x, f=function: weights * f(x), x)).all()
        assert np.isfinite(tangent(function, x)).all()
    if np.isfinite(value):
        assert np.isfinite(hessian(cr.logsumexp, x)).all()


def test_nothing_flows_through_a_softmax_of_minus_infinity_alone():
    x = [[-INF, -INF], [0.0, 0.0]]
    weights = np.array([[1.0, 2], [1, 2]])
    for function in (cr.softmax, cr.log_softmax):
        g = gradient(lambda x, f=function: weights * f(x), x)
        assert g[0].tolist() == [0, 0] and np.isfinite(g).all() and g[1].any()
        t = tangent(function, x, weights)
        assert t[0].tolist() == [0, 0] and np.isfinite(t).all()
    assert gradient(lambda x: cr.logsumexp(x, 1), x).tolist() == [[0, 0], [0.5, 0.5]]


def test_empty_reductions():
    nothing = cr.zeros((0, 3))
    assert cr.sum(nothing, 0).tolist() == [0, 0, 0]
    assert cr.prod(nothing, 0).tolist() == [1, 1, 1]
    assert cr.logsumexp(nothing, 0).tolist() == [-INF] * 3
    assert np.isnan(cr.mean(nothing).item())
    assert cr.all(nothing).item() and not cr.any(nothing).item()
    assert cr.max(nothing, 1).shape == (0,)
    assert cr.softmax(nothing, 0).shape == (0, 3)
    assert cr.norm(nothing, INF, 0).tolist() == [0, 0, 0]
    for function in (cr.sum, cr.prod, cr.mean, cr.logsumexp, cr.norm, cr.var, cr.std):
        assert gradient(lambda x, f=function: f(x, axis=0), np.zeros((0, 3))).shape == (0, 3)
    for function in (cr.cumsum, cr.cumprod, cr.softmax, cr.log_softmax):
        assert gradient(lambda x, f=function: f(x, axis=0), np.zeros((0, 3))).shape == (0, 3)


# ----------------------------------------------------------------------------------------- dtypes, memory, spelling

FUNCTIONS = {name: REGISTRY[name].call for name in (
    "sum", "mean", "prod", "max", "min", "var", "std", "logsumexp", "softmax", "log_softmax", "cumsum", "cumprod",
    "vector_norm", "center",
)}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_narrow_floats_stay_narrow_and_right(name, dtype):
    function, x = FUNCTIONS[name], CUBE[0].astype(dtype)
    exact = function(x.astype(float), axis=1)
    y = function(x, axis=1)
    assert (
        y.dtype == gradient(lambda x: function(x, axis=1), x).dtype == tangent(lambda x: function(x, axis=1), x).dtype
    )
    assert y.dtype == dtype
    precision = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(y.numpy(), exact.numpy(), rtol=precision, atol=precision)
    weights = np.asarray(RANDOM.normal(size=y.shape), dtype)
    ours = gradient(lambda x: weights * function(x, axis=1), x)
    wide = gradient(lambda x: weights.astype(float) * function(x, axis=1), x.astype(float))
    np.testing.assert_allclose(ours, wide, rtol=precision, atol=8 * precision)


def test_dtypes_of_sums():
    for dtype, wanted in {"bool": "int64", "int8": "int64", "uint8": "uint64", "float32": "float32"}.items():
        x = np.ones(3, dtype)
        for function in (cr.sum, cr.prod, cr.cumsum, cr.cumprod):
            assert function(x).dtype == wanted
            assert function(x, dtype="float32").dtype == "float32"
    assert cr.sum(cr.symbol("x", (2,), "int8"), dtype="float32").dtype == "float32"
    assert cr.mean(np.ones(3, "int8")).dtype == cr.var(np.ones(3, "bool")).dtype == "float64"
    assert gradient(lambda x: cr.sum(x, dtype="float64"), np.ones(2, "float32")).dtype == "float32"
    assert gradient(lambda x: cr.cumprod(x, dtype="float64"), np.ones(2, "float32")).dtype == "float32"


@pytest.mark.parametrize(
    ("name", "keeps"),
    [
        ("sum", ()), ("mean", ()), ("center", ()), ("cumsum", ()), ("prod", (1,)), ("var", (1,)), ("logsumexp", (1,)),
        ("softmax", (0,)), ("log_softmax", (0,)), ("std", (0, 1)), ("max", (0, 1)), ("min", (0, 1)),
        ("cumprod", (0, 1)), ("vector_norm", (0, 1)),
    ],
)  # fmt: skip
def test_nodes_keep_no_more_than_the_rules_need(name, keeps):
    assert [i for i, kept in enumerate(REGISTRY[name].keeps(1, 1)) if kept] == list(keeps)


def test_spellings():
    x = cr.tensor(CUBE)
    assert x.sum(0).shape == cr.sum(x, 0).shape == x.sum(axis=-3).shape == (3, 4)
    assert x.mean((0, -1), True).shape == (1, 3, 1)
    assert x.norm().item() == pytest.approx(np.linalg.norm(CUBE.ravel()), rel=1e-15)
    for order in (None, "fro", 1, -1, INF, -INF):
        assert cr.norm(CUBE[0], order).item() == pytest.approx(np.linalg.norm(CUBE[0], order), rel=1e-14)
        keep = cr.norm(CUBE, order, (2, 0), keepdims=True).numpy()
        np.testing.assert_allclose(keep, np.linalg.norm(CUBE, order, (2, 0), keepdims=True), rtol=1e-14)
    assert cr.argmax(x).item() == CUBE.argmax()
    assert cr.softmax(3.0, axis=None).item() == 1
    assert cr.all(x > -9, axis=()).shape == x.shape
    assert cr.linear_recurrence(np.ones(20000), np.full(20000, 0.5))[-1].item() == 2


def test_layouts_and_numpy_scalars():
    for view in (CUBE.T, CUBE[:, ::-1], CUBE[:, :, ::2], np.broadcast_to(CUBE[0], (2, 3, 4))):
        for name, function in FUNCTIONS.items():
            plain = function(view.copy(), axis=1).numpy()
            np.testing.assert_allclose(function(view, axis=1).numpy(), plain, rtol=1e-14, err_msg=name)
    for name in ("sum", "mean", "prod", "max", "min", "logsumexp", "vector_norm"):
        assert gradient(FUNCTIONS[name], 2.0) == 1, name
    assert gradient(cr.var, 2.0) == gradient(cr.std, 2.0) == 0
    np.testing.assert_allclose(
        gradient(lambda x: cr.logsumexp(x[:, ::-1], 1), CUBE), special.softmax(CUBE, axis=1), rtol=1e-14
    )


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: cr.max(cr.zeros((0, 3)), axis=0),
            cr.ShapeError,
            "[max] an operand of shape (0, 3) has no elements along axis 0, and max of nothing is undefined; "
            "expected at least one; check its shape, or join a bound to it first with concat.",
        ),
        (
            lambda: cr.argmin(cr.zeros(0)),
            cr.ShapeError,
            "[argmin] an operand of shape (0,) has no elements at all, and argmin of nothing is undefined; "
            "expected at least one; check its shape, or join a bound to it first with concat.",
        ),
        (
            lambda: cr.max(Z),
            cr.DTypeError,
            "[max] an operand is complex128, and complex numbers have no order; expected real numbers; "
            "use its real or imaginary part, or abs(x).",
        ),
        (
            lambda: cr.cumsum(cr.zeros((2, 3))),
            cr.AxisError,
            "[cumsum] axis is missing for an operand of shape (2, 3), and it is implied for 1-d operands only; "
            "expected an axis from -2 to 1; write reshape(x, -1) first, or cumsum(x, axis=0).",
        ),
        (
            lambda: cr.cumprod(2.0),
            cr.AxisError,
            "[cumprod] axis is missing for an operand of shape (), and it is implied for 1-d operands only; "
            "expected at least one axis; write cumprod(reshape(x, 1)).",
        ),
        (
            lambda: cr.softmax(cr.zeros(3), axis=1),
            cr.AxisError,
            "[softmax] axis 1 is out of range for an operand with 1 axes; expected an integer from -1 to 0; "
            "check the operand's shape.",
        ),
        (
            lambda: cr.sum(cr.zeros((2, 3)), 0, 1),
            cr.DTypeError,
            "[sum] dtype 1 is unknown; expected a numeric NumPy dtype, such as 'float32'.",
        ),
        (
            lambda: cr.var(cr.zeros(3), correction="1"),
            cr.DTypeError,
            "[var] correction is '1'; expected a number, which is taken from the count of elements; "
            "write correction=1 for the unbiased estimate.",
        ),
        (
            lambda: cr.norm(cr.zeros((2, 3)), 3),
            cr.DTypeError,
            "[matrix_norm] ord is 3; expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; for the norm of all elements as "
            "one vector use vector_norm(x, ord=...).",
        ),
        (
            lambda: cr.norm(cr.zeros((2, 3, 4)), 1),
            cr.ShapeError,
            "[norm] ord 1 was asked of an operand with 3 axes and axis=None; expected one axis for the norm of "
            "vectors, or two for the norm of matrices; give axis, or leave ord out for √Σ|x|².",
        ),
        (
            lambda: cr.norm(cr.zeros(3), "max"),
            cr.DTypeError,
            "[vector_norm] ord is 'max'; expected a number, or an infinity for the largest element; "
            "use norm(x, ord) for the norms of matrices.",
        ),
    ],
)
def test_errors_teach(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert caught.value.message == text


def test_positions_have_no_derivative():
    with pytest.raises(cr.GradientError, match="does not require a gradient: it has dtype int64"):
        x = cr.tensor([1.0, 2.0], requires_grad=True)
        cr.gradients(cr.argmax(x), x)

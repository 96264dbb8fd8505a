"""Ties, NaN and errors of sorting, quantiles, running extremes, and what stands along an axis."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError
from chainrule.ops import ops
from chainrule.testing import numeric_derivative

THREE = np.array([3.0, 3.0, 1.0])
TIES = {
    "sort": (lambda x: cr.sort(x)[2], [0.5, 0.5, 0.0]),
    "sort, descending": (lambda x: cr.sort(x, descending=True)[0], [0.5, 0.5, 0.0]),
    "sort, all places": (lambda x: cr.sum(cr.sort(x) * np.array([1.0, 2.0, 4.0])), [3.0, 3.0, 1.0]),
    "partition": (lambda x: cr.partition(x, 2)[2], [0.5, 0.5, 0.0]),
    "median": (cr.median, [0.5, 0.5, 0.0]),
    "quantile": (lambda x: cr.quantile(x, 1.0), [0.5, 0.5, 0.0]),
    "nanmedian": (cr.nanmedian, [0.5, 0.5, 0.0]),
    "top_k": (lambda x: cr.top_k(x, 1)[0][0], [0.5, 0.5, 0.0]),
    "cummax": (lambda x: cr.cummax(x)[1], [0.5, 0.5, 0.0]),
    "cummax, at the end": (lambda x: cr.cummax(x)[2], [0.5, 0.5, 0.0]),
    "nanmax": (cr.nanmax, [0.5, 0.5, 0.0]),
    "unique": (lambda x: cr.unique(x)[1], [0.5, 0.5, 0.0]),
    "segment_max": (lambda x: cr.segment_max(x, np.array([0, 0, 0]))[0], [0.5, 0.5, 0.0]),
    "fmax": (lambda x: cr.fmax(x[0], x[1]), [0.5, 0.5, 0.0]),
}


@pytest.mark.parametrize("case", TIES)
def test_equal_elements_share_the_gradient(case):
    f, expected = TIES[case]
    np.testing.assert_array_equal(cr.grad(f)(THREE), expected)
    moved = [float(cr.jvp(f, (THREE,), (t,))[1]) for t in np.eye(3)]
    np.testing.assert_array_equal(moved, expected)


@np.errstate(all="ignore")
@pytest.mark.parametrize("select", [lambda y: cr.sort(y)[1], lambda y: cr.quantile(y, 1.0), lambda y: cr.cummax(y)[1]])
def test_nothing_leaks_from_what_was_not_selected(select):
    # √x has an infinite derivative at 0, in the element that is not the largest.
    gradient = cr.grad(lambda x: select(cr.sqrt(x)))(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(gradient, [0.0, 0.25])


def test_nan_comes_last_and_makes_quantiles_nan():
    x = np.array([2.0, np.nan, 1.0])
    np.testing.assert_array_equal(cr.sort(x), [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(cr.sort(x, descending=True), [np.nan, 2.0, 1.0])
    np.testing.assert_array_equal(cr.top_k(x, 2)[0], [np.nan, 2.0])
    for tracked in (x, cr.tensor(x, requires_grad=True)):
        assert np.isnan(float(cr.median(tracked)))
        assert np.isnan(float(cr.quantile(tracked, 0.0)))
    np.testing.assert_array_equal(cr.grad(lambda x: cr.nanquantile(x, 0.5))(x), [0.5, 0.0, 0.5])


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"])
def test_reductions_pass_over_nan(name):
    x = np.array([[1.5, np.nan, -2.0], [np.nan, np.nan, np.nan], [0.5, 4.0, 1.0]])
    plain = name[3:]
    gradient = cr.grad(lambda x: cr.sum(getattr(cr, name)(x, axis=1)[np.array([0, 2])]))(x)
    found = getattr(cr, name)(x, axis=1)
    for i in (0, 2):
        kept = ~np.isnan(x[i])
        np.testing.assert_allclose(found[i], getattr(np, plain)(x[i][kept]), 1e-14)
        np.testing.assert_allclose(gradient[i][kept], cr.grad(getattr(cr, plain))(x[i][kept]), 1e-14)
        assert not np.any(gradient._value[i][~kept])
    assert float(found[1]) == {"nansum": 0.0, "nanprod": 1.0}.get(name, float(found[1])) or np.isnan(float(found[1]))


@pytest.mark.parametrize("method", ["linear", "hazen", "weibull", "median_unbiased"])
def test_quantiles_move_with_q(method):
    x = np.array([3.0, 1.0, 4.5, 9.0, 2.0])
    for name, scale in (("quantile", 1.0), ("nanquantile", 1.0), ("percentile", 100.0)):
        slope = float(cr.grad(lambda q, name=name: getattr(cr, name)(x, q, method=method))(0.43 * scale))
        numeric = numeric_derivative(lambda h, s=scale: np.quantile(x, 0.43 + h / s, method=method), step=2.0**-8)
        np.testing.assert_allclose(slope, numeric, 1e-9)


def test_quantiles_of_infinities():
    x = np.array([1.0, 2.0, np.inf, np.inf])
    for tracked in (x, cr.tensor(x, requires_grad=True)):
        assert float(cr.quantile(tracked[:3], 0.5)) == 2.0
    assert float(cr.quantile(cr.tensor(x, requires_grad=True), 1.0)) == np.inf


def test_many_ranks_are_found_by_sorting():
    x = np.random.default_rng(0).normal(size=(50, 3))
    ranks = np.arange(49, -1, -2)
    np.testing.assert_array_equal(ops.order_statistics(x, ranks, axis=0), np.sort(x, 0)[ranks])


def test_top_k_takes_the_first_of_equal_elements():
    x = np.array([1.0, 7.0, 7.0, 0.0, 7.0] + [0.0] * 30)
    np.testing.assert_array_equal(cr.top_k(x, 2)[1], [1, 2])
    np.testing.assert_array_equal(cr.top_k(x, 2, largest=False)[1], [3, 5])


def test_numpys_functions_sort_tensors():
    x = cr.tensor([3.0, 1.0, 2.0], requires_grad=True)
    np.sum(np.sort(x) * np.array([1.0, 2.0, 4.0])).backward()
    np.testing.assert_array_equal(x.grad, [4.0, 1.0, 2.0])
    np.testing.assert_array_equal(cr.grad(lambda x: np.percentile(x, 100))(np.array([1.0, 5.0])), [0.0, 1.0])
    np.testing.assert_array_equal(cr.grad(lambda x: np.nanmean(x))(np.array([1.0, np.nan, 3.0])), [0.5, 0.0, 0.5])


def test_errors_of_sorting():
    x = cr.ones(3)
    assert_message(
        AxisError,
        "[sort] axis 1 is out of range for an operand with 1 axes; expected an integer from -1 to 0; check the "
        "operand's shape.",
        lambda: cr.sort(x, axis=1),
    )
    assert_message(
        DTypeError,
        "[argsort] an operand is complex128, and complex numbers have no order; expected real numbers; use its real or "
        "imaginary part, or abs(x).",
        lambda: cr.argsort(cr.astype(x, "complex128")),
    )
    assert_message(
        ShapeError,
        "[partition] kth 3 is out of range for axis 0 of size 3; expected ranks from -3 to 2; rank 0 is the smallest "
        "element.",
        lambda: cr.partition(x, 3),
    )
    assert_message(
        DTypeError,
        "[argpartition] kth is 1.5; expected an integer or a sequence of integers; give the ranks of the pivots.",
        lambda: cr.argpartition(x, 1.5),
    )
    assert_message(
        ShapeError,
        "[top_k] k is 4 for axis 0 of size 3; expected a number from 0 to that size; choose a smaller k.",
        lambda: cr.top_k(x, 4),
    )
    assert_message(
        DTypeError,
        "[top_k] k is 1.5; expected an integer; give the number of elements.",
        lambda: cr.top_k(x, 1.5),
    )
    assert_message(
        AxisError,
        "[order_statistics] rank 3 is out of range for axis 0 of size 3; expected ranks from -3 to 2; rank 0 is the "
        "smallest element.",
        lambda: ops.order_statistics(x, np.array([3])),
    )
    assert_message(
        ShapeError,
        "[order_statistics] the ranks have shape (1, 1); expected one axis; use take_along_axis(sort(x), ranks) for "
        "ranks that differ.",
        lambda: ops.order_statistics(x, np.array([[1]])),
    )
    assert_message(
        ShapeError,
        "[tie_mean] the groups have shape (2,) and the operand (3,); expected equal shapes; take the groups from "
        "tie_groups of sorted elements.",
        lambda: ops.tie_mean(x, np.array([0, 1])),
    )


def test_errors_of_quantiles():
    x = cr.ones(3)
    assert_message(
        DomainError,
        "[quantile] q holds 1.5; expected numbers from 0 to 1; use percentile for numbers from 0 to 100.",
        lambda: cr.quantile(x, 1.5),
    )
    assert_message(
        DomainError,
        "[nanpercentile] q holds -2; expected numbers from 0 to 100; use nanquantile for numbers from 0 to 1.",
        lambda: cr.nanpercentile(x, -2.0),
    )
    assert_message(
        DomainError,
        "[quantile] method is 'middle'; expected one of averaged_inverted_cdf, closest_observation, hazen, higher, "
        "interpolated_inverted_cdf, inverted_cdf, linear, lower, median_unbiased, midpoint, nearest, normal_unbiased, "
        "weibull; leave it out for 'linear'.",
        lambda: cr.quantile(x, 0.5, method="middle"),
    )
    assert_message(
        ShapeError,
        "[median] an operand of shape (0,) has no elements at all, and median of nothing is undefined; expected at "
        "least one; check its shape, or join a bound to it first with concat.",
        lambda: cr.median(cr.zeros(0)),
    )
    assert_message(
        DTypeError,
        "[quantile] the operand is bool, and quantiles lie between numbers; expected real numbers; convert it with "
        "astype('float64').",
        lambda: cr.quantile(x > 0, 0.5),
    )
    assert_message(
        DTypeError,
        "[quantile] q is complex128; expected real numbers from 0 to 1; take its real part.",
        lambda: cr.quantile(x, np.array(0.5j)),
    )
    assert_message(
        DomainError,
        "[nanargmax] all elements of a slice are NaN, and none has a place; expected at least one number; remove the "
        "slice, or replace NaN with nan_to_num.",
        lambda: cr.nanargmax(cr.tensor([np.nan])),
    )


def test_errors_along_an_axis():
    x = cr.ones((2, 3))
    assert_message(
        DomainError,
        "[take] mode is 'bounce'; expected 'raise', 'wrap' or 'clip'; leave it out for 'raise'.",
        lambda: cr.take(x, np.array([0]), mode="bounce"),
    )
    assert_message(
        AxisError,
        "[take_along_axis] index 5 is out of range for axis 1 of size 3; expected indices from -3 to 2; check the "
        "indices.",
        lambda: cr.take_along_axis(x, np.array([[5], [0]]), axis=1),
    )
    assert_message(
        ShapeError,
        "[take_along_axis] the indices have shape (2,) and the operand (2, 3); expected as many axes; insert axes with "
        "indices[:, None], or use take for the same indices everywhere.",
        lambda: cr.take_along_axis(x, np.array([0, 1]), axis=1),
    )
    assert_message(
        DTypeError,
        "[take_along_axis] the array of indices has dtype float64; expected integers; convert it with astype('int64').",
        lambda: cr.take_along_axis(x, cr.ones((2, 1)), axis=1),
    )
    assert_message(
        AxisError,
        "[cummax] axis is missing for an operand of shape (2, 3), and it is implied for 1-d operands only; expected an "
        "axis from -2 to 1; name one, or write reshape(x, -1) first.",
        lambda: cr.cummax(x),
    )


def test_indices_of_any_integer_dtype_take_their_gradient_along():
    for dtype in ("uint64", "uint8", "int8"):
        found = cr.grad(lambda x, i: cr.sum(cr.take_along_axis(x, i, axis=0) * np.array([1.0, 2.0])))(
            np.array([3.0, 4.0, 5.0]), np.array([2, 0], dtype)
        )
        assert found.tolist() == [2.0, 0.0, 1.0]

"""Segments, histograms, sets, choices, signals and polynomials: gradients where samples cannot move, and messages."""

import numpy as np
import pytest
from messages import assert_message
from scipy import integrate

import chainrule as cr
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError, SymbolError
from chainrule.op import REGISTRY
from chainrule.ops import raw
from chainrule.testing import numeric_derivative

POINTS = np.array([-1.5, -0.3, 0.2, 1.1, 2.4, 3.0])
VALUES = np.array([0.7, -1.2, 0.4, 2.2, 1.9, -0.6])


def slopes(f, reference, point):
    """The gradient of a function of coordinates against differences of NumPy's or SciPy's."""
    gradient = cr.grad(f)(point)
    for i, unit in enumerate(np.eye(len(point))):
        numeric = numeric_derivative(lambda h, unit=unit: reference(point + h * unit), step=2.0**-8)
        np.testing.assert_allclose(gradient[i], numeric, 1e-8, 1e-8)


@pytest.mark.parametrize("size", [5, 6])
def test_integrals_move_with_their_coordinates(size):
    y, x = VALUES[:size], POINTS[:size]
    slopes(lambda x: cr.simpson(y, x), lambda x: integrate.simpson(y, x), x)
    slopes(lambda x: cr.trapezoid(y, x), lambda x: np.trapezoid(y, x), x)
    weights = np.cos(np.arange(size))
    for order in (1, 2):
        slopes(
            lambda x, order=order: cr.sum(cr.gradient(y, x, edge_order=order) * weights),
            lambda x, order=order: np.sum(np.gradient(y, x, edge_order=order) * weights),
            x,
        )


def test_interpolation_moves_with_its_points():
    x = np.array([-0.9, 0.1, 1.7])
    slopes(lambda p: cr.sum(cr.interp(x, p, VALUES)), lambda p: np.sum(np.interp(x, p, VALUES)), POINTS)
    slopes(
        lambda p: cr.sum(cr.interp(x, p, VALUES, period=5.0)),
        lambda p: np.sum(np.interp(x, p, VALUES, period=5.0)),
        POINTS,
    )
    complex_values = VALUES + 1j * POINTS
    np.testing.assert_allclose(cr.interp(x, POINTS, complex_values), np.interp(x, POINTS, complex_values), 1e-15)


def test_histograms_move_with_weights_and_extremes():
    x, w = np.array([0.1, 0.4, 0.35, 2.0, 1.4]), np.array([1.0, 2.0, 0.5, 4.0, 3.0])
    for density in (False, True):
        for bins in (3, [0.0, 0.5, 3.0]):
            ours = cr.histogram(x, bins, density=density, weights=cr.tensor(w, requires_grad=True))[0]
            np.testing.assert_allclose(ours.detach(), np.histogram(x, bins, density=density, weights=w)[0], 1e-14)
            slopes(
                lambda w, b=bins, d=density: cr.histogram(x, b, density=d, weights=w)[0][1],
                lambda w, b=bins, d=density: np.histogram(x, b, density=d, weights=w)[0][1],
                w,
            )
    slopes(lambda x: cr.histogram_bin_edges(x, 3)[1], lambda x: np.histogram_bin_edges(x, 3)[1], x)
    np.testing.assert_array_equal(cr.histogram(x, 4, (0.2, 1.5))[0], np.histogram(x, 4, (0.2, 1.5))[0])


def test_distinct_elements_carry_gradients():
    x = np.array([3.0, 1.0, 3.0, 2.0, np.nan, np.nan])
    for found in (cr.unique(x), cr.unique(cr.tensor(x, requires_grad=True)).detach()):
        np.testing.assert_array_equal(found, np.unique(x))
    assert cr.unique_values(x).shape == (5,)
    gradient = cr.grad(lambda x: cr.sum(cr.unique_all(x).values * np.array([1.0, 2.0, 4.0])))(x[:4])
    np.testing.assert_array_equal(gradient, [2.0, 1.0, 2.0, 2.0])
    rows = np.array([[1.0, 2.0], [0.0, 2.0], [1.0, 2.0]])
    np.testing.assert_array_equal(
        cr.unique(cr.tensor(rows, requires_grad=True), axis=0).detach(), np.unique(rows, axis=0)
    )


def test_what_is_not_chosen_leaks_nothing():
    with np.errstate(all="ignore"):
        gradient = cr.grad(lambda x: cr.sum(cr.select([x > 0], [cr.sqrt(x)], 0.0)))(np.array([0.0, 4.0]))
        np.testing.assert_array_equal(gradient, [0.0, 0.25])
        gradient = cr.grad(lambda x: cr.sum(cr.piecewise(x, [x > 0], [cr.sqrt, lambda x: 2 * x])))(np.array([0.0, 4.0]))
        np.testing.assert_array_equal(gradient, [2.0, 0.25])
        gradient = cr.grad(lambda x: cr.sum(cr.nan_to_num(cr.log(x))))(np.array([-1.0, 4.0]))
        np.testing.assert_array_equal(gradient, [0.0, 0.25])


def test_steps_have_no_slope():
    np.testing.assert_array_equal(cr.grad(lambda h: cr.sum(cr.heaviside(np.array([0.0, 1.0]), h)))(0.5), 1.0)
    np.testing.assert_array_equal(cr.grad(lambda x: cr.sum(cr.heaviside(x, 0.5)))(np.array([0.0, 1.0])), [0.0, 0.0])


def test_search_in_many_rows():
    rows = np.sort(np.random.default_rng(0).normal(size=(3, 7)), axis=1)
    rows[1, -2:] = np.nan
    wanted = np.append(np.random.default_rng(1).normal(size=(3, 4)), np.full((3, 1), np.nan), axis=1)
    for side in ("left", "right"):
        found = REGISTRY["searchsorted_in"].batch(raw, (True, True), rows, wanted, side=side)
        np.testing.assert_array_equal(found, [np.searchsorted(a, b, side) for a, b in zip(rows, wanted, strict=True)])


def test_symbols_have_no_shape_that_depends_on_values():
    x = cr.symbol("x", shape=(3,))
    told = "an operand is symbolic (float64[3]), and the shape of the result depends on its values; expected a Tensor "
    told += "with a value; call it outside of the symbolic function."
    assert_message(SymbolError, f"[unique] {told}", lambda: cr.unique(x))
    assert_message(SymbolError, f"[nonzero] {told}", lambda: cr.nonzero(x))
    assert_message(SymbolError, f"[flatnonzero] {told}", lambda: cr.flatnonzero(x))


def test_errors_of_segments_and_bins():
    x = cr.ones(3)
    assert_message(
        AxisError,
        "[segment_sum] segment 5 is out of range for 2 segments; expected numbers from 0 to 1; raise num_segments, or "
        "leave it out.",
        lambda: cr.segment_sum(x, np.array([0, 5, 1]), 2),
    )
    assert_message(
        ShapeError,
        "[segment_max] segment_ids has shape (2,) and data (3,); expected one segment for each element along axis 0; "
        "move the axis of the segments to the front with moveaxis.",
        lambda: cr.segment_max(x, np.array([0, 1])),
    )
    assert_message(
        DomainError,
        "[bincount] x holds -1; expected integers of at least 0, each the number of a bin; subtract the smallest "
        "first.",
        lambda: cr.bincount(np.array([0, -1])),
    )
    assert_message(
        DomainError,
        "[digitize] bins neither ascend nor descend; expected edges in order; sort them first with sort(bins).",
        lambda: cr.digitize(x, np.array([0.0, 2.0, 1.0])),
    )
    assert_message(
        DomainError,
        "[searchsorted] side is 'middle'; expected 'left' or 'right'; choose one of these.",
        lambda: cr.searchsorted(x, x, side="middle"),
    )
    assert_message(
        ShapeError,
        "[searchsorted] x1 has shape (2, 2); expected one axis of ascending elements; search row by row, or write "
        "reshape(x1, -1) first.",
        lambda: cr.searchsorted(cr.ones((2, 2)), x),
    )


def test_errors_of_signals_and_polynomials():
    x = cr.ones(3)
    assert_message(
        DomainError,
        "[convolve] mode is 'some'; expected 'full', 'same' or 'valid'; choose one of these.",
        lambda: cr.convolve(x, x, mode="some"),
    )
    assert_message(
        ShapeError,
        "[convolve] an operand has no elements; expected at least one; check its shape.",
        lambda: cr.convolve(x, cr.zeros(0)),
    )
    assert_message(
        ShapeError,
        "[interp] xp has shape (3,) and fp (2,); expected one axis, of equal size and not empty; give a value for each "
        "point.",
        lambda: cr.interp(x, x, cr.ones(2)),
    )
    assert_message(
        DomainError,
        "[roots] the first coefficient is 0; expected finite numbers, the first not 0, which decides how many roots "
        "there are; cut off the zeros.",
        lambda: cr.roots(cr.tensor([0.0, 1.0])),
    )
    assert_message(
        DomainError,
        "[diff] n is -1; expected an integer of at least 0; write n=1 for one difference.",
        lambda: cr.diff(x, n=-1),
    )
    assert_message(
        ShapeError,
        "[gradient] axis 0 has size 1; expected at least 2 elements for edge_order=1; choose other axes with axis=.",
        lambda: cr.gradient(cr.ones(1)),
    )
    assert_message(
        DTypeError,
        "[gradient] 2 spacings were given for 1 axes; expected one number for all, or a number or an array of "
        "coordinates for each axis; leave them out for distances of 1.",
        lambda: cr.gradient(x, 1.0, 2.0),
    )
    assert_message(
        ShapeError,
        "[trapezoid] x has shape (2,) and axis 0 of y size 3; expected a coordinate for each element; give dx instead "
        "if they are evenly spaced.",
        lambda: cr.trapezoid(x, cr.ones(2)),
    )
    assert_message(
        DomainError,
        "[choose] the index holds 2 and there are 2 choices; expected numbers from 0 to 1; use mode='wrap' or "
        "mode='clip' for others.",
        lambda: cr.choose(np.array([2]), [x, x]),
    )
    assert_message(
        ShapeError,
        "[average] weights has shape (2,) and x (3,), axis=None; expected the shape of x, or that of the reduced axes; "
        "name the axes that the weights belong to.",
        lambda: cr.average(x, weights=cr.ones(2)),
    )

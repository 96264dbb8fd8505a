"""The programs of bench/adbench at small sizes, and their derivatives against complex steps through them in NumPy."""

from functools import partial

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import multivariate_normal, wishart

from bench.adbench import ba, gmm, hand, lstm
from bench.native import libraries

STEP = 1e-30
NAMES = libraries.numpy_names()


def ours(call):
    return call.function(*call.arguments)


def derivatives(function, inputs, position):
    """∂f/∂x of the input at ``position``, axes of x in front: f(x + ih) = f(x) + ih f′(x) up to h²."""
    x, found = inputs[position], []
    for index in np.ndindex(x.shape):
        shifted = x.astype(complex)
        shifted[index] += 1j * STEP
        found.append(np.imag(function(*inputs[:position], shifted, *inputs[position + 1 :])) / STEP)
    return np.reshape(found, x.shape + np.shape(found[0]))


def same(found, expected, rtol=1e-11):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


# ------------------------------------------------------------------------------------ Gaussian mixtures


def padded(below, d):
    return gmm.padded_lower(np, below, d)


@pytest.mark.parametrize("sizes", [(1, 2, 3), (2, 5, 4), (4, 3, 6)])
def test_gradient_of_a_gaussian_mixture(sizes):
    inputs = gmm.data(*sizes)
    function = partial(gmm.program(padded, *sizes), NAMES)
    value, gradients = ours(gmm.ours(*sizes))
    same(value, function(*inputs))
    for position, gradient in enumerate(gradients):
        same(gradient, derivatives(function, inputs, position))


def test_a_mixture_of_one_is_the_density_of_a_normal_distribution_and_of_its_prior():
    _, means, icf, x = gmm.data(3, 1, 5)
    factor = np.diag(np.exp(icf[0, :3]))
    factor[np.tril_indices(3, -1)] = icf[0, 3:]
    precision = factor.T @ factor
    density = multivariate_normal(means[0], np.linalg.inv(precision)).logpdf(x).sum()
    prior = wishart(3 + gmm.M + 1, np.eye(3) / gmm.GAMMA**2).logpdf(precision)
    same(ours(gmm.ours(3, 1, 5, "itself")), density + prior)


# ------------------------------------------------------------------------------------ bundle adjustment


def errors(camera, point, weight, feature):
    return np.stack([ba.residual(np, *row) for row in zip(camera, point, weight, feature, strict=True)])


def blocks(rows, position):
    """The derivatives of every error by its own camera or point: a column of all of them at once."""
    columns = []
    for j in range(rows[position].shape[1]):
        moved = rows[position].astype(complex)
        moved[:, j] += 1j * STEP
        columns.append(np.imag(errors(*rows[:position], moved, *rows[position + 1 :])) / STEP)
    return np.stack(columns, 2)


def test_blocks_of_bundle_adjustment():
    (by_camera, by_point, by_weight), regular = ours(ba.ours(3, 5, 8))
    inputs = ba.data(3, 5, 8)
    rows = ba.observed(inputs)
    same(by_camera, blocks(rows, 0))
    same(by_point, blocks(rows, 1))
    same(by_weight, np.imag(errors(*rows[:2], rows[2] + 1j * STEP, rows[3])) / STEP)
    same(regular, -2 * inputs[2])


def test_a_camera_that_is_not_turned():
    call = ba.ours(1, 5, 8)
    call.arguments[0][0, :3] = 0.0
    (by_camera, by_point, _), _ = ours(call)
    rows = ba.observed(call.arguments)
    rows[0][:, :3] = 1e-9  # where Rodrigues' formula holds
    same(by_camera, blocks(rows, 0), rtol=1e-7)
    same(by_point, blocks(rows, 1), rtol=1e-7)


def test_rotation_is_a_rotation():
    for r, x in np.random.default_rng(0).normal(size=(5, 2, 3)):
        same(ba.rotated(np, r, x), Rotation.from_rotvec(r).apply(x))
        same(hand.turn(np, r), Rotation.from_rotvec(r).as_matrix())


# ------------------------------------------------------------------------------------ hand tracking


def test_jacobian_of_a_hand():
    expected = derivatives(partial(hand.errors, np), hand.data(30, 12), 0)
    same(ours(hand.ours(30, 12)), np.moveaxis(expected, 0, -1))


def test_jacobian_of_a_hand_that_touches_triangles():
    _, inputs = hand.problem(30, 12, True)
    expected = derivatives(partial(hand.inside, np), inputs, 0)
    same(ours(hand.ours(30, 12, True)), np.moveaxis(expected, 0, -1))
    corner = (*inputs[:-1], np.tile([0.0, 0.0], (12, 1)))
    same(hand.inside(np, *corner), hand.errors(np, inputs[0][:26], *inputs[1:5], inputs[5][:, 2], inputs[6]))


def test_bones_bend_by_euler_angles():
    angles = np.random.default_rng(0).normal(size=(4, 3))
    same(hand.bent(np, angles)[:, :3, :3], Rotation.from_euler("xyz", angles).as_matrix())


def test_a_hand_at_rest_has_the_shape_of_its_mesh():
    theta, relative, inverse, mesh, weights, *_ = hand.data(20, 5)
    theta = np.r_[theta[:6], np.zeros(20)]
    expected = mesh @ hand.turn(np, theta[:3]).T + theta[3:6]
    same(hand.posed(np, theta, relative, inverse, mesh, weights), expected)


# ------------------------------------------------------------------------------------ LSTM


@pytest.mark.parametrize("sizes", [(1, 3), (2, 6)])
def test_gradient_of_a_sequence_model(sizes):
    inputs, function = lstm.data(*sizes), partial(lstm.program, NAMES)
    value, gradients = ours(lstm.ours(*sizes))
    same(value, function(*inputs))
    for position, gradient in enumerate(gradients):
        same(gradient, derivatives(function, inputs, position))

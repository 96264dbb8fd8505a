"""The programs of bench/adbench at small sizes, and their derivatives against complex steps through them in NumPy."""

import numpy as np
import pytest
from scipy.special import logsumexp

from bench.adbench import ba, gmm, hand, lstm

STEP = 1e-30


def derivatives(function, x):
    """∂f/∂x by complex steps, with the axes of x in front: f(x + ih) = f(x) + ih f′(x) up to h²."""
    found = []
    for index in np.ndindex(x.shape):
        shifted = x.astype(complex)
        shifted[index] += 1j * STEP
        found.append(np.imag(function(shifted)) / STEP)
    return np.reshape(found, x.shape + np.shape(found[0]))


def replaced(function, inputs, position):
    """The function of the input at ``position`` alone."""
    return lambda x: function(*inputs[:position], x, *inputs[position + 1 :])


def same(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max())


# ------------------------------------------------------------------------------------ Gaussian mixtures


def mixture(*inputs):
    (k, d), (rows, columns) = inputs[1].shape, np.tril_indices(inputs[1].shape[1], -1)

    def lower(below):
        transposed = np.zeros((k, d, d), below.dtype)
        transposed[:, columns, rows] = below
        return transposed

    return gmm.log_posterior(np, logsumexp, lower, *inputs)


@pytest.mark.parametrize("sizes", [(1, 2, 3), (2, 5, 4), (4, 3, 6)])
def test_gradient_of_a_gaussian_mixture(sizes):
    inputs = gmm.data(*sizes)
    pair = gmm.ours(inputs)
    same(pair.objective(), mixture(*inputs))
    for position, gradient in enumerate(pair.derivative()):
        same(gradient, derivatives(replaced(mixture, inputs, position), inputs[position]))


def test_a_mixture_of_one_is_the_density_of_a_normal_distribution_and_of_its_prior():
    from scipy.stats import multivariate_normal, wishart

    alphas, means, icf, x = gmm.data(3, 1, 5)
    factor = np.diag(np.exp(icf[0, :3]))
    factor[np.tril_indices(3, -1)] = icf[0, 3:]
    precision = factor.T @ factor
    density = multivariate_normal(means[0], np.linalg.inv(precision)).logpdf(x).sum()
    # The prior of a precision matrix of Wishart's distribution, in which det(precision) has the power m / 2.
    freedom = 3 + gmm.M + 1
    prior = wishart(freedom, np.eye(3) / gmm.GAMMA**2).logpdf(precision)
    same(gmm.ours((alphas, means, icf, x)).objective(), density + prior)


# ------------------------------------------------------------------------------------ bundle adjustment


def errors(camera, point, weight, feature):
    rows = zip(camera, point, weight, feature, strict=True)
    return np.stack([ba.residual(np, *row) for row in rows])


@pytest.mark.parametrize("still", [False, True])
def test_blocks_of_bundle_adjustment(still):
    inputs = ba.data(3, 5, 8)
    if still:
        inputs[0][1, :3] = 0.0  # a camera that is not turned
    pair = ba.ours(inputs)
    (by_camera, by_point, by_weight), regular = pair.derivative()
    rows = list(ba.observed(inputs))
    found, weights = pair.objective()
    same(found, errors(*rows))
    same(weights, 1 - inputs[2] ** 2)
    same(regular, -2 * inputs[2])
    same(by_weight, np.imag(replaced(errors, rows, 2)(rows[2] + 1j * STEP)) / STEP)
    if still:
        rows[0] = np.where(rows[0] == 0, 1e-9, rows[0])  # the other branch, next to it
    for blocks, position in ((by_camera, 0), (by_point, 1)):
        for j in range(rows[position].shape[1]):
            step = rows[position].astype(complex)
            step[:, j] += 1j * STEP
            expected = np.imag(replaced(errors, rows, position)(step)) / STEP
            np.testing.assert_allclose(np.asarray(blocks)[:, :, j], expected, rtol=1e-7 if still else 1e-12, atol=1e-7)


def test_rotation_is_a_rotation():
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(0)
    for r, x in rng.normal(size=(5, 2, 3)):
        same(ba.rotated(np, r, x), Rotation.from_rotvec(r).apply(x))
        same(hand.turn(np, r), Rotation.from_rotvec(r).as_matrix())


# ------------------------------------------------------------------------------------ hand tracking


def test_jacobian_of_a_hand():
    inputs = hand.data(30, 12)
    pair = hand.ours(inputs)
    same(pair.objective(), hand.objective(np, *inputs))
    by_theta = derivatives(lambda theta: hand.objective(np, theta, *inputs[1:]), inputs[0])
    same(pair.derivative(), np.moveaxis(by_theta, 0, -1))


def test_bones_bend_by_euler_angles():
    from scipy.spatial.transform import Rotation

    angles = np.random.default_rng(0).normal(size=(4, 3))
    same(hand.bent(np, angles)[:, :3, :3], Rotation.from_euler("xyz", angles).as_matrix())


def test_a_hand_at_rest_has_the_shape_of_its_mesh():
    theta, *others = hand.data(20, 5)
    theta = np.r_[theta[:6], np.zeros(20)]
    expected = others[2] @ hand.turn(np, theta[:3]).T + theta[3:6]
    same(hand.posed(np, theta, *others[:4]), expected)


# ------------------------------------------------------------------------------------ LSTM


def sequence(*inputs):
    return lstm.loss(np, lstm.loop(np.stack), lambda x: 1 / (1 + np.exp(-x)), *inputs)


@pytest.mark.parametrize("sizes", [(1, 3), (2, 6)])
def test_gradient_of_a_sequence_model(sizes):
    inputs = lstm.data(*sizes)
    pair = lstm.ours(inputs)
    same(pair.objective(), sequence(*inputs))
    for position, gradient in enumerate(pair.derivative()):
        same(gradient, derivatives(replaced(sequence, inputs, position), inputs[position]))

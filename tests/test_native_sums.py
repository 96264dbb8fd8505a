"""Sums in machine code: as accurate as pairwise summation for what is long, and half precision summed in single."""

import math

import numpy as np
import pytest

import chainrule as cr


def long(n, dtype=np.float32):
    return np.full(n, 0.1, dtype)


@pytest.mark.parametrize("n", [1_000, 10_007, 100_003, 2_000_003])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_does_not_grow_with_the_length(n, dtype):
    x = long(n, dtype)
    total = math.fsum(x.tolist())
    rounding = np.finfo(dtype).eps
    assert abs(float(cr.jit(cr.sum)(x)) / total - 1) < 20 * rounding
    assert abs(float(cr.jit(cr.mean)(x)) / (total / n) - 1) < 20 * rounding
    squares = math.fsum((x.astype(np.float64) ** 2).tolist())
    assert abs(float(cr.jit(lambda x: cr.sum(x * x))(x)) / squares - 1) < 20 * rounding


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (cr.sum, (1000, 1000)),
        (lambda x: cr.sum(x[:, :-1]), (50_000, 20)),
        (lambda x: cr.sum(x[:, ::2]), (1000, 1000)),
        (lambda x: cr.sum(x, axis=(0, 2)), (300, 3, 1000)),
        (lambda x: cr.sum(x, axis=1), (3, 300_000)),
    ],
)
def test_loops_in_loops_sum_as_well(function, shape):
    x = np.full(shape, 0.1, np.float32)
    ones = function(np.ones(shape))
    expected = (ones.numpy() if isinstance(ones, cr.Tensor) else ones) * np.float64(x.flat[0])
    np.testing.assert_allclose(cr.jit(function)(x), expected, rtol=1e-5)


def test_complex_numbers_sum_in_blocks_too():
    x = np.full(500_000, 0.1 - 0.3j, np.complex64)
    np.testing.assert_allclose(cr.jit(cr.sum)(x), x.astype(np.complex128).sum(), rtol=5e-6)


def test_half_precision_is_summed_in_single():
    x = np.random.default_rng(0).random(1_000_000).astype(np.float16)
    assert cr.jit(cr.mean)(x) == x.mean() == np.float16(0.5)
    assert cr.jit(cr.sum)(x[:10_000]) == x[:10_000].sum()
    assert cr.jit(cr.sum)(x).dtype == cr.jit(cr.mean)(x).dtype == np.float16
    table = x[:3000].reshape(3, 1000)
    np.testing.assert_array_equal(
        cr.jit(lambda x: cr.mean(x, axis=1, keepdims=True))(table), table.mean(1, keepdims=True)
    )

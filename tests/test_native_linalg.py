"""Decompositions by LAPACK in machine code, against NumPy and SciPy, where ops of the registry have few samples."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import chainrule as cr
from chainrule.errors import GradientError, MatrixError
from chainrule.jit import jit

RNG = np.random.default_rng(3)
DTYPES = ("float64", "float32", "complex128", "complex64")


def matrices(dtype, *shape):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if dtype[0] == "c" else x).astype(dtype)


def compiled(f, *args):
    """What machine code computes, which may not call back."""
    g = jit(f)
    assert g.explain(*args).hosts == ()
    return g(*args)


def close(found, expected, dtype, scale=1.0):
    expected = np.asarray(expected)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=2000 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 5), (33, 33), (3, 4, 4), (2, 0, 4, 4)])
def test_eigenvalues(shape, dtype):
    x = matrices(dtype, *shape)
    values, vectors = compiled(lambda x: tuple(cr.linalg.eig(x)), x)
    alone = compiled(cr.linalg.eigvals, x)
    wide = np.result_type(dtype, np.complex64)
    assert values.dtype == vectors.dtype == alone.dtype == wide
    close(x @ vectors, vectors * values[..., None, :], dtype, 10)
    close(np.linalg.norm(vectors, axis=-2), np.ones(values.shape, vectors.real.dtype), dtype)
    expected = np.linalg.eigvals(x).astype(wide)
    close(np.sort_complex(values), np.sort_complex(expected), dtype, 10)
    close(np.sort_complex(alone), np.sort_complex(expected), dtype, 10)


def test_real_and_conjugate_eigenvalues_together():
    x = scipy.linalg.block_diag(2.0, [[1.0, 3.0], [-3.0, 1.0]], -4.0, [[0.5, 1.0], [-2.0, 0.5]])
    values, vectors = compiled(lambda x: tuple(cr.linalg.eig(x)), x)
    expected = np.linalg.eig(x)
    close(values, expected.eigenvalues.astype(complex), "float64")
    close(vectors, expected.eigenvectors.astype(complex), "float64")


def test_matrices_without_numbers_have_no_eigenvalues():
    f = jit(cr.linalg.eigvals)
    for number in (np.nan, np.inf, -np.inf):
        x = matrices("float64", 4, 4)
        x[1, 2] = number
        with pytest.raises(MatrixError, match=r"^\[eigvals\] the eigenvalues of an operand of shape \(4, 4\)"):
            f(x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (7, 3), (3, 7), (2, 5, 5), (40, 40)])
def test_lu(shape, dtype):
    x = matrices(dtype, *shape)
    found = compiled(lambda x: tuple(cr.linalg.lu(x)), x)
    for a, b in zip(found, cr.linalg.lu(cr.tensor(x)), strict=True):
        close(a, b, dtype)
    close(found[0] @ found[1] @ found[2], x, dtype, 10)
    singular = np.zeros(shape, dtype)
    for a, b in zip(compiled(lambda x: tuple(cr.linalg.lu(x)), singular), scipy.linalg.lu(singular), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (7, 3), (3, 7), (2, 5, 5), (40, 20)])
def test_pinv(shape, dtype):
    x = matrices(dtype, *shape)
    close(compiled(cr.linalg.pinv, x), np.linalg.pinv(x), dtype, 10)
    x[..., -1] = 0
    if shape[-1] > 1:
        x[..., 0] = 2 * x[..., 1]
    close(compiled(cr.linalg.pinv, x), np.linalg.pinv(x, rtol=max(shape[-2:]) * np.finfo(dtype).eps), dtype, 10)
    close(compiled(lambda x: cr.linalg.pinv(x, rtol=0.5), x), np.linalg.pinv(x, rtol=0.5), dtype, 10)
    close(compiled(cr.linalg.pinv, np.zeros(shape, dtype)), np.zeros((*shape[:-2], *shape[:-3:-1]), dtype), dtype)
    with pytest.raises(MatrixError, match=r"^\[pinv\]"):
        jit(cr.linalg.pinv)(np.full(shape, np.nan, dtype))


@pytest.mark.parametrize("dtype", ["complex128", "complex64"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 25])
def test_determinants_of_complex_matrices(n, dtype):
    x = matrices(dtype, 3, n, n)
    x[1] = 0
    sign, size = compiled(lambda x: tuple(cr.linalg.slogdet(x)), x)
    expected = np.linalg.slogdet(x)
    close(sign, expected.sign, dtype)
    assert size[1] == -np.inf
    close(size[::2], expected.logabsdet[::2], dtype)
    det = compiled(cr.linalg.det, x)
    close(det, np.linalg.det(x), dtype, np.abs(np.linalg.det(x)).max())
    gradient = compiled(cr.grad(lambda x: cr.sum(cr.linalg.slogdet(x)[1])), x[::2])
    close(gradient, np.linalg.inv(x[::2]).conj().swapaxes(-1, -2), dtype, np.abs(gradient).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 3, 2), (3, 6, 2), (40, 17, 3), (5, 5, 1)])
def test_least_squares(shape, dtype):
    m, n, width = shape
    a, b = matrices(dtype, m, n), matrices(dtype, m, width)
    for x in (a, np.concatenate([a[:, :1]] * n, axis=1)):
        found = compiled(lambda a, b: cr.linalg.lstsq(a, b)[0], x, b)
        close(found, np.linalg.lstsq(x, b, rcond=max(m, n) * np.finfo(dtype).eps)[0], dtype, 10)
    stacked = compiled(lambda a, b: cr.linalg.lstsq(a, b)[0], np.stack([a, 2 * a]), b)
    close(stacked[1] * 2, stacked[0], dtype, 10)
    with pytest.raises(MatrixError, match=r"^\[lstsq\]"):
        jit(lambda a, b: cr.linalg.lstsq(a, b)[0])(np.full((m, n), np.nan, dtype), b)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_derivatives_where_the_rank_is_constant(dtype):
    a, b = matrices(dtype, 7, 4), matrices(dtype, 7)
    functions = (
        lambda a: cr.sum(cr.abs(cr.linalg.lstsq(a, b)[0]) ** 2),
        lambda a: cr.sum(cr.abs(cr.linalg.pinv(a)) ** 2),
    )
    for f in functions:
        close(compiled(cr.grad(f), a), cr.grad(f)(cr.tensor(a)).numpy(), dtype, 100)
    with pytest.raises(GradientError, match=r"^\[pinv\] the tolerance cuts off singular values that are not small"):
        jit(cr.grad(lambda a: cr.sum(cr.abs(cr.linalg.pinv(a, rtol=0.9)))))(a)

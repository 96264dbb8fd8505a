"""Linear algebra as the standard has it: shapes, dtypes, stacks of matrices, and the names of several results."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import linalg

RANDOM = np.random.default_rng(0)
INEXACT = ("float32", "float64", "complex64", "complex128")
PART = {"complex64": "float32", "complex128": "float64"}
STACKS = [(), (2,), (2, 3), (0,)]


def matrices(stack, rows, columns, dtype):
    x = RANDOM.normal(size=(*stack, rows, columns)) + (1j * RANDOM.normal(size=(*stack, rows, columns)))
    return x.astype(dtype) if dtype in PART else x.real.astype(dtype)


def close(found, expected):
    expected = np.asarray(expected)
    assert isinstance(found, cr.Tensor)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = 1e-3 if expected.dtype in ("float32", "complex64") else 1e-10
    np.testing.assert_allclose(found, expected, tolerance, tolerance)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


pytestmark = [
    pytest.mark.parametrize("dtype", INEXACT),
    pytest.mark.parametrize("stack", STACKS),
    pytest.mark.filterwarnings("ignore:Casting complex"),
]


@pytest.mark.parametrize("n", [1, 3])
def test_square_matrices(stack, dtype, n):
    a = matrices(stack, n, n, dtype)
    definite = (a @ adjoint(a) + np.eye(n)).astype(dtype)
    close(linalg.inv(a), np.linalg.inv(a))
    close(linalg.det(a), np.linalg.det(a))
    close(linalg.cholesky(definite), np.linalg.cholesky(definite))
    close(linalg.cholesky(definite, upper=True), adjoint(np.linalg.cholesky(definite)))
    for power in (0, 1, 3, -2):
        close(linalg.matrix_power(a, power), np.linalg.matrix_power(a, power))
    found = linalg.slogdet(a)
    assert found._fields == ("sign", "logabsdet")
    close(found.sign, np.linalg.slogdet(a).sign)
    close(found.logabsdet, np.linalg.slogdet(a).logabsdet)
    found = linalg.eigh(definite)
    assert found._fields == ("eigenvalues", "eigenvectors")
    close(found.eigenvalues, np.linalg.eigvalsh(definite))
    close(linalg.eigvalsh(definite), np.linalg.eigvalsh(definite))
    close(definite @ found.eigenvectors, (definite @ found.eigenvectors.numpy()))
    assert found.eigenvectors.dtype == dtype


@pytest.mark.parametrize(("rows", "columns"), [(3, 2), (2, 3), (2, 2)])
def test_any_matrices(stack, dtype, rows, columns):
    a, least = matrices(stack, rows, columns, dtype), min(rows, columns)
    real = PART.get(dtype, dtype)
    for full in (True, False):
        u, s, vh = linalg.svd(a, full_matrices=full)
        sizes = ((rows, rows), (columns, columns)) if full else ((rows, least), (least, columns))
        assert (u.shape, vh.shape) == ((*stack, *sizes[0]), (*stack, *sizes[1]))
        assert (u.dtype, s.dtype, vh.dtype) == (dtype, real, dtype)
        close((u[..., :least] * s[..., None, :]) @ vh[..., :least, :], a)
    assert linalg.svd(a)._fields == ("U", "S", "Vh")
    close(linalg.svdvals(a), np.linalg.svdvals(a))
    for mode, size in (("reduced", least), ("complete", rows)):
        found = linalg.qr(a, mode=mode)
        assert found._fields == ("Q", "R")
        assert (found.Q.shape, found.R.shape) == ((*stack, rows, size), (*stack, size, columns))
        close(found.Q @ found.R, a)
    close(linalg.pinv(a), np.linalg.pinv(a))
    close(linalg.pinv(a, rtol=0.5), np.linalg.pinv(a, rtol=0.5))
    for rtol in (None, 0.5):
        rank = linalg.matrix_rank(a, rtol=rtol)
        assert cr.isdtype(rank.dtype, "integral")
        np.testing.assert_array_equal(rank, np.linalg.matrix_rank(a, rtol=rtol))
    for order in ("fro", "nuc", 1, 2, math.inf, -1, -2, -math.inf):
        for keepdims in (False, True):
            found = linalg.matrix_norm(a, ord=order, keepdims=keepdims)
            close(found, np.linalg.matrix_norm(a, ord=order, keepdims=keepdims).astype(real))
    close(linalg.matrix_norm(a), np.linalg.matrix_norm(a))
    for offset in (-1, 0, 1):
        close(linalg.diagonal(a, offset=offset), np.linalg.diagonal(a, offset=offset))
        close(linalg.trace(a, offset=offset), np.linalg.trace(a, offset=offset))
    assert linalg.trace(a, dtype=cr.complex128).dtype == "complex128"
    close(linalg.matrix_transpose(a), np.swapaxes(a, -1, -2))


def test_systems(stack, dtype):
    a = matrices(stack, 3, 3, dtype)
    for b in (matrices((), 1, 3, dtype)[0], matrices(stack, 3, 2, dtype), matrices((), 3, 2, dtype)):
        close(linalg.solve(a, b), np.linalg.solve(a, b))


def test_products(stack, dtype):
    a, b = matrices(stack, 3, 2, dtype), matrices((), 2, 4, dtype)
    close(linalg.matmul(a, b), a @ b)
    close(cr.matmul(a, b[:, 0]), a @ b[:, 0])
    close(linalg.vecdot(a, a), np.linalg.vecdot(a, a))
    close(linalg.vecdot(a, a, axis=-2), np.linalg.vecdot(a, a, axis=-2))
    close(linalg.tensordot(a, b, axes=1), np.tensordot(a, b, 1))
    close(linalg.tensordot(b, b, axes=([0, 1], [0, 1])), np.tensordot(b, b, ([0, 1], [0, 1])))
    close(linalg.tensordot(b, b, axes=0), np.tensordot(b, b, 0))
    close(linalg.outer(b[0], b[1]), np.outer(b[0], b[1]))
    v = matrices(stack, 3, 3, dtype)
    close(linalg.cross(v, v[..., ::-1]), np.linalg.cross(v, v[..., ::-1]))
    close(linalg.cross(v, v[..., ::-1], axis=-2), np.linalg.cross(v, v[..., ::-1], axis=-2))


@pytest.mark.parametrize("order", [2, 1, 0, 3, 0.5, -1, math.inf, -math.inf])
def test_vector_norms(stack, dtype, order):
    a, real = matrices(stack, 3, 2, dtype), PART.get(dtype, dtype)
    for axis in (-1, 0, None, (-1, -2)):
        if a.size == 0 and (axis in (0, None) and order in (-1, -math.inf, math.inf)):
            continue  # no smallest element, and no largest
        found = linalg.vector_norm(a, axis=axis, ord=order, keepdims=True)
        close(found, np.linalg.vector_norm(a, axis=axis, ord=order, keepdims=True).astype(real))

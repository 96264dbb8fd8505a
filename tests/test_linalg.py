"""Linear algebra without decompositions: single matrices, matrices of any rank, kinks, triangles, what errors say."""

import itertools

import mpmath
import numpy as np
import pytest
import scipy.linalg
from messages import assert_message

import chainrule as cr
from chainrule import linalg
from chainrule.testing import check_gradients, numeric_derivative

RANDOM = np.random.default_rng(5)
A = RANDOM.normal(size=(3, 3)) + 2 * np.eye(3)
B = RANDOM.normal(size=(3, 3))
TALL = RANDOM.normal(size=(4, 2))
COMPLEX = A + 0.5j * B


def hermitian(x):
    return (x + x.conj().mT) / 2


def positive(x):
    return x @ x.conj().mT + np.eye(3)


# -------------------------------------------------------------------------------------- matrices without a stack

SINGLE = {
    "inv": linalg.inv,
    "solve": lambda x: linalg.solve(x, B[0]),
    "solve, many": lambda x: linalg.solve(x, x @ B),
    "solve_triangular": lambda x: linalg.solve_triangular(x, B[0]),
    "cholesky": lambda x: linalg.cholesky(positive(x)),
    "cho_solve": lambda x: linalg.cho_solve((linalg.cholesky(positive(x), upper=True), False), B[0]),
    "det": linalg.det,
    "pinv": lambda x: linalg.pinv(x[:, :2]),
    "pinv of Hermitian matrices": lambda x: linalg.pinv(hermitian(x), hermitian=True),
    "lstsq": lambda x: linalg.lstsq(x[:, :2], B[0])[0],
    "matrix_power": lambda x: linalg.matrix_power(x, -3),
    "expm": linalg.expm,
    "sqrtm": lambda x: linalg.sqrtm(positive(x)),
    "logm": lambda x: linalg.logm(positive(x)),
    "solve_sylvester": lambda x: linalg.solve_sylvester(positive(x), positive(x), x),
    "cond": lambda x: linalg.cond(x, 1),
    "tensorinv": lambda x: linalg.tensorinv(x[:, None, :], ind=1),
    "tensorsolve": lambda x: linalg.tensorsolve(x, x[0] + 1),
}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("x", [A, COMPLEX], ids=["real", "complex"])
def test_matrices_without_a_stack(name, x):
    check_gradients(SINGLE[name], x, order=1)


def test_a_vector_has_exactly_one_axis():
    stack, b = np.stack([A, B, A + B]), RANDOM.normal(size=(3, 3))
    assert linalg.solve(stack, b[0]).shape == (3, 3)
    np.testing.assert_allclose(linalg.solve(stack, b).numpy(), np.linalg.solve(stack, b), 1e-13)
    np.testing.assert_allclose(linalg.solve(A, stack).numpy(), np.linalg.solve(A, stack), 1e-13)


def test_empty_matrices():
    empty = np.zeros((0, 0))
    assert linalg.det(empty).tolist() == 1
    assert cr.grad(linalg.det)(empty).shape == (0, 0)
    for function in (linalg.inv, linalg.cholesky, linalg.expm, linalg.logm, linalg.sqrtm, linalg.pinv):
        assert function(empty).shape == (0, 0)
        assert cr.grad(lambda x, f=function: cr.sum(f(x)))(empty).shape == (0, 0)
    assert linalg.solve(empty, np.zeros((0, 2))).shape == (0, 2)
    assert linalg.matrix_norm(np.zeros((0, 3)), ord="nuc").tolist() == 0
    assert linalg.pinv(np.zeros((0, 3))).shape == (3, 0)


# ------------------------------------------------------------------------------------- determinants of any rank


def minors(x):
    """The cofactors, in integers."""
    out = np.empty_like(x)
    for i, j in np.ndindex(*x.shape):
        rest = np.delete(np.delete(x, i, 0), j, 1)
        out[i, j] = (-1) ** (i + j) * (rest[0, 0] * rest[1, 1] - rest[0, 1] * rest[1, 0])
    return out


WHOLE = {
    "rank 3": np.array([[2, 1, 0], [1, 3, 1], [0, 1, 4]]),
    "rank 2": np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
    "rank 1": np.array([[1, 2, -1], [2, 4, -2], [3, 6, -3]]),
    "rank 0": np.zeros((3, 3), int),
}


@pytest.mark.parametrize("rank", WHOLE)
def test_derivatives_of_the_determinant_are_exact_at_any_rank(rank):
    x, t = WHOLE[rank], np.array([[1, -2, 0], [3, 1, 2], [-1, 0, 4]])
    gradient = cr.grad(linalg.det)
    np.testing.assert_allclose(gradient(x.astype(float)).numpy(), minors(x), atol=1e-13)
    # Cofactors of 3×3 matrices are quadratic, so that this difference is their derivative.
    change = (minors(x + t) - minors(x - t)) / 2
    np.testing.assert_allclose(cr.jvp(gradient, [x.astype(float)], [t.astype(float)])[1].numpy(), change, atol=1e-13)
    pulled = cr.vjp(gradient, x.astype(float))[1](t.astype(float))
    np.testing.assert_allclose(pulled[0].numpy() if isinstance(pulled, tuple) else pulled.numpy(), change, atol=1e-13)


def test_a_third_derivative_at_a_singular_matrix_says_so():
    def twice(x):
        return cr.jvp(cr.grad(linalg.det), [x], [A])[1]

    with pytest.raises(cr.MatrixError, match=r"^\[inv\] the matrix of shape \(3, 3\) is singular"):
        cr.jvp(twice, [np.ones((3, 3))], [B])


# --------------------------------------------------------------------------------------------------- triangles


@pytest.mark.parametrize(("lower", "trans", "unit"), list(itertools.product([False, True], [0, 1, 2], [False, True])))
@pytest.mark.parametrize("x", [A, COMPLEX], ids=["real", "complex"])
def test_only_the_triangle_is_read(x, lower, trans, unit):
    hidden = np.triu(np.ones((3, 3)), 0 if unit else 1)
    hidden = hidden + np.eye(3) * unit > 0
    poisoned = np.where(hidden if lower else hidden.T, np.nan, x)
    found = linalg.solve_triangular(poisoned, B, trans, lower, unit)
    expected = scipy.linalg.solve_triangular(x, B, trans, lower, unit)
    np.testing.assert_allclose(found.numpy(), expected, 1e-12)
    gradient = cr.grad(lambda a: cr.sum(cr.abs(linalg.solve_triangular(a, B, "NTC"[trans], lower, unit))))(poisoned)
    assert not gradient.numpy()[hidden if lower else hidden.T].any()


@pytest.mark.parametrize(("lower", "trans", "unit"), list(itertools.product([False, True], [0, 1, 2], [False, True])))
@pytest.mark.parametrize("n", [3, 20])
def test_stacks_of_triangles(n, lower, trans, unit):
    a = RANDOM.normal(size=(2, 1, n, n)) / n + 1j * RANDOM.normal(size=(2, 1, n, n)) / n + 2 * np.eye(n)
    b = RANDOM.normal(size=(3, n, 2))
    found = linalg.solve_triangular(a, b, trans, lower, unit).numpy()
    for i, j in np.ndindex(2, 3):
        expected = scipy.linalg.solve_triangular(a[i, 0], b[j], trans, lower, unit)
        np.testing.assert_allclose(found[i, j], expected, 1e-13, 1e-14)


def test_the_gradient_of_cholesky_is_hermitian_and_one_triangle_is_read():
    x = positive(COMPLEX)
    for upper in (False, True):
        half = np.triu(x) if upper else np.tril(x)
        factor = linalg.cholesky(half, upper=upper)
        np.testing.assert_allclose(factor.numpy(), np.linalg.cholesky(x, upper=upper), 1e-13)
        gradient = cr.grad(lambda a, u=upper: cr.sum(cr.abs(linalg.cholesky(a, upper=u))))(x).numpy()
        np.testing.assert_allclose(gradient, gradient.conj().T, atol=1e-14)
        step = 1e-6 * gradient
        before, after = (np.abs(np.linalg.cholesky(z, upper=upper)).sum() for z in (x + step, x - step))
        assert after < before


# ------------------------------------------------------------------------- pseudoinverses of matrices of lower rank


def moved(curve, function):
    """The derivative at 0 of ``function`` along a curve of matrices: by our jvp, and by differences in NumPy."""
    tangent = numeric_derivative(curve)
    return cr.jvp(function, [curve(0.0)], [tangent])[1].numpy()


def rank_one(h):
    return np.outer([1 + h, 2.0, h - 1, 0.5], [3.0, np.sin(1 + h), 1 - 2 * h]) * (1 + 0.5j * h)


def rank_one_hermitian(h):
    v = np.array([1 + h, 2.0 + 1j * h, 1j - 1 + h])
    return np.outer(v, v.conj())


def test_the_pseudoinverse_moves_along_matrices_of_equal_rank():
    found = moved(rank_one, lambda x: linalg.pinv(x, rtol=1e-10))
    np.testing.assert_allclose(found, numeric_derivative(lambda h: np.linalg.pinv(rank_one(h), rtol=1e-10)), 1e-7, 1e-9)
    found = moved(rank_one_hermitian, lambda x: linalg.pinv(x, rtol=1e-10, hermitian=True))
    expected = numeric_derivative(lambda h: np.linalg.pinv(rank_one_hermitian(h), rtol=1e-10))
    np.testing.assert_allclose(found, expected, 1e-7, 1e-9)


@pytest.mark.parametrize("b", [np.array([1.0, -2.0, 0.5, 3.0]), RANDOM.normal(size=(4, 2))], ids=["vector", "matrix"])
def test_least_squares_of_lower_rank(b):
    found = moved(rank_one, lambda x: linalg.lstsq(x, b, rcond=1e-10)[0])
    expected = numeric_derivative(lambda h: np.linalg.lstsq(rank_one(h), b, rcond=1e-10)[0])
    np.testing.assert_allclose(found, expected, 1e-7, 1e-9)
    x, residuals, rank, values = linalg.lstsq(rank_one(0.0), b, rcond=1e-10)
    wanted = np.linalg.lstsq(rank_one(0.0), b, rcond=1e-10)
    assert (residuals.shape, rank.tolist()) == ((0,), 1)
    np.testing.assert_allclose(x.numpy(), wanted[0], 1e-12)
    np.testing.assert_allclose(values.numpy(), wanted[3], 1e-12, 1e-12)


def test_residuals_have_derivatives():
    b = RANDOM.normal(size=(4, 3))

    def residuals(a):
        return linalg.lstsq(a, b)[1]

    np.testing.assert_allclose(residuals(TALL).numpy(), np.linalg.lstsq(TALL, b, rcond=None)[1], 1e-12)
    check_gradients(residuals, TALL, order=1)
    stack = np.stack([TALL, 2 * TALL, TALL[::-1]])
    assert [y.shape for y in linalg.lstsq(cr.tensor(stack, requires_grad=True), b)] == [(3, 2, 3), (3, 3), (3,), (3, 2)]


# ------------------------------------------------------------------------------------------------------- kinks


def norm_gradient(x, ord):
    return cr.grad(lambda z: linalg.matrix_norm(z, ord=ord))(np.asarray(x, float)).numpy()


def test_norms_have_the_least_subgradient_at_kinks():
    np.testing.assert_allclose(norm_gradient(np.eye(3), 2), np.eye(3) / 3, atol=1e-15)
    np.testing.assert_allclose(norm_gradient(np.eye(3), -2), np.eye(3) / 3, atol=1e-15)
    np.testing.assert_allclose(norm_gradient(np.eye(2), 1), np.eye(2) / 2, atol=1e-15)
    u, v = np.array([3.0, 4.0]) / 5, np.array([1.0, 0.0])
    np.testing.assert_allclose(norm_gradient(2 * np.outer(u, v), "nuc"), np.outer(u, v), atol=1e-14)
    np.testing.assert_allclose(norm_gradient(2 * np.outer(u, v), -2), 0, atol=0)
    for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        assert not norm_gradient(np.zeros((2, 2)), ord).any()


def test_norms_of_other_axes():
    x = RANDOM.normal(size=(2, 3, 4))
    for ord, keepdims in itertools.product(("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf), (False, True)):
        for axis in ((0, 1), (2, 0), (-1, -2)):
            found = linalg.norm(cr.tensor(x, requires_grad=True), ord, axis=axis, keepdims=keepdims).detach().numpy()
            np.testing.assert_allclose(found, np.linalg.norm(x, ord, axis=axis, keepdims=keepdims), 1e-13)


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"])
def test_the_condition_of_singular_matrices(p):
    x = np.stack([np.zeros((2, 2)), np.diag([1.0, 0.0]), np.eye(2)])
    for given in (x, cr.tensor(x, requires_grad=True)):
        expected = [0 if p == -2 else np.inf] * 2 + [np.linalg.cond(x[2], p)]
        expected[0] = np.inf
        np.testing.assert_array_equal(linalg.cond(given, p).detach().numpy(), expected)


def test_coincident_points_are_no_distance_apart():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    for p in (1, 2, 3, np.inf):
        gradient = cr.grad(lambda z, p=p: linalg.cdist(z, x, p)[0, 0])(x)
        assert not gradient.numpy().any()
    hessian = cr.jvp(cr.grad(lambda z: cr.sum(linalg.cdist(z, x) ** 2)), [x], [np.ones((2, 2))])[1]
    assert np.isfinite(hessian.numpy()).all()


def test_the_power_zero_is_the_identity():
    assert linalg.matrix_power(B, 0).tolist() == np.eye(3).tolist()
    assert not cr.grad(lambda x: cr.sum(linalg.matrix_power(x, 0) * x))(B).numpy()[0, 1]
    assert linalg.matrix_power(np.ones((2, 2), int), 3).dtype == int


# ------------------------------------------------------------------------------------------ functions of matrices


def test_the_exponential_against_scipys_derivative():
    for scale in (1e-3, 1.0, 30.0):
        found = cr.jvp(linalg.expm, [scale * A], [B])[1].numpy()
        expected = scipy.linalg.expm_frechet(scale * A, B, compute_expm=False)
        np.testing.assert_allclose(found, expected, 1e-11, 1e-12 * np.abs(expected).max())
    nilpotent = np.triu(A, 1)
    check_gradients(linalg.expm, nilpotent, order=1)


FUNCTIONS = {
    "expm": (linalg.expm, mpmath.expm),
    "logm": (linalg.logm, mpmath.logm),
    "sqrtm": (linalg.sqrtm, mpmath.sqrtm),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_matrices_to_many_digits(name):
    ours, theirs = FUNCTIONS[name]
    x, t = positive(A), B
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -20
        left, right = (theirs(mpmath.matrix(x.tolist()) + s * mpmath.matrix(t.tolist())) for s in (h, -h))
        derivative = np.array(((left - right) / (2 * h)).apply(mpmath.re).tolist(), float)
        value = np.array(theirs(mpmath.matrix(x.tolist())).apply(mpmath.re).tolist(), float)
    found, change = cr.jvp(ours, [x], [t])
    np.testing.assert_allclose(found.numpy(), value, 1e-12, 1e-13)
    np.testing.assert_allclose(change.numpy(), derivative, 1e-11, 1e-12)


def test_defective_matrices():
    x = np.array([[2.0, 1.0], [0.0, 2.0]])
    for function in (linalg.expm, linalg.logm, linalg.sqrtm):
        check_gradients(function, x, order=1)


def test_chains_of_products_take_the_fewest_multiplications():
    arrays = [RANDOM.normal(size=shape) for shape in [(10, 100), (100, 5), (5, 50), (50, 1)]]
    expected = np.linalg.multi_dot(arrays)
    x = [cr.tensor(a, requires_grad=True) for a in arrays]
    np.testing.assert_allclose(linalg.multi_dot(x).detach().numpy(), expected, 1e-12)


# ---------------------------------------------------------------------------------------------------- messages

SINGULAR = np.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: linalg.inv(SINGULAR),
            cr.MatrixError,
            "[inv] the matrix of shape (2, 2) is singular: its rank is below 2; expected one of full rank; use pinv(x) "
            "for an inverse of any matrix.",
        ),
        (
            lambda: linalg.solve(np.stack([[np.eye(2), SINGULAR]] * 3), np.ones(2)),
            cr.MatrixError,
            "[solve] matrix [0, 1] of the stack of shape (3, 2, 2, 2) is singular: its rank is below 2; expected one "
            "of full rank; use lstsq(a, b) for the solution of least squares.",
        ),
        (
            lambda: linalg.solve_triangular(np.diag([1.0, 0.0]), np.ones(2)),
            cr.MatrixError,
            "[solve_triangular] the matrix of shape (2, 2) is singular: its rank is below 2; expected one of full "
            "rank; its diagonal must have no zeros.",
        ),
        (
            lambda: linalg.solve_triangular(np.stack([np.eye(2), np.diag([1.0, 0.0])]), np.ones(2)),
            cr.MatrixError,
            "[solve_triangular] matrix [1] of the stack of shape (2, 2, 2) is singular: its rank is below 2; expected "
            "one of full rank; its diagonal must have no zeros.",
        ),
        (
            lambda: linalg.solve_triangular(np.ones((2, 3)), np.ones(2)),
            cr.MatrixShapeError,
            "[solve_triangular] operand 0 has shape (2, 3), whose matrices are 2 by 3; expected square ones, shape "
            "(..., n, n); check its shape, or take a square part.",
        ),
        (
            lambda: linalg.cholesky(-np.eye(2)),
            cr.MatrixError,
            "[cholesky] the matrix of shape (2, 2) is not positive definite; expected a Hermitian one whose "
            "eigenvalues are all positive; add a small multiple of the identity, x + 1e-6 * eye(n), or use eigh(x).",
        ),
        (
            lambda: linalg.logm(np.zeros((2, 2))),
            cr.MatrixError,
            "[logm] the matrix of shape (2, 2) is singular; expected one with an inverse, for no other has a "
            "logarithm; check its rank, matrix_rank(x).",
        ),
        (
            lambda: linalg.logm(-np.eye(2)),
            cr.DomainError,
            "[logm] the matrix of shape (2, 2) has negative eigenvalues, so that the result is not real; expected "
            "none; convert it first, x.astype('complex128').",
        ),
        (
            lambda: linalg.solve_sylvester(np.eye(2), -np.eye(2), np.eye(2)),
            cr.MatrixError,
            "[solve_sylvester] an eigenvalue of operand 0, shape (2, 2), is the negative of one of operand 1, shape "
            "(2, 2), so that the equation is singular; expected none that add up to 0; shift one of them.",
        ),
        (
            lambda: linalg.solve_sylvester(np.eye(2), np.eye(3), np.eye(2)),
            cr.MatrixShapeError,
            "[solve_sylvester] operand 2 has shape (2, 2), but operands 0 and 1, of shapes (2, 2) and (3, 3), need "
            "(..., 2, 3); transpose or reshape it.",
        ),
        (
            lambda: linalg.inv(np.ones((2, 3))),
            cr.MatrixShapeError,
            "[inv] operand 0 has shape (2, 3), whose matrices are 2 by 3; expected square ones, shape (..., n, n); use "
            "pinv(x) for an inverse of any matrix.",
        ),
        (
            lambda: linalg.det(np.ones(3)),
            cr.MatrixShapeError,
            "[det] operand 0 has shape (3,), which is no matrix; expected at least two axes; reshape it first.",
        ),
        (
            lambda: linalg.solve(np.eye(3), np.ones((2, 3))),
            cr.ShapeError,
            "[solve] operand 1 has shape (2, 3) but operand 0 (3, 3) needs 3 rows; expected equal sizes; a stack of "
            "vectors is solved as solve(a, b[..., None])[..., 0].",
        ),
        (
            lambda: linalg.solve(np.eye(3), np.ones(2)),
            cr.ShapeError,
            "[solve] operand 1 has shape (2,) but operand 0 (3, 3) needs 3 elements; expected equal sizes; transpose "
            "or reshape an operand.",
        ),
        (
            lambda: linalg.solve(np.eye(3), 1.0),
            cr.ShapeError,
            "[solve] operand 1 is a number, without axes; expected a vector of 3 elements, or a matrix of as many "
            "rows; use b * inv(a).",
        ),
        (
            lambda: linalg.solve_triangular(np.eye(2), np.ones(2), trans="H"),
            cr.DTypeError,
            "[solve_triangular] trans is 'H'; expected 0 or 'N' for a, 1 or 'T' for its transpose, 2 or 'C' for its "
            "conjugate transpose; leave it out for a itself.",
        ),
        (
            lambda: linalg.cho_solve(np.eye(2), np.ones(2)),
            cr.DTypeError,
            "[cho_solve] the first argument is a ndarray; expected a pair (c, lower) of a Cholesky factor and whether "
            "it is lower; write cho_solve((cholesky(x), True), b).",
        ),
        (
            lambda: linalg.pinv(np.eye(2), rtol="small"),
            cr.DTypeError,
            "[pinv] the tolerance is 'small'; expected a number of at least 0, relative to the largest singular value; "
            "leave it out for max(m, n) times the rounding unit.",
        ),
        (
            lambda: linalg.pinv(np.array([[np.nan, 1.0]])),
            cr.MatrixError,
            "[pinv] the singular values of an operand of shape (1, 2) did not converge; expected finite elements; look "
            "for NaN and infinities in it.",
        ),
        (
            lambda: linalg.lstsq(np.ones((3, 2)), np.ones(2)),
            cr.ShapeError,
            "[lstsq] operand 1 has shape (2,) but operand 0 (3, 2) needs 3 elements; expected equal sizes; transpose "
            "or reshape an operand.",
        ),
        (
            lambda: linalg.matrix_power(np.eye(2), 0.5),
            cr.DTypeError,
            "[matrix_power] n is 0.5; expected an integer; for other powers use expm(n * logm(x)).",
        ),
        (
            lambda: linalg.matrix_norm(np.eye(2), ord="max"),
            cr.DTypeError,
            "[matrix_norm] ord is 'max'; expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; for the norm of all "
            "elements as one vector use vector_norm(x, ord=...).",
        ),
        (
            lambda: linalg.matrix_norm(np.zeros((2, 0)), ord=-2),
            cr.ShapeError,
            "[matrix_norm] an operand of shape (2, 0) has no elements at all, and matrix_norm of nothing is undefined; "
            "expected at least one; check its shape, or join a bound to it first with concat.",
        ),
        (
            lambda: linalg.cond(np.ones((2, 3)), 1),
            cr.MatrixShapeError,
            "[cond] operand 0 has shape (2, 3), whose matrices are 2 by 3; expected square ones, shape (..., n, n); "
            "use p=2 for other shapes.",
        ),
        (
            lambda: linalg.cross(np.ones(2), np.ones(2)),
            cr.ShapeError,
            "[cross] operand 0 has shape (2,), with size 2 along axis -1; expected 3; choose another axis, or append "
            "zeros.",
        ),
        (
            lambda: linalg.outer(np.ones((2, 2)), np.ones(2)),
            cr.ShapeError,
            "[linalg.outer] operand 0 has shape (2, 2); expected one axis; flatten it first, or use chainrule.outer, "
            "which does.",
        ),
        (
            lambda: linalg.multi_dot([np.eye(2)]),
            cr.ShapeError,
            "[multi_dot] 1 operands were given; expected at least two; use the operand itself.",
        ),
        (
            lambda: linalg.multi_dot([np.eye(2), np.ones(2), np.eye(2)]),
            cr.ShapeError,
            "[multi_dot] operand 1 has shape (2,); expected matrices, or vectors at the ends; use matmul for stacks.",
        ),
        (
            lambda: linalg.cdist(np.ones((2, 3)), np.ones((2, 2))),
            cr.ShapeError,
            "[cdist] operand 0 has shape (2, 3) and operand 1 (2, 2), points of 3 and 2 coordinates; expected as many "
            "in both; points are rows.",
        ),
        (
            lambda: linalg.tensorinv(np.ones((2, 3)), ind=1),
            cr.ShapeError,
            "[tensorinv] an operand of shape (2, 3) is as a matrix 2 by 3, of axes (2,) and (3,); expected a square "
            "one; choose another ind.",
        ),
        (
            lambda: linalg.tensorinv(np.ones((2, 2)), ind=0),
            cr.ShapeError,
            "[tensorinv] ind is 0; expected a positive number of axes; the default is 2.",
        ),
        (
            lambda: linalg.tensorsolve(np.ones((2, 3)), np.ones(2)),
            cr.ShapeError,
            "[tensorsolve] an operand of shape (2, 3) is as a matrix 2 by 3, of axes (2,) and (3,); expected a square "
            "one; give axes of a that go to its end.",
        ),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(message + "\n  at ")


def test_a_root_that_does_not_exist():
    nilpotent = np.array([[0.0, 1.0], [0.0, 0.0]])
    with pytest.warns(scipy.linalg.LinAlgWarning, match="singular"):
        assert_message(
            cr.MatrixError,
            "[sqrtm] the matrix of shape (2, 2) is singular and has no square root; expected one with an inverse; "
            "check its rank, matrix_rank(x).",
            lambda: linalg.sqrtm(nilpotent),
        )


def test_errors_are_numpys_too():
    for call in (lambda: linalg.inv(SINGULAR), lambda: linalg.cholesky(-SINGULAR), lambda: linalg.det(np.ones((2, 3)))):
        with pytest.raises(np.linalg.LinAlgError):
            call()
    with pytest.raises(cr.DTypeError):
        linalg.inv(np.array([["a"]]))


def test_what_a_tolerance_cuts_off_must_be_small():
    """The derivative at constant rank is that of x only where nothing but rounding is cut off."""
    x, b = np.diag([4.0, 2.0, 1.0]), np.ones(3)
    assert linalg.pinv(x, rtol=0.3).shape == (3, 3)
    message = (
        "[pinv] the tolerance cuts off singular values that are not small: without them 1 of an operand of shape "
        "(3, 3) is left out, and the derivative holds for constant rank; expected a tolerance that cuts off rounding "
        "errors only; give a smaller rtol, or build the inverse from svd(x, full_matrices=False)."
    )
    for function in (lambda x: linalg.pinv(x, rtol=0.3), lambda x: linalg.lstsq(x, b, rcond=0.3)[0]):
        with pytest.raises(cr.GradientError) as caught:
            cr.vjp(function, x)[1](np.ones(np.shape(function(x))))
        assert str(caught.value).startswith(message)
        with pytest.raises(cr.GradientError):
            cr.jvp(function, (x,), (x,))
    symbol = cr.symbol("x", shape=(3, 3))
    gradient = cr.function([symbol], cr.gradients(cr.sum(linalg.pinv(symbol, rtol=0.3)), symbol))
    with pytest.raises(cr.GradientError):
        gradient(x)
    np.testing.assert_allclose(gradient(np.eye(3))._value, -np.ones((3, 3)))

"""Decompositions: exact or an error, whatever values coincide; what is arbitrary has no gradient."""

from typing import Any

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule import linalg
from chainrule.errors import DTypeError, GradientError, MatrixError, MatrixShapeError
from chainrule.testing import numeric_derivative


def drawn(random: Any, shape: Any, kind: str) -> Any:
    x = random.normal(size=shape)
    return x + 1j * random.normal(size=shape) if kind == "complex" else x


def hermitian(x: Any) -> Any:
    return (x + np.conj(x).mT) / 2


def traced(x: Any, c: Any) -> Any:
    """Re tr(cᴴ x)."""
    return cr.sum(cr.real(x * np.conj(c)))


def projector(vectors: Any) -> Any:
    return vectors @ np.conj(vectors).mT


kinds = pytest.mark.parametrize("kind", ["real", "complex"])

# ------------------------------------------------------------- smooth functions where eigenvalues are equal

# At a matrix with the eigenvalues 1, 1, 2, 4: a function, and in which ways its derivatives are exact. All others must
# be errors. (R and F: reverse and forward; of two letters the last is what was done first.)
COINCIDING = {
    "symmetric in eigenvalues": (lambda x, _c: cr.sum(linalg.eigvalsh(x) ** 3), "R F FR"),
    "log det by eigenvalues": (lambda x, _c: cr.sum(cr.log(linalg.eigvalsh(x))) ** 2, "R F FR"),
    "constant gradient": (lambda x, _c: cr.sum(linalg.eigvalsh(x)), "R F FR RR"),
    "the values of eigh": (lambda x, _c: cr.sum(linalg.eigh(x).eigenvalues ** 3), "R"),
    "a projector": (lambda x, c: traced(projector(linalg.eigh(x)[1][:, :2]), c) ** 2, "R"),
    "another vector": (lambda x, c: traced(projector(linalg.eigh(x)[1][:, 3:]), c), "R"),
    "another value and its vector": (
        lambda x, c: (lambda w, v: w[3] * traced(projector(v[:, 3:]), c))(*linalg.eigh(x)),
        "R",
    ),
    "a matrix function": (
        lambda x, c: (lambda w, v: traced((v * w**2) @ np.conj(v).mT, c))(*linalg.eigh(x)),
        "",
    ),
    "a matrix function that is 0 there": (
        lambda x, c: (lambda w, v: traced((v * cr.log(w)) @ np.conj(v).mT, c))(*linalg.eigh(x)),
        "",
    ),
    "values and a projector, of two calls": (
        lambda x, c: cr.sum(linalg.eigvalsh(x) ** 3) * traced(projector(linalg.eigh(x)[1][:, :2]), c),
        "R",
    ),
    "symmetric in singular values": (lambda x, _c: cr.sum(linalg.svdvals(x) ** 3), "R F FR"),
    "the nuclear norm": (lambda x, _c: cr.sum(linalg.svdvals(x)), "R F FR RR"),
    "the values of svd": (lambda x, _c: cr.sum(linalg.svd(x).S ** 3), "R"),
    "the polar factor": (lambda x, c: (lambda u, _, vh: traced(u @ vh, c))(*linalg.svd(x)), "R"),
    "a projector of svd": (lambda x, c: traced(projector(linalg.svd(x).U[:, 2:]), c), "R"),
    "symmetric in general eigenvalues": (lambda x, _c: cr.real(cr.sum(linalg.eigvals(x) ** 3)), "R F"),
    "log det": (lambda x, _c: linalg.slogdet(x).logabsdet ** 2, "R F FR RR RF FF"),
}


def derivatives(f: Any, x: Any, one: Any, other: Any) -> dict[str, Any]:
    """Derivatives along ``one``, or along ``other`` and then ``one``, by every mode."""
    gradient = cr.grad(f)

    def along(x: Any) -> Any:
        return cr.jvp(f, (x,), (other,))[1]

    return {
        "R": lambda: np.vdot(gradient(x), one).real,
        "F": lambda: cr.jvp(f, (x,), (one,))[1],
        "FR": lambda: np.vdot(cr.jvp(gradient, (x,), (one,))[1], other).real,
        "RR": lambda: np.vdot(cr.grad(lambda x: traced(gradient(x), other))(x), one).real,
        "RF": lambda: np.vdot(cr.grad(along)(x), one).real,
        "FF": lambda: cr.jvp(along, (x,), (one,))[1],
    }


@kinds
@pytest.mark.parametrize("name", COINCIDING)
def test_derivatives_where_values_coincide_are_exact_or_errors(name, kind):
    f, exact = COINCIDING[name]
    random = np.random.default_rng(1)
    q = np.linalg.qr(drawn(random, (4, 4), kind))[0]
    x = hermitian(q @ np.diag([1.0, 1.0, 2.0, 4.0]) @ np.conj(q).T)
    c, one, other = (hermitian(drawn(random, (4, 4), kind)) for _ in range(3))

    def value(h: Any, k: Any = 0.0) -> Any:
        return np.asarray(f(cr.tensor(x + h * one + k * other), c))

    def slope(h: Any) -> Any:
        return np.asarray(numeric_derivative(lambda k: value(h, k), step=2.0**-6))

    first, second = numeric_derivative(value, step=2.0**-6), numeric_derivative(slope, step=2.0**-6)
    for mode, derivative in derivatives(lambda x: f(x, c), x, one, other).items():
        if mode in exact.split():
            order = len(mode)
            np.testing.assert_allclose(derivative(), [first, second][order - 1], 10.0 ** (-9 + 3 * order), 1e-6)
        else:
            with pytest.raises(GradientError):
                derivative()


@kinds
def test_second_derivatives_of_sums_of_squares_are_two(kind):
    random = np.random.default_rng(2)
    t = drawn(random, (3, 3), kind)
    for x in (np.eye(3), np.diag([2.0, 2.0, -1.0]), np.zeros((3, 3)), np.ones((3, 3))):
        x = x.astype(t.dtype)
        found = cr.jvp(cr.grad(lambda x: cr.sum(linalg.eigvalsh(x) ** 2)), (x,), (t,))[1]
        np.testing.assert_allclose(found, t + np.conj(t).T, atol=1e-14)
        found = cr.jvp(cr.grad(lambda x: cr.sum(linalg.svdvals(x) ** 2)), (x,), (t,))[1]
        np.testing.assert_allclose(found, 2 * t, atol=1e-14)


@kinds
@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (4, 3), (3, 3)])
def test_singular_values_of_any_shape_to_second_order(shape, kind):
    random = np.random.default_rng(3)
    x, t = drawn(random, shape, kind), drawn(random, shape, kind)
    weights = random.normal(size=min(shape))

    def f(x: Any) -> Any:
        return cr.sum(linalg.svdvals(x) ** 3 * weights)

    def gradient(h: Any) -> Any:
        u, s, vh = np.linalg.svd(x + h * t, full_matrices=False)
        return (u * (3 * s**2 * weights)) @ vh

    np.testing.assert_allclose(cr.grad(f)(x), gradient(0), rtol=1e-12, atol=1e-12)
    expected = numeric_derivative(gradient, step=2.0**-8)
    modes = derivatives(f, x, t, t)
    np.testing.assert_allclose(cr.jvp(cr.grad(f), (x,), (t,))[1], expected, rtol=1e-8, atol=1e-7)
    for mode in ("FR", "RR", "RF", "FF"):
        np.testing.assert_allclose(modes[mode](), np.vdot(expected, t).real, rtol=1e-8)


# --------------------------------------------------------------------------------------------------- kinks


def test_equal_values_share_at_kinks():
    random = np.random.default_rng(4)
    q = np.linalg.qr(random.normal(size=(4, 4)))[0]
    x = q @ np.diag([3.0, 3.0, 3.0, 1.0]) @ q.T
    space = q[:, :3] @ q[:, :3].T
    np.testing.assert_allclose(cr.grad(lambda x: linalg.eigvalsh(x)[-1])(x), space / 3, atol=1e-15)
    np.testing.assert_allclose(cr.grad(lambda x: linalg.svdvals(x)[1])(x), space / 3, atol=1e-15)
    y, x = x, q @ np.diag([2.0, 0.0, 0.0, 0.0]) @ q.T
    np.testing.assert_allclose(cr.grad(lambda x: cr.sum(linalg.svdvals(x)))(x), np.outer(q[:, 0], q[:, 0]), atol=1e-14)
    with pytest.raises(GradientError, match="this is a kink, as that of the largest of them"):
        cr.jvp(cr.grad(lambda x: linalg.eigvalsh(x)[-1]), (y,), (np.ones((4, 4)),))


def test_eigenvalues_move_forward_as_they_split():
    t = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(cr.jvp(linalg.eigvalsh, (np.eye(2),), (t,))[1], [-1, 1])
    np.testing.assert_allclose(cr.jvp(linalg.svdvals, (np.zeros((2, 3)),), (np.eye(2, 3),))[1], [1, 1])


# ---------------------------------------------------------------------------------------------- what is arbitrary


def test_phases_have_no_gradient():
    random = np.random.default_rng(5)
    x = drawn(random, (3, 3), "complex")
    phase = (
        "the gradient depends on the phase of {} 0, which is arbitrary: complex vectors are unique up to a factor of "
        "modulus 1 only; expected a function that no such factor changes; use e.g. abs(v), or v vᴴ."
    )
    assert_message(
        GradientError,
        "[eigh] " + phase.format("eigenvector"),
        lambda: cr.grad(lambda x: cr.imag(linalg.eigh(x)[1][1, 0]))(x),
    )
    assert_message(
        GradientError,
        "[eig] " + phase.format("eigenvector"),
        lambda: cr.grad(lambda x: cr.imag(linalg.eig(x)[1][1, 0]))(x),
    )
    assert_message(
        GradientError,
        "[svd] " + phase.format("singular vectors"),
        lambda: cr.grad(lambda x: cr.imag(linalg.svd(x).U[1, 0]))(x),
    )
    # A phase that u and v have in common does not matter; nor is there any in real eigenvectors of a real matrix.
    cr.grad(lambda x: cr.imag(linalg.svd(x).U[1, 0] * linalg.svd(x).Vh[0, 0]) * 0)(x.real)
    y = np.diag([1.0, 2.0, 4.0]) + 0.1 * x.real
    expected = numeric_derivative(lambda h: np.linalg.eig(y + h * x.imag)[1][0, 0], step=2.0**-6)
    found = np.vdot(cr.grad(lambda x: cr.real(linalg.eig(x)[1][0, 0]))(y), x.imag)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@kinds
def test_columns_that_complete_a_basis_count_as_a_space(kind):
    random = np.random.default_rng(6)
    x, t, c = drawn(random, (4, 2), kind), drawn(random, (4, 2), kind), drawn(random, (4, 4), kind)
    rest = {
        "svd": lambda x: projector(linalg.svd(x).U[:, 2:]),
        "svd of the adjoint": lambda x: projector(np.conj(linalg.svd(np.conj(x).mT).Vh).mT[:, 2:]),
        "qr": lambda x: projector(linalg.qr(x, mode="complete").Q[:, 2:]),
    }
    for f in rest.values():
        expected = numeric_derivative(
            lambda h: np.asarray(traced(np.eye(4) - (x + h * t) @ np.linalg.pinv(x + h * t), c)), step=2.0**-6
        )
        modes = derivatives(lambda x, f=f: traced(f(x), c), x, t, t)
        np.testing.assert_allclose([modes["R"](), modes["F"]()], expected, rtol=1e-8)
        np.testing.assert_allclose([modes[two]() for two in ("RR", "RF", "FF")], modes["FR"](), rtol=1e-9)
    extra = (
        "the gradient depends on the columns that complete a basis, which are arbitrary: any basis of their space "
        "would do; expected a function of the space alone, such as Q₂ Q₂ᴴ, or of the other columns; leave the extra "
        "columns out, with "
    )
    assert_message(
        GradientError,
        "[svd] " + extra + "full_matrices=False.",
        lambda: cr.grad(lambda x: cr.real(linalg.svd(x).U[0, 2]))(x),
    )
    assert_message(
        GradientError,
        "[qr] " + extra + "mode='reduced'.",
        lambda: cr.grad(lambda x: cr.real(linalg.qr(x, mode="complete").Q[0, 2]))(x),
    )


def test_messages_where_values_are_equal():
    x = np.diag([1.0, 1.0, 2.0])
    rotated = "eigenvalues 1 and 1 are equal to rounding, and"
    why = "their vectors may be rotated into one another"
    assert_message(
        GradientError,
        f"[eigh] {rotated} the derivative depends on their vectors beyond the space that they span: {why}; expected a "
        f"function that no such rotation changes, such as the projector V Vᴴ; use eigvalsh where only values matter.",
        lambda: cr.grad(lambda x: linalg.eigh(x)[1][0, 0] + linalg.eigh(x)[1][0, 1])(x),
    )
    assert_message(
        GradientError,
        f"[eigh] {rotated} a function of both values and vectors was differentiated: {why}, so the derivative cannot "
        f"be known from one choice of them; expected distinct eigenvalues, or a function of vectors alone; use "
        f"eigvalsh where only values matter, and matrix functions (expm, sqrtm, pinv) in place of V h(Λ) Vᴴ.",
        lambda: cr.grad(lambda x: (lambda w, v: cr.sum(v * w))(*linalg.eigh(x)))(x),
    )
    assert_message(
        GradientError,
        f"[eigvalsh] {rotated} a derivative of a derivative was asked for: {why}, so it cannot be known here; expected "
        f"distinct eigenvalues; for functions of eigvalsh(x) go forward over reverse, jvp(grad(f), (x,), (t,)).",
        lambda: cr.grad(lambda x: cr.grad(lambda x: cr.sum(linalg.eigvalsh(x) ** 2))(x)[0, 1])(x),
    )
    assert_message(
        GradientError,
        "[eigvals] eigenvalues 1+0j and 1+0j are equal to rounding, and a derivative of a derivative was asked for: "
        f"{why}, so it cannot be known here; expected distinct eigenvalues; use functions of the matrix instead, such "
        "as trace and matrix_power.",
        lambda: cr.jvp(cr.grad(lambda x: cr.real(cr.sum(linalg.eigvals(x) ** 2))), (x,), (x,)),
    )
    assert_message(
        GradientError,
        f"[eigvalsh] {rotated[:-5]}, with different gradients: this is a kink, as that of the largest of them, and a "
        "second derivative does not exist; expected distinct eigenvalues, or a function that is smooth where they "
        "meet.",
        lambda: cr.jvp(cr.grad(lambda x: linalg.eigvalsh(x)[0]), (x,), (x,)),
    )
    assert_message(
        GradientError,
        "[svd] a singular value is 0, zero to rounding, and the derivative depends on their vectors beyond the space "
        "that they span: singular vectors jump there; expected a function that no such rotation changes, such as the "
        "projector V Vᴴ; use svdvals where only values matter.",
        lambda: cr.grad(lambda x: linalg.svd(x, full_matrices=False).U[2, 1])(np.diag([1.0, 0.0, 0.0])[:, :2]),
    )


def test_symbols_meet_the_same_error_when_they_have_values():
    s = cr.symbol("s", shape=(2, 2))
    gradient = cr.gradients(linalg.eigh(s).eigenvectors[0, 1], s)
    with pytest.raises(GradientError, match="are equal to rounding"):
        gradient.eval(s=np.eye(2))
    assert np.isfinite(gradient.eval(s=np.diag([1.0, 2.0]))).all()


def test_matrices_without_a_basis_of_eigenvectors():
    for n in (2, 3, 5):
        x = np.eye(n) + np.eye(n, k=1)
        with pytest.raises(
            GradientError, match=f"a matrix of order {n} has no basis of eigenvectors to working precis"
        ):
            cr.grad(lambda x: cr.real(cr.sum(linalg.eigvals(x) ** 2)))(x)


# ------------------------------------------------------------------------------- QR, LU, logarithm of the determinant


@kinds
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (1, 1), (1, 3), (3, 1)])
def test_factors_multiply_to_the_matrix_with_its_derivative(shape, kind):
    """A product of the factors is x, so that its derivatives are those of x: second ones are 0."""
    random = np.random.default_rng(7)
    x, t, c = (drawn(random, shape, kind) for _ in range(3))
    products = {
        "qr": lambda x: (lambda q, r: q @ r)(*linalg.qr(x)),
        "qr complete": lambda x: (lambda q, r: q @ r)(*linalg.qr(x, mode="complete")),
        "lu": lambda x: (lambda p, lower, upper: p @ lower @ upper)(*linalg.lu(x)),
        "svd": lambda x: (lambda u, s, vh: (u * s) @ vh)(*linalg.svd(x, full_matrices=False)),
    }
    for f in products.values():
        modes = derivatives(lambda x, f=f: traced(f(x), c), x, t, c)
        np.testing.assert_allclose([modes["R"](), modes["F"]()], np.vdot(c, t).real, rtol=1e-11)
        np.testing.assert_allclose([modes[two]() for two in ("FR", "RR", "RF", "FF")], 0, atol=1e-9)


def test_the_sign_of_complex_determinants_turns():
    random = np.random.default_rng(8)
    x, t = drawn(random, (3, 3), "complex"), drawn(random, (3, 3), "complex")
    sign, size = cr.jvp(linalg.slogdet, (x,), (t,))[1]
    for found, curve in (
        (sign, lambda h: np.linalg.det(x + h * t) / abs(np.linalg.det(x + h * t))),
        (size, lambda h: np.log(abs(np.linalg.det(x + h * t)))),
    ):
        np.testing.assert_allclose(found, numeric_derivative(curve, step=2.0**-6), rtol=1e-9)
    real = cr.jvp(linalg.slogdet, (x.real,), (t.real,))[1]
    assert (real.sign, np.shape(real.logabsdet)) == (0, ())


def test_dependent_columns_have_no_factors_to_differentiate():
    dependent = (
        ": columns are dependent, and the factors have no derivative; expected the first columns, as many as there are "
        "rows if there are more, to be independent; use svd(x)."
    )
    x = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 0.0]])
    assert_message(
        GradientError,
        "[lu] a pivot is 0, zero to rounding" + dependent,
        lambda: cr.grad(lambda x: cr.sum(linalg.lu(x).U))(x),
    )
    for y in (x, x.T @ x, x[:, :2]):
        for f in (lambda y: linalg.qr(y).R[0, 0], lambda y: linalg.qr(y).Q[0, 0]):
            with pytest.raises(GradientError, match=r"\[qr\] a diagonal element of R is .*, zero to rounding: columns"):
                cr.grad(f)(y)
            with pytest.raises(GradientError, match=r"\[qr\] a diagonal element of R is .*, zero to rounding: columns"):
                cr.jvp(f, (y,), (y,))


def test_columns_of_very_different_size_are_independent():
    random = np.random.default_rng(9)
    scales = np.array([1e30, 1.0, 1e-30])
    x, t, c = (random.normal(size=(4, 3)) for _ in range(3))
    for f, name in ((linalg.qr, "Q"), (linalg.lu, "L")):
        # Columns may be multiplied by any numbers: neither Q nor L sees them.
        modes = derivatives(lambda x, f=f, name=name: traced(getattr(f(x), name), c), x, t, t)
        scaled = derivatives(
            lambda x, f=f, name=name: traced(getattr(f(x), name), c), x * scales, t * scales, t * scales
        )
        for mode, derivative in modes.items():
            np.testing.assert_allclose(scaled[mode](), derivative(), rtol=1e-9)


def test_huge_determinants_have_a_logarithm_and_its_derivative():
    x = np.diag(np.full(200, 1e10))
    assert linalg.slogdet(x).logabsdet > np.log(np.finfo(float).max)
    np.testing.assert_allclose(cr.grad(lambda x: linalg.slogdet(x).logabsdet)(x), np.diag(np.full(200, 1e-10)))
    assert_message(
        GradientError,
        "[slogdet] an operand of shape (2, 2) is singular, and log |det| has no derivative at −∞; expected matrices of "
        "full rank; det(x) has one there, or add a small multiple of the identity first.",
        lambda: cr.grad(lambda x: linalg.slogdet(x).logabsdet)(np.ones((2, 2))),
    )


@pytest.mark.parametrize("shape", [(0, 3, 2), (0, 3, 3), (2, 0, 0), (0, 0), (2, 0, 3), (3, 0)])
def test_empty_stacks_and_matrices(shape):
    *stack, m, n = shape
    k = min(m, n)
    shapes = {
        "svd": [(m, m), (k,), (n, n)],
        "svdvals": [(k,)],
        "qr": [(m, k), (k, n)],
        "lu": [(m, m), (m, k), (k, n)],
        "eigh": [(n,), (n, n)],
        "eigvalsh": [(n,)],
        "eig": [(n,), (n, n)],
        "eigvals": [(n,)],
        "slogdet": [(), ()],
    }
    for name, cores in shapes.items() if m == n else list(shapes.items())[:4]:
        x = cr.zeros(shape, requires_grad=True)
        found = getattr(linalg, name)(x)
        found = found if isinstance(found, tuple) else (found,)
        assert [y.shape for y in found] == [(*stack, *core) for core in cores]
        cr.gradients(sum(cr.sum(cr.abs(y) ** 2) for y in found), x)


# ------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "eig", "eigvals", "slogdet"])
def test_matrices_must_be_square(name):
    advice = "check its shape, or take a square part" if name == "slogdet" else "use svd(x) for other shapes"
    assert_message(
        MatrixShapeError,
        f"[{name}] operand 0 has shape (2, 3), whose matrices are 2 by 3; expected square ones, shape (..., n, n); "
        f"{advice}.",
        lambda: getattr(linalg, name)(np.ones((2, 3))),
    )
    with pytest.raises(np.linalg.LinAlgError):
        getattr(linalg, name)(cr.symbol(shape=(2, 3)))


@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "eig", "eigvals", "slogdet", "svd", "svdvals", "qr", "lu"])
def test_operands_must_be_matrices(name):
    assert_message(
        MatrixShapeError,
        f"[{name}] operand 0 has shape (3,), which is no matrix; expected at least two axes; reshape it first.",
        lambda: getattr(linalg, name)(np.ones(3)),
    )


def test_elements_must_be_finite_where_iterations_need_it():
    x = np.full((2, 2), np.nan)
    for name, kind, looked in (
        ("svd", "singular values", ""),
        ("svdvals", "singular values", ""),
        ("eig", "eigenvalues", ", or were not looked for"),
        ("eigvals", "eigenvalues", ", or were not looked for"),
    ):
        assert_message(
            MatrixError,
            f"[{name}] the {kind} of an operand of shape (2, 2) did not converge{looked}; expected finite elements; "
            f"look for NaN and infinities in it.",
            lambda name=name: getattr(linalg, name)(x),
        )


def test_parameters_that_are_unknown():
    assert_message(
        DTypeError,
        "[eigh] UPLO is 'X'; expected 'L' or 'U', the triangle of the matrix that is read; leave it out for the lower "
        "one.",
        lambda: linalg.eigh(np.eye(2), UPLO="X"),
    )
    assert_message(
        DTypeError,
        "[qr] mode is 'r'; expected 'reduced' or 'complete'; for R alone (NumPy's mode 'r') write qr(x).R.",
        lambda: linalg.qr(np.eye(2), mode="r"),
    )


def test_one_triangle_is_read_and_the_gradient_is_hermitian():
    x = np.array([[1.0, 99.0], [2.0, 5.0]])
    np.testing.assert_array_equal(linalg.eigvalsh(x), np.linalg.eigvalsh(np.array([[1.0, 2.0], [2.0, 5.0]])))
    np.testing.assert_array_equal(linalg.eigvalsh(x.T, UPLO="U"), linalg.eigvalsh(x))
    for f in (lambda x: linalg.eigvalsh(x)[0], lambda x: linalg.eigh(x).eigenvectors[0, 0]):
        g = cr.grad(f)(hermitian(x))
        np.testing.assert_allclose(g, g.mT, rtol=1e-14)

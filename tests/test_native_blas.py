"""Products of matrices, linear equations and decompositions in compiled code, against NumPy and SciPy."""

import numpy as np
import pytest
import scipy.linalg

import chainrule as cr
from chainrule import native
from chainrule.errors import MatrixError
from chainrule.native.compiler import Lowered
from chainrule.native.libraries import blas, gemm
from chainrule.native.lowerings import products
from chainrule.native.machine import cache
from chainrule.native.machine.symbols import address_of
from chainrule.ops import ops
from chainrule.passes import optimize

DTYPES = ("float64", "float32", "complex128", "complex64", "int64", "int8", "bool")


def numbers(rng, dtype, *shape):
    x = rng.normal(size=shape) * 3
    if dtype == "bool":
        return x > 2
    return (x + 1j * rng.normal(size=shape) if dtype.startswith("complex") else x).astype(dtype)


def compiled(function, *arrays):
    return native.compile(optimize(cr.trace(function, *arrays)))


@pytest.fixture
def choosing(monkeypatch):
    """Other thresholds, and no machine code that was compiled with those that are set."""
    monkeypatch.setenv("CHAINRULE_CACHE", "off")
    cache.forget()
    yield monkeypatch.setattr
    cache.forget()


def close(found, wanted, scale=1.0):
    """Equal to rounding, which grows with what was summed up."""
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    if wanted.dtype.kind in "fc":
        eps = np.finfo(wanted.dtype).eps
        np.testing.assert_allclose(found, wanted, 100 * eps, 100 * eps * scale)
    else:
        np.testing.assert_array_equal(found, wanted)


# Sizes for statements, tiles with all kinds of rests, and vectors.
SIZES = [(1, 5, 1), (5, 1, 7), (1, 9, 33), (33, 9, 1), (4, 4, 4), (5, 6, 7), (17, 19, 23), (65, 70, 75), (10, 300, 3)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(dtype):
    """Transposed, strided and reversed operands are read where they are; all kinds of size, and vectors."""
    rng = np.random.default_rng(0)
    for n, k, m in SIZES:
        x, y, wide = (numbers(rng, dtype, *shape) for shape in ((n, k), (k, m), (2 * n, k + 2)))
        v, w = (numbers(rng, dtype, k) for _ in range(2))
        inputs = (x, y, x.T.copy(), y.T.copy(), wide, v, w)

        def f(x, y, xt, yt, wide, v, w):
            parts = (wide[::2, 1:-1] @ y, wide[::-2, 1:-1] @ y, xt.T[::-1] @ y[:, ::-1])
            return (x @ y, xt.T @ y, x @ yt.T, xt.T @ yt.T, *parts, v @ y, x @ w, v @ w, xt.T @ w, v @ yt.T)

        for found, wanted in zip(native.run(compiled(f, *inputs), *inputs), f(*inputs), strict=True):
            close(found, np.asarray(wanted), 10 * k)


@pytest.mark.parametrize("shared", [0, products.SHARED])
@pytest.mark.parametrize("dtype", ["float64", "complex64", "int64"])
def test_stacks(dtype, shared, choosing):
    choosing(products, "SHARED", shared)
    rng = np.random.default_rng(1)
    x, y, z, v = (numbers(rng, dtype, *s) for s in ((3, 9, 8), (3, 8, 7), (8, 3, 9), (8,)))

    def f(xp, x, y, z, v):
        turned = xp.permute_dims(z, (1, 2, 0)) @ y
        return x @ y, x @ y[0], x[0] @ y, x[:, None] @ y[None], turned, x @ v, v @ y, x[:1] @ y

    found = native.run(compiled(lambda *a: f(cr, *a), x, y, z, v), x, y, z, v)
    for one, other in zip(found, f(np, x, y, z, v), strict=True):
        close(one, other, 100)


def attention(xp, q, k, v):
    scores = xp.exp(xp.tanh(q @ xp.permute_dims(k, (0, 2, 1))))
    return xp.tanh(scores / xp.sum(scores, axis=-1, keepdims=True) @ v)


@pytest.mark.parametrize("sizes", [(5, 20, 8), (3, 130, 70), (40, 64, 30)])
@pytest.mark.parametrize("shared", [0, 2**60])
def test_products_inside_the_loops_of_others(sizes, shared, choosing):
    """What a step of the loop over a stack makes and needs is near; the derivatives too."""
    choosing(products, "SHARED", shared)
    stack, rows, columns = sizes
    rng = np.random.default_rng(12)
    q, k, v = (numbers(rng, "float64", stack, rows, columns) / columns for _ in range(3))
    gradient = cr.value_and_grad(lambda *x: cr.sum(attention(cr, *x) ** 2), argnums=(0, 1, 2))
    graph = optimize(cr.trace(gradient, q, k, v))
    found = native.run(compiled(lambda *x: (attention(cr, *x), *gradient(*x)[1]), q, k, v), q, k, v)
    np.testing.assert_allclose(found[0], attention(np, q, k, v), 1e-12, 1e-13)
    for one, other in zip(found[1:], graph.run([q, k, v])[1:], strict=True):
        np.testing.assert_allclose(one, other, 1e-9, 1e-12)


def test_mixed_dtypes():
    rng = np.random.default_rng(2)
    x, y, z = numbers(rng, "float32", 20, 30), numbers(rng, "float64", 30, 40), rng.integers(9, size=(40, 20))
    found = native.run(compiled(lambda x, y, z: (x @ y, y @ z, z @ z.T), x, y, z), x, y, z)
    for one, other in zip(found, (x @ y, y @ z, z @ z.T), strict=True):
        close(one, other, 100)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "complex64"])
def test_blas(dtype, choosing):
    """Large products are calls of BLAS, which is told of transposes and leading dimensions; others are copied."""
    choosing(products, "BLAS", 0)
    rng = np.random.default_rng(3)
    x, y, yt = numbers(rng, dtype, 21, 22), numbers(rng, dtype, 22, 23), numbers(rng, dtype, 23, 22)
    stack = numbers(rng, dtype, 3, 22, 23)

    def f(x, y, yt, stack):
        parts = (x[:, 1:9] @ y[1:9, 2:], x[:, ::2] @ y[::2], x[::3] @ y, x[:1].T @ x[:1])
        return (x @ y, x @ yt.T, y.T @ x.T, yt @ y, *parts, x @ stack)

    program = compiled(f, x, y, yt, stack)
    assert any(name.startswith("blas_") for name in program.owner.loops.calls)
    for found, wanted in zip(native.run(program, x, y, yt, stack), f(x, y, yt, stack), strict=True):
        close(found, wanted, 200)


def test_what_blas_can_be_told():
    assert blas.layout(3, 4, 9, 1) == ("N", 9)
    assert blas.layout(3, 4, 1, 5) == ("T", 5)
    assert blas.layout(1, 4, 0, 1) == ("N", 4)
    assert blas.layout(3, 1, 2, 0) == ("N", 2)
    for row, column in ((3, 1), (0, 1), (-4, 1), (8, 2), (4, -1)):
        assert blas.layout(3, 4, row, column) is None
    assert blas.layout(3, 4, 2**31, 1) is None


@pytest.mark.parametrize(("width", "most"), [(64, 6), (64, 24), (32, 12), (16, 12)])
def test_tiles_are_small_enough_for_the_registers(width, most, choosing):
    choosing(gemm, "registers", lambda: (width, most))
    for n in range(1, 40):
        for vectors in range(1, 40):
            rows, wide = gemm.tile(n, vectors, most)
            assert 1 <= rows <= n and 1 <= wide <= vectors and rows * wide <= most
    rng = np.random.default_rng(4)
    x, y = numbers(rng, "float64", 17, 19), numbers(rng, "float64", 19, 50)
    close(native.run(compiled(lambda x, y: x @ y, x, y), x, y)[0], x @ y, 100)


@pytest.mark.parametrize("shape", [(250,), (17, 40)])
def test_products_do_not_overwrite_what_they_read(shape):
    """A carry that a product alone reads, to make the next one."""
    rng = np.random.default_rng(11)
    w, h = numbers(rng, "float64", shape[-1], shape[-1]) / 50, numbers(rng, "float64", *shape)
    found = native.run(compiled(lambda h: cr.scan(lambda c, _: (c @ w, None), h, None, length=3)[0], h), h)[0]
    np.testing.assert_allclose(found, h @ w @ w @ w, 1e-10, 1e-10)


def test_programs_share_the_functions_of_tiles():
    """By names that say what they do, so that machine code that was kept finds them; others' machines have none."""
    graph = optimize(cr.trace(lambda x, y: x @ y, np.ones((40, 30)), np.ones((30, 50))))
    here, elsewhere = Lowered(graph), Lowered(graph, portable=True)
    names = [name for name in here.loops.calls if name.startswith("tile_f8_")]
    assert names and set(names) <= set(here.symbols)
    for name in names:
        assert address_of(name) == here.symbols[name]
    assert not elsewhere.symbols
    assert gemm.address("blas_dgemm") is None and address_of("blas_dgemm") == blas.address("dgemm")
    small = Lowered(optimize(cr.trace(lambda x: x @ x, np.ones((9, 9)))))
    assert not small.symbols


SUBSCRIPTS = ["ab,bc->ac", "ab,bc->ca", "ab,ab->a", "a,b->ab", "abc,bcd->ad", "abc,abd->acd", "bac,dab->cbd"]
SUBSCRIPTS += ["ab,bc,cd->ad", "ab,ab,b->a", "abcd,abcd->bd", "ai,ij->aj", "acb,adb->acd", "ab->ba", "a,ab,b->"]


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64", "bool"])
@pytest.mark.parametrize("factor", [1, 7])
def test_contractions(dtype, factor):
    rng = np.random.default_rng(5)
    size = dict(zip("abcdij", (2 * factor, 3, 4 * factor, 5, 1, 3 * factor), strict=True))
    operands = [
        [numbers(rng, dtype, *(size[letter] for letter in term)) for term in subscripts.split("->")[0].split(",")]
        for subscripts in SUBSCRIPTS
    ]

    def f(*flat):
        rest = iter(flat)
        return [
            ops.contract(*[next(rest) for _ in given], subscripts=subscripts)
            for subscripts, given in zip(SUBSCRIPTS, operands, strict=True)
        ]

    flat = [x for given in operands for x in given]
    for found, subscripts, given in zip(native.run(compiled(f, *flat), *flat), SUBSCRIPTS, operands, strict=True):
        close(found, np.asarray(np.einsum(subscripts, *given)), 1000)


def test_nothing_to_multiply():
    x, y = np.zeros((3, 0)), np.zeros((0, 4))
    found = native.run(compiled(lambda x, y: (x @ y, y @ np.ones((4, 5)), x.T @ np.ones((3, 2))), x, y), x, y)
    assert [a.shape for a in found] == [(3, 4), (0, 5), (0, 2)] and not found[0].any()


def test_threads_do_not_change_products():
    rng = np.random.default_rng(6)
    x, y, z = numbers(rng, "float64", 203, 200), numbers(rng, "float64", 200, 310), numbers(rng, "float64", 7, 200, 100)
    program = compiled(lambda x, y, z: (x @ y, x @ z), x, y, z)
    found = native.run(program, x, y, z)
    close(found[0], x @ y, 1000)
    close(found[1], x @ z, 1000)
    for _ in range(3):
        for one, other in zip(found, native.run(program, x, y, z), strict=True):
            np.testing.assert_array_equal(one, other)


# ------------------------------------------------------------------------------------- equations and factors

STACKS = [(), (3,), (2, 9)]


def regular(rng, dtype, *shape):
    return numbers(rng, dtype, *shape) + (10 * np.eye(shape[-1])).astype(dtype)


def positive(rng, dtype, *shape):
    x = numbers(rng, dtype, *shape)
    return (x @ x.conj().swapaxes(-1, -2) + 5 * np.eye(shape[-1])).astype(dtype)


def check(function, reference, arrays, tolerance=None):
    """Compiled without a callback, and equal to the reference."""
    program = compiled(function, *arrays)
    found, wanted = native.run(program, *arrays), reference(*arrays)
    wanted = list(map(np.asarray, wanted)) if isinstance(wanted, (tuple, list)) else [np.asarray(wanted)]
    for one, other in zip(found, wanted, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        tol = tolerance or (2e-3 if one.dtype.name in ("float32", "complex64") else 1e-10)
        np.testing.assert_allclose(one, other, tol, tol * max(1.0, float(np.abs(other).max())))
    return program


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "complex64"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_equations(dtype, n):
    rng = np.random.default_rng(n)
    for stack in STACKS:
        a, b, c = regular(rng, dtype, *stack, n, n), numbers(rng, dtype, n), numbers(rng, dtype, *stack, n, 3)

        def f(xp, linalg, a, b, c):
            turned = xp.matrix_transpose(a)
            return [linalg.solve(a, b), linalg.solve(turned, c), linalg.solve(a, c[..., :1]), linalg.inv(turned)]

        check(lambda *x: f(cr, cr.linalg, *x), lambda *x: f(np, np.linalg, *x), (a, b, c))
        if dtype.startswith("float"):
            check(
                lambda a: (cr.linalg.det(a), *cr.linalg.slogdet(-a)),
                lambda a: (np.linalg.det(a), *np.linalg.slogdet(-a)),
                (a,),
            )
        p = positive(rng, dtype, *stack, n, n)
        check(
            lambda p: (cr.linalg.cholesky(p), cr.linalg.cholesky(p, upper=True)),
            lambda p: (np.linalg.cholesky(p), np.linalg.cholesky(p, upper=True)),
            (p,),
        )


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_triangles(dtype):
    rng = np.random.default_rng(7)
    a, b, c = regular(rng, dtype, 6, 6), numbers(rng, dtype, 6), numbers(rng, dtype, 6, 3)
    kinds = [(trans, lower, unit) for trans in (0, 1, 2) for lower in (False, True) for unit in (False, True)]

    def ours(a, b, c):
        return [
            cr.linalg.solve_triangular(a, right, trans=trans, lower=lower, unit_diagonal=unit)
            for trans, lower, unit in kinds
            for right in (b, c)
        ]

    def scipys(a, b, c):
        return [
            scipy.linalg.solve_triangular(a, right, trans, lower, unit)
            for trans, lower, unit in kinds
            for right in (b, c)
        ]

    check(ours, scipys, (a, b, c), 1e-3 if dtype == "complex64" else 1e-8)
    stack = np.stack([a, 2 * a])
    found = native.run(compiled(lambda a, c: cr.linalg.solve_triangular(a, c), stack, c), stack, c)[0]
    np.testing.assert_allclose(np.triu(stack) @ found, np.stack([c, c]), 1e-3, 1e-3)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "complex64"])
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 6, 4), (2, 4, 6)])
def test_factors(dtype, shape):
    """The signs that LAPACK chooses are NumPy's too."""
    rng = np.random.default_rng(8)
    a = numbers(rng, dtype, *shape)
    for mode in ("reduced", "complete"):
        check(lambda a, mode=mode: cr.linalg.qr(a, mode=mode), lambda a, mode=mode: np.linalg.qr(a, mode), (a,))
    for full in (True, False):
        program = compiled(lambda a, full=full: cr.linalg.svd(a, full_matrices=full), a)
        u, s, vh = native.run(program, a)
        wanted = np.linalg.svd(a, full_matrices=full)
        assert [x.shape for x in (u, s, vh)] == [x.shape for x in wanted]
        k, tol = s.shape[-1], 1e-4 if s.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(s, wanted[1], tol)
        np.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a, tol, 10 * tol)
        for basis in (u.conj().swapaxes(-1, -2) @ u, vh @ vh.conj().swapaxes(-1, -2)):
            np.testing.assert_allclose(basis, np.broadcast_to(np.eye(basis.shape[-1]), basis.shape), tol, 10 * tol)
    check(cr.linalg.svdvals, lambda a: np.linalg.svd(a, compute_uv=False), (a,))


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "complex64"])
@pytest.mark.parametrize("side", ["L", "U"])
def test_eigenvalues(dtype, side):
    rng = np.random.default_rng(9)
    a = numbers(rng, dtype, 3, 5, 5)
    values, vectors = native.run(compiled(lambda a: cr.linalg.eigh(a, UPLO=side), a), a)
    kept = np.tril(a, -1) if side == "L" else np.triu(a, 1)
    whole = kept + kept.conj().swapaxes(-1, -2) + np.eye(5) * a.real
    tol = 1e-4 if values.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(values, np.linalg.eigvalsh(a, side), tol, 10 * tol)
    np.testing.assert_allclose(whole @ vectors, vectors * values[..., None, :], tol, 10 * tol)
    check(lambda a: cr.linalg.eigvalsh(a, UPLO=side), lambda a: np.linalg.eigvalsh(a, side), (a,))


def test_derivatives_of_small_systems():
    """Cofactors of singular matrices too, many side by side."""
    rng = np.random.default_rng(10)
    a = numbers(rng, "float64", 11, 3, 3)
    a[5] = 1.0
    found = native.run(compiled(cr.vmap(cr.grad(cr.linalg.det)), a), a)[0]
    wanted = np.cross(np.roll(a, -1, -2), np.roll(a, -2, -2))
    np.testing.assert_allclose(found, wanted, 1e-10, 1e-10)


REFUSED = {
    "inv": (
        lambda a: cr.linalg.inv(a),
        np.ones((2, 2)),
        "[inv] the matrix of shape (2, 2) is singular: its rank is below 2; expected one of full rank; "
        "use pinv(x) for an inverse of any matrix.",
    ),
    "solve": (
        lambda a: cr.linalg.solve(a, a),
        np.zeros((3, 9, 9)),
        "[solve] matrix [0] of the stack of shape (3, 9, 9) is singular: its rank is below 9; expected one of full "
        "rank; use lstsq(a, b) for the solution of least squares.",
    ),
    "solve_triangular": (
        lambda a: cr.linalg.solve_triangular(a, a),
        np.zeros((9, 9)),
        "[solve_triangular] the matrix of shape (9, 9) is singular: its rank is below 9; expected one of full rank; "
        "its diagonal must have no zeros.",
    ),
    "cholesky": (
        lambda a: cr.linalg.cholesky(a),
        -np.eye(3),
        "[cholesky] the matrix of shape (3, 3) is not positive definite; expected a Hermitian one whose eigenvalues "
        "are all positive; add a small multiple of the identity, x + 1e-6 * eye(n), or use eigh(x).",
    ),
    "cholesky of many": (
        lambda a: cr.linalg.cholesky(a),
        np.stack([np.eye(8), -np.eye(8)]),
        "[cholesky] matrix [1] of the stack of shape (2, 8, 8) is not positive definite; expected a Hermitian one "
        "whose eigenvalues are all positive; add a small multiple of the identity, x + 1e-6 * eye(n), or use eigh(x).",
    ),
    "eigh": (
        lambda a: cr.linalg.eigh(a)[0],
        np.full((3, 3), np.nan),
        "[eigh] the eigenvalues of an operand of shape (3, 3) did not converge; expected finite elements; "
        "look for NaN and infinities in it.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_are_those_of_the_op(name):
    function, a, text = REFUSED[name]
    told = []
    for call in (function, cr.jit(function)):
        with pytest.raises(MatrixError) as caught:
            call(a)
        told.append(str(caught.value))
    assert told[0].splitlines()[0] == text and told[0] == told[1]


@pytest.mark.parametrize("n", [3, 6])
def test_what_is_not_finite(n):
    """NaN where NumPy has it."""
    for a in (np.full((n, n), np.nan), np.where(np.eye(n) > 0, np.inf, 1.0)):
        with np.errstate(all="ignore"):
            check(lambda a: cr.linalg.det(a), np.linalg.det, (a,))
            check(lambda a: cr.linalg.inv(a), lambda a: np.asarray(cr.linalg.inv(a)), (a,))


def test_elimination_takes_the_largest_pivot():
    a = np.array([[1e-20, 1.0], [1.0, 1.0]])
    b = np.array([1.0, 2.0])
    np.testing.assert_allclose(native.run(compiled(cr.linalg.solve, a, b), a, b)[0], [1.0, 1.0], 1e-15)

"""Linear algebra without decompositions.

Matrices stand in stacks, so that the tests' stretched operands repeat a matrix and not its rows; numbers are such that
the matrices stay regular when the tests roll and flip them, or make them integers or booleans.
"""

from typing import Any

import numpy as np
import scipy.linalg
from scipy.spatial import distance

from samples.drawing import Row, call, draw, floating, row

# With their rolled and flipped versions, these are regular, and have no negative eigenvalues.
REGULAR = np.array([[2.25, -0.65], [0.85, 1.4]])
PAIR = np.stack([REGULAR, np.array([[1.7, -1.2], [0.7, 2.6]])])
TRIPLE = np.array([[[2.3, -0.4, 0.6], [0.7, 1.6, -0.3], [-0.2, 0.9, 1.8]]])
# Its Hermitian part, and those of the rolled and flipped one, are positive definite.
POSITIVE = np.array([[[1.4, -0.6, -0.2], [1.0, 1.8, 0.6], [-0.8, 0.9, 2.0]]])
NONE = np.zeros((0, 2, 2))


def hermitian(x: Any) -> Any:
    """The Hermitian part."""
    return (x + x.conj().mT) / 2


def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    a = np.tril(floating(a)) if lower else np.triu(floating(a))
    if unit_diagonal:
        a = a - a * np.eye(a.shape[-1]) + np.eye(a.shape[-1], dtype=a.dtype)
    return np.linalg.solve([a, a.mT, a.mT.conj()][trans], b)


def cho_solve(c_and_lower: Any, b: Any) -> Any:
    c, lower = c_and_lower
    c = np.tril(floating(c)) if lower else np.triu(floating(c))
    return np.linalg.solve(c @ c.mT.conj() if lower else c.mT.conj() @ c, b)


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    x, residuals, rank, values = np.linalg.lstsq(a, b, rcond)
    return x, residuals, np.int64(rank), values


def least_squares(a: Any, b: Any, rcond: Any) -> Any:
    return np.linalg.pinv(floating(a), rtol=rcond) @ b


def pinv(x: Any, rtol: Any = None, hermitian: bool = False) -> Any:
    x = floating(x)
    return np.linalg.pinv(x, rtol=max(x.shape[-2:]) * np.finfo(x.dtype).eps if rtol is None else rtol)


def cofactor(x: Any) -> Any:
    """Minors, with their signs: no inverse, no singular values."""
    n = x.shape[-1]
    out = np.empty(x.shape, x.dtype)
    for i, j in np.ndindex(n, n):
        minor = np.delete(np.delete(x, i, -2), j, -1)
        out[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


def cofactor_change(x: Any, t: Any) -> Any:
    """The derivative of the polynomial, which the unit circle gives exactly."""
    count = 2 * x.shape[-1]
    points = np.exp(2j * np.pi * np.arange(count) / count)
    out = sum(cofactor(x + z * t) * z.conj() for z in points) / count
    return out if np.result_type(x, t).kind == "c" else out.real.astype(np.result_type(x, t))


def by_matrix(function: Any) -> Any:
    """A function of SciPy's on stacks, in double precision; a complex result for a real matrix is an error."""

    def stacked(x: Any) -> Any:
        x = floating(x)
        out = np.zeros(x.shape, x.dtype)
        for place in np.ndindex(x.shape[:-2]):
            result = np.asarray(function(x[place].astype(complex if x.dtype.kind == "c" else float)))
            if result.dtype.kind == "c" and x.dtype.kind != "c":
                raise ValueError
            out[place] = result
        return out

    return stacked


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """By a Kronecker product: Σ over the elements of x, row by row."""
    rows, columns = a.shape[-1], b.shape[-1]
    system = np.stack(
        [
            np.kron(one, np.eye(columns)) + np.kron(np.eye(rows), other.T)
            for one, other in zip(*(np.broadcast_to(x, (2, *x.shape[-2:])) for x in (a, b)), strict=True)
        ]
    )
    out = np.linalg.solve(system, np.broadcast_to(q, (2, rows, columns)).reshape(2, rows * columns, 1))
    return out.reshape(2, rows, columns)


def in_double(function: Any) -> Any:
    """A reference that computes in double precision what is asked in single."""

    def computed(*args: Any, **params: Any) -> Any:
        arrays = [floating(x) if isinstance(x, np.ndarray) else x for x in args]
        dtype = np.result_type(*(x for x in arrays if isinstance(x, np.ndarray)))
        wide = [x.astype(complex if x.dtype.kind == "c" else float) if isinstance(x, np.ndarray) else x for x in arrays]
        return function(*wide, **params).astype(dtype)

    return computed


def expm(x: Any) -> Any:
    return scipy.linalg.expm(floating(x))


def cdist(x1: Any, x2: Any, p: float = 2.0) -> Any:
    x1, x2 = floating(x1), floating(x2)
    if x1.ndim == 2 and x1.dtype == x2.dtype == np.float64:
        return distance.cdist(x1, x2, "minkowski", p=p) if p < np.inf else distance.cdist(x1, x2, "chebyshev")
    return np.linalg.vector_norm(x1[..., :, None, :] - x2[..., None, :, :], ord=p, axis=-1)


def matrix_norm(x: Any, ord: Any = "fro", keepdims: bool = False) -> Any:
    return np.linalg.matrix_norm(floating(x), ord=ord, keepdims=keepdims)


TALL, WIDE = np.sinh(draw((1, 3, 2))), np.sinh(draw((1, 2, 3)))

ROWS: dict[str, Row] = {
    "inv": row(np.linalg.inv, call(PAIR), call(TRIPLE), call(NONE), call(np.zeros((2, 0, 0)))),
    "inv_or_nan": row(np.linalg.inv, call(PAIR), call(NONE), refuses=""),
    "solve": row(
        np.linalg.solve,
        call(PAIR, draw((2, 2, 3))),
        call(PAIR, draw((2,))),
        call(TRIPLE, draw((2, 1, 3, 2))),
        call(NONE, draw((2,))),
        call(PAIR, draw((2, 0))),
    ),
    "solve_triangular": row(
        in_double(solve_triangular),
        call(PAIR, draw((2, 2, 3))),
        call(PAIR, draw((2,)), trans=1),
        call(TRIPLE, draw((2, 1, 3, 2)), 2, True),
        call(PAIR, draw((2, 1)), trans=2),
        call(PAIR, draw((2,)), lower=True, unit_diagonal=True),
        call(NONE, draw((2,))),
    ),
    "cholesky": row(
        np.linalg.cholesky,
        call(PAIR),
        call(POSITIVE, upper=True),
        call(NONE),
        through=hermitian,
    ),
    "cho_solve": row(cho_solve, call((PAIR, True), draw((2,))), call((PAIR, False), draw((2, 3)))),
    "det": row(np.linalg.det, call(PAIR), call(TRIPLE), call(draw((3, 3))), call(np.ones((2, 2))), call(NONE)),
    "cofactor": row(in_double(cofactor), call(PAIR), call(TRIPLE), call(NONE)),
    "cofactor_change": row(in_double(cofactor_change), call(PAIR, draw((2, 2))), call(TRIPLE, draw((3, 3)))),
    "pinv": row(pinv, call(TALL), call(WIDE), call(draw((2, 3))), call(PAIR), call(np.zeros((0, 2, 3)))),
    # Of a matrix of zeros nothing can be cut off.
    "constant_rank": row(lambda p, _x: p, call(REGULAR, np.zeros((2, 2), int))),
    "least_squares": row(
        least_squares,
        call(TALL, draw((2, 3, 2)), rcond=1e-12),
        call(WIDE, draw((2, 2)), rcond=1e-12),
        call(draw((3, 2)), draw((3, 1)), rcond=1e-12),
    ),
    "lstsq": row(lstsq, call(draw((4, 2)), draw((4,))), call(draw((2, 3)), draw((2, 2)))),
    "matrix_rank": row(
        np.linalg.matrix_rank, call(TALL), call(np.ones((2, 2))), call(draw((3, 3)), rtol=0.5), call(NONE)
    ),
    "matrix_norm": row(
        matrix_norm,
        *(call(TALL, ord=ord, keepdims=i % 2 == 0) for i, ord in enumerate(["nuc", 2, -2, 1, -1, np.inf, -np.inf])),
        call(draw((2, 3))),
    ),
    "cond": row(
        lambda x, p=None: np.linalg.cond(floating(x), p),
        *(call(PAIR, p) for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc")),
        call(TALL),
    ),
    "expm": row(expm, call(PAIR), call(TRIPLE), call(draw((3, 3))), call(NONE)),
    "logm": row(by_matrix(scipy.linalg.logm), call(PAIR), call(NONE)),
    "sqrtm": row(by_matrix(scipy.linalg.sqrtm), call(PAIR), call(NONE)),
    "solve_sylvester": row(in_double(solve_sylvester), call(PAIR, TRIPLE, draw((2, 3)))),
    "matrix_power": row(
        np.linalg.matrix_power,
        call(PAIR, 3),
        call(PAIR, -2),
        call(TRIPLE, 1),
        call(draw((3, 3)), 7),
        call(NONE, 2),
    ),
    "multi_dot": row(
        np.linalg.multi_dot,
        call([draw((2, 3)), draw((3, 4)), draw((4, 2))]),
        call([draw((3,)), draw((3, 4)), draw((4, 2)), draw((2,))]),
        call([draw((2, 3)), draw((3,))]),
    ),
    "cross": row(
        lambda x, y, axis=-1: np.cross(x, y, axis=axis),
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((4, 1, 3))),
        call(draw((3, 2)), draw((3, 2)), axis=0),
        call(draw((0, 3)), draw((3,))),
    ),
    "cdist": row(
        cdist,
        call(draw((2, 3)), draw((4, 3))),
        call(np.sinh(draw((2, 2, 3))), draw((1, 3)), p=1),
        call(draw((2, 3)), draw((4, 3)), p=3.5),
        call(np.sinh(draw((2, 3))), draw((4, 3)), p=np.inf),
        call(draw((0, 3)), draw((4, 3))),
    ),
    "tensorinv": row(np.linalg.tensorinv, call(REGULAR.reshape(1, 2, 2))),
    "tensorsolve": row(np.linalg.tensorsolve, call(draw((1, 2, 2)), draw((1, 2)))),
    "linalg_outer": row(np.linalg.outer, call(draw((2,)), draw((3,))), call(draw((0,)), draw((3,)))),
    "linalg_diagonal": row(
        np.linalg.diagonal, call(draw((2, 3, 4))), call(draw((3, 3)), offset=1), call(draw((3, 4)), offset=-1)
    ),
    "linalg_trace": row(np.linalg.trace, call(draw((2, 3, 4))), call(draw((3, 3)), offset=1), call(draw((0, 2, 2)))),
}

"""Decompositions of matrices.

Matrices stand in stacks, so that the tests' stretched operands repeat a matrix and not its rows; numbers are such that
values stay apart when the tests roll and flip them.
"""

from typing import Any

import numpy as np
import scipy.linalg

from samples.drawing import Row, call, floating, row
from samples.linalg import NONE, PAIR, TRIPLE, hermitian

TALL = np.array([[[1.2, -0.4], [0.3, 1.7], [-0.9, 0.6], [0.5, 0.8]]])
WIDE = TALL.mT.copy()
SQUARE = np.array([[[0.6, 1.9, -0.7], [2.3, 0.4, 0.8], [-1.1, 0.5, 1.6]]])
# As integers and as booleans too, its Hermitian part has distinct eigenvalues.
APART = np.array([[[2.3, 0.4, -0.6], [0.7, -1.6, -0.3], [-0.2, -0.9, -1.8]]])
TWO = np.array([[-0.5, 1.75], [1.25, -2.75]])
VALUES = np.array([[0.5, 1.75, 3.0]])


def by_complex(function: Any) -> Any:
    """The function with complex results, whatever NumPy makes of real ones."""

    def of(x: Any) -> Any:
        found = function(floating(x))
        parts = found if isinstance(found, tuple) else (found,)
        parts = tuple(part.astype(np.result_type(part, np.complex64)) for part in parts)
        return parts if isinstance(found, tuple) else parts[0]

    return of


def without_phases(values: Any, vectors: Any) -> Any:
    return values, vectors * np.conj(vectors[..., :1, :]) if vectors.dtype.kind == "c" else vectors


def factors_without_phases(u: Any, s: Any, vh: Any) -> Any:
    k = s.shape[-1]
    # The columns that complete a basis have no place of their own; their space has.
    spaces = [x[..., k:] @ np.conj(x[..., k:]).mT for x in (u, np.conj(vh).mT) if x.shape[-1] > k]
    u, vh = u[..., :k], vh[..., :k, :]
    if u.dtype.kind == "c":
        u, vh = u * vh[..., None, :, 0], vh * u[..., 0, :, None]
    return s, u, vh, *spaces


def factors_in_spaces(q: Any, r: Any) -> Any:
    k = min(q.shape[-2], r.shape[-1])
    spaces = [q[..., k:] @ np.conj(q[..., k:]).mT] if q.shape[-1] > k else []
    return q[..., :k], r, *spaces


def gauge_quotient(k: Any, values: Any, size: Any, *, name: str, part: str, gap: str, check: str) -> Any:
    k, values = floating(k), floating(values)
    right, left = values[..., None, :], values[..., :, None]
    numerator = k + k.mT if part == "hermitian" else k - k.mT
    with np.errstate(all="ignore"):
        out = numerator / 2 / (right + left if gap == "sum" else right - left)
    return np.where(np.eye(k.shape[-1], dtype=bool), 0, out).astype(k.dtype)


def spectral(x: Any, w: Any, **_params: Any) -> Any:
    w = floating(w)
    _, vectors = np.linalg.eigh(x)
    return (vectors * w[..., None, :]) @ vectors.mT


HOW = {"name": "eigh", "check": "vanish"}
INNER = {"UPLO": "L", "name": "eigvalsh", "padding": 0}

ROWS: dict[str, Row] = {
    "eigh": row(
        np.linalg.eigh,
        call(PAIR),
        call(TRIPLE, UPLO="U"),
        call(NONE),
        through=hermitian,
        seen=without_phases,
    ),
    "eigvalsh": row(
        np.linalg.eigvalsh, call(PAIR), call(TRIPLE, UPLO="U"), call(NONE), call(np.zeros((2, 0, 0))), through=hermitian
    ),
    "aligned_eigh": row(
        lambda x, e, **_params: np.linalg.eigh(x),
        call(APART, SQUARE, **INNER),
        through=hermitian,
        seen=without_phases,
    ),
    "spectral": row(
        spectral,
        call(APART, VALUES, fixed=False, **INNER),
        call(APART, VALUES, fixed=True, **INNER),
        refuses="complex128 complex64",
        through=lambda x: hermitian(x) if len(x.shape) > 2 else x,
    ),
    "gauge_quotient": row(
        gauge_quotient,
        call(PAIR, TWO, PAIR, part="hermitian", gap="difference", **HOW),
        call(PAIR, TWO, PAIR, part="skew", gap="difference", **HOW),
        call(PAIR, TWO, PAIR, part="skew", gap="sum", **HOW),
        refuses="complex128 complex64",
    ),
    "svd": row(
        np.linalg.svd,
        call(TALL, full_matrices=False),
        call(WIDE, full_matrices=False),
        call(TALL),
        call(WIDE),
        call(PAIR),
        call(np.zeros((0, 3, 2))),
        seen=factors_without_phases,
    ),
    "svdvals": row(np.linalg.svdvals, call(TALL), call(WIDE), call(PAIR), call(np.zeros((0, 3, 2)))),
    "eig": row(by_complex(np.linalg.eig), call(PAIR), call(TRIPLE), call(SQUARE), call(NONE), seen=without_phases),
    "eig_once": row(by_complex(np.linalg.eig), call(PAIR), call(TRIPLE), seen=without_phases),
    "eigvals": row(by_complex(np.linalg.eigvals), call(PAIR), call(TRIPLE), call(SQUARE), call(NONE)),
    "left_vectors": row(lambda v: np.linalg.inv(floating(v)), call(PAIR), call(SQUARE), call(NONE)),
    "qr": row(
        np.linalg.qr,
        call(TALL),
        call(WIDE),
        call(SQUARE),
        call(TALL, mode="complete"),
        call(WIDE, "complete"),
        call(np.zeros((0, 3, 2))),
        seen=factors_in_spaces,
    ),
    "lu": row(lambda x: scipy.linalg.lu(floating(x)), call(TALL), call(WIDE), call(SQUARE)),
    "slogdet": row(np.linalg.slogdet, call(PAIR), call(TRIPLE), call(SQUARE), call(NONE)),
}

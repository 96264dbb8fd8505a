"""What ops on stacks of matrices share: the shapes and dtypes they take, their errors, their batching.

The last two axes are those of matrices; all before them count a stack, and stacks broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.linalg import _umath_linalg as lapack

from chainrule.errors import MatrixError, MatrixShapeError
from chainrule.spec import shape_of


def require_matrix(name: str, x: Any, operand: int = 0) -> None:
    """Refuse what has no rows and columns."""
    if len(shape_of(x)) < 2:
        raise MatrixShapeError(
            f"[{name}] operand {operand} has shape {shape_of(x)}, which is no matrix; expected at least two axes; "
            f"reshape it first."
        )


def require_square(name: str, x: Any, operand: int = 0, advice: str = "check its shape, or take a square part") -> None:
    """Refuse matrices that have not as many rows as columns."""
    require_matrix(name, x, operand)
    if x.shape[-1] != x.shape[-2]:
        raise MatrixShapeError(
            f"[{name}] operand {operand} has shape {x.shape}, whose matrices are {x.shape[-2]} by {x.shape[-1]}; "
            f"expected square ones, shape (..., n, n); {advice}."
        )


def floating_dtype(*operands: Any) -> np.dtype[Any]:
    """The dtype LAPACK computes in: that of the operands together, float64 for integers, at least float32."""
    return np.result_type(*(x.dtype if x.dtype.kind in "fc" else np.float64 for x in operands), np.float32)


def floating(x: Any) -> Any:
    """x in a dtype that LAPACK computes in."""
    dtype = x.dtype
    if dtype.kind in "fc" and dtype.itemsize > 2:
        return x
    return x.astype(np.float32 if dtype.kind == "f" else np.float64)


def singular(name: str, x: Any, advice: str, failed: Any = None) -> MatrixError:
    """The error for a stack in which a matrix (``failed`` says which) has no inverse."""
    if failed is None:
        with np.errstate(all="ignore"):
            failed = np.equal(lapack.slogdet(x)[0], 0)
    return MatrixError(
        f"[{name}] {which(x, failed)} is singular: its rank is below {x.shape[-1]}; expected one of full rank; "
        f"{advice}."
    )


def which(x: Any, failed: Any) -> str:
    """The first of a stack that failed, in words."""
    if x.ndim == 2:
        return f"the matrix of shape {x.shape}"
    places = np.argwhere(failed)
    first = f"matrix [{', '.join(map(str, places[0].tolist()))}]" if len(places) else "a matrix"
    return f"{first} of the stack of shape {x.shape}"


def aligned(xp: Any, batched: Sequence[bool], operands: Sequence[Any], cores: Sequence[int]) -> list[Any]:
    """Operands whose batch axes, in front, stand in line; operand i has ``cores[i]`` axes behind those of its stack."""
    ranks = [len(shape_of(x)) - b - core for x, b, core in zip(operands, batched, cores, strict=True)]
    rank = max(ranks)
    return [
        xp.reshape(x, (x.shape[0], *(1,) * (rank - own), *x.shape[1:])) if b and own < rank else x
        for x, b, own in zip(operands, batched, ranks, strict=True)
    ]


def adjoint(xp: Any, x: Any) -> Any:
    """The conjugate transpose."""
    x = xp.matrix_transpose(x)
    return xp.conj(x) if x.dtype.kind == "c" else x


def columns(xp: Any, x: Any) -> Any:
    """Vectors as matrices of one column."""
    return xp.expand_dims(x, axis=-1)


def vectors(xp: Any, x: Any) -> Any:
    """Matrices of one column as vectors."""
    return xp.reshape(x, x.shape[:-1])

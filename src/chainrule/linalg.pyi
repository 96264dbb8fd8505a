# Written by tools/stubs.py from the source and the registry; change those and run it again.

from collections.abc import Sequence
from typing import Any

from chainrule.tensor import Operand, Tensor
from chainrule.ops.linalg.eig import EigResult
from chainrule.ops.linalg.eigen import EighResult
from chainrule.ops.linalg.qr import LUResult
from chainrule.ops.linalg.qr import QRResult
from chainrule.ops.linalg.qr import SlogdetResult
from chainrule.ops.linalg.svd import SVDResult

def cholesky(x: Operand, /, upper: Any = False) -> Tensor:
    """The lower triangular L with L @ Lᴴ = x, or with ``upper`` the U with Uᴴ @ U = x, of positive definite x."""

def det(x: Operand, /) -> Tensor:
    """The determinant of square matrices; its derivative is exact at singular ones too, to second order."""

def eig(x: Operand, /) -> EigResult:
    """(eigenvalues, eigenvectors) of square matrices: x @ V = V · diag(λ), columns of V of length 1; complex."""

def eigvals(x: Operand, /) -> Tensor:
    """The eigenvalues of square matrices, in no order; complex."""

def eigh(x: Operand, /, UPLO: Any = "L") -> EighResult:
    """(eigenvalues, eigenvectors) of Hermitian matrices: x = V · diag(λ) · Vᴴ with λ ascending."""

def eigvalsh(x: Operand, /, UPLO: Any = "L") -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending; only the triangle ``UPLO`` is read."""

def pinv(x: Operand, /, rtol: Any = None, hermitian: Any = False) -> Tensor:
    """The Moore–Penrose inverse of matrices, without singular values up to ``rtol`` times the largest one."""

def matrix_rank(x: Operand, /, tol: Any = None, hermitian: Any = False, rtol: Any = None) -> Tensor:
    """How many singular values are above ``tol``, or above ``rtol`` times the largest; an integer."""

def expm(x: Operand, /) -> Tensor:
    """The exponential Σ xᵏ / k! of square matrices."""

def logm(x: Operand, /) -> Tensor:
    """The principal logarithm of square matrices: the inverse of ``expm``, with |imag| ≤ π of its eigenvalues."""

def solve_sylvester(a: Operand, b: Operand, q: Operand, /) -> Tensor:
    """The x with a @ x + x @ b = q; stacks broadcast."""

def sqrtm(x: Operand, /) -> Tensor:
    """The principal square root of square matrices, whose eigenvalues have no negative real part."""

def cross(x1: Operand, x2: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """The cross product of vectors of 3 elements along ``axis``; the other axes broadcast."""

def qr(x: Operand, /, mode: str = "reduced") -> QRResult:
    """(Q, R) of matrices: x = Q · R, Q with orthonormal columns and R upper triangular."""

def lu(x: Operand, /) -> LUResult:
    """(P, L, U) of matrices: x = P · L · U, P a permutation, L unit lower and U upper triangular."""

def slogdet(x: Operand, /) -> SlogdetResult:
    """(sign, logabsdet) of square matrices: det(x) = sign · exp(logabsdet), which does not overflow."""

def inv(x: Operand, /) -> Tensor:
    """The inverse x⁻¹ of square matrices; MatrixError where one is singular."""

def solve(a: Operand, b: Operand, /) -> Tensor:
    """The x with a @ x = b, for square matrices a; MatrixError where one is singular."""

def solve_triangular(
    a: Operand,
    b: Operand,
    /,
    trans: Any = 0,
    lower: Any = False,
    unit_diagonal: Any = False,
) -> Tensor:
    """The x with a @ x = b, for triangular a, of which only the upper (or ``lower``) triangle is read."""

def svd(x: Operand, /, full_matrices: Any = True) -> SVDResult:
    """(U, S, Vh) of matrices: x = U · diag(S) · Vh with S descending; with ``full_matrices`` U and Vh are
    square.
    """

def svdvals(x: Operand, /) -> Tensor:
    """The singular values of matrices, descending."""

def matmul(x1: Operand, x2: Operand, /) -> Tensor:
    """The matrix product over x's last and y's last-but-one axis; 1-d operands are vectors, further axes a
    batch.
    """

def vector_norm(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over ``axis`` (all axes by default), p = ord; ∞ is the largest |x|, 0 counts the nonzero."""

def matrix_transpose(x: Operand, /) -> Tensor:
    """x with its last two axes exchanged."""

def cho_solve(c_and_lower: Any, b: Any) -> Tensor:
    """The x with a @ x = b, given a pair of a Cholesky factor of a and whether it is the lower one."""

def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x that makes ‖a @ x − b‖₂ least (of least norm, if there are many), residuals, rank and singular values of
    a.
    """

def matrix_power(x: Operand, n: Any) -> Tensor:
    """The product of n copies of square matrices; for n < 0 of their inverses, for n = 0 the identity."""

def matrix_norm(x: Operand, ord: Any = "fro", keepdims: bool = False) -> Tensor:
    """A norm of matrices: 'fro' √Σ|x|², or by ``ord`` another."""

def cond(x: Operand, p: Any = None) -> Tensor:
    """‖x‖ · ‖x⁻¹‖ in the norm ``p`` of ``matrix_norm``; by default 2, the ratio of extreme singular values."""

def outer(x1: Operand, x2: Operand) -> Tensor:
    """out[i, j] = x1[i] · x2[j], of two vectors."""

def diagonal(x: Operand, *, offset: int = 0) -> Tensor:
    """The diagonal of matrices, ``offset`` places above the main one (below it if negative)."""

def trace(x: Operand, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of a diagonal of matrices, in ``dtype`` (by default that of ``sum``)."""

def multi_dot(arrays: Sequence[Operand]) -> Tensor:
    """The product of a sequence of matrices, in the order that takes the fewest multiplications."""

def cdist(x1: Operand, x2: Operand, p: float = 2.0) -> Tensor:
    """out[i, j] = ‖x1[i] − x2[j]‖ₚ, of points that are the rows of two (stacks of) matrices."""

def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse of a under ``tensordot``: its first ``ind`` axes are rows of a matrix, the others columns."""

def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    """The x with tensordot(a, x, x.ndim) = b; ``axes`` of a are moved to its end first."""

def vecdot(x1: Operand, x2: Operand, axis: int = -1) -> Tensor:
    """Σᵢ conj(x1ᵢ)·x2ᵢ along ``axis``, the other axes broadcast."""

def tensordot(x: Operand, y: Operand, axes: Any = 2, *, name: str = "tensordot") -> Tensor:
    """The sum over pairs of axes: x's last ``axes`` with y's first, or a pair of lists of axes; the others stay."""

def norm(x: Operand, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """√Σ|x|² over ``axis`` (all axes by default), or by ``ord`` another norm, as ``numpy.linalg.norm`` has them."""

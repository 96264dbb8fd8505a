"""The Cholesky factor of positive definite matrices.

Note [Hermitian operands]
A function of Hermitian matrices reads one of their triangles and takes the other to be its mirror image. Its
derivative is that of the function on Hermitian matrices: a tangent acts by its Hermitian part, and the gradient is
Hermitian, so that a descent step leaves a Hermitian matrix. The formulas are those of I. Murray, "Differentiation of
the Cholesky decomposition" (2016), equations 8 and 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import _umath_linalg as lapack

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, MatrixError
from chainrule.gauge import hermitian
from chainrule.matrices import adjoint, columns, floating, floating_dtype, require_square, vectors, which
from chainrule.op import composite, primitive
from chainrule.spec import Spec


def _cholesky(x: Any, *, upper: bool = False) -> Any:
    x = floating(x)
    factor = lapack.cholesky_up if upper else lapack.cholesky_lo
    try:
        with np.errstate(invalid="raise"):
            return factor(x)
    except FloatingPointError:
        with np.errstate(invalid="ignore"):
            failed = np.isnan(factor(x)[..., 0, 0])
        raise MatrixError(
            f"[cholesky] {which(x, failed)} is not positive definite; expected a Hermitian one whose eigenvalues are "
            f"all positive; add a small multiple of the identity, x + 1e-6 * eye(n), or use eigh(x)."
        ) from None


def _spec(x: Spec, *, upper: bool) -> Spec:
    del upper
    require_square("cholesky", x)
    return Spec(x.shape, floating_dtype(x))


def _half(xp: Any, x: Any) -> Any:
    """The lower triangle with half of the diagonal: Φ of Murray's paper."""
    n = x.shape[-1]
    return xp.multiply(x, np.asarray(np.tri(n) - 0.5 * np.eye(n), np.empty(0, x.dtype).real.dtype))


def _turned(xp: Any, out: Any, upper: bool) -> Any:
    return adjoint(xp, out) if upper else out


def _vjp(xp: Any, g: Any, out: Any, _x: Any, *, upper: bool) -> Any:
    factor, g = _turned(xp, out, upper), _turned(xp, g, upper)
    middle = _half(xp, xp.matmul(xp.matrix_transpose(factor), g))
    left = xp.solve_triangular(factor, middle, trans=1, lower=True, unit_diagonal=False)
    conjugate = xp.conj(factor) if factor.dtype.kind == "c" else factor
    both = xp.solve_triangular(conjugate, xp.matrix_transpose(left), trans=1, lower=True, unit_diagonal=False)
    return hermitian(xp, xp.matrix_transpose(both))


def _jvp(xp: Any, tangents: Any, out: Any, _x: Any, *, upper: bool) -> Any:
    factor, t = _turned(xp, out, upper), hermitian(xp, tangents[0])
    left = xp.solve_triangular(factor, t, trans=0, lower=True, unit_diagonal=False)
    middle = xp.solve_triangular(factor, adjoint(xp, left), trans=0, lower=True, unit_diagonal=False)
    return _turned(xp, xp.matmul(factor, _half(xp, middle)), upper)


primitive(
    "cholesky",
    value=_cholesky,
    canonical=lambda _x, *, upper: {"upper": bool(upper)},
    spec=_spec,
    vjp=(_vjp,),
    jvp=_jvp,
    batch=lambda xp, _batched, x, *, upper: xp.cholesky(x, upper=upper),
    public=("linalg.cholesky",),
    numpy=("linalg.cholesky",),
    doc="""The lower triangular L with L @ Lᴴ = x, or with ``upper`` the U with Uᴴ @ U = x, of positive definite x.

    Only that triangle of x is read, as x is taken to be Hermitian; the gradient is Hermitian too. MatrixError where x
    is not positive definite.

    >>> cr.linalg.cholesky(cr.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """,
)


def _cho_solve(xp: Any, c_and_lower: Any, b: Any) -> Any:
    if not isinstance(c_and_lower, (tuple, list)) or len(c_and_lower) != 2:
        raise DTypeError(
            f"[cho_solve] the first argument is a {type(c_and_lower).__name__}; expected a pair (c, lower) of a "
            f"Cholesky factor and whether it is lower; write cho_solve((cholesky(x), True), b)."
        )
    c, lower = c_and_lower[0], bool(c_and_lower[1])
    vector = operand_spec("cho_solve", b).ndim == 1
    b = columns(xp, b) if vector else b
    inner = xp.solve_triangular(c, b, trans=0 if lower else 2, lower=lower, unit_diagonal=False)
    x = xp.solve_triangular(c, inner, trans=2 if lower else 0, lower=lower, unit_diagonal=False)
    return vectors(xp, x) if vector else x


composite(
    "cho_solve",
    _cho_solve,
    public=("linalg.cho_solve",),
    doc="""The x with a @ x = b, given a pair of a Cholesky factor of a and whether it is the lower one.

    >>> c = cr.linalg.cholesky(cr.tensor([[4.0, 2.0], [2.0, 2.0]]))
    >>> cr.linalg.cho_solve((c, True), cr.tensor([6.0, 4.0]))
    tensor([1., 1.])
    """,
)

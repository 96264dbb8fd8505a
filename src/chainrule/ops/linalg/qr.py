"""Factors of elimination and orthogonalisation: QR, LU, and the determinant's sign and logarithm.

Cotangents are ∂f/∂x + i ∂f/∂y here, and adjoints conjugate: see Note [Several outputs] in op.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.linalg import _umath_linalg as lapack

from chainrule.errors import DTypeError, GradientError, MatrixError
from chainrule.gauge import add, beyond, completed, cut, diagonal, inner, on_diagonal, outer
from chainrule.matrices import adjoint, floating, floating_dtype, require_matrix, require_square
from chainrule.op import primitive
from chainrule.reduction import real_dtype
from chainrule.spec import Spec


class QRResult(NamedTuple):
    """A matrix with orthonormal columns, and an upper triangular one."""

    Q: Any
    R: Any


class LUResult(NamedTuple):
    """A permutation, a unit lower triangular and an upper triangular matrix."""

    P: Any
    L: Any
    U: Any


class SlogdetResult(NamedTuple):
    """The sign of the determinant, and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


def _rows(xp: Any, x: Any, start: int | None, stop: int | None) -> Any:
    return xp.getitem(x, (Ellipsis, slice(start, stop), slice(None)))


def _unit(xp: Any, name: str, r: Any) -> tuple[Any, Any]:
    """Upper triangular r as its diagonal, from the left, times a matrix that has a diagonal of ones."""
    scales = diagonal(xp, r)
    scales = xp.real(scales) if name == "qr" else scales  # LAPACK's R has a real one
    return xp.divide(r, xp.expand_dims(scales, axis=-1)), scales


def _unscaled(xp: Any, name: str, x: Any, scales: Any, r: Any) -> Any:
    """x · diag(scales)⁻¹, or the error where one of them, on the diagonal of r, vanishes beside what stands above."""
    return xp.gauge_quotient(x, scales, r, name=name, part="all", gap="column", check="pivot")


def _over(xp: Any, name: str, x: Any, r: Any) -> Any:
    """x · r⁻ᴴ for upper triangular r."""
    unit, scales = _unit(xp, name, r)
    scales = xp.conj(scales) if scales.dtype.kind == "c" else scales
    turned = adjoint(xp, _unscaled(xp, name, x, scales, r))
    return adjoint(xp, xp.solve_triangular(unit, turned, trans=0, lower=False, unit_diagonal=True))


def _times_inverse(xp: Any, name: str, x: Any, r: Any) -> Any:
    """x · r⁻¹ for upper triangular r."""
    unit, scales = _unit(xp, name, r)
    turned = xp.solve_triangular(unit, xp.matrix_transpose(x), trans=1, lower=False, unit_diagonal=True)
    return _unscaled(xp, name, xp.matrix_transpose(turned), scales, r)


# ---------------------------------------------------------------------------------------------------- QR


def _require_mode(mode: Any) -> None:
    if mode not in ("reduced", "complete"):
        raise DTypeError(
            f"[qr] mode is {mode!r}; expected 'reduced' or 'complete'; for R alone (NumPy's mode 'r') write qr(x).R."
        )


def _qr(x: Any, *, mode: Any = "reduced") -> Any:
    _require_mode(mode)
    require_matrix("qr", x)
    result, (m, n) = floating_dtype(x), x.shape[-2:]
    packed = x.astype(np.result_type(result, np.float64))  # LAPACK's reflectors take its place
    scales = lapack.qr_r_raw(packed)
    whole = mode == "complete" and m > n
    q = (lapack.qr_complete if whole else lapack.qr_reduced)(packed, scales)
    r = np.triu(packed[..., : m if whole else min(m, n), :])
    return q.astype(result, copy=False), r.astype(result, copy=False)


def _qr_spec(x: Spec, *, mode: str) -> tuple[Spec, Spec]:
    _require_mode(mode)
    require_matrix("qr", x)
    (*stack, m, n), dtype = x.shape, floating_dtype(x)
    k = m if mode == "complete" else min(m, n)
    return Spec((*stack, m, k), dtype), Spec((*stack, k, n), dtype)


def _mirrored(xp: Any, x: Any) -> Any:
    """The Hermitian matrix that has the upper triangle of x, and the real part of its diagonal."""
    strict = xp.triu(x, k=1)
    return add(xp, strict, adjoint(xp, strict), on_diagonal(xp, xp.astype(xp.real(diagonal(xp, x)), x.dtype)))


def _qr_vjp(xp: Any, g: Any, out: Any, x: Any, *, mode: str) -> Any:
    """S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
    experimental design", 2010; for wide matrices D. A. O. Roberts and L. R. Roberts, "QR and LQ decomposition matrix
    backpropagation algorithms for square, wide, and deep matrices", 2020, equation 7."""
    m, n = x.shape[-2:]
    k = min(m, n)
    q, of_q = completed(xp, "qr", out[0], g[0], k)
    r, of_r = _rows(xp, out[1], None, k), None if g[1] is None else _rows(xp, g[1], None, k)
    beside = None
    if m < n:
        if of_r is not None:
            beside = xp.matmul(q, cut(xp, of_r, m, None))
            of_q = add(xp, of_q, outer(xp, cut(xp, x, m, None), cut(xp, of_r, m, None)))
            of_r = cut(xp, of_r, None, m)
        else:
            beside = np.zeros((*x.shape[:-1], n - m), x.dtype)
        r = cut(xp, r, None, m)
    middle = add(
        xp,
        None if of_q is None else inner(xp, q, of_q),
        None if of_r is None else xp.negative(outer(xp, of_r, r)),
    )
    moved = xp.negative(xp.matmul(q, _mirrored(xp, middle)))
    square = _over(xp, "qr", add(xp, moved, of_q), r)
    return square if beside is None else xp.concat([square, beside], axis=-1)


def _qr_jvp(xp: Any, tangents: Any, out: Any, _x: Any, *, mode: str) -> tuple[Any, Any]:
    t, (m, n) = tangents[0], _x.shape[-2:]
    k = min(m, n)
    q, r = cut(xp, out[0], None, k), _rows(xp, out[1], None, k)
    moved = _times_inverse(xp, "qr", cut(xp, t, None, k), cut(xp, r, None, k))
    whole = inner(xp, q, moved)
    # Q turns by the skew matrix that has the lower triangle of QᴴdA R⁻¹; what is left of this is dR R⁻¹.
    lower = xp.tril(whole, k=-1)
    skew = xp.subtract(lower, adjoint(xp, lower))
    if whole.dtype.kind == "c":
        skew = xp.add(skew, on_diagonal(xp, xp.multiply(xp.imag(diagonal(xp, whole)), np.asarray(1j, whole.dtype))))
    of_q, of_r = xp.matmul(q, skew), xp.subtract(inner(xp, q, t), xp.matmul(skew, r))
    of_r = xp.triu(of_r)
    if m > k:
        away = beyond(xp, q, moved)
        of_q = xp.add(of_q, away)
        if mode == "complete":
            rest = cut(xp, out[0], k, None)
            of_q = xp.concat([of_q, xp.negative(xp.matmul(q, inner(xp, away, rest)))], axis=-1)
            of_r = xp.concat([of_r, np.zeros((*of_r.shape[:-2], m - k, n), of_r.dtype)], axis=-2)
    return of_q, of_r


primitive(
    "qr",
    value=_qr,
    spec=_qr_spec,
    vjp=(_qr_vjp,),
    jvp=_qr_jvp,
    batch=lambda xp, _batched, x, *, mode: xp.qr(x, mode=mode),
    outputs=QRResult,
    public=("linalg.qr",),
    numpy=("linalg.qr",),
    doc="""(Q, R) of matrices: x = Q · R, Q with orthonormal columns and R upper triangular.

    With ``mode`` "complete" Q is square, and a gradient must not depend on which columns complete it: else it is a
    GradientError. The derivative needs the first min(m, n) columns of x to be independent: else it is one too.

    >>> cr.linalg.qr(cr.tensor([[3.0, 1.0], [4.0, 2.0]])).R
    tensor([[-5. , -2.2],
            [ 0. ,  0.4]])
    """,
)

# ---------------------------------------------------------------------------------------------------- LU


def _lu(x: Any) -> Any:
    if not x.size:  # SciPy's results have other shapes then
        p, lower, upper = (np.zeros(*spec) for spec in _lu_spec(x))
        return p + np.eye(p.shape[-1], dtype=p.dtype), lower, upper
    p, lower, upper = scipy.linalg.lu(floating(x), check_finite=False)  # small integers would become float32
    return p.real, lower, upper  # of single complex numbers SciPy's is complex


def _lu_spec(x: Spec) -> tuple[Spec, Spec, Spec]:
    require_matrix("lu", x)
    (*stack, m, n), dtype = x.shape, floating_dtype(x)
    k = min(m, n)
    return (
        Spec((*stack, m, m), real_dtype(dtype)),
        Spec((*stack, m, k), dtype),
        Spec((*stack, k, n), dtype),
    )


def _lower_over(xp: Any, lower: Any, x: Any) -> Any:
    """lower⁻ᴴ · x for unit lower triangular ``lower``."""
    return xp.solve_triangular(lower, x, trans=2, lower=True, unit_diagonal=True)


def _lu_vjp(xp: Any, g: Any, out: Any, _x: Any) -> Any:
    """With A = P L U square: dL = L tril(Φ, −1) and dU = triu(Φ) U where Φ = L⁻¹ Pᵀ dA U⁻¹. What is left of a tall or a
    wide matrix follows from L₂ = A₂ U⁻¹ or U₂ = L₁⁻¹ A₂."""
    p, lower, upper = out
    _, of_lower, of_upper = g
    m, n = _x.shape[-2:]
    k = min(m, n)
    beside = below = None
    if m > n:
        if of_lower is not None:
            rest = _over(xp, "lu", _rows(xp, of_lower, k, None), upper)
            below, left = rest, _rows(xp, lower, k, None)
            of_upper = add(xp, of_upper, xp.negative(inner(xp, left, rest)))
            of_lower = _rows(xp, of_lower, None, k)
        lower = _rows(xp, lower, None, k)
    if m < n:
        if of_upper is not None:
            beside = _lower_over(xp, lower, cut(xp, of_upper, k, None))
            of_lower = add(xp, of_lower, xp.negative(outer(xp, beside, cut(xp, upper, k, None))))
            of_upper = cut(xp, of_upper, None, k)
        upper = cut(xp, upper, None, k)
    middle = add(
        xp,
        None if of_lower is None else xp.tril(inner(xp, lower, of_lower), k=-1),
        None if of_upper is None else xp.triu(outer(xp, of_upper, upper)),
    )
    total = _over(xp, "lu", _lower_over(xp, lower, middle), upper)
    if m > n:
        total = xp.concat([total, np.zeros((*_x.shape[:-2], m - k, n), _x.dtype) if below is None else below], axis=-2)
    if m < n:
        total = xp.concat([total, np.zeros((*_x.shape[:-1], n - k), _x.dtype) if beside is None else beside], axis=-1)
    return xp.matmul(p, total)


def _lu_jvp(xp: Any, tangents: Any, out: Any, _x: Any) -> tuple[Any, Any, Any]:
    p, lower, upper = out
    m, n = _x.shape[-2:]
    k = min(m, n)
    t = xp.matmul(xp.matrix_transpose(p), tangents[0])
    head, corner = _rows(xp, lower, None, k), cut(xp, upper, None, k)
    square = cut(xp, _rows(xp, t, None, k), None, k)
    inverted = xp.solve_triangular(head, square, trans=0, lower=True, unit_diagonal=True)
    middle = _times_inverse(xp, "lu", inverted, corner)
    of_lower, of_upper = xp.matmul(head, xp.tril(middle, k=-1)), xp.matmul(xp.triu(middle), corner)
    if m > n:
        rest = xp.subtract(_rows(xp, t, k, None), xp.matmul(_rows(xp, lower, k, None), of_upper))
        of_lower = xp.concat([of_lower, _times_inverse(xp, "lu", rest, corner)], axis=-2)
    if m < n:
        rest = xp.subtract(cut(xp, t, k, None), xp.matmul(of_lower, cut(xp, upper, k, None)))
        rest = xp.solve_triangular(head, rest, trans=0, lower=True, unit_diagonal=True)
        of_upper = xp.concat([of_upper, rest], axis=-1)
    return None, of_lower, of_upper


primitive(
    "lu",
    value=_lu,
    spec=_lu_spec,
    vjp=(_lu_vjp,),
    jvp=_lu_jvp,
    batch=lambda xp, _batched, x: xp.lu(x),
    outputs=LUResult,
    public=("linalg.lu",),
    doc="""(P, L, U) of matrices: x = P · L · U, P a permutation, L unit lower and U upper triangular.

    Rows are exchanged for the largest pivot; P is constant between exchanges and has no derivative. The derivative
    needs pivots that are not 0 to rounding: else it is a GradientError.

    >>> cr.linalg.lu(cr.tensor([[1.0, 3.0], [2.0, 2.0]])).U
    tensor([[2., 2.],
            [0., 2.]])
    """,
)

# ------------------------------------------------------------------------------- the logarithm of determinants


def _slogdet_spec(x: Spec) -> tuple[Spec, Spec]:
    require_square("slogdet", x)
    dtype = floating_dtype(x)
    return Spec(x.shape[:-2], dtype), Spec(x.shape[:-2], real_dtype(dtype))


def _inverse(xp: Any, x: Any) -> Any:
    try:
        return xp.inv(x)
    except MatrixError:
        raise GradientError(
            f"[slogdet] an operand of shape {x.shape} is singular, and log |det| has no derivative at −∞; expected "
            f"matrices of full rank; det(x) has one there, or add a small multiple of the identity first."
        ) from None


def _slogdet_vjp(xp: Any, g: Any, out: Any, x: Any) -> Any:
    """∂log|det| = Re tr(x⁻¹ dx), and ∂sign = i sign Im tr(x⁻¹ dx)."""
    of_sign, of_size = g
    factor = of_size
    if x.dtype.kind == "c" and of_sign is not None:
        turned = xp.imag(xp.multiply(of_sign, xp.conj(out[0])))
        factor = add(xp, factor, xp.multiply(turned, np.asarray(1j, x.dtype)))
    if factor is None:
        return np.zeros(x.shape, x.dtype)
    return xp.multiply(xp.expand_dims(factor, axis=(-2, -1)), adjoint(xp, _inverse(xp, x)))


def _slogdet_jvp(xp: Any, tangents: Any, out: Any, x: Any) -> tuple[Any, Any]:
    products = xp.multiply(_inverse(xp, x), xp.matrix_transpose(tangents[0]))
    trace = xp.sum(products, axis=(-2, -1))
    if x.dtype.kind != "c":
        return None, trace
    turned = xp.multiply(xp.imag(trace), np.asarray(1j, x.dtype))
    return xp.multiply(turned, out[0]), xp.real(trace)


primitive(
    "slogdet",
    value=lambda x: lapack.slogdet(floating(x)),
    spec=_slogdet_spec,
    vjp=(_slogdet_vjp,),
    jvp=_slogdet_jvp,
    batch=lambda xp, _batched, x: xp.slogdet(x),
    outputs=SlogdetResult,
    public=("linalg.slogdet",),
    numpy=("linalg.slogdet",),
    doc="""(sign, logabsdet) of square matrices: det(x) = sign · exp(logabsdet), which does not overflow.

    The sign of real matrices is constant; that of complex ones has modulus 1, and turns. At a singular matrix, where
    logabsdet is −∞, a derivative is a GradientError.

    >>> cr.linalg.slogdet(cr.tensor([[1.0, 2.0], [3.0, 4.0]])).sign
    tensor(-1.)
    """,
)

"""Singular values and singular vectors. See Note [Gauge] in chainrule/gauge.py.

With A = U S Vᴴ and P = Uᴴ dA V the spaces turn by dU = U Ω, dV = V Φ, where
    Ω + Φ = (P + Pᴴ)ᵢⱼ / (sⱼ − sᵢ),   Ω − Φ = (P − Pᴴ)ᵢⱼ / (sⱼ + sᵢ),   dsᵢ = Re Pᵢᵢ,
and dU, dV have parts (1 − U Uᴴ) dA V S⁻¹ and (1 − V Vᴴ) dAᴴ U S⁻¹ outside of these spaces. (M. B. Giles, "Collected
matrix derivative results for forward and reverse mode algorithmic differentiation", 2008, section 3.2; Z.-Q. Wan and
S.-X. Zhang, "Automatic differentiation for complex valued SVD", 2019.)

Note [Embedding]
s are the largest eigenvalues of the Hermitian [[0, A], [Aᴴ, 0]], the others being −s and zeros, so that eigvalsh's
derivatives are those of singular values too, also where they are equal or zero: there s and −s share, and nothing is
left, which is the choice of minimum norm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import _umath_linalg as lapack

from chainrule.errors import MatrixError
from chainrule.gauge import (
    add,
    beyond,
    completed,
    cut,
    diagonal,
    inner,
    inside,
    on_diagonal,
    outer,
    resolution,
    scaled,
    share,
)
from chainrule.matrices import adjoint, floating, floating_dtype, require_matrix
from chainrule.op import primitive
from chainrule.reduction import real_dtype
from chainrule.spec import Spec


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values in descending order, right ones as conjugated rows."""

    U: Any
    S: Any
    Vh: Any


def _converged(name: str, function: Any, x: Any) -> Any:
    try:
        with np.errstate(invalid="raise", over="ignore", under="ignore", divide="ignore"):
            return function(floating(x))
    except FloatingPointError:
        raise MatrixError(
            f"[{name}] the singular values of an operand of shape {x.shape} did not converge; expected finite "
            f"elements; look for NaN and infinities in it."
        ) from None


def _svd(x: Any, *, full_matrices: bool = True) -> Any:
    return _converged("svd", lapack.svd_f if full_matrices else lapack.svd_s, x)


def _specs(x: Any, *, full_matrices: bool) -> tuple[Spec, Spec, Spec]:
    require_matrix("svd", x)
    dtype, (*stack, m, n) = floating_dtype(x), x.shape
    k = min(m, n)
    rows, columns = (m, n) if full_matrices else (k, k)
    real = real_dtype(dtype)
    return Spec((*stack, m, rows), dtype), Spec((*stack, k), real), Spec((*stack, columns, n), dtype)


def _quotient(xp: Any, k: Any, values: Any, size: Any, part: str, gap: str, check: str = "vanish") -> Any:
    return xp.gauge_quotient(k, values, size, name="svd", part=part, gap=gap, check=check)


def _svd_vjp(xp: Any, g: Any, out: Any, x: Any, *, full_matrices: bool) -> Any:
    of_left, of_values, of_right = g
    k = out[1].shape[-1]
    if of_left is None and of_right is None:
        return _spectral(xp, of_values, x, (cut(xp, out[0], None, k), out[1], xp.getitem(out[2], _rows(k))))
    of_right = None if of_right is None else adjoint(xp, of_right)
    left, of_left = completed(xp, "svd", out[0], of_left, k)
    right, of_right = completed(xp, "svd", adjoint(xp, out[2]), of_right, k)
    # Real diagonals are no skew parts; in what is divided they say which values have gradients.
    level = None if of_values is None else on_diagonal(xp, of_values)
    free, vanish = ("free", "vanish") if of_values is None else ("mixed", "mixed")
    one = None if of_left is None else inner(xp, left, of_left)
    other = None if of_right is None else inner(xp, right, of_right)
    both, apart = add(xp, one, other, level), add(xp, one, None if other is None else xp.negative(other), level)
    given = [part for part in (of_left, of_right) if part is not None]
    size = xp.concat(given, axis=-2)
    turned = _quotient(xp, both, out[1], size, "skew", "difference", free)
    against = _quotient(xp, apart, out[1], size, "skew", "sum", vanish)
    total = outer(xp, xp.matmul(left, add(xp, level, turned, against)), right)
    if of_left is not None and x.shape[-2] > k:
        away = _quotient(xp, beyond(xp, left, of_left), out[1], of_left, "all", "column")
        total = xp.add(total, outer(xp, away, right))
    if of_right is not None and x.shape[-1] > k:
        away = _quotient(xp, beyond(xp, right, of_right), out[1], of_right, "all", "column")
        total = xp.add(total, outer(xp, left, away))
    return total


def _rows(k: int) -> Any:
    return (Ellipsis, slice(None, k), slice(None))


def _svd_jvp(xp: Any, tangents: Any, out: Any, _x: Any, *, full_matrices: bool) -> tuple[Any, Any, Any]:
    t, values, k = tangents[0], out[1], out[1].shape[-1]
    left, right = cut(xp, out[0], None, k), adjoint(xp, xp.getitem(out[2], _rows(k)))
    moved = inside(xp, left, t, right)
    both = _quotient(xp, moved, values, t, "hermitian", "difference")
    apart = _quotient(xp, moved, values, t, "skew", "sum")
    of_left = _basis_jvp(xp, out[0], left, xp.add(both, apart), xp.matmul(t, right), values)
    basis = adjoint(xp, out[2])
    of_right = _basis_jvp(xp, basis, right, xp.subtract(both, apart), inner(xp, t, left), values)
    return of_left, xp.real(diagonal(xp, moved)), adjoint(xp, of_right)


def _basis_jvp(xp: Any, basis: Any, vectors: Any, turned: Any, moved: Any, values: Any) -> Any:
    """How a basis turns: its first vectors among themselves and outwards, the others as they must."""
    k = vectors.shape[-1]
    change = xp.matmul(vectors, turned)
    if basis.shape[-2] == k:
        return change
    away = _quotient(xp, beyond(xp, vectors, moved), values, moved, "all", "column")
    change = xp.add(change, away)
    if basis.shape[-1] == k:
        return change
    rest = xp.negative(xp.matmul(vectors, inner(xp, away, cut(xp, basis, k, None))))
    return xp.concat([change, rest], axis=-1)


primitive(
    "svd",
    value=_svd,
    spec=_specs,
    vjp=(_svd_vjp,),
    jvp=_svd_jvp,
    batch=lambda xp, _batched, x, *, full_matrices: xp.svd(x, full_matrices=full_matrices),
    outputs=SVDResult,
    public=("linalg.svd",),
    numpy=("linalg.svd",),
    doc="""(U, S, Vh) of matrices: x = U · diag(S) · Vh with S descending; with ``full_matrices`` U and Vh are square.

    The gradient must not depend on what is arbitrary: the phase that complex u and v have in common, the bases of those
    of equal singular values, the columns that complete a square U or V; else it is a GradientError. Where singular
    values may be equal or zero, take what depends on them alone from ``svdvals``. MatrixError where the iteration does
    not converge.

    >>> cr.linalg.svd(cr.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """,
)

# ----------------------------------------------------------------------------------------- values alone


def _embedded(xp: Any, x: Any) -> Any:
    """See Note [Embedding]."""
    (*stack, m, n), dtype = x.shape, x.dtype
    upper = xp.concat([np.zeros((*stack, m, m), dtype), x], axis=-1)
    lower = xp.concat([adjoint(xp, x), np.zeros((*stack, n, n), dtype)], axis=-1)
    return xp.concat([upper, lower], axis=-2)


def _spectral(xp: Any, g: Any, x: Any, factors: Any) -> Any:
    """The gradient of a function of singular values, given that with respect to these."""
    m, n = x.shape[-2:]
    if isinstance(g, np.ndarray):  # nobody differentiates this again, and bare factors are quicker
        left, values, right = factors or _svd(x, full_matrices=False)
        zero = values <= resolution(values) * values.max(-1, keepdims=True, initial=0)
        return np.matmul(scaled(np, left, np.where(zero, 0, share(np, g, values))), right)
    half = xp.multiply(g, 0.5)
    zeros = np.zeros((*g.shape[:-1], abs(m - n)), g.dtype)
    weights = xp.concat([xp.negative(half), zeros, xp.flip(half, axis=-1)], axis=-1)
    fixed = getattr(g, "_node", None) is None
    whole = xp.spectral(_embedded(xp, x), weights, UPLO="L", name="svdvals", padding=abs(m - n), fixed=fixed)
    return xp.multiply(xp.getitem(whole, (Ellipsis, slice(None, m), slice(m, None))), 2)


def _svdvals_jvp(xp: Any, tangents: Any, _out: Any, x: Any) -> Any:
    t = _embedded(xp, tangents[0])
    padding = abs(x.shape[-2] - x.shape[-1])
    _, vectors = xp.aligned_eigh(_embedded(xp, x), t, UPLO="L", name="svdvals", padding=padding)
    moved = xp.real(diagonal(xp, inside(xp, vectors, t, vectors)))
    return xp.flip(cut(xp, moved, max(x.shape[-2:]), None), axis=-1)


def _svdvals_spec(x: Any) -> Spec:
    require_matrix("svdvals", x)
    return Spec((*x.shape[:-2], min(x.shape[-2:])), real_dtype(floating_dtype(x)))


primitive(
    "svdvals",
    value=lambda x: _converged("svdvals", lapack.svd, x),
    spec=_svdvals_spec,
    vjp=(lambda xp, g, _out, x: _spectral(xp, g, x, None),),
    jvp=_svdvals_jvp,
    batch=lambda xp, _batched, x: xp.svdvals(x),
    public=("linalg.svdvals",),
    numpy=("linalg.svdvals",),
    doc="""The singular values of matrices, descending.

    Equal ones share their gradients equally, and zeros have none: exact for symmetric functions, and at kinks, as
    those of the nuclear norm, of minimum norm. Second derivatives are exact there too, forward over reverse: see
    ``eigvalsh``.

    >>> cr.grad(lambda x: cr.sum(cr.linalg.svdvals(x)))(np.array([[2.0, 0.0], [0.0, -2.0]]))
    tensor([[ 1.,  0.],
            [ 0., -1.]])
    """,
)

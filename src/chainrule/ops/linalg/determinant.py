"""The determinant, whose derivatives are polynomials, and so exact at matrices of any rank.

Note [Cofactors]
∂det/∂x is the matrix of cofactors, det(x) · x⁻ᵀ where x has an inverse. Of x = U · diag(s) · Vᴴ, whatever its rank,
it is δ · conj(U) · diag(∏ⱼ≠ᵢ sⱼ) · Vᵀ with δ = det(U) · det(Vᴴ); and the second derivative follows in the same way from
that of det(diag(s) + F) at F = 0, where Pᵢⱼ = ∏ₖ≠ᵢ,ⱼ sₖ:  diag(Σⱼ Pᵢⱼ Fⱼⱼ) − P ∘ Fᵀ. Nothing is divided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import _umath_linalg as lapack

from chainrule.matrices import aligned, floating, floating_dtype, require_square
from chainrule.op import primitive
from chainrule.spec import Spec, broadcast_shapes


def _det_spec(x: Spec) -> Spec:
    require_square("det", x)
    return Spec(x.shape[:-2], floating_dtype(x))


def _as_matrices(xp: Any, g: Any) -> Any:
    return xp.expand_dims(g, axis=(-2, -1))


primitive(
    "det",
    value=lambda x: lapack.det(floating(x)),
    spec=_det_spec,
    vjp=(lambda xp, g, _out, x: xp.multiply(_as_matrices(xp, g), xp.cofactor(x)),),
    jvp=lambda xp, tangents, _out, x: xp.sum(xp.multiply(xp.cofactor(x), tangents[0]), axis=(-2, -1)),
    batch=lambda xp, _batched, x: xp.det(x),
    public=("linalg.det",),
    numpy=("linalg.det",),
    doc="""The determinant of square matrices; its derivative is exact at singular ones too, to second order.

    >>> cr.linalg.det(cr.tensor([[2.0, 1.0], [1.0, 1.0]]))
    tensor(1.)
    """,
)

# -------------------------------------------------------------------------------------- see Note [Cofactors]


def _products_without(s: Any) -> Any:
    """∏ⱼ≠ᵢ sⱼ along the last axis."""
    before, after = np.ones_like(s), np.ones_like(s)
    np.multiply.accumulate(s[..., :-1], axis=-1, out=before[..., 1:])
    np.multiply.accumulate(s[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return before * after


def _products_without_two(s: Any) -> Any:
    """∏ₖ≠ᵢ,ⱼ sₖ, with zeros where i = j."""
    same = np.eye(s.shape[-1], dtype=bool)
    return np.where(same, 0, _products_without(np.where(same, 1, s[..., None, :])))


def _factors(x: Any) -> tuple[Any, Any, Any, Any]:
    u, s, vh = lapack.svd_f(x)
    return u, s, vh, (lapack.det(u) * lapack.det(vh))[..., None, None]


def _by_singular_values(x: Any) -> Any:
    u, s, vh, unit = _factors(x)
    return unit * ((u.conj() * _products_without(s)[..., None, :]) @ vh.conj())


def _cofactor(x: Any) -> Any:
    x = floating(x)
    if not x.size:
        return np.zeros(x.shape, x.dtype)
    with np.errstate(all="ignore"):
        out = np.asarray(lapack.det(x))[..., None, None] * np.swapaxes(lapack.inv(x), -1, -2)
    failed = ~np.isfinite(out).all((-2, -1)) & np.isfinite(x).all((-2, -1))
    if failed.any():
        out[failed] = _by_singular_values(x[failed])
    return out


primitive(
    "cofactor",
    value=_cofactor,
    spec=lambda x: Spec(x.shape, floating_dtype(x)),
    vjp=(lambda xp, g, _out, x: xp.cofactor_change(x, g),),
    jvp=lambda xp, tangents, _out, x: xp.cofactor_change(x, tangents[0]),
    batch=lambda xp, _batched, x: xp.cofactor(x),
    public=(),
    doc="""The cofactors of square matrices: ∂det(x)/∂x, of any rank.

    >>> from chainrule.ops import ops
    >>> ops.cofactor(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[ 4., -3.],
            [-2.,  1.]])
    """,
)


def _cofactor_change(x: Any, t: Any) -> Any:
    x, t = floating(x), floating(t)
    shape, dtype = np.broadcast_shapes(x.shape, t.shape), np.result_type(x, t)
    if 0 in shape:
        return np.zeros(shape, dtype)
    u, s, vh, unit = _factors(x)
    left, right = np.swapaxes(u.conj(), -1, -2), np.swapaxes(vh.conj(), -1, -2)
    moved = left @ t @ right
    without = _products_without_two(s)
    middle = -without * np.swapaxes(moved, -1, -2)
    diagonal = np.einsum("...ij,...jj->...i", without, moved)
    middle[..., np.arange(shape[-1]), np.arange(shape[-1])] += diagonal
    return (unit * (u.conj() @ middle @ vh.conj())).astype(dtype, copy=False)


def _third(xp: Any, x: Any, t: Any, v: Any) -> Any:
    """The third derivative of det along t and v, where x has an inverse."""
    inverse, det = xp.inv(x), _as_matrices(xp, xp.det(x))
    a, b = xp.matmul(inverse, t), xp.matmul(inverse, v)

    def trace(z: Any) -> Any:
        return xp.sum(xp.diagonal(z, axis1=-2, axis2=-1), axis=-1)

    one, other, both = (_as_matrices(xp, trace(z)) for z in (a, b, xp.matmul(a, b)))
    pairs = xp.add(xp.matmul(a, b), xp.matmul(b, a))
    singles = xp.add(xp.multiply(other, a), xp.multiply(one, b))
    scalar = xp.subtract(xp.multiply(one, other), both)
    inside = xp.matmul(xp.subtract(pairs, singles), inverse)
    return xp.matrix_transpose(xp.multiply(det, xp.add(xp.multiply(scalar, inverse), inside)))


def _change_jvp(xp: Any, tangents: Any, _out: Any, x: Any, t: Any) -> Any:
    terms = [] if tangents[0] is None else [_third(xp, x, t, tangents[0])]
    if tangents[1] is not None:
        terms.append(xp.cofactor_change(x, tangents[1]))
    return terms[0] if len(terms) == 1 else xp.add(*terms)


primitive(
    "cofactor_change",
    value=_cofactor_change,
    arity=2,
    spec=lambda x, t: Spec(broadcast_shapes("cofactor_change", [x.shape, t.shape]), floating_dtype(x, t)),
    vjp=(
        lambda xp, g, _out, x, t: _third(xp, x, t, g),
        lambda xp, g, _out, x, _t: xp.cofactor_change(x, g),
    ),
    jvp=_change_jvp,
    batch=lambda xp, batched, x, t: xp.cofactor_change(*aligned(xp, batched, (x, t), (2, 2))),
    public=(),
    doc="""How the cofactors of x change along t: the second derivative of det, at x of any rank.

    >>> from chainrule.ops import ops
    >>> ops.cofactor_change(cr.tensor([[1.0, 0.0], [0.0, 1.0]]), cr.tensor([[1.0, 0.0], [0.0, 0.0]]))
    tensor([[0., 0.],
            [0., 1.]])
    """,
)

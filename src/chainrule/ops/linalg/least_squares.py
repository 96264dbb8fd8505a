"""Equations that have no exact or no single solution: the pseudoinverse, least squares, and the rank.

Note [Constant rank]
The pseudoinverse P of a has a derivative wherever the rank of a stays the same nearby:
  dP = −P·da·P + P·Pᴴ·daᴴ·(I − a·P) + (I − P·a)·daᴴ·Pᴴ·P
(G. H. Golub and V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, equation 4.12). Where the rank changes P is not even
continuous; the derivative is that among matrices of the same rank. It is not holomorphic, for daᴴ is in it: the rules
undo the conjugation of Note [Conjugation] on the way in and out.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, GradientError, MatrixError, ShapeError
from chainrule.gauge import hermitian as hermitian_part
from chainrule.matrices import adjoint, aligned, columns, floating, floating_dtype, require_matrix, require_square
from chainrule.matrices import vectors as as_vectors
from chainrule.op import ZERO, composite, primitive
from chainrule.spec import Spec, broadcast_shapes


def _tolerance(name: str, rtol: Any) -> float | None:
    if rtol is None:
        return None
    if not isinstance(rtol, numbers.Real) or not float(rtol) >= 0:
        raise DTypeError(
            f"[{name}] the tolerance is {rtol!r}; expected a number of at least 0, relative to the largest singular "
            f"value; leave it out for max(m, n) times the rounding unit."
        )
    return float(rtol)


# ----------------------------------------------------------------------------------------- the pseudoinverse


def _converged(name: str, x: Any, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except np.linalg.LinAlgError:
        if np.isfinite(x).all():
            raise
        raise MatrixError(
            f"[{name}] the singular values of an operand of shape {x.shape} did not converge; expected finite "
            f"elements; look for NaN and infinities in it."
        ) from None


def _pinv(x: Any, *, rtol: Any = None, hermitian: bool = False) -> Any:
    x = floating(x)
    if rtol is None:
        rtol = max(x.shape[-2:]) * np.finfo(x.dtype).eps
    return _converged("pinv", x, lambda: np.linalg.pinv(x, rtol=rtol, hermitian=hermitian))


def _pinv_spec(x: Spec, *, rtol: Any, hermitian: bool) -> Spec:
    del rtol
    (require_square if hermitian else require_matrix)("pinv", x)
    return Spec((*x.shape[:-2], x.shape[-1], x.shape[-2]), floating_dtype(x))


def _constant_rank(p: Any, x: Any) -> Any:
    """P, unless singular values that are not small were cut off: what is left out of x then has a derivative too."""
    rest = np.linalg.matrix_norm(x @ (p @ x) - x) if x.size else np.zeros(x.shape[:-2])
    relative = rest * np.linalg.matrix_norm(p) if x.size else rest
    if (relative > np.sqrt(np.finfo(floating_dtype(p)).eps)).any():
        raise GradientError(
            f"[pinv] the tolerance cuts off singular values that are not small: without them {float(np.max(rest)):.3g} "
            f"of an operand of shape {x.shape} is left out, and the derivative holds for constant rank; expected a "
            f"tolerance that cuts off rounding errors only; give a smaller rtol, or build the inverse from "
            f"svd(x, full_matrices=False)."
        )
    return p


def _constant_rank_batch(xp: Any, batched: tuple[bool, ...], p: Any, x: Any) -> Any:
    p = p if batched[0] else xp.broadcast_to(p, (x.shape[0], *p.shape))
    return xp.constant_rank(*aligned(xp, (True, batched[1]), (p, x), (2, 2)))


primitive(
    "constant_rank",
    value=_constant_rank,
    arity=2,
    spec=lambda p, _x: p,
    vjp=(lambda _xp, g, _out, _p, _x: g, ZERO),
    jvp=lambda _xp, tangents, _out, _p, _x: np.zeros(_p.shape, _p.dtype) if tangents[0] is None else tangents[0],
    batch=_constant_rank_batch,
    public=(),
    doc="""The pseudoinverse P of x itself, or an error where x·P·x differs from x by more than rounding.

    >>> x = np.diag([2.0, 4.0])
    >>> cr.ops.raw.constant_rank(np.linalg.inv(x), x)
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """,
)


def _off_range(xp: Any, a: Any, pseudo: Any, z: Any) -> Any:
    """(I − a·P)·z."""
    return xp.subtract(z, xp.matmul(a, xp.matmul(pseudo, z)))


def _off_rows(xp: Any, a: Any, pseudo: Any, z: Any) -> Any:
    """z·(I − P·a)."""
    return xp.subtract(z, xp.matmul(xp.matmul(z, pseudo), a))


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if x.dtype.kind == "c" else x


def _pinv_vjp(xp: Any, g: Any, out: Any, x: Any, *, rtol: Any, hermitian: bool) -> Any:
    del rtol
    g, out = _conj(xp, g), xp.constant_rank(out, x)
    turned, other = adjoint(xp, out), adjoint(xp, g)
    c = xp.negative(xp.matmul(xp.matmul(turned, g), turned))
    c = xp.add(c, xp.matmul(xp.matmul(_off_range(xp, x, out, other), out), turned))
    c = xp.add(c, xp.matmul(xp.matmul(turned, out), _off_rows(xp, x, out, other)))
    return _conj(xp, hermitian_part(xp, c) if hermitian else c)


def _pinv_jvp(xp: Any, tangents: Any, out: Any, x: Any, *, rtol: Any, hermitian: bool) -> Any:
    del rtol
    out = xp.constant_rank(out, x)
    t = hermitian_part(xp, tangents[0]) if hermitian else tangents[0]
    turned, moved = adjoint(xp, out), adjoint(xp, t)
    t = xp.negative(xp.matmul(xp.matmul(out, t), out))
    t = xp.add(t, xp.matmul(out, xp.matmul(turned, _off_rows(xp, out, x, moved))))
    return xp.add(t, xp.matmul(_off_range(xp, out, x, xp.matmul(moved, turned)), out))


primitive(
    "pinv",
    value=_pinv,
    canonical=lambda _x, *, rtol, hermitian: {"rtol": _tolerance("pinv", rtol), "hermitian": bool(hermitian)},
    spec=_pinv_spec,
    vjp=(_pinv_vjp,),
    jvp=_pinv_jvp,
    batch=lambda xp, _batched, x, *, rtol, hermitian: xp.pinv(x, rtol=rtol, hermitian=hermitian),
    public=("linalg.pinv",),
    numpy=("linalg.pinv",),
    doc="""The Moore–Penrose inverse of matrices, without singular values up to ``rtol`` times the largest one.

    ``rtol`` is max(m, n) times the rounding unit by default; ``hermitian`` reads one triangle only. The derivative is
    that among matrices of the same rank (Golub and Pereyra 1973).

    >>> cr.linalg.pinv(cr.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5 , 0.  , 0.  ],
            [0.  , 0.  , 0.25]])
    """,
)

# --------------------------------------------------------------------------------------------- least squares


def _least_squares(a: Any, b: Any, *, rcond: Any) -> Any:
    dtype = np.result_type(floating(a), floating(b))
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    if a.ndim == b.ndim == 2:
        return _converged("lstsq", a, lambda: np.linalg.lstsq(a, b, rcond)[0])
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*stack, *a.shape[-2:])), np.broadcast_to(b, (*stack, *b.shape[-2:]))
    out = np.empty((*stack, a.shape[-1], b.shape[-1]), dtype)
    for place in np.ndindex(*stack):
        out[place] = _least_squares(a[place], b[place], rcond=rcond)
    return out


def _least_squares_spec(a: Spec, b: Spec, *, rcond: Any) -> Spec:
    del rcond
    stack = broadcast_shapes("lstsq", [a.shape[:-2], b.shape[:-2]])
    return Spec((*stack, a.shape[-1], b.shape[-1]), floating_dtype(a, b))


def _left(xp: Any, g: Any, out: Any, a: Any, b: Any, *, rcond: Any) -> Any:
    g, pseudo = _conj(xp, g), xp.constant_rank(xp.pinv(a, rtol=rcond, hermitian=False), a)
    turned, other = adjoint(xp, pseudo), adjoint(xp, g)
    back = xp.matmul(turned, g)
    c = xp.negative(xp.matmul(back, adjoint(xp, out)))
    rest = xp.subtract(b, xp.matmul(a, out))
    c = xp.add(c, xp.matmul(rest, xp.matmul(adjoint(xp, back), turned)))
    return _conj(xp, xp.add(c, xp.matmul(xp.matmul(turned, out), _off_rows(xp, a, pseudo, other))))


def _right(xp: Any, g: Any, _out: Any, a: Any, _b: Any, *, rcond: Any) -> Any:
    return xp.matmul(xp.matrix_transpose(xp.pinv(a, rtol=rcond, hermitian=False)), g)


def _least_squares_jvp(xp: Any, tangents: Any, out: Any, a: Any, b: Any, *, rcond: Any) -> Any:
    pseudo = xp.pinv(a, rtol=rcond, hermitian=False)
    moved, t = tangents
    if moved is None:
        return xp.matmul(pseudo, t)
    pseudo = xp.constant_rank(pseudo, a)
    rest, turned = xp.subtract(b, xp.matmul(a, out)), adjoint(xp, moved)
    back = xp.matmul(adjoint(xp, pseudo), xp.matmul(turned, rest))
    inside = xp.subtract(back, xp.matmul(moved, out))
    inside = inside if t is None else xp.add(t, inside)
    free = xp.matmul(turned, xp.matmul(adjoint(xp, pseudo), out))
    return xp.add(xp.matmul(pseudo, inside), _off_range(xp, pseudo, a, free))


primitive(
    "least_squares",
    value=_least_squares,
    arity=2,
    spec=_least_squares_spec,
    vjp=(_left, _right),
    jvp=_least_squares_jvp,
    batch=lambda xp, batched, a, b, *, rcond: xp.least_squares(*aligned(xp, batched, (a, b), (2, 2)), rcond=rcond),
    public=(),
    doc="""The x of least norm among those that make the norms of a @ x − b least, column by column.

    >>> from chainrule.ops import ops
    >>> ops.least_squares(cr.tensor([[1.0], [1.0]]), cr.tensor([[1.0], [3.0]]), rcond=1e-12)
    tensor([[2.]])
    """,
)


def _lstsq(xp: Any, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    left, right = operand_spec("lstsq", a), operand_spec("lstsq", b)
    require_matrix("lstsq", left)
    m, n = left.shape[-2:]
    vector = right.ndim == 1
    if not right.ndim or m != right.shape[0 if vector else -2]:
        raise ShapeError(
            f"[lstsq] operand 1 has shape {right.shape} but operand 0 {left.shape} needs {m} "
            f"{'rows' if right.ndim > 1 else 'elements'}; expected equal sizes; transpose or reshape an operand."
        )
    rcond = max(m, n) * float(np.finfo(floating_dtype(left, right)).eps) if rcond is None else rcond
    rcond = _tolerance("lstsq", rcond)
    b = columns(xp, b) if vector else b
    x = xp.least_squares(a, b, rcond=rcond)
    values = xp.svdvals(a)
    rank = xp.sum(xp.greater(values, xp.multiply(rcond, xp.max(values, axis=-1, keepdims=True))), axis=-1)
    # A rank that is not known yet is taken to be full.
    if m > n and (getattr(rank, "is_symbolic", False) or np.all(np.asarray(rank) == n)):
        rest = xp.subtract(b, xp.matmul(a, x))
        residuals = xp.sum(xp.square(xp.abs(rest)), axis=-2)
    else:
        residuals = xp.getitem(values, (..., slice(0)))
    return as_vectors(xp, x) if vector else x, residuals, rank, values


def _quick_lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    x, residuals, rank, values = np.linalg.lstsq(a, b, rcond)
    return x, residuals, np.asarray(rank, np.int64), values


composite(
    "lstsq",
    _lstsq,
    value=_quick_lstsq,
    public=("linalg.lstsq",),
    numpy=("linalg.lstsq",),
    doc="""x that makes ‖a @ x − b‖₂ least (of least norm, if there are many), residuals, rank and singular values of a.

    The residuals Σ|b − a @ x|² of each column are empty if a has fewer than n independent columns, or no more rows
    than columns; a symbolic a is taken to have them. Singular values up to ``rcond`` times the largest count as 0.
    Stacks broadcast, as in ``solve``.

    >>> x, residuals, rank, values = cr.linalg.lstsq(cr.tensor([[1.0], [1.0]]), cr.tensor([1.0, 3.0]))
    >>> x, residuals, rank
    (tensor([2.]), tensor([2.]), tensor(1))
    """,
)

# ---------------------------------------------------------------------------------------------------- the rank


def _rank_spec(x: Spec, **_params: Any) -> Spec:
    return Spec(x.shape[:-2], np.dtype(np.int64))


def _canonical_rank(_x: Spec, *, tol: Any, hermitian: Any, rtol: Any) -> dict[str, Any]:
    tolerances = {name: _tolerance("matrix_rank", given) for name, given in (("tol", tol), ("rtol", rtol))}
    return {**tolerances, "hermitian": bool(hermitian)}


def _rank(x: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return np.asarray(np.linalg.matrix_rank(floating(x), tol, hermitian, **({} if rtol is None else {"rtol": rtol})))


primitive(
    "matrix_rank",
    value=_rank,
    canonical=_canonical_rank,
    spec=_rank_spec,
    batch=lambda xp, _batched, x, **params: xp.matrix_rank(x, **params),
    differentiable=False,
    public=("linalg.matrix_rank",),
    numpy=("linalg.matrix_rank",),
    doc="""How many singular values are above ``tol``, or above ``rtol`` times the largest; an integer.

    By default ``rtol`` is max(m, n) times the rounding unit. ``hermitian`` reads one triangle only.

    >>> cr.linalg.matrix_rank(cr.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """,
)

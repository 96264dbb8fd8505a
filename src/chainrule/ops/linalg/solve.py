"""Inverses and linear equations.

Rules of holomorphic ops are transposes, without conjugation: see Note [Conjugation]. M. B. Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation" (2008), has the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.linalg import _umath_linalg as lapack

from chainrule.errors import DTypeError, ShapeError
from chainrule.matrices import (
    adjoint,
    aligned,
    columns,
    floating,
    floating_dtype,
    require_square,
    singular,
    vectors,
)
from chainrule.op import primitive
from chainrule.spec import Spec, broadcast_shapes, shape_of

# ------------------------------------------------------------------------------------------------- inverses


def _inv(x: Any) -> Any:
    x = floating(x)
    try:
        with np.errstate(invalid="raise"):
            return lapack.inv(x)
    except FloatingPointError:
        raise singular("inv", x, "use pinv(x) for an inverse of any matrix") from None


def _inv_or_nan(x: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return lapack.inv(floating(x))


def _inv_spec(x: Spec) -> Spec:
    require_square("inv", x, advice="use pinv(x) for an inverse of any matrix")
    return Spec(x.shape, floating_dtype(x))


def _between(xp: Any, left: Any, middle: Any, right: Any) -> Any:
    return xp.matmul(xp.matmul(left, middle), right)


def _inv_vjp(xp: Any, g: Any, out: Any, _x: Any) -> Any:
    turned = xp.matrix_transpose(out)
    return xp.negative(_between(xp, turned, g, turned))


def _inverse(name: str, **facts: Any) -> None:
    primitive(
        name,
        spec=_inv_spec,
        vjp=(_inv_vjp,),
        jvp=lambda xp, tangents, out, _x: xp.negative(_between(xp, out, tangents[0], out)),
        batch=lambda xp, _batched, x: getattr(xp, name)(x),
        **facts,
    )


_inverse(
    "inv",
    value=_inv,
    public=("linalg.inv",),
    numpy=("linalg.inv",),
    doc="""The inverse x⁻¹ of square matrices; MatrixError where one is singular.

    >>> cr.linalg.inv(cr.tensor([[2.0, 1.0], [1.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  2.]])
    """,
)
_inverse(
    "inv_or_nan",
    value=_inv_or_nan,
    public=(),
    doc="""The inverse of square matrices, NaN for singular ones.

    >>> from chainrule.ops import ops
    >>> ops.inv_or_nan(cr.tensor([[2.0]]))
    tensor([[0.5]])
    """,
)

# ------------------------------------------------------------------------------------------ linear equations


def _solve(a: Any, b: Any) -> Any:
    a, b = floating(a), floating(b)
    try:
        with np.errstate(invalid="raise"):
            return lapack.solve1(a, b) if b.ndim == 1 else lapack.solve(a, b)
    except FloatingPointError:
        raise singular("solve", a, "use lstsq(a, b) for the solution of least squares") from None


def _equations_spec(name: str, a: Any, b: Any, advice: str) -> Spec:
    require_square(name, a, advice=advice)
    shape = shape_of(b)
    if not shape:
        raise ShapeError(
            f"[{name}] operand 1 is a number, without axes; expected a vector of {a.shape[-1]} elements, or a matrix "
            f"of as many rows; use b * inv(a)."
        )
    rows = shape[-1] if len(shape) == 1 else shape[-2]
    if rows != a.shape[-1]:
        many = ""
        if len(shape) > 1 and shape[-1] == a.shape[-1]:
            many = "; a stack of vectors is solved as solve(a, b[..., None])[..., 0]"
        raise ShapeError(
            f"[{name}] operand 1 has shape {shape} but operand 0 {a.shape} needs {a.shape[-1]} "
            f"{'elements' if len(shape) == 1 else 'rows'}; expected equal sizes"
            f"{many or '; transpose or reshape an operand'}."
        )
    dtype = floating_dtype(a, b)
    if len(shape) == 1:
        return Spec((*a.shape[:-2], shape[0]), dtype)
    return Spec((*broadcast_shapes(name, [a.shape[:-2], shape[:-2]]), *shape[-2:]), dtype)


def _times(xp: Any, a: Any, x: Any, vector: bool) -> Any:
    return vectors(xp, xp.matmul(a, columns(xp, x))) if vector else xp.matmul(a, x)


def _outer(xp: Any, left: Any, right: Any, vector: bool) -> Any:
    """left · rightᵀ, of vectors or of matrices."""
    if vector:
        return xp.multiply(columns(xp, left), xp.expand_dims(right, axis=-2))
    return xp.matmul(left, xp.matrix_transpose(right))


def _solved(xp: Any, a: Any, b: Any, vector: bool, name: str = "solve", **params: Any) -> Any:
    """``solve`` for a stack of vectors too."""
    function = getattr(xp, name)
    if vector and len(b.shape) > 1:
        return vectors(xp, function(a, columns(xp, b), **params))
    return function(a, b, **params)


def _solve_right(xp: Any, g: Any, _out: Any, a: Any, _b: Any) -> Any:
    return _solved(xp, xp.matrix_transpose(a), g, len(_b.shape) == 1)


def _solve_left(xp: Any, g: Any, out: Any, a: Any, _b: Any) -> Any:
    return xp.negative(_outer(xp, _solve_right(xp, g, out, a, _b), out, len(_b.shape) == 1))


def _solve_jvp(xp: Any, tangents: Any, out: Any, a: Any, _b: Any) -> Any:
    vector = len(_b.shape) == 1
    moved, b = tangents
    if moved is not None:
        turned = _times(xp, moved, out, vector)
        b = xp.negative(turned) if b is None else xp.subtract(b, turned)
    return _solved(xp, a, b, vector)


def _equations_batch(name: str) -> Any:
    def batch(xp: Any, batched: tuple[bool, ...], a: Any, b: Any, **params: Any) -> Any:
        function = getattr(xp, name)
        if len(b.shape) - batched[1] > 1:
            return function(*aligned(xp, batched, (a, b), (2, 2)), **params)
        if not batched[1]:
            return function(a, b, **params)
        return vectors(xp, function(*aligned(xp, batched, (a, columns(xp, b)), (2, 2)), **params))

    return batch


primitive(
    "solve",
    value=_solve,
    arity=2,
    spec=lambda a, b: _equations_spec("solve", a, b, "use lstsq(a, b) for the solution of least squares"),
    vjp=(_solve_left, _solve_right),
    jvp=_solve_jvp,
    batch=_equations_batch("solve"),
    public=("linalg.solve",),
    numpy=("linalg.solve",),
    doc="""The x with a @ x = b, for square matrices a; MatrixError where one is singular.

    b is a vector if it has one axis, else a stack of matrices whose columns are solved for; stacks broadcast.

    >>> cr.linalg.solve(cr.tensor([[2.0, 1.0], [1.0, 1.0]]), cr.tensor([3.0, 2.0]))
    tensor([1., 1.])
    """,
)

# ------------------------------------------------------------------------------------------------- triangles

_PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}  # LAPACK's letter for a dtype
SMALL = 16  # rows of triangles that are solved in stacks


def _solve_triangular(a: Any, b: Any, trans: int = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    dtype = np.result_type(floating(a), floating(b))
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    vector = b.ndim == 1
    if a.ndim == 2 and b.ndim < 3:
        return _triangle(a, b, trans, lower, unit_diagonal)
    b = b[:, None] if vector else b
    # LAPACK solves one triangle a call; many small ones are solved faster together.
    solved = _triangles_together if a.shape[-1] <= SMALL else _triangles_one_by_one
    out = solved(a, b, trans, lower, unit_diagonal)
    return out[..., 0] if vector else out


def _triangles_together(a: Any, b: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    a = _own_part(np, a, lower, unit_diagonal)
    if unit_diagonal:
        a = a + np.eye(a.shape[-1], dtype=a.dtype)
    upright = np.swapaxes(a, -1, -2) if trans else a
    upright = upright.conj() if trans == 2 else upright
    # An upper triangle is its own LU factor: nothing is eliminated, and no rows are exchanged.
    turn = -1 if lower != bool(trans) else 1
    try:
        with np.errstate(invalid="raise"):
            out = lapack.solve(upright[..., ::turn, ::turn], b[..., ::turn, :])
    except FloatingPointError:
        failed = (np.diagonal(a, axis1=-2, axis2=-1) == 0).any(-1)
        raise singular("solve_triangular", a, "its diagonal must have no zeros", failed) from None
    return out[..., ::turn, :]


def _triangles_one_by_one(a: Any, b: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = np.empty((*stack, *b.shape[-2:]), b.dtype)
    left, right = np.broadcast_to(a, (*stack, *a.shape[-2:])), np.broadcast_to(b, out.shape)
    for place in np.ndindex(*stack):
        out[place] = _triangle(left[place], right[place], trans, lower, unit_diagonal)
    return out


def _triangle(a: Any, b: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    if not a.shape[0] == a.shape[1] == b.shape[0]:
        raise ValueError(a.shape, b.shape)  # which SciPy lets pass; the spec rule tells it better
    if not b.size:
        return np.empty(b.shape, b.dtype)
    trtrs = getattr(scipy.linalg.lapack, _PREFIX[a.dtype.char] + "trtrs")  # scipy.linalg is loaded when first asked for
    if a.flags.f_contiguous or trans == 2:
        x, info = trtrs(a, b, lower=lower, trans=trans, unitdiag=unit_diagonal)
    else:
        # The other triangle of the transpose, as LAPACK reads columns.
        x, info = trtrs(a.T, b, lower=not lower, trans=not trans, unitdiag=unit_diagonal)
    if info > 0:
        raise singular("solve_triangular", a, "its diagonal must have no zeros", True)
    return x


def _canonical_triangular(a: Spec, _b: Spec, *, trans: Any, lower: Any, unit_diagonal: Any) -> dict[str, Any]:
    code = {"N": 0, "T": 1, "C": 2}.get(trans, trans)
    if code not in (0, 1, 2):
        raise DTypeError(
            f"[solve_triangular] trans is {trans!r}; expected 0 or 'N' for a, 1 or 'T' for its transpose, 2 or 'C' for "
            f"its conjugate transpose; leave it out for a itself."
        )
    if code == 2 and a.dtype.kind != "c":
        code = 1
    return {"trans": int(code), "lower": bool(lower), "unit_diagonal": bool(unit_diagonal)}


def _triangular_spec(a: Any, b: Any, **_params: Any) -> Spec:
    return _equations_spec("solve_triangular", a, b, "check its shape, or take a square part")


def _own_part(xp: Any, x: Any, lower: bool, unit_diagonal: bool) -> Any:
    """The triangle that is read."""
    return xp.tril(x, k=-1 if unit_diagonal else 0) if lower else xp.triu(x, k=1 if unit_diagonal else 0)


def _triangular_right(xp: Any, g: Any, _out: Any, a: Any, _b: Any, *, trans: int, **params: Any) -> Any:
    a = xp.conj(a) if trans == 2 else a
    return _solved(xp, a, g, len(_b.shape) == 1, "solve_triangular", trans=0 if trans else 1, **params)


def _triangular_left(xp: Any, g: Any, out: Any, a: Any, _b: Any, *, trans: int, **params: Any) -> Any:
    right = _triangular_right(xp, g, out, a, _b, trans=trans, **params)
    pair = (out, right) if trans else (right, out)
    c = _own_part(xp, xp.negative(_outer(xp, *pair, len(_b.shape) == 1)), **params)
    return xp.conj(c) if trans == 2 else c  # then x is a function of conj(a)


def _triangular_jvp(xp: Any, tangents: Any, out: Any, a: Any, _b: Any, *, trans: int, **params: Any) -> Any:
    vector = len(_b.shape) == 1
    moved, b = tangents
    if moved is not None:
        moved = _own_part(xp, moved, **params)
        moved = moved if trans == 0 else xp.matrix_transpose(moved) if trans == 1 else adjoint(xp, moved)
        turned = _times(xp, moved, out, vector)
        b = xp.negative(turned) if b is None else xp.subtract(b, turned)
    return _solved(xp, a, b, vector, "solve_triangular", trans=trans, **params)


primitive(
    "solve_triangular",
    value=_solve_triangular,
    arity=2,
    canonical=_canonical_triangular,
    spec=_triangular_spec,
    vjp=(_triangular_left, _triangular_right),
    jvp=_triangular_jvp,
    batch=_equations_batch("solve_triangular"),
    public=("linalg.solve_triangular",),
    doc="""The x with a @ x = b, for triangular a, of which only the upper (or ``lower``) triangle is read.

    ``trans`` 1 solves with aᵀ, 2 with aᴴ; ``unit_diagonal`` takes the diagonal to be 1 and does not read it. b is a
    vector or matrices, as in ``solve``. MatrixError where the diagonal has a 0.

    >>> cr.linalg.solve_triangular(cr.tensor([[2.0, 1.0], [0.0, 1.0]]), cr.tensor([3.0, 1.0]))
    tensor([1., 1.])
    """,
)

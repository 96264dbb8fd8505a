"""Functions of square matrices: exponential, logarithm, square root, powers.

Note [Functions of block triangles]
For a function f of matrices that has derivatives on the spectrum of a,
  f([[a, e], [0, a]]) = [[f(a), L(a, e)], [0, f(a)]],
where L(a, e) is the derivative of f at a along e (R. Mathias, SIAM J. Matrix Anal. Appl. 17 (1996) 610; N. J. Higham,
"Functions of Matrices" (2008), theorem 3.6). The adjoint of e ↦ L(a, e) is g ↦ L(aᵀ, g). So the derivative of f is made
of f, to any order.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from chainrule.box import operand_spec
from chainrule.errors import DomainError, DTypeError, MatrixError, MatrixShapeError
from chainrule.matrices import aligned, floating, floating_dtype, require_square, which
from chainrule.op import composite, primitive
from chainrule.spec import Spec, broadcast_shapes


def _spec(name: str) -> Callable[[Spec], Spec]:
    def spec(x: Spec) -> Spec:
        require_square(name, x)
        return Spec(x.shape, floating_dtype(x))

    return spec


def _along(xp: Any, name: str, a: Any, e: Any) -> Any:
    """The derivative of a function at a along e; see Note [Functions of block triangles]."""
    n = a.shape[-1]
    zeros = np.zeros(a.shape, a.dtype)
    block = xp.concat([xp.concat([a, e], axis=-1), xp.concat([zeros, a], axis=-1)], axis=-2)
    return xp.getitem(getattr(xp, name)(block), (..., slice(n), slice(n, None)))


def _function(name: str, value: Callable[[Any], Any], doc: str) -> None:
    primitive(
        name,
        value=value,
        spec=_spec(name),
        vjp=(lambda xp, g, _out, x: _along(xp, name, xp.matrix_transpose(x), g),),
        jvp=lambda xp, tangents, _out, x: _along(xp, name, x, tangents[0]),
        batch=lambda xp, _batched, x: getattr(xp, name)(x),
        public=(f"linalg.{name}",),
        doc=doc,
    )


_function(
    "expm",
    lambda x: scipy.linalg.expm(floating(x)),  # scipy.linalg is loaded when it is first asked for
    """The exponential Σ xᵏ / k! of square matrices.

    >>> cr.linalg.expm(cr.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """,
)


def _real_if_asked(name: str, x: Any, out: Any) -> Any:
    """The result in x's dtype, where SciPy answers a real matrix with a complex one if it must."""
    if out.dtype.kind == "c" and x.dtype.kind != "c":
        raise DomainError(
            f"[{name}] {which(x, (out.imag != 0).any((-2, -1)))} has negative eigenvalues, so that the result is not "
            f"real; expected none; convert it first, x.astype('complex128')."
        )
    return out.astype(x.dtype, copy=False)


def _logm(x: Any) -> Any:
    x = floating(x)
    if 0 in x.shape:
        return np.zeros(x.shape, x.dtype)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # how far a second exponential is from x, in single precision too
            warnings.filterwarnings("error", ".*exactly singular.*")
            out = scipy.linalg.logm(x.astype(np.complex128 if x.dtype.kind == "c" else np.float64))
    except UserWarning:
        failed = np.linalg.matrix_rank(x) < x.shape[-1]
        raise MatrixError(
            f"[logm] {which(x, failed if failed.any() else ~failed)} is singular; expected one with an inverse, for no "
            f"other has a logarithm; check its rank, matrix_rank(x)."
        ) from None
    return _real_if_asked("logm", x, np.asarray(out))


_function(
    "logm",
    _logm,
    """The principal logarithm of square matrices: the inverse of ``expm``, with |imag| ≤ π of its eigenvalues.

    DomainError where a real matrix has a complex logarithm: convert it to a complex dtype first.

    >>> cr.linalg.logm(cr.tensor([[1.0, 1.0], [0.0, 1.0]]))
    tensor([[0., 1.],
            [0., 0.]])
    """,
)

# ---------------------------------------------------------------------------------------- Sylvester's equation


def _solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    a, b, q = (floating(x) for x in (a, b, q))
    dtype = np.result_type(a, b, q)
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2], q.shape[:-2])
    out = np.empty((*stack, a.shape[-1], b.shape[-1]), dtype)
    a, b, q = (np.broadcast_to(x, (*stack, *x.shape[-2:])).astype(dtype, copy=False) for x in (a, b, q))
    for place in np.ndindex(*stack):
        if out[place].size:
            out[place] = _sylvester(a[place], b[place], q[place])
    return out


def _sylvester(a: Any, b: Any, q: Any) -> Any:
    lapack = scipy.linalg.lapack
    output = "complex" if a.dtype.kind == "c" else "real"
    r, u = scipy.linalg.schur(a, output=output)
    s, v = scipy.linalg.schur(b.conj().T, output=output)
    trsyl = getattr(lapack, {"f": "s", "d": "d", "F": "c", "D": "z"}[a.dtype.char] + "trsyl")
    y, scale, info = trsyl(r, s, u.conj().T @ q @ v, tranb="C" if output == "complex" else "T")
    if info == 1 or scale == 0:
        raise MatrixError(
            f"[solve_sylvester] an eigenvalue of operand 0, shape {a.shape}, is the negative of one of operand 1, "
            f"shape {b.shape}, so that the equation is singular; expected none that add up to 0; shift one of them."
        )
    return u @ (y / scale) @ v.conj().T


def _sylvester_spec(a: Spec, b: Spec, q: Spec) -> Spec:
    require_square("solve_sylvester", a)
    require_square("solve_sylvester", b, 1)
    wanted = (a.shape[-1], b.shape[-1])
    if q.shape[-2:] != wanted:
        raise MatrixShapeError(
            f"[solve_sylvester] operand 2 has shape {q.shape}, but operands 0 and 1, of shapes {a.shape} and "
            f"{b.shape}, need (..., {wanted[0]}, {wanted[1]}); transpose or reshape it."
        )
    stack = broadcast_shapes("solve_sylvester", [x.shape[:-2] for x in (a, b, q)])
    return Spec((*stack, *wanted), floating_dtype(a, b, q))


def _back(xp: Any, g: Any, a: Any, b: Any) -> Any:
    return xp.solve_sylvester(xp.matrix_transpose(a), xp.matrix_transpose(b), g)


def _sylvester_jvp(xp: Any, tangents: Any, out: Any, a: Any, b: Any, _q: Any) -> Any:
    left, right, q = tangents
    terms = [] if q is None else [q]
    if left is not None:
        terms.append(xp.negative(xp.matmul(left, out)))
    if right is not None:
        terms.append(xp.negative(xp.matmul(out, right)))
    total = terms[0]
    for term in terms[1:]:
        total = xp.add(total, term)
    return xp.solve_sylvester(a, b, total)


primitive(
    "solve_sylvester",
    value=_solve_sylvester,
    arity=3,
    spec=_sylvester_spec,
    vjp=(
        lambda xp, g, out, a, b, _q: xp.negative(xp.matmul(_back(xp, g, a, b), xp.matrix_transpose(out))),
        lambda xp, g, out, a, b, _q: xp.negative(xp.matmul(xp.matrix_transpose(out), _back(xp, g, a, b))),
        lambda xp, g, _out, a, b, _q: _back(xp, g, a, b),
    ),
    jvp=_sylvester_jvp,
    batch=lambda xp, batched, *operands: xp.solve_sylvester(*aligned(xp, batched, operands, (2, 2, 2))),
    public=("linalg.solve_sylvester",),
    doc="""The x with a @ x + x @ b = q; stacks broadcast.

    MatrixError where an eigenvalue of a and one of b add up to 0, so that there is no single x.

    >>> cr.linalg.solve_sylvester(cr.tensor([[1.0]]), cr.tensor([[3.0]]), cr.tensor([[8.0]]))
    tensor([[2.]])
    """,
)

# ------------------------------------------------------------------------------------- square roots and powers


def _sqrtm(x: Any) -> Any:
    x = floating(x)
    out = scipy.linalg.sqrtm(x)
    if not np.isfinite(np.add.reduce(out, axis=None)):
        failed = ~np.isfinite(out).all((-2, -1)) & np.isfinite(x).all((-2, -1))
        if failed.any():
            raise MatrixError(
                f"[sqrtm] {which(x, failed)} is singular and has no square root; expected one with an inverse; check "
                f"its rank, matrix_rank(x)."
            )
    return _real_if_asked("sqrtm", x, out)


primitive(
    "sqrtm",
    value=_sqrtm,
    spec=_spec("sqrtm"),
    vjp=(lambda xp, g, out, _x: _back(xp, g, out, out),),
    jvp=lambda xp, tangents, out, _x: xp.solve_sylvester(out, out, tangents[0]),
    batch=lambda xp, _batched, x: xp.sqrtm(x),
    public=("linalg.sqrtm",),
    doc="""The principal square root of square matrices, whose eigenvalues have no negative real part.

    DomainError where a real matrix has a complex root: convert it to a complex dtype first.

    >>> cr.linalg.sqrtm(cr.tensor([[1.0, 2.0], [0.0, 1.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """,
)


def _matrix_power(xp: Any, x: Any, n: Any) -> Any:
    spec = operand_spec("matrix_power", x)
    require_square("matrix_power", spec)
    try:
        n = operator.index(n)
    except TypeError:
        raise DTypeError(
            f"[matrix_power] n is {n!r}; expected an integer; for other powers use expm(n * logm(x))."
        ) from None
    if n == 0:
        return xp.broadcast_to(np.eye(spec.shape[-1], dtype=spec.dtype), spec.shape)
    if n < 0:
        x, n = xp.inv(x), -n
    if n == 1:
        return xp.reshape(x, spec.shape)
    power = None
    while True:
        if n & 1:
            power = x if power is None else xp.matmul(power, x)
        n >>= 1
        if not n:
            return power
        x = xp.matmul(x, x)


composite(
    "matrix_power",
    _matrix_power,
    value=np.linalg.matrix_power,
    public=("linalg.matrix_power",),
    numpy=("linalg.matrix_power",),
    doc="""The product of n copies of square matrices; for n < 0 of their inverses, for n = 0 the identity.

    >>> cr.linalg.matrix_power(cr.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """,
)

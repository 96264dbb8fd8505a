"""Eigenvalues and eigenvectors of general matrices. See Note [Gauge] in chainrule/gauge.py.

With A = V Λ V⁻¹ and E = V⁻¹ dA V:  dλᵢ = Eᵢᵢ,  dV = V C without its part along V itself,  Cᵢⱼ = Eᵢⱼ / (λⱼ − λᵢ).
(C. Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
beamforming", 2017.) Columns of V have length 1, and move at right angles to themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import _umath_linalg as lapack

from chainrule.errors import GradientError, MatrixError
from chainrule.gauge import add, diagonal, inner, on_diagonal, outer, scaled, share
from chainrule.matrices import adjoint, floating, floating_dtype, require_square
from chainrule.op import primitive
from chainrule.spec import Spec


class EigResult(NamedTuple):
    """Eigenvalues in no order, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


def _complex(x: Any) -> np.dtype[Any]:
    return np.result_type(floating_dtype(x), np.complex64)


def _converged(name: str, function: Any, x: Any) -> Any:
    x = floating(x)
    try:
        # LAPACK may search for ever where elements are not finite.
        if np.isfinite(x).all():
            with np.errstate(invalid="raise", over="ignore", under="ignore", divide="ignore"):
                found = function(x)
            if x.dtype.char != "F":
                return found
            return tuple(part.astype(x.dtype) for part in found) if isinstance(found, tuple) else found.astype(x.dtype)
    except FloatingPointError:
        pass
    raise MatrixError(
        f"[{name}] the eigenvalues of an operand of shape {x.shape} did not converge, or were not looked for; expected "
        f"finite elements; look for NaN and infinities in it."
    )


def _specs(name: str, x: Any) -> tuple[Spec, Spec]:
    require_square(name, x, advice="use svd(x) for other shapes")
    return Spec(x.shape[:-1], _complex(x)), Spec(x.shape, _complex(x))


def _settled(xp: Any, x: Any, values: Any, vectors: Any, of_vectors: Any) -> Any:
    """The cotangent of vectors without their components along themselves, which their length and phase take up."""
    along = diagonal(xp, inner(xp, vectors, of_vectors))
    if x.dtype.kind == "f":
        # Vectors of real eigenvalues of real matrices stay real: there is no phase.
        free = xp.equal(xp.imag(values), 0)
        phase = xp.where(free, 0, xp.imag(along))
    else:
        phase = xp.imag(along)
    # Twice i·phase is a skew diagonal; the quotient is 0, or an error.
    skew = on_diagonal(xp, xp.multiply(phase, np.asarray(1j, vectors.dtype)))
    zeros = np.zeros(values.shape[-1], phase.dtype)
    gone = xp.gauge_quotient(skew, zeros, of_vectors, name="eig", part="skew", gap="difference", check="phase")
    return xp.subtract(xp.add(of_vectors, xp.matmul(vectors, gone)), scaled(xp, vectors, along))


def _pull(xp: Any, g: Any, out: Any, x: Any, check: str) -> Any:
    values, vectors = out
    of_values, of_vectors = g
    inverse = xp.left_vectors(vectors)
    if of_vectors is None:
        return xp.matmul(adjoint(xp, inverse), adjoint(xp, scaled(xp, vectors, xp.conj(share(xp, of_values, values)))))
    turned = inner(xp, vectors, _settled(xp, x, values, vectors, of_vectors))
    level = None if of_values is None else on_diagonal(xp, of_values)
    check = check if of_values is None or check == "never" else "mixed"
    quotient = xp.gauge_quotient(
        add(xp, turned, level), xp.conj(values), of_vectors, name="eig", part="all", gap="difference", check=check
    )
    return xp.matmul(adjoint(xp, inverse), outer(xp, add(xp, quotient, level), vectors))


def _push(xp: Any, t: Any, out: Any, check: str) -> tuple[Any, Any]:
    values, vectors = out
    moved = xp.matmul(xp.left_vectors(vectors), xp.matmul(t, vectors))
    turned = xp.gauge_quotient(moved, values, moved, name="eig", part="all", gap="difference", check=check)
    change = xp.matmul(vectors, turned)
    along = diagonal(xp, inner(xp, vectors, change))
    return diagonal(xp, moved), xp.subtract(change, scaled(xp, vectors, along))


for _name, _check, _public, _doc in (
    (
        "eig",
        "vanish",
        ("linalg.eig",),
        """(eigenvalues, eigenvectors) of square matrices: x @ V = V · diag(λ), columns of V of length 1; complex.

    The gradient must not depend on what is arbitrary, the phases of eigenvectors and the basis of those of equal
    eigenvalues: else a GradientError; so is a matrix without a basis of eigenvectors. Real eigenvectors of real
    matrices have no phase. In forward mode vectors move at right angles to themselves. MatrixError where the iteration
    does not converge.

    >>> values, vectors = cr.linalg.eig(cr.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    >>> values
    tensor([0.+1.j, 0.-1.j])
    """,
    ),
    (
        "eig_once",
        "never",
        (),
        """``eig`` for first derivatives of eigenvalues: a further one is an error where these are equal.

    >>> cr.ops.ops.eig_once(cr.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([2.+0.j, 1.+0.j])
    """,
    ),
):
    primitive(
        _name,
        value=lambda x: _converged("eig", lapack.eig, x),
        spec=lambda x: _specs("eig", x),
        vjp=(lambda xp, g, out, x, check=_check: _pull(xp, g, out, x, check),),
        jvp=lambda xp, tangents, out, _x, check=_check: _push(xp, tangents[0], out, check),
        batch=lambda xp, _batched, x, name=_name: getattr(xp, name)(x),
        outputs=EigResult,
        public=_public,
        numpy=("linalg.eig",) if _public else (),
        doc=_doc,
    )


def _eigvals_vjp(xp: Any, g: Any, _out: Any, x: Any) -> Any:
    values, vectors = xp.eig_once(x)
    inverse = xp.left_vectors(vectors)
    # A holomorphic op's rule is a transpose: V⁻ᵀ diag(g) Vᵀ.
    return xp.matrix_transpose(xp.matmul(scaled(xp, vectors, share(xp, g, values)), inverse))


def _eigvals_jvp(xp: Any, tangents: Any, _out: Any, x: Any) -> Any:
    values, vectors = xp.eig_once(x)
    moved = xp.matmul(xp.left_vectors(vectors), xp.matmul(tangents[0], vectors))
    return share(xp, diagonal(xp, moved), values)


primitive(
    "eigvals",
    value=lambda x: _converged("eigvals", lapack.eigvals, x),
    spec=lambda x: _specs("eigvals", x)[0],
    vjp=(_eigvals_vjp,),
    jvp=_eigvals_jvp,
    batch=lambda xp, _batched, x: xp.eigvals(x),
    public=("linalg.eigvals",),
    numpy=("linalg.eigvals",),
    doc="""The eigenvalues of square matrices, in no order; complex.

    Equal ones share their gradients equally, which is exact for symmetric functions; a second derivative is a
    GradientError there, and any derivative where a matrix has no basis of eigenvectors.

    >>> cr.linalg.eigvals(cr.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    tensor([0.+1.j, 0.-1.j])
    """,
)

# ------------------------------------------------------------------------------------- left eigenvectors


def _left_vectors(v: Any) -> Any:
    v = floating(v)
    n = v.shape[-1]
    try:
        out = np.linalg.inv(v)
        size = np.linalg.norm(out, axis=(-2, -1)) if n else np.zeros(())
    except np.linalg.LinAlgError:
        size = np.asarray(np.inf)
    # Columns have length 1, so that the inverse's norm is the condition, up to √n: of it three digits must be left.
    if (size * np.finfo(v.dtype).eps > 1e-3).any():
        raise GradientError(
            f"[eig] a matrix of order {n} has no basis of eigenvectors to working precision: their condition is "
            f"{size.max():.0e}; expected a diagonalizable matrix, where eigenvalues have derivatives; use functions of "
            f"the matrix instead, such as trace, det and matrix_power."
        )
    return out


primitive(
    "left_vectors",
    value=_left_vectors,
    spec=lambda v: Spec(v.shape, floating_dtype(v)),
    vjp=(
        lambda xp, g, out, _v: xp.negative(xp.matmul(xp.matmul(xp.matrix_transpose(out), g), xp.matrix_transpose(out))),
    ),
    jvp=lambda xp, tangents, out, _v: xp.negative(xp.matmul(xp.matmul(out, tangents[0]), out)),
    batch=lambda xp, _batched, v: xp.left_vectors(v),
    public=(),
    doc="""V⁻¹, whose rows are left eigenvectors where V has right ones; a GradientError where those are no basis.

    >>> cr.ops.ops.left_vectors(cr.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0.5, 0. ],
            [0. , 1. ]])
    """,
)

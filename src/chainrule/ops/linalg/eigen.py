"""Eigenvalues and eigenvectors of Hermitian matrices. See Note [Gauge] in chainrule/gauge.py, and in cholesky.py
Note [Hermitian operands] on which derivative that is.

With A = V Λ Vᴴ and E = Vᴴ dA V:  dλᵢ = Eᵢᵢ,  dV = V C,  Cᵢⱼ = Eᵢⱼ / (λⱼ − λᵢ), Cᵢᵢ = 0. (M. B. Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation", 2008, section 3.1; C. Boeddeker et al.,
"On the computation of complex-valued gradients with application to statistically optimum beamforming", 2017.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import _umath_linalg as lapack

from chainrule.errors import DTypeError, MatrixError
from chainrule.gauge import add, diagonal, hermitian, inner, inside, near, on_diagonal, outer, scaled, share
from chainrule.matrices import aligned, floating, floating_dtype, require_square
from chainrule.op import primitive
from chainrule.reduction import real_dtype
from chainrule.spec import Spec, broadcast_shapes


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


_EIGH = {"L": lapack.eigh_lo, "U": lapack.eigh_up, "l": lapack.eigh_lo, "u": lapack.eigh_up}
_EIGVALSH = {"L": lapack.eigvalsh_lo, "U": lapack.eigvalsh_up, "l": lapack.eigvalsh_lo, "u": lapack.eigvalsh_up}


def _converged(name: str, functions: dict[str, Any], x: Any, UPLO: Any) -> Any:
    _require_side(name, UPLO)
    try:
        with np.errstate(invalid="raise", over="ignore", under="ignore", divide="ignore"):
            return functions[UPLO](floating(x))
    except FloatingPointError:
        raise MatrixError(
            f"[{name}] the eigenvalues of an operand of shape {x.shape} did not converge; expected finite elements; "
            f"look for NaN and infinities in it."
        ) from None


def _require_side(name: str, UPLO: Any) -> None:
    if UPLO.__class__ is not str or UPLO not in _EIGH:
        raise DTypeError(
            f"[{name}] UPLO is {UPLO!r}; expected 'L' or 'U', the triangle of the matrix that is read; leave it out "
            f"for the lower one."
        )


def _specs(name: str, x: Any, UPLO: Any) -> tuple[Spec, Spec]:
    _require_side(name, UPLO)
    require_square(name, x, advice="use svd(x) for other shapes")
    dtype = floating_dtype(x)
    return Spec(x.shape[:-1], real_dtype(dtype)), Spec(x.shape, dtype)


def _real_diagonal(xp: Any, x: Any) -> Any:
    return xp.real(diagonal(xp, x))


# -------------------------------------------------------------------------------------- values and vectors


def _pull(xp: Any, g: Any, out: Any, name: str, check: str, padding: int = 0) -> Any:
    values, vectors = out
    of_values, of_vectors = g
    if of_vectors is None:
        return outer(xp, scaled(xp, vectors, share(xp, of_values, values)), vectors)
    turned = inner(xp, vectors, of_vectors)
    level = None if of_values is None else on_diagonal(xp, of_values)
    # A real diagonal is no skew part; in k it says which values have gradients.
    quotient = xp.gauge_quotient(
        add(xp, turned, level),
        values,
        of_vectors,
        name=name,
        part="skew",
        gap="difference",
        check=check if of_values is None or check == "never" else "mixed",
        padding=padding,
    )
    return outer(xp, xp.matmul(vectors, add(xp, quotient, level)), vectors)


def _push(xp: Any, t: Any, out: Any, name: str, check: str, padding: int = 0) -> tuple[Any, Any]:
    values, vectors = out
    moved = inside(xp, vectors, hermitian(xp, t), vectors)
    turned = xp.gauge_quotient(
        moved, values, t, name=name, part="hermitian", gap="difference", check=check, padding=padding
    )
    return _real_diagonal(xp, moved), xp.matmul(vectors, turned)


primitive(
    "eigh",
    value=lambda x, *, UPLO="L": _converged("eigh", _EIGH, x, UPLO),
    spec=lambda x, *, UPLO: _specs("eigh", x, UPLO),
    vjp=(lambda xp, g, out, _x, *, UPLO: _pull(xp, g, out, "eigh", "free"),),
    jvp=lambda xp, tangents, out, _x, *, UPLO: _push(xp, tangents[0], out, "eigh", "vanish"),
    batch=lambda xp, _batched, x, *, UPLO: xp.eigh(x, UPLO=UPLO),
    outputs=EighResult,
    public=("linalg.eigh",),
    numpy=("linalg.eigh",),
    doc="""(eigenvalues, eigenvectors) of Hermitian matrices: x = V · diag(λ) · Vᴴ with λ ascending.

    Only the triangle ``UPLO`` is read, as x is taken to be Hermitian; the gradient is Hermitian too. It must not depend
    on what is arbitrary, the phases of complex eigenvectors and the basis of those of equal eigenvalues: else a
    GradientError. So are gradients of equal eigenvalues together with their vectors, as in V · diag(h(λ)) · Vᴴ: use
    matrix functions for that, and ``eigvalsh`` for what depends on eigenvalues alone, but do not combine its values
    with vectors from here. In forward mode complex vectors move at right angles to themselves. MatrixError where the
    iteration does not converge.

    >>> values, vectors = cr.linalg.eigh(cr.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> values
    tensor([1., 3.])
    """,
)


def _rotated(x: Any, e: Any, *, UPLO: str, name: str, padding: int) -> EighResult:
    values, vectors = _converged(name, _EIGH, x, UPLO)
    n = values.shape[-1]
    stack = np.broadcast_shapes(x.shape[:-2], e.shape[:-2])
    values, vectors = np.broadcast_to(values, (*stack, n)), np.broadcast_to(vectors, (*stack, n, n))
    equal = near(np, values) if values.size else np.zeros(0)
    if np.count_nonzero(equal) > values.size:
        vectors, e = vectors.copy(), np.broadcast_to(hermitian(np, e), vectors.shape)
        for place in np.ndindex(*stack):
            edges = np.flatnonzero(np.logical_not(np.diagonal(equal[place], 1))) + 1
            for block in np.split(np.arange(n), edges):
                part = vectors[place][:, block]
                if len(block) > 1:
                    vectors[place][:, block] = part @ np.linalg.eigh(inside(np, part, e[place], part))[1]
    return EighResult(values, vectors)


def _along_nothing(xp: Any, values: Any, dtype: Any, name: str, padding: int) -> Any:
    """Zeros, or the error where equal values have been told apart by a tangent."""
    zeros = np.zeros((values.shape[-1],) * 2, dtype)
    return xp.gauge_quotient(
        zeros, values, zeros, name=name, part="all", gap="difference", check="never", padding=padding
    )


def _rotated_jvp(
    xp: Any, tangents: Any, out: Any, _x: Any, _e: Any, *, UPLO: str, name: str, padding: int
) -> tuple[Any, Any]:
    t = _along_nothing(xp, out[0], _x.dtype, name, padding) if tangents[0] is None else tangents[0]
    return _push(xp, t, out, name, "never", padding)


primitive(
    "aligned_eigh",
    value=_rotated,
    arity=2,
    spec=lambda x, e, *, UPLO, name, padding: tuple(
        Spec((*broadcast_shapes(name, [x.shape[:-2], e.shape[:-2]]), *s.shape[len(x.shape) - 2 :]), s.dtype)
        for s in _specs(name, x, UPLO)
    ),
    vjp=(
        lambda xp, g, out, _x, _e, *, UPLO, name, padding: _pull(xp, g, out, name, "never", padding),
        lambda xp, _g, out, _x, _e, *, UPLO, name, padding: xp.broadcast_to(
            _along_nothing(xp, out[0], _e.dtype, name, padding), _e.shape
        ),
    ),
    jvp=_rotated_jvp,
    batch=lambda xp, batched, x, e, **params: xp.aligned_eigh(*aligned(xp, batched, (x, e), (2, 2)), **params),
    outputs=EighResult,
    public=(),
    doc="""The eigenvalues of x, and those eigenvectors into which the spaces of equal eigenvalues split along e.

    >>> from chainrule.ops import ops
    >>> along = cr.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> ops.aligned_eigh(cr.eye(2), along, UPLO="L", name="eigvalsh", padding=0).eigenvalues
    tensor([1., 1.])
    """,
)

# -------------------------------------------------------------------------------------------- values alone


def _spectral(x: Any, w: Any, *, UPLO: str, name: str, padding: int, fixed: bool) -> Any:
    (values, vectors), w = _converged(name, _EIGH, x, UPLO), floating(w)
    return outer(np, scaled(np, vectors, share(np, w, values)), vectors)


def _canonical_spectral(_x: Spec, w: Spec, **params: Any) -> dict[str, Any]:
    if w.dtype.kind == "c":
        raise DTypeError(f"[spectral] weights are {w.dtype}; expected real ones, one for each eigenvalue.")
    return params


def _steps(xp: Any, w: Any) -> Any:
    return xp.subtract(xp.expand_dims(w, axis=-2), xp.expand_dims(w, axis=-1))


def _no_kink(xp: Any, w: Any, values: Any, name: str, padding: int) -> Any:
    """Zeros, or the error where equal values have different gradients."""
    levels = on_diagonal(xp, w)
    return xp.gauge_quotient(
        levels, values, levels, name=name, part="hermitian", gap="difference", check="kink", padding=padding
    )


def _spectral_jvp(
    xp: Any, tangents: Any, _out: Any, x: Any, w: Any, *, UPLO: str, name: str, padding: int, fixed: bool
) -> Any:
    t, moved = tangents
    how = {"name": name, "padding": padding}
    if t is None:
        return xp.spectral(x, moved, UPLO=UPLO, fixed=fixed, **how)
    values, vectors = xp.aligned_eigh(x, t, UPLO=UPLO, **how)
    steps = xp.multiply(inside(xp, vectors, hermitian(xp, t), vectors), _steps(xp, w))
    turned = xp.gauge_quotient(steps, values, steps, part="skew", gap="difference", check="vanish", **how)
    level = None if moved is None else on_diagonal(xp, moved)
    return outer(xp, xp.matmul(vectors, add(xp, turned, _no_kink(xp, w, values, **how), level)), vectors)


def _spectral_vjp(
    xp: Any, g: Any, _out: Any, x: Any, w: Any, *, UPLO: str, name: str, padding: int, fixed: bool
) -> Any:
    how = {"name": name, "padding": padding}
    values, vectors = xp.aligned_eigh(x, x, UPLO=UPLO, **how)
    middle, steps = inside(xp, vectors, hermitian(xp, _conj(xp, g)), vectors), _steps(xp, w)
    if fixed:
        steps = xp.multiply(middle, steps)
        turned = xp.gauge_quotient(steps, values, steps, part="skew", gap="difference", check="vanish", **how)
    else:
        # Equal values have equal w here, and not nearby: what is divided is what stands beside their difference.
        turned = xp.gauge_quotient(middle, values, g, part="hermitian", gap="difference", check="scalar", **how)
        turned = xp.multiply(turned, steps)
    turned = xp.add(turned, _no_kink(xp, w, values, **how))
    return _conj(xp, outer(xp, xp.matmul(vectors, turned), vectors))


def _spectral_vjp_weights(
    xp: Any, g: Any, _out: Any, x: Any, _w: Any, *, UPLO: str, name: str, padding: int, fixed: bool
) -> Any:
    values, vectors = xp.aligned_eigh(x, x, UPLO=UPLO, name=name, padding=padding)
    return share(xp, _real_diagonal(xp, inside(xp, vectors, _conj(xp, g), vectors)), values)


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if x.dtype.kind == "c" else x


primitive(
    "spectral",
    value=_spectral,
    arity=2,
    canonical=_canonical_spectral,
    spec=lambda x, w, **_params: Spec(
        (*broadcast_shapes("spectral", [x.shape[:-2], w.shape[:-1]]), *x.shape[-2:]), floating_dtype(x, w)
    ),
    vjp=(_spectral_vjp, _spectral_vjp_weights),
    jvp=_spectral_jvp,
    batch=lambda xp, batched, x, w, **params: xp.spectral(*aligned(xp, batched, (x, w), (2, 1)), **params),
    public=(),
    doc="""V · diag(w) · Vᴴ with the eigenvectors of x, where equal eigenvalues share their w equally.

    With w = ∂f/∂λ it is the gradient of f(eigvalsh(x)); ``fixed`` says that w does not depend on x.

    >>> from chainrule.ops import ops
    >>> ops.spectral(cr.eye(2), cr.tensor([1.0, 3.0]), UPLO="L", name="eigvalsh", padding=0, fixed=True)
    tensor([[2., 0.],
            [0., 2.]])
    """,
)


def _is_fixed(g: Any) -> bool:
    """Whether a cotangent is a constant, that no input moves."""
    return getattr(g, "_node", None) is None


def _eigvalsh_jvp(xp: Any, tangents: Any, _out: Any, x: Any, *, UPLO: str) -> Any:
    t = tangents[0]
    _, vectors = xp.aligned_eigh(x, t, UPLO=UPLO, name="eigvalsh", padding=0)
    return _real_diagonal(xp, inside(xp, vectors, hermitian(xp, t), vectors))


primitive(
    "eigvalsh",
    value=lambda x, *, UPLO="L": _converged("eigvalsh", _EIGVALSH, x, UPLO),
    spec=lambda x, *, UPLO: _specs("eigvalsh", x, UPLO)[0],
    vjp=(lambda xp, g, _out, x, *, UPLO: xp.spectral(x, g, UPLO=UPLO, name="eigvalsh", padding=0, fixed=_is_fixed(g)),),
    jvp=_eigvalsh_jvp,
    batch=lambda xp, _batched, x, *, UPLO: xp.eigvalsh(x, UPLO=UPLO),
    public=("linalg.eigvalsh",),
    numpy=("linalg.eigvalsh",),
    doc="""The eigenvalues of Hermitian matrices, ascending; only the triangle ``UPLO`` is read.

    The gradient is Hermitian. Equal eigenvalues share theirs equally, so that it is exact for symmetric functions, and
    for the largest eigenvalue of minimum norm. In forward mode they move as they split along the tangent, and so second
    derivatives are exact, forward over reverse: ``jvp(grad(f), (x,), (t,))``. In reverse over reverse equal eigenvalues
    are a GradientError. (A. S. Lewis and H. S. Sendov, "Twice differentiable spectral functions", 2001.)

    >>> cr.grad(lambda x: cr.sum(cr.linalg.eigvalsh(x) ** 3))(np.eye(2))
    tensor([[3., 0.],
            [0., 3.]])
    """,
)

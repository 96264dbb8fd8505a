"""Polynomials by their coefficients, the highest power first, as NumPy's poly functions have them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, ShapeError
from chainrule.op import composite, primitive
from chainrule.spec import Spec


def _coefficients(xp: Any, name: str, p: Any) -> Any:
    shape = operand_spec(name, p).shape
    if len(shape) > 1:
        raise ShapeError(
            f"[{name}] the coefficients have shape {shape}; expected one axis; write reshape(p, -1) first."
        )
    return xp.reshape(p, (-1,)) if not shape else p if hasattr(p, "dtype") else np.asarray(p)


def _count(name: str, m: Any) -> int:
    try:
        times = operator.index(m)
    except TypeError:
        times = -1
    if times < 0:
        raise DomainError(f"[{name}] m is {m!r}; expected an integer of at least 0; write m=1 for once.")
    return times


def _polyval(xp: Any, p: Any, x: Any) -> Any:
    p = _coefficients(xp, "polyval", p)
    x = x if hasattr(x, "dtype") else np.asarray(x)
    spec = operand_spec("polyval", x)
    out: Any = np.zeros(spec.shape, spec.dtype)
    for i in range(p.shape[0]):
        out = xp.add(xp.multiply(out, x), xp.getitem(p, i))
    return out if p.shape[0] else xp.multiply(x, False)


def _numpys_polyval(p: Any, x: Any) -> Any:
    if np.ndim(p) > 1:
        raise ShapeError("NumPy takes coefficients of several axes")
    return np.polyval(p, x)


composite(
    "polyval",
    _polyval,
    value=_numpys_polyval,
    doc="""Σ p[i] xⁿ⁻¹⁻ⁱ: the polynomial with coefficients p, the highest power first, at x.

    >>> cr.polyval(cr.tensor([1.0, 0.0, 2.0]), cr.tensor([1.0, 3.0]))
    tensor([ 3., 11.])
    """,
)


def _polyder(xp: Any, p: Any, m: int = 1) -> Any:
    p = _coefficients(xp, "polyder", p)
    for _ in range(_count("polyder", m)):
        size = p.shape[0]
        p = xp.multiply(xp.getitem(p, slice(0, max(size - 1, 0))), np.arange(size - 1, 0, -1).astype(p.dtype))
    return p


def _polyint(xp: Any, p: Any, m: int = 1, k: Any = None) -> Any:
    p = _coefficients(xp, "polyint", p)
    p = xp.astype(p, np.float64) if p.dtype.kind in "biu" else p
    times = _count("polyint", m)
    constants: Any = np.zeros(times, p.dtype) if k is None else k
    size = operand_spec("polyint", constants).size
    if size not in (1, times):
        raise ShapeError(
            f"[polyint] {size} constants of integration were given for m={times}; expected one, or one for each time; "
            f"leave k out for zeros."
        )
    constants = xp.broadcast_to(xp.astype(xp.reshape(constants, (-1,)), p.dtype), (times,)) if times else constants
    for i in range(times):
        powers = np.arange(p.shape[0], 0, -1).astype(p.dtype)
        p = xp.concat([xp.divide(p, powers), xp.getitem(constants, slice(i, i + 1))])
    return p


composite(
    "polyder",
    _polyder,
    doc="""The coefficients of the m-th derivative of a polynomial.

    >>> cr.polyder(cr.tensor([1.0, 0.0, 2.0]))
    tensor([2., 0.])
    """,
)
composite(
    "polyint",
    _polyint,
    doc="""The coefficients of the m-th antiderivative of a polynomial, with constants of integration k (0 by default).

    >>> cr.polyint(cr.tensor([2.0, 0.0]), k=5.0)
    tensor([1., 0., 5.])
    """,
)


def _aligned(xp: Any, name: str, one: Any, other: Any) -> list[Any]:
    """Two polynomials with as many coefficients: zeros in front of the shorter."""
    both = [_coefficients(xp, name, p) for p in (one, other)]
    size = max(p.shape[0] for p in both)
    return [xp.concat([np.zeros(size - p.shape[0], p.dtype), p]) if p.shape[0] < size else p for p in both]


composite(
    "polyadd",
    lambda xp, p, q: xp.add(*_aligned(xp, "polyadd", p, q)),
    doc="""The coefficients of the sum of two polynomials.

    >>> cr.polyadd(cr.tensor([1.0, 0.0, 2.0]), cr.tensor([3.0, 1.0]))
    tensor([1., 3., 3.])
    """,
)
composite(
    "polysub",
    lambda xp, p, q: xp.subtract(*_aligned(xp, "polysub", p, q)),
    doc="""The coefficients of the difference of two polynomials.

    >>> cr.polysub(cr.tensor([1.0, 0.0, 2.0]), cr.tensor([3.0, 1.0]))
    tensor([ 1., -3.,  1.])
    """,
)
composite(
    "polymul",
    lambda xp, p, q: xp.convolve(_coefficients(xp, "polymul", p), _coefficients(xp, "polymul", q)),
    doc="""The coefficients of the product of two polynomials.

    >>> cr.polymul(cr.tensor([1.0, 1.0]), cr.tensor([1.0, -1.0]))
    tensor([ 1.,  0., -1.])
    """,
)


def _vander(xp: Any, x: Any, N: int | None = None, increasing: bool = False) -> Any:
    spec = operand_spec("vander", x)
    if spec.ndim != 1:
        raise ShapeError(f"[vander] x has shape {spec.shape}; expected one axis; write reshape(x, -1) first.")
    size = spec.shape[0] if N is None else operator.index(N)
    wide = np.result_type(spec.dtype, int)
    x = xp.astype(x, wide) if wide != spec.dtype and spec.dtype.kind in "biu" else x
    powers: list[Any] = []
    for i in range(size):
        powers.append(xp.multiply(powers[-1], x) if i > 1 else x if i else np.ones(spec.shape, x.dtype))
    ordered = powers if increasing else powers[::-1]
    return xp.stack(ordered, axis=1) if size else np.zeros((spec.shape[0], 0), x.dtype)


composite(
    "vander",
    _vander,
    doc="""The matrix of powers x[i]ᴺ⁻¹⁻ʲ, or x[i]ʲ with ``increasing``; as many columns as rows by default.

    >>> cr.vander(cr.tensor([2.0, 3.0]))
    tensor([[2., 1.],
            [3., 1.]])
    """,
)

# ---------------------------------------------------------------------------------------------------- roots


def _complex_dtype(dtype: Any) -> np.dtype[Any]:
    return np.result_type(dtype if dtype.kind in "fc" else np.float64, np.complex64)


def _roots_value(p: Any) -> Any:
    if p[0] == 0 or not np.isfinite(p).all():
        raise DomainError(
            f"[roots] the first coefficient is {p[0]:g}; expected finite numbers, the first not 0, which decides how "
            f"many roots there are; cut off the zeros."
        )
    # NumPy takes zeros at the end off, and gives roots of 0 for them.
    found = np.roots(p)
    return found.astype(_complex_dtype(p.dtype))


def _slopes(xp: Any, out: Any, size: int) -> Any:
    """−rⁿ⁻¹⁻ⁱ for each root r and coefficient i; see the derivative of an implicit function."""
    powers: list[Any] = [np.ones(out.shape, out.dtype)]
    for _ in range(size - 1):
        powers.append(xp.multiply(powers[-1], out))
    return xp.negative(xp.stack(powers[::-1], axis=1))


def _steepness(xp: Any, out: Any, p: Any) -> Any:
    """P'(r) at each root."""
    return xp.polyval(xp.polyder(xp.astype(p, out.dtype)), out)


def _roots_vjp(xp: Any, g: Any, out: Any, p: Any) -> Any:
    # P(r, p) = 0, so that dr = −Σ rⁿ⁻¹⁻ⁱ dp[i] / P'(r).
    return xp.matmul(xp.divide(g, _steepness(xp, out, p)), _slopes(xp, out, p.shape[0]))


def _roots_jvp(xp: Any, tangents: Any, out: Any, p: Any) -> Any:
    moved = xp.matmul(_slopes(xp, out, p.shape[0]), xp.astype(tangents[0], out.dtype))
    return xp.divide(moved, _steepness(xp, out, p))


def _canonical_roots(p: Spec) -> dict[str, Any]:
    if p.ndim != 1 or not p.size:
        raise ShapeError(f"[roots] the coefficients have shape {p.shape}; expected one axis, not empty; reshape them.")
    return {}


primitive(
    "roots",
    value=_roots_value,
    canonical=_canonical_roots,
    spec=lambda p: Spec((p.shape[0] - 1,), _complex_dtype(p.dtype)),
    vjp=(_roots_vjp,),
    jvp=_roots_jvp,
    batch=lambda xp, _batched, p: xp.stack([xp.roots(p[i]) for i in range(p.shape[0])]),
    doc="""The complex numbers where the polynomial with coefficients p, the highest power first, is 0.

    The first coefficient must not be 0. The derivative, −rⁿ⁻¹⁻ⁱ / P′(r), is infinite at multiple roots.

    >>> cr.roots(cr.tensor([1.0, 0.0, 1.0]))
    tensor([-0.+1.j,  0.-1.j])
    """,
)

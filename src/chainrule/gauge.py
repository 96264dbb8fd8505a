"""What decompositions share: values that cannot be told apart, and what may then be asked of their vectors.

Note [Gauge]
Vectors of a decomposition are unique up to a factor of modulus 1; those of equal values, up to a rotation in the space
that they span. This freedom is the *gauge*. Vectors move by numerator / gap, where the gap is the difference of two
values, and equal values make that 0/0 or worse. With ``near`` saying which values are equal to rounding:

- Of a function of vectors alone that the gauge does not change, the numerators of equal values vanish, and so does
  what they contribute: the function depends on the space only. A numerator that does not vanish is an error.
- Of values alone, every order is exact in the forward direction, along a tangent that says into which vectors the space
  splits (``aligned_eigh``). In reverse the first order is exact: equal values share their gradients equally, which
  changes nothing where these are equal, as in any symmetric function, and is the minimum-norm choice at kinks, as in
  the largest eigenvalue.
- Of values and vectors together, as in V h(Λ) Vᴴ, the derivative along the space, h′(λ), cannot be known from
  gradients at this one choice of vectors; neither can second derivatives in reverse. Those are errors, even where the
  numerators vanish (for h(λ) = 0 they do), except for vectors that have no gradient at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.matrices import adjoint


def resolution(values: Any) -> float:
    """The difference, relative to the largest, below which values of n rows are equal to rounding: (n + 8) ε."""
    return (values.shape[-1] + 8) * float(np.finfo(values.dtype).eps)


def middle(n: int, padding: int) -> Any:
    """The places where both values are padding: the zeros among the eigenvalues of Note [Embedding] in svd.py."""
    inside = np.arange(n)
    inside = (inside >= (n - padding) // 2) & (inside < (n + padding) // 2)
    return inside & inside[:, None]


def near(xp: Any, values: Any) -> Any:
    """Which pairs of values are equal to rounding, as a matrix of booleans for each stack."""
    gaps = xp.abs(xp.subtract(xp.expand_dims(values, axis=-1), xp.expand_dims(values, axis=-2)))
    largest = xp.max(xp.abs(values), axis=-1, keepdims=True)
    return xp.less_equal(gaps, xp.expand_dims(xp.multiply(largest, resolution(values)), axis=-1))


def share(xp: Any, w: Any, values: Any) -> Any:
    """w with its mean in place of what belongs to equal values."""
    if values.shape[-1] < 2:
        return w
    equal = xp.astype(near(xp, values), w.dtype)
    mean = xp.divide(equal, xp.sum(equal, axis=-1, keepdims=True))
    return xp.sum(xp.multiply(mean, xp.expand_dims(w, axis=-2)), axis=-1)


def hermitian(xp: Any, x: Any) -> Any:
    """(x + xᴴ) / 2."""
    return xp.multiply(xp.add(x, adjoint(xp, x)), 0.5)


def scaled(xp: Any, vectors: Any, w: Any) -> Any:
    """vectors · diag(w)."""
    return xp.multiply(vectors, xp.expand_dims(w, axis=-2))


def outer(xp: Any, left: Any, right: Any) -> Any:
    """left · rightᴴ."""
    return xp.matmul(left, adjoint(xp, right))


def inner(xp: Any, left: Any, right: Any) -> Any:
    """leftᴴ · right."""
    return xp.matmul(adjoint(xp, left), right)


def inside(xp: Any, left: Any, middle: Any, right: Any) -> Any:
    """leftᴴ · middle · right."""
    return xp.matmul(xp.matmul(adjoint(xp, left), middle), right)


def diagonal(xp: Any, x: Any) -> Any:
    """The diagonals of a stack of matrices."""
    return xp.diagonal(x, axis1=-2, axis2=-1)


def on_diagonal(xp: Any, w: Any) -> Any:
    """A stack of diagonal matrices."""
    return xp.multiply(np.eye(w.shape[-1], dtype=w.dtype), xp.expand_dims(w, axis=-1))


def add(xp: Any, *terms: Any) -> Any:
    """The sum of the terms that are not None, or None."""
    total = None
    for term in terms:
        if term is not None:
            total = term if total is None else xp.add(total, term)
    return total


def beyond(xp: Any, basis: Any, x: Any) -> Any:
    """The part of x that is orthogonal to the columns of ``basis``: (1 − B Bᴴ) x."""
    return xp.subtract(x, xp.matmul(basis, inner(xp, basis, x)))


def cut(xp: Any, x: Any, start: int | None, stop: int | None) -> Any:
    """Some of the columns of x."""
    return xp.getitem(x, (Ellipsis, slice(start, stop)))


def completed(xp: Any, name: str, q: Any, g: Any, k: int) -> tuple[Any, Any]:
    """The first k columns of an orthonormal basis, and their cotangent, with that of the others in it.

    The others are any basis of what is orthogonal to the first: they turn by −Q₁ (Q₂ᴴ dQ₁)ᴴ, and else as they like.
    """
    if q.shape[-1] == k:
        return q, g
    first, rest = cut(xp, q, None, k), cut(xp, q, k, None)
    if g is None:
        return first, None
    own, others = cut(xp, g, None, k), cut(xp, g, k, None)
    zeros = np.zeros(rest.shape[-1], np.empty(0, q.dtype).real.dtype)
    among = inner(xp, rest, others)
    free = xp.gauge_quotient(among, zeros, others, name=name, part="skew", gap="difference", check="basis")
    others = xp.add(others, xp.matmul(rest, free))
    return first, xp.subtract(own, xp.matmul(rest, inner(xp, others, first)))

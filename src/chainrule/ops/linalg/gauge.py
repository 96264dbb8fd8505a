"""The quotients by which vectors of decompositions move. See Note [Gauge] in chainrule/gauge.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import DTypeError, GradientError
from chainrule.gauge import add, middle, resolution
from chainrule.matrices import aligned, floating, floating_dtype
from chainrule.op import ZERO, primitive
from chainrule.spec import Spec, broadcast_shapes

# What is checked where a gap is 0 to rounding. "vanish": that numerators are, "scalar": that they are a multiple of the
# identity, "kink": the same of gradients, "free": that they are, and that phases do not matter, "phase": only this,
# "basis": both, of columns that complete a basis, "mixed": that vectors of equal values have no gradient, "never": that
# no values are equal, "pivot": that none is 0 beside its column in ``size``. What is 0 for any phase and basis has no
# derivative, and is not checked again ("ignore"); where no gap is 0 there is nothing to check ("plain").


def _gaps(values: Any, gap: str) -> Any:
    if gap == "column":
        return values[..., None, :]
    left, right = values[..., :, None], values[..., None, :]
    return right - left if gap == "difference" else right + left


def _numerator(k: Any, part: str) -> Any:
    if part == "all":
        return k
    mirror = np.swapaxes(k, -1, -2).conj()
    return (k + mirror if part == "hermitian" else k - mirror) * k.dtype.type(0.5)


def _gauge_quotient(
    k: Any,
    values: Any,
    size: Any,
    *,
    name: str,
    part: str = "all",
    gap: str = "difference",
    check: str = "vanish",
    padding: int = 0,
) -> Any:
    k, values = floating(k), floating(values)
    shape = np.broadcast_shapes(k.shape, (*values.shape[:-1], 1, values.shape[-1]), (*size.shape[:-2], 1, 1))
    if 0 in shape:
        return np.zeros(shape, np.result_type(k, values))
    numerator, gaps = _numerator(k, part), _gaps(values, gap)
    largest = np.abs(size).max(-2, keepdims=True) if check == "pivot" else np.abs(values).max(-1)[..., None, None]
    small = (np.abs(gaps) <= largest * resolution(values)) & (check != "plain")
    divided = np.where(small, 0 * numerator, numerator / np.where(small, 1, gaps))  # NaN stays what it is
    if padding:
        small[..., middle(shape[-1], padding)] = False
    if check != "ignore" and small.any():
        unit = np.abs(size).max((-2, -1), keepdims=True, initial=0) * np.sqrt(np.finfo(k.dtype).eps)
        _refuse(k, numerator, values, np.broadcast_to(small, shape), unit, name, part, gap, check)
    return np.broadcast_to(divided, shape).astype(np.result_type(k, values), copy=False)


def _refuse(
    k: Any, numerator: Any, values: Any, small: Any, limit: Any, name: str, part: str, gap: str, check: str
) -> None:
    """Raise where what stands over a gap of 0 does not vanish, or where 0/0 cannot be known."""
    if check == "basis":
        if (np.abs(numerator) > limit).any():
            raise _extra(name)
        return
    if check in ("free", "phase", "mixed") and gap == "difference" and k.dtype.kind == "c" and part == "skew":
        phase = np.abs(_diagonal(numerator)) > limit[..., 0]
        if phase.any():
            raise _phase(name, int(np.argwhere(phase)[0][-1]))
    pairs = small & ~np.eye(small.shape[-1], dtype=bool) if gap == "difference" else small
    if check == "phase" or not pairs.any():
        return
    if check in ("never", "pivot"):
        wrong = pairs
    elif check == "mixed":
        used = (k != 0).any(-2)
        wrong = pairs & (used[..., None, :] | used[..., :, None])
    else:
        wrong = pairs & (np.abs(numerator) > limit)
        if check in ("scalar", "kink"):
            level = _diagonal(numerator).real
            wrong |= pairs & (np.abs(level[..., None, :] - level[..., :, None]) > limit)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        one = np.broadcast_to(values[..., None, :], small.shape)[place]
        other = one if gap == "column" else np.broadcast_to(values[..., :, None], small.shape)[place]
        raise _equal(name, other, one, gap, check)


def _diagonal(x: Any) -> Any:
    return np.diagonal(x, axis1=-2, axis2=-1)


def _phase(name: str, i: int) -> GradientError:
    kind = "singular vectors" if name == "svd" else "eigenvector"
    return GradientError(
        f"[{name}] the gradient depends on the phase of {kind} {i}, which is arbitrary: complex vectors are unique "
        f"up to a factor of modulus 1 only; expected a function that no such factor changes; use e.g. abs(v), or v vᴴ."
    )


def _extra(name: str) -> GradientError:
    without = "full_matrices=False" if name == "svd" else "mode='reduced'"
    return GradientError(
        f"[{name}] the gradient depends on the columns that complete a basis, which are arbitrary: any basis of their "
        f"space would do; expected a function of the space alone, such as Q₂ Q₂ᴴ, or of the other columns; leave the "
        f"extra columns out, with {without}."
    )


def _deficient(name: str, value: Any) -> GradientError:
    what = "a diagonal element of R" if name == "qr" else "a pivot"
    return GradientError(
        f"[{name}] {what} is {value:.1g}, zero to rounding: columns are dependent, and the factors have no derivative; "
        f"expected the first columns, as many as there are rows if there are more, to be independent; use svd(x)."
    )


def _equal(name: str, one: Any, other: Any, gap: str, check: str) -> GradientError:
    if name in ("qr", "lu"):
        return _deficient(name, one)
    kind = "singular values" if name in ("svd", "svdvals") else "eigenvalues"
    only = {"eigh": "eigvalsh", "eigvalsh": "eigvalsh", "svd": "svdvals", "svdvals": "svdvals"}.get(name, "eigvals")
    if name == "svdvals":
        one, other = abs(one), abs(other)
    if gap == "difference":
        what = f"{kind} {one:.6g} and {other:.6g} are equal to rounding"
        why = "their vectors may be rotated into one another"
    else:
        what = f"a singular value is {min(one, other, key=abs):.1g}, zero to rounding"
        why = "singular vectors jump there"
    if check == "mixed":
        return GradientError(
            f"[{name}] {what}, and a function of both values and vectors was differentiated: {why}, so the derivative "
            f"cannot be known from one choice of them; expected distinct {kind}, or a function of vectors alone; use "
            f"{only} where only values matter, and matrix functions (expm, sqrtm, pinv) in place of V h(Λ) Vᴴ."
        )
    if check == "kink":
        return GradientError(
            f"[{name}] {what}, with different gradients: this is a kink, as that of the largest of them, and a second "
            f"derivative does not exist; expected distinct {kind}, or a function that is smooth where they meet."
        )
    if check in ("never", "scalar"):
        instead = (
            "use functions of the matrix instead, such as trace and matrix_power"
            if name == "eig"
            else f"for functions of {only}(x) go forward over reverse, jvp(grad(f), (x,), (t,))"
        )
        return GradientError(
            f"[{only}] {what}, and a derivative of a derivative was asked for: {why}, so it cannot be known here; "
            f"expected distinct {kind}; {instead}."
        )
    return GradientError(
        f"[{name}] {what}, and the derivative depends on their vectors beyond the space that they span: {why}; "
        f"expected a function that no such rotation changes, such as the projector V Vᴴ; use {only} where only values "
        f"matter."
    )


_FLIPPED = {"hermitian": "skew", "skew": "hermitian", "all": "all"}
# How derivatives are checked, "vanish" where nothing stands here.
_AFTER = {
    "never": "never",
    "basis": "ignore",
    "phase": "ignore",
    "ignore": "ignore",
    "pivot": "plain",
    "plain": "plain",
}


def _moved(xp: Any, out: Any, values: Any, name: str, gap: str, check: str, padding: int) -> Any:
    """∂out/∂gap, but for its sign."""
    check = "plain" if check in ("pivot", "plain") else "vanish"
    return xp.gauge_quotient(out, values, out, name=name, part="all", gap=gap, check=check, padding=padding)


def _vjp_numerator(
    xp: Any,
    g: Any,
    _out: Any,
    _k: Any,
    values: Any,
    _size: Any,
    *,
    name: str,
    part: str,
    gap: str,
    check: str,
    padding: int,
) -> Any:
    part = _FLIPPED[part] if gap == "difference" else part
    return xp.gauge_quotient(
        g, values, g, name=name, part=part, gap=gap, check=_AFTER.get(check, "vanish"), padding=padding
    )


def _vjp_values(
    xp: Any,
    g: Any,
    out: Any,
    _k: Any,
    values: Any,
    _size: Any,
    *,
    name: str,
    part: str,
    gap: str,
    check: str,
    padding: int,
) -> Any:
    moved = xp.multiply(g, _moved(xp, out, values, name, gap, check, padding))
    right = xp.sum(moved, axis=-2)
    if gap == "column":
        return xp.negative(right)
    left = xp.sum(moved, axis=-1)
    return xp.subtract(left, right) if gap == "difference" else xp.negative(xp.add(left, right))


def _jvp(
    xp: Any,
    tangents: Any,
    out: Any,
    _k: Any,
    values: Any,
    _size: Any,
    *,
    name: str,
    part: str,
    gap: str,
    check: str,
    padding: int,
) -> Any:
    moved, t, _ = tangents
    terms = []
    if moved is not None:
        check = _AFTER.get(check, "vanish")
        terms.append(
            xp.gauge_quotient(moved, values, moved, name=name, part=part, gap=gap, check=check, padding=padding)
        )
    if t is not None:
        right, left = xp.expand_dims(t, axis=-2), xp.expand_dims(t, axis=-1)
        gaps = right if gap == "column" else (xp.subtract if gap == "difference" else xp.add)(right, left)
        terms.append(xp.negative(xp.multiply(_moved(xp, out, values, name, gap, check, padding), gaps)))
    return add(xp, *terms)


def _spec(k: Any, values: Any, size: Any, **_params: Any) -> Spec:
    shapes = [k.shape, (*values.shape[:-1], 1, 1), (*size.shape[:-2], 1, 1)]
    return Spec(broadcast_shapes("gauge_quotient", shapes), floating_dtype(k, values))


def _canonical(_k: Spec, values: Spec, _size: Spec, *, part: str, **params: Any) -> dict[str, Any]:
    if values.dtype.kind == "c" and part != "all":
        raise DTypeError(
            f"[gauge_quotient] values are {values.dtype}; expected real ones with the {part} part of a matrix."
        )
    return {"part": part, **params}


primitive(
    "gauge_quotient",
    value=_gauge_quotient,
    arity=3,
    canonical=_canonical,
    spec=_spec,
    vjp=(_vjp_numerator, _vjp_values, ZERO),
    jvp=_jvp,
    batch=lambda xp, batched, k, values, size, **params: xp.gauge_quotient(
        *aligned(xp, batched, (k, values, size), (2, 1, 2)), **params
    ),
    public=(),
    doc="""A ``part`` of k (all, its hermitian or skew part) divided by gaps of values: differences, sums, or columns.

    Over a gap that is 0 to rounding k must vanish, to the root of its precision times the largest element of ``size``,
    and gives 0; else it is a GradientError. ``check`` is stricter where 0/0 cannot be known: see Note [Gauge].

    >>> from chainrule.ops import ops
    >>> k, values = cr.tensor([[5.0, 3.0], [3.0, 5.0]]), cr.tensor([1.0, 2.0])
    >>> ops.gauge_quotient(k, values, k, name="eigh", part="hermitian")
    tensor([[ 0.,  3.],
            [-3.,  0.]])
    """,
)

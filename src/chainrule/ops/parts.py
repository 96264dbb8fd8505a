"""Conversions of one array into another of the same shape: parts of complex numbers, and dtypes. All are linear."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.dtypes import as_device
from chainrule.errors import DTypeError
from chainrule.op import composite, linear
from chainrule.spec import Spec, as_dtype

# ---------------------------------------------------------- parts of complex numbers; identities on reals


def _part_spec(x: Any) -> Spec:
    return Spec(x.shape, np.empty(0, x.dtype).real.dtype)


def _astype_spec(x: Any, *, dtype: Any) -> Spec:
    return Spec(x.shape, np.dtype(dtype))


def _canonical_astype(_x: Any, dtype: Any) -> dict[str, Any]:
    return {"dtype": as_dtype("astype", dtype)}


linear(
    "conj",
    value=lambda x: np.conj(x),  # the ufunc's own signature has keywords, which are no parameters of the op
    spec=lambda x: Spec(x.shape, np.conj(np.empty(0, x.dtype)).dtype),
    transpose=lambda xp, g, _x: xp.conj(g),
    batch=lambda xp, _batched, x: xp.conj(x),
    method=True,
    numpy=("conj", "conjugate"),
    doc="""x with its imaginary part negated.

    >>> cr.conj(cr.tensor([1 + 2j]))
    tensor([1.-2.j])
    """,
)
linear(
    "real",
    value=np.real,
    spec=_part_spec,
    transpose=lambda xp, g, _x: g,
    batch=lambda xp, _batched, x: xp.real(x),
    doc="""The real part of x.

    >>> cr.real(cr.tensor([1 + 2j]))
    tensor([1.])
    """,
)
linear(
    "imag",
    value=np.imag,
    spec=_part_spec,
    transpose=lambda xp, g, _x: xp.multiply(g, 1j),
    batch=lambda xp, _batched, x: xp.imag(x),
    doc="""The imaginary part of x.

    >>> cr.imag(cr.tensor([1 + 2j]))
    tensor([2.])
    """,
)
linear(
    "astype",
    value=lambda x, dtype: np.asarray(x).astype(dtype, copy=False)[()],
    spec=_astype_spec,
    canonical=_canonical_astype,
    transpose=lambda xp, g, _x, *, dtype: g,
    batch=lambda xp, _batched, x, *, dtype: xp.astype(x, dtype=dtype),
    method=True,
    public=(),
    doc="""x in another dtype; the gradient comes back in x's own.

    >>> cr.astype(cr.tensor([1.5, 2.0]), "float32").dtype
    dtype('float32')
    """,
)


def _cast(xp: Any, x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    # A Tensor's memory changes for nobody, so that it does not matter whether it is copied.
    as_device("astype", device)
    own, wanted = operand_spec("astype", x).dtype, as_dtype("astype", dtype)
    if own.kind == "c" and wanted.kind in "iuf":
        raise DTypeError(
            f"[astype] an operand is {own}, and {wanted} has no place for its imaginary part; expected a complex dtype "
            f"or bool; write astype(real(x), '{wanted}')."
        )
    return xp.astype(x, wanted)


composite(
    "cast",
    _cast,
    public=("astype",),
    doc="""x in another dtype; the gradient comes back in x's own. Complex numbers are not cut off: see ``real``.

    >>> cr.astype(cr.tensor([1.5, 2.0]), "float32").dtype
    dtype('float32')
    """,
)

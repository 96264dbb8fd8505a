"""Ops that turn, shift, frame and pick out of arrays along their axes. All but ``pad`` with a constant are linear."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from chainrule.box import Box, operand_spec
from chainrule.errors import AxisError, DTypeError, ShapeError
from chainrule.op import composite, linear
from chainrule.spec import Shape, Spec, normalize_axes, normalize_axis


@functools.lru_cache
def _backwards(ndim: int, axis: Any) -> tuple[slice, ...]:
    axes = normalize_axes("flip", axis, ndim)
    return tuple(slice(None, None, -1 if i in axes else None) for i in range(ndim))


linear(
    "flip",
    value=lambda x, axis=None: x[_backwards(x.ndim, axis)],
    canonical=lambda x, *, axis: {"axis": normalize_axes("flip", axis, x.ndim)},
    spec=lambda x, *, axis: x,
    transpose=lambda xp, g, _x, *, axis: xp.flip(g, axis=axis),
    batch=lambda xp, _batched, x, *, axis: xp.flip(x, axis=tuple(one + 1 for one in axis)),
    method=True,
    doc="""x in reverse order along ``axis`` (all axes by default).

    >>> cr.flip(cr.tensor([1.0, 2.0, 3.0]))
    tensor([3., 2., 1.])
    """,
)


def _canonical_roll(x: Spec, *, shift: Any, axis: Any) -> dict[str, Any]:
    shifts = _integers("shift", shift)
    axes = (0,) if axis is None else _integers("axis", axis)
    if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
        raise ShapeError(
            f"[roll] {len(shifts)} shifts were given for {len(axes)} axes; expected one shift for each axis; "
            f"make shift {shift!r} and axis {axis!r} equally long."
        )
    if axis is None:
        return {"shift": (sum(shifts),), "axis": None}
    count = max(len(shifts), len(axes))
    total: dict[int, int] = {}
    for by, one in zip(shifts * (count // len(shifts)), axes * (count // len(axes)), strict=True):
        place = normalize_axis("roll", one, x.ndim)
        total[place] = total.get(place, 0) + by
    return {"shift": tuple(total[one] for one in sorted(total)), "axis": tuple(sorted(total))}


def _integers(what: str, given: Any) -> tuple[int, ...]:
    try:
        return tuple(operator.index(n) for n in (given if isinstance(given, (tuple, list)) else (given,)))
    except TypeError:
        raise DTypeError(
            f"[roll] {what} is {given!r}; expected an integer or a tuple of integers; write e.g. 1 or (1, -2)."
        ) from None


def _roll_batch(xp: Any, _batched: Any, x: Any, *, shift: Any, axis: Any) -> Any:
    if axis is not None:
        return xp.roll(x, shift=shift, axis=tuple(one + 1 for one in axis))
    rows = xp.reshape(x, (x.shape[0], Spec(x.shape[1:], None).size))
    return xp.reshape(xp.roll(rows, shift=shift, axis=(1,)), x.shape)


linear(
    "roll",
    value=lambda x, shift, axis=None: np.roll(x, shift, axis),
    canonical=_canonical_roll,
    spec=lambda x, *, shift, axis: x,
    transpose=lambda xp, g, _x, *, shift, axis: xp.roll(g, shift=tuple(-by for by in shift), axis=axis),
    batch=_roll_batch,
    method=True,
    doc="""x shifted along ``axis`` (of the flattened x by default); what falls off one end comes in at the other.

    >>> cr.roll(cr.tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.])
    """,
)

# -------------------------------------------------------------------------------------------------- padding

_MIRRORS = ("edge", "reflect", "symmetric", "wrap")


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        given = {normalize_axis("pad", axis, ndim): width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), (2,)) for axis in range(ndim)] or 0
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2))
    except ValueError:
        widths = np.array(-1)
    if widths.dtype.kind not in "iu" or (widths < 0).any():
        raise ShapeError(
            f"[pad] pad_width is {pad_width!r} for an operand with {ndim} axes; expected integers ≥ 0: one, a pair "
            f"(before, after), or a pair for each axis; write e.g. ((1, 1), (0, 2))."
        )
    return [(int(before), int(after)) for before, after in widths]


def _pad(xp: Any, x: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    spec = operand_spec("pad", x)
    widths = _widths(pad_width, spec.ndim)
    if mode in _MIRRORS:
        return _pad_from_within(xp, x, spec.shape, widths, mode)
    if mode != "constant":
        raise DTypeError(
            f"[pad] mode is {mode!r}; expected one of 'constant', {', '.join(map(repr, _MIRRORS))}; "
            f"concat with what you compute for the border otherwise."
        )
    shape = tuple(before + size + after for size, (before, after) in zip(spec.shape, widths, strict=True))
    inner = tuple(slice(before, before + size) for size, (before, _) in zip(spec.shape, widths, strict=True))
    scalar = operand_spec("pad", constant_values).ndim == 0
    if scalar and not isinstance(constant_values, Box) and constant_values == 0:
        return xp.scatter_add(x, index=inner, shape=shape)
    if scalar:
        frame = xp.broadcast_to(xp.astype(constant_values, dtype=spec.dtype), shape)
    else:
        frame = np.pad(np.zeros(spec.shape, spec.dtype), widths, constant_values=np.asarray(constant_values))
    return xp.put(frame, x, index=inner)


def _pad_from_within(xp: Any, x: Any, shape: Shape, widths: list[tuple[int, int]], mode: Any) -> Any:
    x = xp.reshape(x, shape)
    for axis, (size, width) in enumerate(zip(shape, widths, strict=True)):
        if width == (0, 0):
            continue
        if size == 0:
            raise ShapeError(
                f"[pad] axis {axis} of an operand of shape {shape} is empty, so mode {mode!r} has nothing to pad it "
                f"with; expected at least one element; use mode='constant'."
            )
        x = xp.take(x, np.pad(np.arange(size), width, mode=mode), axis=axis)
    return x


composite(
    "pad",
    _pad,
    doc="""x with ``pad_width`` more elements at the ends: one number, (before, after), or a pair for each axis.

    ``mode`` says which: ``"constant"`` (``constant_values``, also a Tensor), ``"edge"``, ``"reflect"``,
    ``"symmetric"`` or ``"wrap"``, as in NumPy.

    >>> cr.pad(cr.tensor([1.0, 2.0]), (1, 2))
    tensor([0., 1., 2., 0., 0.])
    >>> cr.pad(cr.tensor([1.0, 2.0, 3.0]), 1, mode="reflect")
    tensor([2., 1., 2., 3., 2.])
    """,
)

# ------------------------------------------------------------------------------------ diagonals and triangles


def _canonical_diagonal(x: Spec, *, offset: Any, axis1: Any, axis2: Any) -> dict[str, Any]:
    one, other = _plane("diagonal", x, axis1, axis2)
    return {"offset": operator.index(offset), "axis1": one, "axis2": other}


def _plane(name: str, x: Spec, axis1: Any, axis2: Any) -> tuple[int, int]:
    if x.ndim < 2:
        raise ShapeError(
            f"[{name}] an operand of shape {x.shape} has {x.ndim} axes; expected at least two; "
            f"reshape it, or use diag to build a matrix from its diagonal."
        )
    one, other = normalize_axis(name, axis1, x.ndim), normalize_axis(name, axis2, x.ndim)
    if one == other:
        raise AxisError(
            f"[{name}] axis1 {axis1} and axis2 {axis2} are the same axis; expected two axes; give another axis2."
        )
    return one, other


def _on_diagonal(rows: int, columns: int, offset: int) -> slice:
    """Where a diagonal lies in a matrix whose rows were joined to one."""
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    start = -offset * columns if offset < 0 else offset
    return slice(start, start + count * (columns + 1) - columns, columns + 1) if count else slice(0, 0)


def _embed(xp: Any, g: Any, rows: int, columns: int, offset: int) -> Any:
    """Matrices that are zero but for a diagonal, which is the last axis of g."""
    lead = g.shape[:-1]
    where = (Ellipsis, _on_diagonal(rows, columns, offset))
    return xp.reshape(xp.scatter_add(g, index=where, shape=(*lead, rows * columns)), (*lead, rows, columns))


def _diagonal_spec(x: Spec, *, offset: int, axis1: int, axis2: int) -> Spec:
    where = _on_diagonal(x.shape[axis1], x.shape[axis2], offset)
    count = len(range(where.start, where.stop, where.step or 1))
    return Spec((*(size for axis, size in enumerate(x.shape) if axis not in (axis1, axis2)), count), x.dtype)


def _diagonal_transpose(xp: Any, g: Any, _x: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    full = _embed(xp, g, _x.shape[axis1], _x.shape[axis2], offset)
    order = list(range(len(_x.shape) - 2))
    for place, axis in sorted(((axis1, len(order)), (axis2, len(order) + 1))):
        order.insert(place, axis)
    return xp.permute_dims(full, axes=tuple(order))


linear(
    "diagonal",
    value=lambda x, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2),
    canonical=_canonical_diagonal,
    spec=_diagonal_spec,
    transpose=_diagonal_transpose,
    batch=lambda xp, _batched, x, *, offset, axis1, axis2: xp.diagonal(
        x, offset=offset, axis1=axis1 + 1, axis2=axis2 + 1
    ),
    method=True,
    doc="""The diagonal of x in the plane of two axes, as the last axis; ``offset`` counts to the right of the main one.

    >>> cr.diagonal(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """,
)


def _diag(xp: Any, x: Any, k: int = 0) -> Any:
    spec = operand_spec("diag", x)
    if spec.ndim == 2:
        return xp.diagonal(x, offset=k)
    if spec.ndim != 1:
        raise ShapeError(
            f"[diag] an operand of shape {spec.shape} has {spec.ndim} axes; expected one (a diagonal, to build a "
            f"matrix from) or two (a matrix, to take its diagonal); use diagonal for more."
        )
    size = spec.shape[0] + abs(operator.index(k))
    return _embed(xp, x if hasattr(x, "shape") else np.asarray(x), size, size, k)


composite(
    "diag",
    _diag,
    method=True,
    doc="""Of a vector: the matrix with it as diagonal ``k``; of a matrix: its diagonal ``k``.

    >>> cr.diag(cr.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """,
)


def _trace(xp: Any, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    _plane("trace", operand_spec("trace", x), axis1, axis2)
    return xp.sum(xp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)


composite(
    "trace",
    _trace,
    value=np.trace,
    method=True,
    public=(),  # chainrule.trace is this of a matrix, and the graph of a function: see trace.py
    doc="""Σᵢ xᵢᵢ, the sum of a diagonal of x.

    >>> cr.trace(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """,
)


def _triangle(name: str, value: Any, doc: str) -> None:
    def canonical(x: Spec, *, k: Any) -> dict[str, Any]:
        if x.ndim < 2:
            raise ShapeError(
                f"[{name}] an operand of shape {x.shape} is no matrix; expected at least two axes; reshape it first."
            )
        return {"k": operator.index(k)}

    linear(
        name,
        value=value,
        canonical=canonical,
        spec=lambda x, *, k: x,
        transpose=lambda xp, g, _x, *, k: getattr(xp, name)(g, k=k),
        batch=lambda xp, _batched, x, *, k: getattr(xp, name)(x, k=k),
        method=True,
        doc=doc,
    )


_triangle(
    "tril",
    lambda x, k=0: np.tril(x, k),
    """x with zeros above diagonal ``k`` of its last two axes.

    >>> cr.tril(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 0.],
            [3., 4.]])
    """,
)
_triangle(
    "triu",
    lambda x, k=0: np.triu(x, k),
    """x with zeros below diagonal ``k`` of its last two axes.

    >>> cr.triu(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 2.],
            [0., 4.]])
    """,
)

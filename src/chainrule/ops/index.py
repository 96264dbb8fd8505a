"""Indexing: reading elements, and writing them functionally.

``x[i, :, mask]`` is split into a template and integer arrays (a mask becomes the positions where it holds). The
arrays are operands of the primitive ``gather``; in the template a SLOT stands for each.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.apply import apply, apply_one
from chainrule.box import Box, operand_spec
from chainrule.errors import AxisError, ChainruleError, DomainError, DTypeError, ShapeError, SymbolError
from chainrule.op import composite, linear
from chainrule.spec import Spec, normalize_axis, shape_of


class _Slot:
    def __repr__(self) -> str:
        return "array"


SLOT = _Slot()
Template = tuple[Any, ...]


def _fill(index: Template, arrays: Any) -> Template:
    if not arrays:
        return index
    given = iter(arrays)
    return tuple(next(given) if part is SLOT else part for part in index)


# ---------------------------------------------------------------------------------------------- reading


def _gather(x: Any, *arrays: Any, index: Template) -> Any:
    try:
        return x[_fill(index, arrays)]
    except IndexError as error:
        raise _index_error("getitem", x, index, arrays, error) from None


def _gather_spec(x: Any, *arrays: Any, index: Template, name: str = "getitem") -> Spec:
    # NumPy knows the shape: ask it on arrays that have no memory behind them.
    probe = np.broadcast_to(np.empty((), x.dtype), x.shape)
    zeros = [np.broadcast_to(np.zeros((), np.intp), shape_of(a)) for a in arrays]
    try:
        return Spec(probe[_fill(index, zeros)].shape, x.dtype)
    except IndexError as error:
        raise _index_error(name, x, index, arrays, error) from None


def _positions(xp: Any, shape: Any, arrays: Any, index: Template) -> Any:
    """Where the indexed elements lie in an array of this shape, counted in order."""
    everything = np.arange(_count(shape)).reshape(shape)
    return xp.gather(everything, *arrays, index=index) if arrays else everything[index]


def _batched_positions(xp: Any, size: int, shape: Any, arrays: Any, batched: Any, index: Template) -> Any:
    """The same for each sample when index arrays have a batch axis: its axis comes first."""
    # A boolean in the index is an index array of one axis.
    rank = max(len(a.shape) - is_batched for a, is_batched in zip(arrays, batched, strict=True))
    rank = max(rank, any(isinstance(part, bool) for part in index))
    aligned = []
    for a, is_batched in zip(arrays, batched, strict=True):
        lead, own = ((size,), a.shape[1:]) if is_batched else ((1,), a.shape)
        aligned.append(xp.reshape(a, (*lead, *(1,) * (rank - len(own)), *own)))
    found = xp.gather(np.arange(_count(shape)).reshape(shape), *aligned, index=index)
    # NumPy puts the axes of index arrays where the first stood, or first when a slice parts them, or an empty "...".
    at = 0
    if _stand_together(index):
        index = without_ellipsis(index, len(shape))
        first = next(i for i, part in enumerate(index) if part is SLOT or isinstance(part, int))
        at = sum(part is None or isinstance(part, slice) for part in index[:first])
    axes = list(range(len(found.shape)))
    return xp.permute_dims(found, (at, *axes[:at], *axes[at + 1 :]))


def without_ellipsis(index: Template, ndim: int) -> Template:
    at = next((i for i, part in enumerate(index) if part is Ellipsis), len(index))
    spare = ndim - sum(part is not None and part is not Ellipsis and not isinstance(part, bool) for part in index)
    return (*index[:at], *(slice(None),) * spare, *index[at + 1 :])


def _is_plain_behind(index: Template) -> bool:
    """Whether an index does behind one more axis what it does alone: no axes of index arrays are moved to the front."""
    return not any(isinstance(part, bool) for part in index) and (SLOT not in index or _stand_together(index))


def _stand_together(index: Template) -> bool:
    """Whether no slice parts the index arrays, of which integers are some beside others."""
    advanced = [i for i, part in enumerate(index) if part is SLOT or isinstance(part, int)]
    return advanced[-1] - advanced[0] + 1 == len(advanced)


def _batch_size(batched: tuple[bool, ...], operands: Any) -> int:
    return next(x.shape[0] for x, is_batched in zip(operands, batched, strict=True) if is_batched)


def _flat_index(xp: Any, size: int, shape: Any, arrays: Any, batched: Any, index: Template) -> tuple[Any, Template]:
    """Operands and template that index a batch of flattened arrays, shape (size, n), sample by sample."""
    if any(batched):
        positions = _batched_positions(xp, size, shape, arrays, batched, index)
        rows = np.arange(size).reshape(size, *(1,) * (len(positions.shape) - 1))
        return (rows, positions), (SLOT, SLOT)
    return (_positions(xp, shape, arrays, index),), (slice(None), SLOT)


def _gather_batch(xp: Any, batched: tuple[bool, ...], x: Any, *arrays: Any, index: Template) -> Any:
    if not any(batched[1:]) and _is_plain_behind(index):
        return xp.gather(x, *arrays, index=(slice(None), *index))
    size = _batch_size(batched, (x, *arrays))
    if not batched[0]:
        positions = _batched_positions(xp, size, x.shape, arrays, batched[1:], index)
        return xp.gather(xp.reshape(x, (_count(x.shape),)), positions, index=(SLOT,))
    shape = x.shape[1:]
    where, template = _flat_index(xp, size, shape, arrays, batched[1:], index)
    return xp.gather(xp.reshape(x, (size, _count(shape))), *where, index=template)


def _count(shape: Any) -> int:
    return int(np.prod(shape, dtype=np.int64))


GATHER = linear(
    "gather",
    value=_gather,
    arity=None,
    spec=_gather_spec,
    transpose=lambda xp, g, _x, *arrays, index: xp.scatter_add(g, *arrays, index=index, shape=_x.shape),
    batch=_gather_batch,
    public=(),
    doc="""x[index] with the integer arrays of the index as operands: what ``x[...]`` is made of.

    >>> cr.tensor([1.0, 2.0, 3.0])[[0, 0, 2]]
    tensor([1., 1., 3.])
    """,
)


# ---------------------------------------------------------------------------------------------- writing


def _scatter_add(g: Any, *arrays: Any, index: Template, shape: Any) -> Any:
    out = np.zeros(shape, g.dtype)
    if arrays:
        np.add.at(out, _fill(index, arrays), g)
    else:
        out[index] = g
    return out


def _scatter_add_batch(xp: Any, batched: tuple[bool, ...], g: Any, *arrays: Any, index: Template, shape: Any) -> Any:
    if not any(batched[1:]) and _is_plain_behind(index):
        return xp.scatter_add(g, *arrays, index=(slice(None), *index), shape=(g.shape[0], *shape))
    size = _batch_size(batched, (g, *arrays))
    if not batched[0]:
        g = xp.broadcast_to(g, (size, *g.shape))
    where, template = _flat_index(xp, size, shape, arrays, batched[1:], index)
    flat = xp.scatter_add(g, *where, index=template, shape=(size, _count(shape)))
    return xp.reshape(flat, (size, *shape))


linear(
    "scatter_add",
    value=_scatter_add,
    arity=None,
    spec=lambda g, *_arrays, index, shape: Spec(shape, g.dtype),
    transpose=lambda xp, h, _g, *arrays, index, shape: xp.gather(h, *arrays, index=index),
    batch=_scatter_add_batch,
    doc="""Zeros of the given shape, with g added at the index (all of it where that repeats): the transpose of gather.

    >>> cr.scatter_add(cr.tensor([1.0, 2.0]), index=(slice(1, 3),), shape=(4,))
    tensor([0., 1., 2., 0.])
    """,
)


def _put(x: Any, v: Any, *arrays: Any, index: Template) -> Any:
    out = np.array(x)
    try:
        out[_fill(index, arrays)] = v
    except IndexError as error:
        raise _index_error("setitem", out, index, arrays, error) from None
    return out[()]


def _put_spec(x: Any, v: Any, *arrays: Any, index: Template) -> Spec:
    place = _gather_spec(x, *arrays, index=index, name="setitem").shape
    given = shape_of(v)
    own = given[max(0, len(given) - len(place)) :]
    fits = all(size in (1, room) for size, room in zip(own[::-1], place[::-1], strict=False))
    if not fits or any(size != 1 for size in given[: len(given) - len(own)]):
        raise ShapeError(
            f"[setitem] a value of shape {given} was assigned where the index selects shape {place}; "
            f"expected a shape that broadcasts to it; reshape the value."
        )
    return Spec(x.shape, x.dtype)


def _put_transpose(xp: Any, g: Any, _x: Any, _v: Any, *arrays: Any, index: Template, operand: int) -> Any:
    if operand == 0:
        return xp.put(g, np.zeros((), bool), *arrays, index=index)  # False: nothing flows there
    got = xp.gather(g, *arrays, index=index)
    if arrays:
        # Where an element is written twice the last value stays, and the others have no influence.
        writer = np.arange(1, _count(got.shape) + 1).reshape(got.shape)
        last = xp.gather(xp.put(np.zeros(g.shape, np.int64), writer, *arrays, index=index), *arrays, index=index)
        got = xp.where(xp.equal(last, writer), got, 0)
    extra = len(shape_of(_v)) - len(got.shape)
    return xp.reshape(got, ((1,) * extra + got.shape)) if extra > 0 else got


def _put_batch(xp: Any, batched: tuple[bool, ...], x: Any, v: Any, *arrays: Any, index: Template) -> Any:
    size = _batch_size(batched, (x, v, *arrays))
    shape = x.shape[1:] if batched[0] else x.shape
    x = x if batched[0] else xp.broadcast_to(x, (size, *shape))
    plain = not any(batched[2:]) and _is_plain_behind(index)
    where, template = arrays, (slice(None), *index)
    if not plain:
        where, template = _flat_index(xp, size, shape, arrays, batched[2:], index)
    flat = x if plain else xp.reshape(x, (size, _count(shape)))
    if batched[1]:
        specs = [Spec(shape_of(a), np.dtype(np.intp)) for a in where]
        room = len(_gather_spec(flat, *specs, index=template).shape) - 1
        own = v.shape[1:]
        v = xp.reshape(v, (size, *(1,) * (room - len(own)), *own[max(0, len(own) - room) :]))
    out = xp.put(flat, v, *where, index=template)
    return out if plain else xp.reshape(out, (size, *shape))


linear(
    "put",
    value=_put,
    arity=None,
    spec=_put_spec,
    transpose=_put_transpose,
    batch=_put_batch,
    public=(),
    doc="""x with v written at the index: what ``x[...] = v`` is made of.

    >>> cr.setitem(cr.tensor([1.0, 2.0, 3.0]), 0, 9.0)
    tensor([9., 2., 3.])
    """,
)


# -------------------------------------------------------------------------------- from an index to a template

_BASIC = frozenset({int, slice, type(None), type(Ellipsis)})
_ENDS = frozenset({int, type(None)})


def _split(name: str, x: Any, index: Any) -> tuple[Template, list[Any]]:
    """The template and the integer arrays of an index, as a user may write it."""
    if isinstance(index, Box) and index._value is not None and index.shape and index.dtype.kind in "iu":
        return (SLOT,), [index]
    parts: tuple[Any, ...] = tuple(index) if isinstance(index, tuple) else (index,)
    if all(part.__class__ in _BASIC and (part.__class__ is not slice or _is_plain(part)) for part in parts):
        return parts, []
    shape = operand_spec(name, x).shape
    template: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    used = sum(_axes_used(part) for part in parts)
    for part in parts:
        if part is Ellipsis:
            axis += len(shape) - used
            template.append(part)
        elif part is None:
            template.append(part)
        elif isinstance(part, slice):
            axis += 1
            template.append(part if _is_plain(part) else _plain_slice(name, part))
        else:
            for piece in _index_arrays(name, part, shape, axis):
                if isinstance(piece, Box) or shape_of(piece) != ():
                    template.append(SLOT)
                    arrays.append(piece)
                else:
                    template.append(piece if isinstance(piece, bool) else int(piece))
                axis += not isinstance(piece, bool)
    return tuple(template), arrays


def _is_plain(part: slice) -> bool:
    return part.start.__class__ in _ENDS and part.stop.__class__ in _ENDS and part.step.__class__ in _ENDS


def _plain_slice(name: str, part: slice) -> slice:
    try:
        return slice(*(None if end is None else operator.index(end) for end in (part.start, part.stop, part.step)))
    except TypeError as error:
        if isinstance(error, ChainruleError):
            raise
        raise DTypeError(
            f"[{name}] an index is {part!r}; expected integers or nothing on both sides of the colon; "
            f"convert them with int(i)."
        ) from None


def _axes_used(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, (bool, list)):
        part = _as_array("getitem", part)
    is_mask = hasattr(part, "dtype") and part.dtype.kind == "b"
    return len(part.shape) if is_mask else 1


def _index_arrays(name: str, part: Any, shape: Any, axis: int) -> Any:
    """One part of an index as integer arrays, or integers: several for a mask of several axes."""
    if isinstance(part, Box):
        kind = part.dtype.kind
        if part._value is None:
            if kind == "b":
                raise SymbolError(
                    f"[{name}] the index is a symbolic mask, so the shape of the result would depend on its values; "
                    f"expected a mask with a value; use where(mask, x, 0) instead."
                )
            return [part] if kind in "iu" else _refuse(name, part)
        part = part._value
    array = _as_array(name, part)
    if array.dtype == bool:
        if array.ndim == 0:
            return [bool(array)]
        if array.shape != shape[axis : axis + array.ndim]:
            raise AxisError(
                f"[{name}] a mask of shape {array.shape} was applied to axes of sizes "
                f"{shape[axis : axis + array.ndim]}; "
                f"expected equal shapes; build the mask from the Tensor it selects from."
            )
        return np.nonzero(array)
    return [array[()]] if array.dtype.kind in "iu" else _refuse(name, part)


def _as_array(name: str, part: Any) -> Any:
    try:
        array = np.asarray(part)
    except ValueError:
        return _refuse(name, part)
    if array.dtype == object and hasattr(part, "__index__"):
        array = np.asarray(operator.index(part))
    return array.astype(np.intp) if array.size == 0 and isinstance(part, list) else array


def _refuse(name: str, part: Any) -> Any:
    shown = f"{part.dtype}" if hasattr(part, "dtype") else f"{type(part).__name__} {part!r}"
    raise DTypeError(
        f"[{name}] an index is {shown}; expected integers, slices, None, ..., integer arrays or boolean masks; "
        f"convert it with int(i) or astype('int64')."
    )


def getitem(xp: Any, x: Any, index: Any) -> Any:
    template, arrays = ((index,), []) if index.__class__ is int else _split("getitem", x, index)
    if not isinstance(x, Box):
        return xp.gather(x, *arrays, index=template)
    if arrays:
        return apply(GATHER, (x, *arrays), {"index": template})
    return apply_one(GATHER, x, {"index": template})


def _index_error(name: str, x: Any, template: Template, arrays: Any, error: Exception) -> AxisError:
    return AxisError(
        f"[{name}] index {_shown(template, arrays)} does not fit shape {x.shape}: {str(error).rstrip('.')}; "
        f"expected at most {len(x.shape)} indices, each within its axis; check the shape."
    )


def _shown(template: Template, arrays: Any) -> str:
    parts = []
    for part in _fill(template, arrays):
        if isinstance(part, slice):
            ends = ["" if end is None else str(end) for end in (part.start, part.stop, part.step)]
            parts.append(":".join(ends[: 2 + (part.step is not None)]))
        elif hasattr(part, "shape"):
            known = isinstance(part, np.ndarray) and part.size <= 4
            parts.append(str(part.tolist()) if known else f"array of shape {part.shape}")
        else:
            parts.append("..." if part is Ellipsis else str(part))
    return f"[{', '.join(parts)}]"


composite(
    "getitem",
    getitem,
    doc="""x[index]: integers, slices, None, ..., integer arrays and boolean masks, as in NumPy.

    >>> cr.getitem(cr.tensor([[1.0, 2.0], [3.0, 4.0]]), (slice(None), 1))
    tensor([2., 4.])
    """,
)


_RANKS = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}


def _masks(x: Any, index: Any, value: Any) -> bool:
    """Whether an index is a mask whose values are not known yet, and the same is written wherever it holds."""
    if not isinstance(index, Box) or index._value is not None or index.dtype.kind != "b":
        return False
    rank, shape = len(index.shape), operand_spec("setitem", x).shape
    given = np.shape(value) if not hasattr(value, "shape") else tuple(value.shape)
    rest = shape[rank:]
    if not rank or tuple(index.shape) != shape[:rank] or len(given) > len(rest):
        return False
    return all(n in (1, size) for n, size in zip(reversed(given), reversed(rest), strict=False))


def _setitem(xp: Any, x: Any, index: Any, value: Any) -> Any:
    masks = _masks(x, index, value)
    template, arrays = (..., ()) if masks else _split("setitem", x, index)
    given, own = operand_spec("setitem", value).dtype, operand_spec("setitem", x).dtype
    if _RANKS[given.kind] > _RANKS[own.kind]:
        raise DTypeError(
            f"[setitem] a {given} value was assigned into a Tensor of {own}, which would cut it off; "
            f"expected a value that casts to {own}; convert the Tensor with astype('{given}') first."
        )
    value = value if hasattr(value, "dtype") else np.asarray(value, own)
    if masks:
        spread = xp.reshape(index, (*index.shape, *(1,) * (len(x.shape) - len(index.shape))))
        return xp.where(spread, xp.astype(value, own), x)
    return xp.put(x, value, *arrays, index=template)


composite(
    "setitem",
    _setitem,
    doc="""x with ``value`` written at the index, as a new Tensor; ``x[index] = value`` rebinds x to it.

    >>> cr.setitem(cr.tensor([1.0, 2.0, 3.0]), slice(0, 2), 0.0)
    tensor([0., 0., 3.])
    """,
)


def _brought_in(xp: Any, indices: Any, size: int, mode: str) -> Any:
    """Indices beyond the ends, counted around ('wrap') or moved to the nearest end ('clip')."""
    if mode == "wrap":
        return xp.remainder(indices, max(size, 1))
    if mode == "clip":
        return xp.clip(indices, 0, max(size - 1, 0))
    raise DomainError(f"[take] mode is {mode!r}; expected 'raise', 'wrap' or 'clip'; leave it out for 'raise'.")


def _numpys_take(x: Any, indices: Any, axis: int | None = None, mode: Any = "raise") -> Any:
    return np.take(x, indices, axis, mode=mode)


def _take(xp: Any, x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    if operand_spec("take", indices).dtype.kind == "b":
        indices = xp.astype(indices, dtype="int64")  # numbers here, no mask
    if mode != "raise":
        spec = operand_spec("take", x)
        size = spec.size if axis is None else spec.shape[normalize_axis("take", axis, spec.ndim)]
        indices = _brought_in(xp, indices, size, mode)
    if axis is None:
        return xp.getitem(xp.reshape(x, (-1,)), (indices,))
    place = normalize_axis("take", axis, operand_spec("take", x).ndim)
    return xp.getitem(x, (*(slice(None),) * place, indices))


composite(
    "take",
    _take,
    value=_numpys_take,
    method=True,
    doc="""The elements of x at integer ``indices`` along ``axis`` (of the flattened x by default).

    Indices out of range are an error, or with ``mode`` 'wrap' counted around, with 'clip' moved to the nearest end.

    >>> cr.take(cr.tensor([1.0, 2.0, 3.0]), cr.tensor([2, 0]))
    tensor([3., 1.])
    """,
)

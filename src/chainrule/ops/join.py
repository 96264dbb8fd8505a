"""Joining arrays along an axis, cutting them apart, repeating and padding them. All are linear."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, DTypeError, ShapeError
from chainrule.op import composite, linear
from chainrule.spec import Shape, Spec, normalize_axis, shape_of


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes ``part`` of one axis and all of the others."""
    return (*(slice(None),) * axis, part)


def _dtype(operands: Any) -> np.dtype[Any]:
    # A Python number does not yield here: joining makes an array of it first.
    return np.result_type(*(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype for x in operands))


def _at_least_one(name: str, operands: Any) -> None:
    if not operands:
        raise ShapeError(f"[{name}] the sequence of operands is empty; expected at least one; give a Tensor to join.")


# -------------------------------------------------------------------------------------------------- joining


def _canonical_concat(*operands: Spec, axis: Any) -> dict[str, Any]:
    _at_least_one("concat", operands)
    if axis is None:
        return {"axis": None}
    first = operands[0].shape
    if not first:
        raise ShapeError(
            "[concat] operand 0 is 0-d and has no axis to be joined along; expected at least one axis; "
            "use stack, or axis=None."
        )
    place = normalize_axis("concat", axis, len(first))
    for i, x in enumerate(operands):
        if (*x.shape[:place], *x.shape[place + 1 :]) != (*first[:place], *first[place + 1 :]) or x.ndim != len(first):
            raise ShapeError(
                f"[concat] operand {i} has shape {x.shape} and operand 0 {first}; expected equal shapes except along "
                f"axis {place}; reshape or broadcast one of them, or choose another axis."
            )
    return {"axis": place}


def _concat_spec(*operands: Any, axis: Any) -> Spec:
    if axis is None:
        return Spec((sum(Spec(shape_of(x), None).size for x in operands),), _dtype(operands))
    shape = operands[0].shape
    total = sum(x.shape[axis] for x in operands)
    return Spec((*shape[:axis], total, *shape[axis + 1 :]), _dtype(operands))


def _concat_transpose(xp: Any, g: Any, *_operands: Any, axis: Any, operand: int) -> Any:
    sizes = [Spec(shape_of(x), None).size if axis is None else x.shape[axis] for x in _operands[: operand + 1]]
    end = sum(sizes)
    part = xp.gather(g, index=_along(axis or 0, slice(end - sizes[-1], end)))
    return xp.reshape(part, shape_of(_operands[operand])) if axis is None else part


def _spread(xp: Any, batched: tuple[bool, ...], operands: Any) -> list[Any]:
    """Every operand with the batch axis, also those that are the same for each sample."""
    size = next(x.shape[0] for x, is_batched in zip(operands, batched, strict=True) if is_batched)
    return [
        x if is_batched else xp.broadcast_to(x, (size, *shape_of(x)))
        for x, is_batched in zip(operands, batched, strict=True)
    ]


def _concat_batch(xp: Any, batched: tuple[bool, ...], *operands: Any, axis: Any) -> Any:
    spread = _spread(xp, batched, operands)
    if axis is None:
        spread = [xp.reshape(x, (x.shape[0], Spec(x.shape[1:], None).size)) for x in spread]
    return xp.concat(spread, axis=1 if axis is None else axis + 1)


linear(
    "concat",
    value=lambda *operands, axis=0: np.concatenate(operands, axis),
    arity=None,
    sequence=True,
    canonical=_canonical_concat,
    spec=_concat_spec,
    transpose=_concat_transpose,
    batch=_concat_batch,
    numpy=("concat", "concatenate"),
    doc="""The operands one after the other along ``axis``; with ``axis=None`` all their elements in one row.

    >>> cr.concat([cr.tensor([1.0, 2.0]), cr.tensor([3.0])])
    tensor([1., 2., 3.])
    """,
)


def _canonical_stack(*operands: Spec, axis: Any) -> dict[str, Any]:
    _at_least_one("stack", operands)
    first = operands[0].shape
    for i, x in enumerate(operands):
        if x.shape != first:
            raise ShapeError(
                f"[stack] operand {i} has shape {x.shape} and operand 0 {first}; expected equal shapes; "
                f"broadcast one of them, or use concat to join along an axis they have."
            )
    return {"axis": normalize_axis("stack", axis, len(first) + 1)}


def _stack_spec(*operands: Any, axis: int) -> Spec:
    shape = shape_of(operands[0])
    return Spec((*shape[:axis], len(operands), *shape[axis:]), _dtype(operands))


linear(
    "stack",
    value=lambda *operands, axis=0: np.stack(operands, axis),
    arity=None,
    sequence=True,
    canonical=_canonical_stack,
    spec=_stack_spec,
    transpose=lambda xp, g, *_operands, axis, operand: xp.gather(g, index=_along(axis, operand)),
    batch=lambda xp, batched, *operands, axis: xp.stack(_spread(xp, batched, operands), axis=axis + 1),
    doc="""The operands, of equal shape, side by side along a new ``axis`` of the result.

    >>> cr.stack([cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])], axis=1)
    tensor([[1., 3.],
            [2., 4.]])
    """,
)


def _joined(name: str, axis: int, padded_shape: Any) -> Any:
    """hstack and its relatives: operands padded with axes of size 1, then joined along ``axis``."""

    def body(xp: Any, tup: Any) -> Any:
        operands = list(tup)
        _at_least_one(name, operands)
        padded = [xp.reshape(x, padded_shape(operand_spec(name, x).shape)) for x in operands]
        return xp.concat(padded, axis=min(axis, len(padded[0].shape) - 1))

    return body


def _with_depth(shape: Shape) -> Shape:
    return shape if len(shape) > 2 else (*(1,) * (2 - len(shape)), *shape, 1)


composite(
    "hstack",
    _joined("hstack", 1, lambda shape: shape or (1,)),
    doc="""The operands joined along axis 1; vectors along axis 0.

    >>> cr.hstack([cr.tensor([1.0, 2.0]), 3.0])
    tensor([1., 2., 3.])
    """,
)
composite(
    "vstack",
    _joined("vstack", 0, lambda shape: (*(1,) * (2 - len(shape)), *shape)),
    doc="""The operands joined along axis 0; vectors become rows.

    >>> cr.vstack([cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])])
    tensor([[1., 2.],
            [3., 4.]])
    """,
)
composite(
    "dstack",
    _joined("dstack", 2, _with_depth),
    doc="""The operands joined along axis 2; matrices get that axis, vectors become (1, n, 1).

    >>> cr.dstack([cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])])
    tensor([[[1., 3.],
             [2., 4.]]])
    """,
)

# -------------------------------------------------------------------------------------------------- cutting


def _split(xp: Any, x: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    shape = operand_spec("split", x).shape
    axis = normalize_axis("split", axis, len(shape))
    size = shape[axis]
    if isinstance(indices_or_sections, (tuple, list, np.ndarray)):
        cuts = [operator.index(cut) for cut in indices_or_sections]
    else:
        sections = operator.index(indices_or_sections)
        if sections < 1 or size % sections:
            raise ShapeError(
                f"[split] axis {axis} has size {size}, which is not divided into {sections} equal sections; expected a "
                f"divisor of {size}; give the indices to cut at instead, e.g. [2, 5]."
            )
        cuts = [size // sections * i for i in range(1, sections)]
    ends = zip([0, *cuts], [*cuts, None], strict=True)
    return [xp.gather(x, index=_along(axis, slice(start, end))) for start, end in ends]


composite(
    "split",
    _split,
    doc="""x cut along ``axis``: into so many equal sections, or before each of the given indices.

    >>> cr.split(cr.tensor([1.0, 2.0, 3.0]), [1])
    [tensor([1.]), tensor([2., 3.])]
    """,
)


def _unstack(xp: Any, x: Any, axis: Any = 0) -> tuple[Any, ...]:
    shape = operand_spec("unstack", x).shape
    axis = normalize_axis("unstack", axis, len(shape))
    return tuple(xp.gather(x, index=_along(axis, i)) for i in range(shape[axis]))


composite(
    "unstack",
    _unstack,
    doc="""The slices of x along ``axis``, without that axis.

    >>> cr.unstack(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    (tensor([1., 2.]), tensor([3., 4.]))
    """,
)

# ------------------------------------------------------------------------------------------------ repeating


def _meshgrid(xp: Any, *arrays: Any, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise DomainError(f"[meshgrid] indexing is {indexing!r}; expected 'xy' or 'ij'; choose one of them.")
    shapes = [operand_spec("meshgrid", x).shape for x in arrays]
    for i, shape in enumerate(shapes):
        if len(shape) > 1:
            raise ShapeError(
                f"[meshgrid] operand {i} has shape {shape}; expected coordinates along one axis; flatten it first."
            )
    order = list(range(len(arrays)))
    if indexing == "xy":
        order[:2] = order[1::-1]
    sizes = [Spec(shape, None).size for shape in shapes]
    full = tuple(sizes[place] for place in order)
    return tuple(
        xp.broadcast_to(xp.reshape(x, tuple(sizes[i] if place == i else 1 for place in order)), full)
        for i, x in enumerate(arrays)
    )


composite(
    "meshgrid",
    _meshgrid,
    doc="""The coordinates of the grid that vectors span: one array each, constant along the others' axes.

    With ``indexing="xy"`` the first two axes of the results are exchanged: rows follow the second vector.

    >>> cr.meshgrid(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0]))[0]
    tensor([[1., 2.],
            [1., 2.]])
    """,
)


def _blocks(xp: Any, x: Any, inner: Shape, repeated: Shape, shape: Shape) -> Any:
    """x seen with axes of size 1 (``inner``), those repeated, and the axes then merged to ``shape``."""
    return xp.reshape(xp.broadcast_to(xp.reshape(x, inner), repeated), shape)


def _tile(xp: Any, x: Any, reps: Any) -> Any:
    own = operand_spec("tile", x).shape
    counts = _counts("tile", reps)
    rank = max(len(own), len(counts))
    shape, counts = (1,) * (rank - len(own)) + own, (1,) * (rank - len(counts)) + counts
    inner = tuple(size for pair in zip((1,) * rank, shape, strict=True) for size in pair)
    repeated = tuple(size for pair in zip(counts, shape, strict=True) for size in pair)
    return _blocks(xp, x, inner, repeated, tuple(n * size for n, size in zip(counts, shape, strict=True)))


def _counts(name: str, given: Any) -> Shape:
    try:
        counts = tuple(operator.index(n) for n in (given if np.ndim(given) else (given,)))
    except TypeError:
        raise DTypeError(
            f"[{name}] the number of repeats is {given!r}; expected an integer or a sequence of integers; "
            f"write e.g. 2 or (2, 3)."
        ) from None
    if any(n < 0 for n in counts):
        raise ShapeError(f"[{name}] the number of repeats is {given!r}; expected 0 or more; check its sign.")
    return counts


composite(
    "tile",
    _tile,
    value=lambda x, reps: np.tile(x, _counts("tile", reps)),
    doc="""x repeated as a whole, ``reps`` times along each axis.

    >>> cr.tile(cr.tensor([1.0, 2.0]), 2)
    tensor([1., 2., 1., 2.])
    """,
)


def _repeat(xp: Any, x: Any, repeats: Any, axis: Any = None) -> Any:
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    shape = operand_spec("repeat", x).shape
    axis = normalize_axis("repeat", axis, len(shape))
    counts, size = _counts("repeat", repeats), shape[axis]
    if len(counts) == 1:
        (count,) = counts
        lead, tail = shape[: axis + 1], shape[axis + 1 :]
        merged = (*shape[:axis], size * count, *tail)
        return _blocks(xp, x, (*lead, 1, *tail), (*lead, count, *tail), merged)
    if len(counts) != size:
        raise ShapeError(
            f"[repeat] {len(counts)} repeats were given for axis {axis} of size {size}; expected one number, or one "
            f"for each element; change the repeats."
        )
    return xp.take(x, np.repeat(np.arange(size), counts), axis=axis)


composite(
    "repeat",
    _repeat,
    value=lambda x, repeats, axis=None: np.repeat(x, _counts("repeat", repeats), axis),
    method=True,
    doc="""Each element of x repeated along ``axis`` (of the flattened x by default): as often as ``repeats`` says.

    >>> cr.repeat(cr.tensor([1.0, 2.0]), [1, 2])
    tensor([1., 2., 2.])
    """,
)

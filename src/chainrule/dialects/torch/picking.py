"""Functions that pick elements, or put them, by their positions: in PyTorch's spelling."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.dialects.torch.errors import RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.dialects.torch.reductions import along
from chainrule.dialects.torch.shapes import expand, slice_along
from chainrule.ops import ops
from chainrule.spec import normalize_axis


def _positions(index: Any) -> Any:
    return index._value if isinstance(index, Box) else index


def select(input: Any, dim: int, index: int) -> Any:
    """One slice along a dim."""
    return ops.getitem(input, (slice(None),) * normalize_axis("select", dim, input.ndim) + (operator.index(index),))


def narrow(input: Any, dim: int, start: int, length: int) -> Any:
    """``length`` slices along a dim, from ``start``."""
    axis = normalize_axis("narrow", dim, input.ndim)
    first = operator.index(start)
    first += input.shape[axis] if first < 0 else 0
    if first + length > input.shape[axis]:
        raise refusal(
            RuntimeShapeError, f"start ({first}) + length ({length}) exceeds dimension size ({input.shape[axis]})."
        )
    return spell("SliceBackward0", slice_along(input, axis, first, first + length), input)


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices at given positions along a dim."""
    axis = normalize_axis("index_select", dim, input.ndim)
    result = ops.getitem(input, (slice(None),) * axis + (_positions(index),))
    return spell("IndexSelectBackward0", result, input)


def gather(input: Any, dim: int, index: Any) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on."""
    return spell("GatherBackward0", along(input, dim, np.asarray(_positions(index))), input)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """As :func:`gather`, with broadcasting; without a dim, of the flattened Tensor."""
    positions = np.asarray(_positions(indices))
    if dim is None:
        return gather(ops.reshape(input, (-1,)), 0, positions.reshape(-1))
    axis = normalize_axis("take_along_dim", dim, input.ndim)
    shape = tuple(input.shape)
    full = np.broadcast_shapes(positions.shape, (*shape[:axis], 1, *shape[axis + 1 :]))
    return gather(expand(input, (*full[:axis], -1, *full[axis + 1 :])), axis, np.broadcast_to(positions, full))


def take(input: Any, index: Any) -> Any:
    """The elements at given positions of the flattened Tensor."""
    return spell("TakeBackward0", ops.getitem(ops.reshape(input, (-1,)), _positions(index)), input)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where the mask holds, in one dim."""
    full = np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    chosen = ops.getitem(ops.broadcast_to(input, full), np.broadcast_to(mask._value, full))
    return spell("MaskedSelectBackward0", chosen, input)


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Any:
    """Every element so many times in a row."""
    counts = np.asarray(repeats._value) if isinstance(repeats, Box) else repeats
    flat = ops.reshape(input, (-1,)) if dim is None else input
    axis = normalize_axis("repeat_interleave", 0 if dim is None else dim, flat.ndim)
    result = index_select(flat, axis, np.repeat(np.arange(flat.shape[axis]), counts))
    return result if isinstance(repeats, Box) else spell("ViewBackward0", result, input)


def scatter(input: Any, dim: int, index: Any, src: Any) -> Any:
    """input with out[index[i][j]][j] = src[i][j] for dim 0, and so on."""
    positions = np.asarray(_positions(index))
    axis = normalize_axis("scatter", dim, input.ndim)
    grid = np.ogrid[tuple(map(slice, positions.shape))]
    place = tuple(positions if i == axis else grid[i] for i in range(positions.ndim))
    chosen = ops.getitem(src, tuple(map(slice, positions.shape))) if isinstance(src, Box) else src
    return spell("ScatterBackward0", ops.setitem(input, place, chosen), input, src)


def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """All windows of the given size along a dim, ``step`` apart, in a new last dim."""
    axis = normalize_axis("unfold", dimension, input.ndim)
    whole = input.shape[axis]
    if size > whole:
        raise refusal(RuntimeShapeError, f"maximum size for tensor at dimension {axis} is {whole} but size is {size}")
    windows = np.arange(0, whole - size + 1, step)[:, None] + np.arange(size)
    picked = ops.getitem(input, (slice(None),) * axis + (windows,))
    return spell("UnfoldBackward0", ops.moveaxis(picked, axis + 1, -1), input)


def bucketize(input: Any, boundaries: Any, *, right: bool = False) -> Any:
    """Between which of the sorted boundaries each element lies."""
    found = np.searchsorted(boundaries._value, input._value, "right" if right else "left")
    return box(type(input), np.asarray(found)[()], None)


FUNCTIONS = {f.__name__: f for f in (
    select, narrow, index_select, gather, take_along_dim, take, masked_select, repeat_interleave, scatter, bucketize,
)}  # fmt: skip
# What is a method only.
METHODS = {"unfold": unfold}

"""Functions that move elements, in PyTorch's spelling."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.box import box
from chainrule.dialects.torch.errors import RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.dialects.torch.reductions import with_numpy_names
from chainrule.ops import ops
from chainrule.spec import normalize_axis


def _many(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes or dims given one by one, or as one sequence."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        return tuple(given[0])
    return given


def reshape(input: Any, *shape: Any) -> Any:
    """The elements in another shape; one size may be -1."""
    result = _reshape(input, _many(shape))
    value = input._value
    if input._node is not None and value is not None and not value.flags.c_contiguous:
        copied = not np.may_share_memory(value, result._value)
        return spell("UnsafeViewBackward0", result, input) if copied else result
    return result


def _reshape(input: Any, wanted: tuple[Any, ...]) -> Any:
    known = math.prod(size for size in wanted if size != -1)
    count = math.prod(input.shape)
    if (wanted.count(-1) == 1 and known and count % known) or (-1 not in wanted and known != count):
        raise refusal(RuntimeShapeError, f"shape '{list(wanted)}' is invalid for input of size {count}")
    return ops.reshape(input, wanted)


def view(input: Any, *shape: Any) -> Any:
    """The elements in another shape (or, given one dtype, the same Tensor if that is its own)."""
    return reshape(input, *shape)


def view_as(input: Any, other: Any) -> Any:
    """The elements in the shape of ``other``."""
    return reshape(input, tuple(other.shape))


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dims from ``start_dim`` to ``end_dim`` made one."""
    shape = tuple(input.shape)
    if not shape:
        return reshape(input, (1,))
    first = normalize_axis("flatten", start_dim, len(shape))
    last = normalize_axis("flatten", end_dim, len(shape))
    if first == last:
        return input
    if first > last:
        raise refusal(RuntimeShapeError, "flatten() has invalid args: start_dim cannot come after end_dim")
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def ravel(input: Any) -> Any:
    """All elements in one dim."""
    return reshape(input, (-1,))


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """One dim made several."""
    axis = normalize_axis("unflatten", dim, input.ndim)
    shape = tuple(input.shape)
    return reshape(input, (*shape[:axis], *sizes, *shape[axis + 1 :]))


def permute(input: Any, *dims: Any) -> Any:
    """The dims in another order."""
    wanted = _many(dims)
    if len(wanted) != input.ndim:
        raise refusal(
            RuntimeShapeError,
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(wanted)}",
        )
    return ops.permute_dims(input, wanted)


def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Two dims exchanged."""
    axes = list(range(input.ndim))
    one, other = (normalize_axis("transpose", dim, len(axes)) for dim in (dim0, dim1))
    axes[one], axes[other] = axes[other], axes[one]
    return spell("TransposeBackward0", ops.permute_dims(input, tuple(axes)), input)


def t(input: Any) -> Any:
    """A matrix transposed; a vector or a number as it is."""
    if input.ndim > 2:
        raise refusal(RuntimeShapeError, f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return spell("TBackward0", ops.permute_dims(input, tuple(range(input.ndim))[::-1]), input)


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Dims moved to other places, the rest in order."""
    rank = input.ndim
    sources = [normalize_axis("movedim", d, rank) for d in (source if isinstance(source, (tuple, list)) else [source])]
    given = destination if isinstance(destination, (tuple, list)) else [destination]
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip([normalize_axis("movedim", d, rank) for d in given], sources, strict=True)):
        order.insert(place, axis)
    return ops.permute_dims(input, tuple(order))


def unsqueeze(input: Any, dim: int) -> Any:
    """A dim of size 1 put in."""
    return spell("UnsqueezeBackward0", ops.expand_dims(input, axis=dim), input)


def squeeze(input: Any, dim: Any = None) -> Any:
    """The dims of size 1 (those among ``dim``) taken out."""
    shape = tuple(input.shape)
    if dim is None:
        axes = [axis for axis, size in enumerate(shape) if size == 1]
    else:
        given = dim if isinstance(dim, (tuple, list)) else (dim,)
        axes = [axis for axis in (normalize_axis("squeeze", d, max(len(shape), 1)) for d in given) if shape]
    left = tuple(size for axis, size in enumerate(shape) if axis not in axes or size != 1)
    name = "SqueezeBackward0" if dim is None else "SqueezeBackward2" if isinstance(dim, (tuple, list)) else None
    return spell(name or "SqueezeBackward1", ops.reshape(input, left), input)


def expand(input: Any, *sizes: Any) -> Any:
    """Dims of size 1, and new ones in front, stretched; -1 leaves a dim as it is."""
    wanted = _many(sizes)
    shape = tuple(input.shape)
    lead = len(wanted) - len(shape)
    full = tuple(shape[i - lead] if size == -1 and i >= lead else operator.index(size) for i, size in enumerate(wanted))
    for i, size in enumerate(shape):
        if lead >= 0 and size not in (1, full[lead + i]):
            raise refusal(
                RuntimeShapeError,
                f"The expanded size of the tensor ({full[lead + i]}) must match the existing size ({size}) at "
                f"non-singleton dimension {lead + i}.  Target sizes: {list(full)}.  Tensor sizes: {list(shape)}",
            )
    return spell("ExpandBackward0", ops.broadcast_to(input, full), input)


def expand_as(input: Any, other: Any) -> Any:
    """Stretched to the shape of ``other``."""
    return expand(input, tuple(other.shape))


def broadcast_to(input: Any, size: Any) -> Any:
    """Stretched to the given shape."""
    return expand(input, tuple(size))


def repeat(input: Any, *sizes: Any) -> Any:
    """The whole, so many times along each dim, counted from the last."""
    wanted = tuple(map(operator.index, _many(sizes)))
    if len(wanted) < input.ndim:
        raise refusal(
            RuntimeShapeError,
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
        )
    return spell("RepeatBackward0", ops.tile(input, wanted), input)


def tile(input: Any, *dims: Any) -> Any:
    """The whole, so many times along each dim; dims that are not given count once."""
    wanted = tuple(map(operator.index, _many(dims)))
    return repeat(input, (1,) * (input.ndim - len(wanted)) + wanted)


# ------------------------------------------------------------------------------------- joining and splitting


def _tensors(tensors: Any, empty: str) -> list[Any]:
    found = list(tensors)
    if not found:
        raise refusal(RuntimeShapeError, empty)
    return found


def cat(tensors: Any, dim: int = 0) -> Any:
    """Tensors joined along a dim they have."""
    found = _tensors(tensors, "torch.cat(): expected a non-empty list of Tensors")
    ranks = [x.ndim for x in found if tuple(x.shape) != (0,)]
    if any(rank != ranks[0] for rank in ranks):
        other = next(rank for rank in ranks if rank != ranks[0])
        raise refusal(RuntimeShapeError, f"Tensors must have same number of dimensions: got {ranks[0]} and {other}")
    # An empty vector joins anything, by an old custom.
    joined = [x for x in found if tuple(x.shape) != (0,) or ranks[:1] == [1]] or found
    return spell("CatBackward0", ops.concat(joined, axis=dim), *found)


def stack(tensors: Any, dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dim."""
    found = _tensors(tensors, "stack expects a non-empty TensorList")
    for i, x in enumerate(found):
        if x.shape != found[0].shape:
            raise refusal(
                RuntimeShapeError,
                f"stack expects each tensor to be equal size, but got {list(found[0].shape)} at entry 0 and "
                f"{list(x.shape)} at entry {i}",
            )
    return spell("StackBackward0", ops.stack(found, axis=dim), *found)


def hstack(tensors: Any) -> Any:
    """Joined along the second dim, vectors along their own."""
    found = [atleast_1d(x) for x in tensors]
    return cat(found, 0 if found and found[0].ndim == 1 else 1)


def vstack(tensors: Any) -> Any:
    """Joined along the first dim; vectors count as rows."""
    return cat([atleast_2d(x) for x in tensors], 0)


def column_stack(tensors: Any) -> Any:
    """Joined along the second dim; vectors count as columns."""
    return cat([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in tensors], 1)


def atleast_1d(input: Any) -> Any:
    """A number as a vector; anything else as it is."""
    return input if input.ndim else reshape(input, (1,))


def atleast_2d(input: Any) -> Any:
    """Numbers and vectors as matrices of one row."""
    if input.ndim > 1:
        return input
    return unsqueeze(atleast_1d(input), 0)


def slice_along(input: Any, axis: int, start: int, stop: int) -> Any:
    """The slices from ``start`` to below ``stop`` along an axis."""
    return ops.getitem(input, (slice(None),) * axis + (slice(start, stop),))


def _pieces(name: str, input: Any, axis: int, ends: Sequence[int]) -> tuple[Any, ...]:
    starts = (0, *ends[:-1])
    return tuple(spell(name, slice_along(input, axis, a, b), input) for a, b in zip(starts, ends, strict=True))


def split(input: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of a given size (the last may be smaller), or of given sizes."""
    axis = normalize_axis("split", dim, input.ndim)
    whole = input.shape[axis]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 1 and (whole or size < 0):
            raise refusal(RuntimeShapeError, f"split expects split_size be non-negative, but got split_size={size}")
        ends = [*range(size, whole, size), whole] if size else [whole]
        return _pieces("SplitBackward0", input, axis, ends)
    sections = list(split_size_or_sections)
    if sum(sections) != whole:
        raise refusal(
            RuntimeShapeError,
            f"split_with_sizes expects split_sizes to sum exactly to {whole} (input tensor's size at dimension "
            f"{axis}), but got split_sizes={sections}",
        )
    return _pieces("SplitWithSizesBackward0", input, axis, np.cumsum(sections).tolist())


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most so many pieces of equal size."""
    whole = input.shape[normalize_axis("chunk", dim, input.ndim)]
    return split(input, max(-(-whole // chunks), 1), dim)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """So many pieces of nearly equal size, or pieces cut at given places."""
    axis = normalize_axis("tensor_split", dim, input.ndim)
    whole = input.shape[axis]
    if isinstance(indices_or_sections, int):
        small, larger = divmod(whole, indices_or_sections)
        ends = np.cumsum([small + (i < larger) for i in range(indices_or_sections)]).tolist()
    else:
        ends = [*indices_or_sections, whole]
    return _pieces("SliceBackward0", input, axis, ends)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Pieces along the first dim."""
    return tensor_split(input, indices_or_sections, 0)


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Pieces along the second dim, of a vector along its own."""
    return tensor_split(input, indices_or_sections, 0 if input.ndim == 1 else 1)


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along a dim, without it."""
    axis = normalize_axis("unbind", dim, input.ndim)
    lead = (slice(None),) * axis
    return tuple(spell("UnbindBackward0", ops.getitem(input, (*lead, i)), input) for i in range(input.shape[axis]))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Each of some vectors stretched over the grid that they span."""
    found = list(_many(tensors))
    shape = tuple(math.prod(x.shape) for x in found)
    rank = len(shape)
    grids = [expand(ops.reshape(x, (1,) * i + (-1,) + (1,) * (rank - 1 - i)), shape) for i, x in enumerate(found)]
    return tuple(transpose(grid, 0, 1) if indexing == "xy" and rank > 1 else grid for grid in grids)


def cartesian_prod(*tensors: Any) -> Any:
    """All tuples of elements of the given vectors, one a row."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([ops.reshape(grid, (-1,)) for grid in meshgrid(*tensors)], 1)


# ---------------------------------------------------------------------------------------- flips and triangles


def flip(input: Any, *dims: Any) -> Any:
    """The order along the given dims reversed."""
    return spell("FlipBackward0", ops.flip(input, axis=_many(dims)), input)


def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """The elements moved round along the given dims (without any, those of the flattened Tensor)."""
    return spell("RollBackward0", ops.roll(input, shifts, axis=dims), input)


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """Turned ``k`` times by 90 degrees, from the first of two dims toward the second."""
    one, other = dims
    turned = input
    for _ in range(k % 4):
        turned = transpose(ops.flip(turned, axis=(other,)), one, other)
    return spell("Rot90Backward0", turned, input)


def tril(input: Any, diagonal: int = 0) -> Any:
    """The elements on and below a diagonal, zero elsewhere."""
    return spell("TrilBackward0", ops.tril(input, k=diagonal), input)


def triu(input: Any, diagonal: int = 0) -> Any:
    """The elements on and above a diagonal, zero elsewhere."""
    return spell("TriuBackward0", ops.triu(input, k=diagonal), input)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A diagonal of the matrices in two dims, as the last dim."""
    return spell("DiagonalBackward0", ops.diagonal(input, offset=offset, axis1=dim1, axis2=dim2), input)


def diag(input: Any, diagonal: int = 0) -> Any:
    """The diagonal of a matrix; of a vector, the matrix that has it for its diagonal."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    result = ops.diagonal(input, offset=diagonal, axis1=0, axis2=1)
    return spell("DiagonalBackward0_copy", result, input)


def diag_embed(input: Any, offset: int = 0) -> Any:
    """Matrices with the last dim for their diagonal."""
    size = input.shape[-1] + abs(offset)
    rows = np.arange(input.shape[-1]) + max(-offset, 0)
    zeros = np.zeros((*input.shape[:-1], size, size), input._value.dtype)
    place = (Ellipsis, rows, rows + offset)
    return spell("DiagEmbedBackward0", ops.setitem(box(type(input), zeros, None), place, input), input)


def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    return spell("TraceBackward0", ops.sum(ops.diagonal(input, offset=0, axis1=0, axis2=1)), input)


def trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    """The integral along a dim by the trapezoidal rule, at points ``x`` or ``dx`` apart."""
    axis = normalize_axis("trapezoid", dim, y.ndim)
    whole = y.shape[axis]
    pairs = ops.add(slice_along(y, axis, 0, max(whole - 1, 0)), slice_along(y, axis, 1, whole))
    if x is None:
        return spell("MulBackward1", ops.multiply(ops.sum(pairs, axis=axis), dx / 2), y)
    return spell("DivBackward0", ops.divide(ops.sum(ops.multiply(pairs, diff(x)), axis=axis), 2), y, x)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of a vector's elements as columns, the highest first unless ``increasing``."""
    powers = stack([ops.power(x, n) for n in range(x.shape[0] if N is None else N)], 1)
    return powers if increasing else spell("FlipBackward0", ops.flip(powers, axis=1), powers)


def view_as_real(input: Any) -> Any:
    """Complex numbers as pairs (real, imaginary) in a new last dim."""
    return spell("ViewAsRealBackward0", ops.stack([ops.real(input), ops.imag(input)], axis=-1), input)


def view_as_complex(input: Any) -> Any:
    """Pairs (real, imaginary) in the last dim as complex numbers."""
    parts = [ops.getitem(input, (Ellipsis, i)) for i in (0, 1)]
    return spell("ViewAsComplexBackward0", ops.add(parts[0], ops.multiply(parts[1], 1j)), input)


def diff(input: Any, n: int = 1, dim: int = -1) -> Any:
    """The differences of neighbours along a dim, ``n`` times."""
    axis = normalize_axis("diff", dim, input.ndim)
    for _ in range(n):
        whole = input.shape[axis]
        input = ops.subtract(slice_along(input, axis, 1, whole), slice_along(input, axis, 0, max(whole - 1, 0)))
    return input


FUNCTIONS = {f.__name__: f for f in (
    reshape, flatten, ravel, unflatten, permute, transpose, t, movedim, unsqueeze, squeeze, broadcast_to, tile, cat,
    stack, hstack, vstack, column_stack, atleast_1d, atleast_2d, split, chunk, tensor_split, vsplit, hsplit, unbind,
    meshgrid, cartesian_prod, flip, roll, rot90, tril, triu, diagonal, diag, diag_embed, trace, diff, trapezoid,
    vander, view_as_real, view_as_complex,
)}  # fmt: skip
cat, stack = with_numpy_names(cat), with_numpy_names(stack)
FUNCTIONS |= {"cat": cat, "stack": stack, "concat": cat, "concatenate": cat}
FUNCTIONS |= {"swapaxes": transpose, "swapdims": transpose, "moveaxis": movedim}
# What is a method only.
METHODS = {"view": view, "view_as": view_as, "reshape_as": view_as, "expand": expand, "expand_as": expand_as}
METHODS["repeat"] = repeat

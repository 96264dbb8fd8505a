"""Spec(shape, dtype): what is known of an array before its values are. Broadcasting, promotion, axes."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import AxisError, DTypeError, ShapeError

Shape = tuple[int, ...]
SHARED = 1 << 16  # bytes of constants that are copied once, however many graphs hold them
SPARSE = 1 << 12  # bytes of arrays that are looked through for zeros


class Spec(NamedTuple):
    """The shape and dtype of an array.

    >>> Spec((2, 3), np.dtype("float32"))
    float32[2, 3]
    """

    shape: Shape
    dtype: Any

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return functools.reduce(operator.mul, self.shape, 1)

    def __repr__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Specs(tuple[Spec, ...]):
    """The Specs of an op's several outputs. A node of such an op has this for its shape, and no dtype that counts."""

    __slots__ = ()
    dtype = np.dtype("float64")

    @property
    def shape(self) -> Specs:
        return self


def spec_of(value: Any) -> Any:
    """The Spec of an array; a Python number stands for itself, since its dtype yields to its neighbours'."""
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, Spec):
        return value
    return Spec(value.shape, value.dtype)


def shape_of(value: Any) -> Shape:
    """The shape of an array, a Spec or a Python number."""
    return getattr(value, "shape", ())


def distinct(array: np.ndarray) -> np.ndarray:
    """What an array repeats, once: axes along which it stays in place have size 1."""
    if 0 not in array.strides or array.size == 0:
        return array
    return array[tuple(slice(1) if stride == 0 else slice(None) for stride in array.strides)]


def unchangeable(array: np.ndarray) -> np.ndarray:
    """A copy whose memory is that of bytes, which nobody can make writable."""
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def content_of(array: Any) -> bytes:
    """What tells an array from all others of its shape and dtype: its bytes; of one that is mostly 0, where others are.

    There are fewer bytes in the second case, so that both are apart.
    """
    if array.nbytes < SPARSE or array.nbytes % 8 or array.dtype.kind not in "biufc":
        return array.tobytes()
    words = np.ascontiguousarray(array).reshape(-1).view(np.uint64)
    if np.count_nonzero(words) * 4 > words.size:
        return array.tobytes()
    places = np.flatnonzero(words)
    return places.tobytes() + words[places].tobytes()


def copied(array: np.ndarray) -> np.ndarray:
    """A copy that repeats what the array repeats, and takes no more memory; the array itself if it is unchangeable.

    Copies of large arrays are: graphs that are made of graphs hold on to the same memory.
    """
    owner: Any = array
    while owner.__class__ is np.ndarray and not owner.flags.writeable:
        owner = owner.base
    if owner.__class__ is bytes:
        return array
    if 0 not in array.strides or array.size == 0:
        return unchangeable(array) if array.nbytes >= SHARED and array.dtype.kind in "biufc" else array.copy()
    return np.broadcast_to(distinct(array).copy(), array.shape)


def broadcast_shapes(name: str, shapes: Sequence[Shape]) -> Shape:
    """The common shape of operands by NumPy's rule, or a ShapeError that names both."""
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    owner: list[Shape] = [()] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if size == 1:
                continue
            if result[axis] not in (1, size):
                raise ShapeError(
                    f"[{name}] shapes {owner[axis]} and {shape} do not broadcast: axis {axis - rank} has sizes "
                    f"{result[axis]} and {size}; sizes must be equal, or one of them 1; "
                    f"reshape an operand, or insert an axis with x[:, None]."
                )
            result[axis], owner[axis] = size, shape
    return tuple(result)


def promote(operands: Iterable[Any]) -> np.dtype[Any]:
    """The dtype NumPy gives to an operation on these; Python numbers yield to arrays of their kind."""
    return np.result_type(*(x.dtype if hasattr(x, "dtype") else x for x in operands))


def sum_dtype(dtype: Any, wanted: Any = None) -> np.dtype[Any]:
    """The dtype in which sums and products run: their operand's own, 64 bits for integers, or what the caller wants."""
    if wanted is not None or dtype.kind in "fc":
        return np.dtype(wanted or dtype)
    return np.dtype(np.uint64 if dtype.kind == "u" else np.int64)


def as_dtype(name: str, dtype: Any) -> np.dtype[Any]:
    """A dtype argument as a numeric NumPy dtype."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind not in "biufc":
        raise DTypeError(f"[{name}] dtype {dtype!r} is unknown; expected a numeric NumPy dtype, such as 'float32'.")
    return found


def normalize_axis(name: str, axis: Any, ndim: int) -> int:
    """One axis as a number from 0 to ``ndim - 1``."""
    try:
        index = operator.index(axis)
    except TypeError:
        raise AxisError(
            f"[{name}] axis is {axis!r}; expected an integer from {-ndim} to {ndim - 1}; give the axis as an int."
        ) from None
    if not -ndim <= index < ndim:
        allowed = f"an integer from {-ndim} to {ndim - 1}" if ndim else "no axis, since a 0-d operand has none"
        raise AxisError(
            f"[{name}] axis {index} is out of range for an operand with {ndim} axes; expected {allowed}; "
            f"check the operand's shape."
        )
    return index % ndim


def normalize_axes(name: str, axis: Any, ndim: int) -> Shape:
    """An axis argument (None for all, an int, a tuple) as a sorted tuple of distinct axes."""
    if axis is None:
        return tuple(range(ndim))
    if axis.__class__ is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(sorted(normalize_axis(name, one, ndim) for one in given))
    if len(set(axes)) != len(axes):
        raise AxisError(f"[{name}] axis {axis!r} names an axis twice; expected distinct axes; remove the repeated one.")
    return axes


def reduced_shape(shape: Shape, axes: Shape, keepdims: bool) -> Shape:
    """What is left of ``shape`` when ``axes`` are reduced."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def broadcast_axes(shape: Shape, target: Shape) -> Shape:
    """The axes of ``shape`` that broadcasting ``target`` to it created or stretched: what an un-broadcast sums."""
    lead = len(shape) - len(target)
    stretched = (axis for axis, size in enumerate(target, start=lead) if size == 1 and shape[axis] != 1)
    return (*range(lead), *stretched)


def as_shape(name: str, shape: Any, least: int = 0) -> Shape:
    """A shape argument (an int or a sequence of ints) as a tuple of sizes that are ``least`` or more."""
    try:
        if getattr(shape, "shape", None) == ():  # an array of one number, which has an iterator that refuses
            sizes: Shape = (operator.index(shape),)
        else:
            sizes = tuple(operator.index(size) for size in (shape if isinstance(shape, Iterable) else (shape,)))
    except TypeError:
        raise ShapeError(
            f"[{name}] shape is {shape!r}; expected an integer or a tuple of integers; write e.g. (2, 3)."
        ) from None
    if any(size < least for size in sizes):
        raise ShapeError(f"[{name}] shape is {sizes}; expected sizes of at least {least}; write e.g. (2, 3).")
    return sizes

"""Reductions and scans in PyTorch's spelling: ``dim`` and ``keepdim``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.apply import apply_one
from chainrule.box import box
from chainrule.dialects.torch.dtypes import as_numpy, scalar_name
from chainrule.dialects.torch.errors import RuntimeDTypeError, RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.op import REGISTRY
from chainrule.ops import ops
from chainrule.spec import normalize_axis


class max_result(NamedTuple):
    """The largest elements along a dim, and where they stand."""

    values: Any
    indices: Any

    def __repr__(self) -> str:
        return _result_text("max", self)


class min_result(NamedTuple):
    """The smallest elements along a dim, and where they stand."""

    values: Any
    indices: Any

    def __repr__(self) -> str:
        return _result_text("min", self)


class sort_result(NamedTuple):
    """Elements in order, and where they stood."""

    values: Any
    indices: Any

    def __repr__(self) -> str:
        return _result_text("sort", self)


class topk_result(NamedTuple):
    """The largest (or smallest) elements in order, and where they stood."""

    values: Any
    indices: Any

    def __repr__(self) -> str:
        return _result_text("topk", self)


def _result_text(name: str, result: Any) -> str:
    return f"torch.return_types.{name}(\nvalues={result.values!r},\nindices={result.indices!r})"


def _axes(dim: Any) -> Any:
    """A dim argument as an axis argument: in PyTorch an empty list means all."""
    if isinstance(dim, (tuple, list)):
        return tuple(dim) or None
    return dim


def _reduced(name: str, torch_name: str, input: Any, dim: Any, keepdim: bool, **others: Any) -> Any:
    result = getattr(ops, name)(input, axis=_axes(dim), keepdims=keepdim, **others)
    return spell(torch_name, result, input) if torch_name else result


def _needs_float(input: Any, message: str) -> None:
    if input._value is not None and input._value.dtype.kind not in "fc":
        raise refusal(RuntimeDTypeError, message.format(scalar_name(input._value.dtype)))


def _cast(input: Any, function: str, dtype: Any) -> Any:
    return input if dtype is None else ops.astype(input, as_numpy(function, dtype))


_SUM, _MEAN = REGISTRY["sum"], REGISTRY["mean"]


@functools.cache
def _over_all(ndim: int, *others: tuple[str, Any]) -> dict[str, Any]:
    """The canonical parameters of a reduction over all axes."""
    return {"axis": tuple(range(ndim)), "keepdims": False, **dict(others)}


def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over ``dim`` (all by default)."""
    if dtype is not None:
        input = _cast(input, "sum", dtype)
    if dim is None and not keepdim:
        return apply_one(_SUM, input, _over_all(input.ndim, ("dtype", None)))
    return _reduced("sum", "SumBackward1", input, dim, keepdim)


def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over ``dim`` (all by default)."""
    input = _cast(input, "mean", dtype)
    _needs_float(
        input,
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {}",
    )
    if dim is None and not keepdim:
        return apply_one(_MEAN, input, _over_all(input.ndim))
    return _reduced("mean", "MeanBackward0" if dim is None else "MeanBackward1", input, dim, keepdim)


def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product over ``dim`` (all by default)."""
    input = _cast(input, "prod", dtype)
    return _reduced("prod", "ProdBackward0" if dim is None else "ProdBackward1", input, dim, keepdim)


def _correction(unbiased: bool | None, correction: Any) -> float:
    if unbiased is not None:
        return 1.0 if unbiased else 0.0
    return 1.0 if correction is None else float(correction)


def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """Σ(x − mean)² / (n − correction) over ``dim``; the correction is 1 by default, as in PyTorch."""
    return _spread("var", "VarBackward0", input, dim, unbiased, keepdim, correction)


def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Any:
    """The square root of :func:`var`."""
    return _spread("std", "StdBackward0", input, dim, unbiased, keepdim, correction)


def _spread(name: str, torch_name: str, input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    if isinstance(dim, bool):  # x.var(False): the old spelling of unbiased=False
        dim, unbiased = None, dim
    _needs_float(input, "std and var only support floating point and complex dtypes")
    return _reduced(name, torch_name, input, dim, keepdim, correction=_correction(unbiased, correction))


def _extremum(name: str, kind: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        if not np.size(input._value):
            raise refusal(
                RuntimeShapeError,
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                f"with the 'dim' argument.",
            )
        return _reduced(name, f"{name.capitalize()}Backward1", input, None, False)
    if not isinstance(dim, int):
        return getattr(ops, f"{name}imum")(input, dim)
    values = _reduced(name, f"{name.capitalize()}Backward0", input, dim, keepdim)
    return kind(values, _reduced(f"arg{name}", "", input, dim, keepdim))


def max(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; along a ``dim``, (values, indices); of two Tensors, the larger of each pair.

    Equal largest elements share the gradient, as in the rest of the library.
    """
    return _extremum("max", max_result, input, dim, keepdim)


def min(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; along a ``dim``, (values, indices); of two Tensors, the smaller of each pair."""
    return _extremum("min", min_result, input, dim, keepdim)


def amax(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element over ``dim`` (all by default)."""
    return _reduced("max", "AmaxBackward0", input, dim, keepdim)


def amin(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element over ``dim`` (all by default)."""
    return _reduced("min", "AminBackward0", input, dim, keepdim)


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the largest element stands: in the flattened Tensor, or along ``dim``."""
    return _reduced("argmax", "", input, dim, keepdim)


def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the smallest element stands: in the flattened Tensor, or along ``dim``."""
    return _reduced("argmin", "", input, dim, keepdim)


def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether every element over ``dim`` is true."""
    return _reduced("all", "", input, dim, keepdim)


def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether some element over ``dim`` is true."""
    return _reduced("any", "", input, dim, keepdim)


def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements over ``dim`` are not zero."""
    return box(type(input), np.int64(0) + np.count_nonzero(input._value, axis=_axes(dim)), None)


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log Σ exp(x) over ``dim``, without overflow."""
    return _reduced("logsumexp", "LogsumexpBackward0", input, dim, keepdim)


def softmax(input: Any, dim: int = -1, dtype: Any = None) -> Any:
    """exp(x) / Σ exp(x) along ``dim``."""
    return spell("SoftmaxBackward0", ops.softmax(_cast(input, "softmax", dtype), axis=dim), input)


def log_softmax(input: Any, dim: int = -1, dtype: Any = None) -> Any:
    """The logarithm of :func:`softmax`, without overflow."""
    return spell("LogSoftmaxBackward0", ops.log_softmax(_cast(input, "log_softmax", dtype), axis=dim), input)


def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running sums along ``dim``."""
    input = _cast(input, "cumsum", dtype)
    return spell("CumsumBackward0", ops.cumsum(input, axis=dim), input)


def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running products along ``dim``."""
    input = _cast(input, "cumprod", dtype)
    return spell("CumprodBackward0", ops.cumprod(input, axis=dim), input)


def logcumsumexp(input: Any, dim: int) -> Any:
    """log of the running sums of exp(x) along ``dim``, without overflow."""
    return spell("LogcumsumexpBackward0", ops.logcumsumexp(input, axis=dim), input)


def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """(Σ |x|ᵖ)^(1/p) over ``dim``; ``"fro"`` is p = 2. The derivative at 0 is 0."""
    input = _cast(input, "norm", dtype)
    _needs_float(input, "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}")
    order = 2 if p in (None, "fro") else p
    if dim is None or isinstance(dim, (tuple, list)):
        return _flat_norm(input, order, dim, keepdim)
    return _reduced("norm", "LinalgVectorNormBackward0", input, dim, keepdim, ord=order)


def _flat_norm(input: Any, order: Any, dim: Any, keepdim: bool) -> Any:
    """The norm of all elements over several dims as one vector: they are moved together and flattened."""
    rank = input.ndim
    axes = range(rank) if not dim else sorted(normalize_axis("norm", one, rank) for one in dim)
    kept = [axis for axis in range(rank) if axis not in axes]
    moved = ops.permute_dims(input, (*kept, *axes)) if kept else input
    shape = input.shape
    vector = ops.reshape(moved, (*(shape[axis] for axis in kept), -1))
    result = ops.norm(vector, ord=order, axis=-1)
    if keepdim:
        result = ops.reshape(result, tuple(1 if axis in axes else size for axis, size in enumerate(shape)))
    return spell("LinalgVectorNormBackward0", result, input)


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """(elements in order along ``dim``, where they stood); equal elements keep their order."""
    del stable
    order = argsort(input, dim, descending)
    return sort_result(spell("SortBackward0", along(input, dim, order._value), input), order)


def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Where the elements along ``dim`` stand, in order."""
    del stable
    value = np.asarray(input._value)
    if not value.ndim:
        return box(type(input), np.int64(0), None)
    axis = normalize_axis("argsort", dim, value.ndim)
    if descending:
        reversed_order = np.argsort(np.flip(value, axis), axis, kind="stable")
        order = value.shape[axis] - 1 - np.flip(reversed_order, axis)
    else:
        order = np.argsort(value, axis, kind="stable")
    return box(type(input), order.astype(np.int64), None)


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """(the k largest elements along ``dim`` in order, where they stood)."""
    del sorted
    order = argsort(input, dim, largest)._value
    axis = normalize_axis("topk", dim, order.ndim)
    order = np.take(order, range(k), axis)
    return topk_result(spell("TopkBackward0", along(input, dim, order), input), box(type(input), order, None))


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median; along a ``dim``, (values, indices)."""
    flat = ops.reshape(input, (-1,)) if dim is None else input
    axis = -1 if dim is None else dim
    order = argsort(flat, axis)._value
    axis = normalize_axis("median", axis, order.ndim)
    middle = np.take(order, [(order.shape[axis] - 1) // 2], axis)
    values = along(flat, axis, middle)
    if dim is None:
        return spell("MedianBackward0", ops.reshape(values, ()), input)
    if not keepdim:
        values, middle = ops.squeeze(values, axis=axis), np.squeeze(middle, axis)
    return sort_result(spell("MedianBackward1", values, input), box(type(input), middle, None))


def along(input: Any, dim: int, positions: Any) -> Any:
    """The elements at ``positions`` along ``dim``, which has an entry for every element of the result."""
    rank = positions.ndim
    if not rank:
        return ops.positive(input)
    axis = normalize_axis("gather", dim, rank)
    grid = np.ogrid[tuple(map(slice, positions.shape))]
    return ops.getitem(input, tuple(positions if i == axis else grid[i] for i in range(rank)))


def unique(input: Any, sorted: bool = True) -> Any:
    """The distinct elements, in order."""
    del sorted
    return box(type(input), np.unique(np.asarray(input._value)), None)


def nonzero(input: Any) -> Any:
    """The positions of the elements that are not zero, one a row."""
    return box(type(input), np.argwhere(np.asarray(input._value)).astype(np.int64), None)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, … occurs."""
    counted = np.bincount(input._value, None if weights is None else weights._value, minlength)
    return box(type(input), counted, None)


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements fall in each of ``bins`` equal parts of [min, max] (by default from smallest to largest)."""
    value = np.asarray(input._value)
    if min == max and value.size:
        min, max = value.min(), value.max()
    counted, _ = np.histogram(value, bins, (min, max if max != min else min + 1))
    return box(type(input), counted.astype(value.dtype), None)


def with_numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking also ``axis`` for ``dim`` and ``keepdims`` for ``keepdim``, as PyTorch's do."""

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        if "axis" in given:
            given["dim"] = given.pop("axis")
        if "keepdims" in given:
            given["keepdim"] = given.pop("keepdims")
        return function(*args, **given)

    return call


FUNCTIONS = {f.__name__: with_numpy_names(f) for f in (
    sum, mean, prod, var, std, max, min, amax, amin, argmax, argmin, all, any, count_nonzero, logsumexp, softmax,
    log_softmax, cumsum, cumprod, logcumsumexp, norm, sort, argsort, topk, median, unique, nonzero, bincount, histc,
)}  # fmt: skip

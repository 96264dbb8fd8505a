"""Making Tensors: from data, and from nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apply import Box, as_value, box
from chainrule.errors import DTypeError, ShapeError
from chainrule.ops import ops
from chainrule.spec import as_dtype, as_shape
from chainrule.tensor import Tensor

FLOAT = np.dtype("float64")


def _wrap(array: Any, requires_grad: bool = False) -> Any:
    made = box(Tensor, np.asarray(array)[()], None)
    return made.requires_grad_() if requires_grad else made


def _dtype(name: str, dtype: Any) -> Any:
    return None if dtype is None else as_dtype(name, dtype)


def _array(name: str, data: Any) -> Any:
    # Asked twice, because NumPy makes an array of objects of an integer of more than 64 bits.
    return as_value(name, np.asarray(as_value(name, data)))


def _number(name: str, x: Any) -> Any:
    """An end of a range: a number, for no gradient flows back to it."""
    return x._release(name) if isinstance(x, Tensor) else x


def asarray(data: Any, dtype: Any = None, *, copy: bool | None = None) -> Tensor:
    """``data`` as a Tensor: arrays and nested lists are copied (``copy=False`` shares), Tensors pass as they are.

    >>> asarray([1, 2, 3], dtype="float64")
    tensor([1., 2., 3.])
    """
    wanted = _dtype("asarray", dtype)
    if isinstance(data, Tensor):
        same = wanted is None or wanted == data.dtype
        return (data.clone() if copy else data) if same else data.astype(wanted)
    if isinstance(data, (list, tuple)) and _holds_tensors(data):
        return asarray(ops.stack([asarray(row) for row in data]), wanted)
    value = _array("asarray", data)
    if copy is False and (not isinstance(data, np.ndarray) or (wanted is not None and wanted != value.dtype)):
        raise DTypeError(
            f"[asarray] copy=False was given, but a {type(data).__name__} cannot become {wanted or value.dtype} "
            f"without a copy; expected an array of that dtype; leave copy out."
        )
    if wanted is not None or copy is not False:
        value = value.astype(wanted or value.dtype, copy=copy is not False)
    return _wrap(value)


def _holds_tensors(data: Any) -> bool:
    return any(isinstance(x, Box) or (isinstance(x, (list, tuple)) and _holds_tensors(x)) for x in data)


def tensor(data: Any, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
    """A new leaf Tensor with a copy of ``data``; Python floats become float64.

    >>> tensor([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    made = asarray(data.detach() if isinstance(data, Tensor) else data, dtype)
    made = box(Tensor, made._value, None) if made._node is None else made
    return made.requires_grad_() if requires_grad else made


def zeros(shape: Any, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
    """Zeros of the given shape.

    >>> zeros((2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return _wrap(np.zeros(as_shape("zeros", shape), _dtype("zeros", dtype) or FLOAT), requires_grad)


def ones(shape: Any, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
    """Ones of the given shape.

    >>> ones(3)
    tensor([1., 1., 1.])
    """
    return _wrap(np.ones(as_shape("ones", shape), _dtype("ones", dtype) or FLOAT), requires_grad)


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A Tensor of the given shape whose elements mean nothing yet (they are zeros).

    >>> empty((2, 0)).shape
    (2, 0)
    """
    return zeros(shape, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
    """The given shape filled with one number; the gradient flows back to a Tensor ``fill_value``.

    >>> full(2, 7.0)
    tensor([7., 7.])
    """
    wanted = _dtype("full", dtype)
    if isinstance(fill_value, Tensor):
        return ops.broadcast_to(asarray(fill_value, wanted), as_shape("full", shape))
    return _wrap(np.full(as_shape("full", shape), _array("full", fill_value), wanted), requires_grad)


def arange(start: Any, /, stop: Any = None, step: Any = 1, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
    """start, start + step, … below stop; with one argument, 0, 1, … below it.

    >>> arange(4.0)
    tensor([0., 1., 2., 3.])
    """
    start, stop = (0, start) if stop is None else (start, stop)
    start, stop, step = (_number("arange", x) for x in (start, stop, step))
    if step == 0:
        raise ShapeError("[arange] step is 0, which never arrives; expected a positive or negative step.")
    return _wrap(np.arange(start, stop, step, dtype=_dtype("arange", dtype)), requires_grad)


def linspace(start: Any, stop: Any, /, num: int, dtype: Any = None, *, endpoint: bool = True) -> Tensor:
    """``num`` evenly spaced numbers from start to stop.

    >>> linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    start, stop = float(_number("linspace", start)), float(_number("linspace", stop))
    return _wrap(np.linspace(start, stop, num, endpoint=endpoint, dtype=_dtype("linspace", dtype)))


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on diagonal ``k``, zeros elsewhere.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _wrap(np.eye(n_rows, n_cols, k, _dtype("eye", dtype) or FLOAT))


def zeros_like(x: Any, /, dtype: Any = None) -> Tensor:
    """Zeros in the shape and dtype of x.

    >>> zeros_like(ones(2))
    tensor([0., 0.])
    """
    x = asarray(x)
    return zeros(x.shape, dtype or x.dtype)


def ones_like(x: Any, /, dtype: Any = None) -> Tensor:
    """Ones in the shape and dtype of x.

    >>> ones_like(zeros(2))
    tensor([1., 1.])
    """
    x = asarray(x)
    return ones(x.shape, dtype or x.dtype)


def full_like(x: Any, /, fill_value: Any, dtype: Any = None) -> Tensor:
    """One number in the shape and dtype of x.

    >>> full_like(zeros(2), 3)
    tensor([3., 3.])
    """
    x = asarray(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def empty_like(x: Any, /, dtype: Any = None) -> Tensor:
    """A Tensor in the shape and dtype of x whose elements mean nothing yet.

    >>> empty_like(zeros(2)).shape
    (2,)
    """
    x = asarray(x)
    return empty(x.shape, dtype or x.dtype)

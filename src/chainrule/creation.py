"""Making Tensors: from data, and from nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import PLAIN, Box, as_value, box, operand_spec
from chainrule.dtypes import as_device
from chainrule.errors import DomainError, DTypeError, RangeError, ShapeError
from chainrule.ops import ops
from chainrule.spec import as_dtype, as_shape
from chainrule.tensor import Tensor

FLOAT = np.dtype("float64")


def _wrap(array: Any, requires_grad: bool = False) -> Any:
    made = box(Tensor, np.asarray(array)[()], None)
    return made.requires_grad_() if requires_grad else made


def _dtype(name: str, dtype: Any, device: Any = None) -> Any:
    as_device(name, device)
    return None if dtype is None else as_dtype(name, dtype)


def _array(name: str, data: Any, wanted: Any = None) -> Any:
    # Asked twice, because NumPy makes an array of objects of an integer of more than 64 bits.
    array = as_value(name, np.asarray(as_value(name, data)))
    if wanted is None or wanted == array.dtype:
        return array
    if wanted.kind in "iu" and _is_plain(data):
        return _fitting(name, lambda: np.asarray(data, wanted))  # which refuses numbers that do not fit
    return array.astype(wanted)


def _is_plain(data: Any) -> bool:
    """Whether data consists of Python's objects, whose memory no array shares."""
    return isinstance(data, (list, tuple)) or data.__class__ in PLAIN


def _fitting(name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` returns; its complaint about numbers in our words."""
    try:
        return make()
    except (OverflowError, ValueError) as error:
        kind = RangeError if isinstance(error, OverflowError) else DomainError
        raise kind(f"[{name}] {error}; expected numbers that the dtype holds; choose a wider one.") from None


def _number(name: str, x: Any) -> Any:
    """An end of a range: a number, for no gradient flows back to it."""
    return x._release(name) if isinstance(x, Tensor) else x


def asarray(obj: Any, /, dtype: Any = None, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """``obj`` as a Tensor: arrays and nested lists are copied (``copy=False`` shares), Tensors pass as they are.

    >>> asarray([1, 2, 3], dtype="float64")
    tensor([1., 2., 3.])
    """
    wanted = _dtype("asarray", dtype, device)
    if isinstance(obj, Tensor):
        if wanted is None or wanted == obj.dtype:
            return obj.clone() if copy else obj
        if copy is False:
            raise _unshared("asarray", obj, wanted)
        return obj.astype(wanted)
    if isinstance(obj, (list, tuple)) and _holds_tensors(obj):
        return asarray(ops.stack([asarray(row) for row in obj]), wanted)
    if copy is False:
        value = _array("asarray", obj)
        if _is_plain(obj) or (wanted is not None and wanted != value.dtype):
            raise _unshared("asarray", obj, wanted or value.dtype)
        return _wrap(value)
    value = _array("asarray", obj, wanted)
    fresh = _is_plain(obj) or (isinstance(obj, np.ndarray) and wanted not in (None, obj.dtype))
    return _wrap(value if fresh else value.copy())


def _unshared(name: str, obj: Any, wanted: Any) -> DomainError:
    return DomainError(
        f"[{name}] copy=False was given, but a {type(obj).__name__} cannot become {wanted} without a copy; "
        f"expected an array of that dtype; leave copy out."
    )


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """The array of another library as a Tensor, through DLPack: copied, unless ``copy=False`` says to share it.

    >>> from_dlpack(np.asarray([1.0, 2.0]))
    tensor([1., 2.])
    """
    as_device("from_dlpack", device)
    if isinstance(x, Tensor):
        return asarray(x, copy=copy)
    if not hasattr(x, "__dlpack__"):
        raise DTypeError(
            f"[from_dlpack] a {type(x).__name__} has no __dlpack__ method; expected the array of a library that has; "
            f"use asarray."
        )
    return asarray(np.from_dlpack(x), copy=copy is not False)


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


def zeros(shape: Any, dtype: Any = None, *, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the given shape.

    >>> zeros((2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return _wrap(np.zeros(as_shape("zeros", shape), _dtype("zeros", dtype, device) or FLOAT), requires_grad)


def ones(shape: Any, dtype: Any = None, *, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the given shape.

    >>> ones(3)
    tensor([1., 1., 1.])
    """
    return _wrap(np.ones(as_shape("ones", shape), _dtype("ones", dtype, device) or FLOAT), requires_grad)


def empty(shape: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """A Tensor of the given shape whose elements mean nothing yet (they are zeros).

    >>> empty((2, 0)).shape
    (2, 0)
    """
    return zeros(shape, _dtype("empty", dtype, device))


def full(shape: Any, fill_value: Any, dtype: Any = None, *, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The given shape filled with one number; the gradient flows back to a Tensor ``fill_value``.

    >>> full(2, 7.0)
    tensor([7., 7.])
    """
    wanted = _dtype("full", dtype, device)
    if isinstance(fill_value, Tensor):
        return ops.broadcast_to(asarray(fill_value, wanted), as_shape("full", shape))
    return _wrap(np.full(as_shape("full", shape), _array("full", fill_value, wanted)), requires_grad)


def arange(
    start: Any,
    /,
    stop: Any = None,
    step: Any = 1,
    dtype: Any = None,
    *,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, … below stop; with one argument, 0, 1, … below it.

    >>> arange(4.0)
    tensor([0., 1., 2., 3.])
    """
    wanted = _dtype("arange", dtype, device)
    start, stop = (0, start) if stop is None else (start, stop)
    start, stop, step = (_number("arange", x) for x in (start, stop, step))
    if step == 0:
        raise ShapeError("[arange] step is 0, which never arrives; expected a positive or negative step.")
    return _wrap(_fitting("arange", lambda: np.arange(start, stop, step, dtype=wanted)), requires_grad)


def linspace(
    start: Any, stop: Any, /, num: int, dtype: Any = None, *, device: Any = None, endpoint: bool = True
) -> Tensor:
    """``num`` evenly spaced numbers from start to stop, which may be complex.

    >>> linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    wanted = _dtype("linspace", dtype, device)
    ends = [_number("linspace", x) for x in (start, stop)]
    start, stop = (complex(x) if np.iscomplexobj(x) else float(x) for x in ends)
    made = _fitting("linspace", lambda: np.linspace(start, stop, num, endpoint=endpoint, dtype=wanted))
    return _wrap(made)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones on diagonal ``k``, zeros elsewhere.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _wrap(np.eye(n_rows, n_cols, k, _dtype("eye", dtype, device) or FLOAT))


def zeros_like(x: Any, /, dtype: Any = None, *, device: Any = None) -> Tensor:
    """Zeros in the shape and dtype of x.

    >>> zeros_like(ones(2))
    tensor([0., 0.])
    """
    like = operand_spec("zeros_like", x)
    return zeros(like.shape, dtype or like.dtype, device=device)


def ones_like(x: Any, /, dtype: Any = None, *, device: Any = None) -> Tensor:
    """Ones in the shape and dtype of x.

    >>> ones_like(zeros(2))
    tensor([1., 1.])
    """
    like = operand_spec("ones_like", x)
    return ones(like.shape, dtype or like.dtype, device=device)


def full_like(x: Any, /, fill_value: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """One number in the shape and dtype of x.

    >>> full_like(zeros(2), 3)
    tensor([3., 3.])
    """
    like = operand_spec("full_like", x)
    return full(like.shape, fill_value, dtype or like.dtype, device=device)


def empty_like(x: Any, /, dtype: Any = None, *, device: Any = None) -> Tensor:
    """A Tensor in the shape and dtype of x whose elements mean nothing yet.

    >>> empty_like(zeros(2)).shape
    (2,)
    """
    like = operand_spec("empty_like", x)
    return empty(like.shape, dtype or like.dtype, device=device)


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies k/(n·d) of ``fft``'s results, negative ones behind: k = 0, 1, …, −2, −1.

    >>> fftfreq(4, d=0.5)
    tensor([ 0. ,  0.5, -1. , -0.5])
    """
    return _frequencies("fftfreq", np.fft.fftfreq, n, d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies k/(n·d) of ``rfft``'s results: k = 0, 1, …, n/2.

    >>> rfftfreq(4, d=0.5)
    tensor([0. , 0.5, 1. ])
    """
    return _frequencies("rfftfreq", np.fft.rfftfreq, n, d, dtype, device)


def _frequencies(name: str, make: Any, n: Any, d: Any, dtype: Any, device: Any) -> Tensor:
    if n < 1:
        raise ShapeError(f"[{name}] n is {n}; expected at least 1 point; give the length of the transform.")
    wanted = _dtype(name, dtype, device) or FLOAT
    if wanted.kind != "f":
        raise DTypeError(f"[{name}] dtype is {wanted}; expected a real floating dtype; leave dtype out for float64.")
    return asarray(make(n, _number(name, d)), wanted)

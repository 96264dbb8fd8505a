"""Tensor as PyTorch's users know it: float32 by default, dims, in-place methods, ``.data``, its repr."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.config import recording
from chainrule.dialects.torch import dtypes, pointwise, shapes
from chainrule.dialects.torch.data import as_array, sizes
from chainrule.dialects.torch.device import CPU, device
from chainrule.dialects.torch.errors import (
    LEAF_IN_PLACE,
    NON_LEAF_FLAG,
    NUMPY_OF_TRACKED,
    RuntimeDTypeError,
    RuntimeShapeError,
    refusal,
    retold,
)
from chainrule.dialects.torch.names import GradFn, grad_fn, spell
from chainrule.dialects.torch.printing import to_text
from chainrule.dialects.torch.storage import shared
from chainrule.dialects.torch.views import mark, refuse_view
from chainrule.errors import ChainruleError, DTypeError, GradientError, ShapeError
from chainrule.graph.gradients import backward
from chainrule.node import record
from chainrule.ops import ops
from chainrule.ops.index import getitem
from chainrule.spec import Spec
from chainrule.tensor import Tensor as CoreTensor


class Tensor(CoreTensor):
    """An array that remembers how it was computed, with PyTorch's methods.

    ``Tensor([1, 2])`` holds float32, whatever it is given; ``Tensor(2, 3)`` has that shape.

    >>> import chainrule.torch as torch
    >>> x = torch.arange(4.0, requires_grad=True)
    >>> y = 2 * x @ x
    >>> y
    tensor(28., grad_fn=<DotBackward0>)
    >>> y.backward()
    >>> x.grad
    tensor([ 0.,  4.,  8., 12.])
    """

    __slots__ = ("_origin", "_root", "_storage")
    promotion = staticmethod(dtypes.promotion)

    def __new__(cls, *data: Any) -> Any:
        if len(data) == 1 and isinstance(data[0], Tensor):
            return data[0].detach()
        if not data or all(isinstance(size, int) for size in data):
            return box(cls, np.zeros(data or (0,), dtypes.default_float()), None)
        return box(cls, as_array("Tensor", data[0], dtypes.default_float()), None)

    # ------------------------------------------------------------------------------------------- what it is

    @property
    def shape(self) -> dtypes.Size:
        """The size of each dim."""
        return dtypes.Size(self._source.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dim."""
        return self.shape if dim is None else self.shape[dim]

    @property
    def dtype(self) -> Any:
        """The type of the elements."""
        return dtypes.DTYPES[self._source.dtype]

    @property
    def device(self) -> device:
        """Where the elements live."""
        return CPU

    @property
    def spec(self) -> Any:
        """Shape and dtype as the core knows them."""
        source = self._source
        return Spec(source.shape, source.dtype)

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self._source.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self._source.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.numel() * self.itemsize

    @property
    def is_cuda(self) -> bool:
        """False: everything lives on the CPU."""
        return False

    def dim(self) -> int:
        """The number of dims."""
        return self.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self._source.shape)

    nelement = numel

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """How many elements lie between neighbours of each dim."""
        value = np.asarray(self._known("stride"))
        strides = tuple(step // value.itemsize for step in value.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> bool:
        """Whether the elements lie in order."""
        return self._known("is_contiguous").flags.c_contiguous

    def contiguous(self) -> Tensor:
        """The same elements lying in order; this Tensor itself if they do."""
        if self.is_contiguous():
            return self
        made = ops.positive(self)
        made._value = np.ascontiguousarray(made._value)
        return made

    def is_floating_point(self) -> bool:
        """Whether the elements are real floating-point numbers."""
        return self._source.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Whether the elements are complex numbers."""
        return self._source.dtype.kind == "c"

    # ---------------------------------------------------------------------------- the life of a gradient

    @property
    def grad_fn(self) -> GradFn | None:
        """The node of the operation that made this, or None for a leaf."""
        return None if self.is_leaf else grad_fn(self._node, type(self))

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for the gradient of this leaf (or no longer); returns the Tensor itself."""
        if not requires_grad and not self.is_leaf:
            raise refusal(GradientError, NON_LEAF_FLAG)
        if requires_grad and self._source.dtype.kind not in "fc":
            raise refusal(RuntimeDTypeError, "only Tensors of floating point dtype can require gradients")
        return super().requires_grad_(requires_grad)

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Any] | None = None,
    ) -> None:
        """Accumulate ∂self/∂leaf into ``leaf.grad`` for every leaf this depends on (or for ``inputs``)."""
        chosen = [inputs] if isinstance(inputs, Box) else inputs
        try:
            backward(
                (self,),
                None if gradient is None else [gradient],
                retain_graph=retain_graph,
                create_graph=create_graph,
                inputs=chosen,
            )
        except ChainruleError as error:
            raise retold(error, [self], [gradient], chosen or ()) from None

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this result too, not only of leaves."""
        if self._node is None:
            raise refusal(GradientError, "can't retain_grad on Tensor that has requires_grad=False")
        super().retain_grad()

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        """Call ``hook(gradient)`` whenever the gradient of this is computed; what it returns replaces the gradient."""
        if self._node is None:
            raise refusal(GradientError, "cannot register a hook on a tensor that doesn't require gradient")
        return super().register_hook(hook)

    def detach(self) -> Tensor:
        """The same memory outside the graph: no gradient flows through it, and writes to one reach the other."""
        twin = box(type(self), self._known("detach"), None)
        shared(self).join(twin)
        origin = getattr(self, "_origin", None)
        if origin is not None:
            twin._root = twin._origin = origin
        return twin

    def detach_(self) -> Tensor:
        """Take this Tensor out of the graph."""
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; assigning to it gives this Tensor another memory."""
        return self.detach()

    @data.setter
    def data(self, other: Any) -> None:
        if not isinstance(other, Tensor):
            raise refusal(DTypeError, f"Variable data has to be a tensor, but got {type(other).__name__}")
        value, node = other._known("data"), self._node
        before = getattr(self, "_storage", None)
        if other is self:
            return
        if node is not None and (node.shape != value.shape or node.dtype != value.dtype):
            if node.op is not None or value.dtype.kind not in "fc":
                raise ShapeError(
                    f"[data] {other.spec!r} was assigned to the data of a Tensor of {self.spec!r} that requires a "
                    f"gradient; expected the same shape and dtype; use x.detach() for a new Tensor instead."
                )
            self._node = record(None, (), (), {}, value)
            self._node.watch = node.watch
        if before is not None:
            before.leave(self)
        shared(other).join(self)
        self._value = value

    def _rebind(self, value: Any, node: Any) -> None:
        self._value = value
        self._node = node
        storage = getattr(self, "_storage", None)
        if storage is not None:
            storage.written(self, value)

    def _assign(self, function: str, result: Any) -> Tensor:
        """The in-place spelling: this Tensor takes over a result, keeping its own shape, dtype and Storage."""
        node, watched = self._node, recording.get()
        if node is not None and node.op is None and watched:
            raise refusal(GradientError, LEAF_IN_PLACE)
        mine = self._known(function)
        refuse_view(function, self)
        if not isinstance(result, Box):
            result = box(type(self), as_array(function, result, None), None)
        value = result._value
        if value.dtype is not mine.dtype or value.shape != mine.shape:
            result = _fitted(result, mine)
            value = result._value
        # What is written unwatched changes the value only: the place in the graph stays.
        self._rebind(value, result._node if watched else node)
        return self

    def _overwrite(self, function: str, torch_name: str, source: Any, *operands: Any) -> Tensor:
        """Elements replaced: the Tensor stays in the graph, but nothing flows through it to what it was."""
        if self._node is not None and self._node.op is not None and recording.get():
            source = spell(torch_name, ops.where(np.False_, self, source), self, *operands)
        return self._assign(function, source)

    def zero_(self) -> Tensor:
        """Set every element to zero, in place."""
        value = self._known("zero_")
        if self._node is None:
            refuse_view("zero_", self)
            self._rebind(np.zeros(value.shape, value.dtype), None)
            return self
        return self._overwrite("zero_", "ZeroBackward0", np.zeros(value.shape, value.dtype))

    def fill_(self, value: Any) -> Tensor:
        """Set every element to ``value``, in place."""
        filled = isinstance(value, Box)
        mine = self._known("fill_")
        source = value if filled else np.full(mine.shape, value, mine.dtype)
        name = "FillBackward3" if filled else "FillBackward2"
        full = ops.broadcast_to(source, mine.shape) if filled else source
        return self._overwrite("fill_", name, full, *([value] if filled else []))

    def copy_(self, source: Any, non_blocking: bool = False) -> Tensor:
        """Take over the elements of ``source``, broadcast to this shape, in place."""
        del non_blocking
        mine = self._known("copy_")
        _check_fits(source._value.shape, mine.shape)
        cast = source if source._value.dtype == mine.dtype else ops.astype(source, mine.dtype)
        full = ops.broadcast_to(cast, mine.shape)
        if self._node is None and full._node is not None and recording.get():
            return self._assign("copy_", spell("CopyBackwards", full, source))
        return self._overwrite("copy_", "CopyBackwards", full, source)

    # -------------------------------------------------------------------------------- leaving the graph

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The elements as a read-only array; refuses while a gradient is at stake, unless ``force``."""
        if self._node is not None and not force:
            raise refusal(GradientError, NUMPY_OF_TRACKED)
        view = np.asarray(self._known("numpy")).view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self._node is not None:
            raise refusal(GradientError, NUMPY_OF_TRACKED)
        return super().__array__(dtype, copy)

    def item(self) -> Any:
        """The one element as a Python number."""
        value = self._known("item")
        if value.size != 1:
            raise refusal(RuntimeShapeError, f"a Tensor with {value.size} elements cannot be converted to Scalar")
        return value.item()

    def _number(self, function: str) -> Any:
        value = self._known(function)
        if value.size != 1:
            raise refusal(ShapeError, "only one element tensors can be converted to Python scalars")
        return value.item()

    def __bool__(self) -> bool:
        value = self._known("bool")
        if value.__class__ is np.bool_:
            return bool(value)
        if value.size != 1:
            many = "more than one value" if value.size else "no values"
            raise refusal(RuntimeShapeError, f"Boolean value of Tensor with {many} is ambiguous")
        return bool(value.item())

    def __len__(self) -> int:
        shape = self._source.shape
        if not shape:
            raise refusal(DTypeError, "len() of a 0-d tensor")
        return shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self._source.shape:
            raise refusal(DTypeError, "iteration over a 0-d tensor")
        return iter([mark(self, part) for part in shapes.unbind(self)])

    def __contains__(self, item: Any) -> bool:
        return bool(np.any((self == item)._value))

    def __format__(self, spec: str) -> str:
        if self._value is not None and self._value.shape == ():
            return format(self._value.item(), spec) if spec else str(self._value.item())
        if spec:
            raise refusal(DTypeError, "unsupported format string passed to Tensor.__format__")
        return str(self)

    def __repr__(self) -> str:
        return super().__repr__() if self._value is None else to_text(self)

    # ------------------------------------------------------------------------------------ other dtypes

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **_ignored: Any) -> Any:
        """This in another dtype: ``x.to(torch.float64)``, ``x.to("cpu")``, ``x.to(other)``."""
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, (str, CPU.__class__)):
                device = arg
            elif not isinstance(arg, bool) and arg is not None:
                dtype = arg
        if device is not None:
            CPU.__class__(device)
        made = self if dtype is None else pointwise.to_dtype(self, dtype)
        return ops.positive(self) if copy and made is self else made

    def type(self, dtype: Any = None) -> Any:
        """The name of the Tensor's type; or this in another dtype."""
        if dtype is None:
            return f"torch.{dtypes.scalar_name(self._source.dtype)}Tensor"
        return pointwise.to_dtype(self, dtype)

    def type_as(self, other: Tensor) -> Any:
        """This in the dtype of ``other``."""
        return pointwise.to_dtype(self, other.dtype)

    def cpu(self) -> Tensor:
        """This Tensor itself: it lives on the CPU."""
        return self

    # ------------------------------------------------------------------------- new ones of the same dtype

    def new_tensor(self, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """``data`` in this dtype."""
        wanted = dtypes.as_numpy("new_tensor", dtype) or self._source.dtype
        return leaf(type(self), as_array("new_tensor", data, wanted), requires_grad)

    def new_zeros(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """Zeros in this dtype."""
        return self.new_full(sizes(size), 0, dtype=dtype, requires_grad=requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """Ones in this dtype."""
        return self.new_full(sizes(size), 1, dtype=dtype, requires_grad=requires_grad)

    new_empty = new_zeros

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        """One number in this dtype."""
        wanted = dtypes.as_numpy("new_full", dtype) or self._source.dtype
        return leaf(type(self), np.full(sizes((size,)), fill_value, wanted), requires_grad)

    # -------------------------------------------------------------------------------------- operators

    # Sum and product commute: the Tensor comes first, as PyTorch's graphs have it.
    __radd__ = CoreTensor.__add__
    __rmul__ = CoreTensor.__mul__

    def __rsub__(self, other: Any) -> Any:
        return spell("RsubBackward1", ops.subtract(other, self), self)

    def __rtruediv__(self, other: Any) -> Any:
        return pointwise.reciprocal_times(self, other)

    def __pow__(self, other: Any) -> Any:
        return _pow(self, other) if not isinstance(other, Box) else pointwise.pow(self, other)

    def __pos__(self) -> Tensor:
        return self

    def __getitem__(self, index: Any) -> Any:
        part = getitem(ops, self, index)
        # Integer arrays and masks copy; anything else is a view.
        return mark(self, part) if index.__class__ is int or not _copies(index) else part

    def __reversed__(self) -> Any:
        return shapes.flip(self, 0) if self.ndim else self

    @property
    def T(self) -> Any:
        """The dims in reverse order."""
        return mark(self, ops.permute_dims(self, tuple(range(self.ndim))[::-1]))

    @property
    def mT(self) -> Any:
        """The last two dims exchanged."""
        return mark(self, ops.matrix_transpose(self))

    @property
    def H(self) -> Any:
        """A matrix transposed, and conjugated where it is complex."""
        turned = shapes.transpose(self, 0, 1) if self.ndim else self
        return ops.conj(turned) if self.is_complex() else mark(self, turned)

    @property
    def mH(self) -> Any:
        """The last two dims exchanged, and conjugated where complex."""
        return ops.conj(self.mT) if self.is_complex() else self.mT

    @property
    def real(self) -> Any:
        """The real part; a real Tensor itself."""
        return mark(self, spell("SelectBackward0", ops.real(self), self)) if self.is_complex() else self

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        if not self.is_complex():
            raise refusal(RuntimeDTypeError, "imag is not implemented for tensors with non-complex dtypes.")
        return mark(self, spell("SelectBackward0", ops.imag(self), self))


def _copies(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(np.ndim(p._value) > 0 if isinstance(p, Box) else np.ndim(p) > 0 for p in parts if p is not None)


_pow = CoreTensor.__pow__


def leaf(cls: type[Box], array: Any, requires_grad: bool) -> Any:
    """A Tensor around an array, asked for its gradient or not."""
    made = box(cls, array, None)
    if requires_grad:
        if array.dtype.kind not in "fc":
            raise refusal(RuntimeDTypeError, "Only Tensors of floating point and complex dtype can require gradients")
        made.requires_grad_()
    return made


def _fitted(result: Any, mine: Any) -> Any:
    """A result in the shape and dtype of the array it takes the place of, or PyTorch's refusal."""
    value = result._value
    if value.shape != mine.shape:
        raise refusal(
            RuntimeShapeError,
            f"output with shape {list(mine.shape)} doesn't match the broadcast shape {list(value.shape)}",
        )
    if dtypes.category(value.dtype) > dtypes.category(mine.dtype):
        raise refusal(
            RuntimeDTypeError,
            f"result type {dtypes.scalar_name(value.dtype)} can't be cast to the desired output type "
            f"{dtypes.scalar_name(mine.dtype)}",
        )
    return result if value.dtype == mine.dtype else ops.astype(result, mine.dtype)


def _check_fits(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Whether an array of this shape can be copied into the target's, or PyTorch's refusal."""
    for axis, (size, room) in enumerate(zip(shape[::-1], target[::-1], strict=False)):
        if size not in (1, room):
            raise refusal(
                RuntimeShapeError,
                f"The size of tensor a ({room}) must match the size of tensor b ({size}) at non-singleton dimension "
                f"{len(target) - 1 - axis}",
            )
    if len(shape) > len(target):
        raise refusal(
            RuntimeShapeError,
            f"output with shape {list(target)} doesn't match the broadcast shape {list(shape)}",
        )

"""Tensor: one object, three lives: concrete (a value), symbolic (a node without one), traced (the same)."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, Self

import numpy as np

from chainrule import noise
from chainrule.apply import binary, defer, defers, set_default
from chainrule.box import Box, as_value, box
from chainrule.config import recording
from chainrule.dtypes import API_VERSIONS, DEVICE, as_device
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError, SymbolError
from chainrule.graph.gradients import backward
from chainrule.graph.per_sample import backward_per_sample
from chainrule.node import Node, Watch, record
from chainrule.op import COMPOSITES, REGISTRY
from chainrule.ops import ops
from chainrule.ops.index import getitem
from chainrule.spec import Spec
from chainrule.unknown import UnknownError

# What to do about values that a function asks for while it is traced by jit.
COMPILED = "choose with where(...) or cond(...), repeat with while_loop(...) or fori_loop(...), or"


class Removable:
    """What ``register_hook`` returns; ``remove()`` takes the hook away again (once is enough)."""

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self._hooks, self._key = hooks, key

    def remove(self) -> None:
        self._hooks.pop(self._key, None)


def _reversed_axes(x: Any) -> Any:
    return x.T


class Tensor(Box):
    """An array that remembers how it was computed.

    Made by :func:`tensor`, :func:`asarray`, the creation functions, or :func:`symbol`; never changes under anyone's
    feet: ``x += 1`` gives *this* Tensor a new value, and everybody else keeps the old one.
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    # ------------------------------------------------------------------------------------------ what it is

    @property
    def _source(self) -> Any:
        return self._node if self._value is None else self._value

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._source.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return Spec(self.shape, self.dtype).size

    @property
    def device(self) -> str:
        """Where the value lives: always ``"cpu"``."""
        return DEVICE

    def to_device(self, device: Any, /, *, stream: Any = None) -> Self:
        """This Tensor on ``device``: there is one, ``"cpu"``, and it has no streams."""
        as_device("to_device", device)
        if stream is not None:
            raise DomainError(
                f"[to_device] stream {stream!r} was given, but the device 'cpu' has none; expected no stream; "
                f"leave it out."
            )
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """The functions that the array API standard has for this array: the package ``chainrule``."""
        if api_version not in (None, *API_VERSIONS):
            raise DomainError(
                f"[__array_namespace__] version {api_version!r} of the array API standard is unknown; "
                f"expected one of {', '.join(API_VERSIONS)}; leave it out."
            )
        return sys.modules["chainrule"]

    @property
    def spec(self) -> Spec:
        """Shape and dtype together."""
        return Spec(self.shape, self.dtype)

    @property
    def is_symbolic(self) -> bool:
        """Whether there is a graph but no value yet."""
        return self._value is None

    def _known(self, function: str) -> Any:
        """The value, or the error that says where this became symbolic."""
        if self._value is None:
            if self._node.axis is not None:
                known = self._node.known
                if known is not None:
                    return known._known(function)
                raise self._node.axis.no_value(function, self.spec)
            static = "" if (traced := noise.traced.get()) is None else traced.static(self._node)
            advice = f"{COMPILED} {static}" if static else "give values with .eval(...) or function(...)"
            error = SymbolError(
                f"[{function}] {self._node.name()} is symbolic ({self._node.spec!r}) and has no value; it was made at "
                f"{self._node.location}; expected a Tensor with a value; {advice}."
            )
            error.advice = static  # where a shape, an axis or a count was asked for
            raise error
        return self._value

    def _release(self, function: str) -> Any:
        """The value, for leaving the graph: only when no gradient is at stake."""
        value = self._known(function)
        if self._node is not None:
            raise GradientError(
                f"[{function}] this Tensor requires a gradient, which would be lost in a plain array; "
                f"expected a Tensor without one; call x.detach() first."
            )
        return value

    # ---------------------------------------------------------------------------- the life of a gradient

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this are recorded, so that a gradient may be asked of it."""
        return self._node is not None and self._value is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for the gradient of this leaf (or no longer); returns the Tensor itself."""
        value = self._known("requires_grad_")
        if not requires_grad:
            if self._node is not None and not self.is_leaf:
                raise GradientError(
                    f"[requires_grad_] this Tensor is the result of {self._node.name()}, and only a leaf can stop "
                    f"requiring its gradient; expected a leaf; use x.detach()."
                )
            self._node = None
        elif self._node is None:
            if value.dtype.kind not in "fc":
                raise DTypeError(
                    f"[requires_grad_] the Tensor has dtype {value.dtype}; only floating-point and complex values have "
                    f"derivatives; convert it first: x.astype('float64')."
                )
            self._node = record(None, (), (), {}, value)
            self._node.watch = Watch(self)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this was made by the user rather than by a recorded operation."""
        return self._node is None or self._node.op is None

    @property
    def grad(self) -> Self | None:
        """The gradient accumulated so far, or None."""
        return self._grad

    @grad.setter
    def grad(self, g: Any) -> None:
        if g is not None:
            if not isinstance(g, Box):
                raise DTypeError(f"[grad] a {type(g).__name__} was assigned; expected a Tensor or None.")
            if g.dtype != self.dtype:
                raise DTypeError(
                    f"[grad] a gradient of {g.dtype} was assigned to a Tensor of {self.dtype}; "
                    f"expected equal dtypes; convert it with g.astype('{self.dtype}')."
                )
            if g.shape != self.shape:
                raise ShapeError(
                    f"[grad] a gradient of shape {g.shape} was assigned to a Tensor of shape {self.shape}; "
                    f"expected equal shapes."
                )
        self._grad = g

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this, or None for a leaf."""
        return None if self.is_leaf else self._node

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Any] | None = None,
        per_sample: int | None = None,
    ) -> None:
        """Accumulate ∂self/∂leaf into ``leaf.grad`` for every leaf this depends on (or for ``inputs``).

        ``gradient`` is the cotangent of this Tensor, implied for a single number. The values the graph kept are freed
        unless ``retain_graph``; ``create_graph`` records the gradients, so that they can be differentiated. With
        ``per_sample=axis`` each element along that axis of this Tensor has a gradient of its own, and ``leaf.grad``
        the stack of them: the walk is mapped over the samples, at their number times the cost. Where the function of
        one sample is at hand, ``per_sample(grad(f))`` is cheaper.

        >>> import chainrule as cr
        >>> x = cr.tensor([0.0, 1.0, 2.0], requires_grad=True)
        >>> (2 * x @ x).backward()
        >>> x.grad
        tensor([0., 4., 8.])
        """
        if per_sample is not None:
            if create_graph or inputs is not None:
                raise GradientError(
                    "[backward] per_sample was given with create_graph or inputs; expected it alone; write "
                    "per_sample(grad(f)) for gradients that are differentiated again."
                )
            return backward_per_sample(self, per_sample, gradient, retain_graph)
        chosen = [inputs] if isinstance(inputs, Box) else inputs
        backward(
            [self],
            None if gradient is None else [gradient],
            retain_graph=retain_graph,
            create_graph=create_graph,
            inputs=chosen,
        )

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this result too, not only of leaves."""
        self._watch("retain_grad").retain = True

    def register_hook(self, hook: Callable[[Any], Any]) -> Removable:
        """Call ``hook(gradient)`` whenever the gradient of this is computed; what it returns replaces the gradient."""
        if not callable(hook):
            raise DTypeError(
                f"[register_hook] the hook is a {type(hook).__name__}; expected a function of the gradient; "
                f"write e.g. x.register_hook(lambda g: 2 * g)."
            )
        hooks = self._watch("register_hook").hooks
        key = max(hooks, default=-1) + 1
        hooks[key] = hook
        return Removable(hooks, key)

    def _watch(self, function: str) -> Watch:
        if self._node is None:
            raise GradientError(
                f"[{function}] this Tensor does not require a gradient; expected one that does; "
                f"call x.requires_grad_() first."
            )
        if self._node.watch is None:
            self._node.watch = Watch(self)
        return self._node.watch

    def detach(self) -> Self:
        """The same value outside the graph: no gradient flows through it."""
        return ops.stop_gradient(self) if self._value is None else box(type(self), self._value, None)

    def clone(self) -> Self:
        """This value as a result of its own; the gradient passes through."""
        return ops.positive(self) if self.dtype.kind != "b" else ops.astype(self, self.dtype)

    # ----------------------------------------------------------------------------------- leaving the graph

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as a read-only array; refuses while a gradient is at stake."""
        view = np.asarray(self._release("numpy")).view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        value = np.asarray(self._release("asarray"))
        if copy or (dtype is not None and value.dtype != dtype):
            if copy is False:
                raise DTypeError(
                    f"[asarray] copy=False was given, but {value.dtype} cannot become {dtype} without a copy; "
                    f"expected the Tensor's own dtype; leave copy out."
                )
            return value.astype(dtype or value.dtype)
        view = value.view()
        view.flags.writeable = False
        return view

    def item(self) -> Any:
        """The one element as a Python number."""
        value = self._known("item")
        if value.size != 1:
            raise ShapeError(
                f"[item] the Tensor has shape {self.shape}, {self.size} elements; expected exactly one; index it first."
            )
        return value.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._known("tolist").tolist()

    def _number(self, function: str) -> Any:
        # NumPy asks an element for its number when it is assigned: array[0] = x. Only the caller's instruction tells
        # that from float(x), and there the gradient would be lost unseen.
        caller = sys._getframe(2)
        if self._node is not None and caller.f_code.co_code[caller.f_lasti] == _STORE_ITEM:
            self._release("setitem")
        if self._node is not None and function != "int" and caller.f_globals.get("__name__", "").startswith("scipy."):
            # In the user's own code float(x) says that the gradient ends here; in SciPy's, nobody sees that it does.
            self._release(function)
        value = self._known(function)
        if value.shape != ():
            raise ShapeError(
                f"[{function}] a Tensor of shape {value.shape} is no single number; expected a 0-d one; "
                f"index it first, or use .item()."
            )
        return value.item()

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __complex__(self) -> complex:
        return complex(self._number("complex"))

    def __bool__(self) -> bool:
        value = self._known("bool")
        if value.shape != ():
            raise ShapeError(
                f"[bool] the truth of a Tensor of shape {self.shape} is ambiguous; expected a 0-d one; "
                f"use .any() or .all()."
            )
        return bool(value.item())

    def __index__(self) -> int:
        value = self._known("index")
        if value.dtype.kind not in "iub" or value.shape != ():
            raise DTypeError(f"[index] {self.spec!r} is not an integer; expected a 0-d integer Tensor; use int(x).")
        return int(value)

    def __len__(self) -> int:
        if not self.shape:
            raise DTypeError("[len] the Tensor has no axes; expected at least one; use .size for the element count.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        if not self.shape:
            raise DTypeError("[iter] the Tensor has no axes to iterate over; expected at least one; use .item().")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        self._known("in")
        return bool(np.any(ops.equal(self, item)._value))

    def __format__(self, spec: str) -> str:
        if self._value is not None and self.shape == ():
            return format(self._value.item(), spec)
        return format(str(self), spec)

    # ---------------------------------------------------------------------------------------- life as a value

    def _rebind(self, value: Any, node: Node | None) -> None:
        """Give this Tensor a new value; the only place where a Tensor changes."""
        self._value = value
        self._node = node

    def _assign(self, function: str, result: Any) -> Self:
        """The in-place spelling: this Tensor takes over a result, keeping its own shape and dtype."""
        if self._value is not None and not isinstance(result, Tensor):
            result = box(type(self), np.asarray(as_value(function, result))[()], None)
        new, old = result._source, self._source
        if new.shape != old.shape:
            raise ShapeError(
                f"[{function}] the result has shape {result.shape}, this Tensor {self.shape}; expected equal shapes, "
                f"since an in-place operation keeps its Tensor's shape; write x = x + y instead."
            )
        if new.dtype is not old.dtype and new.dtype != old.dtype:
            if not np.can_cast(result.dtype, self.dtype, casting="same_kind"):
                raise DTypeError(
                    f"[{function}] the result is {result.dtype} and this Tensor {self.dtype}, which would cut it off; "
                    f"expected a dtype that casts to {self.dtype}, since an in-place operation keeps its Tensor's "
                    f"dtype; write x = x + y instead, or convert x with astype('{result.dtype}') first."
                )
            result = ops.astype(result, self.dtype)
        node = self._node
        leaf = node is not None and node.op is None and not node.parents and self._value is not None
        if leaf and result._node is not None:
            raise GradientError(
                f"[{function}] a leaf that requires a gradient is written to in place, which would lose the place "
                f"where its gradient is accumulated; expected the write under no_grad(); "
                f"wrap it in with chainrule.no_grad(), or write x = x + y."
            )
        if leaf or (node is not None and self._value is not None and not recording.get()):
            # What is not recorded changes the value alone: the place in the graph stays.
            self._rebind(result._value, node)
        else:
            self._rebind(result._value, result._node)
            if node is not None and node.watch is not None and node.watch.retain and result._node is not None:
                # retain_grad() is about this Tensor, which is another result now.
                node.watch.retain = False
                self.retain_grad()
        return self

    def zero_(self) -> Self:
        """Set every element to zero, in place."""
        return self._assign("zero_", box(type(self), np.zeros(self.shape, self.dtype)[()], None))

    def fill_(self, value: Any) -> Self:
        """Set every element to ``value``, in place."""
        return self._assign("fill_", ops.broadcast_to(value, self.shape))

    def copy_(self, source: Any) -> Self:
        """Take over the elements of ``source``, broadcast to this shape, in place."""
        return self._assign("copy_", ops.broadcast_to(source, self.shape))

    def __copy__(self) -> Self:
        return self.clone() if self._node is not None and not self.is_leaf else self._twin()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if self._value is not None and not self.is_leaf:
            raise GradientError(
                "[deepcopy] this Tensor is the result of a recorded operation, and its graph is not copied; "
                "expected a leaf; call x.detach() first."
            )
        memo[id(self)] = twin = self._twin()
        return twin

    def _twin(self) -> Self:
        if self._value is None:
            return box(type(self), None, self._node)
        twin = box(type(self), self._value, None)
        if self._node is not None:
            twin.requires_grad_()
        if self._grad is not None:
            twin._grad = self._grad._twin()
        return twin

    def __reduce__(self) -> Any:
        value = self._known("pickle")
        return _restore, (type(self), np.asarray(value), self.is_leaf and self._node is not None)

    # ------------------------------------------------------------------------------------------ operators

    def __getitem__(self, index: Any) -> Self:
        try:
            return getitem(ops, self, index)
        except UnknownError:
            return ops.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._assign("setitem", ops.setitem(self, index, value))

    def __divmod__(self, other: Any) -> tuple[Self, Self]:
        if defers(other):
            return NotImplemented
        return ops.floor_divide(self, other), ops.remainder(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Self, Self]:
        if defers(other):
            return NotImplemented
        return ops.floor_divide(other, self), ops.remainder(other, self)

    __hash__ = object.__hash__

    @property
    def T(self) -> Self:
        """The axes in reverse order."""
        try:
            return ops.permute_dims(self, tuple(range(self.ndim))[::-1])
        except UnknownError:
            return defer(_reversed_axes, (self,), {})

    @property
    def mT(self) -> Self:
        """The last two axes exchanged."""
        return ops.matrix_transpose(self)

    @property
    def real(self) -> Self:
        """The real part."""
        return ops.real(self)

    @property
    def imag(self) -> Self:
        """The imaginary part."""
        return ops.imag(self)

    def reshape(self, *shape: Any) -> Self:
        """These elements in another shape: ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order, reversed by default."""
        if not axes:
            return self.T
        return ops.permute_dims(self, axes[0] if len(axes) == 1 else axes)

    # ---------------------------------------------------------------------------------------------- as text

    def __repr__(self) -> str:
        if self._value is None:
            return f"symbol({self._node.name()}: {self._node.spec!r})"
        text = np.array2string(np.asarray(self._value), separator=", ", prefix="tensor(")
        parts = [text]
        if not self.size and self.ndim > 1:
            parts.append(f"shape={self.shape}")
        if self.dtype not in _SILENT_DTYPES:
            parts.append(f"dtype={self.dtype}")
        if self._node is not None:
            parts.append("requires_grad=True" if self._node.op is None else f"grad_fn=<{self._node.name()}>")
        return f"tensor({', '.join(parts)})"


_STORE_ITEM = dis.opmap["STORE_SUBSCR"]
_SILENT_DTYPES = frozenset(map(np.dtype, ("float64", "int64", "bool", "complex128")))


def _restore(cls: type[Tensor], value: Any, requires_grad: bool) -> Any:
    made = box(cls, value[()], None)
    return made.requires_grad_() if requires_grad else made


# -------------------------------------------------------------------------------------- operators, methods

_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "power", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
_COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}


def _in_place(operator: Callable[..., Any], name: str) -> Any:
    def in_place(self: Any, other: Any) -> Any:
        result = operator(self, other)
        return result if result is NotImplemented else self._assign(name, result)

    return in_place


def _reflected(operator: Callable[..., Any]) -> Any:
    return lambda self, other: operator(other, self)


def _install() -> None:
    for spelling, name in _OPERATORS.items():
        operator = binary(REGISTRY[name], operator=True)
        setattr(Tensor, f"__{spelling}__", operator)
        setattr(Tensor, f"__r{spelling}__", _reflected(operator))
        setattr(Tensor, f"__i{spelling}__", _in_place(operator, name))
    for spelling, name in _COMPARISONS.items():
        setattr(Tensor, f"__{spelling}__", binary(REGISTRY[name], operator=True))
    for spelling, name in _UNARY.items():
        setattr(Tensor, f"__{spelling}__", getattr(ops, name))
    for op in (*REGISTRY.values(), *COMPOSITES.values()):
        if op.method:
            method = op.name if op.method is True else op.method
            setattr(Tensor, method, op.call)


_install()
set_default(Tensor)

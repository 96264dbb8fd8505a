"""Making Tensors in PyTorch's spelling, the random ones included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import random
from chainrule.box import Box, box
from chainrule.dialects.torch.data import as_array, sizes
from chainrule.dialects.torch.device import device
from chainrule.dialects.torch.dtypes import INT64, as_numpy, default_float
from chainrule.dialects.torch.errors import RuntimeDTypeError, RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.dialects.torch.tensor import Tensor, leaf
from chainrule.errors import DTypeError, SymbolError
from chainrule.ops import ops


def _checked(where: Any) -> None:
    if where is not None:
        device(where)


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of ``data``; Python floats become float32.

    >>> import chainrule.torch as torch
    >>> torch.tensor([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    _checked(device)
    return leaf(Tensor, as_array("tensor", data, as_numpy("tensor", dtype)), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a Tensor: a Tensor passes as it is, anything else is copied.

    >>> import chainrule.torch as torch
    >>> torch.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(ndarray: Any) -> Tensor:
    """A copy of an array, in its own dtype: writes to the array do not reach the Tensor.

    >>> import chainrule.torch as torch, numpy as np
    >>> torch.from_numpy(np.ones(2))
    tensor([1., 1.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise refusal(DTypeError, f"expected np.ndarray (got {type(ndarray).__name__})")
    return tensor(ndarray)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The given shape filled with one number."""
    _checked(device)
    if isinstance(fill_value, Box):
        return ops.broadcast_to(fill_value, sizes((size,)))
    wanted = as_numpy("full", dtype)
    value = as_array("full", fill_value, wanted)
    return leaf(Tensor, np.full(sizes((size,)), value), requires_grad)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the given shape.

    >>> import chainrule.torch as torch
    >>> torch.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    _checked(device)
    return leaf(Tensor, np.zeros(sizes(size), as_numpy("zeros", dtype) or default_float()), requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of the given shape whose elements mean nothing yet (they are zeros)."""
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the given shape."""
    _checked(device)
    return leaf(Tensor, np.ones(sizes(size), as_numpy("ones", dtype) or default_float()), requires_grad)


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, (Box, np.generic)) else x  # type: ignore[attr-defined]  # Tensors have it


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, … below end; with one argument, 0, 1, … below it.

    >>> import chainrule.torch as torch
    >>> torch.arange(4.0)
    tensor([0., 1., 2., 3.])
    """
    _checked(device)
    start, end = (0, start) if end is None else (start, end)
    start, end, step = map(_number, (start, end, step))
    if step == 0:
        raise refusal(RuntimeShapeError, "step must be nonzero")
    if (end - start) * step < 0:
        raise refusal(RuntimeShapeError, "upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(x, int) for x in (start, end, step))
    wanted = as_numpy("arange", dtype) or (INT64 if whole else default_float())
    count = math.ceil((end - start) / step)
    return leaf(Tensor, (start + step * np.arange(count)).astype(wanted), requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` evenly spaced numbers from start to end.

    >>> import chainrule.torch as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    _checked(device)
    wanted = as_numpy("linspace", dtype) or default_float()
    return leaf(Tensor, np.linspace(_number(start), _number(end), steps, dtype=wanted), requires_grad)


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from base**start to base**end, evenly spaced in the exponent."""
    wanted = as_numpy("logspace", dtype) or default_float()
    made = np.logspace(_number(start), _number(end), steps, base=base, dtype=wanted)
    return leaf(Tensor, made, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    _checked(device)
    return leaf(Tensor, np.eye(n, m, dtype=as_numpy("eye", dtype) or default_float()), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and dtype of ``input``."""
    return full_like(input, 0, dtype=dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and dtype of ``input``."""
    return full_like(input, 1, dtype=dtype, requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The shape and dtype of ``input``, with elements that mean nothing yet."""
    return full_like(input, 0, dtype=dtype, requires_grad=requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One number in the shape and dtype of ``input``."""
    wanted = as_numpy("full_like", dtype) or input._source.dtype
    return leaf(Tensor, np.full(input._source.shape, fill_value, wanted), requires_grad)


# ----------------------------------------------------------------------------------------------- randomness


class Generator:
    """A stream of random numbers of one's own: those of :mod:`chainrule.random`, which are not PyTorch's."""

    def __init__(self, device: Any = "cpu"):
        _checked(device)
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream again from ``seed``."""
        self._seed = seed
        self.own = random.Generator(seed)
        return self

    def initial_seed(self) -> int:
        """The seed the stream started from."""
        return self._seed


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the common stream of random numbers again from ``seed``.

    >>> import chainrule.torch as torch
    >>> first = torch.manual_seed(0) and torch.rand(3)
    >>> torch.equal(first, torch.manual_seed(0) and torch.rand(3))
    True
    """
    return default_generator.manual_seed(seed)


def _draw(generator: Generator | None, method: str, *args: Any, **params: Any) -> Any:
    return getattr((generator or default_generator).own, method)(*args, **params)


def _drawn(x: Any, dtype: Any, requires_grad: bool = False) -> Tensor:
    """What chainrule drew as a Tensor of this dtype; symbolic where a function is traced to be compiled."""
    if x._value is None:
        return box(Tensor, None, ops.astype(x, dtype)._node)
    return leaf(Tensor, x._value.astype(dtype, copy=False)[()], requires_grad)


def _known(name: str, x: Any) -> Any:
    """The array of what was drawn, for functions that need values."""
    if x._value is None:
        raise SymbolError(
            f"[{name}] a function is traced to be compiled, and what is drawn in it has no value yet; expected a "
            f"result that is a new Tensor; write rand(...) or randn(...), or draw outside."
        )
    return x._value


def _noise(method: str, size: Any, dtype: Any, requires_grad: bool, generator: Generator | None) -> Tensor:
    wanted = as_numpy("rand", dtype) or default_float()
    if wanted.kind not in "f":
        raise refusal(RuntimeDTypeError, f"random numbers are floating-point, but dtype is torch.{wanted.name}")
    return _drawn(_draw(generator, method, size, dtype=wanted), wanted, requires_grad)


def rand(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Any = None
) -> Tensor:
    """Uniform on [0, 1)."""
    _checked(device)
    return _noise("rand", sizes(size), dtype, requires_grad, generator)


def randn(
    *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Any = None
) -> Tensor:
    """Standard normal."""
    _checked(device)
    return _noise("randn", sizes(size), dtype, requires_grad, generator)


def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform on [0, 1), in the shape and dtype of ``input``."""
    return rand(input._source.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal, in the shape and dtype of ``input``."""
    return randn(input._source.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randint(low: int, high: Any = None, size: Any = None, *, dtype: Any = None, generator: Any = None) -> Tensor:
    """Integers from ``low`` (0 if left out) to below ``high``."""
    if size is None:
        low, high, size = 0, low, high
    drawn = _draw(generator, "integers", low, high, sizes((size,)))
    return _drawn(drawn, as_numpy("randint", dtype) or INT64)


def randperm(n: int, *, dtype: Any = None, generator: Any = None) -> Tensor:
    """The integers below n in random order."""
    return _drawn(_draw(generator, "permutation", n), as_numpy("randperm", dtype) or INT64)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None) -> Tensor:
    """Normal with the given mean and deviation."""
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std)) if size is None else sizes((size,))
    noise = randn(shape, generator=generator)
    return (noise * std + mean).detach()


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """1 with the given probabilities, else 0."""
    spec = input._source
    drawn = _drawn(ops.less(_draw(generator, "rand", spec.shape), input.detach()), spec.dtype)
    # As in PyTorch a result of the graph, through which nothing flows.
    return spell("BernoulliBackward0", ops.where(np.False_, input, drawn), input)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Positions drawn with probabilities proportional to the given weights, along the last dim."""
    weights = np.atleast_2d(np.asarray(input._known("multinomial"), dtype=np.float64))
    rows = [_draw(generator, "choice", row.size, num_samples, replacement, row / row.sum()) for row in weights]
    return _drawn(rows[0] if input.ndim == 1 else ops.stack(rows, axis=0), INT64)


def _random_in_place(name: str, draw: Any) -> Any:
    def method(self: Any, *args: Any, generator: Any = None, **params: Any) -> Any:
        value = self._known(name)
        if value.dtype.kind != "f":
            raise refusal(RuntimeDTypeError, f"\"{name}\" not implemented for '{self.type()[6:-6]}'")
        drawn = _known(name, draw(generator, value.shape, *args, **params))
        return self._overwrite(name, name.rstrip("_").capitalize() + "Backward0", np.asarray(drawn, value.dtype)[()])

    method.__name__ = method.__qualname__ = name
    return method


def _uniform(generator: Any, shape: Any, a: float = 0.0, b: float = 1.0) -> Any:
    return _draw(generator, "uniform", a, b, shape)


def _normal(generator: Any, shape: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    return _draw(generator, "normal", mean, std, shape)


def _bernoulli(generator: Any, shape: Any, p: float = 0.5) -> Any:
    return _draw(generator, "bernoulli", p, shape)


def _exponential(generator: Any, shape: Any, lambd: float = 1.0) -> Any:
    return _draw(generator, "exponential", 1 / lambd, shape)


for _name, _draw_numbers in {
    "uniform_": _uniform, "normal_": _normal, "bernoulli_": _bernoulli, "exponential_": _exponential
}.items():  # fmt: skip
    setattr(Tensor, _name, _random_in_place(_name, _draw_numbers))

FUNCTIONS = {f.__name__: f for f in (
    tensor, as_tensor, from_numpy, full, zeros, empty, ones, arange, linspace, logspace, eye, zeros_like, ones_like,
    empty_like, full_like, manual_seed, rand, randn, rand_like, randn_like, randint, randperm, normal, bernoulli,
    multinomial,
)}  # fmt: skip

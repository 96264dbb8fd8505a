"""``torch.nn.init``: first values of parameters, written in place and unseen by the graph."""

from __future__ import annotations

import math
from typing import Any

from chainrule.config import no_grad
from chainrule.dialects.torch.errors import refusal
from chainrule.errors import ShapeError


@no_grad
def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0) -> Any:
    """Uniform on [a, b)."""
    return tensor.uniform_(a, b)


@no_grad
def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    """Normal with the given mean and deviation."""
    return tensor.normal_(mean, std)


@no_grad
def constant_(tensor: Any, val: float) -> Any:
    """One number."""
    return tensor.fill_(val)


def zeros_(tensor: Any) -> Any:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Any) -> Any:
    """Ones."""
    return constant_(tensor, 1.0)


def _fans(tensor: Any) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input, in a layer with this weight."""
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        raise refusal(ShapeError, "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of a layer's output, given what follows it."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise refusal(ShapeError, f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


def xavier_uniform_(tensor: Any, gain: float = 1.0) -> Any:
    """Uniform with variance 2 gain² / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Any, gain: float = 1.0) -> Any:
    """Normal with variance 2 gain² / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))))


def _kaiming_deviation(tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise refusal(ShapeError, f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Any:
    """Uniform with variance gain² / fan (He et al., 2015)."""
    bound = math.sqrt(3) * _kaiming_deviation(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Any:
    """Normal with variance gain² / fan (He et al., 2015)."""
    return normal_(tensor, 0.0, _kaiming_deviation(tensor, a, mode, nonlinearity))


FUNCTIONS = {f.__name__: f for f in (
    uniform_, normal_, constant_, zeros_, ones_, calculate_gain, xavier_uniform_, xavier_normal_, kaiming_uniform_,
    kaiming_normal_,
)}  # fmt: skip

"""Activations and dropout of ``torch.nn.functional``: PyTorch's names and ``dim`` for chainrule's functions."""

from __future__ import annotations

from typing import Any

from chainrule.dialects.torch.creation import rand
from chainrule.dialects.torch.errors import refusal
from chainrule.dialects.torch.names import spell
from chainrule.dialects.torch.reductions import log_softmax, softmax
from chainrule.errors import DomainError
from chainrule.ops import ops

sigmoid, tanh = ops.sigmoid, ops.tanh


def _made(node: str, result: Any, input: Any, inplace: bool = False) -> Any:
    """A result under PyTorch's name of its node, or the input with this as its new value."""
    spelled = spell(node, result, input)
    return input._assign(node.removesuffix("Backward0").lower(), spelled) if inplace else spelled


def relu(input: Any, inplace: bool = False) -> Any:
    """max(x, 0)."""
    return _made("ReluBackward0", ops.relu(input), input, inplace)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(β x)) / β. It does not overflow, so that no threshold is needed."""
    return spell("SoftplusBackward0", ops.softplus_scaled(input, float(beta), threshold), input)


def logsigmoid(input: Any) -> Any:
    """log(1 / (1 + exp(−x))), without overflow."""
    return spell("LogSigmoidBackward0", ops.log_expit(input), input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """x where it is positive, slope · x elsewhere."""
    return _made("LeakyReluBackward0", ops.leaky_relu(input, negative_slope), input, inplace)


def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, weight · x elsewhere, with one weight for all or for each channel."""
    return spell("PreluKernelBackward0", ops.prelu(input, weight), input, weight)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where it is positive, α (exp(x) − 1) elsewhere."""
    return _made("EluBackward0", ops.elu(input, alpha), input, inplace)


def selu(input: Any, inplace: bool = False) -> Any:
    """The self-normalising ELU (Klambauer et al., 2017)."""
    return _made("EluBackward0", ops.selu(input), input, inplace)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where it is positive, α (exp(x/α) − 1) elsewhere."""
    return _made("CeluBackward0", ops.celu(input, alpha), input, inplace)


def silu(input: Any, inplace: bool = False) -> Any:
    """x / (1 + exp(−x))."""
    return _made("SiluBackward0", ops.silu(input), input, inplace)


def mish(input: Any, inplace: bool = False) -> Any:
    """x · tanh(log(1 + exp(x)))."""
    return _made("MishBackward0", ops.mish(input), input, inplace)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x · Φ(x), Φ the normal distribution function, or its approximation by ``tanh``.

    >>> import chainrule.torch as torch
    >>> torch.nn.functional.gelu(torch.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    return spell("GeluBackward0", ops.gelu(input, approximate), input)


def softsign(input: Any) -> Any:
    """x / (1 + |x|)."""
    return spell("DivBackward0", ops.softsign(input), input)


def tanhshrink(input: Any) -> Any:
    """x − tanh(x)."""
    return spell("SubBackward0", ops.tanhshrink(input), input)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x moved by λ towards 0, and 0 where |x| ≤ λ."""
    return spell("SoftshrinkBackward0", ops.softshrink(input, lambd), input)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, and 0 where |x| ≤ λ."""
    return spell("HardshrinkBackward0", ops.hardshrink(input, lambd), input)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """x limited to [min_val, max_val]."""
    return _made("HardtanhBackward0", ops.hardtanh(input, min_val, max_val), input, inplace)


def relu6(input: Any, inplace: bool = False) -> Any:
    """x limited to [0, 6]."""
    return _made("HardtanhBackward0", ops.relu6(input), input, inplace)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """(x + 3) / 6 limited to [0, 1]."""
    return _made("HardsigmoidBackward0", ops.hardsigmoid(input), input, inplace)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """x · hardsigmoid(x)."""
    return _made("HardswishBackward0", ops.hardswish(input), input, inplace)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x where it is above the threshold, ``value`` elsewhere."""
    return _made("ThresholdBackward0", ops.threshold(input, threshold, value), input, inplace)


def glu(input: Any, dim: int = -1) -> Any:
    """a · sigmoid(b), the halves of x along ``dim``."""
    return spell("GluBackward0", ops.glu(input, dim), input)


def softmin(input: Any, dim: int = -1, dtype: Any = None) -> Any:
    """exp(−x) / Σ exp(−x) along ``dim``."""
    return softmax(ops.negative(input), dim, dtype)


# ------------------------------------------------------------------------------------------------- dropout


class Noise:
    """PyTorch's stream of random numbers, for chainrule's functions."""

    def _noise(self, _distribution: str, shape: Any, _dtype: Any) -> Any:
        return rand(shape)


def _dropped(function: Any, input: Any, p: float, training: bool, inplace: bool) -> Any:
    if not 0 <= p <= 1:
        raise refusal(DomainError, f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    result = spell("MulBackward0", function(input, p, training, generator=Noise()), input)
    return input._assign(function.__name__, result) if inplace else result


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Elements set to zero with probability p, the others scaled by 1 / (1 − p)."""
    return _dropped(ops.dropout, input, p, training, inplace)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, L) or (C, L) set to zero with probability p, the others scaled by 1 / (1 − p)."""
    return _dropped(ops.dropout1d, input, p, training, inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, H, W) set to zero with probability p, the others scaled by 1 / (1 − p)."""
    return _dropped(ops.dropout2d, input, p, training, inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, D, H, W) set to zero with probability p, the others scaled by 1 / (1 − p)."""
    return _dropped(ops.dropout3d, input, p, training, inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that leaves mean 0 and variance 1 as they are."""
    return _dropped(ops.alpha_dropout, input, p, training, inplace)


FUNCTIONS = {f.__name__: f for f in (
    relu, sigmoid, tanh, softplus, logsigmoid, leaky_relu, prelu, elu, selu, celu, silu, mish, gelu, softsign,
    tanhshrink, softshrink, hardshrink, hardtanh, relu6, hardsigmoid, hardswish, threshold, glu, softmin, softmax,
    log_softmax, dropout, dropout1d, dropout2d, dropout3d, alpha_dropout,
)}  # fmt: skip

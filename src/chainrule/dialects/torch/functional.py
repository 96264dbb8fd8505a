"""``torch.nn.functional``, as much as fits need: activations, losses, linear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.dialects.torch import pointwise, reductions
from chainrule.dialects.torch.creation import rand
from chainrule.dialects.torch.errors import RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.dialects.torch.reductions import log_softmax, softmax
from chainrule.errors import AxisError, ShapeError
from chainrule.ops import ops

relu, sigmoid, tanh = ops.relu, ops.sigmoid, ops.tanh


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(β x)) / β. It does not overflow, so that no threshold is needed."""
    del threshold
    result = ops.softplus(input) if beta == 1 else ops.divide(ops.softplus(ops.multiply(input, beta)), beta)
    return spell("SoftplusBackward0", result, input)


def logsigmoid(input: Any) -> Any:
    """log(1 / (1 + exp(−x))), without overflow."""
    return spell("LogSigmoidBackward0", ops.negative(ops.softplus(ops.negative(input))), input)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """x where it is positive, slope · x elsewhere."""
    result = ops.where(ops.greater(input, 0), input, ops.multiply(input, negative_slope))
    return spell("LeakyReluBackward0", result, input)


def _elu(name: str, input: Any, positive: float, negative: float) -> Any:
    # The branch that is not taken is given 0, where exp cannot overflow.
    below = ops.expm1(ops.where(ops.greater(input, 0), 0, input))
    result = ops.where(ops.greater(input, 0), ops.multiply(input, positive), ops.multiply(below, negative))
    return spell(name, result, input)


def elu(input: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, α (exp(x) − 1) elsewhere."""
    return _elu("EluBackward0", input, 1.0, alpha)


def selu(input: Any) -> Any:
    """The self-normalising ELU (Klambauer et al., 2017)."""
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return _elu("EluBackward0", input, scale, scale * alpha)


def silu(input: Any) -> Any:
    """x / (1 + exp(−x))."""
    return spell("SiluBackward0", ops.multiply(input, ops.sigmoid(input)), input)


def softsign(input: Any) -> Any:
    """x / (1 + |x|)."""
    return ops.divide(input, ops.add(ops.abs(input), 1))


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x limited to [min_val, max_val]."""
    return spell("HardtanhBackward0", pointwise.clamp(input, min_val, max_val), input)


def relu6(input: Any) -> Any:
    """x limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input @ weightᵀ + bias.

    >>> import chainrule.torch as torch
    >>> torch.nn.functional.linear(torch.ones(3), torch.ones(2, 3), torch.ones(2))
    tensor([4., 4.])
    """
    product = ops.matmul(input, ops.matrix_transpose(weight) if weight.ndim > 1 else weight)
    if bias is None:
        return product
    name = "AddmmBackward0" if input.ndim == 2 else "ViewBackward0"
    return spell(name, ops.add(product, bias), bias, input, weight)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Elements set to zero with probability p, the others scaled by 1 / (1 − p)."""
    if not 0 <= p <= 1:
        raise refusal(ShapeError, f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    kept = rand(input.shape)._value >= p
    scale = kept.astype(input._value.dtype) * (0 if p == 1 else input._value.dtype.type(1 / (1 - p)))
    result = ops.multiply(input, scale)
    return input._assign("dropout", result) if inplace else result


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Vectors with a 1 at the given positions.

    >>> import chainrule.torch as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    positions = np.asarray(tensor._value)
    if positions.size and positions.min() < 0:
        raise refusal(RuntimeShapeError, "Class values must be non-negative.")
    count = int(positions.max()) + 1 if num_classes == -1 else num_classes
    if positions.size and positions.max() >= count:
        raise refusal(RuntimeShapeError, "Class values must be smaller than num_classes.")
    return box(type(tensor), (positions[..., None] == np.arange(count)).astype(np.int64), None)


def embedding(input: Any, weight: Any) -> Any:
    """The rows of ``weight`` at the given positions."""
    return spell("EmbeddingBackward0", ops.getitem(weight, input._value), weight)


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Any:
    """Elements put around the last dims: ``pad`` is (before, after) of the last dim, then of the last but one …"""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    width = ((0, 0),) * (input.ndim - len(pairs)) + tuple(pairs)
    numpy_mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    if numpy_mode == "constant":
        result = ops.pad(input, width, constant_values=0 if value is None else value)
    else:
        result = ops.pad(input, width, mode=numpy_mode)
    return spell("ConstantPadNdBackward0" if mode == "constant" else f"{mode.capitalize()}Pad", result, input)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """input divided by its p-norm along ``dim``, but by no less than ``eps``."""
    size = pointwise.clamp_min(reductions.norm(input, p, dim, keepdim=True), eps)
    return ops.divide(input, size)


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x − mean) / √(var + ε) over the last dims, scaled by weight and moved by bias."""
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    centred = ops.subtract(input, ops.mean(input, axis=axes, keepdims=True))
    spread = ops.sqrt(ops.add(ops.mean(ops.square(centred), axis=axes, keepdims=True), eps))
    result = ops.divide(centred, spread)
    result = result if weight is None else ops.multiply(result, weight)
    result = result if bias is None else ops.add(result, bias)
    return spell("NativeLayerNormBackward0", result, input, *(x for x in (weight, bias) if x is not None))


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 · x2 / (‖x1‖ ‖x2‖) along ``dim``; a norm below ``eps`` counts as eps."""
    unit = [ops.divide(x, pointwise.clamp_min(reductions.norm(x, 2, dim, keepdim=True), eps)) for x in (x1, x2)]
    return reductions.sum(ops.multiply(*unit), dim)


# ------------------------------------------------------------------------------------------------------ losses


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction == "mean":
        return ops.mean(losses)
    if reduction == "sum":
        return ops.sum(losses)
    if reduction == "none":
        return losses
    raise refusal(ShapeError, f"{reduction} is not a valid value for reduction")


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of (input − target)²."""
    difference = ops.subtract(input, target)
    return spell("MseLossBackward0", _reduce(ops.square(difference), reduction), input, target)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of |input − target|."""
    losses = ops.abs(ops.subtract(input, target))
    result = _reduce(losses, reduction)
    return spell("MeanBackward0", result, losses) if reduction == "mean" else result


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """½ d² where |d| = |input − target| is at most δ, δ (|d| − δ/2) beyond."""
    return spell("HuberLossBackward0", _reduce(_huber(input, target, delta), reduction), input, target)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """The Huber loss divided by its threshold."""
    losses = ops.divide(_huber(input, target, beta), beta)
    return spell("SmoothL1LossBackward0", _reduce(losses, reduction), input, target)


def _huber(input: Any, target: Any, delta: float) -> Any:
    distance = ops.abs(ops.subtract(input, target))
    near = ops.multiply(ops.square(distance), 0.5)
    far = ops.multiply(ops.subtract(distance, delta / 2), delta)
    return ops.where(ops.less_equal(distance, delta), near, far)


def nll_loss(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """−input[i, target[i]], averaged (by weight) over the samples whose target is not ``ignore_index``."""
    labels = np.asarray(target._value)
    classes = input.shape[-1 if input.ndim == 1 else 1]
    used = labels != ignore_index
    wrong = used & ((labels < 0) | (labels >= classes))
    if wrong.any():
        raise refusal(AxisError, f"Target {labels[wrong].flat[0]} is out of bounds.")
    if input.ndim == 1:
        place: tuple[Any, ...] = (np.where(used, labels, 0),)
    else:
        grid = np.ogrid[tuple(map(slice, labels.shape))]
        place = (grid[0], np.where(used, labels, 0), *grid[1:])
    picked = ops.getitem(input, place)
    factors = used.astype(input._value.dtype)
    if weight is not None:
        given = weight._value if isinstance(weight, Box) else np.asarray(weight)
        factors = factors * given[np.where(used, labels, 0)].astype(factors.dtype)
    losses = ops.negative(picked if weight is None and used.all() else ops.multiply(picked, factors))
    if reduction == "mean":
        result = ops.divide(ops.sum(losses), factors.sum())
    else:
        result = _reduce(losses, reduction)
    return spell("NllLossBackward0" if input.ndim < 4 else "NllLoss2DBackward0", result, input)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """−log softmax(input) at the target class, or Σ −p log softmax(input) for probabilities p.

    >>> import chainrule.torch as torch
    >>> torch.nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([0]))
    tensor(0.6931)
    """
    axis = 0 if input.ndim == 1 else 1
    logs = log_softmax(input, axis)
    if target._value.dtype.kind in "iu" and not label_smoothing:
        return nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if weight is not None:
        raise ShapeError(
            "[cross_entropy] weight was given with probabilities or label smoothing; expected class indices; "
            "multiply the probabilities by the weights instead."
        )
    classes = input.shape[axis]
    if target._value.dtype.kind in "iu":
        labels = np.asarray(target._value)
        used = np.expand_dims(labels != ignore_index, axis)
        spots = np.moveaxis((labels[..., None] == np.arange(classes)), -1, axis)
        target = box(type(target), (spots & used).astype(input._value.dtype), None)
        smoothed = label_smoothing / classes * used.astype(input._value.dtype)
        counted = max(int(used.sum()), 1)
    else:
        smoothed = label_smoothing / classes
        counted = max(int(np.prod(input.shape)) // classes, 1)
    mixed = ops.add(ops.multiply(target, 1 - label_smoothing), smoothed) if label_smoothing else target
    losses = ops.negative(ops.sum(ops.multiply(logs, mixed), axis=axis))
    result = ops.divide(ops.sum(losses), counted) if reduction == "mean" else _reduce(losses, reduction)
    return spell("DivBackward1" if reduction == "mean" else "NegBackward0", result, logs)


def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Any:
    """−(t log p + (1 − t) log(1 − p)), with logarithms of at least −100."""
    yes = pointwise.clamp_min(ops.log(input), -100)
    no = pointwise.clamp_min(ops.log1p(ops.negative(input)), -100)
    losses = ops.negative(ops.add(ops.multiply(target, yes), ops.multiply(ops.subtract(1, target), no)))
    return spell("BinaryCrossEntropyBackward0", _reduce(losses, reduction), input)


def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The binary cross-entropy of sigmoid(input), without overflow."""
    losses = ops.subtract(ops.softplus(input), ops.multiply(input, target))
    return spell("BinaryCrossEntropyWithLogitsBackward0", _reduce(losses, reduction), input)


FUNCTIONS = {f.__name__: f for f in (
    relu, sigmoid, tanh, softplus, logsigmoid, leaky_relu, elu, selu, silu, softsign, hardtanh, relu6, linear,
    dropout, one_hot, embedding, pad, normalize, layer_norm, cosine_similarity, mse_loss, l1_loss, huber_loss,
    smooth_l1_loss, nll_loss, cross_entropy, binary_cross_entropy, binary_cross_entropy_with_logits, softmax,
    log_softmax,
)}  # fmt: skip

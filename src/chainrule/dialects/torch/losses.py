"""Losses of ``torch.nn.functional``: PyTorch's names, errors and broadcasting for chainrule's functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.dialects.torch.errors import refusal
from chainrule.dialects.torch.names import spell
from chainrule.errors import AxisError
from chainrule.ops import ops


def _matched(input: Any, target: Any) -> tuple[Any, Any]:
    """Two Tensors of one shape: PyTorch lets these losses broadcast."""
    return (input, target) if input.shape == target.shape else ops.broadcast_arrays(input, target)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of (input − target)²."""
    return spell("MseLossBackward0", ops.mse_loss(*_matched(input, target), reduction), input, target)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of |input − target|."""
    return ops.l1_loss(*_matched(input, target), reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """½ d² where |d| = |input − target| is at most δ, δ (|d| − δ/2) beyond."""
    return spell("HuberLossBackward0", ops.huber_loss(*_matched(input, target), reduction, delta), input, target)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """The Huber loss divided by its threshold."""
    return spell("SmoothL1LossBackward0", ops.smooth_l1_loss(*_matched(input, target), reduction, beta), input, target)


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    """The mean of target (log target − input), where ``input`` holds logarithms of probabilities."""
    return ops.kl_div_loss(*_matched(input, target), reduction, log_target)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """The mean of exp(input) − target · input, or of input − target · log(input + eps)."""
    return ops.poisson_nll_loss(*_matched(input, target), log_input, full, eps, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """The mean of ½ (log var + (input − target)² / var), with variances of at least eps."""
    return ops.gaussian_nll_loss(*_matched(input, target), var, full, eps, reduction)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    """−(t log p + (1 − t) log(1 − p)), with logarithms of at least −100."""
    result = ops.binary_cross_entropy(input, target, weight, reduction)
    return spell("BinaryCrossEntropyBackward0", result, input, target)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """The binary cross-entropy of sigmoid(input), without overflow."""
    result = ops.binary_cross_entropy_with_logits(input, target, weight, reduction, pos_weight)
    return spell("BinaryCrossEntropyWithLogitsBackward0", result, input, target)


# ----------------------------------------------------------------------------------------- labels 1 and −1


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Any:
    """The mean of input where the target is 1, and of max(0, margin − input) where it is −1."""
    return ops.hinge_embedding_loss(*_matched(input, target), margin, reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean") -> Any:
    """The mean of max(0, margin − target · (input1 − input2))."""
    return ops.margin_ranking_loss(input1, input2, target, margin, reduction)


def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """The mean of log(1 + exp(−target · input)), without overflow."""
    return spell("SoftMarginLossBackward0", ops.soft_margin_loss(input, target, reduction), input, target)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Any:
    """The mean of 1 − cos where the target is 1, and of max(0, cos − margin) where it is −1."""
    return ops.cosine_embedding_loss(input1, input2, target, margin, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Any:
    """The mean of max(0, d(anchor, positive) − d(anchor, negative) + margin)."""
    return ops.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction)


# ------------------------------------------------------------------------------------------------- classes


def _check_classes(input: Any, target: Any, ignored: int) -> None:
    labels = np.asarray(target._value)
    classes = input.shape[-1 if input.ndim == 1 else 1]
    wrong = (labels != ignored) & ((labels < 0) | (labels >= classes))
    if wrong.any():
        raise refusal(AxisError, f"Target {labels[wrong].flat[0]} is out of bounds.")


def nll_loss(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """−input[i, target[i]], averaged (by weight) over the samples whose target is not ``ignore_index``."""
    _check_classes(input, target, ignore_index)
    result = ops.nll_loss(input, target, weight, ignore_index, reduction)
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
    numbered = target._value.dtype.kind in "iu"
    if numbered:
        _check_classes(input, target, ignore_index)
    result = ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    if numbered and not label_smoothing:
        return spell("NllLossBackward0" if input.ndim < 4 else "NllLoss2DBackward0", result, input)
    return spell("DivBackward1" if reduction == "mean" else "NegBackward0", result, input)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
) -> Any:
    """The mean of Σ max(0, margin − x[y] + x[j])ᵖ / C over the classes j other than the target y."""
    return spell("MultiMarginLossBackward0", ops.multi_margin_loss(input, target, p, margin, weight, reduction), input)


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """−log of the probability that the outputs spell the targets (Graves et al., 2006)."""
    return ops.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)


FUNCTIONS = {f.__name__: f for f in (
    mse_loss, l1_loss, huber_loss, smooth_l1_loss, kl_div, poisson_nll_loss, gaussian_nll_loss, binary_cross_entropy,
    binary_cross_entropy_with_logits, hinge_embedding_loss, margin_ranking_loss, soft_margin_loss,
    cosine_embedding_loss, triplet_margin_loss, nll_loss, cross_entropy, multi_margin_loss, ctc_loss,
)}  # fmt: skip

"""Losses of numbers against numbers, and of one or two points against labels 1 and −1.

All take reduction="mean", "sum" or "none". Integers take the dtype of the floating operands, or count as float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, ShapeError
from chainrule.known import known
from chainrule.op import composite
from chainrule.operands import reals, reduce_losses, same_shapes, signs, unknown


def _pair(xp: Any, name: str, x: Any, target: Any) -> list[Any]:
    x, target = reals(xp, name, x, target)
    same_shapes(name, input=x, target=target)
    return [x, target]


def _times(xp: Any, name: str, losses: Any, weight: Any) -> Any:
    return losses if weight is None else xp.multiply(*reals(xp, name, losses, weight))


def _refuse_unlike(*operands: Any) -> None:
    """Leave to the body of a loss what is not alike, empty or no array: it converts, or says what is wrong."""
    first = operands[0]
    if first.dtype.kind != "f" or first.size == 0:
        raise TypeError("a floating array is expected")
    if any(x.dtype != first.dtype or x.shape != first.shape for x in operands):
        raise TypeError("arrays alike are expected")


def _summarised(losses: Any, reduction: str) -> Any:
    return losses if reduction == "none" else {"mean": np.mean, "sum": np.sum}[reduction](losses)


# ------------------------------------------------------------------------------------------------ distances


def _by_distance(loss: Any) -> Any:
    """A loss on bare arrays, where ``loss`` is of the array input − target, which it may overwrite."""

    def value(input: Any, target: Any, reduction: str = "mean") -> Any:
        _refuse_unlike(input, target)
        distance = np.asarray(input - target)
        return _summarised(loss(distance, out=distance)[()], reduction)

    return value


def _mse_loss(xp: Any, input: Any, target: Any, reduction: str = "mean") -> Any:
    input, target = _pair(xp, "mse_loss", input, target)
    return reduce_losses(xp, "mse_loss", xp.square(xp.subtract(input, target)), reduction)


composite(
    "mse_loss",
    _mse_loss,
    value=_by_distance(np.square),
    public=("nn.functional.mse_loss",),
    doc="""The mean of (input − target)².

    >>> cr.nn.functional.mse_loss(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 4.0]))
    tensor(2.)
    """,
)


def _l1_loss(xp: Any, input: Any, target: Any, reduction: str = "mean") -> Any:
    input, target = _pair(xp, "l1_loss", input, target)
    return reduce_losses(xp, "l1_loss", xp.abs(xp.subtract(input, target)), reduction)


composite(
    "l1_loss",
    _l1_loss,
    value=_by_distance(np.abs),
    public=("nn.functional.l1_loss",),
    doc="""The mean of |input − target|; the derivative is 0 where they are equal.

    >>> cr.nn.functional.l1_loss(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 4.0]))
    tensor(1.)
    """,
)


def _huber(xp: Any, input: Any, target: Any, delta: float) -> Any:
    distance = xp.abs(xp.subtract(input, target))
    far = xp.multiply(xp.subtract(distance, delta / 2), delta)
    return xp.where(xp.less_equal(distance, delta), xp.multiply(xp.square(distance), 0.5), far)


def _huber_loss(xp: Any, input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    if not delta > 0:
        raise DomainError(f"[huber_loss] delta is {delta}; expected a positive number; write e.g. delta=1.0.")
    input, target = _pair(xp, "huber_loss", input, target)
    return reduce_losses(xp, "huber_loss", _huber(xp, input, target, delta), reduction)


def _huber_value(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    _refuse_unlike(input, target)
    if delta.__class__ not in (int, float) or not delta > 0:
        raise TypeError("a positive number is expected")
    distance = np.abs(input - target)
    losses = np.where(distance <= delta, 0.5 * distance * distance, delta * (distance - 0.5 * delta))[()]
    return _summarised(losses, reduction)


composite(
    "huber_loss",
    _huber_loss,
    value=_huber_value,
    public=("nn.functional.huber_loss",),
    doc="""The mean of ½d² where |d| ≤ delta, and of delta · (|d| − ½ delta) beyond, with d = input − target.

    Source: Huber, Robust estimation of a location parameter, 1964.

    >>> cr.nn.functional.huber_loss(cr.tensor([0.5, 3.0]), cr.tensor([0.0, 0.0]), reduction="none")
    tensor([0.125, 2.5  ])
    """,
)


def _smooth_l1_loss(xp: Any, input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    if not beta >= 0:
        raise DomainError(f"[smooth_l1_loss] beta is {beta}; expected 0 or more; write e.g. beta=1.0.")
    input, target = _pair(xp, "smooth_l1_loss", input, target)
    if beta:
        losses = xp.divide(_huber(xp, input, target, beta), beta)
    else:
        losses = xp.abs(xp.subtract(input, target))
    return reduce_losses(xp, "smooth_l1_loss", losses, reduction)


composite(
    "smooth_l1_loss",
    _smooth_l1_loss,
    public=("nn.functional.smooth_l1_loss",),
    doc="""The Huber loss of threshold ``beta``, divided by it; with beta=0 the mean of |input − target|.

    >>> cr.nn.functional.smooth_l1_loss(cr.tensor([0.5, 3.0]), cr.tensor([0.0, 0.0]), reduction="none", beta=2.0)
    tensor([0.0625, 2.    ])
    """,
)


# ------------------------------------------------------------------------------------------ log-likelihoods


def _kl_div(xp: Any, input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    if reduction not in ("mean", "sum", "none", "batchmean"):
        raise unknown("kl_div", "reduction", reduction, ("batchmean", "mean", "sum", "none"))
    input, target = _pair(xp, "kl_div", input, target)
    if log_target:
        losses = xp.multiply(xp.exp(target), xp.subtract(target, input))
    else:
        # 0 log 0 = 0; the logarithm is taken of 1 there.
        logs = xp.log(xp.where(xp.equal(target, 0), 1, target))
        losses = xp.multiply(target, xp.subtract(logs, input))
    if reduction == "batchmean":
        return xp.divide(xp.sum(losses), operand_spec("kl_div", input).shape[0])
    return reduce_losses(xp, "kl_div", losses, reduction)


composite(
    "kl_div_loss",
    _kl_div,
    public=("nn.functional.kl_div",),
    doc="""The mean of target · (log target − input), where ``input`` holds logarithms of probabilities.

    With ``log_target`` the target does too. The Kullback–Leibler divergence of a batch is reduction="batchmean": the
    sum divided by the size of axis 0.

    >>> cr.nn.functional.kl_div(cr.log(cr.tensor([[0.5, 0.5]])), cr.tensor([[0.0, 1.0]]), reduction="batchmean")
    tensor(0.69314718)
    """,
)


def _poisson_nll_loss(
    xp: Any,
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    input, target = _pair(xp, "poisson_nll_loss", input, target)
    if log_input:
        losses = xp.subtract(xp.exp(input), xp.multiply(target, input))
    else:
        losses = xp.subtract(input, xp.multiply(target, xp.log(xp.add(input, eps))))
    if full:
        many = xp.greater(target, 1)
        counted = xp.where(many, target, 1)
        stirling = xp.add(
            xp.subtract(xp.multiply(counted, xp.log(counted)), counted),
            xp.multiply(xp.log(xp.multiply(counted, 2 * math.pi)), 0.5),
        )
        losses = xp.add(losses, xp.where(many, stirling, 0))
    return reduce_losses(xp, "poisson_nll_loss", losses, reduction)


composite(
    "poisson_nll_loss",
    _poisson_nll_loss,
    public=("nn.functional.poisson_nll_loss",),
    doc="""The mean of e^input − target · input: the Poisson distribution's −log p(target), up to a constant.

    ``input`` is the logarithm of the rate, or the rate itself with log_input=False, when it is input − target ·
    log(input + eps). ``full`` adds the constant in Stirling's approximation where target > 1.

    >>> cr.nn.functional.poisson_nll_loss(cr.tensor([0.0, 1.0]), cr.tensor([1.0, 2.0]), reduction="none")
    tensor([1.        , 0.71828183])
    """,
)


def _gaussian_nll_loss(
    xp: Any, input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    input, target, var = reals(xp, "gaussian_nll_loss", input, target, var)
    same_shapes("gaussian_nll_loss", input=input, target=target)
    shape, own = (operand_spec("gaussian_nll_loss", x).shape for x in (input, var))
    if own == shape[:-1] and own != shape and own:
        var = xp.expand_dims(var, axis=-1)
    elif own not in (shape, (*shape[:-1], 1), ()):
        raise ShapeError(
            f"[gaussian_nll_loss] var has shape {own} and input {shape}; expected the shape of input, that without "
            f"its last axis, or one number; reshape var."
        )
    values = known(var)
    if values is not None and np.any(values < 0):
        raise DomainError(
            f"[gaussian_nll_loss] var holds {np.min(values):g}; expected variances, which are not negative; "
            f"write exp(x) or softplus(x) for a network's output x."
        )
    var = xp.maximum(var, eps)
    losses = xp.multiply(xp.add(xp.log(var), xp.divide(xp.square(xp.subtract(input, target)), var)), 0.5)
    if full:
        losses = xp.add(losses, 0.5 * math.log(2 * math.pi))
    return reduce_losses(xp, "gaussian_nll_loss", losses, reduction)


composite(
    "gaussian_nll_loss",
    _gaussian_nll_loss,
    public=("nn.functional.gaussian_nll_loss",),
    doc="""The mean of ½ (log var + (input − target)² / var), with variances of at least ``eps``.

    It is the normal distribution's −log p(target), up to the constant ½ log 2π, which ``full`` adds. Where var is
    below eps, the derivative with respect to it is 0.

    >>> cr.nn.functional.gaussian_nll_loss(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 4.0]), cr.tensor([1.0, 4.0]))
    tensor(0.59657359)
    """,
)


def _binary_cross_entropy(xp: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    input, target = _pair(xp, "binary_cross_entropy", input, target)
    values = known(input)
    if values is not None and np.any((values < 0) | (values > 1)):
        wrong = np.asarray(values)[(values < 0) | (values > 1)][0]
        raise DomainError(
            f"[binary_cross_entropy] input holds {wrong:g}; expected probabilities, from 0 to 1; "
            f"use binary_cross_entropy_with_logits for a network's output before the sigmoid."
        )
    # Where a logarithm is below −100 it is replaced, and the logarithm taken of 1.
    none, all_ = xp.less(input, math.exp(-100)), xp.equal(input, 1)
    yes = xp.where(none, -100, xp.log(xp.where(none, 1, input)))
    no = xp.where(all_, -100, xp.log1p(xp.negative(xp.where(all_, 0, input))))
    losses = xp.negative(xp.add(xp.multiply(target, yes), xp.multiply(xp.subtract(1, target), no)))
    return reduce_losses(xp, "binary_cross_entropy", _times(xp, "binary_cross_entropy", losses, weight), reduction)


composite(
    "binary_cross_entropy",
    _binary_cross_entropy,
    public=("nn.functional.binary_cross_entropy",),
    doc="""The mean of −target · log p − (1 − target) · log(1 − p), where ``input`` holds probabilities p.

    Logarithms are limited to −100 and more, where the derivative is 0; ``weight`` multiplies each loss. For a network's
    output before the sigmoid, ``binary_cross_entropy_with_logits`` is exact.

    >>> cr.nn.functional.binary_cross_entropy(cr.tensor([0.5, 1.0]), cr.tensor([1.0, 1.0]))
    tensor(0.34657359)
    """,
)


def _with_logits(
    xp: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    name = "binary_cross_entropy_with_logits"
    input, target = _pair(xp, name, input, target)
    # Two softplus instead of softplus(x) − target · x, which loses its digits where the loss is small.
    missed = _times(xp, name, xp.multiply(target, xp.softplus(xp.negative(input))), pos_weight)
    losses = xp.add(missed, xp.multiply(xp.subtract(1, target), xp.softplus(input)))
    return reduce_losses(xp, name, _times(xp, name, losses, weight), reduction)


def _with_logits_value(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    _refuse_unlike(input, target, *(() if weight is None else (weight,)))
    small = np.log1p(np.exp(-np.abs(input)))  # softplus(±x) = max(±x, 0) + log(1 + exp(−|x|))
    losses = target * (np.maximum(-input, 0) + small) + (1 - target) * (np.maximum(input, 0) + small)
    return _summarised(losses if weight is None else losses * weight, reduction)


composite(
    "binary_cross_entropy_with_logits",
    _with_logits,
    value=_with_logits_value,
    public=("nn.functional.binary_cross_entropy_with_logits",),
    doc="""The mean of −target · log p − (1 − target) · log(1 − p) with p = sigmoid(input), without overflow.

    ``weight`` multiplies each loss, ``pos_weight`` the first term of each.

    >>> cr.nn.functional.binary_cross_entropy_with_logits(cr.tensor([0.0, 1000.0]), cr.tensor([1.0, 0.0]))
    tensor(500.34657359)
    """,
)


# ----------------------------------------------------------------------------------------- labels 1 and −1


def _labelled(xp: Any, name: str, target: Any, *inputs: Any) -> list[Any]:
    operands = reals(xp, name, *inputs, target)
    signs(name, operands[-1])
    return operands


def _hinge_embedding_loss(xp: Any, input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    input, target = _labelled(xp, "hinge_embedding_loss", target, input)
    same_shapes("hinge_embedding_loss", input=input, target=target)
    apart = xp.relu(xp.subtract(margin, input))
    return reduce_losses(xp, "hinge_embedding_loss", xp.where(xp.greater(target, 0), input, apart), reduction)


composite(
    "hinge_embedding_loss",
    _hinge_embedding_loss,
    public=("nn.functional.hinge_embedding_loss",),
    doc="""The mean of input where the target is 1, and of max(0, margin − input) where it is −1.

    >>> cr.nn.functional.hinge_embedding_loss(cr.tensor([0.5, 0.25]), cr.tensor([1, -1]), reduction="none")
    tensor([0.5 , 0.75])
    """,
)


def _margin_ranking_loss(
    xp: Any, input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    input1, input2, target = _labelled(xp, "margin_ranking_loss", target, input1, input2)
    same_shapes("margin_ranking_loss", input1=input1, input2=input2, target=target)
    ahead = xp.multiply(target, xp.subtract(input1, input2))
    return reduce_losses(xp, "margin_ranking_loss", xp.relu(xp.subtract(margin, ahead)), reduction)


composite(
    "margin_ranking_loss",
    _margin_ranking_loss,
    public=("nn.functional.margin_ranking_loss",),
    doc="""The mean of max(0, margin − target · (input1 − input2)): target 1 wants input1 to be the larger.

    >>> cr.nn.functional.margin_ranking_loss(cr.tensor([1.0]), cr.tensor([3.0]), cr.tensor([1]), margin=0.5)
    tensor(2.5)
    """,
)


def _soft_margin_loss(xp: Any, input: Any, target: Any, reduction: str = "mean") -> Any:
    input, target = _labelled(xp, "soft_margin_loss", target, input)
    same_shapes("soft_margin_loss", input=input, target=target)
    losses = xp.softplus(xp.negative(xp.multiply(target, input)))
    return reduce_losses(xp, "soft_margin_loss", losses, reduction)


composite(
    "soft_margin_loss",
    _soft_margin_loss,
    public=("nn.functional.soft_margin_loss",),
    doc="""The mean of log(1 + exp(−target · input)), without overflow.

    >>> cr.nn.functional.soft_margin_loss(cr.tensor([0.0, 1000.0]), cr.tensor([1, -1]))
    tensor(500.34657359)
    """,
)

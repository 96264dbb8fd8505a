"""Losses of scores against classes, which are named by their number, or given as probabilities.

Scores have the shape (classes,), (n, classes) or (n, classes, …), class numbers the same without the axis of classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, ShapeError
from chainrule.known import known
from chainrule.op import composite
from chainrule.operands import class_indices, reals, reduce_losses, same_shapes
from chainrule.spec import Spec


def _classes(name: str, input: Spec) -> tuple[int, int]:
    """(axis, number) of the classes."""
    if not input.shape:
        raise ShapeError(
            f"[{name}] input is 0-d, without axes; expected the scores of classes, of shape (classes,) or "
            f"(n, classes); write reshape(x, (1, -1))."
        )
    axis = 0 if input.ndim == 1 else 1
    return axis, input.shape[axis]


def _check_target(name: str, input: Spec, target: Spec, axis: int) -> None:
    wanted = (*input.shape[:axis], *input.shape[axis + 1 :])
    if target.shape != wanted:
        raise ShapeError(
            f"[{name}] target has shape {target.shape}, and input {input.shape} has {input.shape[axis]} classes along "
            f"axis {axis}; expected a target of shape {wanted}, one number for each sample; reshape the target."
        )


def _weights(xp: Any, name: str, weight: Any, x: Any, classes: int) -> Any:
    """The weight of each class, in a dtype that goes with x."""
    shape = operand_spec(name, weight).shape
    if shape != (classes,):
        raise ShapeError(
            f"[{name}] weight has shape {shape}, and input has {classes} classes; expected shape ({classes},), one "
            f"weight for each class; reshape the weight."
        )
    return reals(xp, name, x, weight)[1]


def _at(xp: Any, x: Any, labels: Any, axis: int) -> Any:
    """The elements of x at these numbers along the axis of classes."""
    shape = labels.shape
    grid = [np.arange(n).reshape(-1, *(1,) * (len(shape) - i - 1)) for i, n in enumerate(shape)]
    return xp.getitem(x, (*grid[:axis], labels, *grid[axis:]))


def _picked(xp: Any, name: str, input: Any, target: Any, weight: Any, ignored: int) -> tuple[Any, Any, Any]:
    """(the class numbers, the weight of each sample, which samples count): None where all weigh, or count, alike."""
    spec = operand_spec(name, input)
    axis, classes = _classes(name, spec)
    labels = class_indices(name, "target", target, classes, ignored)
    _check_target(name, spec, operand_spec(name, labels), axis)
    values = known(labels)
    used = None
    if values is None or np.any(values == ignored):
        used = xp.not_equal(labels, ignored)
        labels = xp.where(used, labels, 0)
    if weight is None:
        return labels, None, used
    weights = xp.getitem(_weights(xp, name, weight, input, classes), labels)
    return labels, weights if used is None else xp.where(used, weights, 0), used


def _reduced(xp: Any, name: str, losses: Any, weights: Any, used: Any, reduction: str) -> Any:
    """The reduction of losses that are weighted already; their mean is by weight."""
    if reduction != "mean" or (weights is None and used is None):
        return reduce_losses(xp, name, losses, reduction)
    total = xp.sum(used, dtype=losses.dtype) if weights is None else xp.sum(weights)
    # The mean of nothing is NaN, and dividing by NaN says so without a warning.
    return xp.divide(xp.sum(losses), xp.where(xp.equal(total, 0), math.nan, total))


def _counted(xp: Any, losses: Any, weights: Any, used: Any) -> Any:
    losses = losses if used is None else xp.where(used, losses, 0)
    return losses if weights is None else xp.multiply(losses, weights)


def _likelihoods(xp: Any, name: str, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    labels, weights, used = _picked(xp, name, input, target, weight, ignore_index)
    axis, _ = _classes(name, operand_spec(name, input))
    losses = _counted(xp, xp.negative(_at(xp, input, labels, axis)), weights, used)
    return _reduced(xp, name, losses, weights, used, reduction)


def _nll_loss(
    xp: Any, input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    (input,) = reals(xp, "nll_loss", input)
    return _likelihoods(xp, "nll_loss", input, target, weight, ignore_index, reduction)


composite(
    "nll_loss",
    _nll_loss,
    public=("nn.functional.nll_loss",),
    doc="""The mean of −input at the target's class, where ``input`` holds logarithms of probabilities.

    The mean is by ``weight``, which has a number for each class, over the samples whose target is not
    ``ignore_index``; of no samples it is NaN.

    >>> cr.nn.functional.nll_loss(cr.log(cr.tensor([[0.25, 0.75], [0.5, 0.5]])), cr.tensor([1, 0]), reduction="sum")
    tensor(0.98082925)
    """,
)


def _cross_entropy(
    xp: Any,
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    name = "cross_entropy"
    if not 0 <= label_smoothing <= 1:
        raise DomainError(
            f"[{name}] label_smoothing is {label_smoothing}; expected a share from 0 to 1; write e.g. 0.1."
        )
    (input,) = reals(xp, name, input)
    spec = operand_spec(name, input)
    axis, classes = _classes(name, spec)
    logs = xp.log_softmax(input, axis=axis)
    if operand_spec(name, target).dtype.kind == "f":
        return _soft_cross_entropy(xp, name, logs, target, weight, axis, reduction, label_smoothing)
    if not label_smoothing:
        return _likelihoods(xp, name, logs, target, weight, ignore_index, reduction)
    labels, weights, used = _picked(xp, name, input, target, weight, ignore_index)
    hard = _counted(xp, xp.negative(_at(xp, logs, labels, axis)), weights, used)
    spread = xp.negative(xp.sum(_by_class(xp, name, logs, weight, axis), axis=axis))
    smooth = spread if used is None else xp.where(used, spread, 0)
    losses = xp.add(xp.multiply(hard, 1 - label_smoothing), xp.multiply(smooth, label_smoothing / classes))
    return _reduced(xp, name, losses, weights, used, reduction)


def _by_class(xp: Any, name: str, x: Any, weight: Any, axis: int) -> Any:
    if weight is None:
        return x
    shape = operand_spec(name, x).shape
    weight = _weights(xp, name, weight, x, shape[axis])
    return xp.multiply(x, xp.reshape(weight, (-1, *(1,) * (len(shape) - axis - 1))))


def _soft_cross_entropy(
    xp: Any, name: str, logs: Any, target: Any, weight: Any, axis: int, reduction: str, smoothing: float
) -> Any:
    logs, target = reals(xp, name, logs, target)
    same_shapes(name, input=logs, target=target)
    shape = operand_spec(name, logs).shape
    if smoothing:
        target = xp.add(xp.multiply(target, 1 - smoothing), smoothing / shape[axis])
    # A class of probability 0 may have the score −∞.
    terms = _by_class(xp, name, xp.absorbing_multiply(logs, target), weight, axis)
    return reduce_losses(xp, name, xp.negative(xp.sum(terms, axis=axis)), reduction)


def _cross_entropy_value(input: Any, target: Any) -> Any:
    """The loss of a batch in its simplest case; what is out of the ordinary raises, and is left to the body."""
    n, classes = input.shape
    if input.dtype.kind != "f" or target.dtype.kind not in "iu" or target.shape != (n,) or not n:
        raise TypeError("scores of a batch, and a class number for each sample, are expected")
    highest = input.max(axis=1, keepdims=True)
    if not (np.isfinite(highest).all() and target.min() >= 0 and target.max() < classes):
        raise ValueError("class numbers within range, and finite scores, are expected")
    away = input - highest
    scores = away[np.arange(n), target]
    return np.mean(np.log(np.exp(away, out=away).sum(axis=1)) - scores)


composite(
    "cross_entropy",
    _cross_entropy,
    value=_cross_entropy_value,
    public=("nn.functional.cross_entropy",),
    doc="""The mean of −log softmax(input) at the target's class, or of −Σ p log softmax(input) for probabilities p.

    Integers in ``target`` are class numbers, floating numbers are probabilities, in the shape of ``input``. ``weight``
    has a number for each class; with class numbers the mean is by weight, over the samples whose target is not
    ``ignore_index`` (of none it is NaN). ``label_smoothing`` mixes so much of the uniform distribution into the target
    (Szegedy et al., Rethinking the Inception architecture, 2015, section 7).

    >>> cr.nn.functional.cross_entropy(cr.tensor([[0.0, 0.0], [1000.0, 0.0]]), cr.tensor([1, 0]))
    tensor(0.34657359)
    """,
)


def _multi_margin_loss(
    xp: Any, input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    name = "multi_margin_loss"
    if p not in (1, 2):
        raise DomainError(f"[{name}] p is {p!r}; expected 1 or 2; choose one of these powers.")
    (input,) = reals(xp, name, input)
    spec = operand_spec(name, input)
    axis, classes = _classes(name, spec)
    if spec.ndim > 2:
        raise ShapeError(
            f"[{name}] input has shape {spec.shape}; expected (classes,) or (n, classes); reshape it to two axes."
        )
    labels = class_indices(name, "target", target, classes)
    _check_target(name, spec, operand_spec(name, labels), axis)
    own = xp.expand_dims(_at(xp, input, labels, axis), axis=-1)
    over = xp.relu(xp.subtract(margin, xp.subtract(own, input)))
    over = over if p == 1 else xp.square(over)
    others = xp.not_equal(xp.expand_dims(labels, axis=-1), np.arange(classes))
    losses = xp.divide(xp.sum(xp.where(others, over, 0), axis=-1), classes)
    if weight is not None:
        losses = xp.multiply(losses, xp.getitem(_weights(xp, name, weight, input, classes), labels))
    return reduce_losses(xp, name, losses, reduction)


composite(
    "multi_margin_loss",
    _multi_margin_loss,
    public=("nn.functional.multi_margin_loss",),
    doc="""The mean of w[y] Σ max(0, margin − x[y] + x[j])ᵖ / classes over j ≠ y, where y is the target's class.

    ``p`` is 1 or 2, and ``weight`` has a number w for each class.

    >>> cr.nn.functional.multi_margin_loss(cr.tensor([[0.5, 1.0, 0.25]]), cr.tensor([1]))
    tensor(0.25)
    """,
)

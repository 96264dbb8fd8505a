"""Losses against classes: loops over the samples."""

from typing import Any

import numpy as np

from samples.drawing import ROWS3, Row, call, draw, floating, row
from samples.nn_activations import real


def columns(x: Any) -> Any:
    """Scores as (samples, classes)."""
    x = real(x)
    return np.moveaxis(x, 0 if x.ndim == 1 else 1, -1).reshape(-1, x.shape[0 if x.ndim == 1 else 1])


def reduce(losses: Any, weights: Any, like: Any, shape: Any, reduction: str) -> Any:
    dtype = floating(like).dtype
    if reduction == "none":
        return np.reshape(np.asarray(losses), shape).astype(dtype)
    return np.asarray(np.sum(losses) / (np.sum(weights) if reduction == "mean" else 1)).astype(dtype)


def nll(x, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, weights = [], []
    for scores, y in zip(columns(x), target.reshape(-1), strict=True):
        w = 0.0 if y == ignore_index else 1.0 if weight is None else weight[y] * 1.0
        losses.append(-w * scores[y] if w else 0.0 * scores[0])
        weights.append(w)
    return reduce(losses, weights, x, target.shape, reduction)


def log_softmax(x: Any) -> Any:
    axis = 0 if x.ndim == 1 else 1
    return real(x) - np.log(np.sum(np.exp(real(x)), axis=axis, keepdims=True))


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    logs, k = columns(log_softmax(x)), x.shape[0 if x.ndim == 1 else 1]
    w = np.ones(k) if weight is None else real(weight)
    if target.dtype.kind == "f" and target.shape == x.shape:
        p = columns(target) * (1 - label_smoothing) + label_smoothing / k
        losses = -np.sum(p * w * logs, axis=1)
        shape = x.shape[1:] if x.ndim == 1 else (x.shape[0], *x.shape[2:])
        return reduce(losses, np.ones(len(losses)), x, shape, reduction)
    losses, weights = [], []
    for scores, y in zip(logs, target.reshape(-1), strict=True):
        used = y != ignore_index
        weights.append(w[y] if used else 0.0)
        smooth = -label_smoothing / k * np.sum(w * scores)
        losses.append((1 - label_smoothing) * -w[y] * scores[y] + smooth if used else 0.0 * scores[0])
    return reduce(losses, weights, x, target.shape, reduction)


def multi_margin(x, target, p=1, margin=1.0, weight=None, reduction="mean"):
    losses = []
    for scores, y in zip(columns(x), target.reshape(-1), strict=True):
        over = np.maximum(margin - scores[y] + scores, 0) ** p
        losses.append((np.sum(over) - over[y]) / len(scores) * (1.0 if weight is None else weight[y] * 1.0))
    return reduce(losses, np.ones(len(losses)), x, target.shape, reduction)


CLASSES = np.array([2, 0, 1, 2])
PIXELS = np.array([[[0, 2], [1, 1]], [[2, 2], [0, 1]]])


def with_weight() -> Any:
    return np.array([0.5, 1.25, 2.0])


ROWS: dict[str, Row] = {
    "nll_loss": row(
        nll,
        call(draw(ROWS3), CLASSES),
        call(draw(ROWS3), CLASSES, ignore_index=2, reduction="sum"),
        call(draw(ROWS3), CLASSES, with_weight(), reduction="none"),
        call(draw(ROWS3), CLASSES, weight=with_weight(), ignore_index=2),
        call(draw((2, 3, 2, 2)), PIXELS),
        call(draw((3,)), np.array(1)),
    ),
    "cross_entropy": row(
        cross_entropy,
        call(draw(ROWS3), CLASSES),
        call(draw(ROWS3), CLASSES, weight=with_weight(), ignore_index=0),
        call(draw(ROWS3), CLASSES, weight=with_weight(), ignore_index=0, label_smoothing=0.2),
        call(draw((2, 3, 2, 2)), PIXELS, label_smoothing=0.2, reduction="none"),
        call(draw((3,)), np.array(1), reduction="sum"),
    ),
    "multi_margin_loss": row(
        multi_margin,
        call(0.9 * draw(ROWS3), CLASSES),
        call(draw(ROWS3), CLASSES, p=2, margin=0.77, weight=with_weight(), reduction="none"),
        call(0.9 * draw((3,)), np.array(1)),
    ),
}

"""Losses: their definitions in NumPy, on float64 where samples are integers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, row
from samples.nn_activations import real

LABELS = np.array([1, -1, -1])


def share(shape: Any) -> Any:
    """Numbers between 0 and 1."""
    return draw(shape, 0.1, 0.9)


def loss(function: Callable[..., Any], *labels: str) -> Callable[..., Any]:
    """The reduction of a function of real arrays; parameters follow by name."""

    def reduced(*arrays: Any, reduction: str = "mean", **params: Any) -> Any:
        dtypes = [x.dtype for x in map(np.asarray, arrays)]
        dtype = np.result_type(*([t for t in dtypes if t.kind == "f"] or [np.dtype(float)]))
        reals = [real(np.asarray(x)) for x in arrays]
        losses = function(*(x.astype(dtype) for x in reals), **params)
        if reduction == "batchmean":
            return np.sum(losses) / len(arrays[0])
        return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](losses).astype(dtype)

    return reduced


def huber(x: Any, y: Any, delta: float = 1.0) -> Any:
    return special.huber(np.asarray(delta, x.dtype), x - y)


def smooth_l1(x: Any, y: Any, beta: float = 1.0) -> Any:
    return huber(x, y, beta) / beta if beta else np.abs(x - y)


def kl_div(x: Any, y: Any, log_target: bool = False) -> Any:
    return np.exp(y) * (y - x) if log_target else y * (np.log(y) - x)


def poisson(x: Any, y: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8) -> Any:
    out = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    return out + np.where(y > 1, y * np.log(y) - y + np.log(2 * np.pi * y) / 2, 0) if full else out


def gaussian(x: Any, y: Any, var: Any, full: bool = False, eps: float = 1e-6) -> Any:
    if var.shape == x.shape[:-1] != x.shape and var.ndim:
        var = var[..., None]
    var = np.maximum(var, eps)
    return (np.log(var) + (x - y) ** 2 / var) / 2 + (np.log(2 * np.pi) / 2 if full else 0)


def cross_entropy_of(p: Any, y: Any, weight: Any = 1) -> Any:
    return -(y * np.maximum(np.log(p), -100) + (1 - y) * np.maximum(np.log1p(-p), -100)) * weight


def with_logits(x: Any, y: Any, weight: Any = 1, pos_weight: Any = 1) -> Any:
    p = 1 / (1 + np.exp(-x))
    return -(pos_weight * y * np.log(p) + (1 - y) * np.log(1 / (1 + np.exp(x)))) * weight


def cosine(x: Any, y: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    x, y = real(x), real(y)
    lengths = [np.maximum(np.sqrt(np.sum(z * z, axis=axis, keepdims=True)), eps) for z in (x, y)]
    return np.sum(x / lengths[0] * (y / lengths[1]), axis=axis)


def distance(x: Any, y: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Any:
    return np.sum(np.abs(real(x) - real(y) + eps) ** p, axis=-1, keepdims=keepdims) ** (1 / p)


def triplet(a: Any, near: Any, far: Any, margin: float = 1.0, swap: bool = False, **params: Any) -> Any:
    apart = distance(a, far, **params)
    apart = np.minimum(apart, distance(near, far, **params)) if swap else apart
    return np.maximum(distance(a, near, **params) - apart + margin, 0)


def cosine_embedding(x: Any, y: Any, target: Any, margin: float = 0.0) -> Any:
    cos = cosine(x, y, -1, 1e-6)
    return np.where(target > 0, 1 - cos, np.maximum(cos - margin, 0))


def both(**params: Any) -> Any:
    return call(draw(FULL), draw(FULL), **params)


ROWS: dict[str, Row] = {
    "mse_loss": row(loss(lambda x, y: (x - y) ** 2), both(), both(reduction="sum"), both(reduction="none")),
    "l1_loss": row(loss(lambda x, y: np.abs(x - y)), both(), both(reduction="sum"), call(draw(()), draw(()))),
    "huber_loss": row(loss(huber), both(), both(delta=0.3), both(reduction="none")),
    "smooth_l1_loss": row(loss(smooth_l1), both(), both(beta=0.3), both(beta=0.0), both(reduction="none")),
    "kl_div_loss": row(
        loss(kl_div),
        call(draw(FULL), share(FULL)),
        call(draw(FULL), share(FULL), reduction="batchmean"),
        both(log_target=True, reduction="none"),
    ),
    "poisson_nll_loss": row(
        loss(poisson),
        call(draw(FULL), draw(FULL, 0.0, 3.0)),
        call(draw(FULL, 0.5, 2.0), draw(FULL, 0.0, 3.0), log_input=False, reduction="sum"),
        call(draw(FULL), draw(FULL, 0.0, 3.0), full=True, reduction="none"),
    ),
    "gaussian_nll_loss": row(
        loss(gaussian),
        call(draw(FULL), draw(FULL), draw(FULL, 0.5, 2.0)),
        call(draw(FULL), draw(FULL), draw((2,), 0.5, 2.0), full=True),
        call(draw(FULL), draw(FULL), draw((2, 1), 0.5, 2.0), reduction="none"),
    ),
    "binary_cross_entropy": row(
        loss(cross_entropy_of),
        call(share(FULL), share(FULL)),
        call(share(FULL), share(FULL), weight=np.array([1, 2, 3]), reduction="none"),
    ),
    "binary_cross_entropy_with_logits": row(
        loss(with_logits),
        call(draw(FULL), share(FULL)),
        call(draw(FULL), share(FULL), weight=np.array([1, 2, 3]), reduction="sum"),
        call(draw(FULL), share(FULL), pos_weight=np.array([1, 2, 3]), reduction="none"),
    ),
    "hinge_embedding_loss": row(
        loss(lambda x, y, margin=1.0: np.where(y > 0, x, np.maximum(margin - x, 0))),
        call(draw(FULL), np.stack([LABELS, -LABELS])),
        call(draw((3,)), LABELS, margin=0.5, reduction="none"),
    ),
    "margin_ranking_loss": row(
        loss(lambda x, y, t, margin=0.0: np.maximum(margin - t * (x - y), 0)),
        call(draw((3,)), draw((3,)), LABELS),
        call(draw((3,)), draw((3,)), LABELS, margin=0.33, reduction="sum"),
    ),
    "soft_margin_loss": row(
        loss(lambda x, y: np.log1p(np.exp(-y * x))),
        call(draw((3,)), LABELS),
        call(draw((3,)), LABELS, reduction="none"),
    ),
    "cosine_similarity": row(
        cosine,
        call(draw(FULL), draw(FULL)),
        call(draw((2, 3, 2)), draw((3, 2)), axis=-1),
        call(draw((3,)), draw((3,)), axis=0),
        call(draw((0, 2)), draw((0, 2))),
    ),
    "pairwise_distance": row(
        distance,
        call(draw(FULL), draw(FULL)),
        call(draw(FULL), draw(FULL), p=3.0, keepdims=True),
        call(draw((3,)), draw((3,)), p=1.0),
        call(draw((0, 2)), draw((0, 2))),
    ),
    "triplet_margin_loss": row(
        loss(triplet),
        call(draw(FULL), draw(FULL), draw(FULL)),
        call(draw(FULL), draw(FULL), draw(FULL), margin=2.0, p=4.0, swap=True, reduction="none"),
        call(draw((3,)), draw((3,)), draw((3,)), margin=5.0, reduction="sum"),
    ),
    "cosine_embedding_loss": row(
        loss(cosine_embedding),
        call(draw((3, 2)), draw((3, 2)), LABELS),
        call(draw((3, 2)), draw((3, 2)), LABELS, margin=0.1, reduction="none"),
        call(draw((4,)), draw((4,)), np.array(-1)),
    ),
}

"""Normalisations, by their formulas in NumPy."""

from typing import Any

import numpy as np

from samples.drawing import Row, call, draw, floating, row


def standardize(x: Any, axis: Any = None, eps: float = 1e-5, center: bool = True) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("real numbers only")
    x = floating(x)
    x = x - np.mean(x, axis=axis, keepdims=True) if center else x
    return x / np.sqrt(np.mean(x * x, axis=axis, keepdims=True) + x.dtype.type(eps))


def affine(out: Any, weight: Any, bias: Any, ndim: int | None) -> Any:
    for given, combine in ((weight, np.multiply), (bias, np.add)):
        if given is not None:
            out = combine(out, given if ndim is None else given.reshape(-1, *(1,) * (ndim - 2)))
    return out


def last(x: Any, shape: Any) -> tuple[int, ...]:
    return tuple(range(-len(shape), 0)) if isinstance(shape, tuple) else (-1,)


def layer_norm(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return affine(standardize(x, last(x, shape), eps), weight, bias, None)


def rms_norm(x: Any, shape: Any, weight: Any = None, eps: Any = None) -> Any:
    eps = np.finfo(floating(x).dtype).eps if eps is None else eps
    return affine(standardize(x, last(x, shape), eps, False), weight, None, None)


def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    rows = x.reshape(len(x), groups, int(np.prod(x.shape[1:])) // groups)
    return affine(standardize(rows, 2, eps).reshape(x.shape), weight, bias, x.ndim)


def by_running(x: Any, mean: Any, var: Any, eps: float) -> Any:
    if "c" in (x.dtype.kind, mean.dtype.kind):
        raise TypeError("real numbers only")
    mean, var = (z.reshape(-1, *(1,) * (x.ndim - 2)) for z in (mean, var))
    return (x - mean) / np.sqrt(var + eps)


def updated_mean(x: Any, running: Any, axis: Any, momentum: float = 0.1) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("real numbers only")
    return (1 - momentum) * running + momentum * np.mean(x, axis=axis)


def updated_var(x: Any, running: Any, axis: Any, samples: Any = (), momentum: float = 0.1) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("real numbers only")
    found = np.var(x, axis=axis, ddof=1, keepdims=True, dtype=floating(x).dtype)
    return (1 - momentum) * running + momentum * np.mean(found, axis=(*axis, *samples))


def batch_norm(
    x: Any,
    mean: Any = None,
    var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    axes = (0, *range(2, x.ndim))
    out = affine(standardize(x, axes, eps) if training else by_running(x, mean, var, eps), weight, bias, x.ndim)
    return out


def instance_norm(
    x: Any,
    mean: Any = None,
    var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    axes = tuple(range(2, x.ndim))
    out = standardize(x, axes, eps) if use_input_stats else by_running(x, mean, var, eps)
    return affine(out, weight, bias, x.ndim)


def normalize(x: Any, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Any:
    return x / np.maximum(np.linalg.vector_norm(floating(x), ord=p, axis=axis, keepdims=True), eps)


def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    out = np.zeros(x.shape, floating(x).dtype)
    square = np.square(x)
    square = square if x.dtype.kind in "fc" else square.astype(np.int64)
    for c in range(x.shape[1]):
        near = square[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        out[:, c] = x[:, c] / (k + np.sum(near, axis=1) * (alpha / size)) ** beta
    return out


X, SPREAD = draw((2, 3, 4)), draw((3,), 0.5)

ROWS: dict[str, Row] = {
    "standardize": row(
        standardize,
        call(X),
        call(draw((2, 3)), axis=1, eps=0.5),
        call(draw((3, 2)), axis=0, eps=0.1, center=False),
        call(draw((0, 3)), axis=1),
    ),
    "layer_norm": row(
        layer_norm,
        call(draw((2, 3)), 3, eps=0.1),
        call(X, (3, 4), draw((3, 4)), draw((3, 4))),
        call(draw((0, 2)), (2,)),
    ),
    "rms_norm": row(rms_norm, call(draw((2, 3)), 3), call(X, (3, 4), draw((3, 4)), 0.1)),
    "group_norm": row(
        group_norm,
        call(draw((2, 4)), 2, eps=0.1),
        call(draw((2, 4, 3)), 2, draw((4,)), draw((4,))),
        call(draw((0, 2, 2)), 1),
    ),
    "batch_norm": row(
        batch_norm,
        call(draw((4, 2)), training=True, eps=0.1),
        call(X, None, None, draw((3,)), draw((3,)), training=True),
        call(X, draw((3,)), SPREAD, draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3,)), SPREAD, eps=0.5),
    ),
    "instance_norm": row(
        instance_norm,
        call(X, eps=0.1),
        call(draw((1, 2, 2, 2)), None, None, draw((2,)), draw((2,))),
        call(X, draw((3,)), SPREAD, use_input_stats=False),
    ),
    "update_running_mean": row(
        updated_mean, call(X, draw((3,)), axis=(0, 2)), call(draw((2, 3)), draw((3,)), axis=(0,), momentum=0.5)
    ),
    "update_running_var": row(
        updated_var,
        call(X, draw((3,)), axis=(0, 2)),
        call(X, draw((3,)), axis=(2,), samples=(0,), momentum=0.5),
    ),
    "normalize": row(normalize, call(draw((2, 3))), call(X, 3.0, axis=-1), call(draw((0, 2)))),
    "local_response_norm": row(
        local_response_norm, call(draw((2, 4, 3)), 3, alpha=1.0), call(draw((1, 3, 2, 2)), 2, 0.5, 0.5, 2.0)
    ),
}

"""Layers of weights: einsum, and loops over what is looked up. Dropout that drops nothing, or everything."""

from typing import Any

import numpy as np

from samples.drawing import CUBE, FULL, ROWS3, Row, call, draw, row
from samples.nn_activations import real

WORDS = np.array([[3, 0], [1, 1], [2, 3]])


def plus(x: Any, bias: Any) -> Any:
    return x if bias is None else x + bias


def embedding_bag(
    words, weight, offsets=None, mode="mean", per_sample_weights=None, include_last_offset=False, padding_idx=None
):
    if offsets is not None:
        ends = offsets[1:] if include_last_offset else [*offsets[1:], len(words)]
        bags = [slice(a, b) for a, b in zip(offsets, ends, strict=False)]
    else:
        bags = list(range(len(words)))
    weight, out = real(weight), []
    for bag in bags:
        rows = weight[words[bag]]
        if per_sample_weights is not None:
            rows = rows * real(per_sample_weights[bag][:, None])
        fold = {"mean": np.mean, "sum": np.sum, "max": np.max}[mode]
        out.append(fold(rows, axis=0) if len(rows) else np.zeros(weight.shape[1], weight.dtype))
    return np.stack(out)


def same(x: Any, p: float = 0.5, training: bool = True) -> Any:
    return real(x) if not training or p == 0 else np.zeros_like(real(x))


def dropped(*shapes: Any) -> Any:
    first, *others = shapes
    calls = [call(draw(s), training=False) for s in others]
    return (call(draw(first), 0.0), call(draw(first), p=1.0), call(draw(first), training=False), *calls)


ROWS: dict[str, Row] = {
    "linear": row(
        lambda x, w, b=None: plus(x @ w.T, b),
        call(draw(ROWS3), draw((2, 3))),
        call(draw((3,)), draw((2, 3)), draw((2,))),
        call(draw((2, 2, 3)), draw((2, 3)), draw((2,))),
        call(draw(FULL), draw((3,)), draw(())),
        call(draw((0, 3)), draw((2, 3)), draw((2,))),
    ),
    "bilinear": row(
        lambda x, y, w, b=None: plus(np.einsum("...i,oij,...j->...o", x, w, y), b),
        call(draw((2, 3)), draw((2, 4)), draw((2, 3, 4))),
        call(draw((3,)), draw((2,)), draw((2, 3, 2)), draw((2,))),
        call(draw((2, 2, 3)), draw((2, 2, 2)), draw((1, 3, 2)), draw((1,))),
    ),
    "one_hot": row(
        lambda x, num_classes=-1: np.eye(max(x.max() + 1, num_classes), dtype=int)[x],
        call(WORDS),
        call(WORDS, 5),
        call(np.array(2)),
    ),
    "embedding": row(
        lambda x, w: w[x], call(WORDS, draw((4, 2))), call(np.array(1), draw((4, 2))), call(WORDS[:0], draw((4, 2)))
    ),
    "embedding_bag": row(
        embedding_bag,
        call(WORDS, draw((4, 2))),
        call(WORDS, draw((4, 2)), mode="max"),
        call(WORDS.ravel(), draw((4, 2)), np.array([0, 2, 2, 5]), mode="mean"),
        call(WORDS.ravel(), draw((4, 2)), np.array([0, 4]), mode="sum", per_sample_weights=draw((6,))),
        call(WORDS.ravel(), draw((4, 2)), np.array([0, 4, 6]), mode="max", include_last_offset=True),
    ),
    "dropout": row(same, *dropped(FULL, (), (0, 3))),
    "dropout1d": row(same, *dropped(CUBE, FULL)),
    "dropout2d": row(same, *dropped((1, 2, 2, 2))),
    "dropout3d": row(same, *dropped((1, 2, 2, 1, 2), (2, 2, 2, 1))),
    "alpha_dropout": row(
        lambda x, p=0.5, training=False: same(x, p, training),
        call(draw(FULL)),
        call(draw(FULL), 1.0, True),
        call(draw(()), 0.0, training=True),
    ),
}

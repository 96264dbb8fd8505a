"""Attention by loops, recurrent cells by their equations, and the probability of a spelling by listing all of them."""

from itertools import groupby, product
from typing import Any

import numpy as np

from samples.drawing import Row, call, draw, row
from samples.nn_activations import real


def attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    q, k, v = real(q), real(k), real(v)
    if enable_gqa:
        k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    scores = np.einsum("...qd,...kd->...qk", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    weights = np.exp(scores)
    if is_causal:
        weights = weights * (np.arange(k.shape[-2]) <= np.arange(q.shape[-2])[:, None])
    if attn_mask is not None and attn_mask.dtype.kind not in "bf":
        raise TypeError("booleans, or numbers to add")
    if attn_mask is not None:
        weights = weights * (attn_mask if attn_mask.dtype == bool else np.exp(attn_mask))
    total = np.sum(weights, axis=-1, keepdims=True)
    return np.einsum("...qk,...kv->...qv", weights, v) / np.where(total == 0, 1, total)  # 0 where all is masked


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rnn_cell(x, h, w, u, b=0, c=0, nonlinearity="tanh"):
    inside = x @ w.T + b + h @ u.T + c
    return np.tanh(inside) if nonlinearity == "tanh" else np.maximum(inside, 0)


def gru_cell(x, h, w, u, b=0, c=0):
    (xr, xz, xn), (hr, hz, hn) = (np.split(part, 3, axis=-1) for part in (x @ w.T + b, h @ u.T + c))
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return (1 - z) * np.tanh(xn + r * hn) + z * h


def lstm_cell(x, state, w, u, b=0, c=0):
    i, f, g, o = np.split(x @ w.T + b + state[0] @ u.T + c, 4, axis=-1)
    cell = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def refuse_complex(cell: Any) -> Any:
    """The cell on floating numbers."""

    def checked(x, hx, *weights, **params):
        states = tuple(map(real, hx)) if isinstance(hx, tuple) else real(hx)
        return cell(real(x), states, *map(real, weights), **params)

    return checked


def sequence(cell: Any) -> Any:
    """A stack of layers, state by state."""

    def run(x, hx, params, num_layers=1, bidirectional=False, batch_first=False, **options):
        x, ways, pair = real(x), 1 + bidirectional, cell is lstm_cell
        single = x.ndim == 2
        x = x[:, None] if single else np.swapaxes(x, 0, 1) if batch_first else x
        size = len(params) // (num_layers * ways)
        last = []
        for layer in range(num_layers):
            outputs = []
            for way in range(ways):
                place = layer * ways + way
                weights = [real(p) for p in params[place * size : (place + 1) * size]]
                start = np.zeros((x.shape[1], weights[1].shape[1]), x.dtype)
                parts = [start] * (1 + pair) if hx is None else hx if pair else [hx]
                state = [real(p) if hx is None else real(p)[place].reshape(start.shape) for p in parts]
                outs: list[Any] = [None] * len(x)
                for t in range(len(x))[:: 1 - 2 * way]:
                    new = cell(x[t], tuple(state) if pair else state[0], *weights, **options)
                    state = list(new) if pair else [new]
                    outs[t] = state[0]
                outputs.append(np.stack(outs))
                last.append(state)
            x = np.concatenate(outputs, axis=-1)
        ends = [np.stack([s[i] for s in last]) for i in range(1 + pair)]
        ends = [e[:, 0] for e in ends] if single else ends
        x = x[:, 0] if single else np.swapaxes(x, 0, 1) if batch_first else x
        return x, (tuple(ends) if pair else ends[0])

    return run


def ctc(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    x = real(log_probs)
    single = x.ndim == 2
    x = x[:, None] if single else x
    starts = np.concatenate([[0], np.cumsum(target_lengths)])
    losses = []
    for n, (time, length) in enumerate(zip(np.ravel(input_lengths), np.ravel(target_lengths), strict=True)):
        joined = targets.ndim == 1 and not single
        labels = targets[starts[n] :][:length] if joined else np.atleast_2d(targets)[n, :length]
        total = 0.0 * x[0, n, 0]
        for path in product(range(x.shape[2]), repeat=int(time)):
            if [label for label, _ in groupby(path) if label != blank] == labels.tolist():
                total = total + np.exp(sum(x[t, n, label] for t, label in enumerate(path)))
        losses.append(-np.log(total))
    out = np.array(losses, x.dtype)
    out = np.where(np.isinf(out), 0, out) if zero_infinity else out
    if reduction == "none":
        return out.reshape(()) if single else out
    divided = out / np.maximum(np.ravel(target_lengths), 1).astype(x.dtype)
    return np.mean(divided) if reduction == "mean" else np.sum(out)


def weights(gates: int, features: int, hidden: int, biases: bool = True, ways: int = 1) -> list[Any]:
    """Weights of layers: of the first only, or of two that run both ways."""
    shapes = []
    for size in [features] if ways == 1 else [features] * 2 + [2 * hidden] * 2:
        shapes += [(gates * hidden, size), (gates * hidden, hidden)] + [(gates * hidden,)] * (2 * biases)
    return [draw(shape) / 2 for shape in shapes]


def cells(gates: int, pair: bool = False) -> Any:
    def state(*shape):
        return (draw(shape), draw(shape)) if pair else draw(shape)

    return (
        call(draw((2, 3)), state(2, 2), *weights(gates, 3, 2)),
        call(draw((3,)), state(2), *weights(gates, 3, 2, biases=False)),
    )


BOTH_WAYS: dict[str, Any] = {"num_layers": 2, "bidirectional": True}


def sequences(gates: int, pair: bool = False) -> Any:
    def state(*shape):
        return (draw(shape), draw(shape)) if pair else draw(shape)

    return (
        call(draw((3, 2, 2)), None, weights(gates, 2, 2)),
        call(draw((3, 2)), state(1, 2), weights(gates, 2, 2, biases=False)),
        call(draw((1, 3, 2)), state(4, 1, 1), weights(gates, 2, 1, ways=2), batch_first=True, **BOTH_WAYS),
    )


QUERY, KEYS = (2, 3, 4), (2, 5, 4)
MASK = (np.arange(15).reshape(3, 5) % 4) != 1
SPELLED = np.array([[1, 2], [2, 0]])

ROWS: dict[str, Row] = {
    "scaled_dot_product_attention": row(
        attention,
        call(draw((3, 4)), draw((5, 4)), draw((5, 2))),
        call(draw(QUERY), draw(KEYS), draw((2, 5, 1)), MASK, scale=0.3),
        call(draw((2, 2)), draw((3, 2)), draw((3, 2)), draw((2, 3))),
        call(draw((3, 2)), draw((3, 2)), draw((3, 2)), is_causal=True),
        call(draw((4, 2, 1)), draw((2, 3, 1)), draw((2, 3, 2)), enable_gqa=True),
    ),
    "rnn_cell": row(
        refuse_complex(rnn_cell), *cells(1), call(draw((1, 2)), draw((1, 2)), *weights(1, 2, 2), nonlinearity="relu")
    ),
    "gru_cell": row(refuse_complex(gru_cell), *cells(3)),
    "lstm_cell": row(refuse_complex(lstm_cell), *cells(4, True)),
    "rnn": row(sequence(rnn_cell), *sequences(1)),
    "gru": row(sequence(gru_cell), *sequences(3)),
    "lstm": row(sequence(lstm_cell), *sequences(4, True)),
    "ctc_loss": row(
        ctc,
        call(draw((4, 2, 3)), SPELLED, np.array([4, 3]), np.array([2, 1])),
        call(draw((4, 2, 3)), np.array([1, 1, 2]), np.array([4, 2]), np.array([2, 1]), reduction="none"),
        call(draw((4, 2, 3)), SPELLED * 0 + 1, np.array([4, 2]), np.array([2, 0]), 2, reduction="sum"),
        call(draw((3, 3)), np.array([0, 0]), 3, 2, blank=1),
    ),
}

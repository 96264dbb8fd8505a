"""ADBench, LSTM: the gradient of a sequence model whose weight matrices are diagonal.

Each of l layers has four gates, with weights and biases of b elements, a hidden state h and a cell s; x is its input,

    f = σ(w_f x + b_f), i = σ(w_i h + b_i), o = σ(w_o x + b_o), a = tanh(w_a h + b_a),  s ← f s + i a, h ← o tanh(s),

and h is the input of the next. In front stands a scale of the characters (of b bits each), behind a scale and a bias.
The loss compares y of each character with the next one, z: the mean of −z (y − log(2 + Σ exp y)).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.adbench import C
from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

BITS = 14
PARAMETERS = (0, 1)


def data(layers: int, characters: int) -> tuple[np.ndarray, ...]:
    """Weights and biases of gates, the three rows around the layers, h and s to begin with, bits of a text."""
    rng = np.random.default_rng(layers)
    main, extra = rng.random((layers, 2, 4, BITS)), rng.random((3, BITS))
    text = rng.integers(32, 127, size=characters)
    bits = (text[:, None] >> np.arange(BITS)) & 1
    return main, extra, rng.random((2, layers, BITS)), bits.astype(float)


def program(xp: Any, main: Any, extra: Any, state: Any, text: Any) -> Any:
    def step(carry: Any, x: Any) -> Any:
        h, s = carry
        x = x * extra[0]
        hidden, cells = [], []
        for layer in range(len(main)):
            weight, bias = main[layer, 0], main[layer, 1]
            forget = xp.sigmoid(x * weight[0] + bias[0])
            ingate = xp.sigmoid(h[layer] * weight[1] + bias[1])
            outgate = xp.sigmoid(x * weight[2] + bias[2])
            change = xp.tanh(h[layer] * weight[3] + bias[3])
            cells.append(s[layer] * forget + ingate * change)
            hidden.append(outgate * xp.tanh(cells[-1]))
            x = hidden[-1]
        return (xp.stack(hidden), xp.stack(cells)), x

    _, last = xp.scan(step, (state[0], state[1]), text[:-1])
    y = last * extra[1] + extra[2]
    normalised = y - xp.log(2 + xp.sum(xp.exp(y), axis=1))[:, None]
    return -xp.sum(text[1:] * normalised) / (len(text[1:]) * BITS)


def ours(layers: int, characters: int, what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(layers, characters), PARAMETERS, what)


def jax(layers: int, characters: int, what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(layers, characters), PARAMETERS, what)


def torch(*sizes: int) -> libraries.Call:
    return libraries.torch(program, data(*sizes), PARAMETERS)


def autograd(*sizes: int) -> libraries.Call:
    return libraries.autograd(program, data(*sizes), PARAMETERS)


def casadi(*sizes: int) -> libraries.Call:
    """One step as a function of scalars, accumulated over the characters; states and parameters are columns."""
    import casadi as library

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + library.exp(-x))

    main, extra, state, text = data(*sizes)
    layers, steps = len(main), len(text) - 1
    carry, x, z = (library.SX.sym("x", BITS, n) for n in (2 * layers, 1, 1))
    gates, around, total = library.SX.sym("m", BITS, 8 * layers), library.SX.sym("e", BITS, 3), library.SX.sym("t")
    given, hidden, cells = x * around[:, 0], [], []
    for layer in range(layers):
        (w, b), h = ([gates[:, 8 * layer + 4 * i + j] for j in range(4)] for i in range(2)), carry[:, layer]
        cell = carry[:, layers + layer] * sigmoid(given * w[0] + b[0])
        cell += sigmoid(h * w[1] + b[1]) * library.tanh(h * w[3] + b[3])
        given = sigmoid(given * w[2] + b[2]) * library.tanh(cell)
        hidden.append(given)
        cells.append(cell)
    y = given * around[:, 1] + around[:, 2]
    score = library.dot(z, y - library.log(2 + library.sum1(library.exp(y))))
    rows = library.vertcat(library.vec(gates), library.vec(around))
    ins = [library.vertcat(library.vec(carry), total), library.vertcat(x, z), rows]
    step = library.Function("step", ins, [library.vertcat(*hidden, *cells, total - score / (steps * BITS))])
    m, e = library.MX.sym("m", BITS, 8 * layers), library.MX.sym("e", BITS, 3)
    parameters = library.repmat(library.vertcat(library.vec(m), library.vec(e)), 1, steps)
    characters = library.DM(np.hstack([text[:-1], text[1:]]).T)
    loss = step.mapaccum(steps)(library.DM([*state.ravel(), 0.0]), characters, parameters)[-1, -1]
    slopes = [library.gradient(loss, of).T for of in (m, e)]
    return libraries.casadi([m, e], [loss, *slopes], [main.reshape(-1, BITS).T, extra.T])


def by_c(layers: int, characters: int) -> libraries.Call:
    inputs = data(layers, characters)
    given = [np.empty(1), *(np.empty_like(a) for a in inputs[:2])]
    kept = np.empty((characters, layers, 6, BITS))  # what the way back needs of every step
    return libraries.in_c("lstm", [layers, characters, *inputs], given, scratch=[kept], fast=True, folder=C)


# Half of what Enzyme takes, which is not in Python: it was measured to take 0.55 of the time of JAX.
CASES = [
    Case("l2 c1024", (2, 1024), limit=0.28, against="jax"),
    Case("l4 c1024", (4, 1024), limit=0.28, against="jax"),
]


def rows() -> list[Row]:
    return contest.rows("adbench.lstm", CASES)

"""ADBench, LSTM: the gradient of a sequence model whose weight matrices are diagonal.

Each of l layers has four gates, with weights and biases of b elements, a hidden state h and a cell s; x is its input,

    f = σ(w_f x + b_f), i = σ(w_i h + b_i), o = σ(w_o x + b_o), a = tanh(w_a h + b_a),  s ← f s + i a, h ← o tanh(s),

and h is the input of the next. In front stands a scale of the characters (of b bits each), behind a scale and a bias.
The loss compares y of each character with the next one, z: the mean of −z (y − log(2 + Σ exp y)).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import chainrule as cr
from bench.adbench.race import Pair, Size, c_library, jitted, pointers, race
from bench.measure import Row

BITS = 14

# Half of what Enzyme takes, which is not in Python: it was measured to take 0.55 of the time of JAX.
SIZES = {"l2 c1024": Size((2, 1024), 0.28, "jax"), "l4 c1024": Size((4, 1024), 0.28, "jax")}


def data(layers: int, characters: int) -> tuple[np.ndarray, ...]:
    """Weights and biases of gates, the three rows around the layers, h and s to begin with, bits of a text."""
    rng = np.random.default_rng(layers)
    main, extra = rng.random((layers, 2, 4, BITS)), rng.random((3, BITS))
    text = rng.integers(32, 127, size=characters)
    bits = (text[:, None] >> np.arange(BITS)) & 1
    return main, extra, rng.random((2, layers, BITS)), bits.astype(float)


def loss(xp: Any, scan: Any, sigmoid: Any, main: Any, extra: Any, state: Any, text: Any) -> Any:
    """The formula above, in the spelling that NumPy and JAX share."""

    def step(carry: Any, x: Any) -> Any:
        h, s = carry
        x = x * extra[0]
        hidden, cells = [], []
        for layer in range(len(main)):
            weight, bias = main[layer, 0], main[layer, 1]
            forget = sigmoid(x * weight[0] + bias[0])
            ingate = sigmoid(h[layer] * weight[1] + bias[1])
            outgate = sigmoid(x * weight[2] + bias[2])
            change = xp.tanh(h[layer] * weight[3] + bias[3])
            cells.append(s[layer] * forget + ingate * change)
            hidden.append(outgate * xp.tanh(cells[-1]))
            x = hidden[-1]
        return (xp.stack(hidden), xp.stack(cells)), x

    last = scan(step, (state[0], state[1]), text[:-1])[1]
    y = last * extra[1] + extra[2]
    normalised = y - xp.log(2 + xp.sum(xp.exp(y), axis=1))[:, None]
    return -xp.sum(text[1:] * normalised) / (len(text[1:]) * BITS)


def ours(inputs: tuple[np.ndarray, ...]) -> Pair:
    def objective(*arrays: Any) -> Any:
        return loss(cr, cr.scan, cr.sigmoid, *arrays)

    tensors = tuple(map(cr.tensor, inputs))
    value, gradient = jitted(objective), jitted(cr.grad(objective, argnums=(0, 1)))
    return Pair(lambda: value(*tensors), lambda: gradient(*tensors))


def by_jax(inputs: tuple[np.ndarray, ...]) -> Pair:
    import jax
    import jax.numpy as jnp

    def objective(*arrays: Any) -> Any:
        return loss(jnp, jax.lax.scan, jax.nn.sigmoid, *arrays)

    arrays = tuple(map(jnp.asarray, inputs))
    value, gradient = jax.jit(objective), jax.jit(jax.grad(objective, argnums=(0, 1)))
    return Pair(lambda: value(*arrays).block_until_ready(), lambda: jax.block_until_ready(gradient(*arrays)))


def loop(stack: Any) -> Any:
    """A scan as a loop of Python, for libraries with a tape."""

    def scan(step: Any, carry: Any, xs: Any) -> Any:
        found = []
        for x in xs:
            carry, y = step(carry, x)
            found.append(y)
        return carry, stack(found)

    return scan


def by_torch(inputs: tuple[np.ndarray, ...]) -> Pair:
    import torch

    class Spelling:
        """PyTorch says dim for axis."""

        tanh, exp, log, stack = torch.tanh, torch.exp, torch.log, torch.stack
        sum = staticmethod(lambda x, axis=None: torch.sum(x) if axis is None else torch.sum(x, axis))

    tensors = tuple(map(torch.tensor, inputs))
    parameters = tuple(t.requires_grad_() for t in tensors[:2])

    def objective() -> Any:
        return loss(Spelling, loop(torch.stack), torch.sigmoid, *tensors)

    def value() -> Any:
        with torch.no_grad():
            return objective()

    return Pair(value, lambda: torch.autograd.grad(objective(), parameters))


def by_autograd(inputs: tuple[np.ndarray, ...]) -> Pair:
    import autograd
    import autograd.numpy as anp

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + anp.exp(-x))

    def objective(parameters: Any) -> Any:
        return loss(anp, loop(anp.stack), sigmoid, *parameters, *inputs[2:])

    gradient = autograd.grad(objective)
    return Pair(lambda: objective(inputs[:2]), lambda: gradient(inputs[:2]))


def by_casadi(inputs: tuple[np.ndarray, ...]) -> Pair:
    """One step as a function of scalars, accumulated over the characters; states and parameters are columns."""
    import casadi

    main, extra, state, text = inputs
    layers, steps = len(main), len(text) - 1

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + casadi.exp(-x))

    carry, x, z = casadi.SX.sym("c", BITS, 2 * layers), casadi.SX.sym("x", BITS), casadi.SX.sym("z", BITS)
    gates, around = casadi.SX.sym("m", BITS, 8 * layers), casadi.SX.sym("e", BITS, 3)
    total = casadi.SX.sym("t")
    given, hidden, cells = x * around[:, 0], [], []
    for layer in range(layers):
        (w, b), h = ([gates[:, 8 * layer + 4 * i + j] for j in range(4)] for i in range(2)), carry[:, layer]
        cell = carry[:, layers + layer] * sigmoid(given * w[0] + b[0])
        cell += sigmoid(h * w[1] + b[1]) * casadi.tanh(h * w[3] + b[3])
        given = sigmoid(given * w[2] + b[2]) * casadi.tanh(cell)
        hidden.append(given)
        cells.append(cell)
    y = given * around[:, 1] + around[:, 2]
    error = total - casadi.dot(z, y - casadi.log(2 + casadi.sum1(casadi.exp(y)))) / (steps * BITS)
    ins = [
        casadi.vertcat(casadi.vec(carry), total),
        casadi.vertcat(x, z),
        casadi.vertcat(*map(casadi.vec, (gates, around))),
    ]
    step = casadi.Function("step", ins, [casadi.vertcat(*hidden, *cells, error)])
    start = casadi.DM([*state.ravel(), 0.0])
    characters = casadi.DM(np.hstack([text[:-1], text[1:]]).T)
    whole = step.mapaccum("whole", steps)
    parameters = casadi.MX.sym("parameters", ins[2].numel())
    found = whole(start, characters, casadi.repmat(parameters, 1, steps))[-1, -1]
    objective = casadi.Function("objective", [parameters], [found])
    gradient = casadi.Function("gradient", [parameters], [casadi.gradient(found, parameters)])
    values = casadi.DM([*main.ravel(), *extra.ravel()])

    def arranged(g: Any) -> Any:
        flat = np.asarray(g).ravel()
        return flat[: main.size].reshape(main.shape), flat[main.size :].reshape(extra.shape)

    return Pair(lambda: objective(values), lambda: gradient(values), lambda: arranged(gradient(values)))


def by_c(inputs: tuple[np.ndarray, ...]) -> Pair | None:
    library = c_library("lstm")
    if library is None:
        return None
    layers, characters = len(inputs[0]), len(inputs[3])
    value, gradients = np.empty(1), tuple(np.empty_like(a) for a in inputs[:2])
    kept = np.empty((characters, layers, 6, BITS))  # what the way back needs of every step
    sizes = (layers, characters)
    forward = pointers(library.lstm_objective, sizes, (*inputs, value))
    backward = pointers(library.lstm_gradient, sizes, (*inputs, kept, *gradients))

    def objective() -> Any:
        forward()
        return value

    def gradient() -> Any:
        backward()
        return gradients

    return Pair(objective, gradient)


LIBRARIES = {
    "core": ours,
    "jax": by_jax,
    "torch": by_torch,
    "autograd": by_autograd,
    "casadi": by_casadi,
    "C": by_c,
}


def rows() -> list[Row]:
    return race("LSTM gradient", __name__, scalar=True)

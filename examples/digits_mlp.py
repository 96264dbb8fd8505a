"""A multilayer perceptron on the digits, 64-128-64-10 with relu, in two styles.

The loss is the mean cross-entropy, log Σ exp(z) − z[t] with z the last layer's output, and the fit stochastic
gradient descent with momentum. A layer starts with weights of variance 2 / inputs (He et al., 2015, equation 10).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from example_data import Split, batches, digits

import chainrule as cr
import chainrule.torch as torch

SIZES = (64, 128, 64, 10)
EPOCHS = 30
BATCH = 64
RATE = 0.05
MOMENTUM = 0.9
SEED = 0


def with_functions(data: Split) -> float:
    """Parameters are a list of (weights, bias) pairs that goes into the loss; its gradient has the same form."""
    rng = np.random.default_rng(SEED)
    layers = [
        (cr.asarray(rng.normal(0, (2 / m) ** 0.5, (m, n)), "float32"), cr.zeros(n, "float32"))
        for m, n in pairwise(SIZES)
    ]

    def network(layers, x):
        for w, b in layers[:-1]:
            x = cr.relu(x @ w + b)
        w, b = layers[-1]
        return x @ w + b

    def loss(layers, x, t):
        z = network(layers, x)
        return cr.mean(cr.logsumexp(z, axis=1) - z[np.arange(len(t)), t])

    gradient = cr.grad(loss)
    velocities = [(cr.zeros_like(w), cr.zeros_like(b)) for w, b in layers]
    for batch in batches(len(data.t), BATCH, EPOCHS, SEED):
        slopes = gradient(layers, cr.asarray(data.x[batch]), data.t[batch])
        for i, (layer, velocity, slope) in enumerate(zip(layers, velocities, slopes, strict=True)):
            velocities[i] = tuple(MOMENTUM * v - RATE * g for v, g in zip(velocity, slope, strict=True))
            layers[i] = tuple(p + v for p, v in zip(layer, velocities[i], strict=True))
    z = network(layers, cr.asarray(data.x_test))
    return float(np.mean(cr.argmax(z, axis=1).numpy() == data.t_test))


def with_a_tape(data: Split) -> float:
    """Parameters are leaves; ``backward`` leaves their gradients on them."""
    torch.manual_seed(SEED)
    x, t, x_test, t_test = map(torch.tensor, data)
    parameters = []
    for m, n in pairwise(SIZES):
        parameters += [torch.randn(m, n) * (2 / m) ** 0.5, torch.zeros(n)]
    for p in parameters:
        p.requires_grad_()
    velocities = [torch.zeros_like(p) for p in parameters]
    w1, b1, w2, b2, w3, b3 = parameters

    def network(x):
        x = torch.relu(x @ w1 + b1)
        x = torch.relu(x @ w2 + b2)
        return x @ w3 + b3

    for batch in batches(len(t), BATCH, EPOCHS, SEED):
        z = network(x[batch])
        loss = (torch.logsumexp(z, dim=1) - z[torch.arange(len(batch)), t[batch]]).mean()
        loss.backward()
        with torch.no_grad():
            for p, v in zip(parameters, velocities, strict=True):
                v *= MOMENTUM
                v -= RATE * p.grad
                p += v
                p.grad.zero_()
    with torch.no_grad():
        return (network(x_test).argmax(dim=1) == t_test).float().mean().item()


def main() -> None:
    data = digits()
    for fit in (with_functions, with_a_tape):
        print(f"{fit.__name__:15} test accuracy: {fit(data):.4f}")


if __name__ == "__main__":
    main()

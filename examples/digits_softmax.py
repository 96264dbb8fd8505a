"""Softmax regression on the digits: p(class | x) ∝ exp(xW + b), in two styles.

The loss is the mean cross-entropy, log Σ exp(z) − z[t] with z = xW + b, and the fit gradient descent with momentum.
"""

from __future__ import annotations

import numpy as np
from example_data import Split, digits, progress

import chainrule as cr
import chainrule.torch as torch

STEPS = 300
RATE = 0.5
MOMENTUM = 0.9


def with_functions(data: Split) -> float:
    """Parameters are a tuple that goes into the loss; its gradient has the same form."""
    x, x_test = cr.asarray(data.x), cr.asarray(data.x_test)
    rows = np.arange(len(data.t))

    def loss(parameters):
        w, b = parameters
        z = x @ w + b
        return cr.mean(cr.logsumexp(z, axis=1) - z[rows, data.t])

    gradient = cr.grad(loss)
    parameters = (cr.zeros((64, 10), "float32"), cr.zeros(10, "float32"))
    velocities = parameters
    for _ in progress(STEPS, "functions"):
        velocities = tuple(MOMENTUM * v - RATE * g for v, g in zip(velocities, gradient(parameters), strict=True))
        parameters = tuple(p + v for p, v in zip(parameters, velocities, strict=True))
    w, b = parameters
    return float(np.mean(cr.argmax(x_test @ w + b, axis=1).numpy() == data.t_test))


def with_a_tape(data: Split) -> float:
    """Parameters are leaves; ``backward`` leaves their gradients on them."""
    x, t, x_test, t_test = map(torch.tensor, data)
    rows = torch.arange(len(t))
    w = torch.zeros(64, 10, requires_grad=True)
    b = torch.zeros(10, requires_grad=True)
    velocities = [torch.zeros_like(w), torch.zeros_like(b)]
    for _ in progress(STEPS, "tape"):
        z = x @ w + b
        loss = (torch.logsumexp(z, dim=1) - z[rows, t]).mean()
        loss.backward()
        with torch.no_grad():
            for p, v in zip((w, b), velocities, strict=True):
                v *= MOMENTUM
                v -= RATE * p.grad
                p += v
                p.grad.zero_()
    with torch.no_grad():
        return ((x_test @ w + b).argmax(dim=1) == t_test).float().mean().item()


def main() -> None:
    data = digits()
    for fit in (with_functions, with_a_tape):
        print(f"{fit.__name__:15} test accuracy: {fit(data):.4f}")


if __name__ == "__main__":
    main()

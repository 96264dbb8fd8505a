"""Linear regression on the diabetes data by gradient descent, in two styles.

The loss is f(w) = |Xw − y|² / n. The step of each iteration is the inverse of the curvature along the last one,
(s·s) / (s·d) with s the change of w and d the change of its gradient (Barzilai and Borwein, 1988, equation 6).
"""

from __future__ import annotations

import numpy as np
from example_data import diabetes, progress

import chainrule as cr
import chainrule.torch as torch

STEPS = 300
FIRST_STEP = 0.1
FLAT = 1e-9  # the length of a gradient that counts as zero


def with_functions(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient is a function: ``cr.grad`` makes it of the loss."""
    x, y = cr.asarray(x), cr.asarray(y)

    def loss(w):
        residual = x @ w - y
        return residual @ residual / y.size

    gradient = cr.grad(loss)
    w, step = cr.zeros(x.shape[1]), FIRST_STEP
    g = gradient(w)
    for _ in progress(STEPS, "functions"):
        before, w = w, w - step * g
        g_before, g = g, gradient(w)
        if g @ g < FLAT**2:
            break
        s, d = w - before, g - g_before
        step = (s @ s) / (s @ d)
    return w.numpy()


def with_a_tape(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient is left behind by ``backward``, in ``w.grad``."""
    x, y = torch.tensor(x), torch.tensor(y)
    w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    before = g_before = None
    step = FIRST_STEP
    for _ in progress(STEPS, "tape"):
        residual = x @ w - y
        loss = residual @ residual / len(y)
        loss.backward()
        with torch.no_grad():
            g = w.grad.clone()
            if g @ g < FLAT**2:
                break
            if before is not None:
                s, d = w - before, g - g_before
                step = (s @ s) / (s @ d)
            before, g_before = w.clone(), g
            w -= step * g
        w.grad.zero_()
    return w.detach().numpy()


def main() -> None:
    x, y = diabetes()
    exact, *_ = np.linalg.lstsq(x, y)
    for fit in (with_functions, with_a_tape):
        w = fit(x, y)
        print(f"{fit.__name__:15} largest difference from numpy.linalg.lstsq: {np.abs(w - exact).max():.1e}")


if __name__ == "__main__":
    main()

"""The data of the examples, and the bar that shows how far a fit has come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from tqdm import tqdm


class Split(NamedTuple):
    """Inputs and targets, to learn from and to be tested on."""

    x: np.ndarray
    t: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    """Ten standardised measurements of 442 patients behind a column of ones, and how their disease went on."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return np.column_stack([np.ones(len(x)), x]), y


def digits(seed: int = 0) -> Split:
    """1797 images of 8 × 8 pixels in [0, 1], and the digits they show; one fifth is for testing."""
    x, t = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, t = (x / 16)[order].astype("float32"), t[order]
    split = len(x) * 4 // 5
    return Split(x[:split], t[:split], x[split:], t[split:])


def batches(count: int, size: int, epochs: int, seed: int = 0) -> Iterator[np.ndarray]:
    """The positions of each minibatch, in a new order every epoch."""
    rng = np.random.default_rng(seed)
    for _ in progress(epochs, "epochs"):
        yield from np.array_split(rng.permutation(count), -(-count // size))


def progress(count: int, description: str) -> tqdm:
    """0, 1, … count − 1, with a bar on a terminal and silence elsewhere."""
    return tqdm(range(count), description, disable=None, leave=False)

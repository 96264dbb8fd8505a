"""Arrays that are read at indices that go on at 0: rolled ones, with what surrounds them, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.native.threads.threads import get_num_threads, set_num_threads

RNG = np.random.default_rng(0)
SIZES = [(1,), (3,), (8,), (31,), (64,), (65,), (200,), (513,), (40_000,)]
SIZES += [
    (1, 70),
    (3, 64),
    (64, 3),
    (66, 70),
    (70, 100),
    (300, 300),
    (2, 3, 70),
    (70, 2, 5),
    (9, 65, 67),
    (0, 4),
    (4, 0),
]


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


def alike(f, *arrays):
    found, right = cr.jit(f)(*map(cr.tensor, arrays)), f(*arrays)
    pairs = zip(found, right, strict=True) if isinstance(right, tuple) else [(found, right)]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-13, atol=1e-13)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("shift", [1, -1, 2, 7, -9, 70, -203])
def test_every_axis(shape, shift):
    x = RNG.standard_normal(shape)
    for axis in (None, *range(len(shape))):
        alike(lambda x, axis=axis: np.roll(x, shift, axis) + x, x)
    alike(lambda x: np.roll(x, 1, 0) - np.roll(x, -1, -1) * np.roll(x, (shift, 1), (0, -1)), x)


@pytest.mark.parametrize("dtype", ["float32", "complex128", "complex64", "int64", "int8", "bool"])
@pytest.mark.parametrize("shape", [(77,), (5,), (6, 100), (100, 6), (70, 70)])
def test_dtypes(dtype, shape):
    x = (RNG.standard_normal(shape) * 5).astype(dtype)
    if dtype.startswith("complex"):
        x = (x + 1j * RNG.standard_normal(shape)).astype(dtype)
    for axis in range(len(shape)):
        alike(lambda x, axis=axis: (np.roll(x, 3, axis), np.where(x == 0, x, np.roll(x, -1, axis))), x)


AROUND = {
    "slice": lambda x: np.roll(x, 3, 0)[2:-5] + np.roll(x, 3, 0)[7:],
    "that does not go on": lambda x: np.roll(x, -3, 0)[:-3] * 2,
    "that begins after it": lambda x: np.roll(x, 3, 0)[3:] * 2,
    "steps": lambda x: np.roll(x, 5, 0)[::3] - np.roll(x, -5, 0)[1::3][: len(x[::3])] if x.shape[0] % 3 == 0 else x,
    "backwards": lambda x: np.roll(x, 5, 0)[::-1] + x,
    "backwards before": lambda x: np.roll(x[::-1], 5, 0) + x,
    "transposed": lambda x: np.roll(x.T, 2, 0) * np.roll(x, 2, -1).T,
    "reshaped": lambda x: np.roll(x, 2, 0).reshape(2, -1) * np.roll(x.reshape(2, -1), 1, 1),
    "twice": lambda x: np.roll(np.roll(x, 2, 0), -1, -1) + np.roll(np.roll(x, 2, 0), 2, 0),
    "broadcast": lambda x: np.roll(x[:1], 1, -1) + np.roll(x, -1, 0),
    "sums": lambda x: (
        np.sum(np.roll(x, 1, 0) * x),
        np.sum(np.roll(x, 1, -1) * x, axis=0),
        np.max(np.roll(x, 1, 0), -1),
    ),
    "product": lambda x: np.roll(x, 1, 0) @ np.roll(x, 1, -1).T,
    "vector": lambda x: np.roll(x, 1, 0) @ np.roll(x, 1, -1)[0],
    "gather": lambda x: np.roll(x, 1, 0)[np.array([0, 3, 1])] + np.roll(x, 2, -1)[np.array([1, 1, 0])],
    "concatenation": lambda x: np.concatenate([np.roll(x, 1, 0), np.roll(x, 1, -1)]),
    "cumulative sum": lambda x: np.cumsum(np.roll(x, 1, 0), axis=0),
    "sort": lambda x: np.sort(np.roll(x, 1, 0) + x, axis=0),
    "a stencil": lambda x: np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, -1) + np.roll(x, -1, -1) - 4 * x,
    "what costs much": lambda x: np.exp(np.sin(np.roll(x, 1, -1)) + np.tanh(np.roll(x, -1, -1)) * np.cos(x)),
    "the result": lambda x: (np.roll(x, 1, -1), np.roll(x * 2, 1, 0)),
    "a constant": lambda x: np.roll(np.arange(float(x.shape[-1])), 3) + x,
}


@pytest.mark.parametrize("name", AROUND)
@pytest.mark.parametrize("shape", [(6, 6), (12, 70), (72, 12), (66, 130), (300, 306)])
def test_what_surrounds_it(name, shape):
    alike(AROUND[name], RNG.standard_normal(shape))


@pytest.mark.parametrize("n", [5, 40, 64, 512, 1000])
def test_in_loops(n):
    def steps(x, u):
        def step(c, _):
            return 0.3 * (np.roll(c, 1) + np.roll(c, -1) - u * c) / 1.7, np.sum(np.roll(c, 2) * u)

        return cr.scan(step, x, None, length=4)

    x, u = RNG.standard_normal(n), RNG.standard_normal(n)
    loss = lambda x, u: cr.sum(steps(x, u)[0] ** 2) + cr.sum(steps(x, u)[1])
    for f in (steps, cr.grad(loss, argnums=(0, 1)), lambda x, u: cr.hvp(lambda x: loss(x, u), x, u)):
        for ours, theirs in zip(cr.jit(f)(x, u), f(cr.tensor(x), cr.tensor(u)), strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_samples():
    x = RNG.standard_normal((20, 3, 50))
    f = lambda x: np.roll(x, 1, 0) * np.roll(x, -2, 1) + np.roll(x, 1)
    alike(lambda x: cr.vmap(f)(x) if isinstance(x, cr.Tensor) else np.stack([f(one) for one in x]), x)


def test_threads_find_the_same(threads):
    x = RNG.standard_normal((700, 700))
    f = cr.jit(lambda x: (cr.roll(x, 1, 0) + cr.roll(x, -1, 1) * x, cr.sum(cr.roll(x, 3, 1) * x), cr.roll(x, 5) - x))
    threads(1)
    one = f(x)
    threads(3)
    for ours, theirs in zip(f(x), one, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(one[0], np.roll(x, 1, 0) + np.roll(x, -1, 1) * x, atol=1e-14)
    np.testing.assert_array_equal(one[2], np.roll(x, 5) - x)


def test_donated_arrays_are_read_before_they_are_written_over():
    for shape in ((300,), (70, 90)):
        f = cr.jit(lambda x: np.roll(x, 1, 0) + x, donate=0)
        for _ in range(3):
            x = RNG.standard_normal(shape)
            np.testing.assert_array_equal(f(cr.tensor(x.copy())).numpy(), np.roll(x, 1, 0) + x)

"""Nests of loops: what shares one, what is computed again, taken in blocks, or told from indices; and its values."""

from __future__ import annotations

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule import native, passes
from chainrule.native.listing import diagonal_of
from chainrule.native.nests.fuse import Blocks, Loop, Straight, members

RNG = np.random.default_rng(0)


def compiled(f, *arguments):
    """The program of f, whose results are those of the graph run by NumPy."""
    graph = passes.optimize(cr.trace(f, *arguments))
    program = native.compile(graph)
    for got, want in zip(native.run(program, *arguments), graph.run(arguments), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)
    return program


def nests(program):
    return program.owner.lowering.items


def test_value_and_gradient_share_one_loop():
    program = compiled(cr.value_and_grad(lambda x: cr.sum(cr.tanh(x) * cr.exp(-x * x))), RNG.normal(size=1003))
    (only,) = nests(program)
    assert isinstance(only, Loop) and only.leaf and only.size == 1003


def test_rows_share_the_loop_over_them():
    program = compiled(lambda x: cr.logsumexp(x, axis=1), RNG.normal(size=(50, 70)))
    assert [item.size for item in nests(program) if isinstance(item, Loop)] == [50]


def test_what_is_cheap_is_computed_again():
    def normed(x):
        centred = x - cr.mean(x)
        return centred / cr.sqrt(cr.mean(centred * centred))

    program = compiled(normed, RNG.normal(size=100_003))
    assert program.arena < 10_000


def test_what_is_dear_is_kept():
    def f(x):
        e = cr.exp(x)
        return e / cr.sum(e)

    program = compiled(f, RNG.normal(size=10_007))
    assert sum(s.name == "exp" for item in nests(program) for s in members(item)) == 1


@pytest.mark.parametrize("rows", [300, 511, 512, 513, 5000])
def test_dear_numbers_between_loops_fill_vectors(rows):
    def loss(w, x, y):
        z = x @ w
        return cr.sum(cr.softplus(z) - y * z)

    x, y = RNG.normal(size=(rows, 37)), RNG.normal(size=rows)
    program = compiled(cr.value_and_grad(loss), RNG.normal(size=37), x, y)
    assert any(isinstance(item, Blocks) for item in nests(program))


def test_chains_of_small_matrices_are_taken_along_memory():
    """Written out side by side over the batch, each lane of each number would be read by itself."""

    def chain(rows, matrices):
        found = [rows]
        for i in range(25):
            found.append(found[-1] @ matrices[i] + rows)
        return cr.stack(found)

    program = compiled(chain, RNG.normal(size=(26, 3, 4)), RNG.normal(size=(25, 4, 4)) / 4)
    text = program.llvm()
    assert text.count("insertelement <8") < 100 and text.count("\n") < 3000


def test_dear_numbers_of_a_step_fill_vectors():
    def step(carry, x):
        w = cr.sigmoid(x * carry) + cr.tanh(x + carry)
        return cr.exp(-w) * cr.sigmoid(carry), cr.log(w * w + 1)

    program = compiled(lambda start, xs: cr.scan(step, start, xs), RNG.normal(size=14), RNG.normal(size=(7, 14)))
    text = program.llvm()
    assert "fdiv <8 x double>" in text and "fdiv double" not in text


def long_step(x, y):
    """Dear enough to be written once, whatever is left over."""
    z = cr.tanh(x * y) + cr.exp(-y * y) * cr.sin(x)
    return cr.stack([z * cr.log(1 + z * z), x - y, z * y], axis=-1)


@pytest.mark.parametrize("n", [9, 15, 16, 17, 23, 1003, 70_003])
def test_the_rest_of_a_long_step_overlaps_with_the_step_before(n):
    program = compiled(long_step, RNG.normal(size=n), RNG.normal(size=n))
    lanes = set(re.findall(r"<(\d+) x double>", program.llvm()))
    assert lanes == {"8"}


def folded(x, y):
    """Sums and their kin over steps that are long, and may be done twice in part."""
    z = cr.tanh(x * y) - cr.exp(-y * y) * cr.sin(x)
    return cr.sum(z), cr.prod(1 + z / 9), cr.max(z), cr.min(z), cr.any(z > 5), cr.all(z < 5), cr.sum(cr.exp(1j * z))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [9, 15, 16, 17, 23, 40, 1003])
def test_what_is_folded_leaves_out_the_lanes_it_has_had(n, dtype):
    x, y = RNG.normal(size=(2, n)).astype(dtype)
    graph = passes.optimize(cr.trace(folded, x, y))
    program = native.compile(graph)
    for got, want in zip(native.run(program, x, y), graph.run([x, y]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11 if dtype == np.float64 else 2e-4, atol=1e-6)
    if n < 64:
        lanes = set(re.findall(r"<(\d+) x (?:double|float)>", program.llvm()))
        assert lanes <= {"8", "16"} or n < 64 // np.dtype(dtype).itemsize


@pytest.mark.parametrize("n", [9, 14, 21])
def test_what_is_written_over_is_not_done_twice(n):
    """Carries that are overwritten in place; sums; draws of rows; all in a loop with a rest."""

    def step(carry, x):
        total, state = carry
        state = cr.tanh(state * x) * cr.exp(-state * state) + x
        return (total + cr.sin(state) * x, state), cr.sum(state)

    def loss(start, xs):
        (total, state), sums = cr.scan(step, (start, start), xs)
        return cr.sum(total * state) + cr.sum(sums)

    compiled(cr.value_and_grad(loss, argnums=(0, 1)), RNG.normal(size=n), RNG.normal(size=(5, n)))
    rows = RNG.integers(n, size=n + 4)
    compiled(cr.value_and_grad(lambda x: cr.sum(cr.tanh(x[rows]) * cr.exp(-(x[rows] ** 2)))), RNG.normal(size=n))


@pytest.mark.parametrize("depth", [1, 40])
def test_results_in_the_memory_of_arguments_with_a_rest(depth):
    """Short steps may write over their arguments; long ones, which are done twice in part, take no such memory."""

    def step(w, g):
        for _ in range(depth):
            w = w - 0.01 * cr.tanh(w * g)
        return w

    w, g = RNG.normal(size=19), RNG.normal(size=19)
    want = w.copy()
    for _ in range(depth):
        want = want - 0.01 * np.tanh(want * g)
    compiled(step, w, g)
    fast, given = cr.jit(step, donate=(0,)), w.copy()
    for _ in range(2):
        got = fast(given, g)
        np.testing.assert_allclose(got, want, rtol=1e-12)
        given = w.copy()
    assert bool(fast.memory(w, g).over) == (depth == 1)


def test_small_parts_of_samples_are_written_out_over_the_batch():
    def one(x):
        return cr.stack([x[0] * x[1], cr.sin(x[2]) / (1 + x[0] ** 2)])

    program = compiled(cr.vmap(cr.jacobian(one)), RNG.normal(size=(101, 3)))
    assert all(isinstance(item, Straight) or item.leaf for item in nests(program))


@pytest.mark.parametrize("size", [40, 100])
def test_a_basis_is_told_from_the_indices(size):
    program = compiled(cr.hessian(lambda x: cr.sum((x[1:] - x[:-1] ** 2) ** 2)), RNG.normal(size=size))
    assert all(x.size < 2 * size for x in program.owner.data.values())


def test_diagonals():
    assert diagonal_of(np.eye(40)) == (0, 1.0)
    assert diagonal_of(2.5 * np.eye(40, 60, k=3)) == (3, 2.5)
    assert diagonal_of(np.eye(40, 60, k=-5)) == (-5, 1.0)
    broken = np.eye(40)
    broken[7, 7] = 2.0
    assert diagonal_of(broken) is None
    broken[7, 7] = 0.0
    assert diagonal_of(broken) is None
    assert diagonal_of(np.zeros((40, 40))) is None
    assert diagonal_of(np.eye(8)) is None
    assert diagonal_of(np.where(np.eye(40) == 1, -1.0, 0.0)) == (0, -1.0)
    assert diagonal_of(-np.eye(40)) is None  # of −0
    assert diagonal_of(np.where(np.eye(40) == 1, np.nan, 0.0)) is None
    assert diagonal_of(np.ones((40, 40))) is None


def test_parts_that_overlap_add_up():
    def f(x):
        return cr.sum(x[1:-1] * x[:-2] * x[2:]) + cr.sum(x[::2] ** 3) + cr.sum(x[3:] * x[:-3])

    compiled(cr.grad(f), RNG.normal(size=1009))


def test_what_is_dear_is_computed_before_the_loops_that_do_not_change_it():
    rng = np.random.default_rng(0)
    change = rng.integers(-1, 2, (10, 20)).astype(float)
    order, speed = (change < 0).T.astype(float), rng.uniform(size=20)
    rates = lambda y: change @ (speed * cr.prod(y**order, axis=1))
    f, y = cr.jit(cr.vmap(cr.jacobian(rates))), rng.uniform(0.1, 1.0, (50, 10))
    assert f.explain(y).flops < 5_000_000
    np.testing.assert_allclose(f(y), cr.vmap(cr.jacobian(rates))(cr.tensor(y)).numpy(), rtol=1e-10, atol=1e-12)


def test_the_power_0_of_complex_numbers():
    x = np.array([1 + 2j, 0, np.nan, 3j, 5])
    np.testing.assert_array_equal(np.asarray(cr.jit(lambda x: x**0 + 0 * x.real)(x)), x**0 + 0 * x.real)

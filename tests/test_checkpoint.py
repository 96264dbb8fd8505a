"""checkpoint: the same derivatives from less memory, closures, random numbers, and functions that change."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr
from chainrule.errors import GradientError
from chainrule.ops import ops
from chainrule.testing import check_gradients
from chainrule.tree import flatten


def values(tree):
    return [x.numpy() for x in flatten(tree)[0]]


@settings(max_examples=20)
@given(programs())
def test_programs_are_as_without(program: Program):
    inputs = program.inputs()
    every = range(len(inputs))

    def run(*x):
        return program.run(cr, *x)

    kept = cr.checkpoint(run)
    calls = [
        lambda f: cr.value_and_grad(f, every)(*inputs),
        lambda f: cr.jvp(f, inputs, inputs),
        lambda f: cr.hessian(f)(*inputs),
        lambda f: cr.jacobian(cr.grad(f), mode="reverse")(*inputs),
    ]
    for call in calls:
        for one, other in zip(values(call(kept)), values(call(run)), strict=True):
            np.testing.assert_allclose(one, other, 1e-11, 1e-12)
    leaves = [cr.tensor(x, requires_grad=True) for x in inputs]
    kept(*leaves).backward()
    for leaf, g in zip(leaves, cr.grad(run, every)(*inputs), strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), g.numpy(), 1e-11, 1e-12)


def test_closures_and_trees():
    w = cr.tensor([1.0, 2.0], requires_grad=True)
    v = w * 2  # of which w is closed over too, so that each must be counted once

    @cr.checkpoint
    def f(tree, scale=1.0):
        y = cr.sin(tree["x"] * w) * v * scale
        return {"y": y, "n": cr.argmax(y)}

    x = cr.tensor([0.3, 0.4], requires_grad=True)
    out = f({"x": x, "k": 3}, scale=2.0)
    assert out["n"].item() == 1
    out["y"].sum().backward()
    a, b = np.array([0.3, 0.4]), np.array([1.0, 2.0])
    np.testing.assert_allclose(x.grad.numpy(), np.cos(a * b) * b * 2 * b * 2, 1e-14)
    np.testing.assert_allclose(w.grad.numpy(), np.cos(a * b) * a * 4 * b + 4 * np.sin(a * b), 1e-14)
    u = cr.tensor([1.0, 2.0], requires_grad=True)
    alone = cr.checkpoint(lambda: cr.sum(u**3))()
    g = cr.gradients(alone, u, create_graph=True)
    np.testing.assert_allclose(cr.gradients(g.sum(), u).numpy(), [6.0, 12.0])
    assert not cr.checkpoint(cr.sin)(1.0).requires_grad
    assert cr.checkpoint(lambda: u)().requires_grad
    check_gradients(lambda x: cr.checkpoint(lambda y: cr.exp(y) * x * y)(x * 2), 0.3)


def test_symbols_and_samples():
    f = cr.checkpoint(lambda x: cr.sin(x) * x)
    s = cr.symbol("s", shape=())
    assert cr.gradients(f(s), s).eval(s=1.0).item() == cr.grad(f)(1.0).item()
    xs = np.array([1.0, 2.0])
    expected = np.cos(xs) * xs + np.sin(xs)
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(xs).numpy(), expected)
    np.testing.assert_allclose(cr.grad(lambda x: cr.sum(cr.checkpoint(cr.vmap(f))(x)))(xs).numpy(), expected)
    np.testing.assert_allclose(cr.jacobian(f, mode="reverse")(xs).numpy(), np.diag(expected))
    np.testing.assert_allclose(cr.jacobian(f, mode="forward")(xs).numpy(), np.diag(expected))


def test_random_numbers_are_drawn_again():
    x = cr.tensor(np.ones(1000), requires_grad=True)
    y = cr.checkpoint(lambda x: cr.nn.functional.dropout(x * 2, 0.5) + cr.random.normal(0.0, 1.0, 1000) * x)(x)
    before = cr.random.state()
    y.sum().backward()
    assert before == cr.random.state()
    np.testing.assert_allclose(x.grad.numpy(), y.detach().numpy())


def layers(x, checkpointed, n=64, width=8):
    def segment(x):
        for _ in range(width):
            x = cr.sin(x) * 1.1
        return x

    step = cr.checkpoint(segment) if checkpointed else segment
    for _ in range(n // width):
        x = step(x)
    return cr.sum(x)


def held(checkpointed):
    """Bytes that the graph keeps, and the peak of the backward pass, beside the one array."""
    x = cr.tensor(np.linspace(0, 1, 100_000), requires_grad=True)
    tracemalloc.start()
    try:
        y = layers(x, checkpointed)
        kept = tracemalloc.get_traced_memory()[0]
        y.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return kept / 800_000, peak / 800_000, x.grad.numpy()


def test_memory():
    kept, peak, g = held(True)
    all_kept, all_peak, expected = held(False)
    np.testing.assert_allclose(g, expected, 1e-13)
    assert all_kept > 60
    assert kept < 10  # one array for each of 8 segments
    assert peak < 26 < all_peak


COUNTER = [0.0]


def changing(x):
    COUNTER[0] += 1.0
    return x * COUNTER[0]


def test_a_function_that_changes():
    y = cr.checkpoint(changing)(cr.tensor(1.0, requires_grad=True))
    message = (
        "[checkpoint] changing gave other values when it was run again for its gradient (output 0); expected a "
        "function of its arguments alone; do not change in between what it closes over, nor draw from a generator of "
        "its own."
    )
    assert_message(GradientError, message, lambda: y.backward())


def test_nothing_else_is_run_again():
    w, x = cr.tensor(2.0, requires_grad=True), cr.tensor(3.0, requires_grad=True)
    graph = cr.checkpoint(lambda x: w * x)(x).graph()
    with pytest.raises(GradientError, match="closes over Tensors"):
        graph.run([np.float64(5.0), np.float64(7.0)])


def test_its_graph_is_not_for_symbols():
    graph = cr.checkpoint(cr.sin)(cr.tensor(3.0, requires_grad=True)).graph()
    message = (
        "[checkpoint] the graph of sin was run again on symbols; expected values; call the checkpointed function "
        "itself on them."
    )
    assert_message(GradientError, message, lambda: graph.run([cr.symbol()], ops))

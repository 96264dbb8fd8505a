"""Gradients of single samples: by the transform, by the tape, and by a loop."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import AxisError, GradientError, ShapeError, SymbolError

W = np.linspace(-1.0, 1.0, 6).reshape(2, 3)
B = np.array([0.1, -0.2])
X = np.cos(np.arange(12.0)).reshape(4, 3)
Y = np.sin(np.arange(8.0)).reshape(4, 2)


def loss(p, x, y):
    return cr.sum((cr.tanh(p["w"] @ x + p["b"]) - y) ** 2)


def test_three_ways():
    p = {"w": W, "b": B}
    looped = [cr.grad(loss)(p, x, y) for x, y in zip(X, Y, strict=True)]
    found = cr.per_sample(cr.grad(loss))(p, X, Y)
    w, b = cr.tensor(W, requires_grad=True), cr.tensor(B, requires_grad=True)
    losses = cr.sum((cr.tanh(cr.asarray(X) @ w.T + b) - Y) ** 2, axis=1)
    losses.backward(per_sample=0)
    for name, leaf in (("w", w), ("b", b)):
        expected = np.stack([g[name].numpy() for g in looped])
        np.testing.assert_allclose(found[name].numpy(), expected, 1e-13, 1e-15)
        np.testing.assert_allclose(leaf.grad.numpy(), expected, 1e-13, 1e-15)
        assert not leaf.grad.requires_grad


def test_samples_that_mix():
    x = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x / x.sum()).backward(per_sample=0)
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3) / 6 - np.array([[1.0], [2.0], [3.0]]) / 36, 1e-14, 1e-16)


def test_cotangents_and_accumulation():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.stack([x, x**2])
    y.backward(np.array([[1.0, 0.0], [10.0, 1.0]]), per_sample=-1, retain_graph=True)
    assert x.grad.tolist() == [[21.0, 0.0], [0.0, 4.0]]
    y.backward(np.array([[1.0, 0.0], [10.0, 1.0]]), per_sample=-1)
    assert x.grad.tolist() == [[42.0, 0.0], [0.0, 8.0]]


LEAF = cr.tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        pytest.param(
            GradientError,
            "[backward] the output is float64[2, 2], and a gradient can be implied for one real number a sample; "
            "expected 2 of them along axis 0; reduce the other axes, or give gradient=ones_like(y).",
            lambda: cr.stack([LEAF, LEAF]).backward(per_sample=0),
            id="not one number",
        ),
        pytest.param(
            ShapeError,
            "[backward] the cotangent has shape (3,) and its output (2,); expected equal shapes; broadcast it with "
            "broadcast_to(g, (2,)).",
            lambda: (LEAF * 2).backward(np.ones(3), per_sample=0),
            id="shape",
        ),
        pytest.param(
            AxisError,
            "[backward] axis 1 is out of range for an operand with 1 axes; expected an integer from -1 to 0; check the "
            "operand's shape.",
            lambda: (LEAF * 2).backward(per_sample=1),
            id="axis",
        ),
        pytest.param(
            GradientError,
            "[backward] per_sample was given with create_graph or inputs; expected it alone; write per_sample(grad(f)) "
            "for gradients that are differentiated again.",
            lambda: (LEAF * 2).backward(per_sample=0, create_graph=True),
            id="create_graph",
        ),
        pytest.param(
            SymbolError,
            "[backward] the output is symbolic, so there is no value to differentiate at; expected a Tensor with a "
            "value; write per_sample(grad(f)).",
            lambda: (cr.symbol(shape=(2,)) * 2).backward(per_sample=0),
            id="symbol",
        ),
        pytest.param(
            SymbolError,
            "[dropout] the operand is one sample of a vmap, or an argument of a loop's body, and noise drawn now would "
            "be the same for all; expected an operand with a value; draw noise for all outside, map over it, and "
            "multiply: x * mask.",
            lambda: cr.per_sample(cr.grad(lambda w, x: cr.sum(cr.nn.functional.dropout(w * x))))(LEAF, cr.ones((3, 2))),
            id="noise",
        ),
    ],
)
def test_mistakes(error, message, call):
    assert_message(error, message, call)


def test_noise_that_is_drawn_outside():
    mask = cr.asarray(np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    found = cr.per_sample(cr.grad(lambda w, x, m: cr.sum(w * x * m)))(LEAF, cr.ones((3, 2)), mask)
    assert found.tolist() == mask.tolist()
    w = cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.sum(cr.nn.functional.dropout(cr.ones((3, 2)) * w), axis=1)  # on the tape noise is a value like any other
    y.backward(per_sample=0)
    assert np.isin(w.grad.numpy(), (0.0, 2.0)).all()


def test_the_gradient_of_all_is_in_the_way():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    y = x * 2
    message = (
        "[backward] .grad has shape (2,), and the gradients of all samples (2, 2); expected equal shapes, since "
        "gradients are accumulated; set x.grad = None first."
    )
    assert_message(ShapeError, message, lambda: y.backward(per_sample=0))

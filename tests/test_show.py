"""Drawings show the edges of their graph; steps arrive at the gradient."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.show.draw import draw
from chainrule.show.steps import steps

UNARY = (cr.sin, cr.exp, cr.tanh, lambda x: 2 * x)
BINARY = (cr.add, cr.multiply, cr.maximum, lambda x, y: cr.where(x > y, x, y))


@st.composite
def programs(draw_):
    """Leaves, and what a random program makes of them."""
    leaves = [cr.tensor([0.1 * i, 0.3, -0.2], requires_grad=True) for i in range(draw_(st.integers(1, 4)))]
    values = list(leaves)
    for _ in range(draw_(st.integers(1, 12))):
        one, other = (values[draw_(st.integers(0, len(values) - 1))] for _ in range(2))
        function = draw_(st.sampled_from(UNARY + BINARY))
        values.append(function(one) if function in UNARY else function(one, other))
    return leaves, values[-1]


def edges_in(drawing):
    """(operands, node) of every node, read from the lines of a drawing."""
    owners, arrows, found = {}, set(), []
    for line in drawing.splitlines():
        node = re.match(r"(.*●.*?) {2,}(\S+) += ", line)
        if node is None:
            arrows = {i for i, mark in enumerate(line) if mark == "▼"}
            continue
        picture, name = node.groups()
        joining = {i: mark for i, mark in enumerate(picture) if mark in "└┘┴├┤┼"}
        found.append(({owners[i] for i in arrows | set(joining)}, name))
        going_on = {i for i, mark in enumerate(picture) if mark in "│├┤┼"}
        owners = {i: owner for i, owner in owners.items() if i in going_on}
        owners[picture.index("●")], arrows = name, set()
    return found


@given(programs())
def test_a_drawing_shows_every_edge_and_no_other(program):
    _, y = program
    if y.is_leaf:
        return
    graph = y.graph()
    names = graph.names()
    assert edges_in(draw(y)) == [({names[p] for p in node.parents if p}, names[node]) for node in graph.nodes]


@given(programs())
def test_steps_arrive_at_the_gradient(program):
    leaves, y = program
    y = cr.sum(y * y)
    expected = cr.gradients(y, leaves, retain_graph=True, allow_unused=True)
    taken = steps(y, **{f"leaf{i}": leaf for i, leaf in enumerate(leaves)})
    found = {step.node: step.cotangent for step in taken if step.operand is None}
    for i, g in enumerate(expected):
        if f"leaf{i}" in found:
            np.testing.assert_allclose(found[f"leaf{i}"], g.numpy(), rtol=1e-14)
        else:
            assert g is None or not g.numpy().any()
    for step in taken:
        if step.operand is not None and step.call.startswith(("sin", "exp", "tanh", "multiply")):
            np.testing.assert_allclose(step.sent, step.cotangent * step.partial, rtol=1e-14)


def test_the_partial_of_what_is_not_elementwise_is_its_jacobian():
    a, x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), cr.tensor([1.0, -1.0], requires_grad=True)
    product, leaf = steps(a @ x, gradient=[1.0, 0.0, 2.0])
    np.testing.assert_array_equal(product.partial, a)
    np.testing.assert_array_equal(leaf.cotangent, [11.0, 14.0])


def test_large_jacobians_are_not_written_out():
    x = cr.tensor(np.ones((10, 10)), requires_grad=True)
    assert "(not written out)" in str(steps((x @ x).sum()))


def test_the_branch_not_taken_sends_nothing():
    x = cr.tensor(0.0, requires_grad=True)
    with np.errstate(divide="ignore"):
        y = cr.where(x > 0, cr.log(x), x)
    *_, leaf = steps(y)
    assert leaf.cotangent == 1.0


def test_steps_leave_the_graph_as_it_was():
    x = cr.tensor(2.0, requires_grad=True)
    y = x * x
    steps(y)
    assert x.grad is None
    y.backward()
    assert x.grad.item() == 4.0


def test_steps_of_a_symbol():
    x = cr.symbol("x")
    with pytest.raises(cr.SymbolError) as told:
        steps(x * x)
    assert told.value.message == (
        "[steps] the output is symbolic, so its cotangents have no values; expected a Tensor with a value; "
        "compute it from tensor(..., requires_grad=True)."
    )

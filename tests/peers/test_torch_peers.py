"""The same random programs in PyTorch: ``make test-peers``, where it is installed."""

import numpy as np
import pytest
from hypothesis import given, settings
from programs import Program, programs

import chainrule as cr

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers


@settings(max_examples=100)
@given(programs())
def test_gradient_is_torchs(program: Program):
    ours = [cr.tensor(x, requires_grad=True) for x in program.inputs()]
    theirs = [torch.tensor(x, requires_grad=True) for x in program.inputs()]
    y, z = program.run(cr, *ours), program.run(torch, *theirs)
    np.testing.assert_allclose(y.item(), z.item(), 1e-12)
    y.backward()
    z.backward()
    for x, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), 1e-10, 1e-12)


@settings(max_examples=40)
@given(programs())
def test_second_order_is_torchs(program: Program):
    ours = [cr.tensor(x, requires_grad=True) for x in program.inputs()]
    theirs = [torch.tensor(x, requires_grad=True) for x in program.inputs()]
    first = cr.gradients(program.run(cr, *ours), ours, create_graph=True)
    second = torch.autograd.grad(program.run(torch, *theirs), theirs, create_graph=True)
    total = sum(cr.sum(cr.sin(g)) for g in first)
    expected = sum(torch.sum(torch.sin(g)) for g in second)
    if not expected.requires_grad:
        return
    for g, t in zip(
        cr.gradients(total, ours, allow_unused=True),
        torch.autograd.grad(expected, theirs, allow_unused=True, materialize_grads=True),
        strict=True,
    ):
        np.testing.assert_allclose(0.0 if g is None else g.numpy(), t.numpy(), 1e-9, 1e-11)

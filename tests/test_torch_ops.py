"""Every op, called on Tensors of the PyTorch dialect, is the op: same values, same gradients, to second order."""

import numpy as np
import pytest
from samples import RECORDS, sample

import chainrule as cr
import chainrule.torch as torch
from chainrule.tree import flatten


def wrapped(make, leaves, x):
    """An argument with every float64 array in it made a Tensor, also inside sequences."""
    if isinstance(x, (list, tuple)):
        return type(x)(wrapped(make, leaves, item) for item in x)
    if getattr(x, "dtype", None) != np.float64:
        return x
    leaves.append(make(x))
    return leaves[-1]


def total(parts):
    """A sum of squares, with weights, since that of the elements of a basis alone is constant."""
    return sum(
        (cr.real(part * part.detach()) * cr.asarray(np.cos(np.arange(np.prod(part.shape))).reshape(part.shape))).sum()
        for part in parts
        if part.requires_grad
    )


def derivatives(name, call, make, gradients):
    leaves = []
    args, kwargs = wrapped(make, leaves, call.args), {k: wrapped(make, leaves, x) for k, x in call.kwargs.items()}
    result, seen = RECORDS[name].call(*args, **kwargs), sample(name).seen
    if seen is not None:
        result = seen(*result) if isinstance(result, tuple) else seen(result)
    parts = flatten(result)[0]
    found = [part.detach().tolist() for part in parts]
    y = total(parts)
    if isinstance(y, int):
        return found
    first = gradients(y, leaves, True)
    found += [None if g is None else (type(g), g.detach().tolist()) for g in first]
    again = sum((g * g).sum() for g in first if g is not None and g.requires_grad)
    if not isinstance(again, int):
        found += [None if g is None else (type(g), g.tolist()) for g in gradients(again, leaves, False)]
    return found


@pytest.mark.parametrize("name", sorted(RECORDS))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_op_is_the_same_on_pytorchs_tensors(name):
    for call in sample(name).calls:
        here = derivatives(
            name,
            call,
            lambda x: torch.tensor(x, requires_grad=True),
            lambda y, xs, create: torch.autograd.grad(y, xs, create_graph=create, allow_unused=True),
        )
        core = derivatives(
            name,
            call,
            lambda x: cr.tensor(x, requires_grad=True),
            lambda y, xs, create: cr.gradients(y, xs, create_graph=create, allow_unused=True),
        )
        assert len(here) == len(core)
        for mine, its in zip(here, core, strict=True):
            if isinstance(its, tuple):
                assert mine[0] is torch.Tensor and its[0] is cr.Tensor
                mine, its = mine[1], its[1]
            np.testing.assert_array_equal(np.array(mine), np.array(its))

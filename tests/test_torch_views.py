"""A write through a view would be lost, so it is refused; a view that nobody else can see the whole of is free."""

from pathlib import Path

import pytest

import chainrule.torch as torch
from chainrule.dialects.torch.views import ViewError

REFUSED = {
    "x[0].zero_()": lambda x: x[0].zero_(),
    "x[0][1] = 3": lambda x: x[0].__setitem__(1, 3.0),
    "x[:, 1].fill_(2)": lambda x: x[:, 1].fill_(2.0),
    "x.view(-1)[0] = 3": lambda x: x.view(-1).__setitem__(0, 3.0),
    "x.reshape(4).add_(1)": lambda x: x.reshape(4).add_(1),
    "x.T.mul_(2)": lambda x: x.T.mul_(2),
    "x.mT.mul_(2)": lambda x: x.mT.mul_(2),
    "torch.transpose(x, 0, 1).copy_": lambda x: torch.transpose(x, 0, 1).copy_(torch.zeros(2, 2)),
    "a row of unbind": lambda x: x.unbind(0)[1].zero_(),
    "a row of iteration": lambda x: next(iter(x)).zero_(),
    "a chunk": lambda x: x.chunk(2)[0].zero_(),
    "a view of a view": lambda x: x.view(-1)[1:][0].zero_(),
    "a view of .data": lambda x: torch.nn.init.ones_(x.data[0:1]),
    "detached from a view": lambda x: x[0].detach().zero_(),
    "a view after .data was replaced": lambda x: (setattr(x, "data", torch.ones(2, 2)), x[0].zero_()),
    "a diagonal": lambda x: x.diagonal().zero_(),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_write_through_a_view_is_refused(case):
    x = torch.ones(2, 2)
    with pytest.raises(ViewError, match="is a view, and a write through it does not reach"):
        REFUSED[case](x)
    assert x.tolist() == [[1, 1], [1, 1]]


def test_the_refusal_says_what_to_do():
    x = torch.ones(2)
    with pytest.raises(RuntimeError) as caught:
        x[0].zero_()
    line = caught.traceback[0].lineno + 1
    assert str(caught.value) == (
        "[zero_] this Tensor is a view, and a write through it does not reach the Tensor it was taken from; "
        "expected a Tensor of its own; write to the whole by index, x[0] = value, or take a copy with x.clone()."
        f"\n  at {Path(__file__)}:{line}: x[0].zero_()"
    )


def test_writes_that_nobody_can_miss_are_free():
    x = torch.ones(2, 2)
    x = x.view(-1)
    x += 1
    assert x.tolist() == [2, 2, 2, 2]
    y = torch.ones(2, 2)
    for own in (y[0].clone(), y[[0, 1]], y[y > 0], y.flatten() * 1, y.sum(0), y.repeat(2, 1)):
        own.zero_()
    assert y.tolist() == [[1, 1], [1, 1]]


def test_writes_to_the_whole_are_free():
    x = torch.ones(2, 2)
    row = x[0]
    x[0] = 3.0
    x.data[1] = 4.0
    assert x.tolist() == [[3, 3], [4, 4]]
    assert row.tolist() == [1, 1]

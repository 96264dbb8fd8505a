"""chainrule.torch does what PyTorch does: values, dtypes, errors, gradients, as PyTorch 2.13 itself gave them."""

import ast
import builtins
import contextlib
import gc
import io
import json
import math
import weakref
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
import chainrule.torch as torch

GOLDEN = Path(__file__).parent / "golden"
BEHAVIOUR = json.loads((GOLDEN / "torch_behaviour.json").read_text())
F = torch.nn.functional
NAMES = {"torch": torch, "np": np, "F": F}


def variables():
    return {name: eval(text, NAMES) for name, text in BEHAVIOUR["variables"].items()}


def set_data(tensor, data):
    tensor.data = data
    return tensor, tensor.requires_grad


@pytest.mark.parametrize("case", BEHAVIOUR["cases"], ids=lambda case: case["expr"][:60])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_expression_gives_what_pytorch_gives(case):
    names = {**NAMES, **variables(), "setdata": set_data}
    if "error" not in case:
        assert repr(eval(case["expr"], names)) == case["result"]
        return
    with pytest.raises(getattr(builtins, case["error"])) as caught:
        eval(case["expr"], names)
    assert str(caught.value) == case["message"]


MATRICES = {
    "P": [[0.21, 0.83, 0.47], [0.95, 0.12, 0.64], [0.38, 0.76, 0.59]],
    "Q": [[0.71, 0.33, 0.52], [0.45, 0.92, 0.14], [0.88, 0.26, 0.67]],
    "R": [[0.31, 0.99, 0.57], [0.73, 0.42, 0.85], [0.18, 0.66, 0.24]],
}


@pytest.mark.parametrize("case", BEHAVIOUR["gradients"], ids=lambda case: case["expr"][:60])
def test_gradients_are_pytorchs(case):
    leaves = {name: torch.tensor(data, dtype=torch.float64, requires_grad=True) for name, data in MATRICES.items()}
    y = eval(case["expr"], {**NAMES, **leaves, "I": torch.tensor([0, 2, 1])})
    assert y.item() == pytest.approx(case["value"], rel=1e-6 if "float" in case["expr"] else 1e-12)
    gradients = torch.autograd.grad(y, list(leaves.values()), allow_unused=True)
    for (name, leaf), g in zip(leaves.items(), gradients, strict=True):
        expected = case["grads"][name]
        if expected is None or g is None:
            assert (g is None or not g.any()) and not np.any(expected or 0), name
        else:
            assert g.dtype is leaf.dtype and g.shape == leaf.shape
            np.testing.assert_allclose(
                g.numpy(), expected, rtol=1e-6 if "float" in case["expr"] else 1e-11, atol=1e-13, err_msg=name
            )


# ------------------------------------------------------------------------------------------------- the lecture

CELLS = [
    "import chainrule.torch as torch\nx = torch.arange(4.0)\nx",
    "x.requires_grad_(True)\nx.grad",
    "y = 2 * x.T @ x\ny",
    "y.backward()\nx.grad",
    "x.grad == 4 * x",
    "x.grad.zero_()\ny = x.sum()\ny.backward()\nx.grad",
    "x = torch.Tensor([1, 2])\nx.requires_grad_(True)\ny =  2*(x[0]**3) + 3*x[0]*x[1] + 4*x[1]",
    "y.backward()\nx.grad",
    """learning_rate = 0.1
x = torch.Tensor([11, 2.0])
x.requires_grad_(True)
ys = []
for i in range(1000):
    y = 2*(x[0]**2)  + 4*x[1]**2
    y.backward()
    if  len(ys) and y >= ys[-1]:
        break
    ys.append(y)
    print(y , i, x.grad )
    with torch.no_grad():
        x -= learning_rate * x.grad
    x.grad.zero_()""",
]


def test_the_lecture_prints_what_pytorch_prints():
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in CELLS:
            tree = ast.parse(cell)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), names)
            if last is not None:  # a notebook shows what a cell's last line is
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
                if value is not None:
                    print(repr(value))
    assert printed.getvalue() == (GOLDEN / "lecture_torch.txt").read_text()


# --------------------------------------------------------------------------------------------- shared memory


def test_a_write_through_data_reaches_the_tensor():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    w.data -= 0.5 * w.grad
    assert w.tolist() == [0.0, 0.0] and w.requires_grad and w.is_leaf
    w.data.add_(3.0)
    w.data[0] = 7.0
    w.data.copy_(w.data * 2)
    assert w.tolist() == [14.0, 6.0]
    w.grad.data.zero_()
    assert w.grad.tolist() == [0.0, 0.0]
    w.data = torch.tensor([5.0, 6.0])
    (w * w).sum().backward()
    assert w.tolist() == [5.0, 6.0] and w.grad.tolist() == [10.0, 12.0]


def test_a_detached_tensor_shares_both_ways():
    x = torch.tensor([1.0, 2.0])
    d, e = x.detach(), x.detach().detach()
    x += 1
    assert d.tolist() == e.tolist() == [2.0, 3.0]
    e.mul_(2)
    assert x.tolist() == d.tolist() == [4.0, 6.0]
    own = d.clone()
    own.zero_()
    x.data = torch.zeros(2)
    assert x.tolist() == [0.0, 0.0] and d.tolist() == e.tolist() == [4.0, 6.0]
    x.add_(1)
    assert d.tolist() == [4.0, 6.0]


def test_setting_data_shares_with_the_giver_and_may_change_shape_and_dtype():
    w, v = torch.ones(2, requires_grad=True), torch.zeros(3, dtype=torch.float64)
    w.data = v
    v += 2
    assert w.tolist() == [2.0, 2.0, 2.0] and w.dtype is torch.float64
    (w * w).sum().backward()
    assert w.grad.tolist() == [4.0, 4.0, 4.0] and w.grad.dtype is torch.float64
    y = w * 2
    with pytest.raises(cr.ShapeError, match=r"\[data\] float64\[2\] was assigned"):
        y.data = torch.zeros(2, dtype=torch.float64)


def test_a_write_to_an_alias_leaves_recorded_values_alone():
    # PyTorch refuses this backward: "modified by an inplace operation". Here the graph keeps what it saw.
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.detach().zero_()
    assert y.tolist() == [0.0, 0.0] and y.requires_grad
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]), rtol=1e-6)


def test_an_alias_keeps_neither_graph_nor_tensor_alive():
    gc.disable()
    try:
        x = torch.ones(3, requires_grad=True)
        y = (x * 2).exp()
        node, tensor = weakref.ref(y._node), weakref.ref(y)
        alias = y.detach()
        del y
        assert node() is None and tensor() is None
        alias.zero_()
    finally:
        gc.enable()


def test_many_short_lived_aliases_do_not_pile_up():
    x = torch.ones(2)
    for _ in range(1000):
        x.detach()
    assert len(x._storage.members) < 100


def test_accumulation_reaches_aliases_of_the_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    first, alias = x.grad, x.grad.data
    x.sum().backward()
    assert x.grad is first and alias.tolist() == [2.0, 2.0]


def test_initialisers_reach_their_parameters():
    torch.manual_seed(0)
    w = torch.empty(200, 300, requires_grad=True)
    for name, deviation in {
        "xavier_uniform_": math.sqrt(2 / 500),
        "xavier_normal_": math.sqrt(2 / 500),
        "kaiming_uniform_": math.sqrt(2 / 300),
        "kaiming_normal_": math.sqrt(2 / 300),
    }.items():
        assert getattr(torch.nn.init, name)(w) is w
        assert w.std().item() == pytest.approx(deviation, rel=0.02) and abs(w.mean().item()) < 0.01
    torch.nn.init.uniform_(w, 2, 3)
    assert w.min().item() >= 2 and w.max().item() <= 3
    torch.nn.init.constant_(w, 4.0)
    assert (w == 4).all()
    torch.nn.init.zeros_(w)
    assert not w.any() and w.is_leaf and w.requires_grad and w.dtype is torch.float32


# ---------------------------------------------------------------------------------------------- in place


def test_writes_under_no_grad_keep_the_place_in_the_graph():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    with torch.no_grad():
        y.add_(1)
        x.mul_(2)
    assert y.tolist() == [4.0, 7.0] and x.tolist() == [2.0, 4.0]
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_overwriting_cuts_the_gradient_but_not_the_graph():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for write in (
        lambda y: y.zero_(),
        lambda y: y.fill_(3.0),
        lambda y: y.copy_(torch.ones(2)),
        lambda y: y.uniform_(),
    ):
        y = write(x.clone())
        assert y.requires_grad and not y.is_leaf
        assert torch.autograd.grad(y.sum(), x)[0].tolist() == [0.0, 0.0]
    y = x.clone()
    y[0] = 9.0
    assert torch.autograd.grad((y * y).sum(), x)[0].tolist() == [0.0, 4.0]


def test_modified_values_do_not_spoil_a_gradient():
    # The mistake "modified by an inplace operation" cannot be made: the graph keeps the values that it used.
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    z = y * y
    y.add_(1)
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([2.0, 4.0]), rtol=1e-6)


def test_the_array_behind_from_numpy_does_not_reach_the_graph():
    array = np.array([1.0, 2.0])
    x = torch.from_numpy(array)
    w = torch.tensor([2.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = (w * x).sum()
    array *= 5
    y.backward()
    assert w.grad.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 3


# ----------------------------------------------------------------------------------- mistakes, in PyTorch's words


def told(error, action):
    with pytest.raises(error) as caught:
        action()
    assert any(note.startswith("  at ") for note in caught.value.__notes__)
    return str(caught.value)


def test_a_second_backward():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp().sum()
    y.backward()
    message = told(RuntimeError, y.backward)
    assert message == (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
        "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
        "saved tensors after calling backward."
    )
    assert told(RuntimeError, lambda: torch.autograd.grad(y, x)) == message
    assert (
        told(RuntimeError, lambda: x.sin().sum().backward() or y.grad_fn.next_functions[0][0]._saved_result) == message
    )
    z = (x + 1).sum()  # keeps nothing, so it may go twice, as in PyTorch
    z.backward()
    z.backward()


def test_mistakes_that_both_make():
    x = torch.arange(3.0, requires_grad=True)
    y = x.exp()
    scalar = "grad can be implicitly created only for scalar outputs"
    assert told(RuntimeError, y.backward) == told(RuntimeError, lambda: torch.autograd.grad(y, x)) == scalar
    assert told(RuntimeError, (y * 1j).sum().backward) == (
        "grad can be implicitly created only for real scalar outputs but got torch.complex64"
    )
    unattached = "element 0 of tensors does not require grad and does not have a grad_fn"
    assert told(RuntimeError, torch.ones(1).backward) == unattached
    assert told(RuntimeError, torch.arange(3).sum().backward) == unattached
    with torch.no_grad():
        lost = (x * x).sum()
    assert told(RuntimeError, lost.backward) == unattached
    assert told(RuntimeError, torch.arange(3).requires_grad_) == (
        "only Tensors of floating point dtype can require gradients"
    )
    assert told(RuntimeError, lambda: torch.tensor([1], requires_grad=True)) == (
        "Only Tensors of floating point and complex dtype can require gradients"
    )
    leaf = "a leaf Variable that requires grad is being used in an in-place operation."
    assert told(RuntimeError, x.zero_) == told(RuntimeError, lambda: x.add_(1)) == leaf
    assert told(RuntimeError, lambda: x.__setitem__(0, 1.0)) == told(RuntimeError, lambda: x.__isub__(1)) == leaf
    numpy = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
    assert told(RuntimeError, y.numpy) == told(RuntimeError, lambda: np.asarray(x)) == numpy
    assert told(RuntimeError, lambda: bool(x)) == "Boolean value of Tensor with more than one value is ambiguous"
    assert told(TypeError, lambda: len(torch.tensor(1.0))) == "len() of a 0-d tensor"
    other = torch.ones(2, requires_grad=True)
    assert told(RuntimeError, lambda: torch.autograd.grad(x.sum(), [x, other])) == (
        "The differentiated Tensor at index 1 appears to not have been used in the graph. Set allow_unused=True if "
        "this is the desired behavior."
    )
    assert told(RuntimeError, lambda: x.sum().backward(torch.ones(2))) == (
        "Mismatch in shape: grad_output[0] has a shape of torch.Size([2]) and output[0] has a shape of torch.Size([])."
    )
    assert told(RuntimeError, lambda: y.requires_grad_(False)) == (
        "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
        "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
    )
    assert told(RuntimeError, lambda: torch.ones(2, 2) @ torch.ones(2, 2).double()) == (
        "expected m1 and m2 to have the same dtype, but got: float != double"
    )


# ------------------------------------------------------------------------------------------- graph and modes


def test_edges_of_the_graph():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = 2 * x
    (leaf, index), constant = y.grad_fn.next_functions
    assert leaf.name() == "torch::autograd::AccumulateGrad" and leaf.variable is x and index == 0
    assert constant == (None, 0)
    for z in (1 - x, x**2, x.sum(), x[0], x.clamp(0, 1), x.var(), x.norm(), F.softplus(x)):
        ((accumulate, _),) = z.grad_fn.next_functions
        assert type(accumulate).__name__ == "AccumulateGrad"
    ((reciprocal, _), _) = (1 / x).grad_fn.next_functions
    assert reciprocal.name() == "ReciprocalBackward0"
    assert y.grad_fn == y.grad_fn and len({y.grad_fn, y.grad_fn}) == 1 and y.grad_fn != (x * 2).grad_fn
    y.grad_fn.metadata["note"] = 1
    assert y.grad_fn.metadata == {"note": 1}
    assert torch.equal(x.exp().grad_fn._saved_result, x.exp()) and (x * x).grad_fn._saved_other is not None


def test_names_stay_after_the_values_are_freed():
    x, c = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 3.0])
    results = [x**2, 2**x, x**c, c**x, 1 - x, c @ x, x / 2]
    before = [type(y.grad_fn).__name__ for y in results]
    for y in results:
        y.sum().backward()
    assert [type(y.grad_fn).__name__ for y in results] == before
    assert before[:5] == ["PowBackward0", "PowBackward2", "PowBackward1", "PowBackward1", "RsubBackward1"]


def test_hooks_see_tensors_of_their_own_class():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    handle = x.register_hook(lambda g: seen.append(g) or g * 2)
    y = x * x
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 3,))
    y.sum().backward()
    assert type(seen[0]) is torch.Tensor and seen[0].tolist() == [6.0, 12.0] and x.grad.tolist() == [12.0, 24.0]
    handle.remove()


def test_second_order_stays_in_the_dialect():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    assert type(g) is torch.Tensor and g.dtype is torch.float32 and g.requires_grad
    g.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0] and x.grad.dtype is torch.float32
    torch.autograd.backward([x.sum(), (x * x).sum()])
    assert x.grad.tolist() == [9.0, 17.0]


def test_modes():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not torch.is_grad_enabled() and not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
    with torch.set_grad_enabled(False):
        assert not (x * 2).requires_grad

    @torch.no_grad()
    def f():
        return x * 2

    assert not f().requires_grad and torch.is_grad_enabled()


# ------------------------------------------------------------------------------- dtypes, printing, randomness


def test_dtypes_are_objects_that_numpy_understands():
    assert np.zeros(2, torch.float32.dtype).dtype == np.dtype(torch.float32) == torch.float32
    assert torch.ones(2).dtype is torch.float32 is torch.float and torch.float32 != torch.float64
    assert {torch.float32: 1}[torch.ones(2).dtype] == 1 and torch.complex64.to_real() is torch.float32
    with pytest.raises(cr.DTypeError, match="there is no bfloat16"):
        torch.zeros(2, dtype="bfloat16")


def test_the_default_dtype_can_be_changed_and_changed_back():
    try:
        torch.set_default_dtype(torch.float64)
        x = torch.tensor([1.0])
        assert x.dtype is torch.float64 and repr(x) == "tensor([1.])" and (torch.tensor([1]) / 2).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert (torch.tensor([1]) / 2).dtype is torch.float32 and torch.tensor([1.0]).dtype is torch.float32


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"precision": 2}, "tensor([3.33e-01, 1.00e+06])"),
        ({"sci_mode": False}, "tensor([      0.3333, 1000000.0000])"),
        ({"profile": "short"}, "tensor([3.33e-01, 1.00e+06])"),
        ({"linewidth": 20}, "tensor([3.3333e-01,\n        1.0000e+06])"),
    ],
)
def test_print_options(options, expected):
    with torch.printoptions(**options):
        assert repr(torch.tensor([1 / 3, 1e6])) == expected
    assert torch.get_printoptions() == {
        "precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None
    }  # fmt: skip


def test_random_numbers_repeat_and_have_their_moments():
    def draw():
        torch.manual_seed(7)
        return torch.cat([torch.rand(5), torch.randn(5), torch.randperm(5).float(), torch.randint(0, 9, (5,)).float()])

    assert torch.equal(draw(), draw())
    g = torch.Generator().manual_seed(1)
    x = torch.randn(20000, generator=g)
    assert x.dtype is torch.float32 and abs(x.mean().item()) < 0.03 and x.std().item() == pytest.approx(1, rel=0.03)
    x.uniform_(2, 4, generator=g)
    assert x.mean().item() == pytest.approx(3, rel=0.01) and x.min().item() >= 2
    assert F.dropout(torch.ones(10000), 0.3).mean().item() == pytest.approx(1, rel=0.05)
    assert sorted(torch.randperm(6).tolist()) == list(range(6))
    assert torch.bernoulli(torch.full((10000,), 0.2)).mean().item() == pytest.approx(0.2, abs=0.02)
    assert set(torch.multinomial(torch.tensor([0.0, 1.0, 1.0]), 50, replacement=True).tolist()) == {1, 2}


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (2, 3)])
def test_shapes_of_every_kind(shape):
    x = torch.ones(shape, requires_grad=True)
    y = (x * 2 + x.sum()).exp().sum()
    y.backward()
    assert x.grad.shape == x.shape and x.grad.dtype is torch.float32


@pytest.mark.parametrize("make", [lambda a: a[::-1], lambda a: a[::2], lambda a: a.T, lambda a: np.asfortranarray(a)])
def test_arrays_of_every_layout(make):
    array = make(np.arange(24, dtype=np.float32).reshape(6, 4))
    x = torch.from_numpy(array).requires_grad_()
    ((x.reshape(-1) ** 2).sum() + x.T.flatten().sum()).backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * array + 1)


def test_numpy_functions_and_the_core_keep_the_class():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for y in (np.sin(x), cr.sin(x), np.float32(2) * x, cr.tensor([1.0, 2.0]) * x, cr.concat([x, x])):
        assert type(y) is torch.Tensor and y.requires_grad
    assert type(cr.gradients((x * x).sum(), x)) is torch.Tensor
    assert type(cr.grad(lambda v: (v * v).sum())(x)) is torch.Tensor


def test_short_paths_import_as_in_pytorch():
    import chainrule.torch.nn as nn
    import chainrule.torch.nn.functional as F
    from chainrule.torch.autograd import grad
    from chainrule.torch.linalg import norm

    assert F is torch.nn.functional and nn is torch.nn and grad is torch.autograd.grad and norm is torch.linalg.norm

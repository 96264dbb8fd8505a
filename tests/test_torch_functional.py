"""``torch.nn.functional`` of the PyTorch dialect is chainrule's, under PyTorch's names; its own errors and noise."""

import numpy as np
import pytest

import chainrule as cr
import chainrule.torch as torch

F, CORE = torch.nn.functional, cr.nn.functional
X, Y = np.linspace(-2.3, 2.9, 12).reshape(3, 4), np.cos(np.arange(12.0)).reshape(3, 4)
UNIT, LABELS, CLASSES = np.linspace(0.1, 0.9, 12).reshape(3, 4), np.array([1, -1, 1]), np.array([3, 0, 1])
CALLS = {
    **{name: ((X,), {}) for name in (
        "relu", "silu", "gelu", "elu", "selu", "celu", "mish", "softsign", "hardtanh", "hardsigmoid", "hardswish",
        "leaky_relu", "relu6", "tanhshrink", "softshrink", "hardshrink", "logsigmoid", "softplus", "softmin", "glu",
    )},
    "threshold": ((X, 0.3, 7.0), {}),
    "prelu": ((X, Y[0]), {}),
    "linear": ((X, Y, Y[0, :3]), {}),
    "bilinear": ((X, Y, np.ones((2, 4, 4))), {}),
    "embedding": ((CLASSES, X[:, :2].repeat(2, 0)), {"padding_idx": 0}),
    "embedding_bag": ((CLASSES[None], X.repeat(2, 0)), {"mode": "max"}),
    "cosine_similarity": ((X, Y), {}),
    "pairwise_distance": ((X, Y), {}),
    "scaled_dot_product_attention": ((X, Y, X), {"is_causal": True}),
    "mse_loss": ((X, Y), {}),
    "l1_loss": ((X, Y), {}),
    "huber_loss": ((X, Y), {"delta": 0.5}),
    "smooth_l1_loss": ((X, Y), {"beta": 0.5}),
    "kl_div": ((X, UNIT), {"reduction": "batchmean"}),
    "poisson_nll_loss": ((X, UNIT), {"full": True}),
    "gaussian_nll_loss": ((X, Y, UNIT), {"full": True}),
    "binary_cross_entropy": ((UNIT, UNIT[::-1]), {}),
    "binary_cross_entropy_with_logits": ((X, UNIT), {"reduction": "sum"}),
    "hinge_embedding_loss": ((X[:, 0], LABELS), {}),
    "margin_ranking_loss": ((X[:, 0], Y[:, 0], LABELS), {}),
    "soft_margin_loss": ((X[:, 0], LABELS), {}),
    "cosine_embedding_loss": ((X, Y, LABELS), {}),
    "triplet_margin_loss": ((X, Y, UNIT), {"swap": True}),
    "multi_margin_loss": ((X, CLASSES), {"p": 2}),
    "nll_loss": ((X, CLASSES), {"ignore_index": 0}),
    "cross_entropy": ((X, CLASSES), {"label_smoothing": 0.1}),
    "ctc_loss": ((X[:, None], np.array([[1, 2]]), np.array([3]), np.array([2])), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_function_is_the_cores(name):
    args, params = CALLS[name]
    results = []
    for library, functional in ((torch, F), (cr, CORE)):
        given = [library.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in args]
        y = getattr(functional, name)(*given, **params)
        leaves = [x for x in given if getattr(x, "requires_grad", False)]
        y.sum().backward()
        results.append([y.detach().numpy(), *(x.grad.detach().numpy() for x in leaves)])
        assert isinstance(y, library.Tensor)
    for mine, its in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, its, strict=True)


def test_losses_broadcast_as_in_pytorch():
    x, y = torch.ones(3, 1), torch.zeros(4)
    for loss in (F.mse_loss, F.l1_loss):
        assert loss(x, y, reduction="none").shape == (3, 4)


def test_numbers_are_single_and_errors_are_pytorchs():
    assert F.gelu(torch.ones(2)).dtype == F.leaky_relu(torch.ones(2)).dtype == torch.float32
    assert F.cross_entropy(torch.ones(1, 2), torch.tensor([0])).dtype == torch.float32
    with pytest.raises(IndexError, match=r"^Target 2 is out of bounds\."):
        F.cross_entropy(torch.ones(1, 2), torch.tensor([2]))
    with pytest.raises(ValueError, match=r"^dropout probability has to be between 0 and 1, but got 2"):
        F.dropout(torch.ones(2), 2)
    with pytest.raises(RuntimeError, match=r"^Class values must be smaller than num_classes\."):
        F.one_hot(torch.tensor([3]), 3)


def test_in_place():
    x = torch.tensor([-1.0, 2.0])
    assert F.relu(x, inplace=True) is x
    assert x.tolist() == [0.0, 2.0]
    assert F.dropout(x, 1.0, inplace=True) is x
    assert x.tolist() == [0.0, 0.0]


def test_dropout_draws_from_pytorchs_stream():
    torch.manual_seed(3)
    kept = torch.rand(5) >= 0.5
    torch.manual_seed(3)
    np.testing.assert_array_equal(F.dropout(torch.ones(5), 0.5).numpy(), 2 * kept.numpy())
    x = torch.ones(5)
    assert F.dropout(x, training=False) is x


def test_recurrent_layers():
    x, weights = torch.ones(4, 2, 3), [torch.ones(8, 3), torch.ones(8, 2), torch.ones(8), torch.ones(8)]
    zeros = torch.zeros(1, 2, 2)
    out, h, c = torch.lstm(x, [zeros, zeros], weights, True, 1, 0.0, False, False, False)
    state = zeros[0], zeros[0]
    for t in range(4):
        state = torch.lstm_cell(x[t], state, *weights)
    np.testing.assert_allclose(h[0].numpy(), state[0].numpy(), 1e-6)
    np.testing.assert_allclose(c[0].numpy(), state[1].numpy(), 1e-6)
    assert out.shape == (4, 2, 2)
    out, h = torch.rnn_relu(x, zeros, [w[:2] for w in weights], True, 1, 0.0, False, False, False)
    np.testing.assert_array_equal(h[0].numpy(), out[-1].numpy())
    np.testing.assert_array_equal(
        out[0].numpy(), torch.rnn_relu_cell(x[0], zeros[0], *(w[:2] for w in weights)).numpy()
    )

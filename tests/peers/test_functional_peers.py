"""The functions of networks in PyTorch: values and gradients, ``make test-peers``, where it is installed."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
import chainrule.torch as dialect

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

F, TF = cr.nn.functional, torch.nn.functional


def draw(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape)


def theirs_of(x: Any, leaves: list[Any]) -> Any:
    """The same arguments for PyTorch; floating arrays are leaves."""
    if isinstance(x, np.ndarray):
        t = torch.tensor(x, requires_grad=x.dtype.kind == "f")
        leaves += [t] if x.dtype.kind == "f" else []
        return t
    return type(x)(theirs_of(one, leaves) for one in x) if isinstance(x, (list, tuple)) else x


def ours_of(x: Any, leaves: list[Any]) -> Any:
    if isinstance(x, np.ndarray):
        t = cr.tensor(x, requires_grad=x.dtype.kind == "f")
        leaves += [t] if x.dtype.kind == "f" else []
        return t
    return type(x)(ours_of(one, leaves) for one in x) if isinstance(x, (list, tuple)) else x


def flat(x: Any) -> list[Any]:
    return [y for one in x for y in flat(one)] if isinstance(x, (list, tuple)) else [x]


def same(found: Any, expected: Any, rtol: float) -> None:
    """Gradients; None is a gradient of zeros."""
    for g, t in zip(found, expected, strict=True):
        one, other = 0.0 if g is None else g.detach().numpy(), 0.0 if t is None else t.detach().numpy(force=True)
        np.testing.assert_allclose(one, other, rtol, rtol / 100)


def compare(
    ours: Any, theirs: Any, args: Any, params: Any, their_params: Any, order: int = 2, rtol: float = 1e-9
) -> None:
    """Values, gradients against one cotangent, and the gradients of a sum of their sines."""
    leaves, their_leaves = [], []
    ys = flat(ours(*ours_of(args, leaves), **params))
    zs = flat(theirs(*theirs_of(args, their_leaves), **their_params))
    for y, z in zip(ys, zs, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), 1e-10, 1e-12, strict=True)
    if not leaves:
        return
    cotangents = [np.cos(1.0 + np.arange(z.numel())).reshape(z.shape) for z in zs]
    first = cr.gradients(ys, leaves, cotangents, create_graph=True, allow_unused=True)
    wanted = torch.autograd.grad(
        zs, their_leaves, [torch.tensor(c) for c in cotangents], create_graph=order > 1, allow_unused=True
    )
    same(first, wanted, rtol)
    total = sum(cr.sum(cr.sin(g)) for g in first if g is not None)
    expected = sum(torch.sum(torch.sin(t)) for t in wanted if t is not None)
    if order == 1 or not expected.requires_grad:
        return
    second: Any = [None] * len(leaves)
    if total.requires_grad:
        second = cr.gradients(total, leaves, allow_unused=True)
    same(second, torch.autograd.grad(expected, their_leaves, allow_unused=True), 10 * rtol)


X, Y = draw(3, 4), draw(3, 4, seed=1)
UNIT, UNIT2 = draw(3, 4, low=0.05, high=0.95), draw(3, 4, low=0.05, high=0.95, seed=1)
CLASSES, WEIGHT = np.array([3, 0, 2]), draw(4, low=0.5, high=2.0)
VOLUME, PLACES = draw(2, 4, 3, 2), np.array([[[0, 3], [1, 1], [2, 0]], [[3, 3], [0, 2], [1, 0]]])
LABELS, WORDS = np.array([1, -1, 1]), np.array([[1, 0, 3], [2, 2, 1]])

ALONE = (
    *("relu", "relu6", "silu", "selu", "mish", "hardtanh", "hardsigmoid", "hardswish"),
    *("softsign", "softplus", "tanhshrink", "hardshrink", "logsigmoid"),
)
# name: calls, each with PyTorch's parameters; axis and keepdims are dim and keepdim there.
CALLS: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    **{name: [((4 * X,), {})] for name in ALONE},
    "gelu": [((X,), {}), ((X,), {"approximate": "tanh"})],
    "elu": [((4 * X,), {}), ((X,), {"alpha": 0.7})],
    "celu": [((4 * X,), {}), ((X,), {"alpha": 0.7})],
    "leaky_relu": [((4 * X,), {}), ((X,), {"negative_slope": 0.2})],
    "softshrink": [((4 * X,), {}), ((X,), {"lambd": 0.7})],
    "threshold": [((X,), {"threshold": 0.1, "value": 3.0})],
    "prelu": [((X, draw(4)), {}), ((VOLUME, draw(1)), {})],
    "glu": [((X,), {}), ((VOLUME,), {"axis": 1})],
    "softmin": [((X,), {"axis": 0})],
    "softmax": [((X,), {"axis": 0})],
    "log_softmax": [((X,), {"axis": 1})],
    "linear": [((X, draw(2, 4), draw(2)), {}), ((VOLUME[0, 0], draw(2)), {})],
    "bilinear": [((X, draw(3, 2), draw(5, 4, 2), draw(5)), {})],
    "embedding": [
        ((WORDS, X_ := draw(4, 2)), {}),
        ((WORDS, X_), {"padding_idx": 1}),
        ((WORDS, X_), {"padding_idx": -2}),
    ],
    "embedding_bag": [
        ((WORDS, X_), {"mode": mode, "padding_idx": padding})
        for mode in ("sum", "mean", "max")
        for padding in (None, 2)
    ]
    + [((WORDS.ravel(), X_, np.array([0, 2, 2, 5])), {"mode": mode}) for mode in ("sum", "mean", "max")]
    + [((WORDS.ravel(), X_, np.array([0, 4])), {"mode": "sum", "per_sample_weights": draw(6)})]
    + [((WORDS.ravel(), X_, np.array([0, 4, 6])), {"mode": "max", "include_last_offset": True})],
    "one_hot": [((WORDS,), {}), ((WORDS, 6), {})],
    "cosine_similarity": [((X, Y), {}), ((X, Y[0]), {"axis": -1})],
    "pairwise_distance": [((X, Y), {}), ((X, Y), {"p": 3.0, "keepdims": True})],
    "mse_loss": [((X, Y), {}), ((X, Y), {"reduction": "sum"})],
    "l1_loss": [((X, Y), {}), ((X, X), {"reduction": "none"})],
    "huber_loss": [((X, Y), {"delta": 0.5})],
    "smooth_l1_loss": [((X, Y), {"beta": 0.5}), ((X, Y), {"beta": 0.0})],
    "kl_div": [
        ((X, UNIT), {"reduction": r, "log_target": log}) for r in ("batchmean", "none") for log in (True, False)
    ],
    "poisson_nll_loss": [
        ((UNIT, 3 * UNIT2), {"log_input": log, "full": full}) for log in (True, False) for full in (True, False)
    ],
    "gaussian_nll_loss": [((X, Y, UNIT), {"full": True}), ((X, Y, UNIT[:, 0]), {}), ((X, Y, UNIT[:, :1]), {})],
    "binary_cross_entropy": [
        ((UNIT, UNIT2), {}),
        ((UNIT, UNIT2), {"weight": np.arange(1.0, 5.0), "reduction": "none"}),
    ],
    "binary_cross_entropy_with_logits": [
        ((X, UNIT), {}),
        ((50 * X, UNIT), {"weight": draw(3, 4), "pos_weight": draw(4, low=0.0, high=2.0), "reduction": "sum"}),
    ],
    "hinge_embedding_loss": [((X[:, 0], LABELS), {"margin": 0.5})],
    "margin_ranking_loss": [((X[:, 0], X[:, 1], LABELS), {"margin": 0.5})],
    "soft_margin_loss": [((X[:, 0], LABELS), {})],
    "cosine_embedding_loss": [((X, Y, LABELS), {"margin": 0.1}), ((X, Y, LABELS), {"reduction": "none"})],
    "triplet_margin_loss": [((X, Y, 2 - X), {}), ((X, Y, 2 - X), {"swap": True, "p": 3.0, "margin": 3.0})],
    "multi_margin_loss": [((X, CLASSES), {"p": p, "margin": 0.7, "weight": WEIGHT}) for p in (1, 2)],
    "nll_loss": [
        ((X, CLASSES), {"weight": WEIGHT, "ignore_index": 0}),
        ((VOLUME, PLACES), {"reduction": "none"}),
        ((X[0], np.array(2)), {}),
    ],
    "cross_entropy": [
        *(
            ((X, CLASSES), {"weight": w, "label_smoothing": s, "ignore_index": 0})
            for w in (None, WEIGHT)
            for s in (0, 0.1)
        ),
        *(((VOLUME, PLACES), {"weight": w, "label_smoothing": 0.1, "reduction": "none"}) for w in (None, WEIGHT)),
        *(((X, UNIT), {"weight": w, "label_smoothing": s}) for w in (None, WEIGHT) for s in (0, 0.1)),
        ((VOLUME, np.abs(VOLUME)), {"reduction": "sum", "weight": WEIGHT}),
        ((X[0], np.array(2)), {}),
    ],
    "scaled_dot_product_attention": [
        ((draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 2)), {}),
        ((draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 2), np.arange(15).reshape(3, 5) % 4 > 1), {"scale": 0.3}),
        ((draw(3, 4), draw(5, 4), draw(5, 2), draw(3, 5)), {}),
        ((draw(3, 4), draw(3, 4), draw(3, 4)), {"is_causal": True}),
        ((draw(1, 4, 3, 2), draw(1, 2, 5, 2), draw(1, 2, 5, 2)), {"enable_gqa": True}),
    ],
}
# PyTorch has no second derivative of these.
ONE_ORDER = {"embedding_bag", "scaled_dot_product_attention", "hardsigmoid", "multi_margin_loss"}
SINGLE = {"celu", "hardsigmoid"}  # PyTorch computes with 1/alpha and 1/6 in single precision


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    names = {"axis": "dim", "keepdims": "keepdim"}
    for args, params in CALLS[name]:
        constants = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in params.items()}
        theirs = {names.get(k, k): v for k, v in constants.items()}
        order, rtol = 1 if name in ONE_ORDER else 2, 1e-6 if name in SINGLE else 1e-9
        compare(getattr(F, name), getattr(TF, name), args, params, theirs, order, rtol)


def dialect_of(x: Any, leaves: list[Any]) -> Any:
    if isinstance(x, np.ndarray):
        t = dialect.tensor(x, requires_grad=x.dtype.kind == "f")
        leaves += [t] if x.dtype.kind == "f" else []
        return t
    return x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_dialect(name, dtype):
    """The same functions in ``chainrule.torch``, called with PyTorch's own parameters."""
    names = {"axis": "dim", "keepdims": "keepdim"}
    rtol = 1e-4 if dtype == "float32" else 1e-6 if name in SINGLE else 1e-9
    for args, params in CALLS[name]:
        args = [x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in args]
        params = {names.get(k, k): v for k, v in params.items()}
        params = {k: v.astype(dtype) if isinstance(v, np.ndarray) else v for k, v in params.items()}
        leaves, their_leaves = [], []
        ours = {k: dialect.tensor(v) if isinstance(v, np.ndarray) else v for k, v in params.items()}
        theirs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in params.items()}
        y = getattr(dialect.nn.functional, name)(*(dialect_of(x, leaves) for x in args), **ours)
        z = getattr(TF, name)(*theirs_of(args, their_leaves), **theirs)
        assert str(y.dtype) == str(z.dtype)
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol / 10, rtol / 100, strict=True)
        if leaves:
            y.sum().backward()
            z.sum().backward()
            for x, t in zip(leaves, their_leaves, strict=True):
                same([x.grad], [t.grad], rtol)


def test_logcumsumexp():
    for axis in (0, 1):
        compare(F.logcumsumexp, torch.logcumsumexp, (draw(5, 4) * 300,), {"axis": axis}, {"dim": axis})


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_ctc_loss(reduction, zero_infinity):
    log_probs = np.log(np.random.default_rng(0).dirichlet(np.ones(5), (12, 3)))
    targets, lengths = np.array([[1, 2, 2, 3], [4, 1, 0, 0], [3, 3, 3, 3]]), np.array([4, 2, 4])
    times = np.array([12, 9, 7 if not zero_infinity else 5])
    params = {"reduction": reduction, "zero_infinity": zero_infinity}
    args = (log_probs, targets, times, lengths)
    leaves, their_leaves = [], []
    y = F.ctc_loss(*ours_of(args, leaves), **params)
    z = TF.ctc_loss(*theirs_of(args, their_leaves), **params)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), 1e-12)
    (g,) = cr.gradients(cr.sum(y), leaves)
    (t,) = torch.autograd.grad(z.sum(), their_leaves)
    # PyTorch gives the gradient with respect to what went into log_softmax, minus the mean of each step:
    # what its own log_softmax makes of ours is the same.
    probs = np.exp(log_probs)
    for n, time in enumerate(times):
        mine = g.detach().numpy()[:time, n]
        pulled = mine - probs[:time, n] * mine.sum(-1, keepdims=True)
        theirs = t.detach().numpy()[:time, n] - probs[:time, n] * t.detach().numpy()[:time, n].sum(-1, keepdims=True)
        np.testing.assert_allclose(pulled, theirs, 1e-9, 1e-11)
    joined = np.concatenate([row[:n] for row, n in zip(targets, lengths, strict=True)])
    np.testing.assert_allclose(
        F.ctc_loss(log_probs, joined, times, lengths, **params).detach().numpy(), y.detach().numpy(), 1e-14
    )


def weights(gates: int, features: int, hidden: int, layers: int, ways: int, biases: bool) -> list[Any]:
    made = []
    for layer in range(layers):
        for way in range(ways):
            size = features if layer == 0 else ways * hidden
            shapes = [(gates * hidden, size), (gates * hidden, hidden)] + [(gates * hidden,)] * (2 * biases)
            made += [draw(*shape, low=-0.7, high=0.7, seed=10 * layer + way) for shape in shapes]
    return made


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["rnn_tanh", "rnn_relu", "gru", "lstm"])
def test_sequences(kind, bidirectional, biases):
    name, _, nonlinearity = kind.partition("_")
    gates, ways, layers = {"rnn": 1, "gru": 3, "lstm": 4}[name], 1 + bidirectional, 2
    params = weights(gates, 3, 2, layers, ways, biases)
    states = [draw(layers * ways, 4, 2, seed=s) for s in range(2 if name == "lstm" else 1)]
    hx = tuple(states) if name == "lstm" else states[0]
    for batch_first in (False, True):
        x = draw(4, 5, 3) if batch_first else draw(5, 4, 3)
        options = {"nonlinearity": nonlinearity} if name == "rnn" else {}
        shared = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": batch_first}

        def ours(x, hx, params, options=options, shared=shared):
            return getattr(F, name)(x, hx, params, **options, **shared)

        def theirs(x, hx, params, batch_first=batch_first):
            given = list(hx) if name == "lstm" else hx
            out = getattr(torch, kind)(x, given, params, biases, layers, 0.0, False, bidirectional, batch_first)
            return (out[0], out[1:])

        compare(ours, theirs, (x, hx, params), {}, {}, order=1)
        given = [dialect.tensor(s) for s in states], [dialect.tensor(p) for p in params]
        start = given[0] if name == "lstm" else given[0][0]
        spoken = getattr(dialect, kind)(
            dialect.tensor(x), start, given[1], biases, layers, 0.0, False, bidirectional, batch_first
        )
        with torch.no_grad():
            expected = flat(theirs(*theirs_of((x, hx, params), []), batch_first))
        for y, z in zip(spoken, expected, strict=True):
            np.testing.assert_allclose(y.numpy(), z.numpy(), 1e-12, 1e-14, strict=True)


@pytest.mark.parametrize("kind", ["rnn_tanh", "rnn_relu", "gru", "lstm"])
def test_cells(kind):
    name, _, nonlinearity = kind.partition("_")
    params = weights({"rnn": 1, "gru": 3, "lstm": 4}[name], 3, 2, 1, 1, True)
    hx = (draw(4, 2), draw(4, 2, seed=1)) if name == "lstm" else draw(4, 2)
    options = {"nonlinearity": nonlinearity} if name == "rnn" else {}
    compare(getattr(F, f"{name}_cell"), getattr(torch, f"{kind}_cell"), (draw(4, 3), hx, *params), options, {}, order=1)

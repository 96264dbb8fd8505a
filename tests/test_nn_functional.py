"""Functions of networks where samples do not reach: kinks, large numbers, masks, noise, and what has no gradient."""

import math
from functools import partial

import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule.operands import steps
from chainrule.ops import raw
from chainrule.testing import check_gradients

F = cr.nn.functional
INF = np.inf


def gradients(function, *arrays):
    """The gradients of Σ function, as arrays."""
    leaves = [cr.tensor(x, requires_grad=True) for x in arrays]
    return [g.detach().numpy() for g in cr.gradients(cr.sum(function(*leaves)), leaves)]


# ------------------------------------------------------------------------------------------------- kinks

# (function, where, derivative): the number of least size between the slopes on both sides.
KINKS = {
    "relu6 at 0": (F.relu6, 0.0, 0.0),
    "relu6 at 6": (F.relu6, 6.0, 0.0),
    "hardtanh": (F.hardtanh, 1.0, 0.0),
    "hardsigmoid": (F.hardsigmoid, -3.0, 0.0),
    "hardswish at -3": (F.hardswish, -3.0, 0.0),
    "hardswish at 3": (F.hardswish, 3.0, 1.0),
    "leaky_relu": (F.leaky_relu, 0.0, 0.01),
    "leaky_relu that is steep below": (partial(F.leaky_relu, negative_slope=3.0), 0.0, 1.0),
    "leaky_relu that turns": (partial(F.leaky_relu, negative_slope=-0.5), 0.0, 0.0),
    "elu": (F.elu, 0.0, 1.0),
    "elu of half slope": (partial(F.elu, alpha=0.5), 0.0, 0.5),
    "selu": (F.selu, 0.0, 1.0507009873554805),
    "celu": (partial(F.celu, alpha=2.0), 0.0, 1.0),
    "softshrink": (F.softshrink, 0.5, 0.0),
    "hardshrink": (F.hardshrink, -0.5, 0.0),
    "threshold": (lambda x: F.threshold(x, 1.0, 5.0), 1.0, 0.0),
    "softsign": (F.softsign, 0.0, 1.0),
    "gelu": (F.gelu, 0.0, 0.5),
    "l1_loss": (lambda x: F.l1_loss(x, 2.0), 2.0, 0.0),
    "huber_loss": (lambda x: F.huber_loss(x, 1.0), 2.0, 1.0),
    "margin_ranking_loss": (lambda x: F.margin_ranking_loss(x, 0.0, 1, margin=1.0), 1.0, 0.0),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", KINKS)
def test_kinks(case, dtype):
    function, point, expected = KINKS[case]
    x = np.asarray(point, dtype)
    (g,) = gradients(function, x)
    assert g.dtype == dtype
    np.testing.assert_allclose(g, expected, 1e-7)
    np.testing.assert_allclose(cr.jvp(function, (x,), (np.ones_like(x),))[1].numpy(), expected, 1e-7)


# --------------------------------------------------------------------------------------------- stability

ACTIVATIONS = (
    *("silu", "mish", "gelu", "softsign", "tanhshrink", "logsigmoid", "softplus", "selu", "elu", "celu"),
    *("relu6", "hardsigmoid", "hardswish", "leaky_relu", "softshrink", "hardshrink", "hardtanh"),
)
FLAT = {"relu6", "hardsigmoid", "softsign", "hardtanh"}  # above, as all but the last are below


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_large_numbers(name, dtype):
    x = np.array([-1e4, -745.0, -104.0, 104.0, 745.0, 1e4], dtype)
    function = getattr(F, name)
    (first,) = gradients(function, x)
    second = cr.grad(lambda x: cr.sum(cr.grad(lambda x: cr.sum(function(x)))(x)))(x).numpy()
    assert np.isfinite(function(x).numpy()).all()
    above = 0.0 if name in FLAT | {"logsigmoid"} else 1.0507009873554805 if name == "selu" else 1.0
    np.testing.assert_allclose(first[3:], above, 1e-6, 1e-4)
    np.testing.assert_allclose(second, 0.0, 0, 1e-5)


LOGITS = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
LOSSES = {
    "cross_entropy": lambda x: F.cross_entropy(x, np.array([1, 2])),
    "cross_entropy of probabilities": lambda x: F.cross_entropy(x, np.full((2, 3), 1 / 3)),
    "cross_entropy, smoothed": lambda x: F.cross_entropy(x, np.array([1, 2]), label_smoothing=0.1),
    "with logits": lambda x: F.binary_cross_entropy_with_logits(x, np.array([[1.0, 0.0, 0.5]] * 2)),
    "soft_margin_loss": lambda x: F.soft_margin_loss(x, np.array([[1, -1, 1], [1, 1, -1]])),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "logcumsumexp": F.logcumsumexp,
    "softmin": F.softmin,
    "glu": lambda x: F.glu(x, axis=0),
}


@pytest.mark.parametrize("case", LOSSES)
def test_large_logits(case):
    for scale in (1.0, -1.0):
        y = LOSSES[case](cr.tensor(scale * LOGITS)).numpy()
        (g,) = gradients(LOSSES[case], scale * LOGITS)
        assert np.isfinite(y).all()
        assert np.isfinite(g).all()


def test_small_losses_keep_their_digits():
    x, t = np.array([40.0, -40.0]), np.array([1.0, 0.0])
    losses = F.binary_cross_entropy_with_logits(x, t, reduction="none").numpy()
    np.testing.assert_allclose(losses, np.exp(-40.0), 1e-14)


# ---------------------------------------------------------------------------------------------- classes


def test_classes_that_are_impossible():
    """A score −∞ with probability 0 counts for nothing, in the value and in the gradient."""
    x, p = np.array([[1.0, -INF, 2.0]]), np.array([[0.5, 0.0, 0.5]])
    expected = np.mean(special.logsumexp([1.0, 2.0]) - np.array([1.0, 2.0]))
    np.testing.assert_allclose(F.cross_entropy(x, p).numpy(), expected)
    (g,) = gradients(lambda x: F.cross_entropy(x, p), x)
    shares = special.softmax([1.0, 2.0])
    np.testing.assert_allclose(g, [[shares[0] - 0.5, 0.0, shares[1] - 0.5]], 1e-14)
    (g,) = gradients(lambda x: F.cross_entropy(x, np.array([2])), x)
    np.testing.assert_allclose(g, [[shares[0], 0.0, shares[1] - 1]], 1e-14)


def test_samples_that_are_ignored():
    x = np.array([[1.0, 2.0], [np.nan, 3.0]])
    ignoring = partial(F.cross_entropy, target=np.array([0, -100]))
    np.testing.assert_allclose(ignoring(x).numpy(), special.logsumexp([1.0, 2.0]) - 1.0)
    (g,) = gradients(ignoring, np.array([[1.0, 2.0], [4.0, 3.0]]))
    assert not g[1].any()
    assert math.isnan(F.cross_entropy(x, np.array([-100, -100])))
    assert float(F.cross_entropy(np.ones((2, 2)), np.array([-100, -100]), reduction="sum")) == 0.0


def test_targets_that_are_symbols():
    x, t = cr.symbol(shape=(2, 3)), cr.symbol(shape=(2,), dtype="int64")
    function = cr.function([x, t], F.cross_entropy(x, t, ignore_index=1))
    values = np.arange(6.0).reshape(2, 3) ** 1.5
    for target in (np.array([2, 0]), np.array([1, 2])):
        expected = F.cross_entropy(values, target, ignore_index=1).numpy()
        np.testing.assert_allclose(function(values, target).numpy(), expected, 1e-14)


def test_logarithms_of_probabilities_are_limited():
    p, t = np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(F.binary_cross_entropy(p, t, reduction="none").numpy(), [100.0, 0.0, 100.0, 0.0])
    (g,) = gradients(lambda p: F.binary_cross_entropy(p, t, reduction="none"), p)
    np.testing.assert_array_equal(g, [0.0, 1.0, 0.0, -1.0])


def test_distributions_with_zeros():
    logs, target = np.log([0.25, 0.75]), np.array([0.0, 1.0])
    np.testing.assert_allclose(F.kl_div(logs, target, reduction="sum").numpy(), -np.log(0.75))
    g, t = gradients(lambda x, y: F.kl_div(x, y, reduction="sum"), logs, target)
    np.testing.assert_array_equal(g, [0.0, -1.0])
    np.testing.assert_allclose(t, [-logs[0], 1.0 - logs[1]])


def test_variances_below_their_bound():
    (g,) = gradients(lambda v: F.gaussian_nll_loss(np.zeros(2), np.ones(2), v, reduction="none"), np.array([1e-9, 2.0]))
    np.testing.assert_allclose(g, [0.0, 0.5 / 2.0 - 0.5 / 4.0])


# --------------------------------------------------------------------------------------------- attention

SHAPES = (2, 3, 4), (2, 5, 4), (2, 5, 2)


@pytest.mark.parametrize("kind", ["bool", "float"])
def test_queries_that_may_look_nowhere(kind):
    q, k, v = (np.cos(np.arange(math.prod(s))).reshape(s) for s in SHAPES)
    mask = np.ones((3, 5), bool)
    mask[1] = False
    mask = mask if kind == "bool" else np.where(mask, 0.0, -INF)
    attend = partial(F.scaled_dot_product_attention, attn_mask=mask)
    out = attend(q, k, v).numpy()
    assert not out[:, 1].any()
    np.testing.assert_allclose(out[:, 0], F.scaled_dot_product_attention(q, k, v).numpy()[:, 0], 1e-14)
    found = gradients(lambda *x: cr.square(attend(*x)), q, k, v)
    assert all(np.isfinite(g).all() for g in found)
    assert not found[0][:, 1].any()
    seen = gradients(lambda *x: cr.square(F.scaled_dot_product_attention(*x)), q[:, [0, 2]], k, v)
    np.testing.assert_allclose(found[1], seen[1], 1e-12, 1e-14)
    second = gradients(lambda *x: cr.square(cr.gradients(cr.sum(attend(*x)), x[0], create_graph=True)), q, k, v)
    assert all(np.isfinite(g).all() for g in second)


def test_attention_that_is_causal():
    q, k, v = (np.sin(np.arange(12.0)).reshape(3, 4) for _ in range(3))
    causal = F.scaled_dot_product_attention(q, k, v, is_causal=True).numpy()
    for i in range(3):
        alone = F.scaled_dot_product_attention(q[i : i + 1], k[: i + 1], v[: i + 1]).numpy()
        np.testing.assert_allclose(causal[i], alone[0], 1e-14)


def test_attention_with_dropout():
    q, k, v = np.zeros((400, 2)), np.zeros((50, 2)), np.ones((50, 1))
    drop = partial(F.scaled_dot_product_attention, q, k, v, dropout_p=0.2)
    out = drop(generator=cr.random.generator(0)).numpy()
    np.testing.assert_array_equal(out, drop(generator=cr.random.generator(0)).numpy())
    np.testing.assert_allclose(out.mean(), 1.0, 0.02)
    np.testing.assert_allclose(out * 50 * 0.8, np.rint(out * 50 * 0.8), 1e-12)
    assert not drop(dropout_p=1.0).numpy().any()


# ------------------------------------------------------------------------------------------------- noise


def test_dropout_is_seeded():
    x = np.arange(1.0, 1001.0)
    found = F.dropout(x, 0.3, generator=cr.random.generator(7)).numpy()
    np.testing.assert_array_equal(found, F.dropout(x, 0.3, generator=cr.random.generator(7)).numpy())
    kept = np.random.Generator(np.random.Philox(7)).random(1000) >= 0.3
    np.testing.assert_allclose(found, np.where(kept, x / 0.7, 0.0), 1e-15)
    cr.random.seed(7)
    np.testing.assert_array_equal(found, F.dropout(x, 0.3).numpy())
    (g,) = gradients(lambda x: F.dropout(x, 0.3, generator=cr.random.generator(7)), x)
    np.testing.assert_allclose(g, kept / 0.7, 1e-15)


def test_what_dropout_drops_leaves_nothing():
    x = np.array([np.nan, INF, 1.0])
    assert not F.dropout(x, 1.0).numpy().any()
    (g,) = gradients(lambda x: F.dropout(cr.sqrt(x), 1.0), np.zeros(3))
    assert not g.any()


@pytest.mark.parametrize(
    ("function", "shape", "lead"),
    [(F.dropout1d, (40, 30, 2), 2), (F.dropout1d, (900, 3), 1), (F.dropout2d, (40, 30, 2, 2), 2),
     (F.dropout3d, (40, 30, 2, 1, 2), 2), (F.dropout3d, (900, 2, 1, 2), 1)],
)  # fmt: skip
def test_dropout_of_channels(function, shape, lead):
    out = function(np.ones(shape), 0.25, generator=cr.random.generator(0)).numpy()
    channels = out.reshape(*shape[:lead], -1)
    assert (channels == channels[..., :1]).all()
    assert set(np.unique(out)) == {0.0, 1 / 0.75}
    assert 0.7 < np.mean(out > 0) < 0.8


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).standard_normal(200_000)
    out = F.alpha_dropout(x, 0.2, True, generator=cr.random.generator(0)).numpy()
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.01
    low = F.selu(-1e9).numpy()
    scale = 1 / math.sqrt(0.8 * (1 + 0.2 * low**2))
    dropped = out[np.isclose(out, scale * 0.8 * low, 1e-9)]
    assert abs(len(dropped) / len(x) - 0.2) < 0.01


# -------------------------------------------------------------------------------------------- looking up


def test_the_padding_row_gets_no_gradient():
    words, weight = np.array([[0, 1], [1, 2]]), np.arange(6.0).reshape(3, 2)
    for padding in (1, -2):
        np.testing.assert_array_equal(F.embedding(words, weight, padding).numpy(), weight[words])
        (g,) = gradients(lambda w, p=padding: F.embedding(words, w, p), weight)
        np.testing.assert_array_equal(g, [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    bag = F.embedding_bag(words, weight, mode="mean", padding_idx=1).numpy()
    np.testing.assert_array_equal(bag, weight[[0, 2]])
    np.testing.assert_array_equal(F.embedding_bag(words * 0 + 1, weight, mode="max", padding_idx=1).numpy(), 0 * bag)


def test_bags_that_are_empty():
    weight = np.ones((3, 2))
    for mode in ("sum", "mean", "max"):
        assert not F.embedding_bag(np.zeros(0, int), weight, np.array([0, 0]), mode=mode).numpy().any()
        (g,) = gradients(lambda w, m=mode: F.embedding_bag(np.array([1]), w, np.array([0, 1]), mode=m), weight)
        np.testing.assert_array_equal(g, [[0, 0], [1, 1], [0, 0]])


# --------------------------------------------------------------------------------------------- sequences


def test_running_sums_of_infinities():
    x = np.array([-INF, -INF, 1.0, 2.0, INF, 3.0, INF])
    y = F.logcumsumexp(x).numpy()
    np.testing.assert_allclose(y, [-INF, -INF, 1.0, special.logsumexp([1.0, 2.0]), INF, INF, INF])
    for i in range(len(x)):
        (g,) = gradients(lambda x, i=i: F.logcumsumexp(x)[i], x)
        expected = [[0] * 7, [0] * 7, [0, 0, 1, 0, 0, 0, 0], [0, 0, *special.softmax([1.0, 2.0]), 0, 0, 0]]
        expected += [[0, 0, 0, 0, 1, 0, 0]] * 2 + [[0, 0, 0, 0, 0.5, 0, 0.5]]
        np.testing.assert_allclose(g, expected[i])


def test_running_sums_over_a_wide_range():
    x = np.array([1000.0, 0.0, -1000.0, 2000.0, 1999.0])
    jacobian = [gradients(lambda x, i=i: F.logcumsumexp(x)[i], x)[0] for i in range(5)]
    expected = np.zeros((5, 5))
    for i in range(5):
        expected[i, : i + 1] = special.softmax(x[: i + 1])
    np.testing.assert_allclose(jacobian, expected, 1e-14)


def test_steps_are_the_slices():
    x = np.arange(22.0).reshape(11, 2)
    for n in (0, 1, 2, 11):
        parts = steps(raw, x[:n])
        assert len(parts) == n
        assert all(np.array_equal(part, row) for part, row in zip(parts, x, strict=False))


def test_a_long_sequence_is_a_loop_of_cells():
    draw = np.random.default_rng(0).standard_normal
    x, weights = draw((33, 2, 3)), [draw((8, 3)), draw((8, 2)), draw(8), draw(8)]

    def looped(x, *weights):
        h = c = np.zeros((2, 2))
        outputs = []
        for t in range(33):
            h, c = F.lstm_cell(x[t], (h, c), *weights)
            outputs.append(h)
        return cr.stack(outputs) * np.arange(33.0)[:, None, None]

    def whole(x, *weights):
        return F.lstm(x, None, weights)[0] * np.arange(33.0)[:, None, None]

    for one, other in zip(gradients(looped, x, *weights), gradients(whole, x, *weights), strict=True):
        np.testing.assert_allclose(one, other, 1e-10, 1e-12)


def test_dropout_between_layers():
    draw = np.random.default_rng(0).standard_normal
    x, weights = draw((4, 2, 3)), [draw((2, 3)), draw((2, 2)), draw((2, 2)), draw((2, 2))]
    run = partial(F.rnn, x, None, weights, num_layers=2, dropout=0.5)
    one, other = (run(generator=cr.random.generator(seed))[0].numpy() for seed in (0, 0))
    np.testing.assert_array_equal(one, other)
    below = F.rnn(x, None, weights[:2])[0]
    expected = F.rnn(F.dropout(below, 0.5, generator=cr.random.generator(0)), None, weights[2:])[0].numpy()
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(run(training=False)[0].numpy(), F.rnn(below, None, weights[2:])[0].numpy())


# --------------------------------------------------------------------------------------------- spellings


def log_probs(time, n, classes):
    return np.log(np.random.default_rng(0).dirichlet(np.ones(classes), (time, n)))


def test_labels_that_do_not_fit():
    """Two equal labels need a blank between them, three steps: in two, the loss is ∞ and flat."""
    x = log_probs(3, 2, 3)
    loss = partial(
        F.ctc_loss, targets=np.array([[1, 1], [1, 2]]), input_lengths=np.array([2, 2]), target_lengths=[2, 2]
    )
    losses = loss(x, reduction="none").numpy()
    assert losses[0] == INF
    np.testing.assert_allclose(losses[1], -x[0, 1, 1] - x[1, 1, 2])
    for zero_infinity in (False, True):
        (g,) = gradients(lambda x, z=zero_infinity: loss(x, reduction="none", zero_infinity=z), x)
        assert not g[:, 0].any()
        np.testing.assert_array_equal(g[:, 1], [[0, -1, 0], [0, 0, -1], [0, 0, 0]])
    np.testing.assert_array_equal(loss(x, reduction="none", zero_infinity=True).numpy(), [0.0, losses[1]])


def test_outputs_that_are_impossible():
    x = log_probs(4, 1, 3)
    x[1, 0, 0] = x[2, 0, 1] = -INF
    (g,) = gradients(lambda x: F.ctc_loss(x, np.array([[1, 2]]), [4], [2]), x)
    assert np.isfinite(g).all()
    np.testing.assert_allclose(g.sum(-1), -0.5, 1e-12)  # at each time, every spelling has one output


def test_a_long_spelling():
    x = log_probs(60, 2, 6)
    targets = np.random.default_rng(1).integers(1, 6, (2, 20))
    loss = partial(F.ctc_loss, targets=targets, input_lengths=[60, 50], target_lengths=[20, 15], reduction="sum")
    (g,) = gradients(loss, x)
    np.testing.assert_allclose(g.sum(-1), [[-1, -1]] * 50 + [[-1, 0]] * 10, 0, 1e-10)
    assert not g[50:, 1].any()
    check_gradients(loss, x, order=1)

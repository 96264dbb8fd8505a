"""Convolution, pooling, resampling and normalisation in PyTorch: values, gradients, second order."""

import itertools

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore:Using padding=.same.")]

F, T = cr.nn.functional, torch.nn.functional


def compare(ours, theirs, *arrays, second=True, rtol=1e-10):
    """Value, gradient, and the gradient of a function of the gradient."""
    mine = [cr.tensor(x, requires_grad=True) for x in arrays]
    other = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = ours(*mine), theirs(*other)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol, 1e-11)
    first = cr.gradients(cr.sum(cr.sin(y)), mine, create_graph=second)
    expected = torch.autograd.grad(z.sin().sum(), other, create_graph=second)
    for g, t in zip(first, expected, strict=True):
        np.testing.assert_allclose(g.detach().numpy(), t.detach().numpy(), rtol, 1e-11)
    if not second:
        return
    curvature = cr.gradients(sum(cr.sum(cr.cos(g)) for g in first), mine)
    expected = torch.autograd.grad(sum(t.cos().sum() for t in expected), other)
    for g, t in zip(curvature, expected, strict=True):
        np.testing.assert_allclose(g.numpy(), t.numpy(), 1e-8, 1e-9)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


SIZES = {1: (9,), 2: (7, 6), 3: (5, 4, 6)}
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 1, 3)}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("options", [
    {}, {"stride": 2}, {"padding": 1}, {"padding": "same"}, {"padding": "valid", "dilation": 2}, {"groups": 2},
    {"stride": 2, "padding": 2, "dilation": 2, "groups": 2},
])  # fmt: skip
def test_conv(rank, options):
    dilation = options.get("dilation", 1)
    if rank == 3 and dilation == 2:
        options = {**options, "dilation": (2, 2, 1)}
    x, bias = draw(2, 4, *SIZES[rank]), draw(6)
    w = draw(6, 4 // options.get("groups", 1), *KERNELS[rank])
    ours, theirs = getattr(F, f"conv{rank}d"), getattr(T, f"conv{rank}d")
    compare(lambda *a: ours(*a, **options), lambda *a: theirs(*a, **options), x, w, bias)
    compare(lambda x, w: ours(x, w, **options), lambda x, w: theirs(x, w, **options), x[0], w)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("options", [
    {}, {"stride": 2}, {"padding": 1}, {"groups": 2}, {"dilation": 2, "output_padding": 1},
    {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2},
    {"stride": 2, "dilation": 3, "output_padding": 2, "padding": 2},
])  # fmt: skip
def test_conv_transpose(rank, options):
    x, w = draw(2, 4, *(3 + i for i in range(rank))), draw(4, 3, *KERNELS[rank])
    bias = draw(3 * options.get("groups", 1))
    ours, theirs = getattr(F, f"conv_transpose{rank}d"), getattr(T, f"conv_transpose{rank}d")
    compare(lambda *a: ours(*a, **options), lambda *a: theirs(*a, **options), x, w, bias)


def outcome(function):
    try:
        return function()
    except (cr.ChainruleError, RuntimeError):
        return None


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_every_pool_has_torchs_windows(rank):
    """All small kernels, strides, paddings, dilations, with ceil_mode: also what is an error is the same."""
    shape = (1, 2, *range(5, 5 - rank, -1))
    x = draw(*shape)
    for k, s, p, d, ceil in itertools.product((1, 2, 3), (1, 2, 3), (0, 1), (1, 2), (False, True)):
        options = {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": ceil}
        mine = outcome(lambda o=options, d=d: getattr(F, f"max_pool{rank}d")(x, dilation=d, return_indices=True, **o))
        theirs = outcome(
            lambda o=options, d=d: getattr(T, f"max_pool{rank}d")(torch.tensor(x), dilation=d, return_indices=True, **o)
        )
        assert (mine is None) == (theirs is None), (k, s, p, d, ceil)
        for a, b in zip(mine or (), theirs or (), strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        for pad in (False, True):
            mine = outcome(lambda o=options, pad=pad: getattr(F, f"avg_pool{rank}d")(x, count_include_pad=pad, **o))
            theirs = outcome(
                lambda o=options, pad=pad: getattr(T, f"avg_pool{rank}d")(torch.tensor(x), count_include_pad=pad, **o)
            )
            assert (mine is None) == (theirs is None), (k, s, p, ceil, pad)
            if mine is not None:
                np.testing.assert_allclose(mine.numpy(), theirs.numpy(), 1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradients_of_pools(rank):
    x = draw(2, 3, *SIZES[rank])
    for name, options in (
        ("max_pool", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        ("avg_pool", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
        ("adaptive_avg_pool", {"output_size": 3}),
        ("adaptive_max_pool", {"output_size": 3}),
        ("adaptive_max_pool", {"output_size": 1}),
        ("lp_pool", {"norm_type": 2, "kernel_size": 2}),
        ("lp_pool", {"norm_type": 1, "kernel_size": 2}),
    ):
        ours, theirs = getattr(F, f"{name}{rank}d"), getattr(T, f"{name}{rank}d")
        compare(lambda x, f=ours, o=options: f(x, **o), lambda x, f=theirs, o=options: f(x, **o), x)


def test_places_of_adaptive_maxima():
    x = draw(2, 3, 7, 5)
    mine = F.adaptive_max_pool2d(x, (3, 2), return_indices=True)
    theirs = T.adaptive_max_pool2d(torch.tensor(x), (3, 2), return_indices=True)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area", "bilinear", "bicubic", "trilinear"])
def test_interpolate(mode):
    ranks = {"linear": [1], "bilinear": [2], "bicubic": [2], "trilinear": [3]}.get(mode, [1, 2, 3])
    corners = (False, True) if len(ranks) == 1 else (None,)
    grids = [{"size": n} for n in (1, 3, 5, 8, 11)] + [{"scale_factor": f} for f in (0.5, 0.7, 1.0, 1.6, 2.0, 3.3)]
    grids += [{"scale_factor": 1.6, "recompute_scale_factor": True}]
    for rank, align, grid in itertools.product(ranks, corners, grids):
        if mode == "area" and grid.get("recompute_scale_factor"):
            continue
        options = {"mode": mode, "align_corners": align, **grid}
        x = draw(2, 1, *(5, 4, 3)[:rank])
        # PyTorch leaves out second derivatives of none of these, which are linear.
        compare(lambda x, o=options: F.interpolate(x, **o), lambda x, o=options: T.interpolate(x, **o), x)


def test_patches():
    x, columns = draw(2, 3, 6, 7), draw(2, 12, 20)
    options = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": 1, "stride": (1, 2)}
    compare(lambda x: F.unfold(x, **options), lambda x: T.unfold(x, **options), x)
    compare(lambda x: F.fold(x, (5, 6), 2), lambda x: T.fold(x, (5, 6), 2), columns)
    compare(lambda x: F.pixel_shuffle(x, 2), lambda x: T.pixel_shuffle(x, 2), draw(2, 8, 3, 2))
    compare(lambda x: F.pixel_unshuffle(x, 2), lambda x: T.pixel_unshuffle(x, 2), draw(2, 3, 4, 6))
    for pad, mode in (((1, 2, 0, 1), "constant"), ((2, 1, 1, 3), "reflect"), ((1, -1), "constant"),
                      ((2, 1, 3, 0), "replicate"), ((2, 1, 3, 0), "circular")):  # fmt: skip
        compare(lambda x, p=pad, m=mode: F.pad(x, p, m), lambda x, p=pad, m=mode: T.pad(x, p, m), x)


def test_normalisations():
    x, w, b = draw(3, 4, 5), draw(4, seed=1), draw(4, seed=2)
    mean, var = draw(4, seed=3), draw(4, seed=4) ** 2
    compare(lambda x, w, b: F.layer_norm(x, (4, 5), w, b), lambda x, w, b: T.layer_norm(x, (4, 5), w, b),
            x, draw(4, 5), draw(4, 5, seed=1), rtol=1e-9)  # fmt: skip
    compare(lambda x, w: F.rms_norm(x, 5, w), lambda x, w: T.rms_norm(x, (5,), w), x, draw(5), rtol=1e-9)
    compare(lambda x, w, b: F.group_norm(x, 2, w, b), lambda x, w, b: T.group_norm(x, 2, w, b), x, w, b, rtol=1e-9)
    compare(lambda x, w, b: F.instance_norm(x, weight=w, bias=b), lambda x, w, b: T.instance_norm(x, weight=w, bias=b),
            x, w, b, rtol=1e-9)  # fmt: skip
    compare(lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
            lambda x, w, b: T.batch_norm(x, None, None, w, b, True), x, w, b, rtol=1e-9)  # fmt: skip
    compare(lambda x, w, b: F.batch_norm(x, mean, var, w, b),
            lambda x, w, b: T.batch_norm(x, torch.tensor(mean), torch.tensor(var), w, b), x, w, b)  # fmt: skip
    compare(lambda x: F.normalize(x, 3.0), lambda x: T.normalize(x, 3.0), x)
    for size in (1, 2, 3, 4):
        compare(lambda x, n=size: F.local_response_norm(x, n, 0.5, 0.6, 2.0),
                lambda x, n=size: T.local_response_norm(x, n, 0.5, 0.6, 2.0), x)  # fmt: skip


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics(name):
    x, mean, var = draw(3, 4, 5), draw(4, seed=3), draw(4, seed=4) ** 2
    given = torch.tensor(mean), torch.tensor(var)
    expected = getattr(T, name)(torch.tensor(x), *given, None, None, True, 0.3)
    out, *stats = getattr(F, name)(x, mean, var, None, None, True, 0.3)
    for a, b in zip((out, *stats), (expected, *given), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-10)


def test_what_is_meant_to_differ():
    # Ties share their gradient; PyTorch gives all of it to the first.
    flat = np.ones((1, 1, 4))
    assert cr.grad(lambda x: cr.sum(F.max_pool1d(x, 2)))(flat).numpy().tolist() == [[[0.5] * 4]]
    x = torch.tensor(flat, requires_grad=True)
    assert torch.autograd.grad(T.max_pool1d(x, 2).sum(), x)[0].tolist() == [[[1, 0, 1, 0]]]

    # A window that reaches over the end has the norm of what is in it; PyTorch takes the mean times the full size.
    x = np.array([[[3.0, 4.0, 5.0]]])
    np.testing.assert_allclose(F.lp_pool1d(x, 2, 2, ceil_mode=True).numpy(), [[[5, 5]]], 1e-12)
    np.testing.assert_allclose(T.lp_pool1d(torch.tensor(x), 2, 2, ceil_mode=True).numpy(), [[[5, 50**0.5]]], 1e-12)

    # Running statistics come back as new ones; PyTorch writes to those it was given.
    mean, var = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    T.batch_norm(torch.tensor(x), mean, var, training=True)
    ours = np.zeros(1)
    _, new, _ = F.batch_norm(x, ours, np.ones(1), training=True)
    np.testing.assert_allclose(new.numpy(), mean.numpy(), 1e-12)
    assert ours[0] == 0


@pytest.mark.parametrize("count", [1, 2, 4, 5, 8])
def test_adaptive_windows(count):
    x = draw(2, 3, 4)
    compare(lambda x: F.adaptive_avg_pool1d(x, count), lambda x: T.adaptive_avg_pool1d(x, count), x)
    compare(lambda x: F.adaptive_max_pool1d(x, count), lambda x: T.adaptive_max_pool1d(x, count), x)

"""Convolution, pooling, resampling and normalisation: many samples, special points, and every message."""

import numpy as np
import pytest
from messages import assert_message
from samples import conv as reference
from scipy import signal

import chainrule as cr
from chainrule.errors import DomainError, DTypeError, ShapeError
from chainrule.ops import ops, raw
from chainrule.ops.nn.convolution import COLUMNS, ELEMENTS

F = cr.nn.functional


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# ---------------------------------------------------------------------------------------------- convolution


@pytest.mark.parametrize("samples", [1, 15, 16, 17, 40])
def test_samples_are_multiplied_in_rounds(samples):
    x, w = draw(samples, 2, 10, 9), draw(3, 2, 3, 2)
    assert COLUMNS // 64 == 16
    expected = [[sum(map(lambda a, b: signal.correlate(a, b, "valid"), one, o)) for o in w] for one in x]
    out = raw.convolution(x, w, stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1)
    np.testing.assert_allclose(out, expected, 1e-12, 1e-12)
    g = draw(samples, 3, 8, 8, seed=1)
    back, weight = cr.vjp(F.conv2d, x, w)[1](g)
    spread = [[sum(signal.convolve(a, o) for a, o in zip(one, w[:, c], strict=True)) for c in range(2)] for one in g]
    np.testing.assert_allclose(back.numpy(), spread, 1e-12, 1e-12)
    summed = [
        [sum(map(lambda a, b: signal.correlate(a, b, "valid"), x[:, c], g[:, o])) for c in range(2)] for o in range(3)
    ]
    np.testing.assert_allclose(weight.numpy(), summed, 1e-11, 1e-11)


@pytest.mark.parametrize("shape, kernel, stride, dilation", [
    ((2, 16, 5000), (16,), 1, 1), ((1, 4, 90, 80), (8, 8), 1, 2), ((1, 8, 150, 90), (9, 8), 2, 1),
    ((1, 4, 20, 21, 22), (4, 4, 4), 2, 1),
])  # fmt: skip
def test_large_images_are_taken_in_parts(shape, kernel, stride, dilation):
    """Rows of windows share rows of the image: the loops of the reference know of no parts."""
    x, w = draw(*shape), draw(2, shape[1], *kernel)
    options = {"stride": stride, "padding": 1, "dilation": dilation}
    expected = reference.convolution(x, w, **options)
    assert expected[0, 0].size * w[0].size > ELEMENTS
    out, pull = cr.vjp(lambda x, w: F.convolution(x, w, **options), x, w)
    np.testing.assert_allclose(out.numpy(), expected, 1e-11, 1e-11)
    g = draw(*expected.shape, seed=1)
    back, weight = pull(g)
    np.testing.assert_allclose(back.numpy(), reference.convolution_input(g, w, shape[2:], **options), 1e-11, 1e-11)
    np.testing.assert_allclose(weight.numpy(), reference.convolution_weight(x, g, kernel, **options), 1e-10, 1e-10)


def test_a_convolution_keeps_its_operands_alone():
    x, w = cr.tensor(draw(2, 3, 8, 8), requires_grad=True), cr.tensor(draw(4, 3, 3, 3), requires_grad=True)
    out = F.conv2d(x, w, padding=1)
    assert out._node.op.name == "convolution"
    kept = [v for v in out._node.kept if v is not None]
    assert len(kept) == 2
    assert kept[0] is x._value
    assert kept[1] is w._value


def test_transposed_convolution_is_the_transpose():
    x, w, y = draw(2, 3, 9), draw(4, 3, 3), draw(2, 4, 5)
    there = np.vdot(F.conv1d(x, w, stride=2, padding=1).numpy(), y)
    back = np.vdot(F.conv_transpose1d(y, w, stride=2, padding=1).numpy(), x)
    np.testing.assert_allclose(there, back, 1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_same_padding_keeps_the_sizes(rank):
    sizes = (5, 6, 7)[:rank]
    for k in (1, 2, 3, 4):
        w = np.zeros((1, 1, *(k,) * rank))
        assert getattr(F, f"conv{rank}d")(draw(1, *sizes), w, padding="same").shape == (1, *sizes)


# -------------------------------------------------------------------------------------------------- pooling


def test_ties_share_equally():
    x = np.array([[[3.0, 3.0, 0.0], [3.0, 1.0, 3.0]]])
    third = 1 / 3
    np.testing.assert_array_equal(
        cr.grad(lambda x: cr.sum(F.max_pool2d(x, 2, 1)))(x).numpy(), [[[third, third + 0.5, 0], [third, 0, 0.5]]]
    )
    np.testing.assert_array_equal(
        cr.grad(lambda x: cr.sum(F.adaptive_max_pool2d(x, (1, 2))))(x).numpy(),
        [[[third, third + 0.5, 0], [third, 0, 0.5]]],
    )
    moved = cr.jvp(lambda x: F.max_pool2d(x, 2, 1), (x,), (np.arange(6.0).reshape(1, 2, 3),))[1]
    np.testing.assert_allclose(moved.numpy(), [[[(0 + 1 + 3) / 3, (1 + 5) / 2]]])


def test_padding_never_wins():
    low = np.full((1, 4), -np.inf)
    out, where = F.max_pool1d(low, 3, 2, 1, return_indices=True)
    np.testing.assert_array_equal(out.numpy(), [[-np.inf, -np.inf]])
    np.testing.assert_array_equal(where.numpy(), [[0, 1]])
    np.testing.assert_allclose(
        cr.grad(lambda x: cr.sum(F.max_pool1d(x, 3, 2, 1)))(low).numpy(), [[1 / 2, 1 / 2 + 1 / 3, 1 / 3, 1 / 3]]
    )
    np.testing.assert_array_equal(F.max_pool1d(np.array([[-5, -7]], np.int8), 2, 2, 1).numpy(), [[-5, -7]])


def test_nan_is_the_largest():
    x = np.array([[1.0, np.nan, 5.0, 2.0]])
    out, where = F.max_pool1d(x, 2, return_indices=True)
    np.testing.assert_array_equal(out.numpy(), [[np.nan, 5.0]])
    np.testing.assert_array_equal(where.numpy(), [[1, 2]])


def test_what_is_not_the_largest_leaks_nothing():
    gradient = cr.grad(lambda x: cr.sum(F.max_pool1d(cr.reshape(cr.sqrt(x), (1, 4)), 2)))
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(gradient(np.array([0.0, 1.0, 4.0, 0.0])).numpy(), [0, 0.5, 0.25, 0])


def test_a_window_of_zeros_has_norm_and_derivative_zero():
    x = np.zeros((1, 4))
    for p in (2, 3):
        np.testing.assert_array_equal(cr.grad(lambda x, p=p: cr.sum(F.lp_pool1d(x, p, 2)))(x).numpy(), x)


# ------------------------------------------------------------------------------------- resampling, normalising


def test_interpolation_does_not_spread_what_is_not_finite():
    x = np.array([[[1.0, np.inf, 2.0, 3.0, 4.0]]])
    np.testing.assert_array_equal(np.isfinite(F.interpolate(x, 10, mode="nearest").numpy()).ravel().sum(), 8)
    np.testing.assert_array_equal(F.interpolate(x, 5, mode="linear").numpy(), x)
    np.testing.assert_array_equal(F.interpolate(x, 9, mode="linear", align_corners=True).numpy()[..., ::2], x)
    assert np.isfinite(F.adaptive_avg_pool1d(x[0], 3).numpy()).tolist() == [[False, False, True]]


def test_constants_have_no_direction():
    x = np.full((2, 3), 0.1)
    for f in (lambda x: F.layer_norm(x, 3, eps=0.0), lambda x: F.rms_norm(x * 0, 3, eps=0.0)):
        np.testing.assert_array_equal(f(cr.tensor(x)).numpy(), 0 * x)
        np.testing.assert_array_equal(cr.grad(lambda x, f=f: cr.sum(cr.sin(f(x))))(x).numpy(), 0 * x)


def test_running_statistics_are_new_ones():
    x, mean, var = draw(5, 2, 3), np.zeros(2), np.ones(2)
    leaf = cr.tensor(x, requires_grad=True)
    out, new_mean, new_var = F.batch_norm(leaf, mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(new_mean.numpy(), 0.25 * x.mean((0, 2)), 1e-12)
    np.testing.assert_allclose(new_var.numpy(), 0.75 + 0.25 * x.var((0, 2), ddof=1), 1e-12)
    np.testing.assert_array_equal(mean, 0)
    assert out.requires_grad
    assert not new_mean.requires_grad
    assert not new_var.requires_grad
    _, new_mean, new_var = F.instance_norm(leaf, mean, var, momentum=0.25)
    np.testing.assert_allclose(new_var.numpy(), 0.75 + 0.25 * x.var(2, ddof=1).mean(0), 1e-12)


def test_large_means_leave_digits():
    x = draw(4, 50).astype(np.float32)
    plain, moved = (F.layer_norm(z, 50).numpy() for z in (x, x + np.float32(512)))
    np.testing.assert_allclose(moved, plain, 1e-3, 1e-3)
    assert moved.dtype == np.float32


# ------------------------------------------------------------------------------------------------- messages

IMAGE, KERNEL = np.ones((2, 4, 8, 8)), np.ones((6, 4, 3, 3))


def test_sizes_that_do_not_fit_a_convolution():
    assert_message(
        ShapeError,
        "[conv2d] input has 4 channels, and weight of shape (6, 3, 3, 3) takes 3; expected equal numbers; a weight is "
        "(out channels, in channels / groups, kernel …).",
        lambda: F.conv2d(IMAGE, KERNEL[:, :3]),
    )
    assert_message(
        ShapeError,
        "[conv2d] input has 4 channels, and weight of shape (6, 4, 3, 3) takes 4 × groups=2, which is 8; expected "
        "equal numbers; a weight is (out channels, in channels / groups, kernel …).",
        lambda: F.conv2d(IMAGE, KERNEL, groups=2),
    )
    assert_message(
        ShapeError,
        "[conv2d] 4 input channels do not divide into groups=3; expected a multiple of it; change groups, or the "
        "number of channels.",
        lambda: F.conv2d(IMAGE, KERNEL, groups=3),
    )
    assert_message(
        ShapeError,
        "[conv2d] 6 output channels do not divide into groups=4; expected a multiple of it; change groups, or the "
        "number of channels.",
        lambda: F.conv2d(IMAGE, KERNEL[:, :1], groups=4),
    )
    assert_message(
        ShapeError,
        "[conv2d] the kernel spans 9 elements along axis -2, dilation included, and the input has 8 there, padding "
        "included; expected a span of at most that; use a smaller kernel or dilation, or more padding.",
        lambda: F.conv2d(IMAGE, KERNEL, dilation=4),
    )
    assert_message(
        ShapeError,
        "[conv2d] weight has shape (6, 4, 0, 3), and its kernel is empty; expected a kernel of at least one element "
        "along each axis; check the weight.",
        lambda: F.conv2d(IMAGE, KERNEL[:, :, :0]),
    )
    assert_message(
        ShapeError,
        "[conv2d] bias has shape (4,); expected (6,), a number for each of the output channels; reshape it, or leave "
        "it out.",
        lambda: F.conv2d(IMAGE, KERNEL, np.ones(4)),
    )


def test_numbers_of_axes_that_a_convolution_does_not_have():
    assert_message(
        ShapeError,
        "[conv2d] input has shape (8, 8); expected 4 axes (N, C, H, W), or 3 axes (C, H, W) for one sample; reshape "
        "it.",
        lambda: F.conv2d(IMAGE[0, 0], KERNEL),
    )
    assert_message(
        ShapeError,
        "[conv2d] weight has shape (4, 3, 3); expected 4 axes, channels on two and the kernel on (H, W); reshape it.",
        lambda: F.conv2d(IMAGE, KERNEL[0]),
    )
    assert_message(
        ShapeError,
        "[convolution] w has shape (4, 3, 3); expected 4 axes; reshape it.",
        lambda: F.convolution(IMAGE, KERNEL[0]),
    )
    assert_message(
        ShapeError,
        "[convolution] x has shape (8, 8); expected 3 axes; reshape it.",
        lambda: F.convolution(IMAGE[0, 0], KERNEL),
    )


def test_parameters_that_windows_do_not_have():
    assert_message(
        ShapeError,
        "[conv2d] stride is 0; expected an integer of at least 1, or a tuple of 2 of them; write e.g. stride=(2, 2).",
        lambda: F.conv2d(IMAGE, KERNEL, stride=0),
    )
    assert_message(
        ShapeError,
        "[conv2d] padding is (1, -1); expected an integer of at least 0, or a tuple of 2 of them; write e.g. "
        "padding=(1, 1).",
        lambda: F.conv2d(IMAGE, KERNEL, padding=(1, -1)),
    )
    assert_message(
        ShapeError,
        "[conv1d] dilation is 1.5; expected an integer of at least 1; write e.g. dilation=2.",
        lambda: F.conv1d(IMAGE[0], KERNEL[0], dilation=1.5),
    )
    assert_message(
        ShapeError,
        "[conv2d] groups is 'two'; expected an integer of at least 1; leave it out for one group.",
        lambda: F.conv2d(IMAGE, KERNEL, groups="two"),
    )
    assert_message(
        ShapeError,
        "[conv2d] padding='same' was asked for with stride (2, 2), which makes the out smaller than the input; "
        "expected stride 1; give the padding in numbers.",
        lambda: F.conv2d(IMAGE, KERNEL, stride=2, padding="same"),
    )
    assert_message(
        ShapeError,
        "[conv2d] padding is 'full'; expected 'same', 'valid', an integer of at least 0 or a tuple of 2 of them; "
        "write e.g. padding=1.",
        lambda: F.conv2d(IMAGE, KERNEL, padding="full"),
    )


def test_sizes_that_do_not_fit_a_transposed_convolution():
    assert_message(
        ShapeError,
        "[conv_transpose2d] input has 4 channels, and weight of shape (6, 4, 3, 3) takes 6; expected equal numbers; a "
        "weight of a transposed convolution is (in channels, out channels / groups, kernel …).",
        lambda: F.conv_transpose2d(IMAGE, KERNEL),
    )
    assert_message(
        ShapeError,
        "[conv_transpose2d] output_padding is (2, 2) with stride (2, 2) and dilation (1, 1); expected each smaller "
        "than its stride or its dilation; lower it.",
        lambda: F.conv_transpose2d(IMAGE, KERNEL[:4], stride=2, output_padding=2),
    )
    assert_message(
        ShapeError,
        "[conv_transpose1d] the out would have sizes (-1,), as padding (2,) is taken off both ends; expected sizes of "
        "at least 1; lower the padding.",
        lambda: F.conv_transpose1d(np.ones((1, 1)), np.ones((1, 1, 3)), padding=2),
    )
    assert_message(
        ShapeError,
        "[convolution_input] g has shape (2, 6, 5, 5), and the convolution it is a cotangent of gives (2, 6, 6, 6); "
        "expected equal shapes; check the sizes, the stride and the padding.",
        lambda: ops.convolution_input(np.ones((2, 6, 5, 5)), KERNEL, sizes=8),
    )
    assert_message(
        ShapeError,
        "[convolution_weight] g has shape (2, 6, 5, 5), and the convolution it is a cotangent of gives (2, 6, 6, 6); "
        "expected equal shapes; check the sizes, the stride and the padding.",
        lambda: ops.convolution_weight(IMAGE, np.ones((2, 6, 5, 5)), kernel=3),
    )


def test_windows_that_do_not_fit():
    assert_message(
        ShapeError,
        "[windows] an operand of shape (3,) has 1 axes; expected at least 2, as many as the kernel (2, 2) has; reshape "
        "it, or shorten the kernel.",
        lambda: ops.windows(np.ones(3), (2, 2)),
    )
    assert_message(
        ShapeError,
        "[overlap_add] an operand has shape (2, 3); expected it to end in (2, 4): the kernel, and how many windows of "
        "it are in sizes (5,); check the sizes, the stride and the padding.",
        lambda: ops.overlap_add(np.ones((2, 3)), sizes=5, kernel=2),
    )
    assert_message(
        ShapeError,
        "[max_pool2d] padding is 2 for a window that spans 3 elements; expected at most half of it, so that no window "
        "is of padding only; lower it, or pad the input first.",
        lambda: F.max_pool2d(IMAGE, 3, padding=2),
    )
    assert_message(
        DTypeError,
        "[max_pool2d] an operand is complex128, and complex numbers have no order; expected real numbers; use its real "
        "or imaginary part, or abs(x).",
        lambda: F.max_pool2d(IMAGE * 1j, 3),
    )
    assert_message(
        DomainError,
        "[avg_pool2d] divisor_override is 0; expected what the sum of a window is divided by; leave it out for the "
        "number of elements.",
        lambda: F.avg_pool2d(IMAGE, 2, divisor_override=0),
    )
    assert_message(
        DomainError,
        "[lp_pool1d] norm_type is -1; expected a number above 0, the power p of (Σ xᵖ)^(1/p); write e.g. norm_type=2.",
        lambda: F.lp_pool1d(IMAGE[0, 0], -1, 2),
    )
    assert_message(
        ShapeError,
        "[adaptive_avg_pool1d] input has shape (2, 0), which has no elements to pool; expected at least one along each "
        "of the last 1 axes; check the shape.",
        lambda: F.adaptive_avg_pool1d(np.ones((2, 0)), 1),
    )


def test_patches_that_do_not_fit():
    assert_message(
        ShapeError,
        "[fold] input has shape (2, 12, 7); expected (N, C · 4, 6), or without N: 4 elements a patch, and (2, 3) "
        "patches in sizes (3, 4); check the parameters.",
        lambda: F.fold(np.ones((2, 12, 7)), (3, 4), 2),
    )
    assert_message(
        ShapeError,
        "[pixel_shuffle] input has 4 channels in shape (2, 4, 8, 8), which do not divide by upscale_factor² = 9; "
        "expected a multiple of it; change the factor.",
        lambda: F.pixel_shuffle(IMAGE, 3),
    )
    assert_message(
        ShapeError,
        "[pixel_shuffle] input has shape (8, 8); expected at least three axes, (…, C, H, W); reshape it first.",
        lambda: F.pixel_shuffle(IMAGE[0, 0], 2),
    )
    assert_message(
        ShapeError,
        "[pixel_unshuffle] input has sizes (8, 8), which do not divide by downscale_factor 3; expected multiples of "
        "it; change the factor, or pad the input.",
        lambda: F.pixel_unshuffle(IMAGE, 3),
    )
    assert_message(
        ShapeError,
        "[pad] pad is (1, 1, 1) for an operand with 1 axes; expected integers in pairs (before, after), the last axis "
        "first; write e.g. pad=(1, 1) for the last axis alone.",
        lambda: F.pad(np.ones(3), (1, 1, 1)),
    )
    assert_message(
        DTypeError,
        "[pad] mode is 'edge'; expected one of 'constant', 'reflect', 'replicate', 'circular'; give one of them.",
        lambda: F.pad(np.ones(3), (1, 1), mode="edge"),
    )
    assert_message(
        ShapeError,
        "[pad] pad is (-2, -2), and a negative number cuts off more than an operand of shape (3,) has; expected at "
        "most all of an axis; lower it.",
        lambda: F.pad(np.ones(3), (-2, -2)),
    )


def test_grids_that_do_not_exist():
    assert_message(
        DomainError,
        "[interpolate] neither size nor scale_factor was given; expected one of them; give the size of the out, or "
        "what to multiply that of the input by.",
        lambda: F.interpolate(IMAGE),
    )
    assert_message(
        DomainError,
        "[interpolate] both size and scale_factor were given; expected one of them; give the size of the out, or what "
        "to multiply that of the input by.",
        lambda: F.interpolate(IMAGE, 3, 2.0),
    )
    assert_message(
        DomainError,
        "[interpolate] scale_factor is (2, -1); expected a number above 0, or one for each of the 2 axes after the "
        "channels; write e.g. scale_factor=2.",
        lambda: F.interpolate(IMAGE, scale_factor=(2, -1)),
    )
    assert_message(
        DomainError,
        "[interpolate] scale_factor 0.1 makes sizes (0, 0) of (8, 8); expected at least one element along each axis; "
        "enlarge it, or give the size.",
        lambda: F.interpolate(IMAGE, scale_factor=0.1),
    )
    assert_message(
        ShapeError,
        "[interpolate] input has shape (8, 8); expected (N, C, L), (N, C, H, W) or (N, C, D, H, W); reshape it, as "
        "with x[None] for one sample.",
        lambda: F.interpolate(IMAGE[0, 0], 3),
    )
    assert_message(
        DomainError,
        "[interpolate] mode is 'linear' for an input of shape (2, 4, 8, 8), which has 2 axes (H, W) to interpolate "
        "along; expected 'nearest', 'nearest-exact', 'bilinear', 'bicubic', 'area'; give one of them.",
        lambda: F.interpolate(IMAGE, 3, mode="linear"),
    )
    assert_message(
        DomainError,
        "[interpolate] align_corners was asked for in mode 'nearest', whose grid has cells and no points; expected it "
        "with 'linear', 'bilinear', 'bicubic' or 'trilinear' alone; leave it out.",
        lambda: F.interpolate(IMAGE, 3, align_corners=True),
    )
    assert_message(
        ShapeError,
        "[interpolate] input has shape (2, 4, 0, 8), which has no elements to resample; expected at least one along "
        "each resampled axis; check the shape.",
        lambda: F.interpolate(IMAGE[:, :, :0], 3),
    )
    assert_message(
        DTypeError,
        "[resample] kernel is 'lanczos'; expected 'nearest', 'nearest-exact', 'linear' or 'cubic'; give one of them.",
        lambda: ops.resample(np.ones(3), 4, kernel="lanczos"),
    )


def test_sizes_that_do_not_fit_a_normalisation():
    assert_message(
        ShapeError,
        "[layer_norm] input has shape (2, 4, 8, 8), and normalized_shape is (4, 8); expected the last sizes of the "
        "input, one or more; write e.g. normalized_shape=input.shape[1:].",
        lambda: F.layer_norm(IMAGE, (4, 8)),
    )
    assert_message(
        ShapeError,
        "[layer_norm] weight has shape (4,); expected (8,); reshape it, or leave it out.",
        lambda: F.layer_norm(IMAGE, 8, np.ones(4)),
    )
    assert_message(
        ShapeError,
        "[group_norm] input has 4 channels in shape (2, 4, 8, 8), which do not divide into num_groups 3; expected a "
        "multiple of it; change the number of groups.",
        lambda: F.group_norm(IMAGE, 3),
    )
    assert_message(
        ShapeError,
        "[batch_norm] running_mean and running_var are missing; expected both running statistics; give them, or use "
        "those of the input.",
        lambda: F.batch_norm(IMAGE),
    )
    assert_message(
        ShapeError,
        "[batch_norm] running_var is missing; expected both running statistics; give them, or use those of the input.",
        lambda: F.batch_norm(IMAGE, np.ones(4), training=True),
    )
    assert_message(
        ShapeError,
        "[batch_norm] running_mean has shape (3,); expected (4,); reshape it, or leave it out.",
        lambda: F.batch_norm(IMAGE, np.ones(3), np.ones(4), training=True),
    )
    assert_message(
        ShapeError,
        "[batch_norm] input has shape (1, 4), fewer than two values a channel, which have no variance; expected two or "
        "more; use the running statistics, or a larger input.",
        lambda: F.batch_norm(np.ones((1, 4)), training=True),
    )
    assert_message(
        ShapeError,
        "[instance_norm] input has shape (2, 4); expected at least 3 axes, (N, C, …); reshape it.",
        lambda: F.instance_norm(np.ones((2, 4))),
    )
    assert_message(
        ShapeError,
        "[local_response_norm] input has shape (2, 4); expected at least 3 axes, (N, C, …); reshape it.",
        lambda: F.local_response_norm(np.ones((2, 4)), 2),
    )


def test_numbers_that_normalisations_do_not_take():
    assert_message(
        DTypeError,
        "[layer_norm] input is complex128; expected real numbers; normalise its real and imaginary parts.",
        lambda: F.layer_norm(IMAGE * 1j, 8),
    )
    assert_message(
        DTypeError,
        "[standardize] an operand is complex128; expected real numbers; standardize its real and imaginary parts.",
        lambda: ops.standardize(IMAGE * 1j),
    )
    assert_message(
        DomainError,
        "[standardize] eps is -1; expected a number of at least 0, which is added to a variance; write e.g. 1e-5.",
        lambda: F.layer_norm(IMAGE, 8, eps=-1),
    )
    assert_message(
        DomainError,
        "[update_running_mean] momentum is 2; expected a number from 0 to 1, the portion of the new estimate; write "
        "e.g. 0.1.",
        lambda: F.batch_norm(IMAGE, np.ones(4), np.ones(4), training=True, momentum=2),
    )
    assert_message(
        DTypeError,
        "[update_running_mean] operands are float64 and complex128; expected real numbers; give the real part.",
        lambda: F.update_running_mean(np.ones((3, 2)), np.ones(2) * 1j, axis=0),
    )

# Written by tools/stubs.py from the source and the registry; change those and run it again.

from collections.abc import Sequence
from typing import Any

from chainrule.tensor import Operand, Tensor

def tanh(x: Operand, /) -> Tensor:
    """tanh x = sinh x / cosh x."""

def sigmoid(x: Operand, /) -> Tensor:
    """1 / (1 + e⁻ˣ), without overflow."""

def relu(x: Operand, /) -> Tensor:
    """max(x, 0); the derivative at 0 is 0."""

def logcumsumexp(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """y[i] = log(exp x[0] + … + exp x[i]) along ``axis`` (the last by default), without overflow."""

def silu(x: Operand, /) -> Tensor:
    """x / (1 + e⁻ˣ), also called swish."""

def mish(x: Operand, /) -> Tensor:
    """x · tanh(log(1 + eˣ)) (Misra, Mish: a self regularized non-monotonic activation function, 2019)."""

def softsign(x: Operand, /) -> Tensor:
    """x / (1 + |x|)."""

def tanhshrink(x: Operand, /) -> Tensor:
    """x − tanh x."""

def relu6(x: Operand, /) -> Tensor:
    """x limited to [0, 6]; the derivative at both bounds is 0."""

def hardsigmoid(x: Operand, /) -> Tensor:
    """(x + 3) / 6 limited to [0, 1]; the derivative at both bounds is 0."""

def hardswish(x: Operand, /) -> Tensor:
    """x · hardsigmoid(x); the derivative is 0 at −3, and 1 at 3."""

def selu(x: Operand, /) -> Tensor:
    """λx where x > 0, λα (eˣ − 1) elsewhere, with λ = 1.0507… and α = 1.6733…; the derivative at 0 is λ."""

def convolution(
    x: Operand,
    w: Operand,
    /,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> Tensor:
    """out[n, o, t] = Σ w[o, c, k] · x[n, c, t·stride + k·dilation − padding] over c and k, along any axes."""

def update_running_mean(
    x: Operand,
    running: Operand,
    /,
    axis: int | Sequence[int] | None,
    momentum: Any = 0.1,
) -> Tensor:
    """(1 − m) · running + m · mean(x) over ``axis``, m = ``momentum``; a constant, without derivative."""

def update_running_var(
    x: Operand,
    running: Operand,
    /,
    axis: int | Sequence[int] | None,
    samples: Any = (),
    momentum: Any = 0.1,
) -> Tensor:
    """(1 − m) · running + m · unbiased variance of x over ``axis``, m = ``momentum``; a constant, without
    derivative.
    """

def softmax(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """eˣ / Σ eˣ over ``axis`` (the last by default), without overflow; 0 where all of x along it is −∞."""

def log_softmax(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """x − log Σ eˣ over ``axis`` (the last by default), exact where softmax(x) underflows."""

def logsigmoid(x: Operand, /) -> Tensor:
    """log(1/(1 + e⁻ˣ)), without overflow."""

def gelu(x: Operand, approximate: str = "none") -> Tensor:
    """x · Φ(x), or with approximate='tanh' the formula that was used for it (Hendrycks and Gimpel, 2016, eq. 2)."""

def glu(x: Operand, axis: int = -1) -> Tensor:
    """a · sigmoid(b), where a and b are the halves of x along ``axis`` (Dauphin et al., 2016, eq. 1)."""

def softmin(x: Operand, axis: int | Sequence[int] | None = -1) -> Tensor:
    """e⁻ˣ / Σ e⁻ˣ over ``axis`` (the last by default), without overflow."""

def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Operand,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    generator: Any = None,
) -> Tensor:
    """softmax(q kᵀ · scale) v over the keys, for q of shape (…, queries, features), k (…, keys, features) and v."""

def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The mean of −input at the target's class, where ``input`` holds logarithms of probabilities."""

def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The mean of −log softmax(input) at the target's class, or of −Σ p log softmax(input) for probabilities p."""

def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean of w[y] Σ max(0, margin − x[y] + x[j])ᵖ / classes over j ≠ y, where y is the target's class."""

def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Σ weight[o, c, k] · input[n, c, t·stride + k·dilation − padding] over c and k, plus ``bias``[o]."""

def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv1d`` in its input, plus ``bias``: each element is spread by the kernel."""

def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Σ weight[o, c, k] · input[n, c, t·stride + k·dilation − padding] over c and k, plus ``bias``[o]."""

def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv2d`` in its input, plus ``bias``: each element is spread by the kernel."""

def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Σ weight[o, c, k] · input[n, c, t·stride + k·dilation − padding] over c and k, plus ``bias``[o]."""

def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv3d`` in its input, plus ``bias``: each element is spread by the kernel."""

def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The mean of −log p(targets), each divided by its number of labels: the sum over all ways to spell them."""

def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """x Wᵀ + b, for x of shape (…, features), W of shape (outputs, features) or (features,), b of shape
    (outputs,).
    """

def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """Σᵢⱼ x1ᵢ W[o, i, j] x2ⱼ + b[o] for each output o, with x1 of shape (…, m) and x2 of shape (…, n)."""

def one_hot(input: Any, num_classes: int = -1) -> Tensor:
    """Vectors of ``num_classes`` integers, 1 at the given number and 0 elsewhere, along a new last axis."""

def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """The rows of ``weight`` at the integers ``input``: out[…, :] = weight[input[…], :]."""

def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    *,
    mode: str = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The mean, the sum or the maximum (``mode``) of the rows of ``weight`` at the integers of each bag."""

def dropout(x: Operand, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Tensor:
    """x with elements set to 0 with probability ``p``, the others divided by 1 − p (Srivastava et al., 2014)."""

def dropout1d(x: Operand, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Tensor:
    """x with whole channels set to 0 with probability ``p``, the others divided by 1 − p."""

def dropout2d(x: Operand, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Tensor:
    """x with whole channels set to 0 with probability ``p``, the others divided by 1 − p."""

def dropout3d(x: Operand, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Tensor:
    """x with whole channels set to 0 with probability ``p``, the others divided by 1 − p."""

def alpha_dropout(x: Operand, p: float = 0.5, training: bool = False, *, generator: Any = None) -> Tensor:
    """Dropout that leaves mean 0 and variance 1 as they are: the companion of ``selu``."""

def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The mean of (input − target)²."""

def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The mean of |input − target|; the derivative is 0 where they are equal."""

def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """The mean of ½d² where |d| ≤ delta, and of delta · (|d| − ½ delta) beyond, with d = input − target."""

def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """The Huber loss of threshold ``beta``, divided by it; with beta=0 the mean of |input − target|."""

def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The mean of target · (log target − input), where ``input`` holds logarithms of probabilities."""

def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-08,
    reduction: str = "mean",
) -> Tensor:
    """The mean of e^input − target · input: the Poisson distribution's −log p(target), up to a constant."""

def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-06,
    reduction: str = "mean",
) -> Tensor:
    """The mean of ½ (log var + (input − target)² / var), with variances of at least ``eps``."""

def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """The mean of −target · log p − (1 − target) · log(1 − p), where ``input`` holds probabilities p."""

def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """The mean of −target · log p − (1 − target) · log(1 − p) with p = sigmoid(input), without overflow."""

def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The mean of input where the target is 1, and of max(0, margin − input) where it is −1."""

def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """The mean of max(0, margin − target · (input1 − input2)): target 1 wants input1 to be the larger."""

def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The mean of log(1 + exp(−target · input)), without overflow."""

def layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-05,
) -> Tensor:
    """(x − mean) / √(var + eps) over the last axes, of shape ``normalized_shape``, times ``weight`` plus
    ``bias``.
    """

def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Tensor:
    """x / √(mean(x²) + eps) over the last axes, of shape ``normalized_shape``, times ``weight``."""

def group_norm(input: Any, num_groups: Any, weight: Any = None, bias: Any = None, eps: float = 1e-05) -> Tensor:
    """(x − mean) / √(var + eps) over each of ``num_groups`` groups of channels of each sample (Wu, He, 2018)."""

def batch_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """(x − mean) / √(var + eps) of each channel of ``input`` (N, C, …), times ``weight`` plus ``bias``."""

def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """(x − mean) / √(var + eps) of each channel of each sample of (N, C, …), times ``weight`` plus ``bias``."""

def normalize(input: Any, p: float = 2.0, axis: int | Sequence[int] | None = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖, eps) over ``axis``, with the p-norm."""

def local_response_norm(input: Any, size: Any, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean(x²))^beta, the mean over ``size`` channels around it in (N, C, …)."""

def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The patches of images (N, C, H, W), or of one (C, H, W), as columns (N, C · kernel elements, patches)."""

def fold(
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """The transpose of ``unfold``: columns (N, C · kernel elements, patches), or of one image, added up in
    images.
    """

def pixel_shuffle(input: Any, upscale_factor: Any) -> Tensor:
    """(…, C·r², H, W) rearranged to (…, C, H·r, W·r), r = ``upscale_factor`` (Shi et al., 2016)."""

def pixel_unshuffle(input: Any, downscale_factor: Any) -> Tensor:
    """(…, C, H·r, W·r) rearranged to (…, C·r², H, W), r = ``downscale_factor``: the inverse of
    ``pixel_shuffle``.
    """

def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Tensor:
    """``input`` with more elements at the ends of its last axes: ``pad`` is (before, after, …), last axis first."""

def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest element of each window over (L); k equal ones share the gradient, 1/k each."""

def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest element of each window over (H, W); k equal ones share the gradient, 1/k each."""

def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest element of each window over (D, H, W); k equal ones share the gradient, 1/k each."""

def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Tensor:
    """The mean of each window over (L)."""

def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Tensor:
    """The mean of each window over (H, W)."""

def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Tensor:
    """The mean of each window over (D, H, W)."""

def lp_pool1d(
    input: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window over (L), p = ``norm_type``; of an even p, the norm of the window."""

def lp_pool2d(
    input: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window over (H, W), p = ``norm_type``; of an even p, the norm of the window."""

def lp_pool3d(
    input: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window over (D, H, W), p = ``norm_type``; of an even p, the norm of the window."""

def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """The mean of windows that cover (L) and give ``output_size``; None keeps the size."""

def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The mean of windows that cover (H, W) and give ``output_size``; None keeps the size."""

def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """The mean of windows that cover (D, H, W) and give ``output_size``; None keeps the size."""

def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Tensor:
    """The largest of windows that cover (L) and give ``output_size``; None keeps the size."""

def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Tensor:
    """The largest of windows that cover (H, W) and give ``output_size``; None keeps the size."""

def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Tensor:
    """The largest of windows that cover (D, H, W) and give ``output_size``; None keeps the size."""

def softplus(x: Operand, beta: Any = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(βx)) / β, without overflow, so that ``threshold``, which PyTorch has for it, changes nothing."""

def leaky_relu(x: Operand, negative_slope: Any = 0.01) -> Tensor:
    """x where it is positive, negative_slope · x elsewhere; at 0 the derivative of least size between the two."""

def prelu(x: Operand, weight: Any) -> Tensor:
    """x where it is positive, weight · x elsewhere, with one weight for all or one for each channel (axis 1)."""

def elu(x: Operand, alpha: Any = 1.0) -> Tensor:
    """x where it is positive, alpha · (eˣ − 1) elsewhere (Clevert et al., 2015, eq. 15)."""

def celu(x: Operand, alpha: Any = 1.0) -> Tensor:
    """x where it is positive, alpha · (e^(x/alpha) − 1) elsewhere, whose slope is continuous (Barron, 2017)."""

def hardtanh(x: Operand, min_val: Any = -1.0, max_val: Any = 1.0) -> Tensor:
    """x limited to [min_val, max_val]; the derivative at both bounds is 0."""

def threshold(x: Operand, threshold: Any, value: Operand) -> Tensor:
    """x where it is above ``threshold``, ``value`` elsewhere."""

def softshrink(x: Operand, lambd: Any = 0.5) -> Tensor:
    """x moved by ``lambd`` towards 0, and 0 where |x| ≤ lambd; the derivative at the kinks is 0."""

def hardshrink(x: Operand, lambd: Any = 0.5) -> Tensor:
    """x, and 0 where |x| ≤ lambd."""

def rnn_cell(
    input: Any,
    hx: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    nonlinearity: str = "tanh",
) -> Tensor:
    """tanh(w_ih x + b_ih + w_hh h + b_hh), or ``nonlinearity="relu"``: the state after one step from ``hx``."""

def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """One step of a gated recurrent unit (Cho et al., 2014): n + z ⊙ (h − n), with gates r and z."""

def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    """(h, c) after one step of a long short-term memory from ``hx`` = (h, c) (Gers et al., 1999)."""

def rnn(
    input: Any,
    hx: Any,
    params: Any,
    nonlinearity: str = "tanh",
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    batch_first: bool = False,
    dropout: float = 0.0,
    training: bool = True,
    generator: Any = None,
) -> Tensor:
    """``rnn_cell`` over a sequence, in layers."""

def gru(
    input: Any,
    hx: Any,
    params: Any,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    batch_first: bool = False,
    dropout: float = 0.0,
    training: bool = True,
    generator: Any = None,
) -> Tensor:
    """``gru_cell`` over a sequence, in layers."""

def lstm(
    input: Any,
    hx: Any,
    params: Any,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    batch_first: bool = False,
    dropout: float = 0.0,
    training: bool = True,
    generator: Any = None,
) -> Tensor:
    """``lstm_cell`` over a sequence, in layers; states are pairs (h, c)."""

def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
) -> Tensor:
    """``input`` (N, C, …) on a grid of another ``size``, or of its own times ``scale_factor``, rounded down."""

def cosine_similarity(x1: Operand, x2: Operand, axis: int = 1, eps: float = 1e-08) -> Tensor:
    """x1 · x2 / (‖x1‖ ‖x2‖) along ``axis``, where a norm below ``eps`` counts as eps; the other axes broadcast."""

def pairwise_distance(
    x1: Operand,
    x2: Operand,
    p: float = 2.0,
    eps: float = 1e-06,
    keepdims: bool = False,
) -> Tensor:
    """(Σ |x1 − x2 + eps|ᵖ)^(1/p) over the last axis."""

def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-06,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The mean of max(0, d(anchor, positive) − d(anchor, negative) + margin), d being ``pairwise_distance``."""

def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """The mean of 1 − cos where the target is 1, and of max(0, cos − margin) where it is −1."""

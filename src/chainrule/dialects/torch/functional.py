"""``torch.nn.functional``: layers and distances here, activations and losses in files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.dialects.torch import activations, losses, pointwise, reductions
from chainrule.dialects.torch.activations import Noise
from chainrule.dialects.torch.errors import RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.ops import ops


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input @ weightᵀ + bias.

    >>> import chainrule.torch as torch
    >>> torch.nn.functional.linear(torch.ones(3), torch.ones(2, 3), torch.ones(2))
    tensor([4., 4.])
    """
    result = ops.linear(input, weight, bias)
    if bias is None:
        return result
    return spell("AddmmBackward0" if input.ndim == 2 else "ViewBackward0", result, bias, input, weight)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Σᵢⱼ x1ᵢ W[o, i, j] x2ⱼ + b[o] for each output o."""
    return ops.bilinear(input1, input2, weight, bias)


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Vectors with a 1 at the given positions.

    >>> import chainrule.torch as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    positions = np.asarray(tensor._value)
    if positions.size and positions.min() < 0:
        raise refusal(RuntimeShapeError, "Class values must be non-negative.")
    if num_classes != -1 and positions.size and positions.max() >= num_classes:
        raise refusal(RuntimeShapeError, "Class values must be smaller than num_classes.")
    return ops.one_hot(tensor, num_classes)


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """The rows of ``weight`` at the given positions; the row ``padding_idx`` gets no gradient."""
    return spell("EmbeddingBackward0", ops.embedding(input, weight, padding_idx), weight)


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    *,
    mode: str = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The mean, sum or maximum of the rows of ``weight`` in each bag."""
    result = ops.embedding_bag(
        input,
        weight,
        offsets,
        mode=mode,
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_idx,
    )
    return spell("EmbeddingBagBackward0", result, weight)


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Any:
    """Elements put around the last dims: ``pad`` is (before, after) of the last dim, then of the last but one …"""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    width = ((0, 0),) * (input.ndim - len(pairs)) + tuple(pairs)
    numpy_mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    if numpy_mode == "constant":
        result = ops.pad(input, width, constant_values=0 if value is None else value)
    else:
        result = ops.pad(input, width, mode=numpy_mode)
    return spell("ConstantPadNdBackward0" if mode == "constant" else f"{mode.capitalize()}Pad", result, input)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """input divided by its p-norm along ``dim``, but by no less than ``eps``."""
    size = pointwise.clamp_min(reductions.norm(input, p, dim, keepdim=True), eps)
    return ops.divide(input, size)


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x − mean) / √(var + ε) over the last dims, scaled by weight and moved by bias."""
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    centred = ops.subtract(input, ops.mean(input, axis=axes, keepdims=True))
    spread = ops.sqrt(ops.add(ops.mean(ops.square(centred), axis=axes, keepdims=True), eps))
    result = ops.divide(centred, spread)
    result = result if weight is None else ops.multiply(result, weight)
    result = result if bias is None else ops.add(result, bias)
    return spell("NativeLayerNormBackward0", result, input, *(x for x in (weight, bias) if x is not None))


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 · x2 / (‖x1‖ ‖x2‖) along ``dim``; a norm below ``eps`` counts as eps."""
    return ops.cosine_similarity(x1, x2, dim, eps)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """(Σ |x1 − x2 + eps|ᵖ)^(1/p) over the last dim."""
    return ops.pairwise_distance(x1, x2, p, eps, keepdim)


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query keyᵀ · scale) value."""
    result = ops.scaled_dot_product_attention(
        query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa, generator=Noise()
    )
    return spell("ScaledDotProductFlashAttentionForCpuBackward0", result, query, key, value)


FUNCTIONS = {
    **activations.FUNCTIONS,
    **losses.FUNCTIONS,
    **{f.__name__: f for f in (
        linear, bilinear, one_hot, embedding, embedding_bag, pad, normalize, layer_norm, cosine_similarity,
        pairwise_distance, scaled_dot_product_attention,
    )},
}  # fmt: skip

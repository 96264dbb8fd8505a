"""Attention: averages of values, weighted by how well their keys answer a query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite
from chainrule.operands import reals
from chainrule.spec import Shape

NAME = "scaled_dot_product_attention"


def _attention(
    xp: Any,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    generator: Any = None,
) -> Any:
    query, key, value = reals(xp, NAME, query, key, value)
    q, k, v = (operand_spec(NAME, x).shape for x in (query, key, value))
    _check_shapes(q, k, v)
    if enable_gqa:
        key, value = (_repeat_heads(xp, x, q) for x in (key, value))
    factor = 1 / math.sqrt(q[-1] or 1) if scale is None else scale
    scores = xp.matmul(xp.multiply(query, factor), xp.matrix_transpose(key))
    scores = _masked(xp, scores, attn_mask, is_causal)
    # A query that may look nowhere has scores −∞ alone, of which softmax makes 0.
    shares = xp.softmax(scores, axis=-1)
    p = noise.probability(NAME, dropout_p)
    if p:
        kept = noise.draw(NAME, shares, "random", None, generator) >= p
        shares = xp.where(kept, shares if p == 1 else xp.multiply(shares, 1 / (1 - p)), 0)
    return xp.matmul(shares, value)


def _check_shapes(q: Shape, k: Shape, v: Shape) -> None:
    if min(map(len, (q, k, v))) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            f"[{NAME}] query has shape {q}, key {k} and value {v}; expected (…, queries, features), "
            f"(…, keys, features) and (…, keys, outputs); transpose or reshape them."
        )


def _repeat_heads(xp: Any, x: Any, q: Shape) -> Any:
    """Each head of the keys, or values, as often as there are heads of queries for it."""
    shape = operand_spec(NAME, x).shape
    if len(shape) < 3 or len(q) < 3 or not shape[-3] or q[-3] % shape[-3]:
        raise ShapeError(
            f"[{NAME}] query has shape {q} and key or value {shape}; enable_gqa expected (…, heads, n, features), "
            f"with a number of query heads that the other's divides; reshape them."
        )
    return xp.repeat(x, q[-3] // shape[-3], axis=len(shape) - 3)


def _masked(xp: Any, scores: Any, mask: Any, is_causal: bool) -> Any:
    shape = operand_spec(NAME, scores).shape
    if is_causal:
        if mask is not None:
            raise DTypeError(
                f"[{NAME}] attn_mask and is_causal were both given; expected one of them; combine them into one mask."
            )
        mask = np.tril(np.ones(shape[-2:], bool))
    if mask is None:
        return scores
    spec = operand_spec(NAME, mask)
    if not _broadcast(spec.shape, shape):
        raise ShapeError(
            f"[{NAME}] attn_mask has shape {spec.shape}, and the scores {shape}; expected a shape that broadcasts to "
            f"(…, queries, keys); reshape the mask."
        )
    if spec.dtype.kind == "b":
        return xp.where(mask, scores, -np.inf)
    if spec.dtype.kind != "f":
        raise DTypeError(
            f"[{NAME}] attn_mask is {spec.dtype}; expected booleans, True where a query may look, or floating numbers "
            f"that are added to the scores; write mask != 0."
        )
    return xp.add(scores, mask)


def _broadcast(own: Shape, shape: Shape) -> bool:
    return all(
        a in (1, b) or (b == 1 and i > 2) for i, (a, b) in enumerate(zip(own[::-1], shape[::-1], strict=False), 1)
    )


composite(
    NAME,
    _attention,
    public=(f"nn.functional.{NAME}",),
    doc="""softmax(q kᵀ · scale) v over the keys, for q of shape (…, queries, features), k (…, keys, features) and v.

    ``scale`` is 1/√features by default. ``attn_mask`` broadcasts to (…, queries, keys): booleans say where a query may
    look, numbers are added to the scores; ``is_causal`` lets query i look at keys 0 … i. A query that may look nowhere
    gives 0. ``dropout_p`` drops shares with this probability; with ``enable_gqa`` fewer heads of keys and values
    (axis −3) serve several of queries. Source: Vaswani et al., Attention is all you need, 2017, eq. 1.

    >>> q, k, v = cr.zeros((1, 2)), cr.ones((2, 2)), cr.tensor([[1.0], [3.0]])
    >>> cr.nn.functional.scaled_dot_product_attention(q, k, v)
    tensor([[2.]])
    """,
)

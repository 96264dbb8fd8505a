"""``torch.autograd``: gradients asked for by function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.config import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from chainrule.dialects.torch.errors import retold
from chainrule.errors import ChainruleError
from chainrule.graph import gradients

__all__ = ["backward", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def _list(given: Any) -> list[Any]:
    return [given] if given is None or isinstance(given, Box) else list(given)


def _seeds(given: Any, count: int) -> list[Any]:
    return [None] * count if given is None else _list(given)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Σ (∂output/∂input)ᵀ · grad_output for each input, as a tuple.

    >>> import chainrule.torch as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    heads, wanted = _list(outputs), _list(inputs)
    seeds = _seeds(grad_outputs, len(heads))
    unused = materialize_grads if allow_unused is None else allow_unused
    try:
        found = gradients.gradients(
            heads, wanted, seeds, retain_graph=retain_graph, create_graph=create_graph, allow_unused=unused
        )
    except ChainruleError as error:
        raise retold(error, heads, seeds, wanted) from None
    if materialize_grads:
        found = tuple(
            box(type(x), np.zeros_like(x._value), None) if g is None else g for x, g in zip(wanted, found, strict=True)
        )
    return found


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Any] | Box | None = None,
) -> None:
    """Accumulate the gradient of ``tensors`` into ``.grad`` of the leaves they depend on (or of ``inputs``)."""
    heads = _list(tensors)
    seeds = _seeds(grad_tensors, len(heads))
    wanted = None if inputs is None else _list(inputs)
    try:
        gradients.backward(heads, seeds, retain_graph=retain_graph, create_graph=create_graph, inputs=wanted)
    except ChainruleError as error:
        raise retold(error, heads, seeds, wanted or ()) from None

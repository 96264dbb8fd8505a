"""Errors in PyTorch's own words: programs that catch or print them see what they expect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from chainrule.box import Box
from chainrule.errors import ChainruleError, DTypeError, ShapeError, user_location
from chainrule.graph.walk import ancestors
from chainrule.node import Freed

TWICE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)
LEAF_IN_PLACE = "a leaf Variable that requires grad is being used in an in-place operation."
SCALAR_ONLY = "grad can be implicitly created only for scalar outputs"
NOT_DIFFERENTIABLE = "One of the differentiated Tensors does not require grad"
NON_LEAF_FLAG = (
    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
    "that doesn't require differentiation use var_no_grad = var.detach()."
)
NUMPY_OF_TRACKED = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."


class RuntimeDTypeError(DTypeError, RuntimeError):
    """A dtype that does not fit, where PyTorch raises a RuntimeError."""


class RuntimeShapeError(ShapeError, RuntimeError):
    """A shape that does not fit, where PyTorch raises a RuntimeError."""


def refusal(kind: type[ChainruleError], message: str) -> ChainruleError:
    """An error whose text is exactly ``message``; the user's line is a note beside it."""
    error = kind.__new__(kind, message)
    error.message = message
    error.location = user_location()
    if error.location is not None:
        error.add_note(f"  at {error.location}")
    return error


def retold(
    error: ChainruleError, outputs: Sequence[Any], seeds: Sequence[Any], inputs: Sequence[Any] = ()
) -> ChainruleError:
    """What PyTorch would have said of this backward; the error itself where PyTorch has no word for it."""
    kind = type(error)
    if not all(isinstance(y, Box) for y in (*outputs, *inputs)):
        return error
    for i, (y, seed) in enumerate(zip(outputs, seeds, strict=False)):
        if y._node is None:
            return refusal(kind, f"element {i} of tensors does not require grad and does not have a grad_fn")
        if seed is None and math.prod(y.shape) != 1:
            return refusal(kind, SCALAR_ONLY)
        if seed is None and y.dtype.is_complex:
            return refusal(kind, f"grad can be implicitly created only for real scalar outputs but got {y.dtype}")
        if seed is not None and seed.shape != y.shape:
            return refusal(
                RuntimeShapeError,
                f"Mismatch in shape: grad_output[{i}] has a shape of {seed.shape} and output[{i}] has a shape of "
                f"{y.shape}.",
            )
    for x in inputs:
        if x._node is None:
            return refusal(kind, NOT_DIFFERENTIABLE)
    reached = ancestors([y._node for y in outputs])
    for i, x in enumerate(inputs):
        if x._node not in reached:
            return refusal(
                kind,
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                f"allow_unused=True if this is the desired behavior.",
            )
    return refusal(kind, TWICE) if any(node.kept.__class__ is Freed for node in reached) else error

"""Products that sum over dims, in PyTorch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import box
from chainrule.dialects.torch import reductions
from chainrule.dialects.torch.errors import RuntimeShapeError, refusal
from chainrule.dialects.torch.names import spell
from chainrule.ops import ops
from chainrule.spec import normalize_axes, normalize_axis


def dot(input: Any, tensor: Any) -> Any:
    """Σ input · tensor of two vectors."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise refusal(RuntimeShapeError, f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    return ops.matmul(input, tensor)


def vdot(input: Any, other: Any) -> Any:
    """Σ conj(input) · other of two vectors."""
    return spell("VdotBackward0", dot(ops.conj(input), other), input, other)


def mv(input: Any, vec: Any) -> Any:
    """A matrix times a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise refusal(RuntimeShapeError, f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    return ops.matmul(input, vec)


def mm(input: Any, mat2: Any) -> Any:
    """A matrix times a matrix."""
    for name, x in (("self", input), ("mat2", mat2)):
        if x.ndim != 2:
            raise refusal(RuntimeShapeError, f"{name} must be a matrix")
    return ops.matmul(input, mat2)


def bmm(input: Any, mat2: Any) -> Any:
    """A batch of matrices times a batch of matrices."""
    for name, x in (("batch1", input), ("batch2", mat2)):
        if x.ndim != 3:
            raise refusal(RuntimeShapeError, f"{name} must be a 3D tensor")
    return spell("BmmBackward0", ops.matmul(input, mat2), input, mat2)


def _plus_product(name: str, input: Any, one: Any, other: Any, beta: Any, alpha: Any) -> Any:
    product = ops.matmul(one, other)
    product = product if alpha == 1 else ops.multiply(product, alpha)
    start = input if beta == 1 else ops.multiply(input, beta)
    return spell(name, ops.add(start, product), input, one, other)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """β · input + α · mat1 @ mat2."""
    return _plus_product("AddmmBackward0", input, mat1, mat2, beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """β · input + α · mat @ vec."""
    return _plus_product("AddmvBackward0", input, mat, vec, beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """β · input + α · batch1 @ batch2."""
    return _plus_product("BaddbmmBackward0", input, batch1, batch2, beta, alpha)


def outer(input: Any, vec2: Any) -> Any:
    """All products of an element of one vector with an element of another."""
    return spell("MulBackward0", ops.multiply(ops.reshape(input, (-1, 1)), vec2), input, vec2)


def inner(input: Any, other: Any) -> Any:
    """Σ over the last dim of both."""
    if not input.ndim or not other.ndim:
        return ops.multiply(input, other)
    return spell("ViewBackward0", ops.tensordot(input, other, axes=((-1,), (-1,))), input, other)


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Σ over the last ``dims`` dims of a and the first of b, or over given lists of dims."""
    axes = dims if isinstance(dims, int) else tuple(map(tuple, dims))
    return spell("ViewBackward0", ops.tensordot(a, b, axes=axes), a, b)


def einsum(equation: str, *operands: Any) -> Any:
    """The product of the operands, summed over the letters that the result does not have."""
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (tuple, list)) else operands
    result = ops.einsum(equation, *given)
    summed = len(given) > 1
    return spell("ViewBackward0" if summed else "PermuteBackward0", result, *given)


def multi_dot(tensors: Any) -> Any:
    """The product of several matrices."""
    found = list(tensors)
    result = found[0]
    for x in found[1:]:
        result = ops.matmul(result, x)
    return spell("ViewBackward0", result, *found)


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """(Σ |x|^ord)^(1/ord) over ``dim`` (all by default)."""
    return reductions.norm(x, ord, dim, keepdim, dtype)


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of a vector, or of the matrices in two dims; without ``ord``, of all elements as one vector."""
    pair = (isinstance(dim, (tuple, list)) and len(dim) == 2) or (dim is None and A.ndim == 2)
    if ord is None or not pair or ord == "fro":
        return reductions.norm(A, 2 if ord in (None, "fro") else ord, dim, keepdim, dtype)
    axes = normalize_axes("norm", dim, A.ndim)
    return spell("AmaxBackward0", ops.norm(A, ord=ord, axis=axes, keepdims=keepdim), A)


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of the matrices in two dims."""
    return norm(A, ord, dim, keepdim, dtype=dtype)


def matrix_power(A: Any, n: int) -> Any:
    """A times itself, ``n`` times; the identity for n = 0."""
    if n < 0:
        raise refusal(RuntimeShapeError, "matrix_power: n must be non-negative here, since there is no inverse yet")
    if n == 0:
        identity = np.broadcast_to(np.eye(A.shape[-1], dtype=A._value.dtype), A.shape)
        return box(type(A), identity, None)
    half = matrix_power(A, n // 2) if n > 1 else None
    square = A if half is None else ops.matmul(half, half)
    return ops.matmul(square, A) if half is not None and n % 2 else square


def cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The cross product of the 3-vectors along a dim."""
    axis = normalize_axis("cross", dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise refusal(
            RuntimeShapeError,
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and {other.shape[axis]}",
        )
    (a, b), (c, d) = ([ops.roll(x, shift, axis=axis) for shift in (-1, -2)] for x in (input, other))
    return spell("LinalgCrossBackward0", ops.subtract(ops.multiply(a, d), ops.multiply(b, c)), input, other)


FUNCTIONS = {f.__name__: f for f in (
    dot, vdot, mv, mm, bmm, addmm, addmv, baddbmm, outer, inner, tensordot, einsum,
)}  # fmt: skip
FUNCTIONS["matmul"] = ops.matmul
FUNCTIONS["ger"] = outer
LINALG = {f.__name__: f for f in (norm, vector_norm, matrix_norm, matrix_power, multi_dot, cross, ops.matmul)}

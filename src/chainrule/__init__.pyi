# Written by tools/stubs.py from the source and the registry; change those and run it again.

from collections.abc import Sequence
from typing import Any

from chainrule import fft as fft
from chainrule import linalg as linalg
from chainrule import nn as nn
from chainrule import protocols as protocols
from chainrule import random as random
from chainrule import special as special
from chainrule.config import enable_grad as enable_grad
from chainrule.config import is_grad_enabled as is_grad_enabled
from chainrule.config import no_grad as no_grad
from chainrule.config import set_grad_enabled as set_grad_enabled
from chainrule.creation import arange as arange
from chainrule.creation import asarray as asarray
from chainrule.creation import empty as empty
from chainrule.creation import empty_like as empty_like
from chainrule.creation import eye as eye
from chainrule.creation import full as full
from chainrule.creation import full_like as full_like
from chainrule.creation import linspace as linspace
from chainrule.creation import ones as ones
from chainrule.creation import ones_like as ones_like
from chainrule.creation import tensor as tensor
from chainrule.creation import zeros as zeros
from chainrule.creation import zeros_like as zeros_like
from chainrule.errors import AxisError as AxisError
from chainrule.errors import ChainruleError as ChainruleError
from chainrule.errors import DomainError as DomainError
from chainrule.errors import DTypeError as DTypeError
from chainrule.errors import ExpressionError as ExpressionError
from chainrule.errors import GradientError as GradientError
from chainrule.errors import RangeError as RangeError
from chainrule.errors import ShapeError as ShapeError
from chainrule.errors import SymbolError as SymbolError
from chainrule.graph.gradients import gradients as gradients
from chainrule.graph.graph import Function as Function
from chainrule.graph.graph import Graph as Graph
from chainrule.spec import Spec as Spec
from chainrule.symbolic import function as function
from chainrule.symbolic import symbol as symbol
from chainrule.tensor import Operand
from chainrule.tensor import Tensor as Tensor
from chainrule.transforms import grad as grad
from chainrule.transforms import jvp as jvp
from chainrule.transforms import value_and_grad as value_and_grad
from chainrule.transforms import vjp as vjp

__version__: str

def add(x: Operand, y: Operand, /) -> Tensor:
    """x + y."""

def subtract(x: Operand, y: Operand, /) -> Tensor:
    """x − y."""

def multiply(x: Operand, y: Operand, /) -> Tensor:
    """x · y."""

def absorbing_multiply(a: Operand, b: Operand, /) -> Tensor:
    """a · b in which a zero of b absorbs an infinite a: ∞ · 0 = 0 at the kink of √(x·x). A mask absorbs
    anything.
    """

def divide(x: Operand, y: Operand, /) -> Tensor:
    """x / y."""

def floor_divide(x: Operand, y: Operand, /) -> Tensor:
    """⌊x / y⌋, the quotient rounded down."""

def remainder(x: Operand, y: Operand, /) -> Tensor:
    """x − y ⌊x / y⌋; the result has the sign of y."""

def power(x: Operand, y: Operand, /) -> Tensor:
    """x to the power y; ∂/∂x = y·x**(y−1), which is 0 for y = 0; ∂/∂y = x**y·log x, which is 0 at x = 0 ≤ y."""

def negative(x: Operand, /) -> Tensor:
    """−x."""

def positive(x: Operand, /) -> Tensor:
    """+x."""

def reciprocal(x: Operand, /) -> Tensor:
    """1 / x."""

def square(x: Operand, /) -> Tensor:
    """x²."""

def abs(x: Operand, /) -> Tensor:
    """|x|; the derivative at 0 is 0."""

def sign(x: Operand, /) -> Tensor:
    """−1, 0 or 1 by the sign of x, z/|z| for complex z; the derivative is 0."""

def floor(x: Operand, /) -> Tensor:
    """⌊x⌋, the largest integer ≤ x."""

def ceil(x: Operand, /) -> Tensor:
    """⌈x⌉, the smallest integer ≥ x."""

def trunc(x: Operand, /) -> Tensor:
    """x without its fraction."""

def round(x: Operand, /) -> Tensor:
    """The integer nearest to x; halves go to the even one."""

def contract(*operands: Operand, subscripts: str) -> Tensor:
    """The sum of products that ``subscripts`` spell out, each letter once an operand: what ``einsum`` is made
    of.
    """

def sqrt(x: Operand, /) -> Tensor:
    """√x."""

def exp(x: Operand, /) -> Tensor:
    """eˣ."""

def exp2(x: Operand, /) -> Tensor:
    """2ˣ."""

def expm1(x: Operand, /) -> Tensor:
    """eˣ − 1, exact for small x."""

def log(x: Operand, /) -> Tensor:
    """The natural logarithm of x."""

def log1p(x: Operand, /) -> Tensor:
    """log(1 + x), exact for small x."""

def log2(x: Operand, /) -> Tensor:
    """The logarithm of x to base 2."""

def log10(x: Operand, /) -> Tensor:
    """The logarithm of x to base 10."""

def logaddexp(x: Operand, y: Operand, /) -> Tensor:
    """log(eˣ + eʸ), without overflow."""

def sin(x: Operand, /) -> Tensor:
    """sin x, x in radians."""

def cos(x: Operand, /) -> Tensor:
    """cos x, x in radians."""

def tan(x: Operand, /) -> Tensor:
    """tan x, x in radians."""

def asin(x: Operand, /) -> Tensor:
    """The angle in [−π/2, π/2] whose sine is x."""

def acos(x: Operand, /) -> Tensor:
    """The angle in [0, π] whose cosine is x."""

def atan(x: Operand, /) -> Tensor:
    """The angle in (−π/2, π/2) whose tangent is x."""

def atan2(y: Operand, x: Operand, /) -> Tensor:
    """The angle of the point (x, y) = (second, first operand), in (−π, π]; both partials are 0 at the origin."""

def hypot(x: Operand, y: Operand, /) -> Tensor:
    """√(x² + y²), without overflow; both partials are 0 at the origin."""

def sinh(x: Operand, /) -> Tensor:
    """sinh x = (eˣ − e⁻ˣ)/2."""

def cosh(x: Operand, /) -> Tensor:
    """cosh x = (eˣ + e⁻ˣ)/2."""

def tanh(x: Operand, /) -> Tensor:
    """tanh x = sinh x / cosh x."""

def asinh(x: Operand, /) -> Tensor:
    """The number whose hyperbolic sine is x."""

def acosh(x: Operand, /) -> Tensor:
    """The number ≥ 0 whose hyperbolic cosine is x."""

def atanh(x: Operand, /) -> Tensor:
    """The number whose hyperbolic tangent is x."""

def sigmoid(x: Operand, /) -> Tensor:
    """1 / (1 + e⁻ˣ), without overflow."""

def relu(x: Operand, /) -> Tensor:
    """max(x, 0); the derivative at 0 is 0."""

def softplus(x: Operand, /) -> Tensor:
    """log(1 + eˣ), without overflow."""

def gather(*operands: Operand, index: Any) -> Tensor:
    """x[index] with the integer arrays of the index as operands: what ``x[...]`` is made of."""

def scatter_add(*operands: Operand, index: Any, shape: Any) -> Tensor:
    """Zeros of the given shape, with g added at the index (all of it where that repeats): the transpose of
    gather.
    """

def put(*operands: Operand, index: Any) -> Tensor:
    """x with v written at the index: what ``x[...] = v`` is made of."""

def concat(operands: Sequence[Operand], /, axis: int | Sequence[int] | None = 0) -> Tensor:
    """The operands one after the other along ``axis``; with ``axis=None`` all their elements in one row."""

def stack(operands: Sequence[Operand], /, axis: int | Sequence[int] | None = 0) -> Tensor:
    """The operands, of equal shape, side by side along a new ``axis`` of the result."""

def maximum(x: Operand, y: Operand, /) -> Tensor:
    """The larger of x and y; a tie shares the gradient, ½ each."""

def minimum(x: Operand, y: Operand, /) -> Tensor:
    """The smaller of x and y; a tie shares the gradient, ½ each."""

def where(condition: Operand, x: Operand, y: Operand, /) -> Tensor:
    """x where the condition holds, else y. The branch not taken gets no gradient, whatever its value there."""

def equal(x: Operand, y: Operand, /) -> Tensor:
    """Whether x = y."""

def not_equal(x: Operand, y: Operand, /) -> Tensor:
    """Whether x ≠ y."""

def less(x: Operand, y: Operand, /) -> Tensor:
    """Whether x < y."""

def less_equal(x: Operand, y: Operand, /) -> Tensor:
    """Whether x ≤ y."""

def greater(x: Operand, y: Operand, /) -> Tensor:
    """Whether x > y."""

def greater_equal(x: Operand, y: Operand, /) -> Tensor:
    """Whether x ≥ y."""

def logical_and(x: Operand, y: Operand, /) -> Tensor:
    """Whether x and y."""

def logical_or(x: Operand, y: Operand, /) -> Tensor:
    """Whether x or y."""

def logical_xor(x: Operand, y: Operand, /) -> Tensor:
    """Whether either x or y, not both."""

def logical_not(x: Operand, /) -> Tensor:
    """Whether not x."""

def bitwise_and(x: Operand, y: Operand, /) -> Tensor:
    """x & y: the bits set in both integers; of booleans, whether x and y."""

def bitwise_or(x: Operand, y: Operand, /) -> Tensor:
    """x | y: the bits set in either integer; of booleans, whether x or y."""

def bitwise_xor(x: Operand, y: Operand, /) -> Tensor:
    """x ^ y: the bits set in one integer alone; of booleans, whether either, not both."""

def bitwise_invert(x: Operand, /) -> Tensor:
    """~x: every bit of an integer turned over, which is −x − 1; of a boolean, whether not x."""

def isnan(x: Operand, /) -> Tensor:
    """Whether x is NaN."""

def isinf(x: Operand, /) -> Tensor:
    """Whether x is an infinity."""

def isfinite(x: Operand, /) -> Tensor:
    """Whether x is neither infinite nor NaN."""

def matmul(x: Operand, y: Operand, /) -> Tensor:
    """The matrix product over x's last and y's last-but-one axis; 1-d operands are vectors, further axes a
    batch.
    """

def vector_norm(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over ``axis`` (all axes by default), p = ord; ∞ is the largest |x|, 0 counts the nonzero."""

def center(x: Operand, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """x − mean(x) over ``axis`` (all axes by default); exactly zero where x is constant."""

def var(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: bool = False,
) -> Tensor:
    """Σ |x − mean(x)|² / (n − correction) over the n elements along ``axis`` (all axes by default)."""

def std(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: bool = False,
) -> Tensor:
    """√(Σ |x − mean(x)|² / (n − correction)) over ``axis``; the derivative is 0 where x is constant."""

def conj(x: Operand, /) -> Tensor:
    """x with its imaginary part negated."""

def real(x: Operand, /) -> Tensor:
    """The real part of x."""

def imag(x: Operand, /) -> Tensor:
    """The imaginary part of x."""

def astype(x: Operand, /, dtype: Any) -> Tensor:
    """x in another dtype; the gradient comes back in x's own."""

def flip(x: Operand, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """x in reverse order along ``axis`` (all axes by default)."""

def roll(x: Operand, /, shift: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """x shifted along ``axis`` (of the flattened x by default); what falls off one end comes in at the other."""

def diagonal(x: Operand, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of x in the plane of two axes, as the last axis; ``offset`` counts to the right of the main
    one.
    """

def tril(x: Operand, /, k: int = 0) -> Tensor:
    """x with zeros above diagonal ``k`` of its last two axes."""

def triu(x: Operand, /, k: int = 0) -> Tensor:
    """x with zeros below diagonal ``k`` of its last two axes."""

def sum(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Σ x over ``axis`` (all axes by default); small integers and booleans are summed as int64 or uint64."""

def mean(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Σ x / n over the n elements along ``axis`` (all axes by default); NaN when there are none."""

def prod(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """Π x over ``axis`` (all axes by default); ∂/∂xᵢ is the product of the others, exact at zeros."""

def max(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The largest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each."""

def min(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The smallest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each."""

def all(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Whether all elements along ``axis`` (all axes by default) are true, that is nonzero; true of none."""

def any(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Whether any element along ``axis`` (all axes by default) is true, that is nonzero; false of none."""

def count_nonzero(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The number of nonzero elements along ``axis`` (all axes by default)."""

def argmax(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The position of the first largest element, or NaN, along ``axis`` (by default in the flattened x)."""

def argmin(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The position of the first smallest element, or NaN, along ``axis`` (by default in the flattened x)."""

def cumsum(x: Operand, /, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """y[i] = x[0] + … + x[i] along ``axis``, which may be left out for 1-d x; integers are summed in 64 bits."""

def linear_recurrence(
    x: Operand,
    y: Operand,
    /,
    axis: int | Sequence[int] | None = -1,
    reverse: bool = False,
) -> Tensor:
    """y[i] = x[i] + a[i] · y[i−1] along ``axis``, where y[−1] is 0, from the last element back with ``reverse``."""

def cumprod(x: Operand, /, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """y[i] = x[0] · … · x[i] along ``axis``, which may be left out for 1-d x; the derivative is exact at zeros."""

def reshape(x: Operand, /, shape: Any) -> Tensor:
    """x's elements, in order, in another shape; one size may be -1."""

def broadcast_to(x: Operand, /, shape: Any) -> Tensor:
    """x repeated along new axes, and axes of size 1, to the given shape."""

def matrix_transpose(x: Operand, /) -> Tensor:
    """x with its last two axes exchanged."""

def permute_dims(x: Operand, /, axes: Any) -> Tensor:
    """x with its axes in another order: axis i of the result is axis ``axes[i]`` of x."""

def expand_dims(x: Operand, /, axis: int | Sequence[int] | None = 0) -> Tensor:
    """x with new axes of size 1 at the places ``axis`` of the result."""

def squeeze(x: Operand, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """x without the axes ``axis``, which have size 1 (by default every such axis)."""

def logsumexp(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """log Σ eˣ over ``axis`` (all axes by default), without overflow; the derivative is softmax(x)."""

def softmax(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """eˣ / Σ eˣ over ``axis`` (the last by default), without overflow; 0 where all of x along it is −∞."""

def log_softmax(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """x − log Σ eˣ over ``axis`` (the last by default), exact where softmax(x) underflows."""

def einsum(subscripts: str, *operands: Operand, optimize: Any = True) -> Tensor:
    """Einstein summation: a product of operands, summed over every letter that the output does not have."""

def getitem(x: Operand, index: Any) -> Tensor:
    """x[index]: integers, slices, None, ..., integer arrays and boolean masks, as in NumPy."""

def setitem(x: Operand, index: Any, value: Operand) -> Tensor:
    """x with ``value`` written at the index, as a new Tensor; ``x[index] = value`` rebinds x to it."""

def take(x: Operand, indices: Any, axis: int | None = None) -> Tensor:
    """The elements of x at integer ``indices`` along ``axis`` (of the flattened x by default)."""

def hstack(tup: Any) -> Tensor:
    """The operands joined along axis 1; vectors along axis 0."""

def vstack(tup: Any) -> Tensor:
    """The operands joined along axis 0; vectors become rows."""

def dstack(tup: Any) -> Tensor:
    """The operands joined along axis 2; matrices get that axis, vectors become (1, n, 1)."""

def split(x: Operand, indices_or_sections: Any, axis: int | Sequence[int] | None = 0) -> list[Tensor]:
    """x cut along ``axis``: into so many equal sections, or before each of the given indices."""

def unstack(x: Operand, axis: int | Sequence[int] | None = 0) -> tuple[Tensor, ...]:
    """The slices of x along ``axis``, without that axis."""

def tile(x: Operand, reps: Any) -> Tensor:
    """x repeated as a whole, ``reps`` times along each axis."""

def repeat(x: Operand, repeats: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """Each element of x repeated along ``axis`` (of the flattened x by default): as often as ``repeats`` says."""

def clip(x: Operand, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max]; at a bound the derivative is ½."""

def vecdot(x1: Operand, x2: Operand, axis: int = -1) -> Tensor:
    """Σᵢ conj(x1ᵢ)·x2ᵢ along ``axis``, the other axes broadcast."""

def outer(x: Operand, y: Operand) -> Tensor:
    """out[i, j] = x[i] · y[j], of the flattened operands."""

def tensordot(x: Operand, y: Operand, axes: Any = 2, *, name: str = "tensordot") -> Tensor:
    """The sum over pairs of axes: x's last ``axes`` with y's first, or a pair of lists of axes; the others stay."""

def dot(x: Operand, y: Operand) -> Tensor:
    """NumPy's dot: the sum over x's last and y's last-but-one axis, or a product with a number."""

def inner(x: Operand, y: Operand) -> Tensor:
    """The sum over the last axes of both, without conjugation; or a product with a number."""

def kron(x: Operand, y: Operand) -> Tensor:
    """The Kronecker product: every element of x times the whole of y, as blocks."""

def norm(x: Operand, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """√Σ|x|² over ``axis`` (all axes by default), or by ``ord`` another norm, as ``numpy.linalg.norm`` has them."""

def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Tensor:
    """x with ``pad_width`` more elements at the ends: one number, (before, after), or a pair for each axis."""

def diag(x: Operand, k: int = 0) -> Tensor:
    """Of a vector: the matrix with it as diagonal ``k``; of a matrix: its diagonal ``k``."""

def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Σᵢ xᵢᵢ, the sum of a diagonal of x."""

def transpose(x: Operand, axes: Any = None) -> Tensor:
    """x with its axes in another order, reversed by default."""

def moveaxis(x: Operand, source: Any, destination: Any) -> Tensor:
    """x with the axes ``source`` moved to the places ``destination``; the others keep their order."""

def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""

def flatten(x: Operand, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """x with its axes from ``start_axis`` to ``end_axis`` (by default all) made one."""

def ravel(x: Operand) -> Tensor:
    """The elements of x in order, along one axis."""

def broadcast_arrays(*arrays: Operand) -> tuple[Tensor, ...]:
    """The operands, each broadcast to the shape they have in common."""

def atleast_1d(*arrays: Operand) -> Any:
    """Each operand with at least one axis; several operands give a tuple."""

def atleast_2d(*arrays: Operand) -> Any:
    """Each operand with at least two axes, new ones in front; several operands give a tuple."""

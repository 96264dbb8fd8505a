# Written by tools/stubs.py from the source and the registry; change those and run it again.

import builtins
from collections.abc import Sequence
from typing import Any

from chainrule import fft as fft
from chainrule import linalg as linalg
from chainrule import nn as nn
from chainrule import passes as passes
from chainrule import protocols as protocols
from chainrule import random as random
from chainrule import special as special
from chainrule import stats as stats
from chainrule.associative import associative_scan as associative_scan
from chainrule.bound import bind as bind
from chainrule.branches import cond as cond
from chainrule.branches import switch as switch
from chainrule.config import enable_grad as enable_grad
from chainrule.config import is_grad_enabled as is_grad_enabled
from chainrule.config import no_grad as no_grad
from chainrule.config import set_grad_enabled as set_grad_enabled
from chainrule.control import fori_loop as fori_loop
from chainrule.control import map as map
from chainrule.control import scan as scan
from chainrule.control import while_loop as while_loop
from chainrule.coverage import coverage as coverage
from chainrule.creation import arange as arange
from chainrule.creation import asarray as asarray
from chainrule.creation import empty as empty
from chainrule.creation import empty_like as empty_like
from chainrule.creation import eye as eye
from chainrule.creation import from_dlpack as from_dlpack
from chainrule.creation import full as full
from chainrule.creation import full_like as full_like
from chainrule.creation import linspace as linspace
from chainrule.creation import ones as ones
from chainrule.creation import ones_like as ones_like
from chainrule.creation import tensor as tensor
from chainrule.creation import zeros as zeros
from chainrule.creation import zeros_like as zeros_like
from chainrule.custom import custom_rule as custom_rule
from chainrule.dtypes import __array_namespace_info__ as __array_namespace_info__
from chainrule.dtypes import bool as bool
from chainrule.dtypes import broadcast_shapes as broadcast_shapes
from chainrule.dtypes import can_cast as can_cast
from chainrule.dtypes import complex64 as complex64
from chainrule.dtypes import complex128 as complex128
from chainrule.dtypes import e as e
from chainrule.dtypes import finfo as finfo
from chainrule.dtypes import float32 as float32
from chainrule.dtypes import float64 as float64
from chainrule.dtypes import iinfo as iinfo
from chainrule.dtypes import inf as inf
from chainrule.dtypes import int8 as int8
from chainrule.dtypes import int16 as int16
from chainrule.dtypes import int32 as int32
from chainrule.dtypes import int64 as int64
from chainrule.dtypes import isdtype as isdtype
from chainrule.dtypes import nan as nan
from chainrule.dtypes import newaxis as newaxis
from chainrule.dtypes import pi as pi
from chainrule.dtypes import result_type as result_type
from chainrule.dtypes import uint8 as uint8
from chainrule.dtypes import uint16 as uint16
from chainrule.dtypes import uint32 as uint32
from chainrule.dtypes import uint64 as uint64
from chainrule.errors import AxisError as AxisError
from chainrule.errors import ChainruleError as ChainruleError
from chainrule.errors import DomainError as DomainError
from chainrule.errors import DTypeError as DTypeError
from chainrule.errors import ExpressionError as ExpressionError
from chainrule.errors import GradientError as GradientError
from chainrule.errors import GraphFileError as GraphFileError
from chainrule.errors import MatrixError as MatrixError
from chainrule.errors import MatrixShapeError as MatrixShapeError
from chainrule.errors import RangeError as RangeError
from chainrule.errors import ShapeError as ShapeError
from chainrule.errors import SymbolError as SymbolError
from chainrule.graph.function import Function as Function
from chainrule.graph.gradients import gradients as gradients
from chainrule.graph.graph import Graph as Graph
from chainrule.jacobians import hessian as hessian
from chainrule.jacobians import hvp as hvp
from chainrule.jacobians import jacobian as jacobian
from chainrule.jit import jit as jit
from chainrule.native.threads.threads import get_num_threads as get_num_threads
from chainrule.native.threads.threads import set_num_threads as set_num_threads
from chainrule.recompute import checkpoint as checkpoint
from chainrule.series import taylor as taylor
from chainrule.spec import Spec as Spec
from chainrule.substitution import substitute as substitute
from chainrule.symbolic import function as function
from chainrule.symbolic import state as state
from chainrule.symbolic import symbol as symbol
from chainrule.tensor import Operand
from chainrule.tensor import Tensor as Tensor
from chainrule.trace import trace as trace
from chainrule.transforms import grad as grad
from chainrule.transforms import jvp as jvp
from chainrule.transforms import linearize as linearize
from chainrule.transforms import stop_gradient as stop_gradient
from chainrule.transforms import value_and_grad as value_and_grad
from chainrule.transforms import vjp as vjp
from chainrule.transposition import linear_transpose as linear_transpose
from chainrule.unknown import UnknownError as UnknownError
from chainrule.vectorize import all_gather as all_gather
from chainrule.vectorize import axis_index as axis_index
from chainrule.vectorize import per_sample as per_sample
from chainrule.vectorize import pmax as pmax
from chainrule.vectorize import pmean as pmean
from chainrule.vectorize import pmin as pmin
from chainrule.vectorize import psum as psum
from chainrule.vectorize import vmap as vmap
from chainrule.ops.order.sets import UniqueAll
from chainrule.ops.order.sets import UniqueCounts
from chainrule.ops.order.sets import UniqueInverse

__version__: str
__array_api_version__: str

def add(x1: Operand, x2: Operand, /) -> Tensor:
    """x + y."""

def subtract(x1: Operand, x2: Operand, /) -> Tensor:
    """x − y."""

def multiply(x1: Operand, x2: Operand, /) -> Tensor:
    """x · y."""

def divide(x1: Operand, x2: Operand, /) -> Tensor:
    """x / y."""

def floor_divide(x1: Operand, x2: Operand, /) -> Tensor:
    """⌊x / y⌋, the quotient rounded down, also where x or y is infinite."""

def remainder(x1: Operand, x2: Operand, /) -> Tensor:
    """x − y ⌊x / y⌋; the result has the sign of y."""

def pow(x1: Operand, x2: Operand, /) -> Tensor:
    """x to the power y; ∂/∂x = y·x**(y−1), which is 0 for y = 0; ∂/∂y = x**y·log x, which is 0 at x = 0 ≤ y."""

def power(x1: Operand, x2: Operand, /) -> Tensor:
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

def copysign(x1: Operand, x2: Operand, /) -> Tensor:
    """|x| with the sign of y, which −0.0 has too; flat in y, and in x at 0."""

def nextafter(x1: Operand, x2: Operand, /) -> Tensor:
    """The floating-point number next to x on the way to y; but for rounding it is x, and so is the derivative 1."""

def floor(x: Operand, /) -> Tensor:
    """⌊x⌋, the largest integer ≤ x."""

def ceil(x: Operand, /) -> Tensor:
    """⌈x⌉, the smallest integer ≥ x."""

def trunc(x: Operand, /) -> Tensor:
    """x without its fraction."""

def round(x: Operand, /) -> Tensor:
    """The integer nearest to x; halves go to the even one."""

def roots(p: Operand, /) -> Tensor:
    """The complex numbers where the polynomial with coefficients p, the highest power first, is 0."""

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

def logaddexp(x1: Operand, x2: Operand, /) -> Tensor:
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

def hypot(x1: Operand, x2: Operand, /) -> Tensor:
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

def scatter_add(*operands: Operand, index: Any, shape: Any) -> Tensor:
    """Zeros of the given shape, with g added at the index (all of it where that repeats): the transpose of
    gather.
    """

def concat(arrays: Sequence[Operand], /, axis: int | Sequence[int] | None = 0) -> Tensor:
    """The operands one after the other along ``axis``; with ``axis=None`` all their elements in one row."""

def stack(arrays: Sequence[Operand], /, axis: int | Sequence[int] | None = 0) -> Tensor:
    """The operands, of equal shape, side by side along a new ``axis`` of the result."""

def cross(x1: Operand, x2: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """The cross product of vectors of 3 elements along ``axis``; the other axes broadcast."""

def logcumsumexp(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """y[i] = log(exp x[0] + … + exp x[i]) along ``axis`` (the last by default), without overflow."""

def maximum(x1: Operand, x2: Operand, /) -> Tensor:
    """The larger of x and y; a tie shares the gradient, ½ each."""

def minimum(x1: Operand, x2: Operand, /) -> Tensor:
    """The smaller of x and y; a tie shares the gradient, ½ each."""

def where(condition: Operand, x1: Operand, x2: Operand, /) -> Tensor:
    """x1 where the condition holds, else x2. The branch not taken gets no gradient, whatever its value there."""

def equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x = y."""

def not_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x ≠ y."""

def less(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x < y."""

def less_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x ≤ y."""

def greater(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x > y."""

def greater_equal(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x ≥ y."""

def logical_and(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x and y."""

def logical_or(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether x or y."""

def logical_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """Whether either x or y, not both."""

def logical_not(x: Operand, /) -> Tensor:
    """Whether not x."""

def bitwise_and(x1: Operand, x2: Operand, /) -> Tensor:
    """x & y: the bits set in both integers; of booleans, whether x and y."""

def bitwise_or(x1: Operand, x2: Operand, /) -> Tensor:
    """x | y: the bits set in either integer; of booleans, whether x or y."""

def bitwise_xor(x1: Operand, x2: Operand, /) -> Tensor:
    """x ^ y: the bits set in one integer alone; of booleans, whether either, not both."""

def bitwise_invert(x: Operand, /) -> Tensor:
    """~x: every bit of an integer turned over, which is −x − 1; of a boolean, whether not x."""

def bitwise_left_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """x << y: the bits of the integer x moved up by y ≥ 0 places, which is x · 2ʸ while it fits the dtype."""

def bitwise_right_shift(x1: Operand, x2: Operand, /) -> Tensor:
    """x >> y: the bits of the integer x moved down by y ≥ 0 places, which is ⌊x / 2ʸ⌋."""

def signbit(x: Operand, /) -> Tensor:
    """Whether the sign of x is negative; −0.0 has one too, and a NaN may."""

def isnan(x: Operand, /) -> Tensor:
    """Whether x is NaN."""

def isinf(x: Operand, /) -> Tensor:
    """Whether x is an infinity."""

def isfinite(x: Operand, /) -> Tensor:
    """Whether x is neither infinite nor NaN."""

def matmul(x1: Operand, x2: Operand, /) -> Tensor:
    """The matrix product over x's last and y's last-but-one axis; 1-d operands are vectors, further axes a
    batch.
    """

def vector_norm(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    keepdims: builtins.bool = False,
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
    keepdims: builtins.bool = False,
) -> Tensor:
    """Σ |x − mean(x)|² / (n − correction) over the n elements along ``axis`` (all axes by default)."""

def std(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: builtins.bool = False,
) -> Tensor:
    """√(Σ |x − mean(x)|² / (n − correction)) over ``axis``; the derivative is 0 where x is constant."""

def take_along_axis(x: Operand, indices: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """x[…, indices[…, j, …], …]: the elements at integer ``indices`` along ``axis``; other axes broadcast."""

def add_along_axis(g: Operand, indices: Operand, /, axis: int | Sequence[int] | None = -1, *, size: Any) -> Tensor:
    """Zeros of ``size`` along ``axis``, with g added at the integer ``indices``: the transpose of
    take_along_axis.
    """

def nanmax(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The largest element along ``axis`` that is no NaN; equal ones share the gradient."""

def nanmin(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The smallest element along ``axis`` that is no NaN; equal ones share the gradient."""

def nanargmax(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The place of the first largest element that is not NaN along ``axis`` (default: of all)."""

def nanargmin(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The place of the first smallest element that is not NaN along ``axis`` (default: of all)."""

def cummax(x: Operand, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """y[i] = the largest of x[0], …, x[i] along ``axis`` (implied for 1-d x); ties share the gradient."""

def cummin(x: Operand, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """y[i] = the smallest of x[0], …, x[i] along ``axis`` (implied for 1-d x); ties share the gradient."""

def isin(x: Operand, elements: Operand, /, invert: Any = False) -> Tensor:
    """Whether each element of x is among ``elements``, or is not, with ``invert=True``."""

def argsort(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = -1,
    descending: Any = False,
    stable: Any = True,
) -> Tensor:
    """The positions along ``axis`` of the elements in ascending order; equal ones keep theirs if ``stable``."""

def ranks(x: Operand, /, axis: int | Sequence[int] | None = -1, descending: Any = False) -> Tensor:
    """The place along ``axis`` that each element has in ascending order, from 0: the inverse of argsort."""

def sort(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = -1,
    descending: Any = False,
    stable: Any = True,
) -> Tensor:
    """The elements in ascending order along ``axis``; k equal ones share the gradient of their k places."""

def partition(x: Operand, /, kth: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """x rearranged along ``axis`` so that rank ``kth`` is in its place, smaller elements before, larger behind."""

def argpartition(x: Operand, /, kth: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """Positions along ``axis`` so that the one of rank ``kth`` is in its place, smaller before, larger behind."""

def arg_top_k(x: Operand, /, k: int, axis: int | Sequence[int] | None = -1, largest: Any = True) -> Tensor:
    """The positions of the k largest elements along ``axis``, in descending order; of equal ones the first ones."""

def conj(x: Operand, /) -> Tensor:
    """x with its imaginary part negated."""

def real(x: Operand, /) -> Tensor:
    """The real part of x."""

def imag(x: Operand, /) -> Tensor:
    """The imaginary part of x."""

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
    keepdims: builtins.bool = False,
) -> Tensor:
    """Σ x over ``axis`` (all axes by default); small integers and booleans are summed as int64 or uint64."""

def mean(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Σ x / n over the n elements along ``axis`` (all axes by default); NaN when there are none."""

def prod(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Π x over ``axis`` (all axes by default); ∂/∂xᵢ is the product of the others, exact at zeros."""

def max(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The largest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each."""

def min(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The smallest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each."""

def all(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Whether all elements along ``axis`` (all axes by default) are true, that is nonzero; true of none."""

def any(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Whether any element along ``axis`` (all axes by default) is true, that is nonzero; false of none."""

def count_nonzero(
    x: Operand,
    /,
    axis: int | Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The number of nonzero elements along ``axis`` (all axes by default)."""

def argmax(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The position of the first largest element, or NaN, along ``axis`` (by default in the flattened x)."""

def argmin(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The position of the first smallest element, or NaN, along ``axis`` (by default in the flattened x)."""

def deg2rad(x: Operand, /) -> Tensor:
    """x · π/180: degrees as radians."""

def radians(x: Operand, /) -> Tensor:
    """x · π/180: degrees as radians."""

def rad2deg(x: Operand, /) -> Tensor:
    """x · 180/π: radians as degrees."""

def degrees(x: Operand, /) -> Tensor:
    """x · 180/π: radians as degrees."""

def ldexp(x: Operand, n: Operand, /) -> Tensor:
    """x · 2ⁿ for integers n."""

def fix(x: Operand, /) -> Tensor:
    """x without its fraction: rounded towards 0; the derivative is 0."""

def heaviside(x: Operand, h: Operand, /) -> Tensor:
    """0 for x < 0, 1 for x > 0, and h at 0; the derivative in x is 0."""

def gcd(x1: Operand, x2: Operand, /) -> Tensor:
    """The greatest common divisor of integers."""

def lcm(x1: Operand, x2: Operand, /) -> Tensor:
    """The least common multiple of integers."""

def fmax(x: Operand, y: Operand, less: Operand, /) -> Tensor:
    """The larger of x and y, and of a number and NaN the number; a tie shares the gradient, ½ each."""

def fmin(x: Operand, y: Operand, less: Operand, /) -> Tensor:
    """The smaller of x and y, and of a number and NaN the number; a tie shares the gradient, ½ each."""

def cumsum(x: Operand, /, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """y[i] = x[0] + … + x[i] along ``axis``, which may be left out for 1-d x; integers are summed in 64 bits."""

def linear_recurrence(
    x: Operand,
    a: Operand,
    /,
    axis: int | Sequence[int] | None = -1,
    reverse: builtins.bool = False,
) -> Tensor:
    """y[i] = x[i] + a[i] · y[i−1] along ``axis``, where y[−1] is 0, from the last element back with ``reverse``."""

def cumprod(x: Operand, /, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """y[i] = x[0] · … · x[i] along ``axis``, which may be left out for 1-d x; the derivative is exact at zeros."""

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

def convolve(a: Operand, v: Operand, /, mode: str = "full") -> Tensor:
    """out[k] = Σ a[i] · v[k − i] over all i where both are."""

def logsumexp(x: Operand, /, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """log Σ eˣ over ``axis`` (all axes by default), without overflow; the derivative is softmax(x)."""

def softmax(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """eˣ / Σ eˣ over ``axis`` (the last by default), without overflow; 0 where all of x along it is −∞."""

def log_softmax(x: Operand, /, axis: int | Sequence[int] | None = -1) -> Tensor:
    """x − log Σ eˣ over ``axis`` (the last by default), exact where softmax(x) underflows."""

def cbrt(x: Operand, /) -> Tensor:
    """The real cube root of x, negative for negative x; its slope at 0 is ∞."""

def sinc(x: Operand, /) -> Tensor:
    """sin(πx)/(πx), which is 1 at 0, where its second derivative is −π²/3."""

def polyval(p: Any, x: Operand) -> Tensor:
    """Σ p[i] xⁿ⁻¹⁻ⁱ: the polynomial with coefficients p, the highest power first, at x."""

def polyder(p: Any, m: int = 1) -> Tensor:
    """The coefficients of the m-th derivative of a polynomial."""

def polyint(p: Any, m: int = 1, k: int | None = None) -> Tensor:
    """The coefficients of the m-th antiderivative of a polynomial, with constants of integration k (0 by
    default).
    """

def polyadd(p: Any, q: Any) -> Tensor:
    """The coefficients of the sum of two polynomials."""

def polysub(p: Any, q: Any) -> Tensor:
    """The coefficients of the difference of two polynomials."""

def polymul(p: Any, q: Any) -> Tensor:
    """The coefficients of the product of two polynomials."""

def vander(x: Operand, N: int | None = None, increasing: builtins.bool = False) -> Tensor:
    """The matrix of powers x[i]ᴺ⁻¹⁻ʲ, or x[i]ʲ with ``increasing``; as many columns as rows by default."""

def diff(x: Operand, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Tensor:
    """x[i+1] − x[i] along ``axis``, taken n times; ``prepend`` and ``append`` are joined to x first."""

def ediff1d(x: Operand, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """The differences of successive elements of the flattened x, between ``to_begin`` and ``to_end``."""

def gradient(f: Any, *varargs: Any, axis: int | Sequence[int] | None = None, edge_order: int = 1) -> Tensor:
    """∂f/∂x of sampled values f: second-order differences inside, one-sided ones of ``edge_order`` at the ends."""

def trapezoid(y: Operand, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """∫ y dx along ``axis`` by the trapezoidal rule, for coordinates x or a distance dx."""

def cumulative_trapezoid(
    y: Operand,
    x: Any = None,
    dx: Any = 1.0,
    axis: int = -1,
    initial: float | None = None,
) -> Tensor:
    """The running ∫ y dx along ``axis`` by the trapezoidal rule, one shorter than y, or from 0 with
    ``initial=0``.
    """

def simpson(y: Operand, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """∫ y dx along ``axis`` by Simpson's rule, for coordinates x or a distance dx."""

def einsum(subscripts: str, *operands: Operand, optimize: Any = True) -> Tensor:
    """Einstein summation: a product of operands, summed over every letter that the output does not have."""

def getitem(x: Operand, index: Any) -> Tensor:
    """x[index]: integers, slices, None, ..., integer arrays and boolean masks, as in NumPy."""

def setitem(x: Operand, index: Any, value: Operand) -> Tensor:
    """x with ``value`` written at the index, as a new Tensor; ``x[index] = value`` rebinds x to it."""

def take(x: Operand, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
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

def meshgrid(*arrays: Operand, indexing: str = "xy") -> tuple[Tensor, ...]:
    """The coordinates of the grid that vectors span: one array each, constant along the others' axes."""

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

def norm(
    x: Operand,
    ord: Any = None,
    axis: int | Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """√Σ|x|² over ``axis`` (all axes by default), or by ``ord`` another norm, as ``numpy.linalg.norm`` has them."""

def put_along_axis(x: Operand, indices: Any, values: Any, axis: int = -1) -> Tensor:
    """x with ``values`` written at integer ``indices`` along ``axis``, as a new Tensor."""

def add_at(x: Operand, index: Any, values: Any) -> Tensor:
    """x with ``values`` added at the index (all of them where it repeats), as a new Tensor; index as in
    x[index].
    """

def choose(index: Any, choices: Any, mode: str = "raise") -> Tensor:
    """choices[index[i]][i]: of several arrays the element that an integer index names; all broadcast."""

def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """The element of the choice whose condition is the first to hold; ``default`` where none does."""

def piecewise(x: Operand, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Tensor:
    """f(x) by the function whose condition holds, in x's dtype; a function too many is for where none does."""

def nansum(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Σ x over the elements along ``axis`` (all axes by default) that are not NaN."""

def nanprod(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Π x over the elements along ``axis`` (all axes by default) that are not NaN."""

def nancumsum(x: Operand, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """The running sum along ``axis`` (of the flattened x by default), with 0 in place of NaN."""

def nancumprod(x: Operand, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Tensor:
    """The running product along ``axis`` (of the flattened x by default), with 1 in place of NaN."""

def nanmean(x: Operand, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The mean of the elements along ``axis`` (all axes by default) that are not NaN; NaN where there are none."""

def nanvar(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Σ |x − mean|² / (n − correction) over the n elements along ``axis`` that are not NaN; NaN if n ≤
    correction.
    """

def nanstd(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: builtins.bool = False,
) -> Tensor:
    """√nanvar: the spread of the elements along ``axis`` that are not NaN; the derivative of constants is 0."""

def median(x: Operand, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The middle element along ``axis`` (all axes by default), or the mean of the middle two."""

def nanmedian(x: Operand, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The middle of the elements that are not NaN along ``axis`` (all axes by default), or the mean of two."""

def quantile(
    x: Operand,
    q: Any,
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    keepdims: builtins.bool = False,
) -> Tensor:
    """The value that a share q, 0 to 1, of the elements along ``axis`` does not exceed."""

def percentile(
    x: Operand,
    q: Any,
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    keepdims: builtins.bool = False,
) -> Tensor:
    """The value that a share q, 0 to 100, of the elements along ``axis`` does not exceed."""

def nanquantile(
    x: Operand,
    q: Any,
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    keepdims: builtins.bool = False,
) -> Tensor:
    """The value that a share q, 0 to 1, of the elements that are not NaN along ``axis`` does not exceed."""

def nanpercentile(
    x: Operand,
    q: Any,
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    keepdims: builtins.bool = False,
) -> Tensor:
    """The value that a share q, 0 to 100, of the elements that are not NaN along ``axis`` does not exceed."""

def cumulative_sum(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    include_initial: builtins.bool = False,
) -> Tensor:
    """y[i] = x[0] + … + x[i] along ``axis`` (implied for 1-d x), after a 0 with ``include_initial``."""

def cumulative_prod(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    dtype: Any = None,
    include_initial: builtins.bool = False,
) -> Tensor:
    """y[i] = x[0] · … · x[i] along ``axis`` (implied for 1-d x), after a 1 with ``include_initial``."""

def searchsorted(x1: Operand, x2: Operand, side: str = "left", sorter: Any = None) -> Tensor:
    """The places where the elements of x2 would go in the ascending x1: before equal ones, or behind ('right')."""

def digitize(x: Operand, bins: Any, right: builtins.bool = False) -> Tensor:
    """The number of the bin, 0 to len(bins), that each element of x is in; bins[i−1] ≤ x < bins[i] for bin i."""

def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """out[k] = Σ data[i] over the i whose segment_ids[i] is k; segments lie along axis 0."""

def segment_mean(data: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """out[k] = the mean of the data[i] whose segment_ids[i] is k, NaN where there is none."""

def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """out[k] = the largest of the data[i] whose segment_ids[i] is k; equal ones share the gradient."""

def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """out[k] = the smallest of the data[i] whose segment_ids[i] is k; equal ones share the gradient."""

def bincount(x: Operand, weights: Any = None, minlength: int = 0) -> Tensor:
    """out[k] = how often the integer k is in x, or Σ of the weights there; at least ``minlength`` numbers."""

def histogram_bin_edges(x: Operand, bins: Any = 10, range: Any = None) -> Tensor:
    """The edges of ``bins`` bins over the range of x, or of as many as a rule of NumPy's says, such as 'auto'."""

def histogram(
    x: Operand,
    bins: Any = 10,
    range: Any = None,
    density: builtins.bool | None = None,
    weights: Any = None,
) -> Tensor:
    """How many elements of x, or what sum of their weights, fall into each of ``bins`` bins; and the edges."""

def nonzero(x: Operand) -> Tensor:
    """The positions of the nonzero elements, an array of indices for each axis."""

def flatnonzero(x: Operand) -> Tensor:
    """The positions of the nonzero elements in the flattened x."""

def argwhere(x: Operand) -> Tensor:
    """The positions of the nonzero elements, a row of indices for each."""

def extract(condition: Operand, x: Operand) -> Tensor:
    """The elements of the flattened x where the condition holds."""

def compress(condition: Operand, x: Operand, axis: int | None = None) -> Tensor:
    """The slices of x along ``axis`` (the elements of the flattened x by default) where the 1-d condition holds."""

def unique_values(x: Operand) -> Tensor:
    """The distinct elements in ascending order, each NaN one of its own; equal ones share the gradient."""

def unique_counts(x: Operand) -> UniqueCounts:
    """The distinct elements in ascending order, and how many of each there are."""

def unique_inverse(x: Operand) -> UniqueInverse:
    """The distinct elements in ascending order, and for each element of x the place of its value among them."""

def unique_all(x: Operand) -> UniqueAll:
    """The distinct elements with the place of the first of each, their inverse and their counts."""

def unique(
    x: Operand,
    return_index: builtins.bool = False,
    return_inverse: builtins.bool = False,
    return_counts: builtins.bool = False,
    axis: int | None = None,
    *,
    equal_nan: builtins.bool = True,
    sorted: builtins.bool = True,
) -> Tensor:
    """The distinct elements (or slices along ``axis``) in ascending order, and what the flags ask for."""

def top_k(x: Operand, k: int, axis: int = -1, largest: builtins.bool = True) -> Tensor:
    """The k largest elements along ``axis`` in descending order, and their positions; ties share the gradient."""

def astype(x: Operand, dtype: Any, *, copy: builtins.bool = True, device: Any = None) -> Tensor:
    """x in another dtype; the gradient comes back in x's own. Complex numbers are not cut off: see ``real``."""

def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Tensor:
    """x with ``pad_width`` more elements at the ends: one number, (before, after), or a pair for each axis."""

def diag(x: Operand, k: int = 0) -> Tensor:
    """Of a vector: the matrix with it as diagonal ``k``; of a matrix: its diagonal ``k``."""

def modf(x: Operand) -> Tensor:
    """The fraction of x and its whole part, both with the sign of x."""

def frexp(x: Operand) -> Tensor:
    """The m and e of x = m · 2ᵉ with ½ ≤ |m| < 1; the derivative of m is 2⁻ᵉ."""

def nan_to_num(x: Operand, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """x with numbers in place of NaN and infinities, by default 0 and the largest finite ones."""

def lerp(x: Operand, y: Operand, weight: Any) -> Tensor:
    """x + weight · (y − x): x at weight 0, y at 1."""

def isclose(
    x: Operand,
    y: Operand,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: builtins.bool = False,
) -> Tensor:
    """Whether |x − y| ≤ atol + rtol · |y|, element by element; NaN is close to NaN only if ``equal_nan``."""

def allclose(x: Operand, y: Operand, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> Tensor:
    """Whether |x − y| ≤ atol + rtol · |y| for all elements."""

def array_equal(x: Operand, y: Operand, equal_nan: builtins.bool = False) -> Tensor:
    """Whether x and y have one shape and equal elements."""

def reshape(x: Operand, shape: Any, copy: builtins.bool | None = None) -> Tensor:
    """x's elements, in order, in another shape; one size may be -1. ``copy=False`` fails where it would copy."""

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

def correlate(a: Any, v: Any, mode: str = "valid") -> Tensor:
    """out[k] = Σ a[i + k] · conj(v[i]), by default where they overlap fully; modes as in convolve."""

def interp(x: Operand, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Tensor:
    """The function through the points (xp, fp), linear between them, at x; ``left`` and ``right`` lie beyond."""

def unwrap(x: Operand, discont: Any = None, axis: int = -1, *, period: float = 6.283185307179586) -> Tensor:
    """x with whole periods added along ``axis`` so that neighbours differ by no more than half a period."""

def average(
    x: Operand,
    axis: int | Sequence[int] | None = None,
    weights: Any = None,
    returned: builtins.bool = False,
    *,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Σ w x / Σ w over ``axis`` (all axes by default), differentiable in both; with ``returned`` also Σ w."""

def ptp(x: Operand, axis: int | Sequence[int] | None = None, keepdims: builtins.bool = False) -> Tensor:
    """The largest element less the smallest along ``axis`` (all axes by default); ties share the gradient."""

def cov(
    m: Any,
    y: Any = None,
    rowvar: builtins.bool = True,
    bias: builtins.bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Tensor:
    """Σ w (xᵢ − x̄ᵢ) conj(xⱼ − x̄ⱼ) / (n − ddof) over the observations of the variables i and j, rows by
    default.
    """

def corrcoef(x: Operand, y: Any = None, rowvar: builtins.bool = True) -> Tensor:
    """The covariances of variables, rows by default, in units of their standard deviations."""

def fliplr(x: Operand) -> Tensor:
    """x with its columns (axis 1) in reverse order."""

def flipud(x: Operand) -> Tensor:
    """x with its rows (axis 0) in reverse order."""

def rot90(x: Operand, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """x turned k times by 90° in the plane of two axes, from the first towards the second."""

def tril_indices(n: int, k: int = 0, m: int | None = None) -> Tensor:
    """The rows and columns of the elements of an n × m matrix on and below its k-th diagonal."""

def triu_indices(n: int, k: int = 0, m: int | None = None) -> Tensor:
    """The rows and columns of the elements of an n × m matrix on and above its k-th diagonal."""

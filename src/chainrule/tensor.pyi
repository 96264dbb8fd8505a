# Written by tools/stubs.py from the source and the registry; change those and run it again.

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from chainrule.box import Box
from chainrule.graph.graph import Graph
from chainrule.node import Node, Watch
from chainrule.spec import Spec

Operand: TypeAlias = Box | ArrayLike

class Removable:
    """What ``register_hook`` returns; ``remove()`` takes the hook away again (once is enough)."""

    def __init__(self, hooks: dict[int, Any], key: int) -> None: ...
    def remove(self) -> None: ...

class Tensor(Box):
    """An array that remembers how it was computed."""

    __array_priority__: float
    @property
    def _source(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""

    @property
    def ndim(self) -> int:
        """The number of axes."""

    @property
    def size(self) -> int:
        """The number of elements."""

    @property
    def device(self) -> str:
        """Where the value lives: always ``"cpu"``."""

    def to_device(self, device: Any, /, *, stream: Any = None) -> Self:
        """This Tensor on ``device``: there is one, ``"cpu"``, and it has no streams."""

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """The functions that the array API standard has for this array: the package ``chainrule``."""

    @property
    def spec(self) -> Spec:
        """Shape and dtype together."""

    @property
    def is_symbolic(self) -> bool:
        """Whether there is a graph but no value yet."""

    def _known(self, function: str) -> Any:
        """The value, or the error that says where this became symbolic."""

    def _release(self, function: str) -> Any:
        """The value, for leaving the graph: only when no gradient is at stake."""

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this are recorded, so that a gradient may be asked of it."""

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None: ...
    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for the gradient of this leaf (or no longer); returns the Tensor itself."""

    @property
    def is_leaf(self) -> bool:
        """Whether this was made by the user rather than by a recorded operation."""

    @property
    def grad(self) -> Self | None:
        """The gradient accumulated so far, or None."""

    @grad.setter
    def grad(self, g: Any) -> None: ...
    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this, or None for a leaf."""

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Any] | None = None,
        per_sample: int | None = None,
    ) -> None:
        """Accumulate ∂self/∂leaf into ``leaf.grad`` for every leaf this depends on (or for ``inputs``)."""

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this result too, not only of leaves."""

    def register_hook(self, hook: Callable[[Any], Any]) -> Removable:
        """Call ``hook(gradient)`` whenever the gradient of this is computed; what it returns replaces the gradient."""

    def _watch(self, function: str) -> Watch: ...
    def detach(self) -> Self:
        """The same value outside the graph: no gradient flows through it."""

    def clone(self) -> Self:
        """This value as a result of its own; the gradient passes through."""

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as a read-only array; refuses while a gradient is at stake."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]: ...
    def item(self) -> Any:
        """The one element as a Python number."""

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""

    def _number(self, function: str) -> Any: ...
    def __float__(self) -> float: ...
    def __int__(self) -> int: ...
    def __complex__(self) -> complex: ...
    def __bool__(self) -> bool: ...
    def __index__(self) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Self]: ...
    def __contains__(self, item: Any) -> bool: ...
    def __format__(self, spec: str) -> str: ...
    def _rebind(self, value: Any, node: Node | None) -> None:
        """Give this Tensor a new value; the only place where a Tensor changes."""

    def _assign(self, function: str, result: Any) -> Self:
        """The in-place spelling: this Tensor takes over a result, keeping its own shape and dtype."""

    def zero_(self) -> Self:
        """Set every element to zero, in place."""

    def fill_(self, value: Any) -> Self:
        """Set every element to ``value``, in place."""

    def copy_(self, source: Any) -> Self:
        """Take over the elements of ``source``, broadcast to this shape, in place."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any]) -> Self: ...
    def _twin(self) -> Self: ...
    def __reduce__(self) -> Any: ...
    def __getitem__(self, index: Any) -> Self: ...
    def __setitem__(self, index: Any, value: Any) -> None: ...
    def __divmod__(self, other: Any) -> tuple[Self, Self]: ...
    def __rdivmod__(self, other: Any) -> tuple[Self, Self]: ...
    @property
    def T(self) -> Self:
        """The axes in reverse order."""

    @property
    def mT(self) -> Self:
        """The last two axes exchanged."""

    @property
    def real(self) -> Self:
        """The real part."""

    @property
    def imag(self) -> Self:
        """The imaginary part."""

    def reshape(self, *shape: Any) -> Self:
        """These elements in another shape: ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order, reversed by default."""

    def __repr__(self) -> str: ...
    def __add__(self, other: Operand, /) -> Self: ...
    def __radd__(self, other: Operand, /) -> Self: ...
    def __iadd__(self, other: Operand, /) -> Self: ...
    def __sub__(self, other: Operand, /) -> Self: ...
    def __rsub__(self, other: Operand, /) -> Self: ...
    def __isub__(self, other: Operand, /) -> Self: ...
    def __mul__(self, other: Operand, /) -> Self: ...
    def __rmul__(self, other: Operand, /) -> Self: ...
    def __imul__(self, other: Operand, /) -> Self: ...
    def __truediv__(self, other: Operand, /) -> Self: ...
    def __rtruediv__(self, other: Operand, /) -> Self: ...
    def __itruediv__(self, other: Operand, /) -> Self: ...
    def __floordiv__(self, other: Operand, /) -> Self: ...
    def __rfloordiv__(self, other: Operand, /) -> Self: ...
    def __ifloordiv__(self, other: Operand, /) -> Self: ...
    def __mod__(self, other: Operand, /) -> Self: ...
    def __rmod__(self, other: Operand, /) -> Self: ...
    def __imod__(self, other: Operand, /) -> Self: ...
    def __pow__(self, other: Operand, /) -> Self: ...
    def __rpow__(self, other: Operand, /) -> Self: ...
    def __ipow__(self, other: Operand, /) -> Self: ...
    def __matmul__(self, other: Operand, /) -> Self: ...
    def __rmatmul__(self, other: Operand, /) -> Self: ...
    def __imatmul__(self, other: Operand, /) -> Self: ...
    def __and__(self, other: Operand, /) -> Self: ...
    def __rand__(self, other: Operand, /) -> Self: ...
    def __iand__(self, other: Operand, /) -> Self: ...
    def __or__(self, other: Operand, /) -> Self: ...
    def __ror__(self, other: Operand, /) -> Self: ...
    def __ior__(self, other: Operand, /) -> Self: ...
    def __xor__(self, other: Operand, /) -> Self: ...
    def __rxor__(self, other: Operand, /) -> Self: ...
    def __ixor__(self, other: Operand, /) -> Self: ...
    def __lshift__(self, other: Operand, /) -> Self: ...
    def __rlshift__(self, other: Operand, /) -> Self: ...
    def __ilshift__(self, other: Operand, /) -> Self: ...
    def __rshift__(self, other: Operand, /) -> Self: ...
    def __rrshift__(self, other: Operand, /) -> Self: ...
    def __irshift__(self, other: Operand, /) -> Self: ...
    def __eq__(self, other: object, /) -> Self: ...
    def __ne__(self, other: object, /) -> Self: ...
    def __lt__(self, other: object, /) -> Self: ...
    def __le__(self, other: object, /) -> Self: ...
    def __gt__(self, other: object, /) -> Self: ...
    def __ge__(self, other: object, /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __pos__(self) -> Self: ...
    def __abs__(self) -> Self: ...
    def __invert__(self) -> Self: ...
    def __hash__(self) -> int: ...
    def reciprocal(self) -> Self:
        """1 / x."""

    def square(self) -> Self:
        """x²."""

    def abs(self) -> Self:
        """|x|; the derivative at 0 is 0."""

    def sign(self) -> Self:
        """−1, 0 or 1 by the sign of x, z/|z| for complex z; the derivative is 0."""

    def floor(self) -> Self:
        """⌊x⌋, the largest integer ≤ x."""

    def ceil(self) -> Self:
        """⌈x⌉, the smallest integer ≥ x."""

    def trunc(self) -> Self:
        """x without its fraction."""

    def round(self) -> Self:
        """The integer nearest to x; halves go to the even one."""

    def sqrt(self) -> Self:
        """√x."""

    def exp(self) -> Self:
        """eˣ."""

    def exp2(self) -> Self:
        """2ˣ."""

    def expm1(self) -> Self:
        """eˣ − 1, exact for small x."""

    def log(self) -> Self:
        """The natural logarithm of x."""

    def log1p(self) -> Self:
        """log(1 + x), exact for small x."""

    def log2(self) -> Self:
        """The logarithm of x to base 2."""

    def log10(self) -> Self:
        """The logarithm of x to base 10."""

    def logaddexp(self, x2: Operand, /) -> Self:
        """log(eˣ + eʸ), without overflow."""

    def sin(self) -> Self:
        """sin x, x in radians."""

    def cos(self) -> Self:
        """cos x, x in radians."""

    def tan(self) -> Self:
        """tan x, x in radians."""

    def asin(self) -> Self:
        """The angle in [−π/2, π/2] whose sine is x."""

    def acos(self) -> Self:
        """The angle in [0, π] whose cosine is x."""

    def atan(self) -> Self:
        """The angle in (−π/2, π/2) whose tangent is x."""

    def atan2(self, x: Operand, /) -> Self:
        """The angle of the point (x, y) = (second, first operand), in (−π, π]; both partials are 0 at the origin."""

    def hypot(self, x2: Operand, /) -> Self:
        """√(x² + y²), without overflow; both partials are 0 at the origin."""

    def sinh(self) -> Self:
        """sinh x = (eˣ − e⁻ˣ)/2."""

    def cosh(self) -> Self:
        """cosh x = (eˣ + e⁻ˣ)/2."""

    def tanh(self) -> Self:
        """tanh x = sinh x / cosh x."""

    def asinh(self) -> Self:
        """The number whose hyperbolic sine is x."""

    def acosh(self) -> Self:
        """The number ≥ 0 whose hyperbolic cosine is x."""

    def atanh(self) -> Self:
        """The number whose hyperbolic tangent is x."""

    def sigmoid(self) -> Self:
        """1 / (1 + e⁻ˣ), without overflow."""

    def relu(self) -> Self:
        """max(x, 0); the derivative at 0 is 0."""

    def logcumsumexp(self, axis: int | Sequence[int] | None = -1) -> Self:
        """y[i] = log(exp x[0] + … + exp x[i]) along ``axis`` (the last by default), without overflow."""

    def maximum(self, x2: Operand, /) -> Self:
        """The larger of x and y; a tie shares the gradient, ½ each."""

    def minimum(self, x2: Operand, /) -> Self:
        """The smaller of x and y; a tie shares the gradient, ½ each."""

    def isnan(self) -> Self:
        """Whether x is NaN."""

    def isinf(self) -> Self:
        """Whether x is an infinity."""

    def isfinite(self) -> Self:
        """Whether x is neither infinite nor NaN."""

    def matmul(self, x2: Operand, /) -> Self:
        """The matrix product over x's last and y's last-but-one axis; 1-d operands are vectors, further axes a
        batch.
        """

    def vector_norm(self, axis: int | Sequence[int] | None = None, keepdims: bool = False, ord: Any = 2) -> Self:
        """(Σ |x|ᵖ)^(1/p) over ``axis`` (all axes by default), p = ord; ∞ is the largest |x|, 0 counts the nonzero."""

    def var(self, axis: int | Sequence[int] | None = None, correction: float = 0.0, keepdims: bool = False) -> Self:
        """Σ |x − mean(x)|² / (n − correction) over the n elements along ``axis`` (all axes by default)."""

    def std(self, axis: int | Sequence[int] | None = None, correction: float = 0.0, keepdims: bool = False) -> Self:
        """√(Σ |x − mean(x)|² / (n − correction)) over ``axis``; the derivative is 0 where x is constant."""

    def nanmax(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The largest element along ``axis`` that is no NaN; equal ones share the gradient."""

    def nanmin(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The smallest element along ``axis`` that is no NaN; equal ones share the gradient."""

    def argsort(self, axis: int | Sequence[int] | None = -1, descending: Any = False, stable: Any = True) -> Self:
        """The positions along ``axis`` of the elements in ascending order; equal ones keep theirs if ``stable``."""

    def sort(self, axis: int | Sequence[int] | None = -1, descending: Any = False, stable: Any = True) -> Self:
        """The elements in ascending order along ``axis``; k equal ones share the gradient of their k places."""

    def conj(self) -> Self:
        """x with its imaginary part negated."""

    def astype(self, dtype: Any) -> Self:
        """x in another dtype; the gradient comes back in x's own."""

    def flip(self, axis: int | Sequence[int] | None = None) -> Self:
        """x in reverse order along ``axis`` (all axes by default)."""

    def roll(self, shift: Any, axis: int | Sequence[int] | None = None) -> Self:
        """x shifted along ``axis`` (of the flattened x by default); what falls off one end comes in at the other."""

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Self:
        """The diagonal of x in the plane of two axes, as the last axis; ``offset`` counts to the right of the main
        one.
        """

    def tril(self, k: int = 0) -> Self:
        """x with zeros above diagonal ``k`` of its last two axes."""

    def triu(self, k: int = 0) -> Self:
        """x with zeros below diagonal ``k`` of its last two axes."""

    def sum(self, axis: int | Sequence[int] | None = None, dtype: Any = None, keepdims: bool = False) -> Self:
        """Σ x over ``axis`` (all axes by default); small integers and booleans are summed as int64 or uint64."""

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """Σ x / n over the n elements along ``axis`` (all axes by default); NaN when there are none."""

    def prod(self, axis: int | Sequence[int] | None = None, dtype: Any = None, keepdims: bool = False) -> Self:
        """Π x over ``axis`` (all axes by default); ∂/∂xᵢ is the product of the others, exact at zeros."""

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The largest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each."""

    def min(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The smallest element along ``axis`` (all axes by default); k equal ones share the gradient, 1/k each."""

    def all(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """Whether all elements along ``axis`` (all axes by default) are true, that is nonzero; true of none."""

    def any(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """Whether any element along ``axis`` (all axes by default) is true, that is nonzero; false of none."""

    def count_nonzero(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The number of nonzero elements along ``axis`` (all axes by default)."""

    def argmax(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The position of the first largest element, or NaN, along ``axis`` (by default in the flattened x)."""

    def argmin(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The position of the first smallest element, or NaN, along ``axis`` (by default in the flattened x)."""

    def cumsum(self, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Self:
        """y[i] = x[0] + … + x[i] along ``axis``, which may be left out for 1-d x; integers are summed in 64 bits."""

    def cumprod(self, axis: int | Sequence[int] | None = None, dtype: Any = None) -> Self:
        """y[i] = x[0] · … · x[i] along ``axis``, which may be left out for 1-d x; the derivative is exact at zeros."""

    def broadcast_to(self, shape: Any) -> Self:
        """x repeated along new axes, and axes of size 1, to the given shape."""

    def matrix_transpose(self) -> Self:
        """x with its last two axes exchanged."""

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Self:
        """x without the axes ``axis``, which have size 1 (by default every such axis)."""

    def logsumexp(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """log Σ eˣ over ``axis`` (all axes by default), without overflow; the derivative is softmax(x)."""

    def softmax(self, axis: int | Sequence[int] | None = -1) -> Self:
        """eˣ / Σ eˣ over ``axis`` (the last by default), without overflow; 0 where all of x along it is −∞."""

    def log_softmax(self, axis: int | Sequence[int] | None = -1) -> Self:
        """x − log Σ eˣ over ``axis`` (the last by default), exact where softmax(x) underflows."""

    def xlogy(self, x2: Operand, /) -> Self:
        """x log y, 0 where x is 0, for real and complex numbers; both derivatives are 0 at (0, 0)."""

    def logit(self) -> Self:
        """log(x/(1 − x)) for 0 ≤ x ≤ 1, the inverse of expit."""

    def erf(self) -> Self:
        """erf x = 2/√π ∫₀ˣ e^(−t²) dt, for real and complex x."""

    def erfc(self) -> Self:
        """1 − erf x, exact for large x; for real and complex x."""

    def erfinv(self) -> Self:
        """The y with erf y = x, for −1 ≤ x ≤ 1; infinite with an infinite slope at the ends."""

    def lgamma(self) -> Self:
        """log |Γ(x)| of real x, without overflow; the derivative is ψ(x)."""

    def digamma(self) -> Self:
        """ψ(x) = Γ′(x)/Γ(x), for real and complex x."""

    def sinc(self) -> Self:
        """sin(πx)/(πx), which is 1 at 0, where its second derivative is −π²/3."""

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Self:
        """The elements of x at integer ``indices`` along ``axis`` (of the flattened x by default)."""

    def repeat(self, repeats: Any, axis: int | Sequence[int] | None = None) -> Self:
        """Each element of x repeated along ``axis`` (of the flattened x by default): as often as ``repeats`` says."""

    def clip(self, min: Any = None, max: Any = None) -> Self:
        """x limited to [min, max]; at a bound the derivative is ½."""

    def outer(self, y: Operand) -> Self:
        """out[i, j] = x[i] · y[j], of the flattened operands."""

    def dot(self, y: Operand) -> Self:
        """NumPy's dot: the sum over x's last and y's last-but-one axis, or a product with a number."""

    def inner(self, y: Operand) -> Self:
        """The sum over the last axes of both, without conjugation; or a product with a number."""

    def norm(self, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """√Σ|x|² over ``axis`` (all axes by default), or by ``ord`` another norm, as ``numpy.linalg.norm`` has them."""

    def median(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Self:
        """The middle element along ``axis`` (all axes by default), or the mean of the middle two."""

    def diag(self, k: int = 0) -> Self:
        """Of a vector: the matrix with it as diagonal ``k``; of a matrix: its diagonal ``k``."""

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Self:
        """Σᵢ xᵢᵢ, the sum of a diagonal of x."""

    def moveaxis(self, source: Any, destination: Any) -> Self:
        """x with the axes ``source`` moved to the places ``destination``; the others keep their order."""

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """x with two axes exchanged."""

    def flatten(self, start_axis: int = 0, end_axis: int = -1) -> Self:
        """x with its axes from ``start_axis`` to ``end_axis`` (by default all) made one."""

    def ravel(self) -> Self:
        """The elements of x in order, along one axis."""

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Any = None,
        dl_device: Any = None,
        copy: Any = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any: ...
    def __array_function__(self, function: Any, types: Iterable[type], args: Any, kwargs: dict[str, Any]) -> Any: ...
    def eval(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Tensor:
        """The value of this symbolic Tensor, given values by name, or as a dict from symbols (or names)."""

    def _repr_latex_(self) -> str | None:
        """What a notebook shows of a symbolic Tensor: its mathematics. None, which lets it be printed, of any other."""

    def graph(self) -> Graph:
        """The graph behind this Tensor, symbolic or recorded; print it to read it."""

    def get_value(self) -> Tensor:
        """The value that this state has now."""

    def set_value(self, value: Any) -> None:
        """Give this state another value, of its own shape."""

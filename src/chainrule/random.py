"""Random Tensors of a seed, differentiable in their location and scale, the same whether they are compiled or not.

Every function of this module draws from one stream, behind a lock, so that threads may share it; a
:class:`Generator` of one's own has the same methods. ``normal(loc, scale)`` and its like are *reparameterised*: noise
without parameters is drawn, then stretched and moved, so that gradients flow to ``loc`` and ``scale``
(Kingma and Welling, Auto-Encoding Variational Bayes, 2013, section 2.4).

Numbers are functions of the seed and of how many were drawn before (Philox 4×64-10; see :mod:`chainrule.stream`). So a
function that :func:`jit` compiles draws new ones at each call, those that it would draw if it were not compiled: the
same bits, and where they go through logarithms and their like, the same to rounding. A choice between branches takes
what all of them draw. The body of a loop does not draw: what it needs is drawn before.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.box import Box, as_value, box
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError, SymbolError
from chainrule.ops import ops
from chainrule.spec import Shape, as_shape, broadcast_shapes, normalize_axis, promote, shape_of
from chainrule.stream import DOUBLE, SINGLE, Stream, below, bounds_of, shuffled
from chainrule.tensor import Tensor

FLOAT = np.dtype("float64")


class Generator:
    """A stream of random Tensors: equal seeds give equal streams. Threads may share one.

    >>> import chainrule as cr
    >>> g = cr.random.generator(0)
    >>> g.integers(0, 10, 5)
    tensor([0, 2, 4, 0, 9])
    """

    def __init__(self, seed: Any = None):
        self._stream = _started(Stream, seed)

    def seed(self, seed: Any = None) -> None:
        """Start again from ``seed``, an integer or a sequence of them; without one, from the system's entropy."""
        _started(self._stream.start, seed)

    def rand(self, *shape: Any, dtype: Any = None) -> Tensor:
        """Uniform on [0, 1), in the given shape: ``rand(2, 3)`` or ``rand((2, 3))``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).rand(2, 3).spec
        float64[2, 3]
        """
        return self._noise("random", _unpacked("rand", shape), _float_dtype("rand", dtype or FLOAT))

    def randn(self, *shape: Any, dtype: Any = None) -> Tensor:
        """Standard normal, in the given shape.

        >>> import chainrule as cr
        >>> cr.random.generator(0).randn(2, 3, dtype="float32").spec
        float32[2, 3]
        """
        return self._noise("standard_normal", _unpacked("randn", shape), _float_dtype("randn", dtype or FLOAT))

    # ------------------------------------------------------------- reparameterised: noise, stretched and moved

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """loc + scale·z with z standard normal; differentiable in ``loc`` and ``scale``.

        ``size`` is the shape of the result, by default that of the broadcast parameters.

        >>> import chainrule as cr
        >>> loc = cr.tensor(1.0, requires_grad=True)
        >>> cr.gradients(cr.sum(cr.random.generator(0).normal(loc, 2.0, 3)), loc)
        tensor(3.)
        """
        return self._moved("normal", "standard_normal", loc, scale, size, dtype)

    def lognormal(self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """eʸ with y normal, of this mean and standard deviation; differentiable in ``mean`` and ``sigma``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).lognormal(0.0, cr.ones(4)).shape
        (4,)
        """
        return ops.exp(self._moved("lognormal", "standard_normal", mean, sigma, size, dtype))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """low + (high − low)·u with u uniform on [0, 1); differentiable in ``low`` and ``high``.

        >>> import chainrule as cr
        >>> high = cr.tensor([1.0, 2.0], requires_grad=True)
        >>> cr.random.generator(0).uniform(0.0, high).shape
        (2,)
        """
        low, high = _parameter("uniform", low), _parameter("uniform", high)
        return self._moved("uniform", "random", low, high - low, size, dtype)

    def exponential(self, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """The exponential distribution of mean ``scale``, density e^(−x/scale)/scale; differentiable in ``scale``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).exponential(2.0, 4).shape
        (4,)
        """
        return self._moved("exponential", "standard_exponential", 0.0, scale, size, dtype)

    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """The Laplace distribution, density e^(−|x − loc|/scale)/(2·scale); differentiable in ``loc`` and ``scale``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).laplace(0.0, 1.0, 4).shape
        (4,)
        """
        return self._moved("laplace", "laplace", loc, scale, size, dtype)

    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """The Gumbel distribution, loc − scale·log(−log u); differentiable in ``loc`` and ``scale``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).gumbel(0.0, 1.0, 4).shape
        (4,)
        """
        return self._moved("gumbel", "gumbel", loc, scale, size, dtype)

    def logistic(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """The logistic distribution, loc + scale·log(u/(1 − u)); differentiable in ``loc`` and ``scale``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).logistic(0.0, 1.0, 4).shape
        (4,)
        """
        return self._moved("logistic", "logistic", loc, scale, size, dtype)

    # ------------------------------------------------------------------------ discrete: no gradient to parameters

    def integers(
        self, low: int, high: int | None = None, size: Any = None, dtype: Any = "int64", *, endpoint: bool = False
    ) -> Tensor:
        """Integers from ``low`` to below ``high`` (``high`` too with ``endpoint``); with one bound, from 0 to below it.

        >>> import chainrule as cr
        >>> cr.random.generator(0).integers(1, 6, 4, endpoint=True).shape
        (4,)
        """
        least, most = bounds_of(low, high, np.dtype(dtype), endpoint)
        shape = _size("integers", size)
        drawn = below(self._stream.words(math.prod(shape)), most - least + 1, least)
        if isinstance(drawn, Box):
            return ops.reshape(ops.astype(drawn, np.dtype(dtype)), shape)
        return box(Tensor, drawn.astype(np.dtype(dtype), copy=False).reshape(shape)[()], None)

    def bernoulli(self, p: Any = 0.5, size: Any = None) -> Tensor:
        """True with probability ``p``, as booleans; there is no gradient with respect to ``p``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).bernoulli(cr.tensor([0.0, 1.0]))
        tensor([False,  True])
        """
        p = _constant("bernoulli", "p", p)
        if not np.all((p >= 0) & (p <= 1)):
            raise DomainError(
                "[bernoulli] p has elements outside [0, 1]; expected probabilities; clip p, or rescale it."
            )
        u = self._noise("random", _size("bernoulli", size, p), FLOAT)
        return ops.less(u, p)

    def permutation(self, x: Any, axis: int = 0) -> Tensor:
        """x with its entries along ``axis`` in random order, or 0 … x−1 for an integer; differentiable in x.

        >>> import chainrule as cr
        >>> cr.random.generator(0).permutation(4).shape
        (4,)
        """
        x, count = _counted("permutation", x, axis)
        index = self._permutation(count)
        return index if x is None else ops.take(x, index, axis)

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None, axis: int = 0) -> Tensor:
        """Entries of ``a`` along ``axis`` (0 … a−1 for an integer) with probabilities ``p``; differentiable in ``a``.

        >>> import chainrule as cr
        >>> cr.random.generator(0).choice(cr.tensor([1.0, 2.0]), 3, p=[0.0, 1.0])
        tensor([2., 2., 2.])
        """
        a, count = _counted("choice", a, axis)
        p = None if p is None else _constant("choice", "p", p)
        shape = _size("choice", size)
        index = ops.reshape(self._chosen(count, math.prod(shape), replace, p), shape)
        return index if a is None else ops.take(a, index, axis)

    # -------------------------------------------------------------------------------------------------- drawing

    def _permutation(self, count: int) -> Any:
        drawn = shuffled(self._stream.words(count))
        return drawn if isinstance(drawn, Box) else box(Tensor, drawn, None)

    def _chosen(self, count: int, wanted: int, replace: bool, p: Any) -> Any:
        """The positions of entries that are chosen, in one axis."""
        if wanted and not count:
            raise _refused(count, "there is nothing to choose")
        if p is not None:
            _check_probabilities(count, p)
        if replace:
            if p is None:
                return self.integers(0, count, wanted) if wanted else box(Tensor, np.empty(0, np.int64), None)
            bounds = np.cumsum(p)
            return ops.searchsorted(bounds / bounds[-1], self._noise("random", (wanted,), DOUBLE), side="right")
        possible = count if p is None else np.count_nonzero(p)
        if wanted > possible:
            raise _refused(count, f"{wanted} are wanted without replacement, and {possible} can be had")
        if p is None:
            return self._permutation(count)[:wanted]
        # Who waits the shortest time comes first (Efraimidis and Spirakis, Weighted random sampling, 2006).
        with np.errstate(divide="ignore"):
            times = ops.multiply(self._noise("standard_exponential", (count,), DOUBLE), 1 / p)
        return ops.argsort(times)[:wanted]

    def _noise(self, draw: str, shape: Shape, dtype: Any) -> Any:
        """Noise without parameters from one of the standard distributions."""
        drawn = self._stream.noise(draw, math.prod(shape), SINGLE if dtype in _NARROW else DOUBLE)
        if isinstance(drawn, Box):
            return ops.astype(ops.reshape(drawn, shape), dtype)
        return box(Tensor, drawn.reshape(shape).astype(dtype, copy=False)[()], None)

    def _moved(self, name: str, draw: str, loc: Any, scale: Any, size: Any, dtype: Any) -> Any:
        """loc + scale·noise, in the dtype given, or else in that of the parameters."""
        loc, scale = _parameter(name, loc), _parameter(name, scale)
        wanted = _float_dtype(name, dtype or promote([loc, scale, 0.0]))
        z = self._noise(draw, _size(name, size, loc, scale), wanted)
        return ops.astype(ops.add(ops.multiply(z, scale), loc), wanted)


_NARROW = (np.dtype(np.float32), np.dtype(np.float16))


def _started(start: Any, seed: Any) -> Any:
    try:
        return start(seed)
    except (TypeError, ValueError):
        raise DomainError(
            f"[seed] the seed is {seed!r}; expected a non-negative integer, a sequence of them, or None; "
            f"give e.g. seed(0)."
        ) from None


def _refused(count: int, told: str) -> DomainError:
    return DomainError(f"[choice] from {count} entries: {told}; change size, replace or p.")


def _check_probabilities(count: int, p: Any) -> None:
    if p.shape != (count,):
        raise _refused(count, f"p has shape {p.shape}")
    if not np.all(p >= 0):
        raise _refused(count, "p has elements that are negative or NaN")
    if not abs(p.sum() - 1) <= math.sqrt(np.finfo(p.dtype if p.dtype.kind == "f" else DOUBLE).eps):
        raise _refused(count, f"p sums to {p.sum()}, not to 1")


def _parameter(name: str, x: Any) -> Any:
    """A parameter of a distribution: a Tensor with a value, an array or a number."""
    if isinstance(x, Box) and x._value is None and (x._node.axis is not None or not _is_compiled()):
        raise SymbolError(
            f"[{name}] a parameter is symbolic, and noise drawn now would be the same in every evaluation; "
            f"expected parameters with values; give the noise as a symbol of its own: loc + scale * z."
        )
    return x if isinstance(x, Box) else as_value(name, x)


def _is_compiled() -> bool:
    """Whether a function is traced to be compiled, in which noise that is drawn is other noise at each call."""
    return isinstance(noise.traced.get(), noise.Drawing)


def _constant(name: str, parameter: str, x: Any) -> Any:
    """The array of a parameter that has no gradient; refuses one whose gradient is at stake."""
    x = _parameter(name, x)
    if isinstance(x, Box) and x._value is None:
        raise SymbolError(
            f"[{name}] {parameter} is symbolic, and a discrete sample would lose its gradient; expected numbers; name "
            f"it in static_argnames, or compare with uniform noise: chainrule.random.rand(*shape) < {parameter}."
        )
    if isinstance(x, Box) and x._node is not None:
        raise GradientError(
            f"[{name}] {parameter} requires a gradient, and a discrete sample has none with respect to it; expected a "
            f"Tensor without one; call {parameter}.detach() first."
        )
    return np.asarray(x._value if isinstance(x, Box) else x)


def _counted(name: str, x: Any, axis: int) -> tuple[Any, int]:
    """(x, how many entries it has along ``axis``), or (None, x) for an integer, which stands for 0 … x−1."""
    if isinstance(x, (int, np.integer)):
        return None, int(x)
    x = x if isinstance(x, Box) else np.asarray(as_value(name, x))
    shape = shape_of(x)
    return x, shape[normalize_axis(name, axis, len(shape))]


def _size(name: str, size: Any, *parameters: Any) -> Shape:
    """The shape of a result; parameters must broadcast to it."""
    own = broadcast_shapes(name, [shape_of(x) for x in parameters])
    if size is None:
        return own
    wanted = as_shape(name, size)
    if len(own) > len(wanted) or any(
        n not in (1, wanted[axis]) for axis, n in zip(range(-len(own), 0), own, strict=True)
    ):
        raise ShapeError(
            f"[{name}] size is {wanted}, but the parameters have shape {own}; expected a size they broadcast to; "
            f"leave size out, or reshape the parameters."
        )
    return wanted


def _unpacked(name: str, shape: tuple[Any, ...]) -> Shape:
    return as_shape(name, shape[0] if len(shape) == 1 else shape)


def _float_dtype(name: str, dtype: Any) -> Any:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind != "f":
        raise DTypeError(f"[{name}] dtype is {dtype}; expected a real floating-point dtype; use e.g. 'float32'.")
    return found


def generator(seed: Any = None) -> Generator:
    """A stream of its own, independent of the module's.

    >>> import chainrule as cr
    >>> cr.random.generator(1).rand() == cr.random.generator(1).rand()
    tensor(True)
    """
    return Generator(seed)


_default = Generator()
noise.set_default(_default)


def state() -> Any:
    """Where the module's own stream stands, for :func:`replaying` and :func:`rewind`."""
    return _default._stream.state


def rewind(start: Any) -> None:
    """Let the module's own stream go on from ``start``."""
    _default._stream.stand(start)


@contextlib.contextmanager
def replaying(start: Any) -> Iterator[None]:
    """Within, the module's own stream is what it was at ``start``; afterwards it goes on where it was."""
    before = state()
    _default._stream.stand(start, replayed=True)
    try:
        yield
    finally:
        rewind(before)


seed = _default.seed
rand = _default.rand
randn = _default.randn
normal = _default.normal
lognormal = _default.lognormal
uniform = _default.uniform
exponential = _default.exponential
laplace = _default.laplace
gumbel = _default.gumbel
logistic = _default.logistic
integers = _default.integers
bernoulli = _default.bernoulli
permutation = _default.permutation
choice = _default.choice

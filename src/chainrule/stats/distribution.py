"""What distributions share: arguments in SciPy's order, location and scale, supports, ranges of parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.creation import asarray
from chainrule.errors import DTypeError
from chainrule.ops import ops


def reals(name: str, values: list[Any]) -> list[Any]:
    """Arguments as floating Tensors, or scalars of the dtype those have together: numbers among float32 are float32."""
    arrays = [_real(name, x) for x in values]
    dtypes = [x.dtype for x in arrays if isinstance(x, Box)]
    dtype = np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
    return [x if isinstance(x, Box) else dtype.type(x) for x in arrays]


def _real(name: str, x: Any) -> Any:
    if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
        return float(x)
    x = x if isinstance(x, Box) else asarray(x)
    if x.dtype.kind == "c":
        raise DTypeError(
            f"[{name}] an argument is {x.dtype}; expected real numbers; use its real or imaginary part, or abs(x)."
        )
    return x if x.dtype.kind == "f" else ops.astype(x, np.float64)


def concretely_true(condition: Any) -> bool:
    """Whether a condition is known to hold everywhere; of symbols nothing is known."""
    return condition._value is not None and bool(np.all(condition._value))


def log_of_part(part: Any, rest: Any) -> Any:
    """log(part) of part + rest = 1, each of them exact where it is small."""
    most = ops.greater(part, 0.5)
    return ops.where(most, ops.log1p(ops.negative(rest)), ops.log(part))


class Distribution:
    """Arguments (x, *shapes, loc, scale) of every method; ``distribution(*shapes, loc, scale)`` freezes them."""

    methods: tuple[str, ...] = ()

    def __init__(self, name: str, shapes: tuple[str, ...], has_scale: bool = True):
        self.name = name
        self.shapes = shapes
        self.parameters = (*shapes, "loc", *["scale"] * has_scale)

    def __repr__(self) -> str:
        return f"<{self.name}({', '.join(self.parameters)})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Frozen:
        self._arguments("", args, kwargs)
        return Frozen(self, args, kwargs)

    def valid(self, *shapes: Any) -> list[Any]:
        """Conditions on the shape parameters."""
        return [ops.greater(shape, 0.0) for shape in shapes]

    def _arguments(self, method: str, args: Any, kwargs: Any, *data: Any) -> tuple[list[Any], list[Any], Any, Any]:
        """The data, the shape parameters, loc and scale of a call."""
        where = f"{self.name}.{method}" if method else self.name
        given = dict(zip(self.parameters, args, strict=False))
        twice = [key for key in kwargs if key in given]
        unknown = [key for key in kwargs if key not in self.parameters]
        given.update(kwargs)
        missing = [key for key in self.shapes if key not in given]
        if twice or unknown or missing or len(args) > len(self.parameters):
            told = (
                f"{unknown[0]!r} is not a parameter" if unknown
                else f"{twice[0]!r} is given twice" if twice
                else f"parameter {missing[0]!r} is missing" if missing
                else f"{len(args)} parameters are given"
            )  # fmt: skip
            raise DTypeError(f"[{where}] {told}; expected {', '.join(self.parameters)}; loc and scale may be left out.")
        parameters = [given.get(key, 1.0 if key == "scale" else 0.0) for key in (*self.shapes, "loc", "scale")]
        values = reals(where, [*data, *parameters])
        return values[: len(data)], values[len(data) : -2], *values[-2:]

    def _checked(self, out: Any, conditions: list[Any]) -> Any:
        """``out``, and NaN in value and gradient where a condition on the parameters does not hold."""
        for condition in conditions:
            if not concretely_true(condition):
                out = ops.where(condition, out, ops.multiply(out, np.nan))
        return out


class Frozen:
    """A distribution whose parameters are chosen: its methods take x alone."""

    def __init__(self, distribution: Distribution, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.distribution = distribution
        self.args, self.kwargs = args, kwargs

    def __repr__(self) -> str:
        shown = [*map(repr, self.args), *(f"{key}={value!r}" for key, value in self.kwargs.items())]
        return f"{self.distribution.name}({', '.join(shown)})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.distribution.methods]

    def __getattr__(self, name: str) -> Any:
        # By way of __dict__, since a copy that is being made has no attributes yet.
        distribution = self.__dict__.get("distribution")
        if distribution is None or name not in distribution.methods:
            raise AttributeError(f"{distribution!r} has no method {name!r}")
        method = getattr(distribution, name)
        if name == "entropy":
            return functools.partial(method, *self.args, **self.kwargs)
        return lambda x: method(x, *self.args, **self.kwargs)


class Continuous(Distribution):
    """A density of y = (x − loc)/scale. Subclasses state it for loc = 0, scale = 1, inside of the support."""

    methods = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "entropy")
    low, high, inner = -np.inf, np.inf, 0.0  # the support, and a point inside
    _logpdf: Callable[..., Any]
    _cdf: Callable[..., Any]
    _ppf: Callable[..., Any]
    _entropy: Callable[..., Any]
    closed = True  # whether the density at the ends of the support is the formula's

    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The density at x."""
        return ops.exp(self._density("pdf", x, args, kwargs))

    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the density at x; −∞ outside of the support."""
        return self._density("logpdf", x, args, kwargs)

    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """P(X ≤ x)."""
        return self._cumulative("cdf", x, args, kwargs, 0.0, 1.0)

    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """log P(X ≤ x)."""
        return self._cumulative("logcdf", x, args, kwargs, -np.inf, 0.0)

    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """P(X > x), exact in the upper tail."""
        return self._cumulative("sf", x, args, kwargs, 1.0, 0.0)

    def logsf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """log P(X > x)."""
        return self._cumulative("logsf", x, args, kwargs, 0.0, -np.inf)

    def ppf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """The x with cdf(x) = q, differentiable in q and in the parameters."""
        return self._quantile("ppf", q, args, kwargs, self.low, self.high)

    def isf(self, q: Any, *args: Any, **kwargs: Any) -> Any:
        """The x with sf(x) = q."""
        return self._quantile("isf", q, args, kwargs, self.high, self.low)

    @np.errstate(all="ignore")
    def entropy(self, *args: Any, **kwargs: Any) -> Any:
        """−∫ pdf · log pdf dx."""
        _, shapes, _loc, scale = self._arguments("entropy", args, kwargs)
        out = ops.add(self._entropy(*shapes), ops.log(scale))
        return self._checked(out, [*self.valid(*shapes), ops.greater(scale, 0.0)])

    # ------------------------------------------------------------- of loc = 0, scale = 1, for subclasses

    def _sf(self, y: Any, *shapes: Any) -> Any:
        return ops.subtract(1.0, self._cdf(y, *shapes))

    def _logcdf(self, y: Any, *shapes: Any) -> Any:
        return log_of_part(self._cdf(y, *shapes), self._sf(y, *shapes))

    def _logsf(self, y: Any, *shapes: Any) -> Any:
        return log_of_part(self._sf(y, *shapes), self._cdf(y, *shapes))

    def _isf(self, q: Any, *shapes: Any) -> Any:
        return self._ppf(ops.subtract(1.0, q), *shapes)

    # -------------------------------------------------------------------------------- what all methods do

    def _standard(self, method: str, x: Any, args: Any, kwargs: Any) -> tuple[Any, list[Any], Any]:
        (x,), shapes, loc, scale = self._arguments(method, args, kwargs, x)
        y = ops.divide(ops.subtract(x, loc), scale)
        # NaN from the beginning is outside of no support, so that no gradient of it is 0.
        return self._checked(y, [*self.valid(*shapes), ops.greater(scale, 0.0)]), shapes, scale

    @np.errstate(all="ignore")
    def _density(self, method: str, x: Any, args: Any, kwargs: Any) -> Any:
        y, shapes, scale = self._standard(method, x, args, kwargs)
        out = ops.subtract(self._logpdf(self._inside(y), *shapes), ops.log(scale))
        below, above = (ops.less, ops.greater) if self.closed else (ops.less_equal, ops.greater_equal)
        for outside in [below(y, self.low)] * (self.low > -np.inf) + [above(y, self.high)] * (self.high < np.inf):
            out = ops.where(outside, -np.inf, out)
        return out

    @np.errstate(all="ignore")
    def _cumulative(self, method: str, x: Any, args: Any, kwargs: Any, left: float, right: float) -> Any:
        y, shapes, _scale = self._standard(method, x, args, kwargs)
        out = getattr(self, "_" + method)(self._inside(y), *shapes)
        if self.low > -np.inf:
            out = ops.where(ops.less_equal(y, self.low), left, out)
        return ops.where(ops.greater_equal(y, self.high), right, out) if self.high < np.inf else out

    def _inside(self, y: Any) -> Any:
        """y, and a point inside of the support where y is outside: what is masked shall not be NaN."""
        if self.low > -np.inf:
            outside = ops.less(y, self.low) if self.closed else ops.less_equal(y, self.low)
            y = ops.where(outside, self.inner, y)
        return ops.where(ops.greater(y, self.high), self.inner, y) if self.high < np.inf else y

    @np.errstate(all="ignore")
    def _quantile(self, method: str, q: Any, args: Any, kwargs: Any, first: float, last: float) -> Any:
        (q,), shapes, loc, scale = self._arguments(method, args, kwargs, q)
        zero, one = ops.equal(q, 0.0), ops.equal(q, 1.0)
        inside = ops.logical_and(ops.greater(q, 0.0), ops.less(q, 1.0))
        y = getattr(self, "_" + method)(ops.where(inside, q, 0.5), *shapes)
        y = ops.where(zero, first, ops.where(one, last, y))
        out = ops.add(loc, ops.multiply(scale, y))
        known = ops.logical_or(inside, ops.logical_or(zero, one))
        return self._checked(out, [*self.valid(*shapes), ops.greater(scale, 0.0), known])

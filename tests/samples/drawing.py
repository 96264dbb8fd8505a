"""How samples are drawn: calls of ops, and rows that pair them with a reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from chainrule.op import DOMAINS


class Call(NamedTuple):
    """Arguments of one call. Floating arrays in them are what tests differentiate, cast and lay out differently."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


@dataclass(frozen=True)
class Row:
    """``refuses`` names dtypes on which ours is an error though the reference has a value.

    An op that is defined on a subspace, such as Hermitian matrices, is tested ``through`` the projection on it: ours
    and the reference alike are called on projected arrays, and all derivatives are those of the composition. One whose
    outputs are unique up to a gauge, as the phases of eigenvectors, is tested as it is ``seen`` by a function of the
    outputs that the gauge does not change.
    """

    reference: Callable[..., Any]
    calls: tuple[Call, ...] = ()
    refuses: frozenset[str] = field(default_factory=frozenset)
    through: Callable[[Any], Any] | None = None
    seen: Callable[..., Any] | None = None


def row(
    reference: Callable[..., Any],
    *calls: Call,
    refuses: str = "",
    through: Callable[[Any], Any] | None = None,
    seen: Callable[..., Any] | None = None,
) -> Row:
    return Row(reference, calls, frozenset(refuses.split()), through, seen)


_stream = count()


def draw(shape: Any, low: float = -2.0, high: float = 2.0, stream: Iterator[int] = _stream) -> Any:
    """Numbers apart from each other, from those of the draw before, and from integers and halves: kinks are there."""
    number = next(stream)
    size = int(np.prod(shape))
    halves = np.arange(np.ceil(2 * low), np.floor(2 * high)) / 2
    if not len(halves):
        steps = (np.arange(size) + 0.4 + 0.2 * (number % 2)) / max(1, size)
        return np.random.default_rng(number).permutation(low + (high - low) * steps).reshape(shape)
    layer, cell = np.divmod(np.arange(size), len(halves))
    x = halves[cell] + 0.12 + 0.16 * (number % 2) + 0.1 * layer / max(1, layer.max(initial=0))
    return np.random.default_rng(number).permutation(x).reshape(shape)


# The range that samples are drawn from, where a domain is not all of the real line.
RANGES = {
    name: (0.5 if low == 0.0 else max(low, -2.0), 3.0 if low == 1.0 else min(high, 2.0))
    for name, (low, high) in DOMAINS.items()
}

RANGES["large"] = 2.5, 4.0


def elementwise_calls(arity: int, domain: tuple[str | tuple[float, float], ...]) -> tuple[Call, ...]:
    ranges = [RANGES[limits] if isinstance(limits, str) else limits for limits in domain or ("real",) * arity]
    stream = count()  # its own, so that the numbers do not depend on which op is asked for first

    def of(*shapes: Any) -> Call:
        return call(*(draw(shape, *limits, stream) for shape, limits in zip(shapes, ranges, strict=True)))

    if arity == 1:
        return of((2, 3)), of(()), of((0, 3)), of((5,))
    pairs = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((), ()), ((0, 3), (3,)), ((0, 1), (1, 2))]
    calls = [of(*pair, *pair[:1] * (arity - 2)) for pair in pairs]
    x, y, *rest = of(*[(2, 3)] * arity).args
    return (*calls, call(x, float(y[0, 0]), *rest), call(float(x[0, 0]), y, *rest))


def floating(x: Any) -> Any:
    """Integers as float64: SciPy and numpy.linalg take small ones, or all, in other ways."""
    return x if np.asarray(x).dtype.kind in "fc" else np.asarray(x, float)


FULL, ROWS3, CUBE = (2, 3), (4, 3), (2, 3, 4)

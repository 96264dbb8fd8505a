"""Where functions that drop elements at random draw from: a generator they are given, or the module random's own."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.errors import DomainError, SymbolError
from chainrule.spec import Shape, shape_of

_default: Any = None

# The function that is traced to be compiled, or the body of a loop, if one is: what it draws would be drawn once for
# all calls, or steps.
traced: ContextVar[Any] = ContextVar("traced", default=None)


class Repeated:
    """A loop whose body is traced."""

    def __init__(self, name: str):
        self.name = name


def set_default(generator: Any) -> None:
    """Name the generator of the module random: told once, by random.py."""
    global _default
    _default = generator


def draw(name: str, x: Any, distribution: str, shape: Shape | None = None, generator: Any = None) -> Any:
    """An array of noise in x's shape, or another; refuses a symbolic x, of which every evaluation would share it."""
    if isinstance(x, Box) and x._value is None and x._node.axis is not None:
        raise SymbolError(
            f"[{name}] the operand is one sample of a vmap, or an argument of a loop's body, and noise drawn now would "
            f"be the same for all; expected an operand with a value; draw noise for all outside, map over it, and "
            f"multiply: x * mask."
        )
    if isinstance(x, Box) and x._value is None:
        raise SymbolError(
            f"[{name}] the operand is symbolic, and noise drawn now would be the same in every evaluation; expected an "
            f"operand with a value; give the noise as a symbol of its own: x * mask."
        )
    return (generator or _default)._noise(distribution, shape_of(x) if shape is None else shape, np.float64)._value


def probability(name: str, p: Any) -> float:
    """A probability of dropping."""
    if not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
        raise DomainError(f"[{name}] p is {p!r}; expected a probability from 0 to 1; write e.g. p=0.5.")
    return float(p)

"""Where functions that drop elements at random draw from: a generator they are given, or the module random's own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.errors import DomainError, SymbolError
from chainrule.node import SymbolicNode, record
from chainrule.spec import Shape, Spec, shape_of

_default: Any = None

# What is traced now, if something is: a Drawing, for a function that is compiled, or a Repeated.
traced: ContextVar[Any] = ContextVar("traced", default=None)

STATIC = "make the argument static: jit(f, static_argnums=...)"


class Repeated:
    """A loop whose body is traced: what it draws would be drawn once for all steps."""

    def __init__(self, name: str):
        self.name = name

    def static(self, _node: Any) -> str:
        """What makes a value known while the function is traced."""
        return STATIC

    def refusal(self) -> SymbolError:
        return SymbolError(
            f"[random] the body of a {self.name} is traced once, and what it draws now would be the same in every "
            f"step; expected noise that is drawn outside; draw that of all steps before, and give it as xs."
        )


class Ruled(Repeated):
    """A function with a rule of its own, where another is traced: it runs again, apart from that, for its values."""

    def refusal(self) -> SymbolError:
        return SymbolError(
            f"[random] {self.name} has a derivative rule of its own, and what it draws is no argument, so that no rule "
            f"knows of it; expected noise that is drawn outside; draw it before, and give it as an argument."
        )


class Drawing:
    """A function that is traced to be compiled, and what it draws: the state of each stream becomes an input."""

    def __init__(self, taken: Mapping[str, str | int | None] | None = None) -> None:
        # The names of its other inputs, and by which name or position each can be a static argument; None if it cannot.
        self._taken = taken or {}
        self._symbols: dict[Any, Any] = {}  # stream → symbol of its state
        self._drawn: dict[Any, int] = {}  # stream → blocks

    @property
    def streams(self) -> list[tuple[Any, int]]:
        """The streams that are drawn from, and how many blocks of each."""
        return list(self._drawn.items())

    @property
    def symbols(self) -> list[Any]:
        """The nodes of their states."""
        return [x._node for x in self._symbols.values()]

    def place(self, stream: Any, blocks: int) -> tuple[Any, int]:
        """The symbol of the state of a stream, and how many blocks were drawn after it, before some are now."""
        if stream not in self._symbols:
            names = ("random_state" + (str(i) if i else "") for i in itertools.count(len(self._symbols)))
            name = next(name for name in names if name not in self._taken)
            node = record(None, (), (None,), {"name": name}, Spec((3,), np.dtype(np.uint64)), SymbolicNode)
            self._symbols[stream], self._drawn[stream] = box(Box.default, None, node), 0
        offset = self._drawn[stream]
        self._drawn[stream] += blocks
        return self._symbols[stream], offset

    def static(self, node: Any) -> str:
        """What makes the value of a node known while the function is traced: the static arguments that it needs."""
        waiting, seen, needed = [node], {node}, set()
        while waiting:
            one = waiting.pop()
            parents = [x for x in one.parents if x is not None]
            if not parents:
                needed.add(one.params.get("name") if one.op is None else one)
            waiting += [x for x in parents if x not in seen]
            seen.update(parents)
        found = [self._taken[name] for name in self._taken if name in needed]
        names = list(dict.fromkeys(found))
        if len(found) < len(needed) or not names or len({type(x) for x in names}) > 1 or names[0] is None:
            return STATIC
        option = "static_argnames" if isinstance(names[0], str) else "static_argnums"
        shown = [x if isinstance(x, str) else f"argument {x}" for x in names]
        return f"make {' and '.join(shown)} static: jit(f, {option}={names[0] if len(names) == 1 else tuple(names)!r})"

    def drawn(self, stream: Any) -> int:
        return self._drawn.get(stream, 0)

    def wind(self, stream: Any, drawn: int) -> None:
        """Go back to where so many blocks were drawn."""
        if stream in self._drawn:
            self._drawn[stream] = drawn


def set_default(generator: Any) -> None:
    """Name the generator of the module random: told once, by random.py."""
    global _default
    _default = generator


def check(name: str, x: Any) -> None:
    """Refuse an operand whose noise would be drawn once for many values of it."""
    if isinstance(x, Box) and x._value is None and x._node.axis is not None:
        raise SymbolError(
            f"[{name}] the operand is one sample of a vmap, or an argument of a loop's body, and noise drawn now would "
            f"be the same for all; expected an operand with a value; draw noise for all outside, map over it, and "
            f"multiply: x * mask."
        )
    if isinstance(x, Box) and x._value is None and not isinstance(traced.get(), Drawing):
        raise SymbolError(
            f"[{name}] the operand is symbolic, and noise drawn now would be the same in every evaluation; expected an "
            f"operand with a value; give the noise as a symbol of its own: x * mask."
        )


def draw(name: str, x: Any, distribution: str, shape: Shape | None = None, generator: Any = None) -> Any:
    """Noise in x's shape, or another: an array, or a symbolic Tensor where a function is traced to be compiled.

    Refuses an x that is symbolic otherwise, of which every evaluation would share it.
    """
    check(name, x)
    drawn = (generator or _default)._noise(distribution, shape_of(x) if shape is None else shape, np.float64)
    return drawn if drawn._value is None else drawn._value


def probability(name: str, p: Any) -> float:
    """A probability of dropping."""
    if not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
        raise DomainError(f"[{name}] p is {p!r}; expected a probability from 0 to 1; write e.g. p=0.5.")
    return float(p)

"""Random small programs over a few arrays, as data: each can be run by chainrule, or by a peer with the same names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

SHAPES = ((), (3,), (2, 1), (2, 3))

# Every function takes ``xp``, a library, and is smooth on all of the real line, and of modest size.
UNARY: dict[str, Callable[[Any, Any], Any]] = {
    "sin": lambda xp, x: xp.sin(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "exp": lambda xp, x: xp.exp(-x * x),
    "sigmoid": lambda xp, x: xp.sigmoid(x),
    "log": lambda xp, x: xp.log(x * x + 1.0),
    "sqrt": lambda xp, x: xp.sqrt(1.0 + x**2),
    "cube": lambda xp, x: 0.2 * x**3 - x,
    "reciprocal": lambda xp, x: 1.0 / (2.0 + xp.cos(x)),
    "sum": lambda xp, x: xp.sum(x),
    "share": lambda xp, x: x / (1.0 + xp.sum(x * x)),
}
KINKED: dict[str, Callable[[Any, Any], Any]] = {
    "abs": lambda xp, x: xp.abs(x),
    "where": lambda xp, x: xp.where(x > 0.3, xp.sin(x), x * x),
}
BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda xp, x, y: x + y,
    "subtract": lambda xp, x, y: x - y,
    "multiply": lambda xp, x, y: x * y,
    "divide": lambda xp, x, y: x / (1.0 + y * y),
    "hypot": lambda xp, x, y: xp.hypot(x, y + 3.0),
    "atan2": lambda xp, x, y: xp.atan2(x, 2.0 + y * y),
    "logaddexp": lambda xp, x, y: xp.logaddexp(x, y),
}
# Loops and choices of chainrule's own, with values in the carry, in what is closed over, and in the condition.
CONTROL: dict[str, Callable[[Any, Any], Any]] = {
    "scan": lambda xp, x: xp.scan(lambda c, i: (xp.sin(c + i * x), xp.sum(c * c)), x, np.arange(3.0))[0],
    "stacked": lambda xp, x: xp.scan(lambda c, i: (xp.tanh(c - i), c * i), x, np.arange(3.0), reverse=True)[1][1],
    "while": lambda xp, x: xp.while_loop(lambda c: xp.sum(c * c) > 0.3, lambda c: 0.6 * c * xp.cos(c - x), x),
    "fori": lambda xp, x: xp.fori_loop(0, 2, lambda i, c: xp.cos(c + i) * x, x),
    "cond": lambda xp, x: xp.cond(xp.sum(x) > 0.2, lambda y: xp.sin(y) * x, lambda y: y * y, x),
    "switch": lambda xp, x: xp.switch(xp.argmax(x), [xp.sin, xp.cos, lambda y: 0.5 * y], x),
    "call": lambda xp, x: xp.trace(lambda y: xp.sin(y) * y, x)(x),
}


@dataclass(frozen=True)
class Program:
    """Shapes of the inputs, and steps that read earlier values by number; the result is a scalar."""

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    seed: int

    @property
    def smooth(self) -> bool:
        return not any(name in KINKED or name in ("while", "cond", "switch") for name, _ in self.steps)

    def inputs(self) -> list[Any]:
        random = np.random.default_rng(self.seed)
        return [random.uniform(-1.5, 1.5, shape) for shape in self.shapes]

    def run(self, xp: Any, *inputs: Any) -> Any:
        values = list(inputs)
        for name, operands in self.steps:
            function: Any = (UNARY | KINKED | CONTROL | BINARY)[name]
            values.append(function(xp, *(values[i] for i in operands)))
        # Every value counts, so that no step is dead.
        return sum((xp.sum(xp.sin(v)) for v in values[1:]), xp.sum(values[0]))


@st.composite
def programs(draw: st.DrawFn, control: bool = False) -> Program:
    shapes = tuple(draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3)))
    steps = []
    for count in range(len(shapes), len(shapes) + draw(st.integers(1, 7))):
        name = draw(st.sampled_from([*(CONTROL if control else ()), *UNARY, *KINKED, *BINARY]))
        arity = 2 if name in BINARY else 1
        steps.append((name, tuple(draw(st.integers(0, count - 1)) for _ in range(arity))))
    return Program(shapes, tuple(steps), draw(st.integers(0, 2**16)))


@dataclass(frozen=True)
class Body:
    """A random step of a loop: it closes over arrays, carries others and a counter, reads rows, and gives some out."""

    consts: tuple[tuple[int, ...], ...]
    carries: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    given: tuple[int, ...]
    seed: int

    def inputs(self, length: int) -> tuple[list[Any], list[Any], list[Any]]:
        """Values of what is closed over, of the first carry, and of the rows of so many steps."""
        random = np.random.default_rng(self.seed)
        shapes = (self.consts, self.carries, tuple((length, *shape) for shape in self.rows))
        one, other, rows = ([random.uniform(-1.5, 1.5, shape) for shape in kind] for kind in shapes)
        return one, other, rows

    def step(self, xp: Any, consts: Any) -> Callable[[Any, Any], Any]:
        """(carry, row) ↦ (carry, what is given out); the carry is bounded, and of the shapes it had."""

        def f(carry: Any, row: Any) -> Any:
            values = [*consts, *carry["c"], *row]
            values.append(0.1 * carry["n"] + values[-1])
            for name, operands in self.steps:
                function: Any = (UNARY | KINKED | BINARY)[name]
                values.append(function(xp, *(values[i] for i in operands)))
            after = [
                xp.tanh(c * 0.5 + (v if np.broadcast_shapes(v.shape, shape) == shape else xp.sum(v)))
                for c, shape, v in zip(carry["c"], self.carries, reversed(values), strict=False)
            ]
            return {"c": after, "n": carry["n"] + 1}, [values[i] for i in self.given]

        return f


@st.composite
def bodies(draw: st.DrawFn, rows: bool = True) -> Body:
    shapes = [
        tuple(draw(st.lists(st.sampled_from(SHAPES), min_size=least, max_size=2))) for least in (0, 1, 0)[: 2 + rows]
    ]
    count = sum(map(len, shapes)) + 1
    steps = []
    for number in range(count, count + draw(st.integers(1, 4))):
        name = draw(st.sampled_from([*UNARY, *KINKED, *BINARY]))
        steps.append((name, tuple(draw(st.integers(0, number - 1)) for _ in range(2 if name in BINARY else 1))))
    given = tuple(draw(st.lists(st.integers(0, count + len(steps) - 1), max_size=2)))
    consts, carries, taken = (*shapes, ())[:3]
    return Body(consts, carries, taken, tuple(steps), given, draw(st.integers(0, 2**16)))

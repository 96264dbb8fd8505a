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


@dataclass(frozen=True)
class Program:
    """Shapes of the inputs, and steps that read earlier values by number; the result is a scalar."""

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    seed: int

    @property
    def smooth(self) -> bool:
        return not any(name in KINKED for name, _ in self.steps)

    def inputs(self) -> list[Any]:
        random = np.random.default_rng(self.seed)
        return [random.uniform(-1.5, 1.5, shape) for shape in self.shapes]

    def run(self, xp: Any, *inputs: Any) -> Any:
        values = list(inputs)
        for name, operands in self.steps:
            function: Any = UNARY.get(name) or KINKED.get(name) or BINARY[name]
            values.append(function(xp, *(values[i] for i in operands)))
        # Every value counts, so that no step is dead.
        return sum((xp.sum(xp.sin(v)) for v in values[1:]), xp.sum(values[0]))


@st.composite
def programs(draw: st.DrawFn) -> Program:
    shapes = tuple(draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3)))
    steps = []
    for count in range(len(shapes), len(shapes) + draw(st.integers(1, 7))):
        name = draw(st.sampled_from([*UNARY, *KINKED, *BINARY]))
        arity = 2 if name in BINARY else 1
        steps.append((name, tuple(draw(st.integers(0, count - 1)) for _ in range(arity))))
    return Program(shapes, tuple(steps), draw(st.integers(0, 2**16)))

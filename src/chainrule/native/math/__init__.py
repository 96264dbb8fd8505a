"""Functions of one scalar in the vocabulary of the emitter: ``FUNCTIONS`` are those that rules write as ``e.exp(x)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.native.loops import Emitter, Pair, Unstated
from chainrule.native.math import arithmetic, exponential, logarithm, trigonometric

REAL: dict[str, Callable[..., Any]] = {
    "exp": exponential.exp,
    "exp2": exponential.exp2,
    "expm1": exponential.expm1,
    "tanh": exponential.tanh,
    "sinh": exponential.sinh,
    "cosh": exponential.cosh,
    "sigmoid": exponential.sigmoid,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "log": logarithm.log,
    "log1p": logarithm.log1p,
    "log2": logarithm.log2,
    "log10": logarithm.log10,
}
COMPLEX: dict[str, Callable[..., Any]] = {}


def _of_either(name: str) -> Callable[..., Any]:
    """A function of real numbers, and of complex ones where it is known."""

    def function(e: Emitter, *operands: Any) -> Any:
        if any(isinstance(x, Pair) for x in operands):
            if name not in COMPLEX:
                raise Unstated(name)
            return COMPLEX[name](e, *operands)
        return REAL[name](e, *operands)

    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {**arithmetic.FUNCTIONS, **{name: _of_either(name) for name in REAL}}

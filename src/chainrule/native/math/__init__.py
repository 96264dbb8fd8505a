"""Functions of one scalar in the vocabulary of the emitter. ``FUNCTIONS`` are what rules write as ``e.exp(x)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.pure import Unstated
from chainrule.native.language.values import Pair
from chainrule.native.math import (
    angles,
    arithmetic,
    complexes,
    digamma,
    entropy,
    error,
    exponential,
    foreign,
    gamma,
    inverse,
    logarithm,
    powers,
    trigonometric,
)

REAL: dict[str, Callable[..., Any]] = {
    name: getattr(module, name)
    for module, names in (
        (exponential, "exp exp2 expm1 tanh sinh cosh sigmoid"),
        (logarithm, "log log1p log2 log10 asinh acosh atanh softplus logaddexp"),
        (trigonometric, "sin cos tan"),
        (inverse, "asin acos atan atan2"),
        (powers, "square_root pow cbrt hypot"),
        (error, "erf erfc erfcx ndtr log_ndtr"),
        (gamma, "lgamma loggamma gamma rgamma gammasgn"),
        (digamma, "digamma trigamma polygamma"),
        (entropy, "xlogy xlog1py entr logit huber pseudo_huber cosm1 sinc"),
    )
    for name in names.split()
}
COMPLEX: dict[str, Callable[..., Any]] = {**complexes.FUNCTIONS, **angles.FUNCTIONS}


def _of_either(name: str) -> Callable[..., Any]:
    """A function of real numbers, and of complex ones where it is known."""

    def function(e: Emitter, *operands: Any) -> Any:
        if any(isinstance(x, Pair) for x in operands):
            if name not in COMPLEX:
                raise Unstated(name)
            return COMPLEX[name](e, *operands)
        return REAL[name](e, *operands)

    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **arithmetic.FUNCTIONS,
    **{name: _of_either(name) for name in REAL},
    "special": foreign.special,
}

"""The arguments of NumPy's functions under the names that ours have, and what becomes of calls without one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.errors import DTypeError, GradientError
from chainrule.op import Composite, Op
from chainrule.tensor import Tensor
from chainrule.tree import flatten, map_leaves

# NumPy's names of parameters, where ours are others.
RENAMED = {"ddof": "correction", "a_min": "min", "a_max": "max", "rcond": "rtol"}
# Parameters that change how NumPy computes a result and lays it out, never which.
IMMATERIAL = frozenset({"optimize", "subok", "copy", "device", "overwrite_input", "kind", "assume_unique"})

# The arguments and defaults of NumPy's functions in C, which before NumPy 2.4 do not tell them themselves.
_GIVEN = inspect.Parameter.empty
TAKES = {
    "concatenate": {"arrays": _GIVEN, "axis": 0, "out": None, "dtype": None, "casting": "same_kind"},
    "dot": {"a": _GIVEN, "b": _GIVEN, "out": None},
    "inner": {"a": _GIVEN, "b": _GIVEN},
    "where": {"condition": _GIVEN, "x": None, "y": None},
}


class Unmatched(Exception):
    """A NumPy call, or one of its arguments, that our ops have no counterpart for."""


def uncounted(*_args: Any, **_kwargs: Any) -> Any:
    """What stands in for a function without a counterpart."""
    raise Unmatched("this function")


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """What a NumPy function takes."""
    taken = TAKES.get(function.__name__)
    if taken is None:
        return inspect.signature(function)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(name, kind, default=default) for name, default in taken.items()])


def arguments_of(record: Op | Composite) -> tuple[int, frozenset[str]]:
    """How many leading arguments an op's function takes by position, and the names of the rest."""
    if isinstance(record, Op):
        return 1 if record.sequence else record.arity or 1, frozenset(record.parameters)
    own = list(inspect.signature(record.body).parameters.values())[1:]
    leading = [p for p in own if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return len(leading), frozenset(p.name for p in own if p not in leading)


def material(given: Mapping[str, Any], parameters: frozenset[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that NumPy was given, under our names, without those that change nothing."""
    params = {}
    for name, value in given.items():
        ours = name if name in parameters else RENAMED.get(name, name)
        if value is np._NoValue or value is defaults.get(name, np._NoValue):
            continue
        if ours in parameters:
            params[ours] = value
        elif name not in IMMATERIAL:
            raise Unmatched(f"the argument {name}={shown(value)}")
    return params


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 and "\n" not in text else f"<{type(value).__name__}>"


def values(tree: Any) -> Any:
    """``tree`` with plain read-only arrays in place of its Tensors."""
    return map_leaves(lambda x: x.detach().numpy() if isinstance(x, Tensor) else x, tree)


def operand(x: Any) -> Any:
    return x if isinstance(x, Box) else np.asarray(x)


def refuse_to_write(name: str, inputs: Any, out: Any) -> None:
    """Errors for ``out=``: a Tensor never changes, and an array does not remember where its values came from."""
    outs = out if isinstance(out, tuple) else (out,)
    if any(isinstance(x, Box) for x in outs):
        raise DTypeError(
            f"[{name}] out= is a Tensor, whose array never changes under anyone's feet; "
            f"expected no out=; take the result, y = {name}(...)."
        )
    if not any(isinstance(x, np.ndarray) for x in outs):
        return
    for x in flatten(list(inputs))[0]:
        if isinstance(x, Tensor) and x._node is not None:
            raise GradientError(
                f"[{name}] the result would be written into an array, where the gradient of an operand ({x.spec!r}) "
                f"would be lost; expected no out=, and no array on the left of an in-place operator; "
                f"write a = a + x instead of a += x, or call x.detach() first."
            )


def leave(name: str, run: Callable[..., Any], args: Any, kwargs: dict[str, Any], told: str) -> Any:
    """Run what has no counterpart on plain arrays, unless a gradient is at stake."""
    for x in flatten([list(args), kwargs])[0]:
        if isinstance(x, Tensor) and x._node is not None:
            x._known(name)
            raise DTypeError(
                f"[{name}] {told} has no counterpart that is recorded, and the gradient of an operand ({x.spec!r}) "
                f"would be lost; expected operands without a gradient; call x.detach() first, or use functions of "
                f"chainrule."
            )
    args, kwargs = values((tuple(args), kwargs))
    return run(*args, **kwargs)

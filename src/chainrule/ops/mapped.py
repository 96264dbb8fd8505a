"""Ops between the samples of a mapped axis, which only samples meet: see graph/samples.py, where they are computed.

Each is the transpose of the other. ``all_gather`` gives every sample the stack x̂ of all: y⁽ⁱ⁾ₖ = x⁽ᵏ⁾;
``reduce_scatter`` gives sample i the sum of all their entries i: x⁽ⁱ⁾ = Σₖ y⁽ᵏ⁾ᵢ.
"""

from __future__ import annotations

from typing import Any

from chainrule.errors import SymbolError
from chainrule.op import program
from chainrule.spec import Spec


def _value(_x: Any, *, along: Any) -> Any:
    raise SymbolError(f"[vmap] {along} was asked for outside its function; expected a call inside the mapped function.")


def _by(name: str) -> Any:
    """The map itself, of what is first made a sample of the axis."""
    return lambda xp, x, along: getattr(xp, name)(along.lift(x), along=along)


def _register(name: str, other: str, spec: Any, batch: Any, doc: str) -> None:
    program(
        name,
        value=_value,
        spec=spec,
        vjp=(lambda xp, g, _out, _x, *, along: _by(other)(xp, g, along),),
        jvp=lambda xp, tangents, _out, _x, *, along: _by(name)(xp, tangents[0], along),
        batch=batch,
        doc=doc,
    )


_register(
    "all_gather",
    "reduce_scatter",
    lambda x, *, along: Spec((along.size, *x.shape), x.dtype),
    # The axis of a newer map stays in front of the gathered one.
    lambda xp, _batched, x, *, along: xp.moveaxis(_by("all_gather")(xp, x, along), 0, 1),
    "The stack of all samples.",
)
_register(
    "reduce_scatter",
    "all_gather",
    lambda x, *, along: Spec(x.shape[1:], x.dtype),
    lambda xp, _batched, x, *, along: _by("reduce_scatter")(xp, xp.moveaxis(x, 1, 0), along),
    "The sum over samples, of which each keeps the entry of its own number.",
)

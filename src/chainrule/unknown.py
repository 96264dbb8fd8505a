"""What is not known yet: symbols without a shape or a dtype, and calls that wait for them.

Whatever asks such a symbol for its shape raises ``UnknownError``. A function of the library that meets this leaves a
node instead, which holds the call as it was written: ``defer`` in apply.py. A run of the graph makes the call again,
on symbols whose shapes are known; so functions may look at shapes as they like.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import ShapeError, SymbolError
from chainrule.node import SymbolicNode, record
from chainrule.op import program
from chainrule.spec import Spec
from chainrule.tree import Structure, flatten, unflatten


class UnknownError(SymbolError):
    """A shape or dtype asked of a symbol that does not have it yet."""


class Declared(NamedTuple):
    """What was declared of a symbol: a shape, in which None is an unknown size, or None for nothing."""

    sizes: Any
    type: Any

    @property
    def shape(self) -> Any:
        raise self._refuse("shape")

    @property
    def dtype(self) -> Any:
        raise self._refuse("dtype")

    def _refuse(self, what: str) -> UnknownError:
        return UnknownError(
            f"[{what}] the {what} of a symbol or result is not known yet ({self!r}); expected a Tensor of known shape "
            f"and dtype; declare those of its symbols, e.g. symbol('x', shape=(2, 3))."
        )

    def __repr__(self) -> str:
        sizes = "?" if self.sizes is None else ", ".join("?" if n is None else str(n) for n in self.sizes)
        return f"{'?' if self.type is None else self.type}[{sizes}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Declared)  # nothing is known that could differ

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, Declared)

    __hash__ = None  # type: ignore[assignment]  # as equality says nothing


class UnknownNode(SymbolicNode):
    """A symbol of unknown shape or dtype, or a call on such symbols."""

    __slots__ = ("declared",)
    declared: Declared

    def _refuse(self, what: str) -> UnknownError:
        name, call = self.name(), self.op is not None
        told = "it follows from values" if call else f"it was declared {self.declared!r}"
        advice = "declare the shapes of the symbols behind it" if call else f"declare symbol({name!r}, shape=(2, 3))"
        return UnknownError(
            f"[{what}] the {what} of {name} is not known yet, {told}; expected a Tensor of known shape and dtype; "
            f"{advice}, or ask inside a function that is traced with values.",
        )

    @property
    def shape(self) -> Any:  # a slot of other nodes
        raise self._refuse("shape")

    @shape.setter
    def shape(self, shape: Any) -> None:
        pass

    @property
    def dtype(self) -> Any:
        raise self._refuse("dtype")

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        pass

    @property
    def spec(self) -> Declared:
        return self.declared

    def name(self) -> str:
        if self.op is None:
            return self.params["name"]
        call = self.params["call"]
        return call.name if call.function is not operator.getitem else self.parents[0].name()  # type: ignore[union-attr]  # of several results, one


class Call:
    """A call as it was written, with holes for the Tensors in its arguments."""

    def __init__(self, function: Callable[..., Any], structure: Structure, leaves: Sequence[Any]):
        self.function, self.structure, self.leaves = function, structure, leaves
        self.name: str = getattr(function, "__name__", "call")

    def __call__(self, *operands: Any) -> Any:
        given = iter(operands)
        args, named = unflatten(self.structure, [next(given) if x is Call else x for x in self.leaves])
        if self.function is not operator.getitem and any(isinstance(x, (tuple, list)) for x in operands):
            match named.get("index"):
                case (int(number),) if self.name == "gather":
                    return _one_of(operands[0], number)
            raise several(self.name)
        return self.function(*args, **named)

    def __repr__(self) -> str:
        return self.name


def _one_of(several: Sequence[Any], number: int) -> Any:
    """The element that was asked for when several Tensors were taken for one."""
    count = len(several)
    if not -count <= number < count:
        raise ShapeError(
            f"[getitem] element {number} of {count} Tensors was asked for; expected a number from {-count} to "
            f"{count - 1}; give another index."
        )
    return several[number]


def several(name: str) -> SymbolError:
    """The error for taking as one Tensor what turned out to be several."""
    return SymbolError(
        f"[{name}] several Tensors were computed where one was expected, since shapes were unknown when they were "
        f"asked for; expected symbols of known shape for a function that gives several; declare "
        f"symbol('x', shape=(2, 3))."
    )


def _refused(*_operands: Any, call: Call) -> Any:
    raise UnknownError(
        f"[{call.name}] an operand has no shape yet, and this graph was run without one; expected a program that is "
        f"specialised to values; call function(...), or the Graph."
    )


DEFERRED = program(
    "deferred",
    arity=None,
    value=_refused,
    spec=lambda *_operands, **_call: Declared(None, None),  # which equals any
    batch=lambda _xp, _batched, *operands, call: _refused(*operands, call=call),
    doc="A call that waits for the shapes of its operands.",
)


def unknown_symbol(name: str, shape: Any, dtype: Any) -> UnknownNode:
    """The node of a symbol of which only this much is known."""
    return _made(record(None, (), (None,), {"name": name}, _NOTHING, UnknownNode), Declared(shape, dtype))


def unknown_call(function: Callable[..., Any], args: Any, named: Any, kind: type) -> UnknownNode:
    """The node of a call; Tensors are of this ``kind``."""
    leaves, structure = flatten((tuple(args), dict(named)))
    operands = [x for x in leaves if isinstance(x, kind)]
    leaves = [Call if isinstance(x, kind) else x.copy() if isinstance(x, np.ndarray) else x for x in leaves]
    nodes = tuple(x._node for x in operands)
    kept = (None, *(x._value for x in operands))
    call = Call(function, structure, leaves)
    return _made(record(DEFERRED, nodes, kept, {"call": call}, _NOTHING, UnknownNode), Declared(None, None))


_NOTHING = Spec((), np.dtype("float64"))  # a node has these in slots, and this one refuses them


def _made(node: Any, declared: Declared) -> UnknownNode:
    node.declared = declared
    return node

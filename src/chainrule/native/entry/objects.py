"""Objects with arrays in their attributes, for methods: taken apart to arrays and the rest, and put together again."""

from __future__ import annotations

import copyreg
import operator
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.box import PLAIN, Box
from chainrule.errors import SymbolError
from chainrule.graph.inspection import Inspected
from chainrule.stream import Stream
from chainrule.tree import Structure, flatten, unflatten

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, Inspected)
_CLOSED = (type, types.ModuleType, *_FUNCTIONS, Stream)  # a copy of a stream would go on from where it was copied


class Same:
    """An object as a key: equal to itself alone."""

    __slots__ = ("x",)

    def __init__(self, x: Any):
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.x is self.x

    def __hash__(self) -> int:
        return id(self.x)


class Frozen:
    """An object without its arrays: equal to another that differs from it in the values of arrays alone."""

    def __init__(self, x: Any):
        self.arrays: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._key = _look_at_class(x) if isinstance(x, type) else self._look(x)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def _look(self, x: Any) -> Any:
        """The key of what is in x; its arrays are collected on the way."""
        if isinstance(x, (Box, np.ndarray, np.generic)):
            self.arrays.append(x)
            return "array"
        if type(x) in PLAIN:
            return type(x), repr(x)
        if x is None or isinstance(x, (str, bytes)):
            return type(x), x
        if id(x) in self._numbers:
            return "again", self._numbers[id(x)]
        if _is_bound(x):
            return type(x), Same(x.__func__), self._look(x.__self__)
        leaves, structure = flatten(x)
        if structure.rebuild is not None:
            self._numbers[id(x)] = len(self._numbers)
            return type(x), form_of(structure), tuple(map(self._look, leaves))
        if is_open(x):
            self._numbers[id(x)] = len(self._numbers)
            return type(x), tuple((name, self._look(value)) for name, value in attributes(x))
        return Same(x)


def _look_at_class(cls: type) -> Any:
    """The key of what a class holds: it changes when something else is put there."""
    held = [(name, value) for one in cls.__mro__ if _is_users_class(one) for name, value in vars(one).items()]
    return Same(cls), tuple(
        (name, (type(value), repr(value)) if type(value) in PLAIN else Same(value)) for name, value in held
    )


def with_arrays(x: Any, arrays: Iterable[Any]) -> tuple[Any, list[tuple[Any, dict[str, Any]]]]:
    """A copy of an object with other arrays, and all objects that were copied, with the attributes they were given."""
    made: list[tuple[Any, dict[str, Any]]] = []
    return _rebuilt(x, iter(arrays), {}, made), made


def paths_of(x: Any, known: set[int] | None = None) -> Iterator[str]:
    """What leads to each array that an object holds, in their order: ``layers_0_weight``."""
    known = set() if known is None else known
    if isinstance(x, (Box, np.ndarray, np.generic)):
        yield ""
        return
    if x is None or type(x) in PLAIN or isinstance(x, (str, bytes)) or id(x) in known:
        return
    leaves, structure = flatten(x)
    if structure.rebuild is None and not is_open(x):
        return
    known.add(id(x))
    inside = enumerate(leaves) if structure.rebuild is not None else attributes(x)
    for name, value in inside:
        for path in paths_of(value, known):
            yield f"{name}_{path}" if path else str(name)


def form_of(structure: Structure) -> Any:
    """A structure as a key."""
    return (structure.kind, tuple(map(form_of, structure.children)))


def is_open(x: Any) -> bool:
    """Whether the attributes of an object are looked at: it is of a class of the user's."""
    if isinstance(x, _CLOSED) or type(x).__module__.partition(".")[0] in sys.stdlib_module_names - {"__main__"}:
        return False
    slots = copyreg._slotnames  # type: ignore[attr-defined]  # which the stubs of typeshed leave out
    return type(x).__flags__ & (1 << 9) != 0 and (hasattr(x, "__dict__") or bool(slots(type(x))))


def is_users(x: Any) -> bool:
    """Whether a function that is bound to x is taken for a method: of an object, or of a class, of the user's."""
    return _is_users_class(x) if isinstance(x, type) else is_open(x) and _is_users_class(type(x))


_LIBRARIES = frozenset({"chainrule", "numpy", "scipy"})


def _is_users_class(cls: type) -> bool:
    home = cls.__module__.partition(".")[0]
    return home == "__main__" or home not in sys.stdlib_module_names | _LIBRARIES


def _is_bound(x: Any) -> bool:
    """Whether x is a method of an object, compiled or not, which an attribute of that object may hold."""
    method = type(x) is types.MethodType or (isinstance(x, Inspected) and hasattr(type(x), "__self__"))
    return method and is_users(getattr(x, "__self__", None))


def attributes(x: Any) -> Iterator[tuple[str, Any]]:
    """What an object holds, by name."""
    yield from vars(x).items() if hasattr(x, "__dict__") else ()
    for name in copyreg._slotnames(type(x)):  # type: ignore[attr-defined]  # the names that pickle has
        if hasattr(x, name):
            yield name, getattr(x, name)


def _rebuilt(x: Any, arrays: Iterator[Any], known: dict[int, Any], made: list[Any]) -> Any:
    if isinstance(x, (Box, np.ndarray, np.generic)):
        return next(arrays)
    if x is None or type(x) in PLAIN or isinstance(x, (str, bytes)):
        return x
    if id(x) in known:
        return known[id(x)]
    if _is_bound(x):
        return type(x)(x.__func__, _rebuilt(x.__self__, arrays, known, made))
    leaves, structure = flatten(x)
    if structure.rebuild is not None:
        known[id(x)] = built = unflatten(structure, [_rebuilt(leaf, arrays, known, made) for leaf in leaves])
        return built
    if not is_open(x):
        return x
    known[id(x)] = clone = object.__new__(type(x))
    given = {name: _rebuilt(value, arrays, known, made) for name, value in attributes(x)}
    for name, value in given.items():
        object.__setattr__(clone, name, value)
    made.append((clone, {name: (value, *flatten(value)) for name, value in given.items()}))
    return clone


def _changed(x: Any, given: Any, leaves: list[Any], structure: Structure) -> bool:
    found, form = flatten(x)
    return x is not given or form_of(form) != form_of(structure) or any(map(operator.is_not, found, leaves))


def refuse_changes(made: Iterable[tuple[Any, dict[str, Any]]]) -> None:
    """Refuse what a traced method did to its object: the copy it did that to is gone."""
    for clone, given in made:
        now = dict(attributes(clone))
        for name in {**given, **now}:
            if name not in now or name not in given or _changed(now[name], *given[name]):
                raise SymbolError(
                    f"[jit] the method set {name!r} of a {type(clone).__name__} while it was traced, which would be "
                    f"lost; expected a method that leaves its object as it is; return the new value."
                )

"""The arguments of a call: what each leaf is, what machine code sees of them, and a function traced for their like."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from keyword import iskeyword
from typing import Any, NamedTuple

import numpy as np

from chainrule import noise
from chainrule.box import PLAIN, Box, as_value, box
from chainrule.config import enable_grad
from chainrule.errors import ChainruleError, DTypeError, RangeError
from chainrule.graph.samples import innermost
from chainrule.native.compiled import Specialization, Streams, is_recorded
from chainrule.native.entry import form
from chainrule.native.entry.form import Words
from chainrule.native.entry.numbers import DTYPES, same_precision, yielding
from chainrule.native.entry.objects import form_of
from chainrule.spec import Spec
from chainrule.trace import Traced, trace
from chainrule.tree import DEPTH, DeepTreeError, Structure, flatten, unflatten


class Called(NamedTuple):
    """What messages call a leaf of the arguments, and the option that makes it static."""

    name: str
    option: str | None


class Leaf:
    """What one leaf of the arguments is: its Spec (a type for a number of Python's), its class if it is a Tensor."""

    __slots__ = ("cls", "foreign", "is_number", "kind", "recorded", "spec", "value")

    def __init__(self, x: Any, called: Callable[[], Called]):
        self.cls = self.kind = None
        self.recorded = self.foreign = False
        self.value = x
        self.is_number = type(x) in PLAIN or isinstance(x, np.generic)
        if isinstance(x, Box):
            self.cls = type(x)
            if self.cls.promotion is not None:
                raise DTypeError(
                    f"[jit] {called().name} is a {self.cls.__module__}.{self.cls.__name__}, whose dtypes are promoted "
                    f"by rules of their own; expected a chainrule.Tensor or an array; convert it with "
                    f"chainrule.asarray(x)."
                )
            source = x._node if x._value is None else x._value
            self.recorded = is_recorded(x)
            self.spec = Spec(source.shape, form.native_dtype(source.dtype))
        elif type(x) in PLAIN:
            _array(x, called)
            self.kind = type(x)
            self.spec = Spec((), DTYPES[type(x)])
        else:
            self.foreign = not isinstance(x, (np.ndarray, np.generic))
            self.value = value = np.asarray(_array(x, called)).view()  # whose shape no other thread changes
            self.spec = Spec(value.shape, form.native_dtype(value.dtype))

    @property
    def key(self) -> Any:
        return (self.cls, self.kind, self.spec)

    @property
    def like(self) -> type | None:
        """The type of a number of Python's that has this dtype, where it is one number and no Tensor."""
        return None if self.cls is not None or self.foreign or self.spec.shape else TYPES.get(self.spec.dtype)


TYPES = {dtype: kind for kind, dtype in DTYPES.items()}


def contiguous(x: Any) -> Any:
    """An array, or a Tensor of one, with its elements side by side; anything else, and what is so already, as it is."""
    array = x._value if x.__class__ is Box.default and x._node is None else x
    if array.__class__ is not np.ndarray or (array.flags.c_contiguous and array.flags.aligned):
        return x
    copy = array.copy("C")
    return copy if array is x else box(type(x), copy, None)


_ARRAYS = ("__array__", "__array_interface__", "__buffer__", "__float__", "__dlpack__")  # what has one may be an array
_TREES = "expected arrays, numbers, and tuples, lists and dicts of these"


def _array(x: Any, called: Callable[[], Called]) -> Any:
    if isinstance(x, type) or not (
        type(x) in PLAIN or isinstance(x, (np.ndarray, np.generic)) or any(hasattr(x, name) for name in _ARRAYS)
    ):
        name, option = called()
        advice = f"make it static: jit(f, {option})" if option else "make it an argument of its own that is static"
        raise DTypeError(
            f"[jit] {name} is {_shown(x)} of type {type(x).__name__}; {_TREES}; {advice}, to compile once for each "
            f"value of it."
        )
    try:
        return as_value("jit", x)
    except ChainruleError as error:
        raise type(error)(error.message.replace("an operand", called().name, 1)) from None


def _returned(result: Any) -> Any:
    """What a function returned, if it is a tree of arrays and numbers."""
    for leaf in flatten(result)[0]:
        if isinstance(leaf, Box) or type(leaf) in PLAIN:
            continue
        if not isinstance(leaf, type) and any(hasattr(leaf, name) for name in _ARRAYS):
            try:
                as_value("jit", leaf)
            except ChainruleError as error:
                message = error.message.replace("an operand is", "the function returned", 1)
                raise type(error)(message) from None
            continue
        advice = "return arrays, and all else apart from this function"
        if inspect.iscoroutine(leaf):
            leaf.close()  # which nobody will wait for
            advice = "write def in place of async def"
        elif inspect.isgenerator(leaf):
            advice = "return a list in place of a generator"
        shown = f"{_shown(leaf)} of type {type(leaf).__name__}"
        raise DTypeError(f"[jit] the function returned {shown}; {_TREES}; {advice}.")
    return result


def _shown(x: Any) -> str:
    try:
        text = repr(x)
    except RecursionError:
        text = "..."
    return text if len(text) <= 40 else text[:37] + "..."


def number_as(kind: Any, value: Any, dtype: Any) -> Any:
    """A number of Python's as an array of this dtype."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(value).astype(dtype)[()] if kind is not int else np.array(value, dtype)[()]
    except OverflowError:
        raise RangeError(
            f"[jit] the integer {value} is beyond {np.dtype(dtype)}; expected one that fits; "
            f"give it as a float, or as an array."
        ) from None


class Call:
    """The arguments of one call, taken apart."""

    def __init__(self, static: frozenset[Any], args: tuple[Any, ...], kwargs: dict[str, Any], function: Any = None):
        self.args, self.kwargs, self._function = args, kwargs, function
        self.static = {
            **{i: x for i, x in enumerate(args) if i in static},
            **{name: x for name, x in kwargs.items() if name in static},
        }
        trees = (
            tuple(x for i, x in enumerate(args) if i not in self.static),
            {name: x for name, x in kwargs.items() if name not in self.static},
        )
        try:
            flat, self.structure = flatten(trees)
        except DeepTreeError:
            raise self._too_deep() from None
        self.leaves = [Leaf(x, functools.partial(self._called, i)) for i, x in enumerate(flat)]
        self.tensors = any(leaf.cls is not None for leaf in self.leaves)
        self.recorded = any(leaf.recorded for leaf in self.leaves)
        statics = tuple((name, _spelled(name, x)) for name, x in self.static.items())
        self.key = (form_of(self.structure), tuple(leaf.key for leaf in self.leaves), len(args), statics)

    def _too_deep(self) -> DeepTreeError:
        """The error that names the argument which is a tree too deep."""
        named = {
            **{f"argument {i}": x for i, x in enumerate(self.args)},
            **{f"{n!r}": x for n, x in self.kwargs.items()},
        }
        for what, x in named.items():
            try:
                flatten(((x,),))
            except DeepTreeError:
                return DeepTreeError("jit", f"{what}, a {type(x).__name__},")
        return DeepTreeError("jit", "an argument")

    @property
    def valued(self) -> Any:
        """The key where numbers are constants."""
        return (self.key, tuple(_spelled("number", leaf.value) for leaf in self.leaves if leaf.kind))

    @property
    def layout(self) -> Any:
        """What machine code sees of a call beside its key: the order of names and keys, and static objects."""
        statics = tuple(id(x) for x in self.static.values())
        return (self.key, tuple(self.kwargs), statics, _orders((self.args, self.kwargs)))

    @property
    def alike(self) -> Any:
        """The layout where numbers of Python's and of NumPy's are the same."""
        structure, keys, *rest = self.key
        keys = tuple(
            (None, leaf.like, leaf.spec) if leaf.like else key for leaf, key in zip(self.leaves, keys, strict=True)
        )
        return ((structure, keys, *rest), *self.layout[1:])

    def with_numbers(self, plain: bool) -> Call:
        """This call with all numbers as Python's, or as NumPy's."""
        values = [
            leaf.value if not leaf.like else leaf.like(leaf.value) if plain else leaf.spec.dtype.type(leaf.value)
            for leaf in self.leaves
        ]
        args, named = self._filled(values)
        static = frozenset(self.static)
        return Call(static, tuple(args), named, self._function)

    def _filled(self, leaves: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with these leaves, and the static ones as they are."""
        positional, named = unflatten(self.structure, leaves)
        rest = iter(positional)
        args = [self.static[i] if i in self.static else next(rest) for i in range(len(self.args))]
        return args, {name: self.static[name] if name in self.static else named[name] for name in self.kwargs}

    def records(self, words: Words, numbers: Sequence[Any], alike: bool = False) -> Iterator[Any]:
        """What machine code must know of each leaf; None where it leaves the call to Python.

        With ``alike``, numbers may be Python's or NumPy's.
        """
        for position, (leaf, dtype) in enumerate(zip(self.leaves, numbers, strict=True)):
            if alike and leaf.like:
                yield form.either(words, leaf.like, leaf.spec, position)
            elif leaf.kind is not None:
                yield None if dtype is None else form.number(leaf.kind, dtype, position)
            elif leaf.cls in (None, Box.default) and not leaf.foreign:
                yield form.leaf(words, leaf.spec, position, leaf.cls)
            else:
                yield None

    def inputs_of(self, names: Collection[Any]) -> frozenset[int]:
        """The numbers of the leaves of arguments with these positions and names."""
        found: set[int] = set()
        number = 0
        for key, part in self._parts():
            found.update(range(number, number + part.leaves) if key in names else ())
            number += part.leaves
        return frozenset(found)

    def _parts(self, places: Sequence[str] = ()) -> list[tuple[Any, Structure]]:
        """The arguments that are not static, each with its name, or its position where ``places`` has none for it."""
        positional, named = self.structure.children
        free = [i for i in range(len(self.args)) if i not in self.static]
        keys = [places[i] if i < len(places) else i for i in free]
        return [*zip(keys, positional.children, strict=True), *zip(named.kind[1], named.children, strict=True)]

    def _called(self, number: int) -> Called:
        for key, part in self._parts(places_of(self._function) or ()):
            if number < part.leaves:
                named = isinstance(key, str)
                name = f"the argument {key}" if named else f"argument {key}"
                if part.rebuild is not None:
                    return Called(f"leaf {number} of {name}", None)
                return Called(name, f"static_argnames={key!r}" if named else f"static_argnums={key}")
            number -= part.leaves
        raise AssertionError("a leaf of no argument")

    # ------------------------------------------------------------------------------------------ tracing

    def traced(self, function: Callable[..., Any]) -> Specialization:
        """The program of a function for arguments like these.

        A number of Python's is an input whose dtype yields to its neighbours'. The graph is compared with that of the
        numbers as constants: where something has another dtype there, they are constants.
        """
        kinds = [leaf.kind for leaf in self.leaves]
        plain, streams = self._graph(function, [None] * len(kinds))
        if not any(kinds):
            return Specialization(plain, [None] * len(kinds), streams)
        numbers = [None if kind is None else DTYPES[kind] for kind in kinds]
        try:
            graph, drawn = self._graph(function, numbers)
        except DTypeError:
            if bool not in kinds:
                raise
            # Python computes with its own True as with 1, as -True is -1, and arrays of bool do not.
            return Specialization(plain, [None] * len(kinds), streams, True)
        own, states = graph.inputs[: len(kinds)], graph.inputs[len(kinds) :]
        inputs = [[node for node, k in zip(own, kinds, strict=True) if bool(k) == flag] for flag in (False, True)]
        graph = Traced(graph._name, graph.inputs, yielding(graph, inputs[1]), graph._taken, graph._given)
        if same_precision(graph, plain, [*inputs[0], *states]):
            return Specialization(graph, numbers, drawn)
        return Specialization(plain, [None] * len(kinds), streams, True)

    def _graph(self, function: Callable[..., Any], numbers: Sequence[Any]) -> tuple[Traced, Streams]:
        """The graph of a function, with inputs for arrays, and for numbers that have a dtype; and what it draws.

        The last inputs are the states of the streams that it draws from.
        """
        specs = [
            leaf.spec if leaf.kind is None else Spec((), dtype)
            for leaf, dtype in zip(self.leaves, numbers, strict=True)
            if leaf.kind is None or dtype is not None
        ]

        def run(*symbols: Any) -> Any:
            given = iter(symbols)
            leaves = []
            for leaf, dtype in zip(self.leaves, numbers, strict=True):
                if leaf.kind is not None and dtype is None:
                    leaves.append(leaf.value)
                    continue
                x = next(given)
                leaves.append(x if leaf.cls is None else box(leaf.cls, None, x._node))
            args, named = self._filled(leaves)
            return _returned(function(*args, **named))

        run.__name__ = getattr(function, "__name__", "function")
        names = self._names(function, numbers)
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions have it, where they are given one
        before = innermost.set(None)  # transforms inside ask what they are given
        drawing = noise.Drawing(names)
        around = noise.traced.set(drawing)
        try:
            with enable_grad():
                made = trace(run, *specs)
        finally:
            noise.traced.reset(around)
            innermost.reset(before)
        graph = Traced(made._name, [*made.inputs, *drawing.symbols], made.outputs, made._taken, made._given)
        return graph, drawing.streams

    def _names(self, function: Any, numbers: Sequence[Any]) -> dict[str, str | int | None]:
        """Names for inputs: those of parameters, numbered where one holds several.

        With each its name or position as a static argument, which numbers and tuples of them can be; None for all else.
        """
        found: list[tuple[str, Any]] = []
        for key, part in self._parts(places_of(function) or ()):
            name = key if isinstance(key, str) else f"x{key}"
            leaves = self.leaves[len(found) : len(found) + part.leaves]
            static = key if _is_tuple(part) and all(leaf.is_number for leaf in leaves) else None
            names = [name] if part.rebuild is None else [f"{name}_{i}" for i in range(part.leaves)]
            found += [(name, static) for name in names]
        kept = [
            (name if name.isidentifier() and not iskeyword(name) else f"x{i}", key)
            for i, ((name, key), leaf, dtype) in enumerate(zip(found, self.leaves, numbers, strict=True))
            if not leaf.kind or dtype
        ]
        names = [name for name, _ in kept]
        names = [name if names.index(name) == i else f"{name}_{i}" for i, name in enumerate(names)]
        return dict(zip(names, (key for _, key in kept), strict=True))


def _is_tuple(part: Structure) -> bool:
    return part.rebuild is None or (part.kind is tuple and all(map(_is_tuple, part.children)))


def places_of(function: Any) -> list[str] | None:
    """The names of parameters that may be given by position; None where the function does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _spelled(name: Any, x: Any, depth: int = DEPTH) -> Any:
    """A static argument as a key: 1, 1.0 and True differ, and so do 0.0 and −0.0."""
    if isinstance(x, tuple):
        if not depth:
            raise DeepTreeError("jit", f"the static argument {name!r}")
        return type(x), tuple(_spelled(name, item, depth - 1) for item in x)
    try:
        hash(x)
    except TypeError:
        raise DTypeError(
            f"[jit] the static argument {name!r} is {_shown(x)} of type {type(x).__name__}, which has no hash; "
            f"expected a value that can be a key; give a tuple in place of a list."
        ) from None
    return type(x), repr(x) if isinstance(x, (float, complex)) else x


def _orders(tree: Any) -> Any:
    """The keys of all dicts in a tree, in their order."""
    if type(tree) in (tuple, list):
        return tuple(_orders(x) for x in tree)
    return (tuple(tree), tuple(_orders(x) for x in tree.values())) if type(tree) is dict else None

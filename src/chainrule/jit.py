"""jit: a function compiled to machine code, once for each form of its arguments."""

from __future__ import annotations

import functools
import inspect
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from keyword import iskeyword
from typing import Any

import numpy as np

from chainrule.apply import PLAIN, Box, as_value, box
from chainrule.config import enable_grad, recording
from chainrule.errors import DTypeError, RangeError
from chainrule.graph.body import Body
from chainrule.graph.call import CALL, body_of
from chainrule.graph.function import Function
from chainrule.graph.graph import Graph
from chainrule.graph.intern import interned
from chainrule.graph.samples import innermost
from chainrule.native import compile, form
from chainrule.native.form import Form, Launch, Table, Words
from chainrule.native.numbers import DTYPES, same_precision, yielding
from chainrule.native.objects import Frozen, form_of, refuse_changes, with_arrays
from chainrule.native.python import Callable as FastCallable
from chainrule.native.python import called_fast
from chainrule.native.signature import found_of, recipe_of
from chainrule.passes import optimize
from chainrule.spec import Spec
from chainrule.trace import Traced, trace
from chainrule.tree import Structure, flatten, unflatten

FORMS = 64  # of one function as machine code; other calls go through Python, to kernels of their own
KNOWN = 1024  # forms of one function that are remembered

# One for all functions, which may trace one another in any order.
_tracing = threading.RLock()


# ---------------------------------------------------------------------------------------------- one program


class CompiledBody(Body):
    """A body that runs compiled, and so do its derivatives."""

    def __init__(self, body: Body):
        super().__init__([box(Box.default, None, node) for node in body.inputs], body.outputs)

    @functools.cached_property
    def plan(self) -> Any:
        """This graph as a function of bare arrays."""
        return Launch(compile(optimize(self.inline())))  # type: ignore[attr-defined]  # attached to Graph

    def derived(self, key: Any, make: Callable[..., Any], *args: Any) -> Any:
        if key not in self._derived:
            found = super().derived(key, make, *args)
            if isinstance(found, tuple):
                found = tuple(CompiledBody(x) if isinstance(x, Body) else x for x in found)
            self._derived[key] = CompiledBody(found) if isinstance(found, Body) else found
        return self._derived[key]


def _compiled_body(body: Body) -> CompiledBody:
    """The compiled form of a body, and of all that are made by the same lines."""
    known = vars(interned(body))
    if "_compiled" not in known:
        known["_compiled"] = CompiledBody(body)
    return known["_compiled"]


def _run_compiled(graph: Graph, values: Sequence[Any]) -> Sequence[Any]:
    """The outputs of a graph by machine code: Tensors where a gradient may be asked of them, else bare arrays."""
    known = vars(graph)
    if "_jitted" not in known:
        body, outside = body_of(graph)
        known["_jitted"] = _compiled_body(body), outside
    body, outside = known["_jitted"]
    if outside or any(isinstance(x, Box) and is_recorded(x) for x in values):
        return CALL.call(*outside, *values, body=body)
    return body.plan(*(x._value if isinstance(x, Box) else x for x in values))


Function.run_compiled = _run_compiled


def is_recorded(x: Any) -> bool:
    """Whether what is computed from a Tensor is recorded."""
    return x._value is None or (x._node is not None and recording.get())


class Specialization:
    """A function for one form of its arguments: its graph, its body, and what it closes over."""

    def __init__(self, graph: Traced, numbers: Sequence[Any], constants: bool = False):
        self.graph = graph
        self.numbers = numbers  # the dtypes that numbers of Python's are given; None for arrays, and for constants
        self.constants = constants
        body, self.outside = body_of(graph)
        self.body = _compiled_body(body)
        self.structure: Structure = graph._given
        self.classes = [type(y) for y in graph.outputs]

    def call(self, values: Sequence[Any], recorded: bool, tensors: bool) -> Any:
        """The result at these values: Tensors where a gradient may be asked of it, else through the kernel."""
        if recorded or self.outside:
            return unflatten(self.structure, CALL.call(*self.outside, *values, body=self.body))
        results = self.body.plan(*(x._value if isinstance(x, Box) else x for x in values))
        if tensors:
            results = [box(cls, y, None) for cls, y in zip(self.classes, results, strict=True)]
        return unflatten(self.structure, results)


# ------------------------------------------------------------------------------------------- the arguments


class Leaf:
    """What one leaf of the arguments is: its Spec (a type for a number of Python's), its class if it is a Tensor."""

    __slots__ = ("cls", "foreign", "kind", "recorded", "spec", "value")

    def __init__(self, x: Any, where: str):
        self.cls = self.kind = None
        self.recorded = self.foreign = False
        self.value = x
        if isinstance(x, Box):
            self.cls = type(x)
            if self.cls.promotion is not None:
                raise DTypeError(
                    f"[jit] {where} is a {self.cls.__module__}.{self.cls.__name__}, whose dtypes are promoted by rules "
                    f"of their own; expected a chainrule.Tensor or an array; convert it with chainrule.asarray(x)."
                )
            source = x._node if x._value is None else x._value
            self.recorded = is_recorded(x)
            self.spec = Spec(source.shape, source.dtype)
        elif type(x) in PLAIN:
            as_value("jit", x)
            self.kind = type(x)
            self.spec = Spec((), DTYPES[type(x)])
        else:
            self.foreign = not isinstance(x, (np.ndarray, np.generic))
            self.value = value = np.asarray(_array(x, where))
            self.spec = Spec(value.shape, np.dtype(value.dtype.str))

    @property
    def key(self) -> Any:
        return (self.cls, self.kind, self.spec)


def _array(x: Any, where: str) -> Any:
    if not isinstance(x, (np.ndarray, np.generic)) and not any(
        hasattr(x, name) for name in ("__array__", "__array_interface__", "__buffer__", "__float__", "__dlpack__")
    ):
        raise DTypeError(
            f"[jit] {where} is {_shown(x)} of type {type(x).__name__}; expected arrays, numbers, and tuples, lists and "
            f"dicts of these; name it in static_argnames, to compile once for each value of it."
        )
    return as_value("jit", x)


def _shown(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 40 else text[:37] + "..."


def _number(kind: Any, value: Any, dtype: Any) -> Any:
    """A number of Python's as an array of this dtype."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(value).astype(dtype)[()] if kind is not int else np.array(value, dtype)[()]
    except OverflowError:
        raise RangeError(
            f"[jit] the integer {value} is beyond {np.dtype(dtype)}; expected one that fits; "
            f"give it as a float, or as an array."
        ) from None


# ------------------------------------------------------------------------------------------------ the function


@called_fast
class Jitted(FastCallable):
    """A function that :func:`jit` compiles: called as the function is, it runs machine code."""

    def __init__(self, function: Callable[..., Any], static: frozenset[Any], donate: frozenset[Any]):
        functools.update_wrapper(self, function)
        self.static, self.donate = static, donate
        self._function = function
        self._known: dict[Any, Specialization] = {}
        self._formed: set[Any] = set()
        self._table = Table()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = Call(self, args, kwargs)
        made = self._specialized(call)
        values = [
            leaf.value if dtype is None else _number(leaf.kind, leaf.value, dtype)
            for leaf, dtype in zip(call.leaves, made.numbers, strict=True)
            if leaf.kind is None or dtype is not None
        ]
        if not call.recorded and not made.outside:
            self._add_form(made, call)
        return made.call(values, call.recorded, call.tensors)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        return types.MethodType(self if isinstance(instance, (Box, np.ndarray)) else self._method, instance)

    @functools.cached_property
    def _method(self) -> Method:
        return Method(self)

    def __repr__(self) -> str:
        return f"<jit of {getattr(self, '__qualname__', self._function)}>"

    def specialization(self, *args: Any, **kwargs: Any) -> Specialization:
        """What was made, or is made now, for arguments like these."""
        return self._specialized(Call(self, args, kwargs))

    def _specialized(self, call: Call) -> Specialization:
        made = self._found(call)
        if made is None:
            with _tracing:
                made = self._found(call)
                if made is None:
                    made = call.traced(self._function)
                    if not made.outside:  # what a function closes over may be another each time
                        if len(self._known) >= KNOWN:
                            self._known.clear()
                        self._known[call.key] = made
                        if made.constants:
                            self._known[call.valued] = made
        return made

    def _found(self, call: Call) -> Specialization | None:
        made = self._known.get(call.key)
        return self._known.get(call.valued) if made is not None and made.constants else made

    def _add_form(self, made: Specialization, call: Call) -> None:
        """Let machine code take calls like this one."""
        layout = call.layout
        if not form.fast(self) or len(self._table.forms) >= FORMS or layout in self._formed:
            return
        with _tracing:
            if layout in self._formed:
                return
            self._formed.add(layout)
            words = Words()
            records = call.records(words, made.numbers)
            found = found_of(words, call.args, call.kwargs, call.static, records)
            if found is None or (call.tensors and any(cls is not Box.default for cls in made.classes)):
                return
            classes = [cls if call.tensors else None for cls in made.classes]
            names, recipe = list(call.kwargs), recipe_of(words, made.structure)
            program = made.body.plan.program
            self._table.add(self, Form(program, len(call.args), names, found, recipe, classes, words))


class Method:
    """A compiled function as a method: the arrays in attributes of its object are arguments, all else is static."""

    def __init__(self, jitted: Jitted):
        places = {x + 1 for x in jitted.static if isinstance(x, int)}
        names = {x for x in jitted.static if isinstance(x, str)}
        self._function, self._known = jitted._function, {}
        functools.update_wrapper(self, jitted._function)
        run = functools.partial(_run_method, jitted._function)
        functools.update_wrapper(run, jitted._function, ("__module__", "__name__", "__qualname__", "__doc__"), ())
        self.jitted = Jitted(run, frozenset({1, *places, *names}), jitted.donate)

    def __call__(self, instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        now = Frozen(instance)
        frozen = self._known.setdefault(now, now)  # one object for equal ones, so that machine code knows it
        arrays, now.arrays = now.arrays, []
        token = _instance.set(instance)
        try:
            return self.jitted(arrays, frozen, *args, **kwargs)
        finally:
            _instance.reset(token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.jitted, name)


_instance: ContextVar[Any] = ContextVar("instance")  # of the method that is called


def _run_method(function: Callable[..., Any], arrays: Any, _frozen: Any, /, *args: Any, **kwargs: Any) -> Any:
    instance, made = with_arrays(_instance.get(), arrays)
    result = function(instance, *args, **kwargs)
    refuse_changes(made)
    return result


class Call:
    """The arguments of one call, taken apart."""

    def __init__(self, jitted: Jitted, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.args, self.kwargs = args, kwargs
        self.static = {
            **{i: x for i, x in enumerate(args) if i in jitted.static},
            **{name: x for name, x in kwargs.items() if name in jitted.static},
        }
        trees = (
            tuple(x for i, x in enumerate(args) if i not in self.static),
            {name: x for name, x in kwargs.items() if name not in self.static},
        )
        flat, self.structure = flatten(trees)
        self.leaves = [
            Leaf(x, f"leaf {i} of the arguments" if len(flat) > 1 else "the argument") for i, x in enumerate(flat)
        ]
        self.tensors = any(leaf.cls is not None for leaf in self.leaves)
        self.recorded = any(leaf.recorded for leaf in self.leaves)
        statics = tuple((name, _spelled(name, x)) for name, x in self.static.items())
        self.key = (form_of(self.structure), tuple(leaf.key for leaf in self.leaves), len(args), statics)

    @property
    def valued(self) -> Any:
        """The key where numbers are constants."""
        return (self.key, tuple(_spelled("number", leaf.value) for leaf in self.leaves if leaf.kind))

    @property
    def layout(self) -> Any:
        """What machine code sees of a call beside its key: the order of names and keys, and static objects."""
        statics = tuple(id(x) for x in self.static.values())
        return (self.key, tuple(self.kwargs), statics, _orders((self.args, self.kwargs)))

    def records(self, words: Words, numbers: Sequence[Any]) -> Iterator[Any]:
        """What machine code must know of each leaf; None where it leaves the call to Python."""
        for position, (leaf, dtype) in enumerate(zip(self.leaves, numbers, strict=True)):
            if leaf.kind is not None:
                yield None if dtype is None else form.number(leaf.kind, dtype, position)
            elif leaf.cls in (None, Box.default) and not leaf.foreign:
                yield form.leaf(words, leaf.spec, position, leaf.cls)
            else:
                yield None

    # ------------------------------------------------------------------------------------------ tracing

    def traced(self, function: Callable[..., Any]) -> Specialization:
        """The program of a function for arguments like these.

        A number of Python's is an input whose dtype yields to its neighbours'. The graph is compared with that of the
        numbers as constants: where something has another dtype there, they are constants.
        """
        kinds = [leaf.kind for leaf in self.leaves]
        plain = self._graph(function, [None] * len(kinds))
        if not any(kinds):
            return Specialization(plain, [None] * len(kinds))
        numbers = [None if kind is None else DTYPES[kind] for kind in kinds]
        graph = self._graph(function, numbers)
        inputs = [
            [node for node, k in zip(graph.inputs, kinds, strict=True) if bool(k) == flag] for flag in (False, True)
        ]
        graph = Traced(graph._name, graph.inputs, yielding(graph, inputs[1]), graph._taken, graph._given)
        if same_precision(graph, plain, inputs[0]):
            return Specialization(graph, numbers)
        return Specialization(plain, [None] * len(kinds), True)

    def _graph(self, function: Callable[..., Any], numbers: Sequence[Any]) -> Traced:
        """The graph of a function, with inputs for arrays, and for numbers that have a dtype."""
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
            positional, named = unflatten(self.structure, leaves)
            rest = iter(positional)
            args = [self.static[i] if i in self.static else next(rest) for i in range(len(self.args))]
            named = {name: self.static[name] if name in self.static else named[name] for name in self.kwargs}
            return function(*args, **named)

        run.__name__ = getattr(function, "__name__", "function")
        run.__signature__ = inspect.Signature(self._parameters(function, numbers))  # type: ignore[attr-defined]
        before = innermost.set(None)  # transforms inside ask what they are given
        try:
            with enable_grad():
                return trace(run, *specs)
        finally:
            innermost.reset(before)

    def _parameters(self, function: Any, numbers: Sequence[Any]) -> list[inspect.Parameter]:
        """Parameters that inputs can be named after: those of the function, numbered where one holds several."""
        positional, named = self.structure.children
        places = _places(function) or []
        free = [places[i] if i < len(places) else f"x{i}" for i in range(len(self.args)) if i not in self.static]
        parts = [*zip(free, positional.children, strict=True), *zip(named.kind[1], named.children, strict=True)]
        names: list[str] = []
        for name, part in parts:
            names += [name] if part.rebuild is None else [f"{name}_{i}" for i in range(part.leaves)]
        names = [name if name.isidentifier() and not iskeyword(name) else f"x{i}" for i, name in enumerate(names)]
        kept = [n for n, leaf, dtype in zip(names, self.leaves, numbers, strict=True) if not leaf.kind or dtype]
        names = [name if kept.index(name) == i else f"{name}_{i}" for i, name in enumerate(kept)]
        return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in dict.fromkeys(names)]


def _places(function: Any) -> list[str] | None:
    """The names of parameters that may be given by position; None where the function does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _spelled(name: Any, x: Any) -> Any:
    """A static argument as a key: 1, 1.0 and True differ, and so do 0.0 and −0.0."""
    if isinstance(x, tuple):
        return type(x), tuple(_spelled(name, item) for item in x)
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


# ------------------------------------------------------------------------------------------------------- jit


def jit(function: Any = None, *, static_argnums: Any = (), static_argnames: Any = (), donate: Any = ()) -> Any:
    """``function`` compiled to machine code: traced once for each form of its arguments, and optimised as a whole.

    Arguments and results are trees (tuples, lists, dicts, …) of arrays and numbers. Results are Tensors where a Tensor
    is among the arguments, else NumPy's arrays and scalars. A form is the tree, the shapes and dtypes in it, and the
    values of static arguments, named by position or name: they must have a hash, and are constants of the program.
    Numbers are inputs: another value compiles nothing new.

    The function runs on symbols (see :func:`chainrule.trace`), so what it does beside computing is done once, and what
    depends on values (``if x > 0``) raises a SymbolError. Arrays that it closes over are constants from the first call
    on. Tensors that require a gradient, and states, are not: a function that closes over them is traced at each call.

    As a method, it takes the arrays in attributes of its object for arguments, and everything else there (numbers too)
    for static ones. It must not write to its object.

    Works inside and outside of ``grad``, ``vmap``, loops and other compiled functions: where a derivative is asked of
    the result, it is compiled too. ``donate`` names arguments (as ``static_argnums`` does) whose memory may be written
    to, as the caller needs them no more.

    >>> import chainrule as cr
    >>> @cr.jit
    ... def loss(w, x):
    ...     return cr.sum((x @ w) ** 2)
    >>> w, x = cr.tensor([1.0, 2.0]), cr.tensor([[1.0, 0.0], [1.0, 1.0]])
    >>> loss(w, x)
    tensor(10.)
    >>> cr.jit(cr.value_and_grad(loss))(w, x)
    (tensor(10.), tensor([8., 6.]))
    """
    if function is None:
        return functools.partial(jit, static_argnums=static_argnums, static_argnames=static_argnames, donate=donate)
    if not callable(function):
        raise DTypeError(
            f"[jit] the function is a {type(function).__name__}; expected something to call; write jit(f), or @jit."
        )
    static = _names(function, "static_argnums", static_argnums) | _names(function, "static_argnames", static_argnames)
    return Jitted(function, static, _names(function, "donate", donate))


def _names(function: Any, option: str, given: Any) -> frozenset[Any]:
    """Positions and names of arguments, each by the other too where the function tells."""
    listed = [given] if isinstance(given, str) or hasattr(given, "__index__") else list(given)
    wanted = str if option == "static_argnames" else int if option == "static_argnums" else (int, str)
    for x in listed:
        if not isinstance(x, wanted) or x is True or x is False:
            raise DTypeError(
                f"[jit] {option} holds {x!r}; expected "
                f"{'names of parameters' if wanted is str else 'positions of arguments'}; "
                f"write e.g. {option}={repr(('n',)) if wanted is str else '(1,)'}."
            )
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return frozenset(listed)
    places = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [p.name for p in parameters]
    found: set[Any] = set()
    for x in listed:
        found.add(x)
        if isinstance(x, str):
            if x not in known and not any(p.kind is p.VAR_KEYWORD for p in parameters):
                raise DTypeError(
                    f"[jit] {option} names {x!r}, and the parameters are {', '.join(known) or 'none'}; expected one of "
                    f"them; check the spelling."
                )
            if x in places:
                found.add(places.index(x))
        else:
            place = x + len(places) if x < 0 else x
            found.add(place)
            if 0 <= place < len(places):
                found.add(places[place])
    return frozenset(found)

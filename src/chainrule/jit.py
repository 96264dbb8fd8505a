"""jit: a function compiled to machine code, once for each form of its arguments."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import operator
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.box import Box
from chainrule.errors import DeepCallError, DTypeError
from chainrule.graph.inspection import Inside, Inspected, nothing_compiled
from chainrule.native.compiled import Specialization
from chainrule.native.digest import spelled
from chainrule.native.entry import form
from chainrule.native.entry.arguments import Call, contiguous, number_as
from chainrule.native.entry.donation import donated_to
from chainrule.native.entry.draws import MISSED, Draws
from chainrule.native.entry.form import Form, Table, Words
from chainrule.native.entry.objects import Frozen, form_of, is_open, is_users, paths_of, refuse_changes, with_arrays
from chainrule.native.entry.options import SINGLE, names_of, parameters_of
from chainrule.native.entry.python import Callable as FastCallable
from chainrule.native.entry.python import called_fast
from chainrule.native.entry.signature import found_of, recipe_of
from chainrule.native.pause import collected_later
from chainrule.spec import Spec

FORMS = 64  # of one function as machine code; other calls go through Python, to kernels of their own
STATE = Spec((3,), np.dtype(np.uint64))  # of a stream of random numbers
KNOWN = 1024  # forms of one function that are remembered


@called_fast
class Jitted(FastCallable, Inspected):
    """A function that :func:`jit` compiles: called as the function is, it runs machine code."""

    def __init__(self, function: Callable[..., Any], static: frozenset[Any], donate: frozenset[Any]):
        functools.update_wrapper(self, function)
        self.static, self.donate = static, donate
        self._function = function
        self._known: dict[Any, Specialization] = {}
        self._formed: set[Any] = set()
        self._mixed: set[Any] = set()
        self._tracing: dict[Any, Any] = {}  # of those forms that are traced now
        self._changing = threading.RLock()  # held while nothing of the user's runs
        self._table = Table()
        self._draws = Draws()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._table.forms:
            ready = tuple(map(contiguous, args))
            if any(map(operator.is_not, ready, args)):
                return self(*ready, **kwargs)
        drawn = self._draws.call(args, kwargs)
        if drawn is not MISSED:
            return drawn
        if args and self._is_method_of(args[0]):
            return self._method(*args, **kwargs)
        call = self._call(args, kwargs)
        made = self._specialized(call)
        if made.streams:
            for leaf in call.leaves:
                noise.check(getattr(self, "__name__", "jit"), leaf.value)
        if not call.recorded and not made.outside and self._add_form(made, call) and self.donate:
            return self(*args, **kwargs)  # as all calls after it, so that what it takes is always taken
        return made.call(_values(made, call), call.recorded, call.tensors)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        return BoundMethod(self, instance)

    def _is_method_of(self, x: Any) -> bool:
        """Whether this is a method of an object that is given first, as by ``super``, or by a property."""
        if not is_open(x) or isinstance(x, (Box, np.ndarray)):
            return False
        name = getattr(self, "__name__", "")
        found = (vars(cls).get(name) for cls in type(x).__mro__)
        return any(self in (y, *(getattr(y, to, None) for to in ("fget", "func", "__func__"))) for y in found)

    @functools.cached_property
    def _method(self) -> Method:
        return Method(self)

    def __repr__(self) -> str:
        return f"<jit of {getattr(self, '__qualname__', self._function)}>"

    def __reduce__(self) -> str:
        """Pickled by name, and copied as itself, as functions are."""
        return getattr(self, "__qualname__", "jit")

    def specialization(self, *args: Any, **kwargs: Any) -> Specialization:
        """What was made, or is made now, for arguments like these."""
        return self._specialized(self._call(args, kwargs))

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return Call(self.static, args, kwargs, self._function)

    def _inside(self, asked: str, args: Any, kwargs: Any) -> Inside:
        if args and self._is_method_of(args[0]):
            return self._method.inside(asked, *args, **kwargs)
        needed = [p.name for p in parameters_of(self._function) if p.default is p.empty and p.kind in SINGLE]
        if args or kwargs or not needed:
            call = self._call(args, kwargs)
            made = self._specialized(call)
            return self._inside_of(made, lambda: [*made.outside, *_values(made, call), *made.states(False)])
        if not self._known or asked == "profile":
            raise nothing_compiled(asked, needed)
        return self._inside_of(list(self._known.values())[-1], list)

    def _inside_of(self, made: Specialization, values: Callable[[], Any]) -> Inside:
        name = getattr(self._function, "__name__", "function")
        return Inside(made.program, made.names, values, name)

    def _specialized(self, call: Call) -> Specialization:
        made = self._found(call)
        if made is not None:
            return made
        with self._one_thread(call), collected_later():
            made = self._found(call)
            if made is None:
                made = self._traced(call)
                if not made.outside:  # what a function closes over may be another each time
                    with self._changing:
                        if len(self._known) >= KNOWN:
                            self._known.clear()
                        self._known[call.key] = made
                        if made.constants:
                            self._known[call.valued] = made
            return made

    @contextlib.contextmanager
    def _one_thread(self, call: Call) -> Iterator[None]:
        """Wait for a thread that traces the same form, so that it is traced once.

        Threads that trace do not wait: the other may be waiting for them, as functions may call one another in any
        order. Then both trace it.
        """
        lock = self._tracing.setdefault(call.key, threading.RLock())
        held = lock.acquire(blocking=noise.traced.get() is None)
        try:
            yield
        finally:
            if held:
                self._tracing.pop(call.key, None)
                lock.release()

    def _traced(self, call: Call) -> Specialization:
        try:
            return call.traced(self._function)
        except RecursionError:
            if noise.traced.get() is not None:
                raise  # to the outermost, where there is room for a message
            name = getattr(self._function, "__name__", "function")
            raise DeepCallError(
                f"[jit] tracing {name} took more calls inside of one another than Python's limit, "
                f"{sys.getrecursionlimit()}; expected a function that calls itself a few times at most, as each call "
                f"is traced; repeat with scan(...), fori_loop(...) or while_loop(...), or call sys.setrecursionlimit."
            ) from None

    def _found(self, call: Call) -> Specialization | None:
        made = self._known.get(call.key)
        return self._known.get(call.valued) if made is not None and made.constants else made

    def _add_form(self, made: Specialization, call: Call) -> bool:
        """Let machine code take calls like this one; whether it does from now on, and did not before."""
        layout = call.layout
        full = self._draws.full if made.streams else len(self._table.forms) >= FORMS
        if full or not form.fast(self) or layout in self._formed:
            return False
        with self._changing:
            if layout in self._formed:
                return False
            self._formed.add(layout)
        alike = self._numbers_are_alike(call)
        program = made.body.plan.program
        with self._changing:
            words = Words()
            states, count = made.states(False), len(made.streams)
            records = [*(form.leaf(words, STATE, len(call.leaves) + i) for i in range(count))]
            records += call.records(words, made.numbers, alike)
            static = {x + count if isinstance(x, int) else x: value for x, value in call.static.items()}
            found = found_of(words, (*states, *call.args), call.kwargs, static, iter(records))
            if found is None or (call.tensors and any(cls is not Box.default for cls in made.classes)):
                return False
            classes = [cls if call.tensors else None for cls in made.classes]
            names, recipe = list(call.kwargs), recipe_of(words, made.structure)
            donated = call.inputs_of(self.donate)
            gone = donated_to(getattr(self, "__name__", "a compiled function")) if donated else None
            form_ = Form(program, count + len(call.args), names, found, recipe, classes, words, donated, gone)
            if made.streams:
                self._draws.add(form_, made)
            else:
                self._table.add(self, form_)
            return True

    def _numbers_are_alike(self, call: Call) -> bool:
        """Whether one form may take numbers of Python's and of NumPy's, so that not each mixture needs its own.

        Asked when a second mixture comes. A number of Python's yields to what has a precision of its own, one of
        NumPy's does not. So what all of the first kind, and all of the second kind, make the same, all mixtures do.
        """
        alike = call.alike
        if alike not in self._mixed:
            self._mixed.add(alike)
            return False
        try:
            one, other = (self._specialized(call.with_numbers(plain)) for plain in (True, False))
        except Exception:  # a function that asks of what type its arguments are, and refuses one
            return False
        if any(made.outside or made.constants or made.streams for made in (one, other)):
            return False
        text = spelled(one.body)
        same_result = form_of(one.structure) == form_of(other.structure) and one.classes == other.classes
        return same_result and text is not None and text == spelled(other.body)


def _values(made: Specialization, call: Call) -> list[Any]:
    """What the program is given: arrays, and those numbers that are inputs."""
    return [
        leaf.value if dtype is None else number_as(leaf.kind, leaf.value, dtype)
        for leaf, dtype in zip(call.leaves, made.numbers, strict=True)
        if leaf.kind is None or dtype is not None
    ]


class Method:
    """A compiled function as a method: the arrays in attributes of its object are arguments, all else is static."""

    def __init__(self, jitted: Jitted):
        places = {x + 1 for x in jitted.static if isinstance(x, int)}
        names = {x for x in jitted.static if isinstance(x, str)}
        self._function, self._known = jitted._function, {}
        functools.update_wrapper(self, jitted._function)
        run: Any = functools.partial(_run_method, jitted._function)
        functools.update_wrapper(run, jitted._function, ("__module__", "__name__", "__qualname__", "__doc__"), ())
        self.object, parameters = "", parameters_of(self._function)
        if parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
            self.object = name = parameters[0].name
            two = [inspect.Parameter(x, inspect.Parameter.POSITIONAL_ONLY) for x in (name, f"{name}_frozen")]
            run.__signature__ = inspect.Signature([*two, *parameters[1:]])
        donate = frozenset(x + 1 if isinstance(x, int) else x for x in jitted.donate)
        self.jitted = Jitted(run, frozenset({1, *places, *names}), donate)

    def __call__(self, instance: Any, /, *args: Any, **kwargs: Any) -> Any:
        now = Frozen(instance)
        frozen = self._known.setdefault(now, now)  # one object for equal ones, so that machine code knows it
        arrays, now.arrays = now.arrays, []
        token = _instance.set(instance)
        try:
            return self.jitted(arrays, frozen, *args, **kwargs)
        finally:
            _instance.reset(token)

    def inside(self, asked: str, instance: Any, /, *args: Any, **kwargs: Any) -> Inside:
        """The program for this object and these arguments; without them, the last of those for any object."""
        needed = [p.name for p in parameters_of(self._function)[1:] if p.default is p.empty and p.kind in SINGLE]
        if args or kwargs or not needed:
            frozen = Frozen(instance)
            token = _instance.set(instance)
            try:
                found = self.jitted._inside(asked, (frozen.arrays, frozen, *args), kwargs)
            finally:
                _instance.reset(token)
            return self._named(found, instance)
        known = list(self.jitted._known.values())
        if not known or asked == "profile":
            raise nothing_compiled(asked, needed)
        return self._named(self.jitted._inside_of(known[-1], list), instance)

    def _named(self, found: Inside, instance: Any) -> Inside:
        """With arrays of the object called as the attributes that they are in."""
        paths = {f"{self.object}_{i}": f"{self.object}_{path}" for i, path in enumerate(paths_of(instance))}
        return dataclasses.replace(found, names=[paths.get(name, name) for name in found.names])


class BoundMethod(Inspected):
    # A compiled function as the method of one object, or of a class. Its documentation is that of the function.

    __slots__ = ("__func__", "__self__")

    def __init__(self, function: Jitted, instance: Any):
        self.__func__, self.__self__ = function, instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(self.__self__, *args, **kwargs)

    @property
    def _run(self) -> Any:
        # The arrays that are attributes of an array are no arguments of its: it is one itself.
        return self.__func__ if isinstance(self.__self__, (Box, np.ndarray)) else self.__func__._method

    def _inside(self, asked: str, args: Any, kwargs: Any) -> Inside:
        run = self._run
        if isinstance(run, Method):
            return run.inside(asked, self.__self__, *args, **kwargs)
        return run._inside(asked, (self.__self__, *args), kwargs)

    @property
    def __doc__(self) -> str | None:
        return self.__func__.__doc__

    @property
    def __wrapped__(self) -> Any:
        return types.MethodType(self.__func__.__wrapped__, self.__self__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundMethod):
            return NotImplemented
        return self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __repr__(self) -> str:
        return f"<bound {self.__func__!r} of a {type(self.__self__).__name__}>"

    def __reduce__(self) -> Any:
        name = self.__func__.__name__
        if getattr(self.__self__, name, None) == self:
            return getattr, (self.__self__, name)
        return BoundMethod, (self.__func__, self.__self__)


_instance: ContextVar[Any] = ContextVar("instance")  # of the method that is called


def _run_method(function: Callable[..., Any], arrays: Any, _frozen: Any, /, *args: Any, **kwargs: Any) -> Any:
    instance, made = with_arrays(_instance.get(), arrays)
    result = function(instance, *args, **kwargs)
    refuse_changes(made)
    return result


def jit(function: Any = None, *, static_argnums: Any = (), static_argnames: Any = (), donate: Any = ()) -> Any:
    """``function`` compiled to machine code: traced once for each form of its arguments, and optimised as a whole.

    Arguments and results are trees (tuples, lists, dicts, …) of arrays and numbers. Results are Tensors where a Tensor
    is among the arguments, else NumPy's arrays and scalars. A form is the tree, the shapes and dtypes in it, and the
    values of static arguments, named by position or name: they must have a hash, and are constants of the program.
    Numbers are inputs: another value compiles nothing new.

    The function runs on symbols (see :func:`chainrule.trace`), so what it does beside computing is done once, and what
    depends on values (``if x > 0``) raises a SymbolError. Random numbers are drawn anew at each call: see
    :mod:`chainrule.random`.
    An array that it writes to changes within it, and not for the caller. Arrays that it closes over are constants from
    the first call on. Tensors that require a gradient, and states, are not: a function that closes over them is traced
    at each call.

    As a method, it takes the arrays in attributes of its object for arguments, and everything else there (numbers too)
    for static ones. It must not write to its object. So do ``jit(x.method)``, and ``jit(x)`` of an object with a
    ``__call__``. What a class holds is static for its class methods, and a constant from the first call on for others.
    So is what else a function was bound to before: by ``functools.partial``, in defaults, as attributes of functions.

    A call runs to its end, as NumPy's do: Ctrl-C raises its KeyboardInterrupt when the kernel has returned.

    Works inside and outside of ``grad``, ``vmap``, loops and other compiled functions: where a derivative is asked of
    the result, it is compiled too.

    ``donate`` names arguments (as ``static_argnums`` does) that the caller needs no more. A result of the same shape
    and dtype may take the memory of such an array, where it can be written over it: then it is that very array. So
    ``w = step(w)`` takes no new memory. A Tensor whose memory was taken raises a SymbolError when it is used again.
    Memory that another argument, or another Tensor, shares is not taken, nor that of views and of read-only arrays.

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
            f"[jit] the function is {function!r} of type {type(function).__name__}; expected something to call; write "
            f"jit(f), or @jit."
        )
    by_place, by_name = (
        names_of(function, option, given)
        for option, given in (("static_argnums", static_argnums), ("static_argnames", static_argnames))
    )
    static = by_place | by_name
    donated = names_of(function, "donate", donate)
    bound = _bound(function)
    if bound is None:
        return Jitted(function, static, donated)
    own, instance = bound
    static, donated = (frozenset(x + 1 if isinstance(x, int) else x for x in names) for names in (static, donated))
    if isinstance(own, Jitted):
        own, static = own._function, static | own.static
    return BoundMethod(Jitted(own, static, donated), instance)


def _bound(function: Any) -> tuple[Any, Any] | None:
    """The function of a method, and the object or class of the user's that it is bound to; None for other functions."""
    if isinstance(function, (types.MethodType, BoundMethod)):
        own, instance = function.__func__, function.__self__
    else:
        own, instance = type(function).__call__, function
        if not isinstance(own, (types.FunctionType, Jitted)):
            return None
    if not is_users(instance) or isinstance(instance, (Box, np.ndarray)):
        return None
    return own, instance

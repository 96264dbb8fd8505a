"""The ops, and the two namespaces made of them: ``ops`` (on Tensors) and ``raw`` (bare arrays).

Rules find every op there under its own name. Users find it where ``public=`` says: in ``chainrule`` under its own name
by default, or in a module such as ``chainrule.linalg``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from inspect import Parameter
from types import SimpleNamespace
from typing import Any

from chainrule.apply import bare_arguments, bind, boxed, defer
from chainrule.box import is_box
from chainrule.op import COMPOSITES, REGISTRY, Composite, Op
from chainrule.refusals import REFUSALS, refused
from chainrule.unknown import DEFERRED, UnknownError

# Every file of this folder, and of those in it, is a family of ops; importing it fills the registry.
for _family in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_family.name)

raw: Any = SimpleNamespace()
ops: Any = SimpleNamespace()


def _raw_function(op: Op) -> Any:
    if op.sequence:
        return lambda operands, *args, **params: op.value(*operands, *args, **params)
    return op.value


def _raw_composite(record: Composite) -> Any:
    body, value = functools.partial(record.body, raw), record.value
    if value is None:
        return body

    def call(*args: Any, **params: Any) -> Any:
        try:
            return value(*args, **params)
        except Exception:  # what the value does not take, the body does, or says why not
            return body(*args, **params)

    return call


def install(record: Op | Composite) -> None:
    """Put a record into both namespaces, and bind its public function; ops of higher floors come by this too."""
    if isinstance(record, Op):
        record.call = bind(record)
        setattr(raw, record.name, _raw_function(record))
    else:
        setattr(raw, record.name, _raw_composite(record))
        record.call = _public_composite(record)
    setattr(ops, record.name, record.call)
    record.call.__doc__ = record.doc
    record.call.__signature__ = signature_of(record)
    # The name by which users find it; its own, if that is among several.
    paths = public_paths(record) or (record.name,)
    own = [path for path in paths if path.rpartition(".")[2] == record.name]
    home, _, name = (own or paths)[0].rpartition(".")
    record.call.__name__ = record.call.__qualname__ = name
    record.call.__module__ = f"chainrule.{home}".rstrip(".")


def _public_composite(record: Composite) -> Any:
    body, value = record.body, record.value

    def call(*args: Any, **params: Any) -> Any:
        if value is not None:
            arrays, given = bare_arguments(args), params
            if any(map(is_box, params.values())):
                bare = bare_arguments(tuple(params.values()))
                given = None if bare is None else dict(zip(params, bare, strict=True))
            if arrays is not None and given is not None:
                try:
                    return boxed(value(*arrays, **given), args)
                except Exception:  # what the value does not take, the body does, or says why not
                    pass
        try:
            return body(ops, *args, **params)
        except UnknownError:
            return defer(record.call, args, params)
        except tuple(REFUSALS) as error:
            told = refused(record, error)
            if told is error:
                raise
            raise told from error

    call.__name__ = call.__qualname__ = record.name
    return call


def public_paths(record: Op | Composite) -> tuple[str, ...]:
    """Where users find a function: ``("linalg.trace",)``, or its own name."""
    return (record.name,) if record.public is None else record.public


def signature_of(record: Op | Composite) -> inspect.Signature:
    """What a public function takes: operands by position alone, parameters by position or by name."""
    if isinstance(record, Composite):
        own = list(inspect.signature(record.body).parameters.values())[1:]
        return _signature([p.replace(annotation=p.empty) if p.annotation == "Any" else p for p in own])
    if record.sequence:
        operands = [Parameter("arrays", Parameter.POSITIONAL_ONLY)]
    elif record.arity is None:
        operands = [Parameter("operands", Parameter.VAR_POSITIONAL)]
    else:
        operands = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in _operand_names(record)]
    kind = Parameter.KEYWORD_ONLY if operands[0].kind is Parameter.VAR_POSITIONAL else Parameter.POSITIONAL_OR_KEYWORD
    for name in record.parameters:
        default = record.defaults.get(name, Parameter.empty)
        if default is Parameter.empty and operands[-1].default is not Parameter.empty:
            kind = Parameter.KEYWORD_ONLY  # what must be given cannot stand behind what may be left out
        operands.append(Parameter(name, kind, default=default))
    return _signature(operands)


def _signature(parameters: list[Parameter]) -> inspect.Signature:
    return inspect.Signature(parameters, __validate_parameters__=False)


def _operand_names(op: Op) -> list[str]:
    """The names of an op's operands: those in its rules or its value, and x, or x1 and x2, where they say no more."""
    assert op.arity is not None
    names = [] if op.arity > 1 else ["x"]
    if op.partials is not None:
        rule = next(filter(callable, op.partials), None)
        names = [name.removeprefix("_") for name in inspect.signature(rule).parameters][2:] if rule else names
    elif not getattr(op.value, "__module__", "numpy").startswith("numpy"):
        names = list(inspect.signature(op.value).parameters)[: op.arity]
    return ["x1", "x2"][: op.arity] if names in ([], ["x", "y"]) else names


for _record in (*REGISTRY.values(), *COMPOSITES.values()):
    install(_record)
# A deferred call is made again by the function that was called, on Tensors: no shape is unknown then.
ops.deferred = DEFERRED.call = lambda *operands, call: call(*operands)


def public(module: str = "") -> dict[str, Any]:
    """The functions of a public module, by name: those of ``chainrule.linalg`` for ``"linalg"``."""
    functions = {}
    for record in (*REGISTRY.values(), *COMPOSITES.values()):
        for path in public_paths(record):
            home, _, name = path.rpartition(".")
            if home == module:
                functions[name] = record.call
    return functions

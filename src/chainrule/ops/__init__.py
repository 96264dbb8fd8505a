"""The ops, and the two namespaces made of them: ``ops`` (on Tensors) and ``raw`` (bare arrays).

Rules find every op there under its own name. Users find it where ``public=`` says: in ``chainrule`` under its own name
by default, or in a module such as ``chainrule.linalg``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import SimpleNamespace
from typing import Any

from chainrule.apply import bind
from chainrule.op import COMPOSITES, REGISTRY, Composite, Op

# Every file of this folder is a family of ops; importing it fills the registry.
for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")

raw: Any = SimpleNamespace()
ops: Any = SimpleNamespace()


def _raw_function(op: Op) -> Any:
    if op.sequence:
        return lambda operands, *args, **params: op.value(*operands, *args, **params)
    return op.value


def _fill(record: Op | Composite) -> None:
    if isinstance(record, Op):
        record.call = bind(record)
        setattr(raw, record.name, _raw_function(record))
    else:
        setattr(raw, record.name, functools.partial(record.body, raw))
        record.call = _public_composite(record)
    setattr(ops, record.name, record.call)
    record.call.__doc__ = record.doc
    record.call.__module__ = "chainrule"


def _public_composite(record: Composite) -> Any:
    body = record.body

    def call(*args: Any, **params: Any) -> Any:
        return body(ops, *args, **params)

    call.__name__ = call.__qualname__ = record.name
    return call


for _record in (*REGISTRY.values(), *COMPOSITES.values()):
    _fill(_record)


def public(module: str = "") -> dict[str, Any]:
    """The functions of a public module, by name: those of ``chainrule.linalg`` for ``"linalg"``."""
    functions = {}
    for record in (*REGISTRY.values(), *COMPOSITES.values()):
        for path in (record.name,) if record.public is None else record.public:
            home, _, name = path.rpartition(".")
            if home == module:
                functions[name] = record.call
    return functions

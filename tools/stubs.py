"""Write the type stubs of what is made while chainrule is imported: functions and methods read from the registry.

``python tools/stubs.py`` writes src/chainrule/tensor.pyi, __init__.pyi, and one stub for each module of functions.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import chainrule
from chainrule.op import COMPOSITES, REGISTRY, Composite, Op
from chainrule.ops import public
from chainrule.tensor import Tensor

PACKAGE = Path(chainrule.__file__).parent
WIDTH = 120
HEADER = "# Written by tools/stubs.py from the source and the registry; change those and run it again.\n"
RECORDS: dict[str, Op | Composite] = {**REGISTRY, **COMPOSITES}

# Types of parameters by name; what is not here is Any.
TYPES = {
    "axis": "int | Sequence[int] | None",
    "axis1": "int",
    "axis2": "int",
    "correction": "float",
    "dtype": "Any",
    "end_axis": "int",
    "keepdims": "bool",
    "k": "int",
    "mode": "str",
    "offset": "int",
    "reverse": "bool",
    "start_axis": "int",
    "subscripts": "str",
}
# Functions that give one Tensor or several, as they are called.
RESULTS = {"atleast_1d": "Any", "atleast_2d": "Any"}
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def summary(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def function(name: str, parameters: list[str], result: str, doc: str, decorators: tuple[str, ...] = ()) -> str:
    """One stub, wrapped as the formatter wraps it."""
    head = f"def {name}({', '.join(parameters)}) -> {result}:"
    if len(head) > WIDTH - 4:
        head = f"def {name}(\n" + "".join(f"    {p},\n" for p in parameters) + f") -> {result}:"
    lines = textwrap.wrap(doc, WIDTH - 14)
    body = "\n    ".join(["", f'"""{doc}"""' if len(lines) < 2 else '"""' + "\n    ".join([*lines, '"""'])])
    body = body if doc else " ..."
    return "".join(f"@{d}\n" for d in decorators) + head + body


def parameters_of(record: Op | Composite) -> list[str]:
    """The parameters of an op's public function, as source."""
    return source_of(inspect.signature(record.call).parameters.values(), _typed)


def source_of(parameters: Iterable[inspect.Parameter], typed: Callable[[inspect.Parameter], str]) -> list[str]:
    """Parameters as source, with the slash and the star that part their kinds."""
    source, own = [], list(parameters)
    for i, p in enumerate(own):
        before = own[i - 1].kind if i else None
        if before is p.POSITIONAL_ONLY and p.kind is not p.POSITIONAL_ONLY:
            source.append("/")
        if p.kind is p.KEYWORD_ONLY and before not in (p.KEYWORD_ONLY, p.VAR_POSITIONAL):
            source.append("*")
        source.append(typed(p))
    return [*source, "/"] if own and own[-1].kind is inspect.Parameter.POSITIONAL_ONLY else source


def _typed(p: inspect.Parameter) -> str:
    star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
    given = None if p.annotation in (p.empty, "Any") else p.annotation
    if p.name == "arrays" and not star:
        given = "Sequence[Operand]"
    operand = p.default is p.empty and (p.kind is p.POSITIONAL_ONLY or p.name in _OPERANDS)
    kind = given or ("Operand" if operand else TYPES.get(p.name, "Any"))
    if p.default is None and "None" not in kind and kind != "Any":
        kind += " | None"
    return f"{star}{p.name}: {kind}" + ("" if p.default is p.empty else f" = {literal(p.default)}")


_OPERANDS = frozenset({"x", "y", "x1", "x2", "operands", "arrays", "value", "condition"})


def result_class(record: Op | Composite) -> Any:
    """The class of named results that a function gives, or None."""
    if isinstance(record, Op):
        return record.outputs
    body = inspect.unwrap(record.body)
    named = getattr(body, "__globals__", {}).get(getattr(body, "__annotations__", {}).get("return"))
    return named if hasattr(named, "_fields") else None


def result_of(record: Op | Composite) -> str:
    """The type of what a function gives, as source."""
    named = result_class(record)
    if named is not None:
        return named.__name__
    told = "Any" if isinstance(record, Op) else getattr(record.body, "__annotations__", {}).get("return", "Any")
    return RESULTS.get(record.name, "Tensor") if told == "Any" else told.replace("Any", "Tensor")


def imports_of(module: str) -> str:
    """The imports of a stub that has the functions of a public module."""
    by_call = {record.call: record for record in RECORDS.values()}
    classes = {result_class(by_call[call]) for call in public(module).values()} - {None}
    lines = sorted(f"from {c.__module__} import {c.__name__}" for c in classes)
    return "\n".join(["", *lines]) if lines else ""


def functions_of(module: str) -> str:
    """The stubs of the functions of a public module."""
    by_call = {record.call: record for record in RECORDS.values()}
    stubs = []
    for name, call in public(module).items():
        record = by_call[call]
        parameters = parameters_of(record)
        if not module:  # where bool is a dtype
            parameters = [p.replace(": bool", ": builtins.bool") for p in parameters]
        stubs.append(function(name, parameters, result_of(record), summary(record.doc)))
    return joined(stubs)


def op_method(name: str, record: Op | Composite) -> str:
    rest = [p for p in parameters_of(record)[1:]]
    rest = rest[1:] if rest[:1] == ["/"] else rest
    result = result_of(record)
    return function(name, ["self", *rest], "Self" if result == "Tensor" else result, summary(record.doc))


# ----------------------------------------------------------------------------------------------------- the class


def source_stub(node: ast.FunctionDef) -> str:
    """The stub of a function as it stands in the source."""
    doc = summary(ast.get_docstring(node))
    result = ast.unparse(node.returns) if node.returns else "Any"
    decorators = tuple(ast.unparse(d) for d in node.decorator_list)
    return function(node.name, _arguments(node.args), result, doc, decorators)


def _arguments(args: ast.arguments) -> list[str]:
    return _split_commas(ast.unparse(args).replace("=", " = "))


def _split_commas(text: str) -> list[str]:
    """The parameters of a signature, apart: commas inside brackets do not part."""
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()] if text else []


def runtime_stub(name: str, made: Callable[..., Any]) -> str:
    """The stub of a function that another module put on the class."""
    signature = inspect.signature(made)
    own = list(signature.parameters.values())[1:]
    source = ["self", *source_of(own, lambda p: str(p).replace("'", ""))]
    return function(name, source, str(signature.return_annotation).replace("'", ""), summary(made.__doc__))


def members() -> Iterator[str]:
    tree = ast.parse((PACKAGE / "tensor.py").read_text())
    (body,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Tensor"]
    written = set()
    for node in body.body:
        if isinstance(node, ast.FunctionDef):
            written.add(node.name)
            yield source_stub(node)
        elif isinstance(node, ast.Assign) and node.targets[0].id not in ("__slots__", "__hash__"):
            written.add(node.targets[0].id)
            yield f"{node.targets[0].id}: {type(getattr(Tensor, node.targets[0].id)).__name__}"
    for spelling in BINARY:
        for prefix in ("", "r", "i"):
            yield function(f"__{prefix}{spelling}__", ["self", "other: Operand", "/"], "Self", "")
    for spelling in COMPARISONS:
        yield function(f"__{spelling}__", ["self", "other: object", "/"], "Self", "")
    for spelling in ("neg", "pos", "abs", "invert"):
        yield function(f"__{spelling}__", ["self"], "Self", "")
    yield function("__hash__", ["self"], "int", "")
    methods = {(r.name if r.method is True else r.method): r for r in RECORDS.values() if r.method}
    for name, made in vars(Tensor).items():
        if name in written or not callable(made):
            continue
        if name in methods:
            yield op_method(name, methods[name])
        elif getattr(made, "__module__", "").startswith(("chainrule.symbolic", "chainrule.protocols.")):
            yield runtime_stub(name, made)


def joined(stubs: list[str]) -> str:
    """Stubs below one another; a docstring sets the next one apart."""
    return "".join(stub + ("\n\n" if stub.endswith('"""') else "\n") for stub in stubs).rstrip("\n")


def tensor_stub() -> str:
    tree = ast.parse((PACKAGE / "tensor.py").read_text())
    (removable,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Removable"]
    hooks = joined([source_stub(node) for node in removable.body if isinstance(node, ast.FunctionDef)])
    return f'''{HEADER}
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from chainrule.box import Box
from chainrule.graph.graph import Graph
from chainrule.node import Node, Watch
from chainrule.spec import Spec

Operand: TypeAlias = Box | ArrayLike

class Removable:
    """{summary(ast.get_docstring(removable))}"""

{textwrap.indent(hooks, "    ")}

class Tensor(Box):
    """{summary(Tensor.__doc__)}"""

{textwrap.indent(joined(list(members())), "    ")}
'''


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def package_stub() -> str:
    lines = []
    for node in ast.parse((PACKAGE / "__init__.py").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            names = [
                (alias.name, alias.asname or alias.name) for alias in node.names if not _is_private(alias.asname or "")
            ]
            operand = ["from chainrule.tensor import Operand"] if node.module == "chainrule.tensor" else []
            lines += [*operand, *(f"from {node.module} import {name} as {known}" for name, known in names)]
    ordered = "\n".join(lines)
    return f"""{HEADER}
import builtins
from collections.abc import Sequence
from typing import Any

{ordered}{imports_of("")}

__version__: str
__array_api_version__: str

{functions_of("")}
"""


def module_stub(module: str) -> str:
    """The stub of a module of functions: those of the registry, and those that its source imports."""
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text())
    imported = [
        f"from {node.module} import {alias.name} as {alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]
    lines = "\n".join(["", *imported]) if imported else ""
    return f"""{HEADER}
from collections.abc import Sequence
from typing import Any
{lines}
from chainrule.tensor import Operand, Tensor{imports_of(module)}

{functions_of(module)}
"""


HOMES = sorted({path.rpartition(".")[0] for record in RECORDS.values() for path in record.public or ()} - {""})
STUBS = {
    PACKAGE / "tensor.pyi": tensor_stub,
    PACKAGE / "__init__.pyi": package_stub,
    **{PACKAGE / f"{home.replace('.', '/')}.pyi": functools.partial(module_stub, home) for home in HOMES},
}

if __name__ == "__main__":
    for path, write in STUBS.items():
        path.write_text(write())
        print(f"wrote {path}")

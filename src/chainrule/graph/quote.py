"""Python objects as text of a program of their own: what such a program imports, defines, and in which order.

What an op computes is a Python object, ``op.value``. A function of NumPy or SciPy is quoted by its public name; one of
ours by its own source, with all it refers to, until only NumPy, SciPy and the standard library are left. So an op that
is added can be written out at once, and there is no second table to keep.
"""

from __future__ import annotations

import ast
import base64
import builtins
import functools
import keyword
import sys
import textwrap
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.graph.literals import SHORT, WIDTH, digits, formatted, plain
from chainrule.graph.syntax import (
    Operand,
    Unquotable,
    bound_names,
    does_more,
    is_ours,
    is_ours_module,
    parse,
    scope,
    syntax_of,
)

# Where public functions are looked up, and how each module is spelled and imported.
_HOMES: tuple[tuple[str, str, str], ...] = (
    ("numpy", "np", "import numpy as np"),
    ("numpy.linalg", "np.linalg", "import numpy as np"),
    ("numpy.fft", "np.fft", "import numpy as np"),
    ("scipy.special", "special", "from scipy import special"),
    ("scipy.linalg", "linalg", "from scipy import linalg"),
    ("scipy.signal", "signal", "from scipy import signal"),
    ("numpy.linalg._umath_linalg", "lapack", "from numpy.linalg import _umath_linalg as lapack"),
)
SMALL, LARGE = 8, 1000  # elements of a constant that stands in a line, and of one that is written in digits at all


class Quotation:
    """The top of a module being written: imports and definitions, to which quoted objects add what they need."""

    def __init__(self) -> None:
        self.imports: dict[str, str] = {"np": "import numpy as np"}
        self.definitions: list[str] = []
        self._names: dict[Any, tuple[str, Any]] = {}  # of what is defined; the object, so that its id stays its own
        self.taken = {*keyword.kwlist, *dir(builtins), "np"}

    def __str__(self) -> str:
        lines = sorted(set(self.imports.values()), key=lambda line: (line.startswith("from"), line))
        standard = [line for line in lines if _is_standard(line)]
        other = [line for line in lines if not _is_standard(line)]
        head = "\n\n".join("\n".join(group) for group in (standard, other) if group)
        return "\n\n\n".join([head, *self.definitions])

    # ---------------------------------------------------------------------------------------------- names

    def reserve(self, names: Iterable[str]) -> None:
        """Names of variables, which no definition may have."""
        self.taken.update(names)

    def claim(self, hint: str) -> str:
        """A name that nothing has yet, and that nothing else will have."""
        name, number = hint, 1
        while name in self.taken or not name.isidentifier():
            name, number = f"{hint}_{number}", number + 1
        self.taken.add(name)
        return name

    def _import(self, alias: str, statement: str) -> str:
        if self.imports.get(alias) == statement:
            return alias
        name = alias if alias not in self.imports and alias not in self.taken else self.claim(alias)
        self.taken.add(name)
        self.imports[name] = statement if name == alias else f"{statement.split(' as ')[0]} as {name}"
        return name

    def define(self, obj: Any, hint: str, text: Callable[[str], str]) -> str:
        """The name of a definition, made by ``text(name)`` when it is first asked for."""
        key = obj if isinstance(obj, tuple) else id(obj)
        if key not in self._names:
            name = self.claim(hint)
            self._names[key] = name, obj  # before the text, which may refer to itself
            self.definitions.append(text(name))
        return self._names[key][0]

    # ------------------------------------------------------------------------------------------- expressions

    def expression(self, obj: Any, hint: str = "constant") -> Any:
        """Syntax whose value is ``obj``."""
        if isinstance(obj, Operand):
            return obj.syntax
        text = plain(obj)
        if text is not None:
            return parse(text)
        if isinstance(obj, (np.ndarray, np.generic)):
            return self._array(obj, hint)
        if isinstance(obj, slice):
            ends = [self.expression(end) for end in (obj.start, obj.stop, obj.step)]
            return ast.Call(ast.Name("slice"), ends, [])
        if isinstance(obj, (tuple, list)) and type(obj) in (tuple, list):
            items = [self.expression(x, hint) for x in obj]
            return ast.Tuple(items, ast.Load()) if type(obj) is tuple else ast.List(items, ast.Load())
        if type(obj) is dict:
            return ast.Dict([self.expression(k) for k in obj], [self.expression(v) for v in obj.values()])
        if type(obj) in (set, frozenset):
            items = [self.expression(x) for x in sorted(obj, key=str)]
            inner = ast.Set(items) if items else parse("()")
            return inner if items and type(obj) is set else ast.Call(ast.Name(type(obj).__name__), [inner], [])
        if isinstance(obj, tuple) and hasattr(obj, "_fields"):
            return ast.Call(self.expression(type(obj)), [self.expression(x, hint) for x in obj], [])
        if isinstance(obj, types.ModuleType):
            return self._module(obj)
        if isinstance(obj, functools.partial):
            self._import("functools", "import functools")
            words = [ast.keyword(key, self.expression(value)) for key, value in obj.keywords.items()]
            inner = [self.expression(x) for x in (obj.func, *obj.args)]
            return ast.Call(parse("functools.partial"), inner, words)
        return self._callable(obj, hint)

    def _array(self, obj: Any, hint: str) -> Any:
        self._import("np", "import numpy as np")
        array = np.asarray(obj)
        if isinstance(obj, np.generic) and array.dtype.itemsize <= 16 and array.dtype != np.longdouble:
            value = obj.item()
            text = plain(value) or ""
            if isinstance(value, float) and not np.isfinite(value):
                text = f'"{value}"'
            return parse(f"np.{array.dtype.name}({text})" if array.dtype != bool else f"np.bool({value})")
        if array.size <= SMALL and array.dtype != np.longdouble:
            written = digits(array)
            if len(written) <= SHORT:
                return parse(written)
        key = array.dtype.str, array.shape, array.tobytes()
        return ast.Name(self.define(key, hint, lambda name: _block(self, name, array)))

    def _module(self, module: Any) -> Any:
        for name, spelled, statement in _HOMES:
            if name == module.__name__:
                return parse(spelled.replace(spelled.split(".")[0], self._import(spelled.split(".")[0], statement), 1))
        parent, _, last = module.__name__.rpartition(".")
        statement = f"from {parent} import {last}" if parent else f"import {last}"
        return ast.Name(self._import(last, statement))

    def _callable(self, obj: Any, hint: str) -> Any:
        module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", getattr(obj, "__name__", ""))
        if isinstance(obj, type) and issubclass(obj, ChainruleError):
            # What a plain program raises is the kind of error that ours is too.
            known = next(c for c in obj.__mro__ if not c.__module__.startswith("chainrule"))
            return self._callable(known, hint)
        if module == "builtins" and hasattr(builtins, name):
            return ast.Name(name)
        if is_ours(obj):
            return self._ours(obj, hint)
        # What stands in a module that was not imported yet is not used by any op.
        for home in (sys.modules[name] for name, _, _ in _HOMES if name in sys.modules):
            last = getattr(obj, "__name__", "")
            if last and getattr(home, last, None) is obj:
                return ast.Attribute(self._module(home), last, ast.Load())
        module = {"_operator": "operator"}.get(module or "", module)
        found = sys.modules.get(module or "")
        if found is not None and name and getattr(found, name, None) is obj:
            return ast.Attribute(self._module(found), name, ast.Load())
        owner = getattr(obj, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType):
            return ast.Attribute(self.expression(owner), obj.__name__, ast.Load())
        raise Unquotable(f"{hint} is a {type(obj).__name__}")

    # ------------------------------------------------------------------------------------ definitions of ours

    def _ours(self, obj: Any, hint: str) -> Any:
        if isinstance(obj, type) and not hasattr(obj, "_fields"):
            raise Unquotable(f"{hint} is a class")
        if isinstance(obj, types.FunctionType):
            name = hint if obj.__name__ in ("<lambda>", "value", "_value", "rule") else obj.__name__
            return ast.Name(self.define(obj, name, lambda name: self._function(obj, name)))
        wrapped = getattr(obj, "__wrapped__", None)
        if isinstance(wrapped, types.FunctionType):  # functools.cache
            self._import("functools", "import functools")
            return ast.Name(
                self.define(obj, wrapped.__name__, lambda name: f"@functools.cache\n{self._function(wrapped, name)}")
            )
        if isinstance(obj, type) and issubclass(obj, tuple) and hasattr(obj, "_fields"):
            return ast.Name(self.define(obj, obj.__name__, lambda name: self._tuple_class(obj, name)))
        if not isinstance(obj, type) and not getattr(obj, "__dict__", True):  # a mark, known by being itself
            names = vars(sys.modules[type(obj).__module__])
            known = next((name for name, value in names.items() if value is obj), hint)
            return ast.Name(self.define(obj, known, lambda name: f"{name} = object()"))
        raise Unquotable(f"{hint} is a {type(obj).__name__}")

    def _tuple_class(self, cls: Any, name: str) -> str:
        self._import("namedtuple", "from collections import namedtuple")
        made = f'namedtuple("{name}", "{" ".join(cls._fields)}")'
        properties: list[Any] = [value.fget for value in vars(cls).values() if isinstance(value, property)]
        if not properties:
            return f"{name} = {made}"
        texts = [f"@property\n{self._function(function, function.__name__)}" for function in properties]
        return f"class {name}({made}):\n" + textwrap.indent("\n\n".join(texts), "    ")

    def _function(self, function: types.FunctionType, name: str) -> str:
        tree = self.resolved(function)
        if isinstance(tree, ast.Lambda):
            tree = ast.FunctionDef(name, tree.args, [ast.Return(tree.body)], [], lineno=0)
        assert isinstance(tree, ast.FunctionDef)
        tree.name, tree.decorator_list, tree.returns = name, [], None
        return formatted(ast.unparse(ast.fix_missing_locations(tree)))

    def resolved(self, function: types.FunctionType) -> Any:
        """The syntax of a function of ours, with every name in it one of the module being written."""
        tree = syntax_of(function)
        return Resolve(self, function, bound_names(tree)).visit(tree)


def _is_standard(line: str) -> bool:
    return line.split()[1].split(".")[0] in sys.stdlib_module_names


def _block(quotation: Quotation, name: str, array: Any) -> str:
    """A constant too long for a line: in rows of digits, or as its bytes."""
    first = array.flat[0]
    if array.size > SMALL and array.tobytes() == np.full(array.shape, first, array.dtype).tobytes():
        return f"{name} = np.full({array.shape}, {ast.unparse(quotation.expression(first))})"
    if array.dtype.kind in "iu" and np.array_equal(array.ravel(), np.arange(array.size)):
        shaped = "" if array.ndim == 1 else f".reshape{array.shape}"
        return f"{name} = np.arange({array.size}, dtype=np.{array.dtype.name}){shaped}"
    if array.size <= LARGE and array.dtype != np.longdouble:
        return formatted(f"{name} = {digits(array)}")
    quotation._import("base64", "import base64")
    lines = textwrap.wrap(base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(), WIDTH - 8)
    data = "\n".join(f'    "{line}"' for line in lines)
    return (
        f"# {' × '.join(map(str, array.shape))} numbers, {array.dtype.name}, in bytes of base 64\n"
        f'{name} = np.frombuffer(base64.b64decode(\n{data}\n), "{array.dtype.str}").reshape({array.shape})'
    )


class Resolve(ast.NodeTransformer):
    """Writes names as the new module spells them, and leaves out annotations and retold errors."""

    def __init__(self, quotation: Quotation, function: types.FunctionType, bound: set[str]):
        self.quotation = quotation
        self.known = scope(function)
        self.constants = set(self.known) - set(function.__code__.co_freevars)  # what a module names, not a cell
        self.bound = bound

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self.bound or node.id not in self.known or not isinstance(node.ctx, ast.Load):
            return node
        obj = self.known[node.id]
        if node.id in self.constants and isinstance(obj, _DATA):
            quotation = self.quotation
            key = obj if isinstance(obj, np.ndarray) else (node.id, repr(obj))
            return ast.Name(quotation.define(key, node.id, lambda name: _line(quotation, name, obj)))
        return self.quotation.expression(obj, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        base = node.value
        if isinstance(base, ast.Name) and base.id not in self.bound:
            module = self.known.get(base.id)
            if isinstance(module, types.ModuleType) and is_ours_module(module):
                return self.quotation.expression(getattr(module, node.attr), node.attr)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        return self.visit(ast.Assign([node.target], node.value, lineno=node.lineno))

    def visit_Try(self, node: ast.Try) -> Any:
        if not does_more(node):
            # What the handlers did was to explain NumPy's error, which stands here for itself.
            parts = [self.visit(statement) for statement in node.body]
            return [part for part in parts if part is not None]
        return self.generic_visit(node)


_DATA = (int, float, complex, str, tuple, list, dict, set, frozenset, np.dtype, np.ndarray)


def _line(quotation: Quotation, name: str, obj: Any) -> str:
    """A constant of a module as a line of its own."""
    if isinstance(obj, np.ndarray) and obj.size > SMALL:
        return _block(quotation, name, obj)  # under the name it has
    return formatted(f"{name} = {ast.unparse(ast.fix_missing_locations(quotation.expression(obj, name)))}")

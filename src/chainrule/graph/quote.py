"""Python objects as text of a program of their own: what such a program imports, defines, and in which order.

What an op computes is a Python object, ``op.value``. A function of NumPy or SciPy is quoted by its public name; one of
ours by its own source, with all it refers to, until only NumPy, SciPy and the standard library are left. So an op that
is added can be written out at once, and there is no second table to keep.
"""

from __future__ import annotations

import ast
import base64
import builtins
import copy
import functools
import inspect
import io
import keyword
import operator
import sys
import textwrap
import tokenize
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError

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
WIDTH, SHORT = 100, 48  # characters of a line, and of a constant that stands in it


class Unquotable(Exception):
    """An object that no text stands for."""


def parse(text: str) -> Any:
    """The syntax of one expression."""
    return ast.parse(text, mode="eval").body


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

    def _claim(self, hint: str) -> str:
        name, number = hint, 1
        while name in self.taken or not name.isidentifier():
            name, number = f"{hint}_{number}", number + 1
        self.taken.add(name)
        return name

    def _import(self, alias: str, statement: str) -> str:
        if self.imports.get(alias) == statement:
            return alias
        name = alias if alias not in self.imports and alias not in self.taken else self._claim(alias)
        self.taken.add(name)
        self.imports[name] = statement if name == alias else f"{statement.split(' as ')[0]} as {name}"
        return name

    def define(self, obj: Any, hint: str, text: Callable[[str], str]) -> str:
        """The name of a definition, made by ``text(name)`` when it is first asked for."""
        key = obj if isinstance(obj, tuple) else id(obj)
        if key not in self._names:
            name = self._claim(hint)
            self._names[key] = name, obj  # before the text, which may refer to itself
            self.definitions.append(text(name))
        return self._names[key][0]

    # ------------------------------------------------------------------------------------------- expressions

    def expression(self, obj: Any, hint: str = "constant") -> Any:
        """Syntax whose value is ``obj``."""
        if isinstance(obj, Operand):
            return obj.syntax
        plain = _plain(obj)
        if plain is not None:
            return parse(plain)
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
            text = _plain(value) or ""
            if isinstance(value, float) and not np.isfinite(value):
                text = f'"{value}"'
            return parse(f"np.{array.dtype.name}({text})" if array.dtype != bool else f"np.bool({value})")
        if array.size <= SMALL and array.dtype != np.longdouble:
            digits = _digits(array)
            if len(digits) <= SHORT:
                return parse(digits)
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
        if _is_ours(obj):
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
        return _Resolve(self, function, _bound(tree)).visit(tree)


class Operand:
    """Stands for an operand while constants around it are computed: only its place may be read."""

    __slots__ = ("dtype", "shape", "syntax")

    def __init__(self, syntax: Any, spec: Any):
        self.syntax = syntax
        self.shape, self.dtype = getattr(spec, "shape", ()), getattr(spec, "dtype", None)

    def __eq__(self, _other: Any) -> bool:
        raise Unquotable("an operand was compared")

    def __bool__(self) -> bool:
        raise Unquotable("an operand was asked for its truth")

    __hash__ = None  # type: ignore[assignment]


def _is_standard(line: str) -> bool:
    return line.split()[1].split(".")[0] in sys.stdlib_module_names


def _is_ours(obj: Any) -> bool:
    module = getattr(obj, "__module__", None) or getattr(type(obj), "__module__", "")
    return module.split(".")[0] == __name__.split(".")[0]


def _plain(obj: Any) -> str | None:
    """The text of a number, string, dtype or such."""
    if obj is None or obj is Ellipsis or type(obj) in (bool, int, str, bytes):
        return "..." if obj is Ellipsis else repr(obj)
    if type(obj) is float:
        return repr(obj) if np.isfinite(obj) else "np.nan" if obj != obj else "np.inf" if obj > 0 else "-np.inf"
    if type(obj) is complex:
        return f"complex({_plain(obj.real)}, {_plain(obj.imag)})"
    return f'np.dtype("{obj.name}")' if isinstance(obj, np.dtype) else None


def _digits(array: Any) -> str:
    """An array as nested lists of exact decimals."""

    def written(x: Any) -> str:
        return f"[{', '.join(map(written, x))}]" if isinstance(x, list) else _plain(x) or ""

    usual = array.dtype.name in ("float64", "int64", "bool", "complex128") and array.size
    dtype = "" if usual else f", dtype=np.{array.dtype.name}"
    text = f"np.array({written(array.tolist())}{dtype})"
    return text if array.size or array.ndim < 2 else f"np.empty({array.shape}{dtype})"


def _block(quotation: Quotation, name: str, array: Any) -> str:
    """A constant too long for a line: in rows of digits, or as its bytes."""
    first = array.flat[0]
    if array.size > SMALL and array.tobytes() == np.full(array.shape, first, array.dtype).tobytes():
        return f"{name} = np.full({array.shape}, {ast.unparse(quotation.expression(first))})"
    if array.dtype.kind in "iu" and np.array_equal(array.ravel(), np.arange(array.size)):
        shaped = "" if array.ndim == 1 else f".reshape{array.shape}"
        return f"{name} = np.arange({array.size}, dtype=np.{array.dtype.name}){shaped}"
    if array.size <= LARGE and array.dtype != np.longdouble:
        return formatted(f"{name} = {_digits(array)}")
    quotation._import("base64", "import base64")
    lines = textwrap.wrap(base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(), WIDTH - 8)
    data = "\n".join(f'    "{line}"' for line in lines)
    return (
        f"# {' × '.join(map(str, array.shape))} numbers, {array.dtype.name}, in bytes of base 64\n"
        f'{name} = np.frombuffer(base64.b64decode(\n{data}\n), "{array.dtype.str}").reshape({array.shape})'
    )


def formatted(text: str) -> str:
    """Strings in double quotes, and lines no longer than can be read: broken behind a space inside brackets."""
    return "\n".join(part for line in _quoted(text).split("\n") for part in _broken(line))


def _quoted(text: str) -> str:
    lines = text.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in reversed(tokens):
        plain = token.string[1:-1]
        if token.type == tokenize.STRING and token.string[0] == "'" and not set(plain) & set("'\"\\"):
            (row, start), (_, end) = token.start, token.end
            lines[row - 1] = f'{lines[row - 1][:start]}"{plain}"{lines[row - 1][end:]}'
    return "\n".join(lines)


def _broken(line: str) -> list[str]:
    if len(line) <= WIDTH or line.lstrip().startswith(("#", '"')):
        return [line]
    indent = len(line) - len(line.lstrip())
    spaces, depth, quote = [], 0, ""
    for i, c in enumerate(line):
        if quote:
            quote = "" if c == quote and line[i - 1] != "\\" else quote
        elif c in "\"'":
            quote = c
        elif c == " " and depth:
            spaces.append(i)
        depth += (c in "([{") - (c in ")]}") if not quote else 0
    pieces, start = [], 0
    for at, after in zip(spaces, [*spaces[1:], len(line)], strict=False):
        if after - start > WIDTH - (indent + 4 if start else 0):
            pieces.append(line[start:at])
            start = at + 1
    return [pieces[0], *(" " * (indent + 4) + piece for piece in [*pieces[1:], line[start:]])] if pieces else [line]


# ------------------------------------------------------------------------------------------ syntax of functions


@functools.cache
def _functions(path: str) -> tuple[dict[tuple[str, int], ast.FunctionDef], dict[int, list[ast.Lambda]]]:
    """The defs of a file by name and first line, and its lambdas by line."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    defs, lambdas = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            defs[node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])] = node
        elif isinstance(node, ast.Lambda):
            lambdas.setdefault(node.lineno, []).append(node)
    return defs, lambdas


def syntax_of(function: types.FunctionType) -> Any:
    """A fresh copy of the syntax of a def or lambda, found by where its code says it stands."""
    code = function.__code__
    defs, lambdas = _functions(inspect.getsourcefile(function) or code.co_filename)
    found = defs.get((code.co_name, code.co_firstlineno))
    if found is not None:
        return copy.deepcopy(found)
    spots = [(line, column) for line, _, column, _ in code.co_positions() if line is not None and column is not None]
    spots = [spot for spot in spots if spot != (code.co_firstlineno, 0)]
    holding = [
        node
        for node in lambdas.get(code.co_firstlineno, ())
        if all((node.body.lineno, node.body.col_offset) <= spot for spot in spots)
        and all(spot < _end(node.body) for spot in spots)
    ]
    if not holding:
        raise Unquotable(f"{function.__qualname__} has no source")
    # Of lambdas inside lambdas the inmost.
    return copy.deepcopy(max(holding, key=lambda node: (node.body.lineno, node.body.col_offset)))


def _end(node: Any) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def _scope(function: types.FunctionType) -> Mapping[str, Any]:
    """What the free names of a function stand for."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}


def _bound(tree: Any) -> set[str]:
    """The names that a function binds, at any depth."""
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    return names | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} - {
        getattr(tree, "name", None)
    }


class _Resolve(ast.NodeTransformer):
    """Writes names as the new module spells them, and leaves out annotations and retold errors."""

    def __init__(self, quotation: Quotation, function: types.FunctionType, bound: set[str]):
        self.quotation = quotation
        self.known = _scope(function)
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
            if isinstance(module, types.ModuleType) and _is_ours_module(module):
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
        if not _does_more(node):
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


def _does_more(node: ast.Try) -> bool:
    """Whether a try does more than to tell an error in other words."""
    raising = all(len(handler.body) == 1 and isinstance(handler.body[0], ast.Raise) for handler in node.handlers)
    return not raising or bool(node.orelse or node.finalbody)


def _is_ours_module(module: Any) -> bool:
    return module.__name__.split(".")[0] == __name__.split(".")[0]


# ------------------------------------------------------------------------------------- one expression, inlined

_BINARY: dict[Any, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARE: dict[Any, Any] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.Lt: operator.lt, ast.Gt: operator.gt, ast.LtE: operator.le, ast.GtE: operator.ge,
    ast.In: lambda x, y: x in y, ast.NotIn: lambda x, y: x not in y,
}  # fmt: skip
# NumPy's reductions by the names people know. (Where the axes are given: the defaults differ.)
_REDUCTIONS = {
    "np.add.reduce": "np.sum", "np.multiply.reduce": "np.prod", "np.maximum.reduce": "np.max",
    "np.minimum.reduce": "np.min", "np.logical_and.reduce": "np.all", "np.logical_or.reduce": "np.any",
}  # fmt: skip
_ONE_AXIS = frozenset({*_REDUCTIONS.values(), "np.flip", "np.squeeze", "np.expand_dims", "np.count_nonzero"})


def single_expression(function: Any) -> Any:
    """(arguments, body) of a function of ours that only returns an expression; None for any other."""
    if not isinstance(function, types.FunctionType) or not _is_ours(function):
        return None
    tree = syntax_of(function)
    body: list[Any] = [tree.body] if isinstance(tree, ast.Lambda) else tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) == 1 and isinstance(body[0], ast.Try) and not _does_more(body[0]):
        body = body[0].body
    if len(body) == 1 and isinstance(body[0], ast.Return):
        body = [body[0].value]
    scopes = (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.NamedExpr)
    if len(body) != 1 or not isinstance(body[0], ast.expr) or any(isinstance(n, scopes) for n in ast.walk(body[0])):
        return None
    return tree.args, body[0]


def inlined(quotation: Quotation, function: Any, operands: list[Operand | Any], params: Mapping[str, Any]) -> Any:
    """The body of such a function in place of its call, with what is known computed; None where it must be called."""
    found = single_expression(function)
    if found is None:
        return None
    arguments, body = found
    named = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    if arguments.kwarg is not None or (arguments.vararg is None and len(operands) > len(named)):
        return None
    given = dict(zip(named, operands, strict=False))
    if arguments.vararg is not None:
        given[arguments.vararg.arg] = tuple(operands[len(named) :])
    defaults = inspect.signature(function).parameters
    for name in (*named, *(a.arg for a in arguments.kwonlyargs)):
        if name in params:
            given[name] = params[name]
        elif name not in given:
            given[name] = defaults[name].default
    folded = _Fold(_scope(function), given).visit(body)
    # Names of the function's own module first: those of operands are the program's.
    return _Splice(quotation).visit(_Resolve(quotation, function, set()).visit(folded))


class Known(ast.expr):
    """Any object whose value is known, among the syntax."""

    _fields = ()

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


class _Fold(ast.NodeTransformer):
    """Computes what depends on parameters, shapes and dtypes alone, which the graph knows."""

    def __init__(self, scope: Mapping[str, Any], given: Mapping[str, Any]):
        self.scope = scope
        self.given = given

    def visit_Constant(self, node: ast.Constant) -> Any:
        return Known(node.value)

    def visit_Name(self, node: ast.Name) -> Any:
        return Known(self.given[node.id]) if node.id in self.given else node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        node.value = self.visit(node.value)
        if not isinstance(node.value, Known):
            return node
        of = node.value.value
        if isinstance(of, Operand):
            if of.dtype is None or node.attr not in ("shape", "dtype", "ndim"):
                return node
            return Known(len(of.shape) if node.attr == "ndim" else getattr(of, node.attr))
        return Known(getattr(of, node.attr)) if isinstance(of, np.dtype) else node

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        self.generic_visit(node)
        items: list[Any] = []
        for item in node.elts:
            starred = isinstance(item, ast.Starred)
            inner = item.value if isinstance(item, ast.Starred) else item
            if not isinstance(inner, Known) or (starred and not isinstance(inner.value, (tuple, range, list))):
                return node
            items += inner.value if starred else [inner.value]
        return Known(tuple(items))

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        return self._computed(node, _BINARY.get(type(node.op)), node.left, node.right)

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        results = []
        for left, operation, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            results.append(self._computed(node, _COMPARE.get(type(operation)), left, right))
        if any(result is node for result in results):
            return node
        return Known(all(result.value for result in results))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        function = {ast.Not: operator.not_, ast.USub: operator.neg}.get(type(node.op))
        return self._computed(node, function, node.operand)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        return self._computed(node, operator.getitem, node.value, node.slice)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        test = node.test
        if isinstance(test, Known) and not isinstance(test.value, Operand):
            return node.body if test.value else node.orelse
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        rest = list(node.values)
        while len(rest) > 1 and isinstance(rest[0], Known) and not isinstance(rest[0].value, Operand):
            if bool(rest[0].value) is isinstance(node.op, ast.Or):
                return rest[0]
            rest.pop(0)
        node.values = rest
        return node if len(rest) > 1 else rest[0]

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and not node.keywords:
            function = self.scope.get(node.func.id, getattr(builtins, node.func.id, None))
            ours = isinstance(function, types.FunctionType) and _is_ours(function)
            if ours or function in (len, tuple, range, int, max, min, bool, sorted):
                return self._computed(node, function, *node.args)
            if function is getattr and len(node.args) == 2 and isinstance(node.args[1], Known):
                return ast.Attribute(node.args[0], node.args[1].value, ast.Load())
        return node

    def _computed(self, node: Any, function: Any, *parts: Any) -> Any:
        known = all(isinstance(part, Known) and not isinstance(part.value, Operand) for part in parts)
        if function is None or not known:
            return node
        try:
            value = function(*(part.value for part in parts))
        except Exception:  # what cannot be computed now is computed by the program
            return node
        return Known(value) if _is_literal(value) else node


def _is_literal(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_literal, value))
    plain = isinstance(value, (Operand, slice, range, np.dtype)) or value is None or value is Ellipsis
    return plain or type(value) in (bool, int, float, complex, str)


class _Splice(ast.NodeTransformer):
    """Puts what was computed back into syntax, spelled as people spell it."""

    def __init__(self, quotation: Quotation):
        self.quotation = quotation

    def visit_Known(self, node: Known) -> Any:
        value = tuple(node.value) if isinstance(node.value, range) else node.value
        return self.quotation.expression(value)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.slice, Known):
            node.value = self.visit(node.value)
            node.slice = index_syntax(self.quotation, node.slice.value)
            return node
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        for i, argument in reversed(list(enumerate(node.args))):
            inner = argument.value if isinstance(argument, ast.Starred) else None
            if isinstance(inner, Known) and isinstance(inner.value, (tuple, list)):
                node.args[i : i + 1] = [Known(value) for value in inner.value]
        self._dtypes(node)
        node.keywords = [word for word in node.keywords if not _is_default(word)]
        self.generic_visit(node)
        name = ast.unparse(node.func)
        axis = next((word for word in node.keywords if word.arg == "axis"), None)
        if name in _REDUCTIONS and axis is not None:
            node.func, name = parse(_REDUCTIONS[name]), _REDUCTIONS[name]
        if axis is not None and name in _ONE_AXIS and isinstance(axis.value, ast.Tuple) and len(axis.value.elts) == 1:
            axis.value = axis.value.elts[0]
        return node

    def _dtypes(self, node: ast.Call) -> None:
        """Leaves out the dtype that a reduction has by itself; ``dtype=np.float32`` for others."""
        first = node.args[0].value if node.args and isinstance(node.args[0], Known) else None
        for word in list(node.keywords):
            if word.arg == "dtype" and isinstance(word.value, Known) and isinstance(word.value.value, np.dtype):
                own = first.dtype if isinstance(first, Operand) else None
                if own == word.value.value and ast.unparse(node.func) in _REDUCTIONS:
                    node.keywords.remove(word)
                else:
                    word.value = parse(f"np.{word.value.value.name}")


def _is_default(word: ast.keyword) -> bool:
    known = isinstance(word.value, Known)
    return known and (word.arg, word.value.value) in (("keepdims", False), ("dtype", None))  # type: ignore[union-attr]


def index_syntax(quotation: Quotation, index: Any) -> Any:
    """What stands between the brackets of an index."""

    def part(one: Any) -> Any:
        if not isinstance(one, slice):
            return quotation.expression(one)
        ends = [None if end is None else quotation.expression(end) for end in (one.start, one.stop, one.step)]
        return ast.Slice(*ends)

    if type(index) is not tuple:
        return part(index)
    return part(index[0]) if len(index) == 1 else ast.Tuple([part(one) for one in index], ast.Load())

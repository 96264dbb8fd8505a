"""The command line: ``chainrule demo`` runs the lecture, ``chainrule diff`` differentiates an expression."""

from __future__ import annotations

import argparse
import io
import math
import os
import runpy
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.creation import asarray
from chainrule.errors import ChainruleError, ExpressionError
from chainrule.expression import CONSTANTS, FUNCTIONS, Expression
from chainrule.graph.graph import graph_of
from chainrule.ops import ops
from chainrule.show.draw import draw
from chainrule.symbolic import symbol
from chainrule.tensor import Tensor
from chainrule.testing import numeric_derivative
from chainrule.transforms import grad, value_and_grad, vjp

# The derivative of an expression doubles in size with the order, or worse.
HIGHEST_ORDER = 6

# Operations whose NumPy value is the analytic continuation of their real one, so that a step may be imaginary.
ANALYTIC = frozenset({
    "add", "subtract", "multiply", "divide", "power", "negative", "positive", "reciprocal", "square", "sqrt",
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sum", "mean", "prod", "cumsum", "matmul", "dot", "vecdot",
    "outer", "tensordot", "einsum", "gather", "reshape", "permute_dims", "matrix_transpose", "expand_dims", "squeeze",
    "broadcast_to", "stack", "concat", "flip", "astype",
})  # fmt: skip

DIFFERENCES = "central differences of {} with Richardson extrapolation"

Values = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for a mistake of the user's, told on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without these letters shows a question mark rather than a traceback.
            stream.reconfigure(errors="replace")
    parser = _parser()
    given, rest = parser.parse_known_args([_shielded(argument) for argument in arguments])
    if rest and given.command == "demo":
        parser.error(f"demo takes no arguments: {' '.join(rest).strip()}")
    try:
        if given.command == "demo":
            runpy.run_path(str(_lecture()), run_name="__main__")
        else:
            # argparse leaves over the values that stand behind an option.
            print(differentiate(given.expression, given.values + rest, given.order))
    except ChainruleError as error:
        print(f"chainrule: {error.message}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough; nothing may be left for the exit to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chainrule", description="Automatic differentiation: one graph, one rule per op.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("demo", help="run the lecture: every step with its code and its output")
    diff = commands.add_parser(
        "diff",
        help="differentiate an expression at a point",
        description="Value, gradient, higher derivatives and graph of an expression, checked against differences.",
        epilog="example: chainrule diff 'sin(x)*exp(-x**2)' x=0.5 --order 2",
    )
    diff.add_argument("expression", help="a formula of numbers, names, operators and operations, giving one number")
    diff.add_argument("values", nargs="*", metavar="name=value", help="a value for each name: a number, or a list")
    diff.add_argument("--order", type=int, default=1, help=f"the highest derivative, up to {HIGHEST_ORDER}")
    return parser


def _shielded(argument: str) -> str:
    """An expression that begins with a minus is no option; behind a space argparse sees that."""
    is_option = argument in ("-h", "--help") or argument.startswith("--order")
    return argument if is_option or not argument.startswith("-") else f" {argument}"


def _lecture() -> Path:
    """The lecture: in an installed wheel beside this file, in a checkout among the examples."""
    here = Path(__file__).resolve()
    installed, checkout = here.with_name("_lecture.py"), here.parents[2] / "examples" / "lecture.py"
    return installed if installed.exists() else checkout


# ------------------------------------------------------------------------------------------- chainrule diff


def differentiate(text: str, assignments: Sequence[str], order: int = 1) -> str:
    """What ``chainrule diff`` prints: value, derivatives up to ``order``, graph and check of an expression."""
    if not 1 <= order <= HIGHEST_ORDER:
        raise ExpressionError(f"[diff] order is {order}; expected 1 to {HIGHEST_ORDER}; choose another --order.")
    expression = Expression(text, "diff")
    values = read_values(assignments)
    unused = [name for name in values if name not in expression.names]
    symbols = {name: symbol(name, shape=np.shape(value)) for name, value in values.items()}
    y = expression(**symbols)
    if unused:
        raise ExpressionError(
            f"[diff] {unused[0]} was given a value, but it is not in the expression {expression.text}; "
            f"expected values for {', '.join(expression.names) or 'nothing'}; leave it out."
        )
    if y.dtype.kind != "f" and values:
        remedy = "take it as a condition: where({}, 1.0, 0.0)" if y.dtype.kind == "b" else "make it one: 1.0*({})"
        raise ExpressionError(
            f"[diff] the expression gives {y.dtype}; expected a real number, which has a gradient; "
            f"{remedy.format(_brief(expression))}."
        )
    if y.size != 1:
        raise ExpressionError(
            f"[diff] the expression gives an array of shape {y.shape}; expected one number, which has a gradient; "
            f"reduce it, e.g. sum({_brief(expression)})."
        )

    def f(*point: Any) -> Any:
        return expression(**dict(zip(values, point, strict=True))).reshape(())

    lines = [
        f"f = {expression.text}",
        *_aligned([("", f"{name} = {_text(value)}") for name, value in values.items()]),
        "",
    ]
    point = [asarray(value) for value in values.values()]
    if not values:
        return "\n".join([*lines, f"value  {_text(f())}", "", "It depends on nothing, so there is no derivative."])
    value, gradient = value_and_grad(f, argnums=range(len(point)))(*point)
    rows = [("value", "f", value)]
    rows += [("gradient", f"∂f/∂{name}", g) for name, g in zip(values, gradient, strict=True)]
    checks = [("gradient", _check_gradient(expression, values, gradient, y))]
    for k in range(2, order + 1):
        found, check = _higher(f, list(values), point, k)
        rows += found
        checks.append((f"order {k}", check))
    lines += _aligned([(head, f"{name} = {_text(number)}") for head, name, number in rows])
    graph = draw(y) if y._node is not None else "(no graph)"
    lines += ["", "graph", *("  " + line for line in graph.splitlines()), ""]
    lines += [f"check of {head}: {told}" for head, told in checks]
    return "\n".join(lines)


def read_values(assignments: Sequence[str]) -> Values:
    """Arrays from texts like ``x=[0, 1, pi/2]``, all of them floating-point."""
    values: Values = {}
    for assignment in assignments:
        name, equals, text = assignment.strip().partition("=")
        # As Python spells names in an expression: µ, the micro sign, as the letter μ.
        name = unicodedata.normalize("NFKC", name.strip())
        if not equals or not name.isidentifier():
            raise ExpressionError(f"[diff] {assignment.strip()!r} is no value; expected name=value; write e.g. x=0.5.")
        if name in values:
            raise ExpressionError(f"[diff] {name} was given twice; expected one value for each name; leave one out.")
        if name in CONSTANTS or name in FUNCTIONS:
            taken = "a constant" if name in CONSTANTS else "an operation"
            raise ExpressionError(f"[diff] the name {name} is {taken}; expected a free name; choose another.")
        values[name] = Expression(text, f"value of {name}")().numpy().astype("float64")
    return values


def _higher(f: Callable[..., Any], names: list[str], point: list[Any], k: int) -> tuple[list[Any], str]:
    """Rows of the derivatives of order k, and their check against differences of order k − 1."""
    if all(x.ndim == 0 for x in point) and len(point) == 1:
        lower = f
        for _ in range(k - 1):
            lower = grad(lower)
        number, x = grad(lower)(*point), point[0]
        numeric = numeric_derivative(lambda h: lower(x + h).numpy())
        return [(f"order {k}", f"d{_power(k)}f/d{names[0]}{_power(k)}", number)], _compared(
            DIFFERENCES.format(f"order {k - 1}"), number, numeric
        )
    if k == 2:
        return _hessian(f, names, point)
    lower = _along_ones(f, k - 1)
    number = _along_ones(f, k)(*point)
    numeric = numeric_derivative(lambda h: lower(*(x + h for x in point)).numpy())
    at = ", ".join(
        f"{name} + t" if x.ndim == 0 else f"{name} + t·(1, …, 1)" for name, x in zip(names, point, strict=True)
    )
    row = (f"order {k}", f"d{_power(k)}/dt{_power(k)} f({at}) at t = 0", number)
    return [row], _compared(DIFFERENCES.format(f"order {k - 1}"), number, numeric)


def _hessian(f: Callable[..., Any], names: list[str], point: list[Any]) -> tuple[list[Any], str]:
    """A row for each block ∂²f/∂x∂y, with the axes of x before those of y, and their check."""
    slopes = grad(f, argnums=range(len(point)))
    sizes = [x.size for x in point]
    splits = np.cumsum(sizes)[:-1]

    def gradient(*x: Any) -> Any:
        return ops.concat([g.reshape(-1) for g in slopes(*x)])

    _, pullback = vjp(gradient, *point)
    units = np.eye(sum(sizes))
    hessian = np.array([_flat(pullback(unit)) for unit in units]).reshape(sum(sizes), sum(sizes))
    columns = []
    for unit in units:
        steps = [part.reshape(x.shape) for part, x in zip(np.split(unit, splits), point, strict=True)]
        # The steps are bound now: numeric_derivative calls back before the next unit, but a reader cannot know.
        moved = [lambda h, x=x, step=step: x + h * step for x, step in zip(point, steps, strict=True)]
        columns.append(numeric_derivative(lambda h, moved=moved: gradient(*(at(h) for at in moved)).numpy()))
    rows = []
    for i, (one, bands) in enumerate(zip(names, np.split(hessian, splits, axis=0), strict=True)):
        for j, (other, block) in enumerate(zip(names, np.split(bands, splits, axis=1), strict=True)):
            if j >= i:
                below = f"∂{one}²" if i == j else f"∂{one}∂{other}"
                rows.append(("order 2", f"∂²f/{below}", block.reshape(point[i].shape + point[j].shape)))
    return rows, _compared(DIFFERENCES.format("order 1"), hessian, np.array(columns).T)


def _along_ones(f: Callable[..., Any], k: int) -> Callable[..., Any]:
    """dᵏ/dtᵏ f(x + t, y + t, …) at t = 0."""

    def once(lower: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *x: sum(g.sum() for g in grad(lower, argnums=range(len(x)))(*x))

    for _ in range(k):
        f = once(f)
    return f


def _check_gradient(expression: Expression, values: Values, gradient: Sequence[Any], y: Tensor) -> str:
    """The gradient against a complex step, Im f(x + ih)/h, or against differences where that does not hold."""
    ours = _flat(gradient)
    operations = {node.op.name for node in graph_of(y).nodes if node.op is not None} if y._node is not None else set()
    kinked = sorted(operations - ANALYTIC)
    stepped = None if kinked else _complex_steps(expression, values)
    if stepped is not None:
        return _compared("complex step", ours, stepped)
    why = f"{kinked[0]} takes no complex step" if kinked else "a complex step would leave the real branch"
    numeric = [
        numeric_derivative(lambda h, n=name, v=value, u=unit: expression(**values | {n: v + h * u}).numpy())
        for name, value in values.items()
        for unit in _units(value)
    ]
    return _compared(f"{DIFFERENCES.format('f')} ({why})", ours, np.ravel(numeric))


def _complex_steps(expression: Expression, values: Values, h: float = 1e-30) -> Any:
    """∂f by imaginary steps; None where f(x + ih) is not the continuation of the real value, as for log(−1)."""
    real = expression(**values).item()
    slopes = []
    for name, value in values.items():
        for unit in _units(value):
            moved = expression(**values | {name: value + 1j * h * unit}).item()
            if not math.isclose(moved.real, real, rel_tol=1e-9):
                return None
            slopes.append(moved.imag / h)
    return np.array(slopes)


def _units(value: Any) -> Any:
    """The directions of the elements of an array."""
    return np.eye(value.size).reshape(value.size, *value.shape)


def _compared(method: str, ours: Any, numeric: Any) -> str:
    ours = _array(ours)
    if not np.isfinite(ours).all():
        return "none, since the number is not finite"
    if not np.isfinite(numeric).all():
        return "none, since the differences are not finite"
    error = float(np.max(np.abs(ours - numeric), initial=0.0))
    size = float(np.max(np.abs(ours), initial=1.0))
    doubt = "" if error <= 1e-6 * size else "; differences hold where f is smooth: is this point at a kink?"
    return f"{method}, error {error:.1e}{doubt}"


def _array(x: Any) -> Any:
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def _flat(tensors: Sequence[Any]) -> Any:
    return np.concatenate([np.ravel(_array(x)) for x in tensors]) if tensors else np.zeros(0)


def _power(k: int) -> str:
    return "" if k == 1 else "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(k))


def _text(number: Any) -> str:
    array = _array(number)
    return repr(array.item()) if array.ndim == 0 else np.array2string(array, separator=", ", threshold=100)


def _brief(expression: Expression) -> str:
    return expression.text if len(expression.text) < 40 else "..."


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Two columns, a head and an equation; an array of several lines stays aligned."""
    width = max((len(head) + 2 for head, _ in rows if head), default=0)
    lines = []
    for head, text in rows:
        first, *rest = text.splitlines()
        lines.append(f"{head:<{width}}{first}")
        lines += [(" " * (width + text.index("= ") + 2) + line).rstrip() for line in rest]
    return lines

"""A graph as mathematics: its outputs in LaTeX, and a line for every part that has a name or is used twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from chainrule.graph.operands import kept_operands
from chainrule.graph.text import assigned_names
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.unknown import UnknownNode

# How strongly a formula holds together: what binds weaker than its place needs brackets.
_SUM, _PRODUCT, _POWER, _ATOM = range(4)
_GREEK = frozenset(
    """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega
    Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega""".split()  # noqa: SIM905 - a list of words is read as one
)
_KNOWN = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "max", "min", "det"})
_LONG = 120  # characters of a formula that is given a line of its own

Formula = tuple[str, int]


def latex_of(graph: Any) -> str:
    """The equations of a graph, outputs first, joined by line breaks of an ``aligned`` block."""
    uses = Counter(parent for node in graph.nodes for parent in node.parents)
    names = {node: _name(node.name()) for node in graph.nodes if node.op is None and not node.parents}
    assigned = assigned_names(graph.nodes)
    heads = {y._node for y in graph.outputs}
    known: dict[Any, Formula] = {node: (name, _ATOM) for node, name in names.items()}
    where: list[str] = []
    for node in graph.nodes:
        if node in known:
            continue
        formula = _formula(node, known)
        shared = uses[node] > 1 or len(formula[0]) > _LONG
        if node.op is not None and node.op is not PICK and node not in heads and shared and formula[1] != _ATOM:
            name = _unique(_name(assigned[node]) if node in assigned else f"t_{{{len(where) + 1}}}", known)
            where.append(f"{name} &= {formula[0]}")
            formula = name, _ATOM
        known[node] = formula
    results = []
    for i, y in enumerate(graph.outputs):
        left = _name(assigned[y._node]) if y._node in assigned else f"y_{{{i + 1}}}" if len(graph.outputs) > 1 else "y"
        results.append(f"{left} &= {known[y._node][0] if y._node in known else _constant(y._value)[0]}")
    if where:
        where[0] = rf"\text{{where }} {where[0]}"
    return "\\begin{aligned}\n" + " \\\\\n".join([*results, *where]) + "\n\\end{aligned}"


def _unique(name: str, known: dict[Any, Formula]) -> str:
    taken = {text for text, _ in known.values()}
    while name in taken:
        name += "'"
    return name


def _name(name: str) -> str:
    """A variable: ``w1`` is w with index 1, ``theta`` a Greek letter, a longer word is upright."""
    base = name.rstrip("0123456789").rstrip("_")
    index = name[len(base) :].lstrip("_")
    head, *rest = [part for part in base.split("_") if part] or [name]
    inner = ",".join(map(_word, [*rest, *([index] if index and base else [])]))
    return f"{_word(head)}_{{{inner}}}" if inner else _word(head)


def _word(word: str) -> str:
    if word in _GREEK:
        return f"\\{word}"
    text = word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"
    return text.replace("_", r"\_")


def _constant(value: Any) -> Formula:
    if value is None:
        return r"\cdot", _ATOM
    if np.ndim(value):
        shape = r" \times ".join(map(str, np.shape(value)))
        return f"C_{{{shape}}}", _ATOM
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, complex):
        return f"({number:g})".replace("j", r"\mathrm{i}"), _ATOM
    if isinstance(number, float) and not np.isfinite(number):
        infinite = (r"\infty", _ATOM) if number > 0 else (r"-\infty", _SUM)
        return infinite if number == number else (r"\mathrm{NaN}", _ATOM)
    text = f"{number:g}" if isinstance(number, float) else str(number)
    mantissa, _, exponent = text.partition("e")
    text = rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text
    return text, _SUM if text.startswith("-") else _PRODUCT if exponent else _ATOM


def _at_least(strength: int, formula: Formula) -> str:
    text, own = formula
    return text if own >= strength else rf"\left({text}\right)"


def _formula(node: Node, known: dict[Any, Formula]) -> Formula:
    x = [
        known[parent] if parent is not None and parent in known else _constant(value)
        for value, parent in zip(kept_operands(node), node.parents, strict=True)
    ]
    if node.op is None:
        return x[0]
    if isinstance(node, UnknownNode):  # of which only what it was called with is known
        return _called(node.name().lstrip("_"), x)
    match node.op.name:
        case "add":
            return f"{x[0][0]} + {_at_least(_PRODUCT, x[1]) if x[1][0].startswith('-') else x[1][0]}", _SUM
        case "subtract":
            return f"{x[0][0]} - {_at_least(_PRODUCT, x[1])}", _SUM
        case "negative":
            return f"-{_at_least(_PRODUCT, x[0])}", _SUM
        case "multiply" | "absorbing_multiply":
            return rf"{_at_least(_PRODUCT, x[0])} \cdot {_at_least(_PRODUCT, x[1])}", _PRODUCT
        case "matmul":
            return rf"{_at_least(_PRODUCT, x[0])} \, {_at_least(_PRODUCT, x[1])}", _PRODUCT
        case "divide":
            return rf"\frac{{{x[0][0]}}}{{{x[1][0]}}}", _POWER
        case "reciprocal":
            return rf"\frac{{1}}{{{x[0][0]}}}", _POWER
        case "power":
            return f"{_at_least(_ATOM, x[0])}^{{{x[1][0]}}}", _POWER
        case "square":
            return f"{_at_least(_ATOM, x[0])}^{{2}}", _POWER
        case "sqrt":
            return rf"\sqrt{{{x[0][0]}}}", _ATOM
        case "abs":
            return rf"\left|{x[0][0]}\right|", _ATOM
        case "sum":
            axes = ",".join(map(str, node.params["axis"]))
            return rf"\sum_{{{axes}}} {_at_least(_PRODUCT, x[0])}" if axes else x[0][0], _SUM
        case "matrix_transpose":
            return rf"{_at_least(_ATOM, x[0])}^{{\mathsf{{T}}}}", _POWER
        case "pick":
            return f"{{{x[0][0]}}}_{{{node.params['index'] + 1}}}", _ATOM
        case "reshape" | "broadcast_to" | "expand_dims" | "squeeze" | "astype" | "positive":
            return x[0]
    return _called(node.op.name, x)


def _called(name: str, operands: list[Formula]) -> Formula:
    spelled = f"\\{name}" if name in _KNOWN else rf"\mathrm{{{name}}}".replace("_", r"\_")
    return rf"{spelled}\left({', '.join(text for text, _ in operands)}\right)", _POWER

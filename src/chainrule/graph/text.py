"""A graph as text: one line an operation, under the names that the user's program gave to the results."""

from __future__ import annotations

import dis
import functools
import itertools
from collections.abc import Iterable, Mapping
from types import CodeType
from typing import Any

import numpy as np

from chainrule.graph.operands import kept_operands
from chainrule.node import Node
from chainrule.op import PICK
from chainrule.spec import Spec

_STORES = frozenset({"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"})


@functools.lru_cache(maxsize=1000)
def _stored(code: CodeType) -> Mapping[int, str]:
    """The variable that takes what an instruction computes, by the instruction's offset: ``h`` of ``h = tanh(z)``."""
    instructions = list(dis.get_instructions(code))
    # An instruction that calls is told by an offset inside of it.
    return {
        offset: after.argval
        for before, after in itertools.pairwise(instructions)
        # Tools that rewrite code store under names that no program has.
        if after.opname in _STORES and not after.is_jump_target and after.argval.isidentifier()
        for offset in range(before.offset, after.offset, 2)
    }


def assigned_names(nodes: Iterable[Node]) -> dict[Node, str]:
    """The variables that results were assigned to, read from the code that computed them; none where that is unclear.

    One call may leave several nodes (a composite does), and one line may run many times (in a loop). Where all nodes of
    an instruction are of one op, each was assigned; else only that one is named from which no other was computed.
    """
    calls: dict[tuple[CodeType, int], list[Node]] = {}
    for node in nodes:
        name = _stored(node.code).get(node.instruction) if node.op is not None else None
        if name is not None:
            calls.setdefault((node.code, node.instruction), []).append(node)
    names = {}
    for (code, instruction), made in calls.items():
        if len({node.op for node in made}) > 1:
            used = {parent for node in made for parent in node.parents}
            made = [node for node in made if node not in used]
            if len(made) > 1:
                continue
        names.update(dict.fromkeys(made, _stored(code)[instruction]))
    return names


def names_of(nodes: Iterable[Node], unnamed: str = "%", taken: Iterable[str] = ()) -> dict[Node, str]:
    """A name of its own for every node: symbols keep theirs, results have their variables', others a number."""
    nodes = list(nodes)
    assigned = assigned_names(nodes)
    names: dict[Node, str] = {}
    used = set(taken)

    def claim(node: Node, hint: str) -> None:
        name, number = hint, 1
        while name in used:
            name, number = f"{hint}_{number}", number + 1
        used.add(name)
        names[node] = name

    sources = [node for node in nodes if node.op is None and not node.parents]
    for i, node in enumerate(sources):
        claim(node, node.params.get("name") or f"leaf{i}")
    for node in nodes:
        if node in assigned:
            claim(node, assigned[node])
    count = 0
    for node in nodes:
        if node not in names:
            while f"{unnamed}{count}" in used:
                count += 1
            claim(node, f"{unnamed}{count}")
    return {node: names[node] for node in nodes}


def call_text(node: Node, names: Mapping[Node, str]) -> str:
    """A node as the call that made it: ``add(%0, b)``."""
    if node.op is None:
        return f"alias({names[node.parents[0]]})" if node.parents[0] is not None else "alias()"
    if node.op is PICK:
        parent: Any = node.left  # the node of an op with several outputs
        fields = getattr(parent.op.outputs, "_fields", None)
        index = node.params["index"]
        return f"{names[parent]}.{fields[index]}" if fields else f"{names[parent]}[{index}]"
    operands = [
        names[parent] if parent is not None and parent in names else constant_text(value)
        for value, parent in zip(kept_operands(node), node.parents, strict=True)
    ]
    default = node.op.defaults
    params = [f"{key}={value!r}" for key, value in node.params.items() if key not in default or value != default[key]]
    return f"{node.op.name}({', '.join([*operands, *params])})"


def constant_text(value: Any) -> str:
    """A constant in a few characters."""
    if value is None:
        return "·"  # a constant that no rule needed
    if isinstance(value, Spec):
        return repr(value)
    if np.ndim(value) == 0:
        return repr(value.item() if hasattr(value, "item") else value)
    text = np.array2string(np.asarray(value), separator=", ", threshold=6).replace("\n", "")
    return text if len(text) <= 40 else f"constant {Spec(value.shape, value.dtype)!r}"


def text_of(graph: Any) -> str:
    """All lines of a graph, and what it returns."""
    names = graph.names()
    lines = []
    for node in graph.nodes:
        if node.op is None and not node.parents:
            lines.append((names[node], "input" if node.symbolic else "leaf", node.spec))
        else:
            lines.append((names[node], call_text(node, names), node.spec))
    width = max((len(name) for name, _, _ in lines), default=0)
    reach = max((len(text) for _, text, _ in lines), default=0)
    body = [f"{name:<{width}} = {text:<{reach}} : {spec!r}" for name, text, spec in lines]
    result = ", ".join(names.get(y._node) or constant_text(y._value) for y in graph.outputs)
    return "\n".join([*body, f"return {result}"])

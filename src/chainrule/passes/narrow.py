"""Calls of graphs narrowed: what nobody uses of a call, a choice or a loop is not computed in it.

A narrowed call has fewer outputs, and fewer operands where only those outputs needed them. Carries of a loop stay as
long as one that is needed depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from chainrule.box import Box, box
from chainrule.graph.body import Body
from chainrule.graph.walk import ancestors
from chainrule.node import Node


class Narrowed(NamedTuple):
    """What is left of a call: its parameters, which of its operands, and which of its outputs, in their order."""

    params: dict[str, Any]
    operands: list[int]
    outputs: list[int]


def narrowed(node: Node, used: Collection[int]) -> Narrowed | None:
    """The call of a node, as far as these of its outputs need it; None if that is all of it, or not known."""
    rule = RULES.get(node.op.name if node.op is not None else "")
    if rule is None:
        return None
    found = rule(node, sorted(used), **node.params)
    whole = len(found.operands) == len(node.parents) and len(found.outputs) == len(node.spec)
    return None if whole and found.params == node.params else found


def reached(body: Body, outputs: Iterable[int]) -> set[int]:
    """The inputs of a body that these of its outputs depend on."""
    heads = {y._node for i in outputs for y in (body.outputs[i],) if y._node is not None}
    before = set(ancestors(heads))
    return {i for i, node in enumerate(body.inputs) if node in before}


def part(body: Body, inputs: Sequence[int], outputs: Sequence[int]) -> Body:
    """The body between some of its inputs and outputs; the same one whenever it is asked for."""
    if len(inputs) == len(body.inputs) and len(outputs) == len(body.outputs):
        return body
    return body.derived(("part", tuple(inputs), tuple(outputs)), _part, inputs, outputs)


def _part(body: Body, inputs: Sequence[int], outputs: Sequence[int]) -> Body:
    return Body([box(Box.default, None, body.inputs[i]) for i in inputs], [body.outputs[i] for i in outputs])


def _call(_node: Node, used: list[int], body: Body) -> Narrowed:
    operands = sorted(reached(body, used))
    return Narrowed({"body": part(body, operands, used)}, operands, used)


def _switch(_node: Node, used: list[int], branches: tuple[Body, ...]) -> Narrowed:
    operands = sorted(set().union(*(reached(branch, used) for branch in branches)))
    params = {"branches": tuple(part(branch, operands, used) for branch in branches)}
    return Narrowed(params, [0, *(1 + i for i in operands)], used)


def _pull(node: Node, used: list[int], graph: Body, wrt: tuple[bool, ...], given: Any) -> Narrowed:
    places = [i for i, is_wanted in enumerate(wrt) if is_wanted]
    wanted = {places[i] for i in used}
    params = {"graph": graph, "wrt": tuple(i in wanted for i in range(len(wrt))), "given": given}
    return Narrowed(params, list(range(len(node.parents))), used)


def _closure(first: set[int], step: Callable[[set[int]], set[int]]) -> set[int]:
    """The carries that these depend on over any number of steps, themselves included."""
    carries = set(first)
    while True:
        more = carries | step(carries)
        if more == carries:
            return carries
        carries = more


def _scan(
    node: Node, used: list[int], body: Body, consts: int, carries: int, length: int, keep: bool, **params: Any
) -> Narrowed:
    count = len(body.outputs)
    ys = [i for i in used if carries <= i < count]
    states = [i for i in used if i >= count]
    wanted = {i for i in used if i < carries} | {i - count for i in states}

    def before(needed: set[int]) -> set[int]:
        return {i - consts for i in reached(body, [*needed, *ys]) if consts <= i < consts + carries}

    kept = sorted(_closure(wanted, before))
    inputs = reached(body, [*kept, *ys]) | {consts + i for i in kept}
    operands = sorted(inputs)
    if keep and not states and length > 0:
        # Nobody looks at the carries of each step. A derivative that is asked for later runs the loop again.
        keep, params["snapshots"] = False, length
    params |= {"body": part(body, operands, [*kept, *ys]), "consts": sum(i < consts for i in inputs)}
    params |= {"carries": len(kept), "length": length, "keep": keep}
    outputs = [*kept, *ys, *((count + i for i in kept) if keep else ())]
    return Narrowed({name: params[name] for name in node.params}, operands, outputs)


def _while_loop(
    node: Node, used: list[int], cond: Body, body: Body, conds: int, consts: int, snapshots: Any
) -> Narrowed:
    tested = reached(cond, [0])

    def before(needed: set[int]) -> set[int]:
        return {i - consts for i in reached(body, needed) if i >= consts}

    kept = sorted(_closure({*used, *(i - conds for i in tested if i >= conds)}, before))
    fixed = sorted(i for i in tested if i < conds)
    inputs = sorted({i for i in reached(body, kept) if i < consts} | {consts + i for i in kept})
    params = {
        "cond": part(cond, [*fixed, *(conds + i for i in kept)], [0]),
        "body": part(body, inputs, kept),
        "conds": len(fixed),
        "consts": sum(i < consts for i in inputs),
        "snapshots": snapshots,
    }
    return Narrowed({name: params[name] for name in node.params}, [*fixed, *(conds + i for i in inputs)], kept)


RULES: dict[str, Callable[..., Narrowed]] = {
    "call": _call,
    "switch": _switch,
    "pull": _pull,
    "scan": _scan,
    "while_loop": _while_loop,
}

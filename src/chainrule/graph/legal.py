"""What a call from a file must be to be one that the library could have made.

Most ops refuse bad operands and parameters themselves, in ``canonical`` and ``spec``. Those that only rules or graphs
call believe what they are given; what they would trip over when they run is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box
from chainrule.graph.body import Body, is_floating
from chainrule.graph.data import ELEMENTS, refused, shown
from chainrule.op import Op
from chainrule.spec import Spec

# Ops that run graphs, and which operands each of their graphs takes.
GRAPHS: dict[str, Callable[..., list[tuple[Any, Any]]]] = {
    "call": lambda x, p: [(p["body"], x)],
    "switch": lambda x, p: [(branch, x[1:]) for branch in p["branches"]],
    "scan": lambda x, p: [(p["body"], _scanned(x, p["consts"] + p["carries"], p["length"]))],
    "while_loop": lambda x, p: [
        (p["cond"], [*x[: p["conds"]], *x[p["conds"] + p["consts"] :]]),
        (p["body"], x[p["conds"] :]),
    ],
    "pull": lambda x, p: [(p["graph"], x[: len(p["graph"].inputs)])],
}


def _scanned(specs: Sequence[Spec], first: int, length: int) -> list[Spec]:
    rows = specs[first:]
    if any(row.shape[:1] != (length,) for row in rows):
        raise refused(f"a scan of {length} steps has a sequence of another length", "sequences of its length")
    return [*specs[:first], *(Spec(row.shape[1:], row.dtype) for row in rows)]


def check_call(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> None:
    """Refuse operands and parameters that ``op`` would believe."""
    specs = [x._node.spec if isinstance(x, Box) else Spec(np.shape(x), np.asarray(x).dtype) for x in operands]
    if op.kind == "program":
        _check_parameters(op.name, specs, params)
        _check_graphs(op.name, specs, params)


def _check_parameters(name: str, specs: Sequence[Spec], params: dict[str, Any]) -> None:
    for key, value in params.items():
        match key:
            case "consts" | "carries" | "conds" | "length":
                right, expected = type(value) is int and 0 <= value <= ELEMENTS, "a count"
            case "branches":
                right = isinstance(value, tuple) and value and all(isinstance(one, Body) for one in value)
                expected = "a tuple of graphs"
            case "body" | "cond" | "graph":
                right, expected = isinstance(value, Body), "a graph"
            case "keep" | "reverse":
                right, expected = type(value) is bool, "true or false"
            case "snapshots":
                right = value is None or (type(value) is int and value > 0) or (name, value) == ("while_loop", "sqrt")
                expected = "a count, or null"
            case _:  # wrt and given
                right = isinstance(value, tuple) and all(type(one) is bool for one in value)
                expected = "a tuple of true and false"
        if not right:
            raise refused(f"{key} of {name} is {shown(value)}", expected)
    if sum(params.get(key, 0) for key in ("consts", "carries", "conds")) > len(specs):
        raise refused(f"{name} has {len(specs)} operands", "as many as it has constants and carries")


def _check_graphs(name: str, specs: list[Spec], params: dict[str, Any]) -> None:
    """Whether the graphs of a program take the operands that they get, and lead where they must."""
    for body, taken in GRAPHS[name](specs, params):
        given = [node.spec for node in body.inputs]
        if given != list(taken):
            raise refused(f"a graph of {name} takes {shown(given)}, and is given {shown(list(taken))}", "equal ones")
    if name == "switch":
        if len({tuple(branch.specs) for branch in params["branches"]}) > 1:
            raise refused("the branches of a switch differ in what they give", "equal outputs")
        if specs[0].shape != () or specs[0].dtype.kind not in "biu":
            raise refused(f"a switch chooses by {specs[0]!r}", "an integer without axes")
    if name in ("scan", "while_loop"):
        fixed = params["consts"] + params.get("conds", 0)
        carries = specs[fixed : fixed + params["carries"]] if name == "scan" else specs[fixed:]
        if params["body"].specs[: len(carries)] != carries or (
            name != "scan" and len(params["body"].specs) != len(carries)
        ):
            raise refused(f"the body of a {name} gives another carry than it takes", "equal ones")
    if name == "while_loop" and params["cond"].specs != [Spec((), np.dtype(bool))]:
        raise refused("the condition of a while_loop is not one boolean", "a bool without axes")
    if name == "pull":
        _check_pull(specs, **params)


def _check_pull(specs: list[Spec], graph: Body, wrt: tuple[bool, ...], given: tuple[bool, ...]) -> None:
    if len(wrt) != len(graph.inputs) or len(given) != len(graph.outputs):
        raise refused("a pull counts inputs and outputs that its graph has not", "one flag for each")
    wanted = [node.spec for node, is_wanted in zip(graph.inputs, wrt, strict=True) if is_wanted]
    pulled = [spec for spec, is_given in zip(graph.specs, given, strict=True) if is_given]
    if not all(map(is_floating, (*wanted, *pulled))):
        raise refused("a pull has cotangents of integers", "those of floating inputs and outputs alone")
    if specs[len(wrt) :] != pulled:
        raise refused(f"a pull takes cotangents {shown(pulled)}, and is given {shown(specs[len(wrt) :])}", "equal ones")

"""What a call from a file must be to be one that the library could have made.

Most ops refuse bad operands and parameters themselves, in ``canonical`` and ``spec``. Those that only rules or graphs
call believe what they are given; what they would trip over when they run is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.graph.body import Body, is_floating
from chainrule.graph.data import ELEMENTS, refused, shown
from chainrule.op import REGISTRY, Op
from chainrule.ops.index import SLOT
from chainrule.spec import Spec
from chainrule.tree import flatten

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


def check_program(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> None:
    """Refuse operands and parameters of an op that runs graphs, before it is called."""
    specs = specs_of(operands)
    _check_parameters(op.name, specs, params)
    _check_graphs(op.name, specs, params)


def specs_of(operands: Sequence[Any]) -> list[Spec]:
    """The Specs of operands; numbers count as 0-d arrays."""
    return [x._node.spec if isinstance(x, Box) else Spec(np.shape(x), np.asarray(x).dtype) for x in operands]


def check_params(op: Op, operands: Sequence[Any], params: dict[str, Any]) -> None:
    """Refuse operands and parameters that ``op``, which has been called on symbols, believed. (These are canonical.)"""
    for key, value in params.items():
        if any(isinstance(x, np.ndarray) for x in flatten(value)[0]):
            raise refused(f"{key} of {op.name} is an array", "what is no operand to be no array")
    law = LAWS.get(op.name)
    if law is not None and not law(*specs_of(operands), **params):
        raise refused(f"the parameters of {op.name} are {shown(params)}", "those that fit its operands")


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


# ------------------------------------------------------------------------------------------- what ops believe


def _indexes(index: Any, arrays: Sequence[Spec]) -> bool:
    parts = (int, bool, slice, type(None), type(Ellipsis), type(SLOT))
    return (
        isinstance(index, tuple)
        and all(type(part) in parts for part in index)
        and sum(part is SLOT for part in index) == len(arrays)
        and all(a.dtype.kind in "iu" for a in arrays)
    )


def _scatters(g: Spec, *arrays: Spec, index: Any, shape: Any) -> bool:
    if not _indexes(index, arrays):
        return False
    place = REGISTRY["gather"].spec(Spec(shape, g.dtype), *arrays, index=index).shape  # type: ignore[misc]  # has one
    return np.broadcast_shapes(g.shape, place) == place


def _puts(x: Spec, v: Spec, *arrays: Spec, index: Any) -> bool:
    return _indexes(index, arrays) and bool(np.can_cast(v.dtype, x.dtype, "same_kind"))


def _contracts(*operands: Spec, subscripts: Any) -> bool:
    left, _, out = subscripts.partition("->")
    terms = left.split(",")
    pairs = {pair for term, x in zip(terms, operands, strict=True) for pair in zip(term, x.shape, strict=True)}
    letters = {letter for letter, _ in pairs}
    distinct = all(len(set(term)) == len(term) for term in (*terms, out))
    return distinct and len(letters) == len(pairs) and set(out) <= letters


def _is_square(x: Spec) -> bool:
    return len(x.shape) > 1 and x.shape[-1] == x.shape[-2]


def _is_count(x: Any) -> bool:
    return type(x) is int and x >= 0


def _is_number(x: Any) -> bool:
    return type(x) in (int, float)


def _divides_gaps(k: Spec, values: Spec, size: Spec, *, part: Any, gap: Any, check: Any, **params: Any) -> bool:
    columns = k.shape[-1:] == values.shape[-1:]
    if part != "all" or gap != "column":
        columns = columns and _is_square(k)
    if check == "pivot":
        columns = columns and gap == "column" and size.shape[-1:] == values.shape[-1:]
    kinds = part in ("all", "hermitian", "skew"), gap in ("difference", "sum", "column"), check in _CHECKS
    padding = params["padding"]
    padded = _is_count(padding) and (not padding or (gap != "column" and padding <= values.shape[-1]))
    return columns and all(kinds) and isinstance(params["name"], str) and padded


_CHECKS = ("vanish", "scalar", "kink", "free", "phase", "basis", "mixed", "never", "pivot", "ignore", "plain")


def _rotates(x: Spec, *_others: Spec, UPLO: Any, name: Any = "", padding: Any = 0, fixed: Any = True) -> bool:
    return _is_square(x) and UPLO in ("L", "U") and isinstance(name, str) and _is_count(padding) and type(fixed) is bool


def _spectral(x: Spec, w: Spec, **params: Any) -> bool:
    return _rotates(x, **params) and w.shape[-1:] == x.shape[-1:]


def _ties(_x: Spec, out: Spec, *, kernel: Any, **windows: Any) -> bool:
    whole = REGISTRY["window_ties"].spec(_x, out, kernel=kernel, **windows).shape  # type: ignore[misc]  # it has one
    count = len(kernel)
    return out.shape == (*whole[: len(whole) - 2 * count], *whole[len(whole) - count :])


# Whether operands and parameters fit each other, where the op itself does not ask.
LAWS: dict[str, Callable[..., bool]] = {
    "gather": lambda _x, *arrays, index: _indexes(index, arrays),
    "scatter_add": _scatters,
    "put": _puts,
    "add_along_axis": lambda _g, indices, **_params: indices.dtype.kind in "iu",
    "contract": _contracts,
    "gauge_quotient": _divides_gaps,
    "aligned_eigh": _rotates,
    "spectral": _spectral,
    "eigh": _rotates,
    "eigvalsh": _rotates,
    "least_squares": lambda _x, _y, *, rcond: rcond is None or _is_number(rcond),
    "matrix_rank": lambda x, *, hermitian, **_params: not hermitian or _is_square(x),
    "arg_top_k": lambda _x, *, k, **_params: k > 0,
    "partition": lambda _x, *, kth, **_params: kth != (),
    "argpartition": lambda _x, *, kth, **_params: kth != (),
    "update_running_var": lambda _x, _y, *, axis, samples, **_params: not {*axis} & {*samples},
    "window_ties": _ties,
    "resample": lambda _x, *, step, **_params: bool(np.isfinite(step)),
    "resample_transpose": lambda _x, *, step, **_params: bool(np.isfinite(step)),
}

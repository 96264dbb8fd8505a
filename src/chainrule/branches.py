"""Choices in graphs: cond and switch, of whose branches one runs, as one node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.graph.body import Body, symbols, tensor_spec
from chainrule.graph.switch import SWITCH
from chainrule.graph.tracing import Traced, operand
from chainrule.graph.tracing import operands as operands_of
from chainrule.graph.waiting import later
from chainrule.ops import ops
from chainrule.tree import same_structure, unflatten
from chainrule.unknown import UnknownError


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """true_fun(*operands) where ``pred`` holds, else false_fun(*operands): one node, of which one branch runs.

    Both return trees of one form, with equal shapes and dtypes. Under :func:`vmap`, where samples may differ, both run.

    >>> import chainrule as cr
    >>> f = lambda x: cond(x > 0, lambda x: x * x, lambda x: -x, x)
    >>> f(cr.tensor(3.0)), cr.grad(f)(-3.0)
    (tensor(9.), tensor(-1.))
    """
    try:
        return _cond(pred, true_fun, false_fun, *operands)
    except UnknownError as error:
        return _later("cond", error, [true_fun, false_fun], pred, operands, lambda fs, pred, xs: _cond(pred, *fs, *xs))


def _cond(pred: Any, true_fun: Any, false_fun: Any, *operands: Any) -> Any:
    pred = operand("cond", pred)
    spec = tensor_spec(pred)
    if spec.shape:
        raise ShapeError(
            f"[cond] pred is {spec!r}; expected one boolean; reduce it with .all() or .any(), or choose by element "
            f"with where()."
        )
    if spec.dtype.kind == "c":
        raise DTypeError(f"[cond] pred is {spec!r}; expected a boolean; write a comparison, such as x.real > 0.")
    index = ops.astype(ops.not_equal(pred, 0), np.int64)
    return _switch("cond", index, [false_fun, true_fun], operands, ["false_fun", "true_fun"])


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """branches[index](*operands): one node, of which one branch runs. Numbers beyond the ends mean the first or last.

    All return trees of one form, with equal shapes and dtypes. Under :func:`vmap`, where samples may differ, all run.

    >>> import chainrule as cr
    >>> cr.grad(lambda x: switch(1, [cr.sin, cr.exp, cr.cos], x))(0.0)
    tensor(1.)
    """
    if not branches:
        raise ShapeError("[switch] there are no branches; expected at least one function; give a sequence of them.")
    try:
        return _numbered(index, branches, *operands)
    except UnknownError as error:
        return _later("switch", error, branches, index, operands, lambda fs, index, xs: _numbered(index, fs, *xs))


def _later(
    name: str, error: UnknownError, functions: Sequence[Any], index: Any, operands: Any, run: Callable[..., Any]
) -> Any:
    return later(
        name,
        error,
        functions,
        [operands] * len(functions),
        (index, operands),
        lambda fs, given: run(fs, *given),
        lambda results, _: results[0],
    )


def _numbered(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    index = operand("switch", index)
    spec = tensor_spec(index)
    if spec.shape or spec.dtype.kind not in "iu":
        raise DTypeError(
            f"[switch] index is {spec!r}; expected one integer; convert it with astype('int64'), or use cond for a "
            f"boolean."
        )
    return _switch("switch", index, branches, operands, [f"branch {i}" for i in range(len(branches))])


def _switch(
    name: str, index: Any, functions: Sequence[Callable[..., Any]], operands: Sequence[Any], called: Sequence[str]
) -> Any:
    leaves, structure = operands_of(name, tuple(operands))
    specs = [tensor_spec(x) for x in leaves]
    runs = [Traced(name, function, specs, leaves, lambda xs: unflatten(structure, xs)) for function in functions]
    first = runs[0]
    for run, own in zip(runs[1:], called[1:], strict=True):
        if not same_structure(run.structure, first.structure):
            raise ShapeError(
                f"[{name}] {called[0]} returns a tree {first.structure}, and {own} {run.structure}; expected the same "
                f"tree of all; return what belongs together in one form."
            )
        for i, (one, other) in enumerate(zip(first.specs, run.specs, strict=True)):
            if one != other:
                error = ShapeError if one.shape != other.shape else DTypeError
                raise error(
                    f"[{name}] {called[0]} returns {one!r} for leaf {i}, and {own} {other!r}; expected one shape and "
                    f"dtype of all; convert it with astype(...) or broadcast_to(...)."
                )
    outside = {x._node: x for run in runs for x in run.outside}
    branches = []
    for run in runs:
        consts, xs = symbols([tensor_spec(x) for x in outside.values()]), symbols(specs)
        known = dict(zip(outside, consts, strict=True))
        branches.append(Body([*consts, *xs], run.body.run([*(known[x._node] for x in run.outside), *xs], ops)))
    found = SWITCH.call(index, *outside.values(), *leaves, branches=tuple(branches))
    return unflatten(first.structure, found)

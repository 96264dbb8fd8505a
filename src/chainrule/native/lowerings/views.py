"""Ops that show an array in another way, or part of it: no statements, but of casts."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.statements import View, broadcast, flipped, permuted, reshaped
from chainrule.node import Node
from chainrule.spec import normalize_axes


@lowers("call")
def _call(lister: Lister, operands: Any, node: Node) -> tuple[View, ...]:
    return tuple(lister.graph(node.params["body"], [lister.view(x) for x in operands]))


@lowers("permute_dims")
def _permute(lister: Lister, operands: Any, node: Node) -> View:
    return permuted(lister.view(operands[0]), node.params["axes"])


@lowers("matrix_transpose")
def _matrix_transpose(lister: Lister, operands: Any, node: Node) -> View:
    d = len(node.shape)
    return permuted(lister.view(operands[0]), [*range(d - 2), d - 1, d - 2])


@lowers("reshape", "expand_dims", "squeeze")
def _reshape(lister: Lister, operands: Any, node: Node) -> View:
    x = lister.view(operands[0])
    found = reshaped(x, node.shape)
    if found is None:
        found = reshaped(lister.copy(x), node.shape)
        assert found is not None
    return found


@lowers("broadcast_to")
def _broadcast(lister: Lister, operands: Any, node: Node) -> View:
    return broadcast(lister.view(operands[0]), node.shape)


@lowers("flip")
def _flip(lister: Lister, operands: Any, node: Node) -> View:
    x = lister.view(operands[0])
    axis = node.params.get("axis")
    return flipped(x, range(len(x.shape)) if axis is None else normalize_axes("flip", axis, len(x.shape)))


@lowers("stop_gradient", "positive")
def _same(lister: Lister, operands: Any, node: Node) -> View | None:
    x = lister.view(operands[0])
    return x if x.dtype == node.dtype else None


@lowers("astype")
def _astype(lister: Lister, operands: Any, node: Node) -> View:
    x = lister.view(operands[0])
    return x if x.dtype == node.dtype else lister.map(x, lambda e, v: e.cast(v, node.dtype), node.dtype, "astype")


@lowers("real", "imag", "conj")
def _part(lister: Lister, operands: Any, node: Node) -> View | None:
    x, op = lister.view(operands[0]), node.op
    assert op is not None
    if x.dtype.kind == "c":
        return lister.map(x, PARTS[op.name], node.dtype, op.name)
    if op.name == "imag":
        return broadcast(lister.view(np.zeros((), node.dtype)), node.shape)
    return x if x.dtype == node.dtype else lister.map(x, lambda e, v: e.cast(v, node.dtype), node.dtype, op.name)


PARTS = {"real": lambda e, v: v.re, "imag": lambda e, v: v.im, "conj": lambda e, v: type(v)(v.re, -v.im)}


def is_basic(template: Any) -> bool:
    return all(
        part is None or part is Ellipsis or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))
        for part in template
    )

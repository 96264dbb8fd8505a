"""Reverse accumulation: walk against the arrows, from outputs to inputs.

With cotangent ḡ of a node's out, operand i receives  x̄ᵢ += ḡ · ∂out/∂xᵢ.

Note [Conjugation]
The gradient of a real function of z is ∂f/∂x + i ∂f/∂y, so a holomorphic op passes on ḡ · conj(∂out/∂z). Rules do
not conjugate: the engine conjugates a complex cotangent before the rules of a node, and what they return after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.graph.walk import Space, needs_derivative
from chainrule.node import Node
from chainrule.op import NONE, ONE, ZERO, no_derivative
from chainrule.spec import broadcast_axes


def reverse(
    order: list[Node],
    seeds: dict[Node, Any],
    targets: set[Node],
    needed: set[Node] | None,
    space: Space,
    careful: bool,
    observe: Callable[[Node, Any], Any] | None = None,
) -> dict[Node, Any]:
    """Cotangents of ``targets``, given ``seeds`` of outputs, walking the nodes of ``order`` (newest first).

    ``needed`` limits the walk to nodes that lead to a target; ``observe(node, cotangent)`` sees the total of each
    watched node, and may replace it.
    """
    xp, raw = space.xp, space.cls is None
    multiply = xp.absorbing_multiply if careful else xp.multiply
    cotangents, found, summed = dict(seeds), {}, set()
    for node in order:
        g = cotangents.pop(node, None)
        if g is None:
            continue
        if observe is not None and node.watch is not None:
            g = observe(node, g)
        if node in targets:
            found[node] = g
        op = node.op
        if op is None:
            rules, kept = (ONE,), None
        elif op.partials is not None:
            rules, kept = op.partials, space.kept(node)
        else:
            rules, kept = None, space.arguments(node)
        conjugate = node.dtype.kind == "c" and op is not None
        if conjugate:
            g = xp.conj(g)
        for operand, parent in enumerate(node.parents):
            if parent is None or (needed is not None and parent not in needed):
                continue
            if rules is not None:
                rule = rules[operand]
                if rule is ONE:
                    c = g
                elif rule is ZERO:
                    continue
                elif rule is NONE:
                    raise no_derivative(op, operand)  # type: ignore[arg-type]
                else:
                    c = multiply(g, rule(xp, *kept))  # type: ignore[misc]
            else:
                c = _pull(op, operand, xp, g, kept, node.params, parent)
                if c is None:
                    continue
            if conjugate:
                c = xp.conj(c)
            if c.shape != parent.shape or c.dtype is not parent.dtype:
                if not needs_derivative(parent):
                    continue
                c = fit(xp, c, parent)
            before = cotangents.get(parent)
            if before is None:
                cotangents[parent] = c
            elif parent in summed and type(before) is np.ndarray:
                np.add(before, c, out=before)
            else:
                cotangents[parent] = xp.add(before, c)
                if raw:
                    summed.add(parent)
    return found


def _pull(op: Any, operand: int, xp: Any, g: Any, kept: Any, params: dict[str, Any], parent: Node) -> Any:
    rule = op.rule(operand)
    if rule is ZERO or not needs_derivative(parent):
        return None
    if rule is NONE:
        raise no_derivative(op, operand)
    if op.vjp.__class__ is not tuple and callable(op.vjp):
        return rule(xp, g, *kept, operand=operand, **params)
    return rule(xp, g, *kept, **params)


def fit(xp: Any, c: Any, operand: Any) -> Any:
    """A cotangent in the shape and dtype of its operand: summed over broadcast axes, and cast."""
    if c.shape != operand.shape:
        axes = broadcast_axes(c.shape, operand.shape)
        c = xp.sum(c, axis=axes) if axes else c
        c = c if c.shape == operand.shape else xp.reshape(c, operand.shape)
    if c.dtype.kind == "c" and operand.dtype.kind == "f":
        c = xp.real(c)
    return c if c.dtype == operand.dtype else xp.astype(c, operand.dtype)

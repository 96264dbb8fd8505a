"""Reverse accumulation: walk against the arrows, from outputs to inputs.

With cotangent ḡ of a node's out, operand i receives  x̄ᵢ += ḡ · ∂out/∂xᵢ.

Note [Conjugation]
The gradient of a real function of z is ∂f/∂x + i ∂f/∂y, so a holomorphic op passes on ḡ · conj(∂out/∂z). Rules do
not conjugate: the engine conjugates a complex cotangent before the rules of a node, and what they return after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    xp, add, raw = space.xp, space.xp.add, space.cls is None
    multiply = xp.absorbing_multiply if careful else xp.multiply
    cotangents, found, summed = dict(seeds), {}, set()
    inner = any(target.op is not None for target in targets)
    take, peek = cotangents.pop, cotangents.get
    for node in order:
        g = take(node, None)
        if g is None:
            continue
        if node.watch is not None and observe is not None:
            g = observe(node, g)
        op, parents, dtype = node.op, node.parents, node.dtype
        if (op is None or inner) and node in targets:
            found[node] = g
        if needed is not None:
            parents = tuple(p if p in needed else None for p in parents)
        if op is None:
            sent = ((parents[0], g),) if parents else ()
        elif op.partials is None:
            sent = _pull(node, parents, g, space)
        elif dtype is not FLOAT64 and dtype is not FLOAT32:
            sent = _scale(node, parents, g, space, multiply)
        else:
            # The same as _scale, unrolled for the ops that a walk spends its time in.
            kept = node.kept
            if not raw or kept.__class__ is not tuple:
                kept = space.kept(node)
            if len(parents) == 1:
                out, x = kept
                (rule,) = op.partials
                c = g if rule is ONE else None if rule is ZERO else multiply(g, rule(xp, out, x))
                sent = ((parents[0], c),)
            elif len(parents) == 2:
                out, x, y = kept
                p, q = parents
                left, right = op.partials
                c = d = None
                if p is not None and left is not ZERO:
                    c = g if left is ONE else multiply(g, left(xp, out, x, y))
                if q is not None and right is not ZERO:
                    d = g if right is ONE else multiply(g, right(xp, out, x, y))
                sent = ((p, c), (q, d))
            else:
                sent = _scale(node, parents, g, space, multiply)
        for parent, c in sent:
            if c is None or parent is None:
                continue
            if c.dtype is not parent.dtype or c.shape != parent.shape:
                if not needs_derivative(parent):
                    continue
                c = fit(xp, c, parent)
            before = peek(parent)
            if before is None:
                cotangents[parent] = c
            elif parent in summed and before.__class__ is np.ndarray:
                np.add(before, c, out=before)
            else:
                cotangents[parent] = add(before, c)
                if raw:
                    summed.add(parent)
    return found


Parents = tuple[Node | None, ...]
FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")


def _scale(
    node: Node, parents: Parents, g: Any, space: Space, multiply: Callable[[Any, Any], Any]
) -> Iterator[tuple[Any, Any]]:
    """What an elementwise node sends to its operands: ḡ · dᵢ, conjugated as Note [Conjugation] says."""
    xp, op = space.xp, node.op
    kept = space.kept(node)
    conjugate = node.dtype.kind == "c"
    g = xp.conj(g) if conjugate else g
    for operand, parent in enumerate(parents):
        rule = op.partials[operand]  # type: ignore[union-attr, index]
        if parent is None or rule is ZERO:
            continue
        if rule is NONE:
            raise no_derivative(op, operand)  # type: ignore[arg-type]
        c = g if rule is ONE else multiply(g, rule(xp, *kept))
        yield parent, xp.conj(c) if conjugate else c


def _pull(node: Node, parents: Parents, g: Any, space: Space) -> Iterator[tuple[Any, Any]]:
    """What any other node sends to its operands, by its vjp rules."""
    xp, op, params = space.xp, node.op, node.params
    arguments = space.arguments(node)
    conjugate = node.dtype.kind == "c"
    g = xp.conj(g) if conjugate else g
    for operand, parent in enumerate(parents):
        if parent is None or not needs_derivative(parent):
            continue
        rule = op.rule(operand)  # type: ignore[union-attr]
        if rule is ZERO:
            continue
        if rule is NONE:
            raise no_derivative(op, operand)  # type: ignore[arg-type]
        if isinstance(op.vjp, tuple):  # type: ignore[union-attr]
            c = rule(xp, g, *arguments, **params)
        else:
            c = rule(xp, g, *arguments, operand=operand, **params)
        yield parent, xp.conj(c) if conjugate else c


def fit(xp: Any, c: Any, operand: Any) -> Any:
    """A cotangent in the shape and dtype of its operand: summed over broadcast axes, and cast."""
    if c.shape != operand.shape:
        axes = broadcast_axes(c.shape, operand.shape)
        c = xp.sum(c, axis=axes) if axes else c
        c = c if c.shape == operand.shape else xp.reshape(c, operand.shape)
    if c.dtype.kind == "c" and operand.dtype.kind == "f":
        c = xp.real(c)
    return c if c.dtype == operand.dtype else xp.astype(c, operand.dtype)

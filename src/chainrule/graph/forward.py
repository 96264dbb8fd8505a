"""Forward accumulation: walk with the arrows, from inputs to outputs.

With tangents ẋᵢ of its operands, a node's out moves by  ẏ = Σᵢ ∂out/∂xᵢ · ẋᵢ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph.support import bare
from chainrule.graph.support import careful as careful_namespace
from chainrule.graph.walk import Space
from chainrule.node import Node
from chainrule.op import NONE, ONE, PICK, ZERO, no_derivative
from chainrule.spec import Specs

FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")


def forward(order: list[Node], seeds: dict[Node, Any], space: Space, careful: bool) -> dict[Node, Any]:
    """Tangents of every node of ``order`` (oldest first) that depends on a seeded one."""
    xp = careful_namespace(space.cls is None) if careful else space.xp
    # A tangent that is zero absorbs infinity, so it stands second: see Note [Zeros annihilate].
    multiply = (lambda t, d: bare(xp.absorbing_multiply(d, t))) if careful else xp.multiply
    plain = space.cls is None and not careful
    tangents = dict(seeds)
    peek = tangents.get
    for node in order:
        if node in seeds:
            continue
        op, dtype = node.op, node.dtype
        # This branch is _push and _fit, unrolled for what most graphs are made of: elementwise ops of real values.
        partials: Any = op.partials if plain and op is not None and (dtype is FLOAT64 or dtype is FLOAT32) else None
        if partials is not None and len(partials) < 3 and NONE not in partials:
            p, q = node.left, node.right
            s, r = None if p is None else peek(p), None if q is None else peek(q)
            if s is None and r is None:
                continue
            if (s is None or s.dtype is dtype) and (r is None or r.dtype is dtype):
                kept: Any = node.kept
                if kept.__class__ is not tuple:
                    kept = space.kept(node)
                t: Any = None
                rule = partials[0]
                if s is not None and rule is not ZERO:
                    t = s if rule is ONE else s * rule(xp, *kept)
                if r is not None:
                    rule = partials[1]
                    if rule is not ZERO:
                        term = r if rule is ONE else r * rule(xp, *kept)
                        t = term if t is None else t + term
                if t is not None:
                    tangents[node] = t if t.dtype is dtype and t.shape == node.shape else _fit(xp, t, node)
                continue
        moving = [None if parent is None else peek(parent) for parent in node.parents]
        if dtype.kind not in "fc" or all(t is None for t in moving):
            continue
        t = bare(_push(node, moving, space, xp, multiply))
        if t is not None:
            several = node.shape.__class__ is Specs
            tangents[node] = (
                [_fit(xp, *pair) for pair in zip(t, node.shape, strict=True)] if several else _fit(xp, t, node)
            )
    return tangents


def _fit(xp: Any, t: Any, out: Any) -> Any:
    """A tangent in the shape and dtype of what it moves."""
    if t is None:
        return None
    t = t if t.shape == out.shape else xp.broadcast_to(t, out.shape)
    return t if t.dtype == out.dtype else xp.astype(t, out.dtype)


def _push(node: Node, moving: list[Any], space: Space, xp: Any, multiply: Any) -> Any:
    op = node.op
    if op is None:
        return moving[0]
    if op is PICK:
        return moving[0][node.params["index"]]
    for operand, t in enumerate(moving):
        if t is not None and op.rule(operand) is NONE:
            raise no_derivative(op, operand)
    if op.jvp is not None:
        return op.jvp(xp, moving, *space.arguments(node), **node.params)
    assert op.partials is not None
    kept, total = space.kept(node), None
    for rule, t in zip(op.partials, moving, strict=True):
        if t is not None and rule is not ZERO:
            if node.dtype.kind == "f" and t.dtype.kind == "c":
                # The partial of a real function of z is ∂f/∂x + i ∂f/∂y, so it moves by Re(conj(t) · partial).
                term = xp.real(multiply(xp.conj(t), rule(xp, *kept)))
            else:
                term = t if rule is ONE else multiply(t, rule(xp, *kept))
            total = term if total is None else xp.add(total, term)
    return total

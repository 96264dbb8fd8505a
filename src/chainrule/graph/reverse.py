"""Reverse accumulation: walk against the arrows, from outputs to inputs.

With cotangent ḡ of a node's out, operand i receives  x̄ᵢ += ḡ · ∂out/∂xᵢ.

Note [Conjugation]
The gradient of a real function of z is ∂f/∂x + i ∂f/∂y, so a holomorphic op passes on ḡ · conj(∂out/∂z). Rules do
not conjugate: the engine conjugates a complex cotangent before the rules of a node, and what they return after.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from math import prod
from sys import getrefcount
from typing import Any

import numpy as np
from numpy import ndarray

from chainrule.graph.support import TAKES, Supported, bare
from chainrule.graph.support import careful as careful_namespace
from chainrule.graph.walk import Space
from chainrule.node import Freed, Node
from chainrule.op import NONE, ONE, PICK, ZERO, no_derivative
from chainrule.ops.arithmetic import has_nan
from chainrule.spec import broadcast_axes
from chainrule.tree import flatten

Parents = tuple[Node | None, ...]
LARGE = 1 << 18  # bytes of an array whose memory is worth more than a look through it
FEW = LARGE // 16  # elements of which an array is not LARGE, whatever its dtype
FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")


def reverse(
    order: list[Node],
    seeds: dict[Node, Any],
    targets: set[Node],
    needed: set[Node] | None,
    space: Space,
    careful: bool,
    observe: Callable[[Node, Any], Any] | None = None,
    release: Freed | None = None,
    supported: bool = False,
) -> tuple[dict[Node, Any], bool]:
    """Cotangents of ``targets``, given ``seeds`` of outputs, walking the nodes of ``order`` (newest first).

    ``needed`` limits the walk to nodes that lead to a target; ``observe(node, cotangent)`` sees the total of each
    watched node, and may replace it. Second in the answer: whether the walk was careful, so that a NaN in it is true.
    A walk that meets a LARGE cotangent goes on carefully, and leaves ``release`` in place of what nodes kept.
    With ``supported`` a careful walk gives cotangents with structural zeros as :class:`Supported`.
    """
    raw = space.cls is None
    xp = careful_namespace(raw) if careful else space.xp
    plain = raw and not careful
    freeing = careful and release is not None
    cotangents, found, summed = dict(seeds), {}, set()
    inner = any(target.op is not None for target in targets)
    take, peek = cotangents.pop, cotangents.get

    def send(parent: Node, c: Any, cotangents: Any = cotangents, peek: Any = peek, summed: Any = summed) -> None:
        before = peek(parent)
        if before is None:
            cotangents[parent] = c
        elif parent in summed and before.__class__ is ndarray:
            before += bare(c)  # in place: this sum is the walk's own
        else:
            cotangents[parent] = xp.add(before, c)
            if raw:
                summed.add(parent)

    for node in order:
        g = take(node, None)
        if g is None:
            continue
        op, shape, dtype = node.op, node.shape, node.dtype
        if node.watch is not None and observe is not None:
            g = observe(node, bare(g))
        if (op is None or inner) and node in targets:
            found[node] = g if supported else bare(g)
        if op is None:
            for parent in node.parents:
                if parent is not None and (needed is None or parent in needed):
                    send(parent, g)
            continue
        # The first two branches are contributions, unrolled for what a tape is made of: real values, small or few.
        partials: Any = op.partials
        p, q = node.left, node.right
        plainly = plain and (dtype is FLOAT64 or dtype is FLOAT32)
        if plainly and partials is not None and len(partials) < 3 and NONE not in partials:
            kept: Any = node.kept
            if kept.__class__ is not tuple:
                kept = space.kept(node)
            if needed is not None:
                p, q = p if p in needed else None, q if q in needed else None
            if len(partials) == 1:
                (rule,), (out, x) = partials, kept
                if p is not None and rule is not ZERO:
                    c = g if rule is ONE else g * rule(xp, out, x)
                    send(p, c if c.dtype is p.dtype else fit(xp, c, p))
                continue
            (left, right), (out, x, y) = partials, kept
            if p is not None and left is not ZERO:
                c = g if left is ONE else g * left(xp, out, x, y)
                send(p, c if c.dtype is p.dtype and p.shape == shape else fit(xp, c, p))
            if q is not None and right is not ZERO:
                c = g if right is ONE else g * right(xp, out, x, y)
                send(q, c if c.dtype is q.dtype and q.shape == shape else fit(xp, c, q))
        elif plainly and op.alone is not None and p is not None and q is None and prod(p.shape) < FEW:
            if needed is None or p in needed:
                c = op.alone(xp, g, *space.arguments(node), **node.params)
                send(p, c if c.dtype is p.dtype and c.shape == p.shape else fit(xp, c, p))
        else:
            parents = node.parents
            if needed is not None:
                parents = tuple(p if p in needed else None for p in parents)
            if op is PICK:
                if parents[0] is not None:
                    collect(cotangents, parents[0], node.params["index"], g, xp)
                continue
            # Nobody but this frame holds g (and getrefcount itself), nor the memory behind it.
            own = freeing and g.__class__ is ndarray and getrefcount(g) == 2 and g.flags.owndata
            for _, parent, c in contributions(node, parents, g, space, xp, careful, own):
                send(parent, c)
                if plain and c.nbytes >= LARGE:
                    if any(map(has_nan, flatten([*cotangents.values(), *found.values()])[0])):
                        return reverse(order, seeds, targets, needed, space, True, observe, release)
                    plain, careful, freeing = False, True, release is not None
                    xp = careful_namespace(raw)
            c = None
            if freeing and node.kept is not None and any(parents):  # a node whose rules were not asked keeps its own
                node.kept = release
    return found, careful


def contributions(
    node: Node, parents: Parents, g: Any, space: Space, xp: Any, careful: bool, own: bool = False
) -> Iterator[tuple[int, Node, Any]]:
    """(operand, parent, cotangent) for each operand that wants one; see Notes [Conjugation] and [Zeros annihilate].

    With ``own`` the memory of g may be used again, which a mask does (relu, clip): half the memory of a wide layer.
    """
    op, params = node.op, node.params
    assert op is not None
    elementwise = op.partials is not None
    rules: Any = op.partials if elementwise else op.vjp
    multiply = xp.absorbing_multiply if careful else xp.multiply
    kept = space.kept(node) if elementwise else space.arguments(node)
    conjugate = node.dtype.kind == "c"  # never so of an op with several outputs
    g = xp.conj(g) if conjugate else g
    if op.together is not None:
        wanted = tuple(parent is not None and parent.dtype.kind in "fc" for parent in parents)
        given = g if op.name in TAKES else bare(g)
        found = op.together(xp, given, *bare(kept), wanted=wanted, **params) if any(wanted) else ()
        for operand, (parent, c) in enumerate(zip(parents, found, strict=False)):
            if parent is not None and c is not None:
                yield operand, parent, fit(xp, xp.conj(c) if conjugate else c, parent)
        return
    for operand, parent in enumerate(parents):
        if parent is None or parent.dtype.kind not in "fc":
            continue
        rule: Any
        if isinstance(rules, tuple):
            rule = rules[operand]
        else:
            rule = NONE if rules is None else functools.partial(rules, operand=operand)
        if rule is ZERO:
            continue
        if rule is NONE:
            raise no_derivative(op, operand)
        if rule is ONE:
            c = g
        elif not elementwise:
            c = rule(xp, g, *kept, **params)
        else:
            d = rule(xp, *kept)
            if own and len(parents) == 1 and d.__class__ is ndarray and d.dtype == bool and d.shape == g.shape:
                np.copyto(g, 0, where=~d)
                c = Supported(g, d)
            else:
                c = multiply(g, d)
        c = xp.conj(c) if conjugate else c
        yield operand, parent, c if c.dtype is parent.dtype and c.shape == parent.shape else fit(xp, c, parent)


def collect(cotangents: dict[Node, Any], parent: Node, index: int, g: Any, xp: Any) -> None:
    """Add the cotangent of one output to those of a node that has several; see Note [Several outputs]."""
    parts = cotangents.setdefault(parent, [None] * len(parent.shape))
    parts[index] = g if parts[index] is None else xp.add(parts[index], g)


def fit(xp: Any, c: Any, operand: Any) -> Any:
    """A cotangent in the shape and dtype of its operand: summed over broadcast axes, and cast."""
    if c.shape != operand.shape:
        axes = broadcast_axes(c.shape, operand.shape)
        c = xp.sum(c, axis=axes) if axes else c
        c = c if c.shape == operand.shape else xp.reshape(c, operand.shape)
    if c.dtype.kind == "c" and operand.dtype.kind == "f":
        c = xp.real(c)
    return c if c.dtype == operand.dtype else xp.astype(c, operand.dtype)

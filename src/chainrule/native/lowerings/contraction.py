"""Sums of products over letters, ``contract``: products of matrices where these are large, else statements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.native.listing import Lister, lowers
from chainrule.native.lowerings.products import CACHED, STATEMENT, product
from chainrule.native.statements import ZERO, Array, Axis, Index, Statement, View, apart, permuted, reshaped
from chainrule.node import Node

Term = tuple[str, View]


@lowers("contract")
def _contract(lister: Lister, operands: Any, node: Node) -> View:
    subscripts = node.params["subscripts"]
    inputs, out = subscripts.split("->")
    left = list(zip(inputs.split(","), map(lister.view, operands), strict=True))
    if len(left) == 1:
        return _single(lister, left[0], out, node.dtype)
    path = [(0, 1)]
    if len(left) > 2:
        probes = [np.broadcast_to(np.empty(()), view.shape) for _, view in left]
        path = np.einsum_path(subscripts, *probes, optimize="greedy")[0][1:]
    for places in path:
        taken = [left.pop(i) for i in sorted(places, reverse=True)][::-1]
        rest = {letter for term, _ in left for letter in term} | set(out)
        have = dict.fromkeys(letter for term, _ in taken for letter in term)
        goal = "".join(letter for letter in have if letter in rest) if left else out
        left.append((goal, _joined(lister, taken, goal, node.dtype)))
    return left[0][1]


def _single(lister: Lister, one: Term, out: str, dtype: Any) -> View:
    term, view = one
    view = view if view.dtype == dtype else lister.map(view, lambda e, v: e.cast(v, dtype), dtype)
    return permuted(view, [term.index(letter) for letter in out])


def _joined(lister: Lister, taken: Sequence[Term], goal: str, dtype: Any) -> View:
    """What ``goal`` says of a product of operands."""
    size = {letter: n for term, view in taken for letter, n in zip(term, view.shape, strict=True)}
    if len(taken) != 2:
        return _summed(lister, taken, goal, size, dtype)
    (one, x), (other, y) = taken
    shared = [letter for letter in one if letter in other and letter in goal]
    inner = [letter for letter in one if letter in other and letter not in goal]
    rows, columns = ([a for a in term if a not in rest] for term, rest in ((one, other), (other, one)))
    n, m, k = (math.prod(size[letter] for letter in group) for group in (rows, columns, inner))
    lonely = any(letter not in goal for letter in (*rows, *columns))
    streamed = min(n, m) == 1 and max(n, m) * k * np.dtype(dtype).itemsize > CACHED
    if lonely or streamed or k == 1 or max(n, m, k) <= STATEMENT or 0 in size.values():
        return _summed(lister, taken, goal, size, dtype)
    left = _grouped(lister, one, x, size, [[letter] for letter in shared] + [rows, inner])
    right = _grouped(lister, other, y, size, [[letter] for letter in shared] + [inner, columns])
    made = product(lister, left, right, (*(size[a] for a in shared), n, m), dtype)
    letters = [*shared, *rows, *columns]
    apart_again = reshaped(made, tuple(size[letter] for letter in letters))
    assert apart_again is not None
    return permuted(apart_again, [letters.index(letter) for letter in goal])


def _grouped(lister: Lister, term: str, x: View, size: Mapping[str, int], groups: Sequence[Sequence[str]]) -> View:
    """x with an axis for each group of letters."""
    x = permuted(x, [term.index(letter) for group in groups for letter in group])
    shape = tuple(math.prod(size[letter] for letter in group) for group in groups)
    found = reshaped(x, shape)
    if found is None:
        found = reshaped(lister.copy(x), shape)
        assert found is not None
    return found


def _summed(lister: Lister, taken: Sequence[Term], goal: str, size: Mapping[str, int], dtype: Any) -> View:
    """One statement, with an axis for each letter."""
    axes = {letter: Axis(n) for letter, n in size.items() if n != 1}
    index = {letter: Index(((axes[letter], 1),)) if letter in axes else ZERO for letter in size}
    reads = tuple(view.read([index[letter] for letter in term]) for term, view in taken)
    out = Array(tuple(size[letter] for letter in goal), dtype, name="contract")
    logical = out.dtype.kind == "b"

    def rule(e: Any, first: Any, *numbers: Any) -> Any:
        total = e.cast(first, out.dtype)
        for x in numbers:
            total = total & e.cast(x, out.dtype) if logical else total * e.cast(x, out.dtype)
        return total

    return lister.add(
        Statement(
            out, apart([index[letter] for letter in goal]), tuple(axes.values()), reads, rule,
            folded=tuple(axis for letter, axis in axes.items() if letter not in goal),
            combine="or" if logical else "add", initial=0, name="contract",
        )
    )  # fmt: skip

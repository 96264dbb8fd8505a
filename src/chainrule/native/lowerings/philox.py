"""Random bits: rounds of Philox 4×64 side by side over blocks, whose four words share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.values import Value
from chainrule.native.listing import Lister, lowers
from chainrule.native.statements import Array, Index, Position, Statement, View, apart, view_of
from chainrule.node import Node

U64 = np.dtype(np.uint64)
# The multipliers of two words of a block, and what is added to the two words of the key after each round.
MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
ROUNDS = 10
COST = 20  # of a word, of which four share their rounds: as dear as a logarithm


def wide_product(e: Emitter, x: Value, factor: int) -> tuple[Value, Value]:
    """(high, low) words of the product of a word and a constant, by products of halves."""
    mask, half = (1 << 32) - 1, 32
    low, high = e.const(factor & mask, U64), e.const(factor >> half, U64)
    below, above = x & mask, x >> half
    start, left, right = below * low, above * low, below * high
    middle = left + (start >> half)
    carry = right + (middle & mask)
    return above * high + (middle >> half) + (carry >> half), (carry << half) | (start & mask)


def block(e: Emitter, keys: tuple[Value, Value], counter: Value) -> list[Value]:
    """The four words of the block of a counter."""
    left, right = keys
    zero = e.const(0, U64)
    a, b, c, d = counter, zero, zero, zero
    for _ in range(ROUNDS):
        (high, low), (other, under) = wide_product(e, a, MULTIPLIERS[0]), wide_product(e, c, MULTIPLIERS[1])
        a, b, c, d = other ^ b ^ left, under, high ^ d ^ right, low
        left, right = left + WEYL[0], right + WEYL[1]
    return [a, b, c, d]


@lowers("philox")
def _philox(lister: Lister, operands: Sequence[Any], node: Node) -> View:
    """A statement for each word of the blocks; equal instructions are written once."""
    state, offset = lister.view(operands[0]), node.params["offset"]
    out = Array(node.shape, node.dtype, name="philox")
    axes, indices = lister.axes_of(node.shape[:-1])
    reads = tuple(state.read([*indices[:-1], Index((), i)]) for i in range(3))
    view = view_of(out)

    def word(number: int) -> Any:
        def rule(e: Emitter, left: Value, right: Value, counter: Value, position: Value) -> Value:
            return block(e, (left, right), counter + (e.cast(position, U64) + (offset + 1)))[number]

        return rule

    for i in range(4):
        place = apart([*indices, Index((), i)])
        view = lister.add(
            Statement(
                out, place, tuple(a for a in axes if a), (*reads, Position(indices[-1])), word(i), name="philox",
                cost=COST,
            )
        )  # fmt: skip
    return view

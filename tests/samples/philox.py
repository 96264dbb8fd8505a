"""Random bits."""

from typing import Any

import numpy as np

from samples.drawing import Row, call, row

MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
WORD = 2**64


def block(key: tuple[int, ...], counter: tuple[int, ...]) -> tuple[int, ...]:
    """Philox 4×64-10 in integers of Python's, after Salmon et al. (2011), section 4.3 and figure 2."""
    (left, right), (a, b, c, d) = key, counter
    for _ in range(10):
        (high, low), (other, under) = divmod(a * MULTIPLIERS[0], WORD), divmod(c * MULTIPLIERS[1], WORD)
        a, b, c, d = other ^ b ^ left, under, high ^ d ^ right, low
        left, right = (left + WEYL[0]) % WORD, (right + WEYL[1]) % WORD
    return a, b, c, d


def philox(state: Any, *, offset: int, blocks: int) -> Any:
    out = np.empty((*state.shape[:-1], blocks, 4), np.uint64)
    for place in np.ndindex(state.shape[:-1]):
        *key, count = (int(x) for x in state[place])
        for b in range(blocks):
            out[(*place, b)] = block((key[0], key[1]), ((count + offset + 1 + b) % WORD, 0, 0, 0))
    return out


def state(*words: int) -> Any:
    return np.array(words, np.uint64)


ROWS: dict[str, Row] = {
    "philox": row(
        philox,
        call(state(0, 0, 0), offset=0, blocks=3),
        call(state(WORD - 1, 2**63 + 5, 10**15), offset=70, blocks=11),
        call(state(7, 9, 3), offset=0, blocks=0),
        call(state(1, 2, WORD - 4), offset=1, blocks=5),
        call(np.stack([state(1, 2, 3), state(4, 5, WORD - 2)]), offset=1, blocks=2),
    )
}

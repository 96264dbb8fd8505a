"""Random bits as a function of a key and of a counter: Philox 4×64-10, of which whatever is drawn is made.

Source: Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011, section 4.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.op import primitive
from chainrule.spec import Spec

WORD = np.dtype(np.uint64)


def _canonical(state: Spec, *, offset: Any, blocks: Any) -> dict[str, Any]:
    if state.dtype != WORD:
        raise DTypeError(
            f"[philox] the state is {state.dtype}; expected uint64; give two words of key and a counter of blocks."
        )
    if state.shape[-1:] != (3,):
        raise ShapeError(
            f"[philox] the state has shape {state.shape}; expected (…, 3); give two words of key and a counter of "
            f"blocks."
        )
    return {"offset": int(offset), "blocks": int(blocks)}


def words(key: Any, counter: int, blocks: int) -> Any:
    """The words of some blocks, a row each: those of counter + 1, counter + 2, …, modulo 2⁶⁴, as NumPy counts."""
    before = min(blocks, 2**64 - 1 - counter % 2**64)  # the rest begins again at 0, and does not carry
    drawn = np.random.Philox(key=key, counter=counter % 2**64).random_raw(4 * before)
    if before < blocks:
        rest = np.random.Philox(key=key, counter=2**256 - 1).random_raw(4 * (blocks - before))
        drawn = np.concatenate([drawn, rest])
    return drawn.reshape(blocks, 4)


def _value(state: Any, *, offset: int, blocks: int) -> Any:
    state = np.asarray(state)
    if state.ndim == 1:
        return words(state[:2], int(state[2]) + offset, blocks)
    out = np.empty((*state.shape[:-1], blocks, 4), WORD)
    for place in np.ndindex(state.shape[:-1]):
        out[place] = _value(state[place], offset=offset, blocks=blocks)
    return out


primitive(
    "philox",
    value=_value,
    canonical=_canonical,
    spec=lambda state, *, offset, blocks: Spec((*state.shape[:-1], blocks, 4), WORD),
    batch=lambda xp, _batched, state, *, offset, blocks: xp.philox(state, offset=offset, blocks=blocks),
    differentiable=False,
    public=(),
    doc="""Random words, four a block: those of ``np.random.Philox(key=state[:2])`` after state[2] + offset blocks.

    >>> from chainrule.ops import ops
    >>> state = np.array([1, 2, 0], np.uint64)
    >>> bool(np.all(ops.philox(state, offset=1, blocks=1) == np.random.Philox(key=state[:2]).random_raw(8)[4:]))
    True
    """,
)

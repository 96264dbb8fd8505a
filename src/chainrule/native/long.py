"""Long draws of random numbers by machine code, piece by piece: the same bits that NumPy makes, in half of the time."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from chainrule import native
from chainrule.graph.body import symbols
from chainrule.graph.graph import Graph
from chainrule.native.entry.form import Launch
from chainrule.ops import ops
from chainrule.spec import Spec
from chainrule.stream import WORD, uniform

PIECE = 1 << 12  # blocks, whose words are near to the processor


@functools.cache
def _piece(dtype: np.dtype) -> Launch:
    """The numbers of a piece, of a state."""
    (state,) = symbols([Spec((3,), WORD)])
    words = ops.philox(state, offset=0, blocks=PIECE)
    return Launch(native.compile(Graph([state._node], [words if dtype == WORD else uniform(words, dtype)])))


def drawn(dtype: np.dtype, state: Any, blocks: int) -> Any:
    """Words, or uniform numbers in double or single precision, of so many blocks after a state."""
    size = 32 // dtype.itemsize
    out = np.empty(blocks * size, dtype)
    piece, state = _piece(dtype), state.copy()
    for start in range(0, blocks, PIECE):
        part = out[start * size : (start + PIECE) * size]
        part[...] = piece(state)[0].reshape(-1)[: part.size]
        state[2] += WORD.type(PIECE)
    return out

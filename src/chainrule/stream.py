"""Streams of random numbers: a key, and a counter of the blocks of four words that were drawn from it.

The word of a block and of a place in it is a function of these (the op ``philox``), so a stream goes on in compiled
code where it stood: what is traced gets the state of the stream as one more input, and counts from there. Uniform
numbers are those of ``np.random.Generator(np.random.Philox(seed))``, of which every draw takes whole blocks.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.errors import DomainError
from chainrule.ops import ops, raw

PIECE = 1 << 14  # numbers that are made at a time: as many as are near to the processor
MANY = 1 << 16  # blocks that are drawn by machine code, where it is there
HALF = (1 << 32) - 1
DOUBLE, SINGLE, WORD = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.uint64)


class Stream:
    """Random numbers of one seed, from the first on. Threads may share it: each draw takes blocks of its own."""

    # The same numbers, quicker: told by native/compiled.py, floors above, once machine code was made.
    by_machine_code: Callable[[np.dtype, Any, int], Any] | None = None

    def __init__(self, seed: Any = None):
        self._lock = threading.Lock()
        self.start(seed)

    def start(self, seed: Any) -> None:
        """Begin with a seed, as those of NumPy are."""
        bits = np.random.Philox(seed)
        with self._lock:
            key = tuple(map(int, bits.state["state"]["key"]))
            self._key, self._count, self._made_in = key, 0, noise.traced.get()
            self._numpy, self._drawn = np.random.Generator(bits), 0

    # ------------------------------------------------------------------------------------------ where it stands

    @property
    def state(self) -> Any:
        """What :meth:`stand` takes, to go on from here once more."""
        now = noise.traced.get()
        with self._lock:
            return self._key, self._count, self._made_in, now.drawn(self) if self._is_input(now) else None

    def stand(self, state: Any, replayed: bool = False) -> None:
        """Go on from a state; one that is replayed has numbers, also where a function is traced."""
        now = noise.traced.get()
        with self._lock:
            self._key, self._count, self._made_in, drawn = state
            self._drawn = -1
            if replayed:
                self._made_in = now
        if drawn is not None and self._is_input(now):
            now.wind(self, drawn)

    def _is_input(self, now: Any) -> bool:
        return isinstance(now, noise.Drawing) and self._made_in is not now

    def _place(self, blocks: int) -> Any:
        """(symbol of a state, blocks after it) for a draw in a function that is traced; None for one that is done."""
        now = noise.traced.get()
        if now is None or self._made_in is now:
            return None
        if isinstance(now, noise.Repeated):
            raise now.refusal()
        return now.place(self, blocks)

    def take(self, blocks: int) -> Any:
        """The state from which some blocks are drawn by somebody else: the key and the counter."""
        place = self._place(blocks)
        if place is not None:
            state, offset = place
            return ops.add(state, np.array([0, 0, offset], WORD)) if offset else state
        with self._lock:
            key, count = self._key, self._count
            self._count += blocks
        return np.array([key[0], key[1], count % 2**64], WORD)

    def give_back(self, state: Any, blocks: int) -> None:
        """Go back to a state that was taken with some blocks, unless somebody else has drawn since."""
        with self._lock:
            before = int(state[2])
            if self._count == before + blocks and self._key == (int(state[0]), int(state[1])):
                self._count = before

    # ------------------------------------------------------------------------------------------ what is drawn

    def words(self, count: int) -> Any:
        """Random words: an array of uint64, or a symbolic Tensor in a function that is traced."""
        blocks = -(-count // 4)
        place = self._place(blocks)
        if place is not None:
            state, offset = place
            return _first(ops, ops.philox(state, offset=offset, blocks=blocks), count)
        return self._numbers(WORD, blocks)[:count]

    def noise(self, name: str, count: int, dtype: np.dtype) -> Any:
        """Numbers of a standard distribution, of one axis: double precision, or single precision from half words."""
        halves = 8 // dtype.itemsize
        blocks = -(-count // (4 * halves))
        place, make = self._place(blocks), STANDARD[name]
        if place is not None:
            state, offset = place
            drawn = ops.philox(state, offset=offset, blocks=blocks)
            made = make(ops, uniform(drawn, dtype))
            return _first(ops, ops.stack(made, axis=-1) if isinstance(made, tuple) else made, count)
        numbers = self._numbers(dtype, blocks)
        if make is not _same:
            for start in range(0, numbers.size, PIECE):
                piece = numbers[start : start + PIECE].reshape(-1, 2)
                made = make(raw, piece)
                if isinstance(made, tuple):
                    piece[:, 0], piece[:, 1] = made
                else:
                    piece[...] = made
        return numbers[:count]

    def _numbers(self, dtype: np.dtype, blocks: int) -> Any:
        """The words of some blocks, or the uniform numbers that are made of them."""
        if blocks >= MANY and Stream.by_machine_code is not None:
            return Stream.by_machine_code(dtype, self.take(blocks), blocks)
        with self._lock:
            generator = self._standing(blocks)
            if dtype == WORD:
                return generator.bit_generator.random_raw(4 * blocks)
            return generator.random(32 // dtype.itemsize * blocks, dtype)

    def _standing(self, blocks: int) -> np.random.Generator:
        """NumPy's generator where the stream stands, which goes on by some blocks."""
        if self._drawn != self._count:
            bits = np.random.Philox(key=np.array(self._key, WORD), counter=self._count)
            self._numpy, self._drawn = np.random.Generator(bits), self._count
        self._count += blocks
        self._drawn += blocks
        return self._numpy


def _first(xp: Any, x: Any, count: int) -> Any:
    """The first elements, in one axis."""
    flat = xp.reshape(x, (-1,))
    return flat if flat.shape[0] == count else xp.getitem(flat, slice(0, count))


def uniform(words: Any, dtype: np.dtype) -> Any:
    """Uniform on [0, 1), as NumPy makes it of words: of their upper 53 bits, or of 24 bits of each half, the low first.

    The last axis has pairs.
    """
    bits: tuple[int, float] = (11, 2.0**-53)
    if dtype == SINGLE:
        low, high = ops.bitwise_and(words, WORD.type(HALF)), ops.bitwise_right_shift(words, WORD.type(32))
        words, bits = ops.stack([low, high], axis=-1), (8, 2.0**-24)
    else:
        words = ops.reshape(words, (words.shape[0], 2, 2))
    shift, unit = bits
    return ops.multiply(ops.astype(ops.bitwise_right_shift(words, WORD.type(shift)), dtype), dtype.type(unit))


# ---------------------------------------------------------------------------------------------- distributions
# Functions of numbers u that are uniform on [0, 1) in the last axis, in pairs. 1 − u is exact, and never 0.


def _same(_xp: Any, u: Any) -> Any:
    return u


def _exponential(xp: Any, u: Any) -> Any:
    return xp.negative(xp.log1p(xp.negative(u)))


def _normal(xp: Any, u: Any) -> Any:
    """√(−2 log(1−u)) · (cos θ, sin θ), θ = 2π(v − ½): Box and Muller, A note on the generation of random normal
    deviates, 1958. Of t = tan θ/2, cosine and sine are 2/(1 + t²) − 1 and t · 2/(1 + t²).
    """
    length = xp.sqrt(xp.multiply(-2.0, xp.log1p(xp.negative(u[..., 0]))))
    half = xp.tan(xp.multiply(math.pi, xp.subtract(u[..., 1], 0.5)))
    share = xp.divide(2.0, xp.add(1.0, xp.multiply(half, half)))
    return xp.multiply(length, xp.subtract(share, 1.0)), xp.multiply(length, xp.multiply(half, share))


def _open(xp: Any, u: Any) -> Any:
    """u in (0, 1): for 0 stands the middle of the numbers that became 0."""
    return xp.maximum(u, u.dtype.type(2.0**-54 if u.dtype == DOUBLE else 2.0**-25))


def _laplace(xp: Any, u: Any) -> Any:
    u = _open(xp, u)
    tail = xp.log(xp.multiply(2.0, xp.minimum(u, xp.subtract(1.0, u))))
    return xp.where(xp.less(u, 0.5), tail, xp.negative(tail))


def _gumbel(xp: Any, u: Any) -> Any:
    return xp.negative(xp.log(xp.negative(xp.log(_open(xp, u)))))


def _logistic(xp: Any, u: Any) -> Any:
    u = _open(xp, u)
    return xp.subtract(xp.log(u), xp.log1p(xp.negative(u)))


STANDARD: dict[str, Callable[[Any, Any], Any]] = {
    "random": _same,
    "standard_normal": _normal,
    "standard_exponential": _exponential,
    "laplace": _laplace,
    "gumbel": _gumbel,
    "logistic": _logistic,
}


def bounds_of(low: Any, high: Any, dtype: np.dtype, endpoint: bool) -> tuple[int, int]:
    """The least and the largest integer that may be drawn."""
    try:
        least, most = (operator.index(x) for x in ((0, low) if high is None else (low, high)))
    except TypeError:
        raise _refused(low, high, dtype, "these are not integers") from None
    if dtype.kind not in "biu":
        raise _refused(low, high, dtype, "this is no dtype of integers")
    most -= not endpoint
    smallest, largest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if least < smallest or most > largest:
        raise _refused(low, high, dtype, f"{'low' if least < smallest else 'high'} is out of bounds for {dtype}")
    if least > most:
        raise _refused(low, high, dtype, "low > high" if endpoint else "low >= high")
    return least, most


def _refused(low: Any, high: Any, dtype: np.dtype, told: str) -> DomainError:
    return DomainError(
        f"[integers] low is {low} and high {high}, for {dtype}: {told}; expected low < high, both within "
        f"the dtype; change the bounds."
    )


def below(words: Any, size: int, least: int) -> Any:
    """least + ⌊w · size / 2⁶⁴⌋ modulo 2⁶⁴, where size ≤ 2⁶⁴: each as often as others to within size / 2⁶⁴.

    Source: Lemire, Fast random integer generation in an interval, 2019, section 4, without the rejections.
    """
    start = WORD.type(least % 2**64)
    if not isinstance(words, np.ndarray):
        return ops.add(_share(ops, words, size), start)
    for at in range(0, words.size, PIECE):
        piece = words[at : at + PIECE]
        np.add(_share(raw, piece, size), start, piece)
    return words


def _share(xp: Any, words: Any, size: int) -> Any:
    """The upper word of the product of words and a size, by products of halves."""
    if size == 2**64:
        return words
    number, half, mask = WORD.type, WORD.type(32), WORD.type(HALF)
    high, low = xp.bitwise_right_shift(words, half), xp.bitwise_and(words, mask)
    if size <= 2**32:
        part = xp.bitwise_right_shift(xp.multiply(low, number(size)), half)
        return xp.bitwise_right_shift(xp.add(xp.multiply(high, number(size)), part), half)
    above, under = number(size >> 32), number(size & HALF)
    middle = xp.add(xp.multiply(high, under), xp.bitwise_right_shift(xp.multiply(low, under), half))
    carry = xp.add(xp.multiply(low, above), xp.bitwise_and(middle, mask))
    parts = xp.add(xp.bitwise_right_shift(middle, half), xp.bitwise_right_shift(carry, half))
    return xp.add(xp.multiply(high, above), parts)


def shuffled(words: Any) -> Any:
    """0 … n − 1 in random order: the lowest bits of words are numbered, and the words sorted."""
    count = words.shape[0]
    mask = WORD.type((1 << max(count - 1, 0).bit_length()) - 1)
    if isinstance(words, np.ndarray):
        return (np.sort((words & ~mask) | np.arange(count, dtype=WORD)) & mask).astype(np.int64)
    numbered = ops.bitwise_or(ops.bitwise_and(words, ~mask), np.arange(count, dtype=WORD))
    return ops.astype(ops.bitwise_and(ops.sort(numbered), mask), np.int64)

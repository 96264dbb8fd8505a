"""Einstein summation.

``einsum`` reads the subscripts and makes them simple: the output is written out, an ellipsis becomes letters, a
repeated letter is taken on the diagonal, a letter nobody else has is summed. What is left is ``contract``, where
every letter stands once in an operand and again in another operand or in the output. That form is closed under
differentiation: the adjoint in an operand is the contraction of the cotangent with the others.
"""

from __future__ import annotations

import functools
import string
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite, primitive
from chainrule.spec import Shape, Spec, promote

_LETTERS = frozenset(string.ascii_letters)


def _terms(subscripts: str) -> tuple[list[str], str]:
    inputs, out = subscripts.split("->")
    return inputs.split(","), out


def _join(terms: Any, out: str) -> str:
    return f"{','.join(terms)}->{out}"


# ------------------------------------------------------------------------------------------- the primitive


def _contract(*operands: Any, subscripts: str) -> Any:
    terms, out = _terms(subscripts)
    path = _path(subscripts, tuple(x.shape for x in operands)) if len(operands) > 2 else ((0, 1),) * (len(operands) > 1)
    dtype = promote(operands)
    left = [(term, x.astype(dtype, copy=False)) for term, x in zip(terms, operands, strict=True)]
    for pair in path:
        taken = [left.pop(i) for i in sorted(pair, reverse=True)]
        rest = {letter for term, _ in left for letter in term} | set(out)
        have = "".join(dict.fromkeys("".join(term for term, _ in taken)))
        goal = out if not left else "".join(letter for letter in have if letter in rest)
        if len(taken) == 2:
            left.append((goal, _product(taken[0], taken[1], goal)))
        else:
            left.append((goal, np.einsum(_join([t for t, _ in taken], goal), *[x for _, x in taken])))
    ((term, result),) = left
    result = result if term == out else _ordered(result, term, out)
    return result[()]


@functools.lru_cache(maxsize=512)
def _path(subscripts: str, shapes: tuple[Shape, ...]) -> tuple[tuple[int, ...], ...]:
    """Which operands to contract with each other, step by step."""
    probes = [np.broadcast_to(np.empty(()), shape) for shape in shapes]
    return tuple(np.einsum_path(subscripts, *probes, optimize="greedy")[0][1:])


def _ordered(x: Any, term: str, goal: str) -> Any:
    """x, whose axes are ``term``, with the axes ``goal``; those it does not have get size 1."""
    x = x.transpose([term.index(letter) for letter in goal if letter in term])
    sizes = iter(x.shape)
    return x.reshape(tuple(next(sizes) if letter in term else 1 for letter in goal))


def _product(one: tuple[str, Any], other: tuple[str, Any], goal: str) -> Any:
    """The contraction of two operands: an elementwise product where nothing is summed, else BLAS."""
    (term, x), (tail, y) = one, other
    if all(letter in goal for letter in term if letter in tail):
        return _ordered(x, term, goal) * _ordered(y, tail, goal)
    left, right, shape, order = _matrices(term, tail, goal, x.shape, y.shape)
    product = np.matmul(x.transpose(left[0]).reshape(left[1]), y.transpose(right[0]).reshape(right[1]))
    return product.reshape(shape).transpose(order)


@functools.lru_cache(maxsize=512)
def _matrices(term: str, tail: str, goal: str, one: Shape, other: Shape) -> Any:
    """How two operands become (stacks of) matrices, each (order of axes, shape); the shape and order of the product."""
    shared = [letter for letter in term if letter in tail and letter in goal]
    summed = [letter for letter in term if letter in tail and letter not in goal]
    rows = [letter for letter in term if letter not in tail]
    columns = [letter for letter in tail if letter not in term]
    size = {**dict(zip(term, one, strict=True)), **dict(zip(tail, other, strict=True))}

    def stack(own: str, *groups: list[str]) -> tuple[Shape, Shape]:
        order = tuple(own.index(letter) for group in (shared, *groups) for letter in group)
        merged = (Spec(tuple(size[letter] for letter in group), None).size for group in groups)
        return order, (*(size[letter] for letter in shared), *merged)

    made = [*shared, *rows, *columns]
    shape, order = tuple(size[letter] for letter in made), tuple(made.index(letter) for letter in goal)
    return stack(term, rows, summed), stack(tail, summed, columns), shape, order


def _contract_spec(*operands: Any, subscripts: str) -> Spec:
    terms, out = _terms(subscripts)
    size = {letter: n for term, x in zip(terms, operands, strict=True) for letter, n in zip(term, x.shape, strict=True)}
    return Spec(tuple(size[letter] for letter in out), promote(operands))


def _contract_vjp(xp: Any, g: Any, _out: Any, *operands: Any, subscripts: str, operand: int) -> Any:
    terms, out = _terms(subscripts)
    others = [i for i in range(len(terms)) if i != operand]
    inputs = _join([out, *(terms[i] for i in others)], terms[operand])
    return xp.contract(g, *(operands[i] for i in others), subscripts=inputs)


def _contract_jvp(xp: Any, tangents: Any, _out: Any, *operands: Any, subscripts: str) -> Any:
    moves = [
        xp.contract(*operands[:i], t, *operands[i + 1 :], subscripts=subscripts)
        for i, t in enumerate(tangents)
        if t is not None
    ]
    return functools.reduce(xp.add, moves)


def _contract_batch(xp: Any, batched: tuple[bool, ...], *operands: Any, subscripts: str) -> Any:
    terms, out = _terms(subscripts)
    fresh = _fresh(set(subscripts), 1)
    marked = [fresh * is_batched + term for term, is_batched in zip(terms, batched, strict=True)]
    return xp.contract(*operands, subscripts=_join(marked, fresh + out))


def _fresh(taken: set[str], count: int) -> str:
    free = [letter for letter in string.ascii_letters[::-1] if letter not in taken]
    if len(free) < count:
        raise ShapeError(
            "[einsum] the subscripts need more than 52 letters; expected one for each axis; contract in two steps."
        )
    return "".join(free[:count])


primitive(
    "contract",
    value=_contract,
    arity=None,
    spec=_contract_spec,
    vjp=_contract_vjp,
    jvp=_contract_jvp,
    batch=_contract_batch,
    public=(),
    doc="""The sum of products that ``subscripts`` spell out, each letter once an operand: what ``einsum`` is made of.

    >>> from chainrule.ops import ops
    >>> ops.contract(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0]), subscripts="i,i->")
    tensor(11.)
    """,
)


# ------------------------------------------------------------------------------------- reading the subscripts


def _refuse(subscripts: Any, why: str, advice: str) -> ShapeError:
    return ShapeError(f"[einsum] the subscripts {subscripts!r} {why}; expected e.g. 'ij,jk->ik'; {advice}.")


def _parse(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """One letter per axis for every operand and the output."""
    text = subscripts.replace(" ", "").replace("...", ".")
    arrow = text.count("->")
    inputs, _, out = text.partition("->")
    terms = inputs.split(",")
    strange = set(inputs + out) - _LETTERS - {".", ","}
    if arrow > 1 or strange or "," in out or any(term.count(".") > 1 for term in (*terms, out)):
        raise _refuse(subscripts, "cannot be read", "use letters, ',', '->' and at most one '...' an operand")
    if len(terms) != len(ranks):
        raise _refuse(
            subscripts, f"have {len(terms)} terms for {len(ranks)} operands", "write one term for each operand"
        )
    spare = []
    for i, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        own = rank - len(term.replace(".", ""))
        if own < 0 or (own and "." not in term):
            raise _refuse(
                subscripts,
                f"name {len(term.replace('.', ''))} axes of operand {i}, which has {rank}",
                "write one letter for each axis, or '...' for the rest",
            )
        spare.append(own)
    wide = max((n for term, n in zip(terms, spare, strict=True) if "." in term), default=0)
    dots = _fresh(set(text), wide)
    terms = [term.replace(".", dots[wide - n :]) for term, n in zip(terms, spare, strict=True)]
    if not arrow:
        count = Counter(letter for term in terms for letter in term if letter not in dots)
        return terms, dots + "".join(sorted(letter for letter, n in count.items() if n == 1))
    if wide and "." not in out:
        raise _refuse(subscripts, "have '...' in an operand but not in the output", "write '...' there, or sum after")
    out = out.replace(".", dots)
    lost = [letter for letter in out if not any(letter in term for term in terms)]
    if lost or len(set(out)) != len(out):
        why = f"have {lost[0]!r} in the output, which no operand has" if lost else "repeat a letter in the output"
        raise _refuse(subscripts, why, "every letter of the output stands once there, and in an operand")
    return terms, out


def _diagonals(subscripts: str, i: int, term: str, shape: Shape) -> tuple[list[tuple[int, int]], str, Shape]:
    """The pairs of axes to take the diagonals of, until each letter of an operand stands once."""
    pairs = []
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            if shape[first] != shape[second]:
                raise _refuse(
                    subscripts,
                    f"repeat {letter!r} in operand {i}, where it has sizes {shape[first]} and {shape[second]}",
                    "a repeated letter needs axes of equal size",
                )
            pairs.append((first, second))
            keep = [k for k in range(len(term)) if k not in (first, second)]
            shape = (*(shape[k] for k in keep), shape[first])
            term = "".join(term[k] for k in keep) + letter
    return pairs, term, shape


def _sizes(subscripts: str, terms: list[str], shapes: list[Shape]) -> dict[str, int]:
    size: dict[str, int] = {}
    owner: dict[str, int] = {}
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for letter, n in zip(term, shape, strict=True):
            if size.get(letter, 1) == 1:
                size[letter], owner[letter] = n, i
            elif n not in (1, size[letter]):
                raise _refuse(
                    subscripts,
                    f"give {letter!r} size {size[letter]} in operand {owner[letter]} and {n} in operand {i}",
                    "a letter stands for one size",
                )
    return size


class _Reading(NamedTuple):
    """What to do with each operand (diagonals of pairs of axes, then sums over axes), and then with all."""

    diagonals: list[list[tuple[int, int]]]
    sums: list[Shape]
    terms: list[str]
    out: str


@functools.lru_cache(maxsize=512)
def _read(subscripts: str, shapes: tuple[Shape, ...]) -> _Reading:
    terms, out = _parse(subscripts, [len(shape) for shape in shapes])
    found = [_diagonals(subscripts, i, *pair) for i, pair in enumerate(zip(terms, shapes, strict=True))]
    terms = [term for _, term, _ in found]
    size = _sizes(subscripts, terms, [shape for _, _, shape in found])
    # An axis of size 1 that others stretch is no axis; a letter that then stands in one operand alone is summed there.
    stretched = [{k for k, n in zip(term, shape, strict=True) if n != size[k]} for _, term, shape in found]
    count = Counter(k for term, gone in zip(terms, stretched, strict=True) for k in term if k not in gone)
    sums = [
        tuple(axis for axis, k in enumerate(term) if k in gone or (k not in out and count[k] == 1))
        for term, gone in zip(terms, stretched, strict=True)
    ]
    left = [
        "".join(k for axis, k in enumerate(term) if axis not in axes) for term, axes in zip(terms, sums, strict=True)
    ]
    return _Reading([pairs for pairs, _, _ in found], sums, left, out)


def _einsum(xp: Any, subscripts: Any, *operands: Any, optimize: Any = True) -> Any:
    del optimize  # the order of contraction never changes the result
    if not isinstance(subscripts, str):
        raise DTypeError(
            f"[einsum] the subscripts are a {type(subscripts).__name__}; expected a string; "
            f"write einsum('ij,jk->ik', a, b)."
        )
    if not operands:
        raise DTypeError("[einsum] no operands were given; expected at least one; write einsum('ij,jk->ik', a, b).")
    specs = [operand_spec("einsum", x) for x in operands]
    dtype = promote(specs)
    diagonals, sums, terms, out = _read(subscripts, tuple(spec.shape for spec in specs))
    arrays = []
    for x, pairs, axes in zip(operands, diagonals, sums, strict=True):
        x = x if hasattr(x, "shape") else np.asarray(x)
        for first, second in pairs:
            x = xp.diagonal(x, axis1=first, axis2=second)
        if axes:
            x = xp.sum(x if x.dtype == dtype else xp.astype(x, dtype=dtype), axis=axes)
        arrays.append(x)
    if len(arrays) > 1:
        result = xp.contract(*arrays, subscripts=_join(terms, out))
    else:
        result = xp.permute_dims(arrays[0], axes=tuple(terms[0].index(k) for k in out))
    return result if result.dtype == dtype else xp.astype(result, dtype=dtype)


composite(
    "einsum",
    _einsum,
    doc="""Einstein summation: a product of operands, summed over every letter that the output does not have.

    As in NumPy: ``'ij,jk->ik'`` is a matrix product, ``'ii'`` a trace, ``'...ij->...ji'`` a transpose; without ``->``
    the output has the letters that stand once, in alphabetical order.

    >>> cr.einsum("ij,j->i", cr.tensor([[1.0, 2.0], [3.0, 4.0]]), cr.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """,
)

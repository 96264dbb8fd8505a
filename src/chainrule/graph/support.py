"""Structural zeros: which elements of a cotangent are zero because nothing flows there, not because numbers cancel.

A careful walk (Note [Zeros annihilate] in walk.py) runs its rules in ``careful(xp)``: the same functions as ``xp``,
except that an array may come as ``Supported(value, support)``, where ``support`` is False on structural zeros. They
begin where a mask selects (where, relu, maximum) or where elements are scattered (indexing), and last as long as
arrays are multiplied, moved or added up. Any other function takes the bare values, so that what it returns counts
as computed: then 0·∞ is NaN, as it should be.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.op import COMPOSITES, REGISTRY, Op
from chainrule.ops import ops, raw
from chainrule.ops.arithmetic import is_mask

# Ops whose out is made of elements, or sums of elements, of their operands, and of zeros nowhere else.
MOVES = frozenset({
    "add_along_axis", "broadcast_to", "concat", "cumsum", "diagonal", "expand_dims", "flip", "gather",
    "linear_recurrence", "matrix_transpose", "mean", "overlap_add", "permute_dims", "put", "reshape", "roll",
    "scatter_add", "squeeze", "stack", "sum", "take_along_axis", "tie_mean", "tril", "triu", "window_sum", "windows",
})  # fmt: skip
SCATTERS = frozenset(
    {"add_along_axis", "overlap_add", "put", "scatter_add", "tril", "triu"}
)  # those that set zeros between
# Ops of several outputs whose reverse rules take cotangents with their supports.
TAKES = frozenset({"call", "checkpoint", "pull", "scan", "switch", "while_loop"})
KEEPS = frozenset({"astype", "conj", "negative", "positive", "real"})  # element by element, 0 to 0


class Supported:
    """An array and where it may differ from zero."""

    __slots__ = ("support", "value")

    def __init__(self, value: Any, support: Any):
        self.value = value
        self.support = support

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: len(self.value.shape))
    nbytes = property(lambda self: self.value.nbytes)


def bare(x: Any) -> Any:
    """The array without its support."""
    if x.__class__ is Supported:
        return x.value
    return type(x)(map(bare, x)) if isinstance(x, (tuple, list)) else x


def _has_support(x: Any) -> bool:
    return any(map(_has_support, x)) if isinstance(x, (tuple, list)) else x.__class__ is Supported


def _support(x: Any) -> Any:
    """Where x may differ from zero, as an array of booleans that can go where x goes; indices stay indices."""
    if x.__class__ is Supported:
        return x.support
    if isinstance(x, (tuple, list)):
        return [_support(one) for one in x]
    kind = getattr(getattr(x, "dtype", None), "kind", None)
    if kind in ("b", "i", "u"):
        return x
    return np.broadcast_to(np.True_, x.shape) if kind is not None else x != 0


@functools.cache
def careful(bare_arrays: bool) -> Any:
    """The namespace of a careful walk over bare arrays (``raw``), or over Tensors (``ops``)."""
    xp = raw if bare_arrays else ops
    space = SimpleNamespace()

    def supported(value: Any, support: Any) -> Supported:
        same = support.shape == value.shape
        return Supported(value, support if same else xp.broadcast_to(support, value.shape))

    def both(a: Any, b: Any) -> Any:
        """The support of a product: None when it is everywhere."""
        supports = [
            x.support if x.__class__ is Supported else x for x in (a, b) if x.__class__ is Supported or is_mask(x)
        ]
        return None if not supports else supports[0] if len(supports) == 1 else xp.logical_and(*supports)

    def product(times: Any, a: Any, b: Any) -> Any:
        support = both(a, b)
        if support is None:
            return times(a, b)
        if is_mask(b):
            value = bare(a)
        elif is_mask(a):
            value = bare(b)
        else:
            value = times(bare(a), bare(b))
        return supported(xp.where(support, value, 0), support)

    def where(condition: Any, a: Any, b: Any) -> Any:
        value = xp.where(bare(condition), bare(a), bare(b))
        structural = [x.__class__ is Supported or is_mask(x) or (not hasattr(x, "dtype") and x == 0) for x in (a, b)]
        if value.dtype.kind not in "fc" or not any(structural):
            return value
        return supported(value, xp.where(bare(condition), _support(a), _support(b)))

    def add(a: Any, b: Any) -> Any:
        value = xp.add(bare(a), bare(b))
        if a.__class__ is Supported and b.__class__ is Supported:
            return Supported(value, xp.logical_or(a.support, b.support))
        return value

    def divide(a: Any, b: Any) -> Any:
        value = xp.divide(bare(a), bare(b))
        return supported(xp.where(a.support, value, 0), a.support) if a.__class__ is Supported else value

    def move(function: Any, op: Op) -> Any:
        count = 1 if op.sequence else op.arity

        def moved(*args: Any, **params: Any) -> Any:
            operands, rest = args[:count], args[count:] if count else ()
            value = function(*map(bare, operands), *rest, **params)
            if value.dtype.kind not in "fc" or not (op.name in SCATTERS or any(map(_has_support, operands))):
                return value
            support = function(*map(_support, operands), *rest, **params)
            return Supported(value, xp.not_equal(support, 0))

        return moved

    def keep(function: Any) -> Any:
        def kept(x: Any, *args: Any, **params: Any) -> Any:
            value = function(bare(x), *args, **params)
            return Supported(value, x.support) if x.__class__ is Supported else value

        return kept

    def plain(function: Any) -> Any:
        return lambda *args, **params: function(*map(bare, args), **params)

    for name, op in REGISTRY.items():
        function = getattr(xp, name)
        wrap = move(function, op) if name in MOVES else keep(function) if name in KEEPS else plain(function)
        setattr(space, name, wrap)
    for name, record in COMPOSITES.items():
        setattr(space, name, functools.partial(record.body, space))
    space.multiply = functools.partial(product, xp.multiply)
    space.absorbing_multiply = functools.partial(product, xp.absorbing_multiply)
    space.where, space.add, space.divide = where, add, divide
    return space

"""The rules about axes that ``simplify`` knows: every one keeps every bit, or rounds once in place of often.

Axes of size 1 come and go by ``reshape``, the last two of several are exchanged by ``matrix_transpose``, and what is
repeated is repeated last: calls on the few elements that are repeated come before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.passes.patterns import Rule, spec_of_operand
from chainrule.spec import Shape

ONE = """negative conj abs square sqrt reciprocal exp expm1 log log1p sin cos tan tanh sinh cosh sigmoid softplus sign
relu floor isnan logical_not"""
TWO = """add subtract multiply divide power absorbing_multiply maximum minimum equal not_equal less less_equal greater
greater_equal logical_and logical_or"""


def shape_of(x: Any) -> Any:
    return spec_of_operand(x).shape


def out_shape(out: Any, **_bound: Any) -> Shape:
    return out.shape


# -------------------------------------------------------------------------------------------------- order of axes


def keeps_order(x: Any, a: Any, **_bound: Any) -> bool:
    """Whether elements stay in their order, so that at most axes of size 1 move."""
    shape = shape_of(x)
    moving = [axis for axis in a if shape[axis] != 1]
    return moving == sorted(moving)


def turns_matrices(a: Any, **_bound: Any) -> bool:
    n = len(a)
    return n > 1 and tuple(a) == (*range(n - 2), n - 1, n - 2)


def has_thin_matrices(x: Any) -> bool:
    """Whether x has rows of one element, or one row: their order is that of columns."""
    return 1 in shape_of(x)[-2:]


def have_equal_ranks(x: Any, y: Any) -> bool:
    return len(shape_of(x)) == len(shape_of(y))


def is_number_beside(y: Any, **_bound: Any) -> bool:
    return shape_of(y) == ()


def is_number_before(x: Any, **_bound: Any) -> bool:
    return shape_of(x) == ()


def in_turn(_out: Any, a: Any, b: Any, **_bound: Any) -> Shape:
    """The order of axes after the orders a, then b."""
    return tuple(a[axis] for axis in b)


def turned(_out: Any, a: Any, **_bound: Any) -> Shape:
    """The order a, and then the last two axes exchanged."""
    return (*a[:-2], a[-1], a[-2])


def after_turn(_out: Any, b: Any, **_bound: Any) -> Shape:
    """The last two axes exchanged, and then the order b."""
    n = len(b)
    order = (*range(n - 2), n - 1, n - 2)
    return tuple(order[axis] for axis in b)


# -------------------------------------------------------------------------------------------------------- repeats


def adds_axes_in_front(x: Any, r: Any, **_bound: Any) -> bool:
    """Whether r, the shape of a reshaped x, has nothing but more axes in front, which are of size 1."""
    shape = shape_of(x)
    return len(r) >= len(shape) and r == (1,) * (len(r) - len(shape)) + shape


def is_smaller(x: Any, s: Any, **_bound: Any) -> bool:
    return np.prod(shape_of(x), dtype=float) < np.prod(s, dtype=float)


def is_full(x: Any, s: Any, **_bound: Any) -> bool:
    """Whether something is repeated, and there are elements of it."""
    return 0 not in s and is_smaller(x, s)


def count_is_exact(x: Any, s: Any, a: Any, **_bound: Any) -> bool:
    """Whether the number of repetitions that are summed is a number of the dtype."""
    dtype = spec_of_operand(x).dtype
    count = _repeated(x, s, a)
    return is_full(x, s) and (dtype.kind in "iu" or (dtype.kind == "f" and count <= 2 ** (np.finfo(dtype).nmant + 1)))


def _own(x: Any, s: Any) -> Shape:
    """The shape of x with as many axes as s."""
    shape = shape_of(x)
    return (1,) * (len(s) - len(shape)) + shape


def _axes(a: Any, s: Any) -> Shape:
    return tuple(range(len(s))) if a is None else a if isinstance(a, tuple) else (a,)


def _repeated(x: Any, s: Any, a: Any) -> int:
    own = _own(x, s)
    return int(np.prod([s[axis] for axis in _axes(a, s) if own[axis] != s[axis]], dtype=np.int64))


def aligned(_out: Any, x: Any, s: Any, **_bound: Any) -> Shape:
    return _own(x, s)


def repetitions(_out: Any, x: Any, s: Any, a: Any, **_bound: Any) -> int:
    return _repeated(x, s, a)


def has_single_elements(x: Any, a: Any, **_bound: Any) -> bool:
    """Whether each slice along the axes a is one element."""
    shape = shape_of(x)
    return all(shape[axis] == 1 for axis in _axes(a, shape))


SHAPE = {"o": out_shape}
COUNTED = {"p": aligned, "n": repetitions, "o": out_shape}
FEWER = {"p": aligned, "o": out_shape}


def rules() -> list[Rule]:
    """The rules about axes."""
    return [
        Rule("reshape(x, shape=s)", "x"),
        Rule("broadcast_to(x, shape=s)", "x"),
        # Axes of size 1.
        *(
            Rule(f"{outer}({inner}(x, {b}=r), {a}=s)", "reshape(x, shape=o)", let=SHAPE)
            for outer, a in (("reshape", "shape"), ("expand_dims", "axis"), ("squeeze", "axis"))
            for inner, b in (("reshape", "shape"), ("expand_dims", "axis"), ("squeeze", "axis"))
        ),
        Rule("expand_dims(x, axis=a)", "x"),
        Rule("squeeze(x, axis=a)", "x"),
        *(
            Rule(f"{op}(x, axis=a, keepdims=k)", "reshape(x, shape=o)", has_single_elements, let=SHAPE)
            for op in ("sum", "mean", "max", "min", "prod")
        ),
        # The order of axes.
        Rule("permute_dims(x, axes=a)", "reshape(x, shape=o)", keeps_order, let=SHAPE),
        Rule("permute_dims(x, axes=a)", "matrix_transpose(x)", turns_matrices),
        Rule("permute_dims(permute_dims(x, axes=a), axes=b)", "permute_dims(x, axes=c)", let={"c": in_turn}),
        Rule("matrix_transpose(matrix_transpose(x))", "x"),
        Rule("matrix_transpose(x)", "reshape(x, shape=o)", has_thin_matrices, let=SHAPE),
        # Out of elementwise calls, towards a product that takes them in.
        *(Rule(f"{op}(matrix_transpose(x))", f"matrix_transpose({op}(x))") for op in ONE.split()),
        Rule("astype(matrix_transpose(x), dtype=d)", "matrix_transpose(astype(x, dtype=d))"),
        *(
            Rule(f"{op}({pattern})", f"matrix_transpose({op}(x, y))", where)
            for op in TWO.split()
            for pattern, where in (
                ("matrix_transpose(x), matrix_transpose(y)", have_equal_ranks),
                ("matrix_transpose(x), y", is_number_beside),
                ("x, matrix_transpose(y)", is_number_before),
            )
        ),
        Rule("matrix_transpose(permute_dims(x, axes=a))", "permute_dims(x, axes=c)", let={"c": turned}),
        Rule("permute_dims(matrix_transpose(x), axes=b)", "permute_dims(x, axes=c)", let={"c": after_turn}),
        # Repeats.
        Rule("broadcast_to(broadcast_to(x, shape=r), shape=s)", "broadcast_to(x, shape=s)"),
        Rule("broadcast_to(reshape(x, shape=r), shape=s)", "broadcast_to(x, shape=s)", adds_axes_in_front),
        *(Rule(f"{op}(broadcast_to(x, shape=s))", f"broadcast_to({op}(x), shape=s)", is_smaller) for op in ONE.split()),
        Rule("astype(broadcast_to(x, shape=s), dtype=d)", "broadcast_to(astype(x, dtype=d), shape=s)", is_smaller),
        *(
            Rule(f"{op}({pattern})", f"broadcast_to({op}(x, y), shape=o)", let=SHAPE)
            for op in TWO.split()
            for pattern in ("broadcast_to(x, shape=s), y", "x, broadcast_to(y, shape=s)")
        ),
        *(
            Rule(f"where({pattern.replace('B', 'broadcast_to')})", "broadcast_to(where(c, x, y), shape=o)", let=SHAPE)
            for pattern in (
                "broadcast_to(c, shape=s), x, y",
                "c, broadcast_to(x, shape=s), y",
                "c, x, broadcast_to(y, shape=s)",
            )
        ),
        Rule(
            "sum(broadcast_to(x, shape=s), axis=a, keepdims=k)",
            "broadcast_to(multiply(sum(reshape(x, shape=p), axis=a, keepdims=k), n), shape=o)",
            count_is_exact,
            let=COUNTED,
        ),
        *(
            Rule(
                f"{op}(broadcast_to(x, shape=s), axis=a, keepdims=k)",
                f"broadcast_to({op}(reshape(x, shape=p), axis=a, keepdims=k), shape=o)",
                is_full,
                let=FEWER,
            )
            for op in ("mean", "max", "min", "any", "all")
        ),
    ]

"""Arrays turned about, and the positions of triangles in them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, DTypeError
from chainrule.known import constant
from chainrule.op import composite
from chainrule.spec import normalize_axis


def _fliplr(name: str, axis: int) -> Any:
    def body(xp: Any, x: Any) -> Any:
        spec = operand_spec(name, x)
        if spec.ndim <= axis:
            raise AxisError(
                f"[{name}] an operand of shape {spec.shape} has no axis {axis}; expected at least {axis + 1} axes; "
                f"use flip(x, axis=...)."
            )
        return xp.flip(x, axis=axis)

    return body


composite(
    "fliplr",
    _fliplr("fliplr", 1),
    doc="""x with its columns (axis 1) in reverse order.

    >>> cr.fliplr(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 1.],
            [4., 3.]])
    """,
)
composite(
    "flipud",
    _fliplr("flipud", 0),
    doc="""x with its rows (axis 0) in reverse order.

    >>> cr.flipud(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """,
)


def _rot90(xp: Any, x: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    ndim = operand_spec("rot90", x).ndim
    given = tuple(axes)
    if len(given) != 2:
        raise AxisError(f"[rot90] axes is {axes!r}; expected two axes, which span the plane; write axes=(0, 1).")
    first, second = (normalize_axis("rot90", axis, ndim) for axis in given)
    if first == second:
        raise AxisError(f"[rot90] axes {axes!r} are the same; expected two axes, which span the plane; name another.")
    turns = operator.index(k) % 4
    if turns == 2:
        return xp.flip(xp.flip(x, axis=first), axis=second)
    x = xp.flip(x, axis=second) if turns == 1 else x
    x = xp.swapaxes(x, first, second) if turns else xp.flip(xp.flip(x, axis=first), axis=first)
    return xp.flip(x, axis=second) if turns == 3 else x


composite(
    "rot90",
    _rot90,
    doc="""x turned k times by 90° in the plane of two axes, from the first towards the second.

    >>> cr.rot90(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [1., 3.]])
    """,
)


def _triangle_indices(name: str) -> Any:
    def body(xp: Any, n: int, k: int = 0, m: int | None = None) -> Any:
        try:
            found = getattr(np, name)(operator.index(n), operator.index(k), None if m is None else operator.index(m))
        except TypeError:
            raise DTypeError(f"[{name}] n is {n!r}, k {k!r}, m {m!r}; expected integers; give sizes as ints.") from None
        return tuple(map(constant, found))

    return body


composite(
    "tril_indices",
    _triangle_indices("tril_indices"),
    doc="""The rows and columns of the elements of an n × m matrix on and below its k-th diagonal.

    >>> cr.tril_indices(2)
    (tensor([0, 1, 1]), tensor([0, 0, 1]))
    """,
)
composite(
    "triu_indices",
    _triangle_indices("triu_indices"),
    doc="""The rows and columns of the elements of an n × m matrix on and above its k-th diagonal.

    >>> cr.triu_indices(2)
    (tensor([0, 0, 1]), tensor([0, 1, 1]))
    """,
)

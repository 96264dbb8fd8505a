"""Choosing among several arrays, element by element. What is not chosen gets no gradient, and leaks none."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError
from chainrule.known import integers, known
from chainrule.op import composite
from chainrule.spec import broadcast_shapes


def _choose(xp: Any, index: Any, choices: Any, mode: str = "raise") -> Any:
    options = list(choices)
    if not options:
        raise ShapeError("[choose] there are no choices; expected at least one array; give a sequence of Tensors.")
    integers("choose", "the index", operand_spec("choose", index))
    last = len(options) - 1
    if mode == "wrap":
        index = xp.remainder(index, len(options))
    elif mode == "clip":
        index = xp.clip(index, 0, last)
    elif mode != "raise":
        raise DomainError(f"[choose] mode is {mode!r}; expected 'raise', 'wrap' or 'clip'; leave it out for 'raise'.")
    value = known(index)
    if value is not None and np.size(value) and not 0 <= np.min(value) <= np.max(value) <= last:
        wrong = np.min(value) if np.min(value) < 0 else np.max(value)
        raise DomainError(
            f"[choose] the index holds {wrong} and there are {len(options)} choices; expected numbers from 0 to "
            f"{last}; use mode='wrap' or mode='clip' for others."
        )
    out = xp.broadcast_to(
        options[-1], broadcast_shapes("choose", [operand_spec("choose", x).shape for x in (index, *options)])
    )
    for i in reversed(range(last)):
        out = xp.where(xp.equal(index, i), options[i], out)
    return out


composite(
    "choose",
    _choose,
    doc="""choices[index[i]][i]: of several arrays the element that an integer index names; all broadcast.

    >>> cr.choose(cr.tensor([1, 0]), [cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])])
    tensor([3., 2.])
    """,
)


def _select(xp: Any, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    conditions, options = list(condlist), list(choicelist)
    if not conditions or len(conditions) != len(options):
        raise ShapeError(
            f"[select] there are {len(conditions)} conditions and {len(options)} choices; expected as many of both, "
            f"at least one; give a choice for each condition."
        )
    for i, condition in enumerate(conditions):
        if operand_spec("select", condition).dtype.kind != "b":
            raise DTypeError(
                f"[select] condition {i} has dtype {operand_spec('select', condition).dtype}; expected booleans; "
                f"write a comparison, such as x > 0."
            )
    out = default
    for condition, option in zip(reversed(conditions), reversed(options), strict=True):
        out = xp.where(condition, option, out)
    return out


composite(
    "select",
    _select,
    doc="""The element of the choice whose condition is the first to hold; ``default`` where none does.

    >>> x = cr.tensor([-1.0, 0.5, 4.0])
    >>> cr.select([x < 0, x < 1], [-x, x * x], 9.0)
    tensor([1.  , 0.25, 9.  ])
    """,
)


def _piecewise(xp: Any, x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    conditions, functions = list(condlist), list(funclist)
    spec = operand_spec("piecewise", x)
    if len(functions) not in (len(conditions), len(conditions) + 1):
        raise ShapeError(
            f"[piecewise] there are {len(conditions)} conditions and {len(functions)} functions; expected as many, or "
            f"one function more for where no condition holds; give a function or a number for each."
        )
    x = x if hasattr(x, "dtype") else np.asarray(x)
    with np.errstate(all="ignore"):  # where a function does not apply it may be undefined
        pieces = [function(x, *args, **kw) if callable(function) else function for function in functions]
    out = pieces.pop() if len(pieces) > len(conditions) else 0
    # The last condition that holds decides, as in NumPy.
    for condition, piece in zip(conditions, pieces, strict=True):
        if operand_spec("piecewise", condition).shape not in (spec.shape, ()):
            raise AxisError(
                f"[piecewise] a condition has shape {operand_spec('piecewise', condition).shape} and x {spec.shape}; "
                f"expected equal shapes; build the conditions from x."
            )
        out = xp.where(condition, piece, out)
    return xp.astype(xp.broadcast_to(out, spec.shape), spec.dtype)


composite(
    "piecewise",
    _piecewise,
    doc="""f(x) by the function whose condition holds, in x's dtype; a function too many is for where none does.

    The functions get the whole of x, and what they give where they do not apply is passed over, with its derivative.

    >>> x = cr.tensor([-4.0, 4.0])
    >>> cr.piecewise(x, [x < 0, x >= 0], [lambda x: -x, cr.sqrt])
    tensor([4., 2.])
    """,
)

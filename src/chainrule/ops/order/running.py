"""Running sums, products and extremes, with the standard's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError
from chainrule.op import composite, primitive
from chainrule.reduction import refuse_complex
from chainrule.spec import Spec, normalize_axis


def _axis(name: str, x: Spec, axis: Any) -> int:
    if axis is None and x.ndim != 1:
        raise AxisError(
            f"[{name}] axis is missing for an operand of shape {x.shape}, and it is implied for 1-d operands only; "
            f"expected an axis from {-x.ndim} to {x.ndim - 1}; name one, or write reshape(x, -1) first."
        )
    return 0 if axis is None else normalize_axis(name, axis, x.ndim)


def _cumulative(name: str, scan: str, initial: int) -> Any:
    def body(xp: Any, x: Any, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Any:
        spec = operand_spec(name, x)
        axis = _axis(name, spec, axis)
        out = getattr(xp, scan)(x, axis=axis, dtype=dtype)
        if not include_initial:
            return out
        first = np.full((*spec.shape[:axis], 1, *spec.shape[axis + 1 :]), initial, out.dtype)
        return xp.concat([first, out], axis=axis)

    return body


composite(
    "cumulative_sum",
    _cumulative("cumulative_sum", "cumsum", 0),
    doc="""y[i] = x[0] + … + x[i] along ``axis`` (implied for 1-d x), after a 0 with ``include_initial``.

    >>> cr.cumulative_sum(cr.tensor([1.0, 2.0, 3.0]), include_initial=True)
    tensor([0., 1., 3., 6.])
    """,
)
composite(
    "cumulative_prod",
    _cumulative("cumulative_prod", "cumprod", 1),
    doc="""y[i] = x[0] · … · x[i] along ``axis`` (implied for 1-d x), after a 1 with ``include_initial``.

    >>> cr.cumulative_prod(cr.tensor([2.0, 3.0]), include_initial=True)
    tensor([1., 2., 6.])
    """,
)

# --------------------------------------------------------------------------------------------------- extremes


def _spell(name: str) -> Any:
    def canonical(x: Spec, *, axis: Any) -> dict[str, Any]:
        refuse_complex(name, x)
        return {"axis": _axis(name, x, axis)}

    return canonical


def _shares(xp: Any, out: Any, x: Any, axis: int) -> tuple[Any, Any, Any]:
    """Where an element is the extreme so far, where that is the one before, and 1 / how many share it.

    The extreme of the first i elements is shared by those among them that equal it: they lie in the run of equal
    outputs that i is in.
    """
    size = x.shape[axis]
    hit = xp.equal(x, out)
    groups = xp.tie_groups(out, axis=axis)
    before = (*(slice(None),) * axis, slice(None, -1))
    after = (*(slice(None),) * axis, slice(1, None))
    first = np.zeros((*x.shape[:axis], min(1, size), *x.shape[axis + 1 :]), bool)
    stays = xp.equal(xp.gather(groups, index=after), xp.gather(groups, index=before))
    stays = xp.concat([first, stays], axis=axis)
    number = xp.linear_recurrence(xp.astype(hit, x.dtype), stays, axis=axis)
    return hit, stays, xp.reciprocal(xp.where(xp.equal(number, 0), 1, number))


def _extreme_vjp(xp: Any, g: Any, out: Any, x: Any, *, axis: int) -> Any:
    hit, stays, share = _shares(xp, out, x, axis)
    # From right to left the factor of an element is that of its successor.
    rest = xp.gather(stays, index=(*(slice(None),) * axis, slice(1, None)))
    last = np.zeros((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), bool)
    stays = xp.concat([rest, last], axis=axis)
    return xp.where(hit, xp.linear_recurrence(xp.multiply(g, share), stays, axis=axis, reverse=True), 0)


def _extreme_jvp(xp: Any, tangents: Any, out: Any, x: Any, *, axis: int) -> Any:
    hit, stays, share = _shares(xp, out, x, axis)
    return xp.multiply(share, xp.linear_recurrence(xp.where(hit, tangents[0], 0), stays, axis=axis))


def _extreme(name: str, fold: Any, adjective: str, example: str) -> None:
    primitive(
        name,
        value=lambda x, *, axis=None: fold.accumulate(x, axis=axis or 0),
        canonical=_spell(name),
        spec=lambda x, *, axis: x,
        vjp=(_extreme_vjp,),
        jvp=_extreme_jvp,
        batch=lambda xp, _batched, x, *, axis: getattr(xp, name)(x, axis=axis + 1),
        numpy=(),
        doc=f"""y[i] = the {adjective} of x[0], …, x[i] along ``axis`` (implied for 1-d x); ties share the gradient.

    >>> cr.{name}(cr.tensor([1.0, 3.0, 2.0]))
    tensor({example})
    """,
    )


_extreme("cummax", np.maximum, "largest", "[1., 3., 3.]")
_extreme("cummin", np.minimum, "smallest", "[1., 1., 1.]")

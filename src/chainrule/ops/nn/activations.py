"""Activations without parameters: elementwise functions between the layers of a network, and gates.

At kinks the derivative is the subgradient of least norm. Integers count as float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.errors import ShapeError
from chainrule.op import composite, elementwise
from chainrule.operands import FLOAT, reals, unknown
from chainrule.reduction import refuse_complex
from chainrule.spec import normalize_axis


def _real(name: str, x: Any) -> Any:
    if x.dtype.kind == "f":
        return x
    refuse_complex(name, x)
    return x.astype(FLOAT)


def _times(share: Any, x: Any) -> Any:
    """x · share, in the memory of share: a large array less to ask the system for."""
    share *= x
    return share


# --------------------------------------------------------------------------------------------------- smooth


def _silu_partial(xp: Any, _out: Any, x: Any) -> Any:
    share = xp.sigmoid(x)
    return xp.multiply(share, xp.add(xp.multiply(x, xp.subtract(1, share)), 1))


elementwise(
    "silu",
    value=lambda x: _times(special.expit(x := _real("silu", x)), x),
    d=_silu_partial,
    emit=lambda e, x: x * e.sigmoid(x),
    public=("nn.functional.silu",),
    doc="""x / (1 + e⁻ˣ), also called swish.

    >>> cr.nn.functional.silu(cr.tensor([-1.0, 2.0]))
    tensor([-0.26894142,  1.76159416])
    """,
)


def _mish_partial(xp: Any, _out: Any, x: Any) -> Any:
    t = xp.tanh(xp.softplus(x))
    slope = xp.multiply(xp.multiply(xp.subtract(1, t), xp.add(1, t)), xp.sigmoid(x))
    return xp.add(t, xp.multiply(x, slope))


elementwise(
    "mish",
    value=lambda x: _times(np.tanh(np.logaddexp(x := _real("mish", x), 0)), x),
    d=_mish_partial,
    emit=lambda e, x: x * e.tanh(e.softplus(x)),
    public=("nn.functional.mish",),
    doc="""x · tanh(log(1 + eˣ)) (Misra, Mish: a self regularized non-monotonic activation function, 2019).

    >>> cr.nn.functional.mish(cr.tensor([-1.0, 2.0]))
    tensor([-0.30340146,  1.94395896])
    """,
)


def _gelu_partial(xp: Any, _out: Any, x: Any) -> Any:
    density = xp.multiply(xp.exp(xp.multiply(xp.square(x), -0.5)), 1 / math.sqrt(2 * math.pi))
    return xp.add(xp.ndtr(x), xp.multiply(x, density))


elementwise(
    "gelu_exact",
    value=lambda x: _times(special.ndtr(x := _real("gelu", x)), x),
    d=_gelu_partial,
    emit=lambda e, x: x * e.ndtr(x),
    public=(),
    doc="""x · Φ(x), with Φ the distribution function of the normal distribution: ``gelu`` as it is by default.

    >>> from chainrule.ops import ops
    >>> ops.gelu_exact(cr.tensor([-1.0, 2.0]))
    tensor([-0.15865525,  1.95449974])
    """,
)

# ½ (1 + tanh u) = sigmoid(2u), with u = √(2/π) (x + 0.044715 x³).
_RATE, _CUBE = 2 * math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh(x: Any) -> Any:
    x = _real("gelu", x)
    return _times(special.expit(x * (_RATE + _RATE * _CUBE * x * x)), x)


def _gelu_tanh_partial(xp: Any, _out: Any, x: Any) -> Any:
    square = xp.square(x)
    share = xp.sigmoid(xp.multiply(x, xp.add(xp.multiply(square, _RATE * _CUBE), _RATE)))
    slope = xp.multiply(x, xp.add(xp.multiply(square, 3 * _RATE * _CUBE), _RATE))
    return xp.multiply(share, xp.add(xp.multiply(slope, xp.subtract(1, share)), 1))


elementwise(
    "gelu_tanh",
    value=_gelu_tanh,
    d=_gelu_tanh_partial,
    emit=lambda e, x: x * e.sigmoid(x * (x * x * (_RATE * _CUBE) + _RATE)),
    public=(),
    doc="""½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): ``gelu`` with approximate='tanh'.

    >>> from chainrule.ops import ops
    >>> ops.gelu_tanh(cr.tensor([-1.0, 2.0]))
    tensor([-0.15880801,  1.95459769])
    """,
)


def _gelu(xp: Any, x: Any, approximate: str = "none") -> Any:
    if approximate not in ("none", "tanh"):
        raise unknown("gelu", "approximate", approximate, ("none", "tanh"))
    return xp.gelu_exact(x) if approximate == "none" else xp.gelu_tanh(x)


composite(
    "gelu",
    _gelu,
    public=("nn.functional.gelu",),
    doc="""x · Φ(x), or with approximate='tanh' the formula that was used for it (Hendrycks and Gimpel, 2016, eq. 2).

    >>> cr.nn.functional.gelu(cr.tensor([-1.0, 2.0]))
    tensor([-0.15865525,  1.95449974])
    """,
)
elementwise(
    "softsign",
    value=lambda x: (x := _real("softsign", x)) / (1 + abs(x)),
    d=lambda xp, _out, x: xp.reciprocal(xp.square(xp.add(xp.abs(x), 1))),
    emit=lambda e, x: x / (e.abs(x) + 1),
    public=("nn.functional.softsign",),
    doc="""x / (1 + |x|).

    >>> cr.nn.functional.softsign(cr.tensor([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """,
)
elementwise(
    "tanhshrink",
    value=lambda x: (x := _real("tanhshrink", x)) - np.tanh(x),
    d=lambda xp, _out, x: xp.square(xp.tanh(x)),
    emit=lambda e, x: x - e.tanh(x),
    public=("nn.functional.tanhshrink",),
    doc="""x − tanh x.

    >>> cr.nn.functional.tanhshrink(cr.tensor([0.0, 2.0]))
    tensor([0.        , 1.03597242])
    """,
)


# --------------------------------------------------------------------------------------- with kinks


def _relu6(x: Any) -> Any:
    above = np.maximum(_real("relu6", x), 0)
    return np.minimum(above, 6, out=above) if above.__class__ is np.ndarray else np.minimum(above, 6)


elementwise(
    "relu6",
    value=_relu6,
    d=lambda xp, out, _x: xp.logical_and(xp.greater(out, 0), xp.less(out, 6)),
    emit=lambda e, x: e.minimum(e.maximum(x, e.like(x, 0)), e.like(x, 6)),
    domain=((-8.0, 8.0),),
    public=("nn.functional.relu6",),
    doc="""x limited to [0, 6]; the derivative at both bounds is 0.

    >>> cr.nn.functional.relu6(cr.tensor([-1.0, 2.0, 7.0]))
    tensor([0., 2., 6.])
    """,
)
elementwise(
    "hardsigmoid",
    value=lambda x: np.minimum(np.maximum(_real("hardsigmoid", x) + 3, 0), 6) / 6,
    d=lambda xp, out, _x: xp.where(xp.logical_and(xp.greater(out, 0), xp.less(out, 1)), out.dtype.type(1 / 6), 0),
    emit=lambda e, x: e.minimum(e.maximum(x + 3, e.like(x, 0)), e.like(x, 6)) / 6,
    domain=((-4.0, 4.0),),
    public=("nn.functional.hardsigmoid",),
    doc="""(x + 3) / 6 limited to [0, 1]; the derivative at both bounds is 0.

    >>> cr.nn.functional.hardsigmoid(cr.tensor([-4.0, 0.0, 1.5]))
    tensor([0.  , 0.5 , 0.75])
    """,
)


def _hardswish_partial(xp: Any, _out: Any, x: Any) -> Any:
    # The slopes that meet at −3 are 0 and −½, and at 3 they are 3/2 and 1.
    middle = xp.multiply(xp.add(xp.multiply(x, 2), 3), 1 / 6)
    return xp.where(xp.less_equal(x, -3), 0, xp.where(xp.greater_equal(x, 3), 1, middle))


elementwise(
    "hardswish",
    value=lambda x: (x := _real("hardswish", x)) * (np.minimum(np.maximum(x + 3, 0), 6) / 6),
    d=_hardswish_partial,
    emit=lambda e, x: x * (e.minimum(e.maximum(x + 3, e.like(x, 0)), e.like(x, 6)) / 6),
    domain=((-4.0, 4.0),),
    public=("nn.functional.hardswish",),
    doc="""x · hardsigmoid(x); the derivative is 0 at −3, and 1 at 3.

    >>> cr.nn.functional.hardswish(cr.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.        ,  0.66666667,  4.        ])
    """,
)

_SCALE, _ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def _selu(x: Any) -> Any:
    x = _real("selu", x)
    # What is not negative is given 0, where expm1 cannot overflow.
    return np.where(x > 0, _SCALE * x, (_SCALE * _ALPHA) * np.expm1(np.minimum(x, 0)))[()]


def _selu_partial(xp: Any, _out: Any, x: Any) -> Any:
    below = xp.exp(xp.where(xp.less(x, 0), x, 0))
    return xp.where(xp.less(x, 0), xp.multiply(below, _SCALE * _ALPHA), x.dtype.type(_SCALE))


elementwise(
    "selu",
    value=_selu,
    d=_selu_partial,
    emit=lambda e, x: e.select(x > 0, x * _SCALE, e.expm1(e.minimum(x, e.like(x, 0))) * (_SCALE * _ALPHA)),
    public=("nn.functional.selu",),
    doc="""λx where x > 0, λα (eˣ − 1) elsewhere, with λ = 1.0507… and α = 1.6733…; the derivative at 0 is λ.

    Source of the numbers: Klambauer et al., Self-normalizing neural networks, 2017, eq. 14.

    >>> cr.nn.functional.selu(cr.tensor([-1.0, 2.0]))
    tensor([-1.11133074,  2.10140197])
    """,
)


# ----------------------------------------------------------------------------------------- along an axis


def _glu(xp: Any, x: Any, axis: int = -1) -> Any:
    (x,) = reals(xp, "glu", x)
    axis = normalize_axis("glu", axis, len(x.shape))
    size = x.shape[axis]
    if size % 2:
        raise ShapeError(
            f"[glu] the operand of shape {x.shape} has size {size} along axis {axis}; expected an even size, as one "
            f"half is the gate of the other; choose another axis."
        )
    lead = (slice(None),) * axis
    gate = xp.sigmoid(xp.getitem(x, (*lead, slice(size // 2, None))))
    return xp.multiply(xp.getitem(x, (*lead, slice(0, size // 2))), gate)


composite(
    "glu",
    _glu,
    public=("nn.functional.glu",),
    doc="""a · sigmoid(b), where a and b are the halves of x along ``axis`` (Dauphin et al., 2016, eq. 1).

    >>> cr.nn.functional.glu(cr.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5, 1. ])
    """,
)
composite(
    "softmin",
    lambda xp, x, axis=-1: xp.softmax(xp.negative(x), axis=axis),
    public=("nn.functional.softmin",),
    doc="""e⁻ˣ / Σ e⁻ˣ over ``axis`` (the last by default), without overflow.

    >>> cr.nn.functional.softmin(cr.tensor([0.0, 1000.0]))
    tensor([1., 0.])
    """,
)

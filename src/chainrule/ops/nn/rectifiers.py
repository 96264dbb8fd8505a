"""Activations with parameters, all of them differentiable in these too.

At kinks the derivative is the subgradient of least norm. Integers count as float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import ShapeError
from chainrule.op import composite, elementwise
from chainrule.operands import FLOAT, reals
from chainrule.reduction import refuse_complex
from chainrule.spec import Spec, promote


def _softplus(xp: Any, x: Any, beta: Any = 1.0, threshold: float = 20.0) -> Any:
    del threshold
    (x,) = reals(xp, "softplus", x)
    return (
        xp.softplus(x) if beta.__class__ is float and beta == 1 else xp.divide(xp.softplus(xp.multiply(x, beta)), beta)
    )


def _softplus_value(x: Any) -> Any:
    if x.dtype.kind != "f":
        raise TypeError("the body converts it, or says why not")
    return np.logaddexp(x, 0)


composite(
    "softplus_scaled",
    _softplus,
    value=_softplus_value,
    public=("nn.functional.softplus",),
    doc="""log(1 + e^(βx)) / β, without overflow, so that ``threshold``, which PyTorch has for it, changes nothing.

    >>> cr.nn.functional.softplus(cr.tensor([0.0, 1000.0]), beta=2.0)
    tensor([3.4657359e-01, 1.0000000e+03])
    """,
)


def _pair(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    if hasattr(x, "dtype") and x.dtype.kind == "f" and (y.__class__ is float or x.dtype is getattr(y, "dtype", None)):
        return x, y
    dtype = promote([x, y])
    refuse_complex(name, Spec((), dtype))
    dtype = dtype if dtype.kind == "f" else FLOAT
    return np.asarray(x, dtype), np.asarray(y, dtype)


def _pieces(xp: Any, x: Any, slope: Any, below: Any) -> Any:
    """1 where x > 0, ``below`` where x < 0; at 0 the number of least size between 1 and ``slope``, which meet there."""
    one = promote([x, slope]).type(1)  # in their dtype, so that a number among them does not widen it
    kink = xp.minimum(xp.maximum(slope, one - one), one)
    return xp.where(xp.greater(x, 0), one, xp.where(xp.less(x, 0), below, kink))


def _rectify(x: Any, slope: Any) -> Any:
    x, slope = _pair("leaky_relu", x, slope)
    if slope.__class__ is float and 0 < slope <= 1:
        below = x * slope
        return np.maximum(x, below, out=below) if below.__class__ is np.ndarray else np.maximum(x, below)
    return np.where(np.greater(x, 0), x, x * slope)[()]


elementwise(
    "rectify",
    value=_rectify,
    d=(
        lambda xp, _out, x, slope: _pieces(xp, x, slope, slope),
        lambda xp, _out, x, _slope: xp.where(xp.less(x, 0), x, 0),
    ),
    emit=lambda e, x, slope: e.select(x > 0, x, x * slope),
    alike=True,
    public=(),
    doc="""x where it is positive, slope · x elsewhere: what ``leaky_relu`` and ``prelu`` are made of.

    >>> from chainrule.ops import ops
    >>> ops.rectify(cr.tensor([-1.0, 2.0]), 0.25)
    tensor([-0.25,  2.  ])
    """,
)
composite(
    "leaky_relu",
    lambda xp, x, negative_slope=0.01: xp.rectify(x, negative_slope),
    public=("nn.functional.leaky_relu",),
    doc="""x where it is positive, negative_slope · x elsewhere; at 0 the derivative of least size between the two.

    >>> cr.nn.functional.leaky_relu(cr.tensor([-1.0, 2.0]))
    tensor([-0.01,  2.  ])
    """,
)


def _prelu(xp: Any, x: Any, weight: Any) -> Any:
    shape, own = operand_spec("prelu", x).shape, operand_spec("prelu", weight).shape
    channels = shape[1] if len(shape) > 1 else 1
    if len(own) > 1 or math.prod(own) not in (1, channels):
        raise ShapeError(
            f"[prelu] weight has shape {own}, and the operand of shape {shape} has {channels} channels; expected "
            f"one slope, or one for each channel, the axis 1; reshape the weight."
        )
    return xp.rectify(x, xp.reshape(weight, (-1, *(1,) * (len(shape) - 2)) if len(shape) > 1 else ()))


composite(
    "prelu",
    _prelu,
    public=("nn.functional.prelu",),
    doc="""x where it is positive, weight · x elsewhere, with one weight for all or one for each channel (axis 1).

    Source: He et al., Delving deep into rectifiers, 2015, eq. 1.

    >>> cr.nn.functional.prelu(cr.tensor([[-1.0, -1.0]]), cr.tensor([0.25, 0.5]))
    tensor([[-0.25, -0.5 ]])
    """,
)


def _below(xp: Any, x: Any) -> Any:
    """x where it is negative, else 0: there exp cannot overflow, and nothing flows."""
    return xp.where(xp.less(x, 0), x, 0)


def _elu(x: Any, alpha: Any) -> Any:
    x, alpha = _pair("elu", x, alpha)
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))[()]


elementwise(
    "exponential_rectify",
    value=_elu,
    d=(
        lambda xp, _out, x, alpha: _pieces(xp, x, alpha, xp.multiply(xp.exp(_below(xp, x)), alpha)),
        lambda xp, _out, x, _alpha: xp.expm1(_below(xp, x)),
    ),
    emit=lambda e, x, alpha: e.select(x > 0, x, alpha * e.expm1(e.minimum(x, e.like(x, 0)))),
    alike=True,
    public=(),
    doc="""x where it is positive, alpha · (eˣ − 1) elsewhere: what ``elu`` and ``celu`` are made of.

    >>> from chainrule.ops import ops
    >>> ops.exponential_rectify(cr.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.31606028,  2.        ])
    """,
)
composite(
    "elu",
    lambda xp, x, alpha=1.0: xp.exponential_rectify(x, alpha),
    public=("nn.functional.elu",),
    doc="""x where it is positive, alpha · (eˣ − 1) elsewhere (Clevert et al., 2015, eq. 15).

    >>> cr.nn.functional.elu(cr.tensor([-1.0, 2.0]))
    tensor([-0.63212056,  2.        ])
    """,
)


def _celu(xp: Any, x: Any, alpha: Any = 1.0) -> Any:
    return xp.multiply(xp.exponential_rectify(xp.divide(x, alpha), 1.0), alpha)


composite(
    "celu",
    _celu,
    public=("nn.functional.celu",),
    doc="""x where it is positive, alpha · (e^(x/alpha) − 1) elsewhere, whose slope is continuous (Barron, 2017).

    >>> cr.nn.functional.celu(cr.tensor([-1.0, 2.0]), 2.0)
    tensor([-0.78693868,  2.        ])
    """,
)


def _saturate(x: Any, low: Any, high: Any) -> Any:
    if hasattr(x, "dtype") and x.dtype.kind == "f" and low.__class__ is high.__class__ is float:
        return x.clip(low, high)
    dtype = promote([x, low, high])
    refuse_complex("hardtanh", Spec((), dtype))
    return np.minimum(np.maximum(x if dtype.kind == "f" else np.asarray(x, FLOAT), low), high)


elementwise(
    "saturate",
    value=_saturate,
    d=(
        lambda xp, _out, x, low, high: xp.logical_and(xp.greater(x, low), xp.less(x, high)),
        lambda xp, _out, x, low, high: xp.logical_and(xp.less_equal(x, low), xp.less(low, high)),
        lambda xp, _out, x, low, high: xp.logical_or(xp.greater_equal(x, high), xp.greater_equal(low, high)),
    ),
    emit=lambda e, x, low, high: e.minimum(e.maximum(x, low), high),
    alike=True,
    domain=((-3.0, 3.0), (-1.5, -0.5), (0.5, 1.5)),
    public=(),
    doc="""x limited to [low, high], where the derivative at both bounds is 0: what ``hardtanh`` is made of.

    >>> from chainrule.ops import ops
    >>> ops.saturate(cr.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
    tensor([-1. ,  0.5,  1. ])
    """,
)
composite(
    "hardtanh",
    lambda xp, x, min_val=-1.0, max_val=1.0: xp.saturate(x, min_val, max_val),
    public=("nn.functional.hardtanh",),
    doc="""x limited to [min_val, max_val]; the derivative at both bounds is 0.

    >>> cr.nn.functional.hardtanh(cr.tensor([-2.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """,
)


def _threshold(xp: Any, x: Any, threshold: Any, value: Any) -> Any:
    (x,) = reals(xp, "threshold", x)
    return xp.where(xp.less_equal(x, threshold), value, x)


composite(
    "threshold",
    _threshold,
    public=("nn.functional.threshold",),
    doc="""x where it is above ``threshold``, ``value`` elsewhere.

    >>> cr.nn.functional.threshold(cr.tensor([-1.0, 2.0]), 0.1, 20.0)
    tensor([20.,  2.])
    """,
)


def _softshrink(xp: Any, x: Any, lambd: Any = 0.5) -> Any:
    (x,) = reals(xp, "softshrink", x)
    return xp.where(xp.less_equal(xp.abs(x), lambd), 0, xp.subtract(x, xp.multiply(xp.sign(x), lambd)))


composite(
    "softshrink",
    _softshrink,
    public=("nn.functional.softshrink",),
    doc="""x moved by ``lambd`` towards 0, and 0 where |x| ≤ lambd; the derivative at the kinks is 0.

    >>> cr.nn.functional.softshrink(cr.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5,  0. ,  1.5])
    """,
)


def _hardshrink(xp: Any, x: Any, lambd: Any = 0.5) -> Any:
    (x,) = reals(xp, "hardshrink", x)
    return xp.where(xp.less_equal(xp.abs(x), lambd), 0, x)


composite(
    "hardshrink",
    _hardshrink,
    public=("nn.functional.hardshrink",),
    doc="""x, and 0 where |x| ≤ lambd.

    >>> cr.nn.functional.hardshrink(cr.tensor([-1.0, 0.25, 2.0]))
    tensor([-1.,  0.,  2.])
    """,
)

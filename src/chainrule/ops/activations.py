"""Activations: elementwise functions between the layers of a network.

At kinks the derivative is the subgradient of least norm. Integers count as float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from chainrule.apply import operand_spec
from chainrule.errors import ShapeError
from chainrule.op import composite, elementwise
from chainrule.operands import reals, unknown
from chainrule.reduction import refuse_complex
from chainrule.spec import Spec, normalize_axis, promote

FLOAT = np.dtype(np.float64)


def _real(name: str, x: Any) -> Any:
    if x.dtype.kind == "f":
        return x
    refuse_complex(name, x)
    return x.astype(FLOAT)


# ------------------------------------------------------------------------------- smooth, without parameters


def _silu_partial(xp: Any, _out: Any, x: Any) -> Any:
    share = xp.sigmoid(x)
    return xp.multiply(share, xp.add(xp.multiply(x, xp.subtract(1, share)), 1))


elementwise(
    "silu",
    value=lambda x: (x := _real("silu", x)) * special.expit(x),
    d=_silu_partial,
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
    value=lambda x: (x := _real("mish", x)) * np.tanh(np.logaddexp(x, 0)),
    d=_mish_partial,
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
    value=lambda x: (x := _real("gelu", x)) * special.ndtr(x),
    d=_gelu_partial,
    public=("nn.functional.gelu_exact",),
    doc="""x · Φ(x), with Φ the distribution function of the normal distribution: ``gelu`` as it is by default.

    >>> cr.nn.functional.gelu_exact(cr.tensor([-1.0, 2.0]))
    tensor([-0.15865525,  1.95449974])
    """,
)

# ½ (1 + tanh u) = sigmoid(2u), with u = √(2/π) (x + 0.044715 x³).
_RATE, _CUBE = 2 * math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh(x: Any) -> Any:
    x = _real("gelu", x)
    return x * special.expit(x * (_RATE + _RATE * _CUBE * x * x))


def _gelu_tanh_partial(xp: Any, _out: Any, x: Any) -> Any:
    square = xp.square(x)
    share = xp.sigmoid(xp.multiply(x, xp.add(xp.multiply(square, _RATE * _CUBE), _RATE)))
    slope = xp.multiply(x, xp.add(xp.multiply(square, 3 * _RATE * _CUBE), _RATE))
    return xp.multiply(share, xp.add(xp.multiply(slope, xp.subtract(1, share)), 1))


elementwise(
    "gelu_tanh",
    value=_gelu_tanh,
    d=_gelu_tanh_partial,
    public=("nn.functional.gelu_tanh",),
    doc="""½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): ``gelu`` with approximate='tanh'.

    >>> cr.nn.functional.gelu_tanh(cr.tensor([-1.0, 2.0]))
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
    public=("nn.functional.tanhshrink",),
    doc="""x − tanh x.

    >>> cr.nn.functional.tanhshrink(cr.tensor([0.0, 2.0]))
    tensor([0.        , 1.03597242])
    """,
)
elementwise(
    "logsigmoid",
    value=lambda x: special.log_expit(_real("logsigmoid", x)),
    d=lambda xp, _out, x: xp.sigmoid(xp.negative(x)),
    public=("nn.functional.logsigmoid",),
    doc="""log(1 / (1 + e⁻ˣ)), without overflow.

    >>> cr.nn.functional.logsigmoid(cr.tensor([0.0, -1000.0]))
    tensor([-6.93147181e-01, -1.00000000e+03])
    """,
)


def _softplus(xp: Any, x: Any, beta: Any = 1.0, threshold: float = 20.0) -> Any:
    del threshold
    (x,) = reals(xp, "softplus", x)
    return (
        xp.softplus(x) if beta.__class__ is float and beta == 1 else xp.divide(xp.softplus(xp.multiply(x, beta)), beta)
    )


composite(
    "softplus_scaled",
    _softplus,
    public=("nn.functional.softplus",),
    doc="""log(1 + e^(βx)) / β, without overflow, so that ``threshold``, which PyTorch has for it, changes nothing.

    >>> cr.nn.functional.softplus(cr.tensor([0.0, 1000.0]), beta=2.0)
    tensor([3.4657359e-01, 1.0000000e+03])
    """,
)


# --------------------------------------------------------------------------------------- with kinks


def _relu6(x: Any) -> Any:
    return np.minimum(np.maximum(_real("relu6", x), 0), 6)


elementwise(
    "relu6",
    value=_relu6,
    d=lambda xp, out, _x: xp.logical_and(xp.greater(out, 0), xp.less(out, 6)),
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
    public=("nn.functional.selu",),
    doc="""λx where x > 0, λα (eˣ − 1) elsewhere, with λ = 1.0507… and α = 1.6733…; the derivative at 0 is λ.

    Source of the numbers: Klambauer et al., Self-normalizing neural networks, 2017, eq. 14.

    >>> cr.nn.functional.selu(cr.tensor([-1.0, 2.0]))
    tensor([-1.11133074,  2.10140197])
    """,
)


# ------------------------------------------------------------------------------------ with parameters


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
    return np.where(np.greater(x, 0), x, x * slope)[()]


elementwise(
    "rectify",
    value=_rectify,
    d=(
        lambda xp, _out, x, slope: _pieces(xp, x, slope, slope),
        lambda xp, _out, x, _slope: xp.where(xp.less(x, 0), x, 0),
    ),
    alike=True,
    public=("nn.functional.rectify",),
    doc="""x where it is positive, slope · x elsewhere: what ``leaky_relu`` and ``prelu`` are made of.

    >>> cr.nn.functional.rectify(cr.tensor([-1.0, 2.0]), 0.25)
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
    alike=True,
    public=("nn.functional.exponential_rectify",),
    doc="""x where it is positive, alpha · (eˣ − 1) elsewhere: what ``elu`` and ``celu`` are made of.

    >>> cr.nn.functional.exponential_rectify(cr.tensor([-1.0, 2.0]), 0.5)
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
    alike=True,
    domain=((-3.0, 3.0), (-1.5, -0.5), (0.5, 1.5)),
    public=("nn.functional.saturate",),
    doc="""x limited to [low, high], where the derivative at both bounds is 0: what ``hardtanh`` is made of.

    >>> cr.nn.functional.saturate(cr.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
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

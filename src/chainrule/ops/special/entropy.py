"""Entropies, x log y and its like, logits, and the losses of robust statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from chainrule.op import elementwise
from chainrule.precision import weak

# ------------------------------------------------- products with logarithms: nothing at (0, 0), and flat there


def _both_zero(xp: Any, x: Any, y: Any) -> Any:
    return xp.logical_and(xp.equal(x, 0), xp.equal(y, 0))


def _log_unless(xp: Any, zero: Any, y: Any) -> Any:
    return xp.where(zero, 0, xp.log(xp.where(zero, 1, y)))


def _quotient_unless(xp: Any, zero: Any, x: Any, y: Any) -> Any:
    return xp.where(zero, 0, xp.divide(x, xp.where(zero, 1, y)))


elementwise(
    "xlogy",
    value=weak(special.xlogy),
    d=(
        lambda xp, _out, x, y: _log_unless(xp, _both_zero(xp, x, y), y),
        lambda xp, _out, x, y: _quotient_unless(xp, _both_zero(xp, x, y), x, y),
    ),
    emit=lambda e, x, y: e.xlogy(x, y),
    domain=("real", "positive"),
    method=True,
    public=("special.xlogy",),
    doc="""x log y, 0 where x is 0, for real and complex numbers; both derivatives are 0 at (0, 0).

    >>> cr.special.xlogy(cr.tensor([0.0, 2.0]), cr.tensor([0.0, 3.0]))
    tensor([0.        , 2.19722458])
    """,
)


def _log1p_unless(xp: Any, zero: Any, y: Any) -> Any:
    return xp.where(zero, 0, xp.log1p(xp.where(zero, 0, y)))


elementwise(
    "xlog1py",
    value=weak(special.xlog1py),
    d=(
        lambda xp, _out, x, y: _log1p_unless(xp, _both_zero(xp, x, xp.add(y, 1)), y),
        lambda xp, _out, x, y: _quotient_unless(xp, _both_zero(xp, x, xp.add(y, 1)), x, xp.add(y, 1)),
    ),
    emit=lambda e, x, y: e.xlog1py(x, y),
    domain=("real", "above minus one"),
    public=("special.xlog1py",),
    doc="""x log(1 + y), 0 where x is 0, exact for small y; both derivatives are 0 at (0, −1).

    >>> cr.special.xlog1py(cr.tensor([0.0, 2.0]), cr.tensor([-1.0, 1e-12]))
    tensor([0.e+00, 2.e-12])
    """,
)

# ---------------------------------------------------------------------------------------------- entropies

elementwise(
    "entr",
    value=special.entr,
    d=lambda xp, _out, x: xp.subtract(-1, xp.log(x)),
    emit=lambda e, x: e.entr(x),
    domain=("positive",),
    public=("special.entr",),
    doc="""−x log x for x > 0, 0 at 0 with the slope ∞, −∞ for x < 0.

    >>> cr.special.entr(cr.tensor([0.0, 0.5]))
    tensor([0.        , 0.34657359])
    """,
)


def _log_ratio(xp: Any, x: Any, y: Any) -> Any:
    # The logarithm of a quotient is exact near 1, a difference of logarithms has no quotient that overflows.
    zero = _both_zero(xp, x, y)
    ratio = _quotient_unless(xp, zero, x, y)
    moderate = xp.logical_and(xp.greater(ratio, 1e-30), xp.less(ratio, 1e30))
    near = xp.log(xp.where(moderate, ratio, 1))
    far = xp.subtract(xp.log(xp.where(moderate, 1, x)), xp.log(xp.where(moderate, 1, y)))
    return xp.where(zero, 0, xp.where(moderate, near, far))


def _share(xp: Any, x: Any, y: Any) -> Any:
    """x/y, 0 at (0, 0), and NaN where x is negative: the functions are ∞ there."""
    return _quotient_unless(xp, _both_zero(xp, x, y), xp.where(xp.less(x, 0), float("nan"), x), y)


elementwise(
    "rel_entr",
    value=special.rel_entr,
    d=(
        lambda xp, _out, x, y: xp.where(_both_zero(xp, x, y), 0, xp.add(_log_ratio(xp, x, y), 1)),
        lambda xp, _out, x, y: xp.negative(_share(xp, x, y)),
    ),
    emit=lambda e, x, y: e.special("rel_entr", x, y),
    domain=("positive", "positive"),
    public=("special.rel_entr",),
    doc="""x log(x/y) for x, y > 0, 0 for x = 0 ≤ y, else ∞; its slope in x is −∞ at x = 0 < y, and 0 at (0, 0).

    >>> cr.special.rel_entr(cr.tensor([0.0, 2.0]), 1.0)
    tensor([0.        , 1.38629436])
    """,
)
elementwise(
    "kl_div",
    value=special.kl_div,
    d=(
        lambda xp, _out, x, y: _log_ratio(xp, x, y),
        lambda xp, _out, x, y: xp.subtract(1, _share(xp, x, y)),
    ),
    emit=lambda e, x, y: e.special("kl_div", x, y),
    domain=("positive", "positive"),
    public=("special.kl_div",),
    doc="""x log(x/y) − x + y for x, y > 0, y for x = 0 ≤ y, else ∞; convex in both.

    >>> cr.special.kl_div(cr.tensor([0.0, 2.0]), 1.0)
    tensor([1.        , 0.38629436])
    """,
)

# ------------------------------------------------------------------------------------------------- logits

elementwise(
    "logit",
    value=special.logit,
    d=lambda xp, _out, x: xp.reciprocal(xp.multiply(x, xp.subtract(1, x))),
    emit=lambda e, x: e.logit(x),
    domain=((0.05, 0.95),),
    method=True,
    public=("special.logit",),
    doc="""log(x/(1 − x)) for 0 ≤ x ≤ 1, the inverse of expit.

    >>> cr.special.logit(cr.tensor([0.5, 0.9]))
    tensor([0.        , 2.19722458])
    """,
)
elementwise(
    "log_expit",
    value=special.log_expit,
    d=lambda xp, _out, x: xp.sigmoid(xp.negative(x)),
    emit=lambda e, x: -e.softplus(-x),
    public=("special.log_expit", "nn.functional.logsigmoid"),
    doc="""log(1/(1 + e⁻ˣ)), without overflow.

    >>> cr.special.log_expit(cr.tensor([0.0, -1000.0]))
    tensor([-6.93147181e-01, -1.00000000e+03])
    """,
)

# ------------------------------------------------------------------------------------------- robust losses


def _huber_slope(xp: Any, _out: Any, delta: Any, r: Any) -> Any:
    bounded = xp.maximum(xp.minimum(r, delta), xp.negative(delta))
    return xp.where(xp.less(delta, 0), float("nan"), bounded)


elementwise(
    "huber",
    value=special.huber,
    d=(
        lambda xp, _out, delta, r: xp.where(xp.less(delta, 0), float("nan"), xp.relu(xp.subtract(xp.abs(r), delta))),
        _huber_slope,
    ),
    emit=lambda e, delta, r: e.huber(delta, r),
    domain=((0.6, 1.1), "real"),
    public=("special.huber",),
    doc="""Huber's loss of r: r²/2 for |r| ≤ δ, else δ(|r| − δ/2); the first operand is δ, and it is ∞ for δ < 0.

    >>> cr.special.huber(1.0, cr.tensor([0.5, 3.0]))
    tensor([0.125, 2.5  ])
    """,
)


def _over(xp: Any, x: Any, y: Any) -> Any:
    zero = xp.equal(y, 0)
    return xp.where(zero, 0, xp.divide(x, xp.where(zero, 1, y)))


def _pseudo_huber_delta(xp: Any, _out: Any, delta: Any, r: Any) -> Any:
    # δ u² / (s (s + 1)²) with u = (r/δ)² and s = √(1 + u), in which nothing cancels; δs is the hypotenuse.
    radius = xp.hypot(delta, r)
    half = _over(xp, r, xp.add(radius, delta))
    return xp.multiply(xp.multiply(_over(xp, r, radius), xp.multiply(half, half)), r)


elementwise(
    "pseudo_huber",
    value=special.pseudo_huber,
    d=(
        _pseudo_huber_delta,
        lambda xp, _out, delta, r: xp.multiply(r, _over(xp, delta, xp.hypot(delta, r))),
    ),
    emit=lambda e, delta, r: e.pseudo_huber(delta, r),
    domain=((0.6, 1.4), "real"),
    public=("special.pseudo_huber",),
    doc="""δ² (√(1 + (r/δ)²) − 1), a smooth Huber loss; the first operand is δ ≥ 0.

    >>> cr.special.pseudo_huber(3.0, cr.tensor([0.0, 4.0]))
    tensor([0., 6.])
    """,
)


# -------------------------------------------------------------------------- elementary ones of SciPy's alone

elementwise(
    "powm1",
    value=special.powm1,
    d=(
        lambda xp, _out, x, y: xp.multiply(y, xp.power(x, xp.subtract(y, 1))),
        lambda xp, out, x, _y: xp.multiply(xp.add(out, 1), xp.log(x)),
    ),
    emit=lambda e, x, y: e.special("powm1", x, y),
    domain=("positive", "real"),
    public=("special.powm1",),
    doc="""x**y − 1, exact where x**y is near 1.

    >>> cr.special.powm1(cr.tensor([2.0, 1.0 + 1e-12]), 3.0)
    tensor([7.0000000e+00, 3.0002667e-12])
    """,
)
elementwise(
    "cosm1",
    value=special.cosm1,
    d=lambda xp, _out, x: xp.negative(xp.sin(x)),
    emit=lambda e, x: e.cosm1(x),
    public=("special.cosm1",),
    doc="""cos x − 1, exact for small x.

    >>> cr.special.cosm1(cr.tensor([0.0, 1e-6]))
    tensor([ 0.e+00, -5.e-13])
    """,
)
elementwise(
    "cbrt",
    value=np.cbrt,
    d=lambda xp, out, _x: xp.reciprocal(xp.multiply(xp.multiply(out, out), 3)),
    emit=lambda e, x: e.cbrt(x),
    domain=("positive",),
    public=("cbrt", "special.cbrt"),
    doc="""The real cube root of x, negative for negative x; its slope at 0 is ∞.

    >>> cr.cbrt(cr.tensor([8.0, -27.0]))
    tensor([ 2., -3.])
    """,
)
elementwise(
    "exp10",
    value=special.exp10,
    d=lambda xp, out, _x: xp.multiply(out, np.log(10.0).item()),
    emit=lambda e, x: e.pow(e.like(x, 10), x),
    public=("special.exp10",),
    doc="""10ˣ.

    >>> cr.special.exp10(cr.tensor([0.0, 3.0]))
    tensor([   1., 1000.])
    """,
)

"""Student's t distribution function and its inverse, with derivatives in the degrees of freedom too.

F(t) = ½ + ½ sgn(t) I_u(½, n/2) with u = t²/(n + t²), n degrees of freedom: DLMF 8.17.22 and its complement.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from chainrule import incomplete
from chainrule.op import elementwise
from chainrule.precision import real_dtype, weak


def _density(xp: Any, n: Any, t: Any) -> Any:
    spread = xp.multiply(0.5 * (n + 1.0), xp.log1p(xp.divide(xp.multiply(t, t), n)))
    size = xp.add(xp.betaln(0.5, 0.5 * n), xp.multiply(0.5, xp.log(n)))
    return xp.exp(xp.negative(xp.add(size, spread)))


def _density_by_n(xp: Any, n: Any, t: Any) -> Any:
    square = xp.multiply(t, t)
    rise = xp.divide(xp.multiply(n + 1.0, square), xp.multiply(n, xp.add(n, square)))
    digammas = xp.subtract(xp.digamma(0.5 * (n + 1.0)), xp.digamma(0.5 * n))
    slope = xp.subtract(xp.add(digammas, rise), xp.add(xp.divide(1.0, n), xp.log1p(xp.divide(square, n))))
    return xp.multiply(xp.multiply(0.5, _density(xp, n, t)), slope)


def _by_n(n: Any, t: Any) -> Any:
    dtype = real_dtype(n, t)
    n, t = np.broadcast_arrays(np.asarray(n, float), np.asarray(t, float))
    with np.errstate(all="ignore"):
        square = t * t
        near = square < n  # of u and 1 − u the small one, which has all its digits
        inside = incomplete.betainc_derivative(
            np.full(n.shape, 0.5), n / 2, np.where(near, square / (n + square), 0), (0, 1)
        )
        outside = incomplete.betainc_derivative(
            n / 2, np.full(n.shape, 0.5), np.where(near, 0, n / (n + square)), (1, 0)
        )
        density = np.exp(-special.betaln(0.5, n / 2) - np.log(n) / 2 - (n + 1) / 2 * np.log1p(square / n))
        out = np.sign(t) * np.where(near, inside, -outside) / 4 - t * density / (2 * n)
    return out.astype(dtype)[()]


def _by_n_twice(xp: Any, _out: Any, n: Any, t: Any) -> Any:
    square = xp.multiply(t, t)
    whole = xp.add(n, square)
    u, half = xp.divide(square, whole), 0.5 * n
    flow = xp.divide(xp.divide(square, whole), whole)  # −∂u/∂n
    moved = xp.multiply(0.5, xp.betainc_derivative(0, 2, 0.5, half, u))
    moved = xp.subtract(moved, xp.multiply(flow, xp.beta_density_derivative(0, 1, 0.5, half, u)))
    density = xp.subtract(_density_by_n(xp, n, t), xp.divide(_density(xp, n, t), n))
    return xp.subtract(xp.multiply(xp.multiply(0.25, xp.sign(t)), moved), xp.divide(xp.multiply(t, density), 2.0 * n))


elementwise(
    "stdtr",
    value=weak(special.stdtr),
    d=(
        lambda xp, _out, df, t: xp.stdtr_df(df, t),
        lambda xp, _out, df, t: _density(xp, df, t),
    ),
    emit=lambda e, x, y: e.special("stdtr", x, y),
    domain=((0.5, 5.0), "nonzero"),
    public=("special.stdtr",),
    doc="""The distribution function at t of Student's t with df degrees of freedom, of (df, t).

    >>> cr.special.stdtr(2.0, cr.tensor([0.0, 1.0]))
    tensor([0.5       , 0.78867513])
    """,
)
elementwise(
    "stdtr_df",
    value=_by_n,
    d=(
        _by_n_twice,
        lambda xp, _out, df, t: _density_by_n(xp, df, t),
    ),
    domain=((0.5, 5.0), "nonzero"),
    public=(),
    doc="""∂/∂df of ``special.stdtr(df, t)``; its own derivative in df is NaN at t = 0.

    >>> from chainrule.ops import ops
    >>> ops.stdtr_df(2.0, cr.tensor([0.0, 1.0]))
    tensor([0.        , 0.02250875])
    """,
)
elementwise(
    "stdtrit",
    value=weak(special.stdtrit),
    d=(
        lambda xp, out, df, _p: xp.negative(xp.divide(xp.stdtr_df(df, out), _density(xp, df, out))),
        lambda xp, out, df, _p: xp.reciprocal(_density(xp, df, out)),
    ),
    emit=lambda e, x, y: e.special("stdtrit", x, y),
    domain=((0.5, 5.0), (0.1, 0.9)),
    public=("special.stdtrit",),
    doc="""The t at which stdtr(df, t) = p, of (df, p).

    >>> cr.special.stdtrit(2.0, cr.tensor([0.5, 0.75]))
    tensor([0.        , 0.81649658])
    """,
)

"""Weighted averages, ranges, covariances and correlations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite
from chainrule.reduction import count
from chainrule.spec import normalize_axes


def _average(
    xp: Any, x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    spec = operand_spec("average", x)
    axes = normalize_axes("average", axis, spec.ndim)
    if weights is None:
        mean = xp.mean(x, axis=axes, keepdims=keepdims)
        total = xp.broadcast_to(np.asarray(count(spec, axes), mean.dtype), mean.shape)
        return (mean, total) if returned else mean
    own = operand_spec("average", weights)
    if own.shape != spec.shape:
        if own.shape != tuple(spec.shape[i] for i in axes) or axis is None:
            raise ShapeError(
                f"[average] weights has shape {own.shape} and x {spec.shape}, axis={axis!r}; expected the shape of x, "
                f"or that of the reduced axes; name the axes that the weights belong to."
            )
        weights = xp.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(spec.shape)))
    dtype = np.result_type(spec.dtype, own.dtype, *(["f8"] if spec.dtype.kind in "biu" else []))
    weights = xp.broadcast_to(xp.astype(weights, dtype), spec.shape)
    total = xp.sum(weights, axis=axes, keepdims=keepdims)
    mean = xp.divide(xp.sum(xp.multiply(x, weights), axis=axes, keepdims=keepdims), total)
    return (mean, total) if returned else mean


def _numpys_average(
    x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    if weights is not None or returned or x.dtype.kind not in "fc" or not x.size:
        raise ShapeError("the body tells what is wrong")
    return np.mean(x, axis, keepdims=keepdims)


def _numpys_ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if x.dtype.kind not in "fiu":
        raise DTypeError("the body tells what is wrong")
    return np.ptp(x, axis, keepdims=keepdims)


composite(
    "average",
    _average,
    value=_numpys_average,
    doc="""Σ w x / Σ w over ``axis`` (all axes by default), differentiable in both; with ``returned`` also Σ w.

    The weights have the shape of x, or that of the axes. Weights that sum to 0 give NaN or an infinity.

    >>> cr.average(cr.tensor([1.0, 3.0]), weights=cr.tensor([3.0, 1.0]))
    tensor(1.5)
    """,
)
composite(
    "ptp",
    lambda xp, x, axis=None, keepdims=False: xp.subtract(
        xp.max(x, axis=axis, keepdims=keepdims), xp.min(x, axis=axis, keepdims=keepdims)
    ),
    value=_numpys_ptp,
    doc="""The largest element less the smallest along ``axis`` (all axes by default); ties share the gradient.

    >>> cr.ptp(cr.tensor([1.0, 5.0, 3.0]))
    tensor(4.)
    """,
)


def _observations(xp: Any, name: str, m: Any, y: Any, rowvar: bool) -> Any:
    """The variables as rows."""
    rows = []
    for x in (m,) if y is None else (m, y):
        spec = operand_spec(name, x)
        if spec.ndim > 2:
            raise ShapeError(
                f"[{name}] an operand has shape {spec.shape}; expected at most two axes, variables and observations; "
                f"reshape it."
            )
        x = xp.astype(x, np.float64) if spec.dtype.kind in "biu" else x
        row = xp.reshape(x, (1,) * (2 - spec.ndim) + spec.shape)
        rows.append(row if rowvar or (x is m and spec.ndim < 2) or row.shape[0] == 1 else xp.swapaxes(row, 0, 1))
    if len(rows) == 1:
        return rows[0]
    if rows[0].shape[1] != rows[1].shape[1]:
        raise ShapeError(
            f"[{name}] there are {rows[0].shape[1]} observations of the first operand and {rows[1].shape[1]} of the "
            f"second; expected as many; check rowvar, which says that rows are variables."
        )
    return xp.concat(rows, axis=0)


def _weights(xp: Any, given: Any, word: str, size: int) -> Any:
    shape = operand_spec("cov", given).shape
    if shape != (size,):
        raise ShapeError(
            f"[cov] {word} has shape {shape} and there are {size} observations; expected ({size},), "
            f"a weight for each; check rowvar."
        )
    return given


def _cov(
    xp: Any,
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    if ddof is not None and ddof != int(ddof):
        raise DTypeError(f"[cov] ddof is {ddof!r}; expected an integer; write ddof=1 for the unbiased estimate.")
    ddof = (0 if bias else 1) if ddof is None else ddof
    x = _observations(xp, "cov", m, y, rowvar)
    size = x.shape[1]
    if fweights is None and aweights is None:
        away = xp.center(x, axis=1)
        factor: Any = 1 / (size - ddof) if size > ddof else math.nan
        weighted = away
    else:
        f = None if fweights is None else xp.astype(_weights(xp, fweights, "fweights", size), x.dtype)
        a = None if aweights is None else xp.astype(_weights(xp, aweights, "aweights", size), x.dtype)
        w = a if f is None else f if a is None else xp.multiply(f, a)
        total = xp.sum(w)
        # Each aweight counts as so much of an observation: the degrees of freedom are Σw − ddof Σwa / Σw.
        taken = ddof if a is None else xp.divide(xp.multiply(xp.sum(xp.multiply(w, a)), ddof), total)
        factor = xp.reciprocal(xp.subtract(total, taken))
        mean = xp.divide(xp.sum(xp.multiply(x, w), axis=1, keepdims=True), total)
        away = xp.subtract(x, mean)
        weighted = xp.multiply(away, w)
    other = xp.conj(weighted) if x.dtype.kind == "c" else weighted
    out = xp.multiply(xp.matmul(away, xp.matrix_transpose(other)), factor)
    return xp.reshape(out, ()) if out.shape == (1, 1) else out


def _corrcoef(xp: Any, x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = _cov(xp, x, y, rowvar)
    # The correlation with a constant is undefined, and NaN without a warning.
    if not c.shape:
        return xp.divide(c, xp.where(xp.equal(c, 0), math.nan, c))
    spread = xp.real(xp.diagonal(c)) if c.dtype.kind == "c" else xp.diagonal(c)
    scale = xp.sqrt(xp.where(xp.equal(spread, 0), math.nan, spread))
    return xp.divide(xp.divide(c, xp.expand_dims(scale, axis=1)), scale)


composite(
    "cov",
    _cov,
    doc="""Σ w (xᵢ − x̄ᵢ) conj(xⱼ − x̄ⱼ) / (n − ddof) over the observations of the variables i and j, rows by default.

    ``fweights`` say how often an observation was made, ``aweights`` how much it counts.

    >>> cr.cov(cr.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0]]))
    tensor([[ 1. ,  3.5],
            [ 3.5, 13. ]])
    """,
)
composite(
    "corrcoef",
    _corrcoef,
    doc="""The covariances of variables, rows by default, in units of their standard deviations.

    >>> cr.corrcoef(cr.tensor([[1.0, 2.0, 3.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """,
)

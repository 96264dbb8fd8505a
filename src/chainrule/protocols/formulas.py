"""NumPy's functions of values and its creation functions that ours are called otherwise for, written in our ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.ops import ops
from chainrule.protocols.arguments import Unmatched, operand, uncounted
from chainrule.spec import promote


def _full(x: Any, value: Any, dtype: Any, shape: Any) -> Any:
    """``value`` in the shape, dtype and class of x."""
    x = operand(x)
    filled = ops.broadcast_to(ops.astype(operand(value), dtype or x.dtype), x.shape if shape is None else shape)
    return filled if isinstance(value, Box) or not isinstance(x, Box) else box(type(x), filled._value, None)


def _like(value: float) -> Callable[..., Any]:
    def like(
        a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
    ) -> Any:
        del order, subok, device
        return _full(a, value, dtype, shape)

    return like


def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    del order, subok, device
    return _full(a, fill_value, dtype, shape)


def _float_power(x: Any, y: Any) -> Any:
    return ops.power(*(ops.astype(z, promote([z, np.float64(0)])) for z in (operand(x), operand(y))))


def _floating(ufunc: np.ufunc, function: str) -> Callable[..., Any]:
    """Our function on the dtype that NumPy's computes in, which of integers is a floating one."""
    return lambda x: getattr(ops, function)(ops.astype(x, ufunc(np.empty(0, x.dtype)).dtype))


def _reciprocal(x: Any) -> Any:
    # NumPy's reciprocal of integers cuts off the fraction, ours is the quotient.
    return ops.reciprocal(x) if x.dtype.kind in "fc" else uncounted()


def _logaddexp2(x: Any, y: Any) -> Any:
    two = np.log(2.0).item()
    result = ops.divide(ops.logaddexp(ops.multiply(x, two), ops.multiply(y, two)), two)
    return ops.astype(result, np.logaddexp2(*(np.empty(0, operand(z).dtype) for z in (x, y))).dtype)


def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    del out
    if decimals and a.dtype.kind not in "fc":
        return a if decimals > 0 else uncounted()
    scale = 10.0 ** abs(decimals)
    if decimals < 0:
        return ops.multiply(ops.round(ops.divide(a, scale)), scale)
    return ops.divide(ops.round(ops.multiply(a, scale)), scale) if decimals else ops.round(a)


def _scan(name: str) -> Callable[..., Any]:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        del out
        a = ops.reshape(a, (-1,)) if axis is None else a
        return getattr(ops, name)(a, axis=0 if axis is None else axis, dtype=dtype)

    return scan


def _angle(z: Any, deg: bool = False) -> Any:
    z = operand(z)
    if z.dtype.kind == "c":
        angle = ops.atan2(ops.imag(z), ops.real(z))
    else:
        angle = ops.atan2(np.zeros((), z.dtype), z)
    return ops.rad2deg(angle) if deg else angle


def _vdot(a: Any, b: Any, /) -> Any:
    return ops.vecdot(ops.reshape(operand(a), (-1,)), ops.reshape(operand(b), (-1,)))


def _matvec(x1: Any, x2: Any, /) -> Any:
    return ops.squeeze(ops.matmul(x1, ops.expand_dims(operand(x2), -1)), axis=-1)


def _vecmat(x1: Any, x2: Any, /) -> Any:
    return ops.squeeze(ops.matmul(ops.conj(ops.expand_dims(operand(x1), -2)), x2), axis=-2)


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    axisa, axisb, axisc = (axis,) * 3 if axis is not None else (axisa, axisb, axisc)
    a, b = ops.moveaxis(operand(a), axisa, -1), ops.moveaxis(operand(b), axisb, -1)
    if (a.shape[-1], b.shape[-1]) != (3, 3):
        raise Unmatched("a product of vectors with other than 3 elements")
    return ops.moveaxis(ops.cross(a, b), -1, axisc)


def _linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    del device
    # One weight a point: exact at both ends, where start + n · step need not be.
    weight = np.linspace(0.0, 1.0, num, endpoint)
    result = np.result_type(
        promote([x if isinstance(x, (int, float, complex)) else operand(x) for x in (start, stop)]), 1.0
    )
    start, stop = ops.broadcast_arrays(ops.astype(operand(start), result), ops.astype(operand(stop), result))
    weight = weight.reshape((-1,) + (1,) * start.ndim).astype(np.finfo(result).dtype)
    points = ops.add(ops.multiply(start, 1 - weight), ops.multiply(stop, weight))
    points = ops.moveaxis(points, 0, axis) if axis else points
    if dtype is not None:
        points = ops.astype(ops.floor(points) if np.dtype(dtype).kind in "iu" else points, dtype)
    count = num - 1 if endpoint else num
    return (points, ops.divide(ops.subtract(stop, start), count)) if retstep else points


def _logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    if np.ndim(base):
        raise Unmatched("an array of bases")
    points = ops.power(base, _linspace(start, stop, num, endpoint, axis=axis))
    return points if dtype is None else ops.astype(points, dtype)


def _geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = (ops.add(operand(x), np.zeros((), dtype)) for x in (start, stop))
    if "c" in (start.dtype.kind, stop.dtype.kind):
        raise Unmatched("a complex end")
    sign = ops.sign(start)
    logs = _linspace(ops.log(ops.multiply(start, sign)), ops.log(ops.multiply(stop, sign)), num, endpoint, axis=axis)
    points = ops.multiply(ops.exp(logs), ops.expand_dims(sign, axis) if sign.ndim else sign)
    return ops.astype(points, dtype or np.float64)


def _poly(seq_of_zeros: Any) -> Any:
    roots = operand(seq_of_zeros)
    if roots.ndim != 1 or not roots.shape[0] or roots.dtype.kind == "c":
        raise Unmatched(f"an array of shape {roots.shape} and dtype {roots.dtype}")
    out = np.ones(1, np.result_type(roots.dtype, 1.0))
    for i in range(roots.shape[0]):
        root = ops.reshape(roots[i], (1,))
        out = ops.convolve(out, ops.concat([np.ones(1, roots.dtype), ops.negative(root)], axis=0))
    return out


def _polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    if full or cov:
        raise Unmatched("the argument full=True" if full else f"the argument cov={cov!r}")
    x, y = ops.add(operand(x), 0.0), ops.add(operand(y), 0.0)
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = ops.vander(x, deg + 1), y
    if w is not None:
        w = ops.add(operand(w), 0.0)
        left, right = ops.multiply(left, w[:, None]), ops.multiply(y, w[:, None] if y.ndim == 2 else w)
    scale = ops.sqrt(ops.sum(ops.multiply(left, left), axis=0))
    found = ops.lstsq(ops.divide(left, scale), right, rcond=rcond)[0]
    return ops.transpose(ops.divide(ops.transpose(found), scale))


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    del hermitian  # a promise about the matrix, which the values keep or not
    return ops.svd(a, full_matrices=full_matrices) if compute_uv else ops.svdvals(a)


def _dtypes(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*(x.dtype if isinstance(x, Box) else x for x in arrays_and_dtypes))


def _common_type(*arrays: Any) -> Any:
    return np.common_type(*(np.empty(0, operand(x).dtype) for x in arrays))


FORMULAS: dict[str, Callable[..., Any]] = {
    "zeros_like": _like(0),
    "ones_like": _like(1),
    "empty_like": _like(0),
    "full_like": _full_like,
    "cumsum": _scan("cumsum"),
    "cumprod": _scan("cumprod"),
    "float_power": _float_power,
    "fabs": _floating(np.fabs, "abs"),
    "rint": _floating(np.rint, "round"),
    "reciprocal": _reciprocal,
    "logaddexp2": _logaddexp2,
    "round": _round,
    "around": _round,
    "divmod": lambda x, y: (ops.floor_divide(x, y), ops.remainder(x, y)),
    "angle": _angle,
    "vdot": _vdot,
    "matvec": _matvec,
    "vecmat": _vecmat,
    "cross": _cross,
    "linspace": _linspace,
    "logspace": _logspace,
    "geomspace": _geomspace,
    "poly": _poly,
    "polyfit": _polyfit,
    "linalg.svd": _svd,
    "result_type": _dtypes,
    "common_type": _common_type,
    "iscomplexobj": lambda x: x.dtype.kind == "c",
    "isrealobj": lambda x: x.dtype.kind != "c",
}

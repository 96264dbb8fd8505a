"""Ops whose first operands are orders: the n-th derivatives that the derivative of an n-th derivative is made of.

A special function whose derivative is no known function has an op for all of its derivatives instead, f⁽ⁿ⁾(x), with n
an integer operand; the rule is n + 1, so that no order is the last.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, RangeError
from chainrule.op import NONE, Op, elementwise
from chainrule.precision import real_dtype

NODES = 32


def derivatives(
    name: str, kernel: Callable[..., Any], d: tuple[Any, ...], *, orders: int = 1, analytic: bool = False, **facts: Any
) -> Op:
    """Register ``name(n, x, …)``; ``kernel(x, …, n)`` computes with double precision for one n, a Python int.

    ``d`` has the partials of the operands behind the orders; there is no derivative by an order. The operands are
    real, unless the kernel is ``analytic``.
    """
    value = functools.partial(_by_order, name, kernel, orders, analytic)
    return elementwise(name, value=value, d=(NONE,) * orders + d, public=(), **facts)


def _by_order(name: str, kernel: Callable[..., Any], count: int, analytic: bool, *operands: Any) -> Any:
    orders = [_order(name, n) for n in operands[:count]]
    dtype = np.result_type(*operands[count:]) if analytic else real_dtype(*operands[count:])
    dtype = dtype if dtype.kind in "fc" else np.dtype(float)
    wide = complex if dtype.kind == "c" else float
    arrays = [np.asarray(x, wide) for x in operands[count:]]
    with np.errstate(all="ignore"):
        if all(n.ndim == 0 for n in orders):
            out = kernel(*arrays, *map(int, orders))
        else:
            arrays, orders = np.broadcast_arrays(*arrays), np.broadcast_arrays(*arrays, *orders)[len(arrays) :]
            arrays = [np.broadcast_to(x, orders[0].shape) for x in arrays]
            out = np.empty(arrays[0].shape, wide)
            for chosen in set(zip(*(n.ravel().tolist() for n in orders), strict=True)):
                mask = np.logical_and.reduce([n == k for n, k in zip(orders, chosen, strict=True)])
                out[mask] = kernel(*(x[mask] for x in arrays), *chosen)
    return np.asarray(out).astype(dtype, copy=False)[()]


def _order(name: str, n: Any) -> Any:
    n = np.asarray(n)
    if n.dtype.kind not in "biu":
        raise DTypeError(
            f"[{name}] an order is {n.dtype}; expected integers, which count derivatives; convert it with int(n)."
        )
    if n.size and n.min() < 0:
        raise RangeError(
            f"[{name}] an order is {n.min()}; expected 0 or more, which count derivatives; use n = 0 for the function."
        )
    return n


@functools.cache
def gauss_legendre() -> tuple[Any, Any]:
    """Nodes and weights of the rule of 32 nodes on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2

"""Windows as axes of their own, added up again, and the sum and the largest element of each.

The ops work on the last axes of an operand, as many as ``kernel`` has; what stands before is a batch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.op import linear, primitive
from chainrule.reduction import refuse_complex
from chainrule.spec import Shape, Spec, sum_dtype
from chainrule.window import counts, fitting, fold, framed, overlap_add, pairs, per_axis, view


def _spelled(name: str, kernel: Any, stride: Any, padding: Any, dilation: Any) -> dict[str, Any]:
    rank = len(kernel) if isinstance(kernel, (tuple, list)) else 1
    kernel = per_axis(name, "kernel", kernel, rank)
    return {
        "kernel": kernel,
        "stride": kernel if stride is None else per_axis(name, "stride", stride, rank),
        "padding": pairs(name, padding, rank),
        "dilation": per_axis(name, "dilation", dilation, rank),
    }


def _canonical(name: str, ordered: bool = False) -> Any:
    def canonical(x: Spec, *, kernel: Any, stride: Any, padding: Any, dilation: Any) -> dict[str, Any]:
        spelled = _spelled(name, kernel, stride, padding, dilation)
        rank = len(spelled["kernel"])
        if x.ndim < rank:
            raise ShapeError(
                f"[{name}] an operand of shape {x.shape} has {x.ndim} axes; expected at least {rank}, as many as the "
                f"kernel {spelled['kernel']} has; reshape it, or shorten the kernel."
            )
        if ordered:
            refuse_complex(name, x)
        _fit(name, x.shape[x.ndim - rank :], spelled)
        return spelled

    return canonical


def _fit(name: str, sizes: Shape, windows: dict[str, Any]) -> None:
    fitting(name, sizes, **{key: windows[key] for key in ("kernel", "padding", "dilation")})


def _same_batch(name: str) -> Any:
    """What works on the last axes needs no more than the axes that stand before them."""
    return lambda xp, _batched, x, **windows: getattr(xp, name)(x, **windows)


def _pooled_shape(x: Any, kernel: Shape, **windows: Any) -> Shape:
    place = len(x.shape) - len(kernel)
    return (*x.shape[:place], *counts(x.shape[place:], kernel=kernel, **windows))


# --------------------------------------------------------------------------------------- windows as an axis


def _windows(x: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    return view(x, kernel=kernel, stride=stride, padding=padding, dilation=dilation)


def _windows_spec(x: Any, kernel: Shape, **windows: Any) -> Spec:
    shape = _pooled_shape(x, kernel, **windows)
    place = len(shape) - len(kernel)
    return Spec((*shape[:place], *kernel, *shape[place:]), x.dtype)


linear(
    "windows",
    value=_windows,
    canonical=_canonical("windows"),
    spec=_windows_spec,
    transpose=lambda xp, g, _x, *, kernel, **windows: xp.overlap_add(
        g, sizes=_x.shape[len(_x.shape) - len(kernel) :], kernel=kernel, **windows
    ),
    batch=_same_batch("windows"),
    public=(),
    doc="""The windows of the last axes of x, (…, *kernel, *counts): out[…, k, t] = x[…, t·s + k·d − p].

    s is the stride, d the dilation, p the padding.

    >>> from chainrule.ops import ops
    >>> ops.windows(cr.tensor([1.0, 2.0, 3.0, 4.0]), 2)
    tensor([[1., 2., 3.],
            [2., 3., 4.]])
    """,
)


def _overlap_add(g: Any, sizes: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    return overlap_add(g, sizes, kernel=kernel, stride=stride, padding=padding, dilation=dilation)


def _canonical_overlap_add(g: Spec, *, sizes: Any, **params: Any) -> dict[str, Any]:
    spelled = _spelled("overlap_add", **params)
    rank = len(spelled["kernel"])
    sizes = per_axis("overlap_add", "sizes", sizes, rank)
    _fit("overlap_add", sizes, spelled)
    expected = (*spelled["kernel"], *counts(sizes, **spelled))
    if g.shape[max(0, g.ndim - 2 * rank) :] != expected:
        raise ShapeError(
            f"[overlap_add] an operand has shape {g.shape}; expected it to end in {expected}: the kernel, and how many "
            f"windows of it are in sizes {sizes}; check the sizes, the stride and the padding."
        )
    return {"sizes": sizes, **spelled}


linear(
    "overlap_add",
    value=_overlap_add,
    canonical=_canonical_overlap_add,
    spec=lambda g, sizes, kernel, **windows: Spec((*g.shape[: len(g.shape) - 2 * len(kernel)], *sizes), g.dtype),
    transpose=lambda xp, h, _g, *, sizes, **windows: xp.windows(h, **windows),
    batch=_same_batch("overlap_add"),
    public=(),
    doc="""The transpose of ``windows``: windows (…, *kernel, *counts) added up where they lie in arrays of ``sizes``.

    >>> from chainrule.ops import ops
    >>> ops.overlap_add(cr.ones((2, 3)), sizes=4, kernel=2)
    tensor([1., 2., 2., 1.])
    """,
)

# ------------------------------------------------------------------------------------------------- the pools


def _window_sum(x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    x = framed(x.astype(sum_dtype(x.dtype), copy=False), padding)
    number = counts(
        x.shape[x.ndim - len(kernel) :],
        kernel=kernel,
        stride=stride,
        padding=((0, 0),) * len(kernel),
        dilation=dilation,
    )
    return fold(np.add, x, number, kernel=kernel, stride=stride, dilation=dilation)


def _window_sum_transpose(xp: Any, g: Any, _x: Any, *, kernel: Shape, **windows: Any) -> Any:
    place = len(g.shape) - len(kernel)
    lead, number = g.shape[:place], g.shape[place:]
    parts = xp.broadcast_to(xp.reshape(g, (*lead, *(1,) * len(kernel), *number)), (*lead, *kernel, *number))
    return xp.overlap_add(parts, sizes=_x.shape[place:], kernel=kernel, **windows)


linear(
    "window_sum",
    value=_window_sum,
    canonical=_canonical("window_sum"),
    spec=lambda x, **windows: Spec(_pooled_shape(x, **windows), sum_dtype(x.dtype)),
    transpose=_window_sum_transpose,
    batch=_same_batch("window_sum"),
    public=(),
    doc="""Σ over each window of the last axes of x; by default the windows lie side by side.

    >>> from chainrule.ops import ops
    >>> ops.window_sum(cr.tensor([1.0, 2.0, 3.0, 4.0]), 2)
    tensor([3., 7.])
    """,
)


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _window_max(x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    number = counts(x.shape[x.ndim - len(kernel) :], kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    x = framed(x, padding, _lowest(x.dtype))
    return fold(np.maximum, x, number, kernel=kernel, stride=stride, dilation=dilation)


def _window_ties(x: Any, out: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    windows = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    among, whole = view(x, **windows), (slice(None),) * len(kernel)
    ties = np.empty(among.shape, bool)
    # A plane at a time: over the short axes of a view, NumPy's loops are short.
    for at in np.ndindex(*kernel):
        part, tie = among[(..., *at, *whole)], ties[(..., *at, *whole)]
        np.equal(part, out, out=tie)
        tie |= part != part  # NaN
    if any(map(any, padding)):
        ties &= view(np.ones(x.shape[x.ndim - len(kernel) :], bool), **windows)
    return ties


def _batched_ties(xp: Any, batched: tuple[bool, ...], x: Any, out: Any, **windows: Any) -> Any:
    size = (x if batched[0] else out).shape[0]
    x, out = (
        z if is_batched else xp.broadcast_to(z, (size, *z.shape))
        for z, is_batched in zip((x, out), batched, strict=True)
    )
    return xp.window_ties(x, out, **windows)


primitive(
    "window_ties",
    value=_window_ties,
    arity=2,
    canonical=lambda x, _out, **params: _canonical("window_ties", ordered=True)(x, **params),
    spec=lambda x, _out, **windows: Spec(_windows_spec(x, **windows).shape, np.dtype(bool)),
    batch=_batched_ties,
    differentiable=False,
    public=(),
    doc="""Which elements of each window of x are its largest, ``out``, or NaN; padding is not.

    >>> from chainrule.ops import ops
    >>> x = cr.tensor([3.0, 3.0, 2.0, 4.0])
    >>> ops.window_ties(x, ops.window_max(x, 2), 2)
    tensor([[ True, False],
            [ True,  True]])
    """,
)


def _ties(xp: Any, out: Any, x: Any, windows: Any) -> tuple[Any, Any, Shape]:
    """Which elements are the largest, how many of each window, and the axes of the kernel."""
    place, rank = len(x.shape) - len(windows["kernel"]), len(windows["kernel"])
    axes = tuple(range(place, place + rank))
    ties = xp.window_ties(x, out, **windows)
    return ties, xp.sum(ties, axis=axes, dtype=x.dtype), axes


def _window_max_vjp(xp: Any, g: Any, out: Any, x: Any, **windows: Any) -> Any:
    ties, number, axes = _ties(xp, out, x, windows)
    share = xp.divide(g, number)
    share = xp.reshape(share, (*g.shape[: axes[0]], *(1,) * len(axes), *g.shape[axes[0] :]))
    return xp.overlap_add(xp.where(ties, share, 0), sizes=x.shape[axes[0] :], **windows)


def _window_max_jvp(xp: Any, tangents: Any, out: Any, x: Any, **windows: Any) -> Any:
    ties, number, axes = _ties(xp, out, x, windows)
    moved = xp.where(ties, xp.windows(tangents[0], **windows), 0)
    return xp.divide(xp.sum(moved, axis=axes), number)


primitive(
    "window_max",
    value=_window_max,
    canonical=_canonical("window_max", ordered=True),
    spec=lambda x, **windows: Spec(_pooled_shape(x, **windows), x.dtype),
    vjp=(_window_max_vjp,),
    jvp=_window_max_jvp,
    batch=_same_batch("window_max"),
    public=(),
    doc="""The largest element of each window of the last axes of x; k equal ones share the gradient, 1/k each.

    By default the windows lie side by side. Padding is never the largest.

    >>> from chainrule.ops import ops
    >>> ops.window_max(cr.tensor([1.0, 3.0, 2.0, 4.0]), 2)
    tensor([3., 4.])
    """,
)


def _window_argmax(x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    windows = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    rank = len(kernel)
    among = view(x, **windows)
    sizes = x.shape[x.ndim - rank :]
    # Each element's place, from 1; padding has 0.
    number_of = view(np.arange(1, math.prod(sizes) + 1).reshape(sizes), **windows)
    best = np.empty(among.shape[: -2 * rank] + among.shape[-rank:], x.dtype)
    where = np.zeros(best.shape, np.int64)
    for at in np.ndindex(*kernel):
        part, number = among[(..., *at, *(slice(None),) * rank)], number_of[at]
        better = (part > best) | (np.isnan(part) & ~np.isnan(best))
        better = (number > 0) & ((where == 0) | better)
        np.copyto(best, part, where=better)
        np.copyto(where, number, where=better)
    return where - 1


primitive(
    "window_argmax",
    value=_window_argmax,
    canonical=_canonical("window_argmax", ordered=True),
    spec=lambda x, **windows: Spec(_pooled_shape(x, **windows), np.dtype(np.int64)),
    batch=_same_batch("window_argmax"),
    differentiable=False,
    public=(),
    doc="""Where the largest element of each window is, or the first NaN, in the flattened last axes of x.

    >>> from chainrule.ops import ops
    >>> ops.window_argmax(cr.tensor([1.0, 3.0, 2.0, 4.0]), 2)
    tensor([1, 3])
    """,
)

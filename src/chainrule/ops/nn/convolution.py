"""Convolution over any number of axes, and what is made of it.

Note [One form, three ops]
Σ g[n, o, t] · w[o, c, k] · x[n, c, t·stride + k·dilation − padding] is linear in each of x, w and g. ``convolution`` is
its derivative by g, ``convolution_input`` by x, ``convolution_weight`` by w: each takes two of the three, and its
transposes are the other two ops, so that every order of derivative is made of these three.
Each copies the windows of some samples, or of a part of one, into a matrix with a column a window, and multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.op import bilinear
from chainrule.spec import Shape, Spec, promote
from chainrule.window import (
    add_windows,
    convolution_params,
    counts,
    divisible,
    fitting_channels,
    framed,
    per_axis,
    spans,
    view,
)

COLUMNS = 1024  # windows multiplied at once: enough for BLAS; of small images those of several
ELEMENTS = 1 << 18  # of these columns, which stay in the cache: of large images there are fewer


def _rounds(samples: int, number: Shape, size: int, step: int, span: int) -> Iterator[tuple[slice, slice, slice]]:
    """(samples, rows of windows, rows that these cover): of small images several, of large ones a part at a time."""
    many = max(1, COLUMNS // math.prod(number))
    rows = max(1, min(number[0], max(COLUMNS // 2, ELEMENTS // size) // math.prod(number[1:])))
    for start in range(0, samples, many):
        for row in range(0, number[0], rows):
            stop = min(row + rows, number[0])
            covered = slice(row * step, (stop - 1) * step + span)
            yield slice(start, min(start + many, samples)), slice(row, stop), covered


def _samples_last(x: Any) -> Any:
    """x (N, C, …) as (C, …, N), in that order in memory too: a row of few elements is short, one of samples longer."""
    return np.ascontiguousarray(x.transpose(*range(1, x.ndim), 0))


def _samples_first(x: Any) -> Any:
    return x.transpose(-1, *range(x.ndim - 1))


def _columns(groups: int, **windows: Any) -> Callable[[Any], Any]:
    """A function of framed samples: their windows as columns, (groups, channels · kernel, windows · samples)."""
    rank = len(windows["kernel"])
    windows["padding"] = ((0, 0),) * rank
    buffer = np.empty(0)

    def columns(x: Any) -> Any:
        nonlocal buffer
        parts = view(_samples_first(_samples_last(x)), **windows)
        parts = parts.transpose(*range(1, parts.ndim), 0)
        if buffer.size != parts.size:
            buffer = np.empty(parts.size, x.dtype)
        np.copyto(buffer.reshape(parts.shape), parts)
        return buffer.reshape(groups, -1, math.prod(parts.shape[rank + 1 :]))

    return columns


def _rows(g: Any, groups: int) -> Any:
    """The channels of samples as rows, (groups, channels, elements · samples)."""
    return _samples_last(g).reshape(groups, g.shape[1] // groups, -1)


def _convolution(x: Any, w: Any, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    windows = {"kernel": w.shape[2:], "stride": stride, "padding": padding, "dilation": dilation}
    number = counts(x.shape[2:], **windows)
    out = np.zeros((len(x), len(w), *number), promote([x, w]))
    if not (x.size and w.size and out.size):
        return out
    x, weight = framed(x, padding), w.reshape(groups, len(w) // groups, -1)
    columns, span = _columns(groups, **windows), spans(w.shape[2:], dilation)[0]
    for some, rows, covered in _rounds(len(x), number, w[0].size * groups, stride[0], span):
        product = np.matmul(weight, columns(x[some, :, covered]))
        out[some, :, rows] = _samples_first(product.reshape(len(w), rows.stop - rows.start, *number[1:], -1))
    return out


def _convolution_input(
    g: Any, w: Any, sizes: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    kernel, number = w.shape[2:], g.shape[2:]
    channels = w.shape[1] * groups
    whole = tuple(size + sum(pad) for size, pad in zip(sizes, padding, strict=True))
    out = np.zeros((len(g), channels, *whole), promote([g, w]))
    if g.size and w.size and out.size:
        weight = w.reshape(groups, len(w) // groups, -1).swapaxes(1, 2)
        span = spans(kernel, dilation)[0]
        for some, rows, covered in _rounds(len(g), number, w[0].size * groups, stride[0], span):
            parts = np.matmul(weight, _rows(g[some, :, rows], groups))
            parts = parts.reshape(channels, *kernel, rows.stop - rows.start, *number[1:], -1)
            added = np.zeros((channels, covered.stop - covered.start, *whole[1:], parts.shape[-1]), out.dtype)
            add_windows(added, parts, lead=1, kernel=kernel, stride=stride, dilation=dilation)
            out[some, :, covered] += _samples_first(added)
    return framed(out, tuple((-before, -after) for before, after in padding))


def _convolution_weight(
    x: Any, g: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    windows = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    shape = (g.shape[1], x.shape[1] // groups, *kernel)
    out = np.zeros((groups, shape[0] // groups, math.prod(shape[1:])), promote([x, g]))
    if x.size and g.size and out.size:
        x, columns, span = framed(x, padding), _columns(groups, **windows), spans(kernel, dilation)[0]
        for some, rows, covered in _rounds(len(x), g.shape[2:], out[0, 0].size * groups, stride[0], span):
            out += np.matmul(_rows(g[some, :, rows], groups), columns(x[some, :, covered]).swapaxes(1, 2))
    return out.reshape(shape)


# ------------------------------------------------------------------------------------------------ parameters


def _of_rank(name: str, what: str, x: Spec, rank: int) -> None:
    if x.ndim != rank + 2:
        raise ShapeError(f"[{name}] {what} has shape {x.shape}; expected {rank + 2} axes; reshape it.")


def _canonical(x: Spec, w: Spec, **params: Any) -> dict[str, Any]:
    rank = max(1, x.ndim - 2)
    _of_rank("convolution", "x", x, rank)
    _of_rank("convolution", "w", w, rank)
    spelled = convolution_params("convolution", rank, **params)
    fitting_channels("convolution", x, w, **spelled)
    return spelled


def _canonical_input(g: Spec, w: Spec, *, sizes: Any, **params: Any) -> dict[str, Any]:
    name = "convolution_input"
    rank = max(1, g.ndim - 2)
    _of_rank(name, "g", g, rank)
    _of_rank(name, "w", w, rank)
    spelled = {"sizes": per_axis(name, "sizes", sizes, rank), **convolution_params(name, rank, **params)}
    x = Spec((g.shape[0], w.shape[1] * spelled["groups"], *spelled["sizes"]), g.dtype)
    fitting_channels(name, x, w, **{key: value for key, value in spelled.items() if key != "sizes"})
    _expect(name, g, _spec(x, w, **{key: value for key, value in spelled.items() if key != "sizes"}))
    return spelled


def _canonical_weight(x: Spec, g: Spec, *, kernel: Any, **params: Any) -> dict[str, Any]:
    name = "convolution_weight"
    rank = max(1, x.ndim - 2)
    _of_rank(name, "x", x, rank)
    _of_rank(name, "g", g, rank)
    spelled = convolution_params(name, rank, **params)
    kernel = per_axis(name, "kernel", kernel, rank)
    divisible(name, "input", x.shape[1], spelled["groups"])
    w = Spec((g.shape[1], x.shape[1] // spelled["groups"], *kernel), g.dtype)
    fitting_channels(name, x, w, **spelled)
    _expect(name, g, _spec(x, w, **spelled))
    return {"kernel": kernel, **spelled}


def _expect(name: str, g: Spec, out: Spec) -> None:
    if g.shape != out.shape:
        raise ShapeError(
            f"[{name}] g has shape {g.shape}, and the convolution it is a cotangent of gives {out.shape}; "
            f"expected equal shapes; check the sizes, the stride and the padding."
        )


def _spec(x: Spec, w: Spec, *, groups: int, **windows: Any) -> Spec:
    number = counts(x.shape[2:], kernel=w.shape[2:], **windows)
    return Spec((x.shape[0], w.shape[0], *number), promote([x, w]))


# ------------------------------------------------------------------------------------------------- the three


def _batch(name: str, roles: str, made: str) -> Any:
    """A batch of samples is more samples; a batch of weights, or of what makes them, is more groups."""

    def as_groups(xp: Any, z: Any, role: str) -> Any:
        if role == "w":
            return xp.reshape(z, (z.shape[0] * z.shape[1], *z.shape[2:]))
        moved = xp.moveaxis(z, 0, 1)
        return xp.reshape(moved, (moved.shape[0], moved.shape[1] * moved.shape[2], *moved.shape[3:]))

    def batch(xp: Any, batched: tuple[bool, ...], *operands: Any, groups: int, **params: Any) -> Any:
        size = next(z.shape[0] for z, is_batched in zip(operands, batched, strict=True) if is_batched)
        function = getattr(xp, name)
        if batched == (True, False) and roles[1] == "w":
            z, w = operands
            out = function(xp.reshape(z, (size * z.shape[1], *z.shape[2:])), w, groups=groups, **params)
            return xp.reshape(out, (size, z.shape[1], *out.shape[1:]))
        spread = [
            z if is_batched else xp.broadcast_to(z, (size, *z.shape))
            for z, is_batched in zip(operands, batched, strict=True)
        ]
        wide = [as_groups(xp, z, role) for z, role in zip(spread, roles, strict=True)]
        out = function(*wide, groups=size * groups, **params)
        if made == "w":
            return xp.reshape(out, (size, out.shape[0] // size, *out.shape[1:]))
        apart = xp.reshape(out, (out.shape[0], size, out.shape[1] // size, *out.shape[2:]))
        return xp.moveaxis(apart, 1, 0)

    return batch


bilinear(
    "convolution",
    value=_convolution,
    canonical=_canonical,
    spec=_spec,
    transposes=(
        lambda xp, g, _x, w, **windows: xp.convolution_input(g, w, sizes=_x.shape[2:], **windows),
        lambda xp, g, x, _w, **windows: xp.convolution_weight(x, g, kernel=_w.shape[2:], **windows),
    ),
    batch=_batch("convolution", "xw", "g"),
    public=("nn.functional.convolution",),
    doc="""out[n, o, t] = Σ w[o, c, k] · x[n, c, t·stride + k·dilation − padding] over c and k, along any axes.

    x is (N, C, …), w (O, C / groups, …); the channels are cut into ``groups`` that know nothing of each other. A
    parameter is a number or a tuple; ``padding`` may also have a pair for each axis, of zeros before and after.

    >>> cr.nn.functional.convolution(cr.tensor([[[1.0, 2.0, 4.0]]]), cr.tensor([[[1.0, -1.0]]]), padding=((0, 1),))
    tensor([[[-1., -2.,  4.]]])
    """,
)
bilinear(
    "convolution_input",
    value=_convolution_input,
    canonical=_canonical_input,
    spec=lambda g, w, *, sizes, groups, **windows: Spec((g.shape[0], w.shape[1] * groups, *sizes), promote([g, w])),
    transposes=(
        lambda xp, h, _g, w, *, sizes, **windows: xp.convolution(h, w, **windows),
        lambda xp, h, g, _w, *, sizes, **windows: xp.convolution_weight(h, g, kernel=_w.shape[2:], **windows),
    ),
    batch=_batch("convolution_input", "gw", "x"),
    public=(),
    doc="""The transpose of ``convolution`` in its input: from g, like its out, to an x with these ``sizes``.

    >>> from chainrule.ops import ops
    >>> g, w = cr.tensor([[[1.0, 10.0]]]), cr.tensor([[[1.0, 2.0]]])
    >>> ops.convolution_input(g, w, sizes=3)
    tensor([[[ 1., 12., 20.]]])
    """,
)
bilinear(
    "convolution_weight",
    value=_convolution_weight,
    canonical=_canonical_weight,
    spec=lambda x, g, *, kernel, groups, **windows: Spec((g.shape[1], x.shape[1] // groups, *kernel), promote([x, g])),
    transposes=(
        lambda xp, v, _x, g, *, kernel, **windows: xp.convolution_input(g, v, sizes=_x.shape[2:], **windows),
        lambda xp, v, x, _g, *, kernel, **windows: xp.convolution(x, v, **windows),
    ),
    batch=_batch("convolution_weight", "xg", "w"),
    public=(),
    doc="""The transpose of ``convolution`` in its weight: from x and g, like its out, to a w of this ``kernel``.

    >>> from chainrule.ops import ops
    >>> x, g = cr.tensor([[[1.0, 2.0, 4.0]]]), cr.tensor([[[1.0, 10.0]]])
    >>> ops.convolution_weight(x, g, kernel=2)
    tensor([[[21., 42.]]])
    """,
)

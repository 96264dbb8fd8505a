"""Windows that slide over the last axes of an array: their parameters in one spelling, their views and their sums.

A window covers ``kernel`` elements, ``dilation`` apart, and moves by ``stride``. ``padding`` has a pair for each axis,
of zeros before and after; a negative number cuts elements off. What slides has axes (…, *kernel, *counts).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.spec import Shape, Spec

Padding = tuple[tuple[int, int], ...]
AXES = {1: "L", 2: "H, W", 3: "D, H, W"}


def per_axis(name: str, what: str, value: Any, rank: int, least: int = 1) -> Shape:
    """A parameter that is a number for all axes, or one for each, as a tuple."""
    try:
        sizes = tuple(map(operator.index, value)) if isinstance(value, (tuple, list)) else (operator.index(value),)
        sizes = sizes * rank if len(sizes) == 1 else sizes
    except TypeError:
        sizes = ()
    if len(sizes) != rank or min(sizes) < least:
        several = f", or a tuple of {rank} of them; write e.g. {what}={(least + 1,) * rank}" if rank > 1 else ""
        raise ShapeError(
            f"[{name}] {what} is {value!r}; expected an integer of at least {least}"
            f"{several or f'; write e.g. {what}={least + 1}'}."
        )
    return sizes


def samples(name: str, x: Spec, rank: int) -> bool:
    """Whether an operand has a sample axis before its channels; refuses other numbers of axes."""
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"[{name}] input has shape {x.shape}; expected {rank + 2} axes (N, C, {AXES[rank]}), or {rank + 1} axes "
            f"(C, {AXES[rank]}) for one sample; reshape it."
        )
    return x.ndim == rank + 2


def spans(kernel: Shape, dilation: Shape) -> Shape:
    """From the first to the last element of a window, both counted."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def counts(sizes: Shape, *, kernel: Shape, stride: Shape, padding: Padding, dilation: Shape) -> Shape:
    """How many windows there are along each axis."""
    return tuple(
        (size + sum(pad) - span) // step + 1
        for size, pad, span, step in zip(sizes, padding, spans(kernel, dilation), stride, strict=True)
    )


def fitting(name: str, sizes: Shape, *, kernel: Shape, padding: Padding, dilation: Shape) -> None:
    """Refuse windows that are larger than what they slide over."""
    for axis, (size, pad, span) in enumerate(zip(sizes, padding, spans(kernel, dilation), strict=True)):
        if span > size + sum(pad):
            raise ShapeError(
                f"[{name}] the kernel spans {span} elements along axis {axis - len(sizes)}, dilation included, and "
                f"the input has {size + sum(pad)} there, padding included; expected a span of at most that; "
                f"use a smaller kernel or dilation, or more padding."
            )


def framed(x: Any, padding: Padding, fill: Any = 0) -> Any:
    """x with ``padding`` around its last axes, or cut off where that is negative."""
    if not any(map(any, padding)):
        return x
    lead, sizes = x.shape[: -len(padding)], x.shape[-len(padding) :]
    whole, inner, source = [], [], []
    for size, (before, after) in zip(sizes, padding, strict=True):
        whole.append(size + before + after)
        source.append(slice(max(0, -before), size - max(0, -after)))
        inner.append(slice(max(0, before), whole[-1] - max(0, after)))
    if min(map(min, padding)) >= 0:
        source = []
    out = np.zeros((*lead, *whole), x.dtype) if fill == 0 else np.full((*lead, *whole), fill, x.dtype)
    out[(..., *inner)] = x[(..., *source)]
    return out


def view(x: Any, *, kernel: Shape, stride: Shape, padding: Padding, dilation: Shape) -> Any:
    """The windows of x, (…, *kernel, *counts), without copying more than the padding makes."""
    number = counts(x.shape[-len(kernel) :], kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    x = framed(x, padding)
    lead, steps = x.shape[: -len(kernel)], x.strides[-len(kernel) :]
    return np.lib.stride_tricks.as_strided(
        x,
        (*lead, *kernel, *number),
        (*x.strides[: len(lead)], *map(operator.mul, steps, dilation), *map(operator.mul, steps, stride)),
        writeable=False,
    )


def places(number: Shape, *, kernel: Shape, stride: Shape, dilation: Shape) -> Iterator[tuple[Shape, tuple[Any, ...]]]:
    """For each element of the kernel, its index and where it lies in the framed array as the windows slide."""
    for at in product(*map(range, kernel)):
        starts = [k * d for k, d in zip(at, dilation, strict=True)]
        yield (
            at,
            tuple(
                slice(start, start + (count - 1) * step + 1, step)
                for start, count, step in zip(starts, number, stride, strict=True)
            ),
        )


def fold(combine: Callable[..., Any], x: Any, number: Shape, **windows: Any) -> Any:
    """All elements of each window of a framed array combined into one: a pass an element, many times faster than a
    reduction over the short axes of a view (measured: 0.9 against 16 ms for windows of 2×2)."""
    out = None
    for _, place in places(number, **windows):
        part = x[(..., *place)]
        out = part.copy() if out is None else combine(out, part, out=out)
    return out


def overlap_add(parts: Any, sizes: Shape, *, kernel: Shape, stride: Shape, padding: Padding, dilation: Shape) -> Any:
    """The transpose of ``view``: each element of the windows (…, *kernel, *counts) added where it was taken from."""
    lead = parts.shape[: parts.ndim - 2 * len(kernel)]
    out = np.zeros((*lead, *(size + sum(pad) for size, pad in zip(sizes, padding, strict=True))), parts.dtype)
    add_windows(out, parts, lead=len(lead), kernel=kernel, stride=stride, dilation=dilation)
    return framed(out, tuple((-before, -after) for before, after in padding))


def add_windows(out: Any, parts: Any, *, lead: int, kernel: Shape, stride: Shape, dilation: Shape) -> None:
    """Add windows to zeros, in place; ``lead`` axes stand before the kernel's."""
    number = parts.shape[lead + len(kernel) : lead + 2 * len(kernel)]
    apart = all(map(operator.ge, stride, spans(kernel, dilation)))
    before = (slice(None),) * lead
    for at, place in places(number, kernel=kernel, stride=stride, dilation=dilation):
        if apart:
            out[(*before, *place)] = parts[(*before, *at)]
        else:
            out[(*before, *place)] += parts[(*before, *at)]


# ------------------------------------------------------------------------------- what convolutions share


def pairs(name: str, padding: Any, rank: int) -> Padding:
    """Padding as pairs, which an op may also be given as such, and negative."""
    if isinstance(padding, tuple) and all(isinstance(pad, tuple) and len(pad) == 2 for pad in padding):
        return padding
    return tuple((pad, pad) for pad in per_axis(name, "padding", padding, rank, least=0))


def convolution_params(name: str, rank: int, stride: Any, padding: Any, dilation: Any, groups: Any) -> dict[str, Any]:
    try:
        number = operator.index(groups)
    except TypeError:
        number = 0
    if number < 1:
        raise ShapeError(
            f"[{name}] groups is {groups!r}; expected an integer of at least 1; leave it out for one group."
        )
    return {
        "stride": per_axis(name, "stride", stride, rank),
        "padding": pairs(name, padding, rank),
        "dilation": per_axis(name, "dilation", dilation, rank),
        "groups": number,
    }


def divisible(name: str, what: str, channels: int, groups: int) -> None:
    if channels % groups:
        raise ShapeError(
            f"[{name}] {channels} {what} channels do not divide into groups={groups}; expected a multiple of it; "
            f"change groups, or the number of channels."
        )


def fitting_channels(
    name: str, x: Spec, w: Spec, *, padding: Padding, dilation: Shape, groups: int, **_stride: Any
) -> None:
    """Refuse an input (N, C, …) and a weight (O, C / groups, …) that do not fit each other."""
    divisible(name, "input", x.shape[1], groups)
    divisible(name, "output", w.shape[0], groups)
    if x.shape[1] != w.shape[1] * groups:
        times = f" × groups={groups}, which is {w.shape[1] * groups}" if groups > 1 else ""
        raise ShapeError(
            f"[{name}] input has {x.shape[1]} channels, and weight of shape {w.shape} takes {w.shape[1]}{times}; "
            f"expected equal numbers; a weight is (out channels, in channels / groups, kernel …)."
        )
    if min(w.shape[2:]) < 1:
        raise ShapeError(
            f"[{name}] weight has shape {w.shape}, and its kernel is empty; expected a kernel of at least one element "
            f"along each axis; check the weight."
        )
    fitting(name, x.shape[2:], kernel=w.shape[2:], padding=padding, dilation=dilation)

"""Convolution, with loops over the elements of the kernel as reference."""

from itertools import product
from typing import Any

import numpy as np

from samples.drawing import Row, call, draw, row


def several(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def pairs(padding: Any, rank: int) -> list[tuple[int, int]]:
    return [pad if isinstance(pad, tuple) else (pad, pad) for pad in several(padding, rank)]


def framed(x: Any, padding: Any, fill: Any = 0) -> Any:
    """Zeros around the last axes, or, where the number is negative, fewer elements."""
    lead = x.ndim - len(padding)
    x = np.pad(x, [(0, 0)] * lead + [(max(0, b), max(0, a)) for b, a in padding], constant_values=fill)
    return x[
        (Ellipsis, *(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(x.shape[lead:], padding, strict=True)))
    ]


def slide(sizes: Any, kernel: Any, stride: Any, dilation: Any) -> Any:
    """(element of the kernel, its places) for windows that slide over sizes."""
    for at in product(*map(range, kernel)):
        yield (
            at,
            tuple(
                slice(k * d, k * d + ((size - (n - 1) * d - 1) // s) * s + 1, s)
                for k, n, size, s, d in zip(at, kernel, sizes, stride, dilation, strict=True)
            ),
        )


def convolution(x: Any, w: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    rank = w.ndim - 2
    stride, dilation = several(stride, rank), several(dilation, rank)
    x = framed(x, pairs(padding, rank))
    sizes = x.shape[2:]
    counts = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(sizes, w.shape[2:], stride, dilation, strict=True)]
    out = np.zeros((x.shape[0], w.shape[0], *counts), np.result_type(x, w))
    for group in range(groups):
        own = slice(group * w.shape[0] // groups, (group + 1) * w.shape[0] // groups)
        channels = slice(group * w.shape[1], (group + 1) * w.shape[1])
        for at, places in slide(sizes, w.shape[2:], stride, dilation):
            out[:, own] += np.einsum("oc,nc...->no...", w[(own, slice(None), *at)], x[(slice(None), channels, *places)])
    return out


def convolution_input(
    g: Any, w: Any, sizes: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    rank = w.ndim - 2
    stride, dilation, padding = several(stride, rank), several(dilation, rank), pairs(padding, rank)
    whole = [size + b + a for size, (b, a) in zip(several(sizes, rank), padding, strict=True)]
    out = np.zeros((g.shape[0], w.shape[1] * groups, *whole), np.result_type(g, w))
    for group in range(groups):
        own = slice(group * w.shape[0] // groups, (group + 1) * w.shape[0] // groups)
        channels = slice(group * w.shape[1], (group + 1) * w.shape[1])
        for at, places in slide(whole, w.shape[2:], stride, dilation):
            part = np.einsum("oc,no...->nc...", w[(own, slice(None), *at)], g[:, own])
            out[(slice(None), channels, *places)] += part
    return framed(out, [(-b, -a) for b, a in padding])


def convolution_weight(
    x: Any, g: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    rank = x.ndim - 2
    stride, dilation, kernel = several(stride, rank), several(dilation, rank), several(kernel, rank)
    x = framed(x, pairs(padding, rank))
    inner, outer = x.shape[1] // groups, g.shape[1] // groups
    out = np.zeros((g.shape[1], inner, *kernel), np.result_type(x, g))
    for group in range(groups):
        own, channels = (slice(group * n, (group + 1) * n) for n in (outer, inner))
        for at, places in slide(x.shape[2:], kernel, stride, dilation):
            part = x[(slice(None), channels, *places)]
            out[(own, slice(None), *at)] += np.einsum(
                "nct,not->oc", *(z.reshape(*z.shape[:2], int(np.prod(z.shape[2:]))) for z in (part, g[:, own]))
            )
    return out


def biased(out: Any, bias: Any, one: bool, rank: int) -> Any:
    out = out[0] if one else out
    return out if bias is None else out + bias.reshape(-1, *(1,) * rank)


def conv(rank: int) -> Any:
    def reference(
        x: Any, w: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        if padding == "same":
            both = [d * (k - 1) for k, d in zip(w.shape[2:], several(dilation, rank), strict=True)]
            padding = tuple((n // 2, n - n // 2) for n in both)
        one = x.ndim == rank + 1
        padding = 0 if padding == "valid" else padding
        return biased(convolution(x[None] if one else x, w, stride, padding, dilation, groups), bias, one, rank)

    return reference


def conv_transpose(rank: int) -> Any:
    def reference(
        x: Any,
        w: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        one = x.ndim == rank + 1
        x = x[None] if one else x
        stride, padding, dilation, extra = (several(v, rank) for v in (stride, padding, dilation, output_padding))
        # Zeros between the elements of x, as PyTorch's documentation draws it, and a kernel that is turned around.
        sizes = [(n - 1) * s + 1 for n, s in zip(x.shape[2:], stride, strict=True)]
        spread = np.zeros((*x.shape[:2], *sizes), x.dtype)
        spread[(slice(None), slice(None), *(slice(None, None, s) for s in stride))] = x
        around = tuple(
            (d * (k - 1) - p, d * (k - 1) - p + e)
            for d, k, p, e in zip(dilation, w.shape[2:], padding, extra, strict=True)
        )
        turned = np.flip(w, tuple(range(2, rank + 2)))
        turned = turned.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2).reshape(-1, w.shape[0] // groups, *w.shape[2:])
        return biased(convolution(spread, turned, 1, around, dilation, groups), bias, one, rank)

    return reference


ROWS: dict[str, Row] = {
    "convolution": row(
        convolution,
        call(draw((2, 3, 6)), draw((2, 3, 2))),
        call(
            draw((2, 4, 5, 4)), draw((2, 2, 3, 2)), stride=(2, 1), padding=((1, 0), (0, -1)), dilation=(1, 2), groups=2
        ),
        call(draw((0, 2, 4)), draw((3, 2, 3)), padding=1),
        call(draw((2, 0, 4)), draw((3, 0, 3))),
    ),
    "convolution_input": row(
        convolution_input,
        call(draw((2, 2, 5)), draw((2, 3, 2)), sizes=6),
        call(draw((1, 2, 2, 3)), draw((2, 2, 3, 2)), sizes=(4, 3), stride=(2, 1), padding=((1, 1), (0, 1)), groups=2),
        call(draw((2, 2, 3)), draw((2, 1, 2)), sizes=(8,), stride=2, padding=((1, -2),)),
    ),
    "convolution_weight": row(
        convolution_weight,
        call(draw((2, 3, 6)), draw((2, 2, 5)), kernel=2),
        call(
            draw((2, 4, 5, 4)),
            draw((2, 2, 3, 2)),
            kernel=(3, 2),
            stride=(2, 1),
            padding=((1, 1), (0, 0)),
            dilation=(1, 2),
            groups=2,
        ),
        call(draw((0, 2, 4)), draw((0, 1, 3)), kernel=2),
    ),
    "conv1d": row(
        conv(1),
        call(draw((2, 3, 6)), draw((2, 3, 3)), draw((2,)), stride=2, padding=1),
        call(draw((2, 7)), draw((4, 1, 2)), None, padding="same", dilation=3, groups=2),
    ),
    "conv2d": row(
        conv(2),
        call(draw((1, 2, 4, 5)), draw((2, 2, 3, 2)), draw((2,)), padding=(1, 0), stride=(1, 2)),
        call(draw((2, 3, 4)), draw((2, 1, 2, 2)), padding="valid", groups=2, dilation=(2, 1)),
    ),
    "conv3d": row(
        conv(3),
        call(draw((1, 2, 3, 2, 3)), draw((2, 2, 2, 2, 2)), draw((2,)), padding=(0, 0, 1)),
        call(draw((1, 2, 3, 2)), draw((1, 1, 2, 1, 2)), padding="same"),
    ),
    "conv_transpose1d": row(
        conv_transpose(1),
        call(draw((2, 3, 4)), draw((3, 2, 3)), draw((2,)), stride=2, padding=1, output_padding=1),
        call(draw((2, 3)), draw((2, 1, 2)), groups=2, dilation=2, output_padding=1),
    ),
    "conv_transpose2d": row(
        conv_transpose(2),
        call(draw((1, 2, 3, 2)), draw((2, 2, 2, 3)), draw((2,)), stride=(2, 1), padding=(0, 1)),
        call(draw((4, 2, 2)), draw((4, 1, 2, 2)), groups=2, stride=3, output_padding=(2, 0)),
    ),
    "conv_transpose3d": row(
        conv_transpose(3),
        call(draw((1, 2, 2, 1, 2)), draw((2, 1, 2, 2, 2)), draw((1,)), stride=(1, 2, 1), padding=(1, 0, 0)),
    ),
}

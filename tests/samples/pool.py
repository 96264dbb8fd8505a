"""Windows, pools and patches, with a loop over windows as reference."""

import math
from typing import Any

import numpy as np

from samples.conv import framed, pairs, several, slide
from samples.drawing import Row, call, draw, row


def windows(x: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, fill: Any = 0) -> Any:
    rank = len(kernel) if isinstance(kernel, tuple) else 1
    kernel, stride, dilation = (several(value, rank) for value in (kernel, stride, dilation))
    x = framed(x, pairs(padding, rank), fill)
    places = list(slide(x.shape[x.ndim - rank :], kernel, stride, dilation))
    stacked = np.stack([x[(Ellipsis, *place)] for _, place in places], axis=-rank - 1)
    return stacked.reshape(*x.shape[: x.ndim - rank], *kernel, *stacked.shape[x.ndim - rank + 1 :])


def overlap_add(g: Any, sizes: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    rank = len(kernel) if isinstance(kernel, tuple) else 1
    sizes, kernel, stride, dilation = (several(value, rank) for value in (sizes, kernel, stride, dilation))
    padding = pairs(padding, rank)
    whole = [size + b + a for size, (b, a) in zip(sizes, padding, strict=True)]
    out = np.zeros((*g.shape[: g.ndim - 2 * rank], *whole), g.dtype)
    for at, place in slide(whole, kernel, stride, dilation):
        out[(Ellipsis, *place)] += g[(Ellipsis, *at, *(slice(None),) * rank)]
    return framed(out, [(-b, -a) for b, a in padding])


def folded(reduce: Any, lowest: Any = lambda x: 0) -> Any:
    def reference(x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
        rank = len(kernel) if isinstance(kernel, tuple) else 1
        among = windows(x, kernel, kernel if stride is None else stride, padding, dilation, lowest(x))
        place = x.ndim - rank
        return reduce(among, axis=tuple(range(place, place + rank)))

    return reference


def lowest(x: Any) -> Any:
    if x.dtype.kind == "c":
        raise TypeError("complex numbers have no order")
    return {"f": -np.inf, "b": False}.get(x.dtype.kind) if x.dtype.kind in "fb" else np.iinfo(x.dtype).min


def loop(x: Any, rank: int, starts: Any, kernel: Any, reduce: Any) -> Any:
    """reduce(window, first and last place of it) for windows that begin at starts along each axis."""
    counts = [len(s) for s in starts]
    cells = []
    for at in np.ndindex(*counts):
        ends = [(starts[i][at[i]], starts[i][at[i]] + kernel[i]) for i in range(rank)]
        inside = tuple(slice(max(0, a), b) for a, b in ends)
        cells.append(reduce(x[(Ellipsis, *inside)], ends))
    return np.stack(cells, axis=-1).reshape(*x.shape[:-rank], *counts)


def starts_of(size: int, kernel: int, stride: int, padding: int, ceil_mode: bool) -> list[int]:
    last = size + padding - kernel
    starts = list(range(-padding, last + 1, stride))
    following = -padding + len(starts) * stride
    if ceil_mode and following < size and starts[-1] < last:
        starts.append(following)
    return starts


def pooled(rank: int, reduce: Any) -> Any:
    def reference(
        x: Any, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, **options: Any
    ) -> Any:
        kernel = several(kernel, rank)
        stride = kernel if stride is None else several(stride, rank)
        padding, sizes = several(padding, rank), x.shape[-rank:]
        starts = [starts_of(*each, ceil_mode) for each in zip(sizes, kernel, stride, padding, strict=True)]
        limits = [size + pad for size, pad in zip(sizes, padding, strict=True)]
        return loop(x, rank, starts, kernel, lambda part, ends: reduce(part, ends, limits, rank, **options))

    return reference


def last(rank: int) -> tuple[int, ...]:
    return tuple(range(-rank, 0))


def max_of(part: Any, ends: Any, limits: Any, rank: int) -> Any:
    lowest(part)
    return np.max(part, axis=last(rank))


def mean_of(
    part: Any, ends: Any, limits: Any, rank: int, count_include_pad: bool = True, divisor_override: Any = None
) -> Any:
    number = math.prod(min(end, limit) - start for (start, end), limit in zip(ends, limits, strict=True))
    number = number if count_include_pad else math.prod(part.shape[-rank:])
    out = np.sum(part, axis=last(rank)) / (divisor_override or number)
    return out.astype(part.dtype) if part.dtype.kind in "fc" else out


def norm_of(rank: int) -> Any:
    def reference(x: Any, p: float, kernel: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        def norm(part: Any, ends: Any, limits: Any, rank: int) -> Any:
            if p == 1:
                return np.sum(part, axis=last(rank))
            part = part if part.dtype.kind in "fc" else part.astype(float)
            return np.linalg.vector_norm(part, axis=last(rank), ord=p)

        return pooled(rank, norm)(x, kernel, stride, 0, ceil_mode)

    return reference


def adaptive(rank: int, reduce: Any) -> Any:
    def reference(x: Any, output_size: Any) -> Any:
        given = output_size if isinstance(output_size, tuple) else (output_size,) * rank
        wanted = [size if count is None else count for size, count in zip(x.shape[-rank:], given, strict=True)]
        cells = []
        for at in np.ndindex(*wanted):
            bounds = list(zip(at, x.shape[-rank:], wanted, strict=True))
            cell = tuple(slice(math.floor(i * n / m), math.ceil((i + 1) * n / m)) for i, n, m in bounds)
            cells.append(reduce(x[(Ellipsis, *cell)], None, None, rank))
        return np.stack(cells, axis=-1).reshape(*x.shape[:-rank], *wanted)

    return reference


def mean(part: Any, _ends: Any, _limits: Any, rank: int) -> Any:
    return np.mean(part, axis=last(rank))


SHAPES = {1: (2, 7), 2: (1, 2, 4, 5), 3: (1, 2, 3, 4)}


def pools() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for rank, shape in SHAPES.items():
        three, uneven = 3 if rank == 1 else (3, *(2,) * (rank - 1)), (*(2,) * (rank - 1), 3)
        rows[f"max_pool{rank}d"] = row(
            pooled(rank, max_of),
            call(draw(shape), 2),
            call(draw(shape), three, 2, 1, ceil_mode=True),
            call(draw((0, *shape[-rank:])), uneven, 1),
        )
        rows[f"avg_pool{rank}d"] = row(
            pooled(rank, mean_of),
            call(draw(shape), 2),
            call(draw(shape), three, 2, 1, ceil_mode=True),
            call(draw(shape), three, 2, 1, ceil_mode=True, count_include_pad=False),
            call(draw((0, *shape[-rank:])), uneven, 1, divisor_override=5),
        )
        rows[f"lp_pool{rank}d"] = row(
            norm_of(rank),
            call(draw(shape, 0.5), 1, 2),
            call(draw(shape), 2, uneven, 1, ceil_mode=True),
            call(draw(shape, 0.5), 4.0, 2),
        )
        for kind, reduce in (("max", lambda part, *rest: max_of(part, *rest)), ("avg", mean)):
            rows[f"adaptive_{kind}_pool{rank}d"] = row(
                adaptive(rank, reduce),
                call(draw(shape), 1),
                call(draw(shape), (*(None,) * (rank - 1), 3)),
                call(draw((0, *shape[-rank:])), 2),
            )
    return rows


def unfold(x: Any, kernel: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    kernel = several(kernel, 2)
    parts = windows(x, kernel, stride, padding, dilation)
    lead = x.shape[:-3]
    return parts.reshape(*lead, x.shape[-3] * math.prod(kernel), math.prod(parts.shape[-2:]))


def fold(x: Any, output_size: Any, kernel: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    kernel, sizes = several(kernel, 2), several(output_size, 2)
    numbers = windows(np.zeros(sizes), kernel, stride, padding, dilation).shape[2:]
    parts = x.reshape(*x.shape[:-2], x.shape[-2] // math.prod(kernel), *kernel, *numbers)
    return overlap_add(parts, sizes, kernel, stride, padding, dilation)


def pixel_shuffle(x: Any, r: int) -> Any:
    *lead, channels, height, width = x.shape
    out = np.zeros((*lead, channels // r**2, height * r, width * r), x.dtype)
    for c, i, j in np.ndindex(channels // r**2, r, r):
        out[..., c, i::r, j::r] = x[..., c * r**2 + i * r + j, :, :]
    return out


def pixel_unshuffle(x: Any, r: int) -> Any:
    planes = [x[..., c, i::r, j::r] for c in range(x.shape[-3]) for i in range(r) for j in range(r)]
    return np.stack(planes, axis=-3)


def pad(x: Any, pad: Any, mode: str = "constant", value: Any = 0) -> Any:
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    x = x[tuple(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(x.shape, widths, strict=True))]
    widths = [(max(0, b), max(0, a)) for b, a in widths]
    numpys = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    return np.pad(x, widths, numpys, **({"constant_values": value} if mode == "constant" else {}))


ROWS: dict[str, Row] = {
    "windows": row(
        windows,
        call(draw((2, 5)), 2),
        call(draw((4, 5)), (3, 2), stride=(1, 2), padding=((1, 0), (0, -1)), dilation=(1, 2)),
        call(draw((0, 3)), 2, padding=1),
    ),
    "overlap_add": row(
        overlap_add,
        call(draw((2, 2, 4)), sizes=5, kernel=2),
        call(
            draw((3, 2, 3, 1)), sizes=(4, 5), kernel=(3, 2), stride=(1, 2), padding=((1, 0), (0, -1)), dilation=(1, 2)
        ),
        call(draw((2, 3)), sizes=9, kernel=2, stride=3),
    ),
    "window_sum": row(
        folded(np.sum),
        call(draw((2, 5)), 2),
        call(draw((4, 5)), (3, 2), stride=(1, 2), padding=((1, 0), (0, -1)), dilation=(1, 2)),
        call(draw((0, 4)), 2),
    ),
    "window_max": row(
        folded(np.max, lowest),
        call(draw((2, 5)), 2),
        call(draw((4, 5)), (3, 2), stride=(1, 2), padding=((1, 0), (0, 1)), dilation=(1, 2)),
        call(draw((0, 4)), 2),
    ),
    "window_argmax": row(
        lambda x, kernel: (
            np.argmax(windows(x, kernel, kernel, 0, 1, lowest(x)), axis=-2) + kernel * np.arange(x.shape[-1] // kernel)
        ),
        call(draw((2, 5)), 2),
        call(draw((6,)), 3),
    ),
    "window_ties": row(
        lambda x, out, kernel: windows(x, kernel, kernel, 0, 1, lowest(x)) == out[..., None, :],
        call(draw((2, 4)), draw((2, 2)), 2),
        call(np.array([3.5, 3.5, 1.5, 2.5]), np.array([3.5, 2.5]), 2),
    ),
    **pools(),
    "unfold": row(
        unfold,
        call(draw((2, 2, 3, 4)), 2),
        call(draw((2, 4, 4)), (3, 2), dilation=(1, 2), padding=(1, 0), stride=2),
    ),
    "fold": row(
        fold,
        call(draw((2, 8, 6)), (3, 4), 2),
        call(draw((12, 2)), (4, 4), (3, 2), dilation=(1, 2), padding=(1, 0), stride=2),
    ),
    "pixel_shuffle": row(pixel_shuffle, call(draw((2, 8, 2, 3)), 2), call(draw((9, 1, 2)), 3)),
    "pixel_unshuffle": row(pixel_unshuffle, call(draw((2, 2, 4, 2)), 2), call(draw((1, 3, 6)), 3)),
    "nn_pad": row(
        pad,
        call(draw((2, 3)), (1, 2)),
        call(draw((2, 3, 4)), (1, -2, -1, 1), value=1.5),
        call(draw((2, 3)), (2, 1), mode="reflect"),
        call(draw((2, 3)), (1, 1, 0, 1), mode="replicate"),
        call(draw((3,)), (-1, 1), "circular"),
    ),
}

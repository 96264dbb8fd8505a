"""Pooling, as PyTorch has it: the largest, the mean, the norm of each window, by the ops on windows."""

from __future__ import annotations

import math
import numbers
from itertools import product
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DomainError, ShapeError
from chainrule.op import composite
from chainrule.reduction import refuse_complex
from chainrule.spec import Shape, Spec
from chainrule.window import AXES, Padding, fitting, per_axis, samples, spans


def _pool_windows(
    name: str, x: Spec, rank: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> dict[str, Any]:
    """The windows of a pool; with ``ceil_mode`` the last may reach over the end, by more padding there."""
    samples(name, x, rank)
    kernel = per_axis(name, "kernel_size", kernel_size, rank)
    stride = kernel if stride is None else per_axis(name, "stride", stride, rank)
    dilation = per_axis(name, "dilation", dilation, rank)
    pads = per_axis(name, "padding", padding, rank, least=0)
    for pad, span in zip(pads, spans(kernel, dilation), strict=True):
        if pad > span // 2:
            raise ShapeError(
                f"[{name}] padding is {pad} for a window that spans {span} elements; expected at most half of it, so "
                f"that no window is of padding only; lower it, or pad the input first."
            )
    sizes = x.shape[-rank:]
    windows = {"kernel": kernel, "stride": stride, "padding": tuple((p, p) for p in pads), "dilation": dilation}
    if ceil_mode:
        windows["padding"] = tuple(
            (pad, _reaching(size, pad, step, span))
            for size, pad, step, span in zip(sizes, pads, stride, spans(kernel, dilation), strict=True)
        )
    fitting(name, sizes, kernel=kernel, padding=windows["padding"], dilation=dilation)
    return windows


def _reaching(size: int, pad: int, step: int, span: int) -> int:
    """The padding behind, so that a last window is there that the rest would not fill, if it begins in the input."""
    steps = -(-(size + 2 * pad - span) // step)
    if steps * step >= size + pad:
        steps -= 1
    return max(pad, steps * step + span - size - pad)


def _max_pool(rank: int) -> Any:
    name = f"max_pool{rank}d"

    def body(
        xp: Any,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        x = operand_spec(name, input)
        refuse_complex(name, x)
        windows = _pool_windows(name, x, rank, kernel_size, stride, padding, dilation, ceil_mode)
        out = xp.window_max(input, **windows)
        return (out, xp.window_argmax(input, **windows)) if return_indices else out

    return body


def _avg_pool(rank: int) -> Any:
    name = f"avg_pool{rank}d"

    def body(
        xp: Any,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Any:
        x = operand_spec(name, input)
        windows = _pool_windows(name, x, rank, kernel_size, stride, padding, 1, ceil_mode)
        if divisor_override == 0:
            raise DomainError(
                f"[{name}] divisor_override is 0; expected what the sum of a window is divided by; leave it out for "
                f"the number of elements."
            )
        pads = per_axis(name, "padding", padding, rank, least=0) if count_include_pad else (0,) * rank
        share = 1 / divisor_override if divisor_override is not None else _portions(x, pads, **windows)
        return xp.multiply(xp.window_sum(input, **windows), share)

    return body


def _portions(x: Spec, pads: Shape, *, padding: Padding, **windows: Any) -> Any:
    """1 / how many elements each window has, those of ``pads`` on both sides counted."""
    number = np.ones((), np.float64)
    for size, pad, (before, after), k, step in zip(
        x.shape[-len(pads) :], pads, padding, windows["kernel"], windows["stride"], strict=True
    ):
        starts = np.arange((size + before + after - k) // step + 1) * step - before
        number = number[..., None] * (np.minimum(starts + k, size + pad) - np.maximum(starts, -pad))
    if number.size and (number == number.flat[0]).all():
        return 1 / number.item(0)
    return (1 / number).astype(x.dtype if x.dtype.kind in "fc" else np.float64)


def _lp_pool(rank: int) -> Any:
    name = f"lp_pool{rank}d"

    def body(
        xp: Any, input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Any:
        x = operand_spec(name, input)
        if not isinstance(norm_type, numbers.Real) or not norm_type > 0:
            raise DomainError(
                f"[{name}] norm_type is {norm_type!r}; expected a number above 0, the power p of (Σ xᵖ)^(1/p); "
                f"write e.g. norm_type=2."
            )
        windows = _pool_windows(name, x, rank, kernel_size, stride, 0, 1, ceil_mode)
        if norm_type % 2 == 0 or norm_type == math.inf:
            place = x.ndim - rank
            return xp.vector_norm(xp.windows(input, **windows), ord=norm_type, axis=tuple(range(place, place + rank)))
        if norm_type == 1:
            return xp.window_sum(input, **windows)
        return xp.power(xp.window_sum(xp.power(input, norm_type), **windows), 1 / norm_type)

    return body


# ------------------------------------------------------------------------------------------------- adaptive


def _adapted(name: str, x: Spec, rank: int, output_size: Any) -> Shape:
    samples(name, x, rank)
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    sizes = x.shape[-rank:]
    if len(given) == rank:
        given = tuple(size if wanted is None else wanted for size, wanted in zip(sizes, given, strict=True))
    wanted = per_axis(name, "output_size", given, rank)
    if min(sizes) < 1:
        raise ShapeError(
            f"[{name}] input has shape {x.shape}, which has no elements to pool; expected at least one along each of "
            f"the last {rank} axes; check the shape."
        )
    return wanted


def _cells(size: int, count: int) -> list[slice]:
    """The windows of adaptive pooling along an axis: they cover it, and overlap where count does not divide size."""
    return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _tiles(x: Spec, wanted: Shape) -> dict[str, Any] | None:
    """The windows where they all have one size, and lie side by side."""
    sizes = x.shape[-len(wanted) :]
    if any(size % count for size, count in zip(sizes, wanted, strict=True)):
        return None
    kernel = tuple(size // count for size, count in zip(sizes, wanted, strict=True))
    return {"kernel": kernel, "stride": kernel, "padding": ((0, 0),) * len(kernel), "dilation": (1,) * len(kernel)}


def _adaptive_avg_pool(rank: int) -> Any:
    name = f"adaptive_avg_pool{rank}d"

    def body(xp: Any, input: Any, output_size: Any) -> Any:
        x = operand_spec(name, input)
        wanted = _adapted(name, x, rank, output_size)
        tiles = _tiles(x, wanted)
        if tiles is not None:
            return xp.multiply(xp.window_sum(input, **tiles), 1 / math.prod(tiles["kernel"]))
        for axis, count in enumerate(wanted, start=x.ndim - rank):
            lead = (slice(None),) * axis
            means = [
                xp.mean(xp.gather(input, index=(*lead, cell)), axis=(axis,)) for cell in _cells(x.shape[axis], count)
            ]
            input = xp.stack(means, axis=axis)
        return input

    return body


def _adaptive_max_pool(rank: int) -> Any:
    name = f"adaptive_max_pool{rank}d"

    def body(xp: Any, input: Any, output_size: Any, return_indices: bool = False) -> Any:
        x = operand_spec(name, input)
        refuse_complex(name, x)
        wanted = _adapted(name, x, rank, output_size)
        tiles = _tiles(x, wanted)
        if tiles is not None:
            out = xp.window_max(input, **tiles)
            return (out, xp.window_argmax(input, **tiles)) if return_indices else out
        sizes, lead = x.shape[-rank:], x.shape[:-rank]
        cells = list(product(*map(_cells, sizes, wanted)))
        parts = [xp.gather(input, index=(Ellipsis, *cell)) for cell in cells]
        axes = tuple(range(x.ndim - rank, x.ndim))
        out = xp.reshape(xp.stack([xp.max(part, axis=axes) for part in parts], axis=-1), (*lead, *wanted))
        if not return_indices:
            return out
        where = np.arange(math.prod(sizes)).reshape(sizes)
        found = [
            xp.take(where[cell].ravel(), xp.argmax(xp.reshape(part, (*lead, where[cell].size)), axis=-1))
            for part, cell in zip(parts, cells, strict=True)
        ]
        return out, xp.reshape(xp.stack(found, axis=-1), (*lead, *wanted))

    return body


# ------------------------------------------------------------------------------------------- the registrations

_POOLS = {
    "max_pool": (_max_pool, "{kernel}", "5., 4."),
    "avg_pool": (_avg_pool, "{kernel}", "3., 4."),
    "lp_pool": (_lp_pool, "1, {kernel}", "6., 8."),
    "adaptive_avg_pool": (_adaptive_avg_pool, "1", "3.5"),
    "adaptive_max_pool": (_adaptive_max_pool, "1", "5."),
}
_DOCS = {
    "max_pool": """The largest element of each window over ({axes}); k equal ones share the gradient, 1/k each.

    ``input`` is (N, C, {axes}), or (C, {axes}) for one sample. ``stride`` is the window's size by default; padding is
    never the largest. With ``ceil_mode`` a last window may reach over the end, with ``return_indices`` the places of
    the largest elements in the flattened ({axes}) come too.""",
    "avg_pool": """The mean of each window over ({axes}).

    ``input`` is (N, C, {axes}), or (C, {axes}) for one sample. ``stride`` is the window's size by default. Padding
    counts as zeros unless ``count_include_pad`` is False; what ``ceil_mode`` reaches beyond it does not count;
    ``divisor_override`` is divided by instead of any count.""",
    "lp_pool": """(Σ xᵖ)^(1/p) of each window over ({axes}), p = ``norm_type``; of an even p, the norm of the window.

    ``input`` is (N, C, {axes}), or (C, {axes}) for one sample. ``stride`` is the window's size by default. Of an even
    p the derivative is 0 where the window is; of another, x has to be positive where it is no integer.""",
    "adaptive_avg_pool": """The mean of windows that cover ({axes}) and give ``output_size``; None keeps the size.

    Along an axis of L elements window i of n is from ⌊i·L/n⌋ to ⌈(i + 1)·L/n⌉. ``input`` is (N, C, {axes}), or
    (C, {axes}) for one sample.""",
    "adaptive_max_pool": """The largest of windows that cover ({axes}) and give ``output_size``; None keeps the size.

    Along an axis of L elements window i of n is from ⌊i·L/n⌋ to ⌈(i + 1)·L/n⌉; k equal elements share the gradient.
    ``input`` is (N, C, {axes}), or (C, {axes}) for one sample.""",
}


def _register(kind: str, rank: int) -> None:
    body, arguments, printed = _POOLS[kind]
    name, axes = f"{kind}{rank}d", AXES[rank]
    kernel = 2 if rank == 1 else (*(1,) * (rank - 1), 2)
    composite(
        name,
        body(rank),
        public=(f"nn.functional.{name}",),
        doc=f"""{_DOCS[kind].format(axes=axes)}

    >>> x = cr.tensor({"[" * (rank + 1)}1.0, 5.0, 4.0, 4.0{"]" * (rank + 1)})
    >>> cr.nn.functional.{name}(x, {arguments.format(kernel=kernel)})
    tensor({"[" * (rank + 1)}{printed}{"]" * (rank + 1)})
    """,
    )


for _kind, _rank in product(_POOLS, AXES):
    _register(_kind, _rank)

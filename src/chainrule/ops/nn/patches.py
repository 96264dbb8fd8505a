"""Images and their patches, as PyTorch has them: unfold and fold, pixel shuffles, padding."""

from __future__ import annotations

import math
import operator
from typing import Any

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite
from chainrule.spec import Spec
from chainrule.window import counts, fitting, per_axis, samples


def _patches(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    pads = per_axis(name, "padding", padding, 2, least=0)
    return {
        "kernel": per_axis(name, "kernel_size", kernel_size, 2),
        "stride": per_axis(name, "stride", stride, 2),
        "padding": tuple((pad, pad) for pad in pads),
        "dilation": per_axis(name, "dilation", dilation, 2),
    }


def _fit(name: str, sizes: Any, windows: dict[str, Any]) -> None:
    fitting(name, sizes, **{key: windows[key] for key in ("kernel", "padding", "dilation")})


def _unfold(xp: Any, input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    x = operand_spec("unfold", input)
    samples("unfold", x, 2)
    windows = _patches("unfold", kernel_size, dilation, padding, stride)
    _fit("unfold", x.shape[-2:], windows)
    *lead, channels = x.shape[:-2]
    number = counts(x.shape[-2:], **windows)
    return xp.reshape(xp.windows(input, **windows), (*lead, channels * math.prod(windows["kernel"]), math.prod(number)))


composite(
    "unfold",
    _unfold,
    public=("nn.functional.unfold",),
    doc="""The patches of images (N, C, H, W), or of one (C, H, W), as columns (N, C · kernel elements, patches).

    >>> cr.nn.functional.unfold(cr.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), 2)
    tensor([[1., 2.],
            [2., 3.],
            [4., 5.],
            [5., 6.]])
    """,
)


def _fold(
    xp: Any,
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    x = operand_spec("fold", input)
    windows = _patches("fold", kernel_size, dilation, padding, stride)
    sizes = per_axis("fold", "output_size", output_size, 2)
    _fit("fold", sizes, windows)
    elements, number = math.prod(windows["kernel"]), counts(sizes, **windows)
    if x.ndim not in (2, 3) or x.shape[-2] % elements or x.shape[-1] != math.prod(number):
        raise ShapeError(
            f"[fold] input has shape {x.shape}; expected (N, C · {elements}, {math.prod(number)}), or without N: "
            f"{elements} elements a patch, and {number} patches in sizes {sizes}; check the parameters."
        )
    lead = (*x.shape[:-2], x.shape[-2] // elements)
    return xp.overlap_add(xp.reshape(input, (*lead, *windows["kernel"], *number)), sizes=sizes, **windows)


composite(
    "fold",
    _fold,
    public=("nn.functional.fold",),
    doc="""The transpose of ``unfold``: columns (N, C · kernel elements, patches), or of one image, added up in images.

    >>> cr.nn.functional.fold(cr.ones((4, 2)), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """,
)

# --------------------------------------------------------------------------------------------- pixel shuffles


def _shuffled(name: str, factor: Any, what: str, x: Spec) -> int:
    (factor,) = per_axis(name, what, factor, 1)
    if x.ndim < 3:
        raise ShapeError(
            f"[{name}] input has shape {x.shape}; expected at least three axes, (…, C, H, W); reshape it first."
        )
    return factor


def _pixel_shuffle(xp: Any, input: Any, upscale_factor: Any) -> Any:
    x = operand_spec("pixel_shuffle", input)
    r = _shuffled("pixel_shuffle", upscale_factor, "upscale_factor", x)
    *lead, channels, height, width = x.shape
    if channels % (r * r):
        raise ShapeError(
            f"[pixel_shuffle] input has {channels} channels in shape {x.shape}, which do not divide by "
            f"upscale_factor² = {r * r}; expected a multiple of it; change the factor."
        )
    parts = xp.reshape(input, (*lead, channels // (r * r), r, r, height, width))
    n = len(lead)
    moved = xp.permute_dims(parts, (*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return xp.reshape(moved, (*lead, channels // (r * r), height * r, width * r))


composite(
    "pixel_shuffle",
    _pixel_shuffle,
    public=("nn.functional.pixel_shuffle",),
    doc="""(…, C·r², H, W) rearranged to (…, C, H·r, W·r), r = ``upscale_factor`` (Shi et al., 2016).

    >>> cr.nn.functional.pixel_shuffle(cr.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]])
    """,
)


def _pixel_unshuffle(xp: Any, input: Any, downscale_factor: Any) -> Any:
    x = operand_spec("pixel_unshuffle", input)
    r = _shuffled("pixel_unshuffle", downscale_factor, "downscale_factor", x)
    *lead, channels, height, width = x.shape
    if height % r or width % r:
        raise ShapeError(
            f"[pixel_unshuffle] input has sizes {(height, width)}, which do not divide by downscale_factor {r}; "
            f"expected multiples of it; change the factor, or pad the input."
        )
    parts = xp.reshape(input, (*lead, channels, height // r, r, width // r, r))
    n = len(lead)
    moved = xp.permute_dims(parts, (*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return xp.reshape(moved, (*lead, channels * r * r, height // r, width // r))


composite(
    "pixel_unshuffle",
    _pixel_unshuffle,
    public=("nn.functional.pixel_unshuffle",),
    doc="""(…, C, H·r, W·r) rearranged to (…, C·r², H, W), r = ``downscale_factor``: the inverse of ``pixel_shuffle``.

    >>> cr.nn.functional.pixel_unshuffle(cr.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2).shape
    (4, 1, 1)
    """,
)

# ---------------------------------------------------------------------------------------------------- padding

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _frame(xp: Any, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    x = operand_spec("pad", input)
    try:
        given = [operator.index(one) for one in pad]
    except TypeError:
        given = [0]
    if len(given) % 2 or len(given) > 2 * x.ndim:
        raise ShapeError(
            f"[pad] pad is {pad!r} for an operand with {x.ndim} axes; expected integers in pairs (before, after), the "
            f"last axis first; write e.g. pad=(1, 1) for the last axis alone."
        )
    if mode not in _MODES:
        raise DTypeError(f"[pad] mode is {mode!r}; expected one of {', '.join(map(repr, _MODES))}; give one of them.")
    pairs = [(0, 0)] * (x.ndim - len(given) // 2) + [(given[i], given[i + 1]) for i in range(len(given) - 2, -1, -2)]
    if any(size + min(before, 0) + min(after, 0) < 0 for size, (before, after) in zip(x.shape, pairs, strict=True)):
        raise ShapeError(
            f"[pad] pad is {pad!r}, and a negative number cuts off more than an operand of shape {x.shape} has; "
            f"expected at most all of an axis; lower it."
        )
    if min(given, default=0) < 0:
        cut = tuple(
            slice(max(0, -before), size - max(0, -after)) for size, (before, after) in zip(x.shape, pairs, strict=True)
        )
        input = xp.gather(input, index=cut)
    widths = [(max(0, before), max(0, after)) for before, after in pairs]
    if mode == "constant":
        return xp.pad(input, widths, constant_values=0 if value is None else value)
    return xp.pad(input, widths, mode=_MODES[mode])


composite(
    "nn_pad",
    _frame,
    public=("nn.functional.pad",),
    doc="""``input`` with more elements at the ends of its last axes: ``pad`` is (before, after, …), last axis first.

    ``mode`` says which: ``"constant"`` (``value``), ``"reflect"``, ``"replicate"`` or ``"circular"``. A negative number
    cuts elements off.

    >>> cr.nn.functional.pad(cr.tensor([[1.0, 2.0]]), (1, 2), value=9.0)
    tensor([[9., 1., 2., 9., 9.]])
    """,
)

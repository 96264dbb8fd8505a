"""Convolution and its transpose as PyTorch has them, over one, two and three axes, made of ``convolution``'s ops."""

from __future__ import annotations

from typing import Any

from chainrule.box import operand_spec
from chainrule.errors import ShapeError
from chainrule.op import composite
from chainrule.spec import Shape, Spec
from chainrule.window import AXES, Padding, convolution_params, divisible, fitting_channels, per_axis, samples, spans


def _padding(name: str, padding: Any, kernel: Shape, stride: Shape, dilation: Shape) -> Padding:
    if padding == "same":
        if max(stride) > 1:
            raise ShapeError(
                f"[{name}] padding='same' was asked for with stride {stride}, which makes the out smaller than the "
                f"input; expected stride 1; give the padding in numbers."
            )
        around = [span - 1 for span in spans(kernel, dilation)]
        return tuple((both // 2, both - both // 2) for both in around)
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if isinstance(padding, str):
        raise ShapeError(
            f"[{name}] padding is {padding!r}; expected 'same', 'valid', an integer of at least 0 or a tuple of "
            f"{len(kernel)} of them; write e.g. padding=1."
        )
    return tuple((pad, pad) for pad in per_axis(name, "padding", padding, len(kernel), least=0))


def _operands(xp: Any, name: str, rank: int, input: Any, weight: Any) -> tuple[Any, Spec, Spec, bool]:
    x, w = operand_spec(name, input), operand_spec(name, weight)
    several = samples(name, x, rank)
    if w.ndim != rank + 2:
        raise ShapeError(
            f"[{name}] weight has shape {w.shape}; expected {rank + 2} axes, channels on two and the kernel on "
            f"({AXES[rank]}); reshape it."
        )
    if not several:
        input, x = xp.expand_dims(input, axis=(0,)), Spec((1, *x.shape), x.dtype)
    return input, x, w, several


def _biased(xp: Any, name: str, out: Any, bias: Any, channels: int, rank: int, several: bool) -> Any:
    out = out if several else xp.squeeze(out, axis=(0,))
    if bias is None:
        return out
    shape = operand_spec(name, bias).shape
    if shape != (channels,):
        raise ShapeError(
            f"[{name}] bias has shape {shape}; expected {(channels,)}, a number for each of the output channels; "
            f"reshape it, or leave it out."
        )
    return xp.add(out, xp.reshape(bias, (channels, *(1,) * rank)))


def _conv(rank: int) -> Any:
    name = f"conv{rank}d"

    def body(
        xp: Any,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        input, x, w, several = _operands(xp, name, rank, input, weight)
        params = convolution_params(name, rank, stride, 0, dilation, groups)
        params["padding"] = _padding(name, padding, w.shape[2:], params["stride"], params["dilation"])
        fitting_channels(name, x, w, **params)
        return _biased(xp, name, xp.convolution(input, weight, **params), bias, w.shape[0], rank, several)

    return body


def _conv_transpose(rank: int) -> Any:
    name = f"conv_transpose{rank}d"

    def body(
        xp: Any,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        input, x, w, several = _operands(xp, name, rank, input, weight)
        params = convolution_params(
            name, rank, stride, per_axis(name, "padding", padding, rank, least=0), dilation, groups
        )
        extra = per_axis(name, "output_padding", output_padding, rank, least=0)
        params["padding"], sizes = _unstrided(name, x, w, extra, **params)
        out = xp.convolution_input(input, weight, sizes=sizes, **params)
        return _biased(xp, name, out, bias, w.shape[1] * params["groups"], rank, several)

    return body


def _unstrided(
    name: str, x: Spec, w: Spec, extra: Shape, *, stride: Shape, padding: Padding, dilation: Shape, groups: int
) -> tuple[Padding, Shape]:
    """The padding and the sizes of the out of a transposed convolution, whose channels are checked."""
    divisible(name, "input", x.shape[1], groups)
    if x.shape[1] != w.shape[0]:
        raise ShapeError(
            f"[{name}] input has {x.shape[1]} channels, and weight of shape {w.shape} takes {w.shape[0]}; expected "
            f"equal numbers; a weight of a transposed convolution is (in channels, out channels / groups, kernel …)."
        )
    for more, step, apart in zip(extra, stride, dilation, strict=True):
        if more >= max(step, apart):
            raise ShapeError(
                f"[{name}] output_padding is {extra} with stride {stride} and dilation {dilation}; expected each "
                f"smaller than its stride or its dilation; lower it."
            )
    pads = tuple((before, after - more) for (before, after), more in zip(padding, extra, strict=True))
    sizes = tuple(
        (count - 1) * step + span - sum(pad)
        for count, step, span, pad in zip(x.shape[2:], stride, spans(w.shape[2:], dilation), pads, strict=True)
    )
    if min(sizes) < 1:
        raise ShapeError(
            f"[{name}] the out would have sizes {sizes}, as padding {tuple(before for before, _ in padding)} is taken "
            f"off both ends; expected sizes of at least 1; lower the padding."
        )
    return pads, sizes


def _register(rank: int, plain: str, transposed: str) -> None:
    axes = AXES[rank]
    composite(
        f"conv{rank}d",
        _conv(rank),
        public=(f"nn.functional.conv{rank}d",),
        doc=f"""Σ weight[o, c, k] · input[n, c, t·stride + k·dilation − padding] over c and k, plus ``bias``[o].

    ``input`` is (N, C, {axes}), or (C, {axes}) for one sample; ``weight`` (O, C / groups, kernel …), ``bias`` (O,).
    ``padding`` is a number of zeros on both sides, ``"valid"`` (none) or ``"same"`` (as many as keep the size).

    {plain}
    """,
    )
    composite(
        f"conv_transpose{rank}d",
        _conv_transpose(rank),
        public=(f"nn.functional.conv_transpose{rank}d",),
        doc=f"""The transpose of ``conv{rank}d`` in its input, plus ``bias``: each element is spread by the kernel.

    ``input`` is (N, C, {axes}), or (C, {axes}) for one sample; ``weight`` (C, O / groups, kernel …), ``bias`` (O,).
    Along an axis of size L the out has (L − 1)·stride − 2·padding + dilation·(k − 1) + output_padding + 1 elements.

    {transposed}
    """,
    )


_register(
    1,
    """>>> cr.nn.functional.conv1d(cr.tensor([[1.0, 2.0, 4.0]]), cr.tensor([[[1.0, -1.0]]]))
    tensor([[-1., -2.]])""",
    """>>> cr.nn.functional.conv_transpose1d(cr.tensor([[1.0, 10.0]]), cr.tensor([[[1.0, 2.0]]]), stride=2)
    tensor([[ 1.,  2., 10., 20.]])""",
)
_register(
    2,
    """>>> cr.nn.functional.conv2d(cr.ones((1, 3, 8, 8)), cr.ones((4, 3, 3, 3)), padding=1, stride=2).shape
    (1, 4, 4, 4)""",
    """>>> cr.nn.functional.conv_transpose2d(cr.ones((1, 4, 4, 4)), cr.ones((4, 3, 2, 2)), stride=2).shape
    (1, 3, 8, 8)""",
)
_register(
    3,
    """>>> cr.nn.functional.conv3d(cr.ones((1, 2, 4, 5, 6)), cr.ones((3, 2, 3, 3, 3))).shape
    (1, 3, 2, 3, 4)""",
    """>>> cr.nn.functional.conv_transpose3d(cr.ones((1, 3, 2, 3, 4)), cr.ones((3, 2, 3, 3, 3))).shape
    (1, 2, 4, 5, 6)""",
)

"""Normalisation, as PyTorch has it: of layers, batches, groups and instances, and by norms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite
from chainrule.spec import Shape, Spec, as_shape, normalize_axes
from chainrule.window import per_axis


def _real(name: str, input: Any, least: int) -> Spec:
    x = operand_spec(name, input)
    if x.dtype.kind == "c":
        raise DTypeError(f"[{name}] input is {x.dtype}; expected real numbers; normalise its real and imaginary parts.")
    if x.ndim < least:
        axes = "(N, C)" if least == 2 else "(N, C, …)"
        raise ShapeError(f"[{name}] input has shape {x.shape}; expected at least {least} axes, {axes}; reshape it.")
    return x


def _affine(xp: Any, name: str, out: Any, weight: Any, bias: Any, own: Shape, ndim: int | None = None) -> Any:
    """weight · out + bias, where they are given; of shape ``own``, for axis 1 of an out of ``ndim`` axes if that is."""
    for what, given, combine in (("weight", weight, xp.multiply), ("bias", bias, xp.add)):
        if given is not None:
            out = combine(out, _channelwise(xp, name, what, given, own, ndim))
    return out


def _channelwise(xp: Any, name: str, what: str, given: Any, own: Shape, ndim: int | None) -> Any:
    shape = operand_spec(name, given).shape
    if shape != own:
        raise ShapeError(f"[{name}] {what} has shape {shape}; expected {own}; reshape it, or leave it out.")
    return given if ndim is None or ndim == 2 else xp.reshape(given, (*own, *(1,) * (ndim - 2)))


# ------------------------------------------------------------------------------------------------- layers


def _last_axes(name: str, x: Spec, normalized_shape: Any) -> tuple[Shape, Shape]:
    own = as_shape(name, normalized_shape)
    if not own or x.shape[max(0, x.ndim - len(own)) :] != own:
        raise ShapeError(
            f"[{name}] input has shape {x.shape}, and normalized_shape is {own}; expected the last sizes of the input, "
            f"one or more; write e.g. normalized_shape=input.shape[1:]."
        )
    return own, tuple(range(x.ndim - len(own), x.ndim))


def _layer_norm(
    xp: Any, input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    own, axes = _last_axes("layer_norm", _real("layer_norm", input, 1), normalized_shape)
    return _affine(xp, "layer_norm", xp.standardize(input, axis=axes, eps=eps), weight, bias, own)


composite(
    "layer_norm",
    _layer_norm,
    public=("nn.functional.layer_norm",),
    doc="""(x − mean) / √(var + eps) over the last axes, of shape ``normalized_shape``, times ``weight`` plus ``bias``.

    The variance is the biased one (Ba, Kiros, Hinton, 2016).

    >>> cr.nn.functional.layer_norm(cr.tensor([[1.0, 3.0], [2.0, 2.0]]), 2, eps=3.0)
    tensor([[-0.5,  0.5],
            [ 0. ,  0. ]])
    """,
)


def _rms_norm(xp: Any, input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    x = _real("rms_norm", input, 1)
    own, axes = _last_axes("rms_norm", x, normalized_shape)
    if eps is None:
        eps = float(np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).eps)
    return _affine(xp, "rms_norm", xp.standardize(input, axis=axes, eps=eps, center=False), weight, None, own)


composite(
    "rms_norm",
    _rms_norm,
    public=("nn.functional.rms_norm",),
    doc="""x / √(mean(x²) + eps) over the last axes, of shape ``normalized_shape``, times ``weight``.

    ``eps`` is by default the spacing of the dtype's numbers at 1 (Zhang, Sennrich, 2019).

    >>> cr.nn.functional.rms_norm(cr.tensor([3.0, 4.0]), 2, eps=0.0)
    tensor([0.84852814, 1.13137085])
    """,
)


def _group_norm(xp: Any, input: Any, num_groups: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    x = _real("group_norm", input, 2)
    (groups,) = per_axis("group_norm", "num_groups", num_groups, 1)
    channels = x.shape[1]
    if channels % groups:
        raise ShapeError(
            f"[group_norm] input has {channels} channels in shape {x.shape}, which do not divide into num_groups "
            f"{groups}; expected a multiple of it; change the number of groups."
        )
    rows = xp.reshape(input, (x.shape[0], groups, math.prod(x.shape[1:]) // groups))
    out = xp.reshape(xp.standardize(rows, axis=(2,), eps=eps), x.shape)
    return _affine(xp, "group_norm", out, weight, bias, (channels,), x.ndim)


composite(
    "group_norm",
    _group_norm,
    public=("nn.functional.group_norm",),
    doc="""(x − mean) / √(var + eps) over each of ``num_groups`` groups of channels of each sample (Wu, He, 2018).

    ``input`` is (N, C, …); ``weight`` and ``bias``, which follow, have a number for each channel.

    >>> cr.nn.functional.group_norm(cr.tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=3.0)
    tensor([[-0.5,  0.5,  0. ,  0. ]])
    """,
)

# ------------------------------------------------------------------------------------ batches and instances

_RUNNING = """Where the statistics of the input are used and running ones are given too, the result is a tuple (out,
    running_mean, running_var) with those moved by ``momentum`` to the input's mean and unbiased variance: what was
    given does not change. No gradient flows into them."""


def _running(name: str, stats: Any, required: bool) -> bool:
    """Whether running statistics are given, both of them."""
    absent = [what for what, given in zip(("running_mean", "running_var"), stats, strict=True) if given is None]
    if absent and (required or len(absent) == 1):
        raise ShapeError(
            f"[{name}] {' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing; expected both running "
            f"statistics; give them, or use those of the input."
        )
    return not absent


def _by_running(xp: Any, name: str, input: Any, stats: Any, weight: Any, bias: Any, x: Spec, eps: float) -> Any:
    own, (mean, var) = (x.shape[1],), stats
    mean = _channelwise(xp, name, "running_mean", mean, own, x.ndim)
    scale = xp.reciprocal(xp.sqrt(xp.add(_channelwise(xp, name, "running_var", var, own, x.ndim), eps)))
    scale = _affine(xp, name, scale, weight, None, own, x.ndim)  # on a number a channel, not on all elements
    return _affine(xp, name, xp.multiply(xp.subtract(input, mean), scale), None, bias, own, x.ndim)


def _several(name: str, x: Spec, axes: Shape, whom: str) -> None:
    if math.prod(x.shape[axis] for axis in axes) < 2:
        raise ShapeError(
            f"[{name}] input has shape {x.shape}, fewer than two values {whom}, which have no variance; "
            f"expected two or more; use the running statistics, or a larger input."
        )


def _batch_norm(
    xp: Any,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    name, stats = "batch_norm", (running_mean, running_var)
    x = _real(name, input, 2)
    given = _running(name, stats, required=not training)
    axes = (0, *range(2, x.ndim))
    if not training:
        return _by_running(xp, name, input, stats, weight, bias, x, eps)
    _several(name, x, axes, "a channel")
    out = _affine(xp, name, xp.standardize(input, axis=axes, eps=eps), weight, bias, (x.shape[1],), x.ndim)
    return (out, *_updated(xp, name, input, stats, x, axes, (), momentum)) if given else out


def _updated(
    xp: Any, name: str, input: Any, stats: Any, x: Spec, axes: Shape, samples: Shape, momentum: float
) -> tuple[Any, Any]:
    for what, given in zip(("running_mean", "running_var"), stats, strict=True):
        _channelwise(xp, name, what, given, (x.shape[1],), None)
    mean = xp.update_running_mean(input, stats[0], axis=tuple(sorted((*axes, *samples))), momentum=momentum)
    return mean, xp.update_running_var(input, stats[1], axis=axes, samples=samples, momentum=momentum)


composite(
    "batch_norm",
    _batch_norm,
    public=("nn.functional.batch_norm",),
    doc=f"""(x − mean) / √(var + eps) of each channel of ``input`` (N, C, …), times ``weight`` plus ``bias``.

    Mean and variance are ``running_mean`` and ``running_var``, or, with ``training``, those of the input (Ioffe,
    Szegedy, 2015). {_RUNNING}

    >>> x, zero, one = cr.tensor([[1.0], [3.0]]), cr.tensor([0.0]), cr.tensor([1.0])
    >>> out, mean, var = cr.nn.functional.batch_norm(x, zero, one, training=True, momentum=0.5, eps=3.0)
    >>> out, mean, var
    (tensor([[-0.5],
            [ 0.5]]), tensor([1.]), tensor([1.5]))
    """,
)


def _instance_norm(
    xp: Any,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    name, stats = "instance_norm", (running_mean, running_var)
    x = _real(name, input, 3)
    given = _running(name, stats, required=not use_input_stats)
    axes = tuple(range(2, x.ndim))
    if not use_input_stats:
        return _by_running(xp, name, input, stats, weight, bias, x, eps)
    _several(name, x, axes, "a channel of a sample")
    out = _affine(xp, name, xp.standardize(input, axis=axes, eps=eps), weight, bias, (x.shape[1],), x.ndim)
    return (out, *_updated(xp, name, input, stats, x, axes, (0,), momentum)) if given else out


composite(
    "instance_norm",
    _instance_norm,
    public=("nn.functional.instance_norm",),
    doc=f"""(x − mean) / √(var + eps) of each channel of each sample of (N, C, …), times ``weight`` plus ``bias``.

    Without ``use_input_stats`` mean and variance are the running ones (Ulyanov, Vedaldi, Lempitsky, 2016). {_RUNNING}

    >>> cr.nn.functional.instance_norm(cr.tensor([[[1.0, 3.0], [2.0, 2.0]]]), eps=3.0)
    tensor([[[-0.5,  0.5],
             [ 0. ,  0. ]]])
    """,
)

# ------------------------------------------------------------------------------------------------ by norms


def _normalize(xp: Any, input: Any, p: float = 2.0, axis: Any = 1, eps: float = 1e-12) -> Any:
    axes = normalize_axes("normalize", axis, operand_spec("normalize", input).ndim)
    return xp.divide(input, xp.maximum(xp.vector_norm(input, ord=p, axis=axes, keepdims=True), eps))


composite(
    "normalize",
    _normalize,
    public=("nn.functional.normalize",),
    doc="""x / max(‖x‖, eps) over ``axis``, with the p-norm.

    >>> cr.nn.functional.normalize(cr.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6, 0.8],
            [0. , 0. ]])
    """,
)


def _local_response_norm(
    xp: Any, input: Any, size: Any, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    x = operand_spec("local_response_norm", input)
    if x.ndim < 3:
        raise ShapeError(
            f"[local_response_norm] input has shape {x.shape}; expected at least 3 axes, (N, C, …); reshape it."
        )
    (size,) = per_axis("local_response_norm", "size", size, 1)
    rest = x.ndim - 2
    around = ((size // 2, (size - 1) // 2), *((0, 0),) * rest)
    one = (1,) * (rest + 1)
    total = xp.window_sum(xp.square(input), kernel=(size, *one[1:]), stride=one, padding=around, dilation=one)
    return xp.divide(input, xp.power(xp.add(xp.multiply(total, alpha / size), k), beta))


composite(
    "local_response_norm",
    _local_response_norm,
    public=("nn.functional.local_response_norm",),
    doc="""x / (k + alpha · mean(x²))^beta, the mean over ``size`` channels around it in (N, C, …).

    See Krizhevsky, Sutskever, Hinton (2012), section 3.3, whose alpha is that of the sum.

    >>> cr.nn.functional.local_response_norm(cr.tensor([[[3.0], [4.0]]]), 2, alpha=2.0, beta=0.5, k=0.0)
    tensor([[[1. ],
             [0.8]]])
    """,
)

"""Dropping elements at random.

Noise comes from ``generator`` (see :mod:`chainrule.random`), or from that module's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.box import operand_spec
from chainrule.errors import ShapeError
from chainrule.op import composite
from chainrule.operands import reals
from chainrule.spec import Shape


def _kept(name: str, x: Any, p: float, shape: Shape, generator: Any) -> Any:
    """Which elements stay. They are a structural mask: of what is dropped not even a NaN is left."""
    return np.zeros(shape, bool) if p == 1 else noise.draw(name, x, "random", shape, generator) >= p


def _scaled(xp: Any, x: Any, p: float, kept: Any) -> Any:
    return xp.where(kept, x if p == 1 else xp.multiply(x, 1 / (1 - p)), 0)


def _dropout(xp: Any, x: Any, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Any:
    (x,) = reals(xp, "dropout", x)
    p = noise.probability("dropout", p)
    if not training or p == 0:
        return xp.positive(x)
    return _scaled(xp, x, p, _kept("dropout", x, p, operand_spec("dropout", x).shape, generator))


composite(
    "dropout",
    _dropout,
    public=("nn.functional.dropout",),
    doc="""x with elements set to 0 with probability ``p``, the others divided by 1 − p (Srivastava et al., 2014).

    Without ``training`` it is x. Noise comes from ``generator``, or from the module ``chainrule.random``.

    >>> cr.nn.functional.dropout(cr.ones(3), p=0.5, generator=cr.random.generator(5))
    tensor([2., 2., 0.])
    """,
)


def _channelwise(name: str, channels_first: tuple[int, ...], layout: str) -> Callable[..., Any]:
    """Dropout of whole channels; with fewer axes than ``layout`` names, x is one sample, if that is allowed."""

    def body(xp: Any, x: Any, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Any:
        (x,) = reals(xp, name, x)
        p = noise.probability(name, p)
        shape = operand_spec(name, x).shape
        if len(shape) not in channels_first:
            raise ShapeError(
                f"[{name}] the operand has shape {shape}; expected {layout}; give the axes of a batch and of channels, "
                f"or use dropout."
            )
        if not training or p == 0:
            return xp.positive(x)
        lead = 1 if len(shape) < max(channels_first) else 2
        return _scaled(xp, x, p, _kept(name, x, p, (*shape[:lead], *(1,) * (len(shape) - lead)), generator))

    return body


for _name, _ranks, _layout in (
    ("dropout1d", (2, 3), "(n, channels, length) or (channels, length)"),
    ("dropout2d", (4,), "(n, channels, height, width)"),
    ("dropout3d", (4, 5), "(n, channels, depth, height, width) or (channels, depth, height, width)"),
):
    composite(
        _name,
        _channelwise(_name, _ranks, _layout),
        public=(f"nn.functional.{_name}",),
        doc=f"""x with whole channels set to 0 with probability ``p``, the others divided by 1 − p.

    x has shape {_layout} (Tompson et al., Efficient object localization using convolutional networks, 2014).

    >>> cr.nn.functional.{_name}(cr.ones((1, 2, {", ".join("1" * max(_ranks))[:-6]})), p=0.0).shape
    (1, 2, {", ".join("1" * max(_ranks))[:-6]})
    """,
    )

_DROPPED = -1.7580993408473766  # −λα of selu: the value of a dropped element, which selu tends to on the left


def _alpha_dropout(xp: Any, x: Any, p: float = 0.5, training: bool = False, *, generator: Any = None) -> Any:
    (x,) = reals(xp, "alpha_dropout", x)
    p = noise.probability("alpha_dropout", p)
    if not training or p == 0:
        return xp.positive(x)
    kept = _kept("alpha_dropout", x, p, operand_spec("alpha_dropout", x).shape, generator)
    if p == 1:
        return xp.where(kept, x, 0)
    scale = 1 / math.sqrt((1 - p) * (1 + p * _DROPPED**2))
    return xp.where(kept, xp.add(xp.multiply(x, scale), -scale * p * _DROPPED), scale * (1 - p) * _DROPPED)


composite(
    "alpha_dropout",
    _alpha_dropout,
    public=("nn.functional.alpha_dropout",),
    doc="""Dropout that leaves mean 0 and variance 1 as they are: the companion of ``selu``.

    Source: Klambauer et al., Self-normalizing neural networks, 2017, section 3. It drops only when ``training``.

    >>> cr.nn.functional.alpha_dropout(cr.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """,
)

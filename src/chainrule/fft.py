"""Discrete Fourier transforms, every function with its derivatives: ``chainrule.fft``."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.creation import asarray
from chainrule.dtypes import as_device, float64
from chainrule.errors import DTypeError, ShapeError
from chainrule.ops import public as _public
from chainrule.spec import as_dtype
from chainrule.tensor import Tensor

globals().update(_public("fft"))


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies k/(n·d) of ``fft``'s results, negative ones behind: k = 0, 1, …, −2, −1.

    >>> fftfreq(4, d=0.5)
    tensor([ 0. ,  0.5, -1. , -0.5])
    """
    return _frequencies("fftfreq", np.fft.fftfreq, n, d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies k/(n·d) of ``rfft``'s results: k = 0, 1, …, n/2.

    >>> rfftfreq(4, d=0.5)
    tensor([0. , 0.5, 1. ])
    """
    return _frequencies("rfftfreq", np.fft.rfftfreq, n, d, dtype, device)


def _frequencies(name: str, make: Any, n: Any, d: Any, dtype: Any, device: Any) -> Tensor:
    as_device(name, device)
    if n < 1:
        raise ShapeError(f"[{name}] n is {n}; expected at least 1 point; give the length of the transform.")
    wanted = float64 if dtype is None else as_dtype(name, dtype)
    if wanted.kind != "f":
        raise DTypeError(f"[{name}] dtype is {wanted}; expected a real floating dtype; leave dtype out for float64.")
    spacing = d._release(name) if isinstance(d, Tensor) else d
    return asarray(make(n, spacing), wanted)

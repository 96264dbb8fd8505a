# Written by tools/stubs.py from the source and the registry; change those and run it again.

from collections.abc import Sequence
from typing import Any

from chainrule.creation import fftfreq as fftfreq
from chainrule.creation import rfftfreq as rfftfreq
from chainrule.tensor import Operand, Tensor

def fft(x: Operand, /, n: Any = None, axis: int | Sequence[int] | None = -1, norm: Any = "backward") -> Tensor:
    """y[k] = Σⱼ x[j] exp(−2πi jk/n) along ``axis``, of x cut off or extended by zeros to ``n`` points."""

def ifft(x: Operand, /, n: Any = None, axis: int | Sequence[int] | None = -1, norm: Any = "backward") -> Tensor:
    """x[j] = Σₖ y[k] exp(2πi jk/n) / n along ``axis``: the inverse of ``fft`` with the same ``norm``."""

def rfft(x: Operand, /, n: Any = None, axis: int | Sequence[int] | None = -1, norm: Any = "backward") -> Tensor:
    """The ``fft`` of real numbers, k = 0 … n/2 only, since y[n−k] = conj(y[k])."""

def irfft(x: Operand, /, n: Any = None, axis: int | Sequence[int] | None = -1, norm: Any = "backward") -> Tensor:
    """The real numbers whose ``rfft`` x is: the inverse of ``rfft``, n = 2(m − 1) points from m by default."""

def fftn(x: Operand, /, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """``fft`` along each of ``axes`` (all by default), of x cut off or extended to the sizes ``s``."""

def ifftn(x: Operand, /, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """``ifft`` along each of ``axes`` (all by default): the inverse of ``fftn``."""

def hfft(x: Operand, n: Any = None, axis: int | Sequence[int] | None = -1, norm: Any = "backward") -> Tensor:
    """The real ``fft`` of Hermitian x[n−j] = conj(x[j]), given j = 0 … n/2; n = 2(m − 1) from m points by
    default.
    """

def ihfft(x: Operand, n: Any = None, axis: int | Sequence[int] | None = -1, norm: Any = "backward") -> Tensor:
    """The first half, j = 0 … n/2, of the ``ifft`` of real numbers: the inverse of ``hfft``."""

def rfftn(x: Operand, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """``rfft`` along the last of ``axes`` (all by default), then ``fft`` along the others."""

def irfftn(x: Operand, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """``ifft`` along all but the last of ``axes``, then ``irfft`` along that one: the inverse of ``rfftn``."""

def fft2(x: Operand, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward") -> Tensor:
    """``fftn`` along the last two axes, or two others."""

def ifft2(x: Operand, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward") -> Tensor:
    """``ifftn`` along the last two axes, or two others."""

def rfft2(x: Operand, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward") -> Tensor:
    """``rfftn`` along the last two axes, or two others."""

def irfft2(x: Operand, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward") -> Tensor:
    """``irfftn`` along the last two axes, or two others."""

def fftshift(x: Operand, axes: Any = None) -> Tensor:
    """x with the zero frequency moved to the middle of ``axes`` (all by default)."""

def ifftshift(x: Operand, axes: Any = None) -> Tensor:
    """The inverse of ``fftshift``, from which it differs for odd sizes."""

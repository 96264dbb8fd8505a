"""Discrete Fourier transforms, every function with its derivatives: ``chainrule.fft``."""

from chainrule.ops import public as _public

globals().update(_public("fft"))

"""Discrete Fourier transforms, every function with its derivatives: ``chainrule.fft``."""

from chainrule.creation import fftfreq as fftfreq
from chainrule.creation import rfftfreq as rfftfreq
from chainrule.ops import public as _public

globals().update(_public("fft"))

"""Functions of SciPy's that compiled loops call number by number: those that ``cython_special`` exports."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
from scipy.special import cython_special

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.pure import Unstated
from chainrule.native.language.values import F64, Value
from chainrule.native.machine.symbols import resolves

_EXPORTS = cython_special.__pyx_capi__
_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


_PREFIX = "scipy_special_"


@resolves
def _resolved(symbol: str) -> int | None:
    if not symbol.startswith(_PREFIX):
        return None
    arity, _, name = symbol.removeprefix(_PREFIX).partition("_")
    return address_of(name, int(arity))


@functools.cache
def address_of(name: str, arity: int) -> int | None:
    """Where the function of double numbers of that name begins, if there is one."""
    signature = f"double ({'double, ' * arity}int __pyx_skip_dispatch)"
    # The versions of one function for several types have a prefix with the number of the version.
    for exported in (name, *[f"__pyx_fuse_{version}{name}" for version in ("0", "1", "2", "0_1")]):
        capsule = _EXPORTS.get(exported)
        if capsule is not None and _name(capsule).decode() == signature:
            return _pointer(capsule, signature.encode())
    return None


def special(e: Emitter, name: str, *operands: Value) -> Value:
    """A function of ``scipy.special`` of real numbers, computed in double precision."""
    address = address_of(name, len(operands))
    if address is None or any(x.dtype.kind != "f" for x in operands):
        raise Unstated(name)
    symbol = f"{_PREFIX}{len(operands)}_{name}"
    e.symbols[symbol] = address
    never = e.const(0, np.int32)  # whether to look for a method that overrides it
    return e.cast(e.foreign(symbol, F64, *[e.cast(x, F64) for x in operands], never), operands[0].dtype)

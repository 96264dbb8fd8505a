"""Facts about CPython and NumPy that machine code relies on: offsets in structs, addresses of functions.

They are those of CPython ≥ 3.11 and NumPy 2 on 64-bit machines, and are verified on samples before they are used. Where
one of them does not hold, calls go through Python.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import sysconfig
from typing import Any

import numpy as np

from chainrule.box import Box, box

HEAD = object.__basicsize__  # reference count and type
TYPE = HEAD - 8
SIZE = HEAD  # of a tuple or list
DATA, NDIM, DIMS, BASE, DESCR, FLAGS = HEAD, HEAD + 8, HEAD + 16, HEAD + 32, HEAD + 40, HEAD + 48  # of an ndarray
ITEMS = HEAD + 8  # of a tuple the items themselves, of a list a pointer to them
NUMBER = HEAD  # where a float, a complex and NumPy's scalars hold their number
READY = 0x0001 | 0x0100  # the flags of an array that is C-contiguous and aligned
OWN = READY | 0x0004 | 0x0400  # of one that moreover owns its memory, and may be written to

FUNCTIONS = (
    "PyErr_NoMemory", "PyErr_Occurred", "PyEval_RestoreThread", "PyEval_SaveThread", "PyDict_New", "PyDict_Next",
    "PyDict_SetItem", "PyDict_Size", "PyList_New", "PyList_SetItem", "PyLong_AsLongLongAndOverflow",
    "PyMem_RawFree", "PyMem_RawMalloc", "PyObject_CallNoArgs", "PyObject_CallOneArg", "PyObject_Vectorcall",
    "PyTuple_New", "PyTuple_SetItem", "PyType_GenericAlloc", "PyUnicode_Compare", "Py_DecRef", "Py_IncRef",
)  # fmt: skip
NUMPY_FUNCTIONS = {
    "PyArray_Scalar": 60,
    "PyArray_NewFromDescr": 94,
    "PyDataMem_SetHandler": 304,
}  # their places in NumPy's table
OBJECTS: dict[str, Any] = {
    "None": None, "True": True, "False": False, "ndarray": np.ndarray, "tuple": tuple, "list": list, "dict": dict,
    "str": str, "float": float, "int": int, "complex": complex, "bool": bool,
}  # fmt: skip
FACTS = (*FUNCTIONS, *NUMPY_FUNCTIONS, *OBJECTS)

_MEMBER, _OFFSET = HEAD + 24, 16  # of a member descriptor its definition, of that the offset


def word(address: int) -> int:
    """The 8 bytes at an address."""
    return ctypes.c_uint64.from_address(address).value


def slot(cls: type, name: str) -> int:
    """Where instances of ``cls`` hold the object that this entry of ``__slots__`` names."""
    return word(word(id(getattr(cls, name)) + _MEMBER) + _OFFSET)


@functools.cache
def table() -> int:
    """The address of the table of NumPy's C functions."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return pointer(np._core.multiarray._ARRAY_API, None)  # type: ignore[attr-defined]  # NumPy's own way to them


@functools.cache
def facts() -> Any:
    """The addresses that machine code calls and compares with, in the order of FACTS."""
    found = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value for name in FUNCTIONS]
    found += [word(table() + 8 * place) for place in NUMPY_FUNCTIONS.values()]
    found += [id(x) for x in OBJECTS.values()]
    return (ctypes.c_uint64 * len(found))(*found)


@functools.cache
def reliable() -> bool:
    """Whether all that is said here holds for this interpreter and this NumPy."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED") or sys.maxsize < 2**63 - 1:
        return False
    if HEAD != 16 or sys.byteorder != "little" or sysconfig.get_config_var("Py_TRACE_REFS"):
        return False
    return _arrays_hold() and _numbers_hold() and _containers_hold() and _slots_hold()


def _arrays_hold() -> bool:
    samples = [np.arange(6.0).reshape(2, 3), np.zeros((2, 0, 3), np.int8), np.array(1.5), np.ones((4, 4), "c8")[::2].T]
    for array in samples:
        at = id(array)
        dims = word(at + DIMS)
        right = (
            word(at + TYPE) == id(np.ndarray)
            and word(at + DATA) == array.ctypes.data
            and ctypes.c_int32.from_address(at + NDIM).value == array.ndim
            and [word(dims + 8 * i) for i in range(array.ndim)] == list(array.shape)
            and word(at + DESCR) == id(array.dtype)
            and word(at + BASE) == (0 if array.base is None else id(array.base))
            and ctypes.c_int32.from_address(at + FLAGS).value == array.flags.num
        )
        if not right:
            return False
    ready = samples[1].flags.num & OWN == OWN and samples[0].flags.num & OWN == OWN & ~0x0004
    return ready and samples[3].flags.num & READY == 0x0100


def _numbers_hold() -> bool:
    numbers = [np.dtype(code).type(3) for code in "?bBhHiIlLqQefdFD"]
    plain = [(1.5, np.float64(1.5)), (1.5 - 2j, np.complex128(1.5 - 2j))]
    pairs: list[Any] = [*((x, x) for x in numbers), *plain]
    return all(ctypes.string_at(id(x) + NUMBER, like.nbytes) == like.tobytes() for x, like in pairs)


def _containers_hold() -> bool:
    pair = [object(), object()]
    items = (*pair,)
    return (
        word(id(items) + SIZE) == word(id(pair) + SIZE) == 2
        and [word(id(items) + ITEMS + 8 * i) for i in range(2)] == [id(x) for x in pair]
        and [word(word(id(pair) + ITEMS) + 8 * i) for i in range(2)] == [id(x) for x in pair]
    )


def _slots_hold() -> bool:
    value = np.ones(2)
    if ctypes.c_int32.from_address(id(value)).value != sys.getrefcount(value) - 1:
        return False
    sample = box(Box.default, value, None)
    held = [word(id(sample) + slot(Box, name)) for name in ("_value", "_node", "_grad")]
    return held == [id(value), id(None), id(None)] and Box.default.__dictoffset__ == 0


# ---------------------------------------------------------------------------------------- objects that are called fast

# What a Callable holds after its head, in words.
VECTORCALL, TABLE, OWNER = HEAD, HEAD + 8, HEAD + 16
_FLAGS_OF_TYPE, _PLACE_OF_TYPE = HEAD + 152, HEAD + 40  # tp_flags and tp_vectorcall_offset
_DEFAULT, _BASETYPE, _FAST = 1 << 18, 1 << 10, 1 << 11


class _Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class _Member(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("type", ctypes.c_int), ("offset", ctypes.c_ssize_t), ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]  # fmt: skip


class _TypeSpec(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("size", ctypes.c_int), ("item", ctypes.c_int), ("flags", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
    ]  # fmt: skip


_CALL, _MEMBERS, _SSIZE, _READ_ONLY = 50, 72, 19, 1


def _made() -> Any:
    """A type whose instances hold the address of the machine code that a call of them runs."""
    members = (_Member * 2)((b"__vectorcalloffset__", _SSIZE, VECTORCALL, _READ_ONLY, None), ())
    call = ctypes.cast(ctypes.pythonapi.PyVectorcall_Call, ctypes.c_void_p)
    slots = (_Slot * 3)((_CALL, call), (_MEMBERS, ctypes.addressof(members)), (0, None))
    spec = _TypeSpec(b"chainrule.native.entry.python.Callable", OWNER + 8, 0, _DEFAULT | _BASETYPE | _FAST, 0)
    spec.slots = ctypes.addressof(slots)
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p]
    _kept.extend([members, slots, spec])
    return make(ctypes.addressof(spec))


_kept: list[Any] = []  # a type may read its definition for as long as it lives
_possible = sys.implementation.name == "cpython" and HEAD == 16 and not sysconfig.get_config_var("Py_GIL_DISABLED")
Callable: Any = _made() if _possible else object


def called_fast(cls: Any) -> Any:
    """A class derived from Callable, whose instances run their machine code, and ``__call__`` while they have none.

    (A class that defines ``__call__`` does not inherit the flag that says so.)
    """
    if not _possible:
        return cls
    flags = ctypes.pythonapi.PyType_GetFlags
    flags.restype, flags.argtypes = ctypes.c_ulong, [ctypes.py_object]
    own = ctypes.c_ulong.from_address(id(cls) + _FLAGS_OF_TYPE)
    if own.value == flags(cls) and word(id(cls) + _PLACE_OF_TYPE) == VECTORCALL:
        own.value |= _FAST
    return cls


def is_called_fast(cls: Any) -> bool:
    """Whether instances of ``cls`` can run machine code when called."""
    return _possible and bool(ctypes.c_ulong.from_address(id(cls) + _FLAGS_OF_TYPE).value & _FAST)

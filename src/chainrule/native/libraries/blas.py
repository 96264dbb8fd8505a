"""BLAS and LAPACK by address: the routines that SciPy exports, called as Fortran calls, with pointers to everything."""

from __future__ import annotations

import ctypes
import functools
import importlib
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import part_of, parts_of
from chainrule.native.libraries.gemm import Matrix, constant
from chainrule.native.machine.symbols import resolves

PREFIX = {"f": "s", "d": "d", "F": "c", "D": "z"}  # the letter of routines for a dtype
SYMBOL = "blas_"  # what names of routines begin with in programs
LIMIT = 2**31 - 1  # of sizes and strides, which are C's ints

_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


@functools.cache
def address(name: str) -> int:
    """Where a routine of BLAS or LAPACK begins."""
    modules = (importlib.import_module(f"scipy.linalg.cython_{library}") for library in ("blas", "lapack"))
    capsule = next(m.__pyx_capi__[name] for m in modules if name in m.__pyx_capi__)
    return _pointer(capsule, _name(capsule))


@resolves
def _of_blas(name: str) -> int | None:
    return address(name.removeprefix(SYMBOL)) if name.startswith(SYMBOL) else None


def call(e: Emitter, name: str, *arguments: Any) -> None:
    """Call a routine: pointers are passed on, and all else is put into memory first."""
    symbol = SYMBOL + name
    e.symbols[symbol] = address(name)
    e.call(symbol, None, *(x if isinstance(x, Pointer) else in_memory(e, x) for x in arguments))


def in_memory(e: Emitter, x: Any) -> Pointer:
    """A constant: a letter, an int, or a NumPy scalar."""
    if isinstance(x, str):
        x = np.uint8(ord(x))
    elif isinstance(x, int):
        x = np.int32(x)
    return constant(e, np.full(1, x, x.dtype))


def layout(rows: int, columns: int, row: int, column: int) -> tuple[str, int] | None:
    """Whether a matrix in C's order is transposed, and its leading dimension; None where BLAS cannot be told."""
    row, column = (row if rows > 1 else max(columns, 1)), (column if columns > 1 else 1)
    if column == 1 and row >= columns:
        found = ("N", row)
    elif (row == 1 or rows == 1) and column >= rows:
        found = ("T", column)
    else:
        return None
    return found if max(rows, columns, found[1]) <= LIMIT else None


def gemm(e: Emitter, x: Matrix, y: Matrix, out: Matrix, n: int, m: int, k: int) -> None:
    """out = x·y, n by m. In Fortran's order these are the transposes, and outᵀ = yᵀ·xᵀ."""
    left, right = layout(n, k, x.row, x.column), layout(k, m, y.row, y.column)
    assert left is not None and right is not None
    one, zero = out.dtype.type(1), out.dtype.type(0)
    at = [e.at(a.pointer, *_in_parts(a)) for a in (y, x, out)]
    call(
        e, f"{PREFIX[out.dtype.char]}gemm", right[0], left[0], m, n, k, one, at[0], right[1], at[1], left[1], zero,
        at[2], max(out.row, m),
    )  # fmt: skip


def _in_parts(a: Matrix) -> tuple[np.dtype, Any]:
    """Where a matrix begins, in real numbers: addresses are not counted in complex ones."""
    return part_of(a.dtype), a.start * parts_of(a.dtype)

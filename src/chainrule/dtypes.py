"""What the array API standard has beside functions of arrays: constants, dtypes and their ranges, devices."""

from __future__ import annotations

import builtins
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import DomainError, DTypeError
from chainrule.spec import Shape, as_dtype, as_shape
from chainrule.spec import broadcast_shapes as common_shape

bool = np.dtype("bool")
int8, int16, int32, int64 = map(np.dtype, ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = map(np.dtype, ("uint8", "uint16", "uint32", "uint64"))
float32, float64 = map(np.dtype, ("float32", "float64"))
complex64, complex128 = map(np.dtype, ("complex64", "complex128"))

e, pi, inf, nan, newaxis = math.e, math.pi, math.inf, math.nan, None

# The kinds of dtype that have a name, as the letters NumPy gives them.
KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}
NAMED = {
    dtype.name: dtype
    for dtype in (
        bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, complex64, complex128,
    )
}  # fmt: skip


def _dtype_of(name: str, x: Any) -> np.dtype[Any]:
    """The dtype that an argument is, or that an array argument has."""
    own = getattr(x, "dtype", None)
    return own if isinstance(own, np.dtype) else as_dtype(name, x)


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether ``dtype`` is of a ``kind``: a dtype, the name of a kind such as "real floating", or a tuple of these.

    >>> isdtype(float32, ("integral", "real floating"))
    True
    """
    dtype = as_dtype("isdtype", dtype)
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str) and one not in KINDS and one not in NAMED:
            raise DomainError(
                f"[isdtype] kind {one!r} is unknown; expected a dtype or one of {', '.join(map(repr, KINDS))}; "
                f"choose one of these."
            )
        if dtype.kind in KINDS[one] if one in KINDS else dtype == as_dtype("isdtype", one):
            return True
    return False


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether a dtype (or an array's) casts to ``to`` by NumPy's rule "safe", which has all of type promotion.

    >>> can_cast(int32, int64), can_cast(float64, float32)
    (True, False)
    """
    return np.can_cast(_dtype_of("can_cast", from_), _dtype_of("can_cast", to))


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype of an operation on these arrays, dtypes and Python numbers; the numbers yield to what is of their kind.

    >>> result_type(int8, uint8), result_type(float32, 2.5)
    (dtype('int16'), dtype('float32'))
    """
    if not arrays_and_dtypes:
        raise DTypeError("[result_type] no argument was given; expected arrays, dtypes or numbers; give at least one.")
    plain = (builtins.bool, int, float, complex)
    return np.result_type(*(x if type(x) in plain else _dtype_of("result_type", x) for x in arrays_and_dtypes))


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape of the result of an elementwise operation on arrays of these shapes.

    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return common_shape("broadcast_shapes", [as_shape("broadcast_shapes", shape) for shape in shapes])


@dataclass(frozen=True)
class FloatInfo:
    """The range and precision of a floating-point dtype, in Python's floats; of a complex one, those of its parts."""

    dtype: np.dtype[Any]
    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float


@dataclass(frozen=True)
class IntegerInfo:
    """The range of an integer dtype, in Python's integers."""

    dtype: np.dtype[Any]
    bits: int
    max: int
    min: int


def finfo(type: Any, /) -> FloatInfo:
    """The range and precision of a floating-point or complex dtype, or of an array's.

    >>> finfo(float32).eps
    1.1920928955078125e-07
    """
    dtype = _dtype_of("finfo", type)
    if dtype.kind not in "fc":
        raise DTypeError(f"[finfo] dtype {dtype} is not floating-point; expected float or complex; use iinfo.")
    info = np.finfo(dtype)
    limits = (float(x) for x in (info.eps, info.max, info.min, info.smallest_normal))
    return FloatInfo(info.dtype, info.bits, *limits)


def iinfo(type: Any, /) -> IntegerInfo:
    """The range of an integer dtype, or of an array's.

    >>> iinfo(int8).max
    127
    """
    dtype = _dtype_of("iinfo", type)
    if dtype.kind not in "iu":
        raise DTypeError(f"[iinfo] dtype {dtype} is not an integer dtype; expected one; use finfo for floats.")
    info = np.iinfo(dtype)
    return IntegerInfo(dtype, info.bits, int(info.max), int(info.min))


DEVICE = "cpu"
API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")


def as_device(name: str, device: Any) -> str:
    """A device argument: there is one device."""
    if device is not None and device != DEVICE:
        raise DomainError(f"[{name}] device {device!r} is unknown; expected 'cpu', the only one; leave device out.")
    return DEVICE


class Info:
    """What the namespace ``chainrule`` tells of itself."""

    def capabilities(self) -> dict[str, Any]:
        """What the standard leaves to choose.

        >>> Info().capabilities()["boolean indexing"]
        True
        """
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The device that arrays are made on.

        >>> Info().default_device()
        'cpu'
        """
        return DEVICE

    def devices(self) -> list[str]:
        """All devices there are.

        >>> Info().devices()
        ['cpu']
        """
        return [DEVICE]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype[Any]]:
        """The dtypes that arrays are made in, by kind.

        >>> Info().default_dtypes()["real floating"]
        dtype('float64')
        """
        as_device("default_dtypes", device)
        return {"real floating": float64, "complex floating": complex128, "integral": int64, "indexing": int64}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype[Any]]:
        """The dtypes of a kind (all by default; of several kinds, if a tuple), by name.

        >>> list(Info().dtypes(kind="real floating"))
        ['float32', 'float64']
        """
        as_device("dtypes", device)
        return {name: dtype for name, dtype in NAMED.items() if kind is None or isdtype(dtype, kind)}


def __array_namespace_info__() -> Info:
    """What the namespace ``chainrule`` tells of itself: dtypes, devices and capabilities.

    >>> __array_namespace_info__().default_device()
    'cpu'
    """
    return Info()

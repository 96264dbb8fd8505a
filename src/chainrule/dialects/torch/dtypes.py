"""PyTorch's dtypes, its Size, and its rules of promotion, on NumPy's arrays."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from chainrule.box import PLAIN
from chainrule.dialects.torch.errors import RuntimeDTypeError, refusal
from chainrule.errors import DTypeError
from chainrule.op import NONE, REGISTRY, ZERO, Op
from chainrule.spec import Spec


class dtype:
    """The type of a Tensor's elements; there is one object for each, and NumPy takes it for its own.

    >>> import chainrule.torch as torch
    >>> torch.ones(2).dtype, torch.float32 is torch.float
    (torch.float32, True)
    """

    __slots__ = ("__weakref__", "dtype", "itemsize", "kind", "name", "type")

    def __init__(self, name: str):
        # NumPy asks a foreign object for its attribute `dtype`; kind and type are what our own rules ask for.
        self.dtype = np.dtype(name)
        self.name = name
        self.kind = self.dtype.kind
        self.type = self.dtype.type
        self.itemsize = self.dtype.itemsize

    @property
    def is_floating_point(self) -> bool:
        return self.kind == "f"

    @property
    def is_complex(self) -> bool:
        return self.kind == "c"

    @property
    def is_signed(self) -> bool:
        return self.kind in "ifc"

    def to_real(self) -> dtype:
        """The dtype of the parts of a complex dtype."""
        return of(real_part(self.dtype))

    def to_complex(self) -> dtype:
        """The complex dtype with parts of this dtype."""
        return of(np.result_type(self.dtype, np.complex64))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, (np.dtype, type)) and self.dtype == other)

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return of, (self.dtype,)


# NumPy's name, PyTorch's name of the scalar type, C++'s (both are in its error texts)
_NAMES = {
    "float16": ("Half", "c10::Half"),
    "float32": ("Float", "float"),
    "float64": ("Double", "double"),
    "complex64": ("ComplexFloat", "c10::complex<float>"),
    "complex128": ("ComplexDouble", "c10::complex<double>"),
    "int8": ("Char", "signed char"),
    "int16": ("Short", "short"),
    "int32": ("Int", "int"),
    "int64": ("Long", "long int"),
    "uint8": ("Byte", "unsigned char"),
    "uint16": ("UInt16", "unsigned short"),
    "uint32": ("UInt32", "unsigned int"),
    "uint64": ("UInt64", "unsigned long"),
    "bool": ("Bool", "bool"),
}
DTYPES: dict[Any, dtype] = {np.dtype(name): dtype(name) for name in _NAMES}
ALIASES = {
    "half": "float16", "float": "float32", "double": "float64", "cfloat": "complex64", "cdouble": "complex128",
    "short": "int16", "int": "int32", "long": "int64",
}  # fmt: skip
BY_NAME = {made.name: made for made in DTYPES.values()}
BY_NAME |= {alias: BY_NAME[name] for alias, name in ALIASES.items()}
FLOAT32, INT64, BOOL = np.dtype("float32"), np.dtype("int64"), np.dtype("bool")
_defaults = {"float": FLOAT32}


def of(numpy_dtype: Any) -> dtype:
    """The dtype of PyTorch that stands for this one of NumPy."""
    return DTYPES[np.dtype(numpy_dtype)]


def real_part(numpy_dtype: Any) -> Any:
    """The dtype (NumPy's) of the real parts of numbers of this one."""
    return np.dtype(f"f{numpy_dtype.itemsize // 2}") if numpy_dtype.kind == "c" else numpy_dtype


def scalar_name(numpy_dtype: Any) -> str:
    """PyTorch's name of a scalar type, as in ``Float`` and ``FloatTensor``."""
    return _NAMES[numpy_dtype.name][0]


def as_numpy(function: str, wanted: Any) -> Any:
    """A dtype argument as NumPy's: a dtype of PyTorch or of NumPy, a legacy name, or None."""
    if wanted is None or wanted.__class__ is dtype:
        return None if wanted is None else wanted.dtype
    if isinstance(wanted, str):
        for known, (name, _) in _NAMES.items():
            if wanted == f"torch.{name}Tensor":
                return np.dtype(known)
    try:
        return of({float: default_float(), int: INT64, complex: default_complex()}.get(wanted, wanted)).dtype
    except (KeyError, TypeError):
        raise DTypeError(
            f"[{function}] dtype {wanted!r} is unknown; expected one of PyTorch's that NumPy has too; "
            f"use e.g. torch.float32 (there is no bfloat16)."
        ) from None


def default_float() -> Any:
    """The dtype (NumPy's) that Python floats get."""
    return _defaults["float"]


def default_complex() -> Any:
    """The dtype (NumPy's) that Python complex numbers get."""
    return np.result_type(default_float(), np.complex64)


def get_default_dtype() -> dtype:
    """The dtype of Tensors made of Python floats.

    >>> import chainrule.torch as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return of(default_float())


def set_default_dtype(d: dtype) -> None:
    """Give Tensors made of Python floats another floating dtype from now on."""
    chosen = as_numpy("set_default_dtype", d)
    if chosen is None or chosen.kind != "f":
        raise refusal(DTypeError, "only floating-point types are supported as the default type")
    _defaults["float"] = chosen
    plan.cache_clear()


class Size(tuple):
    """The sizes of a Tensor's axes.

    >>> import chainrule.torch as torch
    >>> torch.ones(2, 3).shape
    torch.Size([2, 3])
    """

    __slots__ = ()

    def numel(self) -> int:
        """The product of the sizes: the number of elements."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return Size(part) if index.__class__ is slice else part

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, other))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


# ------------------------------------------------------------------------------------------------ promotion

_CATEGORIES = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3, bool: 0, int: 1, float: 2, complex: 3}
_PRODUCTS = frozenset({"matmul", "vecdot", "contract"})
# Their first operand (or all that follow it) are no numbers to compute with.
_INDEXED = frozenset({"gather", "put", "scatter_add", "take_along_axis"})
_FLOATING = frozenset({"mean", "var", "std", "logsumexp", "softmax", "log_softmax", "norm"})


def promotion(op: Op, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands as PyTorch would compute with them. Nothing is to be done where all arrays are float32."""
    for v in values:
        if v.__class__ not in _AS_THEY_ARE and v.dtype is not FLOAT32:
            return _promoted(op, values)
    return values


_AS_THEY_ARE = PLAIN | {np.float32}


def _promoted(op: Op, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if op.name in _INDEXED or op.kind == "program":
        return values
    key = tuple(v.__class__ if v.__class__ in PLAIN else (v.dtype, v.ndim) for v in values)
    wanted = plan(op.name, key)
    if wanted is None:
        return values
    return tuple(v if want is None else v.astype(want) for v, want in zip(values, wanted, strict=True))


@functools.lru_cache(maxsize=4096)
def plan(name: str, operands: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """What each operand is cast to (None: stays), or None where nothing is; operands as (dtype, ndim) or a type."""
    op = REGISTRY[name]
    arrays = [x[0] for x in operands if x.__class__ is tuple]
    if name in _PRODUCTS:
        if len(set(arrays)) > 1:
            raise refusal(RuntimeDTypeError, _mixed_product(operands))
        return None
    if len(operands) == 1 and op.kind != "elementwise":
        return (default_float(),) if name in _FLOATING and arrays[0].kind in "biu" else None
    counted = [i for i in range(len(operands)) if _is_computed_with(op, i)] or list(range(len(operands)))
    result = result_dtype(tuple(operands[i] for i in counted))
    if op.kind == "elementwise" and result.kind in "biu":
        _refuse_bool(name, operands)
        if op.differentiable and op.spec is not None and _computes_floats(op, result):
            result = default_float()
    wanted: list[Any] = [None] * len(operands)
    for i in counted:
        x = operands[i]
        target = real_part(result) if x.__class__ is tuple and x[0].kind != "c" else result
        wanted[i] = target if x.__class__ is tuple and x[0] != target else None
    return tuple(wanted) if any(wanted) else None


def _is_computed_with(op: Op, operand: int) -> bool:
    """Whether an operand is a number, and no index, order or condition, which keeps its dtype: rules tell."""
    if op.name == "where":
        return operand > 0
    if op.arity is None:
        return True
    rule = op.rule(operand)
    return rule is not NONE and (rule is not ZERO or op.kind == "elementwise")


def _computes_floats(op: Op, integer: Any) -> bool:
    assert op.spec is not None
    return op.spec(*[Spec((), integer)] * (op.arity or 1)).dtype.kind == "f"


def result_dtype(operands: Any) -> Any:
    """PyTorch's result type: 0-d arrays yield to others, Python numbers to all, within a category."""
    found: Any = None
    for chosen in ([x[0] for x in operands if x.__class__ is tuple and is_0d(x)] for is_0d in (_has_axes, _has_none)):
        for one in chosen[1:]:
            chosen[0] = wider(chosen[0], one)
        if chosen and (found is None or _CATEGORIES[chosen[0].kind] > _CATEGORIES[found.kind]):
            found = chosen[0]
    numbers = max((_CATEGORIES[x] for x in operands if x.__class__ is not tuple), default=-1)
    if found is None or numbers > _CATEGORIES[found.kind]:
        if numbers == 3 and found is not None and found.kind == "f":
            return np.result_type(found, np.complex64)
        return (BOOL, INT64, default_float(), default_complex())[numbers]
    return found


def _has_axes(operand: Any) -> bool:
    return operand[1] > 0


def _has_none(operand: Any) -> bool:
    return operand[1] == 0


def category(numpy_dtype: Any) -> int:
    """Truth values, integers, floats, complex numbers: 0 to 3."""
    return _CATEGORIES[numpy_dtype.kind]


def wider(one: Any, other: Any) -> Any:
    """The common dtype of two arrays: of floats and integers it is the float's, however narrow."""
    if one.kind in "fc" and other.kind in "biu":
        return one
    if other.kind in "fc" and one.kind in "biu":
        return other
    return np.promote_types(one, other)


def _refuse_bool(name: str, operands: Any) -> None:
    if name == "subtract" and all(x.__class__ is tuple and x[0] == BOOL for x in operands):
        raise refusal(
            RuntimeDTypeError,
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead.",
        )
    if name == "negative" and operands[0][0] == BOOL:
        raise refusal(
            RuntimeDTypeError,
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead.",
        )


def _mixed_product(operands: Any) -> str:
    (one, ndim), (other, other_ndim) = operands[:2]
    if ndim == other_ndim == 1:
        return f"dot : expected both vectors to have same dtype, but found {scalar_name(one)} and {scalar_name(other)}"
    if other_ndim == 1:
        return (
            f"addmv input tensors must have the same dtype, but got {scalar_name(other)}, {scalar_name(one)}, and "
            f"{scalar_name(other)}"
        )
    if max(ndim, other_ndim) <= 2:
        return f"expected m1 and m2 to have the same dtype, but got: {_NAMES[one.name][1]} != {_NAMES[other.name][1]}"
    return f"expected scalar type {scalar_name(one)} but found {scalar_name(other)}"

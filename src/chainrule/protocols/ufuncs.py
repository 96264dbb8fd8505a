"""``__array_ufunc__``: the universal functions of NumPy and SciPy on Tensors, and their methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from chainrule.box import Box
from chainrule.errors import DTypeError
from chainrule.op import COMPOSITES, REGISTRY
from chainrule.ops import ops, public_paths
from chainrule.protocols.arguments import Unmatched, arguments_of, leave, material, operand, refuse_to_write, uncounted
from chainrule.protocols.functions import OWN, find
from chainrule.protocols.reductions import fold, reduce, scan
from chainrule.tensor import Tensor

# What ufuncs reduce and accumulate to, where that is an op of its own.
REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
    "logaddexp": "logsumexp",
}  # fmt: skip
SCANS = {"add": "cumsum", "multiply": "cumprod"}

Counterparts = dict[Any, tuple[Callable[..., Any], frozenset[str]]]


def _counterparts() -> Counterparts:
    """Our function of every ufunc that has one, and the parameters it takes."""
    found: Counterparts = {}
    records = {**REGISTRY, **COMPOSITES}
    for record in records.values():
        for name in record.numpy or (record.name,):
            found.setdefault(find(name), (record.call, arguments_of(record)[1]))
    for name, function in OWN.items():
        found[find(name)] = function, frozenset()
    for record in records.values():
        # SciPy's are values of ops, as they are or with a wrapper, or have the name that users find ours under.
        found.setdefault(getattr(record.value, "__wrapped__", record.value), (record.call, frozenset()))
        for path in public_paths(record):
            home, _, name = path.rpartition(".")
            if home == "special":
                scipy = getattr(special, name, None)
                found.setdefault(scipy, (_floating(scipy, record.call), frozenset()))
    return {ufunc: call for ufunc, call in found.items() if isinstance(ufunc, np.ufunc)}


def _floating(ufunc: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Our function, on integers cast to what SciPy computes in: NumPy's of the same name may take fewer bits."""

    def floating(*inputs: Any) -> Any:
        whole = any(isinstance(x, (Box, np.ndarray)) and x.dtype.kind in "biu" for x in inputs)
        return call(*(_cast(ufunc, inputs, None, "same_kind") if whole else inputs))

    return floating


UFUNCS = _counterparts()
_DEFAULTS = {
    "where": True, "casting": "same_kind", "dtype": None, "out": None, "keepdims": False,
}  # fmt: skip


def array_ufunc(_self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    for x in inputs:
        if not isinstance(x, _OURS) and hasattr(type(x), "__array_ufunc__"):
            return NotImplemented  # it has ufuncs of its own
    if kwargs.get("out") is not None:
        refuse_to_write(_name(ufunc, method), inputs, kwargs["out"])
    try:
        return _METHODS.get(method, uncounted)(ufunc, inputs, kwargs)
    except Unmatched as missing:
        told = str(missing)
    return leave(_name(ufunc, method), getattr(ufunc, method), inputs, kwargs, told)


_OURS = (Box, np.ndarray, np.generic)


def _name(ufunc: np.ufunc, method: str) -> str:
    owner = "numpy." if getattr(np, ufunc.__name__, None) is ufunc else ""
    return f"{owner}{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")


def _call(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    # The ufunc behind ndarray.clip has no public name.
    found = UFUNCS.get(ufunc, (ops.clip, frozenset()) if ufunc.__name__ == "clip" else None)
    call, parameters = found or (uncounted, frozenset())
    if not kwargs:
        return call(*inputs)
    kwargs = {name: value for name, value in kwargs.items() if name not in ("order", "subok")}  # of memory alone
    dtype, casting = kwargs.pop("dtype", None), kwargs.pop("casting", "same_kind")
    if found is not None and (dtype is not None or casting != "same_kind"):
        inputs = _cast(ufunc, inputs, dtype, casting)
    if kwargs.get("where", True) is not True:
        raise Unmatched("the argument where=, which leaves elements undefined,")
    return call(*inputs, **material(kwargs, parameters, _DEFAULTS))


def _cast(ufunc: np.ufunc, inputs: Any, dtype: Any, casting: str) -> Any:
    """The operands in the dtypes that NumPy would compute in, or the error that it has for them."""
    numbers = (int, float, complex)
    inputs = tuple(x if x.__class__ in numbers else operand(x) for x in inputs)
    kinds: Any = (*(x.__class__ if x.__class__ in numbers else x.dtype for x in inputs), *[None] * ufunc.nout)
    told: Any = {} if dtype is None else {"signature": (*[None] * ufunc.nin, *[np.dtype(dtype)] * ufunc.nout)}
    try:
        dtypes = ufunc.resolve_dtypes(kinds, casting=casting, **told)  # type: ignore[arg-type]  # a word of any text
    except TypeError as error:
        raise DTypeError(
            f"[numpy.{ufunc.__name__}] {str(error).rstrip('.')}; expected a dtype that the operands can be cast to; "
            f"convert the operands first, x.astype(...)."
        ) from None
    return tuple(
        np.asarray(x, to) if x.__class__ in numbers else ops.astype(x, to) if x.dtype != to else x
        for x, to in zip(inputs, dtypes, strict=False)
    )


def _counterpart(ufunc: np.ufunc, names: dict[str, str]) -> str | None:
    """The name of our op for a method of a ufunc (not for another ufunc of that name)."""
    return names.get(ufunc.__name__) if find(ufunc.__name__) is ufunc else None


def _binary(ufunc: np.ufunc) -> Callable[..., Any]:
    if ufunc not in UFUNCS or (ufunc.nin, ufunc.nout) != (2, 1):
        raise Unmatched("this function")
    return UFUNCS[ufunc][0]


def _given(inputs: Any, kwargs: dict[str, Any], names: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    x, *rest = inputs
    given = {"axis": 0, **dict(zip(names, rest, strict=False)), **kwargs}
    return operand(x), {k: v for k, v in given.items() if k == "axis" or (v is not None and v is not np._NoValue)}


def _reduce(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    x, given = _given(inputs, kwargs, ("axis", "dtype", "out", "keepdims", "initial", "where"))
    name = _counterpart(ufunc, REDUCTIONS)
    if name is not None and {"initial", "where"} & set(given):
        return reduce(name, x, **given)
    if name is not None:
        record = REGISTRY.get(name) or COMPOSITES[name]
        return record.call(x, **material(given, arguments_of(record)[1], _DEFAULTS))
    axis, keepdims, initial = given.pop("axis"), given.pop("keepdims", False), given.pop("initial", None)
    material(given, frozenset(), _DEFAULTS)
    return fold(_binary(ufunc), x, axis, keepdims, initial)


def _accumulate(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    x, given = _given(inputs, kwargs, ("axis", "dtype", "out"))
    name = _counterpart(ufunc, SCANS)
    if name is not None:
        return getattr(ops, name)(x, **material(given, frozenset({"axis", "dtype"}), _DEFAULTS))
    axis = given.pop("axis")
    material(given, frozenset(), _DEFAULTS)
    return scan(_binary(ufunc), x, axis)


def _reduceat(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    x, given = _given(inputs[:1], kwargs, ())
    indices, *rest = inputs[1:]
    given.update(zip(("axis", "dtype", "out"), rest, strict=False))
    axis = given.pop("axis")
    material(given, frozenset(), _DEFAULTS)
    starts = np.asarray(indices).tolist()
    stops = [*starts[1:], x.shape[axis]]
    parts = [
        _reduce(ufunc, (ops.take(x, np.arange(a, max(a + 1, b)), axis=axis),), {"axis": axis})
        for a, b in zip(starts, stops, strict=True)
    ]
    return ops.stack(parts, axis=axis) if parts else uncounted()


def _outer(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    x, y = map(operand, inputs)
    return _call(ufunc, (ops.reshape(x, x.shape + (1,) * y.ndim), y), kwargs)


_METHODS = {
    "__call__": _call, "reduce": _reduce, "accumulate": _accumulate, "reduceat": _reduceat, "outer": _outer,
}  # fmt: skip

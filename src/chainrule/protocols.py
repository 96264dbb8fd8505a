"""NumPy's protocols: plain NumPy calls on Tensors are recorded, and what would lose a gradient refuses.

Which NumPy function an op stands for is read from the registry (``numpy=``, by default the op's own name); the tables
here hold only what the registry cannot say. A call that has no counterpart runs in NumPy, on plain arrays and with a
plain result, when no gradient is at stake, and is an error when one is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from chainrule.apply import Box, box
from chainrule.errors import DTypeError, GradientError
from chainrule.op import COMPOSITES, REGISTRY, Composite, Op
from chainrule.ops import ops
from chainrule.spec import promote
from chainrule.tensor import Tensor
from chainrule.tree import flatten, map_leaves

# Ours that share a name with a NumPy function which does something else.
UNRELATED = frozenset({"put", "put_along_axis"})
# Further NumPy spellings of our ops.
SPELLINGS = {
    "amax": "max", "amin": "min", "concatenate": "concat", "around": "round", "linalg.matmul": "matmul",
    "linalg.tensordot": "tensordot", "linalg.vecdot": "vecdot",
    "linalg.matrix_transpose": "matrix_transpose", "cumulative_sum": "cumsum", "cumulative_prod": "cumprod",
}  # fmt: skip
# NumPy's names of parameters, where ours are others.
RENAMED = {"ddof": "correction", "a_min": "min", "a_max": "max"}
# Parameters that change how NumPy computes a result and lays it out, never which.
IMMATERIAL = frozenset({"optimize", "subok", "copy", "device"})
# Functions whose results are integers, booleans or text: no gradient can be lost in them, so they see the values.
OBSERVING = (
    "allclose", "array2string", "array_equal", "array_equiv", "array_repr", "array_str", "argpartition", "argsort",
    "argwhere", "can_cast", "digitize", "flatnonzero", "isclose", "iscomplex", "isin", "isneginf", "isposinf", "isreal",
    "lexsort", "nanargmax", "nanargmin", "nonzero", "searchsorted",
)  # fmt: skip
REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
    "logaddexp": "logsumexp",
}  # fmt: skip
SCANS = {"add": "cumsum", "multiply": "cumprod"}

# The arguments and defaults of NumPy's functions in C, which before NumPy 2.4 do not tell them themselves.
_GIVEN = inspect.Parameter.empty
TAKES = {
    "concatenate": {"arrays": _GIVEN, "axis": 0, "out": None, "dtype": None, "casting": "same_kind"},
    "dot": {"a": _GIVEN, "b": _GIVEN, "out": None},
    "inner": {"a": _GIVEN, "b": _GIVEN},
    "where": {"condition": _GIVEN, "x": None, "y": None},
}


class Unmatched(Exception):
    """A NumPy call, or one of its arguments, that our ops have no counterpart for."""


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """What a NumPy function takes."""
    taken = TAKES.get(function.__name__)
    if taken is None:
        return inspect.signature(function)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature([inspect.Parameter(name, kind, default=default) for name, default in taken.items()])


def _fitted(function: Callable[..., Any], record: Op | Composite) -> Callable[..., Any]:
    """The function of an op, called with the arguments of NumPy's."""
    signature = signature_of(function)
    names = list(signature.parameters)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    variadic = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    operands, parameters = _arguments(record)
    call = record.call

    def fitted(*args: Any, **kwargs: Any) -> Any:
        if variadic:
            return call(*args, **_material(kwargs, parameters, defaults))
        given = signature.bind(*args, **kwargs).arguments
        first = [given.pop(name) for name in names[:operands] if name in given]
        given.update(given.pop("kwargs", {}))
        return call(*first, **_material(given, parameters, defaults))

    return fitted


def _arguments(record: Op | Composite) -> tuple[int, frozenset[str]]:
    """How many leading arguments an op's function takes by position, and the names of the rest."""
    if isinstance(record, Op):
        return 1 if record.sequence else record.arity or 1, frozenset(record.parameters)
    own = list(inspect.signature(record.body).parameters.values())[1:]
    leading = [p for p in own if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return len(leading), frozenset(p.name for p in own if p not in leading)


def _material(given: Mapping[str, Any], parameters: frozenset[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that NumPy was given, under our names, without those that change nothing."""
    params = {}
    for name, value in given.items():
        ours = name if name in parameters else RENAMED.get(name, name)
        if value is np._NoValue or value is defaults.get(name, np._NoValue):
            continue
        if ours in parameters:
            params[ours] = value
        elif name not in IMMATERIAL:
            raise Unmatched(f"the argument {name}={_shown(value)}")
    return params


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 and "\n" not in text else f"<{type(value).__name__}>"


# ------------------------------------------------------------------------- what has a form of its own in NumPy


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return ops.where(condition, x, y) if x is not None else np.nonzero(condition)


def _full(x: Any, value: Any, dtype: Any, shape: Any) -> Any:
    """``value`` in the shape, dtype and class of x."""
    x = _operand(x)
    filled = ops.broadcast_to(ops.astype(_operand(value), dtype or x.dtype), x.shape if shape is None else shape)
    return filled if isinstance(value, Box) or not isinstance(x, Box) else box(type(x), filled._value, None)


def _like(value: float) -> Callable[..., Any]:
    def like(
        a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
    ) -> Any:
        del order, subok, device
        return _full(a, value, dtype, shape)

    return like


def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    del order, subok, device
    return _full(a, fill_value, dtype, shape)


def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    del order, subok
    return a.clone()


def _ravel(a: Any, order: str = "C") -> Any:
    if order != "C":
        raise Unmatched(f"the argument order={order!r}")
    return ops.reshape(a, (-1,))


def _float_power(x: Any, y: Any) -> Any:
    return ops.power(*(ops.astype(z, promote([z, np.float64(0)])) for z in (_operand(x), _operand(y))))


def _fabs(x: Any) -> Any:
    return ops.abs(ops.astype(x, np.fabs(np.empty(0, x.dtype)).dtype))


def _rint(x: Any) -> Any:
    return ops.round(ops.astype(x, np.rint(np.empty(0, x.dtype)).dtype))


def _reciprocal(x: Any) -> Any:
    # NumPy's reciprocal of integers cuts off the fraction, ours is the quotient.
    return ops.reciprocal(x) if x.dtype.kind in "fc" else _uncounted()


def _scan(name: str) -> Callable[..., Any]:
    def scan(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise Unmatched("the argument out=")
        a = ops.reshape(a, (-1,)) if axis is None else a
        return getattr(ops, name)(a, axis=0 if axis is None else axis, dtype=dtype)

    return scan


def _operand(x: Any) -> Any:
    return x if isinstance(x, Box) else np.asarray(x)


def _broadcast_arrays(*arrays: Any, subok: bool = False) -> Any:
    del subok
    shape = np.broadcast_shapes(*(np.shape(x) for x in arrays))
    return tuple(ops.broadcast_to(x, shape) for x in arrays)


def _dtypes(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*(x.dtype if isinstance(x, Box) else x for x in arrays_and_dtypes))


def _size(a: Any, axis: Any = None) -> int:
    return a.size if axis is None else int(np.prod([a.shape[i] for i in np.atleast_1d(axis)]))


OWN: dict[str, Callable[..., Any]] = {
    "where": _where,
    "zeros_like": _like(0),
    "ones_like": _like(1),
    "empty_like": _like(0),
    "full_like": _full_like,
    "copy": _copy,
    "cumsum": _scan("cumsum"),
    "cumprod": _scan("cumprod"),
    "float_power": _float_power,
    "fabs": _fabs,
    "reciprocal": _reciprocal,
    "rint": _rint,
    "broadcast_arrays": _broadcast_arrays,
    "divmod": lambda x, y: (ops.floor_divide(x, y), ops.remainder(x, y)),
    "ravel": _ravel,
    "shape": lambda a: a.shape,
    "ndim": lambda a: a.ndim,
    "size": _size,
    "result_type": _dtypes,
    "iscomplexobj": lambda x: x.dtype.kind == "c",
    "isrealobj": lambda x: x.dtype.kind != "c",
}


# -------------------------------------------------------------------------------------- the tables, and the calls


def _find(name: str) -> Any:
    """A function of NumPy by name, or None."""
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if found is not None or "." in name else getattr(np.linalg, name, None)


Counterparts = dict[Any, tuple[Callable[..., Any], frozenset[str]]]


def _counterparts() -> tuple[Counterparts, dict[Any, Callable[..., Any]]]:
    """Our function of every ufunc (with the parameters it takes), and of every NumPy function, that has one."""
    ufuncs: Counterparts = {}
    functions: dict[Any, Callable[..., Any]] = {}
    records = {**REGISTRY, **COMPOSITES}
    pairs = [(name, record) for record in records.values() for name in record.numpy or (record.name,)]
    pairs += [(name, records[ours]) for name, ours in SPELLINGS.items() if ours in records]
    for name, record in pairs:
        found = _find(name)
        if isinstance(found, np.ufunc):
            ufuncs.setdefault(found, (record.call, _arguments(record)[1]))
        elif not hasattr(found, "_implementation") or name in UNRELATED:
            continue
        elif found not in functions or record.name == found.__name__:
            functions[found] = _fitted(found, record)
    for name, function in OWN.items():
        found = _find(name)
        if isinstance(found, np.ufunc):
            ufuncs[found] = function, frozenset()
        else:
            functions[found] = function
    for record in records.values():  # ufuncs of SciPy's are values of ops, as they are or with a wrapper
        found = getattr(record.value, "__wrapped__", record.value)
        if isinstance(found, np.ufunc):
            ufuncs.setdefault(found, (record.call, frozenset()))
    return ufuncs, functions


UFUNCS, FUNCTIONS = _counterparts()
_OBSERVING = frozenset(map(_find, OBSERVING))
_UFUNC_DEFAULTS = {
    "where": True, "casting": "same_kind", "dtype": None, "out": None, "keepdims": False, "order": "K",
}  # fmt: skip


def _values(tree: Any) -> Any:
    """``tree`` with plain read-only arrays in place of its Tensors."""
    return map_leaves(lambda x: x.detach().numpy() if isinstance(x, Tensor) else x, tree)


def _leave(name: str, run: Callable[..., Any], args: Any, kwargs: dict[str, Any], told: str) -> Any:
    """Run what has no counterpart on plain arrays, unless a gradient is at stake."""
    out = kwargs.get("out")
    if any(isinstance(x, Box) for x in (out if isinstance(out, tuple) else (out,))):
        raise DTypeError(
            f"[{name}] out= is a Tensor, whose array never changes under anyone's feet; "
            f"expected no out=; take the result, y = {name}(...)."
        )
    for x in flatten([list(args), kwargs])[0]:
        if isinstance(x, Tensor) and x._node is not None:
            x._known(name)
            raise DTypeError(
                f"[{name}] {told} has no counterpart that is recorded, and the gradient of an operand ({x.spec!r}) "
                f"would be lost; expected operands without a gradient; call x.detach() first, or use functions of "
                f"chainrule."
            )
    args, kwargs = _values((tuple(args), kwargs))
    return run(*args, **kwargs)


def _array_function(_self: Tensor, function: Any, types: Iterable[type], args: Any, kwargs: dict[str, Any]) -> Any:
    if not all(issubclass(kind, (Box, np.ndarray, np.generic)) for kind in types):
        return NotImplemented
    name = f"{function.__module__}.{function.__name__}"
    if function in _OBSERVING:
        args, kwargs = _values((tuple(args), kwargs))
        return function(*args, **kwargs)
    try:
        return FUNCTIONS.get(function, _uncounted)(*args, **kwargs)
    except Unmatched as missing:
        told = str(missing)
    return _leave(name, function, args, kwargs, told)


def _array_ufunc(_self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    if any(_has_ufuncs_of_its_own(x) for x in inputs):
        return NotImplemented
    owner = "numpy." if getattr(np, ufunc.__name__, None) is ufunc else ""
    name = f"{owner}{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if isinstance(kwargs.get("out", (None,))[0], np.ndarray):
        _refuse_to_write(name, inputs)
    try:
        return _METHODS.get(method, _uncounted)(ufunc, inputs, kwargs)
    except Unmatched as missing:
        told = str(missing)
    return _leave(name, getattr(ufunc, method), inputs, kwargs, told)


def _has_ufuncs_of_its_own(x: Any) -> bool:
    return hasattr(type(x), "__array_ufunc__") and not isinstance(x, (Box, np.ndarray, np.generic))


def _refuse_to_write(name: str, inputs: Any) -> None:
    for x in inputs:
        if isinstance(x, Tensor) and x._node is not None:
            raise GradientError(
                f"[{name}] the result would be written into an array, where the gradient of an operand ({x.spec!r}) "
                f"would be lost; expected no out=, and no array on the left of an in-place operator; "
                f"write a = a + x instead of a += x, or call x.detach() first."
            )


def _uncounted(*_args: Any, **_kwargs: Any) -> Any:
    raise Unmatched("this function")


def _call(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    # The ufunc behind ndarray.clip has no public name.
    found = UFUNCS.get(ufunc, (ops.clip, frozenset()) if ufunc.__name__ == "clip" else None)
    call, parameters = found or (_uncounted, frozenset())
    return call(*inputs, **_material(kwargs, parameters, _UFUNC_DEFAULTS))


def _fold(folds: dict[str, str]) -> Callable[..., Any]:
    def fold(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
        name = folds.get(ufunc.__name__)
        record = REGISTRY.get(name or "") or COMPOSITES.get(name or "")
        if record is None or UFUNCS[ufunc][0] is not getattr(ops, ufunc.__name__):
            raise Unmatched("this function")
        x, *rest = inputs
        given = {"axis": 0, **dict(zip(("axis", "dtype", "out"), rest, strict=False)), **kwargs}
        return record.call(x, **_material(given, _arguments(record)[1], _UFUNC_DEFAULTS))

    return fold


def _outer(ufunc: np.ufunc, inputs: Any, kwargs: dict[str, Any]) -> Any:
    x, y = map(_operand, inputs)
    return _call(ufunc, (ops.reshape(x, x.shape + (1,) * y.ndim), y), kwargs)


_METHODS = {"__call__": _call, "reduce": _fold(REDUCTIONS), "accumulate": _fold(SCANS), "outer": _outer}

# ------------------------------------------------------------------------------------------------------ DLPack


def _dlpack(
    self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
) -> Any:
    value = self.numpy()
    if max_version is None or max_version[0] < 1:
        # Without a flag for read-only memory in the old protocol, the consumer gets a copy it may write to.
        value = value.copy()
    return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)


def _dlpack_device(_self: Tensor) -> tuple[int, int]:
    return np.empty(0).__dlpack_device__()


for _name, _method in {
    "__dlpack__": _dlpack,
    "__dlpack_device__": _dlpack_device,
    "__array_ufunc__": _array_ufunc,
    "__array_function__": _array_function,
}.items():
    setattr(Tensor, _name, _method)

"""``__array_function__``: NumPy's functions on Tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.op import COMPOSITES, REGISTRY, Composite, Op
from chainrule.ops import ops
from chainrule.protocols.arguments import (
    Unmatched,
    arguments_of,
    leave,
    material,
    operand,
    refuse_to_write,
    shown,
    signature_of,
    uncounted,
    values,
)
from chainrule.protocols.formulas import FORMULAS
from chainrule.protocols.reductions import AVERAGES, IDENTITIES, reduce
from chainrule.protocols.shapes import SHAPES
from chainrule.tensor import Tensor
from chainrule.tree import flatten, map_leaves

# Ours that share a name with a NumPy function which does something else.
UNRELATED = frozenset({"put", "put_along_axis"})
# Further NumPy spellings of our ops.
SPELLINGS = {
    "amax": "max", "amin": "min", "concatenate": "concat", "linalg.matmul": "matmul",
    "linalg.tensordot": "tensordot", "linalg.vecdot": "vecdot",
    "linalg.matrix_transpose": "matrix_transpose",
}  # fmt: skip
OWN = SHAPES | FORMULAS
# Functions whose results are integers, booleans or text: no gradient can be lost, so they see the values.
OBSERVING = (
    "allclose", "array2string", "array_equal", "array_equiv", "array_repr", "array_str", "argpartition", "argsort",
    "argwhere", "can_cast", "diag_indices_from", "digitize", "einsum_path", "flatnonzero", "isclose", "iscomplex",
    "isin", "isneginf", "isposinf", "isreal", "lexsort", "may_share_memory", "min_scalar_type", "nanargmax",
    "nanargmin", "nonzero", "searchsorted", "shares_memory", "tril_indices_from", "triu_indices_from",
)  # fmt: skip
# The reductions that take where= and initial= in NumPy.
REDUCTIONS = frozenset({*IDENTITIES, *AVERAGES} - {"logsumexp"})
# Those that join arrays and convert them first.
JOINING = frozenset({"concat", "stack", "hstack", "vstack"})


def _fitted(function: Callable[..., Any], record: Op | Composite) -> Callable[..., Any]:
    """The function of an op, called with the arguments of NumPy's."""
    signature = signature_of(function)
    names = list(signature.parameters)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    variadic = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    operands, parameters = arguments_of(record)
    call = record.call
    reduces = record.name.removeprefix("nan") in REDUCTIONS
    casts = "dtype" in defaults and "dtype" not in parameters

    def fitted(*args: Any, **kwargs: Any) -> Any:
        if variadic:
            return call(*args, **material(kwargs, parameters, defaults))
        given = {**dict(zip(names, args, strict=False)), **kwargs}  # NumPy has seen to it that these fit
        if reduces and ("where" in given or given.get("initial", np._NoValue) is not np._NoValue):
            return _selective(record.name, given)
        first = [given.pop(name) for name in names[:operands] if name in given]
        if casts:
            first[0] = _cast(record.name, first[0], given.pop("dtype", None), given.pop("casting", "unsafe"))
        if given.pop("include_initial", False):
            raise Unmatched("the argument include_initial=True")
        return call(*first, **material(given, parameters, defaults))

    return fitted


def _selective(name: str, given: dict[str, Any]) -> Any:
    """A reduction with ``where=`` or ``initial=``."""
    params = {key: value for key, value in given.items() if value is not np._NoValue and key not in ("a", "out")}
    if "correction" in params:
        params["ddof"] = params.pop("correction")
    unknown = sorted(set(params) - {"axis", "dtype", "keepdims", "initial", "where", "ddof"})
    if unknown:
        raise Unmatched(f"the argument {unknown[0]}={shown(params[unknown[0]])}")
    return reduce(name, given["a"], **params)


def _cast(name: str, x: Any, dtype: Any, casting: str) -> Any:
    """An operand, or the operands that are to be joined, in the dtype that NumPy is told to compute in."""
    if dtype is None:
        return x
    if name in JOINING:
        x = [operand(one) for one in x]
        if all(np.can_cast(one.dtype, dtype, casting) for one in x):  # type: ignore[arg-type]  # a word, of any text
            return [ops.astype(one, dtype) for one in x]
    elif np.dtype(dtype).kind in "fc":
        return ops.astype(operand(x), dtype)
    raise Unmatched(f"the argument dtype={dtype!r}")


def find(name: str) -> Any:
    """A function of NumPy by name, or None."""
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if found is not None or "." in name else getattr(np.linalg, name, None)


def _functions() -> dict[Any, Callable[..., Any]]:
    """Our function of every NumPy function that has one."""
    functions: dict[Any, Callable[..., Any]] = {}
    records = {**REGISTRY, **COMPOSITES}
    pairs = [(name, record) for record in records.values() for name in record.numpy or (record.name,)]
    pairs += [(name, records[ours]) for name, ours in SPELLINGS.items() if ours in records]
    for name, record in pairs:
        found = find(name)
        if not hasattr(found, "_implementation") or name in UNRELATED:
            continue
        if found not in functions or record.name == found.__name__:
            functions[found] = _fitted(found, record)
    named = {find(name): function for name, function in OWN.items()}
    return functions | {found: function for found, function in named.items() if not isinstance(found, np.ufunc)}


def _waits(function: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether what a function would look at is not known yet, and we have an op that will."""
    return function in FUNCTIONS and any(isinstance(x, Box) and x._value is None for x in flatten([args, kwargs])[0])


FUNCTIONS = _functions()
_OBSERVING = frozenset(map(find, OBSERVING))
_SHAPED = frozenset({np.diag_indices_from, np.tril_indices_from, np.triu_indices_from})  # which see only shapes


def array_function(_self: Tensor, function: Any, types: Iterable[type], args: Any, kwargs: dict[str, Any]) -> Any:
    if not all(issubclass(kind, (Box, np.ndarray, np.generic)) for kind in types):
        return NotImplemented
    name = f"{function.__module__}.{function.__name__}"
    if function in _SHAPED:
        return function(*map_leaves(lambda x: np.broadcast_to(0, x.shape) if isinstance(x, Box) else x, args), **kwargs)
    if function in _OBSERVING and not _waits(function, args, kwargs):
        args, kwargs = values((tuple(args), kwargs))
        return function(*args, **kwargs)
    try:
        out = kwargs.get("out")
        if out is None:
            return FUNCTIONS.get(function, uncounted)(*args, **kwargs)
        refuse_to_write(name, args, out)
        told = f"the argument out={shown(out)}"
    except Unmatched as missing:
        told = str(missing)
    return leave(name, function, args, kwargs, told)

"""THE interception point: every call of every op passes through one of the three functions here.

``apply`` does it for any op. ``unary`` and ``binary`` are the same steps unrolled for ops of one and two
operands without parameters, because they are what a tape spends its time in. The steps: take values and nodes
out of the operands, compute, and, if a gradient may be asked, leave a Node that keeps what the rules need.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.box import PLAIN, Box, as_value, borrowed, box, common_class, not_numeric, operand_spec
from chainrule.config import recording
from chainrule.errors import DTypeError
from chainrule.node import Node, SymbolicNode, record, record_pair
from chainrule.op import PICK, REGISTRY, Op
from chainrule.refusals import call_error, explain, misfit, spec_for
from chainrule.spec import Spec, Specs, copied, spec_of
from chainrule.tree import LEAVES, flatten
from chainrule.unknown import UnknownError, UnknownNode, unknown_call

_new = object.__new__


_core: type[Box] = Box


def set_default(cls: type[Box]) -> None:
    """Name the class of Tensors whose promotion is NumPy's: told once, by tensor.py."""
    global _core
    Box.default = _core = cls
    LEAVES.add(cls)


def unary(op: Op) -> Callable[..., Any]:
    """The function of an elementwise op of one operand: its out has the operand's shape."""
    value, differentiable, is_recording = op.value, op.differentiable, recording.get
    keep_out, keep_x = op.keeps(1, 1)
    keep = keep_out or keep_x

    def call(x, /):
        cls = x.__class__
        if not isinstance(x, Box):
            return apply(op, (x,), {})
        v, node = x._value, x._node
        if v is None:
            return apply(op, (x,), {}) if node.axis is None else node.axis.unary(op, call, cls, x, node)
        if cls is not _core and cls.promotion is not None:
            (v,) = cls.promotion(op, (v,))
        try:
            out = value(v)
        except Exception as error:
            raise explain(op, (v,), {}, error) from None
        if node is not None:
            if differentiable and is_recording():
                kept = (out if keep_out else None, v if keep_x else None) if keep else None
                node = record_pair(op, node, None, kept, NO_PARAMS, node.shape, out.dtype)
            else:
                node = None
        made = _new(cls)
        made._value = out
        made._node = node
        made._grad = None
        return made

    return call


def defers(other: Any) -> bool:
    """Whether an operator should leave the other operand to Python: it is no number and no array."""
    return not isinstance(other, (Box, np.ndarray, np.generic, list, tuple)) and other.__class__ not in PLAIN


def binary(op: Op, operator: bool = False) -> Callable[..., Any]:
    """The function of a two-operand op; as an ``operator`` it returns NotImplemented where Python expects that."""
    value, differentiable, is_recording = op.value, op.differentiable, recording.get
    left, right, both = op.keeps(1, 2), op.keeps(2, 2), op.keeps(3, 2)
    partials = op.partials is not None
    fill = not partials  # rules that are not partials want Specs in place of what is not kept
    alike = op.alike

    def call(x, y, /):
        cls = x.__class__
        if cls is y.__class__ and isinstance(x, Box):
            v, p, w, q = x._value, x._node, y._value, y._node
        elif isinstance(x, Box) and y.__class__ in PLAIN:
            v, p, w, q = x._value, x._node, y, None
        elif isinstance(y, Box) and cls in PLAIN and cls is not complex:
            cls = y.__class__
            v, p, w, q = x, None, y._value, y._node
        elif isinstance(x, Box) and isinstance(y, Box):
            cls = common_class(x.__class__, y.__class__)
            v, p, w, q = x._value, x._node, y._value, y._node
        elif operator and (defers(x) or defers(y)):
            return NotImplemented
        else:
            return apply(op, (x, y), {})
        if v is None or w is None or (alike and w.__class__ not in PLAIN and differ(v, w)):
            if partials and (v is None or w is None):
                axis = (p or q).axis  # type: ignore[union-attr]  # a symbol has a node
                if axis is not None:
                    return axis.binary(op, call, cls, x, y, p, q)
            return apply(op, (x, y), {})
        if cls is not _core and cls.promotion is not None:
            v, w = cls.promotion(op, (v, w))
        try:
            out = value(v, w)
        except Exception as error:
            raise explain(op, (v, w), {}, error) from None
        made = _new(cls)
        made._value = out
        made._grad = None
        if p is None:
            if q is None or not differentiable or not is_recording():
                made._node = None
                return made
            keep_out, keep_x, keep_y = right
        elif not differentiable or not is_recording():
            made._node = None
            return made
        else:
            keep_out, keep_x, keep_y = left if q is None else both
        if fill:
            kept = _kept((keep_out, keep_x, keep_y), out, (v, w), (p, q))
        elif keep_out or keep_x or keep_y:
            kept = (out if keep_out else None, v if keep_x else None, w if keep_y else None)
        else:
            kept = None
        made._node = record_pair(op, p, q, kept, NO_PARAMS, out.shape, out.dtype)
        return made

    return call


NO_PARAMS: dict[str, Any] = {}


def differ(v: Any, w: Any) -> bool:
    """Whether two values are arrays of different dtypes; a Python number takes that of its neighbour."""
    return v.__class__ not in PLAIN and w.__class__ not in PLAIN and v.dtype != w.dtype


def _made_alike(op: Op, operands: Sequence[Any], values: Sequence[Any], specs: Sequence[Any]) -> list[Any] | None:
    """The operands in the precision of the result, or None if they have it already."""
    wanted = spec_for(op, specs, NO_PARAMS).dtype
    if wanted.kind not in "fc":
        return None
    real = np.empty(0, wanted).real.dtype
    alike = list(operands)
    for i, (x, v, spec) in enumerate(zip(operands, values, specs, strict=True)):
        if spec.__class__ not in PLAIN and spec.dtype not in (wanted, real):
            dtype = wanted if spec.dtype.kind == "c" else real
            alike[i] = apply(REGISTRY["astype"], (x if isinstance(x, Box) else v,), {"dtype": dtype})
    return alike if any(x is not y for x, y in zip(alike, operands, strict=True)) else None


def apply_one(op: Op, x: Any, params: dict[str, Any]) -> Any:
    """``apply(op, (x,), params)``, for the ops of one operand that shapes and reductions are made of."""
    if not isinstance(x, Box):
        return apply(op, (x,), params)
    cls, v, node = x.__class__, x._value, x._node
    if v is None:
        if node.axis is None or op.alike:
            return apply(op, (x,), params)
        return node.axis.apply(op, cls, (x,), (None,), (node,), params)
    if cls is not _core and cls.promotion is not None:
        (v,) = cls.promotion(op, (v,))
    try:
        out = op.value(v, **params)
    except Exception as error:
        raise explain(op, (v,), params, error) from None
    if node is not None:
        if op.differentiable and recording.get() and out.dtype.kind in "fc":
            keep_out, keep_x = op.keeps(1, 1)
            kept = (out if keep_out else None, v if keep_x else None) if keep_out or keep_x else None
            node = record(op, (node,), kept, params, out)
        else:
            node = None
    return box(cls, out, node)


def apply(op: Op, operands: Any, params: dict[str, Any]) -> Any:
    """Call ``op`` on operands of any kind; ``params`` are its static parameters in canonical spelling."""
    if len(operands) == 2 and operands[0].__class__ is complex and getattr(operands[1], "dtype", None) == np.float64:
        # A float64 scalar is a float to Python, which would compute in numbers of its own: 1j / np.float64(0) raises.
        operands = np.complex128(operands[0]), operands[1]
    arrays = untracked(operands)
    if arrays is not None:
        try:
            out = op.value(*arrays, **params)
        except Exception as error:
            raise explain(op, arrays, params, error) from None
        return box(_core, out, None) if op.outputs is None else gathered(op, picks(_core, None, out))
    cls: type[Box] | None = None
    values: list[Any] = []
    nodes: list[Any] = []
    symbolic = False
    for x in operands:
        if isinstance(x, Box):
            cls = x.__class__ if cls is None or cls is x.__class__ else common_class(cls, x.__class__)
            values.append(x._value)
            nodes.append(x._node)
            symbolic = symbolic or x._value is None
        else:
            values.append(as_value(op.name, x))
            nodes.append(None)
    if cls is None:
        cls = Box.default
        if all(v.__class__ in PLAIN for v in values):
            values = [np.asarray(v) for v in values]
    if cls.promotion is not None and not symbolic:
        values = list(cls.promotion(op, tuple(values)))
    if symbolic and any(node.__class__ is UnknownNode for node in nodes):
        return defer(op.call, (list(operands),) if op.sequence else operands, params, op.outputs)
    if op.alike and any(node is not None for node in nodes):
        specs = [node.spec if v is None else spec_of(v) for v, node in zip(values, nodes, strict=True)]
        alike = _made_alike(op, operands, values, specs)
        if alike is not None:
            return apply(op, alike, params)
    if symbolic:
        axes = [node.axis for node in nodes if node is not None and node.axis is not None]
        if axes:
            return max(axes).apply(op, cls, operands, values, nodes, params)
        return _apply_symbolically(op, cls, values, nodes, params)
    try:
        out = op.value(*values, **params)
    except Exception as error:
        raise explain(op, values, params, error) from None
    if op.outputs is not None:
        return _several(op, cls, out, nodes, values, operands, params)
    if any(borrowed(x, v) and np.may_share_memory(out, v) for v, x in zip(values, operands, strict=True)):
        out = out.copy()
    tracked = any(node is not None for node in nodes)
    if not tracked or not op.differentiable or not recording.get() or out.dtype.kind not in "fc":
        return box(cls, out, None)
    values = _owned(values, operands)
    mask = sum(1 << i for i, node in enumerate(nodes) if node is not None)
    keep = op.keeps(mask, len(values))
    if op.partials is None:
        kept = _kept(keep, out, values, nodes)
    else:
        kept = tuple(v if keep_it else None for v, keep_it in zip((out, *values), keep, strict=True))
    return box(cls, out, record(op, tuple(nodes), kept, params, out))


def defer(function: Callable[..., Any], args: Sequence[Any], named: dict[str, Any], outputs: Any = None) -> Any:
    """What a call gives that must wait for the shapes of its operands: a symbol for its result, or for each of several.

    Raises the UnknownError that stopped the call if no operand is unknown.
    """
    flat, _ = flatten((tuple(args), named))
    classes = [type(x) for x in flat if isinstance(x, Box)]
    if not any(isinstance(x, Box) and x._node.__class__ is UnknownNode for x in flat):
        raise
    cls = functools.reduce(common_class, classes)
    made = box(cls, None, unknown_call(function, args, named, Box))
    if outputs is None or outputs is tuple:
        return made
    fields = [unknown_call(operator.getitem, (made, i), {}, Box) for i, _ in enumerate(outputs._fields)]
    return outputs(*(box(cls, None, node) for node in fields))


def bare_arguments(args: Sequence[Any]) -> Any:
    """The arguments of a call with bare arrays in place of Tensors, or None if one of those may want a gradient."""
    bare = []
    for x in args:
        if x.__class__ is _core:
            if x._node is not None:
                return None
            x = x._value
        elif x.__class__ is list or x.__class__ is tuple:
            x = bare_arguments(x)
            if x is None:
                return None
        elif isinstance(x, Box) or (isinstance(x, np.ndarray) and x.__class__ is not np.ndarray):
            return None  # a mask, or what else an array of a class of its own has, is not for functions of NumPy's
        bare.append(x)
    return tuple(bare) if args.__class__ is tuple else bare


def boxed(out: Any, args: Sequence[Any]) -> Any:
    """What a function of bare arrays gave, as a Tensor or Tensors that share no memory with the caller's arrays."""
    if isinstance(out, (tuple, list)):
        return type(out)(boxed(one, args) for one in out)
    if out.dtype.kind not in "biufc":
        raise not_numeric("chainrule", out)
    if any(isinstance(x, np.ndarray) and np.may_share_memory(out, x) for x in args):
        out = out.copy()
    return box(_core, out, None)


def untracked(operands: Any) -> list[Any] | None:
    """The values of Tensors that nothing is recorded of, and numbers beside them; None if there is anything else."""
    values, tensors = [], False
    for x in operands:
        if x.__class__ is _core:
            if x._node is not None:
                return None
            values.append(x._value)
            tensors = True
        elif x.__class__ in PLAIN:
            values.append(x)
        else:
            return None
    return values if tensors else None


def _owned(values: list[Any], operands: Any) -> list[Any]:
    """The values, with copies of the caller's arrays: those may be written to later, what a node keeps may not."""
    return [v.copy() if borrowed(x, v) else v for v, x in zip(values, operands, strict=True)]


def _several(
    op: Op, cls: type[Box], outs: Any, nodes: list[Any], values: list[Any], operands: Any, params: dict[str, Any]
) -> Any:
    """The Tensors of an op with several outputs; see Note [Several outputs]."""
    node = None
    if op.differentiable and recording.get() and any(node is not None for node in nodes):
        keep = op.keeps(sum(1 << i for i, node in enumerate(nodes) if node is not None), len(values))
        kept = _kept(keep, tuple(outs), _owned(values, operands), nodes)
        node = record(op, tuple(nodes), kept, params, Specs(map(spec_of, outs)))
    return gathered(op, picks(cls, node, outs))


def recorded(op: Op, operands: Sequence[Any], outs: Sequence[Any], params: dict[str, Any]) -> Any:
    """The Tensors of a call of an op with several outputs whose values are computed already."""
    boxes = [x for x in operands if isinstance(x, Box)]
    cls = functools.reduce(common_class, map(type, boxes))
    values = [x._value if isinstance(x, Box) else as_value(op.name, x) for x in operands]
    nodes = [x._node if isinstance(x, Box) else None for x in operands]
    return _several(op, cls, outs, nodes, values, operands, params)


def gathered(op: Op, outs: list[Any]) -> Any:
    """The outputs of an op with several, in its own kind of tuple."""
    return tuple(outs) if op.outputs is tuple else op.outputs(*outs)


def picks(cls: type[Box], node: Any, outs: Any) -> list[Any]:
    """The outputs of an op with several, as Tensors; ``outs`` are their values, or Specs of those without."""
    if node is not None and node.axis is not None:
        return node.axis.picks(cls, node)
    kind = SymbolicNode if node is not None and node.symbolic else Node
    picked = []
    for i, out in enumerate(outs):
        value = None if isinstance(out, Spec) else out
        if node is None or (value is not None and out.dtype.kind not in "fc"):
            picked.append(box(cls, value, None))
        else:
            kept = (None, None) if value is None else None
            made = record_pair(PICK, node, None, kept, {"index": i}, out.shape, out.dtype, kind)
            picked.append(box(cls, value, made))
    return picked


def _kept(keep: Sequence[bool], out: Any, values: Sequence[Any], nodes: Sequence[Any]) -> tuple[Any, ...] | None:
    """What a node keeps for rules that are not partials: a Spec for an operand that has no node to ask for it."""
    kept = [out if keep[0] else None]
    for v, keep_it, node in zip(values, keep[1:], nodes, strict=True):
        kept.append(v if keep_it else None if node is not None else spec_of(v))
    return tuple(kept) if any(k is not None for k in kept) else None


def _apply_symbolically(op: Op, cls: type[Box], values: list[Any], nodes: list[Any], params: dict[str, Any]) -> Any:
    specs = [node.spec if v is None else spec_of(v) for v, node in zip(values, nodes, strict=True)]
    out = spec_for(op, specs, params)
    kept = (None, *(copied(v) if isinstance(v, np.ndarray) else v for v in values))
    if op.outputs is not None:
        outs = Specs(out)  # type: ignore[arg-type]  # such an op gives a tuple of them
        return gathered(op, picks(cls, record(op, tuple(nodes), kept, params, outs, SymbolicNode), outs))
    return box(cls, None, record(op, tuple(nodes), kept, params, out, SymbolicNode))


# ------------------------------------------------------------------------------------- the public functions


def bind(op: Op) -> Callable[..., Any]:
    """The public function of an op."""
    if op.arity == 1 and op.kind == "elementwise":
        call = unary(op)
    elif op is PICK:
        return op.value  # what it takes from is a tuple, of Tensors or of arrays
    elif op.arity == 2 and not op.parameters and op.outputs is None:
        call = binary(op)
    else:
        call = general(op)
    call.__name__ = call.__qualname__ = op.name
    return call


def general(op: Op) -> Callable[..., Any]:
    """The function of an op with static parameters: takes them by position or name, and spells them canonically."""

    canonical, names, defaults, single = op.canonical, op.parameters, op.defaults, op.arity == 1 and op.outputs is None
    count = len(names)
    simple = single and canonical is not None and not op.sequence
    spelled: dict[Any, dict[str, Any]] = {}  # what was spelled canonically before, for calls that are alike

    def call(*args: Any, **given: Any) -> Any:
        operands: tuple[Any, ...]
        # _key unrolled, for one operand and one parameter at most: sums, shapes, softmax and their like.
        if simple and len(args) == 1 and len(given) < 2:
            x = args[0]
            if x.__class__ is _core and (x._value is not None or x._node.axis is not None):
                v = x._node if x._value is None else x._value
                key: Any = (v.shape, v.dtype)
                for name, value in given.items():
                    key = (v.shape, v.dtype, (name, value), value.__class__)
                try:
                    params = spelled.get(key)
                except TypeError:
                    params = None
                if params is not None:
                    return apply_one(op, x, params)
        if op.sequence:
            if not args or not isinstance(args[0], Iterable):
                raise DTypeError(call_error(op, "no sequence was given"))
            operands, rest = tuple(args[0]), args[1:]
        else:
            operands, rest = args[: op.arity], args[len(args) if op.arity is None else op.arity :]
        key = _key(operands, rest, given) if canonical is not None else None
        try:
            params = spelled.get(key)
        except TypeError:  # a parameter that has no hash, such as a list
            key = params = None
        if params is not None:
            return apply_one(op, operands[0], params) if single else apply(op, operands, params)
        params = {**defaults, **given}
        if rest:
            params.update(zip(names, rest, strict=False))
        if len(params) != count or len(rest) > count or len(operands) < (op.arity or 0):
            raise DTypeError(call_error(op, misfit(op, args, operands, rest, params)))
        if canonical is not None:
            try:
                params = canonical(*[operand_spec(op.name, x) for x in operands], **params)
            except UnknownError:
                return defer(op.call, args, given, op.outputs)
        if key is not None and not _inexact((rest, tuple(given.values()))):
            if len(spelled) >= 1000:
                spelled.clear()
            spelled[key] = params
        return apply_one(op, operands[0], params) if single else apply(op, operands, params)

    return call


def _key(operands: tuple[Any, ...], rest: tuple[Any, ...], given: dict[str, Any]) -> Any:
    """What canonical parameters depend on: shapes, dtypes and the parameters as given; None where there are symbols.

    Samples of a vmap have shapes as values have.
    """
    key: list[Any] = []
    for x in operands:
        if not isinstance(x, Box) or (x._value is None and x._node.axis is None):
            return None
        source = x._node if x._value is None else x._value
        key += (source.shape, source.dtype)
    if rest:
        key += (rest, *map(type, rest))  # types too, since 1 == True == 1.0
    if given:
        key += (*given.items(), *map(type, given.values()))
    return tuple(key)


def _inexact(x: Any) -> bool:
    """Whether a floating number is in there: equal ones may differ, as 0.0 and −0.0 do."""
    return any(map(_inexact, x)) if isinstance(x, tuple) else isinstance(x, (float, complex, np.inexact))

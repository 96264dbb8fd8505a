"""Functions of functions: grad, value_and_grad, vjp, jvp, over pytrees and nested to any order.

Each gives the function *fresh alias leaves* of its arguments and walks between the outputs and those leaves only.
Whatever else the outputs depend on (variables closed over, arguments of an outer transform) lies beyond the
aliases, is treated as constant here, and stays differentiable for whoever asks outside.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.apply import Box, as_value, box
from chainrule.config import enable_grad, recording
from chainrule.errors import DTypeError, GradientError, ShapeError
from chainrule.graph.forward import forward
from chainrule.graph.gradients import RAW, pull, seed_spec, start_seeds, tensors
from chainrule.graph.walk import ancestors, repeat_if_nan
from chainrule.node import Node, record
from chainrule.spec import Spec, shape_of
from chainrule.tree import flatten, map_leaves, same_structure, unflatten


def _alias(name: str, x: Any, position: str) -> Any:
    """A fresh leaf with x's value, whose parent is x's own node."""
    value = x._value if isinstance(x, Box) else as_value(name, x)
    spec = seed_spec(x) if isinstance(x, Box) else Spec(np.shape(value), np.asarray(value).dtype)
    if spec.dtype.kind not in "fc":
        raise DTypeError(
            f"[{name}] {position} is {spec!r}; only floating-point and complex values have derivatives; "
            f"convert it, e.g. 2.0 instead of 2 or x.astype('float64'), or leave it out of argnums."
        )
    cls = type(x) if isinstance(x, Box) else Box.default
    if value is not None and not isinstance(x, Box):
        value = np.array(value)[()]
    outer = x._node if isinstance(x, Box) else None
    return box(cls, value, record(None, (outer,), (), {}, spec))


class _Run:
    """One run of a function on alias leaves: its outputs, and what is needed to walk back or forth."""

    def __init__(
        self, name: str, function: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int], has_aux: bool
    ):
        self.name = name
        self.nested = recording.get()
        leaves: list[Any] = []
        self.structures = []
        args = list(args)
        for number in argnums:
            values, structure = flatten(args[number])
            aliases = [_alias(name, v, f"argument {number}") for v in values]
            # The function may write to what it is given, and what it writes to is another node then.
            leaves += [box(type(alias), alias._value, alias._node) for alias in aliases]
            self.structures.append(structure)
            args[number] = unflatten(structure, aliases)
        self.leaves = leaves
        with enable_grad():
            result = function(*args)
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise DTypeError(
                    f"[{name}] has_aux=True, but the function returned {type(result).__name__}; "
                    f"expected a pair (output, aux); return both, or leave has_aux out."
                )
            result, self.aux = result
        self.outputs, self.out_structure = flatten(result)
        for i, y in enumerate(self.outputs):
            if not isinstance(y, Box):
                raise DTypeError(
                    f"[{name}] the function returned a {type(y).__name__} as output {i}; expected a Tensor; "
                    f"float(), .item() and numpy() leave the graph, so compute with chainrule or NumPy functions on "
                    f"Tensors, or return chainrule.tensor(...) for a constant."
                )
        self.oldest = min((x._node.number for x in leaves), default=0)
        heads = [y._node for y in self.outputs if y._node is not None and y._node.number >= self.oldest]
        self.order = ancestors(heads, self.oldest)
        self.symbolic = any(x._value is None for x in (*leaves, *self.outputs))
        if has_aux:
            self.aux = map_leaves(lambda x: self.stop(x) if isinstance(x, Box) else x, self.aux)

    def space(self, *seeds: Any) -> Any:
        """Bare arrays, unless somebody outside may differentiate the answer."""
        tracked = any(isinstance(s, Box) and s._node is not None for s in seeds)
        outside = recording.get() and (
            tracked
            or (self.nested and any(p is not None and p.number < self.oldest for n in self.order for p in n.parents))
        )
        if not (outside or self.symbolic):
            return RAW
        return tensors(type(self.leaves[0]))

    def stop(self, tensor: Any, behind: list[Node] | None = None) -> Any:
        """An output as the caller may have it: still differentiable through the alias by an outer transform only."""
        node = tensor._node
        if node is None or node.number < self.oldest or tensor._value is None:
            return tensor
        behind = ancestors([node], self.oldest) if behind is None else behind
        outside = any(p is not None and p.number < self.oldest for n in behind for p in n.parents)
        return tensor if outside and self.nested else box(type(tensor), tensor._value, None)

    def value(self) -> Any:
        return unflatten(self.out_structure, [self.stop(y, self.order) for y in self.outputs])

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the leaves."""
        space = self.space(*cotangents)
        for i, (y, g) in enumerate(zip(self.outputs, cotangents, strict=True)):
            given, own = shape_of(g), seed_spec(y).shape
            if g is not None and given != own:
                raise ShapeError(
                    f"[{self.name}] cotangent {i} has shape {given} and its output {own}; expected equal shapes; "
                    f"broadcast it with broadcast_to(g, {own})."
                )
        pairs = [
            (y, g)
            for y, g in zip(self.outputs, cotangents, strict=True)
            if y._node is not None and y._node.number >= self.oldest and y._node.dtype.kind in "fc"
        ]
        seeds = start_seeds(self.name, [y._node for y, _ in pairs], [g for _, g in pairs], space)
        with enable_grad():
            found, _ = pull(seeds, [x._node for x in self.leaves], space, self.symbolic)
        return [
            self._zeros(x) if g is None else g if isinstance(g, Box) else box(type(x), g, None)
            for x, g in zip(self.leaves, found, strict=True)
        ]

    @staticmethod
    def _zeros(like: Any) -> Any:
        spec = seed_spec(like)
        return box(type(like), np.zeros(spec.shape, spec.dtype)[()], None)

    def arguments(self, flat: list[Any], single: bool) -> Any:
        """A flat list of one value per leaf, in the structure of the differentiated arguments."""
        parts, position = [], 0
        for structure in self.structures:
            parts.append(unflatten(structure, flat[position : position + structure.leaves]))
            position += structure.leaves
        return parts[0] if single else tuple(parts)


def _argnums(name: str, argnums: int | Sequence[int], args: Sequence[Any]) -> tuple[list[int], bool]:
    single = hasattr(argnums, "__index__")
    try:
        numbers = [operator.index(number) for number in ([argnums] if single else argnums)]  # type: ignore[union-attr]
    except TypeError:
        raise DTypeError(
            f"[{name}] argnums is {argnums!r}; expected the position of an argument, or a sequence of positions; "
            f"write e.g. argnums=0 or argnums=(0, 2)."
        ) from None
    for number in numbers:
        if not -len(args) <= number < len(args):
            known = f"a number from {-len(args)} to {len(args) - 1}" if args else "at least one"
            raise DTypeError(
                f"[{name}] argnums names argument {number}, but the function was called with {len(args)} positional "
                f"arguments; expected {known}; pass that argument by position."
            )
    return [number % len(args) for number in numbers], single


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """x ↦ (f(x), ∇f(x)) for a real scalar function, in one forward and one reverse walk.

    The gradient has the form of the differentiated arguments: any tree of arrays, one tree for an int in ``argnums``,
    a tuple of trees for a sequence. With ``has_aux`` the function returns (value, aux), and so does this.

    >>> import chainrule as cr
    >>> value_and_grad(lambda x: cr.sum(x * x))(cr.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """

    @functools.wraps(function)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        numbers, single = _argnums("grad", argnums, args)
        run = _Run("grad", functools.partial(function, **kwargs), args, numbers, has_aux)
        if len(run.outputs) != 1:
            raise GradientError(
                f"[grad] the function returned {len(run.outputs)} outputs; expected one real scalar; "
                f"return (value, aux) with has_aux=True, or use vjp."
            )
        (y,) = run.outputs
        spec = seed_spec(y)
        if spec.size != 1 or spec.dtype.kind != "f":
            raise GradientError(
                f"[grad] the function returned {spec!r}; a gradient exists for one real number; "
                f"expected a real scalar; reduce it, e.g. y.sum(), or use vjp(f, x) with a cotangent."
            )
        gradient = run.arguments(run.pull([None]), single)
        value = run.value()
        return ((value, run.aux) if has_aux else value), gradient

    return evaluate


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """x ↦ ∇f(x) for a real scalar function; see :func:`value_and_grad`. Nests to any order.

    >>> import chainrule as cr
    >>> grad(grad(lambda x: x**3))(2.0)
    tensor(12.)
    """
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return evaluate


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(f(x), ḡ ↦ Jᵀḡ): the outputs, and a function that pulls cotangents back; with ``has_aux`` also aux.

    The cotangent has the form of the output; the answer is a tuple with one entry per primal. It may be called
    any number of times.

    >>> import chainrule as cr
    >>> y, pullback = vjp(cr.sin, cr.tensor([0.0]))
    >>> pullback(cr.tensor([2.0]))
    (tensor([2.]),)
    """
    run = _Run("vjp", function, primals, range(len(primals)), has_aux)

    def pullback(cotangent: Any) -> Any:
        flat, structure = flatten(cotangent)
        if not same_structure(structure, run.out_structure):
            raise ShapeError(
                f"[vjp] the cotangent is a tree {structure}, and the output {run.out_structure}; "
                f"expected the same tree; give one array for each *."
            )
        return run.arguments(run.pull(flat), False)

    return (run.value(), pullback, run.aux) if has_aux else (run.value(), pullback)


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """(f(x), J ẋ): the outputs, and how they move when the primals move along ``tangents``.

    ``primals`` and ``tangents`` are sequences of trees of equal form. Cost: one forward walk over the recorded graph.

    >>> import chainrule as cr
    >>> jvp(cr.sin, (0.0,), (2.0,))
    (tensor(0.), tensor(2.))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise DTypeError(
            f"[jvp] primals and tangents are {type(primals).__name__} and {type(tangents).__name__}; "
            f"expected two sequences, one entry per argument; write jvp(f, (x,), (t,))."
        )
    run = _Run("jvp", function, primals, range(len(primals)), has_aux)
    moves, structure = flatten(list(tangents))
    _, wanted = flatten(list(primals))
    if not same_structure(structure, wanted):
        raise ShapeError(
            f"[jvp] the tangents are a tree {structure}, and the primals {wanted}; "
            f"expected the same tree; give one array for each *."
        )
    space = run.space(*moves)
    seeds = {}
    for i, (x, t) in enumerate(zip(run.leaves, moves, strict=True)):
        spec = seed_spec(x)
        value = t if isinstance(t, Box) else np.array(as_value("jvp", t))[()]
        if value.shape != spec.shape:
            raise ShapeError(
                f"[jvp] tangent {i} has shape {value.shape} and its primal {spec.shape}; expected equal shapes; "
                f"broadcast it with broadcast_to(t, {spec.shape})."
            )
        if value.dtype.kind == "c" and spec.dtype.kind != "c":
            raise DTypeError(
                f"[jvp] tangent {i} is {value.dtype} and its primal {spec.dtype}; expected a real tangent, along which "
                f"a real number can move; take t.real."
            )
        if space.cls is None:
            seeds[x._node] = np.asarray(value._value if isinstance(value, Box) else value).astype(spec.dtype)[()]
        else:
            moved = value if isinstance(value, Box) else box(space.cls, value, None)
            seeds[x._node] = moved if seed_spec(moved).dtype == spec.dtype else space.xp.astype(moved, spec.dtype)
    order = run.order[::-1]

    def walk(careful: bool) -> list[Any]:
        found = forward(order, seeds, space, careful)
        return [found.get(y._node) for y in run.outputs]

    with enable_grad(), np.errstate(all="ignore"):
        results = repeat_if_nan(walk, run.symbolic)
    moved = [
        run._zeros(y) if t is None else box(type(t), t._value, t._node) if isinstance(t, Box) else box(type(y), t, None)
        for y, t in zip(run.outputs, results, strict=True)
    ]
    out = (run.value(), unflatten(run.out_structure, moved))
    return (*out, run.aux) if has_aux else out

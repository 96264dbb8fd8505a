"""One run of a function on fresh alias leaves of its arguments: what every derivative of a function starts with.

Walks go between the outputs and those leaves only. Whatever else the outputs depend on (variables closed over,
arguments of an outer transform) lies beyond the aliases, is treated as constant here, and stays differentiable for
whoever asks outside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box
from chainrule.config import enable_grad, recording, set_grad_enabled
from chainrule.errors import DTypeError, ShapeError
from chainrule.graph.forward import forward
from chainrule.graph.gradients import RAW, seed_spec, start_seeds, walk
from chainrule.graph.samples import Sample, innermost, stopped
from chainrule.graph.settle import settled
from chainrule.graph.walk import Space, ancestors, descendants, repeat_if_nan
from chainrule.node import Node, record
from chainrule.ops import ops
from chainrule.spec import Spec, shape_of
from chainrule.tree import flatten, map_leaves, unflatten


def alias(name: str, x: Any, position: str) -> Any:
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
    axis = innermost.get() or (outer.axis if outer is not None else None)
    if axis is not None:
        return axis.alias(x if isinstance(x, Box) else box(cls, value, None))
    return box(cls, value, record(None, (outer,), (), {}, spec))


class Run:
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
            aliases = [alias(name, v, f"argument {number}") for v in values]
            # The function may write to what it is given, and what it writes to is another node then.
            leaves += [box(type(alias), alias._value, alias._node) for alias in aliases]
            self.structures.append(structure)
            args[number] = unflatten(structure, aliases)
        self.leaves = leaves
        if self.nested:
            result = function(*args)
        else:
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
        self.outside = _leads_before(self.order, self.oldest)  # the outputs depend on more than the leaves
        self.symbolic = any(x._value is None for x in (*leaves, *self.outputs))
        self.sampled = self.symbolic and all(
            x._value is not None or isinstance(x._node, Sample) for x in (*leaves, *self.outputs)
        )
        given = [x for x in leaves if x._value is not None and x._node.left is None]
        self.constants = given if self.symbolic and not self.sampled else []
        self.followed = self.outside and (not self.sampled or _is_followed_anywhere(self.order, self.oldest))
        if has_aux:
            self.aux = map_leaves(lambda x: self.stop(x) if isinstance(x, Box) else x, self.aux)

    def modes(self, seeds: Sequence[Any]) -> tuple[bool, bool, Space]:
        """Whether a walk from these seeds is recorded, whether it is symbolic, and the space it runs in.

        That is bare arrays, unless somebody outside may differentiate the answer, or there are none.
        """
        recorded, symbolic = self.recorded(seeds), self.symbolic or any(map(_is_symbolic, seeds))
        if not symbolic and not recorded:
            return recorded, symbolic, RAW
        # Where only the seeds have derivatives, the run is a constant to them.
        fixed = not self.symbolic and not (self.nested and self.followed)
        return recorded, symbolic, Space(ops, type(self.leaves[0]), fixed)

    def recorded(self, seeds: Sequence[Any]) -> bool:
        """Whether somebody outside may differentiate what a walk from these seeds gives."""
        if self.symbolic and not self.sampled:
            return True
        return recording.get() and ((self.nested and self.followed) or any(map(_is_tracked, seeds)))

    @property
    def needed(self) -> set[Node] | None:
        """The nodes between the outputs and the leaves, or None where there are no others."""
        leaves = [x._node for x in self.leaves]
        if not self.outside and all(node.op is not None or node in leaves for node in self.order):
            return None
        return descendants(reversed(self.order), leaves)

    def stop(self, tensor: Any, behind: list[Node] | None = None) -> Any:
        """An output as the caller may have it: still differentiable through the alias by an outer transform only."""
        node = tensor._node
        if node is None or node.number < self.oldest:
            return tensor
        if tensor._value is None:
            if self.sampled:
                return tensor if self.nested and self.followed else stopped(tensor)
            return self._with_constants([tensor])[0]
        outside = self.outside if behind is self.order else _leads_before(ancestors([node], self.oldest), self.oldest)
        return tensor if outside and self.nested else box(type(tensor), tensor._value, None)

    def value(self) -> Any:
        return unflatten(self.out_structure, [self.stop(y, self.order) for y in self.outputs])

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the leaves, given those of the outputs; None is 1 for a real scalar."""
        recorded, symbolic, space = self.modes(cotangents)
        for i, (y, g) in enumerate(zip(self.outputs, cotangents, strict=True)):
            if g is None:
                continue
            given, own = shape_of(g), seed_spec(y).shape
            if given != own:
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
        targets = [x._node for x in self.leaves]
        with set_grad_enabled(recorded):
            found = walk(self.order, seeds, targets, self.needed, None, space, symbolic, None)
        return self._with_constants([
            g if isinstance(g, Box) else box(type(x), g, None) for x, g in zip(self.leaves, found, strict=True)
        ])  # fmt: skip

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

    def push(self, moves: Sequence[Any]) -> list[Any]:
        """Tangents of the outputs, given those of the leaves; None for a leaf that stands still."""
        recorded, symbolic, space = self.modes(moves)
        seeds = {
            x._node: _tangent(self.name, i, x, t, space)
            for i, (x, t) in enumerate(zip(self.leaves, moves, strict=True))
            if t is not None
        }
        order = self.order[::-1]

        def move(careful: bool) -> list[Any]:
            found = forward(order, seeds, space, careful)
            return [found.get(y._node) for y in self.outputs]

        with set_grad_enabled(recorded), np.errstate(all="ignore"):
            results = repeat_if_nan(move, symbolic)
        return self._with_constants([
            self._zeros(y)
            if t is None
            else box(type(t), t._value, t._node)
            if isinstance(t, Box)
            else box(type(y), t, None)
            for y, t in zip(self.outputs, results, strict=True)
        ])  # fmt: skip

    def _with_constants(self, results: list[Any]) -> list[Any]:
        """Results of a symbolic run, in which leaves that have values are constants for the caller, not Tensors that
        require a gradient.
        """
        return settled(results, [x._node for x in self.constants]) if self.constants else results


def _leads_before(nodes: Sequence[Node], oldest: int) -> bool:
    """Whether one of the nodes has a parent that is older."""
    for node in nodes:
        for parent in (node.left, node.right) if node.several is None else node.several:
            if parent is not None and parent.number < oldest:
                return True
    return False


def _is_symbolic(x: Any) -> bool:
    return isinstance(x, Box) and x._value is None


def _is_tracked(x: Any) -> bool:
    """Whether a derivative with respect to x may be asked."""
    return isinstance(x, Box) and x._node is not None and _is_followed(x._node)


def _is_followed(node: Node) -> bool:
    """Whether a derivative may be asked by way of this node, or, if it is a sample, of what all samples are."""
    if not isinstance(node, Sample) or node.tracked:
        return True
    contents = node.content if isinstance(node.content, tuple) else (node.content,)
    return any(map(_is_tracked, contents))


def _is_followed_anywhere(nodes: Sequence[Node], oldest: int) -> bool:
    """Whether one of the nodes leads to what is followed: by a parent that is older, or by what all samples are."""
    for node in nodes:
        if not isinstance(node, Sample):
            return True
        contents = node.content if isinstance(node.content, tuple) else (node.content,)
        if any(map(_is_tracked, contents)):
            return True
        if any(p is not None and p.number < oldest and _is_followed(p) for p in node.parents):
            return True
    return False


def _tangent(name: str, i: int, x: Any, t: Any, space: Space) -> Any:
    """A tangent as its leaf and the space want it."""
    spec = seed_spec(x)
    value = t if isinstance(t, Box) else np.array(as_value(name, t))[()]
    if value.shape != spec.shape:
        raise ShapeError(
            f"[{name}] tangent {i} has shape {value.shape} and its primal {spec.shape}; expected equal shapes; "
            f"broadcast it with broadcast_to(t, {spec.shape})."
        )
    if value.dtype.kind == "c" and spec.dtype.kind != "c":
        raise DTypeError(
            f"[{name}] tangent {i} is {value.dtype} and its primal {spec.dtype}; expected a real tangent, along which "
            f"a real number can move; take t.real."
        )
    if space.cls is None:
        return np.asarray(value._value if isinstance(value, Box) else value).astype(spec.dtype)[()]
    moved = value if isinstance(value, Box) else box(space.cls, value, None)
    return moved if seed_spec(moved).dtype == spec.dtype else space.xp.astype(moved, spec.dtype)


def positions(name: str, argnums: int | Sequence[int], args: Sequence[Any]) -> tuple[list[int], bool]:
    single = hasattr(argnums, "__index__")
    try:
        numbers = [operator.index(number) for number in ([argnums] if single else argnums)]  # type: ignore[union-attr]  # if not, the TypeError tells
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

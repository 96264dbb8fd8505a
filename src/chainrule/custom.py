"""Derivative rules of one's own: custom_rule gives a function the vjp or the jvp that its author knows better."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.apply import apply
from chainrule.box import Box, as_value, box
from chainrule.config import enable_grad
from chainrule.errors import DTypeError, GradientError, ShapeError
from chainrule.graph.graph import Graph
from chainrule.graph.samples import innermost
from chainrule.graph.support import bare
from chainrule.node import SymbolicNode, record
from chainrule.op import program
from chainrule.ops import install, ops
from chainrule.spec import Spec, shape_of
from chainrule.transforms import vjp as pull_through
from chainrule.tree import Structure, flatten, prefix_leaves, unflatten
from chainrule.vectorize import vmap

Tree = Any


class Rules:
    """A function and its rules, as functions of arguments that are all differentiable or fixed arrays."""

    def __init__(self, name: str, function: Callable[..., Any], vjp: Any, jvp: Any):
        self.name, self.function = name, function
        self.given_vjp, self.given_jvp = vjp, jvp

    def vjp(self, *args: Tree) -> tuple[Tree, Callable[[Tree], Sequence[Tree]]]:
        """(f(x), pullback), by the author's rule or the transpose of the jvp."""
        if self.given_vjp is not None:
            result = self.given_vjp(*args)
            if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
                raise DTypeError(
                    f"[{self.name}] the vjp rule returned {_kind(result)}; expected a pair (output, pullback), as vjp "
                    f"gives it; return y, lambda g: (…,) with one cotangent for each argument."
                )
            return result
        y = self.function(*args)
        floating = _floating(args)

        def pullback(g: Tree) -> Sequence[Tree]:
            moves = [_zeros(x) for x in floating]
            found = pull_through(lambda t: self.given_jvp(args, _tangents(args, t))[1], moves)[1](g)[0]
            return _tangents(args, found)

        return y, pullback

    def jvp(self, args: Sequence[Tree], tangents: Sequence[Tree]) -> tuple[Tree, Tree]:
        """(f(x), ẏ), by the author's rule or the transpose of the pullback, which is linear."""
        if self.given_jvp is not None:
            result = self.given_jvp(tuple(args), tuple(tangents))
            if not isinstance(result, tuple) or len(result) != 2:
                raise DTypeError(
                    f"[{self.name}] the jvp rule returned {_kind(result)}; expected a pair (output, tangent), as jvp "
                    f"gives it; return y, t."
                )
            return result
        y, pullback = self.vjp(*args)
        outputs, structure = flatten(y)
        outputs = [_tensor(self.name, x) for x in outputs]
        moved = [t for t in flatten(list(tangents))[0] if t is not None]

        def whole(floating: Sequence[Any]) -> Tree:
            rest = iter(floating)
            return unflatten(structure, [next(rest) if _moves(x) else _zeros(x) for x in outputs])

        def pulled(g: list[Any]) -> list[Any]:
            return _aligned(self.name, pullback(whole(g)), args)

        return y, whole(pull_through(pulled, [_zeros(x) for x in outputs if _moves(x)])[1](moved)[0])

    def mapped(self, axes: Sequence[Tree]) -> Rules:
        """The same for many samples at once: vjp and jvp of the mapped function, by the rules mapped."""
        axes = tuple(axes)

        def function(*args: Tree) -> Tree:
            return vmap(self.function, axes)(*args)

        def vjp(*args: Tree) -> tuple[Tree, Callable[[Tree], Sequence[Tree]]]:
            def pull(args: Sequence[Tree], g: Tree) -> list[Any]:
                return _aligned(self.name, self.vjp(*args)[1](g), args)

            def pullback(g: Tree) -> Sequence[Tree]:
                found = vmap(pull, (axes, 0))(args, g)
                leaves, structure = flatten(args)
                along = [a for a, x in zip(prefix_leaves(axes, structure) or (), leaves, strict=True) if _moves(x)]
                summed = [x if a is not None else ops.sum(x, axis=0) for a, x in zip(along, found, strict=True)]
                return _tangents(args, summed)

            return function(*args), pullback

        def jvp(args: Sequence[Tree], tangents: Sequence[Tree]) -> tuple[Tree, Tree]:
            return vmap(lambda x, t: self.jvp(x, t), (axes, axes))(tuple(args), tuple(tangents))

        return Rules(self.name, function, vjp, jvp)


def _kind(x: Any) -> str:
    return f"{len(x)} values" if isinstance(x, tuple) else type(x).__name__


def _zeros(x: Any) -> Any:
    return box(type(x) if isinstance(x, Box) else Box.default, np.zeros(x.shape, x.dtype)[()], None)


def _moves(x: Any) -> bool:
    return x.dtype.kind in "fc"


def _floating(args: Sequence[Tree]) -> list[Any]:
    return [x for x in flatten(list(args))[0] if _moves(x)]


def _tangents(args: Sequence[Tree], moved: Sequence[Any]) -> tuple[Tree, ...]:
    """One tangent or cotangent for each floating leaf, as trees like the arguments; None for the other leaves."""
    leaves, structure = flatten(list(args))
    rest = iter(moved)
    return tuple(unflatten(structure, [next(rest) if _moves(x) else None for x in leaves]))


def _aligned(name: str, found: Any, args: Sequence[Tree]) -> list[Any]:
    """What a pullback returned, as one cotangent for each floating leaf of the arguments, in its shape."""
    if not isinstance(found, (tuple, list)) or len(found) != len(args):
        raise ShapeError(
            f"[{name}] the pullback returned {_kind(found)} for {len(args)} arguments; expected a tuple with one "
            f"cotangent for each, None where nothing flows."
        )
    cotangents: list[Any] = []
    for i, (g, x) in enumerate(zip(found, args, strict=True)):
        leaves, structure = flatten(x)
        cotangents += [
            one
            for one, leaf in zip(_leaves_like(name, i, g, structure, leaves), leaves, strict=True)
            if one is not None or _moves(leaf)
        ]
    return cotangents


def _leaves_like(name: str, i: int, g: Any, structure: Structure, leaves: list[Any]) -> list[Any]:
    if g is None:
        return [_zeros(x) if _moves(x) else None for x in leaves]
    parts = prefix_leaves(g, structure)  # None stands where nothing flows, also within a tree
    if parts is None or len(flatten(g)[0]) != sum(part is not None for part in parts):
        raise ShapeError(
            f"[{name}] the pullback's cotangent {i} is a tree {flatten(g)[1]}, and argument {i} {structure}; expected "
            f"the same tree; give one array for each *, or None where nothing flows."
        )
    return [_cotangent(name, i, one, x) for one, x in zip(parts, leaves, strict=True)]


def _cotangent(name: str, i: int, g: Any, x: Any) -> Any:
    if not _moves(x):
        return None
    if g is None:
        return _zeros(x)
    g = _tensor(name, g)
    if shape_of(g) != shape_of(x):
        raise ShapeError(
            f"[{name}] the rule's cotangent of argument {i} has shape {shape_of(g)}, and the argument {shape_of(x)}; "
            f"expected equal shapes; sum over what was broadcast."
        )
    if g.dtype.kind == "c" and x.dtype.kind != "c":
        g = ops.real(g)
    return g if g.dtype == x.dtype else ops.astype(g, x.dtype)


def _tensor(name: str, x: Any) -> Any:
    return x if isinstance(x, Box) else box(Box.default, np.array(as_value(name, x))[()], None)


# ------------------------------------------------------------------------------------------------ one call


class Call:
    """What one call of such a function is: its rules, the form of its arguments, and what its pullback holds."""

    def __init__(self, rules: Rules, structure: Structure):
        self.rules, self.structure = rules, structure
        self.out_structure: Structure | None = None
        self.tracked = False
        self.saved: tuple[tuple[Any, ...], Callable[[Tree], Sequence[Tree]]] | None = None

    def __repr__(self) -> str:
        return self.rules.name

    def args(self, operands: Sequence[Any]) -> list[Tree]:
        return unflatten(self.structure, [_tensor(self.rules.name, bare(x)) for x in operands])

    def outputs(self, tree: Tree) -> list[Any]:
        leaves, self.out_structure = flatten(tree)
        return [_tensor(self.rules.name, y) for y in leaves]

    def alone(self, closed: bool) -> None:
        """Refuse a function that closes over what has a derivative."""
        if closed:
            raise GradientError(
                f"[{self.rules.name}] the result depends on a Tensor that requires a gradient and is no argument, so "
                f"that no rule knows of it; expected all of them as arguments; pass it, or detach() it."
            )

    def value(self, *operands: Any) -> tuple[Any, ...]:
        args = self.args(operands)
        with enable_grad(), _unmapped():
            if self.tracked and self.saved is None and self.rules.given_vjp is not None:
                tree, pullback = self.rules.vjp(*args)
                self.saved = (operands, pullback)
            else:
                tree = self.rules.function(*args)
            found = self.outputs(tree)
        self.alone(any(y._node is not None for y in found))
        return tuple(y._value for y in found)

    def spec(self, *specs: Any) -> tuple[Spec, ...]:
        with _unmapped(), _drawing_nothing(self.rules.name):
            symbols = [box(Box.default, None, record(None, (), (None,), {"name": "x"}, s, SymbolicNode)) for s in specs]
            found = self.outputs(self.rules.function(*unflatten(self.structure, symbols)))
        self.alone(Graph([x._node for x in symbols], found).tracked)
        return tuple(Spec(y.shape, y.dtype) for y in found)

    def pull(self, raw: bool, g: Sequence[Any], outs: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """Cotangents of the operands; None for those without."""
        saved, args = self.saved, self.args(operands)
        if raw and saved is not None and all(a is b for a, b in zip(saved[0], operands, strict=True)):
            pullback = saved[1]
        else:
            pullback = self.rules.vjp(*args)[1]
        assert self.out_structure is not None
        # An output that nothing comes from has no cotangent, and its spec is that of the node's output.
        outs = getattr(outs, "shape", outs)
        cotangents = [_zeros(y) if c is None else _tensor(self.rules.name, c) for c, y in zip(g, outs, strict=True)]
        found = _aligned(self.rules.name, pullback(unflatten(self.out_structure, cotangents)), args)
        every = flatten(list(_tangents(args, found)))[0]
        rest = iter(every)
        return [next(rest) if _moves(x) else None for x in flatten(args)[0]]

    def push(self, tangents: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        args = self.args(operands)
        moved = [
            _zeros(x) if t is None else _tensor(self.rules.name, bare(t))
            for t, x in zip(tangents, flatten(args)[0], strict=True)
            if _moves(x)
        ]
        y, t = self.rules.jvp(args, _tangents(args, moved))
        outputs, leaves = flatten(y)[0], flatten(t)[0]
        if len(leaves) != len(outputs) or any(
            shape_of(a) != shape_of(b) for a, b in zip(outputs, leaves, strict=False)
        ):
            raise ShapeError(
                f"[{self.rules.name}] the jvp rule's tangents are {_shapes(leaves)} and its outputs "
                f"{_shapes(outputs)}; expected equal shapes; give one tangent for each output."
            )
        return [_tensor(self.rules.name, x) for x in leaves]


@contextmanager
def _unmapped() -> Iterator[None]:
    """What runs here is given values, or symbols, also where the call stands inside a mapped function."""
    before = innermost.set(None)
    try:
        yield
    finally:
        innermost.reset(before)


@contextmanager
def _drawing_nothing(name: str) -> Iterator[None]:
    """Where a function is traced to be compiled, one with rules draws no noise that these do not know."""
    now = noise.traced.get()
    before = noise.traced.set(noise.Ruled(name) if isinstance(now, noise.Drawing) else now)
    try:
        yield
    finally:
        noise.traced.reset(before)


def _shapes(leaves: Sequence[Any]) -> str:
    return ", ".join(str(shape_of(x)) for x in leaves)


def _is_raw(xp: Any) -> bool:
    return not isinstance(xp.add(0.0, 0.0), Box)


def _values(xp: Any, found: Sequence[Any]) -> list[Any]:
    return [x._value if x is not None and _is_raw(xp) else x for x in found]


def _together(xp: Any, g: Any, _outs: Any, *operands: Any, wanted: Any, call: Call) -> list[Any]:
    raw = _is_raw(xp)
    with _unmapped() if raw else nullcontext():
        found = _values(xp, call.pull(raw, g, _outs, operands))
    return [x if wants else None for x, wants in zip(found, wanted, strict=True)]


def _jvp(xp: Any, tangents: Any, _outs: Any, *operands: Any, call: Call) -> tuple[Any, ...]:
    with _unmapped() if _is_raw(xp) else nullcontext():
        return tuple(_values(xp, call.push(tangents, operands)))


def _batch(xp: Any, batched: Any, *operands: Any, call: Call) -> Any:
    axes = unflatten(call.structure, [0 if flag else None for flag in batched])
    mapped = Call(call.rules.mapped(axes), call.structure)
    found = _called(mapped, [_tensor("vmap", x) for x in operands])
    return tuple(_values(xp, found))


CUSTOM = program(
    "custom",
    value=lambda *operands, call: call.value(*operands),
    spec=lambda *specs, call: call.spec(*specs),
    arity=None,
    outputs=tuple,
    together=_together,
    jvp=_jvp,
    batch=_batch,
    doc="A function with derivative rules of its own.",
)
install(CUSTOM)


def _called(call: Call, operands: list[Any]) -> Any:
    call.tracked = any(x._node is not None for x in operands)
    return apply(CUSTOM, operands, {"call": call})


# --------------------------------------------------------------------------------------- what users call


def custom_rule(
    function: Callable[..., Any] | None = None, *, vjp: Any = None, jvp: Any = None, static: int | Sequence[int] = ()
) -> Any:
    """``function`` with a derivative rule of one's own: ``vjp``, ``jvp`` or both; the other follows by transposition.

    ``vjp(*args)`` gives (f(x), pullback) like the transform of that name: the pullback takes a cotangent in the form
    of the output and gives a tuple with one for each argument, None where nothing flows; what it needs it closes over.
    ``jvp(primals, tangents)`` gives (f(x), ẏ); arguments that are not floating-point have tangent None. Rules are
    written in functions of Tensors, so that they have derivatives themselves. Arguments and results are trees; the
    arguments at positions ``static`` are handed through as they are, to the rules too. The function must not close
    over Tensors that require gradients. Works as a decorator too. :func:`chainrule.testing.check_rule` checks rules.

    >>> import chainrule as cr
    >>> def pull(x):
    ...     s = cr.sqrt(x)
    ...     return s, lambda g: (g / (2 * s),)
    >>> root = custom_rule(cr.sqrt, vjp=pull)
    >>> cr.grad(root)(4.0), cr.jvp(root, (4.0,), (2.0,))[1], cr.grad(cr.grad(root))(4.0)
    (tensor(0.25), tensor(0.5), tensor(-0.03125))
    """
    if function is None:
        return functools.partial(custom_rule, vjp=vjp, jvp=jvp, static=static)
    if vjp is None and jvp is None:
        raise DTypeError(
            "[custom_rule] neither vjp nor jvp was given; expected a rule; write e.g. "
            "custom_rule(f, vjp=lambda x: (f(x), lambda g: (g * slope(x),)))."
        )
    fixed = (static,) if isinstance(static, int) else tuple(static)
    name = getattr(function, "__name__", "custom_rule")

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        places = [i for i in range(len(args)) if i not in fixed and i - len(args) not in fixed]

        def whole(parts: Sequence[Any], others: Sequence[Any] = args) -> list[Any]:
            full = list(others)
            for i, x in zip(places, parts, strict=True):
                full[i] = x
            return full

        def own_vjp(*parts: Any) -> Any:
            assert vjp is not None
            result = vjp(*whole(parts))
            if len(places) == len(args) or not isinstance(result, tuple) or len(result) != 2:
                return result
            y, pullback = result

            def moving(g: Any) -> Any:
                found = pullback(g)
                return tuple(found[i] for i in places) if len(found) == len(args) else found

            return y, moving

        def own_jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            return jvp(tuple(whole(primals)), tuple(whole(tangents, [None] * len(args))))

        rules = Rules(
            name,
            lambda *parts: function(*whole(parts)),
            own_vjp if vjp else None,
            own_jvp if jvp else None,
        )
        leaves, structure = flatten([args[i] for i in places])
        made = Call(rules, structure)
        outs = _called(made, [_tensor(name, x) for x in leaves])
        assert made.out_structure is not None
        return unflatten(made.out_structure, list(outs))

    call.rules = (vjp, jvp)  # type: ignore[attr-defined]  # a function has room for what check_rule looks at
    return call

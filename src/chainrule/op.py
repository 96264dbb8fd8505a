"""What an op is: one record with its value, spec, derivative, batching and lowering; its kinds; the registry.

A rule receives ``xp``, a namespace with one function per op: bare arrays (``raw``) or Tensors (``ops``).
The argument order of every rule is fixed: ``xp``, then ``g`` or ``tangents``, then ``out``, then the operands;
static parameters come by keyword. **An argument whose name begins with an underscore is not needed, so it is
not kept**: it arrives as its Spec (in an elementwise partial, as None).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import GradientError
from chainrule.spec import Spec, broadcast_shapes, promote, shape_of

Rule = Callable[..., Any]


class Constant:
    """A partial derivative that needs no computing."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return self.name


ONE = Constant("ONE")  # the cotangent passes as it is
ZERO = Constant("ZERO")  # a structural zero: nothing passes, nothing is computed
NONE = Constant("NONE")  # no derivative exists; asking for it is an error

# Where an elementwise op is defined, operand by operand, if that is not all of the real line: one of these names, or
# a pair of numbers between which samples are drawn.
DOMAINS: dict[str, tuple[float, float]] = {
    "real": (-np.inf, np.inf),
    "positive": (0.0, np.inf),
    "nonzero": (-np.inf, np.inf),
    "unit": (-1.0, 1.0),
    "above one": (1.0, np.inf),
    "above minus one": (-1.0, np.inf),
}


@dataclass(eq=False, slots=True)
class Op:
    """One operation. Made by the kinds below, which fill in what the kind implies."""

    name: str
    kind: str
    value: Callable[..., Any]
    doc: str
    arity: int | None  # None: any number of operands
    sequence: bool = False  # the public function takes its operands as one sequence
    spec: Callable[..., Spec] | None = None
    partials: tuple[Any, ...] | None = None  # elementwise only
    vjp: tuple[Any, ...] | Rule | None = None  # one rule an operand, or one rule told which `operand`
    jvp: Rule | None = None
    batch: Rule | None = None
    emit: Rule | None = None  # the lowering of one scalar, for compiled code
    canonical: Callable[..., dict[str, Any]] | None = None  # (specs, **params) -> params in one spelling
    differentiable: bool = True  # False: values are integers or booleans, and nothing is recorded
    alike: bool = False  # partials round as coarsely as their operands, so these are first given the result's dtype
    domain: tuple[str | tuple[float, float], ...] = ()
    method: bool | str = False
    numpy: tuple[str, ...] = ()
    public: tuple[str, ...] | None = None  # where users find it, ("linalg.trace",); None: under its own name
    outputs: Any = None  # the namedtuple of an op with several, or tuple; see Note [Several outputs]
    defaults: dict[str, Any] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    alone: Rule | None = None  # the vjp rule of operand 0, where no other can want a gradient beside it
    together: Rule | None = None  # the vjp of all operands at once, told which are ``wanted``; in place of ``vjp``
    call: Callable[..., Any] = field(init=False)  # the public function, bound by apply.py
    _keeps: dict[tuple[int, int], tuple[bool, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def rule(self, operand: int) -> Any:
        """The reverse rule of one operand."""
        if self.partials is not None:
            return self.partials[operand]
        if self.together is not None:
            return self.together
        if callable(self.vjp):
            return self.vjp
        return NONE if self.vjp is None else self.vjp[operand]

    def keeps(self, mask: int, arity: int) -> tuple[bool, ...]:
        """Which of (out, operand 0, operand 1, …) the rules need when the operands in ``mask`` want gradients."""
        found = self._keeps.get((mask, arity))
        if found is None:
            found = self._keeps[mask, arity] = self._kept_by(mask, arity)
        return found

    def _kept_by(self, mask: int, arity: int) -> tuple[bool, ...]:
        kept = [False] * (1 + arity)
        rules = [self.rule(i) for i in range(arity) if mask >> i & 1]
        skip = 1 if self.partials is not None else 2
        if self.partials is None and self.jvp is not None:
            rules.append(self.jvp)
        for rule in rules:
            if not isinstance(rule, Constant):
                for slot in _needed_slots(rule, skip, 1 + arity):
                    kept[slot] = True
        return tuple(kept)


def _needed_slots(rule: Rule, skip: int, slots: int) -> list[int]:
    names: list[str] = []
    for parameter in list(inspect.signature(rule).parameters.values())[skip:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [parameter.name] * (slots - len(names))
        elif parameter.kind is not parameter.KEYWORD_ONLY and parameter.kind is not parameter.VAR_KEYWORD:
            names.append(parameter.name)
    return [slot for slot, name in enumerate(names[:slots]) if not name.startswith("_")]


REGISTRY: dict[str, Op] = {}
COMPOSITES: dict[str, Composite] = {}


def _register(op: Op) -> Op:
    if op.name in REGISTRY or op.name in COMPOSITES:
        raise ValueError(f"op {op.name!r} is registered twice")
    parameters = inspect.signature(op.value).parameters.values() if op.kind != "elementwise" else ()
    behind = len(parameters) if op.arity is None else op.arity  # the operands come first
    named = [p for i, p in enumerate(parameters) if i >= behind or p.kind is p.KEYWORD_ONLY or p.default is not p.empty]
    op.parameters = tuple(p.name for p in named)
    op.defaults = {p.name: p.default for p in named if p.default is not p.empty}
    if isinstance(op.vjp, tuple) and not isinstance(op.vjp[0], Constant):
        op.alone = op.vjp[0]
    REGISTRY[op.name] = op
    return op


# ---------------------------------------------------------------------------------------------------- kinds


def elementwise(name: str, *, value: Rule, d: Any, doc: str, differentiable: bool = True, **facts: Any) -> Op:
    """out[i] = f(x[i], y[i], …) with broadcasting; ``d`` has one partial ``(xp, out, *operands)`` per operand."""
    partials = d if isinstance(d, tuple) else (d,)
    op = Op(
        name,
        "elementwise",
        value,
        doc,
        arity=len(partials),
        partials=partials,
        differentiable=differentiable,
        **facts,
    )
    op.spec = _elementwise_spec(op)
    op.batch = _elementwise_batch(op)
    return _register(op)


def _elementwise_spec(op: Op) -> Callable[..., Spec]:
    dtypes: dict[Any, Any] = {}

    def spec(*operands: Any) -> Spec:
        shape = broadcast_shapes(op.name, [shape_of(x) for x in operands])
        # The dtype is whatever the value function makes of these dtypes, asked on arrays of one element.
        # Of a Python number the kind counts, and of an integer whether it fits: there may be a great many.
        key = tuple(x.dtype if isinstance(x, Spec) else (type(x), x if isinstance(x, int) else None) for x in operands)
        if key not in dtypes:
            if len(dtypes) >= 1000:
                dtypes.clear()
            probes = [np.ones(1, x.dtype) if isinstance(x, Spec) else x for x in operands]
            with np.errstate(all="ignore"):
                dtypes[key] = op.value(*probes).dtype
        return Spec(shape, dtypes[key])

    return spec


def _elementwise_batch(op: Op) -> Rule:
    def batch(xp: Any, batched: tuple[bool, ...], *operands: Any) -> Any:
        inner = [len(shape_of(x)) - is_batched for x, is_batched in zip(operands, batched, strict=True)]
        rank = max(inner)
        aligned = [
            xp.reshape(x, (x.shape[0], *(1,) * (rank - own), *x.shape[1:])) if is_batched and own < rank else x
            for x, is_batched, own in zip(operands, batched, inner, strict=True)
        ]
        return getattr(xp, op.name)(*aligned)

    return batch


def linear(name: str, *, value: Rule, spec: Rule, transpose: Rule, doc: str, **facts: Any) -> Op:
    """out is linear in its floating operands. ``transpose(xp, g, *operands, **params)`` is the adjoint map.

    With several floating operands (``concat``) the rule is told which by ``operand=``.
    """
    arity = facts.pop("arity", 1)
    vjp = _after_out(transpose)

    def jvp(xp: Any, tangents: list[Any], _out: Any, *_operands: Any, **params: Any) -> Any:
        # What the transpose needs is an index; out is linear in the rest, whatever its dtype.
        fixed = _needed_slots(transpose, 2, len(tangents)) if any(t is None for t in tangents) else []
        moved = [
            t if t is not None else x if i in fixed else np.zeros(shape_of(x), promote([x]))
            for i, (t, x) in enumerate(zip(tangents, _operands, strict=True))
        ]
        function = getattr(xp, name)
        return function(moved, **params) if op.sequence else function(*moved, **params)

    if "operand" in inspect.signature(transpose).parameters:
        rules: Any = vjp
    else:
        rules = _first_operand_only(vjp)
    op = Op(name, "linear", value, doc, arity=arity, spec=spec, vjp=rules, jvp=jvp, **facts)
    return _register(op)


def _after_out(transpose: Rule) -> Rule:
    """A transpose rule in the signature of a vjp rule: linear maps do not need their out."""

    def vjp(xp: Any, g: Any, _out: Any, x: Any, *operands: Any, **params: Any) -> Any:
        return transpose(xp, g, x, *operands, **params)

    parameters = list(inspect.signature(transpose).parameters.values())
    parameters.insert(2, inspect.Parameter("_out", inspect.Parameter.POSITIONAL_OR_KEYWORD))
    vjp.__signature__ = inspect.Signature(parameters)
    return vjp


class _first_operand_only(tuple):
    """Rules of an op that is differentiable in its first operand alone, however many follow."""

    def __new__(cls, rule: Rule):
        return super().__new__(cls, (rule,))

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(0) if index == 0 else ZERO


def bilinear(name: str, *, value: Rule, spec: Rule, transposes: tuple[Rule, Rule], doc: str, **facts: Any) -> Op:
    """out is linear in each of two operands; ``transposes[i](xp, g, x, y, **params)`` is the adjoint in operand i."""

    def jvp(xp: Any, tangents: list[Any], _out: Any, _x: Any, _y: Any, **params: Any) -> Any:
        function = getattr(xp, name)
        terms = [] if tangents[0] is None else [function(tangents[0], _y, **params)]
        if tangents[1] is not None:
            terms.append(function(_x, tangents[1], **params))
        return terms[0] if len(terms) == 1 else xp.add(*terms)

    rules = tuple(map(_after_out, transposes))
    return _register(Op(name, "bilinear", value, doc, arity=2, spec=spec, vjp=rules, jvp=jvp, **facts))


def primitive(name: str, *, value: Rule, spec: Rule, doc: str, arity: int | None = 1, **facts: Any) -> Op:
    """Everything else: ``vjp`` per operand and ``jvp`` are stated."""
    return _register(Op(name, "primitive", value, doc, arity=arity, spec=spec, **facts))


def program(name: str, *, value: Rule, spec: Rule, doc: str, arity: int | None = 1, **facts: Any) -> Op:
    """An op that only the library calls: what it does stands in its parameters."""
    return _register(Op(name, "program", value, doc, arity=arity, spec=spec, public=(), **facts))


@dataclass(eq=False, slots=True)
class Composite:
    """A function written in other ops: ``body(xp, *args, **params)``. It leaves no node of its own."""

    name: str
    body: Callable[..., Any]
    doc: str
    method: bool | str = False
    numpy: tuple[str, ...] = ()
    public: tuple[str, ...] | None = None
    sequence: bool = False
    value: Callable[..., Any] | None = None  # the same on bare arrays, which is quicker where nothing is recorded
    kind: str = field(init=False, default="composite")
    call: Callable[..., Any] = field(init=False)


def composite(name: str, body: Callable[..., Any], *, doc: str, **facts: Any) -> Composite:
    """Register a function made of other ops; its derivatives, spec and batching are theirs."""
    if name in REGISTRY or name in COMPOSITES:
        raise ValueError(f"op {name!r} is registered twice")
    COMPOSITES[name] = made = Composite(name, body, doc, **facts)
    return made


# Note [Several outputs]
# A decomposition has several outputs. Its value is a tuple, its spec rule gives a tuple of Specs, and its node stands
# for all of them; ``pick`` takes one out, and the Tensors that users get are behind picks. In ``vjp`` and ``jvp`` rules
# ``out`` is the tuple, ``g`` a list of cotangents with None for outputs that nothing came from, and a jvp rule returns
# a tuple (None: an output that does not move). Since outputs differ in dtype, the engine conjugates nothing for such
# rules: g and what they return are ∂f/∂x + i ∂f/∂y as users see it.
PICK = _register(
    Op(
        "pick",
        "pick",
        value=lambda outputs, *, index: outputs[index],
        doc="One output of an op that has several.",
        arity=1,
        spec=lambda outputs, *, index: outputs[index],
        batch=lambda _xp, _batched, outputs, *, index: outputs[index],
        public=(),
    )
)


def no_derivative(op: Op, operand: int) -> GradientError:
    """The error for a derivative that does not exist."""
    return GradientError(
        f"[{op.name}] no derivative exists with respect to operand {operand}; "
        f"a gradient was asked of something that depends on it; detach() that operand, or use a smooth function."
    )

"""Taylor mode: coefficients of f(x + t·v) in t, to any order, by arithmetic of truncated power series.

The graph of f runs on series. Sums and linear ops act on each coefficient, products convolve, and of any other op the
series follows from its own first derivative, evaluated in series: y' = Σᵢ ∂y/∂xᵢ(x(t)) · xᵢ'(t), coefficient by
coefficient (Griewank and Walther, Evaluating Derivatives, 2nd edition, chapter 13). So no op has a second rule.
Loops and choices become loops and choices of all coefficients at once, whose bodies are the old ones run on series.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, operand_spec
from chainrule.creation import asarray
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError
from chainrule.graph.body import Body, Flags, is_floating, symbols
from chainrule.graph.gradients import seed_spec
from chainrule.graph.graph import Graph, operands_of
from chainrule.graph.samples import innermost
from chainrule.op import COMPOSITES, NONE, ONE, PICK, REGISTRY, ZERO, Op, no_derivative
from chainrule.ops import ops
from chainrule.spec import Spec
from chainrule.symbolic import symbol
from chainrule.tree import flatten, same_structure, unflatten


class Series:
    """c₀ + c₁ t + c₂ t² + …: ``known`` coefficients, Tensors of one shape and dtype, and ``more(k)``, which gives c_k.

    A coefficient is computed when it is asked for, from those before it, so that a series may stand in its own rule.
    """

    __slots__ = ("known", "more")

    def __init__(self, known: list[Any], more: Callable[[int], Any]):
        self.known, self.more = known, more

    shape = property(lambda self: self.known[0].shape)
    dtype = property(lambda self: self.known[0].dtype)
    ndim = property(lambda self: self.known[0].ndim)
    size = property(lambda self: self.known[0].size)

    def at(self, k: int) -> Any:
        while len(self.known) <= k:
            self.known.append(self.more(len(self.known)))
        return self.known[k]

    def slope(self) -> Series:
        """The derivative with respect to t."""
        return Series([self.at(1)], lambda k: ops.multiply(self.at(k + 1), float(k + 1)))

    def __getitem__(self, index: Any) -> Any:
        return SPACE.getitem(self, index)


def _install_operators() -> None:
    arithmetic = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power"}
    for spelling, name in {**arithmetic, "matmul": "matmul"}.items():
        setattr(Series, f"__{spelling}__", lambda x, y, name=name: getattr(SPACE, name)(x, y))
        setattr(Series, f"__r{spelling}__", lambda x, y, name=name: getattr(SPACE, name)(y, x))
    for spelling, name in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
        setattr(Series, f"__{spelling}__", lambda x, y, name=name: getattr(SPACE, name)(x, y))
    Series.__neg__ = lambda x: SPACE.negative(x)  # type: ignore[attr-defined]  # as its kin, which setattr gives


class _Space:
    """The functions of every op, on series."""

    def __getattr__(self, name: str) -> Any:
        if name in COMPOSITES:
            function: Any = functools.partial(COMPOSITES[name].body, self)
        elif name in REGISTRY:
            function = functools.partial(_call, REGISTRY[name])
        else:
            raise AttributeError(name)
        setattr(self, name, function)
        return function


SPACE = _Space()


def _call(op: Op, *args: Any, **params: Any) -> Any:
    if op is PICK:
        return args[0][params["index"]]
    flat = [x for a in args for x in (a if isinstance(a, (list, tuple)) else [a])]
    if not any(isinstance(x, Series) for x in flat):
        return getattr(ops, op.name)(*args, **params)
    operands = list(args[0]) if op.sequence else list(args[: op.arity])
    rest = args[1:] if op.sequence else args[len(operands) :]
    params = {**op.defaults, **params, **dict(zip(op.parameters, rest, strict=False))}
    if op.canonical is not None:
        params = op.canonical(*[operand_spec(op.name, _first(x)) for x in operands], **params)

    def at(parts: Sequence[Any]) -> Any:
        function = getattr(ops, op.name)
        return function(list(parts), **params) if op.sequence else function(*parts, **params)

    start = at([_first(x) for x in operands])
    if not op.differentiable or (op.partials is not None and all(rule is ZERO for rule in op.partials)):
        return start
    if op.kind == "program":
        raise GradientError(
            f"[taylor] {op.name} has rules of its own, and they are not defined on power series; expected ordinary "
            f"ops; call the function without it."
        )
    if op.name in ("multiply", "absorbing_multiply") or op.kind == "bilinear":
        return Series([start], _product(at, *operands))
    if op.name == "divide":
        return _quotient(start, *operands)
    if op.kind == "linear":
        return Series([start], lambda k: at([_part(x, k) for x in operands]))
    return _by_slope(op, operands, params, start)


def _first(x: Any) -> Any:
    return x.at(0) if isinstance(x, Series) else x


def _part(x: Any, k: int) -> Any:
    """The coefficient k > 0 of an operand of a linear op: of what is fixed 0, unless it is an index."""
    if isinstance(x, Series):
        return x.at(k)
    dtype = x.dtype if hasattr(x, "dtype") else np.result_type(x)
    return x if dtype.kind not in "fc" else ops.multiply(x, 0.0)


def _product(times: Callable[[Sequence[Any]], Any], x: Any, y: Any) -> Callable[[int], Any]:
    if not isinstance(x, Series):
        return lambda k: times([x, y.at(k)])
    if not isinstance(y, Series):
        return lambda k: times([x.at(k), y])
    return lambda k: functools.reduce(ops.add, [times([x.at(j), y.at(k - j)]) for j in range(k + 1)])


def _quotient(start: Any, x: Any, y: Any) -> Series:
    """z = x / y by x = y z: z_k = (x_k − Σⱼ y_j z_{k−j}) / y₀."""
    if not isinstance(y, Series):
        return Series([start], lambda k: ops.divide(x.at(k), y))

    def more(k: int) -> Any:
        total = functools.reduce(ops.add, [ops.multiply(y.at(j), z.at(k - j)) for j in range(1, k + 1)])
        return ops.divide(ops.subtract(x.at(k), total) if isinstance(x, Series) else ops.negative(total), y.at(0))

    z = Series([start], more)
    return z


def _by_slope(op: Op, operands: list[Any], params: dict[str, Any], start: Any) -> Any:
    """The series whose derivative is what the op's derivative rule says, in series."""
    starts = start if op.outputs is not None else [start]
    for i, x in enumerate(operands):
        if isinstance(x, Series) and op.rule(i) is NONE:
            raise no_derivative(op, i)
        if isinstance(x, Series) and x.dtype.kind == "c" and any(y.dtype.kind == "f" for y in starts):
            raise DTypeError(f"[taylor] {op.name} is not analytic in complex numbers; expected real ones; take x.real.")

    @functools.cache
    def slopes() -> Sequence[Any]:
        moved = [x.slope() if isinstance(x, Series) else None for x in operands]
        return _slopes(op, moved, found if op.outputs is not None else found[0], operands, params)

    found = tuple(
        Series([y], lambda k, i=i, y=y: _fitted(slopes()[i], k, y)) if y.dtype.kind in "fc" else y
        for i, y in enumerate(starts)
    )
    return found if op.outputs is not None else found[0]


def _slopes(op: Op, moved: list[Any], out: Any, operands: list[Any], params: dict[str, Any]) -> Sequence[Any]:
    if op.partials is None:
        assert op.jvp is not None
        found = op.jvp(SPACE, moved, out, *operands, **params)
        return found if op.outputs is not None else [found]
    total: Any = None
    for rule, t in zip(op.partials, moved, strict=True):
        if t is not None and rule is not ZERO:
            term = t if rule is ONE else SPACE.multiply(t, rule(SPACE, out, *operands))
            total = term if total is None else SPACE.add(total, term)
    return [total]


def _fitted(slope: Any, k: int, like: Any) -> Any:
    """The coefficient k of a series whose derivative is ``slope``."""
    c = None if slope is None else slope.at(k - 1) if isinstance(slope, Series) else slope if k == 1 else None
    if c is None:
        return ops.multiply(like, 0.0)
    c = ops.divide(c, float(k))
    c = c if c.shape == like.shape else ops.broadcast_to(c, like.shape)
    return c if c.dtype == like.dtype else ops.astype(c, like.dtype)


_install_operators()


def taylor(function: Callable[..., Any], x: Any, v: Any, order: int) -> list[Any]:
    """[c₀, c₁, …, cₙ] with f(x + t v) = Σₖ cₖ tᵏ + O(tⁿ⁺¹): so k! cₖ is the k-th derivative of f along v.

    x and v are trees of equal form, and each coefficient has the form of f's output. The cost grows like a power of
    the order, not exponentially as with nested derivatives. f is run once, on symbols; its loops, choices and calls of
    graphs are run on series too. Ops with rules of their own (custom_rule, the gradient of a while_loop) are refused.

    >>> import chainrule as cr
    >>> taylor(cr.exp, 0.0, 1.0, 4)
    [tensor(1.), tensor(1.), tensor(0.5), tensor(0.16666667), tensor(0.04166667)]
    """
    try:
        terms = operator.index(order) + 1
    except TypeError:
        terms = 0
    if terms < 1:
        raise DomainError(f"[taylor] the order is {order!r}; expected an integer that is not negative; give e.g. 3.")
    points, structure = flatten(x)
    moves, given = flatten(v)
    if not same_structure(given, structure):
        raise ShapeError(
            f"[taylor] v is a tree {given}, and x {structure}; expected the same tree; give one array for each *."
        )
    starts = [_series(i, p, t) for i, (p, t) in enumerate(zip(points, moves, strict=True))]
    before = innermost.set(None)
    try:
        inputs = [symbol(shape=s.shape, dtype=s.dtype) for s in starts]
        outputs, form = flatten(function(unflatten(structure, inputs)))
    finally:
        innermost.reset(before)
    for i, y in enumerate(outputs):
        if not isinstance(y, Box):
            raise DTypeError(
                f"[taylor] the function returned a {type(y).__name__} as output {i}; expected a Tensor; wrap a "
                f"constant in chainrule.tensor(...)."
            )
    with np.errstate(all="ignore"):
        found = _run(Graph([s._node for s in inputs], outputs), starts, terms)
    return [unflatten(form, [_coefficient(y, k) for y in found]) for k in range(terms)]


def _run(graph: Graph, starts: Sequence[Any], terms: int) -> list[Any]:
    """The outputs as series; all coefficients of one order, from operands to results, then those of the next."""
    known: dict[Any, Any] = dict(zip(graph.inputs, starts, strict=True))
    waiting: list[Any] = list(starts)
    for node in graph.computed:
        if node.op is None:  # an alias
            known[node] = known[node.parents[0]]
            continue
        operands = operands_of(node, known, ops)
        if node.op.name in PROGRAMS and any(isinstance(x, Series) for x in operands):
            _advance(waiting, terms)
            found = PROGRAMS[node.op.name](operands, terms, **node.params)
        else:
            function = getattr(SPACE, node.op.name)
            found = function(operands, **node.params) if node.op.sequence else function(*operands, **node.params)
        known[node] = found
        waiting += found if isinstance(found, tuple) else (found,)
    _advance(waiting, terms)
    return [known.get(y._node, y) for y in graph.outputs]


def _advance(waiting: list[Any], terms: int) -> None:
    """Compute what is there order by order, so that no coefficient waits for a long chain of others."""
    for k in range(terms):
        for series in waiting:
            if isinstance(series, Series):
                series.at(k)
    waiting.clear()


# ------------------------------------------------------------------------------- calls, choices and loops


def _expanded(body: Body, moving: Flags, terms: int) -> Body:
    """Coefficients of the inputs, of those that move, to coefficients of the outputs."""

    def make(_: Body) -> Body:
        inputs: list[Any] = []
        starts: list[Any] = []
        for node, moves in zip(body.inputs, moving, strict=True):
            made = symbols([node.spec] * (terms if moves else 1))
            inputs += made
            starts.append(_whole(made) if moves else made[0])
        outputs = _run(body, starts, terms)
        return Body(inputs, _flat(outputs, [is_floating(spec) for spec in body.specs], terms))

    return body.derived(("series", moving, terms), make)


def _whole(known: list[Any]) -> Series:
    """The series of which all coefficients that will be asked for are known."""
    return Series(list(known), lambda k: known[k])


def _flat(parts: Sequence[Any], moving: Sequence[bool], terms: int) -> list[Any]:
    """All coefficients of those that move, and the others, in a row."""
    return [
        _coefficient(x, k)
        for x, moves in zip(parts, moving, strict=True)
        for k in range(terms if moves else 1)
    ]  # fmt: skip


def _grouped(found: Sequence[Any], specs: Sequence[Spec], terms: int) -> tuple[Any, ...]:
    """Outputs again as series, of which each that is floating has all coefficients in a row."""
    rest = iter(found)
    return tuple(
        _whole([next(rest) for _ in range(terms)]) if is_floating(spec) else next(rest) for spec in specs
    )  # fmt: skip


def _moving(operands: Sequence[Any]) -> Flags:
    return tuple(isinstance(x, Series) for x in operands)


def _call_of(operands: list[Any], terms: int, *, body: Body) -> tuple[Any, ...]:
    return tuple(_run(body, operands, terms))


def _switch_of(operands: list[Any], terms: int, *, branches: tuple[Body, ...]) -> tuple[Any, ...]:
    index, *others = operands
    moving = _moving(others)
    wide = tuple(_expanded(branch, moving, terms) for branch in branches)
    found = ops.switch(index, *_flat(others, moving, terms), branches=wide)
    return _grouped(found, branches[0].specs, terms)


def _carried(body: Body, operands: list[Any], consts: int, carries: int) -> Flags:
    """What moves in a loop: what does at its start, and every floating carry."""
    floating = [is_floating(node.spec) for node in body.inputs]
    return tuple(
        floating[i] if consts <= i < consts + carries else isinstance(x, Series) for i, x in enumerate(operands)
    )


def _scan_of(operands: list[Any], terms: int, **params: Any) -> tuple[Any, ...]:
    body, consts, carries = params["body"], params["consts"], params["carries"]
    moving = _carried(body, operands, consts, carries)
    wide = {
        "body": _expanded(body, moving, terms),
        "consts": len(_flat(operands[:consts], moving[:consts], terms)),
        "carries": sum(terms if moves else 1 for moves in moving[consts : consts + carries]),
    }
    found = ops.scan(*_flat(operands, moving, terms), **{**params, **wide})
    return _grouped(found, [*body.specs, *(body.specs[:carries] if params["keep"] else ())], terms)


def _while_of(
    operands: list[Any], terms: int, *, cond: Body, body: Body, conds: int, consts: int, **params: Any
) -> tuple[Any, ...]:
    tested, inner = [_first(x) for x in operands[:conds]], operands[conds:]
    moving = _carried(body, inner, consts, len(inner) - consts)

    def make(_: Body) -> Body:
        """The condition, which looks at the first coefficient of each."""
        fixed = symbols(node.spec for node in cond.inputs[:conds])
        carry = [
            symbols([node.spec] * (terms if moves else 1))
            for node, moves in zip(cond.inputs[conds:], moving[consts:], strict=True)
        ]
        outputs = cond.run([*fixed, *(one[0] for one in carry)], ops)
        return Body([*fixed, *(x for one in carry for x in one)], outputs)

    found = ops.while_loop(
        *tested,
        *_flat(inner, moving, terms),
        cond=cond.derived(("series", moving[consts:], terms), make),
        body=_expanded(body, moving, terms),
        conds=conds,
        consts=len(_flat(inner[:consts], moving[:consts], terms)),
        **params,
    )
    return _grouped(found, body.specs, terms)


PROGRAMS = {"call": _call_of, "switch": _switch_of, "scan": _scan_of, "while_loop": _while_of}


def _series(i: int, point: Any, move: Any) -> Series:
    point, move = asarray(point), asarray(move)
    spec = seed_spec(point)
    if spec.dtype.kind not in "fc":
        raise DTypeError(
            f"[taylor] leaf {i} of x is {spec!r}; only floating-point and complex values can move; convert it, e.g. "
            f"2.0 instead of 2."
        )
    if move.shape != spec.shape:
        raise ShapeError(
            f"[taylor] leaf {i} of v has shape {move.shape}, and of x {spec.shape}; expected equal shapes; "
            f"broadcast it with broadcast_to(v, {spec.shape})."
        )
    move = ops.astype(move, spec.dtype) if move.dtype != spec.dtype else move
    zeros = asarray(np.zeros(spec.shape, spec.dtype))
    return Series([point, move], lambda _: zeros)


def _coefficient(y: Any, k: int) -> Any:
    if isinstance(y, Series):
        return y.at(k)
    if k == 0:
        return y
    spec = operand_spec("taylor", y)
    return asarray(np.zeros(spec.shape, spec.dtype))

"""Loops in graphs: functions that run another function again and again, as one node.

The functions given are traced once, with symbols. What they close over stays differentiable. Everything here works on
Tensors and symbols, under every transform, in both modes and to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, isqrt, log2
from typing import Any

import numpy as np

from chainrule.errors import DomainError, DTypeError, RangeError, ShapeError
from chainrule.graph.backwards import nested_scan
from chainrule.graph.body import tensor_spec
from chainrule.graph.repeat import WHILE
from chainrule.graph.scan import SCAN
from chainrule.graph.tracing import Traced, check_carry, operand
from chainrule.graph.tracing import operands as operands_of
from chainrule.graph.waiting import later, rows_of
from chainrule.ops import ops
from chainrule.spec import Spec
from chainrule.tree import flatten, map_leaves, unflatten
from chainrule.unknown import UnknownError


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    checkpoint: str = "none",
    budget: int | None = None,
    states: int | None = None,
) -> tuple[Any, Any]:
    """(cₙ, y) with (cᵢ₊₁, yᵢ) = f(cᵢ, xᵢ): a loop that carries c along the first axis of xs, as one node.

    ``init`` and ``xs`` are trees; ``xs`` may be None, with a ``length``. With ``reverse`` the last x comes first.
    ``checkpoint`` says which carries are kept for reverse accumulation, of n: "none" means no checkpointing, all of
    them; "sqrt" about 2 √n, each step being run once more; "binomial" as many as ``states`` says or as fit into
    ``budget`` bytes (by default 4 log₂ n), steps being run again by Griewank and Walther's schedule (algorithm 799,
    ACM TOMS 26, 2000), which is the best there is. The gradient is the same. ``unroll`` steps become one step of the
    graph; with True there is no loop in the graph, only steps.

    >>> import chainrule as cr
    >>> scan(lambda c, x: (c + x, c * x), 0.0, cr.tensor([1.0, 2.0, 3.0]))
    (tensor(6.), tensor([0., 2., 9.]))
    >>> cr.grad(lambda a: scan(lambda c, _: (a * c, None), 1.0, length=4)[0])(2.0)
    tensor(32.)
    """
    how = {"length": length, "reverse": reverse, "unroll": unroll}
    how |= {"checkpoint": checkpoint, "budget": budget, "states": states}
    try:
        return _scan(f, init, xs, **how)
    except UnknownError as error:
        return later(
            "scan",
            error,
            [f],
            [(init, rows_of(xs))],
            (init, xs),
            lambda functions, given: _scan(*functions, *given, **how),
            lambda results, _: results[0],
        )


def _scan(
    f: Any, init: Any, xs: Any, length: Any, reverse: bool, unroll: Any, checkpoint: str, budget: Any, states: Any
) -> tuple[Any, Any]:
    carry, structure = operands_of("scan", init)
    rows, rows_structure = operands_of("scan", xs)
    count = _length(rows, length)
    if unroll is True or unroll > 1:
        block = count if unroll is True else min(int(unroll), count)
        rest = {"checkpoint": checkpoint, "budget": budget, "states": states}
        return _unrolled(f, init, unflatten(rows_structure, rows), count, reverse, block, rest)
    specs = [*(tensor_spec(x) for x in carry), *(Spec(tensor_spec(x).shape[1:], tensor_spec(x).dtype) for x in rows)]

    def rebuild(leaves: list[Any]) -> tuple[Any, Any]:
        return unflatten(structure, leaves[: len(carry)]), unflatten(rows_structure, leaves[len(carry) :])

    traced = Traced("scan", f, specs, [*carry, *rows], rebuild)
    if not isinstance(traced.result, tuple) or len(traced.result) != 2:
        raise DTypeError(
            f"[scan] f returned {type(traced.result).__name__}; expected a pair (carry, y); return (carry, None) where "
            f"there is nothing to stack."
        )
    after, ys = traced.structure.children
    check_carry("scan", "f", carry, structure, traced.specs[: after.leaves], after)
    params = {
        "body": traced.body, "consts": len(traced.outside), "carries": len(carry), "length": count,
        "reverse": bool(reverse), "keep": False, "snapshots": None,
    }  # fmt: skip
    operands = [*traced.outside, *carry, *rows]
    params["snapshots"] = _snapshots("scan", checkpoint, budget, states, count, carry)
    if checkpoint == "sqrt":
        found = nested_scan(operands, params, isqrt(max(1, count) - 1) + 1)
    else:
        found = SCAN.call(*operands, **params)
    end = len(carry)
    return unflatten(structure, found[:end]), unflatten(ys, found[end : len(traced.specs)])


def _unrolled(f: Any, init: Any, xs: Any, length: int, reverse: bool, block: int, rest: dict[str, Any]) -> Any:
    """The same scan over blocks of steps, each block written out; what is left over is written out behind it."""
    if block == 0:
        return scan(f, init, xs, length, reverse)
    blocks = length // block
    rows, structure = flatten(xs)
    first = length - blocks * block if reverse else 0

    def part(i: Any, j: Any) -> Any:
        return unflatten(structure, [x[i:j] for x in rows])

    if blocks == 1:
        ys: list[Any] = [None] * block
        carry = init
        for i in reversed(range(block)) if reverse else range(block):
            carry, ys[i] = f(carry, unflatten(structure, [x[first + i] for x in rows]))
        found = [operands_of("scan", y) for y in ys]
        columns = zip(*(y for y, _ in found), strict=True)
        stacked = unflatten(found[0][1], [ops.stack(list(column)) for column in columns])
    else:
        folded = [ops.reshape(x[first : first + blocks * block], (blocks, block, *x.shape[1:])) for x in rows]
        carry, stacked = scan(
            lambda c, row: _unrolled(f, c, row, block, reverse, block, {}),
            init,
            unflatten(structure, folded),
            blocks,
            reverse,
            **rest,
        )
        stacked = map_leaves(lambda y: ops.reshape(y, (blocks * block, *y.shape[2:])), stacked)
    left = length - blocks * block
    if not left:
        return carry, stacked
    carry, more = _unrolled(f, carry, part(0, left) if reverse else part(length - left, None), left, reverse, left, {})
    (one, form), (other, _) = (flatten(y) for y in ((more, stacked) if reverse else (stacked, more)))
    return carry, unflatten(form, [ops.concat([a, b], axis=0) for a, b in zip(one, other, strict=True)])


def _length(rows: Sequence[Any], length: int | None) -> int:
    for i, x in enumerate(rows):
        shape = tensor_spec(x).shape
        if not shape:
            raise ShapeError(
                f"[scan] leaf {i} of xs is 0-d; expected an axis to run along; give it by closing over it, or stack "
                f"one for each step."
            )
        if length is not None and shape[0] != length:
            other = "length is" if i == 0 else "others have"
            raise ShapeError(
                f"[scan] leaf {i} of xs has {shape[0]} steps, and {other} {length}; expected equally many; slice it, "
                f"or leave length out."
            )
        length = shape[0]
    if length is None:
        raise ShapeError("[scan] xs is empty and length is not given; expected one of them; write length=n.")
    if length < 0:
        raise ShapeError(f"[scan] length is {length}; expected 0 or more steps.")
    return int(length)


def _snapshots(
    name: str, checkpoint: str, budget: int | None, states: int | None, length: int, carry: Sequence[Any]
) -> Any:
    """How many carries reverse accumulation may store; None for all."""
    if checkpoint not in ("none", "sqrt", "binomial"):
        raise DomainError(
            f"[{name}] checkpoint is {checkpoint!r}; expected 'none', 'sqrt' or 'binomial'; leave it out to keep all."
        )
    if checkpoint != "binomial":
        if budget is not None or states is not None:
            raise DomainError(
                f"[{name}] a budget was given with checkpoint={checkpoint!r}, which needs none; expected it with "
                f"'binomial'; write checkpoint='binomial'."
            )
        return None
    if states is not None:
        if states < 1:
            raise RangeError(f"[{name}] states is {states}; expected at least 1; the first carry is one of them.")
        return int(states)
    if budget is None:
        return 4 * ceil(log2(length + 1)) + 1
    each = sum(spec.size * spec.dtype.itemsize for spec in [tensor_spec(x) for x in carry])
    if budget < each:
        raise RangeError(
            f"[{name}] budget is {budget} bytes, and one carry takes {each}; expected room for at least one; give "
            f"more, or another checkpoint."
        )
    return int(budget // max(1, each))


# ----------------------------------------------------------------------------------------- while_loop, fori_loop


def while_loop(
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init: Any,
    checkpoint: str = "none",
    budget: int | None = None,
    states: int | None = None,
) -> Any:
    """c = body_fun(c) as long as cond_fun(c) holds, starting from ``init``: any tree of fixed shapes and dtypes.

    Differentiable in both modes: how often the body ran is counted, and reverse accumulation goes back as many steps.
    ``checkpoint``, ``budget`` and ``states`` are those of :func:`scan`; "binomial" needs one of the last two, as the
    number of steps is not known before. Under :func:`vmap` the loop runs until all samples are done, and those that
    are done stay as they are.

    >>> import chainrule as cr
    >>> root = lambda a: while_loop(lambda x: cr.abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, a)
    >>> root(cr.tensor(9.0)), cr.grad(root)(9.0)
    (tensor(3.), tensor(0.16666667))
    """
    try:
        return _while_loop(cond_fun, body_fun, init, checkpoint, budget, states)
    except UnknownError as error:
        return later(
            "while_loop",
            error,
            [cond_fun, body_fun],
            [(init,)] * 2,
            init,
            lambda functions, given: _while_loop(functions[0], functions[1], given, checkpoint, budget, states),
            lambda _, given: given,
        )


def _while_loop(cond_fun: Any, body_fun: Any, init: Any, checkpoint: str, budget: Any, states: Any) -> Any:
    carry, structure = operands_of("while_loop", init)
    specs = [tensor_spec(x) for x in carry]

    def rebuild(leaves: list[Any]) -> tuple[Any]:
        return (unflatten(structure, leaves),)

    test = Traced("while_loop", cond_fun, specs, carry, rebuild)
    if len(test.specs) != 1 or test.specs[0].shape or test.specs[0].dtype.kind != "b":
        shown = ", ".join(repr(spec) for spec in test.specs) or "nothing"
        raise DTypeError(
            f"[while_loop] cond_fun returns {shown}; expected one boolean, bool[]; write a comparison, and reduce it "
            f"with .all() or .any()."
        )
    step = Traced("while_loop", body_fun, specs, carry, rebuild)
    check_carry("while_loop", "body_fun", carry, structure, step.specs, step.structure)
    if checkpoint == "binomial" and budget is None and states is None:
        raise DomainError(
            "[while_loop] checkpoint is 'binomial' without a budget, and the number of steps is not known before; "
            "expected how many carries may be stored; give states=... or budget=... bytes."
        )
    snapshots = _snapshots("while_loop", checkpoint, budget, states, 0, carry)
    found = WHILE.call(
        *test.outside,
        *step.outside,
        *carry,
        cond=test.body,
        body=step.body,
        conds=len(test.outside),
        consts=len(step.outside),
        snapshots="sqrt" if checkpoint == "sqrt" else snapshots,
    )
    return unflatten(structure, found)


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init: Any, **memory: Any) -> Any:
    """c = body_fun(i, c) for i = lower … upper − 1, starting from ``init``: a scan of known length, else a while_loop.

    ``memory`` is ``checkpoint``, ``budget`` and ``states``, as of :func:`scan`.

    >>> import chainrule as cr
    >>> fori_loop(0, 4, lambda i, c: c * (i + 1), 1)
    tensor(24)
    """
    ends = [operand("fori_loop", x) for x in (lower, upper)]
    for which, x in zip(("lower", "upper"), ends, strict=True):
        spec = tensor_spec(x)
        if spec.shape or spec.dtype.kind not in "iu":
            raise DTypeError(
                f"[fori_loop] {which} is {spec!r}; expected one integer; convert it with int(x) or astype('int64')."
            )
    if all(x._value is not None for x in ends):
        numbers = np.arange(int(ends[0]._value), int(ends[1]._value))
        return scan(lambda c, i: (body_fun(i, c), None), init, numbers, **memory)[0]
    start, stop = (ops.astype(x, np.int64) for x in ends)
    return while_loop(
        lambda c: c[0] < c[1], lambda c: (c[0] + 1, c[1], body_fun(c[0], c[2])), (start, stop, init), **memory
    )[2]


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """y with yᵢ = f(xᵢ) along the first axis of xs, one after the other: :func:`vmap` is faster, and takes more memory.

    >>> import chainrule as cr
    >>> cr.map(lambda x: x * x, cr.tensor([1.0, 2.0, 3.0]))
    tensor([1., 4., 9.])
    """
    return scan(lambda _, x: (None, f(x)), None, xs)[1]

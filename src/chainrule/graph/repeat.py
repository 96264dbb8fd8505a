"""The op ``while_loop``: a body run as long as a condition holds.

    while cond(j, c): c = body(k, c)

Operands are the constants j of the condition and k of the body, and the carry c; outputs the last carry. How often
the body runs is known only when values are. So a loop of Tensors with values is recorded as a ``scan`` of the length
that was counted, and has its derivatives. A symbolic loop, or one of samples, is a node of its own, whose reverse rule
is the op ``pull``, which makes that record when it has values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apply import apply, recorded
from chainrule.box import Box
from chainrule.config import recording
from chainrule.graph.backwards import nested_scan
from chainrule.graph.body import Body, Flags, is_floating, symbols, tensor_spec
from chainrule.graph.layout import Arrays, zeros_of
from chainrule.graph.pull import pulled
from chainrule.graph.scan import SCAN
from chainrule.op import program
from chainrule.ops import install, ops, raw
from chainrule.spec import Spec, spec_of


def run(*operands: Any, cond: Body, body: Body, conds: int, consts: int) -> tuple[tuple[Any, ...], int]:
    """The last carry, and how many steps led there."""
    tested, fixed, carry = operands[:conds], operands[conds : conds + consts], operands[conds + consts :]
    test, step, count = cond.plan, body.plan, 0
    while test(*tested, *carry)[0]:
        carry = step(*fixed, *carry)
        count += 1
    return tuple(carry), count


def _value(*operands: Any, cond: Body, body: Body, conds: int, consts: int, snapshots: Any) -> tuple[Any, ...]:
    del snapshots  # which concerns derivatives alone
    return run(*operands, cond=cond, body=body, conds=conds, consts=consts)[0]


def _spec(*_operands: Any, body: Body, **_params: Any) -> tuple[Spec, ...]:
    return tuple(body.specs)


def _together(_xp: Any, g: Any, _out: Any, *operands: Any, wanted: Flags, **params: Any) -> list[Any]:
    def whole(_: Body) -> Body:
        xs = symbols(tensor_spec(x) if isinstance(x, Box) else spec_of(x) for x in operands)
        return Body(xs, ops.while_loop(*xs, **params))

    graph = params["body"].derived(("while", *params.values()), whole)
    return pulled(graph, operands, g, wanted)


def _jvp(xp: Any, tangents: Any, _out: Any, *operands: Any, **params: Any) -> tuple[Any, ...]:
    cond, body, conds, consts = (params[name] for name in ("cond", "body", "conds", "consts"))
    first = conds + consts
    specs = body.specs
    floating = [i for i, spec in enumerate(specs) if is_floating(spec)]
    moves = (*(t is not None for t in tangents[conds:first]), *(is_floating(spec) for spec in specs))
    careful = xp is not raw and xp is not ops
    fixed = [t for t in tangents[conds:first] if t is not None]
    moving = [zeros_of(specs[i]) if tangents[first + i] is None else tangents[first + i] for i in floating]
    found = xp.while_loop(
        *operands[:first],
        *fixed,
        *operands[first:],
        *moving,
        cond=cond.derived(("while push", len(floating), conds), _push_condition, conds, specs, floating),
        body=body.derived(("while push", moves, consts, careful), _push_body, moves, consts, careful),
        conds=conds,
        consts=consts + len(fixed),
        snapshots=params["snapshots"],
    )
    moved = iter(found[len(specs) :])
    return tuple(next(moved) if is_floating(spec) else None for spec in specs)


def _push_condition(cond: Body, conds: int, specs: list[Spec], floating: list[int]) -> Body:
    tested, carry = symbols(node.spec for node in cond.inputs[:conds]), symbols(specs)
    return Body([*tested, *carry, *symbols(specs[i] for i in floating)], cond.run([*tested, *carry], ops))


def _push_body(body: Body, moves: Flags, consts: int, careful: bool) -> Body:
    """(k, k̇, c, ċ) ↦ (c', ċ')."""
    step, specs = body.pushed(moves, careful), [node.spec for node in body.inputs]
    xs, ts = symbols(specs), symbols(spec for spec, moving in zip(specs, moves, strict=True) if moving)
    fixed = sum(moves[:consts])
    return Body([*xs[:consts], *ts[:fixed], *xs[consts:], *ts[fixed:]], step.run([*xs, *ts], ops))


def _batch(xp: Any, batched: Flags, *operands: Any, **params: Any) -> tuple[Any, ...]:
    """All samples at once, until the last is done; those that are done keep what they have."""
    cond, body, conds, consts = (params[name] for name in ("cond", "body", "conds", "consts"))
    first = conds + consts
    size = next(x.shape[0] for x, is_batched in zip(operands, batched, strict=True) if is_batched)
    carry = tuple(batched[first:])
    while True:  # a carry that any step batches is batched from the start, and all are, if the condition is
        test, (varies,) = cond.batched((*batched[:conds], *carry), size, (False,))
        carry = (True,) * len(carry) if varies else carry
        step, fronts = body.batched((*batched[conds:first], *carry), size, carry)
        if fronts == carry:
            break
        carry = fronts
    values = [
        xp.broadcast_to(x, (size, *x.shape)) if i >= first and carry[i - first] and not batched[i] else x
        for i, x in enumerate(operands)
    ]
    if varies:
        count = len(values)
        test, step = (
            test.derived("any", _any),
            step.derived(("frozen", test, conds, consts), _frozen, test, conds, consts, size),
        )
        values = [*values[:first], *values[:conds], *values[first:count]]
        consts += conds
    with np.errstate(all="ignore" if varies else None):  # of samples that are done already
        out = xp.while_loop(*values, **{**params, "cond": test, "body": step, "consts": consts})
    return tuple(y if front else xp.broadcast_to(y, (size, *y.shape)) for y, front in zip(out, carry, strict=True))


def _any(test: Body) -> Body:
    xs = symbols(node.spec for node in test.inputs)
    return Body(xs, [ops.any(test.run(xs, ops)[0])])


def _frozen(step: Body, test: Body, conds: int, consts: int, size: int) -> Body:
    """(k, j, c) ↦ body(k, c) in the samples whose condition holds, c in the others."""
    fixed = symbols(node.spec for node in step.inputs[:consts])
    tested = symbols(node.spec for node in test.inputs[:conds])
    carry = symbols(node.spec for node in step.inputs[consts:])
    (goes_on,) = test.run([*tested, *carry], ops)
    after = [
        ops.where(ops.reshape(goes_on, (size, *(1,) * (len(tensor_spec(c).shape) - 1))), y, c)
        for y, c in zip(step.run([*fixed, *carry], ops), carry, strict=True)
    ]
    return Body([*fixed, *tested, *carry], after)


WHILE = program(
    "while_loop",
    value=_value,
    spec=_spec,
    arity=None,
    together=_together,
    jvp=_jvp,
    batch=_batch,
    outputs=tuple,
    doc="A body run as long as a condition holds.",
)
install(WHILE)


def _while_loop(*operands: Any, **params: Any) -> Any:
    """The loop, recorded as a scan where a derivative may be asked of values."""
    boxes = [x for x in operands if isinstance(x, Box)]
    if any(x._value is None for x in boxes) or not (recording.get() and any(x._node is not None for x in boxes)):
        return apply(WHILE, operands, params)
    snapshots = params["snapshots"]
    if snapshots is None:
        return _kept(operands, **params)
    facts = {name: params[name] for name in ("cond", "body", "conds", "consts")}
    _, length = run(*(x._value if isinstance(x, Box) else x for x in operands), **facts)
    return counted(operands[params["conds"] :], params["body"], params["consts"], length, snapshots)


def _kept(operands: Arrays, cond: Body, body: Body, conds: int, consts: int, snapshots: Any) -> tuple[Any, ...]:
    """The loop run once, with its carries kept, and recorded as the scan that would have kept them."""
    values = [x._value if isinstance(x, Box) else x for x in operands]
    tested, fixed, carry = values[:conds], values[conds : conds + consts], values[conds + consts :]
    test, step = cond.plan, body.plan
    passed: list[Any] = []
    while test(*tested, *carry)[0]:
        passed.append(carry)
        carry = step(*fixed, *carry)
    states = [np.empty((len(passed), *spec.shape), spec.dtype) for spec in body.specs]
    for i in range(len(passed)):
        for state, c in zip(states, passed[i], strict=True):
            state[i] = c
        passed[i] = None  # so that carries are in memory once
    params = {
        "body": body, "consts": consts, "carries": len(states), "length": len(passed), "reverse": False, "keep": True,
        "snapshots": snapshots,
    }  # fmt: skip
    return tuple(recorded(SCAN, operands[conds:], (*carry, *states), params)[: len(states)])


def counted(operands: Arrays, body: Body, consts: int, length: int, snapshots: Any) -> tuple[Any, ...]:
    """The body run so many times. ``snapshots`` "sqrt" makes it a scan of scans, a number one that is revolved."""
    carries = len(body.outputs)
    params = {
        "body": body, "consts": consts, "carries": carries, "length": length, "reverse": False, "keep": False,
        "snapshots": None if snapshots == "sqrt" else snapshots,
    }  # fmt: skip
    if snapshots == "sqrt":
        return tuple(nested_scan(operands, params, max(2, round(length**0.5))))
    return tuple(ops.scan(*operands, **params)[:carries])


WHILE.call = ops.while_loop = _while_loop

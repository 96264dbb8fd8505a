"""The op ``switch``: one of several bodies, chosen by an integer. Its derivatives are switches between theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.graph.body import Body, Flags, Pulled, is_floating, symbols, tensor_spec
from chainrule.graph.layout import Arrays
from chainrule.op import program
from chainrule.ops import install, ops, raw
from chainrule.spec import Spec, spec_of


def _value(index: Any, *operands: Any, branches: tuple[Body, ...]) -> tuple[Any, ...]:
    chosen = branches[min(max(int(index), 0), len(branches) - 1)]
    return tuple(chosen.run(operands, raw))


def _spec(_index: Any, *_operands: Any, branches: tuple[Body, ...]) -> tuple[Spec, ...]:
    return tuple(branches[0].specs)


def _together(
    xp: Any, g: Any, _out: Any, index: Any, *operands: Any, wanted: Flags, branches: tuple[Body, ...]
) -> list[Any]:
    careful = xp is not raw and xp is not ops
    pulled = Pulled(branches, g, wanted[1:], careful)
    if len(branches) > 1 and any(branch.axes for branch in branches):
        return [
            None,
            *pulled.answers(_from_all(xp, index, [*operands, *pulled.operands], len(operands), pulled.bodies)),
        ]
    return [None, *pulled.answers(xp.switch(index, *operands, *pulled.operands, branches=pulled.bodies))]


def _from_all(xp: Any, index: Any, operands: Arrays, first: int, bodies: Sequence[Body]) -> list[Any]:
    """The sum of what all branches give back, each for the samples that chose it.

    Where samples meet in a branch, those that chose it move also those that chose another.
    """
    spec, last = tensor_spec(index) if isinstance(index, Box) else spec_of(index), len(bodies) - 1
    total: Any = None
    for i, body in enumerate(bodies):
        chosen = body.derived(("chosen", spec, i, last, first), _chosen, spec, i, last, first)
        found = xp.switch(0, index, *operands, branches=(chosen,))
        total = found if total is None else [_added(xp, x, y) for x, y in zip(total, found, strict=True)]
    return list(total)


def _added(xp: Any, x: Any, y: Any) -> Any:
    return xp.add(x, y) if is_floating(tensor_spec(x) if isinstance(x, Box) else x) else xp.logical_or(x, y)


def _chosen(body: Body, spec: Spec, number: int, last: int, first: int) -> Body:
    """(index, inputs, cotangents …) ↦ body(inputs, cotangents …), the cotangents 0 unless this branch is chosen."""
    index = symbols([spec])[0]
    xs = symbols(node.spec for node in body.inputs)
    compare = ops.less_equal if number == 0 else ops.greater_equal if number == last else ops.equal
    chosen = compare(index, number)
    # Supports of cotangents are bool.
    masked = [
        ops.where(chosen, g, 0) if is_floating(tensor_spec(g)) else ops.logical_and(chosen, g) for g in xs[first:]
    ]
    return Body([index, *xs], body.run([*xs[:first], *masked], ops))


def _jvp(xp: Any, tangents: Any, _out: Any, index: Any, *operands: Any, branches: tuple[Body, ...]) -> tuple[Any, ...]:
    careful = xp is not raw and xp is not ops
    moving = tuple(t is not None for t in tangents[1:])
    pushed = tuple(branch.pushed(moving, careful) for branch in branches)
    specs = branches[0].specs
    found = xp.switch(index, *operands, *(t for t in tangents[1:] if t is not None), branches=pushed)
    moved = iter(found[len(specs) :])
    return tuple(next(moved) if is_floating(spec) else None for spec in specs)


def _batch(xp: Any, batched: Flags, index: Any, *operands: Any, branches: tuple[Body, ...]) -> tuple[Any, ...]:
    size = next(x.shape[0] for x, is_batched in zip((index, *operands), batched, strict=True) if is_batched)
    every = (True,) * len(branches[0].outputs)
    mapped = tuple(branch.batched(batched[1:], size, every)[0] for branch in branches)
    if not batched[0]:
        return xp.switch(index, *operands, branches=mapped)
    # Samples choose differently: all branches run, and where() leaves what was not chosen without a gradient.
    with np.errstate(all="ignore"):
        runs = [xp.switch(i, *operands, branches=mapped) for i in range(len(mapped))]
    results = list(runs[-1])
    for i in reversed(range(len(runs) - 1)):
        chosen = xp.less_equal(index, i)
        for k, y in enumerate(runs[i]):
            mask = xp.reshape(chosen, (size, *(1,) * (len(y.shape) - 1)))
            results[k] = xp.where(mask, y, results[k])
    return tuple(results)


SWITCH = program(
    "switch",
    value=_value,
    spec=_spec,
    arity=None,
    together=_together,
    jvp=_jvp,
    batch=_batch,
    outputs=tuple,
    doc="One of several graphs, by number; numbers beyond the ends mean the first or the last.",
)
install(SWITCH)

"""The op ``scan``: a body run for a known number of steps. Its derivatives are scans again.

    (cᵢ₊₁, yᵢ) = body(k, cᵢ, xᵢ),  i = 0 … n−1

Operands are the constants k, the initial carry c₀ and the sequences x; outputs the last carry, the sequences y, and,
with ``keep``, the carries c₀ … cₙ₋₁ before each step, stacked. These are what reverse accumulation needs: it is a
scan the other way, whose body pulls cotangents back through one step. As they are outputs like any other, with
cotangents of their own, derivatives of any order follow.

With ``snapshots`` nothing is kept: bare arrays are reversed by revolve.py, which runs parts of the loop again;
Tensors by nested scans, that keep the carries of one block at a time.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np

from chainrule.apply import apply
from chainrule.box import Box
from chainrule.config import recording
from chainrule.graph.backwards import pull
from chainrule.graph.body import Body, Flags, is_floating, symbols
from chainrule.graph.layout import Arrays, Layout, zeros_of
from chainrule.op import program
from chainrule.ops import install, ops, raw
from chainrule.spec import Spec


def _value(
    *operands: Any, body: Body, consts: int, carries: int, length: int, reverse: bool, keep: bool, snapshots: Any
) -> tuple[Any, ...]:
    fixed, carry, rows = operands[:consts], operands[consts : consts + carries], operands[consts + carries :]
    step, specs = body.plan, body.specs
    ys = [np.empty((length, *spec.shape), spec.dtype) for spec in specs[carries:]]
    states = (
        [np.empty((length, *spec.shape), spec.dtype) for spec in specs[:carries]] if keep and snapshots is None else []
    )
    numbers = range(length - 1, -1, -1) if reverse else range(length)
    steps = zip(*(x[::-1] if reverse else x for x in rows), strict=True) if rows else repeat((), length)
    for i, row in zip(numbers, steps, strict=True):
        for state, c in zip(states, carry, strict=False):
            state[i] = c
        out = step(*fixed, *carry, *row)
        carry = out[:carries]
        for y, value in zip(ys, out[carries:], strict=True):
            y[i] = value
    return (*carry, *ys, *states)


def _spec(*_operands: Any, body: Body, carries: int, length: int, keep: bool, **_params: Any) -> tuple[Spec, ...]:
    specs = body.specs
    rows = [*specs[carries:], *(specs[:carries] if keep else ())]
    return (*specs[:carries], *(Spec((length, *spec.shape), spec.dtype) for spec in rows))


# ---------------------------------------------------------------------------------------------- forward mode


def _jvp(xp: Any, tangents: Any, _out: Any, *operands: Any, **params: Any) -> tuple[Any, ...]:
    body, consts, carries = params["body"], params["consts"], params["carries"]
    layout = Layout(body, consts, carries)
    careful = xp is not raw and xp is not ops
    floating = layout.floating
    moves = tuple(
        t is not None or (consts <= i < layout.first_x and i - consts in floating) for i, t in enumerate(tangents)
    )
    key = ("scan push", moves, consts, carries, careful)
    pushed = body.derived(key, lambda _: _push_body(layout, moves, careful))
    fixed, carry, rows = layout.split(operands)
    tfixed, tcarry, trows = layout.split(tangents)
    tcarry = [tcarry[i] if tcarry[i] is not None else zeros_of(layout.carry_specs[i]) for i in floating]
    tfixed = [t for t in tfixed if t is not None]
    out = xp.scan(
        *fixed,
        *tfixed,
        *carry,
        *tcarry,
        *rows,
        *(t for t in trows if t is not None),
        **{**params, "body": pushed, "consts": consts + len(tfixed), "carries": carries + len(floating)},
    )
    ys = len(layout.outputs) - carries
    moving = [i for i in range(carries, len(layout.outputs)) if is_floating(layout.outputs[i])]
    found: list[Any] = [None] * (len(layout.outputs) + (carries if params["keep"] else 0))
    first = carries + len(floating)
    for place, i in enumerate(floating):
        found[i] = out[carries + place]
        if params["keep"]:
            found[len(layout.outputs) + i] = out[first + ys + len(moving) + carries + place]
    for place, i in enumerate(moving):
        found[i] = out[first + ys + place]
    return tuple(found)


def _push_body(layout: Layout, moves: Flags, careful: bool) -> Body:
    """(k, k̇, cᵢ, ċᵢ, xᵢ, ẋᵢ) ↦ (cᵢ₊₁, ċᵢ₊₁, yᵢ, ẏᵢ)."""
    step = layout.body.pushed(moves, careful)
    xs = symbols(layout.inputs)
    ts = symbols(spec for spec, moves_ in zip(layout.inputs, moves, strict=True) if moves_)
    kinds = [i for i, moves_ in enumerate(moves) if moves_]
    out = step.run([*xs, *ts], ops)
    fixed, carry, rows = layout.split(xs)
    tfixed = [t for i, t in zip(kinds, ts, strict=True) if i < layout.consts]
    trows = [t for i, t in zip(kinds, ts, strict=True) if i >= layout.first_x]
    tcarry = ts[len(tfixed) : len(ts) - len(trows)]
    count, moving = len(layout.outputs), len(layout.floating)
    ys, moved = out[layout.carries : count], out[count:]
    return Body(
        [*fixed, *tfixed, *carry, *tcarry, *rows, *trows],
        [*out[: layout.carries], *moved[:moving], *ys, *moved[moving:]],
    )


# -------------------------------------------------------------------------------------------------- batching


def _batch(xp: Any, batched: Flags, *operands: Any, **params: Any) -> tuple[Any, ...]:
    layout = Layout(params["body"], params["consts"], params["carries"])
    consts, carries = layout.consts, layout.carries
    size = next(x.shape[0] for x, is_batched in zip(operands, batched, strict=True) if is_batched)
    count = len(layout.outputs)
    flags = tuple(batched)
    while True:  # a carry that any step batches is batched from the start
        carry = flags[consts : layout.first_x]
        body, fronts = layout.body.batched(flags, size, (*carry, *(True,) * (count - carries)))
        if fronts[:carries] == carry:
            break
        flags = (*flags[:consts], *fronts[:carries], *flags[layout.first_x :])
    values = [
        xp.broadcast_to(x, (size, *x.shape))
        if consts <= i < layout.first_x and flags[i] and not batched[i]
        else xp.moveaxis(x, 0, 1)
        if i >= layout.first_x and batched[i]
        else x
        for i, x in enumerate(operands)
    ]
    out = xp.scan(*values, **{**params, "body": body})
    stacked = [True] * carries + [False] * (len(out) - carries)
    fronted = (*flags[consts : layout.first_x], *(True,) * (count - carries), *flags[consts : layout.first_x])
    return tuple(
        (y if is_last else xp.moveaxis(y, 1, 0)) if front else xp.broadcast_to(y, (size, *y.shape))
        for y, is_last, front in zip(out, stacked, fronted, strict=False)
    )


SCAN = program(
    "scan",
    value=_value,
    spec=_spec,
    arity=None,
    together=pull,
    jvp=_jvp,
    batch=_batch,
    outputs=tuple,
    doc="A body run for a known number of steps.",
)
install(SCAN)


def is_tracked(operands: Arrays) -> bool:
    """Whether a derivative may be asked of a call on these, or a graph is being made."""
    return any(isinstance(x, Box) and (x._value is None or (x._node is not None and recording.get())) for x in operands)


def _scan(*operands: Any, **params: Any) -> Any:
    """The scan, which keeps its carries where a derivative may be asked."""
    if params["snapshots"] is None and is_tracked(operands):
        params["keep"] = True
    return apply(SCAN, operands, params)


SCAN.call = ops.scan = _scan

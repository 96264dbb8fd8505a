"""Scans reversed: cotangents run back through the steps, from carries that were kept or are computed again."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.graph.body import Body, Flags, Pulled, constant, symbols, tensor_spec
from chainrule.graph.layout import Arrays, Layout, zeros_of
from chainrule.graph.revolve import revolve
from chainrule.graph.support import Supported, bare
from chainrule.ops import ops, raw
from chainrule.spec import Spec, spec_of


def pull(xp: Any, g: Any, out: Any, *operands: Any, wanted: Flags, **params: Any) -> list[Any]:
    """The reverse rule of a scan."""
    layout = Layout(params["body"], params["consts"], params["carries"])
    operands, carries = bare(operands), layout.carries
    if params["length"] == 0:
        return [None] * layout.consts + [*g[:carries]] + [None] * (len(operands) - layout.first_x)
    by_snapshots, careful = not params["keep"], xp is not raw and xp is not ops
    if by_snapshots and any(isinstance(x, Box) for x in (*operands, *bare(g))):
        return _pull_nested(g, operands, wanted, params, careful)
    supports = [c.support if c.__class__ is Supported else None for c in g]
    plan = Pull(layout, wanted, tuple(c is not None for c in g), tuple(m is not None for m in supports))
    body, g = plan.body(careful), bare(g)
    start, rows_masks = plan.start(g, supports), [m for m in supports[carries:] if m is not None]
    if by_snapshots:
        given = [*(g[carries + i] for i in plan.ys), *rows_masks]
        return plan.sorted(_pull_by_snapshots(plan, body, start, given, operands, params), wanted)
    fixed, _, rows = layout.split(operands)
    answers = xp.scan(
        *fixed,
        *start,
        *bare(out[len(layout.outputs) :]),
        *rows,
        *(c for c in g[carries:] if c is not None),
        *rows_masks,
        body=body,
        consts=layout.consts,
        carries=plan.carries,
        length=params["length"],
        reverse=not params["reverse"],
        keep=False,
        snapshots=None,
    )
    return plan.sorted(answers, wanted)


class Pull:
    """Which cotangents the body of a reverse scan computes, and their order among its outputs.

    A careful walk carries beside the cotangents where they are structural zeros, if there may be any. ``supported``
    says which of those that are given come with their supports.
    """

    def __init__(self, layout: Layout, wanted: Flags, given: Flags, supported: Flags):
        self.layout = layout
        self.reached, given = given[: layout.carries], given[layout.carries :]
        self.supported = supported
        self.masked = False
        self.wanted_consts = [i for i in range(layout.consts) if wanted[i]]
        self.wanted_xs = [i for i in range(layout.first_x, len(layout.inputs)) if wanted[i]]
        self.given_ys = [layout.carries + i for i, is_given in enumerate(given) if is_given and i < self._ys]
        self.given_states = [i - self._ys for i, is_given in enumerate(given) if is_given and i >= self._ys]
        floating = {layout.consts + i for i in layout.floating}
        # Of every input and output of the body: whether its cotangent is asked for, or given.
        self.wanted = tuple(i in (*self.wanted_consts, *floating, *self.wanted_xs) for i in range(len(layout.inputs)))
        self.given = tuple(i in (*layout.floating, *self.given_ys) for i in range(len(layout.outputs)))

    @property
    def _ys(self) -> int:
        return len(self.layout.outputs) - self.layout.carries

    @property
    def carries(self) -> int:
        return len(self.layout.floating) * (1 + self.masked) + len(self.wanted_consts)

    @property
    def ys(self) -> list[int]:
        """The sequences whose cotangents are given, by number."""
        return [i - self.layout.carries for i in self.given_ys]

    def start(self, g: Arrays, supports: Arrays) -> list[Any]:
        """The first carry of the reverse scan: cotangents of the last one, their supports, and zero for constants."""
        layout = self.layout
        moving = [g[i] if g[i] is not None else zeros_of(layout.carry_specs[i]) for i in layout.floating]
        masks = [
            np.full(layout.carry_specs[i].shape, g[i] is not None)[()] if supports[i] is None else supports[i]
            for i in layout.floating
            if self.masked
        ]
        return [*moving, *masks, *(zeros_of(layout.inputs[i]) for i in self.wanted_consts)]

    def sorted(self, answers: Arrays, wanted: Flags) -> list[Any]:
        """The answers of the reverse scan, one for each operand of the scan; None for those not wanted."""
        found: list[Any] = [None] * len(wanted)
        moving, rest = len(self.layout.floating), self.carries
        values = [*answers[:moving], *answers[rest - len(self.wanted_consts) :]]
        places = [self.layout.consts + i for i in self.layout.floating] + self.wanted_consts + self.wanted_xs
        for place, answer in zip(places, values, strict=False):
            found[place] = answer if wanted[place] else None
        if self.masked:
            masks = [*answers[moving : 2 * moving], *answers[rest + len(self.wanted_xs) :]]
            for place, mask in zip(places[:moving] + self.wanted_xs, masks, strict=False):
                found[place] = found[place] if found[place] is None else Supported(found[place], mask)
        return found

    def body(self, careful: bool) -> Body:
        """The body of the reverse scan: (k, c̄ᵢ₊₁, k̄, cᵢ, xᵢ, ȳᵢ, s̄ᵢ) ↦ (c̄ᵢ + s̄ᵢ, k̄ + Δk̄, x̄ᵢ)."""
        layout = self.layout
        if careful:
            unreached = not all(self.reached[i] for i in layout.floating)
            self.masked = unreached or any(self.supported) or layout.body.leaves_zeros(self.wanted, self.given)
        rows = self.supported[layout.carries :]
        key = ("scan pull", self.wanted, self.given, tuple(self.given_states), layout.consts, layout.carries, rows)
        return layout.body.derived((*key, careful, self.masked), lambda _: self._body(careful))

    def _body(self, careful: bool) -> Body:
        layout = self.layout
        fixed, states, rows = layout.split(symbols(layout.inputs))
        carry = symbols(layout.carry_specs[i] for i in layout.floating)
        masks = symbols(Spec(tensor_spec(c).shape, np.dtype(bool)) for c in carry if self.masked)
        sums = symbols(layout.inputs[i] for i in self.wanted_consts)
        ys = symbols(layout.outputs[i] for i in self.given_ys)
        extra = symbols(layout.carry_specs[i] for i in self.given_states)
        ys_masks = [_mask(y, self.supported[i]) for y, i in zip(ys, self.given_ys, strict=True)]
        extra_masks = [
            _mask(s, self.supported[layout.carries + self._ys + i])
            for s, i in zip(extra, self.given_states, strict=True)
        ]
        if self.masked:
            step = layout.body.pulled_supports(self.wanted, self.given, len(masks) + len(ys))
        else:
            step = layout.body.pulled(self.wanted, self.given, careful)
        supports = [*masks, *ys_masks] if self.masked else []
        out = step.run([*fixed, *states, *rows, *carry, *ys, *supports], ops)
        # What the pulled step gives is in the order of its inputs: constants, carries, sequences.
        first, last = len(sums), len(sums) + len(carry)
        count = last + len(self.wanted_xs)
        found, supports = out[:count], out[count:]
        more = [ops.add(total, c) for total, c in zip(sums, found, strict=False)]
        back, back_masks = found[first:last], supports[first:last]
        for i, s, mask in zip(self.given_states, extra, extra_masks, strict=True):
            place = layout.floating.index(i)
            back[place] = ops.add(back[place], s)
            if self.masked:
                back_masks[place] = ops.logical_or(back_masks[place], mask)
        row_masks = [mask for mask in (*ys_masks, *extra_masks) if mask._node is not None]
        return Body(
            [*fixed, *carry, *masks, *sums, *states, *rows, *ys, *extra, *row_masks],
            [*back, *back_masks, *more, *found[last:], *supports[last:]],
        )


def _mask(g: Any, given: bool) -> Any:
    """The support of a cotangent: a symbol where one is given, else everywhere."""
    shape = tensor_spec(g).shape
    return symbols([Spec(shape, np.dtype(bool))])[0] if given else constant(np.ones(shape, bool))


def _pull_by_snapshots(
    plan: Pull, body: Body, state: list[Any], given: list[Any], operands: Arrays, params: dict[str, Any]
) -> list[Any]:
    """What the reverse scan gives, on bare arrays, from carries of which a few are stored at a time.

    ``state`` is its first carry, ``given`` are the cotangents of sequences and their supports.
    """
    layout = plan.layout
    fixed, carry, rows = layout.split(operands)
    if params["reverse"]:
        rows, given = [x[::-1] for x in rows], [y[::-1] for y in given]
    step, forward = body.plan, layout.body.derived(("carry", layout.carries), _carry_alone, layout.carries).plan
    count = plan.carries
    back = [np.empty((params["length"], *spec.shape), spec.dtype) for spec in body.specs[count:]]

    def advance(c: Any, i: int) -> Any:
        return forward(*fixed, *c, *[x[i] for x in rows])

    def reverse(c: Any, i: int) -> None:
        out = step(*fixed, *state, *c, *[x[i] for x in rows], *[y[i] for y in given])
        state[:] = out[:count]
        for x, value in zip(back, out[count:], strict=True):
            x[i] = value

    revolve(params["length"], params["snapshots"], tuple(carry), advance, reverse)
    return [*state, *(x[::-1] if params["reverse"] else x for x in back)]


def _carry_alone(body: Body, carries: int) -> Body:
    xs = symbols(node.spec for node in body.inputs)
    return Body(xs, body.run(xs, ops)[:carries])


def _pull_nested(g: Any, operands: Arrays, wanted: Flags, params: dict[str, Any], careful: bool) -> list[Any]:
    """Reverse mode by nested scans, as a graph of its own: what is kept is bounded at every order."""
    body: Body = params["body"]

    def nested(_: Body) -> Body:
        xs = symbols(map(_spec, operands))
        return Body(xs, nested_scan(xs, params, blocks_of(params)))

    facts = tuple(params[name] for name in ("consts", "carries", "length", "reverse", "snapshots"))
    whole: Body = body.derived(("nested", *facts), nested)
    pulled = Pulled([whole], g, wanted, careful)
    return pulled.answers(pulled.bodies[0].run([*operands, *pulled.operands], ops))


def blocks_of(params: dict[str, Any]) -> int:
    """How many blocks a level of nested scans has, so that all levels together keep about ``snapshots`` carries."""
    length, levels = params["length"], 1
    while length > max(2, params["snapshots"] // levels) ** levels:
        levels += 1
    return ceil(length ** (1 / levels))


def _spec(x: Any) -> Any:
    return tensor_spec(x) if isinstance(x, Box) else spec_of(x)


def nested_scan(operands: Arrays, params: dict[str, Any], blocks: int) -> list[Any]:
    """The same scan as scans of scans, of so many ``blocks`` each, so that carries are kept block by block.

    Each level keeps one carry a block; a block's own are computed again when the cotangents arrive there. With √n
    blocks that is the scheme of Chen et al., Training Deep Nets with Sublinear Memory Cost (2016).
    """
    consts, carries, length = params["consts"], params["carries"], params["length"]
    layout = Layout(params["body"], consts, carries)
    size = -(-length // max(2, blocks))
    plain = {**params, "snapshots": None, "keep": False}
    if size < 2:
        return list(ops.scan(*operands, **plain))[: len(layout.outputs)]
    fixed, carry, rows = layout.split(operands)
    whole = length // size
    rest = length - whole * size
    reverse = params["reverse"]

    def block(_: Body) -> Body:
        xs = [*symbols(layout.inputs[: layout.first_x])]
        xs += symbols(Spec((size, *spec.shape), spec.dtype) for spec in layout.inputs[layout.first_x :])
        return Body(xs, nested_scan(xs, {**params, "length": size}, blocks))

    inner = layout.body.derived(("block", size, blocks, consts, carries, reverse), block)
    head = slice(rest, None) if reverse else slice(0, whole * size)
    tail = slice(0, rest) if reverse else slice(whole * size, None)
    folded = [ops.reshape(ops.getitem(x, head), (whole, size, *x.shape[1:])) for x in rows]
    out = ops.scan(*fixed, *carry, *folded, **{**plain, "body": inner, "length": whole})
    carry = list(out[:carries])
    ys = [ops.reshape(y, (whole * size, *y.shape[2:])) for y in out[carries : len(layout.outputs)]]
    if rest:
        end = ops.scan(*fixed, *carry, *(ops.getitem(x, tail) for x in rows), **{**plain, "length": rest})
        carry = list(end[:carries])
        parts = zip(ys, end[carries : len(layout.outputs)], strict=True)
        ys = [ops.concat([z, y] if reverse else [y, z], axis=0) for y, z in parts]
    return [*carry, *ys]

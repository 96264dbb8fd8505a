"""checkpoint: a function whose intermediate results are computed again in the backward pass instead of kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.apply import apply
from chainrule.box import Box, box
from chainrule.config import no_grad, recording
from chainrule.errors import GradientError
from chainrule.graph.forward import forward
from chainrule.graph.gradients import RAW, run_hooks, tensors
from chainrule.graph.reverse import collect, contributions
from chainrule.graph.samples import innermost
from chainrule.graph.support import bare
from chainrule.graph.support import careful as careful_namespace
from chainrule.graph.walk import Space
from chainrule.node import Node
from chainrule.op import PICK, program
from chainrule.ops import install
from chainrule.random import replaying, rewind, state
from chainrule.run import Run
from chainrule.spec import Spec
from chainrule.tree import flatten, unflatten


class Segment:
    """One call of a checkpointed function: how to run it again, and what to compare the second run with."""

    def __init__(self, function: Callable[..., Any], leaves: list[Any], structure: Any):
        self.function, self.structure = function, structure
        self.moving = [i for i, x in enumerate(leaves) if isinstance(x, Box) and x._node is not None]
        self.fixed = [None if i in self.moving else _own(x) for i, x in enumerate(leaves)]
        self.random = state()
        run = self._run([leaves[i] for i in self.moving])
        aliases = {x._node for x in run.leaves}
        behind = [node for y in run.outputs for node in (y._node,) if node is not None and node.number < run.oldest]
        behind += [p for n in run.order if n not in aliases for p in n.parents if p is not None]
        self.closed = list(dict.fromkeys(node for node in behind if node.number < run.oldest))
        self.dummies = [np.broadcast_to(np.zeros((), n.dtype), n.shape) for n in self.closed]
        self.out_structure = run.out_structure
        self.cls = type(run.outputs[0]) if run.outputs else Box.default
        self.outs: list[Any] | None = [y._value for y in run.outputs]
        self.marks = [] if any(y is None for y in self.outs) else [_mark(y) for y in self.outs]

    def __repr__(self) -> str:
        return getattr(self.function, "__name__", "function")

    def _run(self, moving: Sequence[Any]) -> Run:
        # The first argument marks where the run begins, also where there is no other.
        return Run("checkpoint", lambda _, *args: self._call(*args), [0.0, *moving], range(1 + len(moving)), False)

    def _call(self, *moving: Any) -> Any:
        leaves = list(self.fixed)
        for i, x in zip(self.moving, moving, strict=True):
            leaves[i] = x
        args, kwargs = unflatten(self.structure, leaves)
        return self.function(*args, **kwargs)

    def value(self, *operands: Any) -> tuple[Any, ...]:
        if self.outs is not None:
            outs, self.outs = self.outs, None
            return tuple(outs)
        moving, closed = operands[: len(self.moving)], operands[len(self.moving) :]
        if any(x is not dummy for x, dummy in zip(closed, self.dummies, strict=True)):
            raise GradientError(
                f"[checkpoint] {self!r} closes over Tensors, and its graph was run again with other values of those, "
                f"which it would not see; expected them as arguments; pass them to the function."
            )
        with no_grad(), replaying(self.random):
            result = self._call(*(box(self.cls, np.asarray(x)[()], None) for x in moving))
        return tuple(y._value for y in flatten(result)[0])

    def again(self, operands: Sequence[Any]) -> Run:
        """The second run, on these operands, recorded."""
        moving = [x if isinstance(x, Box) else box(self.cls, x, None) for x in operands[: len(self.moving)]]
        with replaying(self.random):
            run = self._run(moving)
        for i, (y, mark) in enumerate(zip(run.outputs, self.marks, strict=True)):
            if y._value is not None and not _agree(mark, _mark(y._value), y._value.dtype):
                raise GradientError(
                    f"[checkpoint] {self!r} gave other values when it was run again for its gradient (output {i}); "
                    f"expected a function of its arguments alone; do not change in between what it closes over, nor "
                    f"draw from a generator of its own."
                )
        return run

    def pull(self, g: Sequence[Any], operands: Sequence[Any], space: Space) -> list[Any]:
        """Cotangents of the arguments and of what is closed over: a reverse walk through the second run alone."""
        run = self.again(operands)
        xp = careful_namespace(space.cls is None)
        ends = [x._node for x in run.leaves[1:]]
        cotangents: dict[Any, Any] = {}

        def send(node: Node, c: Any) -> None:
            cotangents[node] = xp.add(cotangents[node], c) if node in cotangents else c

        for y, c in zip(run.outputs, g, strict=True):
            if c is not None and y._node is not None:
                send(y._node, c)
        stops = {*ends, *self.closed}
        inside = [node for node in run.order if node not in stops]
        with np.errstate(all="ignore"):
            for node in inside:
                c = cotangents.pop(node, None)
                if c is None:
                    continue
                if node.watch is not None and node.watch.hooks:
                    c = run_hooks(node, bare(c), space)
                if node.op is None:
                    for parent in node.parents:
                        if parent is not None:
                            send(parent, c)
                elif node.op is PICK:
                    if node.left is not None:
                        collect(cotangents, node.left, node.params["index"], c, xp)
                else:
                    for _, parent, part in contributions(node, node.parents, c, space, xp, True):
                        send(parent, part)
        return [bare(cotangents.get(node)) for node in (*ends, *self.closed)]

    def push(self, tangents: Sequence[Any], operands: Sequence[Any], space: Space) -> list[Any]:
        run = self.again(operands)
        ends = [*(x._node for x in run.leaves[1:]), *self.closed]
        seeds = {node: bare(t) for node, t in zip(ends, tangents, strict=True) if t is not None}
        with np.errstate(all="ignore"):
            found = forward(run.order[::-1], seeds, space, True)
        return [found.get(y._node) for y in run.outputs]


def _own(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _mark(value: Any) -> tuple[float, float]:
    """Two numbers by which values are known again."""
    if not value.size:
        return 0.0, 0.0
    with np.errstate(all="ignore"):
        wide = np.asarray(value, np.result_type(value, np.float64))
        return abs(complex(wide.sum())), float(np.abs(wide).sum())


def _agree(one: tuple[float, float], other: tuple[float, float], dtype: Any) -> bool:
    tolerance = 1e3 * float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0
    return all(np.isclose(b, a, 0.0, tolerance * abs(one[1]), equal_nan=True) for a, b in zip(one, other, strict=True))


def _space(xp: Any, segment: Segment) -> Space:
    return tensors(segment.cls) if isinstance(xp.add(0.0, 0.0), Box) else RAW


def _together(xp: Any, g: Any, _outs: Any, *operands: Any, wanted: Any, segment: Segment) -> list[Any]:
    found = segment.pull(g, operands, _space(xp, segment))
    return [c if wants else None for c, wants in zip(found, wanted, strict=True)]


def _jvp(xp: Any, tangents: Any, _outs: Any, *operands: Any, segment: Segment) -> tuple[Any, ...]:
    return tuple(segment.push(tangents, operands, _space(xp, segment)))


def _spec(*_operands: Any, segment: Segment) -> tuple[Spec, ...]:
    raise GradientError(
        f"[checkpoint] the graph of {segment!r} was run again on symbols; expected values; call the checkpointed "
        f"function itself on them."
    )


CHECKPOINT = program(
    "checkpoint",
    value=lambda *operands, segment: segment.value(*operands),
    spec=_spec,
    arity=None,
    outputs=tuple,
    together=_together,
    jvp=_jvp,
    batch=lambda *_operands, segment: _spec(segment=segment),
    doc="A function that is run again for its derivative.",
)
install(CHECKPOINT)


def checkpoint(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, of which only the arguments are kept for the derivative: it is run again in the backward pass.

    Memory for time (Griewank and Walther, Evaluating Derivatives, chapter 12): of n layers in √n checkpointed segments
    √n results are kept, for one more forward pass. What the function closes over keeps its gradient too. Random
    numbers of ``chainrule.random`` are drawn again alike. A function that gives other values when it is run again is
    a GradientError.

    Memory is saved between Tensors with values alone. Symbols, samples of a vmap and bodies of loops pass through as
    if the function were called itself: nothing is kept less, and nothing runs twice. For samples write
    ``checkpoint(vmap(f))`` rather than ``vmap(checkpoint(f))``; for symbols call a Graph, which keeps its operands
    alone and computes its inside again in reverse; for loops give ``scan`` a ``checkpoint``.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> y = checkpoint(lambda x: cr.exp(cr.sin(x) * x))(x)
    >>> y.backward()
    >>> x.grad
    tensor(0.47458893)
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        symbolic = any(isinstance(x, Box) and x._value is None for x in leaves)
        if symbolic or innermost.get() is not None or not recording.get():
            return function(*args, **kwargs)
        segment = Segment(function, leaves, structure)
        if any(y is None for y in segment.outs or ()):  # it closes over symbols or samples, or draws where jit traces
            rewind(segment.random)
            return function(*args, **kwargs)
        operands = [leaves[i] for i in segment.moving]
        for node, dummy in zip(segment.closed, segment.dummies, strict=True):
            operands.append(box(segment.cls, dummy, node))
        if operands:
            return unflatten(segment.out_structure, list(apply(CHECKPOINT, operands, {"segment": segment})))
        return unflatten(segment.out_structure, [box(segment.cls, y, None) for y in segment.outs or ()])

    return call

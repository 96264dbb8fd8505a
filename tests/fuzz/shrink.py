"""Smaller programs that fail too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from fuzz.programs import Drawn, Program, Step, operand, step


def shrunk(program: Program, fails: Callable[[Program], bool], tries: int = 300) -> Program:
    """The program, with what may go gone; ``fails`` tells whether a smaller one still does."""
    again = True
    while again and tries > 0:
        again = False
        for smaller in _smaller(program):
            tries -= 1
            if tries < 0:
                break
            if fails(smaller):
                program, again = smaller, True
                break
    return program


def _smaller(program: Program) -> Iterator[Program]:
    if program.derive is not None:
        yield replace(program, derive=None)
        if program.derive != "grad":
            yield replace(program, derive="grad")
    if len(program.outputs) > 1:
        for y in program.outputs:
            yield replace(program, outputs=(y,))
        for k in range(len(program.outputs)):
            yield replace(program, outputs=program.outputs[:k] + program.outputs[k + 1 :])
    elif (k := program.outputs[0] - len(program.inputs)) >= 0:
        for x in program.steps[k][1]:
            if isinstance(x, int):
                yield replace(program, outputs=(x,))
    used = _live(program)
    if used is not None:
        yield used
    values = _values(program)
    first = len(program.inputs)
    for k in reversed(range(len(program.steps))):
        value = values[first + k]
        for j, other in enumerate(values[: first + k]):
            if other.shape == value.shape and other.dtype == value.dtype:
                yield _without(program, k, j)
                break
        yield _given(program, k, value)
        for body in _bodies(program.steps[k]):
            yield replace(program, steps=(*program.steps[:k], body, *program.steps[k + 1 :]))


def _values(program: Program) -> list[Any]:
    values: list[Any] = [x.array() for x in program.inputs]
    with np.errstate(all="ignore"):
        for name, operands, params in program.steps:
            made = step(name, [operand(x, values) for x in operands], params)
            values.append(np.asarray(made.numpy() if hasattr(made, "numpy") else made))
    return values


def _renumbered(program: Program, to: Callable[[int], int]) -> tuple[tuple[Step, ...], tuple[int, ...]]:
    steps = tuple(
        (name, tuple(to(x) if isinstance(x, int) else x for x in operands), params)
        for name, operands, params in program.steps
    )
    return steps, tuple(map(to, program.outputs))


def _without(program: Program, k: int, j: int) -> Program:
    """Value j in the place of what step k makes."""
    gone = len(program.inputs) + k
    steps, outputs = _renumbered(program, lambda i: j if i == gone else i - (i > gone))
    return replace(program, steps=steps[:k] + steps[k + 1 :], outputs=outputs)


def _given(program: Program, k: int, value: Any) -> Program:
    """An input in the place of what step k makes."""
    first = len(program.inputs)
    gone = first + k
    steps, outputs = _renumbered(program, lambda i: first if i == gone else i if i < first else i + 1 - (i > gone))
    new = Drawn(value.shape, str(value.dtype), "normal", k)
    return replace(program, inputs=(*program.inputs, new), steps=steps[:k] + steps[k + 1 :], outputs=outputs)


def _live(program: Program) -> Program | None:
    """Without the inputs and steps that no output needs."""
    first, needed = len(program.inputs), set(program.outputs)
    for k in reversed(range(len(program.steps))):
        if first + k in needed:
            needed.update(x for x in program.steps[k][1] if isinstance(x, int))
    kept = sorted(needed)
    if len(kept) == first + len(program.steps):
        return None
    number = {old: new for new, old in enumerate(kept)}
    steps, outputs = _renumbered(program, lambda i: number.get(i, 0))
    inputs = tuple(x for i, x in enumerate(program.inputs) if i in needed)
    steps = tuple(one for k, one in enumerate(steps) if first + k in needed)
    return replace(program, inputs=inputs, steps=steps, outputs=outputs)


def _bodies(one: Step) -> Iterator[Step]:
    """The step with smaller bodies."""
    name, operands, params = one
    if "body" in params:
        count = len(params["body"]["steps"])
        if count:
            for body in _cut(params["body"], len(operands)):
                yield name, operands, {**params, "body": body}
    for b, body in enumerate(params.get("bodies", ())):
        for smaller in _cut(body, len(operands) - 1):
            bodies = [*params["bodies"][:b], smaller, *params["bodies"][b + 1 :]]
            yield name, operands, {**params, "bodies": bodies}


def _cut(body: dict[str, Any], first: int) -> Iterator[dict[str, Any]]:
    if body["steps"]:
        last = first + len(body["steps"]) - 1
        yield {"steps": body["steps"][:-1], "results": [min(r, last - 1) for r in body["results"]]}

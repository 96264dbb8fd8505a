"""What the functions of networks ask of their operands: real floating numbers, equal shapes, class indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import PLAIN, Box, as_value, operand_spec
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError
from chainrule.known import known
from chainrule.reduction import refuse_complex
from chainrule.spec import Shape, shape_of

FLOAT = np.dtype(np.float64)


def reals(xp: Any, name: str, *operands: Any) -> list[Any]:
    """The operands as real floating numbers: integers take the dtype of the floating ones among them, or float64."""
    given: list[Any] = [x if isinstance(x, Box) else as_value(name, x) for x in operands]
    specs = [operand_spec(name, x) for x in given]
    for spec in specs:
        refuse_complex(name, spec)
    floating = [s.dtype for x, s in zip(given, specs, strict=True) if s.dtype.kind == "f" and x.__class__ not in PLAIN]
    wanted = np.result_type(*floating) if floating else FLOAT
    return [
        float(x) if x.__class__ in PLAIN else x if spec.dtype.kind == "f" else xp.astype(x, wanted)
        for x, spec in zip(given, specs, strict=True)
    ]


def same_shapes(name: str, **operands: Any) -> None:
    """Refuse operands whose shapes differ: broadcasting (n,) against (n, 1) is n² numbers, and a mistake."""
    shapes = {word: shape_of(x) for word, x in operands.items() if shape_of(x)}
    (first, shape), *others = shapes.items() or [("", ())]
    for word, other in others:
        if other != shape:
            raise ShapeError(
                f"[{name}] {word} has shape {other} and {first} {shape}; expected equal shapes; "
                f"reshape one of them, or write broadcast_to(x, shape) if it is meant to repeat."
            )


def class_indices(name: str, word: str, target: Any, classes: int, ignored: int | None = None) -> Any:
    """An operand that names a class by its number; refuses other dtypes, and numbers out of range if they are known."""
    target = target if isinstance(target, Box) else np.asarray(as_value(name, target))
    dtype = operand_spec(name, target).dtype
    if dtype.kind not in "iu":
        raise DTypeError(
            f"[{name}] {word} is {dtype}; expected integers, each the number of a class; "
            f"convert it with astype('int64')."
        )
    value = known(target)
    if value is not None:
        wrong = (value < 0) | (value >= classes)
        if ignored is not None:
            wrong &= value != ignored
        if np.any(wrong):
            raise AxisError(
                f"[{name}] {word} holds {np.asarray(value)[wrong][0]}, and there are {classes} classes; expected "
                f"numbers from 0 to {classes - 1}; number the classes from 0, or give more of them."
            )
    return target


def signs(name: str, target: Any) -> None:
    """Refuse labels that are neither 1 nor −1, if their values are known."""
    value = known(target)
    if value is not None and not np.all(np.abs(value) == 1):
        wrong = np.asarray(value)[np.abs(value) != 1][0]
        raise DomainError(
            f"[{name}] target holds {wrong:g}; expected labels 1 and −1; write 2 * target - 1 for labels 1 and 0."
        )


def reduce_losses(xp: Any, name: str, losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or the losses themselves."""
    if reduction == "none":
        return losses
    if reduction == "mean":
        return xp.mean(losses)
    if reduction == "sum":
        return xp.sum(losses)
    raise unknown(name, "reduction", reduction, ("mean", "sum", "none"))


def unknown(name: str, parameter: str, value: Any, allowed: tuple[str, ...]) -> DomainError:
    """The error of a parameter that takes one of a few words."""
    words = f"{', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}"
    return DomainError(f"[{name}] {parameter} is {value!r}; expected {words}; choose one of these.")


def feature_axis(shape: Shape) -> int:
    """The axis of channels, or classes: the second of a batch, the only one of a single sample."""
    return 0 if len(shape) == 1 else 1


def steps(xp: Any, x: Any) -> list[Any]:
    """The slices x[0], x[1], … of a sequence.

    Halved again and again, not cut off one by one: the cotangent of a slice is as large as what it was cut from, so
    that the derivative costs n log n instead of n².
    """
    parts, rest = [x], x.shape[1:]
    while any(part.shape[0] > 1 for part in parts):
        halves = []
        for part in parts:
            middle = part.shape[0] // 2
            cut = part.shape[0] > 1
            halves += [xp.getitem(part, slice(0, middle)), xp.getitem(part, slice(middle, None))] if cut else [part]
        parts = halves
    return [xp.reshape(part, rest) for part in parts] if x.shape[0] else []

"""Testing derivatives: against differences of the function itself, and forward against reverse accumulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.creation import asarray
from chainrule.errors import DTypeError, GradientError
from chainrule.ops import ops
from chainrule.tensor import Tensor
from chainrule.transforms import jvp, vjp
from chainrule.tree import flatten, unflatten

MODES = ("vjp", "jvp")
# A check walks every coordinate of this many numbers; beyond, this many random directions.
COORDINATES, DIRECTIONS = 16, 4
# (relative tolerance, first step) of differences, by the precision they are taken in.
PRECISION = {"f": (2e-2, 2.0**-3), "d": (1e-6, 2.0**-5), "F": (2e-2, 2.0**-3), "D": (1e-6, 2.0**-5)}


def numeric_derivative(curve: Callable[[float], Any], step: float = 2.0**-5, columns: int = 7) -> Any:
    """d/dh curve(h) at h = 0, by central differences with Richardson extrapolation.

    Steps are halved; every column of the tableau cancels one more even power of the step, and each element takes the
    entry that differs least from its neighbours (C. J. F. Ridders, Adv. Eng. Software 4 (1982) 75). ``curve`` returns
    a NumPy array; it must be smooth within ``step``.

    >>> print(f"{numeric_derivative(lambda h: np.exp(1.0 + h)):.9f}")
    2.718281828
    """
    best, error, above = np.nan, np.inf, []
    with np.errstate(all="ignore"):
        for row in range(columns):
            h = step / 2**row
            entries = [(np.asarray(curve(h)) - np.asarray(curve(-h))) / (2 * h)]
            for column, before in enumerate(above, start=1):
                entries.append(entries[-1] + (entries[-1] - before) / (4**column - 1))
                spread = np.maximum(np.abs(entries[-1] - entries[-2]), np.abs(entries[-1] - before))
                best, error = np.where(spread < error, entries[-1], best), np.where(spread < error, spread, error)
            above = entries
    return best


def check_gradients(
    function: Callable[..., Any],
    *args: Any,
    order: int = 2,
    modes: Sequence[str] = MODES,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Check the derivatives of ``function`` at ``args`` against differences of its values; silence is success.

    For directions t (every coordinate of up to 16 numbers, else random ones) and a random cotangent ḡ, the numeric
    J t must equal ``jvp``, and ⟨ḡ, J t⟩ must equal ⟨Jᵀḡ, t⟩ by ``vjp``. Order 2 checks the derivative x ↦ Jᵀḡ in the
    same way, and so on. ``args`` are trees of arrays; those that are not floating-point or complex are held fixed.
    ``rtol`` is 1e-6 by default, 2e-2 for float32; ``atol`` is ``rtol`` times the largest number compared.

    Raises GradientError, with the two numbers, at the first disagreement. Differences need a function that is smooth
    around ``args``: keep away from kinks.

    >>> import chainrule as cr
    >>> check_gradients(lambda x: cr.sum(cr.sin(x) * x), cr.tensor([0.5, 2.0]))
    >>> check_gradients(lambda x: x.detach() * x, cr.tensor(3.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    chainrule.errors.GradientError: [check_gradients] the jvp of order 1 along element [] of argument 0 is 3, but ...
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown or not modes:
        raise DTypeError(f"[check_gradients] modes is {modes!r}; expected some of {MODES}; leave it out for both.")
    leaves, structure = flatten(list(args))
    fixed = [x.detach() if isinstance(x, Tensor) else x for x in leaves]
    moving = [i for i, x in enumerate(fixed) if np.asarray(x).dtype.kind in "fc"]
    if not moving:
        raise DTypeError(
            f"[check_gradients] no argument is differentiable: {', '.join(str(np.asarray(x).dtype) for x in fixed)}; "
            f"expected at least one floating-point or complex array; convert it, e.g. 2.0 instead of 2."
        )

    def of_moving(*moved: Any) -> Any:
        whole = list(fixed)
        for i, x in zip(moving, moved, strict=True):
            whole[i] = x
        return function(*unflatten(structure, whole))

    point = [asarray(fixed[i]) for i in moving]
    _check(of_moving, point, 1, order, modes, rtol, atol, np.random.default_rng(seed))


def check_rule(function: Callable[..., Any], *args: Any, order: int = 2, **options: Any) -> None:
    """Check the rules of a function made by ``custom_rule``, at ``args``; silence is success.

    The rules must give the function's own value. Then forward and reverse derivatives are checked against each other
    and against differences, to ``order``, as :func:`check_gradients` does, which takes the ``options``.

    >>> import chainrule as cr
    >>> cube = cr.custom_rule(lambda x: x**3, jvp=lambda x, t: (x[0] ** 3, 3 * x[0] ** 2 * t[0]))
    >>> check_rule(cube, cr.tensor([1.0, -2.0]))
    """
    rules = getattr(function, "rules", None)
    if rules is None:
        raise DTypeError(
            f"[check_rule] {getattr(function, '__name__', function)!r} has no rules of its own; expected what "
            f"custom_rule returned; use check_gradients for other functions."
        )
    leaves, structure = flatten(list(args))
    arrays = [asarray(x) if isinstance(x, (int, float, complex, np.ndarray, np.generic)) else x for x in leaves]
    whole = unflatten(structure, arrays)
    still = [ops.multiply(x, 0) if isinstance(x, Tensor) and x.dtype.kind in "fc" else None for x in arrays]
    expected = flatten(function(*whole))[0]
    for name, rule, given in zip(
        MODES, rules, (whole, (tuple(whole), tuple(unflatten(structure, still)))), strict=True
    ):
        if rule is None:
            continue
        found = flatten(rule(*given)[0])[0]
        same = len(found) == len(expected) and all(
            np.allclose(asarray(y).detach(), asarray(z).detach(), equal_nan=True)
            for y, z in zip(found, expected, strict=True)
        )
        if not same:
            raise GradientError(
                f"[check_rule] the {name} rule gives the value {_shown(found)}, and the function {_shown(expected)}; "
                f"expected equal values; correct the first of the two things that the rule returns."
            )
    check_gradients(function, *args, order=order, **options)


def _shown(values: Sequence[Any]) -> str:
    return ", ".join(str(np.asarray(asarray(y).detach()).tolist()) for y in values)


def _check(
    function: Callable[..., Any],
    point: list[Any],
    order: int,
    last: int,
    modes: Sequence[str],
    rtol: float | None,
    atol: float | None,
    random: np.random.Generator,
) -> None:
    def outputs(*x: Any) -> list[Any]:
        found = [y for y in flatten(function(*x))[0] if not isinstance(y, Tensor) or y.dtype.kind in "fc"]
        if not found:
            raise GradientError(
                "[check_gradients] the function returned nothing that has a derivative; expected at least one "
                "floating-point or complex Tensor."
            )
        return found

    values, pullback = vjp(outputs, *point)
    cotangents = [_random(y, random) for y in values]
    gradients = pullback(cotangents)
    precision = min((x.dtype.char for x in (*point, *values)), key=lambda char: np.finfo(char).precision)
    tolerance, step = PRECISION[precision]
    tolerance = tolerance if rtol is None else rtol
    # What rounding alone does to the smallest of the differences.
    noise = 1e4 * np.finfo(precision).eps / step * np.max(np.abs(_flat(values)), initial=0.0)
    for place, direction in _directions(point, random):

        def curve(h: float, direction: Any = direction) -> Any:
            return _flat(outputs(*(ops.add(x, h * t) for x, t in zip(point, direction, strict=True))))

        numeric = numeric_derivative(curve, step)
        found = {}
        if "jvp" in modes:
            found["jvp"] = _flat(jvp(outputs, point, direction)[1]), numeric
        if "vjp" in modes:
            found["vjp"] = _inner(_flat(gradients), _flat(direction)), _inner(_flat(cotangents), numeric)
        for mode, (ours, theirs) in found.items():
            allowed = atol if atol is not None else tolerance * np.max(np.abs(theirs), initial=0.0) + noise
            apart = np.atleast_1d(np.abs(ours - theirs))
            if not (apart <= allowed).all():
                worst = int(np.argmax(apart))
                raise GradientError(
                    f"[check_gradients] the {mode} of order {order} along {place} is {np.atleast_1d(ours)[worst]:.9g}, "
                    f"but differences of the function give {np.atleast_1d(theirs)[worst]:.9g}: apart by "
                    f"{apart[worst]:.3g}; expected at most {allowed:.3g}; correct the derivative rule, or check at a "
                    f"point away from kinks."
                )
    if order == last:
        return
    if "vjp" in modes:

        def derivative(*x: Any) -> Any:
            return vjp(outputs, *x)[1](cotangents)

    else:
        tangents = [_random(x, random) for x in point]

        def derivative(*x: Any) -> Any:
            return jvp(outputs, x, tangents)[1]

    _check(derivative, point, order + 1, last, modes, rtol, atol, random)


def _directions(point: list[Any], random: np.random.Generator) -> Iterator[tuple[str, list[Any]]]:
    if sum(x.size for x in point) > COORDINATES:
        for number in range(DIRECTIONS):
            yield f"random direction {number}", [_random(x, random) for x in point]
        return
    for argument, x in enumerate(point):
        for index in np.ndindex(x.shape):
            for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
                direction = [np.zeros(other.shape, other.dtype) for other in point]
                direction[argument][index] = unit
                yield f"element {list(index)} of argument {argument}" + " × i" * (unit == 1j), direction


def _random(like: Any, random: np.random.Generator) -> Any:
    drawn = random.uniform(0.5, 1.5, like.shape) * random.choice([-1, 1], like.shape)
    if like.dtype.kind == "c":
        drawn = drawn + 1j * random.uniform(0.5, 1.5, like.shape)
    return np.asarray(drawn).astype(like.dtype)


def _flat(tree: Any) -> Any:
    arrays = [np.ravel(x._value if isinstance(x, Tensor) else x) for x in flatten(tree)[0]]
    return np.concatenate(arrays) if arrays else np.zeros(0)


def _inner(one: Any, other: Any) -> Any:
    """Re Σ conj(a)·b, the product in which Jᵀ is the adjoint of J also for complex numbers."""
    return np.vdot(one, other).real

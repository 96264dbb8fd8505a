"""Functions of functions: grad, value_and_grad, vjp, jvp, linearize, over pytrees and nested to any order.

Each gives the function *fresh alias leaves* of its arguments and walks between the outputs and those leaves only:
see run.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.box import Box, box
from chainrule.errors import DTypeError, GradientError, ShapeError
from chainrule.graph.gradients import seed_spec
from chainrule.graph.waiting import later, parts, waits
from chainrule.ops import ops
from chainrule.run import Run, positions
from chainrule.tree import flatten, map_leaves, same_structure, unflatten
from chainrule.unknown import UnknownError


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """x ↦ (f(x), ∇f(x)) for a real scalar function, in one forward and one reverse walk.

    The gradient has the form of the differentiated arguments: any tree of arrays, one tree for an int in ``argnums``,
    a tuple of trees for a sequence. With ``has_aux`` the function returns (value, aux), and so does this.

    >>> import chainrule as cr
    >>> value_and_grad(lambda x: cr.sum(x * x))(cr.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """

    @functools.wraps(function)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        numbers, single = positions("grad", argnums, args)
        run = Run("grad", functools.partial(function, **kwargs), args, numbers, has_aux)
        if len(run.outputs) != 1:
            raise GradientError(
                f"[grad] the function returned {len(run.outputs)} outputs; expected one real scalar; "
                f"return (value, aux) with has_aux=True, or use vjp."
            )
        (y,) = run.outputs
        spec = seed_spec(y)
        if spec.size != 1 or spec.dtype.kind != "f":
            raise GradientError(
                f"[grad] the function returned {spec!r}; a gradient exists for one real number; "
                f"expected a real scalar; reduce it, e.g. y.sum(), or use vjp(f, x) with a cotangent."
            )
        gradient = run.arguments(run.pull([None]), single)
        value = run.value()
        return ((value, run.aux) if has_aux else value), gradient

    def again(f: Callable[..., Any]) -> Callable[..., Any]:
        return value_and_grad(f, argnums, has_aux)

    return waits("grad", evaluate, function, again, lambda result, args: (result, parts(args, argnums)))


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """x ↦ ∇f(x) for a real scalar function; see :func:`value_and_grad`. Nests to any order.

    >>> import chainrule as cr
    >>> grad(grad(lambda x: x**3))(2.0)
    tensor(12.)
    """
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return evaluate


def vjp(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(f(x), ḡ ↦ Jᵀḡ): the outputs, and a function that pulls cotangents back; with ``has_aux`` also aux.

    The cotangent has the form of the output; the answer is a tuple with one entry per primal. It may be called
    any number of times.

    >>> import chainrule as cr
    >>> y, pullback = vjp(cr.sin, cr.tensor([0.0]))
    >>> pullback(cr.tensor([2.0]))
    (tensor([2.]),)
    """
    try:
        run = Run("vjp", function, primals, range(len(primals)), has_aux)
    except UnknownError as error:
        return _linear_later("vjp", vjp, error, function, primals, has_aux)

    def pullback(cotangent: Any) -> Any:
        flat, structure = flatten(cotangent)
        if not same_structure(structure, run.out_structure):
            raise ShapeError(
                f"[vjp] the cotangent is a tree {structure}, and the output {run.out_structure}; "
                f"expected the same tree; give one array for each *."
            )
        return run.arguments(run.pull(flat), False)

    return (run.value(), pullback, run.aux) if has_aux else (run.value(), pullback)


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """(f(x), J ẋ): the outputs, and how they move when the primals move along ``tangents``.

    ``primals`` and ``tangents`` are sequences of trees of equal form. Cost: one forward walk over the recorded graph.

    >>> import chainrule as cr
    >>> jvp(cr.sin, (0.0,), (2.0,))
    (tensor(0.), tensor(2.))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise DTypeError(
            f"[jvp] primals and tangents are {type(primals).__name__} and {type(tangents).__name__}; "
            f"expected two sequences, one entry per argument; write jvp(f, (x,), (t,))."
        )
    moves, structure = flatten(list(tangents))
    _, wanted = flatten(list(primals))
    if not same_structure(structure, wanted):
        raise ShapeError(
            f"[jvp] the tangents are a tree {structure}, and the primals {wanted}; "
            f"expected the same tree; give one array for each *."
        )
    try:
        run = Run("jvp", function, primals, range(len(primals)), has_aux)
        out = (run.value(), unflatten(run.out_structure, run.push(moves)))
    except UnknownError as error:
        return later(
            "jvp",
            error,
            [function],
            [primals],
            (primals, tangents),
            lambda functions, given: jvp(functions[0], given[0], given[1], has_aux),
            lambda results, _: (results[0][0], *results[0]) if has_aux else (results[0], results[0]),
        )
    return (*out, run.aux) if has_aux else out


def linearize(function: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(f(x), ẋ ↦ J ẋ): the outputs, and the linear map by which they move; with ``has_aux`` also aux.

    The function runs once, and the map may be called any number of times, with one tangent per primal.

    >>> import chainrule as cr
    >>> y, push = linearize(cr.sin, 0.0)
    >>> push(1.0), push(2.0)
    (tensor(1.), tensor(2.))
    """
    try:
        run = Run("linearize", function, primals, range(len(primals)), has_aux)
    except UnknownError as error:
        return _linear_later("linearize", linearize, error, function, primals, has_aux)
    _, wanted = flatten(list(primals))

    def push(*tangents: Any) -> Any:
        moves, structure = flatten(list(tangents))
        if not same_structure(structure, wanted):
            raise ShapeError(
                f"[linearize] the tangents are a tree {structure}, and the primals {wanted}; "
                f"expected the same tree; give one array for each *."
            )
        return unflatten(run.out_structure, run.push(moves))

    return (run.value(), push, run.aux) if has_aux else (run.value(), push)


def _linear_later(
    name: str, transform: Any, error: UnknownError, function: Callable[..., Any], primals: Any, has_aux: bool
) -> Any:
    """vjp or linearize where shapes are unknown: the value, and the linear map, wait for them."""

    def waiting(given: Any, run: Callable[..., Any], form: Callable[..., Any]) -> Any:
        return later(name, error, [function], [primals], given, lambda fs, given: run(fs[0], given), form)

    def outputs(f: Callable[..., Any], given: Any) -> Any:
        y, _, *aux = transform(f, *given, has_aux=has_aux)
        return (y, *aux) if has_aux else y

    def moved(*given: Any) -> Any:
        return waiting(
            (primals, given),
            lambda f, given: transform(f, *given[0], has_aux=has_aux)[1](*given[1]),
            lambda results, _: primals if name == "vjp" else results[0][0] if has_aux else results[0],
        )

    found = waiting(primals, outputs, lambda results, _: results[0])
    return (found[0], moved, found[1]) if has_aux else (found, moved)


def stop_gradient(x: Any) -> Any:
    """x, of any tree, as a constant: no derivative passes, of whatever order or kind, in values, samples and symbols.

    >>> import chainrule as cr
    >>> cr.grad(lambda x: x * cr.stop_gradient(x))(3.0)
    tensor(3.)
    """
    return map_leaves(lambda leaf: _stopped(leaf) if isinstance(leaf, Box) else leaf, x)


def _stopped(x: Any) -> Any:
    return ops.stop_gradient(x) if x._value is None else box(type(x), x._value, None)

"""Whole matrices of derivatives: jacobian and hessian, by one walk mapped over a basis; hvp, without the matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.errors import DTypeError, GradientError, ShapeError
from chainrule.graph.gradients import seed_spec
from chainrule.graph.waiting import parts, waits
from chainrule.ops import ops
from chainrule.run import Run, positions
from chainrule.spec import Spec, unchangeable
from chainrule.transforms import grad, jvp
from chainrule.tree import flatten, map_leaves, same_structure, unflatten
from chainrule.vectorize import vmap

MODES = ("auto", "forward", "reverse")


def jacobian(
    function: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    mode: str = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """x ↦ J = ∂f/∂x, all derivatives of all elements of f: J[i, j] = ∂fᵢ/∂xⱼ, of shape ``f.shape + x.shape``.

    For trees, each leaf of the output becomes a tree like the argument (a tuple of them for a sequence in
    ``argnums``). The function runs once. Mode "forward" then pushes a basis of the argument through it, "reverse"
    pulls one of the output back, each in one mapped walk; "auto" takes the smaller one. Complex numbers need
    ``holomorphic=True``, for the complex derivative; a real argument with complex results is differentiated forward.

    >>> import chainrule as cr
    >>> jacobian(lambda x: x**2 * cr.sum(x))(cr.tensor([1.0, 2.0]))
    tensor([[ 7.,  1.],
            [ 4., 16.]])
    """
    if mode not in MODES:
        raise DTypeError(f"[jacobian] mode is {mode!r}; expected one of {', '.join(map(repr, MODES))}; leave it out.")

    @functools.wraps(function)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        numbers, single = positions("jacobian", argnums, args)
        run = Run("jacobian", functools.partial(function, **kwargs), args, numbers, has_aux)
        inputs, outputs = [seed_spec(x) for x in run.leaves], [seed_spec(y) for y in run.outputs]
        way = _way(mode, inputs, outputs, holomorphic)
        parts = _forward(run, inputs) if way == "forward" else _reverse(run, outputs, holomorphic)
        rows = [run.arguments(row, single) for row in parts]
        jacobians = unflatten(run.out_structure, rows)
        return (jacobians, run.aux) if has_aux else jacobians

    def again(f: Callable[..., Any]) -> Callable[..., Any]:
        return jacobian(f, argnums, mode, has_aux, holomorphic)

    def form(result: Any, args: Any) -> Any:
        outputs = map_leaves(lambda _: parts(args, argnums), result[0] if has_aux else result)
        return (outputs, result[1]) if has_aux else outputs

    return waits("jacobian", evaluate, function, again, form)


def _way(mode: str, inputs: list[Spec], outputs: list[Spec], holomorphic: bool) -> str:
    """Forward or reverse; refuses what is no matrix of real or complex derivatives."""
    for i, y in enumerate(outputs):
        if y.dtype.kind not in "fc":
            raise GradientError(
                f"[jacobian] output {i} is {y!r}; only floating-point and complex values have derivatives; "
                f"return it beside the output, with has_aux=True."
            )
    odd = [x for x in inputs if (x.dtype.kind == "c") != holomorphic]
    if odd:
        told = (
            "expected complex arguments with holomorphic=True; leave it out"
            if holomorphic
            else "its real and imaginary parts have derivatives of their own; expected a real argument, or "
            "holomorphic=True for the complex derivative of a holomorphic function"
        )
        raise DTypeError(f"[jacobian] an argument is {odd[0]!r}; {told}.")
    rotated = not holomorphic and any(y.dtype.kind == "c" for y in outputs)
    if mode == "reverse" and rotated:
        raise DTypeError(
            "[jacobian] an output is complex and the argument real, so that one cotangent an element does not tell "
            "both parts; expected real outputs in reverse mode; use mode='forward'."
        )
    if holomorphic and any(y.dtype.kind != "c" for y in outputs):
        raise DTypeError(
            "[jacobian] an output is real, which no holomorphic function of a complex number is, but for constants; "
            "expected complex outputs; leave holomorphic out, and differentiate with grad."
        )
    if mode != "auto":
        return mode
    wide, tall = sum(x.size for x in inputs), sum(y.size for y in outputs)
    return "forward" if rotated or wide <= tall else "reverse"


def _basis(spec: Spec) -> Any:
    """All elements of a basis; where a graph is recorded, its nodes share this memory."""
    return unchangeable(np.eye(spec.size, dtype=spec.dtype).reshape(spec.size, *spec.shape))


def _mapped(walk: Callable[[Any], Any], spec: Spec) -> list[Any]:
    """What a linear walk makes of every element of a basis, with the basis in front."""
    return vmap(walk)(_basis(spec)) if spec.size else []


def _forward(run: Run, inputs: list[Spec]) -> list[list[Any]]:
    """For each output, its Jacobian with respect to each leaf: columns, moved to the end."""
    columns = []
    for i, x in enumerate(inputs):

        def push(t: Any, i: int = i) -> list[Any]:
            return run.push([t if k == i else None for k in range(len(inputs))])

        columns.append(_mapped(push, x))
    return [
        [_columns(columns[i][o], x) if x.size else _empty(y, x) for i, x in enumerate(inputs)]
        for o, y in enumerate(run.outputs)
    ]


def _columns(found: Any, x: Spec) -> Any:
    moved = ops.moveaxis(found, 0, -1)
    return ops.reshape(moved, (*moved.shape[:-1], *x.shape))


def _reverse(run: Run, outputs: list[Spec], holomorphic: bool) -> list[list[Any]]:
    """For each output, its Jacobian with respect to each leaf: rows."""
    found = []
    for o, y in enumerate(outputs):

        def pull(g: Any, o: int = o) -> list[Any]:
            return run.pull([g if k == o else np.zeros(z.shape, z.dtype) for k, z in enumerate(outputs)])

        rows = _mapped(pull, y)
        found.append([
            _empty(run.outputs[o], seed_spec(x))
            if not y.size
            else ops.reshape(ops.conj(rows[i]) if holomorphic else rows[i], (*y.shape, *x.shape))
            for i, x in enumerate(run.leaves)
        ])  # fmt: skip
    return found


def _empty(y: Box, x: Spec) -> Any:
    spec = seed_spec(y)
    return box(type(y), np.zeros((*spec.shape, *x.shape), spec.dtype), None)


def hessian(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """x ↦ H, the second derivatives of a real scalar function: H[i, j] = ∂²f/∂xᵢ∂xⱼ, forward over reverse.

    For trees, a tree of trees: ``hessian(f)(p)["w"]["b"]`` is ∂²f/∂w∂b.

    >>> import chainrule as cr
    >>> hessian(lambda x: x[0] ** 2 * x[1])(cr.tensor([1.0, 2.0]))
    tensor([[4., 2.],
            [2., 0.]])
    """
    return jacobian(grad(function, argnums, has_aux), argnums, "forward", has_aux)


def hvp(function: Callable[..., Any], x: Any, v: Any) -> Any:
    """H·v, the Hessian of a real scalar function at x times v, for the price of a few gradients.

    v is a tree like x. Forward over reverse: the derivative of the gradient along v.

    >>> import chainrule as cr
    >>> hvp(lambda x: x[0] ** 2 * x[1], cr.tensor([1.0, 2.0]), cr.tensor([1.0, 0.0]))
    tensor([4., 2.])
    """
    _, wanted = flatten(x)
    _, given = flatten(v)
    if not same_structure(given, wanted):
        raise ShapeError(
            f"[hvp] v is a tree {given}, and x {wanted}; expected the same tree; give one array for each *."
        )
    return jvp(grad(function), (x,), (v,))[1]

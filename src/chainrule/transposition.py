"""The transpose of a linear function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.box import Box, box
from chainrule.creation import asarray
from chainrule.errors import DomainError, DTypeError, ShapeError
from chainrule.graph.gradients import seed_spec
from chainrule.graph.graph import Graph
from chainrule.graph.samples import innermost
from chainrule.graph.walk import ancestors
from chainrule.node import SymbolicNode, record
from chainrule.ops import ops
from chainrule.run import Run
from chainrule.spec import Spec
from chainrule.tensor import Tensor
from chainrule.tree import flatten, map_leaves, same_structure


def linear_transpose(function: Callable[..., Any], *specs: Any) -> Callable[[Any], Any]:
    """ȳ ↦ Aᵀȳ for a linear function f(x) = A x of arguments with these specs, which may be given by arrays too.

    The answer is a tuple with one entry per argument. Complex numbers are transposed, not conjugated. f is run once,
    on symbols; a function that is not linear, as far as its graph shows, is a DomainError.

    >>> import chainrule as cr
    >>> a = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> linear_transpose(lambda x: a @ x, cr.Spec((2,), "float64"))(cr.tensor([1.0, 10.0]))
    (tensor([31., 42.]),)
    """
    before = innermost.set(None)  # what is traced here is symbols, also inside a mapped function
    try:
        args = [map_leaves(_symbol, spec) for spec in specs]
        run = Run("linear_transpose", function, args, range(len(args)), False)
        seeds = [_symbol(seed_spec(y)) for y in run.outputs]
        found = [ops.conj(g) for g in run.pull([ops.conj(g) for g in seeds])]
    finally:
        innermost.reset(before)
    _refuse_others(run, found)
    backward = Graph([g._node for g in seeds], found)

    def transposed(cotangent: Any) -> Any:
        given, structure = flatten(cotangent)
        if not same_structure(structure, run.out_structure):
            raise ShapeError(
                f"[linear_transpose] the cotangent is a tree {structure}, and the output {run.out_structure}; "
                f"expected the same tree; give one array for each *."
            )
        values = [_cotangent(i, g, seed_spec(y)) for i, (g, y) in enumerate(zip(given, seeds, strict=True))]
        return run.arguments(backward.run(values, ops), False)

    return transposed


def _symbol(like: Any) -> Any:
    like = like if isinstance(like, Spec) else Spec(np.shape(like), np.result_type(like))
    spec = Spec(tuple(like.shape), np.dtype(like.dtype))
    return box(Tensor, None, record(None, (), (None,), {"name": "x"}, spec, SymbolicNode))


def _refuse_others(run: Run, found: Sequence[Any]) -> None:
    """The transpose of a linear map does not depend on where it is taken, and the map takes 0 to 0."""
    leaves = {x._node for x in run.leaves}
    used = [node for node in ancestors([g._node for g in found if g._node is not None]) if node in leaves]
    if used:
        raise DomainError(
            "[linear_transpose] the function is not linear: its derivative depends on its argument; expected a linear "
            "function; use vjp for the derivative at a point."
        )
    zeros = [box(type(x), np.zeros(x.shape, x.dtype)[()], None) for x in run.leaves]
    for i, y in enumerate(Graph([x._node for x in run.leaves], run.outputs).run(zeros, ops)):
        if isinstance(y, Box) and y._value is not None and np.any(y._value):
            raise DomainError(
                f"[linear_transpose] the function is not linear: output {i} is not 0 where its arguments are; expected "
                f"a linear function; subtract f(0), or use vjp."
            )


def _cotangent(i: int, g: Any, spec: Spec) -> Any:
    g = g if isinstance(g, Box) else asarray(g)
    own = seed_spec(g)
    if own.shape != spec.shape:
        raise ShapeError(
            f"[linear_transpose] cotangent {i} has shape {own.shape} and its output {spec.shape}; expected equal "
            f"shapes; broadcast it with broadcast_to(g, {spec.shape})."
        )
    if own.dtype.kind == "c" and spec.dtype.kind != "c":
        raise DTypeError(
            f"[linear_transpose] cotangent {i} is {own.dtype} and its output {spec.dtype}; expected a real cotangent "
            f"for a real output; take g.real."
        )
    return g if own.dtype == spec.dtype else ops.astype(g, spec.dtype)

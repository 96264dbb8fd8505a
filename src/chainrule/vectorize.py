"""Functions of many: vmap, per-sample derivatives, and what samples compute together along a named axis."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import Box, as_value, box
from chainrule.errors import AxisError, DTypeError, ShapeError
from chainrule.graph.samples import Axis, innermost, named_axes, named_axis
from chainrule.graph.waiting import waits
from chainrule.ops import ops
from chainrule.spec import normalize_axis, shape_of
from chainrule.tree import Structure, flatten, prefix_leaves, unflatten


def vmap(
    function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, axis_name: Any = None, axis_size: Any = None
) -> Callable[..., Any]:
    """f mapped over an axis: y⁽ⁱ⁾ = f(x⁽ⁱ⁾) for all i, in one run of f, each op by its batching rule.

    ``in_axes`` says along which axis each positional argument holds its samples: an int, None for an argument that
    is the same for all, or a tuple with a tree of these for each argument. ``out_axes`` says so of the results; None
    is for one that does not vary. Keyword arguments are the same for all samples. The function sees one sample, which
    has a shape but no value: ``if x > 0`` is a SymbolError (use ``where``). Random numbers drawn inside are the same
    for all samples; draw them outside, one for each, and map over them. Nests with itself and all transforms.
    ``axis_size`` is needed only where nothing is mapped.

    >>> import chainrule as cr
    >>> xs = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> vmap(lambda x: x @ x)(xs)
    tensor([ 5., 25.])
    >>> vmap(cr.grad(lambda w, x: (w @ x) ** 2), in_axes=(None, 0))(cr.tensor([1.0, 1.0]), xs)
    tensor([[ 6., 12.],
            [42., 56.]])
    """

    @functools.wraps(function)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten(args)
        if in_axes.__class__ is int:
            axes = [in_axes] * len(leaves)
        else:
            axes = _items("in_axes", tuple(in_axes) if isinstance(in_axes, list) else in_axes, structure, args)
        contents = [x if a is None else _front(i, x, a) for i, (x, a) in enumerate(zip(leaves, axes, strict=True))]
        axis = Axis(_size(contents, axes, axis_size), axis_name)
        samples = [
            x if along is None else axis.sample(type(x), x)
            for x, along in zip(contents, axes, strict=True)
        ]  # fmt: skip
        before = innermost.set(axis)
        token = None if axis_name is None else named_axes.set({**(named_axes.get() or {}), axis_name: axis})
        try:
            result = function(*unflatten(structure, samples), **kwargs)
            results, out_structure = flatten(result)
            if out_axes.__class__ is int:
                outs = [out_axes] * len(results)
            else:
                outs = _items("out_axes", out_axes, out_structure, result)
            found = [_output(i, x, along, axis) for i, (x, along) in enumerate(zip(results, outs, strict=True))]
        finally:
            axis.open = False
            innermost.reset(before)
            if token is not None:
                named_axes.reset(token)
        return unflatten(out_structure, found)

    def again(f: Callable[..., Any]) -> Callable[..., Any]:
        return vmap(f, in_axes, out_axes, axis_name, axis_size)

    return waits("vmap", mapped, function, again, lambda result, _: result, known=False)


def _items(name: str, axes: Any, structure: Structure, tree: Any) -> list[Any]:
    items = prefix_leaves(axes, structure)
    if items is None:
        what = f"{len(tree)} arguments" if name == "in_axes" else "results"
        raise ShapeError(
            f"[vmap] {name} is {axes!r}, which does not fit {what} of the form {structure}; expected an int or None, "
            f"or a tree of these, each of them for all below it; write e.g. {name}=(0, None)."
        )
    for item in items:
        if item is not None and not hasattr(item, "__index__"):
            raise DTypeError(
                f"[vmap] {name} holds {item!r}; expected integers, and None for what is not mapped; "
                f"write e.g. {name}=(0, None)."
            )
    return items


def _front(position: int, x: Any, along: Any) -> Any:
    """The samples of one argument, with their axis in front."""
    if not isinstance(x, Box):
        x = box(Box.default, np.array(as_value("vmap", x))[()], None)
    ndim = len(shape_of(x))
    if not ndim:
        raise AxisError(
            f"[vmap] leaf {position} of the arguments is 0-d and in_axes maps it over axis {along}; expected an axis "
            f"of samples; set in_axes to None for it, e.g. in_axes=(0, None)."
        )
    number = along if along == 0 else normalize_axis("vmap", along, ndim)
    return x if number == 0 else ops.moveaxis(x, number, 0)


def _size(contents: list[Any], axes: list[Any], given: Any) -> int:
    size, first = given, -1
    for i, (x, along) in enumerate(zip(contents, axes, strict=True)):
        if along is None:
            continue
        own = shape_of(x)[0]
        if size is None:
            size, first = own, i
        elif own != size:
            other = "axis_size is" if first < 0 else f"leaf {first} has"
            raise ShapeError(
                f"[vmap] leaf {i} of the arguments has {own} samples, and {other} {size}; expected equally many; "
                f"choose the axes with in_axes, None for what is not mapped."
            )
    if size is None:
        raise ShapeError(
            "[vmap] no argument is mapped, so the number of samples is unknown; expected in_axes with at least one "
            "axis; give an argument with an axis of samples, or axis_size=n."
        )
    return size


def _output(position: int, x: Any, along: Any, axis: Axis) -> Any:
    if not isinstance(x, Box):
        x = box(Box.default, np.array(as_value("vmap", x))[()], None)
    own = axis.holds(x)
    if along is None:
        if own and x._node.front:
            raise ShapeError(
                f"[vmap] result {position} varies from sample to sample, and out_axes is None for it; expected an axis "
                f"to put its samples along; set out_axes=0, or reduce it over the samples, e.g. with pmean."
            )
        return x._node.content if own else x
    content = axis.content(x)
    number = along if along == 0 else normalize_axis("vmap", along, len(shape_of(content)))
    return content if number == 0 else ops.moveaxis(content, 0, number)


def per_sample(function: Callable[..., Any], in_axes: Any = None) -> Callable[..., Any]:
    """One result for each sample of a batch: ``per_sample(grad(loss))(w, x, y)`` has a gradient for every (x⁽ⁱ⁾, y⁽ⁱ⁾).

    The first argument, usually parameters, is shared; the others hold their samples along their first axis. This is
    :func:`vmap` with ``in_axes=(None, 0, 0, …)``, or with what is given.

    >>> import chainrule as cr
    >>> loss = lambda w, x, y: (w @ x - y) ** 2
    >>> w, x, y = cr.tensor([1.0, 2.0]), cr.tensor([[1.0, 0.0], [0.0, 1.0]]), cr.tensor([0.0, 0.0])
    >>> per_sample(cr.grad(loss))(w, x, y)
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(function)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = (None, *(0,) * (len(args) - 1)) if in_axes is None else in_axes
        return vmap(function, axes)(*args, **kwargs)

    return mapped


# ------------------------------------------------------------------------------------ along a named axis


def _leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(x) for x in leaves])


def _gathered(name: str, x: Any, axis_name: Any) -> Any:
    axis = named_axis(name, axis_name)
    return ops.all_gather(axis.lift(x), along=axis)


def all_gather(x: Any, axis_name: Any) -> Any:
    """The stack of x over all samples of the axis that a vmap gave this name: sample i holds x⁽ᵏ⁾ at [k].

    >>> import chainrule as cr
    >>> vmap(lambda x: all_gather(x, "i") / x, axis_name="i")(cr.tensor([1.0, 2.0]))
    tensor([[1. , 2. ],
            [0.5, 1. ]])
    """
    return _leaves(lambda leaf: _gathered("all_gather", leaf, axis_name), x)


def psum(x: Any, axis_name: Any) -> Any:
    """Σᵢ x⁽ⁱ⁾ over the samples of the axis that a vmap gave this name, the same for all of them; of any tree.

    >>> import chainrule as cr
    >>> vmap(lambda x: x / psum(x, "i"), axis_name="i")(cr.tensor([1.0, 3.0]))
    tensor([0.25, 0.75])
    """
    return _leaves(lambda leaf: ops.sum(_gathered("psum", leaf, axis_name), axis=0), x)


def pmean(x: Any, axis_name: Any) -> Any:
    """The mean of x⁽ⁱ⁾ over the samples of the axis that a vmap gave this name, the same for all of them; of any tree.

    >>> import chainrule as cr
    >>> vmap(lambda x: x - pmean(x, "i"), axis_name="i")(cr.tensor([1.0, 3.0]))
    tensor([-1.,  1.])
    """
    return _leaves(lambda leaf: ops.mean(_gathered("pmean", leaf, axis_name), axis=0), x)


def pmax(x: Any, axis_name: Any) -> Any:
    """maxᵢ x⁽ⁱ⁾ over the samples of the axis that a vmap gave this name; ties share the gradient, as in ``max``.

    >>> import chainrule as cr
    >>> vmap(lambda x: x - pmax(x, "i"), axis_name="i")(cr.tensor([1.0, 3.0]))
    tensor([-2.,  0.])
    """
    return _leaves(lambda leaf: ops.max(_gathered("pmax", leaf, axis_name), axis=0), x)


def pmin(x: Any, axis_name: Any) -> Any:
    """minᵢ x⁽ⁱ⁾ over the samples of the axis that a vmap gave this name; ties share the gradient, as in ``min``.

    >>> import chainrule as cr
    >>> vmap(lambda x: x - pmin(x, "i"), axis_name="i")(cr.tensor([1.0, 3.0]))
    tensor([0., 2.])
    """
    return _leaves(lambda leaf: ops.min(_gathered("pmin", leaf, axis_name), axis=0), x)


def axis_index(axis_name: Any) -> Any:
    """The number i of this sample along the axis that a vmap gave this name.

    >>> import chainrule as cr
    >>> vmap(lambda x: x * axis_index("i"), axis_name="i")(cr.tensor([5.0, 5.0, 5.0]))
    tensor([ 0.,  5., 10.])
    """
    axis = named_axis("axis_index", axis_name)
    return axis.sample(Box.default, box(Box.default, np.arange(axis.size), None))

"""Layers that multiply by weights, and layers that look rows of weights up."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, DTypeError, ShapeError
from chainrule.known import known, value_of
from chainrule.op import composite
from chainrule.operands import class_indices, reals, unknown


def _linear(xp: Any, input: Any, weight: Any, bias: Any = None) -> Any:
    own, given = operand_spec("linear", weight).shape, operand_spec("linear", input).shape
    if len(own) not in (1, 2) or not given or given[-1] != own[-1]:
        features = f"{given[-1]} features, its last axis" if given else "no axis of features"
        wanted = f"takes {own[-1]}" if len(own) in (1, 2) else "has no shape (outputs, features) or (features,)"
        raise ShapeError(
            f"[linear] input of shape {given} has {features}, and weight of shape {own} {wanted}; expected equal "
            f"numbers of features; transpose the weight, or reshape the input."
        )
    product = xp.matmul(input, xp.matrix_transpose(weight) if len(own) == 2 else weight)
    return product if bias is None else xp.add(product, bias)


composite(
    "linear",
    _linear,
    public=("nn.functional.linear",),
    doc="""x Wᵀ + b, for x of shape (…, features), W of shape (outputs, features) or (features,), b of shape (outputs,).

    >>> cr.nn.functional.linear(cr.ones(3), cr.ones((2, 3)), cr.tensor([0.0, 1.0]))
    tensor([3., 4.])
    """,
)


def _bilinear(xp: Any, input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    x1, x2, w = (operand_spec("bilinear", x).shape for x in (input1, input2, weight))
    if len(w) != 3 or not x1 or x1[:-1] != x2[:-1] or (x1[-1], x2[-1]) != w[1:]:
        raise ShapeError(
            f"[bilinear] input1 has shape {x1}, input2 {x2} and weight {w}; expected (…, m), (…, n) and "
            f"(outputs, m, n); transpose the weight, or reshape the inputs."
        )
    rows, columns = (xp.reshape(x, (-1, s[-1])) for x, s in ((input1, x1), (input2, x2)))
    # One product for the larger of the two sums, and the other sum over what is left.
    half = xp.reshape(xp.matmul(rows, xp.reshape(xp.moveaxis(weight, 1, 0), (w[1], w[0] * w[2]))), (-1, w[0], w[2]))
    product = xp.squeeze(xp.matmul(half, xp.expand_dims(columns, axis=-1)), axis=-1)
    product = xp.reshape(product, (*x1[:-1], w[0]))
    return product if bias is None else xp.add(product, bias)


composite(
    "bilinear",
    _bilinear,
    public=("nn.functional.bilinear",),
    doc="""Σᵢⱼ x1ᵢ W[o, i, j] x2ⱼ + b[o] for each output o, with x1 of shape (…, m) and x2 of shape (…, n).

    >>> x1, x2 = cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])
    >>> cr.nn.functional.bilinear(x1, x2, cr.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    tensor([11.])
    """,
)


# --------------------------------------------------------------------------------------------- looking up


def _one_hot(xp: Any, input: Any, num_classes: int = -1) -> Any:
    if num_classes == -1:
        values = np.asarray(value_of("one_hot", input))
        if not values.size:
            raise ShapeError(
                f"[one_hot] the operand of shape {values.shape} has no elements to count classes from; expected at "
                f"least one; give num_classes."
            )
        num_classes = max(int(values.max()) + 1, 1)
    input = class_indices("one_hot", "the operand", input, num_classes)
    return xp.astype(xp.equal(xp.expand_dims(input, axis=-1), np.arange(num_classes)), np.int64)


composite(
    "one_hot",
    _one_hot,
    public=("nn.functional.one_hot",),
    doc="""Vectors of ``num_classes`` integers, 1 at the given number and 0 elsewhere, along a new last axis.

    Without num_classes there are as many as the largest number needs.

    >>> cr.nn.functional.one_hot(cr.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """,
)


def _rows(xp: Any, name: str, input: Any, weight: Any, padding_idx: int | None) -> tuple[Any, int | None]:
    """The rows, and the number of the padding row."""
    shape = operand_spec(name, weight).shape
    if len(shape) != 2:
        raise ShapeError(f"[{name}] weight has shape {shape}; expected (rows, features); reshape it to two axes.")
    if operand_spec(name, input).dtype.kind not in "iu":
        raise DTypeError(
            f"[{name}] input is {operand_spec(name, input).dtype}; expected integers, the numbers of rows of the "
            f"weight; convert it with astype('int64'), and mind the order: {name}(input, weight)."
        )
    values = known(input)
    values = None if values is None else np.asarray(values)
    if values is not None and np.any((values < 0) | (values >= shape[0])):
        wrong = values[(values < 0) | (values >= shape[0])][0]
        raise AxisError(
            f"[{name}] input holds {wrong}, and the weight has {shape[0]} rows; expected numbers from 0 to "
            f"{shape[0] - 1}; give the weight more rows."
        )
    rows = xp.getitem(weight, input)
    if padding_idx is None:
        return rows, None
    if not -shape[0] <= padding_idx < shape[0]:
        raise AxisError(
            f"[{name}] padding_idx is {padding_idx}, and the weight has {shape[0]} rows; expected a number from "
            f"{-shape[0]} to {shape[0] - 1}; name one of its rows."
        )
    padding = padding_idx % shape[0]
    row = xp.stop_gradient(xp.getitem(weight, padding))
    return xp.where(xp.equal(xp.expand_dims(input, axis=-1), padding), row, rows), padding


def _embedding(xp: Any, input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    return _rows(xp, "embedding", input, weight, padding_idx)[0]


composite(
    "embedding",
    _embedding,
    public=("nn.functional.embedding",),
    doc="""The rows of ``weight`` at the integers ``input``: out[…, :] = weight[input[…], :].

    The row ``padding_idx`` gets no gradient.

    >>> cr.nn.functional.embedding(cr.tensor([1, 0]), cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """,
)


def _embedding_bag(
    xp: Any,
    input: Any,
    weight: Any,
    offsets: Any = None,
    *,
    mode: str = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    name = "embedding_bag"
    if mode not in ("mean", "sum", "max"):
        raise unknown(name, "mode", mode, ("mean", "sum", "max"))
    if per_sample_weights is not None and mode != "sum":
        raise DTypeError(f"[{name}] per_sample_weights were given with mode {mode!r}; expected mode='sum'; change it.")
    input = input if hasattr(input, "shape") else np.asarray(input)
    weights = per_sample_weights
    weight, *rest = reals(xp, name, weight, *(() if weights is None else (weights,)))
    weights = rest[0] if rest else None
    if weights is not None and operand_spec(name, weights).shape != input.shape:
        raise ShapeError(
            f"[{name}] per_sample_weights has shape {operand_spec(name, weights).shape} and input {input.shape}; "
            f"expected equal shapes; reshape the weights."
        )
    if len(input.shape) == 2 and offsets is None:
        kept = np.ones(input.shape, bool)
    else:
        positions, kept = _bags(name, input, offsets, include_last_offset)
        if not input.shape[0]:  # bags that are all empty: no position can be read, and none counts
            input, weights = np.zeros(1, np.int64), None
        input, weights = xp.getitem(input, positions), None if weights is None else xp.getitem(weights, positions)
    rows, padding = _rows(xp, name, input, weight, padding_idx)
    if padding is not None:
        kept = xp.logical_and(kept, xp.not_equal(input, padding))
    kept = xp.expand_dims(kept, axis=-1)
    rows = rows if weights is None else xp.multiply(rows, xp.expand_dims(weights, axis=-1))
    if mode == "max":
        largest = xp.max(xp.where(kept, rows, -np.inf), axis=1)
        return xp.where(xp.any(kept, axis=1), largest, 0)
    total = xp.sum(xp.where(kept, rows, 0), axis=1)
    return total if mode == "sum" else xp.divide(total, xp.maximum(xp.sum(kept, axis=1, dtype=total.dtype), 1))


def _bags(name: str, input: Any, offsets: Any, include_last: bool) -> tuple[Any, Any]:
    """The positions of each bag's elements in a sequence, as rows of equal length, and which of them count."""
    if len(input.shape) != 1 or offsets is None:
        raise ShapeError(
            f"[{name}] input has shape {input.shape}, and offsets are {'missing' if offsets is None else 'given'}; "
            f"expected (bags, elements) without offsets, or (elements,) with the offset of each bag."
        )
    size = input.shape[0]
    starts = np.asarray(value_of(name, offsets))
    starts = starts if include_last else np.append(starts, size)
    if starts.dtype.kind not in "iu" or starts[:1].sum() or starts[-1] > size or np.any(np.diff(starts) < 0):
        raise AxisError(
            f"[{name}] offsets are {starts.tolist() if include_last else starts[:-1].tolist()} for {size} elements; "
            f"expected integers from 0, which do not decrease, to at most {size}; give the position where each bag "
            f"begins."
        )
    lengths = np.diff(starts)
    columns = np.arange(max(lengths.max(initial=0), 1))
    kept = columns < lengths[:, None]
    return np.where(kept, starts[:-1, None] + columns, 0), kept


composite(
    "embedding_bag",
    _embedding_bag,
    public=("nn.functional.embedding_bag",),
    doc="""The mean, the sum or the maximum (``mode``) of the rows of ``weight`` at the integers of each bag.

    Bags are the rows of a 2-d ``input``, or begin at the ``offsets`` of a 1-d one (with ``include_last_offset`` the
    last of these is where the last bag ends). In a sum, rows may be weighted by ``per_sample_weights``. The row
    ``padding_idx`` does not count; an empty bag gives 0.

    >>> cr.nn.functional.embedding_bag(cr.tensor([[1, 0]]), cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 3.]])
    """,
)

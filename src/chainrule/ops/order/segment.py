"""Sums and extremes of elements that belong together: by segment, by count, by the bin they fall into."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.box import Box, operand_spec
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError
from chainrule.known import constant, integers, known, value_of
from chainrule.op import ZERO, composite, primitive
from chainrule.reduction import float_dtype, refuse_complex
from chainrule.spec import Spec

# ------------------------------------------------------------------------------------------------- segments


def _column(xp: Any, ids: Any, ndim: int) -> Any:
    return xp.reshape(ids, (-1, *(1,) * (ndim - 1)))


def _checked(name: str, data: Any, ids: Any, size: Any) -> int:
    """The number of segments, after a look at the operands."""
    x, of = operand_spec(name, data), operand_spec(name, ids)
    integers(name, "segment_ids", of)
    if of.ndim != 1 or not x.ndim or x.shape[0] != of.shape[0]:
        raise ShapeError(
            f"[{name}] segment_ids has shape {of.shape} and data {x.shape}; expected one segment for each element "
            f"along axis 0; move the axis of the segments to the front with moveaxis."
        )
    if size is None:
        value = np.asarray(value_of(name, ids))
        return int(value.max(initial=-1)) + 1
    size = operator.index(size)
    value = known(ids)
    if value is not None:
        value = np.asarray(value)
        wrong = value[(value < 0) | (value >= size)]
        if wrong.size:
            raise AxisError(
                f"[{name}] segment {wrong[0]} is out of range for {size} segments; expected numbers from 0 to "
                f"{size - 1}; raise num_segments, or leave it out."
            )
    return size


def _segment_sum(xp: Any, data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    size = _checked("segment_sum", data, segment_ids, num_segments)
    ids = _column(xp, segment_ids, operand_spec("segment_sum", data).ndim)
    return xp.add_along_axis(data, ids, axis=0, size=size)


def _segment_mean(xp: Any, data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
    size = _checked("segment_mean", data, segment_ids, num_segments)
    spec = operand_spec("segment_mean", data)
    dtype = float_dtype(spec.dtype)
    total = _segment_sum(xp, xp.astype(data, dtype), segment_ids, size)
    number = xp.add_along_axis(np.ones(spec.shape[0], np.empty(0, dtype).real.dtype), segment_ids, size=size)
    number = xp.where(xp.equal(number, 0), np.nan, number)
    return xp.divide(total, _column(xp, number, spec.ndim))


composite(
    "segment_sum",
    _segment_sum,
    doc="""out[k] = Σ data[i] over the i whose segment_ids[i] is k; segments lie along axis 0.

    >>> cr.segment_sum(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([0, 2, 0]))
    tensor([5., 0., 2.])
    """,
)
composite(
    "segment_mean",
    _segment_mean,
    doc="""out[k] = the mean of the data[i] whose segment_ids[i] is k, NaN where there is none.

    >>> cr.segment_mean(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([0, 1, 0]))
    tensor([2.5, 2. ])
    """,
)


def _lowest(dtype: Any, highest: bool) -> Any:
    if dtype.kind == "f":
        return np.inf if highest else -np.inf
    return highest if dtype.kind == "b" else (np.iinfo(dtype).max if highest else np.iinfo(dtype).min)


def _segment_extreme(name: str, fold: Any, adjective: str, example: str) -> None:
    private = f"{name}_of"

    def value(data: Any, ids: Any, *, size: int) -> Any:
        out = np.full((size, *data.shape[1:]), _lowest(data.dtype, fold is np.minimum), data.dtype)
        fold.at(out, ids, data)
        return out

    def share(xp: Any, out: Any, data: Any, ids: Any) -> tuple[Any, Any]:
        """Each element's part in the extreme of its segment: equal ones have equal parts."""
        ids = _column(xp, ids, len(data.shape))
        extreme = xp.equal(data, xp.take_along_axis(out, ids, axis=0))
        number = xp.add_along_axis(xp.astype(extreme, data.dtype), ids, axis=0, size=out.shape[0])
        return ids, xp.where(extreme, xp.reciprocal(xp.take_along_axis(number, ids, axis=0)), 0)

    def vjp(xp: Any, g: Any, out: Any, data: Any, ids: Any, *, size: int) -> Any:
        ids, part = share(xp, out, data, ids)
        return xp.absorbing_multiply(xp.take_along_axis(g, ids, axis=0), part)

    def jvp(xp: Any, tangents: Any, out: Any, data: Any, ids: Any, *, size: int) -> Any:
        ids, part = share(xp, out, data, ids)
        return xp.add_along_axis(xp.absorbing_multiply(tangents[0], part), ids, axis=0, size=size)

    def batch(xp: Any, batched: tuple[bool, ...], data: Any, ids: Any, *, size: int) -> Any:
        # The segments of each sample come after those of the sample before.
        count = (data if batched[0] else ids).shape[0]
        data = data if batched[0] else xp.broadcast_to(data, (count, *data.shape))
        ids = xp.add(ids, size * np.arange(count).reshape(-1, 1))
        flat = xp.reshape(data, (ids.shape[0] * ids.shape[1], *data.shape[2:]))
        out = getattr(xp, private)(flat, xp.reshape(ids, (-1,)), size=count * size)
        return xp.reshape(out, (count, size, *data.shape[2:]))

    def spell(data: Spec, _ids: Spec, *, size: Any) -> dict[str, Any]:
        refuse_complex(name, data)
        return {"size": operator.index(size)}

    def body(xp: Any, data: Any, segment_ids: Any, num_segments: int | None = None) -> Any:
        size = _checked(name, data, segment_ids, num_segments)
        return getattr(xp, private)(data, segment_ids, size=size)

    example = f"(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([0, 1, 0])%s)\n    tensor({example})\n    "
    doc = f"""out[k] = the {adjective} of the data[i] whose segment_ids[i] is k; equal ones share the gradient.

    An empty segment has %s.

    >>> cr.{name}"""
    bound = "−∞ or the smallest integer" if fold is np.maximum else "∞ or the largest integer"
    primitive(
        private,
        value=value,
        arity=2,
        canonical=spell,
        spec=lambda data, _ids, *, size: Spec((size, *data.shape[1:]), data.dtype),
        vjp=(vjp, ZERO),
        jvp=jvp,
        batch=batch,
        public=(),
        doc=(doc % bound).replace(f"cr.{name}", f"from chainrule.ops import ops\n    >>> ops.{private}")
        + example % ", size=2",
    )
    composite(name, body, doc=doc % bound + example % "")


_segment_extreme("segment_max", np.maximum, "largest", "[4., 2.]")
_segment_extreme("segment_min", np.minimum, "smallest", "[1., 2.]")

# ------------------------------------------------------------------------------------------- counts and bins


def _bincount(xp: Any, x: Any, weights: Any = None, minlength: int = 0) -> Any:
    spec = operand_spec("bincount", x)
    integers("bincount", "x", spec)
    if spec.ndim != 1:
        raise ShapeError(f"[bincount] x has shape {spec.shape}; expected one axis; write reshape(x, -1) first.")
    value = np.asarray(value_of("bincount", x))
    if value.size and value.min() < 0:
        raise DomainError(
            f"[bincount] x holds {value.min()}; expected integers of at least 0, each the number of a bin; "
            f"subtract the smallest first."
        )
    if weights is None:
        return constant(np.bincount(value, minlength=minlength), x)
    size = max(int(value.max(initial=-1)) + 1, minlength)
    dtype = float_dtype(operand_spec("bincount", weights).dtype)
    return _segment_sum(xp, xp.astype(weights, dtype), x, size)


def _numpys_bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    if x.dtype.kind not in "iu" or (weights is not None and weights.dtype != np.float64):
        raise DTypeError("NumPy counts booleans too, and adds up weights as float64")
    return np.bincount(x, weights, minlength)


composite(
    "bincount",
    _bincount,
    value=_numpys_bincount,
    doc="""out[k] = how often the integer k is in x, or Σ of the weights there; at least ``minlength`` numbers.

    >>> cr.bincount(cr.tensor([0, 2, 0]), weights=cr.tensor([0.5, 1.0, 2.0]))
    tensor([2.5, 0. , 1. ])
    """,
)


def _numpys_edges(name: str, x: Any, bins: Any, range: Any) -> Any:
    try:
        return np.histogram_bin_edges(x, bins, range)
    except (TypeError, ValueError) as error:
        raise (DTypeError if isinstance(error, TypeError) else DomainError)(
            f"[{name}] bins={bins!r} and range={range!r} make no bins: {str(error).rstrip('.')}; expected a number of "
            f"bins, ascending edges, or the name of a rule; see help(numpy.histogram_bin_edges)."
        ) from None


def _edges(xp: Any, name: str, x: Any, bins: Any, range: Any) -> Any:
    """The edges of bins, which move with the extremes of x where no range is given."""
    if operand_spec(name, bins).ndim == 1 if not isinstance(bins, str) else False:
        value = known(bins)
        if value is not None and np.asarray(value).dtype.kind != "c":
            _numpys_edges(name, np.zeros(1), np.asarray(value), None)
        refuse_complex(name, operand_spec(name, bins))
        return bins if isinstance(bins, Box) else constant(np.array(bins), x)
    value = value_of(name, x) if isinstance(bins, str) or range is None else np.zeros(1)
    edges = _numpys_edges(name, np.asarray(value), bins, range)
    if range is not None or not np.size(value):
        return constant(edges, x)
    low, high = xp.min(x), xp.max(x)
    if np.min(value) == np.max(value):  # NumPy gives what has no width one of 1
        low, high = xp.subtract(low, 0.5), xp.add(high, 0.5)
    x = xp.astype(edges, low.dtype if low.dtype.kind == "f" else np.float64)
    steps = np.arange(len(edges)) / (len(edges) - 1)
    between = xp.add(low, xp.multiply(xp.subtract(high, low), steps.astype(x.dtype)))
    # NumPy's very numbers, so that the same elements are in the same bins; the gradient is that of even spacing.
    return xp.add(between, xp.subtract(x, known(between)))


def _bin_edges(xp: Any, x: Any, bins: Any = 10, range: Any = None) -> Any:
    refuse_complex("histogram_bin_edges", operand_spec("histogram_bin_edges", x))
    return _edges(xp, "histogram_bin_edges", x, bins, range)


def _histogram(
    xp: Any, x: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    spec = operand_spec("histogram", x)
    refuse_complex("histogram", spec)
    edges = _edges(xp, "histogram", x, bins, range)
    if weights is not None and operand_spec("histogram", weights).shape != spec.shape:
        raise ShapeError(
            f"[histogram] weights has shape {operand_spec('histogram', weights).shape} and x {spec.shape}; expected "
            f"equal shapes; broadcast_to(weights, x.shape) if they are meant to repeat."
        )
    size = edges.shape[0] - 1
    x = xp.reshape(x, (-1,))
    # Bin k is [edge k, edge k+1), the last one closed; before the first is 0, behind the last size + 1.
    place = xp.searchsorted(edges, x, side="right")
    place = xp.where(xp.equal(x, xp.getitem(edges, -1)), size, place)
    ones = np.ones(spec.size, np.int64)
    w = ones if weights is None else xp.reshape(weights, (-1,))
    w = xp.astype(w, np.int64) if w.dtype.kind == "b" else w
    counts = xp.getitem(xp.add_along_axis(w, place, size=size + 2), slice(1, -1))
    if density:
        counts = xp.divide(xp.divide(counts, xp.diff(edges)), xp.sum(counts))
    return counts, edges


def _numpys_histogram(
    x: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> Any:
    x = np.asarray(x)
    if x.dtype.kind == "c" or weights is not None or density or not isinstance(bins, (int, str)):
        raise DTypeError("NumPy cuts off imaginary parts, and computes densities in float64")
    return np.histogram(x, bins, range)


composite(
    "histogram_bin_edges",
    _bin_edges,
    doc="""The edges of ``bins`` bins over the range of x, or of as many as a rule of NumPy's says, such as 'auto'.

    >>> cr.histogram_bin_edges(cr.tensor([0.0, 1.0, 4.0]), 2)
    tensor([0., 2., 4.])
    """,
)
composite(
    "histogram",
    _histogram,
    value=_numpys_histogram,
    doc="""How many elements of x, or what sum of their weights, fall into each of ``bins`` bins; and the edges.

    Differentiable in the weights, and in the edges where they move with x; in x itself the counts are steps.

    >>> cr.histogram(cr.tensor([0.0, 1.0, 4.0]), 2, weights=cr.tensor([1.0, 2.0, 4.0]))
    (tensor([3., 4.]), tensor([0., 2., 4.]))
    """,
)

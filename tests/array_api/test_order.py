"""Sorting, searching, sets and running sums as the standard has them, on random arrays, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from array_api.test_arrays import equal, few, xps

REAL = xps.arrays(xps.real_dtypes(), xps.array_shapes(max_dims=3, min_side=0, max_side=4))
NUMBERS = xps.arrays(xps.real_dtypes(), xps.array_shapes(max_dims=3, min_side=1, max_side=4))
REPEATED = xps.arrays(cr.int8, xps.array_shapes(max_dims=2, max_side=6), elements={"min_value": 0, "max_value": 3})


@few
@given(REAL, st.data())
def test_sort(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    ascending = np.sort(x.numpy(), axis)
    equal(cr.sort(x, axis=axis), ascending)
    equal(cr.sort(x, axis=axis, stable=False), ascending)
    down = cr.sort(x, axis=axis, descending=True)
    if not np.isnan(x.numpy()).any():
        equal(down, np.flip(ascending, axis))
    equal(cr.sort(x), np.sort(x.numpy()))


@few
@given(REPEATED, st.data())
def test_argsort_is_stable_both_ways(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    equal(cr.argsort(x, axis=axis), np.argsort(x.numpy(), axis, stable=True))
    equal(cr.argsort(x, axis=axis, descending=True), np.argsort(-x.numpy(), axis, stable=True))
    for options in ({}, {"descending": True}, {"stable": False}):
        order = cr.argsort(x, axis=axis, **options)
        equal(cr.take_along_axis(x, order, axis=axis), cr.sort(x, axis=axis, **options).numpy())


@few
@given(NUMBERS, st.data())
def test_search(x, data):
    a = x.numpy()
    for name in ("argmax", "argmin"):
        axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
        equal(getattr(cr, name)(x, axis=axis, keepdims=True), getattr(np, name)(a, axis=axis, keepdims=True))
    for one, other in zip(cr.nonzero(x), np.nonzero(a), strict=True):
        equal(one, other)
    axis = data.draw(st.none() | xps.valid_tuple_axes(x.ndim))
    equal(cr.count_nonzero(x, axis=axis, keepdims=True), np.asarray(np.count_nonzero(a, axis=axis, keepdims=True)))
    equal(cr.where(x > 0, x, 0), np.where(a > 0, a, 0).astype(a.dtype))


@few
@given(
    xps.arrays(cr.float64, (5,), elements={"allow_nan": False}, unique=True),
    xps.arrays(cr.float64, xps.array_shapes(max_dims=2, max_side=3), elements={"allow_nan": False}),
    st.sampled_from(["left", "right"]),
)
def test_searchsorted(x, v, side):
    order = cr.argsort(x)
    expected = np.searchsorted(np.sort(x.numpy()), v.numpy(), side)
    equal(cr.searchsorted(x, v, side=side, sorter=order), expected)
    equal(cr.searchsorted(cr.sort(x), v, side=side), expected)


@few
@given(xps.arrays(xps.scalar_dtypes(), xps.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)))
def test_sets(x):
    a = x.numpy()
    values, indices, counts = np.unique(a, return_index=True, return_counts=True, equal_nan=False)
    found = cr.unique_all(x)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    assert cr.unique_counts(x)._fields == ("values", "counts")
    assert cr.unique_inverse(x)._fields == ("values", "inverse_indices")
    equal(cr.unique_values(x), values)
    equal(found.values, values)
    equal(found.counts, counts)
    equal(cr.unique_counts(x).counts, counts)
    assert found.indices.shape == indices.shape
    for one in (found.inverse_indices, cr.unique_inverse(x).inverse_indices):
        assert (one.shape, one.dtype) == (x.shape, "int64")
        if x.size:
            equal(cr.reshape(found.values[one], x.shape), a)
    if x.size:
        equal(cr.reshape(x, (-1,))[found.indices], values)


def test_each_nan_is_a_value_of_its_own():
    x = cr.asarray([np.nan, 1.0, np.nan, 1.0])
    assert cr.unique_values(x).shape == (3,)
    assert cr.unique_counts(x).counts.tolist() == [2, 1, 1]


@few
@given(xps.arrays(xps.numeric_dtypes(), xps.array_shapes(max_dims=3, min_side=0, max_side=4)), st.booleans(), st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_running_sums(x, include_initial, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    for name in ("cumulative_sum", "cumulative_prod"):
        expected = getattr(np, name)(x.numpy(), axis=axis, include_initial=include_initial)
        equal(getattr(cr, name)(x, axis=axis, include_initial=include_initial), expected)
        if x.ndim == 1:
            assert getattr(cr, name)(x).shape == x.shape


@few
@given(xps.arrays(cr.int32, xps.array_shapes(max_dims=3, min_side=1, max_side=4)), st.integers(0, 3), st.data())
def test_differences(x, n, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    equal(cr.diff(x, n=n, axis=axis), np.diff(x.numpy(), n, axis))
    expected = np.diff(x.numpy(), n + 1, axis, prepend=x.numpy(), append=x.numpy())
    equal(cr.diff(x, n=n + 1, axis=axis, prepend=x, append=x), expected)


@few
@given(xps.arrays(xps.scalar_dtypes(), xps.array_shapes(max_dims=3, min_side=1, max_side=4)), st.data())
def test_taking_along_an_axis(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    side, shape = x.shape[axis], list(x.shape)
    shape[axis] = data.draw(st.integers(1, 3))
    indices = data.draw(xps.arrays(cr.int64, tuple(shape), elements={"min_value": -side, "max_value": side - 1}))
    equal(cr.take_along_axis(x, indices, axis=axis), np.take_along_axis(x.numpy(), indices.numpy(), axis))

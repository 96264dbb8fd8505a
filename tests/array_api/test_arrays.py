"""The array object: indices, masks, Python's numbers and DLPack, on random arrays of every dtype, against NumPy."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import array_api

import chainrule as cr
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError

xps = array_api.make_strategies_namespace(cr)
few = settings(max_examples=60)
SHAPES = xps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = xps.arrays(xps.scalar_dtypes(), SHAPES)


def equal(found, expected):
    """The same numbers in the same dtype and shape; NaN is NaN."""
    assert isinstance(found, cr.Tensor)
    assert (found.shape, found.dtype) == (np.shape(expected), np.asarray(expected).dtype)
    np.testing.assert_array_equal(found.numpy(), expected)


@few
@given(ARRAYS, st.data())
def test_indices(x, data):
    key = data.draw(xps.indices(x.shape, allow_newaxis=True))
    equal(x[key], x.numpy()[key])


@few
@given(ARRAYS, st.data())
def test_writing_at_indices(x, data):
    key = data.draw(xps.indices(x.shape))
    value = data.draw(xps.from_dtype(x.dtype))
    expected, written = x.numpy().copy(), cr.asarray(x, copy=True)
    expected[key] = value
    written[key] = value
    equal(written, expected)
    written, before = cr.asarray(x, copy=True), x.numpy().copy()
    written[key] = cr.asarray(value, dtype=x.dtype)
    equal(written, expected)
    equal(x, before)


@few
@given(ARRAYS, st.data())
def test_masks(x, data):
    mask = data.draw(xps.arrays(cr.bool, st.sampled_from([x.shape, x.shape[:1], ()])))
    equal(x[mask], x.numpy()[mask.numpy()])
    value = data.draw(xps.from_dtype(x.dtype))
    expected, written = x.numpy().copy(), cr.asarray(x, copy=True)
    expected[mask.numpy()] = value
    written[mask] = value
    equal(written, expected)


def test_a_mask_of_another_shape():
    for shape in ((2, 2), (3, 3, 1)):
        with pytest.raises(IndexError):
            cr.ones((3, 3))[cr.ones(shape, dtype=cr.bool)]


@few
@given(st.data())
def test_arrays_of_integers_as_indices(data):
    x = data.draw(xps.arrays(xps.scalar_dtypes(), xps.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=4)))
    shapes = data.draw(xps.mutually_broadcastable_shapes(2, max_dims=2, max_side=3)).input_shapes
    key = tuple(
        data.draw(xps.arrays(cr.int64, shape, elements={"min_value": -side, "max_value": side - 1}))
        for shape, side in zip(shapes, x.shape, strict=False)
    )
    equal(x[key], x.numpy()[tuple(k.numpy() for k in key)])
    equal(x[(key[0], *x.shape[1:1])], x.numpy()[key[0].numpy()])


CONVERSIONS = {
    bool: ("bool", True), int: ("int8", -3), float: ("float32", 2.5), complex: ("complex64", 1 + 2j),
    operator.index: ("uint16", 3),
}  # fmt: skip


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_conversions_of_a_0d_array(convert):
    dtype, value = CONVERSIONS[convert]
    found = convert(cr.asarray(value, dtype=dtype))
    assert type(found) is type(value)
    assert found == value


def test_conversions_that_lose():
    with pytest.raises(ShapeError, match=r"\[bool\] the truth of a Tensor of shape \(2,\) is ambiguous"):
        bool(cr.ones(2))
    with pytest.raises(ShapeError):
        bool(cr.ones(1))
    for convert in (int, float, complex):
        with pytest.raises(ShapeError, match=r"a Tensor of shape \(1,\) is no single number"):
            convert(cr.ones(1))
    with pytest.raises(DTypeError, match=r"\[index\]"):
        operator.index(cr.ones(()))
    with pytest.raises(TypeError):
        float(cr.asarray(1j))


@few
@given(xps.arrays(xps.scalar_dtypes(), xps.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_dlpack(x):
    equal(cr.from_dlpack(x), x.numpy())
    assert x.__dlpack_device__() == (1, 0)
    for version in (None, (0, 8), (1, 0)):
        x.__dlpack__(max_version=version, stream=None, dl_device=(1, 0), copy=None)
    equal(cr.asarray(np.from_dlpack(x)), x.numpy())
    equal(cr.from_dlpack(x.numpy().copy(), device="cpu", copy=True), x.numpy())


def test_dlpack_shares_only_what_it_is_told_to():
    source = np.array([1.0, 2.0])
    copied, shared = cr.from_dlpack(source), cr.from_dlpack(source, copy=False)
    source[0] = 5.0
    assert (copied.tolist(), shared.tolist()) == ([1.0, 2.0], [5.0, 2.0])
    x = cr.tensor([1.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"this Tensor requires a gradient"):
        np.from_dlpack(x)
    with pytest.raises(DTypeError, match=r"\[from_dlpack\] a list has no __dlpack__ method"):
        cr.from_dlpack([1.0])
    with pytest.raises(DomainError, match=r"\[from_dlpack\] device 'gpu' is unknown"):
        cr.from_dlpack(source, device="gpu")


# -------------------------------------------------------------------------------------------- functions of shapes


@few
@given(ARRAYS, st.data())
def test_shapes(x, data):
    a = x.numpy()
    axes = st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.none()
    axis = data.draw(axes)
    equal(cr.flip(x, axis=axis), np.flip(a, axis))
    shift = data.draw(st.integers(-5, 5))
    equal(cr.roll(x, shift, axis=axis), np.roll(a, shift, axis))
    place = data.draw(st.integers(-x.ndim - 1, x.ndim))
    equal(cr.expand_dims(x, axis=place), np.expand_dims(a, place))
    equal(cr.squeeze(cr.expand_dims(x, axis=place), place), a)
    equal(cr.reshape(x, (-1,) if x.size else (0,)), a.reshape(-1))
    order = data.draw(st.permutations(range(x.ndim)))
    equal(cr.permute_dims(x, tuple(order)), a.transpose(order))
    repetitions = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple))
    equal(cr.tile(x, repetitions), np.tile(a, repetitions))
    equal(cr.repeat(x, 2, axis=axis), np.repeat(a, 2, axis))
    equal(cr.stack([x, x], axis=place), np.stack([a, a], place))
    if x.ndim:
        side = x.shape[axis]
        counts = data.draw(xps.arrays(cr.int64, (side,), elements={"min_value": 0, "max_value": 2}))
        equal(cr.repeat(x, counts, axis=axis), np.repeat(a, counts.numpy(), axis))
        equal(cr.concat([x, x], axis=axis), np.concatenate([a, a], axis))
        for one, other in zip(cr.unstack(x, axis=axis), np.unstack(a, axis=axis), strict=True):
            equal(one, other)
        to = data.draw(axes)
        equal(cr.moveaxis(x, axis, to), np.moveaxis(a, axis, to))
        if side:
            chosen = data.draw(xps.arrays(cr.int64, (3,), elements={"min_value": -side, "max_value": side - 1}))
            equal(cr.take(x, chosen, axis=axis), np.take(a, chosen.numpy(), axis))


@few
@given(xps.mutually_broadcastable_shapes(3, max_dims=3, max_side=3))
def test_broadcasting(shapes):
    arrays = [cr.ones(shape) for shape in shapes.input_shapes]
    assert [x.shape for x in cr.broadcast_arrays(*arrays)] == [shapes.result_shape] * 3
    assert cr.broadcast_to(arrays[0], shapes.result_shape).shape == shapes.result_shape
    assert cr.broadcast_shapes(*shapes.input_shapes) == shapes.result_shape
    assert (arrays[0] + arrays[1] * arrays[2]).shape == shapes.result_shape


@few
@given(
    st.lists(xps.arrays(cr.int16, xps.array_shapes(max_dims=1, min_side=0, max_side=3)), min_size=1, max_size=3),
    st.sampled_from(["xy", "ij"]),
)
def test_grids(vectors, indexing):
    expected = np.meshgrid(*(v.numpy() for v in vectors), indexing=indexing)
    for one, other in zip(cr.meshgrid(*vectors, indexing=indexing), expected, strict=True):
        equal(one, other)


@few
@given(ARRAYS, st.data())
def test_reductions(x, data):
    a = x.numpy()
    axis = data.draw(st.none() | xps.valid_tuple_axes(x.ndim))
    keepdims = data.draw(st.booleans())

    def same(name, axis):
        expected = getattr(np, name)(a, axis=axis, keepdims=keepdims)
        equal(getattr(cr, name)(x, axis=axis, keepdims=keepdims), expected)

    for name in ("all", "any", "count_nonzero"):
        same(name, axis)
    if x.size and x.dtype.kind in "iuf":
        for name in ("max", "min"):
            equal(
                getattr(cr, name)(x, axis=axis, keepdims=keepdims), getattr(np, name)(a, axis=axis, keepdims=keepdims)
            )
        one = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
        for name in ("argmax", "argmin"):
            same(name, one)
    if x.dtype.kind in "iu":
        for name in ("sum", "prod"):
            equal(
                getattr(cr, name)(x, axis=axis, keepdims=keepdims), getattr(np, name)(a, axis=axis, keepdims=keepdims)
            )

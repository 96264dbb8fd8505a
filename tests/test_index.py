"""Indexing against NumPy, for any index that NumPy reads."""

import re
from typing import Any

import numpy as np
import pytest
from bits import lines
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from laws import adjoint, batched_is_a_loop, drawn, same

import chainrule as cr
from chainrule.errors import SymbolError

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def basic(draw: Any) -> Any:
    shape = draw(SHAPES)
    return shape, draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True, max_dims=6))


@st.composite
def mixed(draw: Any, min_side: int = 0) -> Any:
    """A shape, and an index of integers, slices, None, ..., integer arrays, masks and truth values in any order."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=min_side, max_side=4))
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    parts: list[Any] = []
    axis = 0
    while axis < len(shape):
        size = shape[axis]
        kinds = ["slice", "None", "mask"] + ["int", "array", "array", "list"] * (size > 0)
        kinds += ["..."] * (Ellipsis not in [p for p in parts if p is Ellipsis]) + ["true"]
        kind = draw(st.sampled_from(kinds))
        if kind == "slice":
            parts.append(draw(st.slices(size)))
        elif kind == "None":
            parts.append(None)
            continue
        elif kind == "true":
            parts.append(draw(st.sampled_from([True, np.True_])))
            continue
        elif kind == "...":
            parts.append(Ellipsis)
            axis += draw(st.integers(0, len(shape) - axis))
            continue
        elif kind == "int":
            parts.append(draw(st.integers(-size, size - 1)))
        elif kind in ("array", "list"):
            own = tuple(draw(st.sampled_from([1, n])) for n in common)
            array = draw(hnp.arrays(np.int64, own, elements=st.integers(-size, size - 1)))
            parts.append(array.tolist() if kind == "list" else array)
        elif kind == "mask":
            axes = draw(st.integers(1, min(2, len(shape) - axis)))
            parts.append(draw(hnp.arrays(bool, shape[axis : axis + axes])))
            axis += axes - 1
        axis += 1
        if draw(st.integers(0, 4)) == 0:
            break
    return shape, tuple(parts)


def fits(shape: Any, index: Any) -> bool:
    try:
        np.zeros(shape)[index]
    except IndexError:
        return False
    return True


def reads(shape: Any, index: Any) -> None:
    x = drawn(np.random.default_rng(0), shape)
    if not fits(shape, index):
        with pytest.raises(cr.ShapeError):
            cr.tensor(x)[index]
        return
    same(cr.tensor(x)[index], x[index])
    y = cr.symbol(shape=shape)[index]
    assert (y.shape, y.dtype) == (x[index].shape, x.dtype)
    adjoint(lambda x: x[index], x)
    batched_is_a_loop(lambda x: x[index], [drawn(np.random.default_rng(1), (3, *shape))], [True])


@given(basic())
def test_basic_indices_read_what_numpy_reads(case):
    reads(*case)


@settings(max_examples=300)
@given(mixed())
def test_mixed_indices_read_what_numpy_reads(case):
    reads(*case)


@given(st.data())
def test_integer_arrays_read_what_numpy_reads(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    reads(shape, data.draw(hnp.integer_array_indices(shape)))


def writes(shape: Any, index: Any, value_shape: Any) -> None:
    random = np.random.default_rng(0)
    x, v = drawn(random, shape), drawn(random, value_shape)
    expected = x.copy()
    expected[index] = v
    same(cr.setitem(cr.tensor(x), index, cr.tensor(v)), expected)
    written = cr.tensor(x)
    written[index] = v
    same(written, expected)
    assert cr.setitem(cr.symbol(shape=shape), index, cr.symbol(shape=value_shape)).shape == shape
    adjoint(lambda x, v: cr.setitem(x, index, v), x, v)
    xs, vs = drawn(random, (3, *shape)), drawn(random, (3, *value_shape))
    for arrays, batched in (((xs, vs), (1, 1)), ((xs, v), (1, 0)), ((x, vs), (0, 1))):
        batched_is_a_loop(lambda x, v: cr.setitem(x, index, v), arrays, [bool(b) for b in batched])


@settings(max_examples=200)
@given(mixed(), st.data())
def test_writing_any_index_equals_numpy(case, data):
    shape, index = case
    if fits(shape, index):
        place = np.zeros(shape)[index].shape
        own = tuple(data.draw(st.sampled_from([1, n])) for n in place)
        cut = data.draw(st.integers(0, len(own)))
        writes(shape, index, own[cut:])


@given(basic(), st.data())
def test_writing_basic_indices_equals_numpy(case, data):
    shape, index = case
    if fits(shape, index):
        place = np.zeros(shape)[index].shape
        extra = (1,) * data.draw(st.integers(0, 2)) if isinstance(np.zeros(shape)[index], np.ndarray) else ()
        writes(shape, index, extra + place)


@settings(max_examples=200)
@given(mixed(min_side=1), st.data())
def test_index_arrays_may_differ_from_sample_to_sample(case, data):
    shape, index = case
    at = [i for i, part in enumerate(index) if isinstance(part, np.ndarray) and part.dtype.kind == "i"]
    if not at or not fits(shape, index):
        return
    batched = [data.draw(st.booleans()) for _ in at]
    if not any(batched):
        return
    random = np.random.default_rng(0)

    def filled(arrays: Any) -> Any:
        parts = list(index)
        for i, array in zip(at, arrays, strict=True):
            parts[i] = array
        return tuple(parts)

    # Any position that some axis of this index holds is legal with a modulus, so use 0 and −1 alone.
    arrays = [
        random.integers(-1, 1, (3, *index[i].shape) if b else index[i].shape) for i, b in zip(at, batched, strict=True)
    ]
    place = np.zeros(shape)[index].shape
    x, v = drawn(random, shape), drawn(random, place)
    for x_batched in (False, True):
        xs = drawn(random, (3, *shape)) if x_batched else x
        batched_is_a_loop(lambda x, *a: x[filled(a)], [xs, *arrays], [x_batched, *batched])
        batched_is_a_loop(lambda x, v, *a: cr.setitem(x, filled(a), v), [xs, v, *arrays], [x_batched, False, *batched])

        def pulled(x: Any, g: Any, *a: Any) -> Any:
            return cr.vjp(lambda x: x[filled(a)], x)[1](g)[0]

        batched_is_a_loop(pulled, [xs, v, *arrays], [x_batched, False, *batched])


def test_an_ellipsis_of_no_axes_parts_index_arrays_of_samples():
    index = np.array([[0, 3, 1], [2, 2, 0]])
    x = np.arange(60.0).reshape(3, 4, 5)
    for function in (lambda x, a: x[:, a, ..., 0], lambda x, a: x[..., a, 0]):
        batched_is_a_loop(function, [np.stack([x, -x]), index], [True, True])
        batched_is_a_loop(function, [x, index], [False, True])
        batched_is_a_loop(function, [np.stack([x, -x]), index[0]], [True, False])


def test_samples_are_indexed_where_they_stand():
    x, index = cr.symbol("x", shape=(2, 5, 3)), cr.symbol("index", shape=(4,), dtype="int64")
    taken = cr.vmap(lambda x: x[index])(x)
    assert lines(taken.graph())[0] == "%0 = gather(x, index, index=(slice(None, None, None), array))"


def test_a_scalar_is_indexed_like_a_0d_array():
    x = cr.tensor(2.0)
    for index in ((), None, (None, None), ..., (..., None), True, False, np.True_, np.array(True), cr.tensor(True)):
        bare = index._value if isinstance(index, cr.Tensor) else index
        same(x[index], np.asarray(2.0)[bare])
        adjoint(lambda x, index=index: x[index], 2.0)


def test_tensors_index():
    x = drawn(np.random.default_rng(0), (4, 3))
    t = cr.tensor(x)
    same(t[cr.tensor(2)], x[2])
    same(t[cr.tensor([0, -1, 0])], x[[0, -1, 0]])
    same(t[cr.tensor(1) :, cr.tensor([1])], x[1:, [1]])
    same(t[t > 0], x[x > 0])
    same(t[(t > 0)._value], x[x > 0])
    same(t[np.int8(1), np.uint64(2)], x[1, 2])
    same(t[[True, False, True, False]], x[[True, False, True, False]])
    same(t[[]], x[[]])
    same(t[np.newaxis, ..., 0], x[None, ..., 0])
    same(t[[cr.tensor(1), 2]], x[[1, 2]])
    i = cr.symbol("i", dtype="int64")
    same((t[i]).eval(i=3), x[3])
    same(t[i, 1:].eval(i=-1), x[-1, 1:])
    same(t[cr.symbol("k", shape=(2,), dtype="int64")].eval(k=[1, 1]), x[[1, 1]])


def test_an_index_is_taken_when_it_is_used():
    x, at = cr.tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 1])
    y = x[at]
    at[:] = 2
    y.sum().backward()
    same(x.grad, np.array([1.0, 1.0, 0.0]))


def test_the_last_of_two_writes_gets_the_gradient():
    x, v = cr.tensor([1.0, 2.0], requires_grad=True), cr.tensor([5.0, 6.0, 7.0], requires_grad=True)
    y = cr.setitem(x, [0, 0, -2], v)
    assert y.tolist() == [7.0, 2.0]
    (y * cr.tensor([3.0, 4.0])).sum().backward()
    assert (x.grad.tolist(), v.grad.tolist()) == ([0.0, 4.0], [0.0, 0.0, 3.0])


def test_a_write_in_place_passes_gradients_to_both():
    x, v = cr.tensor([1.0, 2.0, 3.0], requires_grad=True), cr.tensor(5.0, requires_grad=True)
    y = x * 2
    z = y
    y[...] = v * v
    y[1] = x[0] * 7
    assert z is y
    y.sum().backward()
    assert (x.grad.tolist(), v.grad.item()) == ([7.0, 0.0, 0.0], 20.0)


def test_second_order_passes_through_reads_and_writes():
    def f(x):
        y = cr.setitem(x**3, [0, 2], x[1:3] ** 2)
        return (y[[0, 0, 1]] * y[::-1]).sum()

    x = np.array([0.5, -1.5, 2.0])
    random = np.random.default_rng(0)
    t, step = drawn(random, 3), 1e-5
    _, moved = cr.jvp(cr.grad(f), (x,), (t,))
    expected = (cr.grad(f)(x + step * t).numpy() - cr.grad(f)(x - step * t).numpy()) / (2 * step)
    np.testing.assert_allclose(moved.numpy(), expected, rtol=1e-8)


def test_dtypes_of_writes():
    x = cr.zeros(3, dtype="float32")
    same(cr.setitem(x, 0, 1.5), np.array([1.5, 0, 0], "float32"))
    same(cr.setitem(x, 0, np.float64(1.5)), np.array([1.5, 0, 0], "float32"))
    same(cr.setitem(cr.tensor([1, 2]), 0, np.uint8(7)), np.array([7, 2]))
    same(cr.setitem(cr.tensor(np.zeros(2, "uint8")), 0, 7), np.array([7, 0], "uint8"))
    same(cr.setitem([1.0, 2.0], 0, 7), np.array([7.0, 2.0]))
    adjoint(lambda v: cr.setitem(cr.zeros(3, dtype="float32"), slice(2), v), np.array([1.0, 2.0]))
    adjoint(lambda x: cr.setitem(x, 0, 2), np.array([1.0, 2.0]))
    adjoint(lambda x: cr.setitem(x, 0, np.array(2)), np.array([1.0 + 2j, 2.0]))


def test_an_integer_value_has_no_tangent():
    x = cr.symbol("x", shape=(2,))
    _, moved = cr.jvp(lambda x: cr.setitem(x, 0, np.array(9)), (x,), (cr.symbol("t", shape=(2,)),))
    assert moved.eval(t=[3.0, 4.0]).tolist() == [0.0, 4.0]


def test_take():
    x = drawn(np.random.default_rng(0), (3, 4))
    for indices, axis in (([2, 0, 2], 0), (1, 1), ([[1, 0], [3, 3]], -1), ([11, 0], None), (np.array([], int), 0)):
        same(cr.take(x, indices, axis), np.take(x, np.asarray(indices), axis))
        adjoint(lambda x, i=indices, a=axis: cr.take(x, i, axis=a), x)


MATRIX = cr.zeros((2, 3))
WRONG = [
    (lambda: MATRIX[2], cr.AxisError,
     "[getitem] index [2] does not fit shape (2, 3): index 2 is out of bounds for axis 0 with size 2; "
     "expected at most 2 indices, each within its axis; check the shape."),
    (lambda: MATRIX[:, [0, -4]], cr.AxisError,
     "[getitem] index [:, [0, -4]] does not fit shape (2, 3): index -4 is out of bounds for axis 1 with size 3; "
     "expected at most 2 indices, each within its axis; check the shape."),
    (lambda: MATRIX[0, 0, 0], cr.AxisError,
     "[getitem] index [0, 0, 0] does not fit shape (2, 3): too many indices for array: array is 2-dimensional, "
     "but 3 were indexed; expected at most 2 indices, each within its axis; check the shape."),
    (lambda: cr.symbol("s", shape=(2, 3))[5], cr.AxisError,
     "[getitem] index [5] does not fit shape (2, 3): index 5 is out of bounds for axis 0 with size 2; "
     "expected at most 2 indices, each within its axis; check the shape."),
    (lambda: MATRIX[cr.symbol("i", shape=(2,), dtype="int64"), 0, 0], cr.AxisError,
     "[getitem] index [array of shape (2,), 0, 0] does not fit shape (2, 3): too many indices for array: array is "
     "2-dimensional, but 3 were indexed; expected at most 2 indices, each within its axis; check the shape."),
    (lambda: MATRIX[np.array([True, False, True])], cr.AxisError,
     "[getitem] a mask of shape (3,) was applied to axes of sizes (2,); expected equal shapes; build the mask from "
     "the Tensor it selects from."),
    (lambda: MATRIX[1.5], cr.DTypeError,
     "[getitem] an index is float 1.5; expected integers, slices, None, ..., integer arrays or boolean masks; "
     "convert it with int(i) or astype('int64')."),
    (lambda: MATRIX[cr.tensor([0.0])], cr.DTypeError,
     "[getitem] an index is float64; expected integers, slices, None, ..., integer arrays or boolean masks; "
     "convert it with int(i) or astype('int64')."),
    (lambda: MATRIX["a"], cr.DTypeError,
     "[getitem] an index is str 'a'; expected integers, slices, None, ..., integer arrays or boolean masks; "
     "convert it with int(i) or astype('int64')."),
    (lambda: MATRIX[0.5:], cr.DTypeError,
     "[getitem] an index is slice(0.5, None, None); expected integers or nothing on both sides of the colon; "
     "convert them with int(i)."),
    (lambda: MATRIX[cr.symbol("m", shape=(2, 3), dtype="bool")], cr.SymbolError,
     "[getitem] the index is a symbolic mask, so the shape of the result would depend on its values; expected a mask "
     "with a value; use where(mask, x, 0) instead."),
    (lambda: cr.setitem(MATRIX, (0, 3), 1.0), cr.AxisError,
     "[setitem] index [0, 3] does not fit shape (2, 3): index 3 is out of bounds for axis 1 with size 3; "
     "expected at most 2 indices, each within its axis; check the shape."),
    (lambda: cr.setitem(MATRIX, 0, np.zeros(2)), cr.ShapeError,
     "[setitem] a value of shape (2,) was assigned where the index selects shape (3,); expected a shape that "
     "broadcasts to it; reshape the value."),
    (lambda: cr.setitem(cr.symbol("s", shape=(2, 3)), 0, np.zeros((2, 1, 3))), cr.ShapeError,
     "[setitem] a value of shape (2, 1, 3) was assigned where the index selects shape (3,); expected a shape that "
     "broadcasts to it; reshape the value."),
    (lambda: cr.setitem(cr.tensor([1, 2]), 0, 0.5), cr.DTypeError,
     "[setitem] a float64 value was assigned into a Tensor of int64, which would cut it off; expected a value that "
     "casts to int64; convert the Tensor with astype('float64') first."),
    (lambda: cr.setitem(MATRIX, 0, 1j), cr.DTypeError,
     "[setitem] a complex128 value was assigned into a Tensor of float64, which would cut it off; expected a value "
     "that casts to float64; convert the Tensor with astype('complex128') first."),
    (lambda: cr.take(MATRIX, 0, axis=2), cr.AxisError,
     "[take] axis 2 is out of range for an operand with 2 axes; expected an integer from -2 to 1; "
     "check the operand's shape."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[m.split(";")[0][:60] for _, _, m in WRONG])
def test_errors(call, error, message):
    with pytest.raises(error, match="^" + re.escape(message) + "\n  at .*test_index.py"):
        call()


def test_masks_that_are_not_known_yet_choose_where_one_value_is_written():
    x, rows = np.linspace(-1.0, 1.0, 12).reshape(3, 4), np.array([1.0, -2.0, 3.0, -4.0])

    def written(x, rows):
        y = x * 2.0
        y[x < 0.2] = 7
        y[x[:, 0] > -0.5] = rows
        y[y > 8] = rows[0] * x[0, 0]
        return cr.sum(y**2)

    def right(x, rows):
        y = np.where(x < 0.2, 7, x * 2)
        y = np.where((x[:, 0] > -0.5)[:, None], rows, y)
        return np.sum(np.where(y > 8, rows[0] * x[0, 0], y) ** 2)

    plain = cr.value_and_grad(written, argnums=(0, 1))(cr.tensor(x), cr.tensor(rows))
    assert float(plain[0]) == pytest.approx(right(x, rows))
    for f in (
        cr.jit(cr.value_and_grad(written, argnums=(0, 1))),
        cr.trace(cr.value_and_grad(written, argnums=(0, 1)), x, rows),
    ):
        value, slopes = f(x, rows)
        assert float(value) == pytest.approx(float(plain[0]))
        for ours, theirs in zip(slopes, plain[1], strict=True):
            np.testing.assert_allclose(np.asarray(ours), theirs.numpy())
    samples = np.stack([x, -x, x + 0.3])
    found = cr.vmap(lambda x: written(x, cr.tensor(rows)))(cr.tensor(samples))
    np.testing.assert_allclose(found.numpy(), [right(one, rows) for one in samples])
    counts = cr.jit(lambda x: cr.setitem(cr.astype(x, "int64"), x > 0, 9))(x)
    assert counts.dtype == np.int64 and counts.tolist() == np.where(x > 0, 9, x.astype(int)).tolist()
    with pytest.raises(SymbolError, match=r"\[setitem\] the index is a symbolic mask"):
        cr.jit(lambda x: cr.setitem(x, x > 0, np.ones(5)))(x)

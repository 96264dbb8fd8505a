"""Creation as the standard has it: defaults, dtypes, copies, and numbers that a dtype does not hold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import assert_message

import chainrule as cr
from array_api.test_dtypes import COMPLEX, EVERY, FLOATING, INTEGER, NUMERIC
from chainrule.errors import DomainError, RangeError, ShapeError

few = settings(max_examples=100)
ENDS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("shape", [(), (2,), 3, (0, 2), [2, 1]])
def test_filled_arrays(shape):
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for name, value in (("zeros", 0), ("ones", 1), ("empty", None)):
        make, like = getattr(cr, name), getattr(cr, f"{name}_like")
        assert make(shape).dtype == "float64"
        for dtype in EVERY:
            x = make(shape, dtype=getattr(cr, dtype), device="cpu")
            y = like(x), like(cr.ones(shape), dtype=getattr(cr, dtype), device="cpu")
            for made in (x, *y):
                assert (made.dtype, made.shape) == (dtype, sizes)
                assert value is None or cr.all(made == cr.asarray(value, dtype=dtype))


def test_full():
    for value, dtype in ((True, "bool"), (3, "int64"), (2.5, "float64"), (1j, "complex128")):
        assert cr.full((2,), value).dtype == cr.full_like(cr.ones(2), value, dtype=dtype).dtype == dtype
        assert cr.full(2, value).tolist() == [value] * 2
    for dtype in NUMERIC:
        assert cr.full((), 2, dtype=dtype) == 2
        assert cr.full_like(cr.ones((2, 1), dtype=dtype), 2).dtype == dtype


@pytest.mark.parametrize("dtype", [None, *EVERY])
def test_matrices(dtype):
    for n_rows, n_cols, k in ((3, None, 0), (2, 4, 1), (4, 2, -2), (0, 3, 0), (2, 2, 5)):
        made, expected = cr.eye(n_rows, n_cols, k=k, dtype=dtype), np.eye(n_rows, n_cols, k, dtype=dtype or "float64")
        assert (made.dtype, made.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(made, expected)
    x = np.ones((2, 3, 3), dtype=dtype)
    for k in (-1, 0, 2):
        assert np.array_equal(cr.tril(cr.asarray(x), k=k), np.tril(x, k))
        assert np.array_equal(cr.triu(cr.asarray(x), k=k), np.triu(x, k))


@few
@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-4, 4).filter(bool))
def test_ranges_of_integers(start, stop, step):
    assert cr.arange(start, stop, step).tolist() == list(range(start, stop, step))
    assert cr.arange(start, stop=stop, step=step, dtype=cr.int16, device="cpu").dtype == "int16"
    assert cr.arange(stop).tolist() == list(range(stop))
    assert (cr.arange(stop).dtype, cr.arange(float(stop)).dtype) == ("int64", "float64")
    made = cr.arange(start, stop, step / 2, dtype=cr.float32)
    assert made.shape == (max(0, math.ceil((stop - start) / (step / 2))),)
    assert made.dtype == "float32"


@few
@given(
    st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(0, 20), st.booleans(), st.sampled_from(FLOATING + COMPLEX)
)
def test_even_spaces(start, stop, num, endpoint, dtype):
    made = cr.linspace(start, stop, num, endpoint=endpoint, dtype=getattr(cr, dtype))
    assert (made.shape, made.dtype) == ((num,), dtype)
    if num:
        assert made[0] == cr.asarray(start, dtype=dtype)
    if num > 1 and endpoint:
        assert made[-1] == cr.asarray(stop, dtype=dtype)
    if not endpoint:
        np.testing.assert_allclose(made, cr.linspace(start, stop, num + 1, dtype=dtype)[:-1], rtol=1e-6)


def test_even_spaces_between_complex_numbers():
    assert cr.linspace(0, 1j, 3).tolist() == [0, 0.5j, 1j]
    assert cr.linspace(0, 1 + 2j, 2, dtype="complex64").dtype == "complex64"


@pytest.mark.parametrize("dtype", EVERY)
def test_copies(dtype):
    source = np.ones(3, dtype)
    for copy in (None, True):
        made = cr.asarray(source, copy=copy)
        source[0] = 0
        assert (made.tolist(), made.dtype) == ([1, 1, 1], dtype)
        source[0] = 1
    shared = cr.asarray(source, copy=False)
    source[0] = 0
    assert shared.tolist() == [0, 1, 1]
    x = cr.ones(2, dtype=dtype)
    assert cr.asarray(x) is x
    assert cr.asarray(x, copy=False, dtype=dtype) is x
    y = cr.asarray(x, copy=True)
    y[0] = False
    assert x.tolist() == [1, 1]
    assert cr.astype(x, cr.complex64).dtype == "complex64"
    assert cr.astype(x, x.dtype, copy=False).tolist() == [1, 1]


def test_what_python_holds():
    assert cr.asarray(memoryview(b"ab")).tolist() == [97, 98]
    assert cr.asarray(bytearray(b"ab"), copy=False).dtype == "uint8"
    assert cr.asarray([[True], [False]]).dtype == "bool"
    assert cr.asarray([1, 2.5]).dtype == "float64"
    assert cr.asarray([[1, 2j], [3, 4.0]]).dtype == "complex128"
    assert cr.asarray([]).shape == (0,)
    assert cr.asarray(((1, 2), (3, 4)), dtype=cr.uint8).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("dtype", INTEGER)
def test_integers_that_the_dtype_does_not_hold(dtype):
    info = cr.iinfo(dtype)
    assert cr.asarray([info.max, info.min], dtype=dtype).tolist() == [info.max, info.min]
    assert cr.full(1, info.max, dtype=dtype).tolist() == [info.max]
    for number in {info.max + 1, info.min - 1} - {2**64, -(2**63) - 1}:
        for make in (
            lambda number=number: cr.asarray(number, dtype=dtype),
            lambda number=number: cr.asarray([0, number], dtype=dtype),
            lambda number=number: cr.full((2,), number, dtype=dtype),
            lambda number=number: cr.full_like(cr.ones(2, dtype=dtype), number),
        ):
            with pytest.raises(RangeError):
                make()


def test_mistakes():
    assert_message(
        RangeError,
        "[asarray] Python integer 300 out of bounds for int8; expected numbers that the dtype holds; "
        "choose a wider one.",
        lambda: cr.asarray([300], dtype=cr.int8),
    )
    assert_message(
        DomainError,
        "[asarray] cannot convert float NaN to integer; expected numbers that the dtype holds; choose a wider one.",
        lambda: cr.asarray([math.nan], dtype=cr.int8),
    )
    x = cr.ones(2)
    assert_message(
        DomainError,
        "[asarray] copy=False was given, but a Tensor cannot become int8 without a copy; expected an array of that "
        "dtype; leave copy out.",
        lambda: cr.asarray(x, dtype=cr.int8, copy=False),
    )
    x = cr.ones((2, 3)).T
    assert_message(
        DomainError,
        "[reshape] copy=False was given, but an operand of shape (3, 2) cannot become (6,) without a copy; expected a "
        "Tensor whose elements follow one another in memory; leave copy out.",
        lambda: cr.reshape(x, (6,), copy=False),
    )
    assert cr.reshape(x.T, (3, 2), copy=False).shape == (3, 2)
    assert_message(
        DomainError,
        "[meshgrid] indexing is 'yx'; expected 'xy' or 'ij'; choose one of them.",
        lambda: cr.meshgrid(x[0], indexing="yx"),
    )
    assert_message(
        ShapeError,
        "[meshgrid] operand 1 has shape (3, 2); expected coordinates along one axis; flatten it first.",
        lambda: cr.meshgrid(x[0], x),
    )

"""Making Tensors: from data, and from nothing; every mistake with its full text."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import DomainError, DTypeError, GradientError, ShapeError, SymbolError


@pytest.mark.parametrize("dtype", [None, "float32", np.float64, "int16", bool, "complex64"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("zeros", ((2, 3),)),
        ("ones", (3,)),
        ("empty", ((2, 0),)),
        ("full", ((2,), 1)),
        ("eye", (2, 3)),
        ("arange", (5,)),
        ("arange", (5, 1, -2)),
        ("linspace", (0, 4, 5)),
        ("zeros_like", ([1.5, 2.0],)),
        ("ones_like", (np.ones((2, 1), "float32"),)),
        ("full_like", ([1, 2], 1)),
        ("empty_like", (np.ones(0),)),
    ],
)
def test_creation_is_numpys(name, arguments, dtype):
    if (name, dtype) in {("arange", bool)}:
        arguments = (2,)
    made = getattr(cr, name)(*arguments, dtype=dtype)
    expected = getattr(np, name)(*arguments, dtype=dtype)
    assert (made.shape, made.dtype, made.requires_grad) == (expected.shape, expected.dtype, False)
    if not name.startswith("empty"):
        np.testing.assert_array_equal(made, expected)


def test_data_becomes_a_leaf_of_its_own():
    source = np.array([1.0, 2.0])
    x, y = cr.tensor(source, requires_grad=True), cr.asarray(source)
    source[:] = 9.0
    assert x.tolist() == y.tolist() == [1.0, 2.0]
    assert cr.asarray(x) is x
    assert cr.asarray(x, copy=True) is not x
    z = cr.tensor(x * 2)
    assert z.is_leaf and not z.requires_grad


def test_gradients_flow_through_creation():
    x, y = cr.tensor(3.0, requires_grad=True), cr.tensor(4.0, requires_grad=True)
    joined = cr.tensor([[x, y], [1.0, x]])
    assert cr.gradients((joined * joined).sum(), [x, y]) == (12.0, 8.0)
    assert cr.gradients(cr.full((2, 3), x).sum(), x).item() == 6.0


def test_dtypes_that_are_none():
    assert_message(
        DTypeError,
        "[zeros] dtype 'foo' is unknown; expected a numeric NumPy dtype, such as 'float32'.",
        lambda: cr.zeros(2, dtype="foo"),
    )
    assert_message(
        DTypeError,
        "[asarray] dtype 'U3' is unknown; expected a numeric NumPy dtype, such as 'float32'.",
        lambda: cr.tensor([1.0], dtype="U3"),
    )
    for dtype in ("foo", object, str, "datetime64[s]"):
        assert_message(
            DTypeError,
            f"[astype] dtype {dtype!r} is unknown; expected a numeric NumPy dtype, such as 'float32'.",
            lambda dtype=dtype: cr.ones(2).astype(dtype),
        )


def test_integers_of_more_than_64_bits():
    message = "an operand is an integer of 65 bits; expected at most 64; convert it with float(n) first."
    assert_message(DTypeError, f"[asarray] {message}", lambda: cr.tensor(2**64))
    assert_message(DTypeError, f"[full] {message}", lambda: cr.full(2, 2**64))
    assert cr.tensor(2**63).dtype == np.uint64


def test_shapes_that_are_none():
    assert_message(
        ShapeError,
        "[ones] shape is (2, -1); expected sizes of at least 0; write e.g. (2, 3).",
        lambda: cr.ones((2, -1)),
    )
    assert_message(
        ShapeError,
        "[zeros] shape is 2.0; expected an integer or a tuple of integers; write e.g. (2, 3).",
        lambda: cr.zeros(2.0),
    )
    assert_message(
        ShapeError,
        "[broadcast_to] shape is (-1,); expected sizes of at least 0; write e.g. (2, 3).",
        lambda: cr.broadcast_to(1.0, (-1,)),
    )
    assert_message(
        ShapeError,
        "[reshape] shape is (-2,); expected sizes of at least -1; write e.g. (2, 3).",
        lambda: cr.reshape(cr.ones(2), (-2,)),
    )
    assert_message(
        ShapeError,
        "[arange] step is 0, which never arrives; expected a positive or negative step.",
        lambda: cr.arange(0, 5, 0),
    )


def test_what_cannot_be_shared():
    assert_message(
        DomainError,
        "[asarray] copy=False was given, but a list cannot become float64 without a copy; expected an array of that "
        "dtype; leave copy out.",
        lambda: cr.asarray([1.0], copy=False),
    )
    assert_message(
        DomainError,
        "[asarray] copy=False was given, but a ndarray cannot become float32 without a copy; expected an array of that "
        "dtype; leave copy out.",
        lambda: cr.asarray(np.ones(2), "float32", copy=False),
    )


@pytest.mark.parametrize("name", ["arange", "linspace"])
def test_no_gradient_is_lost_in_a_range(name):
    x, given = cr.tensor(0.5, requires_grad=True), (3,)
    assert_message(
        GradientError,
        f"[{name}] this Tensor requires a gradient, which would be lost in a plain array; expected a Tensor without "
        "one; call x.detach() first.",
        lambda: getattr(cr, name)(x, 3, *given),
    )
    assert getattr(cr, name)(x.detach(), 3, 2).shape == (2,)
    with pytest.raises(SymbolError, match=rf"\[{name}\] end is symbolic"):
        getattr(cr, name)(0, cr.symbol("end"), 2)


def test_a_size_may_be_an_array_of_one_number():
    for size in (2, np.int64(2), np.array(2), cr.tensor(2)):
        assert cr.zeros(size).shape == (2,)
        assert cr.zeros((3, size)).shape == (3, 2)

"""Tensor as a value: operators, conversions, in-place spellings, copies."""

import copy
import gc
import math
import operator
import pickle
import weakref

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import DTypeError, GradientError, ShapeError, SymbolError

A = np.array([[1.5, -2.0, 3.0], [0.5, 4.0, -1.0]])
B = np.array([[2.0, 1.0, -3.0], [0.5, 2.0, 4.0]])

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
OPERANDS = {
    "tensor": cr.tensor(B),
    "array": B,
    "row": B[0],
    "column": B[:, :1],
    "reversed": B[::-1, ::-1],
    "strided": np.repeat(B, 2, axis=1)[:, ::2],
    "fortran": np.asfortranarray(B),
    "float": 2.5,
    "int": 3,
    "bool": True,
    "float64": np.float64(2.5),
    "float32": np.float32(2.5),
    "int64": np.int64(3),
    "0-d array": np.array(2.5),
    "big-endian": B.astype(">f8"),
    "list": B.tolist(),
    "tuple": tuple(B[0].tolist()),
    "empty": np.zeros((0, 2, 3)),
}


def plain(x):
    return x.detach().numpy() if isinstance(x, cr.Tensor) else x


def assert_same(ours, theirs):
    assert isinstance(ours, cr.Tensor)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype.newbyteorder("="))
    np.testing.assert_array_equal(plain(ours), theirs)


@pytest.mark.parametrize("other", OPERANDS.values(), ids=OPERANDS)
@pytest.mark.parametrize("function", [*ARITHMETIC, *COMPARISONS], ids=lambda f: f.__name__)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_operators_from_both_sides(function, other, requires_grad):
    x = cr.tensor(A, requires_grad=requires_grad)
    assert_same(function(x, other), function(A, plain(other)))
    assert_same(function(other, x), function(np.asarray(plain(other)), A))


@pytest.mark.parametrize("other", [2, 2.0, 0.5, np.float64(3), np.int64(2), cr.tensor([1.0, 2.0, 3.0])])
def test_power_from_both_sides(other):
    x = abs(cr.tensor(A, requires_grad=True))
    assert_same(x**other, abs(A) ** plain(other))
    assert_same(other**x, plain(other) ** abs(A))


def test_matmul_from_both_sides():
    x = cr.tensor(A, requires_grad=True)
    for other in (B.T, cr.tensor(B.T), B.T.tolist(), np.asfortranarray(B.T), B[0]):
        np.testing.assert_allclose(plain(x @ other), A @ plain(other), rtol=1e-15)
    for other in (B.T, cr.tensor(B.T), B.T.tolist(), B[:, 0]):
        np.testing.assert_allclose(plain(other @ x), plain(other) @ A, rtol=1e-15)


def test_unary_operators_and_divmod():
    x = cr.tensor(A, requires_grad=True)
    for function in (operator.neg, operator.pos, operator.abs):
        assert_same(function(x), function(A))
    for ours, theirs in (
        (divmod(x, 2.0), divmod(A, 2.0)),
        (divmod(2.0, x), divmod(2.0, A)),
        (divmod(B, x), divmod(B, A)),
    ):
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)


@pytest.mark.parametrize("function", [operator.and_, operator.or_, operator.xor], ids=lambda f: f.__name__)
def test_bits_and_logic(function):
    ints, masks = np.array([6, 5, 12]), np.array([True, False, True])
    assert_same(function(cr.tensor(ints), 3), function(ints, 3))
    assert_same(function(3, cr.tensor(ints)), function(3, ints))
    assert_same(function(cr.tensor(masks), ~masks), function(masks, ~masks))
    assert_same(function(masks, cr.tensor([True, True, False])), function(masks, np.array([True, True, False])))
    assert_same(~cr.tensor(ints), ~ints)
    assert_same(~cr.tensor(masks), ~masks)
    with pytest.raises(DTypeError, match="not defined on operands"):
        function(cr.tensor(A), 1)


def test_dtypes_promote_as_in_numpy():
    x = cr.tensor([1.0, 2.0], dtype="float32")
    assert (x * 2.5).dtype == (2 * x).dtype == (x + np.float32(1)).dtype == (x / 3).dtype == np.float32
    assert (x + np.float64(1)).dtype == np.float64
    assert (cr.tensor([1, 2]) / 2).dtype == np.float64
    assert (cr.tensor([1, 2]) * True).dtype == np.int64
    assert (x * 1j).dtype == np.complex64
    with pytest.raises(OverflowError):
        cr.tensor([1], dtype="int8") + 300


def test_gradients_of_mixed_operands():
    for other in (B, B[0], B[:, :1], 2.5, np.float64(2.5), np.float32(0.7), B.tolist(), np.array(2.5), B[::-1]):
        x = cr.tensor(A, requires_grad=True)
        (gradient,) = cr.gradients(cr.sum(other * x + x / other + (x - other) ** 2), [x])
        b = np.broadcast_to(np.asarray(other, dtype="float64"), A.shape)
        np.testing.assert_allclose(gradient.numpy(), b + 1 / b + 2 * (A - b), rtol=1e-14)


# ------------------------------------------------------------------------------------------ operands that are none


class Stranger:
    """Knows how to be added to anything."""

    def __radd__(self, other):
        return "from the right"

    def __add__(self, other):
        return "from the left"


def test_unknown_operands_are_left_to_python():
    x = cr.tensor(A)
    assert x + Stranger() == "from the right"
    assert Stranger() + x == "from the left"
    assert x.__add__(object()) is NotImplemented
    assert x.__radd__("text") is NotImplemented
    assert x.__lt__(None) is NotImplemented
    assert x.__divmod__(None) is x.__rdivmod__(None) is NotImplemented
    for call in (lambda: x + None, lambda: {} + x, lambda: x @ object(), lambda: x < "a", lambda: divmod(x, {})):
        with pytest.raises(TypeError, match=r"not supported|unsupported"):
            call()
    with pytest.raises(TypeError, match="unsupported"):
        x += None


def test_equality_with_what_is_no_array():
    x = cr.tensor(A)
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert (x == "text") is False
    assert x in [None, "text", x]


def test_functions_that_numpy_computes_refuse_what_tensors_cannot_hold():
    assert_message(
        DTypeError,
        "[median] an operand is a masked array, and its mask would be lost; expected a plain array; use "
        "x.filled(value), or where(mask, a, b).",
        lambda: cr.median(np.ma.masked_array([1.0, 2.0, 9.0], [False, False, True])),
    )
    assert_message(
        DTypeError,
        "[transpose] an operand is array([['a']], dtype='<U1') of type ndarray; expected a Tensor, an array or a "
        "number; convert it with chainrule.asarray(...) first.",
        lambda: cr.transpose(np.array([["a"]])),
    )


def test_results_share_no_memory_with_the_callers_arrays():
    x = np.ones((2, 3))
    views = cr.transpose(x), cr.moveaxis(x, 0, 1), cr.swapaxes(x, 0, 1), cr.repeat(x, 1), cr.tile(x, 1)
    x[:] = 7
    assert all((view._value == 1).all() for view in views)


def test_masked_object_and_ragged_operands_refuse():
    x = cr.tensor(A)
    assert_message(
        DTypeError,
        "[multiply] an operand is a masked array, and its mask would be lost; expected a plain array; use "
        "x.filled(value), or where(mask, a, b).",
        lambda: x * np.ma.masked_array(A, A > 0),
    )
    assert_message(
        DTypeError,
        "[multiply] an operand is array([None, 1], dtype=object) of type ndarray; expected a Tensor, an array or a "
        "number; convert it with chainrule.asarray(...) first.",
        lambda: x * np.array([None, 1]),
    )
    assert_message(
        DTypeError,
        "[multiply] an operand is a list that holds Tensors; expected one Tensor; join them with chainrule.stack(...) "
        "or chainrule.concat(...).",
        lambda: x * [x[0], x[1]],
    )
    with pytest.raises(ShapeError, match="expected rows of equal length"):
        x * [[1.0], [1.0, 2.0]]
    with pytest.raises(ShapeError, match=r"\[multiply\] shapes \(2, 3\) and \(2,\) do not broadcast"):
        x * [1.0, 2.0]


def test_huge_integers_refuse_and_exact_ones_stay_exact():
    assert (cr.tensor([2**62]) + 1).tolist() == [2**62 + 1]
    with pytest.raises(OverflowError):
        cr.tensor([1]) + 2**70
    with pytest.raises(DTypeError, match="expected a Tensor, an array or a number"):
        cr.tensor([2**70])


def test_big_endian_arrays_come_in_native():
    x = cr.tensor(A.astype(">f4"), requires_grad=True)
    assert x.dtype == np.float32 and x.dtype.isnative
    (gradient,) = cr.gradients(cr.sum(x * A.astype(">f4")), [x])
    assert gradient.dtype == np.float32 and gradient.dtype.isnative
    assert gradient.tolist() == A.tolist()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3), ()])
def test_empty_and_0d_tensors(shape):
    x = cr.ones(shape, requires_grad=True)
    y = cr.sum(x * x + 2 * x)
    (gradient,) = cr.gradients(y, [x])
    assert (gradient.shape, y.item()) == (shape, 3.0 * x.size)
    assert gradient.tolist() == np.full(shape, 4.0).tolist()


# ---------------------------------------------------------------------------------------------- value semantics


def test_others_keep_the_old_value():
    x = cr.tensor([1.0, 2.0])
    same, other = x, x.detach()
    view, lent = x[:1], x.numpy()
    x += 1
    assert same.tolist() == [2.0, 3.0]
    assert (other.tolist(), view.tolist(), lent.tolist()) == ([1.0, 2.0], [1.0], [1.0, 2.0])


IN_PLACE = [
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod, operator.ipow,
]  # fmt: skip


@pytest.mark.parametrize("function", IN_PLACE, ids=lambda f: f.__name__)
def test_in_place_operators_rebind_and_stay_differentiable(function):
    leaf = cr.tensor([2.0, 3.0], requires_grad=True)
    y = leaf * 1.0
    kept = y
    y = function(y, 2.0)
    assert y is kept
    assert y.tolist() == function(np.array([2.0, 3.0]), 2.0).tolist()
    step = 1e-200
    if function in (operator.ifloordiv, operator.imod):
        expected = np.array([0.0, 0.0]) if function is operator.ifloordiv else np.array([1.0, 1.0])
    else:
        expected = function(np.array([2.0, 3.0]) + step * 1j, 2.0).imag / step
    np.testing.assert_allclose(cr.gradients(cr.sum(y), leaf).numpy(), expected, rtol=1e-14)


def test_a_graph_recorded_before_a_write_is_right():
    x = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    z = y * y
    y[0] = 100.0
    y *= 5
    assert cr.gradients(cr.sum(z), x).tolist() == [8.0, 16.0, 24.0]
    w = cr.tensor([1.0, 2.0], requires_grad=True)
    loss = cr.sum(w * w)
    with cr.no_grad():
        w -= 10.0
    loss.backward()
    assert w.grad.tolist() == [2.0, 4.0]
    assert w.tolist() == [-9.0, -8.0]
    assert w.requires_grad and w.is_leaf


def test_assignment_to_elements_is_differentiable():
    x, v = cr.tensor([1.0, 2.0, 3.0], requires_grad=True), cr.tensor(5.0, requires_grad=True)
    y = x * 1
    y[1] = v * v
    y[[0, 2]] *= 3
    assert y.tolist() == [3.0, 25.0, 9.0]
    to_x, to_v = cr.gradients(cr.sum(y * [1.0, 10.0, 100.0]), [x, v])
    assert to_x.tolist() == [3.0, 0.0, 300.0]
    assert to_v.item() == 100.0


def test_writes_with_names():
    x = cr.tensor([1.0, 2.0], dtype="float32")
    kept = x
    assert x.zero_() is kept and x.tolist() == [0.0, 0.0] and x.dtype == np.float32
    assert x.fill_(7).tolist() == [7.0, 7.0] and x.dtype == np.float32
    assert x.copy_([3.0, 4.0]).tolist() == [3.0, 4.0] and x.dtype == np.float32
    assert x.copy_(cr.tensor(1.5)).tolist() == [1.5, 1.5]
    source = cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.zeros(2)
    y.copy_(source * 3)
    assert cr.gradients(cr.sum(y), source).tolist() == [3.0, 3.0]


def test_in_place_errors():
    x, ints = cr.tensor([1.0, 2.0], requires_grad=True), cr.tensor([1, 2])
    assert_message(
        GradientError,
        "[add] a leaf that requires a gradient is written to in place, which would lose the place where its gradient "
        "is accumulated; expected the write under no_grad(); wrap it in with chainrule.no_grad(), or write x = x + y.",
        lambda: operator.iadd(x, 1),
    )
    assert_message(
        ShapeError,
        "[add] the result has shape (3, 2), this Tensor (2,); expected equal shapes, since an in-place operation keeps "
        "its Tensor's shape; write x = x + y instead.",
        lambda: operator.iadd(x.detach(), np.ones((3, 2))),
    )
    assert_message(
        DTypeError,
        "[divide] the result is float64 and this Tensor int64, which would cut it off; expected a dtype that casts to "
        "int64, since an in-place operation keeps its Tensor's dtype; write x = x + y instead, or convert x with "
        "astype('float64') first.",
        lambda: operator.itruediv(ints, 2),
    )
    assert_message(
        DTypeError,
        "[setitem] a float64 value was assigned into a Tensor of int64, which would cut it off; expected a value that "
        "casts to int64; convert the Tensor with astype('float64') first.",
        lambda: operator.setitem(ints, 0, 2.5),
    )
    assert (x.tolist(), ints.tolist()) == ([1.0, 2.0], [1, 2])


def test_arrays_that_come_in_are_copied():
    makers = [cr.tensor, cr.asarray, cr.positive, lambda a: cr.reshape(a, (2, 2)), lambda a: cr.real(a),
              lambda a: cr.broadcast_to(a, (2, 4)), lambda a: cr.getitem(a, slice(1, 3)), lambda a: cr.zeros(4) + a,
              lambda a: cr.zeros(4).copy_(a), lambda a: cr.asarray(memoryview(a)), lambda a: cr.reshape(a.data, (4, 1)),
              lambda a: cr.astype(a, "float64")]  # fmt: skip
    for make in makers:
        array = np.array([1.0, 2.0, 3.0, 4.0])
        x = make(array)
        before = x.tolist()
        array[:] = 9.0
        assert x.tolist() == before


def test_an_array_may_change_between_the_walks():
    array, indices = np.array([2.0, 3.0]), np.array([0, 1])
    x = cr.tensor([1.0, 1.0], requires_grad=True)
    y = cr.sum(x * array) + cr.sum(x[indices] * 5) + array @ x
    array[:], indices[:] = 100.0, 0
    assert cr.gradients(y, x).tolist() == [9.0, 11.0]


def test_copy_false_shares():
    array = np.array([1.0, 2.0])
    x = cr.asarray(array, copy=False)
    array[0] = 5.0
    assert x.tolist() == [5.0, 2.0]


def test_lent_arrays_are_read_only():
    x = cr.tensor(A)
    for lent in (x.numpy(), np.asarray(x), (x + 1).numpy(), x[0].numpy(), cr.tensor(1.0).numpy()):
        assert not lent.flags.writeable
    own = np.array(x)
    own[:] = 0.0
    assert x.tolist() == A.tolist()


# -------------------------------------------------------------------------------------- numbers, sequences, text


def test_numbers():
    x = cr.tensor(2.5, requires_grad=True)
    assert cr.tensor([[2.5]]).item() == 2.5
    assert (float(x), int(x), complex(x), bool(x), x.item(), math.sqrt(x * 10)) == (2.5, 2, 2.5 + 0j, True, 2.5, 5.0)
    assert isinstance(float(x), float) and isinstance(x.item(), float)
    assert isinstance(cr.tensor(3).item(), int) and isinstance(cr.tensor(True).item(), bool)
    assert complex(cr.tensor(1 + 2j)) == 1 + 2j
    assert not cr.tensor(0.0)
    assert [10, 20, 30][cr.tensor(1)] == 20
    assert list(range(cr.tensor(3))) == [0, 1, 2]
    assert "abc"[: cr.tensor(2)] == "ab"
    assert operator.index(cr.tensor(2**40)) == 2**40
    with pytest.raises(TypeError):
        int(cr.tensor(1j))


def test_errors_of_numbers():
    x = cr.tensor(A)
    assert_message(
        ShapeError,
        "[bool] the truth of a Tensor of shape (2, 3) is ambiguous; expected a 0-d one; use .any() or .all().",
        lambda: bool(x),
    )
    assert_message(
        ShapeError,
        "[float] a Tensor of shape (1,) is no single number; expected a 0-d one; index it first, or use .item().",
        lambda: float(x[0, :1]),
    )
    assert_message(
        ShapeError,
        "[item] the Tensor has shape (2, 3), 6 elements; expected exactly one; index it first.",
        lambda: x.item(),
    )
    assert_message(
        DTypeError,
        "[index] float64[] is not an integer; expected a 0-d integer Tensor; use int(x).",
        lambda: [1, 2][cr.tensor(1.0)],
    )
    assert_message(
        DTypeError,
        "[index] int64[1] is not an integer; expected a 0-d integer Tensor; use int(x).",
        lambda: [1, 2][cr.tensor([1])],
    )
    assert_message(
        DTypeError,
        "[len] the Tensor has no axes; expected at least one; use .size for the element count.",
        lambda: len(cr.tensor(1.0)),
    )
    assert_message(
        DTypeError,
        "[iter] the Tensor has no axes to iterate over; expected at least one; use .item().",
        lambda: iter(cr.tensor(1.0)),
    )


def test_a_symbol_has_no_value():
    x = cr.symbol("x", (2,))
    line = x._node.location
    for name, call in {
        "bool": lambda: bool(x), "float": lambda: float(x), "index": lambda: operator.index(x),
        "item": lambda: x.item(),
        "asarray": lambda: np.asarray(x), "numpy": lambda: x.numpy(), "tolist": lambda: x.tolist(),
        "in": lambda: 1.0 in x, "pickle": lambda: pickle.dumps(x),
    }.items():  # fmt: skip
        with pytest.raises(SymbolError) as caught:
            call()
        assert caught.value.message == (
            f"[{name}] x is symbolic (float64[2]) and has no value; it was made at {line}; expected a Tensor with a "
            f"value; give values with .eval(...) or function(...)."
        )
    assert (len(x), x.shape, x.dtype, x.is_symbolic, x.requires_grad) == (2, (2,), np.float64, True, False)
    assert f"{x}" == "symbol(x: float64[2])"


def test_sequences():
    x = cr.tensor(A, requires_grad=True)
    assert len(x) == 2
    assert [row.tolist() for row in x] == A.tolist()
    total = sum(row[0] for row in x)
    assert cr.gradients(total, x).tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    _, second = x
    assert second.tolist() == A[1].tolist()
    assert next(reversed(x)).tolist() == A[1].tolist()
    assert 4.0 in x and 7.0 not in x and x[0, 0] in x and np.float32(0.5) in x
    assert x.tolist() == A.tolist()
    assert max(cr.tensor([1.0, 3.0, 2.0])).item() == 3.0
    assert np.array_equal(sorted(cr.tensor([3.0, 1.0])), [1.0, 3.0])


def test_text():
    x = cr.tensor(2.0 / 3, requires_grad=True)
    assert f"{x:.3f}" == "0.667"
    assert f"{x}" == repr(2.0 / 3)
    assert f"{x:.2e}" == "6.67e-01"
    assert repr(x) == "tensor(0.66666667, requires_grad=True)"
    assert str(x * 2) == "tensor(1.33333333, grad_fn=<multiply>)"
    assert f"{cr.tensor(7):>4d}" == "   7"
    assert f"{cr.tensor([1.0, 2.0])}" == "tensor([1., 2.])"
    assert repr(cr.tensor([[1, 2], [3, 4]])) == "tensor([[1, 2],\n        [3, 4]])"
    assert repr(cr.tensor([1.0], dtype="float32")) == "tensor([1.], dtype=float32)"
    assert repr(cr.zeros((0, 2))) == "tensor([], shape=(0, 2))"
    with pytest.raises(ValueError, match="format"):
        format(cr.tensor([1.0, 2.0]), ".2f")


def test_attributes():
    x = cr.tensor(A, dtype="float32")
    assert (x.shape, x.ndim, x.size, x.dtype, x.device) == ((2, 3), 2, 6, np.dtype("float32"), "cpu")
    assert x.spec == ((2, 3), np.dtype("float32"))
    assert x.T.shape == (3, 2) and x.mT.tolist() == A.T.tolist()
    assert cr.tensor([1 + 2j]).imag.tolist() == [2.0] and x.real.tolist() == x.tolist()
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == (3, 2)
    assert x.transpose(1, 0).shape == x.transpose((1, 0)).shape == x.transpose().shape == (3, 2)
    with pytest.raises(AttributeError):
        x.shape = (6,)
    with pytest.raises(AttributeError):
        x.colour = "red"


# ------------------------------------------------------------------------------------- identity, copies, pickles


def test_hash_is_identity():
    x, y = cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.0])
    table = {x: "x", y: "y"}
    assert (table[x], table[y], len({x, y, x})) == ("x", "y", 2)
    before = hash(x)
    x += 1
    assert hash(x) == before and table[x] == "x"


def test_copies():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    for twin in (copy.copy(x), copy.deepcopy(x)):
        assert twin is not x and twin.is_leaf and twin.requires_grad
        assert (twin.tolist(), twin.grad.tolist()) == (x.tolist(), [1.0, 1.0])
        twin.grad.zero_()
        assert x.grad.tolist() == [1.0, 1.0]
        assert cr.gradients(twin.sum(), x, allow_unused=True) is None
    shared = [x, {"x": x}]
    deep = copy.deepcopy(shared)
    assert deep[0] is deep[1]["x"] and deep[0] is not x
    y = x * 2
    assert cr.gradients(cr.sum(copy.copy(y)), x).tolist() == [2.0, 2.0]
    assert_message(
        GradientError,
        "[deepcopy] this Tensor is the result of a recorded operation, and its graph is not copied; expected a leaf; "
        "call x.detach() first.",
        lambda: copy.deepcopy(y),
    )
    symbol = cr.symbol("s")
    assert copy.deepcopy(symbol) is not symbol
    assert (copy.deepcopy(symbol) * symbol).eval(s=3.0).item() == 9.0


def test_clone():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    assert y is not x and cr.gradients(cr.sum(y * y), x).tolist() == [2.0, 4.0]
    for value in ([True, False], [1, 2], [1j]):
        assert cr.tensor(value).clone().tolist() == value


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_keep_the_value(protocol):
    def through(x):
        return pickle.loads(pickle.dumps(x, protocol))

    for value in (A, A[::-1, ::2], np.zeros((0, 3)), 2.5, [True, False], np.float32(1.5), [1 + 2j]):
        x = cr.tensor(value)
        again = through(x)
        assert type(again) is cr.Tensor and again.spec == x.spec and again.tolist() == x.tolist()
        assert not again.requires_grad
    leaf = cr.tensor(A, requires_grad=True)
    again = through(leaf)
    assert again.requires_grad and again.is_leaf and again.grad is None
    result = through(leaf * 2)
    assert not result.requires_grad and result.tolist() == (A * 2).tolist()


def test_dropping_the_last_tensor_frees_the_graph():
    gc.disable()
    try:
        x = cr.tensor(A, requires_grad=True)
        y = cr.sum(cr.sin(x * 2) + x @ x.T[:, :1])
        node, leaf = weakref.ref(y._node), weakref.ref(x)
        y.backward(retain_graph=True)
        x.register_hook(lambda g: None)
        x.grad = None
        del y
        assert node() is None
        del x
        assert leaf() is None
    finally:
        gc.enable()

"""Messages that belong to no one op: wrong operands, arguments, shapes and axes, derivatives that do not exist."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.apply import general
from chainrule.errors import (
    AxisError,
    ChainruleError,
    DomainError,
    DTypeError,
    GradientError,
    RangeError,
    ShapeError,
    SymbolError,
)
from chainrule.op import Op
from chainrule.spec import Spec


def test_operands_that_are_no_arrays():
    assert_message(
        DTypeError,
        "[add] an operand is None of type NoneType; expected a Tensor, an array or a number; convert it with "
        "chainrule.asarray(...) first.",
        lambda: cr.add(1.0, None),
    )
    assert_message(
        DTypeError,
        "[sin] an operand is a Spec, which has no value; expected an array.",
        lambda: cr.sin(Spec((2,), np.dtype("float64"))),
    )
    with pytest.raises(ShapeError, match=r"^\[sin\] an operand is not an array: .*; expected rows of equal length\.\n"):
        cr.sin([[1.0], [1.0, 2.0]])


def test_dtypes_that_an_op_is_not_defined_on():
    with pytest.raises(
        DTypeError,
        match=r"^\[floor\] not defined on operands complex128\[2\]: ufunc 'floor' .*; convert them with astype\(...\)",
    ):
        cr.floor(np.array([1j, 2.0]))


def test_arguments_that_an_op_does_not_have():
    x = cr.ones((2, 3))
    parameters = "expected 1 operand; parameters: axis, dtype, keepdims; see help(chainrule.sum)."
    assert_message(DTypeError, f"[sum] 0 arguments were given; {parameters}", lambda: cr.sum())
    assert_message(DTypeError, f"[sum] 5 arguments were given; {parameters}", lambda: cr.sum(x, 0, None, True, 1))
    assert_message(DTypeError, f"[sum] 'dim' is not a parameter; {parameters}", lambda: x.sum(dim=0))
    assert_message(
        DTypeError,
        "[permute_dims] parameter 'axes' is missing; expected 1 operand; parameters: axes; see "
        "help(chainrule.permute_dims).",
        lambda: cr.permute_dims(x),
    )
    assert_message(
        DTypeError,
        "[where] 1 arguments were given; expected 3 operands; see help(chainrule.where).",
        lambda: cr.where(x > 0),
    )


def test_shapes_that_do_not_match():
    assert_message(
        ShapeError,
        "[add] shapes (2, 3) and (2,) do not broadcast: axis -1 has sizes 3 and 2; sizes must be equal, or one of them "
        "1; reshape an operand, or insert an axis with x[:, None].",
        lambda: cr.ones((2, 3)) + np.ones(2),
    )


def test_axes_that_do_not_exist():
    x = cr.ones((2, 3))
    assert_message(
        AxisError,
        "[max] axis is 'a'; expected an integer from -2 to 1; give the axis as an int.",
        lambda: x.max(axis="a"),
    )
    assert_message(
        AxisError,
        "[sum] axis 2 is out of range for an operand with 2 axes; expected an integer from -2 to 1; check the "
        "operand's shape.",
        lambda: x.sum(axis=2),
    )
    assert_message(
        AxisError,
        "[sum] axis 0 is out of range for an operand with 0 axes; expected no axis, since a 0-d operand has none; "
        "check the operand's shape.",
        lambda: cr.sum(1.0, axis=0),
    )
    assert_message(
        AxisError,
        "[sum] axis (0, -2) names an axis twice; expected distinct axes; remove the repeated one.",
        lambda: x.sum(axis=(0, -2)),
    )


def test_derivatives_that_do_not_exist():
    z, x = cr.tensor(3 + 4j, requires_grad=True), cr.tensor(2.0, requires_grad=True)
    assert_message(
        GradientError,
        "[sign] the derivative of sign(z) = z/|z| is not defined for complex z in this version; a gradient was asked "
        "of it; write z / abs(z) instead.",
        lambda: cr.sign(z).real.backward(),
    )
    spec = {"arity": 1, "spec": lambda x: x}
    rough = general(Op("rough", "primitive", np.positive, "", **spec))
    wanted = (
        "[rough] no derivative exists with respect to operand 0; a gradient was asked of something that depends on it; "
        "detach() that operand, or use a smooth function."
    )
    assert_message(GradientError, wanted, lambda: rough(x).backward())
    assert_message(GradientError, wanted, lambda: cr.jvp(rough, (2.0,), (1.0,)))


def test_what_has_no_graph():
    assert_message(
        SymbolError,
        "[graph] output 0 has no graph behind it; expected a recorded or symbolic Tensor.",
        lambda: cr.tensor(1.0).graph(),
    )


def test_subscripts_that_cannot_be_read():
    assert_message(
        DTypeError,
        "[einsum] the subscripts are a Tensor; expected a string; write einsum('ij,jk->ik', a, b).",
        lambda: cr.einsum(cr.ones(2), "i"),
    )
    assert_message(
        DTypeError,
        "[einsum] no operands were given; expected at least one; write einsum('ij,jk->ik', a, b).",
        lambda: cr.einsum("i->"),
    )


def test_every_error_is_also_one_of_pythons():
    for error, builtin in {
        ShapeError: ValueError,
        AxisError: IndexError,
        DTypeError: TypeError,
        GradientError: RuntimeError,
        SymbolError: TypeError,
    }.items():
        assert issubclass(error, (ChainruleError, builtin)) and issubclass(error, builtin)


def test_integers_that_no_dtype_holds():
    assert_message(
        DTypeError,
        "[add] an operand is an integer of 101 bits; expected at most 64; convert it with float(n) first.",
        lambda: cr.add(2**100, 1),
    )
    assert_message(
        RangeError,
        "[multiply] refused operands int64[], 1180591620717411303424: Python int too large to convert to C long; "
        "use a wider dtype: x.astype('float64').",
        lambda: cr.tensor(2) * 2**70,
    )


def test_values_that_an_op_is_not_defined_on():
    assert_message(
        DomainError,
        "[power] refused operands int64[], -1: Integers to negative integer powers are not allowed; expected values "
        "that the function is defined on in these dtypes; convert the operands first, e.g. x.astype('float64').",
        lambda: cr.tensor(2) ** -1,
    )


def test_sequences_that_are_none():
    for call in (lambda: cr.concat(3), lambda: cr.stack()):
        with pytest.raises(
            DTypeError, match=r"^\[(concat|stack)\] no sequence was given; expected a sequence of operands;"
        ):
            call()


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (
            lambda: cr.vstack(3.0),
            cr.DTypeError,
            "[vstack] refused its arguments: 'float' object is not iterable; check their kinds and shapes; "
            "see help(chainrule.vstack).",
        ),
        (
            lambda: cr.split(cr.ones(3), 1.5),
            cr.DTypeError,
            "[split] refused its arguments: 'float' object cannot be interpreted as an integer; check their kinds and "
            "shapes; see help(chainrule.split).",
        ),
        (
            lambda: cr.linalg.multi_dot(3.0),
            cr.DTypeError,
            "[multi_dot] refused its arguments: 'float' object is not iterable; check their kinds and shapes; "
            "see help(chainrule.linalg.multi_dot).",
        ),
    ],
)
def test_what_python_refuses_names_the_function(call, error, told):
    with pytest.raises(error) as caught:
        call()
    assert caught.value.message == told


def test_errors_of_users_functions_stay_their_own():
    class OwnError(ValueError):
        pass

    def fails(x):
        raise OwnError("mine")

    with pytest.raises(OwnError, match=r"^mine$"):
        cr.piecewise(cr.ones(2), [np.array([True, False])], [fails, 0.0])


def test_integers_beyond_the_dtype_are_refused_alike_everywhere():
    x = np.ones(3, np.int8)
    t, s = cr.tensor(x), cr.symbol("s", shape=(3,), dtype="int8")
    for name in ("multiply", "power"):
        message = (
            f"[{name}] refused operands int8[3], 300: Python integer 300 out of bounds for int8; "
            f"use a wider dtype: x.astype('float64')."
        )
        op = getattr(cr, name)
        assert_message(RangeError, message, lambda op=op: op(t, 300))
        assert_message(RangeError, message, lambda op=op: op(s, 300))
        assert_message(RangeError, message, lambda op=op: cr.jit(lambda x: op(x, 300))(x))
        assert_message(RangeError, message, lambda op=op: cr.jit(lambda x, n: op(x, n))(x, 300))
    message = message.replace("[power]", "[multiply]").replace("int8[3]", "int8[]")
    assert_message(RangeError, message, lambda: cr.vmap(lambda x: x * 300)(t))


def test_integers_that_numpy_wraps_are_wrapped_by_compiled_code():
    x = np.ones(3, np.int8)
    np.testing.assert_array_equal(cr.jit(lambda x: cr.where(x < 0, x, 300))(x), np.where(x < 0, x, 300))

"""check_gradients passes what is right, and tells what is wrong with the numbers."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.testing import check_gradients, numeric_derivative


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (np.exp, np.exp(0.7)),
        (np.sin, np.cos(0.7)),
        (np.log, 1 / 0.7),
        (lambda x: x**9, 9 * 0.7**8),
        (np.sqrt, 0.5 / 0.7**0.5),
    ],
)
def test_numeric_derivative_has_ten_digits(function, expected):
    np.testing.assert_allclose(numeric_derivative(lambda h: function(0.7 + h)), expected, 1e-10)


def test_numeric_derivative_of_arrays_and_complex():
    x = np.array([[1.0, 2.0], [0.5, 0.1]])
    np.testing.assert_allclose(numeric_derivative(lambda h: np.exp(1j * (x + h))), 1j * np.exp(1j * x), 1e-10)
    assert numeric_derivative(lambda h: np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("modes", [("vjp",), ("jvp",), ("vjp", "jvp")])
def test_right_derivatives_pass(modes, order):
    x, y = np.array([[0.3, -0.8, 1.1], [0.5, 0.2, -1.4]]), np.array([1.5, 0.7, -0.4])
    check_gradients(lambda x, y: cr.tanh(x) @ y, x, y, order=order, modes=modes)


def test_trees_dtypes_and_what_is_held_fixed():
    check_gradients(
        lambda p, k, *, flag=True: {"a": p["w"] * cr.exp(p["b"]), "n": cr.argmax(p["w"])} if flag else None,
        {"w": np.linspace(-1, 1, 6).reshape(2, 3), "b": cr.tensor([0.1, 0.2, 0.3], requires_grad=True)},
        3,
    )
    check_gradients(lambda x, i: cr.take(x, i), np.arange(1.0, 4.0), np.array([2, 0, 2]))
    check_gradients(lambda x: cr.sum(cr.sin(x)), np.linspace(0, 1, 200))
    check_gradients(lambda x: cr.sin(x) * x, np.linspace(0, 1, 5, dtype=np.float32))
    check_gradients(lambda z: cr.exp(z) * z, np.array([0.3 + 0.4j, -0.2 + 1j]))
    check_gradients(cr.abs, np.array([0.3 + 0.4j, -0.2 + 1j]))
    check_gradients(cr.sum, np.zeros((0, 3)))


def wrong(x):
    return x * x.detach()


def test_wrong_first_order_is_told():
    x = np.array([3.0, 4.0])
    assert_message(
        cr.GradientError,
        "[check_gradients] the jvp of order 1 along element [0] of argument 0 is 3, but differences of the function "
        "give 6: apart by 3; expected at most 6e-06; correct the derivative rule, or check at a point away from kinks.",
        lambda: check_gradients(wrong, x),
    )
    with pytest.raises(
        cr.GradientError, match=r"^\[check_gradients\] the vjp of order 1 along element \[0\] of argument 0 is"
    ):
        check_gradients(wrong, x, modes=("vjp",))
    with pytest.raises(cr.GradientError, match="along random direction 0 is"):
        check_gradients(wrong, np.ones(20))


def test_wrong_second_order_is_told():
    def first_order_is_right(x):
        # The value is x², and the derivative 2x; but the second derivative forgets half of itself.
        return x * x.detach() * 2 - x.detach() * x.detach()

    check_gradients(first_order_is_right, 3.0, order=1)
    with pytest.raises(cr.GradientError, match=r"of order 2 along element \[\] of argument 0 is 0, but"):
        check_gradients(first_order_is_right, 3.0, order=2)


def test_kink_is_told():
    with pytest.raises(cr.GradientError, match="away from kinks"):
        check_gradients(lambda x: cr.abs(x) + x, 1e-5, order=1)


def test_nan_is_told():
    with pytest.raises(cr.GradientError, match="is nan"):
        check_gradients(lambda x: x * float("nan"), 1.0)


def test_wrong_calls_are_told():
    assert_message(
        cr.DTypeError,
        "[check_gradients] no argument is differentiable: int64; expected at least one floating-point or complex "
        "array; convert it, e.g. 2.0 instead of 2.",
        lambda: check_gradients(cr.sin, 1),
    )
    assert_message(
        cr.DTypeError,
        "[check_gradients] modes is ('reverse',); expected some of ('vjp', 'jvp'); leave it out for both.",
        lambda: check_gradients(cr.sin, 1.0, modes=("reverse",)),
    )
    assert_message(
        cr.GradientError,
        "[check_gradients] the function returned nothing that has a derivative; expected at least one floating-point "
        "or complex Tensor.",
        lambda: check_gradients(lambda x: x > 0, 1.0),
    )

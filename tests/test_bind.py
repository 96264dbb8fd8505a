"""Bound programs: forward, backward, and gradients in modes."""

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr


@settings(max_examples=30)
@given(programs())
def test_bound_programs_agree_with_the_tape(program: Program):
    inputs = program.inputs()
    symbols = [cr.symbol(f"s{i}", shape=x.shape) for i, x in enumerate(inputs)]
    bound = cr.bind(cr.Graph(symbols, [program.run(cr, *symbols)]), inputs)
    value, gradient = cr.value_and_grad(lambda *x: program.run(cr, *x), range(len(inputs)))(*inputs)
    (out,) = bound.forward()
    bound.backward()
    np.testing.assert_allclose(out, value, 1e-14)
    for found, expected in zip(bound.grads.values(), gradient, strict=True):
        np.testing.assert_allclose(found, expected, 1e-12, 1e-12)


def lecture(modes="write"):
    a, b = cr.symbol("a", shape=(2, 1)), cr.symbol("b", shape=(2, 1))
    return cr.bind(2 * a * a + b, {"a": np.ones((2, 1)), "b": np.ones((2, 1))}, modes)


def test_modes():
    bound = lecture({"a": "add", "b": "write"})
    for times in (1, 2, 3):
        bound.forward()
        bound.backward(np.ones((2, 1)))
        np.testing.assert_array_equal(bound.grads["a"], np.full((2, 1), 4.0 * times))
        np.testing.assert_array_equal(bound.grads["b"], np.ones((2, 1)))
    assert list(lecture({"b": "write", "a": "null"}).grads) == ["b"]
    assert list(lecture({"b": "write"}).grads) == ["b"]
    assert lecture("null").grads == {}
    assert list(lecture(["null", "add"]).grads) == ["b"]


def test_backward_may_be_called_again_and_values_stay():
    bound = lecture("add")
    bound.forward(a=np.full((2, 1), 3.0))
    bound.backward([np.ones((2, 1))])
    bound.backward([np.ones((2, 1))])
    np.testing.assert_array_equal(bound.grads["a"], np.full((2, 1), 24.0))
    np.testing.assert_array_equal(bound.forward()[0], np.full((2, 1), 19.0))
    np.testing.assert_array_equal(bound.values["a"], np.full((2, 1), 3.0))


def test_several_outputs_and_inputs_without_derivative():
    x, n = cr.symbol("x", shape=(3,)), cr.symbol("n", dtype="int64")
    bound = cr.Graph([x, n], [cr.sum(x) * n, cr.argmax(x), cr.sin(x)]).bind([[1.0, 2.0, 3.0], 4])
    total, where, _ = bound.forward()
    assert (total.item(), where.item()) == (24.0, 2)
    assert list(bound.grads) == ["x"]
    bound.backward([None, None, np.zeros(3)])
    np.testing.assert_array_equal(bound.grads["x"], [4.0, 4.0, 4.0])


def test_arrays_are_copied_and_gradients_are_constants():
    array = np.ones(2)
    x = cr.symbol("x", shape=2)
    bound = cr.bind(cr.sum(x * x), [array])
    array[0] = 7.0
    assert bound.forward()[0].item() == 2.0
    bound.backward()
    assert not bound.grads["x"].requires_grad and not bound.outputs[0].requires_grad
    assert bound.grads["x"].tolist() == [2.0, 2.0]


def test_an_input_that_nothing_depends_on_has_gradient_zero():
    x, y = cr.symbol("x"), cr.symbol("y")
    bound = cr.bind(cr.Graph([x, y], [x * x]), [3.0, 4.0])
    bound.forward()
    bound.backward()
    assert {name: g.item() for name, g in bound.grads.items()} == {"x": 6.0, "y": 0.0}


def test_messages():
    a, b = cr.symbol("a", shape=(2,)), cr.symbol("b", shape=(2,))
    c = a + b
    wanted = "expected one value for each of: a, b."
    assert_message(cr.SymbolError, f"[bind] no value was given for b; {wanted}", lambda: cr.bind(c, {"a": [1, 2]}))
    assert_message(cr.SymbolError, f"[bind] values has 1 entries; {wanted}", lambda: cr.bind(c, [[1, 2]]))
    assert_message(
        cr.SymbolError,
        f"[bind] values has 'z', which is not among the inputs; {wanted}",
        lambda: cr.bind(c, {"z": 1}),
    )
    assert_message(
        cr.ShapeError,
        "[bind] the value of b has shape (3,), but it was declared float64[2]; expected shape (2,); reshape the value, "
        "or declare symbol('b', shape=(3,)).",
        lambda: cr.bind(c, [[1, 2], [1, 2, 3]]),
    )
    assert_message(
        cr.DomainError,
        "[bind] the mode of a is 'sum'; expected 'write', 'add' or 'null'; leave modes out for 'write'.",
        lambda: cr.bind(c, [[1, 2], [3, 4]], modes={"a": "sum"}),
    )
    assert_message(
        cr.SymbolError,
        "[bind] the value of a is symbolic; expected an array or a Tensor with a value; use substitute(...) to put "
        "symbols in place of symbols.",
        lambda: cr.bind(c, [b, [1, 2]]),
    )
    assert_message(
        cr.SymbolError,
        "[bind] the outputs need b, which the inputs (a) leave out; expected every symbol the outputs depend on; add "
        "it to the inputs.",
        lambda: cr.bind(cr.Graph([a], [c]), [[1, 2]]),
    )
    bound = cr.bind(c, [[1, 2], [3, 4]])
    assert_message(
        cr.GradientError,
        "[bind] backward() was called before forward(); call forward() first.",
        lambda: bound.backward(),
    )
    bound.forward()
    assert_message(cr.SymbolError, f"[bind] z is not among the inputs; {wanted}", lambda: bound.forward(z=1.0))
    assert_message(
        cr.GradientError,
        "[bind] 2 cotangents were given for 3 outputs; expected one for each; give None for an output that is one "
        "number, whose cotangent is 1.",
        lambda: _three().backward([1.0, 2.0]),
    )
    twin = cr.symbol("a", shape=(2,))
    assert_message(
        cr.SymbolError,
        "[bind] two inputs are named a, so a value could mean either; expected names that differ; make one of them "
        "with another name.",
        lambda: cr.bind(a + twin, [1, 2]),
    )
    with pytest.raises(cr.ShapeError, match=r"the cotangent has shape \(3,\) and its output \(2,\)"):
        bound.backward(np.ones(3))


def _three():
    x = cr.symbol("x")
    bound = cr.bind(cr.Graph([x], [x, x + 1, x * x]), [1.0])
    bound.forward()
    return bound

"""Graphs built from symbols: arithmetic, values, programs, symbolic gradients, and what is refused."""

import mpmath
import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.graph.batch import run_batched
from chainrule.graph.graph import Graph
from chainrule.ops import ops, raw

# -------------------------------------------------------------------------------------------- values


def test_values_by_name_by_symbol_and_by_position():
    a, b = cr.symbol("a", shape=2), cr.symbol("b")
    y = a**2 / b
    expected = np.array([1.0, 4.0]) / 8.0
    for found in (
        y.eval(a=[1, 2], b=8),
        y.eval({a: [1, 2], b: 8}),
        y.eval({"a": [1, 2]}, b=8),
        cr.function([a, b], y)([1, 2], 8),
        cr.function([b, a], y)(8, a=[1, 2]),
        cr.function((s for s in (a, b)), y)(a=[1, 2], b=8),
    ):
        np.testing.assert_array_equal(found, expected)


def test_outputs_have_the_form_they_were_given_in():
    x = cr.symbol("x")
    assert cr.function(x, x + 1)(1.0).item() == 2.0
    (y,) = cr.function([x], [x + 1])(1.0)
    assert y.item() == 2.0
    assert cr.function([x], [])(1.0) == ()
    one, two = cr.function([x], (x, cr.tensor(2.0)))(1.0)
    assert (one.item(), two.item()) == (1.0, 2.0)


def test_values_are_cast_to_the_declared_dtype():
    x = cr.symbol("x", shape=2, dtype="float32")
    assert (x * 2).eval(x=np.array([1.0, 2.0])).dtype == np.float32
    assert cr.symbol("z", dtype="complex128").eval(z=3).dtype == np.complex128


def test_a_name_is_the_one_that_python_reads():
    # µ, the micro sign of keyboards, is μ, the Greek letter, in Python's own names.
    y = cr.symbol("\N{MICRO SIGN}") * 2
    assert y.eval(**{"\N{GREEK SMALL LETTER MU}": 3.0}).item() == 6.0
    assert eval("y.eval(\N{MICRO SIGN}=3.0)", {"y": y}).item() == 6.0


# --------------------------------------------------------------------------------- Tensors among symbols


@pytest.mark.parametrize("make", [lambda w: w, lambda w: w * w + 1.0], ids=["leaf", "result"])
def test_a_tensor_among_symbols_keeps_its_gradient(make):
    a, w = cr.symbol("a", shape=2), cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.sum(cr.sin(a) * make(w) + make(w))
    value = np.array([0.5, -0.25])
    for found in (y.eval(a=value), cr.function([a], y)(value)):
        np.testing.assert_allclose(found.item(), cr.sum(cr.sin(value) * make(w) + make(w)).item(), 1e-15)
        (gradient,) = cr.gradients(found, [w], retain_graph=True)
        (expected,) = cr.gradients(cr.sum(cr.sin(value) * make(w) + make(w)), [w])
        np.testing.assert_allclose(gradient.numpy(), expected.numpy(), 1e-15)
    np.testing.assert_allclose(cr.gradients(y, w).eval(a=value).detach().numpy(), expected.numpy(), 1e-15)


def test_a_tensor_among_symbols_counts_with_the_value_it_had():
    a, w = cr.symbol("a"), cr.tensor(2.0, requires_grad=True)
    y = a * w
    with cr.no_grad():
        w += 1.0
    assert y.eval(a=3.0).item() == 6.0


def test_an_output_may_be_a_tensor_with_a_value():
    a, w = cr.symbol("a"), cr.tensor(2.0, requires_grad=True)
    assert cr.function([a], w)(1.0) is w
    assert cr.function([a], [a * 2, w * 3])(1.0)[1].requires_grad


def test_a_tensor_among_symbols_in_a_batch():
    a, w = cr.symbol("a"), cr.tensor([1.0, 2.0], requires_grad=True)
    graph = Graph([a._node], [a * w, w])
    batch = np.array([1.0, 10.0, 100.0])
    for values, xp in ((batch, raw), (cr.asarray(batch), ops)):
        (y, same), batched = run_batched(graph, [values], [True], xp)
        assert batched == [True, False]
        np.testing.assert_array_equal(y if xp is raw else y.detach(), np.outer(batch, [1.0, 2.0]))
        assert np.shape(same) == (2,)
    (gradient,) = cr.gradients(y.sum(), [w])
    np.testing.assert_array_equal(gradient, [111.0, 111.0])


def test_values_may_be_tracked_or_symbolic():
    a, w = cr.symbol("a", shape=2), cr.tensor([1.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(cr.gradients((a * a).eval(a=w).sum(), w), [2.0, 4.0])
    again = (a * a).eval(a=cr.symbol("b", shape=2) + 1.0)
    np.testing.assert_array_equal(again.eval(b=[0.0, 1.0]), [1.0, 4.0])


# -------------------------------------------------------------------------------------- symbolic gradients


def test_symbolic_gradients_to_the_fifth_order():
    x = cr.symbol("x")
    y = cr.sin(x) * cr.exp(-(x**2)) / (1 + x**4)
    orders = [y]
    for _ in range(5):
        orders.append(cr.gradients(orders[-1], x))
    found = cr.function([x], orders)(0.7)
    with mpmath.workdps(60):
        exact = mpmath.taylor(lambda t: mpmath.sin(t) * mpmath.exp(-(t**2)) / (1 + t**4), mpmath.mpf(0.7), 5)
    for k, number in enumerate(found):
        assert number.item() == pytest.approx(float(exact[k] * mpmath.factorial(k)), rel=1e-12)


def test_a_hessian_by_symbols():
    x = cr.symbol("x", shape=3)
    y = cr.prod(x) + cr.sum(cr.cos(x))
    slope = cr.gradients(y, x)
    rows = cr.function([x], [cr.gradients(slope, x, unit) for unit in np.eye(3)])
    a, b, c = point = np.array([0.5, -1.5, 2.0])
    expected = np.array([[0, c, b], [c, 0, a], [b, a, 0]]) - np.diag(np.cos(point))
    np.testing.assert_allclose(np.array(rows(point)), expected, 1e-14, 1e-14)


# --------------------------------------------------------------------------------------------- refused


def test_names_shapes_and_dtypes_of_symbols():
    told = "expected a Python identifier, such as 'x' or 'w1'."
    assert_message(cr.SymbolError, f"[symbol] the name is '1x'; {told}", lambda: cr.symbol("1x"))
    assert_message(
        cr.ShapeError,
        "[symbol] shape is (2, -1); expected sizes of at least 0; write e.g. (2, 3).",
        lambda: cr.symbol("x", shape=(2, -1)),
    )
    assert_message(
        cr.DTypeError,
        "[symbol] dtype 'U3' is unknown; expected a numeric NumPy dtype, such as 'float32'.",
        lambda: cr.symbol("x", dtype="U3"),
    )


def test_two_symbols_of_one_name_are_not_confused():
    first, second = cr.symbol("a"), cr.symbol("a")
    told = (
        "two symbols are named a, so a value could mean either; expected names that differ, and each symbol once; "
        "make one of them with another name."
    )
    assert_message(cr.SymbolError, f"[function] {told}", lambda: cr.function([first, second], first - second))
    twice = (
        "[Graph] inputs 0 and 1 are both a; expected each input once, as it has one value; leave one of them out, or "
        "make a symbol for each."
    )
    assert_message(cr.SymbolError, twice, lambda: cr.function([first, first], first))
    assert_message(cr.SymbolError, f"[eval] {told}", lambda: (first - second).eval(a=1.0))
    assert_message(
        cr.SymbolError,
        "[eval] a value was given for symbol(a: float64[]), which this Tensor does not depend on; leave it out.",
        lambda: (first * 2).eval({second: 1.0}),
    )


def test_values_that_do_not_fit_the_symbols():
    a, b = cr.symbol("a", shape=2), cr.symbol("b")
    y = a + b
    f = cr.function([a, b], y)
    wanted = "expected one value for each of: a, b."
    assert_message(cr.SymbolError, f"[eval] no value was given for b; {wanted}", lambda: y.eval(a=[1, 2]))
    assert_message(cr.SymbolError, f"[eval] c is not among its inputs; {wanted}", lambda: y.eval(a=[1, 2], b=3, c=4))
    assert_message(cr.SymbolError, f"[function] 3 values were given; {wanted}", lambda: f([1, 2], 3, 4))
    assert_message(cr.SymbolError, f"[function] b was given twice; {wanted}", lambda: f([1, 2], 3, b=4))
    assert_message(
        cr.SymbolError,
        "[function] 1 values were given; expected none, as it has no inputs.",
        lambda: cr.function([], [])(1.0),
    )
    assert_message(
        cr.SymbolError,
        "[eval] b was given twice; expected one value for each name; leave one out.",
        lambda: y.eval({a: [1, 2], b: 1}, b=3),
    )
    assert_message(
        cr.SymbolError,
        "[eval] the values are a list; expected one value for each name; write y.eval(x=...), or y.eval({x: ...}).",
        lambda: y.eval([1, 2]),
    )
    assert_message(
        cr.ShapeError,
        "[eval] the value of a has shape (3,), but it was declared float64[2]; expected shape (2,); reshape the value, "
        "or declare symbol('a', shape=(3,)).",
        lambda: y.eval(a=[1, 2, 3], b=3),
    )
    assert_message(
        cr.DTypeError,
        "[eval] the value of b is complex128, but it was declared float64[]; expected a dtype that casts to float64; "
        "convert the value with astype.",
        lambda: y.eval(a=[1, 2], b=3j),
    )


def test_inputs_and_outputs_that_make_no_function():
    a, b = cr.symbol("a"), cr.symbol("b")
    told = "is no symbol; expected what symbol(...) returned."
    assert_message(cr.SymbolError, f"[function] input 1 {told}", lambda: cr.function([a, a * 2], a))
    assert_message(cr.SymbolError, f"[function] input 0 {told}", lambda: cr.function(None, a))
    assert_message(
        cr.SymbolError,
        "[function] the outputs need b, which the inputs (a) leave out; expected every symbol the outputs depend on; "
        "add it to the inputs.",
        lambda: cr.function([a], a + b),
    )
    wanted = "expected a Tensor computed from the inputs; give one, or a sequence; wrap a constant in tensor(...)."
    assert_message(cr.SymbolError, f"[function] output 1 is a float; {wanted}", lambda: cr.function([a], [a, 3.0]))
    assert_message(cr.SymbolError, f"[function] output 0 is a NoneType; {wanted}", lambda: cr.function([a], None))


@pytest.mark.parametrize("ask", [bool, float, int, complex, np.asarray, range, lambda a: a.tolist()])
def test_a_symbol_has_no_value(ask):
    with pytest.raises(cr.SymbolError, match=r"is symbolic \(int64\[\]\) and has no value; it was made at"):
        ask(cr.symbol("n", dtype="int64"))


def test_length_and_iteration_need_no_value():
    pair = cr.symbol("pair", shape=2)
    first, second = pair
    assert len(pair) == 2
    assert (first - second).eval(pair=[5.0, 3.0]).item() == 2.0


def test_results_share_no_memory_with_values():
    s, a = cr.symbol("s", (3,)), np.zeros(3)
    results = [*cr.function([s], [s, s.reshape((3, 1)), s[::-1]])(a), s.eval(s=a)]
    leaf = cr.tensor(1.0, requires_grad=True)
    results += cr.function([s], [s, s * leaf, cr.flip(s)])(a)
    a += 1
    assert all(result.tolist() in ([0.0] * 3, [[0.0]] * 3) for result in results)

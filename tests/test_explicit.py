"""Programs with state and givens, and graphs from graphs: substitute, fix, infer."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr
from chainrule.errors import SymbolError
from chainrule.graph.check import check

# -------------------------------------------------------------------------------------------------- states


def test_updates_are_computed_from_old_values_and_written_at_once():
    a, b = cr.state(1.0, "a"), cr.state(10.0, "b")
    swap = cr.function([], a + b, updates={a: b, b: a})
    assert swap().item() == 11.0
    assert (a.get_value().item(), b.get_value().item()) == (10.0, 1.0)


def test_descent_reaches_the_solution_of_least_squares():
    random = np.random.default_rng(0)
    data, wanted = random.normal(size=(20, 3)), random.normal(size=20)
    w = cr.state(np.zeros(3), "w")
    x, y = cr.symbol("x", shape=(20, 3)), cr.symbol("y", shape=(20,))
    loss = cr.mean((x @ w - y) ** 2)
    step = cr.function([x, y], loss, updates=[(w, w - 0.2 * cr.gradients(loss, w))])
    for _ in range(500):
        step(data, wanted)
    np.testing.assert_allclose(w.get_value(), np.linalg.lstsq(data, wanted, rcond=None)[0], 1e-9)


def test_states_keep_shape_and_dtype():
    w = cr.state(np.ones(2, np.float32), "w")
    w.set_value([3, 4])
    assert w.get_value().dtype == np.float32
    cr.function([], [], updates=[(w, w * np.float64(0.5))])()
    np.testing.assert_array_equal(w.get_value(), np.array([1.5, 2.0], np.float32))
    assert w.get_value().dtype == np.float32


def test_what_a_state_was_made_of_is_copied():
    start = np.ones(2)
    w = cr.state(start, "w")
    start[0] = 9.0
    given_ = np.zeros(2)
    w.set_value(given_)
    given_[0] = 9.0
    assert w.get_value().tolist() == [0.0, 0.0]
    x = cr.symbol("x", shape=2)
    value = np.ones(2)
    cr.function([x], [], updates=[(w, x)])(value)
    value[0] = 9.0
    assert w.get_value().tolist() == [1.0, 1.0]


def test_states_in_eval_and_in_gradients():
    w, x = cr.state(3.0, "w"), cr.symbol("x")
    y = w * w * x
    assert y.eval(x=2.0).item() == 18.0
    assert_message(
        cr.SymbolError,
        "[eval] w is not among its inputs; expected one value for each of: x.",
        lambda: y.eval(x=2.0, w=1.0),
    )
    assert cr.gradients(y, w).eval(x=2.0).item() == 12.0
    check(y.graph())


def test_an_exception_leaves_all_states_as_they_were():
    a, b, m = cr.state(1.0, "a"), cr.state(np.eye(2), "b"), cr.symbol("m", shape=(2, 2))
    step = cr.function([m], [], updates=[(a, a + 1.0), (b, cr.linalg.inv(m))])
    step(2 * np.eye(2))
    assert a.get_value().item() == 2.0
    with pytest.raises(cr.MatrixError):
        step(np.zeros((2, 2)))
    assert a.get_value().item() == 2.0
    np.testing.assert_array_equal(b.get_value(), np.eye(2) / 2)
    with pytest.raises(cr.ShapeError):
        step(np.zeros(3))
    assert a.get_value().item() == 2.0
    kept = cr.function([m], [], updates=[(a, a + 1.0), (b, m)])
    with pytest.raises(cr.SymbolError, match=r"the new value of the state a is symbolic|the state b is symbolic"):
        kept(cr.symbol("n", shape=(2, 2)))
    assert a.get_value().item() == 2.0


def test_threads_share_states():
    a, b, x = cr.state(0.0, "a"), cr.state(0.0, "b"), cr.symbol("x")
    forth = cr.function([x], a, updates=[(a, a + x), (b, b - x)])
    back = cr.function([x], b, updates=[(b, b + x), (a, a - x)])
    errors = []

    def work(f, amount):
        try:
            for _ in range(200):
                f(amount)
        except Exception as error:
            errors.append(error)

    threads = [
        threading.Thread(target=work, args=(f, v)) for f, v in ((forth, 1.0), (back, 2.0), (forth, 3.0), (back, 4.0))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert (a.get_value().item(), b.get_value().item()) == (200.0 * (4 - 6), 200.0 * (6 - 4))


def test_givens_replace_in_this_program_only():
    w, x, z = cr.state(2.0, "w"), cr.symbol("x"), cr.symbol("z")
    y = cr.sin(x) * w
    assert cr.function([z], y, givens={x: z * z, w: 5.0})(3.0).item() == 5.0 * np.sin(9.0)
    assert cr.function([z], y, givens=[(x, z)])(3.0).item() == 2.0 * np.sin(3.0)
    assert y.eval(x=1.0).item() == 2.0 * np.sin(1.0)
    counted = cr.function([z], [y], givens={x: z}, updates={w: w + x})
    assert counted(3.0)[0].item() == 2.0 * np.sin(3.0)
    assert w.get_value().item() == 5.0


# ------------------------------------------------------------------------------------ graphs from graphs


@settings(max_examples=30)
@given(programs())
def test_substituted_fixed_and_inferred_programs_agree_with_eager_ones(program: Program):
    inputs = program.inputs()
    symbols = [cr.symbol(f"s{i}", shape=x.shape) for i, x in enumerate(inputs)]
    graph = cr.Graph(symbols, [program.run(cr, *symbols)])
    expected = program.run(cr, *map(cr.asarray, inputs)).item()
    others = [cr.symbol(f"t{i}", shape=x.shape) for i, x in enumerate(inputs)]
    used = [i for i, s in enumerate(symbols) if s._node in graph.nodes]
    moved = cr.substitute(graph, {symbols[i]: 2.0 * others[i] for i in used})
    check(moved)
    values = {f"t{i}": inputs[i] / 2.0 for i in used}
    np.testing.assert_allclose(
        cr.function(others, moved.outputs[0])(*(x / 2.0 for x in inputs)).item(), expected, 1e-13
    )
    assert {name for name in moved.list_inputs() if name.startswith("t")} == set(values)
    fixed = graph.partial(s0=inputs[0])
    check(fixed)
    assert fixed.list_inputs() == [f"s{i}" for i in range(1, len(inputs))]
    np.testing.assert_allclose(fixed(*inputs[1:]).item(), expected, 1e-14)
    found = graph.infer_spec(**{f"s{i}": cr.Spec(x.shape, np.dtype("float32")) for i, x in enumerate(inputs)})
    single = program.run(cr, *(cr.asarray(x.astype("float32")) for x in inputs))
    assert found.outputs == [single.spec]


def test_substitution_happens_at_once_and_takes_other_shapes():
    x, y = cr.symbol("x"), cr.symbol("y")
    assert cr.substitute(x - y, {x: y, y: x}).eval(x=1.0, y=3.0).item() == 2.0
    wide = cr.symbol("wide", shape=(3,))
    assert cr.substitute(cr.exp(x) * y, {x: wide}).shape == (3,)
    one, two = cr.substitute([x + y, x * y], {x: 2.0})
    assert (one.eval(y=5.0).item(), two.eval(y=5.0).item()) == (7.0, 10.0)
    middle = cr.sin(x)
    assert cr.substitute(middle * middle, {middle: y}).eval(y=3.0).item() == 9.0


def test_substituted_operations_keep_their_lines():
    x, y = cr.symbol("x", shape=(2,)), cr.symbol("y", shape=(2,))
    z = cr.sin(x) + y
    moved = cr.substitute(z, {y: cr.symbol("w", shape=(2,))})
    assert moved._node.location == z._node.location
    with pytest.raises(cr.ShapeError) as caught:
        cr.substitute(z, {y: cr.symbol("v", shape=(3,))})
    message, where = str(caught.value).split("\n")
    assert message == (
        "[add] shapes (2,) and (3,) do not broadcast: axis -1 has sizes 2 and 3; sizes must be equal, or one of them "
        "1; reshape an operand, or insert an axis with x[:, None]."
    )
    assert where.endswith(": z = cr.sin(x) + y")


def test_fixed_inputs_are_folded():
    x, y = cr.symbol("x"), cr.symbol("y")
    graph = cr.Graph([x, y], [cr.exp(cr.sin(x)) * y, cr.cos(x)]).partial(x=0.5)
    assert [node.name() for node in graph.nodes] == ["y", "multiply"]
    w = cr.tensor(0.5, requires_grad=True)
    tracked = cr.Graph([x, y], [cr.sin(x) * y]).partial(x=w)(3.0)
    tracked.backward()
    np.testing.assert_allclose(w.grad.item(), 3.0 * np.cos(0.5), 1e-15)


def test_inferred_shapes():
    x, w = cr.symbol("x", shape=(4, 3)), cr.symbol("w", shape=(3, 2), dtype="float32")
    graph = cr.Graph([x, w], [x @ w, cr.sum(w)])
    assert graph.infer_shape().outputs == [(4, 2), ()]
    assert graph.infer_shape(x=(7, 3)) == ({"x": (7, 3), "w": (3, 2)}, [(7, 2), ()])
    assert graph.infer_spec(x=np.ones((1, 3), np.float32)).outputs[0] == cr.Spec((1, 2), np.dtype("float32"))
    with pytest.raises(cr.ShapeError) as caught:
        graph.infer_shape(x=(7, 4))
    assert str(caught.value).endswith("graph = cr.Graph([x, w], [x @ w, cr.sum(w)])")


# -------------------------------------------------------------------------------------------------- errors


def test_messages_of_states():
    x, w = cr.symbol("x"), cr.state([1.0, 2.0], "w")
    assert_message(
        cr.SymbolError,
        "[state] the value is symbolic (symbol(x: float64[])); expected an array, a number or a Tensor with a value; "
        "give the value to start with.",
        lambda: cr.state(x),
    )
    assert_message(
        cr.SymbolError,
        "[get_value] symbol(x: float64[]) is no state; expected what state(value) returned.",
        lambda: x.get_value(),
    )
    assert_message(
        cr.ShapeError,
        "[set_value] the value of w has shape (), but it was declared float64[2]; expected shape (2,); reshape the "
        "value, or declare symbol('w', shape=()).",
        lambda: w.set_value(1.0),
    )
    assert_message(
        cr.SymbolError,
        "[function] input 0 is the state w, which brings its own value; expected what symbol(...) returned; leave it "
        "out, or write givens={w: symbol(...)}.",
        lambda: cr.function([w], w + 1),
    )
    assert_message(
        cr.SymbolError,
        "[function] symbol(x: float64[]) is updated, and it is no state; expected pairs of a state and its new value; "
        "make it with state(value).",
        lambda: cr.function([x], x, updates={x: x + 1}),
    )
    assert_message(
        cr.SymbolError,
        "[function] the state w is updated twice; expected one new value for each; leave one out.",
        lambda: cr.function([], [], updates=[(w, w), (w, w)]),
    )
    assert_message(
        cr.ShapeError,
        "[function] the new value of the state w has shape (), and the state (2,); expected equal shapes, since a "
        "state keeps its own; reduce it, or make the state of that shape.",
        lambda: cr.function([], [], updates=[(w, cr.sum(w))]),
    )
    assert_message(
        cr.DTypeError,
        "[function] the new value of the state w is complex128, and the state float64; expected a dtype that casts to "
        "float64; convert it with astype.",
        lambda: cr.function([], [], updates=[(w, w * 1j)]),
    )
    assert_message(
        cr.SymbolError,
        "[function] updates is 3; expected a dict, or pairs; write updates={x: ...}.",
        lambda: cr.function([], [], updates=3),
    )


def test_messages_of_symbols_and_functions():
    x, other = cr.symbol("x"), cr.symbol("x")
    for name, shown in (("2x", "'2x'"), (3, "3")):
        with pytest.raises(cr.SymbolError) as caught:
            cr.symbol(name)
        assert caught.value.message == (
            f"[symbol] the name is {shown}; expected a Python identifier, such as 'x' or 'w1'."
        )
    assert_message(
        cr.SymbolError,
        "[state] the name is 'a b'; expected a Python identifier, such as 'x' or 'w1'.",
        lambda: cr.state(1.0, "a b"),
    )
    assert_message(
        cr.SymbolError,
        "[function] input 0 is no symbol; expected what symbol(...) returned.",
        lambda: cr.function([x + 1], x),
    )
    assert_message(
        cr.SymbolError,
        "[function] output 1 is a float; expected a Tensor computed from the inputs; give one, or a sequence; wrap a "
        "constant in tensor(...).",
        lambda: cr.function([x], [x, 2.0]),
    )
    assert_message(
        cr.SymbolError,
        "[function] two symbols are named x, so a value could mean either; expected names that differ, and each symbol "
        "once; make one of them with another name.",
        lambda: cr.function([x, other], x + other),
    )
    w = cr.state(1.0, "w")
    step = cr.function([x], [], updates=[(w, w + x)])
    assert_message(
        cr.SymbolError,
        "[function] the new value of the state w is symbolic, as a value it was computed from is; expected values; "
        "give arrays or Tensors that have one.",
        lambda: step(other),
    )
    assert_message(
        cr.SymbolError,
        "[function] no value was given for x; expected one value for each of: x.",
        lambda: step(),
    )
    assert_message(
        cr.SymbolError,
        "[function] 2 values were given; expected one value for each of: x.",
        lambda: step(1.0, 2.0),
    )
    assert_message(
        cr.SymbolError,
        "[function] x was given twice; expected one value for each of: x.",
        lambda: step(1.0, x=2.0),
    )
    assert_message(
        cr.DTypeError,
        "[function] the value of x is complex128, but it was declared float64[]; expected a dtype that casts to "
        "float64; convert the value with astype.",
        lambda: step(1j),
    )


def test_messages_of_replacements():
    x, y = cr.symbol("x"), cr.symbol("y")
    assert_message(
        cr.SymbolError,
        "[substitute] y stands to be replaced, but the outputs do not depend on it; expected one of: x; leave it out.",
        lambda: cr.substitute(x + 1, {y: x}),
    )
    assert_message(
        cr.SymbolError,
        "[substitute] 'x' stands to be replaced, and it is no Tensor of a graph; expected a symbol, or a result of "
        "one; give the Tensor itself.",
        lambda: cr.substitute(x + 1, {"x": y}),
    )
    assert_message(
        cr.SymbolError,
        "[substitute] x is replaced twice; expected one replacement for each; leave one out.",
        lambda: cr.substitute(x + 1, [(x, y), (x, 2.0)]),
    )
    assert_message(
        cr.SymbolError,
        "[substitute] output 0 is a float; expected a symbolic Tensor, a sequence of them, or a Graph; wrap a constant "
        "in tensor(...).",
        lambda: cr.substitute(1.0, {x: y}),
    )
    graph = cr.Graph([x], [x + 1])
    assert_message(
        cr.SymbolError,
        "[partial] z is not among the inputs; expected some of: x.",
        lambda: graph.partial(z=1.0),
    )
    assert_message(
        cr.SymbolError,
        "[infer_spec] x is given as 'abc'; expected a shape, a Spec, an array, or a pair of shape and dtype; write "
        "e.g. x=(2, 3).",
        lambda: graph.infer_spec(x="abc"),
    )


def test_an_input_has_one_place():
    x = cr.symbol("x")
    assert_message(
        SymbolError,
        "[Graph] inputs 0 and 2 are both x; expected each input once, as it has one value; leave one of them out, or "
        "make a symbol for each.",
        lambda: cr.Graph([x, cr.symbol("y"), x], [x * 2]),
    )


def test_an_input_is_a_symbol_or_a_leaf():
    y = cr.symbol("x") * 2
    assert_message(
        SymbolError,
        "[Graph] input 0 is tensor(1.), a constant; expected a symbol, or a Tensor that requires a gradient; make it "
        "with symbol(...).",
        lambda: cr.Graph([cr.tensor(1.0)], [y]),
    )
    assert_message(
        SymbolError,
        "[Graph] input 1 is 'x', a constant; expected a symbol, or a Tensor that requires a gradient; make it with "
        "symbol(...).",
        lambda: cr.Graph([cr.symbol("x"), "x"], [y]),
    )

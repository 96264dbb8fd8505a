"""Symbols whose shapes and dtypes are unknown until values come."""

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs
from samples import RECORDS
from test_registry import problems

import chainrule as cr
from chainrule.graph.check import check
from chainrule.graph.specialise import specialised
from chainrule.tree import flatten, same_structure


@settings(max_examples=40)
@given(programs())
def test_unknown_programs_agree_with_eager_ones(program: Program):
    inputs = program.inputs()
    symbols = [cr.symbol(f"s{i}", shape=None, dtype=None) for i in range(len(inputs))]
    y = program.run(cr, *symbols)
    check(y.graph())
    value, gradient = cr.value_and_grad(lambda *x: program.run(cr, *x), range(len(inputs)))(*inputs)
    f = cr.function(symbols, [y, *cr.gradients(y, symbols)])
    for found, expected in zip(f(*inputs), [value, *gradient], strict=True):
        assert found.spec == expected.spec
        np.testing.assert_allclose(found, expected, 1e-12, 1e-12)
    graph = cr.Graph(symbols, [y])
    for found, expected in zip(cr.grad(graph, range(len(inputs)))(*inputs), gradient, strict=True):
        np.testing.assert_allclose(found, expected, 1e-12, 1e-12)
    single = [x.astype(np.float32) for x in inputs]
    assert f(*single)[0].dtype == program.run(cr, *map(cr.asarray, single)).dtype


def waiting(inputs):
    return [cr.symbol(f"s{i}", shape=None, dtype=None) for i, _ in enumerate(inputs)]


def assert_same(found, expected, tolerance=1e-10):
    for one, other in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        one, other = (x._value if isinstance(x, cr.Tensor) else x for x in (one, other))
        np.testing.assert_allclose(one, other, tolerance, tolerance)


@settings(max_examples=25)
@given(programs(control=True))
def test_transforms_wait_too(program: Program):
    inputs = program.inputs()
    numbers = tuple(range(len(inputs)))
    tangents = [np.cos(3 * x) for x in inputs]
    batch = [np.stack([x, 0.5 * x, -x]) for x in inputs]

    def f(*x):
        return program.run(cr, *x)

    def moved(*x):
        return cr.jvp(f, x, tangents)

    def pulled(*x):
        y, pull = cr.vjp(lambda *z: {"y": f(*z), "x": z[0]}, *x)
        return y, pull({"y": 2.0, "x": x[0]})

    def pushed(*x):
        y, push = cr.linearize(f, *x)
        return y, push(*tangents)

    def twice(*x):
        return cr.grad(lambda *z: sum(cr.sum(g * g) for g in cr.grad(f, numbers)(*z)), numbers)(*x)

    for g, arguments in (
        (cr.value_and_grad(f, numbers), inputs),
        (cr.grad(f), inputs),
        (moved, inputs),
        (pulled, inputs),
        (pushed, inputs),
        (twice, inputs),
        (cr.jacobian(lambda *x: {"y": cr.stack([f(*x), 1.0])}, numbers), inputs),
        (cr.vmap(f), batch),
        (cr.vmap(cr.grad(f, numbers)), batch),
    ):
        symbols = waiting(arguments)
        found, structure = flatten(g(*symbols))
        expected, form = flatten(g(*map(cr.asarray, arguments)))
        assert same_structure(structure, form)
        for y in found:
            check(y.graph())
        assert_same(cr.function(symbols, found)(*arguments), expected)


def test_transforms_of_functions_that_close_over_what_is_unknown():
    x, w = np.array([0.3, -0.4]), np.array([1.0, 2.0])
    s = cr.symbol("s", shape=None)
    leaf = cr.tensor(w, requires_grad=True)

    def slope(w):
        return cr.grad(lambda x: cr.sum(cr.sin(x * w)) * cr.sum(w))(x)

    assert_same(slope(s).eval(s=w), slope(cr.asarray(w)))
    assert_same(cr.gradients(cr.sum(slope(s)), s).eval(s=w), cr.grad(lambda w: cr.sum(slope(w)))(w))
    y = cr.sum(cr.grad(lambda x: cr.sum(x * x * leaf))(s)).eval(s=x)
    y.backward()
    assert_same(leaf.grad, 2 * x)

    def powers(p, n):
        return cr.sum(p["a"] ** n), {"n": n, "told": "so", "p": p["a"]}

    both, slopes = cr.value_and_grad(powers, has_aux=True)({"a": s}, 3)
    assert both[1]["told"] == "so"
    assert_same(cr.function([s], [both[0], slopes["a"], both[1]["p"]])(w), [9.0, 3 * w * w, w])


def test_loops_and_choices_wait_too():
    xs, c = np.arange(6.0).reshape(3, 2) / 7, np.array([0.2, -0.3])

    def scanned(c, xs):
        return cr.scan(lambda c, x: ({"c": cr.sin(c["c"] + x)}, (x * c["c"], None)), {"c": c}, xs)

    def loops(c, xs):
        total = cr.while_loop(lambda c: cr.sum(c[0]) < 3.0, lambda c: (c[0] + cr.sum(xs), c[1] * 0.5), (c, xs))
        return total, cr.fori_loop(0, 3, lambda i, c: c * xs[0] + i, c), cr.map(lambda x: cr.sum(x * c), xs)

    def choices(c, xs):
        one = cr.cond(cr.sum(c) > 0, lambda c: {"y": c * xs[0]}, lambda c: {"y": c - 1.0}, c)
        return one, cr.switch(cr.argmax(c), [cr.sin, lambda c: c * xs[1]], c)

    def whole(c, xs):
        return cr.associative_scan(cr.multiply, xs, reverse=True), cr.trace(lambda c: (c, cr.sum(c)), np.ones(2))(c)

    for f in (scanned, loops, choices, whole):

        def total(c, xs, f=f):
            return sum(cr.sum(y * y) for y in flatten(f(c, xs))[0])

        symbols = waiting((c, xs))
        found, structure = flatten(f(*symbols))
        expected, form = flatten(f(cr.asarray(c), cr.asarray(xs)))
        assert same_structure(structure, form)
        assert_same(cr.function(symbols, found)(c, xs), expected)
        y = total(*symbols)
        slopes = cr.function(symbols, [*cr.gradients(y, symbols), *cr.grad(total, (0, 1))(*symbols)])(c, xs)
        assert_same(slopes, cr.grad(total, (0, 1))(c, xs) * 2)


def test_traced_functions_of_what_is_unknown():
    graph = cr.trace(lambda x, n: {"y": cr.sum(x @ x.T) * n}, ((None, 2), "float32"), 3.0)
    assert str(graph).splitlines()[0].split() == ["x", "=", "input", ":", "float32[?,", "2]"]
    for size in (1, 4):
        found = graph(np.ones((size, 2), np.float32), 3.0)["y"]
        assert found.item() == 6.0 * size**2
        assert cr.grad(lambda x: graph(x, 3.0)["y"])(np.ones((size, 2), np.float32)).dtype == np.float32
    assert cr.trace(cr.sin, cr.symbol("s", shape=None))([0.0, 0.0]).shape == (2,)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_op_waits_for_shapes(name):
    problem = problems(name)[0]
    symbols = [cr.symbol(f"s{i}", shape=None, dtype=None) for i, _ in enumerate(problem.point)]
    if not symbols:
        return
    expected = problem(*problem.point)
    try:
        found = problem(*symbols)
    except cr.SymbolError as error:
        # What takes its operands apart by itself says what it needs.
        assert "is not known yet" in error.message or "is symbolic" in error.message or "has no value" in error.message
        return
    known = [y for y in found if isinstance(y, cr.Tensor) and y.is_symbolic]
    f = cr.function(symbols, known)
    if len(found) == 1 < len(expected):
        with pytest.raises(cr.SymbolError, match="several Tensors were computed where one was expected"):
            f(*problem.point)
        return
    values = f(*problem.point)
    numbers = iter(values)
    for y, wanted in zip(found, expected, strict=True):
        y = next(numbers) if isinstance(y, cr.Tensor) and y.is_symbolic else y
        np.testing.assert_allclose(np.asarray(y), np.asarray(wanted), 1e-12, 1e-12)


def test_a_program_is_specialised_once_for_each_spec():
    x = cr.symbol("x", shape=None)
    f = cr.function([x], cr.sum(cr.softmax(x)))
    for size in (2, 3, 2, 3):
        np.testing.assert_allclose(f(np.ones(size)).item(), 1.0, 1e-15)
    assert len(vars(f.graph)["_specialised"]) == 2
    spec = cr.Spec((2,), np.dtype("float64"))
    assert specialised(f.graph, [spec]) is specialised(f.graph, [spec])
    check(specialised(f.graph, [spec]))


def test_parts_of_results_and_axes():
    x = cr.symbol("x", shape=(None, None))
    values = np.arange(6.0).reshape(2, 3)
    for make in (
        lambda x: x[0],
        lambda x: x[:, 1:],
        lambda x: x[..., None],
        lambda x: x.T @ x,
        lambda x: x.reshape(-1),
        lambda x: x.sum(axis=-1).max(),
        lambda x: cr.concat([x, x * 2], axis=1),
        lambda x: cr.stack([x, x]).mean(axis=(0, 2)),
        lambda x: cr.where(x > 1, x, 0.0),
        lambda x: cr.linalg.svd(x @ x.T).S,
        lambda x: np.sin(x) + np.add(x, 1.0),
        lambda x: cr.einsum("ij,kj->ik", x, x),
    ):
        expected = make(cr.asarray(values))
        np.testing.assert_allclose(make(x).eval(x=values), expected, 1e-13)


def test_gradients_wait_to_any_order():
    x = cr.symbol("x", shape=None)
    y = cr.sum(x**3)
    (first,) = cr.gradients(y, [x])
    second = cr.gradients(cr.sum(first), x)
    third = cr.gradients(cr.sum(second), x)
    found = cr.function([x], [first, second, third])([1.0, 2.0])
    assert [g.tolist() for g in found] == [[3.0, 12.0], [6.0, 12.0], [6.0, 6.0]]
    middle = cr.sin(x)
    slope = cr.gradients(cr.sum(middle * middle), middle)
    np.testing.assert_allclose(slope.eval(x=[0.5, 1.0]), 2 * np.sin([0.5, 1.0]), 1e-15)


def test_tensors_with_values_among_unknown_symbols_keep_their_gradients():
    x, w = cr.symbol("x", shape=None), cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.function([x], cr.sum(cr.softmax(x) * w))([0.0, 0.0])
    y.backward()
    np.testing.assert_allclose(w.grad, [0.5, 0.5], 1e-15)


def test_states_are_updated_from_values_of_any_number():
    w, x = cr.state(np.zeros(2), "w"), cr.symbol("x", shape=(None, 2))
    loss = cr.mean((x @ w - 1.0) ** 2)
    step = cr.function([x], loss, updates=[(w, w - 0.1 * cr.gradients(loss, w))])
    for size in (1, 4, 2):
        step(np.ones((size, 2)))
    np.testing.assert_allclose(w.get_value(), (1 - 0.6**3) / 2 * np.ones(2), 1e-14)
    cr.function([x], [], updates={w: cr.sum(x, axis=0)})(np.ones((3, 2)))
    assert w.get_value().tolist() == [3.0, 3.0]
    grown = cr.function([x], [], updates={w: x[0, :1]})
    assert_message(
        cr.ShapeError,
        "[function] the new value of the state w has shape (1,), and the state (2,); expected equal shapes, since a "
        "state keeps its own; reduce it, or make the state of that shape.",
        lambda: grown(np.ones((3, 2))),
    )
    assert w.get_value().tolist() == [3.0, 3.0]


def test_bound_and_fixed_and_substituted():
    x, w = cr.symbol("x", shape=None), cr.symbol("w", shape=(3,))
    graph = cr.Graph([x, w], [cr.sum(x @ w)])
    values = np.ones((2, 3))
    bound = graph.bind([values, np.arange(3.0)])
    assert bound.forward()[0].item() == 6.0
    bound.backward()
    assert bound.grads["w"].tolist() == [2.0, 2.0, 2.0]
    assert graph.partial(w=np.arange(3.0))(values).item() == 6.0
    assert cr.substitute(graph.outputs[0], {x: cr.symbol("z", shape=(2, 3))}).spec == cr.Spec((), np.dtype("float64"))
    assert graph.infer_spec().outputs == [None]
    assert graph.infer_shape(x=(5, 3)) == ({"x": (5, 3), "w": (3,)}, [()])


def test_one_of_several():
    x = cr.symbol("x", shape=None)
    values = np.arange(4.0)
    for make in (lambda x: cr.split(x, 2)[1], lambda x: cr.meshgrid(x, x)[-2], lambda x: cr.unstack(x)[3]):
        y = cr.sum(make(x) ** 2)
        found = cr.function([x], [y, cr.gradients(y, x)])(values)
        assert_same(
            found, (cr.sum(make(cr.asarray(values)) ** 2), cr.grad(lambda x, f=make: cr.sum(f(x) ** 2))(values))
        )
    assert_message(
        cr.UnknownError,
        "[shape] the shape of split is not known yet, it follows from values; expected a Tensor of known shape and "
        "dtype; declare the shapes of the symbols behind it, or ask inside a function that is traced with values.",
        lambda: [*cr.split(x, 2)],
    )
    third = cr.function([x], cr.split(x, 2)[2])
    with pytest.raises(cr.ShapeError) as caught:
        third(values)
    assert caught.value.message == (
        "[getitem] element 2 of 2 Tensors was asked for; expected a number from -2 to 1; give another index."
    )
    sliced = cr.function([x], cr.split(x, 2)[:1])
    with pytest.raises(cr.SymbolError) as caught:
        sliced(values)
    assert caught.value.message == (
        "[gather] several Tensors were computed where one was expected, since shapes were unknown when they were asked "
        "for; expected symbols of known shape for a function that gives several; declare symbol('x', shape=(2, 3))."
    )


def test_functions_that_ask_for_shapes_say_so():
    x = cr.symbol("x", shape=None)
    told = (
        "the shape of {} is not known yet, it was declared ?[?]; expected a Tensor of known shape and dtype; declare "
        "symbol('{}', shape=(2, 3)), or ask inside a function that is traced with values."
    )
    with pytest.raises(cr.UnknownError) as caught:
        cr.vmap(lambda x: x.shape[0] * x)(x)
    assert caught.value.message == f"[shape] {told.format('x0', 'x0')}"
    with pytest.raises(cr.UnknownError) as caught:
        cr.taylor(cr.sin, x, x, 2)
    assert caught.value.message == f"[shape] {told.format('x', 'x').replace('?[?]', 'float64[?]')}"


def test_the_text_of_what_is_unknown():
    x = cr.symbol("x", shape=(None, 3), dtype=None)
    assert repr(x) == "symbol(x: ?[?, 3])"
    result = cr.sin(x)
    assert str(result.graph()).splitlines()[0].split() == ["x", "=", "input", ":", "?[?,", "3]"]
    assert "call=sin" in str(result.graph())


def test_messages():
    x, w = cr.symbol("x", shape=None, dtype=None), cr.symbol("w", shape=(None, 2))
    told = (
        "expected a Tensor of known shape and dtype; declare symbol('{0}', shape=(2, 3)), or ask inside a function "
        "that is traced with values."
    )
    of_x = f"the shape of x is not known yet, it was declared ?[?]; {told.format('x')}"
    assert_message(cr.SymbolError, f"[shape] {of_x}", lambda: x.shape)
    assert_message(cr.SymbolError, f"[shape] {of_x}", lambda: len(x))
    assert_message(cr.SymbolError, f"[shape] {of_x}", lambda: list(x))
    assert_message(
        cr.SymbolError,
        f"[dtype] the dtype of w is not known yet, it was declared float64[?, 2]; {told.format('w')}",
        lambda: w.dtype,
    )
    assert_message(
        cr.SymbolError,
        "[shape] the shape of matmul is not known yet, it follows from values; expected a Tensor of known shape and "
        "dtype; declare the shapes of the symbols behind it, or ask inside a function that is traced with values.",
        lambda: (x @ w).shape,
    )
    y = x @ w
    f = cr.function([x, w], y)
    assert_message(
        cr.ShapeError,
        "[function] the value of w has shape (3, 3), but it was declared float64[?, 2]; expected shape (None, 2), "
        "where None is any size; reshape the value.",
        lambda: f(np.ones((3, 3)), np.ones((3, 3))),
    )
    assert_message(
        cr.DTypeError,
        "[function] the value of w is complex128, but it was declared float64[?, 2]; expected a dtype that casts to "
        "float64; convert the value with astype.",
        lambda: f(np.ones((3, 3)), 1j * np.ones((3, 2))),
    )
    assert_message(
        cr.SymbolError,
        "[function] the value of x is symbol(x: ?[?]), of unknown shape itself; expected one of known shape; put "
        "symbols in place of symbols with substitute(...).",
        lambda: f(x, np.ones((3, 2))),
    )
    with pytest.raises(cr.ShapeError) as caught:
        f(np.ones((2, 4)), np.ones((3, 2)))
    assert str(caught.value).splitlines()[1].endswith(": y = x @ w")
    assert_message(
        cr.SymbolError,
        "[matmul] an operand has no shape yet, and this graph was run without one; expected a program that is "
        "specialised to values; call function(...), or the Graph.",
        lambda: f.graph.run([np.ones((2, 2)), np.ones((2, 2))]),
    )
    assert_message(
        cr.SymbolError,
        "[shape] the shape of a symbol or result is not known yet (?[?]); expected a Tensor of known shape and dtype; "
        "declare those of its symbols, e.g. symbol('x', shape=(2, 3)).",
        lambda: x._node.spec.shape,
    )
    parts = cr.function([x], cr.split(x, 2))
    assert_message(
        cr.SymbolError,
        "[split] several Tensors were computed where one was expected, since shapes were unknown when they were asked "
        "for; expected symbols of known shape for a function that gives several; declare symbol('x', shape=(2, 3)).",
        lambda: parts(np.ones(4)),
    )
    assert_message(
        cr.ShapeError,
        "[symbol] shape is (0, -1); expected sizes of at least 0; write e.g. (2, 3).",
        lambda: cr.symbol("z", shape=(None, -1)),
    )

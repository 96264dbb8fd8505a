"""Loops and choices in graphs equal Python's loops and choices on the tape, under every transform, to order two."""

import gc
import tracemalloc
import weakref
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import assert_message
from programs import Body, Program, bodies, programs

import chainrule as cr
from chainrule.errors import SymbolError
from chainrule.graph.check import check
from chainrule.graph.graph import graph_of
from chainrule.graph.plan import compiled
from chainrule.graph.revolve import revolve, split
from chainrule.tree import flatten

POINT = (cr.tensor([0.7, -0.4]), cr.tensor(0.3), cr.tensor([[0.1, 0.5], [0.2, -0.6], [0.9, 0.4], [-0.3, 0.8]]))
HOW = ({}, {"checkpoint": "sqrt"}, {"checkpoint": "binomial", "states": 2}, {"unroll": 2})


def assert_same(found: Any, expected: Any, tolerance: float) -> None:
    found, expected = flatten(found)[0], flatten(expected)[0]
    for x, y in zip(found, expected, strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x._value, y._value, tolerance, tolerance)


def same(found: Any, expected: Any) -> None:
    assert_same(found, expected, 1e-11)


def is_legal(*outputs: Any) -> None:
    graph = graph_of(*(y for y in outputs if y._node is not None))
    check(graph)
    for node in graph.nodes:
        for value in node.params.values():
            for body in value if isinstance(value, tuple) else (value,):
                if hasattr(body, "nodes"):
                    check(body)


def squares(f: Any, args: Any) -> Any:
    """x ↦ |∇f(x)|², whose gradient has order two."""
    wrt = tuple(range(len(args)))
    return lambda *x: sum(cr.sum(g * g) for g in cr.grad(f, wrt)(*x))


def agree(f: Any, reference: Any, args: Any, tolerance: float = 1e-11) -> None:
    """Values and derivatives of two functions to a scalar are equal: eager, symbolic and batched."""

    def same(found: Any, expected: Any) -> None:
        assert_same(found, expected, tolerance)

    wrt = tuple(range(len(args)))
    tangents = [cr.cos(3.0 * x) for x in args]
    same(f(*args), reference(*args))
    is_legal(f(*(cr.tensor(x, requires_grad=True) for x in args)))
    gradient, expected = cr.grad(f, wrt), cr.grad(reference, wrt)
    same(gradient(*args), expected(*args))
    same(cr.jvp(f, args, tangents), cr.jvp(reference, args, tangents))
    same(cr.vjp(f, *args)[1](2.0), cr.vjp(reference, *args)[1](2.0))
    second = cr.grad(squares(reference, args), wrt)(*args)
    same(cr.grad(squares(f, args), wrt)(*args), second)
    same(cr.jvp(gradient, args, tangents)[1], cr.jvp(expected, args, tangents)[1])
    forward, along = (cr.grad(lambda *x, g=g: cr.jvp(g, x, tangents)[1], wrt) for g in (f, reference))
    same(forward(*args), along(*args))
    symbols = [cr.symbol(shape=x.shape) for x in args]
    y = f(*symbols)
    outputs = [y, *cr.gradients(y, symbols), cr.jvp(f, symbols, tangents)[1]]
    outputs += cr.gradients(squares(f, args)(*symbols), symbols)
    is_legal(*outputs)
    whole = (reference(*args), expected(*args), cr.jvp(reference, args, tangents)[1], second)
    same(cr.function(symbols, outputs)(*args), whole)
    batch = [cr.stack([x, 0.5 * x, -x]) for x in args]
    samples = [[x[i] for x in batch] for i in range(3)]
    for g, h in ((f, reference), (gradient, expected), (cr.grad(squares(f, args), wrt), None)):
        h = cr.grad(squares(reference, args), wrt) if h is None else h
        columns = zip(*(flatten(h(*sample))[0] for sample in samples), strict=True)
        same(flatten(cr.vmap(g)(*batch))[0], [cr.stack(list(column)) for column in columns])
    total = cr.grad(lambda *x: cr.sum(cr.vmap(f)(*x)), wrt)(*batch)
    columns = zip(*(expected(*sample) for sample in samples), strict=True)
    same(total, tuple(cr.stack(list(column)) for column in columns))
    shared = cr.vmap(gradient, (None, 0, None))(args[0], batch[1], args[2]) if len(args) == 3 else None
    if shared is not None:
        columns = zip(*(expected(args[0], x, args[2]) for x in batch[1]), strict=True)
        same(shared, tuple(cr.stack(list(column)) for column in columns))


# -------------------------------------------------------------------------------------------------------- scan


def step(w):
    def f(carry, x):
        new = {"h": cr.tanh(w * carry["h"] + x), "n": carry["n"] + 1, "s": carry["s"] * cr.cos(x[0]) + carry["n"] * 0.1}
        return new, (cr.sum(carry["h"] * x), x * carry["s"])

    return f


def start(s):
    return {"h": cr.asarray([0.2, 0.1]) * s, "n": cr.asarray(0), "s": s}


def total(carry, ys):
    return cr.sum(cr.sin(carry["h"])) + carry["s"] * 2.0 + cr.sum(ys[0] ** 2) + cr.sum(cr.exp(ys[1]))


def by_scan(**how):
    return lambda w, s, xs: total(*cr.scan(step(w), start(s), xs, **how))


def by_loop(reverse=False):
    def f(w, s, xs):
        carry, ys = start(s), {}
        for i in reversed(range(len(xs))) if reverse else range(len(xs)):
            carry, ys[i] = step(w)(carry, xs[i])
        rows = [ys[i] for i in range(len(xs))]
        return total(carry, [cr.stack(list(column)) for column in zip(*rows, strict=True)])

    return f


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "how",
    [{}, {"checkpoint": "sqrt"}, {"checkpoint": "binomial", "states": 2}, {"unroll": 3}, {"unroll": True}],
    ids=str,
)
def test_a_scan_is_the_loop_unrolled(how, reverse):
    agree(by_scan(reverse=reverse, **how), by_loop(reverse), POINT)


def test_the_gradient_is_the_same_to_the_bit():
    expected = cr.grad(by_scan(), (0, 1, 2))(*POINT)
    for how in ({"checkpoint": "sqrt"}, {"checkpoint": "binomial"}, {"checkpoint": "binomial", "budget": 40}):
        found = cr.grad(by_scan(**how), (0, 1, 2))(*POINT)
        assert [x.tolist() for x in found] == [x.tolist() for x in expected]


@pytest.mark.parametrize("length", [0, 1, 2, 5, 12, 13])
@pytest.mark.parametrize("checkpoint", ["none", "sqrt", "binomial"])
def test_any_length(length, checkpoint):
    xs = cr.asarray(np.linspace(-1, 1, length))

    def f(a, xs):
        c, ys = cr.scan(lambda c, x: (cr.sin(a * c + x), c * x), a, xs, checkpoint=checkpoint)
        return c + cr.sum(ys * ys)

    def loop(a, xs):
        c, s = a, 0.0
        for x in xs:
            c, s = cr.sin(a * c + x), s + (c * x) ** 2
        return c + s

    same(cr.grad(f, (0, 1))(cr.tensor(0.4), xs), cr.grad(loop, (0, 1))(cr.tensor(0.4), xs))
    same(cr.grad(cr.grad(f))(0.4, xs), cr.grad(cr.grad(loop))(0.4, xs))


def test_what_a_scan_takes_and_gives():
    class State(NamedTuple):
        h: Any
        n: Any

    carry, ys = cr.scan(lambda c, _: (State(c.h * 2.0, c.n + 1), None), State(1.0, 0), length=3)
    assert type(carry) is State and (carry.h.item(), carry.n.item(), ys) == (8.0, 3, None)
    carry, ys = cr.scan(lambda c, x: (c, {"a": x["a"] + 1, "b": 2.0}), None, {"a": np.arange(3), "b": np.ones((3, 2))})
    assert carry is None and ys["a"].tolist() == [1, 2, 3] and ys["b"].tolist() == [2.0] * 3
    _, ys = cr.scan(lambda c, x: (c, x), 0.0, np.zeros((0, 2)))
    assert ys.shape == (0, 2)
    c, _ = cr.scan(lambda c, x: (c * x, None), np.float32(1), np.ones(3, np.float32))
    assert c.dtype == np.float32
    assert not cr.scan(lambda c, x: (c + x, c), 0.0, np.ones(3))[0].requires_grad


def test_complex_carries():
    xs = np.array([0.3 + 0.2j, -0.5j, 0.7])

    def f(z, loop):
        c = z
        if loop:
            for x in xs:
                c = c * z + x
        else:
            c = cr.scan(lambda c, x: (c * z + x, None), z, xs)[0]
        return c.real**2 + 3.0 * c.imag

    z = cr.tensor(0.4 - 0.3j)
    same(cr.grad(lambda z: f(z, False))(z), cr.grad(lambda z: f(z, True))(z))


def test_closures_over_leaves_and_constants():
    w = cr.tensor([1.0, 2.0], requires_grad=True)
    table = np.array([3.0, 4.0])
    y, _ = cr.scan(lambda c, x: (c * w * table + cr.exp(w) * x, None), cr.zeros(2), np.ones((2, 2)))
    cr.sum(y).backward()
    leaf = w.detach().requires_grad_()
    c = cr.zeros(2)
    for _ in range(2):
        c = c * leaf * table + cr.exp(leaf)
    cr.sum(c).backward()
    same(w.grad, leaf.grad)
    assert cr.scan(lambda c, _: (c, w), 0.0, length=2)[1].requires_grad


def test_a_scan_is_one_node_and_nothing_outside_is_held():
    def f(w):
        return cr.sum(cr.scan(lambda c, x: (c * w + x, None), cr.zeros(3), np.ones((50, 3)))[0])

    gc.disable()
    try:
        w = cr.tensor(np.ones(3), requires_grad=True)
        gone, y = weakref.ref(w), f(w)
        assert [node.op.name for node in graph_of(y).nodes if node.op is not None] == ["scan", "pick", "sum"]
        del w, y
        assert gone() is None
    finally:
        gc.enable()


def test_infinities_do_not_leak_from_a_branch():
    def f(x):
        return cr.scan(lambda c, x: (c + cr.where(x > 0, cr.sqrt(x), x), None), 0.0, x)[0]

    with np.errstate(invalid="ignore"):
        assert cr.grad(f)(cr.tensor([-1.0, 4.0, 0.0])).tolist() == [1.0, 0.25, 1.0]


def test_a_body_that_is_traced_again_is_recognised():
    def body_of(f, init, xs=None):
        y = cr.scan(f, cr.tensor(init, requires_grad=True), xs, length=2)[0]
        return y._node.left.params["body"]

    def by(k):
        return lambda c, _: (c * k, None)

    assert body_of(by(2.0), 1.0) is body_of(by(2.0), 3.0)
    others = [body_of(by(k), 1.0) for k in (2.0, 2, 0.0, -0.0, True, np.float64(2.0), np.ones(()), np.full((), 3.0))]
    assert len(set(others)) == len(others)
    assert body_of(by(2.0), 1.0) is not body_of(lambda c, _: (c * 2.0, None), 1.0)  # which stands elsewhere
    for k, value in ((0.0, 0.0), (-0.0, -0.0), (3.0, 9.0)):
        y = cr.scan(by(k), 1.0, length=2)[0]
        assert (y.item(), np.signbit(cr.scan(by(k), 1.0, length=1)[0].item())) == (value, np.signbit(k))
    table = np.arange(2000.0)
    rows = [body_of(lambda c, _: (c + table, None), np.zeros(2000)) for _ in range(2)]
    assert rows[0] is not rows[1]  # too large to compare


def test_errors_name_the_line_in_the_body():
    def f(c, x):
        y = c @ x
        return c, y

    y = cr.scan(f, cr.symbol(shape=(3,)), cr.symbol(shape=(2, 3)))[1]
    body = y._node.left.params["body"]
    assert [node.location.text for node in body.computed] == ["y = c @ x"]


def test_structural_zeros_annihilate_across_steps():
    """At a carry of 0 the slope of √ is infinite, and nothing may come from where nothing flows."""
    xs = cr.tensor([1.0, -1.0])

    def chosen(a):
        return cr.scan(lambda c, x: (cr.where(x > 0, cr.sqrt(c), 5.0 * x), None), a, xs)[0]

    def unused(a):  # the last carry
        return cr.sum(cr.scan(lambda c, x: (cr.sqrt(c - x), c * 2.0), a, cr.tensor([0.0, 2.0]))[1])

    def rooted(a):  # twice, of which the second meets the first's infinity: 0 · ∞ that was computed
        return cr.scan(lambda c, _: (cr.sqrt(c) ** 2, None), a, length=2)[0]

    symbol = cr.symbol(shape=())
    for f, x, slope in ((chosen, 0.0, 0.0), (unused, 4.0, 2.5), (rooted, 0.0, np.nan)):
        found = [cr.grad(f)(x), cr.function([symbol], cr.gradients(f(symbol), symbol))(x)]
        found.append(cr.vmap(cr.grad(f))(cr.tensor([x]))[0])
        np.testing.assert_array_equal([g.item() for g in found], slope)


@pytest.mark.parametrize("how", HOW, ids=str)
def test_structural_zeros_annihilate_in_derivatives_of_scans(how):
    """To the third order, and from outside: what is not taken of a result sends nothing into the loop."""
    xs = cr.tensor([1.0, -1.0])

    def chosen(a):
        return cr.scan(lambda c, x: (cr.where(x > 0, cr.sqrt(c), 5.0 * x), None), a, xs, **how)[0]

    def outside(a):  # of (√a, 2 a) at a = 0
        c, ys = cr.scan(lambda c, i: (c, cr.where(i > 0, 2.0 * c, cr.sqrt(c))), a, np.arange(2.0), **how)
        return cr.sum(cr.where(cr.asarray([False, True]), ys, 0.0)) + cr.where(c > 0, cr.sqrt(c), c)

    def mapped(f):
        return lambda a: cr.vmap(f)(cr.stack([a, a]))[0]

    symbol = cr.symbol(shape=())
    for f, slope in ((chosen, 0.0), (outside, 3.0)):
        for expected in (slope, 0.0, 0.0):
            f = cr.grad(f)
            found = [f(0.0), mapped(f)(cr.asarray(0.0)), cr.function([symbol], f(symbol))(0.0)]
            assert [g.item() for g in found] == [expected] * 3


def test_structural_zeros_annihilate_in_choices_calls_and_while_loops():
    """What is not taken of a result sends nothing into the graph that computed it, though √ has no slope at 0."""
    called = cr.trace(lambda a: (cr.sqrt(a), a), 1.0)
    inner = (
        lambda a: cr.cond(a >= 0, cr.sqrt, lambda a: a, a),
        lambda a: cr.switch(1, [cr.sin, lambda a: cr.sqrt(a) + a], a),
        lambda a: called(a)[0],
        lambda a: cr.while_loop(lambda c: c[1] < 1, lambda c: (cr.sqrt(c[0]), c[1] + 1), (a, 0))[0],
        lambda a: cr.fori_loop(0, 1, lambda i, c: cr.sqrt(c) + i, a),
        cr.checkpoint(cr.sqrt),
    )
    symbol = cr.symbol(shape=())
    for f in inner:

        def g(a, f=f):
            return cr.where(a > 0, f(a), 3.0 * a)

        for slope in (3.0, 0.0, 0.0):
            g = cr.grad(g)
            found = [g(0.0), cr.vmap(g)(cr.asarray([0.0, 1.0]))[0], cr.function([symbol], g(symbol))(0.0)]
            assert [y.item() for y in found] == [slope] * 3


def test_transforms_inside_a_body():
    def body(c, x):
        return c - 0.1 * cr.grad(lambda c: (c * x - 1.0) ** 2)(c), cr.vmap(lambda z: z * c)(cr.stack([x, c]))

    def f(a, loop):
        xs = cr.asarray([1.0, 2.0, 3.0]) * a
        if not loop:
            c, ys = cr.scan(body, a, xs)
            return c + cr.sum(ys)
        c, s = a, 0.0
        for x in xs:
            c, y = body(c, x)
            s = s + cr.sum(y)
        return c + s

    for g in (lambda h: h, cr.grad, lambda h: cr.grad(cr.grad(h))):
        found, expected = (g(lambda a, loop=loop: f(a, loop))(cr.tensor(0.7)) for loop in (False, True))
        same(found, expected)
        same(cr.vmap(g(lambda a: f(a, False)))(cr.tensor([0.7, 0.7])), cr.stack([expected, expected]))


# ------------------------------------------------------------------------------------------------ random bodies


def wave(*trees: Any) -> Any:
    """One number in which every element of every array counts, each in its own way."""
    leaves = flatten(trees)[0]
    return sum((cr.sum(cr.sin(x + i) * (1.0 + 0.3 * i)) for i, x in enumerate(leaves)), cr.asarray(0.0))


def parts(body: Body, arguments: Any) -> tuple[Any, Any, Any]:
    """Arrays one after the other, as what a body closes over, its first carry, and its rows."""
    first, last = len(body.consts), len(body.consts) + len(body.carries)
    return arguments[:first], {"c": list(arguments[first:last]), "n": cr.asarray(0)}, list(arguments[last:])


@settings(max_examples=40)
@given(bodies(), st.integers(1, 4), st.booleans(), st.sampled_from(HOW))
def test_random_scans_are_loops(body: Body, length: int, reverse: bool, how: dict[str, Any]):
    def by_scan(*arguments):
        consts, carry, xs = parts(body, arguments)
        return wave(*cr.scan(body.step(cr, consts), carry, xs, length, reverse, **how), arguments)

    def by_loop(*arguments):
        consts, carry, xs = parts(body, arguments)
        ys = {}
        for i in reversed(range(length)) if reverse else range(length):
            carry, ys[i] = body.step(cr, consts)(carry, [x[i] for x in xs])
        return wave(carry, [cr.stack([ys[i][k] for i in range(length)]) for k in range(len(body.given))], arguments)

    agree(by_scan, by_loop, [cr.asarray(x) for kind in body.inputs(length) for x in kind], 1e-9)


@settings(max_examples=30)
@given(bodies(rows=False), st.sampled_from(HOW[:3]))
def test_random_while_loops_are_loops(body: Body, how: dict[str, Any]):
    def goes_on(carry, bound):
        return (carry["n"] < 4) & (cr.sum(carry["c"][0] ** 2) > bound)

    def by_while(*arguments):
        consts, carry, _ = parts(body, arguments[:-1])
        bound = arguments[-1]
        step = body.step(cr, consts)
        return wave(cr.while_loop(lambda c: goes_on(c, bound), lambda c: step(c, [])[0], carry, **how), arguments)

    def by_loop(*arguments):
        consts, carry, _ = parts(body, arguments[:-1])
        while goes_on(carry, arguments[-1]).item():
            carry = body.step(cr, consts)(carry, [])[0]
        return wave(carry, arguments)

    agree(by_while, by_loop, [*(cr.asarray(x) for kind in body.inputs(0) for x in kind), cr.asarray(0.3)], 1e-9)


@settings(max_examples=12)
@given(programs(control=True), programs(), st.integers(-1, 2))
def test_random_choices_are_ifs(one: Program, other: Program, index: int):
    arguments = [cr.asarray(x) for x in (*one.inputs(), *other.inputs())]
    count = len(one.shapes)
    branches = [lambda *x: one.run(cr, *x[:count]), lambda *x: other.run(cr, *x[count:])]

    def by_cond(*x):
        taken = cr.cond(cr.sum(x[0]) > 0.1, *branches, *x)
        return cr.sin(taken) + cr.switch(index, branches, *x) ** 2 + wave(x)

    def by_if(*x):
        taken = branches[0 if (cr.sum(x[0]) > 0.1).item() else 1](*x)
        return cr.sin(taken) + branches[0 if index < 1 else 1](*x) ** 2 + wave(x)

    agree(by_cond, by_if, arguments, 1e-8)


# ----------------------------------------------------------------------------------------------------- memory


def optimal(length: int, states: int) -> int:
    """The least number of forward steps that reverses a loop, by trying all schedules."""

    @cache
    def cost(n: int, s: int) -> int:
        if n == 1:
            return 0
        if s == 1:
            return n * (n - 1) // 2
        return min(k + cost(k, s) + cost(n - k, s - 1) for k in range(1, n))

    return cost(length, states)


class State:
    """A state that can be counted while it lives."""

    alive: weakref.WeakSet = weakref.WeakSet()

    def __init__(self, number: int):
        self.number = number
        self.alive.add(self)


@pytest.mark.parametrize(("length", "states"), [(1, 1), (7, 1), (10, 3), (40, 4), (75, 5), (97, 2)])
def test_the_schedule_is_optimal_and_stores_as_few_states_as_it_says(length, states):
    runs, reversed_, most = 0, [], 0

    def advance(state: State, i: int) -> State:
        nonlocal runs
        assert state.number == i
        runs += 1
        return State(i + 1)

    def reverse(state: State, i: int) -> None:
        nonlocal most
        assert state.number == i
        most = max(most, len(State.alive))
        reversed_.append(i)

    revolve(length, states, State(0), advance, reverse)
    assert reversed_ == list(range(length))[::-1]
    assert runs == optimal(length, states)
    assert most <= states + 1  # and the one on its way
    assert split(10**6, 1) == 10**6 - 1


@pytest.mark.parametrize(
    ("how", "carries"),
    [
        ({}, 420),
        ({"checkpoint": "sqrt"}, 50),
        ({"checkpoint": "binomial", "states": 6}, 14),
        ({"checkpoint": "binomial", "budget": 6 * 8000}, 14),
    ],
    ids=str,
)
def test_memory_of_reverse(how, carries):
    size, length = 1000, 400

    def f(c):
        return cr.sum(cr.scan(lambda c, _: (cr.sin(c) + 0.1, None), c, length=length, **how)[0])

    x = cr.tensor(np.linspace(0, 1, size))
    cr.grad(f)(x)
    tracemalloc.start()
    cr.grad(f)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < carries * size * 8 + 200_000
    if not how:
        assert peak > length * size * 8


def test_a_plan_is_a_run():
    x, w = cr.symbol(shape=(3,)), cr.symbol(shape=(3, 3))
    y = cr.tanh(w @ x + 2.0)
    q, r = cr.linalg.qr(w)
    graph = cr.Graph([x._node, w._node], [cr.sum(y * y[::-1]), cr.reshape(y, (3, 1)), r @ y - q[0], cr.asarray(3.0), x])
    random = np.random.default_rng(0)
    values = [random.normal(size=3), random.normal(size=(3, 3))]
    for found, expected in zip(compiled(graph)(*values), graph.run(values), strict=True):
        np.testing.assert_array_equal(found, expected)


# ---------------------------------------------------------------------------------------- while_loop, fori_loop


def newton(**how):
    def f(a, x):
        return cr.while_loop(lambda x: cr.abs(x * x - a) > 1e-3, lambda x: (x + a / x) / 2, x, **how)

    return lambda a, x: cr.sin(f(1.0 + a * a, 1.5 + x * x))


def newton_on_the_tape(a, x):
    a, x = 1.0 + a * a, 1.5 + x * x
    while abs((x * x - a).item()) > 1e-3:
        x = (x + a / x) / 2
    return cr.sin(x)


@pytest.mark.parametrize("how", [{}, {"checkpoint": "sqrt"}, {"checkpoint": "binomial", "states": 2}], ids=str)
def test_a_while_loop_is_a_loop_on_the_tape(how):
    agree(newton(**how), newton_on_the_tape, (cr.tensor(2.0), cr.tensor(0.3)))


def test_samples_that_are_done_stay_as_they_are():
    def f(x):
        return cr.while_loop(lambda c: c[0] < 100.0, lambda c: (c[0] * 3.0, c[1] + 1), (x, 0))

    values, counts = cr.vmap(f)(cr.tensor([200.0, 1.0, 30.0]))
    assert (values.tolist(), counts.tolist()) == ([200.0, 243.0, 270.0], [0, 5, 2])
    assert cr.vmap(cr.grad(lambda x: f(x)[0]))(cr.tensor([200.0, 1.0, 30.0])).tolist() == [1.0, 243.0, 9.0]
    # What a sample would compute after its end must not leak: here the inverse of zero.
    g = cr.vmap(cr.grad(lambda x: cr.while_loop(lambda c: c > 0.0, lambda c: c * 0.0 + 1.0 / c - 4.0 / c, x)))
    assert np.isfinite(g(cr.tensor([0.0, 2.0])).numpy()).all()


def test_a_while_loop_that_does_not_run():
    def f(x):
        return cr.while_loop(lambda c: c > 9.0, lambda c: c * c, x)

    assert (f(cr.tensor(2.0)).item(), cr.grad(f)(2.0).item()) == (2.0, 1.0)


def by_fori(a, x):
    return cr.sum(cr.fori_loop(1, 5, lambda i, c: cr.sin(c * a) + i * x, x + a))


def by_for(a, x):
    c = x + a
    for i in range(1, 5):
        c = cr.sin(c * a) + i * x
    return cr.sum(c)


def test_a_fori_loop_is_a_for_loop():
    agree(by_fori, by_for, (cr.tensor(0.7), cr.tensor([0.2, -0.5])))


def test_a_fori_loop_to_a_symbol():
    n, a = cr.symbol("n", shape=(), dtype="int64"), cr.symbol("a", shape=())
    y = cr.fori_loop(1, n, lambda i, c: cr.sin(c * a) + i * 0.2, 0.2 + a)
    f = cr.function([n, a], [y, cr.gradients(y, a), cr.gradients(cr.gradients(y, a), a)])
    g = cr.grad(lambda a: by_for(a, cr.tensor(0.2)))
    same(f(5, 0.7), (by_for(cr.tensor(0.7), cr.tensor(0.2)), g(0.7), cr.grad(g)(0.7)))


def test_map_is_a_loop():
    x = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = cr.map(lambda row: {"y": cr.sum(row * row), "n": 1}, x)
    assert (found["y"].tolist(), found["n"].tolist()) == ([5.0, 25.0], [1, 1])
    same(cr.grad(lambda x: cr.sum(cr.map(cr.sin, x)))(x), cr.cos(x))


# ------------------------------------------------------------------------------------------------ cond, switch


def by_cond(x, y):
    z = cr.cond(cr.sum(x) > y, lambda x, k: cr.sin(x) * k["k"] * y, lambda x, k: k["k"] - x, x, {"k": y * y})
    return cr.sum(z * z)


def by_if(x, y):
    z = cr.sin(x) * y * y * y if (cr.sum(x) > y).item() else y * y - x
    return cr.sum(z * z)


@pytest.mark.parametrize("y", [-1.0, 2.0])
def test_cond_is_an_if(y):
    agree(by_cond, by_if, (cr.tensor([0.4, 0.3]), cr.tensor(y)))


def test_the_branch_not_taken_leaks_nothing():
    def f(x):
        return cr.cond(x > 0, lambda x: cr.sqrt(x), lambda x: 2.0 * x, x)

    for g in (cr.grad(f), lambda x: cr.vmap(cr.grad(f))(cr.stack([x, x]))[0]):
        assert [g(cr.tensor(x)).item() for x in (0.0, -1.0, 4.0)] == [2.0, 2.0, 0.25]


def test_the_branch_that_does_not_use_an_operand_leaks_nothing_either():
    def f(x):
        return cr.cond(x > 0, lambda s: s, lambda s: 3.0, cr.sqrt(x))

    symbol = cr.symbol(shape=())
    assert cr.grad(f)(0.0).item() == 0.0
    assert cr.function([symbol], cr.gradients(f(symbol), symbol))(0.0).item() == 0.0
    assert cr.vmap(cr.grad(f))(cr.tensor([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_switch_is_an_if():
    branches = [cr.sin, cr.exp, lambda x: x * x]

    def f(i):
        return lambda x: cr.sum(cr.switch(i, branches, x))

    for i, j in ((-3, 0), (0, 0), (1, 1), (2, 2), (7, 2)):
        agree(f(i), lambda x, j=j: cr.sum(branches[j](x)), (cr.tensor([0.3, 0.6]),))
    mapped = cr.vmap(lambda i, x: cr.grad(lambda x: cr.switch(i, branches, x))(x))
    found = mapped(cr.asarray([0, 1, 2, 5]), cr.tensor([0.3, 0.3, 0.3, 0.3]))
    np.testing.assert_allclose(found.numpy(), [np.cos(0.3), np.exp(0.3), 0.6, 0.6], 1e-14)
    assert cr.cond(True, lambda: 1.0, lambda: 2.0).item() == 1.0
    assert cr.cond(False, lambda: (1, None), lambda: (2, None))[0].item() == 2


def test_nested_control_flow():
    def f(a):
        def outer(c, x):
            n = cr.while_loop(lambda n: n < 3.0 * x, lambda n: n * 1.5 + a, 1.0 + x)
            c = cr.cond(
                n > 4.0, lambda c: cr.scan(lambda d, y: (cr.sin(d + y * a), None), c, xs)[0], lambda c: c * n, c
            )
            return c, cr.fori_loop(0, 2, lambda i, z: z * x + i, c)

        xs = cr.asarray([0.5, 1.0, 2.0])
        c, ys = cr.scan(outer, a, xs)
        return c + cr.sum(ys)

    def loops(a):
        c, total = a, 0.0
        for x in (0.5, 1.0, 2.0):
            n = 1.0 + x
            while float(n) < 3.0 * x:
                n = n * 1.5 + a
            if float(n) > 4.0:
                for y in (0.5, 1.0, 2.0):
                    c = cr.sin(c + y * a)
            else:
                c = c * n
            z = c
            for i in range(2):
                z = z * x + i
            total = total + z
        return c + total

    agree(f, loops, (cr.tensor(0.6),))


# -------------------------------------------------------------------------------------------- associative_scan


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(n, reverse):
    random = np.random.default_rng(n)
    a, b = random.normal(size=(2, n)), random.normal(size=(2, n))

    def composed(one, other):
        return {"a": one["a"] * other["a"], "b": other["a"] * one["b"] + other["b"]}

    def f(a, b):
        return cr.associative_scan(composed, {"a": a, "b": b}, reverse=reverse, axis=1)["b"]

    def g(a, b):
        return cr.linear_recurrence(b, a, axis=1, reverse=reverse)

    same(f(cr.tensor(a), cr.tensor(b)), g(cr.tensor(a), cr.tensor(b)))
    for wrt in (0, 1):
        found, expected = (cr.grad(lambda *x, h=h: cr.sum(h(*x) ** 2), wrt)(cr.tensor(a), cr.tensor(b)) for h in (f, g))
        same(found, expected)


@pytest.mark.parametrize("n", [6, 16])
def test_associative_scan_of_matrices_in_few_calls(n):
    random = np.random.default_rng(n)
    a = random.normal(size=(n, 3, 3)) / 2
    calls = 0

    def product(one, other):
        nonlocal calls
        calls += 1
        return other @ one

    found = cr.associative_scan(product, cr.tensor(a)).numpy()
    expected = np.eye(3)
    for i in range(n):
        expected = a[i] @ expected
        np.testing.assert_allclose(found[i], expected, 1e-11)
    assert calls <= 2 * np.ceil(np.log2(n))
    assert cr.associative_scan(cr.add, cr.zeros((0, 2))).shape == (0, 2)


# ------------------------------------------------------------------------------------------------------ errors


def c2(c):
    return cr.stack([c, c])


def test_errors_of_scan():
    xs = np.ones(3)
    assert_message(
        cr.DTypeError,
        "[scan] f returned Tensor; expected a pair (carry, y); return (carry, None) where there is nothing to stack.",
        lambda: cr.scan(lambda c, x: c + x, 0.0, xs),
    )
    assert_message(
        cr.ShapeError,
        "[scan] the carry is a tree *, and f returns (*, *) for it; expected the same tree at every step; return the "
        "carry in the form it came in.",
        lambda: cr.scan(lambda c, x: ((c, x), None), 0.0, xs),
    )
    assert_message(
        cr.ShapeError,
        "[scan] leaf 0 of the carry is float64[], and f returns float64[2] for it; expected one shape at every step; "
        "start from an array of that shape, or reduce what is returned.",
        lambda: cr.scan(lambda c, x: (c2(c), None), 0.0, xs),
    )
    assert_message(
        cr.DTypeError,
        "[scan] leaf 0 of the carry is int64[], and f returns float64[] for it; expected one dtype at every step; "
        "start from x.astype('float64'), or return y.astype('int64').",
        lambda: cr.scan(lambda c, x: (c + x, None), 0, xs),
    )
    assert_message(
        cr.ShapeError,
        "[scan] leaf 1 of xs has 4 steps, and others have 3; expected equally many; slice it, or leave length out.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, (xs, np.ones(4))),
    )
    assert_message(
        cr.ShapeError,
        "[scan] leaf 0 of xs has 3 steps, and length is 2; expected equally many; slice it, or leave length out.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, xs, length=2),
    )
    assert_message(
        cr.ShapeError,
        "[scan] leaf 0 of xs is 0-d; expected an axis to run along; give it by closing over it, or stack one for each "
        "step.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, 1.0),
    )
    assert_message(
        cr.ShapeError,
        "[scan] xs is empty and length is not given; expected one of them; write length=n.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0),
    )
    assert_message(
        cr.ShapeError,
        "[scan] length is -1; expected 0 or more steps.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, length=-1),
    )


def test_errors_of_checkpoints():
    assert_message(
        cr.DomainError,
        "[scan] checkpoint is 'all'; expected 'none', 'sqrt' or 'binomial'; leave it out to keep all.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, np.ones(3), checkpoint="all"),
    )
    assert_message(
        cr.DomainError,
        "[scan] a budget was given with checkpoint='sqrt', which needs none; expected it with 'binomial'; write "
        "checkpoint='binomial'.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, np.ones(3), checkpoint="sqrt", states=3),
    )
    assert_message(
        cr.RangeError,
        "[scan] states is 0; expected at least 1; the first carry is one of them.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, np.ones(3), checkpoint="binomial", states=0),
    )
    assert_message(
        cr.RangeError,
        "[scan] budget is 7 bytes, and one carry takes 8; expected room for at least one; give more, or another "
        "checkpoint.",
        lambda: cr.scan(lambda c, x: (c, None), 0.0, np.ones(3), checkpoint="binomial", budget=7),
    )
    assert_message(
        cr.DomainError,
        "[while_loop] checkpoint is 'binomial' without a budget, and the number of steps is not known before; expected "
        "how many carries may be stored; give states=... or budget=... bytes.",
        lambda: cr.while_loop(lambda c: c < 3, lambda c: c + 1, 0, checkpoint="binomial"),
    )


def test_errors_of_loops():
    assert_message(
        cr.DTypeError,
        "[while_loop] cond_fun returns float64[]; expected one boolean, bool[]; write a comparison, and reduce it with "
        ".all() or .any().",
        lambda: cr.while_loop(lambda c: c, lambda c: c, 1.0),
    )
    assert_message(
        cr.DTypeError,
        "[while_loop] leaf 1 of the carry is int64[], and body_fun returns float64[] for it; expected one dtype at "
        "every step; start from x.astype('float64'), or return y.astype('int64').",
        lambda: cr.while_loop(lambda c: c[0] < 3, lambda c: (c[0], c[1] / 2), (0, 1)),
    )
    assert_message(
        cr.ShapeError,
        "[while_loop] the carry is a tree *, and body_fun returns [*] for it; expected the same tree at every step; "
        "return the carry in the form it came in.",
        lambda: cr.while_loop(lambda c: c < 3, lambda c: [c], 0),
    )
    assert_message(
        cr.ShapeError,
        "[while_loop] leaf 0 of the carry is float64[2], and body_fun returns float64[] for it; expected one shape at "
        "every step; start from an array of that shape, or reduce what is returned.",
        lambda: cr.while_loop(lambda c: c[0] < 3, lambda c: cr.sum(c), np.ones(2)),
    )
    assert_message(
        cr.DTypeError,
        "[while_loop] cond_fun returns bool[2]; expected one boolean, bool[]; write a comparison, and reduce it with "
        ".all() or .any().",
        lambda: cr.while_loop(lambda c: c < 3, lambda c: c, np.ones(2)),
    )
    assert_message(
        cr.ShapeError,
        "[scan] leaf 0 of xs is 0-d; expected an axis to run along; give it by closing over it, or stack one for each "
        "step.",
        lambda: cr.map(cr.sin, 1.0),
    )
    assert_message(
        cr.DTypeError,
        "[fori_loop] upper is float64[]; expected one integer; convert it with int(x) or astype('int64').",
        lambda: cr.fori_loop(0, 3.0, lambda i, c: c, 1.0),
    )
    assert_message(
        cr.SymbolError,
        "[bool] this (bool[]) was computed from the arguments of a scan body, which has no values while it is traced; "
        "expected a Tensor with a value; choose with cond(...) or where(...), repeat with while_loop(...).",
        lambda: cr.scan(lambda c, x: (c if c > 0 else -c, None), 1.0, np.ones(3)),
    )


def test_an_argument_that_escapes_its_body():
    kept = []
    cr.scan(lambda c, x: (c, kept.append(x)), 0.0, np.ones(3))
    assert_message(
        cr.SymbolError,
        "[multiply] an operand is an argument of a scan body that has ended; expected it to stay inside; return it "
        "from the body to have its values.",
        lambda: kept[0] * 2.0,
    )


def test_errors_of_choices():
    assert_message(
        cr.ShapeError,
        "[cond] pred is bool[2]; expected one boolean; reduce it with .all() or .any(), or choose by element with "
        "where().",
        lambda: cr.cond(np.array([True, False]), lambda: 1.0, lambda: 2.0),
    )
    assert_message(
        cr.DTypeError,
        "[cond] pred is complex128[]; expected a boolean; write a comparison, such as x.real > 0.",
        lambda: cr.cond(1j, lambda: 1.0, lambda: 2.0),
    )
    assert_message(
        cr.ShapeError,
        "[cond] false_fun returns a tree (*, *), and true_fun *; expected the same tree of all; return what belongs "
        "together in one form.",
        lambda: cr.cond(True, lambda: 1.0, lambda: (2.0, 3.0)),
    )
    assert_message(
        cr.DTypeError,
        "[switch] branch 0 returns float64[] for leaf 0, and branch 1 int64[]; expected one shape and dtype of all; "
        "convert it with astype(...) or broadcast_to(...).",
        lambda: cr.switch(0, [lambda: 1.0, lambda: 2]),
    )
    assert_message(
        cr.ShapeError,
        "[cond] false_fun returns float64[] for leaf 0, and true_fun float64[2]; expected one shape and dtype of all; "
        "convert it with astype(...) or broadcast_to(...).",
        lambda: cr.cond(True, lambda: np.ones(2), lambda: 2.0),
    )
    assert_message(
        cr.DTypeError,
        "[switch] index is float64[]; expected one integer; convert it with astype('int64'), or use cond for a "
        "boolean.",
        lambda: cr.switch(0.5, [lambda: 1.0]),
    )
    assert_message(
        cr.ShapeError,
        "[switch] there are no branches; expected at least one function; give a sequence of them.",
        lambda: cr.switch(0, []),
    )


def test_errors_of_associative_scan():
    assert_message(
        cr.ShapeError,
        "[associative_scan] leaf 0 of elems is 0-d; expected an axis to run along; reshape it to (1,).",
        lambda: cr.associative_scan(cr.add, 1.0),
    )
    assert_message(
        cr.ShapeError,
        "[associative_scan] the leaves of elems have 2, 3 elements along axis 0; expected equally many; slice them.",
        lambda: cr.associative_scan(cr.add, (np.ones(2), np.ones(3))),
    )
    assert_message(
        cr.ShapeError,
        "[associative_scan] fn returns a tree (*, *) for two of *; expected the same tree; return the elements in the "
        "form they came in.",
        lambda: cr.associative_scan(lambda a, b: (a, b), np.ones(4)),
    )
    assert_message(
        cr.DTypeError,
        "[associative_scan] fn returns float64[2] for leaf 0, of two that are int64[2]; expected the same shape and "
        "dtype; compute element by element along the axis.",
        lambda: cr.associative_scan(lambda a, b: (a + b) / 2, np.arange(4)),
    )
    assert_message(
        cr.AxisError,
        "[associative_scan] axis 1 is out of range for an operand with 1 axes; expected an integer from -1 to 0; check "
        "the operand's shape.",
        lambda: cr.associative_scan(cr.add, np.ones(4), axis=1),
    )
    assert_message(
        cr.ShapeError,
        "[associative_scan] fn returns float64[] for leaf 0, of two that are float64[2]; expected the same shape and "
        "dtype; compute element by element along the axis.",
        lambda: cr.associative_scan(lambda a, b: cr.sum(a + b), np.ones(4)),
    )


def test_a_while_loop_on_the_tape_runs_once(monkeypatch):
    runs = []

    def counting(body: Any) -> Any:
        plan = compiled(body)
        return lambda *xs: runs.append(body) or plan(*xs)

    monkeypatch.setattr("chainrule.graph.body.compiled", counting)
    a = cr.tensor(2.0, requires_grad=True)
    y = cr.while_loop(lambda c: c < 1000.125, lambda c: c * a * 1.0, a)
    assert len(runs) == 10 + 9  # the condition and the body
    y.backward()
    assert (y.item(), a.grad.item()) == (1024.0, 10 * 2.0**9)


def test_noise_inside_of_a_loop_is_refused():
    text = (
        "[random] the body of a {} is traced once, and what it draws now would be the same in every step; expected "
        "noise that is drawn outside; draw that of all steps before, and give it as xs."
    )
    with pytest.raises(SymbolError) as scanned:
        cr.scan(lambda c, _: (c + cr.random.normal(), c), cr.tensor(0.0), None, length=4)
    assert str(scanned.value).startswith(text.format("scan"))
    with pytest.raises(SymbolError) as looped:
        cr.while_loop(lambda c: c < 3, lambda c: c + cr.random.normal(), cr.tensor(0.0))
    assert str(looped.value).startswith(text.format("while_loop"))

"""Random programs, differentiated in every way there is; and what must hold of graphs of any size and form."""

import asyncio
import gc
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from programs import Program, programs

import chainrule as cr
from chainrule.config import recording
from chainrule.graph.check import check
from chainrule.testing import check_gradients, numeric_derivative


def arrays(gradients):
    return [g.numpy() for g in gradients]


def assert_equal(found, expected, tolerance=1e-10):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, tolerance, tolerance)


# ---------------------------------------------------------------------------------------- random programs


@settings(max_examples=60)
@given(programs())
def test_all_ways_give_one_gradient(program: Program):
    inputs = program.inputs()

    def run(*x):
        return program.run(cr, *x)

    leaves = [cr.tensor(x, requires_grad=True) for x in inputs]
    y = run(*leaves)
    check(y.graph())
    y.backward()
    eager = [leaf.grad.numpy() for leaf in leaves]

    assert_equal(arrays(cr.grad(run, range(len(inputs)))(*inputs)), eager, 1e-14)

    symbols = [cr.symbol(shape=x.shape) for x in inputs]
    out = run(*symbols)
    check(out.graph())
    symbolic = cr.function(symbols, [out, *cr.gradients(out, symbols)])(*inputs)
    assert_equal(arrays(symbolic), [y.detach().numpy(), *eager], 1e-13)

    basis = [np.zeros(x.shape) for x in inputs]
    for x, direction, g in zip(inputs, basis, eager, strict=True):
        for index in np.ndindex(x.shape):
            direction[index] = 1.0
            moved = cr.jvp(run, inputs, basis)[1]
            direction[index] = 0.0
            assert_equal([moved.numpy()], [g[index]])

    if program.smooth:
        random = np.random.default_rng(program.seed + 1)
        tangents = [random.uniform(-1, 1, x.shape) for x in inputs]

        def along(h):
            return run(*(x + h * t for x, t in zip(inputs, tangents, strict=True))).numpy()

        inner = sum(np.sum(g * t) for g, t in zip(eager, tangents, strict=True))
        assert_equal([inner], [numeric_derivative(along, 2.0**-6)], 1e-7)


@settings(max_examples=25)
@given(programs())
def test_hessian_vector_products_agree(program: Program):
    inputs = program.inputs()
    random = np.random.default_rng(program.seed + 2)
    tangents = [random.uniform(-1, 1, x.shape) for x in inputs]

    def gradient(*x):
        return cr.grad(lambda *z: program.run(cr, *z), range(len(inputs)))(*x)

    def slope(*x):
        return sum(cr.sum(g * t) for g, t in zip(gradient(*x), tangents, strict=True))

    forward_over_reverse = arrays(cr.jvp(gradient, inputs, tangents)[1])
    reverse_over_reverse = arrays(cr.grad(slope, range(len(inputs)))(*inputs))
    reverse_over_forward = arrays(
        cr.grad(lambda *x: cr.jvp(lambda *z: program.run(cr, *z), x, tangents)[1], range(len(inputs)))(*inputs)
    )
    assert_equal(reverse_over_reverse, forward_over_reverse)
    assert_equal(reverse_over_forward, forward_over_reverse)

    leaves = [cr.tensor(x, requires_grad=True) for x in inputs]
    first = cr.gradients(program.run(cr, *leaves), leaves, create_graph=True)
    total = sum(cr.sum(g * t) for g, t in zip(first, tangents, strict=True))
    if total.requires_grad:
        second = cr.gradients(total, leaves, allow_unused=True)
        found = [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(second, inputs, strict=True)]
        assert_equal(found, forward_over_reverse)


@settings(max_examples=40)
@given(programs(control=True))
def test_eager_is_traced_is_symbolic_is_the_source_text(program: Program):
    """With loops, choices and calls: values and gradients, the text being run by NumPy and SciPy alone."""
    inputs = program.inputs()
    every = range(len(inputs))

    def run(*x):
        return program.run(cr, *x)

    value, gradient = cr.value_and_grad(run, every)(*inputs)
    expected = [value.numpy(), *arrays(gradient)]

    symbols = [cr.symbol(f"s{i}", shape=x.shape) for i, x in enumerate(inputs)]
    y = run(*symbols)
    symbolic = cr.Graph(symbols, [y, *cr.gradients(y, symbols)])
    traced = cr.trace(cr.value_and_grad(run, every), *inputs)
    traced_alone = cr.trace(run, *inputs)
    for graph in (symbolic, traced, traced_alone):
        check(graph)
    assert_equal(arrays(symbolic(*inputs)), expected)
    one, others = traced(*inputs)
    assert_equal(arrays([one, *others]), expected)
    one, others = cr.value_and_grad(traced_alone, every)(*inputs)
    assert_equal(arrays([one, *others]), expected)

    # Reverse accumulation through a loop of unknown length is a walk of ours, which is no text.
    looped = any(name == "while" for name, _ in program.steps)
    for graph in () if looped else (symbolic, traced):
        text: dict[str, Any] = {}
        exec(graph.source("numpy"), text)
        with np.errstate(all="ignore"):  # of the branch that where() does not take
            assert_equal(text["f"](*inputs), expected)
    alone: dict[str, Any] = {}
    exec(traced_alone.source("numpy"), alone)
    assert_equal([alone["f"](*inputs)], expected[:1], 1e-12)

    if program.smooth:
        tangents = [np.cos(np.arange(x.size)).reshape(x.shape) for x in inputs]

        def along(h):
            moved = [x + h * t for x, t in zip(inputs, tangents, strict=True)]
            return np.asarray(alone["f"](*moved))

        inner = sum(np.sum(g * t) for g, t in zip(expected[1:], tangents, strict=True))
        assert_equal([inner], [numeric_derivative(along, 2.0**-7)], 1e-6)


# ------------------------------------------------------------------------------------------------ size


def test_million_node_chain():
    started = time.perf_counter()
    x = cr.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(500_000):
        y = y * 1.000001
        y = y + 1e-9
    y.backward()
    np.testing.assert_allclose(x.grad.item(), 1.000001**500_000, 1e-9)
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None
    assert time.perf_counter() - started < 60.0  # a recursion or a quadratic walk would take far longer


def test_long_chain_forward_and_nested():
    def f(x):
        for _ in range(5_000):
            x = x * 1.0001
        return x * x

    np.testing.assert_allclose(cr.jvp(f, (1.0,), (1.0,))[1].item(), 2 * 1.0001**10_000, 1e-9)
    np.testing.assert_allclose(cr.grad(cr.grad(f))(1.0).item(), 2 * 1.0001**10_000, 1e-9)


def test_doubling_is_not_exponential():
    x = cr.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(200):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**200
    assert cr.jvp(lambda x: _doubled(x, 200), (1.0,), (1.0,))[1].item() == 2.0**200
    s = cr.symbol("s")
    assert cr.gradients(_doubled(s, 200), s).eval(s=1.0).item() == 2.0**200


def _doubled(y, times):
    for _ in range(times):
        y = y + y
    return y


def test_shared_subexpressions():
    x = cr.tensor([0.3, 0.7], requires_grad=True)
    shared = cr.exp(x)
    y = shared * shared + shared / (1 + shared) + shared[0] * shared[1]
    y.sum().backward()
    e = np.exp([0.3, 0.7])
    np.testing.assert_allclose(x.grad.numpy(), 2 * e * e + e / (1 + e) ** 2 + 2 * e.prod(), 1e-14)


def test_in_place_sums_never_touch_what_others_hold():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    y = x * 1.0
    y.register_hook(lambda g: seen.append(g))
    seed = np.ones(2)
    (y + y + y + y * 2.0).backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    assert seen[0].tolist() == [5.0, 5.0]
    assert x.grad.tolist() == [5.0, 5.0]


# ---------------------------------------------------------------------------------- perturbation confusion


def d(f):
    return cr.grad(f)


def forward(f):
    return lambda x: cr.jvp(f, (x,), (1.0,))[1]


DERIVATIVES = [pytest.param(d, id="reverse"), pytest.param(forward, id="forward")]


@pytest.mark.parametrize("inner", DERIVATIVES)
@pytest.mark.parametrize("outer", DERIVATIVES)
class TestPerturbationConfusion:
    def test_siskind_and_pearlmutter(self, outer, inner):
        # d/dx [x · d/dy (x + y)] = 1; confusing the two perturbations gives 2.
        assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0).item() == 1.0

    def test_inner_result_is_constant(self, outer, inner):
        # d/dx [d/dy x·y] at y = 2 is 1.
        assert outer(lambda x: inner(lambda y: x * y)(2.0))(3.0).item() == 1.0

    def test_inner_ignores_its_argument(self, outer, inner):
        # d/dy of something that does not depend on y is 0, whatever outer variables it depends on.
        assert outer(lambda x: x * inner(lambda y: x * x)(x))(3.0).item() == 0.0

    def test_same_point(self, outer, inner):
        # d/dx [x · d/dy (x·y²) at y = x] = d/dx 2x³ = 6x².
        assert outer(lambda x: x * inner(lambda y: x * y * y)(x))(3.0).item() == 54.0

    def test_closure_over_outer_variable_at_its_own_value(self, outer, inner):
        # d/dx [d/dy sin(x·y) at y = x] = d/dx x·cos(x²) = cos x² − 2x² sin x².
        got = outer(lambda x: inner(lambda y: cr.sin(x * y))(x))(1.3).item()
        np.testing.assert_allclose(got, np.cos(1.69) - 2 * 1.69 * np.sin(1.69), 1e-14)

    def test_curried(self, outer, inner):
        # Amazing-bug: a derivative that returns a function, applied again (Manzyuk et al. 2019).
        def s(u):
            return lambda f: lambda x: f(x + u)

        shifted = inner(lambda u: s(u)(lambda x: outer(lambda v: s(v)(cr.exp)(x))(0.0))(1.0))(0.0)
        np.testing.assert_allclose(shifted.item(), np.e, 1e-14)

    def test_third_order(self, outer, inner):
        got = outer(lambda x: inner(lambda y: d(lambda z: (x * y * z) ** 3)(y))(x))(1.1).item()
        # ∂z: 3x³y³z² at z = y gives 3x³y⁵; ∂y at y = x gives 15x⁷; ∂x gives 105x⁶.
        np.testing.assert_allclose(got, 105 * 1.1**6, 1e-13)


def test_tape_variable_inside_transforms():
    w = cr.tensor(2.0, requires_grad=True)
    y = cr.grad(lambda x: w * x * x)(3.0)
    y.backward()
    assert (y.item(), w.grad.item()) == (12.0, 6.0)
    v = cr.tensor(2.0, requires_grad=True)
    moved = cr.jvp(lambda x: v * x * x, (3.0,), (1.0,))[1]
    moved.backward()
    assert (moved.item(), v.grad.item()) == (12.0, 6.0)


def test_vjp_called_within_other_derivatives():
    def f(x):
        y, pullback = cr.vjp(lambda z: cr.sin(z) * x, x)
        return y + pullback(x)[0]

    # f = x sin x + x² cos x (the closed-over x is constant to the inner derivative).
    x = 0.8
    expected = np.sin(x) + x * np.cos(x) + 2 * x * np.cos(x) - x * x * np.sin(x)
    np.testing.assert_allclose(cr.grad(f)(x).item(), expected, 1e-14)
    check_gradients(f, x)


# ------------------------------------------------------------------------------------- modes and errors

MANAGERS = [
    pytest.param(cr.no_grad, False, id="no_grad"),
    pytest.param(cr.enable_grad, True, id="enable_grad"),
    pytest.param(lambda: cr.set_grad_enabled(False), False, id="set_grad_enabled(False)"),
    pytest.param(lambda: cr.set_grad_enabled(True), True, id="set_grad_enabled(True)"),
]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("manager", "inside"), MANAGERS)
class TestModes:
    def test_exception_restores(self, manager, inside, before):
        token = recording.set(before)
        try:
            with pytest.raises(KeyError), manager():
                assert cr.is_grad_enabled() is inside
                raise KeyError
            assert cr.is_grad_enabled() is before
        finally:
            recording.reset(token)

    def test_decorated_function_restores(self, manager, inside, before):
        token = recording.set(before)
        try:

            @manager()
            def fails():
                assert cr.is_grad_enabled() is inside
                raise KeyError

            assert cr.is_grad_enabled() is before
            for _ in range(2):
                with pytest.raises(KeyError):
                    fails()
                assert cr.is_grad_enabled() is before
        finally:
            recording.reset(token)

    def test_decorated_generator_is_suspended(self, manager, inside, before):
        token = recording.set(before)
        try:

            @manager()
            def numbers():
                try:
                    while True:
                        assert cr.is_grad_enabled() is inside
                        yield cr.is_grad_enabled()
                finally:
                    assert cr.is_grad_enabled() is inside

            running = numbers()
            for _ in range(3):
                assert next(running) is inside
                assert cr.is_grad_enabled() is before
            with pytest.raises(KeyError):
                running.throw(KeyError)
            assert cr.is_grad_enabled() is before
            other = numbers()
            next(other)
            other.close()
            assert cr.is_grad_enabled() is before
        finally:
            recording.reset(token)

    def test_nested_with_the_same_object(self, manager, inside, before):
        token = recording.set(before)
        try:
            outer = manager()
            with outer, pytest.raises(KeyError), outer:
                assert cr.is_grad_enabled() is inside
                raise KeyError
            assert cr.is_grad_enabled() is before
        finally:
            recording.reset(token)


def test_transforms_restore_the_mode_after_an_error():
    def fails(x):
        raise KeyError

    for call in (
        lambda: cr.grad(fails)(1.0),
        lambda: cr.vjp(fails, 1.0),
        lambda: cr.jvp(fails, (1.0,), (1.0,)),
        lambda: cr.value_and_grad(fails)(1.0),
    ):
        with cr.no_grad():
            with pytest.raises(KeyError):
                call()
            assert not cr.is_grad_enabled()
        assert cr.is_grad_enabled()


def test_transforms_differentiate_under_no_grad():
    with cr.no_grad():
        assert cr.grad(lambda x: x * x)(3.0).item() == 6.0
        assert cr.grad(cr.grad(lambda x: x**3))(2.0).item() == 12.0
        assert cr.jvp(cr.grad(lambda x: x**3), (2.0,), (1.0,))[1].item() == 12.0


def test_backward_leaves_gradients_alone_when_it_fails():
    x = cr.tensor(2.0, requires_grad=True)
    y = x * x
    y.register_hook(_refuse)
    with pytest.raises(ZeroDivisionError):
        (y * 3).backward()
    assert x.grad is None
    assert cr.is_grad_enabled()


def _refuse(_g):
    raise ZeroDivisionError


def test_threads_have_their_own_modes():
    barrier, seen = threading.Barrier(3), {}

    def work(name, manager):
        with manager():
            barrier.wait(10)
            x = cr.tensor(3.0, requires_grad=True)
            y = x * x
            barrier.wait(10)
            seen[name] = y.requires_grad

    threads = [
        threading.Thread(target=work, args=("off", cr.no_grad)),
        threading.Thread(target=work, args=("on", cr.enable_grad)),
    ]
    for thread in threads:
        thread.start()
    barrier.wait(10)
    assert cr.is_grad_enabled()
    barrier.wait(10)
    for thread in threads:
        thread.join()
    assert seen == {"off": False, "on": True}


def test_threads_differentiate_at_the_same_time():
    results = [None] * 8

    def work(k):
        x = cr.tensor(np.full(100, 1.0 + k), requires_grad=True)
        for _ in range(20):
            y = x
            for _ in range(50):
                y = cr.sin(y) * x
            x.grad = None
            y.sum().backward()
        results[k] = x.grad.numpy()[0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = []
    for k in range(8):
        y, t = 1.0 + k, 1.0
        for _ in range(50):
            y, t = np.sin(y) * (1.0 + k), np.cos(y) * t * (1.0 + k) + np.sin(y)
        alone.append(t)
    np.testing.assert_allclose(results, alone, 1e-9)


def test_tasks_have_their_own_modes():
    async def work(manager, other):
        with manager():
            before = cr.is_grad_enabled()
            await other.wait()
            return before, cr.is_grad_enabled()

    @cr.no_grad()
    async def decorated(other):
        await other.wait()
        return cr.is_grad_enabled()

    async def run():
        event = asyncio.Event()
        tasks = [
            asyncio.create_task(work(cr.no_grad, event)),
            asyncio.create_task(work(cr.enable_grad, event)),
            asyncio.create_task(decorated(event)),
        ]
        await asyncio.sleep(0)
        assert cr.is_grad_enabled()
        event.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [(False, False), (True, True), False]


# ---------------------------------------------------------------------------------------------- memory


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def graph_and_watchers():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.exp(x) * x[0]
    z = cr.sum(cr.where(y > 1, y, cr.concat([y[:1], x[1:]])))
    return x, z, [weakref.ref(o) for o in (x, x._node, y, y._node, z, z._node, y._node.parents[0])]


@pytest.mark.usefixtures("no_collector")
class TestNothingIsLeftBehind:
    """With the cycle collector off, whatever was dropped is gone at once: there are no reference cycles."""

    def test_forward_only(self):
        x, z, watchers = graph_and_watchers()
        del x, z
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_backward(self):
        x, z, watchers = graph_and_watchers()
        z.backward()
        del x, z
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_create_graph(self):
        x, z, watchers = graph_and_watchers()
        z.backward(create_graph=True)
        watchers += [weakref.ref(x.grad), weakref.ref(x.grad._node)]
        x.grad.sum().backward(create_graph=True)
        del x, z
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_retained_and_hooked(self):
        x, z, watchers = graph_and_watchers()
        z.retain_grad()
        z.register_hook(lambda g: g * 2)
        x.register_hook(lambda g: g * 2)
        z.backward(create_graph=True)
        del x, z
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_gradients_outlive_the_graph(self):
        x, z, watchers = graph_and_watchers()
        g = cr.gradients(z, x, create_graph=True)
        del z
        second = cr.gradients(g.sum(), x)
        del g
        value = second.numpy()
        del x, second
        assert [w() for w in watchers] == [None] * len(watchers)
        assert np.isfinite(value).all()

    def test_errors(self):
        x, z, watchers = graph_and_watchers()
        with pytest.raises(cr.ShapeError):
            z.backward(np.ones(3))
        z.backward()
        with pytest.raises(cr.GradientError):
            z.backward()
        with pytest.raises(cr.ShapeError):
            x + np.ones(3)
        with pytest.raises(cr.GradientError):
            x.numpy()
        del x, z
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_transforms(self):
        watchers = []

        def f(x):
            y = cr.sin(x) * x
            watchers.extend(weakref.ref(o) for o in (x, x._node, y, y._node))
            return y

        cr.grad(f)(2.0)
        cr.jvp(f, (2.0,), (1.0,))
        cr.grad(cr.grad(f))(2.0)
        pullback = cr.vjp(f, 2.0)[1]
        pullback(1.0)
        del pullback
        assert len(watchers) == 16
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_symbols(self):
        a = cr.symbol("a", shape=(2,))
        y = cr.sum(cr.sin(a) * a)
        g = cr.gradients(y, a)
        f = cr.function([a], [y, g])
        f([1.0, 2.0])
        watchers = [weakref.ref(o) for o in (a, a._node, y, y._node, g, g._node, f, f.graph)]
        del a, y, g, f
        assert [w() for w in watchers] == [None] * len(watchers)

    def test_intermediate_arrays_are_freed(self):
        """What no rule needs is gone as soon as its Tensor is, while the graph lives on."""
        x = cr.tensor(np.ones(4), requires_grad=True)
        y = x + 1.0
        arrays = [weakref.ref(y._value)]
        z = cr.sum(y + x)
        del y
        assert arrays[0]() is None
        z.backward()
        assert x.grad.tolist() == [2.0] * 4

    def test_backward_frees_what_was_kept(self):
        x = cr.tensor(np.ones(4), requires_grad=True)
        y = cr.exp(x)
        kept = weakref.ref(y._value)
        z = cr.sum(y)
        del y
        assert kept() is not None
        z.backward()
        assert kept() is None

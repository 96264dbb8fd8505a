"""jit: what it computes is what the function computes, in every form of arguments, and under every transform."""

import copy
import functools
import gc
import inspect
import pickle
import threading
import weakref
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr
from chainrule.jit import jit
from chainrule.native.entry import form


@pytest.fixture(params=[True, False], ids=["builtin", "python"], autouse=True)
def builtin(request):
    """Every test runs twice: calls as machine code, and through Python."""
    form.enable(request.param)
    yield request.param
    form.enable(True)


def assert_same(found, expected):
    """The same trees of the same classes, dtypes and numbers."""
    assert type(found) is type(expected)
    if isinstance(found, dict):
        assert list(found) == list(expected)
        for key in found:
            assert_same(found[key], expected[key])
    elif isinstance(found, (tuple, list)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif found is not None:
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), 1e-12, 1e-12)


def twice(f, *args, **kwargs):
    """The results of the first call, which compiles, and of the second."""
    first = f(*args, **kwargs)
    assert_same(f(*args, **kwargs), first)
    return first


# --------------------------------------------------------------------------------------------- the same results


@settings(max_examples=25)
@given(programs())
def test_compiled_programs_and_their_derivatives_agree_with_eager_ones(program: Program):
    inputs = [cr.tensor(x) for x in program.inputs()]
    numbers = range(len(inputs))

    def run(*x):
        return program.run(cr, *x)

    assert_same(twice(jit(run), *inputs), run(*inputs))
    both = cr.value_and_grad(run, numbers)
    assert_same(twice(jit(both), *inputs), both(*inputs))
    assert_same(cr.value_and_grad(jit(run), numbers)(*inputs), both(*inputs))


def test_results_are_what_the_caller_gave():
    f = jit(lambda x: (x * 2.0, cr.sum(x)))
    x = np.arange(3.0)
    assert_same(twice(f, x), (x * 2, np.float64(3.0)))
    assert_same(twice(f, cr.tensor(x)), (cr.tensor(x * 2), cr.tensor(3.0)))
    both = jit(lambda x, y: x + y)
    assert_same(twice(both, x, cr.tensor(x)), cr.tensor(2 * x))
    assert_same(twice(jit(lambda x: x + 1), np.float32(2.0)), np.float32(3.0))
    assert_same(twice(jit(lambda x: x + 1), np.array(2.0)), np.float64(3.0))


def test_trees_in_and_out():
    def f(p, x, extra=None):
        assert extra is None
        (a, b), c = p["w"], p["b"]
        return {"z": a + x, "a": [b * c, None, (x,)], 3: ()}

    p = {"w": (np.ones(2), np.float64(2.0)), "b": np.arange(2.0)}
    found = twice(jit(f), p, np.ones(2))
    assert_same(found, {"z": np.ones(2) * 2, "a": [np.array([0.0, 2.0]), None, (np.ones(2),)], 3: ()})
    turned = {"b": p["b"], "w": p["w"]}
    compiled = jit(f)
    for tree in (p, turned, p, turned):
        assert_same(compiled(tree, x=np.ones(2), extra=None), found)
    assert len(compiled._known) == 1


Point = namedtuple("Point", "x y")


@dataclass
class Pair:
    one: Any
    two: Any


def test_namedtuples_dataclasses_and_subclasses_of_dict():
    class Named(dict):
        pass

    f = jit(lambda p: Point(p.x + p.y, p.x))
    assert_same(twice(f, Point(np.ones(2), 2.0)), Point(np.ones(2) + 2, np.ones(2)))
    g = jit(lambda p: Pair(p.two, Named(a=p.one)))
    found = twice_pair(g, Pair(np.ones(2), np.zeros(3)))
    assert type(found.two) is Named
    np.testing.assert_array_equal(found.one, np.zeros(3))


def twice_pair(f, x):
    f(x)
    found = f(x)
    assert type(found) is Pair
    return found


def test_arrays_of_every_layout_and_dtype():
    f = jit(lambda x: x + x)
    for dtype in "?bBhHiIlLqQefdFD":
        base = np.ones((4, 6)).astype(dtype)
        unaligned = np.frombuffer(b"\0" + base.tobytes(), np.uint8)[1:].view(dtype).reshape(4, 6)
        swapped = base.astype(base.dtype.newbyteorder())
        layouts = [base, base[::-1, ::2], base.T, base[:, None, :1], base[:0], base[2, 3], unaligned, swapped]
        for x in layouts:
            expected = np.add(x, x)
            assert_same(twice(f, x), np.asarray(expected, np.dtype(expected.dtype.str))[()])
    read_only = np.ones(3)
    read_only.flags.writeable = False
    assert_same(twice(f, read_only), np.full(3, 2.0))


@pytest.mark.parametrize("number", [2, 2.5, True, -0.0, 1e300, 2**40])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "complex64"])
def test_numbers_yield_to_the_dtypes_of_arrays(number, dtype):
    x = np.arange(1, 4).astype(dtype)

    def f(x, a):
        return x * a, a + x[0]

    compiled = jit(f)
    try:
        with np.errstate(all="ignore"):
            expected = x * number, number + x[0]
    except OverflowError:
        with pytest.raises(OverflowError):
            compiled(x, number)
        return
    assert_same(twice(compiled, x, number), expected)
    assert_same(compiled(x, a=number), expected)


def test_another_number_compiles_nothing():
    f = jit(lambda x, a: x * a)
    for dtype in ("float64", "float32"):
        x = np.ones(3, dtype)
        for a in (0.5, 1.5, np.pi):
            assert_same(f(x, a), x * a)
    assert len(f._known) == 2


def test_numbers_that_meet_arrays_of_several_precisions():
    f = jit(lambda x, y, a: (x * a, y * a))
    for a in (0.1, 0.2, 0.1):
        x, y = np.ones(2), np.ones(2, np.float32)
        assert_same(f(x, y, a), (x * a, y * a))
    assert len(f._known) == 1
    adam = jit(lambda x, t: x / (1 - 0.999**t))
    for t in (1, 2, 3):
        assert_same(adam(y, t), y / (1 - 0.999**t))
    strong = jit(lambda x, a: x * cr.exp(a))
    for a in (0.1, 0.2):
        assert_same(strong(y, a), y * np.exp(np.float64(a)))


# ------------------------------------------------------------------------------------------- static arguments


def test_static_arguments():
    traced = []

    @jit(static_argnames="n")
    def power(x, n=2):
        traced.append(n)
        return x**n if n > 1 else x

    x = np.array([1.0, 2.0])
    for n in (2, 3, 2, 3):
        assert_same(power(x, n), x**n)
        assert_same(power(x, n=n), x**n)
    assert_same(power(x), x**2)
    assert sorted(traced) == [2, 2, 2, 3, 3]  # given by position, by name, or left out
    by_place = jit(lambda x, n: x * n, static_argnums=1)
    for n in (1, 1.0, True, 0.0, -0.0):
        found = by_place(x, n)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(x * n))
        assert found.dtype == (x * n).dtype
    assert len(by_place._known) == 5
    assert_same(jit(lambda x, n: x[n], static_argnums=-1)(x, 1), np.float64(2.0))


# ------------------------------------------------------------------------------------------------- transforms


def test_gradients_pass_through_compiled_functions():
    def f(x, w):
        return cr.sum(cr.sin(x) * w)

    compiled = jit(f)
    x, w = cr.tensor([0.5, 1.0], requires_grad=True), cr.tensor([2.0, 3.0], requires_grad=True)
    y = compiled(x, w)
    y.backward()
    np.testing.assert_allclose(x.grad, np.cos(x.detach().numpy()) * [2.0, 3.0])
    np.testing.assert_allclose(w.grad, np.sin([0.5, 1.0]))
    point = np.array([0.5, 1.0]), np.array([2.0, 3.0])
    for wrap in (cr.grad, cr.hessian, lambda g: cr.grad(lambda *a: cr.sum(cr.grad(g)(*a)))):
        assert_same(wrap(compiled)(*point), wrap(f)(*point))
        assert_same(cr.asarray(jit(wrap(compiled))(*point)), cr.asarray(wrap(f)(*point)))
    batch = np.ones((3, 2)), np.ones((3, 2))
    assert_same(cr.vmap(compiled)(*batch), cr.vmap(f)(*batch))
    assert_same(cr.vmap(cr.grad(compiled))(*batch), cr.vmap(cr.grad(f))(*batch))
    assert_same(cr.jvp(compiled, point, point), cr.jvp(f, point, point))


def test_inside_loops_other_graphs_and_no_grad():
    step = jit(lambda c, x: (c * 0.5 + cr.sin(x), c))
    x = cr.tensor([1.0, 2.0, 3.0])
    plain = cr.scan(lambda c, x: (c * 0.5 + cr.sin(x), c), 0.0, x)
    assert_same(cr.scan(step, 0.0, x), plain)
    gradient = cr.grad(lambda x: cr.scan(step, 0.0, x)[0])(x)
    assert_same(gradient, cr.grad(lambda x: cr.scan(lambda c, x: (c * 0.5 + cr.sin(x), c), 0.0, x)[0])(x))
    s = cr.symbol("s")
    square = jit(lambda x: x * x)
    assert cr.gradients(square(s), s).eval(s=3.0).item() == 6.0
    w = cr.tensor(3.0, requires_grad=True)
    with cr.no_grad():
        assert not square(w).requires_grad
    assert square(w).requires_grad
    assert jit(square)(3.0) == 9.0


# -------------------------------------------------------------------------------------------------- closures


def test_tensors_that_are_closed_over_keep_their_gradients_and_new_values():
    w = cr.tensor([2.0, 3.0], requires_grad=True)
    f = jit(lambda x: cr.sum(x * w))
    for _ in range(3):
        y = f(np.ones(2))
        expected = w.detach().numpy().sum()
        assert y.item() == expected
        w.grad = None
        y.backward()
        np.testing.assert_array_equal(w.grad, [1.0, 1.0])
        with cr.no_grad():
            w -= 0.5
    w = cr.tensor([7.0, 8.0], requires_grad=True)
    assert f(np.ones(2)).item() == 15.0
    assert cr.grad(lambda a: jit(lambda x: x * a * a)(5.0))(3.0).item() == 30.0


def test_states_and_symbols_that_are_closed_over_stay_symbolic():
    w = cr.state(2.0, "w")
    f = jit(lambda x: x * w)
    y = f(cr.tensor(3.0))
    assert y.is_symbolic
    assert y.eval().item() == 6.0
    w.set_value(5.0)
    assert y.eval().item() == 15.0


def test_functions_of_symbols_compile():
    x, w = cr.symbol("x", shape=(3,)), cr.state([1.0, 2.0, 3.0], "w")
    loss = cr.sum((w - x) ** 2)
    slope = cr.gradients(loss, w)
    runs = []
    for compile in (False, True):
        w.set_value([1.0, 2.0, 3.0])
        step = cr.function([x], [loss, slope], updates=[(w, w - 0.25 * slope)], compile=compile)
        runs.append([[*step(np.ones(3)), *step(x=cr.tensor([0.0, 1.0, 2.0])), w.get_value()] for _ in range(3)])
    assert_same(*runs)
    f = cr.function([x], x * cr.sum(x), compile=True)
    assert_same(f(np.ones(3)[::-1]), cr.tensor(np.full(3, 3.0)))
    v = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    f(v).sum().backward()
    np.testing.assert_allclose(v.grad, np.full(3, 12.0))
    y = cr.symbol("y", shape=None)
    g = cr.function([y], cr.sum(y * y), compile=True)
    assert (g(np.ones(3)).item(), g(np.ones((2, 2))).item()) == (3.0, 4.0)


# ---------------------------------------------------------------------------------------------------- methods


class Layer:
    def __init__(self, w):
        self.w, self.scale, self.name = w, 2.0, "layer"


class Model:
    __slots__ = ("__dict__", "bias")

    def __init__(self):
        self.layers, self.bias, self.n, self.own = [Layer(np.ones(3)), Layer(cr.tensor([1.0, 2.0, 3.0]))], 0.5, 2, self
        self.cache = {}

    @jit
    def predict(self, x, y=1.0):
        """What it predicts."""
        for _ in range(self.n):
            for layer in self.own.layers:
                x = x * layer.w * layer.scale + self.bias
        return x * y

    @functools.partial(jit, static_argnames="k")
    def power(self, x, k):
        return self.layers[0].w * x**k

    @jit
    def count(self, x):
        self.calls = 1
        return x

    @jit
    def remember(self, x):
        self.cache["last"] = x
        return x

    @classmethod
    @jit
    def doubled(cls, x):
        return x * cls.factor

    factor = 2.0


def test_methods_see_their_object_as_it_is():
    model, other = Model(), Model()
    plain = Model.predict.__wrapped__
    x = np.ones(3)
    for change in (
        lambda: None,
        lambda: setattr(model.layers[0], "w", np.arange(3.0)),
        lambda: model.layers[0].w.__setitem__(0, 5.0),
        lambda: setattr(model, "n", 3),
        lambda: setattr(model, "bias", 1.5),
        lambda: model.layers.append(Layer(np.full(3, 2.0))),
        lambda: setattr(model.layers[0], "scale", 1.0),
    ):
        change()
        for m in (model, other, model):
            expected = plain(m, x)
            found = m.predict(x)
            np.testing.assert_allclose(found, expected, 1e-12)
    assert_same(model.predict(cr.tensor(x), y=2.0), plain(model, cr.tensor(x), 2.0))
    assert_same(model.power(x, 2), cr.tensor(model.layers[0].w * x**2))
    assert_same(model.power(x, k=3), cr.tensor(model.layers[0].w * x**3))
    assert_same(model.doubled(x), x * 2)
    assert model.predict.__doc__ == "What it predicts."


def test_methods_keep_gradients_of_attributes():
    model = Model()
    w = model.layers[1].w.requires_grad_()
    model.predict(np.ones(3)).sum().backward()
    expected = cr.grad(lambda v: _with(v).sum())(w.detach())
    np.testing.assert_allclose(w.grad, expected)
    with cr.no_grad():
        w += 1.0
    np.testing.assert_allclose(
        model.predict(np.ones(3)).detach(), Model.predict.__wrapped__(model, np.ones(3)).detach()
    )


def _with(w):
    model = Model()
    model.layers[1].w = w
    return Model.predict.__wrapped__(model, np.ones(3))


def test_methods_that_write_to_their_object_are_refused():
    model = Model()
    with pytest.raises(cr.SymbolError) as caught:
        model.count(1.0)
    assert str(caught.value).splitlines()[0] == (
        "[jit] the method set 'calls' of a Model while it was traced, which would be lost; expected a method that "
        "leaves its object as it is; return the new value."
    )
    with pytest.raises(cr.SymbolError, match="set 'cache' of a Model"):
        model.remember(1.0)
    assert model.cache == {}


def test_objects_of_methods_are_freed():
    gc.collect()
    plain = Plain()
    plain.scaled(np.ones(2))
    watch = weakref.ref(plain)
    del plain
    gc.collect()
    assert watch() is None


class Plain:
    w = 2.0

    def __init__(self):
        self.a = np.ones(2)

    @jit
    def scaled(self, x):
        return x * self.a * self.w


# ------------------------------------------------------------------------------------------------- as an object


@cr.jit
def doubled(x):
    return x * 2


def test_copied_and_pickled_as_functions_are():
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.deepcopy([doubled])[0] is copy.copy(doubled) is doubled
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(jit(lambda x: x))
    partial = jit(functools.partial(doubled))
    assert copy.deepcopy(partial) is partial


def test_random_numbers_of_a_generator_made_inside_are_constants():
    constant = jit(lambda x: x + cr.random.generator(7).rand(3))
    expected = cr.random.generator(7).rand(3).numpy()
    assert_same(constant(np.zeros(3)), expected)
    assert_same(constant(np.zeros(3)), expected)


def test_writes_to_arguments_are_seen_inside_alone():
    def written(x):
        x[0] = 5.0
        x += 1
        return x * 2

    x = np.zeros(3)
    np.testing.assert_array_equal(jit(written)(x), [12.0, 2.0, 2.0])
    assert not x.any()


def test_what_a_compiled_function_shows():
    def f(x, n=2):
        """A docstring."""
        return x * n

    compiled = jit(f)
    assert (compiled.__name__, compiled.__doc__, compiled.__wrapped__) == ("f", "A docstring.", f)
    assert str(inspect.signature(compiled)) == "(x, n=2)"
    assert repr(compiled).startswith("<jit of test_what")
    assert compiled.specialization(1.0).graph.list_inputs() == ["x"]


def test_functions_are_freed():
    gc.collect()
    gc.disable()
    try:
        array = np.ones(3)
        compiled = jit(lambda x: x * 2)
        compiled(array)
        compiled(array)
        watch = weakref.ref(compiled)
        del compiled
        assert watch() is None
    finally:
        gc.enable()


def test_threads_compile_once_and_agree():
    traced = []

    @jit
    def f(x):
        traced.append(1)
        return cr.sum(cr.exp(x))

    x, results = np.arange(50.0) / 50, []

    def work():
        results.extend(f(x) for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 800
    assert set(results) == {f(x)}
    assert len(traced) == 1


# ------------------------------------------------------------------------------------------------------ errors


def test_messages():
    @jit
    def f(x):
        return x if x > 0 else -x

    with pytest.raises(cr.SymbolError, match=r"^\[bool\] greater is symbolic"):
        f(np.float64(1.0))
    assert_message(
        cr.DTypeError,
        "[jit] the argument x is 'relu' of type str; expected arrays, numbers, and tuples, lists and dicts of these; "
        "make it static: jit(f, static_argnames='x'), to compile once for each value of it.",
        lambda: f("relu"),
    )
    assert_message(
        cr.DTypeError,
        "[jit] the function is 3 of type int; expected something to call; write jit(f), or @jit.",
        lambda: jit(3),
    )
    assert_message(
        cr.DTypeError,
        "[jit] static_argnames names 'y', and the parameters are x; expected one of them; check the spelling.",
        lambda: jit(lambda x: x, static_argnames="y"),
    )
    assert_message(
        cr.DTypeError,
        "[jit] static_argnums holds 'x'; expected positions of arguments; write e.g. static_argnums=(1,).",
        lambda: jit(lambda x: x, static_argnums="x"),
    )
    assert_message(
        cr.DTypeError,
        "[jit] static_argnames holds 0; expected names of parameters; write e.g. static_argnames=('n',).",
        lambda: jit(lambda x: x, static_argnames=0),
    )
    assert_message(
        cr.DTypeError,
        "[jit] the static argument 'n' is [1, 2] of type list, which has no hash; expected a value that can be a key; "
        "give a tuple in place of a list.",
        lambda: jit(lambda x, n: x, static_argnames="n")(1.0, n=[1, 2]),
    )
    with pytest.raises(cr.RangeError, match=r"^\[jit\] the integer 9223372036854775808 is beyond int64"):
        same = jit(lambda x: x)
        assert same(1) == 1
        same(2**63)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        f()
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        f(1.0, y=2.0)


def test_tensors_of_dialects_are_refused():
    import chainrule.torch as torch

    assert_message(
        cr.DTypeError,
        "[jit] the argument x is a chainrule.dialects.torch.tensor.Tensor, whose dtypes are promoted by rules of their "
        "own; expected a chainrule.Tensor or an array; convert it with chainrule.asarray(x).",
        lambda: jit(lambda x: x)(torch.tensor([1.0])),
    )


def test_a_choice_by_a_value_says_what_to_write_instead():
    with pytest.raises(cr.SymbolError) as caught:
        cr.jit(lambda x: x if x > 0 else -x)(1.0)
    assert (
        "expected a Tensor with a value; choose with where(...) or cond(...), repeat with while_loop(...) or "
        "fori_loop(...), or make x static: jit(f, static_argnames='x')."
    ) in str(caught.value)


@pytest.mark.parametrize("option", ["static_argnums", "donate"])
def test_a_position_beyond_the_parameters(option):
    with pytest.raises(cr.DTypeError) as caught:
        cr.jit(lambda x: x, **{option: 5})
    assert str(caught.value).startswith(
        f"[jit] {option} holds 5, and the positions of the parameters are 0; expected one of them; count from 0."
    )

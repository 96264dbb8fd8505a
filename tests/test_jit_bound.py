"""Functions that are bound to an object, or to a class: what they hold there is seen by compiled code."""

from __future__ import annotations

import copy
import threading
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import jit

X = np.arange(1.0, 5.0)


class Model:
    scale = 2.0

    def __init__(self):
        self.w: Any = np.ones(4)
        self.power = 1

    def apply(self, x, n=1):
        return self.w * x**self.power * n

    def __call__(self, x, n=1):
        return self.w * x**self.power * n

    @classmethod
    @jit
    def scaled(cls, x):
        return cls.scale * x

    @classmethod
    def bare(cls, x):
        return cls.scale * x

    def note(self, x):
        self.seen = x
        return x


MADE = {
    "method": lambda model: jit(model.apply, static_argnames="n"),
    "method by place": lambda model: jit(model.apply, static_argnums=1),
    "callable": lambda model: jit(model, static_argnums=-1),
    "twice": lambda model: jit(jit(model.apply, static_argnames="n")),
}


@pytest.mark.parametrize("name", MADE)
def test_attributes_are_seen_when_they_change(name):
    model = Model()
    f = MADE[name](model)
    np.testing.assert_array_equal(f(X), X)
    model.w = np.full(4, 3.0)
    np.testing.assert_array_equal(f(X), 3 * X)
    model.w[0] = 7.0
    np.testing.assert_array_equal(f(X, 2), model(X, 2))
    np.testing.assert_array_equal(f(X, n=2), model(X, 2))
    model.power = 2
    np.testing.assert_array_equal(f(X), model(X))
    np.testing.assert_array_equal(copy.copy(f)(X), model(X))
    assert "multiply" in str(f.explain(X))


def test_arrays_of_objects_are_no_constants():
    model = Model()
    f = jit(model.apply)
    for scale in (1.0, 2.0, 3.0):
        model.w = np.full(4, scale)
        np.testing.assert_array_equal(f(X), scale * X)
    assert len(f._method.jitted._known) == 1


class Stepping:
    def __init__(self):
        self.w = np.ones(4)
        self.plain, self.step = self.scaled, jit(self.scaled)

    def scaled(self, x):
        return self.w * x

    @jit
    def twice(self, x):
        return self.step(self.plain(x))


def test_attributes_that_hold_methods_of_their_object():
    model = Stepping()
    for scale in (1.0, 2.0, 3.0):
        model.w = np.full(4, scale)
        np.testing.assert_array_equal(model.step(X), scale * X)
        np.testing.assert_array_equal(model.twice(X), scale**2 * X)
    assert len(model.twice._method.jitted._known) == 1


class Noisy:
    def __init__(self):
        self.generator = cr.random.Generator(7)

    @jit
    def drawn(self, x):
        return x + self.generator.normal(size=2)


def test_a_generator_in_an_attribute_goes_on():
    model, eager = Noisy(), cr.random.Generator(7)
    for _ in range(2):
        np.testing.assert_allclose(model.drawn(1.0), 1.0 + eager.normal(size=2).numpy(), rtol=1e-12)
    np.testing.assert_array_equal(model.generator.normal(size=2), eager.normal(size=2))


class Called(Model):
    @jit
    def __call__(self, x):
        return self.w * x


def test_callables_that_are_compiled_already():
    model = Called()
    f = jit(model)
    for scale in (1.0, 2.0):
        model.w = np.full(4, scale)
        np.testing.assert_array_equal(f(X), scale * X)


def test_gradients_of_attributes():
    model = Model()
    model.w = cr.tensor(np.ones(4), requires_grad=True)
    cr.sum(jit(model)(X)).backward()
    np.testing.assert_array_equal(model.w.grad, X)
    np.testing.assert_array_equal(cr.grad(lambda x: cr.sum(jit(Model().apply)(x)))(cr.tensor(X)), np.ones(4))


def test_donated_arguments_are_counted_without_the_object():
    x = X * 1.0
    assert jit(Model().apply, donate=0)(x) is x


@pytest.mark.parametrize("f", [Model.scaled, jit(Model.bare)])
def test_what_a_class_holds_is_seen_when_it_changes(f, monkeypatch):
    np.testing.assert_array_equal(f(X), 2 * X)
    monkeypatch.setattr(Model, "scale", 5.0)
    np.testing.assert_array_equal(f(X), 5 * X)
    monkeypatch.setattr(Model, "scale", np.full(4, 7.0))
    np.testing.assert_array_equal(f(X), 7 * X)


def test_methods_must_not_write_to_their_object():
    with pytest.raises(cr.SymbolError, match="the method set 'seen' of a Model while it was traced"):
        jit(Model().note)(X)


def test_methods_of_arrays_and_of_others_are_functions():
    assert jit(X.__mul__)(2.0).tolist() == (X * 2).tolist()
    assert jit(cr.tensor(X).sum)().item() == X.sum()


# ------------------------------------------------------------------------------------------------------ threads


def _ends(call):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()


def test_a_thread_that_is_waited_for_while_tracing_may_compile():
    found = []

    def outer(x):
        inner = threading.Thread(target=lambda: found.append(jit(lambda y: y * 2)(X)), daemon=True)
        inner.start()
        inner.join(10)
        return x + len(found)

    assert _ends(lambda: found.append(jit(outer)(X)))
    np.testing.assert_array_equal(found[0], 2 * X)
    np.testing.assert_array_equal(found[1], X + 1)


def test_a_thread_may_call_the_function_that_waits_for_it_with_other_arguments():
    found = []

    def outer(x):
        if x.ndim:
            inner = threading.Thread(target=lambda: found.append(compiled(np.float64(3.0))), daemon=True)
            inner.start()
            inner.join(10)
        return x + 1

    compiled = jit(outer)
    assert _ends(lambda: found.append(compiled(X)))
    assert found[0] == 4.0
    np.testing.assert_array_equal(found[1], X + 1)


def test_functions_that_call_one_another_are_traced_at_once():
    meet = threading.Barrier(2, timeout=10)
    found = []

    def calling(other, factor):
        def f(x, first):
            if not first:
                return x * factor
            meet.wait()
            return functions[other](x, False)

        return jit(f, static_argnames="first")

    functions = [calling(1, 2.0), calling(0, 3.0)]
    threads = [threading.Thread(target=lambda f=f: found.append(f(X, True)), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(y.tolist() for y in found) == [(2 * X).tolist(), (3 * X).tolist()]

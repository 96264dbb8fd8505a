"""What compiled methods and programs of symbols tell of themselves, and how methods are called."""

from __future__ import annotations

import functools
import inspect
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SymbolError
from chainrule.jit import jit
from chainrule.spec import Spec
from tests.messages import assert_message

X = np.linspace(-1.0, 1.0, 1000)


class Scaled:
    def __init__(self, w):
        self.w = w

    @jit
    def apply(self, x, y=1.0):
        """w·x·y."""
        return self.w * x * y

    @functools.partial(jit, static_argnames="k")
    def power(self, x, k):
        return (self.w * x) ** k

    @property
    @jit
    def doubled(self):
        return self.w * 2.0

    @functools.cached_property
    @jit
    def squared(self):
        return self.w * self.w

    @classmethod
    @jit
    def tripled(cls, x):
        return x * 3.0

    @staticmethod
    @jit
    def halved(x):
        return x / 2.0


def test_methods_tell_of_themselves(tmp_path):
    model = Scaled(np.ones(1000))
    message = (
        "[explain] nothing is compiled yet, and a program is for the shapes and dtypes of some; expected arguments as "
        "the function takes them: x, k; write f.explain(x, k)."
    )
    assert_message(SymbolError, message, lambda: model.power.explain())
    told = model.apply.explain(X)
    assert [s.shape for s in told.inputs] == [(1000,), (1000,)]
    assert told.kernels[0].ops == ("multiply",)
    assert Scaled.apply.explain(model, X).kernels == told.kernels
    assert Scaled(np.ones(4)).apply.explain(np.ones(4)).inputs[0].shape == (4,)
    assert model.apply.explain().inputs[0].shape == (4,)  # the last one, of any object
    assert model.power.explain(X, k=3).flops > model.power.explain(X, k=2).flops
    assert "kernel" in model.apply.llvm(X) and "kernel" in model.apply.asm(X, 2.0)
    assert "inputs 16000 B" in str(model.apply.memory(X))
    assert model.apply.profile(X).runs >= 5
    with pytest.raises(SymbolError, match=r"^\[profile\] no arguments were given.*: x; write f.profile\(x\)\."):
        model.apply.profile()
    made = model.apply.export(tmp_path, X)
    assert made.prototype.startswith("void apply(const double *") and "apply.c" in made.files
    assert model.tripled.explain(X).flops == model.halved.explain(X).flops == 1000


def test_methods_are_called_in_every_way():
    model, x = Scaled(np.arange(3.0)), np.ones(3)
    for found in (model.apply(x), Scaled.apply(model, x), Scaled.apply(model, x=x), model.apply.__wrapped__(x)):
        np.testing.assert_array_equal(found, model.w)
    np.testing.assert_array_equal(model.doubled, 2 * model.w)
    np.testing.assert_array_equal(model.squared, model.w**2)
    model.w = np.ones(3)
    np.testing.assert_array_equal(model.doubled, np.full(3, 2.0))
    assert model.apply == model.apply and model.apply != Scaled(x).apply and hash(model.apply) == hash(model.apply)
    assert model.apply.__doc__ == "w·x·y." and model.apply.__name__ == "apply"
    assert str(inspect.signature(model.apply)) == "(x, y=1.0)"
    assert repr(model.apply) == "<bound <jit of Scaled.apply> of a Scaled>"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model.apply))(x), model.w)


def test_functions_without_a_name_are_exported(tmp_path):
    assert jit(functools.partial(np.multiply, 2.0)).export(tmp_path, X).name == "function"


def test_programs_of_symbols_tell_of_themselves(tmp_path):
    x, w = cr.symbol("x", shape=(3,)), cr.state([1.0, 2.0, 3.0], "w")
    f = cr.function([x], cr.sum(w * x), updates=[(w, w - 0.1 * x)], compile=True)
    told = f.explain()
    assert told.inputs == f.explain([1.0, 2.0, 3.0]).inputs == (Spec((3,), np.dtype("float64")),) * 2
    assert told.kernels[0].ops == ("multiply", "sum", "subtract")
    assert "@kernel" in f.llvm() and "kernel" in f.asm(x=[1.0, 2.0, 3.0]) and "inputs 48 B" in str(f.memory())
    assert f.profile([1.0, 2.0, 3.0]).runs >= 5
    prototype = "void f(const double *x, const double *w, double *out0, double *out1)"
    assert f.export(tmp_path, name="f").prototype == prototype
    np.testing.assert_array_equal(w.get_value(), [1.0, 2.0, 3.0])
    v = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    closing = cr.function([x], cr.sum(v * x), compile=True)
    assert len(closing.explain().inputs) == 2 and closing.profile(np.ones(3)).runs >= 5
    assert cr.function([], cr.sum(w * w), compile=True).profile().runs >= 5


def test_programs_of_unknown_shapes_tell_of_themselves():
    y = cr.symbol("y", shape=None)
    f = cr.function([y], cr.sum(y * y), compile=True)
    message = (
        "[explain] nothing is compiled yet, and a program is for the shapes and dtypes of some; expected arguments as "
        "the function takes them: y; write f.explain(y)."
    )
    assert_message(SymbolError, message, lambda: f.explain())
    f(np.ones(4))
    f(np.ones((2, 2)))
    assert f.explain().inputs[0].shape == (2, 2)
    assert f.explain(np.ones(4)).inputs[0].shape == (4,)


def test_programs_that_are_not_compiled_say_so():
    x = cr.symbol("x")
    message = (
        "[llvm] the program is run by NumPy, op by op; expected one that is compiled; "
        "write function(inputs, outputs, compile=True)."
    )
    assert_message(SymbolError, message, lambda: cr.function([x], x * x).llvm())


def test_times_need_numbers():
    f = jit(lambda x: x * 2.0)
    message = (
        "[profile] an argument is symbolic, and what is timed needs numbers; expected arrays or Tensors with a value; "
        "call profile outside of functions that are traced."
    )
    assert_message(SymbolError, message, lambda: jit(lambda x: f.profile(x))(X))

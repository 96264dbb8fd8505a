"""Functions of functions: what they take and give back, and every mistake with its full text."""

import copy
import pickle
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import AxisError, DTypeError, GradientError, ShapeError
from chainrule.tree import flatten, same_structure


class Pair(NamedTuple):
    w: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Frozen:
    w: Any
    b: Any = None


@dataclass
class Strict:
    """A dataclass whose constructor would refuse Tensors, and one of the fields."""

    w: Any
    count: Any = field(init=False, default=1.0)

    def __post_init__(self):
        self.w = float(self.w)


# ------------------------------------------------------------------------------------------------------- trees


@pytest.mark.parametrize(
    ("tree", "product"),
    [
        ([2.0, [3.0]], lambda t: t[0] * t[1][0]),
        ((2.0, None, 3.0), lambda t: t[0] * t[2]),
        ({"w": 2.0, "b": 3.0}, lambda t: t["w"] * t["b"]),
        ({1: 2.0, "b": 3.0}, lambda t: t[1] * t["b"]),
        (OrderedDict(w=2.0, b=3.0), lambda t: t["w"] * t["b"]),
        (defaultdict(list, w=2.0, b=3.0), lambda t: t["w"] * t["b"]),
        (Pair(2.0, {"b": 3.0}), lambda t: t.w * t.b["b"]),
        (Frozen(2.0, (3.0,)), lambda t: t.w * t.b[0]),
        (Frozen(6.0), lambda t: t.w),
        (Strict(6.0), lambda t: t.w * t.count),
    ],
    ids=lambda x: type(x).__name__,
)
def test_gradients_have_the_form_of_the_argument(tree, product):
    before = copy.deepcopy(tree)
    value, gradient = cr.value_and_grad(product)(tree)
    assert type(gradient) is type(tree)
    assert value.item() == 6.0
    assert tree == before
    found, structure = flatten(gradient)
    assert same_structure(structure, flatten(tree)[1])
    others = [6.0 / x for x in flatten(tree)[0]]
    assert [g.item() for g in found] == others


def test_dicts_with_equal_keys_have_equal_structure():
    def product(d):
        return d["a"] * d["b"] ** 2

    _, moved = cr.jvp(product, ({"a": 2.0, "b": 3.0},), ({"b": 1.0, "a": 0.0},))
    assert moved.item() == 12.0
    _, pull = cr.vjp(lambda x: {"a": x, "b": 2 * x}, 1.0)
    assert pull({"b": 1.0, "a": 10.0})[0].item() == 12.0
    assert list(cr.grad(product)({"b": 3.0, "a": 2.0})) == ["b", "a"]


# --------------------------------------------------------------------------------------- arguments, results, aux


def test_arguments_are_named_by_position():
    def f(x, y, *, scale=1.0):
        return scale * x * x * y

    assert cr.grad(f, argnums=-1)(3.0, 2.0).item() == 9.0
    assert cr.grad(f, argnums=np.int64(1))(3.0, 2.0, scale=2.0).item() == 18.0
    assert [g.item() for g in cr.grad(f, argnums=(1, 0))(3.0, 2.0)] == [9.0, 12.0]
    assert [g.item() for g in cr.grad(f, argnums=(0, 0))(3.0, 2.0)] == [12.0, 12.0]
    assert cr.grad(lambda x: cr.tensor(3.0) + 0 * x, argnums=())(2.0) == ()


def test_results_may_be_arguments_or_constants():
    assert [x.item() for x in cr.value_and_grad(lambda x: x)(2.0)] == [2.0, 1.0]
    assert cr.grad(lambda _: cr.tensor(3.0))(2.0).item() == 0.0
    y, pull = cr.vjp(lambda x: (x, x, cr.tensor(5.0)), 2.0)
    assert [x.item() for x in y] == [2.0, 2.0, 5.0]
    assert pull((1.0, 10.0, 100.0))[0].item() == 11.0
    assert pull((1.0, 0.0, 0.0))[0].item() == 1.0
    _, moved = cr.jvp(lambda x: (x, x, cr.tensor(5.0)), (2.0,), (3.0,))
    assert [x.item() for x in moved] == [3.0, 3.0, 0.0]


def test_aux_leaves_the_transform_as_a_value():
    def f(x):
        return x * x, {"double": 2 * x, "name": "f", "x": x}

    g, aux = cr.grad(f, has_aux=True)(3.0)
    assert (g.item(), aux["double"].item(), aux["name"]) == (6.0, 6.0, "f")
    assert not aux["double"].requires_grad and not aux["x"].requires_grad
    _, _, aux = cr.vjp(f, 3.0, has_aux=True)
    assert not aux["double"].requires_grad
    _, _, aux = cr.jvp(f, (3.0,), (1.0,), has_aux=True)
    assert not aux["double"].requires_grad


def test_aux_is_differentiable_for_an_outer_transform():
    def outer(x):
        g, aux = cr.grad(lambda y: (y**3, y**2), has_aux=True)(x)
        return g * aux  # 3x⁴

    assert cr.grad(outer)(2.0).item() == 96.0
    x = cr.tensor(2.0, requires_grad=True)
    outer(x).backward()
    assert x.grad.item() == 96.0


def test_writes_to_an_argument_are_part_of_the_function():
    def f(x):
        x += 1
        x[0] = 5.0
        return (x * x).sum()

    x = cr.tensor([1.0, 2.0])
    value, gradient = cr.value_and_grad(f)(x)
    assert (value.item(), gradient.tolist(), x.tolist()) == (34.0, [0.0, 6.0], [1.0, 2.0])
    assert cr.jvp(f, (x,), (cr.tensor([7.0, 1.0]),))[1].item() == 6.0
    assert cr.grad(lambda y: y.fill_(3.0).sum())(x).tolist() == [0.0, 0.0]
    assert cr.grad(lambda y: cr.grad(f)(y).sum())(x).tolist() == [0.0, 2.0]


def test_a_pullback_is_differentiable_where_it_is_called():
    with cr.no_grad():
        _, pull = cr.vjp(square, 3.0)
        assert not pull(cr.tensor(1.0, requires_grad=True))[0].requires_grad
    assert cr.grad(lambda g: pull(g)[0])(2.0).item() == 6.0
    x = cr.tensor(3.0, requires_grad=True)
    _, pull = cr.vjp(square, x)
    assert cr.gradients(pull(1.0)[0], x).item() == 2.0
    with cr.no_grad():
        assert not pull(1.0)[0].requires_grad


def test_a_tangent_is_copied():
    t = np.array([1.0, 2.0])
    x = cr.tensor([3.0, 4.0], requires_grad=True)
    _, moved = cr.jvp(lambda y: y * y, (x,), (t,))
    t[:] = 99.0
    assert cr.gradients(moved.sum(), x).tolist() == [2.0, 4.0]


# ---------------------------------------------------------------------------------------------------- mistakes


def square(x):
    return x * x


def test_mistakes_in_arguments():
    assert_message(
        DTypeError,
        "[grad] argument 0 is int64[]; only floating-point and complex values have derivatives; convert it, e.g. 2.0 "
        "instead of 2 or x.astype('float64'), or leave it out of argnums.",
        lambda: cr.grad(square)(2),
    )
    assert_message(
        DTypeError,
        "[grad] argnums names argument 3, but the function was called with 1 positional arguments; expected a number "
        "from -1 to 0; pass that argument by position.",
        lambda: cr.grad(square, argnums=3)(2.0),
    )
    assert_message(
        DTypeError,
        "[grad] argnums names argument 0, but the function was called with 0 positional arguments; expected at least "
        "one; pass that argument by position.",
        lambda: cr.grad(square)(x=2.0),
    )
    assert_message(
        DTypeError,
        "[grad] argnums is 'x'; expected the position of an argument, or a sequence of positions; write e.g. "
        "argnums=0 or argnums=(0, 2).",
        lambda: cr.grad(square, argnums="x")(2.0),
    )


def test_mistakes_in_results():
    assert_message(
        DTypeError,
        "[grad] has_aux=True, but the function returned Tensor; expected a pair (output, aux); return both, or leave "
        "has_aux out.",
        lambda: cr.grad(square, has_aux=True)(2.0),
    )
    assert_message(
        DTypeError,
        "[vjp] the function returned a float as output 1; expected a Tensor; float(), .item() and numpy() leave the "
        "graph, so compute with chainrule or NumPy functions on Tensors, or return chainrule.tensor(...) for a "
        "constant.",
        lambda: cr.vjp(lambda x: (x, float(x)), 2.0),
    )
    assert_message(
        GradientError,
        "[grad] the function returned 2 outputs; expected one real scalar; return (value, aux) with has_aux=True, or "
        "use vjp.",
        lambda: cr.grad(lambda x: (x, x))(2.0),
    )
    assert_message(
        GradientError,
        "[grad] the function returned float64[2]; a gradient exists for one real number; expected a real scalar; "
        "reduce it, e.g. y.sum(), or use vjp(f, x) with a cotangent.",
        lambda: cr.grad(square)(np.ones(2)),
    )
    assert_message(
        GradientError,
        "[grad] the function returned complex128[]; a gradient exists for one real number; expected a real scalar; "
        "reduce it, e.g. y.sum(), or use vjp(f, x) with a cotangent.",
        lambda: cr.grad(square)(1j),
    )


def test_mistakes_in_cotangents():
    _, pull = cr.vjp(lambda x: {"a": x, "b": (x, [x])}, np.ones(2))
    assert_message(
        ShapeError,
        "[vjp] the cotangent is a tree (*, *), and the output {'a': *, 'b': (*, [*])}; expected the same tree; give "
        "one array for each *.",
        lambda: pull((1.0, 2.0)),
    )
    _, pull = cr.vjp(lambda x: (x, cr.ones(2)), 1.0)
    assert_message(
        ShapeError,
        "[vjp] cotangent 1 has shape (3,) and its output (2,); expected equal shapes; broadcast it with "
        "broadcast_to(g, (2,)).",
        lambda: pull((1.0, np.ones(3))),
    )


def test_mistakes_in_tangents():
    assert_message(
        DTypeError,
        "[jvp] primals and tangents are float and float; expected two sequences, one entry per argument; write "
        "jvp(f, (x,), (t,)).",
        lambda: cr.jvp(square, 2.0, 1.0),
    )
    assert_message(
        ShapeError,
        "[jvp] the tangents are a tree [*, *], and the primals [Pair(*, None)]; expected the same tree; give one array "
        "for each *.",
        lambda: cr.jvp(first, (Pair(2.0, None),), (1.0, 1.0)),
    )
    assert_message(
        ShapeError,
        "[jvp] tangent 0 has shape (2,) and its primal (); expected equal shapes; broadcast it with "
        "broadcast_to(t, ()).",
        lambda: cr.jvp(square, (2.0,), (np.ones(2),)),
    )
    assert_message(
        DTypeError,
        "[jvp] tangent 0 is complex128 and its primal float64; expected a real tangent, along which a real number can "
        "move; take t.real.",
        lambda: cr.jvp(square, (2.0,), (1j,)),
    )


def first(pair):
    return pair[0]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_errors_travel_between_processes(protocol):
    with pytest.raises(AxisError) as caught:
        cr.sum(cr.ones(2), axis=5)
    for twin in (pickle.loads(pickle.dumps(caught.value, protocol)), copy.deepcopy(caught.value)):
        assert type(twin) is AxisError
        assert (str(twin), twin.message) == (str(caught.value), caught.value.message)

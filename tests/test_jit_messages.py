"""What jit says of arguments whose values are asked for, of results that are no arrays, and of functions."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import jit
from tests.messages import assert_message

X = np.arange(1.0, 5.0)
SHAPE = "expected an integer or a tuple of integers"
TREES = "expected arrays, numbers, and tuples, lists and dicts of these"


STATIC = {
    "a shape": (
        lambda: jit(lambda x, n: cr.zeros((n,)))(X, 3),
        cr.ShapeError,
        f"[zeros] shape is (symbol(n: int64[]),); {SHAPE}; make n static: jit(f, static_argnames='n').",
    ),
    "a size": (
        lambda: jit(lambda x, n: cr.zeros(n))(X, 3),
        cr.ShapeError,
        f"[zeros] shape is symbol(n: int64[]); {SHAPE}; make n static: jit(f, static_argnames='n').",
    ),
    "a size that is computed": (
        lambda: jit(lambda n, x, m: cr.ones((n * m, 2)))(3, X, 2),
        cr.ShapeError,
        f"[ones] shape is (symbol(multiply: int64[]), 2); {SHAPE}; make n and m static: "
        "jit(f, static_argnames=('n', 'm')).",
    ),
    "a size that is computed from an array": (
        lambda: jit(lambda n: cr.zeros((cr.sum(n),)))(np.arange(3)),
        cr.ShapeError,
        f"[zeros] shape is (symbol(sum: int64[]),); {SHAPE}; make the argument static: jit(f, static_argnums=...).",
    ),
    "an axis": (
        lambda: jit(lambda x, a: cr.sum(x, axis=a))(X, 0),
        cr.AxisError,
        "[sum] axis is symbol(a: int64[]); expected an integer from -1 to 0; make a static: "
        "jit(f, static_argnames='a').",
    ),
    "a count": (
        lambda: jit(lambda x, n: cr.roll(x, n))(X, 3),
        cr.DTypeError,
        f"[roll] shift is symbol(n: int64[]); {SHAPE}; make n static: jit(f, static_argnames='n').",
    ),
    "one of many": (
        lambda: jit(lambda *args: cr.zeros((args[1],)))(X, 3),
        cr.ShapeError,
        f"[zeros] shape is (symbol(x1: int64[]),); {SHAPE}; make argument 1 static: jit(f, static_argnums=1).",
    ),
    "one by name": (
        lambda: jit(lambda x, **options: cr.zeros((options["n"],)))(X, n=3),
        cr.ShapeError,
        f"[zeros] shape is (symbol(n: int64[]),); {SHAPE}; make n static: jit(f, static_argnames='n').",
    ),
    "a tuple of sizes": (
        lambda: jit(lambda x, shape: cr.reshape(x, shape))(X, (2, 2)),
        cr.ShapeError,
        f"[reshape] shape is (symbol(shape_0: int64[]), symbol(shape_1: int64[])); {SHAPE}; make shape static: "
        "jit(f, static_argnames='shape').",
    ),
    "an array in a tuple": (
        lambda: jit(lambda pair: cr.zeros((pair[0],)))((2, X)),
        cr.ShapeError,
        f"[zeros] shape is (symbol(pair_0: int64[]),); {SHAPE}; make the argument static: jit(f, static_argnums=...).",
    ),
    "one in a dict": (
        lambda: jit(lambda options: cr.zeros((options["n"],)))({"n": 3}),
        cr.ShapeError,
        f"[zeros] shape is (symbol(options_0: int64[]),); {SHAPE}; make the argument static: "
        "jit(f, static_argnums=...).",
    ),
    "no function of jit": (
        lambda: cr.zeros((cr.symbol("n", shape=()),)),
        cr.ShapeError,
        f"[zeros] shape is (symbol(n: float64[]),); {SHAPE}; write e.g. (2, 3).",
    ),
    "a dtype": (
        lambda: jit(lambda x, dtype: cr.astype(x, dtype))(X, np.float32),
        cr.DTypeError,
        f"[jit] the argument dtype is <class 'numpy.float32'> of type type; {TREES}; make it static: "
        "jit(f, static_argnames='dtype'), to compile once for each value of it.",
    ),
    "a name of many": (
        lambda: jit(lambda x, *rest: x)(X, "relu"),
        cr.DTypeError,
        f"[jit] argument 1 is 'relu' of type str; {TREES}; make it static: jit(f, static_argnums=1), to compile once "
        "for each value of it.",
    ),
    "a name in a dict": (
        lambda: jit(lambda x, options: x)(X, {"a": 1.0, "f": "relu"}),
        cr.DTypeError,
        f"[jit] leaf 1 of the argument options is 'relu' of type str; {TREES}; make it an argument of its own that is "
        "static, to compile once for each value of it.",
    ),
    "an array of text": (
        lambda: jit(lambda x, names: x)(X, np.array(["a"])),
        cr.DTypeError,
        "[jit] the argument names is array(['a'], dtype='<U1') of type ndarray; expected a Tensor, an array or a "
        "number; convert it with chainrule.asarray(...) first.",
    ),
    "a large integer": (
        lambda: jit(lambda x, n: x)(X, 2**70),
        cr.DTypeError,
        "[jit] the argument n is an integer of 71 bits; expected at most 64; convert it with float(n) first.",
    ),
}


@pytest.mark.parametrize("name", STATIC)
def test_what_must_be_static_is_named(name):
    call, kind, message = STATIC[name]
    assert_message(kind, message, call)


def test_a_length_names_what_is_to_be_static():
    with pytest.raises(cr.SymbolError, match=r"or make n static: jit\(f, static_argnames='n'\)\."):
        jit(lambda x, n: x[:n])(X, 2)
    assert jit(lambda x, n: x[:n], static_argnames="n")(X, 2).shape == (2,)


async def waiting(x):
    return x


RETURNED = {
    "text": (
        lambda x: {"y": x, "name": "abc"},
        "'abc' of type str; " + TREES + "; return arrays, and all else apart from this function.",
    ),
    "an array of text": (
        lambda x: np.array(["a"]),
        "array(['a'], dtype='<U1') of type ndarray; expected a Tensor, an array or a number; convert it with "
        "chainrule.asarray(...) first.",
    ),
}


@pytest.mark.parametrize("name", RETURNED)
def test_what_is_returned_is_said(name):
    f, message = RETURNED[name]
    assert_message(cr.DTypeError, f"[jit] the function returned {message}", lambda: jit(f)(X))


def test_generators_and_coroutines_are_said():
    with pytest.raises(cr.DTypeError, match=r"of type generator; .*; return a list in place of a generator\."):
        jit(lambda x: (y for y in x))(X)
    with pytest.raises(cr.DTypeError, match=r"of type coroutine; .*; write def in place of async def\."):
        jit(waiting)(X)


def test_recursion_that_does_not_end_soon():
    def power(x, n):
        return x * compiled(x, n - 1) if n else x

    compiled = jit(power, static_argnames="n")
    np.testing.assert_array_equal(compiled(X, 3), X**4)
    with pytest.raises(RecursionError) as caught:
        compiled(X, 10_000)
    assert isinstance(caught.value, cr.SymbolError)
    told = str(caught.value)
    assert told.startswith("[jit] tracing power took more calls inside of one another than Python's limit, ")
    assert (
        "; expected a function that calls itself a few times at most, as each call is traced; repeat with scan(...), "
        "fori_loop(...) or while_loop(...), or call sys.setrecursionlimit."
    ) in told
    np.testing.assert_array_equal(compiled(X, 2), X**3)


@pytest.mark.parametrize("f", [lambda b: -b * b, lambda b: (-b + 0.5, ~b)])
@pytest.mark.parametrize("b", [True, False])
def test_pythons_bools_are_numbers_where_python_computes(f, b):
    compiled = jit(f)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(b), f(b))


def test_empty_arrays_of_long_axes():
    x = np.zeros((0, 10**18))
    got = jit(lambda x: (x * 2, cr.sum(x, axis=1), cr.exp(x[:, 0])))(x)
    assert [y.shape for y in got] == [(0, 10**18), (0,), (0,)]

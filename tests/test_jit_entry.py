"""The boundary between Python and machine code: whatever is given, a right result or an error, never a crash."""

import contextlib
import ctypes
import gc
import itertools
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import assert_message

import chainrule as cr
from chainrule.jit import jit
from chainrule.native.entry import call as entry
from chainrule.native.entry import form
from chainrule.native.entry import python as py
from chainrule.native.libraries import host
from chainrule.native.machine.code import Code
from chainrule.native.program import Program
from chainrule.spec import Spec
from chainrule.tree import flatten

F8 = np.dtype("float64")

SQUARES = """
define i32 @kernel(ptr %inputs, ptr %outputs, ptr %arena) {
  %x = load ptr, ptr %inputs
  %y = load ptr, ptr %outputs
  %second = getelementptr ptr, ptr %outputs, i64 1
  %g = load ptr, ptr %second
  br label %loop
loop:
  %i = phi i64 [0, %0], [%next, %loop]
  %s = phi double [0.0, %0], [%sum, %loop]
  %p = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %p
  %twice = fmul double %v, 2.0
  %square = fmul double %twice, %v
  %sum = fadd double %s, %square
  %slope = fmul double %v, 4.0
  %q = getelementptr double, ptr %g, i64 %i
  store double %slope, ptr %q
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, 4
  br i1 %more, label %loop, label %done
done:
  store double %sum, ptr %y
  ret i32 0
}
"""


def squares(arena=0, long=False):
    """A kernel written by hand: 2x·x and its gradient for 4 numbers."""
    code = Code(SQUARES)
    return Program(code.address("kernel"), (Spec((4,), F8),), (Spec((), F8), Spec((4,), F8)), arena, long, code)


def hosted(function, inputs, outputs):
    address, owner = host.callback(function, inputs, outputs)
    return Program(address, tuple(inputs), tuple(outputs), owner=owner)


# ------------------------------------------------------------------------------------------------ kernels by hand


def test_the_facts_hold_here():
    assert py.reliable()
    assert py.is_called_fast(form.Launch)


@pytest.mark.parametrize("arena", [0, 100, 5000, 1 << 20])
@pytest.mark.parametrize("long", [False, True])
def test_a_kernel_is_called_with_every_size_of_arena(arena, long):
    launch = form.Launch(squares(arena, long))
    x = np.arange(4.0)
    for _ in range(3):
        y, g = launch(x)
        assert type(y) is np.float64
        assert y == 28.0
        np.testing.assert_array_equal(g, 4 * x)
        assert g.flags.owndata
    y, g = launch(x[::-1])
    np.testing.assert_array_equal(g, 4 * x[::-1])


def test_arenas_are_aligned_and_apart():
    seen = []

    launch = form.Launch(squares())
    inner = []

    def nested(x):
        inner.append(launch(np.arange(4.0))[0])
        return x

    kernel = host.KERNEL(lambda _given, made, arena: seen.append(arena) or nested(0))
    outer = Program(ctypes.cast(kernel, ctypes.c_void_p).value, (), (), 10_000, owner=kernel)
    assert form.Launch(outer)() == ()
    assert inner == [28.0]
    assert [a % 64 for a in seen] == [0]


def test_every_dtype_in_and_out():
    for code in "?bBhHiIqQefdFD":
        dtype = np.dtype(np.dtype(code).str)
        for shape in ((), (3,), (0,), (2, 3), (1,) * 20):
            x = np.ones(shape, dtype)[()]
            launch = form.Launch(hosted(lambda x: x, [Spec(shape, dtype)], [Spec(shape, dtype)]))
            (y,) = launch(x)
            assert type(y) is type(x)
            assert y.dtype is x.dtype
            np.testing.assert_array_equal(x, y)


def test_what_a_callback_raises_comes_out():
    def fail(x):
        raise KeyboardInterrupt("stop")

    program = hosted(fail, [Spec((4,), F8)], [Spec((4,), F8), Spec((), F8)])
    launch = form.Launch(program)
    x = np.arange(4.0)
    before = sys.getrefcount(x)
    for _ in range(50):
        with pytest.raises(KeyboardInterrupt, match="stop"):
            launch(x)
    assert sys.getrefcount(x) == before
    with pytest.raises(KeyboardInterrupt, match="stop"):
        form.launched(program, [x])


def test_a_kernel_that_fails_without_saying_why():
    code = Code("define i32 @kernel(ptr %a, ptr %b, ptr %c) {\n  ret i32 1\n}\n")
    program = Program(code.address("kernel"), (), (Spec((2,), F8),), owner=code)
    with pytest.raises(RuntimeError, match="the kernel failed, and no callback said why"):
        form.Launch(program)()


def test_outputs_too_large_for_memory():
    program = hosted(lambda: np.ones(1), [], [Spec((3,), F8), Spec((1 << 58,), F8), Spec((), F8)])
    launch = form.Launch(program)
    for _ in range(20):
        with pytest.raises((MemoryError, ValueError)):
            launch()
    arena = Program(program.address, (), (), 1 << 60, owner=program)
    with pytest.raises(MemoryError):
        form.Launch(arena)()


def test_nothing_leaks_over_many_calls():
    launch = form.Launch(squares(10_000))
    program = squares()
    words, table = form.Words(), form.Table()

    @py.called_fast
    class Dispatch(py.Callable):
        def __call__(self, *args, **kwargs):
            return args, kwargs

    fast = Dispatch()
    found = [form.mapping(words, ["x"]), form.leaf(words, program.inputs[0], 0, cr.Tensor)]
    recipe = [
        form.step("output", 0), form.step("output", 1), form.step("list", 1), form.step("constant", 0, id(None)),
        form.step("dict", 3, words.put([words.keep(key) for key in "abc"])),
    ]  # fmt: skip
    table.add(fast, form.Form(program, 1, (), found, recipe, [cr.Tensor, cr.Tensor], words))
    x = np.arange(4.0)
    t = cr.tensor(x)
    tree = {"x": t}
    assert repr(fast(tree)) == "{'a': tensor(28.), 'b': [tensor([ 0.,  4.,  8., 12.])], 'c': None}"
    assert fast({"y": t}) == (({"y": t},), {})
    assert fast(tree, a=1) == ((tree,), {"a": 1})
    gc.collect()
    watched = [x, t, t._value, tree, None, "x", cr.Tensor, F8, np.ndarray]
    before = [sys.getrefcount(item) for item in watched]
    tracemalloc.start()
    try:
        for _ in range(1000):
            launch(x), fast(tree), fast(x)
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(30_000):
            launch(x), fast(tree), fast(x)
        grown = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    gc.collect()
    assert grown < 4000
    after = [sys.getrefcount(item) for item in watched]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 200


def test_a_call_with_very_many_arguments():
    launch = form.Launch(squares())
    with pytest.raises(ValueError, match="shorter"):
        launch(*([np.ones(4)] * 200_000))
    assert_message(
        cr.ShapeError,
        "[jit] an array of shape (3,) was given to a program for float64[4]; expected that shape; call the function "
        "that was compiled.",
        lambda: launch(np.ones(3)),
    )
    many = jit(lambda *xs: sum(xs[::50]))
    values = [np.float64(i) for i in range(300)]
    assert many(*values) == many(*values) == sum(values[::50])
    tree = [np.ones(2)] * 2000
    one = jit(lambda xs: xs[-1])
    np.testing.assert_array_equal(one(tree), one(tree))


# --------------------------------------------------------------------------------------------------- wrong things

numbers = st.one_of(st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.complex_numbers())


class Twice(np.ndarray):
    pass


class Sub(cr.Tensor):
    __slots__ = ()


class Items(list):
    pass


def an_array(draw):
    dtype = draw(
        st.sampled_from(["?", "i1", "u8", "i4", "f4", "f8", ">f8", "c16", "f2", "O", "S3", "M8[s]", "g", "i4,f8"])
    )
    shape = draw(st.sampled_from([(), (0,), (1,), (4,), (2, 3), (4, 0, 2), (1, 1, 4)]))
    array = np.zeros(shape, dtype)
    if array.dtype.kind in "fc" and array.size:
        array[...] = np.arange(array.size).reshape(shape)
    kind = draw(st.integers(0, 7))
    if kind == 1:
        array = array[::-1] if array.ndim else array
    elif kind == 2:
        array = array.T
    elif kind == 3:
        array = array.view(Twice)
    elif kind == 4:
        array.flags.writeable = False
    elif kind == 5:
        array = np.ma.masked_array(array)
    elif kind == 6:
        array = np.broadcast_to(array, (3, *shape))
    elif kind == 7 and array.dtype.kind in "biufc":
        raw = np.frombuffer(b"\0" + array.tobytes() + b"\0" * 16, np.uint8)[1 : 1 + array.nbytes]
        array = raw.view(array.dtype).reshape(shape)
    return array


@st.composite
def things(draw):
    kind = draw(st.integers(0, 12))
    if kind < 5:
        return an_array(draw)
    if kind == 5:
        return draw(numbers)
    array = an_array(draw)
    if array.dtype.kind not in "biufc" or isinstance(array, np.ma.MaskedArray):
        return array
    if kind in (6, 7):
        tensor = cr.tensor(np.asarray(array).astype(array.dtype.newbyteorder("=")))
        if draw(st.booleans()) and tensor.dtype.kind in "fc":
            tensor.requires_grad_()
        return tensor
    if kind == 8:
        return Sub.__new__(Sub)  # its slots are empty
    if kind == 9:
        return cr.symbol(shape=array.shape, dtype="float64")
    if kind == 10:
        return draw(st.sampled_from([None, "text", b"bytes", object(), int, np.add, ..., slice(1), {1, 2}, 1 << 100]))
    return array[()]


trees = st.recursive(
    things(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(Items),
        st.dictionaries(st.sampled_from(["a", "b", 3, (1, 2)]), inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2).map(OrderedDict),
    ),
    max_leaves=4,
)


def outcome(f, args, kwargs):
    """The result, or the class of the error."""
    try:
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)
    except Exception as error:
        return type(error)


def same(a, b):
    if isinstance(a, type) or isinstance(b, type):
        return a is b
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, cr.Tensor):
        return a.is_symbolic == b.is_symbolic and (a.is_symbolic or same(a._value, b._value))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return a == b


def first_leaf(*args, **kwargs):
    leaves, _ = flatten((args, kwargs))
    return {"leaves": [x + 1 for x in leaves], "count": len(leaves), "same": (args, None)}


SHARED = jit(first_leaf)  # sees all examples, so that its table of forms fills up


@settings(max_examples=400)
@given(st.lists(trees, max_size=3), st.dictionaries(st.sampled_from(["x", "y", "z"]), trees, max_size=2))
def test_whatever_is_given_the_builtin_does_what_python_does(args, kwargs):
    fresh = jit(first_leaf)
    found = [outcome(f, args, kwargs) for f in (fresh, fresh, fresh, SHARED, SHARED)]
    form.enable(False)
    try:
        slow = jit(first_leaf)
        expected = outcome(slow, args, kwargs)
    finally:
        form.enable(True)
    for one in found:
        assert same(one, expected), (one, expected)


def test_wrong_numbers_of_arguments_and_unknown_names():
    f = jit(lambda x, y=2.0: x * y)
    x = np.ones(3)
    for _ in range(3):
        np.testing.assert_array_equal(f(x, 3.0), x * 3)
        np.testing.assert_array_equal(f(x, y=3.0), x * 3)
        np.testing.assert_array_equal(f(y=3.0, x=x), x * 3)
        np.testing.assert_array_equal(f(**{"".join(["x"]): x}), x * 2)
        for wrong in (lambda: f(), lambda: f(x, x, x), lambda: f(x, z=1.0), lambda: f(x, x=x)):
            with pytest.raises(TypeError):
                wrong()


def test_a_tensor_that_is_half_made():
    f = jit(lambda x: x + 1)
    f(cr.tensor([1.0]))
    f(cr.tensor([1.0]))
    for _ in range(2):
        with pytest.raises(AttributeError):
            f(cr.Tensor.__new__(cr.Tensor))


# ------------------------------------------------------------------------------------------------ while it runs


def test_outputs_are_the_callers_own():
    f = jit(lambda x: (x, x * 1.0, x))
    x = np.ones(3)
    for _ in range(2):
        a, b, c = f(x)
        x[0] += 1
        assert a[0] != x[0]
        a[1] = 7
        assert (b[1], c[1]) == (1, 1)


def test_lists_that_change_while_the_kernel_runs():
    tree = [np.ones(4), [np.ones(4)]]

    def clear(x, y):
        tree[1].clear()
        tree.clear()
        gc.collect()
        np.zeros(4) + 5
        return x + y

    program = hosted(clear, [Spec((4,), F8)] * 2, [Spec((4,), F8)])
    words, table = form.Words(), form.Table()
    launch = form.Launch(program)
    found = [
        form.sequence(list, 2), form.leaf(words, program.inputs[0], 0), form.sequence(list, 1),
        form.leaf(words, program.inputs[1], 1),
    ]  # fmt: skip
    table.add(launch, form.Form(program, 1, (), found, [form.step("output", 0)], [None], words))
    np.testing.assert_array_equal(launch(tree), np.full(4, 2.0))
    assert tree == []


def test_a_function_that_is_dropped_or_compiles_more_while_it_runs():
    holder = {}

    def drop(x):
        holder.clear()
        gc.collect()
        return x * 2

    launch = form.Launch(hosted(drop, [Spec((4,), F8)], [Spec((4,), F8)]))
    holder["f"] = launch
    del launch
    np.testing.assert_array_equal(holder["f"](np.ones(4))[0], np.full(4, 2.0))

    def more(x):
        for _ in range(20):
            table.add(
                launch, form.Form(program, 1, (), [form.leaf(words, program.inputs[0], 0)], recipe, [None], words)
            )
        return x * 3

    program = hosted(more, [Spec((4,), F8)], [Spec((4,), F8)])
    words, table, recipe = form.Words(), form.Table(), [form.step("output", 0)]
    launch = form.Launch(program)
    table.add(launch, form.Form(program, 1, (), [form.leaf(words, program.inputs[0], 0)], recipe, [None], words))
    np.testing.assert_array_equal(launch(np.ones(4)), np.full(4, 3.0))


def test_recursion_through_a_kernel():
    depth = []

    def again(x):
        depth.append(1)
        return launch(x)[0]

    launch = form.Launch(hosted(again, [Spec((4,), F8)], [Spec((4,), F8)]))
    with pytest.raises(RecursionError):
        launch(np.ones(4))
    assert len(depth) > 50

    f = jit(lambda x: f(x))
    with pytest.raises(RecursionError):
        f(1.0)


def test_arguments_that_other_threads_write_to_and_reshape():
    f = jit(lambda x: cr.sum(x) * 0.0 + 1.0)
    x, stop = np.ones(24), []
    f(x)

    def change():
        while not stop:
            x[...] = np.random.default_rng(0).normal(size=x.shape)
            x.shape = (4, 6) if x.ndim == 1 else (24,)

    thread = threading.Thread(target=change)
    thread.start()
    until = time.perf_counter() + 0.3
    while time.perf_counter() < until:
        assert f(x) == 1.0
    stop.append(1)
    thread.join()


def test_long_kernels_run_beside_other_threads():
    launch = form.Launch(squares(5000, long=True))
    x, results = np.arange(4.0), []

    def work():
        results.extend(launch(x)[0] for _ in range(3000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [28.0] * 12_000


def test_finalizers_that_run_while_the_result_is_built():
    f = jit(lambda xs: {"a": [x + 1 for x in xs], "b": tuple(xs)})
    xs = [cr.tensor(np.ones(4)) for _ in range(30)]
    expected = f(xs)

    class Cycle:
        def __init__(self):
            self.own = self

        def __del__(self):
            xs[0] += 0.0
            f(xs[:2])

    gc.collect()
    threshold = gc.get_threshold()
    gc.set_threshold(5, 1, 1)
    try:
        for _ in range(300):
            Cycle()
            assert same(f(xs), expected)
    finally:
        gc.set_threshold(*threshold)


def test_the_text_is_the_same_in_every_process():
    assert entry.text() == entry.text()
    assert "0x" not in entry.text()


# ------------------------------------------------------------------------------- numbers of Python's and of NumPy's


def test_numbers_of_both_kinds_share_one_form():
    f = jit(lambda *a: sum(x * (i + 1.0) for i, x in enumerate(a)))
    ways = [(2.5, np.float64(2.5), np.array(2.5)), (3, np.int64(3), np.array(3)), (True, np.True_, np.array(True))]
    for numbers in ways:
        before = len(f._table.forms)
        for args in itertools.product(numbers, repeat=4):
            assert f(*args) == 10 * numbers[0] and type(f(*args)) is np.float64
        assert len(f._table.forms) - before == 2
    assert len(f._table.forms) == 6
    misses = []
    f._specialized = misses.append  # type: ignore[method-assign]  # asked in Python alone
    for numbers in ways:
        for args in itertools.product(numbers, repeat=4):
            f(*args)
    assert misses == []


def test_mixed_numbers_keep_the_precision_of_each():
    f = jit(lambda v, a, b: v * (a * b))
    for v in (np.ones(3, np.float32), np.ones(3), np.ones(3, np.int8)):
        for kind in (float, int, complex):
            for args in itertools.product((kind(2), np.dtype(kind).type(2), np.array(kind(2))), repeat=2):
                for _ in range(2):
                    if v.dtype == np.int8 and kind is int and type(args[0]) is type(args[1]) is int:
                        continue
                    found, expected = f(v, *args), v * (args[0] * args[1])
                    assert found.dtype == expected.dtype, (v.dtype, args)
                    np.testing.assert_array_equal(found, expected)


def test_huge_integers_are_no_int64_in_a_shared_form():
    f = jit(lambda a, b: a + b)
    for a, b in ((1, 2), (np.int64(1), 2), (1, np.int64(2)), (np.int64(1), np.int64(2))):
        assert f(a, b) == f(a, b) == 3
    for a, b in ((2**63, 1), (1, 2**63), (np.int64(1), 2**63)):
        with pytest.raises(cr.RangeError):
            f(a, b)
    assert f(1, 2) == 3


def test_a_function_that_refuses_numbers_of_numpys_is_not_asked_for_them():
    def f(a, b):
        if not isinstance(b, (float, cr.Tensor)):
            raise TypeError("floats only")
        return a + b

    g = jit(f)
    for a in (1.0, np.float64(1.0), np.array(1.0)):
        assert g(a, 2.0) == 3.0


# -------------------------------------------------------------------------------------------- trees without an end


def _nested(kind, depth, x=1.0):
    for _ in range(depth):
        x = {"a": x} if kind is dict else kind([x])
    return x


def test_trees_without_an_end_are_refused():
    f = jit(lambda w, *, x: w)
    ring = [1.0]
    ring.append(ring)
    told = (
        "holds itself, or is nested more than 256 deep; expected tuples, lists and dicts of arrays and numbers, a few "
        "deep; stack what is alike to one array."
    )
    for tree in (ring, _nested(list, 5000), _nested(tuple, 5000), _nested(dict, 5000), _nested(list, 257)):
        kind = type(tree).__name__
        assert_message(cr.DTypeError, f"[jit] argument 0, a {kind}, {told}", lambda tree=tree: f(tree, x=1.0))
        assert_message(cr.DTypeError, f"[jit] 'x', a {kind}, {told}", lambda tree=tree: f(1.0, x=tree))
        assert_message(cr.DTypeError, f"[tree] a tree {told}", lambda tree=tree: cr.grad(lambda t: 1.0)(tree))
        assert_message(cr.DTypeError, f"[tree] a tree {told}", lambda tree=tree: jit(lambda x: tree)(1.0))
    g = jit(lambda x, n: x, static_argnames="n")
    deep = _nested(tuple, 5000)
    assert_message(cr.DTypeError, f"[jit] the static argument 1 {told}", lambda: g(1.0, deep))
    for kind in (list, tuple, dict):
        assert f(_nested(kind, 200), x=1.0) == _nested(kind, 200)


def test_static_arguments_that_cannot_be_shown():
    g = jit(lambda x, n: x, static_argnames="n")
    deep = _nested(list, 5000)
    message = (
        "[jit] the static argument 1 is ... of type list, which has no hash; expected a value that can be a key; "
        "give a tuple in place of a list."
    )
    assert_message(cr.DTypeError, message, lambda: g(1.0, deep))


# -------------------------------------------------------------------------------------------- little memory

POOR = """
import resource
import numpy as np
import chainrule as cr

large, rows = np.ones(8_000_000), np.ones(40_000)
plain = cr.jit(lambda x: cr.exp(x) * 2)
within = cr.jit(lambda x: cr.sum(cr.sort(cr.exp(x).reshape(1000, -1), axis=0)))
kept = cr.jit(lambda x: cr.scan(lambda c, _: (cr.sin(c) + x, c), x, None, length=1000)[1])
# Reverse mode keeps carries in memory that grows.
pulled = cr.jit(cr.grad(lambda x: cr.sum(cr.while_loop(lambda c: cr.max(c) < 1e30, lambda c: c * 1.01 + x * 1e-9, x))))
calls = {"plain": (plain, large), "within": (within, large), "kept": (kept, rows), "pulled": (pulled, rows)}
for f, x in calls.values():
    f.explain(x)
plain(np.ones(8)), plain(cr.tensor(np.ones(8))), pulled(np.ones(8))
with open("/proc/self/statm") as found:
    now = int(found.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (20 << 20),) * 2)
for name, (f, x) in {**calls, "compiled": (cr.jit(lambda x: cr.tanh(x)), np.ones(8))}.items():
    try:
        f(x)
    except MemoryError as error:
        print(name, str(error) if name == "compiled" else "")
for x in (np.ones(8), cr.tensor(np.ones(8))):
    assert abs(plain(x) - 2 * np.e).max() < 1e-12
print("alive")
"""


# Elsewhere no process has such a limit.
if sys.platform == "linux":

    def test_little_memory_is_an_error_and_no_end():
        done = subprocess.run([sys.executable, "-c", POOR], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        assert lines == [
            "plain", "within", "kept", "pulled",
            "compiled [jit] 32 MiB to compile in cannot be had; expected as much memory to be free; give up arrays, or "
            "raise the limit of this process.",
            "alive",
        ]  # fmt: skip


INTERRUPTED = """
import os, signal, threading, time
import numpy as np
import chainrule as cr

f = cr.jit(lambda x: cr.scan(lambda c, _: (cr.sin(c) + x, None), x, None, length=20_000)[0])
x = np.ones(2000)
f(x)
threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    while True:
        f(x)
except KeyboardInterrupt:
    print("interrupted")
np.testing.assert_array_equal(f(x), f(x))
"""


def test_an_interrupt_is_heard_when_the_kernel_returns():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr[-2000:]


def test_arrays_that_threads_write_to_during_calls_give_no_crash():
    f = jit(lambda x, i: (cr.sum(cr.sort(x)), x[i], cr.cumsum(x)))
    x, i, stop = np.ones(20_000), np.arange(100), threading.Event()
    f(x, i)

    def write():
        rng = np.random.default_rng(0)
        while not stop.is_set():
            x[:] = rng.choice([np.nan, np.inf, 1.0, -1e308], x.size)
            i[:] = rng.integers(-(2**62), 2**62, i.size) if rng.random() < 0.5 else np.arange(100)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            with contextlib.suppress(cr.ChainruleError, IndexError), np.errstate(all="ignore"):
                _total, some, sums = f(x, i)
                assert some.shape == (100,) and sums.shape == x.shape
    finally:
        stop.set()
        for thread in threads:
            thread.join()

"""The plan of memory: what shares room, what is written in place, what is donated, and what that looks like."""

import ctypes
import gc
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr
from chainrule import native, passes
from chainrule.errors import SymbolError
from chainrule.native.entry import form
from chainrule.native.language.loops import Pointer
from chainrule.native.nests.arena import Arena
from chainrule.native.threads import blocks
from chainrule.tree import flatten

X = np.random.default_rng(0).normal(size=(70, 70)) / 9
V = np.random.default_rng(1).normal(size=1000)


def compiled(f, *arrays):
    graph = passes.optimize(cr.trace(f, *arrays))
    return graph, native.compile(graph)


# ----------------------------------------------------------------------------------------------------- the arena


def test_room_is_given_again_and_merged():
    arena = Arena(Pointer("arena"))
    a, b, c = (arena.reserve(size) for size in (100, 64, 1))
    assert (a, b, c, arena.size) == (0, 128, 192, 256)
    arena.give(a, 128)
    arena.give(b, 64)
    assert arena.reserve(190) == 0
    assert (arena.size, arena.wanted, arena.free) == (256, 256 + 192, [])


def test_scopes_give_back_what_nobody_gave_back():
    arena = Arena(Pointer("arena"))
    kept = arena.reserve(64)
    with arena.scope():
        first, _ = arena.reserve(64), arena.reserve(128)
        arena.give(first, 64)
        with arena.scope():
            assert arena.reserve(64) == first
    assert arena.free == [(64, 192)]
    assert kept == 0


# ---------------------------------------------------------------------------------- arrays share memory, or overwrite


def normalised(x):
    y = cr.exp(x - cr.max(x, axis=1, keepdims=True))
    y = y / cr.sum(y, axis=0)
    z = cr.tanh(y) - cr.sum(y, axis=1)
    return z / cr.sum(z, axis=0)


def in_a_scan(x):
    return cr.scan(lambda c, r: (cr.tanh(x @ c) + cr.cumsum(cr.sort(c)), cr.sum(c)), x[0], x)


CHAINS = {
    "rows and columns": normalised,
    "products": lambda x: cr.tanh(cr.tanh(cr.tanh(x @ x) @ x) @ x).T,
    "running sums": lambda x: cr.cumsum(cr.cumsum(cr.cumsum(cr.cumsum(x, axis=0), axis=1), axis=0), axis=1),
    "scan": in_a_scan,
    "gradient of a scan": cr.grad(lambda x: cr.sum(in_a_scan(x)[0] ** 2)),
    "choice": lambda x: cr.cond(x[0, 0] > 0, lambda x: cr.cumsum(x.T, axis=0), lambda x: cr.cumsum(x @ x, axis=0), x),
    "solving": lambda x: cr.linalg.solve(x + 9 * cr.eye(70), cr.linalg.solve(x + 8 * cr.eye(70), x)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_results_are_right_where_memory_is_used_again(name):
    graph, program = compiled(CHAINS[name], X)
    found, wanted = native.run(program, X), graph.run([X])
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, 1e-9, 1e-9)
    shape = program.memory()
    assert shape.arena <= shape.wanted
    free = program.owner.lowering.arena.free
    assert sum(size for _, size in free) == program.arena  # all was given back


def test_what_is_not_needed_makes_room():
    for count in (4, 40):

        def sums(x, count=count):
            for _ in range(count):
                x = cr.cumsum(x)
            return x

        assert compiled(sums, V)[1].arena == 2 * 8000
    program = compiled(normalised, X)[1]
    assert any(place.over for place in program.memory().arrays)


def overlapping(program, arrays):
    """The outputs of a kernel whose outputs are written over inputs, wherever it says that they may be."""
    arrays = [np.array(x, spec.dtype) for x, spec in zip(arrays, program.inputs, strict=True)]
    outs = [np.empty(spec.shape, spec.dtype) for spec in program.outputs]
    free, open_ = set(range(len(arrays))), set(range(len(outs)))
    for output, i in program.over:
        if output in open_ and i in free:
            outs[output] = arrays[i]
            free.remove(i)
            open_.remove(output)
    arena = np.empty(program.arena + 64, np.uint8)
    table = lambda xs: (ctypes.c_void_p * max(1, len(xs)))(*[x.ctypes.data for x in xs])
    kernel = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(program.address)
    assert kernel(table(arrays), table(outs), -(-arena.ctypes.data // 64) * 64) == 0
    return outs


def adam(w, m, v):
    g = cr.grad(lambda w: cr.sum(cr.sin(w) * w[::-1]))(w)
    m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
    return w - 0.1 * m / (cr.sqrt(v) + 1e-8), m, v


OVER = {
    "one reader": (lambda x: cr.tanh(x) * 2, (V,), ((0, 0),)),
    "several readers": (lambda x: cr.exp(-x * x) + x * cr.tanh(x), (V,), ((0, 0),)),
    "gradient and value": (lambda x: (x - 0.1 * cr.grad(lambda x: cr.sum(x**4))(x), cr.sum(x * x)), (V,), ((0, 0),)),
    "reversed": (lambda x: x[::-1] * 2, (V,), ()),
    "transposed": (lambda x: x.T + x, (X,), ()),
    "neighbours": (lambda x: x + cr.concat([x[1:], x[:1]]), (V,), None),
    "sum of all": (lambda x: x / cr.sum(x), (V,), ((0, 0),)),
    "sums of rows": (lambda x: cr.exp(x) / cr.sum(cr.exp(x), axis=1, keepdims=True), (X,), None),
    "of rows and columns": (lambda x: x - cr.sum(x, axis=0) * cr.sum(x, axis=1, keepdims=True), (X,), None),
    "product first": (lambda x, y: (x @ y, x + 1), (X, X), None),
    "exchanged": (lambda x, y: (y * 2, x * 2), (V, V), None),
    "two of one": (lambda x: (x + 1, x * 2), (V,), None),
    "other shape": (lambda x: cr.reshape(x, (10, 100)) + 1, (V,), ()),
    "moments": (adam, (V, V, V * V), None),
    "gathered": (lambda x, i: x[i] + x, (V, np.arange(1000)[::-1].copy()), ()),
    "of a scan": (lambda x: cr.scan(lambda c, r: (c * 0.9 + r, None), x[0], x)[0] + x, (X,), None),
    "vmap": (cr.vmap(lambda x: x / cr.sum(x * x)), (X,), None),
    "small": (lambda x: cr.flip(x) + x * 2, (V[:3],), None),
    "small in place": (lambda x: x / cr.sqrt(cr.sum(x * x)), (V[:3],), None),
}


@pytest.mark.parametrize("name", OVER)
def test_outputs_over_inputs(name):
    f, arrays, pairs = OVER[name]
    graph, program = compiled(f, *arrays)
    if pairs is not None:
        assert program.over == pairs
    for found, wanted in zip(overlapping(program, arrays), graph.run(list(arrays)), strict=True):
        np.testing.assert_allclose(found, wanted, 1e-11, 1e-11)


def test_long_loops_in_chunks_over_inputs():
    x = np.random.default_rng(0).normal(size=300_001)
    graph, program = compiled(lambda x: (cr.exp(-x * x) * x, cr.sum(cr.tanh(x))), x)
    assert program.over == ((0, 0),)
    for found, wanted in zip(overlapping(program, [x]), graph.run([x]), strict=True):
        np.testing.assert_allclose(found, wanted, 1e-11)


@settings(max_examples=40)
@given(programs())
def test_random_programs_over_their_inputs(program: Program):
    inputs = program.inputs()
    f = cr.value_and_grad(lambda *x: program.run(cr, *x), range(len(inputs)))
    _, made = compiled(lambda *x: f(*x)[1], *inputs)
    if made.owner.lowering.e.leaves:
        assert made.over == ()
    for found, wanted in zip(overlapping(made, inputs), native.run(made, *inputs), strict=True):
        np.testing.assert_array_equal(found, wanted)


# ------------------------------------------------------------------------------------------------------- donation


def step(w, rate):
    return w - rate * cr.grad(lambda w: cr.sum(w * w))(w)


def test_a_donated_array_becomes_the_result():
    descend = cr.jit(step, donate="w")
    w = first = np.ones(100)
    for _ in range(3):
        w = descend(w, 0.25)
    assert w is first
    np.testing.assert_array_equal(w, np.full(100, 0.125))
    named = np.ones(100)
    assert descend(rate=0.25, w=named) is named


def test_descent_takes_no_new_memory():
    descend = cr.jit(step, donate=0)
    for start in (np.ones(100_000), cr.jit(lambda x: x + 1)(cr.tensor(np.zeros(100_000)))):
        w = descend(start, 0.1)
        del start
        gc.collect()
        tracemalloc.start()
        for _ in range(10):
            w = descend(w, 0.1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5_000
        np.testing.assert_allclose(np.asarray(w), 0.8**11)


def test_trees_are_donated_as_a_whole():
    train = cr.jit(lambda p, x: {k: v * 2 + cr.sum(x) for k, v in p.items()}, donate=("p",))
    p = {"a": np.ones(5), "b": np.zeros((2, 2))}
    found = train(p, np.ones(3))
    assert found["a"] is p["a"] and found["b"] is p["b"]
    np.testing.assert_array_equal(found["a"], np.full(5, 5.0))


def test_memory_that_others_see_is_not_taken():
    both = cr.jit(lambda x, y: (x * 2, y + 1), donate=(0, 1))
    x, y = np.ones(100), np.ones(100)
    large = np.ones(200)
    fixed = np.ones(100)
    fixed.flags.writeable = False
    for a, b in [(x, x), (x, x[:]), (x[:], x), (large[:100], large[50:150]), (fixed, fixed), (large[::2], large[:100])]:
        before = a.copy(), b.copy()
        twice, more = both(a, b)
        assert twice is not a and more is not b
        np.testing.assert_array_equal(a, before[0])
        np.testing.assert_array_equal(b, before[1])
        np.testing.assert_array_equal(twice, np.full(100, 2.0))
        np.testing.assert_array_equal(more, np.full(100, 2.0))
    taken = both(x, y)
    assert taken[0] is x and taken[1] is y
    assert both(np.ones(100, np.float32), y)[0].dtype == np.float32


def test_a_tensor_that_was_donated_has_no_value_any_more():
    descend = cr.jit(step, donate=0)
    fresh = cr.jit(lambda x: x + 0.0)
    w = fresh(cr.tensor(np.ones(3)))
    found = descend(w, 0.25)
    np.testing.assert_array_equal(np.asarray(found), np.full(3, 0.5))
    message = (
        "[jit] this Tensor was donated to step, and its memory holds the result now; expected a Tensor that is not "
        "used again; use the result, or leave the argument out of donate."
    )
    assert_message(SymbolError, message, lambda: w + 1)
    assert_message(SymbolError, message, lambda: str(w))
    assert_message(SymbolError, message, lambda: np.asarray(w))
    assert_message(SymbolError, message, lambda: w.shape)
    assert_message(SymbolError, message, lambda: descend(w, 0.25))
    assert_message(SymbolError, message, lambda: cr.grad(lambda x: cr.sum(x * w))(found))


def test_a_tensor_whose_array_others_hold_is_not_taken():
    descend = cr.jit(step, donate=0)
    fresh = cr.jit(lambda x: x + 0.0)
    for look in (lambda w: w.detach(), lambda w: w.numpy(), lambda w: np.asarray(w)[1:]):
        w = fresh(cr.tensor(np.ones(3)))
        seen = look(w)
        found = descend(w, 0.25)
        np.testing.assert_array_equal(np.asarray(seen), np.ones(seen.shape))
        np.testing.assert_array_equal(np.asarray(w), np.ones(3))
        np.testing.assert_array_equal(np.asarray(found), np.full(3, 0.5))
    recorded = cr.tensor(np.ones(3), requires_grad=True)
    descend(recorded, 0.25).sum().backward()
    np.testing.assert_array_equal(recorded.grad, np.full(3, 0.5))


def test_results_and_arguments_of_other_kinds_share_nothing():
    add = cr.jit(lambda x, y: x + y, donate=(0,))
    x, y = np.ones(3), cr.tensor(np.ones(3))
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(add(x, y)), np.full(3, 2.0))
        np.testing.assert_array_equal(x, np.ones(3))


def test_what_may_fail_keeps_its_inputs():
    pick = cr.jit(lambda x, i: x * x[i[0]], donate=0)
    x = np.arange(1.0, 4.0)
    with pytest.raises(IndexError):
        pick(x, np.array([7]))
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])
    assert pick(x, np.array([1])) is not x


def test_references_are_counted():
    descend = cr.jit(step, donate=0)
    w = np.ones(50)
    descend(w, 0.1)
    before = sys.getrefcount(w)
    for _ in range(100):
        descend(w, 0.1)
    assert sys.getrefcount(w) == before
    t = cr.jit(lambda x: x + 0.0)(cr.tensor(np.ones(50)))
    none = sys.getrefcount(None)
    for _ in range(2000):
        t = descend(t, 0.0)
    count = sys.getrefcount(t._value)
    assert count == 2
    if sys.version_info < (3, 12):
        assert abs(sys.getrefcount(None) - none) < 500


def test_without_the_builtin_nothing_is_taken():
    form.enable(False)
    try:
        w = np.ones(3)
        np.testing.assert_array_equal(cr.jit(step, donate=0)(w, 0.25), np.full(3, 0.5))
        np.testing.assert_array_equal(w, np.ones(3))
    finally:
        form.enable(True)


def test_methods_donate_their_own_arguments():
    class Model:
        def __init__(self):
            self.rate = np.full(3, 0.5)

        @cr.jit(donate="w")
        def step(self, w):
            return w - self.rate * w

    model, w = Model(), np.ones(3)
    assert model.step(w) is w
    np.testing.assert_array_equal(w, np.full(3, 0.5))
    np.testing.assert_array_equal(model.rate, np.full(3, 0.5))


# ---------------------------------------------------------------------------------------------------- large results


def allocated_by(*x):
    return np._core.multiarray.get_handler_name(*x)  # type: ignore[attr-defined]  # has no public name


def test_large_results_have_the_memory_of_those_before():
    double = cr.jit(lambda x: x * 2)
    large, small = np.ones(blocks.LARGE // 8 + 12_345), np.ones(blocks.LARGE // 8 - 1)  # no other test has this size
    assert allocated_by(double(small)) == allocated_by(large) == "default_allocator"
    first = double(large)
    assert allocated_by(first) == "chainrule"
    assert allocated_by() == allocated_by(np.ones(3)) == "default_allocator"
    places = {double(large).ctypes.data for _ in range(5)}
    assert len(places) == 1
    second = double(large)
    assert places == {second.ctypes.data} != {first.ctypes.data}
    np.testing.assert_array_equal(second, first)
    del first, second
    tensor = double(cr.tensor(large))
    assert tensor[-1] == 2


def test_blocks_of_many_sizes_and_large_ones_given_back_by_resize():
    double = cr.jit(lambda x: x * 2)
    kept = []
    for i in range(40):
        made = double(np.full(blocks.LARGE // 8 + 1000 * (i % 13), float(i)))
        kept = [*kept[-3:], (i, made)]
        assert all((x == 2 * j).all() for j, x in kept)
    last = double(np.full(blocks.LARGE, 1.5))
    last.resize(blocks.LARGE // 8 + 5, refcheck=False)
    np.testing.assert_array_equal(last, np.full(blocks.LARGE // 8 + 5, 3.0))
    last.resize(3, refcheck=False)
    np.testing.assert_array_equal(last, np.full(3, 3.0))


def test_arrays_that_live_to_the_end_of_the_process():
    code = "import numpy as np, chainrule as cr\nx = np.ones(2**21)\nf = cr.jit(lambda x: x * 2)\ny = f(f(x))\n"
    done = subprocess.run([sys.executable, "-c", code + "print(y[-1])"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4.0\n", "")


# ------------------------------------------------------------------------------------------------ what it looks like


def test_memory_is_told():
    descend = cr.jit(step)
    assert str(descend.memory(np.ones(1000), 0.1)) == (
        "inputs 8008 B, outputs 8000 B, constants 0 B\n"
        "arena 0 B; 0 B if nothing were used again\n"
        "output 0 may be written over input 0, if donated"
    )
    found = cr.jit(lambda x: cr.cumsum(cr.cumsum(cr.cumsum(cr.cumsum(x))))).memory(np.ones(1000))
    assert (found.arena, found.wanted, found.outputs, found.peak) == (16_000, 24_000, 8000, 24_000)
    assert [(place.name, place.offset, place.bytes) for place in found.arrays] == [
        ("cumsum", 0, 8000), ("cumsum", 8000, 8000), ("cumsum", 0, 8000)
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------- turned outputs

TURNED = {
    "a product": lambda x: (cr.sin(x) * 2).mT,
    "parts": lambda x: cr.concat([x, cr.cos(x), x[:, :1]], 1).mT,
    "a stack": lambda x: cr.permute_dims(cr.stack([x, -x, x * x]), (2, 0, 1)),
    "a stack of two orders": lambda x: (cr.stack([x, -x]).mT, cr.permute_dims(cr.stack([x, -x]), (1, 2, 0))),
    "what is read too": lambda x: (cr.sin(x).mT, cr.sum(cr.sin(x), axis=0)),
    "twice": lambda x: (cr.sin(x).mT, cr.sin(x).mT),
    "both ways": lambda x: (cr.sin(x).mT, cr.sin(x)),
    "a part": lambda x: cr.sin(x).mT[1:],
    "a diagonal, repeated": lambda x: cr.broadcast_to(cr.diagonal(cr.sin(x[:, :4]))[:, None], (4, 4)),
    "its beginning": lambda x: cr.sin(x).mT[:3],
    "its beginning, in order": lambda x: cr.sin(x)[:, :2],
    "its first": lambda x: cr.cumsum(x, axis=1).mT[:2, :3],
    "backwards": lambda x: cr.flip(cr.sin(x).mT, axis=0),
    "folds": lambda x: cr.sum(cr.exp(x)[:, None, :] * x[None, :, :], axis=2).mT,
    "zeros around": lambda x: cr.scatter_add(cr.sin(x), index=(slice(None), slice(1, 6)), shape=(4, 9)).mT,
    "second derivatives": lambda x: cr.hessian(lambda r: cr.sum((r[1:] - r[:-1] ** 2) ** 2))(x[0]),
    "a product of matrices": lambda x: (cr.exp(x) @ x.mT).mT,
    "a running sum": lambda x: cr.cumsum(cr.sin(x), axis=1).mT,
    "columns": lambda x: cr.sin(x)[:, :1].mT,
    "in loops": lambda x: cr.scan(lambda c, r: (c + cr.stack([r, r * 2]).mT, c.mT), cr.zeros((5, 2)), x),
}


@pytest.mark.parametrize("name", TURNED)
def test_outputs_are_made_in_their_order(name):
    function = TURNED[name]
    x = np.random.default_rng(0).normal(size=(4, 5))
    for made, expected in zip(flatten(cr.jit(function)(x))[0], flatten(function(cr.tensor(x)))[0], strict=True):
        np.testing.assert_allclose(np.asarray(made), expected.numpy(), 1e-13, 1e-13)


def test_turned_outputs_take_no_room_of_their_own():
    x = np.random.default_rng(0).normal(size=(300, 200))
    compiled = cr.jit(lambda x: cr.concat([cr.sin(x), cr.cos(x)]).mT)
    np.testing.assert_allclose(np.asarray(compiled(x)), np.concatenate([np.sin(x), np.cos(x)]).T, 1e-13)
    assert compiled.memory(x).arena == 0

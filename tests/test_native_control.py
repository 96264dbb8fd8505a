"""Loops and choices as machine code give what NumPy gives: values, derivatives of two orders, and samples of these."""

import itertools
import resource

import numpy as np
import pytest

import chainrule as cr
from chainrule import native, passes
from chainrule.graph.body import Body, symbols
from chainrule.native.control.invariant import divided
from chainrule.ops import ops
from chainrule.spec import Spec


def normal(*shape, dtype="float64", seed=0):
    x = np.random.default_rng([seed, *shape]).normal(size=shape)
    return x.astype(dtype) if np.dtype(dtype).kind != "c" else (x + 0.5j * x[..., ::-1]).astype(dtype)


def checked(f, *arrays, rtol=1e-10):
    """Run f compiled, and by NumPy; what it gives."""
    graph = passes.optimize(cr.trace(f, *arrays))
    found = native.run(native.compile(graph), *arrays)
    with np.errstate(all="ignore"):
        wanted = graph.run([np.asarray(x)[()] for x in arrays])
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        scale = np.max(np.abs(other), initial=1e-300, where=np.isfinite(other))
        tolerance = rtol if one.dtype.itemsize >= 8 and one.dtype != np.complex64 else 2e-5
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * scale)
    return found


def total(f):
    """A number that depends on every floating output of f."""

    def sums(*args):
        leaves = [y for y in cr.tree.flatten(f(*args))[0] if y.dtype.kind in "fc"]
        return sum((i + 1) * cr.sum(cr.real(cr.sin(y) * y)) for i, y in enumerate(leaves))

    return sums


W, V = normal(20, 20) / 5, normal(3, 3) / 2
X = normal(7, 3)


def rnn(h, xs):
    return cr.scan(lambda h, x: (cr.tanh(W[:3, :3] @ h + x), cr.sum(h * x)), h, xs)


def wide(w, h, xs):
    return cr.scan(lambda h, x: (cr.tanh(w @ h + x), h[::2]), h, xs)


def trees(x, ys):
    def step(carry, row):
        one, two = row
        a, (b, n) = carry
        return (cr.sin(a) * b, (b + one, n + 1)), {"sum": a + one, "product": cr.outer(two, two) * b}

    return cr.scan(step, (x, (x * 2, 3)), ys)


def nested(x, rows):
    def step(c, row):
        inner, ys = cr.scan(lambda d, v: (0.5 * cr.sin(d) * c + v, d * v), x, row)
        return cr.tanh(c + cr.sum(inner)), ys

    return cr.scan(step, cr.sum(x), rows)


def halving(x):
    return cr.while_loop(lambda c: cr.sum(c * c) > 1.0, lambda c: 0.7 * c + 0.01 * cr.sin(c), x)


def collatz(x):
    return cr.while_loop(
        lambda c: c[1] > 1,
        lambda c: (cr.sin(c[0]) + 0.1 * c[1], cr.where(c[1] % 2 == 0, c[1] // 2, 3 * c[1] + 1)),
        (x, 7),
    )


def everything(x, rows):
    def step(c):
        inner = cr.cond(
            cr.sum(c) > 1.0,
            lambda c: cr.scan(lambda d, r: (0.5 * d + 0.1 * cr.sin(r * d), None), c, rows)[0],
            lambda c: c * 0.3 + cr.sum(rows[0]) * 0.01,
            c,
        )
        return inner

    return cr.while_loop(lambda c: cr.sum(c * c) > 0.5, step, x)


def loop_in_scan(x, xs):
    def step(c, v):
        c = cr.while_loop(lambda d: cr.sum(d * d) > 2.0, lambda d: 0.6 * d + 0.1 * cr.cos(v * d), c)
        return c * 1.7 + v, cr.sum(c)

    return cr.scan(step, x, xs)


def chosen(i, x):
    return cr.switch(i, [lambda v: v * 2, cr.sin, lambda v: v @ v * v], x)


PROGRAMS = {
    "scan": (rnn, normal(3), X),
    "scan, reversed": (lambda h, xs: cr.scan(lambda h, x: (cr.sin(h) * x, h + x), h, xs, reverse=True), normal(3), X),
    "scan, large": (wide, W, normal(20), normal(9, 20)),
    "scan of trees": (trees, np.float64(0.3), (normal(5), normal(5, 2))),
    "scan, no steps": (rnn, normal(3), normal(0, 3)),
    "scan, one step": (rnn, normal(3), normal(1, 3)),
    "scan, float32": (
        lambda h, xs: cr.scan(lambda h, x: (cr.tanh(h) * x, h), h, xs),
        normal(3, dtype="f4"),
        normal(5, 3, dtype="f4"),
    ),
    "scan, complex": (
        lambda h, xs: cr.scan(lambda h, x: (h * x + 1j * cr.conj(h), h), h, xs),
        normal(3, dtype="c16"),
        X + 0j,
    ),
    "scan, complex and large": (
        lambda h, xs: cr.scan(lambda h, x: (cr.sin(h) * x, cr.sum(h)), h, xs),
        normal(40, dtype="c16"),
        normal(4, 40, dtype="c16"),
    ),
    "scan, flags": (
        lambda x, xs: cr.scan(lambda c, v: ((cr.where(c[1], c[0] * v, c[0] + v), ~c[1]), c[1]), (x, x > 0), xs),
        normal(3),
        X,
    ),
    "scan, sqrt": (lambda h, xs: cr.scan(lambda h, x: (cr.sin(h) * x, h), h, xs, checkpoint="sqrt"), normal(3), X),
    "scan, binomial": (
        lambda h, xs: cr.scan(lambda h, x: (cr.sin(h) * x, h), h, xs, checkpoint="binomial", states=3),
        normal(3),
        X,
    ),
    "scan, binomial and large": (
        lambda h, xs: cr.scan(lambda h, x: (cr.sin(h) * x, h), h, xs, checkpoint="binomial", states=3),
        normal(100),
        normal(7, 100),
    ),
    "while_loop, sqrt": (
        lambda x: cr.while_loop(lambda c: cr.sum(c * c) > 1.0, lambda c: 0.7 * c, x, checkpoint="sqrt"),
        normal(3) * 5,
    ),
    "while_loop, binomial": (
        lambda x: cr.while_loop(lambda c: cr.sum(c * c) > 1.0, lambda c: 0.7 * c, x, checkpoint="binomial", states=2),
        normal(3) * 5,
    ),
    "nested scans": (nested, normal(3), normal(4, 5, 3)),
    "while_loop": (halving, normal(3) * 5),
    "while_loop, large": (halving, normal(100)),
    "while_loop, no steps": (halving, normal(3) * 0.01),
    "while_loop of trees": (collatz, np.float64(0.5)),
    "scan in cond in while_loop": (everything, np.abs(normal(3)) * 3, X),
    "while_loop in scan": (loop_in_scan, normal(3), X),
    "cond": (lambda x: cr.cond(cr.sum(x) > 0, lambda v: v * 2, cr.sin, x), normal(50)),
    "switch": (lambda x: [chosen(i, x) for i in (-3, 0, 1, 2, 5)], normal(4)),
    "switch by input": (lambda i, x: chosen(i, x), np.int64(7), normal(4)),
    "fori_loop": (lambda x: cr.fori_loop(0, 6, lambda i, c: cr.sin(c) * (1 + i), x), normal(3)),
    "fori_loop, unknown": (
        lambda n, x: cr.fori_loop(0, n, lambda i, c: cr.sin(c) * (1 + i), x),
        np.int64(5),
        normal(3),
    ),
    "map": (lambda xs: cr.map(lambda x: (cr.sin(x), cr.sum(x * x)), xs), X),
    "associative_scan": (
        lambda x: cr.associative_scan(lambda a, b: (a[0] * b[0], b[0] * a[1] + b[1]), (x, cr.sin(x))),
        normal(9, 2),
    ),
    "in place": (lambda x: cr.scan(lambda c, _: (c * 1.01 + 0.1, None), x, length=4)[0], normal(200)),
    "exchanged": (lambda x: cr.scan(lambda c, _: ((c[1], c[0] * 0.9), c[0][:2]), (x, 2 * x), length=5), normal(200)),
    "shifted": (lambda x: cr.scan(lambda c, _: (cr.roll(c, 1) * 0.9 + c[::-1], None), x, length=5)[0], normal(200)),
    "unchanged": (lambda x: cr.scan(lambda c, v: ((c[0], c[1] + v * c[0]), None), (x, x), cr.arange(3.0)), normal(200)),
    "decomposed": (
        lambda x: cr.scan(lambda c, _: (cr.linalg.inv(c + 3 * cr.eye(4)) + x, cr.linalg.det(c)), x, length=3),
        normal(4, 4),
    ),
    "called back": (
        lambda x: cr.scan(lambda c, _: (cr.special.gammainccinv(1.5 + c * c, 0.3) * 0.1, None), x, length=3)[0],
        normal(3),
    ),
    "threads": (lambda x: cr.scan(lambda c, _: (cr.sin(c) * 0.9 + c[::-1], cr.sum(c)), x, length=3), normal(20_000)),
}
FLOATING = [name for name in PROGRAMS if name not in ("called back",)]


def floating(arrays):
    return [i for i, x in enumerate(arrays) if isinstance(x, tuple) or x.dtype.kind in "fc"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_values(name):
    f, *arrays = PROGRAMS[name]
    checked_tree(f, *arrays)


def checked_tree(f, *args):
    leaves, structure = cr.tree.flatten(args)
    return checked(lambda *xs: cr.tree.flatten(f(*cr.tree.unflatten(structure, list(xs))))[0], *leaves)


def gradient(f, arrays):
    return cr.value_and_grad(total(f), argnums=tuple(floating(arrays)))


def curvature(f, arrays):
    """The gradient in the direction of itself, differentiated again."""
    wrt = tuple(floating(arrays))

    def squares(*args):
        found = cr.tree.flatten(cr.grad(total(f), argnums=wrt)(*args))[0]
        return sum(cr.sum(cr.real(g * cr.conj(g))) for g in found)

    return cr.grad(squares, argnums=wrt)


@pytest.mark.parametrize("name", FLOATING)
def test_gradients(name):
    f, *arrays = PROGRAMS[name]
    checked_tree(gradient(f, arrays), *arrays)


@pytest.mark.parametrize("name", FLOATING)
def test_second_derivatives(name):
    f, *arrays = PROGRAMS[name]
    checked_tree(curvature(f, arrays), *arrays)


@pytest.mark.parametrize("name", FLOATING)
def test_samples(name):
    f, *arrays = PROGRAMS[name]
    axes = tuple(0 if i in floating(arrays) else None for i, _ in enumerate(arrays))
    many = [
        cr.tree.map_leaves(lambda x: np.stack([x, 0.9 * x, x * 1.1]), x) if a == 0 else x
        for x, a in zip(arrays, axes, strict=True)
    ]
    checked_tree(cr.vmap(f, in_axes=axes), *many)
    checked_tree(cr.vmap(gradient(f, arrays), in_axes=axes), *many)


# ----------------------------------------------------------------------------------------- reverse mode through loops


def host_calls(f, *arrays):
    """The ops of a function that are called back."""
    program = native.compile(passes.optimize(cr.trace(f, *arrays)))
    return sorted(name.split(".", 2)[2] for name in program.owner.lowering.e.symbols if name.startswith("host."))


LOOPS = [name for name in FLOATING if "while" in name or "unknown" in name]


@pytest.mark.parametrize("name", LOOPS)
def test_loops_are_reversed_in_machine_code(name):
    f, *arrays = PROGRAMS[name]
    leaves, structure = cr.tree.flatten(arrays)
    derivative = curvature(f, arrays)
    called = host_calls(lambda *xs: derivative(*cr.tree.unflatten(structure, list(xs))), *leaves)
    # Who asks for few carries in memory gets them from the rule itself.
    assert set(called) == ({"pull"} if name.endswith(("sqrt", "binomial")) else set())


def powers(x, n):
    """xⁿ, by a loop whose length is not known before."""
    return cr.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * x), (0, x * 0 + 1))[1]


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 33, 1000])
def test_powers_by_loops(n):
    x = 1.001
    slope, curved, third = (
        cr.jit(f)(x, n) for f in (cr.grad(powers), cr.grad(cr.grad(powers)), cr.grad(cr.grad(cr.grad(powers))))
    )
    np.testing.assert_allclose(slope, n * x ** (n - 1), rtol=1e-12)
    np.testing.assert_allclose(curved, n * (n - 1) * x ** (n - 2), rtol=1e-11)
    np.testing.assert_allclose(third, n * (n - 1) * (n - 2) * x ** (n - 3), rtol=1e-10, atol=1e-10)


def test_third_derivatives_add_up_sequences():
    def loop(x):
        def step(c):
            return c[0] + 1, cr.sin(c[1]) * x + c[1] * c[2], cr.cos(c[2] * c[1])

        return cr.sum(cr.while_loop(lambda c: c[0] < 6, step, (0, x, x * x))[1])

    f, x = loop, np.array([0.3, 0.7])
    for _ in range(3):
        f = (lambda g: cr.grad(lambda x: cr.sum(g(x) * cr.cos(x))))(f)
    assert host_calls(f, x) == []
    np.testing.assert_allclose(cr.jit(f)(x), f(cr.tensor(x)).numpy(), rtol=1e-9)


def test_sequences_are_made_where_large_arrays_are_computed_again():
    def loss(x):
        found = cr.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, cr.tanh(0.5 * c[1])), (0, x))[1]
        return cr.sum(cr.sin(found[::-1]))

    x = np.linspace(-1.0, 1.0, 64)
    found, right = cr.jit(cr.hessian(loss))(x), cr.hessian(loss)(cr.tensor(x)).numpy()
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-14)


def test_forward_over_reverse_through_a_loop():
    pushed = cr.jit(lambda x: cr.jvp(cr.grad(lambda x: powers(x, 7)), (x,), (2.0,)))
    np.testing.assert_allclose(pushed(1.5), (7 * 1.5**6, 2 * 42 * 1.5**5), rtol=1e-13)


def test_a_failure_inside_a_reversed_loop_is_the_eager_error_and_gives_memory_back():
    table = cr.tensor(np.linspace(0.5, 1.5, 40))

    def f(x, rounds):
        end = cr.while_loop(
            lambda c: c[0] < rounds, lambda c: (c[0] + 1, c[1] * table[c[0]] + 0 * cr.sum(c[1])), (0, x)
        )
        return cr.sum(end[1])

    x = np.ones(50_000)
    slope = cr.jit(cr.grad(f))
    np.testing.assert_allclose(slope(x, 40), np.prod(table.numpy()) * x, rtol=1e-12)
    with pytest.raises(IndexError):
        slope(x, 41)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):  # of 16 MB each
        with pytest.raises(IndexError):
            slope(x, 41)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB


# ------------------------------------------------------------------------------------------- functions of the user's


def _root_pull(x):
    y = cr.sqrt(x)
    return y, lambda g: (g / (2 * y),)


ROOT = cr.custom_rule(cr.sqrt, vjp=_root_pull)
TURN = cr.custom_rule(
    lambda x, y: (cr.cos(x) * y, cr.sum(y)),
    jvp=lambda at, moves: (
        (cr.cos(at[0]) * at[1], cr.sum(at[1])),
        (cr.cos(at[0]) * moves[1] - cr.sin(at[0]) * at[1] * moves[0], cr.sum(moves[1])),
    ),
)
RULES = {
    "value": lambda x: ROOT(x) * 2,
    "gradient": cr.grad(lambda x: cr.sum(cr.sin(ROOT(x)))),
    "second": cr.grad(lambda x: cr.sum(cr.grad(lambda x: cr.sum(cr.sin(ROOT(x))))(x) ** 2)),
    "in a scan": cr.grad(lambda x: cr.sum(cr.scan(lambda c, _: (ROOT(c) + x, None), x, length=3)[0])),
    "samples": cr.vmap(cr.grad(lambda x: ROOT(x) * 2)),
    "two outputs": cr.grad(lambda x: cr.sum(TURN(x, x)[0]) * TURN(x, x * 2)[1]),
    "samples of two outputs": cr.vmap(lambda x: TURN(x, 2 * x)),
}


@pytest.mark.parametrize("name", RULES)
def test_functions_with_rules_of_their_own_stand_in_place(name):
    x = np.linspace(1.0, 2.0, 5)
    checked(RULES[name], x)
    assert host_calls(RULES[name], x) == []


def test_checkpoints_stand_in_place():
    x, u = np.linspace(1.0, 2.0, 5), np.linspace(-1.0, 1.0, 5)
    leaves = [cr.tensor(a, requires_grad=True) for a in (x, u)]
    y = cr.checkpoint(lambda a: cr.exp(cr.sin(a) * a) * leaves[1])(leaves[0])
    graph = cr.Graph(leaves, [cr.sum(y * leaves[1])])
    program = native.compile(graph)
    assert not any(name.startswith("host.") for name in program.owner.lowering.e.symbols)
    for a, b in ((x, u), (x * 1.1, u - 0.5)):
        (found,) = native.run(program, a, b)
        np.testing.assert_allclose(found, np.sum(np.exp(np.sin(a) * a) * b * b), rtol=1e-13)


# ------------------------------------------------------------------------------------------------ work in a step


def test_what_does_not_change_is_computed_before_the_loop():
    k, c = symbols([Spec((9, 9), np.dtype(float)), Spec((9,), np.dtype(float))])
    body = Body([k, c], [cr.tanh(cr.linalg.inv(cr.exp(k)) @ (c + cr.sum(cr.cos(k), axis=0) * 2))])
    before, rest = divided(body, 1)
    assert sorted(node.op.name for node in before.computed) == ["cos", "exp", "inv", "sum"]
    assert sorted(node.op.name for node in rest.computed) == ["add", "matmul", "multiply", "tanh"]
    assert divided(body, 0) is None

    w, x = normal(9, 9), normal(9)

    def looped(w, x):
        return ops.scan(w, x, body=body, consts=1, carries=1, length=3, reverse=False, keep=True, snapshots=None)

    found = checked(looped, w, x)
    for one, other in itertools.pairwise([x, *found[1][1:], found[0]]):
        np.testing.assert_allclose(
            other, np.tanh(np.linalg.inv(np.exp(w)) @ (one + np.sum(np.cos(w), axis=0) * 2)), rtol=1e-9
        )


def test_carries_by_hand():
    x = normal(300)
    end, kept = cr.jit(lambda x: cr.scan(lambda c, _: (cr.roll(c, 1) * 0.9 + c, c), x, length=4))(x)
    states = [x]
    for _ in range(4):
        states.append(np.roll(states[-1], 1) * 0.9 + states[-1])
    np.testing.assert_allclose(end, states[4], atol=1e-13)
    np.testing.assert_allclose(kept, states[:4], atol=1e-13)
    for reverse in (False, True):

        def product(x, reverse=reverse):
            end, _ = cr.scan(lambda c, v: (cr.roll(c, 1) * v, None), x, np.arange(1.0, 5), reverse=reverse)
            return cr.sum(end)

        np.testing.assert_allclose(cr.jit(cr.grad(product))(x), np.full(300, 24.0), rtol=1e-14)

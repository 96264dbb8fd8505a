"""vmap: every op and random programs against a loop, inside and around other transforms; named axes; every mistake."""

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs
from samples import RECORDS, sample
from test_registry import Problem, bare, differentiable, has_gradient, same

import chainrule as cr
from chainrule.errors import AxisError, DTypeError, ShapeError, SymbolError
from chainrule.op import Op


def three(a):
    return np.stack([a, np.roll(a, 1), np.flip(a)])


# ---------------------------------------------------------------------------------------- all ops and programs


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_op_is_a_loop(name):
    for sampled in sample(name).calls:
        problem = Problem(name, sampled, kinds="fib" if isinstance(RECORDS[name], Op) else "f")
        if not problem.point:
            continue
        n = len(problem.point)
        for flags in {(True,) * n, tuple(i % 2 == 0 for i in range(n)), tuple(i % 2 == 1 for i in range(n))}:
            if not any(flags):
                continue
            stacked = [three(a) if flag else a for a, flag in zip(problem.point, flags, strict=True)]
            axes = tuple(0 if flag else None for flag in flags)
            found = cr.vmap(lambda *x, problem=problem: problem(*map(cr.asarray, x)), axes)(*stacked)
            looped = [
                bare(problem(*(a[k] if flag else a for a, flag in zip(stacked, flags, strict=True)))) for k in range(3)
            ]
            for y, result in enumerate(bare(found)):
                expected = np.stack([one[y] for one in looped])
                assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
                np.testing.assert_allclose(result, expected, 1e-12, 1e-13)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_gradient_is_a_loop(name):
    for sampled in sample(name).calls:
        problem = Problem(name, sampled)
        if not differentiable(name) or not has_gradient(problem):
            continue
        stacked = [three(a) for a in problem.point]
        cotangents = problem.random(problem(*problem.point), 2)
        tangents = problem.random(problem.point, 1)

        def pull(*x, problem=problem, cotangents=cotangents):
            return list(cr.vjp(problem, *x)[1](cotangents))

        def push(*x, problem=problem, tangents=tangents):
            return cr.jvp(problem, x, tangents)[1]

        for derivative in (pull, push):
            looped = [bare(derivative(*(a[k] for a in stacked))) for k in range(3)]
            expected = [np.stack(ones) for ones in zip(*looped, strict=True)]
            found = cr.vmap(derivative)(*stacked)
            assert not any(y.requires_grad for y in found)
            same(bare(found), expected, 1e-10, 1e-12)


def stack(trees):
    return [np.stack(ones) for ones in zip(*trees, strict=True)]


def values(tensors):
    return [y.numpy() for y in tensors]


@settings(max_examples=30)
@given(programs())
def test_programs_are_loops(program: Program):
    inputs = program.inputs()
    stacked = [three(x) for x in inputs]
    each = [[a[k] for a in stacked] for k in range(3)]

    def run(*x):
        return program.run(cr, *x)

    def gradient(*x):
        return cr.grad(run, range(len(x)))(*x)

    def product(*x):
        return cr.jvp(gradient, x, [cr.ones_like(one) for one in x])[1]

    np.testing.assert_allclose(cr.vmap(run)(*stacked).numpy(), [run(*map(cr.asarray, x)).numpy() for x in each], 1e-12)
    for derivative in (gradient, product):
        expected = stack([values(derivative(*x)) for x in each])
        same(values(cr.vmap(derivative)(*stacked)), expected, 1e-11, 1e-12)
    # Around it, derivatives pass through the map.
    total = cr.grad(lambda *x: cr.sum(cr.vmap(run)(*x)), range(len(inputs)))(*stacked)
    same(values(total), stack([values(gradient(*x)) for x in each]), 1e-11, 1e-12)
    symbols = [cr.symbol(shape=x.shape) for x in stacked]
    mapped = cr.vmap(gradient)(*symbols)
    same(values(cr.function(symbols, list(mapped))(*stacked)), values(total), 1e-11, 1e-12)


# ------------------------------------------------------------------------------------------------------ nesting

A = np.linspace(-1.0, 1.5, 6).reshape(2, 3)
B = np.linspace(0.3, 2.0, 12).reshape(4, 3)


def kernel(a, b):
    return cr.exp(-cr.sum((a - b) ** 2)) + cr.where(a[0] > b[0], a[1], b[2] * a[2])


def loops(f, a, b):
    return np.array([[f(cr.asarray(x), cr.asarray(y)).numpy() for y in b] for x in a])


def pairs(f):
    return cr.vmap(cr.vmap(f, (None, 0)), (0, None))


def test_maps_nest():
    np.testing.assert_allclose(pairs(kernel)(A, B).numpy(), loops(kernel, A, B), 1e-14)
    crossed = cr.vmap(cr.vmap(kernel, (0, None)), (None, 0))(A, B)
    np.testing.assert_allclose(crossed.numpy(), loops(kernel, A, B).T, 1e-14)
    closed = cr.vmap(lambda a: cr.vmap(lambda b: kernel(a, b))(cr.asarray(B)))(A)
    np.testing.assert_allclose(closed.numpy(), loops(kernel, A, B), 1e-14)


@pytest.mark.parametrize("argnum", [0, 1])
def test_derivatives_inside_and_around_nested_maps(argnum):
    gradient = cr.grad(kernel, argnum)
    np.testing.assert_allclose(pairs(gradient)(A, B).numpy(), loops(gradient, A, B), 1e-13)
    mixed = cr.vmap(
        lambda a: cr.grad(lambda a: cr.sum(cr.vmap(lambda b: kernel(a, b) * a[0])(cr.asarray(B))))(a)
    )  # a derivative between two maps
    expected = [
        np.sum([cr.grad(lambda a, b=b: kernel(a, cr.asarray(b)) * a[0])(a).numpy() for b in B], axis=0) for a in A
    ]
    np.testing.assert_allclose(mixed(A).numpy(), expected, 1e-13)
    outer = cr.grad(lambda a: cr.sum(pairs(cr.grad(kernel, argnum))(a, B) ** 2))(A)
    leaf = cr.tensor(A, requires_grad=True)
    rows = [cr.grad(kernel, argnum)(leaf[i], b) for i in range(2) for b in B]
    sum(cr.sum(row**2) for row in rows).backward()
    np.testing.assert_allclose(outer.numpy(), leaf.grad.numpy(), 1e-12)


def test_second_derivatives_of_samples():
    second = cr.vmap(cr.grad(cr.grad(lambda x, y: cr.sin(x * y), 0), 1))
    x, y = np.array([0.3, 1.2]), np.array([2.0, -0.7])
    # ∂/∂y of y cos xy
    np.testing.assert_allclose(second(x, y).numpy(), np.cos(x * y) - x * y * np.sin(x * y), 1e-13)


def test_perturbations_are_not_confused():
    # d/dy (x + y) does not depend on x, whose samples are mapped: 1 · x.
    f = cr.vmap(lambda x: x * cr.grad(lambda y: x + y)(1.0))
    assert f(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]
    g = cr.vmap(lambda x: cr.grad(lambda x: x * cr.grad(lambda y: x + y)(x))(x))
    assert g(np.array([1.0, 2.0])).tolist() == [1.0, 1.0]
    h = cr.grad(lambda w: cr.sum(cr.vmap(lambda x: x * cr.grad(lambda v: v * w * x)(w))(cr.asarray([1.0, 2.0]))))
    assert h(3.0).item() == 5.0  # Σ x² w


def test_what_is_closed_over_keeps_its_gradient():
    w = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    cr.vmap(lambda a: cr.tanh(a @ w))(A).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), (1 - np.tanh(A @ [1.0, 2.0, 3.0]) ** 2) @ A, 1e-13, 1e-15)
    mapped = cr.vmap(cr.grad(lambda a: cr.sum(cr.sin(a * w))))(A)
    g = cr.gradients(mapped.sum(), w)
    u = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(g.numpy(), (np.cos(A * u) - A * u * np.sin(A * u)).sum(0), 1e-13)


def test_derivatives_of_constants_stay_inside():
    w = cr.tensor([1.0, 2.0, 3.0])
    found = cr.vmap(cr.grad(lambda w, a: cr.sum(w * a) ** 2), (None, 0))(w, A)
    assert not found.requires_grad
    np.testing.assert_allclose(found.numpy(), 2 * (A @ [1.0, 2.0, 3.0])[:, None] * A, 1e-14)
    value, gradient = cr.vmap(cr.value_and_grad(lambda w, a: (w * a).sum() if w[0] > 0 else w[0]), (None, 0))(w, A)
    np.testing.assert_allclose(value.numpy(), A @ [1.0, 2.0, 3.0])
    np.testing.assert_allclose(gradient.numpy(), A)


def test_writing_into_samples():
    def f(x):
        x = x * 1.0
        x[0] = x[1] * 2
        x += 1
        buffer = cr.zeros(2)
        buffer[1] = x[0]
        return x.sum() + buffer.sum()

    xs = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert cr.vmap(f)(xs).tolist() == [2 * 5 + 3.0, 2 * 11 + 6.0]
    assert cr.vmap(cr.grad(f))(xs).tolist() == [[0.0, 5.0]] * 2


def test_several_outputs_of_samples():
    m = np.stack([np.diag([1.0, 3.0]) + 0.2, np.diag([4.0, 2.0]) - 0.3])

    def f(a):
        w, v = cr.linalg.eigh(a)
        return w[1] + (v * v)[0, 0]

    looped = np.stack([cr.grad(f)(a).numpy() for a in m])
    np.testing.assert_allclose(cr.vmap(cr.grad(f))(m).numpy(), looped, 1e-12)
    around = cr.grad(lambda m: cr.sum(cr.vmap(f)(m)))(m)
    np.testing.assert_allclose(around.numpy(), looped, 1e-12)


# ------------------------------------------------------------------------------------- arguments and results


def test_axes_of_trees():
    tree = {"w": np.arange(6.0).reshape(3, 2), "b": np.float64(2.0)}
    found = cr.vmap(lambda p, x: {"y": p["w"] * x + p["b"], "x": x}, ({"w": 1, "b": None}, 0), {"y": -1, "x": 0})(
        tree, np.array([1.0, 10.0])
    )
    assert found["y"].tolist() == [[2.0, 12.0], [4.0, 32.0], [6.0, 52.0]]
    assert found["x"].tolist() == [1.0, 10.0]
    assert cr.vmap(lambda x: x, -1, -1)(tree["w"]).tolist() == tree["w"].tolist()
    assert cr.vmap(lambda x, k: x * k, [0, None])(np.ones(2), k := 3).tolist() == [3.0, 3.0]
    assert cr.vmap(lambda x, k: x * k)(np.ones(2), k=k).tolist() == [3.0, 3.0]


def test_results_that_do_not_vary():
    same_, varied, count = cr.vmap(lambda x: (cr.ones(2), x, 3), out_axes=(None, 0, 0))(np.arange(2))
    assert same_.tolist() == [1.0, 1.0]
    assert (varied.tolist(), varied.dtype) == ([0, 1], np.int64)
    assert count.tolist() == [3, 3]
    assert cr.vmap(lambda x: cr.ones(2))(np.arange(3)).shape == (3, 2)
    assert cr.vmap(lambda: cr.ones(2), axis_size=4)().shape == (4, 2)
    assert cr.vmap(cr.sin)(np.zeros((0, 2))).shape == (0, 2)


def test_random_numbers_are_the_same_for_all_samples():
    drawn = cr.vmap(lambda x: x * 0 + cr.random.normal(0.0, 1.0))(np.zeros(3)).tolist()
    assert drawn[0] == drawn[1] == drawn[2] != 0


# ---------------------------------------------------------------------------------------------- named axes


def test_named_axes():
    x = np.array([1.0, 2.0, 4.0])
    for function, whole in ((cr.psum, np.sum), (cr.pmean, np.mean), (cr.pmax, np.max), (cr.pmin, np.min)):
        found = cr.vmap(lambda x, f=function: x * f(x, "i"), axis_name="i")(x)
        np.testing.assert_allclose(found.numpy(), x * whole(x))
        once = cr.vmap(lambda x, f=function: f({"a": x}, "i"), axis_name="i", out_axes=None)(x)
        np.testing.assert_allclose(once["a"].numpy(), whole(x))
    assert cr.vmap(lambda x: cr.axis_index("i") * 10, axis_name="i")(x).tolist() == [0, 10, 20]
    assert cr.vmap(lambda x: cr.psum(2.0, "i") + x, axis_name="i")(x).tolist() == [7.0, 8.0, 10.0]
    assert cr.vmap(lambda x: cr.all_gather(x, "i"), axis_name="i")(x).tolist() == [[1.0, 2.0, 4.0]] * 3
    assert cr.vmap(lambda x: cr.all_gather(x, "i"), axis_name="i", out_axes=None)(x).tolist() == [1.0, 2.0, 4.0]


def test_derivatives_through_named_axes():
    x, w = np.array([1.0, 2.0, 4.0]), np.array([0.3, -0.5, 2.0])

    def normalised(x):
        return cr.vmap(lambda x: x / cr.psum(x * x, "i") + cr.pmax(x, "i") * x, axis_name="i")(x)

    def plain(x):
        return x / cr.sum(x * x) + cr.max(x) * x

    for f, g in ((normalised, plain),):
        np.testing.assert_allclose(f(x).numpy(), g(x).numpy() if hasattr(g(x), "numpy") else g(x), 1e-14)
        np.testing.assert_allclose(cr.vjp(f, x)[1](w)[0].numpy(), cr.vjp(g, cr.asarray(x))[1](w)[0].numpy(), 1e-13)
        np.testing.assert_allclose(cr.jvp(f, (x,), (w,))[1].numpy(), cr.jvp(g, (x,), (w,))[1].numpy(), 1e-13)

    # Inside, a sample's derivative is that of the sum over all samples: each of them depends on this one.
    inside = cr.vmap(lambda x, w: cr.vjp(lambda x: x / cr.psum(x * x, "i"), x)[1](w)[0], axis_name="i")(x, w)
    expected = cr.vjp(lambda x: x / cr.sum(x * x), cr.asarray(x))[1](w)[0]
    np.testing.assert_allclose(inside.numpy(), expected.numpy(), 1e-13)
    moved = cr.vmap(lambda x, w: cr.jvp(lambda x: x / cr.psum(x * x, "i"), (x,), (w,))[1], axis_name="i")(x, w)
    np.testing.assert_allclose(moved.numpy(), cr.jvp(lambda x: x / cr.sum(x * x), (x,), (w,))[1].numpy(), 1e-13)
    shared = cr.vmap(lambda x: cr.grad(lambda v: cr.psum(v * v, "i"))(3.0) + x, axis_name="i")(x)
    assert shared.tolist() == [19.0, 20.0, 22.0]


def test_two_named_axes():
    m = np.arange(6.0).reshape(2, 3)

    def f(x):
        return x + 10 * cr.psum(x, "rows") + 100 * cr.psum(x, "columns") + 1000 * cr.psum(cr.psum(x, "rows"), "columns")

    found = cr.vmap(cr.vmap(f, axis_name="columns"), axis_name="rows")(m)
    expected = m + 10 * m.sum(0) + 100 * m.sum(1, keepdims=True) + 1000 * m.sum()
    np.testing.assert_allclose(found.numpy(), expected)
    gathered = cr.vmap(cr.vmap(lambda x: cr.all_gather(x, "rows"), axis_name="columns"), axis_name="rows")(m)
    np.testing.assert_allclose(gathered.numpy(), np.broadcast_to(m.T, (2, 3, 2)))
    g = cr.vmap(cr.vmap(cr.grad(lambda x: cr.psum(x**2, "rows") ** 2), axis_name="columns"), axis_name="rows")(m)
    np.testing.assert_allclose(g.numpy(), 2 * 2 * (m**2).sum(0) * 2 * m, 1e-14)


# ------------------------------------------------------------------------------------------------- stop_gradient


def test_stop_gradient_stops_everywhere():
    def f(x):
        return cr.stop_gradient({"x": x, "n": 2})["x"] * x**2

    assert cr.grad(f)(3.0).item() == 18.0
    assert cr.grad(cr.grad(f))(3.0).item() == 6.0
    assert cr.jvp(f, (3.0,), (1.0,))[1].item() == 18.0
    assert cr.vmap(cr.grad(f))(np.array([3.0, 1.0])).tolist() == [18.0, 2.0]
    assert cr.grad(lambda x: cr.sum(cr.vmap(f)(x)))(np.array([3.0, 1.0])).tolist() == [18.0, 2.0]
    s = cr.symbol("s", shape=())
    assert cr.gradients(f(s), s).eval(s=3.0).item() == 18.0
    assert cr.gradients(s.detach() * s, s).eval(s=3.0).item() == 3.0
    assert cr.stop_gradient(np.arange(2)).tolist() == [0, 1]


# ------------------------------------------------------------------------------------------------------ mistakes

X = np.ones((3, 2))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        pytest.param(
            SymbolError,
            "[bool] this is one sample of a vmap (bool[]) and has no value of its own; expected a Tensor with a value; "
            "choose by values with where(...), or leave this argument out of in_axes.",
            lambda: cr.vmap(lambda x: x if x > 0 else -x)(np.ones(3)),
            id="control flow",
        ),
        pytest.param(
            ShapeError,
            "[vmap] leaf 1 of the arguments has 2 samples, and leaf 0 has 3; expected equally many; choose the axes "
            "with in_axes, None for what is not mapped.",
            lambda: cr.vmap(lambda x, y: x)(X, np.ones(2)),
            id="sizes",
        ),
        pytest.param(
            AxisError,
            "[vmap] leaf 1 of the arguments is 0-d and in_axes maps it over axis 0; expected an axis of samples; set "
            "in_axes to None for it, e.g. in_axes=(0, None).",
            lambda: cr.vmap(lambda x, y: x)(X, 2.0),
            id="0-d",
        ),
        pytest.param(
            AxisError,
            "[vmap] axis 2 is out of range for an operand with 2 axes; expected an integer from -2 to 1; check the "
            "operand's shape.",
            lambda: cr.vmap(lambda x: x, 2)(X),
            id="in_axes range",
        ),
        pytest.param(
            ShapeError,
            "[vmap] in_axes is (0, 0), which does not fit 1 arguments of the form (*,); expected an int or None, or a "
            "tree of these, each of them for all below it; write e.g. in_axes=(0, None).",
            lambda: cr.vmap(lambda x: x, (0, 0))(X),
            id="in_axes tree",
        ),
        pytest.param(
            DTypeError,
            "[vmap] in_axes holds 'a'; expected integers, and None for what is not mapped; write e.g. "
            "in_axes=(0, None).",
            lambda: cr.vmap(lambda x: x, "a")(X),
            id="in_axes kind",
        ),
        pytest.param(
            ShapeError,
            "[vmap] no argument is mapped, so the number of samples is unknown; expected in_axes with at least one "
            "axis; give an argument with an axis of samples, or axis_size=n.",
            lambda: cr.vmap(lambda x: x, None)(X),
            id="nothing mapped",
        ),
        pytest.param(
            ShapeError,
            "[vmap] result 0 varies from sample to sample, and out_axes is None for it; expected an axis to put its "
            "samples along; set out_axes=0, or reduce it over the samples, e.g. with pmean.",
            lambda: cr.vmap(lambda x: x, out_axes=None)(X),
            id="out_axes None",
        ),
        pytest.param(
            SymbolError,
            "[psum] no axis is named 'j' here; open ones: 'i'; expected a call inside the function that is mapped; "
            "write vmap(f, axis_name='j').",
            lambda: cr.vmap(lambda x: cr.psum(x, "j"), axis_name="i")(X),
            id="axis name",
        ),
        pytest.param(
            ShapeError,
            "[add] shapes (2,) and (3,) do not broadcast: axis -1 has sizes 2 and 3; sizes must be equal, or one of "
            "them 1; reshape an operand, or insert an axis with x[:, None].",
            lambda: cr.vmap(lambda x: x + np.ones(3))(X),
            id="shapes of a sample",
        ),
    ],
)
def test_mistakes(error, message, call):
    assert_message(error, message, call)


def test_samples_end_with_their_map():
    kept = []
    cr.vmap(lambda x: kept.append(x) or x)(X)
    message = (
        "[sin] an operand is a sample of a vmap that has ended; expected it to stay inside the mapped function; "
        "return it from there to have all samples."
    )
    assert_message(SymbolError, message, lambda: cr.sin(kept[0]))

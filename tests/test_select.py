"""select: what is left of a graph when selections come first, and that results and errors stay."""

from typing import Any

import numpy as np
import pytest
from bits import lines, run
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Program, programs
from test_registry import differentiable, every_op, has_gradient, problems

import chainrule as cr
from chainrule import passes
from chainrule.graph.check import check
from chainrule.graph.graph import Graph

RNG = np.random.default_rng(0)


def assert_selects(graph: Graph, point: Any, rtol: float = 2e-13) -> Graph:
    """select, and all passes, keep results, but for the order of sums; the graph that select leaves."""
    found = passes.select(graph)
    check(found)
    expected = run(graph, point)
    for one in (found, passes.optimize(graph)):
        for mine, other in zip(run(one, point), expected, strict=True):
            assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
            if mine.dtype.kind in "fc":
                tight = max(rtol, 2000 * float(np.finfo(mine.dtype).eps))
                scale = np.max(np.abs(np.nan_to_num(other, posinf=0, neginf=0)), initial=0.0)
                np.testing.assert_allclose(mine, other, tight, tight * scale)
            else:
                np.testing.assert_array_equal(mine, other)
    return found


def after(function: Any, *shapes: Any, index: Any = None) -> list[str]:
    """The calls that select leaves of a function of symbols of these shapes, and of an index of so many places."""
    names = "xyzw"[: len(shapes)]
    inputs = [cr.symbol(name, shape=shape) for name, shape in zip(names, shapes, strict=True)]
    point = [RNG.normal(size=shape) for shape in shapes]
    if index is not None:
        inputs.append(cr.symbol("i", shape=(index,), dtype="int64"))
        point.append(RNG.integers(-3, 3, size=index))
    graph = Graph(inputs, [function(*inputs)])
    return lines(assert_selects(graph, point))[:-1]


def sized(text: list[str]) -> list[str]:
    """The ops alone."""
    return [line.split(" = ")[1].split("(")[0] for line in text]


# ------------------------------------------------------------------------------------------------------ what moves


def test_through_elementwise_calls_and_repeats():
    assert after(lambda x, y, i: (cr.exp(x) * y)[i], (9, 3), (3,), index=2) == [
        "%0 = gather(x, i, index=(array,))",
        "%1 = exp(%0)",
        "%2 = multiply(%1, y)",
    ]
    assert after(lambda x, y: (cr.exp(x) * y)[:, 1:3], (9, 6), (9, 1)) == [
        "%0 = gather(x, index=(slice(None, None, None), slice(1, 3, None)))",
        "%1 = exp(%0)",
        "%2 = multiply(%1, y)",
    ]
    assert after(lambda x: cr.broadcast_to(cr.exp(x), (7, 5, 6))[0, :, 2], (5, 1)) == [
        "%0 = exp(x)",
        "%1 = broadcast_to(%0, shape=(1, 5, 1))",
        "%2 = gather(%1, index=(0, slice(None, None, None), 0))",
    ]


def test_through_axes_that_move():
    assert after(lambda x: cr.permute_dims(cr.exp(x), (2, 0, 1))[1], (4, 5, 6)) == [
        "%0 = gather(x, index=(slice(None, None, None), slice(None, None, None), slice(1, 2, None)))",
        "%1 = exp(%0)",
        "%2 = permute_dims(%1, axes=(2, 0, 1))",
        "%3 = gather(%2, index=(0, slice(None, None, None), slice(None, None, None)))",
    ]
    assert after(lambda x, i: cr.exp(x).reshape((9, 2, 3))[i], (9, 6), index=2) == [
        "%0 = gather(x, i, index=(array,))",
        "%1 = exp(%0)",
        "%2 = reshape(%1, shape=(2, 2, 3))",
    ]
    kept = after(lambda x: cr.exp(x).reshape((6, 9))[:, :2], (9, 6))
    assert sized(kept) == ["exp", "reshape", "gather"]  # which are no places of one axis


def test_through_products():
    assert after(lambda x, y, i: (cr.sin(x) @ y)[i], (9, 4), (4, 5), index=3) == [
        "%0 = gather(x, i, index=(array,))",
        "%1 = sin(%0)",
        "%2 = matmul(%1, y)",
    ]
    assert after(lambda x, y: (x @ y)[..., 1:3, ::2], (2, 9, 4), (4, 6)) == [
        "%0 = gather(x, index=(slice(None, None, None), slice(1, 3, None), slice(None, None, None)))",
        "%1 = gather(y, index=(slice(None, None, None), slice(0, 6, 2)))",
        "%2 = matmul(%0, %1)",
    ]
    assert after(lambda x, y: cr.einsum("ij,jk,i->ki", x, y, y[:, 0])[1], (4, 4), (4, 5))[1:] == [
        "%1 = gather(y, index=(slice(None, None, None), slice(1, 2, None)))",
        "%2 = contract(x, %1, %0, subscripts='ij,jk,i->ki')",
        "%3 = gather(%2, index=(0, slice(None, None, None)))",
    ]


@pytest.mark.parametrize(("x", "y"), [
    ((4,), (4, 6)), ((3, 5, 4), (4,)), ((7, 1, 5, 4), (3, 4, 6)), ((4,), (3, 4, 6)), ((3, 5, 4), (1, 4, 6)),
])  # fmt: skip
def test_through_products_of_any_axes(x, y):
    for axis in range((np.zeros(x) @ np.zeros(y)).ndim):
        left = after(lambda x, y, at=axis: (cr.sin(x) @ cr.sin(y))[(slice(None),) * at + (slice(0, 2),)], x, y)
        assert left[-1].split(" = ")[1].startswith("matmul")


def test_through_folds():
    assert after(lambda x, i: cr.sum(cr.exp(x), axis=1)[i], (9, 4), index=2) == [
        "%0 = gather(x, i, index=(array,))",
        "%1 = exp(%0)",
        "%2 = sum(%1, axis=(1,))",
    ]
    assert sized(after(lambda x: cr.max(x * 2, axis=(0, 2), keepdims=True)[:, 0], (3, 4, 5))) == [
        "gather", "multiply", "max", "gather",
    ]  # fmt: skip
    assert sized(after(lambda x: cr.cumsum(x * 2, axis=1)[0], (3, 4))) == ["gather", "multiply", "cumsum", "gather"]
    assert sized(after(lambda x: cr.cumsum(x * 2, axis=0)[0], (3, 4))) == ["multiply", "cumsum", "gather"]
    assert sized(after(lambda x: cr.softmax(x * 2, axis=-1)[0], (3, 4))) == ["gather", "multiply", "softmax", "gather"]


def test_through_what_is_joined():
    assert after(lambda x, y, z: cr.stack([cr.exp(x), y, z], 1)[:, 0], (4,), (4,), (4,)) == [
        "%0 = exp(x)",
        "%1 = stack(%0, axis=1)",
        "%2 = gather(%1, index=(slice(None, None, None), 0))",
    ]
    assert after(lambda x, y: cr.concat([cr.exp(x), cr.sin(y)])[2:4], (3,), (6,)) == [
        "%0 = gather(x, index=(slice(2, 3, None),))",
        "%1 = exp(%0)",
        "%2 = gather(y, index=(slice(0, 1, None),))",
        "%3 = sin(%2)",
        "%4 = concat(%1, %3)",
    ]
    assert sized(after(lambda x, y: cr.concat([x * 2, y], 1)[0], (3, 2), (3, 5))) == [
        "gather", "multiply", "gather", "concat", "gather",
    ]  # fmt: skip


def test_what_is_left_out_of_a_join_has_a_part_in_its_dtype():
    x, y = cr.symbol("x", shape=(3,), dtype="int32"), cr.symbol("y", shape=(6,))
    graph = Graph([x, y], [cr.concat([x * 2, y])[:2], cr.stack([x, y[:3]])[0]])
    assert_selects(graph, [np.arange(3, dtype=np.int32), np.ones(6)])


def test_selections_of_selections():
    assert after(lambda x: cr.exp(x[2:, ::-1])[1:3][:, 4], (9, 6)) == [
        "%0 = gather(x, index=(slice(3, 5, None), slice(1, 0, -1)))",
        "%1 = exp(%0)",
        "%2 = gather(%1, index=(slice(None, None, None), 0))",
    ]
    kept = after(lambda x, i: cr.exp(cr.sin(x)[i])[:1], (9, 6), index=4)
    assert sized(kept) == ["gather", "sin", "gather", "exp"]  # as all of i is looked up
    assert sized(after(lambda x, i: cr.exp(cr.sin(x)[i])[:, 1], (9, 6), index=4)) == [
        "gather", "gather", "sin", "exp", "gather",
    ]  # fmt: skip


def test_several_readers_share_what_they_read():
    y = cr.symbol("x", shape=(9,))
    z = cr.exp(y)
    graph = Graph([y], [z[1:3] + z[2:4]])
    assert lines(assert_selects(graph, [RNG.normal(size=9)])) == [
        "%0 = gather(x, index=(slice(1, 4, None),))",
        "z = exp(%0)",
        "%1 = gather(z, index=(slice(0, 2, None),))",
        "%2 = gather(z, index=(slice(1, 3, None),))",
        "%3 = add(%1, %2)",
        "return %3",
    ]
    whole = Graph([y], [z[1:3], cr.sum(z)])
    assert passes.select(whole) is whole
    most = Graph([y], [z[1:]])
    assert passes.select(most) is most


def test_several_index_arrays_share_what_they_read():
    x = cr.symbol("x", shape=(90, 3))
    i, j = cr.symbol("i", shape=(2,), dtype="int64"), cr.symbol("j", shape=(4, 2), dtype="int32")
    y = cr.exp(x)
    graph = Graph([x, i, j], [y[i] * 2, y[j[:, 0]] + y[j[:, 1]], y[i] - 1])
    found = assert_selects(graph, [RNG.normal(size=(90, 3)), np.array([3, -1]), RNG.integers(90, size=(4, 2))])
    assert [node.shape for node in found.nodes if node.op is not None and node.op.name == "exp"] == [(10, 3)]


def test_index_arrays_of_any_axes():
    x, i, j = (
        cr.symbol("x", shape=(90, 3)),
        cr.symbol("i", shape=(), dtype="int64"),
        cr.symbol("j", shape=(4, 2), dtype="int8"),
    )
    y = cr.exp(x)
    point = [RNG.normal(size=(90, 3)), np.array(-7), RNG.integers(-90, 90, size=(4, 2)).astype(np.int8)]
    for outputs in ([y[i]], [y[j]], [y[i] + y[j]], [cr.sin(y[j])[..., 1]], [y.mT[:, j][:2]], [y[np.array([[3], [5]])]]):
        found = assert_selects(Graph([x, i, j], outputs), point)
        (made,) = (node for node in found.nodes if node.op is not None and node.op.name == "exp")
        assert made.size <= 27
    assert after(lambda x, y: cr.exp(x)[np.array([[3, 4], [5, -1]])], (9, 2), (1,)) == [
        "%0 = gather(x, [ 3, 4, 5, -1], index=(array,))",
        "%1 = exp(%0)",
        "%2 = reshape(%1, shape=(2, 2, 2))",
    ]


def test_index_arrays_behind_new_axes():
    x, i = cr.symbol("x", shape=(2, 3, 4)), np.array([-1, 0])
    y = cr.exp(x)
    for one in (y[None, :, i], y[:, :, None, i], y[None, None, i], y[:, None, i[:1]]):
        assert_selects(Graph([x], [one]), [RNG.normal(size=(2, 3, 4))])


def test_index_arrays_may_depend_on_what_they_select_from():
    x = cr.symbol("x", shape=(9,))
    y = cr.exp(x)
    order = cr.argsort(y)[:3]
    assert_selects(Graph([x], [cr.sin(y)[order], y[order[:2]]]), [RNG.normal(size=9)])


def test_scattered_cotangents():
    x, i = cr.symbol("x", shape=(9, 4)), cr.symbol("i", shape=(5,), dtype="int64")
    slope = cr.gradients(cr.sum(cr.exp(x)[i] ** 2), [x])[0]
    point = [RNG.normal(size=(9, 4)), np.array([0, 3, 3, -1, 2])]
    assert_selects(Graph([x, i], [slope[:, 1], slope[:, :1]]), point)


# ------------------------------------------------------------------------------------------------------ what stays


def test_what_is_the_same_in_all_steps_of_a_loop_stays_whole():
    table, order = cr.symbol("t", shape=(9, 3)), cr.symbol("i", shape=(20, 2), dtype="int64")

    def step(carry: Any, i: Any) -> Any:
        total, same = carry
        return (total + cr.sum(cr.exp(same)[i]) + cr.sum(cr.sin(same)[:2]), same), None

    (y, _), _ = cr.scan(step, (0.0, table), order)
    graph = assert_selects(Graph([table, order], [y]), [RNG.normal(size=(9, 3)), RNG.integers(9, size=(20, 2))])
    (loop,) = (node for node in passes.optimize(graph).nodes if node.op is not None and node.op.name == "scan")
    shapes = {node.op.name: node.shape for node in loop.params["body"].nodes if node.op is not None}
    assert shapes["exp"] == (9, 3) and shapes["sin"] == (2, 3)


@pytest.mark.parametrize("function", [
    lambda x, i: cr.broadcast_to(x[:1], (9, 3))[i],
    lambda x, i: cr.exp(x)[i],
    lambda x, i: (cr.exp(x) + x[:1])[i, None],
    lambda x, i: (x @ x.mT)[:, i],
    lambda x, i: cr.sum(cr.exp(x), axis=1)[i],
    lambda x, i: cr.sin(cr.exp(x)[i])[:1],
])  # fmt: skip
def test_indices_out_of_bounds_are_errors_still(function):
    x, i = cr.symbol("x", shape=(9, 3)), cr.symbol("i", shape=(2,), dtype="int64")
    graph = Graph([x, i], [function(x, i)])
    for one in (graph, passes.select(graph), passes.optimize(graph)):
        run(one, [np.ones((9, 3)), np.array([-9, 8])])
        for wrong in (9, -10):
            with pytest.raises(cr.AxisError):
                run(one, [np.ones((9, 3)), np.array([0, wrong])])
    compiled = cr.jit(function)
    compiled(np.ones((9, 3)), np.array([-9, 8]))
    for wrong in (9, -10):
        with pytest.raises(cr.AxisError):
            compiled(np.ones((9, 3)), np.array([wrong, 0]))


def test_empty_selections():
    for index in (slice(0, 0), slice(5, 5), np.zeros(0, int)):
        after(lambda x, index=index: cr.sum(cr.exp(x), axis=1)[index], (9, 4))
        after(lambda x, index=index: cr.stack([x, x * 2])[index], (9, 4))
        after(lambda x, index=index: cr.concat([x, x * 2])[index], (9, 4))
    after(lambda x, i: cr.exp(x)[i], (9, 4), index=0)


# ------------------------------------------------------------------------------------------------------ whatever comes


def indices(shape: Any) -> list[Any]:
    """An index of each kind, for every axis of a shape."""
    found: list[Any] = []
    for axis, size in enumerate(shape):
        if size:
            kinds: list[Any] = [slice(0, (size + 1) // 2), slice(size - 1, None, -2), 0, -1]
            kinds += [np.array([size - 1, -size, 0]), np.array([[-1], [0]])]
            found += [(slice(None),) * axis + (one,) for one in kinds]
    return found


@every_op
def test_every_op_and_its_gradient(name):
    for problem in problems(name)[:2]:
        if not problem.point:
            continue
        inputs = [cr.symbol(f"x{i}", shape=a.shape, dtype=a.dtype) for i, a in enumerate(problem.point)]
        outputs = [y for y in problem(*inputs) if isinstance(y, cr.Tensor) and y._node is not None]
        if differentiable(name) and has_gradient(problem):
            moving = [y for y in outputs if y.dtype.kind in "fc"]
            found = cr.gradients(moving, inputs, [np.ones(y.shape, y.dtype) for y in moving], allow_unused=True)
            outputs += [g for g in found if g is not None and g._node is not None]
        for y in outputs:
            for index in indices(y.shape):
                graph = Graph(inputs, [y[index]])
                found = passes.select(graph)
                check(found)
                expected, made = run(graph, problem.point), run(found, problem.point)
                for mine, other in zip(made, expected, strict=True):
                    assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
                    tight = 2000 * float(np.finfo(mine.dtype).eps) if mine.dtype.kind in "fc" else 0.0
                    np.testing.assert_allclose(mine, other, tight, tight * 10)


@settings(max_examples=200)
@given(programs(), st.data())
def test_random_programs_and_their_gradients(program: Program, data: Any):
    inputs = [cr.symbol(f"x{i}", shape=shape) for i, shape in enumerate(program.shapes)]
    y = program.run(cr, *inputs)
    outputs = [y, *(g for g in cr.gradients(y, inputs, allow_unused=True) if g is not None)]
    parts = [one[data.draw(st.sampled_from(indices(one.shape)))] for one in outputs if indices(one.shape)]
    if parts:
        assert_selects(Graph(inputs, parts), program.inputs())

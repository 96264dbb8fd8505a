"""Shape, joining, padding and diagonal ops against NumPy."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from laws import adjoint, batched_is_a_loop, drawn, same

import chainrule as cr
from chainrule.tree import flatten

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def holds(name: str, *arrays: Any, args: Any = (), **kwargs: Any) -> None:
    """Ours does what NumPy's does, or both refuse; and the laws hold."""
    obeys(lambda f: lambda *x: f(*x, *args, **kwargs), name, arrays)


def holds_joined(name: str, arrays: Any, **kwargs: Any) -> None:
    obeys(lambda f: lambda *x: f(list(x), **kwargs), name, arrays)


def obeys(bound: Any, name: str, arrays: Any) -> None:
    ours, reference = bound(getattr(cr, name)), bound(getattr(np, name))
    try:
        expected = reference(*arrays)
    except (ValueError, IndexError, TypeError):
        with pytest.raises(cr.ChainruleError):
            ours(*arrays)
        return
    for made, wanted in zip(flatten(ours(*arrays))[0], flatten(expected)[0], strict=True):
        same(made, wanted)
    symbols = [cr.symbol(shape=x.shape, dtype=x.dtype) for x in arrays]
    for made, wanted in zip(flatten(ours(*symbols))[0], flatten(expected)[0], strict=True):
        assert (made.shape, made.dtype) == (wanted.shape, wanted.dtype)
    if not flatten(expected)[0] or any(x.dtype.kind not in "fc" for x in arrays):
        return
    adjoint(ours, *arrays)
    random = np.random.default_rng(3)
    for i in range(len(arrays)):
        given = [drawn(random, (2, *x.shape), x.dtype) if i == k else x for k, x in enumerate(arrays)]
        batched_is_a_loop(ours, given, [i == k for k in range(len(arrays))])


def array(shape: Any, dtype: Any = "float64") -> Any:
    return drawn(np.random.default_rng(len(shape)), shape, dtype)


@given(SHAPES, st.data())
def test_orders_of_axes(shape, data):
    x, axes = array(shape), st.integers(-len(shape) - 1, len(shape))
    order = data.draw(st.permutations(range(len(shape))))
    holds("permute_dims", x, args=(tuple(order),))
    holds("transpose", x)
    holds("transpose", x, args=(tuple(order),))
    holds("swapaxes", x, args=(data.draw(axes), data.draw(axes)))
    count = data.draw(st.integers(0, len(shape)))
    ends = [tuple(data.draw(st.permutations(range(len(shape)))))[:count] for _ in range(2)]
    holds("moveaxis", x, args=ends)
    holds("moveaxis", x, args=(data.draw(axes), data.draw(axes)))
    if len(shape) > 1:
        holds("matrix_transpose", x)


@given(SHAPES, st.data())
def test_new_and_lost_axes(shape, data):
    x = array(shape)
    axes = st.integers(-len(shape) - 1, len(shape))
    holds("expand_dims", x, axis=data.draw(axes))
    holds("expand_dims", x, axis=tuple(data.draw(st.lists(axes, max_size=2))))
    holds("squeeze", x)
    if shape:  # NumPy lets axis 0 of a 0-d array pass
        holds("squeeze", x, axis=data.draw(st.one_of(axes, st.lists(axes, max_size=2).map(tuple))))
    holds("ravel", x)
    holds("reshape", x, args=((-1,),))
    holds("reshape", x, args=(tuple(data.draw(st.permutations(shape))),))
    holds("reshape", x, args=(tuple(data.draw(st.lists(st.integers(-1, 4), max_size=3))),))
    for name in ("atleast_1d", "atleast_2d"):
        holds(name, x)
        holds(name, x, array((2,)))


@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=0, max_side=3))
def test_broadcasting(shapes):
    arrays = [array(shape) for shape in shapes.input_shapes]
    holds("broadcast_arrays", *arrays)
    for x in arrays:
        holds("broadcast_to", x, args=(shapes.result_shape,))


def test_flatten():
    x = array((2, 3, 4))
    for args, shape in (((), (24,)), ((1,), (2, 12)), ((0, 1), (6, 4)), ((-2, -1), (2, 12)), ((1, 1), (2, 3, 4))):
        same(cr.flatten(x, *args), x.reshape(shape))
        adjoint(lambda x, args=args: cr.flatten(x, *args), x)
    same(cr.tensor(2.0).flatten(), np.array([2.0]))
    same(cr.zeros((2, 0, 3)).flatten(1), np.zeros((2, 0)))


@given(SHAPES, st.data())
def test_joining(shape, data):
    count = data.draw(st.integers(1, 3))
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    dtypes = ["float64", "float32", "complex128"]
    arrays = [drawn(np.random.default_rng(i), shape, data.draw(st.sampled_from(dtypes))) for i in range(count)]
    holds_joined("stack", arrays, axis=axis)
    place = axis % (len(shape) + 1)
    ragged = [
        drawn(np.random.default_rng(i), (*shape[:place], data.draw(st.integers(0, 3)), *shape[place:]))
        for i in range(count)
    ]
    holds_joined("concat", ragged, axis=place)
    holds_joined("concat", arrays, axis=axis)
    holds_joined("concat", arrays, axis=None)
    for name in ("hstack", "vstack", "dstack"):
        holds_joined(name, arrays)
        holds_joined(name, ragged)


def test_joining_mixed_operands():
    x = np.array([1.0, 2.0])
    same(cr.concat([x, [3]]), np.array([1.0, 2.0, 3.0]))
    same(cr.concat([cr.tensor([1, 2]), x]), np.array([1.0, 2.0, 1.0, 2.0]))
    same(cr.concat([1, x], axis=None), np.array([1.0, 1.0, 2.0]))
    same(cr.stack([1.0, cr.tensor(2.0)]), np.array([1.0, 2.0]))
    same(cr.stack(cr.tensor([[1.0], [2.0]]), axis=1), np.array([[1.0, 2.0]]))
    same(cr.hstack([1, 2.0]), np.array([1.0, 2.0]))
    adjoint(lambda x: cr.concat([x, np.array([9]), x]), x)
    adjoint(lambda x: cr.stack([np.array([9, 8]), x]), x)
    adjoint(lambda x: cr.concat([7, x], axis=None), x)
    single = cr.tensor(np.ones(2, "float32"), requires_grad=True)
    (cr.concat([single, x]) * cr.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    same(single.grad, np.array([1, 2], "float32"))
    _, moved = cr.jvp(lambda x: cr.concat([x, np.array([9])]), (cr.symbol("x", shape=(2,)),), (x,))
    assert moved.eval().tolist() == [1.0, 2.0, 0.0]


@given(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4), st.data())
def test_cutting(shape, data):
    x, axis = array(shape), data.draw(st.integers(-len(shape), len(shape) - 1))
    holds("split", x, args=(data.draw(st.integers(1, 4)),), axis=axis)
    holds("split", x, args=(data.draw(st.lists(st.integers(0, 5), max_size=3)),), axis=axis)
    holds("unstack", x, axis=axis)


def test_split_takes_negative_indices_and_arrays_of_them():
    x = array((5,))
    for cuts in ([-2], [3, 1], np.array([1, 4]), ()):
        for one, other in zip(cr.split(x, cuts), np.split(x, cuts), strict=True):
            same(one, other)


@given(SHAPES, st.data())
def test_turning_and_shifting(shape, data):
    x, axis = array(shape), st.integers(-len(shape), max(len(shape) - 1, 0))
    holds("flip", x)
    if shape:
        holds("flip", x, axis=data.draw(st.one_of(axis, st.lists(axis, max_size=2).map(tuple))))
    shift = st.integers(-5, 5)
    holds("roll", x, args=(data.draw(shift),))
    holds("roll", x, args=(data.draw(shift), data.draw(axis)))
    pairs = data.draw(st.lists(st.tuples(shift, axis), min_size=1, max_size=3))
    holds("roll", x, args=(tuple(s for s, _ in pairs), tuple(a for _, a in pairs)))
    holds("roll", x, args=(data.draw(shift), tuple(a for _, a in pairs)))
    holds("roll", x, args=((1, 2), None))


@given(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), st.data())
def test_padding(shape, data):
    x, width = array(shape), st.integers(0, 5)
    pair = st.tuples(width, width)
    widths = data.draw(st.one_of(width, pair, st.tuples(*(pair for _ in shape))))
    holds("pad", x, args=(widths,))
    holds("pad", x, args=(widths,), constant_values=2.5)
    for mode in ("edge", "reflect", "symmetric", "wrap"):
        holds("pad", x, args=(widths,), mode=mode)


def test_padding_with_values_of_their_own():
    x = array((2, 3))
    holds("pad", x, args=(1,), constant_values=((1.0, 2.0), (3.0, 4.0)))
    holds("pad", x, args=(1,), constant_values=(1.0, 2.0))
    same(cr.pad(x, {-1: (1, 2)}), np.pad(x, ((0, 0), (1, 2))))  # NumPy takes the dict from 2.4 on
    holds("pad", array((2, 3), "int64"), args=(1,), constant_values=7)
    same(cr.pad([1, 2], 1, constant_values=1.5), np.pad([1, 2], 1, constant_values=1.5))
    adjoint(lambda x, c: cr.pad(x, ((1, 0), (0, 2)), constant_values=c), x, 0.5)
    c = cr.tensor(0.5, requires_grad=True)
    cr.pad(x, 1, constant_values=c).sum().backward()
    assert c.grad.item() == 20 - 6


@given(SHAPES, st.data())
def test_repeating(shape, data):
    x = array(shape)
    holds("tile", x, args=(data.draw(st.one_of(st.integers(0, 3), st.lists(st.integers(0, 2), max_size=5))),))
    holds("repeat", x, args=(data.draw(st.integers(0, 3)),))
    if shape:
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        holds("repeat", x, args=(data.draw(st.integers(0, 3)),), axis=axis)
        each = data.draw(st.lists(st.integers(0, 3), min_size=shape[axis], max_size=shape[axis]))
        holds("repeat", x, args=(np.array(each, int),), axis=axis)


@given(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4), st.integers(-5, 5), st.data())
def test_diagonals_and_triangles(shape, offset, data):
    x, axis = array(shape), st.integers(-len(shape), len(shape) - 1)
    plane = data.draw(axis), data.draw(axis)
    holds("diagonal", x, args=(offset, *plane))
    holds("trace", x, args=(offset, *plane))
    holds("diag", x, args=(offset,))
    if len(shape) > 1:
        holds("tril", x, args=(offset,))
        holds("triu", x, args=(offset,))


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_dtypes_stay(dtype):
    x = array((3, 3), dtype)
    for name, args in {
        "permute_dims": ((1, 0),), "expand_dims": (0,), "squeeze": (), "flip": (), "roll": (1,), "pad": (1,),
        "tile": (2,), "repeat": (2,), "diagonal": (), "diag": (), "trace": (), "tril": (), "triu": (1,),
        "ravel": (), "split": (3,),
    }.items():  # fmt: skip
        holds(name, x, args=args)


LAYOUTS = {
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "transposed": lambda x: x.T.copy().T,
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_memory_layout(layout):
    x = LAYOUTS[layout](array((3, 4)))
    for name, args in {
        "reshape": ((4, 3),),
        "flip": (),
        "roll": (2,),
        "pad": (1,),
        "tril": (),
        "diagonal": (1,),
    }.items():
        holds(name, x, args=args)


def test_second_derivatives():
    def f(x):
        y = cr.concat([cr.roll(x, 1, 0), cr.pad(x**2, 1)[:, :3]])
        return (cr.diagonal(y) * cr.flip(y, 0)[:3, 1]).sum() + cr.trace(x @ cr.tril(x)) * cr.stack([x, x * x])[1].sum()

    x, t, step = array((3, 3)), drawn(np.random.default_rng(9), (3, 3)), 1e-5
    _, moved = cr.jvp(cr.grad(f), (x,), (t,))
    expected = (cr.grad(f)(x + step * t).numpy() - cr.grad(f)(x - step * t).numpy()) / (2 * step)
    np.testing.assert_allclose(moved.numpy(), expected, rtol=1e-6, atol=1e-6)


X = cr.zeros((2, 3))
WRONG = [
    (lambda: X.reshape(4, 2), cr.ShapeError,
     "[reshape] an operand of shape (2, 3) has 6 elements, which do not fill (4, 2); expected sizes whose product is "
     "6, at most one of them -1; change the shape."),
    (lambda: cr.broadcast_to(X, (3, 3)), cr.ShapeError,
     "[broadcast_to] an operand of shape (2, 3) does not broadcast to (3, 3); expected each of its sizes, counted from "
     "the last, to be 1 or equal; reshape it first."),
    (lambda: cr.matrix_transpose(cr.zeros(3)), cr.ShapeError,
     "[matrix_transpose] an operand of shape (3,) is no matrix; expected at least two axes; reshape it first."),
    (lambda: cr.permute_dims(X, (0, 0)), cr.AxisError,
     "[permute_dims] axes (0, 0) do not order the 2 axes of an operand of shape (2, 3); expected each of 0 to 1 once; "
     "to move some axes only, use moveaxis."),
    (lambda: cr.moveaxis(X, (0, 1), 0), cr.AxisError,
     "[moveaxis] source (0, 1) names 2 axes and destination 0 1; expected as many in one as in the other; "
     "give each axis its place."),
    (lambda: cr.moveaxis(X, (0, 0), (0, 1)), cr.AxisError,
     "[moveaxis] axis [0, 0] names an axis twice; expected distinct axes; remove the repeated one."),
    (lambda: cr.swapaxes(X, 0, 2), cr.AxisError,
     "[swapaxes] axis 2 is out of range for an operand with 2 axes; expected an integer from -2 to 1; "
     "check the operand's shape."),
    (lambda: cr.squeeze(X, 1), cr.ShapeError,
     "[squeeze] axis 1 of an operand of shape (2, 3) has size 3; expected size 1; leave axis out to remove every axis "
     "of size 1, or index the axis."),
    (lambda: X.flatten(1, 0), cr.AxisError,
     "[flatten] start_axis 1 comes after end_axis 0 in an operand with 2 axes; expected the first axis of the run, "
     "then the last; exchange them."),
    (lambda: cr.concat([X, cr.zeros((2, 4, 1))]), cr.ShapeError,
     "[concat] operand 1 has shape (2, 4, 1) and operand 0 (2, 3); expected equal shapes except along axis 0; "
     "reshape or broadcast one of them, or choose another axis."),
    (lambda: cr.concat([]), cr.ShapeError,
     "[concat] the sequence of operands is empty; expected at least one; give a Tensor to join."),
    (lambda: cr.concat([cr.tensor(1.0)]), cr.ShapeError,
     "[concat] operand 0 is 0-d and has no axis to be joined along; expected at least one axis; "
     "use stack, or axis=None."),
    (lambda: cr.stack([X, cr.zeros((3, 2))]), cr.ShapeError,
     "[stack] operand 1 has shape (3, 2) and operand 0 (2, 3); expected equal shapes; broadcast one of them, or use "
     "concat to join along an axis they have."),
    (lambda: cr.split(X, 2, axis=1), cr.ShapeError,
     "[split] axis 1 has size 3, which is not divided into 2 equal sections; expected a divisor of 3; "
     "give the indices to cut at instead, e.g. [2, 5]."),
    (lambda: cr.tile(X, 1.5), cr.DTypeError,
     "[tile] the number of repeats is 1.5; expected an integer or a sequence of integers; write e.g. 2 or (2, 3)."),
    (lambda: cr.repeat(X, -1), cr.ShapeError,
     "[repeat] the number of repeats is -1; expected 0 or more; check its sign."),
    (lambda: cr.repeat(X, [1, 2], axis=1), cr.ShapeError,
     "[repeat] 2 repeats were given for axis 1 of size 3; expected one number, or one for each element; "
     "change the repeats."),
    (lambda: cr.roll(X, (1, 2), (0, 1, 0)), cr.ShapeError,
     "[roll] 2 shifts were given for 3 axes; expected one shift for each axis; make shift (1, 2) and axis (0, 1, 0) "
     "equally long."),
    (lambda: cr.roll(X, 0.5), cr.DTypeError,
     "[roll] shift is 0.5; expected an integer or a tuple of integers; write e.g. 1 or (1, -2)."),
    (lambda: cr.pad(X, (1, -1)), cr.ShapeError,
     "[pad] pad_width is (1, -1) for an operand with 2 axes; expected integers ≥ 0: one, a pair (before, after), or a "
     "pair for each axis; write e.g. ((1, 1), (0, 2))."),
    (lambda: cr.pad(X, 1, mode="mean"), cr.DTypeError,
     "[pad] mode is 'mean'; expected one of 'constant', 'edge', 'reflect', 'symmetric', 'wrap'; concat with what you "
     "compute for the border otherwise."),
    (lambda: cr.pad(cr.zeros((0,)), 1, mode="edge"), cr.ShapeError,
     "[pad] axis 0 of an operand of shape (0,) is empty, so mode 'edge' has nothing to pad it with; expected at least "
     "one element; use mode='constant'."),
    (lambda: cr.diagonal(cr.zeros(3)), cr.ShapeError,
     "[diagonal] an operand of shape (3,) has 1 axes; expected at least two; reshape it, or use diag to build a matrix "
     "from its diagonal."),
    (lambda: cr.diagonal(X, axis1=0, axis2=-2), cr.AxisError,
     "[diagonal] axis1 0 and axis2 -2 are the same axis; expected two axes; give another axis2."),
    (lambda: cr.diag(cr.zeros((2, 2, 2))), cr.ShapeError,
     "[diag] an operand of shape (2, 2, 2) has 3 axes; expected one (a diagonal, to build a matrix from) or two (a "
     "matrix, to take its diagonal); use diagonal for more."),
    (lambda: cr.tril(cr.zeros(3)), cr.ShapeError,
     "[tril] an operand of shape (3,) is no matrix; expected at least two axes; reshape it first."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[m[:60] for _, _, m in WRONG])
def test_errors(call, error, message):
    with pytest.raises(error, match="^" + re.escape(message) + "\n  at .*test_shape.py"):
        call()

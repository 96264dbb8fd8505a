"""Products against NumPy, for every combination of ranks; einsum for any subscripts."""

import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import adjoint, batched_is_a_loop, drawn, same

import chainrule as cr

LEADS = [(), (2,), (1,), (3, 2), (3, 1), (0,)]
CORES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((0, 3), (3, 2)),
    ((0,), (0,)),
]


def pairs() -> Any:
    """Shapes of vectors, and of matrices with leading axes that broadcast."""
    for (left, right), a, b in product(CORES, LEADS, LEADS):
        shapes = (a if len(left) > 1 else ()) + left, (b if len(right) > 1 else ()) + right
        try:
            np.broadcast_shapes(*(shape[:-2] for shape in shapes))
        except ValueError:
            continue
        yield shapes


@pytest.mark.parametrize(("left", "right"), sorted(set(pairs())), ids=str)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_matmul_of_all_ranks(left, right, dtype):
    random = np.random.default_rng(0)
    x, y = drawn(random, left, dtype), drawn(random, right, dtype)
    same(cr.matmul(x, y), np.matmul(x, y))
    assert cr.matmul(cr.symbol(shape=left), cr.symbol(shape=right)).shape == np.matmul(x, y).shape
    adjoint(cr.matmul, x, y)
    xs, ys = drawn(random, (3, *left), dtype), drawn(random, (3, *right), dtype)
    for arrays, batched in (((xs, ys), (True, True)), ((xs, y), (True, False)), ((x, ys), (False, True))):
        batched_is_a_loop(cr.matmul, arrays, batched)
        if dtype == "float64":

            def pulled(x: Any, y: Any) -> Any:
                out, pull = cr.vjp(cr.matmul, x, y)
                return pull(cr.ones(out.shape))

            batched_is_a_loop(pulled, arrays, batched)


def test_matmul_takes_any_layout_and_dtype():
    random = np.random.default_rng(0)
    big = drawn(random, (8, 8))
    for x, y in [(big[::2, ::-1], big[:, 1]), (big.T, big[::-1]), (big[0, ::2], big[::-2, 3]), (big[:, :0], big[:0])]:
        same(cr.matmul(x, y), np.matmul(x, y))
        adjoint(cr.matmul, x, y)
    for one, other in product(["bool", "int8", "int64", "float16", "float32", "float64", "complex64"], repeat=2):
        for left, right in (((3,), (3,)), ((2, 3), (3, 2)), ((2, 2, 3), (3,))):
            x, y = drawn(random, left, one), drawn(random, right, other)
            found = cr.matmul(x, y)
            assert found.dtype == np.matmul(x, y).dtype
            np.testing.assert_allclose(found._value, np.matmul(x, y), rtol=1e-2 if "float16" in (one, other) else 1e-5)


def test_a_vector_times_a_vector_is_a_number():
    x = cr.tensor(np.array([1, 2], "float32"), requires_grad=True)
    y = x @ x
    assert (y.shape, y.dtype, y.item()) == ((), np.float32, 5.0)
    y.backward()
    same(x.grad, np.array([2, 4], "float32"))


@given(st.data())
def test_tensordot(data):
    random = np.random.default_rng(0)
    inner = data.draw(st.lists(st.integers(0, 3), max_size=2))
    shapes, places = [], []
    for _ in range(2):
        free = data.draw(st.lists(st.integers(0, 3), max_size=2))
        marked = data.draw(st.permutations([*((None, n) for n in free), *enumerate(inner)]))
        shapes.append(tuple(n for _, n in marked))
        places.append([next(i for i, (k, _) in enumerate(marked) if k == wanted) for wanted in range(len(inner))])
    x, y = (drawn(random, shape) for shape in shapes)
    axes = tuple(places)
    same(cr.tensordot(x, y, axes), np.tensordot(x, y, axes))
    adjoint(lambda x, y: cr.tensordot(x, y, axes), x, y)
    batched_is_a_loop(lambda x, y: cr.tensordot(x, y, axes), [drawn(random, (2, *x.shape)), y], [True, False])


RANKS = [(), (3,), (2, 3), (4, 2, 3)]


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("name", ["dot", "inner", "outer", "kron", "vecdot", "tensordot"])
def test_products_that_numpy_has(name, dtype):
    random = np.random.default_rng(0)
    ours, reference = getattr(cr, name), getattr(np, name)
    checked = 0
    for left, right in product([*RANKS, (3, 3), (2, 3, 3), (0,), (2, 0)], repeat=2):
        x, y = drawn(random, left, dtype), drawn(random, right, dtype)
        try:
            expected = reference(x, y)
        except (ValueError, IndexError):
            with pytest.raises(cr.ChainruleError):
                ours(x, y)
            continue
        same(ours(cr.tensor(x), y), expected)
        assert ours(cr.symbol(shape=left, dtype=dtype), cr.symbol(shape=right, dtype=dtype)).shape == np.shape(expected)
        adjoint(ours, x, y)
        batched_is_a_loop(ours, [drawn(random, (2, *left), dtype), y], [True, False])
        checked += 1
    assert checked > 4


def test_vecdot_along_any_axis():
    random = np.random.default_rng(0)
    x, y = drawn(random, (2, 3, 4), "complex128"), drawn(random, (3, 4), "complex128")
    for axis in (-1, -2):
        same(cr.vecdot(x, y, axis=axis), np.vecdot(x, y, axis=axis))
        adjoint(lambda x, y, axis=axis: cr.vecdot(x, y, axis=axis), x, y)
    same(cr.vecdot(x, x, axis=0), np.vecdot(x, x, axis=0))


def test_numbers_and_lists_are_operands():
    same(cr.dot(2.0, [1.0, 2.0]), np.array([2.0, 4.0]))
    same(cr.outer([1, 2], [3.0]), np.array([[3.0], [6.0]]))
    same(cr.einsum(",i", 2.0, [1.0, 2.0]), np.array([2.0, 4.0]))
    same(cr.kron(2.0, [1.0, 2.0]), np.array([2.0, 4.0]))
    same(cr.tensordot([1.0, 2.0], [3.0, 4.0], 1), np.array(11.0))


# ---------------------------------------------------------------------------------------------------- einsum


SUBSCRIPTS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,ij->", (2, 3), (2, 3)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)), ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)),
    ("...i,...i", (2, 3), (3,)),
    ("i,j->ij", (2,), (3,)), ("i,j->ji", (2,), (3,)), ("i,i->i", (3,), (3,)), ("bi,bi->b", (2, 3), (2, 3)),
    ("ii", (3, 3)), ("ii->i", (3, 3)), ("iij->j", (3, 3, 2)), ("iii->i", (2, 2, 2)), ("ijij->ij", (2, 3, 2, 3)),
    ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ji", (2, 3)), ("ij", (2, 3)), ("...ji", (2, 3, 4)), ("i...->...", (2, 3, 4)),
    ("i,j,k->kij", (2,), (3,), (4,)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("i,ij,j->", (2,), (2, 3), (3,)),
    ("abc,cd,def->abef", (2, 1, 3), (3, 4), (4, 2, 3)), ("i,i,i->", (3,), (3,), (3,)),
    ("ab,bc,ca,a->", *[(2, 2)] * 3, (2,)),
    ("ij,k->i", (2, 3), (4,)), ("ij,kl->", (2, 3), (4, 5)), (",ij->ij", (), (2, 3)), (",->", (), ()), ("->", ()),
    ("ij,jk->ik", (2, 0), (0, 4)), ("ij,jk->ik", (0, 3), (3, 0)), ("ij,ij->ij", (1, 3), (2, 3)), ("i,i->", (1,), (3,)),
    ("ij,jk,k->i", (2, 1), (3, 4), (1,)), ("iij,jk->ik", (2, 2, 3), (3, 4)), ("Ab,bA->", (2, 3), (3, 2)),
    ("...,...->...", (2, 3), (3,)), ("i...,i...->...", (2, 3), (2, 4, 3)), ("ij, jk -> ik", (2, 3), (3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", SUBSCRIPTS, ids=lambda case: f"{case[0]} {case[1:]}")
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_einsum(case, dtype):
    subscripts, *shapes = case
    random = np.random.default_rng(0)
    arrays = [drawn(random, shape, dtype) for shape in shapes]

    def contract(*x: Any) -> Any:
        return cr.einsum(subscripts, *x)

    expected = np.einsum(subscripts, *arrays)
    same(contract(*arrays), expected)
    assert contract(*(cr.symbol(shape=shape) for shape in shapes)).shape == expected.shape
    adjoint(contract, *arrays)
    for batched in product([False, True], repeat=len(arrays)):
        if any(batched):
            given = [drawn(random, (3, *s), dtype) if b else x for s, x, b in zip(shapes, arrays, batched, strict=True)]
            batched_is_a_loop(contract, given, batched)
    for one, other in product(("float32", "int64", "bool"), ("float32", "int8", "bool")):
        mixed = [drawn(random, s, one if i % 2 else other) for i, s in enumerate(shapes)]
        same(contract(*mixed), np.einsum(subscripts, *mixed))


@settings(max_examples=150)
@given(st.data())
def test_any_einsum(data):
    size = dict(zip("abcdeF", data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)), strict=True))
    terms = data.draw(st.lists(st.text("abcdeF", max_size=4), min_size=1, max_size=4))
    used = sorted(set("".join(terms)))
    out = "".join(data.draw(st.permutations(used)))[: data.draw(st.integers(0, len(used)))]
    random = np.random.default_rng(0)
    arrays = [drawn(random, tuple(size[k] for k in term)) for term in terms]
    subscripts = ",".join(terms) + "->" + out

    def contract(*x: Any) -> Any:
        return cr.einsum(subscripts, *x)

    same(contract(*arrays), np.einsum(subscripts, *arrays))
    adjoint(contract, *arrays)
    batched_is_a_loop(
        contract, [drawn(random, (2, *arrays[0].shape)), *arrays[1:]], [True] + [False] * (len(arrays) - 1)
    )


@pytest.mark.parametrize("subscripts", ["ij,jk,ki->", "ij,ij->i", "iij,jk->ik", "i...,i->..."])
def test_second_derivatives_of_einsum(subscripts):
    random = np.random.default_rng(0)
    arrays = [drawn(random, (2,) * len(term.replace("...", "z"))) for term in subscripts.split("->")[0].split(",")]

    def f(*x: Any) -> Any:
        return (cr.einsum(subscripts, *x) ** 3).sum()

    tangents = [drawn(random, x.shape) for x in arrays]
    gradient = cr.grad(f, argnums=range(len(arrays)))
    _, moved = cr.jvp(lambda *x: gradient(*x), arrays, tangents)
    step = 1e-5
    ahead = gradient(*(x + step * t for x, t in zip(arrays, tangents, strict=True)))
    behind = gradient(*(x - step * t for x, t in zip(arrays, tangents, strict=True)))
    for one, plus, minus in zip(moved, ahead, behind, strict=True):
        np.testing.assert_allclose(one.numpy(), (plus.numpy() - minus.numpy()) / (2 * step), rtol=1e-6, atol=1e-6)


def test_the_trace_does_not_mix_infinity_with_zero():
    x = cr.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (cr.einsum("ii->i", x) * cr.tensor([np.inf, 1.0])).sum().backward()
    assert x.grad.tolist() == [[np.inf, 0.0], [0.0, 1.0]]


A, B = cr.zeros((2, 3)), cr.zeros((2, 5))
WRONG = [
    (lambda: A @ B, cr.ShapeError,
     "[matmul] operand 1 has shape (2, 5) but operand 0 (2, 3) needs 3 rows; did you mean matmul(a.T, b)?"),
    (lambda: B @ cr.zeros((4, 5)), cr.ShapeError,
     "[matmul] operand 1 has shape (4, 5) but operand 0 (2, 5) needs 5 rows; did you mean matmul(a, b.T)?"),
    (lambda: B @ cr.zeros((7, 4, 5)), cr.ShapeError,
     "[matmul] operand 1 has shape (7, 4, 5) but operand 0 (2, 5) needs 5 rows; did you mean matmul(a, b.mT)?"),
    (lambda: A @ cr.zeros(7), cr.ShapeError,
     "[matmul] operand 1 has shape (7,) but operand 0 (2, 3) needs 3 elements; expected equal inner sizes; "
     "transpose or reshape an operand."),
    (lambda: A @ 2.0, cr.ShapeError,
     "[matmul] operand 1 is a number, without axes; expected at least one axis; use multiply, x * y."),
    (lambda: cr.tensor(2.0) @ A, cr.ShapeError,
     "[matmul] operand 0 is a number, without axes; expected at least one axis; use multiply, x * y."),
    (lambda: cr.zeros((2, 2, 3)) @ cr.zeros((4, 3, 1)), cr.ShapeError,
     "[matmul] shapes (2,) and (4,) do not broadcast: axis -1 has sizes 2 and 4; sizes must be equal, or one of them "
     "1; reshape an operand, or insert an axis with x[:, None]."),
    (lambda: cr.vecdot(A, B), cr.ShapeError,
     "[vecdot] operand 0 has size 3 along axis -1 and operand 1 5; expected equal sizes; choose another axis, or "
     "reshape an operand."),
    (lambda: cr.vecdot(A, 1.0), cr.ShapeError,
     "[vecdot] operand 1 is 0-d, without axes; expected at least one axis; use multiply, x * y."),
    (lambda: cr.tensordot(A, B, 1), cr.ShapeError,
     "[tensordot] axis 1 of operand 0, shape (2, 3), has size 3, and axis 0 of operand 1, shape (2, 5), has size 2; "
     "expected equal sizes; pair other axes, or transpose an operand."),
    (lambda: cr.tensordot(A, B, 3), cr.ShapeError,
     "[tensordot] axes is 3 for operands with 2 and 2 axes; expected a number from 0 to 2; give fewer axes, or a pair "
     "of lists of axes."),
    (lambda: cr.tensordot(A, B, "x"), cr.DTypeError,
     "[tensordot] axes is 'x'; expected a number, or a pair of lists of axes; write e.g. ([0, 1], [1, 0])."),
    (lambda: cr.tensordot(A, B, ([0, 0], [0, 1])), cr.ShapeError,
     "[tensordot] axes ([0, 0], [0, 1]) do not pair the axes of the operands; expected two lists of equal length, "
     "each of distinct axes; write e.g. ([0, 1], [1, 0])."),
    (lambda: cr.dot(cr.zeros((2, 2, 3)), cr.zeros((2, 2, 2))), cr.ShapeError,
     "[dot] axis 2 of operand 0, shape (2, 2, 3), has size 3, and axis 1 of operand 1, shape (2, 2, 2), has size 2; "
     "expected equal sizes; pair other axes, or transpose an operand."),
    (lambda: cr.einsum("ij,jk->ik", A, B), cr.ShapeError,
     "[einsum] the subscripts 'ij,jk->ik' give 'j' size 3 in operand 0 and 2 in operand 1; expected e.g. 'ij,jk->ik'; "
     "a letter stands for one size."),
    (lambda: cr.einsum("ij->ik", A), cr.ShapeError,
     "[einsum] the subscripts 'ij->ik' have 'k' in the output, which no operand has; expected e.g. 'ij,jk->ik'; "
     "every letter of the output stands once there, and in an operand."),
    (lambda: cr.einsum("ij->ii", A), cr.ShapeError,
     "[einsum] the subscripts 'ij->ii' repeat a letter in the output; expected e.g. 'ij,jk->ik'; "
     "every letter of the output stands once there, and in an operand."),
    (lambda: cr.einsum("ii", A), cr.ShapeError,
     "[einsum] the subscripts 'ii' repeat 'i' in operand 0, where it has sizes 2 and 3; expected e.g. 'ij,jk->ik'; "
     "a repeated letter needs axes of equal size."),
    (lambda: cr.einsum("ijk", A), cr.ShapeError,
     "[einsum] the subscripts 'ijk' name 3 axes of operand 0, which has 2; expected e.g. 'ij,jk->ik'; "
     "write one letter for each axis, or '...' for the rest."),
    (lambda: cr.einsum("ij", A, B), cr.ShapeError,
     "[einsum] the subscripts 'ij' have 1 terms for 2 operands; expected e.g. 'ij,jk->ik'; "
     "write one term for each operand."),
    (lambda: cr.einsum("i?", A), cr.ShapeError,
     "[einsum] the subscripts 'i?' cannot be read; expected e.g. 'ij,jk->ik'; "
     "use letters, ',', '->' and at most one '...' an operand."),
    (lambda: cr.einsum("i...->i", A), cr.ShapeError,
     "[einsum] the subscripts 'i...->i' have '...' in an operand but not in the output; expected e.g. 'ij,jk->ik'; "
     "write '...' there, or sum after."),
    (lambda: cr.einsum(A, [0, 1]), cr.DTypeError,
     "[einsum] the subscripts are a Tensor; expected a string; write einsum('ij,jk->ik', a, b)."),
    (lambda: cr.einsum("ij"), cr.DTypeError,
     "[einsum] no operands were given; expected at least one; write einsum('ij,jk->ik', a, b)."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[m[:60] for _, _, m in WRONG])
def test_errors(call, error, message):
    with pytest.raises(error, match="^" + re.escape(message) + "\n  at .*test_matmul.py"):
        call()

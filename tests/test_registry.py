"""Every test here runs for every registered op and composite, on its samples. See samples/."""

import doctest
import functools
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from samples import RECORDS, ROWS, sample
from samples.drawing import Call

import chainrule as cr
from chainrule.graph.batch import run_batched
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of
from chainrule.op import COMPOSITES, REGISTRY, Composite, Op
from chainrule.ops import ops, raw
from chainrule.spec import Spec
from chainrule.testing import numeric_derivative
from chainrule.tree import flatten, map_leaves, unflatten

DTYPES = ("float64", "float32", "complex128", "complex64", "int64", "int8", "bool")
every_op = pytest.mark.parametrize("name", sorted(RECORDS))


# ------------------------------------------------------------------------- calls as functions of their arrays


class Problem:
    """One sample call of an op as a function of its *moving* arrays: those of the given kinds, floating by default."""

    def __init__(self, name: str, sampled: Call, convert: Callable[[Any], Any] = lambda a: a, kinds: str = "f"):
        self.record = RECORDS[name]
        self.through = sample(name).through or (lambda x: x)
        self.seen = sample(name).seen
        self.leaves, self.structure = flatten([list(sampled.args), sampled.kwargs])
        self.moving = [i for i, x in enumerate(self.leaves) if isinstance(x, np.ndarray) and x.dtype.kind in kinds]
        self.point = [convert(self.leaves[i]) for i in self.moving]

    def call(self, function: Callable[..., Any], arrays: Any) -> list[Any]:
        """The outputs of ``function`` as a flat list."""
        leaves = list(self.leaves)
        for i, x in zip(self.moving, arrays, strict=True):
            leaves[i] = self.through(x)
        args, kwargs = unflatten(self.structure, leaves)
        out = function(*args, **kwargs)
        if self.seen is not None:
            out = self.seen(*out) if isinstance(out, tuple) else self.seen(out)
        return flatten(list(out) if isinstance(out, (list, tuple)) else [out])[0]

    def __call__(self, *arrays: Any) -> list[Any]:
        return self.call(self.record.call, arrays)

    def curve(self, function: Callable[..., Any], tangents: Any, output: int) -> Callable[[Any], Any]:
        """h ↦ one output of ``function`` at point + h · tangents."""

        def along(h: Any) -> Any:
            moved = [x + h * t for x, t in zip(self.point, tangents, strict=True)]
            return np.asarray(self.call(function, moved)[output])

        return along

    def random(self, likes: Any, seed: int) -> list[Any]:
        random = np.random.default_rng(seed)

        def draw(like: Any) -> Any:
            x = random.uniform(-1, 1, like.shape)
            return np.asarray(x + 1j * random.uniform(-1, 1, like.shape) if like.dtype.kind == "c" else x, like.dtype)

        return [draw(like) for like in likes]


def problems(name: str, dtype: str = "float64") -> list[Problem]:
    return [Problem(name, sampled, lambda a: cast(a, dtype)) for sampled in sample(name).calls]


def cast(a: Any, dtype: str) -> Any:
    kind = np.dtype(dtype).kind
    if kind == "c":
        # The imaginary part is small, so that the points stay inside every domain.
        return np.asarray(a + 0.2j * np.cos(np.arange(a.size)).reshape(a.shape), dtype)
    if kind == "i":
        return np.asarray(np.sign(a) * np.ceil(np.abs(a)), dtype)
    return np.asarray(a > 0 if kind == "b" else a, dtype)


def bare(outputs: Any) -> list[Any]:
    return [y._value if isinstance(y, cr.Tensor) else y for y in outputs]


def tensors(arrays: Any) -> list[Any]:
    return [cr.tensor(a, requires_grad=a.dtype.kind in "fc") for a in arrays]


def same(found: Any, expected: Any, rtol: float = 1e-12, atol: float = 0.0) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        scale = np.max(np.abs(np.nan_to_num(other)), initial=0.0)
        np.testing.assert_allclose(one, other, rtol, atol + rtol * scale)


def inner(ones: Any, others: Any) -> float:
    """Re Σ conj(a)·b."""
    return sum(np.vdot(a, b).real for a, b in zip(bare(ones), bare(others), strict=True))


def pulled(function: Any, point: Any, cotangents: Any) -> list[Any]:
    return bare(cr.vjp(lambda *x: function(*x), *point)[1](cotangents))


def differentiable(name: str) -> bool:
    record = RECORDS[name]
    return not isinstance(record, Op) or record.differentiable


def has_gradient(problem: Problem) -> bool:
    """Whether a derivative exists at all here: floating outputs, operands that are not empty of meaning."""
    return bool(problem.moving) and all(y.dtype.kind in "fc" for y in problem(*problem.point))


def smooth_problems(name: str, dtype: str = "float64") -> list[Problem]:
    if not differentiable(name) or (np.dtype(dtype).kind == "c" and not takes(name, dtype)):
        return []
    return [problem for problem in problems(name, dtype) if has_gradient(problem)]


def takes(name: str, dtype: str) -> bool:
    """Whether the reference is defined on this dtype, and ours does not refuse it."""
    row = sample(name)
    if dtype in row.refuses or name in NO_COMPLEX_DERIVATIVE:
        return False
    problem = problems(name, dtype)[0]
    try:
        with np.errstate(all="ignore"):
            problem.call(row.reference, problem.point)
    except (TypeError, ValueError):
        return False
    return True


# Functions of complex numbers whose derivative is an error that says so.
NO_COMPLEX_DERIVATIVE = {"sign"}

# ----------------------------------------------------------------------------------------- value and spec


@every_op
def test_has_samples_and_a_doc(name):
    assert sample(name).calls
    first = RECORDS[name].doc.split("\n")[0]
    assert first.endswith((".", ".)")), f"the doc of {name} does not begin with a sentence: {first!r}"
    assert ">>> " in RECORDS[name].doc


def test_samples_have_ops():
    assert sorted(set(ROWS) - set(RECORDS)) == []


@every_op
def test_doc_examples_run(name):
    examples = doctest.DocTestParser().get_doctest(RECORDS[name].doc, {"cr": cr, "np": np}, name, None, 0)
    assert examples.examples
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("dtype", DTYPES)
@every_op
def test_value_and_spec(name, dtype):
    row = sample(name)
    for problem in problems(name, dtype):
        with np.errstate(all="ignore"):
            try:
                expected = problem.call(row.reference, problem.point)
            except (TypeError, ValueError):
                expected = None
            if expected is None or dtype in row.refuses:
                with pytest.raises(cr.ChainruleError):
                    problem(*problem.point)
                continue
            found = problem(*problem.point)
        eps = max((np.finfo(v.dtype).eps for v in map(np.asarray, expected) if v.dtype.kind in "fc"), default=0.0)
        same(bare(found), expected, 100 * eps, 10 * eps)
        for y, wanted in zip(found, expected, strict=True):
            assert isinstance(y, cr.Tensor)
            assert (y.shape, y.dtype) == (np.shape(wanted), np.asarray(wanted).dtype)
            assert not any(np.may_share_memory(y._value, a) for a in problem.point)
        symbolic = problem(*(cr.symbol(shape=a.shape, dtype=a.dtype) for a in problem.point))
        assert [y.spec for y in symbolic] == [y.spec for y in found]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(name for name, record in COMPOSITES.items() if record.value is not None))
def test_the_value_of_a_composite_is_its_body(name, dtype):
    record = COMPOSITES[name]
    for problem in problems(name, dtype):
        with np.errstate(all="ignore"):
            try:
                expected = problem.call(functools.partial(record.body, raw), problem.point)
                found = problem.call(record.value, problem.point)
            except (TypeError, ValueError, ArithmeticError):
                continue  # the other tests see that the body takes what the value does not
        assert [(np.shape(y), np.asarray(y).dtype) for y in found] == [(y.shape, y.dtype) for y in expected]
        eps = max((np.finfo(y.dtype).eps for y in expected if y.dtype.kind in "fc"), default=0.0)
        same(found, expected, 100 * eps, 10 * eps)


# ------------------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@every_op
def test_reverse_is_the_adjoint_of_forward(name, dtype):
    for problem in smooth_problems(name, dtype):
        tangents = problem.random(problem.point, 1)
        outputs, moved = cr.jvp(problem, problem.point, tangents)
        cotangents = problem.random(outputs, 2)
        gradients = pulled(problem, problem.point, cotangents)
        assert [(g.shape, g.dtype) for g in gradients] == [(x.shape, x.dtype) for x in problem.point]
        assert [y.spec for y in moved] == [y.spec for y in outputs]
        np.testing.assert_allclose(inner(cotangents, moved), inner(gradients, tangents), 1e-11, 1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@every_op
def test_forward_is_the_difference_of_the_reference(name, dtype):
    reference = sample(name).reference
    for problem in smooth_problems(name, dtype):
        tangents = problem.random(problem.point, 1)
        moved = bare(cr.jvp(problem, problem.point, tangents)[1])

        for output, t in enumerate(moved):
            curve = problem.curve(reference, tangents, output)
            numeric = numeric_derivative(curve, step=2.0**-6)
            same([t], [numeric], 1e-8, 1e-8)
            exact = complex_step(curve) if dtype == "float64" else None
            if exact is not None and np.allclose(exact, numeric, 1e-6, 1e-6):  # not so where it is not analytic
                same([t], [exact], 1e-12, 1e-14)


def complex_step(curve: Callable[[complex], Any]) -> Any:
    """The derivative Im f(x + ih)/h, exact to rounding; None where NumPy's function takes no complex numbers."""
    try:
        return curve(1e-30j).imag / 1e-30
    except (TypeError, ValueError):
        return None


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@every_op
def test_second_order(name, dtype):
    for problem in smooth_problems(name, dtype):
        cotangents = problem.random(problem(*problem.point), 2)
        tangents = problem.random(problem.point, 1)

        def gradient(*x, problem=problem, cotangents=cotangents):
            return list(cr.vjp(problem, *x)[1](cotangents))

        forward_over_reverse = bare(cr.jvp(gradient, problem.point, tangents)[1])
        # H is symmetric, so that pulling t back through the gradient gives H t again.
        reverse_over_reverse = pulled(gradient, problem.point, tangents)

        def change(*x, problem=problem, tangents=tangents):
            return cr.jvp(problem, x, tangents)[1]

        reverse_over_forward = pulled(change, problem.point, cotangents)
        same(reverse_over_reverse, forward_over_reverse, 1e-10, 1e-12)
        same(reverse_over_forward, forward_over_reverse, 1e-10, 1e-12)
        for i, h in enumerate(forward_over_reverse):

            def along(step, i=i, problem=problem, cotangents=cotangents, tangents=tangents):
                arrays = [x + step * t for x, t in zip(problem.point, tangents, strict=True)]
                return pulled(problem, arrays, cotangents)[i]

            same([h], [numeric_derivative(along, step=2.0**-6)], 1e-7, 1e-7)


# ----------------------------------------------------------------------------------- one graph, many ways


@every_op
def test_batched_is_a_loop(name):
    kinds = "fib" if name in REGISTRY else "f"  # of a composite, an index is no operand
    for problem in [Problem(name, sampled, kinds=kinds) for sampled in sample(name).calls]:
        symbols = [cr.symbol(shape=a.shape, dtype=a.dtype) for a in problem.point]
        outputs = problem(*symbols)
        if not problem.point:
            continue
        graph = Graph([s._node for s in symbols], outputs)
        check(graph)
        masks = list(product([False, True], repeat=len(symbols)))[1:]
        for flags in masks if len(masks) < 8 else (*masks[:3], masks[-1]):
            stacked = [
                np.stack([a, np.roll(a, 1), np.flip(a)]) if flag else a
                for a, flag in zip(problem.point, flags, strict=True)
            ]
            looped = [
                bare(problem(*(a[k] if flag else a for a, flag in zip(stacked, flags, strict=True)))) for k in range(3)
            ]
            for xp in (raw, ops):
                values = stacked if xp is raw else [cr.asarray(a) for a in stacked]
                results, in_front = run_batched(graph, values, flags, xp)
                for y, (result, batched) in enumerate(zip(bare(results), in_front, strict=True)):
                    expected = np.stack([sample_[y] for sample_ in looped])
                    assert batched or not any(flags) or np.array_equal(expected[0], expected[1])
                    result = result if batched else np.broadcast_to(result, expected.shape)
                    assert result.shape == expected.shape
                    assert result.dtype == expected.dtype
                    np.testing.assert_allclose(result, expected, 1e-12, 1e-13)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@every_op
def test_symbolic_is_eager(name, dtype):
    if np.dtype(dtype).kind == "c" and not takes(name, dtype):
        return
    for problem in problems(name, dtype):
        if not problem.point:
            continue
        symbols = [cr.symbol(shape=a.shape, dtype=a.dtype) for a in problem.point]
        outputs = problem(*symbols)
        values = cr.function(symbols, outputs)(*problem.point)
        same(bare(values), bare(problem(*problem.point)), 1e-14)
        if not differentiable(name) or not has_gradient(problem):
            continue
        cotangents = problem.random(outputs, 2)
        gradients = cr.gradients(outputs, symbols, cotangents)
        check(
            graph_of(*(g for g in gradients if g._node is not None))
            if any(g._node for g in gradients)
            else Graph([], [])
        )
        same(
            bare(cr.function(symbols, list(gradients))(*problem.point)),
            pulled(problem, problem.point, cotangents),
            1e-13,
        )


# ---------------------------------------------------------------------------------------- kinds of input


@every_op
def test_float32_stays_float32(name):
    for single, double in zip(smooth_problems(name, "float32"), smooth_problems(name), strict=True):
        outputs, moved = cr.jvp(single, single.point, single.random(single.point, 1))
        if name not in ("astype", "cast"):
            assert {np.empty(0, y.dtype).real.dtype for y in (*outputs, *moved)} == {np.dtype("float32")}
        cotangents = single.random(outputs, 2)
        gradients = pulled(single, single.point, cotangents)
        assert {g.dtype for g in gradients} == {np.dtype("float32")}
        same(gradients, pulled(double, double.point, cotangents), 1e-4, 1e-4)
        leaves = tensors(single.point)
        second = cr.gradients(single(*leaves), leaves, cotangents, create_graph=True, allow_unused=True)
        assert {g.dtype for g in second if g is not None} <= {np.dtype("float32")}


def strided(a: Any) -> Any:
    if not a.ndim:
        return a
    buffer = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
    buffer[..., ::2] = a
    return buffer[..., ::2]


def reversed_(a: Any) -> Any:
    return a[::-1].copy()[::-1] if a.ndim else a


def read_only(a: Any) -> Any:
    a = a.copy()
    a.flags.writeable = False
    return a


def fortran(a: Any) -> Any:
    return np.asfortranarray(a) if a.ndim else a


@pytest.mark.parametrize("layout", [strided, reversed_, read_only, fortran])
@every_op
def test_memory_layout_does_not_matter(name, layout):
    for plain, sampled in zip(problems(name), sample(name).calls, strict=True):
        other = Problem(name, sampled, layout)
        same(bare(other(*other.point)), bare(plain(*plain.point)), 1e-14)
        if differentiable(name) and has_gradient(plain):
            cotangents = plain.random(plain(*plain.point), 2)
            expected = pulled(plain, plain.point, cotangents)
            same(pulled(other, other.point, [layout(np.asarray(g)) for g in cotangents]), expected, 1e-13)


@every_op
def test_stretched_operand(name):
    """An operand of stride 0 (a broadcast view) is like its copy."""
    for problem in smooth_problems(name):
        if not all(a.ndim and a.size for a in problem.point):
            continue
        views = [np.broadcast_to(a[:1], a.shape) for a in problem.point]
        copies = [np.array(v) for v in views]
        cotangents = problem.random(problem(*copies), 2)
        same(pulled(problem, views, cotangents), pulled(problem, copies, cotangents), 1e-13)


# ---------------------------------------------------------------------------------------------- memory


def recorded_nodes(outputs: Any) -> list[Any]:
    return [node for node in graph_of(*(y for y in outputs if y._node is not None)).nodes if node.op is not None]


@every_op
def test_what_is_not_kept_does_not_matter(name):
    for problem in smooth_problems(name):
        cotangents = problem.random(problem(*problem.point), 2)
        expected = pulled(problem, problem.point, cotangents)
        leaves = tensors(problem.point)
        outputs = problem(*leaves)
        if all(y._node is None for y in outputs):
            assert not any(np.any(g) for g in expected)
            continue
        check(graph_of(*(y for y in outputs if y._node is not None)))
        for node in recorded_nodes(outputs):
            # Copies, because a kept array may share its memory with one that is to be poisoned.
            if node.kept is not None:
                node.kept = map_leaves(lambda v: np.array(v)[()] if isinstance(v, np.ndarray) else v, node.kept)
        for tensor in (*leaves, *outputs):
            tensor._value = poison(tensor._value)
        found = cr.gradients(outputs, leaves, cotangents, allow_unused=True)
        found = [np.zeros(x.shape) if g is None else g._value for g, x in zip(found, problem.point, strict=True)]
        same(found, expected, 1e-13)


def poison(value: Any) -> Any:
    base = value
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            base[...] = np.nan
        base = base.base
    return np.full(value.shape, np.nan)[()]


@every_op
def test_nodes_keep_only_what_rules_name(name):
    for problem in smooth_problems(name):
        for node in recorded_or_none(problem(*tensors(problem.point))):
            mask = sum(1 << i for i, parent in enumerate(node.parents) if parent is not None)
            named = node.op.keeps(mask, len(node.parents))
            for value, is_named in zip(node.kept or (), named, strict=bool(node.kept)):
                assert is_named or value is None or isinstance(value, (Spec, int, float, complex))


def recorded_or_none(outputs: Any) -> list[Any]:
    return recorded_nodes(outputs) if any(y._node is not None for y in outputs) else []


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_op_has_a_batching_rule(name):
    assert REGISTRY[name].batch is not None


def test_composites_are_no_ops():
    assert not [name for name in RECORDS if isinstance(RECORDS[name], Composite) and name in REGISTRY]

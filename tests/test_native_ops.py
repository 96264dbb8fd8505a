"""Every op as machine code, on its samples: what the graph gives when NumPy runs it, values and derivatives."""

import ctypes
import math

import numpy as np
import pytest
from samples import sample
from test_registry import Problem, cast, differentiable, has_gradient, takes

import chainrule as cr
from chainrule import native
from chainrule.errors import DomainError, SymbolError
from chainrule.graph.graph import Graph
from chainrule.native import compiler as compiler  # registers the lowerings
from chainrule.native.libraries.reasons import ON_HOST
from chainrule.native.listing import Lister
from chainrule.native.statements import Array, view_of
from chainrule.op import REGISTRY
from chainrule.ops import ops
from chainrule.passes import optimize

DTYPES = ("float64", "float32", "complex128", "int64", "int8", "bool")
NAMES = sorted(name for name, op in REGISTRY.items() if op.kind not in ("pick", "program"))

HOSTED = {name for names in ON_HOST.values() for name in names.split()}


def converted(dtype):
    """Floating arrays in a dtype; positions and masks as they are."""
    return lambda a: cast(a, dtype) if a.dtype.kind == "f" else a


def values(name, dtype):
    """The calls of an op on arrays of a dtype, with every array an input: (inputs, outputs, points)."""
    if not takes(name, dtype):
        return
    for sampled in sample(name).calls:
        problem = Problem(name, sampled, converted(dtype), kinds="fiub")
        if problem.point and defined(problem):
            symbols = [cr.symbol(shape=a.shape, dtype=a.dtype) for a in problem.point]
            yield symbols, problem(*symbols), problem.point


def defined(problem):
    """Whether an op has a value here: not all matrices of small integers have what it asks for."""
    try:
        problem(*problem.point)
    except cr.ChainruleError:
        return False
    return True


def derivatives(name, dtype):
    """The same of the rules of an op, where only what moves is an input."""
    if not differentiable(name) or not takes(name, dtype):
        return
    for sampled in sample(name).calls:
        problem = Problem(name, sampled, lambda a: cast(a, dtype))
        if not has_gradient(problem):
            continue
        symbols = [cr.symbol(shape=a.shape, dtype=a.dtype) for a in problem.point]
        tangents = problem.random(problem.point, 1)
        cotangents = problem.random(problem(*problem.point), 2)
        outputs = problem(*symbols)
        pulled = cr.gradients(outputs, symbols, cotangents)
        pushed = cr.jvp(problem, symbols, tangents)[1]
        yield symbols, [*pulled, *pushed], problem.point


def together(calls):
    """One graph for many calls, as one program compiles sooner than many."""
    inputs, outputs, points = [], [], []
    for symbols, made, point in calls:
        inputs += [s._node for s in symbols]
        outputs += made
        points += point
    return Graph(inputs, outputs), points


def hosted(graph):
    """The ops that a program calls back for."""
    lister = Lister()
    lister.graph(graph, [view_of(Array(node.shape, node.dtype, input=i)) for i, node in enumerate(graph.inputs)])
    return lister.hosted


def agree(graph, points):
    """Run a graph as machine code and by NumPy; the names of the ops that it called back for."""
    graph = optimize(graph)
    check(graph, native.compile(graph), points)
    return hosted(graph)


def launched(program, arrays):
    """The outputs of a kernel, which must not fail: then NumPy would run the graph."""
    arrays = [np.ascontiguousarray(x) for x in arrays]
    outs = [np.empty(spec.shape, spec.dtype) for spec in program.outputs]
    arena = np.empty(program.arena + 64, np.uint8)
    tables = [(ctypes.c_void_p * max(1, len(xs)))(*(x.ctypes.data for x in xs)) for xs in (arrays, outs)]
    kernel = ctypes.PYFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(program.address)
    assert kernel(*map(ctypes.addressof, tables), arena.ctypes.data + (-arena.ctypes.data) % 64) == 0
    return outs


def check(graph, program, points):
    with np.errstate(all="ignore"):
        expected = graph.run(points)
    found = launched(program, points)
    for one, other in zip(found, expected, strict=True):
        other = np.asarray(other)
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        if one.dtype.kind not in "fc":
            np.testing.assert_array_equal(one, other)
            continue
        eps = np.finfo(one.dtype).eps
        finite = np.abs(other[np.isfinite(other)])
        np.testing.assert_allclose(one, other, 200 * eps, 200 * eps * np.max(finite, initial=1.0))


def dtypes(name, all_):
    """Those to test: of elementwise ops test_emit.py tests the others."""
    return ("float64",) if REGISTRY[name].kind == "elementwise" else all_


@pytest.mark.parametrize("name", NAMES)
def test_values(name):
    on_host = False
    for dtype in dtypes(name, DTYPES):
        graph, arrays = together(values(name, dtype))
        on_host |= bool(graph.outputs) and name in agree(graph, arrays)
    if REGISTRY[name].kind != "elementwise":
        assert on_host == (name in HOSTED)


@pytest.mark.parametrize("name", [name for name in NAMES if differentiable(name)])
def test_derivatives(name):
    for dtype in dtypes(name, ("float64", "complex128")):
        graph, arrays = together(derivatives(name, dtype))
        if graph.outputs:
            agree(graph, arrays)


# --------------------------------------------------------------------------------- arrays that need loops

MATRIX, CUBE, LINE = (37, 21), (5, 70, 9), (1003,)
POSITIONS = np.random.default_rng(0).integers(-37, 37, 1003)
ROWS = np.random.default_rng(1).integers(0, 21, (37, 1))

LARGE = {
    "logsumexp": [(lambda x: cr.logsumexp(x, axis=0), MATRIX), (lambda x: cr.logsumexp(x, axis=(0, 2)), CUBE)],
    "softmax": [(lambda x: cr.softmax(x, axis=1), MATRIX), (lambda x: cr.softmax(x, axis=0), CUBE)],
    "log_softmax": [(lambda x: cr.log_softmax(x, axis=1), CUBE), (cr.log_softmax, LINE)],
    "vector_norm": [(lambda x: cr.norm(x, axis=1), MATRIX), (cr.norm, LINE), (lambda x: cr.norm(x, 3, axis=0), MATRIX)],
    "var": [(lambda x: cr.var(x, axis=1, correction=1), CUBE), (lambda x: cr.std(x, axis=0), MATRIX), (cr.var, LINE)],
    "cumsum": [(lambda x, d=d: cr.cumsum(x, axis=d), CUBE) for d in range(3)],
    "cumprod": [(lambda x: cr.cumprod(x / 3, axis=1), MATRIX)],
    "cummax": [(lambda x: cr.cummax(x, axis=0), MATRIX), (lambda x: cr.cummin(x, axis=1), CUBE)],
    "logcumsumexp": [(lambda x: cr.logcumsumexp(x, axis=0), MATRIX)],
    "linear_recurrence": [(lambda x: cr.linear_recurrence(x, x[:1] / 4, axis=0, reverse=True), MATRIX)],
    "sort": [(lambda x: cr.sort(x, axis=1), CUBE), (lambda x: cr.sort(cr.round(x), descending=True), LINE)],
    "argsort": [(lambda x, d=d: cr.argsort(cr.round(x), axis=d, descending=d == 1), CUBE) for d in (1, 2)],
    "top_k": [(lambda x: cr.top_k(x, 5, axis=0)[0], MATRIX), (lambda x: cr.median(x, axis=1), CUBE)],
    "argmax": [(lambda x: cr.argmax(cr.round(x), axis=1), CUBE), (lambda x: cr.argmin(x), MATRIX)],
    "nanmax": [(lambda x: cr.nanmax(x, axis=0), MATRIX), (lambda x: cr.nanmin(x, axis=2), CUBE)],
    "searchsorted": [(lambda x, s=s: cr.searchsorted(cr.sort(x[:100]), x, side=s), LINE) for s in ("left", "right")],
    "gather": [(lambda x: x[POSITIONS], MATRIX), (lambda x: x[:, POSITIONS % 21], MATRIX)],
    "take_along_axis": [(lambda x: cr.take_along_axis(x, ROWS, axis=1), MATRIX)],
    "put": [(lambda x: cr.setitem(x, (slice(None), POSITIONS[:50] % 21), x[:, :1] * 2), MATRIX)],
    "add_at": [(lambda x: cr.add_at(x, POSITIONS, x[0]), MATRIX)],
    "segment_max": [(lambda x: cr.segment_max(x, POSITIONS % 11, 11), (1003, 3))],
    "tril": [(lambda x: cr.tril(x, 2), MATRIX), (lambda x: cr.triu(x, -3), CUBE)],
    "diagonal": [(lambda x: cr.diagonal(x, 1, 1, 2), CUBE)],
    "roll": [(lambda x: cr.roll(x, (3, -5), (0, 2)), CUBE), (lambda x: cr.roll(x, 11), MATRIX)],
    "cross": [(lambda x: cr.cross(x, x[::-1] * 2), (401, 3))],
    "pad": [(lambda x: cr.pad(x, ((1, 2), (3, 0)), mode="reflect"), MATRIX)],
    "convolve": [(lambda x, m=m: cr.convolve(x, x[:31], mode=m), LINE) for m in ("full", "same", "valid")],
    "max_pool": [
        (lambda x: cr.nn.functional.max_pool2d(x[None, None], 3, stride=2, padding=1), MATRIX),
        (lambda x: cr.nn.functional.avg_pool2d(x[None, None], (2, 3)), MATRIX),
    ],
    "convolution": [
        (lambda x: cr.nn.functional.conv2d(x[:, None], x[:4, None, :3, :3], padding=1, stride=2), (6, 17, 19)),
        (lambda x: cr.nn.functional.conv1d(x, x[:, :5, :7], groups=2, dilation=2), (4, 10, 90)),
    ],
    "interpolate": [(lambda x: cr.nn.functional.interpolate(x[None, None], scale_factor=1.7, mode="bicubic"), MATRIX)],
    "layer_norm": [(lambda x: cr.nn.functional.layer_norm(x, (9,)), CUBE)],
}  # fmt: skip


def points(shape):
    """Numbers at which derivatives exist, and others: huge, tiny, infinite, NaN, of both signs of zero."""
    random = np.random.default_rng(7)
    plain = random.normal(size=shape)
    strange = plain.copy()
    at = random.random(shape)
    for i, number in enumerate((np.nan, np.inf, -np.inf, 0.0, -0.0, 1e200, -1e-200)):
        strange[(at > 0.01 * i) & (at < 0.01 * i + 0.006)] = number
    return plain, strange, np.full(shape, -np.inf), np.zeros(shape)


@pytest.mark.parametrize("name", LARGE)
def test_loops(name):
    for function, shape in LARGE[name]:
        plain, *others = points(shape)
        graph = optimize(cr.trace(function, plain))
        program = native.compile(graph)
        assert not hosted(graph)
        for point in (plain, *others):
            check(graph, program, [point])
        if graph.outputs[0].dtype.kind == "f":
            moved = optimize(cr.trace(cr.grad(lambda x, function=function: cr.sum(cr.sin(function(x)))), plain))
            check(moved, native.compile(moved), [plain])


# ------------------------------------------------------------------------------- positions out of bounds

TABLE = np.arange(12.0).reshape(4, 3)
OUTSIDE = {
    "gather": (lambda x, i: x[:, i], 3),
    "put": (lambda x, i: cr.setitem(x, i, 0.0), -5),
    "take_along_axis": (lambda x, i: cr.take_along_axis(x, i[:, None], axis=1), 3),
    "add_along_axis": (lambda x, i: cr.add_at(x, i, 1.0), 4),
    "order_statistics": (lambda x, i: ops.order_statistics(x, i, axis=0), 4),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_positions_out_of_bounds_are_the_error_that_they_are_without_compiling(name):
    function, wrong = OUTSIDE[name]
    compiled = cr.jit(function)
    right = np.array([0, -1, 2, 1])
    np.testing.assert_array_equal(compiled(TABLE, right), function(cr.asarray(TABLE), right).numpy())
    for at in (wrong, 1 << 40, -(1 << 40)):
        positions = np.array([0, at, 2, 1])
        with pytest.raises(cr.ChainruleError) as expected:
            function(cr.asarray(TABLE), cr.asarray(positions))
        with pytest.raises(cr.ChainruleError) as found:
            compiled(TABLE, positions)
        assert str(found.value).splitlines()[0] == str(expected.value).splitlines()[0]


def test_a_slice_of_nan_alone_has_no_largest_element_compiled_either():
    compiled = cr.jit(lambda x: cr.nanargmax(x, axis=1))
    assert list(compiled(TABLE)) == [2, 2, 2, 2]
    with pytest.raises(cr.DomainError, match=r"\[nanargmax\] all elements of a slice are NaN"):
        compiled(np.where(TABLE < 3, np.nan, TABLE))


@pytest.mark.parametrize("dtype", ["complex128", "complex64"])
def test_complex_numbers_divided_by_zero_are_infinite_as_numpy_has_it(dtype):
    parts = [0.0, -0.0, 1.0, -2.0, math.inf, math.nan]
    x = np.array([complex(a, b) for a in parts for b in parts], dtype)
    with np.errstate(all="ignore"):
        for y in (x * 0, x[::-1].copy(), np.zeros(x.shape, dtype), np.full(x.shape, complex(-0.0, -0.0), dtype)):
            np.testing.assert_array_equal(cr.jit(lambda x, y: x / y)(x, y), x / y)


def test_what_a_callback_refuses_is_the_error_that_it_is_without_compiling():
    x = np.array([-1, 2])
    told = []
    for function in (lambda x: cr.power(2, x), cr.jit(lambda x: cr.power(2, x))):
        with pytest.raises(DomainError) as caught:
            function(x)
        told.append(caught.value.message)
    assert told[0] == told[1] and "Integers to negative integer powers are not allowed" in told[1]


@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_long_doubles_are_left_to_numpy(dtype):
    x = np.array([1, 2, 4], dtype) / 3
    for function in (cr.sum, cr.flip, lambda x: x @ x, lambda x: cr.astype(x.real, "float32"), cr.cumulative_sum):
        made = cr.jit(function)(x)
        np.testing.assert_array_equal(made, function(x))
        assert made.dtype == function(x).dtype


@pytest.mark.parametrize("asked", ["explain", "profile", "llvm", "asm", "export"])
def test_functions_that_numpy_runs_say_so_when_asked_for_their_machine_code(asked, tmp_path):
    x = np.ones(3, np.longdouble)
    ask = getattr(cr.jit(lambda x: cr.sum(x * x)), asked)
    with pytest.raises(SymbolError) as caught:
        ask(*([tmp_path] if asked == "export" else []), x, **({"name": "f"} if asked == "export" else {}))
    assert caught.value.message == (
        f"[{asked}] NumPy runs this function op by op: it is too long to be compiled, or computes with long doubles; "
        f"expected a shorter one, of float64 or less; write what repeats as scan(...), and convert with "
        f"astype('float64')."
    )

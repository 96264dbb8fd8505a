"""Kernels that fail: however they are called, the error is the one that the same lines raise without being compiled."""

import ctypes
import linecache
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule import native
from chainrule.errors import AxisError, MatrixError
from chainrule.native.entry import form
from chainrule.native.program import Program


@pytest.fixture(params=[True, False], ids=["builtin", "python"], autouse=True)
def builtin(request):
    form.enable(request.param)
    yield
    form.enable(True)


def beyond(x, i):
    y = x * 2.0
    return cr.sum(y[i])


def in_a_loop(x, i):
    return cr.scan(
        lambda c, k: (c + x[k] * 2.0, None),
        0.0,
        i,
    )[0]


def in_a_choice(x, i):
    return cr.cond(x[0] < 1, lambda x: cr.sum(x[i]), lambda x: cr.sum(x), x)


def called_back(x, i):
    return cr.sum(cr.linalg.logm(cr.stack([x, x])))


AXIS = (
    "[getitem] index [{}] does not fit shape (2,): index 7 is out of bounds for axis 0 with size 2; "
    "expected at most 1 indices, each within its axis; check the shape."
)
LOGM = (
    "[logm] the matrix of shape (2, 2) is singular; expected one with an inverse, for no other has a logarithm; "
    "check its rank, matrix_rank(x)."
)
FAILING = {
    beyond: (AxisError, AXIS.format("[1, 7]"), "return cr.sum(y[i])"),
    in_a_loop: (AxisError, AXIS.format("array of shape ()"), "lambda c, k: (c + x[k] * 2.0, None),"),
    in_a_choice: (
        AxisError,
        AXIS.format("[1, 7]"),
        "return cr.cond(x[0] < 1, lambda x: cr.sum(x[i]), lambda x: cr.sum(x), x)",
    ),
    called_back: (MatrixError, LOGM, "return cr.sum(cr.linalg.logm(cr.stack([x, x])))"),
}


def of_symbols(f):
    x, i = cr.symbol("x", shape=(2,)), cr.symbol("i", shape=(2,), dtype="int64")
    return cr.function([x, i], f(x, i), compile=True)


WAYS = {
    "as it is": lambda f: lambda x, i: f(cr.tensor(x), cr.tensor(i)),
    "jit": cr.jit,
    "jit of Tensors": lambda f: lambda x, i: cr.jit(f)(cr.tensor(x), cr.tensor(i)),
    "jit of jit": lambda f: cr.jit(cr.jit(f)),
    "jit of value_and_grad": lambda f: cr.jit(cr.value_and_grad(f)),
    "grad of jit": lambda f: cr.grad(cr.jit(f)),
    "recorded": lambda f: lambda x, i: cr.jit(f)(cr.tensor(x, requires_grad=True), i),
    "function of symbols": of_symbols,
    "called Graph": lambda f: lambda x, i: cr.trace(f, x, i)(x, i),
}


def line_of(text):
    lines = [n for n, line in enumerate(linecache.getlines(__file__), 1) if line.strip() == text]
    return f"{__file__}:{lines[0]}: {text}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", FAILING, ids=lambda f: f.__name__)
def test_the_error_is_that_of_the_same_lines_uncompiled(f, way):
    error, text, line = FAILING[f]
    run = WAYS[way](f)
    x, i = np.array([0.5, 2.0]), np.array([1, 7])
    for _ in range(2):  # the first call compiles
        with pytest.raises(error) as caught:
            run(x, i)
        assert str(caught.value) == f"{text}\n  at {line_of(line)}"


def test_what_numpy_computes_is_the_result_of_a_kernel_that_fails_without_need():
    calls = []
    kernel = ctypes.PYFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(lambda *_: calls.append(1) or 3)
    graph = cr.trace(lambda x: (x, cr.sum(x), x + 1), np.zeros(3))
    made = native.compile(graph)
    address = ctypes.cast(kernel, ctypes.c_void_p).value
    assert address is not None
    program = Program(address, made.inputs, made.outputs, owner=SimpleNamespace(given=graph, kernel=kernel))
    x = np.arange(3.0)
    same, total, more = form.Launch(program)(x)
    assert calls
    assert not np.shares_memory(same, x) and type(total) is np.float64
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(more, x + 1)
    assert total == 3
    np.testing.assert_array_equal(native.run(program, x)[2], x + 1)


def test_a_program_goes_on_working_after_it_failed():
    f = cr.jit(beyond)
    x = np.array([0.5, 2.0])
    for _ in range(3):
        assert f(x, np.array([1, -1])) == 8.0
        with pytest.raises(AxisError):
            f(x, np.array([1, 7]))

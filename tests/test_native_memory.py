"""Kernels read and write what is theirs alone, make the same bits every time, and run in threads and in forks."""

import ctypes
import faulthandler
import os
import signal

import numpy as np
import pytest
from fuzz.memory import PAGE, Guarded, Run, forked, placed, run_everywhere

import chainrule as cr
from chainrule import native, passes
from chainrule.native.program import Program
from chainrule.spec import Spec

SIZES = (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 127, 513, 1031)


def normal(*shape, dtype="float64"):
    x = np.random.default_rng(sum(shape)).normal(size=shape)
    return x.astype(dtype) if np.dtype(dtype).kind != "b" else x > 0


def checked(f, *arrays, threads=0, fork=False):
    graph = passes.optimize(cr.trace(f, *arrays))
    found = run_everywhere(native.compile(graph), arrays, threads=threads, fork=fork)
    with np.errstate(all="ignore"):
        wanted = graph.run([np.asarray(x)[()] for x in arrays])
    for one, other in zip(found, wanted, strict=True):
        scale = np.max(np.abs(np.nan_to_num(other)), initial=0.0)
        eps = np.finfo(one.dtype).eps if one.dtype.kind in "fc" else 0
        np.testing.assert_allclose(one, other, rtol=500 * eps, atol=500 * eps * scale)


PROGRAMS = {
    "elementwise": lambda x: cr.tanh(x) * 2 + x,
    "reversed": lambda x: x[::-1] * x,
    "strided": lambda x: (x[::2] + 1, x[1::2] - 1),
    "halves": lambda x: cr.concat([x[x.shape[0] // 2 :], x, x[:1]]),
    "sum": lambda x: cr.sum(x * x),
    "mean": lambda x: x - cr.sum(x) / max(1, x.shape[0]),
    "outer": lambda x: cr.sum(x[:, None] * x[None, :40], axis=0),
    "product": lambda x: (x[:, None] * cr.ones((1, 9))) @ cr.ones((9, 5)),
    "gradient": cr.grad(lambda x: cr.sum(cr.sin(x[1:]) * x[:-1] ** 2) if x.shape[0] else cr.sum(x)),
    "given back": lambda x: (x, x, x[:3]),
    "chosen": lambda x: cr.where(x > 0, x, x.shape[0]),
    "scan": lambda x: cr.scan(lambda c, row: (0.5 * c + row, c * row), cr.sum(x), x),
    "scan of vectors": lambda x: cr.scan(
        lambda c, i: (cr.sin(c) + i, cr.sum(c)), x, cr.arange(3.0, dtype=x.dtype), reverse=True
    ),
    "while": lambda x: cr.while_loop(lambda c: cr.sum(c * c) > 1.0, lambda c: 0.5 * c, x),
    "cond": lambda x: cr.cond(cr.sum(x) > 0, lambda y: y * 2, lambda y: y + 1, x),
    "indices": lambda x: x[np.array([0, -1, 0])] if x.shape[0] else x,
    "host": lambda x: cr.sort(x) + 1,
    "constants": lambda x: x + np.arange(1.0, x.shape[0] + 1),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_beyond_the_ends(name, dtype):
    for size in SIZES if dtype == "float64" else SIZES[::3]:
        checked(PROGRAMS[name], normal(size, dtype=dtype))


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool", "complex64", "complex128", "float16"])
def test_elements_of_every_size(dtype):
    for size in (1, 7, 65, 300):
        x = normal(size, dtype=dtype) if np.dtype(dtype).kind != "u" else np.abs(normal(size) * 9).astype(dtype)
        checked(lambda x: (x[::-1], cr.where(x[1:] != 0, x[:-1], x[1:]), cr.concat([x, x])), x)


@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (1, 9), (3, 5, 8), (17, 16, 3), (2, 0, 4), (33, 65)])
def test_matrices(shape):
    x = normal(*shape)
    checked(lambda x: cr.sum(cr.matrix_transpose(x), axis=-1), x)
    checked(lambda x: cr.reshape(cr.matrix_transpose(x)[..., ::-1, :], (-1,)) * 2, x)
    checked(lambda x: cr.matrix_transpose(x) @ x, x)
    checked(cr.grad(lambda x: cr.sum(cr.sin(x @ cr.matrix_transpose(x)))), x)
    checked(cr.vmap(cr.grad(lambda x: cr.sum(cr.exp(-x * x)))), x)


@pytest.mark.parametrize("name", PROGRAMS)
def test_threads_and_a_forked_child(name):
    checked(PROGRAMS[name], normal(129), threads=4, fork=True)


def test_long_loops_in_threads_and_a_forked_child():
    x = normal(300_000)
    checked(lambda x: (cr.tanh(x) * x, cr.sum(cr.sin(x))), x, threads=3, fork=True)
    checked(cr.grad(lambda x: cr.sum(cr.tanh(x) * x[::-1])), x, threads=3, fork=True)


# --------------------------------------------------------------------------------------- the guards themselves


def died(touch):
    """The signal that a child dies by."""
    child = forked()
    if not child:
        faulthandler.disable()
        touch()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@pytest.mark.parametrize("size", [0, 1, 8, PAGE, PAGE + 3])
def test_guards_kill(size):
    end, start = Guarded(size, True), Guarded(size, False)
    byte = lambda at: lambda: ctypes.c_char.from_address(at).value
    assert died(byte(end.address + size)) == died(byte(start.address - 1)) == signal.SIGSEGV
    if size:
        assert died(byte(end.address + size - 1)) == died(byte(start.address)) == 0
    end.read_only()
    if size:
        assert died(lambda: ctypes.memset(end.address, 0, 1)) == signal.SIGSEGV


def kernel(function, *specs):
    """A program that is a function of Python's: of the addresses of inputs, outputs and arena."""
    made = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.POINTER(ctypes.c_void_p)] * 2, ctypes.c_void_p)(function)
    address = ctypes.cast(made, ctypes.c_void_p).value
    return Program(address, specs[:1], specs[1:], 64, owner=made)


def spec(size):
    return Spec((size,), np.dtype(np.uint8))


def test_what_a_kernel_leaves_out_or_writes_beside_is_found():
    def fills(count):
        return lambda _, outs, arena: ctypes.memset(outs[0], 7, count) and 0

    x = np.arange(9, dtype=np.uint8)
    run_everywhere(kernel(fills(10), spec(9), spec(10)), [x], fork=True)
    with pytest.raises(AssertionError, match="output 0 has other bits when the kernel is run at the start"):
        run_everywhere(kernel(fills(9), spec(9), spec(10)), [x])
    with pytest.raises(MemoryError, match="the kernel wrote beside its memory"):
        Run(kernel(fills(11), spec(9), spec(10)), placed([x], [spec(9)], False), False, 0)()
    with pytest.raises(RuntimeError, match="the kernel returned 3"):
        run_everywhere(kernel(lambda *_: 3, spec(9), spec(10)), [x])


def test_what_the_arena_held_is_found():
    def leaks(_, outs, arena):
        ctypes.memmove(outs[0], arena, 8)
        return 0

    with pytest.raises(AssertionError, match="other bits when the kernel is run at the start"):
        run_everywhere(kernel(leaks, spec(3), spec(8)), [np.zeros(3, np.uint8)])

"""What compiled functions tell of themselves: kernels, why they are apart, operations, bytes, calls, memory, times."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SymbolError
from chainrule.jit import jit
from chainrule.native.explain import amount
from chainrule.native.profile import duration
from chainrule.native.threads.threads import get_num_threads, set_num_threads
from tests.messages import assert_message

X = np.linspace(-1.0, 1.0, 1000)


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


def test_one_kernel():
    f = jit(lambda x, y: cr.sqrt(x * x + 1) / y)
    told = f.explain(X, X)
    (kernel,) = told.kernels
    assert kernel.kind == "loop" and kernel.loops == "1000"
    assert kernel.ops == ("square", "add", "sqrt", "divide")
    assert (kernel.flops, kernel.read, kernel.written) == (4000, 16_000, 8_000)
    assert told.flops == 4000 and told.hosts == told.blas == told.special == ()
    assert str(told) == (
        "(float64[1000], float64[1000]) -> (float64[1000]): 1 kernel, 4.00 kflop\n"
        "  1  loop 1000: square add sqrt divide; 4.00 kflop, reads 16.0 kB, writes 8.00 kB\n"
        "memory: 0 B for intermediate results, 0 B saved by reuse\n"
        "threads: one is used"
    )
    assert repr(told) == str(told)


def test_bytes_are_of_what_is_read():
    kernel = jit(lambda x: x[::2] + 1).explain(X).kernels[0]
    assert (kernel.flops, kernel.read, kernel.written) == (500, 4_000, 4_000)
    kernel = jit(lambda x, y: x * y).explain(np.ones((50, 20)), np.ones(20)).kernels[0]
    assert (kernel.flops, kernel.read, kernel.written) == (1000, 8_000 + 160, 8_000)
    kernel = jit(lambda x: x * 2).explain(X.astype(np.float32)).kernels[0]
    assert (kernel.read, kernel.written) == (4_000, 4_000)
    kernel = jit(lambda x: x.T * 1.5).explain(np.ones((30, 40))).kernels[0]
    assert kernel.loops == "40×30" or kernel.loops == "30×40"
    assert (kernel.read, kernel.written) == (9_600, 9_600)


def test_sums_need_all():
    told = jit(lambda x: x - cr.max(x)).explain(X)
    assert [k.ops for k in told.kernels] == [("max",), ("subtract",)]
    assert told.kernels[1].apart == "subtract needs all of max, which is known after the loop"
    assert "     not fused: subtract needs all of max, which is known after the loop\n  2  loop 1000" in str(told)


def test_other_places():
    told = jit(lambda x: cr.cumsum(x)[::-1] * cr.exp(x)).explain(X)
    assert "cumsum is done for whole arrays at once" in [k.apart for k in told.kernels]


def test_nothing_in_common():
    told = jit(lambda x, y: (x + 1, y + 1)).explain(X, X)
    assert told.kernels[1].apart == "they have nothing in common"


def test_other_sizes():
    told = jit(lambda x: (cr.exp(x), cr.exp(x[:500]) + 1)).explain(X)
    assert told.kernels[1].apart == "what both read is read in loops of 1000 and of 500 steps"


def test_loops_in_turn():
    def loss(b, x, y):
        z = x @ b
        return cr.sum(y * z - cr.exp(z)) + cr.sum(b * b)

    given = np.ones(20), np.ones((20_000, 20)), np.ones(20_000)
    turns, after = jit(cr.grad(loss)).explain(*given).kernels
    assert turns.loops == "256 steps in turn of 20000×20, 20000, 20000×20"
    assert after.apart == "add needs all of matmul, which is known after the loop"


def test_products_are_counted():
    for n, m, k in (32, 32, 32), (300, 300, 300), (37, 21, 45):  # by tiles, some of them in chunks, some cut off
        x, y = np.ones((n, k)), np.ones((k, m))
        assert jit(lambda x, y: x @ y).explain(x, y).flops == 2 * n * m * k
    assert jit(lambda x: x @ x).explain(np.ones((32, 32), int)).flops == 0


def test_calls_are_named():
    x = np.ones((500, 500)) + np.eye(500)
    told = jit(lambda x: cr.sum(cr.special.gammaincinv(cr.abs(cr.fft.fft(x @ x)), 0.5))).explain(x)
    assert told.blas == ("dgemm",) and told.hosts == ("fft",) and told.special == ("gammaincinv",)
    kinds = [k.kind for k in told.kernels]
    assert "blas" in kinds and "host" in kinds
    assert told.kernels[kinds.index("blas")].flops == 2 * 500**3
    text = str(told)
    for line in (
        "calls NumPy: fft (a transform of SciPy's)",
        "calls BLAS: dgemm",
        "calls SciPy for each number: gammaincinv",
    ):
        assert line in text


def test_calls_have_reasons():
    x = np.array([0.5 + 1j, 2.0 - 1j])
    told = jit(
        lambda x: (cr.special.erf(x), cr.fft.fft(x), cr.fft.ifft(x), cr.gcd(cr.astype(cr.real(x), int), 2))
    ).explain(x)
    assert (
        "calls NumPy: erf (there is machine code of it, but not for these shapes, dtypes and parameters); "
        "fft, ifft (a transform of SciPy's); gcd (NumPy or SciPy computes it in several steps)"
    ) in str(told)


def test_what_is_called_where_something_fails_is_not_named():
    told = jit(lambda x: cr.linalg.inv(x)).explain(np.eye(3))
    assert told.hosts == ()


def test_operations_of_loops():
    told = jit(lambda x: cr.scan(lambda c, _: (c * x + 1.0, c), x, None, length=7)[0]).explain(X)
    assert told.flops == 7 * 2 * 1000


def test_memory_that_is_used_again():
    def f(x):
        for _ in range(4):
            x = cr.sort(x, axis=1)
        return x

    told = jit(f).explain(np.ones((100, 100)))
    assert told.saved >= 80_000
    assert f"{amount(told.saved, 'B')} saved by reuse" in str(told)


def test_threads(threads):
    threads(3)
    f = jit(lambda x: cr.sum(cr.exp(x) * x))
    told = f.explain(np.ones(300_000))
    assert told.kernels[0].chunks > 1 and str(told).endswith("threads: 3")
    assert told.flops > 300_000 * 10
    few = f.explain(X)
    assert few.kernels[0].chunks == 1 and str(few).endswith("threads: one is used")
    assert abs(told.flops / 300 - few.flops) < 0.1 * few.flops


def test_the_last_program_is_told_of_without_arguments():
    f = jit(lambda x: x * 2)
    f(X)
    f(X[:10])
    assert f.explain().inputs[0].shape == (10,)
    assert f.explain(X).inputs[0].shape == (1000,)
    assert jit(lambda: cr.zeros(3) + 1).explain().inputs == ()


def test_llvm_and_assembly():
    f = jit(lambda x: x * 2)
    assert "define i32 @kernel(ptr %inputs, ptr %outputs, ptr %arena)" in f.llvm(X)
    assert "fmul" in f.llvm() and "kernel" in f.asm()


def test_amounts():
    shown = [amount(n, "B") for n in (0, 1, 999, 1000, 1234, 12_340, 999_400, 999_600, 1_000_000, 12.3e9, 2e15)]
    assert shown == [
        "0 B", "1 B", "999 B", "1.00 kB", "1.23 kB", "12.3 kB", "999 kB", "1.00 MB", "1.00 MB", "12.3 GB", "2.00 PB",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------ LAPACK

TALL, SQUARE = np.random.default_rng(1).normal(size=(60, 20)), np.eye(50) * 3
M, N, K = 50, 60, 20
LAPACK = {
    "cholesky": (cr.linalg.cholesky, (SQUARE,), M**3 / 3),
    "solve": (cr.linalg.solve, (SQUARE, TALL[:50]), 2 * M**3 / 3 + 2 * M**2 * K),
    "inv": (cr.linalg.inv, (SQUARE,), 8 * M**3 / 3),
    "qr": (cr.linalg.qr, (TALL,), 2 * (2 * K**2 * (N - K / 3))),
    "eigh": (cr.linalg.eigh, (SQUARE,), 9 * M**3),
    "eigvalsh": (cr.linalg.eigvalsh, (SQUARE,), 4 * M**3 / 3),
    "eig": (cr.linalg.eig, (SQUARE,), 25 * M**3),
    "svdvals": (cr.linalg.svdvals, (TALL,), 4 * N * K**2 - 4 * K**3 / 3),
    "svd of a wide matrix": (lambda x: cr.linalg.svd(x, full_matrices=False), (TALL.T,), 14 * N * K**2 + 8 * K**3),
    "svd with all vectors": (cr.linalg.svd, (TALL,), 4 * N**2 * K + 8 * N * K**2 + 9 * K**3),
    "lstsq": (cr.linalg.lstsq, (TALL, np.ones((60, 2))), 4 * N * K**2 + 8 * K**3 + 4 * N * K * 2),
    "complex": (cr.linalg.cholesky, (SQUARE + 0j,), 4 * M**3 / 3),
}


@pytest.mark.parametrize("name", LAPACK)
def test_operations_of_lapack(name):
    f, arguments, wanted = LAPACK[name]
    told = jit(f).explain(*arguments)
    kernel = max((k for k in told.kernels if k.kind == "blas"), key=lambda k: k.flops)
    others = 20 * sum(x.size for x in arguments)  # copies, signs, what is left out of rounding
    assert wanted - 1 <= kernel.flops <= wanted + others + 1
    iterates = name.startswith(("eig", "svd", "lstsq"))
    assert kernel.about == iterates and ("about" in str(kernel)) == ("about" in str(told).splitlines()[0]) == iterates


def test_operations_of_loops_without_known_length_are_those_of_a_step():
    f = jit(lambda x: cr.while_loop(lambda c: c < 100, lambda c: c * 1.5 + 1, x))
    assert str(f.explain(1.0)) == (
        "(float64[]) -> (float64[]): 1 kernel, at least 2 flop\n"
        "  1  call: while_loop; 2 flop a step, reads 8 B, writes 8 B\n"
        "memory: 64 B for intermediate results, 0 B saved by reuse\n"
        "threads: one is used"
    )


# ------------------------------------------------------------------------------------------------------- times


def test_times_of_kernels():
    f = jit(lambda x, a: a * cr.exp(x - cr.max(x)))
    told = f.profile(X, 2.0)
    assert [t.kernel.ops for t in told.timings] == [k.ops for k in f.explain(X, 2.0).kernels]
    assert all(t.seconds >= 0 for t in told.timings) and told.seconds < 10 and told.runs >= 5
    lines = str(told).splitlines()
    assert lines[0].split() == ["kernel", "time", "%", "GB/s", "GFLOP/s"]
    assert len(lines) == len(told.timings) + 2 and lines[-1].endswith(f"the shortest of {told.runs} runs each")


def test_units_of_times():
    shown = [duration(x) for x in (0.0, 4.2e-8, 9.99e-7, 9.996e-7, 1.234e-5, 4.56e-4, 9.994e-4, 0.0123, 1.5, 1234.5)]
    assert shown == [
        "0 ns", "42 ns", "999 ns", "1.00 µs", "12.3 µs", "456 µs", "999 µs", "12.3 ms", "1.50 s", "1234 s",
    ]  # fmt: skip


def test_times_of_programs_with_chunks_calls_and_constants(threads):
    threads(2)
    x = np.ones((300, 600))
    table = np.arange(600.0)
    f = jit(lambda x: (cr.sum(cr.exp(x * table)), cr.fft.fft(x), cr.sort(x, axis=1)))
    told = f.profile(x)
    assert {"fft", "sort"} <= {op for t in told.timings for op in t.kernel.ops}


def test_times_of_tensors_and_of_what_is_closed_over():
    w = cr.tensor(np.ones(1000), requires_grad=True)
    f = jit(lambda x: cr.sum(w * x))
    assert f.profile(cr.tensor(X)).timings[0].kernel.ops == ("multiply", "sum")


def test_a_callback_that_raises_is_heard():
    f = jit(lambda x: cr.linalg.cholesky(x))
    with pytest.raises(np.linalg.LinAlgError):
        f.profile(-np.eye(40))


# ---------------------------------------------------------------------------------------------------- messages


def test_arguments_are_needed():
    f = jit(lambda w, x: w * x)
    for asked in ("explain", "llvm", "asm"):
        message = (
            f"[{asked}] nothing is compiled yet, and a program is for the shapes and dtypes of some; expected "
            f"arguments as the function takes them: w, x; write f.{asked}(w, x)."
        )
        assert_message(SymbolError, message, lambda asked=asked: getattr(f, asked)())
    f(X, X)
    message = (
        "[profile] no arguments were given, and a program is for the shapes and dtypes of some; expected arguments as "
        "the function takes them: w, x; write f.profile(w, x)."
    )
    assert_message(SymbolError, message, lambda: f.profile())

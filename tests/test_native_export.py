"""Exported functions: the C that compilers take without a warning, the machine code, and both against NumPy."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule import native, passes
from chainrule.errors import DTypeError, GraphFileError
from chainrule.jit import jit
from chainrule.native.c.source import library_name
from chainrule.native.machine.code import Code
from tests.messages import assert_message

RNG = np.random.default_rng(5)
COMPILER = next((tool for tool in ("gcc", "cc", "clang") if shutil.which(tool)), None)
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
FAST = ["-O3", "-march=native"]


def normal(*shape):
    return RNG.normal(size=shape)


def recurrent(w, h, xs):
    last, sums = cr.scan(lambda c, x: (cr.tanh(w @ c + x), cr.sum(c)), h, xs)
    return cr.sum(last**2) + cr.sum(sums)


W, IDX, WHOLE = normal(6, 6) / 4, RNG.integers(-5, 5, size=40), RNG.integers(-100, 100, size=77)
STRANGE = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, -0.0, 5e-324] * 2)
WIDTHS = ("int8", "uint8", "int16", "int32", "int64", "uint64", "bool")

FUNCTIONS = [
    cr.sin, cr.cos, cr.tan, cr.exp, cr.tanh, cr.log1p, cr.atan, cr.asinh, lambda x: cr.abs(x) ** 2.5,
]  # fmt: skip

PROGRAMS = {
    "scalars": (lambda x, y: x * y + 2.0, (1.5, 2.5)),
    "a few numbers": (cr.value_and_grad(lambda x: x[0] * x[1] + cr.sum(x[1:] ** 2)), (normal(4),)),
    "vectors and a rest": (lambda x: cr.tanh(x) * cr.exp(-x * x) + cr.sin(x) / cr.log(cr.abs(x) + 2), (normal(1003),)),
    "sums": (lambda x: (cr.sum(x), cr.sum(x, axis=0), cr.max(x, axis=1), cr.mean(x)), (normal(50, 61),)),
    "single precision": (lambda x: cr.exp(x) * x + cr.sqrt(cr.abs(x)), (normal(77).astype(np.float32),)),
    "half precision": (lambda x: (cr.astype(x, "float32") * 2, x), (normal(77).astype(np.float16),)),
    "complex": (lambda x: (cr.exp(x), cr.sum(x), x / (1j * x + 1)), (normal(30) + 1j * normal(30),)),
    "complex angles": (lambda x: (cr.asin(x), cr.acosh(x), cr.atan(x)), (normal(30) + 1j * normal(30),)),
    "integers": (lambda x: (x * 3 + 1, x // 7, x % 5, -x, cr.abs(x), x > 3, x << 2), (WHOLE,)),
    "small integers": (lambda x: (x * 3 + 1, x // 7, x - 200, x > 3), (WHOLE.astype(np.uint8),)),
    "narrow integers": (lambda x: (x * x * x, x + x), (WHOLE.astype(np.int8),)),
    "booleans": (lambda x, y: (x & y, ~x, cr.any(x), cr.sum(y)), (WHOLE > 0, WHOLE > 50)),
    "conversions": (lambda x: (cr.astype(x * 100, "int32"), x != 0, cr.astype(x, "float32")), (normal(77),)),
    "conversions out of range": (
        lambda x: tuple(cr.astype(y, d) for d in WIDTHS for y in (x, cr.astype(x, "float32"))), (STRANGE,)
    ),
    "views": (lambda x: x.T * 2 + x[::-1], (normal(20, 20),)),
    "parts": (lambda x: cr.concat([x, x * 2, x[:, ::2]], axis=1), (normal(5, 7),)),
    "at places": (cr.value_and_grad(lambda x, i: cr.sum(x[i] ** 2)), (normal(5, 3), IDX)),
    "small products": (cr.value_and_grad(lambda w, x: cr.sum((x @ w) ** 2)), (normal(3, 4), normal(5, 3))),
    "products": (lambda x, y: (x @ y, x @ y[:, 0]), (normal(70, 60), normal(60, 50))),
    "products by BLAS": (lambda x, y: (x @ y, y.T @ x.T), (normal(420, 410), normal(410, 400))),
    "complex products": (lambda x, y: x @ (1j * y), (normal(30, 20), normal(20, 10) + 1j)),
    "scan": (cr.value_and_grad(recurrent), (W, normal(6), normal(30, 6))),
    "while loop": (
        lambda x: cr.while_loop(lambda c: cr.sum(c) < 1000.0, lambda c: c * 1.5 + x, x), (np.ones(300),),
    ),
    "derivative of a while loop": (
        cr.grad(lambda x: cr.sum(cr.while_loop(lambda c: cr.sum(c) < 1000.0, lambda c: c * 1.5 + x, x))),
        (np.ones(99),),
    ),
    "cond": (lambda x: cr.cond(cr.sum(x) > 0, lambda v: v * 2, lambda v: v * 3, x), (normal(50),)),
    "chunks": (lambda x: (cr.sum(cr.exp(x)), cr.sum(x, axis=0), cr.sum(x, axis=1)), (normal(9000, 60),)),
    "small matrices": (lambda x, b: cr.linalg.solve(x, b), (normal(3, 3), normal(3))),
    "sorted": (lambda x: (cr.sort(x), cr.cumsum(x), cr.argmax(x)), (normal(100),)),
    "gamma functions": (
        lambda x: [getattr(cr.special, name)(x) for name in ("gammaln", "gamma", "rgamma", "digamma", "gammasgn")],
        (np.append(normal(100) * 10, [0.0, -0.0, -2.0, np.inf, np.nan]),),
    ),
    "trigamma": (lambda x: cr.special.polygamma(1, x), (normal(100) * 10,)),
    "functions of numbers": (
        lambda *xs: [f(x) for x in xs for f in FUNCTIONS] + [cr.atan2(x, 2.0) + cr.atan2(0.5, x) for x in xs],
        (1.25, np.float32(-0.75), 1e300),
    ),
    "functions of a few numbers": (lambda x: [f(x) for f in FUNCTIONS], (normal(7) * 3,)),
    "conditions": (
        lambda m, x, y: cr.where(m, cr.where((x == 0) & (y > 1), 0.0, x * cr.sqrt(cr.abs(y))), 0.0) + y,
        (normal(400) > 0, np.where(normal(400) > 1, 0.0, normal(400)), normal(400)),
    ),
    "strange numbers": (lambda x: (cr.exp(x), cr.tanh(x), cr.minimum(x, 0.0), cr.sign(x)), (STRANGE,)),
    "constants": (lambda x: x + np.array([0.1, np.inf, -2.0]) + np.arange(6.0).reshape(2, 3), (normal(2, 3),)),
    "inputs as they are": (lambda x, y: (x, x), (normal(3), normal(2))),
    "nothing": (lambda x: (x * 2, cr.sum(x)), (np.empty((0, 3)),)),
}  # fmt: skip


def aligned(size):
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def called(function, source_of, program, inputs):
    """What an exported function makes of these inputs; with memory to work in, if it wants that."""
    given = [np.array(x, s.dtype, order="C") for x, s in zip(inputs, program.inputs, strict=True)]
    made = [np.empty(s.shape, s.dtype) for s in program.outputs]
    asked = re.search(r"#define \w+_WORK (\d+)", source_of)
    work = [aligned(int(asked[1]))] if asked else []
    function(*(ctypes.c_void_p(x.ctypes.data) for x in (*given, *made, *work)))
    for before, after in zip(inputs, given, strict=True):
        np.testing.assert_array_equal(np.asarray(before, after.dtype), after)
    return made


def assert_agrees(got, want):
    for a, b in zip(got, want, strict=True):
        b = np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype
        if b.dtype.kind in "fc":
            digits = {2: 1e-3, 4: 1e-5}.get(b.dtype.itemsize // (2 if b.dtype.kind == "c" else 1), 1e-11)
            np.testing.assert_allclose(a, b, rtol=digits, atol=digits)
        else:
            np.testing.assert_array_equal(a, b)


def compiled_c(folder, name, more=()):
    """The function of the C source, by a compiler that takes every warning for an error."""
    library = folder / f"strict{len(more)}_{library_name(name)}"
    done = subprocess.run(
        [COMPILER, *STRICT, *more, f"{name}.c", "-o", str(library), "-lm"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return getattr(ctypes.CDLL(str(library)), name)


@pytest.mark.parametrize("what", PROGRAMS)
def test_the_source_and_the_object_compute_what_numpy_does(what, tmp_path):
    f, inputs = PROGRAMS[what]
    graph = passes.optimize(cr.trace(f, *inputs))
    program = native.compile(graph)
    program.export(tmp_path, "f")
    header = (tmp_path / "f.h").read_text()
    with np.errstate(all="ignore"):
        want = graph.run([np.asarray(x) for x in inputs])
    code = Code((tmp_path / "f.o").read_bytes())
    by_llvm = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * header.split(" f(")[1].count("*"))(code.address("f"))
    assert_agrees(called(by_llvm, header, program, inputs), want)
    if COMPILER is not None:
        assert_agrees(called(compiled_c(tmp_path, "f"), header, program, inputs), want)


@pytest.mark.parametrize("what", ["vectors and a rest", "conditions", "sums", "scan"])
def test_compilers_that_optimise_for_this_processor_compute_the_same(what, tmp_path):
    f, inputs = PROGRAMS[what]
    graph = passes.optimize(cr.trace(f, *inputs))
    program = native.compile(graph)
    program.export(tmp_path, "f")
    want = native.run(program, *inputs)
    assert_agrees(want, graph.run([np.asarray(x) for x in inputs]))
    if COMPILER is not None:
        function = compiled_c(tmp_path, "f", FAST)
        assert_agrees(called(function, (tmp_path / "f.h").read_text(), program, inputs), want)


def test_what_is_written(tmp_path):
    made = jit(cr.value_and_grad(lambda w, x: cr.sum(cr.tanh(x @ w) ** 2))).export(
        tmp_path / "new", np.ones(5), np.ones((40, 5)), name="loss"
    )
    names = {"loss.h", "loss.c", "loss_main.c", "loss.o", "loss_example.py"}
    if COMPILER is not None:
        names.add(library_name("loss"))
    assert set(made.files) == names == {path.name for path in (tmp_path / "new").iterdir()}
    assert str(made).splitlines()[0] == "void loss(const double *w, const double *x, double *out0, double *out1)"
    header = (tmp_path / "new" / "loss.h").read_text()
    assert "   x     in   float64, [40][5]\n" in header and f"{made.prototype};" in header


def test_without_a_linker_it_says_how_to_make_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    made = jit(lambda x: x * 2).export(tmp_path, np.ones(3), name="twice")
    assert set(made.files) == {"twice.h", "twice.c", "twice_main.c", "twice.o", "twice_example.py"}
    assert made.missing == [
        "no shared library: no linker was found. Make one with: cc -O3 -march=native -fno-math-errno -shared -fPIC "
        f"twice.c -o {library_name('twice')} -lm"
    ]
    assert str(made).endswith(made.missing[0])


def test_the_examples_run(tmp_path):
    @jit
    def energy(x, scale, i):
        return cr.sum(x * x) * scale, x[i]

    made = energy.export(tmp_path, np.ones((3, 4)), np.float64(2.0), np.array([1, 2]))
    assert made.prototype.startswith("int energy(const double *x, const double *scale, const int64_t *i,")
    if library_name("energy") in made.files:
        done = subprocess.run([sys.executable, "energy_example.py"], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout.startswith("(array(1.5), array([[0.5, 0.5, 0.5, 0.5],\n"), done.stderr
    if COMPILER is not None:
        command = [COMPILER, *STRICT[:5], "energy_main.c", "energy.c", "-o", "energy", "-lm"]
        subprocess.run(command, cwd=tmp_path, check=True)
        done = subprocess.run([str(tmp_path / "energy")], capture_output=True, text=True)
        assert done.stdout.splitlines()[:2] == ["out0[0] = 1.5", "out1[0] = 0.5"]


def test_an_index_out_of_bounds_is_told(tmp_path):
    f = jit(lambda x, i: x[i] * 2)
    f.export(tmp_path, np.ones(3), np.array([1]), name="f")
    code = Code((tmp_path / "f.o").read_bytes())
    functions = [ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)(code.address("f"))]
    if COMPILER is not None:
        functions.append(compiled_c(tmp_path, "f"))
    x, out = np.ones(3), np.zeros(1)
    for function in functions:
        for index, found in ((1, 0), (-3, 0), (3, 1), (-4, 1)):
            given = np.array([index])
            assert function(*(ctypes.c_void_p(a.ctypes.data) for a in (x, given, out))) == found


def test_floats_beyond_the_integers_are_what_numpy_makes_of_them_here(tmp_path):
    f = jit(lambda x: (cr.astype(x, "int64"), cr.astype(x, "int8"), cr.astype(x, "uint32")))
    f.export(tmp_path, STRANGE, name="f")
    code = Code((tmp_path / "f.o").read_bytes())
    functions = [ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)(code.address("f"))]
    if COMPILER is not None:
        functions.append(compiled_c(tmp_path, "f"))
    for function in functions:
        made = [np.empty(16, "int64"), np.empty(16, "int8"), np.empty(16, "uint32")]
        function(*(ctypes.c_void_p(a.ctypes.data) for a in (STRANGE, *made)))
        for a in made:
            # Narrow ones by way of one that holds them, whose higher bits are dropped.
            with np.errstate(all="ignore"):
                wide = STRANGE.astype(np.int32 if a.dtype == np.int8 else np.int64)
            assert a.tolist() == wide.astype(a.dtype).tolist()


def test_names_that_c_does_not_take_are_changed(tmp_path):
    f = jit(lambda double, np, exp, l: double * np + cr.exp(l * exp))  # noqa: E741  # the name of lanes in the text
    made = f.export(tmp_path, *[np.ones(30)] * 4, name="f")
    words = ", ".join(f"const double *{name}" for name in ("double_", "np_", "exp", "l_"))
    assert made.prototype == f"void f({words}, double *out)"
    if COMPILER is not None:
        compiled_c(tmp_path, "f")


def test_the_caller_gives_large_memory(tmp_path):
    x = normal(300, 300)
    made = jit(lambda x: cr.sort(x * x, axis=1) @ x).export(tmp_path, x, name="big")
    assert made.prototype == "void big(const double *x, double *out, void *work)"
    assert re.search(r"#define BIG_WORK \d{6}", (tmp_path / "big.h").read_text())


def test_a_program_of_several_threads_is_one_loop_over_chunks(tmp_path):
    jit(lambda x: cr.sum(cr.exp(x))).export(tmp_path, np.ones(300_000), name="f")
    text = (tmp_path / "f.c").read_text()
    assert "#ifdef _OPENMP\n#pragma omp parallel for\n#endif\n" in text


# ---------------------------------------------------------------------------------------------------- to be read


def source_of(folder, function, *args):
    jit(function).export(folder, *args, name="f")
    return (folder / "f.c").read_text()


def test_functions_of_numbers_are_written_once_and_called(tmp_path):
    text = source_of(tmp_path, lambda w, x: cr.tanh(w @ x) * cr.exp(w[0, 0]), normal(3, 3), normal(3))
    assert text.count("/* tanh(x): tanh x within 2 ulp. */\nINLINE double tanh_(double x) {\n    const double") == 1
    assert text.count("/* exp(x): eˣ within 1 ulp. */\nINLINE double exp_(double x) {\n") == 1
    body = text.partition("void f(")[2]
    assert "tanh_(" in body and body.count("exp_(") == 1 and len(body.splitlines()) < 20
    both = source_of(tmp_path, lambda x, y: (cr.exp(x), cr.exp(y)), normal(5), np.float32(2))
    assert "INLINE double exp_(double x) {" in both and "INLINE float expf_(float x) {" in both


def test_functions_with_branches_are_called_for_single_numbers_and_named_in_vectors(tmp_path):
    text = source_of(tmp_path, lambda x, y: (cr.sin(x), cr.special.digamma(y)), np.float64(2), normal(100))
    assert "/* sin(x): sin x within 1 ulp. */\nstatic double sin_(double x) {" in text
    assert "        /* digamma */\n" in text and "digamma_(" not in text


def test_constants_are_part_of_functions(tmp_path):
    text = source_of(tmp_path, lambda x, y: (cr.abs(x) ** 2.5, cr.abs(x) ** 3.5, cr.abs(x) ** y), np.ones(40), 1.5)
    assert [line for line in text.splitlines() if line.startswith("/* pow(")] == [
        f"/* pow(x, {power}): xʸ within 2 ulp. */" for power in ("2.5", "3.5", "y")
    ]


def test_a_name_that_a_function_has_stays_that_of_the_argument(tmp_path):
    f = jit(lambda exp, exp_, c0: cr.exp(exp) + exp_ + c0 + np.arange(5.0))
    f.export(tmp_path, np.ones(5), np.ones(5), np.ones(5), name="f")
    assert "INLINE double exp__(double x) {" in (tmp_path / "f.c").read_text()
    if COMPILER is not None:
        compiled_c(tmp_path, "f")


def test_straight_code_says_what_it_computes(tmp_path):
    text = source_of(tmp_path, lambda x, y: (x * y + 1, cr.sqrt(x)), np.float64(2), np.float64(3))
    body = text.partition("\nvoid f(")[2]
    assert body.count("/* ") == 1 and "{\n    /* multiply, add, sqrt: out0, out1 */\n    const double" in body
    assert "    out1[0] = sqrt(" in body
    text = source_of(tmp_path, lambda x: cr.sqrt(x) * 2, np.ones(99))
    assert "    /* sqrt, multiply: out */\n    for (" in text
    assert "    /* sqrt, multiply: out; the last 3 */\n" in text


def test_nested_loops_say_it_once(tmp_path):
    text = source_of(tmp_path, lambda x: cr.sum(x * x, axis=1), normal(30, 30))
    assert text.count("/* square, sum: out */") == 1


def test_what_does_not_change_in_a_loop_stands_under_its_heading(tmp_path):
    text = source_of(tmp_path, lambda x, y: cr.exp(x) * y + y, normal(100), np.float64(2))
    assert re.search(r"\{\n    /\* exp, multiply, add: out \*/\n    const double t\d+ = y\[0\];\n    for \(", text)
    text = source_of(tmp_path, lambda x: cr.sum(cr.exp(x)), normal(300_000))
    assert text.count("/* exp, sum: out */\n") == 1 and "    /* in 16 chunks that may run at once */\n" in text


def test_long_constants_are_named_and_stand_at_the_end(tmp_path):
    text = source_of(tmp_path, lambda x, i: cr.sin(x) + cr.tensor(np.arange(9.0))[i], normal(3), np.array([1, 2, 8]))
    declared = "/* of each exponent, the digits of 2/pi that matter to large angles; at the end of this file */\n"
    assert f"{declared}static const double c" in text
    function, _, numbers = text.partition("\nint f(")
    assert "static const double c0[4044];" in function or "static const double c1[4044];" in function
    assert len(function.splitlines()) < 160 and len(numbers.splitlines()) > 500
    assert "/* a constant of shape [9] */\n" in function


def test_arguments_of_methods_are_called_as_attributes(tmp_path):
    class Layer:
        def __init__(self):
            self.weight, self.parts = normal(4, 4), {"bias": normal(4), "rates": [normal(4), 2.0]}

        @jit
        def forward(self, x, *, scale):
            return cr.tanh(self.weight @ x + self.parts["bias"]) * self.parts["rates"][0] * scale

    layer = Layer()
    words = ["self_weight", "self_parts_0", "self_parts_1", "x", "scale"]
    for made in (layer.forward.export(tmp_path, np.ones(4), scale=np.float64(2)), layer.forward.export(tmp_path)):
        assert made.prototype == f"void forward({', '.join(f'const double *{w}' for w in words)}, double *out)"
    if COMPILER is not None:
        compiled_c(tmp_path, "forward")


def test_the_example_says_how_to_make_the_library(tmp_path):
    made = jit(lambda x: x * 2).export(tmp_path, np.ones(3), name="f")
    (tmp_path / library_name("f")).unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "f_example.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.endswith(
        "\nMake the library, beside this file, with:\n"
        f"cc -O3 -march=native -fno-math-errno -shared -fPIC f.c -o {library_name('f')} -lm\n"
    )
    assert made.files["f_example.py"] == f"calls {library_name('f')} by ctypes"


# ---------------------------------------------------------------------------------------------------- messages


def test_a_folder_that_is_a_file(tmp_path):
    file = tmp_path / "taken"
    file.write_text("")
    f = jit(lambda x: x * 2)
    for path in (file, file / "inside"):
        message = (
            f"[export] the folder is {str(path)!r}, and {str(file)!r} is a file; expected a folder, or a path at which "
            f"one can be made; write f.export('folder', ...), where all files of the function are put."
        )
        assert_message(GraphFileError, message, lambda path=path: f.export(path, np.ones(3), name="f"))


def test_a_bad_name(tmp_path):
    f = jit(lambda x: x * 2)
    message = (
        "[export] the name is '<lambda>'; expected a name that C takes: letters, digits and underscores; pass "
        "name=..., as name='loss'."
    )
    assert_message(DTypeError, message, lambda: f.export(tmp_path, np.ones(3)))
    message = message.replace("'<lambda>'", "'double'")
    assert_message(DTypeError, message, lambda: f.export(tmp_path, np.ones(3), name="double"))


def test_numpy_is_not_shipped(tmp_path):
    f = jit(lambda x: cr.sum(cr.abs(cr.fft.fft(x))))
    message = (
        "[export] f calls NumPy for fft; expected ops that are compiled, as the files run without Python; compute fft "
        "outside of the function, and pass the result; explain() lists such calls."
    )
    assert_message(GraphFileError, message, lambda: f.export(tmp_path, np.ones(8) + 0j, name="f"))
    assert list(tmp_path.iterdir()) == []


def test_scipy_is_not_shipped(tmp_path):
    f = jit(lambda x: cr.special.gammaincinv(x, 0.5))
    message = (
        "[export] f calls gammaincinv of SciPy for gammaincinv; expected functions that C has, or that are compiled, "
        "as the files run without Python; compute gammaincinv outside of the function, and pass the result."
    )
    assert_message(GraphFileError, message, lambda: f.export(tmp_path, np.ones(8), name="f"))


def test_nothing_compiled_yet(tmp_path):
    f = jit(lambda w, x: w * x)
    message = (
        "[export] nothing is compiled yet, and a program is for the shapes and dtypes of some; expected arguments as "
        "the function takes them: w, x; write f.export(folder, w, x)."
    )
    assert_message(cr.errors.SymbolError, message, lambda: f.export(tmp_path))

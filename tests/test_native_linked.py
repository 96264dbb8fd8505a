"""Exported functions that call LAPACK: it is declared as Fortran's, and linked by who builds them."""

from __future__ import annotations

import ctypes
import re
import subprocess

import numpy as np
import pytest

import chainrule as cr
from chainrule import native, passes
from chainrule.jit import jit
from chainrule.native.c.export import _linked
from chainrule.native.c.linked import LIBRARIES
from chainrule.native.libraries import blas
from chainrule.native.machine.code import Code
from tests.test_native_export import COMPILER, STRICT, assert_agrees, called

RNG = np.random.default_rng(8)
A = RNG.normal(size=(9, 9)) + 9 * np.eye(9)
SYMMETRIC = A @ A.T
B = RNG.normal(size=(9, 2))

PROGRAMS = {
    "solve": (cr.linalg.solve, (A, B)),
    "inv": (cr.linalg.inv, (np.stack([A, A.T]),)),
    "complex": (cr.linalg.inv, (A + 1j * np.eye(9),)),
    "single precision": (cr.linalg.solve, (A.astype(np.float32), B.astype(np.float32))),
    "determinants": (lambda a: (cr.linalg.det(a), *cr.linalg.slogdet(a)), (A,)),
    "cholesky": (cr.value_and_grad(lambda a: cr.sum(cr.linalg.cholesky(a) ** 2)), (SYMMETRIC,)),
    "triangular": (lambda a, b: cr.linalg.solve_triangular(a, b, lower=True), (np.tril(A), B)),
    "eigh": (lambda a: (cr.linalg.eigvalsh(a), cr.abs(cr.linalg.eigh(a)[1])), (SYMMETRIC,)),
    "svd": (cr.linalg.svdvals, (A[:, :5],)),
    "least squares": (lambda a, b: (cr.linalg.lstsq(a, b)[0], cr.linalg.pinv(a)), (A[:, :5], B)),
    "general matrices": (lambda a: (cr.abs(cr.linalg.eigvals(a)), *cr.linalg.lu(a)), (A,)),
    "qr": (lambda a: cr.abs(cr.linalg.qr(a)[0]), (A[:, :5],)),
    "derivative of a loop": (
        cr.grad(lambda x: cr.sum(cr.while_loop(lambda c: cr.sum(c) < 1e3, lambda c: A @ cr.linalg.solve(A, 2 * c), x))),
        (np.ones(9),),
    ),
}  # fmt: skip


def declared(text):
    """The routines that a source declares, with their parameters."""
    return dict(re.findall(r"^void LAPACK_NAME\((\w+)\)\((.*)\);$", text, re.MULTILINE))


def built(folder, name):
    """The function of the C source, with LAPACK's routines called at addresses that are set here."""
    lines = ["#include <stddef.h>"]
    routines = declared((folder / f"{name}.c").read_text())
    for routine, words in routines.items():
        kinds = words.split(", ")
        parameters = ", ".join(f"{kind} a{i}" for i, kind in enumerate(kinds))
        given = ", ".join(f"a{i}" for i in range(len(kinds)))
        lines.append(f"void (*at_{routine})({words});")
        lines.append(f"void {routine}_({words});\nvoid {routine}_({parameters}) {{ at_{routine}({given}); }}")
    (folder / "lapack.c").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [COMPILER, *STRICT, f"{name}.c", "lapack.c", "-o", "strict.so", "-lm"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    library = ctypes.CDLL(str(folder / "strict.so"))
    for routine in routines:
        ctypes.c_void_p.in_dll(library, f"at_{routine}").value = blas.address(routine)
    return getattr(library, name)


@pytest.mark.parametrize("what", PROGRAMS)
def test_lapack_is_linked(what, tmp_path):
    f, inputs = PROGRAMS[what]
    graph = passes.optimize(cr.trace(f, *inputs))
    program = native.compile(graph)
    program.export(tmp_path, "f")
    header, text = (tmp_path / "f.h").read_text(), (tmp_path / "f.c").read_text()
    assert "Calls LAPACK and BLAS, of 32-bit integers: link with -llapack -lblas -lm." in header
    want = graph.run([np.asarray(x) for x in inputs])
    code = Code((tmp_path / "f.o").read_bytes(), {f"{name}_": blas.address(name) for name in declared(text)})
    by_llvm = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * header.split(" f(")[1].count("*"))(code.address("f"))
    assert_agrees(called(by_llvm, header, program, inputs), want)
    if COMPILER is not None:
        assert_agrees(called(built(tmp_path, "f"), header, program, inputs), want)


def test_letters_have_lengths(tmp_path):
    jit(lambda a: cr.linalg.cholesky(a)).export(tmp_path, SYMMETRIC, name="f")
    text = (tmp_path / "f.c").read_text()
    pointers = ", ".join(["const void *"] * 5)
    assert "#ifndef LAPACK_NAME\n#define LAPACK_NAME(name) name##_\n#endif\n" in text
    assert f"void LAPACK_NAME(dpotrf)({pointers}, size_t);" in text
    assert re.search(r"LAPACK_NAME\(dpotrf\)\(\w+, \w+, \w+, \w+, \w+, 1\);", text)
    assert "cc -O2 f_main.c f.c -llapack -lblas -lm" in (tmp_path / "f_main.c").read_text()


def test_where_lapack_is_not_found_one_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.native.c.export._linked", lambda *_: None)
    made = jit(lambda a: cr.linalg.inv(a)).export(tmp_path, A, name="f")
    assert made.missing == [
        "no shared library: no LAPACK to link with was found. Make one with: cc -O3 -march=native -fno-math-errno "
        "-shared -fPIC f.c -o libf.so -llapack -lblas -lm"
    ]


def test_libraries_are_tried_in_order(tmp_path, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(" ".join(command))
        return subprocess.CompletedProcess(command, 0 if "-lopenblas" in command else 1)

    monkeypatch.setattr("chainrule.native.c.export.shutil.which", lambda tool: tool)
    monkeypatch.setattr("chainrule.native.c.export.subprocess.run", run)
    assert _linked(tmp_path, "f", LIBRARIES) == "libf.so"
    assert commands == [
        "cc -shared f.o -o libf.so -llapack -lblas -lm", "cc -shared f.o -o libf.so -lopenblas -lm",
    ]  # fmt: skip


def test_a_singular_matrix_and_no_memory_are_told(tmp_path):
    f = jit(PROGRAMS["derivative of a loop"][0])
    f.export(tmp_path, np.ones(9), name="f")
    told = "an index is out of bounds, no memory is left, or a matrix is singular"
    assert f"Returns 0; or 1 if {told}: then the outputs are incomplete." in (tmp_path / "f.h").read_text()
    assert told in (tmp_path / "f_main.c").read_text() and told in (tmp_path / "f_example.py").read_text()

"""Machine code for other processors: older ones, by running it, and other architectures, as object files."""

import os
import re
import subprocess
import sys

import llvmlite.binding as llvm
import numpy as np
import pytest

import chainrule as cr
from chainrule import tree
from chainrule.errors import DomainError
from chainrule.native.compiler import Lowered
from chainrule.native.machine import code as machine
from chainrule.native.machine.llvm import text_of
from tests.messages import assert_message

RNG = np.random.default_rng(4)
X, W = RNG.normal(size=(37, 23)), RNG.normal(size=(23, 61)) / 5
HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
with np.errstate(all="ignore"):
    NEXT = HALVES[:, None].astype(np.float32).view(np.int32) + np.array([-4096, -4095, -1, 1, 4095, 4096], np.int32)
EDGES = [65519.996, 65520.0, -65520.0, 1e38, np.inf, np.nan, 2.0**-25, 2.9802326e-08, -1e-45]
SINGLES = np.concatenate([NEXT.ravel().view(np.float32), np.array(EDGES, np.float32)])
S = cr.special


def loss(w, x):
    return cr.mean(cr.logsumexp(cr.tanh(x @ w) * cr.exp(-(x[:, :1] ** 2)), axis=1))


FUNCTIONS = (cr.exp, cr.log, cr.sin, cr.atan, cr.cbrt, cr.expm1, S.erf, S.erfc, S.gammaln, S.gamma, S.digamma)
PROGRAMS = {
    "value and gradient": (cr.value_and_grad(loss), (W, X)),
    "in single precision": (cr.value_and_grad(loss), (W.astype(np.float32), X.astype(np.float32))),
    "functions": (lambda x: [f(cr.abs(x) + 2.1) for f in FUNCTIONS], (X,)),
    "roundings": (lambda x: (cr.floor(x), cr.ceil(x), cr.round(x), cr.trunc(x), x % 0.3, x // 0.3), (X,)),
    "half precision": (lambda x, y: (cr.astype(x, "float32"), cr.astype(y, "float16")), (HALVES, SINGLES)),
    "complex": (lambda x: (cr.exp(1j * x), cr.sum(x * (1 + 2j), axis=0)), (X,)),
    "integers": (lambda x: (x * 3, x // 7, x % 5, x << 2, cr.sum(x), cr.max(x, axis=0), x > 3), (np.arange(-40, 37),)),
    "bytes": (lambda x: (x * 3, x // 7, x + x, cr.astype(x, "float64"), x > 3), (np.arange(200, dtype=np.uint8),)),
    "booleans": (lambda x: (cr.any(x > 2, axis=0), cr.where(x > 0, x, 0.0), cr.argmax(x, axis=1)), (X,)),
    "sorted": (lambda x: (cr.sort(x), cr.cumsum(x, axis=1), x[:, ::-1].T), (X,)),
    "products": (lambda x, y: (x @ y, cr.astype(x * 9, "int64") @ cr.astype(y * 9, "int64")), (X, W)),
    "loops": (cr.grad(lambda x: cr.sum(cr.scan(lambda c, v: (cr.tanh(c + v), c), x[0], x)[1])), (X,)),
}


def graph_of(name):
    function, arguments = PROGRAMS[name]
    return cr.trace(function, *arguments)


def compare():
    """Run all programs as machine code and by NumPy; print the kinds of registers that the code names."""
    np.seterr(all="ignore")
    registers = set()
    for name, (function, arguments) in PROGRAMS.items():
        jitted = cr.jit(function)
        for a, b in zip(*(tree.flatten(f(*arguments))[0] for f in (jitted, function)), strict=True):
            exact = name == "functions"  # within a few units in the last place
            digits = 3e-15 if exact else {"f": 1e-5, "e": 1e-3, "F": 1e-5}.get(np.asarray(b).dtype.char, 1e-12)
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), digits, 0 if exact else digits, err_msg=name)
            assert np.asarray(a).dtype == np.asarray(b).dtype, name
        registers |= set(re.findall(r"%([xyz]mm)\d", jitted.asm()))
    print(*sorted(registers))


def levels():
    """What this processor can stand for."""
    features = {name for name, has in llvm.get_host_cpu_features().items() if has}
    return machine._levels(features, llvm.get_process_triple())


@pytest.mark.parametrize("level", [level for level in levels() if level != "x86-64-v2"])
def test_code_for_older_processors_computes_the_same_in_their_registers(level):
    environment = {**os.environ, "CHAINRULE_CPU": level, "CHAINRULE_CACHE": "off"}
    code = "from tests.test_native_targets import compare; compare()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    widest = {"x86-64": "xmm", "x86-64-v3": "xmm ymm", "x86-64-v4": "xmm ymm zmm"}.get(level, "")
    assert done.stdout.strip() == widest


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin", "x86_64-pc-windows-msvc"])
def test_other_architectures_have_code_for_what_is_exported(triple):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple).create_target_machine(opt=2, reloc="pic", codemodel="default")
    for name in PROGRAMS:
        module = llvm.parse_assembly(text_of(Lowered(graph_of(name), portable=True).loops))
        module.triple, module.data_layout = triple, str(target.target_data)
        found = llvm.ObjectFileRef.from_data(target.emit_object(module))
        assert any(section.is_text() and section.size() for section in found.sections()), name


def test_levels_of_processors_are_those_that_have_all_features():
    second = machine.LEVELS["x86-64"].split() + machine.LEVELS["x86-64-v2"].split()
    assert list(machine._levels({*second, "avx"}, "x86_64-unknown-linux-gnu")) == ["x86-64", "x86-64-v2"]
    assert machine._levels(set(second), "x86_64-unknown-linux-gnu")["x86-64-v2"] == ",".join(f"+{f}" for f in second)
    assert machine._levels({"neon", "sve"}, "aarch64-unknown-linux-gnu") == {"generic": ""}


def test_a_level_that_the_processor_has_not(monkeypatch):
    monkeypatch.setenv("CHAINRULE_CPU", "pentium")
    assert_message(
        DomainError,
        f"[jit] CHAINRULE_CPU is 'pentium'; expected what this processor can run: {', '.join(levels())}, or native; "
        f"set one of them before Python starts.",
        lambda: machine.processor.__wrapped__(),
    )
    for level, features in levels().items():
        monkeypatch.setenv("CHAINRULE_CPU", level)
        assert machine.processor.__wrapped__() == (level, features)
    monkeypatch.setenv("CHAINRULE_CPU", "native")
    assert machine.processor.__wrapped__()[0] == llvm.get_host_cpu_name()

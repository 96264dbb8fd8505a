"""Random programs give the same by machine code and by NumPy; those that once did not are kept in ``fuzz/corpus``."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz.generate import generated
from fuzz.judge import Judge, evaluated
from fuzz.programs import Drawn, Program, loaded
from fuzz.run import graph_of
from fuzz.runner import tried
from fuzz.shrink import shrunk

import chainrule as cr

HERE = Path(__file__).parent
CORPUS = sorted((HERE / "fuzz" / "corpus").glob("*.json"))


def fuzz(*arguments: object) -> str:
    """What the fuzzer prints, in a process that may die."""
    path = os.pathsep.join([str(HERE.parent / "src"), str(HERE)])
    command = [sys.executable, "-m", "fuzz", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_programs_that_failed_once():
    assert CORPUS
    assert fuzz("--whole", *CORPUS).strip() == f"{len(CORPUS)} passed"


@pytest.mark.parametrize("part", range(4))
def test_random_programs(part):
    fuzz("--start", 1_000_000 * (part + 1), "--count", 40, "--seconds", 10)


# ------------------------------------------------------------------------------------- the fuzzer itself


def test_programs_are_data():
    for seed in range(30):
        text = generated(seed).json()
        assert loaded(text).json() == generated(seed).json() == text


@pytest.fixture
def judge():
    x, n = np.linspace(0.0, 2.0, 5), np.arange(3)

    def f(x, n):
        return cr.cos(x) / x, cr.sum(cr.exp(20 * x)) * 1e-3, n * 2, x > 1.1, cr.sin(1e12 * x + 1.0)

    graph = cr.trace(f, x, n)
    return Judge(graph, [x, n])


def test_what_rounding_may_change_passes(judge):
    moved = [np.nextafter(y, np.inf) if y.dtype.kind == "f" else y for y in judge.wanted]
    assert judge.difference(judge.wanted) == judge.difference(moved) == ""
    judge.wanted[4] = judge.wanted[4] * (1 - 1e-6)  # the sine of 1e12 is known to four digits
    assert judge.difference(moved) == ""


@pytest.mark.parametrize(
    "output, change",
    [
        (0, lambda y: y * (1 + 1e-12)),
        (0, lambda y: np.where(np.isinf(y), np.nan, y)),
        (0, lambda y: np.where(np.isinf(y), 1e308, y)),
        (1, lambda y: y * (1 + 1e-11)),
        (2, lambda y: y + (np.arange(3) == 2)),
        (3, lambda y: ~y),
        (3, lambda y: (y.view(np.uint8) * 2).view(bool)),
        (2, lambda y: y.astype(np.int32)),
        (1, lambda y: y[None]),
    ],
)
def test_what_rounding_does_not_change_fails(judge, output, change):
    found = list(judge.wanted)
    found[output] = change(found[output])
    assert judge.difference(found).startswith(f"output {output} ")


def test_without_noise_a_graph_is_what_it_is():
    checked = 0
    for seed in range(60):
        program = generated(seed)
        arrays = program.values()
        graph = graph_of(program, arrays)
        if graph is None:
            continue
        with np.errstate(all="ignore"):
            pairs = zip(evaluated(graph, [x[()] for x in arrays]), graph.run([x[()] for x in arrays]), strict=True)
            for one, other in pairs:
                np.testing.assert_array_equal(one, other)
        checked += 1
    assert checked > 50


def test_failing_programs_are_made_smaller():
    program = next(p for p in map(generated, range(1000)) if len(p.steps) > 4 and any(s[0] == "tanh" for s in p.steps))

    def fails(smaller: Program) -> bool:
        return " = tanh(" in str(graph_of(smaller, smaller.values()))

    small = shrunk(program, fails)
    assert [name for name, _, _ in small.steps] == ["tanh"]
    assert len(small.inputs) == len(small.outputs) == 1


def test_a_program_that_dies_is_an_outcome(monkeypatch):
    program = Program((Drawn((3,), "float64"),), (("sin", (0,), {}),), (1,))
    assert tried(program) == "passed"
    monkeypatch.setattr("fuzz.runner.outcome", lambda *_, **__: os.kill(os.getpid(), 11))
    assert tried(program) == "died: SIGSEGV; "
    monkeypatch.setattr("fuzz.runner.SECONDS", 0.2)
    monkeypatch.setattr("fuzz.runner.outcome", lambda *_, **__: __import__("time").sleep(60))
    assert tried(program) == "died: SIGKILL; "
    monkeypatch.setattr("fuzz.runner.outcome", lambda *_, **__: 1 / 0)
    assert tried(program) == "ZeroDivisionError: division by zero (test_native_fuzz.py:124)"

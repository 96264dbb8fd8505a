"""Threads of compiled loops: the same bits whatever their number, from several threads of Python, after fork."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

import chainrule as cr
from chainrule import native, passes
from chainrule.errors import RangeError
from chainrule.native.threads.threads import get_num_threads, set_num_threads
from tests.messages import assert_message

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(3000, 60)), RNG.normal(size=(3000, 60)), RNG.normal(size=60)
LONG = RNG.normal(size=300_007)


def softmax_loss(w, x):
    z = cr.tanh(x * w)
    return cr.sum(cr.logsumexp(z, axis=1)) + cr.sum(cr.max(z, axis=1))


PROGRAMS = {
    "elementwise": (lambda x: cr.exp(-x * x) * cr.tanh(x), (LONG,)),
    "sum": (lambda x: cr.sum(cr.exp(-x * x)), (LONG,)),
    "max and sum": (lambda x: (cr.max(cr.sin(x)), cr.sum(cr.sin(x))), (LONG,)),
    "rows": (lambda x: cr.sum(cr.exp(x), axis=1), (X,)),
    "columns": (lambda x: cr.sum(cr.exp(x), axis=0), (X,)),
    "two arrays": (lambda x, y: cr.exp(x) * cr.tanh(y) + x[::-1], (X, Y)),
    "gradient": (cr.value_and_grad(softmax_loss), (W, X)),
    "complex": (lambda x: cr.sum(cr.exp(1j * x) * x, axis=0), (X,)),
    "at places": (lambda x, i: cr.sum(cr.exp(x)[i]), (LONG, RNG.integers(0, 300_000, size=200_000))),
}


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


@pytest.mark.parametrize("name", PROGRAMS)
def test_results_do_not_depend_on_the_number_of_threads(name, threads):
    f, arguments = PROGRAMS[name]
    graph = passes.optimize(cr.trace(f, *arguments))
    program = native.compile(graph)
    found = []
    for count in (1, 2, 3, 7):
        threads(count)
        found += [native.run(program, *arguments) for _ in range(3)]
    for one in found[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, found[0], strict=True))
    for got, want in zip(found[0], graph.run(arguments), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


def test_several_threads_of_python_at_once(threads):
    threads(2)
    f, arguments = PROGRAMS["gradient"]
    program = native.compile(passes.optimize(cr.trace(f, *arguments)))
    want = [x.tobytes() for x in native.run(program, *arguments)]
    wrong = []

    def call():
        for _ in range(20):
            if [x.tobytes() for x in native.run(program, *arguments)] != want:
                wrong.append(1)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_of_fork_computes_the_same(threads):
    threads(2)
    f, arguments = PROGRAMS["gradient"]
    program = native.compile(passes.optimize(cr.trace(f, *arguments)))
    want = [x.tobytes() for x in native.run(program, *arguments)]
    child = os.fork()
    if child == 0:
        same = [x.tobytes() for x in native.run(program, *arguments)] == want
        set_num_threads(3)
        same = same and [x.tobytes() for x in native.run(program, *arguments)] == want
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_index_out_of_bounds_leaves_all_chunks(threads):
    threads(2)
    f, (x, i) = PROGRAMS["at places"]
    program = native.compile(passes.optimize(cr.trace(f, x, i)))
    bad = i.copy()
    bad[150_000] = len(x)
    with pytest.raises(IndexError):
        native.run(program, x, bad)
    assert np.isfinite(native.run(program, x, i)[0])


@pytest.mark.parametrize("given", [0, 257, 1.0, True, None])
def test_a_wrong_number_of_threads(given):
    text = f"[set_num_threads] threads is {given!r}; expected an integer from 1 to 256; pass one of these."
    assert_message(RangeError, text, lambda: set_num_threads(given))

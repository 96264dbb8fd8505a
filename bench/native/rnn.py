"""The gradient of |h_T|² in the weights of an RNN, h = tanh(h W + x U + b), over 1,000 steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

STEPS, HIDDEN, INPUTS = 1000, 64, 32


def program(xp: Any, w: Any, u: Any, b: Any, xs: Any, h: Any) -> Any:
    end, _ = xp.scan(lambda h, x: (xp.tanh(h @ w + x @ u + b), None), h, xs)
    return xp.sum(end * end)


def data(steps: int = STEPS, hidden: int = HIDDEN, inputs: int = INPUTS) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    w, u = rng.normal(size=(hidden, hidden)) / hidden**0.5, rng.normal(size=(inputs, hidden)) / inputs**0.5
    return w, u, np.zeros(hidden), rng.normal(size=(steps, inputs)), np.zeros(hidden)


def ours(what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(), (0, 1, 2), what)


def jax(what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(), (0, 1, 2), what)


def torch() -> libraries.Call:
    """By nn.RNN, which has two biases; the second is 0."""
    library = libraries.torch_module()
    w, u, b, xs, h = map(library.tensor, data())
    network = library.nn.RNN(INPUTS, HIDDEN, dtype=library.float64)
    with library.no_grad():
        for parameter, value in zip(network.parameters(), (u.T, w.T, b, 0 * b), strict=True):
            parameter.copy_(value)
    wanted = [network.weight_hh_l0, network.weight_ih_l0, network.bias_ih_l0]

    def run(xs: Any, h: Any) -> Any:
        _, end = network(xs, h)
        value = (end * end).sum()
        return value, library.autograd.grad(value, wanted)

    def answer(returned: Any) -> Any:
        value, (dw, du, db) = returned
        return value.detach(), dw.T, du.T, db

    return libraries.Call(run, (xs, h[None]), answer)


def pytensor() -> libraries.Call:
    return libraries.pytensor(program, data(), (0, 1, 2))


def autograd() -> libraries.Call:
    return libraries.autograd(program, data(), (0, 1, 2))


def blas(hoisted: bool = False) -> libraries.Call:
    """The calls of BLAS alone, from C, by the addresses that SciPy gives."""
    import ctypes

    from scipy.linalg import cython_blas

    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    capsules = [cython_blas.__pyx_capi__[routine] for routine in ("dgemv", "dger", "dgemm")]
    addresses = [pointer(capsule, name(capsule)) for capsule in capsules]
    w, u, _, xs, _ = data()
    hs, gs = np.random.default_rng(1).normal(size=(2, STEPS, HIDDEN))
    sizes = [int(hoisted), STEPS, HIDDEN, INPUTS]
    call = libraries.in_c("rnn", [*addresses, *sizes, w, u, xs, hs], [gs, np.zeros_like(w), np.zeros_like(u)])
    return libraries.Call(call.function, call.arguments, lambda _: ())


def blas_hoisted() -> libraries.Call:
    return blas(hoisted=True)


def rows() -> list[Row]:
    case = Case("gradient, 1,000 steps", rtol=1e-6)
    medians = contest.contest("rnn", case, [*contest.LIBRARIES, "blas", "blas_hoisted"]).median
    figures = {name: 1e3 * seconds for name, seconds in medians.items()}
    name = f"rnn {case.name}"
    return [
        Row(name, "ms", figures, "ours", 1.0, "best"),
        Row(f"{name}, over its BLAS calls", "ms", figures, "ours", 1.2, "blas"),
        Row(f"{name}, over them hoisted", "ms", figures, "ours", None, "blas_hoisted"),
    ]

"""The programs of ``bench/native`` at small sizes: our derivatives against complex steps, SciPy and closed forms."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_hess, rosen_hess_prod

import chainrule as cr
from bench.native import (
    arm,
    blackscholes,
    descent,
    fused,
    hmm,
    kalman,
    libraries,
    logistic,
    mlp,
    rk4,
    rnn,
    rosenbrock,
    softmax,
    tiny,
)

STEP = 1e-30


def doubles(arrays):
    return [np.asarray(a, "float64") if np.asarray(a).dtype.kind == "f" else a for a in arrays]


SCALARS = {
    "tiny": (tiny.program, tiny.data(), (0,)),
    "fused": (fused.program, fused.data(7, "float64"), (0, 1, 2)),
    "rk4": (partial(rk4.program, steps=20), rk4.data(), (0, 1)),
    "rnn": (rnn.program, rnn.data(5, 3, 2), (0, 1, 2, 3, 4)),
    "blackscholes": (blackscholes.program, blackscholes.data(5), (0, 1, 2, 3, 4)),
    "logistic": (logistic.program, logistic.data(9, 3, "float64"), (0, 1, 2)),
    "softmax": (softmax.loss, doubles(softmax.data(6, 4, 3)), (0, 1, 2)),
    "mlp": (mlp.loss, doubles(mlp.data(5, (4, 5, 3, 3))), tuple(range(7))),
    "kalman": (kalman.program, kalman.data(8), (0, 1)),
    "hmm": (hmm.program, hmm.data(12, 3, 4), (0, 1)),
    "hmm of one symbol": (hmm.program, hmm.data(1, 3, 4), (0, 1)),
}


def complex_steps(program, arrays, i):
    """∂/∂(argument i) of what the program computes in NumPy alone, its axes last."""
    names, x = libraries.numpy_names(), np.asarray(arrays[i])
    columns = []
    for at in np.ndindex(x.shape):
        moved = x.astype("complex128")
        moved[at] += STEP * 1j
        columns.append(np.imag(program(names, *arrays[:i], moved, *arrays[i + 1 :])) / STEP)
    return np.reshape(np.stack(columns, -1), (*np.shape(columns[0]), *x.shape))


@pytest.mark.parametrize("name", SCALARS)
def test_value_and_gradient(name):
    program, arrays, wrt = SCALARS[name]
    value, slopes = cr.value_and_grad(partial(program, libraries.our_names()), argnums=wrt)(*arrays)
    np.testing.assert_allclose(value, program(libraries.numpy_names(), *arrays), rtol=1e-12)
    for i, slope in zip(wrt, slopes, strict=True):
        expected = complex_steps(program, list(arrays), i)
        np.testing.assert_allclose(slope, expected, rtol=1e-10, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("module", [softmax, mlp])
def test_a_step_goes_down_the_gradient(module):
    """In float32, as it is measured."""
    arrays = softmax.data(6, 4, 3) if module is softmax else mlp.data(5, (4, 5, 3, 3))
    value, *after = module.program(libraries.our_names(), *arrays)
    after = after[0] if module is mlp else after
    exact = doubles(arrays)
    np.testing.assert_allclose(value, module.loss(libraries.numpy_names(), *exact), rtol=1e-5)
    for i, p in enumerate(after):
        assert p.dtype == np.float32
        expected = exact[i] - module.RATE * complex_steps(module.loss, exact, i)
        np.testing.assert_allclose(p, expected, rtol=1e-4, atol=1e-6)


def test_descent_ends_where_the_recurrence_does():
    x, rate = np.array([11.0, 2.0]), descent.RATE
    end = descent.program(libraries.our_names(), x, 50)
    np.testing.assert_allclose(end, x * (1 - rate * np.array([4.0, 8.0])) ** 50, rtol=1e-12)


def test_hessian_of_rosenbrock():
    x, v = rosenbrock.data(9)
    np.testing.assert_allclose(rosenbrock.program(libraries.our_names(), x), rosen(x), rtol=1e-13)
    for what, expected in (("hessian", rosen_hess(x)), ("hvp", rosen_hess_prod(x, v))):
        call = rosenbrock.ours(9, what)
        np.testing.assert_allclose(call.function(*call.arguments), expected, rtol=1e-12, atol=1e-12)


def test_black_and_scholes_prices_a_known_option():
    """Hull, Options, Futures, and Other Derivatives, example 15.6: S = 42, K = 40, T = 0.5, r = 0.1, σ = 0.2."""
    price = blackscholes.prices(libraries.our_names(), *map(cr.tensor, (42.0, 40.0, 0.5, 0.1, 0.2)))
    np.testing.assert_allclose(price, 4.76, atol=0.005)


def test_jacobian_of_the_arm():
    (q,) = arm.data()
    jacobian = cr.jacobian(partial(arm.program, libraries.our_names()))(q)
    np.testing.assert_allclose(jacobian, complex_steps(arm.program, [q], 0), rtol=1e-12, atol=1e-14)
    pose = np.reshape(arm.program(libraries.our_names(), q), (3, 4))
    np.testing.assert_allclose(pose[:, :3] @ pose[:, :3].T, np.eye(3), atol=1e-14)


@pytest.mark.parametrize("module", [tiny, rk4, rnn, kalman, hmm])
def test_what_is_timed_has_the_value_of_numpy(module):
    call = module.ours()
    value, _ = call.function(*call.arguments)
    np.testing.assert_allclose(value, module.program(libraries.numpy_names(), *module.data()), rtol=1e-9)

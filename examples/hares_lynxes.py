"""Hares and lynxes: the four rates of a differential equation from 21 years of furs, through compiled derivatives.

u hares and v lynxes (in thousands) live by u' = (a − b v) u and v' = (d u − c) v: Lotka (1925) and Volterra (1926). The
furs are those of the Hudson's Bay Company, 1900 to 1920, as in Howard (2009). The errors of log u and log v at the
counts are squared and summed; the minimum is found by the method of Levenberg (1944) and Marquardt (1963), which takes
the Jacobian of all errors in the rates and in the populations of 1900: forward mode through 1,000 steps of Runge and
Kutta's, compiled.
"""

from __future__ import annotations

import time

import numpy as np

import chainrule as cr

HARES = np.array([
    30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1, 40.3, 57.0, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6,
    16.2, 24.7,
])  # fmt: skip
LYNXES = np.array([
    4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4, 8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6,
])  # fmt: skip
COUNTED = np.log(np.stack([HARES, LYNXES], axis=1))

STEPS_A_YEAR = 50
START = np.log([0.5, 0.02, 1.0, 0.02, 30.0, 4.0])  # logarithms of a, b, c, d and of u and v in 1900
FLAT = 1e-10  # the decrease of the sum, relative to it, that counts as none


def slope(logs, rates):
    """The derivatives of log u and log v."""
    a, b, c, d = rates
    u, v = cr.exp(logs)
    return cr.stack([a - b * v, d * u - c])


def a_year(logs, rates):
    """The populations a year later."""
    h = 1 / STEPS_A_YEAR

    def step(logs, _):
        k1 = slope(logs, rates)
        k2 = slope(logs + h / 2 * k1, rates)
        k3 = slope(logs + h / 2 * k2, rates)
        k4 = slope(logs + h * k3, rates)
        return logs + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return cr.scan(step, logs, None, length=STEPS_A_YEAR)[0]


def errors(x):
    """Computed minus counted logarithms, 42 of them."""
    rates, first = cr.exp(x[:4]), x[4:]

    def year(logs, _):
        after = a_year(logs, rates)
        return after, after

    _, later = cr.scan(year, first, None, length=len(HARES) - 1)
    return cr.ravel(cr.concat([first[None], later]) - COUNTED)


def fit(errors_and_jacobian) -> np.ndarray:
    """The logarithms of rates and first populations that minimise the sum of squares."""
    x, damping = START, 1.0
    r, jacobian = errors_and_jacobian(x)
    while damping < 1e12:
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ r)
        r_there, jacobian_there = errors_and_jacobian(x + step)
        decrease = r @ r - r_there @ r_there
        if not decrease > 0:
            damping *= 10
            continue
        x, r, jacobian, damping = x + step, r_there, jacobian_there, damping / 10
        if decrease < FLAT * (r @ r):
            break
    return x


def main() -> None:
    both = cr.jit(lambda x: (errors(x), cr.jacobian(errors)(x)))
    both(START)
    start = time.perf_counter()
    x = fit(both)
    took = time.perf_counter() - start
    for name, value in zip(("a", "b", "c", "d", "hares in 1900", "lynxes in 1900"), np.exp(x), strict=True):
        print(f"{name:15}{value:8.4f}")
    print(f"fitted in {1000 * took:.1f} ms")


if __name__ == "__main__":
    main()

"""Prices of European calls by Black and Scholes, with delta, theta, rho and vega: n options, all numbers arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

GREEKS = (0, 2, 3, 4)


def normal_cdf(xp: Any, x: Any) -> Any:
    return 0.5 * (1 + xp.erf(x / 2**0.5))


def prices(xp: Any, spot: Any, strike: Any, time: Any, rate: Any, volatility: Any) -> Any:
    deviation = volatility * xp.sqrt(time)
    d1 = (xp.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / deviation
    d2 = d1 - deviation
    return spot * normal_cdf(xp, d1) - strike * xp.exp(-rate * time) * normal_cdf(xp, d2)


def program(xp: Any, *options: Any) -> Any:
    """The sum: its gradient holds the derivatives of each price."""
    return xp.sum(prices(xp, *options))


def data(n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    lows, highs = (60, 60, 0.1, 0.01, 0.1), (140, 140, 2, 0.06, 0.5)
    return tuple(rng.uniform(low, high, n) for low, high in zip(lows, highs, strict=True))


def ours(n: int, what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(n), GREEKS, what)


def jax(n: int, what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(n), GREEKS, what)


def torch_compile(n: int) -> libraries.Call:
    return libraries.torch_compile(program, data(n), GREEKS)


def torch(n: int) -> libraries.Call:
    return libraries.torch(program, data(n), GREEKS)


def pytensor(n: int) -> libraries.Call:
    return libraries.pytensor(program, data(n), GREEKS)


def autograd(n: int) -> libraries.Call:
    return libraries.autograd(program, data(n), GREEKS)


def numba(n: int) -> libraries.Call:
    """The derivatives by hand."""
    from math import erf, exp, log, pi, sqrt

    import numba as library

    @library.njit(fastmath=True)
    def greeks(spot: Any, strike: Any, time: Any, rate: Any, volatility: Any) -> Any:
        total, (delta, theta, rho, vega) = 0.0, np.empty((4, len(spot)))
        for i in range(len(spot)):
            s, k, t, r, v = spot[i], strike[i], time[i], rate[i], volatility[i]
            root = sqrt(t)
            d1 = (log(s / k) + (r + 0.5 * v * v) * t) / (v * root)
            d2 = d1 - v * root
            n1, n2 = 0.5 * (1 + erf(d1 / sqrt(2))), 0.5 * (1 + erf(d2 / sqrt(2)))
            density, owed = exp(-0.5 * d1 * d1) / sqrt(2 * pi), k * exp(-r * t)
            total += s * n1 - owed * n2
            delta[i] = n1
            theta[i] = s * density * v / (2 * root) + r * owed * n2
            rho[i] = t * owed * n2
            vega[i] = s * density * root
        return total, (delta, theta, rho, vega)

    return libraries.Call(greeks, data(n))


def by_c(n: int) -> libraries.Call:
    return libraries.in_c("blackscholes", [n, *data(n)], [np.zeros(1), *np.zeros((4, n))], fast=True)


def casadi(n: int) -> libraries.Call:
    """One option as scalar code, mapped over all."""
    import casadi as library

    option = list(map(library.SX.sym, ("spot", "strike", "time", "rate", "volatility")))
    price = prices(library, *option)
    greeks = [library.gradient(price, option[i]) for i in GREEKS]
    options = [library.MX.sym(f"x{i}", 1, n) for i in range(5)]
    values, *slopes = library.Function("greeks", option, [price, *greeks]).map(n)(*options)
    return libraries.casadi(options, [library.sum2(values), *slopes], data(n))


CASES = [Case("greeks, n = 1e6", (1_000_000,), "ms", 0.7, rtol=1e-6)]


def rows() -> list[Row]:
    return contest.rows("blackscholes", CASES)

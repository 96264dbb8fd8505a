"""The log-likelihood of a track of 200 positions in the plane under a Kalman filter of constant velocity.

Its gradient is in the logarithms of the variances of the acceleration and of the measurement (Särkkä, 2013, §12.3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

STEPS, INTERVAL = 200, 0.5
EYE = np.eye(2)
MOTION = np.kron([[1, INTERVAL], [0, 1]], EYE)
NOISE = np.kron([[INTERVAL**3 / 3, INTERVAL**2 / 2], [INTERVAL**2 / 2, INTERVAL]], EYE)
MEASURE = np.kron([[1, 0]], EYE)


def program(xp: Any, logs: Any, track: Any) -> Any:
    eye, motion, noise, measure = map(xp.asarray, (EYE, MOTION, NOISE, MEASURE))
    variances = xp.exp(logs)

    def step(carry: Any, y: Any) -> Any:
        m, p, total = carry
        m = motion @ m
        p = motion @ p @ motion.T + variances[0] * noise
        s = measure @ p @ measure.T + variances[1] * eye
        e = y - measure @ m
        total = total - 0.5 * (e @ xp.linalg.solve(s, e) + xp.log(xp.linalg.det(2 * np.pi * s)))
        gain = xp.linalg.solve(s, measure @ p).T
        return (m + gain @ e, p - gain @ measure @ p, total), None

    (_, _, total), _ = xp.scan(step, (xp.zeros(4, dtype=xp.float64), xp.asarray(np.eye(4)), 0.0 * logs[0]), track)
    return total


def data(steps: int = STEPS) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    speed = np.cumsum(rng.normal(size=(steps, 2)), axis=0)
    track = np.cumsum(INTERVAL * speed, axis=0) + rng.normal(size=(steps, 2))
    return np.array([0.3, -0.2]), track


def ours(what: str = "value_and_grad") -> libraries.Call:
    return libraries.ours(program, data(), what=what)


def jax(what: str = "value_and_grad") -> libraries.Call:
    return libraries.jax(program, data(), what=what)


def torch() -> libraries.Call:
    return libraries.torch(program, data())


def autograd() -> libraries.Call:
    return libraries.autograd(program, data())


def casadi() -> libraries.Call:
    import casadi as library

    def step(m: Any, p: Any, variances: Any, y: Any) -> Any:
        motion, noise, measure = map(library.sparsify, map(library.DM, (MOTION, NOISE, MEASURE)))
        m = motion @ m
        p = motion @ p @ motion.T + variances[0] * noise
        s = measure @ p @ measure.T + variances[1] * library.SX.eye(2)
        e = y - measure @ m
        inverse = library.inv(s)
        gain = (inverse @ measure @ p).T
        score = -0.5 * (e.T @ inverse @ e + library.log(library.det(2 * np.pi * s)))
        return [m + gain @ e, p - gain @ measure @ p, score]

    (logs, track), sx = data(), library.SX.sym
    inputs = [sx("m", 4), sx("p", 4, 4), sx("variances", 2), sx("y", 2)]
    state = library.vertcat(*map(library.vec, inputs[:2]))
    m, p, score = step(*inputs)
    after = library.vertcat(m, library.vec(p))
    rest = library.vertcat(*inputs[2:])
    function = library.Function("step", [state, rest], [after, score])
    x, ys = library.MX.sym("logs", 2), library.MX.sym("track", 2, len(track))
    start = library.DM(np.concatenate([np.zeros(4), np.eye(4).ravel()]))
    rows = library.vertcat(library.repmat(library.exp(x), 1, len(track)), ys)
    _, scores = function.mapaccum(len(track))(start, rows)
    value = library.sum2(scores)
    return libraries.casadi([x, ys], [value, library.gradient(value, x)], (logs, track.T))


CASES = [Case("gradient")]


def rows() -> list[Row]:
    return contest.rows("kalman", CASES)

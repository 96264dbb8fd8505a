"""The pose of a robot arm of six joints, and its Jacobian in the angles: 12 × 6.

Denavit and Hartenberg's transformation of a joint is Lᵢ = cos qᵢ Aᵢ + sin qᵢ Bᵢ + Cᵢ; the pose is L₁ … L₆ without its
last row. Lengths and twists are those of a common arm (Universal Robots UR5).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

LENGTHS = (0.0, -0.425, -0.39225, 0.0, 0.0, 0.0)
OFFSETS = (0.089159, 0.0, 0.0, 0.10915, 0.09465, 0.0823)
TWISTS = (np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0)


def parts() -> Any:
    """A, B and C of all joints: three arrays of six matrices."""
    a, b, c = np.zeros((3, 6, 4, 4))
    for i, (length, offset, twist) in enumerate(zip(LENGTHS, OFFSETS, TWISTS, strict=True)):
        ct, st = np.cos(twist), np.sin(twist)
        a[i] = [[1, 0, 0, length], [0, ct, -st, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
        b[i] = [[0, -ct, st, 0], [1, 0, 0, length], [0, 0, 0, 0], [0, 0, 0, 0]]
        c[i] = [[0, 0, 0, 0], [0, 0, 0, 0], [0, st, ct, offset], [0, 0, 0, 1]]
    return a, b, c


PARTS = parts()


def program(xp: Any, q: Any, parts: Any = PARTS) -> Any:
    a, b, c = map(xp.asarray, parts)
    pose = xp.cos(q[0]) * a[0] + xp.sin(q[0]) * b[0] + c[0]
    for i in range(1, 6):
        pose = pose @ (xp.cos(q[i]) * a[i] + xp.sin(q[i]) * b[i] + c[i])
    return xp.reshape(pose[:3], (12,))


def data() -> tuple[Any, ...]:
    return (np.array([0.3, -1.1, 0.7, 0.2, 1.5, -0.4]),)


def ours(what: str = "jacobian") -> libraries.Call:
    return libraries.ours(program, data(), what=what)


def jax(what: str = "jacobian") -> libraries.Call:
    return libraries.jax(program, data(), what=what)


def torch_compile() -> libraries.Call:
    constants = [libraries.torch_module().tensor(part) for part in PARTS]
    return libraries.torch_compile(lambda xp, q: program(xp, q, constants), data(), what="jacobian")


def torch() -> libraries.Call:
    return libraries.torch(program, data(), what="jacobian")


def autograd() -> libraries.Call:
    return libraries.autograd(program, data(), what="jacobian")


def casadi() -> libraries.Call:
    import casadi as library

    q = library.SX.sym("q", 6)
    pose = library.SX.eye(4)
    for i, (a, b, c) in enumerate(zip(*PARTS, strict=True)):
        # A dense zero would stay in CasADi's expressions.
        a, b, c = (library.sparsify(library.DM(x)) for x in (a, b, c))
        pose = pose @ (library.cos(q[i]) * a + library.sin(q[i]) * b + c)
    return libraries.casadi([q], [library.jacobian(library.vec(pose[:3, :].T), q)], data())


def by_c() -> libraries.Call:
    return libraries.in_c("arm", [np.stack(PARTS), *data()], [np.zeros((12, 6))])


CASES = [Case("Jacobian", unit="µs")]


def rows() -> list[Row]:
    return contest.rows("arm", CASES)

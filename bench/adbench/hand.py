"""ADBench, hand tracking: the Jacobian of the distances between a posed hand and points that were seen.

θ has 26 elements: a rotation r (axis times angle), a translation t, and for each finger the abduction and flexion of
its first joint and the flexion of two more. Bone b has the parent p(b), and bends by Euler angles:

    Aᵦ = A_p(b) Bᵦ E(angles of b),    Tᵦ = Aᵦ Cᵦ,    v′ = R(r) Σᵦ w_vb Tᵦ v + t,

with B the rest pose relative to the parent, C the inverse of the absolute one, w the weights of linear blend skinning.
The error of a correspondence is its point less its posed vertex ("simple"), or less the point of barycentric
coordinates u in a posed triangle ("complicated", where two derivatives by u come for each correspondence).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.adbench import C
from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case

FINGERS, JOINTS = 5, 4
BONES = 1 + FINGERS * JOINTS + 1  # the wrist, fingers from the palm out, the forearm
PARENTS = [-1, *(0 if joint == 0 else 4 * finger + joint for finger in range(FINGERS) for joint in range(JOINTS)), 0]


def data(vertices: int, correspondences: int) -> tuple[np.ndarray, ...]:
    """θ, B, C, the mesh at rest, weights, which vertices are seen, and where."""
    rng = np.random.default_rng(vertices)
    relative = np.tile(np.eye(4), (BONES, 1, 1))
    relative[:, :3, :3] = np.linalg.qr(np.eye(3) + 0.2 * rng.normal(size=(BONES, 3, 3)))[0]
    relative[:, :3, 3] = rng.normal(size=(BONES, 3))
    absolute: list[np.ndarray] = []
    for bone, parent in enumerate(PARENTS):
        absolute.append(relative[bone] if parent < 0 else absolute[parent] @ relative[bone])
    inverse = np.linalg.inv(np.stack(absolute))
    weights = rng.random((vertices, BONES)) * (rng.random((vertices, BONES)) < 0.2)
    weights[np.arange(vertices), rng.integers(BONES, size=vertices)] += 1.0
    weights /= weights.sum(1, keepdims=True)
    mesh, theta = rng.normal(size=(vertices, 3)), rng.normal(size=26) / 3
    seen = rng.integers(vertices, size=correspondences)
    return theta, relative, inverse, mesh, weights, seen, rng.normal(size=(correspondences, 3))


def bent(xp: Any, angles: Any) -> Any:
    """E = R_z R_y R_x as 4 × 4 matrices, for rows of angles about x, y, z."""
    cosine, sine = xp.cos(angles), xp.sin(angles)
    (cx, cy, cz), (sx, sy, sz) = ((t[:, 0], t[:, 1], t[:, 2]) for t in (cosine, sine))
    zero = xp.zeros_like(cx)
    entries = [
        cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz, zero,
        cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz, zero,
        -sy, sx * cy, cx * cy, zero,
        zero, zero, zero, zero + 1,
    ]  # fmt: skip
    return xp.stack(entries, 1).reshape((-1, 4, 4))


def turn(xp: Any, r: Any) -> Any:
    """R(r) by Rodrigues' formula; a pose that is not turned at all is not among the data."""
    angle = xp.sqrt(xp.sum(r * r))
    x, y, z = (r / angle)[0], (r / angle)[1], (r / angle)[2]
    sine, rest = xp.sin(angle), 1 - xp.cos(angle)
    entries = [
        1 - rest * (y * y + z * z), rest * x * y - sine * z, rest * x * z + sine * y,
        rest * x * y + sine * z, 1 - rest * (x * x + z * z), rest * y * z - sine * x,
        rest * x * z - sine * y, rest * y * z + sine * x, 1 - rest * (x * x + y * y),
    ]  # fmt: skip
    return xp.stack(entries).reshape((3, 3))


def angles(xp: Any, theta: Any) -> Any:
    """Euler angles of the 20 bones of fingers: flexion about x, and abduction of the second bone about y."""
    fingers = theta[6:].reshape((FINGERS, JOINTS))
    still = xp.zeros_like(fingers[:, 0])
    flexion = xp.stack([still, fingers[:, 0], fingers[:, 2], fingers[:, 3]], 1)
    abduction = xp.stack([still, fingers[:, 1], still, still], 1)
    return xp.stack([flexion, abduction, xp.zeros_like(flexion)], 2).reshape((FINGERS * JOINTS, 3))


def posed(xp: Any, theta: Any, relative: Any, inverse: Any, mesh: Any, weights: Any) -> Any:
    """All vertices of the mesh in pose θ, in the spelling that NumPy, JAX and PyTorch share."""
    turned = relative[1:-1] @ bent(xp, angles(xp, theta))
    absolute = [relative[0]]
    for bone, parent in enumerate(PARENTS[1:-1]):
        absolute.append(absolute[parent] @ turned[bone])
    absolute.append(absolute[0] @ relative[-1])
    transforms = (xp.stack(absolute) @ inverse)[:, :3, :]
    blended = (weights @ transforms.reshape((BONES, 12))).reshape((-1, 3, 4))
    vertices = xp.sum(blended[:, :, :3] * mesh[:, None, :], 2) + blended[:, :, 3]
    return vertices @ turn(xp, theta[:3]).T + theta[3:6]


def errors(xp: Any, theta: Any, relative: Any, inverse: Any, mesh: Any, weights: Any, seen: Any, points: Any) -> Any:
    """The whole mesh is posed, as published, and those vertices are taken that were seen."""
    return points - posed(xp, theta, relative, inverse, mesh, weights)[seen]


def inside(xp: Any, moved: Any, *others: Any) -> Any:
    """Errors of points in triangles; ``moved`` is θ and what is added to all u, whose derivatives are two columns."""
    *model, corners, points, u = others
    vertices = posed(xp, moved[:26], *model)
    u = u + moved[26:]
    first, second = u[:, :1], u[:, 1:]
    a, b, c = (vertices[corners[:, i]] for i in range(3))
    return points - (first * a + second * b + (1 - first - second) * c)


def problem(vertices: int, correspondences: int, complicated: bool = False) -> tuple[Any, tuple[np.ndarray, ...]]:
    """The errors and what they are errors of."""
    theta, *model, seen, points = simple = data(vertices, correspondences)
    if not complicated:
        return errors, simple
    rng = np.random.default_rng(correspondences)
    corners = np.stack([seen, *rng.integers(vertices, size=(2, correspondences))], 1)
    return inside, (np.r_[theta, 0.0, 0.0], *model, corners, points, rng.random((correspondences, 2)) / 2)


def ours(*case: Any) -> libraries.Call:
    return libraries.ours(*problem(*case), what="jacobian")


def jax(*case: Any) -> libraries.Call:
    return libraries.jax(*problem(*case), what="jacobian")


def torch_compile(*case: Any) -> libraries.Call:
    return libraries.torch_compile(*problem(*case), what="jacobian")


def torch(*case: Any) -> libraries.Call:
    return libraries.torch(*problem(*case), what="jacobian")


def by_c(*sizes: int) -> libraries.Call:
    return libraries.in_c("hand", [*sizes, *data(*sizes)], [np.empty((sizes[1], 3, 26))], fast=True, folder=C)


# Vertices and correspondences: the mesh of the published small model, and one whose edges were halved twice.
CASES = [
    Case("small, 100", (544, 100), limit=0.7),
    Case("small, 800", (544, 800), without=["torch_compile"]),
    Case("big, 100", (8_674, 100), without=["torch_compile"]),
    Case("big, 800", (8_674, 800), limit=0.7),
    Case("complicated small, 100", (544, 100, True), without=["by_c", "torch_compile"]),
    Case("complicated big, 800", (8_674, 800, True), without=["by_c", "torch_compile"]),
]


def rows() -> list[Row]:
    return contest.rows("adbench.hand", CASES)

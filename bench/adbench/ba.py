"""ADBench, bundle adjustment: the sparse Jacobian of weighted reprojection errors.

A camera is (r, c, f, o, κ): an axis times an angle, a centre, a focal length, the principal point, two coefficients of
radial distortion. Of a point X seen at z with weight w, with p the perspective projection of R(r) (X − c),

    e = w (f (1 + κ₁ |p|² + κ₂ |p|⁴) p + o − z)   and   1 − w².

Every observation has a block of 2 × (11 + 3 + 1) derivatives of e; those of 1 − w² are diagonal. The blocks are the
values of the sparse matrix, whose pattern never changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import chainrule as cr
from bench.adbench.race import Pair, Size, c_library, jitted, pointers, race
from bench.measure import Row

# Cameras, points and observations, as published.
SIZES = {
    "BA1": Size((49, 7_776, 31_843), 0.5),
    "BA2": Size((21, 11_315, 36_455)),
    "BA3": Size((161, 48_126, 182_072)),
    "BA4": Size((372, 47_423, 204_472)),
    "BA5": Size((257, 65_132, 225_911), 0.5),
}


def data(cameras: int, points: int, observations: int) -> tuple[np.ndarray, ...]:
    """Cameras around the origin, points near it; which camera saw which point; weights and features."""
    rng = np.random.default_rng(cameras)
    rotation, centre = rng.normal(size=(cameras, 3)), rng.normal(size=(cameras, 3))
    centre[:, 2] -= 8
    focal, origin = rng.uniform(0.8, 1.2, (cameras, 1)), rng.normal(size=(cameras, 2)) / 10
    camera = np.hstack([rotation / 2, centre, focal, origin, rng.normal(size=(cameras, 2)) / 100])
    seen_by = np.sort(rng.integers(cameras, size=observations))  # as the files have them: by camera
    seen = rng.integers(points, size=observations)
    weights, features = rng.random(observations), rng.normal(size=(observations, 2))
    return camera, rng.normal(size=(points, 3)), weights, features, seen_by, seen


def rotated(xp: Any, r: Any, x: Any) -> Any:
    """R(r) x by Rodrigues' formula, to first order where r is 0."""
    squared = xp.sum(r * r)
    none = squared == 0
    angle = xp.sqrt(xp.where(none, 1.0, squared))
    axis = r / angle
    cosine, sine = xp.cos(angle), xp.sin(angle)
    turned = cosine * x + sine * xp.linalg.cross(axis, x) + (1 - cosine) * xp.sum(axis * x) * axis
    return xp.where(none, x + xp.linalg.cross(r, x), turned)


def residual(xp: Any, camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    """e of one observation, in the spelling that NumPy, JAX and PyTorch share."""
    seen = rotated(xp, camera[:3], point - camera[3:6])
    p = seen[:2] / seen[2]
    squared = xp.sum(p * p)
    distorted = (1 + camera[9] * squared + camera[10] * squared * squared) * p
    return weight * (camera[6] * distorted + camera[7:9] - feature)


def observed(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The camera, the point, the weight and the feature of every observation."""
    camera, point, weights, features, seen_by, seen = arrays
    return camera[seen_by], point[seen], weights, features


def ours(inputs: tuple[np.ndarray, ...]) -> Pair:
    def one(*observation: Any) -> Any:
        return residual(cr, *observation)

    def objective(*arrays: Any) -> Any:
        return cr.vmap(one)(*observed(arrays)), 1 - arrays[2] ** 2

    def derivative(*arrays: Any) -> Any:
        return cr.vmap(cr.jacobian(one, argnums=(0, 1, 2)))(*observed(arrays)), -2 * arrays[2]

    tensors = tuple(map(cr.tensor, inputs))
    value, blocks = jitted(objective), jitted(derivative)
    return Pair(lambda: value(*tensors), lambda: blocks(*tensors))


def by_jax(inputs: tuple[np.ndarray, ...]) -> Pair:
    import jax
    import jax.numpy as jnp

    def one(*observation: Any) -> Any:
        return residual(jnp, *observation)

    @jax.jit
    def objective(*arrays: Any) -> Any:
        return jax.vmap(one)(*observed(arrays)), 1 - arrays[2] ** 2

    @jax.jit
    def derivative(*arrays: Any) -> Any:
        return jax.vmap(jax.jacrev(one, argnums=(0, 1, 2)))(*observed(arrays)), -2 * arrays[2]

    arrays = tuple(map(jnp.asarray, inputs))
    return Pair(lambda: jax.block_until_ready(objective(*arrays)), lambda: jax.block_until_ready(derivative(*arrays)))


def by_torch(inputs: tuple[np.ndarray, ...], compile: bool = False) -> Pair:
    import torch

    def one(*observation: Any) -> Any:
        return residual(torch, *observation)

    def objective(*arrays: Any) -> Any:
        return torch.func.vmap(one)(*observed(arrays)), 1 - arrays[2] ** 2

    def derivative(*arrays: Any) -> Any:
        return torch.func.vmap(torch.func.jacrev(one, argnums=(0, 1, 2)))(*observed(arrays)), -2 * arrays[2]

    tensors = tuple(map(torch.tensor, inputs))
    value, blocks = (torch.compile(objective), torch.compile(derivative)) if compile else (objective, derivative)
    return Pair(lambda: value(*tensors), lambda: blocks(*tensors))


def by_torch_compile(inputs: tuple[np.ndarray, ...]) -> Pair:
    return by_torch(inputs, compile=True)


def by_casadi(inputs: tuple[np.ndarray, ...]) -> Pair:
    """One function of scalars, mapped over the observations, which are columns."""
    import casadi

    camera, point, weight, feature = (casadi.SX.sym(name, n) for name, n in zip("cpwf", (11, 3, 1, 2), strict=True))
    r = camera[:3]
    angle = casadi.sqrt(casadi.sumsqr(r))
    axis, x = r / angle, point - camera[3:6]
    cosine, sine = casadi.cos(angle), casadi.sin(angle)
    seen = cosine * x + sine * casadi.cross(axis, x) + (1 - cosine) * casadi.dot(axis, x) * axis
    p = seen[:2] / seen[2]
    squared = casadi.sumsqr(p)
    distorted = (1 + camera[9] * squared + camera[10] * squared**2) * p
    error = weight * (camera[6] * distorted + camera[7:9] - feature)
    ins = [camera, point, weight, feature]
    blocks = [casadi.jacobian(error, of) for of in ins[:3]]
    count = len(inputs[2])
    objective = casadi.Function("objective", ins, [error, 1 - weight**2]).map(count)
    derivative = casadi.Function("derivative", ins, [*blocks, -2 * weight]).map(count)

    def columns() -> list[Any]:
        return [casadi.DM(np.atleast_2d(a.T)) for a in observed(inputs)]

    fixed = columns()

    def rows(found: Any, width: int) -> Any:
        """Blocks side by side as one array of blocks."""
        return np.asarray(found).reshape(2, count, width).transpose(1, 0, 2)

    def arranged(found: Any) -> Any:
        parts = [rows(f, width) for f, width in zip(found[:3], (11, 3, 1), strict=True)]
        return (*parts[:2], parts[2][:, :, 0]), np.asarray(found[3])[0]

    return Pair(
        lambda: objective(*fixed),
        lambda: derivative(*fixed),
        lambda: arranged(derivative(*fixed)),
    )


def by_c(inputs: tuple[np.ndarray, ...]) -> Pair | None:
    library = c_library("ba")
    if library is None:
        return None
    n = len(inputs[2])
    errors, regular = np.empty((n, 2)), np.empty(n)
    blocks = np.empty((n, 2, 11)), np.empty((n, 2, 3)), np.empty((n, 2))
    forward = pointers(library.ba_objective, (n,), (*inputs, errors, regular))
    backward = pointers(library.ba_jacobian, (n,), (*inputs, *blocks, regular))

    def objective() -> Any:
        forward()
        return errors, regular

    def derivative() -> Any:
        backward()
        return blocks, regular

    return Pair(objective, derivative)


LIBRARIES = {
    "core": ours,
    "jax": by_jax,
    "torch": by_torch,
    "torch.compile": by_torch_compile,
    "casadi": by_casadi,
    "C": by_c,
}


def rows() -> list[Row]:
    return race("Jacobian", __name__, scalar=False)

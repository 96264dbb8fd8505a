"""ADBench, bundle adjustment: the sparse Jacobian of weighted reprojection errors.

A camera is (r, c, f, o, κ): an axis times an angle, a centre, a focal length, the principal point, two coefficients of
radial distortion. Of a point X seen at z with weight w, with p the perspective projection of R(r) (X − c),

    e = w (f (1 + κ₁ |p|² + κ₂ |p|⁴) p + o − z)   and   1 − w².

Every observation has a block of 2 × (11 + 3 + 1) derivatives of e; those of 1 − w² are diagonal. The blocks are the
values of the sparse matrix, whose pattern never changes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench.adbench import C
from bench.measure import Row
from bench.native import contest, libraries
from bench.native.contest import Case


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


def blocks(xp: Any, vmap: Any, jacobian: Any, *arrays: Any) -> Any:
    """The derivatives of all errors, those of weights apart, by functions of functions as JAX has them."""
    one = jacobian(partial(residual, xp), (0, 1, 2))
    return vmap(one)(*observed(arrays)), -2 * arrays[2]


def ours(*sizes: int) -> libraries.Call:
    import chainrule as cr

    return libraries.Call(libraries.compiled_by_us(partial(blocks, cr, cr.vmap, cr.jacobian)), data(*sizes))


def jax(*sizes: int) -> libraries.Call:
    library = libraries.jax_module()
    compiled = library.jit(partial(blocks, library.numpy, library.vmap, library.jacrev))
    return libraries.Call(
        lambda *arrays: library.block_until_ready(compiled(*arrays)), [library.numpy.asarray(a) for a in data(*sizes)]
    )


def torch(*sizes: int, compile: bool = False) -> libraries.Call:
    library = libraries.torch_module()
    derivative = partial(blocks, library, library.func.vmap, library.func.jacrev)
    return libraries.Call(
        library.compile(derivative, dynamic=False) if compile else derivative, [library.tensor(a) for a in data(*sizes)]
    )


def torch_compile(*sizes: int) -> libraries.Call:
    return torch(*sizes, compile=True)


def casadi(*sizes: int) -> libraries.Call:
    """One function of scalars, mapped over the observations, which are columns."""
    import casadi as library

    widths, count = (11, 3, 1, 2), sizes[2]
    camera, point, weight, feature = single = [library.SX.sym("x", n) for n in widths]
    r = camera[:3]
    angle = library.sqrt(library.sumsqr(r))
    axis, x = r / angle, point - camera[3:6]
    cosine, sine = library.cos(angle), library.sin(angle)
    seen = cosine * x + sine * library.cross(axis, x) + (1 - cosine) * library.dot(axis, x) * axis
    p = seen[:2] / seen[2]
    squared = library.sumsqr(p)
    distorted = (1 + camera[9] * squared + camera[10] * squared**2) * p
    error = weight * (camera[6] * distorted + camera[7:9] - feature)
    derivatives = [*(library.jacobian(error, of) for of in (camera, point, weight)), -2 * weight]
    many = [library.MX.sym("x", n, count) for n in widths]
    mapped = library.Function("blocks", single, derivatives).map(count)(*many)
    call = libraries.casadi(many, mapped, [np.atleast_2d(a.T) for a in observed(data(*sizes))])

    def arranged(returned: Any) -> Any:
        """Blocks in a row as an array of blocks."""
        *rows, regular = call.answer(returned)
        return [np.swapaxes(row.reshape(2, count, -1), 0, 1) for row in rows], regular

    return libraries.Call(call.function, call.arguments, arranged)


def by_c(*sizes: int) -> libraries.Call:
    inputs, n = data(*sizes), sizes[2]
    given = [np.empty((n, 2, 11)), np.empty((n, 2, 3)), np.empty((n, 2)), np.empty(n)]
    return libraries.in_c("ba", [n, *inputs], given, fast=True, folder=C)


# Cameras, points and observations, as published.
CASES = [
    Case("BA1", (49, 7_776, 31_843), limit=0.5),
    Case("BA2", (21, 11_315, 36_455), without=["torch_compile"]),
    Case("BA3", (161, 48_126, 182_072), without=["torch_compile"]),
    Case("BA4", (372, 47_423, 204_472), without=["torch_compile"]),
    Case("BA5", (257, 65_132, 225_911), limit=0.5),
]


def rows() -> list[Row]:
    return contest.rows("adbench.ba", CASES)

"""Inverse functions of complex numbers in machine code: digits, cuts, and signs."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import chainrule as cr

NAMES = ("asin", "acos", "atan", "asinh", "acosh", "atanh")
ULPS = 4


def drawn(rng, count, dtype):
    """Sizes of all kinds, and what is near to the branch points."""
    most = rng.choice([1, 3, 10, 40, 150 if dtype.itemsize == 16 else 15], count)
    sizes = 10.0 ** rng.uniform(-most, most)
    near = rng.choice([1.0, 0.0], count) + rng.choice([0, 1], count) * 10.0 ** rng.uniform(-20, -1, count)
    return np.where(rng.random(count) < 0.4, near, sizes) * rng.choice([-1.0, 1.0], count)


@pytest.mark.parametrize("dtype", [np.dtype("complex128"), np.dtype("complex64")])
@pytest.mark.parametrize("name", NAMES)
def test_digits_and_signs(name, dtype):
    rng = np.random.default_rng(11)
    z = np.empty(1500, dtype)
    with np.errstate(over="ignore"):
        z.real, z.imag = drawn(rng, z.size, dtype), drawn(rng, z.size, dtype)
    f = cr.jit(getattr(cr, name))
    assert f.explain(z).hosts == ()
    found = f(z)
    with np.errstate(all="ignore"):
        right = getattr(np, "arc" + name[1:])(z)
    inside = np.isfinite(right)
    for part in ("real", "imag"):
        signs = np.signbit(getattr(found, part)), np.signbit(getattr(right, part))
        np.testing.assert_array_equal(signs[0][inside], signs[1][inside])
    unit = np.spacing(np.abs(right).astype(z.real.dtype))
    with mp.workdps(200 if dtype.itemsize == 16 else 60):
        for x, y, r, u in zip(z, found, right, unit, strict=True):
            if not np.isfinite(r):
                assert not np.isfinite(y), (x, y, r)
            elif x.real == 0 or x.imag == 0:  # mpmath has no signs of zero
                assert abs(complex(y) - complex(r)) <= ULPS * u, (x, y, r)
            else:
                exact = getattr(mp, name)(mp.mpc(complex(x)))
                assert abs(mp.mpc(complex(y)) - exact) <= ULPS * mp.mpf(float(u)), (x, y, exact)


@pytest.mark.parametrize("dtype", [np.dtype("complex128"), np.dtype("complex64")])
def test_logarithms_near_one_have_all_digits(dtype):
    rng = np.random.default_rng(12)
    z = np.empty(2000, dtype)
    with np.errstate(over="ignore"):
        z.real, z.imag = drawn(rng, z.size, dtype), drawn(rng, z.size, dtype)
    z[:200] = np.exp(1j * rng.uniform(-0.5, 0.5, 200)) - 1  # where the real part is 0 to rounding
    f = cr.jit(cr.log1p)
    assert f.explain(z).hosts == ()
    found = f(z)
    with mp.workdps(400):
        for x, y in zip(z, found, strict=True):
            if x == -1:
                assert y.real == -np.inf
            elif np.isfinite(x):
                exact = mp.log1p(mp.mpc(complex(x)))
                exact = exact.conjugate() if x.imag == 0 and np.signbit(x.imag) else exact  # no signs of zero there
                unit = np.spacing(z.real.dtype.type(min(float(abs(exact)), 1e300 if dtype.itemsize == 16 else 1e38)))
                assert abs(mp.mpc(complex(y)) - exact) <= ULPS * mp.mpf(float(unit)), (x, y, exact)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite(name):
    """The values of C99, annex G.6, but for signs that it leaves open."""
    numbers = [np.inf, -np.inf, np.nan, 1.0, -2.0, 0.0, -0.0, 1.5e308, 5e-324]
    z = np.array([complex(x, y) for x in numbers for y in numbers])
    with np.errstate(all="ignore"):
        right = getattr(np, "arc" + name[1:])(z)
    found = cr.jit(getattr(cr, name))(z)
    for x, y, r in zip(z, found, right, strict=True):
        for a, b in ((y.real, r.real), (y.imag, r.imag)):
            close = abs(a - b) <= 1e-15 * abs(b) if np.isfinite(a) and np.isfinite(b) else abs(a) == abs(b)
            assert close or (np.isnan(a) and np.isnan(b)) or np.isnan(x), (x, y, r)
    close = np.isfinite(right)
    np.testing.assert_array_equal(np.isfinite(found), close)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name):
    z = np.array([0.3 + 0.4j, -2.0 + 1e-3j, 5.0 - 7.0j])
    f = cr.jit(cr.grad(lambda z: cr.sum(cr.real(getattr(cr, name)(z)))))
    eager = cr.grad(lambda z: cr.sum(cr.real(getattr(cr, name)(z))))(cr.tensor(z))
    np.testing.assert_allclose(f(z), eager, rtol=1e-13)

"""Functions of compiled code against mpmath: over all bit patterns, near hard points, and at special numbers."""

import ctypes
import functools

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.values import I64
from chainrule.native.machine.code import Code, can, fuses
from chainrule.native.machine.llvm import text_of
from chainrule.native.math import FUNCTIONS


@functools.cache
def compiled(name, dtype, arity, lanes, scales=False):
    e = Emitter(FUNCTIONS)
    e.scales, e.fuses = scales, fuses()
    pointers = [Pointer(f"operand{i}") for i in range(arity)]
    target, counter = Pointer("out"), Pointer("count")
    with e.loop(0, e.load(counter, I64, 0), lanes) as i:
        e.store(target, i, getattr(e, name)(*[e.load(p, np.dtype(dtype), i, lanes) for p in pointers]), lanes)
    program = e.program("kernel", [*pointers, target, counter])
    code = Code(text_of(program), {n: a.ctypes.data for n, a in program.data.items()} | e.symbols)
    function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * (arity + 2))(code.address("kernel"))

    def run(*arrays):
        size = -(-arrays[0].size // lanes) * lanes
        held = [np.ascontiguousarray(np.resize(x, size), dtype) for x in arrays]
        out, count = np.empty(size, dtype), np.array(size)
        function(*[x.ctypes.data for x in (*held, out, count)])
        return out[: arrays[0].size]

    run.kept = code, program.data
    return run


def patterns(rng, dtype, count):
    """Numbers of all sizes: random bits."""
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    return rng.integers(0, np.iinfo(unsigned).max, count, unsigned, endpoint=True).view(dtype)


@np.errstate(all="ignore")
def sampled(dtype, low, high, seed=0, count=500):
    rng, info = np.random.default_rng(seed), np.finfo(dtype)
    edges = [0.0, 0.5, 1.0, 2.0, low, high, info.tiny, info.smallest_subnormal, info.max, np.inf, np.nan]
    edges += [1 + info.eps, 1 - info.epsneg, 709.782712893384, 88.72283, 744.4, 103.2, 22.0, 0.75, 2.0**30, 2.0**14]
    parts = [
        patterns(rng, dtype, count),
        rng.uniform(low, high, count),
        rng.normal(0, 2, count),
        np.exp2(rng.uniform(-60, 3, count)) * rng.choice([-1, 1], count),
        np.outer(edges, [1, -1]).ravel(),
    ]
    return np.concatenate([np.asarray(x, np.float64) for x in parts]).astype(dtype)


def error_in_ulps(found, digits, dtype):
    """How far a finite number is from its digits, in units of their last place; overflow begins half a unit above."""
    info = np.finfo(dtype)
    exponent = max(mp.frexp(digits)[1] - 1, info.minexp) if digits else info.minexp
    unit = mp.ldexp(1, int(exponent) - info.nmant)
    if np.isinf(found):
        largest = mp.mpf(float(info.max))
        return 0.0 if abs(digits) > largest + (largest * float(info.eps)) / 8 else np.inf
    return float(abs(mp.mpf(float(found)) - digits) / unit)


def worst(name, dtype, function, right, points):
    """Compare where mpmath has a real number; elsewhere be NumPy."""
    found, most, at = compiled(name, dtype, len(points), 8)(*points), 0.0, None
    with mp.workprec(200):
        for i, x in enumerate(zip(*points, strict=True)):
            plain = all(map(np.isfinite, x)) and (len(x) == 1 or all(x))
            if plain and np.isfinite(right[i]):
                off = error_in_ulps(found[i], function(*[mp.mpf(float(v)) for v in x]), dtype)
                assert right[i] != 0 or found[i] != 0 or np.signbit(right[i]) == np.signbit(found[i]), x
            else:
                off = 0.0 if found[i] == right[i] or np.isnan(found[i]) & np.isnan(right[i]) else np.inf
                if (
                    np.isinf(right[i]) and np.isfinite(found[i]) and all(map(np.isfinite, x))
                ):  # NumPy's overflow is early
                    off = error_in_ulps(found[i], function(*[mp.mpf(float(v)) for v in x]), dtype)
            if off > most:
                most, at = off, (x, found[i], right[i])
    return most, at


def power(x, y):
    return mp.power(x, y) if x > 0 or mp.isint(y) else mp.nan


def digits_of_gamma(x):
    return mp.gamma(x) if x > -200 else mp.mpf(0)


def signed(function):
    """The sign of SciPy's zeros and infinities is lost where x is no integer of 32 bits."""

    def found(x):
        y = function(x)
        return np.where(((y == 0) | np.isinf(y)) & (np.floor(x) != x), np.copysign(y, special.gammasgn(x)), y)

    return found


def digits_of_reciprocal_gamma(x):
    return mp.rgamma(x) if abs(x) < 200 else mp.mpf(0)


def scipy_trigamma(x):
    # Far on the left SciPy adds up as many terms as x is large.
    return special.polygamma(1, np.where(x < -99, np.where(np.floor(x) == x, 0.0, 1.0), x))


def digits_of_erfcx(x):
    if x > 50:
        return mp.nsum(lambda n: mp.rf(0.5, n) * (-1 / (x * x)) ** n, [0, 20]) / (x * mp.sqrt(mp.pi))
    return mp.exp(x * x) * mp.erfc(x)


def digits_of_log_ndtr(x):
    if x < -50:
        return mp.log(digits_of_erfcx(-x / mp.sqrt(2)) / 2) - x * x / 2
    if x < 0:
        return mp.log(mp.ncdf(x))
    return mp.log1p(-mp.ncdf(-x)) if x < 50 else mp.mpf(0)


def digits_of_trigamma(x):
    return mp.psi(1, x) if x > 0 else (mp.pi / mp.sinpi(x)) ** 2 - mp.psi(1, 1 - x)


# name: digits, NumPy's or SciPy's function, an interval, units in the last place
REAL = {
    "exp": (mp.exp, np.exp, -750, 720, 1),
    "exp2": (lambda x: mp.mpf(2) ** x, np.exp2, -1080, 1030, 1),
    "expm1": (mp.expm1, np.expm1, -50, 712, 1),
    "log": (mp.log, np.log, 0, 10, 1),
    "log1p": (mp.log1p, np.log1p, -1, 10, 1.5),
    "log2": (lambda x: mp.log(x, 2), np.log2, 0, 10, 1),
    "log10": (mp.log10, np.log10, 0, 1000, 1),
    "sin": (mp.sin, np.sin, -1e5, 1e5, 1),
    "cos": (mp.cos, np.cos, -1e5, 1e5, 1),
    "tan": (mp.tan, np.tan, -1e5, 1e5, 2.5),
    "asin": (mp.asin, np.arcsin, -1, 1, 2),
    "acos": (mp.acos, np.arccos, -1, 1, 2),
    "atan": (mp.atan, np.arctan, -5, 5, 2),
    "sinh": (mp.sinh, np.sinh, -712, 712, 2.5),
    "cosh": (mp.cosh, np.cosh, -712, 712, 2),
    "tanh": (mp.tanh, np.tanh, -22, 22, 2),
    "asinh": (mp.asinh, np.arcsinh, -10, 10, 2.5),
    "acosh": (mp.acosh, np.arccosh, 1, 10, 2.5),
    "atanh": (mp.atanh, np.arctanh, -1, 1, 2.5),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), np.cbrt, -10, 10, 1),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), special.expit, -750, 50, 2.5),
    "softplus": (lambda x: mp.log1p(mp.exp(x)) if x < 1000 else x, lambda x: np.logaddexp(x, 0), -50, 50, 2.5),
    "erf": (mp.erf, special.erf, -6, 6, 2),
    "erfc": (lambda x: mp.erfc(x) if x < 1e4 else mp.mpf(0), special.erfc, -6, 28, 4),
    "erfcx": (digits_of_erfcx, special.erfcx, -27, 40, 4),
    "log_ndtr": (digits_of_log_ndtr, special.log_ndtr, -40, 9, 5),
    "gamma": (digits_of_gamma, signed(special.gamma), -12, 172, 4),
    "rgamma": (digits_of_reciprocal_gamma, signed(special.rgamma), -12, 180, 4),
    "trigamma": (digits_of_trigamma, scipy_trigamma, -12, 12, 4),
    "ndtr": (lambda x: mp.ncdf(x) if x > -1e4 else mp.mpf(0), special.ndtr, -39, 9, 4),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", sorted(REAL))
def test_real_functions(name, dtype):
    function, numpy, low, high, limit = REAL[name]
    x = sampled(dtype, low, high)
    with np.errstate(all="ignore"):
        right = numpy(x)
    most, at = worst(name, dtype, function, right, [x])
    assert most <= limit, (most, at)


# name: digits of x and of what the error is relative to on the left, SciPy's function
WITH_ZEROS = {
    "lgamma": (
        lambda x: mp.re(mp.loggamma(x)) if x > 0 else mp.log(mp.pi / abs(x * mp.sinpi(x))) - mp.re(mp.loggamma(-x)),
        lambda x: max(mp.loggamma(-x), 1),
        special.gammaln,
    ),
    "digamma": (
        lambda x: mp.psi(0, x) if x > 0 else mp.psi(0, 1 - x) - mp.pi * mp.cospi(x) / mp.sinpi(x),
        lambda x: abs(mp.psi(0, -x)) + abs(mp.pi * mp.cospi(x) / mp.sinpi(x)),
        special.psi,
    ),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", sorted(WITH_ZEROS))
def test_functions_with_zeros_on_the_left(name, dtype):
    function, size, scipy = WITH_ZEROS[name]
    around = np.random.default_rng(2).normal(0, 1e-3, 300)
    roots = [1.4616321449683623, 1, 2, 3, -1, -2, -3.5, -7, -20, -2.4570247382208006, -0.504083008264455]
    x = np.concatenate([sampled(dtype, -12, 12), *[root + around * rate for root in roots for rate in (1, 100)]])
    x = x.astype(dtype)
    with np.errstate(all="ignore"):
        right = scipy(x)
    found = compiled(name, dtype, 1, 8)(x)
    usual = (np.isfinite(right) | np.isfinite(found)) & (x != 0)
    np.testing.assert_array_equal(found[~usual], right[~usual])
    with mp.workprec(200):
        for value, y in zip(map(float, x[usual]), found[usual], strict=True):
            given = mp.mpf(value)
            digits = function(given)
            scale = digits if value > 0 else max(abs(digits), size(given))
            off = error_in_ulps(dtype(abs(scale)), abs(scale) + abs(mp.mpf(float(y)) - digits), dtype)
            assert off <= 4.5, (value, y, off)  # half a unit is of the scale itself


@np.errstate(all="ignore")
def pairs(dtype, seed=1, count=500):
    rng = np.random.default_rng(seed)
    a, b = patterns(rng, dtype, count), patterns(rng, dtype, count)
    x = np.concatenate(
        [rng.normal(size=count), a, a, np.exp(rng.uniform(-5, 5, count)), 1 + rng.normal(0, 1e-6, count)]
    )
    y = np.concatenate([rng.normal(size=count), b, a * rng.uniform(0.01, 10, count), rng.uniform(-99, 99, count)])
    y = np.concatenate([y, rng.uniform(-1e7, 1e7, count)])
    edges = np.array([0, 1, -1, 0.5, 2, -3, 1e300, np.inf, -np.inf, np.nan, -0.0])
    more = np.meshgrid(edges, edges)
    return [np.concatenate([z, m.ravel()]).astype(dtype) for z, m in zip((x, y), more, strict=True)]


BINARY = {
    "atan2": (mp.atan2, np.arctan2, 2),
    "hypot": (mp.hypot, np.hypot, 1),
    "pow": (power, np.power, 2),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", sorted(BINARY))
def test_functions_of_two_numbers(name, dtype):
    function, numpy, limit = BINARY[name]
    points = pairs(dtype)
    with np.errstate(all="ignore"):
        right = numpy(*points)
    most, at = worst(name, dtype, function, right, points)
    assert most <= limit, (most, at)


def test_sines_of_numbers_next_to_multiples_of_half_pi():
    # 6381956970095103 · 2⁷⁹⁷ is the double number nearest to a multiple of π/2 (Muller, Elementary Functions, 10.2).
    k = np.arange(1, 3000)
    near = np.concatenate([k * (np.pi / 2), [6381956970095103.0 * 2.0**797], 2.0 ** np.arange(13, 1024) * 1.2345])
    for name, function in (("sin", mp.sin), ("cos", mp.cos), ("tan", mp.tan)):
        found = compiled(name, np.float64, 1, 8)(near)
        with mp.workprec(1300):
            off = [error_in_ulps(y, function(mp.mpf(float(x))), np.float64) for x, y in zip(near, found, strict=True)]
        assert max(off) < 2.5


def test_gamma_at_its_limits():
    x = np.array([171.6243769563027, 171.62437695630274, -170.5, -177.5, -184.5, 178.0, 7e-309, 5e-309, -(2.0**53)])
    gamma, reciprocal = (compiled(name, np.float64, 1, 8)(x) for name in ("gamma", "rgamma"))
    with mp.workprec(200):
        for i in (0, 2, 3):
            assert error_in_ulps(gamma[i], mp.gamma(mp.mpf(float(x[i]))), np.float64) <= 4
        for i in (0, 2, 5, 6):
            assert error_in_ulps(reciprocal[i], mp.rgamma(mp.mpf(float(x[i]))), np.float64) <= 4
    assert gamma[1] == gamma[5] == gamma[7] == np.inf and gamma[6] < np.inf
    assert gamma[4] == 0 and np.signbit(gamma[4]) and np.isnan(gamma[8]) and reciprocal[8] == 0
    assert reciprocal[3] == np.inf and reciprocal[4] == -np.inf


def test_signs_and_the_right_half_of_log_gamma():
    x = np.array([0.0, -0.0, -0.5, -1.5, -2.0, 3.0, 1e17, -1e17, np.inf, -np.inf, np.nan])
    for name, scipy in (("gammasgn", special.gammasgn), ("loggamma", special.loggamma)):
        np.testing.assert_array_equal(np.isnan(compiled(name, np.float64, 1, 8)(x)), np.isnan(scipy(x)))
        np.testing.assert_allclose(compiled(name, np.float64, 1, 8)(x), scipy(x), rtol=1e-15)


def test_one_lane_and_many_give_the_same_bits():
    x = sampled(np.float64, -30, 30)
    for name in [*REAL, *WITH_ZEROS]:
        one, many = (compiled(name, np.float64, 1, lanes)(x) for lanes in (1, 8))
        np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("scales", [False, can("avx512f")])
@pytest.mark.parametrize("name", ["exp", "exp2", "sigmoid", "erfc", "gamma", "rgamma"])
def test_whole_registers_give_the_same_numbers(name, scales):
    for dtype, lanes in ((np.float64, 8), (np.float32, 16)):
        x = sampled(dtype, *REAL[name][2:4])
        right, found = (compiled(name, dtype, 1, lanes, which)(x) for which in (False, scales))
        np.testing.assert_array_equal(found, right)


def test_powers_of_two_and_ten_have_exact_logarithms():
    two, ten = 2.0 ** np.arange(-1074, 1024), 10.0 ** np.arange(0, 23)
    np.testing.assert_array_equal(compiled("log2", np.float64, 1, 8)(two), np.arange(-1074, 1024))
    np.testing.assert_array_equal(compiled("log10", np.float64, 1, 8)(ten), np.arange(0, 23))
    np.testing.assert_array_equal(compiled("exp2", np.float64, 1, 8)(np.arange(-1074.0, 1024.0)), two)

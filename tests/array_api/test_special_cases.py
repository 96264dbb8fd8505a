"""Zeros, infinities and NaN: every special case of the standard, in both precisions, on arrays of one and of many."""

import math
from itertools import product

import numpy as np
import pytest

import chainrule as cr
from array_api.special_cases import BINARY, COMPLEX, TURNED, UNARY, Either, turned

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns of what these tables are about
EPSILON = {"float32": 1e-6, "float64": 1e-15, "complex64": 1e-6, "complex128": 1e-15}


def agree(found, wanted, tolerance):
    """Whether a number is the wanted one: infinities, NaN and the sign of zeros exactly."""
    if isinstance(wanted, bool):
        return found is wanted or (isinstance(found, (bool, np.bool_)) and bool(found) is wanted)
    if isinstance(wanted, Either):
        found, wanted = abs(found), wanted.value
    if math.isnan(wanted) or math.isinf(wanted):
        return math.isnan(found) if math.isnan(wanted) else found == wanted
    if wanted == 0:
        return found == 0 and math.copysign(1, found) == math.copysign(1, wanted)
    return abs(found - wanted) <= 2 * tolerance * abs(wanted)


def failures(function, points, wanted, dtype):
    """The points at which a function of arrays differs, as text; each alone and all in one array."""
    failed = []
    columns = [np.array(column, dtype) for column in zip(*points, strict=True)]
    together = np.asarray(function(*map(cr.asarray, columns)))
    for i, point in enumerate(points):
        alone = np.asarray(function(*(cr.asarray(column[i]) for column in columns)))[()]
        value = wanted(*point) if callable(wanted) else wanted
        for found in (alone, together[i]):
            parts = zip((found.real, found.imag), value, strict=True) if isinstance(value, tuple) else [(found, value)]
            if not all(agree(one, other, EPSILON[dtype]) for one, other in parts):
                failed.append(f"{point}: {found}, not {value}")
    return failed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_of_one_real_number(name, dtype):
    rows = UNARY[name]
    assert [f for xs, wanted in rows for f in failures(getattr(cr, name), [(x,) for x in xs], wanted, dtype)] == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_of_two_real_numbers(name, dtype):
    function = getattr(cr, name)
    assert [f for xs, ys, wanted in BINARY[name] for f in failures(function, [*product(xs, ys)], wanted, dtype)] == []


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", COMPLEX)
def test_of_a_complex_number(name, dtype):
    part = dtype.replace("complex128", "float64").replace("complex64", "float32")

    def function(a, b):
        z = np.empty(a.shape, dtype)
        z.real, z.imag = a, b
        return getattr(cr, name)(cr.asarray(z))

    rows = COMPLEX[name]
    assert [f for xs, ys, wanted in rows for f in failures(function, [*product(xs, ys)], wanted, part)] == []


POINTS = [complex(a, b) for a, b in product((0.0, -0.0, 0.5, -2.0, math.inf, -math.inf, math.nan), repeat=2)]


def same(one, other):
    """Equal numbers, but for the sign of zeros; NaN is NaN."""
    return np.allclose([one.real, one.imag], [other.real, other.imag], 1e-14, 1e-300, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in COMPLEX if name not in ("abs", "isfinite", "isinf", "isnan")])
def test_conjugate_numbers_give_conjugate_results(name):
    function = getattr(cr, name)
    for z in POINTS:
        if not (math.isnan(z.real) or math.isnan(z.imag)) and z.imag != 0:
            assert same(function(cr.asarray(z.conjugate())).item(), function(cr.asarray(z)).item().conjugate()), z


@pytest.mark.parametrize("name", TURNED)
def test_functions_of_turned_numbers(name):
    factor, other = TURNED[name]
    for z in POINTS:
        wanted = getattr(cr, other)(cr.asarray(turned(z)[0])).item()
        wanted = wanted if factor == 1 else turned(wanted)[1]
        found = getattr(cr, name)(cr.asarray(z)).item()
        for one, two in ((found.real, wanted.real), (found.imag, wanted.imag)):
            assert agree(one, Either(abs(two)), 1e-15), (z, found, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clip(dtype):
    x = cr.asarray([1.0, math.nan, -math.inf, math.inf, -0.5], dtype=dtype)
    assert np.array_equal(cr.clip(x, -1.0, 2.0), np.array([1, math.nan, -1, 2, -0.5]), equal_nan=True)
    assert cr.all(cr.isnan(cr.clip(x, math.nan, 2.0)))
    assert cr.all(cr.isnan(cr.clip(x, 0.0, math.nan)))
    assert cr.clip(x).dtype == x.dtype


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_statistics(dtype):
    nothing, some = cr.zeros((2, 0), dtype=dtype), cr.asarray([[1.0, 2.0], [3.0, math.nan]], dtype=dtype)
    assert cr.sum(nothing, axis=1).tolist() == [0, 0]
    assert cr.prod(nothing, axis=1).tolist() == [1, 1]
    for name in ("mean", "std", "var"):
        assert cr.all(cr.isnan(getattr(cr, name)(nothing, axis=1)))
    for name in ("sum", "prod", "mean", "std", "var", *(("max", "min") if dtype[0] == "f" else ())):
        assert cr.isnan(getattr(cr, name)(some, axis=1)).tolist() == [False, True]
    for correction in (2, 3.5):
        assert cr.all(cr.isnan(cr.var(some, axis=1, correction=correction)))
        assert cr.all(cr.isnan(cr.std(some, axis=1, correction=correction)))

"""Numbers that become integers in machine code: those out of the range of narrow ones wrap, as in NumPy."""

import warnings

import numpy as np
import pytest

import chainrule as cr

NUMBERS = [300.0, -1.5, 200.0, -200.0, 255.9, 65_536.5, -70_000.0, 2.0**31 - 1, -(2.0**31), 0.0, -0.9]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("source", ["float64", "float32", "float16"])
def test_narrow_integers_wrap(dtype, source):
    x = np.array([v for v in NUMBERS if source == "float64" or abs(v) < 60_000], source)
    x = np.tile(x, 5)
    with np.errstate(all="ignore"):
        expected = x.astype(np.int32).astype(dtype)
    np.testing.assert_array_equal(cr.jit(lambda x: cr.astype(x, dtype))(x), expected)


def test_unsigned_integers_of_32_bits_wrap():
    x = np.array([*NUMBERS, 2.0**32 - 1, 2.0**32 + 5, -5.0])
    expected = x.astype(np.int64).astype(np.uint32)
    np.testing.assert_array_equal(cr.jit(lambda x: cr.astype(x, "uint32"))(x), expected)


ODD = [np.nan, np.inf, -np.inf, 1e30, -1e30, 3e9, -3e9, 5e9, 2.0**31, 2.0**31 - 1, -(2.0**31), -(2.0**31) - 1]
ODD += [2.0**32, 2.0**53, 2.0**63, -(2.0**63), 9.3e18, -9.3e18, 2.0**64 - 4096, 2.0**64, 1.9e19, -1.0, -0.5, 0.9]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "bool"])
@pytest.mark.parametrize("source", ["float64", "float32", "float16"])
def test_what_is_no_integer_is_what_numpy_makes_of_it(source, dtype):
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        numbers = np.array(ODD).astype(source)
        for x in (numbers, np.tile(numbers, 7), numbers[0], numbers[3:4]):
            expected = x.astype(dtype)
            np.testing.assert_array_equal(cr.jit(lambda x: cr.astype(x, dtype))(x), expected)
        constants = [cr.jit(lambda x, c=c: cr.astype(x * 0 + c, dtype))(np.zeros((), dtype)) for c in numbers]
        np.testing.assert_array_equal(constants, numbers.astype(dtype))


def test_unsigned_integers_of_32_bits_out_of_range_go_by_way_of_64():
    """NumPy makes other numbers of them in the loops that it vectorises, and in those that it does not."""
    with np.errstate(all="ignore"):
        x = np.array(ODD)
        expected = x.astype(np.int64).astype(np.uint32)
    np.testing.assert_array_equal(cr.jit(lambda x: cr.astype(x, "uint32"))(x), expected)

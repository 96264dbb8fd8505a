"""Numbers that become integers in machine code: those out of the range of narrow ones wrap, as in NumPy."""

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

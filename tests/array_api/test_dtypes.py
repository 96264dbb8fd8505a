"""The dtypes of results, for every function and every dtype that the standard gives it; and what is refused."""

from itertools import product

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from array_api.signatures import COMPARISONS, OPERATORS
from chainrule.errors import DTypeError, RangeError

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGER, FLOATING, COMPLEX = SIGNED + UNSIGNED, ("float32", "float64"), ("complex64", "complex128")
REAL, INEXACT = INTEGER + FLOATING, FLOATING + COMPLEX
NUMERIC = REAL + COMPLEX
EVERY = ("bool", *NUMERIC)
PART = {"complex64": "float32", "complex128": "float64"}

# Functions of one array, by the dtypes they take; the result has the same, or a boolean one, or that of parts.
ONE = {
    "acos acosh asin asinh atan atanh cos cosh exp expm1": INEXACT,
    "log log1p log2 log10 reciprocal sin sinh sqrt tan tanh": INEXACT,
    "conj negative positive round sign square": NUMERIC,
    "ceil floor trunc": REAL,
    "bitwise_invert": ("bool", *INTEGER),
}
ONE_BOOL = {"isfinite isinf isnan": NUMERIC, "logical_not": ("bool",), "signbit": FLOATING}
ONE_PART = {"abs real": NUMERIC, "imag": COMPLEX}
TWO = {
    "add multiply subtract pow": NUMERIC,
    "divide": INEXACT,
    "floor_divide maximum minimum remainder": REAL,
    "atan2 copysign hypot logaddexp nextafter": FLOATING,
    "bitwise_and bitwise_or bitwise_xor": ("bool", *INTEGER),
    "bitwise_left_shift bitwise_right_shift": INTEGER,
}
TWO_BOOL = {
    "equal not_equal": EVERY,
    "greater greater_equal less less_equal": REAL,
    "logical_and logical_or logical_xor": ("bool",),
}


def pairs(table):
    return [(name, dtypes) for names, dtypes in table.items() for name in names.split()]


def kind_of(dtype):
    return "int" if dtype in INTEGER else "bool" if dtype == "bool" else "float" if dtype in FLOATING else "complex"


def promoted(one, other):
    """The table of the standard: within a kind the wider one; signed with unsigned, the next wider signed one."""
    if kind_of(one) != kind_of(other) or ({one, other} & {"uint64"} and {one, other} & set(SIGNED)):
        return None
    if one == other:
        return one
    bits = {dtype: np.dtype(dtype).itemsize * 8 for dtype in (one, other)}
    if kind_of(one) != "int" or (one in SIGNED) == (other in SIGNED):
        return max(one, other, key=bits.__getitem__)
    signed, unsigned = sorted((one, other), key=UNSIGNED.__contains__)
    return f"int{max(bits[signed], 2 * bits[unsigned])}"


PROMOTED = {(one, other): promoted(one, other) for one, other in product(EVERY, EVERY) if promoted(one, other)}


def test_the_table_of_promotion_is_the_standards():
    assert len(PROMOTED) == 1 + 16 + 16 + 2 * 12 + 4 + 4
    assert PROMOTED["int8", "uint8"] == "int16"
    assert PROMOTED["uint32", "int16"] == "int64"
    for (one, other), wanted in PROMOTED.items():
        assert cr.result_type(getattr(cr, one), getattr(cr, other)) == wanted
        assert cr.result_type(cr.ones(2, dtype=one), getattr(cr, other)) == wanted
        assert cr.can_cast(getattr(cr, one), getattr(cr, other)) == (wanted == other)


@pytest.mark.parametrize("shape", [(), (2,), (0,)])
@pytest.mark.parametrize(("table", "result"), [(ONE, "own"), (ONE_BOOL, "bool"), (ONE_PART, "part")])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_results_of_one_array(table, result, shape):
    for name, dtypes in pairs(table):
        for dtype in dtypes:
            out = getattr(cr, name)(cr.ones(shape, dtype=dtype))
            wanted = {"own": dtype, "bool": "bool", "part": PART.get(dtype, dtype)}[result]
            assert (out.dtype, out.shape) == (wanted, shape), (name, dtype)


@pytest.mark.parametrize(("table", "is_bool"), [(TWO, False), (TWO_BOOL, True)])
def test_results_of_two_arrays(table, is_bool):
    for name, dtypes in pairs(table):
        for (one, other), wanted in PROMOTED.items():
            if one in dtypes and other in dtypes:
                for shape in ((), (2,)):
                    out = getattr(cr, name)(cr.ones(shape, dtype=one), cr.ones((2, 2), dtype=other))
                    assert (out.dtype, out.shape) == ("bool" if is_bool else wanted, (2, 2)), (name, one, other)


def test_results_of_choices():
    for (one, other), wanted in PROMOTED.items():
        x, y = cr.ones(2, dtype=one), cr.ones(2, dtype=other)
        assert cr.where(cr.asarray([True, False]), x, y).dtype == wanted
        assert cr.concat([x, y]).dtype == wanted
        assert cr.stack([x, y]).dtype == wanted
        if one != "bool":
            assert (x @ y).dtype == cr.vecdot(x, y).dtype == cr.tensordot(x, y, axes=1).dtype == wanted
    for dtype in REAL:
        assert cr.clip(cr.ones(2, dtype=dtype), 0, 2).dtype == dtype
        assert cr.clip(cr.ones(2, dtype=dtype), cr.zeros((), dtype=dtype)).dtype == dtype


def test_results_of_reductions():
    for dtype in NUMERIC:
        x = cr.ones((2, 3), dtype=dtype)
        wide = dtype if dtype in INEXACT else "uint64" if dtype in UNSIGNED else "int64"
        for name in ("sum", "prod", "cumulative_sum", "cumulative_prod"):
            assert getattr(cr, name)(x, axis=1).dtype == wide, (name, dtype)
            assert getattr(cr, name)(x, axis=0, dtype=cr.complex128).dtype == "complex128"
        assert cr.count_nonzero(x).dtype == "int64"
        if dtype in INEXACT:
            assert cr.mean(x).dtype == dtype
        if dtype in FLOATING:
            assert cr.var(x).dtype == cr.std(x, correction=1.0).dtype == dtype
        if dtype in REAL:
            for name in ("max", "min", "sort"):
                assert getattr(cr, name)(x).dtype == dtype, (name, dtype)
            for name in ("argmax", "argmin", "argsort"):
                assert getattr(cr, name)(x).dtype == "int64", (name, dtype)
    for dtype in EVERY:
        x = cr.ones((2, 3), dtype=dtype)
        assert cr.all(x).dtype == cr.any(x).dtype == "bool"
        for out in (cr.flip(x), cr.roll(x, 1), cr.tril(x), cr.take(x, cr.asarray([0]), axis=1), cr.repeat(x, 2), x.T):
            assert out.dtype == dtype


def test_results_of_searches():
    x = cr.asarray([3, 1, 3], dtype="int16")
    assert [i.dtype for i in cr.nonzero(x)] == ["int64"]
    assert cr.searchsorted(x, x, sorter=cr.argsort(x)).dtype == "int64"
    found = cr.unique_all(x)
    assert (found.values.dtype, found.indices.dtype, found.inverse_indices.dtype) == ("int16", "int64", "int64")
    assert (found.counts.dtype, found.inverse_indices.shape) == ("int64", (3,))


REFUSED = {
    "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift": INEXACT,
    "floor_divide remainder atan2 copysign hypot logaddexp nextafter": COMPLEX,
    "subtract": ("bool",),
}
REFUSED_ONE = {"bitwise_invert": INEXACT, "ceil floor trunc signbit": COMPLEX, "negative": ("bool",)}
REFUSED_REDUCTIONS = {"max min argmax argmin": COMPLEX}


def test_dtypes_that_a_function_is_not_defined_on():
    for table, arity in ((REFUSED, 2), (REFUSED_ONE, 1), (REFUSED_REDUCTIONS, 1)):
        for name, dtypes in pairs(table):
            for dtype in dtypes:
                with pytest.raises(DTypeError, match=rf"\[{name}\]"):
                    getattr(cr, name)(*[cr.ones(2, dtype=dtype)] * arity)


def test_complex_numbers_are_not_cut_off():
    x = cr.asarray([1 + 2j, 0j])
    assert_message(
        DTypeError,
        "[astype] an operand is complex128, and float32 has no place for its imaginary part; expected a complex dtype "
        "or bool; write astype(real(x), 'float32').",
        lambda: cr.astype(x, cr.float32),
    )
    assert cr.astype(x, cr.bool).tolist() == [True, False]
    assert cr.astype(x, cr.complex64).dtype == "complex64"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_other_dtype_becomes_every_dtype():
    for one, other in product(EVERY, EVERY):
        if one not in COMPLEX or other in ("bool", *COMPLEX):
            assert cr.astype(cr.ones((2, 0), dtype=one), getattr(cr, other), copy=False).dtype == other
            assert cr.astype(cr.ones(2, dtype=one), getattr(cr, other)).tolist() == [1, 1]


# ------------------------------------------------------------------------------------ operators, Python's numbers

SCALARS = {"bool": (True,), "int": (2,), "float": (2, 2.0), "complex": (2, 2.0, 2j)}
RESULTS = {(name, dtype) for name, dtypes in pairs(TWO) for dtype in dtypes}
DTYPES_OF = {name: dtypes for name, dtypes in (*pairs(TWO), *pairs(TWO_BOOL))}


@pytest.mark.parametrize("operator", [name for name in OPERATORS if name != "matmul"])
def test_python_numbers_take_the_dtype_of_the_array(operator):
    for dtype in DTYPES_OF[OPERATORS[operator]]:
        x = cr.ones(2, dtype=dtype)
        for number in SCALARS[kind_of(dtype)]:
            for out in (
                getattr(x, f"__{operator}__")(number),
                getattr(x, f"__r{operator}__")(number),
                getattr(cr, OPERATORS[operator])(x, number),
                getattr(cr, OPERATORS[operator])(number, x),
            ):
                assert (out.dtype, out.shape) == (dtype, (2,)), (dtype, number)
            y = cr.ones(2, dtype=dtype)
            assert getattr(y, f"__i{operator}__")(number) is y
            assert (y.dtype, y.shape) == (dtype, (2,))


FUNCTIONS = [name for name in DTYPES_OF if name not in OPERATORS.values()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_an_array_and_a_python_number(name):
    for dtype in DTYPES_OF[name]:
        x = cr.ones(2, dtype=dtype)
        for number in SCALARS[kind_of(dtype)]:
            for out in (getattr(cr, name)(x, number), getattr(cr, name)(number, x), getattr(cr, name)(x[0], number)):
                assert out.dtype == (dtype if (name, dtype) in RESULTS else "bool"), (dtype, number)


def test_choices_between_an_array_and_a_python_number():
    for dtype in EVERY:
        x, mask = cr.ones(2, dtype=dtype), cr.asarray([True, False])
        for number in SCALARS[kind_of(dtype)]:
            assert cr.where(mask, x, number).dtype == cr.where(mask, number, x).dtype == dtype


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_comparisons_with_python_numbers(comparison):
    for dtype in DTYPES_OF[COMPARISONS[comparison]]:
        x = cr.ones(2, dtype=dtype)
        for number in SCALARS[kind_of(dtype)]:
            assert getattr(x, f"__{comparison}__")(number).dtype == "bool"


def test_a_complex_number_makes_complex_arrays():
    assert (cr.ones(2, dtype="float32") * 2j).dtype == "complex64"
    assert (1j + cr.ones(2)).dtype == "complex128"


@pytest.mark.parametrize("dtype", INTEGER)
def test_an_integer_that_the_dtype_does_not_hold(dtype):
    x, largest = cr.ones(2, dtype=dtype), cr.iinfo(dtype).max
    assert (x * 0 + largest).tolist() == [largest] * 2
    if dtype != "uint64":
        with pytest.raises(RangeError, match=r"\[add\]"):
            x + (largest + 1)
    if dtype in UNSIGNED:
        with pytest.raises(OverflowError):
            x + -1


def test_in_place_keeps_the_dtype():
    x = cr.ones(2, dtype="float32")
    x += cr.ones(2)
    assert x.dtype == "float32"
    y = cr.ones(2, dtype="int8")
    with pytest.raises(DTypeError, match=r"\[add\] the result is float64 and this Tensor int8"):
        y += 1.5
    with pytest.raises(DTypeError, match=r"\[divide\]"):
        y /= 2

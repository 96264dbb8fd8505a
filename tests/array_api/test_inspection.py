"""What the namespace tells of itself: dtypes, their ranges, kinds and devices; every mistake with its full text."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from array_api.test_dtypes import COMPLEX, EVERY, FLOATING, INTEGER, NUMERIC, SIGNED, UNSIGNED
from chainrule.errors import DomainError, DTypeError, ShapeError

KINDS = {
    "bool": ("bool",), "signed integer": SIGNED, "unsigned integer": UNSIGNED, "integral": INTEGER,
    "real floating": FLOATING, "complex floating": COMPLEX, "numeric": NUMERIC,
}  # fmt: skip


def test_dtypes_are_numpys_and_have_names():
    for name in EVERY:
        assert getattr(cr, name) == np.dtype(name)
        assert cr.ones(1, dtype=getattr(cr, name)).dtype == getattr(cr, name)


def test_kinds():
    for name, (kind, members) in ((n, k) for n in EVERY for k in KINDS.items()):
        assert cr.isdtype(getattr(cr, name), kind) is (name in members)
        assert cr.isdtype(getattr(cr, name), (cr.int8, kind)) is (name in (*members, "int8"))
        assert cr.isdtype(getattr(cr, name), getattr(cr, members[0])) is (name == members[0])
    assert_message(
        DomainError,
        "[isdtype] kind 'float' is unknown; expected a dtype or one of 'bool', 'signed integer', 'unsigned integer', "
        "'integral', 'real floating', 'complex floating', 'numeric'; choose one of these.",
        lambda: cr.isdtype(cr.float32, "float"),
    )


@pytest.mark.parametrize("name", FLOATING + COMPLEX)
def test_the_range_of_floats(name):
    part = {"complex64": "float32", "complex128": "float64"}.get(name, name)
    expected = np.finfo(part)
    for given in (getattr(cr, name), cr.ones((), dtype=name), cr.ones(3, dtype=name)):
        info = cr.finfo(given)
        for key in ("eps", "max", "min", "smallest_normal"):
            assert type(getattr(info, key)) is float
            assert getattr(info, key) == float(getattr(expected, key))
        assert (type(info.bits), info.bits, info.dtype) == (int, expected.bits, part)


@pytest.mark.parametrize("name", INTEGER)
def test_the_range_of_integers(name):
    expected = np.iinfo(name)
    for given in (getattr(cr, name), cr.ones(3, dtype=name)):
        info = cr.iinfo(given)
        assert (info.bits, info.max, info.min, info.dtype) == (expected.bits, expected.max, expected.min, name)
        assert {type(info.bits), type(info.max), type(info.min)} == {int}


def test_ranges_of_what_has_none():
    assert_message(
        DTypeError,
        "[finfo] dtype int8 is not floating-point; expected float or complex; use iinfo.",
        lambda: cr.finfo(cr.int8),
    )
    assert_message(
        DTypeError,
        "[iinfo] dtype float32 is not an integer dtype; expected one; use finfo for floats.",
        lambda: cr.iinfo(cr.ones(2, dtype="float32")),
    )


def test_types_of_results():
    assert cr.result_type(cr.float32, 1.5, 2) == "float32"
    assert cr.result_type(cr.ones(2, dtype="int8"), cr.uint8, True) == "int16"
    assert cr.can_cast(cr.ones(2, dtype="float32"), cr.float64) is True
    assert cr.can_cast(cr.int64, cr.int32) is False
    assert_message(
        DTypeError,
        "[result_type] no argument was given; expected arrays, dtypes or numbers; give at least one.",
        lambda: cr.result_type(),
    )


def test_shapes_of_results():
    assert cr.broadcast_shapes((2, 1), (3,), ()) == (2, 3)
    with pytest.raises(ShapeError, match=r"\[broadcast_shapes\] shapes \(2,\) and \(3,\) do not broadcast"):
        cr.broadcast_shapes((2,), (3,))


def test_info():
    info = cr.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    assert cr.zeros((1,) * 64).ndim == 64
    assert (info.default_device(), info.devices()) == ("cpu", ["cpu"])
    assert info.default_dtypes(device="cpu") == {
        "real floating": cr.asarray(1.0).dtype,
        "complex floating": cr.asarray(1j).dtype,
        "integral": cr.asarray(1).dtype,
        "indexing": cr.argmax(cr.ones(2)).dtype,
    }
    assert list(info.dtypes()) == [name for name in ("bool", *SIGNED, *UNSIGNED, *FLOATING, *COMPLEX)]
    for kind, members in KINDS.items():
        assert info.dtypes(kind=kind) == {name: np.dtype(name) for name in members}
    assert list(info.dtypes(kind=("bool", "real floating"), device="cpu")) == ["bool", "float32", "float64"]


def test_devices():
    x = cr.ones(2)
    assert x.device == cr.zeros(3).device == "cpu"
    assert x.to_device(x.device) is x
    told = "expected 'cpu', the only one; leave device out."
    assert_message(DomainError, f"[to_device] device 'gpu' is unknown; {told}", lambda: x.to_device("gpu"))
    assert_message(DomainError, f"[zeros] device 'gpu' is unknown; {told}", lambda: cr.zeros(2, device="gpu"))
    assert_message(DomainError, f"[astype] device 1 is unknown; {told}", lambda: cr.astype(x, cr.int8, device=1))
    assert_message(
        DomainError,
        "[to_device] stream 1 was given, but the device 'cpu' has none; expected no stream; leave it out.",
        lambda: x.to_device("cpu", stream=1),
    )
    with pytest.raises(DomainError):
        cr.__array_namespace_info__().default_dtypes(device="gpu")


def test_the_namespace_of_an_array():
    assert cr.ones(2).__array_namespace__() is cr
    assert cr.ones(2).__array_namespace__(api_version=cr.__array_api_version__) is cr
    assert_message(
        DomainError,
        "[__array_namespace__] version '2020.01' of the array API standard is unknown; expected one of 2021.12, "
        "2022.12, 2023.12, 2024.12; leave it out.",
        lambda: cr.ones(2).__array_namespace__(api_version="2020.01"),
    )

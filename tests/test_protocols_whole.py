"""Every public function of NumPy, and every ufunc of SciPy, on Tensors with a gradient: none loses it unseen."""

import itertools
import warnings
from collections import Counter

import numpy as np
import pytest
from numpy_calls import CALLS
from scipy import special

import chainrule as cr
from chainrule.protocols.functions import OBSERVING
from chainrule.protocols.ufuncs import UFUNCS
from chainrule.tree import flatten

# Functions that take no arrays of numbers, or are about this process and its files.
ABOUT_OTHER_THINGS = {
    "busday_count", "busday_offset", "datetime_as_string", "datetime_data", "fromfile", "frombuffer", "fromregex",
    "fromstring", "get_include", "get_printoptions", "getbufsize", "geterr", "geterrcall", "genfromtxt", "info",
    "is_busday", "isnat",
    "load", "loadtxt", "nested_iters", "printoptions", "set_printoptions", "setbufsize", "seterr", "seterrcall",
    "show_config", "show_runtime", "test", "empty", "empty_like",
}  # fmt: skip
NAMESPACES = {"": np, "linalg.": np.linalg, "fft.": np.fft}
FUNCTIONS_OF_NUMPY = {
    prefix + name: getattr(space, name)
    for prefix, space in NAMESPACES.items()
    for name in dir(space)
    if not name.startswith("_")
    and callable(getattr(space, name))
    and not isinstance(getattr(space, name), (type, np.ufunc))
    and name not in ABOUT_OTHER_THINGS
}
UFUNCS_OF_BOTH = {
    f"{space.__name__}.{name}": getattr(space, name)
    for space in (np, special)
    for name in dir(space)
    if isinstance(getattr(space, name), np.ufunc)
}
VECTOR = np.array([0.3, 0.9, 0.6])
MATRIX = np.array([[0.9, 0.2, 0.1], [0.2, 0.8, 0.3], [0.1, 0.3, 0.7]])


INDEX = np.array([0, 1])
# Calls that many functions take: with x alone, before, between and behind other things.
SHAPES = [
    lambda x, _: (x,), lambda x, _: (x, x), lambda x, _: (x, 1), lambda x, _: (x, 0), lambda x, _: (x, 1, 0),
    lambda x, _: (x, INDEX), lambda x, _: (x, x > 0), lambda x, _: ([x, x],), lambda x, _: (x, 2.0, x),
    lambda x, _: (x, x, x), lambda x, _: (1, x), lambda x, _: (0, x), lambda x, _: (2, x), lambda x, _: (x > 0, x),
    lambda x, _: (INDEX, x), lambda x, _: ([x > 0], [x]), lambda x, _: (x, (1, 3)), lambda x, _: (x, (0, 1), 2),
    lambda x, _: (np.sum, 0, x), lambda x, _: (np.sum, x, 0), lambda x, _: (np.sum, x, [0]),
    lambda x, _: (x, [x > 0], [x]), lambda x, _: (x, INDEX, x[:2]), lambda x, _: (x, INDEX[None] * 0, 0),
    lambda x, _: ("ij->", x), lambda x, _: ("i->", x), lambda x, _: ([x[0], x[0]],), lambda x, v: (v, x),
    lambda x, v: (v, v > 0, x), lambda x, v: (v, INDEX, x), lambda x, v: (v, v, x), lambda x, _: (3, x),
    lambda x, _: (1.0, 2.0, x), lambda x, v: (v[0], v, x), lambda x, _: (x, 1, 1), lambda x, v: (v, 1, x),
    lambda x, _: (lambda i: x * i, (3,)), lambda x, v: (v, 3, None, None, x), lambda x, v: (v, 3, None, x),
    lambda x, v: (v, v, 1, None, False, x), lambda x, v: (x[0, 0], x[0, 1]), lambda x, v: (x, x[0], x[1]),
    lambda x, v: (x, v.astype(int), 0), lambda x, v: ([0, 1, 0], x),
]  # fmt: skip
VALUES = (MATRIX, VECTOR, np.array(0.5), MATRIX[:2], np.stack([MATRIX, MATRIX]))


def call(function, arguments):
    """What the function makes of arguments, as a flat list; None where it does not take them."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            result = function(*arguments)
            return flatten(list(result) if isinstance(result, (tuple, list)) else result)[0]
    except cr.ChainruleError as refusal:
        return refusal
    except Exception:  # NumPy does not take these arguments
        return None


def outcomes(function):
    """ "recorded", "whole" (no floating results), "constant" (results that x does not move), or "refused", a call."""
    for value, arguments in itertools.product(VALUES, SHAPES):
        shifted = value + 1e-3 * np.cos(np.arange(value.size)).reshape(value.shape)
        try:
            given = arguments(cr.tensor(value, requires_grad=True), value.copy())
            plain, moved = (arguments(x.copy(), value.copy()) for x in (value, shifted))
        except (IndexError, TypeError, cr.ChainruleError):
            continue  # x has no such elements
        results = call(function, given)
        if isinstance(results, Exception):
            yield "refused"
        if results is None or isinstance(results, Exception):
            continue
        floating = [i for i, y in enumerate(results) if np.asarray(getattr(y, "_value", y)).dtype.kind in "fc"]
        free = [i for i in floating if not (isinstance(results[i], cr.Tensor) and results[i].requires_grad)]
        yield "constant" if free else "recorded" if floating else "whole"
        if free:
            here, there = call(function, plain), call(function, moved)
            if not (isinstance(here, list) and isinstance(there, list)):  # an array is no dtype, a Tensor has one
                here, there = (call(function, arguments(cr.tensor(x), value.copy())) for x in (value, shifted))
            for i in free:
                np.testing.assert_array_equal(here[i], there[i], f"the gradient of {given} is lost")


# np.fromiter asks every element for float(), which is how one leaves the graph in so many words.
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS_OF_NUMPY) - {"fromiter"}))
def test_no_numpy_function_loses_a_gradient(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    kinds = Counter(outcomes(FUNCTIONS_OF_NUMPY[name]))
    if name in CALLS and name not in OBSERVING:
        assert kinds["recorded"] + kinds["whole"] + kinds["constant"], "it has a counterpart, and took nothing"


@pytest.mark.parametrize("name", sorted(UFUNCS_OF_BOTH))
def test_no_ufunc_loses_a_gradient(name):
    kinds = Counter(outcomes(UFUNCS_OF_BOTH[name]))
    assert kinds
    assert UFUNCS_OF_BOTH[name] in UFUNCS or set(kinds) == {"refused"}

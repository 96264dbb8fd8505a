"""Plain NumPy calls on Tensors: the same values as on arrays, recorded; and nothing loses a gradient unseen."""

import inspect

import numpy as np
import pytest
from numpy_calls import CALLS, VECTOR, X, Y

import chainrule as cr
from chainrule.errors import DTypeError, GradientError, SymbolError
from chainrule.op import COMPOSITES, REGISTRY, Op
from chainrule.protocols.arguments import IMMATERIAL, RENAMED, signature_of
from chainrule.protocols.functions import FUNCTIONS, OBSERVING, OWN, SPELLINGS
from chainrule.protocols.ufuncs import UFUNCS
from chainrule.testing import numeric_derivative
from chainrule.tree import flatten


def name_of(function):
    return f"{function.__module__}.{function.__name__}".removeprefix("numpy.")


def leaf(x):
    return cr.tensor(x, requires_grad=np.asarray(x).dtype.kind in "fc")


def assert_equal(ours, theirs):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_equal(one, other)
        return
    assert isinstance(ours, cr.Tensor)
    assert (ours.shape, ours.dtype) == (np.shape(theirs), np.asarray(theirs).dtype)
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=3e-6 if ours.dtype == "float32" else 1e-13)


# ---------------------------------------------------------------------------------------------------- ufuncs

# SciPy's expn takes orders that are whole numbers, and its wofz no float32: see test_special.
PLAIN_UFUNCS = sorted(
    (u for u in UFUNCS if u.signature is None and u.__name__ not in ("expn", "wofz")), key=lambda u: u.__name__
)


def defined(ufunc, *arrays):
    try:
        with np.errstate(all="ignore"):
            return ufunc(*arrays)
    except TypeError:
        return None


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("ufunc", PLAIN_UFUNCS, ids=lambda u: u.__name__)
def test_a_ufunc_on_tensors_is_the_ufunc_on_arrays(ufunc, dtype):
    shift = 1 if ufunc.__name__ == "arccosh" else 0
    arrays = [(X + shift) if dtype[0] == "f" else np.array([[1, 1, 1], [3, 2, 1]]), Y[:1] if dtype[0] == "f" else [[1]]]
    arrays = [np.asarray(a).astype(dtype) for a in arrays[: ufunc.nin]]
    theirs = defined(ufunc, *arrays)
    if theirs is None:
        with pytest.raises(TypeError):
            ufunc(*map(leaf, arrays))
        return
    if ufunc is np.reciprocal and dtype[0] != "f":
        assert ufunc(leaf(arrays[0])).tolist() == theirs.tolist()  # NumPy's cuts off the fraction, ours does not
        return
    with np.errstate(all="ignore"):
        assert_equal(ufunc(*map(leaf, arrays)), theirs)
        if ufunc.nin == 2:
            assert_equal(ufunc(arrays[0], leaf(arrays[1])), theirs)
            assert_equal(ufunc(leaf(arrays[0]), arrays[1]), theirs)


def test_gradients_flow_through_numpy_calls():
    x = leaf(X)
    y = np.sum(np.sin(x) * np.exp(Y) + np.float64(2) * x @ np.ones(3)[:, None])
    expected = np.cos(X) * np.exp(Y) + 2 * 3
    np.testing.assert_allclose(cr.gradients(y, x).numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.ones(3) + x, lambda x: np.ones(3) - x, lambda x: np.ones((2, 1)) * x, lambda x: np.ones(3) / x,
        lambda x: np.float64(2) + x, lambda x: np.float32(2) - x, lambda x: np.float64(2) * x,
        lambda x: x / np.float64(2), lambda x: np.int64(2) ** x, lambda x: x ** np.int64(2), lambda x: np.ones(2) @ x,
        lambda x: x @ np.ones(3),
        lambda x: np.ones(3) // x, lambda x: np.ones(3) % x, lambda x: divmod(np.ones(3), x), lambda x: divmod(x, 0.7),
        lambda x: divmod(0.7, x), lambda x: np.ones(3) < x, lambda x: np.float64(0.5) == x, lambda x: x != X,
        lambda x: X[0].clip(0.1, x), lambda x: np.matmul(x, np.ones(3)), lambda x: [1.0, 2.0] * x[:, :2],
        lambda x: x[:, :2] - [[1.0], [2.0]],
        lambda x: np.array(2.0) - x, lambda x: X[::-1, ::-1] - x, lambda x: np.asfortranarray(X) - x,
    ],
)  # fmt: skip
def test_operators_between_arrays_and_tensors(call):
    assert_equal(call(leaf(X)), call(X))


def test_ufunc_methods_that_have_a_counterpart():
    x, y = leaf(X), leaf(Y)
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logaddexp):
        assert_equal(ufunc.reduce(x), ufunc.reduce(X))
        assert_equal(ufunc.reduce(x, axis=1, keepdims=True), ufunc.reduce(X, axis=1, keepdims=True))
        assert_equal(ufunc.reduce(x, 1), ufunc.reduce(X, 1))
        assert_equal(ufunc.reduce(x, axis=None), ufunc.reduce(X, axis=None))
        assert_equal(ufunc.outer(x, y), ufunc.outer(X, Y))
        assert_equal(ufunc.outer(X, y), ufunc.outer(X, Y))
    for ufunc in (np.add, np.multiply):
        assert_equal(ufunc.accumulate(x, axis=1), ufunc.accumulate(X, axis=1))
        assert_equal(ufunc.accumulate(x), ufunc.accumulate(X))
    assert_equal(np.logical_and.reduce(cr.tensor(X > 0.3)), np.logical_and.reduce(X > 0.3))
    assert_equal(np.logical_or.reduce(cr.tensor(X > 0.3), axis=1), np.logical_or.reduce(X > 0.3, axis=1))


def test_ufunc_methods_fold_what_has_no_reduction():
    x, y = leaf(X), leaf(X * 2)
    for ufunc in (np.subtract, np.divide, np.power, np.hypot, np.arctan2, np.fmax):
        assert_equal(ufunc.reduce(x), ufunc.reduce(X) if ufunc.identity is not None else ufunc.reduce(X, axis=0))
        assert_equal(ufunc.accumulate(x, 1), ufunc.accumulate(X, 1))
        assert_equal(ufunc.reduceat(y, [0, 2, 1], 1), ufunc.reduceat(X * 2, [0, 2, 1], 1))
    assert_equal(np.add.reduceat(x, [0, 1], axis=1), np.add.reduceat(X, [0, 1], axis=1))
    assert_equal(np.subtract.reduce(x, 1, keepdims=True), np.subtract.reduce(X, 1, keepdims=True))
    assert_equal(np.add.reduce(x, 0, initial=2.0), np.add.reduce(X, 0, initial=2.0))
    assert_equal(np.multiply.reduce(x, 1, where=X > 0.5), np.multiply.reduce(X, 1, where=X > 0.5))
    assert_equal(np.maximum.reduce(x, 1, initial=0.7), np.maximum.reduce(X, 1, initial=0.7))
    assert_equal(np.add.reduce(x, dtype=np.float32), np.add.reduce(X, dtype=np.float32))
    g = cr.gradients(np.subtract.reduce(x, 1).sum(), x)
    assert g.tolist() == [[1, -1, -1]] * 2


def test_ufuncs_compute_in_the_dtype_that_is_told():
    x = leaf(X)
    assert_equal(np.sin(x, dtype="float32"), np.sin(X, dtype="float32"))
    assert_equal(np.add(x, 1, dtype=np.complex128), np.add(X, 1, dtype=np.complex128))
    assert_equal(np.add(leaf(X.astype("float32")), 1, casting="safe"), np.add(X.astype("float32"), 1, casting="safe"))
    assert message(DTypeError, lambda: np.add(x, 1, dtype="int64")) == (
        "[numpy.add] Cannot cast ufunc 'add' input 0 from dtype('float64') to dtype('int64') with casting rule "
        "'same_kind'; expected a dtype that the operands can be cast to; convert the operands first, x.astype(...)."
    )


# --------------------------------------------------------------------------------------------------- functions

ABOUT_SHAPES = {"shape", "ndim", "size", "result_type", "common_type", "iscomplexobj", "isrealobj"}
NAMES = sorted(map(name_of, FUNCTIONS))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ABOUT_SHAPES and n not in OBSERVING])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_a_numpy_function_on_tensors_is_the_function_on_arrays(name, dtype):
    for call in CALLS[name]:
        assert_equal(call(leaf(X.astype(dtype))), call(X.astype(dtype)))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ABOUT_SHAPES and n not in OBSERVING])
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_the_gradient_of_a_numpy_function_is_that_of_its_values(name):
    tangent = np.cos(np.arange(6.0)).reshape(X.shape)
    for call in CALLS[name]:
        outs, pull = cr.vjp(lambda x, call=call: flatten(call(x))[0], X)
        for i, y in enumerate(outs):
            if y.dtype.kind not in "fc" or np.finfo(y.dtype).bits < 64:
                continue
            cotangents = [np.zeros(z.shape, z.dtype) for z in outs]
            cotangents[i] = np.sin(1.0 + np.arange(y.size)).reshape(y.shape).astype(y.dtype)
            cotangents[i] = cotangents[i] * (1 - 0.3j) if y.dtype.kind == "c" else cotangents[i]
            moved = numeric_derivative(lambda h, i=i, call=call: flatten(call(X + h * tangent))[0][i], step=2.0**-8)
            found = np.vdot(pull(cotangents)[0].numpy(), tangent)
            np.testing.assert_allclose(found, np.vdot(cotangents[i], moved).real, rtol=1e-7, atol=1e-9)


def test_shapes_and_dtypes_are_told_of_any_tensor():
    for x in (leaf(X), cr.symbol("x", (2, 3))):
        assert (np.shape(x), np.ndim(x), np.size(x), np.size(x, 0)) == ((2, 3), 2, 6, 2)
        assert np.result_type(x, np.complex64) == np.complex128
        assert np.isrealobj(x)
        assert not np.iscomplexobj(x)


def defaults_of(record):
    if isinstance(record, Op):
        return record.defaults
    parameters = list(inspect.signature(record.body).parameters.values())[1:]
    return {p.name: p.default for p in parameters if p.default is not p.empty}


# Defaults that are spelled otherwise in NumPy and mean the same.
SAME = {("norm", None): "backward", ("stable", None): True}


def test_parameters_that_are_left_out_mean_the_same_here_and_in_numpy():
    records = {**REGISTRY, **COMPOSITES}
    spellings = {name: record for record in records.values() for name in record.numpy or (record.name,)}
    spellings |= {name: records[ours] for name, ours in SPELLINGS.items() if ours in records}
    differing = {}
    for function in FUNCTIONS:
        name = name_of(function)
        record = spellings.get(name) or spellings.get(name.removeprefix("linalg."))
        if name in OWN or record is None:
            continue
        ours = defaults_of(record)
        for parameter in signature_of(function).parameters.values():
            key = RENAMED.get(parameter.name, parameter.name)
            theirs = parameter.default
            theirs = SAME.get((key, theirs), theirs)
            implied = theirs not in (np._NoValue, parameter.empty) and key not in IMMATERIAL
            if key in ours and implied and ours[key] != theirs:
                differing[name, key] = ours[key], theirs
    assert differing == {}


def test_symbols_pass_through_numpy_functions():
    x = cr.symbol("x", (2, 3))
    y = np.sum(np.sin(x) * Y, axis=0) + np.where(x > 0.5, x, 0)[0]
    assert_equal(y.eval(x=X), np.sum(np.sin(X) * Y, axis=0) + np.where(X > 0.5, X, 0)[0])
    assert_equal(np.sort(x).eval(x=X), np.sort(X))
    with pytest.raises(SymbolError):
        np.unique(x)


def test_comparisons_see_the_values():
    x = leaf(X)
    assert np.array_equal(x, X)
    assert np.allclose(x, X + 1e-12)
    assert np.isclose(x, X).all()
    assert not np.array_equal(x, Y)
    assert np.argsort(x, axis=None).tolist() == np.argsort(X, axis=None).tolist()
    assert [i.tolist() for i in np.where(x > 0.5)] == [i.tolist() for i in np.where(X > 0.5)]
    assert np.array2string(x) == np.array2string(X)


WAITING = {
    "argsort": lambda x: np.argsort(x, axis=1),
    "argsort of a kind": lambda x: np.argsort(x, kind="stable"),
    "argpartition": lambda x: np.take_along_axis(x, np.argpartition(x, 1, axis=1), axis=1)[:, :2],
    "searchsorted": lambda x: np.searchsorted(np.array([-0.5, 0.5]), x, side="right"),
    "digitize": lambda x: np.digitize(x, np.array([-0.5, 0.5])),
    "isin": lambda x: np.isin(np.round(x), [1.0, -1.0]),
    "isclose": lambda x: np.isclose(x, 0.5, atol=0.5),
    "allclose": lambda x: np.allclose(x, 0.5, atol=0.5),
    "array_equal": lambda x: np.array_equal(x, x + 0),
    "nanargmax": lambda x: np.nanargmax(x, axis=0),
    "nanargmin": lambda x: np.nanargmin(x, axis=0),
    "triu_indices_from": lambda x: x[np.triu_indices_from(x, k=1)],
    "tril_indices_from": lambda x: x[np.tril_indices_from(x)],
    "diag_indices_from": lambda x: (x[:, :2])[np.diag_indices_from(x[:, :2])],
}


@pytest.mark.parametrize("name", WAITING)
def test_what_looks_at_values_waits_for_them(name):
    f = WAITING[name]
    assert_equal(cr.jit(f)(cr.tensor(X)), f(X))
    assert_equal(f(cr.symbol("x", X.shape)).eval(x=X), f(X))
    samples = np.stack([X, X[::-1] * 2, X - 1])
    assert_equal(cr.vmap(f)(cr.tensor(samples)), np.stack([f(x) for x in samples]))


# ------------------------------------------------------------------------------- what would lose a gradient refuses


def message(error, call):
    """The message without the user's line."""
    with pytest.raises(error) as caught:
        call()
    text, _, line = str(caught.value).rpartition("\n  at ")
    assert line.startswith(__file__)
    return text


def test_a_function_without_a_counterpart_names_itself_and_says_detach():
    x = leaf(VECTOR)
    assert message(DTypeError, lambda: np.trim_zeros(x)) == (
        "[numpy.trim_zeros] this function has no counterpart that is recorded, and the gradient of an operand "
        "(float64[3]) would be lost; expected operands without a gradient; call x.detach() first, or use functions of "
        "chainrule."
    )
    assert message(DTypeError, lambda: np.real_if_close(x)).startswith("[numpy.real_if_close] this function has no")
    assert message(DTypeError, lambda: np.spacing(x)).startswith("[numpy.spacing] this function has no counterpart")
    assert message(DTypeError, lambda: np.max(x, where=VECTOR > 0.5, initial=None)).startswith("[numpy.max] the ")
    assert message(DTypeError, lambda: np.add(x, 1, where=VECTOR > 0.5)) == (
        "[numpy.add] the argument where=, which leaves elements undefined, has no counterpart that is recorded, and "
        "the gradient of an operand (float64[3]) would be lost; expected operands without a gradient; call x.detach() "
        "first, or use functions of chainrule."
    )
    assert message(DTypeError, lambda: np.reshape(leaf(X), (3, 2), order="A")).startswith(
        "[numpy.reshape] the argument order='A' has no counterpart"
    )
    assert message(DTypeError, lambda: np.copyto(np.zeros(3), x)).startswith("[numpy.copyto] this function has no")


def test_without_a_gradient_at_stake_numpy_does_what_it_does_with_arrays():
    x = leaf(VECTOR).detach()
    assert np.interp(0.5, np.sort(x), x) == np.interp(0.5, np.sort(VECTOR), VECTOR)
    assert np.unique(x).tolist() == sorted(VECTOR)
    assert np.cbrt(x).tolist() == np.cbrt(VECTOR).tolist()
    assert np.sum(x, initial=1.0) == np.sum(VECTOR, initial=1.0)
    assert np.add(x, 1, where=VECTOR > 0.5, out=np.zeros(3)).tolist() == [0.0, 1.9, 1.6]
    out = np.zeros(3)
    np.copyto(out, x)
    assert out.tolist() == VECTOR.tolist()


def test_writing_into_an_array_refuses():
    x, array = leaf(VECTOR), np.ones(3)

    def in_place():
        nonlocal array
        array += x

    assert message(GradientError, in_place) == (
        "[numpy.add] the result would be written into an array, where the gradient of an operand (float64[3]) would be "
        "lost; expected no out=, and no array on the left of an in-place operator; write a = a + x instead of a += x, "
        "or call x.detach() first."
    )
    assert message(GradientError, lambda: np.multiply(x, 2, out=array)).startswith(
        "[numpy.multiply] the result would be"
    )
    assert message(GradientError, lambda: np.sum(x, out=array)).startswith("[numpy.sum] the result would be written")
    assert message(DTypeError, lambda: np.add.at(array, 0, x)).startswith("[numpy.add.at] this function has no")
    assert message(GradientError, lambda: array.__setitem__(slice(None), x)).startswith(
        "[asarray] this Tensor requires"
    )
    assert array.tolist() == [1.0, 1.0, 1.0]
    array += x.detach()
    assert array.tolist() == (VECTOR + 1).tolist()


def test_a_tensor_is_no_place_to_write_to():
    x = leaf(VECTOR).detach()
    for call in (lambda: np.add(VECTOR, 1, out=x), lambda: np.add(x, 1, out=x)):
        assert message(DTypeError, call) == (
            "[numpy.add] out= is a Tensor, whose array never changes under anyone's feet; expected no out=; "
            "take the result, y = numpy.add(...)."
        )


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "complex128"])
def test_assigning_to_an_element_of_an_array_refuses(dtype):
    array, x = np.zeros(2, dtype), leaf(1.0)
    # NumPy says "setting an array element with a sequence" in front of what a float element told it.
    with pytest.raises((GradientError, ValueError)) as caught:
        array[0] = x
    assert "call x.detach() first" in str(caught.value) + str(caught.value.__cause__)
    array[0] = x.detach()
    assert array[0] == 1
    values = {}
    values[0] = float(x)
    assert values == {0: 1.0}


DETACH = (
    "this Tensor requires a gradient, which would be lost in a plain array; expected a Tensor without one; "
    "call x.detach() first."
)


@pytest.mark.parametrize(
    "leave",
    [np.asarray, np.array, np.ascontiguousarray, lambda x: np.array([x, x]), lambda x: np.full(3, x[0]), np.from_dlpack,
     lambda x: x.numpy(), lambda x: np.ones(3).dot(x), lambda x: np.asarray(x, dtype=object),
     lambda x: np.ma.masked_array(VECTOR) + x, lambda x: np.testing.assert_allclose(x, VECTOR)],
)  # fmt: skip
def test_leaving_the_graph_refuses_and_says_detach(leave):
    for x in (leaf(VECTOR), leaf(VECTOR) * 2):
        with pytest.raises(GradientError) as caught:
            leave(x)
        assert caught.value.message.partition("] ")[2] == DETACH
    leave(leaf(VECTOR).detach())


def test_leaving_the_graph_refuses_under_no_grad_too():
    with cr.no_grad(), pytest.raises(GradientError):
        np.asarray(leaf(VECTOR))


def test_plain_arrays_of_detached_tensors_are_read_only_views():
    x = leaf(VECTOR).detach()
    for lent in (np.asarray(x), x.numpy(), np.from_dlpack(x)):
        assert np.shares_memory(lent, x.numpy())
        assert not lent.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            lent[0] = 7.0
    own = np.array(x)
    own[0] = 7.0
    assert x.tolist() == VECTOR.tolist()
    assert np.asarray(x, dtype="float32").dtype == np.float32
    with pytest.raises(DTypeError, match="copy=False was given"):
        np.asarray(x, dtype="float32", copy=False)
    assert np.asarray(cr.tensor(1.0)).shape == ()


def test_dlpack_lends_a_copy_to_those_who_cannot_know_it_is_read_only():
    x = cr.tensor(VECTOR)
    assert x.__dlpack_device__() == (1, 0)

    class Old:
        def __dlpack__(self, **_):
            return x.__dlpack__()

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    taken = np.from_dlpack(Old())
    assert taken.tolist() == VECTOR.tolist()
    assert not np.shares_memory(taken, x.numpy())


def test_a_tensor_has_no_buffer():
    with pytest.raises(TypeError, match="a bytes-like object is required"):
        memoryview(leaf(VECTOR))


def test_masked_and_object_arrays_refuse():
    x = leaf(VECTOR)
    masked = np.ma.masked_array(VECTOR, [True, False, False])
    assert message(DTypeError, lambda: x + masked) == (
        "[add] an operand is a masked array, and its mask would be lost; expected a plain array; use x.filled(value), "
        "or where(mask, a, b)."
    )
    things = np.array([object(), 1, 2])
    for call in (
        lambda: x + things,
        lambda: things + x,
        lambda: np.add(x, None),
        lambda: x * np.array(["a", "b", "c"]),
    ):
        assert "expected a Tensor, an array or a number" in message(DTypeError, call)


def test_a_stranger_with_ufuncs_of_its_own_is_asked_first():
    class Quantity:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return "quantity"

        def __array_function__(self, function, types, args, kwargs):
            return "quantity"

    assert np.add(leaf(VECTOR), Quantity()) == "quantity"
    assert np.concatenate([leaf(VECTOR), Quantity()]) == "quantity"

"""Plain NumPy calls on Tensors: the same values as on arrays, recorded; and nothing loses a gradient unseen."""

import inspect
from functools import partial

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DTypeError, GradientError, SymbolError
from chainrule.op import COMPOSITES, REGISTRY, Op
from chainrule.protocols import FUNCTIONS, IMMATERIAL, OBSERVING, OWN, RENAMED, SPELLINGS, UFUNCS, signature_of

X = np.array([[0.3, 0.9, 0.6], [0.8, 0.2, 0.5]])
Y = np.array([[0.4, 0.5, 0.1], [0.8, 0.7, 0.3]])
SQUARE = np.array([[0.3, 0.9, 0.6], [0.8, 0.2, 0.5], [0.1, 0.4, 0.7]])
VECTOR = np.array([0.3, 0.9, 0.6])


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

PLAIN_UFUNCS = sorted((u for u in UFUNCS if u.signature is None), key=lambda u: u.__name__)


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


# --------------------------------------------------------------------------------------------------- functions

CALLS = {
    "all": [lambda x: np.all(x > 0.3, axis=0)],
    "any": [lambda x: np.any(x > 0.8, axis=1, keepdims=True)],
    "amax": [lambda x: np.amax(x, 0)],
    "amin": [lambda x: np.amin(x, axis=1)],
    "argmax": [lambda x: np.argmax(x), lambda x: np.argmax(x, axis=1)],
    "argmin": [lambda x: np.argmin(x, 0)],
    "around": [lambda x: np.around(x)],
    "astype": [lambda x: np.astype(x, np.float32)],
    "atleast_1d": [lambda x: np.atleast_1d(x[0, 0])],
    "atleast_2d": [lambda x: np.atleast_2d(x[0])],
    **{
        f"fft.{name}": [getattr(np.fft, name), partial(getattr(np.fft, name), norm="ortho")]
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn")
    },
    **{
        f"fft.{name}": [getattr(np.fft, name), partial(getattr(np.fft, name), axes=(1, 0))]
        for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftshift", "ifftshift")
    },
    "broadcast_arrays": [lambda x: np.broadcast_arrays(x, x[0])],
    "broadcast_to": [lambda x: np.broadcast_to(x, (4, 2, 3))],
    "clip": [lambda x: np.clip(x, 0.3, 0.7), lambda x: np.clip(x, a_min=0.4, a_max=None),
             lambda x: np.clip(x, max=0.4)],
    "concatenate": [lambda x: np.concatenate([x, Y]), lambda x: np.concatenate((x, x), axis=1),
                    lambda x: np.concatenate([x, x], None)],
    "copy": [lambda x: np.copy(x), lambda x: np.copy(x > 0.5)],
    "count_nonzero": [lambda x: np.count_nonzero(x > 0.5, axis=0)],
    "cumprod": [lambda x: np.cumprod(x, axis=0)],
    "cumsum": [lambda x: np.cumsum(x), lambda x: np.cumsum(x, 1)],
    "cumulative_prod": [lambda x: np.cumulative_prod(x, axis=0)],
    "cumulative_sum": [lambda x: np.cumulative_sum(x, axis=1)],
    "diag": [lambda x: np.diag(x[0]), lambda x: np.diag(x, 1)],
    "diagonal": [lambda x: np.diagonal(x), lambda x: np.diagonal(x, 1), lambda x: np.diagonal(x[None], 0, 1, 2)],
    "dot": [lambda x: np.dot(x, SQUARE), lambda x: np.dot(x[0], VECTOR)],
    "dstack": [lambda x: np.dstack([x, x])],
    "einsum": [lambda x: np.einsum("ij,jk->ik", x, SQUARE), lambda x: np.einsum("ij->", x, optimize=True)],
    "empty_like": [lambda x: np.multiply(np.empty_like(x), 0)],
    "expand_dims": [lambda x: np.expand_dims(x, 1), lambda x: np.expand_dims(x, axis=(0, 2))],
    "fix": [lambda x: np.fix(x * 3)],
    "flip": [lambda x: np.flip(x), lambda x: np.flip(x, axis=1)],
    "full_like": [lambda x: np.full_like(x, 7), lambda x: np.full_like(x, x[0, 0]),
                  lambda x: np.full_like(x, 2, shape=4), lambda x: np.full_like(x, fill_value=2.7, dtype=np.int64)],
    "hstack": [lambda x: np.hstack([x, x])],
    "imag": [lambda x: np.imag(x * (1 + 2j))],
    "inner": [lambda x: np.inner(x, Y)],
    "kron": [lambda x: np.kron(x, Y)],
    "linalg.cholesky": [lambda x: np.linalg.cholesky(x @ x.T), lambda x: np.linalg.cholesky(x @ x.T, upper=True)],
    "linalg.cond": [lambda x: np.linalg.cond(x), lambda x: np.linalg.cond(x[:, :2], 1)],
    "linalg.cross": [lambda x: np.linalg.cross(x, Y), lambda x: np.linalg.cross(x.T, Y.T, axis=0)],
    "linalg.det": [lambda x: np.linalg.det(x[:, :2])],
    "linalg.diagonal": [lambda x: np.linalg.diagonal(x), lambda x: np.linalg.diagonal(x, offset=1)],
    "linalg.inv": [lambda x: np.linalg.inv(x[:, :2])],
    "linalg.lstsq": [lambda x: np.linalg.lstsq(x.T, VECTOR, rcond=None)[0]],
    "linalg.matmul": [lambda x: np.linalg.matmul(x, SQUARE)],
    "linalg.matrix_norm": [lambda x: np.linalg.matrix_norm(x), lambda x: np.linalg.matrix_norm(x, ord=1)],
    "linalg.matrix_power": [lambda x: np.linalg.matrix_power(x[:, :2], 3),
                            lambda x: np.linalg.matrix_power(x[:, :2], -2)],
    "linalg.matrix_rank": [lambda x: np.linalg.matrix_rank(x), lambda x: np.linalg.matrix_rank(x, rtol=0.5)],
    "linalg.matrix_transpose": [lambda x: np.linalg.matrix_transpose(x)],
    "linalg.norm": [lambda x: np.linalg.norm(x), lambda x: np.linalg.norm(x[0], 1), lambda x: np.linalg.norm(x, axis=1),
                    lambda x: np.linalg.norm(x, ord=3, axis=0, keepdims=True)],
    "linalg.multi_dot": [lambda x: np.linalg.multi_dot([x, SQUARE, Y.T])],
    "linalg.outer": [lambda x: np.linalg.outer(x[0], x[1])],
    "linalg.pinv": [lambda x: np.linalg.pinv(x), lambda x: np.linalg.pinv(x, rtol=0.5)],
    "linalg.solve": [lambda x: np.linalg.solve(x[:, :2], Y), lambda x: np.linalg.solve(x[:, :2], x[:, 2])],
    "linalg.tensordot": [lambda x: np.linalg.tensordot(x, SQUARE, axes=1)],
    "linalg.tensorinv": [lambda x: np.linalg.tensorinv(x[:, None, :2], ind=1)],
    "linalg.tensorsolve": [lambda x: np.linalg.tensorsolve(x[:, :2], x[:, 2])],
    "linalg.trace": [lambda x: np.linalg.trace(x), lambda x: np.linalg.trace(x, offset=1)],
    "linalg.vecdot": [lambda x: np.linalg.vecdot(x, Y)],
    "linalg.vector_norm": [lambda x: np.linalg.vector_norm(x, axis=1)],
    "matrix_transpose": [lambda x: np.matrix_transpose(x)],
    "max": [lambda x: np.max(x), lambda x: np.max(x, axis=1, keepdims=True)],
    "mean": [lambda x: np.mean(x), lambda x: np.mean(x, 0), lambda x: np.mean(x, axis=(0, 1), keepdims=True)],
    "min": [lambda x: np.min(x, 1)],
    "meshgrid": [lambda x: np.meshgrid(x[0], x[:, 0]), lambda x: np.meshgrid(x[0], x[1], indexing="ij")],
    "moveaxis": [lambda x: np.moveaxis(x[None], 0, -1)],
    "outer": [lambda x: np.outer(x, Y)],
    "pad": [lambda x: np.pad(x, 1), lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=3.0)],
    "prod": [lambda x: np.prod(x), lambda x: np.prod(x, axis=1)],
    "ravel": [lambda x: np.ravel(x)],
    "real": [lambda x: np.real(x * (1 + 2j))],
    "repeat": [lambda x: np.repeat(x, 2), lambda x: np.repeat(x, 3, axis=1)],
    "reshape": [lambda x: np.reshape(x, (3, 2)), lambda x: np.reshape(x, -1), lambda x: np.reshape(x, shape=6)],
    "roll": [lambda x: np.roll(x, 1), lambda x: np.roll(x, 2, axis=1)],
    "round": [lambda x: np.round(x)],
    "split": [lambda x: np.split(x, 3, axis=1), lambda x: np.split(x, [1], 0)],
    "squeeze": [lambda x: np.squeeze(x[None]), lambda x: np.squeeze(x[None], axis=0)],
    "stack": [lambda x: np.stack([x, Y]), lambda x: np.stack([x, x], axis=-1)],
    "std": [lambda x: np.std(x), lambda x: np.std(x, axis=0, ddof=1)],
    "sum": [lambda x: np.sum(x), lambda x: np.sum(x, 0), lambda x: np.sum(a=x, axis=1, keepdims=True),
            lambda x: np.sum(x, dtype=np.float32)],
    "swapaxes": [lambda x: np.swapaxes(x, 0, 1)],
    "take": [lambda x: np.take(x, [0, 2], axis=1), lambda x: np.take(x, 4)],
    "tensordot": [lambda x: np.tensordot(x, SQUARE, 1), lambda x: np.tensordot(x, Y, axes=([0, 1], [0, 1]))],
    "tile": [lambda x: np.tile(x, 2), lambda x: np.tile(x, (2, 1, 2))],
    "trace": [lambda x: np.trace(x)],
    "transpose": [lambda x: np.transpose(x), lambda x: np.transpose(x, (1, 0)), lambda x: np.transpose(x, axes=[0, 1])],
    "tril": [lambda x: np.tril(x), lambda x: np.tril(x, k=-1)],
    "triu": [lambda x: np.triu(x, 1)],
    "unstack": [lambda x: np.unstack(x, axis=1)],
    "var": [lambda x: np.var(x), lambda x: np.var(x, 1, ddof=1), lambda x: np.var(x, axis=0, correction=1)],
    "vstack": [lambda x: np.vstack([x, x[0]])],
    "where": [lambda x: np.where(X > 0.5, x, Y), lambda x: np.where(x > 0.5, x, 0.0)],
    # Selection, order, and sampled functions.
    "average": [lambda x: np.average(x, axis=1, weights=Y)],
    "bincount": [lambda x: np.astype(np.bincount([0, 2, 0], x[0]), x.dtype)],
    "choose": [lambda x: np.choose([0, 1, 0], [x[0], x[1]])],
    "compress": [lambda x: np.compress([True, False], x, axis=0)],
    "convolve": [lambda x: np.convolve(x[0], x[1], "same")],
    "corrcoef": [lambda x: np.astype(np.corrcoef(x), x.dtype)],
    "correlate": [lambda x: np.correlate(x[0], x[1])],
    "cov": [lambda x: np.astype(np.cov(x, bias=True), x.dtype)],
    "diff": [lambda x: np.diff(x, n=1, axis=0)],
    "ediff1d": [lambda x: np.ediff1d(x)],
    "extract": [lambda x: np.extract(X > 0.5, x)],
    "fliplr": [lambda x: np.fliplr(x)],
    "flipud": [lambda x: np.flipud(x)],
    "gradient": [lambda x: np.gradient(x, 0.5, axis=1)],
    "histogram": [lambda x: np.histogram(X[0], 2, weights=x[0])[0]],
    "histogram_bin_edges": [lambda x: np.histogram_bin_edges(x, 3)],
    "interp": [lambda x: np.astype(np.interp([0.5], [0.0, 1.0], x[0, :2]), x.dtype)],
    "median": [lambda x: np.median(x, axis=1)],
    "nan_to_num": [lambda x: np.nan_to_num(x, nan=1.0)],
    "nancumprod": [lambda x: np.nancumprod(x, 1)],
    "nancumsum": [lambda x: np.nancumsum(x)],
    "nanmax": [lambda x: np.nanmax(x, 0)],
    "nanmean": [lambda x: np.nanmean(x, axis=1, keepdims=True)],
    "nanmedian": [lambda x: np.nanmedian(x, axis=0)],
    "nanmin": [lambda x: np.nanmin(x)],
    "nanpercentile": [lambda x: np.nanpercentile(x, 40.0)],
    "nanprod": [lambda x: np.nanprod(x, axis=1)],
    "nanquantile": [lambda x: np.nanquantile(x, 0.3, axis=1)],
    "nanstd": [lambda x: np.nanstd(x, ddof=1)],
    "nansum": [lambda x: np.nansum(x, 0)],
    "nanvar": [lambda x: np.nanvar(x, axis=1, ddof=1)],
    "partition": [lambda x: np.partition(x, 1)],
    "percentile": [lambda x: np.percentile(x, 40.0, axis=0, method="hazen")],
    "piecewise": [lambda x: np.piecewise(x, [X > 0.5], [lambda z: z * z, 1.0])],
    "polyadd": [lambda x: np.polyadd(x[0], x[1])],
    "polyder": [lambda x: np.astype(np.polyder(x[0]), x.dtype)],
    "polyint": [lambda x: np.astype(np.polyint(x[0]), x.dtype)],
    "polymul": [lambda x: np.polymul(x[0], x[1])],
    "polysub": [lambda x: np.polysub(x[0], x[1])],
    "polyval": [lambda x: np.polyval(x[0], x[1])],
    "ptp": [lambda x: np.ptp(x, axis=1)],
    "quantile": [lambda x: np.quantile(x, 0.3, axis=1, keepdims=True)],
    "roots": [lambda x: np.astype(np.roots(x[0]), np.result_type(x, np.complex64))],
    "rot90": [lambda x: np.rot90(x, 3)],
    "select": [lambda x: np.select([X > 0.5], [x], 0.0)],
    "sort": [lambda x: np.sort(x, axis=0)],
    "take_along_axis": [lambda x: np.take_along_axis(x, np.array([[0], [2]]), 1)],
    "trapezoid": [lambda x: np.trapezoid(x, dx=0.5)],
    "unique": [lambda x: np.unique(x, return_counts=True)],
    "unique_all": [lambda x: np.unique_all(x).indices],
    "unique_counts": [lambda x: np.unique_counts(x).counts],
    "unique_inverse": [lambda x: np.sort(np.unique_inverse(x).inverse_indices, axis=0)],
    "unique_values": [lambda x: np.sort(np.unique_values(x))],
    "unwrap": [lambda x: np.unwrap(x * 9, axis=1)],
    "vander": [lambda x: np.astype(np.vander(x[0]), x.dtype)],
    "zeros_like": [lambda x: np.zeros_like(x), lambda x: np.zeros_like(x, np.float32), lambda x: np.zeros_like(x, int)],
    "ones_like": [lambda x: np.ones_like(x), lambda x: np.ones_like(x, shape=(2, 2))],
}  # fmt: skip
ABOUT_SHAPES = {"shape", "ndim", "size", "result_type", "iscomplexobj", "isrealobj"}
NAMES = sorted(map(name_of, FUNCTIONS))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ABOUT_SHAPES and n not in OBSERVING])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_a_numpy_function_on_tensors_is_the_function_on_arrays(name, dtype):
    for call in CALLS[name]:
        assert_equal(call(leaf(X.astype(dtype))), call(X.astype(dtype)))


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
    assert message(DTypeError, lambda: np.delete(x, 0)) == (
        "[numpy.delete] this function has no counterpart that is recorded, and the gradient of an operand (float64[3]) "
        "would be lost; expected operands without a gradient; call x.detach() first, or use functions of chainrule."
    )
    assert message(DTypeError, lambda: np.resize(x, 2)).startswith("[numpy.resize] this function has no")
    assert message(DTypeError, lambda: np.spacing(x)).startswith("[numpy.spacing] this function has no counterpart")
    assert message(DTypeError, lambda: np.add.reduceat(x, [0])).startswith("[numpy.add.reduceat] this function has no")
    assert message(DTypeError, lambda: np.sum(x, initial=1.0)).startswith("[numpy.sum] the argument initial=1.0 has no")
    assert message(DTypeError, lambda: np.sum(x, where=VECTOR > 0.5)).startswith(
        "[numpy.sum] the argument where=array("
    )
    assert message(DTypeError, lambda: np.add(x, 1, where=VECTOR > 0.5)).startswith("[numpy.add] the argument where=")
    assert message(DTypeError, lambda: np.sin(x, dtype="f4")).startswith("[numpy.sin] the argument dtype='f4' has no")
    assert message(DTypeError, lambda: np.reshape(leaf(X), (3, 2), order="F")).startswith(
        "[numpy.reshape] the argument order='F' has no counterpart"
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
    assert message(DTypeError, lambda: np.sum(x, out=array)).startswith("[numpy.sum] the argument out=array(")
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

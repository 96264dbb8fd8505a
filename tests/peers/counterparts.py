"""What PyTorch and JAX call our ops, how they are called there, and what cannot be compared, each with the reason.

An op whose name they have too, where users of ours would look for it, is compared without an entry: with ``dim`` for
``axis`` in PyTorch. Entries of TORCH and JAX are for other names and other ways of calling.
"""

import functools
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from samples import RECORDS

from chainrule.ops import public_paths

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # what is compiled runs once
torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
for module in ("jax.nn", "jax.scipy.linalg", "jax.scipy.special"):
    importlib.import_module(module)

Function = Callable[..., Any]


@dataclass(frozen=True)
class Library:
    name: str
    modules: dict[str, Any]  # where its users find what ours find in cr, cr.linalg, …
    run: Callable[[Function, list[Any], Function, bool], tuple[list[Any], list[Any]]]  # values and gradients
    call: Function  # calls a namesake as ours is called
    table: dict[str, Function]
    calls: int | None  # how many samples are compared

    def namesake(self, name: str) -> Function | None:
        """What they have under a public name of ours."""
        for path in public_paths(RECORDS[name]):
            home, _, own = path.rpartition(".")
            for module in (self.modules.get(home), self.modules[""]):
                if callable(getattr(module, own, None)):
                    return getattr(module, own)
        return None

    def counterpart(self, name: str) -> Function | None:
        """The function to compare with."""
        if name in EXCLUDED[self.name]:
            return None
        if name in self.table:
            return self.table[name]
        found = self.namesake(name)
        return None if found is None else functools.partial(self.call, found, RECORDS[name].kind == "elementwise")


def plain(x: Any) -> Any:
    """An array of what is a list of numbers."""
    if isinstance(x, list) and all(isinstance(one, (int, float)) for one in x):
        return np.asarray(x, float if not x else None)
    return x


def axes_of(x: Any, axis: Any) -> Any:
    return tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def refuse() -> Any:
    """There is no such call."""
    raise NotImplementedError


# ------------------------------------------------------------------------------------------------ PyTorch


def run_torch(function: Function, point: list[Any], cotangents_of: Function, wanted: bool) -> Any:
    leaves = [torch.tensor(x, requires_grad=wanted and x.dtype.kind in "fc") for x in point]
    outputs = [torch.as_tensor(y) for y in function(*leaves)]
    values = [y.detach().resolve_conj().resolve_neg().numpy() for y in outputs]
    if not wanted:
        return values, []
    floating = [(y, v) for y, v in zip(outputs, values, strict=True) if v.dtype.kind in "fc"]
    cotangents = cotangents_of([v for _, v in floating])
    pairs = [(y, torch.tensor(c)) for (y, _), c in zip(floating, cotangents, strict=True) if y.requires_grad]
    moving = [x for x in leaves if x.requires_grad]
    found = torch.autograd.grad([y for y, _ in pairs], moving, [c for _, c in pairs], allow_unused=True)
    return values, [
        np.zeros(x.shape) if g is None else g.resolve_conj().resolve_neg().numpy()
        for g, x in zip(found, moving, strict=True)
    ]


def tensor(x: Any, like: Any = None) -> Any:
    if isinstance(x, torch.Tensor) or not isinstance(x, (int, float, np.generic, np.ndarray, list)):
        return x
    return torch.as_tensor(np.asarray(x), dtype=None if like is None else like.dtype)


def call_torch(function: Function, elementwise: bool, *args: Any, **params: Any) -> Any:
    names = {"axis": "dim", "axes": "dim", "keepdims": "keepdim"}
    args = tuple(map(tensor, args)) if elementwise else args
    return function(*args, **{names.get(key, key): plain(value) for key, value in params.items()})


def kept(y: Any, shape: Any, axes: Any, keepdims: bool) -> Any:
    if not keepdims:
        return y
    axes = {axis % len(shape) for axis in axes}
    return y.reshape([1 if i in axes else n for i, n in enumerate(shape)])


def over_axes(function: Function, **fixed: Any) -> Function:
    """A reduction of theirs that takes a tuple of axes, and none is all."""
    return lambda x, axis=None, keepdims=False, **params: function(
        x, dim=axes_of(x, axis), keepdim=keepdims, **fixed, **params
    )


def over_one(function: Function) -> Function:
    """A reduction of theirs that takes one axis."""

    def call(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        y = x
        for one in sorted((one % x.ndim for one in axes_of(x, axis)), reverse=True):
            y = function(y, dim=one)
        return kept(y, x.shape, axes_of(x, axis), keepdims)

    return call


def running(function: Function) -> Function:
    def call(x: Any, axis: Any = None, **params: Any) -> Any:
        y = function(x.flatten() if axis is None and x.ndim != 1 else x, dim=axis or 0, **params)
        return y[0] if isinstance(y, tuple) else y

    return call


def spread(function: Function) -> Function:
    return lambda x, axis=None, correction=0.0, keepdims=False: function(
        x, dim=axes_of(x, axis), correction=correction, keepdim=keepdims
    )


def quantiles(function: Function) -> Function:
    def call(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        if isinstance(axis, tuple):
            raise NotImplementedError
        return function(x, tensor(plain(q), x), dim=axis, interpolation=method, keepdim=keepdims)

    return call


def clip_torch(x: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        return x.clone()
    if isinstance(min, torch.Tensor) or isinstance(max, torch.Tensor):
        return torch.clip(x, *(None if bound is None else tensor(bound, x) for bound in (min, max)))
    return torch.clip(x, min, max)


def cov_torch(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, **weights: Any) -> Any:
    if y is not None:
        raise NotImplementedError
    weights = {k: torch.as_tensor(plain(v)) for k, v in weights.items()}
    return torch.cov(m if rowvar else m.T, correction=int(not bias) if ddof is None else ddof, **weights)


def gradient_torch(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    axes = axes_of(f, axis)
    spacing = spacing * len(axes) if len(spacing) == 1 else spacing or (1.0,) * len(axes)
    parts = [
        torch.gradient(
            f, spacing=(h.to(f.dtype),) if isinstance(h, torch.Tensor) else h, dim=one, edge_order=edge_order
        )[0]
        for h, one in zip(spacing, axes, strict=True)
    ]
    return parts[0] if len(parts) == 1 else parts


def solve_triangular_torch(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    a = [a, a.mT, a.mH][trans]
    vector = b.ndim == 1
    x = torch.linalg.solve_triangular(
        a, b[:, None] if vector else b, upper=lower == bool(trans), unitriangular=unit_diagonal
    )
    return x[..., 0] if vector else x


def searchsorted_torch(x1: Any, x2: Any, side: str = "left", sorter: Any = None) -> Any:
    return torch.searchsorted(tensor(plain(x1)), x2, side=side, sorter=None if sorter is None else tensor(sorter))


def diff_torch(x: Any, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    if any(isinstance(end, (int, float)) for end in (prepend, append)):
        raise NotImplementedError
    return torch.diff(x, n, axis, prepend, append)


def cumulative_trapezoid_torch(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    given = {"dx": dx} if x is None else {"x": x}
    out = torch.cumulative_trapezoid(y, dim=axis, **given)
    return out if initial is None else torch.cat([torch.full_like(y.narrow(axis, 0, 1), initial), out], axis)


def inverse_real(function: Function, default: Any = None) -> Function:
    def call(x: Any, s: Any = None, axes: Any = default, norm: Any = None) -> Any:
        if s is not None and -1 in s:
            raise NotImplementedError
        return function(x, s, axes, norm)

    return call


def polynomial(function: Function) -> Function:
    return lambda n, x: function(tensor(x), tensor(n))


def softened(function: Function) -> Function:
    return lambda x, axis=-1: function(x, dim=axis) if isinstance(axis, int) else _flat(function, x)


def _flat(function: Function, x: Any) -> Any:
    return function(x.flatten(), dim=0).reshape(x.shape)


TORCH: dict[str, Function] = {
    "bitwise_invert": torch.bitwise_not,
    "clip": clip_torch,
    "concat": lambda arrays, axis=0: torch.cat(
        [x.ravel() for x in arrays] if axis is None else list(arrays), axis or 0
    ),
    "cov": cov_torch,
    "corrcoef": lambda x, rowvar=True: torch.corrcoef(x if rowvar else x.T),
    "count_nonzero": lambda x, axis=None, keepdims=False: kept(
        torch.count_nonzero(x, dim=axes_of(x, axis)), x.shape, axes_of(x, axis), keepdims
    ),
    "cross": lambda x, y, axis=-1: torch.linalg.cross(*torch.broadcast_tensors(x, y), dim=axis),
    "cummax": running(torch.cummax),
    "cummin": running(torch.cummin),
    "cumprod": running(torch.cumprod),
    "cumsum": running(torch.cumsum),
    "cumulative_trapezoid": cumulative_trapezoid_torch,
    "diagonal": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2),
    "diff": diff_torch,
    "equal": lambda x, y: torch.eq(tensor(x), tensor(y)),
    "eval_chebyt": polynomial(torch.special.chebyshev_polynomial_t),
    "eval_chebyu": polynomial(torch.special.chebyshev_polynomial_u),
    "eval_hermite": polynomial(torch.special.hermite_polynomial_h),
    "eval_hermitenorm": polynomial(torch.special.hermite_polynomial_he),
    "eval_laguerre": polynomial(torch.special.laguerre_polynomial_l),
    "eval_legendre": polynomial(torch.special.legendre_polynomial_p),
    "expand_dims": lambda x, axis=0: torch.unsqueeze(x, axis) if isinstance(axis, int) else refuse(),
    "expm": torch.linalg.matrix_exp,
    "flip": lambda x, axis=None: torch.flip(x, axes_of(x, axis)),
    "gradient": gradient_torch,
    "imag": lambda x: x.imag if x.is_complex() else torch.zeros_like(x),
    "j0": torch.special.bessel_j0,
    "j1": torch.special.bessel_j1,
    "k0": torch.special.modified_bessel_k0,
    "k0e": torch.special.scaled_modified_bessel_k0,
    "k1": torch.special.modified_bessel_k1,
    "k1e": torch.special.scaled_modified_bessel_k1,
    "log_softmax": softened(torch.log_softmax),
    "irfft2": inverse_real(torch.fft.irfft2, (-2, -1)),
    "irfftn": inverse_real(torch.fft.irfftn),
    "heaviside": lambda x, y: torch.heaviside(tensor(x), tensor(y).to(tensor(x).dtype)),
    "hurwitz_zeta": torch.special.zeta,
    "logcumsumexp": lambda x, axis=-1: torch.logcumsumexp(x, axis),
    "logsumexp": over_axes(torch.logsumexp),
    "matrix_transpose": lambda x: x.mT,
    "max": over_axes(torch.amax),
    "mean": over_axes(torch.mean),
    "meshgrid": lambda *xs, indexing="xy": torch.meshgrid(*xs, indexing=indexing),
    "min": over_axes(torch.amin),
    "nonzero": lambda x: torch.nonzero(tensor(x), as_tuple=True),
    "norm": lambda x, ord=None, axis=None, keepdims=False: torch.linalg.norm(x, ord, axis, keepdims),
    "nanquantile": quantiles(torch.nanquantile),
    "permute_dims": torch.permute,
    "polygamma": lambda n, x: torch.polygamma(n, x),
    "prod": over_one(torch.prod),
    "quantile": quantiles(torch.quantile),
    "repeat": lambda x, repeats, axis=None: torch.repeat_interleave(x, tensor(repeats), dim=axis),
    "reshape_or_refuse": lambda x, shape, copy=None: torch.reshape(x, shape),
    "roll": lambda x, shift, axis=None: torch.roll(x, shift, axis),
    "rot90": lambda x, k=1, axes=(0, 1): torch.rot90(x, k, axes),
    "searchsorted": searchsorted_torch,
    "softmax": softened(torch.softmax),
    "solve_triangular": solve_triangular_torch,
    "sort": lambda x, axis=-1, descending=False, stable=True: torch.sort(x, dim=axis, descending=descending)[0],
    "special_log_softmax": lambda x, axis=None: softened(torch.special.log_softmax)(x, axis),
    "special_logsumexp": lambda a, axis=None, b=None, keepdims=False: (
        over_axes(torch.special.logsumexp)(a, axis, keepdims) if b is None else refuse()
    ),
    "special_softmax": lambda x, axis=None: softened(torch.special.softmax)(x, axis),
    "split": lambda x, where, axis=0: torch.tensor_split(x, where, dim=axis),
    "std": spread(torch.std),
    "sum": over_axes(torch.sum),
    "take_along_axis": lambda x, indices, axis=-1: torch.take_along_dim(x, indices, axis),
    "tensordot": lambda x, y, axes=2: torch.tensordot(x, y, dims=axes),
    "tile": lambda x, reps: torch.tile(x, reps if isinstance(reps, tuple) else (reps,)),
    "top_k": lambda x, k, axis=-1, largest=True: torch.topk(x, k, axis, largest),
    "transpose": lambda x, axes=None: torch.permute(x, tuple(reversed(range(x.ndim))) if axes is None else tuple(axes)),
    "tril": lambda x, k=0: torch.tril(x, k),
    "triu": lambda x, k=0: torch.triu(x, k),
    "tril_indices": lambda n, k=0, m=None: tuple(torch.tril_indices(n, m or n, k)),
    "triu_indices": lambda n, k=0, m=None: tuple(torch.triu_indices(n, m or n, k)),
    "unstack": lambda x, axis=0: torch.unbind(x, axis),
    "var": spread(torch.var),
    "where": lambda c, x, y: torch.where(tensor(c), tensor(x), tensor(y)),
    "y0": torch.special.bessel_y0,
    "y1": torch.special.bessel_y1,
}

# ---------------------------------------------------------------------------------------------------- JAX


def run_jax(function: Function, point: list[Any], cotangents_of: Function, wanted: bool) -> Any:
    places = [i for i, x in enumerate(point) if x.dtype.kind in "fc"]
    if not wanted:
        return [np.asarray(y) for y in function(*map(jnp.asarray, point))], []

    def of(*moving: Any) -> list[Any]:
        arrays = list(point)
        for i, x in zip(places, moving, strict=True):
            arrays[i] = x
        return [jnp.asarray(y) for y in function(*arrays)]

    moving = [jnp.asarray(point[i]) for i in places]

    def floating(outputs: list[Any]) -> list[Any]:
        return [y for y in outputs if np.dtype(y.dtype).kind in "fc"]

    def pulled(moving: Any, cotangents: Any) -> Any:
        _, pull = jax.vjp(lambda *x: floating(of(*x)), *moving)
        return of(*moving), pull([jnp.conj(c) for c in cotangents])  # JAX pulls back without conjugation

    try:
        shapes, run = jax.eval_shape(of, *moving), jax.jit(pulled)
    except jax.errors.JAXTypeError:  # shapes depend on values
        shapes, run = of(*moving), pulled
    cotangents = cotangents_of([np.empty(y.shape, y.dtype) for y in floating(shapes)])
    values, gradients = run(moving, cotangents)
    return list(map(np.asarray, values)), [np.conj(np.asarray(g)) for g in gradients]


def call_jax(function: Function, _elementwise: bool, *args: Any, **params: Any) -> Any:
    return function(*map(plain, args), **{key: plain(value) for key, value in params.items()})


def by_name(function: Function, *names: str) -> Function:
    """Parameters that we take by position, and they by name alone."""
    return lambda x, *args, **params: function(plain(x), **dict(zip(names, args, strict=False)), **params)


def spread_jax(function: Function) -> Function:
    return lambda x, axis=None, correction=0.0, keepdims=False: function(
        x, axis=axis, ddof=correction, keepdims=keepdims
    )


JAX: dict[str, Function] = {
    "cast": lambda x, dtype, copy=True: jnp.astype(x, dtype),
    "choose": lambda index, choices, mode="raise": jnp.choose(index, choices, mode=mode),
    "convolve": lambda a, v, mode="full": jnp.convolve(a, v, mode=mode),
    "cumulative_prod": by_name(jnp.cumulative_prod, "axis"),
    "cumulative_sum": by_name(jnp.cumulative_sum, "axis"),
    "erfcx": jax.scipy.special.erfcx,
    "expm": jax.scipy.linalg.expm,
    "gelu": lambda x, approximate="none": jax.nn.gelu(x, approximate=approximate == "tanh"),
    "gradient": lambda f, *spacing, axis=None, edge_order=1: (
        jnp.gradient(f, *spacing, axis=axis) if edge_order == 1 else refuse()
    ),
    "leaky_relu": lambda x, slope=0.01: jax.nn.leaky_relu(x, slope),
    "logsumexp": jax.scipy.special.logsumexp,
    "matrix_rank": lambda x, rtol=None: jnp.linalg.matrix_rank(x) if rtol is None else refuse(),
    "nanstd": spread_jax(jnp.nanstd),
    "nanvar": spread_jax(jnp.nanvar),
    "one_hot": lambda x, count=-1: jax.nn.one_hot(x, count) if count >= 0 else refuse(),
    "polyint": lambda p, m=1, k=None: jnp.polyint(p, m, k if k is None else np.asarray(k)),
    "put_along_axis": lambda x, indices, values, axis=-1: jnp.put_along_axis(x, indices, values, axis, inplace=False),
    "softplus": jax.nn.softplus,
    "special_log_softmax": by_name(jax.scipy.special.log_softmax, "axis"),
    "special_softmax": by_name(jax.scipy.special.softmax, "axis"),
    "split": lambda x, where, axis=0: jnp.split(x, where, axis),
    "standardize": lambda x, axis=None, eps=1e-5, center=True: (
        jax.nn.standardize(x, axis, epsilon=eps) if center else refuse()
    ),
    "hurwitz_zeta": jax.scipy.special.zeta,
    "betaln": jax.scipy.special.betaln,
    "take_along_axis": jnp.take_along_axis,
    "digamma": jax.scipy.special.digamma,
    "top_k": lambda x, k, axis=-1, largest=True: jax.lax.top_k(x, k) if largest and axis == -1 else refuse(),
    "relu6": jax.nn.relu6,
    "hardsigmoid": jax.nn.hard_sigmoid,
    "hardswish": jax.nn.hard_swish,
    "hardtanh": lambda x, low=-1.0, high=1.0: jax.nn.hard_tanh(x) if (low, high) == (-1, 1) else refuse(),
    "log_expit": jax.nn.log_sigmoid,
    "softsign": jax.nn.soft_sign,
    "solve_triangular": lambda a, b, trans=0, lower=False, unit_diagonal=False: jax.scipy.linalg.solve_triangular(
        a, b, trans, lower, unit_diagonal
    ),
}


# ------------------------------------------------------------------------------------- what is not compared

OURS = "compared in test_functional_peers.py and test_nn_peers.py"
# Reasons, and the ops that they hold for.
_EXCLUDED: dict[str, dict[str, str]] = {
    "torch": {
        OURS: "batch_norm convolution cross_entropy ctc_loss gelu gru gru_cell instance_norm layer_norm linear "
        "lp_pool1d lstm lstm_cell multi_margin_loss nll_loss nn_pad rms_norm",
        "compared in test_decomposition_peers.py": "eig eigh qr svd",
        "the same name is another function": "kl_div scatter_add select take",
        "the lower of the two in the middle, where ours is their mean": "median nanmedian",
        "other outputs, in another order": "lstsq unique histogram",
        "the function of two arguments alone, which hurwitz_zeta is compared with": "zeta",
        "of vectors or of one matrix alone, which matmul and diagonal are compared in": "dot linalg_trace",
    },
    "jax": {
        "elements beside the middle are in no order that is promised": "partition argpartition",
        "refuses to differentiate vectors, or has other phases; torch is compared": "eig qr svd",
        "wrong values: 1e65 at (0.7, 1.3, 2.1; −1.88)": "hyp2f1",
        "other padding: one pair an axis, where nn.functional counts from the last": "nn_pad",
        "no bins or edges without a count in the shape": "histogram histogram_bin_edges",
        "not implemented for one argument": "zeta",
        "singular values on another side of the cut": "lstsq",
    },
}
# Their values are compared, their derivatives not.
_VALUES_ONLY: dict[str, dict[str, str]] = {
    "torch": {
        "no derivative": "bincount floor_divide heaviside gammainc gammaincc hurwitz_zeta",
        "drops the gradient without a word": "eval_chebyt eval_chebyu eval_hermite eval_hermitenorm eval_laguerre "
        "eval_legendre j0 j1 k0 k0e k1 k1e y0 y1",
        "changes in place what its own derivative needs": "cond vander",
        "0 for negative exponents": "ldexp",
        "0 at singular matrices, where the cofactors are not": "det",
    },
    "jax": {
        "no derivative": "betainc nextafter",
        "NaN beside numbers": "spence",
    },
}
# Some samples have no call of theirs: other methods, ranks or kinds of operands, or empty axes.
_PARTLY: dict[str, str] = {
    "torch": "avg_pool3d diff gradient quantile nanquantile corrcoef cov polygamma expand_dims irfft2 irfftn "
    "special_logsumexp",
    "jax": "choose convolve expn fft2 fftn ifft2 ifftn irfft2 irfftn rfft2 rfftn gradient matrix_rank meshgrid "
    "nanpercentile nanquantile percentile quantile one_hot softplus_scaled split standardize compress cov extract "
    "searchsorted top_k hardtanh",
}


def _by_name(reasons: dict[str, str]) -> dict[str, str]:
    return {name: reason for reason, names in reasons.items() for name in names.split()}


EXCLUDED = {library: _by_name(reasons) for library, reasons in _EXCLUDED.items()}
VALUES_ONLY = {library: _by_name(reasons) for library, reasons in _VALUES_ONLY.items()}
PARTLY = {library: frozenset(names.split()) for library, names in _PARTLY.items()}
# Takes complex numbers and cuts their imaginary parts off.
REAL_ONLY = {"torch": {"bincount"}, "jax": set()}
# How far theirs are from the true numbers, relative, where that is more than 1e-9.
ROUNDING: dict[tuple[str, str], float] = {
    ("torch", "celu"): 1e-6,  # 1/alpha in single precision
    ("torch", "hardsigmoid"): 1e-6,  # 1/6 in single precision
}

LIBRARIES = (
    Library(
        "torch",
        {
            "": torch,
            "linalg": torch.linalg,
            "fft": torch.fft,
            "special": torch.special,
            "nn.functional": torch.nn.functional,
        },
        run_torch,
        call_torch,
        TORCH,
        None,
    ),
    Library(
        "jax",
        {"": jnp, "linalg": jnp.linalg, "fft": jnp.fft, "special": jax.scipy.special, "nn.functional": jax.nn},
        run_jax,
        call_jax,
        JAX,
        4,  # each is compiled, for its shapes
    ),
)

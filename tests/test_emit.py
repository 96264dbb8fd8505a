"""Every rule for one scalar, in vectors and alone, against the value of its op: at random and at special numbers."""

import contextlib
import ctypes
import functools

import mpmath as mp
import numpy as np
import pytest
from samples import sample
from scipy.special import polygamma

from chainrule import special as special_functions
from chainrule.jit import jit
from chainrule.native.language.emitter import Emitter
from chainrule.native.language.loops import Pointer
from chainrule.native.language.pure import Unstated
from chainrule.native.language.values import I64
from chainrule.native.machine.code import Code
from chainrule.native.machine.llvm import text_of
from chainrule.native.math import FUNCTIONS
from chainrule.native.rules import as_dtype, operand_dtypes, stated
from chainrule.op import REGISTRY

ELEMENTWISE = {name: op for name, op in REGISTRY.items() if op.kind == "elementwise"}

# Called on the host, and why.
ON_HOST = {
    "it is a loop that ends at some time": ["gcd", "lcm"],
    "its value is a series, a fraction or a quadrature in NumPy": [
        "elliptic_moment", "erfcx_derivative", "dawsn_derivative", "digamma_difference", "hyp2f1_da",
        "hyp2f1_dc", "hyp1f1_da", "hyp1f1_db", "hyp0f1_dv", "beta_density", "beta_density_derivative",
        "betainc_derivative", "gamma_density", "gamma_density_derivative", "gammainc_derivative", "exprel_derivative",
        "sin_quotient_derivative", "log1p_quotient_derivative", "jv_order", "yv_order", "ive_order", "kve_order",
        "stdtr_df", "zeta_derivative", "hurwitz_zeta",
    ],
    "it has complex operands or parts": [
        "wofz", "hankel1", "hankel1e", "hankel2", "hankel2e", "scaled_jv", "scaled_yv", "scaled_iv", "real_ive",
        "lambertw_branch",
    ],
    "SciPy's function has several outputs": [
        "sine_integral", "cosine_integral", "sinh_integral", "cosh_integral", "fresnel_sine", "fresnel_cosine",
    ],
    "SciPy's function looks at the dtype of the degree, or is not exported": [
        "eval_legendre", "eval_chebyt", "eval_chebyu", "eval_laguerre", "eval_hermite", "eval_hermitenorm",
        "eval_genlaguerre", "eval_gegenbauer", "eval_jacobi", "expn", "spherical_j", "spherical_y", "spherical_i",
        "spherical_k", "riemann_zeta",
    ],
}  # fmt: skip

DTYPES = ["float64", "float32", "complex128", "complex64", "int64", "int32", "int8", "uint64", "uint8", "bool"]
MIXED = [("float64", "float32"), ("float32", "int64"), ("int8", "float64"), ("int64", "int8"), ("bool", "float32")]

# Rules that compute what the value computes; of all others, results may differ by some units in the last place.
_EXACT = """
    add subtract multiply absorbing_multiply divide floor_divide remainder negative positive abs sign copysign
    nextafter floor ceil trunc round maximum minimum where equal not_equal less less_equal greater greater_equal
    logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift
    bitwise_right_shift signbit isnan isinf isfinite sqrt square reciprocal ldexp fix heaviside exponent fmax fmin relu
    stop_gradient"""
EXACT = set(_EXACT.split())
ULPS = 4

# Where NumPy's or SciPy's own error is larger, digits decide.
DIGITS = {
    "erfc": mp.erfc,
    "ndtr": mp.ncdf,
    "gelu_exact": lambda x: x * mp.ncdf(x),
    "cosm1": lambda x: mp.cos(x) - 1,
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "log_ndtr": lambda x: mp.log(mp.ncdf(x)) if x < 0 else mp.log1p(-mp.ncdf(-x)),
    "gammaln": lambda x: mp.re(mp.loggamma(x)),
    "loggamma": mp.loggamma,
    "digamma": mp.digamma,
    "pseudo_huber": lambda d, r: abs(r) if mp.isinf(r) else d * r * r / (d + mp.sqrt(d * d + r * r)),
}
# Sums that may cancel are as good as the larger term.
CANCELLING = {
    "logaddexp": lambda x, y: abs(np.maximum(x, y)),
    "tanhshrink": abs,
    "gammaln": lambda x: np.where(x < 0, 1.0, 0.0),
}
# An error of the argument of an exponential function becomes one of the result, as many times larger as it is large.
AMPLIFYING = {"gelu_tanh": 1000}


@np.errstate(all="ignore")
def _of_powers(off, x, y):
    """An error of y·log x is one of the result; what infinite exponents, and NaN, make of complex numbers is open."""
    if x.dtype.kind != "c":
        return off
    size = abs(y * np.log(x))
    known = np.isfinite(y) & ~np.isnan(x) & ~np.isnan(off)  # as of a number whose length overflows
    return np.where(known, off / (1 + np.where(np.isfinite(size), size, 0)), 0)


def _of_logarithms(off, x):
    """NumPy's has the digits of 1 + x."""
    return np.where(off > 0, off * np.fmin(1, abs(x)), 0) if x.dtype.kind == "c" else off


JUDGED = {"power": _of_powers, "log1p": _of_logarithms}
OVERFLOWING = {"sinc"}  # whose single precision is not compared with double precision: the argument is of another size


def compiled(op, operands, out, lanes):
    """The rule of an op as a function of arrays in a loop; None if it is not stated for these dtypes."""
    sees = operand_dtypes(op, operands, out)
    if sees is None or not stated(op, sees, operands, out, {}):
        return None
    e = Emitter(FUNCTIONS)
    pointers = [Pointer(f"operand{i}") for i in range(len(operands) + 1)]
    target, size = Pointer("out"), e.load(pointers[-1], I64, 0)
    with e.loop(0, size, lanes) as i:
        values = [e.load(p, x.dtype, i, lanes) for p, x in zip(pointers, operands, strict=False)]
        e.store(target, i, op.emit(e, *map(as_dtype, [e] * len(sees), values, sees)), lanes)
    program = e.program("kernel", [*pointers, target])
    code = Code(text_of(program), {n: a.ctypes.data for n, a in program.data.items()} | e.symbols)

    def run(*arrays):
        found, count = np.empty(arrays[0].shape, out), np.array(arrays[0].size)
        held = [*arrays, count, found]
        code.function(*[x.ctypes.data for x in held])
        return found

    code.function = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * (len(operands) + 2))(code.address("kernel"))
    return run


@np.errstate(all="ignore")
def special(dtype):
    """Numbers at which something happens."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        return np.array(
            [low, low + 1, 0, 1, 2, 3, 7, 8, 63, high - 1, high] + [-1, -2, -7] * (dtype.kind == "i"), dtype
        )
    if dtype.kind == "c":
        few = np.array([0.0, -0.0, 1.0, -1.5, 0.25, 3.0, -7.0, np.inf, -np.inf, np.nan], dtype.type(0).real.dtype)
        made = np.empty((few.size, few.size), dtype)
        made.real, made.imag = few[:, None], few
        return made.ravel()
    info = np.finfo(dtype)
    sizes = [
        0.0,
        0.25,
        0.5,
        0.75,
        1.0,
        1.5,
        2.0,
        2.5,
        3.0,
        7.3,
        13.0,
        100.7,
        1e-3,
        3e4,
        info.tiny,
        info.smallest_subnormal,
    ]
    sizes += [info.tiny * 3, info.max, info.max / 3, np.inf, 2.0**-20, 1 + info.eps, 1 - info.epsneg]
    return np.array([s * size for size in sizes for s in (1, -1)] + [np.nan], dtype)


@np.errstate(all="ignore")
def inside(op, operand, dtype, rng, count=40, wide=True):
    """Random numbers where the operand is meant to be, and some that are anywhere."""
    drawn = np.asarray(sample(op.name).calls[0].args[operand], np.float64).ravel()
    low, high = drawn.min() - 0.5 * wide, drawn.max() + 0.5 * wide
    dtype = np.dtype(dtype)
    x = rng.uniform(low, high, count)
    if wide:
        x = np.concatenate([x, rng.normal(0, 50, count // 2), np.exp(rng.uniform(-30, 30, count // 2))])
    if dtype.kind == "c":
        return (x + 1j * rng.permutation(x)).astype(dtype)
    if dtype.kind == "f":
        return x.astype(dtype)
    if not wide:
        return np.ceil(abs(x)).astype(dtype)
    return rng.integers(0 if dtype.kind in "bu" else -100, 2 if dtype.kind == "b" else 100, x.size).astype(dtype)


def operands_of(op, dtypes):
    rng = np.random.default_rng(7)
    if op.name in of_scipy():
        # The same function as the value's: what matters is that it is called, and where it is undefined it may be slow.
        return [np.resize(inside(op, i, d, rng, 24, wide=False), 32) for i, d in enumerate(dtypes)]
    columns = [np.concatenate([special(d), inside(op, i, d, rng)]) for i, d in enumerate(dtypes)]
    if len(columns) == 2:
        columns = [x.ravel() for x in np.meshgrid(*columns)]
    elif len(columns) > 1:
        columns = [rng.choice(x, 4000) for x in columns]
    size = -(-columns[0].size // 16) * 16
    return [np.ascontiguousarray(np.resize(x, size)) for x in columns]


@functools.cache
def of_scipy():
    """The ops whose rules call a function of SciPy's."""
    found = set()
    for name, op in ELEMENTWISE.items():
        e = Emitter(FUNCTIONS)
        with contextlib.suppress(Unstated, TypeError):
            op.emit(e, *[e.load(Pointer("x"), np.float64, i) for i in range(op.arity)])
        found |= {name} if e.symbols else set()
    return found


OF_CONSTANTS = {"polygamma"}  # whose rule is for constants that the operands here are not


@np.errstate(all="ignore")
def expected(op, operands):
    right = np.asarray(op.value(*operands))
    if op.name in EXACT | OVERFLOWING or right.dtype not in (np.float32, np.complex64):
        return right
    # The value in double precision has more right digits than one in single precision.
    return np.asarray(op.value(*(x.astype(np.result_type(x, np.float64)) for x in operands))).astype(right.dtype)


@np.errstate(all="ignore")
def distance(found, right, size=0.0):
    """How many units in the last place, of its own or of a size, each number is off."""
    if found.dtype.kind == "c":
        # A complex number as a whole: where a part is much smaller than the other, its digits are of no account.
        part = found.real.dtype
        size = np.spacing(np.abs(right).astype(part))
        off = np.maximum(abs(found.real - right.real), abs(found.imag - right.imag)) / size
        agree = (found == right) | (~np.isfinite(found) & ~np.isfinite(right))
    elif found.dtype.kind == "f":
        off = abs(found.astype(np.longdouble) - right) / np.spacing(np.maximum(abs(right), size).astype(right.dtype))
        agree = (found == right) | (np.isnan(found) & np.isnan(right))
        # Some of NumPy's and SciPy's functions have no subnormal results.
        agree |= np.maximum(abs(found), abs(right)) < np.finfo(right.dtype).tiny
    else:
        return np.where(found == right, 0.0, np.inf)
    off = np.where(np.isfinite(found) & np.isfinite(right), off, np.inf)
    return np.where(agree, 0.0, off)


def distance_from_digits(found, function, point):
    with mp.workdps(200):
        digits = function(*[mp.mpf(float(x)) for x in point])
        info = np.finfo(found.dtype)
        if not np.isfinite(found):
            return 0.0 if abs(digits) > float(info.max) * (1 + float(info.eps) / 4) else np.inf
        return float(abs(mp.mpf(float(found)) - digits) / (2 * float(abs(np.spacing(found / 2)))))


def cases(name):
    op = ELEMENTWISE[name]
    arity = op.arity
    for dtypes in [(d,) * arity for d in DTYPES] + ([*MIXED] if arity == 2 else []):
        operands = operands_of(op, dtypes)
        try:
            right = expected(op, operands)
        except Exception:  # whatever it raises for dtypes that it is not made for
            continue
        yield dtypes, operands, right


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize(
    "name", sorted(n for n, op in ELEMENTWISE.items() if op.emit is not None and n not in OF_CONSTANTS)
)
def test_a_rule_computes_the_value(name, lanes):
    op, tested = ELEMENTWISE[name], 0
    for dtypes, operands, right in cases(name):
        run = compiled(op, operands, right.dtype, lanes)
        if run is None:
            continue
        tested += 1
        found = run(*operands)
        off = distance(found, right, CANCELLING.get(name, lambda *_: 0.0)(*operands))
        off = JUDGED[name](off, *operands) if name in JUDGED else off
        limit = 0 if name in EXACT and operands[-1].dtype.kind != "c" else AMPLIFYING.get(name, ULPS)
        if name in DIGITS and right.dtype.kind == "f":
            for i in np.flatnonzero(off > limit):
                off[i] = distance_from_digits(found[i], DIGITS[name], [x[i] for x in operands])
        worst = int(np.argmax(off))
        at = [x[worst] for x in operands]
        assert off[worst] <= limit, (dtypes, at, found[worst], right[worst], float(off[worst]))
        if name in EXACT - {"maximum", "minimum", "fmax", "fmin", "relu"} and right.dtype.kind == "f":
            signs = (np.signbit(found) != np.signbit(right)) & ~np.isnan(right)
            assert not signs.any(), (dtypes, [x[signs][0] for x in operands], found[signs][0], right[signs][0])
    assert tested


def test_polygamma_of_constant_orders():
    x = np.concatenate([np.linspace(-7.3, 40, 200), [0.0, -2.0, np.inf, np.nan]])
    for n, host in ((0, False), (1, False), (2, True)):
        f = jit(lambda x, n=n: special_functions.polygamma(n, x))
        np.testing.assert_allclose(f(x), polygamma(n, x), 1e-13)
        assert ("polygamma" in str(f.explain(x))) and ("calls NumPy" in str(f.explain(x))) == host


def test_every_rule_that_is_missing_has_a_reason():
    assert {name for names in ON_HOST.values() for name in names} == {
        name for name, op in ELEMENTWISE.items() if op.emit is None
    }


@pytest.mark.parametrize(
    "divisor", [3.0, -3.0, 0.1, 49.0, 2 - 2.0**-52, 1 + 2.0**-52, 0.25, -8.0, 1e-300, 1e300, np.pi]
)
@np.errstate(all="ignore")
def test_constants_are_divided_by_as_exactly_as_others(divisor):
    rng = np.random.default_rng(0)
    whole = np.arange(-3000.0, 3000.0)
    near = [np.nextafter(whole * divisor, to) for to in (-np.inf, np.inf)]
    # Below 2⁻⁹⁶⁰ remainders are not exact.
    x = np.concatenate(
        [whole, whole * divisor, *near, rng.standard_normal(50_000), 2.0 ** rng.uniform(-900, 1020, 50_000)]
    )
    x = np.concatenate([x, [v for v in special("float64") if not 0 < abs(v) < 2.0**-960]])
    right = x / divisor
    e, source, target = Emitter(FUNCTIONS), Pointer("source"), Pointer("target")
    with e.loop(0, x.size - x.size % 8, 8) as i:
        e.store(target, i, e.load(source, x.dtype, i, 8) / divisor, 8)
    program = e.program("kernel", [source, target])
    code = Code(text_of(program), {})
    found = right.copy()
    found[: x.size - x.size % 8] = 7
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(code.address("kernel"))(
        x.ctypes.data, found.ctypes.data
    )
    normal = ~(abs(right) < 2.0**-1022)
    np.testing.assert_array_equal(found[normal], right[normal])
    np.testing.assert_array_equal(np.signbit(found[~np.isnan(right)]), np.signbit(right[~np.isnan(right)]))
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-323)

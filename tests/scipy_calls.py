"""SciPy's functions of arrays on Tensors, and what each does with a gradient: a program, since it sets SCIPY_ARRAY_API.

``python tests/scipy_calls.py`` prints a line of JSON a function: its name, what became of it, and why; with ``--page``,
the page docs/scipy.md.
"""

import os

os.environ["SCIPY_ARRAY_API"] = "1"

import importlib
import json
import sys
import warnings
from dataclasses import fields, is_dataclass
from textwrap import wrap

import numpy as np
import scipy
from scipy import special
from scipy._lib._array_api import xp_capabilities_table

import chainrule as cr
from chainrule.testing import numeric_derivative
from chainrule.tree import flatten

MODULES = (
    "cluster.vq", "cluster.hierarchy", "constants", "differentiate", "fft", "integrate", "interpolate", "linalg",
    "ndimage", "optimize", "optimize.elementwise", "signal", "signal.windows", "spatial.transform", "special", "stats",
)  # fmt: skip
VECTOR = np.array([0.3, 0.9, 0.6, 0.45, 0.75, 0.2, 0.65, 0.52])
MATRIX = np.array([[0.9, 0.2, 0.1], [0.25, 0.8, 0.3], [0.15, 0.35, 0.7], [0.5, 0.1, 0.6]])
# Arguments that many functions take.
SHAPES = (
    lambda x: (x,), lambda x: (x, x[::-1] * x), lambda x: (x, 2), lambda x: (2, x), lambda x: (x, 3, 2),
    lambda x: (x, 0.3), lambda x: (0.3, x), lambda x: (0.4, 1.3, x), lambda x: (2.0, x, 0.4), lambda x: (x, "C", "K"),
    lambda x: (x, x[:3]), lambda x: (x, x[:2, :2]), lambda x: (x, 3), lambda x: (x, [1.0, 0.5]), lambda x: (x, 0, 0),
)  # fmt: skip


def like(x, data):
    """Constants among x: SciPy wants all arrays of one library."""
    return x.__array_namespace__().asarray(data)


def _rotation(x):
    return scipy.spatial.transform.Rotation.from_rotvec(x)


R = "spatial.transform.Rotation."
KNOTS = np.arange(8.0)
CALLS = {
    "stats.ttest_ind": lambda x: tuple(scipy.stats.ttest_ind(x, x[:5] * 2)),
    "stats.ttest_1samp": lambda x: tuple(scipy.stats.ttest_1samp(x, 0.4)),
    "stats.pmean": lambda x: scipy.stats.pmean(x, 3),
    "stats.moment": lambda x: scipy.stats.moment(x, order=3),
    "stats.zmap": lambda x: scipy.stats.zmap(x[:3], x),
    "stats.trim_mean": lambda x: scipy.stats.trim_mean(x, 0.2),
    "stats.pearsonr": lambda x: scipy.stats.pearsonr(x, x[::-1] * x).statistic,
    "stats.quantile": lambda x: scipy.stats.quantile(x, 0.3),
    "stats.kstatvar": lambda x: scipy.stats.kstatvar(x),
    "stats.boxcox_llf": lambda x: scipy.stats.boxcox_llf(0.7, x),
    "stats.yeojohnson_llf": lambda x: scipy.stats.yeojohnson_llf(0.7, x),
    "stats.f_oneway": lambda x: tuple(scipy.stats.f_oneway(x, x[:5] ** 2)),
    "stats.directional_stats": lambda x: scipy.stats.directional_stats(x[:6].reshape((2, 3))).mean_direction,
    "stats.bartlett": lambda x: tuple(scipy.stats.bartlett(x, x[:5] ** 2)),
    "stats.alexandergovern": lambda x: scipy.stats.alexandergovern(x, x[:5] ** 2).statistic,
    "stats.fligner": lambda x: tuple(scipy.stats.fligner(x, x[:5] ** 2)),
    "stats.iqr": lambda x: scipy.stats.iqr(x),
    "signal.iirfilter": lambda x: scipy.signal.iirfilter(2, x[:2] / like(x, [1.0, 1.1])),
    "stats.combine_pvalues": lambda x: tuple(scipy.stats.combine_pvalues(x)),
    "stats.lmoment": lambda x: scipy.stats.lmoment(x, order=2),
    "stats.gstd": lambda x: scipy.stats.gstd(x),
    "stats.sem": lambda x: scipy.stats.sem(x),
    "stats.ttest_ind_from_stats": lambda x: tuple(scipy.stats.ttest_ind_from_stats(x[0], x[1], 9, x[2], x[3], 8)),
    "signal.convolve": lambda x: scipy.signal.convolve(x, x[:3], method="direct"),
    "signal.correlate": lambda x: scipy.signal.correlate(x, x[:3], method="fft"),
    "signal.fftconvolve": lambda x: scipy.signal.fftconvolve(x, x[:3]),
    "signal.oaconvolve": lambda x: scipy.signal.oaconvolve(x, x[:3]),
    "signal.detrend": lambda x: scipy.signal.detrend(x, type="linear"),
    "signal.lfilter": lambda x: scipy.signal.lfilter(like(x, [0.5, 0.2]), like(x, [1.0, -0.3]), x),
    "signal.filtfilt": lambda x: scipy.signal.filtfilt(like(x, [0.5, 0.2]), like(x, [1.0, -0.3]), x, padlen=3),
    "signal.sosfilt": lambda x: scipy.signal.sosfilt(like(x, [[0.5, 0.2, 0.1, 1.0, -0.3, 0.1]]), x),
    "signal.resample": lambda x: scipy.signal.resample(x, 5),
    "signal.savgol_filter": lambda x: scipy.signal.savgol_filter(x, 5, 2),
    "signal.freqz": lambda x: scipy.signal.freqz(x, worN=4)[1],
    "signal.bilinear": lambda x: scipy.signal.bilinear(x[:2], x[2:5]),
    "signal.zpk2tf": lambda x: scipy.signal.zpk2tf(x[:2], x[2:4], x[4]),
    "integrate.trapezoid": lambda x: scipy.integrate.trapezoid(x, dx=0.5),
    "integrate.cumulative_trapezoid": lambda x: scipy.integrate.cumulative_trapezoid(x, initial=0),
    "integrate.cumulative_simpson": lambda x: scipy.integrate.cumulative_simpson(x, dx=0.5),
    "integrate.romb": lambda x: scipy.integrate.romb(x[:5]),
    "integrate.simpson": lambda x: scipy.integrate.simpson(x, dx=0.5),
    "integrate.tanhsinh": lambda x: scipy.integrate.tanhsinh(np.exp, x[:2], x[2:4] + 1).integral,
    "integrate.cubature": lambda x: scipy.integrate.cubature(lambda t: t[:, 0] ** 2, x[:1], x[1:2] + 1).estimate,
    "differentiate.derivative": lambda x: scipy.differentiate.derivative(lambda t: t**3, x).df,
    "optimize.elementwise.find_root": lambda x: scipy.optimize.elementwise.find_root(
        lambda t, c: t**3 - c, (x * 0, x * 0 + 2), args=(x,)
    ).x,
    "optimize.rosen_hess_prod": lambda x: scipy.optimize.rosen_hess_prod(x, x * 2),
    "interpolate.CubicSpline": lambda x: scipy.interpolate.CubicSpline(like(x, KNOTS), x)(2.5),
    "interpolate.PchipInterpolator": lambda x: scipy.interpolate.PchipInterpolator(like(x, KNOTS), x)(2.5),
    "interpolate.Akima1DInterpolator": lambda x: scipy.interpolate.Akima1DInterpolator(like(x, KNOTS), x)(2.5),
    "interpolate.BSpline": lambda x: scipy.interpolate.BSpline(like(x, np.arange(11.0)), x[:7], 3)(4.5),
    "interpolate.make_interp_spline": lambda x: scipy.interpolate.make_interp_spline(like(x, KNOTS), x)(2.5),
    "interpolate.RBFInterpolator": lambda x: scipy.interpolate.RBFInterpolator(like(x, KNOTS[:, None]), x)(
        like(x, [[2.5]])
    ),
    "interpolate.RegularGridInterpolator": lambda x: scipy.interpolate.RegularGridInterpolator((like(x, KNOTS),), x)(
        like(x, [[2.5]])
    ),
    "ndimage.gaussian_filter": lambda x: scipy.ndimage.gaussian_filter(x, 1.0),
    "cluster.vq.whiten": lambda x: scipy.cluster.vq.whiten(x.reshape((4, 2))),
    "cluster.vq.vq": lambda x: scipy.cluster.vq.vq(x.reshape((4, 2)), x[:4].reshape((2, 2)))[1],
    "constants.convert_temperature": lambda x: scipy.constants.convert_temperature(x, "Celsius", "Kelvin"),
    "special.logsumexp": lambda x: special.logsumexp(x, b=2.0),
    "special.multigammaln": lambda x: special.multigammaln(x + 2, 2),
    "special.polygamma": lambda x: special.polygamma(1, x),
    "special.betainc": lambda x: special.betainc(x + 1, like(x, 2.0), x / 2),
    "special.expn": lambda x: special.expn(2, x),
    **{
        f"signal.windows.{name}": lambda x, name=name: getattr(scipy.signal.windows, name)(6, 3 * x[0])
        for name in ("kaiser", "gaussian", "tukey", "general_hamming", "chebwin")
    },
    "signal.windows.exponential": lambda x: scipy.signal.windows.exponential(6, None, x[0]),
    "signal.windows.general_gaussian": lambda x: scipy.signal.windows.general_gaussian(6, x[0], x[1]),
    "signal.butter": lambda x: scipy.signal.butter(2, x[0]),
    "signal.cheby1": lambda x: scipy.signal.cheby1(2, x[1], x[0]),
    "signal.bessel": lambda x: scipy.signal.bessel(2, x[0]),
    "signal.ellip": lambda x: scipy.signal.ellip(2, x[0], 20 * x[1], x[2]),
    "signal.firwin": lambda x: scipy.signal.firwin(5, x[0]),
    "signal.iirnotch": lambda x: scipy.signal.iirnotch(x[0], 10 * x[1]),
    "signal.iirpeak": lambda x: scipy.signal.iirpeak(x[0], 10 * x[1]),
    "signal.sosfiltfilt": lambda x: scipy.signal.sosfiltfilt(like(x, [[0.5, 0.2, 0.1, 1.0, -0.3, 0.1]]), x, padlen=3),
    "signal.sos2zpk": lambda x: scipy.signal.sos2zpk((x[:6] / x[3])[None, :]),
    "signal.bilinear_zpk": lambda x: scipy.signal.bilinear_zpk(x[:2], x[2:5], x[5], 2.0),
    "differentiate.jacobian": lambda x: scipy.differentiate.jacobian(lambda t: t**3, x).df,
    "optimize.elementwise.find_minimum": lambda x: scipy.optimize.elementwise.find_minimum(
        lambda t, c: (t - c) ** 2, (x * 0 - 3, x * 0 + 0.1, x * 0 + 4), args=(x,)
    ).x,
    "interpolate.CubicHermiteSpline": lambda x: scipy.interpolate.CubicHermiteSpline(like(x, KNOTS), x, x)(2.5),
    "interpolate.PPoly": lambda x: scipy.interpolate.PPoly(x.reshape((2, 4)), like(x, KNOTS[:5]))(2.5),
    "stats.ks_1samp": lambda x: tuple(scipy.stats.ks_1samp(x, special.ndtr))[:2],
    "stats.cramervonmises": lambda x: scipy.stats.cramervonmises(x, special.ndtr).statistic,
    R + "from_quat": lambda x: scipy.spatial.transform.Rotation.from_quat(x[:4]).as_matrix(),
    R + "from_matrix": lambda x: scipy.spatial.transform.Rotation.from_matrix(_rotation(x[:3]).as_matrix()).as_rotvec(),
    R + "from_rotvec": lambda x: _rotation(x[:3]).as_quat(),
    R + "from_euler": lambda x: scipy.spatial.transform.Rotation.from_euler("xyz", x[:3]).as_matrix(),
    R + "as_quat": lambda x: _rotation(x[:3]).as_quat(),
    R + "as_euler": lambda x: _rotation(x[:3]).as_euler("zyx"),
    R + "as_matrix": lambda x: _rotation(x[:3]).as_matrix(),
    R + "as_rotvec": lambda x: _rotation(x[:3]).as_rotvec(),
    R + "as_mrp": lambda x: _rotation(x[:3]).as_mrp(),
    R + "apply": lambda x: _rotation(x[:3]).apply(x[3:6]),
    R + "inv": lambda x: _rotation(x[:3]).inv().as_matrix(),
    R + "magnitude": lambda x: _rotation(x[:3]).magnitude(),
    R + "__mul__": lambda x: (_rotation(x[:3]) * _rotation(x[3:6])).as_matrix(),
    R + "__pow__": lambda x: (_rotation(x[:3]) ** 0.5).as_matrix(),
}  # fmt: skip


def claimed():
    """The public functions that SciPy says take array API arrays, by name."""
    found = {}
    for module in MODULES:
        space = importlib.import_module(f"scipy.{module}")
        for name in dir(space):
            facts = None
            function = getattr(space, name)
            try:
                facts = xp_capabilities_table.get(function)
            except TypeError:
                continue
            if name[0] != "_" and facts and not facts["np_only"] and not facts["out_of_scope"]:
                found[f"{module}.{name}"] = function
    return found


def leaves(result):
    """What came out, as a flat list: arrays, also those in SciPy's result objects."""
    if is_dataclass(result):
        result = [getattr(result, f.name) for f in fields(result)]
    if hasattr(result, "_asdict") or isinstance(result, tuple):
        result = list(result)
    return flatten(result)[0]


def quiet(call, x):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return leaves(call(x))


def dtype(y):
    return np.asarray(getattr(y, "_value", y)).dtype


def applicable(function):
    """The first way of calling it that NumPy's arrays allow."""
    for value in (VECTOR, MATRIX, MATRIX[:3]):
        for arguments in SHAPES:
            try:
                out = quiet(lambda x, arguments=arguments: function(*arguments(x)), value)
            except Exception:
                continue
            if any(dtype(y).kind in "fciub" and np.all(np.isfinite(y)) for y in out):
                return (lambda x, arguments=arguments: function(*arguments(x))), value
    return None, None


def told(error):
    text = str(error).split("\n")[0]
    return f"{type(error).__name__}: {text}"[:160]


def outcome(call, value):
    """What becomes of one call: a verdict, and the reason where it is not that a gradient flows."""
    plain = quiet(call, value)
    floating = [i for i, y in enumerate(plain) if dtype(y).kind in "fc" and np.all(np.isfinite(y))]
    try:
        found = quiet(call, cr.tensor(value, requires_grad=True))
    except Exception as error:
        refusal = told(error)
        try:
            found = quiet(call, cr.tensor(value))
        except Exception as other:
            return "fails", told(other)
        return "value", refusal
    if len(found) != len(plain):
        return "fails", f"{len(found)} results for {len(plain)}"
    for one, other in zip(found, plain, strict=True):
        one = one.detach().numpy() if isinstance(one, cr.Tensor) else one
        if dtype(other).kind in "fcbiu" and not np.allclose(one, other, 1e-9, 1e-12, equal_nan=True):
            return "WRONG", "the value differs"
    if not floating:
        return "whole", "no floating results"
    recorded = [i for i in floating if isinstance(found[i], cr.Tensor) and found[i].requires_grad]
    tangent = np.cos(np.arange(value.size)).reshape(value.shape)
    lost = [i for i in floating if i not in recorded]
    for i in lost:
        shifted = quiet(call, value + 1e-4 * tangent)[i]
        if not np.allclose(shifted, plain[i], 1e-12, 1e-12):
            return "LOST", f"result {i} has no gradient"
    for i in recorded:
        y, pull = cr.vjp(lambda x, i=i: quiet(call, x)[i], value)
        cotangent = np.sin(1.0 + np.arange(y.size)).reshape(y.shape).astype(y.dtype)
        slope = np.vdot(pull(cotangent)[0].detach().numpy(), tangent).real
        with np.errstate(all="ignore"):
            moved = numeric_derivative(lambda h, i=i: np.asarray(quiet(call, value + h * tangent)[i]), step=2.0**-9)
        if not np.allclose(slope, np.vdot(cotangent, moved).real, 1e-5, 1e-7):
            return "WRONG", f"gradient {slope} for {np.vdot(cotangent, moved).real}"
    return ("gradient", "") if recorded else ("constant", "no result moves with x")


def outcomes():
    """(name, verdict, reason) of every function that SciPy claims, and of those called above."""
    functions = claimed()
    for name in sorted({*functions, *CALLS}):
        call, value = (CALLS[name], VECTOR) if name in CALLS else applicable(functions[name])
        yield name, *(("untried", "no arguments for it here") if call is None else outcome(call, value))


HEADINGS = {
    "gradient": "Differentiable. The gradient is compared with extrapolated differences of SciPy's own values.",
    "constant": "Values that small changes of the operands do not move (ranks, orders): there is no gradient to lose.",
    "whole": "Results that are integers or booleans.",
    "value": "Values only: SciPy computes these with compiled code on NumPy arrays, or with Python's numbers. A "
    "Tensor that requires a gradient is refused (`call x.detach() first`); what chainrule has of them has a gradient.",
    "fails": "Refused by SciPy on Tensors of any kind.",
    "untried": "Not tried: functions without array operands, or whose arguments are not numbers.",
}


def page():
    """The page of documentation, made of what happened."""
    happened = list(outcomes())
    lines = [
        "# SciPy on Tensors",
        "",
        "Made by `python docs/generate.py` from what `tests/scipy_calls.py` calls; a test fails when it is stale. With",
        f"`SCIPY_ARRAY_API=1` set before SciPy {scipy.__version__} is imported, its array API functions take Tensors",
        "and compute with the functions of chainrule. Every array among the arguments must then be a Tensor. The",
        "universal functions of `scipy.special` that `chainrule.special` has, and those of NumPy, need no variable.",
    ]
    for verdict, heading in HEADINGS.items():
        names = [(name, reason) for name, found, reason in happened if found == verdict]
        lines += ["", f"## {verdict.capitalize()}: {len(names)}", "", heading, ""]
        if verdict == "fails":
            lines += [f"- `{name}`: {reason}" for name, reason in names]
        else:
            lines += wrap(", ".join(f"`{name}`" for name, _ in names), 118, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--page"]:
        sys.stdout.write(page())
    else:
        sys.stdout.writelines(json.dumps(line) + "\n" for line in outcomes())

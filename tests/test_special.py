"""Special functions: derivatives over wide ranges against sums and differences of many digits, edges, messages."""

import math

import mpmath as mp
import numpy as np
import pytest
from messages import assert_message
from scipy import special

import chainrule as cr
from chainrule.errors import DTypeError, GradientError, RangeError
from chainrule.ops import ops

S = cr.special


def relative_error(found, expected):
    """The largest of an array of numbers against exact ones."""
    errors = [abs(mp.mpmathify(y) - e) / abs(e) for y, e in zip(np.ravel(found).tolist(), expected, strict=True)]
    assert not any(mp.isnan(e) for e in errors)
    return float(max(errors))


def exact(function, *points, order=1, digits=60):
    """Derivatives in the first argument by differences of many digits."""
    with mp.workdps(digits):
        return [
            mp.diff(lambda x, p=p: function(x, *p[1:]), p[0], order)
            for p in (tuple(map(mp.mpmathify, p)) for p in points)
        ]


def slope(function, *points, operand=0):
    return [cr.grad(function, operand)(*point).item() for point in points]


# --------------------------------------------------------------- derivatives in the parameters, in every regime


def gammainc_sum(a, x):
    """∂P(a, x)/∂a by the series x^a e^(−x) Σ xᵏ/Γ(a+k+1), differentiated term by term."""
    with mp.workdps(60 + int(x)):
        a, x = mp.mpf(a), mp.mpf(x)
        term, weight, total, k = mp.exp(a * mp.log(x) - x) / mp.gamma(a + 1), mp.log(x) - mp.psi(0, a + 1), 0, 1
        while k < x or abs(term * weight) > abs(total) * mp.mpf(10) ** -40:
            total += term * weight
            term, weight, k = term * x / (a + k), weight - 1 / (a + k), k + 1
        return total


GAMMA_POINTS = [
    (a, x)
    for a in (1e-8, 1e-3, 0.3, 1.0, 5.0, 9.9, 10.0, 50.0, 300.0)
    for x in (1e-10, 0.3, 0.56, 0.57, 2.0, 30.0, a, 0.5 * a, 0.95 * a, a + 0.5, 1.1 * a, 3 * a)
    if special.gammainc(a, x) > 1e-290 < special.gammaincc(a, x)
]


def test_gammainc_by_its_parameter():
    a, x = np.array(GAMMA_POINTS).T
    expected = [gammainc_sum(*point) for point in GAMMA_POINTS]
    assert relative_error(ops.gammainc_derivative(1, a, x), expected) < 1e-13
    lower, upper = (cr.grad(lambda a, f=f: cr.sum(f(a, x)))(a) for f in (S.gammainc, S.gammaincc))
    assert relative_error(lower, expected) < 1e-13
    assert relative_error(upper, [-e for e in expected]) < 1e-13


@pytest.mark.parametrize("a", [1e4, 1e6, 1e9])
def test_gammainc_of_large_parameters(a):
    """∂P/∂a tends to −φ(u)/√a; the next terms follow from Temme's expansion, here by mpmath's quadrature."""
    for u in (-3.0, 0.0, 2.0):
        x = a + u * math.sqrt(a)
        with mp.workdps(40):
            b, y = mp.mpf(a), mp.mpf(x)
            root, psi = mp.sqrt(b), mp.psi(0, b)
            peak = (b - 1) * mp.log(b) - b - mp.loggamma(b)

            def integrand(s, b=b, root=root, psi=psi, peak=peak):
                t = b + s * root
                return (mp.log(t) - psi) * mp.exp(peak + (b - 1) * mp.log1p(s / root) - s * root) * root

            ends = [(y - b) / root, -4, -8, -14] if u <= 0 else [(y - b) / root, 4, 8, 14]
            expected = mp.quad(integrand, ends) * -1
        assert relative_error(ops.gammainc_derivative(1, a, x), [expected]) < 1e-11


def betainc_sums(a, b, x):
    """(∂I/∂a, ∂I/∂b) by the series of DLMF 8.17.20 repeated, differentiated term by term."""
    with mp.workdps(60):
        a, b, x = map(mp.mpf, (a, b, x))
        if x > a / (a + b):
            by_b, by_a = betainc_sums(b, a, 1 - x)
            return -by_a, -by_b
        term = mp.exp(a * mp.log(x) + b * mp.log(1 - x)) / (a * mp.beta(a, b))
        weights = [mp.log(x) + mp.psi(0, a + b) - mp.psi(0, a + 1), mp.log(1 - x) + mp.psi(0, a + b) - mp.psi(0, b)]
        totals, k = [mp.mpf(0), mp.mpf(0)], 0
        while k < 5 or any(abs(term * w) > abs(t) * mp.mpf(10) ** -40 for w, t in zip(weights, totals, strict=True)):
            totals = [t + term * w for w, t in zip(weights, totals, strict=True)]
            weights = [weights[0] + 1 / (a + b + k) - 1 / (a + 1 + k), weights[1] + 1 / (a + b + k)]
            term, k = term * x * (a + b + k) / (a + 1 + k), k + 1
        return tuple(totals)


BETA_POINTS = [
    (a, b, x)
    for a, b in [
        (1e-8, 1e-8),
        (1e-5, 3.0),
        (0.5, 1e-6),
        (0.3, 0.7),
        (2.5, 9.5),
        (10.0, 40.0),
        (200.0, 3.0),
        (90.0, 90.0),
    ]
    for x in (1e-20, 1e-3, 0.3, 0.9, a / (a + b), 0.9 * a / (a + b))
    if (x if x <= a / (a + b) else 1 - x) < 0.95 and special.betainc(a, b, x) > 1e-280  # where the sums are short
]


def test_betainc_by_its_parameters():
    a, b, x = np.array(BETA_POINTS).T
    by_a, by_b = zip(*(betainc_sums(*point) for point in BETA_POINTS), strict=True)
    found_a, found_b = cr.grad(lambda a, b: cr.sum(S.betainc(a, b, x)), (0, 1))(a, b)
    assert relative_error(found_a, by_a) < 1e-12
    assert relative_error(found_b, by_b) < 1e-12
    found_a, found_b = cr.grad(lambda a, b: cr.sum(S.betaincc(a, b, x)), (0, 1))(a, b)
    assert relative_error(found_a, [-e for e in by_a]) < 1e-12
    assert relative_error(found_b, [-e for e in by_b]) < 1e-12


def test_inverses_undo_the_functions():
    a, b, p = np.array([0.2, 2.0, 30.0]), np.array([3.0, 0.5, 20.0]), np.array([1e-3, 0.4, 0.98])
    for there, back in ((S.gammainc, S.gammaincinv), (S.gammaincc, S.gammainccinv)):
        by_a, by_p = cr.grad(lambda a, p, f=there, g=back: cr.sum(f(a, g(a, p))), (0, 1))(a, p)
        np.testing.assert_allclose(by_p, 1, rtol=1e-10)
        np.testing.assert_allclose(by_a, 0, atol=1e-10)
    for there, back in ((S.betainc, S.betaincinv), (S.betaincc, S.betainccinv)):
        *by_ab, by_p = cr.grad(lambda a, b, p, f=there, g=back: cr.sum(f(a, b, g(a, b, p))), (0, 1, 2))(a, b, p)
        np.testing.assert_allclose(by_p, 1, rtol=1e-10)
        np.testing.assert_allclose(by_ab, 0, atol=1e-10)


def test_zeta_by_both_arguments():
    points = [(x, q) for x in (1.001, 1.5, 3.0, 10.3, 50.0) for q in (1e-3, 0.3, 1.7, 12.0, 300.0)]
    with mp.workdps(180):
        expected = [mp.zeta(x, q, 1) for x, q in points]
        by_q = [-x * mp.zeta(x + 1, q) for x, q in points]
    assert relative_error(slope(S.zeta, *points), expected) < 1e-12
    assert relative_error(slope(S.zeta, *points, operand=1), by_q) < 1e-12
    everywhere = [-30.5, -20.0, -7.3, -2.0, -0.51, -0.49, -1e-3, 0.0, 0.3, 0.9, 1.1, 2.0, 30.0]
    assert relative_error(slope(S.zeta, *((x,) for x in everywhere)), [mp.zeta(x, 1, 1) for x in everywhere]) < 1e-12
    for z in (0.5 + 14j, 2 + 3j, -0.7 + 14j, -10.1 + 10j, 0.5 + 100j):
        moved = cr.jvp(S.zeta, (np.complex128(z),), (np.complex128(1),))[1]
        assert relative_error(moved, [mp.zeta(z, 1, 1)]) < 1e-12


# -------------------------------------------------------------- slopes that keep their digits where others cancel


def test_slopes_far_out():
    large = [5.0, 12.0, 1e3, 1e8]
    with mp.workdps(80):
        erfcx = [
            2 * x * mp.exp(x * x) * mp.erfc(x) - 2 / mp.sqrt(mp.pi) if x < 100 else None for x in map(mp.mpf, large)
        ]
        tail = [-1 / (mp.sqrt(mp.pi) * x * x) * (1 - mp.mpf(3) / (2 * x * x)) for x in map(mp.mpf, large)]
        expected = [e if e is not None else t for e, t in zip(erfcx, tail, strict=True)]
    assert relative_error(slope(S.erfcx, *((x,) for x in large)), expected) < 1e-11
    with mp.workdps(80):
        mills = [mp.npdf(x) / mp.ncdf(x) for x in (-30, -5, 0, 5, 30)]
        curved = [-m * (x + m) for m, x in zip(mills, (-30, -5, 0, 5, 30), strict=True)]
    points = [(x,) for x in (-30.0, -5.0, 0.0, 5.0, 30.0)]
    assert relative_error(slope(S.log_ndtr, *points), mills) < 1e-13
    assert relative_error(slope(cr.grad(S.log_ndtr), *points), curved) < 1e-13
    assert relative_error(slope(S.dawsn, (1e8,)), [mp.mpf("-5e-17")]) < 1e-14
    assert relative_error(slope(S.betaln, (1e10, 1.0)), [mp.mpf("-1e-10")]) < 1e-14


@pytest.mark.parametrize("x", [0.0, 1e-12, 1e-5, 0.01, 0.3, 0.95, 1.2, 4.0])
def test_sinc_and_its_two_derivatives(x):
    first, second = cr.grad(cr.sinc), cr.grad(cr.grad(cr.sinc))
    with mp.workdps(250):
        y = mp.mpf(x) or mp.mpf(10) ** -50
        sine, cosine = mp.sinpi(y), mp.cospi(y)
        by_hand = cosine / y - sine / (mp.pi * y * y), -mp.pi * sine / y - 2 * cosine / y**2 + 2 * sine / (mp.pi * y**3)
    if x:
        assert relative_error(first(x), by_hand[:1]) < 1e-13
    else:
        assert first(x).item() == 0
        assert second(x).item() == pytest.approx(-(math.pi**2) / 3, rel=1e-15)
    np.testing.assert_allclose(second(x).item(), float(by_hand[1]), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("function", [S.exprel, S.spence, lambda x: S.boxcox(2.0, x), lambda x: S.inv_boxcox(0.5, x)])
def test_quotients_that_vanish(function):
    """Derivatives are smooth through the point where numerator and denominator vanish."""
    at = 1.0 if function is S.spence else 0.0
    values = [cr.grad(cr.grad(function))(at + h).item() for h in (-1e-7, 0.0, 1e-7)]
    assert values[1] == pytest.approx((values[0] + values[2]) / 2, rel=1e-11)


# ------------------------------------------------------------------------------------------------- edges

INF, NAN = math.inf, math.nan
EDGES = [
    (S.xlogy, (0.0, 0.0), (0, 0)),
    (S.xlogy, (0.0, 2.0), (math.log(2), 0)),
    (S.xlogy, (1.0, 0.0), (-INF, INF)),
    (S.xlog1py, (0.0, -1.0), (0, 0)),
    (S.entr, (0.0,), (INF,)),
    (S.entr, (-1.0,), (NAN,)),
    (S.rel_entr, (0.0, 0.0), (0, 0)),
    (S.rel_entr, (0.0, 2.0), (-INF, 0)),
    (S.rel_entr, (1e300, 1e-300), (1 + 600 * math.log(10), -INF)),
    (S.rel_entr, (-1.0, 2.0), (NAN, NAN)),
    (S.kl_div, (0.0, 2.0), (-INF, 1)),
    (S.kl_div, (2.0, 2.0), (0, 0)),
    (S.gamma, (0.0,), (-INF,)),
    (S.gamma, (-1.0,), (NAN,)),
    (S.gammaln, (-2.0,), (NAN,)),
    (S.digamma, (-1.0,), (INF,)),
    (S.rgamma, (-2.0,), (2,)),
    (S.rgamma, (0.0,), (1,)),
    (S.gammainc, (2.0, 0.0), (0, 0)),
    (S.gammainc, (1.0, 0.0), (0, 1)),
    (S.gammainc, (2.0, INF), (0, 0)),
    (S.gammainc, (-1.0, 2.0), (NAN, NAN)),
    (S.betainc, (2.0, 3.0, 0.0), (0, 0, 0)),
    (S.betainc, (2.0, 3.0, 1.0), (0, 0, 0)),
    (S.betainc, (2.0, 3.0, 2.0), (NAN, NAN, NAN)),
    (S.zeta, (0.5, 2.0), None),
    (S.erfinv, (1.0,), (INF,)),
    (S.ndtri, (0.0,), (INF,)),
    (S.logit, (0.0,), (INF,)),
    (S.lambertw, (0.0,), (1,)),
    (S.exp1, (0.0,), (-INF,)),
    (S.huber, (-1.0, 0.5), (NAN, NAN)),
    (S.huber, (1.0, -3.0), (2, -1)),
    (S.pseudo_huber, (0.0, 0.0), (0, 0)),
    (S.pseudo_huber, (0.0, -2.0), (2, 0)),
    (S.boxcox, (0.0, 2.0), (0, 0.25)),
    (S.multigammaln, (0.25, 2), (NAN,)),
    (cr.cbrt, (0.0,), (INF,)),
]


@pytest.mark.parametrize(("function", "point", "expected"), EDGES)
@np.errstate(all="ignore")
def test_edges(function, point, expected):
    operands = [i for i, x in enumerate(point) if isinstance(x, float)]
    z = lambda *x: cr.real(function(*x))
    back = cr.grad(z, tuple(operands))(*point)
    forth = [cr.jvp(lambda y, i=i: z(*point[:i], y, *point[i + 1 :]), (point[i],), (1.0,))[1].item() for i in operands]
    wanted = (NAN,) * len(operands) if expected is None else expected
    np.testing.assert_allclose([g.item() for g in back], wanted, rtol=1e-15)
    np.testing.assert_allclose(forth, wanted, rtol=1e-15)


@np.errstate(all="ignore")
def test_slopes_of_rgamma_have_slopes_at_its_zeros():
    with mp.workdps(60):
        expected = [mp.diff(mp.rgamma, n, 2) for n in (0, -1, -3)]
    assert relative_error([cr.grad(cr.grad(S.rgamma))(float(n)).item() for n in (0, -1, -3)], expected) < 1e-12


# ------------------------------------------------------------------------------------------------ complex

HOLOMORPHIC = {
    S.gamma: mp.gamma, S.loggamma: mp.loggamma, S.rgamma: mp.rgamma, S.digamma: mp.digamma, S.erf: mp.erf,
    S.erfc: mp.erfc, S.erfi: mp.erfi, S.exp1: mp.e1, S.expi: mp.ei, S.lambertw: mp.lambertw,
    S.erfcx: lambda z: mp.exp(z * z) * mp.erfc(z), S.wofz: lambda z: mp.exp(-z * z) * mp.erfc(-1j * z),
    S.dawsn: lambda z: mp.sqrt(mp.pi) / 2 * mp.exp(-z * z) * mp.erfi(z), S.spence: lambda z: mp.polylog(2, 1 - z),
    S.ndtr: lambda z: mp.erfc(-z / mp.sqrt(2)) / 2, S.sine_integral: mp.si, S.cosh_integral: mp.chi, cr.sinc: mp.sincpi,
    S.fresnel_sine: mp.fresnels, S.fresnel_cosine: mp.fresnelc,
}  # fmt: skip


@pytest.mark.parametrize("z", [0.3 + 0.8j, 2.5 - 1.5j, -1.3 + 0.4j])
@pytest.mark.parametrize("function", HOLOMORPHIC, ids=lambda f: f.__name__)
def test_complex_derivatives(function, z):
    moved = cr.jvp(function, (np.complex128(z),), (np.complex128(1),))[1]
    assert relative_error(moved, exact(HOLOMORPHIC[function], (z,))) < 1e-12
    twice = cr.jvp(lambda w: cr.jvp(function, (w,), (np.complex128(1),))[1], (np.complex128(z),), (np.complex128(1),))[
        1
    ]
    assert relative_error(twice, exact(HOLOMORPHIC[function], (z,), order=2)) < 1e-11


def test_polygamma_of_complex_numbers():
    for n in (1, 2, 5):
        points = [0.3 + 0.8j, 25 + 3j, -7.4 + 0.1j, -0.5 - 9j, 1e-3j]
        assert relative_error(S.polygamma(n, np.array(points)), [mp.psi(n, z) for z in points]) < 1e-12


# ------------------------------------------------------------------------------------- SciPy's way of calling


def test_scipys_ufuncs_take_tensors():
    x = cr.tensor([0.5, 2.0], requires_grad=True)
    for name in ("gamma", "erf", "gammainc", "xlogy", "expit", "psi"):
        function = getattr(special, name)
        y = function(x, 1.5) if name in ("gammainc", "xlogy") else function(x)
        assert y.requires_grad


def test_lambertw_takes_branch_and_tolerance():
    w = S.lambertw(cr.tensor([-0.2, -0.3]), -1, tol=1e-12)
    np.testing.assert_array_equal(w, special.lambertw(np.array([-0.2, -0.3]), -1, 1e-12))


# ----------------------------------------------------------------------------------------------- messages


def test_messages():
    x = cr.tensor([1.5, 2.5])
    n = cr.tensor([1.0, 2.0], requires_grad=True)
    assert_message(
        GradientError,
        "[polygamma] no derivative exists with respect to operand 0; a gradient was asked of something that depends on "
        "it; detach() that operand, or use a smooth function.",
        lambda: cr.sum(S.polygamma(n, x)).backward(),
    )
    assert_message(
        DTypeError,
        "[gammainc_derivative] an order is float64; expected integers, which count derivatives; convert it with "
        "int(n).",
        lambda: ops.gammainc_derivative(n.detach(), x, x),
    )
    assert_message(
        RangeError,
        "[zeta_derivative] an order is -1; expected 0 or more, which count derivatives; use n = 0 for the function.",
        lambda: ops.zeta_derivative(-1, x, x),
    )
    assert_message(
        DTypeError,
        "[multigammaln] d is 2.0; expected an integer ≥ 1, the dimension; convert it with int(d).",
        lambda: S.multigammaln(x, 2.0),
    )
    assert_message(
        DTypeError,
        "[hurwitz_zeta] not defined on operands complex128[2], 1.0: zeta(x, q) is a function of real numbers; "
        "zeta(x) of complex x is Riemann's; convert them with astype(...).",
        lambda: S.zeta(x * 1j, 1.0),
    )
    assert_message(
        DTypeError,
        "[gamma_density] not defined on operands complex128[2], float64[2]: it is a function of real numbers; convert "
        "them with astype(...).",
        lambda: ops.gamma_density(x * 1j, x),
    )


def test_curvature_of_gammainc_at_zero():
    """P″(a, x) at x = 0 by differences of x ↦ x^(a−1) e^(−x) / Γ(a): −1 for a = 1, then ∞, 1, and 0."""
    for a, second in ((0.5, -INF), (1.0, -1.0), (1.5, INF), (2.0, 1.0), (3.0, 0.0)):
        assert cr.grad(cr.grad(lambda x, a=a: S.gammainc(a, x)))(0.0).item() == second
        assert cr.grad(cr.grad(lambda x, a=a: S.gammaincc(a, x)))(0.0).item() == -second
    assert cr.grad(cr.grad(cr.grad(lambda x: S.gammainc(2.0, x))))(0.0).item() == -2.0

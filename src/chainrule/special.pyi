# Written by tools/stubs.py from the source and the registry; change those and run it again.

from collections.abc import Sequence
from typing import Any

from chainrule.tensor import Operand, Tensor

def exp2(x: Operand, /) -> Tensor:
    """2ˣ."""

def expm1(x: Operand, /) -> Tensor:
    """eˣ − 1, exact for small x."""

def log1p(x: Operand, /) -> Tensor:
    """log(1 + x), exact for small x."""

def expit(x: Operand, /) -> Tensor:
    """1 / (1 + e⁻ˣ), without overflow."""

def softplus(x: Operand, /) -> Tensor:
    """log(1 + eˣ), without overflow."""

def j0(x: Operand, /) -> Tensor:
    """J₀(x), the Bessel function of the first kind of order 0."""

def j1(x: Operand, /) -> Tensor:
    """J₁(x), the Bessel function of the first kind of order 1."""

def y0(x: Operand, /) -> Tensor:
    """Y₀(x), the Bessel function of the second kind of order 0; NaN for x < 0."""

def y1(x: Operand, /) -> Tensor:
    """Y₁(x), the Bessel function of the second kind of order 1; NaN for x < 0."""

def i0(x: Operand, /) -> Tensor:
    """I₀(x), the modified Bessel function of the first kind of order 0."""

def i1(x: Operand, /) -> Tensor:
    """I₁(x), the modified Bessel function of the first kind of order 1."""

def i0e(x: Operand, /) -> Tensor:
    """e^(−|x|) I₀(x), without overflow; the derivative at the kink 0 is 0."""

def i1e(x: Operand, /) -> Tensor:
    """e^(−|x|) I₁(x), without overflow."""

def k0(x: Operand, /) -> Tensor:
    """K₀(x), the modified Bessel function of the second kind of order 0; NaN for x < 0."""

def k1(x: Operand, /) -> Tensor:
    """K₁(x), the modified Bessel function of the second kind of order 1; NaN for x < 0."""

def k0e(x: Operand, /) -> Tensor:
    """eˣ K₀(x), without underflow; NaN for x < 0."""

def k1e(x: Operand, /) -> Tensor:
    """eˣ K₁(x), without underflow; NaN for x < 0."""

def jv(v: Operand, z: Operand, /) -> Tensor:
    """Jᵥ(z), the Bessel function of the first kind of real order v; z may be complex."""

def yv(v: Operand, z: Operand, /) -> Tensor:
    """Yᵥ(z), the Bessel function of the second kind of real order v; z may be complex; NaN for real z < 0."""

def iv(v: Operand, z: Operand, /) -> Tensor:
    """Iᵥ(z), the modified Bessel function of the first kind of real order v; z may be complex."""

def kv(v: Operand, z: Operand, /) -> Tensor:
    """Kᵥ(z), the modified Bessel function of the second kind of real order v; z may be complex."""

def kve(v: Operand, z: Operand, /) -> Tensor:
    """eᶻ Kᵥ(z), without underflow; derivatives as those of ``special.kv``."""

def hankel1(v: Operand, z: Operand, /) -> Tensor:
    """Jᵥ(z) + iYᵥ(z), the Hankel function of kind 1; ∂/∂v for real z > 0, as of ``special.jv``."""

def hankel1e(v: Operand, z: Operand, /) -> Tensor:
    """The Hankel function of kind 1 times exp(−iz), which does not oscillate."""

def hankel2(v: Operand, z: Operand, /) -> Tensor:
    """Jᵥ(z) − iYᵥ(z), the Hankel function of kind 2; ∂/∂v for real z > 0, as of ``special.jv``."""

def hankel2e(v: Operand, z: Operand, /) -> Tensor:
    """The Hankel function of kind 2 times exp(iz), which does not oscillate."""

def jv_order(k: Operand, v: Operand, x: Operand, /) -> Tensor:
    """∂ᵏJᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.jv`` in its order, for real x > 0."""

def yv_order(k: Operand, v: Operand, x: Operand, /) -> Tensor:
    """∂ᵏYᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.yv`` in its order, for real x > 0 (else NaN)."""

def ive_order(k: Operand, v: Operand, x: Operand, /) -> Tensor:
    """e⁻ˣ ∂ᵏIᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.ive`` in its order, for real x > 0."""

def kve_order(k: Operand, v: Operand, x: Operand, /) -> Tensor:
    """eˣ ∂ᵏKᵥ(x)/∂vᵏ of (k, v, x), the kth derivative of ``special.kve`` in its order, for real x > 0 (else
    NaN).
    """

def ellipk(m: Operand, /) -> Tensor:
    """K(m) = ∫₀^(π/2) (1 − m sin²θ)^(−1/2) dθ, the complete elliptic integral of the first kind; NaN for m > 1."""

def ellipkm1(p: Operand, /) -> Tensor:
    """K(1 − p), exact for small p; NaN for p < 0."""

def ellipe(m: Operand, /) -> Tensor:
    """E(m) = ∫₀^(π/2) (1 − m sin²θ)^(1/2) dθ, the complete elliptic integral of the second kind; NaN for m > 1."""

def ellipkinc(phi: Operand, m: Operand, /) -> Tensor:
    """F(φ, m) = ∫₀^φ (1 − m sin²θ)^(−1/2) dθ, the incomplete elliptic integral of the first kind; NaN for m > 1."""

def ellipeinc(phi: Operand, m: Operand, /) -> Tensor:
    """E(φ, m) = ∫₀^φ (1 − m sin²θ)^(1/2) dθ, the incomplete elliptic integral of the second kind; NaN for m > 1."""

def xlogy(x1: Operand, x2: Operand, /) -> Tensor:
    """x log y, 0 where x is 0, for real and complex numbers; both derivatives are 0 at (0, 0)."""

def xlog1py(x1: Operand, x2: Operand, /) -> Tensor:
    """x log(1 + y), 0 where x is 0, exact for small y; both derivatives are 0 at (0, −1)."""

def entr(x: Operand, /) -> Tensor:
    """−x log x for x > 0, 0 at 0 with the slope ∞, −∞ for x < 0."""

def rel_entr(x1: Operand, x2: Operand, /) -> Tensor:
    """x log(x/y) for x, y > 0, 0 for x = 0 ≤ y, else ∞; its slope in x is −∞ at x = 0 < y, and 0 at (0, 0)."""

def kl_div(x1: Operand, x2: Operand, /) -> Tensor:
    """x log(x/y) − x + y for x, y > 0, y for x = 0 ≤ y, else ∞; convex in both."""

def logit(x: Operand, /) -> Tensor:
    """log(x/(1 − x)) for 0 ≤ x ≤ 1, the inverse of expit."""

def log_expit(x: Operand, /) -> Tensor:
    """log(1/(1 + e⁻ˣ)), without overflow."""

def huber(delta: Operand, r: Operand, /) -> Tensor:
    """Huber's loss of r: r²/2 for |r| ≤ δ, else δ(|r| − δ/2); the first operand is δ, and it is ∞ for δ < 0."""

def pseudo_huber(delta: Operand, r: Operand, /) -> Tensor:
    """δ² (√(1 + (r/δ)²) − 1), a smooth Huber loss; the first operand is δ ≥ 0."""

def powm1(x1: Operand, x2: Operand, /) -> Tensor:
    """x**y − 1, exact where x**y is near 1."""

def cosm1(x: Operand, /) -> Tensor:
    """cos x − 1, exact for small x."""

def cbrt(x: Operand, /) -> Tensor:
    """The real cube root of x, negative for negative x; its slope at 0 is ∞."""

def exp10(x: Operand, /) -> Tensor:
    """10ˣ."""

def erf(x: Operand, /) -> Tensor:
    """erf x = 2/√π ∫₀ˣ e^(−t²) dt, for real and complex x."""

def erfc(x: Operand, /) -> Tensor:
    """1 − erf x, exact for large x; for real and complex x."""

def erfi(x: Operand, /) -> Tensor:
    """−i erf(ix), for real and complex x."""

def erfcx(x: Operand, /) -> Tensor:
    """e^(x²) erfc x, for real and complex x; the derivative keeps its digits for large x."""

def wofz(x: Operand, /) -> Tensor:
    """Faddeeva's function w(x) = e^(−x²) erfc(−ix), complex also for real x."""

def dawsn(x: Operand, /) -> Tensor:
    """Dawson's integral e^(−x²) ∫₀ˣ e^(t²) dt, for real and complex x."""

def erfinv(x: Operand, /) -> Tensor:
    """The y with erf y = x, for −1 ≤ x ≤ 1; infinite with an infinite slope at the ends."""

def erfcinv(x: Operand, /) -> Tensor:
    """The y with erfc y = x, for 0 ≤ x ≤ 2."""

def ndtr(x: Operand, /) -> Tensor:
    """The standard normal distribution function Φ(x) = erfc(−x/√2)/2, for real and complex x."""

def log_ndtr(x: Operand, /) -> Tensor:
    """log Φ(x), without underflow; the derivative is the inverse Mills ratio φ(x)/Φ(x), and exact in both tails."""

def ndtri(x: Operand, /) -> Tensor:
    """The x with Φ(x) = y, for 0 ≤ y ≤ 1."""

def ndtri_exp(x: Operand, /) -> Tensor:
    """The x with log Φ(x) = y, for y ≤ 0."""

def gamma(x: Operand, /) -> Tensor:
    """Γ(x) = ∫₀^∞ t^(x−1) e^(−t) dt, for real and complex x; Γ′ = Γ·ψ (DLMF 5.2.2)."""

def gammaln(x: Operand, /) -> Tensor:
    """log |Γ(x)| of real x, without overflow; the derivative is ψ(x)."""

def lgamma(x: Operand, /) -> Tensor:
    """log |Γ(x)| of real x, without overflow; the derivative is ψ(x)."""

def loggamma(x: Operand, /) -> Tensor:
    """The principal branch of log Γ(x), cut along the negative axis; the derivative is ψ(x)."""

def rgamma(x: Operand, /) -> Tensor:
    """1/Γ(x), which is 0 at the poles of Γ, where its slope at −n is (−1)ⁿ n!."""

def gammasgn(x: Operand, /) -> Tensor:
    """The sign of Γ(x); it is flat."""

def digamma(x: Operand, /) -> Tensor:
    """ψ(x) = Γ′(x)/Γ(x), for real and complex x."""

def psi(x: Operand, /) -> Tensor:
    """ψ(x) = Γ′(x)/Γ(x), for real and complex x."""

def polygamma(n: Operand, x: Operand, /) -> Tensor:
    """ψ⁽ⁿ⁾(x), the n-th derivative of digamma, for integers n ≥ 0; complex x too. There is no derivative by n."""

def beta(a: Operand, b: Operand, /) -> Tensor:
    """B(a, b) = Γ(a) Γ(b) / Γ(a + b); ∂B/∂a = B·(ψ(a) − ψ(a + b))."""

def betaln(a: Operand, b: Operand, /) -> Tensor:
    """log |B(a, b)|, without overflow; ∂/∂a is ψ(a) − ψ(a + b)."""

def poch(z: Operand, m: Operand, /) -> Tensor:
    """Pochhammer's symbol (z)ₘ = Γ(z + m)/Γ(z), for real z and m; NaN derivatives at the poles of ψ."""

def binom(n: Operand, k: Operand, /) -> Tensor:
    """The binomial coefficient Γ(n + 1) / (Γ(k + 1) Γ(n − k + 1)) of real n and k, differentiable in both."""

def hyp2f1(a: Operand, b: Operand, c: Operand, z: Operand, /) -> Tensor:
    """₂F₁(a, b; c; z), Gauss's hypergeometric function of real a, b, c; z may be complex."""

def hyp1f1(a: Operand, b: Operand, z: Operand, /) -> Tensor:
    """₁F₁(a; b; z) = M(a, b, z), Kummer's confluent hypergeometric function of real a, b; z may be complex."""

def hyp0f1(v: Operand, z: Operand, /) -> Tensor:
    """₀F₁(v; z), the confluent hypergeometric limit function of real v; z may be complex."""

def hyperu(a: Operand, b: Operand, x: Operand, /) -> Tensor:
    """U(a, b, x), Tricomi's confluent hypergeometric function, for x > 0; its derivatives in a and b raise."""

def betainc(a: Operand, b: Operand, x: Operand, /) -> Tensor:
    """I_x(a, b) = ∫₀ˣ t^(a−1) (1−t)^(b−1) dt / B(a, b), differentiable in a, b and x (DLMF 8.17.2)."""

def betaincc(a: Operand, b: Operand, x: Operand, /) -> Tensor:
    """1 − I_x(a, b), exact in the upper tail, differentiable in a, b and x."""

def betaincinv(a: Operand, b: Operand, y: Operand, /) -> Tensor:
    """The x at which betainc(a, b, x) = y, differentiable in a, b and y."""

def betainccinv(a: Operand, b: Operand, y: Operand, /) -> Tensor:
    """The x at which betaincc(a, b, x) = y, differentiable in a, b and y."""

def gammainc(a: Operand, x: Operand, /) -> Tensor:
    """P(a, x) = ∫₀ˣ t^(a−1) e^(−t) dt / Γ(a), differentiable in a and x (DLMF 8.2.4)."""

def gammaincc(a: Operand, x: Operand, /) -> Tensor:
    """Q(a, x) = 1 − P(a, x), exact in the upper tail, differentiable in a and x (DLMF 8.2.4)."""

def gammaincinv(a: Operand, y: Operand, /) -> Tensor:
    """The x at which gammainc(a, x) = y, differentiable in a and y."""

def gammainccinv(a: Operand, y: Operand, /) -> Tensor:
    """The x at which gammaincc(a, x) = y, differentiable in a and y."""

def exp1(x: Operand, /) -> Tensor:
    """E₁(x) = ∫ₓ^∞ e^(−t)/t dt, for real x > 0 and complex x (DLMF 6.2.1)."""

def expi(x: Operand, /) -> Tensor:
    """Ei(x) = ∫₋∞ˣ eᵗ/t dt, a principal value for x > 0 (DLMF 6.2.5); −∞ at 0."""

def expn(n: Operand, x: Operand, /) -> Tensor:
    """Eₙ(x) = ∫₁^∞ e^(−xt)/tⁿ dt for integers n ≥ 0 and real x (DLMF 8.19.3). There is no derivative by n."""

def sine_integral(x: Operand, /) -> Tensor:
    """Si(x) = ∫₀ˣ sin(t)/t dt, the first of ``special.sici``."""

def cosine_integral(x: Operand, /) -> Tensor:
    """Ci(x) = γ + log x + ∫₀ˣ (cos(t) − 1)/t dt, the second of ``special.sici``."""

def sinh_integral(x: Operand, /) -> Tensor:
    """Shi(x) = ∫₀ˣ sinh(t)/t dt, the first of ``special.shichi``."""

def cosh_integral(x: Operand, /) -> Tensor:
    """Chi(x) = γ + log x + ∫₀ˣ (cosh(t) − 1)/t dt, the second of ``special.shichi``."""

def fresnel_sine(x: Operand, /) -> Tensor:
    """S(x) = ∫₀ˣ sin(πt²/2) dt, the first of ``special.fresnel``."""

def fresnel_cosine(x: Operand, /) -> Tensor:
    """C(x) = ∫₀ˣ cos(πt²/2) dt, the second of ``special.fresnel``."""

def owens_t(h: Operand, a: Operand, /) -> Tensor:
    """Owen's T(h, a) = 1/2π ∫₀ᵃ e^(−h²(1+t²)/2) / (1 + t²) dt (D. B. Owen, Ann. Math. Stat. 27 (1956) 1075)."""

def wrightomega(x: Operand, /) -> Tensor:
    """The ω with ω + log ω = x, for real and complex x."""

def eval_legendre(n: Operand, x: Operand, slope: Operand, /) -> Tensor:
    """Pₙ(x), the Legendre polynomial, of degree n."""

def eval_chebyt(n: Operand, x: Operand, slope: Operand, /) -> Tensor:
    """Tₙ(x), the Chebyshev polynomial of the first kind, of degree n."""

def eval_chebyu(n: Operand, x: Operand, slope: Operand, /) -> Tensor:
    """Uₙ(x), the Chebyshev polynomial of kind 2, of degree n."""

def eval_laguerre(n: Operand, x: Operand, slope: Operand, /) -> Tensor:
    """Lₙ(x), the Laguerre polynomial, of degree n."""

def eval_hermite(n: Operand, x: Operand, slope: Operand, /) -> Tensor:
    """Hₙ(x), the Hermite polynomial of weight exp(−x²), of degree n."""

def eval_hermitenorm(n: Operand, x: Operand, slope: Operand, /) -> Tensor:
    """Heₙ(x), the Hermite polynomial of weight exp(−x²/2), of degree n."""

def eval_genlaguerre(n: Operand, alpha: Operand, x: Operand, /) -> Tensor:
    """Lₙ^α(x) of (n, α, x), the generalized Laguerre polynomial of degree n; the derivative in α raises."""

def eval_gegenbauer(n: Operand, alpha: Operand, x: Operand, /) -> Tensor:
    """Cₙ^α(x) of (n, α, x), the Gegenbauer polynomial of degree n; the derivative in α raises."""

def eval_jacobi(n: Operand, alpha: Operand, beta: Operand, x: Operand, /) -> Tensor:
    """Pₙ^(α, β)(x) of (n, α, β, x), the Jacobi polynomial of degree n; derivatives in α and β raise."""

def exprel(x: Operand, /) -> Tensor:
    """(eˣ − 1)/x, which is 1 at 0."""

def sinc(x: Operand, /) -> Tensor:
    """sin(πx)/(πx), which is 1 at 0, where its second derivative is −π²/3."""

def spence(x: Operand, /) -> Tensor:
    """Spence's function ∫₁ˣ log t / (1 − t) dt = Li₂(1 − x), for real and complex x (DLMF 25.12.3)."""

def boxcox(x: Operand, power: Operand, /) -> Tensor:
    """The Box–Cox transformation (x^λ − 1)/λ, log x for λ = 0; differentiable in x and λ, also at λ = 0."""

def boxcox1p(x: Operand, power: Operand, /) -> Tensor:
    """The Box–Cox transformation of 1 + x, exact for small x."""

def inv_boxcox(y: Operand, power: Operand, /) -> Tensor:
    """The x with boxcox(x, λ) = y: (1 + λy)^(1/λ), or eʸ for λ = 0."""

def inv_boxcox1p(y: Operand, power: Operand, /) -> Tensor:
    """The x with boxcox1p(x, λ) = y, exact for small y."""

def stdtr(df: Operand, t: Operand, /) -> Tensor:
    """The distribution function at t of Student's t with df degrees of freedom, of (df, t)."""

def stdtrit(df: Operand, p: Operand, /) -> Tensor:
    """The t at which stdtr(df, t) = p, of (df, p)."""

def zetac(x: Operand, /) -> Tensor:
    """ζ(x) − 1 for real x, exact for large x."""

def logsumexp(a: Any, axis: int | Sequence[int] | None = None, b: Any = None, keepdims: bool = False) -> Tensor:
    """log Σ b eᵃ over ``axis`` (all axes by default), with weights b as SciPy has it; NaN if the sum is
    negative.
    """

def softmax(x: Operand, axis: int | Sequence[int] | None = None) -> Tensor:
    """eˣ / Σ eˣ over ``axis``, by default all axes, as SciPy has it."""

def log_softmax(x: Operand, axis: int | Sequence[int] | None = None) -> Tensor:
    """x − log Σ eˣ over ``axis``, by default all axes, as SciPy has it."""

def airy(z: Any) -> tuple[Tensor, ...]:
    """(Ai, Ai′, Bi, Bi′), the Airy functions of z and their derivatives; z may be complex."""

def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """jₙ(z) = √(π/2z) Jₙ₊½(z), the spherical Bessel function of the first kind, of whole order n; with
    ``derivative=True``, dfₙ/dz.
    """

def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """yₙ(z) = √(π/2z) Yₙ₊½(z), the spherical Bessel function of the second kind, of whole order n; with
    ``derivative=True``, dfₙ/dz.
    """

def spherical_in(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """iₙ(z) = √(π/2z) Iₙ₊½(z), the modified spherical Bessel function of the first kind, of whole order n; with
    ``derivative=True``, dfₙ/dz.
    """

def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """kₙ(z) = √(π/2z) Kₙ₊½(z), the modified spherical Bessel function of the second kind, of whole order n; with
    ``derivative=True``, dfₙ/dz.
    """

def ive(v: Any, z: Any) -> Tensor:
    """e^(−|Re z|) Iᵥ(z), without overflow; the derivative in z takes |x| to be flat at 0."""

def jve(v: Any, z: Any) -> Tensor:
    """e^(−|Im z|) Jᵥ(z), without overflow; of real z, Jᵥ(z)."""

def yve(v: Any, z: Any) -> Tensor:
    """e^(−|Im z|) Yᵥ(z), without overflow; of real z, Yᵥ(z)."""

def ellipj(u: Any, m: Any) -> tuple[Tensor, ...]:
    """(sn, cn, dn, am), Jacobi's elliptic functions of (u, m) and the amplitude, for 0 ≤ m ≤ 1 (else NaN)."""

def multigammaln(a: Any, d: Any) -> Tensor:
    """log Γ_d(a), the logarithm of the multivariate gamma function of dimension d, an int (DLMF 35.3.4)."""

def sici(x: Operand) -> Tensor:
    """(Si(x), Ci(x)), the sine and cosine integrals, for real and complex x (DLMF 6.2)."""

def shichi(x: Operand) -> Tensor:
    """(Shi(x), Chi(x)), the hyperbolic sine and cosine integrals, for real and complex x (DLMF 6.2)."""

def fresnel(x: Operand) -> Tensor:
    """(S(x), C(x)), Fresnel's integrals, for real and complex x (DLMF 7.2.7)."""

def lambertw(z: Any, k: int = 0, tol: Any = 1e-08) -> Tensor:
    """W(z) with W e^W = z on its k-th branch, complex also for real z; ∂W/∂z = e^(−W)/(1 + W)."""

def zeta(x: Operand, q: Any = None) -> Tensor:
    """Hurwitz's ζ(x, q) = Σ (q + k)^(−x) over k ≥ 0 for x > 1, or, without q, Riemann's ζ(x) for all x ≠ 1."""

"""Derivatives at the points where libraries differ or fail: one table, executed as a test, printed as a page."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.errors import GradientError
from chainrule.ops import ops

INF = float("inf")
NAN = float("nan")
TWICE = [[2, 0], [0, 2]]  # a matrix that has one value twice
ZEROS = [[0, 0], [0, 0]]


class Convention(NamedTuple):
    """The derivative of ``code``, an expression in the library's functions, at one point.

    ``derivative`` has an entry for each argument: a Jacobian, whose axes are those of the result and then those of the
    argument. With ``order`` 2 it is the second derivative of a function of one number. It is an error where no
    convention would be right.
    """

    code: str
    point: dict[str, Any]
    derivative: dict[str, Any]
    why: str
    order: int = 1

    @property
    def function(self) -> Callable[..., Any]:
        """The expression as a function of the point's arguments, in their order."""
        return eval(f"lambda {', '.join(self.point)}: {self.code}", {**vars(ops), "inf": INF})

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {shown(value)}" for name, value in self.point.items())
        return f"{self.code} at {at}" + (", order 2" if self.order == 2 else "")


class Section(NamedTuple):
    """Conventions that follow from one rule."""

    title: str
    rule: str
    rows: tuple[Convention, ...]


TABLE = (
    Section(
        "Branches that were not taken",
        "Nothing flows to the branch that `where` did not take, and where nothing flows, nothing leaks: 0 · ∞ = 0 and "
        "0 · NaN = 0.",
        (
            Convention("where(x > 0, sqrt(x), x)", {"x": -1}, {"x": 1}, "√−1 is NaN, and is not taken"),
            Convention("where(x > 0, log(x), x)", {"x": 0}, {"x": 1}, "log 0 is −∞ with slope ∞, and is not taken"),
            Convention("where(x > 0, 1 / x, x)", {"x": 0}, {"x": 1}, "1/0 is ∞ with slope −∞, and is not taken"),
            Convention("where(abs(x) < 1, sqrt(1 - x * x), 0)", {"x": 2}, {"x": 0}, "the branch taken is constant"),
            Convention(
                "sqrt(where(x > 0, x, 0))", {"x": -1}, {"x": 0}, "the slope of √ at 0 is ∞, that of `where` is 0"
            ),
        ),
    ),
    Section(
        "Kinks",
        "The derivative is the subgradient of least norm. Where a function jumps, it is the slope on both sides.",
        (
            Convention("abs(x)", {"x": 0}, {"x": 0}, "the subgradients are [−1, 1]"),
            Convention("relu(x)", {"x": 0}, {"x": 0}, "the subgradients are [0, 1]"),
            Convention("sign(x)", {"x": 0}, {"x": 0}, "flat on both sides"),
            Convention("norm(x)", {"x": [0, 0]}, {"x": [0, 0]}, "the subgradients are the unit disk"),
            Convention("hypot(x, y)", {"x": 0, "y": 0}, {"x": 0, "y": 0}, "the subgradients are the unit disk"),
            Convention("sqrt(sum(x * x))", {"x": [0, 0]}, {"x": [0, 0]}, "a norm written out: ∞ · 2x with x = 0"),
            Convention("std(x)", {"x": [2, 2, 2]}, {"x": [0, 0, 0]}, "a norm of the deviations, which are 0"),
            Convention("atan2(y, x)", {"y": 0, "x": 0}, {"y": 0, "x": 0}, "the angle of the origin is no angle"),
            Convention("vector_norm(x, ord=1)", {"x": [0, 2]}, {"x": [0, 1]}, "|x₀| has the subgradients [−1, 1]"),
            Convention("vector_norm(x, ord=3)", {"x": [0, 0]}, {"x": [0, 0]}, "the subgradients are a ball"),
            Convention("vector_norm(x, ord=inf)", {"x": [0, 0]}, {"x": [0, 0]}, "the subgradients are a ball"),
            Convention("vector_norm(x, ord=-inf)", {"x": [0, 2]}, {"x": [0, 0]}, "min |xᵢ| has its kink at 0"),
            Convention("vector_norm(x, ord=-1)", {"x": [0, 2]}, {"x": [0, 0]}, "|x₀x₁| / (|x₀| + |x₁|)"),
            Convention("vector_norm(x, ord=0)", {"x": [0, 2]}, {"x": [0, 0]}, "a count is flat where it is not a jump"),
            Convention("cdist(x, y)", {"x": [[1, 2]], "y": [[1, 2]]}, {"x": [[[[0, 0]]]], "y": [[[[0, 0]]]]}, "a norm"),
            Convention("l1_loss(x, y)", {"x": 1, "y": 1}, {"x": 0, "y": 0}, "|x − y|"),
            Convention("leaky_relu(x, 0.125)", {"x": 0}, {"x": 0.125}, "the subgradients are [⅛, 1]"),
            Convention("hardtanh(x)", {"x": 1}, {"x": 0}, "the slopes are 1 and 0"),
            Convention("relu6(x)", {"x": 6}, {"x": 0}, "the slopes are 1 and 0"),
            Convention("softshrink(x)", {"x": 0.5}, {"x": 0}, "the slopes are 0 and 1"),
            Convention("elu(x)", {"x": 0}, {"x": 1}, "no kink: the slopes are 1 and 1"),
            Convention("floor(x)", {"x": 1}, {"x": 0}, "flat on both sides"),
            Convention("round(x)", {"x": 0.5}, {"x": 0}, "flat on both sides"),
            Convention("heaviside(x, 0.5)", {"x": 0}, {"x": 0}, "flat on both sides"),
        ),
    ),
    Section(
        "Knots",
        "A function of pieces has at a knot the slope of the piece to the right.",
        (
            Convention("interp(x, [0, 1, 2], [0, 1, 3])", {"x": 0}, {"x": 1}, "the first piece begins"),
            Convention("interp(x, [0, 1, 2], [0, 1, 3])", {"x": 1}, {"x": 2}, "the second piece begins"),
            Convention("interp(x, [0, 1, 2], [0, 1, 3])", {"x": 2}, {"x": 0}, "constant from here on"),
            Convention("remainder(x, y)", {"x": 4, "y": 2}, {"x": 1, "y": -2}, "x − 2y from here on"),
        ),
    ),
    Section(
        "Ties",
        "What is largest, or smallest, more than once shares the derivative equally.",
        (
            Convention("maximum(x, y)", {"x": 3, "y": 3}, {"x": 0.5, "y": 0.5}, "two share"),
            Convention("minimum(x, y)", {"x": 3, "y": 3}, {"x": 0.5, "y": 0.5}, "two share"),
            Convention("max(x)", {"x": [3, 3, 1]}, {"x": [0.5, 0.5, 0]}, "two share"),
            Convention("min(x)", {"x": [1, 1, 3]}, {"x": [0.5, 0.5, 0]}, "two share"),
            Convention("clip(x, 0, 1)", {"x": 0}, {"x": 0.5}, "x ties with the bound"),
            Convention("clip(x, 0, 1)", {"x": 1}, {"x": 0.5}, "x ties with the bound"),
            Convention("fmax(x, y)", {"x": 3, "y": 3}, {"x": 0.5, "y": 0.5}, "two share"),
            Convention("sort(x)", {"x": [2, 2, 1]}, {"x": [[0, 0, 1], [0.5, 0.5, 0], [0.5, 0.5, 0]]}, "two share each"),
            Convention("top_k(x, 1)[0]", {"x": [2, 2, 1]}, {"x": [[0.5, 0.5, 0]]}, "two share"),
            Convention("median(x)", {"x": [2, 2, 1]}, {"x": [0.5, 0.5, 0]}, "two share"),
            Convention("median(x)", {"x": [1, 4, 2, 3]}, {"x": [0, 0, 0.5, 0.5]}, "no tie: the mean of two"),
            Convention("quantile(x, 0.25)", {"x": [1, 1, 5, 6, 7]}, {"x": [0.5, 0.5, 0, 0, 0]}, "two share"),
            Convention("cummax(x)", {"x": [2, 2, 1]}, {"x": [[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0]]}, "those so far"),
            Convention("cummin(x)", {"x": [2, 2, 1]}, {"x": [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]}, "those so far"),
            Convention("segment_max(x, [0, 0, 1])", {"x": [2, 2, 1]}, {"x": [[0.5, 0.5, 0], [0, 0, 1]]}, "two share"),
            Convention(
                "max_pool1d(reshape(x, (1, 1, 4)), 2)",
                {"x": [1, 1, 2, 3]},
                {"x": [[[[0.5, 0.5, 0, 0], [0, 0, 0, 1]]]]},
                "two share a window",
            ),
            Convention("vector_norm(x, ord=inf)", {"x": [1, -1]}, {"x": [0.5, -0.5]}, "two share"),
            Convention("vector_norm(x, ord=-inf)", {"x": [1, -1]}, {"x": [0.5, -0.5]}, "two share"),
        ),
    ),
    Section(
        "Products and powers with zeros",
        "These functions are smooth at 0 (or are made so by 0⁰ = 1), though a formula that divides by x is not.",
        (
            Convention("prod(x)", {"x": [0, 2, 3]}, {"x": [6, 0, 0]}, "∂/∂xᵢ = ∏ xⱼ over j ≠ i"),
            Convention("prod(x)", {"x": [0, 0, 3]}, {"x": [0, 0, 0]}, "∂/∂xᵢ = ∏ xⱼ over j ≠ i"),
            Convention(
                "cumprod(x)",
                {"x": [2, 0, 3]},
                {"x": [[1, 0, 0], [0, 2, 0], [0, 6, 0]]},
                "∂outₖ/∂xᵢ = ∏ xⱼ over j ≤ k, j ≠ i",
            ),
            Convention("x ** 0.0", {"x": 0}, {"x": 0}, "x⁰ is 1 everywhere"),
            Convention("x ** y", {"x": 0, "y": 0}, {"x": 0, "y": 0}, "x⁰ is 1 for every x; 0ʸ is taken as flat"),
            Convention("x ** y", {"x": 0, "y": 2}, {"x": 0, "y": 0}, "0ʸ is 0 for every y > 0"),
            Convention("x ** 2", {"x": 0}, {"x": 2}, "(x²)″ = 2", order=2),
            Convention("x ** 1.0", {"x": 0}, {"x": 1}, "x"),
            Convention("x ** 3", {"x": 0}, {"x": 0}, "(x³)″ = 6x", order=2),
            Convention("cumprod(x)", {"x": [0, 2, 0]}, {"x": [[1, 0, 0], [2, 0, 0], [0, 0, 0]]}, "two zeros"),
            Convention("i0(x)", {"x": 0}, {"x": 0.5}, "I₀″ = I₀ − I₁/x, and I₁(x)/x → ½", order=2),
            Convention("i1(x)", {"x": 0}, {"x": 0.5}, "I₁′ = I₀ − I₁/x"),
            Convention("j1(x)", {"x": 0}, {"x": 0.5}, "J₁′ = J₀ − J₁/x, and J₁(x)/x → ½"),
            Convention("jv(1, x)", {"x": 0}, {"x": 0.5}, "the same of any order"),
            Convention("spherical_jn(1, x)", {"x": 0}, {"x": 1 / 3}, "j₁(x)/x → ⅓"),
            Convention("sinc(x)", {"x": 0}, {"x": 0}, "even"),
            Convention("sinc(x)", {"x": 0}, {"x": -(math.pi**2) / 3}, "sinc x = 1 − π²x²/6 + …", order=2),
            Convention("rgamma(x)", {"x": -1}, {"x": -1}, "1/Γ is entire; here Γ has a pole"),
        ),
    ),
    Section(
        "Entropies",
        "0 · log 0 = 0, so where x is 0, x · log y is flat in y. Where the slope is infinite, it is said to be so.",
        (
            Convention("xlogy(x, y)", {"x": 0, "y": 0}, {"x": 0, "y": 0}, "0 for every y, and taken as flat in x"),
            Convention("xlogy(x, y)", {"x": 0, "y": 1}, {"x": 0, "y": 0}, "log y, and x/y"),
            Convention("xlog1py(x, y)", {"x": 0, "y": -1}, {"x": 0, "y": 0}, "x · log(1 + y), likewise"),
            Convention("entr(x)", {"x": 0}, {"x": INF}, "−log x − 1"),
            Convention("entr(x)", {"x": -1}, {"x": NAN}, "−∞ below 0"),
            Convention("rel_entr(x, y)", {"x": 0, "y": 2}, {"x": -INF, "y": 0}, "log(x/y) + 1, and −x/y"),
            Convention("kl_div(x, y)", {"x": 0, "y": 2}, {"x": -INF, "y": 1}, "log(x/y), and 1 − x/y"),
        ),
    ),
    Section(
        "Where NaN is left out",
        "What is left out gets nothing, also if nothing is left.",
        (
            Convention("nansum(x)", {"x": [NAN, 1]}, {"x": [0, 1]}, "the rest is summed"),
            Convention("nansum(x)", {"x": [NAN, NAN]}, {"x": [0, 0]}, "the sum of nothing is 0"),
            Convention("nanprod(x)", {"x": [NAN, NAN]}, {"x": [0, 0]}, "the product of nothing is 1"),
            Convention("nanmean(x)", {"x": [NAN, 1]}, {"x": [0, 1]}, "the mean of one"),
            Convention("nanmax(x)", {"x": [NAN, 1, 1]}, {"x": [0, 0.5, 0.5]}, "two share"),
            Convention("nanmax(x)", {"x": [NAN, NAN]}, {"x": [0, 0]}, "NaN, which no element is the largest of"),
            Convention("nanmin(x)", {"x": [NAN, NAN]}, {"x": [0, 0]}, "NaN, which no element is the smallest of"),
            Convention("fmax(x, y)", {"x": NAN, "y": 1}, {"x": 0, "y": 1}, "y it is"),
            Convention("where(isnan(x), 0, x)", {"x": NAN}, {"x": 0}, "the branch taken is constant"),
            Convention("nan_to_num(x)", {"x": NAN}, {"x": 0}, "a constant in its place"),
            Convention("max(x)", {"x": [NAN, 1]}, {"x": [1, 0]}, "not left out: NaN counts as the largest"),
        ),
    ),
    Section(
        "Matrices",
        "det is a polynomial, and has its derivative, the cofactors, at any rank. Values that occur twice share "
        "equally. Their vectors may be rotated into one another: functions that no rotation changes have a derivative, "
        "and for others it is an error.",
        (
            Convention("det(x)", {"x": [[1, 2], [2, 4]]}, {"x": [[4, -2], [-2, 1]]}, "rank n − 1"),
            Convention(
                "det(x)",
                {"x": [[1, 0, 0], [0, 1, 0], [0, 0, 0]]},
                {"x": [[0, 0, 0], [0, 0, 0], [0, 0, 1]]},
                "rank n − 1",
            ),
            Convention(
                "det(x)",
                {"x": [[1, 0, 0], [0, 0, 0], [0, 0, 0]]},
                {"x": [[0, 0, 0], [0, 0, 0], [0, 0, 0]]},
                "rank n − 2: every cofactor is 0",
            ),
            Convention("det(x)", {"x": ZEROS}, {"x": ZEROS}, "rank 0"),
            Convention("slogdet(x)[1]", {"x": [[1, 0], [0, 0]]}, {"x": GradientError}, "log |det| is −∞"),
            Convention("sum(eigvalsh(x) ** 2)", {"x": TWICE}, {"x": [[4, 0], [0, 4]]}, "Σ λ² = tr x², smooth"),
            Convention("eigh(x)[1]", {"x": TWICE}, {"x": GradientError}, "the vectors may be any basis"),
            Convention("sum(svdvals(x) ** 2)", {"x": TWICE}, {"x": [[4, 0], [0, 4]]}, "Σ σ² = Σ |x|², smooth"),
            Convention("sum(svdvals(x) ** 2)", {"x": ZEROS}, {"x": ZEROS}, "Σ σ² = Σ |x|², smooth"),
            Convention("svd(x)[0]", {"x": TWICE}, {"x": GradientError}, "the vectors may be any basis"),
            Convention("matrix_norm(x)", {"x": ZEROS}, {"x": ZEROS}, "the subgradients are a ball"),
            Convention("matrix_norm(x, ord=2)", {"x": ZEROS}, {"x": ZEROS}, "the subgradients are a ball"),
            Convention("matrix_norm(x, ord='nuc')", {"x": ZEROS}, {"x": ZEROS}, "the subgradients are a ball"),
            Convention("matrix_norm(x, ord=1)", {"x": ZEROS}, {"x": ZEROS}, "the subgradients are a ball"),
            Convention("matrix_norm(x, ord=2)", {"x": TWICE}, {"x": [[0.5, 0], [0, 0.5]]}, "two share"),
            Convention("matrix_norm(x, ord=-2)", {"x": TWICE}, {"x": [[0.5, 0], [0, 0.5]]}, "two share"),
            Convention("matrix_norm(x, ord=1)", {"x": TWICE}, {"x": [[0.5, 0], [0, 0.5]]}, "two columns share"),
            Convention("cond(x)", {"x": [[2, 0], [0, 1]]}, {"x": [[1, 0], [0, -2]]}, "σ₀/σ₁"),
        ),
    ),
    Section(
        "Sums of exponentials",
        "The shares exp(xᵢ) / Σ exp(xⱼ) are computed without overflow. If all terms are exp(−∞) = 0, none has a share.",
        (
            Convention("logsumexp(x)", {"x": [-INF, -INF]}, {"x": [0, 0]}, "no term has a share"),
            Convention("logsumexp(x)", {"x": [-INF, 0]}, {"x": [0, 1]}, "one term has it all"),
            Convention("logsumexp(x)", {"x": [INF, 0]}, {"x": [1, 0]}, "one term has it all"),
            Convention("logsumexp(x)", {"x": [INF, INF]}, {"x": [0.5, 0.5]}, "a tie"),
            Convention("logaddexp(x, y)", {"x": -INF, "y": -INF}, {"x": 0, "y": 0}, "no term has a share"),
            Convention("logaddexp(x, y)", {"x": INF, "y": INF}, {"x": 0.5, "y": 0.5}, "a tie"),
            Convention("softmax(x)", {"x": [-INF, -INF]}, {"x": [[0, 0], [0, 0]]}, "no term has a share"),
            Convention("log_softmax(x)", {"x": [-INF, -INF]}, {"x": [[0, 0], [0, 0]]}, "no term has a share"),
            Convention("softplus(x)", {"x": 1000}, {"x": 1}, "eˣ / (1 + eˣ), though e¹⁰⁰⁰ overflows"),
            Convention("softplus(x)", {"x": 1000}, {"x": 0}, "flat far from 0", order=2),
            Convention("softplus(x)", {"x": -1000}, {"x": 0}, "eˣ / (1 + eˣ), which underflows to 0"),
            Convention("logcumsumexp(x)", {"x": [-INF, -INF]}, {"x": [[0, 0], [0, 0]]}, "no term has a share"),
            Convention(
                "scaled_dot_product_attention(q, k, v, [[False]])",
                {"q": [[1, 1]], "k": [[1, 0]], "v": [[3, 4]]},
                {name: [[[[0, 0]], [[0, 0]]]] for name in "qkv"},
                "a query that may see no key is given zeros",
            ),
            Convention(
                "cross_entropy(x, [0, -100])",
                {"x": [[0, 0], [7, 8]]},
                {"x": [[-0.5, 0.5], [0, 0]]},
                "the second target is to be ignored",
            ),
        ),
    ),
    Section(
        "Infinite slopes",
        "A slope that is infinite is said to be so.",
        (
            Convention("sqrt(x)", {"x": 0}, {"x": INF}, "1 / (2√x)"),
            Convention("log(x)", {"x": 0}, {"x": INF}, "1 / x"),
            Convention("1 / x", {"x": 0}, {"x": -INF}, "−1 / x²"),
            Convention("x ** 0.5", {"x": 0}, {"x": INF}, "1 / (2√x)"),
            Convention("x ** y", {"x": 0, "y": 0.5}, {"x": INF, "y": 0}, "y xʸ⁻¹, and 0ʸ is 0 for every y > 0"),
            Convention("cbrt(x)", {"x": 0}, {"x": INF}, "1 / (3 x^⅔)"),
            Convention("asin(x)", {"x": 1}, {"x": INF}, "1 / √(1 − x²)"),
            Convention("acos(x)", {"x": 1}, {"x": -INF}, "−1 / √(1 − x²)"),
            Convention("acosh(x)", {"x": 1}, {"x": INF}, "1 / √(x² − 1)"),
            Convention("atanh(x)", {"x": 1}, {"x": INF}, "1 / (1 − x²)"),
            Convention("logit(x)", {"x": 0}, {"x": INF}, "1 / (x (1 − x))"),
            Convention("logit(x)", {"x": 1}, {"x": INF}, "1 / (x (1 − x))"),
            Convention("erfinv(x)", {"x": 1}, {"x": INF}, "√π/2 · exp(y²), y = ∞"),
            Convention("digamma(x)", {"x": 0}, {"x": INF}, "ψ′(x) = 1/x² + …"),
            Convention("digamma(x)", {"x": -1}, {"x": INF}, "ψ′(x) = 1/(x + 1)² + …"),
            Convention("polygamma(1, x)", {"x": 0}, {"x": -INF}, "ψ″(x) = −2/x³ + …, from the right"),
            Convention("gammaln(x)", {"x": 0}, {"x": -INF}, "ψ(x) = −1/x + …, from the right"),
            Convention("gamma(x)", {"x": 0}, {"x": -INF}, "Γ′(x) = −1/x² + …"),
            Convention("gammainc(a, x)", {"a": 1, "x": 0}, {"a": 0, "x": 1}, "0 for every a; e⁻ˣ xᵃ⁻¹ / Γ(a)"),
            Convention("gammainc(a, x)", {"a": 0.5, "x": 0}, {"a": 0, "x": INF}, "e⁻ˣ xᵃ⁻¹ / Γ(a)"),
            Convention("y0(x)", {"x": 0}, {"x": INF}, "Y₀ ~ 2/π · log x"),
            Convention("k0(x)", {"x": 0}, {"x": -INF}, "K₀ ~ −log x"),
            Convention("ellipe(x)", {"x": 1}, {"x": -INF}, "(E − K) / (2m), and K(1) is ∞"),
            Convention("zeta(x)", {"x": 1}, {"x": -INF}, "ζ(x) = 1/(x − 1) + …"),
        ),
    ),
    Section(
        "What is not known",
        "A slope that was computed to be 0, and then meets an infinite one, gives NaN: their product may be anything. "
        "(A zero because nothing flows is another matter: see the first section.)",
        (
            Convention("sqrt(x) ** 2", {"x": 0}, {"x": NAN}, "2√x · 1 / (2√x) is 0 · ∞"),
            Convention("exp(log(x))", {"x": 0}, {"x": NAN}, "exp(−∞) · 1 / x is 0 · ∞"),
            Convention("gamma(x)", {"x": -1}, {"x": NAN}, "a pole, and ∞ on either side has another sign"),
        ),
    ),
)


# Numbers that decimals would spell badly.
NUMBERS = {INF: "∞", -INF: "−∞", 0.5: "½", -0.5: "−½", 0.125: "⅛", 1 / 3: "⅓", -(math.pi**2) / 3: "−π²/3"}


def shown(value: Any) -> str:
    """A number, or nested lists of numbers, as mathematics writes them; the name of an error."""
    if isinstance(value, list):
        return f"({', '.join(map(shown, value))})"
    if isinstance(value, type):
        return f"`{value.__name__}`"
    return NUMBERS.get(value, "NaN" if value != value else f"{value:g}".replace("-", "−"))


def page() -> str:
    """The table as a Markdown page."""
    lines = [
        "# Derivatives at special points",
        "",
        "Every line is executed by the tests: in reverse, forward and symbolic mode, in float64 and float32.",
    ]
    for section in TABLE:
        lines += ["", f"## {section.title}", "", section.rule, "", "| expression | at | derivative | because |"]
        lines += ["|---|---|---|---|", *map(_line, section.rows)]
    return "\n".join([*lines, ""])


def _line(row: Convention) -> str:
    at = ", ".join(f"{name} = {shown(value)}" for name, value in row.point.items())
    symbol = "∂²/∂{0}²" if row.order == 2 else "∂/∂{0}"
    derivative = ", ".join(f"{symbol.format(name)} = {shown(value)}" for name, value in row.derivative.items())
    why = row.why.replace("|", "\\|")
    return f"| `{row.code}` | {at} | {derivative} | {why} |"

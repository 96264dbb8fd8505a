"""Derivatives at the points where libraries differ or fail: one table, executed as a test, printed as a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from chainrule.ops import ops

INF = float("inf")
NAN = float("nan")


class Convention(NamedTuple):
    """The derivative of ``code``, an expression in the library's functions, at one point.

    ``derivative`` has an entry for each argument: a Jacobian, whose axes are those of the result and then those of the
    argument. With ``order`` 2 it is the second derivative of a function of one number.
    """

    code: str
    point: dict[str, Any]
    derivative: dict[str, Any]
    why: str
    order: int = 1

    @property
    def function(self) -> Callable[..., Any]:
        """The expression as a function of the point's arguments, in their order."""
        return eval(f"lambda {', '.join(self.point)}: {self.code}", dict(vars(ops)))

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
        ),
    ),
    Section(
        "Infinite slopes",
        "A slope that is infinite is said to be so.",
        (
            Convention("sqrt(x)", {"x": 0}, {"x": INF}, "1 / (2√x)"),
            Convention("log(x)", {"x": 0}, {"x": INF}, "1 / x"),
            Convention("1 / x", {"x": 0}, {"x": -INF}, "−1 / x²"),
        ),
    ),
    Section(
        "What is not known",
        "A slope that was computed to be 0, and then meets an infinite one, gives NaN: their product may be anything. "
        "(A zero because nothing flows is another matter: see the first section.)",
        (
            Convention("sqrt(x) ** 2", {"x": 0}, {"x": NAN}, "2√x · 1 / (2√x) is 0 · ∞"),
            Convention("exp(log(x))", {"x": 0}, {"x": NAN}, "exp(−∞) · 1 / x is 0 · ∞"),
        ),
    ),
)


def shown(value: Any) -> str:
    """A number, or nested lists of numbers, as mathematics writes them."""
    if isinstance(value, list):
        return f"({', '.join(map(shown, value))})"
    return {INF: "∞", -INF: "−∞", 0.5: "½"}.get(value, "NaN" if value != value else f"{value:g}".replace("-", "−"))


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
    return f"| `{row.code}` | {at} | {derivative} | {row.why} |"

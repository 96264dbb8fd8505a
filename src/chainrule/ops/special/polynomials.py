"""Orthogonal polynomials by degree n, which has no derivative: that in x is one of lower degree, DLMF 18.9(iii)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy import special

from chainrule.op import NONE, elementwise
from chainrule.precision import precisely


def _lower(xp: Any, n: Any, polynomial: Callable[[Any], Any]) -> Any:
    """polynomial(n − 1), and 0 of degree 0, whose derivative has no degree."""
    constant = xp.equal(n, 0)
    return xp.where(constant, 0.0, polynomial(xp.where(constant, 0, xp.subtract(n, 1))))


def _jacobi_slope(xp: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
    factor = xp.multiply(0.5, a + b + n + 1.0)
    return xp.multiply(factor, _lower(xp, n, lambda m: xp.eval_jacobi(m, a + 1.0, b + 1.0, x)))


def _gegenbauer_slope(xp: Any, n: Any, a: Any, x: Any) -> Any:
    return xp.multiply(2.0 * a, _lower(xp, n, lambda m: xp.eval_gegenbauer(m, a + 1.0, x)))


def _laguerre_slope(xp: Any, n: Any, a: Any, x: Any) -> Any:
    return xp.negative(_lower(xp, n, lambda m: xp.eval_genlaguerre(m, a + 1.0, x)))


def _times_lower(name: str, factor: float) -> Callable[..., Any]:
    """factor · n times the polynomial ``name`` of degree n − 1."""

    def slope(xp: Any, n: Any, x: Any) -> Any:
        return xp.multiply(factor * n, _lower(xp, n, lambda m: getattr(xp, name)(m, x)))

    return slope


_HERMITE, _NORMED = _times_lower("eval_hermite", 2.0), _times_lower("eval_hermitenorm", 1.0)

# name, the derivative in x, what it is, its value of degree 2 at 0.5
_SIMPLE: tuple[tuple[str, Callable[..., Any], str, str], ...] = (
    ("legendre", lambda xp, n, x: _jacobi_slope(xp, n, 0.0, 0.0, x), "Pₙ(x), the Legendre polynomial", "-0.125"),
    ("chebyt", _times_lower("eval_chebyu", 1.0), "Tₙ(x), the Chebyshev polynomial of the first kind", "-0.5"),
    ("chebyu", lambda xp, n, x: _gegenbauer_slope(xp, n, 1.0, x), "Uₙ(x), the Chebyshev polynomial of kind 2", "0."),
    ("laguerre", lambda xp, n, x: _laguerre_slope(xp, n, 0.0, x), "Lₙ(x), the Laguerre polynomial", "0.125"),
    ("hermite", _HERMITE, "Hₙ(x), the Hermite polynomial of weight exp(−x²)", "-1."),
    ("hermitenorm", _NORMED, "Heₙ(x), the Hermite polynomial of weight exp(−x²/2)", "-0.75"),
)

for _name, _slope, _what, _example in _SIMPLE:
    elementwise(
        f"eval_{_name}",
        value=precisely(getattr(special, f"eval_{_name}")),
        d=(NONE, lambda xp, _out, n, x, slope=_slope: slope(xp, n, x)),
        public=(f"special.eval_{_name}",),
        doc=f"""{_what}, of degree n.

        >>> cr.special.eval_{_name}(2, cr.tensor([0.5]))
        tensor([{_example}])
        """,
    )

elementwise(
    "eval_genlaguerre",
    value=precisely(special.eval_genlaguerre),
    d=(NONE, NONE, lambda xp, _out, n, alpha, x: _laguerre_slope(xp, n, alpha, x)),
    public=("special.eval_genlaguerre",),
    doc="""Lₙ^α(x) of (n, α, x), the generalized Laguerre polynomial of degree n; the derivative in α raises.

    >>> cr.special.eval_genlaguerre(2, 1.0, cr.tensor([0.5]))
    tensor([1.625])
    """,
)
elementwise(
    "eval_gegenbauer",
    value=precisely(special.eval_gegenbauer),
    d=(NONE, NONE, lambda xp, _out, n, alpha, x: _gegenbauer_slope(xp, n, alpha, x)),
    public=("special.eval_gegenbauer",),
    doc="""Cₙ^α(x) of (n, α, x), the Gegenbauer polynomial of degree n; the derivative in α raises.

    >>> cr.special.eval_gegenbauer(2, 1.0, cr.tensor([0.75]))
    tensor([1.25])
    """,
)
elementwise(
    "eval_jacobi",
    value=precisely(special.eval_jacobi),
    d=(NONE, NONE, NONE, lambda xp, _out, n, alpha, beta, x: _jacobi_slope(xp, n, alpha, beta, x)),
    public=("special.eval_jacobi",),
    doc="""Pₙ^(α, β)(x) of (n, α, β, x), the Jacobi polynomial of degree n; derivatives in α and β raise.

    >>> cr.special.eval_jacobi(2, 1.0, 1.0, cr.tensor([0.5]))
    tensor([0.1875])
    """,
)

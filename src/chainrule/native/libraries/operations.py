"""How many operations of floats the routines of BLAS and LAPACK take: their leading terms.

The formulas are those of Golub and Van Loan, *Matrix Computations*, 4th edition, in the sections named in the table.
Where a routine iterates, the number of steps is that which they take for usual, and the count holds about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from chainrule.native.libraries.blas import SYMBOL


class Cost(NamedTuple):
    """How a routine is counted: from those of its arguments that are sizes and letters."""

    places: tuple[int, ...]
    count: Callable[..., Any]
    about: bool = False


def _sorted(count: Callable[..., Any]) -> Callable[..., Any]:
    # Of a wide matrix the transpose is counted: LAPACK works on it as on a tall one, rows for columns.
    return lambda m, n, *rest: count(max(m, n), min(m, n), *rest)


def _svd(job: str, m: int, n: int) -> Any:
    """Figure 8.6.1: singular values, with n vectors of each side, or with all."""
    m, n = max(m, n), min(m, n)
    if job == "N":
        return 4 * m * n**2 - Fraction(4, 3) * n**3
    return 14 * m * n**2 + 8 * n**3 if job == "S" else 4 * m**2 * n + 8 * m * n**2 + 9 * n**3


THIRD = Fraction(1, 3)
COSTS = {
    "gemm": Cost((2, 3, 4), lambda m, n, k: 2 * m * n * k),  # 1.1.11
    "trsm": Cost((0, 4, 5), lambda side, m, n: m * n * (n if side == "R" else m)),  # 3.1.4
    "getrf": Cost((0, 1), _sorted(lambda m, n: m * n**2 - THIRD * n**3)),  # 3.2.11
    "gesv": Cost((0, 1), lambda n, r: 2 * THIRD * n**3 + 2 * n**2 * r),  # 3.2.11 and 3.1.4
    "potrf": Cost((1,), lambda n: THIRD * n**3),  # 4.2.6
    "geqrf": Cost((0, 1), _sorted(lambda m, n: 2 * n**2 * (m - THIRD * n))),  # 5.2.2
    "orgqr": Cost((0, 1, 2), lambda m, n, k: 4 * m * n * k - 2 * (m + n) * k**2 + 4 * THIRD * k**3),  # 5.1.6
    "gelsd": Cost((0, 1, 2), _sorted(lambda m, n, r: 4 * m * n**2 + 8 * n**3 + 4 * m * n * r), True),  # 5.5.6
    "geev": Cost((1, 2), lambda job, n: (25 if job == "V" else 10) * n**3, True),  # 7.5.6
    "syevd": Cost((0, 2), lambda job, n: (9 if job == "V" else 4 * THIRD) * n**3, True),  # 8.3.3
    "gesdd": Cost((0, 1, 2), _svd, True),  # 8.6.3
}
COSTS |= {"ungqr": COSTS["orgqr"], "heevd": COSTS["syevd"]}


def operations(symbol: str, arguments: Sequence[Any], data: Any) -> tuple[int, bool]:
    """The operations of one call, and whether they are known about; ``data`` has the constants among the arguments."""
    letter, name = symbol.removeprefix(SYMBOL)[0], symbol.removeprefix(SYMBOL)[1:]
    cost = COSTS.get(name)
    if cost is None or any(arguments[i].name not in data for i in cost.places):
        return 0, True
    given = [data[arguments[i].name][0] for i in cost.places]
    count = cost.count(*(chr(x) if x.dtype.itemsize == 1 else int(x) for x in given))
    return round(count) * (4 if letter in "cz" else 1), cost.about  # two complex operations are eight real ones

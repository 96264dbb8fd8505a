"""Small matrices as numbers written out: elimination with pivots, and Cholesky's factor.

A matrix is a list of rows of values, each of which may be many lanes wide: a matrix a lane. Next to what they compute,
these functions say whether all went well; where it did not, a pivot or a result is 0, infinite or NaN.
"""

from __future__ import annotations

from typing import Any

from chainrule.native.language.emitter import Emitter

Rows = list[list[Any]]


def eliminated(e: Emitter, a: Rows, b: Rows) -> tuple[Rows, Rows, Any]:
    """a as an upper triangle, b changed alike, and the sign of the exchange of rows: the largest pivot comes first."""
    a, b, n = [list(row) for row in a], [list(row) for row in b], len(a)
    sign = e.like(a[0][0], 1)
    for k in range(n):
        for i in range(k + 1, n):
            swap = e.abs(a[i][k]) > e.abs(a[k][k])
            for rows, start in ((a, k), (b, 0)):
                for j in range(start, len(rows[k])):
                    one, other = rows[k][j], rows[i][j]
                    rows[k][j], rows[i][j] = e.select(swap, other, one), e.select(swap, one, other)
            sign = e.select(swap, -sign, sign)
        for i in range(k + 1, n):
            pivot = e.select(e.eq(a[k][k], 0), e.like(a[k][k], 1), a[k][k])  # then all below are 0 too
            factor = a[i][k] / pivot
            for rows, start in ((a, k + 1), (b, 0)):
                for j in range(start, len(rows[k])):
                    rows[i][j] = rows[i][j] - factor * rows[k][j]
    return a, b, sign


def determinant(e: Emitter, a: Rows) -> tuple[Any, Any]:
    upper, _, total = eliminated(e, a, [[] for _ in a])
    for i in range(len(a)):
        total = total * upper[i][i]
    return total, finite(e, [[total]])


def solved(e: Emitter, a: Rows, b: Rows) -> tuple[Rows, Any]:
    """The x with a·x = b."""
    upper, right, _ = eliminated(e, a, b)
    x = triangle_solved(e, upper, right)
    regular = e.ne(upper[0][0], 0)
    for i in range(1, len(a)):
        regular = regular & e.ne(upper[i][i], 0)
    return x, regular & finite(e, x)


def triangle_solved(e: Emitter, upper: Rows, b: Rows) -> Rows:
    n = len(upper)
    x: Rows = [[] for _ in range(n)]
    for i in reversed(range(n)):
        for j in range(len(b[i])):
            total = b[i][j]
            for k in range(i + 1, n):
                total = total - upper[i][k] * x[k][j]
            x[i].append(total / upper[i][i])
    return x


def cofactors(e: Emitter, a: Rows) -> tuple[Rows, Any]:
    """∂det(a)/∂a, of up to three rows: determinants of what is left without a row and a column."""
    n = len(a)

    def minor(i: int, j: int) -> Any:
        rest = [[a[r][c] for c in range(n) if c != j] for r in range(n) if r != i]
        if not rest:
            return e.like(a[0][0], 1)
        found = rest[0][0] if len(rest) == 1 else rest[0][0] * rest[1][1] - rest[0][1] * rest[1][0]
        return -found if (i + j) % 2 else found

    made = [[minor(i, j) for j in range(n)] for i in range(n)]
    return made, finite(e, made)


def lower_factor(e: Emitter, a: Rows) -> tuple[Rows, Any]:
    """The lower triangular L with L·Lᵀ = a, of which the lower triangle is read."""
    n, well = len(a), None
    factor = [[e.like(a[0][0], 0)] * n for _ in range(n)]
    for j in range(n):
        total = a[j][j]
        for k in range(j):
            total = total - factor[j][k] * factor[j][k]
        well = total > 0 if well is None else well & (total > 0)
        factor[j][j] = e.sqrt(total)
        for i in range(j + 1, n):
            total = a[i][j]
            for k in range(j):
                total = total - factor[i][k] * factor[j][k]
            factor[i][j] = total / factor[j][j]
    return factor, well & finite(e, factor)


def finite(e: Emitter, rows: Rows) -> Any:
    """Whether no number is infinite or NaN."""
    total = None
    for row in rows:
        for x in row:
            total = x * 0.0 if total is None else total + x * 0.0
    return e.eq(total, 0)

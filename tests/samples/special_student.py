"""Student's t distribution function."""

from typing import Any

import mpmath
import numpy as np
from scipy import special

from samples.drawing import Row, elementwise_calls, row
from samples.special_elliptic import precisely

STUDENT = elementwise_calls(2, ((0.5, 5.0), "nonzero"))[1:6]


def by_degrees(df: Any, t: Any) -> Any:
    def one(df: float, t: float) -> float:
        def distribution(n: Any) -> Any:
            return mpmath.sign(t) * mpmath.betainc(0.5, n / 2, 0, t * t / (n + t * t), regularized=True) / 2

        with mpmath.workdps(25):
            return float(mpmath.diff(distribution, mpmath.mpf(df)))

    if np.result_type(df, t).kind == "c":
        raise TypeError("real numbers only")
    dtype = np.result_type(df, t)
    out = np.vectorize(one, otypes=[float])(df, np.asarray(t, float))
    return out.astype(dtype if dtype.kind == "f" else float)[()]


ROWS: dict[str, Row] = {
    "stdtr": row(precisely(special.stdtr), *STUDENT),
    "stdtr_df": row(by_degrees, *STUDENT),
    "stdtrit": row(precisely(special.stdtrit), *elementwise_calls(2, ((0.5, 5.0), (0.1, 0.9)))[1:6]),
}

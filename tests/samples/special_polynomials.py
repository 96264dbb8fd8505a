"""Orthogonal polynomials."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, row
from samples.special_elliptic import precisely


def of_degree(function: Callable[..., Any], *parameters: float) -> Row:
    return row(
        precisely(function),
        call(np.array([0, 1, 4]), *parameters, draw(FULL)),
        call(3, *parameters, draw(())),
        call(np.array([[0], [2]]), *parameters, draw((0,))),
        call(0, *parameters, draw((3,))),
    )


ROWS: dict[str, Row] = {
    **{
        f"eval_{name}": of_degree(getattr(special, f"eval_{name}"))
        for name in ("legendre", "chebyt", "chebyu", "laguerre", "hermite", "hermitenorm")
    },
    "eval_genlaguerre": of_degree(special.eval_genlaguerre, 0.7),
    "eval_gegenbauer": of_degree(special.eval_gegenbauer, 0.7),
    "eval_jacobi": of_degree(special.eval_jacobi, 0.7, 1.3),
}

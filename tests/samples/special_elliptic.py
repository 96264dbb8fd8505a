"""Elliptic integrals and functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples.drawing import FULL, Row, call, draw, elementwise_calls, row


def moment(a: float, k: int, phi: Any, m: Any) -> Any:
    """The integral by Gauss's rule, which converges fast for m sin² φ < 1."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    dtype = precisely(special.ellipkinc)(np.real(phi), np.real(m)).dtype
    phi, m = (np.asarray(x, complex if np.iscomplexobj(x) else float)[..., None] for x in (phi, m))
    sine = np.sin(phi * (nodes + 1) / 2)
    out = phi[..., 0] / 2 * np.sum(weights * sine ** (2 * k) * (1 - m * sine**2) ** -a, axis=-1)
    return out if out.dtype.kind == "c" else out.astype(dtype)[()]


def precisely(function: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's function in single precision where no floating operand is double."""

    def single(*operands: Any) -> Any:
        out = function(*operands)
        dtypes = [x.dtype for x in operands if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc"]
        return tree(out) if dtypes and all(dtype in (np.float32, np.complex64) for dtype in dtypes) else out

    def tree(out: Any) -> Any:
        if isinstance(out, tuple):
            return tuple(map(tree, out))
        return np.asarray(out).astype(np.complex64 if out.dtype.kind == "c" else np.float32)[()]

    return single


def modulus(shape: Any) -> Any:
    return draw(shape, 0.05, 0.9)


PAIRS = (
    call(draw(FULL), modulus(FULL)),
    call(draw((3,)), modulus((2, 1))),
    call(draw(()), modulus((2,))),
    call(draw((0, 3)), modulus((3,))),
    call(draw((3,)), 0.3),
    call(0.7, modulus(())),
)

ROWS: dict[str, Row] = {
    "ellipkinc": row(precisely(special.ellipkinc), *elementwise_calls(2, ((-2.0, 2.0), (-2.0, 0.9)))),
    "ellipeinc": row(precisely(special.ellipeinc), *elementwise_calls(2, ((-2.0, 2.0), (-2.0, 0.9)))),
    "elliptic_moment": row(
        moment,
        call(1.5, 1, draw(FULL), draw(FULL, -2, 0.8)),
        call(0.5, 1, draw((3,)), draw((2, 1), -2, 0.8)),
        call(2.5, 2, draw(()), draw((2,), -2, 0.8)),
        call(-0.5, 0, draw((0, 3)), draw((3,), -2, 0.8)),
        call(0.5, 0, draw((3,)), 0.3),
        call(2.5, 1, 0.7, draw(FULL, -2, 0.8)),
        refuses="complex64 complex128",
    ),
    "ellipj": row(precisely(special.ellipj), *PAIRS),
    "ellipj_stack": row(precisely(lambda u, m: np.stack(special.ellipj(u, m))), *PAIRS),
}

"""Decompositions and their gradients as PyTorch has them: ``make test-peers``, where it is installed.

Functions do not depend on phases, of which the libraries choose others. Where values coincide, PyTorch divides by 0;
that difference is intended, and tested in test_decompositions.py.
"""

from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

RANDOM = np.random.default_rng(3)
C, W = RANDOM.normal(size=(2, 4, 4)), RANDOM.normal(size=(2, 4))


def weighed(xp: Any, x: Any) -> Any:
    """Σ c · Re x, with fixed numbers c."""
    c = (C if len(x.shape) > 2 else W)[tuple(slice(0, size) for size in x.shape)]
    return xp.sum(xp.real(x) * (c if xp is cr else torch.tensor(c)))


def lengths(xp: Any, x: Any) -> Any:
    return xp.abs(x) ** 2


# A function of any matrix in either library.
FUNCTIONS = {
    "eigh": lambda xp, x: (lambda w, v: weighed(xp, w**3) + weighed(xp, lengths(xp, v)))(*xp.linalg.eigh(x)),
    "eigvalsh": lambda xp, x: weighed(xp, xp.linalg.eigvalsh(x, UPLO="U") ** 3),
    "eig": lambda xp, x: (lambda w, v: xp.sum(lengths(xp, w - 0.3)) + xp.sum(lengths(xp, v[:, 0]) ** 2))(
        *xp.linalg.eig(x)
    ),
    "eigvals": lambda xp, x: xp.sum(xp.abs(xp.linalg.eigvals(x) - 0.3) ** 3),
    "svd": lambda xp, x: (
        lambda u, s, vh: weighed(xp, s**3) + weighed(xp, lengths(xp, u)) + weighed(xp, lengths(xp, vh))
    )(*xp.linalg.svd(x, full_matrices=False)),
    "svdvals": lambda xp, x: weighed(xp, xp.linalg.svdvals(x) ** 3),
    "qr": lambda xp, x: (lambda q, r: weighed(xp, q) + weighed(xp, r))(*xp.linalg.qr(x)),
    "lu": lambda xp, x: (lambda _, lower, upper: weighed(xp, lower) + weighed(xp, upper))(*xp.linalg.lu(x)),
    "slogdet": lambda xp, x: (lambda sign, size: xp.sum(xp.real(sign)) + weighed(xp, size[:, None]))(
        *xp.linalg.slogdet(x)
    ),
}
SQUARE = ("eigh", "eigvalsh", "eig", "eigvals", "slogdet")


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in FUNCTIONS
        for shape in ((4, 4), (4, 3), (3, 4))
        if name not in SQUARE or shape == (4, 4)
    ],
)
def test_gradients_are_torchs_to_second_order(name, shape, kind):
    f, random = FUNCTIONS[name], np.random.default_rng(4)
    x, t = (random.normal(size=(2, *shape)) + 1j * random.normal(size=(2, *shape)) * (kind == "complex") for _ in "xt")
    if kind == "real":
        x, t = x.real, t.real
    if name.startswith("eigh") or name.startswith("eigvalsh"):
        x = x + np.conj(x).mT
    theirs = torch.tensor(x, requires_grad=True)
    (first,) = torch.autograd.grad(f(torch, theirs), theirs, create_graph=True)
    (second,) = torch.autograd.grad((first * torch.tensor(t).conj()).real.sum(), theirs)

    def gradient(x: Any) -> Any:
        return cr.grad(lambda x: f(cr, x))(x)

    np.testing.assert_allclose(gradient(x), first.detach().resolve_conj(), 1e-9, 1e-10)
    found = cr.grad(lambda x: cr.sum(cr.real(gradient(x) * np.conj(t))))(x)
    np.testing.assert_allclose(found, second.resolve_conj(), 1e-8, 1e-8)

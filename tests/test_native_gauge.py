"""Gradients through decompositions as machine code: where they exist, and where NumPy is asked what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError

RNG = np.random.default_rng(0)


def by_svd(a):
    u, s, vh = cr.linalg.svd(a, full_matrices=False)
    return cr.sum((u[..., :2] * s[..., None, :2] @ vh[..., :2, :]) ** 3)


def by_eigh(a):
    w, v = cr.linalg.eigh(a + cr.matrix_transpose(a))
    return cr.sum(v[..., :, 0] ** 2 * w[..., 1:2]) + cr.sum(v[..., 1] ** 4)


def by_projector(a):
    v = cr.linalg.eigh(a + cr.matrix_transpose(a))[1][..., :, :2]
    return cr.sum((v @ cr.matrix_transpose(v)) ** 3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (by_svd, (6, 4)),
        (by_svd, (4, 7)),
        (by_svd, (2, 5, 5)),
        (by_eigh, (5, 5)),
        (by_eigh, (3, 12, 12)),
        (by_projector, (9, 9)),
    ],
)
def test_values(f, shape, dtype):
    a = RNG.standard_normal(shape).astype(dtype)
    for transform in (cr.value_and_grad, cr.hessian) if a.size < 60 and dtype == "float64" else (cr.value_and_grad,):
        g = cr.jit(transform(f))
        assert "gauge_quotient" not in g.explain(a).hosts
        found, right = g(a), transform(f)(cr.tensor(a))
        for ours, theirs in zip(found, right, strict=True):
            scale = float(np.abs(theirs.numpy()).max())
            np.testing.assert_allclose(ours, theirs.numpy(), atol=scale * (1e-10 if dtype == "float64" else 1e-3))


def test_values_that_are_equal():
    kept = np.diag([1.0, 1.0, 2.0, 3.0])  # what does not look into the space of the equal values has a gradient
    np.testing.assert_allclose(
        cr.jit(cr.grad(by_projector))(kept), cr.grad(by_projector)(cr.tensor(kept)).numpy(), atol=1e-12
    )
    f = cr.jit(cr.grad(by_eigh))
    f(RNG.standard_normal((4, 4)))
    with pytest.raises(GradientError) as compiled:
        f(kept)
    with pytest.raises(GradientError) as eager:
        cr.grad(by_eigh)(cr.tensor(kept))
    assert str(compiled.value).splitlines()[0] == str(eager.value).splitlines()[0]
    with pytest.raises(GradientError):
        cr.jit(cr.grad(by_svd))(np.eye(4))

"""Fourier transforms: what the generated tests do not see; every mistake with its full text."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import AxisError, DomainError, DTypeError, GradientError, ShapeError

ONE = np.ones(4)
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("inverse", [("fft", "ifft"), ("rfft", "irfft"), ("ihfft", "hfft")])
def test_inverses(inverse, n, norm):
    there, back = (getattr(cr.fft, name) for name in inverse)
    x = RANDOM.normal(size=(3, n))
    np.testing.assert_allclose(back(there(x, norm=norm), n=n, norm=norm), x, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int64", "bool"])
@pytest.mark.parametrize("shape", [(16, 18), (40, 1, 33), (300, 0), (0, 300, 2)])
def test_large_transforms_along_several_axes_are_numpys(shape, dtype):
    x = (RANDOM.normal(size=shape) * 3).astype(dtype)
    last, tolerance = len(shape) - 1, 1e-3 if dtype in ("float32", "complex64") else 1e-10
    for name in ("fftn", "ifftn"):
        for axes in ((0, last), (last, 0)) if 0 not in shape else ():
            for s in (None, (20, 7)):
                for norm in ("backward", "ortho", "forward"):
                    found = getattr(cr.fft, name)(cr.tensor(x)[::-1], s=s, axes=axes, norm=norm).numpy()
                    right = getattr(np.fft, name)(x[::-1], s=s, axes=axes, norm=norm)
                    assert found.dtype == right.dtype
                    np.testing.assert_allclose(found, right, atol=tolerance)
    if 0 in shape:
        found = cr.fft.fftn(cr.tensor(x), axes=(shape.index(300),))
        assert found.numpy().shape == shape


@pytest.mark.parametrize("n", [1, 4, 5])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_gradients_are_adjoint_matrices(n, norm):
    """The gradient of Re⟨c, F x⟩ is F's conjugate transpose times c, F written out as a matrix."""
    k = np.arange(n)
    scale = {"backward": 1, "ortho": n**-0.5, "forward": 1 / n}[norm]
    matrix = np.exp(-2j * np.pi * np.outer(k, k) / n) * scale
    z = RANDOM.normal(size=n) + 1j
    c = RANDOM.normal(size=n) + 1j * RANDOM.normal(size=n)
    (g,) = cr.vjp(lambda z: cr.fft.fft(z, norm=norm), z)[1](c)
    np.testing.assert_allclose(g, matrix.conj().T @ c, atol=1e-14)
    half = c[: n // 2 + 1]
    (g,) = cr.vjp(lambda x: cr.fft.rfft(x, norm=norm), z.real)[1](half)
    np.testing.assert_allclose(g, (matrix[: n // 2 + 1].conj().T @ half).real, atol=1e-14)


def test_a_descent_step_descends():
    target = np.fft.rfft(np.array([0.0, 1.0, 3.0, -1.0, 2.0]))

    def loss(x):
        return cr.sum(cr.abs(cr.fft.rfft(x) - target) ** 2)

    x = np.zeros(5)
    for _ in range(200):
        x = x - 0.05 * cr.grad(loss)(x).numpy()
    np.testing.assert_allclose(x, [0.0, 1.0, 3.0, -1.0, 2.0], atol=1e-8)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_frequencies_are_numpys(name, dtype):
    for n in (1, 4, 5):
        found = getattr(cr.fft, name)(n, d=0.3, dtype=dtype, device="cpu")
        expected = getattr(np.fft, name)(n, 0.3).astype(dtype or "float64")
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"])
def test_norms_that_are_none(name):
    assert_message(
        DomainError,
        f"[{name}] norm is 'both'; expected 'backward', 'ortho' or 'forward'; choose one of them.",
        lambda: getattr(cr.fft, name)(ONE, norm="both"),
    )
    assert getattr(cr.fft, name)(ONE, norm=None).shape == getattr(np.fft, name)(ONE).shape


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft"])
def test_numbers_of_points_that_are_none(name):
    told = "expected at least 1 point; give n, or check the operand's shape."
    assert_message(ShapeError, f"[{name}] n is 0; {told}", lambda: getattr(cr.fft, name)(ONE, n=0))
    assert_message(ShapeError, f"[{name}] n is 0; {told}", lambda: getattr(cr.fft, name)(ONE[: name == "irfft"]))
    assert_message(
        DTypeError,
        f"[{name}] n is 2.5; expected an integer of at least 1; round it first.",
        lambda: getattr(cr.fft, name)(ONE, n=2.5),
    )


@pytest.mark.parametrize("name", ["rfft", "ihfft", "rfftn", "rfft2"])
def test_real_transforms_of_complex_numbers(name):
    instead = {"rfft": "fft", "ihfft": "ifft", "rfftn": "fftn", "rfft2": "fft2"}[name]
    assert_message(
        DTypeError,
        f"[{name}] an operand is complex128, and its transform has no symmetry; expected real numbers; use {instead}.",
        lambda: getattr(cr.fft, name)(np.ones((2, 2)) * 1j),
    )


def test_axes_and_sizes_that_do_not_fit():
    assert_message(
        AxisError,
        "[fft] axis 2 is out of range for an operand with 1 axes; expected an integer from -1 to 0; "
        "check the operand's shape.",
        lambda: cr.fft.fft(ONE, axis=2),
    )
    assert_message(
        AxisError,
        "[fftn] s (2,) has 1 sizes and axes (0, 1) are 2; expected as many of one as of the other; "
        "give each axis its size.",
        lambda: cr.fft.fftn(np.ones((2, 2)), s=(2,), axes=(0, 1)),
    )
    assert_message(
        AxisError,
        "[irfftn] axis (0, 0) names an axis twice; expected distinct axes; remove the repeated one.",
        lambda: cr.fft.irfftn(np.ones((2, 2)), axes=(0, -2)),
    )


def test_frequencies_that_are_none():
    assert_message(
        ShapeError,
        "[fftfreq] n is 0; expected at least 1 point; give the length of the transform.",
        lambda: cr.fft.fftfreq(0),
    )
    assert_message(
        DTypeError,
        "[rfftfreq] dtype is int64; expected a real floating dtype; leave dtype out for float64.",
        lambda: cr.fft.rfftfreq(4, dtype="int64"),
    )
    assert_message(
        DomainError,
        "[fftfreq] device 'gpu' is unknown; expected 'cpu', the only one; leave device out.",
        lambda: cr.fft.fftfreq(4, device="gpu"),
    )
    with pytest.raises(GradientError, match=r"\[fftfreq\] this Tensor requires a gradient"):
        cr.fft.fftfreq(4, d=cr.tensor(0.5, requires_grad=True))

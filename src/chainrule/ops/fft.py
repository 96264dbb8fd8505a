"""Discrete Fourier transforms: y[k] = Σⱼ x[j] exp(−2πi jk/n) along axes, and its relatives. All are linear.

Note [Half spectra]
The transform of real numbers is Hermitian, y[n−k] = conj(y[k]), so that ``rfft`` returns k = 0 … n/2 alone. With h
such a half, ``irfft`` is x[j] = Σₖ mₖ Re(h[k] exp(2πi jk/n)), where mₖ counts k among 0 … n−1: once for k = 0, and for
n/2 if n is even; twice, for k and n−k, otherwise. Hence the adjoint of ``irfft`` is m times ``rfft``, and that of
``rfft`` is ``irfft`` of h/m; their factors 1/n change places. ``irfft`` is linear over the real numbers only; as its
out is real, the engine does not conjugate, and its rule returns ∂/∂Re h + i ∂/∂Im h. That of ``rfft`` gets the
conjugate of its cotangent.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy

from chainrule.box import operand_spec
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError
from chainrule.op import composite, linear
from chainrule.spec import Shape, Spec, normalize_axes, normalize_axis

MANY = 256  # numbers, from which SciPy's transforms of several axes are faster than NumPy's

OPPOSITE: dict[str, Any] = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _norm(name: str, norm: Any) -> str:
    norm = norm or "backward"
    if norm not in OPPOSITE:
        raise DomainError(f"[{name}] norm is {norm!r}; expected 'backward', 'ortho' or 'forward'; choose one of them.")
    return norm


def _length(name: str, n: Any, size: int) -> int:
    """How many points are transformed: as many as there are, by default."""
    try:
        length = size if n is None else operator.index(n)
    except TypeError:
        raise DTypeError(f"[{name}] n is {n!r}; expected an integer of at least 1; round it first.") from None
    if length < 1:
        raise ShapeError(f"[{name}] n is {length}; expected at least 1 point; give n, or check the operand's shape.")
    return length


def _real(name: str, x: Spec) -> None:
    if x.dtype.kind == "c":
        raise DTypeError(
            f"[{name}] an operand is {x.dtype}, and its transform has no symmetry; expected real numbers; "
            f"use {name.replace('rfft', 'fft').replace('ihfft', 'ifft')}."
        )


def _resized(xp: Any, x: Any, shape: Shape) -> Any:
    """x cut off, or extended by zeros, at the end of each axis."""
    if x.shape == shape:
        return x
    x = xp.getitem(x, tuple(slice(min(own, size)) for own, size in zip(x.shape, shape, strict=True)))
    missing = tuple((0, size - own) for own, size in zip(x.shape, shape, strict=True))
    return xp.pad(x, missing) if any(after for _, after in missing) else x


def _replaced(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


@functools.cache
def _dtype(transform: Callable[..., Any], dtype: Any) -> Any:
    """The dtype of a transform, asked on two points."""
    return transform(np.zeros(2, dtype)).dtype


def _multiplicity(n: int, like: Any, axis: int) -> Any:
    """mₖ in an array to be multiplied with ``like`` along an axis. See Note [Half spectra]."""
    m = np.full(n // 2 + 1, 2, np.empty(0, like.dtype).real.dtype)
    if n % 2 == 0:
        m[n // 2] = 1
    m[0] = 1
    return m.reshape(-1, *(1,) * (len(like.shape) - axis - 1))


# ------------------------------------------------------------------------------------------------ along one axis


def _same(size: int) -> int:
    return size


def _transform(
    name: str,
    transpose: Callable[..., Any],
    doc: str,
    points: Callable[[int], int] = _same,
    results: Callable[[int], int] = _same,
) -> None:
    """A transform along one axis: of so many ``points`` by default, with so many ``results``, by the axis's size."""
    numpy: Any = getattr(np.fft, name)

    def canonical(x: Spec, *, n: Any, axis: Any, norm: Any) -> dict[str, Any]:
        if name == "rfft":
            _real(name, x)
        axis = normalize_axis(name, axis, x.ndim)
        return {"n": _length(name, n, points(x.shape[axis])), "axis": axis, "norm": _norm(name, norm)}

    linear(
        name,
        value=lambda x, n=None, axis=-1, norm="backward": numpy(x, n, axis, norm),
        canonical=canonical,
        spec=lambda x, *, n, axis, norm: Spec(_replaced(x.shape, axis, results(n)), _dtype(numpy, x.dtype)),
        transpose=transpose,
        batch=lambda xp, _batched, x, *, n, axis, norm: getattr(xp, name)(x, n=n, axis=axis + 1, norm=norm),
        public=(f"fft.{name}",),
        numpy=(f"fft.{name}",),
        doc=doc,
    )


def _itself(name: str) -> Callable[..., Any]:
    """The transpose of a transform whose matrix is symmetric."""

    def transpose(xp: Any, g: Any, _x: Any, *, norm: str, **points: Any) -> Any:
        return _resized(xp, getattr(xp, name)(g, **points, norm=norm), _x.shape)

    return transpose


def _rfft_transpose(xp: Any, g: Any, _x: Any, *, n: int, axis: int, norm: str) -> Any:
    half = xp.conj(xp.multiply(g, 1 / _multiplicity(n, g, axis)))
    return _resized(xp, xp.irfft(half, n=n, axis=axis, norm=OPPOSITE[norm]), _x.shape)


def _irfft_transpose(xp: Any, g: Any, _x: Any, *, n: int, axis: int, norm: str) -> Any:
    whole = xp.rfft(g, n=n, axis=axis, norm=OPPOSITE[norm])
    return _resized(xp, xp.multiply(whole, _multiplicity(n, g, axis)), _x.shape)


_transform(
    "fft",
    _itself("fft"),
    """y[k] = Σⱼ x[j] exp(−2πi jk/n) along ``axis``, of x cut off or extended by zeros to ``n`` points.

    With ``norm`` "ortho" it is divided by √n, with "forward" by n, with "backward" by nothing.

    >>> cr.fft.fft(cr.tensor([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j, 2.+0.j])
    """,
)
_transform(
    "ifft",
    _itself("ifft"),
    """x[j] = Σₖ y[k] exp(2πi jk/n) / n along ``axis``: the inverse of ``fft`` with the same ``norm``.

    >>> cr.fft.ifft(cr.tensor([0.0, 2.0, 0.0, 2.0]))
    tensor([ 1.+0.j,  0.+0.j, -1.+0.j,  0.+0.j])
    """,
)
_transform(
    "rfft",
    _rfft_transpose,
    """The ``fft`` of real numbers, k = 0 … n/2 only, since y[n−k] = conj(y[k]).

    >>> cr.fft.rfft(cr.tensor([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j])
    """,
    results=lambda n: n // 2 + 1,
)
_transform(
    "irfft",
    _irfft_transpose,
    """The real numbers whose ``rfft`` x is: the inverse of ``rfft``, n = 2(m − 1) points from m by default.

    The imaginary parts of x[0], and of x[n/2] if n is even, do not matter.

    >>> cr.fft.irfft(cr.tensor([0.0, 2.0, 0.0]))
    tensor([ 1.,  0., -1.,  0.])
    """,
    points=lambda size: 2 * (size - 1),
)


def _hfft(xp: Any, x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Any:
    return xp.irfft(xp.conj(x), n=n, axis=axis, norm=OPPOSITE[_norm("hfft", norm)])


def _ihfft(xp: Any, x: Any, n: Any = None, axis: Any = -1, norm: Any = "backward") -> Any:
    _real("ihfft", operand_spec("ihfft", x))
    return xp.conj(xp.rfft(x, n=n, axis=axis, norm=OPPOSITE[_norm("ihfft", norm)]))


composite(
    "hfft",
    _hfft,
    value=np.fft.hfft,
    public=("fft.hfft",),
    numpy=("fft.hfft",),
    doc="""The real ``fft`` of Hermitian x[n−j] = conj(x[j]), given j = 0 … n/2; n = 2(m − 1) from m points by default.

    >>> cr.fft.hfft(cr.tensor([1.0, 2.0, 3.0]))
    tensor([ 8., -2.,  0., -2.])
    """,
)
composite(
    "ihfft",
    _ihfft,
    value=np.fft.ihfft,
    public=("fft.ihfft",),
    numpy=("fft.ihfft",),
    doc="""The first half, j = 0 … n/2, of the ``ifft`` of real numbers: the inverse of ``hfft``.

    >>> cr.fft.ihfft(cr.tensor([8.0, -2.0, 0.0, -2.0]))
    tensor([1.-0.j, 2.-0.j, 3.-0.j])
    """,
)

# --------------------------------------------------------------------------------------------- along several axes


def _sizes(name: str, x: Spec, s: Any, axes: Any) -> tuple[Shape, Shape]:
    """The numbers of points and the axes of a transform, as NumPy understands them: the last axes by default."""
    if axes is None:
        chosen = tuple(range(x.ndim - (x.ndim if s is None else len(s)), x.ndim))
    else:
        chosen = tuple(axes) if isinstance(axes, Sequence) else (axes,)
    chosen = tuple(normalize_axis(name, axis, x.ndim) for axis in chosen)
    normalize_axes(name, chosen, x.ndim)
    if s is None:
        s = (None,) * len(chosen)
    if len(s) != len(chosen):
        raise AxisError(
            f"[{name}] s {tuple(s)} has {len(s)} sizes and axes {chosen} are {len(chosen)}; expected as many of one "
            f"as of the other; give each axis its size."
        )
    sizes = (x.shape[axis] if n in (None, -1) else n for n, axis in zip(s, chosen, strict=True))
    return tuple(_length(name, n, 0) for n in sizes), chosen


def _resized_shape(shape: Shape, s: Shape, axes: Shape) -> Shape:
    for n, axis in zip(s, axes, strict=True):
        shape = _replaced(shape, axis, n)
    return shape


@functools.cache
def _scipys(name: str) -> Callable[..., Any]:
    """SciPy's transform: that of NumPy, but of several rows at once, in vectors; loaded when first asked for."""
    return getattr(scipy.fft, name)


def _transform_n(name: str, doc: str) -> None:
    """A complex transform along several axes."""
    numpy: Any = getattr(np.fft, name)

    def value(x: Any, s: Any = None, axes: Any = None, norm: Any = "backward") -> Any:
        vectors = x.size >= MANY and axes is not None and 1 < len(axes) == len({*axes})
        return (_scipys(name) if vectors else numpy)(x, s, axes, norm)

    def canonical(x: Spec, *, s: Any, axes: Any, norm: Any) -> dict[str, Any]:
        s, axes = _sizes(name, x, s, axes)
        return {"s": s, "axes": axes, "norm": _norm(name, norm)}

    def batch(xp: Any, _batched: Any, x: Any, *, s: Shape, axes: Shape, norm: str) -> Any:
        return getattr(xp, name)(x, s=s, axes=tuple(axis + 1 for axis in axes), norm=norm)

    linear(
        name,
        value=value,
        canonical=canonical,
        spec=lambda x, *, s, axes, norm: Spec(_resized_shape(x.shape, s, axes), _dtype(numpy, x.dtype)),
        transpose=_itself(name),
        batch=batch,
        public=(f"fft.{name}",),
        numpy=(f"fft.{name}",),
        doc=doc,
    )


_transform_n(
    "fftn",
    """``fft`` along each of ``axes`` (all by default), of x cut off or extended to the sizes ``s``.

    >>> cr.fft.fftn(cr.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor([[2.+0.j, 0.+0.j],
            [0.+0.j, 2.+0.j]])
    """,
)
_transform_n(
    "ifftn",
    """``ifft`` along each of ``axes`` (all by default): the inverse of ``fftn``.

    >>> cr.fft.ifftn(cr.tensor([[2.0, 0.0], [0.0, 2.0]]))
    tensor([[1.+0.j, 0.+0.j],
            [0.+0.j, 1.+0.j]])
    """,
)


def _rfft_along(name: str, default: Any) -> Callable[..., Any]:
    def body(xp: Any, x: Any, s: Any = None, axes: Any = default, norm: Any = "backward") -> Any:
        spec = operand_spec(name, x)
        _real(name, spec)
        s, axes = _sizes(name, spec, s, axes)
        half = xp.rfft(x, n=s[-1], axis=axes[-1], norm=_norm(name, norm))
        return xp.fftn(half, s=s[:-1], axes=axes[:-1], norm=norm) if axes[1:] else half

    return body


def _irfft_along(name: str, default: Any) -> Callable[..., Any]:
    def body(xp: Any, x: Any, s: Any = None, axes: Any = default, norm: Any = "backward") -> Any:
        spec, norm = operand_spec(name, x), _norm(name, norm)
        sizes, axes = _sizes(name, spec, s, axes)
        last = 2 * (spec.shape[axes[-1]] - 1) if s is None or s[-1] is None else sizes[-1]
        whole = xp.ifftn(x, s=sizes[:-1], axes=axes[:-1], norm=norm) if axes[1:] else x
        return xp.irfft(whole, n=last, axis=axes[-1], norm=norm)

    return body


def _plane(of: str) -> Callable[..., Any]:
    def body(xp: Any, x: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = "backward") -> Any:
        return getattr(xp, of)(x, s=s, axes=axes, norm=norm)

    return body


def _several(name: str, body: Callable[..., Any], doc: str) -> None:
    composite(name, body, public=(f"fft.{name}",), numpy=(f"fft.{name}",), doc=doc)


_several(
    "rfftn",
    _rfft_along("rfftn", None),
    """``rfft`` along the last of ``axes`` (all by default), then ``fft`` along the others.

    >>> cr.fft.rfftn(cr.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor([[2.+0.j, 0.+0.j],
            [0.+0.j, 2.+0.j]])
    """,
)
_several(
    "irfftn",
    _irfft_along("irfftn", None),
    """``ifft`` along all but the last of ``axes``, then ``irfft`` along that one: the inverse of ``rfftn``.

    >>> cr.fft.irfftn(cr.tensor([[2.0, 0.0], [0.0, 2.0]]))
    tensor([[1., 0.],
            [0., 1.]])
    """,
)
for _name, _body in (
    ("fft2", _plane("fftn")),
    ("ifft2", _plane("ifftn")),
    ("rfft2", _rfft_along("rfft2", (-2, -1))),
    ("irfft2", _irfft_along("irfft2", (-2, -1))),
):
    _several(
        _name,
        _body,
        f"""``{_name[:-1]}n`` along the last two axes, or two others.

    >>> cr.fft.{_name}(cr.ones((3, 2, 2))).shape
    (3, 2, 2)
    """,
    )

# --------------------------------------------------------------------------------------------------------- order


def _shift(name: str, places: Callable[[int], int]) -> Callable[..., Any]:
    def body(xp: Any, x: Any, axes: Any = None) -> Any:
        shape = operand_spec(name, x).shape
        chosen = normalize_axes(name, axes, len(shape))
        if not chosen:
            return xp.reshape(x, shape)
        return xp.roll(x, tuple(places(shape[axis]) for axis in chosen), axis=chosen)

    return body


composite(
    "fftshift",
    _shift("fftshift", lambda n: n // 2),
    value=np.fft.fftshift,
    public=("fft.fftshift",),
    numpy=("fft.fftshift",),
    doc="""x with the zero frequency moved to the middle of ``axes`` (all by default).

    >>> cr.fft.fftshift(cr.tensor([0.0, 1.0, -2.0, -1.0]))
    tensor([-2., -1.,  0.,  1.])
    """,
)
composite(
    "ifftshift",
    _shift("ifftshift", lambda n: -(n // 2)),
    value=np.fft.ifftshift,
    public=("fft.ifftshift",),
    numpy=("fft.ifftshift",),
    doc="""The inverse of ``fftshift``, from which it differs for odd sizes.

    >>> cr.fft.ifftshift(cr.tensor([-2.0, -1.0, 0.0, 1.0]))
    tensor([ 0.,  1., -2., -1.])
    """,
)

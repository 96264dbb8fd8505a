"""Airy functions and spherical Bessel functions: each family closed under its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import NONE, composite, elementwise, primitive
from chainrule.precision import precisely
from chainrule.spec import Spec

# ------------------------------------------------------------------------------------------ Airy functions


def _airy_slope(xp: Any, out: Any, x: Any) -> Any:
    # Ai″ = x Ai, DLMF 9.2.1
    ai, aip, bi, bip = (xp.getitem(out, i) for i in range(4))
    return xp.stack([aip, xp.multiply(x, ai), bip, xp.multiply(x, bi)])


def _airy_vjp(xp: Any, g: Any, out: Any, x: Any) -> Any:
    return xp.sum(xp.absorbing_multiply(g, _airy_slope(xp, out, x)), axis=0)


def _airy_jvp(xp: Any, tangents: Any, out: Any, x: Any) -> Any:
    return xp.absorbing_multiply(tangents[0], _airy_slope(xp, out, x))


def _airy_batch(xp: Any, _batched: tuple[bool, ...], x: Any) -> Any:
    out = xp.airy_stack(x)
    return xp.permute_dims(out, (1, 0, *range(2, len(out.shape))))


def _airy(xp: Any, z: Any) -> tuple[Any, ...]:
    stacked = xp.airy_stack(z)
    return tuple(xp.getitem(stacked, i) for i in range(4))


primitive(
    "airy_stack",
    value=lambda x: np.stack(special.airy(x)),
    spec=lambda x: Spec((4, *x.shape), special.airy(np.ones(1, x.dtype))[0].dtype),
    vjp=(_airy_vjp,),
    jvp=_airy_jvp,
    batch=_airy_batch,
    public=(),
    doc="""Ai, Ai′, Bi and Bi′ of x, stacked in front; ``special.airy`` as one array.

    >>> from chainrule.ops import ops
    >>> ops.airy_stack(cr.tensor(1.0))
    tensor([ 0.13529242, -0.15914744,  1.20742359,  0.93243593])
    """,
)
composite(
    "airy",
    _airy,
    value=special.airy,
    public=("special.airy",),
    doc="""(Ai, Ai′, Bi, Bi′), the Airy functions of z and their derivatives; z may be complex.

    >>> cr.special.airy(cr.tensor(1.0))[0]
    tensor(0.13529242)
    """,
)


# ----------------------------------------------------------------------------- spherical Bessel functions


def _spherical_slope(name: str, low: float, high: float) -> Callable[..., Any]:
    """(low · n f(n − 1, z) + high · (n + 1) f(n + 1, z)) / (2n + 1), DLMF 10.51.2 and 10.51.5."""

    def slope(xp: Any, _out: Any, n: Any, z: Any) -> Any:
        f = getattr(xp, name)
        # Of order 0 nothing lies below, and its factor is 0.
        above, below = f(n + 1, z), f(xp.maximum(n - 1, 0), z)
        below = xp.where(xp.equal(n, 0), 0.0, xp.multiply(low * n / (2 * n + 1), below))
        return xp.astype(xp.add(below, xp.multiply(high * (n + 1) / (2 * n + 1), above)), above.dtype)

    return slope


def _with_flag(op: str) -> Callable[..., Any]:
    def body(xp: Any, n: Any, z: Any, derivative: bool = False) -> Any:
        n = np.asarray(n, np.int64)
        return _spherical_slopes[op](xp, None, n, z) if derivative else getattr(xp, op)(n, z)

    return body


_spherical_slopes: dict[str, Callable[..., Any]] = {}

for _letter, _low, _high, _shown, _example in (
    (
        "j",
        1.0,
        -1.0,
        "jₙ(z) = √(π/2z) Jₙ₊½(z), the spherical Bessel function of the first kind",
        " 0.30116868,  0.23913363",
    ),
    (
        "y",
        1.0,
        -1.0,
        "yₙ(z) = √(π/2z) Yₙ₊½(z), the spherical Bessel function of the second kind",
        "-1.38177329,  2.22324428",
    ),
    (
        "i",
        1.0,
        1.0,
        "iₙ(z) = √(π/2z) Iₙ₊½(z), the modified spherical Bessel function of the first kind",
        " 0.36787944,  0.43944231",
    ),
    (
        "k",
        -1.0,
        -1.0,
        "kₙ(z) = √(π/2z) Kₙ₊½(z), the modified spherical Bessel function of the second kind",
        " 1.15572735, -2.88931837",
    ),
):
    _op, _name = f"spherical_{_letter}", f"spherical_{_letter}n"
    _spherical_slopes[_op] = _spherical_slope(_op, _low, _high)
    elementwise(
        _op,
        value=precisely(getattr(special, _name)),
        d=(NONE, _spherical_slopes[_op]),
        public=(),
        doc=f"""{_shown}, of whole order n: ``special.{_name}`` without its flag.

        >>> from chainrule.ops import ops
        >>> ops.{_op}(1, cr.tensor([1.0]))
        tensor([{_example.split(",")[0].strip()}])
        """,
    )
    composite(
        _name,
        _with_flag(_op),
        public=(f"special.{_name}",),
        doc=f"""{_shown}, of whole order n; with ``derivative=True``, dfₙ/dz.

        >>> cr.special.{_name}(1, cr.tensor([1.0]))
        tensor([{_example.split(",")[0].strip()}])
        >>> cr.special.{_name}(1, cr.tensor([1.0]), derivative=True)
        tensor([{_example.split(",")[1].strip()}])
        """,
    )

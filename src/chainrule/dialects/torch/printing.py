"""Tensors as text, as PyTorch prints them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from chainrule.dialects.torch.dtypes import default_complex, default_float, of
from chainrule.dialects.torch.names import name_of
from chainrule.errors import ExpressionError


@dataclass(frozen=True)
class Options:
    """How numbers are printed."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_DEFAULT = Options()
_options: ContextVar[Options] = ContextVar("options", default=_DEFAULT)
_PROFILES = {"default": {}, "short": {"precision": 2, "edgeitems": 2}, "full": {"threshold": math.inf}}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how Tensors are printed from here on; a ``profile`` is ``default``, ``short`` or ``full``.

    >>> import chainrule.torch as torch
    >>> with torch.printoptions(precision=2):
    ...     torch.tensor([1 / 3])
    tensor([0.33])
    """
    if profile is not None and profile not in _PROFILES:
        raise ExpressionError(
            f"[set_printoptions] profile {profile!r} is unknown; expected one of {sorted(_PROFILES)}."
        )
    base = _options.get() if profile is None else Options(**_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    # As in PyTorch, sci_mode goes back to automatic unless it is given.
    _options.set(replace(base, sci_mode=sci_mode, **{k: v for k, v in given.items() if v is not None}))


def get_printoptions() -> dict[str, Any]:
    """How Tensors are printed now.

    >>> import chainrule.torch as torch
    >>> torch.get_printoptions()["precision"]
    4
    """
    return asdict(_options.get())


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Print with other options inside a ``with`` block."""
    token = _options.set(_options.get())
    try:
        set_printoptions(**options)
        yield
    finally:
        _options.reset(token)


# ------------------------------------------------------------------------------------------------- elements


def _float_format(values: Any, options: Options) -> tuple[int, Callable[[Any], str]]:
    """(width, how to write one number) for these numbers: as integers, as decimals, or scientifically."""
    magnitudes = np.abs(values.astype(np.float64)).ravel()
    seen = values.ravel()[np.isfinite(magnitudes) & (magnitudes != 0)].astype(np.float64)
    if seen.size == 0:
        return 1, _as_integer
    magnitudes = np.abs(seen)
    largest, smallest = magnitudes.max(), magnitudes.min()
    integers = bool((seen == np.ceil(seen)).all())
    with np.errstate(over="ignore"):
        spread = largest / smallest > 1000.0
    scientific = spread or largest > 1.0e8 or smallest < 1.0e-4
    if options.sci_mode is not None:
        scientific = options.sci_mode
    if integers and not scientific:
        write = _as_integer
    else:
        write = f"{{:.{options.precision}{'e' if scientific else 'f'}}}".format
    return max(len(write(v)) for v in seen.tolist()), write


def _as_integer(v: Any) -> str:
    return f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}"


def _formatter(values: Any, options: Options) -> tuple[int, Callable[[Any], str]]:
    """(width of an element in its row, how to write one)."""
    if values.dtype.kind == "c":
        width, write_real = _float_format(values.real, options)
        imaginary_width, write_imaginary = _float_format(values.imag, options)

        def write(z: complex) -> str:
            imaginary = write_imaginary(z.imag).rjust(imaginary_width).lstrip()
            sign = "" if imaginary.startswith("-") else "+"
            return f"{write_real(z.real).rjust(width)}{sign}{imaginary}j"

        return width + imaginary_width + 1, write
    if values.dtype.kind == "f":
        width, write_float = _float_format(values, options)
        return width, lambda v: write_float(v).rjust(width)
    width = max((len(str(v)) for v in values.ravel().tolist()), default=0)
    return width, lambda v: str(v).rjust(width)


# ---------------------------------------------------------------------------------------------------- layout


def _edges_of(values: Any, count: int) -> Any:
    """The elements that are shown of a summarised array."""
    for axis, size in enumerate(values.shape):
        if size > 2 * count:
            values = np.concatenate(
                [np.take(values, range(count), axis), np.take(values, range(-count, 0), axis)], axis
            )
    return values


def _layout(values: Any, indent: int, summarised: bool, width: int, write: Any, options: Options) -> str:
    if values.ndim == 0:
        return write(values.item())
    count = options.edgeitems
    cut = summarised and len(values) > 2 * count
    if values.ndim == 1:
        per_line = max(1, (options.linewidth - indent) // (width + 2))
        if cut:
            head, tail = values[:count].tolist(), values[-count:].tolist()
            parts = [*map(write, head), " ...", *map(write, tail)]
        else:
            parts = [write(v) for v in values.tolist()]
        lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    shown = [*values[:count], None, *values[-count:]] if cut else values
    rows = ["..." if row is None else _layout(row, indent + 1, summarised, width, write, options) for row in shown]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def to_text(tensor: Any) -> str:
    """What PyTorch prints for this Tensor."""
    options = _options.get()
    values = np.asarray(tensor._value)
    prefix = "tensor("
    suffixes = []
    if values.size == 0:
        body = "[]"
        if values.ndim != 1:
            suffixes.append(f"size={tuple(values.shape)}")
    else:
        summarised = values.size > options.threshold
        shown = _edges_of(values, options.edgeitems) if summarised else values
        width, write = _formatter(shown, options)
        body = _layout(values, len(prefix), summarised, width, write, options)
    if values.dtype not in (default_float(), default_complex(), np.int64, np.bool_) or (
        values.size == 0 and values.dtype != default_float()
    ):
        suffixes.append(f"dtype={of(values.dtype)!r}")
    node = tensor._node
    if node is not None:
        suffixes.append(f"grad_fn=<{name_of(node)}>" if node.op is not None or node.parents else "requires_grad=True")
    return _with_suffixes(prefix + body, suffixes, len(prefix), options)


def _with_suffixes(text: str, suffixes: list[str], indent: int, options: Options) -> str:
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * indent + suffix
            last = indent + len(suffix)
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"

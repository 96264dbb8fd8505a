"""Numbers, arrays and long lines as text of a program."""

from __future__ import annotations

import io
import tokenize
from typing import Any

import numpy as np

WIDTH, SHORT = 100, 48  # characters of a line, and of a constant that stands in it


def plain(obj: Any) -> str | None:
    """The text of a number, string, dtype or such."""
    if obj is None or obj is Ellipsis or type(obj) in (bool, int, str, bytes):
        return "..." if obj is Ellipsis else repr(obj)
    if type(obj) is float:
        return repr(obj) if np.isfinite(obj) else "np.nan" if obj != obj else "np.inf" if obj > 0 else "-np.inf"
    if type(obj) is complex:
        return f"complex({plain(obj.real)}, {plain(obj.imag)})"
    return f'np.dtype("{obj.name}")' if isinstance(obj, np.dtype) else None


def digits(array: Any) -> str:
    """An array as nested lists of exact decimals."""

    def written(x: Any) -> str:
        return f"[{', '.join(map(written, x))}]" if isinstance(x, list) else plain(x) or ""

    usual = array.dtype.name in ("float64", "int64", "bool", "complex128") and array.size
    dtype = "" if usual else f", dtype=np.{array.dtype.name}"
    text = f"np.array({written(array.tolist())}{dtype})"
    return text if array.size or array.ndim < 2 else f"np.empty({array.shape}{dtype})"


def formatted(text: str) -> str:
    """Strings in double quotes, and lines no longer than can be read: broken behind a space inside brackets."""
    return "\n".join(part for line in _quoted(text).split("\n") for part in _broken(line))


def _quoted(text: str) -> str:
    lines = text.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in reversed(tokens):
        plain = token.string[1:-1]
        if token.type == tokenize.STRING and token.string[0] == "'" and not set(plain) & set("'\"\\"):
            (row, start), (_, end) = token.start, token.end
            lines[row - 1] = f'{lines[row - 1][:start]}"{plain}"{lines[row - 1][end:]}'
    return "\n".join(lines)


def _broken(line: str) -> list[str]:
    if len(line) <= WIDTH or line.lstrip().startswith(("#", '"')):
        return [line]
    indent = len(line) - len(line.lstrip())
    spaces, depth, quote = [], 0, ""
    for i, c in enumerate(line):
        if quote:
            quote = "" if c == quote and line[i - 1] != "\\" else quote
        elif c in "\"'":
            quote = c
        elif c == " " and depth:
            spaces.append(i)
        depth += (c in "([{") - (c in ")]}") if not quote else 0
    pieces, start = [], 0
    for at, after in zip(spaces, [*spaces[1:], len(line)], strict=False):
        if after - start > WIDTH - (indent + 4 if start else 0):
            pieces.append(line[start:at])
            start = at + 1
    return [pieces[0], *(" " * (indent + 4) + piece for piece in [*pieces[1:], line[start:]])] if pieces else [line]

"""The error family, and the user's own line that every message ends with.

A message reads: ``[function] what is wrong: actual values; what was expected; what to do.``
"""

from __future__ import annotations

import functools
import linecache
import sys
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

_PACKAGE = Path(__file__).resolve().parent
# NumPy's and the standard library's own code stands between the user and the library when a protocol is called.
_NUMPY = str(Path(np.__file__).parent)
_STANDARD = str(Path(linecache.__file__).parent)
# Every source file of the library. A call whose frame lies in one of them is not the user's line.
LIBRARY = frozenset(str(path) for path in _PACKAGE.rglob("*.py"))
PLAN = "<plan>"  # the file of a graph that was written as Python; its globals have the lines of the user's for its own


class Location(NamedTuple):
    """One instruction of the user's program; cheap to take, resolved to a line only when printed."""

    code: CodeType
    instruction: int

    @property
    def line(self) -> int:
        index = self.instruction // 2
        for number, (_, _, line) in enumerate(_lines_by_instruction(self.code)):
            if number == index and line is not None:
                return line
        return self.code.co_firstlineno

    @property
    def text(self) -> str:
        return linecache.getline(self.code.co_filename, self.line).strip()

    def __str__(self) -> str:
        text = self.text
        return f"{self.code.co_filename}:{self.line}" + (f": {text}" if text else "")


def _lines_by_instruction(code: CodeType):
    for start, end, line in code.co_lines():
        for offset in range(start, end, 2):
            yield offset, offset + 2, line


def user_location() -> Location | None:
    """The innermost frame of the user's own code, or the line that a graph's step was made by; None without either."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file == PLAN:
            return frame.f_globals["locations"][frame.f_lineno]
        if _is_users(file):
            return Location(frame.f_code, frame.f_lasti)
        frame = frame.f_back
    return None


@functools.cache
def _is_users(file: str) -> bool:
    if file in LIBRARY or file.startswith(_NUMPY):
        return False
    return not file.startswith(_STANDARD) or "site-packages" in file


class ChainruleError(Exception):
    """Base of every error the library raises on purpose; adds the user's line to the message."""

    advice = ""  # what to do, where the cause says more of it than who refuses an argument knows

    def __init__(self, message: str, location: Location | None = None):
        cause = sys.exc_info()[1]
        if isinstance(cause, ChainruleError) and cause.advice and cause.message != message:
            message = f"{message.rpartition('; ')[0]}; {cause.advice}."
        self.location = location if location is not None else user_location()
        self.message = message
        where = f"\n  at {self.location}" if self.location is not None else ""
        super().__init__(message + where)

    def at(self, location: Location) -> ChainruleError:
        """The same error, of another line."""
        return type(self)(self.message, location)

    def __reduce__(self) -> Any:
        # The code object of the user's line cannot be pickled; its text is in the message already.
        return _restored, (type(self), self.message, *self.args)


def _restored(cls: type[ChainruleError], message: str, *args: str) -> ChainruleError:
    error = cls.__new__(cls, *args)
    error.message, error.location = message, None
    return error


class ShapeError(ChainruleError, ValueError):
    """Shapes that do not fit each other, or an axis that does not exist in a shape."""


class AxisError(ShapeError, IndexError):
    """An axis outside the operand's axes."""


class DTypeError(ChainruleError, TypeError):
    """A dtype (or a type of operand) that the function is not defined on."""


class DomainError(ChainruleError, ValueError):
    """A value outside those the function is defined on."""


class MatrixError(DomainError, np.linalg.LinAlgError):
    """A matrix that is singular, or not positive definite, where the function needs one that is not."""


class MatrixShapeError(ShapeError, np.linalg.LinAlgError):
    """A shape that is not that of a matrix, or of a square one."""


class RangeError(ChainruleError, OverflowError):
    """A number that the dtype it meets cannot hold."""


class GradientError(ChainruleError, RuntimeError):
    """A derivative that was asked for wrongly, or that does not exist."""


class SymbolError(ChainruleError, TypeError):
    """A value asked of something that has none yet, or a graph given the wrong values."""


class DeepCallError(SymbolError, RecursionError):
    """A function that calls itself more often than can be traced."""


class ExpressionError(ChainruleError, ValueError):
    """Text that is not an expression made of our operations."""


class GraphFileError(ChainruleError, ValueError):
    """A file that holds no graph, or a graph that no file can hold."""

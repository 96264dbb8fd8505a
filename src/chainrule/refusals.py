"""What is said of calls that cannot be answered: errors of Python and NumPy, and arguments that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import shortened
from chainrule.errors import AxisError, ChainruleError, DomainError, DTypeError, RangeError, ShapeError
from chainrule.op import Op
from chainrule.spec import spec_of


def explain(op: Op, values: Any, params: dict[str, Any], error: Exception) -> Exception:
    """The library's error for what NumPy refused: the spec rule knows the shapes' story, and tells it first."""
    if isinstance(error, ChainruleError):
        return error
    specs = [spec_of(v) for v in values]
    try:
        assert op.spec is not None
        op.spec(*specs, **params)
    except ChainruleError as told:
        return told
    except Exception:
        pass
    shown = ", ".join(map(shortened, specs))
    if isinstance(error, TypeError):
        return DTypeError(f"[{op.name}] not defined on operands {shown}: {error}; convert them with astype(...).")
    if isinstance(error, IndexError):
        return ShapeError(f"[{op.name}] refused operands {shown}: {str(error).rstrip('.')}; check their shapes.")
    if isinstance(error, OverflowError):
        return RangeError(f"[{op.name}] refused operands {shown}: {error}; use a wider dtype: x.astype('float64').")
    if isinstance(error, ValueError):
        return DomainError(
            f"[{op.name}] refused operands {shown}: {str(error).rstrip('.')}; expected values that the function is "
            f"defined on in these dtypes; convert the operands first, e.g. x.astype('float64')."
        )
    return error


def spec_for(op: Op, specs: Any, params: dict[str, Any]) -> Any:
    """What the spec rule tells, with the errors that the call itself would raise."""
    assert op.spec is not None
    try:
        return op.spec(*specs, **params)
    except Exception as error:
        raise explain(op, specs, params, error) from None


# What Python and NumPy refuse arguments with, and ours for it. Errors of other classes are those of users' functions.
REFUSALS: dict[type[Exception], type[ChainruleError]] = {
    AttributeError: DTypeError,
    IndexError: AxisError,
    OverflowError: RangeError,
    TypeError: DTypeError,
    ValueError: DomainError,
    ZeroDivisionError: DomainError,
    np.exceptions.AxisError: AxisError,
}


def refused(record: Any, error: Exception) -> Exception:
    """The library's error for arguments that Python or NumPy refused inside a function made of ops."""
    kind = REFUSALS.get(type(error))
    if kind is None:
        return error
    return kind(
        f"[{record.name}] refused its arguments: {str(error).rstrip('.')}; check their kinds and shapes; "
        f"see help({_path(record)})."
    )


def _path(record: Any) -> str:
    """Where users find a function."""
    return f"{record.call.__module__}.{record.call.__name__}"


def misfit(op: Op, args: Any, operands: Any, rest: Any, params: dict[str, Any]) -> str:
    """What is wrong with the arguments of a call."""
    if len(operands) < (op.arity or 0) or len(rest) > len(op.parameters):
        return f"{len(args)} arguments were given"
    unknown = sorted(set(params) - set(op.parameters))
    missing = sorted(set(op.parameters) - set(params))
    return f"{unknown[0]!r} is not a parameter" if unknown else f"parameter {missing[0]!r} is missing"


def call_error(op: Op, told: str) -> str:
    count = "at least 1 operand" if op.arity is None else f"{op.arity} operand" + "s" * (op.arity != 1)
    operands = "a sequence of operands" if op.sequence else count
    parameters = "; parameters: " + ", ".join(op.parameters) if op.parameters else ""
    return f"[{op.name}] {told}; expected {operands}{parameters}; see help({_path(op)})."

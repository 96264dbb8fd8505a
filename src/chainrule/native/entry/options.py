"""Which parameters a function has, and which of them the options of jit name."""

from __future__ import annotations

import inspect
from typing import Any

from chainrule.errors import DTypeError

SINGLE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters_of(function: Any, untold: Any = ()) -> Any:
    """The parameters of a function, or ``untold`` where it does not tell."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return untold


def names_of(function: Any, option: str, given: Any) -> frozenset[Any]:
    """Positions and names of arguments, each by the other too where the function tells."""
    listed = [given] if isinstance(given, str) or hasattr(given, "__index__") else list(given)
    wanted = str if option == "static_argnames" else int if option == "static_argnums" else (int, str)
    for x in listed:
        if not isinstance(x, wanted) or x is True or x is False:
            raise DTypeError(
                f"[jit] {option} holds {x!r}; expected "
                f"{'names of parameters' if wanted is str else 'positions of arguments'}; "
                f"write e.g. {option}={repr(('n',)) if wanted is str else '(1,)'}."
            )
    parameters = parameters_of(function, None)
    if parameters is None:
        return frozenset(listed)
    places = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [p.name for p in parameters]
    found: set[Any] = set()
    for x in listed:
        if isinstance(x, str):
            found.add(x)
            if x not in known and not any(p.kind is p.VAR_KEYWORD for p in parameters):
                raise DTypeError(
                    f"[jit] {option} names {x!r}, and the parameters are {', '.join(known) or 'none'}; expected one of "
                    f"them; check the spelling."
                )
            if x in places:
                found.add(places.index(x))
        else:
            place = x + len(places) if x < 0 else x
            if not 0 <= place < len(places) and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
                raise DTypeError(
                    f"[jit] {option} holds {x}, and the positions of the parameters are "
                    f"{', '.join(map(str, range(len(places)))) or 'none'}; expected one of them; count from 0."
                )
            found.add(place)
            if 0 <= place < len(places):
                found.add(places[place])
    return frozenset(found)

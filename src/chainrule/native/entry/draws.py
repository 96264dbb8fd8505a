"""Compiled functions that draw random numbers, called as machine code: what is called takes the states first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule import noise
from chainrule.native.compiled import Specialization
from chainrule.native.entry.form import Form, Table
from chainrule.native.entry.python import Callable as FastCallable
from chainrule.native.entry.python import called_fast

MISSED = object()  # what a call gives whose arguments have another form
FEW = 8  # forms that are tried one after the other


@called_fast
class Launcher(FastCallable):
    """One form of a function, whose first arguments are the states of the streams that it draws from."""

    def __init__(self, form: Form):
        self._table = Table()
        self._table.add(self, form)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return MISSED


class Draws:
    """The forms of a function that draws."""

    def __init__(self) -> None:
        self._forms: list[tuple[Launcher, Specialization]] = []

    @property
    def full(self) -> bool:
        return len(self._forms) >= FEW

    def add(self, form: Form, made: Specialization) -> None:
        self._forms = [*self._forms, (Launcher(form), made)]

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The result of a call, or MISSED."""
        if noise.traced.get() is not None:
            return MISSED  # where the states are symbols
        for launcher, made in self._forms:
            states = made.states()
            result = launcher(*states, *args, **kwargs)
            if result is not MISSED:
                return result
            made.give_back(states)
        return MISSED

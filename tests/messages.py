"""Errors are compared by their full text, with the user's line at the end."""

import linecache
from collections.abc import Callable
from typing import Any

import pytest


def assert_message(error: type[Exception], message: str, call: Callable[[], Any]) -> None:
    """``call``, written on one line, raises ``error`` with this message and that line."""
    with pytest.raises(error) as caught:
        call()
    file, line = call.__code__.co_filename, call.__code__.co_firstlineno
    assert str(caught.value) == f"{message}\n  at {file}:{line}: {linecache.getline(file, line).strip()}"

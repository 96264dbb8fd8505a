"""Modes, each in a ContextVar: every thread and every asyncio task has its own state.

Modes are entered only through the context managers of this file, which also work as decorators of
functions, generators and coroutines, and restore the former state on every way out.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

recording: ContextVar[bool] = ContextVar("recording", default=True)

# The modes entered here and what each returns to. That is no attribute of a Mode, since threads may share one; and no
# Token of its ContextVar, since an asynchronous generator may be entered in one task and left in another.
_entered: ContextVar[tuple[tuple[Mode, Any], ...]] = ContextVar("entered", default=())


class Mode:
    """Set one ContextVar for a ``with`` block, or for every run of the decorated function."""

    def __init__(self, variable: ContextVar[Any], value: Any):
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._enter(self._variable.get())

    def _enter(self, former: Any) -> None:
        _entered.set((*_entered.get(), (self, former)))
        self._variable.set(self._value)

    def __exit__(self, *_exception: object) -> None:
        entered = _entered.get()
        if entered and entered[-1][0] is self:  # nearly always
            _entered.set(entered[:-1])
            self._variable.set(entered[-1][1])
            return
        for i in reversed(range(len(entered))):
            mode, former = entered[i]
            if mode is self:
                _entered.set((*entered[:i], *entered[i + 1 :]))
                self._variable.set(former)
                return

    def _fresh(self) -> Mode:
        return Mode(self._variable, self._value)

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)  # type: ignore[return-value]  # it has the signature of F
        if inspect.isasyncgenfunction(function):
            return self._wrap_async_generator(function)  # type: ignore[return-value]  # it has the signature of F
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self._fresh():
                    return await function(*args, **kwargs)

            return coroutine  # type: ignore[return-value]  # it has the signature of F

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]  # it has the signature of F

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # The mode holds while the generator's own code runs, never in its caller between two values.
        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            inner = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, inner)
            try:
                while True:
                    with self._fresh():
                        item = resume()
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume = functools.partial(inner.throw, error)
                    else:
                        resume = functools.partial(inner.send, sent)
            except StopIteration as stop:
                return stop.value
            finally:
                with self._fresh():
                    inner.close()

        return generator

    def _wrap_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def generator(*args: Any, **kwargs: Any) -> Any:
            inner = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(anext, inner)
            try:
                while True:
                    with self._fresh():
                        item = await resume()
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume = functools.partial(inner.athrow, error)
                    else:
                        resume = functools.partial(inner.asend, sent)
            except StopAsyncIteration:
                return
            finally:
                with self._fresh():
                    await inner.aclose()

        return generator


class no_grad(Mode):
    """Operations inside record nothing: their results carry no gradient.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> with cr.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    def __init__(self, _function: Callable[..., Any] | None = None):
        super().__init__(recording, False)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        mode = super().__new__(cls)
        if function is None:
            return mode
        mode.__init__()
        return mode(function)


class enable_grad(no_grad):
    """Operations inside record again, also within :class:`no_grad`.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> with cr.no_grad(), cr.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """

    def __init__(self, _function: Callable[..., Any] | None = None):
        Mode.__init__(self, recording, True)


class set_grad_enabled(Mode):
    """Record or not, by a flag: takes effect at once, and as a context manager ends with its block.

    >>> import chainrule as cr
    >>> with cr.set_grad_enabled(False):
    ...     cr.is_grad_enabled()
    False
    >>> cr.is_grad_enabled()
    True
    """

    def __init__(self, mode: bool):
        super().__init__(recording, bool(mode))
        self._before: bool | None = recording.get()  # until it is entered, or decorates
        recording.set(bool(mode))

    def __enter__(self) -> None:
        before, self._before = self._before, None
        self._enter(recording.get() if before is None else before)

    def __call__(self, function: F) -> F:
        # Decorating must not leave the caller's own state changed.
        if self._before is not None:
            recording.set(self._before)
            self._before = None
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether operations are being recorded here (in this thread, in this task)."""
    return recording.get()

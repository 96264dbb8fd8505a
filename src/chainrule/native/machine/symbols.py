"""Where that is in this process what machine code calls, or reads, by name."""

from __future__ import annotations

from collections.abc import Callable

Resolver = Callable[[str], int | None]

RESOLVERS: list[Resolver] = []


def resolves(function: Resolver) -> Resolver:
    """Register a function from names to addresses; None for names that are not its own."""
    RESOLVERS.append(function)
    return function


def address_of(name: str) -> int | None:
    """The address of a name that means the same in every process."""
    return next((found for resolver in RESOLVERS if (found := resolver(name)) is not None), None)

"""Which functions a loop program calls: always, or only where something has gone wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from chainrule.native.language.loops import Block, If, Program, While

PREFIXES = r"host\.\d+\.|blas_|scipy_special_\d+_"


def statements(block: Block, rare: bool = True) -> Iterator[Any]:
    """The statements in a block that are no structure; without ``rare`` not those where a rare condition holds."""
    blocks = [block]
    for one in blocks:
        for statement in one.statements:
            if isinstance(statement, tuple):
                yield statement
            elif isinstance(statement, If):
                blocks += [statement.block, statement.orelse] if rare or not statement.rare else [statement.orelse]
            elif isinstance(statement, While):
                blocks += [statement.head, statement.block]
            else:
                blocks.append(statement.block)


def calls(block: Block, rare: bool = False) -> Iterator[str]:
    """The names that are called in a block; with ``rare`` also where a rare condition holds."""
    return (statement[2] for statement in statements(block, rare) if statement[0] == "call")


def called(program: Program, prefix: str) -> tuple[str, ...]:
    """The functions with this prefix that a program calls in any case, as they are known to others."""
    found = dict.fromkeys(name for name in calls(program.block) if name.startswith(prefix))
    return tuple(dict.fromkeys(known(name) for name in found))


def known(name: str) -> str:
    """The op, the routine of BLAS, or the function of SciPy's that a name means."""
    return re.sub(f"^({PREFIXES})", "", name)


def raises(branch: If) -> bool:
    """Whether a branch is there to let Python say what has gone wrong."""
    return branch.rare and any(name.startswith("host.") for name in calls(branch.block, rare=True))


def leaves(block: Block) -> bool:
    blocks = [block]
    for one in blocks:
        for statement in one.statements:
            if isinstance(statement, tuple):
                if statement[0] == "leave_if":
                    return True
            elif isinstance(statement, If):
                if raises(statement):
                    return True
                blocks += [statement.block, statement.orelse]
            elif isinstance(statement, While):
                blocks += [statement.head, statement.block]
            else:
                blocks.append(statement.block)
    return False

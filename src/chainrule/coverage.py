"""What every function can do, read from the registry and from what the tests ran: ``chainrule.coverage()``."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import NamedTuple

from chainrule.op import COMPOSITES, NONE, REGISTRY, Composite, Op


class Line(NamedTuple):
    """One function; each entry is a word or two of text."""

    name: str
    kind: str
    dtypes: str
    reverse: str
    forward: str
    order: str
    batching: str
    native: str


HEADINGS = Line("function", "kind", "dtypes", "reverse", "forward", "order tested", "batching", "native")
YES, NO = "yes", "–"
# Names of dtypes that stand for all of their kind.
KINDS = {
    "real": ("float64", "float32"),
    "complex": ("complex128", "complex64"),
    "integer": ("int64", "int8"),
    "bool": ("bool",),
}


class Coverage:
    """A table of all functions: print it, look at it in a notebook, or take its ``lines``."""

    def __init__(self, lines: Iterable[Line]):
        self.lines = tuple(lines)

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(HEADINGS, *self.lines, strict=True)]
        ruled = (HEADINGS, tuple("-" * width for width in widths), *self.lines)
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in ruled)

    def __repr__(self) -> str:
        return f"<Coverage of {len(self.lines)} functions; print it>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>\n" for line in self.lines
        )
        return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"

    def page(self) -> str:
        """The table as a Markdown page."""
        lines = [
            "# What every function can do",
            "",
            f"{len(self.lines)} functions, as `chainrule.coverage()` prints them. *reverse* and *forward*: a "
            "derivative exists, in every operand unless told; *order tested*: the highest derivative that the "
            "generated tests compare with differences; *batching*: many samples at once, without a loop; *native*: "
            "compiled code for it exists.",
            "",
            "| " + " | ".join(HEADINGS) + " |",
            "|" + "---|" * len(HEADINGS),
            *("| `" + line.name + "` | " + " | ".join(line[1:]) + " |" for line in self.lines),
            "",
        ]
        return "\n".join(lines)


def coverage() -> Coverage:
    """The table of all functions: kind, dtypes, derivatives, the order tested, batching, compiled code.

    >>> import chainrule as cr
    >>> line = next(line for line in coverage().lines if line.name == "atan2")
    >>> line.dtypes, line.reverse, line.order
    ('real, integer, bool', 'yes', '2')
    """
    return Coverage(sorted(_lines()))


def _lines() -> Iterator[Line]:
    tested = json.loads(files("chainrule").joinpath("tested.json").read_text(encoding="utf-8"))
    for record in (*REGISTRY.values(), *COMPOSITES.values()):
        facts = tested.get(record.name, {"dtypes": [], "order": 0})
        for name in (record.name,) if record.public is None else record.public:
            yield Line(name, record.kind, _dtypes(facts["dtypes"]), *_abilities(record, facts["order"]))


def _dtypes(names: list[str]) -> str:
    told = []
    for kind, members in KINDS.items():
        found = [name for name in members if name in names]
        told += [kind] if found == list(members) else found
    return ", ".join(told) or NO


def _abilities(record: Op | Composite, order: int) -> tuple[str, str, str, str, str]:
    """(reverse, forward, order, batching, native) of a record."""
    if isinstance(record, Composite):
        derivative = YES if order else NO
        return derivative, derivative, str(order or NO), YES, "by its parts"
    native = NO if record.emit is None else YES
    batching = NO if record.batch is None else YES
    if not record.differentiable:
        return NO, NO, NO, batching, native
    without = [str(i) for i in range(record.arity or 1) if record.rule(i) is NONE]
    reverse = YES if not without else f"not in operand {', '.join(without)}"
    forward = NO if record.partials is None and record.jvp is None else reverse
    return reverse, forward, str(order or NO), batching, native

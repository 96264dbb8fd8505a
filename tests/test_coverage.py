"""The table of what every function can do: complete, up to date, printed, in HTML and as a page."""

import runpy
from pathlib import Path

from samples import RECORDS

import chainrule as cr

ROOT = Path(__file__).parent.parent
LINES = {line.name: line for line in cr.coverage().lines}


def test_what_was_tested_is_up_to_date():
    tool = runpy.run_path(str(ROOT / "tools" / "coverage.py"))
    assert tool["FILE"].read_text(encoding="utf-8") == tool["text"](), "run: python tools/coverage.py"


def test_the_page_is_up_to_date():
    page = ROOT / "docs" / "coverage.md"
    assert page.read_text(encoding="utf-8") == cr.coverage().page(), "run: python docs/generate.py"


def test_every_function_has_a_line():
    public = {path for r in RECORDS.values() for path in ((r.name,) if r.public is None else r.public)}
    assert set(LINES) == public


def test_lines_say_what_is_known():
    assert LINES["sin"][1:7] == ("elementwise", "real, complex, integer, bool", "yes", "yes", "2", "yes")
    assert LINES["argmax"][3:7] == ("–", "–", "–", "yes")
    assert LINES["std"].kind == "composite" or LINES["std"].reverse == "yes"


def test_nothing_is_differentiable_and_untested():
    assert [line.name for line in LINES.values() if line.reverse == "yes" and line.order == "–"] == []


def test_text_and_html():
    table = cr.coverage()
    first, rule, *rest = str(table).splitlines()
    assert first.split()[:3] == ["function", "kind", "dtypes"]
    assert set(rule) == {"-", " "}
    assert len(rest) == len(table.lines)
    assert table._repr_html_().count("<tr>") == len(table.lines) + 1
    assert repr(table) == f"<Coverage of {len(table.lines)} functions; print it>"

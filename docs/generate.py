"""Write the pages of this folder that are made from the library's own data: ``python docs/generate.py``."""

from __future__ import annotations

from pathlib import Path

from chainrule import conventions, coverage

PAGES = {"conventions.md": conventions.page, "coverage.md": lambda: coverage().page()}


def main() -> None:
    for name, page in PAGES.items():
        Path(__file__).with_name(name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

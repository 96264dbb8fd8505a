"""Write the pages of this folder that are made from the library's own data: ``python docs/generate.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chainrule import conventions, coverage


def scipy_page() -> str:
    """What became of the calls of SciPy's functions, which the tests make too."""
    program = Path(__file__).parents[1] / "tests" / "scipy_calls.py"
    run = subprocess.run([sys.executable, program, "--page"], check=True, capture_output=True, text=True)
    return run.stdout


PAGES = {"conventions.md": conventions.page, "coverage.md": lambda: coverage().page(), "scipy.md": scipy_page}


def main() -> None:
    for name, page in PAGES.items():
        Path(__file__).with_name(name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

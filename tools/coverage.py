"""Write src/chainrule/tested.json: on which dtypes and to which order the generated tests run each op.

``python tools/coverage.py``, after ops or samples have changed; a test says when.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from samples import RECORDS, sample  # noqa: E402  the folder of tests is no package
from test_registry import DTYPES, problems, smooth_problems  # noqa: E402

FILE = ROOT / "src" / "chainrule" / "tested.json"


def takes(name: str, dtype: str) -> bool:
    """Whether the op has a value on its first sample in this dtype."""
    first = problems(name, dtype)[0]
    try:
        with np.errstate(all="ignore"):
            first(*first.point)
    except Exception:
        return False
    return True


def facts(name: str) -> dict[str, Any]:
    """The dtypes of its first operand that an op takes, and the order to which its derivatives are compared."""
    return {"dtypes": [d for d in DTYPES if takes(name, d)], "order": 2 if smooth_problems(name) else 0}


def text() -> str:
    lines = [f"{json.dumps(name)}: {json.dumps(facts(name))}" for name in sorted(RECORDS) if sample(name).calls]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {FILE}")

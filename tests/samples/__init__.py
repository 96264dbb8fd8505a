"""Samples of every op: calls, and the same function in NumPy or SciPy. At most one row an op, in its family's file.

Elementwise ops need no row: their calls follow from arity and domain, their reference from NumPy's or SciPy's name.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy import special

from chainrule.op import COMPOSITES, REGISTRY
from samples.drawing import Row, elementwise_calls, row

# Picks come with every op of several outputs, and are tested with those; programs with the functions that make them.
RECORDS = {n: record for n, record in {**REGISTRY, **COMPOSITES}.items() if record.kind not in ("pick", "program")}
ROWS: dict[str, Row] = {}
ELEMENTWISE: dict[str, Callable[..., Any]] = {}
# Every file of this folder may have both tables.
for _family in pkgutil.iter_modules(__path__):
    _module = importlib.import_module(f"{__name__}.{_family.name}")
    for _all, _own in ((ROWS, getattr(_module, "ROWS", {})), (ELEMENTWISE, getattr(_module, "ELEMENTWISE", {}))):
        assert not set(_all) & set(_own), f"two rows of one op: {set(_all) & set(_own)}"
        _all.update(_own)


@cache
def sample(name: str) -> Row:
    """The row of an op; a KeyError names an op that has none."""
    if name in ROWS:
        return ROWS[name]
    op = REGISTRY[name]
    if op.kind != "elementwise":
        raise KeyError(f"{name} has no samples: add its row to ROWS in a file of tests/samples/")
    names = [(np, n) for n in (name, *op.numpy)] + [(special, name)]
    reference = ELEMENTWISE.get(name) or next((getattr(m, n) for m, n in names if hasattr(m, n)), None)
    if reference is None:
        raise KeyError(f"{name} has no reference in NumPy or SciPy: add it to ELEMENTWISE in a file of tests/samples/")
    return row(reference, *elementwise_calls(op.arity, op.domain))

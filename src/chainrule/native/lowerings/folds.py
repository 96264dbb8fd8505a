"""Reductions: folds over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.native.language.emitter import Emitter
from chainrule.native.listing import Lister, lowers
from chainrule.native.statements import View
from chainrule.node import Node
from chainrule.spec import normalize_axes

FOLDS = {
    "sum": ("add", 0),
    "prod": ("mul", 1),
    "max": ("maximum", None),
    "min": ("minimum", None),
    "all": ("and", True),
    "any": ("or", False),
}


@lowers(*FOLDS, "count_nonzero", "mean")
def _fold(lister: Lister, operands: Any, node: Node) -> View | None:
    x, op = lister.view(operands[0]), node.op
    assert op is not None
    axis = node.params.get("axis")
    axis = tuple(range(len(x.shape))) if axis is None else normalize_axes(op.name, axis, len(x.shape))
    keepdims = bool(node.params.get("keepdims", False))
    dtype = node.dtype
    if op.name == "count_nonzero":
        return lister.reduce(x, axis, keepdims, dtype, "add", 0, lambda e, v: e.cast(e.cast(v, bool), dtype), op.name)
    # Sums of half precision, which soon lose digits and overflow, are taken in single, as NumPy's are.
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    if op.name == "mean":
        count = math.prod(x.shape[d] for d in axis)
        total = lister.reduce(x, axis, keepdims, wide, "add", 0, name="sum")

        def divided(e: Emitter, v: Any) -> Any:
            return e.cast(v / (e.like(v, count) if dtype.kind == "f" else float(count)), dtype)

        return lister.map(total, divided, dtype, name="mean")
    combine, initial = FOLDS[op.name]
    if dtype.kind == "c" and combine in ("maximum", "minimum"):
        return None
    if initial is None:
        if 0 in x.shape:
            return None
        limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype) if dtype.kind in "iu" else None
        low, high = (-np.inf, np.inf) if dtype.kind == "f" else (limits.min, limits.max) if limits else (False, True)
        initial = low if combine == "maximum" else high
        if dtype.kind == "b":
            combine = "or" if combine == "maximum" else "and"
    if "initial" in node.params or node.params.get("where", True) is not True:
        return None
    if op.name == "sum" and wide != dtype:
        total = lister.reduce(x, axis, keepdims, wide, combine, initial, name=op.name)
        return lister.map(total, lambda e, v: e.cast(v, dtype), dtype)
    return lister.reduce(x, axis, keepdims, dtype, combine, initial, name=op.name)

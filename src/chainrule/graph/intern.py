"""Bodies that are traced again are recognised, so that what was compiled and derived for them serves again."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from chainrule.graph.body import Body
from chainrule.graph.operands import kept_operands

KNOWN = 256  # bodies that are remembered, those used last
SMALL = 1 << 12  # bytes of a constant that is worth comparing

_known: OrderedDict[Any, Body] = OrderedDict()
_lock = Lock()


def interned(body: Body) -> Body:
    """A body remembered from before that is the same to the bit, made by the same lines; else this one."""
    try:
        key = _key(body)
        hash(key)
    except TypeError:  # something that cannot be told from others
        return body
    with _lock:
        found = _known.setdefault(key, body)
        _known.move_to_end(key)
        if len(_known) > KNOWN:
            _known.popitem(last=False)
    return found


def _key(body: Body) -> Any:
    places = {node: i for i, node in enumerate(body.inputs)}
    parts: list[Any] = [tuple(node.spec for node in body.inputs)]
    for node in body.computed:
        operands = tuple(
            places[parent] if parent is not None else _spelled(value)
            for parent, value in zip(node.parents, kept_operands(node), strict=True)
        )
        params = tuple((name, _spelled(value)) for name, value in node.params.items())
        # The remembered body holds on to the code, so that its number stays its own.
        parts.append((node.op, operands, params, id(node.code), node.instruction))
        places[node] = len(places)
    parts.append(tuple(places[y._node] if y._node is not None else _spelled(y._value) for y in body.outputs))
    return tuple(parts)


def _spelled(x: Any) -> Any:
    """Something hashable that is equal for equal things only: 1, 1.0 and True differ, and so do 0.0 and −0.0."""
    if isinstance(x, (np.ndarray, np.generic)):
        if x.nbytes > SMALL:
            raise TypeError("a large constant")
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, (tuple, list)):
        return type(x), tuple(_spelled(item) for item in x)
    if isinstance(x, slice):
        return slice, _spelled((x.start, x.stop, x.step))
    return type(x), repr(x) if isinstance(x, (float, complex)) else x

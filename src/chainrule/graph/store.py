"""Graphs as JSON: data alone, so that a file from a stranger can do no more than be refused.

A file says its format and version, then one node a line: a symbol with its shape and dtype; or an op by its name in the
registry, its operands (numbers of earlier nodes, with that of an output where there are several, or constants) and its
parameters. Reading calls the ops again on symbols, so that every shape, dtype and parameter is derived and refused as
if somebody had written the program; no text is evaluated, nothing is computed, and no memory is taken beyond what the
text itself holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from chainrule.graph import data
from chainrule.graph.data import DEPTH, refused, shown
from chainrule.graph.decode import Reader
from chainrule.graph.encode import encoded
from chainrule.graph.graph import Graph

FORMAT, VERSION = "chainrule graph", 1


def dumps(graph: Graph) -> str:
    """The text of a graph, one node a line; raises GraphFileError where it holds what is no data."""
    body = encoded(graph)
    lines = ",\n  ".join(json.dumps(node, allow_nan=False, ensure_ascii=False) for node in body["nodes"])
    head = json.dumps({"format": FORMAT, "version": VERSION})[1:-1]
    rest = ", ".join(f'"{key}": {json.dumps(body[key], allow_nan=False)}' for key in ("inputs", "outputs"))
    return f'{{{head},\n "nodes": [\n  {lines}\n ],\n {rest}}}\n'


def loads(text: str) -> Graph:
    """The graph that a text stands for; GraphFileError if it stands for none."""
    if len(text) > data.BYTES:
        raise refused(f"it has {len(text)} characters", f"at most {data.BYTES}")
    try:
        tree = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise refused("it is nested too deeply", f"at most {DEPTH} graphs inside graphs") from None
    except ValueError as error:
        raise refused(f"it is no JSON: {error}", "what Graph.save wrote") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise refused("it is JSON of something else", f'"format": "{FORMAT}"')
    if tree.get("version") != VERSION or type(tree["version"]) is not int:
        raise refused(f"its version is {shown(tree.get('version'))}", f"{VERSION}, which this library reads")
    return Reader().whole({key: tree[key] for key in tree if key not in ("format", "version")})


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _save(self: Graph, path: str | os.PathLike[str]) -> None:
    """Write this graph to a file of JSON, which ``Graph.load`` reads; states are saved with the values they have now.

    Numbers are exact. The file is replaced as a whole or not at all. It holds data alone: what cannot be data, such as
    a rule of one's own, raises GraphFileError. Of a checkpointed function what it computes is saved.

    >>> import chainrule as cr, os, tempfile
    >>> x = cr.symbol("x")
    >>> path = os.path.join(tempfile.mkdtemp(), "square.json")
    >>> (x * x).graph().save(path)
    >>> print(cr.Graph.load(path))
    x  = input          : float64[]
    %0 = multiply(x, x) : float64[]
    return %0
    """
    text = dumps(self)
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _load(path: str | os.PathLike[str]) -> Graph:
    """The graph in a file that ``graph.save`` wrote, or a GraphFileError that says what is wrong with it.

    A file from a stranger is safe to load: it is data, and every operation in it is one of the library's, called again
    on symbols. Loading computes nothing; what the graph computes when it is run may take as long as any program.
    """
    size = os.path.getsize(path)
    if size > data.BYTES:
        raise refused(f"it has {size} bytes", f"at most {data.BYTES}")
    try:
        return loads(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise refused("it is no text", "UTF-8") from None


# Attached here, since what they need is built on Graph; its class does not declare them.
Graph.save = _save  # type: ignore[attr-defined]
Graph.load = staticmethod(_load)  # type: ignore[attr-defined]
Graph.dumps = dumps  # type: ignore[attr-defined]
Graph.loads = staticmethod(loads)  # type: ignore[attr-defined]

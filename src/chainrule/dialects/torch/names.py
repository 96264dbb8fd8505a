"""The names PyTorch gives to the nodes of a graph, as data, and the object that shows a node under its name.

Most names follow from the op, its parameters and the shapes. Where PyTorch has one node and we have several, or
two names for one op, the function that made the result says so with :func:`spell`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from chainrule.box import Box, box
from chainrule.dialects.torch.errors import TWICE, refusal
from chainrule.errors import GradientError
from chainrule.node import Freed, Node, Watch
from chainrule.tensor import Removable

# ------------------------------------------------------------------------------------------------- the table


def _power(node: Node) -> str:
    base, exponent = node.parents
    return "PowBackward0" if exponent is None else "PowBackward2" if base is None else "PowBackward1"


def _matmul(node: Node) -> str:
    rank = len(node.shape)
    left, right = (None if parent is None else len(parent.shape) for parent in node.parents)
    if rank == 0:
        return "DotBackward0"
    if rank == 1:
        return "SqueezeBackward4" if left == 1 or right == 2 else "MvBackward0"
    return "MmBackward0" if rank == 2 and (left or 2) == 2 and (right or 2) == 2 else "UnsafeViewBackward0"


def _gather(node: Node) -> str:
    parts = node.params["index"]
    rank = len(node.parents[0].shape)  # type: ignore[union-attr]  # what is indexed has a node
    if len(node.parents) > 1:
        return "IndexBackward0"
    name = "SliceBackward0" if parts == (slice(None),) and rank else "AliasBackward0"
    for part in parts:
        if isinstance(part, int):
            name = "SelectBackward0"
        elif part is None:
            name = "UnsqueezeBackward0"
        elif isinstance(part, slice) and part != slice(None):
            name = "SliceBackward0"
    return name


def _reduction(name: str) -> Callable[[Node], str]:
    """``name0`` over all axes, ``name1`` over some."""

    def by_axes(node: Node) -> str:
        whole = node.shape == () and len(node.params["axis"]) == len(node.parents[0].shape)  # type: ignore[union-attr]  # what is indexed has a node
        return f"{name}Backward{0 if whole else 1}"

    return by_axes


def _extremum(name: str) -> Callable[[Node], str]:
    return lambda node: f"{name}Backward1" if node.shape == () else f"A{name.lower()}Backward0"


def _remainder(node: Node) -> str:
    return "RemainderBackward0" if node.parents[1] is None else "RemainderBackward1"


# Of an op that is not here the name is its own, in capitals: log_softmax, LogSoftmaxBackward0.
NAMES: dict[str, str | Callable[[Node], str]] = {
    "subtract": "SubBackward0", "multiply": "MulBackward0", "divide": "DivBackward0", "negative": "NegBackward0",
    "floor_divide": "NotImplemented", "remainder": _remainder, "power": _power, "square": "PowBackward0",
    "positive": "CloneBackward0", "log1p": "Log1PBackward0", "matmul": _matmul, "vecdot": "SumBackward1",
    "sum": _reduction("Sum"), "mean": _reduction("Mean"), "prod": _reduction("Prod"),
    "max": _extremum("Max"), "min": _extremum("Min"), "norm": "LinalgVectorNormBackward0",
    "reshape": "ViewBackward0", "permute_dims": "PermuteBackward0", "matrix_transpose": "TransposeBackward0",
    "broadcast_to": "ExpandBackward0", "expand_dims": "UnsqueezeBackward0", "squeeze": "SqueezeBackward1",
    "concat": "CatBackward0", "pad": "ConstantPadNdBackward0", "tile": "RepeatBackward0",
    "gather": _gather, "put": "CopySlices", "astype": "ToCopyBackward0", "contract": "ViewBackward0",
    "det": "LinalgDetBackward0", "inv": "LinalgInvExBackward0", "solve": "LinalgSolveExBackward0",
    "cholesky": "LinalgCholeskyExBackward0", "gammaln": "LgammaBackward0",
}  # fmt: skip

# The second operand is no edge in PyTorch when it is a number; elsewhere it is one that leads nowhere.
_ONE_EDGE = frozenset({"PowBackward0", "PowBackward2", "RsubBackward1", "RemainderBackward0"})

_spelled: WeakKeyDictionary[Node, tuple[str, tuple[Node | None, ...]]] = WeakKeyDictionary()


def spell(name: str, result: Any, *operands: Any) -> Any:
    """Say that PyTorch has one node of this name between ``result`` and its operands; returns the result."""
    node = result._node
    if node is not None and node.op is not None and all(node is not getattr(x, "_node", None) for x in operands):
        _spelled[node] = name, tuple(x._node if isinstance(x, Box) else None for x in operands)
    return result


def name_of(node: Node) -> str:
    """PyTorch's name of a node."""
    spelled = _spelled.get(node)
    if spelled is not None:
        return spelled[0]
    if node.op is None:
        return "AliasBackward0" if node.parents else "AccumulateGrad"
    name = NAMES.get(node.op.name)
    if name is None:
        return "".join(part.capitalize() for part in node.op.name.split("_")) + "Backward0"
    return name if isinstance(name, str) else name(node)


def _edges(node: Node) -> tuple[Node | None, ...]:
    spelled = _spelled.get(node)
    if spelled is not None:
        return spelled[1]
    op = node.op
    if op is None or op.kind != "elementwise" or name_of(node) in _ONE_EDGE:
        return tuple(parent for parent in node.parents if parent is not None)
    return node.parents[1:] if op.name == "where" else node.parents


# ---------------------------------------------------------------------------------------- nodes, as objects


class GradFn:
    """A node of the graph as PyTorch shows it: ``type(y.grad_fn).__name__`` and ``y.grad_fn.name()`` are its names."""

    __slots__ = ("_cls", "_node")

    def __init__(self, node: Node, cls: type[Box]):
        self._node = node
        self._cls = cls

    def name(self) -> str:
        """The name of the node."""
        own = type(self).__name__
        return f"torch::autograd::{own}" if own in ("AccumulateGrad", "CopyBackwards", "NotImplemented") else own

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """(node or None, output index) of each operand: the edges that reverse accumulation follows."""
        return tuple((grad_fn(parent, self._cls), 0) for parent in _edges(self._node))

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict of the user's own, which lives as long as the node."""
        return _metadata.setdefault(self._node, {})

    @property
    def variable(self) -> Any:
        """The leaf whose ``.grad`` an AccumulateGrad node adds to; None elsewhere, and when it is gone."""
        return self._node.watch.tensor() if self._node.op is None and self._node.watch is not None else None

    def register_prehook(self, hook: Callable[[tuple[Any, ...]], Any]) -> Any:
        """Call ``hook((gradient,))`` before the node runs; a tuple that it returns takes the gradient's place."""

        def run(gradient: Any) -> Any:
            answer = hook((gradient,))
            return answer[0] if isinstance(answer, tuple) else answer

        node = self._node
        if node.watch is None:
            node.watch = Watch()
            node.watch.cls = self._cls
        key = max(node.watch.hooks, default=-1) + 1
        node.watch.hooks[key] = run
        return Removable(node.watch.hooks, key)

    def _saved(self, slot: int) -> Any:
        kept = self._node.kept
        if kept.__class__ is Freed:
            raise refusal(GradientError, TWICE)
        owner = (self._node, *self._node.parents)[slot]
        value = None if kept is None else kept[slot]
        return box(self._cls, value, owner) if hasattr(value, "dtype") and hasattr(value, "flags") else value

    @property
    def _saved_result(self) -> Any:
        return self._saved(0)

    @property
    def _saved_self(self) -> Any:
        return self._saved(1)

    @property
    def _saved_other(self) -> Any:
        return self._saved(2)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and self._node is other._node

    def __hash__(self) -> int:
        return hash(self._node)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self._node):#x}>"


_metadata: WeakKeyDictionary[Node, dict[Any, Any]] = WeakKeyDictionary()
_classes: dict[str, type[GradFn]] = {}


def grad_fn(node: Node | None, cls: type[Box]) -> GradFn | None:
    """The object that shows ``node``; saved values and hooked gradients come as Tensors of class ``cls``."""
    if node is None:
        return None
    name = name_of(node)
    if name not in _classes:
        _classes[name] = type(name, (GradFn,), {"__slots__": (), "__doc__": GradFn.__doc__, "__module__": __name__})
    return _classes[name](node, cls)

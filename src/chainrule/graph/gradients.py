"""What is asked of the reverse walk: gradients of outputs with respect to inputs, and backward into ``.grad``."""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.apply import defer
from chainrule.box import Box, as_value, box
from chainrule.errors import DTypeError, GradientError, ShapeError, SymbolError, user_location
from chainrule.graph.reverse import reverse
from chainrule.graph.walk import Space, ancestors, array_of, descendants, needs_derivative
from chainrule.node import Freed, Node, Watch
from chainrule.ops import ops, raw
from chainrule.ops.arithmetic import has_nan
from chainrule.spec import Spec
from chainrule.unknown import UnknownNode

RAW = Space(raw, None)


def tensors(cls: type[Box]) -> Space:
    """The space in which a derivative is itself recorded (or symbolic)."""
    return Space(ops, cls)


def node_of(name: str, output: Any, position: int) -> Node:
    """The node behind an output, or an error that says why there is none."""
    if not isinstance(output, Box):
        raise DTypeError(
            f"[{name}] output {position} is a {type(output).__name__}; expected a Tensor; "
            f"float(), .item() and numpy() leave the graph, so keep the Tensor."
        )
    if output._node is None:
        kind = output._value.dtype.kind
        why = (
            f"it has dtype {output._value.dtype}, and only floating-point and complex values have derivatives"
            if kind not in "fc"
            else "none of its operands does, or it was computed under no_grad() or detached"
        )
        raise GradientError(
            f"[{name}] output {position} does not require a gradient: {why}; expected a Tensor computed from one "
            f"with requires_grad=True; call x.requires_grad_() before computing it."
        )
    return output._node


def seed_of(name: str, node: Node, seed: Any, raw_space: bool) -> Any:
    """The cotangent an output starts with: the caller's, or one for a scalar."""
    if seed is None:
        if node.shape and node.size != 1:
            raise GradientError(
                f"[{name}] the output has shape {node.shape}, and a gradient can be implied for one number only; "
                f"expected a scalar; reduce it first, e.g. y.sum(), or give its cotangent: gradient=ones_like(y)."
            )
        if node.dtype.kind == "c":
            raise GradientError(
                f"[{name}] the output is complex ({node.dtype}), and a gradient can be implied for a real number only; "
                f"expected a real scalar; use abs(y), y.real, or give its cotangent: gradient=..."
            )
        if not node.shape:
            return _ONES.get(node.dtype) or node.dtype.type(1)
        return np.ones(node.shape, node.dtype)
    value = seed._value if isinstance(seed, Box) else as_value(name, seed)
    spec = seed._node if value is None else np.asarray(value)
    if spec.shape != node.shape:
        raise ShapeError(
            f"[{name}] the cotangent has shape {spec.shape} and its output {node.shape}; expected equal shapes; "
            f"broadcast it with broadcast_to(g, {node.shape})."
        )
    if spec.dtype.kind == "c" and node.dtype.kind != "c":
        raise DTypeError(
            f"[{name}] the cotangent is {spec.dtype} and its output {node.dtype}; expected a real cotangent for a real "
            f"output; take g.real."
        )
    if not raw_space and isinstance(seed, Box) and seed._node is not None:
        return seed if seed_spec(seed).dtype == node.dtype else ops.astype(seed, node.dtype)
    return np.asarray(value).astype(node.dtype)[()]


_ONES = {np.dtype(t): t(1) for t in (np.float32, np.float64)}


def seed_spec(tensor: Box) -> Spec:
    """Shape and dtype of a Tensor, with a value or without."""
    source = tensor._node if tensor._value is None else tensor._value
    return Spec(source.shape, source.dtype)


def gradients(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """Σₒ (∂o/∂x)ᵀ ḡₒ for each input x: the gradient of scalar outputs, or the product with given cotangents.

    ``inputs`` may be any Tensors of the graph, one or a sequence; the answer has the same form. Symbolic
    outputs give symbolic gradients. With ``create_graph`` the result can be differentiated again. An input that
    the outputs do not depend on is an error, or None with ``allow_unused``.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> cr.gradients(x * x, x)
    tensor(6.)
    """
    one = isinstance(inputs, Box)
    wanted, heads = _sequence(inputs), _sequence(outputs)
    seeds = _seed_list("gradients", grad_outputs, heads)
    nodes = [node_of("gradients", y, i) for i, y in enumerate(heads)]
    if any(node.__class__ is UnknownNode for node in nodes):
        both = defer(_known_gradients, (heads, wanted, seeds), {})
        found = tuple(defer(operator.getitem, (both, i), {}) for i, _ in enumerate(wanted))
        return found[0] if one else found
    targets = [_target("gradients", x, i, ", or use a symbol") for i, x in enumerate(wanted)]
    symbolic = any(y._value is None for y in heads)
    space = tensors(type(heads[0])) if create_graph or symbolic else RAW
    starts = start_seeds("gradients", nodes, seeds, space)
    release = None if symbolic else release_mark(retain_graph, create_graph)
    found, walked = pull(starts, targets, space, symbolic, release)
    free(walked, release)
    results = []
    for i, (x, target, g) in enumerate(zip(wanted, targets, found, strict=True)):
        if g is None and not allow_unused:
            raise _unreached("gradients", i, x, target, starts, "pass allow_unused=True to get None for it")
        results.append(g if g is None or isinstance(g, Box) else box(type(x), g, None))
    return results[0] if one else tuple(results)


def _known_gradients(outputs: Any, inputs: Any, grad_outputs: Any) -> Any:
    """Gradients of outputs whose shapes were unknown before."""
    return gradients(outputs, inputs, grad_outputs)


def _sequence(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Iterable) and not isinstance(given, Box) else [given]


def _target(name: str, x: Any, position: int, advice: str = "") -> Node:
    if not isinstance(x, Box) or x._node is None:
        what = "does not require a gradient" if isinstance(x, Box) else f"is a {type(x).__name__}"
        raise GradientError(
            f"[{name}] input {position} {what}; expected a Tensor of the graph; "
            f"call x.requires_grad_() before computing the outputs{advice}."
        )
    return x._node


def _unreached(name: str, i: int, x: Box, target: Node, starts: Iterable[Node], advice: str) -> GradientError:
    through = ""
    whole = ancestors(starts)
    if target in whole:
        behind = descendants(reversed(whole), [target])
        flat = [node for node in whole if node in behind and node.dtype.kind not in "fc"]
        if flat:
            through = f": every path to it passes through {flat[-1].name()}, whose result is {flat[-1].dtype}"
    return GradientError(
        f"[{name}] input {i} ({seed_spec(x)!r}) is not reached from the outputs{through}; expected outputs that "
        f"depend on it; {advice}."
    )


def _seed_list(name: str, given: Any, heads: list[Any]) -> list[Any]:
    if given is None:
        return [None] * len(heads)
    seeds = list(given) if isinstance(given, (tuple, list)) else [given]
    if len(seeds) != len(heads):
        raise ShapeError(
            f"[{name}] {len(seeds)} cotangents were given for {len(heads)} outputs; expected one for each; "
            f"use None for a scalar output whose cotangent is 1."
        )
    return seeds


def start_seeds(name: str, nodes: Sequence[Node], given: Sequence[Any], space: Space) -> dict[Node, Any]:
    """The cotangents a walk starts from; outputs that share a node add theirs."""
    seeds: dict[Node, Any] = {}
    for node, seed in zip(nodes, given, strict=True):
        g = seed_of(name, node, seed, space.cls is None)
        if space.cls is not None and not isinstance(g, Box):
            g = box(space.cls, g, None)
        seeds[node] = g if node not in seeds else space.xp.add(seeds[node], g)
    return seeds


def pull(
    seeds: dict[Node, Any],
    targets: Sequence[Node],
    space: Space,
    symbolic: bool,
    release: Freed | None = None,
) -> tuple[list[Any], list[Node]]:
    """Cotangents of ``targets``, and the nodes whose rules that took.

    A target that is not reached has None; one that only structural zeros reach has zeros.
    """
    order = ancestors(seeds, min((t.number for t in targets), default=0))
    needed = descendants(reversed(order), targets)
    live = set(seeds)
    for node in order:
        if node in live:
            live.update(p for p in node.parents if p is not None and p in needed and needs_derivative(p))
    walked = [node for node in order if node in live and any(p in needed for p in node.parents)]
    return walk(order, seeds, targets, needed, live, space, symbolic, release), walked


def walk(
    order: list[Node],
    seeds: dict[Node, Any],
    targets: Sequence[Node],
    needed: set[Node] | None,
    live: set[Node] | None,
    space: Space,
    symbolic: bool,
    release: Freed | None,
) -> list[Any]:
    """One reverse walk, repeated if Note [Zeros annihilate] wants it.

    None for ``needed`` or ``live`` says that every node of ``order`` is.
    """
    wanted = set(targets)
    watches = [n.watch for n in order if n.watch is not None]
    hooked = any(watch.hooks for watch in watches)

    def observe(node: Node, g: Any) -> Any:
        return run_hooks(node, g, space)

    with np.errstate(all="ignore"):
        observing = observe if hooked else None
        found, sure = reverse(order, seeds, wanted, needed, space, symbolic or hooked, observing, release)
        if not sure and any(has_nan(array_of(g)) for g in found.values()):
            found, _ = reverse(order, seeds, wanted, needed, space, True, observing, release)
    answers = [found[t] if t in found else _zeros(t, space) if live is None or t in live else None for t in targets]
    # Several may be one Tensor here, or that of a caller; but one that is written to is nobody else's.
    return [box(type(g), g._value, g._node) if isinstance(g, Box) else g for g in answers]


def backward(
    outputs: Sequence[Any],
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Any] | None = None,
) -> None:
    """Accumulate the gradient of ``outputs`` into ``.grad`` of the leaves they depend on (or of ``inputs``)."""
    seeds = _seed_list("backward", grad_outputs, list(outputs))
    for y in outputs:
        if isinstance(y, Box) and y._value is None:
            raise SymbolError(
                "[backward] the output is symbolic, so there is no value to differentiate at; expected a Tensor with "
                "a value; use gradients(y, [x]) for its symbolic gradient, or evaluate it with .eval(...)."
            )
    nodes = [node_of("backward", y, i) for i, y in enumerate(outputs)]
    space = tensors(type(outputs[0])) if create_graph else RAW
    starts = start_seeds("backward", nodes, seeds, space)
    release = release_mark(retain_graph, create_graph)
    if inputs is None:
        order = ancestors(starts)
        targets = [n for n in order if n.watch is not None and (n.op is None or n.watch.retain)]
        found = walk(order, starts, targets, None, None, space, False, release)
    else:
        chosen = {_target("backward", x, i): (i, x) for i, x in enumerate(_sequence(inputs))}
        if not chosen:
            raise GradientError(
                "[backward] inputs is empty, so that no gradient would be accumulated; expected at least one Tensor; "
                "leave it out for all leaves."
            )
        targets = list(chosen)
        for target, (_, x) in chosen.items():
            target.watch = target.watch or Watch(x)
        found, order = pull(starts, targets, space, False, release)
        for target, g in zip(targets, found, strict=True):
            if g is None:
                raise _unreached("backward", *chosen[target], target, starts, "leave it out of inputs")
    for target, g in zip(targets, found, strict=True):
        tensor = target.watch.tensor()  # type: ignore[union-attr]  # targets are watched leaves
        if tensor is not None:
            _accumulate(tensor, g, create_graph)
    free(order, release)


# Threads may share leaves, and what one adds must not be lost to another.
_accumulating = threading.RLock()


def _accumulate(tensor: Any, g: Any, create_graph: bool) -> None:
    with _accumulating:
        before = tensor._grad
        if before is None:
            tensor._grad = g if isinstance(g, Box) else box(type(tensor), g, None)
        elif create_graph or before._node is not None:
            total = ops.add(before, g)
            before._rebind(total._value, total._node)
        else:
            before._rebind(before._value + array_of(g), None)


def _zeros(node: Node, space: Space) -> Any:
    zeros = np.zeros(node.shape, node.dtype)[()]
    return zeros if space.cls is None else box(space.cls, zeros, None)


def run_hooks(node: Node, g: Any, space: Space) -> Any:
    """Show a cotangent to the hooks of its Tensor; what a hook returns takes its place."""
    assert node.watch is not None
    for hook in list(node.watch.hooks.values()):
        answer = hook(box(type(g), g._value, g._node) if isinstance(g, Box) else box(node.watch.cls, g, None))
        if answer is None:
            continue
        if not isinstance(answer, Box):
            answer = box(Box.default, np.array(as_value("register_hook", answer))[()], None)
        if seed_spec(answer).shape != node.shape:
            raise ShapeError(
                f"[register_hook] a hook returned shape {seed_spec(answer).shape} for a gradient of shape "
                f"{node.shape}; expected an equal shape, or None to leave the gradient as it is."
            )
        if seed_spec(answer).dtype.kind == "c" and node.dtype.kind != "c":
            raise DTypeError(
                f"[register_hook] a hook returned {seed_spec(answer).dtype} for a gradient of {node.dtype}; "
                f"expected a real gradient of a real Tensor; take g.real."
            )
        if seed_spec(answer).dtype != node.dtype:
            answer = ops.astype(answer, node.dtype)
        g = answer if space.cls is not None else answer._value
    return g


def release_mark(retain_graph: bool | None, create_graph: bool) -> Freed | None:
    """The mark for nodes whose values are given up, or None where they are retained."""
    return None if (create_graph if retain_graph is None else retain_graph) else Freed(user_location())


def free(order: Sequence[Node], release: Freed | None) -> None:
    """Give up what recorded nodes keep; a later walk through them says where that happened."""
    if release is not None:
        for node in order:
            if node.kept is not None and node.op is not None:
                node.kept = release

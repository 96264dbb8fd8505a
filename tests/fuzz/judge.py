"""How far apart two ways to compute a graph in rounded arithmetic may be: as far as rounding moves its numbers.

The graph is run again and again with noise: what an op computes by rounding is moved, as its operands are, by a random
part of some units in the last place. How far the outputs move says how well conditioned each of their elements is
(Parker's Monte Carlo arithmetic). What differs by more than that, and than some units in its own last place, is wrong.
Integers, booleans, NaN and infinities must be the same wherever noise does not move them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.errors import SymbolError
from chainrule.graph.graph import Graph, operands_of
from chainrule.op import PICK
from chainrule.ops import ops, raw
from fuzz.programs import words

UNITS = 2.0  # of noise, in the last place
WITHIN = 16.0  # times what noise moves
RUNS = (0, 3, 6, 16, 40)  # as long as something differs by more

# What these make is made without rounding, of what they are given.
EXACT = frozenset(
    words(
        """positive negative abs sign copysign floor ceil trunc round fix relu maximum minimum fmax fmin where equal
        not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not signbit isnan
        isinf isfinite stop_gradient permute_dims matrix_transpose reshape expand_dims squeeze broadcast_to flip
        real imag conj gather put concat stack max min all any count_nonzero argmax argmin roll diagonal tril triu
        take_along_axis sort argsort pick astype heaviside bitwise_and bitwise_or bitwise_xor bitwise_invert cummax
        cummin"""
    )
)

# Whether these begin to sum with 0 or with the first product, which may be −0, is left open.
SIGNLESS = frozenset({"matmul", "contract"})
# What these take the difference of is of the order of 1, and the difference may be small beside it: logarithms of sums
# that are near 1, and what is near the mean of its neighbours.
DIFFERENCES = frozenset({"log_softmax", "logsumexp", "logcumsumexp", "logaddexp", "standardize"})
NOT_FINITE = [complex(text) for text in ("nan+nanj", "inf+nanj", "-inf+nanj", "inf+infj")]

Noise = Callable[[Any], Any]


def evaluated(graph: Graph, values: Sequence[Any], noise: Noise | None = None) -> list[Any]:
    """The outputs of a graph, op by op; loops and choices are run here, so that there is noise in their steps too."""
    known: dict[Any, Any] = dict(zip(graph.inputs, values, strict=True))
    for node in graph.computed:
        if node.op is None:
            known[node] = known[node.parents[0]]
            continue
        name, params = node.op.name, node.params
        x = operands_of(node, known, raw)
        inside = BODIES.get(name)
        if inside is not None:
            known[node] = inside(x, params, noise)
            continue
        exact = noise is None or name in EXACT or node.op is PICK
        if not exact:
            assert noise is not None
            x = [noise(one) for one in x]
        function = getattr(raw, name)
        made = function(x, **params) if node.op.sequence else function(*x, **params)
        if not exact:
            assert noise is not None
            made = tuple(map(noise, made)) if node.op.outputs is not None else noise(made)
            if name in DIFFERENCES:
                made = made + (noise(np.ones_like(made)) - 1)
            if name in SIGNLESS and made.dtype.kind == "f":
                made = np.where((made == 0) & (noise(np.ones_like(made)) < 1), -made, made)[()]
        known[node] = made
    return [known.get(y._node, y._value) for y in graph.outputs]


def _scan(x: list[Any], p: dict[str, Any], noise: Noise | None) -> tuple[Any, ...]:
    fixed, carry, rows = x[: p["consts"]], x[p["consts"] :][: p["carries"]], x[p["consts"] + p["carries"] :]
    specs, body, count = p["body"].specs, p["body"], p["carries"]
    ys = [np.empty((p["length"], *s.shape), s.dtype) for s in specs[count:]]
    keep = p["keep"] and p["snapshots"] is None
    states = [np.empty((p["length"], *s.shape), s.dtype) for s in specs[:count]] if keep else []
    numbers = range(p["length"])
    for i in reversed(numbers) if p["reverse"] else numbers:
        for state, c in zip(states, carry, strict=False):
            state[i] = c
        out = evaluated(body, [*fixed, *carry, *(row[i] for row in rows)], noise)
        carry = out[:count]
        for y, value in zip(ys, out[count:], strict=True):
            y[i] = value
    return (*carry, *ys, *states)


def _while(x: list[Any], p: dict[str, Any], noise: Noise | None) -> tuple[Any, ...]:
    tested, fixed, carry = x[: p["conds"]], x[p["conds"] :][: p["consts"]], x[p["conds"] + p["consts"] :]
    while evaluated(p["cond"], [*tested, *carry], noise)[0]:
        carry = evaluated(p["body"], [*fixed, *carry], noise)
    return tuple(carry)


def _switch(x: list[Any], p: dict[str, Any], noise: Noise | None) -> tuple[Any, ...]:
    branches = p["branches"]
    return tuple(evaluated(branches[min(max(int(x[0]), 0), len(branches) - 1)], x[1:], noise))


def _pull(x: list[Any], p: dict[str, Any], noise: Noise | None) -> tuple[Any, ...]:
    """Reverse accumulation through a graph: recorded with these values, and run from its record."""
    leaves = [cr.tensor(v, requires_grad=np.asarray(v).dtype.kind in "fc") for v in x]
    graph = Graph([leaf for leaf in leaves if leaf.requires_grad], ops.pull(*leaves, **p))
    try:
        return tuple(evaluated(graph, [v for v, leaf in zip(x, leaves, strict=True) if leaf.requires_grad], noise))
    except SymbolError:  # a record keeps what rules need, and no more
        if noise is None:
            return raw.pull(*x, **p)
        return tuple(map(noise, raw.pull(*map(noise, x), **p)))


BODIES: dict[str, Callable[..., Any]] = {
    "scan": _scan,
    "while_loop": _while,
    "switch": _switch,
    "pull": _pull,
    "call": lambda x, p, noise: tuple(evaluated(p["body"], x, noise)),
}


def noise_of(random: np.random.Generator) -> Noise:
    def noise(x: Any) -> Any:
        if not isinstance(x, (np.ndarray, np.generic)) or x.dtype.kind not in "fc":
            return x
        size = UNITS * np.finfo(x.dtype).eps
        moved = random.uniform(-size, size, x.shape)
        if x.dtype.kind == "c":
            # Parts of their own would not do: what is lost by cancellation in one is as large as the other.
            moved = moved + 1j * random.uniform(-size, size, x.shape)
            # Which parts of a complex number are NaN and which infinite, once one is, is left open.
            other = random.choice(
                [complex(f"{part}j") for part in ("nan+nan", "inf+nan", "-inf+nan", "inf+inf")], x.shape
            )
            x = np.where(np.isfinite(x) | (random.random(x.shape) < 0.5), x, other).astype(x.dtype)
        # With NaN and infinities the product of complex numbers would make NaN of parts that are none.
        made = np.where(np.isfinite(x), np.where(np.isfinite(x), x, 0) * (1 + moved), x)
        return made.astype(x.dtype)[()]

    return noise


class Judge:
    """What a graph makes of these inputs by NumPy, and whether something else is the same."""

    def __init__(self, graph: Graph, inputs: Sequence[Any], seed: int = 0):
        self.graph, self.inputs = graph, [np.asarray(x)[()] for x in inputs]
        self.random = np.random.default_rng(seed)
        with np.errstate(all="ignore"):
            self.wanted = [np.asarray(y) for y in graph.run(self.inputs)]
        self.moved: list[list[np.ndarray[Any, Any]]] = [[] for _ in self.wanted]

    def _run(self, times: int) -> None:
        for _ in range(times):
            with np.errstate(all="ignore"):
                found = evaluated(self.graph, self.inputs, noise_of(self.random))
            for runs, y in zip(self.moved, found, strict=True):
                runs.append(np.asarray(y))

    def difference(self, found: Sequence[np.ndarray[Any, Any]]) -> str:
        """What is wrong with these outputs; empty if nothing is."""
        for times in RUNS:
            self._run(times)
            wrong = next((text for i, y in enumerate(found) if (text := self._wrong(i, y))), "")
            if not wrong:
                return ""
        return wrong

    def _wrong(self, i: int, found: np.ndarray[Any, Any]) -> str:
        wanted, runs = self.wanted[i], self.moved[i]
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            return f"output {i} is {found.dtype}{found.shape}, not {wanted.dtype}{wanted.shape}"
        with np.errstate(all="ignore"):
            bad = ~_alike(found, wanted, runs)
        if not bad.any():
            return ""
        at = tuple(int(k) for k in np.argwhere(bad)[0])
        with np.errstate(all="ignore"):
            spread = max((abs(run[at] - wanted[at]) for run in runs if run.dtype.kind in "fc"), default=0)
        return (
            f"output {i} of {wanted.dtype}{list(wanted.shape)} differs at {int(bad.sum())} places, first {list(at)}: "
            f"{found[at]!r} by machine code, {wanted[at]!r} by NumPy; noise moves it by {spread:.3g}"
        )


def _alike(found: Any, wanted: Any, runs: Sequence[Any]) -> Any:
    if wanted.dtype.kind == "b" and not (found.view(np.uint8) <= 1).all():
        return np.zeros(wanted.shape, bool)
    if wanted.dtype.kind not in "fc":
        return (found == wanted) | _any(run != wanted for run in runs)
    finite = np.isfinite(wanted)
    info = np.finfo(wanted.dtype)
    moved = np.zeros(wanted.shape, info.dtype)
    for run in runs:
        moved = np.fmax(moved, np.where(finite & np.isfinite(run), abs(run - wanted), 0))
    near = abs(found - wanted) <= WITHIN * moved + 4 * info.eps * abs(wanted) + 4 * info.smallest_subnormal
    if wanted.dtype.kind == "c":
        same = np.where(finite, near, ~np.isfinite(found))
    else:
        same = np.where(finite, near, (found == wanted) | (np.isnan(found) & np.isnan(wanted)))
    return same | _any(_class(run) != _class(wanted) for run in runs)


def _class(x: Any) -> Any:
    """What kind of number each is: finite, infinite with its sign, or none."""
    if x.dtype.kind == "c":
        return np.isfinite(x)
    return np.where(np.isnan(x), 2, np.where(np.isinf(x), np.sign(x), 0))


def _any(masks: Any) -> Any:
    found: Any = False
    for mask in masks:
        found = found | mask
    return found

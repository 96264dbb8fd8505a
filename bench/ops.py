"""What an op costs when no gradient is asked: ours on Tensors against the function of NumPy or SciPy on arrays.

``python -m bench.ops`` prints the whole table, slowest first; ``python -m bench.ops sin sum`` those ops alone.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.special
from tqdm import tqdm

import chainrule as cr
from bench.measure import Row
from chainrule.op import DOMAINS, NONE, REGISTRY, Op

LARGE, SMALL = 1_000_000, 4
RATIO, OVERHEAD = 1.1, 0.7  # the goals: times the reference on LARGE arrays, microseconds more on SMALL ones
ROUNDS = 7


class Case(NamedTuple):
    """One op: our function, its counterpart, and what both are called with, made for a number of elements."""

    name: str
    ours: Callable[..., Any]
    reference: Callable[..., Any]
    arguments: Callable[[int], tuple[Any, ...]]


def uniform(low: float, high: float, seed: int, shape: Any) -> Any:
    return np.random.default_rng(seed).uniform(low, high, shape)


def vector(n: int) -> tuple[Any, ...]:
    return (uniform(-2, 2, 0, n),)


def vectors(n: int) -> tuple[Any, ...]:
    return uniform(-2, 2, 0, n), uniform(-2, 2, 1, n)


def side(n: int) -> int:
    return round(n**0.5)


def matrix(n: int) -> tuple[Any, ...]:
    return (uniform(-2, 2, 0, (side(n), side(n))),)


def matrices(n: int) -> tuple[Any, ...]:
    return (*matrix(n), uniform(-2, 2, 1, (side(n), side(n))))


def indices(n: int) -> tuple[Any, ...]:
    return *vector(n), np.random.default_rng(1).integers(0, n, n)


def small_matrices(n: int) -> tuple[Any, ...]:
    """As many well-conditioned 2×2 matrices as have n elements: what LAPACK does to large ones hides all else."""
    return (uniform(-0.5, 0.5, 0, (n // 4, 2, 2)) + 2 * np.eye(2),)


def positive_matrices(n: int) -> tuple[Any, ...]:
    (a,) = small_matrices(n)
    return (a @ a.swapaxes(-1, -2),)


# Ops that are not elementwise; a function of chainrule, its counterpart, and their arguments.
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (np.sum, vector),
    "sum, axis 0": (lambda x: np.sum(x, axis=0), matrix),
    "prod": (np.prod, vector),
    "mean": (np.mean, vector),
    "max": (np.max, vector),
    "var": (np.var, vector),
    "std": (np.std, vector),
    "logsumexp": (scipy.special.logsumexp, vector),
    "softmax": (scipy.special.softmax, matrix),
    "log_softmax": (scipy.special.log_softmax, matrix),
    "argmax": (np.argmax, vector),
    "all": (np.all, vector),
    "count_nonzero": (np.count_nonzero, vector),
    "cumsum": (np.cumsum, vector),
    "cumprod": (np.cumprod, vector),
    "where": (lambda x, y: np.where(True, x, y), vectors),
    "matmul": (np.matmul, matrices),
    "tensordot": (np.tensordot, matrices),
    "vecdot": (np.vecdot, vectors),
    "outer": (np.outer, lambda n: vectors(side(n))),
    "take": (np.take, indices),
    "concat": (lambda x, y: np.concatenate([x, y]), vectors),
    "stack": (lambda x, y: np.stack([x, y]), vectors),
    "flip": (np.flip, vector),
    "roll": (lambda x: np.roll(x, 1), vector),
    "matrix_transpose": (np.matrix_transpose, matrix),
    "reshape": (lambda x: np.reshape(x, -1), matrix),
    "tril": (np.tril, matrix),
    "sort": (np.sort, vector),
    "argsort": (np.argsort, vector),
    "median": (np.median, vector),
    "nansum": (np.nansum, vector),
    "nanmean": (np.nanmean, vector),
    "diff": (np.diff, vector),
    "trapezoid": (np.trapezoid, vector),
    "linalg.inv": (np.linalg.inv, small_matrices),
    "linalg.det": (np.linalg.det, small_matrices),
    "linalg.solve": (np.linalg.solve, lambda n: (*small_matrices(n), *small_matrices(n))),
    "linalg.cholesky": (np.linalg.cholesky, positive_matrices),
    "linalg.qr": (np.linalg.qr, small_matrices),
    "linalg.svd": (np.linalg.svd, small_matrices),
    "linalg.svdvals": (np.linalg.svdvals, small_matrices),
    "linalg.eigh": (np.linalg.eigh, positive_matrices),
    "linalg.slogdet": (np.linalg.slogdet, small_matrices),
    "fft.fft": (np.fft.fft, vector),
    "fft.rfft": (np.fft.rfft, vector),
}
# How our function is called where that is not as its counterpart.
SPELLED: dict[str, Callable[..., Any]] = {
    "sum, axis 0": lambda x: cr.sum(x, axis=0),
    "where": lambda x, y: cr.where(True, x, y),
    "concat": lambda x, y: cr.concat([x, y]),
    "stack": lambda x, y: cr.stack([x, y]),
    "roll": lambda x: cr.roll(x, 1),
    "reshape": lambda x: cr.reshape(x, -1),
}


def find(module: Any, path: str) -> Any:
    for part in path.split("."):
        module = getattr(module, part, None)
    return module


def elementwise() -> Iterator[Case]:
    """Every elementwise op that NumPy or SciPy has under one of its names."""
    for op in REGISTRY.values():
        names = [path.rpartition(".")[2] for path in op.public or (op.name,)]
        found = [find(module, name) for name in (*op.numpy, *names) for module in (np, scipy.special)]
        reference = next((f for f in found if f is not None), None)
        if op.kind == "elementwise" and reference is not None and op.public != ():
            yield Case(op.name, op.call, reference, arguments_of(op))


def arguments_of(op: Op) -> Callable[[int], tuple[Any, ...]]:
    """Samples of an elementwise op's domain."""

    def arguments(n: int) -> tuple[Any, ...]:
        made = []
        for i, limits in enumerate(op.domain or ("real",) * (op.arity or 1)):
            low, high = DOMAINS[limits] if isinstance(limits, str) else limits
            x = uniform(max(low + 0.1, -2), min(high - 0.1, max(low, 0) + 2), i, n)
            # An operand without a derivative is an order or an exponent: a whole number.
            made.append(np.rint(np.abs(x)).astype(np.int64) if op.rule(i) is NONE else x)
        return tuple(made)

    return arguments


def cases(names: list[str]) -> list[Case]:
    listed = [
        Case(name, SPELLED.get(name) or find(cr, name), reference, arguments)
        for name, (reference, arguments) in CASES.items()
    ]
    return [case for case in (*elementwise(), *listed) if not names or case.name in names]


def seconds(run: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def compare(case: Case, n: int, calls: int) -> tuple[float, float]:
    """The fastest of some rounds, ours and theirs in turn: what is slower than that is the machine's doing."""
    arrays = case.arguments(n)
    if case.name in INTEGERS:
        arrays = tuple(np.asarray(np.rint(8 * a), np.int64) for a in arrays)
    tensors = tuple(cr.asarray(a) for a in arrays)
    with np.errstate(all="ignore"):
        runs = (lambda: case.ours(*tensors)), (lambda: case.reference(*arrays))
        rounds = [[seconds(run, calls) for run in runs]]
        more = 1 if calls * sum(rounds[0]) > 0.2 else ROUNDS - 1  # what takes long has settled by itself
        rounds += [[seconds(run, calls) for run in runs] for _ in range(more)]
    ours, theirs = map(min, zip(*rounds, strict=True))
    return ours, theirs


INTEGERS = frozenset({*(name for name in REGISTRY if name.startswith("bitwise")), "gcd", "lcm"})


def measured(names: list[str]) -> list[tuple[str, float, float, float, float]]:
    """(name, ratio on large arrays, milliseconds there, microseconds more on small ones, those of the reference)."""
    found = []
    for case in tqdm(cases(names), unit="op", file=sys.stderr, disable=None):
        ours, theirs = compare(case, SMALL, 500)
        large, reference = compare(case, LARGE, 1)
        found.append((case.name, large / reference, 1e3 * large, 1e6 * (ours - theirs), 1e6 * theirs))
    return sorted(found, key=lambda line: -line[3])


def rows() -> list[Row]:
    """Medians over all ops, for the table of all workloads."""
    found = measured([])
    ratio, more = (statistics.median(line[i] for line in found) for i in (1, 3))
    ours, theirs = "core", "numpy, scipy"
    large, small = "an op without gradient, 1e6 elements", "an op without gradient, 4 elements, more than NumPy"
    return [
        Row(large, "×", {ours: ratio, theirs: 1.0}, ours, RATIO, theirs),
        Row(small, "µs", {ours: more}, ours, OVERHEAD),
    ]


def main(names: list[str]) -> int:
    found = measured(names)
    print(f"{'op':<24}{'1e6: ratio':>11}{'ms':>9}{'4: more, µs':>13}{'NumPy, µs':>11}")
    for name, ratio, taken, more, theirs in found:
        marks = ("*" if ratio > RATIO else " ") + ("*" if more > OVERHEAD else " ")
        print(f"{name:<24}{ratio:>11.2f}{taken:>9.2f}{more:>13.2f}{theirs:>11.2f} {marks}")
    slow, late = sum(line[1] > RATIO for line in found), sum(line[3] > OVERHEAD for line in found)
    print(f"{len(found)} ops; {slow} above {RATIO} × on {LARGE:,} elements, {late} above {OVERHEAD} µs more on {SMALL}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

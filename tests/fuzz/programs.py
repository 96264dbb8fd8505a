"""Random programs as data: arrays that come in, steps that read earlier values by number, numbers of those given out.

A program is JSON, so that one which failed can be kept, read and made smaller. It is run by chainrule's functions on
arrays, Tensors or symbols alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.ops import ops

FLOATING = "fc"


def words(text: str) -> list[str]:
    return text.split()


# What a derivative is taken of: one real number, that every output counts in.
DERIVED = ("grad", "value_and_grad", "jvp", "hessian", "vmap", "vmap_grad", "grad_grad", "jacobian")


@dataclass(frozen=True)
class Drawn:
    """An array that is drawn: its shape and dtype, and which numbers it holds."""

    shape: tuple[int, ...]
    dtype: str
    kind: str = "normal"
    seed: int = 0

    def array(self) -> np.ndarray[Any, Any]:
        random = np.random.default_rng(self.seed)
        kind, shape = np.dtype(self.dtype).kind, self.shape
        if kind == "b":
            return np.asarray(random.integers(0, 2, shape), bool)
        if kind in "iu":
            low, high = (0 if kind == "u" else -5, 6) if self.kind != "wide" else _limits(self.dtype)
            return np.asarray(random.integers(low, high, shape), self.dtype)
        x = random.normal(size=shape)
        if kind == "c":
            x = x + 1j * random.normal(size=shape)
        if self.kind == "integers":
            x = np.round(2 * x)
        x = np.asarray(x, self.dtype)
        if self.kind == "special" and x.size:
            numbers = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-310, 1e300, 0.5, 3.0]
            chosen = random.integers(0, 2 * len(numbers), shape)
            with np.errstate(all="ignore"):
                for i, number in enumerate(numbers):
                    x = np.where(chosen == i, np.asarray(number).astype(self.dtype), x)
        return x.astype(self.dtype)


def _limits(dtype: str) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


Step = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Program:
    """Operands of steps are numbers of values, Python numbers (``{"py": 2.0}``) or constants (``{"array": …}``)."""

    inputs: tuple[Drawn, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    derive: str | None = None
    batch: int = 0
    note: str = field(default="", compare=False)

    def values(self) -> list[np.ndarray[Any, Any]]:
        """The arrays that come in: with a batch axis, where samples are mapped over."""
        if not self.derive or not self.derive.startswith("vmap"):
            return [x.array() for x in self.inputs]
        return [replace(x, shape=(self.batch, *x.shape)).array() for x in self.inputs]

    def run(self, *inputs: Any) -> list[Any]:
        return performed(self.steps, self.outputs, inputs)

    def scalar(self, *inputs: Any) -> Any:
        total: Any = 0.0
        for y in self.run(*inputs):
            if _kind(y) in FLOATING:
                y = ops.sin(ops.real(y)) if _kind(y) == "c" else y
                total = total + ops.sum(0.5 * ops.sin(y) + 0.1 * y)
        return total

    @property
    def moving(self) -> tuple[int, ...]:
        return tuple(i for i, x in enumerate(self.inputs) if np.dtype(x.dtype).kind == "f")

    def function(self) -> Callable[..., Any]:
        """What is compiled."""
        moving = self.moving
        match self.derive:
            case None:
                return lambda *x: self.run(*x)
            case "grad":
                return cr.grad(self.scalar, moving)
            case "value_and_grad":
                return cr.value_and_grad(self.scalar, moving)
            case "jvp":
                return lambda *x: cr.jvp(self._on(x), [x[i] for i in moving], [ops.cos(1.0 + x[i]) for i in moving])
            case "hessian":
                return cr.hessian(self.scalar, moving)
            case "jacobian":
                return cr.jacobian(lambda *x: ops.concat([ops.reshape(y, (-1,)) for y in self.real(*x)]), moving)
            case "vmap":
                return cr.vmap(lambda *x: self.run(*x))
            case "vmap_grad":
                return cr.vmap(cr.grad(self.scalar, moving))
            case "grad_grad":
                return cr.grad(lambda *x: sum(ops.sum(ops.sin(g)) for g in cr.grad(self.scalar, moving)(*x)), moving)
        raise ValueError(self.derive)

    def real(self, *inputs: Any) -> list[Any]:
        return [y for y in self.run(*inputs) if _kind(y) == "f"]

    def _on(self, inputs: Sequence[Any]) -> Callable[..., Any]:
        """The function of the inputs that move alone."""

        def f(*moved: Any) -> Any:
            given = list(inputs)
            for i, x in zip(self.moving, moved, strict=True):
                given[i] = x
            return [y for y in self.run(*given) if _kind(y) in FLOATING]

        return f

    # ------------------------------------------------------------------------------------------ as text

    def json(self) -> str:
        inputs = ",\n  ".join(json.dumps([list(x.shape), x.dtype, x.kind, x.seed]) for x in self.inputs)
        steps = ",\n  ".join(json.dumps(step) for step in self.steps)
        rest = {"outputs": self.outputs, "derive": self.derive, "batch": self.batch, "note": self.note}
        return f'{{"inputs": [\n  {inputs}],\n "steps": [\n  {steps}],\n {json.dumps(rest)[1:]}\n'


def loaded(text: str) -> Program:
    data = json.loads(text)
    inputs = tuple(Drawn(tuple(shape), *rest) for shape, *rest in data["inputs"])
    steps = tuple((name, tuple(operands), params) for name, operands, params in data["steps"])
    return Program(inputs, steps, tuple(data["outputs"]), data["derive"], data["batch"], data["note"])


# ---------------------------------------------------------------------------------------------------- running


def _kind(x: Any) -> str:
    return np.dtype(x.dtype).kind


def operand(x: Any, values: Sequence[Any]) -> Any:
    if isinstance(x, int):
        return values[x]
    if "py" in x:
        return x["py"]
    shape, *rest = x["array"]
    return Drawn(tuple(shape), *rest).array()


def performed(steps: Sequence[Any], results: Sequence[int], inputs: Sequence[Any]) -> list[Any]:
    values = list(inputs)
    for name, operands, params in steps:
        values.append(step(name, [operand(x, values) for x in operands], params))
    return [values[i] for i in results]


def index_of(parts: Sequence[Any]) -> tuple[Any, ...]:
    """An index as JSON has it: ``"new"``, ``"..."``, integers, slices as lists, and arrays of integers."""

    def one(part: Any) -> Any:
        if isinstance(part, dict):
            return np.array(part["ints"], np.int64)
        if isinstance(part, list):
            return slice(*part)
        return {"new": None, "...": Ellipsis}.get(part, part) if isinstance(part, str) else part

    return tuple(one(part) for part in parts)


def step(name: str, x: list[Any], params: dict[str, Any]) -> Any:
    special = SPECIAL.get(name)
    if special is not None:
        return special(*x, **params)
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in params.items()}
    function = getattr(ops, name)
    return function(x, **given) if name in ("concat", "stack") else function(*x, **given)


def fit(x: Any, shape: Sequence[int], dtype: str) -> Any:
    """x in another shape and dtype, of modest size: what a loop carries on."""
    shape = tuple(shape)
    if _kind(x) == "c" and np.dtype(dtype).kind != "c":
        x = ops.real(x)
    if np.dtype(dtype).kind in "iu" and _kind(x) in FLOATING:
        x = ops.where(ops.isfinite(x), x, 0.0)
        x = ops.minimum(ops.maximum(x, 0.0), 100.0)
    if np.broadcast_shapes(tuple(x.shape), shape) != shape:
        x = ops.sum(x)
    x = ops.astype(x, dtype)
    if np.dtype(dtype).kind == "f":
        x = ops.tanh(0.5 * x)
    if np.dtype(dtype).kind == "c":
        x = x / (1.0 + ops.abs(x))
    return ops.astype(ops.broadcast_to(x, shape), dtype)


def _scan(*x: Any, body: Any, carries: int, rows: int, length: int, reverse: bool, unroll: Any, pick: int) -> Any:
    """One output of a scan: what is closed over, the carries and the rows come in this order."""
    fixed = x[: len(x) - carries - rows]
    start, taken = x[len(fixed) : len(fixed) + carries], x[len(fixed) + carries :]

    def f(carry: Any, row: Any) -> Any:
        made = performed(body["steps"], body["results"], [*fixed, *carry, *(row or ())])
        after = [fit(y, c.shape, str(np.dtype(c.dtype))) for y, c in zip(made, carry, strict=False)]
        return after, made[carries:]

    carry, ys = cr.scan(f, list(start), list(taken) or None, length=length, reverse=reverse, unroll=unroll)
    return [*carry, *ys][pick]


def _while(*x: Any, body: Any, carries: int, limit: int, pick: int) -> Any:
    fixed, start = x[: len(x) - carries], x[len(x) - carries :]

    def f(carry: Any) -> Any:
        i, *rest = carry
        made = performed(body["steps"], body["results"], [*fixed, *rest])
        return [i + 1, *(fit(y, c.shape, str(np.dtype(c.dtype))) for y, c in zip(made, rest, strict=True))]

    def cond(carry: Any) -> Any:
        i, c, *_ = carry
        return ops.logical_and(i < limit, ops.any(ops.isfinite(c)))

    return cr.while_loop(cond, f, [np.int64(0), *start])[1 + pick]


def _chosen(*x: Any, bodies: Any, like: Any, switch: bool) -> Any:
    which, *rest = x
    which = ops.real(which) if _kind(which) == "c" else which
    count = ops.sum(ops.greater(which, 0.2))

    def branch(body: Any) -> Any:
        return lambda *given: fit(performed(body["steps"], body["results"], given)[0], *like)

    branches = [branch(body) for body in bodies]
    if switch:
        return cr.switch(count % 5 - 1, branches, *rest)
    return cr.cond(ops.greater(2 * count, which.size), branches[0], branches[1], *rest)


def _called(*x: Any, body: Any) -> Any:
    return cr.trace(lambda *given: performed(body["steps"], body["results"], given)[0], *x)(*x)


def _to_integer(x: Any, dtype: str) -> Any:
    """Numbers that the dtype has, whatever x is: what else a cast makes is not defined."""
    x = ops.where(ops.isfinite(x), x, 1.0)
    return ops.astype(ops.minimum(ops.maximum(x, 0.0), 100.0), dtype)


def _taken(x: Any, indices: Any, axis: int) -> Any:
    """Indices of any integers, brought inside."""
    size = x.shape[axis]
    return ops.take_along_axis(x, ops.remainder(ops.astype(indices, "int64"), size), axis=axis)


def _gram(x: Any) -> Any:
    """A matrix that is positive definite, and far from singular."""
    n = x.shape[-2]
    h = ops.conj(ops.matrix_transpose(x)) if _kind(x) == "c" else ops.matrix_transpose(x)
    return x @ h / max(1, x.shape[-1]) + np.eye(n, dtype=x.dtype)


SPECIAL: dict[str, Callable[..., Any]] = {
    "getitem": lambda x, index: ops.getitem(x, index_of(index)),
    "setitem": lambda x, v, index: ops.setitem(x, index_of(index), v),
    "scatter": lambda g, index, shape: ops.scatter_add(g, index=index_of(index), shape=tuple(shape)),
    "to_integer": _to_integer,
    "scan": _scan,
    "while": _while,
    "chosen": _chosen,
    "called": _called,
    "taken": _taken,
    "decay": lambda x: ops.exp(-x * x),
    "safe_log": lambda x: ops.log(x * x + 1.0),
    "bounded_power": lambda x, n: x**n,
    "top": lambda x, k, axis: ops.top_k(x, k, axis=axis)[0],
    "ends": lambda x, v: ops.searchsorted(ops.sort(ops.reshape(x, (-1,))), v),
    "product": lambda x, y, subscripts: ops.einsum(subscripts, x, y),
    "gram_inv": lambda x: ops.inv(_gram(x)),
    "gram_det": lambda x: ops.det(_gram(x)),
    "gram_solve": lambda x: ops.solve(_gram(x), x),
    "gram_cholesky": lambda x: ops.cholesky(_gram(x)),
    "gram_slogdet": lambda x: ops.slogdet(_gram(x))[1],
    "matrix_t": lambda x: ops.matrix_transpose(x),
}

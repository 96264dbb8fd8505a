"""Random programs: every step is tried on arrays as it is drawn, and kept where chainrule takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.errors import ChainruleError
from fuzz.programs import DERIVED, Drawn, Program, Step, index_of, operand, step, words

SIZES = (2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65)
SMALL, USUAL, LARGE = 64, 3_000, 300_000  # elements of an array
DTYPES = ("float64",) * 9 + ("float32",) * 4 + ("complex128", "complex64", "int64", "int64", "int32", "uint8", "bool")

UNARY = words(
    """sin cos tanh sigmoid softplus atan expm1 log1p exp sqrt log decay safe_log square negative abs reciprocal sign
    floor ceil trunc round relu asinh log2 log10 exp2 cosh sinh tan isnan isfinite isinf signbit logical_not rad2deg
    acos asin acosh atanh positive erf logit silu gammaln"""
)
TAME = words("sin cos tanh sigmoid softplus atan decay safe_log square negative abs")
BINARY = words(
    """add subtract multiply divide maximum minimum atan2 hypot logaddexp copysign fmax fmin less less_equal greater
    greater_equal equal not_equal remainder floor_divide power bitwise_and bitwise_or bitwise_xor logical_and
    logical_or logical_xor bitwise_left_shift bitwise_right_shift nextafter heaviside absorbing_multiply"""
)
PLAIN = words("add subtract multiply multiply divide maximum minimum")
FOLDS = words("sum sum sum mean max min prod all any count_nonzero argmax argmin var logsumexp std")


class Generator:
    def __init__(self, seed: int):
        self.random = np.random.default_rng([seed, 5])
        self.seed = seed
        self.names = 0
        draw = self.random.random
        self.derive = str(self.choice(DERIVED)) if draw() < 0.45 else None
        self.limit = USUAL if draw() < 0.9 else LARGE
        if self.derive in ("hessian", "jacobian", "grad_grad"):
            self.limit = SMALL if self.derive != "grad_grad" else USUAL // 4
        sizes = [int(self.choice(SIZES)) for _ in range(3)]
        if self.limit == LARGE:
            sizes[0] = int(self.choice((1000, 1021, 4096, 65537)))
        if draw() < 0.06:
            sizes[0] = 0
        self.longest = 9 if self.limit <= USUAL else 6
        if draw() < 0.25:
            sizes, self.limit, self.longest = [int(self.choice((2, 3, 4))) for _ in sizes], min(self.limit, 200), 25
        self.sizes = [*sizes, 1]
        self.tame = 0.75 if draw() < 0.8 else 0.2

    def choice(self, items: Sequence[Any]) -> Any:
        return items[int(self.random.integers(len(items)))]

    # ------------------------------------------------------------------------------------------ arrays

    def shape(self, limit: int | None = None, least: int = 0) -> tuple[int, ...]:
        limit = self.limit if limit is None else limit
        rank = max(least, int(self.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))))
        for _ in range(20):
            shape = tuple(int(self.choice(self.sizes)) for _ in range(rank))
            if np.prod(shape, dtype=float) <= limit:
                return shape
        return (1,) * rank

    def drawn(self, dtype: str | None = None, shape: tuple[int, ...] | None = None) -> Drawn:
        dtype = str(self.choice(DTYPES)) if dtype is None else dtype
        kinds = ("normal",) * 12 + ("integers", "integers", "special", "wide")
        return Drawn(self.shape() if shape is None else shape, dtype, str(self.choice(kinds)), self.number())

    def number(self) -> int:
        return int(self.random.integers(2**31))

    # ------------------------------------------------------------------------------------------ programs

    def program(self) -> Program:
        count = int(self.choice((1, 1, 2, 2, 3)))
        inputs = [self.drawn() for _ in range(count)]
        if self.derive:
            inputs[0] = self.drawn(str(self.choice(("float64", "float64", "float32"))))
        if self.random.random() < 0.15:
            inputs.append(inputs[0])  # the same array twice
        values: list[Any] = [x.array() for x in inputs]
        wanted = int(self.random.integers(1, self.longest))
        steps = self.steps(values, wanted, depth=0)
        free = sorted(set(range(len(values))) - {x for _, operands, _ in steps for x in operands if isinstance(x, int)})
        outputs = [i for i in free if i >= len(inputs)] or [len(values) - 1]
        while self.random.random() < 0.25:
            outputs.append(int(self.random.integers(len(values))))  # an input, or something twice, or inside
        self.random.shuffle(outputs)
        outputs = [int(i) for i in outputs]
        derive = self.derive
        if derive and not any(values[i].dtype.kind in "fc" for i in outputs):
            derive = None
        if derive == "jacobian" and not any(values[i].dtype.kind == "f" for i in outputs):
            derive = "grad"
        return Program(tuple(inputs), tuple(steps), tuple(outputs), derive, int(self.choice((1, 2, 3, 8, 17, 100))))

    def steps(self, values: list[Any], wanted: int, depth: int) -> list[Step]:
        """Steps from these values on, which are added to them."""
        found: list[Step] = []
        for _ in range(wanted * 8):
            if len(found) >= wanted:
                break
            makers, weights = zip(*((m, w if depth < 2 or m not in LOOPS else 0.0) for m, w in MAKERS), strict=True)
            maker = makers[int(self.random.choice(len(makers), p=np.array(weights) / sum(weights)))]
            made = maker(self, values, depth)
            if made is None:
                continue
            value = self.tried(made, values)
            if value is None:
                continue
            found.append(made)
            values.append(value)
        return found

    def tried(self, made: Step, values: Sequence[Any]) -> Any:
        name, operands, params = made
        try:
            with np.errstate(all="ignore"):
                y = step(name, [operand(x, values) for x in operands], params)
        except (ChainruleError, TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError):
            return None
        if isinstance(y, cr.Tensor):
            y = y.numpy()
        y = np.asarray(y)
        if y.size > self.limit or y.ndim > 5:
            return None
        dull = y.dtype.kind in "fc" and y.size and not np.isfinite(y).any()
        return None if dull and self.random.random() < 0.9 else y

    def value(self, values: Sequence[Any], fits: Callable[[Any], bool] = lambda _: True) -> int | None:
        """The number of a value, often of a late one."""
        fitting = [i for i, x in enumerate(values) if fits(x)]
        if not fitting:
            return None
        return fitting[-1] if self.random.random() < 0.4 else int(self.choice(fitting))


Made = Step | None


def unary(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values)
    return (str(g.choice(TAME if g.random.random() < g.tame else UNARY)), (i,), {})


def binary(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values)
    name = str(g.choice(PLAIN if g.random.random() < g.tame else BINARY))
    draw = g.random.random()
    if draw < 0.25:
        number = g.choice((2, -1, 0, 3, 0.5, -2.0, 1.0, 1e-3, True))
        other: Any = {"py": number}
    elif draw < 0.4:
        shape = values[i].shape
        shape = tuple(n if g.random.random() < 0.7 else 1 for n in shape[int(g.random.integers(len(shape) + 1)) :])
        x = g.drawn(str(values[i].dtype) if g.random.random() < 0.7 else None, shape)
        other = {"array": [list(x.shape), x.dtype, x.kind, x.seed]}
    else:
        other = g.value(values, lambda x: _meet(x.shape, values[i].shape))
    pair = (i, other) if g.random.random() < 0.5 else (other, i)
    if name == "power" and not isinstance(other, dict):
        return None
    return (name, pair, {})


def _meet(one: Any, other: Any) -> bool:
    try:
        np.broadcast_shapes(one, other)
    except ValueError:
        return False
    return True


def where(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values)
    mask = g.value(values, lambda x: x.dtype.kind == "b" and _meet(x.shape, values[i].shape))
    j = g.value(values, lambda x: _meet(x.shape, values[i].shape))
    other: Any = {"py": g.choice((0.0, 1, -1.0, float("nan")))} if g.random.random() < 0.3 else j
    if mask is None:
        return ("greater", (i, {"py": 0.1}), {})
    return ("where", (mask, i, other) if g.random.random() < 0.5 else (mask, other, i), {})


def fold(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim) if g.random.random() < 0.9 else g.value(values)
    if i is None:
        return None
    name, ndim = str(g.choice(FOLDS)), values[i].ndim
    axes = [int(a) if g.random.random() < 0.7 else int(a) - ndim for a in range(ndim) if g.random.random() < 0.5]
    g.random.shuffle(axes)
    axis: Any = g.choice((axes, None)) if len(axes) != 1 else g.choice((axes[0], axes))
    if name in ("argmax", "argmin"):
        axis = int(g.random.integers(ndim)) if ndim and g.random.random() < 0.8 else None
    params: dict[str, Any] = {"axis": axis, "keepdims": bool(g.random.random() < 0.4)}
    if name in ("var", "std"):
        params["correction"] = float(g.choice((0, 1)))
    return (name, (i,), params)


def softmax(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim)
    if i is None:
        return None
    name = str(g.choice(("softmax", "log_softmax", "cumsum", "cumprod", "sort", "argsort", "cummax")))
    return (name, (i,), {"axis": int(g.random.integers(values[i].ndim))})


def matmul(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim and x.size)
    if i is None:
        return None
    x = values[i]
    k = x.shape[-1]
    fits = lambda y: y.ndim and y.shape[-2 if y.ndim > 1 else 0] == k and _meet(y.shape[:-2], x.shape[:-2])
    j = g.value(values, fits)
    if j is None or g.random.random() < 0.3:
        columns = int(g.choice(g.sizes))
        shape = g.choice(((k,), (k, columns), (*x.shape[:-2], k, columns), (2, *(1,) * (x.ndim - 2), k, columns)))
        y = g.drawn(str(x.dtype), tuple(shape))
        return ("matmul", (i, {"array": [list(y.shape), y.dtype, y.kind, y.seed]}), {})
    return ("matmul", (i, j), {})


def shaped(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim)
    if i is None:
        return None
    x = values[i]
    n = x.ndim
    match g.choice(("permute", "permute", "reshape", "reshape", "flip", "expand", "squeeze", "broadcast", "t",
                    "part", "diagonal", "roll", "tril")):  # fmt: skip
        case "permute":
            return ("permute_dims", (i,), {"axes": [int(a) for a in g.random.permutation(n)]})
        case "reshape":
            return ("reshape", (i,), {"shape": g.choice(_shapes(g, x.shape))})
        case "flip":
            return ("flip", (i,), {"axis": g.choice((None, int(g.random.integers(n))))})
        case "expand":
            return ("expand_dims", (i,), {"axis": int(g.random.integers(n + 1))})
        case "squeeze":
            ones = [d for d, size in enumerate(x.shape) if size == 1]
            return ("squeeze", (i,), {"axis": ones[:1]}) if ones else None
        case "broadcast":
            shape = [int(g.choice(g.sizes)) if size == 1 else size for size in x.shape]
            return ("broadcast_to", (i,), {"shape": [*g.choice(((), (2,), (3, 1))), *shape]})
        case "t":
            return ("matrix_t", (i,), {}) if n > 1 else None
        case "part":
            return (str(g.choice(("real", "imag", "conj", "abs"))), (i,), {}) if x.dtype.kind == "c" else None
        case "diagonal":
            return ("diagonal", (i,), {"offset": int(g.choice((0, 1, -1)))}) if n > 1 else None
        case "roll":
            return ("roll", (i,), {"shift": int(g.choice((1, -2))), "axis": int(g.random.integers(n))})
        case "tril":
            return (str(g.choice(("tril", "triu"))), (i,), {"k": int(g.choice((0, 1, -1)))}) if n > 1 else None
    return None


def _shapes(g: Generator, shape: Any) -> list[list[int]]:
    """Other shapes for as many elements."""
    size = int(np.prod(shape))
    found = [[size], [1, size], [size, 1]]
    for n in (*g.sizes, 2, 3, 4):
        if n and size % n == 0:
            found += [[n, size // n], [size // n, n]]
            found += [[n, m, size // n // m] for m in (2, 3) if size // n % m == 0]
    if len(shape) > 1:
        found += [[shape[0] * shape[1], *shape[2:]], [*shape[:-2], shape[-2] * shape[-1]]] * 2
    return [[int(n) for n in one] for one in found]


def index(g: Generator, shape: Sequence[int], arrays: bool = True) -> list[Any]:
    parts: list[Any] = []
    for size in shape[: int(g.random.integers(1, len(shape) + 1))]:
        draw = g.random.random()
        if draw < 0.2 and size:
            parts.append(int(g.random.integers(-size, size)))
        elif draw < 0.3 and arrays and size:
            parts.append({"ints": [int(k) for k in g.random.integers(-size, size, int(g.choice((1, 2, 5))))]})
            arrays = False  # several would have to broadcast
        elif draw < 0.4:
            parts += ["new", [None, None, None]]
        else:
            ends = [g.choice((None, None, int(g.random.integers(-size - 1, size + 2)))) for _ in range(2)]
            parts.append([*ends, g.choice((None, 1, 2, -1, -1, -2, 3))])
    if g.random.random() < 0.15:
        parts.insert(0, "...") if len(parts) == len(shape) else parts.append("...")
    return parts


def getitem(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim)
    return None if i is None else ("getitem", (i,), {"index": index(g, values[i].shape)})


def setitem(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim)
    if i is None:
        return None
    where = index(g, values[i].shape)
    try:
        room = values[i][index_of(where)].shape
    except IndexError:
        return None
    if g.random.random() < 0.25:
        x = g.drawn(str(values[i].dtype), room)
        if any(isinstance(part, str) and part == "new" for part in where):
            return None
        return ("scatter", ({"array": [list(x.shape), x.dtype, x.kind, x.seed]},),
                {"index": where, "shape": list(values[i].shape)})  # fmt: skip
    j = g.value(values, lambda x: _meet(x.shape, room) and np.broadcast_shapes(x.shape, room) == room)
    return ("setitem", (i, {"py": 0.5} if j is None else j), {"index": where})


def taken(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim)
    j = None if i is None else g.value(values, lambda x: x.ndim == values[i].ndim and x.dtype.kind in "iu")
    if i is None or j is None:
        return None
    return ("taken", (i, j), {"axis": int(g.random.integers(values[i].ndim))})


def joined(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values, lambda x: x.ndim)
    if i is None:
        return None
    n, shape = values[i].ndim, values[i].shape
    axis = int(g.random.integers(n))
    if g.random.random() < 0.5:
        others = [k for k, x in enumerate(values) if x.shape == shape]
        return ("stack", tuple(int(g.choice(others)) for _ in range(3)), {"axis": int(g.random.integers(n + 1))})
    cut = lambda s: s[:axis] + s[axis + 1 :]
    others = [k for k, x in enumerate(values) if x.ndim == n and cut(x.shape) == cut(shape)]
    return ("concat", (i, *(int(g.choice(others)) for _ in range(int(g.choice((1, 2)))))), {"axis": axis})


def library(g: Generator, values: Any, depth: int) -> Made:
    """Functions that are made of several ops, or that are lowered by a rule of their own."""
    i = g.value(values, lambda x: x.ndim and x.dtype.kind in "fc")
    if i is None:
        return None
    shape, n, dtype = values[i].shape, values[i].ndim, str(values[i].dtype)
    axis = int(g.random.integers(n))
    some = g.choice((axis, None))

    def new(*sizes: int) -> dict[str, Any]:
        return {"array": [list(sizes), dtype, "normal", g.number()]}

    size = int(g.choice((1, 2, 3, 5)))
    calls: list[Step] = [
        ("diff", (i,), {"axis": axis, "n": int(g.choice((1, 2)))}),
        ("vector_norm", (i,), {"axis": some, "ord": g.choice((1, 2, 3)), "keepdims": bool(axis)}),
        ("median", (i,), {"axis": some}),
        ("quantile", (i, {"py": 0.3}), {"axis": some}),
        ("pad", (i,), {"pad_width": g.choice((1, 2)), "mode": str(g.choice(("constant", "reflect", "wrap", "edge")))}),
        ("trapezoid", (i,), {"axis": axis}),
        (str(g.choice(("logcumsumexp", "nancumsum"))), (i,), {"axis": axis}),
        (str(g.choice(("nansum", "nanmax", "nanmean"))), (i,), {"axis": some}),
        ("clip", (i, {"py": -0.5}, {"py": 0.7}), {}),
        ("repeat", (i, {"py": 2}), {"axis": axis}),
        ("tile", (i,), {"reps": [2, 1]}),
        ("rot90", (i,), {"k": int(g.choice((1, 3)))}),
        ("nan_to_num", (i,), {}),
        ("moveaxis", (i, {"py": 0}, {"py": n - 1}), {}),
        ("layer_norm", (i,), {"normalized_shape": [shape[-1]]}),
        ("softmin", (i,), {"axis": axis}),
        ("linear_recurrence", (i, new(*shape)), {"axis": axis, "reverse": bool(g.random.random() < 0.5)}),
        ("top", (i,), {"k": size, "axis": axis}),
        ("ends", (i, new(size)), {}),
        ("segment_sum", (i, {"array": [[shape[0]], "uint8", "normal", g.number()]}), {"num_segments": 6}),
    ]
    if n > 1:
        calls += [(name, (i,), {}) for name in ("gram_inv", "gram_det", "gram_solve", "gram_cholesky", "gram_slogdet")]
        calls += [("product", (i, new(shape[-1], size)), {"subscripts": "...ij,jk->...ik"})]
        calls += [("product", (i, new(shape[-1])), {"subscripts": str(g.choice(("...ij,j->...i", "...ij,j->...j")))})]
    if n == 1:
        calls += [("convolve", (i, new(size)), {"mode": str(g.choice(("full", "same", "valid")))})]
        calls += [("outer", (i, new(size)), {}), ("kron", (i, new(size)), {})]
    if n == 3:
        c = shape[1]
        conv = {"stride": int(g.choice((1, 2))), "padding": int(g.choice((0, 1))), "dilation": int(g.choice((1, 1, 2)))}
        calls += [("conv1d", (i, new(4, c, size)), conv), ("max_pool1d", (i, {"py": 2}), {})] * 2
        calls += [("avg_pool1d", (i, {"py": 3}), {"stride": 2})]
    if n == 4:
        calls += [("conv2d", (i, new(2, shape[1], 2, size)), {"padding": 1}), ("max_pool2d", (i, {"py": 2}), {})] * 3
    return calls[int(g.random.integers(len(calls)))]


def cast(g: Generator, values: Any, depth: int) -> Made:
    i = g.value(values)
    dtype = str(g.choice(DTYPES))
    kinds = values[i].dtype.kind, np.dtype(dtype).kind
    if kinds[1] in "iu" and kinds[0] in "fc":
        return ("to_integer", (i,), {"dtype": dtype}) if kinds[0] == "f" else None
    if kinds[0] == "c" and kinds[1] != "c":
        return None
    return ("astype", (i,), {"dtype": dtype})


# ---------------------------------------------------------------------------------------------------- loops


def _body(g: Generator, given: list[Any], depth: int, extra: int) -> dict[str, Any]:
    values = list(given)
    steps = g.steps(values, int(g.random.integers(1, 4)), depth + 1)
    last = len(values) - 1
    results = [int(max(0, last - g.random.integers(0, 3))) for _ in range(extra)]
    return {"steps": steps, "results": results}


def scan(g: Generator, values: Any, depth: int) -> Made:
    modest = lambda x: x.size <= 200 and x.dtype.kind != "b"
    start = [k for k in (g.value(values, modest) for _ in range(int(g.choice((1, 1, 2))))) if k is not None]
    if not start:
        return None
    fixed = [k for k in (g.value(values, modest) for _ in range(int(g.choice((0, 1))))) if k is not None]
    rows = []
    length = int(g.choice((0, 1, 2, 3, 5)))
    taken = g.value(values, lambda x: x.ndim and 1 <= x.shape[0] <= 20)
    if taken is not None and g.random.random() < 0.6:
        rows, length = [taken], values[taken].shape[0]
    given = [values[k] for k in (*fixed, *start)] + [np.asarray(values[k][0]) for k in rows]
    ys = int(g.choice((0, 1, 2)))
    body = _body(g, given, depth, len(start) + ys)
    params = {"body": body, "carries": len(start), "rows": len(rows), "length": length,
              "reverse": bool(g.random.random() < 0.4), "unroll": g.choice((1, 1, 1, 2, True)),
              "pick": int(g.random.integers(len(start) + ys))}  # fmt: skip
    return ("scan", (*fixed, *start, *rows), params)


def while_(g: Generator, values: Any, depth: int) -> Made:
    modest = lambda x: x.size <= 200 and x.dtype.kind in "fi"
    start = [k for k in (g.value(values, modest) for _ in range(int(g.choice((1, 2))))) if k is not None]
    if not start:
        return None
    fixed = [k for k in (g.value(values, modest) for _ in range(int(g.choice((0, 1))))) if k is not None]
    body = _body(g, [values[k] for k in (*fixed, *start)], depth, len(start))
    params = {"body": body, "carries": len(start), "limit": int(g.choice((0, 1, 3, 4))),
              "pick": int(g.random.integers(len(start)))}  # fmt: skip
    return ("while", (*fixed, *start), params)


def chosen(g: Generator, values: Any, depth: int) -> Made:
    switch = bool(g.random.random() < 0.4)
    i = g.value(values)
    rest = [k for k in (g.value(values) for _ in range(2)) if k is not None]
    bodies = [_body(g, [values[k] for k in rest], depth, 1) for _ in range(3 if switch else 2)]
    like = values[rest[0]]
    params = {"bodies": bodies, "like": [list(like.shape), str(like.dtype)], "switch": switch}
    return ("chosen", (i, *rest), params)


def called(g: Generator, values: Any, depth: int) -> Made:
    rest = [k for k in (g.value(values) for _ in range(2)) if k is not None]
    return ("called", tuple(rest), {"body": _body(g, [values[k] for k in rest], depth, 1)})


LOOPS = (scan, while_, chosen, called)
MAKERS: tuple[tuple[Callable[..., Made], float], ...] = (
    (unary, 4), (binary, 6), (where, 1.5), (fold, 3), (softmax, 0.7), (matmul, 2), (shaped, 4), (getitem, 2),
    (setitem, 1.2), (taken, 0.3), (joined, 1.5), (cast, 0.8), (library, 1.5),
    (scan, 1.5), (while_, 0.8), (chosen, 0.6), (called, 0.3),
)  # fmt: skip


def generated(seed: int) -> Program:
    return Generator(seed).program()

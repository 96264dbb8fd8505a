"""Laws that hold for any function made of ops, whatever it computes."""

from typing import Any

import numpy as np

import chainrule as cr
from chainrule.graph.batch import run_batched
from chainrule.graph.graph import Graph
from chainrule.tree import flatten


def drawn(random: Any, shape: Any, dtype: Any = "float64") -> Any:
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return random.integers(0, 2 if dtype.kind == "b" else 9, shape).astype(dtype)
    x = random.uniform(-2, 2, shape)
    return np.asarray(x + 1j * random.uniform(-2, 2, shape) if dtype.kind == "c" else x, dtype)


def same(found: Any, expected: Any) -> None:
    """Equal values, shapes and dtypes."""
    found = np.asarray(found._value if isinstance(found, cr.Tensor) else found)
    expected = np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    tolerance = 1e-12 if is_double(expected) else 1e-5
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def is_double(x: Any) -> bool:
    return x.dtype.kind in "biu" or np.finfo(x.dtype).bits == 64


def adjoint(function: Any, *arrays: Any) -> None:
    """Re ⟨g, J t⟩ = Re ⟨Jᵀ g, t⟩: reverse and forward accumulation are one linear map."""
    random = np.random.default_rng(7)
    outputs, pull = cr.vjp(lambda *x: flatten(function(*x))[0], *arrays)
    tangents = [drawn(random, np.shape(x), np.asarray(x).dtype) for x in arrays]
    _, moved = cr.jvp(lambda *x: flatten(function(*x))[0], arrays, tangents)
    cotangents = [drawn(random, y.shape, y.dtype) for y in outputs]
    pulled = pull(cotangents)
    for x, back in zip(arrays, pulled, strict=True):
        assert (back.shape, back.dtype) == (np.shape(x), np.asarray(x).dtype)
    for y, t in zip(outputs, moved, strict=True):
        assert (t.shape, t.dtype) == (y.shape, y.dtype)
    one = sum(np.vdot(g, t._value).real for g, t in zip(cotangents, moved, strict=True))
    other = sum(np.vdot(back._value, t).real for back, t in zip(pulled, tangents, strict=True))
    tolerance = 1e-9 if all(is_double(x) for x in (*outputs, *map(np.asarray, arrays))) else 1e-4
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def batched_is_a_loop(function: Any, arrays: Any, batched: Any) -> None:
    """Batching rules, composed, equal one call a sample. Batched arrays have their batch axis first."""
    size = next(len(x) for x, is_batched in zip(arrays, batched, strict=True) if is_batched)
    samples = [[x[i] if b else x for x, b in zip(arrays, batched, strict=True)] for i in range(size)]
    symbols = [cr.symbol(shape=np.shape(x), dtype=np.asarray(x).dtype) for x in samples[0]]
    outputs = flatten(function(*symbols))[0]
    graph = Graph([x._node for x in symbols], outputs)
    found, fronts = run_batched(graph, list(arrays), list(batched))
    loops = zip(*(flatten(function(*map(cr.asarray, sample)))[0] for sample in samples), strict=True)
    for y, front, loop in zip(found, fronts, loops, strict=True):
        same(y if front else np.stack([y] * size), np.stack([np.asarray(one._value) for one in loop]))

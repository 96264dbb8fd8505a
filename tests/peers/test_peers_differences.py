"""Where our derivative is meant to differ from those of PyTorch and JAX: special points, by name and reason.

Each line is run in every library, so that none claims what is no longer so; the test prints what it found.
docs/conventions.md has the rules that ours follow.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import counterparts
import numpy as np
import pytest
from counterparts import jax, jnp, torch

import chainrule as cr

pytestmark = pytest.mark.peers


class Difference(NamedTuple):
    """Gradients of the sum of a function at a point; without a function of theirs, theirs is as ours."""

    ours: Callable[..., Any]
    at: Any
    reason: str
    torch: Callable[..., Any] | None = None
    jax: Callable[..., Any] | None = None
    weights: Any = 1.0


INF = np.inf
FLAT = "a branch that was not taken gives nothing"
LEAST = "the subgradient of least norm"
SHARED = "ties share equally"
LIMIT = "all terms are exp(−∞) = 0, and none has a share"
TIE = np.array([2.0, 2.0, 1.0])

DIFFERENCES = {
    "where(x > 0, √x, x)": Difference(
        lambda x: cr.where(x > 0, cr.sqrt(x), x),
        -1.0,
        FLAT,
        lambda x: torch.where(x > 0, torch.sqrt(x), x),
        lambda x: jnp.where(x > 0, jnp.sqrt(x), x),
    ),
    "norm": Difference(cr.norm, [0.0, 0.0], LEAST, None, jnp.linalg.norm),
    "√Σx²": Difference(
        lambda x: cr.sqrt(cr.sum(x * x)),
        [0.0, 0.0],
        LEAST,
        lambda x: torch.sqrt(torch.sum(x * x)),
        lambda x: jnp.sqrt(jnp.sum(x * x)),
    ),
    "std": Difference(cr.std, [2.0, 2.0], LEAST, None, jnp.std),
    "hypot(x, x)": Difference(
        lambda x: cr.hypot(x, x), 0.0, LEAST, lambda x: torch.hypot(x, x), lambda x: jnp.hypot(x, x)
    ),
    "atan2(x, 2x)": Difference(lambda x: cr.atan2(x, 2 * x), 0.0, LEAST, None, lambda x: jnp.atan2(x, 2 * x)),
    "clip": Difference(lambda x: cr.clip(x, 0, 1), 0.0, SHARED, lambda x: torch.clip(x, 0, 1)),
    "sort": Difference(cr.sort, TIE, SHARED, lambda x: torch.sort(x)[0], jnp.sort, [1.0, 2.0, 4.0]),
    "median": Difference(cr.median, TIE, SHARED, None, jnp.median),
    "quantile": Difference(
        lambda x: cr.quantile(x, 0.5), TIE, SHARED, lambda x: torch.quantile(x, 0.5), lambda x: jnp.quantile(x, 0.5)
    ),
    "top_k": Difference(
        lambda x: cr.top_k(x, 1)[0], TIE, SHARED, lambda x: torch.topk(x, 1)[0], lambda x: jax.lax.top_k(x, 1)[0]
    ),
    "max along an axis": Difference(lambda x: cr.max(x, axis=0), TIE, SHARED, lambda x: torch.max(x, 0)[0], None),
    "cummax": Difference(lambda x: cr.cummax(x), TIE, SHARED, lambda x: torch.cummax(x, 0)[0], None, [1.0, 2.0, 4.0]),
    "logsumexp": Difference(
        cr.logsumexp, [-INF, -INF], LIMIT, lambda x: torch.logsumexp(x, 0), jax.scipy.special.logsumexp
    ),
    "logaddexp(x, x)": Difference(
        lambda x: cr.logaddexp(x, x), -INF, LIMIT, lambda x: torch.logaddexp(x, x), lambda x: jnp.logaddexp(x, x)
    ),
    "softmax": Difference(cr.softmax, [-INF, -INF], LIMIT, lambda x: torch.softmax(x, 0), jax.nn.softmax, [1.0, 2.0]),
    "det": Difference(cr.linalg.det, [[1.0, 1.0], [1.0, 1.0]], "the cofactors, at any rank", torch.linalg.det),
    "cond": Difference(cr.linalg.cond, [[1.0, 0.0], [0.0, 1.0]], LEAST, torch.linalg.cond, jnp.linalg.cond),
    "xlogy(x, 0)": Difference(
        lambda x: cr.special.xlogy(x, 0.0),
        0.0,
        "0 for every x, taken as flat",
        None,
        lambda x: jax.scipy.special.xlogy(x, 0.0),
    ),
    "j0": Difference(cr.special.j0, 1.0, "a gradient is not dropped", torch.special.bessel_j0, None),
    "ldexp(x, −2)": Difference(lambda x: cr.ldexp(x, -2), 1.0, "¼", lambda x: torch.ldexp(x, torch.tensor(-2))),
    "spence": Difference(lambda x: cr.special.spence(x), 1.62, "the derivative exists", None, jax.scipy.special.spence),
    "leaky_relu": Difference(cr.nn.functional.leaky_relu, 0.0, LEAST, None, jax.nn.leaky_relu),
    "fmax(x, 2)": Difference(
        lambda x: cr.fmax(x, 2.0),
        2.0,
        SHARED,
        lambda x: torch.fmax(x, torch.full_like(x, 2.0)),
        lambda x: jnp.fmax(x, 2.0),
    ),
    "interp": Difference(
        lambda x: cr.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]),
        2.0,
        "the slope to the right of a knot",
        None,
        lambda x: jnp.interp(x, jnp.array([0.0, 1.0, 2.0]), jnp.array([0.0, 1.0, 3.0])),
    ),
}


def gradient_of_ours(line: Difference) -> Any:
    return cr.grad(lambda x: cr.sum(line.ours(x) * np.asarray(line.weights)))(np.asarray(line.at)).numpy()


def gradient_of_torch(line: Difference) -> Any:
    x = torch.tensor(np.asarray(line.at), requires_grad=True)
    y = torch.sum(line.torch(x) * torch.tensor(line.weights))
    return x.grad.numpy() if y.requires_grad and y.backward() is None else np.zeros(x.shape)


def gradient_of_jax(line: Difference) -> Any:
    return np.asarray(jax.grad(lambda x: jnp.sum(line.jax(x) * jnp.asarray(line.weights)))(jnp.asarray(line.at)))


def test_what_is_meant_to_differ(capsys):
    wrong, printed = [], []
    for name, line in DIFFERENCES.items():
        with np.errstate(all="ignore"):
            ours = gradient_of_ours(line)
        found = {"torch": line.torch and gradient_of_torch(line), "jax": line.jax and gradient_of_jax(line)}
        shown = [f"{library} {np.round(g, 4).tolist()}" for library, g in found.items() if g is not None]
        at = np.asarray(line.at).tolist()
        printed.append(f"{name} at {at}: ours {np.round(ours, 4).tolist()}, {', '.join(shown)}: {line.reason}")
        wrong += [
            f"{library} agrees on {name}"
            for library, g in found.items()
            if g is not None and np.allclose(g, ours, equal_nan=True)
        ]
    for library in counterparts.LIBRARIES:
        for table in (counterparts.EXCLUDED, counterparts.VALUES_ONLY):
            printed += [f"{library.name}'s {name}: {reason}" for name, reason in table[library.name].items()]
    with capsys.disabled():
        print("", "Meant to differ from PyTorch and JAX:", *printed, sep="\n  ")
    assert wrong == []

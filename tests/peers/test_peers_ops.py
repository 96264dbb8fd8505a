"""Every op that PyTorch or JAX has too: values and gradients on the samples of tests/samples, ``make test-peers``.

What is compared, and what is not and why, stands in counterparts.py.
"""

import warnings
from collections.abc import Callable
from typing import Any

import counterparts
import numpy as np
import pytest
from counterparts import EXCLUDED, PARTLY, REAL_ONLY, ROUNDING, VALUES_ONLY, Library
from samples import RECORDS, sample
from samples.drawing import Call
from test_registry import Problem, cast, takes

import chainrule as cr

pytestmark = pytest.mark.peers

LIBRARIES = counterparts.LIBRARIES
SHARED = [(library, name) for library in LIBRARIES for name in sorted(RECORDS) if library.counterpart(name) is not None]
REFUSALS = (TypeError, ValueError, RuntimeError, NotImplementedError, IndexError)


def is_float(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "fc"


def cotangents_of(outputs: Any) -> list[Any]:
    random = np.random.default_rng(5)
    draws = [random.uniform(-1, 1, (2, *np.shape(y))) for y in outputs]
    return [d[0] + 1j * d[1] if y.dtype.kind == "c" else d[0] for d, y in zip(draws, outputs, strict=True)]


def ours(problem: Problem, point: list[Any], cotangents: Any = None) -> tuple[list[Any], list[Any]]:
    """Values and gradients; cotangents are drawn of the floating outputs."""
    leaves = [cr.tensor(x, requires_grad=is_float(x)) for x in point]
    outputs = [y for y in problem(*leaves)]
    values = [y.detach().numpy() for y in outputs]
    floating = [y for y in outputs if y.dtype.kind in "fc"]
    wanted = [x for x in leaves if x.requires_grad]
    if not wanted or not floating or not differentiable_here(floating):
        return values, []
    found = cr.gradients(floating, wanted, cotangents_of(floating), allow_unused=True)
    return values, [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(found, wanted, strict=True)]


def differentiable_here(outputs: list[Any]) -> bool:
    return any(y._node is not None for y in outputs)


def close(found: Any, expected: Any, rtol: float, what: str) -> None:
    assert len(found) == len(expected), what
    for one, other in zip(found, expected, strict=True):
        assert np.shape(one) == np.shape(other), what
        scale = np.max(np.abs(np.nan_to_num(np.asarray(other, complex))), initial=0.0)
        np.testing.assert_allclose(one, other, rtol, 1e-13 + rtol * scale, err_msg=what)


def compare(library: Library, name: str, theirs: Callable[..., Any], sampled: Call, dtype: str) -> bool:
    """Whether the peer takes this call at all."""
    problem = Problem(name, sampled, lambda a: cast(a, dtype) if a.dtype.kind == "f" else a, kinds="fbiu")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        values, gradients = ours(problem, problem.point)
        wanted = bool(gradients) and name not in VALUES_ONLY[library.name]
        try:
            expected, pulled = library.run(lambda *x: problem.call(theirs, x), problem.point, cotangents_of, wanted)
        except REFUSALS:
            if dtype == "float64" and all(a.size for a in problem.point) and name not in PARTLY[library.name]:
                raise
            return False
    rtol = ROUNDING.get((library.name, name), 1e-9)
    close(values, expected, rtol, f"values of {name} on {sampled}")
    if wanted:
        close(gradients, pulled, rtol, f"gradients of {name} on {sampled}")
    return True


@pytest.mark.parametrize(("library", "name"), SHARED, ids=[f"{library.name}-{name}" for library, name in SHARED])
def test_values_and_gradients(library, name):
    theirs = library.counterpart(name)
    calls = sample(name).calls[: library.calls]
    taken = [compare(library, name, theirs, sampled, "float64") for sampled in calls]
    assert any(taken), f"no sample of {name} was compared"
    if name not in REAL_ONLY[library.name] and takes(name, "complex128"):
        for sampled in calls[: library.calls and 1]:
            compare(library, name, theirs, sampled, "complex128")


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_what_is_left_out_is_there(library):
    """A reason for leaving out what no longer exists, or is compared after all, would mislead."""
    left_out = EXCLUDED[library.name]
    assert sorted(set(left_out) - set(RECORDS)) == []
    assert [name for name in left_out if library.namesake(name) is None] == []
    assert sorted(set(left_out) & set(library.table)) == []

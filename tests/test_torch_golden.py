"""chainrule.torch prints and names as PyTorch 2.13 does: compared with what PyTorch itself said (tests/golden)."""

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule.torch as torch

GOLDEN = Path(__file__).parent / "golden"
REPRS = json.loads((GOLDEN / "torch_repr.json").read_text())["cases"]
NAMES = {case["key"]: case for case in json.loads((GOLDEN / "torch_grad_fn_names.json").read_text())}
F = torch.nn.functional


def values_of(data):
    if isinstance(data, list):
        return [values_of(item) for item in data]
    if isinstance(data, dict):
        return complex(float(data["re"]), float(data["im"]))
    return float(data) if isinstance(data, str) else data


# NumPy has no bfloat16, so neither have we.
COVERED = [case for case in REPRS if case["dtype"] != "torch.bfloat16"]
OPS = {"mul": lambda x: x * 1, "double mul": lambda x: x * 1, "exp": lambda x: x.log().exp(), "leaf": lambda x: x}


@pytest.mark.parametrize("case", COVERED, ids=range(len(COVERED)))
def test_repr_is_pytorchs(case):
    dtype = getattr(torch, case["dtype"].removeprefix("torch."))
    array = np.array(values_of(case["values"]), dtype.dtype).reshape(case["shape"])
    made = torch.from_numpy(array).requires_grad_(case["requires_grad"])
    if case["note"] == "mean dim":
        made = torch.stack([made, made]).mean(0)
    elif case["note"]:
        made = OPS[case["note"]](made)
    assert repr(made) == str(made) == case["repr"]


def test_only_bfloat16_is_left_out_of_the_reprs():
    assert len(REPRS) - len(COVERED) == 2


# ------------------------------------------------------------------------------------- names of graph nodes

# Expressions of ops that are not here yet (special functions, decompositions, transforms, convolutions).
ABSENT = {
    "as_strided", "avgpool", "bessel_j0", "cholesky", "conv1d", "conv2d", "cummax", "det", "digamma", "eig",
    "eigvalsh", "erfc", "erfinv", "fft", "frexp", "heaviside", "igamma", "inv", "irfft",
    "lstsq", "lu", "matrix_exp", "mvlgamma", "nextafter", "sinc", "slogdet", "solve", "svd", "svdvals",
    "view_inplace", "xlogy",
}  # fmt: skip


def variables():
    torch.manual_seed(0)
    a, b = (torch.rand(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    v, w = (torch.rand(4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    ba = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
    bb = torch.rand(2, 4, 3, dtype=torch.float64, requires_grad=True)
    sq = torch.rand(3, 3, dtype=torch.float64, requires_grad=True)
    s = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    m, idx = a.detach() > 0.5, torch.tensor([0, 2])
    return {
        "torch": torch,
        "F": F,
        "a": a,
        "b": b,
        "v": v,
        "w": w,
        "ba": ba,
        "bb": bb,
        "sq": sq,
        "s": s,
        "m": m,
        "idx": idx,
    }


@pytest.mark.parametrize("key", sorted(set(NAMES) - ABSENT))
def test_grad_fn_has_pytorchs_name(key):
    case = NAMES[key]
    result = eval(case["expr"], variables())
    if case["result"].startswith("->"):
        assert f"-> {result}" == case["result"]
    elif case["result"].startswith("no grad_fn"):
        assert result.grad_fn is None and not result.requires_grad
    else:
        assert type(result.grad_fn).__name__ == case["result"]
        assert result.grad_fn.name().removeprefix("torch::autograd::") == case["result"]
        assert f"grad_fn=<{case['result']}>" in repr(result)

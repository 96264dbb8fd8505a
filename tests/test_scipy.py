"""SciPy's array API functions on Tensors: differentiable, or refused; and the page that lists which is true."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy
from scipy import signal

import chainrule as cr
from chainrule.errors import GradientError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scipy.md"


@cache
def printed(*arguments):
    """What the calls, which need a process of their own, print."""
    program = [sys.executable, str(ROOT / "tests" / "scipy_calls.py"), *arguments]
    return subprocess.run(program, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def verdicts():
    return {name: (verdict, reason) for name, verdict, reason in map(json.loads, printed().splitlines())}


def test_no_function_of_scipy_is_wrong_or_loses_a_gradient():
    bad = {name: found for name, found in verdicts().items() if found[0] in ("WRONG", "LOST")}
    assert bad == {}


def test_scipy_may_not_make_a_number_of_what_has_a_gradient():
    x = cr.tensor(0.3, requires_grad=True)
    with pytest.raises(GradientError) as caught:
        signal.iirnotch(x, 10.0)
    assert caught.value.message == (
        "[float] this Tensor requires a gradient, which would be lost in a plain array; expected a Tensor without one; "
        "call x.detach() first."
    )
    assert float(x) == 0.3
    np.testing.assert_array_equal(signal.iirnotch(x.detach(), 10.0), signal.iirnotch(0.3, 10.0))


def test_what_has_values_only_refuses_a_gradient():
    reasons = {reason.partition("] ")[2] for verdict, reason in verdicts().values() if verdict == "value"}
    refusal = "this Tensor requires a gradient, which would be lost in a plain array; expected a Tensor without one;"
    assert {reason for reason in reasons if not reason.startswith(refusal)} <= {""}


def test_the_functions_that_many_programs_need_have_gradients():
    found = {name for name, (verdict, _) in verdicts().items() if verdict == "gradient"}
    assert found >= {
        "special.gammaln", "special.betainc", "special.logsumexp", "special.xlogy", "special.stdtrit",
        "stats.zscore", "stats.kurtosis", "stats.skew", "stats.gmean", "stats.entropy", "stats.pearsonr",
        "stats.ttest_ind", "signal.fftconvolve", "signal.hilbert", "signal.resample", "fft.rfft", "fft.fftn",
        "integrate.trapezoid", "integrate.cumulative_trapezoid", "integrate.tanhsinh", "integrate.cubature",
        "differentiate.derivative", "optimize.rosen", "optimize.elementwise.find_root", "cluster.vq.whiten",
        "constants.convert_temperature", "spatial.transform.Rotation.apply", "spatial.transform.Rotation.as_quat",
    }  # fmt: skip
    assert len(found) > 190


def test_the_page_tells_what_happened():
    page = PAGE.read_text(encoding="utf-8")
    if f"SciPy {scipy.__version__} is" in page:  # other versions have other functions
        assert page == printed("--page"), "stale: run `python docs/generate.py`"

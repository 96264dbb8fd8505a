"""The fits of ``examples/`` to real data, in both styles, reach what they promise."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import chainrule as cr

EXAMPLES = Path(__file__).parents[1] / "examples"
SOURCE = Path(__file__).parents[1] / "src"

styles = pytest.mark.parametrize("style", ["with_functions", "with_a_tape"])


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


@styles
def test_linear_regression_equals_least_squares(example, style):
    x, y = example("example_data").diabetes()
    exact, *_ = np.linalg.lstsq(x, y)
    w = getattr(example("diabetes"), style)(x, y)
    np.testing.assert_allclose(w, exact, rtol=0, atol=1e-6)


@styles
@pytest.mark.parametrize(("name", "accuracy"), [("digits_softmax", 0.95), ("digits_mlp", 0.97)])
def test_digits_are_told_apart(example, name, accuracy, style):
    assert getattr(example(name), style)(example("example_data").digits()) >= accuracy


@pytest.mark.parametrize("name", ["diabetes", "digits_softmax", "digits_mlp"])
def test_runs_as_a_script_and_shows_no_bar_off_a_terminal(name):
    script = [sys.executable, "-W", "error", EXAMPLES / f"{name}.py"]
    done = subprocess.run(script, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["with_functions", "with_a_tape"]


def test_rates_of_hares_and_lynxes_are_those_of_scipy(example):
    module = example("hares_lynxes")
    years = np.arange(len(module.HARES))

    def errors(x):
        a, b, c, d = np.exp(x[:4])

        def slope(_, logs):
            return [a - b * np.exp(logs[1]), d * np.exp(logs[0]) - c]

        return (
            solve_ivp(slope, (0, years[-1]), x[4:], t_eval=years, rtol=1e-9, atol=1e-9).y.T - module.COUNTED
        ).ravel()

    wanted = least_squares(errors, module.START).x
    found = module.fit(cr.jit(lambda x: (module.errors(x), cr.jacobian(module.errors)(x))))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_the_compiled_example_runs_as_a_script():
    script = [sys.executable, "-W", "error", EXAMPLES / "hares_lynxes.py"]
    done = subprocess.run(script, env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["a                0.5402", "b                0.0272"]

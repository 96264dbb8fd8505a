"""The lecture runs, and says what is true."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

LECTURE = Path(__file__).parents[1] / "examples" / "lecture.py"


@pytest.fixture(scope="module")
def lecture():
    return runpy.run_path(str(LECTURE), run_name="lecture")


@pytest.fixture
def output(lecture, capsys):
    """The text of the whole lecture, a dict from step title to the output of its code."""
    lecture["main"]()
    parts = re.split(r"^━━ \d+  (.*?) ━+$", capsys.readouterr().out, flags=re.MULTILINE)
    return {
        title: "\n".join(line[4:].rstrip() for line in text.splitlines() if line.startswith("  │"))
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_step_shows_its_code_and_its_output(output, lecture):
    assert list(output) == [title for title, _ in lecture["LECTURE"]]
    assert all(output.values())
    for _, function in lecture["LECTURE"]:
        assert '"""' not in lecture["body"](function) and "print" in lecture["body"](function)


def test_the_chain_rule_multiplies(output):
    whole, product = re.findall(r"= (\S+)", output["The chain rule for scalars"])
    assert float(whole) == pytest.approx(float(product), rel=1e-15)
    assert output["The chain rule for vectors"].endswith("equal to the Jacobian of the whole: True")


def test_differences_have_errors_where_they_must(output):
    table = output["Automatic against numerical differentiation"].splitlines()[1:]
    rows = {row[0]: row[1:] for row in (list(map(float, line.split())) for line in table)}
    assert all(ours < 1e-15 for *_, ours in rows.values())
    assert all(forward > 1e-9 for forward, *_ in rows.values()), "truncation above, rounding below"
    assert rows[1e-5][1] < rows[1e-1][1] / 1e6 and rows[1e-15][1] > 1e-3
    assert rows[1e-15][2] < 1e-15, "the complex step has no rounding to fear"


def test_the_graphs_are_drawn(output):
    drawing = """\
●    a  = input
│ ●  b  = input
▼ │
● │  %0 = multiply(2, a)
▼ │
●◄┘  c  = add(%0, b)
"""
    assert output["A graph, built explicitly"].startswith(drawing)
    assert drawing.replace("input", "leaf").strip() in output["A graph, built implicitly"]


def test_reverse_accumulation_arrives_at_the_gradient(output):
    text = output["Reverse accumulation"]
    assert re.search(r"^%1 = multiply\(x1, x2\) +1 +x1 +5 +5$", text, re.MULTILINE)
    assert re.search(r"^x2 = leaf +1\.716 ", text, re.MULTILINE)
    assert text.endswith("∂y/∂x1 = tensor(5.5)   ∂y/∂x2 = tensor(1.71633781)")


def test_the_gradients_of_the_lecture(output):
    assert output["y = 2 xᵀx, whose gradient is 4x"].splitlines()[2:] == [
        "tensor([ 0.,  4.,  8., 12.])",
        "tensor([ True,  True,  True,  True])",
    ]
    accumulated = output["Gradients accumulate until they are cleared"]
    assert accumulated == "tensor([2., 2., 2., 2.])\ntensor([1., 1., 1., 1.])"
    _, *sums = output["A batch: the sum of the samples' gradients"].splitlines()
    assert len(sums) == 3 and len(set(sums)) == 1
    assert "tensor([12.,  7.])" in output["y = 2 x₀³ + 3 x₀x₁ + 4 x₁"]
    assert output["The same, as functions of functions"].splitlines()[0] == "tensor([12.,  7.])"


def test_descent_reaches_the_bottom(output):
    lines = output["Gradient descent"].splitlines()
    assert lines[0] == "   0  y =        258  gradient = [       44,        16]"
    assert float(re.search(r"y = +(\S+)", lines[-2]).group(1)) < 1e-300


def test_the_file_runs_as_a_program():
    run = subprocess.run([sys.executable, str(LECTURE)], capture_output=True, text=True, encoding="utf-8")
    assert (run.returncode, run.stderr) == (0, "")

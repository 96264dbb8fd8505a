"""The command line: what it prints, and what it says to mistakes, in full."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.expression import DEPTH, FUNCTIONS, LENGTH, Expression

ROOT = Path(__file__).parents[1]


def run(capsys, *arguments):
    # No assignment, whose name the graph's last result would take.
    return main(arguments), *capsys.readouterr()


# -------------------------------------------------------------------------------------------------- diff


def test_diff_of_a_number(capsys):
    code, out, err = run(capsys, "diff", "sin(x)*exp(-x**2)", "x=0.5", "--order", "2")
    assert (code, err) == (0, "")
    head, _, checks = out.partition("check of gradient: ")
    assert (
        head
        == """\
f = sin(x)*exp(-x**2)
x = 0.5

value     f = 0.37337698488938337
gradient  ∂f/∂x = 0.3100850015206486
order 2   d²f/dx² = -2.113677942598831

graph
  ●    x  = input
  ├►●  %0 = sin(x)
  ▼ │
  ● │  %1 = power(x, 2)
  ▼ │
  ● │  %2 = negative(%1)
  ▼ │
  ● │  %3 = exp(%2)
  ▼ │
  ●◄┘  %4 = multiply(%0, %3)

"""
    )
    first, second = checks.splitlines()
    method, error = first.split(", error ")
    assert method == "complex step" and float(error) < 1e-15
    method, error = second.split(", error ")
    assert method == "check of order 2: central differences of order 1 with Richardson extrapolation"
    assert float(error) < 1e-12


def test_diff_of_a_vector(capsys):
    code, out, _ = run(capsys, "diff", "2*x@x", "x=[0,1,2,3]", "--order", "3")
    assert code == 0
    assert out.startswith("""\
f = 2*x@x
x = [0., 1., 2., 3.]

value     f = 28.0
gradient  ∂f/∂x = [ 0.,  4.,  8., 12.]
order 2   ∂²f/∂x² = [[4., 0., 0., 0.],
                     [0., 4., 0., 0.],
                     [0., 0., 4., 0.],
                     [0., 0., 0., 4.]]
order 3   d³/dt³ f(x + t·(1, …, 1)) at t = 0 = 0.0
""")


def test_diff_of_several_names_has_a_row_for_each_block(capsys):
    _, out, _ = run(capsys, "diff", "x*y**2", "x=2", "y=3", "--order", "2")
    assert [line for line in out.splitlines() if line.startswith(("value", "gradient", "order"))] == [
        "value     f = 18.0",
        "gradient  ∂f/∂x = 9.0",
        "gradient  ∂f/∂y = 12.0",
        "order 2   ∂²f/∂x² = 0.0",
        "order 2   ∂²f/∂x∂y = 6.0",
        "order 2   ∂²f/∂y² = 4.0",
    ]


@pytest.mark.parametrize(
    ("expression", "value", "method"),
    [
        ("x**3", "x=2", "complex step"),
        ("[x, x**2] @ [1, 2]", "x=3", "complex step"),
        ("-x**2", "x=3", "complex step"),
        ("abs(x)*x", "x=-3", "of f with Richardson extrapolation (abs takes no complex step)"),
        ("where(x > 0, sqrt(x), x)", "x=-1", "of f with Richardson extrapolation (greater takes no complex step)"),
        ("x**1.5", "x=2", "complex step"),
    ],
)
def test_the_check_says_how_it_was_made(capsys, expression, value, method):
    _, out, _ = run(capsys, "diff", expression, value)
    told, error = out.rstrip().splitlines()[-1].split(", error ")
    assert told.endswith(method)
    assert float(error) < 1e-9


def test_the_check_doubts_itself_at_a_kink(capsys):
    _, out, _ = run(capsys, "diff", "max(x)", "x=[3,3,1]", "--order", "2")
    assert out.rstrip().endswith("differences hold where f is smooth: is this point at a kink?")


def test_what_is_not_finite_is_not_checked(capsys):
    _, out, err = run(capsys, "diff", "log(x)", "x=0")
    assert "value     f = -inf\ngradient  ∂f/∂x = inf\n" in out and err == ""
    assert out.endswith("check of gradient: none, since the number is not finite\n")


def test_what_has_no_differences_is_not_checked(capsys):
    _, out, err = run(capsys, "diff", "log(x)", "x=-1")
    assert "value     f = nan\ngradient  ∂f/∂x = -1.0\n" in out and err == ""
    assert out.endswith("check of gradient: none, since the differences are not finite\n")


def test_an_empty_array_has_an_empty_gradient(capsys):
    code, out, err = run(capsys, "diff", "2*y + sum(x*x)", "x=[]", "y=3", "--order", "3")
    assert (code, err) == (0, "")
    assert "gradient  ∂f/∂x = []\ngradient  ∂f/∂y = 2.0\n" in out
    assert out.count(", error 0.0e+00\n") == 3


def test_values_may_stand_behind_an_option(capsys):
    assert run(capsys, "diff", "x*y", "--order", "2", "x=3", "y=-4") == run(
        capsys, "diff", "x*y", "x=3", "y=-4", "--order", "2"
    )


def test_names_are_those_that_python_reads(capsys):
    code, out, _ = run(capsys, "diff", "\N{MICRO SIGN}**2", "\N{MICRO SIGN}=3")
    assert code == 0 and "∂f/∂\N{GREEK SMALL LETTER MU} = 6.0\n" in out


def test_an_expression_without_names(capsys):
    assert run(capsys, "diff", "7")[1].splitlines()[2] == "value  7"
    assert run(capsys, "diff", "2*pi") == (
        0,
        "f = 2*pi\n\nvalue  6.283185307179586\n\nIt depends on nothing, so there is no derivative.\n",
        "",
    )


READ = (
    "the expression cannot be read at the mark; expected numbers, names, operators and calls; "
    "correct it, e.g. 2*x rather than 2x."
)
PARTS = "expected numbers, names, operators, calls, lists and subscripts; leave it out."

MISTAKES = [
    (
        ["sine(x)", "x=1"],
        "[diff] sine is no operation; expected one such as sin(x) or sum(x); did you mean sin?\n  sine(x)\n  ^^^^",
    ),
    (
        ["1 + f(x)", "x=1"],
        "[diff] f is no operation; expected one such as sin(x) or sum(x); write f*(...) for a product.\n"
        "  1 + f(x)\n      ^",
    ),
    (["2*xx", "x=1"], "[diff] xx has no value; expected x, pi, e; did you mean x?\n  2*xx\n    ^^"),
    (["2*q", "x=1"], "[diff] q has no value; expected x, pi, e; give it one, as in q=0.5.\n  2*q\n    ^"),
    (["2*sin", "x=1"], "[diff] sin is an operation; expected a value; call it, as in sin(x).\n  2*sin\n    ^^^"),
    (["2x", "x=1"], f"[diff] {READ}\n  2x\n  ^"),
    (["2*(x", "x=1"], f"[diff] {READ}\n  2*(x\n    ^"),
    (["2*x +", "x=1"], f"[diff] {READ}\n  2*x +\n       ^"),
    (["é*2 + (x^2)", "x=1", "é=2"], "[diff] ^ is not a power; expected one of + - * / // % ** @; write x**2.\n"
        "  é*2 + (x^2)\n         ^^^"),
    (["9**9**9"], "[diff] this number is inf; expected a finite one, below 1.8e308; write another.\n"
        "  9**9**9\n  ^^^^^^^"),
    (["1/0"], "[diff] this number is inf; expected a finite one, below 1.8e308; write another.\n  1/0\n  ^^^"),
    (["1e999*x", "x=1"], "[diff] this number is inf; expected a finite one, below 1.8e308; write another.\n"
        "  1e999*x\n  ^^^^^"),
    (["(" * 10_000 + "x" + ")" * 10_000, "x=1"],
        "[diff] the expression is 20001 characters long; expected at most 1000; shorten it."),
    (["-" * 80 + "x", "x=1"], "[diff] the expression is nested deeper than 60 levels; expected fewer; simplify it.\n"
        "  …" + "-" * 55 + "x\n" + " " * 39 + "^" * 20),
    (["x.__class__", "x=1"], "[diff] an attribute is looked up; expected .T, the only one; write operations as calls, "
        "as in sum(x).\n  x.__class__\n  ^^^^^^^^^^^"),
    (["np.sin(x)", "x=1"], "[diff] something else than a name is called; expected an operation; write its name, "
        "as in sin(x).\n  np.sin(x)\n  ^^^^^^^^^"),
    (["x if x > 0 else 0", "x=1"], "[diff] if-else looks at one truth value; expected an operation; write "
        "where(condition, a, b).\n  x if x > 0 else 0\n  ^^^^^^^^^^^^^^^^^"),
    (["(lambda: 1)()"], "[diff] something else than a name is called; expected an operation; write its name, "
        "as in sin(x).\n  (lambda: 1)()\n  ^^^^^^^^^^^^^"),
    (["[x for x in x]", "x=1"], f"[diff] ListComp of Python's grammar is not part of an expression; {PARTS}\n"
        "  [x for x in x]\n  ^^^^^^^^^^^^^^"),
    (["x + 'a'", "x=1"], f"[diff] 'a' is not part of an expression; {PARTS}\n  x + 'a'\n      ^^^"),
    (["x + 2j", "x=1"], f"[diff] the imaginary number is not part of an expression; {PARTS}\n  x + 2j\n      ^^"),
    (["x[0.5]", "x=[1]"], "[diff] an index is not a whole number; expected integers and slices; write e.g. x[0], "
        "x[1:3].\n  x[0.5]\n    ^^^"),
    (["1 + x@[1, 2]", "x=[1, 2, 3]"], "[matmul] operand 1 has shape (2,) but operand 0 (3,) needs 3 elements; expected "
        "equal inner sizes; transpose or reshape an operand.\n  1 + x@[1, 2]\n      ^^^^^^^^"),
    (["sum(x*y)", "x=[1, 2]", "y=[1, 2, 3]"], "[multiply] shapes (2,) and (3,) do not broadcast: axis -1 has sizes 2 "
        "and 3; sizes must be equal, or one of them 1; reshape an operand, or insert an axis with x[:, None].\n"
        "  sum(x*y)\n      ^^^"),
    ([" ", "x=1"], "[diff] the expression is empty; expected a formula; write one, such as sin(x)*exp(-x**2)."),
    (["sin(x)", "x=[1, 2]"], "[diff] the expression gives an array of shape (2,); expected one number, which has a "
        "gradient; reduce it, e.g. sum(sin(x))."),
    (["x > 1", "x=2"], "[diff] the expression gives bool; expected a real number, which has a gradient; "
        "take it as a condition: where(x > 1, 1.0, 0.0)."),
    (["2*(x > 1)", "x=2"], "[diff] the expression gives int64; expected a real number, which has a gradient; "
        "make it one: 1.0*(2*(x > 1))."),
    (["x", "x=abc"], "[value of x] abc has no value; expected pi, e; did you mean abs?\n  abc\n  ^^^"),
    (["x", "x=1", "x=2"], "[diff] x was given twice; expected one value for each name; leave one out."),
    (["e*x", "x=1", "e=2"], "[diff] the name e is a constant; expected a free name; choose another."),
    (["sum", "sum=2"], "[diff] the name sum is an operation; expected a free name; choose another."),
    (["x", "x=1", "y=2"], "[diff] y was given a value, but it is not in the expression x; expected values for x; "
        "leave it out."),
    (["x", "x=nan"], "[value of x] nan is not finite; expected a finite number; write another.\n  nan\n  ^^^"),
    (["x # one\n + 2", "x=1"], "[diff] a comment stands here; expected a formula alone; leave it out.\n"
        "  x # one  + 2\n    ^"),
    (["x << 2", "x=1"], f"[diff] LShift of Python's grammar is not part of an expression; {PARTS}\n  x << 2\n  ^^^^^^"),
    (["x is x", "x=1"], f"[diff] Is of Python's grammar is not part of an expression; {PARTS}\n  x is x\n  ^^^^^^"),
    (["0 < x < 2", "x=1"], "[diff] a chain of comparisons looks at one truth value; expected one; write "
        "logical_and(a < b, b < c).\n  0 < x < 2\n  ^^^^^^^^^"),
    (["x", "1"], "[diff] '1' is no value; expected name=value; write e.g. x=0.5."),
    (["x", "x=1", "--order", "9"], "[diff] order is 9; expected 1 to 6; choose another --order."),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[m[0][0][:20].strip() or "empty" for m in MISTAKES])
def test_a_mistake_is_told_without_a_traceback(capsys, arguments, message):
    assert run(capsys, "diff", *arguments) == (2, "", f"chainrule: {message}\n")


# ------------------------------------------------------------------------------------------------ expressions


@pytest.mark.parametrize(
    "text",
    [
        "x", "-x", "+x", "2*x - x/3 + x**2 % 5 // 1", "x @ x", "x[0]", "x[-1] + x[1:3] @ x[:2]", "x.T @ x", "[]",
        "[x, 2*x] @ x", "sum(x, axis=0)", "sum(x, 0)", "clip(x, 0, 1.5)", "clip(x, min=0.5, max=2)", "x[::2]",
        "where(x >= 1, x, -x)", "arcsin(x/9)", "[[1, 2, 3], [4, 5, 6]] @ x", "pi*e*x", "2**-1 * x", "[[0, 1], [1, 0]]",
        "7 // 2", "-7 % 3",
    ],
)  # fmt: skip
def test_expressions_mean_what_numpy_means(text):
    x = np.array([0.5, 1.0, 2.0])
    names = {"x": x, "pi": np.pi, "e": np.e, "sum": np.sum, "clip": np.clip, "where": np.where, "arcsin": np.arcsin}
    expected = eval(text, names)
    found = Expression(text)(x=cr.tensor(x))
    np.testing.assert_allclose(found.numpy(), np.asarray(expected, dtype=float), rtol=1e-15)


def test_an_expression_of_symbols_is_symbolic():
    y = Expression("a*b + 1")(a=cr.symbol("a"), b=cr.symbol("b"))
    assert y.is_symbolic
    assert y.eval(a=2.0, b=3.0).item() == 7.0


def test_large_whole_numbers_become_floats():
    assert Expression("1" + "0" * 300)().item() == 1e300


def test_nothing_large_is_built():
    with pytest.raises(cr.ExpressionError, match=r"this has 25000000 elements; expected at most 1000000"):
        Expression("outer(x, x)")(x=cr.symbol("x", shape=5000))


def test_depth_and_length_have_room_for_what_people_write():
    assert Expression("+".join(["x"] * (DEPTH // 2)))(x=1.0).item() == DEPTH // 2
    assert len("x" * LENGTH) == LENGTH and Expression("x" * LENGTH).names == ("x" * LENGTH,)


def test_no_operation_is_reachable_that_is_not_mathematics():
    assert not {"absorbing_multiply", "gather", "put", "scatter_add", "setitem", "tile", "repeat", "pad"} & set(
        FUNCTIONS
    )
    assert {"sin", "arcsin", "sum", "mean", "matmul", "softmax", "norm", "outer", "concat", "stack"} <= set(FUNCTIONS)


# --------------------------------------------------------------------------------------------- as a program


def environment(path):
    return os.environ | {"PYTHONPATH": str(path), "PYTHONIOENCODING": "utf-8"}


def program(path, *arguments, **options):
    command = [sys.executable, "-m", "chainrule", *arguments]
    return subprocess.run(command, env=environment(path), capture_output=True, text=True, encoding="utf-8", **options)


def test_demo_from_a_checkout(tmp_path):
    ran = program(ROOT / "src", "demo", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("━━ 1  The chain rule for scalars ━")


def test_demo_from_a_wheel(tmp_path):
    """A wheel is the package with the lecture beside it: build one if the tools are here, else lay it out alike."""
    site = tmp_path / "site"
    try:
        from hatchling.builders.wheel import WheelBuilder
    except ImportError:
        shutil.copytree(ROOT / "src" / "chainrule", site / "chainrule")
        shutil.copy(ROOT / "examples" / "lecture.py", site / "chainrule" / "_lecture.py")
    else:
        (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    ran = program(site, "demo", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("━━ ") == 12


def test_a_mistake_as_a_program_has_code_2():
    ran = program(ROOT / "src", "diff", "sine(x)", "x=1")
    assert ran.returncode == 2 and ran.stdout == ""
    assert ran.stderr.startswith("chainrule: [diff] sine is no operation;")


def test_a_closed_pipe_is_no_error(tmp_path):
    command = [sys.executable, "-m", "chainrule", "demo"]
    with subprocess.Popen(
        command, env=environment(ROOT / "src"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        ran.stdout.close()
        assert ran.stderr.read() == b""


def test_no_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("usage: chainrule")


def test_the_demo_takes_no_arguments(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", "x=1"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith("chainrule: error: demo takes no arguments: x=1\n")

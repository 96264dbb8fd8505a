"""Graphs as mathematics."""

import numpy as np

import chainrule as cr
from chainrule.graph.graph import graph_of


def equations(*outputs):
    first, *lines, last = graph_of(*outputs).latex().split("\n")
    assert (first, last) == (r"\begin{aligned}", r"\end{aligned}")
    return [line.removesuffix(r" \\") for line in lines]


def test_formulas_and_shared_parts():
    x, w, b = cr.symbol("x", shape=(3,)), cr.symbol("w1", shape=(2, 3)), cr.symbol("beta", shape=(2,))
    h = cr.tanh(w @ x + b)
    loss = cr.sum(h**2) / 2 - cr.sqrt(cr.sum(cr.exp(-h)))
    assert equations(loss) == [
        r"\mathrm{loss} &= \frac{\sum_{0} h^{2}}{2} - \sqrt{\sum_{0} \exp\left(-h\right)}",
        r"\text{where } h &= \tanh\left(w_{1} \, x + \beta\right)",
    ]


def test_brackets_stand_where_they_are_needed():
    x, y = cr.symbol("x"), cr.symbol("y")
    z = (x + y) * (x - (y - 2.0)) ** 3
    assert equations(z) == [
        r"z &= \left(x + y\right) \cdot \left(x - \left(y - 2\right)\right)^{3}"
    ]  # fmt: skip
    u = (x / y) ** 2 + (-x)
    assert equations(u) == [r"u &= \left(\frac{x}{y}\right)^{2} + \left(-x\right)"]


def test_constants_and_several_outputs():
    x = cr.symbol("x", shape=(2,))
    parts = [x * np.array([1.0, 2.0]), cr.maximum(x, -1e-9), x + np.inf]
    assert equations(*parts) == [
        r"y_{1} &= x \cdot C_{2}",
        r"y_{2} &= \mathrm{maximum}\left(x, -1 \cdot 10^{-9}\right)",
        r"y_{3} &= x + \infty",
    ]


def test_notebooks_show_it():
    graph = cr.exp(cr.symbol("x")).graph()
    assert graph._repr_latex_() == f"${graph.latex()}$"


def test_names_of_any_kind():
    names = {"x_hat2": r"x_{\mathrm{hat},2}", "lambda_max": r"\lambda_{\mathrm{max}}", "a__b": "a_{b}", "_": r"\_",
             "_1": r"\mathrm{\_1}", "dx_theta": r"\mathrm{dx}_{\theta}", "w_10": "w_{10}"}  # fmt: skip
    for name, shown in names.items():
        assert equations(cr.symbol(name)) == [f"y &= {shown}"]


def test_notebooks_show_symbolic_tensors_and_print_others():
    x = cr.symbol("x", shape=(3,))
    y = cr.sum(x**2)
    assert y._repr_latex_() == "$\\begin{aligned}\ny &= \\sum_{0} x^{2}\n\\end{aligned}$"
    assert cr.tensor(1.0)._repr_latex_() is None
    assert cr.tensor(1.0, requires_grad=True)._repr_latex_() is None
    shown = []
    cr.vmap(lambda v: (shown.append((v * v)._repr_latex_()), v)[1])(np.arange(3.0))
    assert shown == [None]  # a sample stands for many


def test_calls_that_wait_for_shapes_show_what_they_were_called_with():
    x = cr.symbol("x", shape=None)
    z = cr.softmax(x) + 1.0
    assert equations(z) == [r"z &= \mathrm{add}\left(\mathrm{softmax}\left(x\right)\right)"]


def test_graphs_inside_graphs_are_functions():
    x = cr.symbol("x", shape=(2,))
    y = cr.while_loop(lambda v: cr.sum(v) < 9.0, lambda v: v * 2.0, x)
    assert equations(y) == [r"y &= {\mathrm{while\_loop}\left(x\right)}_{1}"]

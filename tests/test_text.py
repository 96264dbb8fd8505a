"""Graphs as text: the names of the user's program where they can be known, and numbers where not."""

import chainrule as cr
from chainrule.graph.graph import graph_of


def test_results_have_the_names_they_were_assigned_to():
    x, w, b = cr.symbol("x", shape=(3,)), cr.symbol("w", shape=(2, 3)), cr.symbol("b", shape=(2,))
    h = cr.tanh(w @ x + b)
    loss = cr.sum(h**2)
    assert (
        str(graph_of(loss))
        == """\
x    = input              : float64[3]
w    = input              : float64[2, 3]
b    = input              : float64[2]
%0   = matmul(w, x)       : float64[2]
%1   = add(%0, b)         : float64[2]
h    = tanh(%1)           : float64[2]
%2   = power(h, 2)        : float64[2]
loss = sum(%2, axis=(0,)) : float64[]
return loss"""
    )


def test_names_of_a_loop_and_of_symbols_stay_apart():
    x = cr.symbol("x")
    h = x
    for _ in range(2):
        h = cr.sin(h)
    y = cr.symbol("h") * h
    x = y + 1.0
    assert list(graph_of(x).names().values()) == ["x", "h_1", "h_2", "h", "y", "x_1"]


def test_a_composite_gives_its_name_to_its_result_alone():
    x = cr.symbol("x", shape=(3,))
    y = cr.nn.functional.mse_loss(x, cr.sin(x))
    names = list(graph_of(y).names().values())
    assert names[-1] == "y"
    assert all(name.startswith("%") for name in names[1:-1])


def test_what_is_unclear_has_no_name():
    x = cr.symbol("x", shape=(2,))

    def inner(z):
        return cr.sin(z)

    y = inner(x)  # the call of sin is not what is assigned here
    both = [cr.cos(x), cr.exp(x)]
    total = y + both[0] * both[1]
    assert list(graph_of(total).names().values()) == ["x", "%0", "%1", "%2", "%3", "total"]

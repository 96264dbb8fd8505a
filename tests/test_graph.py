"""Running a graph on new values, on batches of them, and checking that it is legal."""

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.graph.batch import run_batched
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of
from chainrule.node import Node, SymbolicNode
from chainrule.op import REGISTRY
from chainrule.ops import ops, raw

# ----------------------------------------------------------------------------------------------- run


def test_recorded_graph_runs_on_new_values():
    x = cr.tensor(2.0, requires_grad=True)
    y = cr.sin(x) * x
    graph = graph_of(y)
    np.testing.assert_allclose(graph.run([5.0]), [5.0 * np.sin(5.0)], 1e-15)
    assert graph.run([cr.tensor(2.0)], ops)[0].item() == y.item()


def test_recorded_graph_without_its_constants_does_not_run():
    x = cr.tensor(2.0, requires_grad=True)
    y = x + 3.0
    with pytest.raises(cr.SymbolError) as caught:
        y.graph().run([5.0])
    message, where = str(caught.value).split("\n")
    assert message == (
        "[graph] operand 1 of add is a constant that no rule needs, so it was not kept; expected a graph made of "
        "symbols, which keeps all; build it with symbol(...) to run it again."
    )
    assert where.endswith(": y = x + 3.0")


def test_freed_graph_does_not_run():
    x = cr.tensor(2.0, requires_grad=True)
    y = x * 3.0
    graph = y.graph()
    y.backward()
    with pytest.raises(cr.GradientError, match=r"values that multiply kept were freed"):
        graph.run([5.0])


# --------------------------------------------------------------------------------------------- batch


def mlp():
    x, w, b = cr.symbol("x", shape=(3,)), cr.symbol("w", shape=(3, 2)), cr.symbol("b", shape=(2,))
    return Graph([x._node, w._node, b._node], [cr.sum(cr.tanh(x @ w + b)), w @ b])


@pytest.mark.parametrize("size", [0, 1, 4])
@pytest.mark.parametrize("xp", [raw, ops], ids=["raw", "ops"])
def test_batch_of_samples(xp, size):
    random = np.random.default_rng(0)
    x, w, b = random.normal(size=(size, 3)), random.normal(size=(3, 2)), random.normal(size=2)
    values = [x, w, b] if xp is raw else [cr.asarray(v) for v in (x, w, b)]
    (y, z), batched = run_batched(mlp(), values, [True, False, False], xp)
    assert batched == [True, False]
    np.testing.assert_allclose(np.asarray(y), np.tanh(x @ w + b).sum(-1), 1e-14)
    np.testing.assert_allclose(np.asarray(z), w @ b, 1e-14)


def test_batched_run_is_differentiable():
    x = cr.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], requires_grad=True)
    w, b = np.arange(6.0).reshape(3, 2) / 6, np.array([0.5, -0.5])
    (y, _), _ = run_batched(mlp(), [x, cr.asarray(w), cr.asarray(b)], [True, False, False], ops)
    y.sum().backward()
    expected = (1 - np.tanh(x.detach().numpy() @ w + b) ** 2) @ w.T
    np.testing.assert_allclose(x.grad.numpy(), expected, 1e-13)


def test_batch_wants_its_axis_in_front():
    values = [np.ones((4, 2)), np.ones((3, 2)), np.ones(2)]
    assert_message(
        cr.ShapeError,
        "[batch] the value of x has shape (4, 2); expected (batch, 3), since it was declared float64[3]; put the batch "
        "axis first, or say that this input has none.",
        lambda: run_batched(mlp(), values, [True, False, False]),
    )
    both = [np.ones((4, 3)), np.ones((3, 2)), np.ones((5, 2))]
    assert_message(
        cr.ShapeError,
        "[batch] the batch axis of b has size 5, that of an earlier input 4; expected one size for all batched inputs.",
        lambda: run_batched(mlp(), both, [True, False, True]),
    )


# --------------------------------------------------------------------------------------------- check


def legal():
    x = cr.symbol("x", shape=(2, 3))
    y = cr.sum(cr.sin(x), axis=0)
    return x, y, graph_of(y)


def assert_illegal(graph, told):
    with pytest.raises(cr.SymbolError) as caught:
        check(graph)
    assert told in str(caught.value)
    assert "build graphs by calling ops, and passes by replacing whole nodes." in str(caught.value)
    return str(caught.value)


def test_graphs_of_calls_are_legal():
    _, y, graph = legal()
    check(graph)
    x = cr.tensor(np.ones((2, 3)), requires_grad=True)
    z = cr.where(x > 0, cr.log(x), 1.0).sum() + cr.concat([x, 2 * x]).mean()
    check(graph_of(z))
    z.backward()
    check(graph_of(z))
    check(graph_of(y, z))


def test_another_spec_is_illegal():
    _, y, graph = legal()
    y._node.shape = (4,)
    text = assert_illegal(graph, "it is declared float64[4]; expected float64[3], as its operands say")
    assert text.splitlines()[0].startswith("[check] node sum (float64[4]) is not legal: ")
    assert text.splitlines()[1].endswith("y = cr.sum(cr.sin(x), axis=0)")
    y._node.shape, y._node.dtype = (3,), np.dtype("float32")
    assert_illegal(graph, "it is declared float32[3]; expected float64[3]")


def test_other_parameters_are_illegal():
    _, y, graph = legal()
    kept = y._node.params
    y._node.params = {**kept, "axis": (-2,)}
    assert_illegal(graph, "expected their canonical spelling")
    y._node.params = {**kept, "colour": 3}
    assert_illegal(
        graph, "its parameters are ['axis', 'colour', 'dtype', 'keepdims']; expected ['axis', 'dtype', 'keepdims']"
    )
    y._node.params = {**kept, "axis": (5,)}
    assert_illegal(graph, "its op refuses its operands: [sum] axis 5 is out of range")


def test_another_arity_is_illegal():
    _, y, graph = legal()
    y._node.several = y._node.parents * 2
    assert_illegal(graph, "it has 2 operands; expected 1")


def test_young_parents_are_illegal():
    x, y, _ = legal()
    y._node.parents[0].several = (cr.symbol("z", shape=(2, 3))._node,)
    assert_illegal(graph_of(y), "its operand z does not come before it; expected parents older than children")
    twin = Node.__new__(SymbolicNode)
    for slot in (
        "op",
        "left",
        "right",
        "several",
        "kept",
        "params",
        "shape",
        "dtype",
        "watch",
        "number",
        "code",
        "instruction",
    ):
        setattr(twin, slot, getattr(x._node, slot))
    y._node.parents[0].several = (x._node,)
    graph = graph_of(y)
    graph.nodes.insert(1, twin)
    assert_illegal(graph, "expected numbers that grow along the graph")


def test_unregistered_op_is_illegal(monkeypatch):
    _, _, graph = legal()
    monkeypatch.delitem(REGISTRY, "sin")
    assert_illegal(graph, "its op is not the registered one of that name")


def test_keeping_too_much_is_illegal():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.exp(x)
    y._node.kept = (y._value, x._value)
    assert_illegal(graph_of(y), "it keeps operand 0, which no rule names")
    y._node.kept = (y._value,)
    assert_illegal(graph_of(y), "it has 1 kept slots; expected 2: out and operands")


def test_values_of_outputs_are_checked():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = cr.exp(x)
    y._value = np.zeros(3)
    assert_illegal(graph_of(y), "its value is float64[3]; expected the spec of the node, float64[2]")

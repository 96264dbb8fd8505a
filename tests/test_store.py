"""Graphs as JSON: they come back as they were, and nothing else than a graph comes back."""

import copy
import json
import random
import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import assert_message
from programs import programs
from samples import RECORDS
from test_registry import differentiable, every_op, has_gradient, problems
from test_source import gradients, loops, symbols

import chainrule as cr
from chainrule.box import box
from chainrule.errors import GraphFileError
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of
from chainrule.spec import Spec, spec_of


def assert_comes_back(graph: Any, point: Any) -> str:
    text = graph.dumps()
    again = Graph.loads(text)
    check(again)
    assert again.dumps() == text
    values = [np.asarray(x)[()] for x in point]
    with np.errstate(all="ignore"):
        for one, other in zip(again.run(values), graph.run(values), strict=True):
            assert (np.shape(one), np.asarray(one).dtype) == (np.shape(other), np.asarray(other).dtype)
            np.testing.assert_array_equal(one, other)
    return text


@every_op
def test_every_op_and_its_derivative_come_back(name):
    for problem in problems(name)[:2]:
        if not problem.point:
            continue
        inputs = symbols(problem.point)
        outputs = problem(*inputs)
        assert_comes_back(Graph([x._node for x in inputs], outputs), problem.point)
        if differentiable(name) and has_gradient(problem):
            outputs = gradients(outputs, inputs, problem.random(outputs, 1))
            assert_comes_back(Graph([x._node for x in inputs], outputs), problem.point)


@pytest.mark.parametrize(
    "constant",
    [
        np.array([0.1, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308]),
        np.array([0.1, 1e-45, 3.4028235e38], np.float32),
        np.array([1e-7, 65504.0], np.float16),
        np.array([complex(-0.0, np.inf), complex(np.nan, -0.0)]),
        np.array([2**64 - 1, 0], np.uint64),
        np.array([[True, False]]),
        np.random.default_rng(0).normal(size=(70, 3)),
        np.random.default_rng(0).normal(size=5).astype(np.longdouble) / 3,
        np.empty((0, 3)),
        np.float32(0.1),
        np.float64("nan"),
        np.complex64(0.1 - 0.2j),
        0.1,
        -0.0,
        float("inf"),
        complex(-0.0, float("-inf")),
        2**63,
        True,
    ],
    ids=lambda c: f"{type(c).__name__}-{np.asarray(c).dtype.name}-{np.size(c)}",
)
def test_constants_are_exact(constant):
    x = cr.symbol("x", dtype="bool")
    graph = Graph([x._node], [cr.where(x, constant, constant), cr.tensor(constant)])
    again = Graph.loads(graph.dumps())
    ((_, _, one, other),) = [node.kept for node in again.nodes if node.op is not None]
    for found in (one, other):
        assert type(found) is type(constant)
        assert np.asarray(found).dtype == np.asarray(constant).dtype
        assert np.asarray(found).tobytes() == np.asarray(constant).tobytes()
    assert again.outputs[1].numpy().tobytes() == np.asarray(constant).tobytes()


def test_unused_inputs_missing_symbols_aliases_and_several_outputs():
    x, y, z = cr.symbol("x", shape=(2, 2)), cr.symbol("y"), cr.symbol("z", shape=(2, 2))
    q, r = cr.linalg.qr(cr.grad(lambda t: cr.sum(t**3))(x))
    graph = Graph([y._node, x._node], [r, q @ r, x])
    assert_comes_back(graph, [1.0, np.array([[1.0, 2.0], [3.0, 4.0]])])
    open_ = Graph([x._node], [x * z])
    assert Graph.loads(open_.dumps()).missing() == ["z"]


def test_graphs_inside_graphs():
    x = cr.symbol("x", shape=(2,))
    square = cr.Graph([x], [x * x])
    y = cr.symbol("y", shape=(2,))
    graph = cr.Graph([y], [square(square(y)) + 1.0])
    assert_comes_back(graph, [np.array([1.0, 2.0])])
    assert_comes_back(cr.gradients(cr.sum(graph.outputs[0]), y).graph(), [np.array([1.0, 2.0])])


@pytest.mark.parametrize("number", range(7))
def test_choices_and_loops_come_back(number):
    graph = loops()[number]
    assert_comes_back(graph, [np.array([0.5, 1.0, -0.25, 2.0]), 0.75][: len(graph.inputs)])


def derivatives_of_loops() -> list[Any]:
    """Graphs that hold graphs in graphs: derivatives of order 0 to 3 of each kind of them."""
    x, n = cr.symbol("x", shape=(3,)), cr.symbol("n", dtype="int64")
    inner = cr.Graph([x], [x * cr.sin(x)])
    made = [
        cr.sum(inner(inner(x))),
        cr.sum(cr.cond(n > 0, lambda v: cr.exp(v), lambda v: v * v, x)),
        cr.sum(cr.scan(lambda c, row: (c * cr.sin(row) + row, c * c), x, cr.stack([x, x * x]))[0]),
        cr.sum(cr.while_loop(lambda v: cr.sum(v) < 9.0, lambda v: v * v + 1.0, x)),
        cr.sum(cr.vmap(lambda v: cr.while_loop(lambda c: c < 3.0, lambda c: c * c + 1.0, v))(x)),
        cr.sum(cr.while_loop(lambda v: cr.sum(v) < 9.0, lambda v: v * v + 1.0, x, checkpoint="sqrt")),
    ]
    graphs = []
    for y in made:
        for _ in range(4):
            graphs.append(Graph([x, n], [y]))
            y = cr.sum(cr.gradients(y, x) * np.array([1.0, 0.5, 2.0]))
    return graphs


@pytest.mark.parametrize("number", range(24))
def test_derivatives_of_graphs_inside_graphs_come_back(number):
    assert_comes_back(derivatives_of_loops()[number], [np.array([0.1, 0.2, 0.3]), 1])


def test_a_graph_inside_several_operations_is_written_once():
    x = cr.symbol("x", shape=(2,))
    y = x
    for _ in range(12):  # each calls the one before twice
        inner = cr.Graph([x], [y])
        y = inner(inner(x)) + 1.0
    text = assert_comes_back(Graph([x], [cr.sum(y)]), [np.array([1.0, 2.0])])
    assert len(text) < 5_000
    for _ in range(9):
        inner = cr.Graph([x], [y])
        y = inner(inner(x)) + 1.0
    deep = Graph([x], [cr.sum(y)])
    assert_message(GraphFileError, "[save] graphs are nested more than 20 deep; expected fewer inside one another; put "
        "calls of graphs in their places with graph.inline().", lambda: deep.dumps())  # fmt: skip


def test_states_come_back_with_their_values():
    w, b = cr.state([1.0, np.nan], "w"), cr.state(np.float32(3.0), "b")
    graph = graph_of(cr.sum(w * b))
    again = Graph.loads(graph.dumps())
    values = [box(cr.Tensor, None, node).get_value() for node in again.inputs]
    assert [v.dtype.name for v in values] == ["float64", "float32"]
    np.testing.assert_array_equal(values[0], [1.0, np.nan])
    w.set_value([5.0, 6.0])
    assert '"digits": [5.0, 6.0]' in graph.dumps()
    open_ = Graph.loads(Graph([], [cr.sum(w * b)]).dumps())
    assert cr.function([], open_.outputs[0])().item() == 33.0
    cell = box(cr.Tensor, None, again.inputs[1])
    step = cr.function([], again.outputs, updates=[(cell, cell + 1.0)])
    step()
    assert (cell.get_value().item(), b.get_value().item()) == (4.0, 3.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.T,
        lambda x: x[0],
        lambda x: x[:, 1:],
        lambda x: cr.linalg.svd(x @ x.T).S,
        lambda x: cr.concat([x, x * 2], axis=1),
        lambda x: cr.stack([x, x]).mean(axis=(0, 2)),
        lambda x: cr.astype(x, cr.float32) * np.float32(2.0),
        lambda x: cr.where(x > 1, x, 0.0) + np.arange(3.0),
        lambda x: cr.reshape(cr.softmax(x), (-1,)),
        lambda x: cr.einsum("ij,kj->ik", x, x),
        lambda x: cr.gradients(cr.sum(x**3), x),
        lambda x: cr.gradients(cr.sum(cr.gradients(cr.sum(x**3), x)), x),
        lambda x: x + cr.tensor([1.0, 2.0, 3.0]),
    ],
)
@pytest.mark.parametrize(("shape", "dtype"), [((None, 3), "float64"), (None, None), ((2, None), None)])
def test_unknown_shapes_come_back(make, shape, dtype):
    x = cr.symbol("x", shape=shape, dtype=dtype)
    graph = graph_of(make(x))
    text = graph.dumps()
    again = Graph.loads(text)
    check(again)
    assert again.dumps() == text
    assert repr(again.inputs[0].spec) == repr(graph.inputs[0].spec)
    point = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(again(point), graph(point))


def test_of_a_checkpoint_what_it_computes_is_saved():
    x, c = cr.tensor([2.0, 3.0], requires_grad=True), cr.tensor([1.5, 2.5], requires_grad=True)
    z = cr.exp(c)
    y = cr.sum(cr.checkpoint(lambda a: cr.checkpoint(lambda b: cr.sin(b) * c)(a) * z)(x) * x)
    graph = graph_of(y)
    again = Graph.loads(graph.dumps())
    found = again.run([np.array([0.5, 1.0]), np.array([1.0, 2.0])])[0]
    np.testing.assert_allclose(found, np.sum(np.sin([0.5, 1.0]) * [1.0, 2.0] * np.exp([1.0, 2.0]) * [0.5, 1.0]), 1e-15)


def test_files_are_replaced_whole(tmp_path, monkeypatch):
    x = cr.symbol("x")
    path = tmp_path / "graph.json"
    (x * x).graph().save(path)
    assert Graph.load(str(path)).run([3.0]) == [9.0]
    before = path.read_text()

    def refuse(*_args):
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="full"):
        cr.exp(x).graph().save(path)
    assert path.read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["graph.json"]


def test_the_format():
    x = cr.symbol("x", shape=(2,))
    y = cr.sum(2 * x[::-1])
    assert (
        graph_of(y).dumps()
        == """\
{"format": "chainrule graph", "version": 1,
 "nodes": [
  {"symbol": "x", "shape": [2], "dtype": "float64"},
  {"op": "gather", "operands": [0], "params": {"index": [{"slice": [null, null, -1]}]}},
  {"op": "multiply", "operands": [{"value": 2}, 1]},
  {"op": "sum", "operands": [2], "params": {"axis": [0], "dtype": null, "keepdims": false}}
 ],
 "inputs": [0], "outputs": [3]}
"""
    )


# -------------------------------------------------------------------------------------------------- refusals


def refused(text: str, told: str) -> None:
    assert_message(GraphFileError, f"[load] this is no graph: {told}; save the graph again with Graph.save.",
        lambda: Graph.loads(text))  # fmt: skip


def changed(**fields: Any) -> str:
    x = cr.symbol("x", shape=(2,))
    return json.dumps({**json.loads(graph_of(cr.sum(x + 1.0)).dumps()), **fields})


def nodes(*last: Any) -> str:
    return changed(nodes=[{"symbol": "x", "shape": [2], "dtype": "float64"}, *last], outputs=[len(last)])


def with_array(**array: Any) -> str:
    return nodes({"op": "add", "operands": [0, {"value": {"array": array}}]})


REFUSALS = [
    ("{", "it is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1); "
          "expected what Graph.save wrote"),
    ("[1]", 'it is JSON of something else; expected "format": "chainrule graph"'),
    ("[" * 100_000, "it is nested too deeply; expected at most 20 graphs inside graphs"),
    (changed(version=2), "its version is 2; expected 1, which this library reads"),
    (changed(inputs=[1]), "an input is no symbol, or given twice; expected each input a symbol of its own"),
    (changed(outputs=[7]), "7 is no earlier node; expected a number below 3"),
    (changed(outputs=[-1]), "-1 is no earlier node; expected a number below 3"),
    (nodes({"op": "system", "operands": [0]}), "'system' is no operation; expected a name of this library"),
    (nodes({"op": "custom", "operands": [0]}), "'custom' is no operation; expected a name of this library"),
    (nodes({"op": "sin", "operands": [0, 0]}), "sin has 2 operands; expected 1"),
    (nodes({"op": "sin", "operands": [{"value": 1.0}]}), "no operand of sin is a node; expected constants to be "
                                                           "values already"),
    (nodes({"op": "sum", "operands": [0]}), "the parameters of sum are {}; expected axis, dtype, keepdims"),
    (nodes({"op": "sum", "operands": [0], "params": {"axis": [5], "dtype": None, "keepdims": False}}),
     "[sum] axis 5 is out of range for an operand with 1 axes; expected an integer from -1 to 0; check the operand's "
     "shape.; expected operands and parameters that sum takes"),
    (nodes({"op": "broadcast_to", "operands": [0], "params": {"shape": [10**9, 10**9, 2]}}),
     "a shape is (1000000000, 1000000000, 2); expected at most 64 axes and 281474976710656 elements"),
    (with_array(dtype="float64", shape=[10**15], bytes=""),
     "a shape is (1000000000000000,); expected at most 64 axes and 281474976710656 elements"),
    (with_array(dtype="float64", shape=[10**9], bytes="AAAA"),
     "an array of 1000000000 elements has 4 characters of bytes; expected base 64 of all of them"),
    (with_array(dtype="object", shape=[1], bytes="AAAA"),
     "a dtype is 'object'; expected a numeric dtype that NumPy has here"),
    (nodes({"op": "add", "operands": [0, {"value": "x"}]}), "a constant is 'x'; expected a number or an array"),
    (nodes({"op": "add", "operands": [0, {"value": 2**70}]}), "an integer has 71 bits; expected at most 64"),
    (nodes({"op": "add", "operands": [0, {"value": {"code": "1"}}]}),
     "a value is {'code': '1'}; expected numbers, tuples, slices, dtypes, arrays or graphs"),
    (nodes({"symbol": "import os", "shape": [], "dtype": "float64"}),
     "a symbol is named 'import os'; expected a Python identifier"),
    (nodes({"symbol": "x", "shape": [-1], "dtype": "float64"}), "a shape is (-1,); expected sizes of at least 0"),
    (nodes({"op": "sin", "operands": [[0, 0]]}),
     "[0, 0] is no output of a node with several; expected its number, and that of the output"),
    (nodes({"op": "sin", "operands": [[0]]}), "None is no earlier node; expected a number below 1"),
    (changed(nodes=[{"symbol": "x", "shape": [2, 2], "dtype": "float64"}, {"op": "slogdet", "operands": [0]}],
        outputs=[1]), "node 1 has several outputs; expected one of them, as in [1, 0]"),
    (nodes({"op": "scatter_add", "operands": [0], "params": {"index": [{"slice": [0, 2, None]}], "shape": 5}}),
     "a shape is 5; expected sizes of at least 0"),
    (nodes({"op": "call", "operands": [0], "params": {"body": 1}}), "body of call is 1; expected a graph"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_no_graph_is_refused(text, told):
    refused(text, told)


def test_what_is_no_data_is_refused():
    def rule(x):
        return cr.sqrt(x), lambda g: (g / (2 * cr.sqrt(x)),)

    root = cr.custom_rule(cr.sqrt, vjp=rule)(cr.symbol("x"))
    with pytest.raises(GraphFileError) as caught:
        graph_of(root).dumps()
    assert caught.value.message == (
        "[save] custom cannot be saved, as the rules of custom_rule are Python functions; expected operations on "
        "arrays, calls of graphs, choices and loops; save the graph of the function without rules."
    )
    told = []

    def inside(v):
        for write in (Graph.dumps, Graph.source):
            with pytest.raises(cr.SymbolError) as refusal:
                write(graph_of(cr.psum(v, "i") * v))
            told.append(refusal.value.message)
        return v

    cr.vmap(cr.grad(inside), axis_name="i")(np.arange(3.0))
    assert told == 2 * [
        "[graph] this graph is that of one sample of a vmap, which has no program of its own; expected a graph from "
        "outside of the mapped function; take the graph of what vmap gives."
    ]


BAD = [
    ("gather", [0], {"index": [0, 0, 0, 0]}),
    ("gather", [0], {"index": None}),
    ("gather", [0], {"index": [{"mark": "array"}]}),
    ("gather", [0, {"value": {"array": {"dtype": "float64", "shape": [1], "digits": [0.5]}}}],
        {"index": [{"mark": "array"}]}),
    ("gather", [0], {"index": [{"float": "nan"}]}),
    ("scatter_add", [0], {"index": [7], "shape": [5]}),
    ("scatter_add", [0], {"index": [{"slice": [0, 1, None]}], "shape": [5]}),
    ("put", [0, {"value": 1.0}, 0], {"index": [{"mark": "array"}]}),
    ("put", [0, {"value": {"complex": [0.0, 1.0]}}], {"index": [0]}),
    ("contract", [0, 0], {"subscripts": "ij,jk->il"}),
    ("contract", [0, 0], {"subscripts": "ii,jk->ik"}),
    ("contract", [0, 0], {"subscripts": 5}),
    ("contract", [0, 0], {"subscripts": "ij,jk"}),
    ("eigh", [0], {"UPLO": "X"}),
    ("spectral", [0, [1, 0]], {"UPLO": "L", "name": "eigvalsh", "padding": -1, "fixed": True}),
    ("gauge_quotient", [0, [1, 0], 0],
        {"name": "eigh", "part": "half", "gap": "difference", "check": "never", "padding": 0}),
    ("least_squares", [0, 0], {"rcond": "x"}),
    ("broadcast_to", [0], {"shape": {"array": {"dtype": "float64", "shape": [2], "digits": [2.0, 2.0]}}}),
    ("arg_top_k", [0], {"k": 0, "axis": 1, "largest": True}),
    ("switch", [0, 0], {"branches": []}),
    ("switch", [0, 0], {"branches": [0]}),
    ("call", [0], {"body": {"graph": 0}}),
    ("call", [0], {"body": {"graph": {"nodes": [{"state": "w", "value": {"dtype": "int8", "shape": [], "digits": [1]}}],
        "inputs": [0], "outputs": [0]}}}),
    ("pull", [0], {"graph": {"graph": {"nodes": [], "inputs": [], "outputs": []}}, "wrt": [True], "given": []}),
    ("scan", [0], {"body": {"graph": {"nodes": [], "inputs": [], "outputs": []}}, "consts": 5, "carries": 5,
        "length": 1, "reverse": False, "keep": False, "snapshots": None}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_parameters_that_would_fail_when_the_graph_runs_are_refused(number):
    op, operands, params = BAD[number]
    tree = {"format": "chainrule graph", "version": 1, "inputs": [0], "outputs": [2], "nodes": [
        {"symbol": "x", "shape": [2, 2], "dtype": "float64"}, {"op": "eigh", "operands": [0], "params": {"UPLO": "L"}},
        {"op": op, "operands": operands, "params": params}]}  # fmt: skip
    with pytest.raises(GraphFileError, match="this is no graph"):
        Graph.loads(json.dumps(tree))


CHANGES = [
    None, True, False, 0, 1, -1, 7, 2.5, "x", "L", [], [0], [1, 0], [0, 0], [-3], [1.5], {"list": [0]},
    {"slice": [None, None, 0]}, [{"slice": [0, 1, None]}], {"mark": "array"}, {"dtype": "bool"}, {"float": "nan"},
    {"array": {"dtype": "int64", "shape": [2], "digits": [0, 1]}}, [[0, 1], [1, 0]], {"complex": [1.0, 2.0]},
]  # fmt: skip


@every_op
def test_what_loads_with_other_parameters_runs(name):
    """But for indices that are out of range, which no spec can tell."""
    problem = problems(name)[0]
    if not problem.point:
        return
    inputs = symbols(problem.point)
    outputs = problem(*inputs)
    if differentiable(name) and has_gradient(problem):
        outputs = [*outputs, *gradients(outputs, inputs, problem.random(outputs, 1))]
    tree = json.loads(Graph([x._node for x in inputs], outputs).dumps())
    chosen = random.Random(name)
    for node in tree["nodes"]:
        for key, before in node.get("params", {}).items():
            for change in chosen.sample(CHANGES, 4):
                node["params"][key] = change
                try:
                    graph = Graph.loads(json.dumps(tree))
                except GraphFileError:
                    continue
                with np.errstate(all="ignore"), warnings.catch_warnings(), suppress(cr.ChainruleError, IndexError):
                    warnings.simplefilter("ignore")
                    values = graph.run([np.asarray(x)[()] for x in problem.point])
                    for y, value in zip(graph.outputs, values, strict=True):
                        spec = Spec(np.shape(value), np.asarray(value).dtype)
                        assert spec == (y._node.spec if y._value is None else spec_of(y._value))
            node["params"][key] = before


def test_bytes_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "large.json"
    path.write_bytes(b"\xff\xfe")
    assert_message(GraphFileError, "[load] this is no graph: it is no text; expected UTF-8; save the graph again with "
        "Graph.save.", lambda: Graph.load(path))  # fmt: skip
    monkeypatch.setattr("chainrule.graph.data.BYTES", 1)
    assert_message(GraphFileError, "[load] this is no graph: it has 2 bytes; expected at most 1; save the graph again "
        "with Graph.save.", lambda: Graph.load(path))  # fmt: skip


def test_too_many_nodes_are_refused(monkeypatch):
    monkeypatch.setattr("chainrule.graph.data.NODES", 2)
    refused(changed(), "it has 3 nodes; expected at most 2")


# ---------------------------------------------------------------------------------------------------- fuzzing


def corpus() -> list[str]:
    """Files of many kinds of op, constant and parameter."""
    x, w = cr.symbol("x", shape=(3,)), cr.symbol("w", shape=(2, 3), dtype="float32")
    square = cr.Graph([x], [x * x])
    graphs = [
        graph_of(cr.gradients(cr.sum(cr.tanh(w @ x + np.array([0.5, np.nan]))), x)),
        graph_of(cr.where(x > 0, x[[0, 0, 2]], np.inf)[::2], cr.astype(w, "complex64") * 1j),
        graph_of(cr.linalg.qr(w)[1], cr.max(w, axis=1, keepdims=True)),
        graph_of(cr.sum(square(x)), cr.einsum("i,i->", x, np.arange(3.0))),
        graph_of(cr.pad(x, 1), cr.stack([x, x]), cr.reshape(w, (3, 2)), cr.permute_dims(w, (1, 0)), cr.std(x)),
    ]
    unknown, state = cr.symbol("u", shape=(None, 3)), cr.state([1.0, 2.0, 3.0], "s")
    graphs += derivatives_of_loops()[1:20:3]
    graphs.append(graph_of(cr.gradients(cr.sum(cr.softmax(unknown)[0] * state + cr.concat([x, x])[:3]), unknown)))
    return [graph.dumps() for graph in graphs]


CORPUS = corpus()


def survives(text: str) -> None:
    """Either a clean error, or a legal graph that can be written again."""
    try:
        graph = Graph.loads(text)
    except GraphFileError:
        return
    check(graph)
    again = graph.dumps()
    assert Graph.loads(again).dumps() == again
    str(graph)


INSERTED = [b"0", b"-", b"[", b'"', b"{}", b"null", b"1e999", b"NaN", b"9" * 30]


@given(st.sampled_from(CORPUS), st.data())
def test_changed_bytes(text, data):
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                raw[at] = data.draw(st.integers(32, 126))
            case 1:
                del raw[at : at + data.draw(st.integers(1, 20))]
            case _:
                raw[at:at] = data.draw(
                    st.sampled_from([b"0", b"-", b"[", b'"', b"{}", b"null", b"1e999", b"NaN", b"9" * 30])
                )
    survives(raw.decode())


SCRAPS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 5), st.integers(), st.floats(), st.sampled_from(sorted(RECORDS)),
    st.sampled_from(["float64", "x", "...", "array", "nan", "int8"]), st.just([]), st.just({}),
    st.lists(st.integers(-2, 4), max_size=3), st.sampled_from([{"slice": [None, None, 0]}, {"dtype": "bool"},
    {"mark": "array"}, {"value": 2}, {"value": {"scalar": {"dtype": "int8", "shape": [], "digits": [3]}}}]),
)  # fmt: skip


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container in a tree of JSON, with each of its keys."""
    found, todo = [], [data]
    for one in todo:
        keys = list(one) if isinstance(one, dict) else range(len(one))
        found += [(one, key) for key in keys]
        todo += [one[key] for key in keys if isinstance(one[key], (dict, list))]
    return found


@given(st.sampled_from(CORPUS), st.data())
def test_changed_structure(text, data):
    tree = json.loads(text)
    for _ in range(data.draw(st.integers(1, 3))):
        spots = places(tree)
        container, key = spots[data.draw(st.integers(0, len(spots) - 1))]
        match data.draw(st.integers(0, 3)):
            case 0:
                del container[key]
            case 1:
                other, place = spots[data.draw(st.integers(0, len(spots) - 1))]
                if place in (other if isinstance(other, dict) else range(len(other))):
                    container[key] = copy.deepcopy(other[place])
            case _:
                container[key] = copy.deepcopy(data.draw(SCRAPS))  # the drawn one would be changed by the next change
    survives(json.dumps(tree))


@given(programs())
def test_programs_come_back(program):
    point = program.inputs()
    inputs = symbols(point)
    assert_comes_back(Graph([x._node for x in inputs], [program.run(cr, *inputs)]), point)

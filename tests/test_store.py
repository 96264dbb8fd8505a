"""Graphs as JSON: they come back as they were, and nothing else than a graph comes back."""

import copy
import json
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
from chainrule.errors import GraphFileError
from chainrule.graph.check import check
from chainrule.graph.graph import Graph, graph_of


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

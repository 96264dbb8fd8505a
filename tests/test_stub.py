"""The type stubs say what is there: they are written from the source and the registry."""

import ast
import runpy
from pathlib import Path

import pytest

import chainrule as cr

ROOT = Path(__file__).parent.parent
STUBS = runpy.run_path(str(ROOT / "tools" / "stubs.py"))["STUBS"]


def names(body):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.asname)
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target)


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.name)
def test_the_stub_is_up_to_date(path):
    assert path.read_text() == STUBS[path](), "run: python tools/stubs.py"


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.name)
def test_lines_are_short_enough(path):
    assert [line for line in path.read_text().splitlines() if len(line) > 120] == []


def test_the_stub_knows_every_member_of_tensor():
    (tensor,) = [
        node
        for node in ast.parse((ROOT / "src" / "chainrule" / "tensor.pyi").read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "Tensor"
    ]
    machinery = {"__module__", "__slots__", "__doc__", "__firstlineno__", "__static_attributes__"}
    machinery.add("__slotnames__")  # where copy and pickle remember slots
    assert set(vars(cr.Tensor)) - set(names(tensor.body)) <= machinery


def test_the_stub_knows_every_function():
    known = set(names(ast.parse((ROOT / "src" / "chainrule" / "__init__.pyi").read_text()).body))
    modules = {name for name in vars(cr) if name.startswith("_") or type(getattr(cr, name)).__name__ == "module"}
    assert set(vars(cr)) - known <= modules

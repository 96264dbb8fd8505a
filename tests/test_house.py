"""The floors of the house: a module imports only from lower floors, or from its own without a cycle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import chainrule

PACKAGE = Path(chainrule.__file__).parent

FLOORS = {
    0: "errors spec dtypes tree config matrices",
    1: "op node unknown box refusals apply reduction known operands noise window orders incomplete precision gauge",
    2: "ops.*",
    3: "graph.*",
    4: "tensor creation protocols.* stream random",
    5: "run transforms vectorize jacobians transposition recompute custom series symbolic "
    "substitution bound trace control branches associative",
    6: "passes.*",
    7: "native.*",
    8: "jit",
    9: "linalg fft special stats.* nn.* expression show.* conventions testing optim coverage dialects.* torch.*",
    10: "__init__ cli __main__",
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names.split()}


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name_of(path): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def floor_of(module):
    return FLOOR_OF.get(module, FLOOR_OF.get(module.split(".")[0] + ".*"))


def imports_of(tree):
    """The modules of this package that the code under ``tree`` imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; write it from chainrule"
            # `from chainrule.graph import walk` may name a module or something inside chainrule.graph.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n if n.removeprefix("chainrule.") in MODULES else node.module for n in inner]
        else:
            continue
        for name in names:
            if name == "chainrule" or name.startswith("chainrule."):
                yield name.partition(".")[2] or "__init__"


IMPORTS = {module: set(imports_of(tree)) for module, tree in MODULES.items()}


def test_every_module_has_a_floor():
    assert [m for m in MODULES if floor_of(m) is None] == [], "give it a floor in FLOORS"


def test_no_module_imports_from_a_higher_floor():
    upward = [(m, n) for m, names in IMPORTS.items() for n in names if (floor_of(n) or 0) > (floor_of(m) or 0)]
    assert upward == []


def test_no_import_of_our_own_hides_in_a_function():
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    hidden = [
        (module, node.lineno, name)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, functions)
        for name in imports_of(node)
    ]
    assert hidden == []


def test_there_is_no_import_cycle():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_op_families_never_import_one_another():
    crossing = [
        (module, name)
        for module, names in IMPORTS.items()
        if module.startswith("ops.")
        for name in names
        if name == "ops" or name.startswith("ops.")
    ]
    assert crossing == []


def test_an_operand_that_a_rule_does_not_need_has_an_underscore():
    """Otherwise every recorded node would keep its value alive for nothing. (Ruff cannot tell operands from xp.)"""
    unneeded = []
    for module, tree in MODULES.items():
        emit_rules = {word.value for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg == "emit"}
        for rule in ast.walk(tree) if module.startswith("ops.") else ():
            if isinstance(rule, (ast.FunctionDef, ast.Lambda)):
                body = rule.body if isinstance(rule.body, list) else [rule.body]
                used = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
                given = [arg.arg for arg in (*rule.args.posonlyargs, *rule.args.args)]
                operands = given[1:] if rule in emit_rules else given  # the first is what a rule computes in, like xp
                names = set(operands) - {"xp", "self"} - used
                unneeded += [(module, rule.lineno, name) for name in names if not name.startswith("_")]
    assert unneeded == []

"""The examples in the README and in every module run, and print what they say."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import chainrule

ROOT = Path(__file__).parents[1]
MODULES = [module.name for module in pkgutil.walk_packages(chainrule.__path__, "chainrule.")]


def test_the_readme():
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False, encoding="utf-8")
    assert results.attempted > 10 and results.failed == 0


def test_the_readme_links_to_files_that_exist():
    for name in ("README.md", "HOUSE.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        links = [part.split(")")[0] for part in text.split("](")[1:]]
        assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_a_module(name):
    names = {"cr": chainrule, "np": np}
    assert doctest.testmod(importlib.import_module(name), extraglobs=names).failed == 0

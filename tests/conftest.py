"""What all tests share: Hypothesis examples that repeat, and the peers that only their own target runs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# What is compiled here is compiled anew, and leaves nothing behind.
os.environ["CHAINRULE_CACHE"] = "off"

# Random examples that differ from run to run would make a failure hard to meet again.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "peers: compares with another library, which must be installed (pytest -m peers)"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # A test that would only be skipped, where the peer is not installed, is not a test.
    return True if collection_path.name == "peers" and "peers" not in config.getoption("markexpr") else None

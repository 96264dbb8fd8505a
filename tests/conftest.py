"""What all tests share: Hypothesis profiles, and the peers that only their own target runs."""

import pytest
from hypothesis import settings

# Random examples that differ from run to run would make a failure hard to meet again.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "peers: compares with another library, if it is installed (pytest -m peers)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "peers" in config.getoption("markexpr"):
        return
    peers = [item for item in items if item.get_closest_marker("peers")]
    items[:] = [item for item in items if item not in peers]
    config.hook.pytest_deselected(items=peers)

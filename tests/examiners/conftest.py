"""What the examiners share."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Leave thousands of requests out of what is shown when a test fails."""
    caplog.set_level(logging.WARNING, logger="werkzeug")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the testers, which take their time, meet two databases of the three."""
    others = {
        item
        for item in items
        if item.path.name in ("test_contract.py", "test_conformance.py")
        and item.path.parent.name == "examiners"
        and getattr(item, "callspec", None) is not None
        and item.callspec.params.get("database") == "mariadb"
    }
    config.hook.pytest_deselected(items=list(others))
    items[:] = [item for item in items if item not in others]

"""What the examiners share."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Leave thousands of requests out of what is shown when a test fails."""
    caplog.set_level(logging.WARNING, logger="werkzeug")

"""Why a test runs on one database alone."""

from __future__ import annotations

import pytest

#: For what is refused as it is read; a value that fits its attribute may get to the database.
refused_early = pytest.mark.one_database("refused before any SQL is made of it")

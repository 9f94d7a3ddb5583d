"""A console for tests: ``flask scim`` in the process, with its two streams apart."""

from __future__ import annotations

import json
from inspect import signature
from typing import Any

from click.testing import CliRunner, Result

from tests.client import ScimClient
from tests.host import Host

# click 8.1 keeps the streams apart only where it is told to, and later ones always do.
_APART: dict[str, Any] = (
    {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
)


def run(host: Host, *words: str, typed: str | None = None) -> Result:
    """Run ``flask scim`` with these words."""
    runner = host.app.test_cli_runner(**_APART)
    result = runner.invoke(args=["scim", *words], input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def succeed(host: Host, *words: str, typed: str | None = None) -> str:
    """Run ``flask scim`` and return what it prints."""
    result = run(host, *words, typed=typed)
    assert result.exit_code == 0, result.stderr
    printed: str = result.stdout
    return printed


def read(host: Host, *words: str) -> Any:
    """Run ``flask scim`` with ``--json`` and return what it says."""
    return json.loads(succeed(host, *words, "--json"))


def cells(printed: str) -> list[list[str]]:
    """The cells of a table, whose columns are apart by two blanks at least."""
    return [[cell.strip() for cell in line.split("  ") if cell] for line in printed.splitlines()]


def client(host: Host, token: str) -> ScimClient:
    """A client of the connection ``acme``."""
    return ScimClient(host.app.test_client(), "/scim/v2/acme", token.strip())

"""The documentation: its code runs, its commands exist, its tables agree with the package."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import flask.cli
import pytest
from blinker import Signal
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

import example_app
import flask_scim
from flask_scim.config import Settings
from flask_scim.protocol import errors
from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import Host, make_host
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md")) + [page for page in [ROOT / "README.md"] if page.exists()]
CONTINUES = "continues the [quickstart](quickstart.md)"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page.

    :param page: the page.
    :param language: what stands behind the fence.
    :param line: the line of its first character, from 1.
    :param text: what is in it.
    """

    page: Path
    language: str
    line: int
    text: str


def _blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(page, found[1], text.count("\n", 0, found.start(2)) + 1, found[2])
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if found[1] in languages
    ]


def _id(value: Any) -> str | None:
    return value.name if isinstance(value, Path) else None


# Code


@pytest.fixture
def namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[dict[str, Any]]:
    """The names that a page defines, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("page")
    # SQLAlchemy and Flask look a module up by its name.
    monkeypatch.setitem(sys.modules, module.__name__, module)
    yield module.__dict__
    for app in [value for value in vars(module).values() if isinstance(value, Flask)]:
        database: SQLAlchemy | None = app.extensions.get("sqlalchemy")
        if database is not None:
            with app.app_context():
                for engine in database.engines.values():
                    engine.dispose()
    # Receivers of signals go with the page, lest they listen to the apps of other tests.
    vars(module).clear()


def _run(page: Path, namespace: dict[str, Any]) -> None:
    for block in _blocks(page, "python"):
        # Blank lines in front make a traceback name the line of the page.
        code = compile("\n" * (block.line - 1) + block.text, page, "exec", dont_inherit=True)
        exec(code, namespace)


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, "python")], ids=_id)
def test_python(page: Path, namespace: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Every block of a page runs, one after the other."""
    if CONTINUES in page.read_text("utf-8"):
        _run(DOCS / "quickstart.md", namespace)
    _run(page, namespace)
    printed = capsys.readouterr().out
    if printed:
        assert any(printed == block.text for block in _blocks(page, "text")), printed


# Commands


def _commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block, and the lines of output that stand below it."""
    command, output = "", list[str]()
    for line in [*block.text.splitlines(), "$ "]:
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line.removeprefix("$ "), []
        elif command.endswith("\\"):
            command += f"\n{line}"
        else:
            output.append(line)


_FLASK_COMMANDS = [
    (block, found.group())
    for page in PAGES
    for block in _blocks(page, "console")
    for command, _ in _commands(block)
    for found in re.finditer(r"\bflask (?!--version)[^|&;)\n]+", command)
]


@pytest.fixture
def make_app(namespace: dict[str, Any], tmp_path: Path) -> Callable[[str | None], Flask]:
    """Makes the app that a command works on: the quickstart's, or the example."""

    def make(name: str | None) -> Flask:
        if name is not None and name.startswith("example_app"):
            namespace["app"] = example_app.create_app({}, tmp_path)
            namespace["db"] = namespace["app"].extensions["sqlalchemy"]
        else:
            _run(DOCS / "quickstart.md", namespace)
        app: Flask = namespace["app"]
        return app

    return make


@pytest.mark.parametrize(
    ("block", "command"),
    _FLASK_COMMANDS,
    ids=[f"{block.page.name}:{block.line}" for block, _ in _FLASK_COMMANDS],
)
def test_commands(
    block: Block,
    command: str,
    make_app: Callable[[str | None], Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every ``flask`` command is one that there is, with arguments that it takes."""
    monkeypatch.setattr(click.Option, "prompt_for_value", lambda *_: "what is typed")
    words = shlex.split(command, comments=True)[1:]
    chosen = None
    while words[0].startswith("-"):
        option = words.pop(0)
        if option == "--app":
            chosen = words.pop(0)
    app = make_app(chosen)
    found: click.Command = flask.cli.FlaskGroup(create_app=lambda: app)
    context = click.Context(found, info_name="flask")
    while isinstance(found, click.Group) and words:
        name = words.pop(0)
        inner = app.cli.get_command(context, name) if found.name is None else None
        inner = inner or found.get_command(context, name)
        assert inner is not None, f"{block.page.name}: there is no {name!r} in {command!r}"
        found = inner
        context = click.Context(found, parent=context, info_name=name)
    if "--help" not in words:
        found.make_context(found.name, words, parent=context)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_quickstart_as_it_is_typed(tmp_path: Path) -> None:
    """The quickstart's first file and all its commands, in a shell, print what the page says."""
    page = DOCS / "quickstart.md"
    (tmp_path / "app.py").write_text(_blocks(page, "python")[0].text, "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    typed = [typed for block in _blocks(page, "console") for typed in _commands(block)]
    script = "\n".join(
        f"{command} -p {port} >server.log 2>&1 & SERVER=$!; while ! curl -so page "
        f"http://127.0.0.1:{port}; do sleep 0.1; done; echo; echo '--'"
        if command == "flask run"
        else f"{command.replace(':5000', f':{port}')}\necho; echo '--'"
        for command, _ in typed
    )
    started = time.monotonic()
    ran = subprocess.run(
        ["bash", "-c", f"trap 'kill $SERVER' EXIT\nset -e\n{script}"],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stderr} after {time.monotonic() - started:.0f} s"
    printed = ran.stdout.split("\n--\n")
    for (command, lines), actual in zip(typed, printed, strict=False):
        wanted = ".*".join(re.escape(part) for part in "\n".join(lines).split("…"))
        assert re.fullmatch(wanted, actual.strip(), re.DOTALL), f"{command}: {actual}"


# Entries


def _terms(page: str) -> set[str]:
    """The entries of the definition lists of a page."""
    return set(re.findall(r"^`(\w+)`\n: ", (DOCS / page).read_text("utf-8"), re.MULTILINE))


def test_each_key_has_an_entry() -> None:
    """The keys that the package reads, and no others, have an entry."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "flask_scim").rglob("*.py"))
    keys = set(re.findall(r"[\"`]((?:SCIM|SECRET)(?:_[A-Z]+)+)[\"`]", source))
    keys |= {"SECRET_KEY"}  # Flask hands it over as an attribute of the app.
    assert _terms("configuration.md") == keys


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_each_default_is_told(name: str) -> None:
    """The entry of a setting gives its default."""
    text = (DOCS / "configuration.md").read_text("utf-8")
    entry = re.search(rf"^`SCIM_{name.upper()}`\n: (.*?)\n(?=\n)", text, re.M | re.S)
    assert entry is not None
    default = getattr(Settings, name)
    shown = f'"{default}"' if isinstance(default, str) else str(default)
    assert entry[1].replace("\n ", "").endswith(f"Default: `{shown}`."), entry[1]


def test_each_signal_has_an_entry() -> None:
    """The signals that can be imported have an entry that says when they are sent."""
    signals = {name for name in flask_scim.__all__ if isinstance(getattr(flask_scim, name), Signal)}
    entries = {name for name in _terms("signals.md") if "_" in name}
    assert entries == signals


def test_each_public_name_is_in_the_api() -> None:
    """The page on the API documents each public name, and each error."""
    text = (DOCS / "api.md").read_text("utf-8")
    documented = set(re.findall(r"^\.\. \S+:: flask_scim\.(\w+)$", text, re.MULTILINE))
    assert documented == set(flask_scim.__all__)
    assert ".. automodule:: flask_scim.protocol.errors\n" in text


def test_each_error_has_a_row() -> None:
    """The table of errors has each status and scimType that is sent."""
    text = (DOCS / "errors.md").read_text("utf-8")
    rows = {
        (int(status), scim_type.strip(" `") or None)
        for status, scim_type in re.findall(r"^\| (\d{3}) \|([^|]*)\|", text, re.MULTILINE)
    }
    kinds = {
        (kind.status, kind.scim_type)
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ScimError)
    }
    assert rows == kinds - {(400, None)}


@pytest.mark.parametrize("page", ["rfc7643.md", "rfc7644.md", "rfc9865.md"])
def test_each_module_and_test_exists(page: str) -> None:
    """The tables of the RFCs name files that there are."""
    text = (DOCS / page).read_text("utf-8")
    names = re.findall(r"`([a-z]+/\w+\.py)`", text)
    assert names
    missing = [
        name
        for name in names
        if not (ROOT / ("tests" if "/test_" in name else "flask_scim") / name).exists()
    ]
    assert missing == []


def test_links_lead_to_the_rfcs_alone() -> None:
    """No page sends its readers elsewhere."""
    pages = [page for page in PAGES if page.parent == DOCS]
    links = [
        link
        for page in pages
        for link in re.findall(r"https?://[^\s)`'\"]+", page.read_text("utf-8"))
    ]
    examples = ("http://127.0.0.1:", "https://your.app/", "https://hooks.example.com/")
    # A name that leads nowhere, for what an identity provider calls itself.
    allowed = ("https://www.rfc-editor.org/", "https://idp.example", *examples)
    assert [link for link in links if not link.startswith(allowed)] == []


# What identity providers may do


def _has(client: ScimClient, id: str, **expected: Any) -> bool:
    body = client.get(f"/Users/{id}").json
    return all(body.get(name) == value for name, value in expected.items())


def _patched(operation: dict[str, Any], **expected: Any) -> Callable[[ScimClient, str], bool]:
    def attempt(client: ScimClient, id: str) -> bool:
        answer = client.patch(f"/Users/{id}", operation)
        assert answer.status_code in (200, 400), answer.text
        return answer.status_code == 200 and _has(client, id, **expected)

    return attempt


def _posted(**body: Any) -> Callable[[ScimClient, str], bool]:
    def attempt(client: ScimClient, id: str) -> bool:
        answer = client.post("/Users", {"schemas": [USER], "userName": f"{id}-2", **body})
        assert answer.status_code in (201, 400), answer.text
        return answer.status_code == 201

    return attempt


def _without_schemas(client: ScimClient, id: str) -> bool:
    created = client.post("/Users", {"userName": f"{id}-2"})
    operations = [{"op": "add", "path": "title", "value": "x"}]
    changed = client.request("PATCH", f"/Users/{id}", {"Operations": operations})
    taken = {created.status_code < 400, changed.status_code < 400}
    assert len(taken) == 1
    return taken.pop()


def _bare_word(client: ScimClient, id: str) -> bool:
    return client.get("/Users", filter="userName eq ann").status_code == 200


_HOME = 'emails[type eq "home"]'
_TOLERANCES: dict[str, Callable[[ScimClient, str], bool]] = {
    "`op` in any letter case": _patched(
        {"op": "Replace", "path": "title", "value": "x"}, title="x"
    ),
    'booleans as text: `"True"`': _posted(active="True"),
    "`schemas` missing": _without_schemas,
    "unknown attributes, ignored": _posted(shoe=42),
    "one object where a list belongs": _posted(emails={"value": "a@example.com"}),
    "a list of one where an object belongs": _posted(name=[{"givenName": "Ann"}]),
    "`PATCH` without path": _patched({"op": "add", "value": {"title": "x"}}, title="x"),
    "`remove` with a list of values": _patched(
        {"op": "remove", "path": "emails", "value": [{"value": "ann@example.com"}]}, emails=None
    ),
    "`add` behind a filter that selects nothing": _patched(
        {"op": "add", "path": f"{_HOME}.value", "value": "x"}
    ),
    "unknown URNs in `schemas`": _posted(schemas=[USER, "urn:example:unknown"]),
    'paths as keys of a value: `{"name.givenName": …}`': _patched(
        {"op": "replace", "value": {"name.givenName": "Ann"}}, name={"givenName": "Ann"}
    ),
    "text without quotes in filters": _bare_word,
    "`replace` behind a filter that selects nothing": _patched(
        {"op": "replace", "path": f"{_HOME}.value", "value": "x"}
    ),
    "`remove` behind a filter that selects nothing": _patched({"op": "remove", "path": _HOME}),
    'the manager as a bare id, or `""` for none': _patched(
        {"op": "add", "path": f"{ENTERPRISE}:manager", "value": "7"},
        **{ENTERPRISE: {"manager": {"value": "7"}}},
    ),
}
_TABLE = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for row in re.findall(
        r"^\|.*(?:yes|no) \|$", (DOCS / "identity-providers.md").read_text("utf-8"), re.MULTILINE
    )
]


def test_each_tolerance_has_a_row() -> None:
    """The table of tolerances has a row for each one that is tried here."""
    assert [row[0] for row in _TABLE] == list(_TOLERANCES)


@pytest.fixture(scope="module")
def tolerant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """An app with tenants, so that what is tried on one connection is not in the way of another."""
    made = make_host(f"sqlite:///{tmp_path_factory.mktemp('tolerances') / 'test.db'}")
    with made.app.app_context():
        made.db.create_all()
        yield made
        made.db.engine.dispose()


@pytest.mark.parametrize(
    ("column", "idp", "strict"),
    [
        (1, "generic", False),
        (2, "entra", False),
        (3, "okta", False),
        (4, "onelogin", False),
        (5, "entra", True),
    ],
)
@pytest.mark.parametrize("row", _TABLE, ids=[row[0] for row in _TABLE])
def test_tolerances(row: list[str], column: int, idp: str, strict: bool, tolerant: Host) -> None:
    """Each cell of the table of tolerances is what a connection does."""
    cell = _TABLE.index(row) * 10 + column
    client = tolerant.connect(f"c{cell}", tenant=str(cell), idp=idp, strict=strict)
    created = client.create("ann", emails=[{"type": "work", "value": "ann@example.com"}])
    assert _TOLERANCES[row[0]](client, created["id"]) is (row[column] == "yes")

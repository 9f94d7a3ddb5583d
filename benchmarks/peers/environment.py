"""The environment that the peers run in, which is never ours."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).parents[2]
_FOLDER = ROOT / ".venv-peers"
_REQUIREMENTS = ROOT / "requirements" / "peers.txt"
_APPS = "benchmarks.peers.apps"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server.

    :param name: what it is called in tables, as on the package index.
    :param module: the package of its app.
    :param app: the app for gunicorn.
    :param fill: what fills its database: arguments of Python, before the size.
    :param has_uuids: whether ids are UUIDs.
    :param is_django: whether it is a project of Django.
    :param lists_removed: whether it knows no path with a filter, by which members go elsewhere.
    """

    name: str
    module: str
    app: str
    fill: tuple[str, ...]
    has_uuids: bool = False
    is_django: bool = True
    lists_removed: bool = False

    def id(self, number: int) -> str:
        """The SCIM id of somebody or of a group."""
        return str(UUID(int=number)) if self.has_uuids else str(number)

    def environment(self, url: str) -> dict[str, str]:
        """The environment of its processes.

        :param url: its database.
        """
        own = {"PEER_DATABASE": url, "PYTHONPATH": str(ROOT)}
        if self.is_django:
            own["DJANGO_SETTINGS_MODULE"] = f"{_APPS}.{self.module}.settings"
        return os.environ | own

    def prepare(self, python: Path, url: str, size: int) -> None:
        """Fill its database.

        :param python: the interpreter of the environment.
        :param url: an empty database.
        :param size: how many people.
        """
        command = [str(python), *self.fill, str(size)]
        subprocess.run(command, check=True, env=self.environment(url))


_WSGI, _FILL = "django.core.wsgi:get_wsgi_application()", ("-m", "django", "fill")
PEERS = (
    Peer("django-scim2", "django_scim2", _WSGI, _FILL, lists_removed=True),
    Peer("django-scim2-server", "django_server", _WSGI, _FILL, has_uuids=True),
    Peer(
        "scim2-flask",
        "flask_server",
        f"{_APPS}.flask_server.app:make_app()",
        ("-m", f"{_APPS}.flask_server.app"),
        is_django=False,
    ),
)


def make_environment() -> Path:
    """Make the environment, or bring it up to date; the interpreter of it."""
    python = _FOLDER / "bin" / "python"
    if not python.exists():
        venv.create(_FOLDER, with_pip=True)
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*command, "-r", str(_REQUIREMENTS)], check=True, stdout=sys.stderr)
    return python


def versions(python: Path) -> dict[str, str]:
    """The versions that are measured, by the names of the peers."""
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    names = [peer.name for peer in PEERS]
    told = subprocess.run(
        [str(python), "-c", code, *names], check=True, capture_output=True, text=True
    )
    return dict(zip(names, told.stdout.split(), strict=True))

"""The example app behind gunicorn, with several processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]


def environment(instance: Path, url: str) -> dict[str, str]:
    """What a process of the app needs to know."""
    return os.environ | {"EXAMPLE_INSTANCE_PATH": str(instance), "EXAMPLE_DATABASE_URL": url}


@contextmanager
def serve(
    instance: Path, url: str, app: str = "example_app:create_app()", workers: int = 3, *options: str
) -> Iterator[str]:
    """Serve an app; the origin comes back.

    :param instance: its instance folder.
    :param url: where its database is.
    :param app: how gunicorn finds it.
    :param workers: how many processes.
    :param options: what else gunicorn is told.
    """
    bound = ("--workers", str(workers), "--bind", "127.0.0.1:0", *options)
    command = ("-m", "gunicorn", *bound, app)
    log = instance / "gunicorn.log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment(instance, url), stderr=written
        ) as server,
    ):
        try:
            yield _find_origin(log, server)
        finally:
            server.terminate()
            server.wait(PATIENCE)


def patch(origin: str, connection: str, token: str, id: str, active: bool) -> int:
    """Do what an identity provider does."""
    operation: dict[str, Any] = {"op": "replace", "path": "active", "value": active}
    request = urllib.request.Request(
        f"{origin}/scim/v2/{connection}/Users/{id}",
        json.dumps({"Operations": [operation]}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        status: int = response.status
        return status


def _find_origin(log: Path, server: subprocess.Popen[bytes]) -> str:
    def find() -> re.Match[str] | None:
        return re.search(r"Listening at: (http://\S+)\s", log.read_text())

    wait_until(lambda: find() or server.poll() is not None, log.read_text)
    found = find()
    assert found is not None, log.read_text()
    return found[1]

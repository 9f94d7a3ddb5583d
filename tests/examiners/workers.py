"""An app behind gunicorn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def serve_workers(app: str, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Serve an app, named as gunicorn wants it, and say where.

    :param app: the module and what in it is, or makes, the app.
    :param environment: variables for the app.
    :param folder: where the server may keep a file of settings and its log.
    """
    settings, log = folder / "gunicorn.conf.py", folder / "gunicorn.log"
    # Older versions have no such socket, and pass over what a file says of it.
    settings.write_text("control_socket_disable = True\n")
    command = [
        *(sys.executable, "-m", "gunicorn", app, "--bind", "127.0.0.1:0", "--workers", "2"),
        *("--config", str(settings), "--log-file", str(log)),
    ]
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=variables) as server:
        try:
            yield _find_origin(log, server)
        finally:
            server.terminate()
            try:
                server.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()


def _find_origin(log: Path, server: subprocess.Popen[bytes]) -> str:
    def read() -> str:
        return log.read_text() if log.exists() else ""

    def find() -> re.Match[str] | None:
        return re.search(r"Listening at: (http://127[.]0[.]0[.]1:[0-9]+)\s", read())

    wait_until(lambda: find() or server.poll() is not None, read)
    found = find()
    assert found is not None, read()
    return found[1]

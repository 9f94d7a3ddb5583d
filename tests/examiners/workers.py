"""An app behind gunicorn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()


def _find_origin(log: Path, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        text = log.read_text() if log.exists() else ""
        listening = re.search(r"Listening at: (http://127[.]0[.]0[.]1:[0-9]+)", text)
        if listening is not None:
            return listening[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "gunicorn said nothing")

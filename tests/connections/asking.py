"""Asks which tokens need attention, in a process of its own: ``python -m … URL``."""

from __future__ import annotations

import sys
from typing import Any

from flask_scim.signals import token_expiring
from tests.host import make_host


def main(url: str) -> None:
    """Say that all is ready, wait for a line, and print what was told and heard."""
    host = make_host(url)
    heard: list[str] = []

    def hear(sender: Any, notice: Any, connection: Any) -> None:
        heard.append(f"heard {notice.token_id} {connection.id} {notice.days}")

    with host.app.app_context(), token_expiring.connected_to(hear, sender=host.app):
        host.scim.tokens.list("acme")
        host.db.session.rollback()
        print("ready", flush=True)
        sys.stdin.readline()
        told = host.scim.tokens.check()
        host.db.engine.dispose()
    print("\n".join(heard + [f"told {each.token_id} {each.kind} {each.days}" for each in told]))


if __name__ == "__main__":
    main(sys.argv[1])

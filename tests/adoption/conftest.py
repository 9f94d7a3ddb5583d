"""Apps with accounts that were there before SCIM was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import Event
from flask_scim.signals import _signals
from tests.client import USER, ScimClient
from tests.host import Host

ADOPTING = {"adoption": "verified_email"}
VERIFIED = {"verified": "seen", "privileged": "is_admin"}


@dataclass(slots=True)
class Firm:
    """An app, a connection of tenant 1, and what is told of it.

    :param host: the app.
    :param acme: an identity provider of tenant 1, which owns acme.example and bücher.example.
    :param events: what the signals told, in order.
    """

    host: Host
    acme: ScimClient
    events: list[Event] = field(default_factory=list)

    @property
    def told(self) -> list[str]:
        """What the signals told since somebody asked last: types, with the reason where given."""
        told = [f"{e.type} {e.reason}" if e.reason else e.type for e in self.events]
        self.events.clear()
        return told

    def add(self, username: str, email: str | None = None, **columns: Any) -> str:
        """Add an account as the app does, verified unless it says otherwise, and return its id."""
        values = {"tenant_id": 1, "last_name": "Own", "seen": datetime(2026, 1, 1), **columns}
        with self.host.app.app_context():
            row = self.host.User(username=username, email=email, **values)
            self.host.db.session.add(row)
            self.host.db.session.commit()
            return str(row.id)

    def row(self, id: str) -> Any:
        """The account with an id, as the database has it."""
        with self.host.app.app_context():
            row = self.host.db.session.get(self.host.User, int(id))
            self.host.db.session.expunge_all()
            return row

    def count(self) -> int:
        """How many accounts there are."""
        with self.host.app.app_context():
            count = sa.select(sa.func.count()).select_from(self.host.User)
            found: int = self.host.db.session.scalar(count)
            return found

    def choose(self, **policy: str | None) -> None:
        """Let the connection choose otherwise."""
        with self.host.app.app_context():
            self.host.scim.connections.edit("acme", policy=policy)

    def connect(self, name: str, tenant: str = "1", **policy: str) -> ScimClient:
        """Connect one more identity provider."""
        return self.host.connect(
            name, tenant=tenant, domains=["acme.example"], policy=ADOPTING | policy
        )


@pytest.fixture
def firm(share: Callable[..., Host]) -> Iterator[Firm]:
    """An app that says which e-mail addresses are verified, and who is an administrator."""
    host = share(users=VERIFIED)
    acme = host.connect(
        "acme",
        tenant="1",
        domains=["acme.example", "bücher.example"],
        policy=ADOPTING,
    )
    firm = Firm(host, acme)

    def hear(_app: Any, event: Event, **_: Any) -> None:
        firm.events.append(event)

    with ExitStack() as stack:
        for name, signal in _signals.items():
            if name.startswith(("user", "group")) and name != "user-access-ended":
                stack.enter_context(signal.connected_to(hear, host.app))
        yield firm
    # The next test has the same app.
    host.scim._wiring.guards.clear()


def person(user_name: str, email: str | None = None, **attributes: Any) -> dict[str, Any]:
    """What an identity provider says of somebody."""
    emails = {"emails": [{"type": "work", "value": email}]} if email else {}
    return {"schemas": [USER], "userName": user_name, **emails, **attributes}

"""Ways into an app that are closed by revokers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask_scim
from flask_scim import Ending, Report
from tests.host import Host


class Keys:
    """Revokers that note whom they are asked for, and do what they are told."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.asked: list[tuple[str, Any, Ending]] = []
        self.reports: list[tuple[Report, Any, Any]] = []
        self.behaviour: dict[str, Any] = {}

    def forget(self) -> None:
        """Begin as if nobody had asked or said anything yet."""
        self.asked, self.reports, self.behaviour = [], [], {}
        self.host.scim._wiring.issuer = None

    def add(self, *names: str) -> None:
        """Register a revoker for each name."""
        for name in names:
            self.host.scim.revoker(name)(self._make(name))

    def names(self) -> list[str]:
        """Which were asked, in order; forgotten when it is asked for."""
        names = [name for name, _, _ in self.asked]
        self.asked.clear()
        return names

    def _make(self, name: str) -> Callable[[Any, Ending], int]:
        def revoke(user: Any, ending: Ending) -> int:
            self.asked.append((name, user.username if user in self.db else user.id, ending))
            told: Any = self.behaviour.get(name, 1)
            return told() if callable(told) else told  # type: ignore[no-any-return]

        return revoke

    @property
    def db(self) -> Any:
        """The session of the host."""
        return self.host.db.session

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note what the signal carries."""

        def receive(_: Any, report: Report, user: Any, connection: Any, **__: Any) -> None:
            self.reports.append((report, user and user.username, connection and connection.id))

        with flask_scim.user_access_ended.connected_to(receive, sender=self.host.app):
            yield

"""What the app and its administrators ask about people's access, and do to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..protocol.syntax import Operator
from ..protocol.values import comparable
from ..store.columns.places import Place
from ..store.sql.backends import Backend
from .ending import Report
from .epochs import REVOKED
from .revocation import Revocation
from .standing import Standing, stand


@dataclass(frozen=True, slots=True)
class AccessDesk:
    """People's access to one app.

    :param revocation: what ends access.
    :param backend: finds the database behind it.
    :param covered: names the ways into the app that are closed without a revoker.
    """

    revocation: Revocation
    backend: Callable[[], Backend]
    covered: Callable[[], tuple[str, ...]] = tuple

    @property
    def open_ways(self) -> list[str]:
        """The ways into the app that exist and that nothing closes."""
        return self.revocation.revokers.uncovered(self.covered())

    def describe(self) -> list[str]:
        """Say what closes the ways into the app, a line for each."""
        lines = [f"  {name}: closed by its revoker" for name in self.revocation.revokers.names]
        lines += [f"  {name}: closed by Flask-SCIM" for name in self.covered()]
        lines += [f"  {name}: closed by nothing" for name in self.open_ways]
        return ["Ways into the app", *lines] if lines else []

    def stand(self, user: Any) -> Standing:
        """Find out whether a person may sign in.

        :param user: the person's row.
        :return: where they stand.
        """
        return stand(self.revocation, user)

    def report(self, user: Any) -> Report | None:
        """Tell how far the last end of a person's access has come; ``None`` if it never ended.

        :param user: the person's row.
        :return: the report.
        """
        return self.revocation.report(self.revocation.binding.key_of(user))

    def end(self, user: Any, cause: str = REVOKED) -> Report:
        """End all that a person has begun; it does not keep them from signing in again.

        What the session holds is committed with it.

        :param user: the person's row.
        :param cause: what brought it about, in at most 64 characters.
        :return: how far it has come.
        :raises ValueError: if the person has no row yet, or the cause cannot be used.
        """
        if not (cause.isprintable() and 0 < len(cause) <= 64):
            raise ValueError(f"A cause is a line of 1 to 64 characters, not {cause!r:.100}.")
        revocation, session = self.revocation, self.revocation.sessions()
        session.flush()
        revocation.forget()
        key = revocation.binding.key_of(user)
        if key is None:
            raise ValueError("The person has no row yet, and so no access that could end.")
        revocation.begin(key, revocation.binding.id_of(user), cause)
        session.commit()
        for told in revocation.carry_out():
            revocation.tell(told)
        report = revocation.report(key)
        assert report is not None
        return report

    def find(self, text: str, connection_id: str | None = None) -> list[Any]:
        """Find people by their id or by the name that no two share.

        :param text: the SCIM ``id``, or the ``userName`` in any letter case.
        :param connection_id: the connection that has a record of them; left out, none need have.
        :return: their rows, those of the id first; several only where tenants share a name.
        """
        binding, session = self.revocation.binding, self.revocation.sessions()
        record = binding.record.c
        for place in (binding.id, binding.unique):
            if place is None or place.column is None or not self._can_be(place, text):
                continue
            backend = self.backend()
            backend.prepare(binding.connect(session))
            value = comparable(place.path.leaf, text)
            is_it = place.codec.compare(backend, place.column, Operator.EQ, value)
            statement = binding.select_joined(binding.model).where(is_it).order_by(binding.key)
            if connection_id is not None:
                own = sa.and_(record.row_id == binding.key, record.connection_id == connection_id)
                statement = statement.where(sa.exists().where(own))
            found = list(session.scalars(statement.limit(20)))
            if found:
                return found
        return []

    def _can_be(self, place: Place, text: str) -> bool:
        return place is not self.revocation.binding.id or place.codec.parse(text) is not None

"""Connections: one for every identity provider of a customer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..protocol.dialects import find_dialect
from ..provisioning.ports import Connection

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Connections:
    """The connections of the app.

    :param session: the host's session.
    :param table: our table of connections.
    :param choose_tenant: takes the tenant that was asked for, if any, and returns the one to use;
        raises ``ValueError`` if no resource can belong to it.
    """

    def __init__(
        self,
        session: Any,
        table: sa.Table,
        choose_tenant: Callable[[str | None], str | None],
    ) -> None:
        self._session = session
        self._table = table
        self._choose_tenant = choose_tenant

    def add(
        self, id: str, *, idp: str = "generic", tenant: str | None = None, strict: bool = False
    ) -> Connection:
        """Add a connection.

        :param id: its name in the URL: letters, digits, dots, dashes and underscores.
        :param idp: the identity provider.
        :param tenant: the customer's key in the app, as text; left out, ``SCIM_DEFAULT_TENANT``.
        :param strict: whether only the standard is accepted.
        :return: the connection.
        :raises ValueError: if the name, tenant or provider cannot be used, or the name is taken.
        """
        if not _NAME.fullmatch(id):
            raise ValueError(
                f"{id!r} cannot be the name of a connection; use up to 64 letters, digits, "
                "dots, dashes and underscores, and begin with a letter or digit."
            )
        find_dialect(idp, strict)
        connection = Connection(id, self._choose_tenant(tenant), idp, strict, datetime.now(UTC))
        try:
            self._session.execute(self._table.insert().values(asdict(connection)))
            self._session.commit()
        except IntegrityError:
            self._session.rollback()
            raise ValueError(f"There is a connection {id!r} already.") from None
        return connection

    def get(self, id: str) -> Connection | None:
        """Read a connection; ``None`` if there is none."""
        statement = sa.select(self._table).where(self._table.c.id == id)
        found = self._session.execute(statement).mappings().first()
        # MariaDB compares without case; the name in a URL is exact.
        return Connection(**found) if found and found["id"] == id else None

    def list(self) -> list[Connection]:
        """List all connections by name."""
        statement = sa.select(self._table).order_by(self._table.c.id)
        return [Connection(**row) for row in self._session.execute(statement).mappings()]

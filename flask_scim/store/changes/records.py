"""Our records of resources, as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...mapping.mapping import Parts
from ...provisioning.ports import Connection, Deadlock
from ..columns.binding import Binding
from ..columns.codecs import TextCodec
from ..queries.uniqueness import make_key
from ..references.references import References
from ..references.statements import NEAR, refers
from ..sql.kept import kept

#: What tells that a record is still as it was read.
_AS_READ = ("connection_id", "row_id", "version")


@dataclass(slots=True)
class Records:
    """The records of one connection's resources.

    :param session: the host's session.
    :param connection: whose resources they are.
    :param binding: where their attributes sit.
    """

    session: Session
    connection: Connection
    binding: Binding

    def make(self, row: Any, parts: Parts, **others: Any) -> dict[str, Any]:
        """Make the columns of a new record.

        :param row: the host's row.
        :param parts: the document that is going to be stored.
        :param others: columns that are to be otherwise.
        :return: the columns by name.
        """
        now = datetime.now(UTC)
        return {
            "connection_id": self.connection.id,
            "row_id": self.binding.key_of(row),
            "version": 1,
            "created": now,
            "modified": now,
            "deleted": None,
            "active_removed": False,
            "awaited": False,
            **self.columns(parts),
            **others,
        }

    def columns(self, parts: Parts) -> dict[str, Any]:
        """Make the columns of a record that follow from the document."""
        own = {name: parts.values[index] for name, index in self.binding.of_record}
        if own.get("external_id") is not None:
            own["external_id"] = TextCodec.checked(own["external_id"], "externalId", 255)
        return own | {
            "unique_key": make_key(self.binding, parts),
            "attributes": parts.kept or None,
            "extras": parts.extras or None,
            "keeps_emails": "emails" in parts.kept,
        }

    def add(self, made: dict[str, Any] | list[dict[str, Any]]) -> None:
        """Add a record that :meth:`make` has made, or several."""
        self.binding.connect(self.session).execute(_insert(self.binding.record), made)

    def add_new(self, made: dict[str, Any], shown: Mapping[str, References]) -> bool:
        """Add the record of a row that was just added, and look what the row refers to already.

        The app may have seen to that, or its database: the statement that adds the record finds
        out without a way of its own.

        :param made: the record, which :meth:`make` has made.
        :param shown: the references to look at, by name.
        :return: whether there may be any.
        """
        connection, record = self.binding.connect(self.session), self.binding.record
        if not shown or not connection.dialect.insert_returning:
            connection.execute(_insert(record), made)
            return True

        def build() -> sa.Insert:
            links = (link for each in shown.values() for link in each.links)
            return record.insert().returning(refers(links))

        statement = self.binding.statements.get(("add", *shown), build)
        values = made | {NEAR: made["row_id"]}
        return bool(connection.execute(statement, values).scalar_one())

    def write(self, record: dict[str, Any], moved: dict[str, Any]) -> None:
        """Change a record.

        :param record: its columns as they were read.
        :param moved: those that are to be otherwise.
        :raises Deadlock: if somebody else has changed it meanwhile.
        """
        read = {f"read_{name}": record[name] for name in _AS_READ}
        connection = self.binding.connect(self.session)
        written = connection.execute(_write_as_read(self.binding.record), read | moved)
        if written.rowcount != 1:
            raise Deadlock("Another request changed the resource; try again.")


def next_version(record: dict[str, Any]) -> dict[str, Any]:
    """Make the columns of a record that tell of a change."""
    return {"version": record["version"] + 1, "modified": datetime.now(UTC)}


@kept
def _insert(record: sa.Table) -> sa.Insert:
    return record.insert()


@kept
def _write_as_read(record: sa.Table) -> sa.Update:
    """Write to a record that nobody has changed since it was read."""
    columns = record.c
    return record.update().where(
        *(columns[name] == sa.bindparam(f"read_{name}") for name in _AS_READ)
    )

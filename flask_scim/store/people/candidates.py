"""The rows of a tenant, read as accounts: whose they are, and what they are told by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...provisioning.adoption import Account
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..queries.uniqueness import Held
from ..sql.backends import Backend, Sql
from .signs import Signs

#: The columns of a record that is not there, as far as reading a row asks for them.
NO_RECORD: dict[str, Any] = {"external_id": None, "active": None}


class Candidates:
    """The rows of one connection's tenant as accounts.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose tenant is in reach; nothing else is.
    :param binding: where their attributes sit.
    :param signs: what they are told by.
    """

    def __init__(
        self,
        session: Session,
        backend: Backend,
        connection: Connection,
        binding: Binding,
        signs: Signs,
    ) -> None:
        self.session = session
        self.backend = backend
        self.connection = connection
        self.binding = binding
        self.signs = signs

    def find(self, condition: Sql) -> list[Account]:
        """Read the accounts of the tenant that the connection has not heard of yet.

        :param condition: what they have to be.
        :return: the accounts, in the order of their keys.
        """
        binding, record = self.binding, self.binding.record.c
        is_free = sa.or_(record.row_id.is_(None), record.awaited.is_(sa.true()))
        statement = self._select().where(condition, is_free).order_by(binding.key)
        self.backend.prepare(binding.connect(self.session))
        found = self.session.execute(statement).all()
        subjects = self._subjects([binding.key_of(row) for row, _ in found])
        return [
            self._account(row, binding.read(row, NO_RECORD), subjects, is_owned=bool(is_owned))
            for row, is_owned in found
        ]

    def page(self, after: Any, most: int) -> list[tuple[Account, Any, bool]]:
        """Read accounts of the tenant, in the order of their keys.

        :param after: the key of the account after which to begin; ``None`` for the first.
        :param most: the most to read.
        :return: the accounts, the user name of each, and whether the connection knows it.
        """
        binding = self.binding
        statement = self._select(binding.record.c.row_id)
        if after is not None:
            statement = statement.where(binding.key > after)
        self.backend.prepare(binding.connect(self.session))
        found = self.session.execute(statement.order_by(binding.key).limit(most)).all()
        subjects = self._subjects([binding.key_of(row) for row, *_ in found])
        read = []
        for row, is_owned, record in found:
            values = binding.read(row, NO_RECORD)
            account = self._account(row, values, subjects, is_owned=bool(is_owned))
            read.append((account, self.signs.value(values, ("userName",)), record is not None))
        return read

    def lock(self, keys: Iterable[Any]) -> list[tuple[Held, Account]]:
        """Lock rows of the tenant, and read them and whose they are as they are now.

        :param keys: the primary keys of the rows, no more than one statement can name.
        :return: each row that is there, with the connection's own record of it, and as an account;
            in the order of their keys.
        """
        binding, wanted = self.binding, list(keys)
        # SQLite alone needs this: its write lock comes with the first write.
        self.backend.lock(binding.connect(self.session), binding.table)
        rows: sa.Select[Any] = sa.select(binding.model).where(
            binding.key.in_(wanted), binding.is_of_tenant(self.connection)
        )
        locked = self.session.scalars(
            rows.order_by(binding.key).with_for_update(of=binding.model),
            execution_options={"populate_existing": True},
        ).all()
        # Nobody else takes them over meanwhile: for that they would have to lock the rows.
        columns = binding.record.c
        records: sa.Select[Any] = sa.select(*columns).where(columns.row_id.in_(wanted))
        own: dict[Any, dict[str, Any]] = {}
        owned: set[Any] = set()
        for found in self.session.execute(records.with_for_update(read=True)):
            record = dict(zip(columns.keys(), found, strict=True))
            if record["connection_id"] == self.connection.id:
                own[record["row_id"]] = record
            elif record["deleted"] is None:
                owned.add(record["row_id"])
        subjects = self._subjects(wanted)
        result = []
        for row in locked:
            key = binding.key_of(row)
            record = own.get(key) or dict.fromkeys(columns.keys())
            held = Held(row, binding.read(row, record), record)
            result.append((held, self._account(row, held.values, subjects, is_owned=key in owned)))
        return result

    def see(self, row: Any, values: list[Any]) -> Account:
        """See a row as an account of nobody else's.

        :param row: the host's object.
        :param values: the SCIM values of the binding's places.
        :return: the account.
        """
        subjects = self._subjects([self.binding.key_of(row)])
        return self._account(row, values, subjects, is_owned=False)

    def _select(self, *columns: Any) -> sa.Select[Any]:
        binding, own = self.binding, self.connection.id
        is_others = is_owned(binding, own).label("is_owned")
        statement = binding.select_rows(own, binding.model, is_others, *columns)
        return statement.where(binding.is_of_tenant(self.connection))

    def _account(
        self, row: Any, values: list[Any], subjects: dict[Any, set[str]], *, is_owned: bool
    ) -> Account:
        marks, key = self.binding.marks, self.binding.key_of(row)
        is_kept = [each is not None and each.holds(row) for each in marks.closed]
        own = None if self.signs.external_place is None else self.signs.external_id_in(values)
        return Account(
            row,
            key,
            self.signs.address_in(values),
            frozenset(subjects.get(key, ())) | ({own} if own else frozenset()),
            marks.verified is not None and marks.verified.holds(row),
            any(is_kept),
            is_owned,
        )

    def _subjects(self, keys: list[Any]) -> dict[Any, set[str]]:
        """As whom people have signed in through the connection, by the keys of their rows."""
        table = self.binding.logins
        found: dict[Any, set[str]] = {}
        if table is None or not keys:
            return found
        statement = sa.select(table.c.row_id, table.c.subject).where(
            table.c.connection_id == self.connection.id, table.c.row_id.in_(keys)
        )
        for key, subject in self.binding.connect(self.session).execute(statement):
            found.setdefault(key, set()).add(subject)
        return found


def is_owned(binding: Binding, connection_id: Any) -> Sql:
    """Tell in SQL whether another connection than one has provisioned a row.

    :param binding: where the attributes of rows sit.
    :param connection_id: the one connection.
    :return: the condition.
    """
    others = binding.table.alias()
    return sa.exists().where(
        others.c.row_id == binding.key,
        others.c.connection_id != connection_id,
        others.c.deleted.is_(None),
    )

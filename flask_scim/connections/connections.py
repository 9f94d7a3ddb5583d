"""Connections: one for every identity provider of a customer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..protocol.addresses import encode_domain
from ..protocol.dialects import find_dialect
from ..provisioning.changes import Event, Kind
from ..provisioning.policy import check_choices
from ..provisioning.ports import Connection, State
from .news import tell_connection

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DOMAIN = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{0,58}[a-z0-9])",
    re.ASCII,
)


class Clash(ValueError):
    """What is asked for can be used, and does not go together with what is there."""


class Connections:
    """The connections of the app.

    :param session: the host's session.
    :param table: our table of connections.
    :param owned: our tables with rows that belong to a connection, those first that others refer to
        last.
    :param choose_tenant: takes the tenant that was asked for, if any, and returns the one to use;
        raises ``ValueError`` if no resource can belong to it.
    :param forget: deletes rows of a connection that are neither the host's nor in these tables.
    :param commit: commits a change and tells of it.
    :param read_mapping: takes a connection and the mapping that it is to have, and returns it in
        the form to keep; raises ``ValueError`` with every mistake.
    :param check_needs: raises ``ValueError`` if the app lacks what a choice of a policy needs.
    """

    def __init__(
        self,
        session: Any,
        table: sa.Table,
        owned: Sequence[sa.Table],
        choose_tenant: Callable[[str | None], str | None],
        forget: Callable[[str], None],
        commit: Callable[[Sequence[Event]], None],
        read_mapping: Callable[[Connection, Mapping[str, Any]], dict[str, Any] | None],
        check_needs: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._session = session
        self._table = table
        self._owned = owned
        self._choose_tenant = choose_tenant
        self._forget = forget
        self._commit = commit
        self._read_mapping = read_mapping
        self._check_needs = check_needs

    def add(
        self,
        id: str,
        *,
        idp: str = "generic",
        tenant: str | None = None,
        strict: bool = False,
        name: str | None = None,
        domains: Iterable[str] = (),
        policy: Mapping[str, Any] | None = None,
        mapping: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Add a connection.

        :param id: its name in the URL: letters, digits, dots, dashes and underscores.
        :param idp: the identity provider.
        :param tenant: the customer's key in the app, as text; left out, ``SCIM_DEFAULT_TENANT``.
        :param strict: whether only the standard is accepted.
        :param name: what people call it; left out, the ``id``.
        :param domains: the domains of e-mail addresses that the customer has proved to own.
        :param policy: what it chooses otherwise than the app, by the names of
            :class:`~flask_scim.Policy`; ``None`` for a value is the app's choice.
        :param mapping: where its attributes sit otherwise than the app's: a list of pairs of
            ``scim`` and ``app`` by the name of the resource type.
        :return: the connection.
        :raises ValueError: if something cannot be used, or the ``id`` is taken.
        """
        if not is_id(id):
            raise ValueError(
                f"{id!r} cannot be the name of a connection; use up to 64 letters, digits, "
                "dots, dashes and underscores, and begin with a letter or digit."
            )
        find_dialect(idp, strict)
        connection = Connection(
            id,
            self._choose_tenant(tenant),
            idp,
            strict,
            datetime.now(UTC),
            _read_name(name),
            domains=_read_domains(domains),
            policy=self._choose({}, policy or {}),
        )
        connection = replace(connection, mapping=self._read_mapping(connection, mapping or {}))
        try:
            self._session.execute(self._table.insert().values(_columns(connection)))
        except IntegrityError:
            self._session.rollback()
            raise Clash(f"There is a connection {id!r} already.") from None
        self._commit([tell_connection(Kind.CREATED, None, connection)])
        return connection

    def get(self, id: str) -> Connection | None:
        """Read a connection; ``None`` if there is none."""
        if not is_id(id):
            return None
        statement = sa.select(self._table).where(self._table.c.id == id)
        found = self._session.execute(statement).mappings().first()
        # MariaDB compares without case; the name in a URL is exact.
        return read_connection(found) if found and found["id"] == id else None

    def list(self, after: str | None = None, most: int | None = None) -> list[Connection]:
        """List connections by name.

        :param after: the name after which the list begins; left out, at the first one.
        :param most: the most to list; left out, all.
        :return: the connections.
        """
        statement = sa.select(self._table).order_by(self._table.c.id).limit(most)
        if after is not None:
            statement = statement.where(self._table.c.id > after)
        return [read_connection(row) for row in self._session.execute(statement).mappings()]

    def edit(
        self,
        id: str,
        *,
        idp: str | None = None,
        strict: bool | None = None,
        name: str | None = None,
        domains: Iterable[str] | None = None,
        policy: Mapping[str, Any] | None = None,
        mapping: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Change a connection; what is left out stays as it is, and so does its tenant.

        :param id: the connection.
        :param idp: the identity provider.
        :param strict: whether only the standard is accepted.
        :param name: what people call it; empty for the ``id``.
        :param domains: the domains of e-mail addresses that the customer has proved to own.
        :param policy: choices to change, by the names of :class:`~flask_scim.Policy`; ``None`` for
            a value goes back to the app's.
        :param mapping: mappings to change, by the name of the resource type: a list of pairs of
            ``scim`` and ``app``, or ``None`` to go back to the app's.
        :return: the connection as it is now.
        :raises ValueError: if there is no such connection, or something cannot be used.
        """
        changes: dict[str, Any] = {}
        if idp is not None:
            find_dialect(idp)
            changes["idp"] = idp
        if strict is not None:
            changes["strict"] = strict
        if name is not None:
            changes["name"] = _read_name(name)
        if domains is not None:
            changes["domains"] = [*_read_domains(domains)]
        if policy is not None:
            changes["policy"] = self._choose(self._existing(id).policy, policy)
        if mapping is not None:
            wanted = {name: each for name, each in changes.items() if name in ("idp", "policy")}
            changes["mapping"] = self._read_mapping(replace(self._existing(id), **wanted), mapping)
        return self._save(id, Kind.UPDATED, **changes)

    def pause(self, id: str) -> Connection:
        """Ask the identity provider to come back later: it is answered with 503.

        :param id: the connection.
        :return: the connection as it is now.
        :raises ValueError: if there is no such connection.
        """
        return self._save(id, Kind.PAUSED, state=State.PAUSED)

    def hold(self, id: str, reason: str, details: Mapping[str, Any]) -> bool:
        """Ask the identity provider to come back later with changes: it has made too many.

        :param id: the connection.
        :param reason: why, in words.
        :param details: what else there is to say.
        :return: whether it was active until now; if not, it stays as it is.
        :raises ValueError: if there is no such connection.
        """
        before = self._lock(id)
        if before.state is not State.ACTIVE:
            self._session.commit()
            return False
        self._write(before, Kind.HELD, {"state": State.HELD}, reason, details)
        return True

    def disable(self, id: str) -> Connection:
        """Refuse the identity provider: it is answered with 403. See :meth:`pause`."""
        return self._save(id, Kind.DISABLED, state=State.DISABLED)

    def resume(self, id: str) -> Connection:
        """Serve the identity provider again. See :meth:`pause`."""
        return self._save(id, Kind.RESUMED, state=State.ACTIVE)

    def remove(self, id: str) -> None:
        """Remove a connection, its tokens and what SCIM knows of its resources.

        The host's rows stay as they are: nobody loses access by it.

        :param id: the connection.
        :raises ValueError: if there is no such connection.
        """
        gone = self._lock(id)
        self._forget(id)
        for table in self._owned:
            self._session.execute(table.delete().where(table.c.connection_id == id))
        self._session.execute(self._table.delete().where(self._table.c.id == id))
        self._commit([tell_connection(Kind.REMOVED, gone, None)])

    def _choose(self, chosen: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
        """What a connection has chosen after a change; ``None`` takes a choice back."""
        wanted = check_choices({name: each for name, each in policy.items() if each is not None})
        self._check_needs(wanted)
        kept = {name: each for name, each in chosen.items() if name not in policy}
        return kept | wanted

    def _existing(self, id: str) -> Connection:
        connection = self.get(id)
        if connection is None:
            raise ValueError(f"There is no connection {id!r}.")
        return connection

    def _lock(self, id: str) -> Connection:
        """Read a connection that nobody else changes until the transaction ends."""
        self._existing(id)
        # What was read before belongs to an older snapshot; an UPDATE locks on every database.
        self._session.commit()
        columns = self._table.c
        self._session.execute(self._table.update().where(columns.id == id).values(id=columns.id))
        return self._existing(id)

    def _save(self, id: str, kind: Kind, **changes: Any) -> Connection:
        """Write what has changed, and nothing that somebody else may be changing just then."""
        return self._write(self._lock(id), kind, changes)

    def _write(
        self,
        before: Connection,
        kind: Kind,
        changes: Mapping[str, Any],
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Connection:
        changed = self._table.update().where(self._table.c.id == before.id)
        self._session.execute(changed.values(**changes, updated=datetime.now(UTC)))
        after = self._existing(before.id)
        event = tell_connection(kind, before, after)
        event = replace(event, reason=reason, details=details or {})
        self._commit([event] if event.changed else [])
        return after


def is_id(text: str) -> bool:
    """Tell whether a text can be the ``id`` of a connection."""
    return _ID.fullmatch(text) is not None


def read_connection(row: Any) -> Connection:
    """Read a connection from a row of its table.

    :param row: the columns by name.
    :return: the connection.
    """
    values = {name: row[name] for name in Connection.__slots__}
    values["state"] = State(values["state"])
    values["domains"] = tuple(values["domains"])
    values["policy"] = dict(values["policy"])
    return Connection(**values)


def _columns(connection: Connection) -> dict[str, Any]:
    return asdict(connection) | {"domains": list(connection.domains)}


def _read_name(name: str | None) -> str | None:
    if name is not None and len(name) > 255:
        raise ValueError("The name of a connection may have at most 255 characters.")
    if name is not None and not name.isprintable():
        raise ValueError("The name of a connection is one line of printable characters.")
    return (name or "").strip() or None


def _read_domains(domains: Iterable[str]) -> tuple[str, ...]:
    """Bring domains into the form in which they compare, each once."""
    found: dict[str, None] = {}
    for domain in domains:
        text = encode_domain(domain)
        if not _DOMAIN.fullmatch(text):
            raise ValueError(
                f"{domain[:100]!r} is no domain; write it as in example.com, or, with letters "
                "beyond ASCII, as in xn--bcher-kva.example."
            )
        found[text] = None
    return tuple(found)

"""The destinations of the app: added, changed, switched off and on, removed."""

from __future__ import annotations

import builtins
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from .addresses import RefusedAddress, read_target
from .destinations import ENCODINGS, Destination, DestinationState, Kind, read_destination
from .settings import DeliverySettings
from .tables import DeliveryTables
from .webhooks import derive_secret

_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_TYPE = re.compile(r"[A-Za-z0-9]{1,64}\.(\*|[a-z_]{1,32})", re.ASCII)
#: How long the secret before the present one is good.
OVERLAP = 86_400


class Destinations:
    """The destinations of the app.

    :param session: the host's session.
    :param tables: our tables.
    :param settings: the settings of delivery.
    :param keys: gives the secret keys of the app, the newest last.
    :param callables: the names of the functions that the app has declared.
    :param can_sign: whether there are keys to sign security event tokens with.
    """

    def __init__(
        self,
        session: Any,
        tables: DeliveryTables,
        settings: DeliverySettings,
        keys: Callable[[], Sequence[str]],
        callables: Iterable[str],
        can_sign: bool,
    ) -> None:
        self._session = session
        self._tables = tables
        self._table = tables.destinations
        self._settings = settings
        self._keys = keys
        self._callables = frozenset(callables)
        self._can_sign = can_sign

    def add(
        self,
        target: str,
        kind: str = Kind.WEBHOOK,
        *,
        connection_id: str | None = None,
        encoding: str | None = None,
        types: Iterable[str] | None = None,
        audience: str | None = None,
        from_start: bool = False,
    ) -> tuple[str | None, Destination]:
        """Add a destination, which is told of what happens from now on.

        :param target: the URL, the name or ARN of the event bus, or the name of the function; of
            ``set-poll``, whatever it is called.
        :param kind: how it is told.
        :param connection_id: whose events it is told of; left out, those of all connections.
        :param encoding: in which form; see the table of kinds.
        :param types: of what it is told, such as ``user.created`` or ``group.*``; left out, of all.
        :param audience: whom security event tokens are meant for; left out, the target.
        :param from_start: whether it is told of what has happened already, as far as it is kept.
        :return: the secret of a webhook, which is shown this once, and what is known of it.
        :raises ValueError: if something cannot be used.
        """
        chosen = _read_kind(kind)
        self._check_target(chosen, target)
        encoding = encoding or ENCODINGS[chosen][0]
        if encoding not in ENCODINGS[chosen]:
            choices = ", ".join(ENCODINGS[chosen])
            raise ValueError(f"{encoding!r} is no encoding of {chosen}; choose from {choices}.")
        if chosen in (Kind.SET_PUSH, Kind.SET_POLL):
            self._check_tokens()
        elif audience is not None:
            raise ValueError("Only security event tokens have an audience.")
        if chosen is Kind.SET_POLL and connection_id is None:
            raise ValueError("Whoever polls does so for one connection; name it.")
        if audience is not None and not 0 < len(audience) <= 255:
            raise ValueError("An audience has at most 255 characters.")
        connection = None if connection_id is None else self._connection(connection_id)
        id, now = secrets.token_hex(8), datetime.now(UTC)
        self._session.execute(
            self._table.insert().values(
                id=id,
                connection_id=connection and connection["id"],
                kind=chosen,
                target=target,
                encoding=encoding,
                audience=audience,
                types=_read_types(types),
                state=DestinationState.ACTIVE,
                nonce=secrets.token_hex(16),
                failures=0,
                created=now,
            )
        )
        if not from_start:
            self._begin_here(id, connection_id)
        self._session.commit()
        added = self.get(id)
        assert added is not None
        return self._newest_secret(added), added

    def add_callables(self) -> None:
        """Add the functions that the app has declared and that nobody has added yet."""
        known = {each.target for each in self.list() if each.kind is Kind.CALLABLE}
        for name in sorted(self._callables - known):
            self.add(name, Kind.CALLABLE)

    def get(self, id: str) -> Destination | None:
        """Read a destination; ``None`` if there is none."""
        if not _ID.fullmatch(id):
            return None
        found = self._row(id)
        return None if found is None else read_destination(found)

    def list(self, connection_id: str | None = None) -> builtins.list[Destination]:
        """List destinations, the oldest first.

        :param connection_id: whose alone; left out, all that there are.
        :return: what is known of them.
        """
        columns = self._table.c
        statement = sa.select(self._table).order_by(columns.created, columns.id)
        if connection_id is not None:
            statement = statement.where(columns.connection_id == connection_id)
        return [read_destination(row) for row in self._session.execute(statement).mappings()]

    def edit(
        self, id: str, *, target: str | None = None, types: Iterable[str] | None = None
    ) -> Destination:
        """Change a destination; what is left out stays as it is.

        :param id: the destination.
        :param target: where it is from now on.
        :param types: of what it is told from now on; ``*`` for all.
        :return: the destination.
        :raises ValueError: if there is none, or something cannot be used.
        """
        destination, changes = self.existing(id), dict[str, Any]()
        if target is not None:
            self._check_target(destination.kind, target)
            changes["target"] = target
        if types is not None:
            changes["types"] = _read_types(types)
        return self._save(id, **changes)

    def rotate(self, id: str, overlap: int = OVERLAP) -> tuple[str, Destination]:
        """Give a webhook another secret; for some time, messages are signed with both.

        :param id: the destination.
        :param overlap: for how many seconds the old secret is good.
        :return: the new secret, which is shown this once, and what is known of the destination.
        :raises ValueError: if there is no such webhook.
        """
        destination = self.existing(id)
        if destination.kind is not Kind.WEBHOOK:
            raise ValueError(f"{id} has no secret: only a webhook has.")
        if not 0 <= overlap <= 366 * 86_400:
            raise ValueError("Both secrets are good for a year at the most.")
        until = datetime.now(UTC) + timedelta(seconds=overlap)
        old = self._row(id)["nonce"]
        changed = self._save(id, old_nonce=old, nonce=secrets.token_hex(16), old_until=until)
        secret = self._newest_secret(changed)
        assert secret is not None
        return secret, changed

    def enable(self, id: str) -> Destination:
        """Tell a destination again, beginning with what it has not been told.

        :param id: the destination.
        :return: the destination.
        :raises ValueError: if there is none.
        """
        self.existing(id)
        waiting = self._tables.deliveries
        self._session.execute(
            waiting.update()
            .where(
                waiting.c.destination_id == id,
                waiting.c.state == "waiting",
                waiting.c.due.is_not(None),
            )
            .values(due=datetime.now(UTC), attempts=0)
        )
        return self._save(id, state=DestinationState.ACTIVE, reason=None, failures=0, resume=None)

    def disable(self, id: str, reason: str | None = None) -> Destination:
        """Tell a destination no more; nothing of what it should be told is lost.

        :param id: the destination.
        :param reason: why.
        :return: the destination.
        :raises ValueError: if there is none.
        """
        self.existing(id)
        return self._save(
            id, state=DestinationState.DISABLED, reason=None if reason is None else reason[:500]
        )

    def remove(self, id: str) -> None:
        """Remove a destination, and all that is still to be told.

        :param id: the destination.
        :raises ValueError: if there is none.
        """
        self.existing(id)
        self._delete([id])
        self._session.commit()

    def forget(self, connection_id: str) -> None:
        """Remove the destinations of a connection, in the transaction in hand."""
        owned = sa.select(self._table.c.id).where(self._table.c.connection_id == connection_id)
        self._delete(list(self._session.scalars(owned)))

    def secrets_of(self, destination: Destination) -> builtins.list[str]:
        """What the messages to a webhook are signed with, the newest first."""
        row = self._row(destination.id)
        if row is None:
            return []
        nonces = [row["nonce"]]
        if row["old_nonce"] and row["old_until"] and row["old_until"] > datetime.now(UTC):
            nonces.append(row["old_nonce"])
        keys = list(reversed(list(self._keys())))
        return [derive_secret(key, destination.id, nonce) for nonce in nonces for key in keys]

    def existing(self, id: str) -> Destination:
        """Read a destination that has to be there.

        :raises ValueError: if there is none.
        """
        found = self.get(id)
        if found is None:
            raise ValueError(f"There is no destination {id[:100]!r}.")
        return found

    def _newest_secret(self, destination: Destination) -> str | None:
        return self.secrets_of(destination)[0] if destination.kind is Kind.WEBHOOK else None

    def _begin_here(self, id: str, connection_id: str | None) -> None:
        """Leave what has happened already to the past."""
        counters = self._tables.counters.c
        here = sa.select(sa.literal(id), counters.connection_id, counters.position)
        if connection_id is not None:
            here = here.where(counters.connection_id == connection_id)
        names = ["destination_id", "connection_id", "position"]
        self._session.execute(self._tables.cursors.insert().from_select(names, here))

    def _check_target(self, kind: Kind, target: str) -> None:
        caution = self._settings.caution
        match kind:
            case Kind.WEBHOOK | Kind.SET_PUSH:
                try:
                    read_target(target, allow_http=caution.http, allow_private=caution.private)
                except RefusedAddress as error:
                    raise ValueError(str(error)) from None
            case Kind.CALLABLE if target not in self._callables:
                known = ", ".join(sorted(self._callables)) or "none"
                raise ValueError(f"The app has no destination {target!r}; it has {known}.")
            case _ if not target or len(target) > 2_000 or not target.isprintable():
                raise ValueError("A target has at most 2000 characters that can be printed.")

    def _check_tokens(self) -> None:
        if not self._can_sign or self._settings.issuer is None:
            raise ValueError(
                "Security event tokens are signed: set SCIM_EVENTS_KEYS and SCIM_EVENTS_ISSUER, "
                'and pip install "Flask-SCIM[events]".'
            )

    def _connection(self, id: str) -> Any:
        table = self._tables.connections
        found = self._session.execute(sa.select(table).where(table.c.id == id)).mappings().first()
        # MariaDB compares without case; the name of a connection is exact.
        if found is None or found["id"] != id:
            raise ValueError(f"There is no connection {id[:100]!r}.")
        return found

    def _row(self, id: str) -> Any:
        statement = sa.select(self._table).where(self._table.c.id == id)
        return self._session.execute(statement).mappings().first()

    def _save(self, id: str, **changes: Any) -> Destination:
        # What was read before belongs to an older snapshot.
        self._session.commit()
        changes["updated"] = datetime.now(UTC)
        self._session.execute(self._table.update().where(self._table.c.id == id).values(**changes))
        self._session.commit()
        return self.existing(id)

    def _delete(self, ids: builtins.list[str]) -> None:
        for table in (self._tables.deliveries, self._tables.cursors):
            self._session.execute(table.delete().where(table.c.destination_id.in_(ids)))
        self._session.execute(self._table.delete().where(self._table.c.id.in_(ids)))


def _read_kind(kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise ValueError(f"{kind!r} is no kind; choose from {', '.join(Kind)}.") from None


def _read_types(types: Iterable[str] | None) -> list[str] | None:
    asked = [] if types is None else list(dict.fromkeys(types))
    if not asked or "*" in asked:
        return None
    for type in asked:
        if not _TYPE.fullmatch(type):
            raise ValueError(
                f"{type[:100]!r} is no type of events; write user.created, or group.*."
            )
    if len(asked) > 100:
        raise ValueError("Name at most 100 types of events.")
    return asked

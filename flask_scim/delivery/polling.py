"""Security event tokens for whoever asks for them (:rfc:`8936`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..provisioning.journal import Entry
from ..store.journal.outbox import read_entry
from .carriers import Means, make_token
from .destinations import Destination
from .security_events import make_jti
from .tables import DeliveryTables

#: How many tokens are handed out at once.
MOST_TOKENS = 100
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Polled:
    """What there is for whoever asks.

    :param tokens: the tokens by their ids, in order.
    :param has_more: whether there are more.
    """

    tokens: dict[str, str]
    has_more: bool


class Polling:
    """Hands out the tokens of destinations of the kind ``set-poll``.

    A token is handed out again until it is acknowledged, or refused.

    :param session: the host's session.
    :param tables: our tables.
    :param means: what is needed of the app.
    """

    def __init__(self, session: Any, tables: DeliveryTables, means: Means) -> None:
        self._session = session
        self._tables = tables
        self._means = means

    def poll(
        self,
        destination: Destination,
        acknowledged: Iterable[str] = (),
        refused: Mapping[str, str] | None = None,
        most: int = MOST_TOKENS,
    ) -> Polled:
        """Note what has arrived, and hand out what comes next.

        :param destination: whoever asks, of one connection.
        :param acknowledged: the ids of tokens that have arrived.
        :param refused: the ids of tokens that are no good, and why.
        :param most: how many to hand out.
        :return: the tokens.
        """
        assert destination.connection_id is not None
        connection_id, refused = destination.connection_id, refused or {}
        self._session.rollback()
        position = self._lock(destination)
        said: dict[str, str | None] = {**dict.fromkeys(acknowledged), **refused}
        # Tokens of other destinations are none of theirs.
        own = f".{destination.id}"
        told = {jti.removesuffix(own): why for jti, why in said.items() if jti.endswith(own)}
        self._note(destination, position, told)
        settled = self._settled(destination)
        tokens: dict[str, str] = {}
        contiguous, has_more = position, False
        after, is_open = position, True
        while is_open:
            entries = self._read(connection_id, after)
            for entry in entries:
                after = entry.position
                token = None
                if destination.wants(entry.type) and entry.position not in settled:
                    token = self._sign(destination, entry)
                if token is not None and len(tokens) >= most:
                    has_more = True
                    break
                if token is not None:
                    tokens[make_jti(entry, destination.id)] = token
                elif not tokens and not has_more:
                    contiguous = entry.position
            is_open = not has_more and len(entries) == MOST_TOKENS
        self._pass(destination, contiguous)
        self._session.commit()
        return Polled(tokens, has_more)

    def _sign(self, destination: Destination, entry: Entry) -> str | None:
        signer = self._means.signer
        assert signer is not None
        return make_token(entry, destination, signer, self._means.settings, self._means.endpoints)

    def _lock(self, destination: Destination) -> int:
        """Find how far a destination is, and let nobody else ask for it until the end."""
        cursors = self._tables.cursors
        place = {
            "destination_id": destination.id,
            "connection_id": destination.connection_id,
        }
        here = [cursors.c[name] == value for name, value in place.items()]
        locked = self._session.execute(
            cursors.update().where(*here).values(position=cursors.c.position)
        )
        if not locked.rowcount:
            self._session.execute(cursors.insert().values(**place, position=0))
            return 0
        return int(self._session.scalar(sa.select(cursors.c.position).where(*here)))

    def _note(
        self, destination: Destination, position: int, events: Mapping[str, str | None]
    ) -> None:
        """Write down what has become of tokens, as far as these were of this destination."""
        if not events:
            return
        table, known = self._tables.deliveries, self._tables.events.c
        rows = self._session.execute(
            sa.select(self._tables.events).where(
                known.id.in_(list(events)),
                known.connection_id == destination.connection_id,
                known.position > position,
            )
        ).mappings()
        settled, now = self._settled(destination), datetime.now(UTC)
        for row in rows.all():
            # MariaDB compares without case.
            if row["position"] in settled or row["id"] not in events:
                continue
            why = events[row["id"]]
            self._session.execute(
                table.insert().values(
                    destination_id=destination.id,
                    connection_id=destination.connection_id,
                    position=row["position"],
                    event_id=row["id"],
                    resource_type=row["resource_type"],
                    resource_id=row["resource_id"],
                    state="acked" if why is None else "dead",
                    attempts=1,
                    error=None if why is None else why[:_LONGEST_ERROR],
                    updated=now,
                )
            )

    def _settled(self, destination: Destination) -> set[int]:
        columns = self._tables.deliveries.c
        return set(
            self._session.scalars(
                sa.select(columns.position).where(columns.destination_id == destination.id)
            )
        )

    def _read(self, connection_id: str, after: int) -> list[Entry]:
        columns, owners = self._tables.events.c, self._tables.connections.c
        tenant = sa.select(owners.tenant).where(owners.id == connection_id).scalar_subquery()
        statement = (
            sa.select(self._tables.events)
            .where(
                columns.connection_id == connection_id,
                columns.position > after,
                columns.tenant.is_not_distinct_from(tenant),
            )
            .order_by(columns.position)
            .limit(MOST_TOKENS)
        )
        return [read_entry(row) for row in self._session.execute(statement).mappings()]

    def _pass(self, destination: Destination, position: int) -> None:
        """Move on to where all is settled, of which no rows are needed any more."""
        cursors, deliveries = self._tables.cursors, self._tables.deliveries
        self._session.execute(
            cursors.update()
            .where(
                cursors.c.destination_id == destination.id,
                cursors.c.connection_id == destination.connection_id,
            )
            .values(position=position)
        )
        self._session.execute(
            deliveries.delete().where(
                deliveries.c.destination_id == destination.id,
                deliveries.c.state == "acked",
                deliveries.c.position <= position,
            )
        )

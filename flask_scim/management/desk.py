"""What the endpoints of the management API need of the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..access.closing import Closing
from ..connections.connections import Connections
from ..connections.tokens import Tokens
from ..delivery.desk import DeliveryDesk
from ..mapping.mappings import Mappings
from ..protocol.dialects import find_dialect
from ..protocol.errors import NotFound
from ..protocol.schema import ResourceType
from ..provisioning.ports import Connection
from ..roles.roles import Roles
from ..store.journal.log import SqlLog
from ..web.exchange import Exchange, Gateway


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoints need of whatever app they are asked in.

    :param connections: finds the connections of the app.
    :param tokens: finds the tokens of the app.
    :param gateway: finds what the endpoints of SCIM need of the app.
    :param mappings: finds the mappings of the connections of the app.
    :param closing: finds what switches connections off.
    :param roles: finds the roles of the app.
    :param requests: finds the log of the app.
    :param delivery: finds what tells others of events.
    """

    connections: Callable[[], Connections]
    tokens: Callable[[], Tokens]
    gateway: Callable[[], Gateway]
    mappings: Callable[[], Mappings]
    closing: Callable[[], Closing]
    roles: Callable[[], Roles]
    requests: Callable[[], SqlLog]
    delivery: Callable[[], DeliveryDesk]

    @property
    def limit(self) -> int:
        """The most bytes that a body may have."""
        return self.gateway().settings.max_content_length

    def connection(self, id: str) -> Connection:
        """Find a connection.

        :param id: its name.
        :return: the connection.
        :raises NotFound: if there is none.
        """
        connection = self.connections().get(id)
        if connection is None:
            raise NotFound(f"There is no connection {id[:100]!r}.")
        return connection

    def exchange(self, connection_id: str) -> Exchange:
        """Find a connection and act for it; see :meth:`act_for`.

        :raises NotFound: if there is no such connection.
        """
        return self.act_for(self.connection(connection_id))

    def act_for(self, connection: Connection) -> Exchange:
        """Act for a connection, whatever its tokens allow and whatever its state.

        :param connection: the connection.
        :return: the exchange.
        """
        dialect = find_dialect(connection.idp, connection.strict)
        return Exchange(self.gateway(), connection, frozenset(), dialect)

    def endpoint(self, connection: Connection) -> str | None:
        """The base URI of a connection for its identity provider, if it has one in this app."""
        exchange = self.act_for(connection)
        only = exchange.gateway.settings.connection
        return exchange.base if only in (None, connection.id) else None

    def resource_type(self, plural: str) -> ResourceType:
        """Find a resource type.

        :param plural: its name, as ``users``.
        :return: the resource type.
        :raises NotFound: if the app does not serve it.
        """
        for resource_type in self.gateway().types:
            if resource_type.plural == plural:
                return resource_type
        raise NotFound(f"This application serves no {plural}.")

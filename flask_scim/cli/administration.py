"""What the commands need of an app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from ..access.closing import Closing
from ..access.desk import AccessDesk
from ..config import ConfigurationError, Settings
from ..connections.clients import Clients
from ..connections.connections import Connections
from ..connections.tokens import Tokens
from ..delivery.desk import DeliveryDesk
from ..mapping.mappings import Mappings, Review
from ..protocol.errors import ScimError
from ..provisioning.ports import Connection
from ..provisioning.takeover import Finding
from ..roles.roles import Roles
from ..store.journal.deferred import SqlDeferred
from ..store.journal.log import SqlLog


@dataclass(frozen=True, slots=True)
class Administration:
    """What the commands need of an app.

    :param connections: the connections.
    :param tokens: the tokens.
    :param clients: the OAuth clients.
    :param base: finds the path below which a connection has its endpoints.
    :param only: the only connection that is served; ``None`` where each one is.
    :param describe: says, a line at a time, where every attribute sits.
    :param count: counts the resources of a connection, by the plural of their type.
    :param find_missing: names the tables that the database lacks.
    :param closing: finds what switches connections off.
    :param mappings: the mappings of connections.
    :param review: looks through the mappings of the app and of its connections.
    :param settings: the settings of the app.
    :param requests: the log of requests.
    :param roles: finds the roles of the app.
    :param forget: takes a resource out of the log and the outbox, by its id and type, and returns
        how many rows it has changed.
    :param find_problems: says what keeps the choices of a connection from having effect.
    :param delivery: finds what tells others of events.
    :param take_over: takes over the accounts of a connection's tenant, or only looks at them.
    :param deferred: finds the requests that wait for a worker.
    :param access: people's access to the app; ``None`` where it has no users.
    """

    connections: Connections
    tokens: Tokens
    clients: Clients
    base: Callable[[str], str]
    only: str | None
    describe: Callable[[], list[str]]
    count: Callable[[str], dict[str, int]]
    find_missing: Callable[[], list[str]]
    closing: Callable[[], Closing]
    mappings: Mappings
    review: Callable[[], Review]
    settings: Settings
    requests: SqlLog
    find_problems: Callable[[Connection], list[str]]
    roles: Callable[[], Roles]
    forget: Callable[[str, str], int]
    delivery: Callable[[], DeliveryDesk]
    take_over: Callable[[Connection, bool], Iterator[Finding]]
    deferred: Callable[[], SqlDeferred]
    access: AccessDesk | None = None

    def access_desk(self) -> AccessDesk:
        """People's access to the app.

        :raises ValueError: if it has no users.
        """
        if self.access is None:
            raise ValueError("This app declares no users; call scim.users(User, {…}).")
        return self.access

    def endpoint(self, name: str) -> str | None:
        """The path below which a connection has its endpoints; ``None`` if it is not served."""
        return self.base(name) if self.only in (None, name) else None

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """End the command, with the reason, where what is done inside is refused."""
        try:
            yield
        except (ValueError, ConfigurationError, ScimError) as error:
            raise click.ClickException(str(error)) from None
        except Exception:
            # A database that nobody has migrated is the one cause that a command can name.
            missing = self.find_missing()
            if not missing:
                raise
            raise click.ClickException(tell_missing(missing)) from None


def tell_missing(tables: list[str]) -> str:
    """Say that tables are missing, and how they come.

    :param tables: their names.
    :return: the sentence.
    """
    return f"The database lacks {', '.join(tables)}; migrate it, or call db.create_all()."


#: Hands the administration to a command as its first argument.
pass_administration = click.make_pass_decorator(Administration)

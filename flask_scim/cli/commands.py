"""``flask scim``: connections, and what opens them, from the shell."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from .access import access
from .administration import Administration
from .adopt import adopt
from .check import check
from .clients import clients
from .connections import connections
from .deliver import deliver
from .destinations import destinations
from .events import events
from .forget import forget
from .log import log
from .mapping import mapping
from .roles import roles
from .tokens import tokens


def make_commands(administration: Administration) -> AppGroup:
    """Make the commands of one app.

    :param administration: what they need of it.
    :return: the group ``scim``.
    """

    @click.pass_context
    def administer(context: click.Context) -> None:
        context.obj = administration

    group = AppGroup(
        "scim", callback=administer, help="Connections of identity providers, and what opens them."
    )
    connections.add_command(mapping)
    administered = (connections, tokens, clients, adopt, access, roles, log, forget, check)
    for command in (*administered, events, destinations, deliver):
        group.add_command(command)
    return group

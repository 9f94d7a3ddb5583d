"""Fill the database."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, call_command
from django.db import connection

from benchmarks.peers.apps.people import GROUPS, memberships, people

from ...models import Group, User


class Command(BaseCommand):
    """``python -m django fill SIZE``."""

    def add_arguments(self, parser: Any) -> None:
        """Take the size."""
        parser.add_argument("size", type=int)

    def handle(self, *_: Any, size: int, **__: Any) -> None:
        """Make the tables, people and groups."""
        call_command("migrate", run_syncdb=True, verbosity=0)
        User.objects.bulk_create(
            (
                User(
                    id=id,
                    username=name,
                    scim_username=name,
                    email=name,
                    first_name=given,
                    last_name=family,
                    scim_id=str(id),
                    scim_external_id=f"user-{id}",
                )
                for id, name, given, family in people(size)
            ),
            batch_size=1_000,
        )
        Group.objects.bulk_create(
            Group(id=id, name=f"Group {id}", scim_id=str(id), scim_display_name=f"Group {id}")
            for id in GROUPS
        )
        through = User.groups.through
        through.objects.bulk_create(
            (through(group_id=group, user_id=user) for group, user in memberships(size)),
            batch_size=1_000,
        )
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                table = User._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                    f" (SELECT max(id) FROM {table}))"
                )
            cursor.execute("ANALYZE")

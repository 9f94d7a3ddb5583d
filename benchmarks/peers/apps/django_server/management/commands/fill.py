"""Fill the database."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.core.management import BaseCommand, call_command
from django.db import connection
from django_scim2_server.models import SCIMGroup, SCIMUser

from benchmarks.peers.apps.people import GROUPS, memberships, people


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
                User(id=id, username=name, email=name, first_name=given, last_name=family)
                for id, name, given, family in people(size)
            ),
            batch_size=1_000,
        )
        SCIMUser.objects.bulk_create(
            (
                SCIMUser(id=UUID(int=id), user_id=id, external_id=f"user-{id}", scim_username=name)
                for id, name, *_ in people(size)
            ),
            batch_size=1_000,
        )
        Group.objects.bulk_create(Group(id=id, name=f"Group {id}") for id in GROUPS)
        SCIMGroup.objects.bulk_create(
            SCIMGroup(id=UUID(int=id), group_id=id, display_name=f"Group {id}") for id in GROUPS
        )
        through = User.groups.through
        through.objects.bulk_create(
            (through(group_id=group, user_id=user) for group, user in memberships(size)),
            batch_size=1_000,
        )
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT setval('auth_user_id_seq', (SELECT max(id) FROM auth_user))")
            cursor.execute("ANALYZE")

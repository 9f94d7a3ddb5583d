"""Subjects that are kept from logins lead to the person's row, and to nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import Connection
from flask_scim.store.columns.binding import Binding
from flask_scim.store.people.logins import is_of_subject, keep_subject
from tests.host import Host


@pytest.fixture
def binding(host: Host) -> Binding:
    """Where users sit."""
    bindings: dict[Any, Binding] = host.app.extensions["scim"].bindings
    return next(each for kind, each in bindings.items() if kind.name == "User")


def add(host: Host, name: str) -> Any:
    """Add a user past SCIM, in the current app context."""
    user = host.User(username=name, last_name="Lee", tenant_id=1)
    host.db.session.add(user)
    host.db.session.commit()
    return user.id


def connect(host: Host, name: str) -> Connection:
    """Add a connection, in the current app context."""
    return host.scim.connections.add(name, tenant="1")


def found(host: Host, binding: Binding, connection: Connection, subject: str) -> list[Any]:
    """The keys of the rows that a subject leads to."""
    statement = sa.select(binding.key).where(is_of_subject(binding, connection, subject))
    return list(host.db.session.scalars(statement))


def test_a_subject_is_exact_and_one_connections(host: Host, binding: Binding) -> None:
    """Letter case, blanks and the connection count; keeping it twice changes nothing."""
    with host.app.app_context():
        acme, other, session = connect(host, "acme"), connect(host, "other"), host.db.session()
        ann, bob = add(host, "ann"), add(host, "bob")
        for _ in range(2):
            keep_subject(session, binding, acme, "Sub-1", ann)
        keep_subject(session, binding, acme, "sub-1", bob)
        session.commit()
        assert found(host, binding, acme, "Sub-1") == [ann]
        assert found(host, binding, acme, "sub-1") == [bob]
        assert found(host, binding, acme, "Sub-1 ") == []
        assert found(host, binding, other, "Sub-1") == []


def test_a_subject_is_one_persons(host: Host, binding: Binding) -> None:
    """Nobody else can sign in as a subject that is kept for somebody."""
    with host.app.app_context():
        acme, session = connect(host, "acme"), host.db.session()
        ann, bob = add(host, "ann"), add(host, "bob")
        keep_subject(session, binding, acme, "s", ann)
        with pytest.raises(ValueError, match="another person before"):
            keep_subject(session, binding, acme, "s", bob)
        assert found(host, binding, acme, "s") == [ann]


@pytest.mark.parametrize("subject", ["", "s" * 1_025, "s\ud800", "s\0"])
def test_no_subject(host: Host, binding: Binding, subject: str) -> None:
    """What no database can keep is refused."""
    with host.app.app_context():
        acme, ann = connect(host, "acme"), add(host, "ann")
        with pytest.raises(ValueError, match="1 to 1024 characters"):
            keep_subject(host.db.session(), binding, acme, subject, ann)
        assert found(host, binding, acme, subject) == []


def test_subjects_go_with_the_row_and_with_the_connection(host: Host, binding: Binding) -> None:
    """A row that takes the key of a deleted one is nobody's; a removed connection keeps nothing."""
    with host.app.app_context():
        acme, session = connect(host, "acme"), host.db.session()
        ann, bob = add(host, "ann"), add(host, "bob")
        keep_subject(session, binding, acme, "a", ann)
        keep_subject(session, binding, acme, "b", bob)
        session.delete(session.get(host.User, bob))
        session.commit()
        assert binding.logins is not None
        kept = sa.select(binding.logins.c.subject)
        assert list(session.scalars(kept)) == ["a"]
        host.scim.connections.remove("acme")
        assert list(session.scalars(kept)) == []

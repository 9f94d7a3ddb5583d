"""Look-ups without an index are found, and those with one are not, on every database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from flask_scim.store.columns.binding import Binding
from flask_scim.store.columns.indexes import find_unindexed
from tests.store.people import ACME, Person, bind, tables

_MAPPING = {
    "userName": "username",
    "externalId": "code",
    "emails": [{"type": "work", "value": "email"}, {"type": "home", "value": "profile.home"}],
}


@pytest.fixture(scope="module")
def engine(database: str) -> Iterator[sa.Engine]:
    """An engine on a database that has the tables."""
    assert ACME.tenant is None
    with tables(database) as made:
        yield made


def test_unindexed(engine: sa.Engine) -> None:
    """Each look-up wants the index that serves it on the database in hand, and no other."""
    binding: Binding = bind(_MAPPING)
    table = Person.__table__
    folds = engine.dialect.name not in ("mysql", "mariadb")
    lower = "func.lower({})" if folds else "{}"

    def wanted(path: str, name: str, expression: str) -> str:
        return (
            f"{path} is looked up without an index; add "
            f'Index("ix_host_person_{name}", {expression}) and migrate.'
        )

    by_name = wanted("userName", "username", lower.format("Person.username"))
    by_id = wanted("externalId", "code", "Person.code")
    by_mail = wanted("emails.value", "email", lower.format("Person.email"))

    def unserved() -> set[str]:
        with engine.connect() as connection:
            return set(find_unindexed(connection, binding))

    assert unserved() == {by_name, by_id, by_mail}
    username = table.c.username
    indexes = [
        sa.Index("ix_test_username", sa.func.lower(username) if folds else username, unique=True),
        sa.Index("ix_test_code", table.c.code),
        # A column after another one serves no look-up, nor does one that is not folded.
        sa.Index("ix_test_email", table.c.phone, table.c.email),
    ]
    if folds:
        indexes.append(sa.Index("ix_test_plain", table.c.email))
    try:
        for index in indexes:
            index.create(engine)
        assert unserved() == {by_mail}
    finally:
        for index in indexes:
            index.drop(engine)
            table.indexes.discard(index)

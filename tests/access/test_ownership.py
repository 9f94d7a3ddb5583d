"""What of a row identity providers keep, as the app's own forms ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import ENTERPRISE, ScimClient
from tests.host import Host


@pytest.fixture
def ann(host: Host, scim: ScimClient) -> int:
    """The key of a user whom SCIM has provisioned."""
    return int(scim.create("ann", name={"familyName": "Lee"})["id"])


def owns(host: Host, key: int, attribute: Any) -> bool:
    """What the app is told of a user of this key."""
    with host.app.app_context():
        answer: bool = host.scim.owns(host.db.session.get(host.User, key), attribute)
        return answer


NAMES = {
    # The host's names, as a mapping writes them.
    "email": True,
    "first_name": True,
    "blocked": True,
    "profile.title": True,
    "profile.phone.mobile": True,
    "profile.theme": False,
    "profile": True,
    "office.locale": True,
    "seen": False,
    "tenant_id": False,
    # The names of SCIM, whole or in parts, in any letter case.
    "userName": True,
    "username": True,
    "name": True,
    "name.givenName": True,
    "NAME.givenname": True,
    "name.middleName": False,
    "emails": True,
    "emails.value": True,
    'emails[type eq "work"].value': True,
    'emails[type eq "home"].value': False,
    "active": True,
    "externalId": True,
    "nickName": False,
    # It is computed: nobody writes it.
    "displayName": False,
    f"{ENTERPRISE}:employeeNumber": True,
    f"{ENTERPRISE}:department": False,
}


@pytest.mark.one_database("a name is looked up in the mapping")
@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_names(host: Host, ann: int, name: str, expected: bool) -> None:
    """A name is one of the host's model, or a path of SCIM."""
    assert owns(host, ann, name) is expected


def test_attributes(host: Host, ann: int) -> None:
    """An attribute of a model is asked for as itself, also one behind a relationship."""
    assert owns(host, ann, host.User.email) is True
    assert owns(host, ann, host.User.seen) is False
    assert owns(host, ann, host.Office.locale) is True
    assert owns(host, ann, host.Office.id) is False


def test_unknown_name(host: Host, ann: int) -> None:
    """A name that means nothing is a mistake of whoever asks."""
    with pytest.raises(ValueError, match="'shoe' is neither an attribute of User nor one of User"):
        owns(host, ann, "shoe")


def test_who_is_not_provisioned(host: Host, scim: ScimClient, ann: int) -> None:
    """Whoever SCIM does not know, or does not know any more, is the app's."""
    with host.app.app_context():
        bob = host.User(username="bob", last_name="Lee", tenant_id=1)
        assert host.scim.owned(bob) == frozenset()
        host.db.session.add(bob)
        host.db.session.commit()
        assert host.scim.owned(bob) == frozenset()
        assert host.scim.owned(host.Office(locale="fr")) == frozenset()
    scim.delete(f"/Users/{ann}")
    assert owns(host, ann, "email") is False


def test_who_has_changed_tenants(host: Host, ann: int) -> None:
    """A connection does not keep what it cannot reach."""
    with host.app.app_context():
        user = host.db.session.get(host.User, ann)
        user.tenant_id = 2
        host.db.session.commit()
        assert host.scim.owned(user) == frozenset()


def test_disabled_connection(host: Host, ann: int) -> None:
    """To disable a connection releases nobody."""
    with host.app.app_context():
        host.scim.connections.disable("acme")
    assert owns(host, ann, "email") is True


def test_groups(host: Host, scim: ScimClient, ann: int) -> None:
    """Groups are kept as users are, with their members."""
    team = scim.create_group("ops", str(ann))["id"]
    with host.app.app_context():
        row = host.db.session.get(host.Team, int(team))
        assert host.scim.owned(row) == {"displayName", "name", "externalId", "members", "users"}
        assert host.scim.owns(row, host.Team.users) is True


def test_all_names_in_one_query(host: Host, scim: ScimClient, ann: int) -> None:
    """All names at once cost one statement, and so does each one."""
    host.connect("beside", tenant="1")
    with host.app.app_context():
        row = host.db.session.get(host.User, ann)
        with host.statements() as statements:
            names = host.scim.owned(row)
        assert len(statements) == 1
        assert {"email", "userName", "emails", "name.familyName", "last_name"} <= names
        assert {"tenant_id", "seen", "id", "displayName", "groups"}.isdisjoint(names)
        with host.statements() as statements:
            assert host.scim.owns(row, "last_name")
            assert not host.scim.owns(row, "seen")
        assert len(statements) <= 2

"""People who sign in through an identity provider, before and after SCIM knows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flask_scim import ConfigurationError, Connection
from tests.client import ScimClient
from tests.host import Host

CLAIMS: dict[str, Any] = {
    "sub": "s-1",
    "given_name": "Ann",
    "family_name": "Lee",
    "email": "ann@acme.com",
    "email_verified": True,
    "locale": "fr",
    "zoneinfo": "Europe/Paris",
}


@pytest.fixture
def acme(host: Host, scim: ScimClient) -> Connection:
    """The connection of ``scim``."""
    with host.app.app_context():
        host.scim.connections.edit("acme", domains=["acme.com"])
        found: Connection = host.scim.connections.get("acme")
        return found


def add(host: Host, name: str, **values: Any) -> Any:
    """Add a user past SCIM, in the current app context."""
    user = host.User(**{"username": name, "last_name": "?", "tenant_id": 1} | values)
    host.db.session.add(user)
    host.db.session.commit()
    return user


def found(host: Host, connection: Connection, subject: str) -> str | None:
    """The name of whoever signs in as a subject."""
    with host.statements() as statements, host.app.app_context():
        user = host.scim.find_for_login(connection, subject=subject)
        name: str | None = user and user.username
    assert len(statements) <= 1
    return name


def test_whom_scim_has_provisioned(host: Host, scim: ScimClient, acme: Connection) -> None:
    """A person is found by the key that the identity provider has sent, exactly."""
    scim.create("ann", externalId="S-1")
    assert found(host, acme, "S-1") == "ann"
    assert found(host, acme, "s-1") is None
    assert found(host, acme, "ann") is None
    assert found(host, acme, "") is None
    assert found(host, acme, "\0") is None


def test_who_has_signed_in_before(host: Host, acme: Connection) -> None:
    """A person is found by the subject of an earlier sign-in, and by nothing else."""
    with host.app.app_context():
        user = add(host, "ann", email="ann@acme.com")
        assert host.scim.sync_at_login(user, CLAIMS, acme).subject == "s-1"
        host.db.session.commit()
    assert found(host, acme, "s-1") == "ann"
    assert found(host, acme, "ann@acme.com") is None


def test_tenants_and_connections_are_apart(host: Host, scim: ScimClient, acme: Connection) -> None:
    """What one connection calls a person says nothing to another, nor after a move."""
    host.connect("beside", tenant="1")
    id = scim.create("ann", externalId="s-1")["id"]
    with host.app.app_context():
        beside = host.scim.connections.get("beside")
    assert found(host, beside, "s-1") is None
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).tenant_id = 2
        host.db.session.commit()
    assert found(host, acme, "s-1") is None


def test_order(host: Host, scim: ScimClient, acme: Connection) -> None:
    """Whom SCIM has comes first, whom it has deleted last; those are found all the same."""
    old = scim.create("old", externalId="s-1")["id"]
    scim.delete(f"/Users/{old}")
    assert found(host, acme, "s-1") == "old"
    scim.create("ann", externalId="s-2")
    with host.app.app_context():
        host.scim.sync_at_login(add(host, "jit"), CLAIMS, acme)
        host.scim.sync_at_login(add(host, "odd"), {"sub": "s-2"}, acme)
        host.db.session.commit()
    assert found(host, acme, "s-1") == "jit"
    assert found(host, acme, "s-2") == "ann"


def test_by_user_name(host: Host, scim: ScimClient) -> None:
    """Where ``userName`` is the person's key, letter case does not count."""
    saml = Connection("acme", "1", "saml", False, datetime_of(host))
    scim.create("Ann@acme.com", externalId="s-1")
    assert found(host, saml, "ann@ACME.com") == "Ann@acme.com"
    assert found(host, saml, "s-1") is None


def datetime_of(host: Host) -> Any:
    """When the connection ``acme`` was made."""
    with host.app.app_context():
        return host.scim.connections.get("acme").created


def test_claims_fill_what_is_mapped(host: Host, acme: Connection) -> None:
    """Claims go where SCIM would write them; those that say nothing take nothing away."""
    with host.app.app_context():
        user = add(host, "jit", profile={"theme": "dark"})
        synced = host.scim.sync_at_login(user, {**CLAIMS, "title": ["Dr"]}, acme)
        assert bool(synced.standing)
        assert sorted(synced.written) == [
            'emails[type eq "work"].value', "locale", "name.familyName", "name.givenName", "title",
        ]  # fmt: skip
        assert (synced.kept, synced.passed_over) == ((), {})
        host.db.session.commit()
        assert (user.first_name, user.last_name, user.email) == ("Ann", "Lee", "ann@acme.com")
        assert user.profile == {"theme": "dark", "title": "Dr"}
        assert user.office.locale == "fr"
        again = host.scim.sync_at_login(user, {"sub": "s-1", "given_name": "", "name": []}, acme)
        assert again.written == ()
        assert user.first_name == "Ann"


def test_saml_names(host: Host, acme: Connection) -> None:
    """Attributes of an assertion are lists, under names of any kind."""
    attributes = {
        "urn:oid:2.5.4.42": ["Ann"],
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname": ["Lee"],
        "mail": ["ann@acme.com", "other@acme.com"],
        "telephoneNumber": ["1"],
    }
    with host.app.app_context():
        user = add(host, "jit")
        synced = host.scim.sync_at_login(user, attributes, acme, subject="ann-1")
        assert len(synced.written) == 4
        assert (user.first_name, user.last_name, user.email) == ("Ann", "Lee", "ann@acme.com")
        assert user.profile == {"phone": {"mobile": "1"}}
        host.db.session.commit()
    assert found(host, acme, "ann-1") == "jit"


def test_what_scim_keeps(host: Host, scim: ScimClient, acme: Connection) -> None:
    """Claims touch nothing that SCIM keeps, and what they would have written is told."""
    id = scim.create("ann", externalId="s-1", name={"givenName": "A", "familyName": "L"})["id"]
    version = scim.get(f"/Users/{id}").json["meta"]["version"]
    with host.app.app_context():
        user = host.db.session.get(host.User, int(id))
        synced = host.scim.sync_at_login(user, CLAIMS, acme)
        host.db.session.commit()
        assert synced.written == ()
        assert {"name.givenName", "name.familyName"} <= set(synced.kept)
        assert (user.first_name, user.email) == ("A", None)
    assert scim.get(f"/Users/{id}").json["meta"]["version"] == version


@pytest.mark.parametrize(
    ("claims", "is_written"),
    [
        ({"email": "ann@acme.com"}, True),
        ({"email": "ann@ACME.com"}, True),
        ({"email": "ann@rival.com"}, False),
        ({"email": "ann@rival.com", "email_verified": True}, True),
        ({"email": "ann@acme.com", "email_verified": False}, False),
        ({"mail": ["ann@rival.com"], "email_verified": True}, False),
    ],
)
def test_address(host: Host, acme: Connection, claims: dict[str, Any], is_written: bool) -> None:
    """An address is written if it was verified, or its domain has been."""
    with host.app.app_context():
        user = add(host, "jit")
        synced = host.scim.sync_at_login(user, claims, acme)
        assert (user.email is not None) is is_written
        assert bool(synced.passed_over) is not is_written


def test_who_may_not_sign_in(host: Host, scim: ScimClient, acme: Connection) -> None:
    """Of somebody who is deactivated nothing changes, and the answer says so."""
    scim.create("ann", externalId="s-1", active=False)
    with host.app.app_context():
        user = host.scim.find_for_login(acme, subject="s-1")
        synced = host.scim.sync_at_login(user, {**CLAIMS, "sub": "other"}, acme)
        assert not synced.standing
        assert (synced.written, synced.subject) == ((), None)
        host.db.session.commit()
    assert found(host, acme, "other") is None


def test_refused(host: Host, acme: Connection) -> None:
    """A person of another tenant, or a subject of somebody else's, is a mistake."""
    with host.app.app_context():
        with pytest.raises(ValueError, match="another tenant"):
            host.scim.sync_at_login(add(host, "bob", tenant_id=2), CLAIMS, acme)
        with pytest.raises(ValueError, match="is no User"):
            host.scim.sync_at_login(host.Team(name="ops"), CLAIMS, acme)
        host.scim.sync_at_login(add(host, "ann"), CLAIMS, acme)
        with pytest.raises(ValueError, match="another person"):
            host.scim.sync_at_login(add(host, "eve"), CLAIMS, acme)


def test_values_that_do_not_fit(host: Host, acme: Connection) -> None:
    """A claim that the app cannot hold stops nobody from signing in."""
    claims = {"given_name": "x" * 51, "family_name": {"odd": 1}, "locale": "fr"}
    with host.app.app_context():
        synced = host.scim.sync_at_login(add(host, "ann"), claims, acme)
        assert synced.written == ("locale",)
        assert set(synced.passed_over) == {"given_name", "family_name"}


def test_claims_of_the_apps_own(build: Callable[..., Host], acme: Connection) -> None:
    """An app names claims of its own, and drops some."""
    chosen = {"rank": "title", "given_name": None, "mobile": 'phoneNumbers[type eq "mobile"].value'}
    host = build(SCIM_LOGIN_CLAIMS=chosen)
    claims = {"rank": "Dr", "title": "Prof", "given_name": "Ann", "mobile": "1"}
    with host.app.app_context():
        user = add(host, "ann")
        host.scim.sync_at_login(user, claims, acme)
        assert user.profile == {"title": "Dr", "phone": {"mobile": "1"}}
        assert user.first_name is None


def test_claims_that_cannot_be_used(build: Callable[..., Host]) -> None:
    """Every mistake is told at once."""
    chosen = {"a": "shoe", "b": "active", "c": "name", "d": 7, "e": "userName"}
    with pytest.raises(ConfigurationError) as caught:
        build(SCIM_LOGIN_CLAIMS=chosen)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == [f"  - {name!r}" for name in "abcde"]
    with pytest.raises(ConfigurationError, match="must be a dict"):
        build(SCIM_LOGIN_CLAIMS=["a"])


def test_costs(host: Host, scim: ScimClient, acme: Connection) -> None:
    """A sign-in that changes nothing costs three statements and writes none."""
    with host.app.app_context():
        user = add(host, "ann", first_name="Ann")
        host.scim.sync_at_login(user, {"sub": "s-1", "given_name": "Ann"}, acme)
        host.db.session.commit()
        user.first_name  # noqa: B018  # it was expired by the commit
        with host.statements() as statements:
            host.scim.sync_at_login(user, {"sub": "s-1", "given_name": "Ann"}, acme)
            host.db.session.commit()
        assert len(statements) <= 3, statements
        assert all(each.startswith("SELECT") for each in statements)

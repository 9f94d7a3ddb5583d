"""People who sign in and are found by their address, under all conditions of adoption."""

from __future__ import annotations

import pytest

from tests.adoption.conftest import Firm


def known(firm: Firm, email: str) -> str | None:
    """The name of whoever signs in with a verified address and a subject that nobody has."""
    with firm.host.app.app_context():
        acme = firm.host.scim.connections.get("acme")
        user = firm.host.scim.find_for_login(acme, subject="unheard-of", email=email)
        name: str | None = user and user.username
        return name


@pytest.mark.parametrize(
    ("email", "columns", "expected"),
    [
        ("Ann@ACME.example", {}, "ann"),
        ("ann@acme.example", {"seen": None}, None),
        ("ann@acme.example", {"is_admin": True}, None),
        ("ann@acme.example", {"tenant_id": 2}, None),
        ("ann@rival.example", {}, None),
        ("no address", {}, None),
    ],
)
def test_by_address(
    firm: Firm, email: str, columns: dict[str, object], expected: str | None
) -> None:
    """The address is verified, in a verified domain, and of nobody with privileges."""
    firm.add("ann", email.lower() if "@" in email else None, **columns)
    assert known(firm, email) == expected


def test_of_two_accounts(firm: Firm) -> None:
    """Where two accounts have the address, it tells nothing."""
    firm.add("ann", "ann@acme.example")
    firm.add("eve", "ann@acme.example")
    assert known(firm, "ann@acme.example") is None


def test_under_another_policy(firm: Firm) -> None:
    """Where accounts are not adopted by their address, nobody is found by it."""
    firm.add("ann", "ann@acme.example")
    firm.choose(adoption="external_id")
    assert known(firm, "ann@acme.example") is None


def test_a_subject_is_adopted(firm: Firm) -> None:
    """Whoever has signed in is the one whom SCIM gets, by the subject in externalId."""
    id = firm.add("ann", "ann@acme.example")
    firm.choose(adoption="external_id")
    with firm.host.app.app_context():
        acme = firm.host.scim.connections.get("acme")
        user = firm.host.db.session.get(firm.host.User, int(id))
        firm.host.scim.sync_at_login(user, {"sub": "s-1"}, acme)
        firm.host.db.session.commit()
    created = firm.acme.create("ann", externalId="s-1", title="Dr", emails=[
        {"type": "work", "value": "ann@acme.example"}
    ])  # fmt: skip
    assert (created["id"], firm.count()) == (id, 1)

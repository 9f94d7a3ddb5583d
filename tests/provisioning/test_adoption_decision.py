"""The decision who is taken over, apart from where accounts are."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim.protocol.addresses import Address
from flask_scim.protocol.errors import Forbidden, UniquenessError
from flask_scim.provisioning.adoption import Account, Obstacle, Reason, choose, complete, judge
from flask_scim.provisioning.policy import Adoption

DOMAINS = ("acme.example",)
ANN = Address("ann", "acme.example")


def account(**attributes: Any) -> Account:
    """An account that may be taken over by its address and by its external id."""
    values: dict[str, Any] = {
        "row": object(),
        "key": 1,
        "address": ANN,
        "external_ids": frozenset({"1"}),
        "is_verified": True,
        "is_privileged": False,
        "is_owned": False,
    }
    return Account(**(values | attributes))


@pytest.mark.parametrize(
    ("attributes", "by_id", "by_mail", "asked"),
    [
        ({}, Reason.EXTERNAL_ID, Reason.VERIFIED_EMAIL, Reason.ASK),
        ({"external_ids": frozenset()}, None, Reason.VERIFIED_EMAIL, Reason.ASK),
        ({"address": None}, Reason.EXTERNAL_ID, None, Reason.ASK),
        ({"address": Address("ann", "x.acme.example")}, Reason.EXTERNAL_ID, None, Reason.ASK),
        ({"is_verified": False}, Reason.EXTERNAL_ID, Obstacle.UNVERIFIED, Reason.ASK),
        ({"is_privileged": True}, *[Obstacle.PRIVILEGED] * 3),
        ({"is_owned": True, "is_privileged": True}, *[Obstacle.OTHER_CONNECTION] * 3),
    ],
)
def test_each_choice(attributes: dict[str, Any], by_id: Any, by_mail: Any, asked: Any) -> None:
    """What each choice says of an account; the default gives nobody."""
    subject = account(**attributes)
    assert judge(subject, Adoption.EXTERNAL_ID, DOMAINS) == by_id
    assert judge(subject, Adoption.VERIFIED_EMAIL, DOMAINS) == by_mail
    assert judge(subject, Adoption.ASK, DOMAINS) == asked
    assert judge(subject, Adoption.NEVER, DOMAINS) is None
    assert judge(subject, Adoption.VERIFIED_EMAIL, ()) is None


def test_one_of_several() -> None:
    """One is chosen where the others do not count, and nobody where two do."""
    unverified, stranger = account(is_verified=False), account(address=None)
    by_mail = Adoption.VERIFIED_EMAIL
    chosen = account()
    found = choose([unverified, chosen, stranger], by_mail, DOMAINS)
    assert found == (chosen, Reason.VERIFIED_EMAIL)
    assert choose([unverified, stranger], by_mail, DOMAINS) is None
    for other in (account(), account(is_privileged=True), account(is_owned=True)):
        with pytest.raises(UniquenessError, match="More than one account"):
            choose([chosen, other], by_mail, DOMAINS)
    with pytest.raises(Forbidden, match="has privileges"):
        choose([account(is_privileged=True)], by_mail, DOMAINS)


def test_what_a_document_is_silent_of() -> None:
    """A document for a new resource is completed by what the account has, part by part."""
    before = {"userName": "ann", "name": {"givenName": "Ann", "familyName": "Lee"}, "title": "Dr"}
    said = {"name": {"givenName": "Anna"}, "userName": "anna", "roles": [{"value": "x"}]}
    assert complete(before, said) == {
        "userName": "anna",
        "name": {"givenName": "Anna", "familyName": "Lee"},
        "title": "Dr",
        "roles": [{"value": "x"}],
    }

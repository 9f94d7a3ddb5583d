"""Adoption: who is taken over on first contact, what is written then, and who never is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flask_scim import Intent
from flask_scim.protocol.errors import Forbidden
from tests.adoption.conftest import Firm, person
from tests.client import ScimClient

WORK = [{"type": "work", "value": "ann@acme.example"}]


def test_a_person_with_a_verified_e_mail(firm: Firm) -> None:
    """The account of the person is taken over: 201, one event, and nobody is there twice."""
    id = firm.add("ann", "Ann@ACME.example", first_name="Anna", blocked=False)
    sent = person("ann", "ann@acme.example", externalId="00u1", name={"givenName": "Ann"})
    answer = firm.acme.post("/Users", sent)
    assert (answer.status_code, answer.json["id"], answer.json["externalId"]) == (201, id, "00u1")
    assert (firm.row(id).first_name, firm.row(id).last_name) == ("Ann", "Own")
    (event,) = firm.events
    assert (event.type, event.reason, event.id) == ("user.adopted", "verified_email", id)
    assert event.before is not None
    assert event.before["name"] == {"givenName": "Anna", "familyName": "Own"}
    assert event.changed == ("externalId", "name")
    assert firm.count() == 1
    assert firm.acme.find('userName eq "ann"') == ["ann"]
    assert firm.acme.post("/Users", sent).status_code == 409


def test_what_the_account_is_told_by_stays_until_the_next_request(firm: Firm) -> None:
    """Neither the e-mail nor a user name that is the e-mail is written by the first request."""
    id = firm.add("ann@acme.example", "Ann@acme.example", profile={"second_email": "x@y.example"})
    sent = person("ann.new@acme.example", "ann@ACME.EXAMPLE", externalId="1")
    sent["emails"].append({"type": "other", "value": "evil@y.example"})
    answer = firm.acme.post("/Users", sent)
    assert answer.status_code == 201
    assert answer.json["userName"] == "ann@acme.example"
    assert [each["value"] for each in answer.json["emails"]] == ["Ann@acme.example", "x@y.example"]
    assert firm.row(id).profile == {"second_email": "x@y.example"}
    assert firm.acme.put(f"/Users/{id}", sent).json["userName"] == "ann.new@acme.example"
    assert firm.row(id).email == "ann@ACME.EXAMPLE"
    assert firm.told == ["user.adopted verified_email", "user.updated"]


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("ann@sub.acme.example", "ann@sub.acme.example"),
        ("kim@acme.example", "\u212aim@acme.example"),
        ("\u0430nn@acme.example", "ann@acme.example"),
        ("ann@\uff41cme.example", "ann@acme.example"),
        ("änn@acme.example", "ann@acme.example"),
    ],
)
def test_look_alikes_and_foreign_domains(firm: Firm, stored: str, sent: str) -> None:
    """What merely looks like the address, and what is not of a verified domain, is left alone."""
    id = firm.add("hers", stored)
    created = firm.acme.create("new", emails=[{"type": "work", "value": sent}])
    assert created["id"] != id
    assert firm.told == ["user.created"]
    assert firm.row(id).email == stored


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ANN@XN--BCHER-KVA.EXAMPLE", "ann@Bücher.example"),
        ("ann@BÜCHER.example", "ann@bücher.example"),
        ("ÄNN@acme.example", "änn@acme.example"),
    ],
)
def test_ways_to_write_one_address(firm: Firm, stored: str, sent: str) -> None:
    """Letter case does not count, nor does how a domain beyond ASCII is written."""
    id = firm.add("hers", stored)
    assert firm.acme.create("new", emails=[{"type": "work", "value": sent}])["id"] == id


@pytest.mark.parametrize(
    ("columns", "status", "words"),
    [
        ({"is_admin": True}, 403, "has privileges in this application"),
        ({"seen": None}, 409, "userName 'ann' is taken"),
        ({"tenant_id": 2}, 201, ""),
    ],
)
def test_whom_an_identity_provider_does_not_get(
    firm: Firm, columns: dict[str, Any], status: int, words: str
) -> None:
    """Administrators, unverified addresses and people of other tenants are left alone."""
    id = firm.add("ann", "ann@acme.example", **columns)
    answer = firm.acme.post("/Users", person("ann", "ann@acme.example", title="Dr"))
    assert answer.status_code == status
    assert words in answer.json.get("detail", "")
    assert answer.json.get("id") != id
    assert firm.row(id).profile is None
    assert "user.adopted" not in " ".join(firm.told)
    if status != 201:
        assert firm.acme.get("/Users").json["totalResults"] == 0


def test_two_accounts_with_one_address(firm: Firm) -> None:
    """It cannot be told which one it is: nobody is taken over, and nothing is said of them."""
    firm.add("first-secret", "ann@acme.example")
    firm.add("second-secret", "ANN@acme.example")
    answer = firm.acme.post("/Users", person("ann", "ann@acme.example"))
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")
    assert "More than one account" in answer.json["detail"]
    assert "secret" not in answer.text
    assert firm.count() == 2


def test_an_unverified_double_does_not_stand_in_the_way(firm: Firm) -> None:
    """Nobody keeps a person out by signing up with an address that is not theirs."""
    firm.add("squatter", "ann@acme.example", seen=None)
    id = firm.add("ann", "ann@acme.example")
    assert firm.acme.create("ann", emails=WORK)["id"] == id


def test_an_account_of_another_connection(firm: Firm) -> None:
    """What another connection has provisioned stays its own, until it gives it up."""
    other = firm.connect("other")
    id = firm.add("ann", "ann@acme.example")
    assert other.create("ann", emails=WORK)["id"] == id
    answer = firm.acme.post("/Users", person("anna", "ann@acme.example"))
    assert answer.status_code == 409
    assert "provisioned by another connection" in answer.json["detail"]
    other.delete(f"/Users/{id}")
    assert firm.acme.create("ann", emails=WORK)["id"] == id


def test_a_user_name_that_is_somebody_elses(firm: Firm) -> None:
    """The account is found by e-mail, but another account has the user name: nothing is done."""
    id = firm.add("hers", "ann@acme.example")
    firm.add("ann", "other@acme.example")
    answer = firm.acme.post("/Users", person("ann", "ann@acme.example", title="Dr"))
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")
    assert (firm.row(id).username, firm.row(id).profile) == ("hers", None)
    assert firm.told == []


@pytest.mark.parametrize(
    ("was_blocked", "active", "is_blocked", "told"),
    [
        (True, True, False, ["user.reactivated verified_email"]),
        (True, None, True, []),
        (False, False, True, ["user.deactivated verified_email"]),
        (False, None, False, []),
    ],
)
def test_access_is_as_the_identity_provider_says(
    firm: Firm, was_blocked: bool, active: bool | None, is_blocked: bool, told: list[str]
) -> None:
    """``active`` is written where it is said, and the app is told that access has changed."""
    id = firm.add("ann", "ann@acme.example", blocked=was_blocked)
    said = {} if active is None else {"active": active}
    answer = firm.acme.post("/Users", person("ann", "ann@acme.example", **said))
    assert (answer.status_code, answer.json["active"]) == (201, not is_blocked)
    assert firm.row(id).blocked is is_blocked
    assert firm.told == ["user.adopted verified_email", *told]


def test_a_guard_is_asked(firm: Firm) -> None:
    """A guard sees that an account is about to be taken over, and may refuse it."""
    asked: list[Intent] = []

    @firm.host.scim.guard
    def guard(intent: Intent) -> None:
        asked.append(intent)
        if intent.kind in ("created", "adopted", "reactivated"):
            raise Forbidden("There are no seats left; buy more.")

    id = firm.add("ann", "ann@acme.example", blocked=True)
    answer = firm.acme.post("/Users", person("ann", "ann@acme.example", active=True))
    assert (answer.status_code, answer.json["detail"]) == (
        403,
        "There are no seats left; buy more.",
    )
    (intent,) = asked
    assert intent.kind == "adopted"
    assert intent.before is not None
    assert (intent.before["active"], firm.row(id).blocked) == (False, True)


def test_never_is_the_default(firm: Firm) -> None:
    """Without a choice, nobody is taken over."""
    id = firm.add("ann", "ann@acme.example")
    firm.choose(adoption=None)
    assert firm.acme.post("/Users", person("ann", "ann@acme.example")).status_code == 409
    other = firm.acme.create("ann2", emails=WORK)
    assert other["id"] != id


def test_by_the_external_id_that_the_app_knows(build: Any) -> None:
    """Where the app keeps the identity provider's id itself, it tells who somebody is."""
    host = build(
        {"userName": "username", "externalId": "first_name", "name.familyName": "last_name"},
        users={"privileged": "is_admin"},
    )
    acme = host.connect("acme", tenant="1", policy={"adoption": "external_id"})
    firm = Firm(host, acme)
    id = firm.add("hers", first_name="00u1")
    firm.add("other", first_name="00U1")
    firm.add("foreign", first_name="00u1", tenant_id=2)
    admin = firm.add("boss", first_name="00u9", is_admin=True)
    created = acme.create("ann", externalId="00u1")
    assert (created["id"], firm.row(id).username) == (id, "ann")
    assert acme.post("/Users", person("boss2", externalId="00u9")).status_code == 403
    assert firm.row(admin).username == "boss"
    assert acme.create("new", externalId="00u2")["id"] not in (id, admin)


def test_the_app_is_asked(build: Any) -> None:
    """The adopter sees who could be meant, and decides; it gets nobody whom nobody may have."""
    host = build(users={"privileged": "is_admin"})
    seen: list[list[str]] = []
    chosen: dict[str, Any] = {}

    @host.scim._wiring.declared["User"].adopter
    def adopt(rows: list[Any], document: dict[str, Any], connection: Any) -> Any:
        seen.append(sorted(row.username for row in rows))
        if document["userName"] == "refused":
            raise Forbidden("Ask the help desk.")
        wanted = chosen.get(document["userName"])
        return None if wanted is None else host.db.session.get(host.User, int(wanted))

    acme = host.connect("acme", tenant="1", domains=["acme.example"], policy={"adoption": "ask"})
    firm = Firm(host, acme)
    id = firm.add("ann", "a@acme.example", seen=None)
    firm.add("other", "ANN@acme.example")
    admin = firm.add("boss", "ann@acme.example", is_admin=True)
    foreign = firm.add("foreign", tenant_id=2)
    chosen |= {"ANN": id, "boss": admin, "stranger": foreign}
    answer = acme.post("/Users", person("ANN", "ann@acme.example", password="secret"))
    assert (answer.status_code, answer.json["id"], seen.pop()) == (201, id, ["ann", "other"])
    assert firm.row(id).username == "ANN"
    for name, words in (
        ("boss", "privileges"),
        ("stranger", "not been provisioned by this connection"),
        ("refused", "Ask the help desk."),
    ):
        answer = acme.post("/Users", person(name))
        assert answer.status_code == 403, name
        assert words in answer.json["detail"]
    assert acme.create("nobody")["id"] not in (id, admin, foreign)


def test_many_ask_for_a_person_at_once(firm: Firm) -> None:
    """Of many who ask for an account at once, from two connections, exactly one gets it."""
    id = firm.add("ann", "ann@acme.example")
    others = [firm.connect("other"), firm.acme] * 3
    start = threading.Barrier(len(others))

    def ask(client: ScimClient) -> int:
        own = ScimClient(firm.host.app.test_client(), client.base, client.token)
        start.wait()
        return own.post("/Users", person("ann", "ann@acme.example")).status_code

    with ThreadPoolExecutor(len(others)) as pool:
        answers = sorted(pool.map(ask, others))
    assert answers[0] == 201
    assert set(answers[1:]) <= {409, 503}
    assert firm.told == ["user.adopted verified_email"]
    assert (firm.count(), firm.row(id).username) == (1, "ann")


def test_what_it_costs(firm: Firm) -> None:
    """To take somebody over costs as much among three hundred accounts as among three."""
    counts = []
    for number in (3, 300):
        for index in range(number):
            firm.add(f"u{number}-{index}", f"u{number}-{index}@acme.example")
        firm.acme.get("/Users?count=1")
        with firm.host.statements() as statements:
            sent = person("new", f"u{number}-1@acme.example", userName=f"u{number}-1")
            assert firm.acme.post("/Users", sent).status_code == 201
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 14

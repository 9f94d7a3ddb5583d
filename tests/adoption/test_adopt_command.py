"""``flask scim adopt``: a whole tenant, looked through first and then taken over."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim import Intent
from flask_scim.protocol.errors import Forbidden
from flask_scim.provisioning import takeover
from tests.adoption.conftest import Firm, person
from tests.cli.console import cells, read, run, succeed

WORK = [{"type": "work", "value": "ann@acme.example"}]


@pytest.fixture
def ids(firm: Firm) -> dict[str, str]:
    """Accounts of all kinds, by user name."""
    found = {
        name: firm.add(name, f"{name}@acme.example", **columns)
        for name, columns in {
            "ann": {},
            "boss": {"is_admin": True},
            "unverified": {"seen": None},
            "foreign": {"tenant_id": 2},
            "others": {},
        }.items()
    }
    found["stranger"] = firm.add("stranger", "stranger@home.example")
    found["one"] = firm.add("one", "double@acme.example")
    found["two"] = firm.add("two", "Double@ACME.example")
    found["bob"] = firm.add("bob", "bob@bücher.example")
    emails = [{"type": "work", "value": "others@acme.example"}]
    firm.connect("other").create("others", emails=emails)
    found["own"] = firm.acme.create("own")["id"]
    firm.events.clear()
    return found


FATES = {
    "ann": ("adopted", "verified_email"),
    "bob": ("adopted", "verified_email"),
    "boss": ("conflict", "privileged"),
    "unverified": ("conflict", "unverified"),
    "others": ("conflict", "other_connection"),
    "one": ("conflict", "several"),
    "two": ("conflict", "several"),
    "stranger": ("stranger", None),
}


def test_a_look_first(firm: Firm, ids: dict[str, str]) -> None:
    """What would happen is told account by account, and nothing is done."""
    told = read(firm.host, "adopt", "acme", "--dry-run")
    assert {each["user_name"]: (each["fate"], each["reason"]) for each in told["accounts"]} == FATES
    assert {each["user_name"]: each["id"] for each in told["accounts"]}.items() <= ids.items()
    assert told["counts"] == {
        "adopted": 2,
        "conflict": 5,
        "refused": 0,
        "stranger": 1,
        "known": 1,
    }
    assert (told["connection"], told["dry_run"], firm.told) == ("acme", True, [])
    assert firm.acme.get("/Users").json["totalResults"] == 1


def test_to_take_over(firm: Firm, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody whom the policy gives is taken over, in batches, with an event each; and again."""
    monkeypatch.setattr(takeover.take_over, "__kwdefaults__", {"dry_run": False, "most": 2})
    printed = succeed(firm.host, "adopt", "acme")
    rows = cells(printed)
    assert ["adopted", ids["ann"], "ann", "verified e-mail address in a verified domain"] in rows
    assert ["conflict", ids["boss"], "boss", "it has privileges, or is untouchable"] in rows
    assert printed.splitlines()[-1] == (
        "Took over 2 accounts for acme; 5 conflicts, 0 refused, 1 strangers, 1 known before."
    )
    assert firm.told == ["user.adopted verified_email"] * 2
    assert sorted(firm.acme.find("userName pr")) == ["ann", "bob", "own"]
    got = firm.acme.get(f"/Users/{ids['ann']}").json
    assert (got["meta"]["version"], got["active"], "externalId" in got) == ('W/"1"', True, False)
    assert succeed(firm.host, "adopt", "acme", "--quiet") == ""
    assert read(firm.host, "adopt", "acme")["counts"]["known"] == 3
    assert firm.told == []


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_the_person_comes(firm: Firm, ids: dict[str, str], method: str) -> None:
    """The first request of the person is of the account, and leaves the e-mail address alone."""
    succeed(firm.host, "adopt", "acme")
    firm.events.clear()
    path, sent = f"/Users/{ids['ann']}", person("ann.lee", "ANN@acme.example", externalId="1")
    if method == "post":
        answer = firm.acme.post("/Users", sent | {"title": "Dr"})
    elif method == "put":
        answer = firm.acme.put(path, sent | {"title": "Dr"})
    else:
        answer = firm.acme.patch(
            path, {"op": "add", "value": {"externalId": "1", "title": "Dr", "userName": "ann.lee"}}
        )
    assert answer.status_code == (201 if method == "post" else 200), answer.text
    assert (answer.json["id"], answer.json["externalId"]) == (ids["ann"], "1")
    assert (answer.json["userName"], answer.json["title"]) == ("ann.lee", "Dr")
    assert answer.json["emails"][0]["value"] == "ann@acme.example"
    assert firm.told == ["user.updated"]
    assert firm.acme.post("/Users", sent).status_code == 409


def test_somebody_else_comes(firm: Firm, ids: dict[str, str]) -> None:
    """Who has another's user name is not taken for the other: neither gets the account."""
    succeed(firm.host, "adopt", "acme")
    path, sent = f"/Users/{ids['ann']}", person("ann", "victim@acme.example", externalId="1")
    assert firm.acme.post("/Users", sent).status_code == 409
    answer = firm.acme.put(path, sent)
    assert answer.status_code == 403
    assert "by another e-mail address" in answer.json["detail"]
    assert firm.row(ids["ann"]).email == "ann@acme.example"


def test_guards_are_asked(firm: Firm, ids: dict[str, str]) -> None:
    """Whom a guard refuses stays as they are, and the others are taken over."""

    @firm.host.scim.guard
    def guard(intent: Intent) -> None:
        if intent.kind == "adopted" and intent.row.username == "ann":
            raise Forbidden("Not Ann.")

    told = read(firm.host, "adopt", "acme")
    fates = {each["user_name"]: (each["fate"], each["reason"]) for each in told["accounts"]}
    assert fates == FATES | {"ann": ("refused", "Not Ann.")}
    assert firm.told == ["user.adopted verified_email"]


def test_as_if_it_had_chosen(firm: Firm, ids: dict[str, str]) -> None:
    """A choice can be tried before it is made; without one there is nothing to do."""
    firm.choose(adoption=None)
    refused = run(firm.host, "adopt", "acme")
    assert refused.exit_code == 1
    assert "takes over nobody; let it choose first" in refused.stderr
    told = read(firm.host, "adopt", "acme", "--dry-run", "--policy", "adoption=verified_email")
    assert told["counts"]["adopted"] == 2
    assert run(firm.host, "adopt", "acme", "--policy", "adoption=external_id").exit_code == 2
    assert run(firm.host, "adopt", "nobody").stderr == "Error: There is no connection 'nobody'.\n"


def test_by_the_subject_of_a_login(firm: Firm, ids: dict[str, str]) -> None:
    """Who has signed in through the connection is known by the subject, at a POST as well."""
    firm.choose(adoption="external_id")
    with firm.host.app.app_context():
        connection = firm.host.scim.connections.get("acme")
        assert connection is not None
        for name in ("stranger", "boss"):
            user = firm.host.db.session.get(firm.host.User, int(ids[name]))
            claims = {"sub": f"sub-{name}"}
            firm.host.scim.sync_at_login(user, claims, connection)
        firm.host.db.session.commit()
    told = read(firm.host, "adopt", "acme", "--dry-run")
    fates = {each["user_name"]: each["reason"] for each in told["accounts"] if each["reason"]}
    assert fates == {"stranger": "external_id", "boss": "privileged"}
    sent = person("stranger2", externalId="sub-stranger")
    assert firm.acme.post("/Users", sent).json["id"] == ids["stranger"]
    assert firm.told == ["user.adopted external_id"]
    assert firm.acme.post("/Users", person("boss2", externalId="sub-boss")).status_code == 403


def test_what_a_batch_costs(firm: Firm) -> None:
    """A batch takes as many statements for fifty accounts as for five, but for the events."""
    counts = []
    succeed(firm.host, "adopt", "acme")
    for number in (5, 50):
        for index in range(number):
            firm.add(f"u{number}-{index}", f"u{number}-{index}@acme.example")
        with firm.host.statements() as statements:
            succeed(firm.host, "adopt", "acme")
        counts.append([text for text in statements if "scim_own_event" not in text])
    assert len(counts[0]) == len(counts[1]) <= 20


def test_bad_choices_are_found_by_check(firm: Firm, build: Any) -> None:
    """``flask scim check`` tells of a choice without effect, and a setting is refused at once."""
    with firm.host.app.app_context():
        firm.host.scim.connections.edit("acme", domains=[])
    assert "takes over nobody without a verified domain" in run(firm.host, "check").stderr
    other = build()
    refused = run(other, "connections", "edit", "acme", "--policy", "adoption=verified_email")
    assert "verified=User.email_verified_at" in refused.stderr
    assert (
        "declare one with @users.adopter"
        in run(other, "connections", "edit", "acme", "--policy", "adoption=ask").stderr
    )
    with pytest.raises(Exception, match="SCIM_ADOPTION: adoption verified_email needs"):
        build(SCIM_ADOPTION="verified_email")
    with pytest.raises(Exception, match="verified=no_such: User has no attribute"):
        build(users={"verified": "no_such"})

"""Two customers with many accounts switch provisioning on, each with its identity provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select

from .crowd import TAKEN_OVER, Case, Individual, make_crowd
from .database import db
from .models import Activity, Organization, User
from .provisioning import scim

#: The accounts of a customer by their keys.
Accounts = dict[int, dict[str, Any]]

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
#: Customers that switch over, with their identity provider and what it sees of accounts; and one
#: that does not, whose people have the same addresses.
CUSTOMERS = (("initech", "entra", "adoptable"), ("umbra", "okta", "provisioned"))
BYSTANDER = "rival"


@dataclass
class Outcome:
    """What came of a customer's switch.

    :param customer: the customer.
    :param answers: how often each case of person met each status.
    :param problems: what was not as it should be, in words.
    """

    customer: str
    answers: Counter[tuple[Case, int]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Provider:
    """An identity provider that talks to the app.

    :param http: the app's client.
    :param base: the path of its connection.
    :param token: its token.
    """

    http: FlaskClient
    base: str
    token: str

    def send(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """Send a request.

        :return: the status and the body of the answer.
        """
        answer = self.http.open(
            f"{self.base}{path}",
            method=method,
            json=body,
            query_string=query,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        return answer.status_code, answer.get_json(silent=True)


def switch_over(app: Flask, count: int) -> list[Outcome]:
    """Make customers with many accounts, and let their identity providers take over.

    :param app: the app; what an earlier run has left is taken away.
    :param count: how many people all customers have together.
    :return: what came of it, a customer at a time.
    """
    _forget(app)
    return [
        _switch(app, customer, idp, visibility, count // len(CUSTOMERS))
        for customer, idp, visibility in CUSTOMERS
    ]


def _switch(app: Flask, customer: str, idp: str, visibility: str, count: int) -> Outcome:
    people = make_crowd(count, f"{customer}.example")
    with app.app_context():
        _add_accounts(customer, people)
        scim.connections.add(
            customer,
            idp=idp,
            tenant=customer,
            domains=[f"{customer}.example"],
            policy={"adoption": "verified_email", "visibility": visibility},
        )
        token, _ = scim.tokens.issue(customer)
        before, bystanders = _read_accounts(customer), _read_accounts(BYSTANDER)
    provider = Provider(app.test_client(), f"/scim/v2/{customer}", token)
    provision = {"entra": provision_as_entra, "okta": provision_as_okta}[idp]
    outcome = Outcome(customer)
    for person in people:
        outcome.answers[person.case, provision(provider, person)] += 1
    with app.app_context():
        after = _read_accounts(customer)
        if _read_accounts(BYSTANDER) != bystanders:
            outcome.problems.append(f"an account of {BYSTANDER} has changed")
        outcome.problems += find_problems(people, before, after)
    return outcome


def provision_as_entra(entra: Provider, person: Individual) -> int:
    """Look somebody up by user name or by externalId, then PATCH or POST, as Entra ID does.

    :return: the status of the answer.
    """
    name = "externalId" if person.number % 2 else "userName"
    value = person.external_id if person.number % 2 else person.address
    _, found = entra.send("GET", "/Users", filter=f'{name} eq "{value}"')
    if not found["Resources"]:
        return entra.send("POST", "/Users", _document(person, title="Engineer"))[0]
    operations = [
        {"op": "Add", "path": "externalId", "value": person.external_id},
        {"op": "Add", "path": "title", "value": "Engineer"},
        {"op": "Replace", "path": "active", "value": "True"},
    ]
    body = {"schemas": [_PATCH], "Operations": operations}
    return entra.send("PATCH", f"/Users/{found['Resources'][0]['id']}", body)[0]


def provision_as_okta(okta: Provider, person: Individual) -> int:
    """Look somebody up by user name, then PUT or POST, as Okta does.

    :return: the status of the answer.
    """
    lookup = {"filter": f'userName eq "{person.address}"', "startIndex": "1", "count": "100"}
    _, found = okta.send("GET", "/Users", **lookup)
    document = _document(person, title="Engineer", password="1mz050nq", groups=[])
    if not found["Resources"]:
        return okta.send("POST", "/Users", document)[0]
    return okta.send("PUT", f"/Users/{found['Resources'][0]['id']}", document)[0]


def find_problems(
    people: Iterable[Individual],
    before: dict[int, dict[str, Any]],
    after: dict[int, dict[str, Any]],
) -> Iterator[str]:
    """Hold the accounts of a customer against what should have come of them.

    :param people: the people of its identity provider.
    :param before: the accounts before, by their keys.
    :param after: the accounts after.
    :return: duplicates, accounts in the wrong hands, and people who were left behind.
    """
    by_id = {person.external_id: person for person in people}
    owned: Counter[str] = Counter()
    for key, account in after.items():
        external_id, old = account["external_id"], before.get(key)
        if external_id is None:
            if account != old:
                yield f"account {key} has changed, and nobody has it"
            continue
        person = by_id[external_id]
        owned[external_id] += 1
        wanted = person.case in TAKEN_OVER if old else person.case is Case.NEW
        if not wanted:
            yield f"account {key}: somebody who {person.case} has got it"
        elif account["family_name"] != person.surname or not account["is_active"]:
            yield f"account {key} is in the hands of {person.address}, and not theirs"
        elif old and any(account[each] != old[each] for each in ("username", "email")):
            yield f"account {key} has another address than before"
    for person in by_id.values():
        expected = 1 if person.case in TAKEN_OVER or person.case is Case.NEW else 0
        if owned[person.external_id] != expected:
            yield f"{person.address} has {owned[person.external_id]} accounts, not {expected}"
    yield from (f"account {key} is gone" for key in before.keys() - after.keys())


def _document(person: Individual, **others: Any) -> dict[str, Any]:
    return {
        "schemas": [_USER],
        "externalId": person.external_id,
        "userName": person.address,
        "name": {"givenName": "Kim", "familyName": person.surname},
        "emails": [{"type": "work", "primary": True, "value": person.address}],
        "active": True,
        **others,
    }


def _add_accounts(customer: str, people: list[Individual]) -> None:
    accounts = [
        {"organization_id": customer, **account}
        for person in people
        for account in person.accounts()
    ]
    elsewhere = [
        {"organization_id": BYSTANDER, **account}
        for person in people
        if person.case is Case.ELSEWHERE
        for account in person.accounts()
    ]
    db.session.add(Organization(id=customer, name=customer.title()))
    if db.session.get(Organization, BYSTANDER) is None:
        db.session.add(Organization(id=BYSTANDER, name=BYSTANDER.title()))
    db.session.flush()
    db.session.execute(insert(User), accounts + elsewhere)
    db.session.commit()


def _read_accounts(customer: str) -> Accounts:
    """Read the accounts of a customer, each with the id by which it was provisioned."""
    record = db.metadata.tables["scim_user"]
    names = ("username", "email", "family_name", "title", "is_active", "role", "password_hash")
    statement = (
        select(User.id, *(getattr(User, name) for name in names), record.c.external_id)
        .outerjoin(record, record.c.row_id == User.id)
        .where(User.organization_id == customer)
    )
    return {
        key: dict(zip((*names, "external_id"), rest, strict=True))
        for key, *rest in db.session.execute(statement)
    }


def _forget(app: Flask) -> None:
    """Take away what an earlier run has left."""
    with app.app_context():
        names = [BYSTANDER, *(customer for customer, *_ in CUSTOMERS)]
        for name in names:
            if scim.connections.get(name) is not None:
                scim.connections.remove(name)
        for model, column in (
            (Activity, Activity.organization_id),
            (User, User.organization_id),
            (Organization, Organization.id),
        ):
            db.session.execute(delete(model).where(column.in_(names)))
        db.session.commit()


def describe(outcome: Outcome) -> Iterator[str]:
    """Tell what came of a switch, a line for each case of person.

    :param outcome: what came of it.
    :return: the lines.
    """
    yield f"{outcome.customer}:"
    for (case, status), number in sorted(outcome.answers.items()):
        yield f"  {number:>5}  {status}  {case}"
    yield from (f"  WRONG  {problem}" for problem in outcome.problems)

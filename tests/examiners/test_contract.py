"""A contract tester at a live server: every operation does what the OpenAPI document says."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_scim.connections.issuers import REVOCATION_PATH, REVOCATIONS
from tests.client import ScimClient
from tests.examiners.contract import Verdict, examine, read_document
from tests.examiners.everything import make_everything
from tests.host import Host, make_host
from tests.resources.fleet import create

pytestmark = [
    pytest.mark.once("what is random is as random with any version"),
    pytest.mark.one_database(
        "it tries answers; this one is strictest with what it is sent", on="postgresql"
    ),
]

#: Words of which requests are made, beside random ones.
WORDS = {
    "filter": [
        'userName sw "user"',
        'emails[type eq "work"] pr',
        "not (active eq true)",
        'meta.created gt "2020-01-01T00:00:00Z"',
        'displayName co "group" or id eq "3"',
    ],
    "name": ["userName", "displayName", "name.familyName", "emails", "members", "meta.created"],
    "cursor": [""],
    "value": ["userName", "members", 'emails[type eq "work"].value', "work", "free"],
}


def populate(host: Host, client: ScimClient) -> dict[str, list[str]]:
    """Make users, groups and those who may ask, and return the words with their ids."""
    ids = [
        client.create(
            f"user{number}",
            name={"familyName": f"Family {number}"},
            emails=[{"type": "work", "value": f"user{number}@example.com"}],
        )["id"]
        for number in range(60)
    ]
    groups = [
        client.create_group(f"group{number}", *ids[number % 5 : 10])["id"] for number in range(20)
    ]
    # Each of them is deleted sooner or later.
    whose = itertools.cycle(map(int, ids[20:]))

    @host.scim.me
    def find(_connection: Any) -> Any:
        return host.db.session.get(host.User, next(whose))

    return WORDS | {"id": ids[:20], "group": groups, "value": [*WORDS["value"], *ids[:5]]}


def test_random_requests(build: Callable[..., Host]) -> None:
    """Nothing fails, nothing is answered that the document does not name, and all that it does."""
    # The document then names what there are columns for, and nothing else.
    host = build(SCIM_UNMAPPED="ignore")
    client = host.connect("acme", tenant="1")
    words = populate(host, client)
    verdict = examine(host.app, client, words, {"fuzzing": 25, "stateful": 10})
    assert not verdict.problems, "\n\n".join(verdict.problems)
    assert verdict.requests > 500
    # A token has to be given that scope, and random words hardly ever name somebody.
    del verdict.answered["POST /scim/v2/{connection_id}/global-token-revocation"]
    assert missing(host.app, verdict) == []


def test_random_revocations(build: Callable[..., Host]) -> None:
    """The same of the endpoint that ends what people have begun."""
    host = build(SCIM_UNMAPPED="ignore")
    client = host.connect("acme", "entra", REVOCATIONS, tenant="1")
    verdict = examine(
        host.app, client, populate(host, client), {"fuzzing": 50}, only=REVOCATION_PATH
    )
    assert not verdict.problems, "\n\n".join(verdict.problems)
    assert verdict.requests > 20
    assert {404} <= set().union(*verdict.answered.values())


def test_random_requests_for_devices(tmp_path: Path) -> None:
    """The same goes for resources of the app's own, which have values of every type."""
    with make_everything(f"sqlite:///{tmp_path / 'test.db'}") as (app, client):
        ids = [
            create(client, f"serial{number}", ports=number, weight=number / 2, tags=["a", "b"])[
                "id"
            ]
            for number in range(20)
        ]
        words = WORDS | {
            "id": ids,
            "filter": ["weight gt 1.5", 'tags eq "a"', "ports le 7 and managed pr"],
            "name": ["serialNumber", "ports", "weight", "bought", "users", "location.site"],
        }
        verdict = examine(app, client, words, {"fuzzing": 25}, only="/Devices")
        assert not verdict.problems, "\n\n".join(verdict.problems)
        assert verdict.requests > 150
        assert missing(app, verdict) == []


def test_every_mistake(tmp_path: Path) -> None:
    """Each parameter and part of a body is sent at its limits and with values of wrong types.

    Hardly any of these requests gets as far as the database, so that one database will do.
    """
    host = make_host(f"sqlite:///{tmp_path / 'test.db'}", SCIM_UNMAPPED="ignore")
    with host.app.app_context():
        host.db.create_all()
    client = host.connect("acme", tenant="1")
    verdict = examine(host.app, client, populate(host, client), {"coverage": 1})
    with host.app.app_context():
        host.db.engine.dispose()
    assert not verdict.problems, "\n\n".join(verdict.problems)
    assert verdict.requests > 2000
    assert [label for label, statuses in verdict.answered.items() if 401 not in statuses] == []


def missing(app: Flask, verdict: Verdict) -> list[tuple[str, int]]:
    """The good answers that the document names and nobody has got."""
    return [
        (label, int(status))
        for path, item in read_document(app)["paths"].items()
        for method, operation in item.items()
        if (label := f"{method.upper()} {path}") in verdict.answered
        for status in operation["responses"]
        # Only a group of more members than are made here is too large to be shown.
        if status.startswith("2") and (method, status) != ("patch", "204")
        if int(status) not in verdict.answered[label]
    ]

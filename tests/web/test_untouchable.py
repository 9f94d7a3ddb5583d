"""Accounts for emergencies: seen where they are visible, and never changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from flask_scim import ConfigurationError
from tests.client import ScimClient
from tests.host import Host

OFF = {"op": "replace", "path": "active", "value": False}


def is_seen(row: Any) -> bool:
    """Tell whether somebody was seen."""
    return row.seen is not None


@pytest.fixture(params=["name", "function"])
def app(share: Callable[..., Host], request: pytest.FixtureRequest) -> Host:
    """An app in which whoever was seen is untouchable, as a column says or a function."""
    return share(untouchable="seen" if request.param == "name" else is_seen)


@pytest.fixture
def acme(app: Host) -> ScimClient:
    """A client of the app."""
    return app.connect("acme", tenant="1")


@pytest.fixture
def spare(app: Host) -> Callable[[str], None]:
    """Makes a user untouchable."""

    def make(id: str) -> None:
        with app.app.app_context():
            app.db.session.get(app.User, int(id)).seen = datetime(2026, 1, 1)
            app.db.session.commit()

    return make


def test_it_is_read_and_not_written(acme: ScimClient, spare: Callable[[str], None]) -> None:
    """Every change is refused in words, whatever it is of; what changes nothing is none."""
    ann = acme.create("ann", title="Dr")
    path = f"/Users/{ann['id']}"
    spare(ann["id"])
    before = acme.get(path).json
    assert acme.find('userName eq "ann"') == ["ann"]
    assert acme.put(path, before).status_code == 200
    assert acme.patch(path, {"op": "replace", "path": "title", "value": "Dr"}).status_code == 200
    for refused in (
        acme.put(path, before | {"title": "Prof"}),
        acme.patch(path, OFF),
        acme.patch(path, {"op": "replace", "path": "externalId", "value": "x"}),
        acme.delete(path),
    ):
        assert refused.status_code == 403
        assert refused.json["detail"] == (
            f"User '{ann['id']}' is kept out of provisioning by the application: it can be read, "
            "and not changed, deleted, or put in or out of a group. Nothing was changed."
        )
    assert acme.get(path).json == before


def test_its_groups_stay(acme: ScimClient, spare: Callable[[str], None]) -> None:
    """It comes into no group and goes out of none, and a group goes only without it."""
    ann, bob = acme.create("ann"), acme.create("bob")
    inside, outside = acme.create_group("In", ann["id"]), acme.create_group("Out")
    spare(ann["id"])
    before = acme.get(f"/Users/{ann['id']}").json
    member = [{"value": ann["id"]}, {"value": bob["id"]}]
    for refused in (
        acme.patch(f"/Groups/{outside['id']}", {"op": "add", "path": "members", "value": member}),
        acme.patch(f"/Groups/{inside['id']}", {"op": "remove", "path": "members"}),
        acme.put(f"/Groups/{inside['id']}", inside | {"members": []}),
        acme.delete(f"/Groups/{inside['id']}"),
        acme.post(
            "/Groups", {"schemas": inside["schemas"], "displayName": "New", "members": member}
        ),
    ):
        assert refused.status_code == 403, refused.text
        assert ann["id"] in refused.json["detail"]
        assert bob["id"] not in refused.json["detail"].replace(ann["id"], "")
    assert acme.get(f"/Users/{ann['id']}").json == before
    kept = {"op": "add", "path": "members", "value": member}
    assert acme.patch(f"/Groups/{inside['id']}", kept).status_code == 200
    assert acme.delete(f"/Groups/{outside['id']}").status_code == 204


def test_one_that_was_deleted_does_not_come_back(
    acme: ScimClient, spare: Callable[[str], None]
) -> None:
    """A POST cannot take up again what became untouchable after its end."""
    ann = acme.create("ann", externalId="a")
    acme.delete(f"/Users/{ann['id']}")
    spare(ann["id"])
    again = acme.post("/Users", {"schemas": ann["schemas"], "userName": "ann", "externalId": "a"})
    assert again.status_code == 403
    assert acme.get("/Users").json["totalResults"] == 0


def test_it_costs_two_statements(build: Callable[..., Host]) -> None:
    """Members are found before they are let in, and looked at, however many there are."""

    def count(host: Host, name: str, members: int) -> int:
        client = host.connect(name, tenant="1")
        ids = [client.create(f"{name}-{number}")["id"] for number in range(members)]
        group = client.create_group(name)
        with host.statements() as seen:
            operation = {"op": "add", "path": "members", "value": [{"value": id} for id in ids]}
            client.patch(f"/Groups/{group['id']}", operation)
        return len(seen)

    looking, other = build(untouchable="seen"), build()
    assert count(looking, "with", 5) == count(other, "without", 5) + 2
    assert count(looking, "more", 9) == count(looking, "again", 5)


@pytest.mark.parametrize("mark", ["nothing", "office", 5])
def test_what_cannot_say_so(build: Callable[..., Host], mark: Any) -> None:
    """What is no attribute and no function is refused at the start."""
    with pytest.raises(ConfigurationError, match="untouchable"):
        build(untouchable=mark)

"""Extensions that the app defines itself, beside the attributes of users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_scim import SCIM, Attribute, ConfigurationError, Extension
from tests.client import ENTERPRISE, USER, ScimClient
from tests.resources.fleet import BADGE, BADGE_SCHEMA, Fleet, create

BODY = {"schemas": [USER, BADGE], "userName": "ann", BADGE: {"badge": "B7", "doors": 3}}


def test_write_and_read(fleet: Fleet, acme: ScimClient) -> None:
    """The attributes of an extension are kept in the model and shown under its URN."""
    created = acme.post("/Users", BODY).json
    assert created[BADGE] == {"badge": "B7", "doors": 3}
    assert created["schemas"] == [USER, BADGE]
    assert fleet.rows(sa.select(fleet.User.badge, fleet.User.doors)) == [("B7", 3)]
    path = f"/Users/{created['id']}"
    patched = acme.patch(
        path,
        {"op": "replace", "path": f"{BADGE}:doors", "value": 4},
        {"op": "remove", "path": f"{BADGE}:badge"},
    )
    assert patched.json[BADGE] == {"doors": 4}
    plain = acme.put(path, {"schemas": [USER], "userName": "ann"}).json
    assert BADGE not in plain
    assert plain["schemas"] == [USER]


def test_find(acme: ScimClient) -> None:
    """Its attributes can be filtered, sorted by and chosen."""
    acme.post("/Users", BODY)
    acme.post("/Users", {**BODY, "userName": "bob", BADGE: {"badge": "b7", "doors": 1}})
    acme.create("cho")
    assert acme.find(f'{BADGE}:badge eq "b7"') == ["bob"]
    assert acme.find(f"{BADGE}:doors gt 2") == ["ann"]
    assert acme.find(f'schemas eq "{BADGE}"') == ["ann", "bob"]
    answer = acme.get("/Users", sortBy=f"{BADGE}:doors", attributes=f"{BADGE}:doors").json
    assert [each.get(BADGE) for each in answer["Resources"]] == [{"doors": 1}, {"doors": 3}, None]


def test_a_name_of_the_core(acme: ScimClient) -> None:
    """An attribute of an extension may have the name of one in the core schema."""
    created = acme.post("/Users", {**BODY, BADGE: {"groups": "chess"}}).json
    assert created[BADGE] == {"groups": "chess"}
    path = f"/Users/{created['id']}"
    operation = {"op": "replace", "path": f"{BADGE}:groups", "value": "go"}
    assert acme.patch(path, operation).json[BADGE] == {"groups": "go"}
    group = acme.create_group("Desk", created["id"], acme.create("bob")["id"])["id"]
    assert acme.find(f'{BADGE}:groups eq "go"') == ["ann"]
    assert acme.find(f"{BADGE}:groups pr") == ["ann"]
    assert acme.find(f'groups.value eq "{group}"') == ["ann", "bob"]


def test_wrong_values(acme: ScimClient) -> None:
    """A wrong value is named with its URN, and the extension of another type is not taken."""
    refused = acme.post("/Users", {**BODY, BADGE: {"doors": "many"}})
    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert f"{BADGE}:doors" in refused.json["detail"]
    device = create(acme, "A1")["id"]
    operation = {"op": "add", "path": f"{BADGE}:doors", "value": 1}
    assert acme.patch(f"/Devices/{device}", operation).json["scimType"] == "invalidPath"


def test_discovery(acme: ScimClient) -> None:
    """The extension is among those of the resource type, and has a schema of its own."""
    shown = acme.get("/ResourceTypes/User").json
    assert {"schema": BADGE, "required": False} in shown["schemaExtensions"]
    schema = acme.get(f"/Schemas/{BADGE}").json
    assert [each["name"] for each in schema["attributes"]] == ["badge", "doors", "groups"]


def test_strict(fleet: Fleet) -> None:
    """A strict connection knows the extension as well."""
    scim = fleet.connect("strict", strict=True)
    assert scim.post("/Users", BODY).json[BADGE] == {"badge": "B7", "doors": 3}
    assert scim.find(f'{BADGE}:badge eq "B7"') == ["ann"]
    refused = scim.post("/Users", {**BODY, "userName": "bob", BADGE: {"window": 1}})
    assert refused.status_code == 400


# Required ones

REQUIRED = replace(BADGE_SCHEMA, attributes=(Attribute("badge", required=True), Attribute("doors")))


@pytest.fixture
def serve() -> Iterator[Callable[..., ScimClient]]:
    """Makes an app whose users have a required extension."""
    apps: list[tuple[Flask, SQLAlchemy]] = []

    def make(mapping: dict[str, Any], required: bool = True, **config: Any) -> ScimClient:
        db = SQLAlchemy()
        scim = SCIM(db)

        class User(db.Model):  # type: ignore[name-defined,misc]
            """Somebody."""

            id: Mapped[int] = mapped_column(primary_key=True)
            username: Mapped[str] = mapped_column(sa.String(100))
            badge: Mapped[str | None] = mapped_column(sa.String(20))

        declared = {"userName": "username", BADGE: mapping}
        scim.users(User, declared, extensions=[Extension(REQUIRED, required)])
        app = Flask("doors")
        app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://", **config)
        db.init_app(app)
        scim.init_app(app)
        apps.append((app, db))
        with app.app_context():
            db.create_all()
            scim.connections.add("acme")
            token, _ = scim.tokens.issue("acme")
        return ScimClient(app.test_client(), "/scim/v2/acme", token)

    yield make
    for app, db in apps:
        with app.app_context():
            db.engine.dispose()


def test_required(serve: Callable[..., ScimClient]) -> None:
    """Without a required extension, or what it requires, nobody is created or replaced."""
    scim = serve({"badge": "badge"})
    plain = {"schemas": [USER], "userName": "ann"}
    for body in (plain, {**plain, BADGE: {}}, {**plain, BADGE: {"doors": "1"}}):
        refused = scim.post("/Users", body)
        assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
        assert BADGE in refused.json["detail"]
    created = scim.post("/Users", {**plain, BADGE: {"badge": "B7"}}).json
    path = f"/Users/{created['id']}"
    assert scim.put(path, plain).status_code == 400
    for gone in (f"{BADGE}:badge", BADGE):
        assert scim.patch(path, {"op": "remove", "path": gone}).status_code == 400
    assert scim.get(path).json[BADGE] == {"badge": "B7"}


def test_required_of_an_optional_one(serve: Callable[..., ScimClient]) -> None:
    """What an optional extension requires is asked for only where the extension is used."""
    scim = serve({"badge": "badge"}, required=False)
    plain = {"schemas": [USER], "userName": "ann"}
    assert scim.post("/Users", {**plain, BADGE: {"doors": "1"}}).status_code == 400
    assert scim.post("/Users", plain).status_code == 201


@pytest.mark.parametrize(
    ("mapping", "required", "words"),
    [
        ({}, True, f"{BADGE} is required and not mapped"),
        ({"doors": "badge"}, True, f"{BADGE}:badge is required and not mapped"),
        ({"doors": "badge"}, False, f"{BADGE}:badge is required and not mapped"),
    ],
)
def test_required_and_not_mapped(
    serve: Callable[..., ScimClient], mapping: dict[str, Any], required: bool, words: str
) -> None:
    """What an extension requires has to have a place."""
    with pytest.raises(ConfigurationError, match=words):
        serve(mapping, required)


def test_the_enterprise_extension_stays(serve: Callable[..., ScimClient]) -> None:
    """An extension of the app's own comes beside that of the RFC."""
    scim = serve({"badge": "badge"}, SCIM_UNMAPPED="keep")
    body = {"schemas": [USER], "userName": "ann", BADGE: {"badge": "B7"}}
    created = scim.post("/Users", {**body, ENTERPRISE: {"department": "Sales"}}).json
    assert created["schemas"] == [USER, ENTERPRISE, BADGE]

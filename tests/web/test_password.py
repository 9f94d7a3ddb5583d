"""A password is written as the app's hash of it, and nobody ever reads it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from flask_scim import hashed
from flask_scim.protocol.errors import InvalidValue
from tests.client import USER, ScimClient
from tests.host import MAPPING, Host, make_host
from tests.web.answers import refusal
from tests.web.listening import Sent, listen

pytestmark = pytest.mark.one_database("what is hashed, and who sees it, is decided before any SQL")

SECRET = "s3cret-word"
Build = Callable[..., Host]


def make_hash(text: str) -> str:
    """A hash that fits the columns of the tests."""
    if len(text) < 4:
        raise ValueError(f"{text} is too short")
    if text == "password":
        raise InvalidValue("A password must be harder to guess than that.")
    return hashlib.sha256(text.encode()).hexdigest()[:40]


#: The hash may be missing.
OPTIONAL = {
    **{path: source for path, source in MAPPING.items() if path != "name.givenName"},
    "password": hashed("first_name", make_hash),
}
#: The hash may not be missing, and the column has no default.
REQUIRED = {
    **{path: source for path, source in MAPPING.items() if path != "name.familyName"},
    "password": hashed("last_name", make_hash),
}


@pytest.fixture(scope="module")
def optional(hosted: Host, database: str) -> Iterator[Host]:
    """An app that takes passwords and can do without, on the tables of ``host``."""
    made = make_host(database, OPTIONAL)
    yield made
    with made.app.app_context():
        made.db.engine.dispose()


@pytest.fixture
def app(host: Host, optional: Host) -> Host:
    """That app, without any rows."""
    return optional


@pytest.fixture
def scim(app: Host) -> ScimClient:
    """A client with every scope on a connection of the app."""
    return app.connect("acme", tenant="1")


@pytest.fixture
def heard(app: Host) -> Iterator[Sent]:
    """The signals that the app sent."""
    with listen(app.app) as found:
        yield found


def held(host: Host, id: str, column: str = "first_name") -> Any:
    """What the column of the hash holds."""
    with host.app.app_context():
        return getattr(host.db.session.get(host.User, int(id)), column)


def put(scim: ScimClient, id: str, **attributes: Any) -> Any:
    """Replace the user ann."""
    return scim.put(f"/Users/{id}", {"schemas": [USER], "userName": "ann", **attributes})


def operate(*operations: Any) -> Callable[[ScimClient, str], Any]:
    """Send operations."""
    return lambda scim, id: scim.patch(f"/Users/{id}", *operations)


WRITES: dict[str, Callable[[ScimClient, str], Any]] = {
    "replace": operate({"op": "replace", "path": "password", "value": SECRET}),
    "add": operate({"op": "add", "path": "password", "value": SECRET}),
    "replace without path": operate({"op": "replace", "value": {"password": SECRET}}),
    "add without path": operate({"op": "add", "value": {"PassWord": SECRET}}),
    "with URN": operate({"op": "add", "path": f"{USER}:password", "value": SECRET}),
    "removed and added": operate(
        {"op": "remove", "path": "password"}, {"op": "add", "path": "password", "value": SECRET}
    ),
    "PUT": lambda scim, id: put(scim, id, password=SECRET),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
@pytest.mark.parametrize("before", [{}, {"password": "first"}, {"password": SECRET}])
def test_written(
    app: Host, scim: ScimClient, heard: Sent, write: Any, before: dict[str, Any]
) -> None:
    """The column holds the hash; to set a password is a change, even to the same one."""
    created = scim.create("ann", **before)
    assert (make_hash(before["password"]) if before else None) == held(app, created["id"])
    heard.clear()
    response = write(scim, created["id"])
    assert response.status_code == 200
    assert make_hash(SECRET) == held(app, created["id"])
    assert "password" not in response.json
    assert response.headers["ETag"] == 'W/"2"'
    ((name, carried),) = heard
    assert (name, carried["event"].changed) == ("user_updated", ("password",))
    assert carried["event"].before == carried["event"].after


@pytest.mark.parametrize(
    "quiet",
    [
        operate({"op": "replace", "path": "title", "value": "Dr"}),
        operate({"op": "add", "value": {"password": None, "active": True}}),
        operate({"op": "add", "value": {"password": ""}}),
        lambda scim, id: put(scim, id, title="Dr"),
        lambda scim, id: put(scim, id, title="Dr", password=None),
        lambda scim, id: put(scim, id, title="Dr", password=""),
    ],
)
def test_nothing_said(app: Host, scim: ScimClient, heard: Sent, quiet: Any) -> None:
    """Where nothing is said of the password it stays, and that is no change."""
    id = scim.create("ann", title="Dr", password=SECRET)["id"]
    heard.clear()
    response = quiet(scim, id)
    assert (response.status_code, response.headers["ETag"]) == (200, 'W/"1"')
    assert make_hash(SECRET) == held(app, id)
    assert heard == []


def test_with_others(app: Host, scim: ScimClient, heard: Sent) -> None:
    """A password among other attributes is told with them."""
    id = scim.create("ann", password=None)["id"]
    assert "password" not in heard[0][1]["event"].changed
    assert held(app, id) is None
    operate({"op": "add", "value": {"title": "Dr", "password": SECRET, "active": False}})(scim, id)
    scim.create("bob", password=SECRET)
    assert [(name, carried["event"].changed) for name, carried in heard[1:]] == [
        ("user_updated", ("active", "password", "title")),
        ("user_deactivated", ("active", "password", "title")),
        ("user_created", ("active", "password", "userName")),
    ]


def test_never_seen(
    app: Host, scim: ScimClient, heard: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    """No answer, event, log, row or description of the app shows a password or its hash."""
    shown: list[Any] = []
    with caplog.at_level(logging.DEBUG):
        created = scim.create("ann", password=SECRET)
        id = created["id"]
        shown += [created]
        responses = [write(scim, id) for write in WRITES.values()]
        responses += [
            scim.get(f"/Users/{id}"),
            scim.get(f"/Users/{id}", attributes="password,userName"),
            scim.get("/Users", attributes="password"),
            scim.get("/Users", filter=f'password eq "{SECRET}"'),
            scim.get("/Users", sortBy="password"),
            scim.request("GET", "/Users", query_string={"filter": "password pr"}),
            scim.post("/Users?attributes=password", {"schemas": [USER], "userName": "bob",
                                                     "password": SECRET}),
            scim.post("/Users", {"schemas": [USER], "userName": "ann", "password": SECRET}),
            put(scim, id, password=[SECRET]),
            put(scim, id, password=f"{SECRET}\0"),
            scim.patch(f"/Users/{id}", {"op": "add", "path": "password", "value": {"a": SECRET}}),
            scim.patch(f"/Users/{id}", {"op": "add", "path": "password.x", "value": SECRET}),
            scim.patch(f"/Users/{id}", {"op": "add", "path": "userName", "value": [SECRET]}),
            scim.delete(f"/Users/{id}"),
        ]  # fmt: skip
        shown += [(response.text, list(response.headers)) for response in responses]
    assert all(response.status_code < 500 for response in responses)
    shown += [app.app.test_cli_runner().invoke(args=["scim", "check"]).output]
    assert "password: first_name, hashed, never read" in shown[-1]
    shown += [repr(carried) for _, carried in heard]
    shown += [caplog.text, [vars(record) for record in caplog.records]]
    assert make_hash(SECRET) not in str(shown)
    with app.app.app_context():
        for table in app.db.metadata.sorted_tables:
            shown += app.db.session.execute(sa.select(table)).all()
    assert SECRET not in str(shown)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sortBy": "password"}, (400, "invalidValue")),
        ({"filter": "password pr"}, (403, "sensitive")),
        ({"filter": f'password eq "{SECRET}"'}, (403, "sensitive")),
        ({"filter": f'userName pr and not (password sw "{SECRET[:2]}")'}, (403, "sensitive")),
    ],
)
def test_neither_sorted_nor_filtered(
    scim: ScimClient, query: dict[str, str], expected: tuple[int, str | None]
) -> None:
    """A list cannot be had by password."""
    scim.create("ann", password=SECRET)
    assert expected == refusal(scim.get("/Users", **query))


def test_not_selected(app: Host, scim: ScimClient) -> None:
    """Reading users does not read their hashes."""
    id = scim.create("ann", password=SECRET)["id"]
    with app.statements() as statements:
        scim.get(f"/Users/{id}")
        scim.get("/Users")
    assert [statement for statement in statements if "first_name" in statement] == []


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (7, "password must be text, not a number."),
        (True, "password must be text, not a boolean."),
        (["s3cret"], "password must be text, not a list."),
        ({"value": "s3cret"}, "password must be text, not an object."),
        ("s3cret\0", "The body holds a NUL character or half a surrogate pair."),
        ("s3c", "password: this application does not take the value."),
        ("password", "A password must be harder to guess than that."),
    ],
)
def test_refused(app: Host, scim: ScimClient, heard: Sent, value: Any, detail: str) -> None:
    """A value that is no password, or none for the app, is refused without being repeated."""
    id = scim.create("ann", password=SECRET)["id"]
    heard.clear()
    for response in (
        put(scim, id, title="Dr", password=value),
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "password", "value": value}),
        scim.patch(f"/Users/{id}", {"op": "add", "value": {"title": "Dr", "password": value}}),
        scim.post("/Users", {"schemas": [USER], "userName": "bob", "password": value}),
    ):
        assert refusal(response) == (400, "invalidValue")
        assert detail == response.json["detail"]
    assert make_hash(SECRET) == held(app, id)
    assert scim.get("/Users").json["totalResults"] == 1
    assert heard == []


REMOVALS = {
    "remove": {"op": "remove", "path": "password"},
    "null": {"op": "replace", "path": "password", "value": None},
    "null without path": {"op": "replace", "value": {"password": None}},
    "empty": {"op": "replace", "path": "password", "value": ""},
}


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=list(REMOVALS))
def test_removed(app: Host, scim: ScimClient, heard: Sent, removal: Any) -> None:
    """A password is taken away where the app can do without; a second time changes nothing."""
    id = scim.create("ann", password=SECRET)["id"]
    heard.clear()
    for _ in range(2):
        response = scim.patch(f"/Users/{id}", removal)
        assert (response.status_code, response.headers["ETag"]) == (200, 'W/"2"')
        assert held(app, id) is None
    assert [carried["event"].changed for _, carried in heard] == [("password",)]


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=list(REMOVALS))
def test_required_is_not_removed(build: Build, removal: Any) -> None:
    """Where the app cannot do without a password, none is taken away."""
    host = build(REQUIRED)
    scim = host.connect("acme", tenant="1")
    id = scim.create("ann", password=SECRET)["id"]
    response = scim.patch(f"/Users/{id}", {"op": "add", "path": "title", "value": "Dr"}, removal)
    assert refusal(response) == (400, "mutability")
    assert make_hash(SECRET) == held(host, id, "last_name")
    assert "title" not in scim.get(f"/Users/{id}").json


def test_required_of_new_users(build: Build) -> None:
    """A new user needs a password where the column does, unless the app itself makes one."""
    host = build(REQUIRED)
    scim = host.connect("acme", tenant="1")
    response = scim.post("/Users", {"schemas": [USER], "userName": "ann"})
    assert refusal(response) == (400, "invalidValue")
    assert response.json["detail"] == "password is required by this application."
    declared = next(iter(host.scim._wiring.declared.values()))
    declared.creator(lambda document, connection: host.User(last_name="!"))
    assert held(host, scim.create("ann")["id"], "last_name") == "!"
    other = scim.create("bob", password=SECRET)
    assert make_hash(SECRET) == held(host, other["id"], "last_name")


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=list(REMOVALS))
@pytest.mark.parametrize("unmapped", ["keep", "ignore"])
def test_not_mapped(build: Build, removal: Any, unmapped: str) -> None:
    """Where nobody takes passwords they are passed over, and change nothing."""
    host = build(SCIM_UNMAPPED=unmapped)
    scim = host.connect("acme", tenant="1")
    created = scim.create("ann", password=SECRET)
    with listen(host.app) as heard:
        for write in (*WRITES.values(), operate(removal)):
            response = write(scim, created["id"])
            assert (response.status_code, response.json) == (200, created)
    assert heard == []
    with host.app.app_context():
        for table in host.db.metadata.sorted_tables:
            assert SECRET not in str(host.db.session.execute(sa.select(table)).all())


@pytest.mark.parametrize(("mapping", "listed"), [(OPTIONAL, True), (MAPPING, False)])
@pytest.mark.parametrize("unmapped", ["keep", "ignore"])
def test_discovery(build: Build, mapping: Any, listed: bool, unmapped: str) -> None:
    """The schema lists the password where it is taken, as written and never returned."""
    scim = build(mapping, SCIM_UNMAPPED=unmapped).connect("acme", tenant="1")
    attributes = {each["name"]: each for each in scim.get(f"/Schemas/{USER}").json["attributes"]}
    assert listed is ("password" in attributes)
    config = scim.get("/ServiceProviderConfig").json
    assert config["changePassword"] == {"supported": listed}
    if listed:
        password = attributes["password"]
        assert (password["mutability"], password["returned"]) == ("writeOnly", "never")


@pytest.mark.parametrize("sent", [{}, {"password": "another"}])
def test_brought_back(app: Host, scim: ScimClient, sent: dict[str, Any]) -> None:
    """Who comes back has the password that the request sets, and not the one of old."""
    first = scim.create("ann", password=SECRET)
    scim.delete(f"/Users/{first['id']}")
    again = scim.create("ann", **sent)
    assert again["id"] == first["id"]
    assert (make_hash("another") if sent else None) == held(app, again["id"])


def test_brought_back_where_required(build: Build) -> None:
    """Who comes back without a password keeps the old hash where there must be one."""
    host = build(REQUIRED)
    scim = host.connect("acme", tenant="1")
    first = scim.create("ann", password=SECRET)
    scim.delete(f"/Users/{first['id']}")
    assert scim.create("ann")["id"] == first["id"]
    assert make_hash(SECRET) == held(host, first["id"], "last_name")


def test_apps_own_change(app: Host, scim: ScimClient) -> None:
    """A hash that the app itself writes changes nothing of what SCIM shows."""
    id = scim.create("ann", password=SECRET)["id"]
    with app.app.app_context():
        app.db.session.get(app.User, int(id)).first_name = "rehashed"
        app.db.session.commit()
    assert scim.get(f"/Users/{id}").headers["ETag"] == 'W/"1"'


def test_behind_a_relationship(build: Build) -> None:
    """The hash may be in a row of its own, which is made when it is needed."""
    mapping = {"userName": "username", "name.familyName": "last_name"}
    host = build({**mapping, "password": hashed("office.locale", lambda text: "#")})
    scim = host.connect("acme", tenant="1")
    id = scim.create("ann")["id"]
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)).office is None
    put(scim, id, password=SECRET)
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)).office.locale == "#"

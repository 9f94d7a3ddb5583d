"""A mapping of a connection's own: what it serves, whom it leaves alone, and what it cannot be."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from flask_scim import ConfigurationError
from tests.client import USER, ScimClient
from tests.host import Host, make_host

PAIRS = [
    {"scim": "userName", "app": "email"},
    {"scim": "nickName", "app": "username"},
    {"scim": "name.familyName", "app": "last_name"},
    {"scim": "active", "app": "!blocked"},
    {"scim": 'emails[type eq "work"].value', "app": "email", "read_only": True},
]


@pytest.fixture(scope="module")
def offering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """An app on SQLite whose users' profile and office are offered to connections."""
    url = f"sqlite:///{tmp_path_factory.mktemp('offering') / 'test.db'}"
    made = make_host(url, offers=["profile", "office.locale", "public_id"], SCIM_UNMAPPED="ignore")
    with made.app.app_context():
        made.db.create_all()
    yield made
    with made.app.app_context():
        made.db.engine.dispose()


@pytest.fixture
def local(offering: Host) -> Iterator[Host]:
    """The same, without rows."""
    yield offering
    with offering.app.app_context():
        for table in reversed(offering.db.metadata.sorted_tables):
            offering.db.session.execute(table.delete())
        offering.db.session.commit()


def chosen(host: Host, name: str, pairs: list[dict[str, Any]] | None, kind: str = "User") -> None:
    """Let a connection have a mapping."""
    with host.app.app_context():
        host.scim.connections.edit(name, mapping={kind: pairs})


def only(client: ScimClient, path: str = "/Users") -> dict[str, Any]:
    """The only resource of a connection."""
    (found,) = client.get(path).json["Resources"]
    assert isinstance(found, dict)
    return found


def test_each_connection_by_its_own(host: Host, scim: ScimClient) -> None:
    """Two connections write, read and look up the same columns under other attributes."""
    other = host.connect("globex", tenant="2", mapping={"User": PAIRS})
    created = other.create("ann@x.org", nickName="ann", name={"familyName": "Lee"}, title="Chef")
    assert created["emails"] == [{"type": "work", "value": "ann@x.org"}]
    assert "name.familyName" not in created
    with host.app.app_context():
        row = host.db.session.query(host.User).one()
        assert (row.username, row.email, row.last_name) == ("ann", "ann@x.org", "Lee")
    assert other.find('nickName eq "ANN"') == ["ann@x.org"]
    assert other.find('emails[type eq "work" and value eq "ann@x.org"]') == ["ann@x.org"]
    changed = other.patch(
        f"/Users/{created['id']}", {"op": "replace", "path": "nickName", "value": "an"}
    )
    assert changed.json["nickName"] == "an"
    scim.create("bob", emails=[{"type": "work", "value": "bob@x.org"}], nickName="b")
    assert scim.find('emails.value eq "bob@x.org"') == ["bob"]
    assert only(scim)["nickName"] == "b"
    taken = other.post("/Users", {"schemas": [USER], "userName": "ANN@x.org"})
    assert (taken.status_code, taken.json["scimType"]) == (409, "uniqueness")


def test_members_and_display(local: Host) -> None:
    """What groups show of their members follows the connection's mapping too."""
    pairs = [*PAIRS, {"scim": "displayName", "app": "profile.shown"}]
    scim = local.connect("acme", tenant="1", mapping={"User": pairs})
    ann = scim.create("ann@x.org", displayName="Ann of Acme")
    team = scim.create_group("Chefs", ann["id"])
    assert [each["display"] for each in team["members"]] == ["Ann of Acme"]
    found = scim.get("/Groups", filter='members.display eq "ann of acme"')
    assert found.json["totalResults"] == 1
    assert only(scim)["groups"][0]["display"] == "Chefs"


def test_groups(local: Host) -> None:
    """A mapping of groups takes what the app has named of them; members stay the app's."""
    with pytest.raises(
        ValueError, match="'externalId': the application does not offer 'tenant_id'"
    ):
        local.connect(
            "acme",
            tenant="1",
            mapping={
                "Group": [
                    {"scim": "displayName", "app": "name"},
                    {"scim": "externalId", "app": "tenant_id"},
                ]
            },
        )
    scim = local.connect(
        "acme", tenant="1", mapping={"Group": [{"scim": "displayName", "app": "name"}]}
    )
    ann = scim.create("ann")
    assert len(scim.create_group("Chefs", ann["id"])["members"]) == 1


def test_schemas(local: Host) -> None:
    """``/Schemas`` shows what is served to the connection that asks, and strict ones hold to it."""

    def listed(client: ScimClient) -> set[str]:
        return {each["name"] for each in client.get(f"/Schemas/{USER}").json["attributes"]}

    own = local.connect("acme", tenant="1", strict=True)
    other = local.connect("globex", tenant="2", strict=True, mapping={"User": PAIRS})
    assert listed(other) == {
        "userName",
        "nickName",
        "name",
        "active",
        "emails",
        "groups",
        "displayName",
    }
    assert "nickName" not in listed(own)
    assert {"title", "addresses"} <= listed(own)
    body = {"schemas": [USER], "userName": "x", "name": {"familyName": "X"}, "title": "Chef"}
    assert own.post("/Users", body).status_code == 201
    assert other.post("/Users", body).status_code == 400


def test_nothing_goes_stale(local: Host) -> None:
    """A process serves what another one has changed at the next request."""
    url = local.app.config["SQLALCHEMY_DATABASE_URI"]
    elsewhere = make_host(url, offers=["profile"], SCIM_UNMAPPED="ignore")
    scim = local.connect("acme", tenant="1")
    scim.create("ann", title="Chef")
    assert only(scim)["title"] == "Chef"
    chosen(
        elsewhere,
        "acme",
        [{"scim": "userName", "app": "username"}, {"scim": "userType", "app": "profile.title"}],
    )
    assert (only(scim).get("title"), only(scim)["userType"]) == (None, "Chef")
    chosen(elsewhere, "acme", None)
    assert only(scim)["title"] == "Chef"
    with elsewhere.app.app_context():
        elsewhere.db.engine.dispose()


def test_cursors_and_order(local: Host) -> None:
    """Lists are sorted and go on by cursor by what the connection has mapped."""
    scim = local.connect("acme", tenant="1", mapping={"User": PAIRS})
    for name in ("c", "a", "b"):
        scim.create(f"{name}@x.org", nickName=name)
    page = scim.get("/Users", sortBy="nickName", count=2, cursor="").json
    assert [each["nickName"] for each in page["Resources"]] == ["a", "b"]
    page = scim.get("/Users", sortBy="nickName", count=2, cursor=page["nextCursor"]).json
    assert [each["nickName"] for each in page["Resources"]] == ["c"]


@pytest.mark.parametrize("change", ["column", "offered", "json", "relation", "gone"])
def test_versions_move(local: Host, change: str) -> None:
    """What the app changes of a place that only this connection names moves the version."""
    pairs = [*PAIRS, {"scim": "locale", "app": "office.locale"}]
    pairs.append({"scim": "userType", "app": "profile.deep.kind"})
    pairs.append({"scim": "title", "app": "public_id", "read_only": True})
    scim = local.connect("acme", tenant="1", mapping={"User": pairs})
    ann = scim.create("ann@x.org", locale="de", userType="a")
    with local.app.app_context():
        row = local.db.session.get(local.User, int(ann["id"]))
        match change:
            case "column":
                row.username = "ann-new"
            case "offered":
                row.public_id = uuid.uuid4()
            case "json":
                row.profile = {"deep": {"kind": "b"}}
            case "relation":
                row.office.locale = "fr"
            case "gone":
                row.office = None
        local.db.session.commit()
    assert only(scim)["meta"]["version"] != ann["meta"]["version"]


def test_costs(local: Host) -> None:
    """A mapping of the connection's own costs no statement."""
    own = local.connect("acme", tenant="1")
    other = local.connect("globex", tenant="2", mapping={"User": PAIRS})
    counts = []
    for client in (own, other):
        client.create("ann@x.org")
        client.get("/Users")
        with local.statements() as statements:
            client.get("/Users")
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_mapping_that_fits_no_more(local: Host, caplog: pytest.LogCaptureFixture) -> None:
    """Where the app has taken a place back, its requests wait, and the reason is in the log."""
    pairs = [*PAIRS, {"scim": "title", "app": "profile.title"}, {"scim": "locale", "app": "gone"}]
    scim = local.connect("acme", tenant="1")
    other = local.connect("globex", tenant="2")
    table = local.scim._wiring.tables.connections
    with local.app.app_context():
        local.db.session.execute(
            table.update().where(table.c.id == "acme").values(mapping={"User": pairs})
        )
        local.db.session.commit()
    answer = scim.get("/Users")
    assert answer.status_code == 503
    assert "gone" not in answer.text
    assert "does not offer 'gone'" in caplog.text
    assert other.get("/Users").status_code == 200
    chosen(local, "acme", None)
    assert scim.get("/Users").status_code == 200


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"User": []}, ["userName is required and not mapped"]),
        ({"Users": PAIRS}, ["no resource type 'Users'", "User, Group"]),
        ({"User": "x"}, ["list of pairs"]),
        (
            {"User": [{"scim": "title", "app": "seen"}, {"scim": "name", "app": "email"}]},
            ["does not offer 'seen'", "name is of type complex", "userName is required"],
        ),
        (
            {"User": [*PAIRS, {"scim": "title", "app": "tenant_id"}]},
            ["does not offer 'tenant_id' to connections"],
        ),
        ({"User": [*PAIRS, {"scim": "title", "app": "id"}]}, ["does not offer 'id'"]),
        ({"User": [*PAIRS, {"scim": "addresses", "app": "username"}]}, ["cannot hold"]),
        ({"User": [*PAIRS, {"scim": "title", "app": "office"}]}, ["does not offer 'office'"]),
    ],
)
def test_mistakes(local: Host, mapping: Any, words: list[str]) -> None:
    """A mapping that cannot be used is refused with every mistake, and nothing is stored."""
    local.connect("acme", tenant="1")
    with local.app.app_context():
        with pytest.raises(ValueError, match=r".") as caught:
            local.scim.connections.edit("acme", mapping=mapping)
        connection = local.scim.connections.get("acme")
        assert connection is not None
        assert connection.mapping is None
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        ("tenant_id", "tenant_id is the tenant"),
        ("id", "id is a key"),
        ("office_id", "office_id is a key"),
        ("office", "has no column office"),
        ("nonsense", "has no column nonsense"),
        ("username.deeper", "has no column username.deeper"),
        ("!blocked", "name blocked itself"),
        ("first_name", "first_name is the mark of the untouchable"),
    ],
)
def test_offers(offer: str, words: str) -> None:
    """What says whose a row is, and what leads to others, cannot be offered."""
    with pytest.raises(ConfigurationError, match="What User offers cannot be used") as caught:
        make_host("sqlite://", offers=[offer], untouchable="first_name")
    assert words in str(caught.value)


def test_sent_back_is_no_choice(local: Host) -> None:
    """The app's own mapping, sent back in any order, stays the app's."""
    local.connect("acme", tenant="1")
    with local.app.app_context():
        connections = local.scim.connections
        connection = connections.get("acme")
        pairs = local.scim._wiring.mappings().pairs(connection, "User")
        raw = [pair.dump() for pair in reversed(pairs)]
        assert connections.edit("acme", mapping={"User": raw}).mapping is None
        assert connections.edit("acme", mapping={"User": raw[1:]}).mapping == {"User": raw[1:]}


@pytest.fixture
def strictest(local: Host) -> ScimClient:
    """A connection that refuses what is not mapped."""
    return local.connect("acme", tenant="1", policy={"unmapped": "refuse"})


def test_refused(strictest: ScimClient) -> None:
    """Every attribute without a place is named at once, known to the schema or not."""
    body = {
        "schemas": [USER],
        "userName": "ann",
        "id": "7",
        "meta": {"location": "x"},
        "groups": [{"value": "1"}],
        "nickName": "a",
        "password": "secret",
        "name": {"givenName": "Ann", "formatted": "Ann Lee"},
        "emails": [
            {"type": "work", "primary": True, "value": "a@x.org", "display": "A"},
            {"type": "home", "value": "h@x.org"},
        ],
        "shoeSize": 7,
        "profileUrl": None,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "d"},
    }
    answer = strictest.post("/Users", body)
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidSyntax")
    listed = answer.json["detail"].removeprefix("This application has no place for ")
    assert listed.split("; take")[0].split(", ") == [
        'emails[type eq "home"]',
        'emails[type eq "work"].display',
        "name.formatted",
        "nickName",
        "password",
        "shoeSize",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ]
    assert strictest.find("userName pr") == []


def test_refused_in_changes(strictest: ScimClient) -> None:
    """PUT and PATCH are held to the same, and leave the resource as it was."""
    ann = strictest.create("ann", title="Chef")
    path = f"/Users/{ann['id']}"
    put = strictest.put(path, {"schemas": [USER], "userName": "ann", "nickName": "a"})
    assert (put.status_code, "nickName" in put.json["detail"]) == (400, True)
    for operation in (
        {"op": "add", "path": "nickName", "value": "a"},
        {"op": "replace", "value": {"nickName": "a", "title": "Cook"}},
        {"op": "add", "path": 'emails[type eq "home"].value', "value": "h@x.org"},
        {"op": "replace", "value": {"shoeSize": 7}},
    ):
        answer = strictest.patch(path, operation)
        assert (answer.status_code, answer.json["scimType"]) == (400, "invalidSyntax"), operation
    for operation in (
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "value": {"title": "Cook", "id": ann["id"], "groups": []}},
    ):
        assert strictest.patch(path, operation).status_code == 200, operation
    assert only(strictest)["title"] == "Cook"


def test_each_connection_by_its_choice(local: Host) -> None:
    """One connection keeps what another drops, and what was kept is hidden once it is not."""
    keeps = local.connect("acme", tenant="1", policy={"unmapped": "keep"})
    drops = local.connect("globex", tenant="2")
    for client in (keeps, drops):
        client.create("ann", nickName="a")
    assert only(keeps)["nickName"] == "a"
    assert keeps.find('nickName eq "a"') == ["ann"]
    assert "nickName" not in only(drops)
    assert drops.find('nickName eq "a"') == []
    with local.app.app_context():
        local.scim.connections.edit("acme", policy={"unmapped": None})
    assert "nickName" not in only(keeps)
    assert keeps.find('nickName eq "a"') == []

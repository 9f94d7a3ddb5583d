"""The endpoint ``/Users`` from creation to deletion."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_scim import SCIM
from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import Host
from tests.web.answers import refusal, stored

ANN: dict[str, Any] = {
    "schemas": [USER, ENTERPRISE],
    "userName": "ann@example.com",
    "externalId": "a-1",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [{"type": "work", "primary": True, "value": "ann@example.com"}],
    "active": True,
    "title": "Dr",
    "nickName": "Annie",
    ENTERPRISE: {"employeeNumber": "17", "department": "Research"},
}


def test_create(scim: ScimClient) -> None:
    """A user that is created comes back whole, with its location and version."""
    response = scim.post("/Users", ANN)
    created = response.json
    location = f"http://localhost/scim/v2/acme/Users/{created['id']}"
    assert response.status_code == 201
    assert response.headers["Location"] == location
    assert response.headers["ETag"] == 'W/"1"'
    assert response.headers["Content-Type"] == "application/scim+json"
    meta = created.pop("meta")
    assert created == {**ANN, "id": created["id"], "displayName": "Lee"}
    assert meta["resourceType"] == "User"
    assert meta["location"] == location
    assert meta["version"] == 'W/"1"'
    assert meta["created"] == meta["lastModified"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", meta["created"])


def test_create_writes_the_hosts_row(host: Host, scim: ScimClient) -> None:
    """What is mapped stands in the host's own columns, under the connection's tenant."""
    id = scim.post("/Users", ANN).json["id"]
    with host.app.app_context():
        row = host.db.session.get(host.User, int(id))
        assert (row.username, row.email, row.first_name, row.last_name) == (
            "ann@example.com",
            "ann@example.com",
            "Ann",
            "Lee",
        )
        assert (row.blocked, row.number, row.tenant_id) == (False, 17, 1)
        assert row.profile == {"title": "Dr"}


def test_get(scim: ScimClient) -> None:
    """A user can be read by its id, as it was created."""
    created = scim.post("/Users", ANN).json
    response = scim.get(f"/Users/{created['id']}")
    assert response.status_code == 200
    assert response.json == created
    assert response.headers["ETag"] == 'W/"1"'
    assert response.headers["Content-Type"] == "application/scim+json"


@pytest.mark.parametrize("path", ["/Users", "/Users/{id}", "/ServiceProviderConfig"])
def test_head(scim: ScimClient, path: str) -> None:
    """HEAD answers with the headers of GET, and no body."""
    path = path.format(id=scim.create("ann")["id"])
    named = {"X-Request-Id": "one"}
    full, head = (scim.request(each, path, headers=named) for each in ("GET", "HEAD"))
    assert head.status_code == 200
    assert head.data == b""
    assert dict(full.headers) == dict(head.headers)


@pytest.mark.parametrize(
    ("content_type", "accept", "expected"),
    [
        ("application/scim+json", None, "application/scim+json"),
        ("application/scim+json; charset=utf-8", "application/scim+json", "application/scim+json"),
        ("APPLICATION/SCIM+JSON;charset=UTF-8", "*/*", "application/scim+json"),
        ("application/json", None, "application/scim+json"),
        ("application/json; charset=utf-8", "application/json", "application/json"),
        ("application/scim+json", "application/json, application/scim+json;q=0.5",
         "application/json"),
        ("application/scim+json", "application/*", "application/scim+json"),
        ("application/scim+json", "text/html", "application/scim+json"),
        (None, None, "application/scim+json"),
    ],
)  # fmt: skip
def test_media_types(
    scim: ScimClient, content_type: str | None, accept: str | None, expected: str
) -> None:
    """Both kinds of JSON come in, and the one that is asked for goes out."""
    headers = {"Content-Type": content_type, "Accept": accept}
    response = scim.request(
        "POST",
        "/Users",
        data=f'{{"schemas": ["{USER}"], "userName": "Zoë"}}'.encode(),
        headers={name: value for name, value in headers.items() if value is not None},
    )
    assert response.status_code == 201
    assert response.mimetype == expected
    assert response.json["userName"] == "Zoë"


def test_byte_order_mark(scim: ScimClient) -> None:
    """A byte order mark before the JSON is passed over."""
    body = f'\ufeff{{"schemas": ["{USER}"], "userName": "ann"}}'.encode()
    response = scim.request("POST", "/Users", data=body)
    assert response.status_code == 201


def test_list(scim: ScimClient) -> None:
    """A list says how many there are and holds whole users."""
    users = [scim.create(name) for name in ("ann", "bob")]
    response = scim.get("/Users")
    assert response.status_code == 200
    assert response.mimetype == "application/scim+json"
    assert response.json == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 2,
        "startIndex": 1,
        "itemsPerPage": 2,
        "Resources": users,
    }


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ('userName eq "ann@example.com"', ["ann@example.com"]),
        ('USERNAME EQ "ANN@EXAMPLE.COM"', ["ann@example.com"]),
        ('userName eq "nobody"', []),
        ('externalId eq "a-1"', ["ann@example.com"]),
        ('externalId eq "A-1"', []),
        ('emails[type eq "work"].value eq "ANN@example.com"', ["ann@example.com"]),
        ('emails.value eq "ann@example.com"', ["ann@example.com"]),
        ('emails[type eq "work" and value co "@example"]', ["ann@example.com"]),
        ("active eq true", ["ann@example.com"]),
        ("active eq false", ["o'neil+#%_\\é"]),
        ('userName eq "o\'neil+#%_\\\\é"', ["o'neil+#%_\\é"]),
        ('userName eq "O\'NEIL+#%_\\\\É"', ["o'neil+#%_\\é"]),
        ('userName co "%_"', ["o'neil+#%_\\é"]),
        ('name.familyName sw "L"', ["ann@example.com"]),
        (f'{USER}:userName sw "ann"', ["ann@example.com"]),
        (f'{ENTERPRISE}:department eq "research"', ["ann@example.com"]),
        (f'{ENTERPRISE}:employeeNumber eq "17"', ["ann@example.com"]),
        ("nickName pr", ["ann@example.com"]),
        ("not (nickName pr)", ["o'neil+#%_\\é"]),
        ('nickName eq "ANNIE" and active eq true', ["ann@example.com"]),
        ('meta.created gt "2020-01-01T00:00:00Z"', ["ann@example.com", "o'neil+#%_\\é"]),
        ('meta.lastModified lt "2020-01-01T00:00:00Z"', []),
        ('meta.resourceType eq "User"', ["ann@example.com", "o'neil+#%_\\é"]),
    ],
)
def test_filter(scim: ScimClient, filter: str, expected: list[str]) -> None:
    """A filter finds what it describes, wherever the values sit."""
    scim.post("/Users", ANN)
    scim.create("o'neil+#%_\\é", active=False)
    assert expected == scim.find(filter)


def test_filter_by_id(scim: ScimClient) -> None:
    """A filter on the id finds the one user."""
    users = [scim.create(name) for name in ("ann", "bob")]
    assert scim.find(f'id eq "{users[1]["id"]}"') == ["bob"]
    assert scim.find(f'id eq "{users[1]["id"]}0"') == []


def test_filter_with_plus_for_blanks(scim: ScimClient) -> None:
    """Blanks come as plus signs or percent-encoded, and a plus sign percent-encoded."""
    scim.create("a+b")
    for query in ("userName+eq+%22a%2Bb%22", "userName%20eq%20%22a%2Bb%22"):
        assert scim.request("GET", f"/Users?filter={query}").json["totalResults"] == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_trailing_slash(scim: ScimClient, slash: str) -> None:
    """A slash at the end of a path changes nothing."""
    id = scim.create("ann")["id"]
    assert scim.get(f"/Users{slash}").status_code == 200
    assert scim.get(f"/Users/{id}{slash}").json["userName"] == "ann"
    assert scim.post(f"/Users{slash}", {"schemas": [USER], "userName": "bob"}).status_code == 201


@pytest.mark.parametrize(
    ("query", "start_index", "names"),
    [
        ({}, 1, "abcdefg"),
        ({"startIndex": "1", "count": "3"}, 1, "abc"),
        ({"startIndex": "4", "count": "3"}, 4, "def"),
        ({"startIndex": "7", "count": "3"}, 7, "g"),
        ({"startIndex": "5", "count": "3"}, 5, "efg"),
        ({"startIndex": "8", "count": "3"}, 8, ""),
        ({"startIndex": "800"}, 800, ""),
        ({"startIndex": "3"}, 3, "cdefg"),
        ({"count": "0"}, 1, ""),
        ({"startIndex": "4", "count": "0"}, 4, ""),
        ({"count": "7"}, 1, "abcdefg"),
        ({"count": "8"}, 1, "abcdefg"),
        ({"startIndex": "0", "count": "2"}, 1, "ab"),
        ({"startIndex": "-3", "count": "2"}, 1, "ab"),
        ({"count": "-1"}, 1, ""),
        ({"count": f"-{10**30}"}, 1, ""),
        ({"count": f"{10**30}"}, 1, "abcdefg"),
        ({"startIndex": f"{10**30}"}, 2**31 - 1, ""),
        ({"startIndex": "9" * 5000}, 2**31 - 1, ""),
        ({"startIndex": "+2", "count": " 2 "}, 2, "bc"),
    ],
)  # fmt: skip
def test_paging(scim: ScimClient, query: dict[str, str], start_index: int, names: str) -> None:
    """A page begins and ends where it should, and always knows how many there are in all."""
    for name in "abcdefg":
        scim.create(name)
    response = scim.get("/Users", **query)
    assert response.status_code == 200
    body = response.json
    assert names == "".join(resource["userName"] for resource in body["Resources"])
    assert (7, start_index, len(names)) == (
        body["totalResults"],
        body["startIndex"],
        body["itemsPerPage"],
    )


def test_paging_of_a_filter(scim: ScimClient) -> None:
    """The total is that of the filter, on every page."""
    for name in ("a1", "b1", "a2", "b2", "a3"):
        scim.create(name)
    for start, expected in ((1, ["a1", "a2"]), (3, ["a3"]), (4, [])):
        body = scim.get("/Users", filter='userName sw "a"', startIndex=start, count=2).json
        assert body["totalResults"] == 3
        assert expected == [resource["userName"] for resource in body["Resources"]]


def test_page_sizes_are_settings(build: Callable[..., Host]) -> None:
    """The host decides how long a page is, with and without a count."""
    host = build(SCIM_DEFAULT_PAGE_SIZE=2, SCIM_MAX_PAGE_SIZE=3)
    scim = host.connect("acme", tenant="1")
    for name in "abcde":
        scim.create(name)
    assert scim.get("/Users").json["itemsPerPage"] == 2
    assert scim.get("/Users", count=50).json["itemsPerPage"] == 3
    assert scim.get("/Users", count=50).json["totalResults"] == 5


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sortBy": "userName"}, ["Ann", "bob", "Cyd"]),
        ({"sortBy": "userName", "sortOrder": "descending"}, ["Cyd", "bob", "Ann"]),
        ({"sortBy": "name.familyName", "sortOrder": "Ascending"}, ["bob", "Cyd", "Ann"]),
    ],
)
def test_sort(scim: ScimClient, query: dict[str, str], expected: list[str]) -> None:
    """A list comes in the order that is asked for."""
    for name, family in (("Cyd", "b"), ("Ann", "c"), ("bob", "A")):
        scim.create(name, name={"familyName": family})
    resources = scim.get("/Users", **query).json["Resources"]
    assert expected == [resource["userName"] for resource in resources]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"attributes": "userName"}, {"schemas", "id", "userName"}),
        ({"attributes": "USERNAME, name.givenName"}, {"schemas", "id", "userName", "name"}),
        ({"attributes": "meta"}, {"schemas", "id", "meta"}),
        ({"attributes": f"{ENTERPRISE}:department"}, {"schemas", "id", ENTERPRISE}),
        ({"attributes": "nonsense"}, {"schemas", "id"}),
        ({"attributes": "password"}, {"schemas", "id"}),
        (
            {"excludedAttributes": f"emails,name,meta,displayName,title,{ENTERPRISE}"},
            {"schemas", "id", "externalId", "userName", "active", "nickName"},
        ),
    ],
)
def test_attributes(scim: ScimClient, query: dict[str, str], expected: set[str]) -> None:
    """A client gets the attributes that it asks for, whatever it asks with."""
    created = scim.post("/Users", ANN).json
    path = f"/Users/{created['id']}"
    operation = {"op": "replace", "path": "title", "value": "Prof"}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    responses = [
        scim.get(path, **query).json,
        scim.get("/Users", **query).json["Resources"][0],
        scim.request("PUT", path, ANN, query_string=query).json,
        scim.request("PATCH", path, body, query_string=query).json,
        scim.request("POST", "/Users", {**ANN, "userName": "bob"}, query_string=query).json,
    ]
    assert [expected] * 5 == [set(response) for response in responses]


def test_excluded_id_is_returned(scim: ScimClient) -> None:
    """What is always returned cannot be left out."""
    id = scim.create("ann")["id"]
    assert scim.get(f"/Users/{id}", excludedAttributes="id,schemas").json["id"] == id


def test_put(scim: ScimClient) -> None:
    """PUT replaces the user: what it leaves out is gone."""
    created = scim.post("/Users", ANN).json
    response = scim.put(
        f"/Users/{created['id']}",
        {
            "schemas": [USER],
            "userName": "ann2@example.com",
            "name": {"familyName": "Ray"},
            "active": True,
        },
    )
    assert response.status_code == 200
    assert response.headers["ETag"] == 'W/"2"'
    replaced = response.json
    assert replaced.pop("meta")["created"] == created["meta"]["created"]
    assert replaced == {
        "schemas": [USER],
        "id": created["id"],
        "userName": "ann2@example.com",
        "name": {"familyName": "Ray"},
        "displayName": "Ray",
        "active": True,
    }
    assert scim.get(f"/Users/{created['id']}").json == response.json


@pytest.mark.parametrize("active", [True, False])
def test_put_without_active(scim: ScimClient, sent: list[Any], active: bool) -> None:
    """A PUT that says nothing of ``active`` lets nobody in and locks nobody out."""
    created = scim.create("ann", active=active)
    sent.clear()
    body = {"schemas": [USER], "userName": "ann", "title": "Dr"}
    assert scim.put(f"/Users/{created['id']}", body).json["active"] is active
    assert [name for name, _ in sent] == ["user_updated"]


def test_put_of_what_was_read(scim: ScimClient, sent: list[Any]) -> None:
    """A user that is read, changed and sent back changes there alone, whatever else it repeats."""
    created = scim.post("/Users", ANN).json
    sent.clear()
    body = {**created, "groups": [{"value": "7"}], "title": "Prof", "profileUrl": None}
    body["meta"] = {**created["meta"], "version": 'W/"99"', "lastModified": "2001-01-01T00:00:00Z"}
    replaced = scim.put(f"/Users/{created['id']}", body).json
    assert {**created, "title": "Prof", "meta": replaced["meta"]} == replaced
    assert [name for name, _ in sent] == ["user_updated"]
    assert sent[0][1]["event"].changed == ("title",)


def test_put_of_another_id(scim: ScimClient) -> None:
    """The id in a body does not decide which user is replaced."""
    ann, bob = scim.create("ann"), scim.create("bob")
    replaced = scim.put(f"/Users/{ann['id']}", {**ann, "id": bob["id"], "title": "Dr"}).json
    assert replaced["id"] == ann["id"]
    assert scim.get(f"/Users/{bob['id']}").json == bob


def test_patch(scim: ScimClient) -> None:
    """PATCH changes what it names and answers with the whole user."""
    created = scim.post("/Users", ANN).json
    response = scim.patch(
        f"/Users/{created['id']}",
        {"op": "replace", "path": "name.familyName", "value": "Ray"},
        {"op": "add", "value": {"nickName": "An", "active": False}},
        {"op": "remove", "path": f"{ENTERPRISE}:department"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@example.com"},
    )
    assert response.status_code == 200
    assert response.headers["ETag"] == 'W/"2"'
    assert response.json == {
        **created,
        "name": {"givenName": "Ann", "familyName": "Ray"},
        "displayName": "Ray",
        "nickName": "An",
        "active": False,
        ENTERPRISE: {"employeeNumber": "17"},
        "emails": [{"type": "work", "primary": True, "value": "a@example.com"}],
        "meta": response.json["meta"],
    }
    assert response.json["meta"]["lastModified"] > created["meta"]["lastModified"]
    assert scim.get(f"/Users/{created['id']}").json == response.json


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "replace", "path": "title", "value": "Dr"}],
        [{"op": "replace", "value": {"active": True, "nickName": "Annie"}}],
        [{"op": "add", "path": "emails", "value": [{"type": "work", "value": "ann@example.com"}]}],
        [{"op": "add", "path": "emails", "value": ANN["emails"]}],
        [{"op": "replace", "path": "emails", "value": ANN["emails"]}],
        [{"op": "remove", "path": "photos"}],
        [{"op": "replace", "path": "title", "value": "X"},
         {"op": "replace", "path": "title", "value": "Dr"}],
        [{"op": "replace", "path": "password", "value": "s3cret"}],
        [{"op": "replace", "path": "displayName", "value": "Computed"}],
    ],
)  # fmt: skip
def test_patch_without_change(
    host: Host, scim: ScimClient, sent: list[Any], operations: list[Any]
) -> None:
    """A PATCH that changes nothing writes nothing, moves no version and tells nobody."""
    created = scim.post("/Users", ANN).json
    before = stored(host)
    sent.clear()
    response = scim.patch(f"/Users/{created['id']}", *operations)
    assert response.status_code == 200
    assert response.json == created
    assert response.headers["ETag"] == 'W/"1"'
    assert before == stored(host)
    assert sent == []


def test_put_without_change(host: Host, scim: ScimClient, sent: list[Any]) -> None:
    """A PUT of what is there writes nothing, moves no version and tells nobody, however often."""
    created = scim.post("/Users", ANN).json
    before = stored(host)
    sent.clear()
    for body in (created, ANN, {**created, "groups": [], "photos": None}):
        response = scim.put(f"/Users/{created['id']}", body)
        assert response.status_code == 200
        assert response.json == created
    assert before == stored(host)
    assert sent == []


def test_deactivated_stays_readable(host: Host, scim: ScimClient) -> None:
    """A user that is switched off is found by id and by filter, and the host's row says so."""
    id = scim.create("ann")["id"]
    scim.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False})
    assert scim.get(f"/Users/{id}").json["active"] is False
    assert scim.find('userName eq "ann"') == ["ann"]
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)).blocked is True


def test_delete(host: Host, scim: ScimClient) -> None:
    """A deleted user is gone for every method, and the name is free; the host keeps its row."""
    id = scim.create("ann", externalId="a")["id"]
    response = scim.delete(f"/Users/{id}")
    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers
    replacement = {"schemas": [USER], "userName": "ann"}
    operation = {"op": "replace", "path": "title", "value": "Dr"}
    for gone in (
        scim.get(f"/Users/{id}"),
        scim.put(f"/Users/{id}", replacement),
        scim.patch(f"/Users/{id}", operation),
        scim.delete(f"/Users/{id}"),
    ):
        assert refusal(gone) == (404, None)
    assert scim.get("/Users").json["totalResults"] == 0
    assert scim.find('userName eq "ann"') == []
    with host.app.app_context():
        assert host.db.session.get(host.User, int(id)).blocked is True
    assert scim.create("ANN", externalId="a")["active"] is True


def test_delete_then_create_another_person(scim: ScimClient) -> None:
    """Somebody else may take over the name of a deleted user, with a row of their own."""
    first = scim.create("ann", externalId="a", title="Dr", nickName="Annie")
    scim.delete(f"/Users/{first['id']}")
    second = scim.create("ann", externalId="b")
    assert second["id"] != first["id"]
    assert "title" not in second
    assert "nickName" not in second
    assert scim.get(f"/Users/{first['id']}").status_code == 404


def test_create_delete_again_and_again(scim: ScimClient) -> None:
    """A user can come and go any number of times."""
    for _ in range(4):
        id = scim.create("ann")["id"]
        assert scim.get("/Users").json["totalResults"] == 1
        assert scim.delete(f"/Users/{id}").status_code == 204
    assert scim.get("/Users").json["totalResults"] == 0


def test_deleted_name_can_be_taken_by_rename(scim: ScimClient) -> None:
    """The name of a deleted user is free for a user that is there already."""
    ann, bob = scim.create("ann", externalId="a"), scim.create("bob", externalId="b")
    scim.delete(f"/Users/{ann['id']}")
    renamed = scim.patch(
        f"/Users/{bob['id']}", {"op": "replace", "path": "userName", "value": "ann"}
    )
    assert (renamed.status_code, renamed.json["userName"]) == (200, "ann")


@pytest.mark.one_database("a version is compared as text")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("tag", "is_taken"),
    [
        ('W/"2"', True),
        ('"2"', True),
        ("*", True),
        ('W/"1", W/"2"', True),
        ('W/"1"', False),
        ('W/"22"', False),
        ('"nonsense"', False),
        ("", False),
    ],
)
def test_if_match(host: Host, scim: ScimClient, method: str, tag: str, is_taken: bool) -> None:
    """A change happens only to the version that the client names."""
    id = scim.create("ann")["id"]
    scim.patch(f"/Users/{id}", {"op": "add", "path": "title", "value": "Dr"})
    before = stored(host)
    body: Any = None
    if method == "PUT":
        body = {"schemas": [USER], "userName": "ann", "title": "Prof"}
    elif method == "PATCH":
        body = {"Operations": [{"op": "replace", "path": "title", "value": "Prof"}]}
    response = scim.request(method, f"/Users/{id}", body, headers={"If-Match": tag})
    if is_taken:
        assert response.status_code in (200, 204)
        assert before != stored(host)
    else:
        assert refusal(response) == (412, None)
        assert before == stored(host)


@pytest.mark.parametrize(
    ("tag", "expected"), [('W/"1"', 304), ('"1"', 304), ("*", 304), ('W/"2"', 200), ('"x"', 200)]
)
def test_if_none_match(scim: ScimClient, tag: str, expected: int) -> None:
    """A client that has the version already is told so, without a body."""
    id = scim.create("ann")["id"]
    response = scim.request("GET", f"/Users/{id}", headers={"If-None-Match": tag})
    assert response.status_code == expected
    assert response.headers["ETag"] == 'W/"1"'
    assert bool(response.data) is (expected == 200)


def test_hosts_own_change_moves_the_version(host: Host, scim: ScimClient) -> None:
    """What the app itself changes is seen at once, under another version."""
    created = scim.create("ann")
    with host.app.app_context():
        host.db.session.get(host.User, int(created["id"])).last_name = "Ray"
        host.db.session.commit()
    response = scim.request(
        "GET", f"/Users/{created['id']}", headers={"If-None-Match": created["meta"]["version"]}
    )
    assert response.status_code == 200
    assert response.json["name"] == {"familyName": "Ray"}
    assert response.headers["ETag"] == 'W/"2"'


def test_hosts_own_users_are_not_shown(host: Host, scim: ScimClient) -> None:
    """A row that no identity provider made is not a SCIM user, and its name is taken."""
    with host.app.app_context():
        row = host.User(username="ann", last_name="Lee", tenant_id=1)
        host.db.session.add(row)
        host.db.session.commit()
        id = row.id
    assert scim.get("/Users").json["totalResults"] == 0
    assert scim.get(f"/Users/{id}").status_code == 404
    response = scim.post("/Users", {"schemas": [USER], "userName": "Ann"})
    assert refusal(response) == (409, "uniqueness")


def test_password_is_not_kept(host: Host, scim: ScimClient) -> None:
    """A password is taken and neither returned nor stored."""
    created = scim.create("ann", password="s3cret-word")
    replaced = scim.put(f"/Users/{created['id']}", {**created, "password": "s3cret-word"})
    patched = scim.patch(
        f"/Users/{created['id']}", {"op": "add", "value": {"password": "s3cret-word"}}
    )
    for body in (created, replaced.json, patched.json):
        assert "password" not in body
    assert "s3cret-word" not in str(stored(host))


def test_big_user(scim: ScimClient) -> None:
    """A user with every text filled and many entries comes back as it was sent."""
    emails = [{"type": f"t{index}", "value": f"{index}@example.com"} for index in range(300)]
    created = scim.create("ann", emails=emails, nickName="é" * 10_000)
    assert emails == created["emails"]
    assert created["nickName"] == "é" * 10_000
    assert scim.get(f"/Users/{created['id']}").json == created


@pytest.mark.parametrize(
    "text", ["Zoë 😀", "'; DROP TABLE host_user; --", "<b>&amp;", "\u202eabc", "a\tb\nc", " blank "]
)
def test_text_comes_back_as_sent(scim: ScimClient, text: str) -> None:
    """Text of every kind is kept as it was sent, and found again."""
    created = scim.create(text, nickName=text, name={"familyName": text})
    assert (text, text, {"familyName": text}) == (
        created["userName"],
        created["nickName"],
        created["name"],
    )
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    quoted = quoted.replace("\t", "\\t").replace("\n", "\\n")
    assert scim.find(f'userName eq "{quoted}" and nickName eq "{quoted}"') == [text]


def test_location_follows_the_request(http: FlaskClient, scim: ScimClient) -> None:
    """Locations name the host and the path under which the app is reached."""
    response = http.post(
        "/scim/v2/acme/Users",
        base_url="https://app.example.com/mounted",
        json={"schemas": [USER], "userName": "ann"},
        headers={"Authorization": f"Bearer {scim.token}"},
    )
    expected = f"https://app.example.com/mounted/scim/v2/acme/Users/{response.json['id']}"
    assert expected == response.headers["Location"] == response.json["meta"]["location"]


def test_prefix_is_a_setting(build: Callable[..., Host]) -> None:
    """The host decides below which path the endpoints are."""
    host = build(SCIM_URL_PREFIX="/api/identity")
    scim = host.connect("acme", tenant="1")
    scim.base = "/api/identity/acme"
    assert scim.create("ann")["meta"]["location"].startswith("http://localhost/api/identity/acme/")
    assert scim.http.get("/scim/v2/acme/Users").mimetype == "text/html"


def test_id_is_a_setting() -> None:
    """The host names the attribute that is the id, in this case a UUID of its own."""
    db = SQLAlchemy()
    scim = SCIM(db)

    class Person(db.Model):  # type: ignore[name-defined,misc]
        """A user with a key that is nobody's business."""

        key: Mapped[int] = mapped_column(primary_key=True)
        public_id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
        name: Mapped[str]

    scim.users(Person, {"userName": "name"}, id=Person.public_id)
    app = Flask("host")
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI="sqlite://")
    db.init_app(app)
    scim.init_app(app)
    with app.app_context():
        db.create_all()
        scim.connections.add("acme")
        token, _ = scim.tokens.issue("acme", ["get:users", "post:users"])
    client = ScimClient(app.test_client(), "/scim/v2/acme", token)
    created = client.create("ann")
    assert str(uuid.UUID(created["id"])) == created["id"]
    assert client.get(f"/Users/{created['id']}").json == created
    assert client.find(f'id eq "{created["id"]}"') == ["ann"]
    for id in ("1", created["id"].upper(), created["id"].replace("-", ""), "x"):
        assert client.get(f"/Users/{id}").status_code == 404
    with app.app_context():
        db.engine.dispose()

"""What nobody should send: it is refused in SCIM's words, and nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_scim import computed
from tests.client import ENTERPRISE, PATCH, USER, ScimClient
from tests.host import Host
from tests.marks import refused_early
from tests.web.answers import refusal, stored
from tests.web.live import Server, serve

Refusal = tuple[int, str | None]

SYNTAX = (400, "invalidSyntax")
VALUE = (400, "invalidValue")
FILTER = (400, "invalidFilter")
PATH = (400, "invalidPath")
MUTABILITY = (400, "mutability")
NO_TARGET = (400, "noTarget")
TOO_MANY = (400, "tooMany")
UNIQUENESS = (409, "uniqueness")

BODIES: list[tuple[bytes, Refusal]] = [
    (b"", SYNTAX),
    (b" \r\n\t ", SYNTAX),
    (b"{", SYNTAX),
    (b'{"userName": "ann"', SYNTAX),
    (b'{"userName": "ann"}}', SYNTAX),
    (b'{"userName": "ann",}', SYNTAX),
    (b"{'userName': 'ann'}", SYNTAX),
    (b"userName=ann", SYNTAX),
    (b"<user/>", SYNTAX),
    (b"[]", SYNTAX),
    (b'[{"userName": "ann"}]', SYNTAX),
    (b'"ann"', SYNTAX),
    (b"null", SYNTAX),
    (b"true", SYNTAX),
    (b"17", SYNTAX),
    (b"NaN", SYNTAX),
    (b'{"userName": "ann", "title": NaN}', SYNTAX),
    (b'{"userName": "ann", "title": Infinity}', SYNTAX),
    (b'{"userName": "ann", "title": -Infinity}', SYNTAX),
    (b'{"userName": "ann", "title": ' + b"9" * 5_000 + b"}", SYNTAX),
    (b'{"userName": "\xff\xfe"}', SYNTAX),
    ('{"userName": "ann"}'.encode("utf-16"), SYNTAX),
    (b'{"userName": "a\nb"}', SYNTAX),
    (b'{"userName": "\\x41"}', SYNTAX),
    (b'{"userName": "a\x00b"}', SYNTAX),
    (b"[" * 10_000 + b"]" * 10_000, SYNTAX),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, SYNTAX),
    (b'{"userName": "ann", "title": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", SYNTAX),
    (b"[" * 300_000, SYNTAX),
    (b'{"userName": "a\\u0000b"}', VALUE),
    (b'{"userName": "a\\ud800b"}', VALUE),
    (b'{"userName": "ann", "name": {"givenName": "\\udfff"}}', VALUE),
    (b'{"userName": "ann", "unknown": ["\\ud800"]}', VALUE),
    (b'{"userName": "ann", "\\u0000": 1}', VALUE),
    (b'{"userName": "ann", "emails": [{"\\ud800": 1}]}', VALUE),
    (b'{"userName": "\xed\xa0\x80"}', SYNTAX),
]

RESOURCES: list[tuple[dict[str, Any], Refusal]] = [
    ({"userName": None}, VALUE),
    ({"userName": ""}, VALUE),
    ({"userName": "   "}, VALUE),
    ({"userName": 5}, VALUE),
    ({"userName": 10**400}, VALUE),
    ({"userName": True}, VALUE),
    ({"userName": ["ann"]}, VALUE),
    ({"userName": {"value": "ann"}}, VALUE),
    ({"userName": "a" * 101}, VALUE),
    ({"USERNAME": "ann", "userName": "ann"}, SYNTAX),
    ({"title": 1.5}, VALUE),
    ({"title": ["Dr"]}, VALUE),
    ({"active": "yes"}, VALUE),
    ({"active": 1}, VALUE),
    ({"active": 0}, VALUE),
    ({"active": []}, VALUE),
    ({"active": {}}, VALUE),
    ({"name": "Ann Lee"}, VALUE),
    ({"name": 7}, VALUE),
    ({"name": ["Ann", "Lee"]}, VALUE),
    ({"name": {"givenName": ["Ann"]}}, VALUE),
    ({"name": {"givenName": {"x": {"y": {}}}}}, VALUE),
    ({"name": {"givenName": "a" * 51}}, VALUE),
    ({"name": {"givenName": "a", "GIVENNAME": "b"}}, SYNTAX),
    ({"emails": "ann@example.com"}, VALUE),
    ({"emails": 5}, VALUE),
    ({"emails": ["ann@example.com"]}, VALUE),
    ({"emails": [[]]}, VALUE),
    ({"emails": [{"value": 5}]}, VALUE),
    ({"emails": [{"value": {"value": "a"}}]}, VALUE),
    ({"emails": [{"value": "a", "primary": "maybe"}]}, VALUE),
    ({"emails": [{"value": "a", "primary": 1}]}, VALUE),
    ({"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]}, VALUE),
    ({"emails": [{"type": "work", "value": "a" * 101}]}, VALUE),
    ({"x509Certificates": [{"value": "no base64!"}]}, VALUE),
    ({"externalId": 5}, VALUE),
    ({"externalId": "a" * 256}, VALUE),
    ({"externalId": ["a"]}, VALUE),
    ({"userType": "gold"}, VALUE),
    ({ENTERPRISE: "Research"}, VALUE),
    ({ENTERPRISE: 5}, VALUE),
    ({ENTERPRISE: [1, 2]}, VALUE),
    ({ENTERPRISE: {"department": 5}}, VALUE),
    ({ENTERPRISE: {"manager": 5}}, VALUE),
    ({ENTERPRISE: {"manager": {"value": 5}}}, VALUE),
    ({ENTERPRISE: {"employeeNumber": "seventeen"}}, VALUE),
    ({ENTERPRISE: {"employeeNumber": "9" * 30}}, VALUE),
    ({ENTERPRISE: {"employeeNumber": str(2**31)}}, VALUE),
    ({"schemas": "text"}, SYNTAX),
    ({"schemas": {}}, SYNTAX),
    ({"schemas": [1]}, SYNTAX),
    ({"schemas": [[USER]]}, SYNTAX),
    ({"schemas": [ENTERPRISE]}, VALUE),
    ({"schemas": [USER, "urn:example:unknown"]}, VALUE),
    ({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}, VALUE),
    ({"schemas": [PATCH]}, VALUE),
]  # fmt: skip

OPERATIONS: list[tuple[Any, Refusal]] = [
    ({}, SYNTAX),
    ({"Operations": None}, SYNTAX),
    ({"Operations": {}}, SYNTAX),
    ({"Operations": []}, SYNTAX),
    ({"Operations": "replace"}, SYNTAX),
    ({"Operations": ["replace"]}, SYNTAX),
    ({"Operations": [None]}, SYNTAX),
    ({"Operations": [[]]}, SYNTAX),
    ({"Operations": [{}]}, SYNTAX),
    ({"Operations": [{"op": "copy", "path": "title", "value": "x"}]}, SYNTAX),
    ({"Operations": [{"op": 5, "path": "title", "value": "x"}]}, SYNTAX),
    ({"Operations": [{"op": ["add"], "path": "title", "value": "x"}]}, SYNTAX),
    ({"Operations": [{"op": {}, "path": "title", "value": "x"}]}, SYNTAX),
    ({"Operations": [{"path": "title", "value": "x"}]}, SYNTAX),
    ({"schemas": [USER], "Operations": [{"op": "add", "path": "title", "value": "x"}]}, SYNTAX),
    ({"schemas": "x", "Operations": [{"op": "add", "path": "title", "value": "x"}]}, SYNTAX),
    ({"schemas": [5], "Operations": [{"op": "add", "path": "title", "value": "x"}]}, SYNTAX),
    ([{"op": "add", "path": "title", "value": "x"}], SYNTAX),
    ("text", SYNTAX),
]

CHANGES: list[tuple[dict[str, Any], Refusal]] = [
    ({"op": "replace", "path": 5, "value": "x"}, PATH),
    ({"op": "replace", "path": ["title"], "value": "x"}, PATH),
    ({"op": "replace", "path": "", "value": "x"}, PATH),
    ({"op": "replace", "path": "nonsense", "value": "x"}, PATH),
    ({"op": "replace", "path": "name.nonsense", "value": "x"}, PATH),
    ({"op": "replace", "path": "title.x", "value": "x"}, PATH),
    ({"op": "replace", "path": "name.givenName.x", "value": "x"}, PATH),
    ({"op": "replace", "path": "urn:example:unknown:title", "value": "x"}, PATH),
    ({"op": "replace", "path": "title title", "value": "x"}, PATH),
    ({"op": "replace", "path": "/title", "value": "x"}, PATH),
    ({"op": "replace", "path": 'title[type eq "x"]', "value": "x"}, PATH),
    ({"op": "replace", "path": "emails[", "value": "x"}, FILTER),
    ({"op": "replace", "path": "emails[]", "value": "x"}, FILTER),
    ({"op": "replace", "path": 'emails[type eq "work"', "value": "x"}, PATH),
    ({"op": "replace", "path": 'emails[nonsense eq "work"]', "value": {}}, FILTER),
    ({"op": "replace", "path": "emails[type gt true]", "value": {}}, FILTER),
    ({"op": "replace", "path": "emails[" + "(" * 500, "value": {}}, FILTER),
    ({"op": "replace", "path": "a" * 100_000, "value": {}}, TOO_MANY),
    ({"op": "replace", "path": 'emails[type eq "home"].value', "value": "x"}, NO_TARGET),
    ({"op": "remove", "path": 'emails[type eq "home"]'}, NO_TARGET),
    ({"op": "remove"}, NO_TARGET),
    ({"op": "remove", "path": "userName"}, MUTABILITY),
    ({"op": "replace", "path": "userName", "value": ""}, MUTABILITY),
    ({"op": "replace", "path": "userName", "value": None}, MUTABILITY),
    ({"op": "replace", "path": "userName", "value": 5}, VALUE),
    ({"op": "replace", "path": "userName", "value": ["x"]}, VALUE),
    ({"op": "replace", "value": {"userName": None}}, MUTABILITY),
    ({"op": "replace", "path": "userName"}, VALUE),
    ({"op": "add", "path": "title"}, VALUE),
    ({"op": "add", "value": "x"}, VALUE),
    ({"op": "add", "value": [1]}, VALUE),
    ({"op": "add", "value": None}, VALUE),
    ({"op": "replace", "path": "active", "value": "perhaps"}, VALUE),
    ({"op": "replace", "path": "active", "value": 0}, VALUE),
    ({"op": "replace", "path": "name", "value": "Ann"}, VALUE),
    ({"op": "add", "path": "emails", "value": ["x"]}, VALUE),
    ({"op": "add", "path": "emails", "value": [{"value": [[[]]]}]}, VALUE),
    ({"op": "add", "path": 'emails[type eq "work"].primary', "value": "perhaps"}, VALUE),
    ({"op": "replace", "path": ENTERPRISE, "value": "x"}, VALUE),
    ({"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "x"}, VALUE),
    ({"op": "replace", "path": "id", "value": "5"}, MUTABILITY),
    ({"op": "remove", "path": "id"}, MUTABILITY),
    ({"op": "replace", "path": "meta.version", "value": "5"}, MUTABILITY),
    ({"op": "replace", "path": "meta", "value": {}}, MUTABILITY),
    ({"op": "add", "path": "groups", "value": [{"value": "1"}]}, MUTABILITY),
    ({"op": "replace", "path": "title", "value": "a\0b"}, VALUE),
    ({"op": "replace", "path": "title", "value": "\ud800"}, VALUE),
    ({"op": "replace", "path": "\ud800", "value": "x"}, VALUE),
    ({"op": "replace", "path": 'emails[type eq "\0"].value', "value": "x"}, VALUE),
    ({"op": "replace", "value": {"\udfff": "x"}}, VALUE),
    ({"op": "replace", "path": "userName", "value": "BOB"}, UNIQUENESS),
]

FILTERS: list[tuple[str, Refusal]] = [
    ("", FILTER),
    ("   ", FILTER),
    ("userName", FILTER),
    ("userName eq", FILTER),
    ('eq "ann"', FILTER),
    ('userName eq "ann', FILTER),
    ('userName eq ann"', FILTER),
    ("userName eq ann", FILTER),
    ("userName eq 'ann'", FILTER),
    ('userName = "ann"', FILTER),
    ('userName like "ann"', FILTER),
    ('userName eq "ann" and', FILTER),
    ('userName eq "ann" or or userName pr', FILTER),
    ('userName eq "ann" userName pr', FILTER),
    ('not userName eq "ann"', FILTER),
    ('(userName eq "ann"', FILTER),
    ('userName eq "ann")', FILTER),
    ('emails[type eq "work"', FILTER),
    ('emails[type eq "work"]]', FILTER),
    ('emails[emails[type eq "work"]]', FILTER),
    ("emails[]", FILTER),
    ("()", FILTER),
    ('nonsense eq "x"', FILTER),
    ('name.nonsense eq "x"', FILTER),
    ('emails[nonsense eq "x"]', FILTER),
    ('urn:example:unknown:userName eq "x"', FILTER),
    ('name eq "x"', FILTER),
    ('userName.value eq "x"', FILTER),
    ('password eq "x"', (403, "sensitive")),
    ("password pr", (403, "sensitive")),
    ('userName eq "a" or not (password sw "x")', (403, "sensitive")),
    ('active gt "x"', FILTER),
    ("active gt true", FILTER),
    ("active co true", FILTER),
    ('active eq "perhaps"', FILTER),
    ("active eq 1", FILTER),
    ("userName eq 5", FILTER),
    ("userName eq true", FILTER),
    ("userName gt null", FILTER),
    ("userName eq NaN", FILTER),
    ("userName eq " + "9" * 500, FILTER),
    ('meta.created eq "yesterday"', FILTER),
    ('meta.created co "2020"', FILTER),
    ('meta.created gt "9999-99-99T00:00:00Z"', FILTER),
    ('meta.location sw "http"', FILTER),
    ('meta.version sw "W"', FILTER),
    ('x509Certificates.value gt "aaaa"', FILTER),
    ("(" * 10_000 + "userName pr" + ")" * 10_000, TOO_MANY),
    ("(" * 500 + "userName pr" + ")" * 500, FILTER),
    ("not (" * 300 + "userName pr" + ")" * 300, FILTER),
    (" or ".join(["userName pr"] * 400), TOO_MANY),
    ('userName eq "' + "a" * 100_000 + '"', TOO_MANY),
    ("a" * 100_000, TOO_MANY),
    ('userName eq "\0"', FILTER),
    ("userName\0 pr", FILTER),
    ('userName eq "\\u0000"', FILTER),
    ('userName eq "\\ud800"', FILTER),
    ('userName eq "\\x"', FILTER),
    ('userName eq "a\nb"', FILTER),
    ("ünserName pr", FILTER),
    ("userName pr; drop table users", FILTER),
]

IDS = [
    "0",
    "-1",
    "+1",
    "01",
    "1.0",
    "1e0",
    "%201",
    "1%20",
    "abc",
    "null",
    "None",
    "true",
    "99999999",
    "2147483648",
    "9223372036854775808",
    "9" * 400,
    "a" * 20_000,
    "%00",
    "1%00",
    "%ED%A0%80",
    "%FF",
    "%F0%9F%98%80",
    "%D9%A1",
    "1%27%20OR%20%271%27=%271",
    "1;DROP%20TABLE%20users",
    "00000000-0000-0000-0000-000000000000",
    "%25",
    "%2e%2e",
    ".search",
]


@pytest.fixture
def ann(scim: ScimClient) -> dict[str, Any]:
    """A user who is there already; ``bob`` is too."""
    scim.create("bob")
    return scim.create("ann", emails=[{"type": "work", "value": "ann@example.com"}], title="Dr")


def change(ann: dict[str, Any], *operations: Any) -> dict[str, Any]:
    """A PATCH that would change the title, and more."""
    retitle = {"op": "replace", "path": "title", "value": "Prof"}
    return {"schemas": [PATCH], "Operations": [retitle, *operations, retitle]}


@refused_early
@pytest.mark.parametrize(("body", "expected"), BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_unreadable_body(
    host: Host, scim: ScimClient, ann: dict[str, Any], method: str, body: bytes, expected: Refusal
) -> None:
    """A body that is no JSON object is refused as such."""
    path = "/Users" if method == "POST" else f"/Users/{ann['id']}"
    before = stored(host)
    response = scim.request(
        method, path, data=body, headers={"Content-Type": "application/scim+json"}
    )
    assert expected == refusal(response)
    assert before == stored(host)


@pytest.mark.parametrize(("attributes", "expected"), RESOURCES, ids=range(len(RESOURCES)))
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_bad_resource(
    host: Host,
    scim: ScimClient,
    ann: dict[str, Any],
    method: str,
    attributes: dict[str, Any],
    expected: Refusal,
) -> None:
    """A value that does not fit its attribute is refused, at any depth."""
    path = "/Users" if method == "POST" else f"/Users/{ann['id']}"
    before = stored(host)
    response = scim.request(method, path, {"schemas": [USER], "userName": "cyd", **attributes})
    assert expected == refusal(response)
    assert before == stored(host)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_missing_user_name(host: Host, scim: ScimClient, ann: dict[str, Any], method: str) -> None:
    """A user without a name is refused, and the answer says what is missing."""
    path = "/Users" if method == "POST" else f"/Users/{ann['id']}"
    before = stored(host)
    response = scim.request(method, path, {"schemas": [USER], "displayName": "Ann"})
    assert refusal(response) == VALUE
    assert "userName" in response.json["detail"]
    assert before == stored(host)


@refused_early
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_several_bad_values_are_all_named(scim: ScimClient, method: str) -> None:
    """An admin learns of every value that is wrong at once."""
    body = {"schemas": [USER], "userName": 5, "active": "perhaps", "name": {"givenName": []}}
    detail = scim.post("/Users", body).json["detail"]
    assert all(name in detail for name in ("userName", "active", "name.givenName"))


@pytest.mark.parametrize("name", ["bob", "BOB", "Bob"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_taken_user_name(
    host: Host, scim: ScimClient, ann: dict[str, Any], method: str, name: str
) -> None:
    """A name that somebody else has is refused in any letter case."""
    path = "/Users" if method == "POST" else f"/Users/{ann['id']}"
    before = stored(host)
    response = scim.request(method, path, {"schemas": [USER], "userName": name})
    assert refusal(response) == UNIQUENESS
    assert name in response.json["detail"]
    assert before == stored(host)


def test_taken_user_name_beyond_ascii(scim: ScimClient) -> None:
    """Letters beyond ASCII have a case too."""
    scim.create("zoë")
    response = scim.post("/Users", {"schemas": [USER], "userName": "ZOË"})
    assert refusal(response) == UNIQUENESS


def test_name_of_ones_own_in_another_case(scim: ScimClient, ann: dict[str, Any]) -> None:
    """A user may change the letter case of their own name."""
    response = scim.patch(
        f"/Users/{ann['id']}", {"op": "replace", "path": "userName", "value": "ANN"}
    )
    assert (response.status_code, response.json["userName"]) == (200, "ANN")


@refused_early
@pytest.mark.parametrize(("body", "expected"), OPERATIONS, ids=range(len(OPERATIONS)))
def test_bad_patch_message(
    host: Host, scim: ScimClient, ann: dict[str, Any], body: Any, expected: Refusal
) -> None:
    """A body that is no PatchOp message is refused."""
    before = stored(host)
    assert expected == refusal(scim.request("PATCH", f"/Users/{ann['id']}", body))
    assert before == stored(host)


@pytest.mark.parametrize(("operation", "expected"), CHANGES, ids=range(len(CHANGES)))
def test_bad_operation(
    host: Host, scim: ScimClient, ann: dict[str, Any], operation: Any, expected: Refusal
) -> None:
    """One bad operation among good ones undoes them all."""
    before = stored(host)
    response = scim.request("PATCH", f"/Users/{ann['id']}", change(ann, operation))
    assert expected == refusal(response)
    assert before == stored(host)


@pytest.mark.parametrize("depth", [50, 250, 500, 900])
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"value":', "}"), ('[{"value":', "}]")]
)
@pytest.mark.parametrize("path", ["title", "emails", "name", "nonsense", ENTERPRISE])
def test_deep_value(
    scim: ScimClient, ann: dict[str, Any], path: str, opening: str, closing: str, depth: int
) -> None:
    """A value may be nested as deep as JSON can be read: it is judged, and nothing fails."""
    value = opening * depth + '""' + closing * depth
    resource = f'{{"schemas": ["{USER}"], "userName": "cyd", "{path}": {value}}}'
    headers = {"Content-Type": "application/scim+json"}
    for method, target, body in (
        ("POST", "/Users", resource),
        ("PUT", f"/Users/{ann['id']}", resource),
        ("PATCH", f"/Users/{ann['id']}", f'{{"Operations": [{{"op": "add", "value": {value}}}]}}'),
        *(
            (
                "PATCH",
                f"/Users/{ann['id']}",
                f'{{"Operations": [{{"op": "{op}", "path": "{path}", "value": {value}}}]}}',
            )
            for op in ("add", "replace", "remove")
        ),
    ):
        check(scim.request(method, target, data=body, headers=headers))


def test_many_operations(scim: ScimClient, ann: dict[str, Any]) -> None:
    """A thousand operations are one change."""
    operations = [
        {"op": "add", "path": "roles", "value": [{"value": f"r{index}"}]} for index in range(1_000)
    ]
    response = scim.patch(f"/Users/{ann['id']}", *operations)
    assert response.status_code == 200
    assert len(response.json["roles"]) == 1_000
    assert response.json["meta"]["version"] == 'W/"2"'


@refused_early
@pytest.mark.parametrize(("filter", "expected"), FILTERS, ids=range(len(FILTERS)))
def test_bad_filter(scim: ScimClient, filter: str, expected: Refusal) -> None:
    """A filter that cannot be read or does not fit is refused, whatever its length or depth."""
    assert expected == refusal(scim.get("/Users", filter=filter))


@refused_early
def test_computed_attribute_cannot_be_filtered(build: Callable[..., Host]) -> None:
    """A filter on what only Python can compute says so."""
    from_python = {"userName": "username", "displayName": computed(lambda user: user.username)}
    scim = build(from_python).connect("acme", tenant="1")
    assert refusal(scim.get("/Users", filter='displayName eq "x"')) == FILTER


@refused_early
@pytest.mark.parametrize("name", ["startIndex", "count"])
@pytest.mark.parametrize("value", ["", "x", "1.5", "1e3", "0x1", "١", "--1", "1 2", "\0", "None"])
def test_counter_that_is_no_number(scim: ScimClient, name: str, value: str) -> None:
    """A counter that is no whole number is refused, and the answer names it."""
    response = scim.get("/Users", **{name: value})
    assert refusal(response) == VALUE
    assert name in response.json["detail"]


@refused_early
@pytest.mark.parametrize(
    "query",
    [
        {"sortBy": "nonsense"},
        {"sortBy": ""},
        {"sortBy": "name["},
        {"sortBy": "\0"},
        {"sortBy": "a" * 50_000},
        {"sortBy": "userName", "sortOrder": "sideways"},
        {"attributes": "userName", "excludedAttributes": "name"},
    ],
)
def test_bad_query(scim: ScimClient, query: dict[str, str]) -> None:
    """A parameter of a list that makes no sense is refused."""
    status, scim_type = refusal(scim.get("/Users", **query))
    assert status == 400
    assert scim_type in ("invalidValue", "invalidPath", "tooMany")


@refused_early
@pytest.mark.parametrize(
    "names", ["\0", "\ud800".encode("utf-8", "surrogatepass"), "[", "a" * 9999]
)
def test_odd_attribute_names(scim: ScimClient, names: str) -> None:
    """Names that no attribute can have are passed over like any other that is unknown."""
    assert scim.get("/Users", attributes=names).status_code == 200
    assert scim.get("/Users", excludedAttributes=names).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("id", IDS, ids=range(len(IDS)))
def test_id_that_is_not_there(
    host: Host, scim: ScimClient, ann: dict[str, Any], method: str, id: str
) -> None:
    """An id of the wrong type, size or shape is simply not there."""
    body: Any = None
    if method == "PUT":
        body = {"schemas": [USER], "userName": "ann"}
    elif method == "PATCH":
        body = change(ann)
    before = stored(host)
    assert refusal(scim.request(method, f"/Users/{id}", body)) == (404, None)
    assert before == stored(host)


@refused_early
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/json",
        "application/xml",
        "application/json-patch+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "scim",
        ";",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_wrong_content_type(
    host: Host, scim: ScimClient, ann: dict[str, Any], method: str, content_type: str
) -> None:
    """A body that is said to be something else than JSON is not read."""
    path = "/Users" if method == "POST" else f"/Users/{ann['id']}"
    before = stored(host)
    response = scim.request(
        method,
        path,
        data=json.dumps({"schemas": [USER], "userName": "cyd"}),
        headers={"Content-Type": content_type},
    )
    assert refusal(response) == (415, None)
    assert before == stored(host)


@refused_early
def test_body_too_large(build: Callable[..., Host]) -> None:
    """A body beyond the limit is refused, and the answer says how large it may be."""
    host = build(SCIM_MAX_CONTENT_LENGTH=1_000)
    scim = host.connect("acme", tenant="1")
    response = scim.post("/Users", {"schemas": [USER], "userName": "ann", "title": "x" * 1_000})
    assert refusal(response) == (413, None)
    assert "1000" in response.json["detail"]
    assert stored(host)["host_user"] == []
    exact = json.dumps({"schemas": [USER], "userName": "ann"}).encode().ljust(1_000)
    headers = {"Content-Type": "application/scim+json"}
    assert scim.request("POST", "/Users", data=exact, headers=headers).status_code == 201
    response = scim.request("POST", "/Users", data=exact + b" ", headers=headers)
    assert refusal(response) == (413, None)


@refused_early
def test_body_too_large_for_the_app(build: Callable[..., Host]) -> None:
    """The app's own limit holds too, and answers in SCIM's words."""
    host = build(MAX_CONTENT_LENGTH=1_000)
    scim = host.connect("acme", tenant="1")
    response = scim.post("/Users", {"schemas": [USER], "userName": "ann", "title": "x" * 1_000})
    assert refusal(response) == (413, None)


AUTHORIZATIONS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Basic YW5uOnNlY3JldA==",
    "Token {token}",
    "{token}",
    "Bearer {token}x",
    "Bearer x{token}",
    "Bearer {token} {token}",
    "Bearer {token},Bearer {token}",
    "Bearer scim_",
    "Bearer scim_..",
    "Bearer null",
    "Bearer " + "a" * 5_000,
    "Bearer scim_" + "a" * 5_000,
    "Bearer scim_\x00",
    "Bearer scim_é.é.é",
    'Digest username="ann"',
]


@refused_early
@pytest.mark.parametrize("header", AUTHORIZATIONS, ids=range(len(AUTHORIZATIONS)))
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/Users"), ("POST", "/Users"), ("GET", "/Users/1"), ("GET", "/Schemas")],
)
def test_no_token(
    http: FlaskClient, scim: ScimClient, header: str | None, method: str, path: str
) -> None:
    """Without a token that is known here nothing is answered but how to authenticate."""
    headers = {} if header is None else {"Authorization": header.format(token=scim.token)}
    response = http.open(f"/scim/v2/acme{path}", method=method, headers=headers)
    assert refusal(response) == (401, None)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_in_any_case(http: FlaskClient, scim: ScimClient, scheme: str) -> None:
    """The name of the scheme has no letter case."""
    headers = {"Authorization": f"{scheme} {scim.token}"}
    assert http.get("/scim/v2/acme/Users", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["other", "nowhere", "ACME", "acme%00", "a" * 500])
def test_token_of_another_connection(host: Host, scim: ScimClient, name: str) -> None:
    """A token opens the one connection that it was issued for, and tells of no other."""
    host.connect("other", tenant="1")
    scim.base = f"/scim/v2/{name}"
    response = scim.get("/Users")
    assert refusal(response) == (401, None)
    assert "WWW-Authenticate" in response.headers


def test_expired_token(host: Host, scim: ScimClient) -> None:
    """A token that has expired is refused, and the answer says why."""
    tokens = host.db.metadata.tables["scim_token"]
    with host.app.app_context():
        host.db.session.execute(
            tokens.update().values(expires=datetime.now(UTC) - timedelta(seconds=1))
        )
        host.db.session.commit()
    response = scim.get("/Users")
    assert refusal(response) == (401, None)
    assert "WWW-Authenticate" in response.headers
    assert "expired" in response.json["detail"]


def test_revoked_token(host: Host, scim: ScimClient) -> None:
    """A token that was revoked is refused from that moment on."""
    assert scim.get("/Users").status_code == 200
    with host.app.app_context():
        host.scim.tokens.revoke(host.scim.tokens.list("acme")[0].id)
    response = scim.post("/Users", {"schemas": [USER], "userName": "ann"})
    assert refusal(response) == (401, None)
    assert "revoked" in response.json["detail"]
    assert stored(host)["host_user"] == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_missing_scope(host: Host, scim: ScimClient, ann: dict[str, Any], method: str) -> None:
    """A token does what its scopes name, and nothing else."""
    needed = f"{'get' if method == 'HEAD' else method.lower()}:users"
    every = {f"{name}:users" for name in ("get", "post", "put", "patch", "delete")}
    with host.app.app_context():
        scim.token, _ = host.scim.tokens.issue("acme", sorted(every - {needed}))
    path = "/Users" if method == "POST" else f"/Users/{ann['id']}"
    before = stored(host)
    response = scim.request(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
    if method == "HEAD":
        assert response.status_code == 403
    else:
        assert refusal(response) == (403, None)
        assert needed in response.json["detail"]
    assert before == stored(host)


@refused_early
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/Users", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("PATCH", "/Users", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/Users", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("TRACE", "/Users", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/Users/1", {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"}),
        ("BREW", "/Users/1", {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"}),
        ("POST", "/Schemas", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/ResourceTypes/User", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/ServiceProviderConfig", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/Bulk", {"OPTIONS", "POST"}),
        ("DELETE", "/Bulk", {"OPTIONS", "POST"}),
        ("GET", "/.search", {"OPTIONS", "POST"}),
    ],
)
def test_wrong_method(scim: ScimClient, method: str, path: str, allowed: set[str]) -> None:
    """A method that an endpoint does not take is refused with those that it takes."""
    response = scim.request(method, path)
    assert refusal(response) == (405, None)
    assert allowed == set(response.headers["Allow"].split(", "))


@refused_early
@pytest.mark.parametrize(
    "path",
    ["/Nonsense", "/users", "/Users/1/name", "/bulk", "/me", "/Users/.search/x", "/.search/x"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_endpoint(scim: ScimClient, method: str, path: str) -> None:
    """A path that leads nowhere is answered in SCIM's words."""
    assert refusal(scim.request(method, path)) == (404, None)


@refused_early
@pytest.mark.parametrize(
    "path", ["/scim/v2", "/scim/v2/", "/scim/v2//Users", "/scim/v2/acme//Users"]
)
def test_unknown_endpoint_near_the_prefix(http: FlaskClient, path: str) -> None:
    """So is one that does not even name a connection."""
    assert refusal(http.get(path)) == (404, None)


# A real socket: what the test client does not send.


@pytest.fixture
def server(build: Callable[..., Host]) -> Iterator[tuple[Server, ScimClient]]:
    """A server that takes bodies of up to 1,000 bytes, and a client of it."""
    host = build(SCIM_MAX_CONTENT_LENGTH=1_000)
    scim = host.connect("acme", tenant="1")
    with serve(host.app) as running:
        yield running, scim


def chunks(total: int) -> Iterator[bytes]:
    """A JSON object of some size, in parts."""
    start = f'{{"schemas": ["{USER}"], "userName": "ann", "title": "'.encode()
    yield start
    yield b"x" * (total - len(start) - 2)
    yield b'"}'


@refused_early
@pytest.mark.parametrize(("size", "expected"), [(999, 201), (1_000, 201), (1_001, 413)])
def test_chunked_body(server: tuple[Server, ScimClient], size: int, expected: int) -> None:
    """A body that does not say its length is taken up to the limit."""
    running, scim = server
    status, headers, body = running.request(
        "POST",
        "/scim/v2/acme/Users",
        chunks(size),
        Authorization=f"Bearer {scim.token}",
        Content_Type="application/scim+json",
    )
    assert expected == status
    assert headers["content-type"] == "application/scim+json"
    assert json.loads(body)["schemas"]


@refused_early
def test_broken_chunks(server: tuple[Server, ScimClient]) -> None:
    """A body whose chunks cannot be told apart is the client's fault, not a failure."""
    running, scim = server
    status, _, body = running.request(
        "POST",
        "/scim/v2/acme/Users",
        b"this is no length\r\n",
        Authorization=f"Bearer {scim.token}",
        Content_Type="application/scim+json",
        Transfer_Encoding="chunked",
    )
    assert status == 400
    assert json.loads(body)["scimType"] == "invalidSyntax"


@refused_early
@pytest.mark.parametrize("length", ["-1", "x", "1.5", "0", "99999999999999999999"])
def test_odd_content_length(server: tuple[Server, ScimClient], length: str) -> None:
    """A length that is wrong is answered, and nothing hangs."""
    running, scim = server
    status, headers, body = running.request(
        "POST",
        "/scim/v2/acme/Users",
        None,
        Authorization=f"Bearer {scim.token}",
        Content_Type="application/scim+json",
        Content_Length=length,
    )
    assert status in (400, 413)
    assert headers["content-type"] == "application/scim+json"
    assert json.loads(body)["status"] == str(status)


# Whatever comes: never a failure.

TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "work", "True", "\0", "\ud800", "1", "2020-01-01T00:00:00Z", "x" * 300, USER, "null"]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        [
            *("schemas", "id", "externalId", "userName", "name", "emails", "active", "password"),
            *("groups", "roles", "addresses", "userType", "locale", "x509Certificates", "meta"),
            *("value", "type", "primary", "$ref", "display", "givenName", "familyName"),
            *(ENTERPRISE, "manager", "employeeNumber", "USERNAME", "photos", "phoneNumbers"),
        ]
    ),
    TEXT,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
RESOURCE = st.dictionaries(NAMES, JSON, max_size=5).map(
    lambda body: {"schemas": [USER], "userName": "ann", **body}
)
PATHS = st.one_of(
    st.sampled_from(
        [
            *("userName", "name", "name.givenName", "emails", "emails.value", "active", "title"),
            *('emails[type eq "work"]', 'emails[type eq "work"].value', "emails[primary eq true]"),
            *('emails[not (type pr) or value co "a"].type', "roles", 'roles[primary eq "True"]'),
            *("addresses", 'addresses[type eq "work"].locality', "password", "schemas", "groups"),
            *(
                ENTERPRISE,
                f"{ENTERPRISE}:manager",
                f"{ENTERPRISE}:manager.value",
                "x509Certificates",
            ),
            *("userType", "locale", "phoneNumbers[type eq null]", "externalId", "meta.version"),
        ]
    ),
    TEXT,
    JSON,
)
OPERATION = st.fixed_dictionaries(
    {},
    optional={
        "op": st.one_of(st.sampled_from(["add", "Replace", "remove"]), JSON),
        "path": PATHS,
        "value": JSON,
    },
)
PATCHES = st.one_of(
    st.lists(OPERATION, max_size=4).map(lambda found: {"Operations": found}),
    st.dictionaries(st.sampled_from(["Operations", "schemas", "x"]), JSON, max_size=3),
)
FILTER_WORDS = st.one_of(
    st.sampled_from(
        [
            *("userName", "name.familyName", "emails", "emails.value", "active", "meta.created"),
            *("id", "externalId", "userType", "locale", "title", "addresses", "schemas", "groups"),
            *(
                f"{ENTERPRISE}:employeeNumber",
                f"{ENTERPRISE}:manager",
                "phoneNumbers",
                "displayName",
            ),
            *(
                "eq",
                "ne",
                "co",
                "sw",
                "ew",
                "gt",
                "le",
                "pr",
                "and",
                "or",
                "not",
                "(",
                ")",
                "[",
                "]",
            ),
            *('"ann"', "true", "null", "1", "1.5", "-1e9", '"2020-01-01T00:00:00Z"', '"%_"', '""'),
            *('emails[type eq "work"]', "active eq true", 'userName sw "a"', "not (title pr)"),
        ]
    ),
    TEXT,
)
FILTER_TEXT = st.one_of(
    st.lists(FILTER_WORDS, max_size=9).map(" ".join),
    st.tuples(FILTER_WORDS, FILTER_WORDS, FILTER_WORDS).map(" ".join),
)
QUERY_TEXT = TEXT.filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))
QUERIES = st.dictionaries(
    st.sampled_from(
        ["startIndex", "count", "sortBy", "sortOrder", "attributes", "excludedAttributes", "x"]
    ),
    st.one_of(QUERY_TEXT, st.integers().map(str), NAMES.filter(lambda name: name.isascii())),
    max_size=4,
)
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(response: Any) -> None:
    """An answer is a success, or a refusal in SCIM's words."""
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        refusal(response)


@FUZZ
@given(body=st.one_of(RESOURCE, JSON))
def test_any_resource(scim: ScimClient, body: Any) -> None:
    """Whatever is posted or put, the answer is a success or a refusal."""
    posted = scim.post("/Users", json.loads("{}") if body is None else body)
    check(posted)
    if posted.status_code == 201:
        path = f"/Users/{posted.json['id']}"
        read = scim.get(path)
        assert posted.json == read.json
        check(scim.put(path, body))
        assert scim.delete(path).status_code == 204


@FUZZ
@given(body=PATCHES)
def test_any_patch(scim: ScimClient, body: Any) -> None:
    """Whatever a PATCH holds, the answer is a success or a refusal that changed nothing."""
    found = scim.get("/Users", filter='externalId eq "fuzz"').json["Resources"]
    user = found[0] if found else scim.create("ann", externalId="fuzz", title="Dr")
    path = f"/Users/{user['id']}"
    response = scim.request("PATCH", path, body)
    check(response)
    after = scim.get(path).json
    assert after == (response.json if response.status_code == 200 else user)
    scim.delete(path)


@FUZZ
@given(filter=FILTER_TEXT, query=QUERIES)
def test_any_query(scim: ScimClient, filter: str, query: dict[str, str]) -> None:
    """Whatever is asked for, the answer is a list or a refusal."""
    if not scim.get("/Users").json["totalResults"]:
        scim.create("ann", emails=[{"type": "work", "value": "a"}], active=False)
        scim.create("bob", title="Dr", addresses=[{"type": "work", "locality": "x"}])
    safe = filter.encode("utf-8", "replace").decode()
    check(scim.get("/Users", filter=safe, **query))
    check(scim.get("/Users", **query))

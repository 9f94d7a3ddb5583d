"""ETags, methods, paths and parameters beside those that SCIM knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import PATCH, USER, ScimClient
from tests.web.answers import refusal

pytestmark = pytest.mark.one_database("headers and paths are read, and a version compared, as text")

TITLE = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "Boss"}]}
WHOLE = {"schemas": [USER], "userName": "ann", "title": "Boss"}


@pytest.mark.parametrize(
    ("tags", "matches"),
    [
        ('W/"1"', True),
        ('"1"', True),
        ("*", True),
        ('W/"7", W/"1"', True),
        ('"a", "1" , W/"b"', True),
        ('W/"2"', False),
        ('W/"7", "8"', False),
        ('w/"1"', True),
        ("", False),
        ("garbage here", False),
        ('W/"', False),
        ('""', False),
        ("W/" + '"x"' * 500, False),
    ],
)
@pytest.mark.parametrize(
    ("method", "body", "done"),
    [("GET", None, 200), ("PUT", WHOLE, 200), ("PATCH", TITLE, 200), ("DELETE", None, 204)],
)
def test_tags(
    scim: ScimClient, method: str, body: Any, done: int, tags: str, matches: bool
) -> None:
    """If-Match lets a request pass that names the version, If-None-Match any other one."""
    id = scim.create("ann")["id"]

    def send(header: str) -> Any:
        return scim.request(method, f"/Users/{id}", body, headers={header: tags})

    refused = send("If-Match" if not matches else "If-None-Match")
    if matches and method == "GET":
        assert refused.status_code == 304
        assert refused.data == b""
        assert refused.headers["ETag"] == 'W/"1"'
    else:
        assert refusal(refused) == (412, None)
    assert scim.get(f"/Users/{id}").headers["ETag"] == 'W/"1"'
    assert send("If-Match" if matches else "If-None-Match").status_code == done


def test_both_conditions(scim: ScimClient) -> None:
    """Both have to hold."""
    id = scim.create("ann")["id"]
    for wanted, refused, status in (
        ('W/"2"', 'W/"1"', 412),
        ('W/"1"', 'W/"1"', 412),
        ("*", "*", 412),
        ('W/"1"', 'W/"2"', 200),
    ):
        headers = {"If-Match": wanted, "If-None-Match": refused}
        assert scim.request("PUT", f"/Users/{id}", WHOLE, headers=headers).status_code == status


def test_conditions_on_what_is_not_there(scim: ScimClient) -> None:
    """Whatever the condition, nothing is not found."""
    for header in ("If-Match", "If-None-Match"):
        refused = scim.request("PATCH", "/Users/99", TITLE, headers={header: "*"})
        assert refusal(refused) == (404, None)


@pytest.mark.parametrize(
    "path", ["/Users", "/Users/{id}", "/Schemas", "/ResourceTypes/User", "/ServiceProviderConfig"]
)
def test_head(scim: ScimClient, path: str) -> None:
    """HEAD answers as GET does, without the body."""
    path = path.format(id=scim.create("ann")["id"])
    got, headed = scim.get(path), scim.request("HEAD", path)
    assert headed.status_code == got.status_code == 200
    assert headed.data == b""
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert headed.headers.get(name) == got.headers.get(name)
    assert scim.request("HEAD", "/Users/99").status_code == 404


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/Users", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/Users/1", {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}),
        ("/Bulk", {"OPTIONS", "POST"}),
        ("/Schemas", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_options(scim: ScimClient, path: str, allowed: set[str]) -> None:
    """OPTIONS names the methods, and tells nothing else."""
    response = scim.request("OPTIONS", path)
    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == allowed
    assert response.data == b""


@pytest.mark.parametrize(
    "path",
    [
        "/Users",
        "/Groups",
        "/Users/{id}",
        "/Schemas",
        f"/Schemas/{USER}",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/ServiceProviderConfig",
        "",
    ],
)
def test_trailing_slashes(scim: ScimClient, path: str) -> None:
    """A slash at the end leads to the same place, without a redirect."""
    path = path.format(id=scim.create("ann")["id"])
    assert scim.get(f"{path}/").json == scim.get(path).json


def test_trailing_slashes_of_changes(scim: ScimClient) -> None:
    """What changes something takes a slash at the end as well."""
    assert scim.post("/Users/", {"schemas": [USER], "userName": "bob"}).status_code == 201
    assert scim.post("/Users/.search/", {}).json["totalResults"] == 1
    assert scim.post("/.search/", {}).json["totalResults"] == 1
    operation = {"method": "POST", "bulkId": "1", "path": "/Users/", "data": WHOLE}
    answer = scim.post("/Bulk/", {"Operations": [operation]})
    assert answer.json["Operations"][0]["status"] == "201"


def test_other_parameters(scim: ScimClient) -> None:
    """Parameters that nobody knows, such as Entra's flag, change nothing."""
    created = scim.post("/Users?aadOptscim062020&x=1", WHOLE)
    assert created.status_code == 201
    id = created.json["id"]
    flagged = scim.get(f"/Users/{id}?aadOptscim062020&filter=nonsense")
    assert flagged.json == scim.get(f"/Users/{id}").json
    assert scim.get("/Users?aadOptscim062020&_=7").json["totalResults"] == 1
    patched = scim.request("PATCH", f"/Users/{id}?aadOptscim062020", TITLE)
    assert patched.status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_override(scim: ScimClient, method: str, header: str) -> None:
    """The method is the method: no header makes it another."""
    id = scim.create("ann")["id"]
    refused = scim.request("POST", f"/Users/{id}?_method={method}", WHOLE, headers={header: method})
    assert refusal(refused) == (405, None)
    assert scim.request("GET", f"/Users/{id}", headers={header: method}).status_code == 200
    assert scim.get(f"/Users/{id}").status_code == 200


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/scim+json", "application/scim+json"),
        ("application/json", "application/json"),
        ("application/scim+json, application/json", "application/scim+json"),
        ("application/json;q=0.9, application/scim+json;q=0.1", "application/json"),
        ("*/*", "application/scim+json"),
        ("text/html, */*;q=0.1", "application/scim+json"),
        ("text/html", "application/scim+json"),
        ("", "application/scim+json"),
        ("garbage;;;q=x", "application/scim+json"),
    ],
)
def test_accept(scim: ScimClient, accept: str, expected: str) -> None:
    """Both names of JSON can be had; whoever asks for neither gets SCIM's."""
    scim.create("ann")
    assert scim.request("GET", "/Users", headers={"Accept": accept}).mimetype == expected


@pytest.mark.parametrize("path", ["/v1/Users", "/v1", "/v2/Users", "/v1.1/Schemas"])
def test_version_in_the_path(scim: ScimClient, path: str) -> None:
    """Whoever asks for a version behind the base URI learns that there is one only."""
    assert refusal(scim.get(path)) == (400, "invalidVers")

"""Over a real socket, and several at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.client import USER, ScimClient
from tests.host import Host
from tests.web.live import Server, serve

Send = Callable[..., tuple[int, dict[str, str], Any]]


@pytest.fixture
def server(host: Host) -> Iterator[Server]:
    """The app behind a socket."""
    with serve(host.app) as running:
        yield running


@pytest.fixture
def send(server: Server, scim: ScimClient) -> Send:
    """Sends a request with the connection's token; ``body`` becomes JSON, as does the answer."""

    def send(method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers.setdefault("Authorization", f"Bearer {scim.token}")
        if body is not None:
            headers.setdefault("Content_Type", "application/scim+json")
            body = json.dumps(body).encode()
        status, found, text = server.request(method, scim.base + path, body, **headers)
        return status, found, json.loads(text) if text else None

    return send


def test_day(server: Server, send: Send) -> None:
    """A user comes, changes and goes over real HTTP."""
    status, headers, created = send("POST", "/Users", {"schemas": [USER], "userName": "zoë"})
    assert status == 201
    assert headers["content-type"] == "application/scim+json"
    assert headers["location"] == created["meta"]["location"]
    assert headers["location"].startswith(f"http://127.0.0.1:{server.port}/scim/v2/acme/Users/")
    path = f"/Users/{created['id']}"
    change = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    status, headers, patched = send("PATCH", path, change)
    assert (status, patched["active"], headers["etag"]) == (200, False, 'W/"2"')
    status, headers, body = send("GET", path, None, If_None_Match=headers["etag"])
    assert (status, body) == (304, None)
    status, _, found = send("GET", "/Users?filter=userName%20eq%20%22ZO%C3%8B%22")
    assert (status, found["totalResults"]) == (200, 1)
    status, headers, body = send("HEAD", path)
    assert (status, body) == (200, None)
    assert int(headers["content-length"]) > 100
    status, _, body = send("DELETE", path)
    assert (status, body) == (204, None)
    status, _, error = send("GET", path)
    assert (status, error["status"]) == (404, "404")


def at_once(requests: list[Callable[[], Any]]) -> list[Any]:
    """Send requests at the same time and return their answers."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return [future.result() for future in [pool.submit(request) for request in requests]]


@pytest.mark.parametrize("number", range(3))
def test_same_name_at_once(scim: ScimClient, send: Send, number: int) -> None:
    """Of requests that create the same name at once, one wins, and the others are told that."""
    names = ["Ann", "ann", "ANN", "aNN"] * 2
    answers = at_once(
        [
            lambda name=name: send("POST", "/Users", {"schemas": [USER], "userName": name})
            for name in names
        ]
    )
    statuses = Counter(status for status, _, _ in answers)
    assert statuses[201] == 1
    assert set(statuses) <= {201, 409, 503}
    assert statuses[409] >= 1
    for status, headers, body in answers:
        if status == 409:
            assert body["scimType"] == "uniqueness"
        elif status == 503:
            assert int(headers["retry-after"]) > 0
    assert scim.get("/Users").json["totalResults"] == 1


def test_renames_to_the_same_name_at_once(scim: ScimClient, send: Send) -> None:
    """Of requests that give different users the same name at once, one wins."""
    ids = [scim.create(f"user{index}")["id"] for index in range(6)]
    rename = {"Operations": [{"op": "replace", "path": "userName", "value": "ann"}]}
    answers = at_once([lambda id=id: send("PATCH", f"/Users/{id}", rename) for id in ids])
    statuses = Counter(status for status, _, _ in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 409, 503}
    assert len(scim.find('userName eq "ann"')) == 1


def test_changes_of_one_user_at_once(scim: ScimClient, send: Send) -> None:
    """No change is lost when several reach the same user at once."""
    id = scim.create("ann")["id"]

    def add(index: int) -> Any:
        operation = {"op": "add", "path": "roles", "value": [{"value": f"r{index}"}]}
        while True:
            status, _, body = send("PATCH", f"/Users/{id}", {"Operations": [operation]})
            if status != 503:
                return status, body

    answers = at_once([lambda index=index: add(index) for index in range(8)])
    assert {status for status, _ in answers} == {200}
    user = scim.get(f"/Users/{id}").json
    assert {f"r{index}" for index in range(8)} == {role["value"] for role in user["roles"]}
    assert user["meta"]["version"] == 'W/"9"'


def test_deletions_at_once(scim: ScimClient, send: Send) -> None:
    """A user is deleted once."""
    id = scim.create("ann")["id"]
    answers = at_once([lambda: send("DELETE", f"/Users/{id}")] * 5)
    statuses = Counter(status for status, _, _ in answers)
    assert statuses[204] == 1
    assert set(statuses) <= {204, 404, 503}


def test_first_version_wins(scim: ScimClient, send: Send) -> None:
    """Of changes that name the same version, one is made."""
    id = scim.create("ann")["id"]
    answers = at_once(
        [
            lambda index=index: send(
                "PATCH",
                f"/Users/{id}",
                {"Operations": [{"op": "add", "path": "title", "value": f"t{index}"}]},
                If_Match='W/"1"',
            )
            for index in range(6)
        ]
    )
    statuses = Counter(status for status, _, _ in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 412, 503}

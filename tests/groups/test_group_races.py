"""Changes of members that meet: several processes behind a real socket, on each database."""

from __future__ import annotations

import http.client
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from tests.browser.served import serve
from tests.client import GROUP, PATCH, ScimClient
from tests.groups.crews import Models
from tests.groups.people import fill, ids_in, members_of, pairs_of, values, version_of
from tests.host import Host
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once("who comes first is decided by the database")

Job = Callable[[], tuple[int, Any]]
WORKERS = 3
AT_ONCE = 8


@pytest.fixture(scope="module")
def port(hosted: Host, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server of several processes on the tables of ``host``.

    It writes what it logs before it answers, so that nothing comes late and meets the next test.
    """
    app, folder = "tests.groups.served:app", tmp_path_factory.mktemp("served")
    with serve(folder, database, app, WORKERS, "--threads", "2") as origin:
        yield int(origin.rpartition(":")[2])


@pytest.fixture
def send(port: int, scim: ScimClient) -> Callable[..., Job]:
    """Makes requests that are sent later, each over a connection of its own."""

    def make(method: str, path: str, *operations: Any, body: Any = None) -> Job:
        if operations:
            body = {"schemas": [PATCH], "Operations": list(operations)}
        headers = {
            "Authorization": f"Bearer {scim.token}",
            "Content-Type": "application/scim+json",
        }
        data = None if body is None else json.dumps(body).encode()

        def job() -> tuple[int, Any]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            try:
                connection.request(method, scim.base + path, body=data, headers=headers)
                response = connection.getresponse()
                text = response.read()
                return response.status, json.loads(text) if text else None
            finally:
                connection.close()

        return job

    return make


def run(jobs: list[Job]) -> list[tuple[int, Any]]:
    """Carry out jobs, several at a time, and return their answers in order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def count(answers: list[tuple[int, Any]]) -> Counter[int]:
    """How often each status was answered; what went wrong is told."""
    failed = [answer for answer in answers if answer[0] >= 500 or answer[0] == 412]
    assert failed == [], failed[:3]
    return Counter(status for status, _ in answers)


def added(*ids: str) -> dict[str, Any]:
    """An operation that adds members."""
    return {"op": "add", "path": "members", "value": values(*ids)}


def removed(id: str) -> dict[str, Any]:
    """An operation that removes a member."""
    return {"op": "remove", "path": f'members[value eq "{id}"]'}


def test_adds_and_removes(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """Each of many changes of one group at once is made, and none is lost."""
    ids = fill(host, 100)
    group = scim.create_group("Devs", *ids[:50])["id"]
    path = f"/Groups/{group}"
    jobs = [send("PATCH", path, removed(id)) for id in ids[:50:2]]
    jobs += [send("PATCH", path, added(id)) for id in ids[50::2]]
    jobs += [send("PATCH", path, added(ids[51]), added(ids[53]), removed(ids[1]))]
    jobs += [send("PATCH", path, added(*ids[55:65:2]))]
    random.Random(7).shuffle(jobs)
    assert set(count(run(jobs))) <= {200, 204}
    expected = {*ids[3:50:2], *ids[50::2], ids[51], ids[53], *ids[55:65:2]}
    assert members_of(scim, group) == sorted(expected)
    # Every request changed something, and moved the version by one.
    assert version_of(scim, path) == 1 + len(jobs)


def test_same_user(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """The same member added many times at once is in once, and each request succeeds."""
    id, other = fill(host, 2)
    path = f"/Groups/{scim.create_group('Devs', other)['id']}"
    assert set(count(run([send("PATCH", path, added(id))] * 16))) == {200}
    assert members_of(scim, path[8:]) == [id, other]
    assert version_of(scim, path) == 2
    assert set(count(run([send("PATCH", path, removed(id))] * 16))) == {200}
    assert members_of(scim, path[8:]) == [other]
    assert version_of(scim, path) == 3


def test_same_user_in_and_out(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """What comes of a member who is added and removed at once is what the last request says."""
    id, other = fill(host, 2)
    path = f"/Groups/{scim.create_group('Devs', other)['id']}"
    answers = run([send("PATCH", path, op) for op in [added(id), removed(id)] * 12])
    assert set(count(answers)) == {200}
    last = max(answers, key=lambda each: int(each[1]["meta"]["version"][3:-1]))[1]
    assert members_of(scim, path[8:]) == ids_in(last)
    assert other in ids_in(last)
    assert len(pairs_of(host)) == len(ids_in(last))


def test_two_groups(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """The same people come to two groups at once, in opposite orders."""
    ids = fill(host, 20)
    paths = [f"/Groups/{scim.create_group(name)['id']}" for name in ("Devs", "Ops")]
    jobs = []
    for index, id in enumerate(ids):
        back = ids[-1 - index]
        jobs.append(send("PATCH", paths[0], added(id, back), removed("999999")))
        jobs.append(send("PATCH", paths[1], added(back, id)))
    assert set(count(run(jobs))) == {200}
    for path in paths:
        assert members_of(scim, path[8:]) == ids


def test_put_meets_patch(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """PUT and PATCH at once leave what they leave one after the other."""
    ids = fill(host, 12)
    path = f"/Groups/{scim.create_group('Devs', *ids[:2])['id']}"
    body = {"schemas": [GROUP], "displayName": "Devs", "members": values(*ids[2:4])}
    jobs = [send("PATCH", path, added(id)) for id in ids[4:]]
    jobs.insert(4, send("PUT", path, body=body))
    answers = run(jobs)
    assert set(count(answers)) == {200}
    last = max(answers, key=lambda each: int(each[1]["meta"]["version"][3:-1]))[1]
    left = members_of(scim, path[8:])
    assert left == ids_in(last)
    assert set(ids[2:4]) <= set(left)
    assert not set(ids[:2]) & set(left)
    # Those who came after the PUT are in; the PUT's own answer says who was before it.
    put = answers[4][1]
    assert ids_in(put) == ids[2:4]
    later = {
        id
        for id, (_, shown) in zip([*ids[4:8], "", *ids[8:]], answers, strict=True)
        if int(shown["meta"]["version"][3:-1]) > int(put["meta"]["version"][3:-1])
    }
    assert set(left) == later | set(ids[2:4])


def test_users_deleted_in_between(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """A user who is deleted while being added is in no group afterwards."""
    ids = fill(host, 30)
    groups = [scim.create_group(name, *ids[:10])["id"] for name in ("Devs", "Ops")]
    jobs: list[Job] = []
    for index in range(10):
        leaver = ids[10 + index]
        jobs += [
            send("PATCH", f"/Groups/{groups[0]}", added(leaver)),
            send("DELETE", f"/Users/{leaver}"),
            send("PATCH", f"/Groups/{groups[1]}", added(leaver)),
            send("DELETE", f"/Users/{ids[index]}"),
            send("PATCH", f"/Groups/{groups[index % 2]}", added(ids[20 + index])),
        ]
    answers = run(jobs)
    # Whoever comes too late names somebody who does not exist.
    assert set(count(answers)) <= {200, 204, 400}
    assert {status for status, _ in answers[1::5] + answers[3::5]} == {204}
    assert {status for status, _ in answers[4::5]} == {200}
    for body in (body for status, body in answers if status == 400):
        assert body["scimType"] == "invalidValue"
    assert members_of(scim, groups[0]) == ids[20::2]
    assert members_of(scim, groups[1]) == ids[21::2]
    # Nor does anybody wait in the host's table to come back with a new account.
    assert pairs_of(host) == {(int(groups[index % 2]), int(ids[20 + index])) for index in range(10)}


def test_group_deleted_in_between(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """A group that is deleted while members come is gone, and so are they."""
    ids = fill(host, 12)
    group = scim.create_group("Devs", ids[0])["id"]
    path = f"/Groups/{group}"
    jobs = [send("PATCH", path, added(id)) for id in ids[1:]]
    jobs.insert(5, send("DELETE", path))
    answers = run(jobs)
    assert answers[5][0] == 204
    assert set(count(answers)) <= {200, 204, 404}
    assert scim.get(path).status_code == 404
    assert pairs_of(host) == set()


@pytest.mark.parametrize("again", range(2))
def test_same_name(host: Host, scim: ScimClient, send: Callable[..., Job], again: int) -> None:
    """Of groups of one name that are made at once, one is, with its members."""
    ids = fill(host, 8)
    jobs = [
        send(
            "POST",
            "/Groups",
            body={"schemas": [GROUP], "displayName": name, "members": values(id)},
        )
        for name, id in zip(["Devs", "devs", "DEVS", "dEVS"] * 2, ids, strict=True)
    ]
    answers = run(jobs)
    assert count(answers) == {201: 1, 409: 7}
    (made,) = [body for status, body in answers if status == 201]
    assert scim.get("/Groups").json["totalResults"] == 1
    assert members_of(scim, made["id"]) == ids_in(made)
    assert len(pairs_of(host)) == 1


def test_everything_at_once(host: Host, scim: ScimClient, send: Callable[..., Job]) -> None:
    """A mixed burst leaves what each request by itself would have left."""
    ids = fill(host, 60)
    groups = [scim.create_group(f"g{index}", *ids[:20])["id"] for index in range(3)]
    expected = {group: set(ids[:20]) for group in groups}
    choose = random.Random(3)
    jobs: list[Job] = []
    for group in groups:
        # Each member is spoken of once in each group: the order makes no difference.
        for id in choose.sample(ids, 25):
            if choose.random() < 0.5:
                expected[group].add(id)
                jobs.append(send("PATCH", f"/Groups/{group}", added(id)))
            else:
                expected[group].discard(id)
                jobs.append(send("PATCH", f"/Groups/{group}", removed(id)))
    rename = {"op": "replace", "path": "displayName"}
    jobs += [
        send("PATCH", f"/Groups/{group}", {**rename, "value": f"g{index}-{turn}"})
        for turn in range(3)
        for index, group in enumerate(groups)
    ]
    jobs += [send("GET", f"/Groups/{group}") for group in groups for _ in range(5)]
    jobs += [send("GET", "/Users?count=10") for _ in range(5)]
    choose.shuffle(jobs)
    assert set(count(run(jobs))) == {200}
    assert {group: set(members_of(scim, group)) for group in groups} == expected


@pytest.mark.parametrize("existing", [(), ("ab",), ("ab", "cd"), ("ca",)], ids="-".join)
def test_circles(nested: Models, existing: tuple[str, ...]) -> None:
    """Changes that make a circle together do not both succeed."""
    together = {
        (): ("ab", "ba"),
        ("ab",): ("bc", "ca"),
        ("ab", "cd"): ("bc", "da"),
        ("ca",): ("ab", "bc"),
    }[existing]
    scim = nested.connect()
    pairs = nested.db.metadata.tables["crew_part"]
    for turn in range(8):
        ids = {name: scim.create_group(f"{name}{turn}")["id"] for name in "abcd"}

        def put_into(pair: str, ids: dict[str, str] = ids) -> tuple[int, Any]:
            whole, part = pair
            client = ScimClient(nested.app.test_client(), scim.base, scim.token)
            response = client.patch(f"/Groups/{ids[whole]}", added(ids[part]))
            return response.status_code, response.json

        assert all(put_into(pair)[0] == 200 for pair in existing)
        answers = run([lambda pair=pair: put_into(pair) for pair in together])
        assert count(answers) == {200: 1, 400: 1}, turn
        assert len(nested.rows(sa.select(pairs))) == (len(existing) + 1) * (turn + 1)

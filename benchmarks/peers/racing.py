"""Our app, the one that is written by hand and the peers, asked the same in turn."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from ..filling import database, fill, group_id
from ..payloads import BASE, body_of_patch, person
from ..requests import Request
from ..serving import Served, listening, serving
from ..tables import describe_machine
from .apps.people import GROUPS, TOKEN
from .environment import PEERS, make_environment, versions

_PAGE = 100
#: Beyond this many seconds, a request is asked no more than a few times.
_SLOW, _FEW = 0.5, 3
_names = count(1)


@dataclass(frozen=True, slots=True)
class Runner:
    """A server in the race.

    :param name: what it is called in tables.
    :param served: the server.
    :param base: the path below which its endpoints are.
    :param id: writes the SCIM id of a person or a group.
    :param group: the number of the group with so many members.
    :param lists_removed: whether it wants a list of those who are to go, and no path.
    """

    name: str
    served: Served
    base: str
    id: Callable[[int], str]
    group: Callable[[int], int]
    lists_removed: bool = False

    def change(self, op: str, id: str) -> dict[str, Any]:
        """The body of a PATCH that lets a member come or go."""
        if op == "remove" and not self.lists_removed:
            return body_of_patch(op=op, path=f'members[value eq "{id}"]')
        return body_of_patch(op=op, path="members", value=[{"value": id}])

    def ask(
        self, method: str, path: str, body: Any = None, **query: str | int
    ) -> tuple[float, Any]:
        """Send a request; the seconds that the answer took, and the answer."""
        raw = b"" if body is None else json.dumps(body).encode()
        sent = Request(method, f"{self.base}{path}", urlencode(query), raw)
        answer = self.served.send(sent)
        if answer.status >= 300:
            raise AssertionError(
                f"{self.name}: {method} {path}: {answer.status} {answer.body[:300].decode()}"
            )
        return answer.seconds, json.loads(answer.body or b"null")


#: Asks a server for something, for the so-many-th time: the seconds that it took.
Leg = Callable[[Runner, int], float]


def race(database_name: str, size: int, seconds: float) -> dict[str, Any]:
    """Let all run on databases with the same people.

    :param database_name: the kind of database.
    :param size: how many people.
    :param seconds: how long each leg goes on for each server.
    :return: medians in milliseconds by leg and server, the machine, and the versions of the peers.
    """
    python = make_environment()
    with ExitStack() as stack:
        url = stack.enter_context(database(database_name, "ours"))
        runners = _enter_ours(stack, url, size)
        runners += _enter_peers(stack, python, database_name, size)
        rows = {}
        for name, leg in _legs(size).items():
            rows[name] = _run(runners, leg, seconds)
            cells = [f"{each:.2f}" for each in rows[name].values()]
            print(f"| {' | '.join([name, *cells])} |", flush=True)
        engine = sa.create_engine(url)
        machine = describe_machine(engine)
        engine.dispose()
    return {"rows": rows, "machine": machine, "versions": versions(python)}


def _enter_ours(stack: ExitStack, url: str, size: int) -> list[Runner]:
    served = stack.enter_context(serving(url, fill(url, size)))
    names = ("Flask-SCIM", "by hand")
    return [Runner(each, app, BASE, str, group_id) for each, app in zip(names, served, strict=True)]


def _enter_peers(stack: ExitStack, python: Path, name: str, size: int) -> list[Runner]:
    runners = []
    numbers = {members: id for id, members in GROUPS.items()}
    for peer in PEERS:
        url = stack.enter_context(database(name, peer.module))
        peer.prepare(python, url, size)
        port = stack.enter_context(listening(peer.app, str(python), peer.environment(url)))
        served = Served(port, TOKEN)
        stack.callback(served.close)
        runners.append(
            Runner(
                peer.name,
                served,
                "/scim/v2",
                peer.id,
                numbers.__getitem__,
                peer.lists_removed,
            )
        )
    return runners


def _legs(size: int) -> dict[str, Leg]:
    def look_up(runner: Runner, number: int) -> float:
        name = f"user{number * 7_919 % size + 1}@example.com"
        seconds, found = runner.ask("GET", "/Users", filter=f'userName eq "{name}"')
        assert [each["userName"] for each in found["Resources"]] == [name], runner.name
        return seconds

    def get(runner: Runner, number: int) -> float:
        return runner.ask("GET", f"/Users/{runner.id(number * 7_919 % size + 1)}")[0]

    def page(start: int) -> Leg:
        def leg(runner: Runner, _number: int) -> float:
            seconds, found = runner.ask("GET", "/Users", startIndex=start, count=_PAGE)
            assert len(found["Resources"]) == _PAGE, runner.name
            return seconds

        return leg

    def post(runner: Runner, _number: int) -> float:
        seconds, made = runner.ask("POST", "/Users", _plain(next(_names)))
        assert made["id"], runner.name
        return seconds

    def add_and_remove(members: int) -> Leg:
        def leg(runner: Runner, number: int) -> float:
            path = f"/Groups/{runner.id(runner.group(members))}"
            member = runner.id(members + 1 + number % 50)
            bodies = [runner.change(op, member) for op in ("add", "remove")]
            return sum(runner.ask("PATCH", path, body)[0] for body in bodies) / len(bodies)

        return leg

    return {
        "look-up by userName": look_up,
        "GET by id": get,
        "list of 100 by index, start": page(1),
        "list of 100 by index, middle": page(size // 2),
        "POST": post,
        **{
            f"group member add or remove, {members:,}": add_and_remove(members)
            for members in GROUPS.values()
            if members + 50 < size
        },
    }


def _plain(number: int) -> dict[str, Any]:
    """A user with what all servers know; one of them refuses the enterprise extension."""
    document = person("new", number)
    known = ("userName", "externalId", "name", "emails", "active")
    return {"schemas": document["schemas"][:1], **{name: document[name] for name in known}}


def _run(runners: Sequence[Runner], leg: Leg, seconds: float) -> dict[str, float]:
    taken: dict[str, list[float]] = {}
    is_slow = set()
    for runner in runners:
        leg(runner, 0)
        taken[runner.name] = [leg(runner, 1)]
        if taken[runner.name][0] > _SLOW:
            is_slow.add(runner.name)
    end, number = time.monotonic() + seconds * len(runners), 1
    while number <= _FEW or time.monotonic() < end:
        number += 1
        for runner in runners:
            if runner.name not in is_slow or number <= _FEW:
                taken[runner.name].append(leg(runner, number))
    return {name: statistics.median(each) * 1_000 for name, each in taken.items()}

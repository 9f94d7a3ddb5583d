"""What is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from itsdangerous import URLSafeTimedSerializer

from .filling import GROUPS, SPARE, TWIN_MEMBERS, TWINS, group_id
from .host import SECRET_KEY
from .payloads import bulk, get, group, patch, person, send
from .requests import Contender, Request

#: How many operations the Bulk request has.
BULK = 1_000
#: Steps through the people in an order that no cache likes, and that is always the same.
_STRIDE = 7_919
_SALTS = "flask-scim.cursor", "bare.cursor"
_MAIL = 'emails[type eq "work"].value'
_names = count(1)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a workload.

    :param number: which one of it, from 0.
    :param lane: which of the apps is asked.
    :param asked: the app itself, for what has to be found out before.
    """

    number: int
    lane: int
    asked: Contender


@dataclass(frozen=True, slots=True)
class Workload:
    """Something to measure.

    :param name: what it is called in the table.
    :param make: makes a request.
    :param status: what each answer has to be.
    :param names_new: whether the answer tells of something new, so that ids and names differ.
    :param weighs: whether memory is measured too.
    """

    name: str
    make: Callable[[Turn], Request]
    status: int = 200
    names_new: bool = False
    weighs: bool = False


def families(size: int, *, is_quick: bool = False) -> Iterator[list[Workload]]:
    """List what is measured; what stands in one list is asked in turn.

    :param size: how many people there are.
    :param is_quick: whether to leave out the largest.
    """
    yield from _reads(size)
    yield from _pages(size)
    groups = [each for each in GROUPS if each <= size]
    for members in groups:
        id = group_id(members)
        yield [
            _constant(
                f"group GET without members, {members:,}",
                get(f"/Groups/{id}", excludedAttributes="members"),
            )
        ]
    for members in groups:
        sent = get(f"/Groups/{group_id(members)}")
        yield [_constant(f"group GET with members, {members:,}", sent, weighs=members >= 1_000)]
    yield [
        _constant(
            "group look-up by displayName",
            get("/Groups", filter='displayName eq "GROUP 10"', excludedAttributes="members"),
        )
    ]
    yield from _writes(size)
    for members in groups:
        yield _membership(members, size)
    if size >= TWIN_MEMBERS:
        yield _replacement()
    if not is_quick:
        yield [Workload(f"Bulk of {BULK:,}", _bulk, names_new=True)]


def _reads(size: int) -> Iterator[list[Workload]]:
    def find(name: str, value: str) -> Callable[[Turn], Request]:
        def make(turn: Turn) -> Request:
            text = value.replace("#", str(_someone(turn, size)))
            return get("/Users", filter=f'{name} eq "{text}"')

        return make

    yield [Workload("look-up by userName, hit", find("userName", "User#@Example.com"))]
    yield [Workload("look-up by userName, miss", find("userName", "nobody#@example.com"))]
    yield [Workload("look-up by externalId", find("externalId", "user-#"))]
    yield [Workload("look-up by e-mail", find(_MAIL, "user#@example.com"))]
    yield [Workload("GET by id", lambda turn: get(f"/Users/{_someone(turn, size)}"))]


def _pages(size: int) -> Iterator[list[Workload]]:
    for page in (100, 1_000):
        last = max(size + SPARE - page, 0)
        places = {"start": 0, "middle": last // 2, "end": last}
        yield [
            _constant(
                f"list of {page:,} by index, {place}",
                get("/Users", startIndex=after + 1, count=page),
                weighs=page == 1_000 and place == "start",
            )
            for place, after in places.items()
        ]
        yield [
            Workload(f"list of {page:,} by cursor, {place}", _cursor(page, after))
            for place, after in places.items()
        ]


def _writes(size: int) -> Iterator[list[Workload]]:
    def make_person(_turn: Turn) -> Request:
        return send("POST", "/Users", person("new", next(_names)))

    def replace_person(turn: Turn) -> Request:
        id = _own(turn, size)
        document = person("user", id, title=f"Title {turn.number}")
        return send("PUT", f"/Users/{id}", document)

    def switch(value: str) -> Callable[[Turn], Request]:
        def make(turn: Turn) -> Request:
            return patch(f"/Users/{_own(turn, size)}", op="Replace", path="active", value=value)

        return make

    yield [Workload("POST", make_person, 201, names_new=True)]
    yield [
        Workload("PATCH active, off", switch("False"), names_new=True),
        Workload("PATCH active, on", switch("True"), names_new=True),
    ]
    yield [Workload("PUT", replace_person, names_new=True)]


def _membership(members: int, size: int) -> list[Workload]:
    path, status = f"/Groups/{group_id(members)}", 200 if members < 100 else 204

    def add(turn: Turn) -> Request:
        value = [{"value": str(size + 1 + turn.lane)}]
        return patch(path, op="Add", path="members", value=value)

    def remove(turn: Turn) -> Request:
        member = f'members[value eq "{size + 1 + turn.lane}"]'
        return patch(path, op="Remove", path=member)

    return [
        Workload(f"group member add, {members:,}", add, status, names_new=True),
        Workload(f"group member remove, {members:,}", remove, status, names_new=True),
    ]


def _replacement() -> list[Workload]:
    """Ten members come, and the same ten go; each app has a group of its own."""

    def put(more: int) -> Callable[[Turn], Request]:
        members = range(1, TWIN_MEMBERS + more + 1)
        made = [
            send("PUT", f"/Groups/{id}", group(f"Twin {id}", members, externalId=f"group-{id}"))
            for id in TWINS
        ]
        return lambda turn: made[turn.lane]

    return [
        Workload("group PUT of 10,000, 10 come", put(10), names_new=True),
        Workload("group PUT of 10,000, 10 go", put(0), names_new=True),
    ]


def _bulk(_turn: Turn) -> Request:
    numbers = [next(_names) for _ in range(BULK)]
    return send("POST", "/Bulk", bulk(person("new", each) for each in numbers))


def _cursor(page: int, after: int) -> Callable[[Turn], Request]:
    """The page behind a place, with a cursor like the one that somebody who got there has."""
    known: dict[int, str] = {}

    def make(turn: Turn) -> Request:
        if turn.lane not in known:
            known[turn.lane] = _forge(turn, page, after) if after else ""
        return get("/Users", count=page, cursor=known[turn.lane])

    return make


def _forge(turn: Turn, page: int, after: int) -> str:
    first = json.loads(turn.asked.send(get("/Users", count=page, cursor="")).body)
    serializer = URLSafeTimedSerializer(SECRET_KEY, salt=_SALTS[turn.lane])
    content = serializer.loads(first["nextCursor"])
    if turn.lane == 0:
        content[2] = [[after, None]]
    else:
        content[1] = after
    return str(serializer.dumps(content))


def _constant(name: str, sent: Request, *, weighs: bool = False) -> Workload:
    return Workload(name, lambda _turn: sent, weighs=weighs)


def _someone(turn: Turn, size: int) -> int:
    return turn.number * _STRIDE % size + 1


def _own(turn: Turn, size: int) -> int:
    """Somebody whom the other app does not change."""
    return turn.number * _STRIDE % (size // 2) * 2 + 1 + turn.lane

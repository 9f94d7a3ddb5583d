"""The first sync of a customer: everybody is looked up and created, then the groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from .measuring import Comparison, Cost
from .payloads import get, group, patch, person, send
from .requests import Answer, Contender, Request

#: How many members each group gets, in one request.
_MEMBERS = 100


def sync(apps: Sequence[Contender], people: int, groups: int) -> Comparison:
    """Let each app have a first sync, somebody here and somebody there in turn.

    :param apps: the apps.
    :param people: how many users each of them gets.
    :param groups: how many groups of a hundred.
    :return: what it cost, as one request.
    """
    kinds = [f"sync{lane}x" for lane in range(len(apps))]
    made: list[list[str]] = [[] for _ in apps]
    totals = [0.0 for _ in apps]
    for number in range(1, people + 1):
        for lane, app in enumerate(apps):
            document = person(kinds[lane], number)
            name = f'userName eq "{document["userName"]}"'
            sent = (get("/Users", filter=name), send("POST", "/Users", document))
            answers = list(_ask(app, sent))
            totals[lane] += sum(each.seconds for each in answers)
            made[lane].append(json.loads(answers[1].body)["id"])
    for number in range(1, groups + 1):
        for lane, app in enumerate(apps):
            name = f"{kinds[lane]} {number}"
            wanted = f'displayName eq "{name}"'
            sent = (
                get("/Groups", filter=wanted, excludedAttributes="members"),
                send("POST", "/Groups", group(name, externalId=name)),
            )
            answers = list(_ask(app, sent))
            id = json.loads(answers[1].body)["id"]
            members = [
                made[lane][(number * _MEMBERS + index) % people] for index in range(_MEMBERS)
            ]
            value = [{"value": member} for member in dict.fromkeys(members)]
            add = patch(f"/Groups/{id}", op="Add", path="members", value=value)
            answers += _ask(app, [add])
            totals[lane] += sum(each.seconds for each in answers)
    costs = [Cost([total]) for total in totals]
    return Comparison(f"first sync of {people:,} users and {groups:,} groups", *costs)


def _ask(app: Contender, sent: Sequence[Request]) -> Iterator[Answer]:
    for each in sent:
        answer = app.send(each)
        if answer.status >= 300:
            raise AssertionError(f"first sync: {answer.status}: {answer.body[:500].decode()}")
        yield answer

"""Requests in turn to two apps, and what each cost."""

from __future__ import annotations

import gc
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .requests import Answer, Contender, InProcess
from .traces import Traces
from .workloads import Turn, Workload

#: What no two answers have in common.
_VOLATILE = frozenset({"created", "lastModified", "version", "nextCursor", "previousCursor"})
#: How long a turn of both apps is, in seconds, and the most requests that it has.
_BLOCK, _LONGEST = 0.2, 20
#: After how many seconds a turn is a long one, and asked for less often.
_LONG = 2


@dataclass(slots=True)
class Cost:
    """What a workload cost one app: the seconds of each request, the SQL statements and bytes."""

    seconds: list[float] = field(default_factory=list)
    statements: int = 0
    peak: int = 0

    @property
    def median(self) -> float:
        """The median in milliseconds."""
        return statistics.median(self.seconds) * 1_000

    @property
    def p95(self) -> float:
        """What 95 of 100 requests stay below, in milliseconds."""
        if len(self.seconds) == 1:
            return self.median
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1] * 1_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a workload cost both apps.

    :param name: the workload.
    :param ours: what it cost the app with Flask-SCIM.
    :param bare: what it cost the app that is written by hand.
    """

    name: str
    ours: Cost
    bare: Cost

    @property
    def ratio(self) -> float:
        """The throughput of ours as a share of the bare one's."""
        return self.bare.median / self.ours.median

    @property
    def weight(self) -> float | None:
        """The memory of ours over that of the bare one."""
        return self.ours.peak / self.bare.peak if self.bare.peak else None


class Measurer:
    """Measures workloads on two apps in turn, A B A B: a slow moment of the machine meets both.

    A turn is a few requests one behind the other, so that what an app does behind its answer, such
    as writing to the log, holds up its own next answer, and not nobody.

    :param timed: the apps whose time counts, Flask-SCIM first.
    :param inner: the same apps in this process, for what cannot be seen from outside.
    :param seconds: how long each workload is measured.
    :param least: how often each app is asked at the least.
    """

    def __init__(
        self,
        timed: Sequence[Contender],
        inner: Sequence[InProcess],
        seconds: float,
        least: int = 6,
    ) -> None:
        self.timed = timed
        self.inner = inner
        self.seconds = seconds
        self.least = least
        self._traces = Traces(inner[0].engine)
        self._numbers: Counter[tuple[str, int]] = Counter()

    def measure(self, family: Sequence[Workload]) -> list[Comparison]:
        """Measure what is asked in turn.

        :param family: the workloads.
        :return: what each cost.
        :raises AssertionError: if an answer is not as it should be, or the apps differ in it, or in
            what they have written to the log and the outbox.
        """
        costs = [[Cost(), Cost()] for _ in family]
        began = time.perf_counter()
        self._look(family, costs)
        if time.perf_counter() - began < _LONG:
            # Now that all is warm, statements that only the first request needs are out of the way.
            self._look(family, costs)
        for index, workload in enumerate(family):
            if workload.weighs:
                for lane, app in enumerate(self.inner):
                    sent = workload.make(self._turn(workload, lane, app))
                    costs[index][lane].peak = app.peak(sent)
        # One round warms up and tells how many make a block.
        began = time.perf_counter()
        self._ask(family, 1)
        spent = time.perf_counter() - began
        block = max(1, min(_LONGEST, round(_BLOCK / spent)))
        gc.collect()
        end = time.monotonic() + self.seconds * len(family)
        rounds = 0
        least = self.least if spent < _LONG else self.least // 2
        while rounds < least or time.monotonic() < end:
            for lane, taken in enumerate(self._ask(family, block)):
                for index, seconds in enumerate(taken):
                    costs[index][lane].seconds += seconds
            rounds += block
        return [Comparison(each.name, *pair) for each, pair in zip(family, costs, strict=True)]

    def _ask(self, family: Sequence[Workload], block: int) -> list[list[list[float]]]:
        """Ask each app so many times; return the seconds by app and workload."""
        taken: list[list[list[float]]] = []
        for lane, app in enumerate(self.timed):
            taken.append([[] for _ in family])
            for _ in range(block):
                for index, workload in enumerate(family):
                    answer = app.send(workload.make(self._turn(workload, lane, app)))
                    _expect(workload, answer)
                    taken[lane][index].append(answer.seconds)
        return taken

    def _look(self, family: Sequence[Workload], costs: list[list[Cost]]) -> None:
        answers: list[list[Any]] = []
        for lane, app in enumerate(self.inner):
            answers.append([])
            for index, workload in enumerate(family):
                sent = workload.make(self._turn(workload, lane, app))
                answer, seen = app.statements(sent)
                _expect(workload, answer)
                costs[index][lane].statements = len(seen)
                left = {"answer": json.loads(answer.body or b"null")}
                left |= self._traces.find(answer.request_id)
                answers[lane].append(_stable(workload, left))
        for workload, ours, bare in zip(family, *answers, strict=True):
            if ours != bare:
                raise AssertionError(
                    f"{workload.name}: the answers differ:\n{_first_difference(ours, bare)}"
                )

    def _turn(self, workload: Workload, lane: int, app: Contender) -> Turn:
        number = self._numbers[workload.name, lane]
        self._numbers[workload.name, lane] += 1
        return Turn(number, lane, app)


def _expect(workload: Workload, answer: Answer) -> None:
    if answer.status != workload.status:
        raise AssertionError(
            f"{workload.name}: {answer.status} in place of {workload.status}:"
            f" {answer.body[:500].decode()}"
        )


def _stable(workload: Workload, left: Any) -> Any:
    content = _without_volatile(left)
    if not workload.names_new:
        return content
    return json.loads(re.sub(r"\d+", "0", json.dumps(content)))


def _without_volatile(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: _without_volatile(each)
                for name, each in value.items()
                if name not in _VOLATILE
            }
        case list():
            return [_without_volatile(each) for each in value]
        case _:
            return value


def _first_difference(ours: Any, bare: Any, path: str = "") -> str:
    if isinstance(ours, dict) and isinstance(bare, dict):
        for name in ours.keys() | bare.keys():
            if ours.get(name) != bare.get(name):
                return _first_difference(ours.get(name), bare.get(name), f"{path}.{name}")
    if isinstance(ours, list) and isinstance(bare, list) and len(ours) == len(bare):
        for index, (one, other) in enumerate(zip(ours, bare, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{path}[{index}]")
    return f"{path}: {ours!r:.500}\n{path}: {bare!r:.500}"

"""Where the time of one workload goes, in this process."""

from __future__ import annotations

import cProfile
import pstats
import time

from .requests import InProcess
from .workloads import Turn, Workload

_WARM = 5


def profile(family: list[Workload], apps: list[InProcess], lane: int, seconds: float) -> None:
    """Print the functions that take most of the time.

    :param family: what is asked in turn.
    :param apps: the apps.
    :param lane: which of them is asked.
    :param seconds: how long to go on.
    """
    app, profiler = apps[lane], cProfile.Profile(time.perf_counter)

    def ask(number: int, *, counts: bool = True) -> None:
        for workload in family:
            sent = workload.make(Turn(number, lane, app))
            if counts:
                profiler.enable()
            app.send(sent)
            profiler.disable()

    for number in range(_WARM):
        ask(number, counts=False)
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        ask(_WARM + rounds)
        rounds += 1
    names = ", ".join(each.name for each in family)
    print(f"\n{app.app.name}: {names}: {rounds * len(family)} requests")
    statistics = pstats.Stats(profiler)
    for key in ("cumulative", "tottime"):
        statistics.sort_stats(key).print_stats(45)

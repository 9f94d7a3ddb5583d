"""``python -m benchmarks``: this package beside an app that is written by hand."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from flask import Flask

from .bare.app import make_bare
from .filling import database, fill, tidy
from .host import make_host
from .measuring import Comparison, Measurer
from .peers.environment import PEERS
from .peers.racing import race
from .profiling import profile
from .requests import InProcess
from .serving import serving
from .syncing import sync
from .tables import HEAD, RESULTS, describe_machine, row, save
from .workloads import families

DATABASES = ("sqlite", "postgresql")
SIZES = (1_000, 100_000, 1_000_000)


def main() -> None:
    """Measure, print a table for each database and size, and write them to files."""
    arguments = _read_arguments()
    # Whoever is stopped cleans up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    for name in arguments.databases.split(","):
        for size in map(int, arguments.sizes.split(",")):
            with database(name) as url:
                _measure_on(name, url, size, arguments)
        if arguments.peers:
            _race_on(name, arguments)
    print(f"\n{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f} at the end")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--databases", default=",".join(DATABASES), help="which, with commas")
    add("--sizes", default=",".join(map(str, SIZES)), help="how many users, with commas")
    add("--only", default="", metavar="PREFIX", help="workloads whose names begin with this")
    add("--seconds", type=float, default=3, help="how long each workload is measured")
    add("--quick", action="store_true", help="small databases, short, without the longest")
    add("--in-process", action="store_true", help="without gunicorn, for tuning")
    add("--cpu", action="store_true", help="the same, and count the time of this process alone")
    add(
        "--profile",
        nargs="?",
        const="host",
        choices=("host", "bare"),
        help="print where the time goes in one of the apps, in place of a table",
    )
    add(
        "--peers",
        action=argparse.BooleanOptionalAction,
        help="measure other packages too, in an environment that is made for them; whole runs do",
    )
    add("--peers-size", type=int, default=20_000, help="how many users they have")
    add("--results", type=Path, default=RESULTS, help="the folder for the files")
    arguments = parser.parse_args()
    if arguments.quick:
        parser.set_defaults(sizes="1000", seconds=0.3)
        arguments = parser.parse_args()
    if arguments.peers is None:
        is_part = arguments.only or arguments.quick or arguments.in_process or arguments.cpu
        arguments.peers = not is_part and arguments.profile is None
    return arguments


def _measure_on(name: str, url: str, size: int, arguments: argparse.Namespace) -> None:
    began = time.monotonic()
    token = fill(url, size)
    clock = time.process_time if arguments.cpu else time.perf_counter
    inner = [_admit(app, token, clock) for app in (make_host(url)[0], make_bare(url))]
    machine = describe_machine(inner[0].engine)
    print(f"\n{size:,} users on {machine}; filled in {time.monotonic() - began:.0f} s\n")
    rows: list[Comparison] = []
    with ExitStack() as stack:
        for app in inner:
            stack.callback(app.engine.dispose)
            stack.callback(app.flush)
        served = arguments.profile is None and not (arguments.in_process or arguments.cpu)
        timed = stack.enter_context(serving(url, token)) if served else inner
        measurer = Measurer(timed, inner, arguments.seconds)
        if arguments.profile is None:
            print(HEAD)
        for family in families(size, is_quick=arguments.quick):
            if not any(each.name.startswith(arguments.only) for each in family):
                continue
            if arguments.profile is not None:
                lane = ("host", "bare").index(arguments.profile)
                profile(family, inner, lane, arguments.seconds)
                continue
            for compared in measurer.measure(family):
                print(row(compared), flush=True)
                rows.append(compared)
            tidy(inner[0].engine, size)
        if arguments.profile is None and size == int(arguments.sizes.split(",")[0]):
            wanted = (200, 5) if arguments.quick else (10_000, 100)
            if f"first sync of {wanted[0]:,}".startswith(arguments.only):
                rows.append(sync(timed, *wanted))
                print(row(rows[-1]), flush=True)
    if rows and not arguments.only:
        save(arguments.results, name, size, machine, _command(), rows)


def _admit(app: Flask, token: str, clock: Callable[[], float]) -> InProcess:
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    if "bare" in app.extensions:
        flush = partial(app.extensions["bare"].gatherer.flush, engine)
    else:
        flush = app.extensions["scim"].gateway.log.writer.flush
    return InProcess(app, engine, token, flush, clock)


def _race_on(name: str, arguments: argparse.Namespace) -> None:
    size = arguments.peers_size
    print(f"\nOther packages, {size:,} users on {name}, medians in milliseconds\n")
    names = ["Flask-SCIM", "by hand", *(peer.name for peer in PEERS)]
    print(f"| request | {' | '.join(names)} |\n| --- |{' --: |' * len(names)}", flush=True)
    told = race(name, size, arguments.seconds)
    arguments.results.mkdir(parents=True, exist_ok=True)
    told |= {"database": name, "size": size, "command": _command()}
    path = arguments.results / f"peers-{name}.json"
    path.write_text(f"{json.dumps(told, indent=1)}\n")


def _command() -> str:
    return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


if __name__ == "__main__":
    main()

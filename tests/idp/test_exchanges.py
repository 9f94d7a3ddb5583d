"""What identity providers send, and what they get: one test for each file of this folder.

A file tells what it is about, where that is known from, and its steps. Each step has a request, the
status, a part of the body and the signals that are expected, and what of the answer later steps
know as ``{name}``. In an expected body ``null`` stands for what must not be there.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import flask_scim
from flask_scim import Event
from tests.host import Host

FILES = sorted(Path(__file__).parent.glob("*/*.json"))
SIGNALS = ("created", "updated", "deactivated", "reactivated", "deleted")
#: The folders whose name is not that of the provider.
PROVIDERS = {"entra_flag": "entra"}


@pytest.mark.parametrize("file", FILES, ids=[f"{file.parent.name}-{file.stem}" for file in FILES])
def test_exchange(keeper: Host, file: Path) -> None:
    """Every step of the exchange is answered and told as the file says."""
    folder = file.parent.name
    scim = keeper.connect("acme", idp=PROVIDERS.get(folder, folder), tenant="1")
    known: dict[str, Any] = {}
    told: list[str] = []

    def hear(sender: Any, event: Event, **_: Any) -> None:
        told.append(event.type.replace(".", "_"))

    with ExitStack() as stack:
        for name in SIGNALS:
            signal = getattr(flask_scim, f"user_{name}")
            stack.enter_context(signal.connected_to(hear, sender=keeper.app))
        for number, step in enumerate(json.loads(file.read_text())["steps"], 1):
            request = fill(step["request"], known)
            options = {"headers": request["headers"]} if "headers" in request else {}
            response = scim.request(
                request["method"], request["path"], request.get("body"), **options
            )
            where = f"step {number}: {response.status_code} {response.text}"
            assert step["expected"]["status"] == response.status_code, where
            for name, path in step.get("keep", {}).items():
                known[name] = response.json
                for key in path.split("."):
                    known[name] = known[name][key]
            expected = fill(step["expected"].get("body"), known)
            assert (expected is None) or is_part(expected, response.json), where
            assert step["expected"]["signals"] == told, where
            told.clear()


def fill(part: Any, known: dict[str, Any]) -> Any:
    """Put what is known in the place of its name."""
    if isinstance(part, dict):
        return {key: fill(item, known) for key, item in part.items()}
    if isinstance(part, list):
        return [fill(item, known) for item in part]
    if isinstance(part, str):
        for name, value in known.items():
            part = part.replace(f"{{{name}}}", value)
    return part


def is_part(expected: Any, found: Any) -> bool:
    """Tell whether all that is expected was found; lists are compared entry by entry."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key not in found if item is None else is_part(item, found.get(key))
            for key, item in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(map(is_part, expected, found))
        )
    return bool(expected == found)

"""What a contract tester makes of the OpenAPI document of an app, at a live server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.client import PATCH, ScimClient
from tests.web.live import serve

Document = dict[str, Any]

PATH = "/scim/v2/openapi.json"
#: Checks that are not made, and why. Every other one is.
SWITCHED_OFF = {
    # Clients that are no strict ones may send attributes that nobody knows, booleans as text, any
    # letter case and nulls (RFC 7643, sections 2.1 and 2.5); unknown query parameters are passed
    # over by everybody.
    "negative_data_rejection",
    # No schema tells which text is a filter, a path or a name in it, that a member has to exist, a
    # list has one primary entry at the most, or a host's column takes some values alone.
    "positive_data_acceptance",
}
#: Checks that are not made of some operations, and why.
SWITCHED_OFF_AT = {
    # `/Users/.search` is a user's path too, to the router: OPTIONS names the methods of both.
    "allow_header_conformance": "/[^/{}]+/[.]search$",
}


@dataclass(slots=True)
class Verdict:
    """What the tester has found.

    :param requests: how many requests it sent.
    :param answered: the statuses of the answers, by operation.
    :param problems: what is not as the document says, with the request to see it again.
    """

    requests: int = 0
    answered: dict[str, set[int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_document(app: Flask) -> Document:
    """Read the document as everybody can."""
    response = app.test_client().get(PATH)
    assert response.status_code == 200
    document: Document = response.json
    return document


def examine(
    app: Flask,
    scim: ScimClient,
    words: dict[str, list[str]],
    phases: dict[str, int],
    only: str = "",
) -> Verdict:
    """Send requests of every kind to a live server, and hold the answers against the document.

    :param app: the app.
    :param scim: a connection with every scope.
    :param words: text that means something, by what it is: ``id``, ``filter``, ``name``, ``value``.
    :param phases: the phases of the tester, and the most examples of each operation in them.
    :param only: what the paths of the operations have in them.
    """
    verdict = Verdict()
    document = closed(read_document(app))
    document["paths"] = {path: item for path, item in document["paths"].items() if only in path}
    with _loaded(app, document, _settings(scim, words, phases)) as schema:
        for operation in schema.get_all_operations():
            verdict.answered[operation.ok().label] = set()
        for event in from_schema(schema).execute():
            match event:
                case events.ScenarioFinished(recorder=recorder):
                    _take_down(verdict, recorder)
                case events.NonFatalError(label=label, value=error):
                    verdict.problems.append(f"{label}: {error!r}")
                case events.FatalError(exception=error):
                    verdict.problems.append(repr(error))
                case events.EngineFinished(stop_reason=reason):
                    assert reason == "completed"
    return verdict


@contextmanager
def _loaded(app: Flask, document: Document, settings: dict[str, Any]) -> Iterator[Any]:
    with serve(app) as server:
        address = {"base-url": f"http://127.0.0.1:{server.port}"}
        config = SchemathesisConfig.from_dict(settings | address)
        schema = schemathesis.openapi.from_dict(document, config=config)
        make_sense(schema)
        yield schema


def _settings(
    scim: ScimClient, words: dict[str, list[str]], phases: dict[str, int]
) -> dict[str, Any]:
    def known(kind: str, probability: float) -> dict[str, Any]:
        return {"dictionary": kind, "probability": probability}

    return {
        # The same requests each time, and all the failures at once.
        "seed": 0,
        "continue-on-failure": True,
        # Big resources take their time to make; that is the tester's, not ours.
        "suppress-health-check": ["all"],
        "generation": {
            "deterministic": True,
            "database": "none",
            "no-shrink": True,
            "dictionaries": {"string": known("value", 0.2)},
        },
        "headers": {"Authorization": f"Bearer {scim.token}"},
        "dictionaries": {
            kind: {"values": values}
            for kind, values in (
                words | {"expected": ["*", 'W/"1"', 'W/"2"'], "refused": ['W/"0"', 'W/"1"']}
            ).items()
        },
        "parameters": {
            "path.connection_id": scim.base.rsplit("/", 1)[-1],
            "path.id": known("id", 0.8),
            "query.filter": known("filter", 0.7),
            "query.cursor": {"dictionary": "cursor", "probability": 0.5},
            "query.sortBy": known("name", 0.8),
            "query.attributes": known("name", 0.7),
            "query.excludedAttributes": known("name", 0.7),
            "header.If-Match": known("expected", 0.9),
            "header.If-None-Match": known("refused", 0.9),
        },
        "checks": {name: {"enabled": False} for name in SWITCHED_OFF},
        "operations": [
            {"include-path-regex": path, "checks": {name: {"enabled": False}}}
            for name, path in SWITCHED_OFF_AT.items()
        ]
        + [
            # Where a database was used before, the ids of groups are others than those of users.
            {"include-path-regex": "/Groups/[{]id[}]$", "parameters": {"path.id": known(kind, 0.8)}}
            for kind in ("group",)
            if kind in words
        ],
        "phases": {
            "examples": {"enabled": False},
            "coverage": {"enabled": "coverage" in phases},
            "fuzzing": {
                "enabled": "fuzzing" in phases,
                "generation": {"mode": "positive", "max-examples": phases.get("fuzzing", 1)},
            },
            "stateful": {
                "enabled": "stateful" in phases,
                "generation": {"mode": "positive", "max-examples": phases.get("stateful", 1)},
            },
        },
    }


def closed(document: Document) -> Document:
    """The same document, in which no message may hold more than it names.

    What an answer holds beyond the document shows only then. Only groups are sent in both media
    types: that doubles the requests, and the same lines read every body.
    """
    document = deepcopy(document)
    _close(document["components"]["schemas"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("post", "put", "patch") and "/Groups" not in path:
                del operation["requestBody"]["content"]["application/json"]
    return document


def _close(part: Any) -> None:
    if isinstance(part, list):
        for each in part:
            _close(each)
    elif isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part:
            part["additionalProperties"] = False
        for each in part.values():
            _close(each)


#: Changes that mean something; random ones hardly ever name an attribute.
CHANGES = [
    {"op": "replace", "path": "displayName", "value": "Renamed"},
    {"op": "replace", "path": "active", "value": False},
    {"op": "add", "path": "emails", "value": [{"type": "home", "value": "home@example.com"}]},
    {"op": "remove", "path": 'emails[type eq "home"]'},
    {"op": "replace", "path": "name.familyName", "value": "Ro"},
    {"op": "replace", "value": {"externalId": "x-1", "name": {"givenName": "Tilda"}}},
    {"op": "remove", "path": "title"},
    {"op": "remove", "path": "members"},
    {"op": "add", "path": "members", "value": []},
]


#: Parameters of which a request may have one.
CHOICES = (("attributes", "excludedAttributes"), ("cursor", "startIndex"))
#: Attributes that no two resources share.
NAMES = ("userName", "displayName", "serialNumber")


def make_sense(schema: Any) -> None:
    """Let some of the requests mean something, by what no schema can tell."""
    numbers = itertools.count()

    def choose(context: Any, query: Any) -> Any:
        number = next(numbers)
        for choice in CHOICES if number % 8 else ():
            if query and all(name in query for name in choice):
                query = {key: each for key, each in query.items() if key != choice[number % 2]}
        return query

    def mean(context: Any, body: Any) -> Any:
        number = next(numbers)
        if not isinstance(body, dict) or number % 3 == 0:
            return body
        if context.operation.method == "patch":
            return {"schemas": [PATCH], "Operations": [CHANGES[number % len(CHANGES)]]}
        named = {name: f"{name} {number}" for name in NAMES if name in body}
        return {key: with_one_primary(each) for key, each in (body | named).items()}

    schema.hook("map_query")(choose)
    schema.hook("map_body")(mean)


def with_one_primary(value: Any) -> Any:
    """A value whose first entry alone may be the primary one."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return value
    return [
        entry if index == 0 else {key: each for key, each in entry.items() if key != "primary"}
        for index, entry in enumerate(value)
    ]


def _take_down(verdict: Verdict, recorder: Any) -> None:
    for id, interaction in recorder.interactions.items():
        verdict.requests += 1
        if interaction.response is not None:
            label = recorder.cases[id].value.operation.label
            verdict.answered.setdefault(label, set()).add(interaction.response.status_code)
    for id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                label = recorder.cases[id].value.operation.label
                verdict.problems.append(
                    f"{label}: {check.name}: {failure.title}\n{failure.message}\n"
                    f"{check.failure_info.code_sample}"
                )

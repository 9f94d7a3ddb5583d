"""Test suites of providers, played at a live server.

They are not part of the project: ``conftest.py`` says where they are, and leaves this file out
where they are not. Response times are not judged.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from tests.client import ScimClient
from tests.host import Host
from tests.idp.conftest import EXAMINERS, connect_example
from tests.web.live import Server, serve

Step = dict[str, Any]
Known = dict[str, str]

VALUES: Known = {
    "randomUsername": "tilda.ro@example.com",
    "randomUsernameCaps": "TILDA.RO@EXAMPLE.COM",
    "randomEmail": "tilda@mail.example.com",
    "randomGivenName": "Tilda",
    "randomFamilyName": "Ro",
    "InvalidUserEmail": "nobody@example.com",
    "UserIdThatDoesNotExist": "990099",
    "userIdThatDoesNotExist": "990099",
    "lastWatermark": "2999-01-01T00:00:00Z",
    "currentTime": "2999-01-01T00:00:00Z",
}


def load(name: str, key: str) -> list[Step]:
    """Read a suite without what concerns foreign hosts and the suite's own token."""
    steps: list[Step] = json.loads((EXAMINERS / name).read_text())[key]
    foreign = ("login.microsoftonline.com", "randomuser.me", "/Token")
    return [step for step in steps if not any(text in step["url"] for text in foreign)]


class Player:
    """Sends the requests of a suite, with what is known filled in.

    :param server: the server.
    :param scim: the connection and its token.
    """

    def __init__(self, server: Server, scim: ScimClient) -> None:
        self.server = server
        self.scim = scim
        self.known = dict(VALUES)
        self.counter = 0

    def fill(self, text: str) -> str:
        """Put what is known in the place of each placeholder, and something new in all others."""

        def replace(match: re.Match[str]) -> str:
            self.counter += 1
            return self.known.get(match[1], f"{match[1].strip('$')}-{self.counter}")

        return re.sub(r"[{$]{([^{}]+)}}?", replace, text)

    def send(self, step: Step) -> tuple[int, Any]:
        """Send a request and return the status and the JSON of the answer."""
        url = re.sub(r"^({{SCIM ?Base ?URL}}|https://{{Server}}{{Port}}/{{Api}})", "", step["url"])
        target = quote(self.scim.base + self.fill(url), safe="/?&=%+:,'(){}")
        headers = {name.replace("-", "_"): flat(value) for name, value in step["headers"].items()}
        headers["Authorization"] = f"Bearer {self.scim.token}"
        body = None if step["body"] is None else self.fill(step["body"]).encode()
        if body is not None:
            # Postman sends what it is told to: JSON, where the suite does not say.
            headers.setdefault("Content_Type", "application/json")
        status, _, text = self.server.request(step["method"], target, body, **headers)
        return status, json.loads(text) if text else None


def flat(header: Any) -> str:
    """A header that may be given as a list."""
    return header[0] if isinstance(header, list) else str(header)


# Okta: each assertion of the suite that is right is made.

#: Assertions that are not made, by the step's note and what they look at, and why.
WRONG = {
    ("Required Test: Test Users endpoint", "Resources[0].emails[0].value"): (
        "It takes the e-mail for the user name, whereas a later step needs the two to differ."
    ),
    ("Required Test: Test Users endpoint", "Resources[0].emails.value"): (
        "emails is a list, which has no value, and the suite names none to compare with."
    ),
}
#: The status that is right where the suite wants another. For a userName in capitals it wants 400,
#: but userName is not case-exact (RFC 7643, section 4.1): the filter is good and finds the user. In
#: another version the same step sends no filter at all, and there 400 is right.
RIGHT = {'{{SCIMBaseURL}}/Users?filter=userName eq "{{randomUsernameCaps}}"': 200}
OKTA = [
    "okta-scim-20-spec-test-latest-steps.json",
    "okta-scim-20-spec-test-steps.json",
    "okta-runscope-2016-steps.json",
]


@pytest.mark.parametrize("name", OKTA)
def test_okta(keeper: Host, name: str) -> None:
    """Okta's spec test finds what it wants, apart from where it contradicts the RFC."""
    play_okta(keeper.app, keeper.connect("acme", idp="okta", tenant="1"), name)


@pytest.mark.parametrize("name", OKTA)
def test_okta_at_the_example_app(example: Flask, name: str) -> None:
    """The example app passes the same."""
    play_okta(example, connect_example(example, "okta"), name)


def play_okta(app: Flask, scim: ScimClient, name: str) -> None:
    """Play a suite at a live server, and make its assertions."""
    # The suite expects that somebody is there already, and a group.
    someone = scim.create(
        "before@example.com",
        name={"givenName": "Be", "familyName": "Fore"},
        emails=[{"type": "work", "primary": True, "value": "before@example.com"}],
    )
    scim.create_group("Before", someone["id"])
    problems = []
    with serve(app) as server:
        player = Player(server, scim)
        player.known["ISVUserid"] = scim.get("/Users").json["Resources"][0]["id"]
        for step in load(name, "steps"):
            status, body = player.send(step)
            if step["method"] == "POST" and status == 201:
                player.known["idUserOne"] = player.known["ISVUserid"] = body["id"]
            for assertion in step["assertions"]:
                looked_at = assertion.get("property") or assertion["source"]
                if assertion["source"] == "response_time":
                    continue
                if step["url"] in RIGHT and looked_at == "response_status":
                    holds = status == RIGHT[step["url"]]
                elif (step["note"], looked_at) in WRONG:
                    continue
                else:
                    holds = check(assertion, status, body, player)
                if not holds:
                    problems.append((step["note"], assertion, status, body))
    assert problems == []


def check(assertion: Any, status: int, body: Any, player: Player) -> bool:
    """Make one assertion of the suite."""
    if assertion["source"] == "response_status":
        return status == int(assertion["value"])
    found = reach(body, assertion["property"])
    value = None if assertion["value"] is None else player.fill(str(assertion["value"]))
    match assertion["comparison"]:
        case "not_empty":
            return found not in (None, "", [], {})
        case "is_a_number":
            return isinstance(found, int) and not isinstance(found, bool)
        case "has_value" | "contains":
            return value in found
        case "equal" | "equal_number":
            return (json.dumps(found) if not isinstance(found, str) else found) == value
    raise AssertionError(f"an assertion of a new kind: {assertion}")


def reach(body: Any, path: str) -> Any:
    """Read what stands at a path such as ``Resources[0].name.familyName``."""
    for key in re.findall(r"[^.\[\]]+", path):
        body = body[int(key)] if isinstance(body, list) else body[key]
    return body


# Microsoft: only the requests are known, so each has to be answered as its method promises.

STATUSES = {"GET": 200, "POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
#: Requests that are answered otherwise, and why.
OTHERWISE = {
    "Get ServiceProviderConfig": (404, "It asks for /serviceConfiguration, which is in no RFC."),
    "Post no username": (400, "userName is required."),
    "Post junk": (400, "The body is no JSON, as the name says."),
    "Post emp3 exists": (409, "The name is taken, as the name says."),
    "Post emp3 exists try again": (409, "The name is taken, as the name says."),
    "Put a user no username": (400, "userName is required."),
    "Group patch add member": (400, "A member is an object, and nobody has that id."),
    "Group patch add member2": (400, "A member is an object, and nobody has that id."),
    "Update User (manager)": (
        400,
        "It has a dot behind the URN, where RFC 7644, section 3.10, has a colon.",
    ),
}  # fmt: skip
#: Under which names later requests know a resource that was created.
NAMES = {
    "Post User": ("id1",),
    "Post EnterpriseUser": ("id2",),
    "create user for group 2": ("id3",),
    "Create user 4 for group 2": ("id4",),
    "Create empty group": ("groupid",),
    "Create filled group 2": ("groupid2",),
    "Create group 3": ("groupid3",),
    "Post group": ("1stgroupid",),
    "create user1": ("id1",),
    "create user2": ("id2",),
    'Post user "OMalley"': ("1stuserid",),
    'Post emp1 with string "True"': ("2nduserid",),
    "Post emp2": ("3rduserid",),
    "Post emp3": ("4thuserid",),
    "Post enterprise user": ("enteruserid",),
    "Create Employee": ("id1", "lastUserId"),
    "Create Contractor with manager (last user)": ("lastManagerUserId", "lastUserId"),
    "Create Employee with manager (last user)": ("lastUserId",),
    "Create Employee (inactive)": ("lastInactiveUserId",),
}


MICROSOFT = [
    "microsoft-postman-collection-requests.json",
    "microsoft-inbound-collection-requests.json",
]


@pytest.mark.parametrize("name", MICROSOFT)
def test_microsoft(keeper: Host, name: str) -> None:
    """Every request of Microsoft's collections is answered as it should be."""
    play_microsoft(keeper.app, keeper.connect("acme", idp="entra", tenant="1"), name)


@pytest.mark.parametrize("name", MICROSOFT)
def test_microsoft_at_the_example_app(example: Flask, name: str) -> None:
    """The example app answers them the same."""
    play_microsoft(example, connect_example(example, "entra"), name)


def play_microsoft(app: Flask, scim: ScimClient, name: str) -> None:
    """Send the requests of a collection to a live server, and look at the status of each."""
    problems = []
    with serve(app) as server:
        player = Player(server, scim)
        for step in load(name, "requests"):
            status, body = player.send(step)
            expected, _ = OTHERWISE.get(step["name"], (STATUSES[step["method"]], ""))
            if status != expected:
                problems.append((step["name"], expected, status, body))
            if status == 201:
                player.known |= dict.fromkeys(NAMES[step["name"]], body["id"])
    assert problems == []

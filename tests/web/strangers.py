"""Customers side by side, and every request that one can make about what is another's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tests.client import GROUP, PATCH, USER, ScimClient
from tests.resources.fleet import DEVICE, Fleet
from tests.web.bulks import BULK

_SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_SCHEMAS = {"Users": USER, "Groups": GROUP, "Devices": DEVICE}

#: By endpoint, what people know a resource by, and what refers to users.
KINDS: dict[str, tuple[str, str]] = {
    "Users": ("userName", "groups"),
    "Groups": ("displayName", "members"),
    "Devices": ("serialNumber", "users"),
}
#: The connection of another tenant, and the one beside ours.
STRANGERS = ("other", "beside")
#: Whoever does not exist; ids of resources are as long.
NOBODY = "7999999"

Probe = tuple[str, str, Any, dict[str, str]]


@dataclass(slots=True)
class World:
    """An app with three connections: ours (``mine``), and those of strangers.

    :param fleet: the app.
    :param number: tells this world from others in the same database.
    :param clients: a client of each connection.
    :param made: a user, a group and a device of each connection, by endpoint.
    """

    fleet: Fleet
    number: int
    clients: dict[str, ScimClient] = field(default_factory=dict)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def mine(self) -> ScimClient:
        """A client of our own connection."""
        return self.clients["mine"]

    def connect(self, who: str) -> None:
        """Add a connection; uses of its token are not noted any more."""
        tenant = str(2 * self.number + (who == "other"))
        self.clients[who] = self.fleet.connect(f"{who}-{self.number}", tenant=tenant)
        token = self.fleet.db.metadata.tables["scim_token"]
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        with self.fleet.app.app_context():
            self.fleet.db.session.execute(token.update().values(last_used=tomorrow))
            self.fleet.db.session.commit()

    def furnish(self, who: str) -> None:
        """Add a user to a connection, and a group and a device of that user."""
        client, made = self.clients[who], self.made.setdefault(who, {})
        for kind, (_, references) in KINDS.items():
            tied = {references: [{"value": made["Users"]["id"]}]} if made else {}
            body = resource(kind, self.name(who, kind), externalId=self.name(who, "ex"), **tied)
            response = client.post(f"/{kind}", body)
            assert response.status_code == 201, response.text
            made[kind] = response.json

    def name(self, who: str, kind: str) -> str:
        """The name of a resource of a connection."""
        return f"{kind.lower()}-{who}-{self.number}"

    def rows(self) -> dict[str, list[str]]:
        """All rows of all tables but the log, in which every request has one of its own."""
        with self.fleet.app.app_context(), self.fleet.db.engine.connect() as connection:
            return {
                name: sorted(map(repr, connection.execute(sa.select(table))))
                for name, table in self.fleet.db.metadata.tables.items()
                if name != "scim_own_request"
            }

    def ask(self, probe: Probe, kind: str, about: str) -> tuple[int, Any, str, int]:
        """Make a request about something.

        :return: status, headers and body, with ``…`` in its place, and the number of statements.
        """
        words = {f"OWN/{each}": f"{each}/{own['id']}" for each, own in self.made["mine"].items()}
        words |= {
            "OWNUSER": self.made["mine"]["Users"]["id"],
            "ELSEWHERE": self.clients["other"].base,
            "KIND": kind,
            "NAME": KINDS[kind][0],
            "ABOUT": about,
        }

        def fill(text: str) -> str:
            for word, meant in words.items():
                text = text.replace(word, meant)
            return text

        method, path, body, headers = probe
        sent = None if body is None else json.loads(fill(json.dumps(body)))
        with self.fleet.statements() as statements:
            response = self.mine.request(method, fill(path), sent, headers=headers)
        assert response.status_code < 500, response.text
        # Each request has an id of its own, whatever it is about.
        headers = [each for each in response.headers if each[0] != "X-Request-Id"]
        shown = sorted((name, value.replace(about, "…")) for name, value in headers)
        return response.status_code, shown, response.text.replace(about, "…"), len(statements)


def resource(kind: str, name: str, **attributes: Any) -> dict[str, Any]:
    """The body of a resource."""
    return {"schemas": [_SCHEMAS[kind]], KINDS[kind][0]: name, **attributes}


def probe(method: str, path: str, body: Any = None, **headers: str) -> Probe:
    """A request about ``ABOUT``, in which ``OWN/Groups`` stands for our own group."""
    return method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}


def find(path: str, filter: str = "", **query: str) -> Probe:
    """A request that lists what a filter selects."""
    asked = {"filter": filter} | query if filter else query
    return probe("GET", f"{path}?" + "&".join(f"{name}={value}" for name, value in asked.items()))


def search(path: str, filter: str) -> Probe:
    """A request that searches by POST."""
    return probe("POST", f"{path}/.search", {"schemas": [_SEARCH], "filter": filter})


def change(op: str, path: str, value: Any = None) -> dict[str, Any]:
    """The body of a PATCH."""
    return {"schemas": [PATCH], "Operations": [{"op": op, "path": path, "value": value}]}


def bulk(method: str, path: str, data: Any = None, **more: Any) -> Probe:
    """A Bulk request of one operation."""
    operation = {"method": method, "path": path, **more} | ({"data": data} if data else {})
    return probe("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation]})


def _team(**member: str) -> dict[str, Any]:
    return resource("Groups", "x", members=[member])


_MEMBER = [{"value": "ABOUT"}]
_LINK = "http://localhostELSEWHERE/Users/ABOUT"
_ANY = {"userName": "x", "displayName": "x", "serialNumber": "x"}
_RENAME = change("replace", "displayName", "x")
_JOIN = change("add", "members", _MEMBER)
_IS_MEMBER = 'members[value eq "ABOUT"]'

#: About an id, of whatever type.
BY_ID: dict[str, Probe] = {
    "read": probe("GET", "/KIND/ABOUT"),
    "read a part": probe("GET", "/KIND/ABOUT?attributes=externalId"),
    "read the head": probe("HEAD", "/KIND/ABOUT"),
    "read if changed": probe("GET", "/KIND/ABOUT", If_None_Match='W/"1"'),
    "read if unchanged": probe("GET", "/KIND/ABOUT", If_Match='W/"9"'),
    "replace": probe("PUT", "/KIND/ABOUT", _ANY),
    "replace by nonsense": probe("PUT", "/KIND/ABOUT", {"userName": 7, "displayName": 7}),
    "replace what is there": probe("PUT", "/KIND/ABOUT", _ANY, If_Match="*"),
    "change": probe("PATCH", "/KIND/ABOUT", _RENAME),
    "change if unchanged": probe("PATCH", "/KIND/ABOUT", _RENAME, If_Match='W/"9"'),
    "change nothing": probe("PATCH", "/KIND/ABOUT", change("remove", "externalId")),
    "change nonsense": probe("PATCH", "/KIND/ABOUT", change("add", "x[", 1)),
    "change the id": probe("PATCH", "/KIND/ABOUT", change("replace", "id", "ABOUT")),
    "join": probe("PATCH", "/KIND/ABOUT", change("add", "members", [{"value": "OWNUSER"}])),
    "delete": probe("DELETE", "/KIND/ABOUT"),
    "delete if unchanged": probe("DELETE", "/KIND/ABOUT", If_Match='W/"9"'),
    "delete what is not there": probe("DELETE", "/KIND/ABOUT", If_None_Match="*"),
    "find": find("/KIND", 'id eq "ABOUT"'),
    "find others": find("/KIND", 'id ne "ABOUT"', sortBy="id"),
    "find what follows": find("/KIND", 'id gt "ABOUT"'),
    "find a beginning": find("/KIND", 'id sw "ABOUT" or id co "ABOUT"'),
    "find by version": find("/KIND", 'id eq "ABOUT" and meta.version eq "W/\\"1\\""'),
    "find by member": find("/Groups", 'members.value eq "ABOUT"'),
    "find by entry": find("/Groups", _IS_MEMBER),
    "find by group": find("/Users", 'groups.value eq "ABOUT"'),
    "find by user": find("/Devices", 'users.value eq "ABOUT"'),
    "find in the root": find("/", 'id eq "ABOUT"'),
    "find by POST": search("/KIND", 'id eq "ABOUT"'),
    "find by POST in the root": search("", 'id eq "ABOUT"'),
    "create a group": probe("POST", "/Groups", _team(value="ABOUT")),
    "create a group of devices": probe("POST", "/Groups", _team(value="ABOUT", type="Device")),
    "create a group by URI": probe("POST", "/Groups", _team(**{"value": "ABOUT", "$ref": _LINK})),
    "create a device": probe("POST", "/Devices", resource("Devices", "x", users=_MEMBER)),
    "replace a group": probe("PUT", "/OWN/Groups", _team(value="ABOUT")),
    "add a member": probe("PATCH", "/OWN/Groups", _JOIN),
    "replace the members": probe("PATCH", "/OWN/Groups", change("replace", "members", _MEMBER)),
    "remove a member": probe("PATCH", "/OWN/Groups", change("remove", _IS_MEMBER)),
    "remove members": probe("PATCH", "/OWN/Groups", change("remove", "members", _MEMBER)),
    "change a member": probe("PATCH", "/OWN/Groups", change("replace", _IS_MEMBER, {"value": "x"})),
    "add a user": probe("PATCH", "/OWN/Devices", change("add", "users", _MEMBER)),
    "remove a user": probe("PATCH", "/OWN/Devices", change("remove", 'users[value eq "ABOUT"]')),
    "bulk: replace": bulk("PUT", "/KIND/ABOUT", _ANY),
    "bulk: change": bulk("PATCH", "/KIND/ABOUT", _RENAME),
    "bulk: change a version": bulk("PATCH", "/KIND/ABOUT", _RENAME, version='W/"9"'),
    "bulk: delete": bulk("DELETE", "/KIND/ABOUT"),
    "bulk: delete elsewhere": bulk("DELETE", "ELSEWHERE/KIND/ABOUT"),
    "bulk: delete by URI": bulk("DELETE", _LINK),
    "bulk: create a group": bulk("POST", "/Groups", _team(value="ABOUT"), bulkId="g"),
    "bulk: add a member": bulk("PATCH", "/OWN/Groups", _JOIN),
    "bulk: refer": bulk("POST", "/Groups", _team(value="bulkId:ABOUT"), bulkId="g"),
    "bulk: change by bulkId": bulk("PATCH", "/KIND/bulkId:ABOUT", _RENAME),
}

#: About a name, an externalId or a bulkId.
BY_NAME: dict[str, Probe] = {
    "find": find("/KIND", 'NAME eq "ABOUT"'),
    "find others": find("/KIND", 'NAME ne "ABOUT"', sortBy="NAME", sortOrder="descending"),
    "find a beginning": find("/KIND", 'NAME sw "ABOUT"', count="0"),
    "find between": find("/KIND", 'NAME ge "ABOUT" and NAME le "ABOUT"', startIndex="1"),
    "find by externalId": find("/KIND", 'externalId eq "ABOUT"'),
    "find by another externalId": find("/KIND", 'not (externalId eq "ABOUT")'),
    "find by group": find("/Users", 'groups.display eq "ABOUT"'),
    "find by member": find("/Groups", 'members.display eq "ABOUT"'),
    "find in the root": find("/", 'NAME eq "ABOUT" or externalId eq "ABOUT"'),
    "find by POST": search("/KIND", 'NAME eq "ABOUT"'),
    "find by POST in the root": search("", 'externalId eq "ABOUT"'),
    "read": probe("GET", "/KIND/ABOUT"),
    "delete": probe("DELETE", "/KIND/ABOUT"),
    "add a member": probe("PATCH", "/OWN/Groups", _JOIN),
    "bulk: refer": bulk("POST", "/Groups", _team(value="bulkId:ABOUT"), bulkId="g"),
    "bulk: delete by bulkId": bulk("DELETE", "/KIND/bulkId:ABOUT"),
}

#: About a cursor; of a list of all types, where the path is the root.
BY_CURSOR: dict[str, Probe] = {
    "list": find("/KIND", cursor="ABOUT"),
    "list a page": find("/KIND", cursor="ABOUT", count="1"),
    "list the root": find("/", cursor="ABOUT"),
    "search": probe("POST", "/KIND/.search", {"schemas": [_SEARCH], "cursor": "ABOUT"}),
    "search the root": probe("POST", "/.search", {"schemas": [_SEARCH], "cursor": "ABOUT"}),
}

#: What is asked of one's own resources alone.
OF_ONE_S_OWN: list[Probe] = [
    find("/KIND"),
    find("/KIND", sortBy="id", sortOrder="descending"),
    find("/KIND", sortBy="NAME", count="1"),
    find("/KIND", sortBy="meta.lastModified"),
    find("/KIND", count="0"),
    find("/KIND", startIndex="2"),
    find("/KIND", cursor=""),
    find("/KIND", "id pr or externalId pr"),
    find("/KIND", 'meta.version eq "W/\\"1\\"" or meta.created gt "2000-01-01T00:00:00Z"'),
    find("/", sortBy="id"),
    find("/", "id pr", count="2"),
    *(probe("GET", f"/OWN/{kind}") for kind in KINDS),
    *(probe("GET", path) for path in ("/Schemas", "/ServiceProviderConfig", "/ResourceTypes")),
]

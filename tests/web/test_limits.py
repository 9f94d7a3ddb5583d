"""Rate limits: what each connection may send, whatever others and the host's own limits do.

How fast a test runs decides when a second ends; so here what a second has is spent beforehand, and
the second lasts.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_sqlalchemy import SQLAlchemy
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import Storage
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.test import TestResponse

from flask_scim import SCIM, ConfigurationError
from flask_scim.web import limits
from tests.client import PATCH, USER, ScimClient
from tests.host import Host
from tests.web.answers import refusal, stored

pytestmark = pytest.mark.one_database("requests are counted in no database")

SECOND, MINUTE = (RateLimitItemPerSecond(25, 1, "SCIM"), RateLimitItemPerMinute(30, 1, "SCIM"))
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@dataclass(slots=True)
class Limited:
    """An app with a limit of 25, and the storage in which it counts."""

    host: Host
    storage: Storage

    def connect(self, name: str, *, left: int = 25, tenant: str = "1") -> ScimClient:
        """Add a connection that has so many requests left until tomorrow."""
        spend(self.storage, name, 25 - left)
        return self.host.connect(name, tenant=tenant)


def spend(storage: Storage, name: str, count: int, rate: RateLimitItem = SECOND) -> None:
    """Let a connection have sent so many requests, in a second or minute that lasts a day."""
    # Whoever counts first says when a window ends.
    storage.incr(rate.key_for("", name), 86_400, amount=count)


@pytest.fixture
def limit(build: Callable[..., Host]) -> Callable[..., Limited]:
    """Makes apps with a limit of 25."""

    def make(**settings: Any) -> Limited:
        host = build(SCIM_RATE_LIMIT=25, **settings)
        return Limited(host, Limiter(str, app=host.app, storage_uri="memory://").storage)

    return make


def look(client: ScimClient) -> TestResponse:
    """Send a request that costs little."""
    return client.get("/ServiceProviderConfig")


def looks(client: ScimClient, times: int) -> list[int]:
    """Send that request several times, and return what comes of each."""
    return [look(client).status_code for _ in range(times)]


def test_too_many(limit: Callable[..., Limited]) -> None:
    """What is above the limit is refused in words that say what to do, and when."""
    client = limit().connect("acme", left=2)
    assert looks(client, 2) == [200, 200]
    response = look(client)
    assert refusal(response) == (429, None)
    assert response.headers["Retry-After"] == "1"
    assert "25 requests a second" in response.json["detail"]


def test_burst(limit: Callable[..., Limited]) -> None:
    """A burst comes on top of what a second has."""
    limited = limit(SCIM_RATE_BURST=30)
    client = limited.connect("acme", left=2)
    spend(limited.storage, "acme", 27, MINUTE)
    assert looks(client, 7) == [200] * 5 + [429] * 2


def test_off(build: Callable[..., Host]) -> None:
    """Without the setting there is no limit, and nothing is looked at before requests."""
    host, limited = build(SCIM_RATE_BURST=1), build(SCIM_RATE_LIMIT=25)
    client = host.connect("acme", tenant="1")
    assert {look(client).status_code for _ in range(200)} == {200}
    functions = [len(each.app.before_request_funcs[None]) for each in (host, limited)]
    # One function for the endpoints of SCIM, and one for those of events.
    assert functions[0] == functions[1] - 2


def test_nothing_is_changed(limit: Callable[..., Limited]) -> None:
    """What was refused is not there, and the next request finds nothing left over."""
    limited = limit()
    acme, other = limited.connect("acme", left=2), limited.connect("other", tenant="2")
    id = acme.create("ann")["id"]
    acme.create("bob")
    before = stored(limited.host)
    refused = [
        acme.post("/Users", {"schemas": [USER], "userName": "cid"}),
        acme.put(f"/Users/{id}", {"schemas": [USER], "userName": "cid"}),
        acme.patch(f"/Users/{id}", {"op": "replace", "path": "userName", "value": "cid"}),
        acme.delete(f"/Users/{id}"),
    ]
    assert [refusal(each) for each in refused] == [(429, None)] * 4
    assert stored(limited.host) == before
    assert other.create("cid")["userName"] == "cid"


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/Users", None, 200),
        ("HEAD", "/Users", None, 200),
        ("GET", "/Users/99", None, 404),
        ("PATCH", "/Users/99", {"schemas": [PATCH], "Operations": []}, 400),
        ("DELETE", "/Groups/99", None, 404),
        ("POST", "/Users", {"nonsense": True}, 400),
        ("POST", "/Users/.search", {"schemas": [SEARCH]}, 200),
        ("POST", "/.search", {"schemas": [SEARCH]}, 200),
        ("GET", "", None, 200),
        ("POST", "/Bulk", {"schemas": [BULK], "Operations": []}, 400),
        ("GET", "/Me", None, 501),
        ("GET", "/Schemas", None, 200),
        ("GET", "/ResourceTypes/User", None, 200),
    ],
)
def test_each_endpoint_counts(
    limit: Callable[..., Limited], method: str, path: str, body: Any, expected: int
) -> None:
    """A request counts wherever it goes, and whatever comes of it."""
    client = limit().connect("acme", left=1)
    found = [client.request(method, path, body).status_code for _ in range(2)]
    assert found == [expected, 429]


def test_bulk_counts_as_one(limit: Callable[..., Limited]) -> None:
    """The operations of a Bulk request are not counted."""
    client = limit().connect("acme", left=2)
    operations = [{"method": "DELETE", "path": f"/Users/{number}"} for number in range(30)]
    response = client.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [each["status"] for each in response.json["Operations"]] == ["404"] * 30
    assert looks(client, 2) == [200, 429]


def test_connections_are_apart(limit: Callable[..., Limited]) -> None:
    """A connection that sends too much takes nothing from another."""
    limited = limit()
    acme, other = limited.connect("acme", left=1), limited.connect("other", left=2)
    assert looks(acme, 5) == [200] + [429] * 4
    assert looks(other, 3) == [200, 200, 429]


def test_strangers_take_nothing(limit: Callable[..., Limited]) -> None:
    """Requests without the right token, of which anybody can send many, are not counted."""
    limited = limit()
    acme, other = limited.connect("acme", left=1), limited.connect("other", left=1)
    for token in ("", "nonsense", other.token):
        assert looks(ScimClient(acme.http, acme.base, token), 5) == [401] * 5
    for client in (acme, other):
        assert looks(client, 2) == [200, 429]


def test_costs(build: Callable[..., Host], limit: Callable[..., Limited]) -> None:
    """Counting takes no SQL."""
    free, limited = build(), limit()
    clients = [free.connect("free", tenant="1"), limited.connect("limited", left=2)]
    assert [look(client).status_code for client in clients] == [200, 200]
    costs = []
    for host, client, expected in (
        (free, clients[0], 200),
        (limited.host, clients[1], 200),
        (limited.host, clients[1], 429),
    ):
        with host.statements() as statements:
            assert look(client).status_code == expected
        costs.append(len(statements))
    assert costs[0] == costs[1] == costs[2]


# The host's own limits.


def make_app(*, scim: bool, order: str = "before", **options: Any) -> tuple[Flask, Limiter]:
    """Make an app that limits its own pages, with or without SCIM."""
    db = SQLAlchemy()

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column(unique=True)

    own = SCIM(db)
    own.users(User, {"userName": User.email})
    app = Flask("limited")
    app.config.update(
        SECRET_KEY="secret",
        SQLALCHEMY_DATABASE_URI="sqlite://",
        SCIM_RATE_LIMIT=25,
    )
    db.init_app(app)
    limiter = Limiter(lambda: "anybody", storage_uri="memory://", headers_enabled=True, **options)
    if order == "before":
        limiter.init_app(app)
    if scim:
        own.init_app(app)
    if order == "after":
        limiter.init_app(app)

    @app.route("/page")
    def page() -> str:
        return "page"

    @app.route("/tight")
    @limiter.limit("1 per day")
    def tight() -> str:
        return "tight"

    if scim:
        with app.app_context():
            db.create_all()
            own.connections.add("acme")
            app.config["TOKEN"], _ = own.tokens.issue("acme", ["get:users"])
    return app, limiter


def connect(app: Flask) -> ScimClient:
    """A client of the connection of an app of :func:`make_app`."""
    return ScimClient(app.test_client(), "/scim/v2/acme", app.config["TOKEN"])


@pytest.mark.parametrize("order", ["before", "after"])
def test_host_keeps_its_limits(order: str) -> None:
    """The host's pages have their limits and headers, to the letter, however SCIM is used."""
    answers = []
    for scim in (False, True):
        app, _ = make_app(scim=scim, order=order, default_limits=["3 per day"])
        if scim:
            assert looks(connect(app), 5) == [200] * 5
        http = app.test_client()
        found = [http.get(path) for path in ["/page"] * 4 + ["/tight"] * 2]
        assert [each.status_code for each in found] == [200, 200, 200, 429, 200, 429]
        answers.append(
            [
                (
                    each.data,
                    each.headers["X-RateLimit-Limit"],
                    each.headers["X-RateLimit-Remaining"],
                )
                for each in found
            ]
        )
    assert answers[0] == answers[1]


@pytest.mark.parametrize("order", ["before", "after"])
def test_defaults_of_the_host(order: str) -> None:
    """The limits that the host's pages have by default are none of SCIM's."""
    app, limiter = make_app(scim=True, order=order, default_limits=["3 per day"])
    client = connect(app)
    spend(limiter.storage, "acme", 20)
    found = [look(client) for _ in range(6)]
    assert [each.status_code for each in found] == [200] * 5 + [429]
    assert not any("X-RateLimit-Limit" in each.headers for each in found)


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no other storage is named, each process counts in its own memory."""
    app, _ = make_app(scim=True, order="never")
    client = connect(app)
    # The second that begins with the first request lasts as long as the test does.
    stands = time.time()
    monkeypatch.setattr(time, "time", lambda: stands)
    assert looks(client, 27) == [200] * 25 + [429] * 2


@pytest.mark.parametrize("order", ["before", "after"])
def test_limits_of_the_whole_application(order: str) -> None:
    """What the host limits as a whole includes SCIM, in an error of SCIM's."""
    app, _ = make_app(scim=True, order=order, application_limits=["3 per day"])
    client = connect(app)
    assert [look(client).status_code for _ in range(3)] == [200] * 3
    response = look(client)
    assert refusal(response) == (429, None)
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("order", ["before", "after"])
def test_exemptions_of_the_host(order: str) -> None:
    """Where the host takes SCIM out of all its limits, it stays so."""
    app, limiter = make_app(scim=True, order=order, application_limits=["3 per day"])
    limiter.exempt(app.blueprints["scim"])
    client = connect(app)
    assert looks(client, 5) == [200] * 5


def test_limits_of_the_blueprint() -> None:
    """A limit that the host sets on SCIM itself holds."""
    app, limiter = make_app(scim=True, default_limits=["3 per day"])
    limiter.limit("5 per day")(app.blueprints["scim"])
    client = connect(app)
    assert [look(client).status_code for _ in range(6)] == [200] * 5 + [429]


# The storage.


def test_storage_does_not_answer(
    build: Callable[..., Host],
    closed: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where nobody can count, all requests go on, and the log says so now and then."""
    now = 100.0
    monkeypatch.setattr(limits, "monotonic", lambda: now)
    host = build(SCIM_RATE_LIMIT=25, SCIM_RATE_STORAGE_URI=f"redis://:secret@127.0.0.1:{closed}")
    client = host.connect("acme", tenant="1")
    told = []
    for now in (100.0, 109.9, 110.0):
        assert {look(client).status_code for _ in range(50)} == {200}
        told = [each for each in caplog.records if each.name == "flask_scim.limits"]
        assert len(told) == (1 if now < 110 else 2)
    assert "no request is counted" in told[0].message
    assert "secret" not in caplog.text


# Mistakes when the app is made.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCIM_RATE_LIMIT", 24),
        ("SCIM_RATE_LIMIT", 0),
        ("SCIM_RATE_LIMIT", "50 per second"),
        ("SCIM_RATE_LIMIT", 50.5),
        ("SCIM_RATE_LIMIT", True),
        ("SCIM_RATE_BURST", -1),
        ("SCIM_RATE_BURST", None),
        ("SCIM_RATE_STORAGE_URI", ""),
        ("SCIM_RATE_STORAGE_URI", 6379),
        ("SCIM_RATE_STORAGE_URI", "nonsense"),
        ("SCIM_RATE_STORAGE_URI", "nonsense://:secret@127.0.0.1"),
        ("SCIM_RATE_STORAGE_URI", "async+memory://"),
        ("SCIM_RATE_STORAGE_URI", "redis://:secret@127.0.0.1:nonsense"),
        ("RATELIMIT_STORAGE_URI", "nonsense://"),
    ],
)
def test_bad_setting(build: Callable[..., Host], name: str, value: Any) -> None:
    """A setting that cannot be used is named, and a password that it holds is not."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        build(**{"SCIM_RATE_LIMIT": 25} | {name: value})
    assert "secret" not in str(caught.value)


def test_least_rate(build: Callable[..., Host]) -> None:
    """A limit that identity providers would run into is refused in words that name the least."""
    with pytest.raises(ConfigurationError, match="at least 25 requests a second, not 10"):
        build(SCIM_RATE_LIMIT=10)


_WITHOUT = """
import sys

sys.modules |= dict.fromkeys(("flask_limiter", "limits"))
from flask_scim import ConfigurationError
from tests.host import make_host

make_host("sqlite://")
try:
    make_host("sqlite://", SCIM_RATE_LIMIT=50)
except ConfigurationError as error:
    print(error)
"""


def test_without_the_extra() -> None:
    """All goes on without Flask-Limiter, until a limit is set: then the extra is named."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _WITHOUT], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert "Flask-SCIM[limits]" in ran.stdout

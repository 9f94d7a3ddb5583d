"""Back-channel logout: each app that somebody has signed in to hears of it in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from joserfc import jwk, jwt

from flask_scim import ConfigurationError, LogoutClient, Report
from flask_scim.delivery.back_channel_logout import BackChannelLogout
from tests.access.relying import ISSUER, RelyingParty
from tests.client import ScimClient
from tests.host import Host

KEY = jwk.ECKey.generate_key("P-256", {"kid": "first"})
SETTINGS: dict[str, Any] = {
    "SCIM_LOGOUT_ISSUER": ISSUER,
    "SCIM_LOGOUT_KEYS": [KEY.as_dict(private=True)],
    "SCIM_DELIVERY_HTTP": True,
    "SCIM_DELIVERY_PRIVATE": True,
    "SCIM_REVOCATION_RETRY": False,
    "SCIM_REVOKER_TIMEOUT": 2,
}
alike = pytest.mark.one_database("what clients answer, and how long that takes, is the same")

OFF = {"op": "replace", "path": "active", "value": False}
ON = {"op": "replace", "path": "active", "value": True}


class Provider:
    """An app that others sign people in with."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.clients: Callable[[Any], Any] = lambda _: []
        host.scim.logout_clients(self.find_clients)
        with host.app.app_context():
            self.party = RelyingParty(host.scim.logout_keys())

    def find_clients(self, user: Any) -> Any:
        """Find them as the test has it just now."""
        return self.clients(user)

    def make_due(self) -> None:
        """Let what is open be due now."""
        with self.host.app.app_context():
            jobs = self.host.db.metadata.tables["scim_own_revocation"]
            past = datetime.now(UTC) - timedelta(seconds=1)
            changed = jobs.update().where(jobs.c.due.is_not(None)).values(due=past)
            self.host.db.session.execute(changed)
            self.host.db.session.commit()

    def retry(self) -> list[Report]:
        """Try what is due, as a worker does."""
        self.make_due()
        with self.host.app.app_context():
            access = self.host.app.extensions["scim"].access
            return list(access.revocation.work_off_due())

    def report(self, id: str) -> Report:
        """How far the end of somebody's access has come."""
        with self.host.app.app_context():
            user = self.host.db.session.get(self.host.User, int(id))
            found = self.host.scim.access_of(user)
            assert found is not None
            return found

    def open(self) -> int:
        """How many are still to be told."""
        with self.host.app.app_context():
            table = self.host.db.metadata.tables["scim_own_logout"]
            return self.host.db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.fixture
def provider(build: Callable[..., Host]) -> Iterator[Provider]:
    """An app, and a relying party of its own."""
    provider = Provider(build(**SETTINGS))
    with provider.party.listening():
        yield provider


@pytest.fixture
def acme(provider: Provider) -> ScimClient:
    """A client of the app."""
    return provider.host.connect("acme", "entra", "post:revocations", tenant="1")


def test_each_client_hears_of_it(provider: Provider, acme: ScimClient) -> None:
    """One token a client or session, signed, and nothing of it twice."""
    party = provider.party
    provider.clients = lambda user: [
        LogoutClient("crm", party.uri("/crm"), sub=str(user.id)),
        LogoutClient("wiki", party.uri("/wiki"), sub=f"w-{user.id}", sid="s1"),
        LogoutClient("wiki", party.uri("/wiki"), sid="s2"),
        LogoutClient("crm", party.uri("/crm"), sub=str(user.id)),
    ]
    id = acme.create("ann")["id"]
    assert acme.patch(f"/Users/{id}", OFF).status_code == 200
    heard = {(c["aud"], c.get("sub"), c.get("sid")) for c in party.heard}
    assert heard == {("crm", id, None), ("wiki", f"w-{id}", "s1"), ("wiki", None, "s2")}
    assert len({claims["jti"] for claims in party.heard}) == 3
    found = provider.report(id)
    assert (found.complete, found.ended) == (True, {"backchannel_logout": 3})
    assert provider.open() == 0
    assert acme.patch(f"/Users/{id}", OFF).status_code == 200
    assert provider.retry() == []
    assert party.asked == 3


def test_every_end_is_told(provider: Provider, acme: ScimClient) -> None:
    """Global revocation and deletion are ends too, also where the row itself goes."""
    party = provider.party
    provider.clients = lambda user: [LogoutClient("crm", party.uri(), sub=user.username)]
    ann, bob = acme.create("ann")["id"], acme.create("bob")["id"]
    subject = {"sub_id": {"format": "opaque", "id": ann}}
    assert acme.post("/global-token-revocation", subject).status_code == 204
    assert acme.delete(f"/Users/{ann}").status_code == 204
    declared = provider.host.scim._wiring.declared["User"]
    declared.deleter(lambda row, _: provider.host.db.session.delete(row))
    assert acme.delete(f"/Users/{bob}").status_code == 204
    assert [claims["sub"] for claims in party.heard] == ["ann", "ann", "bob"]
    assert provider.open() == 0


@alike
@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (500, "500 Internal Server Error"),
        (400, '400 Bad Request {"error":"invalid_request"}'),
        (302, "302 Found"),
        ("garbage", "the answer is no HTTP"),
        ("drop", ""),
        ("hang", "no answer within"),
    ],
)
def test_a_client_that_does_not_take_it(
    provider: Provider, acme: ScimClient, behaviour: Any, words: str
) -> None:
    """It is told again until it does; the others are not, and the SCIM answer is as ever."""
    party = provider.party
    party.behaviour["/down"] = behaviour
    provider.clients = lambda user: [
        LogoutClient("down", party.uri("/down"), sub=user.username),
        LogoutClient("up", party.uri("/up"), sub=user.username),
    ]
    id = acme.create("ann")["id"]
    assert acme.patch(f"/Users/{id}", OFF).status_code == 200
    assert [claims["aud"] for claims in party.heard] == ["up"]
    found = provider.report(id)
    (outcome,) = found.outcomes
    assert not found.complete
    assert outcome.error is not None
    assert outcome.error.startswith("NotTold: down: ")
    assert words in outcome.error
    assert [report.complete for report in provider.retry()] == [False]
    party.behaviour.clear()
    assert [report.complete for report in provider.retry()] == [True]
    assert [claims["aud"] for claims in party.heard] == ["up", "down"]
    assert provider.report(id).ended == {"backchannel_logout": 2}
    assert provider.open() == 0


def test_a_client_that_is_gone(provider: Provider, acme: ScimClient) -> None:
    """Nobody listens there: it is tried again, and said."""
    provider.clients = lambda _: [LogoutClient("gone", "http://127.0.0.1:1/", sub="x")]
    id = acme.create("ann")["id"]
    assert acme.patch(f"/Users/{id}", OFF).status_code == 200
    (outcome,) = provider.report(id).outcomes
    assert "gone: " in str(outcome.error)
    assert outcome.due is not None


def test_a_client_that_is_gone_for_ever(
    provider: Provider, acme: ScimClient, caplog: pytest.LogCaptureFixture
) -> None:
    """After a week it is given up, and the log says so; whoever hears by then has heard."""
    party = provider.party
    party.behaviour["/slow"] = 500
    provider.clients = lambda _: [
        LogoutClient("gone", "http://127.0.0.1:1/", sub="x"),
        LogoutClient("slow", party.uri("/slow"), sub="x"),
    ]
    id = acme.create("ann")["id"]
    assert acme.patch(f"/Users/{id}", OFF).status_code == 200

    def pass_by(days: int) -> None:
        table = provider.host.db.metadata.tables["scim_own_revocation"]
        with provider.host.app.app_context():
            then = datetime.now(UTC) - timedelta(days=days)
            provider.host.db.session.execute(table.update().values(since=then))
            provider.host.db.session.commit()

    pass_by(6)
    assert [report.complete for report in provider.retry()] == [False]
    assert provider.open() == 2
    assert "given up" not in caplog.text
    pass_by(8)
    party.behaviour.clear()
    assert [report.complete for report in provider.retry()] == [True]
    assert provider.report(id).ended == {"backchannel_logout": 1}
    assert provider.open() == 0
    assert "Client gone is given up" in caplog.text
    assert "Client slow is given up" not in caplog.text


def test_whoever_comes_back_is_told_of_again(provider: Provider, acme: ScimClient) -> None:
    """A later end is told to all, also to those who had not heard of the one before."""
    party = provider.party
    party.behaviour["/logout"] = 500
    provider.clients = lambda user: [LogoutClient("crm", party.uri(), sub=user.username)]
    id = acme.create("ann")["id"]
    acme.patch(f"/Users/{id}", OFF)
    party.behaviour.clear()
    acme.patch(f"/Users/{id}", ON)
    acme.patch(f"/Users/{id}", OFF)
    assert provider.report(id).complete
    assert len(party.heard) == 1
    assert provider.retry() == []


@alike
def test_very_many_clients(provider: Provider, acme: ScimClient) -> None:
    """Those who hang do not keep the others from hearing, attempt after attempt."""
    party = provider.party
    party.behaviour["/hang"] = "hang"
    provider.clients = lambda _: [
        *(LogoutClient(f"a{n}", party.uri("/hang"), sub="x") for n in range(8)),
        *(LogoutClient(f"b{n}", party.uri("/up"), sub="x") for n in range(20)),
    ]
    id = acme.create("ann")["id"]
    acme.patch(f"/Users/{id}", OFF)
    for _ in range(8):
        if len(party.heard) == 20:
            break
        provider.retry()
    assert sorted(c["aud"] for c in party.heard) == sorted(f"b{n}" for n in range(20))
    assert not provider.report(id).complete
    party.behaviour.clear()
    for _ in range(4):
        provider.retry()
    assert provider.report(id).ended == {"backchannel_logout": 28}


@pytest.mark.parametrize("broken", ["raises", "returns"])
def test_an_app_that_cannot_say_whom(provider: Provider, acme: ScimClient, broken: str) -> None:
    """The person is out all the same, and it is asked again whom to tell."""
    party = provider.party

    def fail(_: Any) -> Any:
        if broken == "raises":
            raise OSError("the registry is away")
        return ["crm"]

    provider.clients = fail
    id = acme.create("ann")["id"]
    assert acme.patch(f"/Users/{id}", OFF).status_code == 200
    (outcome,) = provider.report(id).outcomes
    assert "OSError" in str(outcome.error) or "LogoutClients" in str(outcome.error)
    provider.clients = lambda user: [LogoutClient("crm", party.uri(), sub=user.username)]
    assert [report.complete for report in provider.retry()] == [True]
    assert [claims["sub"] for claims in party.heard] == ["ann"]


def test_clients_within_the_network_are_not_called(build: Callable[..., Host]) -> None:
    """Unless the app says so, a client is called over TLS, and where everybody can reach it."""
    settings = {k: v for k, v in SETTINGS.items() if not k.startswith("SCIM_DELIVERY")}
    provider = Provider(build(**settings))
    acme = provider.host.connect("acme", tenant="1")
    with provider.party.listening():
        for uri in (provider.party.uri(), "https://127.0.0.1/", "https://[::1]/", "file:///etc"):
            provider.clients = lambda _, uri=uri: [LogoutClient("crm", uri, sub="x")]
            id = acme.create(f"user-{uri}")["id"]
            acme.patch(f"/Users/{id}", OFF)
            (outcome,) = provider.report(id).outcomes
            assert outcome.took is None
            assert "crm: " in str(outcome.error)
    assert provider.party.asked == 0


def test_keys(provider: Provider) -> None:
    """The public half alone is shown, and verifies what the private one signs."""
    with provider.host.app.app_context():
        shown = provider.host.scim.logout_keys()
    assert [set(key) & {"d", "p", "q"} for key in shown["keys"]] == [set()]
    assert shown["keys"][0]["kid"] == "first"
    signed = jwt.encode(
        {"alg": "ES256", "kid": "first"}, {"iss": ISSUER}, KEY, algorithms=["ES256"]
    )
    found = jwt.decode(signed, jwk.KeySet.import_key_set(shown), algorithms=["ES256"])
    assert found.claims == {"iss": ISSUER}


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ({"client_id": "crm"}, "needs a sub, a sid, or both"),
        ({"client_id": "", "sub": "x"}, "client_id must be a text"),
        ({"client_id": "crm", "sub": "x" * 256}, "sub must be a text"),
        ({"client_id": "crm", "sid": 5}, "sid must be a text"),
    ],
)
def test_clients_that_cannot_be(client: dict[str, Any], words: str) -> None:
    """A client is checked where it is made."""
    with pytest.raises(ValueError, match=words):
        LogoutClient(uri="https://crm.example/logout", **client)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SCIM_LOGOUT_ISSUER": None}, "Set SCIM_LOGOUT_ISSUER"),
        ({"SCIM_LOGOUT_KEYS": None}, "Set SCIM_LOGOUT_KEYS"),
        ({"SCIM_LOGOUT_KEYS": []}, "SCIM_LOGOUT_KEYS holds no key"),
        ({"SCIM_LOGOUT_KEYS": "{"}, "SCIM_LOGOUT_KEYS is no JSON"),
        ({"SCIM_LOGOUT_KEYS": [KEY.as_dict(private=False)]}, "must hold private keys"),
    ],
)
def test_settings_that_are_missing(
    build: Callable[..., Host], settings: dict[str, Any], words: str
) -> None:
    """The keys and the issuer are needed, and said by name."""
    host = build(**(SETTINGS | settings))
    with pytest.raises(ConfigurationError, match=words):
        BackChannelLogout.read(host.app.config, 1)

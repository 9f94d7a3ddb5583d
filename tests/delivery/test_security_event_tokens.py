"""Security event tokens: the claims of RFC 8417 and RFC 9967, under a signature of joserfc."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from flask_scim import ConfigurationError
from flask_scim.delivery.security_events import EVENT_URIS, Detail, make_claims
from flask_scim.delivery.tokens import TokenSigner, make_key
from flask_scim.provisioning.journal import Entry
from tests.client import ENTERPRISE
from tests.delivery.entries import MOMENT, make_entry, make_members_change

ENDPOINTS = {"User": "/Users", "Group": "/Groups"}
PREFIX = "urn:ietf:params:scim:event:"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ONE_TWO = [{"value": "1"}, {"value": "2"}]
FULL, NOTICE = Detail.FULL, Detail.NOTICE


def claims_of(entry: Entry, detail: Detail = NOTICE, stream: str = "0123") -> dict[str, Any] | None:
    """The claims of the token for one destination."""
    return make_claims(
        entry,
        ENDPOINTS,
        issuer="https://app.example",
        audience="https://hear.example",
        stream=stream,
        detail=detail,
    )


def payload(entry: Entry, detail: Detail = NOTICE) -> dict[str, Any]:
    """The events of a token by their URIs without the prefix."""
    claims = claims_of(entry, detail)
    assert claims is not None
    assert set(claims["events"]) <= set(EVENT_URIS)
    for each in claims["events"].values():
        assert not {"data", "attributes"} <= set(each)
    return {uri.removeprefix(PREFIX): each for uri, each in claims["events"].items()}


def test_claims() -> None:
    """The subject is in ``sub_id``, and never in ``sub``."""
    claims = claims_of(make_entry())
    assert claims is not None
    assert len(claims.pop("txn")) == 32
    assert claims == {
        "iss": "https://app.example",
        "aud": "https://hear.example",
        "iat": int(MOMENT.timestamp()),
        "jti": "evt_0123456789abcdefghijkl.0123",
        "sub_id": {"format": "scim", "uri": "/Users/7", "externalId": "a-1"},
        "events": {f"{PREFIX}prov:create:notice": {"attributes": ["externalId", "userName"]}},
    }


def test_one_transaction() -> None:
    """Tokens of one change share ``txn`` and differ in ``jti``; another change has another."""
    first, second = make_entry(id="evt_1"), make_entry("user.deactivated", id="evt_2")
    tokens = [claims_of(first), claims_of(second), claims_of(first, stream="9")]
    assert len({each["txn"] for each in tokens if each}) == 1
    assert len({each["jti"] for each in tokens if each}) == 3
    # A client may send the same request id with all of its requests.
    later = claims_of(make_entry(time=MOMENT.replace(microsecond=0)))
    assert later is not None
    assert later["txn"] != (tokens[0] or {})["txn"]


@pytest.mark.parametrize(
    ("entry", "notice", "full"),
    [
        (
            make_entry(object={"userName": "ann"}, changed=("password", "userName")),
            {"prov:create:notice": {"attributes": ["password", "userName"]}},
            {"prov:create:full": {"data": {"id": "7", "userName": "ann"}}},
        ),
        (
            make_entry(
                "user.updated",
                object={"userName": "ann", ENTERPRISE: {"division": "a:b"}},
                previous={"title": "x", "userName": "anna", ENTERPRISE: {"division": None}},
                changed=("password", "title", f"{ENTERPRISE}:division", "userName"),
            ),
            {
                "prov:patch:notice": {
                    "attributes": ["password", "title", f"{ENTERPRISE}:division", "userName"]
                }
            },
            {
                "prov:patch:full": {
                    "data": {
                        "schemas": [PATCH],
                        "Operations": [
                            {"op": "remove", "path": "title"},
                            {"op": "replace", "path": f"{ENTERPRISE}:division", "value": "a:b"},
                            {"op": "replace", "path": "userName", "value": "ann"},
                        ],
                    }
                }
            },
        ),
        (
            make_members_change("1", "2", removed=("3",)),
            {"prov:patch:notice": {"attributes": ["members"]}},
            {
                "prov:patch:full": {
                    "data": {
                        "schemas": [PATCH],
                        "Operations": [
                            {"op": "add", "path": "members", "value": ONE_TWO},
                            {"op": "remove", "path": "members", "value": [{"value": "3"}]},
                        ],
                    }
                }
            },
        ),
        # What is not known in full is noticed.
        (
            make_members_change("1", added_count=2_000),
            {"prov:patch:notice": {"attributes": ["members"]}},
            {"prov:patch:notice": {"attributes": ["members"]}},
        ),
        (
            make_entry("user.updated", object=None, changed=("title",)),
            {"prov:patch:notice": {"attributes": ["title"]}},
            {"prov:patch:notice": {"attributes": ["title"]}},
        ),
        (
            make_entry("user.updated", changed=("password",)),
            {"prov:patch:notice": {"attributes": ["password"]}},
            {"prov:patch:notice": {"attributes": ["password"]}},
        ),
        (make_entry("user.deactivated"), {"prov:deactivate": {}}, {"prov:deactivate": {}}),
        (make_entry("user.reactivated"), {"prov:activate": {}}, {"prov:activate": {}}),
        (make_entry("user.deleted"), {"prov:delete": {}}, {"prov:delete": {}}),
        (make_entry("user.adopted"), {"feed:add": {}}, {"feed:add": {}}),
    ],
    ids=lambda value: value.type if isinstance(value, Entry) else "",
)  # fmt: skip
def test_events(entry: Entry, notice: dict[str, Any], full: dict[str, Any]) -> None:
    """Each kind of change has its event, with either the names or the values of attributes."""
    assert payload(entry) == notice
    assert payload(entry, FULL) == full


@pytest.mark.parametrize(
    "entry", [make_entry("token.issued", resource_type="Token"), make_entry("user.noticed")]
)
def test_what_the_standard_has_no_event_for(entry: Entry) -> None:
    """No token tells of what is no resource, or of what no event is registered for."""
    assert claims_of(entry) is None


def test_subject_without_external_id() -> None:
    """What nobody gave has no place in the subject."""
    claims = claims_of(make_entry("user.deleted", object=None))
    assert claims is not None
    assert claims["sub_id"] == {"format": "scim", "uri": "/Users/7"}


def test_signature() -> None:
    """The token is of type ``secevent+jwt``, and good for whoever has the public keys."""
    old, new = make_key(), RSAKey.generate_key(2048, {"kid": "r"}).as_dict(private=True)
    claims = claims_of(make_entry())
    assert claims is not None
    for keys, algorithm in ([old, new], "ES256"), ({"keys": [new, old]}, "RS256"):
        signer = TokenSigner(keys)
        described = signer.describe()
        assert not {"d", "p", "q"} & {name for key in described["keys"] for name in key}
        public = KeySet.import_key_set(json.loads(json.dumps(described)))
        read = jwt.decode(signer.sign(claims), public, algorithms=[algorithm])
        assert (read.header["typ"], read.header["alg"]) == ("secevent+jwt", algorithm)
        assert read.claims == claims
        other = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
        with pytest.raises(BadSignatureError):
            jwt.decode(signer.sign(claims), other, algorithms=[algorithm])


def test_keys_as_text() -> None:
    """A setting may come from the environment."""
    key = make_key()
    assert TokenSigner(json.dumps(key)).describe()["keys"][0]["kid"] == key["kid"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("no JSON", "no JSON"),
        ([], "no key"),
        (7, "must be JSON Web Keys"),
        ([7], "no JSON Web Key"),
        ({"kty": "EC", "crv": "P-256", "x": "!", "y": "!"}, "SCIM_EVENTS_KEYS"),
        (OctKey.generate_key(256).as_dict(private=True), "P-256, or of RSA"),
        (OKPKey.generate_key("Ed25519").as_dict(private=True), "P-256, or of RSA"),
        (ECKey.generate_key("P-256").as_dict(private=False), "private keys"),
    ],
    ids=["text", "none", "number", "numbers", "broken", "secret", "other", "public"],
)
def test_keys_that_cannot_be_used(keys: Any, message: str) -> None:
    """A setting that cannot be used says so, and does not repeat the key."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        TokenSigner(keys)
    if isinstance(keys, dict) and "d" in keys:
        assert keys["d"] not in str(caught.value)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_short_key() -> None:
    """A key of RSA that can be broken is refused."""
    key = RSAKey.generate_key(1024, auto_kid=True).as_dict(private=True)
    with pytest.raises(ConfigurationError, match="less than 2048 bits"):
        TokenSigner([make_key(), key])

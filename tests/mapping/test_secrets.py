"""What is never returned is never stored in clear text, wherever it stands in a schema."""

from __future__ import annotations

from typing import Any

import pytest

from flask_scim import ConfigurationError, hashed
from flask_scim.mapping.declaration import read_declaration
from flask_scim.mapping.mapping import Mapping
from flask_scim.protocol.resolver import AttributePath
from flask_scim.protocol.schema import (
    Attribute,
    Extension,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Type,
)

SECRET: dict[str, Any] = {"mutability": Mutability.WRITE_ONLY, "returned": Returned.NEVER}
URN = "urn:example:params:scim:schemas:acme:2.0:Lock"

#: Locks with a secret as an attribute, in parts, in entries and in an extension.
LOCK = ResourceType(
    "Lock",
    "/Locks",
    Schema(
        "urn:example:params:scim:schemas:acme:2.0:Door",
        "Lock",
        "A lock.",
        (
            Attribute("pin", **SECRET),
            Attribute("pins", multi_valued=True, **SECRET),
            Attribute(
                "owner",
                Type.COMPLEX,
                sub_attributes=(Attribute("name"), Attribute("pin", **SECRET)),
            ),
            Attribute(
                "keys",
                Type.COMPLEX,
                multi_valued=True,
                sub_attributes=(
                    Attribute("type"),
                    Attribute("value"),
                    Attribute("pin", **SECRET),
                ),
            ),
            Attribute(
                "vault",
                Type.COMPLEX,
                sub_attributes=(Attribute("name"),),
                **SECRET,
            ),
        ),
    ),
    (Extension(Schema(URN, "More", "More.", (Attribute("pin", **SECRET), Attribute("note")))),),
)
DOCUMENT = {
    "pin": "s3cret",
    "pins": ["s3cret"],
    "owner": {"name": "ann", "pin": "s3cret"},
    "keys": [
        {"type": "spare", "value": "7", "pin": "s3cret"},
        {"type": "main", "value": "8", "pin": "s3cret"},
    ],
    "vault": {"name": "s3cret"},
    URN: {"pin": "s3cret", "note": "oak"},
}


def read(declaration: dict[str, Any], *, keep: bool = True) -> Mapping:
    """Read a declaration of locks."""
    return read_declaration(declaration, LOCK, keep_unmapped=keep)


@pytest.mark.parametrize(
    "declaration",
    [
        {},
        {"keys": [{"type": "main", "value": "key"}]},
        {"owner.name": "owner"},
        {URN: {"note": "n"}},
    ],
)
def test_never_kept(declaration: dict[str, Any]) -> None:
    """What nobody mapped is kept without its secrets, and they are not served."""
    mapping = read(declaration)
    parts = mapping.split(DOCUMENT)
    assert "s3cret" not in repr(parts)
    found = mapping.join(parts.values, parts.kept, parts.extras)
    assert {**found, "keys": sorted(found["keys"], key=lambda entry: entry["value"])} == {
        "owner": {"name": "ann"},
        "keys": [{"type": "spare", "value": "7"}, {"type": "main", "value": "8"}],
        URN: {"note": "oak"},
    }
    owner, pin = LOCK.attribute("owner"), LOCK.attribute("pin")
    assert owner is not None
    assert pin is not None
    assert not mapping.maps(AttributePath(pin))
    assert not mapping.maps(AttributePath(owner, owner.sub("pin")))
    assert mapping.maps(AttributePath(owner, owner.sub("name")))


@pytest.mark.parametrize("path", ["pin", "owner.pin", "vault.name", f"{URN}:pin"])
@pytest.mark.parametrize("keep", [True, False])
def test_hashed_wherever_it_is_one_text(path: str, keep: bool) -> None:
    """A secret that is one text may have a place for its hash, and is served then."""
    mapping = read({path: hashed("secret", str.upper)}, keep=keep)
    ((place, _),) = [each for each in mapping.sources if str(each[0]) == path]
    assert mapping.maps(place)
    assert "s3cret" in mapping.split(DOCUMENT).values


@pytest.mark.parametrize(
    ("path", "source", "words"),
    [
        ("pin", "secret", "clear text must never be stored"),
        ("owner.pin", "secret", "clear text must never be stored"),
        ("vault.name", "secret", "clear text must never be stored"),
        (f"{URN}:pin", "secret", "clear text must never be stored"),
        ("owner", "data", "map it part by part"),
        ("keys", "data", "map it part by part"),
        ("pins", "secret", "only a single text can be hashed"),
        ("pins", hashed("secret", str.upper), "only a single text can be hashed"),
        ("vault", hashed("secret", str.upper), "only a single text can be hashed"),
        ("keys", [{"type": "main", "pin": "secret"}], "no part of an entry"),
        ("keys", [{"type": "main", "pin": hashed("secret", str.upper)}], "no part of an entry"),
        ('keys[type eq "main"].pin', hashed("secret", str.upper), "no part of an entry"),
    ],
)
def test_refused(path: str, source: Any, words: str) -> None:
    """No declaration stores a secret in clear text, nor what cannot be hashed."""
    with pytest.raises(ConfigurationError, match=words):
        read({path: source})

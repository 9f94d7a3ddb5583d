"""What an identity provider says of a person at sign-in, as SCIM attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..config import ConfigurationError
from ..protocol.errors import ScimError
from ..protocol.parser import parse_path
from ..protocol.resolver import resolve_path
from ..protocol.schema import ResourceType

#: Attributes that claims fill in; of several, the first that is mapped.
Paths = tuple[str, ...]

_EMAIL: Paths = ("emails.value",)
_PHONE: Paths = ("phoneNumbers.value",)
_GIVEN: Paths = ("name.givenName",)
_FAMILY: Paths = ("name.familyName",)
_SHOWN: Paths = ("displayName", "name.formatted")
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#: What ADFS and Entra ID put before the names of SAML attributes.
_WS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com/identity/claims"

DEFAULT_CLAIMS: dict[str, Paths] = {
    # OpenID Connect Core 1.0, section 5.1; a dot leads into an object.
    "given_name": _GIVEN,
    "family_name": _FAMILY,
    "middle_name": ("name.middleName",),
    "name": _SHOWN,
    "nickname": ("nickName",),
    "email": _EMAIL,
    "phone_number": _PHONE,
    "picture": ("photos.value",),
    "profile": ("profileUrl",),
    "zoneinfo": ("timezone",),
    "locale": ("locale",),
    "address.formatted": ("addresses.formatted",),
    "address.street_address": ("addresses.streetAddress",),
    "address.locality": ("addresses.locality",),
    "address.region": ("addresses.region",),
    "address.postal_code": ("addresses.postalCode",),
    "address.country": ("addresses.country",),
    # SAML, by the names that people enter at their identity providers.
    "givenName": _GIVEN,
    "firstName": _GIVEN,
    "sn": _FAMILY,
    "surname": _FAMILY,
    "lastName": _FAMILY,
    "displayName": _SHOWN,
    "mail": _EMAIL,
    "telephoneNumber": _PHONE,
    "title": ("title",),
    "department": (f"{_ENTERPRISE}:department",),
    "employeeNumber": (f"{_ENTERPRISE}:employeeNumber",),
    "preferredLanguage": ("preferredLanguage",),
    # SAML, by object identifier.
    "urn:oid:2.5.4.42": _GIVEN,
    "urn:oid:2.5.4.4": _FAMILY,
    "urn:oid:2.16.840.1.113730.3.1.241": _SHOWN,
    "urn:oid:0.9.2342.19200300.100.1.3": _EMAIL,
    "urn:oid:2.5.4.20": _PHONE,
    "urn:oid:2.5.4.12": ("title",),
    f"{_WS}/givenname": _GIVEN,
    f"{_WS}/surname": _FAMILY,
    f"{_WS}/emailaddress": _EMAIL,
    f"{_MICROSOFT}/displayname": _SHOWN,
}

#: What no claim may say: who somebody is, whether they are let in, what they may do.
_FORBIDDEN = frozenset(
    {"userName", "externalId", "active", "password", "groups", "roles", "entitlements"}
)


def read_claims(config: Mapping[str, Any], resource_type: ResourceType) -> dict[str, Paths]:
    """Read which claims fill which attributes.

    ``SCIM_LOGIN_CLAIMS`` goes before the default, claim by claim.

    :param config: the app's ``config``.
    :param resource_type: the resource type of people.
    :return: the attributes of each claim.
    :raises ConfigurationError: with every mistake and its repair.
    """
    chosen = config.get("SCIM_LOGIN_CLAIMS", {})
    if not isinstance(chosen, Mapping):
        raise ConfigurationError(
            f"SCIM_LOGIN_CLAIMS must be a dict of claims and SCIM paths, not {chosen!r:.100}."
        )
    # What is chosen goes first: of several claims for one attribute the first counts.
    claims: dict[str, Paths] = {}
    problems: list[str] = []
    for claim, raw in chosen.items():
        paths = tuple(raw) if isinstance(raw, list | tuple) else () if raw is None else (raw,)
        problems += [f"{claim!r}: {each}" for each in _mistakes(paths, resource_type)]
        claims[str(claim)] = paths
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ConfigurationError(f"SCIM_LOGIN_CLAIMS cannot be used:\n{lines}")
    claims |= {claim: paths for claim, paths in DEFAULT_CLAIMS.items() if claim not in claims}
    return {claim: paths for claim, paths in claims.items() if paths}


def find_values(claims: Mapping[str, Any], names: Mapping[str, Paths]) -> Iterator[tuple[str, Any]]:
    """Find what an identity provider says of a person.

    :param claims: the claims of an ID token or UserInfo, or the attributes of a SAML assertion.
    :param names: the attributes of each claim.
    :return: the names of claims that say something, and their values; the first of many.
    """
    for name in names:
        value = claims.get(name)
        if value is None and "." in name:
            outer, _, inner = name.partition(".")
            whole = claims.get(outer)
            value = whole.get(inner) if isinstance(whole, Mapping) else None
        if isinstance(value, list | tuple):
            value = next(iter(value), None)
        if isinstance(value, str):
            value = value.strip()
        if value not in (None, ""):
            yield name, value


def _mistakes(paths: Paths, resource_type: ResourceType) -> Iterator[str]:
    for path in paths:
        if not isinstance(path, str):
            yield f"{path!r:.100} is no SCIM path; write it as text, as in 'title'."
            continue
        try:
            target = resolve_path(parse_path(path), resource_type)
        except ScimError as error:
            yield f"{path!r:.100}: {error.detail} Correct the name."
            continue
        if target.attribute is None or target.attribute.name in _FORBIDDEN:
            yield f"{path!r:.100} is not a claim's to say; leave it out."
        elif target.attribute.is_complex and target.sub_attribute is None:
            part = target.attribute.sub_attributes[0].name
            yield f"{path!r:.100} has parts; name one, as in '{target.attribute.name}.{part}'."

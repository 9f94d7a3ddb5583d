"""Default mappings that fit themselves to the columns that an app has.

What each kind of identity provider sends, and what apps usually call the columns for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .pairs import Pair


class Kind(StrEnum):
    """What a column can hold, as far as a default is concerned."""

    TEXT = "text"
    BOOLEAN = "boolean"
    WHOLE = "whole"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A default mapping that was fitted to an app.

    :param pairs: what found a place, and the place.
    :param left_out: the attributes for which the app has no place.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]


_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_WORK = 'emails[type eq "work"].value'
_PRIMARY = "emails[primary eq true].value"
_BOTH = 'emails[type eq "work" and primary eq true].value'

#: Names of columns, letter case and underscores aside, the likeliest first.
_EMAIL = ("email", "mail", "email_address", "primary_email", "work_email")
_LOGINS = ("username", "login", "login_name", "preferred_username", "upn", "user_principal_name")
_ACTIVE = ("is_active", "active", "is_enabled", "enabled")
#: These say the opposite.
_INACTIVE = (
    *("blocked", "is_blocked", "disabled", "is_disabled", "suspended", "is_suspended"),
    *("inactive", "is_inactive", "deactivated", "is_deactivated"),
)
#: JSON columns that are there for what an identity provider knows.
_CATCHALLS = ("app_metadata", "scim_attributes", "directory_attributes")

_PHONE = ("phone", "phone_number", "telephone", "tel", "telephone_number")
_COMMON: dict[str, tuple[str, ...]] = {
    "displayName": ("display_name", "full_name", "name"),
    "name.givenName": ("given_name", "first_name", "forename"),
    "name.familyName": ("family_name", "last_name", "surname"),
    "nickName": ("nickname", "nick"),
    'photos[type eq "photo"].value': (
        *("picture", "picture_url", "photo", "photo_url", "avatar", "avatar_url", "image_url"),
    ),
    'phoneNumbers[type eq "mobile"].value': (
        *("mobile_phone_number", "mobile_phone", "mobile_number", "mobile", "cell_phone"),
    ),
    'addresses[type eq "work"].streetAddress': ("street_address", "street"),
    'addresses[type eq "work"].locality': ("city", "locality", "town"),
    # Not "state": that is often the state of the account.
    'addresses[type eq "work"].region': ("region", "province"),
    'addresses[type eq "work"].postalCode': ("postal_code", "postcode", "zip_code", "zip"),
    'addresses[type eq "work"].formatted': ("postal_address",),
    'addresses[type eq "work"].country': ("country", "country_code"),
    "profileUrl": ("profile_url",),
    # Not "type" or "role": they often say what somebody may do.
    "userType": ("user_type",),
    "title": ("job_title", "title"),
    "preferredLanguage": ("preferred_language", "language", "lang"),
    "locale": ("locale",),
    "timezone": ("timezone", "tz", "tz_name"),
    f"{_ENTERPRISE}:employeeNumber": (
        *("employee_number", "employee_id", "personnel_number", "staff_number"),
    ),
    f"{_ENTERPRISE}:costCenter": ("cost_center", "cost_centre"),
    f"{_ENTERPRISE}:organization": ("organization_name", "organisation_name", "company_name"),
    f"{_ENTERPRISE}:division": ("division", "division_name"),
    f"{_ENTERPRISE}:department": ("department", "department_name", "dept"),
    f"{_ENTERPRISE}:manager.value": ("manager", "manager_external_id"),
}
_NAMES: dict[str, tuple[str, ...]] = {
    "name.middleName": ("middle_name",),
    "name.honorificPrefix": ("honorific_prefix", "name_prefix"),
    "name.honorificSuffix": ("honorific_suffix", "name_suffix"),
    "phoneNumbers[primary eq true].value": ("primary_phone_number", "primary_phone", *_PHONE),
}
_ENTRA: dict[str, tuple[str, ...]] = {
    'phoneNumbers[type eq "work"].value': (
        "work_phone_number",
        "work_phone",
        "office_phone",
        *_PHONE,
    ),
    'phoneNumbers[type eq "fax"].value': ("fax_number", "fax"),
}
#: By the identity provider of the connection: its first names for a login, which entry is the
#: e-mail, and what it sends beside what all of them send.
_PROVIDERS: dict[str, tuple[tuple[str, ...], str, dict[str, tuple[str, ...]]]] = {
    "okta": (("preferred_username",), _PRIMARY, _NAMES),
    "entra": (("upn", "user_principal_name"), _WORK, _ENTRA),
    "saml": ((), _PRIMARY, _NAMES),
    "oidc": (("preferred_username",), _PRIMARY, _NAMES),
}
_GENERIC: tuple[tuple[str, ...], str, dict[str, tuple[str, ...]]] = ((), _BOTH, _NAMES)
#: The kinds of identity providers that have a default of their own.
PROVIDERS = (*_PROVIDERS, "generic")


def fit(idp: str, columns: Mapping[str, Kind]) -> Fitted:
    """Fit the default mapping of users to what an app has.

    ``externalId`` stays in the record of the user, where it has its index.

    :param idp: the identity provider; those that have no default of their own get that of
        ``generic``.
    :param columns: the places of the app that may be written, as a mapping names them, with what
        they hold.
    :return: the mapping. Without a place for ``userName`` it cannot be used.
    """
    logins, email, more = _PROVIDERS.get(idp, _GENERIC)
    # A column goes before what stands behind a relationship or in JSON.
    nearest = sorted(columns, key=lambda name: -name.count("."))
    fitter = _Fitter({_plain(name): name for name in nearest}, columns)
    pairs = list(fitter.place("userName", (*logins, *_LOGINS)))
    mail = fitter.find(_EMAIL, Kind.TEXT)
    if mail is not None:
        # Where the e-mail is the login too, one of them writes it.
        pairs = pairs or [Pair("userName", mail)]
        pairs.append(Pair(email, mail, read_only=pairs[0].app == mail))
    pairs += fitter.place_active()
    for scim, names in (_COMMON | more).items():
        kinds = (Kind.TEXT, Kind.WHOLE) if scim.endswith(":employeeNumber") else (Kind.TEXT,)
        pairs += fitter.place(scim, names, *kinds)
    placed = {pair.scim for pair in pairs}
    wanted = ("userName", email, "active", *_COMMON, *more)
    return Fitted(tuple(pairs), tuple(name for name in wanted if name not in placed))


def _plain(name: str) -> str:
    """What a place is called, without the way there, letter case and underscores."""
    return name.rpartition(".")[2].lower().replace("_", "")


class _Fitter:
    """Gives each column away once."""

    def __init__(self, names: dict[str, str], columns: Mapping[str, Kind]) -> None:
        self.names = names
        self.columns = columns
        self.catchall = self.find(_CATCHALLS, Kind.JSON)
        self.taken: set[str] = set()

    def find(self, names: tuple[str, ...], *kinds: Kind) -> str | None:
        for name in names:
            found = self.names.get(_plain(name))
            if found is not None and self.columns[found] in kinds:
                return found
        return None

    def place(self, scim: str, names: tuple[str, ...], *kinds: Kind) -> Iterator[Pair]:
        free = tuple(name for name in names if self.names.get(_plain(name)) not in self.taken)
        found = self.find(free, *(kinds or (Kind.TEXT,)))
        if found is not None:
            self.taken.add(found)
            yield Pair(scim, found)
        elif self.catchall is not None and scim != "userName":
            yield Pair(scim, f"{self.catchall}.{names[0]}")

    def place_active(self) -> Iterator[Pair]:
        is_so = self.find(_ACTIVE, Kind.BOOLEAN)
        is_not = self.find(_INACTIVE, Kind.BOOLEAN)
        if is_so is not None:
            yield Pair("active", is_so)
        elif is_not is not None:
            yield Pair("active", f"!{is_not}")

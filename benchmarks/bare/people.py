"""A person's row as SCIM shows it, and the other way round."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any

from ..host import ENTERPRISE
from .ground import moment

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
#: The columns that :func:`describe` takes, in their order.
COLUMNS = (
    *("username", "email", "given_name", "family_name", "full_name", "display_name", "title"),
    *("language", "phone", "mobile", "fax", "address", "street", "city", "region"),
    *("postal_code", "country", "employee_number", "department", "cost_center", "division"),
    *("company", "is_active"),
)
_read = attrgetter(*COLUMNS)


def read(user: Any, external_id: str | None) -> dict[str, Any]:
    """Write what SCIM knows of a person whose row is at hand as an object."""
    return describe(*(*_read(user), external_id))


def describe(  # noqa: PLR0912, PLR0913, PLR0915, PLR0917
    username: str,
    email: str | None,
    given_name: str | None,
    family_name: str | None,
    full_name: str | None,
    display_name: str | None,
    title: str | None,
    language: str | None,
    phone: str | None,
    mobile: str | None,
    fax: str | None,
    address: str | None,
    street: str | None,
    city: str | None,
    region: str | None,
    postal_code: str | None,
    country: str | None,
    employee_number: str | None,
    department: str | None,
    cost_center: str | None,
    division: str | None,
    company: str | None,
    is_active: bool,
    external_id: str | None,
) -> dict[str, Any]:
    """Write what SCIM knows of a person."""
    document: dict[str, Any] = {"userName": username, "active": is_active}
    name = {}
    if given_name is not None:
        name["givenName"] = given_name
    if family_name is not None:
        name["familyName"] = family_name
    if full_name is not None:
        name["formatted"] = full_name
    if name:
        document["name"] = name
    if display_name is not None:
        document["displayName"] = display_name
    if title is not None:
        document["title"] = title
    if language is not None:
        document["preferredLanguage"] = language
    if external_id is not None:
        document["externalId"] = external_id
    if email is not None:
        document["emails"] = [{"type": "work", "primary": True, "value": email}]
    phones = []
    if phone is not None:
        phones.append({"type": "work", "value": phone})
    if mobile is not None:
        phones.append({"type": "mobile", "value": mobile})
    if fax is not None:
        phones.append({"type": "fax", "value": fax})
    if phones:
        document["phoneNumbers"] = phones
    place = {}
    if address is not None:
        place["formatted"] = address
    if street is not None:
        place["streetAddress"] = street
    if city is not None:
        place["locality"] = city
    if region is not None:
        place["region"] = region
    if postal_code is not None:
        place["postalCode"] = postal_code
    if country is not None:
        place["country"] = country
    if place:
        document["addresses"] = [{"type": "work", **place}]
    enterprise = {}
    if employee_number is not None:
        enterprise["employeeNumber"] = employee_number
    if department is not None:
        enterprise["department"] = department
    if cost_center is not None:
        enterprise["costCenter"] = cost_center
    if division is not None:
        enterprise["division"] = division
    if company is not None:
        enterprise["organization"] = company
    if enterprise:
        document[ENTERPRISE] = enterprise
    return document


def present(
    base: str,
    groups: list[dict[str, str]] | None,
    described: dict[str, Any],
    id: int,
    version: int,
    created: datetime,
    modified: datetime,
) -> dict[str, Any]:
    """Write a person as the client sees them."""
    schemas = [USER, ENTERPRISE] if ENTERPRISE in described else [USER]
    document = {"schemas": schemas, "id": str(id), **described}
    if groups:
        document["groups"] = groups
    document["meta"] = {
        "resourceType": "User",
        "created": moment(created),
        "lastModified": moment(modified),
        "location": f"{base}/Users/{id}",
        "version": f'W/"{version}"',
    }
    return document


def parse(body: dict[str, Any]) -> dict[str, Any]:
    """Read a person from what a client has sent, as columns."""
    name, enterprise = body.get("name") or {}, body.get(ENTERPRISE) or {}
    phones = {entry["type"]: entry["value"] for entry in body.get("phoneNumbers") or ()}
    places = {entry["type"]: entry for entry in body.get("addresses") or ()}
    address = places.get("work", {})
    emails = [each["value"] for each in body.get("emails") or () if each["type"] == "work"]
    return {
        "username": body["userName"],
        "email": emails[0] if emails else None,
        "given_name": name.get("givenName"),
        "family_name": name.get("familyName"),
        "full_name": name.get("formatted"),
        "display_name": body.get("displayName"),
        "title": body.get("title"),
        "language": body.get("preferredLanguage"),
        "phone": phones.get("work"),
        "mobile": phones.get("mobile"),
        "fax": phones.get("fax"),
        "address": address.get("formatted"),
        "street": address.get("streetAddress"),
        "city": address.get("locality"),
        "region": address.get("region"),
        "postal_code": address.get("postalCode"),
        "country": address.get("country"),
        "employee_number": enterprise.get("employeeNumber"),
        "department": enterprise.get("department"),
        "cost_center": enterprise.get("costCenter"),
        "division": enterprise.get("division"),
        "company": enterprise.get("organization"),
        "is_active": body.get("active", True),
    }


def compare(before: dict[str, Any], after: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Tell which attributes have changed, and what they were."""
    changed, previous = [], {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name != ENTERPRISE:
            changed.append(name)
            if old is not None:
                previous[name] = old
            continue
        old, new = old or {}, new or {}
        differ = [each for each in old.keys() | new.keys() if old.get(each) != new.get(each)]
        changed += [f"{name}:{each}" for each in differ]
        if was := {each: old[each] for each in differ if each in old}:
            previous[name] = was
    return sorted(changed), previous

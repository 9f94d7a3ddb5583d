"""Two customers with a few accounts that are there before SCIM is switched on."""

from __future__ import annotations

from dataclasses import dataclass, field

PASSWORD = "lighthouse"


@dataclass(frozen=True)
class Person:
    """An account made by hand."""

    username: str
    given_name: str
    family_name: str
    title: str
    email: str
    role: str = "agent"
    email_verified: bool = True


@dataclass(frozen=True)
class Customer:
    """An organisation, its people and its teams, which name people by their user names."""

    id: str
    name: str
    people: tuple[Person, ...]
    teams: dict[str, tuple[str, ...]] = field(default_factory=dict)


ORGANIZATIONS = (
    Customer(
        "acme",
        "Acme Instruments",
        (
            Person("maria", "Maria", "Okafor", "Head of Support", "maria@acme.example", "admin"),
            Person("tom", "Tom", "Lindqvist", "Support Engineer", "tom@acme.example"),
        ),
        {"First line": ("maria", "tom"), "Calibration lab": ("tom",)},
    ),
    Customer(
        "globex",
        "Globex Logistics",
        (Person("lena", "Lena", "Brandt", "Operations Manager", "lena@globex.example", "admin"),),
        {"Night desk": ("lena",)},
    ),
)

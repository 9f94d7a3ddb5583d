"""Whom a security event is about (:rfc:`9493`), found among the people of one connection."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..protocol.errors import InvalidFilter, InvalidSyntax, InvalidValue
from ..protocol.parser import parse_filter
from ..protocol.resolver import resolve_filter
from ..protocol.values import is_sound
from ..provisioning.ports import Connection
from ..store.columns.binding import Binding
from ..store.people.logins import is_of_subject
from ..store.queries.filters import compile_filter
from ..store.sql.backends import Backend, Sql

#: What the drafts call it, the newest first; Okta's documentation has the other.
SUBJECT_NAMES = ("sub_id", "subject")
#: What each format names, beside ``format`` itself.
SUBJECT_FORMATS = {"email": ("email",), "iss_sub": ("iss", "sub"), "opaque": ("id",)}
LONGEST_SUBJECT = 1_024


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a security event is about.

    :param format: ``email``, ``iss_sub`` or ``opaque``.
    :param value: the address, what the identity provider calls the person, or the SCIM ``id``.
    :param issuer: the identity provider, where the format names it.
    """

    format: str
    value: str
    issuer: str | None = None


def read_subject(body: Any) -> Subject:
    """Read the body of a request to revoke what somebody has.

    The drafts call the one member ``sub_id``, the earlier of them ``subject``, as Okta does.

    :param body: the body as JSON.
    :return: whom it names.
    :raises InvalidSyntax: if it is no such body.
    :raises InvalidValue: if it names nobody in a way that is known.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax('The body must be a JSON object: {"sub_id": {"format": …}}.')
    named = [body[name] for name in SUBJECT_NAMES if name in body]
    if len(named) != 1 or not isinstance(named[0], dict):
        raise InvalidSyntax('Name one subject, an object: {"sub_id": {"format": …}}.')
    (subject,) = named
    format = subject.get("format")
    members = SUBJECT_FORMATS.get(format) if isinstance(format, str) else None
    if members is None:
        raise InvalidValue(
            f"The format of the subject must be one of {', '.join(SUBJECT_FORMATS)}."
        )
    values = [subject.get(name) for name in members]
    for name, value in zip(members, values, strict=True):
        if (
            not isinstance(value, str)
            or not 0 < len(value) <= LONGEST_SUBJECT
            or not is_sound(value)
        ):
            raise InvalidValue(
                f"A subject in the format {format} needs {name}, a text of 1 to {LONGEST_SUBJECT} "
                "characters."
            )
    return Subject(format, values[-1], values[0] if format == "iss_sub" else None)


@dataclass(frozen=True, slots=True)
class People:
    """The people of one connection.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose people are in reach; nobody else is.
    :param binding: where the attributes of the connection's users sit.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding

    def find(self, subject: Subject) -> Sequence[Any]:
        """Find whom a subject names.

        Whoever has the address as their ``userName`` goes before those who have it among their
        e-mail addresses. A subject of an issuer is what the person has signed in as, else their
        ``externalId``, else their ``id``.

        :param subject: the subject.
        :return: their rows; none where nobody is called so.
        """
        quoted = json.dumps(subject.value)
        ways: list[Callable[[], Sql]]
        match subject.format:
            case "email":
                ways = [
                    lambda: self._compile(f"userName eq {quoted}"),
                    lambda: self._compile(f"emails.value eq {quoted}"),
                ]
            case "iss_sub":
                ways = [
                    lambda: is_of_subject(self.binding, self.connection, subject.value),
                    lambda: self._compile(f"externalId eq {quoted}"),
                    lambda: self._compile(f"id eq {quoted}"),
                ]
            case _:
                ways = [lambda: self._compile(f"id eq {quoted}")]
        self.backend.prepare(self.binding.connect(self.session))
        for way in ways:
            found = self._select(way())
            if found:
                return found
        return []

    def _compile(self, text: str) -> Sql:
        condition = resolve_filter(parse_filter(text), self.binding.resource_type)
        try:
            return compile_filter(condition, self.binding, self.backend, {})
        except InvalidFilter:
            # Where only a function knows the attribute, nobody is found by it.
            return sa.false()

    def _select(self, condition: Sql) -> Sequence[Any]:
        binding = self.binding
        statement: sa.Select[Any] = binding.select(binding.model).where(
            *binding.own(self.connection), condition
        )
        return self.session.scalars(statement.order_by(binding.key)).all()

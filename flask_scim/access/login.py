"""People who sign in through an identity provider: who they are, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from ..mapping.claims import Paths, find_values
from ..mapping.sources import Source
from ..protocol.addresses import read_address
from ..protocol.errors import InvalidValue
from ..provisioning.ports import Connection
from ..store.columns.binding import Binding
from ..store.columns.spots import Spot, find_spot
from ..store.people.accounts import Accounts
from ..store.people.logins import find_login, keep_subject
from ..store.sql.backends import Backend
from .ownership import Ownership
from .standing import Standing

#: Where an ID token, and what is made of a SAML assertion, says who somebody is.
_SUBJECTS = ("sub", "nameid", "NameID")
_SUBJECTS_BY_IDP = {
    # The subject of Entra ID differs from app to app; the id of the object does not.
    "entra": ("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"),
}
_UNPROVED = "The address is neither verified nor in a verified domain of the connection."


@dataclass(frozen=True, slots=True)
class Synced:
    """What came of the claims of a person who signs in.

    :param standing: whether the person may sign in; where not, nothing was changed.
    :param written: the attributes that were written, as a PATCH names them.
    :param kept: those that differ and were left alone, since SCIM keeps them.
    :param passed_over: claims that could not be written, each with the reason.
    :param subject: what the person is known by from now on; ``None`` if nothing said it.
    :param untouched: whether nothing could change at all: the person may not sign in, or the app
        has declared them untouchable.
    """

    standing: Standing
    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    passed_over: Mapping[str, str] = field(default_factory=dict)
    subject: str | None = None
    untouched: bool = False


@dataclass(frozen=True, slots=True)
class Logins:
    """The sign-ins of one connection's people.

    :param session: the host's session, whose transaction everything takes part in.
    :param backend: the database behind it.
    :param connection: the connection.
    :param binding: where the attributes of its people sit.
    :param key: the attribute that is a person's key in the identity provider, by its keys.
    :param names: which claims fill which attributes.
    :param accounts: the accounts of the connection's tenant.
    :param ownership: tells what identity providers keep.
    :param stand: tells whether a person may sign in.
    """

    session: Session
    backend: Backend
    connection: Connection
    binding: Binding
    key: tuple[str, ...]
    names: Mapping[str, Paths]
    accounts: Accounts
    ownership: Ownership
    stand: Callable[[Any], Standing]

    def find(self, subject: str, email: str | None) -> Any:
        """Find who signs in.

        :param subject: what the identity provider calls the person.
        :param email: the person's address, verified; it is looked at where nobody has the subject.
        :return: the host's object, ``None`` for a stranger.
        """
        backend, binding = self.backend, self.binding
        found = find_login(self.session, backend, binding, self.connection, subject, self.key)
        if found is None and email is not None:
            with self.session.no_autoflush:
                found = self.accounts.find_address(email)
        return found

    def sync(self, user: Any, claims: Mapping[str, Any], subject: str | None) -> Synced:
        """Write what an identity provider says of a person at sign-in, and remember the person.

        :param user: the host's object.
        :param claims: the claims, or the attributes of an assertion.
        :param subject: what the identity provider calls the person; ``None`` where a claim says it.
        :return: what came of it.
        :raises ValueError: if the row is none of the connection's tenant, or the subject is
            somebody else's.
        """
        self._check(user)
        self.session.flush()
        standing = self.stand(user)
        untouchable = self.binding.marks.untouchable
        if not standing or (untouchable is not None and untouchable.holds(user)):
            return Synced(standing, untouched=True)
        subject = self._subject(claims) if subject is None else subject
        if subject is not None:
            key = self.binding.key_of(user)
            keep_subject(self.session, self.binding, self.connection, subject, key)
        return self._write(user, claims, standing, subject)

    def _write(
        self, user: Any, claims: Mapping[str, Any], standing: Standing, subject: str | None
    ) -> Synced:
        owned: frozenset[str] | None = None
        written, kept, passed_over = [], [], {}
        for claim, spot, raw in self._spots(claims):
            try:
                value = spot.load(raw)
                if spot.read(user) == value:
                    continue
                if spot.place.path.keys[0] == "emails" and not self._is_proved(value, claims):
                    passed_over[claim] = _UNPROVED
                    continue
                # Nobody is asked what SCIM keeps where there is nothing to write.
                owned = self.ownership.owned(user) if owned is None else owned
                if _dotted(spot) in owned:
                    kept.append(spot.name)
                    continue
                spot.write(user, value)
                written.append(spot.name)
            except InvalidValue as error:
                passed_over[claim] = error.detail
        return Synced(standing, tuple(written), tuple(kept), passed_over, subject)

    def _spots(self, claims: Mapping[str, Any]) -> Iterator[tuple[str, Spot, Any]]:
        """Find where each claim belongs; the first of several claims for one place counts."""
        seen: set[tuple[str, str | None]] = set()
        for claim, value in find_values(claims, self.names):
            paths = self.names[claim]
            spot = next((each for path in paths if (each := find_spot(self.binding, path))), None)
            if spot is None or (spot.name, spot.part) in seen:
                continue
            seen.add((spot.name, spot.part))
            yield claim, spot, value

    def _is_proved(self, address: Any, claims: Mapping[str, Any]) -> bool:
        """Whether an e-mail address is the person's: it was verified, or the domain has been."""
        if claims.get("email") == address and "email_verified" in claims:
            return claims["email_verified"] in (True, "true")
        read = read_address(address)
        return read is not None and read.domain in self.connection.domains

    def _subject(self, claims: Mapping[str, Any]) -> str | None:
        names = (*_SUBJECTS_BY_IDP.get(self.connection.idp, ()), *_SUBJECTS)
        for _, value in find_values(claims, dict.fromkeys(names, ())):
            return str(value)
        return None

    def _check(self, user: Any) -> None:
        """Refuse a row that the connection has nothing to do with."""
        binding, tenant = self.binding, self.binding.tenant
        if not isinstance(user, binding.model):
            raise ValueError(f"{type(user).__name__} is no {binding.model.__name__}.")
        if tenant is not None and tenant.read(user, {}) != self.connection.tenant:
            raise ValueError(
                f"The person is of another tenant than {self.connection.id}, and does not sign in "
                "through it."
            )


def _dotted(spot: Spot) -> str:
    source = spot.place.source
    return ".".join(source.steps) if isinstance(source, Source) else ""

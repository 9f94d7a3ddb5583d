"""A resource type as the host declares it, and the hooks that belong to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ..config import ConfigurationError
from ..mapping.sources import Source, Sourced, read_source
from ..protocol.schema import ResourceType
from ..provisioning.ports import Connection, Document
from ..store.columns.marks import Marked
from ..store.hooks import Hooks
from ..store.people.homes import read_home
from ..store.people.persons import read_persons
from ..store.tables.people import AccessTables


@dataclass(slots=True)
class Declared:
    """A resource type that the host has mapped; its methods are decorators for hooks.

    :param resource_type: the resource type.
    :param model: the host's model.
    :param declaration: SCIM paths and where their values sit; ``None`` where the settings say it.
    :param record: our table of records.
    :param tenant: the model's attribute that says whose a row is.
    :param id: the model's attribute that is the SCIM ``id``.
    :param offers: the places that the mappings of connections may name beside those of the app's.
    :param hooks: what the host does itself.
    :param logins: our table of the subjects under which people have signed in, where it is people
        that are declared.
    :param access: our tables of people's access, where it is people that are declared.
    :param untouchable: what says that SCIM may see a row and never change it.
    :param verified: what says that the e-mail address of an account is its person's.
    :param privileged: what says that an account has privileges, so that it is not taken over.
    :param person: the relationship to the person of a row, where one can have several.
    :param members_of: the relationship from an organisation to its members.
    :param shared: whether the app has rows of the model beside those of SCIM.
    """

    resource_type: ResourceType
    model: type
    declaration: Mapping[str, Any] | str | None
    record: sa.Table
    tenant: Source | None
    id: Source | None
    offers: tuple[Source, ...] = ()
    hooks: Hooks = field(default_factory=Hooks)
    logins: sa.Table | None = None
    access: AccessTables | None = None
    untouchable: Marked = None
    verified: Marked = None
    privileged: Marked = None
    person: Source | None = None
    members_of: Any = None
    shared: bool = True

    @property
    def reserved(self) -> dict[str, Source]:
        """The attributes of the model that have another use, by what that is."""
        named: dict[str, Any] = {"tenant": self.tenant, "id": self.id}
        for what, marked in self.marks.items():
            try:
                named[f"mark of the {what}"] = None if marked is None else read_source(marked)
            except TypeError:
                continue
        return {what: source for what, source in named.items() if isinstance(source, Source)}

    @property
    def marks(self) -> dict[str, Marked]:
        """What the app says of its rows beside the mapping, by what that is."""
        return {
            "untouchable": self.untouchable,
            "verified": self.verified,
            "privileged": self.privileged,
        }

    def join(self) -> None:
        """Find out, as soon as all models are there, how people belong to organisations.

        :raises ConfigurationError: if a relationship cannot be used.
        """
        self.hooks.persons = read_persons(self.person, self.model)
        self.hooks.home = read_home(self.members_of, self.model, self.tenant)

    def creator(
        self, function: Callable[[Document, Connection], Any]
    ) -> Callable[[Document, Connection], Any]:
        """Let a function make the row of a new resource, inside the transaction.

        :param function: takes the document and the connection and returns a new object of the
            model; the mapped attributes are written to it afterwards.
        :return: the function.
        """
        self.hooks.creator = function
        return function

    def deleter(
        self, function: Callable[[Any, Connection], None]
    ) -> Callable[[Any, Connection], None]:
        """Let a function decide what deletion does to the row, inside the transaction.

        Without one the row is kept and, where ``active`` is mapped, deactivated.

        :param function: takes the row and the connection; it may delete the row from the session.
        :return: the function.
        """
        self.hooks.deleter = function
        return function

    def finder(
        self, function: Callable[[Document, Connection], Any]
    ) -> Callable[[Document, Connection], Any]:
        """Let a function find the person behind a new row, where one person can have several.

        Without one, or where it returns ``None``, a person is made.

        :param function: takes the document and the connection, inside the transaction, and returns
            the app's person of whom it can be sure; it may raise one of the project's errors.
        :return: the function.
        """
        self.hooks.finder = function
        return function

    def adopter(
        self, function: Callable[[list[Any], Document, Connection], Any]
    ) -> Callable[[list[Any], Document, Connection], Any]:
        """Let a function say which account a person has, where ``adoption`` is ``ask``.

        It is asked inside the transaction, when an identity provider first names the person.

        :param function: takes the rows that have the user name, e-mail address or external id of
            the person, the document and the connection, and returns a row of the same tenant, or
            ``None`` for a person who has no account yet; it may raise one of the project's errors.
        :return: the function.
        """
        self.hooks.adopter = function
        return function

    def renamer(
        self, function: Callable[[Any, Connection], None]
    ) -> Callable[[Any, Connection], None]:
        """Let a function free the name that a deleted resource had, as soon as another needs it.

        Without one, names that the table lets only one row have get the key of the row behind a
        tilde.

        :param function: takes the row and the connection, inside the transaction.
        :return: the function.
        """
        self.hooks.renamer = function
        return function


def read_scope(source: Sourced | None, what: str) -> Source | None:
    """Read which attribute of a model says whose a row is, or its id.

    :param source: the attribute or its name, if the host has named one.
    :param what: what it is for, in messages.
    :return: the source.
    :raises ConfigurationError: if it is no attribute.
    """
    if source is None:
        return None
    read = read_source(source)
    if not isinstance(read, Source) or read.inverted:
        raise ConfigurationError(f"{what} must be an attribute of the model, or its name.")
    return read


def read_offers(offers: Iterable[Sourced]) -> tuple[Source, ...]:
    """Read which places the mappings of connections may name.

    :param offers: attributes of the model, or their names.
    :return: the places.
    :raises ConfigurationError: if one of them is no place.
    """
    read = [read_source(offer) for offer in offers]
    if not all(isinstance(source, Source) for source in read):
        raise ConfigurationError("offers takes attributes of the model, or their names.")
    return tuple(source for source in read if isinstance(source, Source))

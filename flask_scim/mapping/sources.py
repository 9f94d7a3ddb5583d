"""The places that a declaration can name: attributes of the row, keys in it, computed values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ModelAttribute(Protocol):
    """An attribute of a model class, such as ``User.email``."""

    @property
    def key(self) -> str:
        """The attribute's name."""
        ...

    @property
    def class_(self) -> Any:
        """The class that has it."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A place that is reached from the host's row, by name.

    :param steps: the names on the way: attributes, to-one relationships, then keys of a JSON value.
    :param inverted: whether the place says the opposite of the SCIM attribute.
    :param read_only: whether SCIM reads the place and never writes it.
    :param owner: the class whose attribute the declaration named, where it named one.
    :param hashed: makes what the place holds of a clear text; SCIM then writes it and never reads.
    """

    steps: tuple[str, ...]
    inverted: bool = False
    read_only: bool = False
    owner: type | None = None
    hashed: Callable[[str], Any] | None = None

    def __str__(self) -> str:
        return ("!" if self.inverted else "") + ".".join(self.steps)


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A value that a function of the host makes from the row; SCIM never writes it.

    :param function: takes the row and returns the value.
    :param expression: the same in SQL, so that filters and sorting can use it.
    """

    function: Callable[[Any], Any]
    expression: Any = None

    def __str__(self) -> str:
        return f"computed by {getattr(self.function, '__name__', 'a function')}"


@dataclass(frozen=True, slots=True)
class RecordColumn:
    """A column of the record that Flask-SCIM keeps beside the host's row."""

    name: str

    def __str__(self) -> str:
        return f"{self.name} of the SCIM record"


@dataclass(frozen=True, slots=True)
class Refs:
    """The resources that a row refers to, by a relationship to many.

    :param source: the relationship, ``Team.users``, or its name; for an association object the way
        through it, ``"memberships.user"``.
    :param type: the name of the resource type that is referred to.
    :param fill: makes the other columns of a new association, by name; it is called once a request.
    """

    source: str | ModelAttribute
    type: str
    fill: Callable[[], dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Names that a row has, such as its roles: entries of which each is one ``value``.

    :param source: a many-to-many relationship to rows that are there already, or a JSON column with
        a list of text; or its name.
    :param value: of a relationship, the column that names one of the rows.
    :param display: of a relationship, the column with what people read.
    :param tenant: of a relationship, the column that says whose a row is, empty for everybody's.
    :param fill: of an association object, makes the other columns of a new one, by name.
    """

    source: str | ModelAttribute
    value: str | ModelAttribute | None = None
    display: str | ModelAttribute | None = None
    tenant: str | ModelAttribute | None = None
    fill: Callable[[], dict[str, Any]] | None = None

    def __str__(self) -> str:
        return str(read_source(self.source))

    @property
    def parts(self) -> tuple[str, ...]:
        """The sub-attributes of an entry that are kept."""
        return ("value",) if self.display is None else ("value", "display")


AnySource = Source | Computed | RecordColumn | Values
#: What a declaration may write where a source is meant.
Sourced = str | ModelAttribute | Source | Computed


def read_only(source: Sourced) -> Source | Computed:
    """Mark a source that SCIM reads and never writes.

    :param source: an attribute of the model, or its name.
    :return: the source, for use in a declaration.
    """
    read = read_source(source)
    return read if isinstance(read, Computed) else replace(read, read_only=True)


def computed(function: Callable[[Any], Any], expression: Any = None) -> Computed:
    """Name a function whose result an attribute shows.

    :param function: takes the host's row and returns the value.
    :param expression: a SQL expression of the same meaning; without it filters on the attribute
        are refused.
    :return: the source, for use in a declaration.
    """
    return Computed(function, expression)


def hashed(source: Sourced, function: Callable[[str], Any]) -> Source:
    """Name a place that holds a hash of what SCIM writes, and that SCIM never reads: a password.

    :param source: an attribute of the model, or its name.
    :param function: takes the clear text and returns what the place is to hold; a ``ValueError``
        refuses the text, and so does one of the project's own errors, with its words.
    :return: the source, for use in a declaration.
    :raises TypeError: if the source cannot be written to, or the function cannot be called.
    """
    read = read_source(source)
    if isinstance(read, Computed):
        raise TypeError("hashed() needs an attribute to write to; a computed value is none")
    if not callable(function):
        raise TypeError(f"hashed() needs a function that makes the hash of {read}")
    return replace(read, hashed=function)


def read_source(source: Any) -> Source | Computed:
    """Read what a declaration wrote where a source is meant.

    :param source: an attribute of a model, ``"name"``, ``"!name"``, ``"json_column.key"``,
        ``"relationship.name"``, or the result of :func:`read_only`, :func:`computed` or
        :func:`hashed`.
    :return: the source.
    :raises TypeError: if it is nothing of the kind.
    """
    match source:
        case Source() | Computed():
            return source
        case str():
            inverted = source.startswith("!")
            steps = tuple(source.removeprefix("!").split("."))
            if not all(steps):
                raise TypeError(f"{source!r} is not the name of an attribute")
            return Source(steps, inverted=inverted)
        case ModelAttribute():
            return Source((source.key,), owner=source.class_)
        case _:
            raise TypeError(
                f"{source!r} is no source; write an attribute of the model or its name in quotes"
            )

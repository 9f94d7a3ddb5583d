"""What the host does in place of the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..provisioning.ports import Connection, Document
from .people.accounts import Adopter
from .people.homes import Home
from .people.persons import Persons


@dataclass(slots=True)
class Hooks:
    """What the host does itself, inside the transaction.

    :param creator: takes the document and the connection and returns a new row of the host's model.
    :param deleter: takes the host's row and the connection and does what deletion means.
    :param adopter: takes the host's rows that could be a person's, the document and the connection
        and returns the row that is theirs, if any is.
    :param renamer: takes the row of a deleted resource and the connection and gives it another
        name.
    :param finder: takes the document and the connection and returns the person behind a new row.
    :param persons: the people behind the rows, where one can have several.
    :param home: the organisation that people become members of.
    """

    creator: Callable[[Document, Connection], Any] | None = None
    deleter: Callable[[Any, Connection], None] | None = None
    adopter: Adopter | None = None
    renamer: Callable[[Any, Connection], None] | None = None
    finder: Callable[[Document, Connection], Any] | None = None
    persons: Persons | None = None
    home: Home | None = None

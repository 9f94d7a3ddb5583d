"""Values of SCIM and values of columns: how each pair is read, written and compared."""

from __future__ import annotations

import enum
import math
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from operator import not_
from typing import Any

import sqlalchemy as sa

from ...protocol.errors import InvalidFilter, InvalidValue
from ...protocol.schema import Attribute, Type
from ...protocol.syntax import Operator
from ...protocol.values import Comparable, is_sound, read_datetime, write_datetime
from ..sql.backends import RELATIONS, SORTED_LENGTH, Backend, Sql
from ..sql.slots import Slot, fits_nothing, text_of


class Codec(ABC):
    """One kind of column that holds one kind of SCIM value."""

    #: What is written where a value is taken away and the column allows no NULL.
    empty: Any = None

    def decode(self, raw: Any) -> Any:
        """Turn what the column holds into a SCIM value, or ``None``, as NULL always is."""
        return raw

    @property
    def decoder(self) -> Callable[[Any], Any]:
        """What :meth:`decode` does to anything but NULL: for lists, which ask nothing else."""
        return self.decode

    def encode(self, value: Any, where: str) -> Any:
        """Turn a SCIM value into what the column holds.

        :raises InvalidValue: if the column cannot hold it.
        """
        return value

    def parse(self, text: str) -> Any:
        """Read a key that is written as :meth:`decode` writes it; ``None`` if it is none."""
        return text if is_sound(text) else None

    def present(self, backend: Backend, column: Sql) -> Sql:
        """Tell in SQL whether something is assigned."""
        return column.is_not(None)

    @abstractmethod
    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        """Compare in SQL; NULL where nothing is assigned."""

    def is_key(self, backend: Backend, column: Sql, key: Slot) -> Sql:
        """Tell in SQL whether the column holds a key, of those that :meth:`parse` reads."""
        is_it: Sql = column == key
        return is_it

    def order(self, backend: Backend, column: Sql) -> Sql:
        """The expression to sort by; NULL where nothing is assigned."""
        return column

    def order_among(self, backend: Backend, column: Sql) -> Sql:
        """The expression to sort by where other entries of the attribute stand in JSON."""
        return self.order(backend, column)


class TextCodec(Codec):
    """Text; in a column that allows no NULL, empty text stands for nothing."""

    empty = ""

    def __init__(self, attribute: Attribute, length: int | None = None) -> None:
        self.exact = attribute.case_exact or attribute.type is not Type.STRING
        self.length = length

    def decode(self, raw: Any) -> Any:
        return raw or None

    def encode(self, value: Any, where: str) -> Any:
        if self.length is None or len(value) <= self.length:
            return value
        return self.checked(value, where, self.length)

    @staticmethod
    def checked(text: str, where: str, length: int) -> str:
        """Check the length of text.

        :param text: the text.
        :param where: the place of the value in messages.
        :param length: the most characters.
        :return: the text.
        :raises InvalidValue: if it is longer.
        """
        if len(text) > length:
            raise InvalidValue(f"{where} may have at most {length} characters here.")
        return text

    def present(self, backend: Backend, column: Sql) -> Sql:
        return column != ""

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        condition = backend.compare_text(column, operator, text_of(value), exact=self.exact)
        # Empty text stands for nothing, and nothing compares with anything.
        return sa.and_(condition, column != "") if fits_nothing(operator, value) else condition

    def is_key(self, backend: Backend, column: Sql, key: Slot) -> Sql:
        return backend.compare_text(column, Operator.EQ, key, exact=self.exact)

    def order(self, backend: Backend, column: Sql) -> Sql:
        return order_text(backend, column, exact=self.exact)


class NumberTextCodec(Codec):
    """Text in SCIM, a whole number in the column, as of an ``id`` or an employee number."""

    def __init__(self, bits: int) -> None:
        self.limit = 2 ** (bits - 1)

    def decode(self, raw: Any) -> Any:
        return None if raw is None else str(raw)

    @property
    def decoder(self) -> Callable[[Any], Any]:
        return str

    def encode(self, value: Any, where: str) -> Any:
        number = self.parse(value)
        if number is None:
            raise InvalidValue(f"{where} must be a whole number here.")
        return number

    def parse(self, text: str) -> int | None:
        if len(text) > 20 or not text.removeprefix("-").isdecimal() or not text.isascii():
            return None
        number = int(text)
        return number if str(number) == text and -self.limit <= number < self.limit else None

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        if operator is Operator.EQ:
            number = self.parse(str(value))
            return sa.false() if number is None else column == number
        text = sa.cast(column, sa.String(20))
        return backend.compare_text(text, operator, str(value), exact=True)

    def order_among(self, backend: Backend, column: Sql) -> Sql:
        return order_text(backend, sa.cast(column, sa.String(20)), exact=True)


class UuidTextCodec(Codec):
    """Text in SCIM, a UUID in the column."""

    def __init__(self, *, as_uuid: bool = True) -> None:
        self.as_uuid = as_uuid

    def decode(self, raw: Any) -> Any:
        return None if raw is None else str(raw)

    @property
    def decoder(self) -> Callable[[Any], Any]:
        return str

    def encode(self, value: Any, where: str) -> Any:
        found = self.parse(value)
        if found is None:
            raise InvalidValue(f"{where} must be a UUID here.")
        return found

    def parse(self, text: str) -> uuid.UUID | str | None:
        try:
            found = uuid.UUID(text)
        except ValueError:
            return None
        if str(found) != text:
            return None
        return found if self.as_uuid else text

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        if operator is not Operator.EQ:
            raise InvalidFilter(f"A UUID cannot take {operator}; use eq, ne or pr.")
        found = self.parse(str(value))
        return sa.false() if found is None else column == found

    def order(self, backend: Backend, column: Sql) -> Sql:
        return order_text(backend, sa.cast(column, sa.String(36)), exact=True)


class EnumCodec(Codec):
    """Text in SCIM, one of a set of choices in the column."""

    def __init__(self, attribute: Attribute, choices: sa.Enum) -> None:
        self.text = TextCodec(attribute)
        if choices.enum_class is None:
            self.members: dict[str, Any] = {name: name for name in choices.enums}
        else:
            self.members = {_choice(member): member for member in choices.enum_class}

    def decode(self, raw: Any) -> Any:
        return None if raw is None else _choice(raw)

    def encode(self, value: Any, where: str) -> Any:
        if value not in self.members:
            raise InvalidValue(f"{where} must be one of {', '.join(sorted(self.members))}.")
        return self.members[value]

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        return self.text.compare(backend, self._name(column), operator, value)

    def order(self, backend: Backend, column: Sql) -> Sql:
        return self.text.order(backend, self._name(column))

    def _name(self, column: Sql) -> Sql:
        names = [(column == member, sa.literal(name)) for name, member in self.members.items()]
        return sa.case(*names, else_=None)


class BooleanCodec(Codec):
    """A boolean, or its opposite."""

    def __init__(self, *, inverted: bool = False) -> None:
        self.inverted = inverted
        self.empty = inverted

    def decode(self, raw: Any) -> Any:
        return None if raw is None else bool(raw) != self.inverted

    @property
    def decoder(self) -> Callable[[Any], Any]:
        return not_ if self.inverted else bool

    def encode(self, value: Any, where: str) -> Any:
        return value != self.inverted

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        return column == sa.literal(value != self.inverted, sa.Boolean)

    def order(self, backend: Backend, column: Sql) -> Sql:
        true = 0 if self.inverted else 1
        return sa.case((column.is_(True), true), (column.is_(False), 1 - true), else_=None)


class HashedCodec(Codec):
    """Clear text in SCIM, what a function makes of it in the column, and no way back."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self.function = function

    def decode(self, raw: Any) -> Any:
        return None

    def encode(self, value: Any, where: str) -> Any:
        try:
            return self.function(value)
        except ValueError:
            # What the function says may quote the clear text.
            raise InvalidValue(f"{where}: this application does not take the value.") from None

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        raise InvalidFilter("A hash cannot be compared.")


class NumberCodec(Codec):
    """A number."""

    def __init__(self, attribute: Attribute, bits: int = 64, scale: int | None = None) -> None:
        self.whole = attribute.type is Type.INTEGER
        self.limit = 2 ** (bits - 1)
        self.step = None if scale is None else Decimal(1).scaleb(-scale)

    def decode(self, raw: Any) -> Any:
        if raw is None:
            return None
        return int(raw) if self.whole else float(raw)

    def encode(self, value: Any, where: str) -> Any:
        if self.whole and not -self.limit <= value < self.limit:
            raise InvalidValue(f"{where} is out of range here.")
        if self.step is None or self.whole:
            return value
        # Rounded as the databases do it, so that the answer shows what is stored.
        try:
            return float(Decimal(str(value)).quantize(self.step, ROUND_HALF_UP))
        except InvalidOperation:
            raise InvalidValue(f"{where} is out of range here.") from None

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        if isinstance(value, int) and abs(value) >= self.limit:
            value = math.copysign(float(self.limit), value)
        return RELATIONS[operator](column, value)

    def order(self, backend: Backend, column: Sql) -> Sql:
        # Single precision is shown shorter than it compares.
        return sa.cast(column, sa.Double) if isinstance(column.type, sa.Float) else column


class DateTimeCodec(Codec):
    """A moment; a column without time zone is taken to hold UTC."""

    def __init__(self, *, aware: bool) -> None:
        self.aware = aware

    def decode(self, raw: Any) -> Any:
        return None if raw is None else write_datetime(raw)

    def encode(self, value: Any, where: str) -> Any:
        return self._moment(read_datetime(value, where))

    def compare(self, backend: Backend, column: Sql, operator: Operator, value: Comparable) -> Sql:
        assert isinstance(value, datetime)
        return RELATIONS[operator](column, self._moment(value))

    def order(self, backend: Backend, column: Sql) -> Sql:
        return backend.sortable_moment(column)

    def order_among(self, backend: Backend, column: Sql) -> Sql:
        return order_text(backend, backend.moment_text(column), exact=True)

    def _moment(self, moment: datetime) -> datetime:
        return moment.astimezone(UTC) if self.aware else moment.astimezone(UTC).replace(tzinfo=None)


def order_text(backend: Backend, text: Sql, *, exact: bool) -> Sql:
    """The expression by which to sort text.

    :param backend: the database.
    :param text: the text.
    :param exact: whether letter case counts.
    :return: the beginning of the text; NULL where it is empty.
    """
    text = sa.func.nullif(text, "")
    folded = text if exact else backend.folded(text, "\u00e9")
    return backend.sortable(sa.func.substr(folded, 1, SORTED_LENGTH))


def _choice(member: enum.Enum | str) -> str:
    if isinstance(member, enum.Enum):
        return member.value if isinstance(member.value, str) else member.name
    return member

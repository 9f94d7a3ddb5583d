"""Types of columns that are the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.dialects.postgresql import JSONB

from ...protocol.values import write_datetime

#: JSON in the type that the database reads fastest.
JsonType = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment in UTC to the microsecond, on databases with and without time zones."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        # Six times as fast as to replace the time zone, and there are two in each row of a list.
        return None if value is None else datetime.combine(value.date(), value.time(), UTC)


class WrittenMoment(sa.TypeDecorator[str]):
    """What :class:`UtcDateTime` holds, read as SCIM writes it; for lists, which need only that."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        # There a moment is text already, with a blank in the middle and nothing at the end.
        is_text = dialect.name == "sqlite"
        return dialect.type_descriptor(sa.String() if is_text else sa.DateTime())

    def process_result_value(self, value: datetime | str | None, dialect: sa.Dialect) -> str | None:
        if isinstance(value, str):
            return f"{value[:10]}T{value[11:]}Z"
        return None if value is None else write_datetime(value)


def owner() -> sa.Column[Any]:
    """Make the column that says which connection a row belongs to, and goes with."""
    return sa.Column(
        "connection_id",
        sa.ForeignKey("scim_connection.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )

"""The tables."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all have in common."""

    id: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str | None] = mapped_column(sa.String(255), index=True)
    version: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), default=sa.func.now())
    modified: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True), default=sa.func.now())


class Person(Base):
    """A user."""

    __tablename__ = "person"
    username: Mapped[str] = mapped_column(sa.String(255))
    email: Mapped[str | None] = mapped_column(sa.String(255))
    given_name: Mapped[str | None] = mapped_column(sa.String(255))
    family_name: Mapped[str | None] = mapped_column(sa.String(255))
    active: Mapped[bool] = mapped_column(default=True)


class Team(Base):
    """A group."""

    __tablename__ = "team"
    name: Mapped[str] = mapped_column(sa.String(255))


sa.Index("uq_person_username", sa.func.lower(Person.username), unique=True)
members = sa.Table(
    "member",
    Base.metadata,
    sa.Column("team_id", sa.ForeignKey(Team.id), primary_key=True),
    sa.Column("person_id", sa.ForeignKey(Person.id), primary_key=True, index=True),
)

"""Millrace's own tables. None of them knows of SCIM."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_login import UserMixin
from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Table, UniqueConstraint, func
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from .database import Base, db

#: To the microsecond on every database: what ends access tells what began before from what did not.
Moment = DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")


def now() -> datetime:
    """The moment in UTC, as the tables keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


team_members = Table(
    "team_members",
    Base.metadata,
    Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Organization(db.Model):
    """A customer. Its id is the short name that people type when they sign in."""

    __tablename__ = "organizations"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    teams: Mapped[list[Team]] = relationship(back_populates="organization", order_by="Team.name")


class User(UserMixin, db.Model):
    """A person of one organisation, with or without a password of their own."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey(Organization.id))
    username: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    given_name: Mapped[str | None] = mapped_column(String(255))
    family_name: Mapped[str | None] = mapped_column(String(255))
    display_name: Mapped[str | None] = mapped_column(String(255))
    title: Mapped[str | None] = mapped_column(String(255))
    department: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(255))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(default=True)
    #: What the person may do: ``agent``, ``lead`` or ``admin``.
    role: Mapped[str] = mapped_column(String(20), default="agent", server_default="agent")
    #: Whether the person has shown that they read mail to the address.
    email_verified: Mapped[bool] = mapped_column(default=False)
    #: The connection that made the account; ``None`` if a person did.
    provisioned_by: Mapped[str | None] = mapped_column(String(64))

    organization: Mapped[Organization] = relationship()
    teams: Mapped[list[Team]] = relationship(
        secondary=team_members, back_populates="members", order_by="Team.name"
    )

    @property
    def label(self) -> str:
        """What to call the person."""
        full = " ".join(name for name in (self.given_name, self.family_name) if name)
        return self.display_name or full or self.username

    def set_password(self, password: str) -> None:
        """Let the person sign in with a password."""
        self.password_hash = generate_password_hash(password)

    def has_password(self, password: str) -> bool:
        """Tell whether this is the person's password."""
        return self.password_hash is not None and check_password_hash(self.password_hash, password)


class Team(db.Model):
    """Some people of an organisation who share a queue of tickets."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey(Organization.id))
    name: Mapped[str] = mapped_column(String(100))

    organization: Mapped[Organization] = relationship(back_populates="teams")
    members: Mapped[list[User]] = relationship(
        secondary=team_members, back_populates="teams", order_by=User.username
    )


class Secret:
    """What a program shows in place of a password; the table keeps a hash of it."""

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created: Mapped[datetime] = mapped_column(Moment, default=now)

    @declared_attr
    def user_id(self) -> Mapped[int]:
        """Whose it is."""
        return mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)


class ApiKey(Secret, db.Model):
    """A key for a script of a person's, good until it is taken away."""

    __tablename__ = "api_keys"
    name: Mapped[str] = mapped_column(String(100))


class RefreshToken(Secret, db.Model):
    """What the app on a person's phone exchanges for access tokens, which live for minutes."""

    __tablename__ = "refresh_tokens"


class Activity(db.Model):
    """One line of what identity providers did to an organisation's people and teams."""

    __tablename__ = "activity"
    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey(Organization.id), index=True)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey(User.id, ondelete="SET NULL"), index=True
    )
    #: Who or which team it was about, as it was called then.
    username: Mapped[str] = mapped_column(String(255))
    connection: Mapped[str] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(40))
    changed: Mapped[str] = mapped_column(String(1000))
    at: Mapped[datetime] = mapped_column(default=now)


def _add_lookup_index(name: str, column: Mapped[Any], *, unique: bool = False) -> None:
    """Index a column within an organisation, in such a way that letter case does not matter."""
    organization = User.organization_id
    for dialect in ("sqlite", "postgresql"):
        Index(f"{name}_{dialect}", organization, func.lower(column), unique=unique).ddl_if(dialect)
    # MariaDB and MySQL ignore letter case by the collation of the column.
    for dialect in ("mariadb", "mysql"):
        Index(f"{name}_{dialect}", organization, column, unique=unique).ddl_if(dialect)


_add_lookup_index("uq_users_username", User.username, unique=True)
_add_lookup_index("ix_users_email", User.email)

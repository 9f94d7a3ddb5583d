"""The statements that references are read and changed with, each built once for its link."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from ..columns.codecs import TextCodec
from ..sql.backends import Sql
from ..sql.inserts import insert_or_ignore_on
from ..sql.kept import kept
from ..sql.listed import is_listed
from .links import Link

#: The parameter of statements that says whose references they read.
KEYS = "flask_scim_keys"
#: The same for the one row that refers.
NEAR = "flask_scim_near"
#: The parameter that says how many of them are read.
LIMIT = "flask_scim_limit"


def visible(link: Link, *columns: Any) -> sa.Select[Any]:
    """Select from the pairs whose far end is a resource of the connection that is a parameter."""
    target = link.target
    statement = target.select(*columns).join(link.table, link.far == target.key)
    return statement.where(*target.is_own)


def refers(links: Iterable[Link]) -> Sql:
    """The condition that the row at :data:`NEAR` refers to anything at all.

    :param links: the links to look at.
    :return: the condition, for a statement on whatever table.
    """
    pairs = (sa.select(link.near).where(link.near == sa.bindparam(NEAR)) for link in links)
    return sa.or_(sa.false(), *(each.exists() for each in pairs))


@kept
def select_rows(link: Link, *, one: bool, stay: bool, late: bool) -> sa.Select[Any]:
    """Select the rows of some ids, each with whether a row refers to it already."""
    target, column = link.target, link.target.id.column
    # Named by the record's own key, thousands of rows are found without a look at the others.
    if column is target.key:
        column = target.record.c.row_id
    assert column is not None
    # No join: what the row refers to already is not to be locked with what stays.
    is_there = sa.false() if late else _pair(link)
    statement = target.select(target.key, column, is_there)
    statement = statement.where(_is_asked(column, one), *target.is_own)
    return statement.with_for_update(read=True, of=target.record) if stay else statement


@kept
def select_present(link: Link, *, one: bool) -> sa.Select[Any]:
    """Select those of some rows that a row refers to."""
    return sa.select(link.far).where(link.near == sa.bindparam(NEAR), _is_asked(link.far, one))


@kept
def select_everyone(link: Link, *, one: bool, some: bool = False) -> sa.Select[Any]:
    """Select all that a row refers to, or some of it, each with what its entry is made of."""
    statement = visible(link, link.far, link.target.id.column, link.display.column)
    statement = statement.where(link.near == sa.bindparam(NEAR)).order_by(link.far)
    return statement.where(_is_asked(link.far, one)) if some else statement


@kept
def is_plain(link: Link) -> bool:
    """Tell whether one statement finds whom a row is to refer to, or not any more, and does it.

    It does where their ids are their keys and as exact, and nobody is to be spared.
    """
    target = link.target
    is_spared = link.mirrors is None and target.marks.untouchable is not None
    is_key = target.id.column is target.key and not isinstance(target.id.codec, TextCodec)
    return is_key and not is_spared and isinstance(link.table, sa.Table)


@kept
def is_plainly_filled(link: Link) -> bool:
    """Tell whether the same holds of new pairs, which nobody is asked to fill."""
    ends = link.near, link.far
    others = [each for each in link.table.c if not any(each is end for end in ends)]
    return is_plain(link) and link.fill is None and all(each.default is None for each in others)


@kept
def let_in(link: Link, *, one: bool, dialect: str) -> Any:
    """Let a row refer to those of some others that are there and to which it does not yet."""
    target = link.target
    column = target.record.c.row_id
    found = target.select(sa.bindparam(NEAR, type_=link.near.type), column)
    found = found.where(_is_asked(column, one), *target.is_own, sa.not_(_pair(link)))
    found = found.with_for_update(read=True, of=target.record)
    assert isinstance(link.table, sa.Table)
    made = insert_or_ignore_on(link.table, dialect)
    return made.from_select([link.near.key, link.far.key], found).returning(link.far)


@kept
def let_out(link: Link, *, one: bool) -> Any:
    """Let a row refer no more to those of some others that are there."""
    target = link.target
    is_there = target.record.c.row_id == link.far, *target.is_own
    found = target.select(sa.literal(1)).where(*is_there).correlate(link.table)
    deleted = delete_pairs(link, one=one).where(sa.exists(found))
    return deleted.returning(link.far)


@kept
def delete_pairs(link: Link, *, one: bool) -> sa.Delete:
    """Delete that a row refers to some others."""
    assert isinstance(link.table, sa.Table)
    is_pair = link.near == sa.bindparam(NEAR), _is_asked(link.far, one)
    return sa.delete(link.table).where(*is_pair)


def _pair(link: Link) -> Sql:
    """The condition that a row refers to the row that is looked at."""
    is_pair = link.near == sa.bindparam(NEAR), link.far == link.target.key
    return sa.exists(sa.select(sa.literal(1)).select_from(link.table).where(*is_pair))


def _is_asked(column: Sql, one: bool) -> Sql:
    """The condition that a column has one of the values that are asked for, or the only one."""
    return column == sa.bindparam(KEYS) if one else is_listed(column, KEYS)


@kept
def select_entries(link: Link, *, one: bool, limited: bool = False) -> sa.Select[Any]:
    """Select what the entries of some rows are made of."""
    columns = (link.near, link.target.id.column, link.display.column)
    statement = visible(link, *columns).where(_is_asked(link.near, one))
    statement = statement.order_by(link.near, link.far)
    return statement.limit(sa.bindparam(LIMIT, type_=sa.Integer)) if limited else statement


@kept
def select_indirect(link: Link, *, one: bool) -> sa.Select[Any]:
    """Select the same of what they refer to by way of something else."""
    target, pairs = link.target, link.climb(_is_asked(link.near, one))
    columns = (pairs.c.near, target.id.column, link.display.column)
    statement = target.select(*columns).join(pairs, pairs.c.far == target.key)
    return statement.where(*target.is_own).order_by(pairs.c.near, pairs.c.far)


@kept
def entry_maker(link: Link) -> Callable[[Iterable[Any]], list[dict[str, Any]]]:
    """Make what makes entries of rows with one end, the id and what is shown of each."""
    decode_id, decode_display = link.target.id.codec.decode, link.display.codec.decode
    path, kind = f"{link.target.resource_type.endpoint}/", link.kind
    left_out = link.left_out

    def make(rows: Iterable[Any]) -> list[dict[str, Any]]:
        entries = [
            {
                "value": (id := decode_id(raw_id)),
                "$ref": path + id,
                "type": kind,
                "display": decode_display(raw_display),
            }
            for _, raw_id, raw_display in rows
        ]
        for entry in entries:
            if entry["display"] is None:
                del entry["display"]
            for name in left_out:
                entry.pop(name, None)
        return entries

    return make

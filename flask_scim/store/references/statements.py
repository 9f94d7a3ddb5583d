"""The statements that references are read and changed with, each built once for its link."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from ..sql.backends import Sql
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
    is_pair = link.near == sa.bindparam(NEAR), link.far == target.key
    pair = sa.exists(sa.select(sa.literal(1)).select_from(link.table).where(*is_pair))
    is_there = sa.false() if late else pair
    statement = target.select(target.key, column, is_there)
    statement = statement.where(_is_asked(column, one), *target.is_own)
    return statement.with_for_update(read=True, of=target.record) if stay else statement


@kept
def select_present(link: Link, *, one: bool) -> sa.Select[Any]:
    """Select those of some rows that a row refers to."""
    return sa.select(link.far).where(link.near == sa.bindparam(NEAR), _is_asked(link.far, one))


@kept
def select_everyone(link: Link) -> sa.Select[Any]:
    """Select all that a row refers to, each with its id."""
    statement = visible(link, link.far, link.target.id.column)
    return statement.where(link.near == sa.bindparam(NEAR))


@kept
def delete_pairs(link: Link, *, one: bool) -> sa.Delete:
    """Delete that a row refers to some others."""
    assert isinstance(link.table, sa.Table)
    is_pair = link.near == sa.bindparam(NEAR), _is_asked(link.far, one)
    return sa.delete(link.table).where(*is_pair)


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
    """Make what makes entries of rows with the near end, the id and what is shown of each."""
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

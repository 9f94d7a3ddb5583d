"""``flask scim roles``: which groups stand for which of the app's roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click
from flask.cli import AppGroup

from ..roles.grants import DEFAULT, FIRST, LAST
from ..roles.mapped import GroupRole
from ..roles.previews import Preview, RoleChange
from .administration import Administration, pass_administration
from .printing import align, iso, minute, printing, show

roles = AppGroup("roles", help="Groups that stand for the roles of the app.")

_HEADER = ("GROUP", "EXTERNAL ID", "NAME", "ROLE", "PRECEDENCE", "MAPPED")
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _of_group(function: _Function) -> _Function:
    """Let the caller name a group, and look before it is done."""
    options = (
        click.option("--group", help="The SCIM id of the group."),
        click.option("--external-id", help="What its identity provider calls it, instead."),
        click.option("--dry-run", is_flag=True, help="Show what would happen; change nothing."),
        printing,
    )
    for option in reversed(options):
        function = option(function)
    return function


@roles.command("list")
@click.argument("name")
@click.option("--group", help="The SCIM id of one group; else all.")
@printing
@pass_administration
def list_(administration: Administration, name: str, group: str | None, form: str | None) -> None:
    """List which groups of the connection NAME stand for which roles."""
    with administration.refusing():
        found, _ = administration.roles().groups(name, group)
    nothing = [f"No group of {name} stands for a role."]
    text = align([_HEADER, *map(_row, found)]) if found else nothing
    data = [asdict(each) | {"created": iso(each.created)} for each in found]
    show(form, data, text, [f"{each.group_id} {each.role}" for each in found])


@roles.command("map")
@click.argument("name")
@click.argument("role")
@click.option(
    "--precedence",
    type=click.IntRange(FIRST, LAST),
    default=DEFAULT,
    show_default=True,
    help="Where a person can have one role, the lowest decides.",
)
@_of_group
@pass_administration
def map_(
    administration: Administration,
    /,
    name: str,
    role: str,
    precedence: int,
    group: str | None,
    external_id: str | None,
    dry_run: bool,
    form: str | None,
) -> None:
    """Let a group of the connection NAME stand for ROLE."""
    with administration.refusing():
        preview = administration.roles().map(
            name,
            role,
            group=group,
            external_id=external_id,
            precedence=precedence,
            dry_run=dry_run,
        )
    _show(form, preview, dry_run=dry_run)


@roles.command("unmap")
@click.argument("name")
@click.argument("role")
@_of_group
@pass_administration
def unmap(
    administration: Administration,
    /,
    name: str,
    role: str,
    group: str | None,
    external_id: str | None,
    dry_run: bool,
    form: str | None,
) -> None:
    """Let a group of the connection NAME not stand for ROLE any more."""
    with administration.refusing():
        preview = administration.roles().unmap(
            name, role, group=group, external_id=external_id, dry_run=dry_run
        )
    _show(form, preview, dry_run=dry_run)


@roles.command("preview")
@click.argument("name")
@printing
@pass_administration
def preview(administration: Administration, name: str, form: str | None) -> None:
    """Show what `sync` would do for the connection NAME."""
    with administration.refusing():
        found = administration.roles().sync(name, dry_run=True)
    _show(form, found, dry_run=True)


@roles.command("sync")
@click.argument("name")
@printing
@pass_administration
def sync(administration: Administration, name: str, form: str | None) -> None:
    """Put right what the app has changed of groups and roles of the connection NAME."""
    with administration.refusing():
        found = administration.roles().sync(name)
    _show(form, found, dry_run=False)


def _show(form: str | None, preview: Preview, *, dry_run: bool) -> None:
    would = "would " if dry_run else ""
    text = [
        f"{preview.gained} {would}gain a role, {preview.lost} {would}lose one."
        + (" Nothing was changed." if dry_run else "")
    ]
    for sign, some, all_of_them in (
        ("+", preview.gains, preview.gained),
        ("-", preview.losses, preview.lost),
    ):
        text += align([(sign, each.role, each.name or "", each.user_id) for each in some] or [()])
        if all_of_them > len(some):
            text.append(f"{sign}  and {all_of_them - len(some)} more")
    data = asdict(preview) | {"dry_run": dry_run}
    show(form, data, [line for line in text if line], _changes(preview))


def _changes(preview: Preview) -> list[str]:
    def told(sign: str, some: list[RoleChange]) -> list[str]:
        return [f"{sign}{each.role} {each.user_id}" for each in some]

    return told("+", preview.gains) + told("-", preview.losses)


def _row(each: GroupRole) -> tuple[str, ...]:
    return (
        each.group_id,
        each.external_id or "",
        each.name or "",
        each.role,
        str(each.precedence),
        minute(each.created),
    )

"""``flask scim adopt``: the accounts of a whole tenant, looked through and taken over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

import click
from flask.cli import with_appcontext

from ..provisioning.policy import check_choices
from ..provisioning.ports import Connection
from ..provisioning.takeover import Fate, Finding
from .administration import Administration, pass_administration
from .connections import find_connection, read_choices
from .printing import printing

_REASONS = {
    "external_id": "the application knows the external id",
    "verified_email": "verified e-mail address in a verified domain",
    "other_connection": "another connection has provisioned it",
    "privileged": "it has privileges, or is untouchable",
    "unverified": "the e-mail address is not verified",
    "several": "another account has the same e-mail address or external id",
}


@click.command("adopt")
@with_appcontext
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Tell what would happen, and change nothing.")
@click.option(
    "--policy",
    "choices",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --dry-run: as if the connection had chosen so; repeatable.",
)
@printing
@pass_administration
def adopt(
    administration: Administration,
    name: str,
    dry_run: bool,
    choices: tuple[str, ...],
    form: str | None,
) -> None:
    """Take over the accounts of NAME's tenant whose people need not be heard of first.

    Those are the ones with a verified e-mail address in a verified domain, or with a known external
    id, as the connection has chosen. The others are listed with the reason.
    """
    if choices and not dry_run:
        raise click.UsageError("Use --policy with --dry-run; else edit the connection first.")
    with administration.refusing():
        connection = _supposed(find_connection(administration, name), choices)
        findings = administration.take_over(connection, dry_run)
        counts = _show(form, connection, findings, dry_run=dry_run)
    if form is None:
        click.echo(_sum_up(connection, counts, dry_run=dry_run))


def _supposed(connection: Connection, choices: tuple[str, ...]) -> Connection:
    """The connection as if it had chosen otherwise."""
    wanted = {name: value for name, value in read_choices(choices).items() if value is not None}
    return replace(connection, policy={**connection.policy, **check_choices(wanted)})


def _show(
    form: str | None, connection: Connection, findings: Iterable[Finding], *, dry_run: bool
) -> Counter[Fate]:
    """Print accounts as they are found, however many there are."""
    counts: Counter[Fate] = Counter()

    def count() -> Iterator[Finding]:
        for finding in findings:
            counts[finding.fate] += 1
            if finding.fate is not Fate.KNOWN:
                yield finding

    match form:
        case "json":
            head = {"connection": connection.id, "dry_run": dry_run}
            click.echo(json.dumps(head)[:-1] + ', "accounts": [', nl=False)
            for number, finding in enumerate(count()):
                click.echo(("," if number else "") + "\n  " + json.dumps(_data(finding)), nl=False)
            told = {str(fate): counts[fate] for fate in Fate}
            click.echo(f'\n], "counts": {json.dumps(told)}}}')
        case "quiet":
            for finding in count():
                if finding.fate is Fate.ADOPTED:
                    click.echo(finding.id)
        case _:
            for finding in count():
                reason = _REASONS.get(finding.reason or "", finding.reason or "")
                line = (
                    f"{finding.fate:<8}  {finding.id:<10}  {finding.user_name or '':<30}  {reason}"
                )
                click.echo(line.rstrip())
    return counts


def _data(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"fate": str(finding.fate)}


def _sum_up(connection: Connection, counts: Counter[Fate], *, dry_run: bool) -> str:
    what = "Would take over" if dry_run else "Took over"
    rest = (
        f"{counts[Fate.CONFLICT]} conflicts, {counts[Fate.REFUSED]} refused, "
        f"{counts[Fate.STRANGER]} strangers, {counts[Fate.KNOWN]} known before"
    )
    return f"{what} {counts[Fate.ADOPTED]} accounts for {connection.id}; {rest}."

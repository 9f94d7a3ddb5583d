"""Commands of the app's own: ``init-db``, ``set-password`` and ``switch-over``."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from .accounts import find_user
from .database import db
from .models import Organization, Team, User
from .sample import ORGANIZATIONS, PASSWORD, Customer
from .switchover import describe, switch_over


def init_app(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(init_db)
    app.cli.add_command(set_password)
    app.cli.add_command(switch_over_command)


@click.command("init-db")
@with_appcontext
@click.option("--reset", is_flag=True, help="Begin anew: all tables of the app are emptied.")
def init_db(reset: bool) -> None:
    """Create the tables and the sample accounts, where they are missing."""
    for line in fill_database(reset=reset):
        click.echo(line)


@click.command("set-password")
@with_appcontext
@click.argument("organization")
@click.argument("username")
@click.password_option()
def set_password(organization: str, username: str, password: str) -> None:
    """Let USERNAME of ORGANIZATION sign in with a password."""
    user = find_user(organization, username)
    if user is None:
        raise click.ClickException(f"There is no {username!r} in {organization!r}.")
    user.set_password(password)
    db.session.commit()
    click.echo(f"{user.username} can sign in.")


@click.command("switch-over")
@with_appcontext
@click.option("--people", default=5_000, show_default=True, help="How many people to make.")
def switch_over_command(people: int) -> None:
    """Make two customers with many accounts, and let Entra ID and Okta take them over."""
    db.create_all()
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
    outcomes = switch_over(app, people)
    for outcome in outcomes:
        click.echo("\n".join(describe(outcome)))
    if any(outcome.problems for outcome in outcomes):
        raise click.ClickException("Not everything went as it should.")
    click.echo("Nobody is there twice, and nobody has an account that is not theirs.")


def fill_database(*, reset: bool = False) -> list[str]:
    """Create the tables and the sample accounts, where they are missing.

    :param reset: whether to drop the tables first.
    :return: who can sign in, a line for each.
    """
    if reset:
        db.drop_all()
    db.create_all()
    for customer in ORGANIZATIONS:
        if db.session.get(Organization, customer.id) is None:
            _add(customer)
    db.session.commit()
    return [
        f"{customer.name}: sign in to {customer.id} as {person.username}, password {PASSWORD}"
        for customer in ORGANIZATIONS
        for person in customer.people
    ]


def _add(customer: Customer) -> None:
    organization = Organization(id=customer.id, name=customer.name)
    people = {
        person.username: User(organization=organization, **vars(person))
        for person in customer.people
    }
    for user in people.values():
        user.set_password(PASSWORD)
    teams = [
        Team(organization=organization, name=name, members=[people[one] for one in members])
        for name, members in customer.teams.items()
    ]
    db.session.add_all([organization, *people.values(), *teams])

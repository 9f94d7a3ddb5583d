"""Thousands of accounts that were made at sign-in come under the care of identity providers."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from example_app.crowd import TAKEN_OVER, Case, make_crowd
from example_app.database import db
from example_app.models import Activity
from example_app.switchover import Outcome, describe, find_problems, switch_over
from tests.example.test_example import app, url  # noqa: F401  # fixtures

pytestmark = pytest.mark.once("its requests are those that other tests send")

#: What a case of person is answered with.
STATUS = {
    **{case: {200, 201} for case in TAKEN_OVER},
    Case.NEW: {201},
    Case.ADMIN: {403},
    Case.TWICE: {409},
    Case.UNVERIFIED: {409},
}


def test_everybody_is_there_once_and_has_what_is_theirs(app: Flask) -> None:  # noqa: F811
    """Entra ID and Okta take over what is their people's, and nothing else.

    Other databases than PostgreSQL get fewer people, for the sake of those who wait for the tests.
    """
    with app.app_context():
        count = 5_000 if db.engine.dialect.name == "postgresql" else 200
    outcomes = switch_over(app, count)
    assert [problem for outcome in outcomes for problem in outcome.problems] == []
    for outcome in outcomes:
        assert sum(outcome.answers.values()) == count // 2
        for case, status in outcome.answers:
            assert status in STATUS[case], (case, status)
        assert {case for case, _ in outcome.answers} == set(Case)
    with app.app_context():
        told = sa.select(Activity.event, sa.func.count()).group_by(Activity.event)
        events = {row.event: row[1] for row in db.session.execute(told)}
    share = count // 50
    assert events["user.created"] == share
    assert events["user.adopted"] == count - 4 * share
    assert events["user.reactivated"] == share


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"external_id": "SECOND"}, "in the hands of"),
        ({"external_id": None, "title": "Thief"}, "has changed, and nobody has it"),
        ({"email": "new@acme.example"}, "has another address than before"),
        ({"external_id": None}, "has 0 accounts, not 1"),
    ],
)
def test_what_goes_wrong_is_found(change: dict[str, object], words: str) -> None:
    """The scenario would tell of a hijack, a change, and somebody left behind."""
    people = [each for each in make_crowd(8, "acme.example") if each.case is Case.PLAIN][:2]
    usual = {"title": None, "is_active": True}
    before = {
        each.number: {
            "username": each.address,
            "email": each.address,
            "family_name": each.surname,
            "external_id": None,
            **usual,
        }
        for each in people
    }
    after = {
        each.number: before[each.number] | {"external_id": each.external_id} for each in people
    }
    assert list(find_problems(people, before, after)) == []
    first = people[0].number
    if change.get("external_id") == "SECOND":
        change = {"external_id": people[1].external_id}
    wrong = after | {first: after[first] | change}
    found = list(find_problems(people, before, wrong))
    assert any(words in problem for problem in found), found


def test_the_command(app: Flask) -> None:  # noqa: F811
    """The command tells what came of it, and may be given again."""
    for _ in range(2):
        printed = app.test_cli_runner().invoke(args=["switch-over", "--people", "100"]).output
        assert "      1  403  has an account with privileges" in printed
        assert printed.endswith("nobody has an account that is not theirs.\n")


def test_what_a_report_shows() -> None:
    """What went wrong stands out."""
    outcome = Outcome("acme", problems=["account 1 is gone"])
    assert list(describe(outcome)) == ["acme:", "  WRONG  account 1 is gone"]


def test_each_case_is_there() -> None:
    """A crowd has people of every kind, and most of them are plain."""
    crowd = make_crowd(100, "acme.example")
    assert {person.case for person in crowd} == set(Case)
    assert sum(person.case is Case.PLAIN for person in crowd) == 82

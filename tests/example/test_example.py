"""The example app: its pages, its commands, and the tour that it plays at itself."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from example_app import create_app
from example_app.accounts import find_user
from example_app.commands import fill_database
from example_app.database import db
from example_app.identity_provider import Answer, Expected, Journal
from example_app.models import Activity, ApiKey, Organization, User
from example_app.programs import issue
from example_app.provisioning import roles, scim
from example_app.report import table
from example_app.sample import PASSWORD
from example_app.settings import read_settings
from flask_scim import ConfigurationError
from tests.client import ENTERPRISE, USER, ScimClient
from tests.host import furnish
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
SCOPES = [f"{method}:users" for method in ("get", "post", "put", "patch", "delete")]


@pytest.fixture(scope="module")
def url(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a database for the example app alone, and for one module."""
    parent = sa.make_url(database)
    if parent.get_backend_name() == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('example') / 'example.db'}"
        return
    name = f"{parent.database}_{request.module.__name__.rpartition('.')[2]}"
    is_postgresql = parent.get_backend_name() == "postgresql"
    suffix = "" if is_postgresql else " CHARACTER SET utf8mb4"
    # Apps that ran in this process may not be collected yet, and have their connections still.
    forced = " WITH (FORCE)" if is_postgresql else ""
    engine = sa.create_engine(parent, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}{forced}"))
        connection.execute(sa.text(f"CREATE DATABASE {name}{suffix}"))
    yield parent.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name}{forced}"))


@pytest.fixture
def app(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The app with its sample accounts and nothing else; its passwords are hashed in no time."""
    quick = partial(generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr("example_app.models.generate_password_hash", quick)
    app = create_app({"SQLALCHEMY_DATABASE_URI": url}, tmp_path)
    with app.app_context():
        furnish(db)
        fill_database()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser."""
    return app.test_client()


@pytest.fixture
def acme(app: Flask) -> ScimClient:
    """An identity provider of acme."""
    return connect(app, "acme")


def connect(app: Flask, organization: str, **options: Any) -> ScimClient:
    with app.app_context():
        scim.connections.add(organization, tenant=organization, **options)
        token, _ = scim.tokens.issue(organization, SCOPES)
    return ScimClient(app.test_client(), f"/scim/v2/{organization}", token)


def sign_in(browser: FlaskClient, username: str, organization: str = "acme", **form: str) -> Any:
    form = {"password": PASSWORD} | form
    return browser.post(
        "/sign-in", data={"organization": organization, "username": username, **form}
    )


def allow(app: Flask, username: str) -> None:
    with app.app_context():
        user = find_user("acme", username)
        assert user is not None
        user.set_password(PASSWORD)
        db.session.commit()


def test_a_stranger_is_asked_to_sign_in(browser: FlaskClient) -> None:
    for path in ("/", "/people/1", "/activity"):
        response = browser.get(path)
        assert (response.status_code, response.location.split("?")[0]) == (302, "/sign-in")
    assert 'label for="username"' in browser.get("/sign-in").text


def test_a_person_signs_in_and_out(browser: FlaskClient) -> None:
    response = sign_in(browser, "Maria", "ACME")
    assert (response.status_code, response.location) == (302, "/")
    home = browser.get("/").text
    for text in ("Acme Instruments", "Tom Lindqvist", "By hand", "Calibration lab"):
        assert text in home
    assert "Lena Brandt" not in home
    assert browser.get("/sign-in").location == "/"
    assert browser.post("/sign-out").location == "/sign-in"
    assert browser.get("/").status_code == 302


def test_anything_wrong_is_refused_alike(browser: FlaskClient) -> None:
    for organization, username, password in (
        ("acme", "maria", "wrong"),
        ("globex", "maria", PASSWORD),
        ("acme", "nobody", PASSWORD),
        ("acme", "mar\0ia\N{SNOWMAN}", PASSWORD),
        ("", "", ""),
    ):
        response = sign_in(browser, username, organization, password=password)
        assert response.status_code == 401
        assert "is not right" in response.text


def test_a_person_page_is_for_the_same_organisation(app: Flask, browser: FlaskClient) -> None:
    with app.app_context():
        tom, lena = find_user("acme", "tom"), find_user("globex", "lena")
        assert tom is not None
        assert lena is not None
        own, other = tom.id, lena.id
    sign_in(browser, "maria")
    assert "tom@acme.example" in browser.get(f"/people/{own}").text
    assert browser.get(f"/people/{other}").status_code == 404
    assert browser.get(f"/people/{2**40}").status_code == 404
    assert browser.get(f"/?page={10**30}").status_code == 404


def test_whoever_is_deactivated_is_out_at_the_next_request(
    app: Flask, browser: FlaskClient, acme: ScimClient
) -> None:
    id = acme.create("ada", displayName="Ada Lovelace")["id"]
    allow(app, "ada")
    assert sign_in(browser, "ada").status_code == 302
    home = browser.get("/")
    assert (home.status_code, home.text.count('<span class="badge scim">')) == (200, 1)

    acme.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": False})
    assert browser.get("/").status_code == 302
    refused = sign_in(browser, "ada")
    assert refused.status_code == 403
    assert "has been deactivated" in refused.text

    acme.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": True})
    assert sign_in(browser, "ada").status_code == 302
    assert acme.delete(f"/Users/{id}").status_code == 204
    assert browser.get("/").status_code == 302


def shown(page: str) -> str:
    """The secret that a page shows."""
    found = re.search(r'id="secret">([^<]+)<', page)
    assert found is not None
    return found[1]


def test_one_patch_ends_every_way_in(app: Flask, browser: FlaskClient, acme: ScimClient) -> None:
    id = acme.create("ada")["id"]
    allow(app, "ada")
    sign_in(browser, "ada", remember="on")
    key = shown(browser.post("/programs", data={"kind": "key"}).text)
    phone = shown(browser.post("/programs", data={"kind": "phone"}).text)
    page = browser.get(f"/people/{id}").text
    assert "<dt>API keys</dt><dd>1</dd>" in page
    assert "<dt>Phones</dt><dd>1</dd>" in page

    def call(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return app.test_client().get("/api/me", headers=headers).status_code

    def refresh() -> Any:
        return app.test_client().post("/api/token", data={"refresh_token": phone})

    access = refresh().json["access_token"]
    assert (call(key), call(access), call("x"), call("")) == (200, 200, 401, 401)
    for active in (False, True):
        acme.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": active})
        assert (call(key), call(access), refresh().status_code) == (401, 401, 401)
        assert browser.get("/").status_code == 302
    sign_in(maria := app.test_client(), "maria")
    page = maria.get(f"/people/{id}").text
    assert "ended api_keys 1, refresh_tokens 1" in page
    assert "<dt>API keys</dt><dd>0</dd>" in page
    with app.app_context():
        user = db.session.get(User, int(id))
        assert user is not None
        new = issue(ApiKey, user, name="new")
    assert call(new) == 200


def test_nothing_is_left_open(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["scim", "check"])
    assert (result.exit_code, "closed by nothing" in result.output) == (0, False)


def test_the_activity_tells_what_identity_providers_did(
    app: Flask, browser: FlaskClient, acme: ScimClient
) -> None:
    id = acme.create("ada")["id"]
    acme.patch(
        f"/Users/{id}",
        {"op": "replace", "path": "title", "value": "Analyst"},
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sums"},
    )
    acme.delete(f"/Users/{id}")
    with app.app_context():
        lines = db.session.scalars(sa.select(Activity).order_by(Activity.id)).all()
        assert [(line.event, line.changed) for line in lines[:2]] == [
            ("user.created", "active, userName"),
            ("user.updated", "title, department"),
        ]
        assert lines[2].event == "user.deleted"
    sign_in(browser, "maria")
    page = browser.get("/activity").text
    assert page.count('<th scope="row">') == 3
    assert "title, department" in page
    sign_in(other := app.test_client(), "lena", "globex")
    assert "Nothing so far" in other.get("/activity").text


def test_the_activity_names_the_group_that_a_deleted_person_leaves(
    app: Flask,
) -> None:
    with app.app_context():
        scim.connections.add("acme", tenant="acme")
        token, _ = scim.tokens.issue("acme")
    acme = ScimClient(app.test_client(), "/scim/v2/acme", token)
    id = acme.create("ada")["id"]
    acme.create_group("Analysts", id)
    acme.delete(f"/Users/{id}")
    with app.app_context():
        lines = db.session.scalars(sa.select(Activity).where(Activity.changed == f"-{id}")).all()
        assert [(line.event, line.username) for line in lines] == [
            ("group.members_changed", "Analysts")
        ]


def test_accounts_made_by_hand_are_out_of_reach(acme: ScimClient) -> None:
    assert acme.find('userName eq "maria"') == []
    taken = acme.post("/Users", {"schemas": [USER], "userName": "MARIA"})
    assert (taken.status_code, taken.json["scimType"]) == (409, "uniqueness")


def test_a_user_name_is_taken_in_its_organisation_alone(app: Flask, acme: ScimClient) -> None:
    acme.create("Lena")
    with app.app_context():
        db.session.add(User(organization_id="acme", username="MARIA"))
        with pytest.raises(sa.exc.IntegrityError):
            db.session.commit()
        db.session.rollback()


def test_a_person_who_comes_back_gets_the_account_and_another_one_does_not(
    app: Flask, acme: ScimClient
) -> None:
    first = acme.create("sam", externalId="1")["id"]
    acme.delete(f"/Users/{first}")
    assert acme.create("Sam", externalId="1")["id"] == first
    acme.delete(f"/Users/{first}")
    second = acme.create("sam", externalId="2")["id"]
    assert second != first
    with app.app_context():
        former = db.session.get(User, int(first))
        assert former is not None
        assert (former.username, former.is_active) == (f"Sam (left, {first})", False)


def test_attributes_without_a_column_are_kept(acme: ScimClient) -> None:
    sent = {
        "nickName": "Ada",
        "preferredLanguage": "en-GB",
        "emails": [
            {"value": "ada@acme.example", "type": "work", "primary": True},
            {"value": "ada@home.example", "type": "home", "display": "Home"},
        ],
        "addresses": [{"type": "work", "locality": "London"}],
        ENTERPRISE: {"department": "Sums", "costCenter": "7", "manager": {"value": "1"}},
    }
    body = {"schemas": [USER, ENTERPRISE], "userName": "ada", **sent}
    id = acme.post("/Users", body).json["id"]
    got = acme.get(f"/Users/{id}").json
    assert {name: got[name] for name in sent if name != ENTERPRISE} == {
        name: sent[name] for name in sent if name != ENTERPRISE
    }
    assert got[ENTERPRISE]["manager"]["value"] == "1"
    assert got[ENTERPRISE]["costCenter"] == "7"


def test_init_db_may_run_twice_and_begins_anew_when_asked(app: Flask) -> None:
    runner = app.test_cli_runner()
    with app.app_context():
        db.session.add(User(organization_id="acme", username="extra"))
        db.session.commit()
    assert runner.invoke(args=["init-db"]).exit_code == 0
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 4
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Organization)) == 2
    assert "sign in to acme as maria" in runner.invoke(args=["init-db", "--reset"]).output
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(User.id))) == 3


def test_a_connection_without_a_tenant_is_for_the_default_one(tmp_path: Path) -> None:
    config = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'tenant.db'}"}
    with pytest.raises(ConfigurationError, match="SCIM_DEFAULT_TENANT must be"):
        create_app(config | {"SCIM_DEFAULT_TENANT": 1}, tmp_path)
    for default, said in (("globex", "Added a for tenant globex;"), (None, "Error: This app has")):
        app = create_app(config | {"SCIM_DEFAULT_TENANT": default}, tmp_path)
        with app.app_context():
            fill_database(reset=True)
        result = app.test_cli_runner().invoke(args=["scim", "connections", "add", "a"])
        assert result.output.startswith(said)
        with app.app_context():
            db.engine.dispose()


def test_set_password_lets_a_person_in(app: Flask, browser: FlaskClient, acme: ScimClient) -> None:
    acme.create("ada")
    runner = app.test_cli_runner()
    command = ["set-password", "acme", "ada", "--password", "engine"]
    assert runner.invoke(args=command).output == "ada can sign in.\n"
    assert sign_in(browser, "ada", password="engine").status_code == 302
    missing = runner.invoke(args=["set-password", "acme", "eve", "--password", "x"])
    assert (missing.exit_code, missing.output) == (1, "Error: There is no 'eve' in 'acme'.\n")


def test_all_processes_agree_on_one_secret_that_is_the_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXAMPLE_SECRET_KEY", raising=False)
    seen: list[str] = []
    start = threading.Barrier(8)

    def read() -> None:
        start.wait()
        seen.append(read_settings(tmp_path / "new")["SECRET_KEY"])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert len(seen[0]) == 64
    kept = tmp_path / "new" / "secret_key"
    assert list(kept.parent.iterdir()) == [kept]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    monkeypatch.setenv("EXAMPLE_SECRET_KEY", "mine")
    assert read_settings(tmp_path)["SECRET_KEY"] == "mine"


def test_the_table_marks_what_went_wrong() -> None:
    journal = Journal()
    fine = Answer(200, {"content-type": "application/scim+json"}, '{"totalResults": 1}')
    journal.note("Okta", "GET", "/Users", Expected("reads", 200), fine)
    journal.note("Okta", "GET", "/Users", Expected("reads", 404), fine)
    journal.note("Okta", "GET", "/Users", Expected("reads", 200, ("user_updated",)), fine)
    journal.note("Okta", "GET", "/Users", Expected("reads", 200, check=lambda b: not b), fine)
    assert len(journal.problems) == 3
    assert table(journal.exchanges).count("UNEXPECTED") == 3


def environment(instance: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXAMPLE_")}
    return kept | {"EXAMPLE_INSTANCE_PATH": str(instance)} | more


def run(instance: Path, *command: str, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(instance, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.mark.one_database("other tests send the same to each", on="postgresql")
def test_the_tour_goes_as_expected(url: str, tmp_path: Path) -> None:
    # Flask-Login reads the clock in a way that Python warns of from 3.12 on.
    clock = "ignore:datetime.datetime.utcnow:DeprecationWarning:flask_login.login_manager"
    command = ("-W", "error", "-W", clock, "-m", "example_app", "--once", "--port", "0")
    for _ in range(2):
        shown = run(tmp_path, *command, EXAMPLE_DATABASE_URL=url)
        assert "55 of 55 requests were answered as expected." in shown
    assert re.search(r"^Entra +PATCH +/Users/\d+ +200 .* user_deactivated$", shown, re.MULTILINE)
    assert re.search(r"^Okta +DELETE +/Users/\d+ +204 .* user_deleted$", shown, re.MULTILINE)
    assert re.search(r"base URL +http://127\.0\.0\.1:\d+/scim/v2/acme-entra\n +token +scim_", shown)


def test_the_steps_of_a_new_user_lead_to_a_served_request(tmp_path: Path) -> None:
    flask = ("-m", "flask", "--app", "example_app")
    assert "sign in to acme as maria" in run(tmp_path, *flask, "init-db")
    added = run(tmp_path, *flask, "scim", "connections", "add", "acme")
    assert added == "Added acme for tenant acme; its endpoint is /scim/v2/acme.\n"
    run(tmp_path, *flask, "scim", "connections", "add", "g", "--idp", "okta", "--tenant", "globex")
    token = run(tmp_path, *flask, "scim", "tokens", "issue", "acme", "--quiet").strip()
    gunicorn = ("-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:0")
    with subprocess.Popen(
        [sys.executable, *gunicorn, "example_app:create_app()"],
        cwd=ROOT,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr is not None
            said = (re.search(r"Listening at: (http://\S+)", line) for line in server.stderr)
            origin = next(found[1] for found in said if found)
            for _ in range(6):
                request = urllib.request.Request(
                    f"{origin}/scim/v2/acme/Users?count=1",
                    headers={"Authorization": f"Bearer {token}"},
                )
                with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                    assert response.headers["Content-Type"] == "application/scim+json"
                    assert json.load(response)["totalResults"] == 0
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)


def test_a_group_stands_for_a_role(app: Flask, browser: FlaskClient) -> None:
    """Whoever is in the group has the role, and the page of the person says where it is from."""
    with app.app_context():
        scim.connections.add("acme", tenant="acme")
        token, _ = scim.tokens.issue("acme")
    acme = ScimClient(app.test_client(), "/scim/v2/acme", token)
    ada = acme.create("ada", displayName="Ada Lovelace")["id"]
    sign_in(browser, "maria")
    assert "<dt>Role</dt><dd>agent</dd>" in browser.get(f"/people/{ada}").text
    group = acme.create_group("Leads", ada, externalId="00g1")["id"]
    with app.app_context():
        roles.map("acme", "lead", external_id="00g1")
        with pytest.raises(ValueError, match="not for identity providers"):
            roles.map("acme", "owner", external_id="00g1")
    page = browser.get(f"/people/{ada}").text
    assert "<dt>Role</dt><dd>lead, by the group Leads</dd>" in page
    assert acme.delete(f"/Groups/{group}").status_code == 204
    assert "<dt>Role</dt><dd>agent</dd>" in browser.get(f"/people/{ada}").text
    assert ">role revoked<" in browser.get("/activity").text


def test_the_quickstart_of_the_readme_works(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {"__name__": "quickstart"}
    source = code[1].replace("sqlite:///app.db", f"sqlite:///{tmp_path / 'app.db'}")
    exec(compile(source, "README.md", "exec", dont_inherit=True), names)
    app = names["create_app"]()
    with app.app_context():
        names["db"].create_all()
        names["scim"].connections.add("acme", idp="entra", tenant="17")
        token, _ = names["scim"].tokens.issue("acme", SCOPES)
        client = ScimClient(app.test_client(), "/scim/v2/acme", token)
        created = client.create("ada", active=False, emails=[{"type": "work", "value": "a@b.c"}])
        user = names["db"].session.get(names["User"], int(created["id"]))
        assert (user.organization_id, user.login, user.email) == (17, "ada", "a@b.c")
        assert user.blocked is True
        names["db"].engine.dispose()

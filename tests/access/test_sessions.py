"""Sessions that began before their owner was put out: they end at once, and stay at an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.access.desk import Desk, make_desk
from tests.client import ScimClient
from tests.host import furnish

KINDS = ["login", "key", "function"]
Make = Callable[..., Desk]


@pytest.fixture
def make(elsewhere: str) -> Iterator[Make]:
    """Makes apps whose people sign in."""
    made: list[Desk] = []

    def make(**options: Any) -> Desk:
        desk = make_desk(elsewhere, **options)
        with desk.app.app_context():
            furnish(desk.db)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        with desk.app.app_context():
            desk.db.session.remove()
            desk.db.engine.dispose()


def switch(acme: ScimClient, id: str, active: bool) -> None:
    """Deactivate or reactivate somebody."""
    answer = acme.patch(f"/Users/{id}", {"op": "replace", "path": "active", "value": active})
    assert answer.status_code == 200


def who(browser: FlaskClient) -> str:
    """Who the app thinks is there."""
    return browser.get("/me").text


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_out_at_the_next_click(make: Make, kind: str, late: bool) -> None:
    """Whoever is deactivated is out, stays out, and lets nobody else be; new sessions are good."""
    desk = make(kind=kind, late=late)
    acme = desk.connect()
    ann, bob = (acme.create(name)["id"] for name in ("ann", "bob"))
    first, second, other = desk.browser(ann), desk.browser(ann), desk.browser(bob)
    names = {browser: who(browser) for browser in (first, second, other)}
    assert "nobody" not in names.values()
    switch(acme, ann, False)
    assert who(first) == "nobody"
    assert who(other) == names[other]
    switch(acme, ann, True)
    assert who(first) == who(second) == "nobody"
    third = desk.browser(ann)
    assert who(third) == names[first]
    assert third.get("/out").text == "out"
    acme.delete(f"/Users/{bob}")
    assert who(other) == "nobody"


@pytest.mark.parametrize("kind", KINDS)
def test_none_begins_while_out(make: Make, kind: str) -> None:
    """A sign-in that was under way when its owner was put out comes to nothing."""
    desk = make(kind=kind)
    acme = desk.connect()
    ann = acme.create("ann")["id"]
    switch(acme, ann, False)
    assert who(desk.browser(ann)) == "nobody"


def test_without_a_column(make: Make) -> None:
    """Where no column of the app's says that somebody is out, they are out all the same."""
    desk = make(column=False)
    acme = desk.connect()
    ann = acme.create("ann", active=True)["id"]
    browser = desk.browser(ann)
    switch(acme, ann, False)
    assert who(browser) == who(desk.browser(ann)) == "nobody"
    with desk.app.app_context():
        standing = desk.scim.allows_login(desk.db.session.get(desk.User, int(ann)))
        assert (bool(standing), standing.reason) == (False, "deactivated")
    switch(acme, ann, True)
    assert (who(browser), who(desk.browser(ann))) == ("nobody", "ann")
    acme.delete(f"/Users/{ann}")
    assert who(desk.browser(ann)) == "nobody"
    acme.create("ann")
    assert who(desk.browser(ann)) == "ann"
    bob = acme.create("bob", active=False)["id"]
    assert who(desk.browser(bob)) == "nobody"


@pytest.mark.parametrize("late", [False, True])
def test_cookies_that_remember(make: Make, late: bool) -> None:
    """A cookie that remembers brings no session back that has been ended."""
    desk = make(late=late)
    acme = desk.connect()
    ann = acme.create("ann")["id"]
    for _ in range(2):
        browser = desk.browser(ann, remember="")
        browser.delete_cookie("session")
        assert who(browser) == "ann"
        old = browser.get_cookie("remember_token").value
        mark = browser.get_cookie("remember_token_scim").value
        browser.delete_cookie("session")
        switch(acme, ann, False)
        switch(acme, ann, True)
        assert who(browser) == "nobody"
        assert browser.get_cookie("remember_token") is None
        for values in ((old,), (old, mark)):
            thief = desk.browser()
            for name, value in zip(("remember_token", "remember_token_scim"), values, strict=False):
                thief.set_cookie(name, value)
            assert who(thief) == "nobody"


def test_ended_while_it_comes_back(make: Make) -> None:
    """A session that a cookie brings back while its owner's access ends, ends with it."""
    desk = make()
    ann = desk.connect().create("ann")["id"]
    browser = desk.browser(ann, remember="")
    browser.delete_cookie("session")
    assert browser.get("/end").text == "ann"
    assert who(browser) == "nobody"


def test_the_cookie_beside(make: Make) -> None:
    """The cookie that says since when lives, and is sent, as the one that it stands beside."""
    desk = make(REMEMBER_COOKIE_SECURE=True, REMEMBER_COOKIE_SAMESITE="Lax")
    ann = desk.connect().create("ann")["id"]
    browser = desk.app.test_client()
    lines = browser.get(f"/in/{ann}?remember").headers.getlist("Set-Cookie")
    kept = {line.split("=")[0]: line.partition(";")[2] for line in lines}
    assert kept["remember_token_scim"] == kept["remember_token"]
    assert "Secure; HttpOnly; Path=/; SameSite=Lax" in kept["remember_token"]
    lines = browser.get("/out", base_url="https://localhost").headers.getlist("Set-Cookie")
    gone = [line.split("=")[0] for line in lines if "Max-Age=0" in line]
    assert {"remember_token", "remember_token_scim"} <= set(gone)


def test_forged_cookies(make: Make) -> None:
    """Cookies that nobody has signed are nothing, and break nothing."""
    desk = make()
    acme = desk.connect()
    ann = acme.create("ann")["id"]
    switch(acme, ann, False)
    switch(acme, ann, True)
    good = desk.browser(ann, remember="").get_cookie("remember_token").value
    for token, mark in [
        ("1|abc", ""),
        ("x", "x"),
        ("", "e30.x"),
        (good, "[1].x"),
        (good.replace(ann, "9"), "x" * 3000),
        (good, "ä"),
    ]:
        browser = desk.browser()
        browser.set_cookie("remember_token", token)
        browser.set_cookie("remember_token_scim", mark)
        assert who(browser) == "nobody"


@pytest.mark.parametrize("kind", KINDS)
def test_sessions_from_before(make: Make, kind: str) -> None:
    """A session that began before Flask-SCIM came goes on, and ends with its owner's access."""
    desk = make(kind=kind)
    acme = desk.connect()
    ann = acme.create("ann")["id"]

    def make_old() -> FlaskClient:
        browser = desk.browser()
        with browser.session_transaction() as session:
            session.update({"_user_id": ann} if kind == "login" else {"owner": int(ann)})
        return browser

    early, late = make_old(), make_old()
    assert who(early) != "nobody"
    switch(acme, ann, False)
    switch(acme, ann, True)
    assert who(early) == who(late) == who(make_old()) == "nobody"


def test_one_after_the_other(make: Make) -> None:
    """Whoever takes over a browser has a session of their own."""
    desk = make()
    acme = desk.connect()
    ann, bob = (acme.create(name)["id"] for name in ("ann", "bob"))
    switch(acme, bob, False)
    switch(acme, bob, True)
    browser = desk.browser(ann)
    browser.get(f"/in/{bob}")
    assert who(browser) == "bob"
    switch(acme, ann, False)
    assert who(browser) == "bob"
    switch(acme, bob, False)
    assert who(browser) == "nobody"


def test_the_rest_of_the_session_goes_too(make: Make) -> None:
    """A session belongs to a person: nothing of it is left to whoever comes next."""
    desk = make()
    acme = desk.connect()
    ann = acme.create("ann")["id"]
    browser = desk.browser(ann)
    browser.get("/theme")
    switch(acme, ann, False)
    browser.get("/public")
    with browser.session_transaction() as session:
        assert dict(session) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_one_look_up(make: Make, kind: str) -> None:
    """A request costs one look-up by a primary key; one of a stranger, or of a file, nothing."""
    desk = make(kind=kind)
    ann = desk.connect().create("ann")["id"]
    browser, stranger = desk.browser(ann), desk.browser()
    stranger.get("/theme")
    seen: list[str] = []
    stop = desk.statements(seen)
    for visitor in (desk.browser(), stranger):
        assert visitor.get("/public").text == "public"
    assert seen == []
    browser.get("/public")
    stop()
    (statement,) = seen
    assert "FROM scim_own_access" in statement
    assert "scim_own_access.user_id = " in statement


@pytest.mark.parametrize("kind", KINDS)
def test_guests(make: Make, kind: str) -> None:
    """Answers are not touched, but for what a session that begins says of its beginning."""
    desk, bare = make(kind=kind), make_desk("sqlite://", kind=kind, SCIM_SESSION_GUARD=False)
    with bare.app.app_context():
        bare.db.create_all()
    ids = [each.connect().create("ann")["id"] for each in (desk, bare)]
    for signed_in in (False, True):
        browsers = [
            each.browser(id if signed_in else None)
            for each, id in zip((desk, bare), ids, strict=True)
        ]
        for path in ("/public", "/theme", "/public", "/nowhere"):
            found, expected = (dict(browser.get(path).headers) for browser in browsers)
            assert ("Set-Cookie" in found) == ("Set-Cookie" in expected)
            assert {**found, "Set-Cookie": ""} == {**expected, "Set-Cookie": ""}


def test_switched_off(make: Make) -> None:
    """The app may look after its sessions itself."""
    desk = make(SCIM_SESSION_GUARD=False)
    acme = desk.connect()
    ann = acme.create("ann")["id"]
    browser = desk.browser(ann)
    switch(acme, ann, False)
    assert who(browser) == "ann"


def test_not_migrated(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody has made the table yet, nobody's access has ended, and the app goes on."""
    desk = make()
    ann = desk.connect().create("ann")["id"]
    browser = desk.browser(ann)
    with desk.app.app_context():
        desk.db.metadata.tables["scim_own_access"].drop(desk.db.engine)
    assert who(browser) == who(desk.browser(ann)) == "ann"
    assert "The database lacks scim_own_access" in caplog.text
    with desk.app.app_context():
        desk.db.create_all()


def test_the_apps_session_is_as_it_was(make: Make) -> None:
    """A view finds the database session as if nobody had asked."""
    desk = make()
    ann = desk.connect().create("ann")["id"]

    assert desk.browser(ann).get("/begin").text == "begun"


def test_people_of_another_model(make: Make) -> None:
    """Who is no user of SCIM's is nobody's business."""
    desk = make()
    manager = desk.app.login_manager  # type: ignore[attr-defined]

    class Robot:
        is_authenticated, is_active, username = True, True, "robot"

    manager.user_loader(lambda _: Robot())
    browser = desk.browser()
    with browser.session_transaction() as session:
        session["_user_id"] = "1"
    assert who(browser) == "robot"


def test_revoked_by_the_app(make: Make) -> None:
    """What the app revokes ends sessions too, and lets new ones begin."""
    desk = make()
    acme = desk.connect()
    ann = acme.create("ann")["id"]
    browser = desk.browser(ann)
    with desk.app.app_context():
        desk.scim.revoke(desk.db.session.get(desk.User, int(ann)))
    assert (who(browser), who(desk.browser(ann))) == ("nobody", "ann")


def test_check_knows_the_guard(make: Make) -> None:
    """Sessions that are guarded need no revoker."""
    desk = make()
    desk.scim.ways_in("sessions")
    result = desk.app.test_cli_runner().invoke(args=["scim", "check"])
    assert result.exit_code == 0
    assert "  sessions: closed by Flask-SCIM\n" in result.output

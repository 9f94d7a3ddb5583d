"""A real browser: whoever is deactivated loses the page on the next click."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait

from example_app import create_app
from example_app.accounts import find_user
from example_app.commands import fill_database
from example_app.database import db
from example_app.provisioning import scim
from tests.browser.chromium import CHROMIUM, DRIVER, open_browser
from tests.browser.served import patch, serve
from tests.client import ScimClient
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.once("a browser sees nothing of other versions"),
    pytest.mark.skipif(
        (DRIVER is None or CHROMIUM is None) and os.environ.get("CI") != "true",
        reason="there is no chromium with its driver",
    ),
]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser."""
    with open_browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def url(vacant: str) -> str:
    """The URL of a database for the example app alone."""
    return vacant


@pytest.fixture
def ada(url: str, tmp_path: Path) -> tuple[str, str]:
    """Somebody whom SCIM has created and who has a password: her id, and the token."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": url}, tmp_path)
    with app.app_context():
        fill_database(reset=True)
        scim.connections.add("acme", tenant="acme")
        token, _ = scim.tokens.issue("acme")
        client = ScimClient(app.test_client(), "/scim/v2/acme", token)
        id = client.create("ada", displayName="Ada Lovelace")["id"]
        user = find_user("acme", "ada")
        assert user is not None
        user.set_password("notes")
        db.session.commit()
        db.engine.dispose()
    return id, token


def click(browser: Chrome, by: str, value: str) -> None:
    """Click what is on the page, or comes."""
    ready = expected_conditions.element_to_be_clickable((by, value))
    WebDriverWait(browser, PATIENCE).until(ready).click()


def wait_for(browser: Chrome, heading: str) -> None:
    """Wait until the page is called so; while pages change, there is none."""
    waiting = WebDriverWait(browser, PATIENCE, ignored_exceptions=[WebDriverException])
    waiting.until(lambda there: there.find_element(By.TAG_NAME, "h1").text.startswith(heading))


def sign_in(browser: Chrome, origin: str) -> None:
    """Fill in the form, and let the browser remember."""
    browser.get(f"{origin}/sign-in")
    wait_for(browser, "Sign in")
    for name, text in (("organization", "acme"), ("username", "ada"), ("password", "notes")):
        browser.find_element(By.NAME, name).send_keys(text)
    click(browser, By.NAME, "remember")
    click(browser, By.CSS_SELECTOR, "main button")
    wait_for(browser, "Acme Instruments")


def call(origin: str, key: str) -> int:
    """Ask the API with a key."""
    request = urllib.request.Request(f"{origin}/api/me", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


def test_out_at_the_next_click(
    chromium: Chrome, url: str, ada: tuple[str, str], tmp_path: Path
) -> None:
    """The page is gone in each of several processes, remembered or not, and does not come back."""
    if sa.make_url(url).get_backend_name() not in ("sqlite", "postgresql"):
        pytest.skip("two databases are enough for a browser")
    id, token = ada
    with serve(tmp_path, url) as origin:
        chromium.delete_all_cookies()
        sign_in(chromium, origin)
        click(chromium, By.LINK_TEXT, "Ada Lovelace")
        wait_for(chromium, "Ada Lovelace")
        click(chromium, By.XPATH, "//button[text()='Make an API key']")
        wait_for(chromium, "Shown once")
        key = chromium.find_element(By.ID, "secret").text
        assert call(origin, key) == 200

        assert patch(origin, "acme", token, id, False) == 200
        click(chromium, By.LINK_TEXT, "Activity")
        wait_for(chromium, "Sign in")
        assert {call(origin, key) for _ in range(6)} == {401}
        names = {cookie["name"] for cookie in chromium.get_cookies()}
        assert not names & {"remember_token", "remember_token_scim"}

        assert patch(origin, "acme", token, id, True) == 200
        for _ in range(6):
            chromium.get(origin)
            wait_for(chromium, "Sign in")
        sign_in(chromium, origin)
        click(chromium, By.LINK_TEXT, "Ada Lovelace")
        wait_for(chromium, "Ada Lovelace")
        assert "ended api_keys 1, refresh_tokens 0" in chromium.page_source

"""A person's browser, which keeps cookies and follows no redirects, and their programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from .identity_provider import Expected, Journal, send


@dataclass
class Browser:
    """A browser at the app's own pages."""

    origin: str
    journal: Journal
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, expected: Expected) -> None:
        """Open a page."""
        self._request("GET", path, expected)

    def submit(self, path: str, fields: dict[str, str], expected: Expected) -> str:
        """Send a form, and return the page that comes back."""
        return self._request("POST", path, expected, urlencode(fields))

    def close(self) -> None:
        """Forget what lasts as long as the browser is open, and keep what remembers."""
        self.cookies.pop("session", None)

    def _request(self, method: str, path: str, expected: Expected, form: str | None = None) -> str:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = send(self.origin, method, path, headers=headers, content=form)
        self.cookies |= answer.cookies
        self.cookies = {name: value for name, value in self.cookies.items() if value}
        self.journal.note("browser", method, path, expected, answer)
        return answer.text


@dataclass
class Program:
    """A script or a phone of a person's, at the app's API."""

    origin: str
    journal: Journal

    def call(self, key: str, expected: Expected) -> None:
        """Ask the API who the owner of a key or an access token is."""
        headers = {"Authorization": f"Bearer {key}"}
        answer = send(self.origin, "GET", "/api/me", headers=headers)
        self.journal.note("program", "GET", "/api/me", expected, answer)

    def refresh(self, token: str, expected: Expected) -> str:
        """Exchange a refresh token, and return the access token."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form = urlencode({"refresh_token": token})
        answer = send(self.origin, "POST", "/api/token", headers=headers, content=form)
        self.journal.note("program", "POST", "/api/token", expected, answer)
        return str(answer.body.get("access_token", ""))

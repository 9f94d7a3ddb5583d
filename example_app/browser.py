"""A person's browser: it keeps cookies, and follows no redirects."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.cookies import SimpleCookie
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

    def submit(self, path: str, fields: dict[str, str], expected: Expected) -> None:
        """Send a form."""
        self._request("POST", path, expected, urlencode(fields))

    def _request(self, method: str, path: str, expected: Expected, form: str | None = None) -> None:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = send(self.origin, method, path, headers=headers, content=form)
        for name, morsel in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
        self.journal.note("browser", method, path, expected, answer)

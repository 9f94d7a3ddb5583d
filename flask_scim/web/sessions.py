"""A guard that refuses sessions which began before the access of their owner ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Request, Response, g, request, request_finished
from flask.globals import request_ctx
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.http import dump_cookie, parse_cookie

from ..access.sessions import Sessions, Stamp

try:
    from flask_login.utils import decode_cookie
except ImportError:
    decode_cookie = None

_log = logging.getLogger("flask_scim.access")
#: The key of a session under which it says when it began.
STAMP = "_scim"
_PASSED, _REFUSED = "_scim_passed", "_scim_refused"
_SALT = "flask_scim.remembered"

#: Where a session says whose it is: a key of it, or a function that takes it and returns the
#: primary key or the row; ``None`` for Flask-Login's.
UserOf = str | Callable[[MutableMapping[str, Any]], Any]


@dataclass(slots=True, weakref_slot=True)
class SessionGuard:
    """Looks at the session of each request before the app does.

    :param sessions: tells whether sessions go on.
    :param keys: finds the keys that sign cookies, the newest last.
    :param user_of: finds out what says whose a session is; ``None`` for Flask-Login.
    """

    sessions: Sessions
    keys: Callable[[], list[str]]
    user_of: Callable[[], UserOf | None]
    _follows_cookies: bool = field(default=False, init=False)

    def watch(self, app: Flask) -> None:
        """Look at the requests of an app, before its own functions do.

        :param app: the host's app.
        """
        app.before_request_funcs.setdefault(None, []).insert(0, self.check)
        app.after_request(self.stamp)

    def watches(self, app: Flask) -> bool:
        """Tell whether there are sessions that it looks at."""
        return self.user_of() is not None or _login_manager(app) is not None

    def check(self) -> None:
        """Take the person out of a session that is at an end; the app then sees a stranger."""
        context = _context()
        app = context.app
        if not self.watches(app) or _is_beside(app, context.request):
            return
        session = _session(context)
        was_accessed = session.accessed
        stamp = self._find(app, session)
        if stamp is None:
            session.accessed = was_accessed
        elif self.sessions.goes_on(stamp):
            setattr(g, _PASSED, stamp)
            if session.get(STAMP) is None and self._person(session) is not None:
                self._write(app, session, stamp)
            session.accessed = was_accessed
        else:
            setattr(g, _REFUSED, True)
            _empty(app, session)

    def stamp(self, response: Response) -> Response:
        """Write into a session that has begun in this request when that was.

        :param response: the app's response.
        :return: the same response.
        """
        context = _context()
        app, session = context.app, _session(context)
        if not self._follows_cookies and _login_manager(app) is not None:
            # Only then is it sure which cookies are set. The app's own functions hold the guard for
            # as long as the app lives; the signal, which outlives both, must not.
            request_finished.connect(self._mark_remembered, app)
            self._follows_cookies = True
        if not (session.modified and self.watches(app)):
            return response
        was_accessed = session.accessed
        person, stamp = self._person(session), Stamp.read(session.get(STAMP))
        session.accessed = was_accessed
        if person is None:
            session.pop(STAMP, None)
        elif stamp is None or stamp.person != person:
            self._begin(app, session, person)
        return response

    def _begin(self, app: Flask, session: Any, person: str) -> None:
        passed: Stamp | None = getattr(g, _PASSED, None)
        if passed is not None and passed.person == person:
            # Not a sign-in: a cookie that remembers has brought the session back.
            self._write(app, session, passed)
            return
        row = self._row(app, session, person)
        if self.sessions.key_text(row) is None:
            return
        begun = self.sessions.begin(person, row)
        if begun is None:
            _empty(app, session)
        else:
            self._write(app, session, begun)

    def _write(self, app: Flask, session: Any, stamp: Stamp) -> None:
        """Stamp a session, and note whose it is where it is kept elsewhere than in a cookie."""
        session[STAMP] = stamp.write()
        name = getattr(app.session_interface, "_get_store_id", None)
        if name is None or getattr(session, "sid", None) is None:
            return
        lifetime = app.permanent_session_lifetime.total_seconds()
        try:
            self.sessions.note(stamp, name(session.sid), int(lifetime))
        except Exception:
            # The session is refused all the same when the time comes.
            _log.warning("Whose a session is could not be noted where it is kept.", exc_info=True)

    def _find(self, app: Flask, session: Any) -> Stamp | None:
        """Find out whose the request is, by its session or by a cookie that remembers.

        :return: the stamp, of the time before all ends where there is none; ``None`` for nobody.
        """
        person = self._person(session)
        if person is not None:
            stamp = Stamp.read(session.get(STAMP))
        else:
            person = self._remembered(app)
            stamp = self._remembered_stamp(app)
        if person is None:
            return None
        if stamp is not None and stamp.person == person:
            return stamp
        key = self.sessions.key_text(self._row(app, session, person))
        return None if key is None else Stamp(person, key, 0)

    def _person(self, session: Any) -> str | None:
        """What a session calls its owner."""
        user_of = self.user_of()
        if user_of is None:
            found = session.get("_user_id")
        else:
            found = session.get(user_of) if isinstance(user_of, str) else user_of(session)
        if found is None:
            return None
        return self.sessions.key_text(found) or str(found)

    def _row(self, app: Flask, session: Any, person: str) -> Any:
        """The row of a session's owner."""
        if self.user_of() is not None:
            return self.sessions.load(person)
        callback = _login_manager(app)._user_callback
        return None if callback is None else callback(session.get("_user_id", person))

    def _remembered(self, app: Flask) -> str | None:
        """Who a cookie of Flask-Login's remembers."""
        cookie = request.cookies.get(_cookie_name(app))
        if cookie is None or decode_cookie is None or self.user_of() is not None:
            return None
        person = decode_cookie(cookie)
        return None if person is None else str(person)

    def _remembered_stamp(self, app: Flask) -> Stamp | None:
        """When it began to be remembered: the cookie beside Flask-Login's says so."""
        cookie = request.cookies.get(_mark_name(app))
        if cookie is None:
            return None
        try:
            return Stamp.read(self._serializer().loads(cookie))
        except BadData:
            return None

    def _mark_remembered(self, app: Flask, response: Response, **_: Any) -> None:
        """Put a cookie with the stamp beside each one that Flask-Login remembers somebody by."""
        name, mark = _cookie_name(app), _mark_name(app)
        for line in response.headers.getlist("Set-Cookie"):
            if not line.startswith(f"{name}="):
                continue
            options = line.partition(";")[2]
            value = parse_cookie(line).get(name)
            stamp = Stamp.read(_session(_context()).get(STAMP)) if value else None
            if value and stamp is None:
                continue
            sealed = "" if stamp is None else str(self._serializer().dumps(stamp.write()))
            written = dump_cookie(mark, sealed, path=None)
            response.headers.add("Set-Cookie", f"{written};{options}")

    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.keys(), salt=_SALT)


def _context() -> Any:
    """The context of the request in hand itself, which the proxy finds anew for each question."""
    return request_ctx._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method


def _session(context: Any) -> Any:
    """The session, without a note that somebody has looked into it."""
    found = getattr(context, "_session", None)
    return context.session if found is None else found


def _is_beside(app: Flask, sent: Request) -> bool:
    """Whether a request has no session that could be refused: it has no cookie, or wants a file."""
    endpoint = sent.endpoint or ""
    if endpoint.startswith("scim.") or endpoint == "static" or endpoint.endswith(".static"):
        return True
    names = (app.session_interface.get_cookie_name(app), _cookie_name(app))
    return not any(name in sent.cookies for name in names)


def _empty(app: Flask, session: Any) -> None:
    """Take everything out of a session, and let Flask-Login forget what it remembers."""
    session.clear()
    session.accessed = True
    g.pop("_login_user", None)
    if _login_manager(app) is not None and _cookie_name(app) in request.cookies:
        session["_remember"] = "clear"


def _login_manager(app: Flask) -> Any:
    return getattr(app, "login_manager", None)


def _cookie_name(app: Flask) -> str:
    return str(app.config.get("REMEMBER_COOKIE_NAME", "remember_token"))


def _mark_name(app: Flask) -> str:
    return f"{_cookie_name(app)}_scim"

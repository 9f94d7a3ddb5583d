"""What a view of the host's asks of whoever is signed in: a group, or a role."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort, current_app

from ..config import ConfigurationError

try:
    from flask_login import current_user
except ImportError:  # the host may know its users in another way
    current_user = None

_View = TypeVar("_View", bound=Callable[..., Any])


def require(
    whose: Callable[[], Any], is_let_in: Callable[[Any], bool], words: str
) -> Callable[[_View], _View]:
    """Make a decorator that lets some people into a view, and answers 403 to everybody else.

    :param whose: finds the row of whoever is signed in; ``None`` for nobody.
    :param is_let_in: tells whether the person is let in.
    :param words: what the others read.
    :return: the decorator.
    """

    def decorate(view: _View) -> _View:
        @wraps(view)
        def guarded(*args: Any, **values: Any) -> Any:
            user = whose()
            if user is None or not is_let_in(user):
                abort(403, words)
            return current_app.ensure_sync(view)(*args, **values)

        return guarded  # type: ignore[return-value]  # it takes and returns what the view does

    return decorate


def signed_in() -> Any:
    """Ask Flask-Login who is signed in.

    :return: the row of the person; ``None`` for nobody.
    :raises ConfigurationError: if the app does not use Flask-Login.
    """
    if current_user is None or not hasattr(current_app, "login_manager"):
        raise ConfigurationError(
            "Say who is signed in: decorate a function that returns the row of the user, or None, "
            "with scim.signed_in."
        )
    return current_user._get_current_object() if current_user.is_authenticated else None

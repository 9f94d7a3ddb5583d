"""Views without what Flask and flask-smorest do in each request for views of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from .current import this_request

_View = TypeVar("_View", bound=Callable[..., Response])


class Endpoints(MethodView):
    """The endpoints at one path: a method for each of HTTP's, none of them a coroutine."""

    init_every_request = False

    def dispatch_request(self, **values: Any) -> Response:
        """Answer the request in hand.

        :param values: the values of its path.
        :return: the response.
        """
        method = this_request().method.lower()
        answer: Callable[..., Response] | None = getattr(self, method, None)
        if answer is None and method == "head":
            answer = getattr(self, "get", None)
        assert answer is not None, f"Flask lets no {method} through to here."
        return answer(**values)


class DescribedBlueprint(Blueprint):
    """A blueprint whose views are described as they are, and not wrapped for it."""

    @staticmethod
    def doc(**description: Any) -> Callable[[_View], _View]:
        """Make a decorator that describes an endpoint in the document.

        :param description: what the document says of it.
        :return: the decorator.
        """

        def describe(view: _View) -> _View:
            view._apidoc = {"manual_doc": description}  # type: ignore[attr-defined]  # as flask-smorest does
            return view

        return describe

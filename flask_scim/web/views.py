"""Views without what Flask and flask-smorest do in each request for views of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from .current import this_request

_View = TypeVar("_View", bound=Callable[..., Response])


class Endpoints(MethodView):
    """The endpoints at one path: a method for each of HTTP's, none of them a coroutine."""

    init_every_request = False

    @classmethod
    def as_view(cls, name: str, *arguments: Any, **named: Any) -> Callable[..., Response]:
        """Make the view: it looks up the method, and asks nothing of the app.

        :param name: the name of the endpoint.
        :param arguments: what the class is made with.
        :param named: the same, by name.
        :return: the view.
        """
        endpoints = cls(*arguments, **named)
        answers = {method: getattr(endpoints, method.lower()) for method in cls.methods or ()}
        if "GET" in answers:
            answers.setdefault("HEAD", answers["GET"])

        def view(**values: Any) -> Response:
            answer: Callable[..., Response] = answers[this_request().method]
            return answer(**values)

        return update_wrapper(view, super().as_view(name, *arguments, **named))


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

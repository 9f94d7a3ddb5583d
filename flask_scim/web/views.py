"""Views without what Flask and flask-smorest do in each request for views of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
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

    #: Takes what describes all of them, to be called later; ``None`` where it is done at once.
    describe_later: Callable[[Callable[[], None]], None] | None = None

    def __init__(self, *named: Any, **options: Any) -> None:
        self._noted: list[Callable[[], None]] = []
        super().__init__(*named, **options)

    def _store_endpoint_docs(self, *endpoint: Any, **options: Any) -> None:
        """Note an endpoint: flask-smorest copies what it says, and few processes need the copy."""
        self._noted.append(partial(super()._store_endpoint_docs, *endpoint, **options))

    def register_views_in_doc(self, *places: Any, **names: Any) -> None:
        """Describe the endpoints in a document, at once or later.

        :param places: the API, the app and the document, as flask-smorest hands them over.
        :param names: what the blueprint is called, and the parameters of its prefix.
        """
        register = super().register_views_in_doc

        def describe() -> None:
            noted, self._noted = self._noted, []
            for note in noted:
                note()
            register(*places, **names)

        if self.describe_later is None:
            describe()
        else:
            self.describe_later(describe)

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

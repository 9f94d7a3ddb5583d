"""The roles of the current app as they are kept, and who is in which group."""

from __future__ import annotations

from typing import Any

from ..config import ConfigurationError
from ..roles.book import RoleBook
from ..roles.membership import Circle
from .ground import Ground
from .roles import make_book, make_circle
from .state import current_state


class Circles(Ground):
    """Who has which role, and who is in which group."""

    def role_book(self) -> RoleBook:
        """Open the roles of the current app.

        :return: the roles as they are kept.
        :raises ConfigurationError: if none are declared.
        """
        if self.declared_roles is None:
            raise ConfigurationError("No roles are declared; call scim.roles(User.roles, …) first.")
        session, backend = self.db.session(), self._backend()
        tables, state = self.tables, current_state()
        return make_book(
            self.declared_roles, state, session, backend, tables.connections, self.admins
        )

    def circle(self) -> Circle:
        """Find out who is in which group in the current app.

        :return: the people and groups.
        :raises ConfigurationError: if people are in no groups.
        """
        circle = make_circle(current_state(), self.db.session(), self._backend())
        if circle is None:
            raise ConfigurationError("Declare users and groups first: scim.groups(…).")
        return circle

    def whoever_is_signed_in(self) -> Any:
        """Find the row of whoever is signed in to the current app.

        :return: the row; ``None`` for nobody.
        :raises ConfigurationError: if the app does not say, or says somebody of another model.
        """
        user, users = self.signed_in(), current_state().named("User")
        if user is None or (users is not None and isinstance(user, users.model)):
            return user
        wanted = "the model of users" if users is None else users.model.__name__
        raise ConfigurationError(
            f"{type(user).__name__} is signed in, and users are rows of {wanted}: decorate a "
            "function that returns one with scim.signed_in."
        )

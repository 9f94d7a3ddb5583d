"""Which rows a connection sees that it has not provisioned."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from ...provisioning.policy import Adoption, Visibility
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..queries.reading import Beside
from ..sql.backends import Sql
from .candidates import is_owned
from .signs import Signs


@dataclass(frozen=True, slots=True)
class Sight:
    """What a connection may see of the people of its tenant.

    :param binding: where their attributes sit.
    :param connection: the connection.
    :param signs: what they are told by.
    :param adoption: which of them it may take over.
    """

    binding: Binding
    connection: Connection
    signs: Signs
    adoption: Adoption

    def of(self, visibility: Visibility) -> Beside | None:
        """Find the rows without a record that it sees.

        :param visibility: the choice of the connection.
        :return: the rows; ``None`` where it sees none.
        """
        match visibility:
            case Visibility.PROVISIONED:
                return None
            case Visibility.ADOPTABLE:
                return self._adoptable
            case Visibility.TENANT:
                return Beside(Visibility.TENANT, sa.true)

    @property
    def _adoptable(self) -> Beside | None:
        marks, adoption = self.binding.marks, self.adoption
        named = [mark for mark in marks.closed if mark is not None]
        is_verified = adoption is Adoption.VERIFIED_EMAIL
        if is_verified:
            assert marks.verified is not None
            named.append(marks.verified)
        if adoption is Adoption.NEVER or any(mark.condition is None for mark in named):
            return None
        domains = self.connection.domains if is_verified else ()
        return Beside((Visibility.ADOPTABLE, adoption, domains), self._is_adoptable)

    def _is_adoptable(self) -> Sql:
        """What :func:`~flask_scim.provisioning.adoption.judge` says, in SQL."""
        marks = self.binding.marks
        conditions = [sa.not_(is_owned(self.binding, self.binding.its_connection))]
        for mark in marks.closed:
            if mark is not None and mark.condition is not None:
                conditions.append(sa.not_(mark.condition))
        match self.adoption:
            case Adoption.EXTERNAL_ID:
                conditions.append(self.signs.is_known_by_id())
            case Adoption.VERIFIED_EMAIL:
                assert marks.verified is not None
                assert marks.verified.condition is not None
                conditions += [marks.verified.condition, self.signs.is_in_domain()]
        return sa.and_(*conditions)

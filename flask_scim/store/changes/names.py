"""Names of a row, such as roles, that are not written with the row itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from ...mapping.mapping import Parts
from ...provisioning.ports import Connection
from ..columns.binding import Binding
from ..columns.holders.holder import set_names
from ..columns.names import RelatedNamesCodec, names_of
from ..columns.places import Place
from ..columns.untouchable import spare
from ..queries.uniqueness import Held

#: Writes the names of a row, by its primary key, and tells whether any of them has changed.
Namer = Callable[[Any, list[str]], bool]


class NamesApart:
    """The places of one connection's resources whose names are written apart from the row.

    :param session: the host's session.
    :param connection: whose resources they are.
    :param binding: where their attributes sit.
    :param namers: what writes the names, by attribute, where the store does not do it itself.
    """

    def __init__(
        self,
        session: Session,
        connection: Connection,
        binding: Binding,
        namers: Mapping[tuple[str, ...], Namer],
    ) -> None:
        self._session = session
        self._connection = connection
        self._binding = binding
        self._namers = namers

    def has(self, place: Place) -> bool:
        """Tell whether the names at a place are written apart."""
        return bool(self.places) and any(place is each for each in self.places)

    def of(self, parts: Parts) -> list[tuple[Place, Any]]:
        """List these places, and what of a document is to be there."""
        if not self.places:
            return []
        places = zip(self._binding.places, parts.values, strict=True)
        return [(place, value) for place, value in places if self.has(place)]

    def change(self, held: Held, parts: Parts) -> bool:
        """Write the names that differ, and tell whether any of them has really changed."""
        differing = [each for each in self.of(parts) if self._differs(held, *each)]
        if differing:
            spare(self._binding, held.row)
        changed = [self.write(held.row, place, value) for place, value in differing]
        return any(changed)

    def write(self, row: Any, place: Place, value: Any) -> bool:
        """Write the names at a place of a row, and tell whether any of them has changed."""
        key, wanted = self._binding.key_of(row), names_of(value, str(place.path))
        namer = self._namers.get(place.path.keys)
        if namer is not None:
            has_changed = namer(key, wanted)
        else:
            assert isinstance(place.codec, RelatedNamesCodec)
            holder, tenant = place.codec.holder, self._connection.tenant
            has_changed = set_names(self._session, holder, key, wanted, tenant)
        if has_changed:
            self._session.flush()
            self._session.expire(row)
        return has_changed

    @cached_property
    def places(self) -> list[Place]:
        """The places whose names are written apart."""
        related = self._binding.related_names
        if not self._namers:
            return related
        return [*related, *(p for p in self._binding.places if p.path.keys in self._namers)]

    def _differs(self, held: Held, place: Place, value: Any) -> bool:
        before = held.values[self._binding.places.index(place)]
        where = str(place.path)
        return set(names_of(before, where)) != set(names_of(value, where))

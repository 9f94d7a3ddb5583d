"""Where the resource types of an app sit, as each of its connections has them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..config import ConfigurationError, MappingError
from ..mapping.declaration import Reading, check_declaration, read_entries
from ..mapping.defaults import PROVIDERS, Fitted, fit
from ..mapping.pairs import Nameable, Pair, load_pairs, make_pair, read_pairs, same_pairs
from ..mapping.served import find_served
from ..mapping.sources import Source, read_only
from ..protocol.errors import ServiceUnavailable
from ..protocol.schema import ResourceType
from ..provisioning.policy import Policy, Unmapped
from ..provisioning.ports import Connection
from ..store.changes.tracking import Watch
from ..store.columns.attributes import check_offers, kind_at, list_attributes
from ..store.columns.binding import Binding
from ..store.columns.marks import Marks, read_mark
from ..store.references.links import Link, bind_all_links, can_show_groups
from .declared import Declared

_logger = logging.getLogger("flask_scim.mapping")
#: How many layouts an app keeps at hand; others are made again when they are asked for.
_MOST = 256
#: What stands in place of a mapping that fits itself to the model.
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Layout:
    """The resource types of an app, bound to its models.

    :param bindings: where the attributes of each sit.
    :param links: the references of each.
    :param types: what of each is served.
    """

    bindings: dict[ResourceType, Binding]
    links: dict[ResourceType, list[Link]]
    types: dict[ResourceType, ResourceType]


class Layouts:
    """The layouts of one app.

    A layout follows from what a connection has chosen, and is kept under that: nothing here grows
    old when another process changes the connection.

    :param declared: what the host has declared.
    :param config: the app's ``config``, whose mappings go before those in code.
    :param policy: what the app has chosen where its connections have not.
    :raises ConfigurationError: if a mapping cannot be used.
    """

    def __init__(
        self, declared: Iterable[Declared], config: Mapping[str, Any], policy: Policy
    ) -> None:
        self._policy = policy
        self._declared = {each.resource_type: each for each in declared}
        self._names = {kind.name: kind for kind in self._declared}
        self._sources = {kind: _declaration(each, config) for kind, each in self._declared.items()}
        self._make = lru_cache(maxsize=_MOST)(self._make_layout)
        self._nameable = lru_cache(maxsize=_MOST)(self._find_nameable)
        self.own = self._make(policy.unmapped is Unmapped.KEEP, "generic", None)
        self._check_offers()

    def of(self, connection: Connection) -> Layout:
        """Find the layout of a connection.

        :param connection: the connection.
        :return: the layout.
        :raises ServiceUnavailable: if the connection has a mapping that does not fit the app any
            more.
        """
        chosen = _text(connection.mapping or {})
        try:
            return self._make(self._keeps(connection), self._idp(connection), chosen)
        except (ConfigurationError, ValueError) as error:
            _logger.error("Connection %s is not served: %s", connection.id, error)
            raise ServiceUnavailable(
                "The attribute mapping of this connection does not fit the application any more; "
                "its administrator has to correct it. Nothing was changed."
            ) from None

    def misfit(self, connection: Connection) -> str | None:
        """Say why the mapping of a connection does not fit the app, if it does not."""
        try:
            self._make(
                self._keeps(connection), self._idp(connection), _text(connection.mapping or {})
            )
        except (ConfigurationError, ValueError) as error:
            return str(error)
        return None

    def watches(self) -> list[Watch]:
        """What of the app's rows any connection may show."""
        return [
            Watch(binding, self._nameable(kind, "generic").sources)
            for kind, binding in self.own.bindings.items()
        ]

    def pairs(self, connection: Connection, name: str) -> list[Pair]:
        """The mapping of a connection: its own, or the app's."""
        kind = self._names.get(name)
        if kind is None:
            return []
        chosen = (connection.mapping or {}).get(kind.name)
        if chosen is not None:
            return load_pairs(chosen)
        return self._nameable(kind, self._idp(connection)).pairs

    def default(self, connection: Connection, name: str) -> Fitted:
        """Fit the default of a connection's identity provider to what the app lets be named."""
        kind = self._names.get(name)
        if kind is None:
            return Fitted((), ())
        fitted = self.fit(connection.idp, kind) if kind.name == "User" else Fitted((), ())
        if any(pair.scim == "userName" for pair in fitted.pairs):
            return fitted
        own = self._nameable(kind, self._idp(connection)).pairs
        return Fitted(tuple(own), fitted.left_out)

    def unique(self, name: str) -> str | None:
        """The attribute that no two resources of a type share; ``None`` if there is none."""
        kind = self._names.get(name)
        place = None if kind is None else self.own.bindings[kind].unique
        return None if place is None else str(place.path)

    def fit(self, idp: str, kind: ResourceType) -> Fitted:
        """Fit the default of an identity provider to what connections may name."""
        declared = self._declared[kind]
        if self._sources[kind] == _DEFAULT:
            return self._fit_model(idp, declared)
        kinds = {
            ".".join(source.steps): found
            for source in self._nameable(kind, "generic").sources
            if not source.read_only and (found := kind_at(declared.model, source)) is not None
        }
        fitted = fit(idp, kinds)
        own = self._nameable(kind, "generic").active
        if own is None:
            return fitted
        # It stays where the app has it, whatever that is called.
        pairs = [pair for pair in fitted.pairs if pair.scim != "active"]
        left_out = tuple(name for name in fitted.left_out if name != "active")
        return Fitted((*pairs, make_pair("active", own)), left_out)

    def read(self, connection: Connection, chosen: Mapping[str, Any]) -> dict[str, Any] | None:
        """Check the mapping that a connection is to have, and bring it into the form to keep."""
        merged = dict(connection.mapping or {})
        for name, raw in chosen.items():
            kind = self._kind(name)
            merged.pop(name, None)
            if raw is None:
                continue
            pairs = load_pairs(raw)
            own = self._nameable(kind, self._idp(connection))
            if not same_pairs(pairs, own.pairs):
                merged[name] = [pair.dump() for pair in pairs]
        try:
            self._make(self._keeps(connection), self._idp(connection), _text(merged))
        except MappingError as error:
            raise ValueError(" ".join(error.problems)) from None
        return merged or None

    def _kind(self, name: str) -> ResourceType:
        kind = self._names.get(name)
        if kind is None:
            raise ValueError(
                f"There is no resource type {name[:100]!r}; there are {', '.join(self._names)}."
            )
        return kind

    def _keeps(self, connection: Connection) -> bool:
        return self._policy.over(connection.policy).unmapped is Unmapped.KEEP

    def _idp(self, connection: Connection) -> str:
        """Whose default a connection has, where the app goes by defaults."""
        fits = _DEFAULT in self._sources.values()
        return connection.idp if fits and connection.idp in PROVIDERS else "generic"

    def _make_layout(self, keep: bool, idp: str, text: str | None) -> Layout:
        chosen = {} if text is None else json.loads(text)
        bindings = {
            kind: self._bind(kind, keep=keep, idp=idp, chosen=chosen.get(kind.name))
            for kind in self._declared
        }
        types = {kind: find_served(binding.mapping) for kind, binding in bindings.items()}
        return Layout(bindings, bind_all_links(bindings), types)

    def _bind(
        self, kind: ResourceType, *, keep: bool, idp: str, chosen: list[Any] | None
    ) -> Binding:
        declared = self._declared[kind]
        if chosen is None:
            reading = self._read_own(kind, keep=keep, idp=idp)
        else:
            nameable = self._nameable(kind, idp)
            reading = read_pairs(load_pairs(chosen), nameable, keep_unmapped=keep)
        try:
            binding = Binding(
                reading.mapping,
                declared.model,
                declared.record,
                tenant=declared.tenant,
                id=declared.id,
                shared=declared.shared,
                logins=declared.logins,
                marks=Marks(
                    **{
                        what: read_mark(marked, declared.model, what)
                        for what, marked in declared.marks.items()
                    }
                ),
            )
        except MappingError as error:
            if not reading.problems:
                raise
            problems = (*reading.problems, *error.problems)
            raise MappingError(f"The mapping of {kind.name} cannot be used", problems) from None
        if reading.problems:
            raise MappingError(f"The mapping of {kind.name} cannot be used", reading.problems)
        return binding

    def _read_own(self, kind: ResourceType, *, keep: bool, idp: str) -> Reading:
        """Read the mapping of the app itself."""
        declaration, shown = self._sources[kind], self._shown(kind)
        if declaration != _DEFAULT:
            entries = check_declaration(declaration, kind)
        elif kind.name == "User":
            entries = _entries(self._fit_model(idp, self._declared[kind]))
        else:
            raise ConfigurationError(f"Only users have a default mapping; map {kind.name} in code.")
        return read_entries(entries, kind, keep_unmapped=keep, shown=shown)

    def _fit_model(self, idp: str, declared: Declared) -> Fitted:
        fitted = fit(idp, list_attributes(declared.model, declared.reserved.values()))
        if "userName" in fitted.left_out:
            name = declared.model.__name__
            raise ConfigurationError(
                f"{name} has no attribute that userName is known to sit in, such as username or "
                "email; name it, as SCIM_USER_MAPPING or as in "
                f'scim.users({name}, {{"userName": {name}.…}}).'
            )
        return fitted

    def _find_nameable(self, kind: ResourceType, idp: str) -> Nameable:
        mapping = self._read_own(kind, keep=False, idp=idp).mapping
        others: list[Source] = []
        if self._sources[kind] == _DEFAULT:
            fits = (self._read_own(kind, keep=False, idp=each).mapping for each in PROVIDERS)
            others = [
                source for each in fits for _, source in each.sources if isinstance(source, Source)
            ]
        return Nameable(mapping, tuple(others), self._declared[kind].offers)

    def _check_offers(self) -> None:
        for kind, binding in self.own.bindings.items():
            declared = self._declared[kind]
            problems = list(check_offers(binding, declared.offers, declared.reserved))
            if problems:
                raise MappingError(f"What {kind.name} offers cannot be used", problems)

    def _shown(self, kind: ResourceType) -> frozenset[str]:
        is_member = "Group" in self._names and can_show_groups(kind)
        return frozenset({"groups"} if is_member else ())


def _declaration(declared: Declared, config: Mapping[str, Any]) -> Any:
    name = declared.resource_type.name
    key = f"SCIM_{name.upper()}_MAPPING"
    declaration = config.get(key, declared.declaration)
    if declaration is None and name == "User":
        return _DEFAULT
    if declaration is None:
        raise ConfigurationError(f"{name} has no mapping; give it in code or as {key}.")
    return declaration


def _entries(fitted: Fitted) -> list[tuple[str, Any]]:
    return [
        (pair.scim, read_only(pair.app) if pair.read_only else pair.app) for pair in fitted.pairs
    ]


def _text(chosen: Mapping[str, Any]) -> str | None:
    return json.dumps(chosen, sort_keys=True) if chosen else None

"""A mapping as data that an administrator edits: pairs of an attribute and a place in the app."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..protocol.schema import ResourceType
from .declaration import Reading, read_entries
from .mapping import Mapping, writable
from .sources import AnySource, Computed, RecordColumn, Source, Values, read_source

#: How long the texts of a pair may be, and how many pairs a mapping may have.
_LONGEST, _MOST = 400, 300
#: How many places a message lists.
_LISTED = 40


@dataclass(frozen=True, slots=True)
class Pair:
    """An attribute and the place that its value has in the app.

    :param scim: the attribute, as a path writes it.
    :param app: the place, in the words of a mapping.
    :param read_only: whether SCIM reads the place and never writes it.
    """

    scim: str
    app: str
    read_only: bool = False

    def dump(self) -> dict[str, Any]:
        """The pair as JSON has it."""
        read_only = {"read_only": True} if self.read_only else {}
        return {"scim": self.scim, "app": self.app} | read_only


@dataclass(frozen=True, slots=True)
class Nameable:
    """What the mapping of a connection may name: nothing that the app has not named before.

    :param mapping: where the app itself has the attributes of the resource type.
    :param others: places that it has named for other connections.
    :param offered: places that it offers beside those; in a JSON column, whatever is in it.
    """

    mapping: Mapping
    others: tuple[Source, ...] = ()
    offered: tuple[Source, ...] = ()

    @property
    def own(self) -> Iterator[tuple[str, AnySource]]:
        """The attributes that the app has mapped, as paths write them, with their places."""
        return zip(self.mapping.written, (each for _, each in self.mapping.sources), strict=True)

    @property
    def pairs(self) -> list[Pair]:
        """The mapping of the app itself as pairs."""
        return [make_pair(name, source) for name, source in self.own]

    @property
    def sources(self) -> list[Source]:
        """The places that can be named, as the app allows them to be used."""
        declared = [
            source for _, source in self.own if isinstance(source, Source) and source.hashed is None
        ]
        return [*declared, *self.others, *self.offered]

    @property
    def active(self) -> Source | None:
        """Where the app itself has what decides who may sign in; no connection can move it."""
        own = dict(self.own).get("active")
        return own if isinstance(own, Source) else None

    def find(self, app: str) -> Source | None:
        """Find a place by what a pair calls it; ``None`` if it cannot be named."""
        source = read_source(app)
        assert isinstance(source, Source)
        if any(source.steps[: len(each.steps)] == each.steps for each in self.offered):
            return source
        named = [
            each
            for each in self.sources
            if (each.steps, each.inverted) == (source.steps, source.inverted)
        ]
        return replace(source, read_only=not any(map(writable, named))) if named else None


def make_pair(name: str, source: AnySource) -> Pair:
    """Make the pair that shows where an attribute sits.

    :param name: the attribute, as a path writes it.
    :param source: its place.
    :return: the pair.
    """
    is_own = isinstance(source, RecordColumn)
    return Pair(name, str(source), read_only=not (is_own or writable(source)))


def load_pairs(raw: object) -> list[Pair]:
    """Read pairs as JSON has them.

    :param raw: what is to be a list of pairs.
    :return: the pairs.
    :raises ValueError: with every one that is none.
    """
    if not isinstance(raw, list):
        raise ValueError('The mapping must be a list of pairs: [{"scim": "…", "app": "…"}].')
    if len(raw) > _MOST:
        raise ValueError(f"A mapping has at most {_MOST} pairs, not {len(raw)}.")
    problems: list[str] = []
    pairs = [pair for index, item in enumerate(raw, 1) if (pair := _load(item, index, problems))]
    if problems:
        raise ValueError(" ".join(problems))
    return pairs


def _load(item: object, index: int, problems: list[str]) -> Pair | None:
    expected = 'must be {"scim": "…", "app": "…"}, with "read_only": true where it is meant'
    if not isinstance(item, dict) or not item.keys() <= {"scim", "app", "read_only"}:
        problems.append(f"Pair {index} {expected}.")
        return None
    texts, read_only = (item.get("scim"), item.get("app")), item.get("read_only", False)
    scim, app = (text.strip() if isinstance(text, str) else "" for text in texts)
    if not (scim and app and isinstance(read_only, bool)):
        problems.append(f"Pair {index} {expected}.")
    elif max(len(scim), len(app)) > _LONGEST or not (scim + app).isprintable():
        problems.append(f"Pair {index}: use up to {_LONGEST} printable characters.")
    else:
        return Pair(scim, app, read_only)
    return None


def read_pairs(pairs: Iterable[Pair], nameable: Nameable, *, keep_unmapped: bool) -> Reading:
    """Read the mapping of a connection.

    What needs code stays as the app has it, unless a pair says otherwise: members, what a function
    computes, what is hashed. So does ``active``, in any case: it decides who may sign in.

    :param pairs: the attributes and their places.
    :param nameable: what they may name.
    :param keep_unmapped: whether attributes that nobody mapped are kept in the record.
    :return: the mapping and every mistake in it.
    """
    own, resource_type = nameable.mapping, nameable.mapping.resource_type
    reader = _PairReader(nameable)
    entries = list(_entries([_spelled(pair, resource_type) for pair in pairs], nameable))
    entries += [(reference.name, [reference.refs]) for reference in own.references]
    reading = read_entries(
        entries, resource_type, keep_unmapped=keep_unmapped, shown=own.shown, find=reader.find
    )
    return replace(reading, problems=(*reading.problems, *reader.unwritten()))


def same_pairs(some: Iterable[Pair], others: Iterable[Pair]) -> bool:
    """Tell whether two mappings say the same, in whatever order."""
    return sorted(map(_key, some)) == sorted(map(_key, others))


def _key(pair: Pair) -> tuple[str, str, bool]:
    return pair.scim, pair.app, pair.read_only


@dataclass(slots=True)
class _PairReader:
    """Finds the places that pairs name, and remembers how."""

    nameable: Nameable
    #: The attributes by the place that is read only because their pair says so.
    mirrors: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    written: set[tuple[str, ...]] = field(default_factory=set)

    def find(self, named: Any) -> Source | Computed:
        if not isinstance(named, Pair):
            return read_source(named)
        source, active = self.nameable.find(named.app), self.nameable.active
        if active is not None and named.scim.lower() == "active":
            if str(active) != named.app or (named.read_only and not active.read_only):
                raise TypeError(
                    f"it decides who may sign in, and stays at {active} as the application has it; "
                    "leave it out"
                )
            return active
        if source is None:
            listed = sorted({str(each) for each in self.nameable.sources})[:_LISTED]
            raise TypeError(
                f"the application does not offer {named.app!r} to connections; "
                f"name one of {', '.join(listed)}"
            )
        if named.read_only and not source.read_only:
            self.mirrors.setdefault(source.steps, []).append(named.scim)
            return replace(source, read_only=True)
        if not source.read_only:
            self.written.add(source.steps)
        return source

    def unwritten(self) -> Iterator[str]:
        """Tell of places that several attributes show and that none writes."""
        for steps, names in self.mirrors.items():
            if len(names) > 1 and steps not in self.written:
                yield (
                    f"{' and '.join(names)} only mirror {'.'.join(steps)}, and nothing writes it; "
                    "drop read_only from one of them."
                )


def _entries(pairs: list[Pair], nameable: Nameable) -> Iterator[tuple[str, Any]]:
    """The pairs as the entries of a declaration, and what stays as the app has it."""
    own = {(name, str(source)): source for name, source in nameable.own}
    for pair in pairs:
        source = own.get((pair.scim, pair.app))
        if isinstance(source, RecordColumn):
            continue
        named = source if _is_code(source) else pair
        # An entry that nothing chooses has no path of its own.
        parent, _, part = pair.scim.rpartition(".")
        if source is not None and any(
            not slot.literals and slot.written == parent for slot in nameable.mapping.slots
        ):
            yield parent, [{part: named}]
        else:
            yield pair.scim, named
    said = [pair.scim for pair in pairs]
    for name, source in nameable.own:
        if (_is_code(source) or source is nameable.active) and not any(
            _is_within(name, other) for other in said
        ):
            yield name, source


def _is_code(source: AnySource | None) -> bool:
    """Tell whether a source is more than a name, so that no pair can say it."""
    if isinstance(source, Computed | Values):
        return True
    return isinstance(source, Source) and source.hashed is not None


def _is_within(name: str, other: str) -> bool:
    """Tell whether two paths are the same, or one is a part of the other."""
    shorter, longer = sorted((name.lower(), other.lower()), key=len)
    return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


def _spelled(pair: Pair, resource_type: ResourceType) -> Pair:
    """Take a dot for the colon behind a URN, as Auth0 writes it, and leave the core one out."""
    core = resource_type.schema.id
    if pair.scim.lower().startswith((f"{core.lower()}.", f"{core.lower()}:")):
        return replace(pair, scim=pair.scim[len(core) + 1 :])
    for extension in resource_type.extensions:
        urn = extension.schema.id
        if pair.scim.lower().startswith(f"{urn.lower()}."):
            return replace(pair, scim=f"{urn}:{pair.scim[len(urn) + 1 :]}")
    return pair

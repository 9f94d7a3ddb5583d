"""Many-to-many relationships of the host, as the references of one resource type to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ...config import ConfigurationError
from ...mapping.sources import Refs, read_source
from ...protocol.schema import Mutability, ResourceType
from ..columns.binding import Binding
from ..columns.places import Place
from ..columns.relations import find_relation
from ..sql.backends import Sql


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One way in which the rows of a resource type refer to those of another.

    :param name: the multi-valued attribute whose entries these are: ``members`` or ``groups``.
    :param table: the host's table that holds the pairs.
    :param near: its column with the key of the row that refers.
    :param far: its column with the key of the row that is referred to.
    :param target: the resource type that is referred to.
    :param kind: the value of ``type`` in the entries.
    :param fill: makes the other columns of a new pair.
    :param left_out: the parts of an entry that the attribute does not have.
    :param mirrors: the attribute of the other side, where that owns the references and this one
        shows them, or only ends with them.
    :param upward: the link by which what is referred to belongs to further ones of its kind.
    :param info: the statements that read the references of resources.
    """

    name: str
    table: sa.FromClause
    near: sa.Column[Any]
    far: sa.Column[Any]
    target: Binding
    kind: str
    fill: Callable[[], dict[str, Any]] | None = None
    left_out: tuple[str, ...] = ()
    mirrors: str | None = None
    upward: Link | None = None
    info: dict[Any, Any] = field(default_factory=dict)

    @property
    def display(self) -> Place:
        """What shows of the other resource: its ``displayName``, or else its unique name."""
        places = {place.path.keys: place for place in self.target.places}
        shown = places.get(("displayName",))
        if shown is not None and shown.column is not None:
            return shown
        return self.target.unique or self.target.id

    @property
    def is_nested(self) -> bool:
        """Whether rows refer to others of their own kind."""
        return self.target.entity is not self.target.model

    def reversed(self, name: str, source: Binding, kind: str, upward: Link | None = None) -> Link:
        """The same pairs, seen from the other side.

        :param name: the attribute of the other resource type.
        :param source: the resource type that refers.
        :param kind: the value of ``type`` in the entries.
        :param upward: the link by which that resource type refers to its own kind.
        :return: the link back.
        """
        return Link(
            name,
            self.table,
            self.far,
            self.near,
            source,
            kind,
            mirrors=self.name,
            upward=upward,
        )

    def ancestors(self, key: Any) -> sa.Select[Any]:
        """Select the keys of all rows that lead to a row over any number of these pairs.

        :param key: the primary key of the row.
        :return: the statement; it ends even if the pairs go round.
        """
        above = sa.select(self.near.label("key")).where(self.far == key).cte(recursive=True)
        above = above.union(sa.select(self.near).join(above, self.far == above.c.key))
        return sa.select(above.c.key)

    def climb(self, is_asked: Sql | None = None) -> sa.FromClause:
        """The pairs that :attr:`upward` adds to this link's own.

        :param is_asked: the condition on the near ends of this link's own; ``None`` for all.
        :return: a table with the columns ``near`` and ``far``.
        """
        assert self.upward is not None
        up = self.upward
        first = sa.select(self.near.label("near"), up.near.label("far")).join(
            up.table, up.far == self.far
        )
        if is_asked is not None:
            first = first.where(is_asked)
        pairs = first.cte(recursive=True)
        return pairs.union(sa.select(pairs.c.near, up.near).join(up.table, up.far == pairs.c.far))


def bind_all_links(bindings: dict[ResourceType, Binding]) -> dict[ResourceType, list[Link]]:
    """Bind references to relationships, and let what is referred to know of it.

    :param bindings: the resource types that are served.
    :return: the links of each, those that only end references with the resource among them.
    :raises ConfigurationError: if a reference is no many-to-many relationship of its model.
    """
    by_name = {resource_type.name: binding for resource_type, binding in bindings.items()}
    own = {kind: _bind_links(binding, by_name) for kind, binding in bindings.items()}
    links = {kind: list(some) for kind, some in own.items()}
    for kind, some in own.items():
        nested = next((link for link in some if link.is_nested), None)
        for link in some:
            target = link.target.resource_type
            source = link.target if link.is_nested else bindings[kind]
            if kind.name == "Group" and not link.is_nested and can_show_groups(target):
                back = link.reversed("groups", source, "direct", nested)
            else:
                # No attribute shows these; they end with the resource all the same.
                back = link.reversed(f"{kind.name}.{link.name}", source, "direct")
            links[target].append(back)
    return links


def can_show_groups(resource_type: ResourceType) -> bool:
    """Tell whether resources have the attribute that shows the groups they are in.

    :param resource_type: the type of the resources.
    :return: whether they have ``groups`` as users do.
    """
    groups = resource_type.attribute("groups")
    return (
        groups is not None
        and groups.is_reference
        and groups.multi_valued
        and groups.mutability is Mutability.READ_ONLY
    )


def _bind_links(binding: Binding, targets: dict[str, Binding]) -> list[Link]:
    """Bind the references of a mapping to the host's relationships, one link for each."""
    links = []
    for reference in binding.mapping.references:
        target = targets.get(reference.refs.type)
        if target is None:
            raise ConfigurationError(
                f"{reference.name}: there is no resource type {reference.refs.type!r}; "
                f"declare it, or name one of {', '.join(sorted(targets))}."
            )
        links.append(_bind(binding, target, reference.name, reference.refs))
    return links


def _bind(binding: Binding, target: Binding, name: str, refs: Refs) -> Link:
    relation = find_relation(binding.model, refs.source)
    if (
        relation is None
        or relation.model is not target.model
        or relation.near_key is not binding.key
        or relation.far_key is not target.key
    ):
        raise ConfigurationError(
            f"{name}: {read_source(refs.source)} is no many-to-many relationship from "
            f"{binding.model.__name__} to {target.model.__name__}; name one, or the way through an "
            "association object."
        )
    if target is binding:
        target = binding.apart()
    attribute = binding.resource_type.attribute(name)
    assert attribute is not None
    left_out = tuple(part for part in ("type", "display") if attribute.sub(part) is None)
    table, near, far = relation[:3]
    return Link(name, table, near, far, target, refs.type, refs.fill, left_out)

"""Members as sets: who comes and who goes, without a look at all the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..protocol.errors import InvalidPath, InvalidValue, MutabilityError, TooMany
from ..protocol.operations import Op, Operation
from ..protocol.resolver import Condition

#: A reference: the id, and the type where the client named one.
Member = tuple[str, str | None]


@dataclass(slots=True)
class MemberChange:
    """What is to become of a set of members.

    A member without a type may be of any; where there is one type only, all are of that.

    :param kinds: the types that a member can be of.
    :param keeps: whether those who are not named stay.
    :param coming: those who are to be in; a dict, so that their order stays.
    :param going: those who are to be out.
    """

    kinds: tuple[str, ...]
    keeps: bool = True
    coming: dict[Member, None] = field(default_factory=dict)
    going: dict[Member, None] = field(default_factory=dict)

    def add(self, members: Iterable[Member]) -> None:
        """Let some come, whether or not they are in."""
        self._move(members, self.coming, self.going)

    def remove(self, members: Iterable[Member]) -> None:
        """Let some go, whether or not they are in."""
        self._move(members, self.going, self.coming)

    def clear(self) -> None:
        """Let all go."""
        self.keeps = False
        self.coming.clear()
        self.going.clear()

    def _move(
        self,
        members: Iterable[Member],
        there: dict[Member, None],
        other: dict[Member, None],
    ) -> None:
        known = {kind.lower(): kind for kind in self.kinds}
        only = self.kinds[0] if len(self.kinds) == 1 else None
        for id, kind in members:
            typed = only if kind is None else known.get(kind.lower(), kind)
            if other:
                for each in (typed, None) if typed is not None else (*self.kinds, None):
                    other.pop((id, each), None)
            there[id, typed] = None


@dataclass(frozen=True, slots=True)
class MemberLimits:
    """How many members a request may name, and an answer to a PATCH may show.

    :param members: the most members in one POST or PUT.
    :param operations: the most operations in one PATCH.
    :param values: the most members that one PATCH names.
    :param shown: the most members of a group that an answer to a PATCH shows.
    """

    members: int = 10_000
    operations: int = 1_000
    values: int = 10_000
    shown: int = 100

    def check_members(self, count: int) -> None:
        """Refuse a POST or PUT that names more members than one may.

        :raises TooMany: if there are more.
        """
        if count > self.members:
            raise TooMany(f"A request may name {self.members} members, not {count}.")

    def check_operations(self, body: Sequence[Any]) -> None:
        """Refuse a PATCH that has more operations than one may.

        :raises TooMany: if there are more.
        """
        if len(body) > self.operations:
            raise TooMany(f"A PATCH may have {self.operations} operations, not {len(body)}.")

    def check_values(self, gathered: dict[str, list[Operation]]) -> None:
        """Refuse a PATCH that names more members than one may.

        :raises TooMany: if there are more.
        """
        for some in gathered.values():
            count = sum(len(each.value) for each in some if isinstance(each.value, list))
            if count > self.values:
                raise TooMany(f"A PATCH may name {self.values} members, not {count}.")


#: Finds the members that satisfy a condition, among those who are in and some others.
SelectMembers = Callable[[Condition, Iterable[Member]], list[Member]]


#: Makes the change, once it is known what members there can be.
Plan = Callable[[tuple[str, ...], SelectMembers], MemberChange]


def replace_members(
    entries: Iterable[dict[str, Any]], kinds: tuple[str, ...], _: SelectMembers
) -> MemberChange:
    """Read the entries of an attribute as the change that leaves these members and no others.

    :param entries: the entries, in canonical form.
    :param kinds: the types that a member can be of.
    :return: the change.
    :raises InvalidValue: if an entry has no ``value``.
    """
    change = MemberChange(kinds, keeps=False)
    change.add(_members(entries))
    return change


def plan_members(
    operations: Iterable[Operation], kinds: tuple[str, ...], select: SelectMembers
) -> MemberChange:
    """Read operations on members as one change.

    :param operations: the operations of a PATCH on the attribute, in order.
    :param kinds: the types that a member can be of.
    :param select: finds members by a condition.
    :return: the change that they come to.
    :raises InvalidValue: if an entry has no ``value``.
    :raises MutabilityError: if a part of an entry would change.
    :raises InvalidPath: if members are added or replaced by a condition.
    """
    change = MemberChange(kinds)
    for operation in operations:
        name, target = operation.attribute.name, operation.target
        if target.sub_attribute is not None:
            raise MutabilityError(f"The parts of {name} are immutable; change whole entries.")
        if target.condition is not None:
            if operation.op is not Op.REMOVE:
                raise InvalidPath(f"A value filter on {name} can only be used to remove.")
            change.remove(select(target.condition, list(change.coming)))
        elif operation.value is None:
            change.clear()
        elif operation.op is Op.REMOVE:
            change.remove(_members(operation.value))
        else:
            if operation.op is Op.REPLACE:
                change.clear()
            change.add(_members(operation.value))
    return change


def _members(entries: Iterable[dict[str, Any]]) -> list[Member]:
    try:
        return [(entry["value"], entry.get("type")) for entry in entries]
    except KeyError:
        raise InvalidValue("Every member needs a value: the id of the resource.") from None

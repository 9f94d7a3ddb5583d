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

    :param keeps: whether those who are not named stay.
    :param coming: those who are to be in; a dict, so that their order stays.
    :param going: those who are to be out.
    """

    keeps: bool = True
    coming: dict[Member, None] = field(default_factory=dict)
    going: dict[Member, None] = field(default_factory=dict)

    @classmethod
    def replace(cls, entries: Iterable[dict[str, Any]]) -> MemberChange:
        """The change that leaves these members and no others.

        :param entries: the entries of the attribute, in canonical form.
        :return: the change.
        :raises InvalidValue: if an entry has no ``value``.
        """
        return cls(keeps=False, coming=dict.fromkeys(map(_member, entries)))

    def add(self, members: Iterable[Member]) -> None:
        """Let some come, whether or not they are in."""
        for member in members:
            self.going.pop(member, None)
            self.coming[member] = None

    def remove(self, members: Iterable[Member]) -> None:
        """Let some go, whether or not they are in."""
        for member in members:
            self.coming.pop(member, None)
            self.going[member] = None

    def clear(self) -> None:
        """Let all go."""
        self.keeps = False
        self.coming.clear()
        self.going.clear()


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


def plan_members(operations: Iterable[Operation], select: SelectMembers) -> MemberChange:
    """Read operations on members as one change.

    :param operations: the operations of a PATCH on the attribute, in order.
    :param select: finds members by a condition.
    :return: the change that they come to.
    :raises InvalidValue: if an entry has no ``value``.
    :raises MutabilityError: if a part of an entry would change.
    :raises InvalidPath: if members are added or replaced by a condition.
    """
    change = MemberChange()
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
            change.remove(map(_member, operation.value))
        else:
            if operation.op is Op.REPLACE:
                change.clear()
            change.add(map(_member, operation.value))
    return change


def _member(entry: dict[str, Any]) -> Member:
    value = entry.get("value")
    if value is None:
        raise InvalidValue("Every member needs a value: the id of the resource.")
    return value, entry.get("type")

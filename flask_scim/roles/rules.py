"""What an app says of its roles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for the roles of an app, whoever gives them.

    :param allowed: the roles that identity providers may give; ``None`` for all but :attr:`never`.
    :param never: the roles that they may not give.
    :param admin: the roles of which somebody active has to have one in each tenant.
    :param per_group: to how many roles one group may be mapped.
    :param distinct: to how many roles the groups of a connection may be mapped together.
    """

    allowed: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
    admin: frozenset[str] = frozenset()
    per_group: int = 10
    distinct: int = 100

    def may_give(self, role: str) -> bool:
        """Tell whether an identity provider may give a role."""
        return role not in self.never and (self.allowed is None or role in self.allowed)

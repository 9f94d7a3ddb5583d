"""Who administers a customer's account in the app: the last of them is not taken away."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ...config import ConfigurationError
from ..columns.binding import Binding


def is_last(session: Session, binding: Binding, administrators: sa.Select[Any], row: Any) -> bool:
    """Tell whether a row is the last one among administrators.

    Another one is locked until the transaction ends: two requests that take away the last two at
    once see each other, and one of them finds none left.

    :param session: the host's session, in the transaction that takes the row away.
    :param binding: the resource type of the rows.
    :param administrators: selects them; of the customer's, those who can sign in.
    :param row: the host's object, which is locked.
    :return: whether it is one of them, and there is no other.
    :raises ConfigurationError: if the statement does not select rows of the model.
    """
    if not _selects(administrators, binding.model):
        raise ConfigurationError(
            f"scim.admins must return select({binding.model.__name__}).where(…), "
            f"not {administrators!r}."
        )
    # A read that locks sees what others have committed, whenever this transaction began.
    keys = administrators.with_only_columns(binding.key).with_for_update(of=binding.model)
    own = binding.key_of(row)
    if session.scalar(keys.where(binding.key == own)) is None:
        return False
    others = keys.where(binding.key != own).order_by(None).order_by(binding.key)
    return session.scalar(others.limit(1)) is None


def _selects(statement: Any, model: type) -> bool:
    if not isinstance(statement, sa.Select):
        return False
    selected = [each["expr"] for each in statement.column_descriptions]
    return len(selected) == 1 and selected[0] is model

"""Groups for hosts that have no model of their own for them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, relationship

from ...mapping.sources import Refs

#: Where the attributes of such a group sit.
OWN_GROUP_MAPPING = {"displayName": "display_name", "members": Refs("members", "User")}


def make_group_model(base: Any, user_model: type) -> type:
    """Make a model of groups whose members are the host's users.

    :param base: the base class of the host's models.
    :param user_model: the host's model of users.
    :return: the model; its tables join the host's metadata.
    """
    users: Any = sa.inspect(user_model)
    (user_key,) = users.primary_key
    pairs = sa.Table(
        "scim_own_group_member",
        users.local_table.metadata,
        sa.Column(
            "group_id", sa.ForeignKey("scim_own_group.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "user_id",
            user_key.type,
            sa.ForeignKey(user_key, ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
    )
    return type(
        "ScimGroup",
        (base,),
        {
            "__doc__": "A group that an identity provider has made.",
            "__tablename__": "scim_own_group",
            "__module__": __name__,
            "id": sa.Column(sa.Integer, primary_key=True),
            "display_name": sa.Column(sa.String(255), nullable=False),
            "members": relationship(user_model, secondary=pairs, viewonly=True),
        },
    )


def delete_groups(session: Session, model: type, record: sa.Table, connection_id: str) -> None:
    """Delete the groups that one connection has in such a model, whose rows nobody else knows.

    :param session: the host's session.
    :param model: the model that :func:`make_group_model` made.
    :param record: our table of their records, whose own rows stay.
    :param connection_id: the connection.
    """
    mapper: Any = sa.inspect(model)
    pairs, (key,) = mapper.relationships["members"].secondary, mapper.primary_key
    own = sa.select(record.c.row_id).where(record.c.connection_id == connection_id)
    session.execute(pairs.delete().where(pairs.c.group_id.in_(own)))
    session.execute(mapper.local_table.delete().where(key.in_(own)))

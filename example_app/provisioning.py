"""SCIM: which of its attributes sits where in our model. This is all that Flask-SCIM asks for."""

from __future__ import annotations

from typing import Any

from flask_scim import SCIM, Connection, Refs, computed

from .database import db
from .models import Team, User

scim = SCIM(db)

users = scim.users(
    User,
    {
        "userName": User.username,
        "name.givenName": User.given_name,
        "name.familyName": User.family_name,
        "displayName": User.display_name,
        "title": User.title,
        "emails": [{"type": "work", "primary": True, "value": User.email}],
        "phoneNumbers": [{"type": "work", "value": User.phone}],
        "active": User.is_active,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": User.department,
        },
    },
    tenant=User.organization_id,
    verified=User.email_verified,
    privileged=computed(lambda user: user.role == "admin", User.role == "admin"),
)

groups = scim.groups(
    Team,
    {"displayName": Team.name, "members": Refs(Team.members, "User")},
    tenant=Team.organization_id,
)


#: Groups can stand for these; `flask scim roles map` says which. An organisation keeps an admin.
roles = scim.roles(User.role, allowed={"agent", "lead", "admin"}, admin="admin")


@users.creator
def create(_document: dict[str, Any], connection: Connection) -> User:
    """Make the account of a new person; the attributes above are filled in afterwards."""
    return User(provisioned_by=connection.id)


@users.renamer
def rename(former: User, _connection: Connection) -> None:
    """Free the user name of somebody who has left, now that somebody else has it.

    Whoever is deleted over SCIM is deactivated and stays, since tickets point at them, and comes
    back if the same person does.
    """
    former.username = f"{former.username[:200]} (left, {former.id})"


@groups.deleter
def disband(team: Team, _connection: Connection) -> None:
    """Delete a team: unlike people, nothing in the app points at one."""
    db.session.delete(team)

"""An inbound SCIM 2.0 server for existing Flask apps."""

from .access.ending import Ending, Outcome, Report
from .access.standing import Refusal, Standing
from .config import ConfigurationError
from .extension.scim import SCIM
from .mapping.sources import Refs, computed, hashed, read_only
from .protocol.schema import (
    Attribute,
    Extension,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Type,
    Uniqueness,
)
from .provisioning.changes import Event
from .provisioning.intents import Intent
from .provisioning.policy import LocalEdits, LogReads, LogValues, Policy, UnknownMembers, Unmapped
from .provisioning.ports import Connection, State
from .signals import (
    connection_changed,
    group_created,
    group_deleted,
    group_members_changed,
    group_updated,
    resource_created,
    resource_deactivated,
    resource_deleted,
    resource_members_changed,
    resource_reactivated,
    resource_updated,
    role_granted,
    role_revoked,
    token_expiring,
    token_idle,
    user_access_ended,
    user_created,
    user_deactivated,
    user_deleted,
    user_reactivated,
    user_updated,
)
from .store.edits import LocalEdit

__all__ = [
    "SCIM",
    "Attribute",
    "ConfigurationError",
    "Connection",
    "Ending",
    "Event",
    "Extension",
    "Intent",
    "LocalEdit",
    "LocalEdits",
    "LogReads",
    "LogValues",
    "Mutability",
    "Outcome",
    "Policy",
    "Refs",
    "Refusal",
    "Report",
    "ResourceType",
    "Returned",
    "Schema",
    "Standing",
    "State",
    "Type",
    "Uniqueness",
    "UnknownMembers",
    "Unmapped",
    "computed",
    "connection_changed",
    "group_created",
    "group_deleted",
    "group_members_changed",
    "group_updated",
    "hashed",
    "read_only",
    "resource_created",
    "resource_deactivated",
    "resource_deleted",
    "resource_members_changed",
    "resource_reactivated",
    "resource_updated",
    "role_granted",
    "role_revoked",
    "token_expiring",
    "token_idle",
    "user_access_ended",
    "user_created",
    "user_deactivated",
    "user_deleted",
    "user_reactivated",
    "user_updated",
]

"""An inbound SCIM 2.0 server for existing Flask apps."""

from .config import ConfigurationError
from .extension import SCIM
from .mapping.sources import Refs, computed, read_only
from .provisioning.changes import Event
from .provisioning.ports import Connection
from .signals import (
    group_created,
    group_deleted,
    group_members_changed,
    group_updated,
    user_created,
    user_deactivated,
    user_deleted,
    user_reactivated,
    user_updated,
)

__all__ = [
    "SCIM",
    "ConfigurationError",
    "Connection",
    "Event",
    "Refs",
    "computed",
    "group_created",
    "group_deleted",
    "group_members_changed",
    "group_updated",
    "read_only",
    "user_created",
    "user_deactivated",
    "user_deleted",
    "user_reactivated",
    "user_updated",
]

"""What a host can set, read once from ``app.config``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: What IPSIE's SCIM profile lets every client send, in requests a second.
LEAST_RATE = 25
#: The longest that a row of the log waits, in seconds: so long the log may lack it.
LONGEST_DELAY = 60


class ConfigurationError(RuntimeError):
    """The host's declarations or settings cannot be used; the message names the repair."""


class MappingError(ConfigurationError):
    """A mapping cannot be used.

    :param heading: what cannot be used.
    :param problems: every mistake, with its repair.
    """

    def __init__(self, heading: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  - ".join((f"{heading}:", *self.problems)))


@dataclass(frozen=True)
class Settings:
    """The settings of one app.

    :param url_prefix: ``SCIM_URL_PREFIX``, the path below which connections have their endpoints.
    :param connection: ``SCIM_CONNECTION``, the only connection, whose endpoints are at the prefix
        itself; ``None`` where each has its own path.
    :param max_content_length: ``SCIM_MAX_CONTENT_LENGTH``, the largest body in bytes.
    :param default_page_size: ``SCIM_DEFAULT_PAGE_SIZE``, the resources of a page without ``count``.
    :param max_page_size: ``SCIM_MAX_PAGE_SIZE``, the most resources of a page.
    :param default_tenant: ``SCIM_DEFAULT_TENANT``, the tenant, as text, of a connection that is
        added from the shell without one.
    :param max_members: ``SCIM_MAX_MEMBERS``, the most members in one POST or PUT.
    :param max_patch_operations: ``SCIM_MAX_PATCH_OPERATIONS``, the most operations in one PATCH.
    :param max_patch_members: ``SCIM_MAX_PATCH_MEMBERS``, the most members that one PATCH names.
    :param patch_members_limit: ``SCIM_PATCH_MEMBERS_LIMIT``, the most members of a group that the
        answer to a PATCH shows; above it the answer is empty.
    :param max_roles_per_group: ``SCIM_MAX_ROLES_PER_GROUP``, to how many roles one group can be
        mapped.
    :param max_mapped_roles: ``SCIM_MAX_MAPPED_ROLES``, to how many roles the groups of a connection
        can be mapped together.
    :param max_bulk_operations: ``SCIM_MAX_BULK_OPERATIONS``, the most operations in one Bulk
        request; 0 switches Bulk off.
    :param max_waiting_bulks: ``SCIM_MAX_WAITING_BULKS``, how many Bulk requests of one connection
        may wait for ``flask scim deliver``; 0 lets none wait.
    :param cursor_timeout: ``SCIM_CURSOR_TIMEOUT``, for how many seconds the cursor of a page is
        good.
    :param cursor_totals: ``SCIM_CURSOR_TOTALS``, whether pages by cursor say how many resources
        there are on all of them, which have to be counted for it.
    :param access_token_lifetime: ``SCIM_ACCESS_TOKEN_LIFETIME``, for how many seconds an access
        token of an OAuth client is good.
    :param revocation_wait: ``SCIM_REVOCATION_WAIT``, for how many seconds an answer waits for the
        revokers of somebody whose access has ended.
    :param revoker_timeout: ``SCIM_REVOKER_TIMEOUT``, after how many seconds a revoker counts as
        one that hangs, and is tried again.
    :param revocation_retry: ``SCIM_REVOCATION_RETRY``, whether the process in which a revoker has
        failed tries again itself.
    :param session_guard: ``SCIM_SESSION_GUARD``, whether sessions are refused that began before
        the access of their owner ended.
    :param docs: ``SCIM_DOCS``, whether the OpenAPI document and its page are served.
    :param log_days: ``SCIM_LOG_DAYS``, for how many days ``flask scim log prune`` keeps requests; 0
        for ever.
    :param log_rows: ``SCIM_LOG_ROWS``, how many requests of each connection it keeps; 0 for all.
    :param log_delay: ``SCIM_LOG_DELAY``, for how many seconds requests that only read or are
        refused wait to be written to the log together; 0 for none.
    :param rate_limit: ``SCIM_RATE_LIMIT``, how many requests a second of one connection are let
        through in any case; ``None`` where all are.
    :param rate_burst: ``SCIM_RATE_BURST``, how many more than that are let through in a minute.
    :param rate_storage_uri: ``SCIM_RATE_STORAGE_URI``, where requests are counted; ``None`` for
        where the app's own limiter counts.
    """

    url_prefix: str = "/scim/v2"
    connection: str | None = None
    max_content_length: int = 2_097_152
    default_page_size: int = 100
    max_page_size: int = 1_000
    default_tenant: str | None = None
    max_members: int = 10_000
    max_patch_operations: int = 1_000
    max_patch_members: int = 10_000
    patch_members_limit: int = 100
    max_roles_per_group: int = 10
    max_mapped_roles: int = 100
    max_bulk_operations: int = 1_000
    max_waiting_bulks: int = 0
    cursor_timeout: int = 3_600
    cursor_totals: bool = False
    access_token_lifetime: int = 3_600
    revocation_wait: int = 5
    revoker_timeout: int = 10
    revocation_retry: bool = True
    session_guard: bool = True
    docs: bool = True
    log_days: int = 90
    log_rows: int = 100_000
    log_delay: int = 1
    rate_limit: int | None = None
    rate_burst: int = 0
    rate_storage_uri: str | None = None

    def base(self, connection_id: str) -> str:
        """The path below which a connection has its endpoints."""
        return self.url_prefix if self.connection else f"{self.url_prefix}/{connection_id}"

    @classmethod
    def read(cls, config: dict[str, Any]) -> Settings:
        """Read the settings of an app.

        :param config: the app's ``config``.
        :return: the settings, with defaults for what the app leaves out.
        :raises ConfigurationError: if a value cannot be used.
        """
        prefix = config.get("SCIM_URL_PREFIX", cls.url_prefix)
        if not isinstance(prefix, str) or not prefix.startswith("/") or prefix.endswith("/"):
            raise ConfigurationError(
                f"SCIM_URL_PREFIX must begin with a slash and not end with one, not {prefix!r}."
            )
        connection = config.get("SCIM_CONNECTION", cls.connection)
        if connection is not None and not (isinstance(connection, str) and connection):
            raise ConfigurationError(
                f"SCIM_CONNECTION must be the name of a connection, not {connection!r}."
            )
        tenant = config.get("SCIM_DEFAULT_TENANT", cls.default_tenant)
        if tenant is not None and not (isinstance(tenant, str) and tenant):
            raise ConfigurationError(
                f"SCIM_DEFAULT_TENANT must be a tenant's key as text, not {tenant!r}."
            )
        storage_uri = config.get("SCIM_RATE_STORAGE_URI", cls.rate_storage_uri)
        if storage_uri is not None and not (isinstance(storage_uri, str) and storage_uri):
            raise ConfigurationError(
                "SCIM_RATE_STORAGE_URI must be a URI as text, such as 'redis://127.0.0.1:6379'."
            )
        maximum = _positive(config, "SCIM_MAX_PAGE_SIZE", cls.max_page_size)
        return cls(
            url_prefix=prefix,
            connection=connection,
            max_content_length=_positive(config, "SCIM_MAX_CONTENT_LENGTH", cls.max_content_length),
            default_page_size=min(
                _positive(config, "SCIM_DEFAULT_PAGE_SIZE", cls.default_page_size), maximum
            ),
            max_page_size=maximum,
            default_tenant=tenant,
            max_members=_positive(config, "SCIM_MAX_MEMBERS", cls.max_members),
            max_patch_operations=_positive(
                config, "SCIM_MAX_PATCH_OPERATIONS", cls.max_patch_operations
            ),
            max_patch_members=_positive(config, "SCIM_MAX_PATCH_MEMBERS", cls.max_patch_members),
            patch_members_limit=_positive(
                config, "SCIM_PATCH_MEMBERS_LIMIT", cls.patch_members_limit
            ),
            max_roles_per_group=_positive(
                config, "SCIM_MAX_ROLES_PER_GROUP", cls.max_roles_per_group
            ),
            max_mapped_roles=_positive(config, "SCIM_MAX_MAPPED_ROLES", cls.max_mapped_roles),
            max_bulk_operations=_whole(config, "SCIM_MAX_BULK_OPERATIONS", cls.max_bulk_operations),
            max_waiting_bulks=_whole(config, "SCIM_MAX_WAITING_BULKS", cls.max_waiting_bulks),
            cursor_timeout=_positive(config, "SCIM_CURSOR_TIMEOUT", cls.cursor_timeout),
            cursor_totals=bool(config.get("SCIM_CURSOR_TOTALS", cls.cursor_totals)),
            access_token_lifetime=_positive(
                config, "SCIM_ACCESS_TOKEN_LIFETIME", cls.access_token_lifetime
            ),
            revocation_wait=_whole(config, "SCIM_REVOCATION_WAIT", cls.revocation_wait),
            revoker_timeout=_positive(config, "SCIM_REVOKER_TIMEOUT", cls.revoker_timeout),
            revocation_retry=bool(config.get("SCIM_REVOCATION_RETRY", cls.revocation_retry)),
            session_guard=bool(config.get("SCIM_SESSION_GUARD", cls.session_guard)),
            docs=bool(config.get("SCIM_DOCS", cls.docs)),
            log_days=_whole(config, "SCIM_LOG_DAYS", cls.log_days),
            log_rows=_whole(config, "SCIM_LOG_ROWS", cls.log_rows),
            log_delay=_whole(config, "SCIM_LOG_DELAY", cls.log_delay, most=LONGEST_DELAY),
            rate_limit=_read_rate_limit(config),
            rate_burst=_whole(config, "SCIM_RATE_BURST", cls.rate_burst),
            rate_storage_uri=storage_uri,
        )


def _read_rate_limit(config: dict[str, Any]) -> int | None:
    if config.get("SCIM_RATE_LIMIT") is None:
        return None
    rate = _positive(config, "SCIM_RATE_LIMIT", LEAST_RATE)
    if rate < LEAST_RATE:
        raise ConfigurationError(
            f"SCIM_RATE_LIMIT must be at least {LEAST_RATE} requests a second, not {rate}: "
            "identity providers may count on as many."
        )
    return rate


def _positive(config: dict[str, Any], name: str, default: int) -> int:
    return _whole(config, name, default, least=1)


def _whole(
    config: dict[str, Any], name: str, default: int, least: int = 0, most: int | None = None
) -> int:
    value = config.get(name, default)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        span = f"from {least} on" if most is None else f"from {least} to {most}"
        raise ConfigurationError(f"{name} must be a whole number {span}, not {value!r}.")
    return int(value)

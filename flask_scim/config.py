"""What a host can set, read once from ``app.config``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ConfigurationError(RuntimeError):
    """The host's declarations or settings cannot be used; the message names the repair."""


@dataclass(frozen=True)
class Settings:
    """The settings of one app.

    :param url_prefix: ``SCIM_URL_PREFIX``, the path below which connections have their endpoints.
    :param unmapped: ``SCIM_UNMAPPED``, what becomes of attributes that nobody mapped:
        ``"ignore"`` or ``"keep"``.
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
    :param unknown_members: ``SCIM_UNKNOWN_MEMBERS``, what becomes of a request that names members
        who do not exist: ``"refuse"`` or ``"ignore"``.
    :param max_bulk_operations: ``SCIM_MAX_BULK_OPERATIONS``, the most operations in one Bulk
        request; 0 switches Bulk off.
    :param cursor_timeout: ``SCIM_CURSOR_TIMEOUT``, for how many seconds the cursor of a page is
        good.
    :param docs: ``SCIM_DOCS``, whether the OpenAPI document and its page are served.
    """

    url_prefix: str = "/scim/v2"
    unmapped: str = "ignore"
    max_content_length: int = 2_097_152
    default_page_size: int = 100
    max_page_size: int = 1_000
    default_tenant: str | None = None
    max_members: int = 10_000
    max_patch_operations: int = 1_000
    max_patch_members: int = 10_000
    patch_members_limit: int = 100
    unknown_members: str = "refuse"
    max_bulk_operations: int = 1_000
    cursor_timeout: int = 3_600
    docs: bool = True

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
        unmapped = config.get("SCIM_UNMAPPED", cls.unmapped)
        if unmapped not in ("ignore", "keep"):
            raise ConfigurationError(f"SCIM_UNMAPPED must be 'ignore' or 'keep', not {unmapped!r}.")
        unknown = config.get("SCIM_UNKNOWN_MEMBERS", cls.unknown_members)
        if unknown not in ("refuse", "ignore"):
            raise ConfigurationError(
                f"SCIM_UNKNOWN_MEMBERS must be 'refuse' or 'ignore', not {unknown!r}."
            )
        tenant = config.get("SCIM_DEFAULT_TENANT", cls.default_tenant)
        if tenant is not None and not (isinstance(tenant, str) and tenant):
            raise ConfigurationError(
                f"SCIM_DEFAULT_TENANT must be a tenant's key as text, not {tenant!r}."
            )
        maximum = _positive(config, "SCIM_MAX_PAGE_SIZE", cls.max_page_size)
        return cls(
            url_prefix=prefix,
            unmapped=unmapped,
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
            unknown_members=unknown,
            max_bulk_operations=_whole(config, "SCIM_MAX_BULK_OPERATIONS", cls.max_bulk_operations),
            cursor_timeout=_positive(config, "SCIM_CURSOR_TIMEOUT", cls.cursor_timeout),
            docs=bool(config.get("SCIM_DOCS", cls.docs)),
        )


def _positive(config: dict[str, Any], name: str, default: int) -> int:
    return _whole(config, name, default, least=1)


def _whole(config: dict[str, Any], name: str, default: int, least: int = 0) -> int:
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{name} must be a whole number from {least} on, not {value!r}.")
    return value

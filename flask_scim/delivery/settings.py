"""What a host can set of delivery, read once from ``app.config``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config import ConfigurationError
from .sender import TIMEOUT, Caution

#: How many seconds lie between the attempts at one event: ten of them, over more than three days.
RETRIES = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)


@dataclass(frozen=True)
class DeliverySettings:
    """The settings of delivery.

    :param caution: ``SCIM_DELIVERY_HTTP``, ``SCIM_DELIVERY_PRIVATE`` and ``SCIM_DELIVERY_TIMEOUT``,
        what receivers may be, and how many seconds they may take.
    :param retries: ``SCIM_DELIVERY_RETRIES``, how many seconds lie between the attempts at one
        event; after the last of them, it is given up.
    :param failures: ``SCIM_DELIVERY_FAILURES``, after how many failures in a row a destination is
        disabled.
    :param headers: ``SCIM_DELIVERY_HEADERS``, more headers for a destination, by its id.
    :param issuer: ``SCIM_EVENTS_ISSUER``, who signs security event tokens.
    :param days: ``SCIM_EVENTS_DAYS``, for how many days ``flask scim events prune`` keeps events; 0
        for ever.
    :param stream: ``SCIM_EVENTS_STREAM``, for how many seconds a stream of events is held open.
    """

    caution: Caution = field(default_factory=Caution)
    retries: tuple[float, ...] = RETRIES
    failures: int = 500
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    issuer: str | None = None
    days: int = 90
    stream: int = 25

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> DeliverySettings:
        """Read the settings of an app.

        :param config: the app's ``config``.
        :return: the settings, with defaults for what the app leaves out.
        :raises ConfigurationError: if a value cannot be used.
        """
        retries = config.get("SCIM_DELIVERY_RETRIES", cls.retries)
        if not isinstance(retries, (list, tuple)) or not all(map(_is_time, retries)):
            raise ConfigurationError(
                f"SCIM_DELIVERY_RETRIES must be a list of seconds, such as [5, 60]: {retries!r}."
            )
        headers = config.get("SCIM_DELIVERY_HEADERS") or {}
        if not _are_headers(headers):
            raise ConfigurationError(
                "SCIM_DELIVERY_HEADERS must have a dictionary of headers for each id of a "
                "destination."
            )
        issuer = config.get("SCIM_EVENTS_ISSUER")
        if issuer is not None and not (isinstance(issuer, str) and issuer):
            raise ConfigurationError(
                f"SCIM_EVENTS_ISSUER must be text, such as 'https://your.app', not {issuer!r}."
            )
        return cls(
            caution=Caution(
                http=bool(config.get("SCIM_DELIVERY_HTTP", False)),
                private=bool(config.get("SCIM_DELIVERY_PRIVATE", False)),
                total=_positive(config, "SCIM_DELIVERY_TIMEOUT", TIMEOUT),
            ),
            retries=tuple(retries),
            failures=int(_positive(config, "SCIM_DELIVERY_FAILURES", cls.failures)),
            headers=headers,
            issuer=issuer,
            days=_days(config, cls.days),
            stream=int(_positive(config, "SCIM_EVENTS_STREAM", cls.stream)),
        )


def _days(config: Mapping[str, Any], default: int) -> int:
    days = config.get("SCIM_EVENTS_DAYS", default)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days < 100_000:
        raise ConfigurationError(f"SCIM_EVENTS_DAYS must be a whole number from 0 on: {days!r}.")
    return days


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 10**7


def _are_headers(headers: Any) -> bool:
    return isinstance(headers, Mapping) and all(
        isinstance(named, Mapping)
        and all(isinstance(text, str) and text.isascii() and text.isprintable()
                for pair in named.items() for text in pair)
        for named in headers.values()
    )  # fmt: skip


def _positive(config: Mapping[str, Any], name: str, default: float) -> float:
    value = config.get(name, default)
    if not _is_time(value) or value <= 0:
        raise ConfigurationError(f"{name} must be a positive number, not {value!r}.")
    return float(value)

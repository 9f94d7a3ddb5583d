"""What an app, or one of its connections, has decided where the standard leaves a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from ..config import ConfigurationError


class UnknownMembers(StrEnum):
    """What becomes of a request that names members who do not exist."""

    #: It is refused as a whole.
    REFUSE = "refuse"
    #: Those are passed over.
    IGNORE = "ignore"


class Unmapped(StrEnum):
    """What becomes of attributes that nobody mapped."""

    #: They are dropped.
    IGNORE = "ignore"
    #: They are stored in the record of the resource.
    KEEP = "keep"
    #: A request that sends any is refused.
    REFUSE = "refuse"


class LocalEdits(StrEnum):
    """What becomes of the app's own changes to what an identity provider keeps."""

    #: They stand until the identity provider sends the attribute again.
    OVERWRITE = "overwrite"
    #: They stand until the identity provider sends another value than it has sent last.
    KEEP = "keep"
    #: They are refused.
    REFUSE = "refuse"


class LogReads(StrEnum):
    """Which of the requests that only read are written to the log."""

    #: All of them.
    ALL = "all"
    #: Those that were refused or failed.
    REFUSED = "refused"


class LogValues(StrEnum):
    """What of the values of a change, and of those in messages, is written to the log."""

    #: The names of what changed, and no value.
    NAMES = "names"
    #: Values that say nothing of a person, such as ``active``; of others what they look like.
    IMPERSONAL = "impersonal"
    #: All but secrets.
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices that hold for a connection.

    Each is a setting of the app and a choice of each connection, which goes before the app's.

    :param unknown_members: ``SCIM_UNKNOWN_MEMBERS``, what becomes of a request that names members
        who do not exist.
    :param unmapped: ``SCIM_UNMAPPED``, what becomes of attributes that nobody mapped.
    :param local_edits: ``SCIM_LOCAL_EDITS``, what becomes of the app's own changes to what an
        identity provider keeps.
    :param log_reads: ``SCIM_LOG_READS``, which requests that only read are written to the log.
    :param log_values: ``SCIM_LOG_VALUES``, what of values is written to the log.
    """

    unknown_members: UnknownMembers = UnknownMembers.REFUSE
    unmapped: Unmapped = Unmapped.IGNORE
    local_edits: LocalEdits = LocalEdits.OVERWRITE
    log_reads: LogReads = LogReads.ALL
    log_values: LogValues = LogValues.NAMES

    def over(self, choices: Mapping[str, Any]) -> Policy:
        """Put the choices of a connection before those of the app.

        :param choices: choices by name, as :func:`check_choices` returns them.
        :return: the choices that hold.
        """
        if not choices:
            return self
        return replace(self, **{name: _read(name, value) for name, value in choices.items()})


def check_choices(choices: Mapping[str, Any], called: Callable[[str], str] = str) -> dict[str, Any]:
    """Check choices, and bring them into the form in which they are kept.

    :param choices: choices by name; text stands for numbers too, as a shell has nothing else.
    :param called: what a choice is called in messages.
    :return: the same as JSON has them.
    :raises ValueError: with every mistake and its repair.
    """
    checked, problems = {}, []
    for name, value in choices.items():
        try:
            checked[name] = _plain(_read(name, value, called(name)))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError(" ".join(problems))
    return checked


def read_policy(config: Mapping[str, Any]) -> Policy:
    """Read what an app has chosen where its connections have not.

    :param config: the app's ``config``.
    :return: the choices.
    :raises ConfigurationError: with every setting that cannot be used.
    """
    chosen = {name: config[key] for name in _DEFAULTS if (key := _setting(name)) in config}
    try:
        return Policy().over(check_choices(chosen, _setting))
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _setting(name: str) -> str:
    return f"SCIM_{name.upper()}"


def _read(name: str, value: Any, called: str = "") -> Any:
    default = _DEFAULTS.get(name)
    if default is None:
        raise ValueError(f"There is no choice {name[:100]!r}; there are {', '.join(_DEFAULTS)}.")
    if isinstance(default, StrEnum):
        kind = type(default)
        try:
            return kind(value)
        except ValueError:
            allowed = " or ".join(repr(str(each)) for each in kind)
            raise ValueError(f"{called} must be {allowed}, not {value!r}.") from None
    return _read_whole(value, called)


def _read_whole(value: Any, called: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError(f"{called} must be a whole number from 0 on, not {value!r}.")
    return value


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StrEnum) else value


_DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(Policy)}

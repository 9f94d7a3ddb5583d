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


class PersonKey(StrEnum):
    """Which attribute is the key of a person in the identity provider."""

    #: ``userName`` for SAML, ``externalId`` for all others.
    AUTO = "auto"
    #: ``externalId``; where nobody has sent one, ``userName`` stands in.
    EXTERNAL_ID = "externalId"
    #: ``userName``.
    USER_NAME = "userName"


class Adoption(StrEnum):
    """Which accounts that exist already an identity provider takes over."""

    #: None.
    NEVER = "never"
    #: The one whose external id, as the app knows it, is that of the person.
    EXTERNAL_ID = "external_id"
    #: The one with the same e-mail address, verified, in a domain that the connection has verified.
    VERIFIED_EMAIL = "verified_email"
    #: The one that the app's adopter returns.
    ASK = "ask"


class Visibility(StrEnum):
    """What a connection sees of accounts that it has not provisioned."""

    #: Nothing.
    PROVISIONED = "provisioned"
    #: Those that it would adopt.
    ADOPTABLE = "adoptable"
    #: All of its tenant.
    TENANT = "tenant"


class Revival(StrEnum):
    """What becomes of a person who comes back after a deletion or deactivation."""

    #: They get the row that they had.
    RESTORE = "restore"
    #: They are refused.
    REFUSE = "refuse"
    #: They get a new row.
    NEW = "new"


class Deletion(StrEnum):
    """What a deletion does to the host's row."""

    #: It stays, and is deactivated.
    RETIRE = "retire"
    #: It is deleted; where other rows forbid that, it is retired.
    DELETE = "delete"


class GroupNames(StrEnum):
    """What becomes of a group that is to have the name of one that was made by hand."""

    #: It is refused.
    REFUSE = "refuse"
    #: It is made beside the other, which it has nothing to do with.
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices that hold for a connection.

    Each is a setting of the app and a choice of each connection, which goes before the app's.

    :param breaker_count: ``SCIM_BREAKER_COUNT``, how many people may lose access within the window
        of the breaker before it holds the connection; 0 for any number.
    :param breaker_share: ``SCIM_BREAKER_SHARE``, how many percent of the people who had access
        before the window; 0 for any share.
    :param breaker_window: ``SCIM_BREAKER_WINDOW``, the length of the window in seconds; 0 for no
        breaker.
    :param unknown_members: ``SCIM_UNKNOWN_MEMBERS``, what becomes of a request that names members
        who do not exist.
    :param unmapped: ``SCIM_UNMAPPED``, what becomes of attributes that nobody mapped.
    :param local_edits: ``SCIM_LOCAL_EDITS``, what becomes of the app's own changes to what an
        identity provider keeps.
    :param log_reads: ``SCIM_LOG_READS``, which requests that only read are written to the log.
    :param log_values: ``SCIM_LOG_VALUES``, what of values is written to the log.
    :param person_key: ``SCIM_PERSON_KEY``, which attribute is the key of a person in the identity
        provider.
    :param adoption: ``SCIM_ADOPTION``, which accounts that exist already are taken over.
    :param visibility: ``SCIM_VISIBILITY``, what is seen of accounts that SCIM has not provisioned.
    :param revival: ``SCIM_REVIVAL``, what becomes of a person who comes back.
    :param deletion: ``SCIM_DELETION``, what a deletion does to the host's row.
    :param group_names: ``SCIM_GROUP_NAMES``, what becomes of a group that is to have the name of
        one that was made by hand.
    """

    breaker_count: int = 500
    breaker_share: int = 25
    breaker_window: int = 3_600
    unknown_members: UnknownMembers = UnknownMembers.REFUSE
    unmapped: Unmapped = Unmapped.IGNORE
    local_edits: LocalEdits = LocalEdits.OVERWRITE
    log_reads: LogReads = LogReads.ALL
    log_values: LogValues = LogValues.NAMES
    person_key: PersonKey = PersonKey.AUTO
    adoption: Adoption = Adoption.NEVER
    visibility: Visibility = Visibility.PROVISIONED
    revival: Revival = Revival.RESTORE
    deletion: Deletion = Deletion.RETIRE
    group_names: GroupNames = GroupNames.REFUSE

    def key_for(self, idp: str) -> PersonKey:
        """Tell which attribute is the key of a person.

        :param idp: the identity provider.
        :return: the attribute that is chosen, or that fits the identity provider.
        """
        if self.person_key is not PersonKey.AUTO:
            return self.person_key
        return PersonKey.USER_NAME if idp == "saml" else PersonKey.EXTERNAL_ID

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
    return _read_whole(value, called, _MOST.get(name, 10**9 - 1))


def _read_whole(value: Any, called: str, most: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError(f"{called} must be a whole number from 0 on, not {value!r}.")
    if value > most:
        raise ValueError(f"{called} must be at most {most}, not {value}.")
    return value


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StrEnum) else value


#: What is more than everything would be a mistake.
_MOST = {"breaker_share": 100}
_DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(Policy)}

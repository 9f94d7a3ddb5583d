"""Which account of the app an identity provider may take over: a decision, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..protocol.addresses import Address
from ..protocol.errors import Forbidden, ScimError, UniquenessError
from .policy import Adoption

Document = dict[str, Any]


class Reason(StrEnum):
    """What the person of an account was told by."""

    #: The app knew the identity provider's id of them.
    EXTERNAL_ID = "external_id"
    #: The account has their e-mail address, verified, in a domain of the customer's.
    VERIFIED_EMAIL = "verified_email"
    #: The app's adopter said so.
    ASK = "ask"


class Obstacle(StrEnum):
    """Why an account that could be somebody's is not taken over."""

    #: Another connection has provisioned it.
    OTHER_CONNECTION = "other_connection"
    #: It has privileges in the app.
    PRIVILEGED = "privileged"
    #: Its e-mail address is in a verified domain, and not verified itself.
    UNVERIFIED = "unverified"
    #: Another account can be told by the same.
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the app, as far as the decision needs it.

    :param row: the host's object.
    :param key: its primary key.
    :param address: its e-mail address, ``None`` where it has none that can be compared.
    :param external_ids: what the app knows as the identity provider's id of the person.
    :param is_verified: whether the app says that the e-mail address is the person's.
    :param is_privileged: whether the app says that it has privileges.
    :param is_owned: whether another connection has provisioned it.
    """

    row: Any
    key: Any
    address: Address | None
    external_ids: frozenset[str]
    is_verified: bool
    is_privileged: bool
    is_owned: bool


@dataclass(frozen=True, slots=True)
class Surveyed:
    """An account of a tenant, and whether it may be taken over without a document.

    :param key: its primary key.
    :param id: its SCIM ``id``.
    :param user_name: its ``userName``, if it has one.
    :param verdict: what it is told by, or what stands in the way; ``None`` if nothing says whose
        it is.
    :param is_known: whether the connection has it already, or has deleted it.
    """

    key: Any
    id: str
    user_name: str | None
    verdict: Reason | Obstacle | None
    is_known: bool


def judge(
    account: Account, adoption: Adoption, domains: Collection[str]
) -> Reason | Obstacle | None:
    """Tell whether an account may be taken over, whoever comes for it.

    :param account: the account.
    :param adoption: the choice of the connection.
    :param domains: the domains that the connection has verified, as
        :func:`~flask_scim.protocol.addresses.encode_domain` writes them.
    :return: what it is told by, or what stands in the way; ``None`` if it is a stranger's.
    """
    match adoption:
        case Adoption.NEVER:
            return None
        case Adoption.EXTERNAL_ID:
            reason = Reason.EXTERNAL_ID
            if not account.external_ids:
                return None
        case Adoption.VERIFIED_EMAIL:
            reason = Reason.VERIFIED_EMAIL
            if account.address is None or account.address.domain not in domains:
                return None
            if not account.is_verified:
                return Obstacle.UNVERIFIED
        case Adoption.ASK:
            reason = Reason.ASK
    if account.is_owned:
        return Obstacle.OTHER_CONNECTION
    return Obstacle.PRIVILEGED if account.is_privileged else reason


def choose(
    accounts: Sequence[Account], adoption: Adoption, domains: Collection[str]
) -> tuple[Account, Reason] | None:
    """Choose the account that a person has.

    :param accounts: those that are told by what the identity provider says of the person.
    :param adoption: the choice of the connection.
    :param domains: the domains that the connection has verified.
    :return: the account and what it was told by; ``None`` if the person has none.
    :raises ScimError: if it cannot be told which one it is, or it must not be taken over.
    """
    judged = [(account, judge(account, adoption, domains)) for account in accounts]
    # An address that nobody has verified may be anybody's: it neither counts nor stands in the way.
    found = [each for each in judged if each[1] not in (None, Obstacle.UNVERIFIED)]
    if not found:
        return None
    if len(found) > 1:
        raise refusal(Obstacle.SEVERAL)
    ((account, verdict),) = found
    if isinstance(verdict, Reason):
        return account, verdict
    assert verdict is not None
    raise refusal(verdict)


def refusal(obstacle: Obstacle | None) -> ScimError:
    """Say in words that help why an account is not taken over.

    :param obstacle: what stands in the way; ``None`` where nothing speaks for it.
    :return: the error; it tells nothing of the account that the request has not named.
    """
    match obstacle:
        case Obstacle.SEVERAL:
            return UniquenessError(
                "More than one account of this application could be this person's, so none is"
                " taken over. Let the application's administrator merge them, or choose one."
            )
        case Obstacle.OTHER_CONNECTION:
            return UniquenessError(
                "The account of this person is provisioned by another connection. Take the person"
                " out of that one first."
            )
        case Obstacle.PRIVILEGED:
            return Forbidden(
                "The account of this person has privileges in this application, and such accounts"
                " are not taken over. Let the application's administrator take the privileges"
                " away first, or leave the person out of provisioning."
            )
        case _:
            return Forbidden(
                "This account has not been provisioned by this connection, and the connection"
                " does not take it over. Let the application's administrator see to it: whether"
                " accounts are taken over, and which, is a choice of the connection."
            )


def complete(before: Document, document: Document) -> Document:
    """Complete a document for a new resource by what an account has that it is silent of.

    :param before: the account as it is.
    :param document: what the identity provider says of the person.
    :return: the document that the account is to have.
    """
    return before | {
        name: before[name] | value
        if isinstance(value, dict) and isinstance(before.get(name), dict)
        else value
        for name, value in document.items()
    }

"""What an authorization server for clients does (:rfc:`6749`, :rfc:`8414`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

#: Where the token endpoint is, below the base URI of a connection.
TOKEN_PATH = "/oauth/token"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the token endpoint.

    :param status: the HTTP status.
    :param body: what to say, as JSON.
    :param headers: the headers.
    """

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Authority(Protocol):
    """An authorization server that gives access tokens to the clients of connections."""

    def answer(
        self, connection_id: str, issuer: str, form: Mapping[str, str], authorization: str
    ) -> Answer:
        """Answer a request for an access token.

        :param connection_id: the connection that it was sent to.
        :param issuer: the base URI of the connection.
        :param form: the parameters of the body.
        :param authorization: the header ``Authorization``; empty if there is none.
        :return: the answer.
        :raises ServiceUnavailable: if the database is busy.
        """
        ...

    def refuse(self, description: str) -> Answer:
        """Answer a request that cannot be read."""
        ...

    def describe(self, issuer: str) -> dict[str, Any]:
        """Describe the authorization server of a connection (:rfc:`8414#section-2`).

        :param issuer: the base URI of the connection.
        :return: the metadata.
        """
        ...

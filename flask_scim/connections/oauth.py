"""The authorization server: Authlib's, with the clients of one connection (:rfc:`6749`).

Only its parts that know no framework are used: Authlib's integration with Flask reads settings that
may be the host's own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    ClientCredentialsGrant,
    ClientMixin,
    InsecureTransportError,
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.authenticate_client import authenticate_client_secret_basic
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from .access_tokens import AccessTokens
from .assertions import ALGORITHMS, ClientAssertion
from .authority import TOKEN_PATH, Answer
from .clients import METHODS, Clients, Registered
from .issuers import REVOCATION_PATH
from .rows import hash_secret, is_same
from .scopes import all_scopes

_log = logging.getLogger("flask_scim.connections")
#: The scope that stands for all that a client may do.
_ALL = "scim"
_UNKNOWN = "The client is not known here, or what it proves itself with is wrong."
#: By which methods a client may authenticate; whoever has a secret may use HTTP Basic.
_ACCEPTED = {
    "client_secret_basic": ("client_secret_basic",),
    "client_secret_post": ("client_secret_post", "client_secret_basic"),
    "private_key_jwt": ("private_key_jwt",),
}


@dataclass(frozen=True, slots=True)
class ClientAuthority:
    """The authorization server of every connection.

    :param clients: gives the clients.
    :param access_tokens: gives the access tokens.
    :param plurals: the resource types that are served, as ``users``.
    """

    clients: Callable[[], Clients]
    access_tokens: Callable[[], AccessTokens]
    plurals: Sequence[str]

    def answer(
        self, connection_id: str, issuer: str, form: Mapping[str, str], authorization: str
    ) -> Answer:
        """Answer a request for an access token; see :meth:`.Authority.answer`."""
        clients, tokens = self.clients(), self.access_tokens()
        server = _Server(clients, tokens, connection_id, issuer)
        answer: Answer = server.create_token_response((form, authorization))
        return answer

    def refuse(self, description: str) -> Answer:
        """Answer a request that cannot be read."""
        return _refuse(InvalidRequestError(description=_plain(description)))

    def describe(self, issuer: str) -> dict[str, Any]:
        """Describe the authorization server of a connection; see :meth:`.Authority.describe`."""
        return dict(
            AuthorizationServerMetadata(
                issuer=issuer,
                token_endpoint=f"{issuer}{TOKEN_PATH}",
                scopes_supported=[_ALL, *all_scopes(self.plurals)],
                response_types_supported=[],
                grant_types_supported=[_Grant.GRANT_TYPE],
                token_endpoint_auth_methods_supported=list(METHODS),
                token_endpoint_auth_signing_alg_values_supported=list(ALGORITHMS),
                global_token_revocation_endpoint=f"{issuer}{REVOCATION_PATH}",
            )
        )


class _Request(OAuth2Request):
    """A request for an access token, of which only the body counts."""

    def __init__(self, uri: str, form: Mapping[str, str], authorization: str) -> None:
        super().__init__("POST", uri, headers={"Authorization": authorization})
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> Mapping[str, str]:
        return self.payload.data  # type: ignore[no-any-return]  # what was put in


class _Applicant(ClientMixin):
    """A client that asks for an access token."""

    def __init__(self, registered: Registered) -> None:
        self.registered = registered
        self.client = registered.client

    def get_client_id(self) -> str:
        return self.client.id

    def check_client_secret(self, client_secret: str) -> bool:
        stored = self.registered.secret_hash
        if stored is None or not is_same(stored, hash_secret(client_secret)):
            raise self.refused(_UNKNOWN)
        return True

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        accepted = _ACCEPTED[self.client.method]
        if method not in accepted:
            raise self.refused(f"This client authenticates with {' or '.join(accepted)}.")
        return True

    def check_grant_type(self, grant_type: str) -> bool:
        return True

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = dict.fromkeys((scope or _ALL).split())
        allowed = self.client.scopes
        if _ALL in asked:
            return " ".join((_ALL, *allowed))
        if not asked.keys() <= set(allowed):
            raise InvalidScopeError(
                description=f"Ask for {_ALL}, which is all that the client may do, or for some of: "
                f"{' '.join(allowed)}."
            )
        return " ".join(asked)

    def refused(self, why: str) -> InvalidClientError:
        id, connection_id = self.client.id, self.client.connection_id
        _log.warning("Client %s of connection %s was refused: %s", id, connection_id, why)
        return _refused(why)


class _Grant(ClientCredentialsGrant):
    """The grant of :rfc:`6749#section-4.4`."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def create_token_response(self) -> tuple[int, Any, Any]:
        # Authlib's own writes the token to its log.
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class _Server(AuthorizationServer):
    """The authorization server of one connection, for one request."""

    def __init__(
        self, clients: Clients, tokens: AccessTokens, connection_id: str, issuer: str
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tokens = tokens
        self._connection_id = connection_id
        self._issuer = issuer
        self._applicant: _Applicant | None = None
        self.register_grant(_Grant)
        self.register_token_generator(
            "default", BearerTokenGenerator(self._issue, expires_generator=tokens.lifetime)
        )
        self.register_client_auth_method("client_secret_basic", _authenticate_basic)
        assertion = ClientAssertion(
            [f"{issuer}{TOKEN_PATH}", issuer], _find_keys, self._use_assertion, self._refused
        )
        self.register_client_auth_method(assertion.CLIENT_AUTH_METHOD, assertion)

    def create_token_response(self, request: Any = None) -> Answer:
        form, authorization = request
        try:
            asked = _Request(f"{self._issuer}{TOKEN_PATH}", form, authorization)
            if not asked.payload.grant_type:
                raise InvalidRequestError(description="The parameter grant_type is missing.")
            answer: Answer = super().create_token_response(asked)
        except InsecureTransportError:
            return _refuse(
                InvalidRequestError(
                    description="OAuth needs https. Where a proxy ends TLS, ProxyFix tells the "
                    "application so."
                )
            )
        except OAuth2Error as error:
            return _refuse(error)
        return answer

    def query_client(self, client_id: str) -> _Applicant:
        found = self._clients.find(self._connection_id, client_id)
        if found is None:
            raise _refused(_UNKNOWN)
        self._applicant = _Applicant(found)
        return self._applicant

    def authenticate_client(self, request: _Request, methods: Any, endpoint: str = "token") -> Any:
        form = request.form
        is_basic = request.headers["Authorization"].lower().startswith("basic ")
        offered = [is_basic, "client_secret" in form, "client_assertion" in form]
        if offered.count(True) > 1:
            raise InvalidRequestError(description="Authenticate by one method alone.")
        if not any(offered):
            raise _refused(
                "Authenticate: by HTTP Basic, by client_id and client_secret in the body, or by "
                "client_assertion."
            )
        if offered[2] and form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _refused(f"The client_assertion_type must be {ASSERTION_TYPE}.")
        client = super().authenticate_client(request, methods, endpoint)
        if form.get("client_id", client.get_client_id()) != client.get_client_id():
            raise client.refused("The client_id is not that of who authenticates.")
        self._clients.note_use(client.client)
        return client

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def save_token(self, token: Any, request: Any) -> None:
        """Store nothing: the signature vouches for a token."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Tell nobody."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return Answer(status, body, dict(headers))

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Answer:
        return _refuse(error)

    def _issue(self, client: _Applicant, scope: str, **_: Any) -> str:
        return self._tokens.issue(client.client, [one for one in scope.split() if one != _ALL])

    def _use_assertion(self, client_id: str, jti: str, expires: datetime) -> bool:
        applicant = self._applicant
        assert applicant is not None
        return self._clients.use_assertion(applicant.client, jti, expires)

    def _refused(self, why: str) -> InvalidClientError:
        return _refused(why) if self._applicant is None else self._applicant.refused(why)


def _authenticate_basic(query_client: Any, request: Any) -> Any:
    try:
        client = authenticate_client_secret_basic(query_client, request)
    except ValueError:
        # It is no base64, or no UTF-8.
        client = None
    if client is None:
        is_basic = request.headers["Authorization"].lower().startswith("basic ")
        if is_basic:
            raise _refused("Send client_id and client_secret, by Authorization: Basic.")
    return client


def _find_keys(client: _Applicant) -> tuple[dict[str, Any], ...]:
    if not client.registered.keys:
        raise client.refused(_UNKNOWN)
    return client.registered.keys


def _refused(why: str) -> InvalidClientError:
    return InvalidClientError(description=_plain(why))


def _refuse(error: OAuth2Error) -> Answer:
    """Answer with an error (:rfc:`6749#section-5.2`)."""
    if isinstance(error, UnsupportedGrantTypeError):
        error.description = f"The only grant_type here is {_Grant.GRANT_TYPE}."
    status, body, headers = error()
    named = dict(headers)
    if isinstance(error, InvalidClientError):
        status, named["WWW-Authenticate"] = 401, 'Basic realm="SCIM"'
    return Answer(status, body, named)


def _plain(text: str) -> str:
    """Keep to the characters that a description may have."""
    return "".join(
        character if " " <= character <= "~" and character not in '"\\' else "?"
        for character in text
    )

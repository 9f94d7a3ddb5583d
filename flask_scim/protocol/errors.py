"""SCIM errors: one class per status and scimType (:rfc:`7644#section-3.12`)."""

from __future__ import annotations


class ScimError(Exception):
    """An answer that refuses a request.

    :param detail: words that the identity provider's admin can act on.
    """

    status = 500
    scim_type: str | None = None
    #: For logs alone: the connection and the credential of who asked, where it was let into none.
    attribution: tuple[str, str] | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadRequest(ScimError):
    """The request cannot be taken as it is."""

    status = 400


class InvalidSyntax(BadRequest):
    """The body is not the message that was expected."""

    scim_type = "invalidSyntax"


class InvalidFilter(BadRequest):
    """The filter is malformed, or compares what cannot be compared."""

    scim_type = "invalidFilter"


class SecretFilter(InvalidFilter):
    """The filter compares what is never returned."""


class TooMany(BadRequest):
    """The request asks for more than the server takes at once."""

    scim_type = "tooMany"


class InvalidPath(BadRequest):
    """A PATCH path is malformed or names no attribute."""

    scim_type = "invalidPath"


class NoTarget(BadRequest):
    """A PATCH path is right, and nothing stands where it points."""

    scim_type = "noTarget"


class InvalidValue(BadRequest):
    """A required value is missing, or a value does not fit its attribute."""

    scim_type = "invalidValue"


class MutabilityError(BadRequest):
    """The attribute does not allow this change."""

    scim_type = "mutability"


class InvalidVersion(BadRequest):
    """The server does not speak the SCIM version that was asked for."""

    scim_type = "invalidVers"


class InvalidCursor(BadRequest):
    """The cursor is none of this service's, or of another query (:rfc:`9865#section-2.1`)."""

    scim_type = "invalidCursor"


class ExpiredCursor(BadRequest):
    """The client has waited too long with the next page."""

    scim_type = "expiredCursor"


class InvalidCount(BadRequest):
    """The size of a page that goes by cursor is no number, or another than that of the first."""

    scim_type = "invalidCount"


class Unauthorized(ScimError):
    """The token is missing, unknown, expired or made for another connection."""

    status = 401


class Forbidden(ScimError):
    """The token is good and does not allow this."""

    status = 403


class Sensitive(Forbidden):
    """The request would put sensitive information in a URL."""

    scim_type = "sensitive"


class NotFound(ScimError):
    """No such resource or endpoint."""

    status = 404


class Gone(ScimError):
    """What is asked for was there, and has been deleted for good."""

    status = 410


class MethodNotAllowed(ScimError):
    """The endpoint exists and does not take this method.

    :param detail: words that the identity provider's admin can act on.
    :param allowed: the methods that the endpoint takes.
    """

    status = 405

    def __init__(self, detail: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.allowed = allowed


class Conflict(ScimError):
    """What the request asks for does not go together with what is there."""

    status = 409


class UniquenessError(Conflict):
    """Another resource has this value already."""

    scim_type = "uniqueness"


class PreconditionFailed(ScimError):
    """The resource has changed since the version that the client named."""

    status = 412


class PayloadTooLarge(ScimError):
    """The body is larger than the server takes."""

    status = 413


class UnsupportedMediaType(ScimError):
    """The body is of a type that SCIM does not use."""

    status = 415


class Unprocessable(ScimError):
    """The request can be read, and what it asks for cannot be done to whom it names."""

    status = 422


class TooManyRequests(ScimError):
    """The client sends more requests than it may; nothing was changed.

    :param detail: words that the identity provider's admin can act on.
    :param retry_after: when to try again, in seconds.
    """

    status = 429

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ServiceUnavailable(ScimError):
    """The server cannot answer now; nothing was changed and the request may be repeated.

    :param detail: words that the identity provider's admin can act on.
    :param retry_after: when to try again, in seconds.
    """

    status = 503

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class InternalError(ScimError):
    """The server failed; nothing was changed."""

    status = 500


class Unsupported(ScimError):
    """The service does not have this part of the protocol."""

    status = 501

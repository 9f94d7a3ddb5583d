"""What a refusal means and how it is repaired, in words for whoever looks after a connection."""

from __future__ import annotations

from .log import Logged

#: By status and scimType: what it means, and what to do.
_MEANINGS: dict[tuple[int, str | None], tuple[str, str]] = {
    (400, "invalidFilter"): (
        "The filter cannot be read, or compares what cannot be compared.",
        "Match people by userName or externalId in the identity provider's attribute mapping.",
    ),
    (400, "invalidPath"): (
        "An attribute is named that this application does not have.",
        "Remove it from the identity provider's attribute mapping, or map it in the application.",
    ),
    (400, "invalidSyntax"): (
        "The body is not the message that was expected.",
        "Check that the connection is set to the identity provider that really sends.",
    ),
    (400, "invalidValue"): (
        "A required value is missing, or one does not fit its attribute.",
        "Fill in the attribute that the message names, in the identity provider.",
    ),
    (400, "mutability"): (
        "An attribute may not be changed in this way.",
        "Map it for creation alone, or not at all, in the identity provider.",
    ),
    (400, "noTarget"): (
        "Something is to be changed that is not there.",
        "Let the identity provider send the whole resource again.",
    ),
    (400, "tooMany"): (
        "The request asks for more than the service takes at once.",
        "Let the identity provider send less at once, or raise the limit in the settings.",
    ),
    (401, None): (
        "The bearer token is missing, unknown, expired, revoked or of another connection.",
        "Issue a token (flask scim tokens issue) and enter it in the identity provider.",
    ),
    (403, None): (
        "The token does not allow this, or the application refuses it.",
        "Give the token the scope that the message names, or do what the message says.",
    ),
    (404, None): (
        "There is no such resource in this connection.",
        "Nothing, where the identity provider only looks. Else let it provision the person anew.",
    ),
    (405, None): (
        "The endpoint does not take this method.",
        "Check the URL that is entered in the identity provider.",
    ),
    (409, None): (
        "What is asked for does not go together with what is there.",
        "Look at the message; it names what stands in the way.",
    ),
    (409, "uniqueness"): (
        "Somebody else in the application has this name already.",
        "Rename one of the two, or let the connection take over the account that exists.",
    ),
    (412, None): (
        "The resource has changed since the identity provider read it.",
        "Nothing; it reads again and repeats the change.",
    ),
    (413, None): (
        "The request is larger than the service takes.",
        "Let the identity provider send fewer members or operations at once.",
    ),
    (415, None): (
        "The body is not said to be JSON.",
        "Let the identity provider send Content-Type: application/scim+json.",
    ),
    (429, None): (
        "The connection sends more requests than it may.",
        "Nothing, if it passes; else raise SCIM_RATE_LIMIT.",
    ),
    (500, None): (
        "The application failed; nothing was changed.",
        "Look for the same request id in the log of the application.",
    ),
    (501, None): (
        "The service does not have this part of the protocol.",
        "Switch the feature off in the identity provider.",
    ),
    (503, None): (
        "The connection is paused, or the database is busy; nothing was changed.",
        "Nothing; the identity provider tries again. If paused: flask scim connections resume.",
    ),
}
#: Where an identity provider's admin finds what the repair is about, by status.
_PLACES: dict[str, dict[int, str]] = {
    "entra": {
        400: "Entra: Enterprise applications > the application > Provisioning > Mappings.",
        401: "Entra: Enterprise applications > the application > Provisioning > "
        "Admin Credentials > Secret Token, then Test Connection.",
        409: "Entra: Provisioning > Mappings > the matching attributes; then Provision on demand.",
    },
    "okta": {
        400: "Okta: Applications > the application > Provisioning > To App > Attribute Mappings.",
        401: "Okta: Applications > the application > Provisioning > Integration > "
        "Configure API Integration, then Test API Credentials.",
        409: "Okta: Applications > the application > Assignments > the person; then Retry Selected "
        "under Dashboard > Tasks.",
    },
    "onelogin": {
        400: "OneLogin: Applications > the application > Parameters.",
        401: "OneLogin: Applications > the application > Configuration > SCIM Bearer Token.",
    },
    "google": {
        400: "Google: Apps > Web and mobile apps > the application > Autoprovisioning > "
        "Attribute mapping.",
        401: "Google: Apps > Web and mobile apps > the application > Autoprovisioning > "
        "Edit credentials.",
    },
    "jumpcloud": {
        401: "JumpCloud: SSO Applications > the application > Identity Management > Token Key.",
    },
}


def explain(logged: Logged) -> list[str]:
    """Explain a refusal.

    :param logged: the request.
    :return: what it means, what to do and, where it is known, where; nothing for what succeeded.
    """
    if logged.status < 400:
        return []
    known = _MEANINGS.get((logged.status, logged.scim_type))
    known = known or _MEANINGS.get((logged.status, None))
    known = known or ("The request cannot be taken as it is.", "Look at the message.")
    place = _PLACES.get(logged.idp or "", {}).get(logged.status)
    return [*known, place] if place else [*known]

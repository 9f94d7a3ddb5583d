"""What a service provider tells of itself (:rfc:`7643`, sections 5 to 7), as data."""

from __future__ import annotations

from dataclasses import replace

from .attributes import link, read_only
from .schema import Attribute, Mutability, Returned, Schema, Type, Uniqueness


def _feature(name: str, description: str, *details: Attribute) -> Attribute:
    """Define an optional part of the protocol that a service provider has or has not."""
    return Attribute(
        name,
        Type.COMPLEX,
        description,
        required=True,
        sub_attributes=(
            Attribute("supported", Type.BOOLEAN, "Whether the service has it.", required=True),
            *details,
        ),
    )


def _count(name: str, description: str, *, required: bool = False) -> Attribute:
    return Attribute(name, Type.INTEGER, description, required=required)


_PAGINATION = Attribute(
    "pagination",
    Type.COMPLEX,
    "How lists are cut into pages.",
    sub_attributes=(
        Attribute("cursor", Type.BOOLEAN, "Whether pages go by cursor.", required=True),
        Attribute("index", Type.BOOLEAN, "Whether pages go by start index.", required=True),
        Attribute(
            "defaultPaginationMethod",
            description="What a client gets that does not choose.",
            canonical_values=("cursor", "index"),
        ),
        _count("defaultPageSize", "How many results a page has without a count."),
        _count("maxPageSize", "How many results a page has at most."),
        _count("cursorTimeout", "For how many seconds a cursor is good at least."),
    ),
)

_AUTHENTICATION_SCHEMES = Attribute(
    "authenticationSchemes",
    Type.COMPLEX,
    "The ways in which a client can authenticate.",
    multi_valued=True,
    required=True,
    sub_attributes=(
        Attribute(
            "type",
            description="The kind of the scheme.",
            required=True,
            canonical_values=("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"),
        ),
        Attribute("name", description="What the scheme is commonly called.", required=True),
        Attribute("description", description="The scheme in a sentence.", required=True),
        link("specUri", "Where the scheme is specified.", "external"),
        link("documentationUri", "Where its use is described.", "external"),
        Attribute("primary", Type.BOOLEAN, "Whether this is the preferred scheme."),
    ),
)

_SECURITY_EVENTS = Attribute(
    "securityEvents",
    Type.COMPLEX,
    "What security event tokens tell of.",
    sub_attributes=(
        Attribute(
            "asyncRequest",
            description="Whether requests are carried out later, and when.",
            required=True,
            canonical_values=("none", "long", "request"),
        ),
        Attribute(
            "eventUris",
            Type.REFERENCE,
            "The events that there are tokens for.",
            case_exact=True,
            multi_valued=True,
            reference_types=("uri",),
        ),
    ),
)

#: What a service provider can do (:rfc:`7643#section-5`, :rfc:`9865#section-4`, :rfc:`9967`).
SERVICE_PROVIDER_CONFIG = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    "Service Provider Configuration",
    "What the service provider can do.",
    read_only(
        link("documentationUri", "Where the service is described for people.", "external"),
        _feature("patch", "Changing parts of a resource."),
        _feature(
            "bulk",
            "Many operations in one request.",
            _count("maxOperations", "How many operations a request holds.", required=True),
            _count("maxPayloadSize", "How many bytes a request holds.", required=True),
        ),
        _feature(
            "filter",
            "Searching by a filter.",
            _count("maxResults", "How many resources an answer holds.", required=True),
        ),
        _feature("changePassword", "Setting the password of a user."),
        _feature("sort", "Sorting lists."),
        _feature("etag", "Versions of resources."),
        _AUTHENTICATION_SCHEMES,
        _PAGINATION,
        _SECURITY_EVENTS,
        Attribute(
            "interopProfileConformant",
            Type.BOOLEAN,
            "Whether the service follows the SCIM interoperability profile.",
        ),
    ),
)

#: A kind of resource and where it is found (:rfc:`7643#section-6`).
RESOURCE_TYPE = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    "ResourceType",
    "A kind of resource and where it is found.",
    read_only(
        Attribute(
            "name",
            description="The name of the resource type.",
            required=True,
            case_exact=True,
            uniqueness=Uniqueness.SERVER,
        ),
        Attribute("description", description="The resource type in a sentence."),
        replace(
            link("endpoint", "Where its resources are, below the root.", "uri", required=True),
            uniqueness=Uniqueness.SERVER,
        ),
        link("schema", "The URN of its core schema.", "uri", required=True),
        Attribute(
            "schemaExtensions",
            Type.COMPLEX,
            "The schemas that extend it.",
            multi_valued=True,
            sub_attributes=(
                link("schema", "The URN of the extension.", "uri", required=True),
                Attribute(
                    "required",
                    Type.BOOLEAN,
                    "Whether every resource has the extension.",
                    required=True,
                ),
            ),
        ),
    ),
)


def _choice(name: str, description: str, choices: tuple[str, ...]) -> Attribute:
    return Attribute(name, description=description, case_exact=True, canonical_values=choices)


_CHARACTERISTICS = (
    Attribute("name", description="The attribute's name.", required=True, case_exact=True),
    Attribute(
        "type",
        description="The type of its values.",
        required=True,
        canonical_values=tuple(Type),
    ),
    Attribute("multiValued", Type.BOOLEAN, "Whether it has many values.", required=True),
    Attribute("description", description="The attribute in a sentence.", case_exact=True),
    Attribute("required", Type.BOOLEAN, "Whether every resource has it."),
    Attribute(
        "canonicalValues",
        description="Values that are suggested.",
        multi_valued=True,
        case_exact=True,
    ),
    Attribute("caseExact", Type.BOOLEAN, "Whether its values differ by letter case."),
    _choice("mutability", "When its value may change.", tuple(Mutability)),
    _choice("returned", "When it is part of an answer.", tuple(Returned)),
    _choice("uniqueness", "How far its value is unique.", tuple(Uniqueness)),
    Attribute(
        "referenceTypes",
        description="What a reference may point at.",
        multi_valued=True,
        case_exact=True,
    ),
)

#: A named set of attributes (:rfc:`7643#section-7`).
SCHEMA = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:Schema",
    "Schema",
    "A named set of attributes.",
    read_only(
        Attribute("name", description="The name of the schema.", required=True),
        Attribute("description", description="The schema in a sentence."),
        Attribute(
            "attributes",
            Type.COMPLEX,
            "The attributes with their characteristics.",
            multi_valued=True,
            required=True,
            sub_attributes=(
                *_CHARACTERISTICS,
                # The RFC describes complex attributes to one level; they nest no deeper.
                Attribute(
                    "subAttributes",
                    Type.COMPLEX,
                    "The parts of a complex attribute.",
                    multi_valued=True,
                    sub_attributes=_CHARACTERISTICS,
                ),
            ),
        ),
    ),
)

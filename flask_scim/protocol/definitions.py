"""The schemas of :rfc:`7643` as data, with every characteristic that it gives them.

Where the prose of the RFC and its JSON (:rfc:`7643#section-8.7`) contradict each other, the
prose and the verified errata win.
"""

from __future__ import annotations

from dataclasses import replace

from .schema import (
    Attribute,
    Extension,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Type,
    Uniqueness,
)


def _plural(
    name: str,
    description: str,
    *parts: Attribute,
    value: Attribute | None = None,
    types: tuple[str, ...] = (),
) -> Attribute:
    """Define a multi-valued attribute with the usual sub-attributes (:rfc:`7643#section-2.4`).

    :param parts: sub-attributes that stand in the place of ``value`` and ``display``.
    :param value: what ``value`` is where it is no plain string.
    :param types: the canonical values of ``type``.
    """
    value = value or Attribute("value", description="The value itself.")
    return Attribute(
        name,
        Type.COMPLEX,
        description,
        multi_valued=True,
        sub_attributes=(
            *(parts or (value, Attribute("display", description="The value in words to show."))),
            Attribute("type", description="What the entry is used for.", canonical_values=types),
            Attribute("primary", Type.BOOLEAN, "Whether this is the preferred entry."),
        ),
    )


def _link(
    name: str,
    description: str,
    *kinds: str,
    required: bool = False,
    mutability: Mutability = Mutability.READ_WRITE,
) -> Attribute:
    """Define a reference, whose letter case always counts (:rfc:`7643#section-2.3.7`)."""
    return Attribute(
        name,
        Type.REFERENCE,
        description,
        required=required,
        case_exact=True,
        mutability=mutability,
        reference_types=kinds,
    )


def _read_only(*attributes: Attribute) -> tuple[Attribute, ...]:
    """Let clients write neither the attributes nor any part of them."""
    return tuple(
        replace(
            attribute,
            mutability=Mutability.READ_ONLY,
            sub_attributes=_read_only(*attribute.sub_attributes),
        )
        for attribute in attributes
    )


#: A person with an account (:rfc:`7643#section-4.1`).
USER = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "User",
    "A person with an account.",
    (
        Attribute(
            "userName",
            description="The name that the user signs in with.",
            required=True,
            uniqueness=Uniqueness.SERVER,
        ),
        Attribute(
            "name",
            Type.COMPLEX,
            "The parts of the user's name.",
            sub_attributes=(
                Attribute("formatted", description="The full name, ready to be shown."),
                Attribute("familyName", description="The family name, or last name."),
                Attribute("givenName", description="The given name, or first name."),
                Attribute("middleName", description="The middle names."),
                Attribute("honorificPrefix", description="The title before the name: Dr."),
                Attribute("honorificSuffix", description="The suffix after the name: III."),
            ),
        ),
        Attribute("displayName", description="The name to show to others."),
        Attribute("nickName", description="What the user is called casually."),
        _link("profileUrl", "The address of the user's profile page.", "external"),
        Attribute("title", description="The user's job title."),
        Attribute("userType", description="How the user relates to the organisation."),
        Attribute(
            "preferredLanguage",
            description="The languages that the user prefers, as in an Accept-Language header.",
        ),
        Attribute("locale", description="The locale by which dates and numbers are shown: en-GB."),
        Attribute("timezone", description="The user's time zone by its IANA name: Europe/Oslo."),
        Attribute("active", Type.BOOLEAN, "Whether the user may sign in."),
        Attribute(
            "password",
            description="A new password, in clear text.",
            mutability=Mutability.WRITE_ONLY,
            returned=Returned.NEVER,
        ),
        _plural("emails", "The user's e-mail addresses.", types=("work", "home", "other")),
        _plural(
            "phoneNumbers",
            "The user's telephone numbers.",
            types=("work", "home", "mobile", "fax", "pager", "other"),
        ),
        _plural(
            "ims",
            "The user's instant messaging addresses.",
            types=("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        _plural(
            "photos",
            "The addresses of pictures of the user.",
            value=_link("value", "The address of the picture.", "external"),
            types=("photo", "thumbnail"),
        ),
        _plural(
            "addresses",
            "The user's postal addresses.",
            Attribute("formatted", description="The whole address as on an envelope."),
            Attribute("streetAddress", description="Street, number and whatever is below them."),
            Attribute("locality", description="The city or town."),
            Attribute("region", description="The state or province."),
            Attribute("postalCode", description="The postal code."),
            Attribute("country", description="The country by its ISO 3166-1 code: NO."),
            types=("work", "home", "other"),
        ),
        *_read_only(
            Attribute(
                "groups",
                Type.COMPLEX,
                "The groups that the user is in; change them on the groups.",
                multi_valued=True,
                sub_attributes=(
                    Attribute("value", description="The id of the group.", case_exact=True),
                    # Erratum 8471 takes the User out of the RFC's list: only a group has members.
                    _link("$ref", "The URI of the group.", "Group"),
                    Attribute("display", description="The name of the group."),
                    Attribute(
                        "type",
                        description="Whether the user is a member itself or by another group.",
                        canonical_values=("direct", "indirect"),
                    ),
                ),
            )
        ),
        _plural("entitlements", "The things that the user is entitled to."),
        _plural("roles", "The roles that the user has."),
        _plural(
            "x509Certificates",
            "The certificates issued to the user.",
            value=Attribute(
                "value", Type.BINARY, "The certificate in DER, as Base64.", case_exact=True
            ),
        ),
    ),
)

#: What an employer knows of a user (:rfc:`7643#section-4.3`).
ENTERPRISE_USER = Schema(
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "EnterpriseUser",
    "What an employer knows of a user.",
    (
        Attribute("employeeNumber", description="The number that the employer gave the user."),
        Attribute("costCenter", description="The cost centre that the user is booked on."),
        Attribute("organization", description="The organisation that the user belongs to."),
        Attribute("division", description="The division that the user belongs to."),
        Attribute("department", description="The department that the user belongs to."),
        Attribute(
            "manager",
            Type.COMPLEX,
            "The user whom this user reports to.",
            # Neither part is required: identity providers send the id alone.
            sub_attributes=(
                Attribute("value", description="The id of the manager."),
                _link("$ref", "The URI of the manager.", "User"),
                Attribute(
                    "displayName",
                    description="The manager's name to show to others.",
                    mutability=Mutability.READ_ONLY,
                ),
            ),
        ),
    ),
)

#: A set of users and of other groups (:rfc:`7643#section-4.2`).
GROUP = Schema(
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "Group",
    "A set of users and of other groups.",
    (
        Attribute(
            "displayName",
            description="The name of the group.",
            required=True,
            # The RFC leaves this open; no identity provider can tell two groups of one name apart.
            uniqueness=Uniqueness.SERVER,
        ),
        Attribute(
            "members",
            Type.COMPLEX,
            "The members of the group.",
            multi_valued=True,
            sub_attributes=(
                Attribute(
                    "value",
                    description="The id of the member.",
                    case_exact=True,  # as the id that it repeats
                    mutability=Mutability.IMMUTABLE,
                ),
                _link(
                    "$ref",
                    "The URI of the member.",
                    "User",
                    "Group",
                    mutability=Mutability.IMMUTABLE,
                ),
                Attribute(
                    "type",
                    description="Which type of resource the member is.",
                    mutability=Mutability.IMMUTABLE,
                    canonical_values=("User", "Group"),
                ),
                Attribute(
                    "display",
                    description="The name of the member.",
                    mutability=Mutability.READ_ONLY,
                ),
            ),
        ),
    ),
)


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
        _link("specUri", "Where the scheme is specified.", "external"),
        _link("documentationUri", "Where its use is described.", "external"),
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
    _read_only(
        _link("documentationUri", "Where the service is described for people.", "external"),
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
    _read_only(
        Attribute(
            "name",
            description="The name of the resource type.",
            required=True,
            case_exact=True,
            uniqueness=Uniqueness.SERVER,
        ),
        Attribute("description", description="The resource type in a sentence."),
        replace(
            _link("endpoint", "Where its resources are, below the root.", "uri", required=True),
            uniqueness=Uniqueness.SERVER,
        ),
        _link("schema", "The URN of its core schema.", "uri", required=True),
        Attribute(
            "schemaExtensions",
            Type.COMPLEX,
            "The schemas that extend it.",
            multi_valued=True,
            sub_attributes=(
                _link("schema", "The URN of the extension.", "uri", required=True),
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
    _read_only(
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

#: Users, with what their employer knows of them.
USER_TYPE = ResourceType(
    "User", "/Users", USER, (Extension(ENTERPRISE_USER),), "The people with an account."
)

#: Groups.
GROUP_TYPE = ResourceType("Group", "/Groups", GROUP, description="The sets of users.")

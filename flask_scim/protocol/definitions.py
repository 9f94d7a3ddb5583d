"""Users and groups of :rfc:`7643` as data, with every characteristic that it gives them.

Where the prose of the RFC and its JSON (:rfc:`7643#section-8.7`) contradict each other, the
prose and the verified errata win.
"""

from __future__ import annotations

from .attributes import link, plural, read_only
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
        link("profileUrl", "The address of the user's profile page.", "external"),
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
        plural("emails", "The user's e-mail addresses.", types=("work", "home", "other")),
        plural(
            "phoneNumbers",
            "The user's telephone numbers.",
            types=("work", "home", "mobile", "fax", "pager", "other"),
        ),
        plural(
            "ims",
            "The user's instant messaging addresses.",
            types=("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        plural(
            "photos",
            "The addresses of pictures of the user.",
            value=link("value", "The address of the picture.", "external"),
            types=("photo", "thumbnail"),
        ),
        plural(
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
        *read_only(
            Attribute(
                "groups",
                Type.COMPLEX,
                "The groups that the user is in; change them on the groups.",
                multi_valued=True,
                sub_attributes=(
                    Attribute("value", description="The id of the group.", case_exact=True),
                    # Erratum 8471 takes the User out of the RFC's list: only a group has members.
                    link("$ref", "The URI of the group.", "Group"),
                    Attribute("display", description="The name of the group."),
                    Attribute(
                        "type",
                        description="Whether the user is a member itself or by another group.",
                        canonical_values=("direct", "indirect"),
                    ),
                ),
            )
        ),
        plural("entitlements", "The things that the user is entitled to."),
        plural("roles", "The roles that the user has."),
        plural(
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
                link("$ref", "The URI of the manager.", "User"),
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
                link(
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

#: Users, with what their employer knows of them.
USER_TYPE = ResourceType(
    "User", "/Users", USER, (Extension(ENTERPRISE_USER),), "The people with an account."
)

#: Groups.
GROUP_TYPE = ResourceType("Group", "/Groups", GROUP, description="The sets of users.")

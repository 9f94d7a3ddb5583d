"""What RFC 7643 says of its attributes, checked where it is easy to get wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_scim.protocol.definitions import (
    ENTERPRISE_USER,
    GROUP,
    GROUP_TYPE,
    USER,
    USER_TYPE,
)
from flask_scim.protocol.descriptions import RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG
from flask_scim.protocol.schema import (
    COMMON_ATTRIBUTES,
    Attribute,
    Mutability,
    Returned,
    Schema,
    Type,
    Uniqueness,
)

RESOURCES = (USER, ENTERPRISE_USER, GROUP)
DISCOVERY = (SERVICE_PROVIDER_CONFIG, RESOURCE_TYPE, SCHEMA)


def every_attribute(
    attributes: tuple[Attribute, ...], above: str = ""
) -> Iterator[tuple[str, Attribute]]:
    """Walk through attributes and their sub-attributes, each with its path."""
    for attribute in attributes:
        yield above + attribute.name, attribute
        yield from every_attribute(attribute.sub_attributes, f"{above}{attribute.name}.")


def find(schema: Schema, path: str) -> Attribute:
    """Find an attribute by its path."""
    return dict(every_attribute(schema.attributes))[path]


def paths_where(schema: Schema, **characteristics: object) -> set[str]:
    """Collect the paths of the attributes that have all of the characteristics."""
    return {
        path
        for path, attribute in every_attribute(schema.attributes)
        if all(getattr(attribute, key) == value for key, value in characteristics.items())
    }


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        (
            USER,
            "userName name displayName nickName profileUrl title userType preferredLanguage locale"
            " timezone active password emails phoneNumbers ims photos addresses groups"
            " entitlements roles x509Certificates",
        ),
        (
            ENTERPRISE_USER,
            "employeeNumber costCenter organization division department manager",
        ),
        (GROUP, "displayName members"),
        (
            SERVICE_PROVIDER_CONFIG,
            "documentationUri patch bulk filter changePassword sort etag authenticationSchemes"
            " pagination securityEvents interopProfileConformant",
        ),
        (RESOURCE_TYPE, "name description endpoint schema schemaExtensions"),
        (SCHEMA, "name description attributes"),
    ],
)
def test_a_schema_has_the_attributes_of_the_rfc(schema: Schema, names: str) -> None:
    """Each schema lists its attributes in the order of the RFC."""
    assert names.split() == [attribute.name for attribute in schema.attributes]


@pytest.mark.parametrize(
    ("schema", "path", "names"),
    [
        (
            USER,
            "name",
            "formatted familyName givenName middleName honorificPrefix honorificSuffix",
        ),
        (USER, "emails", "value display type primary"),
        (USER, "phoneNumbers", "value display type primary"),
        (USER, "ims", "value display type primary"),
        (USER, "photos", "value display type primary"),
        (
            USER,
            "addresses",
            "formatted streetAddress locality region postalCode country type primary",
        ),
        (USER, "groups", "value $ref display type"),
        (USER, "entitlements", "value display type primary"),
        (USER, "roles", "value display type primary"),
        (USER, "x509Certificates", "value display type primary"),
        (ENTERPRISE_USER, "manager", "value $ref displayName"),
        (GROUP, "members", "value $ref type display"),
        (
            SERVICE_PROVIDER_CONFIG,
            "pagination",
            "cursor index defaultPaginationMethod defaultPageSize maxPageSize cursorTimeout",
        ),
        (SERVICE_PROVIDER_CONFIG, "bulk", "supported maxOperations maxPayloadSize"),
    ],
)
def test_a_complex_attribute_has_the_parts_of_the_rfc(
    schema: Schema, path: str, names: str
) -> None:
    """Each complex attribute lists its sub-attributes."""
    assert names.split() == [sub.name for sub in find(schema, path).sub_attributes]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        (USER, {"userName"}),
        (ENTERPRISE_USER, set()),
        (GROUP, {"displayName"}),
        (
            RESOURCE_TYPE,
            {
                "name",
                "endpoint",
                "schema",
                "schemaExtensions.schema",
                "schemaExtensions.required",
            },
        ),
    ],
)
def test_required_attributes(schema: Schema, paths: set[str]) -> None:
    """What is required is what the prose of the RFC requires, and nothing else."""
    assert paths == paths_where(schema, required=True)


def test_user_name_is_unique_in_any_letter_case() -> None:
    """The userName is unique on the server and not case exact."""
    attribute = find(USER, "userName")
    assert attribute.uniqueness is Uniqueness.SERVER
    assert not attribute.case_exact


def test_a_password_is_written_and_never_read() -> None:
    """The password alone is write-only and never returned."""
    assert {"password"} == paths_where(USER, mutability=Mutability.WRITE_ONLY)
    assert {"password"} == paths_where(USER, returned=Returned.NEVER)


@pytest.mark.parametrize(
    ("schema", "mutability", "paths"),
    [
        (
            USER,
            Mutability.READ_ONLY,
            {"groups", "groups.value", "groups.$ref", "groups.display", "groups.type"},
        ),
        (ENTERPRISE_USER, Mutability.READ_ONLY, {"manager.displayName"}),
        (GROUP, Mutability.READ_ONLY, {"members.display"}),
        (GROUP, Mutability.IMMUTABLE, {"members.value", "members.$ref", "members.type"}),
    ],
)
def test_attributes_that_cannot_be_changed(
    schema: Schema, mutability: Mutability, paths: set[str]
) -> None:
    """What a client cannot change is what the RFC says, and nothing else."""
    assert paths == paths_where(schema, mutability=mutability)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("emails.type", "work home other"),
        ("phoneNumbers.type", "work home mobile fax pager other"),
        ("ims.type", "aim gtalk icq xmpp msn skype qq yahoo"),
        ("photos.type", "photo thumbnail"),
        ("addresses.type", "work home other"),
        ("groups.type", "direct indirect"),
        ("roles.type", ""),
    ],
)
def test_canonical_values(path: str, values: str) -> None:
    """The types of a user's plural attributes have the RFC's canonical values."""
    assert tuple(values.split()) == find(USER, path).canonical_values


@pytest.mark.parametrize(
    ("schema", "path", "kinds"),
    [
        (USER, "profileUrl", ("external",)),
        (USER, "photos.value", ("external",)),
        (USER, "groups.$ref", ("Group",)),
        (ENTERPRISE_USER, "manager.$ref", ("User",)),
        (GROUP, "members.$ref", ("User", "Group")),
        (RESOURCE_TYPE, "endpoint", ("uri",)),
    ],
)
def test_reference_types(schema: Schema, path: str, kinds: tuple[str, ...]) -> None:
    """Each reference says what it may point at."""
    assert kinds == find(schema, path).reference_types


@pytest.mark.parametrize("schema", RESOURCES + DISCOVERY, ids=lambda schema: schema.name)
def test_every_definition_is_whole(schema: Schema) -> None:
    """Names are unique, all is described, and characteristics do not contradict each other."""
    common = {attribute.name.lower() for attribute in COMMON_ATTRIBUTES}
    assert not common & {attribute.name.lower() for attribute in schema.attributes}
    paths = [path.lower() for path, _ in every_attribute(schema.attributes)]
    assert len(paths) == len(set(paths))
    for path, attribute in every_attribute(schema.attributes):
        assert attribute.description.endswith("."), path
        assert (attribute.type is Type.COMPLEX) == bool(attribute.sub_attributes), path
        assert (attribute.type is Type.REFERENCE) == bool(attribute.reference_types), path
        if attribute.type in (Type.REFERENCE, Type.BINARY):
            assert attribute.case_exact, path


@pytest.mark.parametrize("schema", DISCOVERY, ids=lambda schema: schema.name)
def test_discovery_is_read_only(schema: Schema) -> None:
    """No client can write any part of what discovery returns."""
    assert {path for path, _ in every_attribute(schema.attributes)} == paths_where(
        schema, mutability=Mutability.READ_ONLY
    )


def test_resource_types() -> None:
    """Users and groups have their endpoints, and users the extension that they may go without."""
    for resource_type, endpoint, schema in (
        (USER_TYPE, "/Users", USER),
        (GROUP_TYPE, "/Groups", GROUP),
    ):
        assert endpoint == resource_type.endpoint
        assert schema is resource_type.schema
    (extension,) = USER_TYPE.extensions
    assert extension.schema is ENTERPRISE_USER
    assert not extension.required
    assert not GROUP_TYPE.extensions

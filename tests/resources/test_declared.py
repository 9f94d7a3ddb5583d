"""What a host may define itself, and what it is told where that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_scim import (
    SCIM,
    Attribute,
    ConfigurationError,
    Extension,
    Mutability,
    Refs,
    ResourceType,
    Returned,
    Schema,
    Type,
    Uniqueness,
    read_only,
)
from flask_scim.mapping.resource_types import check_resource_type
from flask_scim.protocol.definitions import ENTERPRISE_USER, GROUP_TYPE, USER, USER_TYPE
from flask_scim.protocol.messages import PATCH_OP
from tests.client import ScimClient
from tests.resources.fleet import references

URN = "urn:example:params:scim:schemas:acme:2.0:Thing"
MORE = "urn:example:params:scim:schemas:extension:acme:2.0:Thing"


def schema(*attributes: Attribute, id: str = URN) -> Schema:
    """A schema with some attributes."""
    return Schema(id, "Thing", "A thing.", attributes or (Attribute("code"),))


CORE = schema()
THING = ResourceType("Thing", "/Things", CORE)


def thing(*attributes: Attribute, **parts: Any) -> ResourceType:
    """A resource type with some attributes, or with other parts."""
    return replace(THING, schema=schema(*attributes), **parts)


def extended(*schemas: Schema) -> ResourceType:
    """A resource type with some extensions."""
    return THING.extended(map(Extension, schemas))


@pytest.mark.parametrize(
    "resource_type",
    [
        THING,
        replace(THING, name="t", endpoint="/2-things"),
        replace(THING, name="T" * 32, endpoint="/" + "t" * 64),
        thing(Attribute("a-b_c$d9"), Attribute("value"), Attribute("type")),
        thing(references("parts", "Thing")),
        thing(Attribute("active", Type.BOOLEAN)),
        thing(Attribute("secret", mutability=Mutability.WRITE_ONLY, returned=Returned.NEVER)),
        thing(Attribute("code", required=True, mutability=Mutability.READ_ONLY)),
        thing(Attribute("code", Type.INTEGER, uniqueness=Uniqueness.GLOBAL)),
        extended(schema(Attribute("code"), id=MORE)),
        extended(ENTERPRISE_USER),
        replace(THING, schema=USER, name="Person"),
        replace(USER_TYPE, extensions=()),
        replace(THING, schema=schema(id="urn:ietf:params:scim:schemas:core:2.0:Device")),
    ],
)
def test_accepted(resource_type: ResourceType) -> None:
    """What RFC 7643 allows is accepted."""
    check_resource_type(resource_type, [GROUP_TYPE])


MISTAKES: dict[str, tuple[ResourceType, list[str]]] = {
    "no name": (replace(THING, name=""), ["name ''", "letters and digits"]),
    "name with a dash": (replace(THING, name="Smart-Thing"), ["name 'Smart-Thing'", "SmartDevice"]),
    "name with an underscore": (replace(THING, name="Own_Group"), ["letters and digits"]),
    "name with a digit first": (replace(THING, name="2Things"), ["begin with a letter"]),
    "name in another script": (replace(THING, name="Gerät"), ["letters and digits"]),
    "long name": (replace(THING, name="T" * 33), ["up to 32"]),
    "name of SCIM": (replace(THING, name="Schema"), ["SCIM itself", "choose another"]),
    "name of a table of ours": (
        replace(THING, name="Connection"),
        ["there is a table scim_connection already", "choose another"],
    ),
    "name of another type": (replace(THING, name="GROUP"), ["GROUP is declared already"]),
    "name of users": (replace(THING, name="user"), ["it is that of urn:ietf", "choose another"]),
    "no slash": (replace(THING, endpoint="Things"), ["endpoint 'Things'", "a slash"]),
    "two segments": (replace(THING, endpoint="/a/Things"), ["endpoint '/a/Things'"]),
    "dot in the endpoint": (replace(THING, endpoint="/.search"), ["endpoint '/.search'"]),
    "underscore in the endpoint": (replace(THING, endpoint="/a_b"), ["endpoint '/a_b'"]),
    "variable in the endpoint": (replace(THING, endpoint="/<id>"), ["endpoint '/<id>'"]),
    "endpoint of SCIM": (replace(THING, endpoint="/bulk"), ["endpoint '/bulk'", "SCIM itself"]),
    "me": (replace(THING, endpoint="/Me"), ["SCIM itself"]),
    "discovery": (replace(THING, endpoint="/ServiceProviderConfig"), ["SCIM itself"]),
    "endpoint of another type": (
        replace(THING, endpoint="/GROUPS"),
        ["endpoint '/GROUPS'", "that of Group"],
    ),
    "no URN": (replace(THING, schema=schema(id="Thing")), ["schema 'Thing'", "URN of your own"]),
    "URN with a blank": (replace(THING, schema=schema(id="urn:a b:c")), ["schema 'urn:a b:c'"]),
    "URN that ends in a colon": (replace(THING, schema=schema(id="urn:ab:c:")), ["'urn:ab:c:'"]),
    "URN of the RFC": (
        replace(THING, schema=schema(id=USER.id.upper())),
        ["the RFC's", "one of your own"],
    ),
    "URN of a message": (replace(THING, schema=schema(id=PATCH_OP)), ["the RFC's"]),
    "extension with the URN of the core": (extended(schema(id=URN.upper())), ["it is there twice"]),
    "extension twice": (extended(*[schema(id=MORE)] * 2), ["it is there twice", "keep one"]),
    "extension with a URN of the RFC": (extended(schema(id=ENTERPRISE_USER.id)), ["the RFC's"]),
    "attribute with a digit first": (thing(Attribute("2nd")), ["2nd", "begin the name"]),
    "attribute with a dot": (thing(Attribute("a.b")), ["a.b", "begin the name"]),
    "attribute without a name": (thing(Attribute("")), ["begin the name"]),
    "$ref by itself": (thing(Attribute("$ref")), ["$ref", "begin the name"]),
    "attribute twice": (thing(Attribute("a"), Attribute("A")), ["A is there twice", "keep one"]),
    "common attribute": (thing(Attribute("externalid")), ["externalid", "SCIM itself"]),
    "id in an extension": (
        extended(schema(Attribute("id"), id=MORE)),
        [f"{MORE}:id", "choose another name"],
    ),
    "attribute twice in an extension": (
        extended(schema(Attribute("a"), Attribute("a"), id=MORE)),
        [f"{MORE}:a is there twice"],
    ),
    "complex without parts": (
        thing(Attribute("a", Type.COMPLEX)),
        ["a is complex", "give it sub_attributes"],
    ),
    "simple with parts": (
        thing(Attribute("a", sub_attributes=(Attribute("b"),))),
        ["a has sub-attributes", "Type.COMPLEX"],
    ),
    "complex in complex": (
        thing(
            Attribute(
                "a",
                Type.COMPLEX,
                sub_attributes=(Attribute("b", Type.COMPLEX, sub_attributes=(Attribute("c"),)),),
            )
        ),
        ["a.b", "cannot be complex"],
    ),
    "several values in a part": (
        thing(Attribute("a", Type.COMPLEX, sub_attributes=(Attribute("b", multi_valued=True),))),
        ["a.b", "one value here", "make it an attribute"],
    ),
    "word of filters": (thing(Attribute("not")), ["not", "choose another name"]),
    "name of a message": (replace(THING, name="PatchOp"), ["SCIM itself uses it"]),
    "part twice": (
        thing(Attribute("a", Type.COMPLEX, sub_attributes=(Attribute("b"), Attribute("B")))),
        ["a.B is there twice"],
    ),
    "part with a wrong name": (
        thing(Attribute("a", Type.COMPLEX, sub_attributes=(Attribute("$b"),))),
        ["a.$b", "begin the name"],
    ),
    "nobody sees it": (
        thing(Attribute("a", mutability=Mutability.READ_ONLY, returned=Returned.NEVER)),
        ["neither be written nor be read", "leave it out"],
    ),
    "write-only and shown": (
        thing(Attribute("a", mutability=Mutability.WRITE_ONLY)),
        ["a is write-only", "Returned.NEVER"],
    ),
    "unique entries": (
        thing(Attribute("a", multi_valued=True, uniqueness=Uniqueness.SERVER)),
        ["a cannot be unique"],
    ),
    "unique boolean": (
        thing(Attribute("a", Type.BOOLEAN, uniqueness=Uniqueness.SERVER)),
        ["a cannot be unique"],
    ),
    "unique secret": (
        thing(Attribute("a", returned=Returned.NEVER, uniqueness=Uniqueness.SERVER)),
        ["a cannot be unique"],
    ),
    "unique part": (
        thing(
            Attribute(
                "a",
                Type.COMPLEX,
                sub_attributes=(Attribute("b", uniqueness=Uniqueness.SERVER),),
            )
        ),
        ["a.b cannot be unique"],
    ),
    "two unique ones": (
        thing(*(Attribute(name, uniqueness=Uniqueness.SERVER) for name in "ab")),
        ["a, b", "only one attribute", "Uniqueness.NONE"],
    ),
    "unique beside userName": (
        USER_TYPE.extended(
            [Extension(schema(Attribute("a", uniqueness=Uniqueness.SERVER), id=MORE))]
        ),
        [f"userName, {MORE}:a", "only one attribute"],
    ),
    "active as text": (thing(Attribute("active")), ["active", "one boolean"]),
    "several active": (
        thing(Attribute("active", Type.BOOLEAN, multi_valued=True)),
        ["active", "one boolean"],
    ),
    "active in capitals": (thing(Attribute("Active", Type.BOOLEAN)), ["Active", "like that"]),
}


@pytest.mark.parametrize(("resource_type", "words"), MISTAKES.values(), ids=list(MISTAKES))
def test_mistakes(resource_type: ResourceType, words: list[str]) -> None:
    """A mistake is named together with its repair, and no other is."""
    with pytest.raises(ConfigurationError) as caught:
        check_resource_type(resource_type, [GROUP_TYPE], ["connection", "token"])
    message = str(caught.value)
    assert message.startswith(f"{resource_type.name} cannot be declared:\n  - ")
    assert message.count("\n  - ") == 1
    assert [word for word in words if word not in message] == []


def test_a_schema_of_another_type() -> None:
    """Two types share a schema only if it is the same one."""
    other = replace(THING, name="Other", endpoint="/Others")
    check_resource_type(other, [THING])
    with pytest.raises(ConfigurationError, match="another schema has the URN"):
        check_resource_type(replace(other, schema=schema()), [THING])


def test_all_mistakes_at_once() -> None:
    """All that is wrong with a resource type is told together, a line for each."""
    wrong = ResourceType(
        "Bad Name",
        "Things",
        schema(Attribute("id"), Attribute("a", Type.COMPLEX), id="thing"),
        (Extension(schema(Attribute("?"), id="more")),),
    )
    with pytest.raises(ConfigurationError) as caught:
        check_resource_type(wrong, [])
    assert str(caught.value).count("\n  - ") == 7


# With models


class Models:
    """Models of an app that has things."""

    def __init__(self) -> None:
        self.db = db = SQLAlchemy()
        self.scim = SCIM(db)

        class Thing(db.Model):  # type: ignore[name-defined,misc]
            """A thing."""

            id: Mapped[int] = mapped_column(primary_key=True)
            code: Mapped[str | None] = mapped_column(sa.String(100))
            notes: Mapped[Any] = mapped_column(sa.JSON(none_as_null=True), nullable=True)
            parts: Mapped[list[Thing]] = relationship(
                secondary=lambda: with_parts,
                primaryjoin=lambda: Thing.id == with_parts.c.whole_id,
                secondaryjoin=lambda: Thing.id == with_parts.c.part_id,
            )

        with_parts = sa.Table(
            "thing_part",
            db.metadata,
            sa.Column("whole_id", sa.ForeignKey(Thing.id), primary_key=True),
            sa.Column("part_id", sa.ForeignKey(Thing.id), primary_key=True),
        )
        self.Thing = Thing

    def serve(self, **config: Any) -> Flask:
        """Make an app."""
        app = Flask("things")
        app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite://", **config)
        self.db.init_app(app)
        self.scim.init_app(app)
        return app

    @contextmanager
    def connected(self) -> Iterator[ScimClient]:
        """Make an app with a connection, and a client of it."""
        app = self.serve()
        with app.app_context():
            self.db.create_all()
            self.scim.connections.add("acme")
            token, _ = self.scim.tokens.issue("acme")
            yield ScimClient(app.test_client(), "/scim/v2/acme", token)
            self.db.session.remove()
            self.db.engine.dispose()


PARTS = references("parts", "Thing")
Declare = Callable[[Models], Any]

MISFITS: dict[str, tuple[Declare, list[str]]] = {
    "twice": (
        lambda m: [m.scim.resource(THING, m.Thing, {"code": "code"}) for _ in range(2)],
        ["Thing is declared already"],
    ),
    "another type with the table of records": (
        lambda m: [sa.Table("scim_thing", m.db.metadata), m.scim.resource(THING, m.Thing, {})],
        ["there is a table scim_thing already"],
    ),
    "token": (
        lambda m: m.scim.resource(replace(THING, name="Token"), m.Thing, {}),
        ["there is a table scim_token already"],
    ),
    "no mapping": (
        lambda m: m.scim.resource(THING, m.Thing),
        ["Thing has no mapping", "SCIM_THING_MAPPING"],
    ),
    "no model": (lambda m: m.scim.resource(THING, dict, {}), ["no SQLAlchemy model"]),
    "required and not mapped": (
        lambda m: m.scim.resource(thing(Attribute("a", required=True)), m.Thing, {}),
        ["a is required and not mapped", "add 'a'"],
    ),
    "unique and not mapped": (
        lambda m: m.scim.resource(thing(Attribute("a", uniqueness=Uniqueness.SERVER)), m.Thing, {}),
        ["a is unique and not mapped", "add 'a'"],
    ),
    "references to nobody": (
        lambda m: m.scim.resource(thing(PARTS), m.Thing, {"parts": Refs("parts", "Robot")}),
        ["no resource type 'Robot'", "name one of Thing"],
    ),
    "references with more parts": (
        lambda m: m.scim.resource(
            thing(replace(PARTS, sub_attributes=(*PARTS.sub_attributes, Attribute("role")))),
            m.Thing,
            {"parts": Refs("parts", "Thing")},
        ),
        ["'parts'", "a reference has no role", "take that out"],
    ),
    "required references": (
        lambda m: m.scim.resource(
            thing(replace(PARTS, required=True)), m.Thing, {"parts": Refs("parts", "Thing")}
        ),
        ["'parts'", "come and go", "not required"],
    ),
    "immutable references": (
        lambda m: m.scim.resource(
            thing(replace(PARTS, mutability=Mutability.IMMUTABLE)),
            m.Thing,
            {"parts": Refs("parts", "Thing")},
        ),
        ["'parts'", "make the attribute readWrite"],
    ),
    "references in an extension": (
        lambda m: m.scim.resource(
            extended(schema(PARTS, id=MORE)), m.Thing, {MORE: {"parts": Refs("parts", "Thing")}}
        ),
        ["only the core schema can have references"],
    ),
}


@pytest.mark.parametrize(("declare", "words"), MISFITS.values(), ids=list(MISFITS))
def test_misfits(declare: Declare, words: list[str]) -> None:
    """What does not fit stops the app at its start, and the message says why."""

    def start() -> None:
        models = Models()
        declare(models)
        models.serve()

    with pytest.raises(ConfigurationError) as caught:
        start()
    message = str(caught.value)
    assert [word for word in words if word not in message] == []


def test_mapping_in_the_settings() -> None:
    """``SCIM_THING_MAPPING`` has the last word, as with users."""
    models = Models()
    models.scim.resource(THING, models.Thing, {"code": "id"})
    app = models.serve(SCIM_THING_MAPPING={"code": "code"})
    printed = app.test_cli_runner().invoke(args=["scim", "check"]).output
    assert "code: code\n" in printed


def test_a_part_of_what_is_read_only() -> None:
    """What only the server writes is read only in all its parts."""
    models = Models()
    server = Attribute(
        "server",
        Type.COMPLEX,
        mutability=Mutability.READ_ONLY,
        sub_attributes=(Attribute("code"),),
    )
    models.scim.resource(thing(server), models.Thing, {"server.code": "code"})
    printed = models.serve().test_cli_runner().invoke(args=["scim", "check"]).output
    assert "server.code: code, read only\n" in printed


def test_required_in_parts() -> None:
    """A required attribute may be mapped part by part, or entry by entry."""
    models = Models()
    parts = (Attribute("value"), Attribute("type"))
    whole = Attribute("whole", Type.COMPLEX, required=True, sub_attributes=parts)
    several = replace(whole, name="several", multi_valued=True)
    models.scim.resource(
        thing(whole, several),
        models.Thing,
        {"whole.value": "code", "several": [{"type": "a", "value": read_only("code")}]},
    )
    assert "scim" in models.serve().extensions


def test_circles() -> None:
    """Things that are parts of things cannot be parts of themselves."""
    models = Models()
    models.scim.resource(
        thing(Attribute("code"), PARTS),
        models.Thing,
        {"code": "code", "parts": Refs(models.Thing.parts, "Thing")},
    )
    with models.connected() as scim:
        inner = scim.post("/Things", {"schemas": [URN], "code": "a"}).json["id"]
        body = {"schemas": [URN], "code": "b", "parts": [{"value": inner}]}
        outer = scim.post("/Things", body).json
        assert [(entry["value"], entry["display"]) for entry in outer["parts"]] == [(inner, inner)]
        refused = scim.put(
            f"/Things/{inner}", {"schemas": [URN], "parts": [{"value": outer["id"]}]}
        )
        assert refused.status_code == 400
        assert "the thing is in it already" in refused.json["detail"]


@pytest.mark.parametrize("ref", [None, "https://elsewhere.example/7"])
def test_references_kept_as_values(ref: str | None) -> None:
    """References that the app keeps in JSON come back as they were sent."""
    models = Models()
    models.scim.resource(thing(PARTS), models.Thing, {"parts": "notes.parts"})
    entry = {"value": "7"} | ({} if ref is None else {"$ref": ref})
    with models.connected() as scim:
        created = scim.post("/Things", {"schemas": [URN], "parts": [entry]})
        assert created.status_code == 201, created.text
        assert scim.get(f"/Things/{created.json['id']}").json["parts"] == [entry]


def test_names_that_nobody_mapped() -> None:
    """An attribute of an extension is not served because one of that name in the core is."""
    models = Models()
    core, more = schema(PARTS), schema(Attribute("parts"), id=MORE)
    kind = replace(THING, schema=core, extensions=(Extension(more),))
    models.scim.resource(kind, models.Thing, {"parts": Refs("parts", "Thing")})
    with models.connected() as scim:
        assert [each["id"] for each in scim.get("/Schemas").json["Resources"]] == [URN]


def test_names_with_a_dollar() -> None:
    """All characters that RFC 7643 has for names can be used in filters and paths."""
    models = Models()
    models.scim.resource(thing(Attribute("a-b_c$d9")), models.Thing, {"a-b_c$d9": "code"})
    with models.connected() as scim:
        id = scim.post("/Things", {"schemas": [URN], "a-b_c$d9": "x"}).json["id"]
        found = scim.get("/Things", filter='A-b_c$d9 eq "x"').json
        assert found["totalResults"] == 1
        operation = {"op": "replace", "path": f"{URN}:a-b_c$d9", "value": "y"}
        assert scim.patch(f"/Things/{id}", operation).json["a-b_c$d9"] == "y"


def test_a_shared_schema() -> None:
    """``/Schemas`` shows of a schema what any of its resource types serves."""
    models = Models()
    whole = Attribute("w", Type.COMPLEX, sub_attributes=(Attribute("a"), Attribute("b")))
    first = thing(Attribute("code"), Attribute("x"), whole)
    second = replace(first, name="Other", endpoint="/Others")
    models.scim.resource(first, models.Thing, {"code": "code", "w.a": "notes.a"})
    models.scim.resource(second, models.Thing, {"x": "code", "w.b": "notes.b"})
    with models.connected() as scim:
        (shown,) = scim.get("/Schemas").json["Resources"]
    attributes = {each["name"]: each for each in shown["attributes"]}
    assert attributes.keys() == {"code", "x", "w"}
    assert [each["name"] for each in attributes["w"]["subAttributes"]] == ["a", "b"]

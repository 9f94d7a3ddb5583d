"""Flask-SCIM as a guest: the host's own pages, API and errors stay as they were."""

from __future__ import annotations

import gc
import re
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.exceptions import HTTPException

from flask_scim import SCIM, ConfigurationError
from tests.client import USER, ScimClient
from tests.host import Host, make_host
from tests.web.answers import refusal, stored


def furnish(app: Flask) -> None:
    """Give an app what apps have: pages, error pages, sessions and an API of its own."""
    pages = flask.Blueprint("pages", __name__)

    @pages.errorhandler(403)
    def forbidden(error: HTTPException) -> Any:
        return "<h1>Members only</h1>", 403

    @pages.route("/members")
    def members() -> Any:
        flask.abort(403)

    @pages.route("/visits", methods=["GET", "POST"])
    def visits() -> Any:
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return f"<p>{flask.session['visits']}</p>"

    @pages.route("/broken")
    def broken() -> Any:
        raise RuntimeError("broken")

    @pages.route("/scim/v2x")
    @pages.route("/scim")
    @pages.route("/scim/other")
    def nearby() -> Any:
        return "<p>near</p>"

    @pages.before_app_request
    def count() -> None:
        flask.g.counted = True

    @pages.after_app_request
    def sign(response: flask.Response) -> flask.Response:
        response.headers["X-Host"] = "host"
        return response

    app.register_blueprint(pages)

    @app.errorhandler(404)
    def missing(error: HTTPException) -> Any:
        return f"<h1>Nothing at {flask.request.path}</h1>", 404

    @app.errorhandler(500)
    def failed(error: Exception) -> Any:
        return "<h1>Sorry</h1>", 500


def add_api(app: Flask) -> None:
    """Give an app a flask-smorest API, with errors in a format of its own."""
    app.config.update(
        API_TITLE="Host",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api",
    )
    blueprint = Blueprint("pets", __name__, url_prefix="/api/pets")

    @blueprint.route("/<int:id>")
    class Pet(MethodView):
        @blueprint.response(200)
        def get(self, id: int) -> Any:
            if id > 9:
                flask.abort(418)
            return {"id": id}

    Api(app).register_blueprint(blueprint)


def make_app(scim: str, *, api: bool) -> Flask:
    """Make an app.

    :param scim: whether Flask-SCIM is added ``"before"`` or ``"after"`` the rest, or ``"never"``.
    :param api: whether it has an API of its own, whose errors flask-smorest answers.
    """
    app = Flask("app")
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI="sqlite://")
    db = SQLAlchemy()
    extension = declare(db)
    db.init_app(app)
    if scim == "before":
        extension.init_app(app)
    furnish(app)
    if api:
        add_api(app)
    if scim == "after":
        extension.init_app(app)
    return app


def declare(db: SQLAlchemy, mapping: Any = None) -> SCIM:
    """Declare the users of an app."""

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]
        is_active: Mapped[bool]

    scim = SCIM(db)
    scim.users(User, mapping or {"userName": User.email, "active": User.is_active})
    return scim


REQUESTS = [
    ("GET", "/nowhere"),
    ("GET", "/members"),
    ("GET", "/broken"),
    ("DELETE", "/visits"),
    ("POST", "/visits"),
    ("GET", "/scim"),
    ("GET", "/scim/other"),
    ("GET", "/scim/nowhere"),
    ("GET", "/scim/v2x"),
    ("POST", "/scim/v2x"),
    ("GET", "/scim/v2x/Users"),
    ("GET", "/scim/v3/acme/Users"),
    ("GET", "/SCIM/v2/acme/Users"),
    ("GET", "/other/scim/v2/acme/Users"),
    ("GET", "/api/pets/1"),
    ("GET", "/api/pets/99"),
    ("GET", "/api/pets/x"),
    ("POST", "/api/pets/1"),
    ("GET", "/api/openapi.json"),
    ("OPTIONS", "/visits"),
]


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_host_is_untouched(order: str, api: bool, method: str, path: str) -> None:
    """The host answers as it does without Flask-SCIM, to the letter."""
    answers = []
    for scim in ("never", order):
        response = make_app(scim, api=api).test_client().open(path, method=method)
        # A session's cookie holds the second in which it was set.
        headers = [
            (name, "" if name == "Set-Cookie" else value) for name, value in response.headers
        ]
        answers.append((response.status, sorted(headers), response.data))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/scim/v2", 404),
        ("GET", "/scim/v2/", 404),
        ("GET", "/scim/v2/acme", 401),
        ("GET", "/scim/v2/acme/Nowhere", 404),
        ("DELETE", "/scim/v2/acme/Users", 405),
        ("GET", "/scim/v2/acme/Users", 401),
        ("POST", "/scim/v2/acme/Users", 401),
    ],
)
def test_errors_below_the_prefix_are_scims(
    order: str, api: bool, method: str, path: str, expected: int
) -> None:
    """Below the prefix every error is a SCIM error, whatever the host does with its own."""
    response = make_app(order, api=api).test_client().open(path, method=method)
    assert refusal(response) == (expected, None)
    assert response.headers["X-Host"] == "host"


def test_sessions_go_on() -> None:
    """A browser's session goes on beside requests to SCIM, which sets no cookie."""
    client = make_app("after", api=True).test_client()
    assert client.get("/visits").text == "<p>1</p>"
    assert "Set-Cookie" not in client.get("/scim/v2/acme/Users").headers
    assert client.get("/visits").text == "<p>2</p>"


def test_failure(host: Host, scim: ScimClient, caplog: pytest.LogCaptureFixture) -> None:
    """A failure of the host's own code is a SCIM error, is told to Flask, and undoes everything."""
    declared = next(iter(host.scim._wiring.declared.values()))
    told: list[Exception] = []

    def tell(sender: Flask, exception: Exception, **_: Any) -> None:
        told.append(exception)

    def fail(document: Any, connection: Any) -> Any:
        host.db.session.add(host.User(username="half", last_name="", tenant_id=1))
        host.db.session.flush()
        raise RuntimeError("secret words in /srv/app.py")

    declared.creator(fail)
    try:
        with got_request_exception.connected_to(tell, sender=host.app):
            response = scim.post("/Users", {"schemas": [USER], "userName": "ann"})
    finally:
        declared.hooks.creator = None
    assert refusal(response) == (500, None)
    assert "secret" not in response.text
    assert [str(error) for error in told] == ["secret words in /srv/app.py"]
    assert "secret words" in caplog.text
    assert stored(host) == {"host_user": [], "scim_user": []}
    assert scim.create("ann")["userName"] == "ann"


@pytest.mark.parametrize("setting", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_failure_in_any_mode(build: Callable[..., Host], setting: str) -> None:
    """Debugging does not turn an answer into a page or an exception."""
    host = build(**{setting: True})
    scim = host.connect("acme", tenant="1")

    def fail(document: Any, connection: Any) -> Any:
        raise RuntimeError

    next(iter(host.scim._wiring.declared.values())).creator(fail)
    response = scim.post("/Users", {"schemas": [USER], "userName": "ann"})
    assert refusal(response) == (500, None)
    for method, path, expected in (("GET", "/Nowhere", 404), ("DELETE", "/Users", 405)):
        assert refusal(scim.request(method, path)) == (expected, None)


def test_database_is_down(build: Callable[..., Host], host: Host, scim: ScimClient) -> None:
    """Where a table is missing, say since nobody ran the migration, the answer is SCIM's."""
    tokens = host.db.metadata.tables["scim_token"]
    with host.app.app_context():
        host.db.session.execute(sa.schema.DropTable(tokens))
        host.db.session.commit()
    try:
        for response in (scim.get("/Users"), scim.get("/Schemas")):
            status, scim_type = refusal(response)
            assert status in (500, 503)
            assert scim_type is None
    finally:
        with host.app.app_context():
            host.db.create_all()


# The document and the page.


@pytest.fixture
def document(http: FlaskClient) -> dict[str, Any]:
    """The OpenAPI document."""
    response = http.get("/scim/v2/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json
    return found


def test_document(document: dict[str, Any]) -> None:
    """The document names every endpoint and its methods."""
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"]
    assert document["info"]["version"]
    methods = {
        path: {method for method in item if method != "parameters"}
        for path, item in document["paths"].items()
    }
    base = "/scim/v2/{connection_id}"
    assert methods == {
        base: {"get"},
        f"{base}/.search": {"post"},
        f"{base}/global-token-revocation": {"post"},
        f"{base}/Bulk": {"post"},
        f"{base}/Me": {"get", "post", "put", "patch", "delete"},
        f"{base}/Users": {"get", "post"},
        f"{base}/Users/.search": {"post"},
        f"{base}/Groups/.search": {"post"},
        f"{base}/Users/{{id}}": {"get", "put", "patch", "delete"},
        f"{base}/Groups": {"get", "post"},
        f"{base}/Groups/{{id}}": {"get", "put", "patch", "delete"},
        f"{base}/ServiceProviderConfig": {"get"},
        f"{base}/ResourceTypes": {"get"},
        f"{base}/ResourceTypes/{{id}}": {"get"},
        f"{base}/Schemas": {"get"},
        f"{base}/Schemas/{{id}}": {"get"},
    }


def test_document_is_sound(document: dict[str, Any]) -> None:
    """Every reference leads somewhere, every path parameter is declared, every answer described."""
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
    schemes = document["components"]["securitySchemes"]
    assert all(name in schemes for entry in document["security"] for name in entry)
    ids = set()
    for path, item in document["paths"].items():
        common = item.get("parameters", [])
        for method, operation in item.items():
            if method == "parameters":
                continue
            parameters = [*common, *operation.get("parameters", [])]
            named = {part["name"] for part in parameters if part["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert all(part.get("required") for part in parameters if part["in"] == "path")
            keys = [(part["in"], part["name"]) for part in parameters]
            assert len(keys) == len(set(keys))
            assert operation["summary"]
            assert operation["responses"]
            assert all(answer["description"] for answer in operation["responses"].values())
            assert ("requestBody" in operation) is (method in ("post", "put", "patch"))
            if "operationId" in operation:
                assert operation["operationId"] not in ids
                ids.add(operation["operationId"])


def references(part: Any) -> list[str]:
    """Every ``$ref`` in a document; an attribute may have that name too."""
    if isinstance(part, list):
        return [found for item in part for found in references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for item in part.values() for found in references(item)]


def test_page_shows_the_document(http: FlaskClient, document: dict[str, Any]) -> None:
    """The page shows every path and message, and fetches nothing from elsewhere."""
    response = http.get("/scim/v2/docs")
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    for path in document["paths"]:
        assert path in response.text
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in response.text
    assert not re.search(r'(src|href)="(https?:)?//', response.text)
    assert "<script" not in response.text
    link = re.search(r'href="(/[^"]*openapi.json)"', response.text)
    assert link is not None
    assert http.get(link[1]).json == document


def test_documents_can_be_switched_off(build: Callable[..., Host]) -> None:
    """A host that does not want to show them does not: connections could be called so."""
    client = build(SCIM_DOCS=False).app.test_client()
    for path in ("/scim/v2/openapi.json", "/scim/v2/docs"):
        assert refusal(client.get(path)) == (401, None)


def test_documents_stay_apart() -> None:
    """The host's document does not name SCIM's endpoints, nor SCIM's the host's."""
    client = make_app("after", api=True).test_client()
    own = client.get("/api/openapi.json").json["paths"]
    scims = client.get("/scim/v2/openapi.json").json["paths"]
    assert list(own) == ["/api/pets/{id}"]
    assert all(path.startswith("/scim/v2/{connection_id}") for path in scims)


# Mistakes when the app is made.


def test_init_twice() -> None:
    """A second registration on the same app is refused."""
    db = SQLAlchemy()
    app = Flask("app")
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI="sqlite://")
    scim = declare(db)
    db.init_app(app)
    scim.init_app(app)
    with pytest.raises(ConfigurationError, match="already"):
        scim.init_app(app)


def test_init_before_the_database() -> None:
    """The database comes first."""
    with pytest.raises(ConfigurationError, match=r"db\.init_app\(app\) before"):
        declare(SQLAlchemy()).init_app(Flask("app"))


def test_init_without_declaration() -> None:
    """Without a model there is nothing to serve."""
    app = Flask("app")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)
    with pytest.raises(ConfigurationError, match=r"scim\.users\("):
        SCIM(db).init_app(app)


def test_init_without_mapping() -> None:
    """A model that no default fits needs a mapping, in code or in the settings."""
    db = SQLAlchemy()

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        id: Mapped[int] = mapped_column(primary_key=True)

    scim = SCIM(db)
    scim.users(User)
    app = Flask("app")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)
    with pytest.raises(ConfigurationError, match="SCIM_USER_MAPPING"):
        scim.init_app(app)


@pytest.mark.parametrize(
    "mapping", [{"userName": "email"}, {"userName": "email", "active": "!gone"}]
)
def test_mapping_as_a_setting(mapping: dict[str, str]) -> None:
    """The settings may say the mapping, and win over the code."""
    db = SQLAlchemy()

    class User(db.Model):  # type: ignore[name-defined,misc]
        """A user."""

        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str]
        gone: Mapped[bool] = mapped_column(default=False)

    scim = SCIM(db)
    scim.users(User, {"userName": "nonsense"})
    app = Flask("app")
    app.config.update(
        SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI="sqlite://", SCIM_USER_MAPPING=mapping
    )
    db.init_app(app)
    scim.init_app(app)
    assert app.test_client().get("/scim/v2/acme/Users").status_code in (401, 500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCIM_URL_PREFIX", "scim"),
        ("SCIM_URL_PREFIX", "/scim/"),
        ("SCIM_URL_PREFIX", ""),
        ("SCIM_URL_PREFIX", 5),
        ("SCIM_UNMAPPED", "drop"),
        ("SCIM_UNMAPPED", None),
        ("SCIM_MAX_CONTENT_LENGTH", 0),
        ("SCIM_MAX_CONTENT_LENGTH", "1MB"),
        ("SCIM_MAX_CONTENT_LENGTH", True),
        ("SCIM_DEFAULT_PAGE_SIZE", -1),
        ("SCIM_DEFAULT_PAGE_SIZE", 1.5),
        ("SCIM_MAX_PAGE_SIZE", None),
        ("SCIM_USER_MAPPING", {}),
        ("SCIM_USER_MAPPING", {"userName": "nonsense"}),
        ("SCIM_USER_MAPPING", {"userName": "email", "nonsense": "email"}),
        ("SCIM_USER_MAPPING", "email"),
        ("SCIM_USER_MAPPING", ["userName"]),
        ("SCIM_LOG_DELAY", -1),
        ("SCIM_LOG_DELAY", 0.5),
        ("SCIM_LOG_DELAY", 61),
    ],
)
def test_bad_setting(name: str, value: Any) -> None:
    """A setting that cannot be used is named when the app is made, not when a request comes."""
    db = SQLAlchemy()
    scim = declare(db)
    app = Flask("app")
    app.config.update({"SECRET_KEY": "s", "SQLALCHEMY_DATABASE_URI": "sqlite://", name: value})
    db.init_app(app)
    with pytest.raises(ConfigurationError) as caught:
        scim.init_app(app)
    wanted = {"SCIM_USER_MAPPING": "User"}.get(name, name)
    assert wanted in str(caught.value)


def test_two_apps_with_one_extension() -> None:
    """One extension serves several apps, each with its own settings, database and tokens."""
    db = SQLAlchemy()
    scim = declare(db)
    clients = []
    for number in (1, 2):
        app = Flask(f"app{number}")
        app.config.update(
            SECRET_KEY="secret",
            SQLALCHEMY_DATABASE_URI="sqlite://",
            SCIM_URL_PREFIX=f"/scim{number}",
            SCIM_DEFAULT_PAGE_SIZE=number,
        )
        db.init_app(app)
        scim.init_app(app)
        with app.app_context():
            db.create_all()
            scim.connections.add("acme")
            token, _ = scim.tokens.issue("acme", ["get:users", "post:users"])
        clients.append(ScimClient(app.test_client(), f"/scim{number}/acme", token))
    one, two = clients
    one.create("ann")
    assert two.get("/Users").json["totalResults"] == 0
    for name in "abc":
        two.create(name)
    assert one.get("/Users").json["totalResults"] == 1
    assert two.get("/Users").json["itemsPerPage"] == 2
    one.token, two.token = two.token, one.token
    assert refusal(one.get("/Users")) == (401, None)
    for client in clients:
        with client.http.application.app_context():
            db.engine.dispose()


def test_the_document_is_written_when_somebody_reads_it(build: Callable[..., Host]) -> None:
    """An app that starts does not write it; of many who read it at once, all see it whole."""
    app = build().app
    api = app.extensions["flask-smorest"]["apis"]["SCIM_"]["ext_obj"]
    assert api._spec.to_dict()["paths"] == {}
    start = threading.Barrier(6)

    def read(_: int) -> Any:
        start.wait()
        return app.test_client().get("/scim/v2/openapi.json").json

    with ThreadPoolExecutor(6) as pool:
        first, *others = pool.map(read, range(6))
    assert "/scim/v2/{connection_id}/Users" in first["paths"]
    assert "ScimError" in first["components"]["schemas"]
    assert others == [first] * 5


def test_an_app_that_is_gone_leaves_nothing() -> None:
    """Nothing holds an app that its own program has dropped, as tests do with many."""
    host = make_host("sqlite://")
    assert host.app.test_client().get("/scim/v2/acme/Users").status_code == 401
    with host.app.app_context():
        host.db.engine.dispose()
    app = weakref.ref(host.app)
    del host
    gc.collect()
    assert app() is None

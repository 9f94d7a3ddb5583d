"""The guard of the management API, and the host that it is a guest of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask import Flask
from flask_smorest import Api
from openapi_spec_validator import validate
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from flask_scim import ConfigurationError
from tests.host import Host
from tests.management.admin import PREFIX, Admin, mount, problem, require_admin

pytestmark = pytest.mark.one_database("the guard stands before all that reads or writes")

ROUTES = [
    ("GET", "/connections"),
    ("POST", "/connections"),
    ("DELETE", "/connections/acme"),
    ("POST", "/connections/acme/scim-configuration/tokens"),
    ("GET", "/connections/acme/users"),
    ("PUT", "/connections/acme/users"),
    ("OPTIONS", "/connections/acme/users"),
    ("GET", "/openapi.json"),
    ("GET", "/nowhere"),
    ("GET", "/"),
]


class NotAnAdministrator(Exception):
    """What a host raises."""


@pytest.mark.parametrize("guard", [None, "require_admin", True])
def test_without_guard(managed: Host, guard: Any) -> None:
    """Without a guard there is no blueprint, and the message says why and what to do."""
    with pytest.raises(ConfigurationError, match=r"every customer.*guard=require_admin"):
        managed.scim.management(guard=guard)
    with pytest.raises(ConfigurationError):
        managed.scim.management()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_refusing_guard(admin: Admin, managed: Host, method: str, path: str) -> None:
    """Who is not let in gets nothing else, whatever they ask; the words are the guard's."""
    admin = Admin(admin.http, {})
    managed.connect("acme", tenant="1")
    with managed.statements() as statements:
        response = admin.request(method, path)
    assert problem(response) == (403, "Administrators only.")
    assert statements == []


def redirecting() -> Any:
    """Send people to the sign-in page."""
    return flask.redirect("/sign-in")


def aborting_with_response() -> None:
    """Send people to the sign-in page, as `abort` can."""
    flask.abort(flask.redirect("/sign-in"))


def aborting() -> None:
    """Ask for a password."""
    raise Unauthorized("Sign in first.", www_authenticate=WWWAuthenticate("basic"))


def raising() -> None:
    """Raise what the host has a page for."""
    raise NotAnAdministrator


def answering() -> Any:
    """Answer as Flask lets views answer."""
    return {"sorry": True}, 403


@pytest.mark.parametrize(
    ("guard", "status", "shown"),
    [
        (redirecting, 302, "/sign-in"),
        (aborting_with_response, 302, "/sign-in"),
        (aborting, 401, "Sign in first."),
        (raising, 418, "<p>the host's own page</p>"),
        (answering, 403, "sorry"),
    ],
)
def test_ways_to_refuse(
    build: Callable[..., Host], guard: Callable[[], Any], status: int, shown: str
) -> None:
    """A guard may abort, return a response, or raise what the host answers itself."""
    app = (host := build()).app
    app.register_error_handler(401, lambda error: ("<p>the host's own page</p>", 401))
    app.register_error_handler(
        NotAnAdministrator, lambda error: ("<p>the host's own page</p>", 418)
    )
    app.register_blueprint(host.scim.management(guard=guard), url_prefix=PREFIX)
    for path in ("/connections", "/openapi.json", "/nowhere"):
        response = app.test_client().get(PREFIX + path)
        assert response.status_code == status
        assert shown in response.text or response.location == shown
        if status == 401:
            assert problem(response) == (401, shown)
            assert response.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("answered", [True, False])
def test_predicate_is_no_guard(build: Callable[..., Host], answered: bool) -> None:
    """A function that answers yes or no keeps everybody out, and says so in the log."""
    host = build(PROPAGATE_EXCEPTIONS=False)
    blueprint = host.scim.management(guard=lambda: answered)
    host.app.register_blueprint(blueprint, url_prefix=PREFIX)
    assert host.app.test_client().get(f"{PREFIX}/connections").status_code == 500
    host.app.testing = True
    host.app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(TypeError, match="abort"):
        host.app.test_client().get(f"{PREFIX}/connections")


def test_session_of_the_host(build: Callable[..., Host]) -> None:
    """A guard that reads the host's session lets in who is signed in; no cookie is set."""
    host = build()

    @host.app.post("/sign-in")
    def sign_in() -> str:
        flask.session["admin"] = True
        return ""

    def guard() -> None:
        if not flask.session.get("admin"):
            flask.abort(401)

    host.app.register_blueprint(host.scim.management(guard), url_prefix=PREFIX)
    client = host.app.test_client()
    assert client.get(f"{PREFIX}/connections").status_code == 401
    client.post("/sign-in")
    response = client.get(f"{PREFIX}/connections")
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/connections", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/connections", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/connections/acme", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/connections/acme/scim-configuration/tokens/rotate", "OPTIONS, POST"),
        ("HEAD", "/connections/acme/scim-configuration/tokens/rotate", "OPTIONS, POST"),
        ("PATCH", "/connections/acme/users/1", "DELETE, GET, HEAD, OPTIONS"),
        ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_wrong_method(admin: Admin, method: str, path: str, allow: str) -> None:
    """A method that an endpoint does not serve is refused with those that it does."""
    response = admin.request(method, path)
    assert response.headers["Allow"] == allow
    if method == "HEAD":
        assert response.status_code == 405
        return
    assert problem(response)[0] == 405
    options = admin.request("OPTIONS", path)
    assert (options.status_code, options.headers["Allow"]) == (204, allow)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/connections/", "/connections/a/b", "/x%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_endpoint(admin: Admin, method: str, path: str) -> None:
    """Below the prefix every error is the API's own."""
    assert problem(admin.request(method, path))[0] == 404


def test_head(admin: Admin) -> None:
    """HEAD is GET without a body."""
    response = admin.request("HEAD", "/connections")
    assert (response.status_code, response.data) == (200, b"")


def furnish(app: Flask) -> None:
    """Give an app pages and error pages."""
    app.register_error_handler(404, lambda error: (f"<h1>{flask.request.path}</h1>", 404))
    app.register_error_handler(403, lambda error: ("<h1>Members</h1>", 403))
    app.register_error_handler(Exception, lambda error: ("<h1>Sorry</h1>", 500))
    pages = flask.Blueprint("pages", __name__)
    pages.add_url_rule("/members", "members", lambda: flask.abort(403))
    pages.add_url_rule("/broken", "broken", lambda: 1 / 0)
    pages.add_url_rule("/api/scims", "near", lambda: "near")
    app.register_blueprint(pages)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("GET", "/members"),
        ("POST", "/members"),
        ("GET", "/broken"),
        ("GET", "/api"),
        ("GET", "/api/scims"),
        ("GET", "/api/scimsnowhere"),
        ("GET", "/scim/v2/acme/Users"),
        ("GET", "/scim/v2/openapi.json"),
        ("GET", "/openapi.json"),
    ],
)
def test_host_is_untouched(build: Callable[..., Host], method: str, path: str) -> None:
    """Outside the prefix the host answers as it does without the API, to the letter."""
    answers = []
    for mounts in (False, True):
        host = build()
        furnish(host.app)
        before = repr((host.app.config, host.app.extensions, host.app.cli.commands))
        if mounts:
            mount(host)
        assert before == repr((host.app.config, host.app.extensions, host.app.cli.commands))
        named = {"X-Request-Id": "one"}
        response = host.app.test_client().open(path, method=method, headers=named)
        answers.append((response.status, sorted(response.headers), response.data))
    assert answers[0] == answers[1]


def test_errors_are_its_own(build: Callable[..., Host]) -> None:
    """Below the prefix the host's error pages do not answer."""
    host = build()
    furnish(host.app)
    admin = mount(host)
    assert problem(admin.request("GET", "/connections/x"))[0] == 404
    assert problem(admin.request("GET", "/nowhere"))[0] == 404
    assert problem(Admin(admin.http, {}).request("GET", "/connections"))[0] == 403


def test_failure(build: Callable[..., Host], caplog: pytest.LogCaptureFixture) -> None:
    """A failure of the host's own code is a problem that tells nothing, and is logged."""
    host = build()
    admin = mount(host)
    acme = host.connect("acme", tenant="1")
    user = acme.create("ann")["id"]

    def fail(row: Any, connection: Any) -> None:
        raise RuntimeError("secret words in /srv/app.py")

    host.scim._wiring.declared["User"].deleter(fail)
    status, message = problem(admin.request("DELETE", f"/connections/acme/users/{user}"))
    assert (status, "secret" in message) == (500, False)
    assert "secret words" in caplog.text
    assert acme.get(f"/Users/{user}").status_code == 200


def test_in_the_hosts_own_api(build: Callable[..., Host]) -> None:
    """The host may register it on its own API, whose document then has it too."""
    config = {"API_TITLE": "Host", "API_VERSION": "1", "OPENAPI_VERSION": "3.0.3"}
    host = build(OPENAPI_URL_PREFIX="/api", **config)
    api = Api(host.app)
    api.register_blueprint(host.scim.management(guard=require_admin), url_prefix=PREFIX)
    client = host.app.test_client()
    document = client.get("/api/openapi.json").json
    validate(document)
    assert f"{PREFIX}/connections/{{connection_id}}/users" in document["paths"]
    assert problem(client.get(f"{PREFIX}/connections"))[0] == 403
    admin = Admin(client, {"X-Admin": "yes"})
    assert admin.ask("GET", "/connections") == {"connections": [], "next": None}
    own = admin.ask("GET", "/openapi.json")
    assert set(own["paths"]) == set(document["paths"])


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_document(build: Callable[..., Host], version: str) -> None:
    """The document is valid, and has every route, its methods and the parts of its path."""
    host = build(SCIM_OPENAPI_VERSION=version)
    admin = mount(host)
    document = admin.ask("GET", "/openapi.json")
    validate(document)
    assert document["openapi"] == version
    left_out = {"/openapi.json", "/", "/{path}"}
    found = {path.removeprefix(PREFIX) for path in document["paths"]}
    rules = [
        rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}")
        for rule in host.app.url_map.iter_rules()
        if rule.endpoint.startswith("scim-management.")
    ]
    assert found == {rule.removeprefix(PREFIX) for rule in rules} - left_out
    for path, item in document["paths"].items():
        parts = {part["name"]: part for part in item.get("parameters", ())}
        assert set(parts) == {part for part in parts if f"{{{part}}}" in path}
        assert all(part["description"] for part in parts.values())
        allow = admin.request("OPTIONS", path.removeprefix(PREFIX)).headers["Allow"].split(", ")
        methods = {method.lower() for method in allow} - {"head", "options"}
        assert set(item) - {"parameters"} == methods
        for method in methods:
            responses = item[method]["responses"]
            assert {"400", "404", "500", "503", "default"} <= set(responses)
            shown = responses["404"]["content"]["application/json"]["schema"]
            assert shown == {"$ref": "#/components/schemas/ScimProblem"}
            # Auth0 names the roles to take away in a body too.
            has_body = method in ("post", "patch") or (method == "delete" and "/roles" in path)
            assert ("requestBody" in item[method]) == has_body
    shown = document["components"]["schemas"]
    assert "token" in shown["IssuedScimToken"]["properties"]
    assert "token" not in shown["ScimToken"]["properties"]


def test_twice_and_within(build: Callable[..., Host]) -> None:
    """It can be mounted more than once, with guards of its own, and within a blueprint."""
    host = build()
    outer = flask.Blueprint("outer", __name__, url_prefix="/outer")
    outer.register_blueprint(host.scim.management(require_admin), url_prefix="/scim")
    host.app.register_blueprint(outer)
    second = host.scim.management(lambda: flask.abort(401), name="second")
    host.app.register_blueprint(second, url_prefix="/second")
    client = host.app.test_client()
    assert client.get("/second/connections").status_code == 401
    document = client.get("/outer/scim/openapi.json", headers={"X-Admin": "yes"}).json
    validate(document)
    assert "/outer/scim/connections" in document["paths"]

"""The app that is written by hand."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

from ..host import make_app, make_models
from .ground import Ground, answer
from .groups import Groups
from .users import Users

_BULK = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def make_bare(url: str) -> Flask:
    """Make the app.

    :param url: its database.
    """
    models = make_models()
    app = make_app("bare", url, models.db)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    ground = Ground(models, url.startswith("sqlite"))
    users, groups = Users(ground), Groups(ground)
    app.extensions["bare"] = ground
    prefix = "/scim/v2/<connection_id>"

    def bulk(connection_id: str) -> Response:
        client = ground.admit(connection_id, "post:users")
        results = []
        for operation in request.get_json(force=True)["Operations"]:
            assert (operation["method"], operation["path"]) == ("POST", "/Users")
            document, change = users.create(client, operation["data"])
            ground.tell(client, change)
            models.db.session.commit()
            results.append(
                {
                    "method": "POST",
                    "bulkId": operation["bulkId"],
                    "location": document["meta"]["location"],
                    "version": document["meta"]["version"],
                    "status": "201",
                }
            )
        ground.log(client, 200, outcomes={"201": len(results)})
        models.db.session.commit()
        return answer(client, {"schemas": [_BULK], "Operations": results})

    rules: list[tuple[str, str, Callable[..., Response]]] = [
        ("POST", "/Bulk", bulk),
        ("GET", "/Users", users.find),
        ("POST", "/Users", users.post),
        ("GET", "/Users/<int:id>", users.get),
        ("PATCH", "/Users/<int:id>", users.patch),
        ("PUT", "/Users/<int:id>", users.put),
        ("GET", "/Groups", groups.find),
        ("POST", "/Groups", groups.post),
        ("GET", "/Groups/<int:id>", groups.get),
        ("PATCH", "/Groups/<int:id>", groups.patch),
        ("PUT", "/Groups/<int:id>", groups.put),
    ]
    for method, rule, view in rules:
        app.add_url_rule(f"{prefix}{rule}", f"{method} {rule}", view_func=view, methods=[method])
    return app

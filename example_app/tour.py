"""A day of Entra ID and a day of Okta, as these two speak, with a person at the app's own pages."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from .browser import Browser, Program
from .identity_provider import Body, Expected, IdentityProvider

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def play_entra(
    entra: IdentityProvider, browser: Browser, organization: str, allow: Callable[[str, str], None]
) -> None:
    """Play a day of Entra ID, which looks up, creates, and changes one attribute an operation.

    :param allow: gives a user name a password, so that the person can sign in.
    """
    ada = "ada.lovelace@acme.example"
    entra.get(
        "/Users",
        Expected("connection test: nobody, and no error", 200, check=_is_empty),
        filter=f'userName eq "{uuid4()}"',
    )
    boss = entra.post(
        "/Users",
        _entra_user("charles.babbage@acme.example", "Charles", "Babbage", "Chief Engineer"),
        Expected("creates her manager first", 201, ("user_created",)),
    )
    entra.get(
        "/Users",
        Expected("looks Ada up before it creates her", 200, check=_is_empty),
        filter=f'userName eq "{ada}"',
    )
    created = entra.post(
        "/Users",
        _entra_user(ada, "Ada", "Lovelace", "Analyst"),
        Expected("creates Ada", 201, ("user_created",), lambda b: b["userName"] == ada),
    )
    path = f"/Users/{created.get('id')}"
    entra.get(
        "/Users",
        Expected("finds her, in any letter case", 200, check=_is_one),
        filter=f'userName eq "{ada.upper()}"',
    )
    entra.post(
        "/Users",
        _entra_user(ada.title(), "Ada", "Again", "Analyst"),
        Expected("a second Ada is refused", 409, check=lambda b: b["scimType"] == "uniqueness"),
    )
    allow(organization, ada)
    form = {"organization": organization, "username": ada, "password": "notes-on-the-engine"}
    form["remember"] = "on"
    browser.submit("/sign-in", form, Expected("Ada signs in", 302))
    browser.get("/", Expected("and sees her organisation", 200))
    program, key, token = _connect_programs(browser)

    entra.patch(
        path,
        [
            {"op": "Replace", "path": "title", "value": "Head of Analysis"},
            {"op": "Replace", "path": "name.familyName", "value": "King"},
            {
                "op": "Replace",
                "path": 'emails[type eq "work"].value',
                "value": "ada.king@acme.example",
            },
            {
                "op": "Add",
                "path": 'phoneNumbers[type eq "mobile"].value',
                "value": "+44 20 5550101",
            },
            {"op": "Add", "path": f"{_ENTERPRISE}:department", "value": "Mathematics"},
        ],
        Expected(
            "new name, title, e-mail, mobile, department",
            200,
            ("user_updated",),
            lambda b: (
                b["emails"][0]["value"] == "ada.king@acme.example"
                and b["phoneNumbers"][0]["type"] == "mobile"
                and b[_ENTERPRISE]["department"] == "Mathematics"
            ),
        ),
    )
    manager = {"op": "Replace", "path": f"{_ENTERPRISE}:manager", "value": boss.get("id")}
    entra.patch(
        path,
        [manager],
        Expected(
            "her manager, as a bare id",
            200,
            ("user_updated",),
            lambda b: b[_ENTERPRISE]["manager"]["value"] == boss["id"],
        ),
    )
    entra.patch(path, [manager], Expected("the same again: nothing changes", 200))
    team = _push_entra_group(entra, str(created.get("id")))
    browser.close()
    remembered = dict(browser.cookies)
    browser.get("/", Expected("Ada opens her browser again, which remembers her", 200))
    entra.patch(
        path,
        [{"op": "Replace", "path": "active", "value": "False"}],
        Expected(
            'deactivates her, with the text "False"',
            200,
            ("user_deactivated",),
            lambda b: b["active"] is False,
        ),
    )
    browser.get("/", Expected("Ada is out at her next click", 302))
    browser.cookies = remembered
    browser.get("/", Expected("the cookie that remembered her does not", 302))
    program.call(key, Expected("her script is out", 401))
    program.refresh(token, Expected("and her phone", 401))
    browser.submit("/sign-in", form, Expected("and cannot sign in", 403))
    entra.patch(
        path,
        [{"op": "Replace", "path": "active", "value": "True"}],
        Expected("reactivates her", 200, ("user_reactivated",), lambda b: b["active"] is True),
    )
    program.call(key, Expected("which brings nothing back to life", 401))
    browser.submit("/sign-in", form, Expected("Ada signs in again", 302))
    entra.delete(
        path,
        Expected(
            "deletes her, 30 days later, and she leaves the team",
            204,
            ("user_deleted", "group_members_changed"),
        ),
    )
    entra.delete(team, Expected("deletes the team", 204, ("group_deleted",)))
    entra.get(path, Expected("she is not there any more", 404))
    browser.get("/", Expected("and out of the app", 302))


def _connect_programs(browser: Browser) -> tuple[Program, str, str]:
    """Let a person have an API key for a script, and a refresh token on a phone."""
    program = Program(browser.origin, browser.journal)
    key = _shown(browser.submit("/programs", {"kind": "key"}, Expected("makes an API key", 200)))
    program.call(
        key, Expected("with which her script comes in", 200, check=lambda b: b["username"])
    )
    page = browser.submit("/programs", {"kind": "phone"}, Expected("signs in on a phone", 200))
    token = _shown(page)
    access = program.refresh(token, Expected("which gets an access token", 200))
    program.call(access, Expected("and comes in with it", 200, check=lambda b: b["username"]))
    return program, key, token


def _shown(page: str) -> str:
    """The secret that a page shows."""
    return page.partition('<code id="secret">')[2].partition("<")[0]


def _push_entra_group(entra: IdentityProvider, member: str) -> str:
    """Push a group as Entra ID does: looked up, created empty, filled and renamed by PATCH."""
    entra.get(
        "/Groups",
        Expected("looks the team up, without its members", 200, check=_is_empty),
        filter='displayName eq "Analysts"',
        excludedAttributes="members",
    )
    group = entra.post(
        "/Groups",
        {"schemas": [_GROUP], "externalId": "8aa1a0c0", "displayName": "Analysts"},
        Expected("creates it empty", 201, ("group_created",)),
    )
    path = f"/Groups/{group.get('id')}"
    add = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": member}]}
    entra.patch(
        path,
        [add],
        Expected(
            "adds Ada",
            200,
            ("group_members_changed",),
            lambda b: [each["value"] for each in b["members"]] == [member],
        ),
    )
    entra.patch(path, [add], Expected("once more: nothing changes", 200))
    entra.patch(
        path,
        [{"op": "Replace", "path": "displayName", "value": "Analysis"}],
        Expected(
            "renames it; Ada stays", 200, ("group_updated",), lambda b: len(b["members"]) == 1
        ),
    )
    return path


def play_okta(okta: IdentityProvider) -> None:
    """Play a day of Okta, which reads a whole user, changes it and puts it back."""
    grace = "grace.hopper@globex.example"
    okta.get(
        "/Users",
        Expected("connection test: a page of two", 200),
        startIndex="1",
        count="2",
    )
    lookup = {"filter": f'userName eq "{grace}"', "startIndex": "1", "count": "100"}
    okta.get("/Users", Expected("looks Grace up", 200, check=_is_empty), **lookup)
    created = okta.post(
        "/Users",
        _okta_user(grace, "Grace", "Hopper", "00u1a2b3c4d5e6f7g8h9"),
        Expected(
            "creates Grace; the password is not shown",
            201,
            ("user_created",),
            lambda b: "password" not in b and b["locale"] == "en-US",
        ),
    )
    path = f"/Users/{created.get('id')}"
    okta.post(
        "/Users",
        _okta_user(grace.upper(), "Grace", "Hopper", "00u9z8y7x6w5v4u3t2s1"),
        Expected("a second Grace is refused", 409, check=lambda b: b["scimType"] == "uniqueness"),
    )
    okta.get("/Users", Expected("finds her", 200, check=_is_one), **lookup)
    read = okta.get(path, Expected("reads her", 200))
    changed = {
        **read,
        "name": {"givenName": "Grace", "familyName": "Murray Hopper"},
        "displayName": "Grace Murray Hopper",
        "nickName": "Amazing Grace",
        "groups": [],
    }
    okta.put(
        path,
        changed,
        Expected(
            "puts her back with other names",
            200,
            ("user_updated",),
            lambda b: b["nickName"] == "Amazing Grace",
        ),
    )
    okta.put(path, changed, Expected("once more: nothing changes", 200))
    okta.patch(
        path,
        [{"op": "replace", "value": {"active": False}}],
        Expected("deactivates her", 200, ("user_deactivated",), lambda b: b["active"] is False),
    )
    okta.get(
        "/Users",
        Expected("and still finds her", 200, check=_is_one),
        **lookup,
    )
    okta.patch(
        path,
        [{"op": "replace", "value": {"active": True}}],
        Expected("reactivates her", 200, ("user_reactivated",), lambda b: b["active"] is True),
    )
    alan = okta.post(
        "/Users",
        _okta_user("alan.turing@globex.example", "Alan", "Turing", "00u0a1b2c3d4e5f6g7h8"),
        Expected("creates Alan", 201, ("user_created",)),
    )
    path = f"/Users/{alan.get('id')}"
    okta.put(
        path,
        {**alan, "active": False},
        Expected("deactivates him with a PUT", 200, ("user_deactivated",)),
    )
    group = okta.post(
        "/Groups",
        {
            "schemas": [_GROUP],
            "displayName": "Compilers",
            "members": [{"value": created.get("id")}, {"value": alan.get("id")}],
        },
        Expected("creates a team with both", 201, ("group_created", "group_members_changed")),
    )
    team = f"/Groups/{group.get('id')}"
    okta.patch(
        team,
        [{"op": "replace", "value": {"id": group.get("id"), "displayName": "Compilers"}}],
        Expected("says its name again, with the id: nothing changes", 200),
    )
    okta.patch(
        team,
        [{"op": "remove", "path": f'members[value eq "{alan.get("id")}"]'}],
        Expected(
            "removes Alan",
            200,
            ("group_members_changed",),
            lambda b: [each["value"] for each in b["members"]] == [created["id"]],
        ),
    )
    okta.delete(team, Expected("unlinks the team, which deletes it", 204, ("group_deleted",)))
    other = okta.post(
        "/Users",
        _okta_user("temp.account@globex.example", "Temp", "Account", "00u5t4e3m2p1"),
        Expected("creates an account by mistake", 201, ("user_created",)),
    )
    path = f"/Users/{other.get('id')}"
    okta.delete(path, Expected("deletes it", 204, ("user_deleted",)))
    okta.get(path, Expected("it is not there any more", 404))


def _is_empty(body: Body) -> bool:
    return body["totalResults"] == 0 and not body.get("Resources")


def _is_one(body: Body) -> bool:
    return body["totalResults"] == 1 and len(body["Resources"]) == 1


def _entra_user(user_name: str, given: str, family: str, title: str) -> Body:
    return {
        "schemas": [_USER, _ENTERPRISE],
        "externalId": user_name.partition("@")[0].lower(),
        "userName": user_name,
        "active": True,
        "displayName": f"{given} {family}",
        "emails": [{"primary": True, "type": "work", "value": user_name.lower()}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": f"{given} {family}", "familyName": family, "givenName": given},
        "roles": [],
        "title": title,
    }


def _okta_user(user_name: str, given: str, family: str, external_id: str) -> Body:
    return {
        "schemas": [_USER],
        "userName": user_name,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"primary": True, "value": user_name.lower(), "type": "work"}],
        "displayName": f"{given} {family}",
        "locale": "en-US",
        "externalId": external_id,
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }

"""What a connection sees of accounts that it has not provisioned, and what it can do to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.adoption.conftest import ADOPTING, Firm, person
from tests.client import USER
from tests.host import Host
from tests.store.test_statements import built


@pytest.fixture
def ids(firm: Firm) -> dict[str, str]:
    """Accounts of all kinds, by user name."""
    found = {
        name: firm.add(name, f"{name}@acme.example", **columns)
        for name, columns in {
            "ann": {"first_name": "Ann", "profile": {"title": "Dr"}},
            "boss": {"is_admin": True},
            "unverified": {"seen": None},
            "foreign": {"tenant_id": 2},
        }.items()
    }
    found["elsewhere"] = firm.add("elsewhere", "elsewhere@home.example")
    found["others"] = firm.add("others", "others@acme.example")
    firm.connect("other").create("others", emails=mail("others"))
    found["own"] = firm.acme.create("own", title="Boss")["id"]
    found["gone"] = firm.acme.create("gone")["id"]
    firm.acme.delete(f"/Users/{found['gone']}")
    firm.events.clear()
    return found


def mail(name: str) -> list[dict[str, str]]:
    """A work address."""
    return [{"type": "work", "value": f"{name}@acme.example"}]


def listed(firm: Firm, **query: str) -> list[str]:
    """The user names that a list shows."""
    answer = firm.acme.get("/Users", **query)
    assert answer.status_code == 200, answer.text
    names = [each["userName"] for each in answer.json["Resources"]]
    assert answer.json.get("totalResults", len(names)) == len(names)
    return names


SEEN = {
    "provisioned": {"own"},
    "adoptable": {"own", "ann"},
    "tenant": {"own", "ann", "boss", "unverified", "elsewhere", "others"},
}


@pytest.mark.parametrize("visibility", SEEN)
def test_what_is_seen(firm: Firm, ids: dict[str, str], visibility: str) -> None:
    """Lists, filters and single reads agree on what a connection sees; a deleted one is not."""
    firm.choose(visibility=visibility)
    assert set(listed(firm)) == SEEN[visibility]
    for name, id in ids.items():
        is_seen = name in SEEN[visibility]
        assert (firm.acme.get(f"/Users/{id}").status_code == 200) is is_seen, name
        assert (firm.acme.find(f'userName eq "{name.upper()}"') == [name]) is is_seen
        assert (firm.acme.find(f'id eq "{id}"') == [name]) is is_seen
        patched = firm.acme.patch(f"/Users/{id}", {"op": "replace", "path": "locale", "value": "x"})
        assert (patched.status_code == 404) is not is_seen


def test_what_is_shown(firm: Firm, ids: dict[str, str]) -> None:
    """An account that is only seen has the mapped attributes, version 0 and no dates."""
    firm.choose(visibility="tenant")
    answer = firm.acme.get(f"/Users/{ids['ann']}")
    assert answer.json == {
        "schemas": [USER],
        "id": ids["ann"],
        "userName": "ann",
        "name": {"givenName": "Ann", "familyName": "Own"},
        "displayName": "Own",
        "active": True,
        "emails": [{"type": "work", "primary": True, "value": "ann@acme.example"}],
        "title": "Dr",
        "meta": {
            "resourceType": "User",
            "location": f"http://localhost/scim/v2/acme/Users/{ids['ann']}",
            "version": 'W/"0"',
        },
    }


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("active eq true", SEEN["tenant"]),
        ("active eq false", set()),
        ('title eq "Dr"', {"ann"}),
        ("not (title pr)", SEEN["tenant"] - {"ann", "own"}),
        ('emails[type eq "work"].value ew "@acme.example"', SEEN["tenant"] - {"own", "elsewhere"}),
        ("externalId pr", set()),
        ('meta.created pr and userName sw "a"', {"ann"}),
    ],
)
def test_filters(firm: Firm, ids: dict[str, str], filter: str, expected: set[str]) -> None:
    """Filters hold for accounts that are only seen as for others."""
    firm.choose(visibility="tenant")
    assert set(listed(firm, filter=filter)) == expected


@pytest.mark.parametrize("visibility", ["adoptable", "tenant"])
def test_connections_share_statements(firm: Firm, visibility: str) -> None:
    """What a connection sees is asked with the same statements as for others, and is its own."""
    clients, ids = {}, {}
    for tenant in (1, 2, 3):
        name = f"ann{tenant}"
        ids[tenant] = firm.add(name, f"{name}@acme.example", tenant_id=tenant)
        firm.add(f"bob{tenant}", "bob@home.example", tenant_id=tenant, is_admin=True)
        clients[tenant] = firm.connect(f"c{tenant}", str(tenant), visibility=visibility)

    def check(tenant: int) -> None:
        client, name = clients[tenant], f"ann{tenant}"
        names = {name} if visibility == "adoptable" else {name, f"bob{tenant}"}
        assert {each["userName"] for each in client.get("/Users").json["Resources"]} == names
        assert client.get("/Users", count=0).json["totalResults"] == len(names)
        assert client.find(f'userName eq "{name}"') == [name]
        assert client.find(f'userName eq "ann{tenant % 3 + 1}"') == []
        assert client.get(f"/Users/{ids[tenant]}").json["userName"] == name
        assert client.get(f"/Users/{ids[tenant % 3 + 1]}").status_code == 404

    check(1)
    with built() as statements:
        check(2)
        check(3)
    assert statements == []


def test_domains_are_the_connections_own(firm: Firm) -> None:
    """A domain that is proved, or given up, decides at once who is seen, on each connection."""
    home = firm.add("home", "home@home.example")
    firm.add("work", "work@acme.example")
    firm.choose(visibility="adoptable")
    other = firm.host.connect(
        "other",
        tenant="1",
        domains=["home.example"],
        policy=ADOPTING | {"visibility": "adoptable"},
    )
    assert listed(firm) == ["work"]
    assert other.find("userName pr") == ["home"]
    with firm.host.app.app_context():
        firm.host.scim.connections.edit("acme", domains=["home.example"])
        firm.host.scim.connections.edit("other", domains=["acme.example"])
    assert listed(firm) == ["home"]
    assert other.find("userName pr") == ["work"]
    assert other.get(f"/Users/{home}").status_code == 404


@pytest.mark.parametrize("query", [{}, {"sortBy": "userName"}, {"sortBy": "meta.created"}])
@pytest.mark.parametrize("by", ["index", "cursor"])
def test_import_by_pages(firm: Firm, ids: dict[str, str], by: str, query: dict[str, str]) -> None:
    """Pages show each account once, whether by index or by cursor, in any order."""
    firm.choose(visibility="tenant")
    names: list[str] = []
    if by == "index":
        for start in (1, 3, 5):
            answer = firm.acme.get("/Users", startIndex=start, count=2, **query).json
            assert answer["totalResults"] == 6
            names += [each["userName"] for each in answer["Resources"]]
    else:
        cursor: str | None = ""
        while cursor is not None:
            answer = firm.acme.get("/Users", cursor=cursor, count=2, **query).json
            names += [each["userName"] for each in answer["Resources"]]
            cursor = answer.get("nextCursor")
    assert len(names) == 6
    assert set(names) == SEEN["tenant"]


@pytest.mark.parametrize("visibility", ["adoptable", "tenant"])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_takes_over(firm: Firm, ids: dict[str, str], visibility: str, method: str) -> None:
    """The first change of an account that is seen takes it over, and does not touch the e-mail."""
    firm.choose(visibility=visibility)
    path = f"/Users/{ids['ann']}"
    if method == "put":
        sent = person("ann", "Ann@acme.example", externalId="1", title="Prof")
        answer = firm.acme.put(path, sent)
    else:
        answer = firm.acme.patch(
            path,
            {"op": "replace", "path": "title", "value": "Prof"},
            {"op": "replace", "path": "externalId", "value": "1"},
        )
    assert (answer.status_code, answer.json["title"], answer.json["externalId"]) == (
        200,
        "Prof",
        "1",
    )
    assert answer.json["meta"]["version"] == 'W/"1"'
    assert answer.json["emails"][0]["value"] == "ann@acme.example"
    assert firm.told == ["user.adopted verified_email"]
    assert firm.acme.find('externalId eq "1"') == ["ann"]
    again = {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@acme.example"}
    assert firm.acme.patch(path, again).json["emails"][0]["value"] == "b@acme.example"


@pytest.mark.parametrize("name", ["boss", "unverified", "elsewhere", "others"])
def test_a_change_of_one_who_is_not_taken_over(firm: Firm, ids: dict[str, str], name: str) -> None:
    """Whom the policy does not give is not changed by a connection that sees them."""
    firm.choose(visibility="tenant")
    path, before = f"/Users/{ids[name]}", firm.acme.get(f"/Users/{ids[name]}").json
    operation = {"op": "replace", "path": "title", "value": "Prof"}
    answers = [firm.acme.put(path, before | {"title": "Prof"}), firm.acme.patch(path, operation)]
    for answer in answers:
        assert answer.status_code == (409 if name == "others" else 403)
        assert answer.json["detail"]
    assert firm.acme.get(path).json == before
    assert firm.told == []


def test_a_change_that_names_another_address(firm: Firm, ids: dict[str, str]) -> None:
    """Somebody who has given themselves another's user name is not taken for the other."""
    firm.choose(visibility="tenant")
    path = f"/Users/{ids['ann']}"
    for sent in (person("ann", "boss@acme.example"), person("ann")):
        answer = firm.acme.put(path, sent)
        assert answer.status_code == 403
        assert "by another e-mail address" in answer.json["detail"]
    new = {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@acme.example"}
    assert firm.acme.patch(path, new).status_code == 403
    assert firm.row(ids["ann"]).email == "ann@acme.example"


def test_two_accounts_with_one_address(firm: Firm, ids: dict[str, str]) -> None:
    """Neither of two is taken over, even if the identity provider names one of them."""
    firm.choose(visibility="tenant")
    firm.add("double", "ANN@acme.example")
    answer = firm.acme.put(f"/Users/{ids['ann']}", person("ann", "ann@acme.example"))
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")


def test_deletion(firm: Firm, ids: dict[str, str]) -> None:
    """An account that is only seen cannot be deleted."""
    firm.choose(visibility="tenant")
    answer = firm.acme.delete(f"/Users/{ids['ann']}")
    assert answer.status_code == 403
    assert "has not provisioned" in answer.json["detail"]
    assert firm.row(ids["ann"]).blocked is False


def test_versions(firm: Firm, ids: dict[str, str]) -> None:
    """The version that is shown can be asked for."""
    firm.choose(visibility="adoptable")
    path, sent = f"/Users/{ids['ann']}", person("ann", "ann@acme.example")
    for tag, status in (('W/"1"', 412), ('W/"0"', 200)):
        answer = firm.acme.request("PUT", path, sent, headers={"If-Match": tag})
        assert answer.status_code == status


def test_never_shows_nobody_as_adoptable(firm: Firm, ids: dict[str, str]) -> None:
    """Where nobody is taken over, nobody is adoptable; what is seen beside cannot be changed."""
    firm.choose(adoption="never", visibility="adoptable")
    assert listed(firm) == ["own"]
    firm.choose(visibility="tenant")
    answer = firm.acme.put(f"/Users/{ids['ann']}", person("ann", "ann@acme.example"))
    assert answer.status_code == 403


def test_members_are_provisioned(firm: Firm, ids: dict[str, str]) -> None:
    """Who is only seen cannot be put into a group; who is taken over can."""
    firm.choose(visibility="tenant")
    members = [{"value": ids["ann"]}]
    assert firm.acme.post("/Groups", {"displayName": "A", "members": members}).status_code == 400
    firm.acme.put(f"/Users/{ids['ann']}", person("ann", "ann@acme.example"))
    assert firm.acme.create_group("A", ids["ann"])["members"][0]["value"] == ids["ann"]


@pytest.mark.parametrize("visibility", SEEN)
def test_what_it_costs(firm: Firm, visibility: str) -> None:
    """A page of accounts that are seen costs as many statements at any size."""
    firm.choose(visibility=visibility)
    for number in range(30):
        firm.add(f"u{number}", f"u{number}@acme.example")
    counts = []
    for count in (1, 30):
        firm.acme.get("/Users", count=count)
        with firm.host.statements() as statements:
            firm.acme.get("/Users", count=count)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 4


def test_a_function_hides_who_is_adoptable(build: Callable[..., Host]) -> None:
    """What only a function can tell SQL cannot list: nobody is shown, and adoption works still."""
    users = {"verified": lambda user: user.seen is not None, "privileged": "is_admin"}
    host = build(users=users)
    policy = ADOPTING | {"visibility": "adoptable"}
    acme = host.connect("acme", tenant="1", domains=["acme.example"], policy=policy)
    firm = Firm(host, acme)
    id = firm.add("ann", "ann@acme.example", seen=datetime(2026, 1, 1))
    assert listed(firm) == []
    assert acme.create("ann", emails=mail("ann"))["id"] == id

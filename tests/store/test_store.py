"""What every store promises, on every database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_scim import read_only, user_created, user_deleted
from flask_scim.protocol.definitions import USER_TYPE
from flask_scim.protocol.errors import InvalidValue, ScimError, UniquenessError
from flask_scim.protocol.parser import parse_filter, parse_path
from flask_scim.protocol.resolver import AttributePath, resolve_filter, resolve_name
from flask_scim.provisioning.ports import Query, Resource, Store
from tests.client import ENTERPRISE, ScimClient
from tests.host import Host, Plan

ANN: dict[str, Any] = {
    "userName": "Ann",
    "externalId": "a-1",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "displayName": "Lee",
    "active": True,
    "emails": [{"type": "work", "primary": True, "value": "ann@x.org"}],
    "nickName": "Annie",
    ENTERPRISE: {"employeeNumber": "17", "department": "Research"},
}


def add(store: Store, **document: Any) -> Resource:
    """Insert a resource in a transaction of its own."""
    with store.transaction():
        return store.insert(document)


@contextmanager
def locked(store: Store, id: str) -> Iterator[Resource]:
    """A resource in a transaction that is committed at the end."""
    with store.transaction():
        resource = store.lock(id)
        assert resource is not None
        yield resource


def change(store: Store, id: str, **document: Any) -> Resource:
    """Replace a resource's document in a transaction of its own."""
    with locked(store, id) as resource:
        return store.update(resource, document)


def remove(store: Store, id: str) -> None:
    """Delete a resource in a transaction of its own."""
    with locked(store, id) as resource:
        store.delete(resource)


def query(filter: str | None = None, **options: Any) -> Query:
    """A query by the text of a filter."""
    condition = resolve_filter(parse_filter(filter), USER_TYPE) if filter else None
    return Query(condition, **options)


def names(store: Store, filter: str | None = None, **options: Any) -> list[str]:
    """The user names of a page."""
    return [r.document["userName"] for r in store.find(query(filter, **options)).resources]


def path(name: str) -> AttributePath:
    """An attribute by its name."""
    return resolve_name(parse_path(name).name, USER_TYPE)


def rows(host: Host) -> list[Any]:
    """The host's own rows, in the order of their keys."""
    with host.app.app_context():
        found = host.db.session.scalars(sa.select(host.User).order_by(host.User.id)).all()
        host.db.session.expunge_all()
        return list(found)


def records(host: Host) -> list[dict[str, Any]]:
    """Our records, in the order of the host's rows."""
    table = host.scim._wiring.declared["User"].record
    with host.app.app_context():
        statement = sa.select(table).order_by(table.c.row_id)
        found = host.db.session.execute(statement)
        return [dict(zip(table.c.keys(), row, strict=True)) for row in found]


# Reading and writing.


def test_insert_and_get(store: Store) -> None:
    """What is inserted can be read, and is what the insertion said."""
    inserted = add(store, **ANN)
    found = store.get(inserted.id)
    assert found is not None
    assert inserted.document == ANN
    assert found.document == ANN
    assert (found.id, found.version) == (inserted.id, 1)
    assert (found.created, found.modified) == (inserted.created, inserted.modified)
    assert found.created == found.modified


def test_a_document_is_not_touched(store: Store) -> None:
    """The document that is stored is the caller's own still."""
    document = {**ANN, "emails": [{"type": "work", "value": "a@x.org"}]}
    before = repr(document)
    resource = add(store, **document)
    change(store, resource.id, **document)
    assert before == repr(document)


@pytest.mark.parametrize(
    "id",
    [
        "0",
        "-1",
        "--5",
        "007",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "x",
        "",
        "٣",
        "²",
        "9" * 19,
        "9" * 400,
    ],
)
def test_an_id_that_is_not_there(store: Store, id: str) -> None:
    """An id that no row has, or that is not written as ids are, is just not there."""
    add(store, **ANN)
    assert store.get(id) is None
    with store.transaction():
        assert store.lock(id) is None


@pytest.mark.parametrize("id", ["--5", "-", "x", "1%00", "%C3%A9", "9" * 400])
def test_an_id_that_is_not_there_over_http(scim: ScimClient, id: str) -> None:
    """An id that is not of the key's type is answered like one that is not there."""
    assert scim.get(f"/Users/{id}").status_code == 404
    assert scim.patch(f"/Users/{id}", {"op": "remove", "path": "title"}).status_code == 404
    assert scim.delete(f"/Users/{id}").status_code == 404


def test_update(store: Store) -> None:
    """An update replaces the document, moves the version by one and keeps when it was created."""
    before = add(store, **ANN)
    document = {"userName": "ann2", "name": {"familyName": "Ray"}, "displayName": "Ray"}
    after = change(store, before.id, **document, active=False)
    found = store.get(before.id)
    assert found is not None
    assert found.document == after.document == {**document, "active": False}
    assert (found.id, found.version, found.created) == (before.id, 2, before.created)
    assert found.modified == after.modified > before.modified


def test_update_without_change(host: Host, store: Store) -> None:
    """A document that is stored already writes nothing, and the same resource comes back."""
    id = add(store, **ANN).id
    with locked(store, id) as resource, host.statements() as statements:
        assert store.update(resource, dict(resource.document)) is resource
        assert statements == []
    found = store.get(id)
    assert found is not None
    assert (found.version, found.modified) == (1, found.created)


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Dr"},
        {"nickName": "A"},
        {"externalId": "a-2"},
        {"active": False},
        {"emails": [{"type": "work", "primary": True, "value": "ann@x.org", "display": "A"}]},
        {"locale": "de-DE"},
        {"userName": "ANN"},
    ],
)
def test_a_change_wherever_it_sits_moves_the_version(store: Store, changed: dict[str, Any]) -> None:
    """A change in the host's row, in JSON, in a related row or in the record alone is a change."""
    id = add(store, **ANN).id
    assert change(store, id, **(ANN | changed)).version == 2
    found = store.get(id)
    assert found is not None
    assert found.document == ANN | changed
    assert change(store, id, **(ANN | changed)).version == 2


def test_delete(store: Store) -> None:
    """What is deleted can be neither read, locked nor found."""
    gone, left = add(store, userName="gone"), add(store, userName="left")
    remove(store, gone.id)
    assert store.get(gone.id) is None
    assert names(store) == ["left"]
    assert names(store, f'id eq "{gone.id}"') == []
    with store.transaction():
        assert store.lock(gone.id) is None
        assert store.lock(left.id) is not None


def test_an_error_undoes_everything(host: Host, store: Store) -> None:
    """What was done before an error in a transaction never happened."""
    kept = add(store, **ANN)

    def fail() -> None:
        with locked(store, kept.id) as resource:
            store.insert({"userName": "bob", "locale": "fr"})
            store.update(resource, {"userName": "other"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(store) == ["Ann"]
    assert [row.username for row in rows(host)] == ["Ann"]
    assert change(store, kept.id, userName="Ann").version == 2


def test_a_refusal_leaves_nothing_behind(host: Host, store: Store) -> None:
    """After a refused change the session is as good as new, and nothing of it is stored."""
    id = add(store, **ANN).id
    for wrong in (
        {"userType": "golden"},
        {"name": {"givenName": "x" * 51}},
        {"userName": "y" * 101},
    ):
        with pytest.raises(InvalidValue):
            change(store, id, **(ANN | {"title": "Dr"} | wrong))
        with pytest.raises(InvalidValue):
            add(store, **({"userName": "bob"} | wrong))
    found = store.get(id)
    assert found is not None
    assert (found.document, found.version) == (ANN, 1)
    assert len(rows(host)) == len(records(host)) == 1


# Lists.


def test_paging_is_total(store: Store) -> None:
    """Pages show each resource once, in one order, and each of them tells the total."""
    for number in range(7):
        add(store, userName=f"u{number}", title="same")
    expected = [f"u{number}" for number in range(7)]
    for options in ({}, {"sort_by": path("userType")}, {"sort_by": path("userName")}):
        paged: list[str] = []
        for start in (1, 4, 7):
            page = store.find(query('title eq "same"', start_index=start, count=3, **options))
            assert page.total == 7
            paged += [resource.document["userName"] for resource in page.resources]
        assert expected == paged


@pytest.mark.parametrize(
    ("filter", "start", "count", "expected", "total"),
    [
        (None, 1, 100, ["a", "b", "c"], 3),
        (None, 1, 3, ["a", "b", "c"], 3),
        (None, 1, 2, ["a", "b"], 3),
        (None, 3, 2, ["c"], 3),
        (None, 4, 2, [], 3),
        (None, 400, 2, [], 3),
        (None, 1, 0, [], 3),
        (None, 2, 0, [], 3),
        ('userName gt "a"', 1, 1, ["b"], 2),
        ('userName gt "a"', 2, 10, ["c"], 2),
        ('userName eq "z"', 1, 10, [], 0),
        ('userName eq "z"', 5, 10, [], 0),
        ('userName eq "z"', 1, 0, [], 0),
    ],
)
def test_totals(
    store: Store, filter: str | None, start: int, count: int, expected: list[str], total: int
) -> None:
    """The total is that of the filter, whatever part of it the page shows."""
    for name in "abc":
        add(store, userName=name)
    page = store.find(query(filter, start_index=start, count=count))
    assert [resource.document["userName"] for resource in page.resources] == expected
    assert page.total == total


def test_sorted_both_ways(store: Store) -> None:
    """Descending is ascending backwards; what is not assigned is last upwards, first downwards."""
    for name, title in (("a", "y"), ("b", None), ("c", "X"), ("d", "y")):
        add(store, userName=name, **({"userType": "full"} if title == "y" else {}))
    upwards = names(store, sort_by=path("userType"))
    assert upwards == ["a", "d", "b", "c"]
    assert names(store, sort_by=path("userType"), descending=True) == upwards[::-1]


def test_connections_see_their_own(opened: Callable[..., Store]) -> None:
    """A resource of one connection is out of reach of every other one, of the tenant or not."""
    own = opened("acme", "1")
    id = add(own, **ANN).id
    for other in (opened("sister", "1"), opened("stranger", "2")):
        assert other.get(id) is None
        assert other.find(Query()).total == 0
        assert names(other, 'userName eq "ann"') == []
        with other.transaction():
            assert other.lock(id) is None
    assert names(own) == ["Ann"]


def test_a_row_that_moves_to_another_tenant_is_out_of_reach(host: Host, store: Store) -> None:
    """The tenant that the host's row says now is the one that counts."""
    id = add(store, **ANN).id
    with host.app.app_context():
        host.db.session.get(host.User, int(id)).tenant_id = 2
        host.db.session.commit()
    assert store.get(id) is None
    assert store.find(Query()).total == 0
    with store.transaction():
        assert store.lock(id) is None


# Uniqueness.


@pytest.mark.parametrize("name", ["Ann", "ann", "ANN"])
def test_taken_name(host: Host, store: Store, name: str) -> None:
    """A name that is taken in whatever letter case is refused, for a new and for a known one."""
    add(store, **ANN)
    other = add(store, userName="bob").id
    with pytest.raises(UniquenessError, match=f"userName '{name}' is taken by another User"):
        add(store, userName=name)
    with pytest.raises(UniquenessError, match=f"userName '{name}' is taken by another User"):
        change(store, other, userName=name)
    assert names(store) == ["Ann", "bob"]
    assert len(rows(host)) == 2


def test_names_beyond_ascii(store: Store) -> None:
    """Letters of every alphabet are folded, and accents tell names apart."""
    add(store, userName="änn")
    with pytest.raises(UniquenessError):
        add(store, userName="ÄNN")
    add(store, userName="ann")
    assert names(store, 'userName eq "Änn"') == ["änn"]


def test_own_name_in_another_case(store: Store) -> None:
    """A user may change the letter case of its own name."""
    id = add(store, **ANN).id
    assert change(store, id, **(ANN | {"userName": "ANN"})).version == 2
    assert names(store) == ["ANN"]


def test_the_same_name_in_another_tenant(opened: Callable[..., Store]) -> None:
    """A name is taken within its tenant only."""
    add(opened("acme", "1"), **ANN)
    add(opened("other", "2"), **ANN)


@pytest.mark.parametrize("name", ["old", "OLD"])
def test_a_row_of_the_hosts_own(host: Host, scim: ScimClient, name: str) -> None:
    """A name that an account of the host's own has is taken, and the account stays as it is."""
    with host.app.app_context():
        host.db.session.add(host.User(tenant_id=1, username="old", last_name="Own"))
        host.db.session.add(host.User(tenant_id=2, username="elsewhere", last_name="Own"))
        host.db.session.commit()
    response = scim.post("/Users", {"userName": name})
    assert (response.status_code, response.json["scimType"]) == (409, "uniqueness")
    assert [row.last_name for row in rows(host)] == ["Own", "Own"]
    assert records(host) == []
    scim.create("elsewhere")


def test_a_name_that_is_being_taken(host: Host, opened: Callable[..., Store]) -> None:
    """Who asks for a name that an open transaction is about to take waits, and is refused."""
    store, second = opened(), host.scim.connections.get("acme")
    assert second is not None
    token, _ = host.scim.tokens.issue("acme", ["post:users"])
    client = ScimClient(host.app.test_client(), "/scim/v2/acme", token)
    with ThreadPoolExecutor(1) as pool:
        with store.transaction():
            store.insert({"userName": "Ann"})
            asked = pool.submit(client.post, "/Users", {"userName": "aNN"})
            threading.Event().wait(0.3)
            assert not asked.done()
        response = asked.result()
    assert (response.status_code, response.json["scimType"]) == (409, "uniqueness")
    assert names(store) == ["Ann"]
    assert len(rows(host)) == 1


@pytest.mark.parametrize("word", ["ann", "änn", "bob"])
def test_many_ask_for_a_name_at_once(host: Host, scim: ScimClient, word: str) -> None:
    """Of many who ask for a name at once, in whatever letter case, exactly one gets it."""
    asked = [word, word.upper(), word.title()] * 2
    start = threading.Barrier(len(asked))

    def ask(name: str) -> int:
        client = ScimClient(host.app.test_client(), scim.base, scim.token)
        start.wait()
        return client.post("/Users", {"userName": name}).status_code

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = sorted(pool.map(ask, asked))
    assert answers == [201] + [409] * (len(asked) - 1)
    assert scim.get("/Users").json["totalResults"] == 1
    assert len(rows(host)) == len(records(host)) == 1


def test_many_rename_to_a_name_at_once(host: Host, scim: ScimClient) -> None:
    """Of many who take a name by PATCH at once exactly one gets it."""
    ids = [scim.create(f"u{number}")["id"] for number in range(4)]
    start = threading.Barrier(len(ids))

    def rename(id: str) -> int:
        client = ScimClient(host.app.test_client(), scim.base, scim.token)
        start.wait()
        taking = {"op": "replace", "path": "userName", "value": "ann"}
        return client.patch(f"/Users/{id}", taking).status_code

    with ThreadPoolExecutor(len(ids)) as pool:
        answers = sorted(pool.map(rename, ids))
    assert answers == [200, 409, 409, 409]
    assert scim.find('userName eq "ann"') == ["ann"]


# Locks.


def test_a_change_waits_for_the_one_before(host: Host, opened: Callable[..., Store]) -> None:
    """A change of a locked resource waits, and then starts from what the other one left."""
    store = opened()
    id = add(store, **ANN).id
    token, _ = host.scim.tokens.issue("acme", ["patch:users"])
    client = ScimClient(host.app.test_client(), "/scim/v2/acme", token)
    with ThreadPoolExecutor(1) as pool:
        with locked(store, id) as resource:
            setting = {"op": "replace", "path": "title", "value": "Dr"}
            asked = pool.submit(client.patch, f"/Users/{id}", setting)
            threading.Event().wait(0.3)
            assert not asked.done()
            store.update(resource, {**resource.document, "nickName": "Nan"})
        response = asked.result()
    assert response.status_code == 200, response.text
    found = store.get(id)
    assert found is not None
    assert (found.version, response.headers["ETag"]) == (3, 'W/"3"')
    assert found.document == {**ANN, "nickName": "Nan", "title": "Dr"}


@pytest.mark.parametrize(
    "paths",
    [
        ("title", "nickName"),
        ("name.givenName", "name.familyName"),
        (f"{ENTERPRISE}:department", f"{ENTERPRISE}:division"),
        ('emails[type eq "work"].value', 'emails[type eq "x"].value'),
        ("title", 'phoneNumbers[type eq "mobile"].value', "nickName", "profileUrl"),
    ],
)
def test_parallel_changes_all_survive(host: Host, scim: ScimClient, paths: tuple[str, ...]) -> None:
    """Requests that change different parts of one user at once lose nothing."""
    user = scim.create("ann", name={"familyName": "Lee"})
    start = threading.Barrier(len(paths))

    def ask(path: str) -> int:
        client = ScimClient(host.app.test_client(), scim.base, scim.token)
        start.wait()
        setting = {"op": "add", "path": path, "value": "new"}
        return client.patch(f"/Users/{user['id']}", setting).status_code

    with ThreadPoolExecutor(len(paths)) as pool:
        assert list(pool.map(ask, paths)) == [200] * len(paths)
    for path in paths:
        inner = path.replace("].value", ' and value eq "new"]')
        filter = inner if inner != path else f'{path} eq "new"'
        assert scim.find(filter) == ["ann"], path
    found = scim.get(f"/Users/{user['id']}")
    assert found.headers["ETag"] == f'W/"{1 + len(paths)}"'


def test_a_delete_and_a_change_at_once(host: Host, opened: Callable[..., Store]) -> None:
    """A change that waited for a deletion finds nothing."""
    store = opened()
    id = add(store, **ANN).id
    token, _ = host.scim.tokens.issue("acme", ["patch:users"])
    client = ScimClient(host.app.test_client(), "/scim/v2/acme", token)
    with ThreadPoolExecutor(1) as pool:
        with locked(store, id) as resource:
            setting = {"op": "replace", "path": "active", "value": True}
            asked = pool.submit(client.patch, f"/Users/{id}", setting)
            threading.Event().wait(0.3)
            store.delete(resource)
        assert asked.result().status_code == 404
    assert [row.blocked for row in rows(host)] == [True]


# What columns hold, and what they do not.


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"userName": "x" * 101}, "userName may have at most 100 characters"),
        ({"name": {"givenName": "x" * 51}}, "name.givenName may have at most 50 characters"),
        ({"emails": [{"type": "work", "value": "x" * 101}]}, "emails.value may have at most 100"),
        ({"locale": "x" * 21}, "locale may have at most 20 characters"),
        ({"externalId": "x" * 256}, "externalId may have at most 255 characters"),
        ({"userType": "golden"}, "userType must be one of free, full"),
        ({"userType": "FREE"}, "userType must be one of free, full"),
        ({ENTERPRISE: {"employeeNumber": "x"}}, "employeeNumber must be a whole number"),
        ({ENTERPRISE: {"employeeNumber": "--5"}}, "employeeNumber must be a whole number"),
        ({ENTERPRISE: {"employeeNumber": "017"}}, "employeeNumber must be a whole number"),
        ({ENTERPRISE: {"employeeNumber": str(2**31)}}, "employeeNumber must be a whole number"),
    ],
)
def test_what_no_column_holds(store: Store, changed: dict[str, Any], words: str) -> None:
    """A value that a column cannot hold is refused before the database sees it."""
    id = add(store, **ANN).id
    with pytest.raises(InvalidValue, match=words):
        change(store, id, **(ANN | changed))
    with pytest.raises(InvalidValue, match=words):
        add(store, **({"userName": "bob"} | changed))
    assert names(store) == ["Ann"]


@pytest.mark.parametrize(
    "fitting",
    [
        {"userName": "ä" * 100},
        {"name": {"givenName": "😀" * 50}},
        {"externalId": "é" * 255},
        {"nickName": "x" * 10_000},
        {"title": "x" * 10_000},
        {"userType": "full"},
        {ENTERPRISE: {"employeeNumber": str(2**31 - 1)}},
        {ENTERPRISE: {"employeeNumber": str(-(2**31))}},
    ],
)
def test_what_a_column_just_holds(store: Store, fitting: dict[str, Any]) -> None:
    """A value of the greatest length or size comes back as it went in."""
    added = add(store, **({"userName": "bob", "active": True} | fitting))
    found = store.get(added.id)
    assert found is not None
    assert found.document == {"userName": "bob", "active": True} | fitting


def test_columns_that_allow_no_null(host: Host, store: Store) -> None:
    """What is taken away from a column that allows no NULL is empty there, and not assigned."""
    id = add(store, **ANN).id
    after = change(store, id, userName="Ann", active=True)
    found = store.get(id)
    assert found is not None
    assert found.document == after.document == {"userName": "Ann", "active": True}
    (row,) = rows(host)
    assert (row.last_name, row.first_name, row.blocked) == ("", None, False)
    assert names(store, "name.familyName pr") == []
    assert names(store, 'not (name.familyName eq "Lee")') == ["Ann"]


def test_enum_columns(host: Host, store: Store) -> None:
    """A choice is written as the host's own member."""
    add(store, **ANN, userType="full")
    assert rows(host)[0].plan is Plan.FULL


def test_json_columns(host: Host, store: Store) -> None:
    """Values share a JSON column, and what else the host has there stays."""
    addresses = [{"type": "work", "country": "NO"}]
    phones = [{"type": "mobile", "value": "1"}]
    id = add(store, **ANN, title="Dr", addresses=addresses, phoneNumbers=phones).id
    expected = {"title": "Dr", "addresses": addresses, "phone": {"mobile": "1"}}
    assert rows(host)[0].profile == expected
    with host.app.app_context():
        row = host.db.session.get(host.User, int(id))
        row.profile = expected | {"theme": "dark", "phone": {"mobile": "1", "fax": "2"}}
        host.db.session.commit()
    change(store, id, **ANN, phoneNumbers=[{"type": "mobile", "value": "3"}])
    assert rows(host)[0].profile == {"theme": "dark", "phone": {"mobile": "3", "fax": "2"}}
    change(store, id, **ANN)
    assert rows(host)[0].profile == {"theme": "dark", "phone": {"fax": "2"}}


def test_to_one_relationship(host: Host, store: Store) -> None:
    """A value behind a relationship is written to the related row, which is made where needed."""
    without = add(store, userName="bob").id
    id = add(store, **ANN, locale="fr").id
    with host.app.app_context():
        session = host.db.session
        offices = session.scalars(sa.select(host.Office)).all()
        assert [office.locale for office in offices] == ["fr"]
        assert session.get(host.User, int(id)).office is offices[0]
        assert session.get(host.User, int(without)).office is None
    change(store, id, **ANN, locale="de-DE")
    assert names(store, 'locale eq "DE-de"') == ["Ann"]
    assert change(store, id, **ANN).document == ANN
    assert names(store, "not (locale pr)") == ["bob", "Ann"]
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(sa.func.count(host.Office.id))) == 1


def test_read_only_mirror(build: Callable[..., Host]) -> None:
    """An attribute that only mirrors another one follows it, and takes nothing itself."""
    emails = [{"type": "work", "primary": True, "value": read_only("username")}]
    host = build({"userName": "username", "name.familyName": "last_name", "emails": emails})
    scim = host.connect("acme", tenant="1")

    def mirrored(name: str) -> list[dict[str, Any]]:
        return [{"type": "work", "primary": True, "value": name}]

    user = scim.create("a@x.org", emails=[{"type": "work", "value": "other@x.org"}])
    assert user["emails"] == mirrored("a@x.org")
    path = f"/Users/{user['id']}"
    writing = {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@x.org"}
    assert scim.patch(path, writing).json["emails"] == mirrored("a@x.org")
    assert scim.get(path).headers["ETag"] == 'W/"1"'
    renaming = {"op": "replace", "path": "userName", "value": "b@x.org"}
    assert scim.patch(path, renaming).json["emails"] == mirrored("b@x.org")
    assert scim.find('emails eq "b@x.org"') == ["b@x.org"]
    assert scim.get(path).headers["ETag"] == 'W/"2"'


# Deletion, hooks and revival.


def hooks(host: Host) -> Any:
    """The declared users, with their decorators for hooks."""
    return host.scim._wiring.declared["User"]


def test_delete_retires(host: Host, store: Store) -> None:
    """Deletion keeps the host's row, and deactivates it where the host can tell."""
    remove(store, add(store, **ANN).id)
    (row,) = rows(host)
    assert (row.username, row.blocked) == ("Ann", True)


def test_delete_retires_where_active_is_not_mapped(build: Callable[..., Host]) -> None:
    """Without a place for ``active`` the row stays as it was, and the record tells."""
    host = build({"userName": "username", "name.familyName": "last_name"})
    scim = host.connect("acme", tenant="1")
    user = scim.create("ann")
    assert scim.delete(f"/Users/{user['id']}").status_code == 204
    assert scim.get(f"/Users/{user['id']}").status_code == 404
    assert [row.blocked for row in rows(host)] == [False]
    (record,) = records(host)
    assert record["active"] is False
    assert record["deleted"] is not None


def test_creator(build: Callable[..., Host]) -> None:
    """A creator makes the row; what is mapped is written to it afterwards."""
    host = build()
    seen: list[Any] = []

    @hooks(host).creator
    def create(document: dict[str, Any], connection: Any) -> Any:
        seen.append((document["userName"], connection.id))
        made = host.User(public_id=uuid.UUID(int=7), first_name="to be written over", number=1)
        host.db.session.add(made)
        return made

    scim = host.connect("acme", tenant="1")
    created = scim.create("ann", name={"givenName": "Ann"})
    (row,) = rows(host)
    assert seen == [("ann", "acme")]
    assert (row.public_id, row.first_name, row.number) == (uuid.UUID(int=7), "Ann", 1)
    assert (row.username, row.tenant_id) == ("ann", 1)
    assert created[ENTERPRISE] == {"employeeNumber": "1"}
    assert scim.get(f"/Users/{created['id']}").json == created


@pytest.mark.parametrize("way", ["delete", "delete and flush", "by statement"])
def test_deleter_that_deletes_the_row(build: Callable[..., Host], way: str) -> None:
    """A deleter may delete the row in any way; its record goes with it, and the name is free."""
    host = build()

    @hooks(host).deleter
    def delete(row: Any, connection: Any) -> None:
        assert connection.id == "acme"
        session = host.db.session
        if way == "by statement":
            session.execute(sa.delete(host.User).where(host.User.id == row.id))
            return
        session.delete(row)
        if way == "delete and flush":
            session.flush()

    scim = host.connect("acme", tenant="1")
    user = scim.create("ann", externalId="1")
    response = scim.delete(f"/Users/{user['id']}")
    assert response.status_code == 204, response.text
    assert rows(host) == []
    assert records(host) == []
    assert scim.get(f"/Users/{user['id']}").status_code == 404
    scim.create("ann", externalId="2")


def test_deleter_that_keeps_the_row(build: Callable[..., Host]) -> None:
    """A deleter may do something else with the row; to SCIM the user is gone."""
    host = build()

    @hooks(host).deleter
    def delete(row: Any, connection: Any) -> None:
        row.last_name = "retired"

    scim = host.connect("acme", tenant="1")
    user = scim.create("ann")
    assert scim.delete(f"/Users/{user['id']}").status_code == 204
    assert scim.get(f"/Users/{user['id']}").status_code == 404
    assert [(row.last_name, row.blocked) for row in rows(host)] == [("retired", False)]


@pytest.mark.parametrize(
    "refusal", [InvalidValue("All 25 seats are taken; buy more."), UniquenessError("Seat taken.")]
)
def test_hooks_that_refuse(build: Callable[..., Host], refusal: ScimError) -> None:
    """The identity provider's admin reads why a hook refuses, and nothing is stored or told."""
    host = build()
    scim = host.connect("acme", tenant="1")
    user = scim.create("old")

    @hooks(host).creator
    def create(document: dict[str, Any], connection: Any) -> Any:
        host.db.session.add(host.Office(locale="left behind"))
        host.db.session.flush()
        raise refusal

    @hooks(host).deleter
    def delete(row: Any, connection: Any) -> None:
        row.last_name = "left behind"
        raise refusal

    told: list[Any] = []

    def hear(sender: Flask, **carried: Any) -> None:
        told.append(carried)

    with user_created.connected_to(hear, host.app), user_deleted.connected_to(hear, host.app):
        for response in (
            scim.post("/Users", {"userName": "ann"}),
            scim.delete(f"/Users/{user['id']}"),
        ):
            assert response.status_code == refusal.status
            assert response.json["detail"] == refusal.detail
            assert response.json["scimType"] == refusal.scim_type
    assert told == []
    assert [(row.username, row.last_name) for row in rows(host)] == [("old", "")]
    assert scim.get("/Users").json["totalResults"] == 1
    with host.app.app_context():
        assert host.db.session.scalar(sa.select(sa.func.count(host.Office.id))) == 0


def test_the_same_person_comes_back(host: Host, store: Store) -> None:
    """Who is created again after a deletion gets the row and the id of before."""
    first = add(store, **ANN, title="Dr")
    remove(store, first.id)
    again = add(store, **(ANN | {"userName": "ANN", "nickName": "New"}))
    assert again.id == first.id
    assert again.document == ANN | {"userName": "ANN", "nickName": "New"}
    found = store.get(again.id)
    assert found is not None
    assert (found.document, found.version) == (again.document, again.version)
    assert found.version > first.version
    (row,) = rows(host)
    assert (row.username, row.blocked, row.profile) == ("ANN", False, {})
    assert change(store, again.id, **ANN).version == again.version + 1


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        ({"externalId": "1"}, {"externalId": "1"}, True),
        ({"externalId": "1"}, {}, True),
        ({}, {"externalId": "1"}, True),
        ({}, {}, True),
        ({"externalId": "1"}, {"externalId": "2"}, False),
        ({"externalId": "a"}, {"externalId": "A"}, False),
    ],
)
def test_who_is_the_same_person(
    host: Host, store: Store, before: dict[str, Any], after: dict[str, Any], is_same: bool
) -> None:
    """The same name is the same person, unless the external ids say otherwise."""
    first = add(store, userName="ann", **before)
    remove(store, first.id)
    second = add(store, userName="Ann", **after)
    assert (second.id == first.id) is is_same
    assert len(rows(host)) == (1 if is_same else 2)
    assert names(store) == ["Ann"]


def test_one_of_several_deleted_persons_comes_back(host: Host, store: Store) -> None:
    """Among deleted users of one name it is the one of the same external id that comes back."""
    ids = []
    for external_id in ("1", "2", "3"):
        ids.append(add(store, userName="ann", externalId=external_id).id)
        remove(store, ids[-1])
    assert len(set(ids)) == 3
    for external_id, id in zip(("2", "1", "3"), (ids[1], ids[0], ids[2]), strict=True):
        assert add(store, userName="ann", externalId=external_id).id == id
        remove(store, id)
    assert len(rows(host)) == 3


def test_a_different_person_where_the_name_was_taken_since(store: Store) -> None:
    """A name that another user has by now is taken, for whoever had it before too."""
    first = add(store, userName="ann", externalId="1")
    remove(store, first.id)
    add(store, userName="ann", externalId="2")
    for external_id in ("1", "3"):
        with pytest.raises(UniquenessError):
            add(store, userName="Ann", externalId=external_id)
    assert names(store) == ["ann"]


def test_a_deleted_person_of_another_connection(opened: Callable[..., Store]) -> None:
    """A row that another connection deleted belongs to the host: the name is not free."""
    first, second = opened("acme", "1"), opened("sister", "1")
    remove(first, add(first, **ANN).id)
    with pytest.raises(UniquenessError):
        add(second, **ANN)


def test_many_bring_back_a_person_at_once(host: Host, scim: ScimClient) -> None:
    """Of many who create a deleted person again at once one succeeds, and none makes a second."""
    user = scim.create("ann", externalId="1")
    scim.delete(f"/Users/{user['id']}")
    start = threading.Barrier(4)

    def ask(_: int) -> int:
        client = ScimClient(host.app.test_client(), scim.base, scim.token)
        start.wait()
        return client.post("/Users", {"userName": "ann", "externalId": "1"}).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(ask, range(4)))
    assert answers[0] == 201
    assert set(answers[1:]) <= {409, 503}
    assert len(rows(host)) == len(records(host)) == 1
    assert scim.find('userName eq "ann"') == ["ann"]


def test_a_connection_without_tenant(host: Host) -> None:
    """Where the host has tenants a connection without one cannot be used, and says so."""
    with host.app.app_context(), pytest.raises(ValueError, match="tenant"):
        host.scim.connections.add("nobody")

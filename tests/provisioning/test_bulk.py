"""Many operations in one request, and the references between them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_scim.protocol.definitions import ENTERPRISE_USER
from flask_scim.protocol.errors import Forbidden, InternalError, InvalidValue, NotFound
from flask_scim.protocol.messages import PATCH_OP, BulkResult
from flask_scim.provisioning.bulk import BulkOperation, Outcome, run

BASE = "https://example.com/scim"
MANAGER = f"{ENTERPRISE_USER.id}:manager"


class Directory:
    """Keeps documents by path, and what was performed on them.

    It refuses a document with ``fails``, and the methods in ``refused`` where no client asked for
    them.
    """

    def __init__(self, refused: str = "") -> None:
        self.documents: dict[str, dict[str, Any]] = {"/Users/old": {"userName": "old"}}
        self.performed: list[BulkOperation] = []
        self.refused = refused.split()
        self.versions: dict[str, int] = {}

    def perform(self, operation: BulkOperation) -> Outcome:
        self.performed.append(operation)
        if not operation.is_asked_for and operation.method in self.refused:
            raise Forbidden(f"No {operation.method} here.")
        data = copy.deepcopy(operation.data)
        if data and data.get("fails"):
            raise InternalError("It failed.") if data["fails"] == "crash" else InvalidValue("Bad.")
        if operation.method == "POST":
            id = f"{operation.bulk_id}-{len(self.performed)}"
            path = f"{operation.path}/{id}"
            self.documents[path] = data
            return self.outcome(201, path, id)
        path = unquote(operation.path)
        if path not in self.documents:
            raise NotFound("It does not exist.")
        if operation.method == "DELETE":
            del self.documents[path]
            return Outcome(204, path.rpartition("/")[2])
        if operation.method == "PUT":
            self.documents[path] = data
        else:
            self.patch(self.documents[path], data["Operations"])
        return self.outcome(200, path, path.rpartition("/")[2])

    def outcome(self, status: int, path: str, id: str) -> Outcome:
        self.versions[path] = self.versions.get(path, 0) + 1
        return Outcome(status, id, f"{BASE}{path}", f'W/"{self.versions[path]}"')

    @staticmethod
    def patch(document: dict[str, Any], operations: list[dict[str, Any]]) -> None:
        for operation in operations:
            values, path = document, operation["path"]
            if path.startswith(ENTERPRISE_USER.id):
                values = document[ENTERPRISE_USER.id]
                path = path.removeprefix(f"{ENTERPRISE_USER.id}:")
            if isinstance(operation["value"], list):
                values[path] = values.get(path, []) + operation["value"]
            else:
                values[path] = operation["value"]

    def named(self, bulk_id: str) -> dict[str, Any] | None:
        """Find what a POST has made, with bulkIds in the place of ids."""
        for path, document in self.documents.items():
            if path.rpartition("/")[2].rpartition("-")[0] == bulk_id:
                return document
        return None

    @property
    def asked_for(self) -> list[str]:
        """What was performed at the client's wish, as bulkIds or paths."""
        return [each.bulk_id or each.path for each in self.performed if each.is_asked_for]


def locate(path: str) -> str | None:
    return f"{BASE}{path}" if path.count("/") == 2 else None


def post(bulk_id: Any, path: str = "/Users", **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "bulkId": bulk_id, "data": data}


def group(bulk_id: str, *members: str, **data: Any) -> dict[str, Any]:
    entries = [{"value": f"bulkId:{member}"} for member in members]
    return post(bulk_id, "/Groups", displayName=bulk_id, members=entries, **data)


def managed(bulk_id: str, manager: str, **data: Any) -> dict[str, Any]:
    extension = {"department": "R", "manager": {"value": f"bulkId:{manager}"}}
    return post(bulk_id, **{ENTERPRISE_USER.id: extension}, **data)


def statuses(results: list[BulkResult]) -> list[int]:
    return [result.status for result in results]


def details(results: list[BulkResult]) -> list[str]:
    return [result.error.detail if result.error else "" for result in results]


def test_results_of_each_method() -> None:
    """Each result says what was asked for, where it is, its version and its status."""
    directory = Directory()
    operations = [
        {**post("a"), "method": "post"},
        {"method": "PUT", "path": "/Users/old", "bulkId": "b", "data": {}, "version": 'W/"1"'},
        {"method": "PATCH", "path": "/Users/none", "data": {"Operations": []}},
        {"method": "DELETE", "path": "/Users/old", "data": {"passed": "over"}},
        {"method": "DELETE", "path": "/Users/old"},
    ]
    results = run(operations, None, directory.perform, locate)
    assert results[:2] == [
        BulkResult("POST", 201, "a", f"{BASE}/Users/a-1", 'W/"1"'),
        BulkResult("PUT", 200, "b", f"{BASE}/Users/old", 'W/"1"', index=1),
    ]
    assert statuses(results) == [201, 200, 404, 204, 404]
    assert results[2].location == f"{BASE}/Users/none"
    assert directory.performed[1].version == 'W/"1"'
    assert directory.performed[3].data is None


GOOD: dict[str, Any] = {"method": "PATCH", "path": "/Users/old", "data": {"Operations": []}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": None}, "method"),
        ({"method": 5}, "method"),
        ({"method": "GET"}, "method"),
        ({"method": "x" * 10_000}, "method"),
        ({"path": None}, "path"),
        ({"path": ["/Users"]}, "path"),
        ({"path": " "}, "path"),
        ({"data": None}, "data of a PATCH"),
        ({"data": []}, "data of a PATCH"),
        ({"method": "PUT", "data": "text"}, "data of a PUT"),
        ({"method": "POST", "path": "/Users", "bulkId": "a", "data": None}, "data of a POST"),
        ({"method": "POST", "path": "/Users"}, "bulkId"),
        ({"bulkId": 5}, "bulkId"),
        ({"bulkId": ""}, "bulkId"),
        ({"method": "POST", "path": "/Users", "bulkId": " \t"}, "bulkId"),
        ({"version": 5}, "version"),
    ],
)
def test_malformed_operation(change: dict[str, Any], words: str) -> None:
    """What is wrong with one operation is its own error, and the others are performed."""
    directory = Directory()
    results = run([{**GOOD, **change}, GOOD], None, directory.perform, locate)
    assert statuses(results) == [400, 200]
    assert results[0].error is not None
    assert results[0].error.scim_type == "invalidSyntax"
    assert words in results[0].error.detail
    assert len(results[0].method) <= 100
    assert len(directory.performed) == 1


@pytest.mark.parametrize(
    ("method", "path", "data", "expected"),
    [
        ("POST", "/Groups", {"members": [{"value": "bulkId:a"}]}, {"members": [{"value": "ID"}]}),
        ("PUT", "/Users/old", {"manager": {"value": "bulkId:a"}}, {"manager": {"value": "ID"}}),
        ("PUT", "/Users/old", {MANAGER: {"x": "bulkId:a"}}, {MANAGER: {"x": "ID"}}),
        (
            "PUT",
            "/Users/old",
            {"nickName": "bulkId:A a", "title": "not bulkId:a"},
            {"nickName": "ID2", "title": "not bulkId:a"},
        ),
    ],
)
def test_reference_in_a_resource(
    method: str, path: str, data: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Text that is a reference as a whole becomes the id, wherever it stands."""
    directory = Directory()
    given_data = copy.deepcopy(data)
    operation = {"method": method, "path": path, "bulkId": "z", "data": data}
    results = run([post("a"), post("A a"), operation], None, directory.perform)
    assert statuses(results)[:2] == [201, 201]
    assert given_data == data
    assert directory.performed[2].data == with_ids(expected, {"ID": "a-1", "ID2": "A a-2"})


def with_ids(data: Any, ids: dict[str, str]) -> Any:
    if isinstance(data, dict):
        return {key: with_ids(item, ids) for key, item in data.items()}
    return [with_ids(item, ids) for item in data] if isinstance(data, list) else ids.get(data, data)


def test_reference_in_a_patch() -> None:
    """A PATCH refers to new resources in its values, and in the filters of its paths."""
    directory = Directory()
    quoted = r'"bulkId:say \"hi\""'
    operations = [
        {"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]},
        {"op": "remove", "path": 'members[value eq "bulkId:a" or display eq "x\\y"]'},
        {"op": "replace", "Path": f"members[value eq {quoted}].display", "value": "bulkId:a"},
        {"op": "remove", "path": r'members[display eq "\x bulkId:a"]'},
        {"op": "replace", "path": "title", "value": 'says "bulkId:a"'},
        {"op": "remove", "path": 'members[value eq "bulkId:a'},
        {"op": "remove", "path": r'"bulkId:a' + r"\"" * 500_000 + "\\"},
    ]
    data = {"schemas": [PATCH_OP], "operations": operations}
    performed: list[Any] = []

    def perform(operation: BulkOperation) -> Outcome:
        performed.append(operation.data)
        return directory.perform(operation) if operation.method == "POST" else Outcome(200, "17")

    patch = {"method": "PATCH", "path": "/Groups/17", "data": data}
    run([post("a"), post('say "hi"'), patch], None, perform)
    assert performed[2]["operations"] == [
        {"op": "add", "path": "members", "value": [{"value": "a-1"}]},
        {"op": "remove", "path": 'members[value eq "a-1" or display eq "x\\y"]'},
        {
            "op": "replace",
            "Path": r'members[value eq "say \"hi\"-2"].display',
            "value": "a-1",
        },
        {"op": "remove", "path": r'members[display eq "\x bulkId:a"]'},
        {"op": "replace", "path": "title", "value": 'says "bulkId:a"'},
        *operations[-2:],
    ]


def test_reference_behind_escapes() -> None:
    """A literal in a path refers to what it says, however it is spelled, and alone in its data."""
    directory = Directory()
    directory.patch = lambda *_: None  # type: ignore[method-assign]
    removal = {"op": "remove", "path": r'members[value eq "\u0062ulkId:a"]'}
    patch = {"method": "PATCH", "path": "/Users/old", "data": {"Operations": [removal]}}
    run([patch, post("a")], None, directory.perform)
    assert [each.method for each in directory.performed] == ["POST", "PATCH"]
    (resolved,) = directory.performed[1].data["Operations"]
    assert resolved["path"] == 'members[value eq "a-1"]'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Users/bulkId:a/b", "/Users/a%2Fb-1"),
        ("/Users/bulkId%3Aa%2fb", "/Users/a%2Fb-1"),
        ("Users/bulkId%3aa/b", "Users/a%2Fb-1"),
        (f"{BASE}/Users/bulkId:a/b?attributes=id", f"{BASE}/Users/a%2Fb-1"),
        ("/Users/old", "/Users/old"),
        ("Users/a bulkId:a/b", "Users/a bulkId:a/b"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_reference_in_the_target(method: str, path: str, expected: str) -> None:
    """An operation may be on a resource that is made in the same request, even further down."""
    directory = Directory()
    operation = {"method": method, "path": path, "data": {"Operations": []}}
    run([operation, post("a/b")], None, directory.perform)
    assert expected in [each.path for each in directory.performed]


def test_references_point_forward_and_backward() -> None:
    """What is referred to comes first, the rest in the order of the request; so do the results."""
    directory = Directory()
    operations = [group("g", "a", "b"), post("c"), post("a"), group("h", "g", "d")]
    operations += [post("b"), managed("d", "c")]
    results = run(operations, 1, directory.perform)
    assert directory.asked_for == ["a", "b", "g", "c", "d", "h"]
    assert [result.bulk_id for result in results] == ["g", "c", "a", "h", "b", "d"]
    assert set(statuses(results)) == {201}
    assert directory.named("g") == {
        "displayName": "g",
        "members": [{"value": "a-1"}, {"value": "b-2"}],
    }


@pytest.mark.parametrize(
    "operation",
    [
        group("g", "nobody" * 50),
        group("g", "A"),
        {"method": "PUT", "path": "/Users/bulkId:nobody", "data": {}},
        {"method": "PUT", "path": "/Users/old", "bulkId": "own", "data": {"x": "bulkId:own"}},
        {"method": "DELETE", "path": "/Users/bulkId:"},
    ],
)
def test_undefined_reference(operation: dict[str, Any]) -> None:
    """A bulkId that no POST has, in this letter case, is named; of a long one, the start."""
    directory = Directory()
    results = run([operation, post("a")], None, directory.perform, locate)
    assert statuses(results) == [400, 201]
    assert results[0].error is not None
    assert results[0].error.scim_type == "invalidValue"
    assert len(results[0].error.detail) < 250
    assert "bulkId" in results[0].error.detail
    if "bulkId" in operation["path"]:
        assert results[0].location is None
    assert directory.asked_for == ["a"]


def test_reference_to_what_failed() -> None:
    """What refers to a resource that could not be made is not performed, and so on."""
    directory = Directory()
    operations = [
        group("h", "g"),
        group("g", "a"),
        post("a", fails=True),
        {"method": "DELETE", "path": "/Users/bulkId:b"},
        {"method": "POST", "bulkId": "b"},
        post("c"),
    ]
    results = run(operations, None, directory.perform, locate)
    assert statuses(results) == [409, 409, 400, 409, 400, 201]
    assert details(results)[1] == "The operation refers to bulkId 'a', whose POST failed."
    assert results[3].location is None
    assert directory.asked_for == ["a", "c"]


def test_one_bulk_id_twice() -> None:
    """A bulkId stands for what the first POST makes that has it; the second is refused."""
    directory = Directory()
    operations = [group("g", "a"), post("a", title="1"), post("a", title="2"), group("h", "a")]
    results = run(operations, None, directory.perform)
    assert statuses(results) == [201, 201, 400, 201]
    assert details(results)[2] == "bulkId 'a' was given to another POST before."
    assert directory.named("h") == {"displayName": "h", "members": [{"value": "a-1"}]}


def test_circle_of_managers() -> None:
    """Two who manage each other are made, and one of them is completed."""
    directory = Directory()
    operations = [managed("a", "b"), managed("b", "a"), post("c")]
    results = run(operations, None, directory.perform)
    assert [each.method for each in directory.performed] == ["POST", "POST", "PATCH", "POST"]
    assert statuses(results) == [201, 201, 201]
    assert directory.performed[0].data == {ENTERPRISE_USER.id: {"department": "R"}}
    completion = directory.performed[2]
    assert completion.path == "/Users/b-1"
    assert completion.data == {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "add", "path": MANAGER, "value": {"value": "a-2"}}],
    }
    assert not completion.is_asked_for
    assert [result.version for result in results] == ['W/"1"', 'W/"2"', 'W/"1"']
    for one, other in (("a", "b-1"), ("b", "a-2")):
        document = directory.named(one)
        assert document is not None
        assert document[ENTERPRISE_USER.id]["manager"] == {"value": other}


@pytest.mark.parametrize(
    ("data", "first", "changes"),
    [
        ({"boss": "bulkId:a"}, {}, [("boss", "a-1")]),
        ({"x": {"y": {"z": ["bulkId:a"]}}}, {}, [("x", {"y": {"z": ["a-1"]}})]),
        ({"members": [{"value": "bulkId:a"}]}, {}, [("members", [{"value": "a-1"}])]),
        (
            {"members": [{"value": "17"}, {"value": "bulkId:a"}, "bulkId:a", 5]},
            {"members": [{"value": "17"}, 5]},
            [("members", [{"value": "a-1"}, "a-1"])],
        ),
        (
            {ENTERPRISE_USER.id: {"manager": "bulkId:a"}, "title": "T"},
            {ENTERPRISE_USER.id: {}, "title": "T"},
            [(MANAGER, "a-1")],
        ),
    ],
)
def test_reference_to_itself(
    data: dict[str, Any], first: dict[str, Any], changes: list[tuple[str, Any]]
) -> None:
    """A resource is made without what refers to it, and completed; nothing else is left out."""
    directory = Directory()
    given_data = copy.deepcopy(data)
    results = run([post("a", **data)], None, directory.perform)
    assert statuses(results) == [201]
    assert directory.performed[0].data == first
    assert [
        (each["path"], each["value"]) for each in directory.performed[1].data["Operations"]
    ] == changes
    assert given_data == data


@pytest.mark.parametrize("path", ["/Users/", f"{BASE}/Users", "/Users?attributes=id"])
def test_path_of_what_is_completed(path: str) -> None:
    """Wherever the POST went, the rest goes to the resource that it made."""
    paths: list[str] = []

    def perform(operation: BulkOperation) -> Outcome:
        paths.append(operation.path)
        return Outcome(201, "1/7")

    run([post("a", path, manager="bulkId:a")], None, perform)
    assert paths == [path, f"{path.partition('?')[0].rstrip('/')}/1%2F7"]


def test_circle_is_completed_before_it_is_referred_to() -> None:
    """What refers to a circle comes when all of it is there."""
    directory = Directory()
    patch = {"method": "PATCH", "path": "/Users/bulkId:b", "data": {"Operations": []}}
    operations = [patch, managed("a", "b"), managed("b", "a")]
    assert statuses(run(operations, None, directory.perform)) == [200, 201, 201]
    assert [each.method for each in directory.performed] == ["POST", "POST", "PATCH", "PATCH"]
    assert directory.performed[3].is_asked_for


def test_circle_with_a_failure() -> None:
    """Those who refer to each other are made together or not at all."""
    directory = Directory()
    operations = [
        managed("a", "b", fails=True),
        managed("b", "c"),
        managed("c", "a"),
        post("d"),
        group("g", "c", "d"),
    ]
    results = run(operations, None, directory.perform)
    assert statuses(results) == [400, 409, 409, 201, 409]
    assert details(results)[0] == "Bad."
    assert details(results)[2] == (
        "The resource was created and taken back: it refers, in a circle, to bulkId 'a', whose"
        " POST failed."
    )
    assert all(result.location is None for result in results if result.error)
    assert set(directory.documents) == {"/Users/old", "/Users/d-6"}


def test_circle_that_is_not_begun() -> None:
    """Of a circle whose first part fails nothing else is tried."""
    directory = Directory()
    operations = [managed("a", "b"), managed("b", "a", fails="crash")]
    results = run(operations, None, directory.perform)
    assert statuses(results) == [409, 500]
    assert details(results)[0] == "The operation refers to bulkId 'b', whose POST failed."
    assert directory.asked_for == ["b"]


def test_completion_fails() -> None:
    """What cannot be completed is taken back, and the reason is told."""
    directory = Directory(refused="PATCH")
    results = run([managed("a", "b"), managed("b", "a")], None, directory.perform)
    assert statuses(results) == [409, 409]
    assert details(results)[1] == (
        f"The resource was created and taken back: {MANAGER} could not be added when the resources"
        " referred to existed. No PATCH here."
    )
    assert results[1].error is not None
    assert results[1].error.scim_type is None
    assert [each.path for each in directory.performed[-2:]] == ["/Users/a-2", "/Users/b-1"]
    assert set(directory.documents) == {"/Users/old"}


def test_what_cannot_be_taken_back() -> None:
    """Whoever reads the error learns of what is left over."""
    directory = Directory(refused="PATCH DELETE")
    results = run([group("a", "a"), group("b", "a")], None, directory.perform)
    assert statuses(results) == [409, 409]
    assert details(results)[0] == (
        "The resource was created and is still at /Groups/a-1, for it could not be deleted"
        " (No DELETE here.): members could not be added when the resources referred to existed."
        " No PATCH here."
    )


def test_gone_before_it_is_taken_back() -> None:
    """If somebody else has deleted it, nothing is left over."""
    directory = Directory(refused="PATCH")

    def perform(operation: BulkOperation) -> Outcome:
        if operation.method == "PATCH":
            directory.documents.clear()
        return directory.perform(operation)

    results = run([group("a", "a")], None, perform)
    assert details(results)[0].startswith("The resource was created and is gone: members")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1, {"c": 400}),
        (2, {"c": 400, "b": 409}),
        (3, {"c": 400, "b": 409, "a": 201, "e": 400}),
        (4, {"c": 400, "b": 409, "a": 201, "e": 400, "f": 201}),
        (None, {"c": 400, "b": 409, "a": 201, "e": 400, "f": 201}),
    ],
)
def test_fail_on_errors(limit: int | None, expected: dict[str, int]) -> None:
    """After so many errors nothing is performed, and nothing is said of it."""
    directory = Directory()
    operations = [group("b", "c"), post("a"), post("c", fails=True), post("e", fails=True)]
    results = run([*operations, post("f")], limit, directory.perform)
    order = ["b", "a", "c", "e", "f"]
    assert [result.bulk_id for result in results] == [each for each in order if each in expected]
    assert {result.bulk_id: result.status for result in results} == expected
    assert directory.asked_for == [each for each in ["c", "a", "e", "f"] if each in expected]


def test_fail_on_errors_in_a_circle() -> None:
    """What was made and taken back is told; what was not tried is not."""
    directory = Directory()
    operations = [managed("a", "b"), managed("b", "c", fails=True), managed("c", "a")]
    results = run(operations, 1, directory.perform)
    assert [(result.bulk_id, result.status) for result in results] == [("b", 400), ("c", 409)]
    assert set(directory.documents) == {"/Users/old"}


def test_what_the_endpoint_passes_over() -> None:
    """What is read-only may refer to anything: nothing waits for it, and nothing fails of it."""
    directory = Directory()
    groups = [{"value": "bulkId:g"}, {"value": "bulkId:nowhere"}]
    operations = [group("g", "u"), post("u", groups=groups)]
    results = run(
        operations,
        None,
        directory.perform,
        takes=lambda path, attribute: (path, attribute) != ("/Users", "groups"),
    )
    assert statuses(results) == [201, 201]
    assert [each.data for each in directory.performed] == [
        {},
        {"displayName": "g", "members": [{"value": "u-1"}]},
    ]


@pytest.mark.parametrize("closed", [False, True])
def test_long_chain(closed: bool) -> None:
    """A thousand operations, each of which needs the next, are performed from the last on."""
    directory = Directory()
    operations = [group(str(index), str(index + 1)) for index in range(1_000)]
    operations.append(group("1000", "0") if closed else post("1000"))
    results = run(operations, None, directory.perform)
    assert set(statuses(results)) == {201}
    assert directory.asked_for == [str(index) for index in reversed(range(1_001))]
    assert len(directory.performed) == 1_001 + closed


@pytest.mark.parametrize(
    "nest", [lambda inner: [inner], lambda inner: {"x": inner}, lambda inner: [{"x": inner}]]
)
def test_deep_data(nest: Callable[[Any], Any]) -> None:
    """References are found as deep as JSON goes."""
    seen: list[Any] = []

    def perform(operation: BulkOperation) -> Outcome:
        seen.append(operation.data)
        return Outcome(201, f"id of {operation.bulk_id}")

    data: Any = "bulkId:a"
    for _ in range(20_000):
        data = nest(data)
    results = run([post("b", x=data), post("a"), post("c", x="bulkId:c", y=data)], None, perform)
    assert statuses(results) == [201, 201, 201]
    for found in (seen[1]["x"], seen[2]["y"]):
        deep = found
        while not isinstance(deep, str):
            deep = deep["x"] if isinstance(deep, dict) else deep[0]
        assert deep == "id of a"


names = st.sampled_from("abcdefgh")


@st.composite
def requests(draw: st.DrawFn) -> list[dict[str, Any]]:
    """POSTs that refer to each other at random, some of which fail, and changes among them."""
    makers = draw(st.lists(names, min_size=1, unique=True))
    operations = []
    for name in makers:
        members = draw(st.lists(names, max_size=3, unique=True))
        data = draw(st.sampled_from([{}, {}, {}, {"fails": True}]))
        operation = group(name, *members, **data)
        manager = draw(st.none() | names)
        if manager is not None:
            operation["data"][ENTERPRISE_USER.id] = {"manager": {"value": f"bulkId:{manager}"}}
        operations.append(operation)
    for name in draw(st.lists(names, max_size=3, unique=True)):
        place = draw(st.integers(0, len(operations)))
        data = {"members": [{"value": f"bulkId:{draw(names)}"}]}
        target = {"method": "PUT", "path": f"/Groups/bulkId:{name}", "bulkId": f"put {name}"}
        operations.insert(place, {**target, "data": data})
    return operations


def referred(operation: dict[str, Any]) -> set[str]:
    """The bulkIds to which an operation refers."""
    texts = {operation["path"].rpartition("/")[2]}
    unread: list[Any] = [operation["data"]]
    while unread:
        value = unread.pop()
        if isinstance(value, dict):
            unread += value.values()
        elif isinstance(value, list):
            unread += value
        elif isinstance(value, str):
            texts.add(value)
    return {text.removeprefix("bulkId:") for text in texts if text.startswith("bulkId:")}


@settings(max_examples=400, deadline=None)
@given(requests(), st.none() | st.integers(1, 4), st.sampled_from(["", "PATCH", "PATCH DELETE"]))
def test_any_graph(
    operations: list[dict[str, Any]], fail_on_errors: int | None, refused: str
) -> None:
    """Whatever refers to whatever, what is there at the end is what the results say."""
    directory = Directory(refused)
    before = copy.deepcopy(operations)
    made: dict[str, str] = {}

    def perform(operation: BulkOperation) -> Outcome:
        loose = referred({"path": operation.path, "data": operation.data})
        assert not loose
        outcome = directory.perform(operation)
        if operation.method == "POST":
            assert operation.bulk_id is not None
            assert operation.bulk_id not in made
            made[operation.bulk_id] = outcome.id
        return outcome

    results = run(operations, fail_on_errors, perform, locate)
    assert before == operations
    names = [operation["bulkId"] for operation in operations]
    told = {result.bulk_id: result for result in results}
    assert list(told) == [name for name in names if name in told]

    # Each is performed once, and completed once at most.
    assert len(set(directory.asked_for)) == len(directory.asked_for)
    extra = [each for each in directory.performed if not each.is_asked_for]
    assert len({(each.method, each.path) for each in extra}) == len(extra)

    # What stands in the results is what happened.
    needs = {operation["bulkId"]: referred(operation) for operation in operations}
    posts = {operation["bulkId"] for operation in operations if operation["method"] == "POST"}
    reach = reachable(needs)
    errors = [name for name, result in told.items() if result.error]
    if fail_on_errors is None or len(errors) < fail_on_errors:
        assert list(told) == names
    for name, result in told.items():
        if result.error is None:
            assert not [each for each in needs[name] if each not in told or told[each].error]
        elif result.status == 400 and "Bad." not in result.error.detail:
            assert needs[name] - posts
    if refused != "PATCH DELETE":
        there = {name for name in posts if directory.named(name) is not None}
        assert there == {name for name in posts if name in told and not told[name].error}

    # What is needed comes first, but within a circle.
    order = directory.asked_for
    for position, name in enumerate(order):
        if name in posts:
            assert not [
                each for each in needs[name] & set(order[position:]) if name not in reach[each]
            ]
    # Every resource has in the end what it asked for.
    for operation in operations:
        name = operation["bulkId"]
        document = directory.named(name)
        changed = any(other == f"put {name}" for other in told)
        if operation["method"] == "POST" and name in told and not told[name].error and not changed:
            assert document is not None
            assert {made[each] for each in needs[name]} <= texts_of(document)


def reachable(needs: dict[str, set[str]]) -> dict[str, set[str]]:
    """What each needs, directly or not."""
    reach: dict[str, set[str]] = {}
    for name in needs:
        unread, seen = [name], set[str]()
        while unread:
            for each in needs.get(unread.pop(), set()) - seen:
                seen.add(each)
                unread.append(each)
        reach[name] = seen
    return reach


def texts_of(value: Any) -> set[str]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return {text for part in parts for text in texts_of(part)}
    return {value}


def test_errors_are_those_of_scim() -> None:
    """What is no SCIM error is a bug of whoever performs, and is not swallowed."""

    def perform(operation: BulkOperation) -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run([post("a")], None, perform)

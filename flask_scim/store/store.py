"""The resources of one connection in the host's database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..mapping.mapping import Parts
from ..protocol.errors import ScimError, UniquenessError
from ..protocol.resolver import Condition
from ..protocol.schema import ResourceType
from ..provisioning.adoption import Surveyed, complete
from ..provisioning.members import Member, Plan
from ..provisioning.policy import Deletion, LocalEdits, Policy, Visibility
from ..provisioning.ports import (
    Arrival,
    Connection,
    Deadlock,
    Document,
    Ended,
    Moved,
    Named,
    Page,
    Query,
    Resource,
    name_all,
)
from .changes.differences import find_differences, find_secrets, keep_access
from .changes.leaving import end_references
from .changes.names import Namer, NamesApart
from .changes.records import Records, next_version
from .changes.retirement import free, is_active_place, remove, retire
from .changes.sent import keep_local, note_sent
from .changes.tracking import writing
from .columns.binding import Binding
from .columns.places import Place
from .columns.untouchable import spare
from .hooks import Hooks
from .people.accounts import Accounts
from .people.recognition import REVIVAL, Recognition
from .queries.filters import compile_entry_filter
from .queries.reading import Reading, make_resource
from .queries.uniqueness import Held
from .references.references import References
from .sql.backends import Backend
from .sql.failures import translated
from .sql.glancing import has_only_looked
from .sql.slots import Slot

#: The parameter of statements that says which resource they lock.
_ID = "flask_scim_id"


class SqlStore:
    """The resources of one type and one connection.

    :param session: the host's session.
    :param backend: the database behind it.
    :param connection: whose resources are in reach; nothing else is.
    :param binding: where their attributes sit.
    :param hooks: what the host does itself.
    :param references: the attributes whose entries are other resources, by name.
    :param policy: the choices that hold for the connection.
    :param namers: what writes the names of a row, by attribute, where it is not the store itself.
    """

    def __init__(
        self,
        session: Session,
        backend: Backend,
        connection: Connection,
        binding: Binding,
        hooks: Hooks,
        references: dict[str, References] | None = None,
        policy: Policy | None = None,
        namers: Mapping[tuple[str, ...], Namer] | None = None,
    ) -> None:
        self.session = session
        self.backend = backend
        self.connection = connection
        self.binding = binding
        self.hooks = hooks
        self.references = references or {}
        self.policy = policy or Policy()
        self.record = binding.record
        self._namers = namers or {}
        self._held: dict[str, Held] = {}
        # Most requests read, and need none of what else a store works with.
        sees_others = self.policy.visibility is not Visibility.PROVISIONED
        beside = self.accounts.visible if sees_others else None
        self._reading = Reading(session, backend, connection, binding, self.references, beside)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts that the app has beside."""
        adopter = self.hooks.adopter
        return Accounts(
            self.session, self.backend, self.connection, self.binding, self.policy, adopter
        )

    @cached_property
    def _recognition(self) -> Recognition:
        session, backend, connection = self.session, self.backend, self.connection
        return Recognition(session, backend, connection, self.binding, self.policy, self.accounts)

    @cached_property
    def _records(self) -> Records:
        return Records(self.session, self.connection, self.binding)

    @cached_property
    def _names(self) -> NamesApart:
        return NamesApart(self.session, self.connection, self.binding, self._namers)

    @property
    def resource_type(self) -> ResourceType:
        """The type of the resources."""
        return self.binding.resource_type

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done inside one change: committed at the end, or undone by an error."""
        self._begin_anew()
        name = self.resource_type.name
        try:
            with translated(name), writing(self.session), self.session.no_autoflush:
                self.backend.prepare(self.binding.connect(self.session))
                yield
                self.session.commit()
        except BaseException:
            self.session.rollback()
            raise
        finally:
            self._held.clear()
            for references in self.references.values():
                references.forget()

    def _begin_anew(self) -> None:
        """Let go of what was read before, the token above all: it belongs to an older snapshot."""
        session = self.session
        if not session.in_transaction():
            return
        if not (
            has_only_looked(session) and self.backend.holds_nothing(self.binding.connect(session))
        ):
            session.commit()

    def unmapped(self, document: Document) -> list[str]:
        """List what of a document no place was named for, as a path writes it."""
        return self.binding.mapping.unmapped(document)

    def get(self, id: str, references: tuple[str, ...] = ()) -> Resource | None:
        """Read a resource; ``None`` if there is none."""
        return self._reading.get(id, references)

    def find(self, query: Query) -> Page:
        """List resources in a total order."""
        return self._reading.find(query)

    def lock(self, id: str) -> Resource | None:
        """Read a resource and keep others from changing it until the transaction ends."""
        binding, place = self.binding, self.binding.id
        key = place.codec.parse(id)
        if key is None or key == "":
            return None

        def build() -> sa.Select[Any]:
            assert place.column is not None
            is_it = place.codec.is_key(self.backend, place.column, Slot(_ID))
            found = binding.select(place.column, *self.record.c, binding.model)
            found = found.where(*binding.is_own, is_it)
            return found.with_for_update(of=[self.record, binding.model])

        self.backend.lock(binding.connect(self.session), binding.table)
        found = self.session.execute(
            binding.statements.get(("lock", self.backend), build),
            binding.scope(self.connection) | {_ID: key},
            execution_options={"populate_existing": True},
        ).first()
        if found is None:
            return self._lock_account(id)
        raw_id, *columns, row = found
        record = dict(zip(self.record.c.keys(), columns, strict=True))
        values = self.binding.read(row, record)
        return self._hold(self.binding.id.codec.decode(raw_id), Held(row, values, record))

    def _lock_account(self, id: str) -> Resource | None:
        """Lock an account that the connection gets to see and has not provisioned."""
        if self._reading.beside is None:
            return None
        for held, _ in self.accounts.lock(self._reading.find_keys(id)):
            if held.record["row_id"] is None:
                return self._hold(self.binding.id_of(held.row), held)
        return None

    def receive(self, document: Document) -> Arrival:
        """Find out, before a resource is added, whether its person is known already."""
        known = self._recognition.recognize(document, self.binding.mapping.split(document))
        if known.held is None:
            return Arrival(document, held=known)
        record = known.held.record
        if record["deleted"] is not None and known.reason == REVIVAL:
            return Arrival(document, None, REVIVAL, known)
        before = self._hold(self.binding.id_of(known.held.row), known.held)
        if record["row_id"] is None or record["deleted"] is not None:
            before = replace(before, is_provisioned=False)
        if known.reason == REVIVAL:
            document = {"active": True, **document}
        else:
            document = complete(before.document, document)
        # Of an account that was taken over before, this is the first that is heard.
        reason = None if record["awaited"] else known.reason
        return Arrival(document, before, reason, known)

    def insert(
        self, document: Document, arrival: Arrival | None = None, shown: Iterable[str] = ()
    ) -> Resource:
        """Add a resource, or bring back, or take over, the one of the same person."""
        arrival = arrival or self.receive(document)
        known, before = arrival.held, arrival.before
        if before is not None:
            write = self.update if before.is_provisioned else self.adopt
            return write(before, arrival.document)
        self._free(known.retired, known.parts)
        if known.held is not None:
            return self._revive(known.held, known.parts)
        return self._create(arrival.document, known.parts, shown)

    def _create(self, document: Document, parts: Parts, shown: Iterable[str]) -> Resource:
        hook = self.hooks.creator
        row = hook(document, self.connection) if hook else self.binding.model()
        if self.binding.tenant is not None:
            self.binding.tenant.write(row, self.connection.tenant)
        noted = self._note(None, parts)
        kept, apart = self._find_person(document, row, parts), self._names.places
        for place, value in zip(self.binding.places, parts.values, strict=True):
            is_theirs = kept is not None and kept(place)
            if is_theirs or not place.writable or (apart and self._names.has(place)):
                continue
            if value is not None:
                place.write(row, value)
            elif not (place.fills_itself or place.hides_value(row)):
                place.write(row, True if is_active_place(place) else None)
        self.session.add(row)
        self.session.flush()
        record = self._records.make(row, parts, **noted)
        references = {name: self.references[name] for name in shown}
        is_alone = not self._records.add_new(record, references)
        names = [(place, value) for place, value in self._names.of(parts) if value is not None]
        # What is still to be done may refer to something.
        is_alone = is_alone and self.hooks.home is None and not names
        self._settle(record["row_id"])
        for place, value in names:
            self._names.write(row, place, value)
        stored = self._stored(row, record, find_secrets(self.binding, parts))
        if is_alone:
            self._held[stored.id].alone = frozenset(references)
        return stored

    def _find_person(
        self, document: Document, row: Any, parts: Parts
    ) -> Callable[[Place], bool] | None:
        """Find the person behind a new row, and tell which places are theirs and stay, if any."""
        persons, finder = self.hooks.persons, self.hooks.finder
        if persons is None:
            return None
        person = None if finder is None else finder(document, self.connection)
        if person is not None:
            persons.give(row, person)
        if not persons.is_known(row):
            return None
        persons.refuse_members(self.session, self.binding, self.connection, row)
        persons.keep(self.binding, row, parts)
        return persons.is_behind

    def _note(self, held: Held | None, parts: Parts, named: Named = name_all) -> dict[str, Any]:
        """What to write down of what was sent, where the app's own changes stand meanwhile."""
        if self.policy.local_edits is not LocalEdits.KEEP:
            return {"sent": None}
        return {"sent": note_sent(self.binding, held, parts, named)}

    def _let_stay(self, held: Held, parts: Parts) -> None:
        """Let stay what is not the request's to change."""
        if self.policy.local_edits is LocalEdits.KEEP:
            keep_local(self.binding, held, parts)
        if self.hooks.persons is not None:
            self.hooks.persons.spare(self.session, self.binding, held, parts)

    def _settle(self, key: Any) -> None:
        """Make somebody a member of their organisation."""
        if self.hooks.home is not None:
            self.hooks.home.join(self.session, self.binding, self.connection, key)

    def _add_record(self, row: Any, parts: Parts, **others: Any) -> dict[str, Any]:
        record = self._records.make(row, parts, **others)
        self._records.add(record)
        self._settle(record["row_id"])
        return record

    def claim(self, resource: Resource, document: Document) -> str:
        """Tell why a locked account may be taken over that the connection only gets to see."""
        ((_, account),) = self.accounts.lock([self.binding.key_of(resource.row)])
        return self.accounts.check(account, document, self.binding.mapping.split(document))

    def survey(self, after: Any, most: int) -> list[Surveyed]:
        """Look at accounts of the tenant, in the order of their keys."""
        return self.accounts.survey(after, most)

    def lock_accounts(self, keys: list[Any]) -> list[Resource]:
        """Lock accounts of the tenant; those that may not be taken over any more are left out."""
        locked = []
        for held, account in self.accounts.lock(keys):
            is_new = held.record["row_id"] is None
            with suppress(ScimError):
                self.accounts.recheck(account)
                if is_new:
                    locked.append(self._hold(self.binding.id_of(held.row), held))
        return locked

    def await_people(self, resources: list[Resource]) -> list[Resource]:
        """Take over locked accounts as they are; their people are known as soon as they come."""
        held = [self._held[resource.id] for resource in resources]
        # Their names claim nothing yet: some may be those of others, whom the rows do not mind.
        records = [
            self._records.make(each.row, Parts(each.values), unique_key=None, awaited=True)
            for each in held
        ]
        if records:
            self._records.add(records)
        for record in records:
            self._settle(record["row_id"])
        return [self._stored(each.row, record) for each, record in zip(held, records, strict=True)]

    def adopt(self, resource: Resource, document: Document) -> Resource:
        """Take over a locked account; what it is told by stays as the app has it."""
        held = self._held[resource.id]
        spare(self.binding, held.row)
        parts = self.binding.mapping.split(_present(document))
        removed = keep_access(self.binding, held, parts)
        noted = self._note(None, parts)
        self._protect(held, parts)
        self._let_stay(held, parts)
        self._names.change(held, parts)
        changed = find_differences(self.binding, held, parts, (), self._names.has)
        self._make_room(held, parts, changed)
        for place, value in changed:
            place.write(held.row, value)
        self.session.flush()
        if held.record["row_id"] is None:
            record = self._add_record(held.row, parts, active_removed=removed, **noted)
            return self._stored(held.row, record)
        moved = self._records.columns(parts) | {"deleted": None, "active_removed": removed} | noted
        moved |= next_version(held.record)
        self._records.write(held.record, moved)
        self._settle(held.record["row_id"])
        return self._stored(held.row, held.record | moved)

    def update(
        self,
        resource: Resource,
        document: Document,
        moved_members: bool = False,
        named: Named = name_all,
    ) -> Resource:
        """Change a locked resource; the same resource comes back if nothing differs."""
        held = self._held[resource.id]
        gone = {name for name, value in document.items() if value is None}
        parts = self._split_change(held, resource.document, _present(document))
        if held.record["awaited"]:
            account = self.accounts.account(held.row, held.values)
            self.accounts.confirm(account, parts)
            self._protect(held, parts)
            gone = set()
        removed = keep_access(self.binding, held, parts)
        noted = self._note(held, parts, named)
        self._let_stay(held, parts)
        renamed = self._names.change(held, parts)
        changed = find_differences(self.binding, held, parts, gone, self._names.has)
        recorded = (
            self._records.columns(parts) | {"active_removed": removed, "awaited": False} | noted
        )
        moved = {name: value for name, value in recorded.items() if held.record[name] != value}
        # The app's own change leaves the key unclaimed; to claim it again is no change.
        is_noted = moved.keys() <= {"unique_key", "sent"}
        if not changed and not renamed and not moved_members and is_noted:
            if moved.get("sent") is not None:
                self._records.write(held.record, {"sent": moved["sent"]})
            return resource
        spare(self.binding, held.row)
        self._make_room(held, parts, changed)
        for place, value in changed:
            place.write(held.row, value)
        self.session.flush()
        moved |= next_version(held.record)
        self._records.write(held.record, moved)
        written = tuple(str(place.path) for place, _ in changed if place.is_secret)
        return self._stored(held.row, held.record | moved, written)

    def _split_change(self, held: Held, before: Document, after: Document) -> Parts:
        """Take a changed document apart, or no more of it than what has changed."""
        mapping, record = self.binding.mapping, held.record
        # Where access was removed, the document is silent of what the row says.
        if not record["active_removed"]:
            known = Parts(held.values, record["attributes"] or {}, record["extras"] or {})
            parts = mapping.split_change(known, before, after)
            if parts is not None:
                return parts
        return mapping.split(after)

    def _protect(self, held: Held, parts: Parts) -> None:
        """Let the first request of an account not write what the account was told by."""
        for index, is_protected in enumerate(self.accounts.protected(held)):
            if is_protected:
                parts.values[index] = held.values[index]

    def _make_room(self, held: Held, parts: Parts, changed: list[tuple[Place, Any]]) -> None:
        """Refuse a name that somebody else has, and free one that a deleted resource had."""
        if any(place is self.binding.unique for place, _ in changed):
            named = self._recognition.find_named(parts, self.binding.key_of(held.row))
            self._free(self._recognition.refuse_taken(parts, named), parts)

    def _free(self, retired: Sequence[Held], parts: Parts) -> None:
        """Let deleted resources give up a name that is needed again."""
        if not retired:
            return
        if self.hooks.renamer is None:
            free(self.binding, retired, parts)
        else:
            for held in retired:
                self.hooks.renamer(held.row, self.connection)
        self.session.flush()

    def delete(self, resource: Resource) -> Ended:
        """Take a locked resource out of SCIM, and do to the host's row what the host wants."""
        held = self._held[resource.id]
        spare(self.binding, held.row)
        key = held.record["row_id"]
        if self.hooks.home is not None:
            self.hooks.home.leave(self.session, self.binding, self.connection, key)
        ended = end_references(self.session, self.references, key)
        hook = self.hooks.deleter
        if hook is not None or self.policy.deletion is Deletion.DELETE:

            def act() -> None:
                if hook is None:
                    self.session.delete(held.row)
                else:
                    hook(held.row, self.connection)

            reason = remove(self.session, self.backend, self.binding, held, act)
            ended = replace(ended, reason=reason)
            still = sa.select(self.binding.key).where(self.binding.key == key)
            if self.session.scalar(still) is None:
                self.session.execute(self.record.delete().where(self.record.c.row_id == key))
                return ended
        else:
            retire(self.binding, held.row)
            self.session.flush()
        gone = {"deleted": datetime.now(UTC), "unique_key": None, "active": False}
        gone |= {"awaited": False, "version": held.record["version"] + 1}
        self._records.write(held.record, gone)
        return ended

    def change_members(self, resource: Resource, name: str, plan: Plan) -> Moved:
        """Change the references of a locked or new resource."""
        held, references = self._held[resource.id], self.references[name]
        held.alone = frozenset()
        key = held.record["row_id"]

        def select(condition: Condition, also: Iterable[Member]) -> list[Member]:
            return [
                member
                for link in references.links
                for member in references.select(
                    key, compile_entry_filter(condition, link, self.backend), link, also
                )
            ]

        kinds = tuple(link.kind for link in references.links)
        return references.change(key, plan(kinds, select))

    def load_members(
        self, resource: Resource, name: str, most: int | None = None
    ) -> list[dict[str, Any]] | None:
        """Read the references of a locked or new resource; ``None`` if they are more than that."""
        held = self._held[resource.id]
        key = held.record["row_id"]
        if name in held.alone:
            return []
        if most is not None:
            return self.references[name].load_few(key, most)
        return self.references[name].load_changed(key)

    def _stored(self, row: Any, record: dict[str, Any], written: tuple[str, ...] = ()) -> Resource:
        id = self.binding.id.read(row, record)
        values = self.binding.read(row, record)
        self._held[id] = Held(row, values, record)
        return make_resource(self.binding, id, values, record, row, written)

    def _hold(self, id: str, held: Held) -> Resource:
        """Keep a row at hand that is about to be changed."""
        self._held[id] = held
        return make_resource(self.binding, id, held.values, held.record, held.row)

    def _revive(self, deleted: Held, parts: Parts) -> Resource:
        """Bring back a deleted resource of the same person, on the host's row that it had."""
        spare(self.binding, deleted.row)
        noted = self._note(None, parts)
        if self.hooks.persons is not None:
            self.hooks.persons.spare(self.session, self.binding, deleted, parts)
        for place, old, new in zip(self.binding.places, deleted.values, parts.values, strict=True):
            value = True if new is None and is_active_place(place) else new
            # What a person had who left is not good for one who comes back.
            outlived = place.nullable and place.hides_value(deleted.row)
            if place.writable and not self._names.has(place) and (value != old or outlived):
                place.write(deleted.row, value)
        self.session.flush()
        for place, value in self._names.of(parts):
            self._names.write(deleted.row, place, value)
        moved = self._records.columns(parts) | {
            "deleted": None,
            "active_removed": False,
            **noted,
            **next_version(deleted.record),
        }
        try:
            self._records.write(deleted.record, moved)
        except Deadlock:
            raise UniquenessError(
                f"Another request brought back this {self.resource_type.name}."
            ) from None
        self._settle(deleted.record["row_id"])
        return self._stored(deleted.row, deleted.record | moved, find_secrets(self.binding, parts))


def _present(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None}

"""What a host declares: models as resource types, and where its roles sit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from ..config import ConfigurationError
from ..mapping.resource_types import check_resource_type
from ..mapping.sources import ModelAttribute, Refs, Sourced, Values, read_source
from ..protocol.definitions import GROUP_TYPE, USER_TYPE
from ..protocol.schema import Extension, ResourceType
from ..roles.roles import Roles
from ..store.changes.tracking import track
from ..store.columns.holders.finding import make_holder
from ..store.columns.marks import Marked
from ..store.tables.groups import OWN_GROUP_MAPPING, make_group_model
from ..store.tables.own import add_own_tables, taken_names
from ..store.tables.people import add_access_tables, add_login_table
from ..store.tables.records import add_record_table
from ..store.tables.roles import add_role_tables
from .declared import Declared, read_offers, read_scope
from .roles import DeclaredRoles, read_rules
from .state import current_watches, refusing
from .wired import Wired


class Declaring(Wired):
    """The declarations of a host, once for all of its apps."""

    def users(  # noqa: PLR0913  # each says one thing of the model
        self,
        model: type,
        mapping: Mapping[str, Any] | None = None,
        *,
        extensions: Iterable[Extension] = (),
        tenant: Sourced | None = None,
        id: Sourced | None = None,
        offers: Iterable[Sourced] = (),
        untouchable: Marked = None,
        verified: Marked = None,
        privileged: Marked = None,
        person: Sourced | None = None,
        members_of: ModelAttribute | Refs | None = None,
    ) -> Declared:
        """Declare the model whose rows are SCIM users.

        :param model: the app's model class.
        :param mapping: SCIM paths and where their values sit; left out, ``SCIM_USER_MAPPING`` of
            the app's settings says it, and where that is left out too, the mapping fits itself to
            the usual names of columns.
        :param extensions: schemas of the app's own, beside that of enterprise users.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :param offers: attributes of the model that the mapping of a connection may name, beside
            those that ``mapping`` names; with a JSON column, whatever is in it.
        :param untouchable: what says of a row, by true, that SCIM may see it and never change it:
            an attribute of the model, its name, or a function that takes the row.
        :param verified: what says that the e-mail address of an account is its person's: an
            attribute of the model that is true, or has a value, where it is, or a function of the
            row. Adoption by e-mail needs it.
        :param privileged: what says that an account has privileges, likewise; such accounts are
            never taken over.
        :param person: the relationship from the model to the person of a row, where the model is
            one of memberships and a person can have several.
        :param members_of: the relationship from the model of organisations to their members, such
            as ``Organization.users``: people become members of that of their tenant. For an
            association object :class:`~flask_scim.Refs` may fill in its other columns.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if users are declared already, or something cannot be used.
        """
        resource_type = USER_TYPE.extended(extensions)
        declared = self.resource(
            resource_type,
            model,
            mapping,
            tenant=tenant,
            id=id,
            offers=offers,
            untouchable=untouchable,
        )
        declared.verified, declared.privileged = verified, privileged
        declared.person, declared.members_of = read_scope(person, "person"), members_of
        return declared

    def groups(
        self,
        model: type | None = None,
        mapping: Mapping[str, Any] | None = None,
        *,
        extensions: Iterable[Extension] = (),
        tenant: Sourced | None = None,
        id: Sourced | None = None,
        offers: Iterable[Sourced] = (),
        untouchable: Marked = None,
    ) -> Declared:
        """Declare the model whose rows are SCIM groups.

        :param model: the app's model class; left out, groups are kept in tables of Flask-SCIM's
            own, and ``mapping`` is not needed.
        :param mapping: SCIM paths and where their values sit, ``members`` as
            :class:`~flask_scim.Refs`; left out, ``SCIM_GROUP_MAPPING`` of the app's settings.
        :param extensions: schemas of the app's own.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :param offers: attributes of the model that the mapping of a connection may name, beside
            those that ``mapping`` names; with a JSON column, whatever is in it.
        :param untouchable: what says of a row, by true, that SCIM may see it and never change it:
            an attribute of the model, its name, or a function that takes the row.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if groups are declared already, or users are not.
        """
        resource_type = GROUP_TYPE.extended(extensions)
        if model is not None:
            return self.resource(
                resource_type,
                model,
                mapping,
                tenant=tenant,
                id=id,
                offers=offers,
                untouchable=untouchable,
            )
        declared = self.resource(
            resource_type, self._make_group_model(), mapping or OWN_GROUP_MAPPING
        )
        declared.shared = False
        return declared

    def resource(
        self,
        resource_type: ResourceType,
        model: type,
        mapping: Mapping[str, Any] | None = None,
        *,
        tenant: Sourced | None = None,
        id: Sourced | None = None,
        offers: Iterable[Sourced] = (),
        untouchable: Marked = None,
    ) -> Declared:
        """Declare the model whose rows are resources of a type.

        :param resource_type: the resource type, with its schemas.
        :param model: the app's model class.
        :param mapping: SCIM paths and where their values sit; left out, ``SCIM_<NAME>_MAPPING`` of
            the app's settings, with the name of the resource type in capitals.
        :param tenant: the attribute of the model that says which customer a row is of.
        :param id: the attribute of the model that is the SCIM ``id``; the primary key by default.
        :param offers: attributes of the model that the mapping of a connection may name, beside
            those that ``mapping`` names; with a JSON column, whatever is in it.
        :param untouchable: what says of a row, by true, that SCIM may see it and never change it:
            an attribute of the model, its name, or a function that takes the row.
        :return: the declared resource type, with decorators for hooks.
        :raises ConfigurationError: if something cannot be used; the message names the repair.
        """
        table = self._share_metadata(model)
        if self._wiring.declared_roles is not None and resource_type.name == "Group":
            raise ConfigurationError("Declare the groups before the roles.")
        others = [declared.resource_type for declared in self._wiring.declared.values()]
        check_resource_type(resource_type, others, taken_names(table.metadata))
        record = add_record_table(table.metadata, resource_type.name.lower(), table)
        declared = Declared(
            resource_type,
            model,
            mapping,
            record,
            read_scope(tenant, "tenant"),
            read_scope(id, "id"),
            read_offers(offers),
        )
        if resource_type.name == "User":
            declared.logins = add_login_table(table.metadata, table)
            declared.access = add_access_tables(table.metadata, table)
        declared.untouchable = untouchable
        self._wiring.declared[resource_type.name] = declared
        return declared

    def roles(
        self,
        source: str | ModelAttribute,
        *,
        key: str | ModelAttribute | None = None,
        display: str | ModelAttribute | None = None,
        tenant: str | ModelAttribute | None = None,
        fill: Callable[[], dict[str, Any]] | None = None,
        allowed: Iterable[str] | None = None,
        never: Iterable[str] = (),
        admin: str | Iterable[str] = (),
    ) -> Roles:
        """Declare where the app keeps the roles of its users, once users and groups are declared.

        :param source: of the users' model, a many-to-many relationship, a JSON column with a list
            of text, or a column that holds one role.
        :param key: of a relationship, the column that names a role, such as ``Role.slug``.
        :param display: of a relationship, the column with what people read.
        :param tenant: of a relationship, the column that says whose a role is, empty for
            everybody's.
        :param fill: of an association object, makes the other columns of a new one.
        :param allowed: the roles that identity providers may give; left out, all but ``never``.
        :param never: the roles that they may not give.
        :param admin: the role, or the roles, of which somebody active has to have one in each
            tenant; where it is not roles that tell, say it with :meth:`admins`.
        :return: the roles of whatever app is current.
        :raises ConfigurationError: if something cannot be used; the message names the repair.
        """
        users, groups = (self._wiring.declared.get(name) for name in ("User", "Group"))
        if users is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        if self._wiring.declared_roles is not None:
            raise ConfigurationError("Roles are declared already.")
        holder = make_holder(users.model, Values(source, key, display, tenant, fill))
        steps: tuple[str, ...] = getattr(read_source(source), "steps", ())
        near, far = _table_of(users), None if groups is None else _table_of(groups)
        tables = add_role_tables(near.metadata, near, far)
        rules = read_rules(allowed, never, admin)
        self._wiring.declared_roles = DeclaredRoles(steps, holder, tables, rules)
        return self._wiring.roles

    def _share_metadata(self, model: type) -> sa.Table:
        """Find the table of a model, and make sure that our own tables stand beside it."""
        mapper: Any = sa.inspect(model, raiseerr=False)
        if mapper is None or not mapper.is_mapper:
            raise ConfigurationError(f"{model!r} is no SQLAlchemy model.")
        table: sa.Table = mapper.local_table
        if self._wiring.own_tables is None:
            self._wiring.own_tables = add_own_tables(table.metadata)
            track(self.db.session, current_watches, refusing)
        elif self._wiring.own_tables.connections.metadata is not table.metadata:
            raise ConfigurationError(
                f"{model.__name__} is kept in another database than the other resource types."
            )
        return table

    def _make_group_model(self) -> type:
        users = self._wiring.declared.get("User")
        if users is None:
            raise ConfigurationError("Declare the users first: scim.users(User, {…}).")
        if "Group" in self._wiring.declared:
            raise ConfigurationError("Group is declared already.")
        return make_group_model(self.db.Model, users.model)


def _table_of(declared: Declared) -> sa.Table:
    mapper: Any = sa.inspect(declared.model)
    table: sa.Table = mapper.local_table
    return table

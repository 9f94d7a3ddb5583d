"""What an app could do better with its mappings, for those who run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from ..mapping.coverage import find_lost
from ..mapping.defaults import PROVIDERS, fit
from ..mapping.mappings import Review
from ..protocol.schema import ResourceType
from ..provisioning.ports import Connection
from ..store.columns.attributes import list_attributes
from ..store.columns.indexes import find_unindexed
from .layouts import Layouts

#: Those whose defaults differ from one another in what they send.
_SENDERS = ("okta", "entra")


def review(layouts: Layouts, connections: Iterable[Connection], database: sa.Connection) -> Review:
    """Look through the mappings of an app.

    :param layouts: its layouts.
    :param connections: its connections.
    :param database: a connection to its database.
    :return: what is wrong, what could be better, and what each default comes to.
    """
    users = next((kind for kind in layouts.own.bindings if kind.name == "User"), None)
    notes = [
        f"{kind.name}: {found}"
        for kind, binding in layouts.own.bindings.items()
        for found in find_unindexed(database, binding)
    ]
    if users is not None:
        notes += _find_losses(layouts, users)
    problems = [
        f"The mapping of the connection {each.id} does not fit: {why} Set another, or go back: "
        f"flask scim connections mapping {each.id} --reset"
        for each in connections
        if (why := layouts.misfit(each)) is not None
    ]
    defaults = {} if users is None else {idp: layouts.fit(idp, users) for idp in PROVIDERS}
    return Review(notes, problems, defaults)


def _find_losses(layouts: Layouts, users: ResourceType) -> Iterator[str]:
    binding = layouts.own.bindings[users]
    for idp in _SENDERS:
        lost = find_lost(binding.mapping, idp)
        places = {pair.scim: pair.app for pair in fit(idp, list_attributes(binding.model)).pairs}
        taken = {str(source) for _, source in binding.mapping.sources}
        held = {name: app for name in lost if (app := places.get(name)) and app not in taken}
        nowhere = [name for name in lost if name not in held]
        if held:
            told = ", ".join(f"{name} (in {app})" for name, app in held.items())
            yield f"{idp} sends by default what the model could hold: {told}; map it, or offer it."
        if nowhere:
            yield (
                f"{idp} sends by default what nobody keeps: {', '.join(nowhere)}; add columns, or "
                'keep it with SCIM_UNMAPPED = "keep".'
            )

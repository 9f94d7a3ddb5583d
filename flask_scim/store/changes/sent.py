"""What an identity provider has sent last, so that the app's own changes can stand meanwhile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from ...mapping.mapping import Parts
from ...provisioning.ports import Named
from ..columns.binding import Binding
from ..columns.places import Place
from ..queries.uniqueness import Held
from .retirement import is_active_place

#: Enough of a hash to tell the values of one place apart.
_LENGTH = 16


def keep_local(binding: Binding, held: Held, parts: Parts) -> None:
    """Let values stay that the app has changed, where the same is sent as was sent before.

    :param binding: where the attributes sit.
    :param held: the row as it is.
    :param parts: the document that is going to be stored; what stays is put into it.
    """
    known = held.record["sent"] or {}
    for index, name, place in _places(binding):
        old, new = held.values[index], parts.values[index]
        # Nobody gets back in by a change that their identity provider knows nothing of.
        is_shut_out = is_active_place(place) and new is False
        if old != new and known.get(name) == _hash(new) and not is_shut_out:
            parts.values[index] = old


def note_sent(binding: Binding, held: Held | None, parts: Parts, named: Named) -> dict[str, str]:
    """Write down what was sent, to know it again.

    :param binding: where the attributes sit.
    :param held: the row as it is; ``None`` where it is new.
    :param parts: the document as it was sent.
    :param named: tells which attributes the request named, whatever their values.
    :return: a hash of what was sent last, for each place that anything was sent for.
    """
    known = dict(held.record["sent"] or {}) if held is not None else {}
    for index, name, place in _places(binding):
        new = parts.values[index]
        if held is None and new is None and is_active_place(place):
            # Whoever is created is let in unless something is said.
            new = True
        if held is None or new != held.values[index] or named(place.path):
            known[name] = _hash(new)
    return known


def _places(binding: Binding) -> Iterator[tuple[int, str, Place]]:
    for index, name in enumerate(binding.mapping.names):
        place = binding.places[index]
        if place.writable and not place.is_secret:
            yield index, name, place


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]

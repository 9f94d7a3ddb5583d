"""Rows read as SCIM values: the host's objects, and the columns that a statement selects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from ...mapping.joining import Input
from ...mapping.sources import Computed
from .codecs import TextCodec
from .places import Place


class RowReader:
    """Reads the values of all places of a binding from the host's objects.

    :param places: the places.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        own = {index: name for index, place in enumerate(places) if (name := place.own_name)}
        self._count = len(places)
        self._get_own = _getter(list(own.values()))
        self._own = [(index, places[index].codec.decode) for index in own]
        self._others = [
            (index, place.reader) for index, place in enumerate(places) if index not in own
        ]

    def read(self, row: Any, kept: dict[str, Any]) -> list[Any]:
        """Read the values of one object; most are attributes of its own, and got all at once.

        :param row: the host's object.
        :param kept: the columns of the record, by name.
        :return: one SCIM value for each place.
        """
        values: list[Any] = [None] * self._count
        for (index, decode), raw in zip(self._own, self._get_own(row), strict=True):
            if raw is not None:
                values[index] = decode(raw)
        for index, read in self._others:
            values[index] = read(row, kept)
        return values


def read_columns(places: Sequence[Place]) -> Iterator[Input | None]:
    """Tell how the values of places are read from a row with their columns.

    :param places: the places.
    :return: for each of them, how; the host's object, for what a function computes, comes last in
        the row.
    """
    count = sum(place.column is not None for place in places)
    index = 0
    for place in places:
        if place.column is not None:
            is_text = type(place.codec).decode is TextCodec.decode
            yield Input(index, None if is_text else place.codec.decoder, is_text)
            index += 1
        elif isinstance(place.source, Computed):
            yield Input(count, partial(place.read, kept={}))
        else:
            yield None


def _getter(names: list[str]) -> Callable[[Any], Iterable[Any]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: [getattr(row, name) for name in names]

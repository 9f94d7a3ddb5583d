"""Documents put together of values, by a function that is written for their mapping.

Each resource of a list is put together so, and to walk through the mapping for each would take
longer than to read its row. What there is to do for a value is therefore written down once, as the
source of a function. That source is made of numbers alone: names and literals, which come from a
configuration, are bound to the function as constants and never become code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .nesting import Document, Keys, copy
from .slots import Group, strictest_first

#: Puts a document together of values, of what the record keeps, and of what it keeps for the
#: entries of slots.
Join = Callable[[Sequence[Any], Document | None, Mapping[str, Document] | None], Document]


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a document is put together of.

    :param index: where it stands among all values.
    :param decode: makes the SCIM value of what is there, or ``None``; ``None`` if it is one.
    :param is_text: whether empty text stands for nothing.
    """

    index: int
    decode: Callable[[Any], Any] | None = None
    is_text: bool = False


def write_join(
    fields: Sequence[Keys],
    groups: Mapping[Keys, Group],
    inputs: Sequence[Input | None],
    width: int,
    *,
    keeps: bool,
) -> Join:
    """Write the function that puts the documents of a mapping together.

    :param fields: where single values stand.
    :param groups: the slots of multi-valued attributes, by where these stand.
    :param inputs: the value of each field, then those of the parts of slots; ``None`` where nothing
        can be read.
    :param width: how many values the function takes.
    :param keeps: whether records keep anything beside them.
    :return: the function.
    """
    writer = _Writer(inputs, width, keeps=keeps)
    writer.write_fields(fields)
    for keys, group in groups.items():
        writer.write_entries(keys, strictest_first(group))
    return writer.compile()


class _Writer:
    """The source of one function, as it is written, and the constants that are bound to it."""

    def __init__(self, inputs: Sequence[Input | None], width: int, *, keeps: bool) -> None:
        self._bound: dict[str, Any] = {}
        self._keeps = keeps
        self._lines = ["def join(values, kept, extras):"]
        if width:
            self._write(f"{', '.join(f'v{index}' for index in range(width))}, = values")
        self._read = [self._write_input(place, each) for place, each in enumerate(inputs)]
        kept = f"{self._bind(copy)}(kept) if kept else " if keeps else ""
        self._write(f"document = {kept}{{}}")

    def write_fields(self, fields: Sequence[Keys]) -> None:
        """Write what puts single values in; those of one object one after another."""
        singles: dict[Keys, list[tuple[str, int]]] = {}
        for place, keys in enumerate(fields):
            singles.setdefault(keys[:-1], []).append((keys[-1], place))
        for outer, places in singles.items():
            if not outer:
                self._write_parts("document", places)
                continue
            self._write("inner = {}")
            self._write_parts("inner", places)
            self._write("if inner:")
            outermost = self._object(outer[:-1])
            self._write(f"held = {outermost}.setdefault({self._bind(outer[-1])}, inner)", 2)
            self._write("if held is not inner: held.update(inner)", 2)

    def write_entries(self, keys: Keys, group: Group) -> None:
        """Write what puts the entries of slots in, before those that the record keeps."""
        self._write("entries = []")
        for slot, index in group:
            places = [(name, index + offset) for offset, (name, _) in enumerate(slot.sources)]
            tests = [test for _, _, test in self._readable(places)]
            if not tests:
                continue
            literals = (f"{self._bind(name)}: {self._bind(value)}" for name, value in slot.literals)
            self._write(f"if {' or '.join(tests)}:")
            self._write(f"entry = {{{', '.join(literals)}}}", 2)
            if self._keeps:
                key = self._bind(slot.key)
                self._write(f"if extras and {key} in extras: entry.update(extras[{key}])", 2)
            self._write_parts("entry", places, 2)
            self._write("entries.append(entry)", 2)
        name = self._bind(keys[-1])
        self._write("if entries:")
        self._write(f"inner = {self._object(keys[:-1])}", 2)
        self._write(f"held = inner.get({name})", 2)
        self._write(f"inner[{name}] = entries + held if held else entries", 2)

    def compile(self) -> Join:
        """Make the function of its source."""
        self._write("return document")
        code = compile("\n".join(self._lines), "<the join of a mapping>", "exec")
        # Nothing is in it but what this module has written.
        exec(code, self._bound)
        join: Join = self._bound["join"]
        return join

    def _write(self, line: str, depth: int = 1) -> None:
        self._lines.append(f"{'    ' * depth}{line}")

    def _bind(self, value: Any) -> str:
        name = f"c{len(self._bound)}"
        self._bound[name] = value
        return name

    def _write_input(self, place: int, read: Input | None) -> tuple[str, str] | None:
        """Write what reads a value; what it is called then, and the test whether it is there."""
        if read is None:
            return None
        name = f"v{read.index}"
        if read.decode is not None:
            raw, name = name, f"d{place}"
            self._write(f"{name} = None if {raw} is None else {self._bind(read.decode)}({raw})")
        return name, name if read.is_text else f"{name} is not None"

    def _readable(self, places: list[tuple[str, int]]) -> Iterator[tuple[str, str, str]]:
        """The parts that can be read: how each is called, its value, and whether it is there."""
        for part, place in places:
            read = self._read[place]
            if read is not None:
                yield part, *read

    def _write_parts(self, target: str, places: list[tuple[str, int]], depth: int = 1) -> None:
        for part, value, test in self._readable(places):
            self._write(f"if {test}: {target}[{self._bind(part)}] = {value}", depth)

    def _object(self, keys: Keys) -> str:
        """The expression that finds an object in others, which are made where they are missing."""
        return "document" + "".join(f".setdefault({self._bind(key)}, {{}})" for key in keys)

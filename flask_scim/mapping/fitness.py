"""Whether a source fits the attribute that it is declared for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..protocol.resolver import AttributePath
from ..protocol.schema import Mutability, Returned, Type
from .keeping import is_secret
from .mapping import writable
from .sources import AnySource, Source

#: The parts of an entry that refers to another resource.
_REFERENCE_PARTS = ("value", "$ref", "type", "display")


def find_misfits(
    bound: AttributePath, source: AnySource, *, is_entry: bool = False
) -> Iterator[str]:
    """Find why a source cannot hold what an attribute says.

    :param bound: the attribute that it is the source of.
    :param source: the source.
    :param is_entry: whether the attribute is a part of an entry.
    :return: every problem with its repair.
    """
    if isinstance(source, Source) and source.inverted and bound.leaf.type is not Type.BOOLEAN:
        yield "only a boolean can be inverted; drop the '!'"
    exposure = _find_exposure(bound, source, is_entry=is_entry)
    if exposure is not None:
        yield exposure


def find_reference_misfit(bound: AttributePath) -> str | None:
    """Find why references cannot be kept as an attribute wants it.

    :param bound: the attribute.
    :return: the problem and its repair; ``None`` if there is none.
    """
    attribute = bound.attribute
    parts = [sub.name for sub in attribute.sub_attributes if sub.name not in _REFERENCE_PARTS]
    if bound.urn is not None:
        return "only the core schema can have references; move the attribute there"
    if parts:
        return f"a reference has no {' and no '.join(parts)}; take that out of the schema"
    if attribute.required or attribute.mutability not in (
        Mutability.READ_ONLY,
        Mutability.READ_WRITE,
    ):
        return "references come and go; make the attribute readWrite and not required"
    return None


def guarded(bound: AttributePath, source: AnySource) -> AnySource:
    """Make a source read only where the attribute, or what that is a part of, is.

    :param bound: the attribute that it is the source of.
    :param source: the source.
    :return: the source.
    """
    mutability = {bound.attribute.mutability, bound.leaf.mutability}
    if isinstance(source, Source) and Mutability.READ_ONLY in mutability:
        return replace(source, read_only=True)
    return source


def _find_exposure(
    bound: AttributePath, source: AnySource, *, is_entry: bool = False
) -> str | None:
    """Find why a source would store a secret in clear text, or hide what is none."""
    leaf, parts = bound.leaf, bound.leaf.sub_attributes
    is_hashed = isinstance(source, Source) and source.hashed is not None
    if is_secret(bound) and (is_entry or leaf.multi_valued or leaf.type is not Type.STRING):
        return "only a single text can be hashed, and no part of an entry; leave it out"
    if is_secret(bound) and not is_hashed:
        return (
            "clear text must never be stored; leave it out, or name a function that makes a "
            "hash of it, as in hashed(User.password_hash, generate_password_hash)"
        )
    if any(sub.returned is Returned.NEVER for sub in parts):
        return "it has parts that must never be stored in clear text; map it part by part"
    if is_hashed and not is_secret(bound):
        return "it is returned to clients, and a hash cannot be; drop hashed()"
    if is_hashed and not writable(source):
        return "nobody reads a hash; drop read_only()"
    return None

"""E-mail addresses, as they are told to be one: by letter case, not by looks."""

from __future__ import annotations

from dataclasses import dataclass

# The standard library encodes these as other letters: it would take one domain for another.
_ENCODED_OTHERWISE = frozenset("ßẞς\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address; two are equal if mail to either reaches the same person.

    :param local: what stands before the ``@``, with letter case folded.
    :param domain: the domain in ASCII, lower case.
    """

    local: str
    domain: str

    @property
    def forms(self) -> tuple[str, ...]:
        """How the address may be written, in lower case: the domain in ASCII and in letters."""
        domains = (self.domain, decode_domain(self.domain))
        return tuple(dict.fromkeys(f"{self.local}@{domain}" for domain in domains))


def read_address(text: object) -> Address | None:
    """Read an e-mail address.

    What merely looks like another one is another one: a letter of a foreign alphabet, or one that
    only folds into a Latin letter, such as the Kelvin sign.

    :param text: what somebody has written.
    :return: the address, or ``None`` if it is none that can be compared without doubt.
    """
    if not isinstance(text, str) or len(text) > 320:
        return None
    local, at, domain = text.rpartition("@")
    if not at or not local or "@" in local or not _is_plain(local):
        return None
    encoded = encode_domain(domain)
    folded = fold_letters(domain)
    if "." not in encoded or folded not in (encoded, decode_domain(encoded)):
        return None
    return Address(fold_letters(local), encoded)


def encode_domain(domain: str) -> str:
    """Write a domain in ASCII (:rfc:`3490`).

    :param domain: the domain, in ASCII or in letters.
    :return: the domain in lower case; the empty text if it cannot be written so.
    """
    text = domain.strip().removesuffix(".")
    if len(text) > 253 or _ENCODED_OTHERWISE & set(text):
        return ""
    try:
        return text.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def decode_domain(domain: str) -> str:
    """Write a domain of :func:`encode_domain` as people read it.

    :param domain: the domain in ASCII.
    :return: the domain in letters; the same where it cannot be read.
    """
    try:
        return domain.encode().decode("idna")
    except UnicodeError:
        return domain


def _is_plain(local: str) -> bool:
    return local.isprintable() and " " not in local and '"' not in local


def fold_letters(text: str) -> str:
    """Fold the letter case of such letters alone as come back from it.

    :param text: the text.
    :return: the same where one letter only looks like another: ``K`` the Kelvin sign is no ``k``.
    """
    return "".join(
        lower if (lower := letter.lower()).upper() == letter else letter for letter in text
    )

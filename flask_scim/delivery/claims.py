"""A lane that a worker has taken, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .batches import Batch
from .destinations import Destination


class Lane(NamedTuple):
    """A destination, and the connection of whose events it is told."""

    destination_id: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A lane that a worker has taken, and what it is to send.

    :param lane: the lane.
    :param holder: which claim it is.
    :param destination: the destination.
    :param position: up to where it has been told.
    :param batch: what to send.
    """

    lane: Lane
    holder: str
    destination: Destination
    position: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a batch.

    :param delivered: how many events were delivered.
    :param failed: how many were not.
    :param disabled: why the destination was disabled just now; ``None`` if it was not.
    :param carried_out: how many requests that waited were carried out.
    """

    delivered: int
    failed: int
    disabled: str | None = None
    carried_out: int = 0

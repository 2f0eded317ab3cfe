"""From rows to leases, receipts, and the history that is kept beside a message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from msgspec import structs

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import AttemptNote, Lease
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.notes import decode_notes, encode_notes

US = 1_000_000
"""Microseconds in a second."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Row: TypeAlias = tuple[Any, ...]
"""A message that was leased: id, due_at, visible_at, deliveries, interruptions, body, history."""
place_in_line = itemgetter(1, 0)
"""Of a row: when it was due, and then its id."""
due_at_of = itemgetter(1)
"""Of a row."""
visible_at_of = itemgetter(2)
"""Of a row."""


class Receipt(NamedTuple):
    """One delivery of a message: strict, because the number of deliveries only grows."""

    id: int
    deliveries: int

    @classmethod
    def of_row(cls, row: Row) -> Receipt:
        """That of a message that was leased."""
        return cls(row[0], row[3])


def receipt_of(lease: Lease) -> Receipt:
    """What the lease is settled with.

    Raises:
        LeaseLostError: It is none of ours.
    """
    try:
        number, deliveries = lease.receipt.split(".")
        return Receipt(int(number), int(deliveries))
    except ValueError:
        raise LeaseLostError(f"{lease.receipt!r} is not a receipt of this queue") from None


def lease_of(row: Row, queue: str, lease_s: float) -> Lease:
    """The lease of a message."""
    number, _, _, deliveries, interruptions, body, history = row
    return Lease(
        task=decode_task(body),
        key=str(number),
        receipt=f"{number}.{deliveries}",
        duration_s=lease_s,
        delivery_count=deliveries,
        interruptions=interruptions,
        queue=queue,
        history=decode_history(history),
    )


def decode_history(text: str | None) -> tuple[AttemptNote, ...]:
    """The history beside a message; nothing where somebody else's hand wrote what we cannot read."""
    return decode_notes(text.encode(), "") if text else ()


def encode_history(notes: Sequence[AttemptNote], at: str) -> str | None:
    """The newest of them, as text; those that have no time yet were written `at`."""
    told = tuple(note if note.at else structs.replace(note, at=at) for note in notes)
    return encode_notes(told).decode() or None


def as_utc(moment_us: int) -> str:
    """A moment of the database's, in ISO 8601."""
    return (_EPOCH + timedelta(microseconds=moment_us)).isoformat(timespec="milliseconds")


class ServerTime:
    """The database's clock, as far as what it told lets us say.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_us: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether the database has told the time yet."""
        return self._ahead_us is not None

    def learn(self, moment_us: int) -> None:
        """The database told its time, a moment ago."""
        self._ahead_us = moment_us - self._clock.monotonic() * US

    def now(self) -> str:
        """Its time in ISO 8601; `learn` must have been called."""
        if self._ahead_us is None:
            raise AssertionError("the database has not told the time")
        return as_utc(int(self._clock.monotonic() * US + self._ahead_us))

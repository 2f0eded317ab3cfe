"""Leases out of the receive script's answer, and the requests about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import AttemptNote, Lease
from cloud_tasks.queues.notes import decode_notes
from cloud_tasks.queues.redis_streams.stamps import as_iso

Request: TypeAlias = tuple[str, str, int, str, int | str]
"""What the settle script takes: kind, receipt, number, text, interruptions or reason."""


def leases_of(head: bytes, blob: bytes, lease_s: float, queue: str) -> Iterator[Lease]:
    """What was handed out, in order.

    Streams number their messages by the millisecond, each for itself: a key says of which one it is.
    """
    words = head.decode().split(" ")
    start = 0
    for place in range(0, len(words), 4):
        number, count = words[place], words[place + 1]
        middle = start + int(words[place + 2])
        end = middle + int(words[place + 3])
        interruptions, history = _state_of(blob[middle:end]) if end > middle else (0, ())
        yield Lease(
            decode_task(blob[start:middle]),
            f"{queue}/{number}",
            f"{number}:{count}",
            lease_s,
            int(count),
            interruptions,
            queue,
            history,
        )
        start = end


def ms_of(seconds: float, most: float) -> int:
    """Whole milliseconds, at least as long, and no more than `most` seconds."""
    return int(-(-min(seconds, most) * 1000 // 1))


def _state_of(raw: bytes) -> tuple[int, tuple[AttemptNote, ...]]:
    interruptions, at, notes = raw.split(b" ", 2)
    return int(interruptions), decode_notes(notes, as_iso(int(at)))

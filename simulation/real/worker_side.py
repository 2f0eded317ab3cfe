"""From the rehearsal's notes to what became of each worker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from cloud_tasks.core.events import SpotTermination
from cloud_tasks.core.events import WorkerStopped as Stopped
from simulation.happenings import (
    EndAsked,
    EndHeard,
    EventStored,
    Happening,
    StoreFailed,
    WorkerBegan,
    WorkerContinued,
    WorkerEnded,
    WorkerKilled,
    WorkerStopped,
)
from simulation.real.occurrences import FACT, FIRST, LAST, Occurrences
from simulation.real.seen import Seen, What

HEARD_S = 1.5
"""A worker has taken in that it is to end after so long, and nothing that it asked before is on its way."""
_decode = msgspec.json.Decoder(Seen).decode


def read_seen(path: Path) -> list[Seen]:
    """The rehearsal's notes; a last line that was cut short is left out."""
    return [_decode(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def reasons_of(events: Sequence[EventStored]) -> dict[str, str]:
    """Why workers say that they ended, by name."""
    return {stored.worker: stored.event.reason for stored in events if isinstance(stored.event, Stopped)}


def add_workers(
    notes: Sequence[Seen], grace_s: float, reasons: Mapping[str, str], occurrences: Occurrences
) -> None:
    """What became of each worker process.

    Args:
        notes: What the rehearsal has seen.
        grace_s: From SIGTERM to the end of a worker.
        reasons: Why workers say that they ended; of one that says nothing, its status is told.
        occurrences: Where it goes.
    """
    ends = _ends(notes)
    plain: dict[What, type[Happening]] = {
        What.WORKER_BEGAN: WorkerBegan,
        What.WORKER_KILLED: WorkerKilled,
        What.WORKER_STOPPED: WorkerStopped,
        What.WORKER_CONTINUED: WorkerContinued,
        What.DISK_FULL: StoreFailed,
        What.DISK_FREE: StoreFailed,
    }
    for note in notes:
        at, worker = note.at, note.worker
        if note.what in plain:
            over = note.what is What.WORKER_KILLED
            occurrences.add(plain[note.what](at=at, worker=worker), LAST if over else FIRST)
        elif note.what is What.WORKER_ENDED:
            reason = reasons.get(worker, f"status {note.size:.0f}")
            occurrences.add(WorkerEnded(at=at, worker=worker, reason=reason), LAST)
        elif note.what is What.SIGTERM:
            occurrences.add(EndAsked(at=at, worker=worker, why="sigterm", within_s=grace_s), FIRST)
            heard_at = min(at + HEARD_S, ends.get(worker, math.inf))
            occurrences.add(EndHeard(at=heard_at, worker=worker, why="sigterm", within_s=grace_s), FACT)
        elif note.what is What.NOTICE:
            occurrences.add(EndAsked(at=at, worker=worker, why="notice", within_s=note.size), FIRST)


def add_notices(notes: Sequence[Seen], events: Sequence[EventStored], occurrences: Occurrences) -> None:
    """A worker that has heard of its machine's end says so in an event."""
    ends = _ends(notes)
    ends_at = {note.worker: note.at + note.size for note in notes if note.what is What.NOTICE}
    for stored in events:
        if isinstance(stored.event, SpotTermination) and stored.worker in ends_at:
            heard_at = min(stored.at + HEARD_S, ends.get(stored.worker, math.inf))
            within_s = max(ends_at.pop(stored.worker) - heard_at, 0.0)
            occurrences.add(
                EndHeard(at=heard_at, worker=stored.worker, why="notice", within_s=within_s), FACT
            )


def _ends(notes: Sequence[Seen]) -> dict[str, float]:
    """When each worker was over."""
    return {note.worker: note.at for note in notes if note.what in {What.WORKER_ENDED, What.WORKER_KILLED}}

"""How far a job is: what is counted in a task database, and by which statements."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from cloud_tasks.task_db.outcomes import FINAL
from cloud_tasks.task_db.schema import MACHINES_OF_EVENTS, is_current

EFFECTS = ("applied", "noted", "late", "duplicate", "unknown_task", "unknown_type", "no_event")
"""What becomes of what is stored: it changed a task; it tells of no attempt's end; the task had its end
already, or a later attempt; it was stored before; its task is not in the database; its type is not known; it
is no event."""

_STATUSES = "SELECT status, count(*) FROM tasks WHERE status IS NOT NULL GROUP BY status"
_STATUSES_OF_OLD = (
    "SELECT CASE WHEN status = 'completed' AND retry THEN 'completed_with_retry' ELSE status END, count(*)"
    " FROM tasks WHERE status IS NOT NULL GROUP BY 1"
)
_EFFECTS = "SELECT effect, count(*), max(id) FROM events WHERE id > ? GROUP BY effect"
_MACHINES = "SELECT hostname, instance_id, last_heard, terminated_at FROM {} ORDER BY hostname"


class Machine(Struct, frozen=True):
    """A machine that was heard of.

    Attributes:
        hostname: Its name.
        instance_id: The provider's name for it; "" where it was not told.
        last_heard: The time of its last event, keep-alives included; ISO 8601, UTC; "" if that is not known.
        terminated_at: When it told that it was about to be taken away; None if it did not.
    """

    hostname: str
    instance_id: str
    last_heard: str
    terminated_at: str | None


class Snapshot(Struct, frozen=True):
    """How far a job is.

    Attributes:
        total: Number of tasks.
        finished: Tasks of which nothing more will come.
        statuses: Tasks by status, most frequent first.
        effects: Events by what became of them; see `EFFECTS`.
        machines: Who was heard of, by name.
    """

    total: int
    finished: int
    statuses: dict[str, int]
    effects: dict[str, int]
    machines: tuple[Machine, ...]


def count_statuses(db: sqlite3.Connection) -> Counter[str]:
    """Tasks by status."""
    return Counter(dict(db.execute(_STATUSES if is_current(db) else _STATUSES_OF_OLD).fetchall()))


def count_effects(db: sqlite3.Connection, after_id: int) -> tuple[Counter[str], int]:
    """Events behind one by what became of them, and which is the last.

    Of events that the published package stored, it is not known what became of them: they are not counted.
    """
    rows = db.execute(_EFFECTS, (after_id,)).fetchall()
    counts = Counter({effect: count for effect, count, _ in rows if effect is not None})
    return counts, max((last for _, _, last in rows), default=after_id)


def read_machines(db: sqlite3.Connection) -> tuple[Machine, ...]:
    """Who was heard of, by name."""
    source = "machines" if is_current(db) else f"({MACHINES_OF_EVENTS})"
    return tuple(
        Machine(str(name), instance_id or "", heard or "", terminated_at)
        for name, instance_id, heard, terminated_at in db.execute(_MACHINES.format(source))
    )


def ordered(statuses: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first, and by name among equals."""
    return {name: count for name, count in sorted(statuses.items(), key=lambda it: (-it[1], it[0])) if count}


def finished(statuses: Mapping[str, int]) -> int:
    """How many tasks are in a status that never changes."""
    return sum(statuses.get(status, 0) for status in FINAL)

"""`EventBook`: events into the database, and what they make of the tasks."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from cloud_tasks.task_db.outcomes import FINAL, IN_QUEUE, Event, TaskOutcome, decode, outcome_of
from cloud_tasks.task_db.schema import connect, errors_told

EFFECTS = ("applied", "noted", "duplicate", "late", "unknown_task", "no_event")
"""What becomes of what is stored: it changed a task; it tells of no attempt's end; it was stored before; the
task had its end already, or a later attempt; the task is not in the database; it is no event."""

_KNOWN = "SELECT 1 FROM events WHERE digest = ? LIMIT 1"
_STORE = (
    "INSERT INTO events (timestamp, hostname, event_type, task_id, raw_event, digest, effect)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_TASK = "SELECT status, attempt FROM tasks WHERE task_id = ?"
_UPDATE = (
    "UPDATE tasks SET status = ?, retry = ?, attempt = ?, started_at = ?, completed_at = ?, elapsed_time = ?,"
    " hostname = ?, result = ?, exception = ?, exit_code = ? WHERE task_id = ?"
)
_STATUSES = "SELECT status, count(*) FROM tasks GROUP BY status"
_EFFECTS = "SELECT effect, count(*) FROM events GROUP BY effect"
_MACHINES = (
    "SELECT hostname, max(timestamp), max(event_type = 'spot_termination') FROM events"
    " WHERE hostname IS NOT NULL GROUP BY hostname ORDER BY hostname"
)
_BODIES = "SELECT raw_event FROM events ORDER BY id"
MACHINES_MAX = 100_000


class Machine(Struct):
    """A machine that was heard of.

    Attributes:
        hostname: Its name.
        last_heard: The time of its last event.
        terminated: Whether it told that it was about to be taken away.
    """

    hostname: str
    last_heard: str
    terminated: bool


class Snapshot(Struct, frozen=True):
    """How far a job is.

    Attributes:
        statuses: Tasks by status, most frequent first.
        effects: Events by what became of them; see `EFFECTS`.
        total: Number of tasks.
        finished: Tasks of which nothing more will come.
        machines: Who was heard of, by name.
    """

    statuses: dict[str, int]
    effects: dict[str, int]
    total: int
    finished: int
    machines: tuple[Machine, ...]


class Applied(Struct, frozen=True):
    """What became of some events.

    Attributes:
        effects: One of `EFFECTS` for each.
        events: The events themselves; None for what is none.
    """

    effects: tuple[str, ...]
    events: tuple[Event | None, ...]


class EventBook:
    """The events of a job and the outcomes of its tasks, as a context.

    An outcome without retry is final and never changes (F25): what comes after it, and what comes again, is
    kept and counted apart. Counts are kept in memory, so that they cost nothing however many tasks there are.

    Args:
        path: The database; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ConfigurationError: It is no database, or cannot be written; every other method raises this, too.
        """
        self._path = path
        self._db = connect(path)
        with errors_told(path):
            self._statuses = Counter(_counts(self._db, _STATUSES))
            self._effects = Counter(_counts(self._db, _EFFECTS))
            self._machines = {
                name: Machine(name, str(heard or ""), bool(terminated))
                for name, heard, terminated in self._db.execute(_MACHINES)
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def apply(self, bodies: Sequence[bytes]) -> Applied:
        """Store events and what follows from them, all of it or nothing; when this returns, it is stored."""
        events = tuple(map(decode, bodies))
        changes: list[tuple[str, str]] = []
        with self._transaction():
            effects = tuple(
                self._apply(body, event, changes) for body, event in zip(bodies, events, strict=True)
            )
        self._count(changes, effects, events)
        return Applied(effects, events)

    def snapshot(self) -> Snapshot:
        """How far the job is; costs the same however many tasks there are."""
        statuses = {status: count for status, count in self._statuses.most_common() if count}
        return Snapshot(
            statuses,
            {effect: self._effects[effect] for effect in EFFECTS if self._effects[effect]},
            sum(statuses.values()),
            sum(statuses.get(status, 0) for status in FINAL),
            tuple(self._machines[name] for name in sorted(self._machines)),
        )

    def bodies(self) -> Iterator[bytes]:
        """Everything that was stored, in order."""
        with errors_told(self._path):
            for (body,) in self._db.execute(_BODIES):
                yield str(body).encode()

    def _apply(self, body: bytes, event: Event | None, changes: list[tuple[str, str]]) -> str:
        digest = hashlib.sha256(body).hexdigest()[:32]
        effect = self._effect(event, digest, changes)
        told = event or {}
        self._db.execute(
            _STORE,
            (
                *(_text(told.get(name)) for name in ("timestamp", "hostname", "event_type", "task_id")),
                body.decode(errors="backslashreplace"),
                digest,
                effect,
            ),
        )
        return effect

    def _effect(self, event: Event | None, digest: str, changes: list[tuple[str, str]]) -> str:
        if self._db.execute(_KNOWN, (digest,)).fetchone() is not None:
            return "duplicate"
        if event is None:
            return "no_event"
        outcome = outcome_of(event)
        return "noted" if outcome is None else self._settle(outcome, changes)

    def _settle(self, outcome: TaskOutcome, changes: list[tuple[str, str]]) -> str:
        row = self._db.execute(_TASK, (outcome.task_id,)).fetchone()
        if row is None:
            return "unknown_task"
        status, attempt = row
        if status in FINAL or _is_older(outcome, status, attempt):
            return "late"
        values = (outcome.status, outcome.retry, outcome.attempt, *outcome.row, outcome.task_id)
        self._db.execute(_UPDATE, values)
        changes.append((status, outcome.status))
        return "applied"

    def _count(
        self, changes: Iterable[tuple[str, str]], effects: Iterable[str], events: Iterable[Event | None]
    ) -> None:
        for before, after in changes:
            self._statuses[before] -= 1
            self._statuses[after] += 1
        self._effects.update(effects)
        for event in events:
            if event is not None:
                self._hear(event)

    def _hear(self, event: Event) -> None:
        name, heard = _text(event.get("hostname")), _text(event.get("timestamp")) or ""
        if name is None:
            return
        machine = self._machines.get(name)
        if machine is None:
            if len(self._machines) >= MACHINES_MAX:
                return
            machine = self._machines[name] = Machine(name, heard, terminated=False)
        machine.last_heard = max(machine.last_heard, heard)
        machine.terminated = machine.terminated or event["event_type"] == "spot_termination"

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with errors_told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield


def _is_older(outcome: TaskOutcome, status: str, attempt: int | None) -> bool:
    """Whether it tells of an attempt before the one that is known; a final outcome counts all the same."""
    if status in IN_QUEUE or outcome.attempt is None or attempt is None or not outcome.retry:
        return False
    return outcome.attempt < attempt


def _counts(db: sqlite3.Connection, query: str) -> dict[str, int]:
    return {str(name): count for name, count in db.execute(query) if name is not None}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

"""`EventBook`: events into the database, and what they make of the tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from cloud_tasks.core.events import EVENT_CLASSES
from cloud_tasks.task_db.database import Database
from cloud_tasks.task_db.heard import Heard
from cloud_tasks.task_db.messages import Event, as_stored, decode, digest, text, utc
from cloud_tasks.task_db.outcomes import FINAL, IN_QUEUE, OUTCOME_TYPES, TaskOutcome, outcome_of, rank
from cloud_tasks.task_db.schema import errors_told
from cloud_tasks.task_db.tallies import (
    EFFECTS,
    Snapshot,
    count_effects,
    count_statuses,
    finished,
    ordered,
    read_machines,
)

KEEP_ALIVE = "keep_alive"
_TYPES = frozenset(str(one.__struct_config__.tag) for one in EVENT_CLASSES)

_KNOWN = "SELECT 1 FROM events WHERE digest = ? LIMIT 1"
_STORE = (
    "INSERT INTO events (timestamp, hostname, event_type, task_id, raw_event, digest, effect)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_TASK = "SELECT status, attempt, started_at, completed_at FROM tasks WHERE task_id = ?"
_UPDATE = (
    "UPDATE tasks SET status = ?, retry = ?, attempt = ?, started_at = ?, completed_at = ?, elapsed_time = ?,"
    " hostname = ?, result = ?, exception = ?, exit_code = ? WHERE task_id = ?"
)
_NEW = (
    "SELECT id, raw_event FROM events WHERE id > ? AND raw_event IS NOT NULL"
    " AND (effect IS NULL OR effect NOT IN ('duplicate', 'no_event')) ORDER BY id"
)
_ID = "SELECT min(id) FROM events WHERE digest = ?"
_LAST_ID = "SELECT coalesce(max(id), 0) FROM events"


class Applied(Struct, frozen=True):
    """What became of a message.

    Attributes:
        effect: One of `EFFECTS`; or "keep_alive", which only says when the machine was last heard of.
        event: The event; None for what is none.
    """

    effect: str
    event: Event | None


class EventBook(Database):
    """The events of a job and the outcomes of its tasks, as a context.

    An outcome without retry is final and never changes (F25): what comes after it, and what comes again, is
    kept and counted apart. Of outcomes with retry, that of the latest attempt counts, in whatever order they
    come. Other programs may write into the database at the same time.

    Args:
        path: The database; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ConfigurationError: It is no database, or cannot be written; every other method raises this, too.
        """
        super().__init__(path)
        self._effects: Counter[str] = Counter()
        self._counted_id = 0
        try:
            with errors_told(path):
                # What is acked is nowhere else: a power cut must not take it back.
                self._db.execute("PRAGMA synchronous = FULL")
                self._recount()
        except BaseException:  # boundary: closed, and raised again
            self._db.close()
            raise

    def apply(self, bodies: Sequence[bytes]) -> list[Applied]:
        """Store messages and what follows from them, all or nothing; when this returns, it is on the disk."""
        changes: list[tuple[str, str]] = []
        heard = Heard()
        with self._transaction():
            applied = [self._apply(body, changes, heard) for body in bodies]
            heard.store(self._db)
        for before, after in changes:
            self._statuses[before] -= 1
            self._statuses[after] += 1
        return applied

    def snapshot(self) -> Snapshot:
        """How far the job is; costs the same however many tasks there are, while nobody else changes them."""
        with errors_told(self._path):
            if self._data_version() != self._version:
                self._recount()
            more, self._counted_id = count_effects(self._db, self._counted_id)
            self._effects += more
            machines = read_machines(self._db)
        statuses = ordered(self._statuses)
        effects = {effect: self._effects[effect] for effect in EFFECTS if self._effects[effect]}
        return Snapshot(sum(statuses.values()), finished(statuses), statuses, effects, machines)

    def is_finished(self) -> bool:
        """Whether there are tasks, and nothing more will come of any; cheap as long as something will."""
        if not 0 < self._statuses.total() == finished(self._statuses):
            return False
        # A load that is still under way may have added more.
        snapshot = self.snapshot()
        return snapshot.total == snapshot.finished

    def events(self, after_id: int) -> Iterator[tuple[int, bytes]]:
        """Every event behind one, with its id, in the order in which they were stored, each once."""
        with errors_told(self._path):
            for event_id, raw in self._db.execute(_NEW, (after_id,)):
                yield event_id, raw if isinstance(raw, bytes) else raw.encode()

    def find(self, body: bytes) -> int | None:
        """The id of an event that says the same; None if there is none."""
        with errors_told(self._path):
            (event_id,) = self._db.execute(_ID, (digest(body, decode(body)),)).fetchone()
        return None if event_id is None else int(event_id)

    def last_id(self) -> int:
        """The id of what was stored last; 0 if there is nothing."""
        with errors_told(self._path):
            return int(self._db.execute(_LAST_ID).fetchone()[0])

    def _apply(self, body: bytes, changes: list[tuple[str, str]], heard: Heard) -> Applied:
        event = decode(body)
        if event is None:
            return self._store(body, None, digest(body, None), "no_event")
        if event["event_type"] in _TYPES:
            heard.add(event)
        if event["event_type"] == KEEP_ALIVE:
            return Applied(KEEP_ALIVE, event)
        key = digest(body, event)
        if self._db.execute(_KNOWN, (key,)).fetchone() is not None:
            return self._store(body, event, key, "duplicate")
        return self._store(body, event, key, self._effect(event, changes))

    def _store(self, body: bytes, event: Event | None, key: bytes, effect: str) -> Applied:
        told = event or {}
        row = (
            utc(told.get("timestamp")) or text(told.get("timestamp")),
            *(text(told.get(name)) for name in ("hostname", "event_type", "task_id")),
        )
        self._db.execute(_STORE, (*row, as_stored(body), key, effect))
        return Applied(effect, event)

    def _effect(self, event: Event, changes: list[tuple[str, str]]) -> str:
        if event["event_type"] not in _TYPES:
            return "unknown_type"
        if event["event_type"] not in OUTCOME_TYPES:
            return "noted"
        outcome = outcome_of(event)
        return "unknown_task" if outcome is None else self._settle(outcome, changes)

    def _settle(self, outcome: TaskOutcome, changes: list[tuple[str, str]]) -> str:
        row = self._db.execute(_TASK, (outcome.task_id,)).fetchone()
        if row is None:
            return "unknown_task"
        status, attempt, started_at, completed_at = row
        if status in FINAL:
            return "late"
        if status in IN_QUEUE:
            started_at = None
        elif outcome.retry and outcome.rank <= rank(attempt, completed_at, status):
            return "late"
        self._db.execute(_UPDATE, _values(outcome, started_at))
        changes.append((status, outcome.status))
        return "applied"

    def _recount(self) -> None:
        self._version = self._data_version()
        self._statuses = count_statuses(self._db)

    def _data_version(self) -> int:
        """Changes when another program has written something."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])


def _values(outcome: TaskOutcome, started_before: str | None) -> tuple[object, ...]:
    """The row of a task, but its id at the end; it began when its first attempt did."""
    began = [moment for moment in (started_before, outcome.started_at) if moment]
    return (
        outcome.status,
        outcome.retry,
        outcome.attempt,
        min(began, default=None),
        outcome.completed_at,
        outcome.elapsed_time,
        outcome.hostname,
        outcome.result,
        outcome.exception,
        outcome.exit_code,
        outcome.task_id,
    )

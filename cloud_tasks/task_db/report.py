"""The report of a job: computed from the database, in bounded memory."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

from msgspec import Struct

from cloud_tasks.summary.failures import FailureGroups
from cloud_tasks.summary.headline import headline
from cloud_tasks.summary.run_times import RunTimesBuilder
from cloud_tasks.summary.values import FailureGroup, RunTimes
from cloud_tasks.task_db.book import EventBook
from cloud_tasks.task_db.messages import moment
from cloud_tasks.task_db.outcomes import FINAL
from cloud_tasks.task_db.schema import connect, errors_told
from cloud_tasks.task_db.tallies import Snapshot

EXCEPTIONS_MAX = 10
_TIMES = "SELECT elapsed_time FROM tasks WHERE elapsed_time IS NOT NULL"
_SPREAD = (
    "SELECT count(*), avg((elapsed_time - ?) * (elapsed_time - ?)) FROM tasks WHERE elapsed_time IS NOT NULL"
)
_SPAN = (
    "SELECT min(coalesce(started_at, completed_at)), max(completed_at) FROM tasks"
    " WHERE completed_at IS NOT NULL"
)
_FAILED = "SELECT task_id, status, exception FROM tasks WHERE status IS NOT NULL AND exception IS NOT NULL"
_INTERRUPTED = (
    "SELECT coalesce(CASE WHEN json_valid(raw_event) THEN json_extract(raw_event, '$.reason') END, ''),"
    " count(*) FROM events WHERE event_type = 'task_interrupted' AND coalesce(effect, '') <> 'duplicate'"
    " GROUP BY 1 ORDER BY 2 DESC, 1"
)


class Report(Struct, frozen=True):
    """What became of a job.

    Attributes:
        snapshot: Counts and machines.
        elapsed_s: From the first start to the last end, in seconds; None while nothing has ended.
        tasks_per_hour: Finished tasks in that time.
        timed: Of how many tasks the run time is known.
        run_times: How long they took, the last attempt of each; None where nothing is known.
        stddev_s: The standard deviation of these times, in seconds.
        exceptions: The most frequent exceptions, ten at most.
        interrupted: Attempts that were given up through no fault of the task, by reason.
        terminated: Machines that told of their end: their provider's name, where it is known.
    """

    snapshot: Snapshot
    elapsed_s: float | None
    tasks_per_hour: float | None
    timed: int
    run_times: RunTimes | None
    stddev_s: float | None
    exceptions: tuple[FailureGroup, ...]
    interrupted: dict[str, int]
    terminated: tuple[str, ...]

    @property
    def failed(self) -> int:
        """Number of tasks that have ended, and did not complete."""
        return self.snapshot.finished - self.snapshot.statuses.get("completed", 0)


def read_report(path: Path) -> Report:
    """Read a database.

    Raises:
        ConfigurationError: It cannot be read.
    """
    with EventBook(path) as book:
        snapshot = book.snapshot()
    db = connect(path)
    try:
        with errors_told(path):
            return _report(db, snapshot)
    finally:
        db.close()


def _report(db: sqlite3.Connection, snapshot: Snapshot) -> Report:
    elapsed_s = _elapsed_s(db)
    run_times = _run_times(db)
    mean_s = run_times.mean_s if run_times else 0.0
    timed, variance = db.execute(_SPREAD, (mean_s, mean_s)).fetchone()
    return Report(
        snapshot=snapshot,
        elapsed_s=elapsed_s,
        tasks_per_hour=snapshot.finished * 3600 / elapsed_s if elapsed_s else None,
        timed=timed,
        run_times=run_times,
        stddev_s=None if variance is None else math.sqrt(variance),
        exceptions=_exceptions(db),
        interrupted={str(reason): count for reason, count in db.execute(_INTERRUPTED)},
        terminated=tuple(one.instance_id or one.hostname for one in snapshot.machines if one.terminated_at),
    )


def _elapsed_s(db: sqlite3.Connection) -> float | None:
    first, last = (moment(at) for at in db.execute(_SPAN).fetchone())
    return None if first is None or last is None else (last - first).total_seconds()


def _run_times(db: sqlite3.Connection) -> RunTimes | None:
    times = RunTimesBuilder()
    for (elapsed_s,) in db.execute(_TIMES):
        times.add(elapsed_s)
    return times.build()


def _exceptions(db: sqlite3.Connection) -> tuple[FailureGroup, ...]:
    groups = FailureGroups()
    for task_id, status, exception in db.execute(_FAILED):
        if status in FINAL or status.endswith("_with_retry"):
            groups.add(status, *headline(exception), task_id)
    return groups.build()[:EXCEPTIONS_MAX]

"""The report of a job: computed from the database, in bounded memory."""

from __future__ import annotations

import math
import sqlite3
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from cloud_tasks.summary.failures import FailureGroups
from cloud_tasks.summary.headline import headline
from cloud_tasks.summary.values import FailureGroup
from cloud_tasks.task_db.book import EventBook, Snapshot
from cloud_tasks.task_db.outcomes import FINAL
from cloud_tasks.task_db.schema import connect, errors_told

EXCEPTIONS_MAX = 10
_ENDED = "elapsed_time IS NOT NULL AND completed_at IS NOT NULL"
_NUMBERS = (
    f"SELECT count(*), min(elapsed_time), avg(elapsed_time), max(elapsed_time) FROM tasks WHERE {_ENDED}"  # noqa: S608 - our own words
)
_SPREAD = f"SELECT avg((elapsed_time - ?) * (elapsed_time - ?)) FROM tasks WHERE {_ENDED}"  # noqa: S608 - as above
_RANK = f"SELECT elapsed_time FROM tasks WHERE {_ENDED} ORDER BY elapsed_time LIMIT 1 OFFSET ?"  # noqa: S608 - as above
_SPAN = (
    "SELECT min(coalesce(started_at, completed_at)), max(completed_at) FROM tasks"
    " WHERE completed_at IS NOT NULL"
)
_FAILED = "SELECT task_id, status, exception FROM tasks WHERE status IS NOT NULL AND exception IS NOT NULL"
_TERMINATED = (
    "SELECT DISTINCT coalesce(json_extract(raw_event, '$.instance_id'), hostname) FROM events"
    " WHERE event_type = 'spot_termination' AND json_valid(raw_event) ORDER BY 1"
)


class RunTimes(Struct, frozen=True):
    """How long attempts took, in seconds: the last of each task.

    Attributes:
        count: How many are known.
        min_s: The shortest.
        mean_s: Their mean.
        stddev_s: Their standard deviation.
        median_s: The median.
        p90_s: Nine of ten were not longer.
        p95_s: Nineteen of twenty were not longer.
        max_s: The longest.
    """

    count: int
    min_s: float
    mean_s: float
    stddev_s: float
    median_s: float
    p90_s: float
    p95_s: float
    max_s: float


class Report(Struct, frozen=True):
    """What became of a job.

    Attributes:
        snapshot: Counts and machines.
        elapsed_s: From the first start to the last end, in seconds; None while nothing has ended.
        tasks_per_hour: Finished tasks in that time.
        run_times: How long attempts took; None where nothing is known.
        exceptions: The most frequent exceptions, ten at most.
        terminated: Instances that told of their end, by name.
    """

    snapshot: Snapshot
    elapsed_s: float | None
    tasks_per_hour: float | None
    run_times: RunTimes | None
    exceptions: tuple[FailureGroup, ...]
    terminated: tuple[str, ...]


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
            elapsed_s = _elapsed_s(db)
            per_hour = snapshot.finished * 3600 / elapsed_s if elapsed_s else None
            terminated = tuple(str(name) for (name,) in db.execute(_TERMINATED) if name is not None)
            return Report(snapshot, elapsed_s, per_hour, _run_times(db), _exceptions(db), terminated)
    finally:
        db.close()


def _elapsed_s(db: sqlite3.Connection) -> float | None:
    first, last = db.execute(_SPAN).fetchone()
    try:
        return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    except (TypeError, ValueError):
        return None


def _run_times(db: sqlite3.Connection) -> RunTimes | None:
    count, shortest, mean, longest = db.execute(_NUMBERS).fetchone()
    if not count:
        return None
    (variance,) = db.execute(_SPREAD, (mean, mean)).fetchone()

    def rank(share: float) -> float:
        (value,) = db.execute(_RANK, (max(0, math.ceil(share * count) - 1),)).fetchone()
        return float(value)

    return RunTimes(count, shortest, mean, math.sqrt(variance), rank(0.5), rank(0.9), rank(0.95), longest)


def _exceptions(db: sqlite3.Connection) -> tuple[FailureGroup, ...]:
    groups = FailureGroups()
    for task_id, status, exception in db.execute(_FAILED):
        if status in FINAL or status.endswith("_with_retry"):
            groups.add(status, *headline(exception), task_id)
    return groups.build()[:EXCEPTIONS_MAX]

"""What the task database says of a job, read without changing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from cloud_tasks.cli.call import refused
from cloud_tasks.errors import Problem

_STATUSES = "SELECT status, count(*) FROM tasks GROUP BY status ORDER BY count(*) DESC, status"
_DOUBTFUL = "SELECT count(*) FROM tasks WHERE status = 'pending' AND enqueued_at IS NOT NULL"
_MACHINES = (
    "SELECT hostname, max(timestamp), max(event_type = 'spot_termination') FROM events"
    " WHERE hostname IS NOT NULL GROUP BY hostname ORDER BY hostname"
)
_HAS_EVENTS = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'events'"


class MachineFacts(Struct, frozen=True):
    """A machine that was heard of.

    Attributes:
        hostname: Its name.
        last_heard: The time of its last event.
        terminated: Whether it told that it was about to be taken away.
    """

    hostname: str
    last_heard: str
    terminated: bool


class JobFacts(Struct, frozen=True):
    """What is in a database.

    Attributes:
        statuses: Tasks by status, the most frequent first.
        being_sent: Tasks that a load noted as being sent; more than none after a load that was killed.
        machines: Who was heard of.
    """

    statuses: dict[str, int]
    being_sent: int
    machines: tuple[MachineFacts, ...]


def job_facts(path: Path) -> JobFacts | None:
    """What is in a database; None if it is not there.

    Raises:
        ConfigurationError: The file is no task database.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return _read(db)
    except sqlite3.Error as error:
        raise refused(Problem(f"`{path}` cannot be read as a task database: {error}")) from None


def _read(db: sqlite3.Connection) -> JobFacts:
    statuses = dict(db.execute(_STATUSES).fetchall())
    (being_sent,) = db.execute(_DOUBTFUL).fetchone()
    (has_events,) = db.execute(_HAS_EVENTS).fetchone()
    rows = db.execute(_MACHINES).fetchall() if has_events else []
    machines = (MachineFacts(name, str(heard), bool(terminated)) for name, heard, terminated in rows)
    return JobFacts(statuses, being_sent, tuple(machines))

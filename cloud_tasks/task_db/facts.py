"""What a task database says of a job, read without changing it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from msgspec import Struct

from cloud_tasks.task_db.schema import connect_read_only, errors_told, is_missing
from cloud_tasks.task_db.tallies import Machine, count_statuses, ordered, read_machines

_DOUBTFUL = "SELECT count(*) FROM tasks WHERE status = 'pending' AND enqueued_at IS NOT NULL"


class JobFacts(Struct, frozen=True):
    """What is in a database.

    Attributes:
        statuses: Tasks by status, the most frequent first.
        being_sent: Tasks that a load noted as being sent; more than none after a load that was killed.
        machines: Who was heard of, by name.
    """

    statuses: dict[str, int]
    being_sent: int
    machines: tuple[Machine, ...]


def read_facts(path: Path) -> JobFacts | None:
    """What is in a database; None if it is not there.

    Raises:
        ConfigurationError: It is no task database, or cannot be read.
    """
    if is_missing(path):
        return None
    with errors_told(path), closing(connect_read_only(path)) as db:
        (being_sent,) = db.execute(_DOUBTFUL).fetchone()
        return JobFacts(ordered(count_statuses(db)), being_sent, read_machines(db))

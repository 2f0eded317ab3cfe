"""What is kept of a completed task."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from cloud_tasks.core.policy import attempt_number
from cloud_tasks.core.task import Lease, MalformedTask, Outcome, OutcomeKind
from cloud_tasks.queues.sql.dialect import Dialect
from cloud_tasks.queues.sql.limits import text_of

RESULT_BYTES_MAX = 64 * 1024
"""A larger result is not kept."""

_encode = msgspec.json.Encoder().encode


def record_of(lease: Lease, outcome: Outcome, queue: str) -> dict[str, object]:
    """The parameters of `insert_completed`; {} for a task that was not completed."""
    if outcome.kind is not OutcomeKind.COMPLETED or isinstance(lease.task, MalformedTask):
        return {}
    return {
        "b_queue": queue,
        "b_task_id": lease.task.task_id,
        "b_name": lease.rules.name if lease.rules is not None else "",
        "b_attempts": attempt_number(lease.delivery_count, lease.interruptions, 0),
        "b_elapsed_s": outcome.elapsed_s,
        "b_result": _result(outcome),
    }


def insert_completed(completed: sa.Table, dialect: Dialect) -> sa.Insert:
    """The statement that records completed tasks."""
    names = ("queue", "task_id", "name", "attempts", "elapsed_s", "result")
    values = {name: sa.bindparam(f"b_{name}", type_=completed.c[name].type) for name in names}
    return sa.insert(completed).values(completed_at=dialect.now, **values)


def _result(outcome: Outcome) -> str | None:
    if outcome.end is None:
        return None
    text = _encode(outcome.end.result)
    return text_of(text.decode()) if len(text) <= RESULT_BYTES_MAX else None

"""Records of completed tasks, kept where that is asked for."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from cloud_tasks.core.task import Json, Lease, Outcome
from cloud_tasks.queues.redis_streams.stamps import as_iso, ms_of_id

COMPLETED_MAX = 100_000
"""About so many records are kept of a queue; the oldest are dropped first."""
RESULT_BYTES_MAX = 65_536
"""A larger result is not kept."""


class CompletedTask(Struct, frozen=True, kw_only=True):
    """What is kept of a task that was completed.

    Attributes:
        task_id: The task.
        name: Its name; "" where it has none.
        queue: The queue that it came from.
        attempts: How often it had been handed out, without interruptions.
        elapsed_s: How long the last attempt took, in seconds.
        completed_at: When that was recorded, by the server's clock; ISO 8601, UTC.
        result: What it returned; None also where that was too large to be kept.
    """

    task_id: str
    name: str
    queue: str
    attempts: int
    elapsed_s: float
    completed_at: str = ""
    result: Json = None


class _Record(Struct, omit_defaults=True):
    task_id: str
    name: str
    attempts: int
    elapsed_s: float
    result: Raw = Raw(b"null")


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Record).decode


def record_of(lease: Lease, outcome: Outcome) -> str:
    """As JSON; the server knows the rest."""
    record = _Record(
        lease.task.task_id,
        lease.rules.name if lease.rules is not None else "",
        (lease.delivery_count or 1) - lease.interruptions,
        outcome.elapsed_s,
        _result_of(outcome),
    )
    return _encode(record).decode()


def completed_of(queue: str, entry_id: bytes, raw: bytes) -> CompletedTask:
    """As it was kept."""
    record = _decode(raw)
    return CompletedTask(
        task_id=record.task_id,
        name=record.name,
        queue=queue,
        attempts=record.attempts,
        elapsed_s=record.elapsed_s,
        completed_at=as_iso(ms_of_id(entry_id)),
        result=msgspec.json.decode(record.result),
    )


def _result_of(outcome: Outcome) -> Raw:
    result = outcome.end.result if outcome.end is not None else None
    raw = bytes(result) if isinstance(result, Raw) else _encode(result)
    return Raw(raw if len(raw) <= RESULT_BYTES_MAX else b"null")

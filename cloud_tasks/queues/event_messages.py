"""What a message of an event queue holds, and which messages must stay in order."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cloud_tasks.core.events import EventRecord


def order_of(record: EventRecord) -> str:
    """What must stay in order with it: events of the same task, or of the same machine."""
    whose: str = getattr(record.event, "task_id", record.hostname)
    return whose


def body_of(
    record: EventRecord, bytes_max: int, encode: Callable[[EventRecord], bytes] = EventRecord.encode
) -> bytes:
    """The record as it is sent: cut where it is too large, for it would hold up its task for ever."""
    body = encode(record)
    while len(body) > bytes_max:
        record = _without_largest_field(record)
        body = encode(record)
    return body


def _without_largest_field(record: EventRecord) -> EventRecord:
    sizes = {
        name: len(msgspec.json.encode(getattr(record.event, name))) for name in record.event.__struct_fields__
    }
    largest = max(sizes, key=sizes.__getitem__)
    note = f"left out: {sizes[largest]} bytes are more than a message can hold"
    return EventRecord(
        record.timestamp, record.hostname, msgspec.structs.replace(record.event, **{largest: note})
    )

"""Which machines were heard of, put together before it is stored."""

from __future__ import annotations

import sqlite3

from cloud_tasks.task_db.messages import Event, text, utc

_HEAR = (
    "INSERT INTO machines (hostname, instance_id, last_heard, terminated_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (hostname) DO UPDATE SET"
    " instance_id = coalesce(excluded.instance_id, instance_id),"
    " last_heard = max(coalesce(excluded.last_heard, last_heard), coalesce(last_heard, excluded.last_heard)),"
    " terminated_at = max(coalesce(excluded.terminated_at, terminated_at),"
    " coalesce(terminated_at, excluded.terminated_at))"
)


class Heard:
    """The machines of some events."""

    def __init__(self) -> None:
        self._machines: dict[str, list[str | None]] = {}

    def add(self, event: Event) -> None:
        """Hear of a machine, if the event names one."""
        name = text(event.get("hostname"))
        if name is None:
            return
        machine = self._machines.setdefault(name, [None, None, None])
        machine[0] = text(event.get("instance_id")) or machine[0]
        if (heard := utc(event.get("timestamp"))) is None:
            return
        machine[1] = max(machine[1] or heard, heard)
        if event["event_type"] == "spot_termination":
            machine[2] = max(machine[2] or heard, heard)

    def store(self, db: sqlite3.Connection) -> None:
        """Write it down."""
        db.executemany(_HEAR, [(name, *told) for name, told in self._machines.items()])

"""`cloud_tasks monitor_event_queue`: events into the database."""

from __future__ import annotations

from cloud_tasks.cli.call import Call, refused
from cloud_tasks.errors import Problem


def run(call: Call) -> int:
    """Refuse, until there is a monitor to run."""
    raise refused(Problem(f"this version cannot do {call.command.name}"))

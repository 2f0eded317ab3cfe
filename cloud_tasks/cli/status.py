"""`cloud_tasks status`: how a job is doing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from cloud_tasks.cli.backends import database_path
from cloud_tasks.cli.call import Call
from cloud_tasks.cli.chosen import chosen
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.cli.show_queue import depth_table
from cloud_tasks.compose.sources import in_thread
from cloud_tasks.diagnostics import visible
from cloud_tasks.errors import ConfigurationError, QueueUnavailableError
from cloud_tasks.task_db import JobFacts, read_facts


def run(call: Call) -> int:
    """Show depth, counts and machines."""
    database_path(call)
    return run_session(call, lambda session: _status(call, session))


async def _status(call: Call, session: Session) -> int:
    path = Path(database_path(call))
    facts = await in_thread(partial(read_facts, path))
    try:
        depths = await _depths(call, session)
    except (ConfigurationError, QueueUnavailableError):
        # The database tells how a job went that has no queues any more.
        if facts is not None:
            _show(call, path, {}, facts)
        raise
    _show(call, path, depths, facts)
    return 0


async def _depths(call: Call, session: Session) -> dict[str, dict[str, int]]:
    await session.backend.check(tasks=True, events=True, create=False)
    depths = {}
    for queue in chosen(call, session.settings):
        inspector = await session.backend.inspector(queue.which)
        depths[queue.name] = dict(await inspector.depth())
    return depths


def _show(call: Call, path: Path, depths: Mapping[str, Mapping[str, int]], facts: JobFacts | None) -> None:
    if call.json:
        call.print_json(_plain(depths, facts))
        return
    if depths:
        call.print(*depth_table(depths), "")
    call.print(*_words(path, facts))


def _plain(depths: Mapping[str, Mapping[str, int]], facts: JobFacts | None) -> dict[str, Any]:
    database = None if facts is None else msgspec.to_builtins(facts)
    return {"queues": depths, "database": database}


def _words(path: Path, facts: JobFacts | None) -> Iterator[str]:
    if facts is None:
        yield f"there is no database {path}: load_queue makes it, and monitor_event_queue fills it"
        return
    yield f"{sum(facts.statuses.values()):,} tasks in {path}"
    width = max(map(len, facts.statuses), default=0)
    for status, count in facts.statuses.items():
        yield f"  {status:<{width}}  {count:>9,}"
    if facts.being_sent:
        yield f"  {facts.being_sent:,} of the pending ones were being sent: `load_queue --continue` goes on"
    for machine in facts.machines:
        name = f"{machine.hostname} ({machine.instance_id})" if machine.instance_id else machine.hostname
        notice = f", termination notice at {machine.terminated_at}" if machine.terminated_at else ""
        yield f"machine {visible(name)}: last heard of at {machine.last_heard}{notice}"

"""`cloud_tasks purge_queue`: remove every message."""

from __future__ import annotations

from functools import partial

from cloud_tasks.cli.call import Call
from cloud_tasks.cli.chosen import chosen, counted, total
from cloud_tasks.cli.confirm import confirm
from cloud_tasks.cli.emptying import empty
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.sources import in_thread


def run(call: Call) -> int:
    """Ask, and then empty the queues that were chosen."""
    return run_session(call, lambda session: _purge(call, session))


async def _purge(call: Call, session: Session) -> int:
    queues = list(chosen(call, session.settings))
    which = {queue.which for queue in queues}
    await session.backend.check(tasks="tasks" in which, events="events" in which, create=False)
    inspectors = {queue: await session.backend.inspector(queue.which) for queue in queues}
    depths = {queue: total(await inspector.depth()) for queue, inspector in inspectors.items()}
    for queue, depth in depths.items():
        what = f"This removes {counted(depth)} from {queue.name}, for good."
        await in_thread(partial(confirm, call, f"EMPTY {queue.name}", what))
    left = {queue.name: await empty(inspector, SystemClock()) for queue, inspector in inspectors.items()}
    for queue, depth in depths.items():
        call.say(_told(queue.name, depth, left[queue.name]))
    if call.json:
        call.print_json({"purged": {queue.name: depth for queue, depth in depths.items()}, "left": left})
    return 1 if any(left.values()) else 0


def _told(name: str, depth: int, left: int) -> str:
    if left:
        return f"{name}: {counted(left)} still counted: does somebody send to it?"
    return f"emptied {name}: {counted(depth)} removed"

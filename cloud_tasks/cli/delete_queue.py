"""`cloud_tasks delete_queue`: delete the queues of a job."""

from __future__ import annotations

from functools import partial

from cloud_tasks.cli.call import Call
from cloud_tasks.cli.chosen import chosen
from cloud_tasks.cli.confirm import confirm
from cloud_tasks.cli.running import Session, run_session
from cloud_tasks.compose.sources import in_thread


def run(call: Call) -> int:
    """Ask, and then delete the queues that were chosen; one that is not there is no error."""
    return run_session(call, lambda session: _delete(call, session))


async def _delete(call: Call, session: Session) -> int:
    queues = list(chosen(call, session.settings))
    for queue in queues:
        what = f"This deletes the queue {queue.name} with everything in it, for good."
        await in_thread(partial(confirm, call, f"DELETE {queue.name}", what))
    for queue in queues:
        inspector = await session.backend.inspector(queue.which)
        await inspector.delete()
        call.say(f"there is no queue {queue.name} any more")
    if call.json:
        call.print_json({"deleted": [queue.name for queue in queues]})
    return 0

"""What a `Transport` has done on its loop."""

from __future__ import annotations

from uuid import uuid4

from cloud_tasks.core.task import Json, MalformedTask, Outcome, OutcomeKind, Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import QueueDriver


async def submit(driver: QueueDriver, queue: str, payload: dict[str, Json]) -> None:
    """Put a payload at the end of a queue."""
    await driver.sender(queue).send(Task(uuid4().hex, payload))


async def take(driver: QueueDriver, queue: str, lease_s: float) -> dict[str, Json] | None:
    """The first payload of a queue, taken out of it."""
    tasks = driver.tasks(queue, lease_s)
    try:
        while leases := await tasks.receive(1, tasks.capabilities.sure_wait_s):
            (lease,) = leases
            if isinstance(lease.task, MalformedTask):
                await tasks.dead_letter(lease, lease.task.reason)
                continue
            await tasks.ack(lease, Outcome(OutcomeKind.COMPLETED))
            return dict(lease.task.data)
        return None
    finally:
        await tasks.aclose()


async def has_task(driver: QueueDriver, queue: str) -> bool:
    """Whether there is something to take."""
    count = (await driver.inspector(queue).depth()).get("visible")
    if count is None:
        raise QueueUnavailableError(f"nobody can say whether there is something in the queue {queue!r}")
    return count > 0

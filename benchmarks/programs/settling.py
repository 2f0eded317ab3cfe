"""Measures the time from the end of each task's function to its settlement; prints milliseconds."""

import asyncio
import json
import sys
import time
from typing import Any

import msgspec

from cloud_tasks.core.task import Lease, Outcome, Task
from cloud_tasks.queues.local import LocalQueue
from cloud_tasks.worker import Worker, WorkerData


def stamp(task_id: str, task_data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
    """Return the time at which the function ends; all processes share that clock."""
    return False, {"ended_at": time.monotonic()}


class TimedQueue(LocalQueue):
    """A local source that notes when each task is settled."""

    def __init__(self, count: int) -> None:
        super().__init__(Task(f"task-{number}", {}) for number in range(count))
        self.delays_ms: list[float] = []

    async def ack(self, lease: Lease, outcome: Outcome) -> None:
        """Settle, and note how long after its end that is."""
        await super().ack(lease, outcome)
        result: Any = None if outcome.end is None else outcome.end.result
        ended_at = (
            json.loads(bytes(result))["ended_at"] if isinstance(result, msgspec.Raw) else result["ended_at"]
        )
        self.delays_ms.append((time.monotonic() - ended_at) * 1000)


if __name__ == "__main__":
    queue = TimedQueue(int(sys.argv[1]))
    asyncio.run(Worker(stamp, task_source=queue, args=sys.argv[2:]).start())
    print(json.dumps(queue.delays_ms))

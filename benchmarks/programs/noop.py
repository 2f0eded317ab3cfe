"""The worker that the benchmarks run: a function that does nothing, or as little as it is told."""

import os
import sys

from cloud_tasks.worker import Worker, WorkerData


def noop(task_id: str, task_data: dict[str, object], worker_data: WorkerData) -> tuple[bool, object]:
    """Return at once; a result of `size` characters if the task asks for one."""
    size = task_data.get("size")
    return False, "x" * size if isinstance(size, int) else None


async def noop_async(
    task_id: str, task_data: dict[str, object], worker_data: WorkerData
) -> tuple[bool, object]:
    """The same as a coroutine function."""
    return False, None


if __name__ == "__main__":
    function = noop_async if os.environ.get("NOOP_ASYNC") else noop
    sys.exit(Worker(function, args=sys.argv[1:]).run())

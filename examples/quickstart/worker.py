"""The smallest worker: a function, and three lines that run it for every task of a file."""

import sys

from cloud_tasks.worker import Worker, WorkerData


def greet(task_id: str, task_data: dict[str, str], worker_data: WorkerData) -> tuple[bool, str]:
    """Say hello; False means that there is nothing to try again."""
    return False, f"Hello, {task_data['name']}! ({task_id}, attempt {worker_data.attempt})"


if __name__ == "__main__":
    worker = Worker(greet, args=sys.argv[1:])
    sys.exit(worker.run())

"""The worker of the spot rehearsal: tasks that take as long as they are told."""

import sys
import time

from cloud_tasks.worker import Worker, WorkerData


def work(task_id: str, task_data: dict[str, float], worker_data: WorkerData) -> tuple[bool, str]:
    """Be busy for a while."""
    time.sleep(task_data["seconds"])
    return False, f"attempt {worker_data.attempt} was busy for {task_data['seconds']} s"


if __name__ == "__main__":
    sys.exit(Worker(work, args=sys.argv[1:]).run())

"""What `multiprocessing` does in the place of the process runner: a process per task, two at a time.

python benchmarks/floor_multiprocessing.py spawn|forkserver TASKS
"""

from __future__ import annotations

import sys
import time
from multiprocessing import get_context

from bench_tasks import no_op

from cloud_tasks.runners.worker_data import WorkerData

AT_A_TIME = 2


def main() -> None:
    """Print the number of tasks per second."""
    context = get_context("spawn") if sys.argv[1] == "spawn" else get_context("forkserver")
    context.set_forkserver_preload(["bench_tasks"])
    tasks = int(sys.argv[2])
    began = time.perf_counter()
    for _ in range(tasks // AT_A_TIME):
        pair = [
            context.Process(target=no_op, args=("task", {"x": 1}, WorkerData())) for _ in range(AT_A_TIME)
        ]
        for process in pair:
            process.start()
        for process in pair:
            process.join()
    print(tasks / (time.perf_counter() - began))


if __name__ == "__main__":
    main()

"""Our Conductor workers for the benchmark: `python -m benchmarks.programs.conductor_workers RUNNER`."""

from __future__ import annotations

import os
import sys
import tempfile

from benchmarks.peers import tally
from cloud_tasks.conductor import Configuration, Worker, WorkerHost


def noop(number: int) -> dict[str, int]:
    """Do nothing."""
    tally.ran(number)
    return {"number": number}


async def noop_on_loop(number: int) -> dict[str, int]:
    """Likewise."""
    return noop(number)


def main() -> None:
    """Work until killed."""
    runner, count = sys.argv[1], int(os.environ["BENCH_CONCURRENCY"])
    function = noop_on_loop if runner == "async" else noop
    worker = Worker("noop", function, thread_count=count, runner=runner)
    with tempfile.TemporaryDirectory() as directory:
        configuration = Configuration(server_api_url=os.environ["BENCH_CONDUCTOR_URL"], results_dir=directory)
        with WorkerHost([worker], configuration) as host:
            host.start_processes()


if __name__ == "__main__":
    main()

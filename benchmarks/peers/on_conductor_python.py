"""conductor-python: polls in batches; an update brings the next task. Threads, or coroutines on a loop."""

# Its package is in .venv-peers, where mypy does not look.
# It reads annotations as values, so they must not be text here.
# mypy: disable-error-code="import-not-found, import-untyped"

import logging
import os

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.worker.worker import Worker

from benchmarks.peers import tally


def noop(number: int) -> dict[str, int]:
    """Do nothing."""
    tally.ran(number)
    return {"number": number}


async def noop_on_loop(number: int) -> dict[str, int]:
    """Likewise."""
    return noop(number)


def work() -> None:
    """Its worker of plain functions."""
    _work(noop)


def work_on_loop() -> None:
    """Its worker of coroutine functions."""
    _work(noop_on_loop)


def _work(function: object) -> None:
    logging.disable(logging.INFO)  # it says something about each task
    worker = Worker("noop", function, thread_count=int(os.environ["BENCH_CONCURRENCY"]))
    configuration = Configuration(server_api_url=os.environ["BENCH_CONDUCTOR_URL"])
    with TaskHandler([worker], configuration, scan_for_annotated_workers=False) as handler:
        handler.start_processes()
        handler.join_processes()

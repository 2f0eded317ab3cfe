"""swift-conductor-client: polls for one task at a time, and sleeps for its interval after each."""

# Its package is in .venv-peers, where mypy does not look.
# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import os
from multiprocessing import set_start_method

from swift_conductor.automation.worker_host import WorkerHost
from swift_conductor.configuration import Configuration
from swift_conductor.worker.worker_impl import WorkerImpl

from benchmarks.peers import tally


def noop(task: object) -> dict[str, int]:
    """Do nothing."""
    number: int = task.input_data["number"]  # type: ignore[attr-defined] # a task of theirs
    tally.ran(number)
    return {"number": number}


def work() -> None:
    """Its worker, with the interval that it is given, in milliseconds; its own where none is."""
    set_start_method("fork")
    interval = os.environ.get("BENCH_INTERVAL_MS")
    worker = WorkerImpl("noop", noop, poll_interval=None if interval is None else float(interval))
    configuration = Configuration(server_api_url=os.environ["BENCH_CONDUCTOR_URL"])
    with WorkerHost([worker], configuration) as host:
        host.start_processes()
        host.join_processes()

"""What workers say of themselves, asked as the command asks them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cloud_tasks.compose.queue_workers_ask import Terms, ask_workers
from cloud_tasks.compose.queue_workers_lines import Lines, Words
from cloud_tasks.compose.queue_workers_table import Assignment
from cloud_tasks.errors import ConfigurationError, Place, Problem
from cloud_tasks.queue_workers.child import serve
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData

PLACE = Place("workers.yaml", 3, 5, "  foo: limited")
PRELOAD = ("cloud_tasks.workers", "cloud_tasks.queue_workers.command", "tests.queue_workers.wrong_app")


async def asked(worker: str, *queues: str) -> dict[str, Terms]:
    host = Host(Program(serve, WorkerData(), preload=PRELOAD), "forkserver")
    try:
        await host.open()
        assignments = {queue: Assignment(worker, PLACE) for queue in queues}
        return await ask_workers(host, assignments, 500, Words(Lines()))
    finally:
        await host.aclose()


async def problems(worker: str, *queues: str) -> Sequence[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        await asked(worker, *queues)
    return caught.value.problems


async def test_credentials_in_what_a_worker_raises_are_not_shown() -> None:
    (problem,) = await problems("talkative", "foo")
    assert "ConnectionError: nobody answers at postgresql://***@db.example/shop" in problem.message

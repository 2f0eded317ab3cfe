"""What workers say of themselves, asked as the command asks them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cloud_tasks.compose.queue_workers_ask import Terms, ask_workers
from cloud_tasks.compose.queue_workers_lines import Lines, Words
from cloud_tasks.compose.queue_workers_table import Assignment
from cloud_tasks.errors import ConfigurationError, Place, Problem
from cloud_tasks.queue_workers.child import serve
from cloud_tasks.queues.rate_limit import RateLimit
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData
from tests.queue_workers.wrong_app import RIGHT, WRONG

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


async def test_a_limit_with_wrong_values_is_told_with_its_place() -> None:
    found = await problems("limited", *WRONG)
    assert [problem.place for problem in found] == [PLACE] * len(WRONG)
    told = dict(zip(WRONG, (problem.message for problem in found), strict=True))
    for queue, message in told.items():
        assert "the worker `limited` cannot be made: ValueError: get_limiter() gives " in message, queue
    assert "gives max_calls = 0 (of type int), and it must be a whole number from 1 to" in told["no_call"]
    assert "period_s = 'x' (of type str), and it must be a number of seconds above 0" in told["text_period"]


async def test_a_limit_of_a_type_of_ones_own_is_taken() -> None:
    terms = await asked("limited", *RIGHT)
    found = {queue: one.limit for queue, one in terms.items()}
    half = RateLimit(3, 0.5)
    assert found == {"whole": RateLimit(3, 2.0), "fraction": half, "decimal": half}


async def test_credentials_in_what_a_worker_raises_are_not_shown() -> None:
    (problem,) = await problems("talkative", "foo")
    assert "ConnectionError: nobody answers at postgresql://***@db.example/shop" in problem.message


async def test_a_poll_interval_that_is_too_long_is_told() -> None:
    (problem,) = await problems("patient", "foo")
    assert "poll interval" in problem.message
    assert problem.place == PLACE
